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
        raise MisfitError(f"{len(components)} indices on an array of shape {x.show_shape()}")
    for c, n in zip(components, x.shape, strict=True):
        runs_over(m, c, n)
    return pick(m, x, components)


def runs_over(m: Frame, c: str, n: Any) -> None:
    """Note what a named index runs over. Raises MisfitError where that was something else."""
    if m.components.setdefault(c, n) != n:
        raise MisfitError(f"the index {c} runs over {m.components[c]} and {n} entries")


def pick(m: Frame, x: Tensor, components: tuple[str, ...]) -> Tensor:
    if m.numbers:
        at = tuple(int(m.alg.free.get(c, 0)) for c in components)
        return tensor(x.data[at], (), 0)
    slots = tuple(Ix("f", f"#{c}", str(n)) for c, n in zip(components, x.shape, strict=True))
    return tensor(lambda _, bound: x.data(slots, bound), (), 0)
