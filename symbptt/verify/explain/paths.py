"""What one equation contributes to a derivative, as a matrix expression a student can read.

    w = … v …      dL/dv gains (∂w/∂v)ᵀ dL/dw:      a = W h + b gives Wᵀ g to h, g hᵀ to W, g to b

An expression is proposed by the shape of the equation and shown only if index notation says it
is the derivative of that equation, entry by entry and for all sizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from ...indices import jacobian
from ...indices import poly as p
from ...indices.canon import canonical
from ...indices.decide import vanishes
from ...indices.lower import free_slots, lower
from ...indices.poly import Factor
from ...matrix import nodes as n
from ...matrix.functions import Z, define
from ...model import Equation
from ..proof.substitute import contracted

COTANGENT = "G~"

Whole = Mapping[mx.Node, mx.Node]  # the right side of an equation -> the quantity it computes


def contribution(e: Equation, v: mx.Var) -> mx.Node | None:
    """(∂w/∂v)ᵀ G for the equation of w, G of w's shape; None where no short form is known."""
    g = mx.Var(COTANGENT, e.lhs.shape)
    try:
        terms = list(_back(e.rhs, v, g, {e.rhs: e.lhs}))
        if not terms:
            return None
        out = mx.plus(*terms)
        found = lower(out.xreplace({e.lhs: e.rhs}), free_slots(v.shape))
    except (SymbpttError, NotImplementedError):
        return None
    exact = contracted(
        lambda slots: p.atom(Factor("var", COTANGENT, (), tuple(slots))),
        jacobian(e.rhs, v), e.lhs.shape, v.shape, free_slots(v.shape),
    )  # fmt: skip
    return out if vanishes(canonical(p.add(found, p.scale(exact, -1)))) else None


def local(e: Equation, v: mx.Var) -> mx.Node | None:
    """∂w/∂v of vectors as a matrix; None where no short form is known."""
    if len(e.lhs.shape) != 1 or len(v.shape) != 1:
        return None
    try:
        terms = list(_forth(e.rhs, v, {e.rhs: e.lhs}))
        if not terms:
            return None
        out = mx.plus(*terms)
        found = lower(out.xreplace({e.lhs: e.rhs}), free_slots(out.shape))
    except (SymbpttError, NotImplementedError):
        return None
    gap = p.add(found, p.scale(jacobian(e.rhs, v), -1))
    return out if vanishes(canonical(gap)) else None


def slope(e: mx.Apply, value: mx.Node) -> mx.Node:
    """f'(a), by the value f(a) where the function's own equation gives it."""
    fn, argument = e.args
    if fn == mx.builtin("tanh"):
        return mx.plus(1, mx.times(-1, mx.power(value, 2)))
    if fn == mx.builtin("sigmoid"):
        return mx.times(value, mx.plus(1, mx.times(-1, value)))
    if fn == mx.builtin("exp"):
        return value
    if fn == mx.builtin("log"):
        return mx.power(argument, -1)
    if not fn.is_builtin and fn.body.is_Function:
        return mx.Apply(mx.unknown(f"{fn.name}_d1"), argument)
    return mx.Apply(define(f"{fn.name}'", sympy.diff(fn.body, Z)), argument)


