"""Constructors: check shapes symbolically, broadcast by NumPy's rule, drop zeros and ones.

They simplify only what no reader would write (0 + x, 1·x, xᵀᵀ); everything else keeps the
author's form, and `indices` alone decides equality.
"""

from __future__ import annotations

from numbers import Number
from typing import Any

from sympy import Basic, Integer, expand, sympify

from ..errors import ShapeError, kind
from . import nodes as n
from .nodes import Node, Scalar, Shape


def as_node(x: Any) -> Node:
    """An expression, or a number as one; a text is never read here."""
    if isinstance(x, Node):
        return x
    if not isinstance(x, Basic | Number):
        raise ShapeError(
            f"an expression or a number is expected, not {kind(x)}",
            "expression('W @ h[t-1]', model) of symbptt.parse",
        )
    return Scalar(sympify(x))


def zeros(shape: Shape) -> Node:
    return broadcast(Scalar(0), shape)


def at_least(a: Any, b: Any) -> bool:
    """Whether a ≥ b for every choice of sizes, each at least 1; False where that depends."""
    terms = expand(a - b).as_coefficients_dict()
    counts = [c for term, c in terms.items() if term != 1]
    return all(c >= 0 for c in counts) and int(sum(terms.values())) >= 0


def is_zero(x: Node) -> bool:
    return x == Scalar(0) or (isinstance(x, n.Broadcast) and is_zero(x.args[0]))


def plus(*terms: Any) -> Node:
    """The sum of the terms, broadcast to one shape."""
    nodes = _flat(n.Plus, terms)
    shape = broadcast_shape(nodes, "+")
    kept = _side_by_side([x for x in nodes if not is_zero(x)])
    if not kept:
        return zeros(shape)
    kept = _fit(kept, shape)
    if len(kept) == 1:
        return broadcast(kept[0], shape)
    if shape and all(isinstance(x, Scalar) for x in kept):
        return broadcast(plus(*kept), shape)
    if all(isinstance(x, Scalar) for x in kept):
        return Scalar(sum(x.value for x in kept))
    return n.Plus(*kept)


def times(*factors: Any) -> Node:
    """The elementwise product, broadcast to one shape; numbers are gathered in front."""
    nodes = _flat(n.Times, factors)
    shape = broadcast_shape(nodes, "*")
    if any(is_zero(x) for x in nodes):
        return zeros(shape)
    coefficient = Integer(1)
    rest = []
    for x in nodes:
        bare = x.args[0] if isinstance(x, n.Broadcast) else x
        if isinstance(bare, Scalar):
            coefficient = coefficient * bare.value
        else:
            rest.append(x)
    if not rest:
        return broadcast(Scalar(coefficient), shape)
    rest = _fit(rest, shape)
    if coefficient != 1:
        rest.insert(0, Scalar(coefficient))
    return rest[0] if len(rest) == 1 else n.Times(*rest)


def _flat(cls: type, items: tuple[Any, ...]) -> list[Node]:
    out: list[Node] = []
    for x in map(as_node, items):
        out.extend(x.args if isinstance(x, cls) else (x,))
    return out


def _fit(nodes: list[Node], shape: Shape) -> list[Node]:
    return [x if isinstance(x, Scalar) else broadcast(x, shape) for x in nodes]


def broadcast_shape(nodes: list[Node], op: str) -> Shape:
    """NumPy's broadcast shape, or a ShapeError that names the two shapes that clash."""
    shape: Shape = ()
    for x in nodes:
        short, long = sorted((shape, x.shape), key=len)
        out = list(long)
        for i in range(1, len(short) + 1):
            if long[-i] == 1:
                out[-i] = short[-i]
            elif short[-i] != 1 and short[-i] != long[-i]:
                raise ShapeError(
                    f"cannot combine shapes {show_shape(shape)} and {show_shape(x.shape)} with "
                    f"{op!r}: sizes {long[-i]} and {short[-i]} differ",
                    "operands whose trailing sizes agree, as in NumPy (a transpose .T, a "
                    "matrix product @, or column(v) for one number per row, may be missing)",
                )
        shape = tuple(out)
    return shape


def show_shape(shape: Shape) -> str:
    return "(" + ", ".join(map(str, shape)) + ("," if len(shape) == 1 else "") + ")"


