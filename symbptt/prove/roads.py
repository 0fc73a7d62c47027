"""The claims of `induction` for one model: its J, B and u, and the closed forms it printed.

For a model of one state with lag one the block state is that state, J_t = ∂h_t/∂h_{t−1}
through the step's own intermediates, B_t = ∂h_t/∂θ and u_t = ∂l_t/∂h_t.
"""

from __future__ import annotations

from typing import Any

from .. import matrix as mx
from ..errors import ModelError
from ..indices import jacobian
from ..indices import poly as p
from ..indices.lower import lower
from ..model import LOSS, Derivation, Equation, Step
from .induction import matrix_power
from .recursions import INDEXWISE, checked, partial_step, pulled, show, split


class Roads:
    """The step function of the only state, and what its recursions must say."""

    def __init__(self, d: Derivation):
        self.d, self.model = d, d.model
        self.state = d.model.states[0].var(mx.t)
        self.before = self.state.at(mx.t - 1)
        self.step = d.model.unfold(self.state)
        self.loss = d.model.unfold(d.model.loss.step, keep=[self.state])

    def eliminated(self, expr: mx.Node) -> mx.Node:
        """dL/dw of every intermediate w replaced by its own recursion."""
        while True:
            names = {
                x: self._recursion(x)
                for x in expr.atoms(mx.Deriv)
                if x.total and x.wrt.name != self.state.name and x.wrt.times
            }
            if not names:
                return expr
            expr = expr.xreplace(names)

    def _recursion(self, x: mx.Deriv) -> mx.Node:
        return mx.shift(self._stated(x.wrt).rhs, x.wrt.time - mx.t)

    def _stated(self, v: mx.Var) -> Equation:
        if v.name not in self.d.adjoint:
            raise ModelError(f"dL/d{show(v)} has no recursion")
        return self.d.adjoint[v.name]

    def block(self) -> Step:
        """The state's recursion is λ_t = u_t + λ_{t+1} J_{t+1}."""
        e = self._stated(self.state)
        later = mx.t + 1

        def decide() -> Any:
            weight = lower(self.model.loss.weight(), ())
            u = p.mul(weight, jacobian(self.loss, self.state))
            ct = mx.derivative(LOSS, self.state.at(later), total=True)
            step = mx.shift(self.step, 1)
            carried = pulled(ct, jacobian(step, self.state))
            rhs = self.eliminated(e.rhs)
            keep = [self.state]
            yield lower(self.model.unfold(rhs, keep, (mx.t, later))), p.add(u, carried)

        claim = f"λ_t = {show(e.lhs)} obeys λ_t = u_t + λ_(t+1) J_(t+1)"
        return checked(e, claim, INDEXWISE, decide)

    def jacobians(self) -> list[Step]:
        """The printed step Jacobians."""
        steps = []
        for e in self.d.group("jacobian").equations:
            of = split(e.lhs)[1].of
            rhs, keep = (self.step, []) if of == self.state else (self.loss, [self.state])
            steps.append(partial_step(self.d, e, rhs, keep, "of the step"))
        return steps

    def sensitivity(self) -> list[Step]:
        steps = []
        for e in self.d.group("sensitivity").equations:
            words = "is S_t = B_t + J_t S_(t−1)"
            if e.lhs.of == LOSS:
                words = "is Σ u_t S_t"
            elif e.lhs.of.time == 0:
                words = "is S_0 = 0"
            steps.append(_equal(e, self._expected(e), words, "claims 1 and 3"))
        return steps

    def _expected(self, e: Equation) -> mx.Node:
        of, wrt = e.lhs.of, e.lhs.wrt
        if of == LOSS:
            return self._forward(wrt)
        if of.time == 0:
            return mx.zeros(e.lhs.shape)
        then = mx.derivative(self.before, wrt, total=True)
        carried = mx.contract(self.partial(self.state, self.before), then, self.state.rank)
        return mx.plus(self.partial(self.state, wrt), carried)

    def partial(self, of: mx.Var, wrt: mx.Var) -> mx.Node:
        return mx.derivative(of, wrt, total=False)

    def _sum(self, body: mx.Node) -> mx.Node:
        return mx.time_sum(mx.times(self.model.loss.weight(), body), mx.t, 1, mx.T)

    def _forward(self, wrt: mx.Var) -> mx.Node:
        """Σ_t (∂l_t/∂θ + u_t S_t)."""
        s = mx.derivative(self.state, wrt, total=True)
        return self._both(wrt, s)

    def _both(self, wrt: mx.Var, s: mx.Node) -> mx.Node:
        l, terms = self.model.loss.step, []
        if wrt in mx.variables(self.loss):
            terms.append(self.partial(l, wrt))
        if wrt in mx.variables(self.step):
            terms.append(mx.contract(self.partial(l, self.state), s, self.state.rank))
        return self._sum(mx.plus(*terms)) if terms else mx.zeros(wrt.shape)

    def closed(self) -> list[Step]:
        """The printed closed forms are the right sides of claims 1 and 2."""
        steps = []
        for e in self.d.group("closed").equations:
            if e.rhs.has(mx.MatPow):
                steps += self._powers(e)
            elif e.lhs.wrt == self.state:
                steps.append(_equal(e, self._adjoint_closed(), "is Σ u_s P(s,t)", "claim 2"))
            else:
                truth = self._gradient_closed(e.lhs.wrt)
                steps.append(_equal(e, truth, "is Σ u_t P(t,k) B_k", "claims 1 and 3"))
        return steps

    def product(self, lo: Any, hi: Any) -> mx.Node:
        m = mx.time_symbol("m")
        j = self.partial(self.state, self.before).xreplace({mx.t: m})
        return mx.TimeProd(j, m, lo + 1, hi)

    def _adjoint_closed(self) -> mx.Node:
        r = mx.time_symbol("r")
        u = self.partial(self.model.loss.step, self.state)
        if self.model.loss.over == "last":  # the only loss is that of T, and t ≤ T
            at_end = u.xreplace({mx.t: mx.T})
            return mx.contract(at_end, self.product(mx.t, mx.T), self.state.rank)
        u = mx.times(self.model.loss.weight(), u).xreplace({mx.t: r})
        body = mx.contract(u, self.product(mx.t, r), self.state.rank)
        return mx.time_sum(body, r, mx.t, mx.T)

    def _gradient_closed(self, wrt: mx.Var) -> mx.Node:
        q = mx.time_symbol("q")
        b = self.partial(self.state, wrt).xreplace({mx.t: q})
        body = mx.contract(self.product(q, mx.t), b, self.state.rank)
        return self._both(wrt, mx.time_sum(body, q, 1, mx.t))

    def _powers(self, e: Equation) -> list[Step]:
        """The matrix-power form: A is Jᵀ, u the immediate part of the recursion."""
        i = e.rhs.args[1]
        power = next(iter(e.rhs.atoms(mx.MatPow)))
        before = self.before.at(mx.t - 1)

        def decide() -> Any:
            if not (isinstance(e.rhs, mx.TimeSum) and isinstance(e.rhs.args[0], mx.MatMul)):
                raise ModelError("it is not a sum of powers times immediate gradients")
            jac = jacobian(self.step, before)
            n = self.state.rank
            assert n == 1
            transposed = mx.transpose(power.args[0])
            yield lower(transposed), jac
            weight = lower(self.model.loss.weight(), ())
            u = p.mul(weight, jacobian(self.loss, self.state))
            at = mx.T + mx.t - i
            _, immediate = e.rhs.args[0].args
            now = immediate.xreplace({i: mx.T})
            yield (
                lower(self.model.unfold(self.eliminated(now), [self.state])),
                u,
            )
            yield lower(immediate), lower(now.xreplace({mx.t: at}))
            yield (
                lower(e.rhs),
                lower(
                    mx.time_sum(
                        mx.matmul(mx.MatPow(power.args[0], mx.T - i), immediate), i, mx.t, mx.T
                    )
                ),
            )

        own = checked(e, "A is Jᵀ and u_t the immediate loss gradient", INDEXWISE, decide)
        general = [Step(e.label, x.claim, x.ok, x.how, x.detail) for x in matrix_power()]
        return [own, *general]


def _equal(e: Equation, truth: mx.Node, words: str, how: str) -> Step:
    return checked(e, f"{show(e.lhs)} {words}", how, lambda: [(lower(e.rhs), lower(truth))])
