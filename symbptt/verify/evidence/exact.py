"""A small world in exact numbers: the values and derivatives of `world`, over `scalars`.

T = 2 and a state of two entries unless a line needs more; sizes that differ, an initial state
that is not zero and no symmetric matrix, so that a wrong line shows. Equations are differentiated
by dual numbers, entry by entry. Values are drawn by NumPy's `RandomState`, whose numbers never
change, in the order of the declarations: a script draws the same ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from ... import matrix as mx
from ...matrix.evaluate import Setting, evaluate, softmax_rows
from ...model import Declaration, Model, distinct_sizes
from ..algebra.numbers import Numbers, OutOfRangeError
from ..algebra.tensor import Tensor
from ..forward.system import System
from ..judge.truth import Ground, fitted
from ..naming import Naming
from ..world import Array, Key, World
from .scalars import Dual, Field, Functions


class ExactWorld(World):
    """The values of one run, T steps long, as scalars of a field. Raises IrrationalError."""

    dtype = object

    def __init__(
        self,
        model: Model,
        steps: int,
        field: Field,
        seed: int = 0,
        zeros: frozenset[str] = frozenset(),
        orthogonal: frozenset[str] = frozenset(),
    ):
        self.field, self.functions, self.seed = field, Functions(field), seed
        super().__init__(model, steps, seed, zeros, orthogonal)

    def _sizes(self) -> dict[str, int]:
        return distinct_sizes(self.model)

    def _draw(self) -> None:
        self.drawn = np.random.RandomState(self.seed)
        super()._draw()
        if any(_symmetric(self.values[d.name, None]) for d in self.model.params):
            self.seed += 100
            self._draw()

    def _exactly(self, x: Any) -> Any:
        return self.field.number(x)

    def _array(self, d: Declaration) -> Array:
        dims = self.dims(d.shape)
        if d.classes is not None:
            (count,) = self.dims((d.classes,))
            return np.asarray(self.drawn.randint(count, size=dims))
        entries = self.field.entries
        picked = np.asarray(self.drawn.choice(len(entries), dims))
        return _objects([self.field.number(entries[i]) for i in picked.ravel()], dims)

    def value_of(self, expr: mx.Node, time: int, changed: Any = None) -> Array:
        values = self.values if changed is None else {**self.values, **changed}

        def lookup(node: Any, times: tuple[int, ...]) -> Array:
            return np.asarray(values[node.name, times[0] if times else None], dtype=object)

        at = Setting(lookup, self.sizes, self.functions, {"t": time, "T": self.steps})
        return evaluate(expr, at)

    def _slope(self, rhs: mx.Node, time: int, key: Key, i: Any) -> Array:
        moved = self.values[key].copy()
        moved[i] = Dual(moved[i], self.field.number(1))
        out = self.value_of(rhs, time, {key: moved})
        slopes = [x.slope if isinstance(x, Dual) else 0 for x in out.ravel()]
        return _objects(slopes, out.shape)


class ExactNumbers(Numbers):
    """The arithmetic of such a world at given times."""

    world: ExactWorld

    def __init__(self, world: ExactWorld, times: Any):
        super().__init__(world, times)
        self.setting = Setting(_nowhere, world.sizes, world.functions)

    def number(self, value: Any) -> Tensor:
        number = self.world.field.number(self.closed(value))
        return Tensor(np.array(number, dtype=object), (), 0)

    def apply(self, body: Any, a: Any) -> Any:
        return self.setting.map(self.world.functions.of(body), np.asarray(a, dtype=object))

    def softmax(self, a: Any, rank: int) -> Any:
        return softmax_rows(a, self.setting)

    def power(self, a: Any, exponent: Any) -> Any:
        q = sympy.Rational(exponent)
        if q.is_Integer and q >= 0:
            return self.setting.map(lambda v: v ** int(q), a)
        if q.is_Integer:
            one = self.world.field.number(1)
            return self.setting.map(lambda v: one / v ** int(-q), a)
        return self.setting.map(lambda v: self.world.field.power(v, q), a)


def _symmetric(a: Array) -> bool:
    return a.ndim == 2 and a.shape[0] == a.shape[1] and bool(np.all(a == a.T))


def _nowhere(*_: Any) -> Any:
    raise OutOfRangeError("a value without a place")


def _objects(items: list[Any], shape: tuple[int, ...]) -> Array:
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out.reshape(shape)


@lru_cache(maxsize=16)
def _world(
    model: Model, steps: int, kind: Callable[[], Field], seed: int, zeros: frozenset[str],
    orthogonal: frozenset[str],
) -> ExactWorld:  # fmt: skip
    """Equal models run alike: texts and lines about one model share its worlds."""
    return ExactWorld(model, steps, kind(), seed, zeros, orthogonal)


class ExactGround(Ground):
    """A system with one such world, for a count of steps, a kind of scalar and a draw."""

    def __init__(self, system: System, naming: Naming, steps: int, field: Field, seed: int = 0):
        super().__init__(system, naming, steps)
        self.field, self.seed = field, seed
        self._world: ExactWorld | None = None

    @property
    def world(self) -> ExactWorld:
        if self._world is None:
            system = self.system
            kind: Any = type(self.field)
            self._world = _world(
                system.model, self.steps, kind, self.seed, system.zeros,
                system.orthogonal,
            )  # fmt: skip
            self.field = self._world.field
        return self._world

    def make(self) -> None:
        """Run the model now. Raises IrrationalError where a value is outside the field."""
        _ = self.world

    def of(self, system: System) -> ExactGround:
        return ExactGround(system, self.naming, self.steps, self.field, self.seed)

    def algebra(self, times: Any) -> ExactNumbers:
        return ExactNumbers(self.world, times)

    def matches(self, left: Tensor, right: Tensor) -> bool:
        left, right = fitted(left, right)
        pairs = zip(entries(left), entries(right), strict=True)
        return all(self.field.equal(a, b) for a, b in pairs)


def entries(x: Tensor) -> list[Any]:
    return list(np.asarray(x.data, dtype=object).ravel())


__all__ = ["ExactGround", "ExactNumbers", "ExactWorld", "entries"]
