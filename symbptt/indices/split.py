"""Sums over a long axis as sums over its blocks, where one side of an equation has blocks.

    Σ_{k<D+H} x_k = Σ_{i<D} x_i + Σ_{j<H} x_{j+D}
              x_k = Σ_{i<D} [k = i] x_i + Σ_{j<H} [k = j+D] x_{j+D}

A block is written x_{i+lo} (`Shifted`). Both forms stand for the same sum, so where the cuts are
known every index is split at them before two sides are compared. Cuts of which neither lies
before the other for all sizes (at D and at H of one axis D + H) are not taken together.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping

from . import poly as p
from .canon import canonical_lam
from .poly import Factor, Ix, Lin, Mono, Number, Poly, Shifted

Cuts = frozenset[Lin]


def places(q: Mapping[Mono, Number]) -> Cuts:
    """Where blocks begin and end, anywhere in the polynomial."""
    found: set[Lin] = set()
    for mono in q:
        for f, _ in mono.factors:
            for slot in f.slots:
                if isinstance(slot, Shifted):
                    found |= {slot.lo, p.lin_add(slot.lo, p.extent(slot.size))}
            for lam in f.nested:
                found |= places(dict(lam.poly))
    return frozenset(found)


def split(q: Mapping[Mono, Number], cuts: Cuts) -> Poly:
    """The polynomial with every index cut into blocks, bound ones and free ones."""
    out: Poly = {}
    for mono, c in q.items():
        inner = Mono(mono.bound, tuple((_inside(f, cuts), e) for f, e in mono.factors))
        for m, factor in _blocks(p.refreshed(inner), cuts).items():
            p.accumulate(out, {m: factor}, c)
    return out


def _inside(f: Factor, cuts: Cuts) -> Factor:
    if not f.nested:
        return f
    lams = (canonical_lam(lam.params, split_bound(dict(lam.poly), cuts)) for lam in f.nested)
    return f._replace(nested=tuple(lams))


def split_bound(q: Mapping[Mono, Number], cuts: Cuts) -> Poly:
    """As `split`; the free indices of an argument are those of the factor around it."""
    out: Poly = {}
    for mono, c in q.items():
        inner = Mono(mono.bound, tuple((_inside(f, cuts), e) for f, e in mono.factors))
        m = p.refreshed(inner)
        p.accumulate(out, _cut({m: 1}, m.bound, cuts), c)
    return out


def _blocks(mono: Mono, cuts: Cuts) -> Poly:
    return _cut({mono: 1}, (*mono.bound, *p.mono_free(mono)), cuts)


def _cut(q: Poly, indices: Iterable[Ix], cuts: Cuts) -> Poly:
    for k in indices:
        out: Poly = {}
        for mono, c in q.items():
            p.accumulate(out, _cut_one(mono, k, cuts), c)
        q = out
    return q


def _cut_one(mono: Mono, k: Ix, cuts: Cuts) -> Poly:
    """Σ over the blocks b of k's range of the monomial at k = i + lo_b."""
    ends = _ends(mono, k, cuts)
    if len(ends) < 3:
        return {mono: 1}
    out: Poly = {}
    for lo, hi in itertools.pairwise(ends):
        i = p.fresh(_text(p.lin_add(hi, lo, -1)))
        bound = (mono.bound - {k}) | {i}
        factors = [(p.rename(f, {k: Shifted(i, lo)}), e) for f, e in mono.factors]
        if k not in mono.bound:
            slots = tuple(sorted((k, Shifted(i, lo)), key=repr))
            factors.append((Factor("delta", "", (), slots), 1))
        p.accumulate(out, p.bind({Mono(frozenset(), tuple(factors)): 1}, *bound), 1)
    return out


def _ends(mono: Mono, k: Ix, cuts: Cuts) -> list[Lin]:
    """The cuts inside the range of k in order, with its two ends; none where they have no order."""
    size = p.extent(k.size) if k.size not in ("", p.TIME) else Lin(0)
    slots = [s for f, _ in mono.factors for s in f.slots if p.base(s) == k]
    starts = {s.lo if isinstance(s, Shifted) else Lin(0) for s in slots} or {Lin(0)}
    inside = []
    for cut in {p.lin_add(c, lo, -1) for c in cuts for lo in starts}:
        if p.at_least(cut, Lin(1)) and p.at_least(size, p.lin_add(cut, Lin(1))):
            inside.append(cut)
    ordered = [Lin(0), *sorted(inside, key=lambda c: sum(p.at_least(c, x) for x in inside)), size]
    if any(not p.at_least(b, a) for a, b in itertools.pairwise(ordered)):
        return []
    return ordered


def _text(size: Lin) -> str:
    """A size as its name again: 4*H, D + H."""
    terms = [name if c == 1 else f"{c}*{name}" for name, c in size.terms]
    return " + ".join([*terms, *([str(size.const)] if size.const else [])]).replace("+ -", "- ")
