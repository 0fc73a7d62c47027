"""Ranges of times as linear inequalities: what follows from them, for all whole numbers.

A range is a set of forms, each at least 0. T is at least 1, and the step t is one of 1, …, T.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from functools import lru_cache

from .poly import Lin, lin_add, lin_of

Range = frozenset[Lin]

STEP: Range = frozenset(
    (Lin(-1, (("T", 1),)), Lin(-1, (("t", 1),)), Lin(0, (("T", 1), ("t", -1))))
)  # T ≥ 1, t ≥ 1, T ≥ t


def negated(form: Lin) -> Lin:
    """Not [form ≥ 0]: the numbers are whole, so −form − 1 ≥ 0."""
    return lin_add(Lin(-1), form, -1)


def follows(form: Lin, given: Range) -> bool:
    """Whether form ≥ 0 wherever the given forms are, and t is a step."""
    if not form.terms:
        return form.const >= 0
    return form in given or is_empty(given | STEP | {negated(form)})


@lru_cache(maxsize=100_000)
def is_empty(forms: Range) -> bool:
    """Whether no whole numbers satisfy all forms; yes is always right.

    Fourier's elimination, each form divided by its common factor and its constant rounded down.
    It misses no emptiness where every form is a difference of two times, or of one and a number.
    """
    rest = set(map(_tight, forms))
    while True:
        if any(not f.terms and f.const < 0 for f in rest):
            return True
        rest = _strongest(f for f in rest if f.terms)
        if not rest:
            return False
        names = {s for f in rest for s, _ in f.terms}
        rest = min((_without(s, rest) for s in sorted(names, key=repr)), key=len)
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
