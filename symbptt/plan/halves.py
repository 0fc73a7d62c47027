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
from .program import Buffer, Instruction, Loop, Ref, labels_of

Range = tuple[Any, Any]
Source = tuple[Instruction, int, Range]  # an operand, and which of its columns (or rows)


@dataclass(frozen=True)
class Gate:
    """A part of a packed array that one instruction of a loop turns into a gate in place."""

    name: str
    columns: Range
    made: Instruction
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
    for gate in _gates(d, whole, d.loops()[number]):
        sources = _linear(d, whole, gate.columns) if gate.is_sigmoid else []
        if sources is not None:
            gates.append(gate)
            found += sources
    if not any(g.is_sigmoid for g in gates):
        return
    made: dict[int, list[Instruction]] = {}
    for together in _together(gates):
        at = max(g.window[0] for g in together) + 1
        made[at] = [*made.get(at, ()), *_one_tanh(d, whole, together)]
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


def _gates(d: Draft, whole: str, loop: Loop) -> list[Gate]:
    """The gates of a packed array, from the first column to the last."""
    out = []
    for at, i in enumerate(loop.body):
        part = d.buffers[i.out.buffer].part
        if part is None or part[0] != whole or i.op not in ("sigmoid", "tanh"):
            continue
        if i.args != (i.out,):
            continue
        touched = [
            n for n, x in enumerate(loop.body) if _touches(d, x, whole, part[1:]) and n != at
        ]
        window = (
            max((n for n in touched if n < at), default=-1),
            min((n for n in touched if n > at), default=len(loop.body)),
        )
        out.append(Gate(i.out.buffer, part[1:], i, window))
    return sorted(out, key=lambda g: default_sort_key(g.columns[0]))


def _together(gates: list[Gate]) -> list[list[Gate]]:
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
    made = [Instruction("tanh", run, (run,), labels_of(*(g.made for g in gates)))]
    for sigmoid, some in groupby(gates, lambda g: g.is_sigmoid):
        if sigmoid:
            names = list(some)
            run = _run(d, whole, names)
            made += [
                Instruction(op, run, (run, 0.5), labels_of(*(g.made for g in names)))
                for op in ("multiply", "add")
            ]
    return made


def _run(d: Draft, whole: str, gates: list[Gate]) -> Ref:
    """The view of the columns of some gates, as a part with a name."""
    lo, hi = gates[0].columns[0], gates[-1].columns[1]
    b = d.buffers[whole]
    if lo == 0 and expand(hi - b.shape[0 if b.turned else -1]) == 0:
        return Ref(whole, "step")
    part = (whole, lo, hi)
    name = next((n for n, x in d.buffers.items() if x.part == part), None)
    if name is None:
        name = d.name("_".join(g.name for g in gates))
        d.buffers[name] = replace(b, name=name, part=part)
    return Ref(name, "step")


# -- what a range of columns is linear in


def _where(d: Draft, r: Ref) -> tuple[str, Range]:
    """The array and the columns of a view."""
    b = d.buffers[r.buffer]
    if b.part:
        return b.part[0], b.part[1:]
    return r.buffer, r.block or (0, b.shape[0 if b.turned else -1] if b.shape else 1)


def _meets(a: Range, b: Range) -> bool:
    return not (at_least(a[0], b[1]) or at_least(b[0], a[1]))


def _touches(d: Draft, i: Instruction, whole: str, columns: Range) -> bool:
    views = (_where(d, a) for a in (*i.args, i.out) if isinstance(a, Ref))
    return any(name == whole and _meets(at, columns) for name, at in views)


def _linear(d: Draft, name: str, columns: Range) -> list[Source] | None:
    """Every operand that does not change and that these columns are linear in; None if not all."""
    found: list[Source] = []
    for i in d.instructions():
        out, at = _where(d, i.out)
        if out != name or not _meets(at, columns) or _is_gate(i):
            continue
        run = _inside(at, columns)
        if run is None:
            return None
        more = _operands(d, i, run)
        if more is None:
            return None
        found += more
    return found


