"""Operations to instructions, one row each.

x[t] @ W over all t    one product of (T·N, D) rows with W
W @ x[t] over all t    one product of (T, D) rows with Wᵀ
U[:, x[t]]             rows of Uᵀ taken by index
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from ..rules import from_scalar
from .lower import Handler, Lowering, Node, hint, number
from .program import Ref
from .schedule import is_timed


def _plus(b: Lowering, e: mx.Plus, span: str, labels: Any, out: Ref | None) -> Ref:
    gap = onehot_gap(b, e, span, labels, out)
    if gap is not None:
        return gap
    out = b.place(e, span, out, hint(e))
    terms = sorted(e.args, key=lambda a: not isinstance(positive(a)[1], mx.MatMul))
    terms = terms if isinstance(terms[0], mx.MatMul) else list(e.args)
    first, second, *rest = terms
    current = _first_pair(b, first, second, span, labels, out)
    for a in rest:
        sign, term = positive(a)
        current = b.emit(
            "subtract" if sign else "add",
            out,
            current,
            b.operand(term, span, labels),
            labels=labels,
        )
    return current


def _first_pair(b: Lowering, x: Node, y: Node, span: str, labels: Any, out: Ref) -> Ref:
    """x ± y into out; a product goes straight into out and the other is added to it."""
    (negative_x, x), (negative_y, y) = positive(x), positive(y)
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


def positive(a: Node) -> tuple[bool, Node]:
    if isinstance(a, mx.Times) and isinstance(a.args[0], mx.Scalar):
        c = a.args[0].value
        if c.could_extract_minus_sign():
            return True, mx.times(-c, *a.args[1:])
    if isinstance(a, mx.Scalar) and a.value.could_extract_minus_sign():
        return True, mx.Scalar(-a.value)
    return False, a


def _times(b: Lowering, e: mx.Times, span: str, labels: Any, out: Ref | None) -> Ref:
    out = b.place(e, span, out, hint(e))
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
    out = b.place(e, span, out, hint(e))
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
        return b.value(from_scalar(fn.body, x), span, labels, out)
    if fn.name == "huber":  # c (x − ½ c), c = hardtanh(x), which is its slope
        c = mx.Apply(mx.builtin("hardtanh"), x)
        half = mx.times(sympy.Rational(-1, 2), c)
        return b.value(mx.times(c, mx.plus(x, half)), span, labels, out)
    ref = b.value(x, span, labels)
    return b.emit(fn.name, b.place(e, span, out, hint(e)), ref, labels=labels)


def _is_gather(e: Node) -> bool:
    return isinstance(e, mx.MatMul) and any(
        isinstance(a.args[0] if isinstance(a, mx.Transpose) else a, mx.OneHot) for a in e.args
    )


def _matmul(b: Lowering, e: mx.MatMul, span: str, labels: Any, out: Ref | None) -> Ref:
    x, y = e.args
    if _is_gather(e):
        return _gather(b, e, span, labels, out)
    if isinstance(x, mx.Diag):  # diag(v) y is v ∘ y, row by row
        v = x.args[0] if y.rank == 1 else mx.Expand(x.args[0], (*x.args[0].shape, 1))
        return b.value(mx.times(v, y), span, labels, out)
    if isinstance(y, mx.Diag):
        return b.value(mx.times(x, y.args[0]), span, labels, out)
    out = b.place(e, span, out, hint(e))
    if span == "all":
        return _matmul_all(b, x, y, labels, out)
    left, right = _side(b, x, span, labels), _side(b, y, span, labels)
    return b.emit("dot", out, left, right, labels=labels)


def _side(b: Lowering, x: Node, span: str, labels: Any) -> Ref:
    """An operand of a product; a transposed parameter in a loop is copied once, before it."""
    if isinstance(x, mx.Transpose):
        ref = b.dense(x.args[0], span, labels)
        return replace(ref, turned=not ref.turned)
    return b.dense(x, span, labels)


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
        left, right = b.dense(x, "all", labels), b.dense(y, "all", labels)
        return b.emit("rowdot", out, left, right, labels=labels)
    left, right = _side(b, x, "all", labels), _side(b, y, "all", labels)
    op = {(2, 2): "matmul", (2, 1): "matvec", (1, 2): "vecmat"}[x.rank, y.rank]
    return b.emit(op, out, left, right, labels=labels)


def _gather(b: Lowering, e: mx.MatMul, span: str, labels: Any, out: Ref | None) -> Ref:
    """Rows of E, or columns of U as rows of Uᵀ copied once, by index."""
    x, y = e.args
    out = b.place(e, span, out, hint(e))
    if isinstance(x, mx.OneHot):
        rows = b.value(y, "static", labels)
        return b.emit("take", out, rows, onehot_index(b, x, span), labels=labels)
    onehot = y.args[0] if isinstance(y, mx.Transpose) else y
    if onehot.rank != 1:
        raise UnsupportedError(f"columns by a batch of indices: {e}", "E[x[t], :]")
    if not isinstance(onehot, mx.OneHot) or not isinstance(x, mx.Var):
        raise UnsupportedError(f"no code can be generated for {e}")
    turned = turned_copy(b, x, labels)
    return b.emit("take", out, turned, onehot_index(b, onehot, span), labels=labels)


def turned_copy(b: Lowering, x: Node, labels: Any) -> Ref:
    """A contiguous copy of a transposed parameter, or of some of its columns or rows."""
    key = (mx.transpose(x), "static")
    if key not in b.memo:
        source = b.value(x, "static", labels)
        ref = b.new(f"{source.buffer}_T", x.shape[::-1], "static")
        turned = replace(source, turned=not source.turned)
        b.memo[key] = b.emit("copy", ref, turned, labels=labels)
    return b.memo[key]


def onehot_index(b: Lowering, e: mx.OneHot, span: str) -> Ref:
    return b.view(e.args[0], span)


def _transpose(b: Lowering, e: mx.Transpose, span: str, labels: Any, out: Ref | None) -> Ref:
    ref = b.value(e.args[0], span, labels)
    if out is None and ref.rows:
        return replace(ref, turned=not ref.turned)
    out = b.place(e, span, out, hint(e) + "_T" * (not ref.turned))
    return b.emit("copy", out, replace(ref, turned=not ref.turned), labels=labels)


def _outer(b: Lowering, e: mx.Outer, span: str, labels: Any, out: Ref | None) -> Ref:
    u, v = (b.operand(a, span, labels) for a in e.args)
    out = b.place(e, span, out, hint(e))
    left = replace(u, spread=(1,))
    right = replace(v, spread=(0,)) if span == "all" else v
    return b.emit("multiply", out, left, right, labels=labels)


def _concat(b: Lowering, e: mx.Concat, span: str, labels: Any, out: Ref | None) -> Ref:
    """Each part straight into its columns."""
    out = b.place(e, span, out, hint(e))
    for lo, hi, part in e.pieces:
        b.value(part, span, labels, columns(out, lo, hi))
        b.forget(part, span)  # its columns may be written again
    return out


def _block(b: Lowering, e: mx.Block, span: str, labels: Any, out: Ref | None) -> Ref:
    x, lo, hi = e.args
    if isinstance(x, mx.Transpose) and isinstance(x.args[0], mx.Var) and not is_timed(x):
        view = Ref(x.args[0].name, turned=True, rows=(lo, hi))  # columns of Wᵀ are rows of W
    else:
        view = columns(b.dense(x, span, labels), lo, hi)
    return view if out is None else b.emit("copy", out, view, labels=labels)


def columns(ref: Ref, lo: Any, hi: Any) -> Ref:
    start = ref.block[0] if ref.block else 0
    return replace(ref, block=(start + lo, start + hi))


def _reduce(b: Lowering, e: mx.Reduce, span: str, labels: Any, out: Ref | None) -> Ref:
    inner = e.args[0]
    # A broadcast view has not the axes to sum over, so it is written out.
    spread = isinstance(inner, mx.Broadcast | mx.Expand)
    space = b.new("spread_" + hint(inner), inner.shape, span) if spread else None
    x = b.value(inner, span, labels, space)
    out = b.place(e, span, out, "sum_" + hint(inner))
    lead = 1 if span == "all" else 0
    op = "reduce_keep" if e.keepdims else "reduce"
    return b.emit(op, out, x, labels=labels, axes=[a + lead for a in e.axes])


def _broadcast(b: Lowering, e: mx.Broadcast, span: str, labels: Any, out: Ref | None) -> Ref:
    x = e.args[0]
    out = b.place(e, span, out, "constant")
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
    exps = b.emit("exp", b.new("exp_" + hint(o), o.shape, span), shifted, labels=labels)
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
        top = b.new("max_" + hint(o), o.shape[:-1], span)
        axis = o.rank - 1 + (span == "all")
        b.emit("rowmax", top, ref, labels=labels, axes=[axis])
        spread = replace(top, spread=(o.rank - 1,))
        out = b.new("shifted_" + hint(o), o.shape, span)
        b.memo[key] = b.emit("subtract", out, ref, spread, labels=labels)
    return b.memo[key]


def onehot_gap(b: Lowering, e: mx.Plus, span: str, labels: Any, out: Ref | None) -> Ref | None:
    """softmax(o) − onehot(y) as one subtraction per row: the dense one-hot is never made."""
    if len(e.args) != 2:
        return None
    p, (negative, y) = e.args[0], positive(e.args[1])
    if not negative or not isinstance(y, mx.OneHot):
        return None
    out = b.place(e, span, out, "gap")
    b.value(p, span, labels, out)
    b.forget(p, span)
    at = located(b, y, span, labels)
    hit = b.new("hit_" + hint(p), p.shape[:-1], span)
    b.emit("pick", hit, out, at, labels=labels)
    b.emit("subtract", hit, hit, 1, labels=labels)
    return b.emit("put", out, hit, at, labels=labels)


def located(b: Lowering, y: mx.OneHot, span: str, labels: Any) -> Ref:
    """Where the entry of each row's class stands in the flattened rows."""
    key = (y, span + " at")
    if key not in b.memo:
        at = b.new("at_" + y.args[0].name, y.args[0].shape, span, "index")
        ref = b.view(y.args[0], span)
        b.memo[key] = b.emit("locate", at, ref, y.args[1], labels=labels)
    return b.memo[key]


