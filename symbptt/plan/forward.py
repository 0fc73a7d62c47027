"""The forward pass of a program, on demand, and what every pass is put together from.

A component that does not recur runs over all t at once. In a loop, whatever does not depend on
the loop is computed for all t before it:

    a = x W_x for all t;  for t = 1..T:  a[t] += h[t−1] W_h;  h[t] = tanh(a[t])
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import matrix as mx
from ..model import Derivation
from .lower import Lowering
from .operations import OPERATIONS, positive, turned_copy
from .program import Buffer, Instruction, Item, Loop, Part, Ref, Term
from .schedule import Component, components, depends, is_timed
from .split import is_weights, split
from .views import Labels, replaced, views_of

Node = mx.Node


class Forward:
    """The equations of a model as instructions; each value is computed when it is asked for."""

    def __init__(self, derivation: Derivation):
        self.d, self.model = derivation, derivation.model
        self.views = views_of(self.model)
        sides = {e.lhs.name: e.rhs for e in self.model.equations}
        labels: Labels = {e.lhs.name: (e.label,) for e in derivation.group("forward").equations}
        self.forward_rhs, self.labels = replaced(sides, labels, self.views)
        self.total_name = {n: self._adjoint_name(n) for n in derivation.adjoint}
        self.boundary, self.starts = self._ends()
        gradients = map(self._adjoint_name, self.model.table)
        self.reserved = frozenset((*self.model.table, *gradients))
        self.b = Lowering({}, OPERATIONS, self.resolve, self.reserved)
        order = tuple(self.forward_rhs)
        self.component = {n: c for c in components(self.forward_rhs, order) for n in c.names}
        self.last_only: set[str] = set()
        self.blocks: list[list[Item]] = [self.b.items]
        self.terms: list[Term] = []
        self.horizon = mx.T  # how many losses a mean is taken over
        for d in (*self.model.params, *self.model.inputs, *self.model.targets):
            kind = "real" if d.classes is None else "index"
            rows = 0 if d.timed else None
            role = "input" if d.role == "mask" else d.role
            self.b.buffers[d.name] = Buffer(d.name, d.shape, rows, role, kind)
            if d.timed:
                self.b.bound[d.name] = Ref(d.name, "all")

    def _adjoint_name(self, name: str) -> str:
        name = f"d{name}"
        while name in self.model.table:
            name += "_"
        return name

    def _ends(self) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
        """Adjoint -> the labels of its zeros past T, and of its rows before t = 1, latest first."""
        past: dict[str, list[str]] = {}
        before: dict[str, list[str]] = {}
        for key, found in (("boundary", past), ("gradient", before)):
            # A model that reads no other step has no boundary.
            for e in (e for g in self.d.groups if g.key == key for e in g.equations):
                v = e.lhs.wrt
                if v.times and v.time != mx.t:
                    found.setdefault(self._adjoint_name(v.name), []).append(e.label)
        return past, before

    def resolve(self, name: str) -> None:
        """Compute a variable of the forward pass, with what it needs."""
        c = self.component[name]
        if c.recurrent:
            self.forward_loop(c)
            return
        span = self.span(name)
        label = self.labels[name]
        rhs, before = self.forward_rhs[name], set(self.b.buffers)
        if rows := self.model.lag(name):  # a state that does not recur, read at earlier times
            self._state(name, rhs.shape, rows)
            self.b.value(rhs, "all", label, Ref(name, "all"))
            return
        # A constant stands there once for every step.
        out = None if is_timed(rhs) else self.b.new(name, rhs.shape, span)
        ref = self.b.value(rhs, span, label, out)
        # An instruction that is being put together may hold an older buffer by its old name.
        self.b.bound[name] = ref if ref.buffer in before else self.named(ref, name)

    def span(self, name: str) -> str:
        """All t, or only T for what nothing but a loss at T reads."""
        if self.model.loss.over != "last" or self.feeds_later_steps(name):
            return "all"
        return "last"

    def feeds_later_steps(self, name: str) -> bool:
        reached, frontier = set(), {name}
        while frontier:
            reached |= frontier
            frontier = {
                n for n, rhs in self.forward_rhs.items() if depends(rhs, frontier)
            } - reached
        return any(self.component[n].recurrent or self.model.lag(n) for n in reached)

    def named(self, ref: Ref, name: str) -> Ref:
        """Give a work buffer the name of the variable it holds, unless it holds another's."""
        b = self.b
        old = b.buffers[ref.buffer]
        taken = {r.buffer for r in b.bound.values()}
        if old.role not in ("work", "static") or old.name in taken or name in b.buffers:
            return ref
        b.buffers[name] = replace(b.buffers.pop(old.name), name=name)
        for block in self.blocks:
            block[:] = [_renamed(i, old.name, name) for i in block]
        self.terms = [
            replace(x, args=tuple(_renamed_ref(r, old.name, name) for r in x.args))
            for x in self.terms
        ]
        for memo in (b.memo, b.bound):
            for key, r in list(memo.items()):
                if r.buffer == old.name:
                    memo[key] = replace(r, buffer=name)  # type: ignore[index]
        return replace(ref, buffer=name)

    def forward_loop(self, c: Component) -> None:
        names = set(c.names)
        for name in c.names:
            self._state(name, self.model.table[name].shape, self.model.lag(name))
        step = self.step()
        for name in c.names:
            rhs = split(self.forward_rhs[name], names)
            self.accumulate(step, name, rhs, names, self.labels[name])
        ahead = any(self.model.table[n].reversed for n in c.names)
        self.b.items.append(Loop(ahead, step.straight()))

    def _state(self, name: str, shape: Any, lag: int) -> None:
        """An array over time, with the rows before t = 1 (past T) where it is read there."""
        if self.model.table[name].reversed:
            self.b.buffers[name] = Buffer(name, shape, 0, ahead=lag)
        else:
            self.b.buffers[name] = Buffer(name, shape, lag)
        self.b.bound[name] = Ref(name, "all")
        if lag:
            self.b.emit("start", Ref(name, "start"), name)

    def step(self) -> Lowering:
        """A lowering for the body of a loop: the same buffers, its own instructions."""
        return Lowering(self.b.buffers, OPERATIONS, self.resolve, self.reserved, bound=self.b.bound)

    def accumulate(
        self, step: Lowering, name: str, rhs: Node, names: set[str], labels: Any
    ) -> None:
        """name[t] = rhs in a loop: what does not depend on the loop is summed before it."""
        terms = rhs.args if isinstance(rhs, mx.Plus) else (rhs,)
        outside = [a for a in terms if not depends(a, names)]
        inside = [a for a in terms if depends(a, names)]
        out = Ref(name, "step")
        if outside:
            before = mx.plus(mx.zeros(rhs.shape), *outside)
            self.b.value(before, "all", labels, Ref(name, "all"))
            self.b.forget(before, "all")
            for a in inside:
                self.add_to(step, out, a, names, labels)
        else:
            step.value(self.hoisted(rhs, names, labels), "step", labels, out)

    def add_to(self, step: Lowering, out: Ref, term: Node, names: set[str], labels: Any) -> None:
        """out ± = term, in a loop."""
        negative, term = positive(term)
        ref = step.value(self.hoisted(term, names, labels), "step", labels)
        step.emit("subtract" if negative else "add", out, out, ref, labels=labels)

    def hoisted(self, e: Node, names: set[str], labels: Any) -> Node:
        """e with its parts that do not depend on the loop computed before it."""
        if isinstance(e, mx.Var | mx.Scalar | mx.OneHot):
            return e
        if not depends(e, names):
            return self._before(e, names, labels)
        if isinstance(e, mx.Plus | mx.Times):
            return self._hoisted_group(e, names, labels)
        args = [self.hoisted(a, names, labels) if isinstance(a, mx.Node) else a for a in e.args]
        return e.func(*args)

    def _hoisted_group(self, e: Node, names: set[str], labels: Any) -> Node:
        """In a sum or product the parts outside the loop are one value, not several."""
        build = mx.plus if isinstance(e, mx.Plus) else mx.times
        outside = [a for a in e.args if not depends(a, names) and not isinstance(a, mx.Scalar)]
        inside = [a for a in e.args if depends(a, names) or isinstance(a, mx.Scalar)]
        if len(outside) > 1 and all(a.shape == e.shape for a in outside):
            outside = [build(*outside)]
        moved = [self.hoisted(a, names, labels) for a in (*inside, *outside)]
        return build(*moved)

    def _before(self, e: Node, names: set[str], labels: Any) -> Node:
        if is_weights(e):  # a view of a matrix: what stands in one run, or nearly
            return e
        if isinstance(e, mx.Transpose | mx.Block) and is_weights(mx.transpose(e)):
            return mx.Var(turned_copy(self.b, mx.transpose(e), ()).buffer, e.shape)
        if isinstance(e, mx.Broadcast | mx.Expand | mx.Block):
            return e.func(self.hoisted(e.args[0], names, labels), *e.args[1:])
        if not mx.variables(e):
            return e
        timed = is_timed(e)
        ref = self.b.value(e, "all" if timed else "static", labels)
        self.b.bound.setdefault(ref.buffer, ref)
        return mx.Var(ref.buffer, e.shape, (mx.t,) if timed else ())

    # -- the part

    def infer(self) -> Part:
        for name in self.readout():
            if name not in self.b.bound:
                self.resolve(name)
            if self.b.bound[name].buffer != name:  # a value under two names is returned by this
                self.copied(name, self.b.bound[name])
        for state in self.model.states:
            if state.name not in self.b.bound:
                self.resolve(state.name)
        return Part(tuple(self.b.items))

    def copied(self, name: str, ref: Ref) -> None:
        last = self.span(name) == "last"
        self.b.buffers[name] = Buffer(name, self.model.table[name].shape, None if last else 0)
        out = Ref(name, "static" if last else "all")
        self.b.bound[name] = self.b.emit("copy", out, ref, labels=self.labels[name])

    def readout(self) -> tuple[str, ...]:
        """What the loss is computed from, as the model names it."""
        given = self.d.given or self.model
        read = mx.variables(given.defined[given.loss.step.name].rhs)
        return tuple(dict.fromkeys(v.name for v in read if v.name in self.forward_rhs))


def _renamed(item: Item, old: str, new: str) -> Item:
    if isinstance(item, Loop):
        return replace(item, body=tuple(_renamed_one(i, old, new) for i in item.body))
    return _renamed_one(item, old, new)


def _renamed_one(i: Instruction, old: str, new: str) -> Instruction:
    args = tuple(_renamed_ref(a, old, new) for a in i.args)
    return replace(i, out=_renamed_ref(i.out, old, new), args=args)


def _renamed_ref(r: Any, old: str, new: str) -> Any:
    return replace(r, buffer=new) if isinstance(r, Ref) and r.buffer == old else r
