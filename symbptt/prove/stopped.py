"""The explicit road of a gradient that is cut: stop-gradient copies, and `sympy.diff`.

For the loss of step s alone the network is unrolled; where the strategy cuts, a step reads its
neighbour's values as copies h̄, which have the same value and no derivative. `sympy.diff` and
the scalar chain rule then give dl_s/du, and the sum over s is what the strategy computes:

    window K    from s, K − 1 steps further and no more
    chunk K     a copy between t and t + 1 wherever t is a multiple of K
    k1, k2      from the end of the block of k1 steps that s is in, k2 − 1 steps further

Against it stand the printed recursions of one loss, run from s to the first and last steps
they name, and the printed gradients of their sum. No formula is shared with `derive`.
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np

from .. import matrix as mx
from ..matrix.evaluate import Array, Setting, evaluate
from ..model import Derivation, Equation, Step, distinct_sizes, scheduled
from ..strategy import Blocks
from ..unroll import Run, Values, gradients, inside
from .explicit import Gap, Unrolled, entrywise, shown_sizes, statements


def stopped(derivation: Derivation) -> list[Step]:
    """Recursions and gradients of the same form with few steps, and where the given one cuts."""
    strategy = derivation.strategy
    assert isinstance(strategy, Blocks)
    two_way = derivation.model.is_two_way
    sizes, small = distinct_sizes(derivation.model), small_ones(strategy, two_way)
    runs = [Stopped(derivation, sizes, steps, blocks) for steps, blocks in small]
    tried = "; ".join(f"T = {steps}, {blocks}" for steps, blocks in small)
    how = "sympy.diff of the unrolled network with a stop-gradient copy at every cut; "
    how += f"{tried}; {shown_sizes(sizes)}"
    cut = {e.lhs.wrt.name: e for e in derivation.group("cut").equations}
    adjoints = [(f"{n}[t]", e) for n, e in cut.items()]
    return [
        *statements([*adjoints, *derivation.gradient.items()], runs, how),
        counted(strategy, two_way),
    ]


def small_ones(strategy: Blocks, two_way: bool) -> list[tuple[int, Blocks]]:
    """(T, a strategy of the same form that leaves something out within T steps, each way)."""
    if strategy.every == 1:
        return [(2, Blocks(1, 1)), (3, Blocks(1, 2))]
    if strategy.every == strategy.back:
        return [(2, Blocks(1, 1)), (3, Blocks(2, 2))]
    return [(4 if two_way else 3, Blocks(2, 3))]


def cuts(strategy: Blocks, s: int) -> set[int]:
    """n for every way between n − 1 and n at which the loss of step s meets a copy first."""
    block = [t for t in range(1, s + strategy.every) if _same_block(strategy, s, t)]
    lowest = highest = s
    if strategy.every == 1:
        for _ in range(strategy.back - 1):
            lowest, highest = lowest - 1, highest + 1
    elif strategy.every == strategy.back:
        while (lowest - 1) % strategy.every:
            lowest -= 1
        while highest % strategy.every:
            highest += 1
    else:
        lowest, highest = block[-1], block[0]
        for _ in range(strategy.back - 1):
            lowest, highest = lowest - 1, highest + 1
    return {lowest, highest + 1}


def _same_block(strategy: Blocks, s: int, t: int) -> bool:
    ends = (next(e for e in count(x) if e % strategy.every == 0) for x in (s, t))
    return len(set(ends)) == 1


def counted(strategy: Blocks, two_way: bool) -> Step:
    """The first and last steps that are named, against counting steps one by one."""
    steps = 2 * (strategy.every + strategy.back)
    agree = True
    for s in range(1, steps + 1):
        below, above = sorted(cuts(strategy, s))
        agree &= strategy.first(s) == max(1, below)
        agree &= not two_way or strategy.last(s, steps) == min(steps, above - 1)
    named = "f_s and n_s are" if two_way else "f_s is"
    words = f"{named} where counting from each step ends: {strategy}, s = 1, …, {steps}"
    return Step("", words, agree, "counted step by step")


class Stopped(Unrolled):
    """One horizon of a strategy: every loss on its own, and the gradients of their sum."""

    def __init__(self, d: Derivation, sizes: dict[str, int], steps: int, strategy: Blocks):
        super().__init__(d, d.model, sizes, steps)
        self.strategy = strategy
        self.copies: set[int] = set()

    def is_stopped(self, n: int) -> bool:
        return n in self.copies

    def gaps(self) -> list[Gap]:
        run, (_, tape) = self.run(), self.tape()
        summed = self._nothing(run)  # dL/dv, of all losses together
        at_ends = {end: self._nothing(run) for end in (1, self.steps)}
        truth: dict[Any, Any] = {}
        found: list[Gap] = []
        for s in range(1, self.steps + 1):
            own = self._of_one_loss(run, s)
            reaches = (self.strategy.first(s), self.strategy.last(s, self.steps))
            for total in (summed, *(at_ends[end] for end in at_ends if end in reaches)):
                for key, array in own.items():
                    total[key] = total[key] + array
            found += self._true(tape, s, truth)
        for name, array in self._gradients(run, summed, at_ends).items():
            found += self._difference(name, array, truth)
        return found

    # -- what is printed

    def _nothing(self, run: Run) -> Values:
        """0 for every adjoint at every step."""
        zero = self.ring.number(0)
        return {
            (name, t): np.full(run.values[name, 1].shape, zero, dtype=object)
            for name in self.derivation.adjoint
            for t in range(1, self.steps + 1)
        }

    def _of_one_loss(self, run: Run, s: int) -> Values:
        """dL_s/dv by the printed recursions, within the steps that they name."""
        equations = self.derivation.group("cut").equations
        run.adjoints.clear()
        run.adjoints.update(self._nothing(run))
        within = range(self.strategy.first(s), self.strategy.last(s, self.steps) + 1)
        self.derived_adjoints = {}
        for group, down in scheduled(equations, lambda e: e.lhs.wrt.name, _adjoints):
            for t in reversed(within) if down else within:
                for e in group:
                    key = e.lhs.wrt.name, t
                    if (t < s) if self._is_ahead(e) else (t > s):
                        continue
                    array = evaluate(inside(e.rhs, run, t), self._at(run, t, s, e))
                    self.derived_adjoints[key] = array
                    run.adjoints[key] = entrywise(self.ring.renamed, array)
        return dict(run.adjoints)

    def _is_ahead(self, e: Equation) -> bool:
        """Whether the recursion of e goes from s to later steps."""
        return "n_" in e.when

    @staticmethod
    def _at(run: Run, t: int, s: int, e: Equation) -> Setting:
        at = run.at(t)
        return Setting(at.lookup, at.sizes, at.functions, {**at.times, e.lhs.of.time.name: s})

    def _gradients(self, run: Run, summed: Any, at_ends: Any) -> dict[str, Array]:
        """The printed gradients: of a start of a state by the losses that reach its step only."""
        run.adjoints.clear()
        run.adjoints.update(summed)
        out = self._evaluated(run)
        for d in self.model.states:
            run.adjoints.update(at_ends[self.steps if d.reversed else 1])
            out[d.name] = self._evaluated(run)[d.name]
        return out

    def _evaluated(self, run: Run) -> dict[str, Array]:
        kept = dict(run.adjoints)
        held = lambda name, time, array: kept[name, time]  # noqa: E731 - what is summed stays
        return gradients(self.derivation, run, held)

    # -- what is true

    def _true(self, tape: Any, s: int, truth: dict[Any, Any]) -> list[Gap]:
        """dl_s/du with copies where the strategy cuts; added to `truth`."""
        loss = self.model.loss
        (symbol,) = [v for v, _, entry in tape if entry[:2] == (loss.step.name, s)]
        weight = {"sum": 1, "mean": mx.as_node(1).value / self.steps}.get(loss.over)
        weight = int(s == self.steps) if weight is None else weight
        self.copies = cuts(self.strategy, s)
        totals = {symbol: self.ring.number(weight)}
        found = self.spread_back(tape, totals, f"s = {s}, {self.strategy}, ")
        for u, share in totals.items():
            truth[u] = truth[u] + share if u in truth else share
        return found


def _adjoints(rhs: mx.Node) -> list[mx.Var]:
    return [x.wrt for x in rhs.atoms(mx.Deriv) if x.wrt.times]
