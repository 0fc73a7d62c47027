"""The backward pass of `Blocks`: the errors of all blocks go back one step together.

Block i holds the losses of the steps k1 (i−1) < t ≤ k1 i and ends at e = k1 i. After d steps
back, row i of an error buffer is its adjoint at t = e − d, for every block at once:

    for d = 0..k2−1:  e_a = e_h ∘ slope[rows];  da[rows] += e_a;  e_h = e_a W_hᵀ (+ dh_now[rows])

so k2 large matrix products stand in place of T/k1 · k2 small ones. The parameter gradients
are linear in the adjoints, so they are the same products as ever, of the sums over blocks. What
a state that runs from T to 1 gives goes ahead from the starts of the same blocks, in a loop of
its own.
"""

from __future__ import annotations

from collections import ChainMap
from dataclasses import replace
from typing import Any

from .. import matrix as mx
from ..errors import UnsupportedError
from ..strategy import Blocks
from .backward import Planner
from .lower import Lowering
from .operations import positive
from .program import Buffer, Instruction, Loop, Ref
from .schedule import depends

Node = mx.Node

# What can run over all blocks at once; the rest needs an array of its own length.
VECTORISED = {
    *("add", "subtract", "multiply", "divide", "negative", "sqrt", "power", "tanh", "exp", "log"),
    *(
        "sin",
        "cos",
        "sigmoid",
        "relu",
        "step",
        "softplus",
        "hardtanh",
        "copy",
        "fill",
        "dot",
        "matmul",
    ),
    *("matvec", "vecmat", "rowdot", "reduce", "reduce_keep", "rowmax"),
}


