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
from dataclasses import dataclass, replace
from typing import Any

import mpmath
import numpy as np

from . import matrix as mx
from .derive import derive
from .emit import emit
from .matrix.evaluate import Array
from .model import Declaration, Derivation, Loss, Model, Step, Verdict
from .plan import Program, plan
from .unroll import Run, gradients, unroll

HORIZONS = (1, 2, 7)
DIGITS = 50
COMPLEX_STEP = 1e-30
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
        for setting in _settings(p.model):
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


@dataclass(frozen=True)
class Setting:
    """One horizon with one choice of sizes."""

    steps: int
    sizes: dict[str, int]

    def __str__(self) -> str:
        sizes = ", ".join(f"{k} = {v}" for k, v in self.sizes.items())
        return f"T = {self.steps}, {sizes}"


def _settings(model: Model) -> Iterator[Setting]:
    """All sizes different; then the same with the batch axis of the states at one."""
    distinct = {name: n for n, name in enumerate(model.sizes, 2)}
    batch = {d.shape[0].name for d in model.states if len(d.shape) > 1 and d.shape[0].is_Symbol}
    for steps in HORIZONS:
        yield Setting(steps, distinct)
        if batch:
            yield Setting(steps, {**distinct, **dict.fromkeys(batch, 1)})


@dataclass(frozen=True)
class Data:
    """Rational inputs, exact in float32, as an unrolled run and as arguments of the module."""

    given: dict[tuple[str, int | None], Array]
    params: dict[str, np.ndarray]
    x: Any
    y: Any
    state: dict[str, np.ndarray]

    def cast(self, dtype: Any) -> tuple[Any, Any, Any, Any]:
        def to(a: Any) -> Any:
            if isinstance(a, dict):
                return {k: to(v) for k, v in a.items()}
            return a.astype(dtype) if a is not None and a.dtype.kind == "f" else a

        return to(self.params), to(self.x), to(self.y), to(self.state)


def data(model: Model, setting: Setting, seed: int = 0) -> Data:
    """Random multiples of 1/16 in [−1, 1], none zero; class indices with repetitions."""
    rng = np.random.default_rng(seed)
    known = {mx.size(k): v for k, v in setting.sizes.items()}

    def shape(d: Declaration) -> tuple[int, ...]:
        return tuple(int(n.xreplace(known)) for n in d.shape)

    def real(dims: tuple[int, ...]) -> np.ndarray:
        return rng.integers(1, 17, dims) * rng.choice([-1, 1], dims) / 16

    given: dict[tuple[str, int | None], Array] = {}
    groups: dict[str, dict[str, np.ndarray]] = {"param": {}, "input": {}, "target": {}}
    for d in (*model.params, *model.inputs, *model.targets):
        dims = ((setting.steps,) if d.timed else ()) + shape(d)
        if d.classes is None:
            array = np.asarray(real(dims), dtype=float)
        else:
            array = rng.integers(0, int(d.classes.xreplace(known)), dims)
        groups[d.role][d.name] = array
        for time in range(1, setting.steps + 1) if d.timed else (None,):
            given[d.name, time] = _exact(array[time - 1] if time else array)
    state = {}
    for d in model.states:
        lag = model.lag(d.name)
        rows = np.asarray(real((lag, *shape(d))), dtype=float)
        state[d.name] = rows if lag > 1 else rows[0]
        for n in range(lag):
            given[d.name, n - lag + 1] = _exact(rows[n])
    return Data(given, groups["param"], _one(groups["input"]), _one(groups["target"]), state)


def _one(arrays: dict[str, np.ndarray]) -> Any:
    if not arrays:
        return None
    return next(iter(arrays.values())) if len(arrays) == 1 else arrays


def _exact(array: Any) -> Array:
    out = np.empty(np.shape(array), dtype=object)
    for i in np.ndindex(*out.shape):
        value = np.asarray(array)[i]
        out[i] = int(value) if np.asarray(array).dtype.kind in "iu" else mpmath.mpf(float(value))
    return out


def high_precision() -> dict[str, Any]:
    """The elementwise functions in mpmath."""
    return {
        "number": lambda v: mpmath.mpf(int(v.p)) / int(v.q),
        "exp": mpmath.exp,
        "log": mpmath.log,
        "tanh": mpmath.tanh,
        "sin": mpmath.sin,
        "cos": mpmath.cos,
        "sigmoid": lambda z: 1 / (1 + mpmath.exp(-z)),
        "softplus": lambda z: mpmath.log(1 + mpmath.exp(z)),
        "relu": lambda z: z if z > 0 else mpmath.mpf(0),
        "step": lambda z: mpmath.mpf(int(z > 0)),
    }


