"""The claims of `induction` for one model: its blocks, its J, B and u, and its closed forms.

The states that run one way in time are stacked into s_t. With A_t the partials of the
states by states of the same step, and C_t those by the block before, B_t by a parameter:

    ds_t = A_t ds_t + C_t ds_{t-1} + B_t dθ,   J_t = (I − A_t)⁻¹ C_t,   ∂s_t/∂θ = (I − A_t)⁻¹ B_t

A_t is strictly triangular in the order of the step, so the inverse is a finite sum. The
recursions of the derivation are those of μ_t = dL/d(states), and λ_t = μ_t (I − A_t).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .. import matrix as mx
from ..errors import ModelError
from ..indices import jacobian
from ..indices import poly as p
from ..indices.lower import lower
from ..model import LOSS, Block, Derivation, Equation, Step, lag_of
from .induction import matrix_power
from .recursions import INDEXWISE, checked, pulled, show, split
from .steps import Steps


def partial(of: mx.Var, wrt: mx.Var) -> mx.Deriv:
    return mx.derivative(of, wrt, total=False)


def total(of: mx.Var, wrt: mx.Var) -> mx.Deriv:
    return mx.derivative(of, wrt, total=True)


class Roads:
    """The step functions of the states, and what the recursions of a derivation must say."""

    def __init__(self, d: Derivation):
        self.d, self.model = d, d.model
        self.steps = Steps(d.model)

    # -- the blocks and their Jacobians

    def blocks(self) -> list[Step]:
        """Each block is a function of the block before, and no state is left out."""
        found = []
        stated = {v for b in self.d.blocks for v in b.parts}
        for b in self.d.blocks:
            way = 1 if b.before == mx.t - 1 else -1
            size = sum((_count(v) for v in b.parts), start=mx.as_node(0).value)
            fits = b.parts == (b.var,) or b.var.shape == (size,)
            ok = fits and set(b.parts) == self.steps.needed(way)
            parts = ", ".join(map(show, b.parts))
            at = show(b.var.at(b.before))
            claim = f"{show(b.var)} = ({parts}) is a function of {at} and its input, and l_t of it"
            found.append(Step("", claim, ok, "what the equations read"))
        claim = "every state is in one block, and no block reads another"
        whole = {v for v in stated if v.time == mx.t} == set(self.steps.states)
        apart = whole and not list(self.steps.crossing())
        found.append(Step("", claim, apart, "what the equations read"))
        return found

    def jacobians(self) -> list[Step]:
        """The printed step Jacobians, none missing."""
        steps, wanted = [], set(self._partials())
        for e in self.d.group("jacobian").equations:
            x = split(e.lhs)[1]
            steps.append(self._step_partial(e, *split(e.lhs)))
            wanted.discard(x)
        missing = sorted(map(show, wanted))
        return steps + [Step("", f"{x} is given", False, "", "it is missing") for x in missing]

    def _step_partial(self, e: Equation, ct: mx.Node | None, x: mx.Deriv) -> Step:
        def decide(joints: bool) -> Any:
            kept = self.steps.kept(self.steps.arguments(x.of), (mx.t,), joints)
            truth = self.steps.partial(x.of, x.wrt, kept, (mx.t,))
            value = lower(self.model.unfold(e.rhs, kept))
            yield value, truth if ct is None else pulled(ct, truth)

        return _either(e, f"{show(x)} of the step", decide)

    def _partials(self) -> Iterator[mx.Deriv]:
        params = [x.var() for x in self.model.params]
        for v, side in self.steps.side.items():
            read = mx.variables(side)
            yield from (partial(v, x) for x in self.steps.arguments(v))
            yield from (partial(v, x) for x in params if x in read)

    # -- the backward road

    def eliminated(self, expr: mx.Node) -> mx.Node:
        """dL/dw of every intermediate w replaced by its own recursion."""
        states = {v.name for v in self.steps.states}
        while True:
            names = {
                x: self._recursion(x)
                for x in expr.atoms(mx.Deriv)
                if x.total and x.wrt.name not in states and x.wrt.times
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

    def adjoint(self) -> list[Step]:
        """The recursions of the states are μ_t = u_t + μ_t A_t + μ_{t+1} C_{t+1}."""
        return [self._adjoint(v) for v in self.steps.states]

    def _adjoint(self, v: mx.Var) -> Step:
        e = self._stated(v)
        readers = [(w, mx.t + lag_of(x)) for w, x in self.steps.readers(v.name)]
        times = {time for _, time in readers}
        before = self.steps.states[: self.steps.states.index(v) + 1]

        def decide(joints: bool) -> Any:
            truth: p.Poly = {}
            kept = self.steps.kept(before, times, joints)
            for w, time in readers:
                slope = self.steps.partial(w.at(time), v, kept, times)
                if w == self.steps.lost:
                    weight = mx.shift(self.model.loss.weight(), time - mx.t)
                    truth = p.add(truth, p.mul(lower(weight, ()), slope))
                else:
                    truth = p.add(truth, pulled(total(LOSS, w.at(time)), slope))
            yield lower(self.model.unfold(self.eliminated(e.rhs), kept, times)), truth

        words = "λ_t = u_t + λ_(t+1) J_(t+1)"
        if any(time == mx.t and w != self.steps.lost for w, time in readers):
            words = "μ_t = u_t + μ_t A_t + μ_(t+1) C_(t+1)"
        return _either(e, f"{show(e.lhs)} is its part of {words}", decide)

    # -- the forward road

    def sensitivity(self) -> list[Step]:
        steps = []
        wanted = {
            total(v, x.var())
            for x in self.model.params
            for v in self.steps.states
            if v.name in self.steps.moved_by(x.var())
        }
        for e in self.d.group("sensitivity").equations:
            words = "is S_t = B_t + A_t S_t + C_t S_(t−1)"
            if e.lhs.of == LOSS:
                words = "is Σ u_t S_t"
            elif e.lhs.of.time != mx.t:
                words = "is 0: no parameter reaches it"
            steps.append(_equal(e, self._expected(e), words, "claims 1 and 3"))
            wanted.discard(e.lhs)
        missing = sorted(map(show, wanted))
        return steps + [Step("", f"{x} is given", False, "", "it is missing") for x in missing]

    def _expected(self, e: Equation) -> mx.Node:
        of, wrt = e.lhs.of, e.lhs.wrt
        if of == LOSS:
            terms = self._differential(self.steps.lost, wrt)
            return self._over_time(mx.plus(*terms)) if terms else mx.zeros(wrt.shape)
        if of.time != mx.t:
            return mx.zeros(e.lhs.shape)
        return mx.plus(*self._differential(of, wrt))

    def _differential(self, of: mx.Var, wrt: mx.Var) -> list[mx.Node]:
        """B + A S + C S, the row of `of`."""
        terms: list[mx.Node] = []
        if wrt in mx.variables(self.steps.side[of]):
            terms.append(partial(of, wrt))
        moved = self.steps.moved_by(wrt)
        for x in self.steps.arguments(of):
            if x.name in moved:
                terms.append(mx.contract(partial(of, x), total(x, wrt), x.rank))
        return terms

    def _over_time(self, body: mx.Node) -> mx.Node:
        return mx.time_sum(mx.times(self.model.loss.weight(), body), mx.t, 1, mx.T)

    # -- the closed form

    def closed(self) -> list[Step]:
        """The printed closed forms are the right sides of claims 1 and 2."""
        steps = []
        stacks = {b.var: b for b in self.d.blocks}
        for e in self.d.group("closed").equations:
            if e.rhs.has(mx.MatPow):
                steps += self._powers(e)
            elif e.lhs.wrt in stacks:
                truth = self._adjoint_closed(stacks[e.lhs.wrt])
                steps.append(_equal(e, truth, "is Σ u_s P(s,t)", "claim 2"))
            else:
                truth = self._gradient_closed(e.lhs.wrt)
                steps.append(_equal(e, truth, "is Σ u_t P(t,k) B_k", "claims 1 and 3"))
        return steps

    def product(self, b: Block, to: Any, start: Any) -> mx.Node:
        """P(to, start), the latest factor on the left; with time reversed, the earliest."""
        m = mx.time_symbol("m")
        jac = partial(b.var, b.var.at(b.before))
        if b.before == mx.t - 1:
            return mx.TimeProd(jac.xreplace({mx.t: m}), m, start + 1, to)
        return mx.TimeProd(jac.xreplace({mx.t: start - m}), m, 1, start - to)

    def _adjoint_closed(self, b: Block) -> mx.Node:
        r = mx.time_symbol("r")
        u = partial(self.steps.lost, b.var)
        onward = b.before == mx.t - 1
        if self.model.loss.over == "last":  # the only loss is that of T, and t ≤ T
            at_end = u.xreplace({mx.t: mx.T})
            rhs = mx.contract(at_end, self.product(b, mx.T, mx.t), b.var.rank)
            return rhs if onward else mx.times(self.model.loss.weight(), rhs)
        u = mx.times(self.model.loss.weight(), u).xreplace({mx.t: r})
        body = mx.contract(u, self.product(b, r, mx.t), b.var.rank)
        return mx.time_sum(body, r, *((mx.t, mx.T) if onward else (1, mx.t)))

    def _gradient_closed(self, wrt: mx.Var) -> mx.Node:
        q = mx.time_symbol("q")
        terms: list[mx.Node] = []
        if wrt in mx.variables(self.steps.side[self.steps.lost]):
            terms.append(partial(self.steps.lost, wrt))
        moved = self.steps.moved_by(wrt)
        for b in self.d.blocks:
            if not moved & {v.name for v in b.parts}:
                continue
            rank = b.var.rank
            body = mx.contract(
                self.product(b, mx.t, q), partial(b.var, wrt).xreplace({mx.t: q}), rank
            )
            bounds = (1, mx.t) if b.before == mx.t - 1 else (mx.t, mx.T)
            terms.append(
                mx.contract(partial(self.steps.lost, b.var), mx.time_sum(body, q, *bounds), rank)
            )
        return self._over_time(mx.plus(*terms)) if terms else mx.zeros(wrt.shape)

    def _powers(self, e: Equation) -> list[Step]:
        """The matrix-power form: A is Jᵀ, u the immediate part of the recursion."""
        i = e.rhs.args[1]
        power = next(iter(e.rhs.atoms(mx.MatPow)))
        state = e.lhs.wrt

        def decide() -> Any:
            if not (isinstance(e.rhs, mx.TimeSum) and isinstance(e.rhs.args[0], mx.MatMul)):
                raise ModelError("it is not a sum of powers times immediate gradients")
            yield (
                lower(mx.transpose(power.args[0])),
                jacobian(self.steps.side[state], state.at(mx.t - 1)),
            )
            u = jacobian(self.steps.side[self.steps.lost], state)
            u = p.mul(lower(self.model.loss.weight(), ()), u)
            _, immediate = e.rhs.args[0].args
            now = immediate.xreplace({i: mx.T})
            yield lower(self.model.unfold(self.eliminated(now), [state])), u
            yield lower(immediate), lower(now.xreplace({mx.t: mx.T + mx.t - i}))
            body = mx.matmul(mx.MatPow(power.args[0], mx.T - i), immediate)
            yield lower(e.rhs), lower(mx.time_sum(body, i, mx.t, mx.T))

        own = checked(e, "A is Jᵀ and u_t the immediate loss gradient", INDEXWISE, decide)
        general = [Step(e.label, x.claim, x.ok, x.how, x.detail) for x in matrix_power()]
        return [own, *general]


def _either(e: Equation, claim: str, decide: Callable[[bool], Any]) -> Step:
    """Sums and products of the step kept as names, which is enough; else all of it unfolded."""
    short = checked(e, claim, INDEXWISE, lambda: decide(True))
    return short if short.ok else checked(e, claim, INDEXWISE, lambda: decide(False))


def _count(v: mx.Var) -> Any:
    out = mx.as_node(1).value
    for n in v.shape:
        out = out * n
    return out


def _equal(e: Equation, truth: mx.Node, words: str, how: str) -> Step:
    return checked(e, f"{show(e.lhs)} {words}", how, lambda: [(lower(e.rhs), lower(truth))])
