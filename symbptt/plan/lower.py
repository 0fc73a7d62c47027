"""Expressions to instructions, over all t at once or for one step.

    x[t] @ W over all t    one product of (T·N, D) rows with W
    W @ x[t] over all t    one product of (T, D) rows with Wᵀ
    U[:, x[t]]             rows of Uᵀ taken by index
    Σ_t outer(u_t, v_t)    one product Uᵀ V        Σ_t sum(λ_t, axis=0)   ones · rows
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from ..matrix.build import is_zero
from .program import Buffer, Instruction, Item, Ref, Term

Node = mx.Node
UFUNCS = ("tanh", "exp", "log", "sin", "cos", "sigmoid", "relu", "step", "softplus")


@dataclass
class Lowering:
    """One part of a program under construction.

    `bound` says where each computed variable stands; `resolve` computes one on first demand.
    """

    buffers: dict[str, Buffer]
    resolve: Callable[[str], None] = lambda name: None
    items: list[Item] = field(default_factory=list)
    memo: dict[tuple[Node, str], Ref] = field(default_factory=dict)
    bound: dict[str, Ref] = field(default_factory=dict)

    # -- buffers and views

    def new(self, hint: str, shape: Any, span: str, kind: str = "real") -> Ref:
        """A fresh buffer named after what it holds."""
        name, n = hint, 2
        while name in self.buffers:
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
        return replace(ref, span=span, shift=int(shift))

    def forget(self, e: Node, span: str) -> None:
        """The buffer of e goes on changing: it does not hold e any more."""
        self.memo.pop((e, span), None)

    def emit(self, op: str, out: Ref, *args: Any, labels: Any = (), axes: Any = ()) -> Ref:
        self.items.append(Instruction(op, out, args, tuple(labels), tuple(axes)))
        return out

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
        if isinstance(e, mx.Plus) and (gap := onehot_gap(self, e, span, labels, out)):
            return gap
        if key in self.memo:
            found = self.memo[key]
            return found if out is None else self.emit("copy", out, found, labels=labels)
        if isinstance(e, mx.Broadcast | mx.Expand) and out is None:
            return self._stretched(e, span, labels)
        handler = _LOWER.get(type(e))
        if handler is None:
            raise UnsupportedError(f"no code can be generated for {type(e).__name__}: {e}")
        ref = handler(self, e, span, labels, out)
        self.memo[key] = ref
        return ref

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
        ref = self.operand(x, span, labels)
        if not isinstance(ref, Ref):
            raise UnsupportedError(f"a constant array stands alone in {e}")
        if isinstance(e, mx.Expand):
            axes = tuple(i for i, n in enumerate(e.shape) if n == 1)
            return replace(ref, spread=axes)
        timed = ref.span == "all"
        if timed and e.rank > x.rank:
            return replace(ref, spread=tuple(range(e.rank - x.rank)))
        return ref


def number(value: Any) -> Any:
    """A constant of the formula: a Python number, or text in T and sizes for the emitter."""
    if value.is_Integer:
        return int(value)
    if value.is_Rational:
        return f"{value.p} / {value.q}" if value.q not in (2, 4, 8) else float(value)
    return sympy.sstr(value)


def _hint(e: Node) -> str:
    """A name for an intermediate value, from what it is."""
    names = [v.name for v in mx.variables(e)]
    if isinstance(e, mx.Apply):
        return f"{e.args[0].name}_{names[0]}" if names else e.args[0].name
    if isinstance(e, mx.Plus) and _is_slope(e):
        return f"slope_{names[0]}"
    if isinstance(e, mx.MatMul):
        return "_".join(names[:2])
    return "_".join(dict.fromkeys(names[:2])) or "value"


def _is_slope(e: mx.Plus) -> bool:
    return len(mx.variables(e)) == 1 and e.args[0] == mx.Scalar(1)


def _plus(b: Lowering, e: mx.Plus, span: str, labels: Any, out: Ref | None) -> Ref:
    out = b.place(e, span, out, _hint(e))
    terms = sorted(e.args, key=lambda a: not isinstance(_positive(a)[1], mx.MatMul))
    terms = terms if isinstance(terms[0], mx.MatMul) else list(e.args)
    first, second, *rest = terms
    current = _first_pair(b, first, second, span, labels, out)
    for a in rest:
        sign, term = _positive(a)
        current = b.emit(
            "subtract" if sign else "add", out, current, b.operand(term, span, labels),
            labels=labels,
        )
    return current


def _first_pair(b: Lowering, x: Node, y: Node, span: str, labels: Any, out: Ref) -> Ref:
    """x ± y into out; a product goes straight into out and the other is added to it."""
    (negative_x, x), (negative_y, y) = _positive(x), _positive(y)
    if isinstance(x, mx.MatMul) and not negative_x and not _is_gather(x):
        left: Any = b.value(x, span, labels, out)
        b.forget(x, span)
    else:
        left = b.operand(x, span, labels)
    right = b.operand(y, span, labels)
    if negative_x and negative_y:
        b.emit("add", out, left, right, labels=labels)
        return b.emit("negative", out, out, labels=labels)
    if negative_x:
        left, right, negative_y = right, left, True
    return b.emit("subtract" if negative_y else "add", out, left, right, labels=labels)


def _positive(a: Node) -> tuple[bool, Node]:
    if isinstance(a, mx.Times) and isinstance(a.args[0], mx.Scalar):
        c = a.args[0].value
        if c.could_extract_minus_sign():
            return True, mx.times(-c, *a.args[1:])
    if isinstance(a, mx.Scalar) and a.value.could_extract_minus_sign():
        return True, mx.Scalar(-a.value)
    return False, a


def _times(b: Lowering, e: mx.Times, span: str, labels: Any, out: Ref | None) -> Ref:
    out = b.place(e, span, out, _hint(e))
    factors = sorted(e.args, key=lambda a: isinstance(a, mx.Scalar))
    if len(factors) == 2 and factors[1] == mx.Scalar(-1):
        return b.emit("negative", out, b.operand(factors[0], span, labels), labels=labels)
    current: Any = b.operand(factors[0], span, labels)
    for a in factors[1:]:
        op, a = ("divide", a.args[0]) if _is_reciprocal(a) else ("multiply", a)
        current = b.emit(op, out, current, b.operand(a, span, labels), labels=labels)
    return current


def _is_reciprocal(a: Node) -> bool:
    return isinstance(a, mx.Power) and a.args[1] == -1


def _power(b: Lowering, e: mx.Power, span: str, labels: Any, out: Ref | None) -> Ref:
    x, n = e.args
    ref = b.operand(x, span, labels)
    out = b.place(e, span, out, _hint(e))
    if n == 2:
        return b.emit("multiply", out, ref, ref, labels=labels)
    if n == -1:
        return b.emit("divide", out, 1, ref, labels=labels)
    if n == sympy.Rational(1, 2):
        return b.emit("sqrt", out, ref, labels=labels)
    return b.emit("power", out, ref, number(n), labels=labels)


def _apply(b: Lowering, e: mx.Apply, span: str, labels: Any, out: Ref | None) -> Ref:
    fn, x = e.args
    if not fn.is_builtin:
        from ..rules import from_scalar

        return b.value(from_scalar(fn.body, x), span, labels, out)
    ref = b.value(x, span, labels)
    return b.emit(fn.name, b.place(e, span, out, _hint(e)), ref, labels=labels)


def _is_gather(e: Node) -> bool:
    return isinstance(e, mx.MatMul) and any(
        isinstance(a.args[0] if isinstance(a, mx.Transpose) else a, mx.OneHot) for a in e.args
    )


def _matmul(b: Lowering, e: mx.MatMul, span: str, labels: Any, out: Ref | None) -> Ref:
    x, y = e.args
    if _is_gather(e):
        return _gather(b, e, span, labels, out)
    out = b.place(e, span, out, _hint(e))
    if span == "all":
        return _matmul_all(b, x, y, labels, out)
    left, right = _side(b, x, span, labels), _side(b, y, span, labels)
    return b.emit("dot", out, left, right, labels=labels)


def _side(b: Lowering, x: Node, span: str, labels: Any) -> Ref:
    """An operand of a product; a transposed parameter in a loop is copied once, before it."""
    if isinstance(x, mx.Transpose):
        ref = b.value(x.args[0], span, labels)
        return replace(ref, turned=True)
    return b.value(x, span, labels)


def _matmul_all(b: Lowering, x: Node, y: Node, labels: Any, out: Ref) -> Ref:
    """Over all t: the timed operand becomes rows, and there is one product."""
    x_timed, y_timed = (any(v.times for v in mx.variables(a)) for a in (x, y))
    if x_timed and y_timed:
        return _matmul_each(b, x, y, labels, out)
    if y_timed and y.rank == 2 and x.rank == 2:
        return _matmul_each(b, x, y, labels, out)
    if x_timed:
        left = b.flat(_side(b, x, "all", labels), x.rank)
        if left.turned:
            return _matmul_each(b, x, y, labels, out)
        b.emit("dot", b.flat(out, x.rank), left, _side(b, y, "static", labels), labels=labels)
        return out
    matrix = _side(b, x, "static", labels)
    matrix = replace(matrix, turned=not matrix.turned) if x.rank == 2 else matrix
    b.emit("dot", out, _side(b, y, "all", labels), matrix, labels=labels)
    return out


def _matmul_each(b: Lowering, x: Node, y: Node, labels: Any, out: Ref) -> Ref:
    """A product per step, stacked; a vector gets a unit axis for it."""
    if x.rank == 1 and y.rank == 1:
        left, right = b.value(x, "all", labels), b.value(y, "all", labels)
        return b.emit("rowdot", out, left, right, labels=labels)
    left, right = _side(b, x, "all", labels), _side(b, y, "all", labels)
    op = {(2, 2): "matmul", (2, 1): "matvec", (1, 2): "vecmat"}[x.rank, y.rank]
    return b.emit(op, out, left, right, labels=labels)


def _gather(b: Lowering, e: mx.MatMul, span: str, labels: Any, out: Ref | None) -> Ref:
    """Rows of E, or columns of U as rows of Uᵀ copied once, by index."""
    x, y = e.args
    out = b.place(e, span, out, _hint(e))
    if isinstance(x, mx.OneHot):
        return b.emit("take", out, b.value(y, "static", labels), _index(b, x, span), labels=labels)
    onehot = y.args[0] if isinstance(y, mx.Transpose) else y
    if onehot.rank != 1:
        raise UnsupportedError(f"columns by a batch of indices: {e}", "E[x[t], :]")
    if not isinstance(onehot, mx.OneHot) or not isinstance(x, mx.Var):
        raise UnsupportedError(f"no code can be generated for {e}")
    turned = turned_copy(b, x, labels)
    return b.emit("take", out, turned, _index(b, onehot, span), labels=labels)


def turned_copy(b: Lowering, x: mx.Var, labels: Any) -> Ref:
    """A contiguous copy of a transposed parameter."""
    key = (mx.transpose(x), "static")
    if key not in b.memo:
        ref = b.new(f"{x.name}_T", x.shape[::-1], "static")
        b.memo[key] = b.emit("copy", ref, Ref(x.name, turned=True), labels=labels)
    return b.memo[key]


def _index(b: Lowering, e: mx.OneHot, span: str) -> Ref:
    return b.view(e.args[0], span)


def _transpose(b: Lowering, e: mx.Transpose, span: str, labels: Any, out: Ref | None) -> Ref:
    ref = b.value(e.args[0], span, labels)
    return b.emit("copy", b.place(e, span, out, _hint(e) + "_T"), replace(ref, turned=True),
                  labels=labels)


def _outer(b: Lowering, e: mx.Outer, span: str, labels: Any, out: Ref | None) -> Ref:
    u, v = (b.operand(a, span, labels) for a in e.args)
    out = b.place(e, span, out, _hint(e))
    left = replace(u, spread=(1,))
    right = replace(v, spread=(0,)) if span == "all" else v
    return b.emit("multiply", out, left, right, labels=labels)


def _reduce(b: Lowering, e: mx.Reduce, span: str, labels: Any, out: Ref | None) -> Ref:
    x = b.value(e.args[0], span, labels)
    out = b.place(e, span, out, "sum_" + _hint(e.args[0]))
    lead = 1 if span == "all" else 0
    op = "reduce_keep" if e.keepdims else "reduce"
    return b.emit(op, out, x, labels=labels, axes=[a + lead for a in e.axes])


def _broadcast(b: Lowering, e: mx.Broadcast, span: str, labels: Any, out: Ref | None) -> Ref:
    x = e.args[0]
    assert out is not None
    if isinstance(x, mx.Scalar):
        return b.emit("fill", out, number(x.value), labels=labels)
    return b.emit("copy", out, b._stretched(e, span, labels), labels=labels)


def _var(b: Lowering, e: mx.Var, span: str, labels: Any, out: Ref | None) -> Ref:
    assert out is not None
    return b.emit("copy", out, b.view(e, span), labels=labels)


def _scalar(b: Lowering, e: mx.Scalar, span: str, labels: Any, out: Ref | None) -> Ref:
    return b.emit("fill", b.place(e, span, out, "constant"), number(e.value), labels=labels)


def _softmax(b: Lowering, e: mx.Softmax, span: str, labels: Any, out: Ref | None) -> Ref:
    exps, total = softmax_head(b, e.args[0], span, labels)
    out = b.place(e, span, out, "p")
    return b.emit("divide", out, exps, replace(total, spread=(e.rank - 1,)), labels=labels)


def softmax_head(b: Lowering, o: Node, span: str, labels: Any) -> tuple[Ref, Ref]:
    """exp(o − max) and its row sums, computed once for the loss and the probabilities."""
    key = (mx.Softmax(o), span + " exp")
    if key in b.memo:
        return b.memo[key], b.memo[mx.Softmax(o), span + " sum"]
    shifted = shifted_logits(b, o, span, labels)
    exps = b.emit("exp", b.new("exp_" + _hint(o), o.shape, span), shifted, labels=labels)
    total = b.new("sum_exp", o.shape[:-1], span)
    rows = "rowsum" if o.rank + (span == "all") == 2 else "rowsum_each"
    if o.rank == 2 and span == "all":
        b.emit("rowsum", replace(total, flat=True), b.flat(exps, 2), labels=labels)
    elif rows == "rowsum":
        b.emit("rowsum", total, exps, labels=labels)
    else:
        b.emit("reduce", total, exps, labels=labels, axes=[o.rank - 1])
    b.memo[key] = exps
    b.memo[mx.Softmax(o), span + " sum"] = total
    return exps, total


def shifted_logits(b: Lowering, o: Node, span: str, labels: Any) -> Ref:
    """o less its row maximum, so that exp cannot overflow."""
    key = (mx.Softmax(o), span + " shifted")
    if key not in b.memo:
        ref = b.value(o, span, labels)
        top = b.new("max_" + _hint(o), o.shape[:-1], span)
        axis = o.rank - 1 + (span == "all")
        b.emit("rowmax", top, ref, labels=labels, axes=[axis])
        spread = replace(top, spread=(o.rank - 1,))
        out = b.new("shifted_" + _hint(o), o.shape, span)
        b.memo[key] = b.emit("subtract", out, ref, spread, labels=labels)
    return b.memo[key]


_LOWER: dict[type, Callable[..., Ref]] = {
    mx.Var: _var,
    mx.Scalar: _scalar,
    mx.Plus: _plus,
    mx.Times: _times,
    mx.Power: _power,
    mx.Apply: _apply,
    mx.MatMul: _matmul,
    mx.Transpose: _transpose,
    mx.Outer: _outer,
    mx.Reduce: _reduce,
    mx.Broadcast: _broadcast,
    mx.Softmax: _softmax,
}


# -- the loss and the sums over time


def total(b: Lowering, e: Node, span: str, labels: Any, scale: Any = 1) -> list[Term]:
    """The sum of e over every axis and every step in the span."""
    if isinstance(e, mx.Reduce):
        return total(b, e.args[0], span, labels, scale)
    if isinstance(e, mx.Plus):
        return [t for a in e.args for t in total(b, a, span, labels, scale)]
    if isinstance(e, mx.Times) and isinstance(e.args[0], mx.Scalar):
        return total(b, mx.times(*e.args[1:]), span, labels, scale * e.args[0].value)
    if isinstance(e, mx.SquaredError):
        gap = mx.plus(e.args[0], mx.times(-1, e.args[1]))
        ref = b.value(gap, span, labels)
        return [Term(scale / sympy.Integer(2), "dot", (ref, ref))]
    if isinstance(e, mx.CrossEntropy):
        return _cross_entropy(b, e, span, labels, scale)
    return [Term(scale, "sum", (b.value(e, span, labels),))]


def _cross_entropy(b: Lowering, e: Any, span: str, labels: Any, scale: Any) -> list[Term]:
    """Σ log Σ exp(o − max) − Σ (o − max)[y] for class indices; Σ y log p is summed otherwise."""
    o, y = e.args
    shifted = shifted_logits(b, o, span, labels)
    if isinstance(y, mx.OneHot):
        target = b.new("target_" + _hint(o), o.shape[:-1], span)
        b.emit("pick", target, shifted, located(b, y, span, labels), labels=labels)
        _, sums = softmax_head(b, o, span, labels)
        log = b.new("log_sum", o.shape[:-1], span)
        b.emit("log", log, sums, labels=labels)
        return [Term(scale, "sum", (log,)), Term(-scale, "sum", (target,))]
    dense = b.value(y, span, labels)
    mass = b.new("mass", o.shape[:-1], span)
    b.emit("reduce", mass, dense, labels=labels, axes=[o.rank - 1 + (span == "all")])
    inner = Term(-scale, "dot", (dense, shifted))
    _, sums = softmax_head(b, o, span, labels)
    log = b.new("log_sum", o.shape[:-1], span)
    b.emit("log", log, sums, labels=labels)
    return [Term(scale, "dot", (mass, log)), inner]


def onehot_gap(
    b: Lowering, e: mx.Plus, span: str, labels: Any, out: Ref | None
) -> Ref | None:
    """softmax(o) − onehot(y) as one subtraction per row: the dense one-hot is never made."""
    if len(e.args) != 2:
        return None
    p, (negative, y) = e.args[0], _positive(e.args[1])
    if not negative or not isinstance(y, mx.OneHot):
        return None
    out = b.place(e, span, out, "gap")
    b.value(p, span, labels, out)
    b.forget(p, span)
    at = located(b, y, span, labels)
    hit = b.new("hit_" + _hint(p), p.shape[:-1], span)
    b.emit("pick", hit, out, at, labels=labels)
    b.emit("subtract", hit, hit, 1, labels=labels)
    return b.emit("put", out, hit, at, labels=labels)


def located(b: Lowering, y: mx.OneHot, span: str, labels: Any) -> Ref:
    """Where the entry of each row's class stands in the flattened rows."""
    key = (y, span + " at")
    if key not in b.memo:
        at = b.new("at_" + y.args[0].name, y.args[0].shape, span, "index")
        ref = b.view(y.args[0], span)
        b.memo[key] = b.emit("locate", at, ref, sympy.sstr(y.args[1]), labels=labels)
    return b.memo[key]


