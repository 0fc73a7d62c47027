"""Elementwise functions of one scalar, each defined by a SymPy expression.

SymPy gives their derivatives. `sigmoid`, `relu`, `step`, `hardtanh`, `huber` and `softplus` are
SymPy functions of our own only because SymPy has no closed derivative rule for them under those
names.

    σ' = σ(1 − σ)    relu' = step    step' = 0 (almost everywhere)    softplus' = σ
    huber' = hardtanh    hardtanh' = [−1 < z < 1]
"""

from __future__ import annotations

from functools import cache
from typing import Any

import sympy
from sympy import Basic, Expr, Function, Lambda, Symbol
from sympy.core.symbol import Str

Z = Symbol("z", real=True)


class sigmoid(Function):  # noqa: N801 - SymPy names functions as they are written
    """1 / (1 + exp(−z))."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return self * (1 - self)

    def doit(self, **hints: Any) -> Expr:
        return 1 / (1 + sympy.exp(-self.args[0]))


class step(Function):  # noqa: N801
    """1 for z > 0, else 0; its derivative is taken as 0."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return sympy.S.Zero


class relu(Function):  # noqa: N801
    """max(z, 0)."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return step(self.args[0])


class hardtanh(Function):  # noqa: N801
    """z between −1 and 1, and ±1 beyond."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return step(1 + self.args[0]) * step(1 - self.args[0])


class huber(Function):  # noqa: N801
    """½ z² for |z| ≤ 1, else |z| − ½ (Huber, 1964)."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return hardtanh(self.args[0])


class softplus(Function):  # noqa: N801
    """log(1 + exp(z))."""

    def fdiff(self, argindex: int = 1) -> Expr:
        return sigmoid(self.args[0])

    def doit(self, **hints: Any) -> Expr:
        return sympy.log(1 + sympy.exp(self.args[0]))


class Fn(Basic):
    """A named elementwise function z ↦ body; `builtin` when the body is the function itself."""

    def __new__(cls, name: Any, body: Lambda) -> Fn:
        return Basic.__new__(cls, name if isinstance(name, Str) else Str(name), body)

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    @property
    def body(self) -> Expr:
        """The defining expression in `Z`."""
        return self.args[1].expr.xreplace({self.args[1].variables[0]: Z})

    @property
    def is_builtin(self) -> bool:
        return self.name in _BUILTIN and self == _BUILTIN[self.name]


def define(name: str, body: Expr) -> Fn:
    """A user's elementwise function; `body` is a SymPy expression in `Z`."""
    return Fn(name, Lambda((Z,), body))


_BUILTIN = {
    f.__name__: define(f.__name__, f(Z))
    for f in (
        sympy.tanh,
        sigmoid,
        relu,
        step,
        hardtanh,
        huber,
        softplus,
        sympy.exp,
        sympy.log,
        sympy.sin,
        sympy.cos,
    )
}


@cache
def unknown(name: str) -> Fn:
    """An elementwise function of which nothing is known but that it is smooth: φ, φ', φ'', …

    The derivatives of `phi` are called `phi_d1`, `phi_d2`.
    """

    def fdiff(self: Any, argindex: int = 1) -> Expr:
        stem, _, order = name.rpartition("_d")
        after = f"{stem}_d{int(order) + 1}" if stem and order.isdigit() else f"{name}_d1"
        return unknown(after).body.func(self.args[0])

    return define(name, type(name, (Function,), {"fdiff": fdiff})(Z))


def builtin(name: str) -> Fn:
    return _BUILTIN[name]


def function(name: str) -> Fn:
    """The function of a name: one that is built in, else one of which nothing is known."""
    return _BUILTIN[name] if name in _BUILTIN else unknown(name)


def builtin_names() -> tuple[str, ...]:
    return tuple(_BUILTIN)
