"""Numbers, exponents and times of a text, kept to sizes that no computation can choke on."""

from __future__ import annotations

import re
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import ParseError, ShapeError

LARGEST_EXPONENT = 999
LONGEST_NUMBER = 40
_BITS = 4000  # the largest exact power of a number that is worth computing


def literal(text: str) -> sympy.Rational:
    """3, 0.25 or 1e-3 as an exact fraction."""
    digits, _, exponent = text.lower().partition("e")
    if len(digits) > LONGEST_NUMBER or len(re.sub(r"\D", "", exponent)) > 3:
        raise ParseError("this number is too long to be meant", "a number of at most 40 digits")
    return sympy.Rational(text)


def raised(base: mx.Node, exponent: Any) -> mx.Node:
    """base ** exponent: elementwise for a number, the matrix power for a time."""
    if exponent.free_symbols:
        return _matrix_power(base, exponent)
    if not exponent.is_Rational or max(abs(exponent.p), exponent.q) > LARGEST_EXPONENT:
        raise ParseError(
            f"the exponent is not a fraction of numbers up to {LARGEST_EXPONENT}",
            "x**2 or x**(1/2)",
        )
    if isinstance(base, mx.Scalar):
        _check_number(base.value, exponent)
    return mx.power(base, exponent)


def _matrix_power(base: mx.Node, exponent: Any) -> mx.Node:
    if base.rank != 2 or base.shape[0] != base.shape[1]:
        raise ShapeError(f"the exponent {exponent} is not a number", "a number, as in x**2")
    return mx.MatPow(base, linear_time(exponent))


def _check_number(value: Any, exponent: Any) -> None:
    if value.is_zero and exponent < 0:
        raise ParseError("this divides by zero", "a number that is not zero")
    if not value.is_Rational:
        return
    if value < 0 and exponent.q != 1:
        raise ParseError("a negative number has no real root", "a positive number")
    if max(abs(value.p), value.q).bit_length() * abs(exponent.p) > _BITS:
        raise ParseError("this power is too large to be meant", "a smaller exponent")


def linear_time(time: Any) -> Any:
    """t, t − 1, T + t − i: a sum of times and whole numbers."""
    for term in sympy.Add.make_args(time):
        count, symbol = term.as_coeff_Mul()
        if not count.is_Integer or not (symbol.is_Symbol or symbol == 1):
            raise ParseError("a time is t plus or minus whole steps", "h[t-1]")
    return time
