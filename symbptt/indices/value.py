"""The value of a polynomial in index notation at small sizes: the witness where no expression is.

It reads the factors one by one by their meaning and uses no rule of the normal form.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

import mpmath

from ..matrix.functions import builtin_names
from . import poly as p
from .poly import TIME, Factor, Ix, Lin, Poly, Shifted

DIGITS = 40
_REACH = range(-4, 8)  # every time that a sum at t ≤ T ≤ 3 can reach
_TRIES = 12
_MOMENTS = ((1, 3), (2, 2), (1, 1), (2, 3), (3, 3), (1, 2))  # t and T
_WORK = 4_000  # products of factors at one choice of sizes and numbers


class TooMuchError(Exception):
    """A sum with too many terms to be worth adding up."""


class Point:
    """Sizes, times and a number for every entry that is asked for."""

    def __init__(self, numbers: Mapping[str, int], seed: int):
        self.numbers, self.seed = numbers, seed
        self.context = mpmath.mp.clone()
        self.context.dps = DIGITS
        self.shown: dict[str, Any] = {}
        self.work = 0

    def value(self, q: Any, at: Mapping[Ix, int]) -> Any:
        """Raises ArithmeticError or ValueError outside the domain of a function."""
        total = self.context.mpf(0)
        for mono, c in dict(q).items():
            order = sorted(mono.bound, key=repr)
            # Indicators come first: most terms of a sum over time are empty.
            factors = sorted(mono.factors, key=lambda fe: fe[0].kind not in ("ge", "delta"))
            for places in itertools.product(*(self.range(i) for i in order)):
                self.work += 1
                if self.work > _WORK:
                    raise TooMuchError
                here = {**at, **dict(zip(order, places, strict=True))}
                total += self._number(c) * self._product(factors, here)
        return total

    def range(self, i: Ix) -> range:
        return _REACH if i.size == TIME else range(self.size(i.size))

    def size(self, text: str) -> int:
        if not text:  # an index that is only a name, as in ∂a[n,j]/∂W[m,k]
            return 2
        form = p.extent(text)
        return form.const + sum(c * self._named(str(n)) for n, c in form.terms)

    def _named(self, name: str) -> int:
        out = 1
        for part in name.split("*"):
            out *= self.numbers.get(part, 2)
        return out

    def _product(self, factors: Any, at: Mapping[Ix, int]) -> Any:
        out = self.context.mpf(1)
        for f, e in factors:
            x = getattr(self, "_" + f.kind)(f, at)
            if e != 1:
                if (e.denominator != 1 and x <= 0) or (e < 0 and x == 0):
                    raise ArithmeticError("outside the domain of a power")
                x = x ** self._number(e)
            if not x:
                return x
            out *= x
        return out

    def _number(self, c: Any) -> Any:
        return self.context.mpf(c.numerator) / c.denominator

    def _time(self, x: Lin, at: Mapping[Any, int]) -> int:
        return int(x.const + sum(c * self._symbol(s, at) for s, c in x.terms))

    def _symbol(self, s: Any, at: Mapping[Any, int]) -> int:
        return at[s] if isinstance(s, Ix) else self._named(str(s))

    def _place(self, slot: Any, at: Mapping[Ix, int]) -> int:
        if isinstance(slot, Shifted):
            return at[slot.base] + self._time(slot.lo, at)
        return 0 if slot == p.UNIT else at[slot]

    def _entry(self, f: Factor, at: Mapping[Ix, int]) -> Any:
        times = [self._time(x, at) for x in f.times]
        name = f"{f.name}{times}{[self._place(s, at) for s in f.slots]}"
        rng = random.Random(f"{name} {self.seed}")
        sign = 1 if self.seed % 3 == 0 else rng.choice((-1, 1))
        x = Fraction(sign * rng.randint(1, 7), 9 if self.seed % 3 == 2 else rng.choice((1, 2, 3)))
        self.shown[name] = x
        return self._number(x)

    _var = _entry

    def _onehot(self, f: Factor, at: Mapping[Ix, int]) -> int:
        times, row = [self._time(x, at) for x in f.times], [self._place(s, at) for s in f.slots]
        name = f"{f.name}{times}{row[:-1]}"
        chosen = random.Random(f"{name} {self.seed}").randrange(self.size(f.slots[-1].size))
        self.shown[name] = chosen
        return int(row[-1] == chosen)

    def _delta(self, f: Factor, at: Mapping[Ix, int]) -> int:
        i, j = (self._place(s, at) for s in f.slots)
        return int(i == j)

    def _ge(self, f: Factor, at: Mapping[Ix, int]) -> int:
        return int(self._time(f.times[0], at) >= 0)

    def _size(self, f: Factor, at: Mapping[Ix, int]) -> Any:
        return self.context.mpf(self.size(f.name))

    def _pow(self, f: Factor, at: Mapping[Ix, int]) -> Any:
        return self.value(f.nested[0].poly, at)

    def _fn(self, f: Factor, at: Mapping[Ix, int]) -> Any:
        x, m = self.value(f.nested[0].poly, at), self.context
        if f.name == "log" and x <= 0:
            raise ArithmeticError("outside the domain of log")
        own = {
            "sigmoid": lambda: 1 / (1 + m.exp(-x)),
            "softplus": lambda: m.log(1 + m.exp(x)),
            "relu": lambda: max(m.mpf(0), x),
            "step": lambda: m.mpf(int(x > 0)),
            "hardtanh": lambda: max(m.mpf(-1), min(m.mpf(1), x)),
            "huber": lambda: x * x / 2 if abs(x) <= 1 else abs(x) - m.mpf(1) / 2,
        }
        if f.name not in builtin_names():  # nothing is known of it, were it called e or phi
            return self._entry(f._replace(name=f"{f.name}{m.nstr(x, 20)}"), at)
        return own[f.name]() if f.name in own else getattr(m, f.name)(x)

    def _softmax(self, f: Factor, at: Mapping[Ix, int]) -> Any:
        lam, (slot,) = f.nested[0], f.slots
        (row,) = lam.params
        x = [self.context.exp(self.value(lam.poly, {**at, row: n})) for n in self.range(row)]
        return x[self._place(slot, at)] / sum(x)

    def _call(self, f: Factor, at: Mapping[Ix, int]) -> Any:
        """Any values will do that depend on the arguments alone."""
        arguments = [
            self.context.nstr(
                self.value(lam.poly, {**at, **dict(zip(lam.params, n, strict=True))}), 20
            )
            for lam in f.nested
            for n in itertools.product(*map(self.range, lam.params))
        ]
        return self._entry(f._replace(name=f"{f.name}{arguments}"), at)

    def _matpow(self, f: Factor, at: Mapping[Ix, int]) -> Any:
        return self._chain(f, f.nested[0].params, [at] * self._time(f.times[0], at), at)

    def _timeprod(self, f: Factor, at: Mapping[Ix, int]) -> Any:
        k, *inner = f.nested[0].params
        lo, hi = (self._time(x, at) for x in f.times)
        return self._chain(f, inner, [{**at, k: n} for n in range(lo, hi + 1)], at)

    def _chain(self, f: Factor, inner: Any, steps: Any, at: Mapping[Ix, int]) -> Any:
        """An entry of the product; the later factor stands left.

        The first half of its slots is the row, of as many axes as the state has.
        """
        half = len(inner) // 2
        entries = list(itertools.product(*map(self.range, inner[:half])))
        places = tuple(self._place(s, at) for s in f.slots)
        x = {n: self.context.mpf(int(n == places[half:])) for n in entries}
        for here in steps:
            rows = {n: {**here, **dict(zip(inner[:half], n, strict=True))} for n in entries}
            x = {n: self._row(f, inner[half:], rows[n], x) for n in entries}
        return x[places[:half]]

    def _row(self, f: Factor, columns: Any, at: Mapping[Ix, int], x: Mapping[Any, Any]) -> Any:
        """A row of one factor times a vector, which has few entries that are not zero."""
        body = f.nested[0].poly
        found = self.context.mpf(0)
        for n, value in x.items():
            if value:
                found += self.value(body, {**at, **dict(zip(columns, n, strict=True))}) * value
        return found


def nonzero(q: Poly, tries: int = _TRIES) -> tuple[Point, dict[Ix, int], Any] | None:
    """A point, an entry and the value there, which is not zero; None where none was found."""
    free = sorted({i for m in q for i in p.mono_free(m) if i != p.UNIT}, key=repr)
    for seed, numbers in itertools.islice(enumerate(_settings(q)), tries):
        point = Point(numbers, seed)
        for places in itertools.product(*(point.range(i) for i in free)):
            at = dict(zip(free, places, strict=True))
            try:
                value = point.value(q, at)
                terms = sum(abs(point.value({m: c}, at)) for m, c in q.items())
            except (ArithmeticError, ValueError):
                continue
            except TooMuchError:
                break
            if abs(value) > point.context.mpf(10) ** -25 * (1 + terms):
                return point, at, value
    return None


def _settings(q: Poly) -> Iterator[dict[str, int]]:
    names = sorted(_names(q))
    for turn in itertools.count():
        sizes = {
            n: 1 + (k + turn) % 3 for k, n in enumerate(n for n in names if n not in ("t", "T"))
        }
        if turn % 4 == 3:  # where times must meet, as in [t = s]
            sizes = dict.fromkeys(sizes, 2)
        t, last = _MOMENTS[turn % len(_MOMENTS)]
        yield {**sizes, "t": t, "T": last}


def _names(q: Any) -> set[str]:
    """Sizes, times and hyper-parameters."""
    out: set[str] = set()
    for m in dict(q):
        for i in (*m.bound, *p.mono_free(m)):
            out |= (
                {str(n) for n, _ in p.extent(i.size).terms} if i.size not in (TIME, "") else set()
            )
        for f, _ in m.factors:
            out |= {str(s) for x in f.times for s, _ in x.terms if not isinstance(s, Ix)}
            out |= {f.name} if f.kind == "size" else set()
            for lam in f.nested:
                out |= _names(lam.poly)
    return {part for name in out for part in name.split("*")}
