"""What the products of the step's Jacobians do along one sequence.

P(t,k) = J_t ⋯ J_{k+1} = ∂s_t/∂s_k,     ‖P(t,k)‖₂ against t − k
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import matrix as mx
from ..check import load_module
from ..derive import derive
from ..emit import emit
from ..errors import SymbpttError
from ..model import Model
from ..plan import plan
from .numbers import (
    Weights,
    drawn,
    flat,
    initial,
    part,
    sequence,
    shape_of,
    sizes_of,
    step_jacobian,
)

# max|σ'| over all real arguments.
SLOPES = {
    "tanh": 1.0, "sigmoid": 0.25, "relu": 1.0, "hardtanh": 1.0, "huber": 1.0,
    "step": 0.0, "softplus": 1.0, "sin": 1.0, "cos": 1.0,
}  # fmt: skip

Say = Callable[[str], None]


@dataclass(frozen=True)
class Bound:
    """(σ_max(W) · max|σ'|)^(t−k) of a state h_t = σ(W h_{t−1} + …)."""

    weight: str
    function: str  # "" where there is none
    sigma_max: float
    slope: float

    @property
    def rate(self) -> float:
        return self.sigma_max * self.slope


@dataclass(frozen=True)
class Analysis:
    """The numbers of one model at one draw; `mean` and `largest` are indexed by t − k."""

    model: str
    sizes: dict[str, int]
    steps: int
    source: str
    mean: np.ndarray
    largest: np.ndarray
    products: np.ndarray  # the largest ∏‖J_j‖ over t − k steps
    bound: Bound | None
    weights: dict[str, np.ndarray]  # recurrent weight -> its eigenvalues, largest first
    sigma: dict[str, float]  # recurrent weight -> its largest singular value
    jacobian: np.ndarray  # eigenvalues of the mean Jacobian, largest first
    gradients: np.ndarray  # ‖dL/ds_k‖ from the losses after k, k = 0..T−1

    @property
    def rate(self) -> float:
        """The factor per step by which the mean norm went over the whole sequence."""
        last = len(self.mean) - 1
        return float(self.mean[last] ** (1 / last)) if self.mean[last] > 0 else 0.0


def analyze(
    model: Model,
    weights: Weights | None = None,
    *,
    steps: int = 50,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    gain: float = 1.0,
    say: Say = lambda what: None,
) -> Analysis:
    """Measure a model at given weights, or at a seeded draw of deviation gain / √H.

    Inputs and targets are a seeded random sequence of `steps` steps, and the state starts at
    zero. Raises SymbpttError if the model has no state or no code, or a weight does not fit.
    """
    if not any(model.lag(d.name) for d in model.states):
        raise SymbpttError(f"{model.name} reads no state at an earlier step: nothing is multiplied")
    if model.is_two_way:
        ahead = ", ".join(d.name for d in model.states if d.reversed)
        raise SymbpttError(
            f"{ahead} of {model.name} runs from T to 1, and only states from 1 to T are measured",
            "a model without reversed states: the inputs in reverse order give the same numbers",
        )
    if steps < 2:
        raise SymbpttError(f"{steps} steps have no product of Jacobians", "at least 2 steps")
    source = f"random weights, seed {seed}, gain {gain:g}" if weights is None else "given weights"
    known = sizes_of(model, weights, sizes or {})
    if weights is None:
        weights = drawn(model, known, seed, gain)
    say("emitting its code")
    module = load_module(emit(plan(derive(model))), model.name)
    x, y = sequence(model, known, steps, seed)
    states, jacobians = [initial(model, known)], []
    for t in range(steps):
        say(f"Jacobian {t + 1} of {steps}")
        here = part(x, t, t + 1)
        jacobians.append(step_jacobian(model, module, weights, here, states[-1]))
        after = module.forward(weights, here, states[-1])[1]
        states.append({k: np.array(v) for k, v in after.items()})
    say("their products")
    mean, largest, products = product_norms(jacobians)
    recurrent = recurrent_weights(model)
    spectra = {w: spectrum(weights[w]) for w in recurrent if _is_square(weights[w])}
    sigma = {w: float(np.linalg.norm(weights[w], 2)) for w in recurrent}
    gradients = [
        _arriving(model, module, weights, part(x, k), part(y, k), states[k], (steps - k) / steps)
        for k in range(steps)
    ]
    return Analysis(
        model.name,
        known,
        steps,
        source,
        mean,
        largest,
        products,
        _bound(model, sigma),
        spectra,
        sigma,
        spectrum(np.mean(jacobians, axis=0)),
        np.array(gradients),
    )


def _arriving(
    model: Model, module: Any, weights: Weights, x: Any, y: Any, state: Any, share: float
) -> float:
    """‖dL/ds_k‖ through the losses after k; a mean over T counts these as their share of it."""
    grads = module.loss_and_grad(weights, x, y, state)[1]
    norm = float(np.linalg.norm(flat({d.name: grads[d.name] for d in model.states})))
    return norm * share if model.loss.over == "mean" else norm


def product_norms(jacobians: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By t − k = 0..T: the mean and largest ‖J_t ⋯ J_{k+1}‖₂, and the largest ∏‖J_j‖₂."""
    steps, n = len(jacobians), len(jacobians[0])
    norms = [float(np.linalg.norm(j, 2)) for j in jacobians]
    found: list[list[float]] = [[1.0] for _ in range(steps + 1)]
    bounds: list[list[float]] = [[1.0] for _ in range(steps + 1)]
    for k in range(steps):
        product, bound = np.eye(n), 1.0
        for t in range(k, steps):
            product = jacobians[t] @ product
            bound *= norms[t]
            found[t - k + 1].append(float(np.linalg.norm(product, 2)))
            bounds[t - k + 1].append(bound)
    rows = [values[1:] or values for values in found]
    return (
        np.array([np.mean(r) for r in rows]),
        np.array([max(r) for r in rows]),
        np.array([max(b[1:] or b) for b in bounds]),
    )


def spectrum(matrix: np.ndarray) -> np.ndarray:
    """Eigenvalues, largest modulus first."""
    values = np.linalg.eigvals(matrix)
    return values[np.argsort(-np.abs(values))]


def _is_square(matrix: np.ndarray) -> bool:
    return matrix.ndim == 2 and matrix.shape[0] == matrix.shape[1]


def recurrent_weights(model: Model) -> tuple[str, ...]:
    """The parameters that multiply something of an earlier step."""
    params = {d.name for d in model.params}
    found: dict[str, None] = {}
    for e in model.equations:
        for product in e.rhs.atoms(mx.MatMul):
            for factor, other in (product.args, product.args[::-1]):
                factor = factor.args[0] if isinstance(factor, mx.Transpose) else factor
                earlier = any(v.times and v.time != mx.t for v in mx.variables(other))
                if isinstance(factor, mx.Var) and factor.name in params and earlier:
                    found[factor.name] = None
    return tuple(n for n in (d.name for d in model.params) if n in found)


def _bound(model: Model, sigma: Mapping[str, float]) -> Bound | None:
    """The bound of a single state σ(W h_{t−1} + what does not read h_{t−1}), if it is one."""
    if len(model.states) != 1 or model.lag(model.states[0].name) != 1:
        return None
    state = model.states[0].var(mx.t)
    before = state.at(mx.t - 1)
    rhs, function, slope = model.unfold(state), "", 1.0
    if isinstance(rhs, mx.Apply):
        function = rhs.args[0].name
        if not rhs.args[0].is_builtin or function not in SLOPES:
            return None
        rhs, slope = rhs.args[1], SLOPES[function]
    terms = rhs.args if isinstance(rhs, mx.Plus) else (rhs,)
    reading = [a for a in terms if before in mx.variables(a)]
    if len(reading) != 1 or not isinstance(reading[0], mx.MatMul):
        return None
    weight = [a for a in reading[0].args if a != before]
    weight = [a.args[0] if isinstance(a, mx.Transpose) else a for a in weight]
    if len(weight) != 1 or not isinstance(weight[0], mx.Var) or weight[0].name not in sigma:
        return None
    return Bound(weight[0].name, function, sigma[weight[0].name], slope)


__all__ = ["Analysis", "Bound", "analyze", "product_norms", "shape_of"]
