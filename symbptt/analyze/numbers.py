"""The numbers an analysis starts from: weights, sizes, a random sequence, one step's Jacobian."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from .. import matrix as mx
from ..check.references import analytic
from ..errors import SymbpttError
from ..model import Declaration, Model

COMPLEX_STEP = 1e-30
QUOTIENT_STEP = 1e-6
STATE_SIZE, OTHER_SIZE = 32, 8

Weights = dict[str, np.ndarray]


def read_weights(file: Path, model: Model) -> Weights:
    """The parameters of a model from an .npz file that holds each under its own name."""
    try:
        with np.load(file, allow_pickle=False) as held:
            given = {name: np.asarray(held[name], dtype=float) for name in held.files}
    except FileNotFoundError:
        raise SymbpttError(f"there is no file {file}", "the path of an .npz file") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise SymbpttError(
            f"{file} is not an .npz file of real arrays: {error}", "numpy.savez(FILE, W=W, …)"
        ) from None
    wanted = {d.name for d in model.params}
    if missing := sorted(wanted - set(given)):
        raise SymbpttError(
            f"{file} has no {', '.join(missing)}; it holds {', '.join(sorted(given)) or 'nothing'}",
            f"one array per parameter: {', '.join(sorted(wanted))}",
        )
    return {name: given[name] for name in sorted(wanted)}


def sizes_of(model: Model, weights: Weights | None, asked: Mapping[str, int]) -> dict[str, int]:
    """Every size: as asked for, as the weights say, 1 for a batch, else a default."""
    if unknown := sorted(set(asked) - set(model.sizes)):
        sizes = ", ".join(model.sizes)
        raise SymbpttError(f"{model.name} has no size {unknown[0]}", f"one of {sizes}")
    found = dict(asked)
    for d in model.params if weights else ():
        _fit(found, d, np.shape(weights[d.name]) if weights else ())
    state = {s for d in model.states for n in d.shape for s in n.free_symbols}
    batch = {d.shape[0] for d in model.states if len(d.shape) > 1}
    for name in model.sizes:
        symbol = mx.size(name)
        default = 1 if symbol in batch else STATE_SIZE if symbol in state else OTHER_SIZE
        found.setdefault(name, default)
    return found


def _fit(found: dict[str, int], d: Declaration, shape: tuple[int, ...]) -> None:
    """Read the sizes off one array; refuse a shape that no sizes fit."""
    names = f"({', '.join(map(str, d.shape))})"
    if len(shape) != len(d.shape):
        raise SymbpttError(f"{d.name} has shape {shape}, the model says {names}")
    for n, length in zip(d.shape, shape, strict=True):
        if n.is_Symbol:
            found.setdefault(n.name, length)
    for n, length in zip(d.shape, shape, strict=True):
        value = n.subs({mx.size(k): v for k, v in found.items()})
        if value.is_Integer and int(value) != length:
            raise SymbpttError(f"{d.name} has shape {shape}, and {names} should be {value} there")


def shape_of(d: Declaration, sizes: Mapping[str, int]) -> tuple[int, ...]:
    known = {mx.size(k): v for k, v in sizes.items()}
    return tuple(int(n.xreplace(known)) for n in d.shape)


def drawn(model: Model, sizes: Mapping[str, int], seed: int, gain: float) -> Weights:
    """Normal entries of deviation gain / √(rows that are summed); vectors are zero."""
    rng = np.random.default_rng(seed)
    out = {}
    for d in model.params:
        dims = shape_of(d, sizes)
        scale = gain / np.sqrt(max(dims)) if len(dims) > 1 else 0.0
        out[d.name] = np.asarray(scale * rng.standard_normal(dims))
    return out


def sequence(model: Model, sizes: Mapping[str, int], steps: int, seed: int) -> tuple[Any, Any]:
    """Inputs and targets: standard normal, or uniform among the classes; masks are 1."""
    rng = np.random.default_rng(seed + 1)
    known = {mx.size(k): v for k, v in sizes.items()}

    def of(d: Declaration) -> np.ndarray:
        dims = (steps, *shape_of(d, sizes))
        if d.role == "mask":
            return np.ones(dims)
        if d.classes is not None:
            return rng.integers(0, int(d.classes.xreplace(known)), dims)
        return np.asarray(rng.standard_normal(dims))

    def group(declared: tuple[Declaration, ...]) -> Any:
        arrays = {d.name: of(d) for d in declared}
        return next(iter(arrays.values())) if len(arrays) == 1 else arrays or None

    return group(model.inputs), group(model.targets)


def part(x: Any, start: int, stop: int | None = None) -> Any:
    """The steps start..stop of one input or of a dict of them."""
    if isinstance(x, dict):
        return {k: v[start:stop] for k, v in x.items()}
    return None if x is None else x[start:stop]


def initial(model: Model, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """The block state at zero: one row per step that a state is read back."""
    out = {}
    for d in model.states:
        lag, dims = model.lag(d.name), shape_of(d, sizes)
        out[d.name] = np.zeros((lag, *dims) if lag > 1 else dims)
    return out


def flat(state: Mapping[str, Any], names: Sequence[str]) -> np.ndarray:
    return np.concatenate([np.ravel(state[name]) for name in names])


def step_jacobian(
    model: Model,
    module: Any,
    weights: Weights,
    x: Any,
    state: dict[str, np.ndarray],
    names: Sequence[str],
) -> np.ndarray:
    """∂s_t/∂s_{t−1} from the emitted `forward`, one column per entry of the states `names`.

    By complex step, exact to rounding; by a central difference quotient where NumPy has no
    complex form of a function.
    """
    complex_ = analytic(model)
    kind = complex if complex_ else float
    params = {k: v.astype(kind) for k, v in weights.items()}
    x = _cast(x, kind)
    columns = []
    for name in names:
        for i in np.ndindex(*state[name].shape):

            def after(move: Any, name: str = name, i: Any = i) -> np.ndarray:
                moved = {k: v.astype(kind) for k, v in state.items()}
                moved[name][i] += move
                return flat(module.forward(params, x, moved)[1], names)

            if complex_:
                columns.append(np.imag(after(1j * COMPLEX_STEP)) / COMPLEX_STEP)
            else:
                gap = after(QUOTIENT_STEP) - after(-QUOTIENT_STEP)
                columns.append(gap / (2 * QUOTIENT_STEP))
    return np.stack(columns, axis=1)


def _cast(x: Any, kind: Any) -> Any:
    if isinstance(x, dict):
        return {k: _cast(v, kind) for k, v in x.items()}
    return x if x is None or x.dtype.kind in "iu" else x.astype(kind)
