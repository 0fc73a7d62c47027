"""The emitted gradients against JAX's, for the whole zoo in float64; needs the `bench` extra.

The forward equations of the model file are run with jax.numpy arrays, one NumPy form per kind of
node written here again; `jax.grad` does the rest. No line of it is the project's own derivative,
plan or code, and values are found by what an equation reads, not by the project's schedule.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import sympy

from symbptt import load
from symbptt import matrix as mx
from symbptt.check import Setting, data
from symbptt.matrix.functions import Z
from symbptt.model import Model
from tests.conftest import EMITTED

CLOSE = 1e-10
STEPS = 3
Values = Mapping[tuple[str, int | None], Any]


@pytest.fixture(scope="module")
def jax() -> ModuleType:
    found = pytest.importorskip("jax", reason="JAX is not installed: the `bench` extra")
    found.config.update("jax_enable_x64", True)
    return found


class Forward:
    """The loss of a model as a function of its given values, keyed by name and time."""

    def __init__(self, jax: ModuleType, model: Model, sizes: Mapping[str, int]):
        self.jax, self.np, self.model = jax, jax.numpy, model
        self.sizes = {mx.size(n): v for n, v in sizes.items()}

    def loss(self, given: Values) -> Any:
        known = dict(given)

        def value(v: mx.Var, at: Mapping[Any, Any]) -> Any:
            time = None if v.time is None else int(v.time.xreplace(at))
            if (v.name, time) not in known:
                e = self.model.defined[v.name]
                known[v.name, time] = self.of(e.rhs, {mx.t: sympy.Integer(time)}, value)
            return known[v.name, time]

        def step(time: int) -> Any:
            return value(self.model.loss.step, {mx.t: sympy.Integer(time)})

        if self.model.loss.over == "last":
            return step(STEPS)
        total = sum(step(time) for time in range(1, STEPS + 1))
        return total / STEPS if self.model.loss.over == "mean" else total

    def of(self, e: Any, at: Mapping[Any, Any], value: Callable[..., Any]) -> Any:
        if isinstance(e, mx.Var):
            return value(e, at)
        if isinstance(e, mx.OneHot):
            return self.np.eye(self.count(e.args[1]))[value(e.args[0], at)]
        inner = [self.of(a, at, value) for a in e.args if isinstance(a, mx.Node)]
        return FORMS[type(e)](self, e, *inner)

    def count(self, size: Any) -> int:
        return int(sympy.sympify(size).xreplace(self.sizes))

    def shape(self, e: Any) -> tuple[int, ...]:
        return tuple(map(self.count, e.shape))

    def hyper(self, value: Any) -> Any:
        """A number, a size, T or a hyper-parameter."""
        known = {**self.sizes, mx.T: STEPS}
        return value.xreplace(
            {s: self.numbers.get(s.name, known.get(s)) for s in value.free_symbols}
        )

    numbers: Mapping[str, float] = {}

    def apply(self, e: mx.Apply, x: Any) -> Any:
        nn, own = self.jax.nn, self.np
        names = {n: getattr(own, n) for n in ("tanh", "exp", "log", "sin", "cos")}
        names |= {n: getattr(nn, n) for n in ("sigmoid", "softplus", "relu")}
        names["hardtanh"] = nn.hard_tanh
        names["huber"] = lambda z: own.where(abs(z) <= 1, z * z / 2, abs(z) - 0.5)
        body = e.args[0].body
        body = body.xreplace({s: self.numbers[s.name] for s in body.free_symbols - {Z}})
        return sympy.lambdify(Z, body, modules=[names, own])(x)


def product(f: Forward, e: Any, *xs: Any) -> Any:
    out = xs[0]
    for x in xs[1:]:
        out = out * x
    return out


def cross_entropy(f: Forward, e: Any, o: Any, y: Any) -> Any:
    return -(y * f.jax.nn.log_softmax(o, axis=-1)).sum(axis=-1)


def columns(f: Forward, e: mx.Block, x: Any) -> Any:
    return x[..., f.count(e.args[1]) : f.count(e.args[2])]


FORMS: dict[type, Callable[..., Any]] = {
    mx.Scalar: lambda f, e: float(f.hyper(e.value)),
    mx.Plus: lambda f, e, *xs: sum(xs[1:], xs[0]),
    mx.Times: product,
    mx.Power: lambda f, e, x: x ** float(e.args[1]),
    mx.Apply: Forward.apply,
    mx.Softmax: lambda f, e, x: f.jax.nn.softmax(x, axis=-1),
    mx.MatMul: lambda f, e, a, b: a @ b,
    mx.Transpose: lambda f, e, a: a.T,
    mx.Outer: lambda f, e, u, v: f.np.outer(u, v),
    mx.Diag: lambda f, e, v: f.np.diag(v),
    mx.Eye: lambda f, e: f.np.eye(f.count(e.args[0])),
    mx.Broadcast: lambda f, e, x: f.np.broadcast_to(x, f.shape(e)),
    mx.Expand: lambda f, e, x: x.reshape(f.shape(e)),
    mx.Concat: lambda f, e, *xs: f.np.concatenate(xs, axis=-1),
    mx.Block: columns,
    mx.Reduce: lambda f, e, x: x.sum(axis=e.axes, keepdims=e.keepdims),
    mx.SquaredError: lambda f, e, o, y: ((o - y) ** 2).sum(axis=-1) / 2,
    mx.CrossEntropy: cross_entropy,
}


@cache
def setting(name: str) -> Setting:
    return Setting(STEPS, {n: k for k, n in enumerate(load(name).sizes, 2)})


def gradients(jax: ModuleType, name: str, turned: str = "") -> tuple[float, dict[str, Any]]:
    """JAX's loss and gradients; `turned` names a state whose start gets the other sign."""
    model, d = load(name), data(load(name), setting(name))
    forward = Forward(jax, model, setting(name).sizes)
    forward.numbers = {h.name: float(d.given[h.name, None].item()) for h in model.hypers}
    fixed, free = {}, {}
    for key, array in d.given.items():
        real = not all(isinstance(x, int) for x in array.flat)
        sign = -1 if key[0] == turned else 1
        value = jax.numpy.asarray(np.asarray(array.tolist(), float if real else int))
        (free if real else fixed)[key] = sign * value
    loss, slopes = jax.value_and_grad(lambda free: forward.loss({**fixed, **free}))(free)
    out: dict[str, Any] = {}
    for key in sorted({k[0] for k in slopes}):
        rows = [slopes[k] for k in sorted((k for k in slopes if k[0] == key), key=_time)]
        out[key] = np.asarray(rows[0] if len(rows) == 1 else np.stack(rows))
    return float(loss), out


def _time(key: tuple[str, int | None]) -> int:
    return key[1] or 0


def relative(a: Any, b: Any) -> float:
    return float(np.max(np.abs(a - b)) / max(np.max(np.abs(b)), 1e-30))


@pytest.mark.parametrize("name", EMITTED)
def test_the_gradients_are_what_jax_finds(jax: ModuleType, loaded: Any, name: str) -> None:
    d = data(load(name), setting(name))
    loss, truth = gradients(jax, name)
    value, grads, _ = loaded(name).loss_and_grad(*d.cast("float64"), **d.hyper)
    assert abs(value - loss) < CLOSE * abs(loss)
    for key, grad in grads.items():
        assert grad.shape == truth[key].shape, key
        assert relative(grad, truth[key]) < CLOSE, key


def test_the_comparison_can_fail(jax: ModuleType, loaded: Any) -> None:
    """Another start of the state: every gradient of its weights is another one."""
    d = data(load("elman_batch"), setting("elman_batch"))
    _, other = gradients(jax, "elman_batch", turned="h")
    grads = loaded("elman_batch").loss_and_grad(*d.cast("float64"))[1]
    assert relative(grads["W_h"], other["W_h"]) > 1e-3
