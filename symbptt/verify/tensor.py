"""Arrays with a left and a right side, in numbers or in letters.

A tensor's leading `left` axes are its rows, the others its columns. A column vector has one axis
on the left, a row vector one on the right; ∂u/∂v in numerator layout has u's axes left and v's
right. A matrix product contracts what faces: a's right axes with b's left axes.

    (W δ)[i] = Σ_j W[i|j] δ[j|]        (δ hᵀ)[i|j] = δ[i|] h[|j]        shapes decide, not ranks

One algebra works on floats of a `World`, the other on polynomials in index notation; a claim is
read once and means the same in both.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from .. import matrix as mx
from ..errors import SymbpttError
from ..indices import poly as p
from ..indices.canon import canonical_lam
from ..indices.lower import Bound, Slots, linear, lower, scalar_poly, softmax
from ..indices.lower import delta as delta_poly
from ..indices.poly import Factor, Poly, fresh
from ..matrix.functions import Z
from .world import TOTAL, World, unknown_value


class MisfitError(SymbpttError):
    """Two tensors whose shapes do not fit; what a shape refutation rests on."""


@dataclass(frozen=True)
class Tensor:
    """`shape` are whole numbers or symbolic sizes. `loose`: a gradient, whose axes may stand on
    either side of a Jacobian it meets."""

    data: Any
    shape: tuple[Any, ...]
    left: int
    loose: bool = False

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def rows(self) -> tuple[Any, ...]:
        return self.shape[: self.left]

    @property
    def columns(self) -> tuple[Any, ...]:
        return self.shape[self.left :]

    def show_shape(self) -> str:
        if self.rank == 1:
            return f"({self.shape[0]}×1)" if self.left else f"(1×{self.shape[0]})"
        return "(" + "×".join(map(str, self.shape)) + ")" if self.shape else "scalar"


class Numbers:
    """The arithmetic of a world at given times."""

    def __init__(self, world: World, times: Mapping[Any, int]):
        self.world, self.times = world, dict(times)
        self.free: dict[Any, Any] = {}

    def at(self, time: Any) -> int | None:
        if time is None:
            return None
        value = sympy.sympify(time).xreplace(
            {k: sympy.Integer(v) for k, v in self.times.items()}
            | {mx.T: sympy.Integer(self.world.steps)}
        )
        if not value.is_Integer:
            raise SymbpttError(f"the index {time} has no value here")
        return int(value)

    def size(self, n: Any) -> int:
        return self.world.dims((n,))[0]

    def number(self, value: Any) -> Tensor:
        q = sympy.sympify(value).xreplace(
            {k: sympy.Integer(v) for k, v in self.times.items()}
            | {mx.T: sympy.Integer(self.world.steps)}
        )
        q = sympy.sympify(q).xreplace(
            {
                s: sympy.Integer(self.world.sizes[s.name])
                for s in q.free_symbols
                if s.name in self.world.sizes
            }
        )
        return Tensor(np.array(float(q)), (), 0)

    def var(self, name: str, time: Any) -> Any:
        key = (name, self.at(time))
        if key not in self.world.values:
            raise OutOfRangeError(f"{name} has no value at {key[1]}")
        return self.world.values[key]

    def onehot(self, name: str, time: Any, classes: Any) -> Any:
        index = self.var(name, time)
        return np.eye(self.size(classes))[index]

    def derivative(self, of: Any, by: Any, kind: str = TOTAL, copy: Any = None) -> Any:
        u, v = ((name, self.at(time)) for name, time in (of, by))
        w = self.world
        beyond = [k for k in (u, v) if k[1] is not None and k[1] > w.steps]
        if beyond and all(k[1] == w.steps + 1 for k in beyond) and u == ("L", None):
            name = next(n for n, _ in w.values if n == v[0])
            like = next(a for (n, s), a in w.values.items() if n == name and s is not None)
            return np.zeros(like.shape)  # the boundary: nothing past T reaches the loss
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
        return np.eye(int(n))

    def add(self, a: Any, b: Any, sign: int) -> Any:
        return a + sign * b

    def fill(self, a: Any, shape: Any) -> Any:
        return np.broadcast_to(a, shape).copy()

    def apply(self, body: Any, a: Any) -> Any:
        return _function(body)(a)

    def softmax(self, a: Any, rank: int) -> Any:
        e = np.exp(a - a.max(axis=-1, keepdims=True))
        return e / e.sum(axis=-1, keepdims=True)

    def power(self, a: Any, exponent: Any) -> Any:
        q = float(exponent)
        return a ** int(q) if q == int(q) and q >= 0 else np.power(a, q)

    def reduce(self, a: Any, axis: int, rank: int, size: Any = None) -> Any:
        return a.sum(axis=axis)

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
            out = chained(self, out, x)
        return out

    def _unit(self, like: Tensor) -> Tensor:
        if like.rank % 2 or (like.rank and like.left != like.rank // 2):
            raise MisfitError("an empty product of vectors has no value")
        half = like.shape[: like.left]
        count = int(np.prod(half, dtype=int))
        return replace(like, data=np.eye(count).reshape(half + half))

    def _somewhere(self) -> range:
        return range(1, self.world.steps + 1)

    def _each(self, k: Any, steps: Any, body: Callable[[], Tensor], first: bool = False) -> list:
        saved, out = self.times.get(k), []
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
        if first and not out:
            raise OutOfRangeError("an empty sum")
        return out

    def matpow(self, a: Any, n: Any) -> Any:
        times = self.at(n)
        assert times is not None
        if times < 0:
            raise OutOfRangeError("a negative power of a matrix")
        return np.linalg.matrix_power(a, times)


class OutOfRangeError(SymbpttError):
    """A time outside 0..T: the claim does not speak about this step."""


_FUNCTIONS: dict[Any, Any] = {}


def _function(body: Any) -> Callable[[Any], Any]:
    """A SymPy expression in `Z` on arrays of floats."""
    key = body
    if key not in _FUNCTIONS:
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
        _FUNCTIONS[key] = lambda z: np.broadcast_to(made(z), np.shape(z)).astype(float)
    return _FUNCTIONS[key]


_KNOWN = {"sigmoid", "relu", "step", "softplus", *mx.builtin_names()}


def _unknown(name: str) -> Callable[[Any], Any]:
    stem, _, order = name.rpartition("_d")
    return lambda z: unknown_value(int(order) if stem and order.isdigit() else 0, z, np)


Entries = Callable[[Slots, Bound], Poly]


class Letters:
    """The arithmetic of index notation: data is a function from slots to a polynomial."""

    def __init__(self, model: Any):
        self.model = model

    def size(self, n: Any) -> Any:
        return n

    def number(self, value: Any) -> Tensor:
        q = sympy.sympify(value)

        def entries(slots: Slots, bound: Bound) -> Poly:
            if q.free_symbols & set(bound):
                raise SymbpttError("a summed time stands as a number")
            return scalar_poly(q, {})

        return Tensor(_Sized(entries, ()), (), 0)

    def var(self, name: str, time: Any) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            times = () if time is None else (linear(time, bound),)
            return p.atom(Factor("var", name, times, slots))

        return entries

    def onehot(self, name: str, time: Any, classes: Any) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            times = () if time is None else (linear(time, bound),)
            return p.atom(Factor("onehot", name, times, slots))

        return entries

    def derivative(self, of: Any, by: Any, kind: str = TOTAL, copy: Any = None) -> Entries:
        (u, s), (v, r) = of, by
        name = (kind, u, v, s is not None, r is not None, copy is not None)

        def entries(slots: Slots, bound: Bound) -> Poly:
            times = tuple(linear(x, bound) for x in (s, r, copy) if x is not None)
            return p.atom(Factor("var", name, times, slots))

        return entries

    def combine(self, spec: str, a: Entries, b: Entries) -> Entries:
        left, out = spec.split("->")
        la, lb = left.split(",")

        def entries(slots: Slots, bound: Bound) -> Poly:
            names = dict(zip(out, slots, strict=True))
            summed = [c for c in dict.fromkeys(la + lb) if c not in names]
            sizes = dict(zip(la, a.sizes, strict=True)) | dict(zip(lb, b.sizes, strict=True))  # type: ignore[attr-defined]
            inner = {c: fresh(str(sizes[c])) for c in summed}
            every = {**names, **inner}
            x = a(tuple(every[c] for c in la), bound)
            y = b(tuple(every[c] for c in lb), bound)
            product = p.mul(x, y)
            return p.bind(product, *inner.values()) if inner else product

        return entries

    def permute(self, spec: str, a: Entries) -> Entries:
        inner, out = spec.split("->")

        def entries(slots: Slots, bound: Bound) -> Poly:
            names = dict(zip(out, slots, strict=True))
            return a(tuple(names[c] for c in inner), bound)

        return entries

    def eye(self, n: Any) -> Entries:
        return lambda slots, bound: delta_poly(*slots)

    def add(self, a: Entries, b: Entries, sign: int) -> Entries:
        return lambda slots, bound: p.add(a(slots, bound), p.scale(b(slots, bound), sign))

    def fill(self, a: Entries, shape: Any) -> Entries:
        return lambda slots, bound: a((), bound)

    def apply(self, body: Any, a: Entries) -> Entries:
        return lambda slots, bound: scalar_poly(body, {Z: a(slots, bound)})

    def softmax(self, a: Entries, rank: int) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            row = fresh(slots[-1].size)
            return softmax(a((*slots[:-1], row), bound), row, slots[-1])

        return entries

    def power(self, a: Entries, exponent: Any) -> Entries:
        q = sympy.Rational(exponent)
        return lambda slots, bound: p.power(a(slots, bound), Fraction(int(q.p), int(q.q)))

    def reduce(self, a: Entries, axis: int, rank: int, size: Any = None) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            index = fresh(str(size))
            full = (*slots[:axis], index, *slots[axis:])
            return p.bind(a(full, bound), index)

        return entries

    def sum(self, k: Any, lo: Any, hi: Any, body: Callable[[], Tensor]) -> Tensor:
        inside = body()

        def entries(slots: Slots, bound: Bound) -> Poly:
            index = fresh(p.TIME)
            here = p.Lin(0, ((index, 1),))
            floor = Factor("ge", "", (p.lin_add(here, linear(lo, bound), -1),))
            ceiling = Factor("ge", "", (p.lin_add(linear(hi, bound), here, -1),))
            limits = p.mul(p.atom(floor), p.atom(ceiling))
            return p.bind(p.mul(limits, inside.data(slots, {**bound, k: index})), index)

        return replace(inside, data=sized(entries, inside.shape))

    def prod(self, k: Any, lo: Any, hi: Any, body: Callable[[], Tensor], down: bool) -> Tensor:
        inside = body()
        if inside.rank % 2 or inside.left * 2 != inside.rank:
            raise MisfitError("a product of vectors")
        half = inside.rank // 2

        def entries(slots: Slots, bound: Bound) -> Poly:
            index, inner = fresh(p.TIME), tuple(fresh(s.size) for s in slots)
            poly = inside.data(inner, {**bound, k: index})
            params, outer = inner, slots
            if not down:  # A_1 A_2 … is the transpose of … A_2ᵀ A_1ᵀ
                params = (*inner[half:], *inner[:half])
                outer = (*slots[half:], *slots[:half])
            lam = canonical_lam((index, *params), poly)
            limits = (linear(lo, bound), linear(hi, bound))
            return p.atom(Factor("timeprod", "", limits, outer, (lam,)))

        return replace(inside, data=sized(entries, inside.shape))

    def matpow(self, a: Entries, n: Any) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            i, j = (fresh(s.size) for s in slots)
            lam = canonical_lam((i, j), a((i, j), bound))
            return p.atom(Factor("matpow", "", (linear(n, bound),), slots, (lam,)))

        return entries


class _Sized:
    """Entries that know the sizes of their axes, which summed indices carry."""

    def __init__(self, entries: Entries, sizes: tuple[Any, ...]):
        self.entries, self.sizes = entries, sizes

    def __call__(self, slots: Slots, bound: Bound) -> Poly:
        return self.entries(slots, bound)


def sized(data: Any, shape: tuple[Any, ...]) -> Any:
    return _Sized(data, shape) if callable(data) else data


def tensor(data: Any, shape: Sequence[Any], left: int, loose: bool = False) -> Tensor:
    shape = tuple(shape)
    return Tensor(sized(data, shape), shape, left, loose)


# -- operations on tensors, the same for both arithmetics

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def transpose(alg: Any, x: Tensor) -> Tensor:
    """Rows become columns; a batch matrix or a matrix is transposed, a vector turned."""
    if x.rank == 0:
        return x
    a = _LETTERS[: x.rank]
    out = a[x.left :] + a[: x.left]
    data = x.data if a == out else alg.permute(f"{a}->{out}", x.data)
    return tensor(data, x.columns + x.rows, x.rank - x.left, x.loose)


def add(alg: Any, a: Tensor, b: Tensor, sign: int = 1) -> Tensor:
    if a.rank == 0 and b.rank:
        a = tensor(alg.fill(a.data, b.shape), b.shape, b.left, b.loose)
    if b.rank == 0 and a.rank:
        b = tensor(alg.fill(b.data, a.shape), a.shape, a.left, a.loose)
    if a.shape != b.shape and a.rank != b.rank:
        wide, thin = (a, b) if a.rank > b.rank else (b, a)
        if thin.rank == 1 and wide.rank == 2 and thin.shape[0] == wide.shape[1] and not thin.left:
            out = alg.combine("b,ab->ab", thin.data, _ones(alg, wide).data)
            thin = tensor(out, wide.shape, wide.left)  # a bias added to every row
            a, b = (wide, thin) if a is wide else (thin, wide)
    if a.shape != b.shape or (a.left != b.left and a.rank == 1):
        raise MisfitError(f"cannot add {a.show_shape()} and {b.show_shape()}")
    return tensor(alg.add(a.data, b.data, sign), a.shape, a.left, a.loose or b.loose)


def _ones(alg: Any, like: Tensor) -> Tensor:
    return tensor(alg.fill(alg.number(1).data, like.shape), like.shape, like.left)


def scale(alg: Any, a: Tensor, b: Tensor) -> Tensor:
    """A scalar times anything."""
    if a.rank:
        a, b = b, a
    letters = _LETTERS[: b.rank]
    return tensor(
        alg.combine(f",{letters}->{letters}", sized(a.data, ()), b.data), b.shape, b.left, b.loose
    )


def hadamard(alg: Any, a: Tensor, b: Tensor) -> Tensor:
    if not (a.rank and b.rank):
        return scale(alg, a, b)
    if a.shape != b.shape or a.left != b.left:
        raise MisfitError(f"cannot multiply {a.show_shape()} and {b.show_shape()} elementwise")
    i = _LETTERS[: a.rank]
    loose = a.loose or b.loose
    return tensor(alg.combine(f"{i},{i}->{i}", a.data, b.data), a.shape, a.left, loose)


def chained(alg: Any, a: Tensor, b: Tensor) -> Tensor:
    """The product that contracts what faces, or stands side by side where nothing faces."""
    if not (a.rank and b.rank):
        return scale(alg, a, b)
    n = len(a.columns)
    if a.columns != b.rows:
        if b.loose and a.columns == b.shape and b.rank > 1:  # a gradient behind its Jacobian
            b = replace(b, left=b.rank)
        elif a.loose and a.shape == b.rows and a.rank > 1:  # a gradient before its Jacobian
            a, n = replace(a, left=0), a.rank
        else:
            raise MisfitError(f"cannot multiply {a.show_shape()} by {b.show_shape()}")
    letters = iter(_LETTERS)
    la = "".join(itertools.islice(letters, a.rank))
    rest = "".join(itertools.islice(letters, b.rank - n))
    lb = la[a.rank - n :] + rest
    out = la[: a.rank - n] + rest
    data = alg.combine(f"{la},{lb}->{out}", a.data, b.data)
    shape = a.shape[: a.rank - n] + b.shape[n:]
    return tensor(data, shape, a.rank - n, a.loose and b.loose)


def outer(alg: Any, a: Tensor, b: Tensor) -> Tensor:
    """a bᵀ, however the two vectors are turned."""
    i, j = _LETTERS[: a.rank], _LETTERS[a.rank : a.rank + b.rank]
    return tensor(alg.combine(f"{i},{j}->{i}{j}", a.data, b.data), a.shape + b.shape, a.rank)


def diag(alg: Any, v: Tensor) -> Tensor:
    if v.rank == 2:  # one diagonal matrix per row of a batch
        eye = tensor(alg.eye(v.shape[1]), (v.shape[1],) * 2, 1)
        rows = tensor(alg.eye(v.shape[0]), (v.shape[0],) * 2, 1)
        square = alg.combine("bc,ab->abc", eye.data, v.data)
        four = alg.combine("ad,abc->abdc", rows.data, sized(square, (*v.shape, v.shape[1])))
        return tensor(four, (v.shape[0], v.shape[1], v.shape[0], v.shape[1]), 2)
    if v.rank != 1:
        raise MisfitError(f"diag takes a vector, not {v.show_shape()}")
    eye = tensor(alg.eye(v.shape[0]), v.shape * 2, 1)
    return tensor(alg.combine("ab,a->ab", eye.data, v.data), v.shape * 2, 1)


def elementwise(alg: Any, body: Any, x: Tensor) -> Tensor:
    return tensor(alg.apply(body, x.data), x.shape, x.left, False)


__all__ = [
    "Letters",
    "MisfitError",
    "Numbers",
    "OutOfRangeError",
    "Tensor",
    "add",
    "chained",
    "diag",
    "elementwise",
    "hadamard",
    "lower",
    "outer",
    "scale",
    "tensor",
    "transpose",
]
