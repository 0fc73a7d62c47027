"""Two models of which most equations are the same: which name is which, and what is then wrong.

A text with a slip in its forward equations is still about its model: the equations that are the
same under some assignment say what most letters are, and what is left over in the others is what
is left over in the model, where there is one way to pair it.

    a_t = W x_{t−1} + U u_t + b,  x_t = σ(a_t)
    and a = W_hh h[t-1] + W_xh x + b_h,  h = tanh(a):
    a, W, U, u, b by the first equation; x is h, which the first reads; and σ is then wrong
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from .. import matrix as mx
from ..model import Declaration, Equation, Model

MOST = 48  # assignments of the letters of one equation that are tried

Pairs = dict[str, str]


def nearly(own: Model, given: Model, fixed: Mapping[str, str], same: Any) -> Pairs | None:
    """Names of `own` -> names of `given`, where at least half of the equations are the same.

    `same(pairs, e, f, own, given)` decides whether equation e of `own` is f of `given` under
    those names.
    """
    mine = [e for e in own.equations if e.lhs.name != own.loss.step.name]
    theirs = [e for e in given.equations if e.lhs.name != given.loss.step.name]
    if len(own.states) > len(given.states) or len(mine) < 2:
        return None
    options = [_options(e, theirs, own, given, fixed, same) for e in mine]
    most, best = max(_united(options, {}, itertools.count()), key=lambda x: x[0])
    if 2 * most < len(mine):
        return None
    best = {**best, **{n: m for n, m in fixed.items() if n not in best and m not in best.values()}}
    return _left_over(best, mine, theirs, own, given)


def _options(
    e: Equation, theirs: list[Equation], own: Model, given: Model, fixed: Mapping[str, str],
    same: Any,
) -> list[Pairs]:  # fmt: skip
    """The names under which an equation is one of the other model."""
    out: list[Pairs] = []
    for f in theirs:
        names, others = _names(e), _names(f)
        if len(names) != len(others) or e.lhs.rank != f.lhs.rank:
            continue
        for pairs in itertools.islice(_assignments(names, others, own, given, fixed), MOST):
            if pairs[e.lhs.name] == f.lhs.name and same(pairs, e, f, own, given):
                out.append(pairs)
    return out


def _names(e: Equation) -> list[str]:
    return list(dict.fromkeys(v.name for v in (e.lhs, *mx.variables(e.rhs))))


def _assignments(
    names: list[str], others: list[str], own: Model, given: Model, fixed: Mapping[str, str]
) -> Iterator[Pairs]:
    if not names:
        yield {}
        return
    name, *rest = names
    for m in [fixed[name]] if name in fixed else others:
        if m in others and _alike(own.table[name], given.table[m]):
            left = [x for x in others if x != m]
            for pairs in _assignments(rest, left, own, given, fixed):
                yield {name: m, **pairs}


def _alike(a: Declaration, b: Declaration) -> bool:
    return _kind(a) == _kind(b) and len(a.shape) == len(b.shape)


def _kind(d: Declaration) -> str:
    """A wrong equation may make a state of what is none; what is computed is still computed."""
    return {"state": "computed", "variable": "computed", "hyper": "param"}.get(d.role, d.role)


def _united(
    options: list[list[Pairs]], pairs: Pairs, tried: Iterator[int]
) -> Iterator[tuple[int, Pairs]]:
    """(how many equations are the same, under which names), for each choice that is consistent."""
    if not options or next(tried) > MOST * MOST:
        yield 0, pairs
        return
    for more in options[0]:
        both = {**pairs, **more}
        if all(both[n] == m for n, m in pairs.items()) and len({*both.values()}) == len(both):
            yield from ((n + 1, x) for n, x in _united(options[1:], both, tried))
    yield from _united(options[1:], pairs, tried)


def _left_over(
    pairs: Pairs, mine: list[Equation], theirs: list[Equation], own: Model, given: Model
) -> Pairs:
    """With the letters of the equations that differ: what they define, then what they read."""
    out = dict(pairs)

    def pair(a: list[str], b: list[str]) -> None:
        a = [n for n in dict.fromkeys(a) if n not in out and n in own.table]
        b = [n for n in dict.fromkeys(b) if n not in out.values()]
        for n in a:
            like = [m for m in b if _alike(own.table[n], given.table[m])]
            rivals = [x for x in a if any(_alike(own.table[x], given.table[m]) for m in like)]
            if len(like) == len(rivals) == 1:
                out[n] = like[0]

    pair([e.lhs.name for e in mine], [f.lhs.name for f in theirs])
    for e in mine:
        f = next((f for f in theirs if f.lhs.name == out.get(e.lhs.name)), None)
        if f is None or set(_names(e)) <= set(out):
            continue
        out |= _by_neighbours(out, e, f, own, given)
        pair(_names(e), _names(f))
    return out


def _by_neighbours(pairs: Pairs, e: Equation, f: Equation, own: Model, given: Model) -> Pairs:
    """The parameters of e as those of f that stand beside the same values: W of W h, not U."""
    free = [n for n in _names(e) if n not in pairs and not own.table[n].timed]
    others = [m for m in _names(f) if m not in pairs.values() and not given.table[m].timed]
    beside = {n: {pairs.get(x, x) for x in near} for n, near in _beside(e.rhs).items()}
    there = _beside(f.rhs)
    near = {
        n: [m for m in others if _alike(own.table[n], given.table[m])
            and beside.get(n, set()) & there.get(m, set())]
        for n in free
    }  # fmt: skip
    count = Counter(m for found in near.values() for m in found)
    return {n: m for n, (m,) in ((n, x) for n, x in near.items() if len(x) == 1) if count[m] == 1}


def _beside(e: Any) -> dict[str, set[str]]:
    """For each parameter, the values of a step that stand in one product with it."""
    out: dict[str, set[str]] = {}

    def walk(x: Any) -> None:
        if isinstance(x, mx.Plus | mx.Apply):
            for y in x.args:
                if isinstance(y, mx.Node):
                    walk(y)
            return
        read = list(mx.variables(x))
        for v in read:
            if not v.times:
                out.setdefault(v.name, set()).update(w.name for w in read if w.times)

    walk(e)
    return out
