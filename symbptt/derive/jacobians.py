"""Jacobians as matrices, read off the differential, where they have that form."""

from __future__ import annotations

from .. import matrix as mx
from ..rules import differential, pullback


def as_matrix(rhs: mx.Node, wrt: mx.Var) -> mx.Node | None:
    """∂rhs/∂wrt in numerator layout, read off the differential; None if it has no such form."""
    dx = mx.Var("∂" + wrt.name, wrt.shape, wrt.times)
    linear = differential(rhs, {wrt: dx})
    if rhs.rank == 0 or wrt.rank == 0:
        ct = mx.Scalar(1)
        return pullback(rhs, wrt, ct) if rhs.rank == 0 else linear.xreplace({dx: ct})

    def walk(e: mx.Node) -> mx.Node | None:
        if e == dx:
            return mx.Eye(dx.shape[0])
        if isinstance(e, mx.Plus):
            parts = [p for p in map(walk, e.args) if p is not None]
            return mx.plus(*parts) if len(parts) == len(e.args) else None
        k = next(i for i, a in enumerate(e.args) if dx in mx.variables(a))
        inner = walk(e.args[k])
        if inner is None:
            return None
        if isinstance(e, mx.Times):
            others = mx.times(*e.args[:k], *e.args[k + 1 :])
            return mx.matmul(mx.diag(others), inner) if others.shape else mx.times(others, inner)
        if isinstance(e, mx.MatMul) and k == 1 and e.args[0].rank == 2:
            return mx.matmul(e.args[0], inner)
        if isinstance(e, mx.MatMul) and k == 0 and e.args[1].rank == 2:
            return mx.matmul(e.args[1].T, inner)
        if isinstance(e, mx.Contract) and e.args[0].rank == 2:
            return mx.matmul(e.args[0], inner)
        if isinstance(e, mx.Broadcast) and isinstance(e.args[0], mx.Reduce):
            row = _row_of_sum(e.args[0], dx)
            return None if row is None else mx.outer(mx.broadcast(mx.Scalar(1), e.shape), row)
        return None

    return walk(linear) if dx in mx.variables(linear) else None


def _row_of_sum(e: mx.Reduce, dx: mx.Var) -> mx.Node | None:
    """Σ_j v_j dx_j as the row v."""
    factors = e.args[0].args if isinstance(e.args[0], mx.Times) else (e.args[0],)
    if dx not in factors or e.args[0].rank != 1:
        return None
    return mx.times(*(f for f in factors if f != dx))
