"""σ(x) = ½ + ½ tanh(x/2): gates side by side go through one tanh.

The ½ in x is folded into the weights, the bias and whatever else the pre-activation adds up, as
long as all of it is linear in what does not change.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from sympy import Integer, default_sort_key, expand

from ..matrix.build import at_least
from .draft import Draft
from .linear import Piece, Range, Source, copy_operand, is_rows, linear, touches
from .program import Instruction, Loop, Ref, labels_of


@dataclass(frozen=True)
class Gate:
    """A part of a packed array that one instruction of a loop turns into a gate in place."""

    name: str
    columns: Range
    made: Instruction
    at: int  # the place of that instruction
    window: tuple[int, int]  # the instructions before and after between which it may be made

    @property
    def is_sigmoid(self) -> bool:
        return self.made.op == "sigmoid"


def fold_halves(d: Draft) -> None:
    """One tanh for gates side by side; the ½ of the sigmoids among them goes into the weights."""
    for whole in dict.fromkeys(b.part[0] for b in d.buffers.values() if b.part):
        for number in range(len(d.loops())):
            _fold(d, whole, number)


def _fold(d: Draft, whole: str, number: int) -> None:
    found: list[Source] = []
    gates = []
    for gate in gates_of(d, whole, d.loops()[number]):
        sources = linear(d, whole, gate.columns) if gate.is_sigmoid else []
        if sources is not None:
            gates.append(gate)
            found += sources
    if not any(g.is_sigmoid for g in gates):
        return
    made: dict[int, list[Instruction]] = {}
    for some in together(gates):
        at = max(g.window[0] for g in some) + 1
        made[at] = [*made.get(at, ()), *_one_tanh(d, whole, some)]
    gone = {id(g.made) for g in gates}
    loop = d.loops()[number]
    body: list[Instruction] = []
    for n, i in enumerate(loop.body):
        body += [*made.get(n, ()), *([] if id(i) in gone else [i])]
    for block in d.blocks:
        block[:] = [replace(loop, body=tuple(body)) if x is loop else x for x in block]
    operands = {(id(i), n): (i, n) for i, n, _ in found}
    for key, (i, n) in operands.items():
        _halved(d, i, n, _merged([run for j, m, run in found if (id(j), m) == key]))


def gates_of(d: Draft, whole: str, loop: Loop) -> list[Gate]:
    """The gates of a packed array, from the first column to the last."""
    out = []
    for at, i in enumerate(loop.body):
        part = d.buffers[i.out.buffer].part
        if part is None or part[0] != whole or i.op not in ("sigmoid", "tanh"):
            continue
        if i.args != (i.out,):
            continue
        touched = [n for n, x in enumerate(loop.body) if touches(d, x, whole, part[1:]) and n != at]
        window = (
            max((n for n in touched if n < at), default=-1),
            min((n for n in touched if n > at), default=len(loop.body)),
        )
        out.append(Gate(i.out.buffer, part[1:], i, at, window))
    return sorted(out, key=lambda g: default_sort_key(g.columns[0]))


def together(gates: list[Gate]) -> list[list[Gate]]:
    """Neighbours between whose windows there is a place for all."""
    out: list[list[Gate]] = []
    for g in gates:
        if out:
            last = [*out[-1], g]
            begin, end = max(x.window[0] for x in last), min(x.window[1] for x in last)
            if expand(g.columns[0] - out[-1][-1].columns[1]) == 0 and begin < end:
                out[-1] = last
                continue
        out.append([g])
    return out


def _one_tanh(d: Draft, whole: str, gates: list[Gate]) -> list[Instruction]:
    run = _run(d, whole, gates)
    made = [Instruction("tanh", run, (run,), _labels(gates))]
    for sigmoid, some in groupby(gates, lambda g: g.is_sigmoid):
        if sigmoid:
            names = list(some)
            run = _run(d, whole, names)
            made += [Instruction(op, run, (run, 0.5), _labels(names)) for op in ("multiply", "add")]
    return made


def _labels(gates: list[Gate]) -> tuple[str, ...]:
    return labels_of(*(g.made for g in sorted(gates, key=lambda g: g.at)))


def _run(d: Draft, whole: str, gates: list[Gate]) -> Ref:
    """The view of the columns of some gates."""
    lo, hi = gates[0].columns[0], gates[-1].columns[1]
    return Ref(d.block(whole, lo, hi, [g.name for g in gates]), "step")


# -- halving


def _merged(runs: list[Range]) -> list[Range]:
    """Neighbours as one."""
    out: list[Range] = []
    for lo, hi in sorted(dict.fromkeys(runs), key=lambda r: default_sort_key(r[0])):
        if out and expand(lo - out[-1][1]) == 0:
            lo = out.pop()[0]
        out.append((lo, hi))
    return out


def _ranges(runs: list[Range], size: Any) -> list[tuple[Any, Any, bool]]:
    """The whole axis in order: from, to, and whether it is one of the runs."""
    out: list[tuple[Any, Any, bool]] = []
    at: Any = Integer(0)
    for lo, hi in runs:
        out += [(at, lo, False)] if expand(lo - at) != 0 else []
        out.append((lo, hi, True))
        at = hi
    return [*out, (at, size, False)] if expand(size - at) != 0 else out


def _halved(d: Draft, i: Instruction, n: int, runs: list[Range]) -> None:
    """The weights in the place of an argument with some gates' halved: where they are copied
    gate by gate already it is done there, and in a copy of them where not."""
    ref = i.args[n]
    touches = list(d.touches(ref.buffer))
    filled = [t.instruction for t in touches if t.writes]
    readers = {id(t.instruction) for t in touches if not t.writes}
    places = [x.out.rows or x.out.block for x in filled]
    if d.buffers[ref.buffer].role == "static" and all(places) and readers == {id(i)}:
        half = {id(x) for x, at in zip(filled, places, strict=True) if _is_within(at, runs)}
        d.rewrite(lambda x, loop: [_half(x) if id(x) in half else x])
        return
    shape = replace(ref, spread=()).shape_in(d.buffers[ref.buffer])
    size = shape[0 if is_rows(i, n) else -1]
    pieces = [Piece((lo, hi), (lo, hi), halved) for lo, hi, halved in _ranges(runs, size)]
    copy_operand(d, i, n, "half", pieces)


def _is_within(at: Any, runs: list[Range]) -> bool:
    return any(at_least(at[0], lo) and at_least(hi, at[1]) for lo, hi in runs)


def _half(copy: Instruction) -> Instruction:
    return replace(copy, op="multiply", args=(*copy.args, 0.5))
