"""Total derivatives over many steps in closed form, for a model of one state.

    dh_t/dh_k = P(t,k)     dh_t/dθ = Σ_k P(t,k) ∂h_k/∂θ     dL/dh_t = Σ_s u_s P(s,t)

and, where the derivatives within a step are kept whole, with h_t held fixed in ∂l_t/∂θ,

    dL/dθ = Σ_t dL/dh_t ∂h_t/∂θ + w_t ∂l_t/∂θ     dl_t/dv = ∂l_t/∂h_t dh_t/dv + ∂l_t/∂v
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ... import matrix as mx
from ...indices import poly as p
from ...indices.lower import lower
from ...indices.poly import Factor, Lin, Poly
from ...model import Model
from ..world import HELD, IMMEDIATE, TOTAL
from .chain import ChainRule
from .propagators import Propagators
from .substitute import at_time, is_atom, shown, substituted
from .values import Values


class Closed:
    """The rewriting into closed forms, by the products of step Jacobians that are given."""

    def __init__(self, model: Model, chain: ChainRule, values: Values, propagators: Propagators):
        self.model, self.chain, self.values = model, chain, values
        self.propagators = propagators

    @cached_property
    def applies(self) -> bool:
        """Whether there is one state, read one step back, and the loss of a step reads it at that
        step alone."""
        states = self.model.states
        if len(states) != 1 or self.model.lag(states[0].name) != 1 or states[0].reversed:
            return False
        (state,) = states
        todo, seen = [self.model.loss.step.name], {state.name}
        while todo:
            e = self.model.defined.get(todo.pop())
            reads = mx.variables(e.rhs) if e is not None else ()
            if any(v.name == state.name and v.time != mx.t for v in reads):
                return False
            new = {v.name for v in reads} - seen
            seen |= new
            todo += new
        return True

    def __call__(self, q: Poly) -> tuple[Poly, str | None]:
        """One derivative rewritten, and what was done; None where there is none left."""
        if not self.applies:
            return q, None
        q = self.propagators.products(self.values.opened(q))
        for m in q:
            for f, _ in m.factors:
                if is_atom(f):
                    poly, said = self._expansion(f)
                    if poly is not None:
                        return substituted(q, f, poly), f"{shown(f)} {said}"
        return self.propagators.peeled(q), None

    def _expansion(self, f: Factor) -> tuple[Poly | None, str]:
        kind, of, by, _, by_timed, copied = f.name
        state = self.model.states[0].name
        if (kept := self.propagators.kept(f)) is not None:
            return (None if kept == f else p.atom(kept)), "within its step"
        if self.propagators.whole and not copied:
            if of == "L" and not by_timed and kind == TOTAL:
                return self._over_the_steps(f), "by the states"
            if of == self.model.loss.step.name and (by == state or not by_timed):
                if kind == TOTAL or (kind == IMMEDIATE and not by_timed):
                    return self._by_the_state(f), "by the state"
        if kind != TOTAL:
            return self.chain.expansion(f, [f]), "within its step"
        if of == state and by == state:
            return self.propagators.propagator(f), "= P"
        if of == state and not by_timed and not copied:
            return self.propagators.sensitivity(f), "= Σ P B"
        if of == "L" and by == state:
            return self.propagators.adjoint(f), "= Σ u P"
        whole = of == "L"  # the loss of one step goes forward, to where P stands
        poly = self.chain.expansion(f, [f]) if whole else self.chain.onward(f, [f])
        return poly, "by the chain rule"

    def _over_the_steps(self, f: Factor) -> Poly:
        """dL/dθ = Σ_t dL/dh_t ∂h_t/∂θ + w_t ∂l_t/∂θ."""
        index = p.fresh(p.TIME)
        here = Lin(0, ((index, 1),))
        state = self.model.states[0]
        inner = tuple(p.fresh(str(n)) for n in state.shape)
        adjoint = Factor("var", (TOTAL, "L", state.name, False, True, False), (here,), inner)
        own = self._held(f, here, f.slots)
        weight = at_time(lower(self.model.loss.weight(), ()), here)
        through = self._through(p.atom(adjoint), IMMEDIATE, f, (here,), inner)
        low = Factor("ge", "", (p.lin_add(here, Lin(1), -1),))
        high = Factor("ge", "", (p.lin_add(Lin(0, (("T", 1),)), here, -1),))
        body = p.add(through, p.mul(weight, own))
        return p.bind(p.mul(p.mul(p.atom(low), p.atom(high)), body), index)

    def _by_the_state(self, f: Factor) -> Poly:
        """dl_t/dv = ∂l_t/∂h_t dh_t/dv + ∂l_t/∂v, the last with h_t held fixed; none for v a state
        of another step."""
        kind, of, _, _, by_timed, _ = f.name
        state = self.model.states[0]
        inner = tuple(p.fresh(str(n)) for n in state.shape)
        name = (IMMEDIATE, of, state.name, True, True, False)
        slope = p.atom(Factor("var", name, (f.times[0], f.times[0]), inner))
        through = self._through(slope, kind, f, f.times, inner)
        return through if by_timed else p.add(through, self._held(f, f.times[0], f.slots))

    def _through(self, before: Poly, kind: str, f: Factor, times: Any, inner: Any) -> Poly:
        """A gradient by h_t times dh_t/dv."""
        state, by, by_timed = self.model.states[0].name, f.name[2], f.name[4]
        if not self.chain.reaches(by, state):
            return {}
        name = (kind, state, by, True, by_timed, False)
        product = p.mul(before, p.atom(Factor("var", name, times, (*inner, *f.slots))))
        return p.bind(product, *inner) if inner else product

    def _held(self, f: Factor, time: Lin, slots: Any) -> Poly:
        name = (HELD, self.model.loss.step.name, f.name[2], True, False, False)
        return p.atom(Factor("var", name, (time,), slots))
