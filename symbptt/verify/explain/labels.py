"""Which equation of the project's derivation a line is: the same derivative, the same value.

A line that holds and the derivation's equation of the same derivative have one value; where the
derivation gives a derivative in several forms, the label is that of the form written in the same
derivatives. The derivation is data: nothing here derives.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ... import matrix as mx
from ...errors import SymbpttError
from ...indices.lower import free_slots, linear
from ...indices.poly import Factor, Lin
from ...model import LOSS, Derivation, Equation
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, DEFINITION, FOLLOWS, PROVED, REFUTED, TESTED, Line
from ..judge.readings import Reading
from ..proof.prover import Prover
from ..proof.substitute import is_atom
from ..world import DIRECT, IMMEDIATE, TOTAL
from .speech import difference
from .words import atoms_of

Target = tuple[str, str, str, tuple[Lin, ...]]  # kind, of, by, times


def label(judge: Judge, derivation: Derivation) -> None:
    """Give each line the label of its equation; a wrong one, of what its left side is."""
    for line in judge.lines:
        reading = _reading(line)
        if line.verdict == DEFINITION and line.true:
            line.label = _forward(judge, line.true[0], derivation)
        elif reading is not None:
            line.label = _derivative(judge, reading, derivation)


def _reading(line: Line) -> Reading | None:
    if line.verdict in (PROVED, CONDITIONAL, TESTED):
        return line.reading
    if line.verdict in (REFUTED, FOLLOWS):
        if line.repair is not None:
            return line.repair.reading
        if line.counterexample is not None:
            return line.counterexample.reading
    return None


def _forward(judge: Judge, reading: Reading, derivation: Derivation) -> str:
    """h_t = …, as the model defines it."""
    try:
        left, _ = Prover(judge.system, judge.naming).sides(reading.statement, reading)
    except SymbpttError:
        return ""
    factors = [f for m in left.data(free_slots(left.shape), {}) for f, _ in m.factors]
    if len(factors) != 1 or is_atom(factors[0]):
        return ""
    for e in derivation:
        if isinstance(e.lhs, mx.Var) and e.lhs.name == factors[0].name:
            return e.label
    return ""


def _derivative(judge: Judge, reading: Reading, derivation: Derivation) -> str:
    system = judge.ground_of(reading).system
    try:
        left, right = Prover(system, judge.naming).sides(reading.statement, reading)
    except SymbpttError:
        return ""
    data = left.data(free_slots(left.shape), {})
    factors = [f for m in data for f, _ in m.factors if is_atom(f)]
    if len(data) != 1 or len(factors) != 1 or factors[0].name[5]:
        return ""
    mine = target(factors[0])
    found = [e for e in derivation if _is_same(judge, mine, _target(e))]
    if not found:
        return ""
    written = {(f.name[1], f.name[2]) for f in atoms_of(right)}
    return max(found, key=lambda e: _likeness(e, written)).label


def target(f: Factor) -> Target:
    kind, of, by, *_ = f.name
    return kind, of, by, f.times


def _target(e: Equation) -> Target | None:
    """What an equation of the derivation is about."""
    if not isinstance(e.lhs, mx.Deriv):
        return None
    of, by = e.lhs.of, e.lhs.wrt
    times = tuple(linear(x, {}) for v in (of, by) for x in v.times)
    return (TOTAL if e.lhs.total else DIRECT), of.name, by.name, times


def _is_same(judge: Judge, mine: Target, other: Target | None) -> bool:
    if other is None or mine[1:3] != other[1:3] or len(mine[3]) != len(other[3]):
        return False
    (kind, of, by, a), (their_kind, _, _, b) = mine, other
    if len(a) == 2 and difference(a[0], a[1]) != difference(b[0], b[1]):
        return False
    fixed = [not x.terms or x.terms == (("T", 1),) for x in b]
    if any(f and x != y for f, x, y in zip(fixed, a, b, strict=True)):
        return False  # a boundary
    return kind == their_kind or _agree(judge, of, by, b, kind, their_kind)


def _agree(judge: Judge, of: str, by: str, times: tuple[Lin, ...], *kinds: str) -> bool:
    """Whether two kinds of derivative are one here: ∂h_t/∂h_{t−1}, total or in one step."""
    world = judge.ground.world
    at = iter([2 + x.const for x in times])
    model = judge.system.model
    u = (of, None if of == LOSS.name or not model.table[of].timed else next(at))
    v = (by, None if not model.table[by].timed else next(at))
    if u not in world.values or v not in world.values:
        return False
    kinds = tuple(IMMEDIATE if k == DIRECT else k for k in kinds)
    a, b = (np.asarray(world.derivative(u, v, k), float) for k in kinds)
    return bool(np.array_equal(a, b) or np.allclose(a, b, rtol=1e-12, atol=1e-12))


def _likeness(e: Equation, written: set[tuple[Any, Any]]) -> float:
    """How far the right sides are written in the same derivatives."""
    theirs = {(d.of.name, d.wrt.name) for d in e.rhs.atoms(mx.Deriv)}
    both = written | theirs
    return 1.0 if not both else len(written & theirs) / len(both)


__all__ = ["label"]
