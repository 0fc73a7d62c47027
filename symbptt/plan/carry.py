"""An error that only goes on from step to step is one array, not one for each step.

dc[1..T] = 0;  loop: dc[t] += …;  dc[t−1] += dc[t] ∘ f[t]      a row for every step
dc = 0;        loop: dc += …;     dc = dc ∘ f[t]               one
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .draft import ELEMENTWISE, Draft, Touch, with_views
from .program import Instruction, Loop, Ref, labels_of, reads, touched


def carry(d: Draft) -> None:
    """Every such array; what stands there after the loop is the error of the initial state."""
    in_parts = {b.part[0] for b in d.buffers.values() if b.part}
    for name, b in list(d.buffers.items()):
        one_row = b.role == "work" and (b.rows, b.ahead) in ((1, 0), (0, 1)) and not b.part
        if one_row and name not in in_parts and not d.held(name):
            _carry(d, name)


def _carry(d: Draft, name: str) -> None:
    touches = list(d.touches(name))
    loops = {t.loop for t in touches} - {None}
    backward = bool(d.buffers[name].rows)
    if len(loops) != 1 or not all(_is_start(t, backward) for t in touches if t.loop is None):
        return
    loop = d.loops()[loops.pop() or 0]
    body = _handed_on(d, name, loop.body, -1 if backward else 1)
    if body is None:
        return
    d.buffers[name] = replace(d.buffers[name], rows=None, ahead=0, role="carried")

    def one(i: Instruction, inside: Loop | None) -> list[Instruction]:
        return [] if i.out == Ref(name, "start") else [with_views(i, lambda r: _one(r, name))]

    for block in d.blocks:
        block[:] = [replace(loop, body=tuple(body)) if x is loop else x for x in block]
    d.rewrite(one)
    for unused in {n for i in loop.body for n in touched(i) if not any(d.touches(n))}:
        del d.buffers[unused]


def _one(r: Ref, name: str) -> Ref:
    return replace(r, span="static", shift=0) if r.buffer == name else r


def _is_start(t: Touch, backward: bool) -> bool:
    """Zeros in every row, or what a loss adds to row T, where a loop that goes back begins."""
    i, name = t.instruction, t.ref.buffer
    if i.op == "fill":
        return i.args == (0,) and i.out in (Ref(name, "all"), Ref(name, "start"))
    return backward and i.op == "add" and t.ref == i.out == i.args[0] == Ref(name, "last")


def _handed_on(
    d: Draft, name: str, body: Sequence[Instruction], shift: int
) -> list[Instruction] | None:
    """The body in which the first thing added to the next row is put there; None if none may be.

    By then nothing reads this step's row any more.
    """
    now, after = Ref(name, "step"), Ref(name, "step", shift)
    added = [n for n, i in enumerate(body) if i.out == after]
    if not added or any(body[n].op != "add" or body[n].args[0] != after for n in added):
        return None
    if any(r.buffer == name and r not in (now, after) for i in body for r in (*reads(i), i.out)):
        return None
    at = added[0]
    term: Any = body[at].args[1]
    made, put = at, Instruction("copy", after, (term,), body[at].labels)
    makers = [n for n, i in enumerate(body[:at]) if i.out == term == Ref(i.out.buffer)]
    if len(makers) == 1 and len(list(d.touches(term.buffer))) == 2:  # it is made for this sum only
        made = makers[0]
        put = replace(body[made], out=after, labels=labels_of(body[made], body[at]))
    if now in put.args and put.op not in ELEMENTWISE:
        return None
    new = [put if n == made else i for n, i in enumerate(body) if n == made or n != at]
    late = any(now in (*reads(i), i.out) for i in new[made + 1 :])
    early = any(after in reads(i) for i in new[: made + 1])
    return None if late or early else new
