"""The contraction rules of a single monomial, applied until none fires.

    Σ_j [i = j] X_j = X_i        Σ_i 1 = size        [c ≥ 0] = 1 or 0 for a number c
    Σ_c Y_c = 1, Y_c² = Y_c, Y_c Y_d = [c = d] Y_c   for a one-hot row Y
    Σ_c softmax(o)_c = 1         step² = step        exp(a) exp(b) = exp(a + b)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction

from .poly import (
    ONE,
    TIME,
    Factor,
    Ix,
    Mono,
    Poly,
    add,
    atom,
    constant,
    free,
    mul,
    power,
    rename,
    scale,
)

Pairs = Iterable[tuple[Factor, Fraction]]


def simplify(bound: Iterable[Ix], pairs: Pairs) -> Poly:
    """The monomial Σ_bound ∏ factor^exponent as a polynomial in normal factors."""
    bound = set(bound)
    factors: dict[Factor, Fraction] = {}
    for f, e in pairs:
        factors[f] = factors.get(f, Fraction(0)) + e
    while True:
        factors = {f: e for f, e in factors.items() if e}
        step = _delta(bound, factors) or _onehot_pair(factors) or _sums_to_one(bound, factors)
        if step is None:
            break
        factors = step
    if any(f.kind == "ge" and not f.times[0].terms and f.times[0].const < 0 for f in factors):
        return {}
    factors = {f: _idempotent(f, e) for f, e in factors.items() if not _always(f)}
    _count_idle(bound, factors)
    return _expand(bound, factors)


def _always(f: Factor) -> bool:
    return f.kind == "ge" and not f.times[0].terms


def _idempotent(f: Factor, e: Fraction) -> Fraction:
    idem = f.kind in ("onehot", "ge") or (f.kind == "fn" and f.name == "step")
    return Fraction(1) if idem and e > 0 else e


def _substitute(factors: dict[Factor, Fraction], old: Ix, new: Ix) -> dict[Factor, Fraction]:
    out: dict[Factor, Fraction] = {}
    for f, e in factors.items():
        f = rename(f, {old: new})
        out[f] = out.get(f, Fraction(0)) + e
    return out


def _delta(bound: set[Ix], factors: dict[Factor, Fraction]) -> dict[Factor, Fraction] | None:
    for f in factors:
        if f.kind != "delta":
            continue
        i, j = f.slots
        rest = {g: e for g, e in factors.items() if g != f}
        if i == j:
            return rest
        for old, new in ((i, j), (j, i)):
            if old in bound:
                bound.discard(old)
                return _substitute(rest, old, new)
        if factors[f] != 1:
            return {**rest, f: Fraction(1)}
    return None


def _onehot_pair(factors: dict[Factor, Fraction]) -> dict[Factor, Fraction] | None:
    rows: dict[tuple, Factor] = {}
    for f in factors:
        if f.kind != "onehot":
            continue
        row = (f.name, f.times, f.slots[:-1])
        if row in rows:
            rest = {g: e for g, e in factors.items() if g != f}
            i, j = sorted((rows[row].slots[-1], f.slots[-1]), key=repr)
            delta = Factor("delta", "", (), (i, j))
            rest[delta] = rest.get(delta, Fraction(0)) + 1
            return rest
        rows[row] = f
    return None


def _sums_to_one(
    bound: set[Ix], factors: dict[Factor, Fraction]
) -> dict[Factor, Fraction] | None:
    counts: Counter[Ix] = Counter()
    for f in factors:
        counts.update(free(f))
    for f, e in factors.items():
        if f.kind in ("onehot", "softmax"):
            last = f.slots[-1]
            single = e == 1 or f.kind == "onehot"
            if last in bound and counts[last] == 1 and f.slots.count(last) == 1 and single:
                bound.discard(last)
                return {g: k for g, k in factors.items() if g != f}
    return None


def _count_idle(bound: set[Ix], factors: dict[Factor, Fraction]) -> None:
    """Σ_i 1 = size, for indices that no factor mentions."""
    used = frozenset().union(*map(free, factors)) if factors else frozenset()
    for i in [i for i in bound if i not in used]:
        bound.discard(i)
        if i.size == TIME:
            raise ValueError("a sum over time without bounds")
        f = Factor("size", i.size)
        factors[f] = factors.get(f, Fraction(0)) + 1


def _expand(bound: set[Ix], factors: dict[Factor, Fraction]) -> Poly:
    """Multiply out natural powers of sums and merge exponentials."""
    out = {Mono(frozenset(bound), ()): Fraction(1)} if bound else constant(1)
    plain: list[tuple[Factor, Fraction]] = []
    sums: list[Poly] = []
    exponent: Poly = {}
    exps = [(f, e) for f, e in factors.items() if f.kind == "fn" and f.name == "exp"]
    for f, e in factors.items():
        if f.kind == "pow" and e > 0 and e.denominator == 1:
            sums.append(power(dict(f.nested[0].poly), e))
        elif len(exps) > 1 and (f, e) in exps:
            exponent = add(exponent, scale(dict(f.nested[0].poly), e))
        else:
            plain.append((f, e))
    if exps and len(exps) > 1:
        from .canon import canonical_lam

        lam = canonical_lam((), exponent)
        sums.append(atom(Factor("fn", "exp", (), (), (lam,))) if lam.poly else constant(1))
    size_one = Fraction(1)
    for f, e in [p for p in plain if p[0].kind == "size" and p[0].name.isdigit()]:
        size_one *= Fraction(f.name) ** int(e)
        plain.remove((f, e))
    out = {Mono(frozenset(bound), tuple(plain)) if bound or plain else ONE: size_one}
    if not sums:
        return out
    # A factor just multiplied out may meet the others again: one product more, then done.
    bare = {Mono(frozenset(), m.factors): c for m, c in out.items()}
    for p in sums:
        bare = mul(bare, p)
    result: Poly = {}
    for m, c in bare.items():
        result = add(result, scale(simplify(m.bound | bound, m.factors), c))
    return result
