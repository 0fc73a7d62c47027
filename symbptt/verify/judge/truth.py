"""Whether a claim holds in a small world: at every step it speaks about, entry by entry."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from sympy import Rational

from ... import matrix as mx
from ...errors import SymbpttError
from ...model import Loss
from ..algebra.numbers import Numbers, OutOfRangeError
from ..algebra.tensor import MisfitError, Tensor
from ..forward.system import System
from ..meaning.choice import Choice, UnknownError
from ..meaning.formula import Meaning
from ..meaning.recall import Recall, Said
from ..naming import Naming
from ..world import World, close, world_of
from .free_times import FreeTimes
from .statement import Statement

SAMPLE = 24  # entries at which a claim about named indices is compared
TRUE, FALSE, MISFIT, UNKNOWN = "true", "false", "misfit", "unknown"


@dataclass
class Answer:
    """How a statement fares; `where` is a step at which it fails, with the two sides there, and
    `entry` the values of its named indices, from 0."""

    outcome: str
    detail: str = ""
    where: dict[str, int] | None = None
    left: Tensor | None = None
    right: Tensor | None = None
    used: frozenset[str] = frozenset()
    missing: str = ""
    holds_at: tuple[dict[str, int], ...] = ()
    entry: dict[str, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return self.outcome == TRUE


class Ground:
    """A system with its small worlds, one per variant of the loss."""

    def __init__(self, system: System, naming: Naming, steps: int = 3):
        self.system, self.naming, self.steps = system, naming, steps
        self.free_times = FreeTimes(naming)
        self.recall = Recall()
        self.worked = 0  # how many claims were worked out, those that were recalled not counted

    @cached_property
    def world(self) -> World:
        system = self.system
        return world_of(system.model, self.steps, system.zeros, system.orthogonal)

    def of(self, system: System) -> Ground:
        """The same ground under another system."""
        return Ground(system, self.naming, self.steps)

    def forget(self) -> None:
        """What was said of a world that is another now."""
        self.recall = Recall()

    def algebra(self, times: dict[Any, int]) -> Numbers:
        return Numbers(self.world, times)

    def matches(self, left: Tensor, right: Tensor) -> bool:
        """Equal entries; raises MisfitError where the shapes already differ."""
        left, right = fitted(left, right)
        return close(np.asarray(left.data, float), np.asarray(right.data, float))

    @cached_property
    def last(self) -> Ground:
        """The same model with its loss at the last step only."""
        model = self.system.model
        changed = replace(model, loss=Loss("last", model.loss.step))
        return self.of(replace(self.system, model=changed))

    @cached_property
    def squared(self) -> Ground:
        """The same model with ½‖output − target‖² as its loss."""

        def half(out: mx.Node, target: mx.Node) -> mx.Node:
            gap = mx.plus(out, mx.times(-1, target))
            return mx.times(Rational(1, 2), gap, gap)

        return self._with_loss(half)

    def _with_loss(self, loss: Any) -> Ground:
        model, out = self.system.model, self.system.output
        e = model.defined[out]
        target = mx.Var("target~", e.lhs.shape, (mx.t,))
        value = loss(e.lhs, target)
        value = mx.sum_axes(value) if value.shape else value
        name = model.loss.step.name
        equations = tuple(
            replace(x, rhs=value) if x.lhs.name == name else x for x in model.equations
        )
        changed = replace(model, equations=equations)
        return self.of(replace(self.system, model=changed))

    # -- truth

    def check(self, claim: Statement, choice: Choice) -> Answer:
        """Compare the sides at every step and entry that the claim quantifies over.

        Asked again, of readings that agree in all that was asked for, the answer is the same one.
        """
        key = (id(claim.left), claim.last, self.recall.letters(choice))
        said = self.recall.find(claim.right, key, choice, _nowhere)
        if said is None:
            asked: set[str] = set()
            answer = self._checked(claim, choice, asked)
            said = Said((claim.left, answer), frozenset(asked))
            self.recall.keep(claim.right, key, choice, _nowhere, said)
        found: Answer = said.value[1]
        return found

    def _checked(self, claim: Statement, choice: Choice, asked: set[str]) -> Answer:
        self.worked += 1
        names = self.free_times(claim)
        held: list[dict[str, int]] = []
        answer: Answer | None = None
        if mx.t not in names and any(g.scope == "step" for g in choice.gradients.values()):
            names = [mx.t, *names]
        seen_error: SymbpttError | None = None
        used: set[str] = set()
        for times in self.assignments(names, claim.last, self.free_times.after(claim)):
            try:
                outcome = self._at(claim, choice, times, used, asked)
            except OutOfRangeError as error:
                seen_error = error
                continue
            except MisfitError as error:
                return Answer(MISFIT, error.message, _named(times), used=frozenset(used))
            except UnknownError as error:
                return Answer(UNKNOWN, error.message, missing=error.name)
            except (SymbpttError, ZeroDivisionError, ValueError, IndexError, KeyError) as error:
                return Answer(UNKNOWN, str(error))
            if outcome is None:
                held.append(_named(times))
                continue
            left, right, entry = outcome
            answer = Answer(FALSE, "", _named(times), left, right, frozenset(used), entry=entry)
            if not claim.last:
                break
        if answer is not None:
            answer.holds_at = tuple(held)
            return answer
        if not held:
            return Answer(UNKNOWN, str(seen_error or "it speaks about no step"))
        return Answer(TRUE, used=frozenset(used), holds_at=tuple(held))

    def assignments(
        self, names: list[Any], last: bool, after: Collection[Any] = ()
    ) -> Iterator[dict[Any, int]]:
        """Values of the free times: t first in the middle, then at the edges; others up to t, and
        those `after` it from t on."""
        steps = self.world.steps
        order = [n for n in (2, 1, *range(3, steps + 1)) if n <= steps]
        if not names:
            yield {mx.t: steps if last else 2}
            return
        main = mx.t if mx.t in names else names[0]
        rest = [n for n in names if n != main]
        for value in [steps] if last else order:
            up, down = range(value, steps + 1), range(value, 0, -1)
            for others in itertools.product(*(up if n in after else down for n in rest)):
                if len(rest) > 1 and not after and list(others) != sorted(others, reverse=True):
                    continue
                out = {main: value, **dict(zip(rest, others, strict=True))}
                out.setdefault(mx.t, value)
                yield out

    def meaning(self, choice: Choice, times: dict[Any, int]) -> Meaning:
        """What formulas say here, at given times."""
        return Meaning(self.system, self.naming, self.algebra(times), choice, self.recall)

    def sides(
        self, claim: Statement, choice: Choice, times: dict[Any, int], asked: set[str]
    ) -> tuple[Tensor, Tensor, Meaning]:
        """Both sides; what of the reading they depend on is added to `asked`, whatever happens."""
        m = self.meaning(choice, times)
        m.asked = asked
        left = m.left(claim.left)
        return left, m.right(claim.right, left), m

    def _at(
        self,
        claim: Statement,
        choice: Choice,
        times: dict[Any, int],
        used: set[str],
        asked: set[str],
    ) -> tuple[Tensor, Tensor, dict[str, int]] | None:
        """None where the sides agree, else the two sides, and the named indices there."""
        left, right, m = self.sides(claim, choice, times, asked)
        used |= m.used
        if m.components:
            free = list(m.components)
            for values in _entries([int(m.components[c]) for c in free]):
                alg = self.algebra(times)
                alg.free = dict(zip(free, values, strict=True))
                again = Meaning(self.system, self.naming, alg, choice, self.recall)
                again.asked = asked
                left, right = again.left(claim.left), again.of(claim.right)
                if not self.matches(left, right):
                    return left, right, alg.free
            return None
        return None if self.matches(left, right) else (left, right, {})


def _nowhere(name: Any) -> None:
    """A claim is not said of one step: it depends on the value of no letter."""


def _entries(sizes: list[int]) -> list[tuple[int, ...]]:
    """Values of the named indices: all of them, or a draw in which equal ones are frequent."""
    if math.prod(sizes) <= SAMPLE:
        return list(itertools.product(*map(range, sizes)))
    draw = random.Random(repr(sizes))
    found = {tuple(draw.randrange(n) for n in sizes) for _ in range(SAMPLE // 2)}
    for _ in range(SAMPLE):
        one = draw.randrange(max(sizes))
        found.add(tuple(one % n if draw.random() < 0.7 else draw.randrange(n) for n in sizes))
    return sorted(found)


def fitted(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """The two sides brought to one shape, or a MisfitError that names both."""
    if left.shape == right.shape:
        if left.left == right.left or (left.rank > 1 and (left.loose or right.loose)):
            return left, right
        if left.rank > 1 and right.rank > 1 and left.rank > 2:
            return left, right
    if right.rank == 0 and left.rank and _is_zero(right):
        return left, replace(right, data=np.zeros(left.shape), shape=left.shape, left=left.left)
    # ∂h/∂b may be given by its diagonal; that is a reading of its own and not fitted here
    raise MisfitError(f"the left side is {left.show_shape()}, the right side {right.show_shape()}")


def _is_zero(x: Tensor) -> bool:
    return not callable(x.data) and float(x.data) == 0.0


def _named(times: dict[Any, int]) -> dict[str, int]:
    return {str(k): v for k, v in times.items()}
