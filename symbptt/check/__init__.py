"""The emitted code in numbers: against high precision, complex step, and its own contract.

The reference is the derivation's recursions run in 50-digit arithmetic on rational inputs that
float32 holds exactly; the complex step Im L(θ + ih)/h (Squire and Trapp, 1998) differentiates
the emitted loss itself and knows no derived equation at all. The error of an array is
max|a − b| / max|b|. Where NumPy has no complex form of a function, a difference quotient of
the model's loss at 50 digits stands in for the complex step.
"""

from __future__ import annotations

import types
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from ..derive import derive
from ..emit import emit
from ..matrix.evaluate import Array
from ..model import Loss, Model, Step, Verdict
from ..plan import Program, plan
from ..unroll import Run
from .inputs import HORIZONS, Setting, data, settings
from .references import analytic, complex_step, quotient_error, reference, relative_error

TOLERANCE = {
    "float64": 1e-12,
    "float32": 1e-4,
    "complex step": 1e-12,
    "difference quotient": 1e-12,
}


def check(program: Program, source: str | None = None) -> Verdict:
    """Check the module emitted from a program, or `source` in its place.

    Horizons 1, 2 and 7; sizes that all differ; a batch of one and of several; the loss as the
    model has it and at the last step only; an initial state that is not zero.
    """
    given = program.derivation.given or program.derivation.model
    cases = [("loss as given", program, source)]
    if given.loss.over != "last":
        last = derive(replace(given, loss=Loss("last", given.loss.step)))
        cases.append(("loss at T only", plan(last), None))
    worst: dict[tuple[str, str], tuple[float, str]] = {}
    broken: dict[str, str] = {}
    for words, p, text in cases:
        for setting in settings(p.model):
            where = f"{words}, {setting}"
            try:
                module = _Guarded(text or emit(p), p.model.name)
                for name, kind, error in _errors(p, module, setting, broken, where):
                    worst[name, kind] = max(worst.get((name, kind), (0.0, where)), (error, where))
            except CodeError as failure:
                broken.setdefault("runs", f"{failure} at {where}")
    return _verdict(program, worst, broken)


class CodeError(Exception):
    """The code under check raised instead of returning."""


class _Guarded:
    """A module's two functions; whatever they raise is their failure, not the check's."""

    def __init__(self, source: str, name: str):
        self.source, self.name = source, name
        self.module = self._call(load_module, source, name)

    @staticmethod
    def _call(function: Any, *args: Any, **keywords: Any) -> Any:
        try:
            return function(*args, **keywords)
        except Exception as error:
            raise CodeError(f"{type(error).__name__}: {error}") from error

    def loss_and_grad(self, *args: Any, **keywords: Any) -> Any:
        return self._call(self.module.loss_and_grad, *args, **keywords)

    def forward(self, *args: Any) -> Any:
        return self._call(self.module.forward, *args)


def load_module(source: str, name: str) -> types.ModuleType:
    """The emitted source as a module."""
    module = types.ModuleType(name)
    exec(compile(source, f"<{name}>", "exec"), module.__dict__)
    return module


def _errors(
    p: Program, module: Any, setting: Setting, broken: dict[str, str], where: str
) -> Iterator[tuple[str, str, float]]:
    d = data(p.model, setting)
    run, truth = reference(p.derivation, d, setting)
    for dtype in ("float64", "float32"):
        args = d.cast(dtype)
        loss, grads, final = module.loss_and_grad(*args)
        yield "loss", dtype, relative_error(loss, run.loss)
        for name, array in truth.items():
            yield name, dtype, relative_error(grads.get(name, np.nan), array)
        _contract(p, module, args, (loss, grads, final), run, broken, where)
        if dtype == "float64" and analytic(p.model):
            for name, array in complex_step(p.model, module, d, grads).items():
                yield name, "complex step", relative_error(grads.get(name, np.nan), array)
        elif dtype == "float64":
            for name in truth:
                error = quotient_error(p.model, d, setting, name, grads.get(name))
                yield name, "difference quotient", error


