"""An identity between polynomials used in one direction, inside longer products.

Where e₀ + e₁ + … = v and a monomial is r·e₀, it is r·(v − e₁ − …). The monomial e₀ is that of
most factors, so no other one contains it and the rewriting ends.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import NamedTuple

from . import poly as p
from .budget import spend
from .canon import _bare, _text
from .poly import Factor, Ix, Mono, Number, Poly, Shifted

Names = dict[Ix, Ix]


class Identity(NamedTuple):
    """`left` equals `right` for every value of the indices `loose`."""

    left: Poly
    right: Poly
    loose: frozenset[Ix] = frozenset()

    @property
    def leading(self) -> Mono:
        return max(self.left, key=lambda m: (_degree(m), _bare(m), _text(m)))


def _degree(m: Mono) -> Number:
    return sum((e for f, e in m.factors if e > 0 and f.kind not in ("size", "delta")), Fraction(0))


def used(identity: Identity, m: Mono) -> Poly | None:
    """The monomial after the identity has been used once, None where it does not apply."""
    e0 = identity.leading
    for names, rest in embeddings(e0, m, identity.loose):
        others = {n: c for n, c in identity.left.items() if n != e0}
        value = p.add(identity.right, p.scale(others, -1))
        loose = {i: names[i] for i in identity.loose if names[i] != i}
        value = p.scale(p.renamed(value.items(), loose), 1 / Fraction(identity.left[e0]))
        product = p.mul({Mono(frozenset(), rest.factors): 1}, value)
        return p.bind(product, *rest.bound) if rest.bound else product
    return None


def embeddings(part: Mono, m: Mono, loose: frozenset[Ix]) -> Iterator[tuple[Names, Mono]]:
    """Ways to write m as part · rest: the names of part's indices in m, and the rest.

    A summed index of `part` becomes a summed index of m that the rest does not read.
    """
    unknown = part.bound | loose
    pairs = [(f, e) for f, e in part.factors if f.kind != "size"]
    pairs.sort(key=lambda fe: (bool(fe[0].nested), -len(fe[0].slots), repr(fe)))
    for names in _namings(pairs, m, unknown, {}):
        if len({names[i] for i in part.bound}) < len(part.bound):
            continue
        rest = dict(m.factors)
        for f, e in part.factors:
            there = p.rename(f, names)
            rest[there] = p.rational(rest.get(there, 0) - e)
        left = tuple((f, e) for f, e in rest.items() if e)
        gone = {names[i] for i in part.bound}
        outside = {names.get(i, i) for i in p.mono_free(part)}
        if gone & outside:  # Σ_k A[i,k] B[k,k] is no product of A and B
            continue
        if gone <= m.bound and not any(gone & p.free(f) for f, _ in left):
            yield names, Mono(m.bound - gone, left)


def _namings(pairs: list, m: Mono, unknown: frozenset[Ix], names: Names) -> Iterator[Names]:
    """Names for the unknown indices under which m has every factor, to its power at least."""
    if not pairs:
        missing = sorted(unknown - set(names), key=repr)
        if not missing:
            yield names
        return
    (f, e), *later = pairs
    spend(1)
    for g, n in m.factors:
        if g[:3] != f[:3] or len(g.slots) != len(f.slots) or not _divides(e, n):
            continue
        found = _matched(f, g, unknown, names)
        if found is None:
            continue
        open_ = sorted((p.free(f) & unknown) - set(found), key=repr)  # within arguments only
        every = [[i for i in _indices(m) if i.size == o.size] for o in open_]
        for choice in itertools.product(*every):
            named = {**found, **dict(zip(open_, choice, strict=True))}
            if p.rename(f, {i: j for i, j in named.items() if i != j}) == g:
                yield from _namings(later, m, unknown, named)


def _divides(e: Number, n: Number) -> bool:
    return (e > 0 and n >= e) or (e < 0 and n <= e)


def _matched(f: Factor, g: Factor, unknown: frozenset[Ix], names: Names) -> Names | None:
    out = dict(names)
    for a, b in zip(f.slots, g.slots, strict=True):
        i = p.base(a)
        if i in unknown:
            if isinstance(a, Shifted) != isinstance(b, Shifted):
                return None
            j = p.base(b)
            if i.size != j.size or out.setdefault(i, j) != j:
                return None
        elif a != b:
            return None
    return out


def _indices(m: Mono) -> Mapping[Ix, None]:
    return dict.fromkeys(sorted(m.bound | p.mono_free(m), key=repr))
