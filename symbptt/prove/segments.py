"""The gradient over segments of time, for every T and every segment.

    λ_t = Σ_{s=t}^n u_s P(s,t) + λ_{n+1} P(n+1,t),  by λ_t = u_t + λ_{t+1} J_{t+1} from n down

and, with P(s,m) P(m,t) = P(s,t), it is the λ_t of claim 2 if λ_{n+1} is. Where a state runs from
T to 1 the claims are about its steps counted from T, and the segment ends at its first step m:

    λ_t = Σ_{s=m}^t u_s P(s,t) + λ_{m−1} P(m−1,t)
"""

from __future__ import annotations

from typing import Any

from .. import matrix as mx
from ..indices.lower import lower
from ..model import LOSS, Block, Derivation, Step
from .induction import Claim, J, P, S, T, adjoint, empty_product, left, peel_bottom, right, s, t, u
from .recursions import checked, show
from .roads import Roads, partial, total
from .sweeps import sweeps

HOW = "index notation, every T and every size"
n, m, r = mx.time_symbol("n"), mx.time_symbol("m"), mx.time_symbol("r")
begin, end = mx.time_symbol("begin"), mx.time_symbol("end")  # whatever the derivation calls them
after = mx.Var("λ", (S,), (n + 1,))


def claims() -> list[Step]:
    """What holds for every model."""

    def within(at: Any) -> tuple[mx.Node, mx.Node]:
        return mx.time_sum(u(s) @ P(s, at), s, at, n), after @ P(n + 1, at)

    own, later = within(t)
    at_end, nothing = peel_bottom(mx.time_sum(u(s) @ P(s, n), s, n, n))
    first, rest = peel_bottom(own)
    before = mx.plus(*within(t + 1)) @ J(t + 1)
    joined = mx.time_sum(u(s) @ (P(s, n + 1) @ P(n + 1, t)), s, n + 1, T)
    every = [
        Claim("a segment, base t = n", u(n) + after @ J(n + 1),
              mx.plus(empty_product(at_end, n), nothing,
                      empty_product(left(after @ P(n + 1, n), n + 1, n), n))),
        Claim("a segment, step t+1 → t", u(t) + before,
              mx.plus(empty_product(first, t), right(rest, s, t), right(later, n + 1, t))),
        Claim("products join, base m = t", P(s, t), empty_product(P(s, t) @ P(t, t), t)),
        Claim("products join, step m−1 → m", right(P(s, m - 1), s, m - 1) @ P(m - 1, t),
              P(s, m) @ left(P(m, t), m, t)),
        Claim("all later losses through λ_(n+1), each by P(s,n+1) P(n+1,t) = P(s,t)",
              adjoint(n + 1) @ P(n + 1, t), joined),
    ]  # fmt: skip
    return [c.step(HOW) for c in every]


class Within(Roads):
    """The adjoints within a segment that a derivation must print."""

    def printed(self) -> list[Step]:
        assert self.d.segments is not None
        ends = {self.d.segments.first: begin, self.d.segments.last: end}
        stacks = {b.var: b for b in self.d.blocks}
        steps = []
        for e in self.d.group("segments").equations:
            truth, rhs = self._within(stacks.pop(e.lhs.wrt)), e.rhs.xreplace(ends)
            words = f"{show(e.lhs)} is the sum over its segment, and what comes after it"
            steps.append(
                checked(e, words, HOW, lambda x=rhs, y=truth: [(lower(x), lower(y))])  # type: ignore[misc]
            )
        missing = [f"{show(total(LOSS, v))} within a segment is given" for v in stacks]
        return steps + [Step("", words, False, "", "it is missing") for words in missing]

    def _within(self, b: Block) -> mx.Node:
        rank, slope = b.var.rank, partial(self.steps.lost, b.var)
        onward = b.before == mx.t - 1
        past = end + 1 if onward else begin - 1
        last = mx.contract(total(LOSS, b.var.at(past)), self.product(b, past, mx.t), rank)
        if self.model.loss.over == "last":
            there = slope.xreplace({mx.t: mx.T})
            own = mx.contract(there, self.product(b, mx.T, mx.t), rank)
            return mx.plus(mx.times(mx.Kron(end if onward else mx.t, mx.T), own), last)
        there = mx.times(self.model.loss.weight(), slope).xreplace({mx.t: r})
        body = mx.contract(there, self.product(b, r, mx.t), rank)
        return mx.plus(mx.time_sum(body, r, *((mx.t, end) if onward else (begin, mx.t))), last)


def segments(d: Derivation) -> list[Step]:
    return [*claims(), *Within(d).printed(), *sweeps(d)]
