"""Total derivatives over many steps in closed form, for states that run each alone.

    dh_t/dh_k = P(t,k)     dh_t/dθ = Σ_k P(t,k) ∂h_k/∂θ     dL/dh_t = Σ_s u_s P(s,t)

and, where the derivatives within a step are kept whole, with h_t held fixed in ∂l_t/∂θ,

    dL/dθ = Σ_t dL/dh_t ∂h_t/∂θ + w_t ∂l_t/∂θ     dl_t/dv = ∂l_t/∂h_t dh_t/dv + ∂l_t/∂v
"""

from __future__ import annotations

from typing import Any

from ...indices import poly as p
from ...indices.lower import lower
from ...indices.poly import Factor, Lin, Poly
from ...model import Model
from ..world import HELD, IMMEDIATE, TOTAL
from .chain import ChainRule
from .propagators import LAST, Propagators, between
from .substitute import at_time, is_atom, shown, substituted
from .values import Values


class Closed:
    """The rewriting into closed forms, by the products of step Jacobians that are given."""

    def __init__(self, model: Model, chain: ChainRule, values: Values, propagators: Propagators):
        self.model, self.chain, self.values = model, chain, values
        self.propagators = propagators

    @property
    def applies(self) -> bool:
        """Whether the derivatives of each state are the products of its own Jacobians."""
        return len(self.propagators.alone) == len(self.model.states) > 0

    def __call__(self, q: Poly) -> tuple[Poly, str | None]:
        """One derivative rewritten, and what was done; None where there is none left."""
        if not self.applies:
            return q, None
        q = self.propagators.products(self.values.named(q))
        for m in q:
            for f, _ in m.factors:
                if is_atom(f):
                    poly, said = self._expansion(f)
                    if poly is not None:
                        return substituted(q, f, poly), f"{shown(f)} {said}"
        return self.propagators.peeled(q), None

    def _expansion(self, f: Factor) -> tuple[Poly | None, str]:
        kind, of, by, _, by_timed, copied = f.name
        states = self.propagators.alone
        if (kept := self.propagators.kept(f)) is not None:
            return (None if kept == f else p.atom(kept)), "within its step"
        if self.propagators.whole and not copied and (by_timed or self._is_own(by)):
            if of == "L" and not by_timed and kind == TOTAL:
                return self._over_the_steps(f), "by the states"
            if of == self.model.loss.step.name and (by in states or not by_timed):
                if kind == TOTAL or (kind == IMMEDIATE and not by_timed):
                    return self._by_the_states(f), "by the states"
        if kind != TOTAL:
            return self.chain.expansion(f, [f]), "within its step"
        if of in states and by == of:
            return self.propagators.propagator(f), "= P"
        if of in states and not by_timed and not copied:
            own = self.propagators.is_own(by, of)
            return (self.propagators.sensitivity(f) if own else None), "= Σ P B"
        if of == "L" and by in states:
            return self.propagators.adjoint(f), "= Σ u P"
        whole = of == "L"  # the loss of one step goes forward, to where P stands
        poly = self.chain.expansion(f, [f]) if whole else self.chain.onward(f, [f])
        return poly, "by the chain rule"

    def _is_own(self, by: str) -> bool:
        """Whether a parameter reaches each state within its own recurrence."""
        return all(self.propagators.is_own(by, x) for x in self._reached(by))

    def _reached(self, by: str) -> list[str]:
        return [x for x in self.propagators.alone if x == by or self.chain.reaches(by, x)]

    def _over_the_steps(self, f: Factor) -> Poly:
        """dL/dθ = Σ_t dL/dh_t ∂h_t/∂θ + w_t ∂l_t/∂θ, of each state h."""
        index = p.fresh(p.TIME)
        here = Lin(0, ((index, 1),))
        weight = at_time(lower(self.model.loss.weight(), ()), here)
        body = p.mul(weight, self._held(f, here, f.slots))
        for name in self._reached(f.name[2]):
            adjoint = (TOTAL, "L", name, False, True, False)
            through = self._through(name, adjoint, (here,), IMMEDIATE, f, (here,))
            body = p.add(body, through)
        return p.bind(p.mul(between(here, Lin(1), LAST), body), index)

    def _by_the_states(self, f: Factor) -> Poly:
        """dl_t/dv = ∂l_t/∂h_t dh_t/dv + ∂l_t/∂v, the last with each h_t held fixed; none for v a
        state of another step."""
        kind, of, by, _, by_timed, _ = f.name
        body = {} if by_timed else self._held(f, f.times[0], f.slots)
        for name in self._reached(by):
            slope = (IMMEDIATE, of, name, True, True, False)
            through = self._through(name, slope, (f.times[0], f.times[0]), kind, f, f.times)
            body = p.add(body, through)
        return body

    def _through(
        self, state: str, slope: Any, at: tuple[Lin, ...], kind: str, f: Factor, times: Any
    ) -> Poly:
        """The gradient by h_t times dh_t/dv."""
        by, by_timed = f.name[2], f.name[4]
        inner = tuple(p.fresh(str(n)) for n in self.model.table[state].shape)
        name = (kind, state, by, True, by_timed, False)
        before = p.atom(Factor("var", slope, at, inner))
        product = p.mul(before, p.atom(Factor("var", name, times, (*inner, *f.slots))))
        return p.bind(product, *inner) if inner else product

    def _held(self, f: Factor, time: Lin, slots: Any) -> Poly:
        name = (HELD, self.model.loss.step.name, f.name[2], True, False, False)
        return p.atom(Factor("var", name, (time,), slots))
