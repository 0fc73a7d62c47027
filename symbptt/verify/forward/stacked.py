"""A model whose states are one: s_t = (c_t, h_t), stacked into one vector.

s_t is a function of s_{t−1}, the input and the parameters; c_t and h_t of a step are values on
the way to s_t, and what no state is a function of reads them in s_t.

    c_t = f_t ⊙ s_{t−1}[0:H] + i_t ⊙ g_t     h_t = o_t ⊙ tanh(c_t)
    s_t = [c_t, h_t]                         z_t = V s_t[H:2H]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from ...errors import ModelError
from ...model import Declaration, Equation, Model
from .system import System

Part = tuple[str, int]  # a state, and how many steps back


def with_stack(system: System, letter: str, parts: Sequence[Part]) -> System:
    """The system with `letter` for its only state, the stack of `parts`.

    Raises ModelError, or the ShapeError of arrays that do not stand side by side, where the
    stack of a step is no function of the stack of the step before.
    """
    model = system.model
    if letter in system.names or letter in model.table:
        raise ModelError(f"{letter} is a quantity of the model, and no stack of its states")
    shapes = {d.name: d.shape for d in model.states}
    if any(d.reversed for d in model.states):
        raise ModelError(f"{letter} holds states that run from T to 1")
    if len(set(parts)) != len(parts) or {name for name, _ in parts} != set(shapes):
        raise ModelError(f"{letter} is not the stack of all states")
    for name in shapes:
        lags = sorted(lag for n, lag in parts if n == name)
        if lags != list(range(max(model.lag(name), len(lags)))):
            raise ModelError(f"{letter} does not hold what the next step reads of {name}")
    stack = mx.concat(*(mx.Var(name, shapes[name], (mx.t - lag,)) for name, lag in parts))
    made = _Stack(model, mx.Var(letter, stack.shape, (mx.t,)), tuple(parts))
    return replace(system, model=made.model(), names={**system.names, letter: letter})


class _Stack:
    def __init__(self, model: Model, var: mx.Var, parts: tuple[Part, ...]):
        self.given, self.var = model, var
        self.places: dict[Part, tuple[Any, Any]] = {}
        lo: Any = sympy.Integer(0)
        for part in parts:
            hi = sympy.expand(lo + model.table[part[0]].shape[-1])
            self.places[part], lo = (lo, hi), hi

    def model(self) -> Model:
        before = self._before()
        inside = [e for e in self.given.equations if e.lhs.name in before]
        behind = [e for e in self.given.equations if e.lhs.name not in before]
        whole = mx.concat(*(self._carried(name, lag) for name, lag in self.places))
        states = {name for name, _ in self.places}
        own = Declaration(self.var.name, "state", tuple(self.var.shape), True)
        values = [
            replace(d, role="variable") if d.name in states else d for d in self.given.declarations
        ]
        return replace(
            self.given,
            declarations=(*values, own),
            equations=(
                *(replace(e, rhs=self._read(e.rhs, 1)) for e in inside),
                Equation("", self.var, whole),
                *(replace(e, rhs=self._read(e.rhs, 0)) for e in behind),
            ),
        )

    def _before(self) -> set[str]:
        """The states, and all that they are functions of in their own step."""
        found = {name for name, _ in self.places}
        todo = list(found)
        while todo:
            reads = mx.variables(self.given.defined[todo.pop()].rhs)
            new = {v.name for v in reads if v.times == (mx.t,) and v.name in self.given.defined}
            todo += new - found
            found |= new
        return found

    def _carried(self, name: str, lag: int) -> mx.Node:
        """A part of s_t: what this step has computed, or what s_{t−1} hands on."""
        if not lag:
            return self.given.defined[name].lhs
        return mx.block(self.var.at(mx.t - 1), *self.places[name, lag - 1])

    def _read(self, rhs: mx.Node, least: int) -> mx.Node:
        """A right side that reads its states in s_t, or, from `least` steps back, in s_{t−1}."""
        found = {}
        for v in mx.variables(rhs):
            lag = int(mx.t - v.time) if v.times else 0
            if (v.name, 0) not in self.places or lag < least:
                continue
            back = least if (v.name, lag - least) in self.places else 1
            found[v] = mx.block(self.var.at(mx.t - back), *self.places[v.name, lag - back])
        return rhs.xreplace(found)