def _back(e: mx.Node, v: mx.Var, g: mx.Node, whole: Whole) -> Iterable[mx.Node]:
    """The cotangents of v that g at e becomes, one for each place where v stands."""
    if e == v:
        yield g
    elif not e.has(v):
        return
    elif isinstance(e, n.Plus):
        for a in e.args:
            yield from _back(a, v, g, whole)
    elif isinstance(e, n.Times):
        for k, a in enumerate(e.args):
            if a.has(v):
                rest = (*e.args[:k], *e.args[k + 1 :])
                yield from _back(a, v, mx.times(g, *rest), whole)
    elif isinstance(e, n.Broadcast):
        x = e.args[0]
        extra = len(e.shape) - len(x.shape)
        yield from _back(x, v, mx.sum_axes(g, tuple(range(extra))), whole)
    elif isinstance(e, n.Apply):
        yield from _back(e.args[1], v, mx.times(g, slope(e, whole.get(e, e))), whole)
    elif isinstance(e, n.MatMul):
        a, b = e.args
        if a.has(v):
            yield from _back(a, v, _from_right(g, a, b), whole)
        if b.has(v):
            yield from _back(b, v, _from_left(g, a, b), whole)
    elif isinstance(e, n.Transpose):
        yield from _back(e.args[0], v, mx.transpose(g), whole)
    elif isinstance(e, n.Softmax) and e.rank == 1:
        yield from _back(e.args[0], v, mx.matmul(_softmax_slope(whole.get(e, e)), g), whole)
    elif isinstance(e, n.Reduce) and not g.shape:
        yield from _back(e.args[0], v, mx.broadcast(g, e.args[0].shape), whole)
    elif isinstance(e, n.SquaredError) and e.args[0].has(v) and not g.shape:
        o, y = e.args
        yield from _back(o, v, mx.times(g, mx.plus(o, mx.times(-1, y))), whole)
    elif isinstance(e, n.CrossEntropy) and e.args[0].has(v) and not g.shape:
        o, y = e.args
        yield from _back(o, v, mx.times(g, mx.plus(mx.Softmax(o), mx.times(-1, y))), whole)
    else:
        raise NotImplementedError(type(e).__name__)


def _from_right(g: mx.Node, a: mx.Node, b: mx.Node) -> mx.Node:
    """The cotangent of a in a @ b."""
    if a.rank == 2 and b.rank == 1:
        return mx.outer(g, b)
    if a.rank == 1 and b.rank == 1:
        return mx.times(g, b)
    return mx.matmul(g, mx.transpose(b))


def _from_left(g: mx.Node, a: mx.Node, b: mx.Node) -> mx.Node:
    """The cotangent of b in a @ b."""
    if a.rank == 1 and b.rank == 2:
        return mx.outer(a, g)
    if a.rank == 1 and b.rank == 1:
        return mx.times(g, a)
    return mx.matmul(mx.transpose(a), g)


def _forth(e: mx.Node, v: mx.Var, whole: Whole) -> Iterable[mx.Node]:
    """The Jacobians of e by v, one for each place where v stands."""
    if e == v:
        yield mx.Eye(v.shape[0])
    elif not e.has(v):
        return
    elif isinstance(e, n.Plus):
        for a in e.args:
            yield from _forth(a, v, whole)
    elif isinstance(e, n.Times):
        for k, a in enumerate(e.args):
            if a.has(v):
                rest = mx.times(*e.args[:k], *e.args[k + 1 :])
                yield from (_scaled(rest, j) for j in _forth(a, v, whole))
    elif isinstance(e, n.Apply):
        yield from (_scaled(slope(e, whole.get(e, e)), j) for j in _forth(e.args[1], v, whole))
    elif isinstance(e, n.Softmax):
        value = whole.get(e, e)
        yield from (_after(_softmax_slope(value), j) for j in _forth(e.args[0], v, whole))
    elif isinstance(e, n.MatMul) and e.args[1].has(v) and not e.args[0].has(v):
        yield from (_after(e.args[0], j) for j in _forth(e.args[1], v, whole))
    elif isinstance(e, n.MatMul) and e.args[0].has(v) and not e.args[1].has(v):
        yield from (_after(mx.transpose(e.args[1]), j) for j in _forth(e.args[0], v, whole))
    else:
        raise NotImplementedError(type(e).__name__)


def _softmax_slope(value: mx.Node) -> mx.Node:
    """diag(p) − p pᵀ."""
    return mx.plus(mx.diag(value), mx.times(-1, mx.outer(value, value)))


def _scaled(by: mx.Node, j: mx.Node) -> mx.Node:
    return _after(mx.diag(by) if by.shape else by, j)


def _after(a: mx.Node, j: mx.Node) -> mx.Node:
    if isinstance(j, n.Eye):
        return a if a.shape else mx.times(a, j)
    return mx.matmul(a, j) if a.shape else mx.times(a, j)


__all__ = ["COTANGENT", "contribution", "local"]
