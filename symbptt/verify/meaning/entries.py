"""The value of a quantity, and its entries at named indices."""

from __future__ import annotations

from typing import Any

from ...indices.poly import Ix
from ..algebra.tensor import MisfitError, Tensor, tensor
from ..naming import Parts
from .choice import UnknownError
from .frame import Frame


def value(m: Frame, name: str, time: Any, q: Parts | None = None) -> Tensor:
    d = m.quantities.declaration(name)
    if d is None:
        raise UnknownError(name)
    shape = tuple(m.alg.size(n) for n in d.shape)
    if d.classes is not None:
        data = m.alg.onehot(name, time, d.classes)
        shape = (*shape, m.alg.size(d.classes))
    else:
        data = m.alg.var(name, time)
    out = tensor(data, shape, m.quantities.left(name, len(shape)))
    return entries(m, out, q.components) if q is not None and q.components else out


def entries(m: Frame, x: Tensor, components: tuple[str, ...]) -> Tensor:
    """x[i, j] for named indices; what they range over is noted for the quantifier."""
    if len(components) != x.rank:
        raise too_many(len(components), x)
    for axis in reversed(range(x.rank)):
        runs_over(m, components[axis], x.shape[axis])
        x = pick(m, x, axis, components[axis])
    return x


def too_many(indices: int, x: Tensor) -> UnknownError:
    """A count of indices that does not fit says that x was taken for another array than it is
    for its author (a batch of rows, say): no shape of the line is refuted by it."""
    noun = "index" if indices == 1 else "indices"
    taken = f"{indices} {noun} on what is taken for an array of shape {x.show_shape()}"
    return UnknownError("", taken)


def runs_over(m: Frame, c: str, n: Any) -> None:
    """Note what a named index runs over. Raises MisfitError where that was something else."""
    if m.components.setdefault(c, n) != n:
        raise MisfitError(f"the index {c} runs over {m.components[c]} and {n} entries")


def pick(m: Frame, x: Tensor, axis: int, name: str) -> Tensor:
    """The entries of x at one named index of an axis."""
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    left = x.left - (axis < x.left) if x.rank > 1 else 0
    if m.numbers:
        place = (slice(None),) * axis + (m.alg.index(name),)
        return tensor(x.data[place], shape, left, x.loose)
    at, data = Ix("f", f"#{name}", str(x.shape[axis])), x.data
    return tensor(
        lambda slots, bound: data((*slots[:axis], at, *slots[axis:]), bound), shape, left, x.loose
    )


def same_index(m: Frame, i: str, j: str) -> Tensor:
    """[i = j] of two named indices, 1 where they are one."""
    size = m.components.get(i, m.components.get(j))
    if size is not None:
        runs_over(m, i, size)
        runs_over(m, j, size)
    elif not m.numbers:
        raise UnknownError("δ", f"what {i} and {j} run over is not known here")
    return tensor(m.alg.same_index(i, j, size), (), 0)