def _contract(
    p: Program, module: Any, args: Any, result: Any, run: Run, broken: dict[str, str], where: str
) -> None:
    """Arguments untouched, a workspace changes nothing, forward and final state agree."""
    params, x, y, state = args
    loss, grads, final = result
    before = _copied(args)
    workspace: dict[str, Any] = {}
    for _ in range(2):
        again = module.loss_and_grad(params, x, y, state, workspace=workspace)
    if again[0] != loss or any(not np.array_equal(again[1][k], v) for k, v in grads.items()):
        broken.setdefault("workspace", f"a second call with a workspace differs at {where}")
    outputs, after = module.forward(params, x, state)
    if not _equal(_copied(args), before):
        broken.setdefault("arguments", f"an argument was changed at {where}")
    dtype = next(iter(params.values())).dtype
    tolerance = TOLERANCE[str(dtype)]
    for name, array in outputs.items():
        if relative_error(array, _readout(run, p, name)) > tolerance or array.dtype != dtype:
            broken.setdefault("forward", f"forward()[{name!r}] is wrong at {where}")
    for s in p.model.states:
        truth = _last_states(run, p.model, s.name)
        if any(relative_error(f[s.name], truth) > tolerance for f in (final, after)):
            broken.setdefault("final state", f"final_state[{s.name!r}] is wrong at {where}")
    if any(v.dtype != dtype for v in grads.values()):
        broken.setdefault("dtype", f"a gradient is not {dtype} at {where}")


def _copied(args: Any) -> list[Any]:
    out = []
    for a in args:
        for v in a.values() if isinstance(a, dict) else (a,):
            out.append(None if v is None else v.copy())
    return out


def _equal(a: list[Any], b: list[Any]) -> bool:
    return all(x is y or np.array_equal(x, y) for x, y in zip(a, b, strict=True))


def _readout(run: Run, p: Program, name: str) -> Array:
    if not p.buffers[name].timed:
        return run.values[name, run.steps]
    return np.stack([run.values[name, s] for s in range(1, run.steps + 1)])


def _last_states(run: Run, model: Model, name: str) -> Array:
    lag = model.lag(name)
    rows = [run.values[name, run.steps - n] for n in reversed(range(lag))]
    return np.stack(rows) if lag > 1 else rows[0]


CONTRACT = {
    "runs": "the code runs at every setting",
    "arguments": "no argument is changed by a call",
    "workspace": "a call with a workspace gives the same numbers, again and again",
    "forward": "forward() returns the readout",
    "final state": "final_state is the state at T",
    "dtype": "gradients follow the dtype of the parameters",
}


def _verdict(
    program: Program, worst: dict[tuple[str, str], tuple[float, str]], broken: dict[str, str]
) -> Verdict:
    d = program.derivation
    labels = {n: e.label for n, e in d.gradient.items()}
    labels["loss"] = d.group("forward").equations[-1].label
    steps = []
    for name in dict.fromkeys(n for n, _ in worst):
        kinds = {k: v for (n, k), v in worst.items() if n == name}
        late = {k: v for k, v in kinds.items() if not v[0] <= TOLERANCE[k]}
        how = ", ".join(f"{k} {v[0]:.1e} (< {TOLERANCE[k]:.0e})" for k, v in kinds.items())
        detail = "; ".join(f"{k}: {v[0]:.1e} at {v[1]}" for k, v in late.items())
        claim = "the loss" if name == "loss" else f"dL/d{name}"
        steps.append(Step(labels.get(name, ""), claim, not late, how, detail, "numbers"))
    for key, words in CONTRACT.items():
        steps.append(Step("", words, key not in broken, "", broken.get(key, ""), "contract"))
    title = f"{d.model.name}: emitted code, relative errors at T = {_list(HORIZONS)}"
    return Verdict(d.model.name, title, tuple(steps))


def _list(items: Any) -> str:
    return ", ".join(map(str, items))


__all__ = ["check", "load_module"]
