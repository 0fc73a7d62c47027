"""`symbptt analyze` as text: tables, and in words what the numbers do and do not say."""

from __future__ import annotations

import json as json_
from collections.abc import Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from ..analyze import (
    CONDITIONS,
    Analysis,
    Example,
    analyze,
    counterexamples,
    draw,
    draw_pieces,
    pieces,
    read_weights,
    scaled_identity,
    spread,
    ways,
)
from ..errors import SymbpttError
from ..parse import load
from ..show import show
from ..strategy import RandomCut
from .output import progress, writable
from .strategies import strategy_of


def measured(
    name: str,
    weights: Path | None,
    steps: int,
    sizes: list[str],
    seed: int,
    gain: float,
    picture: Path | None,
) -> list[Analysis]:
    """The analysis of each way in time of one model, drawn into `picture` if one is asked for."""
    writable(picture, keep=name)
    model = load(name)
    given = read_weights(weights, model) if weights else None
    with progress(f"analyzing {model.name}") as say:
        options: dict[str, Any] = {"steps": steps, "sizes": _sizes(sizes), "seed": seed}
        options |= {"gain": gain, "say": say}
        found = [
            analyze(model, given, backward=way, **options) for way in tuple(ways(model)) or (None,)
        ]
        if picture is not None:
            draw(found[0], picture, *found[1:])
    return found


def cut_text(
    name: str,
    weights: Path | None,
    steps: int,
    sizes: list[str],
    seed: int,
    gain: float,
    alpha: str,
    picture: Path | None,
) -> str:
    """Three ways to divide a sequence, and the scatter of a randomly cut gradient."""
    writable(picture, keep=name)
    strategy = strategy_of(random_cut=alpha)
    assert isinstance(strategy, RandomCut)
    model, a = load(name), strategy.alpha
    given = read_weights(weights, model) if weights else None
    chunk = min(steps, max(1, round(1 / (1 - a)))) if a < 1 else steps
    divided = pieces(steps, chunk, a, seed)
    if picture is not None:
        draw_pieces(divided, picture)
    found = spread(model, a, given, steps=steps, sizes=_sizes(sizes), seed=seed, gain=gain)
    width = max(map(len, divided))
    bars = "".join(
        f"  {title:<{width}}  |{''.join('─' * (n - 1) + '|' for n in lengths)}\n"
        for title, lengths in divided.items()
    )
    rows = [
        [n, f"{s.norm:.3g}", f"{s.single / s.norm:.3g}", f"{s.mean / s.norm:.3g}"]
        for n, s in found.items()
    ]
    header = ["", "‖g‖", "√E‖ĝ − g‖² / ‖g‖", "‖mean ĝ − g‖ / ‖g‖"]
    return (
        f"{model.name}: T = {steps}, {strategy}; seed {seed}\n"
        f"\nHow far a gradient goes back, a mark where it is cut\n{bars}"
        f"\nA randomly cut gradient ĝ against the full one g, 200 draws\n{table(header, rows)}"
    )


def _sizes(given: list[str]) -> dict[str, int]:
    out = {}
    for text in given:
        name, _, number = text.partition("=")
        if not number.isdigit() or int(number) < 1:
            raise SymbpttError(f"--size {text} is not a size", "--size H=64")
        out[name] = int(number)
    return out


def analysis_text(found: list[Analysis]) -> str:
    """The norms by distance, the spectra, the gradient along time, and the conditions."""
    sizes = ", ".join(f"{k} = {v}" for k, v in found[0].sizes.items())
    blocks = [f"{found[0].model}: T = {found[0].steps}, {sizes}; {found[0].source}"]
    for a in found:
        if len(found) > 1:
            way = "from T to 1" if a.reversed else "from 1 to T"
            blocks.append(f"{', '.join(a.states)}, {way}")
        blocks += [
            "Norms of ∂s_t/∂s_k, s the block state\n" + _norms(a),
            "Spectra\n" + _spectra(a),
            f"‖dL/ds_k‖ from the losses {'before' if a.reversed else 'after'} k\n" + _gradients(a),
            "What follows\n" + "".join(f"  {line}\n" for line in findings(a)),
        ]
    blocks.append("What holds in general\n" + "".join(f"  {line}\n" for line in CONDITIONS))
    return "\n".join(block.rstrip("\n") + "\n" for block in blocks)


