"""What the whole document settles about a script that one formula leaves open.

h^t is a time where the document never writes h_t, and a power of h_t where it does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..surface import Claim, Node, Number, Power, Shorthand, Sum, Symbol, Unread, rebuild, walk
from .spelling import TIME_LETTERS
from .subscripts import index


def settle(items: Sequence[Claim | Unread]) -> list[Claim | Unread]:
    """The items with every open superscript time decided by the others."""
    nodes = [n for x in items if isinstance(x, Claim) for n in _parts(x)]
    below = {
        s.letter
        for n in nodes
        for s in walk(n)
        if isinstance(s, Symbol) and any(set(i.names) & TIME_LETTERS for i in s.indices)
    }

    def change(node: Node) -> Node:
        node = rebuild(node, change)
        if not isinstance(node, Power) or node.may_be[0] != "time":
            return node
        core = node.base.of if isinstance(node.base, Shorthand) else node.base
        if not isinstance(core, Symbol) or core.letter in below:
            return replace(node, may_be=("power", "time"))
        e = node.exponent
        where = index(_written(e), "^", e.start, e.end)
        timed = replace(core, sup=(*core.sup, where), end=node.end)
        if isinstance(node.base, Shorthand):
            return replace(node.base, of=timed, end=node.end)
        return timed

    return [_changed(x, change) if isinstance(x, Claim) else x for x in items]


def _parts(claim: Claim) -> list[Node]:
    return [n for n in (claim.left, claim.right, *claim.conditions) if n is not None]


def _changed(claim: Claim, change: Callable[[Node], Node]) -> Claim:
    return replace(
        claim,
        left=change(claim.left),
        right=change(claim.right) if claim.right else None,
        head=change(claim.head) if claim.head else None,
        conditions=tuple(map(change, claim.conditions)),
    )


def _written(exponent: Node) -> str:
    """t, t-1: the exponent as the text of an index."""
    if isinstance(exponent, Symbol):
        return exponent.letter
    if isinstance(exponent, Number):
        return exponent.text
    assert isinstance(exponent, Sum)
    parts = zip(exponent.signs, exponent.terms, strict=True)
    return "".join(s + _written(t) for s, t in parts).removeprefix("+")
