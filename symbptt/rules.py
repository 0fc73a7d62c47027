"""One differential per operation, one transpose per linear operation.

    d(A B) = dA B + A dB      ⟨λ, A dx⟩ = ⟨Aᵀ λ, dx⟩
    d f(x) = f'(x) ∘ dx       ⟨λ, s ∘ dx⟩ = ⟨λ ∘ s, dx⟩

The pullback of a cotangent λ through y = F(x) is the transpose of the differential of F, so
the backward road is the forward one read the other way, and there is one table to get wrong.
Source: Magnus and Neudecker, Matrix Differential Calculus (1988), chapter 9.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from . import matrix as mx
from .errors import UnsupportedError
from .matrix.build import is_zero, pad
from .matrix.functions import Z

Node = mx.Node
Tangent = Callable[[Node], Node]

# f'(x) from the value y = f(x), so that code and print can reuse y.
SLOPES: dict[str, Callable[[Node, Node], Node]] = {
    "tanh": lambda y, x: mx.plus(1, mx.times(-1, y**2)),
    "sigmoid": lambda y, x: mx.times(y, mx.plus(1, mx.times(-1, y))),
    "exp": lambda y, x: y,
    "log": lambda y, x: x**-1,
    "relu": lambda y, x: mx.Apply(mx.builtin("step"), x),
    "step": lambda y, x: mx.zeros(x.shape),
    "hardtanh": lambda y, x: mx.times(
        *(mx.Apply(mx.builtin("step"), mx.plus(1, mx.times(s, x))) for s in (1, -1))
    ),
    "huber": lambda y, x: mx.Apply(mx.builtin("hardtanh"), x),
    "softplus": lambda y, x: mx.Apply(mx.builtin("sigmoid"), x),
    "sin": lambda y, x: mx.Apply(mx.builtin("cos"), x),
    "cos": lambda y, x: -mx.Apply(mx.builtin("sin"), x),
}


def pullback(expr: Node, wrt: mx.Var, cotangent: Node) -> Node:
    """λ·∂expr/∂wrt for a cotangent λ of expr's shape: an expression of wrt's shape."""
    dx = mx.Var("∂" + wrt.name, wrt.shape, wrt.times)
    return transpose(differential(expr, {wrt: dx}), dx, cotangent)


def differential(expr: Node, tangents: dict[mx.Var, Node]) -> Node:
    """d expr, linear in the tangents; a variable without a tangent is held fixed."""
    cache: dict[Node, Node] = {}

    def d(e: Node) -> Node:
        if e not in cache:
            if isinstance(e, mx.Var):
                cache[e] = tangents.get(e) or mx.zeros(e.shape)
            elif not any(v in tangents for v in mx.variables(e)):
                cache[e] = mx.zeros(e.shape)
            else:
                cache[e] = rule(DIFFERENTIAL, e)(e, d)
        return cache[e]

    return d(expr)


def rule(table: dict[type, Any], e: Node) -> Any:
    if type(e) not in table:
        raise UnsupportedError(f"{type(e).__name__} has no differential: {e}")
    return table[type(e)]


def _d_plus(e: Node, d: Tangent) -> Node:
    return mx.plus(*map(d, e.args))


def _d_times(e: Node, d: Tangent) -> Node:
    terms = []
    for i, a in enumerate(e.args):
        if not isinstance(a, mx.Scalar) and not is_zero(da := d(a)):
            terms.append(mx.times(*e.args[:i], da, *e.args[i + 1 :]))
    return mx.plus(*terms)


def _d_power(e: Node, d: Tangent) -> Node:
    x, n = e.args
    return mx.times(n, x ** (n - 1), d(x)) if n != 1 else d(x)


def _d_apply(e: Node, d: Tangent) -> Node:
    fn, x = e.args
    return mx.times(slope(fn, e, x), d(x))


def slope(fn: mx.Fn, y: Node, x: Node) -> Node:
    """f'(x), in terms of y = f(x) where the table has it, else SymPy's derivative."""
    if fn.is_builtin:
        return SLOPES[fn.name](y, x)
    return from_scalar(sympy.diff(fn.body, Z), x)


def from_scalar(e: Any, x: Node) -> Node:
    """A SymPy expression in one scalar as an elementwise expression of x."""
    if e == Z:
        return x
    if e.is_number or e.is_Symbol:
        return mx.Scalar(e)
    if e.is_Add:
        return mx.plus(*(from_scalar(a, x) for a in e.args))
    if e.is_Mul:
        return mx.times(*(from_scalar(a, x) for a in e.args))
    if isinstance(e, sympy.exp) or e.is_Function:
        return mx.Apply(mx.builtin(type(e).__name__), from_scalar(e.args[0], x))
    if e.is_Pow:
        return mx.power(from_scalar(e.base, x), e.exp)
    raise UnsupportedError(f"{e} is not made of the known scalar functions")


def _d_softmax(e: Node, d: Tangent) -> Node:
    dx = d(e.args[0])
    mean = mx.sum_axes(mx.times(e, dx), (-1,), keepdims=True)
    return mx.times(e, mx.plus(dx, mx.times(-1, mx.broadcast(mean, e.shape))))


def _d_matmul(e: Node, d: Tangent) -> Node:
    a, b = e.args
    terms = [mx.matmul(da, b) for da in [d(a)] if not is_zero(da)]
    terms += [mx.matmul(a, db) for db in [d(b)] if not is_zero(db)]
    return mx.plus(*terms)


def _d_outer(e: Node, d: Tangent) -> Node:
    u, v = e.args
    terms = [mx.outer(du, v) for du in [d(u)] if not is_zero(du)]
    terms += [mx.outer(u, dv) for dv in [d(v)] if not is_zero(dv)]
    return mx.plus(*terms)


def _d_squared_error(e: Node, d: Tangent) -> Node:
    o, y = e.args
    gap = mx.plus(o, mx.times(-1, y))
    return mx.sum_axes(mx.times(gap, mx.plus(d(o), mx.times(-1, d(y)))), (-1,))


def _d_cross_entropy(e: Node, d: Tangent) -> Node:
    o, y = e.args
    p = mx.Softmax(o)
    if not is_zero(d(y)):
        raise UnsupportedError("cross_entropy is not differentiated by its target")
    mass = 1 if isinstance(y, mx.OneHot) else mx.sum_axes(y, (-1,), keepdims=True)
    expected = p if mass == 1 else mx.times(p, mass)
    return mx.sum_axes(mx.times(mx.plus(expected, mx.times(-1, y)), d(o)), (-1,))


def _d_call(e: mx.Call, d: Tangent) -> Node:
    terms = []
    for k, a in enumerate(e.args[1]):
        if not is_zero(da := d(a)):
            terms.append(mx.contract(mx.CallDeriv(e, k), da, a.rank))
    return mx.plus(*terms)


DIFFERENTIAL: dict[type, Callable[[Any, Tangent], Node]] = {
    mx.Plus: _d_plus,
    mx.Times: _d_times,
    mx.Power: _d_power,
    mx.Apply: _d_apply,
    mx.Softmax: _d_softmax,
    mx.MatMul: _d_matmul,
    mx.Outer: _d_outer,
    mx.Transpose: lambda e, d: mx.transpose(d(e.args[0])),
    mx.Diag: lambda e, d: mx.diag(d(e.args[0])),
    mx.Broadcast: lambda e, d: mx.broadcast(d(e.args[0]), e.shape),
    mx.Expand: lambda e, d: mx.Expand(d(e.args[0]), e.shape),
    mx.Concat: lambda e, d: mx.concat(*map(d, e.args)),
    mx.Block: lambda e, d: mx.block(d(e.args[0]), *e.args[1:]),
    mx.Reduce: lambda e, d: mx.sum_axes(d(e.args[0]), e.axes, e.keepdims),
    mx.SquaredError: _d_squared_error,
    mx.CrossEntropy: _d_cross_entropy,
    mx.Call: _d_call,
}


def transpose(linear: Node, dx: mx.Var, cotangent: Node) -> Node:
    """Lᵀ(λ) for an expression L linear in dx: ⟨λ, L(dx)⟩ = ⟨Lᵀ(λ), dx⟩ for every dx."""
    if linear == dx:
        return cotangent
    if dx not in mx.variables(linear):
        return mx.zeros(dx.shape)
    row = rule(TRANSPOSE, linear)
    # A product is linear in dx in one argument; a sum or a concatenation in several.
    return mx.plus(
        *(
            transpose(a, dx, row(linear, k, cotangent))
            for k, a in enumerate(linear.args)
            if dx in mx.variables(a)
        )
    )


def _t_times(e: Node, k: int, ct: Node) -> Node:
    return mx.times(ct, *e.args[:k], *e.args[k + 1 :])


def _t_matmul(e: Node, k: int, ct: Node) -> Node:
    a, b = e.args
    if k == 1:  # a is fixed
        if a.rank == 1 and b.rank == 1:
            return mx.times(ct, a)
        return mx.outer(a, ct) if a.rank == 1 else mx.matmul(a.T, ct)
    if a.rank == 1:
        return mx.times(ct, b) if b.rank == 1 else mx.matmul(b, ct)
    return mx.outer(ct, b) if b.rank == 1 else mx.matmul(ct, b.T)


def _t_outer(e: Node, k: int, ct: Node) -> Node:
    u, v = e.args
    return mx.matmul(ct, v) if k == 0 else mx.matmul(ct.T, u)


def _t_diag(e: Node, k: int, ct: Node) -> Node:
    return mx.sum_axes(mx.times(ct, mx.Eye(e.shape[0])), (1,))


def _t_broadcast(e: Node, k: int, ct: Node) -> Node:
    x = e.args[0]
    new = e.rank - x.rank
    stretched = [new + i for i, n in enumerate(x.shape) if n == 1 and e.shape[new + i] != 1]
    kept = mx.sum_axes(ct, tuple(stretched), keepdims=True) if stretched else ct
    return mx.sum_axes(kept, tuple(range(new))) if new else kept


def _t_expand(e: mx.Expand, k: int, ct: Node) -> Node:
    """The new axes, summed away; those of length 1 that x has already stay."""
    kept = list(e.args[0].shape)
    new = [i for i, n in enumerate(e.shape) if not (kept and n == kept[0] and kept.pop(0))]
    return mx.sum_axes(ct, tuple(new))


def _t_reduce(e: mx.Reduce, k: int, ct: Node) -> Node:
    shape = e.args[0].shape
    if e.keepdims or e.axes == tuple(range(len(e.axes))):
        return mx.broadcast(ct, shape)
    # NumPy broadcasts new axes in front; a sum over a later axis needs its axis back.
    unit = tuple(sympy.Integer(1) if i in e.axes else n for i, n in enumerate(shape))
    if is_zero(ct):
        return mx.zeros(shape)
    if not ct.shape or (isinstance(ct, mx.Broadcast) and not ct.args[0].shape):
        return mx.broadcast(ct.args[0] if ct.shape else ct, shape)
    return mx.broadcast(mx.Expand(ct, unit), shape)


TRANSPOSE: dict[type, Callable[[Any, int, Node], Node]] = {
    mx.Plus: lambda e, k, ct: ct,
    mx.Times: _t_times,
    mx.MatMul: _t_matmul,
    mx.Outer: _t_outer,
    mx.Transpose: lambda e, k, ct: mx.transpose(ct),
    mx.Diag: _t_diag,
    mx.Broadcast: _t_broadcast,
    mx.Expand: _t_expand,
    mx.Reduce: _t_reduce,
    mx.Concat: lambda e, k, ct: mx.block(ct, *e.pieces[k][:2]),
    mx.Block: lambda e, k, ct: pad(ct, e.args[1], e.args[2], e.args[0].shape[-1]),
    mx.Contract: lambda e, k, ct: mx.contract(ct, e.args[0], ct.rank),
}
