"""A run of a known number of steps: T is that number, and sums over the steps are written out."""

from __future__ import annotations

from ...indices import poly as p
from ...indices.poly import Ix, Lin, Mono, Poly
from .substitute import with_time


def at_horizon(q: Poly, steps: int | None) -> Poly:
    """The polynomial of a run of so many steps; of any number of them where it is not known."""
    if steps is None:
        return q
    return _written_out(with_time(q, "T", Lin(steps)))


def _written_out(q: Poly) -> Poly:
    out: Poly = {}
    for m, c in q.items():
        found = next(((k, r) for k in m.bound if k.size == p.TIME and (r := _range(m, k))), None)
        if found is None:
            out = p.add(out, {m: c})
            continue
        k, steps = found
        inner = {Mono(m.bound - {k}, m.factors): c}
        terms = (p.renamed(inner.items(), {k: Lin(n)}) for n in steps)
        out = p.add(out, *map(_written_out, terms))
    return out


def _range(m: Mono, k: Ix) -> range | None:
    """The steps that a summed index runs over, where both ends are numbers."""
    low: list[int] = []
    high: list[int] = []
    for f, _ in m.factors:
        if f.kind == "ge" and f.times[0].terms == ((k, 1),):
            low.append(-int(f.times[0].const))
        elif f.kind == "ge" and f.times[0].terms == ((k, -1),):
            high.append(int(f.times[0].const))
    return range(max(low), min(high) + 1) if low and high else None
