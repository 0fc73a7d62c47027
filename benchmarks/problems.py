"""The problems to measure: per model, its sizes, the shapes that are reported, and random arrays.

Weights are scaled as one initialises them, so that tanh and softmax see ordinary numbers: on a
saturated network exp and tanh take another time than in use.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]


class Problem(NamedTuple):
    """The arguments of `loss_and_grad`, in its order."""

    params: dict[str, Array]
    x: Array
    y: Array
    state: dict[str, Array]


@dataclass(frozen=True)
class Problems:
    """A model's sizes by name, the shapes to report, and the function that draws one of them."""

    sizes: tuple[str, ...]
    shapes: tuple[Shape, ...]
    draw: Callable[..., Problem]
    model: str = ""  # the model of the zoo, where it has another name


def elman_batch(T: int, N: int, D: int, H: int, C: int) -> Problem:
    """Row vectors: h W_h + x W_x + b, tanh, readout h V + c, a class index per row."""
    rng = np.random.default_rng(0)

    def normal(*shape: int, scale: float = 1.0) -> Array:
        return scale * rng.standard_normal(shape, dtype=np.float32)

    params = {
        "W_h": normal(H, H, scale=H**-0.5),
        "W_x": normal(D, H, scale=0.5 * D**-0.5),
        "b": normal(H, scale=0.1),
        "V": normal(H, C, scale=H**-0.5),
        "c": normal(C, scale=0.1),
    }
    return Problem(
        params, normal(T, N, D), rng.integers(0, C, (T, N)), {"h": normal(N, H, scale=0.3)}
    )


def lstm(T: int, N: int, D: int, H: int, C: int) -> Problem:
    """Rows: gates i, f, g, o packed in W, U and b; readout h V + b_y, a class index per row."""
    rng = np.random.default_rng(0)

    def normal(*shape: int, scale: float = 1.0) -> Array:
        return scale * rng.standard_normal(shape, dtype=np.float32)

    params = {
        "W": normal(D, 4 * H, scale=0.5 * D**-0.5),
        "U": normal(H, 4 * H, scale=H**-0.5),
        "b": normal(4 * H, scale=0.1),
        "V": normal(H, C, scale=H**-0.5),
        "b_y": normal(C, scale=0.1),
    }
    state = {"h": normal(N, H, scale=0.3), "c": normal(N, H, scale=0.3)}
    return Problem(params, normal(T, N, D), rng.integers(0, C, (T, N)), state)


def gru(T: int, N: int, D: int, H: int, C: int) -> Problem:
    """Rows: r, z, n packed as torch.nn.GRU packs them, two biases; a class index per row."""
    rng = np.random.default_rng(0)

    def normal(*shape: int, scale: float = 1.0) -> Array:
        return scale * rng.standard_normal(shape, dtype=np.float32)

    params = {
        "W_ih": normal(3 * H, D, scale=0.5 * D**-0.5),
        "W_hh": normal(3 * H, H, scale=H**-0.5),
        "b_ih": normal(3 * H, scale=0.1),
        "b_hh": normal(3 * H, scale=0.1),
        "W_hy": normal(C, H, scale=H**-0.5),
        "b_y": normal(C, scale=0.1),
    }
    state = {"h": normal(N, H, scale=0.3)}
    return Problem(params, normal(T, N, D), rng.integers(0, C, (T, N)), state)


SIZES = ("T", "N", "D", "H", "C")
GATED = (
    (25, 1, 64, 100, 64),
    (100, 32, 64, 256, 64),
    (100, 64, 128, 512, 128),
    (1000, 1, 64, 128, 64),
)

PROBLEMS = {
    "lstm": Problems(sizes=SIZES, shapes=GATED, draw=lstm),
    "gru": Problems(sizes=SIZES, shapes=GATED, draw=gru, model="gru_pytorch"),
    "elman_batch": Problems(
        sizes=SIZES,
        shapes=(
            (25, 1, 64, 100, 64),
            (100, 32, 64, 256, 64),
            (100, 64, 128, 512, 128),
            (1000, 1, 64, 128, 64),
            (50, 16, 32, 128, 1000),
        ),
        draw=elman_batch,
    ),
}
