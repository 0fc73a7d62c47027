"""What one edit of the author's line would make it true: the diagnosis of a refuted line.

Single edits come first, then pairs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np

from ... import matrix as mx
from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import Line
from ..judge.readings import NOTE, Reading
from ..judge.statement import Statement
from ..judge.truth import FALSE, MISFIT, Answer
from ..meaning.choice import atom_key
from ..proof.prover import Provers
from .distinct import Distinct
from .edits import Edit, edits
from .symbols import of_next
from .vocabulary import Vocabulary

SINGLE_BUDGET, PLAIN_BUDGET, PAIR_BUDGET = 450, 1200, 1600  # statements worked out


@dataclass(frozen=True)
class Repair:
    """The edits that make a line true, and the reading under which it then is."""

    codes: tuple[str, ...]
    words: str
    statement: Statement
    reading: Reading


class Repairs:
    """The edits of one document's lines."""

    def __init__(self, judge: Judge, provers: Provers):
        self.judge = judge
        self.vocabulary = Vocabulary(judge)
        self.provers = provers
        self._known: dict[Any, tuple[s.Node, list[tuple[int, Reading]]]] = {}

    def _is_proved(self, reading: Reading) -> bool:
        """Whether what the edit made is true for all sizes: what is put forward has to be."""
        return self.provers.prove(reading).ok

    def single(self, line: Line) -> Repair | None:
        statement = self.judge.statement(line)
        self._known.clear()  # the letters may have another meaning for each line
        shape = line.answer is not None and line.answer.outcome == MISFIT
        own = (Edit(*x) for x in of_next(self.vocabulary, line.claim))
        proposed = chain(own, edits(self.vocabulary, statement, shape))
        known: list[Edit] = []
        for names in self._variants(statement):
            spent = 0
            distinct = Distinct(self.judge, self._readings(statement, names))
            for edit in chain(known, _noted(proposed, known)):
                if _says_nothing(edit.statement, statement):
                    continue
                found, cost = self._true(edit.statement, names, distinct)
                spent += cost
                if found is not None and self._is_proved(found):
                    extra = tuple(self._assumed(n) for n in names)
                    codes = _codes(edit.code, shape) + extra
                    return Repair(codes, edit.words, edit.statement, found)
                if spent > (SINGLE_BUDGET if names else PLAIN_BUDGET):
                    break
        return None

    def _assumed(self, name: str) -> str:
        """The class of what a reading assumes; a term of a later cell is the path of its state."""
        paths = len(self.judge.system.model.states) > 1 and name in ("last", "carry")
        return "M20" if paths else NOTE[name].code

    def pair(self, line: Line) -> Repair | None:
        statement = self.judge.statement(line)
        self._known.clear()
        shape = line.answer is not None and line.answer.outcome == MISFIT
        spent = 0
        for names in self._variants(statement)[:2]:
            distinct = Distinct(self.judge, self._readings(statement, names))
            tried = {(statement.left, statement.right)}
            firsts = self._firsts(statement, shape)
            for first in firsts:
                for second in edits(self.vocabulary, first.statement, shape, False):
                    if "too much" in second.words and first.code in ("M01", "M02", "M19"):
                        continue
                    if second.code not in _PAIRED or second.statement == statement:
                        continue
                    if statement.left != first.statement.left != second.statement.left:
                        continue  # of another derivative altogether
                    sides = second.statement.left, second.statement.right
                    if sides in tried or _says_nothing(second.statement, statement):
                        continue
                    tried.add(sides)
                    found, cost = self._true(second.statement, names, distinct)
                    spent += cost
                    if found is not None and self._is_proved(found):
                        codes = tuple(dict.fromkeys((first.code, second.code)))
                        words = f"{first.words}; {second.words}"
                        return Repair(codes, words, second.statement, found)
                    if spent > PAIR_BUDGET:
                        return None
        return None

    def _firsts(self, statement: Statement, shape: bool) -> list[Edit]:
        """The first edits of pairs, the rarest class first: where one is a bracket and the other
        one of a hundred letters, the bracket comes first."""
        every = edits(self.vocabulary, statement, shape, False)
        found = [e for e in every if e.code in _PAIRED]
        count = Counter(e.code for e in found)
        return sorted(found, key=lambda e: count[e.code])

    def _variants(self, statement: Statement) -> list[tuple[str, ...]]:
        """Readings that an edit may need on top: a loss at T only, a vector as a diagonal."""
        names: list[tuple[str, ...]] = [("single",), ("rows",), ("columns",), ("outer",)]
        names += [("commute",), ("tensor",), ("diag",)]
        names += [("squared",), ("hadamard",), ("carry",), ("last",), ("last", "squared")]
        options = self.judge.options
        kept: list[tuple[str, ...]] = [()]
        future = {k for k, g in self.judge.gradients.items() if g.scope == "future"}
        later = bool(future & self.judge.keys_of(statement))
        for some in names:
            if "last" in some and (later or options.looks_ahead(statement)):
                continue  # there the author's later part is zero, and any factor of it right
            if "squared" in some and not options.may_square:
                continue
            if "single" in some and options.given:
                continue
            if all(options.relevant(name, statement) for name in some):
                kept.append(some)
        return sorted(kept, key=lambda x: not self._fits(statement, x))

    def _fits(self, statement: Statement, names: tuple[str, ...]) -> bool:
        """Whether the line has a shape at all under these assumptions."""
        base = self.judge.base()
        options = self.judge.options
        readings = options.leap(names, statement, base) if names else options.plain(statement, base)
        return any(self.judge.try_(r).outcome == FALSE for r in readings)

    def _readings(
        self, statement: Statement, names: tuple[str, ...]
    ) -> Iterator[tuple[int, Reading]]:
        """The readings under some assumptions, each with the number of its base; edits that bring
        in nothing which readings depend on share theirs."""
        judge = self.judge
        gathered = judge.options.gathered(statement)
        letters = gathered.keys & {*judge.gradients, *judge.free, *judge.upright}
        key = (id(statement.left), statement.relation, names, letters, gathered.turned,
               gathered.fraction, gathered.product, gathered.spread,
               tuple(atom_key(n, judge.naming) for n in gathered.derivatives))  # fmt: skip
        if key not in self._known:
            self._known[key] = statement.left, list(self._worked_out(statement, names))
        for n, reading in self._known[key][1]:
            mine = replace(statement, last=reading.statement.last)
            yield n, replace(reading, statement=mine)

    def _worked_out(
        self, statement: Statement, names: tuple[str, ...]
    ) -> Iterator[tuple[int, Reading]]:
        options = self.judge.options
        for n, base in enumerate(self.judge.bases(statement)[:4]):
            readings = (
                options.leap(names, statement, base) if names else options.plain(statement, base)
            )
            for reading in readings:
                yield n, reading

    def _true(
        self, statement: Statement, names: tuple[str, ...], distinct: Distinct | None = None
    ) -> tuple[Reading | None, int]:
        """The first reading under which it is true, and how many had to be worked out."""
        if any(n == statement.left for n in s.walk(statement.right)):
            return None, 0  # a line that says nothing
        spent = 0
        for n, reading in self._readings(statement, names):
            if distinct is not None and not distinct.has(n, reading):
                continue
            ground = self.judge.ground_of(reading)
            before = ground.worked
            answer = self.judge.try_(reading)
            spent += ground.worked - before
            if answer and self._says_something(reading, answer):
                return reading, spent
        return None, spent

    def _says_something(self, reading: Reading, answer: Answer) -> bool:
        """Whether it holds at more than one step, where it is about any step, and of two steps
        at different ones: at equal ones every product from one to the other is empty. And
        whether it says more than 0 = 0."""
        statement = reading.statement
        names = self.judge.ground.free_times(statement)
        apart = len(names) < 2 or any(
            len({at[str(n)] for n in names if str(n) in at}) > 1 for at in answer.holds_at
        )
        several = statement.last or len(answer.holds_at) > 1 or mx.t not in names
        return several and apart and any(self._is_felt(reading, at) for at in answer.holds_at)

    def _is_felt(self, reading: Reading, at: dict[str, int]) -> bool:
        """Whether the left side is other than zero there; one of named indices is not asked."""
        ground, naming = self.judge.ground_of(reading), self.judge.naming
        times = {mx.t: 2, **{naming.symbol(k): n for k, n in at.items()}}
        left, _, m = ground.sides(reading.statement, reading.choice, times, set())
        return bool(m.components) or bool(np.any(np.asarray(left.data, float)))


def _says_nothing(new: Statement, own: Statement) -> bool:
    """Whether an edit has made ∂h/∂h of another derivative: the identity, and no repair."""
    left = s.bare(new.left)
    if not isinstance(left, s.Derivative) or left.of is None:
        return False
    return s.bare(left.of) == s.bare(left.by) and new.left != own.left


def _noted(edits: Iterator[Edit], known: list[Edit]) -> Iterator[Edit]:
    """The further edits, each put among those that are known."""
    for edit in edits:
        known.append(edit)
        yield edit


_PAIRED = {
    "M01",
    "M02",
    "M03",
    "M06",
    "M07",
    "M10",
    "M11",
    "M12",
    "M15",
    "M18",
    "M19",
    "M21",
    "M17",
    "M05",
}


def _codes(code: str, shape: bool) -> tuple[str, ...]:
    """A repair of a line that has no shape is one of its shape as well."""
    return (code, "M17") if shape and code in ("M04", "M05", "M11", "M18") else (code,)
