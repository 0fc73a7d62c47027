"""Forward values written out: h_t as tanh(a_t), a_t as W h_{t−1} + ….

A derivation is rewritten with its values by their names, but for those that are one product of
functions; a mean under a root, written out at every step of the chain rule, would grow like a
power of its terms. What is then left of the two sides is written out whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from functools import cached_property
from typing import Any

from ... import matrix as mx
from ...indices import poly as p
from ...indices.canon import canonical
from ...indices.lower import free_slots, function, lower
from ...indices.poly import Factor, Lin, Mono, Poly
from ...model import Equation, Model
from .substitute import at_time, deep, renamed, unfold

NUMBERED = 8  # steps back that are written out where steps are numbers


class Values:
    """The definitions of one model's values."""

    def __init__(self, model: Model):
        self.model = model
        self._back = {e.lhs.name for run, back in model.passes if back for e in run}
        self._order = {e.lhs.name: n for n, e in enumerate(model.equations)}

    def named(self, q: Poly) -> Poly:
        """h_t as tanh(a_t): what is one product of functions written out, sums by their names."""
        return self._written_out(q, self._is_product)

    def opened(self, q: Poly) -> Poly:
        """All values that are functions of the same step, written out."""
        return self._written_out(q, self._opens)

    def _written_out(self, q: Poly, opens: Callable[[Factor], bool]) -> Poly:
        for _ in range(8):
            found = next(
                (
                    f
                    for m in q
                    for f in deep(m)
                    if f.kind == "var" and not isinstance(f.name, tuple) and opens(f)
                ),
                None,
            )
            if found is None:
                return q
            q = canonical(unfold(q, opens, self._definition))
        return q

    def _is_product(self, f: Factor) -> bool:
        return self._opens(f) and f.name in self._products

    @cached_property
    def _products(self) -> frozenset[str]:
        """The values whose definition is one monomial that sums over nothing."""
        found = set()
        for e in self.model.equations:
            terms = lower(e.rhs, free_slots(e.lhs.shape)) if self._is_local(e) else {}
            found |= {e.lhs.name for m in terms if len(terms) == 1 and not m.bound}
        return frozenset(found)

    def _opens(self, f: Factor) -> bool:
        e = self.model.defined.get(f.name)
        if e is None or not f.times:
            return False
        if not f.times[0].terms and f.times[0].const <= 0:
            return False  # an initial state
        if f.times[0].const < -6:
            return False
        return self._is_local(e)

    def _is_local(self, e: Equation) -> bool:
        """Whether a definition reads values of its own step alone, or none."""
        reads = mx.variables(e.rhs)
        plain = all(v.times and v.time == mx.t for v in reads) or not any(v.times for v in reads)
        return plain and not e.rhs.has(mx.Call) and e.lhs.name != self.model.loss.step.name

    def _definition(self, f: Factor) -> Poly:
        e = self.model.defined[f.name]
        slots = free_slots(e.lhs.shape)
        return renamed(at_time(lower(e.rhs, slots), f.times[0]), e.lhs.shape, f.slots)

    def folded(self, q: Poly) -> Poly:
        """tanh(W h_{t−1} + U x_t + b) as tanh(a_t): what a line writes out, by its name."""
        out: Poly = {}
        for m, c in q.items():
            product: Poly = {Mono(frozenset(), ()): c}
            for f, e in m.factors:
                argument = self._named(f) if f.kind == "fn" else None
                x = p.atom(f) if argument is None else function(f.name, p.atom(argument))
                product = p.mul(product, p.power(x, Fraction(e)))
            out = p.add(out, p.bind(product, *m.bound) if m.bound else product)
        return out

    def _named(self, f: Factor) -> Factor | None:
        """The value whose definition is the argument of this function."""
        written = dict(f.nested[0].poly)
        slots = tuple(sorted(p.free(f), key=repr))
        if len(written) < 2:
            return None
        read = {(g.name, g.times[0]) for m in written for g, _ in m.factors if g.times}
        for e in self.model.equations:
            if len(e.lhs.shape) != len(slots) or not isinstance(e.rhs, mx.Plus):
                continue
            for v in (v for v in mx.variables(e.rhs) if v.times):
                for time in (time for name, time in read if name == v.name):
                    at = p.lin_add(time, Lin(int(mx.t - v.time)))
                    one = Factor("var", e.lhs.name, (at,), slots)
                    if not canonical(p.add(written, p.scale(self._definition(one), -1))):
                        return one
        return None

    def written(self, q: Poly) -> Iterator[Poly]:
        """o_t as W h_t + c, then h_t, then a_t: what is computed last first, and only values of
        the latest time (of what runs back, the earliest). For lines that write some of them out."""
        latest: dict[Any, Any] = {}
        for run, when in map(self._when, self._computed(q)):
            latest[run] = max(latest.get(run, when), when)
        for _ in self.model.equations:
            now = [f for f in self._computed(q) if self._is_latest(f, latest)]
            if not now:
                break
            last = max({f.name for f in now}, key=lambda name: self._order[name])

            def wanted(f: Factor, last: str = last) -> bool:
                return self._is_computed(f) and f.name == last and self._is_latest(f, latest)

            q = self.opened(canonical(unfold(q, wanted, self._definition)))
            yield q
        for _ in range(NUMBERED):  # a_3 reads h_2, and that a_2
            if all(f.times[0].terms for f in self._computed(q)):
                return
            q = self.opened(canonical(unfold(q, self._is_numbered, self._definition)))
            yield q

    def _when(self, f: Factor) -> tuple[Any, Any]:
        """The run that a value is computed in, and how late in it."""
        back = f.name in self._back
        return (f.times[0].terms, back), -f.times[0].const if back else f.times[0].const

    def _is_latest(self, f: Factor, latest: dict[Any, Any]) -> bool:
        run, when = self._when(f)
        return bool(latest.get(run) == when)

    def _computed(self, q: Poly) -> list[Factor]:
        return [f for m in q for f in deep(m) if self._is_computed(f)]

    def _is_computed(self, f: Factor) -> bool:
        if f.kind != "var" or isinstance(f.name, tuple) or not f.times:
            return False
        e = self.model.defined.get(f.name)
        if e is None or e.rhs.has(mx.Call):
            return False
        return bool(f.times[0].terms) or f.times[0].const > 0

    def _is_numbered(self, f: Factor) -> bool:
        return self._is_computed(f) and not f.times[0].terms
