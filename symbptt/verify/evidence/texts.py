"""NumPy source text that knows how tightly it binds, and elementwise functions written in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sympy

from ...errors import SymbpttError
from ...matrix.functions import Z

SUM, PRODUCT, POWER, ATOM = range(4)  # how tightly a text binds


@dataclass(frozen=True)
class Text:
    """A NumPy expression."""

    text: str
    binds: int = ATOM

    def __str__(self) -> str:
        return self.text

    def inside(self, level: int) -> str:
        return self.text if self.binds >= level else f"({self.text})"

    def __getitem__(self, at: Any) -> Text:
        parts = ", ".join(":" if x == slice(None) else str(x) for x in at)
        return Text(f"{self.inside(ATOM)}[{parts}]") if at else self

    def __pow__(self, n: int) -> Text:
        return Text(f"{self.inside(ATOM)} ** {n}", POWER)

    def __add__(self, other: Text) -> Text:
        return added(self, other)


def added(a: Text, b: Text, sign: int = 1) -> Text:
    if sign < 0:
        return Text(f"{a.text} - {b.inside(PRODUCT)}", SUM)
    if b.text.startswith("-") and b.binds > SUM:
        return Text(f"{a.text} - {b.text[1:]}", SUM)
    return Text(f"{a.text} + {b.text}", SUM)


def called(name: str, *arguments: Any) -> Text:
    return Text(f"{name}({', '.join(map(str, arguments))})")


def quantity(name: str, time: int | None) -> str:
    """The key of a quantity in the script's dictionary."""
    return f'"{name}"' if time is None else f'("{name}", {time})'


def looked_up(name: str, time: Any) -> Text:
    return Text(f'v["{name}"]' if time is None else f'v["{name}", {time}]')


def multiplied(a: Text, b: Text) -> Text:
    if a.text == "-1":
        return Text(f"-{b.inside(PRODUCT)}", PRODUCT)
    right = b.inside(POWER) if "@" in b.text else b.inside(PRODUCT)
    left = f"({a.text})" if "@" in a.text and a.binds == PRODUCT else a.inside(PRODUCT)
    return Text(f"{left} * {right}", PRODUCT)


def rational(q: Any) -> Text:
    """A SymPy number."""
    if q.is_Integer:
        return Text(str(q), ATOM if q >= 0 else PRODUCT)
    if q.is_Rational:
        return Text(f"{q.p} / {q.q}", PRODUCT)
    return Text(repr(float(q)), ATOM if q >= 0 else PRODUCT)


# -- elementwise functions

_NUMPY = {
    "tanh": "np.tanh({})",
    "exp": "np.exp({})",
    "log": "np.log({})",
    "sin": "np.sin({})",
    "cos": "np.cos({})",
    "sigmoid": "sigmoid({})",
    "softplus": "np.log1p(np.exp({}))",
    "relu": "np.maximum({}, 0)",
    "step": "np.heaviside({}, 0)",
    "hardtanh": "np.clip({}, -1, 1)",
    "huber": "huber({})",
}


def elementwise(body: Any, z: Text, hyper: Mapping[str, Text] | None = None) -> Text:
    """A SymPy expression in `Z`, with z in its place; other symbols are hyper-parameters."""

    def run(e: Any) -> Text:
        if e == Z:
            return z
        if e.is_Symbol and hyper and e.name in hyper:
            return hyper[e.name]
        if e.is_Number:
            return rational(e)
        if e.is_Add:
            first, *rest = sorted(e.args, key=lambda x: x.could_extract_minus_sign())
            out = run(first)
            for x in rest:
                minus = x.could_extract_minus_sign()
                out = added(out, run(-x), -1) if minus else added(out, run(x))
            return out
        if e.is_Mul:
            out = run(e.args[0])
            for x in e.args[1:]:
                out = multiplied(out, run(x))
            return out
        if isinstance(e, sympy.exp):
            return called("np.exp", run(e.args[0]))
        if e.is_Pow:
            return Text(f"{run(e.base).inside(ATOM)} ** {run(e.exp).inside(ATOM)}", POWER)
        if e.is_Function:
            return _function(type(e).__name__, run(e.args[0]))
        raise SymbpttError(f"{e} has no form in NumPy")

    return run(body)


def _function(name: str, z: Text) -> Text:
    if name in _NUMPY:
        return Text(_NUMPY[name].format(z))
    stem, _, order = name.rpartition("_d")
    if stem and order.isdigit():
        return called(stem, z, order)
    return called(name, z)


__all__ = [
    *("ATOM", "POWER", "PRODUCT", "SUM", "Text", "added", "called", "elementwise"),
    *("looked_up", "multiplied", "quantity", "rational"),
]
