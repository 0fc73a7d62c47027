"""The steps a line speaks about: those at which everything that stands in it exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sympy

from ... import matrix as mx
from ...indices import poly as p
from ...indices.lower import linear
from ...indices.poly import Lin, Poly
from ...model import Model
from .. import surface as s
from ..judge.free_times import FreeTimes
from ..judge.readings import Reading
from ..judge.statement import Statement
from ..naming import Naming

LAST = Lin(0, (("T", 1),))


def limits(q: Poly, reading: Reading, model: Model, naming: Naming) -> set[Lin]:
    """What is at least 0 at each of these steps."""
    statement = reading.statement
    out: set[Lin] = set() if reading.choice.ends else _within_run(statement, model, naming)
    for x in _times_of(statement, naming):
        names = sympy.sympify(x).free_symbols - {mx.T}
        if not names:
            continue
        time = linear(x, {})
        out.add(p.lin_add(LAST, time, -1))
        if len(names) == 1:
            out.add(time)
    for loss, time in _reached(reading, model, naming):
        out.add(p.lin_add(linear(loss, {}), linear(time, {}), -1))
    free = FreeTimes(naming)(statement)
    if mx.t not in free and any("t" in _letters(f.times) for m in q for f, _ in m.factors):
        free = [mx.t, *free]  # δ3 = δ1 + δ2: a line without a time is about each step
    for k in free:
        out.add(Lin(-1, ((str(k), 1),)))
        out.add(p.lin_add(LAST, Lin(0, ((str(k), 1),)), -1))
        if k != mx.t and mx.t in free:
            out.add(Lin(0, tuple(sorted(((str(k), -1), ("t", 1)), key=repr))))
    if statement.last:
        out.add(p.lin_add(Lin(0, (("t", 1),)), LAST, -1))
    return out


def _within_run(statement: Statement, model: Model, naming: Naming) -> set[Lin]:
    """δ_{t+1} ≤ T, where the loss stands at T and a line of its own gives δ_T."""
    if model.loss.over != "last":
        return set()
    letters = [n for n in _free(statement, naming) if isinstance(n, s.Symbol) and n.gradient_like]
    for n in _free(statement, naming):  # and ∂L/∂h_{t+1}
        if isinstance(n, s.Derivative) and n.of is not None:
            of, by = s.bare(n.of), s.bare(n.by)
            if isinstance(of, s.Symbol) and isinstance(by, s.Symbol):
                q = naming.parts(of)
                letters += [by] if q.time is None and q.name not in model.defined else []
    times = [sympy.sympify(naming.parts(x).time or 1) for x in letters]
    return {p.lin_add(LAST, linear(x, {}), -1) for x in times if x.free_symbols - {mx.T}}


def _reached(reading: Reading, model: Model, naming: Naming) -> Iterator[tuple[Any, Any]]:
    """(s, r) of ∂L_s/∂z_r and δ_{s,r}, two steps an unknown number apart: r ≤ s."""
    gradients = reading.choice.gradients
    for n in _free(reading.statement, naming):
        pair: tuple[Any, Any] = (None, None)
        if isinstance(n, s.Derivative) and n.of is not None:
            of, by = s.bare(n.of), s.bare(n.by)
            if isinstance(of, s.Symbol) and isinstance(by, s.Symbol):
                q = naming.parts(of)
                if q.name not in model.defined:
                    pair = q.time, naming.parts(by).time
        elif isinstance(n, s.Symbol):
            q = naming.parts(n)
            if q.second is not None and q.name in gradients:
                first = gradients[q.name].loss_first
                pair = (q.time, q.second) if first else (q.second, q.time)
        loss, time = pair
        if loss is not None and time is not None and sympy.expand(loss - time).free_symbols:
            yield loss, time


def _free(statement: Statement, naming: Naming) -> Iterator[s.Node]:
    """The nodes that no sum or product of the statement moves over the steps."""
    sides = (statement.left, statement.right)
    nodes = [n for side in sides for n in s.walk(side)]
    bound = {
        naming.symbol(b.variable.letter) for n in nodes if isinstance(n, s.Big) for b in n.bounds
    }
    for n in nodes:
        parts = [naming.parts(x) for x in s.symbols(n)]
        times = [x for q in parts for x in (q.time, q.second) if x is not None]
        if not any(sympy.sympify(x).free_symbols & bound for x in times):
            yield n


def _letters(times: Iterable[Lin]) -> set[Any]:
    return {name for time in times for name, _ in time.terms}


def _times_of(statement: Statement, naming: Naming) -> Iterable[Any]:
    """The times of the free (not summed) values of a statement."""
    bound: set[str] = set()
    for side in (statement.left, statement.right):
        for n in s.walk(side):
            if isinstance(n, s.Big):
                bound |= {b.variable.letter for b in n.bounds}
    for side in (statement.left, statement.right):
        for n in s.walk(side):
            if isinstance(n, s.Symbol) and not n.gradient_like:
                time = naming.parts(n).time
                if time is not None and not {str(x) for x in sympy.sympify(time).free_symbols} & (
                    bound | {"next"}
                ):
                    yield time
