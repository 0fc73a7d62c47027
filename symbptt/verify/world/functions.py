"""The functions of a small world on complex numbers; what is unknown is some smooth function."""

from __future__ import annotations

import cmath
import random
from typing import Any

import numpy as np

Array = np.ndarray


def _call(name: str, orders: Any, values: list[Array], shape: Any) -> Array:
    """An uninterpreted function stands for some smooth one without symmetry."""
    flat = [v for a in values for v in np.asarray(a, dtype=object).ravel()]
    out = np.empty(shape, dtype=object)
    for i in np.ndindex(*shape):
        draw = random.Random(f"{name}{i}")
        inner = sum(draw.uniform(-1, 1) * v for v in flat) + draw.uniform(-1, 1)
        square = sum(draw.uniform(-0.5, 0.5) * v * v for v in flat)
        out[i] = cmath.sin(inner) + square
    return out


class _Functions(dict[str, Any]):
    """The functions of complex scalars; one that is unknown is some smooth function."""

    def __missing__(self, name: str) -> Any:
        stem, _, order = name.rpartition("_d")
        if not (stem and order.isdigit()):
            stem, order = name, "0"
        return lambda z: unknown_value(int(order), z, cmath)


def unknown_value(order: int, z: Any, lib: Any) -> Any:
    """sin(z + 1/3) + z/4 + z²/8 and its derivatives."""
    wave = (lib.sin, lib.cos, lambda x: -lib.sin(x), lambda x: -lib.cos(x))[order % 4]
    rest = (z / 4 + z * z / 8, 0.25 + z / 4, 0.25)[order] if order < 3 else 0.0
    return wave(z + 1 / 3) + rest


FUNCTIONS: dict[str, Any] = _Functions({
    "number": lambda v: float(v),
    "tanh": cmath.tanh,
    "exp": cmath.exp,
    "log": cmath.log,
    "sin": cmath.sin,
    "cos": cmath.cos,
    "sigmoid": lambda z: 1 / (1 + cmath.exp(-z)),
    "softplus": lambda z: cmath.log(1 + cmath.exp(z)),
    "relu": lambda z: z if complex(z).real > 0 else 0.0,
    "step": lambda z: 1.0 if complex(z).real > 0 else 0.0,
    "call": _call,
})  # fmt: skip
