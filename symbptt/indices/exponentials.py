"""The relations of exp with log, σ, softplus and softmax, each used in one direction.

log(e^a b) = a + log b       e^(n log b) = bⁿ          log(Σ_j e^(a + b_j)) = a + log(Σ_j e^(b_j))
1 / (1 + e^z) = σ(−z)        1 / σ(z) = 1 + e^−z       log σ(z) = −softplus(−z)
e^z σ(z) = e^z − σ(z)        e^−z σ(z) = 1 − σ(z)      log softmax(z)_i = z_i − log(Σ_j e^(z_j))
e^(z_i) / Σ_j e^(z_j) = softmax(z)_i
"""

from __future__ import annotations

from fractions import Fraction
from functools import reduce

from . import poly as p
from .poly import ONE, Factor, Ix, Lam, Mono, Number, Poly

Pair = tuple[Factor, Number]


def argument(f: Factor) -> Poly:
    return dict(f.nested[0].poly)


def is_fn(f: Factor, name: str) -> bool:
    return f.kind == "fn" and f.name == name


def _single(q: Poly) -> tuple[Factor, Number] | None:
    """(f, c) of a polynomial c·f."""
    if len(q) == 1:
        (mono, c), *_ = q.items()
        if not mono.bound and len(mono.factors) == 1 and mono.factors[0][1] == 1:
            return mono.factors[0][0], c
    return None


def one_plus_exp(q: Poly) -> tuple[Poly, Number] | None:
    """(z, c) of a polynomial c (1 + e^z)."""
    c = q.get(ONE, 0)
    found = _single({m: k for m, k in q.items() if m != ONE})
    if c and found and found[1] == c and is_fn(found[0], "exp"):
        return argument(found[0]), c
    return None


def one_minus_sigmoid(q: Poly) -> tuple[Poly, Number] | None:
    """(z, c) of a polynomial c (1 − σ(z))."""
    c = q.get(ONE, 0)
    found = _single({m: k for m, k in q.items() if m != ONE})
    if c and found and found[1] == -c and is_fn(found[0], "sigmoid"):
        return argument(found[0]), c
    return None


def parts(q: Poly) -> list[Poly] | None:
    """e^a, Σ_j e^(b_j) and Σ_k e^(c_k) of Σ_jk e^(a + b_j + c_k), where there is more than one."""
    from .lower import function

    if len(q) != 1:
        return None
    (mono, c), *_ = q.items()
    if not mono.bound or len(mono.factors) != 1 or mono.factors[0][1] != 1:
        return None
    if not is_fn(mono.factors[0][0], "exp"):
        return None
    groups: list[tuple[frozenset[Ix], Poly]] = [(frozenset({j}), {}) for j in mono.bound]
    groups.append((frozenset(), {}))
    for m, k in argument(mono.factors[0][0]).items():
        mine = p.mono_free(m) & mono.bound
        met = [g for g in groups if (g[0] & mine if mine else not g[0])]
        groups = [g for g in groups if not any(g is h for h in met)]
        terms = p.add(*(g[1] for g in met), {m: k})
        groups.append((mine.union(*(g[0] for g in met)), terms))
    groups = [g for g in groups if g[0] or g[1]]
    if len(groups) == 1:
        return None
    out = [p.constant(c)] if c != 1 else []
    for bound, terms in groups:
        names = {j: p.fresh(j.size) for j in bound}
        out.append(p.bind(function("exp", p.renamed(terms.items(), names)), *names.values()))
    return out


def log(q: Poly) -> Poly | None:
    """log q, where a positive factor of q can be taken out of it."""
    from .lower import function

    if found := one_plus_exp(q) or one_minus_sigmoid(q):
        z, c = found
        soft = p.scale(function("softplus", z), 1 if one_plus_exp(q) else -1)
        return p.add(soft, function("log", p.constant(c))) if c > 0 else None
    if pieces := parts(q):
        return p.add(*(function("log", x) for x in pieces)) if min(q.values()) > 0 else None
    if len(q) != 1:
        return None
    (mono, c), *_ = q.items()
    out: Poly = {}
    rest: list[Pair] = []
    for f, e in () if mono.bound else mono.factors:
        if is_fn(f, "exp"):
            out = p.add(out, p.scale(argument(f), e))
        elif is_fn(f, "sigmoid"):
            inner = function("softplus", p.scale(argument(f), -1))
            out = p.add(out, p.scale(inner, -e))
        elif f.kind == "softmax":
            out = p.add(out, p.scale(_log_softmax(f), e))
        else:
            rest.append((f, e))
    if mono.bound or len(rest) == len(mono.factors):
        return None
    left = {Mono(frozenset(), tuple(rest)): c}
    return out if left == {ONE: 1} else p.add(out, function("log", left))


