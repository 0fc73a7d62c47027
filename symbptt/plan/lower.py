"""One part of a program under construction: buffers, views, and what has been computed.

An expression is lowered in a span: "all" t at once, one "step" of a loop, only the "last"
step, or "static" for what does not change with time. Equal expressions are computed once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .. import matrix as mx
from ..errors import UnsupportedError
from .program import Buffer, Instruction, Item, Ref

Node = mx.Node
Handler = Callable[..., Ref]  # (lowering, expression, span, labels, out or None) -> view


@dataclass
class Lowering:
    """One part of a program under construction.

    `table` turns one operation into instructions. `bound` says where each computed variable
    stands; `resolve` computes one on first demand.
    """

    buffers: dict[str, Buffer]
    table: Mapping[type, Handler]
    resolve: Callable[[str], None] = lambda name: None
    reserved: frozenset[str] = frozenset()  # names of variables, computed already or not
    items: list[Item] = field(default_factory=list)
    memo: dict[tuple[Node, str], Ref] = field(default_factory=dict)
    bound: dict[str, Ref] = field(default_factory=dict)

    # -- buffers and views

    def new(self, hint: str, shape: Any, span: str, kind: str = "real") -> Ref:
        """A fresh buffer named after what it holds."""
        name, n = hint, 2
        while name in self.buffers or name in self.reserved:
            name, n = f"{hint}_{n}", n + 1
        # A step's scratch array has no time axis: every step overwrites it.
        rows = 0 if span == "all" else None
        role = "static" if span == "static" else "work"
        self.buffers[name] = Buffer(name, tuple(shape), rows, role, kind)
        return Ref(name, "all" if span == "all" else "static")

    def view(self, v: mx.Var, span: str) -> Ref:
        if not v.times:
            return Ref(v.name)
        if v.name not in self.bound:
            self.resolve(v.name)
        ref = self.bound[v.name]
        shift = v.time - mx.t
        if not shift.is_Integer:
            raise UnsupportedError(f"{v} is read at a fixed time inside a recursion")
        if not self.buffers[ref.buffer].timed:
            return ref
        return replace(ref, span=span, shift=ref.shift + int(shift))  # a name may be h[t-1]'s

    def forget(self, e: Node, span: str) -> None:
        """The buffer of e goes on changing: it does not hold e any more."""
        self.memo.pop((e, span), None)

    def emit(self, op: str, out: Ref, *args: Any, labels: Any = (), axes: Any = ()) -> Ref:
        self.items.append(Instruction(op, out, args, tuple(labels), tuple(axes)))
        return out

    def straight(self) -> tuple[Instruction, ...]:
        """The items of a loop's body, in which there is no further loop."""
        return tuple(i for i in self.items if isinstance(i, Instruction))

    def flat(self, ref: Ref, rank: int) -> Ref:
        """Time and batch as rows of a matrix."""
        return replace(ref, flat=ref.span == "all" and rank == 2)

    # -- expressions

    def value(self, e: Node, span: str, labels: Any, out: Ref | None = None) -> Ref:
        """Compute e (into `out` where given) and return where it stands."""
        if span == "last":
            e = e.xreplace({mx.Kron(mx.t, mx.T): mx.Scalar(1)})
        if out is None and isinstance(e, mx.Var):
            return self.view(e, span)
        if out is None and not any(v.times for v in mx.variables(e)) and span != "static":
            return self.value(e, "static", labels)
        key = (e, span)
        if key in self.memo:
            found = self.memo[key]
            return found if out is None else self.emit("copy", out, found, labels=labels)
        read = mx.variables(e)
        if span == "all" and out is not None and read and not any(v.times for v in read):
            return self.emit("copy", out, self.value(e, "static", labels), labels=labels)
        spread = isinstance(e, mx.Broadcast | mx.Expand)
        if spread and out is None and not isinstance(e.args[0], mx.Scalar):
            return self._stretched(e, span, labels)
        if out is not None and out.block and e.has(*_WHOLE):
            return self.emit("copy", out, self.value(e, span, labels), labels=labels)
        handler = self.table.get(type(e))
        if handler is None:
            raise UnsupportedError(f"no code can be generated for {type(e).__name__}: {e}")
        ref = handler(self, e, span, labels, out)
        self.memo[key] = ref
        return ref

    def dense(self, e: Node, span: str, labels: Any) -> Ref:
        """The value as a whole array: a matrix product does not broadcast its operands."""
        spread = isinstance(e, mx.Broadcast | mx.Expand)
        out = self.new(hint(e), e.shape, span) if spread and (e, span) not in self.memo else None
        return self.value(e, span, labels, out)

    def whole(self, e: Node, span: str, labels: Any) -> Ref:
        """The value as an array of its own, whose entries stand in one run."""
        ref = self.value(e, span, labels)
        if not ref.block:
            return ref
        return self.emit("copy", self.new(hint(e), e.shape, span), ref, labels=labels)

    def place(self, e: Node, span: str, out: Ref | None, hint: str) -> Ref:
        return out if out is not None else self.new(hint, e.shape, span)

    def operand(self, e: Node, span: str, labels: Any) -> Any:
        """A number, or a view aligned with the shape it broadcasts into."""
        if isinstance(e, mx.Scalar):
            return number(e.value)
        if isinstance(e, mx.Broadcast) and isinstance(e.args[0], mx.Scalar):
            return number(e.args[0].value)
        return self.value(e, span, labels)

    def _stretched(self, e: Any, span: str, labels: Any) -> Ref:
        x = e.args[0]
        ref = self.value(x, span, labels)
        if isinstance(e, mx.Expand):
            axes = tuple(i for i, n in enumerate(e.shape) if n == 1)
            return replace(ref, spread=axes)
        timed = ref.span == "all"
        if timed and e.rank > x.rank:
            return replace(ref, spread=tuple(range(e.rank - x.rank)))
        return ref


# What NumPy writes into whole arrays only, not into a range of columns.
_WHOLE = (mx.MatMul, mx.OneHot, mx.Softmax, mx.Outer, mx.Reduce, mx.SquaredError, mx.CrossEntropy)


def number(value: Any) -> Any:
    """A constant of the formula: a Python number where it is one, else in T and sizes."""
    if mx.t in value.free_symbols:
        raise UnsupportedError(f"the time itself is a factor: {value}", "an input that holds it")
    if value.is_Integer:
        return int(value)
    return float(value) if value.is_Rational and value.q in (2, 4, 8) else value


def hint(e: Node) -> str:
    """A name for an intermediate value, from what it is."""
    names = [v.name for v in mx.variables(e)]
    if isinstance(e, mx.Power) and names:
        return f"{names[0]}_squared" if e.args[1] == 2 else f"{names[0]}_power"
    if isinstance(e, mx.Apply):
        return f"{e.args[0].name}_{names[0]}" if names else e.args[0].name
    if isinstance(e, mx.Plus) and _is_slope(e):
        return f"slope_{names[0]}"
    if isinstance(e, mx.MatMul):
        return "_".join(names[:2])
    return "_".join(dict.fromkeys(names[:2])) or "value"


def _is_slope(e: mx.Plus) -> bool:
    return len(mx.variables(e)) == 1 and e.args[0] == mx.Scalar(1)
