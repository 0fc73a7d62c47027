"""Sums over time in cells: ranges cut until any two of one summand are alike or apart.

    [P] = [P][Q] + [P][not Q]          Σ_{k=1}^T a_k = a_1 + Σ_{k=2}^T a_k
                                       Σ_{k,s} = Σ_{k<s} + Σ_{k=s} + Σ_{k>s}

An end of one range is said in terms of what the summand reads (x at the summed time is at 2 or
later), so that it can cut every other sum whose summand reads the same, and a single term too.
What is cut stays equal to what it was, whatever the cuts: they only decide what is found equal.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any

from . import poly as p
from .canon import canonical, canonical_lam, closure
from .chains import KINDS, length, rewritten
from .poly import TIME, Factor, Ix, Lin, Mono, Number, Poly
from .quotients import divided, without_indicators
from .ranges import STEP, Range, follows, negated
from .simplify import size

MOST = 150  # monomials; beyond it the question is given up
ROUNDS = 4
LONG = 60  # rewritings of the products of one cell

Label = tuple[Any, ...]  # a place of a summand that a time stands in
Cut = tuple[tuple[Label, ...], Lin]  # a form in the times at those places, named by position


def in_cells(q: Poly) -> Poly:
    """The polynomial with every range of times cut into cells, and its products in plain form."""
    terms = frozenset(_terms(q))
    for _ in range(ROUNDS):
        before, q = q, canonical(_once(q, terms.union(_ends(q))))
        if not q or q == before:
            break
    return q


def hides(q: Poly) -> bool:
    """Whether there is anything here that has several forms for one value."""
    kinds = {f.kind for m in q for f, _ in m.factors}
    if kinds & {"ge", *KINDS} or any(f.kind == "pow" and e < 0 for m in q for f, e in m.factors):
        return True
    nested = [dict(lam.poly) for m in q for f, _ in m.factors for lam in f.nested]
    inner = {f.kind for r in nested for m in r for f, _ in m.factors}
    return bool(inner & {"onehot", "delta"}) or any(map(hides, nested))


def _once(q: Poly, cuts: frozenset[Cut]) -> Poly:
    """Arguments first: their sums are cut at the ends that any argument has."""
    inside: Poly = {}
    for m, c in q.items():
        p.accumulate(
            inside, {Mono(m.bound, tuple((_inside(f, cuts), e) for f, e in m.factors)): 1}, c
        )
    out: Poly = {}
    for mono, c in canonical(inside).items():
        for m, n in _cells(p.refreshed(mono), cuts).items():
            p.accumulate(out, {m: n}, c)
            if len(out) > MOST:
                return q
    return out


def _inside(f: Factor, cuts: frozenset[Cut]) -> Factor:
    lams = []
    for lam in f.nested:
        poly = dict(lam.poly)
        lams.append(canonical_lam(lam.params, _once(poly, cuts)) if hides(poly) else lam)
    return f._replace(nested=tuple(lams)) if lams else f


def _ends(q: Poly) -> Iterator[Cut]:
    """The ends of all ranges, those in arguments too."""
    for m in q:
        yield from _cuts(m)
        for f, _ in m.factors:
            for lam in f.nested:
                yield from _ends(dict(lam.poly))


def _terms(q: Poly) -> Iterator[Cut]:
    """The times of single terms whose like is summed elsewhere."""
    summed = {label for m in q for label, x in _places(m) if m.bound & {s for s, _ in x.terms}}
    for m in q:
        for label, x in _places(m):
            if label in summed and not any(isinstance(s, Ix) for s, _ in x.terms):
                for sign in (1, -1):
                    yield (label,), p.lin_add(Lin(0, ((_named(0), sign),)), x, -sign)
        for f, _ in m.factors:
            for lam in f.nested:
                yield from _terms(dict(lam.poly))


def _split(m: Mono) -> tuple[Range, tuple[tuple[Factor, Number], ...]]:
    """The range of the times and what is summed."""
    forms = frozenset(f.times[0] for f, _ in m.factors if f.kind == "ge")
    return forms, tuple(pair for pair in m.factors if pair[0].kind != "ge")


# -- where ranges end, in terms of what is read


def _places(m: Mono) -> list[tuple[Label, Lin]]:
    """The times that a summand reads, each with its place."""
    found: list[tuple[Label, Lin]] = []

    def look(pairs: Iterable[tuple[Factor, Any]], way: Label, hidden: frozenset[Ix]) -> None:
        for f, _ in pairs:
            if f.kind == "ge":
                continue
            here = (*way, f.kind, f.name)
            for n, x in enumerate(f.times):
                if not hidden & {s for s, _ in x.terms}:
                    found.append(((*here, n), x))
            for lam in f.nested:
                for inner, _ in lam.poly:
                    look(inner.factors, here, hidden | set(lam.params) | inner.bound)

    look(m.factors, (), frozenset())
    return list(dict.fromkeys(found))


def _cuts(m: Mono) -> Iterator[Cut]:
    """Every end of a range in the monomial, in terms of the places its times stand in."""
    forms, rest = _split(m)
    places = _places(m)
    ends = {*forms, *(p.lin_add(length(f), Lin(-1)) for f, _ in rest if f.kind in KINDS)}
    for form in ends:
        times = [s for s, _ in form.terms if s in m.bound]
        for choice in itertools.product(*(_anchors(k, m, places) for k in times)):
            names = {}
            for n, (k, (_, read)) in enumerate(zip(times, choice, strict=True)):
                sign = dict(read.terms)[k]
                other = p.lin_add(read, Lin(0, ((k, 1),)), -sign)
                # read = sign·k + other, so k = sign·(read − other)
                names[k] = p.lin_add(Lin(0, ((_named(n), sign),)), other, -sign)
            yield tuple(label for label, _ in choice), p.rename_lin(form, names)


def _named(n: int) -> Ix:
    return Ix("at", n, TIME)


def _anchors(k: Ix, m: Mono, places: list[tuple[Label, Lin]]) -> list[tuple[Label, Lin]]:
    """The places where the time is k itself, up to sign and what is not summed."""
    return [
        (label, x)
        for label, x in places
        if dict(x.terms).get(k) in (1, -1)
        and all(s == k or not isinstance(s, Ix) or s not in m.bound for s, _ in x.terms)
    ]


def _forms(m: Mono, cuts: Iterable[Cut]) -> set[Lin]:
    """The cuts that speak about this monomial, in its own times."""
    places: dict[Label, list[Lin]] = {}
    for label, x in _places(m):
        places.setdefault(label, []).append(x)
    out = set()
    for labels, form in cuts:
        for reads in itertools.product(*(places.get(label, ()) for label in labels)):
            names = {_named(n): x for n, x in enumerate(reads)}
            cut = p.rename_lin(form, names)
            if len(cut.terms) < 3 or any(s in m.bound for s, _ in cut.terms):
                out.add(cut)
    own, rest = _split(m)
    ends = (p.lin_add(length(f), Lin(-1)) for f, _ in rest if f.kind in KINDS)
    return {f for f in (*out, *ends) if f.terms and f not in own}


# -- cells


def _cells(m: Mono, cuts: frozenset[Cut]) -> Poly:
    given, rest = _split(m)
    ranges = [given]
    for form in sorted(_forms(m, cuts), key=repr):
        sides = []
        for r in ranges:
            for side in (form, negated(form)):
                if not follows(negated(side), r):
                    sides.append(r | {side})
        ranges = sides
        if len(ranges) > MOST:
            return {m: 1}
    out: Poly = {}
    for r in ranges:
        p.accumulate(out, _cell(m.bound, rest, r), 1)
    return out


def _cell(bound: frozenset[Ix], rest: Any, given: Range) -> Poly:
    """One cell: its range closed, times that are one written once, its products plain."""
    ones = tuple((Factor("ge", "", (form,)), 1) for form in given | STEP)
    q = _met(bound, closure(Mono(bound, ones)), rest)
    for _ in range(LONG):
        done, out = True, dict[Mono, Number]()
        for m, c in q.items():
            new = _plainer(m)
            done = done and new is None
            p.accumulate(out, {m: 1} if new is None else new, c)
        q = out
        if done or len(q) > MOST:
            break
    return q


def _plainer(m: Mono) -> Poly | None:
    for rule in (_counted, lambda m: rewritten(m, _split(m)[0]), divided, without_indicators):
        if (new := rule(m)) is not None:
            return new
    return None


def _counted(m: Mono) -> Poly | None:
    """Σ_{k=lo}^{hi} c = (hi − lo + 1) c, where nothing reads k and its range has two ends."""
    forms, rest = _split(m)
    for k in m.bound:
        mine = {f for f in forms if k in dict(f.terms)}
        others = {s for f in mine for s, _ in f.terms} - {k}
        if k.size != TIME or others & m.bound or any(k in p.free(f) for f, _ in rest):
            continue
        known = forms - mine  # what holds whether there is such a k or not
        below = _tightest({f for f in mine if dict(f.terms)[k] == 1}, known)
        above = _tightest({f for f in mine if dict(f.terms)[k] == -1}, known)
        if below is None or above is None:
            continue
        gap = p.lin_add(below, above)  # (k − lo) + (hi − k)
        if not follows(p.lin_add(gap, Lin(1)), known):
            continue
        number = p.add(p.constant(gap.const + 1), *(p.scale(size(s), c) for s, c in gap.terms))
        kept = tuple((f, e) for f, e in m.factors if f.kind != "ge" or f.times[0] not in mine)
        product = p.mul({Mono(frozenset(), kept): 1}, number)
        left = m.bound - {k}
        return p.bind(product, *left) if left else product
    return None


def _tightest(ends: set[Lin], given: Range) -> Lin | None:
    """The end that all others follow from."""
    for e in sorted(ends, key=repr):
        if all(follows(p.lin_add(f, e, -1), given) for f in ends):
            return e
    return None


def _known(f: Factor) -> bool:
    """Whether a range says no more than that t is a step."""
    return follows(f.times[0], frozenset())


def _met(bound: frozenset[Ix], closed: Any, rest: Any) -> Poly:
    """The summand where the range says that two times are one: t for T, a number for both."""
    forms = {f.times[0] for f, _ in closed}
    names: dict[str, Lin] = {}
    for form in sorted(forms, key=lambda f: (len(f.terms), repr(f))):
        if p.lin_add(Lin(0), form, -1) in forms:
            s, c = max(form.terms, key=lambda term: str(term[0]))
            others = {x for x, _ in form.terms} - {s}
            if not any(isinstance(x, Ix) for x in (s, *others)) and s not in names:
                if not others & set(names) and abs(c) == 1:
                    names[s] = p.lin_add(Lin(0, ((s, 1),)), form, -c)
    kept = tuple(pair for pair in closed if not _known(pair[0]))
    q = p.mul({Mono(frozenset(), kept): 1}, {Mono(frozenset(), rest): 1})
    q = p.at_times(q, names) if names else q
    return p.bind(q, *bound) if bound else q
