"""The gradient that the emitted code should give, by the derivation's own recursions.

For `Blocks` it is put together loss by loss. The loss of step s is a function of the
parameters as they are used at the steps first(s)..last(s), the states before and after them held
fixed: the full gradient of that piece of the sequence, with no other loss in it. The pieces add
up. A piece is run as a model of its own, whose loss is multiplied by [t = s].
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from .. import matrix as mx
from ..derive import derive
from ..matrix.evaluate import Array
from ..model import Declaration, Derivation, Loss, Model
from ..strategy import Blocks
from ..unroll import Run, gradients, unroll
from .inputs import Setting

Functions = Mapping[str, Callable[..., Any]]
Given = Mapping[tuple[str, int | None], Array]


def specified(
    derivation: Derivation, given: Given, setting: Setting, functions: Functions
) -> tuple[Run, dict[str, Array]]:
    """The forward run and every gradient, in the arithmetic of `given` and `functions`."""
    run = unroll(derivation.model, given, setting.sizes, functions, setting.steps)
    if not isinstance(derivation.strategy, Blocks):
        return run, gradients(derivation, run)
    model = derivation.given or derivation.model
    total: dict[str, Array] = {}
    for s, part in _pieces(model, derivation.strategy, run, setting, functions):
        weight = _share(model, s, setting.steps, functions["number"])
        for name, array in part.items():
            total[name] = total[name] + weight * array if name in total else weight * array
    return run, total


@lru_cache
def _of_one_loss(model: Model) -> tuple[Derivation, str]:
    """The model whose loss is there at one step only, and the name of the mask that says where."""
    name = next(n for n in ("counts", "counts_", "counts__") if n not in model.table)
    mask = Declaration(name, "mask", (), True)
    step = model.loss.step
    equations = tuple(
        replace(e, rhs=mx.times(mask.var(mx.t), e.rhs)) if e.lhs == step else e
        for e in model.equations
    )
    declared = (*model.declarations, mask)
    own = replace(model, declarations=declared, equations=equations, loss=Loss("sum", step))
    return derive(own), name


def _pieces(
    model: Model, blocks: Blocks, run: Run, setting: Setting, functions: Functions
) -> Iterator[tuple[int, dict[str, Array]]]:
    """(s, what l_s gives to every gradient)."""
    own, mask = _of_one_loss(model)
    two_way, number = model.is_two_way, functions["number"]
    for s in range(1, setting.steps + 1):
        first, last = blocks.first(s), blocks.last(s, setting.steps) if two_way else s
        given = {k: v for k, v in run.values.items() if k[1] is None}
        for t in range(first, last + 1):
            for d in (*model.inputs, *model.targets):
                given[d.name, t - first + 1] = run.values[d.name, t]
            given[mask, t - first + 1] = np.array(number(sympy.Integer(t == s)), dtype=object)
        for d in model.states:
            for n in range(model.lag(d.name)):
                start, here = (last + 1, last - first + 2) if d.reversed else (first - 1 - n, -n)
                given[d.name, here] = run.values[d.name, start]
        steps = last - first + 1
        part = gradients(own, unroll(own.model, given, setting.sizes, functions, steps))
        for d in model.inputs:
            if d.name in part:
                rows = np.stack([0 * part[d.name][0]] * setting.steps)
                rows[first - 1 : last] = part[d.name]
                part[d.name] = rows
        for d in model.states:
            if last < setting.steps if d.reversed else first > 1:
                part[d.name] = 0 * part[d.name]
        yield s, part


def _share(model: Model, s: int, steps: int, number: Callable[[Any], Any]) -> Any:
    """dL/dl_s."""
    share = sympy.Rational(1, steps) if model.loss.over == "mean" else sympy.Integer(1)
    return number(share if model.loss.over != "last" or s == steps else sympy.Integer(0))
