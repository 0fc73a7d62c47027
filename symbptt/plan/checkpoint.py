"""The program of one segment of a longer sequence: what comes later is given from outside.

dL/dh at the end of the segment += what the next segment gives to its initial state, the same
for dL/dg at the first step where g runs from T to 1; 1/T counts all steps, and a loss at T is
there in the last segment only.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from .. import matrix as mx
from ..derive import derive
from ..model import Derivation, Loss
from .backward import Planner
from .program import Buffer, Ref

T_ALL = sympy.Symbol("T_all")  # the steps of the whole sequence; T are those of the segment
FINAL = sympy.Symbol("final")  # 1, or 0 where the loss of the segment is left out


def weighted(derivation: Derivation) -> Derivation:
    """The recursions of one step on its own, whose loss can be left out of the gradient."""
    given = derivation.given or derivation.model
    if given.loss.over == "last":
        return derivation
    return derive(replace(given, loss=Loss("mean", given.loss.step)), derivation.strategy)


class SegmentPlanner(Planner):
    """A planner whose recursions start from the gradient of the segment's last state."""

    def __init__(self, derivation: Derivation, horizon: Any = T_ALL):
        super().__init__(derivation)
        self.horizon = horizon
        self.final = next(n for n in ("final", "final_one") if n not in self.reserved)

    def symbols(self, e: mx.Node) -> mx.Node:
        """Weights of the loss as they are in the whole sequence."""
        e = super().symbols(e)
        weights = {x: mx.Scalar(x.value.xreplace({mx.T: self.horizon})) for x in e.atoms(mx.Scalar)}
        at_end = mx.Kron(mx.t, mx.T)
        return e.xreplace({**weights, at_end: mx.times(at_end, mx.Var(self.final))})

    def backward(self) -> None:
        if self.model.loss.over == "last":
            self.b.buffers[self.final] = Buffer(self.final, (), None, "static")
            self.b.emit("final", Ref(self.final))
        super().backward()

    def _start(
        self, name: str, shape: Any, now: list[mx.Node], fill: bool, labels: Any, rows: int
    ) -> bool:
        started = super()._start(name, shape, now, fill, labels, rows)
        for d in self.model.states:
            if rows and name == self.total_name.get(d.name):
                self.b.emit("later", Ref(name, "end"), d.name, labels=labels)
        return started
