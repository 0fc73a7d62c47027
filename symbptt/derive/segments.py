"""The gradient over segments of time: what lies past a segment enters as one adjoint.

λ_t = Σ_{s=t}^n u_s P(s,t) + λ_{n+1} P(n+1,t)     n the last step of t's segment
"""

from __future__ import annotations

from typing import Any

import sympy

from .. import matrix as mx
from ..model import LOSS, Block, Equation, Group
from .blocks import Step
from .online import formula
from .recursions import BACKWARD, Deriver
from .roads import Road, partial, total


def segments(d: Deriver, blocks: tuple[Block, ...]) -> Group:
    """The adjoint within a segment, and what the segments cost: symbolic in T and every size."""
    road = Road(d, Step(d.model, frozenset(d.live)), blocks)
    (n,) = road._times("n")
    out = [_within(road, b, n) for b in blocks]
    count = sum((sympy.Mul(*v.shape) for b in blocks for v in b.parts), start=sympy.Integer(0))
    text = (
        f"{n.name} is the last step of t's segment of √T steps. Only the state before each segment "
        f"is kept, {formula(count)} numbers √T times; the rest of a segment is computed once more, "
        "from there, when its turn comes on the way back. Nothing is left out: the gradient is the "
        "full one, a sum over the segments."
    )
    text = " ".join((text, *road.words()))
    return Group("segments", "Within a segment", text, tuple(out))


def _within(road: Road, b: Block, n: Any) -> Equation:
    """dL/ds_t from the losses of its segment, and from the adjoint of the step after it."""
    loss, rank = road.d.model.loss, b.var.rank
    (s,) = road._times("s")
    u = partial(road.lost, b.var)
    if loss.over == "last":
        at_end = u.xreplace({mx.t: mx.T})
        own = mx.times(mx.Kron(n, mx.T), mx.contract(at_end, road.product(b, mx.T, mx.t), rank))
    else:
        body = mx.contract(u.xreplace({mx.t: s}), road.product(b, s, mx.t), rank)
        own = mx.times(loss.weight(), mx.time_sum(body, s, mx.t, n))
    later = mx.contract(total(LOSS, b.var.at(n + 1)), road.product(b, n + 1, mx.t), rank)
    return Equation(road.d.label(), total(LOSS, b.var), mx.plus(own, later), BACKWARD)
