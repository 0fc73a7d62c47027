"""Products: how ⊙ and the matrix product bind, and what stands beside what.

Where the text leaves the grouping open, the reading's; where only one grouping fits, that one.
"""

from __future__ import annotations

from typing import Any

from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.tensor import MisfitError, Tensor, tensor
from .dots import telescoped
from .frame import Frame


def product(m: Frame, node: s.Product) -> Tensor:
    signs = list(node.signs)
    items: list[Any] = []
    signs_kept: list[str] = []
    for n, factor in enumerate(node.factors):
        if isinstance(s.bare(factor), s.Dots):
            return bound_product(m, *telescoped(m, node, n))
        items.append(factor)
        if n:
            signs_kept.append(signs[n - 1])
    values = [m.of(x) for x in items]
    m.pair = len(values) == 2
    m.diagonals = {id(v) for v, x in zip(values, items, strict=True) if _is_diag(x)}
    return bound_product(m, values, signs_kept)


def bound_product(m: Frame, values: list[Tensor], signs: list[str]) -> Tensor:
    """The product under the reading's binding; where only one grouping fits, that one."""
    how = m.choice.binding
    plans = [how] if how != "strict" else ["strict", "left", "hadamard", "right"]
    error: MisfitError | None = None
    for plan in plans:
        try:
            return _grouped(m, values, signs, plan)
        except MisfitError as e:
            error = error or e
    assert error is not None
    raise error


def _grouped(m: Frame, values: list[Tensor], signs: list[str], plan: str) -> Tensor:
    values, signs = list(values), list(signs)
    if "commute" in m.choice.lenient:
        values, signs = _commuted(m, values, signs)
    if plan == "strict":
        values, signs = _fold(m, values, signs, lambda g: g != "⊙")
        values, signs = _fold(m, values, signs, lambda g: True)
    elif plan == "hadamard":
        values, signs = _fold(m, values, signs, lambda g: g == "⊙")
        values, signs = _fold(m, values, signs, lambda g: True)
    elif plan == "left":
        values, signs = _fold(m, values, signs, lambda g: True)
    else:
        while len(values) > 1:
            b, a = values.pop(), values.pop()
            values.append(times(m, a, b, signs.pop()))
    return values[0]


def _fold(m: Frame, values: list[Tensor], signs: list[str], now: Any) -> Any:
    out, kept = [values[0]], []
    for sign, x in zip(signs, values[1:], strict=True):
        if now(sign):
            out[-1] = times(m, out[-1], x, sign)
        else:
            out.append(x)
            kept.append(sign)
    return out, kept


def _commuted(m: Frame, values: list[Tensor], signs: list[str]) -> Any:
    """A trailing diag(s), or slope s, written behind the vector it scales."""
    out, kept = [values[0]], []
    for sign, x in zip(signs, values[1:], strict=True):
        before = out[-1]
        if id(x) in m.diagonals and before.rank == 1 and x.shape == before.shape * 2:
            m.used.add("commute")
            out[-1] = tn.chained(m.alg, x, before)
        else:
            out.append(x)
            kept.append(sign)
    return out, kept


def times(m: Frame, a: Tensor, b: Tensor, sign: str) -> Tensor:
    alg, lenient = m.alg, m.choice.lenient
    if not (a.rank and b.rank):
        return tn.scale(alg, a, b)
    if sign == "⊗":
        return tn.outer(alg, a, b)
    if sign == "⊙":
        if {a.rank, b.rank} == {1, 2} and "rows" in lenient:
            return _row_scaled(m, a, b)
        if a.rank == b.rank == 1 and a.left != b.left and a.shape == b.shape:
            raise MisfitError(f"cannot multiply {a.show_shape()} and {b.show_shape()} elementwise")
        return tn.hadamard(alg, a, b)
    vector, wide = (a, b) if a.rank == 1 else (b, a)
    if "tensor" in lenient and b.rank == 1 and a.rank <= 2 and m.wanted is not None:
        return _as_tensor(m, a, b)
    if "rows" in lenient and vector.rank == 1 and wide.rank == 2 and not vector.loose:
        if "columns" not in lenient or vector is b:
            return _row_scaled(m, a, b)
    fits = a.shape != b.shape or m.pair
    if "outer" in lenient and a.rank == b.rank == 1 and a.left == b.left and fits:
        m.used.add("outer")
        return tn.outer(alg, a, b)
    try:
        return tn.chained(alg, a, b)
    except MisfitError:
        if a.shape == b.shape and a.left == b.left:
            return tn.hadamard(alg, a, b)
        raise


def _as_tensor(m: Frame, a: Tensor, v: Tensor) -> Tensor:
    """A v as the tensor A_ik v_l: ∂h_i/∂W_kl = A_ik v_l."""
    like = m.wanted
    assert like is not None
    m.used.add("tensor")
    if a.rank == 1:
        a = tn.diag(m.alg, a)
    lifted = third_order(m, v, like)
    if like.left == 1:
        return tn.chained(m.alg, a, lifted)
    spec = "ab,bcd->acd"
    return tensor(m.alg.combine(spec, a.data, lifted.data), lifted.shape, lifted.left)


def third_order(m: Frame, v: Tensor, like: Tensor) -> Tensor:
    """A bare vector v as the third-order tensor δ_ik v_l of ∂(W v)/∂W."""
    if like.left == 1:
        n, width = like.shape[0], like.shape[2]
        spec = "ik,l->ikl"
    else:
        n, width = like.shape[2], like.shape[1]
        spec = "ki,l->kli"
    if v.shape != (width,):
        raise MisfitError("the vector does not fit the parameter")
    eye = tensor(m.alg.eye(n), (n, n), 1)
    return tensor(m.alg.combine(spec, eye.data, v.data), like.shape, like.left)


def _row_scaled(m: Frame, a: Tensor, b: Tensor) -> Tensor:
    """A vector beside a matrix scales its rows (its columns, for a row vector)."""
    vector, wide = (a, b) if a.rank == 1 else (b, a)
    if wide.rank != 2 or vector.rank != 1:
        raise MisfitError(f"cannot multiply {a.show_shape()} and {b.show_shape()} elementwise")
    axis = 0 if vector.left else 1
    if "columns" in m.choice.lenient:
        axis = 1 - axis
    if wide.shape[axis] != vector.shape[0]:
        raise MisfitError(f"cannot scale {wide.show_shape()} by {vector.show_shape()}")
    m.used.add("rows")
    spec = "a,ab->ab" if axis == 0 else "b,ab->ab"
    return tensor(m.alg.combine(spec, vector.data, wide.data), wide.shape, wide.left, wide.loose)


def _is_diag(node: s.Node) -> bool:
    inner = s.bare(node)
    return isinstance(inner, s.Apply) and inner.head.letter == "diag"
