"""Packed gates: the gates take the place of their pre-activations, and all go through one tanh.

    i, f, o, g = blocks of a       σ(x) = ½ + ½ tanh(x/2), the ½ in x folded into the weights

A gate is a part of the packed array, under its own name; so is each block that a loop writes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby
from typing import Any

import sympy

from .draft import ELEMENTWISE, Draft, Touch, at_step
from .program import Buffer, Instruction, Loop, Ref


def in_place(d: Draft) -> dict[str, tuple[str, Any, Any]]:
    """Gate -> the block of the packed pre-activation whose place it takes."""
    found: dict[str, tuple[str, Any, Any]] = {}
    for name, b in d.buffers.items():
        if b.role == "work" and b.only_steps and not d.held(name):
            found |= _gates_of(d, name)
    return found


def _gates_of(d: Draft, name: str) -> dict[str, tuple[str, Any, Any]]:
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


def take_place(d: Draft, gates: dict[str, tuple[str, Any, Any]]) -> None:
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


def name_blocks(d: Draft) -> None:
    """A block that a loop reads or writes becomes a part with a name."""
    gates = {b.part[1:]: n for n, b in d.buffers.items() if b.part}

    def named(r: Ref) -> Ref:
        b = d.buffers[r.buffer]
        if not r.block or b.role != "work" or r.span not in ("step", "static"):
            return r
        part = (r.buffer, *r.block)
        known = next((n for n, x in d.buffers.items() if x.part == part), None)
        if known is None:
            before = d.blocks_named.get(part)
            ending = gates.get(part[1:]) or str(1 + sum(x.part is not None and x.part[0] == r.buffer
                                                       for x in d.buffers.values()))  # fmt: skip
            known = d.name(before or f"{r.buffer}_{ending}")
            d.buffers[known] = replace(b, name=known, part=part)
        return replace(r, buffer=known, block=None)

    def change(i: Instruction, loop: Loop | None) -> list[Instruction]:
        if loop is None:
            return [i]
        args = tuple(named(a) if isinstance(a, Ref) else a for a in i.args)
        return [replace(i, out=named(i.out), args=args)]

    d.rewrite(change)


def settle(d: Draft) -> None:
    """Parts follow their whole: how it is stored, and whether it has a row per step."""
    for name, b in d.buffers.items():
        if b.part and b.role != "grad":
            whole = d.buffers[b.part[0]]
            width = b.part[2] - b.part[1]
            shape = (width, *whole.shape[1:]) if whole.turned else (*whole.shape[:-1], width)
            d.buffers[name] = replace(whole, name=name, shape=shape, part=b.part)


# -- σ(x) = ½ + ½ tanh(x/2)


def fold_halves(d: Draft) -> None:
    """One tanh for all gates of a packed array; the ½ of its sigmoids goes into the weights."""
    for whole in dict.fromkeys(b.part[0] for b in d.buffers.values() if b.part):
        _fold(d, whole)


def _fold(d: Draft, whole: str) -> None:
    parts = sorted(
        (n for n, b in d.buffers.items() if b.part and b.part[0] == whole),
        key=lambda n: sympy.default_sort_key(_columns(d, n)[0]),
    )
    found = _activations(d, whole, parts)
    static = _weights(d, whole)
    if found is None or static is None:
        return
    loop, gates = found
    order = _in_order(d, whole, parts)
    if order is None:
        return
    halves = [n for n in order if gates[n].op == "sigmoid"]
    if not halves:
        return
    runs = [(_columns(d, r[0])[0], _columns(d, r[-1])[1], r) for r in _runs(order, halves)]
    for at in static:
        _halved(d, at, [(lo, hi) for lo, hi, _ in runs])
    loop, gates = _activations(d, whole, parts) or found  # the loop has been written anew
    labels = tuple(x for n in order for x in gates[n].labels)
    made = [Instruction("tanh", Ref(whole, "step"), (Ref(whole, "step"),), labels)]
    half = sympy.Rational(1, 2)
    for lo, hi, names in runs:
        run = Ref(whole if len(names) == len(order) else names[0], "step")
        if 1 < len(names) < len(order):
            run = Ref(d.name("_".join(names)), "step")
            d.buffers[run.buffer] = replace(d.buffers[whole], name=run.buffer, part=(whole, lo, hi))
        tags = tuple(x for n in names for x in gates[n].labels)
        made += [Instruction(op, run, (run, float(half)), tags) for op in ("multiply", "add")]
    first = min(n for n, i in enumerate(loop.body) if any(i is g for g in gates.values()))
    body = [i for i in loop.body if not any(i is g for g in gates.values())]
    body[first:first] = made
    for block in d.blocks:
        block[:] = [replace(loop, body=tuple(body)) if x is loop else x for x in block]


def _activations(
    d: Draft, whole: str, parts: list[str]
) -> tuple[Loop, dict[str, Instruction]] | None:
    """The loop, and for each gate its sigmoid or tanh, one after the other."""
    for loop in d.loops():
        gates = {
            i.out.buffer: i
            for i in loop.body
            if i.op in ("sigmoid", "tanh") and i.out.buffer in parts and i.args == (i.out,)
        }
        if set(gates) != set(parts):
            continue
        places = [n for n, i in enumerate(loop.body) if any(i is g for g in gates.values())]
        between = loop.body[places[0] : places[-1]]
        family = {whole, *parts}
        if all(any(i is g for g in gates.values()) or not family & _names(i) for i in between):
            return loop, gates
    return None


def _names(i: Instruction) -> set[str]:
    return {a.buffer for a in (*i.args, i.out) if isinstance(a, Ref)}


def _columns(d: Draft, gate: str) -> tuple[Any, Any]:
    """Where a gate begins and ends in its packed array."""
    part = d.buffers[gate].part
    assert part is not None
    return part[1], part[2]


def _in_order(d: Draft, whole_name: str, parts: list[str]) -> list[str] | None:
    """The parts from the first column to the last, if they fill their whole."""
    by_start = {_columns(d, n)[0]: n for n in parts}
    order, at = [], sympy.Integer(0)
    whole = d.buffers[whole_name]
    end = whole.shape[0 if whole.turned else -1]
    while at in by_start:
        order.append(by_start[at])
        at = _columns(d, order[-1])[1]
    return order if len(order) == len(parts) and sympy.expand(at - end) == 0 else None


def _runs(order: list[str], chosen: list[str]) -> list[list[str]]:
    return [list(names) for wanted, names in groupby(order, lambda n: n in chosen) if wanted]


def _weights(d: Draft, whole: str) -> list[tuple[Instruction, int]] | None:
    """Every static operand that the packed array is linear in: (instruction, argument)."""
    found: list[tuple[Instruction, int]] = []
    for i in d.instructions():
        if i.out.buffer != whole:
            continue
        for n, a in enumerate(i.args):
            if not isinstance(a, Ref) or i.op not in ("dot", "matmul", "add"):
                return None
            if a.buffer == whole:
                continue
            if i.op == "add" and a.span == "static" and _is_constant(d, a):
                found.append((i, n))
            elif i.op == "add":
                made = [x for x in d.instructions() if x.out.buffer == a.buffer]
                if len(made) != 1 or made[0].op not in ("dot", "matmul") or made[0].out.block:
                    return None
                if len([t for t in d.touches(a.buffer) if not t.writes]) != 1:
                    return None
                found += _matrix(d, made[0])
        if i.op in ("dot", "matmul"):
            found += _matrix(d, i)
    return found if all(found) else None


def _is_constant(d: Draft, a: Ref) -> bool:
    return d.buffers[a.buffer].role in ("param", "static")


def _matrix(d: Draft, i: Instruction) -> list[Any]:
    """The weights of a product; [None] where neither side or both are."""
    sides = [n for n, a in enumerate(i.args) if _is_constant(d, a) and a.span == "static"]
    return [(i, sides[0])] if len(sides) == 1 else [None]


def _halved(d: Draft, at: tuple[Instruction, int], runs: list[tuple[Any, Any]]) -> None:
    """A copy of the weights in which some gates' are halved, in the place of an argument."""
    i, n = at
    ref = i.args[n]
    seen = replace(ref, spread=())
    rows = i.op != "add" and n == 0  # the gates are those of a left factor, the columns of a right
    source, shape = d.original(seen), seen.shape_in(d.buffers[ref.buffer])
    name = d.name(f"half_{source.buffer}")
    d.buffers[name] = Buffer(name, shape, None, "static")
    half = [Instruction("copy", Ref(name), (source,), i.labels)]
    for run in runs:
        part = Ref(name, rows=run) if rows else Ref(name, block=run)
        half.append(Instruction("multiply", part, (part, 0.5), i.labels))
    weights = Ref(name, spread=ref.spread)
    new = replace(i, args=tuple(weights if k == n else a for k, a in enumerate(i.args)))
    for block_ in d.blocks:
        for item in block_:
            if item is i or (isinstance(item, Loop) and any(x is i for x in item.body)):
                d.before(item, *half)
                d.rewrite(lambda x, loop: [new] if x is i else [x])
                d.drop_unread()
                return
