"""Which instructions are alike, and which may pass which to meet them: one that is moved passes
none that touches what it reads or writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from sympy import default_sort_key, expand

from .draft import overlap
from .program import Instruction, Ref

Body = list[Instruction]


def index(body: Body, i: Instruction) -> int:
    return next(n for n, x in enumerate(body) if x is i)


def put(body: Body, members: Body, at: int, *new: Instruction) -> Body:
    """The body with the members gone and the new ones at the place of one of them."""
    out: Body = []
    for n, x in enumerate(body):
        if n == at:
            out += new
        if not any(x is m for m in members):
            out.append(x)
    return out


def meeting(body: Body, members: Body, commuting: Ref | None = None) -> int | None:
    """The place of a member where all can stand: that of the first, or of the last."""
    places = sorted(index(body, m) for m in members)
    for at in (places[0], places[-1]):
        between = [
            (m, x)
            for m in members
            for n, x in enumerate(body)
            if min(at, index(body, m)) < n < max(at, index(body, m))
            and not any(x is y for y in members)
        ]
        if not any(_in_the_way(x, m, commuting) for m, x in between):
            return at
    return None


def _in_the_way(x: Instruction, m: Instruction, commuting: Ref | None) -> bool:
    """Whether m may not pass x. Sums into `commuting` may be taken in any order."""
    if commuting is not None and x.op in ("add", "subtract") and x.out == commuting == x.args[0]:
        return any(overlap(x.out, a) for a in m.args if isinstance(a, Ref) and a != commuting)
    touched = [a for a in (*x.args, x.out) if isinstance(a, Ref)]
    read = [a for a in m.args if isinstance(a, Ref)]
    return any(overlap(m.out, a) for a in touched) or any(overlap(x.out, a) for a in read)


def adding(body: Sequence[Instruction], i: Instruction) -> Body:
    """The one instruction that reads a product and adds it to a sum."""
    made = replace(i.out, flat=False)
    readers = [x for x in body if any(_plain(a) == made for a in x.args)]
    if len(readers) != 1 or readers[0].op != "add":
        return []
    x = readers[0]
    return [x] if x.out == x.args[0] and _plain(x.args[1]) == made != x.out else []


def _plain(a: Any) -> Any:
    return replace(a, flat=False) if isinstance(a, Ref) else a


def summand(body: Body, i: Instruction) -> Ref:
    """What a product is a summand of: the sum it is added to, or its own place."""
    return next((replace(x.out, flat=False) for x in adding(body, i)), replace(i.out, flat=False))


def grouped(body: Body, key: Callable[[Instruction], Any]) -> list[Body]:
    """The instructions that have a key in common, two or more."""
    groups: dict[Any, Body] = {}
    for i in body:
        k = key(i)
        if k is not None:
            groups.setdefault(k, []).append(i)
    return [g for g in groups.values() if len(g) > 1]


def runs(group: Body, place: Callable[[Instruction], Any]) -> list[Body]:
    """The members of a group whose places follow on each other, two or more."""
    if all(place(i) is None for i in group):
        return [group] if len(group) > 1 else []
    group = sorted((i for i in group if place(i)), key=lambda i: default_sort_key(place(i)[0]))
    left, found = list(group), []
    while left:
        run = [left.pop(0)]
        while follow := [i for i in left if expand(place(i)[0] - place(run[-1])[1]) == 0]:
            run.append(follow[0])
            left.remove(follow[0])
        while before := [i for i in left if expand(place(i)[1] - place(run[0])[0]) == 0]:
            run.insert(0, before[0])
            left.remove(before[0])
        if len(run) > 1:
            found.append(run)
    return found
