"""What the products of the step's Jacobians do along one sequence.

P(t,k) = J_t ⋯ J_{k+1} = ∂s_t/∂s_k,     ‖P(t,k)‖₂ against t − k

A model with states of both ways in time has one such analysis for each; for those that run
from T to 1, J_t = ∂g_t/∂g_{t+1} and the distance is k − t.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

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
    """The numbers of one model at one draw; `mean` and `largest` are indexed by |t − k|."""

    model: str
    states: tuple[str, ...]
    reversed: bool  # whether the states run from T to 1
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
    gradients: np.ndarray  # ‖dL/ds_k‖ from the losses after k, k = 0..T−1; before, T+1..2

    @property
    def times(self) -> range:
        """The k of `gradients`."""
        return range(self.steps + 1, 1, -1) if self.reversed else range(self.steps)

    @property
    def rate(self) -> float:
        """The factor per step by which the mean norm went over the whole sequence."""
        last = len(self.mean) - 1
        return float(self.mean[last] ** (1 / last)) if self.mean[last] > 0 else 0.0


def ways(model: Model) -> dict[bool, tuple[str, ...]]:
    """The states that run from 1 to T (False), and those that run from T to 1 (True)."""
    carried = [d for d in model.states if model.lag(d.name)]
    found = {way: tuple(d.name for d in carried if d.reversed is way) for way in (False, True)}
    return {way: names for way, names in found.items() if names}


def analyze(
    model: Model,
    weights: Weights | None = None,
    *,
    steps: int = 50,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    gain: float = 1.0,
    backward: bool | None = None,
    say: Say = lambda what: None,
) -> Analysis:
    """Measure a model at given weights, or at a seeded draw of deviation gain / √H.

    Inputs and targets are a seeded random sequence of `steps` steps, and the state starts at
    zero. `backward` asks for the states that run from T to 1; without it they are measured only
    where there are no others. Raises SymbpttError if the model has no such state or no code, if
    its states run both ways and read each other, or if a weight does not fit.
    """
    found = ways(model)
    if not found:
        raise SymbpttError(
            f"{model.name} reads no state at an earlier step: nothing is multiplied",
            "a model with a state, such as elman",
        )
    backward = next(iter(found)) if backward is None else backward
    if backward not in found:
        raise SymbpttError(f"no state of {model.name} runs that way", f"backward={not backward}")
    if steps < 2:
        raise SymbpttError(f"{steps} is too few steps for a product of Jacobians", "at least 2")
    source = f"random weights, seed {seed}, gain {gain:g}" if weights is None else "given weights"
    known = sizes_of(model, weights, sizes or {})
    if weights is None:
        weights = drawn(model, known, seed, gain)
    say("emitting its code")
    derivation = derive(model)
    if len(found) > 1 and not derivation.blocks:
        raise SymbpttError(
            f"the states of {model.name} run both ways in time and read each other, so no product "
            "of Jacobians leads from one step to another",
            "a model whose two ways meet in the loss only, such as bidirectional",
        )
    module, names = load_module(emit(plan(derivation)), model.name), found[backward]
    x, y = sequence(model, known, steps, seed)
    states, jacobians = [initial(model, known)], []
    for n, t in enumerate(range(steps)[::-1] if backward else range(steps)):
        say(f"Jacobian {n + 1} of {steps}")
        here = part(x, t, t + 1)
        jacobians.append(step_jacobian(model, module, weights, here, states[-1], names))
        after = module.forward(weights, here, states[-1])[1]
        states.append({**states[0], **{k: np.array(after[k]) for k in names}})
    say("their products")
    mean, largest, products = product_norms(jacobians)
    recurrent = recurrent_weights(model, names)
    spectra = {w: spectrum(weights[w]) for w in recurrent if _is_square(weights[w])}
    sigma = {w: float(np.linalg.norm(weights[w], 2)) for w in recurrent}
    share = 1 / steps if model.loss.over == "mean" else None
    gradients = []
    for n in range(steps):  # the losses that the states have not yet passed
        span = (0, steps - n) if backward else (n, None)
        grads = module.loss_and_grad(weights, part(x, *span), part(y, *span), states[n])[1]
        norm = float(np.linalg.norm(flat(grads, names)))
        gradients.append(norm * (steps - n) * share if share else norm)
    return Analysis(
        model.name,
        names,
        backward,
        known,
        steps,
        source,
        mean,
        largest,
        products,
        _bound(model, names, sigma),
        spectra,
        sigma,
        spectrum(np.mean(jacobians, axis=0)),
        np.array(gradients),
    )


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


def recurrent_weights(model: Model, states: Sequence[str]) -> tuple[str, ...]:
    """The parameters that multiply something of these states of another step."""
    params = {d.name for d in model.params}
    found: dict[str, None] = {}
    for e in model.equations:
        for product in e.rhs.atoms(mx.MatMul):
            for factor, other in (product.args, product.args[::-1]):
                factor = factor.args[0] if isinstance(factor, mx.Transpose) else factor
                read = (v for v in mx.variables(other) if v.name in states)
                earlier = any(v.time != mx.t for v in read)
                if isinstance(factor, mx.Var) and factor.name in params and earlier:
                    found[factor.name] = None
    return tuple(n for n in (d.name for d in model.params) if n in found)


def _bound(model: Model, states: Sequence[str], sigma: Mapping[str, float]) -> Bound | None:
    """The bound of a single state σ(W h_{t−1} + what does not read h_{t−1}), if it is one."""
    if len(states) != 1 or model.lag(states[0]) != 1:
        return None
    declared = model.table[states[0]]
    state = declared.var(mx.t)
    before = state.at(mx.t + 1 if declared.reversed else mx.t - 1)
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


__all__ = ["Analysis", "Bound", "analyze", "product_norms", "shape_of", "ways"]
