"""The loss and the sums over time: one reduction or one product for all t at once.

Σ_t outer(u_t, v_t)        Uᵀ V over all rows          Σ_t sum(λ_t, axis=0)   ones · rows
Σ_t outer(u_t, onehot(x))  rows of the result, added at the indices
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from .. import matrix as mx
from ..matrix.build import is_zero
from .lower import Lowering, Node, hint, number
from .operations import located, onehot_index, shifted_logits, softmax_head
from .program import Ref, Term
from .schedule import is_timed


def total(b: Lowering, e: Node, span: str, labels: Any, scale: Any = 1) -> list[Term]:
    """The sum of e over every axis and every step in the span."""
    if isinstance(e, mx.Reduce):
        return total(b, e.args[0], span, labels, scale)
    if span == "all" and not is_timed(e):  # the same at every step
        return total(b, e, "static", labels, scale * mx.T)
    if isinstance(e, mx.Broadcast):  # every entry as often as it is repeated
        x = e.args[0]
        return total(b, x, span, labels, scale * sympy.prod(e.shape) / sympy.prod(x.shape))
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
    return [Term(scale, "sum", (b.whole(e, span, labels),))]


def _cross_entropy(b: Lowering, e: Any, span: str, labels: Any, scale: Any) -> list[Term]:
    """Σ log Σ exp(o − max) − Σ (o − max)[y] for class indices; Σ y log p is summed otherwise."""
    o, y = e.args
    shifted = shifted_logits(b, o, span, labels)
    if isinstance(y, mx.OneHot):
        target = b.new("target_" + hint(o), o.shape[:-1], span)
        b.emit("pick", target, shifted, located(b, y, span, labels), labels=labels)
        _, sums = softmax_head(b, o, span, labels)
        log = b.new("log_sum", o.shape[:-1], span)
        b.emit("log", log, sums, labels=labels)
        return [Term(scale, "sum", (log,)), Term(-scale, "sum", (target,))]
    dense = b.whole(y, span, labels)
    mass = b.new("mass", o.shape[:-1], span)
    b.emit("reduce", mass, dense, labels=labels, axes=[o.rank - 1 + (span == "all")])
    inner = Term(-scale, "dot", (dense, shifted))
    _, sums = softmax_head(b, o, span, labels)
    log = b.new("log_sum", o.shape[:-1], span)
    b.emit("log", log, sums, labels=labels)
    return [Term(scale, "dot", (mass, log)), inner]


def time_sum(b: Lowering, term: Node, span: str, labels: Any, out: Ref) -> None:
    """Σ_t term into out, as one product over all rows where the term is one."""
    if is_zero(term):
        b.emit("fill", out, 0, labels=labels)
    elif span == "all" and not is_timed(term):  # the same at every step
        b.value(term, "static", labels, out)
        b.forget(term, "static")
        b.emit("multiply", out, out, mx.T, labels=labels)
    elif isinstance(term, mx.Times) and isinstance(term.args[0], mx.Scalar):
        time_sum(b, mx.times(*term.args[1:]), span, labels, out)
        b.emit("multiply", out, out, number(term.args[0].value), labels=labels)
    elif isinstance(term, mx.Transpose) and isinstance(term.args[0], mx.MatMul):
        x, y = term.args[0].args  # (A B)ᵀ = Bᵀ Aᵀ, which is one product over all rows
        time_sum(b, mx.matmul(mx.transpose(y), mx.transpose(x)), span, labels, out)
    elif pieces := _pieces(term):
        for piece, part in pieces:
            time_sum(b, part, span, labels, replace(out, **piece))
    elif isinstance(term, mx.Outer) and _both_timed(term):
        _sum_outer(b, term, span, labels, out)
    elif isinstance(term, mx.MatMul) and _contracts_batch(term):
        _sum_matmul(b, term, span, labels, out)
    elif span == "all" and _sums_rows(term):
        x = term.args[0]
        ref = b.value(x, span, labels)
        if x.rank == 2:
            b.emit("colsum", out, b.flat(ref, 2), labels=labels)
        else:
            b.emit("reduce", out, ref, labels=labels, axes=[0, 1])
    elif span == "all":
        ref = b.dense(term, span, labels)
        op = "colsum" if term.rank == 1 else "reduce"
        b.emit(op, out, ref, labels=labels, axes=[0])
    else:
        b.value(term, span, labels, out)


def _pieces(e: Node) -> list[tuple[dict[str, Any], Node]]:
    """Σ u [v, w]ᵀ = [Σ u vᵀ, Σ u wᵀ], Σ [v, w]ᵀ U is one over the other: (where, what) of each."""
    if isinstance(e, mx.Outer) and isinstance(e.args[1], mx.Concat) and is_timed(e.args[0]):
        u, v = e.args
        return [({"block": (lo, hi)}, mx.outer(u, part)) for lo, hi, part in v.pieces]
    if isinstance(e, mx.MatMul) and isinstance(e.args[0], mx.Transpose):
        x, y = e.args[0].args[0], e.args[1]
        if isinstance(x, mx.Concat) and x.rank == y.rank == 2 and is_timed(y):
            parts = ((lo, hi, mx.matmul(mx.transpose(part), y)) for lo, hi, part in x.pieces)
            return [({"rows": (lo, hi)}, part) for lo, hi, part in parts]
    return []


def _sums_rows(e: Node) -> bool:
    """A sum over the first axis that leaves no axis of one behind."""
    return isinstance(e, mx.Reduce) and e.axes == (0,) and not e.keepdims


def _contracts_batch(e: mx.MatMul) -> bool:
    """Aᵀ B, the sum over the rows of both."""
    return isinstance(e.args[0], mx.Transpose) and _both_timed(e)


def _both_timed(e: mx.MatMul | mx.Outer) -> bool:
    return all(any(v.times for v in mx.variables(a)) for a in e.args)


def _sum_outer(b: Lowering, e: mx.Outer, span: str, labels: Any, out: Ref) -> None:
    u, v = e.args
    if isinstance(v, mx.OneHot):
        _scatter(b, u, v, span, labels, out, turned=True)
        return
    if isinstance(u, mx.OneHot):
        _scatter(b, v, u, span, labels, out, turned=False)
        return
    left, right = b.dense(u, span, labels), b.dense(v, span, labels)
    if span == "all":  # into some columns only `matmul` writes
        op = "matmul" if out.block else "dot"
        b.emit(op, out, replace(left, turned=True), right, labels=labels)
    else:
        b.emit("multiply", out, replace(left, spread=(1,)), right, labels=labels)


def _sum_matmul(b: Lowering, e: mx.MatMul, span: str, labels: Any, out: Ref) -> None:
    a, y = e.args[0].args[0], e.args[1]
    if isinstance(a, mx.OneHot):
        _scatter(b, y, a, span, labels, out, turned=False)
        return
    left, right = b.flat(b.dense(a, span, labels), 2), b.flat(b.dense(y, span, labels), 2)
    b.emit("dot", out, replace(left, turned=True), right, labels=labels)


def _scatter(
    b: Lowering, values: Node, onehot: mx.OneHot, span: str, labels: Any, out: Ref, *, turned: bool
) -> None:
    """rows[index] += values, or columns[:, index] += values: repeated indices add up."""
    ref = b.value(values, span, labels)
    index = onehot_index(b, onehot, span)
    if not turned:
        b.emit("fill", out, 0, labels=labels)
        b.emit("scatter", out, ref, index, labels=labels)
        return
    # Entry j of step t belongs at [j, index]: one addition of numbers, faster than one of columns.
    at = b.new(f"at_{onehot.args[0].name}", values.shape, span, "index")
    b.emit("locate_columns", at, replace(index, spread=(1,)), onehot.args[1], labels=labels)
    b.emit("fill", out, 0, labels=labels)
    b.emit("scatter_flat", out, ref, at, labels=labels)
