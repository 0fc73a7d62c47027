"""That the sweeps over the segments find everything, by what each recursion reads.

A value that a recursion reads at another step stands beyond the segment at one of its ends. It
must have been carried there: by an earlier sweep, which kept it, or by this one, which then has
to come from that side. What is left of a recursion once such values are given is the recursion
itself, so the gradient is the full one for every T and every length of a segment.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .. import matrix as mx
from ..model import LOSS, Derivation, Equation, Step, Sweep, lag_of
from .recursions import show

HOW = "what the equations read"


@dataclass(frozen=True)
class Read:
    """A value that is read, and whose value at another step comes in at an end with it, if any."""

    value: mx.Node
    carrier: mx.Node | None = None


def sweeps(d: Derivation) -> list[Step]:
    """Each sweep can be made, goes the right way, and the last one has everything."""
    assert d.segments is not None
    right = {e.lhs: e for e in (*d.model.equations, *d.adjoint.values())}
    reads = {x: list(_reads(d, e)) for x, e in right.items()}
    steps, known = [], set[mx.Node]()
    for number, sweep in enumerate(d.segments.sweeps, 1):
        given = known | set(sweep.carried)
        lacking = set(sweep.carried) - _within_reach(reads, given)
        wrong = [x for x in sweep.carried if _runs_back(d, x) != sweep.backward]
        again = known & set(sweep.carried)
        bad = [f"{show(x)} reads what no sweep has found yet" for x in lacking]
        bad += [f"{show(x)} goes the other way" for x in wrong]
        bad += [f"{show(x)} was found before" for x in again]
        claim = f"sweep {number}, {_words(sweep)}, reads what is kept or carried, and no more"
        steps.append(Step("", claim, not bad, HOW, "; ".join(sorted(bad))))
        known = given
    short = sorted(show(x) for x in set(reads) - _within_reach(reads, known))
    claim = "in the last sweep every value and every adjoint of a segment is known"
    return [*steps, Step("", claim, not short, HOW, ", ".join(short))]


def _words(sweep: Sweep) -> str:
    way = "last segment to first" if sweep.backward else "first segment to last"
    return f"{way} with {', '.join(map(show, sweep.carried))}"


def _runs_back(d: Derivation, x: mx.Node) -> bool:
    """Whether a recursion takes its value from a later step, by the equations themselves."""
    name = x.wrt.name if isinstance(x, mx.Deriv) else x.name
    lags = [lag_of(v) for e in d.model.equations for v in mx.variables(e.rhs) if v.name == name]
    return any(lag < 0 for lag in lags) != isinstance(x, mx.Deriv)


def _reads(d: Derivation, e: Equation) -> Iterator[Read]:
    """What a recursion reads within a segment, and what must be carried to its end for that."""
    if not isinstance(e.lhs, mx.Deriv):
        yield from _of_states(d, e.rhs)
        return
    for term in e.rhs.args if isinstance(e.rhs, mx.Plus) else (e.rhs,):
        adjoints = [x.wrt for x in term.atoms(mx.Deriv)]
        lags = {lag_of(v) for v in adjoints}
        carrier = e.lhs if lags - {0} else None  # the term is what a neighbour gives to this one
        for v in adjoints:
            yield Read(mx.derivative(LOSS, v.at(mx.t), total=True), carrier)
        here = mx.shift(term, lags.pop()) if len(lags) == 1 else term
        yield from _of_states(d, here)


def _of_states(d: Derivation, expr: mx.Node) -> Iterator[Read]:
    for v in mx.variables(expr):
        if v.name in d.model.defined:
            now = v.at(mx.t)
            yield Read(now, now if lag_of(v) else None)


def _within_reach(reads: dict[mx.Node, list[Read]], given: Iterable[mx.Node]) -> set[mx.Node]:
    """The values of a segment that can be computed once `given` is known at its ends."""
    found, at_ends = set(reads), set(given)
    while True:
        short = {
            x for x in found
            if any(r.value not in found or (r.carrier and r.carrier not in at_ends)
                   for r in reads[x])
        }  # fmt: skip
        if not short:
            return found
        found -= short
