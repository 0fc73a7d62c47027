"""The arithmetic of tensors on the floats of a small world, at given times."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from ...matrix.functions import Z
from ..world import EPS, FUNCTIONS, TOTAL, World, unknown_value
from .tensor import MisfitError, Tensor, chained


@lru_cache(maxsize=4096)
def _affine(time: Any) -> tuple[int | Fraction, tuple[tuple[Any, int | Fraction], ...]]:
    """An index as its constant and the coefficients of its letters. Raises SymbpttError."""
    terms = sympy.expand(time).as_coefficients_dict()
    constant = terms.pop(sympy.S.One, sympy.S.Zero)
    if not all(x.is_Symbol and c.is_Rational for x, c in terms.items()):
        raise SymbpttError(f"the index {time} has no value here")
    return _rational(constant), tuple((x, _rational(c)) for x, c in terms.items())


def _rational(x: Any) -> int | Fraction:
    return int(x) if x.is_Integer else Fraction(int(x.p), int(x.q))


class OutOfRangeError(SymbpttError):
    """A time outside 0..T: the claim does not speak about this step."""


class Numbers:
    """The arithmetic of a world at given times."""

    def __init__(self, world: World, times: Mapping[Any, int]):
        self.world, self.times = world, dict(times)
        self.free: dict[str, int] = {}  # the named indices, from 0
        self.needed: set[Any] = set()  # the times and indices that what was asked for depends on

    def at(self, time: Any) -> int | None:
        if time is None:
            return None
        constant, terms = _affine(time)
        value = constant
        for symbol, c in terms:
            self.needed.add(symbol)
            at = self.world.steps if symbol == mx.T else self.times.get(symbol)
            if at is None:
                raise SymbpttError(f"the index {time} has no value here")
            value += c * at
        if int(value) != value:
            raise SymbpttError(f"the index {time} has no value here")
        return int(value)

    def index(self, name: str) -> int:
        """The value of a named index."""
        self.needed.add(name)
        return self.free.get(name, 0)

    def known(self, name: Any) -> int | None:
        """What a time or a named index is now; None for one that has no value."""
        return self.free.get(name, 0) if isinstance(name, str) else self.times.get(name)

    def size(self, n: Any) -> int:
        return self.world.dims((n,))[0]

    def number(self, value: Any) -> Tensor:
        return Tensor(np.array(float(self.closed(value))), (), 0)

    def closed(self, value: Any) -> Any:
        """A SymPy expression with its times and its sizes as numbers."""
        q = sympy.sympify(value)
        if not q.free_symbols:
            return q
        times = {k: sympy.Integer(v) for k, v in self.times.items() if k in q.free_symbols}
        self.needed |= q.free_symbols
        q = q.xreplace({**times, mx.T: sympy.Integer(self.world.steps)})
        sizes = self.world.sizes
        known = {x: sympy.Integer(sizes[x.name]) for x in q.free_symbols if x.name in sizes}
        return q.xreplace(known)

    def var(self, name: str, time: Any) -> Any:
        key = (name, self.at(time))
        if key not in self.world.values:
            raise OutOfRangeError(f"{name} has no value at {key[1]}")
        return self.world.values[key]

    def onehot(self, name: str, time: Any, classes: Any) -> Any:
        index = self.var(name, time)
        return np.eye(self.size(classes), dtype=self.world.dtype)[index]

    def derivative(self, of: Any, by: Any, kind: str = TOTAL, copy: Any = None) -> Any:
        u, v = ((name, self.at(time)) for name, time in (of, by))
        w = self.world
        if u == ("L", None) and w.is_beyond(v):
            name = next(n for n, _ in w.values if n == v[0])
            like = next(a for (n, s), a in w.values.items() if n == name and s is not None)
            return np.zeros(
                like.shape, self.world.dtype
            )  # the boundary: nothing past the last step reaches the loss
        for k in (u, v):
            if k not in w.values:
                raise OutOfRangeError(f"{k[0]} has no value at {k[1]}")
        if kind == "given":
            kind = TOTAL
        return w.derivative(u, v, kind, self.at(copy))

    def combine(self, spec: str, a: Any, b: Any) -> Any:
        return np.einsum(spec, a, b)

    def permute(self, spec: str, a: Any) -> Any:
        return np.einsum(spec, a)

    def eye(self, n: Any) -> Any:
        return np.eye(int(n), dtype=self.world.dtype)

    def add(self, a: Any, b: Any, sign: int) -> Any:
        return a + sign * b

    def fill(self, a: Any, shape: Any) -> Any:
        return np.broadcast_to(a, shape).copy()

    def apply(self, body: Any, a: Any) -> Any:
        return function(body)(a)

    def softmax(self, a: Any, rank: int) -> Any:
        e = np.exp(a - a.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def power(self, a: Any, exponent: Any) -> Any:
        q = float(exponent)
        return a ** int(q) if q == int(q) and q >= 0 else np.power(a, q)

    def reduce(self, a: Any, axis: int, rank: int, size: Any = None) -> Any:
        return a.sum(axis=axis)

    def spread(self, a: Any, old: Any, new: Any) -> Any:
        return np.broadcast_to(a, new)

    def expand(self, a: Any, axes: list[int]) -> Any:
        return np.expand_dims(a, tuple(axes))

    def beside(self, parts: list[Any], sizes: list[Any]) -> Any:
        return np.concatenate(parts, axis=-1)

    def block(self, a: Any, first: int, size: int) -> Any:
        return a[..., first : first + size]

    def same_index(self, i: str, j: str, size: Any) -> Any:
        return np.array(float(self.index(i) == self.index(j)))

    def same_time(self, a: Any, b: Any) -> Any:
        return np.array(float(self.at(a) == self.at(b)))

    def any_array(self, name: str, shape: Any) -> Any:
        """An array that a name stands for and that may be any: multiples of 1/64."""
        draw = random.Random(f"{name}{shape}")
        count = int(np.prod(shape, dtype=int))
        drawn = [draw.choice((-1, 1)) * draw.randrange(16, 65) / 64 for _ in range(count)]
        return np.array(drawn).reshape(shape)

    def value_of_call(self, name: str, args: list[Tensor], shape: Any) -> Any:
        """f at any arguments, f a function of which nothing is known."""
        values = [np.asarray(x.data, dtype=complex) for x in args]
        return np.asarray(FUNCTIONS["call"](name, (), values, shape), dtype=complex).real

    def slope_of_call(self, name: str, n: int, args: list[Tensor], shape: Any) -> Any:
        """∂f/∂(its n-th argument), by complex step."""
        values = [np.asarray(x.data, dtype=complex) for x in args]
        columns = []
        for i in np.ndindex(*args[n].shape):
            moved = values[n].copy()
            moved[i] += EPS * 1j
            given = [*values[:n], moved, *values[n + 1 :]]
            found = np.asarray(FUNCTIONS["call"](name, (), given, shape), dtype=complex)
            columns.append(found.imag / EPS)
        return np.stack(columns, axis=-1).reshape((*shape, *args[n].shape))

    def sum(self, k: Any, lo: Any, hi: Any, body: Callable[[], Tensor]) -> Tensor:
        low, high = self.at(lo), self.at(hi)
        assert low is not None and high is not None
        terms = self._each(k, range(low, high + 1), body)
        if not terms:
            like = self._each(k, self._somewhere(), body, first=True)
            return replace(like[0], data=np.zeros_like(like[0].data))
        out = terms[0]
        for x in terms[1:]:
            out = replace(out, data=out.data + x.data)
        return out

    def prod(self, k: Any, lo: Any, hi: Any, body: Callable[[], Tensor], down: bool) -> Tensor:
        low, high = self.at(lo), self.at(hi)
        assert low is not None and high is not None
        terms = self._each(k, range(low, high + 1), body)
        if down:
            terms = terms[::-1]
        if not terms:
            like = self._each(k, self._somewhere(), body, first=True)[0]
            return self._unit(like)
        out = terms[0]
        for x in terms[1:]:
            out = replace(chained(self, out, x), pulled=out.pulled)
        return out

    def _unit(self, like: Tensor) -> Tensor:
        if like.rank % 2 or (like.rank and like.left != like.rank // 2):
            raise MisfitError("an empty product of vectors has no value")
        half = like.shape[: like.left]
        count = int(np.prod(half, dtype=int))
        return replace(like, data=np.eye(count, dtype=self.world.dtype).reshape(half + half))

    def _somewhere(self) -> list[int]:
        """Steps to find a shape at: j of an empty ∏ over ∂g_{k-j}/∂g_{k-j+1} may be 0 or less."""
        steps = self.world.steps
        return [*range(1, steps + 1), *range(0, -steps, -1)]

    def _each(self, k: Any, steps: Any, body: Callable[[], Tensor], first: bool = False) -> list:
        saved, outside, out = self.times.get(k), k in self.needed, []
        try:
            for step in steps:
                self.times[k] = step
                try:
                    out.append(body())
                except OutOfRangeError:
                    if not first:
                        raise
                    continue
                if first:
                    break
        finally:
            self.times.pop(k, None)
            if saved is not None:
                self.times[k] = saved
            if not outside:
                self.needed.discard(k)
        if first and not out:
            raise OutOfRangeError("an empty sum")
        return out

    def matpow(self, a: Any, n: Any) -> Any:
        times = self.at(n)
        assert times is not None
        if times < 0:
            raise OutOfRangeError("a negative power of a matrix")
        return np.linalg.matrix_power(a, times)


@lru_cache(maxsize=1024)
def function(body: Any) -> Callable[[Any], Any]:
    """A SymPy expression in `Z` on arrays of floats."""
    names = {type(f).__name__ for f in body.atoms(sympy.Function)}
    extra = {n: _unknown(n) for n in names if n not in _KNOWN}
    body = body.replace(
        lambda e: isinstance(e, sympy.Function) and type(e).__name__ in extra,
        lambda e: sympy.Function(f"u{sorted(extra).index(type(e).__name__)}")(*e.args),
    )
    made_up = {f"u{n}": extra[name] for n, name in enumerate(sorted(extra))}
    table = [
        made_up,
        {
            "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
            "relu": lambda z: np.maximum(z, 0.0),
            "step": lambda z: (np.asarray(z) > 0).astype(float),
            "softplus": lambda z: np.log1p(np.exp(z)),
        },
        "numpy",
    ]
    made = sympy.lambdify(Z, body, table)
    return lambda z: np.broadcast_to(made(z), np.shape(z)).astype(float)


_KNOWN = {"sigmoid", "relu", "step", "softplus", *mx.builtin_names()}


def _unknown(name: str) -> Callable[[Any], Any]:
    stem, _, order = name.rpartition("_d")
    return lambda z: unknown_value(int(order) if stem and order.isdigit() else 0, z, np)
