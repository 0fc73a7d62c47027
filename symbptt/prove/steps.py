"""One step as a function of the states it reads, and the partials that the claims need.

Written apart from `derive`: the judge finds for itself which state reads which.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from .. import matrix as mx
from ..indices import jacobian
from ..indices import poly as p
from ..indices.canon import canonical_lam
from ..indices.lower import free_slots
from ..model import Model, lag_of

HELD = "°"  # marks a name that differentiation holds fixed


@dataclass(frozen=True)
class Steps:
    """F_v for every state v that reaches the loss, and for the loss of the step."""

    model: Model

    @cached_property
    def states(self) -> tuple[mx.Var, ...]:
        live = self.model.reaching_loss & set(self.model.defined)
        return tuple(d.var(mx.t) for d in self.model.states if d.name in live)

    @property
    def lost(self) -> mx.Var:
        """The loss of the step."""
        return self.model.loss.step

    @cached_property
    def side(self) -> dict[mx.Var, mx.Node]:
        """v -> F_v, with the step's other values replaced by their definitions."""
        rhs = {v: self.model.defined[v.name].rhs for v in (*self.states, self.lost)}
        return {v: self.model.unfold(e, keep=self.states) for v, e in rhs.items()}

    def arguments(self, v: mx.Var) -> list[mx.Var]:
        """The states that F_v is a function of, at their own times."""
        return [x for x in mx.variables(self.side[v]) if self._is_state(x)]

    def readers(self, name: str) -> list[tuple[mx.Var, mx.Var]]:
        """(v, the argument): every state or loss whose F reads the state `name`."""
        return [(v, x) for v in self.side for x in self.arguments(v) if x.name == name]

    def way(self, name: str) -> int:
        """1 where a state is read at earlier times, −1 where it is read at later ones."""
        inside = (lag_of(x) for v, x in self.readers(name) if v != self.lost)
        return -1 if min(inside, default=0) < 0 else 1

    @cached_property
    def joints(self) -> frozenset[str]:
        """Values of a step that the chain rule goes through: its sums and products.

        The value of a nonlinearity is none, as its slope is written in terms of it: it is
        replaced by its definition on both sides.
        """
        inner = (e for e in self.model.equations if e.lhs not in (*self.states, self.lost))
        return frozenset(
            e.lhs.name for e in inner if not isinstance(e.rhs, mx.Apply | mx.Softmax | mx.Var)
        )

    def kept(self, keep: Iterable[mx.Var], times: Iterable[Any], joints: bool) -> set[mx.Var]:
        """The values that stay names on both sides."""
        names = self.joints if joints else ()
        return {*keep, *(self.model.defined[n].lhs.at(s) for n in names for s in times)}

    def partial(self, of: mx.Var, wrt: mx.Var, kept: set[mx.Var], times: Iterable[Any]) -> p.Poly:
        """∂F_of/∂wrt by index-wise differentiation; `of` may be at any time.

        The other states that F_of reads are held fixed. The value is that of `Model.unfold`
        with the same `kept` and `times`: a state that is held fixed is replaced by its
        definition, under marked names while ∂ is taken. The chain rule runs through the values
        of this step that are kept.
        """
        move = of.time - mx.t
        slots = free_slots(of.shape + wrt.shape)
        done: dict[mx.Var, tuple[Any, p.Poly]] = {}

        def side(w: mx.Var) -> mx.Node:
            inner = [*self.states, *(k.at(mx.t) for k in kept if k.time == of.time)]
            rhs = mx.shift(self.model.unfold(self.model.defined[w.name].rhs, inner), move)
            held = {
                x: _marked(self.model.unfold(x, kept, times))
                for x in mx.variables(rhs)
                if self._is_state(x) and x.time in times and x not in kept
            }
            return rhs.xreplace(held)

        def through(w: mx.Var, out: Any) -> p.Poly:
            rhs, last = side(w), out + slots[of.rank :]
            total = _slope(rhs, wrt, last)
            for x in mx.variables(rhs):
                if x in kept and x.time == of.time and not self._is_state(x):
                    middle = tuple(p.unit(p.fresh(i.size)) for i in free_slots(x.shape))
                    slope = _slope(rhs, x, out + middle)
                    bound = [i for i in middle if i != p.UNIT]
                    total = p.add(total, p.bind(p.mul(slope, at(x, middle)), *bound))
            return total

        def at(x: mx.Var, out: Any) -> p.Poly:
            if x not in done:
                own = tuple(p.unit(p.fresh(i.size)) for i in out)
                done[x] = own, through(x, own)
            own, q = done[x]
            names = {i: j for i, j in zip(own, out, strict=True) if i != j}
            return p.add(*({p.rename_mono(m, names): c} for m, c in q.items()))

        return through(of, slots[: of.rank])

    def _is_state(self, v: mx.Var) -> bool:
        return any(v.name == s.name for s in self.states)

    def moved_by(self, wrt: mx.Var) -> set[str]:
        """The states that change with a parameter."""
        moved = {v.name for v in self.states if wrt in mx.variables(self.side[v])}
        for _ in self.states:
            moved |= {
                v.name for v in self.states if any(x.name in moved for x in self.arguments(v))
            }
        return moved

    def needed(self, way: int) -> set[mx.Var]:
        """The parts that a block of one way must have to be a function of the block before."""
        parts = {v for v in self.states if self.way(v.name) == way}
        for name in {v.name for v in parts}:
            for v, x in self.readers(name):
                # A step reads the block before; the loss of a step reads the block of its step.
                back = way * lag_of(x) - (0 if v == self.lost else 1)
                parts |= {x.at(mx.t - way * j) for j in range(back + 1)}
        return parts

    def crossing(self) -> Iterable[tuple[mx.Var, mx.Var]]:
        """States of one way that read states of the other."""
        for v in self.states:
            for x in self.arguments(v):
                if self.way(x.name) != self.way(v.name):
                    yield v, x


def _slope(rhs: mx.Node, wrt: mx.Var, slots: Any) -> p.Poly:
    """∂rhs/∂wrt, where the marked names do not move; then the marks are taken off."""
    slope = jacobian(rhs, wrt, slots)
    marked = any(v.name.endswith(HELD) for v in mx.variables(rhs))
    return _unmarked(slope) if marked else slope


def _marked(e: mx.Node) -> mx.Node:
    return e.xreplace({v: mx.Var(v.name + HELD, v.shape, v.times) for v in mx.variables(e)})


def _unmarked(q: p.Poly) -> p.Poly:
    """The polynomial with the marks taken off: the values are those of the names."""

    def of_poly(items: Iterable[tuple[p.Mono, Any]]) -> p.Poly:
        return p.add(*(p.scale(of_mono(m), c) for m, c in items))

    def of_mono(m: p.Mono) -> p.Poly:
        out = p.constant(1)
        for f, e in m.factors:
            out = p.mul(out, p.atom(of_factor(f), e))
        return p.bind(out, *m.bound) if m.bound else out

    def of_factor(f: p.Factor) -> p.Factor:
        name = f.name.removesuffix(HELD) if isinstance(f.name, str) else f.name
        nested = tuple(canonical_lam(x.params, of_poly(x.poly)) for x in f.nested)
        return f._replace(name=name, nested=nested)

    return of_poly(q.items())