def time_sum(b: Lowering, term: Node, span: str, labels: Any, out: Ref) -> None:
    """Σ_t term into out, as one product over all rows where the term is one."""
    if is_zero(term):
        b.emit("fill", out, 0, labels=labels)
    elif isinstance(term, mx.Times) and isinstance(term.args[0], mx.Scalar):
        time_sum(b, mx.times(*term.args[1:]), span, labels, out)
        b.emit("multiply", out, out, number(term.args[0].value), labels=labels)
    elif isinstance(term, mx.Outer):
        _sum_outer(b, term, span, labels, out)
    elif isinstance(term, mx.MatMul) and _contracts_batch(term):
        _sum_matmul(b, term, span, labels, out)
    elif span == "all" and isinstance(term, mx.Reduce) and term.axes == (0,):
        x = term.args[0]
        ref = b.value(x, span, labels)
        if x.rank == 2:
            b.emit("colsum", out, b.flat(ref, 2), labels=labels)
        else:
            b.emit("reduce", out, ref, labels=labels, axes=[0, 1])
    elif span == "all":
        ref = b.value(term, span, labels)
        op = "colsum" if term.rank == 1 else "reduce"
        b.emit(op, out, ref, labels=labels, axes=[0])
    else:
        b.value(term, span, labels, out)


