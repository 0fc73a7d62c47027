"""The scalars of the explicit road, in SymPy and as exact polynomials.

`sympy.diff` differentiates the SymPy form; `Reader` and `ring_functions` give the polynomial
form of what it returns and of what the derived recursions compute, by the same definitions of
the elementwise functions (σ and softplus through exp, relu through a step).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from ..matrix.evaluate import Array
from .laurent import Poly
from .ring import Ring


class Reader:
    """SymPy expressions as exact polynomials; shared subexpressions are read once."""

    def __init__(self, ring: Ring):
        self.ring = ring
        self.seen: dict[Any, Poly] = {}

    def read(self, e: Any) -> Poly:
        if e not in self.seen:
            self.seen[e] = self._read(e)
        return self.seen[e]

    def _read(self, e: Any) -> Poly:
        if e.is_Rational:
            return self.ring.number(e)
        if e.is_Symbol:
            return self.ring.entry(e)
        if isinstance(e, exponential):
            return self.ring.function("exp", self.read(e.args[0]))
        if e.is_Add:
            out = self.ring.number(0)
            for a in e.args:
                out = out + self.read(a)
            return out
        if e.is_Mul:
            out = self.ring.number(1)
            for a in e.args:
                out = out * self.read(a)
            return out
        if e.is_Pow and e.exp.is_Rational:
            return self.read(e.base) ** e.exp
        if isinstance(e, sympy.Abs):
            return self.ring.root(self.read(e.args[0]) ** 2, 2)
        if isinstance(e, sympy.sign):
            return self.read(e.args[0]) / self.ring.root(self.read(e.args[0]) ** 2, 2)
        if e.is_Function:
            return opaque_or_function(self.ring, e, [self.read(a) for a in e.args])
        raise UnsupportedError(f"an unrolled derivative contains {type(e).__name__}")


class exponential(sympy.Function):  # noqa: N801
    """exp, kept apart from SymPy's own, which merges exp(a)·exp(b) into exp(a + b)."""

    def fdiff(self, argindex: int = 1) -> Any:
        return self


def sympy_functions() -> dict[str, Any]:
    """The elementwise functions by their definitions, for SymPy scalars."""
    named = {n: mx.builtin(n).body.func for n in mx.builtin_names()}
    defined = {
        "exp": exponential,
        "sigmoid": lambda z: 1 / (1 + exponential(-z)),
        "softplus": lambda z: sympy.log(1 + exponential(z)),
        "relu": lambda z: z * mx.builtin("step").body.func(z),
    }
    return {**named, **defined, "number": sympy.sympify, "call": sympy_call}


class Opaque(sympy.Function):
    """Component i of an uninterpreted function, differentiated by the arguments in `orders`."""

    def fdiff(self, argindex: int = 1) -> Any:
        name, component, orders = self.func.key
        return opaque(name, component, tuple(sorted((*orders, argindex - 1))))(*self.args)


@cache
def opaque(name: str, component: tuple[int, ...], orders: tuple[int, ...]) -> Any:
    label = f"{name}{list(component)}{list(orders)}"
    return type(label, (Opaque,), {"key": (name, component, orders)})


def sympy_call(name: str, orders: tuple[int, ...], values: list[Array], shape: Any) -> Array:
    flat = [v for a in values for v in np.asarray(a, dtype=object).ravel()]
    out = np.empty(shape, dtype=object)
    for i in np.ndindex(*shape):
        out[i] = opaque(name, i, ())(*flat)
    return out


def opaque_or_function(ring: Ring, e: Any, arguments: list[Poly]) -> Poly:
    if isinstance(e, Opaque):
        return ring.generator("call", e.func.key, *arguments)
    return ring.function(type(e).__name__, arguments[0])


def ring_functions(ring: Ring) -> dict[str, Any]:
    """The same functions on exact polynomials; σ and softplus by their definitions."""

    def call(name: str, orders: tuple[int, ...], values: list[Array], shape: Any) -> Array:
        flat = [v for a in values for v in np.asarray(a, dtype=object).ravel()]
        if not orders:
            out = np.empty(shape, dtype=object)
            for i in np.ndindex(*shape):
                out[i] = ring.generator("call", (name, i, ()), *flat)
            return out
        (k,) = orders
        start = sum(np.size(a) for a in values[:k])
        dims = np.shape(values[k])
        out = np.empty((*shape, *dims), dtype=object)
        for i in np.ndindex(*shape):
            for n, j in enumerate(np.ndindex(*dims)):
                out[(*i, *j)] = ring.generator("call", (name, i, (start + n,)), *flat)
        return out

    def sigmoid(z: Poly) -> Poly:
        return ring.inverse(1 + ring.function("exp", -z))

    def softplus(z: Poly) -> Poly:
        return ring.function("log", 1 + ring.function("exp", z))

    def plain(name: str) -> Any:
        return lambda z: ring.function(name, z)

    named = {n: plain(n) for n in mx.builtin_names()}
    relu = {"relu": lambda z: z * ring.function("step", z)}
    return {
        **named,
        **relu,
        "sigmoid": sigmoid,
        "softplus": softplus,
        "inverse": ring.inverse,
        "number": ring.number,
        "call": call,
    }
