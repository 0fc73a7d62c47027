"""The smallest counterexample of a refuted line.

T = 2 and H = 2 unless the line speaks of later steps or its sides agree there; sizes that differ,
h_0 not zero, no symmetric matrix. Exact where every function takes rationals to rationals, else
30 digits. Both sides at one step, entry by entry.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..judge.free_times import FreeTimes
from ..judge.judge import Judge
from ..judge.line import Line
from ..judge.readings import Reading
from ..judge.statement import Statement
from ..judge.truth import FALSE, TRUE, Answer, fitted
from .exact import ExactGround
from .scalars import Digits, Field, IrrationalError

DRAWS = 3


@dataclass(frozen=True)
class Entry:
    """One entry of both sides, as text; `place` is 1-based, () for a number."""

    place: tuple[int, ...]
    left: str
    right: str
    differs: bool


@dataclass(frozen=True)
class Counterexample:
    """Where a line fails and how: `sizes` by name, `at` the times the line is about, `entry` its
    named indices there, from 0."""

    sizes: dict[str, int]
    steps: int
    at: dict[str, int]
    shape: tuple[int, ...]
    entries: tuple[Entry, ...]
    exact: bool
    reading: Reading
    ground: ExactGround
    entry: dict[str, int]

    @property
    def where(self) -> str:
        entry = {k: n + 1 for k, n in self.entry.items()}
        names = {"T": self.steps, **self.at, **entry, **self.sizes}
        return ", ".join(f"{k} = {v}" for k, v in names.items())


class Counterexamples:
    """The counterexamples of one document; its small worlds are made once."""

    def __init__(self, judge: Judge):
        self.judge = judge
        self.grounds: dict[Any, ExactGround | None] = {}

    def of(self, line: Line, reading: Reading | None = None) -> Counterexample | None:
        """The first in the order of size, or None where no small world tells the sides apart."""
        statement = self.judge.statement(line)
        read = reading_of(self.judge, statement, reading)
        if read is None:
            return None
        for steps, seed in itertools.product(self._steps(), range(DRAWS)):
            for field in (Field, Digits):
                ground = self._ground(read.ground, steps, seed, field)
                if ground is None:
                    continue
                answer = ground.check(statement, read.choice)
                if answer.outcome == FALSE:
                    return _told(ground, answer, read, self._about(statement, read))
                if answer.outcome == TRUE:
                    break  # and so it is in decimals
        return None

    def _steps(self) -> range:
        """From 2 on; a text that names the step 3 needs a longer run."""
        named = self.judge.ground.steps
        if self.judge.system.steps is not None:
            return range(named, named + 1)
        return range(2 if named <= 3 else named, max(named, 4) + 1)

    def _about(self, statement: Statement, reading: Reading) -> set[str]:
        times = FreeTimes(self.judge.naming)(statement)
        timed = any(g.scope == "step" for g in reading.choice.gradients.values())
        return {str(x) for x in times} | ({"t"} if timed else set())

    def _ground(
        self, variant: str, steps: int, seed: int, field: type[Field]
    ) -> ExactGround | None:
        """None where a value of the model is no scalar of the field."""
        key = (variant, steps, seed, field)
        if key not in self.grounds:
            ground = self.judge.ground
            system = getattr(ground, variant).system if variant != "own" else ground.system
            self.grounds[key] = made = ExactGround(system, ground.naming, steps, field(), seed)
            try:
                made.make()
            except IrrationalError:
                self.grounds[key] = None
        return self.grounds[key]


def reading_of(judge: Judge, statement: Statement, wanted: Reading | None) -> Reading | None:
    """The reading to show a false line under: its repair's, else the first that gives it sides."""
    for reading in _readings(judge, statement, wanted):
        if judge.try_(reading).outcome == FALSE:
            return reading
    return None


def _readings(judge: Judge, statement: Statement, wanted: Reading | None) -> Iterator[Reading]:
    if wanted is not None:
        yield Reading(wanted.choice, statement, ground=wanted.ground)
    for base in judge.bases(statement):
        yield from judge.options.plain(statement, base)


def _told(ground: ExactGround, answer: Answer, reading: Reading, about: set[str]) -> Any:
    assert answer.left is not None and answer.right is not None and answer.where is not None
    left, right = fitted(answer.left, answer.right)
    field = ground.field
    a, b = (np.asarray(x.data, dtype=object) for x in (left, right))
    found = tuple(
        Entry(
            tuple(n + 1 for n in i), field.show(a[i]), field.show(b[i]),
            not field.equal(a[i], b[i]),
        )
        for i in np.ndindex(*a.shape)
    )  # fmt: skip
    return Counterexample(
        dict(ground.world.sizes),
        ground.steps,
        {k: v for k, v in answer.where.items() if k in about},
        a.shape, found, field.exact, reading, ground, answer.entry,
    )  # fmt: skip


__all__ = ["Counterexample", "Counterexamples", "Entry", "reading_of"]
