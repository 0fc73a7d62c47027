"""Readings of a false line, one for each pair of values that its sides take under them.

A line of two derivatives has dozens of readings and its sides two or three values. An edit is
tried under one reading for each: under the others its sides have these values again, unless the
edit brings in a derivative of its own, whose readings are all kept.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from ...errors import SymbpttError
from ..algebra.tensor import Tensor
from ..judge.judge import Judge
from ..judge.readings import Reading

Key = tuple[Any, ...]


class Distinct:
    """The readings of one line to try its edits under; all of them where the line has no sides."""

    def __init__(self, judge: Judge, readings: Iterable[tuple[int, Reading]]):
        self._kept: dict[Key, list[dict[str, str]]] = {}
        values: set[Any] = set()
        for n, reading in readings:
            value = _sides(judge, reading)
            if value is not None and value not in values:
                values.add(value)
                self._kept.setdefault(_plain(n, reading), []).append(dict(reading.choice.kinds))

    def has(self, n: int, reading: Reading) -> bool:
        """Whether an edited line is to be read so: as one of those kept, in all they settle."""
        if not self._kept:
            return True
        kinds = reading.choice.kinds
        return any(
            all(kinds.get(atom, kind) == kind for atom, kind in kept.items())
            for kept in self._kept.get(_plain(n, reading), ())
        )


def _plain(n: int, reading: Reading) -> Key:
    choice = reading.choice
    return n, choice.row, choice.layout, choice.order, choice.spread, reading.ground


def _sides(judge: Judge, reading: Reading) -> Any:
    """What both sides are at the first step they speak of; None where the left one is nothing."""
    ground, statement = judge.ground_of(reading), reading.statement
    times = next(iter(ground.assignments(ground.free_times(statement), statement.last)))
    m = ground.meaning(reading.choice, times)
    try:
        left = m.left(statement.left)
    except (SymbpttError, ArithmeticError, ValueError, LookupError):
        return None
    try:
        return _digits(left), _digits(m.right(statement.right, left))
    except (SymbpttError, ArithmeticError, ValueError, LookupError) as error:
        return _digits(left), str(error)


def _digits(x: Tensor) -> Any:
    return x.shape, x.left, np.round(np.asarray(x.data, float), 9).tobytes()
