"""The gradient over segments of time: what lies past a segment enters as one adjoint.

    λ_t = Σ_{s=t}^n u_s P(s,t) + λ_{n+1} P(n+1,t)     n the last step of t's segment
    λ_t = Σ_{s=m}^t u_s P(s,t) + λ_{m−1} P(m−1,t)     m the first, where a state runs from T to 1

and the sweeps over the segments that find what enters each one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import sympy

from .. import matrix as mx
from ..model import LOSS, Block, Equation, Group, Segments
from .blocks import Step
from .online import formula
from .recursions import BACKWARD, FORWARD, Deriver
from .roads import Road, onward, partial, total
from .sweeps import Sweeping


def segments(d: Deriver, adjoint: Group, blocks: tuple[Block, ...]) -> tuple[Group, Segments]:
    """The adjoint in a segment, the sweeps, and what they cost: symbolic in T and every size."""
    road = Road(d, Step(d.model, frozenset(d.live)), blocks)
    first, last = road._times("m", "n")
    sweeping = Sweeping(d.model, adjoint.equations)
    found = Segments(first, last, sweeping.sweeps())
    text = " ".join((*_words(d, found, sweeping), *(road.words() if blocks else ())))
    within = tuple(_within(road, b, found) for b in blocks)
    return Group("segments", "Within a segment", text, within), found


def _within(road: Road, b: Block, segments: Segments) -> Equation:
    """dL/ds_t from the losses of its segment, and from the adjoint of the step past its end."""
    loss, rank, lost = road.d.model.loss, b.var.rank, road.lost
    (s,) = road._times("s")
    forward = onward(b)
    past = segments.last + 1 if forward else segments.first - 1
    u = partial(lost, b.var)
    if loss.over == "last":
        at_end = u.xreplace({mx.t: mx.T})
        last = segments.last if forward else mx.t
        own = mx.times(mx.Kron(last, mx.T), mx.contract(at_end, road.product(b, mx.T, mx.t), rank))
    else:
        body = mx.contract(u.xreplace({mx.t: s}), road.product(b, s, mx.t), rank)
        ends = (mx.t, segments.last) if forward else (segments.first, mx.t)
        own = mx.times(loss.weight(), mx.time_sum(body, s, *ends))
    later = mx.contract(total(LOSS, b.var.at(past)), road.product(b, past, mx.t), rank)
    when = BACKWARD if forward else FORWARD
    return Equation(road.d.label(), total(LOSS, b.var), mx.plus(own, later), when)


def _words(d: Deriver, segments: Segments, sweeping: Sweeping) -> Iterator[str]:
    """The ends of a segment, the sweeps in order, their memory, and their cost by count."""
    show = mx.notation["unicode"]
    names = []
    if d.model.is_two_way:
        yield f"{segments.first.name} is the first step of t's segment of √T steps,"
        yield f"{segments.last.name} the last."
    else:
        yield f"{segments.last.name} is the last step of t's segment of √T steps."
    for sweep in segments.sweeps:
        way = "the last segment to the first" if sweep.backward else "the first segment to the last"
        names.append(f"from {way} with {_listed(map(show, sweep.carried))}")
    yield f"Sweeps go over the segments and carry what crosses their ends: {'; '.join(names)}."
    count = sum((_numbers(d, x) for w in segments.sweeps[:-1] for x in w.carried),
                start=sympy.Integer(0))  # fmt: skip
    yield f"Whatever enters a segment is kept there, {formula(count)} numbers √T times, but for"
    yield "what the last sweep carries. The rest of a segment is computed again, from there, in"
    yield f"every sweep that needs it: per step {', '.join(_counts(segments, sweeping))}."
    yield "The gradients come with the last sweep. Nothing is left out: each is the full one, a"
    yield "sum over the segments."


def _numbers(d: Deriver, carried: mx.Node) -> Any:
    """How many numbers of a state, or of its adjoint, cross the end of a segment."""
    v = carried.wrt if isinstance(carried, mx.Deriv) else carried
    return d.model.lag(v.name) * sympy.Mul(*v.shape)


def _counts(segments: Segments, sweeping: Sweeping) -> Iterator[str]:
    """How often each value is computed, those computed most first."""
    times = Counter(x for sweep in segments.sweeps[:-1] for x in sweeping.computed(sweep))
    often: dict[int, list[str]] = {}
    for x in sweeping.right:
        often.setdefault(times[x] + 1, []).append(mx.notation["unicode"](x))
    for n in sorted(often, reverse=True):
        if n == 1:
            yield "the rest once"
        else:
            yield f"{_listed(often[n])} {'twice' if n == 2 else f'{n} times'}"


def _listed(items: Any) -> str:
    *rest, last = items
    return f"{', '.join(rest)} and {last}" if rest else last