def broadcast(x: Node, shape: Shape) -> Node:
    shape = tuple(sympify(s) for s in shape)
    if x.shape == shape:
        return x
    if isinstance(x, n.Broadcast) and not x.args[0].shape:
        x = x.args[0]
    if isinstance(x, n.Times) and isinstance(x.args[0], Scalar):  # numbers stay in front
        return times(x.args[0], broadcast(times(*x.args[1:]), shape))
    return n.Broadcast(x, shape)


def power(x: Any, exponent: Any) -> Node:
    x, exponent = as_node(x), sympify(exponent)
    if not exponent.is_Rational:
        raise ShapeError(f"the exponent {exponent} is not a number", "x**2, x**-1 or x**(1/2)")
    if exponent == 1:
        return x
    if isinstance(x, n.Power) and exponent.is_Integer:  # (√x)⁻¹ is x^(-1/2)
        return power(x.args[0], x.args[1] * exponent)
    return Scalar(x.value**exponent) if isinstance(x, Scalar) else n.Power(x, exponent)


def matmul(a: Any, b: Any) -> Node:
    """a @ b for one- and two-index arrays."""
    a, b = as_node(a), as_node(b)
    if not (1 <= a.rank <= 2 and 1 <= b.rank <= 2):
        raise ShapeError(
            f"'@' takes vectors and matrices, not shapes {show_shape(a.shape)} and "
            f"{show_shape(b.shape)}",
            "* for a product with a scalar",
        )
    if a.shape[-1] != b.shape[0]:
        raise ShapeError(
            f"cannot multiply shapes {show_shape(a.shape)} @ {show_shape(b.shape)}: "
            f"inner sizes {a.shape[-1]} and {b.shape[0]} differ",
            _matmul_advice(a, b),
        )
    if isinstance(a, n.Eye) or isinstance(b, n.Eye):
        return b if isinstance(a, n.Eye) else a
    return n.MatMul(a, b)


def _matmul_advice(a: Node, b: Node) -> str:
    if b.shape[-1] == a.shape[-1] and b.rank == 2:
        return "the transpose of the right operand, B.T"
    if a.shape[0] == b.shape[0] and a.rank == 2:
        return "the transpose of the left operand, A.T"
    if a.rank == 2 and b.rank == 2 and b.shape[1] == a.shape[0]:
        return "the operands in the other order, B @ A"
    return "operands whose inner sizes agree"


def transpose(a: Any) -> Node:
    a = as_node(a)
    if a.rank > 2:
        raise ShapeError(f".T takes at most two indices, not {show_shape(a.shape)}")
    if a.rank < 2 or isinstance(a, n.Diag | n.Eye):
        return a
    return a.args[0] if isinstance(a, n.Transpose) else n.Transpose(a)


def outer(u: Any, v: Any) -> Node:
    u, v = as_node(u), as_node(v)
    if u.rank != 1 or v.rank != 1:
        raise ShapeError(
            f"outer takes two vectors, not shapes {show_shape(u.shape)} and {show_shape(v.shape)}",
            "u.T @ v for two matrices",
        )
    return n.Outer(u, v)


def diag(v: Any) -> Node:
    v = as_node(v)
    if v.rank != 1:
        raise ShapeError(f"diag takes a vector, not shape {show_shape(v.shape)}")
    return n.Diag(v)


def concat(*parts: Any) -> Node:
    """[a, b, …] along the last axis; the other axes agree."""
    nodes: list[Node] = []
    for x in map(as_node, parts):
        nodes.extend(x.args if isinstance(x, n.Concat) else (x,))
    if not nodes or any(not x.shape or x.shape[:-1] != nodes[0].shape[:-1] for x in nodes):
        shapes = ", ".join(show_shape(x.shape) for x in nodes)
        raise ShapeError(
            f"cannot set shapes {shapes} side by side",
            "arrays that differ in their last size only, as in [h[t-1], x[t]]",
        )
    whole = n.Concat(*nodes)
    if all(map(is_zero, nodes)):
        return zeros(whole.shape)
    return nodes[0] if len(nodes) == 1 else whole


