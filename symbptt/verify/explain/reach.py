"""Which equations read a quantity, and what it reaches."""

from __future__ import annotations

from ... import matrix as mx
from ...indices.poly import Lin
from ...model import Equation, Model
from .speech import difference


def readers_of(model: Model, by: str, timed: bool) -> list[tuple[Equation, mx.Var]]:
    """The equations on the way to the loss that read a quantity, with what they read."""
    return [
        (e, x)
        for e in model.equations
        for x in dict.fromkeys(mx.variables(e.rhs))
        if x.name == by and bool(x.times) == timed and e.lhs.name in model.reaching_loss
    ]


def in_time(model: Model, e: Equation, at: Lin, last: Lin) -> bool:
    """Whether the value computed at `at` can still change the loss of the step `last`."""
    gap = difference(last, at)
    if gap.terms or gap.const > 0:
        return e.lhs.name != model.loss.step.name and _leads(model, e.lhs.name)
    return gap.const == 0


def _leads(model: Model, name: str) -> bool:
    """Whether a value reaches the steps after its own."""
    todo, seen = [name], set()
    while todo:
        now = todo.pop()
        if now in seen:
            continue
        seen.add(now)
        for e in model.equations:
            for v in mx.variables(e.rhs):
                if v.name == now:
                    if v.times and v.time != mx.t:
                        return True
                    todo.append(e.lhs.name)
    return False


def depends(model: Model, name: str, by: str) -> bool:
    """Whether a quantity depends on `by` within its own step."""
    todo, seen = [name], set()
    while todo:
        now = todo.pop()
        if now == by:
            return True
        if now in seen or now not in model.defined:
            continue
        seen.add(now)
        reads = mx.variables(model.defined[now].rhs)
        todo += [v.name for v in reads if not v.times or v.time == mx.t]
    return False
