"""What makes equations a recurrent model: each name is computed before it is read.

Within one time step the equations are run from top to bottom; only a state reaches back.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lark import Token, Tree

from .. import matrix as mx
from ..errors import ModelError, Place
from ..model import Declaration, Equation, lag_of, scheduled
from .elaborate import Elaborator
from .scope import Scope

_ONE = r"([^\W\d]\w*?)\s*(?:\[\s*t\s*\]|_t|_\{t\})"
_DEFINES = re.compile(rf"\s*({_ONE}(?:\s*,\s*{_ONE})*)\s*=(.*)")
_READS = re.compile(r"([^\W\d]\w*?)(?:\[\s*t\s*\]|_t\b|_\{t\})")

# Operations that stand in derivations, and not in the equations of a step.
_DERIVED = (
    mx.Deriv,
    mx.CallDeriv,
    mx.Contract,
    mx.Element,
    mx.Kron,
    mx.MatPow,
    mx.TimeProd,
    mx.TimeSum,
)


def names_in(tree: Tree) -> Iterator[Token]:
    """Every name in a tree, whose leaves are tokens, and None for a bound that is left out."""
    return tree.scan_values(lambda v: isinstance(v, Token) and v.type == "NAME")


@dataclass(frozen=True)
class Later:
    """Which names the lines of a text compute, and what they read at t: for messages only."""

    reads: Mapping[str, frozenset[str]]

    @staticmethod
    def of(lines: Iterable[str]) -> Later:
        found = filter(None, map(_DEFINES.match, lines))
        return Later(
            {
                name: frozenset(_READS.findall(m[4]))
                for m in found
                for name in re.findall(_ONE, m[1])
            }
        )

    def check(self, name: str, right: Any, e: Elaborator) -> None:
        """Refuse a name that only a later line computes, and one that its own line computes."""
        for token in names_in(right):
            word = e.scope.split(str(token))[0]
            if e.scope.known(word) is not None:
                continue
            word = re.sub(r"_(t|\{t\})$", "", word)
            if word == name:
                raise ModelError(
                    f"{name}[t] is computed from itself at the same time",
                    f"{name}[t-1], with `state {name}[t] : …` declared",
                    e.locate(token),
                )
            if word in self.reads:
                raise _order_error(word, name, self.reaches(word, name), e.locate(token))

    def reaches(self, start: str, goal: str) -> bool:
        """Whether `start` is computed, at the same t, from `goal`."""
        seen: set[str] = set()
        frontier = {start}
        while frontier:
            seen |= frontier
            frontier = {r for n in frontier for r in self.reads.get(n, ())} - seen
        return goal in seen


def _order_error(name: str, reader: str, cycle: bool, place: Place | None) -> ModelError:
    if cycle:
        return ModelError(
            f"{name}[t] and {reader}[t] depend on each other within one time step",
            f"{name}[t-1] in one of the two equations",
            place,
        )
    return ModelError(
        f"{name}[t] is used before it is defined",
        f"the equation of {name}[t] above this line, or {name}[t-1]",
        place,
    )


def find(right: Any, name: str, e: Elaborator) -> Place | None:
    """The first token that names `name`."""
    for token in names_in(right):
        if e.scope.split(str(token))[0] == name:
            return e.locate(token)
    return e.locate(right)


def check_equation(name: str, rhs: mx.Node, e: Elaborator, right: Any) -> None:
    """An equation of a step reads inputs at t and states at t or before, and no derivative."""
    for kind in _DERIVED:
        if rhs.has(kind):
            raise ModelError(
                "derivatives, entries and sums over time do not stand in a model's equations",
                "arrays at t and states at t-1, as in `h[t] = tanh(W @ h[t-1])`",
                e.locate(right),
            )
    for var in mx.variables(rhs):
        d = e.scope.declarations.get(var.name)
        if d is None:
            raise ModelError(
                "the total loss is not known within a step", "l[t]", find(right, var.name, e)
            )
        place = find(right, var.name, e)
        if d.timed:
            _check_time(var, d, place)
        if var.name == name and not lag_of(var):
            raise ModelError(
                f"{name}[t] is computed from itself at the same time", f"{name}[t-1]", place
            )


def _check_time(var: mx.Var, d: Declaration, place: Place | None) -> None:
    lag = mx.t - var.time
    if not lag.is_Integer:
        raise ModelError(
            f"{var.name} is read at {var.time}",
            f"{var.name}[t-1]" if d.role == "state" else f"{var.name}[t]",
            place,
        )
    if d.reversed and lag not in (0, -1):
        raise ModelError(
            f"{var.name} runs from T to 1, and is read at {var.time}",
            f"{var.name}[t] or {var.name}[t+1]",
            place,
        )
    if lag < 0 and not d.reversed:
        raise ModelError(
            f"{var.name} is read at {var.time}, which is still to come",
            f"{var.name}[t] or {var.name}[t-1]" if d.role == "state" else f"{var.name}[t]",
            place,
        )
    if lag and d.role != "state":
        shape = ", ".join(map(str, d.shape))
        raise ModelError(
            f"{var.name} is read at {var.time}, and only a state reaches back",
            f"state {var.name}[t] : {shape}" if d.role == "variable" else f"{var.name}[t]",
            place,
        )


def check_recurrence(
    scope: Scope, equations: Sequence[Equation], reads: Mapping[tuple[str, str], Place | None]
) -> None:
    """Every state has a recurrence, and nothing is read at t before its own line.

    `reads` says where the equation of one name reads another.
    """
    computed = {e.lhs.name for e in equations}
    for d in scope.declarations.values():
        if d.role in ("state", "variable") and d.name not in computed:
            recurrence = d.role == "state"
            raise ModelError(
                f"the state {d.name} has no recurrence"
                if recurrence
                else f"{d.name} is declared and never computed",
                f"an equation {d.name}[t] = …" + f" that reads {d.name}[t-1]" * recurrence,
                d.place,
            )
        if d.role == "state":
            _check_state(d, equations)
    _check_directions(scope, equations)
    order = [e.lhs.name for e in equations]
    for n, e in enumerate(equations):
        for v in mx.variables(e.rhs):
            if v.times and not lag_of(v) and v.name in order and order.index(v.name) >= n:
                cycle = Later({q.lhs.name: _now(q) for q in equations}).reaches(v.name, e.lhs.name)
                raise _order_error(v.name, e.lhs.name, cycle, reads[e.lhs.name, v.name])


def _check_directions(scope: Scope, equations: Sequence[Equation]) -> None:
    """No pass over time reads itself both at t − 1 and at t + 1."""
    for group, ahead in scheduled(equations, lambda e: e.lhs.name, mx.variables):
        names = {e.lhs.name for e in group}
        if not any(scope.declarations[n].reversed for n in names):
            continue
        back = [v.name for e in group for v in mx.variables(e.rhs) if lag_of(v) > 0]
        back = [n for n in back if n in names]
        if ahead and back:
            both = sorted(n for n in names if scope.declarations[n].reversed)[0]
            raise ModelError(
                f"{back[0]}[t-1] and {both}[t+1] wait for each other",
                "states of opposite directions that do not read each other",
                scope.declarations[both].place,
            )


def _now(e: Equation) -> frozenset[str]:
    return frozenset(v.name for v in mx.variables(e.rhs) if v.times and not lag_of(v))


def _check_state(d: Declaration, equations: Sequence[Equation]) -> None:
    reads = (v for e in equations for v in mx.variables(e.rhs) if v.name == d.name)
    if not any(lag_of(v) for v in reads):
        before = f"{d.name}[t+1]" if d.reversed else f"{d.name}[t-1]"
        raise ModelError(
            f"the state {d.name} has no recurrence: nothing reads {before}",
            f"{before} in some equation, or no `state` line for {d.name}",
            d.place,
        )
