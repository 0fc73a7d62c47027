"""Inputs for a check: rational, exact in float32, at sizes that all differ."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np

from .. import matrix as mx
from ..emit.names import keyword_argument
from ..matrix.evaluate import Array
from ..model import Declaration, Model
from ..strategy import Blocks, Strategy

HORIZONS = (1, 2, 7)


@dataclass(frozen=True)
class Setting:
    """One horizon with one choice of sizes."""

    steps: int
    sizes: dict[str, int]

    def __str__(self) -> str:
        sizes = ", ".join(f"{k} = {v}" for k, v in self.sizes.items())
        return f"T = {self.steps}, {sizes}"


def horizons(strategy: Strategy | None) -> tuple[int, ...]:
    """1, 2 and 7; for a truncation also one that is longer than it reaches and not a multiple."""
    if isinstance(strategy, Blocks) and strategy.back + strategy.every >= 7:
        return (*HORIZONS, strategy.back + strategy.every + 1)
    return HORIZONS


def settings(model: Model, steps_of: tuple[int, ...] = HORIZONS) -> Iterator[Setting]:
    """All sizes different; then the same with the batch axis of the states at one."""
    distinct = {name: n for n, name in enumerate(model.sizes, 2)}
    batch = {d.shape[0].name for d in model.states if len(d.shape) > 1 and d.shape[0].is_Symbol}
    for steps in steps_of:
        yield Setting(steps, distinct)
        if batch:
            yield Setting(steps, {**distinct, **dict.fromkeys(batch, 1)})


@dataclass(frozen=True)
class Draw:
    """How large the inputs are at most, and whether they have both signs."""

    size: float
    signs: tuple[int, ...] = (-1, 1)


# Later draws are for steep functions, and for those that take positive numbers only.
DRAWS = (Draw(1), Draw(1 / 16), Draw(1, (1,)), Draw(1 / 16, (1,)))


@dataclass(frozen=True)
class Data:
    """Rational inputs, exact in float32, as an unrolled run and as arguments of the module."""

    given: dict[tuple[str, int | None], Array]
    params: dict[str, np.ndarray]
    x: Any
    y: Any
    state: dict[str, np.ndarray]
    hyper: dict[str, float]

    def cast(self, dtype: Any) -> tuple[Any, Any, Any, Any]:
        def to(a: Any) -> Any:
            if isinstance(a, dict):
                return {k: to(v) for k, v in a.items()}
            return a.astype(dtype) if a is not None and a.dtype.kind == "f" else a

        return to(self.params), to(self.x), to(self.y), to(self.state)


def data(model: Model, setting: Setting, draw: Draw = DRAWS[0]) -> Data:
    """Random multiples of size/1024, no zeros; class indices with repetitions."""
    rng = np.random.default_rng(0)
    known = {mx.size(k): v for k, v in setting.sizes.items()}

    def shape(d: Declaration) -> tuple[int, ...]:
        return tuple(int(n.xreplace(known)) for n in d.shape)

    def real(dims: tuple[int, ...]) -> np.ndarray:
        return rng.integers(1, 1025, dims) * rng.choice(draw.signs, dims) / 1024 * draw.size

    given: dict[tuple[str, int | None], Array] = {}
    groups: dict[str, dict[str, np.ndarray]] = {"param": {}, "input": {}, "target": {}}
    hyper = {}
    for d in model.hypers:  # positive, as a rate or the guard of a root is
        value = float(abs(real(())))
        hyper[keyword_argument(d.name)] = value
        given[d.name, None] = _exact(value)
    for d in (*model.params, *model.inputs, *model.targets):
        dims = ((setting.steps,) if d.timed else ()) + shape(d)
        if d.role == "mask":
            array = rng.integers(0, 2, dims).astype(float)
        elif d.classes is None:
            array = np.asarray(real(dims), dtype=float)
        else:
            array = rng.integers(0, int(d.classes.xreplace(known)), dims)
        groups["input" if d.role == "mask" else d.role][d.name] = array
        for time in range(1, setting.steps + 1) if d.timed else (None,):
            given[d.name, time] = _exact(array[time - 1] if time else array)
    state = {}
    for d in model.states:
        lag = model.lag(d.name)
        rows = np.asarray(real((lag, *shape(d))), dtype=float)
        state[d.name] = rows if lag > 1 else rows[0, ...]  # an array, also of one number
        for n in range(lag):
            time = setting.steps + 1 if d.reversed else n - lag + 1
            given[d.name, time] = _exact(rows[n])
    return Data(given, groups["param"], _one(groups["input"]), _one(groups["target"]), state, hyper)


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