class BlocksPlanner(Planner):
    """A planner whose backward pass is one loop over the steps back."""

    def backward(self) -> None:
        strategy = self.d.strategy
        assert isinstance(strategy, Blocks)
        right, labels = self.adjoint_sides()
        needed = self._needed(right)
        carried = _reading({n for n in right if self._lags(right[n])}, right)
        ways = [self._together_names(right, carried, way) & needed for way in (1, -1)]
        together = set().union(*ways)
        self.wanted = self._summed(right, needed & carried - together)
        for name in right:  # in the order of one step backward
            if name in needed and name not in carried:
                self._at_once(name, right[name], labels[name])
        for names in filter(None, ways):
            self._together(names, carried, right, labels)
        for name in right:
            if name in needed and name in carried - together:
                self._at_once(name, right[name], labels[name])

    def _summed(self, right: dict[str, Node], after: set[str]) -> set[str]:
        """The adjoints whose sum over the blocks is read: by a gradient, or behind the loop."""
        gradients = (self.symbols(e.rhs) for e in self.d.group("gradient").equations
                     if self.model.table[e.lhs.wrt.name].role != "state")  # fmt: skip
        return {v.name for e in (*gradients, *(right[n] for n in after)) for v in mx.variables(e)}

    def _lags(self, rhs: Node) -> list[int]:
        return [lag for a in terms(rhs) if (lag := self._lag(a))]

    def _together_names(self, right: dict[str, Node], carried: set[str], way: int) -> set[str]:
        """The adjoints that go back in time (`way` 1), or ahead (−1), from step to step."""
        given = {
            v.name
            for rhs in right.values()
            for v in mx.variables(rhs)
            if v.name in right and way * (v.time - mx.t) > 0
        }
        behind = set(given)  # and what those are computed from
        while more := {v.name for n in behind for v in mx.variables(right[n])} & carried - behind:
            behind |= more
        return behind | {n for n in right if any(way * lag > 0 for lag in self._lags(right[n]))}

    def _together(
        self,
        names: set[str],
        carried: set[str],
        right: dict[str, Node],
        labels: dict[str, tuple[str, ...]],
    ) -> None:
        ordered = [n for n in right if n in names]
        lags = {n: self._lags(right[n]) for n in ordered}
        farthest = max((lag for found in lags.values() for lag in found), key=abs)
        slots = 1 + abs(farthest)
        errors = {n: self._error(n, right[n].shape, slots if lags[n] else 1) for n in ordered}
        bound: Any = ChainMap(dict(errors), self.b.bound)
        before = set(self.b.buffers)
        body = Lowering(self.b.buffers, self.b.table, self.resolve, self.reserved, bound=bound)
        for name in ordered:
            if lags[name]:
                self.b.emit("fill", Ref(errors[name].buffer), 0)
            if name in carried:
                self._sum(
                    name, right[name].shape, max(lags[name], key=abs, default=0), labels[name]
                )
                self._gather_terms(body, name, errors[name], right[name], names, labels[name])
            else:  # known for every t: only the losses of the block are its own
                own = replace(errors[name], span="own")
                body.emit("fill", errors[name], 0)
                body.emit("copy", own, replace(self.b.bound[name], span="own"))
        plain = slots == 2
        for name in ordered:
            for n, a in enumerate(a for a in terms(right[name]) if self._lag(a)):
                overwrite = plain and not n
                self._push(body, name, errors[name], a, overwrite, names, labels[name])
        if not plain:
            for name in ordered:
                if lags[name]:
                    body.emit("fill", errors[name], 0)
        self._mark(body, before)
        self.b.items.append(Loop(farthest > 0, body.straight(), together=True))

    def _error(self, name: str, shape: Any, slots: int) -> Ref:
        ref = self.b.new(f"e_{name}", shape, "all")
        self.b.buffers[ref.buffer] = replace(self.b.buffers[ref.buffer], role="error", slots=slots)
        return ref

    def _sum(self, name: str, shape: Any, lag: int, labels: Any) -> None:
        """The sum over the blocks, in which the rest of the gradient is computed."""
        self.b.buffers[name] = Buffer(name, shape, max(0, lag), ahead=max(0, -lag))
        self.b.bound[name] = Ref(name, "all")
        if name in self.wanted:
            self.b.emit("fill", Ref(name, "all"), 0, labels=labels)
        if lag:
            self.b.emit("fill", Ref(name, "start"), 0, labels=labels)

    def _gather_terms(
        self, body: Lowering, name: str, error: Ref, rhs: Node, names: set[str], labels: Any
    ) -> None:
        """error = what later steps gave + the immediate terms of the block + those within t."""
        here = [a for a in terms(rhs) if not self._lag(a)]
        within = [a for a in here if depends(a, names)]
        now = [a for a in here if not depends(a, names)]
        way = -1 if self.b.buffers[name].ahead else 1
        if any(v.times and way * (v.time - mx.t) > 0 for a in now for v in mx.variables(a)):
            raise UnsupportedError(
                f"the loss of {self.model.name} reads a state of another step, and no blocks "
                "of losses can be cut there",
                "a variable that holds what the loss reads, o[t] = h[t-1]",
            )
        empty = len(here) == len(terms(rhs))
        if empty and (now or len(within) > 1 or positive(within[0])[0]):
            body.emit("fill", error, 0, labels=labels)
            empty = False
        for a in within:
            negative, term = positive(a)
            term = self.hoisted(term, names, labels)
            if empty:
                body.value(term, "all", labels, error)
                body.forget(term, "all")
            else:
                ref = body.value(term, "all", labels)
                body.emit("subtract" if negative else "add", error, error, ref, labels=labels)
        if now:
            immediate = self.b.new(f"{name}_now", rhs.shape, "all")
            self._start(immediate.buffer, rhs.shape, now, True, labels, 0)
            own = replace(error, span="own")
            body.emit("add", own, own, replace(immediate, span="own"), labels=labels)
        if name in self.wanted:
            total = Ref(name, "all")
            body.emit("add", total, total, error, labels=labels)

    def _push(
        self,
        body: Lowering,
        name: str,
        error: Ref,
        term: Node,
        overwrite: bool,
        names: set[str],
        labels: Any,
    ) -> None:
        """The term's value at t goes to the error of t − lag, and into the rows before t = 1.

        A negative lag is that of time that runs back: those rows are past T.
        """
        lag = self._lag(term)
        negative, term = positive(mx.shift(term, -lag))
        term = self.hoisted(term, names, labels)
        target = replace(error, shift=-lag)
        op = "subtract" if negative else "add"
        if overwrite and not negative:
            body.value(term, "all", labels, target)
            body.forget(term, "all")
            pushed = target
        else:
            if overwrite:
                body.emit("fill", target, 0, labels=labels)
            pushed = body.value(term, "all", labels)
            body.emit(op, target, target, pushed, labels=labels)
            if overwrite:
                pushed, op = target, "add"
        early = Ref(name, "early", -lag, lag=lag)
        given = replace(pushed, span="early", flat=False, lag=lag)
        body.emit(op, early, early, given, labels=labels)

    def _mark(self, body: Lowering, before: set[str]) -> None:
        """What the body computes has one row per block; its views are those of the loop."""
        for name in (
            {i.out.buffer for i in body.straight()} - before - set(self.total_name.values())
        ):
            b = self.b.buffers[name]
            if b.timed:
                self.b.buffers[name] = replace(b, role="error")
        spans = {"all": "together", "own": "own", "early": "early"}

        def seen(r: Any) -> Any:
            return replace(r, span=spans.get(r.span, r.span)) if isinstance(r, Ref) else r

        for n, i in enumerate(body.items):
            assert isinstance(i, Instruction)
            if i.op not in VECTORISED:
                raise UnsupportedError(
                    f"{self.model.name}: no code that takes all blocks back together does {i.op}",
                    "loss_and_grad on one chunk after another, with the state carried",
                )
            body.items[n] = replace(i, out=seen(i.out), args=tuple(map(seen, i.args)))


def terms(rhs: Node) -> tuple[Node, ...]:
    return rhs.args if isinstance(rhs, mx.Plus) else (rhs,)


def _reading(names: set[str], right: dict[str, Node]) -> set[str]:
    """`names`, and every adjoint that is computed from one of them."""
    found = set(names)
    while more := {n for n, rhs in right.items() if depends(rhs, found)} - found:
        found |= more
    return found
