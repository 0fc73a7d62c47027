"""The backward and the forward road to one gradient, joined by summation by parts.

    λ_t = u_t + Σ λ_{t+j} J_{t+j,t}        S_t = B_t + Σ J_{t,t−j} S_{t−j}
    Σ_t (λ_t written out) S_t = Σ_t λ_t (S_t written out)    so    Σ_t u_t S_t = Σ_t λ_t B_t

for any number of states, read at any fixed lag: past T there is no λ, before step 1 no S; of a
state that runs from T to 1, before step 1 no λ and past T no S.
"""

from __future__ import annotations

from typing import Any

from ...indices import poly as p
from ...indices.canon import canonical
from ...indices.poly import Factor, Lin, Poly
from ...model import Model
from ..world import TOTAL
from .chain import ROUNDS, ChainRule
from .substitute import is_atom, substituted
from .values import Values

LAST = Lin(0, (("T", 1),))


class Parts:
    """Summation by parts for one model."""

    def __init__(self, model: Model, chain: ChainRule, values: Values):
        self.model, self.chain, self.values = model, chain, values
        self.states = {d.name for d in model.states}

    def joined(self, q: Poly) -> list[Poly]:
        """The polynomial in λ and S of the states alone, and with the identity for each parameter
        taken from it; none where no S is summed over time."""
        carried = any(
            self._is_sensitivity(f) and any(name in m.bound for name, _ in f.times[0].terms)
            for m in q
            for f, _ in m.factors
        )
        if not carried:
            return []
        q = self.written(q)
        found = {
            (f.name[2], f.slots[len(self.model.table[f.name[1]].shape) :])
            for m in q
            for f, _ in m.factors
            if self._is_sensitivity(f) and f.name[1] in self.states
        }
        out: list[Poly] = []
        for by, slots in sorted(found, key=repr):
            identity = self.identity(by, slots)
            out += [p.add(q, p.scale(identity, sign)) for sign in (1, -1)]
        return [canonical(self.values.opened(canonical(x))) for x in out]

    def identity(self, by: str, slots: Any) -> Poly:
        """Σ_t (λ_t written out) S_t − λ_t (S_t written out), which is 0."""
        index = p.fresh(p.TIME)
        here = Lin(0, ((index, 1),))
        out: Poly = {}
        for d in (d for d in self.model.states if self.chain.reaches(by, d.name)):
            inner = tuple(p.unit(p.fresh(str(n))) for n in d.shape)
            lam = Factor("var", (TOTAL, "L", d.name, False, True, False), (here,), inner)
            name = (TOTAL, d.name, by, True, False, False)
            sens = Factor("var", name, (here,), (*inner, *slots))
            before = sens._replace(times=(p.lin_add(here, Lin(1 if d.reversed else -1)),))
            later = self.chain.readers(TOTAL, d.name, here, inner)
            earlier = self.chain.onward(sens, [sens, before]) or {}
            body = p.add(
                p.mul(self.written(later), p.atom(sens)),
                p.scale(p.mul(p.atom(lam), self.written(earlier)), -1),
            )
            bound = [i for i in inner if i != p.UNIT]
            out = p.add(out, p.bind(body, *bound) if bound else body)
        low = Factor("ge", "", (p.lin_add(here, Lin(1), -1),))
        high = Factor("ge", "", (p.lin_add(LAST, here, -1),))
        return self.within(p.bind(p.mul(p.mul(p.atom(low), p.atom(high)), out), index))

    def written(self, q: Poly) -> Poly:
        """Every derivative written out but those of the loss by a state, and of a state by a
        parameter."""
        for _ in range(ROUNDS):
            q = canonical(q)
            for f in sorted({f for m in q for f, _ in m.factors if is_atom(f)}, key=repr):
                poly = self._once(f)
                if poly is not None:
                    q = substituted(q, f, poly)
                    break
            else:
                break
        return self.within(q)

    def _once(self, f: Factor) -> Poly | None:
        kind, of, by, _, by_timed, _ = f.name
        if kind == TOTAL and of == "L" and by_timed:
            if by in self.states:
                return None
            return self.chain.readers(TOTAL, by, f.times[-1], f.slots)
        if self._is_sensitivity(f) and of in self.states:
            return None if self.chain.reaches(by, of) else {}
        return self.chain.expansion(f, [f])

    def _is_sensitivity(self, f: Factor) -> bool:
        return is_atom(f) and f.name[0] == TOTAL and f.name[3:] == (True, False, False)

    def within(self, q: Poly) -> Poly:
        """Only λ up to T and S from step 1 on (or the other way): there are no others."""
        out: Poly = {}
        for m, c in q.items():
            limits = set()
            for f, _ in m.factors:
                if is_atom(f) and f.name[:2] == (TOTAL, "L") and f.name[4]:
                    limits.add(_within(f, not self.model.table[f.name[2]].reversed))
                elif self._is_sensitivity(f):
                    limits.add(_within(f, self.model.table[f.name[1]].reversed))
            product: Poly = {p.Mono(frozenset(), m.factors): c}
            for limit in sorted(limits, key=repr):
                product = p.mul(product, p.atom(Factor("ge", "", (limit,))))
            out = p.add(out, p.bind(product, *m.bound) if m.bound else product)
        return canonical(out)


def _within(f: Factor, above: bool) -> Lin:
    """The constraint t ≤ T or 1 ≤ t on the time of a derivative."""
    return p.lin_add(LAST, f.times[0], -1) if above else p.lin_add(f.times[0], Lin(1), -1)
