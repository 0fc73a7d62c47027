"""The losses of the language in emitted code: their values, and that none overflows."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symbptt import check, derive, emit, model, plan, prove
from symbptt.check import load_module

HEAD = """size N, C
input  x[t] : N, C
target y[t] : {target}
param  s    : C
o[t] = s * x[t]
"""
FAR = np.array([-1e4, -700.0, -1.0, 0.5, 700.0, 1e4])


def text(loss: str, target: str = "N, C", before: str = "") -> str:
    return f"{before}{HEAD.format(target=target)}l[t] = {loss}\nloss = sum(l[t])\n"


def module(source: str) -> ModuleType:
    return load_module(emit(plan(derive(model(source)))), "losses")


def run(source: str, o: Any, y: Any, **hyper: float) -> tuple[float, np.ndarray]:
    """The loss at one row of predictions, and its gradient by them."""
    x = np.asarray(o, dtype=np.float32).reshape(1, 1, -1)
    y = np.asarray(y)
    y = y.reshape(1, 1, -1).astype(np.float32) if y.ndim else y.reshape(1, 1)
    params = {"s": np.ones(x.shape[-1], np.float32)}
    loss, grads, _ = module(source).loss_and_grad(params, x, y, **hyper)
    return float(loss), grads["x"].ravel()


BINARY = text("sum(binary_cross_entropy(o[t], y[t]))")
HUBER = text("sum(delta**2 * huber((o[t] - y[t]) / delta))", before="hyper delta = 1\n")
CROSS = "sum(cross_entropy(o[t], y[t]))"


@pytest.mark.parametrize("source", [BINARY, HUBER, text(CROSS), text(CROSS, "N in C")])
def test_each_is_proved_and_its_code_checked(source: str) -> None:
    d = derive(model(source))
    assert prove(d).ok
    assert check(plan(d)).ok


@pytest.mark.parametrize("y", [0.0, 1.0, 0.3])
def test_binary_cross_entropy_stands_large_logits_of_both_signs(y: float) -> None:
    loss, slopes = run(BINARY, FAR, np.full(FAR.shape, y))
    assert np.isclose(loss, np.sum(np.logaddexp(FAR, 0) - y * FAR), rtol=1e-6)
    with np.errstate(over="ignore"):
        assert np.allclose(slopes, 1 / (1 + np.exp(-FAR)) - y, atol=1e-6)


@pytest.mark.parametrize("delta", [0.5, 1.0, 2.0])
def test_huber_is_quadratic_inside_and_linear_outside(delta: float) -> None:
    o = np.array([-1e6, -3.0, -0.25, 0.25, 3.0, 1e6])
    loss, slopes = run(HUBER, o, np.zeros(o.shape), delta=delta)
    inside = np.abs(o) <= delta
    each = np.where(inside, o**2 / 2, delta * (np.abs(o) - delta / 2))
    assert np.isclose(loss, each.sum(), rtol=1e-6)
    assert np.allclose(slopes, np.clip(o, -delta, delta), rtol=1e-5)


def test_cross_entropy_of_an_index_is_that_of_its_one_hot_row() -> None:
    o = np.array([0.5, -2.0, 1.0, 700.0, -1e4])
    by_index = run(text(CROSS, "N in C"), o, np.array(2))
    by_row = run(text(CROSS), o, np.eye(5)[2])
    assert np.isclose(by_index[0], by_row[0]) and np.allclose(by_index[1], by_row[1])
    soft = np.array([0.1, 0.2, 0.3, 0.4, 0.0])
    loss, slopes = run(text(CROSS), o, soft)
    assert np.isclose(loss, 700 - soft @ o, rtol=1e-6)
    assert np.allclose(slopes, np.eye(5)[3] - soft, atol=1e-6)
