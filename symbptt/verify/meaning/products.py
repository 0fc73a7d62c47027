"""Products: how ⊙ and the matrix product bind, and what stands beside what.

Where the text leaves the grouping open, the reading's; where only one grouping fits, that one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.tensor import MisfitError, Tensor, tensor
from .choice import NUMERATOR
from .derivatives import target
from .dots import telescoped
from .frame import Frame

Multiply = Callable[[Tensor, Tensor, str], Tensor]


def product(m: Frame, node: s.Product) -> Tensor:
    _probed(m, node)
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
    diagonals = {id(v) for v, x in zip(values, items, strict=True) if _is_diag(x)}
    return bound_product(m, values, signs_kept, diagonals)


def _probed(m: Frame, node: s.Product) -> None:
    """λ of λ · ∂u/∂v, a letter of no other meaning beside a Jacobian: any array like u."""
    factors = [s.bare(x) for x in node.factors]
    for letter, jacobian in (*pairwise(factors), *(p[::-1] for p in pairwise(factors))):
        if not isinstance(letter, s.Symbol) or letter.indices or letter.letter in m.probes:
            continue
        if isinstance(jacobian, s.Derivative) and jacobian.of is not None:
            if not m.quantities.means(m.naming.parts(letter)):
                (name, _), _, _ = target(m, jacobian.of)
                if name in m.model.table:
                    m.probes[m.naming.parts(letter).name] = name


def bound_product(
    m: Frame, values: list[Tensor], signs: list[str], diagonals: Collection[int] = ()
) -> Tensor:
    """The product under the reading's binding; where only one grouping fits, that one.

    `diagonals` are the ids of the factors that are written diag(…).
    """
    sorted_out = _outer_of(m, values, signs)
    if sorted_out is not None:
        return sorted_out
    multiply = partial(_times, m, len(values) == 2)
    if diagonals and m.settles("commute"):
        values, signs = _commuted(m, values, signs, diagonals)
    if len(values) < 3:
        return _grouped(values, signs, "left", multiply)
    mixed = len({sign == "⊙" for sign in signs}) > 1  # else only "right" is another grouping
    plans: tuple[str, ...] = ("left", "right")
    starred = not mixed and "*" in signs and len(set(signs)) > 1  # W . v * s
    if starred and m.settles("binding") == "hadamard":
        signs, mixed = ["⊙" if sign == "*" else sign for sign in signs], True
    if mixed:
        how = m.settles("binding")
        plans = ("strict", "left", "hadamard", "right") if how == "strict" else (how,)
    error: MisfitError | None = None
    for plan in plans:
        try:
            return _grouped(values, signs, plan, multiply)
        except MisfitError as e:
            error = error or e
            if not mixed and m.settles("binding") != "strict":
                break
    assert error is not None
    raise error


def _outer_of(m: Frame, values: list[Tensor], signs: list[str]) -> Tensor | None:
    """o (1 − o) x do as (o ⊙ (1 − o) ⊙ do) xᵀ: columns of two sizes, as the left side has them;
    of one size, the last is the row."""
    shapes = {x.shape for x in values if x.rank}
    wanted = {m.goal[:1], m.goal[1:]}
    turns = {x.left for x in values if x.rank}
    if len(m.goal) != 2 or shapes != wanted or len(turns) > 1 or not m.settles("outer"):
        return None
    between = zip(values, signs, values[1:], strict=False)
    if any(sign == "⊙" and a.shape != b.shape for a, sign, b in between if a.rank and b.rank):
        return None  # what is written as a product of entries is no outer one
    row = [x for x in values if x.shape == m.goal[1:]]
    if len(shapes) == 1:
        if len(values) < 3 or signs[-1] == "⊙" or values[-1].rank != 1:
            return None
        row = values[-1:]
    sides: list[Tensor] = []
    for mine in ([x for x in values if all(x is not y for y in row)], row):
        side = mine[0]
        for x in mine[1:]:
            side = tn.hadamard(m.alg, side, x)
        sides.append(side)
    m.used.add("outer")
    return tn.outer(m.alg, *sides)


def _grouped(values: list[Tensor], signs: list[str], plan: str, multiply: Multiply) -> Tensor:
    if plan == "strict":
        values, signs = _fold(values, signs, lambda g: g != "⊙", multiply)
    elif plan == "hadamard":
        values, signs = _fold(values, signs, lambda g: g == "⊙", multiply)
    elif plan == "right":
        out = values[-1]
        for a, sign in zip(values[-2::-1], signs[::-1], strict=True):
            out = multiply(a, out, sign)
        return out
    return _fold(values, signs, lambda g: True, multiply)[0][0]


def _fold(
    values: list[Tensor], signs: list[str], now: Callable[[str], bool], multiply: Multiply
) -> tuple[list[Tensor], list[str]]:
    out, kept = [values[0]], []
    for sign, x in zip(signs, values[1:], strict=True):
        if now(sign):
            out[-1] = multiply(out[-1], x, sign)
        else:
            out.append(x)
            kept.append(sign)
    return out, kept


def _commuted(
    m: Frame, values: list[Tensor], signs: list[str], diagonals: Collection[int]
) -> tuple[list[Tensor], list[str]]:
    """A trailing diag(s), or slope s, written behind the vector it scales."""
    out, kept = [values[0]], []
    for sign, x in zip(signs, values[1:], strict=True):
        before = out[-1]
        if id(x) in diagonals and before.rank == 1 and x.shape == before.shape * 2:
            m.used.add("commute")
            out[-1] = tn.chained(m.alg, x, before)
        else:
            out.append(x)
            kept.append(sign)
    return out, kept


def _times(m: Frame, pair: bool, a: Tensor, b: Tensor, sign: str) -> Tensor:
    alg = m.alg
    if not (a.rank and b.rank):
        return tn.scale(alg, a, b)
    if sign == "⊗":
        return tn.outer(alg, a, b)
    if sign == "·" and (pulled := tn.pull(alg, a, b)) is not None:
        return pulled
    if a.pulled is not None and b.pulled is not None and sign != "⊙":
        keeps = b if m.settles("layout") == NUMERATOR else a
        return replace(tn.chained(alg, a, b), pulled=keeps.pulled)
    if sign == "⊙":
        if {a.rank, b.rank} == {1, 2} and m.settles("rows"):
            return _row_scaled(m, a, b)
        if a.rank == b.rank == 1 and a.left != b.left and a.shape == b.shape:
            raise tn.apart(a, b)
        return tn.hadamard(alg, a, b)
    vector, wide = (a, b) if a.rank == 1 else (b, a)
    if b.rank == 1 and a.rank <= 2 and m.wanted is not None and m.settles("tensor"):
        return _as_tensor(m, a, b)
    if vector.rank == 1 and wide.rank == 2 and not vector.loose and m.settles("rows"):
        if vector is b or not m.settles("columns"):
            return _row_scaled(m, a, b)
    aligned = a.rank == b.rank == 1 and a.left == b.left
    if aligned and sign != "@" and (a.shape != b.shape or pair) and m.settles("outer"):
        m.used.add("outer")
        return tn.outer(alg, a, b)
    try:
        return tn.chained(alg, a, b)
    except MisfitError:
        column = sign == "*" and a.rank == b.rank == 2 and 1 in (*a.shape, *b.shape)
        if (a.shape == b.shape or column) and a.left == b.left:
            if a.rank == 1 and not a.left and sign == "":
                m.used.add("entrywise")
            return tn.hadamard(alg, a, b)  # m * x, where m is a column: as NumPy spreads it
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
        raise tn.apart(a, b)
    axis = 0 if vector.left else 1
    if m.settles("columns"):
        axis = 1 - axis
    if wide.shape[axis] != vector.shape[0]:
        why = f"cannot scale {wide.show_shape()} by {vector.show_shape()}"
        raise MisfitError(why, (vector, wide, "⊙"))
    m.used.add("rows")
    spec = "a,ab->ab" if axis == 0 else "b,ab->ab"
    return tensor(m.alg.combine(spec, vector.data, wide.data), wide.shape, wide.left, wide.loose)


def _is_diag(node: s.Node) -> bool:
    inner = s.bare(node)
    return isinstance(inner, s.Apply) and inner.head.letter == "diag"
