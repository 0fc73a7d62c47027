"""The forward road and the closed form of a model with one state, read one step back.

dh_t/dθ = ∂h_t/∂θ + ∂h_t/∂h_{t-1} · dh_{t-1}/dθ,  dh_0/dθ = 0
dL/dθ   = Σ_{t=1}^T Σ_{k=1}^t ∂l_t/∂h_t · ∏_{j=k+1}^t ∂h_j/∂h_{j-1} · ∂h_k/∂θ
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import matrix as mx
from ..model import LOSS, Equation, Group
from ..show import show_expression
from .jacobians import as_matrix
from .recursions import FORWARD, Deriver


def through_time(d: Deriver) -> list[Group]:
    """Step Jacobians, sensitivities and the closed form; none for several states or lags."""
    states = d.model.states
    if len(states) != 1 or d.model.lag(states[0].name) != 1:
        return []
    state = states[0].var(mx.t)
    before = state.at(mx.t - 1)
    loss = d.model.unfold(d.model.loss.step, keep=[state])
    if before in mx.variables(loss):
        return []
    road = Road(d, state, before, d.model.unfold(state), loss)
    return [road.jacobians(), road.sensitivity(), road.closed()]


@dataclass(frozen=True)
class Road:
    """The one-state recursions in terms of step Jacobians."""

    d: Deriver
    state: mx.Var
    before: mx.Var
    step: mx.Node
    loss: mx.Node

    @property
    def params(self) -> list[mx.Var]:
        return [p.var() for p in self.d.model.params]

    def recurrent(self) -> list[mx.Var]:
        return [p for p in self.params if p in mx.variables(self.step)]

    def jacobians(self) -> Group:
        """∂ through the step's own intermediates, the previous state held fixed."""
        out = []
        l = self.d.model.loss.step
        pairs = [(self.step, self.state, self.before)]
        pairs += [(self.step, self.state, p) for p in self.recurrent()]
        pairs += [(self.loss, l, self.state)]
        pairs += [(self.loss, l, p) for p in self.params if p in mx.variables(self.loss)]
        for rhs, of, wrt in pairs:
            out.append(self.d.local(rhs, of, wrt))
        text = (
            f"Immediate partials: {show_expression(self.state)} as a function of "
            f"{show_expression(self.before)}, the input and "
            "the parameters; the loss of the step as a function of its state."
        )
        return Group("jacobian", "Step Jacobians", text, tuple(out))

    def partial(self, of: mx.Var, wrt: mx.Var) -> mx.Deriv:
        return mx.derivative(of, wrt, total=False)

    def sensitivity(self) -> Group:
        out = []
        for p in self.recurrent():
            now, then = (mx.derivative(s, p, total=True) for s in (self.state, self.before))
            carried = mx.contract(self.partial(self.state, self.before), then, self.state.rank)
            rhs = mx.plus(self.partial(self.state, p), carried)
            out.append(Equation(self.d.label(), now, rhs, FORWARD))
            start = mx.derivative(self.state.at(0), p, total=True)
            out.append(Equation(self.d.label(), start, mx.zeros(start.shape)))
        for p in self.params:
            out.append(self._forward_gradient(p))
        text = "The same gradient, carried forward: real-time recurrent learning."
        return Group("sensitivity", "Total derivatives, forward in time", text, tuple(out))

    def _weighted(self, body: mx.Node) -> mx.Node:
        """Σ_t weight · body, for the way this model's loss adds up over time."""
        loss = self.d.model.loss
        if loss.over == "last":
            return body.xreplace({mx.t: mx.T})
        return mx.times(loss.weight(), mx.time_sum(body, mx.t, 1, mx.T))

    def _forward_gradient(self, p: mx.Var) -> Equation:
        l = self.d.model.loss.step
        terms = []
        if p in mx.variables(self.loss):
            terms.append(self.partial(l, p))
        if p in self.recurrent():
            s = mx.derivative(self.state, p, total=True)
            terms.append(mx.contract(self.partial(l, self.state), s, self.state.rank))
        lhs = mx.derivative(LOSS, p, total=True)
        rhs = self._weighted(mx.plus(*terms)) if terms else mx.zeros(p.shape)
        return Equation(self.d.label(), lhs, rhs)

    def closed(self) -> Group:
        """Sums of products of Jacobians, with nothing recursive left."""
        out = []
        l = self.d.model.loss.step
        k, j, s = self._times("k", "j", "s")
        step = self.partial(self.state, self.before)

        def product(lo: Any, hi: Any) -> mx.Node:
            return mx.TimeProd(step.xreplace({mx.t: j}), j, lo + 1, hi)

        lam = mx.contract(
            self.partial(l, self.state).xreplace({mx.t: s}), product(mx.t, s), self.state.rank
        )
        out.append(
            Equation(
                self.d.label(),
                mx.derivative(LOSS, self.state, total=True),
                self._from_t(lam, s),
                FORWARD,
            )
        )
        for p in self.params:
            out.append(self._closed_gradient(p, k, product))
        power = self._matrix_power()
        text = "∏ multiplies from the latest step on the left; an empty product is the identity."
        return Group("closed", "Closed form", text, (*out, power) if power else tuple(out))

    def _times(self, *wanted: str) -> list[Any]:
        """Names for bound times that the model does not use for something else."""
        free = [n for n in "kjsirmnpqu" if n not in self.d.model.table]
        chosen = [n for n in wanted if n in free]
        rest = [n for n in free if n not in wanted]
        return [mx.time_symbol(n if n in chosen else rest.pop(0)) for n in wanted]

    def _from_t(self, body: mx.Node, s: Any) -> mx.Node:
        loss = self.d.model.loss
        if loss.over == "last":
            return body.xreplace({s: mx.T})
        return mx.times(loss.weight(), mx.time_sum(body, s, mx.t, mx.T))

    def _closed_gradient(self, p: mx.Var, k: Any, product: Any) -> Equation:
        l = self.d.model.loss.step
        terms = []
        if p in mx.variables(self.loss):
            terms.append(self.partial(l, p))
        if p in self.recurrent():
            u = mx.contract(self.partial(l, self.state), product(k, mx.t), self.state.rank)
            b = self.partial(self.state, p).xreplace({mx.t: k})
            terms.append(mx.time_sum(mx.contract(u, b, self.state.rank), k, 1, mx.t))
        lhs = mx.derivative(LOSS, p, total=True)
        rhs = self._weighted(mx.plus(*terms)) if terms else mx.zeros(p.shape)
        return Equation(self.d.label(), lhs, rhs)

    def _matrix_power(self) -> Equation | None:
        """Where the step Jacobian does not change with time its products are powers."""
        if self.state.rank != 1 or self.d.model.loss.over == "last":
            return None
        matrix = as_matrix(self.step, self.before)
        if matrix is None or any(v.times for v in mx.variables(matrix)):
            return None
        (i,) = self._times("i")
        now = [x for x in self.d.reads(self.state.name) if not x.lag]
        u = mx.plus(*(self.d.pulled(x) for x in now)).xreplace({mx.t: mx.T + mx.t - i})
        body = mx.matmul(mx.MatPow(matrix.T, mx.T - i), u)
        return Equation(
            self.d.label(),
            mx.derivative(LOSS, self.state, total=True),
            mx.time_sum(body, i, mx.t, mx.T),
            FORWARD,
            "the step Jacobian is the same at every step, so its products are powers",
        )
