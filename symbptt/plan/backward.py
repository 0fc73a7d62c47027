"""The backward road: the adjoints and the gradients, and nothing that neither needs.

A term that reaches back k steps is pushed to row t − k as soon as it is known, so no step past
T is ever computed:

    for t = T..1:  da[t] = dh[t] ∘ slope[t];  dh[t−1] += da[t] W_hᵀ
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import matrix as mx
from ..model import LOSS, Equation
from .forward import Forward
from .lower import Lowering
from .program import Buffer, Instruction, Loop, Part, Ref
from .schedule import Component, components, depends, is_timed
from .split import narrow
from .totals import time_sum, total
from .views import Labels, Sides, replaced, unnamed

Node = mx.Node


class Planner(Forward):
    """The loss and its gradients, on top of the forward pass."""

    def train(self) -> Part:
        b = self.b
        for d in self.model.states:  # one that no loss feels has a final value all the same
            if d.name not in self.model.reaching_loss:
                self.resolve(d.name)
        loss = self.model.defined[self.model.loss.step.name]
        span = "last" if self.model.loss.over == "last" else "all"
        weight = 1 / self.horizon if self.model.loss.over == "mean" else 1
        labels = self.labels[loss.lhs.name]
        self.terms = total(b, loss.rhs, span, labels, weight)
        for stage in (self.backward, self.gradients):
            b.items = []
            self.blocks.append(b.items)
            stage()
        whole = next(e.label for e in self.d.group("forward").equations if e.lhs == LOSS)
        forward, backward, gradients = map(tuple, self.blocks)
        return Part(forward, backward, gradients, tuple(self.terms), (*labels, whole))

    def swept(self) -> list[set[str]]:
        """The arrays that each sweep over segments but the last is made for."""
        sweeps = self.d.segments.sweeps[:-1] if self.d.segments else ()
        return [{self._holding(x) for x in w.carried} for w in sweeps]

    def _holding(self, x: Node) -> str:
        return self.total_name[x.wrt.name] if isinstance(x, mx.Deriv) else x.name

    # -- backward

    def symbols(self, e: Node) -> Node:
        """dL/dv[t] as the variable that will hold it."""
        names = {
            x: mx.Var(self.total_name[x.wrt.name], x.wrt.shape, x.wrt.times)
            for x in e.atoms(mx.Deriv)
        }
        return unnamed(e.xreplace(names), self.views)

    def adjoint_sides(self) -> tuple[Sides, Labels]:
        """The recursions and their labels; what a view is owed stands in that of the whole."""
        sides = {self.total_name[n]: self.symbols(e.rhs) for n, e in self.d.adjoint.items()}
        labels: Labels = {self.total_name[n]: (e.label,) for n, e in self.d.adjoint.items()}
        views = {self.total_name[n] for n in self.views} & set(sides)
        sides, labels = replaced(sides, labels, {n: sides[n] for n in views})
        return {n: rhs for n, rhs in sides.items() if n not in views}, labels

    def backward(self) -> None:
        if self.model.cut is not None:  # ξ, drawn anew at every call
            self.b.bound[self.model.cut.name] = xi = Ref(self.model.cut.name, "all")
            lags = [self.model.lag(d.name) for d in self.model.states if not d.reversed]
            rows, ahead = max([1, *lags]) - 1, int(self.model.is_two_way)
            self.b.buffers[xi.buffer] = Buffer(xi.buffer, (), rows, ahead=ahead)
            if rows + ahead:  # no way into the sequence is cut
                self.b.emit("fill", Ref(xi.buffer, "padded"), 1)
            self.b.emit("draw", xi)
        right_sides, labels = self.adjoint_sides()
        needed = self._needed(right_sides)
        for c in components(right_sides, tuple(right_sides)):
            if not needed & set(c.names):
                continue
            if c.recurrent:
                sides = narrow(right_sides[n] for n in c.names)
                right_sides |= zip(c.names, sides, strict=True)
            step = self.step()
            pushes: list[Any] = []
            for name in c.names:
                pushes += self.adjoint(step, c, name, right_sides[name], labels[name])
            for out, term, lag, tag in pushes:
                self.add_to(step, replace(out, shift=-lag), mx.shift(term, -lag), set(c.names), tag)
            if step.items:
                ahead = any(self.b.buffers[n].ahead for n in c.names)
                self.b.items.append(Loop(not ahead, step.straight()))

    def _needed(self, right_sides: dict[str, Node]) -> set[str]:
        """The adjoints that some gradient is computed from."""
        needed = {self.total_name.get(s.name, "") for s in self.model.states}
        for e in self.d.group("gradient").equations:
            needed |= {v.name for v in mx.variables(self.symbols(e.rhs))}
        while True:
            more = {
                v.name for n in needed & set(right_sides) for v in mx.variables(right_sides[n])
            } - needed
            if not more:
                return needed
            needed |= more

    def adjoint(
        self, step: Lowering, c: Component, name: str, rhs: Node, labels: Any
    ) -> list[tuple[Ref, Node, int, Any]]:
        """Lay out one adjoint; returns the terms to push back once the step is done."""
        names = set(c.names) if c.recurrent else set()
        terms = rhs.args if isinstance(rhs, mx.Plus) else (rhs,)
        lags = {a: self._lag(a) for a in terms}
        now = [a for a in terms if not lags[a] and not depends(a, names)]
        within = [a for a in terms if not lags[a] and depends(a, names)]
        later = [a for a in terms if lags[a]]
        if not later and not within:
            self._at_once(name, rhs, labels)
            return []
        rows, ahead = max(0, *lags.values()), -min(0, *lags.values())
        self.b.buffers[name] = Buffer(name, rhs.shape, rows, ahead=ahead)
        self.b.bound[name] = Ref(name, "all")
        started = self._start(name, rhs.shape, now, bool(later), labels, rows + ahead)
        zeros = [v.name for a in later for v in mx.variables(a)]
        self.also(Ref(name, "all"), [x for n in zeros for x in self.boundary.get(n, ())])
        out = Ref(name, "step")
        if not started and len(within) == 1:
            step.value(self.hoisted(within[0], names, labels), "step", labels, out)
        elif not started:
            whole = mx.plus(*within)
            step.value(self.hoisted(whole, names, labels), "step", labels, out)
        else:
            for a in within:
                self.add_to(step, out, a, names, labels)
        for a in [a for a in later if not depends(a, names)]:
            self._shifted(name, a, lags[a], labels)
        pushed = [a for a in later if depends(a, names)]
        pushed.sort(key=lambda a: not depends(a, {name}))  # the row itself is read for these first
        return [(out, a, lags[a], self._pushed(name, lags[a], labels)) for a in pushed]

    def _pushed(self, name: str, lag: int, labels: Any) -> tuple[str, ...]:
        """The labels of a term added k rows earlier: the first k of those rows are a start."""
        return (*labels, *self.starts.get(name, ())[: abs(lag)])

    def _lag(self, term: Node) -> int:
        """k for a term that reads an adjoint at t + k; k < 0 where time runs back."""
        adjoints = set(self.total_name.values())
        lags = [int(v.time - mx.t) for v in mx.variables(term) if v.name in adjoints]
        return max(lags, key=abs, default=0)

    def _at_once(self, name: str, rhs: Node, labels: Any) -> None:
        last = self._is_last(rhs)
        span = "last" if last else "all"
        # A constant stands there once for every step.
        out = None if is_timed(rhs) else self.b.new(name, rhs.shape, span)
        ref = self.b.value(rhs, span, labels, out)
        if last:
            self.last_only.add(name)
        self.also(ref, labels)
        self.b.bound[name] = self.named(ref, name)

    def also(self, ref: Ref, labels: Any) -> None:
        """A value computed for one equation that is another one too carries both labels."""
        for block in reversed(self.blocks):
            for n, i in reversed(list(enumerate(block))):
                if isinstance(i, Instruction) and replace(i.out, flat=ref.flat) == ref:
                    block[n] = replace(i, labels=tuple(dict.fromkeys((*i.labels, *labels))))
                    return

    def _is_last(self, e: Node) -> bool:
        return e.has(mx.Kron(mx.t, mx.T)) or depends(e, self.last_only)

    def _start(
        self, name: str, shape: Any, now: list[Node], fill: bool, labels: Any, rows: int
    ) -> bool:
        """What the loop adds to: the immediate terms, or zero where only later steps add."""
        b = self.b
        always = [a for a in now if not self._is_last(a)]
        at_end = [a for a in now if self._is_last(a)]
        if rows:
            b.emit("fill", Ref(name, "start"), 0, labels=self.starts.get(name, labels))
        if always:
            before = mx.plus(mx.zeros(shape), *always)
            b.value(before, "all", labels, Ref(name, "all"))
            b.forget(before, "all")
        elif fill or at_end:
            b.emit("fill", Ref(name, "all"), 0, labels=labels)
        if at_end:
            ref = b.value(mx.plus(mx.zeros(shape), *at_end), "last", labels)
            last = Ref(name, "last")
            b.emit("add", last, last, ref, labels=labels)
        return bool(now) or fill

    def _shifted(self, name: str, term: Node, lag: int, labels: Any) -> None:
        """A later term from outside the loop: known for all t, added k rows earlier."""
        labels, term = self._pushed(name, lag, labels), mx.shift(term, -lag)
        span = "last" if self._is_last(term) else "all"
        ref = self.b.value(term, span, labels)
        rows = Ref(name, span, -lag)
        self.b.emit("add", rows, rows, ref, labels=labels)

    # -- gradients

    def gradients(self) -> None:
        for e in self.d.group("gradient").equations:
            d = self.model.table[e.lhs.wrt.name]
            if d.role != "state":
                self.gradient(e, *narrow([self.symbols(e.rhs)]))

    def gradient(self, e: Equation, rhs: Node) -> None:
        v = e.lhs.wrt
        name = self._adjoint_name(v.name)
        rows = 0 if v.times else None
        self.b.buffers[name] = Buffer(name, v.shape, rows, "grad")
        out = Ref(name, "all" if v.times else "static")
        labels = (e.label,)
        if not isinstance(rhs, mx.TimeSum):
            if rhs.shape and not mx.variables(rhs):
                self.b.emit("fill", out, 0, labels=labels)
            else:
                self._every_step(rhs, labels, out)
            return
        body = rhs.args[0]
        terms = body.args if isinstance(body, mx.Plus) else (body,)
        for n, a in enumerate(terms):
            span = "last" if self._is_last(a) else "all"
            if span == "last":
                a = a.xreplace({mx.Kron(mx.t, mx.T): mx.Scalar(1)})
            if not n:
                time_sum(self.b, a, span, labels, out)
                continue
            more = self.b.new(f"{name}_more", v.shape, "static")
            time_sum(self.b, a, span, labels, more)
            self.b.emit("add", out, out, more, labels=labels)

    def _every_step(self, rhs: Node, labels: Any, out: Ref) -> None:
        """A gradient for each t; where the loss is that of T some terms are there at T only."""
        terms = rhs.args if isinstance(rhs, mx.Plus) else (rhs,)
        always = [a for a in terms if not self._is_last(a)]
        at_end = [a for a in terms if self._is_last(a)]
        last = replace(out, span="last")
        if always:
            self.b.value(mx.plus(mx.zeros(rhs.shape), *always), "all", labels, out)
        else:
            self.b.emit("fill", out, 0, labels=labels)
        if at_end and always:
            ref = self.b.value(mx.plus(mx.zeros(rhs.shape), *at_end), "last", labels)
            self.b.emit("add", last, last, ref, labels=labels)
        elif at_end:
            self.b.value(rhs, "last", labels, last)