def _squared_error(b: Lowering, e: mx.SquaredError, span: str, labels: Any, out: Ref | None) -> Ref:
    gap = mx.plus(e.args[0], mx.times(-1, e.args[1]))
    half = mx.times(sympy.Rational(1, 2), mx.sum_axes(mx.power(gap, 2), (-1,)))
    return b.value(half, span, labels, out)


def _cross_entropy(b: Lowering, e: mx.CrossEntropy, span: str, labels: Any, out: Ref | None) -> Ref:
    """One number per row: log Σ exp(o − max) − (o − max)[y], or Σ y · (log Σ exp − (o − max))."""
    o, y = e.args
    shifted = shifted_logits(b, o, span, labels)
    out = b.place(e, span, out, "loss_" + hint(o))
    hit = b.new("target_" + hint(o), e.shape, span)
    axis = o.rank - 1 + (span == "all")
    if isinstance(y, mx.OneHot):
        b.emit("pick", hit, shifted, located(b, y, span, labels), labels=labels)
        _, sums = softmax_head(b, o, span, labels)
        b.emit("log", out, sums, labels=labels)
        return b.emit("subtract", out, out, hit, labels=labels)
    dense = b.value(y, span, labels)
    product = b.new("product_" + hint(o), o.shape, span)
    b.emit("multiply", product, dense, shifted, labels=labels)
    b.emit("reduce", hit, product, labels=labels, axes=[axis])
    _, sums = softmax_head(b, o, span, labels)
    log = b.emit("log", b.new("log_sum", e.shape, span), sums, labels=labels)
    b.emit("reduce", out, dense, labels=labels, axes=[axis])
    b.emit("multiply", out, out, log, labels=labels)
    return b.emit("subtract", out, out, hit, labels=labels)


def _diag(b: Lowering, e: mx.Diag, span: str, labels: Any, out: Ref | None) -> Ref:
    return b.value(mx.times(mx.Eye(e.shape[0]), e.args[0]), span, labels, out)


def _eye(b: Lowering, e: mx.Eye, span: str, labels: Any, out: Ref | None) -> Ref:
    return b.emit("eye", b.place(e, span, out, "eye"), e.args[0], labels=labels)


OPERATIONS: dict[type, Handler] = {
    mx.Var: _var,
    mx.Scalar: _scalar,
    mx.Plus: _plus,
    mx.Times: _times,
    mx.Power: _power,
    mx.Apply: _apply,
    mx.MatMul: _matmul,
    mx.Transpose: _transpose,
    mx.Outer: _outer,
    mx.Concat: _concat,
    mx.Block: _block,
    mx.Reduce: _reduce,
    mx.Broadcast: _broadcast,
    mx.Softmax: _softmax,
    mx.SquaredError: _squared_error,
    mx.CrossEntropy: _cross_entropy,
    mx.Diag: _diag,
    mx.Eye: _eye,
}
