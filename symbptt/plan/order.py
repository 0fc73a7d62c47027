"""Gates of one kind side by side: [i, f, g, o] is stored as [i, f, o, g].

What is done to all sigmoids is then one call. The weights are copied gate by gate in that order;
the model's own order stays that of the arguments and of the errors.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sympy import Integer, expand

from .draft import Draft
from .halves import Gate, gates_of, together
from .linear import Piece, Range, Source, copy_operand, linear

Order = dict[str, Range]  # gate -> its columns


def sort_gates(*drafts: Draft) -> None:
    """Sort the gates of every packed array, where all drafts that compute it can."""
    for whole in dict.fromkeys(b.part[0] for d in drafts for b in d.buffers.values() if b.part):
        mine = [d for d in drafts if whole in d.buffers]
        orders = [_order(d, whole) for d in mine]
        sources = [some for d in mine if (some := _sources(d, whole)) is not None]
        if orders[0] and all(o == orders[0] for o in orders) and len(sources) == len(mine):
            for d, some in zip(mine, sources, strict=True):
                _sort(d, whole, orders[0], some)


def _order(d: Draft, whole: str) -> Order:
    """The new columns of the gates; none where they stand well, or cannot be moved."""
    loops = [gates for loop in d.loops() if (gates := gates_of(d, whole, loop))]
    if len(loops) != 1 or not _is_free(d, whole, loops[0]):
        return {}
    found: Order = {}
    at: Any = Integer(0)
    for some in together(loops[0]):
        for g in sorted(some, key=lambda g: not g.is_sigmoid):
            end = expand(at + g.columns[1] - g.columns[0])
            found[g.name] = (at, end)
            at = end
    return {} if [*found] == [g.name for g in loops[0]] else found


def _is_free(d: Draft, whole: str, gates: list[Gate]) -> bool:
    """Whether the gates fill the array, and nothing else sees how."""
    b = d.buffers[whole]
    bounds = [Integer(0), *(g.columns[1] for g in gates)]
    starts = [*(g.columns[0] for g in gates), b.width]
    names = {n for n, x in d.buffers.items() if x.part and x.part[0] == whole}
    return (
        all(expand(x - y) == 0 for x, y in zip(bounds, starts, strict=True))
        and names == {g.name for g in gates}
        and not d.held(whole)
        and not any(n[0] == whole for n in d.blocks_named)
        and all(t.ref.block is None and t.instruction.out.buffer == whole for t in d.touches(whole))
    )


def _sources(d: Draft, whole: str) -> list[Source] | None:
    """The operands whose columns are those of the array, all of them."""
    found = linear(d, whole, (Integer(0), d.buffers[whole].width))
    if found is None:
        return None
    own = {n for n, x in d.buffers.items() if x.part and x.part[0] == whole}
    return [s for s in found if s[0].out.buffer not in own]


def _sort(d: Draft, whole: str, order: Order, sources: list[Source]) -> None:
    old = {g: b.part[1:] for g in order if (b := d.buffers[g]).part}
    pieces = _merged([Piece(order[g], old[g]) for g in order])
    for i, n, _ in sources:
        copy_operand(d, i, n, "sorted", pieces)
    for g, columns in order.items():
        d.buffers[g] = replace(d.buffers[g], part=(whole, *columns))


def _merged(pieces: list[Piece]) -> list[Piece]:
    """Neighbours in the copy that are neighbours in the operand as one."""
    out: list[Piece] = []
    for p in pieces:
        if out and expand(p.read[0] - out[-1].read[1]) == 0:
            p = Piece((out[-1].made[0], p.made[1]), (out[-1].read[0], p.read[1]))
            out.pop()
        out.append(p)
    return out
