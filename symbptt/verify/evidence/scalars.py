"""Scalars in which a counterexample is exact: rationals where the functions allow it, else digits.

A dual number carries a value and a slope, so one run of an equation gives its derivative too:

    (a + a'ε)(b + b'ε) = ab + (a'b + ab')ε        f(a + a'ε) = f(a) + f'(a) a' ε        ε² = 0

A function of which nothing is known has small rational values and slopes where it is asked.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from ...matrix.evaluate import Setting, scalar_function
from ...matrix.functions import Z

DIGITS, GUARD = 30, 20  # what is printed, and what is carried beyond it


class IrrationalError(SymbpttError):
    """A function whose values at rationals are no rationals."""


@dataclass(frozen=True)
class Dual:
    """value + slope ε."""

    value: Any
    slope: Any = 0

    def __add__(self, other: Any) -> Dual:
        b = _dual(other)
        return Dual(self.value + b.value, self.slope + b.slope)

    def __mul__(self, other: Any) -> Dual:
        b = _dual(other)
        return Dual(self.value * b.value, self.slope * b.value + self.value * b.slope)

    __radd__, __rmul__ = __add__, __mul__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __sub__(self, other: Any) -> Dual:
        return self + -_dual(other)

    def __rsub__(self, other: Any) -> Dual:
        return _dual(other) - self

    def __truediv__(self, other: Any) -> Dual:
        b = _dual(other)
        quotient = self.value / b.value
        return Dual(quotient, (self.slope - quotient * b.slope) / b.value)

    def __rtruediv__(self, other: Any) -> Dual:
        return _dual(other) / self

    def __pow__(self, n: int) -> Dual:
        if n == 0:
            return Dual(self.value**0)
        return Dual(self.value**n, n * self.value ** (n - 1) * self.slope)

    def __int__(self) -> int:  # a class index
        return int(self.value)


def _dual(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(x)


# -- functions


SMALL = tuple(sympy.Rational(n, d) for n, d in ((1, 2), (1, 1), (3, 2), (2, 1)))


def drawn(*name: Any) -> sympy.Rational:
    """A small rational other than 0, the same for the same name."""
    draw = random.Random("|".join(map(str, name)))
    return draw.choice((-1, 1)) * draw.choice(SMALL)


def order_of(name: str) -> tuple[str, int]:
    """`phi_d2` is the second derivative of phi."""
    stem, _, order = name.rpartition("_d")
    return (stem, int(order)) if stem and order.isdigit() else (name, 0)


class Functions(dict[str, Callable[..., Any]]):
    """The functions of one kind of scalar, for `matrix.evaluate`, on plain and on dual numbers.

    A function of which nothing is known may have any value and any slope at each of the few
    points where it is asked for; `points` keeps what was drawn: name -> point -> (value, slopes).
    """

    def __init__(self, field: Field):
        super().__init__()
        self.field = field
        self.points: dict[str, dict[tuple[str, ...], tuple[tuple[Any, ...], Any, list[Any]]]] = {}
        self["number"] = field.number
        self["call"] = self._call
        self["step"] = lambda z: field.number(int(_dual(z).value > 0))
        self["relu"] = lambda z: z * self["step"](z)
        self["power"] = field.power

    def __missing__(self, name: str) -> Callable[[Any], Any]:
        self[name] = self._known(name) if name in mx.builtin_names() else self._unknown(name)
        return self[name]

    def _known(self, name: str) -> Callable[[Any], Any]:
        plain, slope = self.field.function(name), sympy.diff(mx.builtin(name).body, Z)

        def both(z: Any) -> Any:
            if not isinstance(z, Dual):
                return plain(z)
            return Dual(plain(z.value), self.of(slope)(z.value) * z.slope)

        return both

    def _unknown(self, name: str) -> Callable[[Any], Any]:
        stem, order = order_of(name)

        def both(z: Any) -> Any:
            value, slopes = self._at(stem, (_dual(z).value,))
            if order:  # φ' is what was drawn as the slope of φ; φ'' and so on are drawn anew
                value = slopes[0] if order == 1 else self.field.number(drawn(name, order, z))
            if not isinstance(z, Dual):
                return value
            after = slopes[0] if not order else self.field.number(drawn(name, order + 1, z.value))
            return Dual(value, after * z.slope)

        return both

    def _at(self, name: str, point: tuple[Any, ...]) -> tuple[Any, list[Any]]:
        """The value and the slopes of an unknown function at a point."""
        key = tuple(map(self.field.show, point))
        known = self.points.setdefault(name, {})
        if key not in known:
            value, *slopes = (
                self.field.number(drawn(name, *key, n)) for n in range(len(point) + 1)
            )
            known[key] = point, value, slopes
        return known[key][1:]

    def _call(self, name: str, orders: Any, values: list[Any], shape: Any) -> Any:
        flat = [_dual(x) for a in values for x in np.asarray(a, dtype=object).ravel()]
        out = np.empty(shape, dtype=object)
        for i in np.ndindex(*shape):
            value, slopes = self._at(f"{name}{list(i)}", tuple(x.value for x in flat))
            out[i] = Dual(value, sum(c * x.slope for c, x in zip(slopes, flat, strict=True)))
            if not any(isinstance(x, Dual) for a in values for x in np.ravel(a)):
                out[i] = value
        return out

    def of(self, body: sympy.Expr) -> Callable[[Any], Any]:
        """A SymPy expression in `Z` as a function of one scalar."""
        return scalar_function(body, Setting(_no_values, {}, self))


def _no_values(*_: Any) -> Any:
    raise IrrationalError("a function reads a parameter")


class Field:
    """The rationals."""

    exact = True
    entries = tuple(Fraction(n, 2) for n in (-6, -4, -3, -2, -1, 1, 2, 3, 4, 6))  # to draw from

    def number(self, value: Any) -> Any:
        q = sympy.sympify(value)
        if not q.is_Rational:
            raise IrrationalError(f"{value} is no rational number")
        return Fraction(int(q.p), int(q.q))

    def function(self, name: str) -> Callable[[Any], Any]:
        one = Fraction(1)
        if name == "hardtanh":
            return lambda z: max(min(z, one), -one)
        if name == "huber":
            return lambda z: z * z / 2 if abs(z) <= 1 else abs(z) - one / 2
        raise IrrationalError(f"{name} of a rational number is none")

    def power(self, base: Any, exponent: Any) -> Any:
        raise IrrationalError(f"a power {exponent} of a rational number is none")

    def equal(self, a: Any, b: Any) -> bool:
        return bool(a == b)

    def show(self, x: Any) -> str:
        return str(Fraction(x))


class Digits(Field):
    """Real numbers to 30 digits, computed with 50."""

    exact = False
    entries = tuple(Fraction(n, 4) for n in (-4, -3, -2, -1, 1, 2, 3, 4))

    def __init__(self) -> None:
        self.mp = mpmath.mp.clone()
        self.mp.dps = DIGITS + GUARD

    def number(self, value: Any) -> Any:
        if isinstance(value, Fraction):
            return self.mp.mpf(value.numerator) / value.denominator
        q = sympy.sympify(value)
        if q.is_Rational:
            return self.mp.mpf(int(q.p)) / int(q.q)
        return self.mp.mpf(sympy.N(q, self.mp.dps))

    def function(self, name: str) -> Callable[[Any], Any]:
        mp = self.mp
        known = {
            "sigmoid": lambda z: 1 / (1 + mp.exp(-z)),
            "softplus": lambda z: mp.log(1 + mp.exp(z)),
            "hardtanh": lambda z: max(min(z, mp.mpf(1)), mp.mpf(-1)),
            "huber": lambda z: z * z / 2 if abs(z) <= 1 else abs(z) - mp.mpf(1) / 2,
        }
        found: Callable[[Any], Any] = known.get(name) or getattr(mp, name)
        return lambda z: self._real(found(z))

    def _real(self, x: Any) -> Any:
        if isinstance(x, self.mp.mpc):
            raise IrrationalError("a value outside the real numbers")
        return x

    def power(self, base: Any, exponent: Any) -> Any:
        q = self.number(exponent)
        if isinstance(base, Dual):
            value = self._real(base.value**q)
            return Dual(value, q * base.value ** (q - 1) * base.slope)
        return self._real(base**q)

    def equal(self, a: Any, b: Any) -> bool:
        return bool(abs(a - b) <= (1 + abs(a) + abs(b)) * self.mp.mpf(10) ** -DIGITS)

    def show(self, x: Any) -> str:
        return str(self.mp.nstr(self.mp.mpf(x), DIGITS))


__all__ = ["DIGITS", "Digits", "Dual", "Field", "Functions", "IrrationalError"]