def _contracts_batch(e: mx.MatMul) -> bool:
    """Aᵀ B, the sum over the rows of both."""
    return isinstance(e.args[0], mx.Transpose) and all(
        any(v.times for v in mx.variables(a)) for a in e.args
    )


def _sum_outer(b: Lowering, e: mx.Outer, span: str, labels: Any, out: Ref) -> None:
    u, v = e.args
    if isinstance(v, mx.OneHot):
        _scatter(b, u, v, span, labels, out, turned=True)
        return
    if isinstance(u, mx.OneHot):
        _scatter(b, v, u, span, labels, out, turned=False)
        return
    left, right = b.value(u, span, labels), b.value(v, span, labels)
    if span == "all":
        b.emit("dot", out, replace(left, turned=True), right, labels=labels)
    else:
        b.emit("multiply", out, replace(left, spread=(1,)), right, labels=labels)


def _sum_matmul(b: Lowering, e: mx.MatMul, span: str, labels: Any, out: Ref) -> None:
    a, y = e.args[0].args[0], e.args[1]
    if isinstance(a, mx.OneHot):
        _scatter(b, y, a, span, labels, out, turned=False)
        return
    left, right = b.flat(b.value(a, span, labels), 2), b.flat(b.value(y, span, labels), y.rank)
    b.emit("dot", out, replace(left, turned=True), right, labels=labels)


def _scatter(
    b: Lowering, values: Node, onehot: mx.OneHot, span: str, labels: Any, out: Ref, *, turned: bool
) -> None:
    """rows[index] += values: repeated indices add up."""
    ref = b.value(values, span, labels)
    index = _index(b, onehot, span)
    if not turned:
        b.emit("fill", out, 0, labels=labels)
        b.emit("scatter", out, ref, index, labels=labels)
        return
    shape = b.buffers[out.buffer].shape[::-1]
    rows = b.new(f"{out.buffer}_T", shape, "static")
    b.emit("fill", rows, 0, labels=labels)
    b.emit("scatter", rows, ref, index, labels=labels)
    b.emit("copy", out, replace(rows, turned=True), labels=labels)
