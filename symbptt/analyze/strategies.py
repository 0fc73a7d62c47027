"""The three ways to cut a sequence, drawn; and how far a randomly cut gradient scatters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from ..check import load_module
from ..derive import derive
from ..emit import emit
from ..errors import SymbpttError
from ..model import Model
from ..plan import plan
from ..strategy import RandomCut
from .numbers import Weights, drawn, initial, sequence, sizes_of
from .picture import new_figure

Pieces = dict[str, list[int]]  # strategy -> the lengths of its pieces, in the order of time


def pieces(steps: int, chunk: int, alpha: Fraction, seed: int) -> Pieces:
    """How each strategy divides one sequence; the random one by its own ξ, cut where that is 0."""
    if not 1 <= chunk <= steps:
        raise SymbpttError(f"{steps} steps have no chunk of {chunk}", f"1 to {steps}")
    goes_on = np.random.default_rng(seed).random(steps) < float(alpha)
    starts = [0, *(t for t in range(1, steps) if not goes_on[t]), steps]
    regular = [*range(0, steps, chunk), steps]
    return {
        "random cuts": np.diff(starts).tolist(),
        "chunks": np.diff(regular).tolist(),
        "full": [steps],
    }


def draw_pieces(divided: Pieces, file: Path) -> None:
    """The pieces as bars along time, one strategy above the other."""
    figure = new_figure(file, (9, 2.5))
    axes = figure.subplots()
    for row, lengths in enumerate(reversed(divided.values())):
        starts = np.cumsum([0, *lengths[:-1]])
        bars = [(start + 0.1, length - 0.2) for start, length in zip(starts, lengths, strict=True)]
        axes.broken_barh(bars, (row - 0.3, 0.6), facecolors=f"C{row}")
    axes.set_yticks(range(len(divided)), list(divided)[::-1])
    axes.set(xlabel="t", title="how far a gradient goes back")
    figure.savefig(file)


@dataclass(frozen=True)
class Spread:
    """‖g‖ of a full gradient, how far single draws are from it, and how far their mean is."""

    norm: float
    single: float  # √(E ‖ĝ − g‖²)
    mean: float  # ‖mean of ĝ − g‖


def spread(
    model: Model,
    alpha: Fraction,
    weights: Weights | None = None,
    *,
    steps: int = 50,
    sizes: Mapping[str, int] | None = None,
    seed: int = 0,
    gain: float = 1.0,
    draws: int = 200,
) -> dict[str, Spread]:
    """The scatter of every parameter's randomly cut gradient, from `draws` seeded draws."""
    known = sizes_of(model, weights, sizes or {})
    weights = drawn(model, known, seed, gain) if weights is None else weights
    x, y = sequence(model, known, steps, seed)
    state = initial(model, known)
    full = load_module(emit(plan(derive(model))), model.name)
    cut = load_module(emit(plan(derive(model, RandomCut(alpha)))), model.name)
    truth = {k: v.copy() for k, v in full.loss_and_grad(weights, x, y, state)[1].items()}
    rng, workspace = np.random.default_rng(seed), {}  # type: ignore[var-annotated]
    mean = {name: np.zeros_like(truth[name]) for name in weights}
    square = dict.fromkeys(weights, 0.0)
    for _ in range(draws):
        grads = cut.loss_and_grad(weights, x, y, state, rng=rng, workspace=workspace)[1]
        for name in weights:
            mean[name] += grads[name] / draws
            square[name] += float(np.sum((grads[name] - truth[name]) ** 2)) / draws
    norm = np.linalg.norm
    return {
        name: Spread(
            float(norm(truth[name])), square[name] ** 0.5, float(norm(mean[name] - truth[name]))
        )
        for name in weights
    }
