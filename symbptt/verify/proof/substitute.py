"""Polynomials with their times, slots and factors replaced."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Any

from ...indices import poly as p
from ...indices.canon import canonical_lam
from ...indices.lower import delta, free_slots, function
from ...indices.poly import Factor, Ix, Lin, Mono, Poly
from ..world import TOTAL


def is_atom(f: Factor) -> bool:
    return f.kind == "var" and isinstance(f.name, tuple) and len(f.name) == 6


def shown(f: Factor) -> str:
    kind, of, by, *_ = f.name
    mark = "d" if kind == TOTAL else "∂"
    return f"{mark}{of}/{mark}{by}"


def at_time(q: Poly, at: Lin) -> Poly:
    """A polynomial about t said of another time."""
    return with_time(q, "t", at)


def with_time(q: Poly, name: str, at: Lin) -> Poly:
    hold = Ix("u", f"#{name}", p.TIME)

    def lin(x: Lin) -> Lin:
        out = Lin(x.const)
        for sym, c in x.terms:
            out = p.lin_add(out, Lin(0, ((hold if sym == name else sym, 1),)), c)
        return out

    def factor(f: Factor) -> Factor:
        nested = tuple(
            lam._replace(
                poly=tuple(
                    (Mono(m.bound, tuple((factor(g), e) for g, e in m.factors)), c)
                    for m, c in lam.poly
                )
            )
            for lam in f.nested
        )
        return f._replace(times=tuple(map(lin, f.times)), nested=nested)

    held = {Mono(m.bound, tuple((factor(f), e) for f, e in m.factors)): c for m, c in q.items()}
    return p.renamed(held.items(), {hold: at})


def renamed(q: Poly, shape: Any, slots: Any) -> Poly:
    """The free indices 0, 1, … of a polynomial as given slots."""
    names = {i: j for i, j in zip(free_slots(shape), slots, strict=True) if i != p.UNIT}
    hold = {i: Ix("h", i.num, i.size) for i in names}
    first = p.renamed(q.items(), hold)
    return p.renamed(first.items(), {hold[i]: j for i, j in names.items()})


def contracted(weight: Any, local: Poly, of: Any, by: Any, slots: Any) -> Poly:
    """Σ_i weight[i] local[i, j]."""
    inner = tuple(p.fresh(str(n)) for n in of)
    j = renamed(local, tuple(of) + tuple(by), (*inner, *slots))
    product = p.mul(weight(inner), j)
    return p.bind(product, *inner) if inner else product


def substituted(q: Poly, f: Factor, value: Poly) -> Poly:
    """Every occurrence of the atom f, at any slots and times, by its own expansion at those."""
    out: Poly = {}
    for m, c in q.items():
        hits = [(g, e) for g, e in m.factors if g == f]
        if not hits:
            out = p.add(out, {m: c})
            continue
        e = hits[0][1]
        rest = tuple(pair for pair in m.factors if pair[0] != f)
        # The slots of f may be bound in m: bind only after the product.
        product = p.mul({Mono(frozenset(), rest): c}, p.power(value, Fraction(e)))
        out = p.add(out, p.bind(product, *m.bound) if m.bound else product)
    return out


def deep(m: Mono) -> Iterable[Factor]:
    for f, _ in m.factors:
        yield f
        for lam in f.nested:
            for inner, _ in lam.poly:
                yield from deep(inner)


def unfold(q: Poly, wanted: Callable[[Factor], bool], value: Callable[[Factor], Poly]) -> Poly:
    """Replace the factors that are wanted by polynomials, also inside arguments."""
    out: Poly = {}
    for m, c in q.items():
        product: Poly = {Mono(frozenset(), ()): c}
        for f, e in m.factors:
            if wanted(f):
                x = value(f)
            elif f.nested and any(
                wanted(g) for lam in f.nested for mm, _ in lam.poly for g in deep(mm)
            ):
                lams = [(_lam.params, unfold(dict(_lam.poly), wanted, value)) for _lam in f.nested]
                if f.kind == "fn":
                    x = function(f.name, lams[0][1])
                elif f.kind == "pow":
                    x = p.power(lams[0][1], Fraction(1))
                else:
                    nested = tuple(canonical_lam(ps, body) for ps, body in lams)
                    x = p.atom(f._replace(nested=nested))
                if f.kind == "pow" and e < 0:
                    x = p.power(lams[0][1], Fraction(e))
                    product = p.mul(product, x)
                    continue
            else:
                x = p.atom(f)
            product = p.mul(product, p.power(x, Fraction(e)))
        out = p.add(out, p.bind(product, *m.bound) if m.bound else product)
    return out


def power_of(body: Poly, params: tuple[Ix, ...], length: Lin, slots: Any) -> Poly:
    """Aⁿ, A and Aᵀ in one form; of a diagonal A, [i = j] Aⁿ[i,i]."""
    one = canonical_lam(params, body)
    if len(params) == 2 and all(_is_diagonal(m, params) for m in body):
        i, j = slots
        return p.mul(delta(i, j), p.atom(Factor("matpow", "", (length,), (i, i), (one,))))
    other = canonical_lam(params[::-1], body)
    if repr(other) < repr(one):
        one, slots = other, tuple(slots)[::-1]
    return p.atom(Factor("matpow", "", (length,), tuple(slots), (one,)))


def _is_diagonal(m: Mono, params: tuple[Ix, ...]) -> bool:
    return any(f.kind == "delta" and set(f.slots) == set(params) for f, _ in m.factors)
