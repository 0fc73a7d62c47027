"""What a refuted line is shown: shapes first, the smallest counterexample, where it comes from."""

from __future__ import annotations

from collections.abc import Iterable

from ...errors import SymbpttError
from .. import surface as s
from ..algebra.letters import Letters
from ..algebra.tensor import MisfitError
from ..judge.judge import Judge
from ..judge.line import REFUTED, Line
from ..judge.readings import Reading
from ..judge.truth import MISFIT, UNKNOWN, Statement
from ..meaning.formula import Meaning
from ..write import plain
from .counter import Counterexamples, reading_of
from .inherit import Inheritance
from .marks import changes, edited


def evidence(judge: Judge, lines: Iterable[Line] | None = None) -> None:
    """Complete the refuted ones of `lines`, all of them if None; say which follow from which."""
    wanted = {id(x) for x in (judge.lines if lines is None else lines)}
    readings: dict[int, Reading] = {}
    counters = Counterexamples(judge)
    for n, line in enumerate(judge.lines):
        if id(line) not in wanted or line.verdict != REFUTED:
            continue
        if line.claim.right is None or not _equates(line):
            continue
        statement = judge.statement(line)
        repair = line.repair
        if repair is not None:
            line.marks = edited(statement, repair.statement)
            line.change = _change(changes(statement, repair.statement))
        found = reading_of(judge, statement, repair.reading if repair is not None else None)
        if found is not None:
            readings[n] = found
            line.counterexample = counters.of(line, found)
        elif line.answer is not None and line.answer.outcome == MISFIT:
            line.shapes = misfit(judge, line)
    Inheritance(judge, readings).mark()


def _equates(line: Line) -> bool:
    return line.claim.relation in ("=", ":=", "+=", "←")


def _change(parts: list[tuple[s.Node, s.Node | None]]) -> str:
    """What to write where, if that is one place and short."""
    if len(parts) != 1 or parts[0][1] is None:
        return ""
    old, new = plain(s.bare(parts[0][0])), plain(s.bare(parts[0][1]))
    return f"{new}, not {old}" if len(old) + len(new) < 60 else ""


def first_reading(judge: Judge, statement: Statement) -> Reading | None:
    """The first plain reading under which the sides have values, or at least a shape each."""
    readings = [
        reading
        for base in judge.bases(statement)
        for reading in judge.options.plain(statement, base)
    ]
    known = (r for r in readings if judge.try_(r).outcome != UNKNOWN)
    return next(known, None)


def misfit(judge: Judge, line: Line) -> str:
    """Why the shapes of a line do not fit, in the names of the sizes."""
    statement = judge.statement(line)
    for base in judge.bases(statement):
        for reading in judge.options.plain(statement, base):
            if judge.try_(reading).outcome != MISFIT:
                continue
            system = judge.ground_of(reading).system
            m = Meaning(system, judge.naming, Letters(system.model), reading.choice)
            try:
                left, right = m.left(statement.left), m.of(statement.right)
            except MisfitError as error:
                return error.message
            except SymbpttError:
                continue
            return f"the left side is {left.show_shape()}, the right side {right.show_shape()}"
    return line.answer.detail if line.answer is not None else ""
