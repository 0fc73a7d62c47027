"""A gradient that is cut, for every T: the recursions that are computed give the masked sums.

With w(t,k) the weight of the path from step t back to step k:

    Blocks      e_s,s = u_s,  e_s,t = e_s,t+1 J_{t+1}      gives  Σ_t u_t Σ_k w(t,k) P(t,k) B_k
                w(t,k) = [k ≥ f_t], and 1 for all k where K ≥ T
    RandomCut   λ_t = u_t + ξ_{t+1} λ_{t+1} J_{t+1}        gives the same,
                w(t,k) = ξ_{k+1} ⋯ ξ_t; linear in each independent ξ, so unbiased

Steps counted from the other end, t for T + 1 − t, make them the claims of a state that runs
from T to 1; its weights are [k ≤ n_t] and ξ_{t+1} ⋯ ξ_k.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from .. import matrix as mx
from ..indices import same
from ..indices.lower import lower
from ..model import Block, Derivation, Equation, Step
from ..strategy import Blocks, RandomCut
from .induction import B, Claim, J, P, S, T, empty_product, k, linear_recurrence, right, s, t, u
from .recursions import Chain, adjoint, checked, gradient, show, total_step
from .roads import Roads, partial

FIRST, LAST = mx.time_symbol("f_t"), mx.time_symbol("n_t")
HOW = "index notation, every T and every size"
ARITHMETIC = "arithmetic"


def w(i: Any, j: Any) -> mx.Var:
    """The weight of the path from step i back to step j."""
    return mx.Var("w", (), (i, j))


def xi(i: Any) -> mx.Var:
    return mx.Var("ξ", (), (i,))


def claims(d: Derivation) -> list[Step]:
    """What holds for every model: the masked sums, what is left out, when nothing is."""
    if isinstance(d.strategy, Blocks):
        return [
            *_of_one_loss(),
            *_together(),
            *_masked(),
            *_all_kept(d.strategy, d.model.is_two_way),
        ]
    assert isinstance(d.strategy, RandomCut)
    return [*_with_factors(), *_masked(), *_unbiased(), *_variance()]


def _of_one_loss() -> list[Step]:
    """e_{s,t}, the adjoint of the loss of step s alone, is u_s P(s,t)."""
    whole = u(s) @ P(s, t)
    steps = [
        Claim("one loss, base t = s", u(s), empty_product(whole.xreplace({t: s}), s)),
        Claim("one loss, step t+1 → t", whole.xreplace({t: t + 1}) @ J(t + 1), right(whole, s, t)),
    ]
    return [c.step(HOW) for c in steps]


def _together() -> list[Step]:
    """All losses of a block, those with m = 1, go back in one recursion."""

    def m(i: Any) -> mx.Node:
        return mx.times(mx.Var("m", (), (i,)), u(i))

    def closed(at: Any) -> mx.Node:
        return mx.time_sum(m(s) @ P(s, at), s, at, T)

    body = m(s) @ P(s, t)
    grown = mx.time_sum(right(body, s, t), s, t + 1, T)
    here = empty_product(body.xreplace({s: t}), t)
    steps = [
        Claim(
            "the losses of a block together, base t = T",
            m(T),
            empty_product(m(T) @ P(T, T), T),
        ),
        Claim(
            "the losses of a block together, step t+1 → t",
            m(t) + closed(t + 1) @ J(t + 1),
            mx.plus(here, grown),
        ),
    ]
    return [c.step(HOW) for c in steps]


def _masked() -> list[Step]:
    """Both orders of the masked double sum, and what it leaves out."""
    later = mx.time_sum(mx.times(w(s, t), u(s) @ P(s, t)), s, t, T)
    backward = mx.time_sum(later @ B(t), t, 1, T)
    forward = _double(w(t, k))
    gap = mx.plus(1, mx.times(-1, w(t, k)))
    steps = [
        Claim("the order of the masked double sum", backward, forward),
        Claim(
            "what is left out is the sum of the rest",
            mx.plus(_double(mx.as_node(1)), mx.times(-1, forward)),
            _double(gap),
        ),
        Claim("with every weight 1 nothing is", _double(w(t, k)).xreplace({w(t, k): mx.Scalar(1)}),
              _double(mx.as_node(1))),
    ]  # fmt: skip
    return [c.step(HOW) for c in steps]


def _double(weight: mx.Node) -> mx.Node:
    inner = mx.time_sum(mx.times(weight, P(t, k) @ B(k)), k, 1, t)
    return mx.time_sum(u(t) @ inner, t, 1, T)


def _all_kept(strategy: Blocks, two_way: bool) -> list[Step]:
    """f_t = max(1, e_t − k2 + 1) is 1 for every t ≤ T where the last block is within reach.

    Then n_t = min(T, e_t − k1 + k2), of a state that runs from T to 1, is T.
    """
    back, end, at_end = sympy.symbols("k2 e_t e_T", integer=True)
    # 1 − (e_t − k2 + 1) as a sum of two terms that are not negative: e_t ≤ e_T ≤ k2.
    reach = sympy.expand(1 - (end - back + 1) - ((back - at_end) + (at_end - end))) == 0
    words = {
        strategy.every == 1: "K ≥ T: t − K + 1 ≤ 1 for every t ≤ T, so f_t = 1",
        strategy.every == strategy.back > 1: "K ≥ T: every t ≤ T is in the first chunk, so f_t = 1",
    }.get(True, "k2 ≥ e_T: e_t − k2 + 1 ≤ 1 for every t ≤ T, so f_t = 1")
    steps = [Step("", words, bool(reach), ARITHMETIC)]
    if two_way:
        every, last = sympy.symbols("k1 T", integer=True)
        # e_t − k1 + k2 − T as three terms that are not negative: e_t ≥ k1, k2 ≥ e_T ≥ T.
        rest = (end - every) + (back - at_end) + (at_end - last)
        ahead = sympy.expand(end - every + back - last - rest) == 0
        words = "k2 ≥ e_T ≥ T and e_t ≥ k1: e_t − k1 + k2 ≥ T for every t, so n_t = T"
        steps.append(Step("", words, bool(ahead), ARITHMETIC))
    return steps


def _with_factors() -> list[Step]:
    """ξ on every Jacobian is w(t,k) = ξ_{k+1} ⋯ ξ_t on every product of them."""

    def path(i: Any, j: Any) -> mx.Node:
        return mx.times(w(i, j), P(i, j))

    def closed(at: Any) -> mx.Node:
        return mx.time_sum(u(s) @ path(s, at), s, at, T)

    one = {w(k, k): mx.Scalar(1), w(T, T): mx.Scalar(1), w(t, t): mx.Scalar(1)}
    cut = mx.times(xi(t + 1), J(t + 1))
    grown = mx.times(xi(t + 1), w(s, t + 1), u(s) @ (P(s, t + 1) @ J(t + 1)))
    steps = [
        Claim("a product with ξ, base t = k", mx.Eye(S),
              empty_product(path(k, k).xreplace(one), k)),
        Claim("a product with ξ, step t−1 → t", mx.times(xi(t), J(t)) @ path(t - 1, k),
              mx.times(xi(t), w(t - 1, k), J(t) @ P(t - 1, k))),
        Claim("the adjoint with ξ, base t = T", u(T),
              empty_product((u(T) @ path(T, T)).xreplace(one), T)),
        Claim("the adjoint with ξ, step t+1 → t", u(t) + closed(t + 1) @ cut,
              u(t) + mx.time_sum(grown, s, t + 1, T)),
    ]  # fmt: skip
    return [c.step(HOW) for c in steps]


def _unbiased() -> list[Step]:
    alpha, mean = sympy.Symbol("α", positive=True), sympy.Symbol("E_w")
    one = sympy.simplify(alpha * (1 / alpha) + (1 - alpha) * 0)
    return [
        Step("", "E ξ_t = α · 1/α + (1 − α) · 0 = 1, with any α at step t", one == 1, ARITHMETIC),
        Step(
            "",
            "E w(t,k) = E ξ_t · E w(t−1,k): w(t−1,k) holds ξ_{k+1}, …, ξ_{t−1} only, so it is "
            "independent of ξ_t; with E w(k,k) = 1 it is 1",
            sympy.simplify((one * mean).subs(mean, 1)) == 1,
            "induction on t",
        ),
        Step(
            "",
            "E Σ_t u_t Σ_k w(t,k) P(t,k) B_k = Σ_t u_t Σ_k P(t,k) B_k: it is linear in w",
            _is_linear_in_w(),
            HOW,
        ),
    ]


def _is_linear_in_w() -> bool:
    """The masked sum of w + c·v is that of w plus c times that of v."""
    v, c = mx.Var("v", (), (t, k)), mx.Var("c")
    mixed = _double(mx.plus(w(t, k), mx.times(c, v)))
    return bool(same(mixed, mx.plus(_double(w(t, k)), mx.times(c, _double(v)))))


def _variance() -> list[Step]:
    """Of S_t = B_t + ξ_t J_t S_{t−1} with one unit, S_{t−1} of mean m and variance V."""
    alpha = sympy.Symbol("α", positive=True)
    b, j, m, v = sympy.symbols("B J m V", real=True)
    second = alpha * (1 / alpha) ** 2  # E ξ²
    of_square = b**2 + 2 * b * j * m + j**2 * second * (v + m**2)
    variance = sympy.expand(of_square - (b + j * m) ** 2)
    stated = j**2 * (v / alpha + (1 / alpha - 1) * m**2)
    words = "one unit: Var S_t = J_t² (Var S_{t−1} / α + (1/α − 1) S̄_{t−1}²), S̄ = E S"
    growth, added = j**2 / alpha, (1 / alpha - 1) * (j * m) ** 2  # V_t = growth V_{t−1} + added
    fits = sympy.expand(stated - growth * v - added) == 0 and added.subs(m, 0) == 0
    closed = "Var S_t = (1/α − 1) Σ_{k=2}^{t} (∏_{j=k+1}^{t} J_j²/α) J_k² S̄_{k−1}²"
    how = "the lemma of the linear recurrence; the term of k = 1 is 0, as S̄_0 is"
    lemma = all(x.ok for x in linear_recurrence())
    return [
        Step("", words, sympy.simplify(variance - stated) == 0, "E ξ² = 1/α, ξ_t independent"),
        Step("", closed, lemma and fits, how),
    ]


# -- one model


class OneLoss(Chain):
    """The chain rule of the loss of one step alone."""

    def __init__(self, d: Derivation, loss: mx.Var):
        super().__init__(d.model)
        self.loss = loss

    def cotangent(self, w: mx.Var) -> mx.Node:
        if w.name == self.model.loss.step.name:
            weight = mx.shift(self.model.loss.weight(), w.time - mx.t)
            return mx.times(mx.Kron(w.time, self.loss.times[0]), weight)
        return mx.derivative(self.loss, w, total=True)


class Cut(Roads):
    """The closed forms that a derivation with a strategy must print."""

    def recursions(self) -> list[Step]:
        """What is computed going back in time, equation by equation."""
        if isinstance(self.d.strategy, RandomCut):
            return [*adjoint(self.d), *gradient(self.d)]
        steps, stated = [], set()
        for e in self.d.group("cut").equations:
            chain = OneLoss(self.d, e.lhs.of)
            steps.append(total_step(self.d, chain, e, e.lhs.wrt, "sums the paths of one loss"))
            stated.add(e.lhs.wrt.name)
        missing = sorted(set(self.d.adjoint) - stated)
        steps += [Step("", f"dL_s/d{n} has a recursion", False, "", "missing") for n in missing]
        return [*steps, *adjoint(self.d), *gradient(self.d)]

    def closed(self) -> list[Step]:
        """The masked double sums, and what they leave out."""
        steps = [
            self._is(e, self._sum(self._of(e.lhs), self._reached, direct=True))
            for e in self.d.group("kept").equations
        ]
        if isinstance(self.d.strategy, RandomCut):
            return steps
        for e in self.d.group("kept").equations:
            full = self._gradient_closed(self._of(e.lhs))
            at = "f_t = 1 and n_t = T" if self.model.is_two_way else "f_t = 1"
            words = f"with {at}, {show(e.lhs)} is dL/d{self._of(e.lhs).name}"
            whole = e.rhs.xreplace({FIRST: sympy.Integer(1), LAST: mx.T})
            steps.append(_equal(e, words, whole, full))
        for e in self.d.group("bias").equations:
            wrt = next(x for x in e.lhs.atoms(mx.Deriv)).wrt
            steps.append(self._is(e, self._sum(wrt, self._left_out, direct=False)))
        return steps

    def _of(self, g: mx.Var) -> mx.Var:
        name = g.name.removeprefix("g_")
        return self.model.table[name].var()

    def _reached(self, onward: bool) -> tuple[Any, Any]:
        blocks = isinstance(self.d.strategy, Blocks)
        if onward:
            return (FIRST if blocks else sympy.Integer(1)), mx.t
        return mx.t, (LAST if blocks else mx.T)

    def _left_out(self, onward: bool) -> tuple[Any, Any]:
        return (sympy.Integer(1), FIRST - 1) if onward else (LAST + 1, mx.T)

    def _is(self, e: Equation, truth: mx.Node) -> Step:
        return _equal(e, f"{show(e.lhs)} is its masked double sum", e.rhs, truth)

    def _sum(
        self, wrt: mx.Var, limits: Callable[[bool], tuple[Any, Any]], *, direct: bool
    ) -> mx.Node:
        """Σ_t (∂l_t/∂θ + Σ_k u_t P(t,k) B_k), with ξ on each J where there is one.

        `limits` are those of k, for a block that runs from 1 to T or the other way.
        """
        q = mx.time_symbol("q")
        terms: list[mx.Node] = []
        if direct and wrt in mx.variables(self.steps.side[self.steps.lost]):
            terms.append(partial(self.steps.lost, wrt))
        moved = self.steps.moved_by(wrt)
        for b in self.d.blocks:
            if moved & {v.name for v in b.parts}:
                rank = b.var.rank
                slope = partial(b.var, wrt).xreplace({mx.t: q})
                body = mx.contract(self._product(b, q), slope, rank)
                summed = mx.time_sum(body, q, *limits(b.before == mx.t - 1))
                terms.append(mx.contract(partial(self.steps.lost, b.var), summed, rank))
        return self._over_time(mx.plus(*terms)) if terms else mx.zeros(wrt.shape)

    def _product(self, b: Block, start: Any) -> mx.Node:
        if self.model.cut is None:
            return self.product(b, mx.t, start)
        m, name = mx.time_symbol("m"), self.model.cut.name
        jac = partial(b.var, b.var.at(b.before))
        if b.before == mx.t - 1:
            jac = mx.times(mx.Var(name, (), (mx.t,)), jac)
            return mx.TimeProd(jac.xreplace({mx.t: m}), m, start + 1, mx.t)
        jac = mx.times(mx.Var(name, (), (mx.t + 1,)), jac)  # on the way from t + 1 to t
        return mx.TimeProd(jac.xreplace({mx.t: start - m}), m, 1, start - mx.t)


def _equal(e: Equation, words: str, left: mx.Node, right: mx.Node) -> Step:
    return checked(e, words, HOW, lambda: [(lower(left), lower(right))])


def is_cut(d: Derivation) -> bool:
    return isinstance(d.strategy, Blocks | RandomCut)
