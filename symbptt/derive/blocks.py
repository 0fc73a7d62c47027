"""The block states of a model: its states stacked, so that s_t is a function of s_{t-1}.

A state read two steps back enters with h_{t-1} as well. States that run from T to 1 make a
block of their own, where neither way reads the other within the recursion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, count

import sympy

from .. import matrix as mx
from ..model import Block, Model, lag_of


@dataclass(frozen=True)
class Step:
    """One step as a function of states: each state's right side, and the loss of the step.

    Every other value of the step is replaced by its definition; states are not.
    """

    model: Model
    live: frozenset[str]

    @cached_property
    def states(self) -> tuple[mx.Var, ...]:
        return tuple(e.lhs for e in self.model.equations if self._is_state(e.lhs.name))

    def _is_state(self, name: str) -> bool:
        return name in self.live and self.model.table[name].role == "state"

    @cached_property
    def sides(self) -> dict[mx.Var, mx.Node]:
        """State or l, at t -> its right side in states, inputs and parameters."""
        computed = (*self.states, self.model.loss.step)
        rhs = {v: self.model.defined[v.name].rhs for v in computed}
        return {v: self.model.unfold(e, keep=self.states) for v, e in rhs.items()}

    def reads(self, v: mx.Var) -> tuple[mx.Var, ...]:
        """The states that v's right side reads, at their times."""
        return tuple(x for x in mx.variables(self.sides[v]) if self._is_state(x.name))

    def reached(self, p: mx.Var) -> list[mx.Var]:
        """The states that a parameter reaches, in the order of the step."""
        names = {v.name for v in self.states if p in mx.variables(self.sides[v])}
        while True:
            more = {v.name for v in self.states if any(x.name in names for x in self.reads(v))}
            if more <= names:
                return [v for v in self.states if v.name in names]
            names |= more

    def direction(self, v: mx.Var) -> int:
        """1 for a state that runs from 1 to T, −1 for one that runs from T to 1."""
        return -1 if self.model.table[v.name].reversed else 1

    def depth(self, v: mx.Var) -> int:
        """How many steps of v a block holds: what the next step reads, and this step's loss."""
        way = self.direction(v)
        later = [way * lag_of(x) for w in self.states for x in self.reads(w) if x.name == v.name]
        now = [way * lag_of(x) + 1 for x in self.reads(self.model.loss.step) if x.name == v.name]
        return max([1, *later, *now])

    def blocks(self) -> tuple[Block, ...]:
        """One block for each way in time; none where the two ways read each other."""
        ways = {v.name: self.direction(v) for v in self.states}
        if any(ways[x.name] != ways[v.name] for v in self.states for x in self.reads(v)):
            return ()
        names = self._names()
        found = []
        for way in (1, -1):
            run = [v for v in self.states if ways[v.name] == way]
            parts = [v.at(mx.t - way * j) for v in run for j in range(self.depth(v))]
            if parts:
                var = (
                    parts[0] if len(parts) == 1 else mx.Var(next(names), (_total(parts),), (mx.t,))
                )
                found.append(Block(var, tuple(parts), mx.t - way))
        return tuple(found)

    def _names(self) -> Iterator[str]:
        """Names for stacked states that the model does not use."""
        names = chain(("s", "q", "z", "sigma", "xi"), (f"block{n}" for n in count(1)))
        return (n for n in names if n not in self.model.table)


def _total(parts: Iterable[mx.Var]) -> sympy.Expr:
    return sympy.Add(*(sympy.Mul(*v.shape) for v in parts))
