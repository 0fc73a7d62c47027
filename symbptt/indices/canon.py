"""Canonical names for bound indices, by colour refinement with branching over ties.

Two monomials are equal as tensors exactly when their canonical forms are the same tuple
(up to the relations that `simplify` has already applied). The colour of an index is refined
by the factors it stands in, each labelled with the colours of its neighbours; indices that
stay alike are told apart one at a time and the least result is kept.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any

from .budget import metered, spend
from .poly import (
    TIME,
    Factor,
    Ix,
    Lam,
    Lin,
    Mono,
    Number,
    Poly,
    accumulate,
    free,
    height,
    lin_add,
    mono_free,
    mono_height,
    rename,
    renamed,
)
from .ranges import difference, implied
from .simplify import simplify

ODD = ("tanh", "sin", "hardtanh")
EVEN = ("cos", "huber")
Labels = dict[Ix, Any]


def canonical(p: Mapping[Mono, Number]) -> Poly:
    """The normal form of a polynomial: equal monomials collected under canonical names."""
    out: Poly = {}
    for m, c in p.items():
        if not empty(m):
            sign, name = _signed(m)
            accumulate(out, {name: c}, sign)
    return out


@metered
def _signed(mono: Mono) -> tuple[int, Mono]:
    """The canonical monomial and its sign: tanh(A − Aᵀ)[i,j] = −tanh(A − Aᵀ)[j,i].

    Where the argument of an odd or even factor has no sign of its own, both are tried and the
    least is kept; one that comes out with both signs is zero.
    """
    choices = [[(1, pair), *_flipped(*pair)] for pair in mono.factors]
    if sum(len(c) > 1 for c in choices) > 6:  # beyond 2⁶ forms, equal ones may be missed
        return 1, canonical_mono(mono)
    found: dict[Mono, set[int]] = {}
    for combination in itertools.product(*choices):
        sign = math.prod(s for s, _ in combination)
        name = canonical_mono(Mono(mono.bound, tuple(pair for _, pair in combination)))
        found.setdefault(name, set()).add(sign)
    least = min(found, key=_text)
    return sum(found[least]), least


def _flipped(f: Factor, e: Number) -> list[tuple[int, tuple[Factor, Number]]]:
    """The factor with the sign of its argument changed, if that argument has none to go by."""
    odd = f.kind == "pow" or f.name in ODD
    known = f.kind == "pow" or (f.kind == "fn" and (odd or f.name in EVEN))
    if not known or e.denominator != 1 or not _signless(f.nested[0]):
        return []
    lam = canonical_lam((), {m: -c for m, c in f.nested[0].poly})
    return [((-1) ** (int(e) if odd else 2), (f._replace(nested=(lam,)), e))]


def canonical_lam(params: tuple[Ix, ...], p: Mapping[Mono, Number]) -> Lam:
    """The argument of a function: canonical, with its parameters named by position."""
    h = max((mono_height(m) for m in p), default=0)
    names = {i: Ix(f"l{h}", n, i.size) for n, i in enumerate(params)}
    if names:
        p = renamed(p.items(), names)
    items = sorted(canonical(p).items(), key=lambda mc: _text(mc[0]))
    return Lam(tuple(names.values()), tuple(items))


@lru_cache(maxsize=200_000)
def _text(item: Any) -> str:
    return repr(item)


def leading(lam: Lam) -> Number:
    """A coefficient that scales and changes sign with the polynomial, whatever its indices.

    The sum of the coefficients of the first kind of monomial for which it is not zero; for one
    that is antisymmetric under its indices (A − Aᵀ) there is none, and the answer is positive.
    """
    totals: dict[str, Number] = {}
    for m, c in lam.poly:
        totals[_bare(m)] = totals.get(_bare(m), 0) + c
    for kind in sorted(totals):
        if totals[kind]:
            return totals[kind]
    return max(abs(Fraction(c)) for m, c in lam.poly if _bare(m) == min(totals))


def _signless(lam: Lam) -> bool:
    """Whether `leading` could not tell the polynomial from its negative."""
    minus = Lam(lam.params, tuple((m, -c) for m, c in lam.poly))
    return bool(lam.poly) and leading(lam) == leading(minus)


@lru_cache(maxsize=200_000)
def _bare(mono: Mono) -> str:
    """A monomial's text without the names of its indices, which depend on its history."""
    return repr(sorted((_bare_factor(f), e) for f, e in mono.factors))


def _bare_factor(f: Factor) -> str:
    times = [
        sorted((s.size if isinstance(s, Ix) else s, c) for s, c in (*x.terms, ("", x.const)))
        for x in f.times
    ]
    nested = [sorted((_bare(m), c) for m, c in lam.poly) for lam in f.nested]
    return repr((f.kind, f.name, times, len(f.slots), nested))


