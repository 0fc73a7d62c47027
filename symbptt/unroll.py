"""A model and its derivation run step by step in any scalar arithmetic.

Fractions, mpmath numbers and exact polynomials all use this one loop, so the explicit proof
and the numerical check read the derived equations and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import matrix as mx
from .errors import ModelError
from .matrix.evaluate import Array, Setting, evaluate
from .model import Derivation, Model, scheduled

Values = dict[tuple[str, int | None], Array]


Record = Callable[[str, int, Array], Array]


def _as_is(name: str, time: int, array: Array) -> Array:
    return array


@dataclass
class Run:
    """The values of one unrolled run: (name, time) -> array; parameters have time None."""

    setting: Setting
    steps: int
    values: Values = field(default_factory=dict)
    adjoints: Values = field(default_factory=dict)
    loss: Any = None

    def at(self, time: int) -> Setting:
        s = self.setting
        return Setting(s.lookup, s.sizes, s.functions, {"t": time, "T": self.steps})


def unroll(
    model: Model,
    given: Mapping[tuple[str, int | None], Array],
    sizes: Mapping[str, int],
    functions: Mapping[str, Callable[..., Any]],
    steps: int,
    record: Record = _as_is,
) -> Run:
    """The forward pass: `given` holds parameters (time None), inputs, targets, initial states.

    `record` sees every computed array and may replace it, for example by names for its entries.
    """
    values: Values = dict(given)

    def lookup(node: mx.Node, times: tuple[int, ...]) -> Array:
        known, name = (
            (run.adjoints, node.wrt.name) if isinstance(node, mx.Deriv) else (values, node.name)
        )
        key = (name, times[-1] if times else None)  # dL_s/dv[t] has two times
        if key not in known:
            raise ModelError(f"{node} is read at {key[1]} and has no value there")
        return known[key]

    run = Run(Setting(lookup, sizes, functions), steps, values)
    for equations, ahead in model.passes:
        for time in _order(steps, ahead):
            for e in equations:
                array = evaluate(e.rhs, run.at(time))
                values[e.lhs.name, time] = record(e.lhs.name, time, array)
    run.loss = evaluate(model.loss.expression(), run.at(steps)).item()
    return run


def gradients(derivation: Derivation, run: Run, record: Record = _as_is) -> dict[str, Array]:
    """Every gradient of the derivation, by running its recursions backward over a forward run.

    Parameters and states are keyed by name (a state's is that of its start, or a stack of
    those of its starts, oldest first); inputs are stacked over t = 1..T. `record` sees every
    adjoint and may replace it.
    """
    adjoint = derivation.group("adjoint").equations
    for equations, ahead in scheduled(adjoint, lambda e: e.lhs.wrt.name, _adjoints):
        for time in _order(run.steps, ahead):
            for e in equations:
                array = evaluate(inside(e.rhs, run, time), run.at(time))
                run.adjoints[e.lhs.wrt.name, time] = record(e.lhs.wrt.name, time, array)
    out: dict[str, Array] = {}
    starts: dict[str, list[Array]] = {}
    for e in derivation.group("gradient").equations:
        name = e.lhs.wrt.name
        if e.lhs.wrt.time == mx.t:
            steps = range(1, run.steps + 1)
            out[name] = np.stack([evaluate(inside(e.rhs, run, s), run.at(s)) for s in steps])
        else:
            starts.setdefault(name, []).append(
                evaluate(inside(e.rhs, run, run.steps), run.at(run.steps))
            )
    for name, rows in starts.items():
        out[name] = rows[0] if len(rows) == 1 else np.stack(rows[::-1])
    return out


def _order(steps: int, ahead: bool) -> range:
    return range(steps, 0, -1) if ahead else range(1, steps + 1)


def _adjoints(rhs: mx.Node) -> list[mx.Var]:
    """dL/dw of a right side, as the w."""
    return [d.wrt for d in rhs.atoms(mx.Deriv) if d.wrt.times]


def inside(rhs: mx.Node, run: Run, time: int) -> mx.Node:
    """The terms whose adjoint lies within 1..T: beyond, dL/dw is 0 (the boundary)."""
    at = run.at(time)

    def beyond(term: Any) -> bool:
        return any(
            d.wrt.times
            and not (d.wrt.time.free_symbols - {mx.t, mx.T})
            and not 1 <= at.integer(d.wrt.time) <= run.steps
            for d in term.atoms(mx.Deriv)
        )

    terms = rhs.args if isinstance(rhs, mx.Plus) else (rhs,)
    kept = [x for x in terms if not beyond(x)]
    return rhs if len(kept) == len(terms) else mx.plus(mx.zeros(rhs.shape), *kept)
