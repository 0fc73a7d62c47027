"""The gradient that the emitted code should give, by the derivation's own recursions.

For `Blocks` it is put together loss by loss. The loss of step s is a function of the
parameters as they are used at the steps first(s)..s, the state before them held fixed: the
full gradient of that piece of the sequence, with the loss at its end. The pieces add up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from ..derive import derive
from ..matrix.evaluate import Array
from ..model import Derivation, Loss, Model
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
def _at_the_end(model: Model) -> Derivation:
    return derive(replace(model, loss=Loss("last", model.loss.step)))


def _pieces(
    model: Model, blocks: Blocks, run: Run, setting: Setting, functions: Functions
) -> Iterator[tuple[int, dict[str, Array]]]:
    """(s, what l_s gives to every gradient)."""
    last = _at_the_end(model)
    for s in range(1, setting.steps + 1):
        first = blocks.first(s)
        given = {k: v for k, v in run.values.items() if k[1] is None}
        for d in (*model.inputs, *model.targets):
            for t in range(first, s + 1):
                given[d.name, t - first + 1] = run.values[d.name, t]
        for d in model.states:
            for n in range(model.lag(d.name)):
                given[d.name, -n] = run.values[d.name, first - 1 - n]
        part = gradients(last, unroll(last.model, given, setting.sizes, functions, s - first + 1))
        for d in model.inputs:
            if d.name in part:
                rows = np.stack([0 * part[d.name][0]] * setting.steps)
                rows[first - 1 : s] = part[d.name]
                part[d.name] = rows
        for d in model.states if first > 1 else ():
            part[d.name] = 0 * part[d.name]
        yield s, part


def _share(model: Model, s: int, steps: int, number: Callable[[Any], Any]) -> Any:
    """dL/dl_s."""
    share = sympy.Rational(1, steps) if model.loss.over == "mean" else sympy.Integer(1)
    return number(share if model.loss.over != "last" or s == steps else sympy.Integer(0))
