"""Quotients in sums, and indicators in arguments: what else `cells` brings to one form.

g₀ / g = 1 − (g₁ + g₂ + …) / g     for g = g₀ + g₁ + …, also where an index is summed
f(a) = Σ_c Y_c f(a with Y_d = [d = c])     for a one-hot row Y
f(a) = f(a without [i = j]) + [i = j] (f(a) − f(a without [i = j]))
"""

from __future__ import annotations

from . import poly as p
from .lower import delta, function
from .poly import Factor, Ix, Mono, Number, Poly
from .reduce import Identity, used


def divided(m: Mono) -> Poly | None:
    """The monomial with one quotient in plain form."""
    for f, e in m.factors:
        if f.kind == "pow" and e < 0 and (identity := _quotient(f, e)) is not None:
            new = used(identity, m)
            if new is not None:
                return new
    return None


def _quotient(f: Factor, e: Number) -> Identity | None:
    """g gᵉ = g^(e+1), where g has terms to choose from."""
    above = p.rational(e + 1)
    right = p.atom(f, above) if above else p.constant(1)
    identity = Identity(p.mul(dict(f.nested[0].poly), p.atom(f, e)), right)
    leading = dict(identity.leading.factors)
    return identity if leading.get(f) == e and len(leading) > 1 else None


def opened(q: Poly) -> tuple[Poly, Poly] | None:
    """(the summands of sums with a quotient under them, the other terms).

    Sums of summands that add up to nothing are nothing.
    """
    inside: Poly = {}
    rest: Poly = {}
    level = len({i for m in q for i in p.mono_free(m)})  # a name that none of them has
    for m, c in q.items():
        summed = {i for f, e in m.factors if f.kind == "pow" and e < 0 for i in p.free(f)} & m.bound
        if not summed:
            p.accumulate(rest, {m: 1}, c)
            continue
        names = {i: Ix("f", f"Σ{level}", i.size) for i in summed}
        if len(set(names.values())) < len(names):
            return None
        p.accumulate(inside, p.renamed([(Mono(m.bound - summed, m.factors), 1)], names), c)
    return (inside, rest) if inside else None


def without_indicators(m: Mono) -> Poly | None:
    """The monomial with one indicator taken out of the argument of a function or a power."""
    for f, e in m.factors:
        if f.kind not in ("fn", "pow"):
            continue
        value = _by_class(f, e) or _by_case(f, e)
        if value is not None:
            rest = tuple(pair for pair in m.factors if pair[0] != f)
            product = p.mul({Mono(frozenset(), rest): 1}, value)
            return p.bind(product, *m.bound) if m.bound else product
    return None


def _value(f: Factor, e: Number, argument: Poly) -> Poly | None:
    """fᵉ at another argument; None where there is none, as in 1/0."""
    if f.kind == "fn":
        if not argument and f.name == "log":
            return None
        value = function(f.name, argument)
        return p.power(value, e) if value or e > 0 else None
    return p.power(argument, e) if argument or e > 0 else None


def _by_class(f: Factor, e: Number) -> Poly | None:
    poly = dict(f.nested[0].poly)
    for mono in poly:
        for g, _ in mono.factors:
            row = g.slots[:-1]
            if g.kind != "onehot":
                continue
            if any(n < 0 for m in poly for h, n in m.factors if h[:3] == g[:3]):
                continue
            if p.free(g._replace(slots=row)) & mono.bound:
                continue
            c = p.fresh(g.slots[-1].size)
            if not c.size:
                continue
            argument: Poly = {}
            for m, k in poly.items():
                new: Poly = {Mono(frozenset(), ()): k}
                for h, n in m.factors:
                    mine = h[:3] == g[:3] and h.kind == "onehot" and h.slots[:-1] == row
                    new = p.mul(new, delta(h.slots[-1], c) if mine else p.atom(h, n))
                p.accumulate(argument, p.bind(new, *m.bound) if m.bound else new, 1)
            value = _value(f, e, argument)
            if value is not None:
                return p.bind(p.mul(p.atom(g._replace(slots=(*row, c))), value), c)
    return None


def _by_case(f: Factor, e: Number) -> Poly | None:
    poly = dict(f.nested[0].poly)
    if f.kind == "pow" or f.name == "log":  # without the indicator there may be no value
        return None
    for mono in poly:
        for g, _ in mono.factors:
            if g.kind != "delta" or any(p.base(i) in mono.bound for i in g.slots):
                continue
            holds: Poly = {}
            fails: Poly = {}
            for m, k in poly.items():
                factors = tuple(pair for pair in m.factors if pair[0] != g)
                p.accumulate(holds, {Mono(m.bound, factors): k}, 1)
                if len(factors) == len(m.factors):
                    p.accumulate(fails, {m: k}, 1)
            one, none = _value(f, e, holds), _value(f, e, fails)
            if one is not None and none is not None:
                return p.add(none, p.mul(p.atom(g), p.add(one, p.scale(none, -1))))
    return None
