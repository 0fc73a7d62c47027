"""Which wrong line a wrong line comes from: the world as it would be if an earlier one were true.

A false claim about du/dv is imposed on the small world as one more path from v to u, of the
derivative that is missing:

    Δ = R − du/dv      then every total derivative that runs through v and u has the author's value

A later false line that is true there follows from the earlier one. A later true line that is
false there is right, and does not follow.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np

from ...errors import SymbpttError
from ..algebra.numbers import Numbers
from ..judge.free_times import FreeTimes
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, FOLLOWS, PROVED, REFUTED, Line
from ..judge.readings import Reading
from ..judge.statement import Statement
from ..judge.truth import FALSE, Ground, fitted
from ..meaning.choice import DENOMINATOR
from ..meaning.formula import Meaning
from ..world import IMMEDIATE, TOTAL, Key, World


class AuthorWorld(World):
    """A world in which some false lines are true."""

    def __init__(self, world: World):
        self.__dict__.update(world.__dict__)
        self.edges = {w: dict(local) for w, local in world.edges.items()}
        self._cache = {}

    def impose(self, of: Key, by: Key, kind: str, value: Any) -> None:
        """Make d of / d by equal to `value`."""
        missing = value - self.derivative(of, by, kind)
        local = self.edges[of]
        local[by] = local[by] + missing if by in local else missing
        self._cache = {}

    def can(self, of: Key, by: Key) -> bool:
        """Whether `by` is computed before `of`."""
        if of not in self.order or of == by:
            return False
        return by not in self.order or self.order.index(by) < self.order.index(of)


class Recorder(Numbers):
    """The arithmetic of a world that remembers which derivatives were asked for."""

    def __init__(self, world: World, times: Any):
        super().__init__(world, times)
        self.asked: list[tuple[Key, Key, str, int | None]] = []

    def derivative(self, of: Any, by: Any, kind: str = TOTAL, copy: Any = None) -> Any:
        u, v = ((name, self.at(time)) for name, time in (of, by))
        self.asked.append((u, v, kind, self.at(copy)))
        return super().derivative(of, by, kind, copy)


def author_ground(judge: Judge, roots: Iterable[tuple[Statement, Reading]]) -> Ground | None:
    """The judge's ground with false lines imposed; None where one of them says no derivative."""
    base = judge.ground
    ground = Ground(base.system, base.naming, base.steps)
    world = AuthorWorld(base.world)
    ground.__dict__["world"] = world  # in the place of the one it would make
    for statement, reading in roots:
        if not _impose(ground, world, statement, reading):
            return None
    return ground


def _impose(ground: Ground, world: AuthorWorld, statement: Statement, reading: Reading) -> bool:
    if reading.ground != "own" or statement.relation == "+=":
        return False
    names = FreeTimes(ground.naming)(statement)
    late_first = sorted(
        ground.assignments(names, statement.last), key=lambda x: sorted(x.values()), reverse=True
    )
    found = [x for x in late_first if _target(ground, statement, reading, x) is not None]
    if found and _target(ground, statement, reading, found[0])[0][0] != "L":  # type: ignore[index]
        found.reverse()  # a sensitivity runs forward in time
    for times in found:
        target = _target(ground, statement, reading, times)
        assert target is not None
        of, by, kind = target
        value = _value(ground, statement, reading, times, len(world.values[of].shape))
        if value is not None:
            world.impose(of, by, kind, value)
            ground.forget()
    return bool(found)


def _target(
    ground: Ground, statement: Statement, reading: Reading, times: dict[Any, int]
) -> tuple[Key, Key, str] | None:
    """(of, by, kind) of the derivative that the left side is, if it is just one."""
    world = ground.world
    assert isinstance(world, AuthorWorld)
    recorder = Recorder(world, times)
    try:
        Meaning(ground.system, ground.naming, recorder, reading.choice).left(statement.left)
    except SymbpttError:
        return None
    if len(recorder.asked) != 1:
        return None
    of, by, kind, copy = recorder.asked[0]
    if kind not in (TOTAL, IMMEDIATE) or copy is not None or not world.can(of, by):
        return None
    return of, by, kind


def _value(
    ground: Ground, statement: Statement, reading: Reading, times: dict[Any, int], rank: int
) -> Any:
    """The right side with the axes of `of` first."""
    try:
        _, right = fitted(*ground.sides(statement, reading.choice, times, set())[:2])
    except SymbpttError:
        return None
    data = np.asarray(right.data, float)
    if rank and reading.choice.layout == DENOMINATOR:
        inner = data.ndim - rank
        data = np.moveaxis(data, range(inner, data.ndim), range(rank))
    return data


# -- the lines of one document


class Inheritance:
    """Which refuted lines follow from an earlier one, and which right lines do not."""

    def __init__(self, judge: Judge, readings: dict[int, Reading]):
        self.judge, self.readings = judge, readings
        self.grounds: dict[tuple[int, ...], Ground | None] = {}

    def mark(self) -> None:
        roots: list[int] = []
        for n, line in enumerate(self.judge.lines):
            if line.verdict == REFUTED:
                from_ = self._source(line, roots)
                if from_:
                    line.verdict = FOLLOWS
                    line.follows = ", ".join(self.judge.lines[k].claim.id for k in from_)
                elif n in self.readings:
                    roots.append(n)
            elif line.verdict in (PROVED, CONDITIONAL) and line.true and not line.codes:
                self._despite(line, roots)

    def _source(self, line: Line, roots: list[int]) -> tuple[int, ...]:
        """The fewest earlier wrong lines that make this one true."""
        tries: list[tuple[int, ...]] = [(k,) for k in reversed(roots)]
        if len(roots) > 1:
            tries += list(itertools.combinations(roots, 2))[:10]
        for chosen in tries:
            ground = self._ground(chosen)
            if ground is not None and self._holds(line, ground):
                return chosen
        return ()

    def _despite(self, line: Line, roots: list[int]) -> None:
        """A right line that an earlier wrong one would make false."""
        for k in reversed(roots):
            ground = self._ground((k,))
            if ground is None:
                continue
            answers = [ground.check(r.statement, r.choice) for r in line.true[:3]]
            if all(a.outcome == FALSE for a in answers):
                line.codes = ["M29"]
                line.message = (
                    f"the line is right, but it does not follow from your line "
                    f"{self.judge.lines[k].claim.id}, which is false"
                )
                return

    def _ground(self, chosen: tuple[int, ...]) -> Ground | None:
        if chosen not in self.grounds:
            pairs = [(self.judge.statement(self.judge.lines[k]), self.readings[k]) for k in chosen]
            self.grounds[chosen] = author_ground(self.judge, pairs)
        return self.grounds[chosen]

    def _holds(self, line: Line, ground: Ground) -> bool:
        if line.claim.right is None:
            return False
        statement = self.judge.statement(line)
        return any(
            ground.check(reading.statement, reading.choice)
            for base in self.judge.bases(statement)
            for reading in self.judge.options.plain(statement, base)
        )


__all__ = ["AuthorWorld", "Inheritance", "author_ground"]