def _log_softmax(f: Factor) -> Poly:
    from .lower import function

    lam, row = f.nested[0], p.fresh(f.slots[0].size)
    here = p.renamed(lam.poly, {lam.params[0]: f.slots[0]})
    there = function("exp", p.renamed(lam.poly, {lam.params[0]: row}))
    return p.add(here, p.scale(function("log", p.bind(there, row)), -1))


def exp(q: Poly) -> Poly | None:
    """e^q, where a part of q is a whole multiple of a logarithm or a softplus."""
    from .lower import function

    for m, c in q.items():
        found = _single({m: 1})
        if found and isinstance(c, int) and (is_fn(found[0], "log") or is_fn(found[0], "softplus")):
            base = argument(found[0])
            if found[0].name == "softplus":
                base = p.add(p.constant(1), function("exp", base))
            rest = {n: k for n, k in q.items() if n != m}
            return p.mul(p.power(base, c), function("exp", rest))
    return None


def reciprocal(q: Poly, e: int) -> Poly | None:
    """q^e for e < 0, where q is 1 + e^z, 1 − σ(z) or a sum of exponentials with a shift."""
    from .lower import function

    if found := one_plus_exp(q):
        z, c = found
        inner = p.power(function("sigmoid", p.scale(z, -1)), -e)
        return p.scale(inner, Fraction(c) ** e)
    if found := one_minus_sigmoid(q):
        z, c = found
        inner = p.power(p.add(p.constant(1), function("exp", z)), -e)
        return p.scale(inner, Fraction(c) ** e)
    if pieces := parts(q):
        return reduce(p.mul, (p.power(x, e) for x in pieces))
    return None


def product(pairs: list[Pair]) -> tuple[list[Pair], Poly] | None:
    """Two factors of a monomial that become another polynomial: (the rest, that polynomial)."""
    exponentials = [f for f, e in pairs if is_fn(f, "exp") and e == 1]
    for f in exponentials:
        for g, e in pairs:
            new = None
            if is_fn(g, "sigmoid") and e > 0 and isinstance(e, int):
                new, left = _with_sigmoid(argument(f), g), e - 1
            elif g.kind == "pow" and e < 0 and isinstance(e, int):
                new, left = _with_total(f, g.nested[0]), e + 1
            if new is not None:
                rest = [(h, k) for h, k in pairs if h not in (f, g)]
                return [*rest, *([(g, left)] if left else [])], new
    return None


def _with_sigmoid(q: Poly, g: Factor) -> Poly | None:
    """e^q σ(z), with fewer z in the exponent."""
    from .lower import function

    z = argument(g)
    first, c = g.nested[0].poly[0]
    times = Fraction(q.get(first, 0)) / c
    if times.denominator != 1 or not times:
        return None
    if times > 0:
        less = p.mul(function("exp", p.add(q, p.scale(z, -1))), p.atom(g))
        return p.add(function("exp", q), p.scale(less, -1))
    rest = p.add(p.constant(1), p.scale(p.atom(g), -1))
    return p.mul(function("exp", p.add(q, z)), rest)


def _with_total(f: Factor, total: Lam) -> Poly | None:
    """e^(z_i + rest) / Σ_j e^(z_j) = softmax(z)_i e^rest."""
    from .lower import function, softmax

    if len(total.poly) != 1 or total.poly[0][1] != 1:
        return None
    mono = total.poly[0][0]
    if len(mono.bound) != 1 or len(mono.factors) != 1 or mono.factors[0][1] != 1:
        return None
    (j,), g = mono.bound, mono.factors[0][0]
    if not is_fn(g, "exp"):
        return None
    q = argument(f)
    for i in sorted((i for i in p.free(f) if i.size == j.size), key=repr):
        there = argument(p.rename(g, {j: i}))
        if all(q.get(m) == c for m, c in there.items()):
            row: Ix = p.fresh(j.size)
            weights = softmax(p.renamed(argument(g).items(), {j: row}), row, i)
            return p.mul(weights, function("exp", p.add(q, p.scale(there, -1))))
    return None
