"""Closed forms: products of the step Jacobians, P(t,k) = J_t J_{t−1} ⋯ J_{k+1}.

dh_t/dh_k = P(t,k)     dh_t/dθ = Σ_{k=1}^t P(t,k) ∂h_k/∂θ     dL/dh_t = Σ_{s=t}^T u_s P(s,t)

J_t = ∂h_t/∂h_{t−1} and u_t = w_t ∂l_t/∂h_t are kept whole, or written out in forward values.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from ... import matrix as mx
from ...indices import poly as p
from ...indices.canon import canonical, canonical_lam
from ...indices.lower import delta, lower
from ...indices.poly import Factor, Lam, Lin, Mono, Poly
from ...model import Declaration, Model
from ..world import HELD, IMMEDIATE, TOTAL
from .chain import ROUNDS, ChainRule
from .substitute import at_time, is_atom, power_of, substituted
from .values import Values

LAST = Lin(0, (("T", 1),))


def between(time: Lin, low: Lin, high: Lin) -> Poly:
    """1 where low ≤ time ≤ high, else 0."""
    gaps = (p.lin_add(time, low, -1), p.lin_add(high, time, -1))
    first, last = (p.atom(Factor("ge", "", (gap,))) for gap in gaps)
    return p.mul(first, last)


def _identity(slots: tuple[Any, ...]) -> Poly:
    half = len(slots) // 2
    out = p.constant(1)
    for i, j in zip(slots[:half], slots[half:], strict=True):
        out = p.mul(out, delta(i, j))
    return out


class Propagators:
    """The products of step Jacobians of one model; `whole` where J_t and ∂l_t/∂h_t are kept."""

    def __init__(self, model: Model, chain: ChainRule, values: Values, whole: bool = False):
        self.model, self.chain, self.values, self.whole = model, chain, values, whole
        self._factors: dict[Lam, Lam] = {}  # of products over time -> the same written out

    @cached_property
    def alone(self) -> dict[str, Declaration]:
        """The states of which P is the product of their own Jacobians: read one step back by
        themselves, by no other state, and by the loss of a step at that step."""
        return {d.name: d for d in self.model.states if self._is_alone(d)}

    def _is_alone(self, state: Declaration) -> bool:
        if self.model.lag(state.name) != 1:
            return False
        others = (d.name for d in self.model.states if d != state)
        if any(self.chain.reaches(state.name, x) for x in others):
            return False
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

    def is_own(self, by: str, of: str) -> bool:
        """Whether a parameter reaches a state within its own recurrence alone."""
        return of in self.alone and not any(
            self.chain.reaches(d.name, of) and self.chain.reaches(by, d.name)
            for d in self.model.states
            if d.name != of
        )

    def propagator(self, f: Factor) -> Poly:
        """dh_t/dh_k = J_t ⋯ J_{k+1}; of a state that runs back J_t ⋯ J_{k−1}, k − t factors."""
        state = self.alone[f.name[1]]
        index = p.fresh(p.TIME)
        here, (of, by) = Lin(0, ((index, 1),)), f.times
        before = mx.Var(state.name, state.shape, (mx.t - 1,))
        inner = tuple(p.fresh(i.size) for i in f.slots)
        at, limits = here, (p.lin_add(by, Lin(1)), of)
        if state.reversed:
            at, limits = p.lin_add(by, here, -1), (Lin(1), p.lin_add(by, of, -1))
        lam = canonical_lam((index, *inner), self._jacobian(state, before, at, inner))
        return p.atom(Factor("timeprod", "", limits, f.slots, (lam,)))

    def sensitivity(self, f: Factor) -> Poly:
        """Σ_{k=1}^t P(t,k) ∂h_k/∂θ; of a state that runs back, from t to T."""
        state = self.alone[f.name[1]]
        by = self.model.table[f.name[2]]
        k = p.fresh(p.TIME)
        here = Lin(0, ((k, 1),))
        n = len(state.shape)
        inner = tuple(p.fresh(str(x)) for x in state.shape)
        name = (TOTAL, state.name, state.name, True, True, False)
        prop = self.propagator(Factor("var", name, (f.times[0], here), (*f.slots[:n], *inner)))
        local = self._jacobian(state, mx.Var(by.name, by.shape), here, (*inner, *f.slots[n:]))
        body = p.bind(p.mul(prop, local), *inner)
        ends = (f.times[0], LAST) if state.reversed else (Lin(1), f.times[0])
        return p.bind(p.mul(between(here, *ends), body), k)

    def adjoint(self, f: Factor) -> Poly:
        """Σ_{s=t}^T u_s P(s,t), u_s what the step's own loss gives; from 1 to t the other way."""
        state = self.alone[f.name[2]]
        k = p.fresh(p.TIME)
        here = Lin(0, ((k, 1),))
        inner = tuple(p.fresh(str(x)) for x in state.shape)
        name = (TOTAL, state.name, state.name, True, True, False)
        prop = self.propagator(Factor("var", name, (here, f.times[0]), (*inner, *f.slots)))
        loss = (IMMEDIATE, self.model.loss.step.name, state.name, True, True, False)
        weight = at_time(lower(self.model.loss.weight(), ()), here)
        own = p.mul(weight, p.atom(Factor("var", loss, (here, here), inner)))
        body = p.bind(p.mul(own, prop), *inner)
        ends = (Lin(1), f.times[0]) if state.reversed else (f.times[0], LAST)
        return p.bind(p.mul(between(here, *ends), body), k)

    def _jacobian(self, state: Declaration, by: mx.Var, time: Lin, slots: Any) -> Poly:
        """∂h_t/∂v within the step, every value written out."""
        if by.times:
            name = (TOTAL, state.name, by.name, True, True, False)
            times: tuple[Lin, ...] = (time, p.lin_add(time, Lin(1 if state.reversed else -1)))
        else:
            name = (IMMEDIATE, state.name, by.name, True, False, False)
            times = (time,)
        return self._exhausted(p.atom(Factor("var", name, times, tuple(slots))))

    def _exhausted(self, q: Poly) -> Poly:
        """Every derivative within a known number of steps expanded."""
        for _ in range(ROUNDS):
            q = canonical(q)
            for f in {f for m in q for f, _ in m.factors if is_atom(f)}:
                if (kept := self.kept(f)) is not None:
                    if kept != f:
                        q = substituted(q, f, p.atom(kept))
                        break
                    continue
                if f.name[1] == "L" or (f.name[0] == TOTAL and not self._is_near(f)):
                    continue
                poly = self.chain.onward(f, [f])
                if poly is not None:
                    q = substituted(q, f, poly)
                    break
            else:
                return self.values.named(q)
        return self.values.named(q)

    def _written_out(self, lam: Lam) -> Lam:
        """The factor of a product over time with its derivatives expanded, but those kept."""
        if lam not in self._factors:
            fresh = tuple(p.fresh(i.size) for i in lam.params)
            names = dict(zip(lam.params, fresh, strict=True))
            found = canonical_lam(fresh, self._exhausted(p.renamed(lam.poly, names)))
            self._factors[lam] = self._factors[found] = found
        return self._factors[lam]

    def kept(self, f: Factor) -> Factor | None:
        """J_t, ∂h_t/∂θ or ∂l_t/∂h_t under one name: within a step of a state alone,
        immediate and held are one, and by it total is the same too. None for anything else."""
        kind, of, by, _, by_timed, copied = f.name
        if not self.whole or copied or kind not in (TOTAL, IMMEDIATE, HELD):
            return None
        if by_timed:
            if by not in self.alone or of not in (by, self.model.loss.step.name):
                return None
            back = 0 if of != by else -1 if self.alone[by].reversed else 1
            if p.lin_add(f.times[0], f.times[1], -1) != Lin(back):
                return None
        elif kind == TOTAL or not self.is_own(by, of):
            return None
        return f._replace(name=(IMMEDIATE, *f.name[1:]))

    def _is_near(self, f: Factor) -> bool:
        return bool(f.name[4]) and not p.lin_add(f.times[0], f.times[1], -1).terms

    def products(self, q: Poly) -> Poly:
        """Products of Jacobians: written out; empty is the identity, constant a power."""
        out: Poly = {}
        for m, c in q.items():
            product: Poly = {Mono(frozenset(), ()): c}
            for f, e in m.factors:
                x = p.atom(f, e)
                if f.kind == "timeprod" and e == 1:
                    lam = self._written_out(f.nested[0])
                    length = p.lin_add(p.lin_add(f.times[1], f.times[0], -1), Lin(1))
                    if not length.terms and length.const <= 0:
                        x = _identity(f.slots)
                    elif not length.terms and length.const == 1:
                        here = dict(zip(lam.params, (f.times[0], *f.slots), strict=True))
                        x = p.renamed(lam.poly, here)
                    elif not any(lam.params[0] in p.mono_free(mm) for mm, _ in lam.poly):
                        fresh = tuple(p.fresh(i.size) for i in lam.params)
                        names = dict(zip(lam.params, fresh, strict=True))
                        x = power_of(p.renamed(lam.poly, names), fresh[1:], length, f.slots)
                    else:
                        x = p.atom(f._replace(nested=(lam,)))
                elif f.kind == "matpow" and e == 1 and f.times[0] == Lin(0):
                    x = _identity(f.slots)
                elif f.kind == "matpow" and e == 1:
                    (lam,) = f.nested
                    fresh = tuple(p.fresh(i.size) for i in lam.params)
                    body = p.renamed(lam.poly, dict(zip(lam.params, fresh, strict=True)))
                    x = power_of(body, fresh, f.times[0], f.slots)
                product = p.mul(product, x)
            out = p.add(out, p.bind(product, *m.bound) if m.bound else product)
        return self._split(canonical(out))

    def _split(self, q: Poly) -> Poly:
        """Σ_{k≤t} P(t,k) … = its term at k = t, where P is the identity, and the rest."""
        out: Poly = {}
        for m, c in q.items():
            forms = {f.times[0] for f, _ in m.factors if f.kind == "ge"}
            hit = None
            for f, _ in m.factors:
                if f.kind == "timeprod":
                    length = p.lin_add(p.lin_add(f.times[1], f.times[0], -1), Lin(1))
                elif f.kind == "matpow":
                    length = f.times[0]
                else:
                    continue
                if length in forms and any(x in m.bound for x, _ in length.terms):
                    hit = length
                    break
            if hit is None:
                out = p.add(out, {m: c})
                continue
            inner = {Mono(frozenset(), m.factors): c}
            more = p.atom(Factor("ge", "", (p.lin_add(hit, Lin(-1)),)))
            none = p.atom(Factor("ge", "", (p.lin_add(Lin(0), hit, -1),)))
            rest = p.mul(inner, more)
            end = p.mul(inner, none)
            if m.bound:
                rest, end = p.bind(rest, *m.bound), p.bind(end, *m.bound)
            out = p.add(out, rest, self.products(end) if end else {})
        return canonical(out)

    def peeled(self, q: Poly) -> Poly:
        """P(T,t) = P(T,t+1) J_{t+1} where P(T,t+1) stands beside it; the step t+1 exists."""
        for _ in range(3):
            prods = [f for m in q for f, _ in m.factors if f.kind == "timeprod"]
            hit = None
            for f in prods:
                for g in prods:
                    gap = p.lin_add(g.times[0], f.times[0], -1)
                    if g.times[1] == f.times[1] and not gap.terms and gap.const > 0:
                        hit = f
            if hit is None:
                return q
            (lam,) = hit.nested
            half = len(hit.slots) // 2
            inner = tuple(p.fresh(i.size) for i in hit.slots[:half])
            rest = hit._replace(
                times=(p.lin_add(hit.times[0], Lin(1)), hit.times[1]),
                slots=(*hit.slots[:half], *inner),
            )
            names = dict(zip(lam.params, (hit.times[0], *inner, *hit.slots[half:]), strict=True))
            body = p.renamed(lam.poly, names)
            q = canonical(substituted(q, hit, p.bind(p.mul(p.atom(rest), body), *inner)))
        return q