def reference(derivation: Derivation, d: Data, setting: Setting) -> tuple[Run, dict[str, Array]]:
    """The forward run and every gradient, at 50 digits."""
    with mpmath.workdps(DIGITS):
        run = unroll(derivation.model, d.given, setting.sizes, high_precision(), setting.steps)
        return run, gradients(derivation, run)


def relative_error(a: Any, b: Any) -> float:
    """max|a − b| / max|b|, computed at high precision; inf for a wrong shape or a NaN."""
    a, b = np.asarray(a), np.asarray(b, dtype=object)
    if a.shape != b.shape or not np.all(np.isfinite(a)):
        return float("inf")
    with mpmath.workdps(DIGITS):
        gap = max((abs(mpmath.mpf(float(x)) - y) for x, y in zip(a.flat, b.flat, strict=True)))
        size = max(abs(mpmath.mpf(y)) for y in b.flat)
        return float(gap / size) if size else float(gap)


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
        if dtype == "float64" and _analytic(p.model):
            for name, array in _complex_step(p.model, module, d, grads).items():
                yield name, "complex step", relative_error(grads.get(name, np.nan), array)
        elif dtype == "float64":
            for name in truth:
                error = _quotient_error(p.model, d, setting, name, grads.get(name))
                yield name, "difference quotient", error


# NumPy computes these for real numbers only, so the emitted loss has no complex step.
REAL_ONLY = {"softplus"}


def _analytic(model: Model) -> bool:
    used = {f.name for e in model.equations for f in e.rhs.atoms(mx.Fn)}
    return not used & REAL_ONLY


def _quotient_error(model: Model, d: Data, setting: Setting, name: str, grad: Any) -> float:
    """A gradient along one direction against (L(θ + εd) − L(θ − εd)) / 2ε of the model's loss.

    ε = 1e-15 at 50 digits leaves an error of about 1e-30; no derived equation is used.
    """
    keys = [k for k in d.given if k[0] == name]
    keys.sort(key=lambda k: k[1] or 0)
    shapes = [d.given[k].shape for k in keys]
    grads = np.asarray(grad, dtype=object).reshape(len(keys), -1) if grad is not None else None
    if grads is None or grads.shape[1] != int(np.prod(shapes[0], dtype=int)):
        return float("inf")
    rng = np.random.default_rng(1)
    directions = [rng.integers(1, 9, s).astype(object) for s in shapes]
    with mpmath.workdps(DIGITS):
        step, losses = mpmath.mpf(10) ** -15, []
        for sign in (1, -1):
            moved = {k: d.given[k] + sign * step * v for k, v in zip(keys, directions, strict=True)}
            given = {**d.given, **moved}
            run = unroll(model, given, setting.sizes, high_precision(), setting.steps)
            losses.append(run.loss)
        quotient = (losses[0] - losses[1]) / (2 * step)
        along = sum(
            mpmath.mpf(float(g)) * v
            for row, v in zip(grads, directions, strict=True)
            for g, v in zip(row, v.ravel(), strict=True)
        )
        size = sum(
            abs(mpmath.mpf(float(g)) * v)
            for row, v in zip(grads, directions, strict=True)
            for g, v in zip(row, v.ravel(), strict=True)
        )
        return float(abs(along - quotient) / size) if size else float(abs(quotient))


def _complex_step(
    model: Model, module: Any, d: Data, grads: dict[str, Any]
) -> dict[str, np.ndarray]:
    """dL/dθ for every entry of every argument, from the emitted loss alone."""
    params, x, y, state = d.cast(complex)
    places = {**{k: (params, k) for k in params}, **{k: (state, k) for k in state}}
    inputs = [i for i in model.inputs if i.classes is None]
    holder = x if isinstance(x, dict) else {i.name: x for i in model.inputs}
    places.update({i.name: (holder, i.name) for i in inputs})
    out = {}
    workspace: dict[str, Any] = {}
    for name in grads:
        array = places[name][0][places[name][1]]
        slopes = np.empty(array.shape)
        for i in np.ndindex(*array.shape):
            array[i] += COMPLEX_STEP * 1j
            loss = module.loss_and_grad(params, x, y, state, workspace=workspace)[0]
            slopes[i] = np.imag(loss) / COMPLEX_STEP
            array[i] = array[i].real
        out[name] = slopes
    return out


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