def block(x: Any, lo: Any, hi: Any) -> Node:
    """x[..., lo:hi]: 0 ≤ lo < hi ≤ the last size, for every choice of sizes."""
    x, lo, hi = as_node(x), sympify(lo), sympify(hi)
    if not x.shape:
        raise ShapeError("a scalar has no columns to take a block of")
    if not (at_least(lo, 0) and at_least(hi, lo + 1) and at_least(x.shape[-1], hi)):
        raise ShapeError(
            f"{lo}:{hi} is no block of the {x.shape[-1]} entries of the last axis",
            f"0:{x.shape[-1]} or a part of it, in terms of declared sizes",
        )
    if (lo, hi) == (0, x.shape[-1]):
        return x
    if is_zero(x):
        return zeros((*x.shape[:-1], expand(hi - lo)))
    if isinstance(x, n.Block):
        return block(x.args[0], expand(x.args[1] + lo), expand(x.args[1] + hi))
    if isinstance(x, n.Concat):
        for start, end, part in x.pieces:
            if at_least(lo, start) and at_least(end, hi):
                return block(part, expand(lo - start), expand(hi - start))
    return n.Block(x, lo, hi)


def _side_by_side(terms: list[Node]) -> list[Node]:
    """[a, 0] + [0, b] = [a, b], for blocks that lie apart."""
    out: list[Node] = []
    for x in terms:
        if isinstance(x, n.Concat):
            for i, y in enumerate(out):
                joined = _joined(y, x) if isinstance(y, n.Concat) and y.shape == x.shape else None
                if joined is not None:
                    out[i] = joined
                    break
            else:
                out.append(x)
        else:
            out.append(x)
    return out


def _joined(x: n.Concat, y: n.Concat) -> Node | None:
    full = [[p for p in z.pieces if not is_zero(p[2])] for z in (x, y)]
    if any(not (at_least(a[0], b[1]) or at_least(b[0], a[1])) for a in full[0] for b in full[1]):
        return None
    pieces: list[tuple[Any, Any, Node]] = []
    for piece in (*full[0], *full[1]):
        before = sum(at_least(piece[0], p[1]) for p in pieces)
        pieces.insert(before, piece)
    return _padded(pieces, x.shape)


def _padded(pieces: list[tuple[Any, Any, Node]], shape: Shape) -> Node:
    """The pieces at their places along the last axis, and zeros between them."""
    parts, end = [], Integer(0)
    for lo, hi, part in [*pieces, (shape[-1], shape[-1], None)]:
        if lo != end:
            parts.append(zeros((*shape[:-1], expand(lo - end))))
        if part is not None:
            parts.append(part)
        end = hi
    return concat(*parts)


def pad(x: Node, lo: Any, hi: Any, size: Any) -> Node:
    """x at lo:hi of `size` columns, zeros elsewhere."""
    return _padded([(lo, hi, x)], (*x.shape[:-1], size))


def sum_axes(x: Any, axes: tuple[int, ...] | None = None, keepdims: bool = False) -> Node:
    """The sum over `axes` (all if None, negative ones count from the end)."""
    x = as_node(x)
    if axes is None:
        axes = tuple(range(x.rank))
    bad = [a for a in axes if not -x.rank <= a < x.rank]
    if bad:
        raise ShapeError(f"axis {bad[0]} does not exist in shape {show_shape(x.shape)}")
    axes = tuple(sorted({a % x.rank for a in axes}))
    return n.Reduce(x, axes, keepdims) if axes else x


def onehot(y: Any, classes: Any) -> Node:
    return n.OneHot(y, classes)


def squared_error(o: Any, y: Any) -> Node:
    return _loss(n.SquaredError, o, y)


def cross_entropy(o: Any, y: Any) -> Node:
    return _loss(n.CrossEntropy, o, y)


def _loss(cls: type, o: Any, y: Any) -> Node:
    o, y = as_node(o), as_node(y)
    if not o.shape or o.shape != y.shape:
        raise ShapeError(
            f"a loss compares a prediction and a target of one shape, not "
            f"{show_shape(o.shape)} and {show_shape(y.shape)}",
            "a target declared as `target y[t] : N, C`, or `target y[t] : N in C` for class "
            "indices",
        )
    return cls(o, y)


def derivative(of: n.Var, wrt: n.Var, *, total: bool) -> n.Deriv:
    return n.Deriv(of, wrt, total)


def contract(a: Any, b: Any, count: int) -> Node:
    """Σ over the last `count` axes of a against the first `count` axes of b."""
    a, b = as_node(a), as_node(b)
    left = a.shape[a.rank - count :]
    if count > min(a.rank, b.rank) or left != b.shape[:count]:
        raise ShapeError(
            f"cannot contract {count} axes of {show_shape(a.shape)} with {show_shape(b.shape)}"
        )
    return n.Contract(a, b, count) if count else times(a, b)


def time_sum(body: Any, k: Any, lo: Any, hi: Any) -> Node:
    return n.TimeSum(as_node(body), k, lo, hi)
