"""Ranges of times as linear inequalities: what follows from them, for all whole numbers.

A range is a set of forms, each at least 0. T is at least 1, and the step t is one of 1, …, T.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from .poly import Lin, lin_add, lin_of

Range = frozenset[Lin]

STEP: Range = frozenset(
    (Lin(-1, (("T", 1),)), Lin(-1, (("t", 1),)), Lin(0, (("T", 1), ("t", -1))))
)  # T ≥ 1, t ≥ 1, T ≥ t


def negated(form: Lin) -> Lin:
    """Not [form ≥ 0]: the numbers are whole, so −form − 1 ≥ 0."""
    return lin_add(Lin(-1), form, -1)


def follows(form: Lin, given: Range) -> bool:
    """Whether form ≥ 0 wherever the given forms are, and t is a step; yes is always right.

    It is complete where every form is a difference of two times or of one and a number.
    """
    if not form.terms:
        return form.const >= 0
    if form in given:
        return True
    edges, others = _closed(given)
    ends = difference(form)
    if edges is None or (ends is not None and edges.get(ends[:2], math.inf) <= ends[2]):
        return True
    return bool((others or ends is None) and _is_empty(given | STEP | {negated(form)}))


def implied(form: Lin, given: Range) -> bool:
    """Whether form ≥ 0 wherever the given forms are, whatever t and T are; yes is always right."""
    return _is_empty(given | {negated(form)})


@lru_cache(maxsize=20_000)
def _closed(given: Range) -> tuple[dict | None, bool]:
    """The least c of every x − y + c ≥ 0 that follows, None of an empty range; and whether
    there are forms of another kind."""
    edges: dict[tuple[Any, Any], int] = {}
    others = False
    for form in given | STEP:
        ends = difference(form)
        if ends is None:
            others = True
        else:
            x, y, c = ends
            edges[x, y] = min(edges.get((x, y), c), c)
    nodes = {n for pair in edges for n in pair}
    for m in nodes:
        into = [(a, c) for (a, b), c in edges.items() if b == m]
        out = [(b, c) for (a, b), c in edges.items() if a == m]
        for a, c in into:
            for b, d in out:
                if edges.get((a, b), math.inf) > c + d:
                    edges[a, b] = c + d
    if any(a == b and c < 0 for (a, b), c in edges.items()):
        return None, others
    return edges, others


def difference(form: Lin) -> tuple[Any, Any, Any] | None:
    """(x, y, c) of a form x − y + c, where one of x, y may be "0"."""
    plus = [s for s, c in form.terms if c == 1]
    minus = [s for s, c in form.terms if c == -1]
    if len(plus) + len(minus) != len(form.terms) or len(plus) > 1 or len(minus) > 1:
        return None
    return (plus or ["0"])[0], (minus or ["0"])[0], form.const


@lru_cache(maxsize=20_000)
def _is_empty(forms: Range) -> bool:
    """Whether no whole numbers satisfy all forms; yes is always right.

    Fourier's elimination, each form divided by its common factor and its constant rounded down.
    """
    rest = set(map(_tight, forms))
    while True:
        if any(not f.terms and f.const < 0 for f in rest):
            return True
        rest = _strongest(f for f in rest if f.terms)
        if not rest:
            return False
        rest = _without(min((s for f in rest for s, _ in f.terms), key=repr), rest)
        if len(rest) > 200:  # not met in a formula of a person
            return False


def _without(s: object, forms: set[Lin]) -> set[Lin]:
    out = {f for f in forms if s not in dict(f.terms)}
    above = [(f, dict(f.terms)[s]) for f in forms if dict(f.terms).get(s, 0) > 0]
    below = [(f, -dict(f.terms)[s]) for f in forms if dict(f.terms).get(s, 0) < 0]
    for f, a in above:
        for g, b in below:
            scaled = lin_add(lin_add(Lin(0), f, b), g, a)
            out.add(_tight(scaled))
    return out


def _tight(form: Lin) -> Lin:
    common = math.gcd(*(c for _, c in form.terms)) if form.terms else 1
    if common == 1:
        return form
    return lin_of(form.const // common, {s: c // common for s, c in form.terms})


def _strongest(forms: Iterable[Lin]) -> set[Lin]:
    """Of forms that differ in their constants only, the least."""
    least: dict[tuple, int] = {}
    for f in forms:
        least[f.terms] = min(least.get(f.terms, f.const), f.const)
    return {Lin(c, terms) for terms, c in least.items()}
