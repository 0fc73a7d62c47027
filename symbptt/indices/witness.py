"""A witness: the smallest sizes and exact entries at which two expressions differ.

It evaluates both sides with `matrix.evaluate` and never looks at the normal form, so that the
refutation of an equation does not rest on the code that called it unequal.

    a ≠ b   because   a[i, j] = 5/2 and b[i, j] = 3   at   H = 2, W = [[1, -2], [3, 1/2]]
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy

from .. import matrix as mx
from ..errors import ShapeError
from ..matrix.evaluate import Setting, evaluate

DIGITS = 40
_EXACT = {"relu", "step", "hardtanh", "huber"}  # the functions that keep a fraction a fraction
_ASSIGNMENTS = 24  # how many choices of sizes are tried, and how many of the times
_SEEDS = 5  # how many choices of entries are tried at each
_POSITIVE = 2  # the seed at which all entries are positive
_SMALL = 3  # the seed from which all are below 1 in size


@dataclass(frozen=True)
class Witness:
    """Where the sides differ: `left` and `right` are one entry of each, at `index` (from 0).

    `times` also holds whole numbers given to hyper-parameters and named indices. `values` maps
    a variable with its times, as in "h[2]", to nested lists of fractions. The two entries are
    fractions where the functions allow it, else `mpmath` numbers of 40 digits.
    """

    sizes: Mapping[str, int]
    times: Mapping[str, int]
    values: Mapping[str, Any]
    index: tuple[int, ...]
    left: Any
    right: Any

    @property
    def where(self) -> str:
        return ", ".join(f"{k} = {v}" for k, v in (*self.sizes.items(), *self.times.items()))

    @property
    def brief(self) -> str:
        """Where the sides differ and by how much, without the entries."""
        gap = _show(self.left - self.right)
        return f"counterexample: {gap} {f'at {self.where} ' if self.where else ''}for drawn entries"

    def __str__(self) -> str:
        where = self.where
        entry = f"entry {list(self.index)} is " if self.index else ""
        left, right = _show(self.left), _show(self.right)
        if left == right:
            left, right = _show(self.left, 35), _show(self.right, 35)
        head = f"{entry}{left} on the left and {right} on the right"
        values = [f"    {k} = {_show(v)}" for k, v in self.values.items()]
        return "\n".join([f"at {where}: {head}" if where else head, *values])


def _show(x: Any, digits: int = 12) -> str:
    if isinstance(x, list):
        return "[" + ", ".join(_show(i) for i in x) + "]"
    return str(x) if isinstance(x, Fraction | int) else mpmath.nstr(x, digits)


def witness(a: Any, b: Any, tries: int = 300) -> Witness | None:
    """The first of a fixed list of small settings at which a and b differ, or None.

    `tries` bounds how many choices of sizes and times are evaluated.

    Raises ShapeError when the shapes differ: then no entry needs to.
    """
    a, b = mx.as_node(a), mx.as_node(b)
    if a.shape != b.shape:
        raise ShapeError(f"the sides have shapes {a.shape} and {b.shape}")
    symbols = _Symbols.of(a, b)
    context = None if _is_rational(a) and _is_rational(b) else mpmath.mp.clone()
    if context is not None:
        context.dps = DIGITS
    for sizes, times in itertools.islice(symbols.assignments(), tries):
        for seed in range(_SEEDS):
            entries = _Entries(symbols, sizes, seed, context)
            named = symbols.named_values(sizes, seed)
            setting = entries.setting({**times, **named})
            try:
                found = _difference(a, b, setting, context)
            except (ZeroDivisionError, _OutOfDomainError):
                continue
            if found:
                return Witness(sizes, {**times, **named}, dict(entries.shown), *found)
    return None


class _OutOfDomainError(Exception):
    """A logarithm or a root left the real numbers, or a value is not finite."""


def _difference(a: mx.Node, b: mx.Node, at: Setting, context: Any) -> tuple | None:
    """(index, left, right) of the first entry that differs."""
    left, right = evaluate(a, at), evaluate(b, at)
    for index in np.ndindex(*left.shape):
        x, y = left[index], right[index]
        if context is None:
            differ = x != y
        else:
            x, y = context.mpmathify(x), context.mpmathify(y)
            if not (isinstance(x, context.mpf) and isinstance(y, context.mpf)):
                raise _OutOfDomainError
            if not (context.isfinite(x) and context.isfinite(y)):
                raise _OutOfDomainError
            differ = abs(x - y) > context.mpf(10) ** -25 * (1 + abs(x) + abs(y))
        if differ:
            return index, x, y
    return None


def _is_rational(expr: mx.Node) -> bool:
    """Whether fractions stay fractions all the way through."""
    for e in sympy.preorder_traversal(expr):
        if isinstance(e, mx.Softmax | mx.CrossEntropy):
            return False
        if isinstance(e, mx.Power) and not e.args[1].is_Integer:
            return False
        if isinstance(e, mx.Apply) and not _keeps_fractions(e.args[0].body):
            return False
        if isinstance(e, mx.Scalar) and not _keeps_fractions(e.value):
            return False
    return True


def _keeps_fractions(body: Any) -> bool:
    names = {type(f).__name__ for f in body.atoms(sympy.Function)}
    powers = all(p.exp.is_Integer for p in body.atoms(sympy.Pow))
    return names <= _EXACT and powers and all(a.is_Rational or a.is_Symbol for a in body.atoms())


@dataclass(frozen=True)
class _Symbols:
    """The names to choose numbers for."""

    sizes: tuple[str, ...]
    times: tuple[str, ...]
    hyper: tuple[str, ...]
    named: Mapping[str, Any]  # index name -> the size it runs over
    classes: Mapping[str, Any]  # integer-valued variable -> its number of classes

    @staticmethod
    def of(*sides: mx.Node) -> _Symbols:
        nodes = [e for s in sides for e in sympy.preorder_traversal(s)]
        symbols = {s for side in sides for s in _free(side)}
        sizes = {s.name for s in symbols if s.is_integer and s.is_positive}
        times = {s.name for s in symbols if s.is_integer and not s.is_positive}
        named, classes = {}, {}
        for e in nodes:
            if isinstance(e, mx.Element):
                named.update({str(i): n for i, n in zip(e.args[1], e.args[0].shape, strict=True)})
            elif isinstance(e, mx.OneHot):
                classes.update({v.name: e.args[1] for v in mx.variables(e.args[0])})
        hyper = {s.name for s in symbols if not s.is_integer} - set(named)
        return _Symbols(_sorted(sizes), _sorted(times), _sorted(hyper), named, classes)

    def assignments(self) -> Iterator[tuple[dict[str, int], dict[str, int]]]:
        """Sizes, different ones first and small ones first, each with every choice of times."""
        count = len(self.sizes)
        sizes = itertools.islice(_small(count), _ASSIGNMENTS * (1 + count))
        for numbers in sizes:
            for moments in self._moments():
                yield dict(zip(self.sizes, numbers, strict=True)), moments

    def _moments(self) -> Iterator[dict[str, int]]:
        """Times 1..3, t ≤ T, and small whole numbers for hyper-parameters."""
        found = []
        for numbers in itertools.product((1, 2, 3), repeat=len(self.times)):
            times = dict(zip(self.times, numbers, strict=True))
            if all(v <= times.get("T", 3) for v in times.values()):
                found.append(times)
        found.sort(key=lambda times: (sum(times.values()), *times.values()))
        hyper = {name: 2 + n for n, name in enumerate(self.hyper)}
        return ({**times, **hyper} for times in found[:_ASSIGNMENTS])

    def named_values(self, sizes: Mapping[str, int], seed: int) -> dict[str, int]:
        """An entry for every named index, different ones where there is room."""
        out = {}
        for n, (name, size) in enumerate(sorted(self.named.items())):
            limit = _count(size, sizes)
            out[name] = (n + seed) % limit
        return out


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))


def _free(e: Any) -> set[Any]:
    """The symbols that need a value: not the k of a sum over k, nor the z of a function of z."""
    if isinstance(e, sympy.Symbol):
        return {e}
    if isinstance(e, mx.Fn):
        return e.free_symbols
    out = {s for a in e.args for s in _free(a)}
    if isinstance(e, mx.TimeSum | mx.TimeProd):
        body, k, lo, hi = e.args
        out = (_free(body) - {k}) | _free(lo) | _free(hi)
    return out


def _small(count: int) -> Iterator[tuple[int, ...]]:
    """Tuples of sizes from 1: fewest equal pairs first, then the least total."""

    def rank(numbers: tuple[int, ...]) -> tuple:
        pairs = itertools.combinations(numbers, 2)
        return sum(x == y for x, y in pairs), sum(numbers), numbers

    if count > 5:  # every choice would be millions: rotations of 1, 2, 3, … do
        base = tuple(range(1, count + 1))
        return (base[n:] + base[:n] for n in range(count))
    return iter(sorted(itertools.product(range(1, max(count, 2) + 2), repeat=count), key=rank))


@dataclass
class _Entries:
    """The entries of every array, chosen when first read and the same ever after."""

    symbols: _Symbols
    sizes: Mapping[str, int]
    seed: int
    context: Any
    shown: dict[str, Any] = field(default_factory=dict)

    def setting(self, times: Mapping[str, int]) -> Setting:
        functions = {**_functions(self.context), "call": self._call}
        return Setting(self._lookup, self.sizes, functions, times)

    def _lookup(self, e: mx.Node, times: tuple[int, ...]) -> np.ndarray:
        name = _name(e, times)
        classes = self.symbols.classes.get(e.name) if isinstance(e, mx.Var) else None
        rng = random.Random(f"{name} {self.seed}")
        out = np.empty([_count(n, self.sizes) for n in e.shape], dtype=object)
        for index in np.ndindex(*out.shape):
            if classes is None:
                out[index] = self._draw(rng)
            else:
                out[index] = rng.randrange(_count(classes, self.sizes))
        self.shown[name] = out.tolist() if e.shape else out[()]
        return out if classes is not None or self.context is None else self._real(out)

    def _draw(self, rng: random.Random) -> Fraction:
        """A fraction that is not zero; the later seeds reach the domains of √x and log(1 − x²)."""
        sign = 1 if self.seed == _POSITIVE else rng.choice((-1, 1))
        if self.seed >= _SMALL:
            return Fraction(sign, rng.randint(3, 9))
        return Fraction(sign * rng.randint(1, 7), rng.choice((1, 1, 2, 3)))

    def _real(self, x: np.ndarray) -> np.ndarray:
        out = np.empty(x.shape, dtype=object)
        for index in np.ndindex(*x.shape):
            value: Any = x[index]
            out[index] = self.context.mpf(value.numerator) / value.denominator
        return out

    def _call(self, name: str, orders: tuple[int, ...], values: list, shape: Any) -> np.ndarray:
        """An uninterpreted function: any values will do that depend on its arguments alone.

        A value and a derivative at a point are independent of each other for a smooth function.
        """
        for k in orders:
            shape = (*shape, *values[k].shape)
        point = [[self._key(x) for x in v.flat] for v in values]
        rng = random.Random(f"{name} {orders} {point} {self.seed}")
        out = np.empty(shape, dtype=object)
        for index in np.ndindex(*out.shape):
            out[index] = self._draw(rng)
        return out if self.context is None else self._real(out)

    def _key(self, x: Any) -> str:
        return str(x) if self.context is None else self.context.nstr(x, 20)


def _count(size: Any, sizes: Mapping[str, int]) -> int:
    """A symbolic size as a number."""
    size = sympy.sympify(size)
    return int(size.xreplace({s: sympy.Integer(sizes[s.name]) for s in size.free_symbols}))


def _name(e: mx.Node, times: tuple[int, ...]) -> str:
    if isinstance(e, mx.Deriv):
        split = len(e.of.times)
        d = "d" if e.total else "∂"
        return f"{d}{_name(e.of, times[:split])}/{d}{_name(e.wrt, times[split:])}"
    return f"{e.name}[{', '.join(map(str, times))}]" if times else e.name


def _functions(context: Any) -> dict[str, Any]:
    """The scalar functions: over fractions without a context, else its mpmath numbers."""

    def number(value: Any) -> Any:
        if context is None:
            return Fraction(int(value.p), int(value.q))
        if value.is_Rational:
            return context.mpf(int(value.p)) / int(value.q)
        return context.mpf(str(sympy.N(value, DIGITS + 5)))

    def step(x: Any) -> Any:
        return number(sympy.Integer(int(x > 0)))

    out = {
        "number": number,
        "step": step,
        "relu": lambda x: x if x > 0 else x * 0,
        "hardtanh": lambda x: max(number(sympy.Integer(-1)), min(number(sympy.Integer(1)), x)),
        "huber": lambda x: x * x / 2 if abs(x) <= 1 else abs(x) - number(sympy.Rational(1, 2)),
    }
    if context is not None:
        smooth = ("tanh", "exp", "log", "sin", "cos")
        out |= {name: getattr(context, name) for name in smooth}
        out["sigmoid"] = lambda x: 1 / (1 + context.exp(-x))
        out["softplus"] = lambda x: context.log(1 + context.exp(x))
    return out


__all__ = ["Witness", "witness"]