def findings(a: Analysis) -> list[str]:
    """What the bound says, and what was measured."""
    if a.bound is None:
        out = [
            "no bound (σ_max(W)·max|σ'|)^(t−k): the state is not σ(W h_{t−1} + …); "
            "∏‖J‖ bounds it step by step"
        ]
    else:
        slope = f"max|{a.bound.function}'|" if a.bound.function else "1"
        rate = f"σ_max({a.bound.weight})·{slope} = {a.bound.rate:.3g}"
        out = [
            f"{rate} < 1: it vanishes at every input"
            if a.bound.rate < 1
            else f"{rate} ≥ 1: the bound does not decide"
        ]
    ways = "vanishes" if a.rate < 1 else "grows"
    distance = len(a.mean) - 1
    out.append(f"measured: over {distance} steps it {ways}, by a factor {a.rate:.3g} per step")
    if a.largest[1:].max() > 1 > a.mean[-1]:
        peak = int(np.argmax(a.largest))
        at = "k−t" if a.reversed else "t−k"
        out.append(f"and before that some product reaches {a.largest[peak]:.3g}, at {at} = {peak}")
    return out


def _norms(a: Analysis) -> str:
    header = ["k−t" if a.reversed else "t−k", "mean", "largest", "∏‖J‖"]
    if a.bound is not None:
        header.append("bound")
    rows = []
    for d in _chosen(len(a.mean)):
        row = [str(d), *(f"{v[d]:.3g}" for v in (a.mean, a.largest, a.products))]
        rows.append(row + ([f"{a.bound.rate**d:.3g}"] if a.bound is not None else []))
    return table(header, rows)


def _spectra(a: Analysis) -> str:
    rows = []
    for name, sigma in a.sigma.items():
        values = a.weights.get(name)
        largest = f"{abs(values[0]):.3g}" if values is not None else "not square"
        count = str(int((abs(values) > 1).sum())) if values is not None else ""
        rows.append([name, largest, count, f"{sigma:.3g}"])
    above = str(int((abs(a.jacobian) > 1).sum()))
    rows.append(["mean of J_t", f"{abs(a.jacobian[0]):.3g}", above, ""])
    return table(["", "max|λ|", "|λ| > 1", "σ_max"], rows)


def _gradients(a: Analysis) -> str:
    rows = [[str(a.times[n]), f"{a.gradients[n]:.3g}"] for n in _chosen(a.steps)]
    return table(["k", "‖dL/ds_k‖"], rows)


def _chosen(count: int) -> list[int]:
    """Up to a dozen rows, the first ones all and then further and further apart."""
    ladder = [0, 1, 2, 3, 5, 8, 12, 20, 30, 50, 80, 120, 200, 300, 500, 800, 1200, 2000]
    return [n for n in ladder if n < count - 1] + [count - 1]


def table(header: list[str], rows: Iterable[Iterable[str]]) -> str:
    """Columns aligned to the right, without colour: standard output may be a pipe."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, pad_edge=True, show_edge=False)
    for n, title in enumerate(header):
        grid.add_column(title, justify="right" if n else "left", no_wrap=True)
    for row in rows:
        grid.add_row(*row)
    out = StringIO()
    Console(file=out, width=120, color_system=None, highlight=False, markup=False).print(grid)
    return "".join(line.rstrip() + "\n" for line in out.getvalue().splitlines())


def counterexample_text() -> str:
    """Every example worked out, then the product of equal multiples of the identity."""
    blocks = [_example(e) for e in counterexamples()]
    blocks.append(show(scaled_identity()))
    return "\n".join(blocks)


def _example(e: Example) -> str:
    lines = [e.title, *(f"  {line}" for line in e.given)]
    return "\n".join(lines) + "\n" + table(list(e.header), e.rows) + f"  {e.so}\n"


def analysis_json(found: list[Analysis]) -> str:
    """An object; for a model with states of both ways in time, a list of one for each way."""
    data = [_as_data(a) for a in found]
    return json_.dumps(data if len(data) > 1 else data[0], indent=2, ensure_ascii=False) + "\n"


def _as_data(a: Analysis) -> dict[str, Any]:
    def pairs(values: np.ndarray) -> list[list[float]]:
        return [[float(v.real), float(v.imag)] for v in values]

    bound: Any = None
    if a.bound is not None:
        bound = {
            "weight": a.bound.weight,
            "function": a.bound.function,
            "sigma_max": a.bound.sigma_max,
            "slope": a.bound.slope,
            "rate": a.bound.rate,
        }
    return {
        "model": a.model,
        "states": list(a.states),
        "reversed": a.reversed,
        "sizes": a.sizes,
        "steps": a.steps,
        "source": a.source,
        "norms": {
            "mean": a.mean.tolist(),
            "largest": a.largest.tolist(),
            "products": a.products.tolist(),
        },
        "bound": bound,
        "eigenvalues": {name: pairs(v) for name, v in a.weights.items()},
        "sigma_max": a.sigma,
        "mean_jacobian": pairs(a.jacobian),
        "gradients": a.gradients.tolist(),
        "findings": findings(a),
        "conditions": list(CONDITIONS),
    }
