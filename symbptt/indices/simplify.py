"""The contraction rules of a single monomial, applied until none fires.

Σ_j [i = j] X_j = X_i        Σ_i 1 = size        [c ≥ 0] = 1 or 0 for a number c
Σ_c Y_c = 1, Y_c² = Y_c, Y_c Y_d = [c = d] Y_c   for a one-hot row Y
Σ_c softmax(o)_c = 1         step² = step        exp(a) exp(b) = exp(a + b)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from .budget import metered, spend
from .exponentials import product
from .poly import (
    ONE,
    TIME,
    UNIT,
    Factor,
    Ix,
    Lin,
    Mono,
    Number,
    Poly,
    Shifted,
    add,
    at_least,
    atom,
    base,
    constant,
    extent,
    free,
    lin_add,
    mul,
    power,
    rename,
    scale,
)

Pairs = Iterable[tuple[Factor, Number]]


def simplify(bound: Iterable[Ix], pairs: Pairs) -> Poly:
    """The monomial Σ_bound ∏ factor^exponent as a polynomial in normal factors."""
    bound = set(bound)
    if units := {i: UNIT for i in bound if i.size == "1"}:
        bound -= set(units)
        pairs = [(rename(f, units), e) for f, e in pairs]
    factors: dict[Factor, Number] = {}
    for f, e in pairs:
        factors[f] = factors.get(f, 0) + e
    spend(1 + len(factors))
    while True:
        factors = {f: e for f, e in factors.items() if e}
        for rule in (_delta, _pinned, _onehot_pair, _sums_to_one):
            if (step := rule(bound, factors)) is not None:
                break
        else:
            break
        factors = step
    if any(f.kind == "ge" and not f.times[0].terms and f.times[0].const < 0 for f in factors):
        return {}
    factors = {f: _idempotent(f, e) for f, e in factors.items() if not _always(f)}
    sums = _count_idle(bound, factors)
    out = _expand(bound, factors)
    for p in sums:
        out = mul(out, p)
    return out


def _always(f: Factor) -> bool:
    """[c ≥ 0] for a number that passed, and [T ≥ 1]: there is at least one step."""
    if f.kind != "ge":
        return False
    terms, const = f.times[0].terms, f.times[0].const
    return not terms or (terms[0][0] == "T" and len(terms) == 1 and 0 < terms[0][1] >= -const)


def _idempotent(f: Factor, e: Number) -> Number:
    idem = f.kind in ("onehot", "ge") or (f.kind == "fn" and f.name == "step")
    return 1 if idem and e > 0 else e


def _substitute(factors: dict[Factor, Number], old: Ix, new: Any) -> dict[Factor, Number]:
    out: dict[Factor, Number] = {}
    for f, e in factors.items():
        f = rename(f, {old: new})
        out[f] = out.get(f, 0) + e
    return out


def _delta(bound: set[Ix], factors: dict[Factor, Number]) -> dict[Factor, Number] | None:
    for f in factors:
        if f.kind != "delta":
            continue
        i, j = f.slots
        rest = {g: e for g, e in factors.items() if g != f}
        if i == j:
            return rest
        if isinstance(i, Shifted) or isinstance(j, Shifted):
            if (step := _shifted_delta(bound, f, rest)) is not None:
                return step
            continue
        for old, new in ((i, j), (j, i)):
            if old in bound:
                bound.discard(old)
                return _substitute(rest, old, new)
        if factors[f] != 1:
            return {**rest, f: 1}
        if any(j in free(g) for g in rest):  # both are free: [i = j] X_j = [i = j] X_i
            return {**_substitute(rest, j, i), f: 1}
    return None


def size(text: str) -> Poly:
    """A size as a polynomial in the declared ones."""
    form = extent(text)
    out = constant(form.const)
    for name, count in form.terms:
        factors = [(Factor("size", n), 1) for n in name.split("*")]
        out = add(out, {Mono(frozenset(), tuple(factors)): count})
    return out


def _shifted_delta(
    bound: set[Ix], f: Factor, rest: dict[Factor, Number]
) -> dict[Factor, Number] | None:
    """[k = i + lo], by where the two ranges lie: apart, alike, or one inside the other.

    Inside: k is i + lo wherever else it stands, and summed away where it is bound.
    """
    if not all(s.size for s in f.slots):  # a named index stands for an axis of any size
        return None
    spans = [(_start(s), lin_add(_start(s), extent(s.size))) for s in f.slots]
    (a, a_end), (b, b_end) = spans
    if at_least(a, b_end) or at_least(b, a_end):
        return {**rest, _NEVER: 1}
    i, j = map(base, f.slots)
    if spans[0] == spans[1]:
        return _with(rest, Factor("delta", "", (), tuple(sorted((i, j), key=repr))))
    for outer, lo, end, inner, start, stop in (
        (i, a, a_end, j, b, b_end),
        (j, b, b_end, i, a, a_end),
    ):
        if at_least(start, lo) and at_least(end, stop):
            value = Shifted(inner, lin_add(start, lo, -1))
            if outer in bound:
                bound.discard(outer)
                return _substitute(rest, outer, value)
            if any(outer in free(g) for g in rest):
                return {**_substitute(rest, outer, value), f: 1}
    return None


_NEVER = Factor("ge", "", (Lin(-1),))


def _start(slot: Any) -> Lin:
    return slot.lo if isinstance(slot, Shifted) else Lin(0)


def _with(factors: dict[Factor, Number], f: Factor) -> dict[Factor, Number]:
    return {**factors, f: factors.get(f, 0) + 1}


def _pinned(bound: set[Ix], factors: dict[Factor, Number]) -> dict[Factor, Number] | None:
    """Σ_k [k ≥ a] [a ≥ k] X_k = X_a."""
    forms = {f.times[0] for f in factors if f.kind == "ge"}
    for form in forms:
        if lin_add(Lin(0), form, -1) in forms:
            for k, sign in form.terms:
                if k in bound and abs(sign) == 1:
                    bound.discard(k)
                    value = lin_add(Lin(0, ((k, 1),)), form, -sign)
                    return _substitute(factors, k, value)
    return None


def _onehot_pair(bound: set[Ix], factors: dict[Factor, Number]) -> dict[Factor, Number] | None:
    rows: dict[tuple, Factor] = {}
    for f in factors:
        if f.kind != "onehot":
            continue
        row = (f.name, f.times, f.slots[:-1])
        if row in rows:
            rest = {g: e for g, e in factors.items() if g != f}
            i, j = sorted((rows[row].slots[-1], f.slots[-1]), key=repr)
            delta = Factor("delta", "", (), (i, j))
            rest[delta] = rest.get(delta, 0) + 1
            return rest
        rows[row] = f
    return None


def _sums_to_one(bound: set[Ix], factors: dict[Factor, Number]) -> dict[Factor, Number] | None:
    counts: Counter[Ix] = Counter()
    for f in factors:
        counts.update(free(f))
        # The row itself may mention its index: Σ_i softmax(A[i,:])_i is no sum of a row.
        counts.update(free(f._replace(slots=())) & set(f.slots))
    for f, e in factors.items():
        if f.kind in ("onehot", "softmax"):
            last = f.slots[-1]
            single = e == 1 or f.kind == "onehot"
            if last in bound and counts[last] == 1 and f.slots.count(last) == 1 and single:
                bound.discard(last)
                return {g: k for g, k in factors.items() if g != f}
    return None


def _count_idle(bound: set[Ix], factors: dict[Factor, Number]) -> list[Poly]:
    """Σ_i 1 = size, for indices that no factor mentions; sums such as D + H are returned."""
    sums: list[Poly] = []
    used = frozenset().union(*map(free, factors)) if factors else frozenset()
    for i in [i for i in bound if i not in used]:
        bound.discard(i)
        if i.size == TIME:
            raise ValueError("a sum over time without bounds")
        if i.size != TIME and not i.size.isidentifier():  # 4*H, D + H
            sums.append(size(i.size))
            continue
        f = Factor("size", i.size)
        factors[f] = factors.get(f, 0) + 1
        if not factors[f]:  # N · 1/N
            del factors[f]
    return sums


@metered
def _renewed(f: Factor, e: Number) -> tuple[tuple[Mono, Number], ...] | None:
    """A function or power whose argument changed under a contraction, as a polynomial again.

    tanh(A − Aᵀ)[i,i] = tanh(0) = 0        cos² = 1 − sin²        (a + b)² = a² + 2 a b + b²
    """
    from .lower import function

    if f.kind == "pow":
        out = power(dict(f.nested[0].poly), e)
    elif f.kind == "fn":
        again = function(f.name, dict(f.nested[0].poly))
        out = atom(f, e) if again == atom(f) else power(again, e)
        if f.name == "sigmoid" and e < 0 and e.denominator == 1:
            inverse = function("exp", scale(dict(f.nested[0].poly), -1))
            out = power(add(constant(1), inverse), -e)
        if f.name == "cos" and e >= 2:
            sine = Factor("fn", "sin", (), (), f.nested)
            rest = add(constant(1), scale(atom(sine, 2), -1))
            out = mul(power(rest, e // 2), atom(f, e % 2) if e % 2 else constant(1))
    else:
        return None if f.kind != "softmax" or f.nested[0].poly else _uniform(f, e)
    return None if out == atom(f, e) else tuple(out.items())


def _uniform(f: Factor, e: Number) -> tuple[tuple[Mono, Number], ...]:
    return tuple(power(size(f.nested[0].params[0].size), -e).items())


def _expand(bound: set[Ix], factors: dict[Factor, Number]) -> Poly:
    """Multiply out natural powers of sums and merge exponentials."""
    out = {Mono(frozenset(bound), ()): 1} if bound else constant(1)
    plain: list[tuple[Factor, Number]] = []
    sums: list[Poly] = []
    exponent: Poly = {}
    exps = [(f, e) for f, e in factors.items() if f.kind == "fn" and f.name == "exp"]
    merge = len(exps) > 1 or any(e != 1 for _, e in exps)
    for f, e in factors.items():
        if merge and (f, e) in exps:
            exponent = add(exponent, scale(dict(f.nested[0].poly), e))
        elif (renewed := _renewed(f, e)) is not None:
            sums.append(dict(renewed))
        else:
            plain.append((f, e))
    if merge:
        from .canon import canonical_lam

        lam = canonical_lam((), exponent)
        sums.append(atom(Factor("fn", "exp", (), (), (lam,))) if lam.poly else constant(1))
    if not merge and (found := product(plain)) is not None:
        plain, new = found
        sums.append(new)
    size_one: Number = 1
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
