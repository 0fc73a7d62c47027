"""In which sweeps the values at the ends of segments can be found.

A sweep computes one segment after another. A value is within its reach if every value that it
is computed from is, and if what it reads beyond the segment was found by an earlier sweep or is
carried by this one. States are carried in their own direction, their adjoints in the other:

    h_t                   from the first segment to the last
    g_t+1 ← T, dL/dh_t    from the last to the first
    dL/dg_t               from the first to the last, and with it every gradient
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from .. import matrix as mx
from ..model import LOSS, Equation, Model, Sweep
from .roads import total


@dataclass(frozen=True)
class Sweeping:
    """The recursions of a model as a plan over segments: each sweep carries all it can."""

    model: Model
    adjoint: tuple[Equation, ...]

    @cached_property
    def right(self) -> dict[mx.Node, mx.Node]:
        """A value of the forward pass, or an adjoint, at t -> what it is computed by."""
        step = self.model.loss.step
        forward = {e.lhs: e.rhs for e in self.model.equations if e.lhs != step}
        return {**forward, **{e.lhs: e.rhs for e in self.adjoint}}

    @cached_property
    def crossing(self) -> dict[mx.Node, bool]:
        """What crosses the ends of segments -> whether it goes from T to 1."""
        states = [d for d in self.model.states if self.model.lag(d.name)]
        found: dict[mx.Node, bool] = {d.var(mx.t): d.reversed for d in states}
        adjoints = {total(LOSS, d.var(mx.t)): not d.reversed for d in states}
        return found | {x: back for x, back in adjoints.items() if x in self.right}

    def needs(self, values: Iterable[mx.Node]) -> set[mx.Node]:
        """Everything of a segment from which some of its values are computed, those included."""
        found, open_ = set[mx.Node](), set(values)
        while open_:
            found |= open_
            open_ = {y for x in open_ for y in self._reads(self.right[x])} - found
        return found

    def _reads(self, rhs: mx.Node) -> set[mx.Node]:
        here = {v.at(mx.t) for v in mx.variables(rhs) if v.times}
        here |= {total(LOSS, x.wrt.at(mx.t)) for x in rhs.atoms(mx.Deriv)}
        return here & set(self.right)

    def computed(self, sweep: Sweep) -> set[mx.Node]:
        """What a sweep computes of each segment."""
        return self.needs(sweep.carried)

    def sweeps(self) -> tuple[Sweep, ...]:
        """As few as can be, each the other way from the one before."""
        return min((self._from(backward) for backward in (False, True)), key=len)

    def _from(self, backward: bool) -> tuple[Sweep, ...]:
        needs = {x: self.needs([x]) & set(self.crossing) for x in self.crossing}
        known: set[mx.Node] = set()
        found: list[Sweep] = []
        while set(needs) - known:
            carried = {x for x in needs if self.crossing[x] == backward} - known
            while short := {x for x in carried if needs[x] - known - carried}:
                carried -= short
            if carried:
                found.append(Sweep(backward, tuple(x for x in needs if x in carried)))
            known |= carried
            backward = not backward
        return tuple(found)


__all__ = ["Sweeping"]
