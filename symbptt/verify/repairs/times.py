"""Edits of times: an index, all indices, the bounds of a sum or product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import sympy

from ... import matrix as mx
from .. import surface as s
from ..judge.statement import Statement
from ..meaning.times import shifted
from ..write import plain
from .everywhere import everywhere
from .vocabulary import Vocabulary


def index(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    if not isinstance(node, s.Symbol):
        return
    q = v.naming.parts(node)
    if q.time is None:
        return
    for by in (-1, 1):
        moved = v.at(node, q.time + by)
        if moved != node:
            word = "early" if by > 0 else "late"
            yield "M10", f"{plain(node)} is one step too {word}", moved
    d = v.system.model.table.get(v.names.get(q.name, ""))
    if d is not None and d.reversed and sympy.expand(q.time - mx.t).is_Integer:
        mirrored = v.at(node, 2 * mx.t - q.time)  # its past is what comes after
        if mirrored != node:
            yield "M10", f"{plain(node)} should be {plain(mirrored)}", mirrored
    for name in sorted(v.naming.names - {"m~"}):
        symbol = v.naming.symbol(name)
        free = sympy.sympify(q.time).free_symbols
        if len(free) == 1 and symbol not in free:
            moved = v.at(node, q.time.xreplace({next(iter(free)): symbol}))
            yield "M10", f"the index of {plain(node)} should be {name}", moved


def numbered(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """A step written as a number where the author has a letter."""
    time = v.naming.parts(node).time if isinstance(node, s.Symbol) else None
    if time is not None and sympy.sympify(time).free_symbols:
        for number in (2, 3, 1, 0):
            words = f"the index of {plain(node)} should be {number}"
            yield "M30", words, v.at(node, sympy.Integer(number))


def unsummed(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    """Σ over a step that the right side speaks of and the left does not: of all, or in Σ_t."""
    free = v.judge.ground.free_times
    left = [str(t) for t in free(Statement(statement.left, statement.left))]
    for k in map(str, free(Statement(statement.right, statement.right))):
        if k in left or v.names.get(k, k) in v.system.model.sizes:
            continue
        words = f"the sum over {k} is missing"
        for summed in _summed(v, statement.right, k, left):
            yield "M12", words, replace(statement, right=summed)

        def change(node: s.Node, k: str = k) -> Iterator[tuple[str, str, s.Node]]:
            if isinstance(node, s.Big) and node.operator == "sum":
                for body in _summed(v, node.body, k, [b.variable.letter for b in node.bounds]):
                    yield "M12", "", replace(node, body=body)

        for code, _, inside in everywhere(statement.right, change):
            yield code, words, replace(statement, right=inside)


def _summed(v: Vocabulary, body: s.Node, k: str, steps: list[str]) -> Iterator[s.Node]:
    """Σ over all k, over those up to a step, and over those from it on."""
    one, last = s.Number("1"), s.Symbol(v.naming.horizon or "T")
    ranges: list[tuple[s.Node, s.Node]] = [(one, last)]
    for step in steps:
        ranges += [(one, s.Symbol(step)), (s.Symbol(step), last)]
    for low, high in ranges:
        yield s.Big("sum", (s.Bound(s.Symbol(k), low, high),), body)


def unsummed_rows(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    """Σ_n [R]_{n,:} over the rows of a batch, one for each sequence."""
    batch = mx.size("N")
    if not any(d.timed and d.shape[:1] == (batch,) for d in v.system.model.declarations):
        return
    n = s.Symbol("n")
    rows = s.Entry(s.Group(statement.right, "["), (n, s.Everything()))
    summed = s.Big("sum", (s.Bound(n, s.Number("1"), s.Symbol("N")),), rows)
    yield "M12", "the sum over the batch is missing", replace(statement, right=summed)


def _beside(end: s.Node, by: str) -> s.Node:
    """One more, or one less: 1 for 2 − 1, t for t + 1 − 1, and t − 1."""
    if isinstance(end, s.Number) and end.text.isdigit():
        return s.Number(str(int(end.text) + (1 if by == "+" else -1)))
    match end:
        case s.Sum((first, s.Number("1")), ("+", sign)) if sign != by:
            return first
    return s.Sum((end, s.Number("1")), ("+", by))


def by_one(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """Bounds that begin or end one step too early or too late."""
    if not isinstance(node, s.Big):
        return
    what = "sum" if node.operator == "sum" else "product"
    for n, b in enumerate(node.bounds):
        for end in ("lower", "upper"):
            old = getattr(b, end)
            for sign in ("+", "-") if old is not None else ():
                new = _beside(old, sign)
                moved = replace(b, lower=new) if end == "lower" else replace(b, upper=new)
                bounds = (*node.bounds[:n], moved, *node.bounds[n + 1 :])
                yield "M13", f"the {what} has the wrong bounds", replace(node, bounds=bounds)
        if b.lower is not None and b.upper is not None:
            for sign in ("+", "-"):
                moved = replace(b, lower=_beside(b.lower, sign), upper=_beside(b.upper, sign))
                bounds = (*node.bounds[:n], moved, *node.bounds[n + 1 :])
                words = f"the {what} runs one step too {'early' if sign == '+' else 'late'}"
                yield "M13", words, replace(node, bounds=bounds)


def global_index(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    """Every t of the right side read as i, and shifted as a whole."""
    names = sorted(v.naming.names - {"m~"})
    for a in names:
        for b in names:
            if a != b:
                new = shifted(statement.right, v.naming.symbol(a), v.naming.symbol(b), v.naming)
                if new != statement.right:
                    yield (
                        "M10",
                        f"the index {a} on the right should be {b}",
                        replace(statement, right=new),
                    )
    for by in (-1, 1):
        new = shifted(statement.right, mx.t, mx.t + by, v.naming)
        if new != statement.right:
            yield "M10", "the right side is off by one step", replace(statement, right=new)


def bound(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    if not isinstance(node, s.Big):
        return
    what = "sum" if node.operator == "sum" else "product"
    letters = sorted(v.naming.names - {"m~"} | {v.naming.horizon or "T"})
    for n, b in enumerate(node.bounds):
        for end in ("lower", "upper"):
            old = getattr(b, end)
            if old is None:
                continue
            options: list[s.Node] = []
            for by in ("+", "-"):
                options.append(_beside(old, by))
            options += [s.Number("1"), *(s.Symbol(x) for x in letters)]
            for new in options:
                bound = replace(b, lower=new) if end == "lower" else replace(b, upper=new)
                bounds = (*node.bounds[:n], bound, *node.bounds[n + 1 :])
                yield "M13", f"the {what} has the wrong bounds", replace(node, bounds=bounds)
        if b.lower is not None and b.upper is not None:
            for low in (s.Number("1"), *(s.Symbol(x) for x in letters)):
                for high in (s.Symbol(x) for x in letters):
                    bound = replace(b, lower=low, upper=high)
                    bounds = (*node.bounds[:n], bound, *node.bounds[n + 1 :])
                    yield (
                        "M13",
                        f"the {what} runs over the wrong range",
                        replace(node, bounds=bounds),
                    )
