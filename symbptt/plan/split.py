"""A product with a concatenation is a sum of products: what does not recur leaves the loop.

[h, x] W = h W[:H] + x W[H:]        W [h; x] = W[:, :H] h + W[:, H:] x
(δ Wᵀ)[:, :H] = δ W[:H]ᵀ            only the block that is read is computed
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .. import matrix as mx
from .schedule import depends

Node = mx.Node


def split(e: Node, names: set[str]) -> Node:
    """The products of e with a concatenation of which some parts read `names` and others do not."""

    def change(e: Node) -> Node:
        if not isinstance(e, mx.MatMul):
            return e
        x, y = e.args
        if isinstance(y, mx.Concat) and y.rank == 1 and x.rank == 2 and _is_mixed(y, names):
            return mx.plus(*(mx.matmul(mx.block(x, lo, hi), part) for lo, hi, part in y.pieces))
        if isinstance(x, mx.Concat) and y.rank == 2 and _is_mixed(x, names):
            return mx.plus(*(mx.matmul(part, rows(y, lo, hi)) for lo, hi, part in x.pieces))
        return e

    return _rebuilt(e, change)


def narrow(sides: Iterable[Node]) -> list[Node]:
    """Blocks of a product as products with a block, where only one block of it is read."""
    sides = list(sides)
    found: dict[Node, set[Node]] = {}
    for e in sides:
        for block in e.atoms(mx.Block):
            found.setdefault(block.args[0], set()).add(block)

    def change(e: Node) -> Node:
        if not isinstance(e, mx.Block) or not isinstance(e.args[0], mx.MatMul):
            return e
        product, lo, hi = e.args
        x, y = product.args
        if len(found.get(product, ())) != 1:
            return e
        return mx.matmul(x, mx.block(y, lo, hi)) if y.rank == 2 else mx.matmul(rows(x, lo, hi), y)

    return [_rebuilt(e, change) for e in sides]


def rows(m: Node, lo: Any, hi: Any) -> Node:
    """m[lo:hi] of a matrix, which the language writes as columns of its transpose."""
    return mx.transpose(mx.block(mx.transpose(m), lo, hi))


def is_weights(e: Node) -> bool:
    """Whether e is a matrix that does not change, or some columns or rows of one."""
    if isinstance(e, mx.Transpose) and isinstance(e.args[0], mx.Block):
        e = mx.transpose(e.args[0].args[0])
    elif isinstance(e, mx.Block):
        e = e.args[0]
    return isinstance(e, mx.Var) and e.rank == 2 and not e.times


def _is_mixed(e: mx.Concat, names: set[str]) -> bool:
    return len({depends(a, names) for a in e.args}) == 2


def _rebuilt(e: Node, change: Callable[[Node], Node]) -> Node:
    """e with `change` made of every subexpression, from the outside in; sums stay flat."""
    new = change(e)
    if new != e:
        return _rebuilt(new, change)
    if isinstance(e, mx.Var | mx.Scalar | mx.Deriv) or not any(
        isinstance(a, mx.Node) for a in e.args
    ):
        return e
    args = [_rebuilt(a, change) if isinstance(a, mx.Node) else a for a in e.args]
    if args == list(e.args):
        return e
    if isinstance(e, mx.Plus | mx.Times):
        return (mx.plus if isinstance(e, mx.Plus) else mx.times)(*args)
    return e.func(*args)