@metered
def canonical_mono(mono: Mono) -> Mono:
    """The monomial under canonical names.

    Each connected part is named by itself and the parts are sorted, so that (u·u)⁸ is eight
    equal parts rather than an eightfold tie.
    """
    h = mono_height(mono)
    bound: set[Ix] = set()
    factors: dict[tuple[Factor, Number], None] = {}
    for part in sorted(map(_named_part, _parts(mono)), key=_text):
        order = sorted(part.bound, key=lambda i: i.num)
        names = {i: Ix(f"b{h}", len(bound) + n, i.size) for n, i in enumerate(order)}
        bound.update(names.values())
        # Only a constraint on free times can stand in two parts, and it holds once.
        factors.update({(rename(f, names), e): None for f, e in part.factors})
    return Mono(frozenset(bound), _sorted(factors, {}))


def _parts(mono: Mono) -> list[Mono]:
    """The monomial as a product of monomials that share no bound index."""
    parts: list[tuple[set[Ix], list[tuple[Factor, Number]]]] = []
    for f, e in mono.factors:
        mine = set(free(f) & mono.bound)
        joined = [p for p in parts if p[0] & mine or not (p[0] or mine)]
        parts = [p for p in parts if not any(p is q for q in joined)]
        pairs = [pair for _, theirs in joined for pair in theirs]
        parts.append((mine.union(*(p[0] for p in joined)), [*pairs, (f, e)]))
    return [Mono(frozenset(b), tuple(pairs)) for b, pairs in parts]


@metered
def _named_part(mono: Mono) -> Mono:
    times = [i for i in mono.bound if i.size == TIME]
    shifted = _anchored(mono, times) if times else [mono]
    return min((_named(m) for m in shifted), key=_text)


def _named(mono: Mono) -> Mono:
    if not mono.bound:
        return Mono(mono.bound, _sorted(mono.factors, {}))
    start = {i: ("c", i.size, 0) for i in mono.bound}
    return min(_search(mono, start), key=_text)


def _search(mono: Mono, colours: Labels) -> list[Mono]:
    spend(len(mono.factors))
    colours = _refine(mono, colours)
    groups: dict[Any, list[Ix]] = {}
    for i, c in colours.items():
        groups.setdefault(c, []).append(i)
    ties = sorted((c for c, members in groups.items() if len(members) > 1), key=repr)
    if not ties:
        return [_finish(mono, colours)]
    members = sorted(groups[ties[0]])
    found = []
    for i in members:
        found += _search(mono, {**colours, i: (*colours[i], "first")})
    return found


def _finish(mono: Mono, colours: Labels) -> Mono:
    order = sorted(colours, key=lambda i: repr(colours[i]))
    h = mono_height(mono)
    names = {i: Ix(f"b{h}", n, i.size) for n, i in enumerate(order)}
    return Mono(frozenset(names.values()), _sorted(mono.factors, names))


def _sorted(pairs: Any, names: Labels) -> tuple[tuple[Factor, Number], ...]:
    return tuple(sorted(((rename(f, names), e) for f, e in pairs), key=_text))


def _refine(mono: Mono, colours: Labels) -> Labels:
    """Split colour classes by their surroundings until nothing splits."""
    while True:
        signature = {i: (colours[i], _surroundings(mono, i, colours)) for i in colours}
        ranks = {s: n for n, s in enumerate(sorted(set(signature.values()), key=repr))}
        refined = {i: ("c", i.size, ranks[s]) for i, s in signature.items()}
        if len(ranks) == len(set(colours.values())):
            return refined
        colours = refined


def _surroundings(mono: Mono, i: Ix, colours: Labels) -> tuple[str, ...]:
    marked = {j: _colour_ix(c) for j, c in colours.items()}
    marked[i] = Ix("*", 0, i.size)
    return tuple(sorted(_text((rename(f, marked), e)) for f, e in mono.factors if i in free(f)))


def _colour_ix(colour: Any) -> Ix:
    return Ix("*c", colour[2:], colour[1])


