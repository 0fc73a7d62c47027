"""The readings of a false line that are worth trying its edits under.

A line of two derivatives has dozens of readings, and its letters and derivatives two or three
values under them. Two readings that agree in all these values differ for no edit that does not
bring in a derivative of its own; and where the two sides have one shape under some readings, an
edit that leaves the shapes alone is of no use under the others.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...errors import SymbpttError
from .. import surface as s
from ..algebra.tensor import Tensor
from ..judge.judge import Judge
from ..judge.readings import Reading
from ..judge.truth import FALSE
from ..meaning.formula import Meaning

Key = tuple[Any, ...]
_ERRORS = (SymbpttError, ArithmeticError, ValueError, LookupError)


class Distinct:
    """The readings to try the edits of one line under; all where the line has no left side."""

    def __init__(self, judge: Judge, readings: Iterable[tuple[int, Reading]]):
        every = list(readings)
        unsaid = [x for x in every if not x[1].kinds]  # nothing is assumed that needs words
        found: dict[Any, tuple[int, Reading]] = {}
        for n, reading in unsaid or every:
            values = _values(judge, reading)
            if values is not None:
                found.setdefault((n, *values), (n, reading))
        kept = list(found.values())
        fitting = [x for x in kept if judge.try_(x[1]).outcome == FALSE]
        self._kept: dict[Key, list[dict[str, str]]] = {}
        kept = fitting or kept
        self._ordered = any(_has_product(reading) for _, reading in kept)
        for n, reading in kept:
            self._kept.setdefault(self._key(n, reading), []).append(dict(reading.choice.kinds))

    def _key(self, n: int, reading: Reading) -> Key:
        """What settles the shapes; the order of a ∏ that an edit brings in is open."""
        choice = reading.choice
        order = choice.order if self._ordered else ""
        return n, choice.row, choice.layout, order, choice.spread, reading.ground

    def has(self, n: int, reading: Reading) -> bool:
        """Whether an edited line is to be read so: as one of those kept, in all they settle."""
        if not self._kept:
            return True
        kinds = reading.choice.kinds
        return any(
            all(kinds.get(atom, kind) == kind for atom, kind in kept.items())
            for kept in self._kept.get(self._key(n, reading), ())
        )


def _has_product(reading: Reading) -> bool:
    sides = (reading.statement.left, reading.statement.right)
    return any(
        isinstance(n, s.Big) and n.operator == "prod" for side in sides for n in s.walk(side)
    )


def _values(judge: Judge, reading: Reading) -> Key | None:
    """What the letters and derivatives are at one step; None where the left side is nothing."""
    ground, statement = judge.ground_of(reading), reading.statement
    times = next(iter(ground.assignments(ground.free_times(statement), statement.last)))
    bounds = [b for n in s.walk(statement.right) if isinstance(n, s.Big) for b in n.bounds]
    summed = {judge.naming.symbol(b.variable.letter): 2 for b in bounds}
    try:
        left = ground.meaning(reading.choice, times).left(statement.left)
    except _ERRORS:
        return None
    choice = reading.choice
    m = ground.meaning(choice, {**summed, **times})
    parts = [n for n in s.walk(statement.right) if isinstance(n, _PARTS)]
    said = [choice.order, choice.spread, reading.ground, *(_value(m, n) for n in parts)]
    return _digits(left), *said


_PARTS = (s.Symbol, s.Derivative, s.Shorthand)


def _value(m: Meaning, node: s.Node) -> Any:
    try:
        return _digits(m.of(node))
    except _ERRORS as error:
        return str(error)


def _digits(x: Tensor) -> Any:
    return x.shape, x.left, np.round(np.asarray(x.data, float), 9).tobytes()