def _is_gate(i: Instruction) -> bool:
    return i.op in ("sigmoid", "tanh") and i.args == (i.out,)


def _inside(at: Range, columns: Range) -> Range | None:
    """The part of `at` that lies in `columns`, counted from its start; None if that depends."""
    if at_least(columns[0], at[0]) and at_least(at[1], columns[1]):
        return expand(columns[0] - at[0]), expand(columns[1] - at[0])
    if at_least(at[0], columns[0]) and at_least(columns[1], at[1]):
        return expand(at[0] - at[0]), expand(at[1] - at[0])
    return None


def _operands(d: Draft, i: Instruction, run: Range) -> list[Source] | None:
    """What to halve so that some columns of a result are halved."""
    constant = [n for n, a in enumerate(i.args) if _is_constant(d, a)]
    if i.op in ("dot", "matmul", "multiply"):
        return [(i, constant[0], run)] if len(constant) == 1 else None
    if i.op == "fill":
        return [] if i.args[0] == 0 else None
    if i.op not in ("add", "subtract", "copy"):
        return None
    found: list[Source] = []
    for n, a in enumerate(i.args):
        if a == i.out:
            continue
        if n in constant:
            found.append((i, n, run))
            continue
        more = _alone(d, i, a, run)
        if more is None:
            return None
        found += more
    return found


def _is_constant(d: Draft, a: Any) -> bool:
    return (
        isinstance(a, Ref)
        and a.span == "static"
        and d.buffers[a.buffer].role
        in (
            "param",
            "static",
        )
    )


def _alone(d: Draft, reader: Instruction, a: Any, run: Range) -> list[Source] | None:
    """The operands of an array that only this instruction reads."""
    if not isinstance(a, Ref) or a.spread or a.turned:
        return None
    name, at = _where(d, a)
    columns = (expand(at[0] + run[0]), expand(at[0] + run[1]))
    if d.buffers[name].role != "work" or d.held(name):
        return None
    for i in d.instructions():
        views = [_where(d, x) for x in i.args if isinstance(x, Ref) and x != i.out]
        if i is not reader and any(n == name and _meets(c, columns) for n, c in views):
            return None
    return _linear(d, name, columns)


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


def _range(ref: Ref, run: Range, rows: bool) -> Ref:
    """Some rows or columns of what a view takes from its array."""
    taken = ref.rows if rows else ref.block
    lo, hi = (expand(taken[0] + x) for x in run) if taken else run
    return replace(ref, rows=(lo, hi)) if rows else replace(ref, block=(lo, hi))


def _halved(d: Draft, i: Instruction, n: int, runs: list[Range]) -> None:
    """A copy of the weights in which some gates' are halved, in the place of an argument."""
    ref = i.args[n]
    seen = replace(ref, spread=())
    rows = i.op != "add" and n == 0  # the gates are those of a left factor, the columns of a right
    source, shape = d.original(seen), seen.shape_in(d.buffers[ref.buffer])
    name = d.name(f"half_{source.buffer}")
    d.buffers[name] = Buffer(name, shape, None, "static")
    size = shape[0 if rows else -1]
    half = []
    for lo, hi, halved in _ranges(runs, size):
        whole = lo == 0 and expand(hi - size) == 0
        by_rows = rows and len(shape) > 1
        made = Ref(name) if whole else _range(Ref(name), (lo, hi), by_rows)
        read = source if whole else _range(source, (lo, hi), by_rows != source.turned)
        half.append(Instruction("multiply", made, (read, 0.5)) if halved else
                    Instruction("copy", made, (read,)))  # fmt: skip
    weights = Ref(name, spread=ref.spread)
    new = replace(i, args=tuple(weights if k == n else a for k, a in enumerate(i.args)))
    for block in d.blocks:
        for item in block:
            if item is i or (isinstance(item, Loop) and any(x is i for x in item.body)):
                d.before(item, *half)
                d.rewrite(lambda x, loop: [new] if x is i else [x])
                d.drop_unread()
                return
