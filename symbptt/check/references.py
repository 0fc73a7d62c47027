"""What the numbers are held against: 50-digit runs, complex steps, difference quotients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np

from .. import matrix as mx
from ..matrix.evaluate import Array
from ..model import Derivation, Model
from ..unroll import Run, unroll
from .inputs import Data, Setting
from .specified import specified

DIGITS = 50
COMPLEX_STEP = 1e-30


HUGE = 10**15  # exp of more has an exponent that no comparison needs


def _bounded(f: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def run(z: Any) -> Any:
        if not abs(z) < HUGE:
            raise OverflowError("too large for a function at 50 digits")
        return f(z)

    return run


def high_precision() -> dict[str, Any]:
    """The elementwise functions in mpmath."""
    exp = _bounded(mpmath.exp)
    return {
        "number": lambda v: mpmath.mpf(int(v.p)) / int(v.q),
        "exp": exp,
        "log": mpmath.log,
        "tanh": _bounded(mpmath.tanh),
        "sin": _bounded(mpmath.sin),
        "cos": _bounded(mpmath.cos),
        "sigmoid": lambda z: 1 / (1 + exp(-z)),
        "softplus": lambda z: mpmath.log(1 + exp(z)),
        "relu": lambda z: z if z > 0 else mpmath.mpf(0),
        "hardtanh": lambda z: max(mpmath.mpf(-1), min(mpmath.mpf(1), z)),
        "huber": lambda z: z * z / 2 if abs(z) <= 1 else abs(z) - mpmath.mpf(1) / 2,
        "step": lambda z: mpmath.mpf(int(z > 0)),
    }


def floats(dtype: Any) -> dict[str, Any]:
    """The elementwise functions on NumPy's scalars, by their definitions."""
    one = dtype(1)
    return {
        "number": lambda v: dtype(float(v)),
        "power": lambda v, n: v ** dtype(float(n)),
        **{name: getattr(np, name) for name in ("exp", "log", "tanh", "sin", "cos")},
        "sigmoid": lambda z: one / (one + np.exp(-z)),
        "softplus": lambda z: np.logaddexp(z, dtype(0)),
        "relu": lambda z: max(z, dtype(0)),
        "hardtanh": lambda z: max(-one, min(one, z)),
        "huber": lambda z: z * z / dtype(2) if abs(z) <= 1 else abs(z) - dtype(0.5),
        "step": lambda z: dtype(z > 0),
    }


def reference(derivation: Derivation, d: Data, setting: Setting) -> tuple[Run, dict[str, Array]]:
    """The forward run and every gradient, at 50 digits."""
    with mpmath.workdps(DIGITS):
        return specified(derivation, d.given, setting, high_precision())


def in_floats(
    derivation: Derivation, d: Data, setting: Setting, name: str
) -> tuple[Run, dict[str, Array]]:
    """The same equations entry by entry in float64 or float32: what rounding does to them."""
    dtype = np.dtype(name).type

    def entry(value: Any) -> Any:
        return value if isinstance(value, int) else dtype(float(value))

    given = {key: np.frompyfunc(entry, 1, 1)(array) for key, array in d.given.items()}
    given = {key: np.asarray(array, dtype=object) for key, array in given.items()}
    with np.errstate(all="ignore"):
        return specified(derivation, given, setting, floats(dtype))


def relative_error(a: Any, b: Any) -> float:
    """max|a − b| / max|b|, computed at high precision; inf for a wrong shape or a NaN."""
    a, b = np.asarray(a), np.asarray(b, dtype=object)
    if a.shape != b.shape or not np.all(np.isfinite(a)):
        return float("inf")
    with mpmath.workdps(DIGITS):
        gap = max((abs(mpmath.mpf(float(x)) - y) for x, y in zip(a.flat, b.flat, strict=True)))
        size = max(abs(y) for y in b.flat)
        error = float(gap / size) if size else float(gap)
        return error if error == error else float("inf")


# NumPy computes these for real numbers only, so the emitted loss has no complex step.
REAL_ONLY = {"softplus", "hardtanh", "huber"}


def analytic(model: Model) -> bool:
    used = {f.name for e in model.equations for f in e.rhs.atoms(mx.Fn)}
    return not used & REAL_ONLY


def quotient_error(model: Model, d: Data, setting: Setting, name: str, grad: Any) -> float:
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


def complex_step(
    model: Model, module: Any, d: Data, grads: dict[str, Any]
) -> dict[str, np.ndarray]:
    """dL/dθ for every entry of every argument, from the emitted loss alone."""
    params, x, y, state = d.cast(complex)
    places = {**{k: (params, k) for k in params}, **{k: (state, k) for k in state}}
    inputs = [i for i in model.inputs if model.is_differentiable(i.var())]
    holder = x if isinstance(x, dict) else {i.name: x for i in model.inputs}
    places.update({i.name: (holder, i.name) for i in inputs})
    out = {}
    workspace: dict[str, Any] = {}
    for name in grads:
        array = places[name][0][places[name][1]]
        slopes = np.empty(array.shape)
        for i in np.ndindex(*array.shape):
            array[i] += COMPLEX_STEP * 1j
            loss = module.loss_and_grad(params, x, y, state, workspace=workspace, **d.hyper)[0]
            with np.errstate(all="ignore"):
                slopes[i] = np.imag(loss) / COMPLEX_STEP
            array[i] = array[i].real
        out[name] = slopes
    return out
