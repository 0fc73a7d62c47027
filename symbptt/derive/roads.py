"""The forward road and the closed form, in terms of the steps' Jacobians.

dv_t/dθ = ∂v_t/∂θ + Σ over the states w that v reads of  ∂v_t/∂w_{t-j} · dw_{t-j}/dθ
dL/dθ   = Σ_{t=1}^T (∂l_t/∂θ + Σ_{k=1}^t ∂l_t/∂s_t · ∏_{j=k+1}^t ∂s_j/∂s_{j-1} · ∂s_k/∂θ)

s_t is the block state: the only state, or the stack of several.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from .. import matrix as mx
from ..model import LOSS, Block, Equation, Group, lag_of
from ..show import show_expression
from .blocks import Step
from .jacobians import as_matrix
from .recursions import BACKWARD, FORWARD, Deriver


def through_time(d: Deriver) -> tuple[list[Group], tuple[Block, ...]]:
    """Step Jacobians, sensitivities and the closed form, and the blocks it is written in.

    A model without states has none of them; one whose states run both ways in time and read each
    other has no closed form.
    """
    step = Step(d.model, frozenset(d.live))
    if not step.states:
        return [], ()
    road = Road(d, step, step.blocks())
    groups = [road.jacobians(), road.sensitivity(), *([road.closed()] if road.blocks else [])]
    return groups, road.blocks


def partial(of: mx.Var, wrt: mx.Var) -> mx.Deriv:
    return mx.derivative(of, wrt, total=False)


def total(of: mx.Var, wrt: mx.Var) -> mx.Deriv:
    return mx.derivative(of, wrt, total=True)


@dataclass(frozen=True)
class Road:
    """The recursions of one model's step."""

    d: Deriver
    step: Step
    blocks: tuple[Block, ...]

    @property
    def lost(self) -> mx.Var:
        return self.d.model.loss.step

    @property
    def params(self) -> list[mx.Var]:
        return [p.var() for p in self.d.model.params]

    def has(self, of: mx.Var, wrt: mx.Var) -> bool:
        return wrt in mx.variables(self.step.sides[of])

    def jacobians(self) -> Group:
        """∂ through the step's own intermediates, the states it reads held fixed."""
        out = []
        for of in (*self.step.states, self.lost):
            wanted = [*self.step.reads(of), *(p for p in self.params if self.has(of, p))]
            out += [self.d.local(self.step.sides[of], of, wrt) for wrt in wanted]
        names = ", ".join(map(show_expression, (*self.step.states, self.lost)))
        text = (
            f"Immediate partials of {names}, each as a function of the states it reads, the input "
            "and the parameters: through the step's intermediates, those states held fixed."
        )
        return Group("jacobian", "Step Jacobians", text, tuple(out))

    # -- the forward road

    def sensitivity(self) -> Group:
        out = []
        for p in self.params:
            reached = self.step.reached(p)
            out += [self._sensitivity(v, p, reached) for v in reached]
            out += [self._start(x, p) for v in reached for x in self._starts(v)]
        out += [self._forward_gradient(p) for p in self.params]
        text = "The same gradient, carried along with the states: real-time recurrent learning."
        return Group("sensitivity", "Total derivatives, forward in time", text, tuple(out))

    def _sensitivity(self, v: mx.Var, p: mx.Var, reached: Iterable[mx.Var]) -> Equation:
        terms = [partial(v, p)] if self.has(v, p) else []
        terms += self._carried(v, p, {x.name for x in reached})
        when = FORWARD if self.step.direction(v) > 0 else BACKWARD
        return Equation(self.d.label(), total(v, p), mx.plus(*terms), when)

    def _carried(self, of: mx.Var, p: mx.Var, names: set[str]) -> list[mx.Node]:
        reads = [x for x in self.step.reads(of) if x.name in names]
        return [mx.contract(partial(of, x), total(x, p), x.rank) for x in reads]

    def _starts(self, v: mx.Var) -> list[mx.Var]:
        """The times before the first step at which v is read."""
        way = self.step.direction(v)
        readers = (*self.step.states, self.lost)
        lags = [way * lag_of(x) for w in readers for x in self.step.reads(w) if x.name == v.name]
        return [v.at(1 - j if way > 0 else mx.T + j) for j in range(1, max(lags, default=0) + 1)]

    def _start(self, v: mx.Var, p: mx.Var) -> Equation:
        start = total(v, p)
        return Equation(self.d.label(), start, mx.zeros(start.shape))

    def _forward_gradient(self, p: mx.Var) -> Equation:
        terms = [partial(self.lost, p)] if self.has(self.lost, p) else []
        terms += self._carried(self.lost, p, {x.name for x in self.step.reached(p)})
        rhs = self._weighted(mx.plus(*terms)) if terms else mx.zeros(p.shape)
        return Equation(self.d.label(), total(LOSS, p), rhs)

    def _weighted(self, body: mx.Node) -> mx.Node:
        """Σ_t weight · body, for the way this model's loss adds up over time."""
        loss = self.d.model.loss
        if loss.over == "last":
            return body.xreplace({mx.t: mx.T})
        return mx.times(loss.weight(), mx.time_sum(body, mx.t, 1, mx.T))

    # -- the closed form

    def closed(self) -> Group:
        """Sums of products of Jacobians, with nothing recursive left."""
        out = [self._adjoint(b) for b in self.blocks]
        out += [self._closed_gradient(p) for p in self.params]
        out += filter(None, (self._matrix_power(b) for b in self.blocks))
        text = " ".join(self.words())
        return Group("closed", "Closed form", text, tuple(out))

    def words(self) -> Iterator[str]:
        yield "∏ multiplies from the latest step on the left; an empty product is the identity."
        for b in self.blocks:
            s, held = show_expression(b.var), ""
            if b.is_stacked:
                yield from self.stack(b)
                yield from self._parts(b)
                held = f", which holds the other parts of {s} fixed"
            where = f"For {b.var.name}, " if len(self.blocks) > 1 else ""
            yield f"{where}λ_t of the proof is dL/d{s}{held}."

    def stack(self, b: Block) -> Iterator[str]:
        """What a stacked block is, and what a state that reads another of its step adds to rows."""
        s, parts = show_expression(b.var), ", ".join(map(show_expression, b.parts))
        yield f"{s} = ({parts}), stacked into one vector."
        for w, readers in self._same_step(b):
            for v in readers:
                row, slope, column = map(show_expression, (v, partial(v, w), w))
                yield f"In ∂{s} the rows of {row} add {slope} times the rows of {column}."

    def _parts(self, b: Block) -> Iterator[str]:
        """What it means for dL/ds_t."""
        s = show_expression(b.var)
        for w, readers in self._same_step(b):
            pulled = [mx.contract(total(LOSS, v), partial(v, w), v.rank) for v in readers]
            less = " − ".join(map(show_expression, (total(LOSS, w), *pulled)))
            yield f"The part of dL/d{s} for {show_expression(w)} is {less}."

    def _same_step(self, b: Block) -> Iterator[tuple[mx.Var, list[mx.Var]]]:
        """(a state, the states that read it in its own step)."""
        for w in b.parts:
            readers = [v for v in self.step.states if w in self.step.reads(v) and w.time == v.time]
            if readers:
                yield w, readers

    def _adjoint(self, b: Block) -> Equation:
        """dL/ds_t, for one block."""
        loss = self.d.model.loss
        (s,) = self._times("s")
        u = partial(self.lost, b.var).xreplace({mx.t: s})
        body = mx.contract(u, self.product(b, s, mx.t), b.var.rank)
        if loss.over == "last":
            rhs: mx.Node = body.xreplace({s: mx.T})
            if not onward(b):
                rhs = mx.times(mx.Kron(mx.t, mx.T), rhs)
        else:
            lo, hi = (mx.t, mx.T) if onward(b) else (1, mx.t)
            rhs = mx.times(loss.weight(), mx.time_sum(body, s, lo, hi))
        return Equation(self.d.label(), total(LOSS, b.var), rhs, FORWARD)

    def product(self, b: Block, to: Any, start: Any, *factors: mx.Node) -> mx.Node:
        """∂s_to/∂s_start, the product of the step Jacobians between the two, each times factors."""
        (j,) = self._times("j")
        jac = partial(b.var, b.var.at(b.before))
        jac = mx.times(*factors, jac) if factors else jac
        if onward(b):
            return mx.TimeProd(jac.xreplace({mx.t: j}), j, start + 1, to)
        return mx.TimeProd(jac.xreplace({mx.t: start - j}), j, 1, start - to)

    def _times(self, *wanted: str) -> list[Any]:
        """Names for bound times: each its own, and none that the derivation uses otherwise."""
        used = {*self.d.model.table, *(b.var.name for b in self.blocks)}
        spare = (n for n in chain("irpqu", (f"i{n}" for n in count(1))) if n not in used)
        chosen: dict[str, str] = {}
        for n in "kjsnmi":
            chosen[n] = n if n not in {*used, *chosen.values()} else next(spare)
        return [mx.time_symbol(chosen[n]) for n in wanted]

    def _closed_gradient(self, p: mx.Var) -> Equation:
        terms = [partial(self.lost, p)] if self.has(self.lost, p) else []
        reached = set(self.step.reached(p))
        for b in self.blocks:
            if reached & set(b.parts):
                terms.append(self._through(b, p))
        rhs = self._weighted(mx.plus(*terms)) if terms else mx.zeros(p.shape)
        return Equation(self.d.label(), total(LOSS, p), rhs)

    def _through(self, b: Block, p: mx.Var) -> mx.Node:
        """Σ_k u_t P(t,k) B_k of one block."""
        (k,) = self._times("k")
        rank = b.var.rank
        u = mx.contract(partial(self.lost, b.var), self.product(b, mx.t, k), rank)
        body = mx.contract(u, partial(b.var, p).xreplace({mx.t: k}), rank)
        return mx.time_sum(body, k, *((1, mx.t) if onward(b) else (mx.t, mx.T)))

    def _matrix_power(self, b: Block) -> Equation | None:
        """Where the step Jacobian does not change with time its products are powers."""
        loss, before = self.d.model.loss, b.var.at(b.before)
        if b.is_stacked or b.var.rank != 1 or loss.over == "last" or not onward(b):
            return None
        if not self.has(b.var, before):
            return None
        matrix = as_matrix(self.step.sides[b.var], before)
        if matrix is None or any(v.times for v in mx.variables(matrix)):
            return None
        (i,) = self._times("i")
        now = [x for x in self.d.reads(b.var.name) if not x.lag]
        u = mx.plus(*(self.d.pulled(x) for x in now)).xreplace({mx.t: mx.T + mx.t - i})
        body = mx.matmul(mx.MatPow(matrix.T, mx.T - i), u)
        return Equation(
            self.d.label(),
            total(LOSS, b.var),
            mx.time_sum(body, i, mx.t, mx.T),
            FORWARD,
            "the step Jacobian is the same at every step, so its products are powers",
        )


def onward(b: Block) -> bool:
    """Whether a block runs from 1 to T."""
    return bool(b.before == mx.t - 1)