def _anchored(mono: Mono, times: list[Ix]) -> list[Mono]:
    """The monomial under every natural origin and direction of its bound time indices.

    Σ_k f(k − 1) over 2..t and Σ_k f(k) over 1..t−1 are one sum; the candidates put k where
    some factor reads it, and the caller keeps the least.
    """
    choices: list[list[tuple[Ix, Lin | None]]] = []
    for k in times:
        reads = {time for f, _ in mono.factors if f.kind != "ge" for time in _times(f)}
        limits = {f.times[0] for f, _ in mono.factors if f.kind == "ge"}
        forms = _anchors(k, reads, mono) or _anchors(k, limits, mono)
        choices.append([(k, form) for form in sorted(forms, key=repr)] or [(k, None)])
    out: list[tuple[tuple[int, int], Mono]] = []
    # Which of two indices moves first matters only where one factor reads both.
    mixed = any(
        form and len(set(dict(form.terms)) & set(times)) > 1 for c in choices for _, form in c
    )
    orders = itertools.permutations(choices) if mixed else [tuple(choices)]
    for combination in (c for order in orders for c in itertools.product(*order)):
        names: dict[Ix, Any] = {}
        left = 0  # indices that stay where they were, since one they lean on has moved
        for k, form in combination:
            if form is not None and set(names) & set(dict(form.terms)):
                left += 1
            elif form is not None:
                sign = dict(form.terms)[k]
                rest = lin_add(form, Lin(0, ((k, 1),)), -sign)
                # form = sign·k + rest = k'  ⇒  k = sign·(k' − rest)
                names[k] = lin_add(Lin(0, ((k, sign),)), rest, -sign)
        factors = [(rename(f, names), e) for f, e in mono.factors]
        moved = list(simplify(mono.bound, factors).items())
        # A shift is one to one, so it keeps a monomial one; anything else is left as it was.
        if len(moved) == 1 and moved[0][1] == 1:
            found = Mono(moved[0][0].bound, closure(moved[0][0]))
            # The closure of a region is one set of constraints where all are differences.
            out.append(((left, sum(map(_is_skew, found.factors))), found))
    best = min((key for key, _ in out), default=None)
    return [m for key, m in out if key == best] or [Mono(mono.bound, closure(mono))]


def _is_skew(pair: tuple[Factor, Number]) -> bool:
    """Whether the factor is a constraint that is no difference of two times: T − j − k ≥ 0."""
    return pair[0].kind == "ge" and difference(pair[0].times[0]) is None


def _anchors(k: Ix, times: set[Lin], mono: Mono) -> list[Lin]:
    """The times that k can be shifted to, free of indices bound inside an argument."""
    known = mono.bound | mono_free(mono)
    return [
        time
        for time in times
        if dict(time.terms).get(k) in (1, -1)
        and all(s in known for s, _ in time.terms if isinstance(s, Ix))
    ]


def _times(f: Factor) -> Iterator[Lin]:
    """The times a factor reads, also inside its arguments."""
    yield from f.times
    for lam in f.nested:
        for m, _ in lam.poly:
            for g, _ in m.factors:
                if g.kind != "ge":
                    yield from _times(g)


def empty(mono: Mono) -> bool:
    """Whether the times of a monomial range over nothing: Σ_{k=1}^{0}."""
    edges = _edges(mono)[0]
    return any(a == b and c < 0 for (a, b), c in edges.items())


def _edges(mono: Mono) -> tuple[dict[tuple[Any, Any], Any], list[tuple[Factor, Number]]]:
    """The closed difference constraints y ≤ x + c as {(x, y): c}, and the other factors."""
    edges: dict[tuple[Any, Any], Any] = {}
    keep = []
    for f, e in mono.factors:
        pair = difference(f.times[0]) if f.kind == "ge" else None
        if pair is None:
            keep.append((f, e))
        else:
            x, y, c = pair  # x − y + c ≥ 0
            edges[x, y] = min(edges.get((x, y), c), c)
    nodes = sorted({n for pair in edges for n in pair}, key=repr)
    for m, a, b in itertools.product(nodes, repeat=3):
        if (a, m) in edges and (m, b) in edges:
            through = edges[a, m] + edges[m, b]
            if a != b or through < 0:
                edges[a, b] = min(edges.get((a, b), through), through)
    return edges, keep


def closure(mono: Mono) -> tuple[tuple[Factor, Number], ...]:
    """Replace the constraints on bound times by their closure: a region has one closure.

    Difference constraints close under shortest paths; others are kept as written, but for those
    that follow from the rest.
    """
    edges, keep = _edges(mono)
    keep = _independent(mono, keep)
    for (a, b), c in edges.items():
        if a != b:
            form = Lin(c)
            for node, sign in ((a, 1), (b, -1)):
                if node != "0":
                    form = lin_add(form, Lin(0, ((node, 1),)), sign)
            keep.append((Factor("ge", "", (form,)), 1))
    return tuple(keep)


def _independent(mono: Mono, keep: list[tuple[Factor, Number]]) -> list[tuple[Factor, Number]]:
    """Without the constraints that follow from all the others."""
    given = {f.times[0] for f, _ in mono.factors if f.kind == "ge"}
    for pair in sorted(filter(_is_skew, keep), key=_text):
        form = pair[0].times[0]
        if implied(form, frozenset(given - {form})):
            given.remove(form)
            keep = [x for x in keep if x != pair]
    return keep


__all__ = ["canonical", "canonical_lam", "canonical_mono", "closure", "height"]
