"""Index-wise differentiation of polynomials: the road that never sees `rules`.

∂X[i,j]/∂X[k,l] = [i = k][j = l]          ∂f(z)/∂y = f'(z) ∂z/∂y, f' from SymPy
∂softmax(o)_c = softmax(o)_c (∂o_c − Σ_j softmax(o)_j ∂o_j)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from ..matrix.functions import Z
from . import poly as p
from .lower import Slots, delta, linear, scalar_poly, softmax
from .poly import Factor, Ix, Mono, Poly, fresh


def differentiate(q: Poly, var: mx.Var, slots: Slots) -> Poly:
    """∂q/∂var[slots], every other variable and every other time held fixed."""
    times = tuple(linear(x, {}) for x in var.times)

    def d(factor: Factor) -> Poly:
        if factor.kind in ("var", "onehot"):
            return _d_var(factor, var.name, times, slots)
        rule = _RULES.get(factor.kind)
        return rule(factor, d_poly) if rule else {}

    def d_poly(r: Any) -> Poly:
        return p.add(*(p.scale(_d_mono(m, d), c) for m, c in dict(r).items()))

    return d_poly(q)


def _d_mono(mono: Mono, d: Callable[[Factor], Poly]) -> Poly:
    mono = p.refreshed(mono)
    terms: list[Poly] = []
    for n, (f, e) in enumerate(mono.factors):
        inner = d(f)
        if not inner:
            continue
        rest = (*mono.factors[:n], *mono.factors[n + 1 :])
        rest = (*rest, (f, e - 1)) if e != 1 else rest
        left = {Mono(frozenset(), rest): e}
        terms.append(p.mul(left, inner))
    return p.bind(p.add(*terms), *mono.bound) if mono.bound else p.add(*terms)


def _d_var(factor: Factor, name: str, times: Any, slots: Slots) -> Poly:
    if factor.name != name:
        return {}
    gaps = [p.lin_add(a, b, -1) for a, b in zip(factor.times, times, strict=True)]
    if any(g.terms for g in gaps):
        raise UnsupportedError(
            f"∂/∂{name}: whether the times {factor.times} and {times} agree depends on a symbol"
        )
    if any(g.const for g in gaps):
        return {}
    if factor.kind == "onehot":
        raise UnsupportedError(f"{name} is a class index and has no derivative")
    out = p.constant(1)
    for i, j in zip(factor.slots, slots, strict=True):
        out = p.mul(out, delta(i, j))
    return out


@cache
def slope(name: str) -> sympy.Expr:
    """f'(z), from SymPy's derivative of the function itself."""
    return sympy.diff(mx.function(name).body, Z)


def _d_fn(f: Factor, d: Callable[[Any], Poly]) -> Poly:
    argument = dict(f.nested[0].poly)
    inner = d(argument)
    return p.mul(scalar_poly(slope(f.name), {Z: argument}), inner) if inner else {}


def _d_pow(f: Factor, d: Callable[[Any], Poly]) -> Poly:
    return d(f.nested[0].poly)


def _at(f: Factor, n: int, index: tuple[Ix, ...]) -> Poly:
    """The n-th nested polynomial with its parameters set to the given indices."""
    lam = f.nested[n]
    names = dict(zip(lam.params, index, strict=True))
    return p.add(
        *(
            {Mono(m.bound, tuple((p.rename(g, names), e) for g, e in m.factors)): c}
            for m, c in lam.poly
        )
    )


def _d_softmax(f: Factor, d: Callable[[Any], Poly]) -> Poly:
    (c,), (param,) = f.slots, f.nested[0].params
    j, row = fresh(param.size), fresh(param.size)
    here = d(_at(f, 0, (c,)))
    there = d(_at(f, 0, (j,)))
    if not here and not there:
        return {}
    p_j = softmax(_at(f, 0, (row,)), row, j)
    mean = p.bind(p.mul(p_j, there), j)
    return p.mul(p.atom(f), p.add(here, p.scale(mean, -1)))


def _d_call(f: Factor, d: Callable[[Any], Poly]) -> Poly:
    name, orders = f.name
    terms = []
    for n, lam in enumerate(f.nested):
        index = tuple(fresh(i.size) for i in lam.params)
        inner = d(_at(f, n, index))
        if inner:
            outer = Factor("call", (name, (*orders, n)), (), (*f.slots, *index), f.nested)
            terms.append(p.bind(p.mul(p.atom(outer), inner), *index))
    return p.add(*terms)


def _d_refuse(f: Factor, d: Callable[[Any], Poly]) -> Poly:
    if d(f.nested[0].poly):
        raise UnsupportedError(f"the derivative of a {f.kind} is not a matrix expression")
    return {}


_RULES: dict[str, Callable[[Factor, Callable[[Any], Poly]], Poly]] = {
    "fn": _d_fn,
    "pow": _d_pow,
    "softmax": _d_softmax,
    "call": _d_call,
    "matpow": _d_refuse,
    "timeprod": _d_refuse,
}
