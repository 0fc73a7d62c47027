"""One unrolled run, and every derivative in it by complex step and the scalar chain rule."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

import numpy as np
import sympy

from ... import matrix as mx
from ...matrix.evaluate import Setting, evaluate
from ...model import LOSS, Declaration, Model
from .functions import FUNCTIONS

Key = tuple[str, int | None]  # a variable at a time; a parameter has time None
Array = np.ndarray
REDRAWS = 60
EPS = 1e-30  # of the complex step: far below the rounding error of the value

TOTAL, IMMEDIATE, DIRECT, FUTURE = "total", "immediate", "direct", "future"
HELD = "held"  # within one step, every other state held fixed


def small_sizes(model: Model) -> dict[str, int]:
    """Pairwise different sizes from 2 up, the state's first."""
    order: list[str] = []
    for d in (*model.states, *model.declarations):
        for n in d.shape:
            order += [s.name for s in sorted(n.free_symbols, key=str) if s.name not in order]
    order += [s for s in model.sizes if s not in order]
    return {name: value for value, name in enumerate(order, 2)}


class World:
    """The values of one run of a model, T steps long, and all its derivatives."""

    dtype: Any = float

    def __init__(
        self,
        model: Model,
        steps: int = 3,
        seed: int = 0,
        zeros: frozenset[str] = frozenset(),
        orthogonal: frozenset[str] = frozenset(),
    ):
        self.model, self.steps, self.zeros, self.orthogonal = model, steps, zeros, orthogonal
        self.sizes = self._sizes()
        self.random = random.Random(seed)
        self._dims: dict[Any, int] = {}
        self.values: dict[Key, Array] = {}
        self.edges: dict[Key, dict[Key, Array]] = {}
        self.order: list[Key] = []
        self._cache: dict[Any, dict[Key, Array]] = {}
        self.outside = False  # whether a value is no real number, as the root of v + ε below 0
        self.positive = False  # whether only numbers above 0 are drawn
        self._draw()
        self._run()
        for n in range(REDRAWS):
            if not (self.outside or self._is_one_sided()):
                break
            self.positive = self.outside and n >= REDRAWS // 2
            self.outside = False
            self.values, self.edges, self.order = {}, {}, []
            self._draw()
            self._run()

    @cached_property
    def reach(self) -> int:
        """How many steps ahead a state is read, at most."""
        return max([1, *(self.model.lag(d.name) for d in self.model.states)])

    def is_beyond(self, key: Key) -> bool:
        """Whether a variable is past the last step of its run, T or, if it runs back, 1."""
        name, time = key
        if time is None or key in self.values:
            return False
        past = 1 - time if name in self._back else time - self.steps
        return 0 < past <= self.reach

    @cached_property
    def _back(self) -> set[str]:
        return {e.lhs.name for run, back in self.model.passes if back for e in run}

    def _is_one_sided(self) -> bool:
        """Whether every entry of what a relu is applied to has one sign: its slope is one number
        then, and a product in the wrong order is the same."""
        bent = [x for e in self.model.equations for x in e.rhs.atoms(mx.Apply)]
        inner = [x.args[1] for x in bent if x.args[0].name == "relu" and x.shape]
        if self.dtype is not float:
            return False  # of exact numbers the caller draws again
        signs = (self.value_of(x, t) > 0 for x in inner for t in range(1, self.steps + 1))
        return any(x.all() or not x.any() for x in signs)

    # -- values

    def _sizes(self) -> dict[str, int]:
        return small_sizes(self.model)

    def dims(self, shape: Iterable[Any]) -> tuple[int, ...]:
        return tuple(map(self._dim, shape))

    def _dim(self, n: Any) -> int:
        if n not in self._dims:
            known = {mx.size(k): v for k, v in self.sizes.items()}
            self._dims[n] = int(sympy.sympify(n).xreplace(known))
        return self._dims[n]

    def _number(self) -> Any:
        """A multiple of 1/64 between 1/4 and 1 in size: short to print, and no zero."""
        sign = 1 if self.positive else self.random.choice((-1, 1))
        return sign * self.random.randrange(16, 65) / 64

    def _array(self, d: Declaration) -> Array:
        dims = self.dims(d.shape)
        if d.classes is not None:
            (count,) = self.dims((d.classes,))
            flat = [self.random.randrange(count) for _ in range(int(np.prod(dims, dtype=int)))]
            return np.array(flat, dtype=int).reshape(dims)
        out = np.empty(dims, dtype=self.dtype)
        for i in np.ndindex(*dims):
            out[i] = self._number()
        if not dims and abs(out) == 1:
            out *= self._number() / 2  # a number 1 would hide a factor left out
        return out

    def _draw(self) -> None:
        for d in self.model.declarations:
            if d.role in ("param", "hyper"):
                turn = d.name in self.orthogonal
                self.values[d.name, None] = self._rotation(d) if turn else self._array(d)
            elif d.role == "state":
                for back in range(max(1, self.model.lag(d.name))):
                    start = self.model.start(d.name, back).xreplace({mx.T: self.steps})
                    drawn = self._array(d)
                    self.values[d.name, int(start)] = (
                        np.zeros_like(drawn) if d.name in self.zeros else drawn
                    )
            elif d.role in ("input", "target", "mask"):
                if not d.timed:
                    self.values[d.name, None] = self._array(d)
                    continue
                for time in range(self.steps + 1):  # x_0 exists, so that an index may be off
                    self.values[d.name, time] = self._array(d)

    def _rotation(self, d: Declaration) -> Array:
        """An orthogonal matrix: rotations of neighbouring axes by angles of cosine 3/5."""
        n = self.dims(d.shape)[0]
        out = sympy.eye(n)
        for i in range(n - 1):
            step = sympy.eye(n)
            step[i : i + 2, i : i + 2] = sympy.Matrix([[3, -4], [4, 3]]) / 5
            out = out * step
        entries = [self._exactly(x) for x in out]
        return np.array(entries, dtype=self.dtype).reshape(n, n)

    def _exactly(self, x: Any) -> Any:
        return float(x)

    def _run(self) -> None:
        steps = range(1, self.steps + 1)
        for equations, back in self.model.passes:
            for time in reversed(steps) if back else steps:
                for e in equations:
                    key = (e.lhs.name, time)
                    self.values[key] = self.value_of(e.rhs, time)
                    self.edges[key] = self._local(e.rhs, time)
                    self.order.append(key)
        loss = self.model.loss.step.name
        total: Any = 0
        weights: dict[Key, Array] = {}
        for time in range(1, self.steps + 1):
            w = self.value_of(self.model.loss.weight(), time).item()
            total += w * self.values[loss, time].sum()
            weights[loss, time] = np.full(self.values[loss, time].shape, w, dtype=self.dtype)
        self.values[LOSS.name, None] = np.array(total, dtype=self.dtype)
        self.edges[LOSS.name, None] = weights
        self.order.append((LOSS.name, None))

    def value_of(self, expr: mx.Node, time: int) -> Array:
        value = self._evaluate(expr, time)
        if value.imag.any() or not np.isfinite(value.real).all():
            self.outside = True
        return value.real.astype(float)

    def _evaluate(
        self, expr: mx.Node, time: int, changed: Mapping[Key, Array] | None = None
    ) -> Array:
        values = self.values if changed is None else {**self.values, **changed}

        def lookup(node: Any, times: tuple[int, ...]) -> Array:
            return values[node.name, times[0] if times else None]

        at = Setting(lookup, self.sizes, FUNCTIONS, {"t": time, "T": self.steps})
        return np.asarray(evaluate(expr, at), dtype=complex)

    def _local(self, rhs: mx.Node, time: int) -> dict[Key, Array]:
        """∂rhs/∂v for every variable it reads, by complex step."""
        out: dict[Key, Array] = {}
        for v in mx.variables(rhs):
            if not self.model.is_differentiable(v):
                continue
            at = None
            if v.times:
                at = int(v.time.xreplace({mx.t: time, mx.T: self.steps}))
            key = (v.name, at)
            if key in out:
                continue
            base = self.values[key]
            columns = []
            for i in np.ndindex(*base.shape):
                columns.append(self._slope(rhs, time, key, i))
            stacked = np.stack(columns, axis=-1)
            out[key] = stacked.reshape((*stacked.shape[:-1], *base.shape))
        return out

    def _slope(self, rhs: mx.Node, time: int, key: Key, i: Any) -> Array:
        """∂rhs/∂v[i] by complex step."""
        moved = self.values[key].astype(complex)
        moved[i] += EPS * 1j
        return self._evaluate(rhs, time, {key: moved}).imag / EPS

    # -- derivatives

    def derivative(self, of: Key, by: Key, kind: str = TOTAL, copy: int | None = None) -> Array:
        """d of / d by, shape(of) + shape(by).

        kind: "total" through every path; "immediate" within one step, earlier states held fixed;
        "held" the same with the states of this step held fixed as well;
        "direct" by of's own equation alone; "future" through later steps alone. `copy` takes the
        derivative by the parameter's copy of that step only.
        """
        if of == by:
            shape = self.values[by].shape
            return self._eye(shape)
        if kind == DIRECT:
            found = self.edges.get(of, {}).get(by)
            return self._zero(of, by) if found is None else found
        step = of[1] if of[1] is not None else by[1] if by[1] is not None else copy
        reach = self._reach(by, kind, copy, step if kind in (IMMEDIATE, HELD) else None)
        found = reach.get(of)
        return self._zero(of, by) if found is None else found

    def _zero(self, of: Key, by: Key) -> Array:
        return np.zeros(self.values[of].shape + self.values[by].shape, dtype=self.dtype)

    def _eye(self, shape: tuple[int, ...]) -> Array:
        count = int(np.prod(shape, dtype=int))
        return np.eye(count, dtype=self.dtype).reshape(shape + shape)

    def _reach(self, by: Key, kind: str, copy: int | None, step: int | None) -> dict[Key, Array]:
        """d w / d by for every w, by one forward sweep."""
        name = (by, kind, copy, step)
        if name in self._cache:
            return self._cache[name]
        shape = self.values[by].shape
        out: dict[Key, Array] = {}
        if by[1] is not None:
            out[by] = self._eye(shape)
        for w in self.order:
            if w == by or (step is not None and w[1] not in (step, None)):
                continue
            total: Any = None
            for v, local in self.edges[w].items():
                if v == by:
                    if copy is not None and w[1] != copy:
                        continue
                    if kind == FUTURE and w[1] is not None and w[1] == by[1]:
                        continue
                    term = local
                elif v in out and not (kind == HELD and v[0] in self._states):
                    rank = self.values[v].ndim
                    term = (
                        np.tensordot(local, out[v], axes=rank)
                        if rank
                        else local[(...,) + (None,) * len(shape)] * out[v]
                    )
                else:
                    continue
                total = term if total is None else total + term
            if total is not None:
                out[w] = total
        self._cache[name] = out
        return out

    @cached_property
    def _states(self) -> set[str]:
        return {d.name for d in self.model.states}

    @cached_property
    def names(self) -> set[str]:
        return {name for name, _ in self.values}


def close(a: Array, b: Array) -> bool:
    """Equal up to rounding, relative to the larger side."""
    scale = 1.0 + max(float(np.abs(a).max(initial=0)), float(np.abs(b).max(initial=0)))
    gap = float(np.abs(a - b).max(initial=0))
    return math.isfinite(gap) and gap < 1e-9 * scale
