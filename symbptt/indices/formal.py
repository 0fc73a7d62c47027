"""Full-index Jacobians as people write them out, and how many of their entries are not zero.

∂a[n,j]/∂W[k,l] = [j = l] h[n,k]     four indices, N·H·H of N·H·H·H entries
"""

from __future__ import annotations

from typing import Any

import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from .canon import canonical
from .poly import Factor, Ix, Lam, Lin, Mono, Poly


def entries(q: Poly, names: tuple[sympy.Symbol, ...]) -> mx.Node:
    """A polynomial with free indices 0, 1, … as an expression in named indices."""
    terms = []
    for mono, c in canonical(q).items():
        if mono.bound:
            raise UnsupportedError("this Jacobian's entries need a sum over an index")
        rational = sympy.Rational(c.numerator, c.denominator)
        factors = [mx.power(_factor(f, names), sympy.Rational(e)) for f, e in mono.factors]
        terms.append(mx.times(rational, *factors))
    return mx.plus(*terms) if terms else mx.Scalar(0)


def _name(i: Ix, names: tuple[sympy.Symbol, ...]) -> sympy.Symbol:
    return names[i.num]


def _time(x: Lin) -> Any:
    return x.const + sum(c * mx.time_symbol(str(s)) for s, c in x.terms)


def _factor(f: Factor, names: tuple[sympy.Symbol, ...]) -> mx.Node:
    if f.kind == "delta":
        return mx.Kron(*(_name(i, names) for i in f.slots))
    if f.kind == "size":
        return mx.Scalar(mx.size(f.name))
    if f.kind in ("var", "onehot"):
        shape = tuple(sympy.Symbol(i.size, integer=True, positive=True) for i in f.slots)
        times = tuple(_time(x) for x in f.times)
        if f.kind == "onehot":
            array: mx.Node = mx.OneHot(mx.Var(f.name, shape[:-1], times), shape[-1])
        else:
            array = mx.Var(f.name, shape, times)
        return mx.Element(array, tuple(_name(i, names) for i in f.slots)) if shape else array
    if f.kind == "fn":
        inner, slots = _bare(f.nested[0])
        return mx.Element(
            mx.Apply(mx.builtin(f.name), inner), tuple(_name(i, names) for i in slots)
        )
    if f.kind == "softmax":
        inner, slots = _bare(f.nested[0])
        slots = tuple(f.slots[0] if i in f.nested[0].params else i for i in slots)
        return mx.Element(mx.Softmax(inner), tuple(_name(i, names) for i in slots))
    raise UnsupportedError(f"a factor of kind {f.kind} is not written entry by entry")


def _bare(lam: Lam) -> tuple[mx.Var, tuple[Ix, ...]]:
    """The single variable a function is applied to, and its indices."""
    if len(lam.poly) == 1 and lam.poly[0][1] == 1 and len(lam.poly[0][0].factors) == 1:
        (factor, e), *_ = lam.poly[0][0].factors
        if factor.kind == "var" and e == 1:
            shape = tuple(sympy.Symbol(i.size, integer=True, positive=True) for i in factor.slots)
            return mx.Var(factor.name, shape, tuple(map(_time, factor.times))), factor.slots
    raise UnsupportedError("this function is applied to more than one variable")


def count_nonzero(q: Poly, shape: tuple[Any, ...]) -> tuple[Any, Any]:
    """(entries that can be nonzero, all entries), as products of sizes.

    A monomial with deltas lives where they hold; of nested sets of places the largest counts.
    """
    total = sympy.prod(shape)
    counts = {_places(mono, shape) for mono in canonical(q)}
    return (max(counts, key=sympy.degree_list) if counts else sympy.Integer(0)), total


def _places(mono: Mono, shape: tuple[Any, ...]) -> Any:
    group = list(range(len(shape)))
    for f, _ in mono.factors:
        if f.kind == "delta":
            i, j = (x.num for x in f.slots)
            group = [group[i] if g == group[j] else g for g in group]
    return sympy.prod([shape[g] for g in sorted(set(group))])
