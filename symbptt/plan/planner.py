"""Derivation -> Program, on demand: what the loss and the gradients need, and nothing else.

A component that does not recur runs over all t at once. In a loop, whatever does not depend
on the loop is computed for all t before it; a term that reaches back k steps in the backward
road is pushed to row t − k as soon as it is known, so no step past T is ever computed:

    for t = T..1:  da[t] = dh[t] ∘ slope[t];  dh[t−1] += da[t] W_hᵀ
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .. import matrix as mx
from ..errors import UnsupportedError, expect
from ..model import LOSS, Derivation, Equation
from ..strategy import Blocks, Checkpoint, Clip, Online
from .arrange import Upto, arranged
from .lower import Lowering
from .operations import OPERATIONS, positive, turned_copy
from .program import Buffer, Instruction, Item, Loop, Part, Program, Ref, Term, standing
from .reuse import share
from .schedule import Component, components, depends, is_timed
from .slice import part_of
from .split import is_weights, narrow, split
from .totals import time_sum, total
from .views import Labels, Sides, replaced, unnamed, views_of

Node = mx.Node


def plan(derivation: Derivation, clip: Clip | None = None, *, upto: Upto = "gates") -> Program:
    """The optimised program of a derivation. Raises UnsupportedError for what has no code.

    `upto` is the last pass over its loops that is made, for the report to compare.
    """
    expect(derivation, Derivation, "plan", "plan(derive(load('elman')))")
    model = derivation.model
    if model.is_uninterpreted:
        calls = sorted({c.name for e in model.equations for c in e.rhs.atoms(mx.Call)})
        raise UnsupportedError(
            f"{', '.join(calls)} of model {model.name} has no body, so there is nothing to compute",
            f"function {calls[0]}(…) = …, or a built-in loss such as squared_error",
        )
    program = drafted(derivation, clip, upto=upto)
    finals = {standing(program.buffers, s.name) for s in model.states}
    results = finals | {standing(program.buffers, n) for n in program.readout}
    parts = (program.train, *program.sweeps)
    (train, *sweeps), buffers = share(parts, program.buffers, finals, results, program.infer)
    return replace(program, train=train, sweeps=tuple(sweeps), buffers=buffers)


def drafted(derivation: Derivation, clip: Clip | None = None, *, upto: Upto = "gates") -> Program:
    """The program in which every array still has memory of its own."""
    model = derivation.model
    train, infer = _planner(derivation), _Planner(derivation)
    infer_part, train_part = infer.infer(), train.train()
    results = {*infer.readout(), *(s.name for s in model.states)}
    ours, theirs = (train_part, train.b.buffers), (infer_part, infer.b.buffers)
    if upto != "nothing":
        train_part, infer_part, buffers = arranged(ours, theirs, results, upto)
    else:
        missing = set(infer.b.buffers) - set(train.b.buffers)
        buffers = {**train.b.buffers, **{n: infer.b.buffers[n] for n in sorted(missing)}}
    sweeps = tuple(
        part_of(train_part, {standing(buffers, n) for n in names}, buffers)
        for names in train.swept()
    )
    return Program(derivation, train_part, infer_part, buffers, infer.readout(), sweeps, clip)


def _planner(derivation: Derivation) -> _Planner:
    from .blocks import BlocksPlanner
    from .checkpoint import FINAL, SegmentPlanner, weighted

    if isinstance(derivation.strategy, Online):
        return SegmentPlanner(weighted(derivation), 1 / FINAL)
    planners = {Blocks: BlocksPlanner, Checkpoint: SegmentPlanner}
    return planners.get(type(derivation.strategy), _Planner)(derivation)


class _Planner:
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

    # -- forward

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

    # -- the parts

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

    def swept(self) -> list[set[str]]:
        """The arrays that each sweep over segments but the last is made for."""
        sweeps = self.d.segments.sweeps[:-1] if self.d.segments else ()
        return [{self._holding(x) for x in w.carried} for w in sweeps]

    def _holding(self, x: Node) -> str:
        return self.total_name[x.wrt.name] if isinstance(x, mx.Deriv) else x.name

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


def _renamed(item: Item, old: str, new: str) -> Item:
    if isinstance(item, Loop):
        return replace(item, body=tuple(_renamed_one(i, old, new) for i in item.body))
    return _renamed_one(item, old, new)


def _renamed_one(i: Instruction, old: str, new: str) -> Instruction:
    args = tuple(_renamed_ref(a, old, new) for a in i.args)
    return replace(i, out=_renamed_ref(i.out, old, new), args=args)


def _renamed_ref(r: Any, old: str, new: str) -> Any:
    return replace(r, buffer=new) if isinstance(r, Ref) and r.buffer == old else r
