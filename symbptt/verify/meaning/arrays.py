"""Arrays as NumPy writes them: sizes, constants, blocks, parts side by side, sums over an axis.

ones(N, 3 H)   I_H   [u, v]   (δ Wᵀ)[:, H:2 H]   sum(δ, axis=0)   column(m)   U[:, x_t]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.tensor import MisfitError, Tensor, tensor
from .choice import UnknownError
from .entries import pick, runs_over, too_many, value
from .frame import Frame


def size_of(m: Frame, node: s.Node) -> Any:
    """A size as SymPy: 3 H, H + K, 4."""
    node = s.bare(node)
    if isinstance(node, s.Number) and node.text.isdigit():
        return sympy.Integer(node.text)
    if isinstance(node, s.Symbol) and is_size(m, node):
        return mx.size(node.letter)
    if isinstance(node, s.Product):
        return sympy.Mul(*(size_of(m, x) for x in node.factors))
    if isinstance(node, s.Sum):
        signs = (-1 if g == "-" else 1 for g in node.signs)
        return sympy.Add(*(g * size_of(m, x) for g, x in zip(signs, node.terms, strict=True)))
    raise UnknownError("[…]", "this is no size")


def stated_sizes(m: Frame, items: Sequence[s.Node]) -> list[Any]:
    """The sizes of N × 3 H, or of N, 3 H."""
    out: list[Any] = []
    for x in map(s.bare, items):
        if not isinstance(x, s.Product):
            out.append(size_of(m, x))
            continue
        ends = [n for n, sign in enumerate(x.signs, 1) if sign == "×"]
        for a, b in pairwise((0, *ends, len(x.factors))):
            out.append(sympy.Mul(*(size_of(m, f) for f in x.factors[a:b])))
    return out


def is_size(m: Frame, node: s.Node) -> bool:
    return isinstance(node, s.Symbol) and not node.indices and node.letter in m.model.sizes


def is_shape(m: Frame, node: s.Node) -> bool:
    """Whether the letters of a subscript are sizes, all of them: 1_{N × H}."""
    found = list(s.symbols(node))
    return bool(found) and all(is_size(m, x) for x in found)


def full(m: Frame, value: Any, shape: Sequence[Any]) -> Tensor:
    """One number everywhere; a vector of them stands either way."""
    sizes = tuple(m.alg.size(n) for n in shape)
    data = m.alg.fill(m.alg.number(value).data, sizes)
    return tensor(data, sizes, min(1, len(sizes)), True)


def identity(m: Frame, n: Any) -> Tensor:
    size = m.alg.size(n)
    return tensor(m.alg.eye(size), (size, size), 1)


def ones_of(m: Frame, node: s.Symbol) -> Tensor:
    """The array of ones of a stated shape, a bold 1 with sizes below it."""
    shape = []
    for i in node.sub:
        if i.terms is None or not {n for n, _ in i.terms} <= set(m.model.sizes):
            raise UnknownError("1", f"{i.text} is no size of the model")
        shape.append(sympy.Add(i.shift, *(c * mx.size(n) for n, c in i.terms)))
    return full(m, 1, shape)


def beside(m: Frame, items: list[Tensor]) -> Tensor:
    """[a, b]: the parts one after another along the last axis."""
    first = items[0]
    for x in items:
        if not x.rank or x.shape[:-1] != first.shape[:-1]:
            shapes = ", ".join(y.show_shape() for y in items)
            raise MisfitError(f"cannot set {shapes} side by side")
    turns = {x.left for x in items if not x.loose} or {first.left}
    if len(turns) > 1:
        raise MisfitError("cannot set a row and a column side by side")
    shape = (*first.shape[:-1], sum(x.shape[-1] for x in items))
    data = m.alg.beside([x.data for x in items], [x.shape[-1] for x in items])
    return tensor(data, shape, turns.pop(), all(x.loose for x in items))


def part(m: Frame, x: Tensor, items: Sequence[s.Node]) -> Tensor:
    """x[:, H:2 H], x[n, :], U[:, x_t]: each axis whole, a block of it, or one of its entries."""
    if len(items) != x.rank:
        raise too_many(len(items), x)
    for axis in reversed(range(len(items))):
        item = s.bare(items[axis])
        if isinstance(item, s.Everything):
            continue
        if isinstance(item, s.Relation) and item.relation == ":":
            lo, hi = size_of(m, item.left), size_of(m, item.right)
            x = _block(m, x, axis, lo, hi)
        elif isinstance(item, s.Symbol) and not item.indices and not item.marks:
            runs_over(m, item.letter, x.shape[axis])
            x = pick(m, x, axis, item.letter)
        else:
            x = _column(m, x, axis, item)
    return x


def _block(m: Frame, x: Tensor, axis: int, lo: Any, hi: Any) -> Tensor:
    if axis != x.rank - 1:
        raise UnknownError("[…]", "a block of rows")
    if m.system.stack is not None and x.shape[axis] == m.alg.size(mx.size("Z")):
        return _of_stack(m, x, lo, hi)
    first, size = m.alg.size(lo) if lo != 0 else 0, m.alg.size(sympy.expand(hi - lo))
    if m.numbers and first + size > x.shape[axis]:
        raise MisfitError(f"no block {first}:{first + size} in {x.show_shape()}")
    return tensor(m.alg.block(x.data, first, size), (*x.shape[:-1], size), x.left, x.loose)


def _of_stack(m: Frame, x: Tensor, lo: Any, hi: Any) -> Tensor:
    """The entries from H on of Wᵀ δ, of a W that a text's own [h, x] is multiplied with."""
    assert m.system.stack is not None
    at: Any = sympy.Integer(0)
    for name in m.system.stack[0]:
        size = m.model.table[f"E_{name}~"].shape[1]
        if sympy.expand(lo - at) == 0 == sympy.expand(hi - at - size) and x.rank == x.left == 1:
            place = value(m, f"E_{name}~", None)
            return tn.chained(m.alg, tn.transpose(m.alg, place), x)
        at += size
    raise UnknownError("[…]", "these entries are no block of the stack")


def _column(m: Frame, x: Tensor, axis: int, item: s.Node) -> Tensor:
    """U[:, x_t] for a token x_t: U times its one-hot vector."""
    chosen = m.of(item)
    if x.rank != 2 or axis != 1 or not chosen.rank or chosen.shape[-1] != x.shape[1]:
        raise MisfitError(f"{chosen.show_shape()} picks nothing of {x.show_shape()}")
    if chosen.rank == 1:
        return tn.chained(m.alg, x, replace(chosen, left=1))
    return tn.chained(m.alg, chosen, tn.transpose(m.alg, x))


def summed(m: Frame, x: Tensor, axis: int | None, keep: bool) -> Tensor:
    """The sum over one axis, or over all of them."""
    axes = range(x.rank) if axis is None else [axis % x.rank]
    out = x
    for n in sorted(axes, reverse=True):
        data = m.alg.reduce(out.data, n, out.rank, out.shape[n])
        shape = out.shape[:n] + out.shape[n + 1 :]
        left = out.left - (n < out.left) if out.rank > 2 or not shape else int(n == 1)
        out = tensor(data, shape, left, x.loose)
    if not keep:
        return out
    return expanded(m, out, list(axes))


def expanded(m: Frame, x: Tensor, axes: list[int]) -> Tensor:
    """x with axes of length 1 put in."""
    shape = list(x.shape)
    for n in axes:
        shape.insert(n, m.alg.size(sympy.Integer(1)))
    return tensor(m.alg.expand(x.data, axes), shape, min(1, len(shape)), x.loose)
