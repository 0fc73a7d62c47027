"""An analysis as a picture: norms against distance, spectra, and the gradient along time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ..errors import SymbpttError
from .measure import Analysis

ENDINGS = (".svg", ".png", ".pdf")


def draw(analysis: Analysis, file: Path, *more: Analysis) -> None:
    """Write the picture; the ending of the file says its format. A row for each analysis.

    Raises SymbpttError if Matplotlib is not installed or the ending is another.
    """
    every = (analysis, *more)
    figure = new_figure(file, (13, 4 * len(every)))
    rows = figure.subplots(len(every), 3, squeeze=False)
    for a, (decay, plane, along) in zip(every, rows, strict=True):
        _norms(decay, a)
        _spectra(plane, a)
        along.semilogy(a.times, _positive(a.gradients), color="C0")
        where = "before" if a.reversed else "after"
        title = f"gradient of {', '.join(a.states)} from the losses {where} k"
        along.set(title=title, xlabel="k", ylabel="‖dL/ds_k‖")
    figure.suptitle(f"{analysis.model}, T = {analysis.steps}, {analysis.source}")
    figure.savefig(file)


def new_figure(file: Path, size: tuple[float, float]) -> Any:
    """A figure of a size in inches; raises SymbpttError where it could not be saved to `file`."""
    if file.suffix not in ENDINGS:
        raise SymbpttError(
            f"{file} does not say which kind of picture", f"a name that ends in {ENDINGS[0]}"
        )
    try:
        from matplotlib.figure import Figure
    except ModuleNotFoundError:
        raise SymbpttError(
            "a picture takes Matplotlib, which is not installed", "pip install 'symbptt[plot]'"
        ) from None
    return Figure(figsize=size, layout="constrained")


def _positive(values: np.ndarray) -> np.ndarray:
    """Zero has no place on a logarithmic axis, so it leaves a gap."""
    return np.where(values > 0, values, np.nan)


def _norms(axes: Any, a: Analysis) -> None:
    distance = np.arange(len(a.mean))
    axes.semilogy(distance, _positive(a.mean), label="mean", color="C0")
    axes.semilogy(distance, _positive(a.largest), label="largest", color="C0", linestyle=":")
    axes.semilogy(distance, _positive(a.products), label="∏‖J‖", color="C1", linestyle="--")
    if a.bound is not None:
        label = f"(σ_max({a.bound.weight})·max|σ'|)^({'k−t' if a.reversed else 't−k'})"
        axes.semilogy(distance, _positive(a.bound.rate**distance), label=label, color="C3")
    axes.set(title="norm of ∂s_t/∂s_k", xlabel="k − t" if a.reversed else "t − k")
    axes.legend()


def _spectra(axes: Any, a: Analysis) -> None:
    circle = np.exp(1j * np.linspace(0, 2 * np.pi, 200))
    axes.plot(circle.real, circle.imag, color="grey", linewidth=0.8)
    for name, values in a.weights.items():
        axes.scatter(values.real, values.imag, s=12, label=f"λ({name})")
    axes.scatter(a.jacobian.real, a.jacobian.imag, s=12, marker="x", label="λ(mean J)")
    axes.set(title="spectra, and |λ| = 1", aspect="equal")
    axes.legend()
