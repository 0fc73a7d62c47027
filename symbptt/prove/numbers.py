"""The value of an exact scalar at one choice of the entries, as a float or as an interval.

A float finds scalars that may be equal, for `laurent` to decide exactly; an interval without
zero in it proves that a scalar is not zero there. Neither proves an equality.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import mpmath

if TYPE_CHECKING:
    from .laurent import Poly
    from .ring import Ring

NO_VALUE = (ValueError, OverflowError, ZeroDivisionError, ArithmeticError)
_DIGITS = 40
SEEDS = 6  # choices of entries at which a scalar is tried
_KINDS = ("positive", "mixed", "small")


class Floats:
    """Double precision."""

    def number(self, c: Any) -> float:
        return c.numerator / c.denominator

    def step(self, x: float) -> float:
        return float(x > 0)

    def same(self, x: float, y: float) -> bool:
        return math.isclose(x, y, rel_tol=1e-9, abs_tol=1e-12)

    exp, log, sin, cos = map(staticmethod, (math.exp, math.log, math.sin, math.cos))


class Intervals:
    """Intervals of 40 digits that hold the true value."""

    def __init__(self) -> None:
        self.iv = mpmath.ctx_iv.MPIntervalContext()
        self.iv.dps = _DIGITS
        self.exp, self.log, self.sin, self.cos = self.iv.exp, self.iv.log, self.iv.sin, self.iv.cos

    def number(self, c: Any) -> Any:
        return self.iv.mpf(c.numerator) / c.denominator

    def step(self, x: Any) -> Any:
        if x.a <= 0 < x.b:
            raise ValueError("a jump inside the interval")
        return self.iv.mpf(int(x.a > 0))

    def same(self, x: Any, y: Any) -> bool:
        return bool(x.a <= y.b and y.a <= x.b)


class Point:
    """Numbers for the entries, the same for the same seed, and from them every value."""

    def __init__(self, ring: Ring, seed: int, numbers: Any):
        self.ring, self.seed, self.numbers = ring, seed, numbers
        self.known: dict[int, Any] = {}
        self.calls: dict[Any, list[tuple[list[Any], Any]]] = {}

    def value(self, p: Poly) -> Any:
        """Raises one of NO_VALUE outside the domain of a function."""
        return sum((self._term(m, c) for m, c in p.terms.items()), self.numbers.number(0))

    def size(self, p: Poly) -> float:
        """The sum of the sizes of the terms: what rounding errors are measured against."""
        return sum(abs(self._term(m, c)) for m, c in p.terms.items())

    def _term(self, m: Any, c: Any) -> Any:
        out = self.numbers.number(c)
        for g, e in m:
            x = self._generator(g)
            out = out * x**e if e > 0 else out / x ** (-e)
        return out

    def _generator(self, g: int) -> Any:
        if g not in self.known:
            kind, name, arguments = self.ring.definitions[g]
            self.known[g] = getattr(self, "_" + kind)(name, *map(self.value, arguments))
        return self.known[g]

    def _entry(self, name: Any) -> Any:
        return self.numbers.number(self._draw(str(name)))

    def _value(self, name: Any, x: Any) -> Any:
        return x

    def _inverse(self, name: Any, x: Any) -> Any:
        return self.numbers.number(1) / x

    def _root(self, q: int, x: Any) -> Any:
        return self.numbers.exp(self.numbers.log(x) / q)

    def _function(self, name: str, x: Any) -> Any:
        n = self.numbers
        if name == "tanh":
            return 1 - 2 / (n.exp(2 * x) + 1)
        if name in ("hardtanh", "huber"):
            above, below = n.step(x - 1), n.step(-x - 1)
            inside = 1 - above - below
            if name == "hardtanh":
                return x * inside + above - below
            return x * x * inside / 2 + (x * above - x * below) - (above + below) / 2
        return getattr(n, name)(x) if hasattr(n, name) else self._call(name, x)

    def _call(self, name: Any, *x: Any) -> Any:
        """An uninterpreted function: at each point any value, the same where arguments may be."""
        seen = self.calls.setdefault(name, [])
        for arguments, value in seen:
            if all(map(self.numbers.same, arguments, x)):
                return value
        seen.append((list(x), self._entry(f"{name} {len(seen)}")))
        return seen[-1][1]

    def _draw(self, name: str) -> Fraction:
        rng, kind = random.Random(f"{name} {self.seed}"), _KINDS[self.seed % len(_KINDS)]
        sign = 1 if kind == "positive" else rng.choice((-1, 1))
        return sign * Fraction(rng.randint(30, 99), 300 if kind == "small" else 70)


__all__ = ["NO_VALUE", "SEEDS", "Floats", "Intervals", "Point"]
