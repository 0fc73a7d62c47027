"""The functions of the language that are not elementwise: sums, losses, one-hot rows.

sum(x, axis=0)   mean(x)   softmax(o)   outer(u, v)   diag(v)   eye(H)   ones(N, H)   zeros(N, H)
onehot(y)   column(v)   sqrt(x)   squared_error(o, y)   cross_entropy(o, y)
binary_cross_entropy(o, y)

and for several names at once  i[t], f[t], o[t], g[t] = split(a[t], 4)
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import sympy

from .. import matrix as mx
from ..errors import ParseError, ShapeError, SymbpttError
from ..matrix.build import show_shape
from .numbers import raised

if TYPE_CHECKING:
    from .elaborate import Elaborator

Node = mx.Node
Nodes = list[Node]
Keywords = list[Any]
Builder = Callable[[Any, Nodes, Keywords], Node]


def call(e: Elaborator, name: str, items: list[Any]) -> Node:
    """The call of a function of this table; only sum and mean take keywords."""
    given = [i for i in items if getattr(i, "data", "") != "keyword"]
    keywords = [i.children for i in items if getattr(i, "data", "") == "keyword"]
    if name not in ("sum", "mean"):
        refuse_keywords(e, name, items)
    return CALLS[name](e, [e.expression(i) for i in given], keywords)


def refuse_keywords(e: Elaborator, name: str, items: list[Any]) -> None:
    for item in items:
        if getattr(item, "data", "") == "keyword":
            word = item.children[0]
            raise ParseError(
                f"{name} takes no keyword {str(word)!r}",
                f"{name}(…) without it; sum and mean take axis and keepdims",
                e.locate(word),
            )


def count(name: str, nodes: Nodes, n: int) -> None:
    if len(nodes) != n:
        were = f"{len(nodes)} {'is' if len(nodes) == 1 else 'are'} given"
        arguments = ", ".join("xyzuvw"[i % 6] for i in range(n))
        raise ParseError(
            f"{name} takes {n} argument{'s' * (n != 1)}, {were}", f"{name}({arguments})"
        )


def _sum(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
    count("sum", nodes, 1)
    axes, keepdims = _axes(e, keywords)
    x = nodes[0]
    if any(not -x.rank <= a < x.rank for a in axes):
        last = f"0 to {x.rank - 1}" if x.rank else "none: it is a scalar"
        raise ShapeError(f"shape {show_shape(x.shape)} has no axis {axes[0]}", f"axes {last}")
    return mx.sum_axes(x, tuple(axes) or None, keepdims)


def _mean(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
    count("mean", nodes, 1)
    x, (axes, _) = nodes[0], _axes(e, keywords)
    total = _sum(e, nodes, keywords)
    summed = {a % x.rank for a in axes} if axes else range(x.rank)
    return mx.times(1 / sympy.prod([x.shape[a] for a in summed]), total)


def _axes(e: Elaborator, keywords: Keywords) -> tuple[list[int], bool]:
    axes, keepdims = [], False
    for word, tree in keywords:
        value = e.scalar(tree)
        if str(word) == "axis" and value.is_Integer:
            axes.append(int(value))
        elif str(word) == "keepdims" and value in (0, 1):
            keepdims = bool(value)
        else:
            raise ParseError(f"cannot read the keyword {word!s}={value}", "axis=0, keepdims=1").at(
                e.locate(word)
            )
    return axes, keepdims


def _fixed(name: str, n: int, build: Callable[..., Node]) -> Builder:
    def run(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
        count(name, nodes, n)
        return build(*nodes)

    return run


def _softmax(x: Node) -> Node:
    if not x.shape:
        raise ShapeError(
            "softmax takes a vector or the rows of a matrix, not a scalar",
            "sigmoid(x) for a single number",
        )
    return mx.Softmax(x)


def _loss(name: str, build: Callable[..., Node]) -> Builder:
    def run(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
        count(name, nodes, 2)
        return build(nodes[0], target(e, nodes[1]))

    return run


def _binary_cross_entropy(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
    """Σ_c softplus(o_c) − y_c o_c: −y log σ(o) − (1 − y) log(1 − σ(o)), with no overflow."""
    count("binary_cross_entropy", nodes, 2)
    o, y = nodes
    if o.shape != y.shape:
        raise ShapeError(
            f"a loss compares a prediction and a target of one shape, not "
            f"{show_shape(o.shape)} and {show_shape(y.shape)}",
            "a target of 0s and 1s, or of probabilities: `target y[t] : N, C`",
        )
    if target(e, y) != y:
        raise ParseError("binary_cross_entropy takes numbers, not a class index", "cross_entropy")
    each = mx.plus(mx.Apply(mx.builtin("softplus"), o), mx.times(-1, y, o))
    return mx.sum_axes(each, (-1,)) if o.shape else each


def _sqrt(x: Node) -> Node:
    return raised(x, sympy.Rational(1, 2))


def target(e: Elaborator, y: Node) -> Node:
    """An index target stands for its one-hot rows."""
    d = e.scope.declarations.get(y.name) if isinstance(y, mx.Var) else None
    return mx.onehot(y, d.classes) if d is not None and d.classes is not None else y


def _onehot(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
    count("onehot", nodes, 1)
    rows = target(e, nodes[0])
    if not isinstance(rows, mx.OneHot):
        raise ParseError(
            f"onehot takes a class index, and {nodes[0]} is not one", "target y[t] : N in C"
        )
    return rows


def _indicator(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
    """The bold 1 of LaTeX: ones for sizes, one-hot rows for a class index."""
    sizes = nodes and all(isinstance(n, mx.Scalar) for n in nodes)
    return (_ones if sizes else _onehot)(e, nodes, keywords)


def _column(x: Node) -> Node:
    """x[:, None]: one number per row, spread over the row."""
    return mx.Expand(x, (*x.shape, 1))


def _size(name: str, x: Node) -> Any:
    if not isinstance(x, mx.Scalar) or not (x.value.is_integer and x.value.is_positive):
        raise ParseError(f"{name} takes sizes, and {x} is not one", f"{name}(H)")
    return x.value


def _eye(x: Node) -> Node:
    return mx.Eye(_size("eye", x))


def _filled(name: str, number: int) -> Builder:
    """An array of one number: ones(N, H), zeros(N, H)."""

    def build(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
        if not nodes:
            count(name, nodes, 1)
        return mx.broadcast(mx.Scalar(number), tuple(_size(name, x) for x in nodes))

    return build


_ones = _filled("ones", 1)


def blocks(e: Elaborator, names: list[str], right: Any) -> list[Node]:
    """split(a[t], n): n blocks of columns of one width, one for each name on the left."""
    parts = getattr(right, "children", None) or [right]
    try:
        if getattr(right, "data", "") != "call" or str(parts[0]) != "split":
            raise ParseError(
                "several names on the left take the blocks of one array", _split_of("a[t]", names)
            ).at(e.locate(right))
        items = parts[1].children if parts[1] else []
        refuse_keywords(e, "split", items)
        nodes = [e.expression(i) for i in items]
        count("split", nodes, 2)
        return _blocks(names, *nodes)
    except SymbpttError as error:
        raise error.at(e.locate(parts[0])) from None


def _blocks(names: list[str], x: Node, number: Node) -> list[Node]:
    n = len(names)
    if not isinstance(x, mx.Var):
        raise ParseError("split takes an array that has a name", _split_of("a[t]", names))
    if number != mx.Scalar(n):
        raise ParseError(f"{n} names are on the left, and {number} blocks", _split_of(x, names))
    if not x.shape:
        raise ShapeError(f"{x} is a scalar and has no blocks", f"{x} with an axis to split")
    width = sympy.expand(x.shape[-1] / n)
    if not all(c.is_Integer for c in width.as_coefficients_dict().values()):
        raise ShapeError(
            f"the last axis of {x} is {x.shape[-1]} and has no {n} equal parts",
            f"an axis of {n} times a size, as in {n}*H",
        )
    ends = [sympy.expand(k * width) for k in range(n + 1)]
    return [mx.block(x, *pair) for pair in pairwise(ends)]


def _split_of(x: Any, names: list[str]) -> str:
    return f"{', '.join(names)} = split({x}, {len(names)})"


def _split(e: Elaborator, nodes: Nodes, keywords: Keywords) -> Node:
    raise ParseError("split gives several blocks, each with a name", "i[t], f[t] = split(a[t], 2)")


CALLS: dict[str, Builder] = {
    "softmax": _fixed("softmax", 1, _softmax),
    "outer": _fixed("outer", 2, mx.outer),
    "diag": _fixed("diag", 1, mx.diag),
    "eye": _fixed("eye", 1, _eye),
    "ones": _ones,
    "zeros": _filled("zeros", 0),
    "sum": _sum,
    "mean": _mean,
    "cross_entropy": _loss("cross_entropy", mx.cross_entropy),
    "squared_error": _loss("squared_error", mx.squared_error),
    "binary_cross_entropy": _binary_cross_entropy,
    "sqrt": _fixed("sqrt", 1, _sqrt),
    "onehot": _indicator,
    "column": _fixed("column", 1, _column),
    "split": _split,
}
