"""Worked counterexamples to claims about eigenvalues, computed for the model's own function.

|λ(W)| > 1, and it vanishes:   h_t = f(w h_{t−1}), whose slope w f'(a_t) falls below 1
|λ(W)| < 1, and it explodes:   W = [[w, w], [−w, −w]] is nilpotent, diag(s) W has w (s_1 − s_2)
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable

import numpy as np
import sympy

from ... import matrix as mx
from ...matrix.functions import Z
from ...model import Model
from ..algebra.numbers import function

STEPS = (1, 4, 16)


def worked(model: Model, source: str) -> tuple[str, ...]:
    """The counterexample to what a source claims; both where its direction is not clear."""
    name = _function_of(model)
    above = re.search(r">\s*1|\\gt\s*1|≥\s*1|\\ge[q]?\s*1|greater than (1|one)|above 1", source)
    below = re.search(r"<\s*1|\\lt\s*1|≤\s*1|\\le[q]?\s*1|less than (1|one)|below 1", source)
    out: list[str] = []
    if above or not below:
        out += _vanishing(name)
    if below or not above:
        out += _exploding(name)
    return tuple(out)


def _function_of(model: Model) -> str:
    """The elementwise function that a state is the value of; tanh where there is none."""
    for d in model.states:
        rhs = model.defined[d.name].rhs
        if isinstance(rhs, mx.Apply) and rhs.args[0].is_builtin:
            return rhs.args[0].name
    return "tanh"


def _pair(name: str) -> tuple[Callable[..., np.ndarray], Callable[..., np.ndarray]]:
    """f and f' on arrays."""
    body = mx.builtin(name).body
    return function(body), function(sympy.diff(body, Z))


def _vanishing(name: str) -> list[str]:
    """A weight above 1 whose products go to 0."""
    f, slope = _pair(name)
    for weight, start in itertools.product((2, 3, 4), (0.5, -0.5, 1.0, -1.0)):
        h, product, found = np.array(start), 1.0, []
        for step in range(1, STEPS[-1] + 1):
            a = weight * h
            product *= weight * float(slope(a))
            h = f(a)
            if step in STEPS:
                found.append(product)
        if abs(found[-1]) < 1e-3:
            return [
                f"h_t = {name}({weight} h_{{t-1}}) from h_0 = {start:g}: λ(W) = {weight} > 1, and "
                f"|∂h_t/∂h_0| is {_list(found)} for t = {_list(STEPS)}: it vanishes"
            ]
    return []


def _exploding(name: str) -> list[str]:
    """A nilpotent weight whose products grow at a fixed point."""
    f, slope = _pair(name)
    candidates = [(x, y) for x in (0.0, 1.0) for y in (2.0, -2.0, -1.0)]
    a = np.array(max(candidates, key=lambda p: _gap(slope, p)))
    gap = _gap(slope, a)
    if gap <= 0:
        return []
    w = int(np.ceil(1.5 / gap))
    weight = np.array([[w, w], [-w, -w]])
    bias = a - weight @ f(a)
    jacobian = slope(a)[:, None] * weight
    norms = [float(np.linalg.norm(np.linalg.matrix_power(jacobian, n), 2)) for n in STEPS]
    if norms[-1] < 10:
        return []
    largest = max(abs(np.linalg.eigvals(jacobian)))
    return [
        f"W = [[{w}, {w}], [{-w}, {-w}]] has both eigenvalues 0. h_t = {name}(W h_{{t-1}} + b) "
        f"with b = ({_list(bias)}) stays at a = ({_list(a)}), where the Jacobian "
        f"diag({name}'(a)) W = [[{_list(jacobian[0])}], [{_list(jacobian[1])}]] has the "
        f"eigenvalue {largest:.3g}",
        f"the norm of its n-th power is {_list(norms)} for n = {_list(STEPS)}: it explodes",
    ]


def _gap(slope: Callable[..., np.ndarray], a: object) -> float:
    first, second = slope(np.asarray(a))
    return float(first - second)


def _list(values: object) -> str:
    return ", ".join(f"{x:.3g}" for x in np.ravel(np.asarray(values)))


__all__ = ["worked"]
