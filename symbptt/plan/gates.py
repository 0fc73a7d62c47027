"""Packed gates: the gates take the place of their pre-activations.

    i, f, o, g = blocks of a

A gate is a part of the packed array, under its own name; so is each block that a loop writes.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sympy import expand

from .draft import ELEMENTWISE, Draft, Touch, at_step, overlap
from .program import Instruction, Loop, Ref, labels_of

Places = dict[str, tuple[str, Any, Any]]  # array -> a packed array, and the columns in it


def in_place(d: Draft) -> Places:
    """Gate -> the block of the packed pre-activation whose place it takes."""
    found: Places = {}
    for name, b in d.buffers.items():
        if b.role == "work" and b.only_steps and not d.held(name):
            found |= _gates_of(d, name)
    return found


def _gates_of(d: Draft, name: str) -> Places:
    """The gates of one packed array, if it is read for nothing else."""
    reads = [t for t in d.touches(name) if not t.writes and t.instruction.out.buffer != name]
    gates = {}
    for t in reads:
        if not t.ref.block or not _is_gate(d, t):
            return {}
        gates[t.instruction.out.buffer] = (name, *t.ref.block)
    blocks = [g[1:] for g in gates.values()]
    return gates if len(gates) == len(reads) == len(set(blocks)) else {}


def _is_gate(d: Draft, t: Touch) -> bool:
    """Whether an instruction in a loop turns a block into a whole array of its own."""
    i, out = t.instruction, t.instruction.out
    b = d.buffers[out.buffer]
    if (
        t.loop is None
        or i.op not in ELEMENTWISE
        or not at_step(t.ref)
        or out != Ref(b.name, "step")
    ):
        return False
    if (
        b.role != "work"
        or b.rows != 0
        or b.ahead
        or d.held(b.name)
        or d.buffers[t.ref.buffer].rows != 0
    ):
        return False
    others = [x for x in d.touches(b.name) if x.instruction is not i]
    plain = all(not (x.ref.flat or x.ref.turned or x.ref.block or x.ref.spread) for x in others)
    return plain and not any(x.writes for x in others)


def stand_in(d: Draft) -> Places:
    """Array -> the block that it is a copy of, or that is a copy of it, and nothing else."""
    found: Places = {}
    for i in d.instructions():
        if i.op == "copy" and isinstance(i.args[0], Ref):
            for array, block, ends in ((i.out, i.args[0], True), (i.args[0], i.out, False)):
                if _stands_in(d, i, array, block, ends) and array.buffer not in found:
                    assert block.block is not None
                    found[array.buffer] = (block.buffer, *block.block)
    return found


def _stands_in(d: Draft, i: Instruction, array: Ref, block: Ref, ends: bool) -> bool:
    """Whether an array over all t may be that block. It `ends` there if it is a copy of it."""
    whole = d.buffers[block.buffer]
    plain = array == Ref(array.buffer, "all") and block == Ref(whole.name, "all", block=block.block)
    if not plain or not block.block or whole.role != "work" or not whole.only_steps:
        return False
    if not d.is_packable(array.buffer):
        return False
    order = {id(x): n for n, x in enumerate(d.instructions())}
    others = [t for t in d.touches(whole.name) if t.instruction is not i and overlap(t.ref, block)]
    if ends:  # only what makes it, before the loops, touches it
        return all(t.loop is None and t.instruction.out.buffer == whole.name for t in others)
    return not any(t.writes or order[id(t.instruction)] < order[id(i)] for t in others)


def stand(d: Draft, places: Places) -> None:
    """Each array as the block it stands in for; the copy between them goes."""
    here = {n: p for n, p in places.items() if n in d.buffers and p[0] in d.buffers}

    def seen(r: Ref) -> Ref:
        part = here.get(r.buffer)
        return replace(r, buffer=part[0], block=part[1:]) if part else r

    copies: dict[Any, Instruction] = {}

    def without(i: Instruction, loop: Loop | None) -> list[Instruction]:
        if i.op != "copy" or i.args != (i.out,):
            return [i]
        copies[i.out.buffer, i.out.block] = i
        return []

    def named(i: Instruction, loop: Loop | None) -> list[Instruction]:
        """What writes the block computes the equations of the copy as well."""
        copy = copies.get((i.out.buffer, i.out.block))
        return [replace(i, labels=labels_of(i, copy)) if copy else i]

    d.views(seen)
    d.rewrite(without)
    d.rewrite(named)
    for name, part in here.items():
        d.blocks_named.setdefault(part, name)
        del d.buffers[name]


def take_place(d: Draft, gates: Places) -> None:
    """Make each gate a part of its packed array."""
    for gate, part in gates.items():
        if gate in d.buffers and part[0] in d.buffers:
            d.buffers[gate] = replace(d.buffers[gate], part=part)

    def change(i: Instruction, loop: Loop | None) -> list[Instruction]:
        part = gates.get(i.out.buffer)
        if part is None:
            return [i]
        source, place = Ref(part[0], "step", block=part[1:]), Ref(i.out.buffer, "step")
        return [replace(i, args=tuple(place if a == source else a for a in i.args))]

    d.rewrite(change)


def names_by_columns(d: Draft) -> dict[tuple[Any, Any], str]:
    """What stands in which columns of a packed array: so are those of its error called."""
    return {b.part[1:]: n for n, b in d.buffers.items() if b.part}


def name_blocks(d: Draft, gates: dict[tuple[Any, Any], str]) -> None:
    """A block that a loop reads or writes becomes a part with a name."""

    def named(r: Ref) -> Ref:
        b = d.buffers[r.buffer]
        if not r.block or b.role != "work" or r.span not in ("step", "static"):
            return r
        part = (r.buffer, *r.block)
        known = next((n for n, x in d.buffers.items() if x.part == part), None)
        if known is None:
            before = d.blocks_named.get(part)
            number = 1 + sum(x.part is not None and x.part[0] == b.name for x in d.buffers.values())
            ending = _tiled(gates, *part[1:]) or str(number)
            known = d.name(before or f"{r.buffer}_{ending}")
            d.buffers[known] = replace(b, name=known, part=part)
        return replace(r, buffer=known, block=None)

    def change(i: Instruction, loop: Loop | None) -> list[Instruction]:
        if loop is None:
            return [i]
        args = tuple(named(a) if isinstance(a, Ref) else a for a in i.args)
        return [replace(i, out=named(i.out), args=args)]

    d.rewrite(change)


def _tiled(gates: dict[tuple[Any, Any], str], lo: Any, hi: Any) -> str:
    """The names of the gates that fill a range of columns one after the other."""
    names = []
    while expand(hi - lo) != 0:
        gate = next(((end, n) for (start, end), n in gates.items() if start == lo), None)
        if gate is None:
            return ""
        lo = gate[0]
        names.append(gate[1])
    return "_".join(names)


def settle(d: Draft) -> None:
    """Parts follow their whole: how it is stored, and whether it has a row per step."""
    for name, b in d.buffers.items():
        if b.part and b.role != "grad":
            whole = d.buffers[b.part[0]]
            width = b.part[2] - b.part[1]
            shape = (width, *whole.shape[1:]) if whole.turned else (*whole.shape[:-1], width)
            d.buffers[name] = replace(whole, name=name, shape=shape, part=b.part)
