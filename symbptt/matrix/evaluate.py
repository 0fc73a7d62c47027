"""The meaning of an expression in numbers: NumPy object arrays over any scalar type.

Scalars may be fractions, mpmath numbers, SymPy expressions or elements of a polynomial ring;
the arithmetic is theirs, and `functions` says what tanh or exp of such a scalar is. Nothing
here knows `indices` or `rules`, so it can referee both.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import sympy

from ..errors import UnsupportedError
from . import nodes as n
from .functions import Z
from .nodes import Node

Array = np.ndarray
Scalar = Any


@dataclass(frozen=True)
class Setting:
    """Where an expression is evaluated.

    lookup: (variable or derivative, its whole-number times) -> object array of its shape.
    sizes: size name -> int. times: time name -> int. functions: name -> scalar function;
    besides the elementwise ones, "number" turns a SymPy rational into a scalar, and "power"
    raises a scalar to one.
    """

    lookup: Callable[[Node, tuple[int, ...]], Array]
    sizes: Mapping[str, int]
    functions: Mapping[str, Callable[..., Scalar]]
    times: Mapping[str, int] = field(default_factory=dict)

    def integer(self, expr: Any) -> int:
        """A size or a time as a number."""
        value = sympy.sympify(expr)
        known = {s: self.times.get(s.name, self.sizes.get(s.name)) for s in value.free_symbols}
        return int(value.xreplace({s: sympy.Integer(v) for s, v in known.items()}))

    def shape(self, shape: Any) -> tuple[int, ...]:
        return tuple(self.integer(s) for s in shape)

    def number(self, value: Any) -> Scalar:
        return self.functions["number"](sympy.sympify(value))

    def map(self, f: Callable[[Scalar], Scalar], x: Array) -> Array:
        out = np.empty(np.shape(x), dtype=object)
        for i in np.ndindex(*out.shape):
            out[i] = f(np.asarray(x, dtype=object)[i])
        return out


def evaluate(expr: Node, at: Setting) -> Array:
    """The object array of expr's entries."""
    out = _EVALUATE[type(expr)](expr, at)
    return np.asarray(out, dtype=object)


def _var(e: n.Var, at: Setting) -> Array:
    return at.lookup(e, tuple(at.integer(x) for x in e.times))


def _deriv(e: n.Deriv, at: Setting) -> Array:
    return at.lookup(e, tuple(at.integer(x) for x in (*e.of.times, *e.wrt.times)))


def _scalar(e: n.Scalar, at: Setting) -> Array:
    return np.array(_computed(*_closed(e.value, at), at), dtype=object)


def _closed(value: Any, at: Setting) -> tuple[Any, dict[Any, Scalar]]:
    """A SymPy expression with its sizes and times as numbers, and its hyper-parameters' values."""
    symbols = {**at.sizes, **at.times}
    free = value.free_symbols - {Z}
    known = {s: sympy.Integer(symbols[s.name]) for s in free if s.name in symbols}
    hyper = {s: at.lookup(n.Var(s.name), ()).item() for s in free if s not in known}
    return value.xreplace(known), hyper


def _fold(op: Callable[[Any, Any], Any]) -> Callable[[Node, Setting], Array]:
    def run(e: Node, at: Setting) -> Array:
        out = evaluate(e.args[0], at)
        for a in e.args[1:]:
            out = np.asarray(op(out, evaluate(a, at)), dtype=object)
        return out

    return run


def _power(e: n.Power, at: Setting) -> Array:
    x, exponent = evaluate(e.args[0], at), e.args[1]
    if exponent.is_Integer:
        inverse = at.functions.get("inverse", lambda v: at.number(1) / v)
        base = x if exponent > 0 else at.map(inverse, x)
        return at.map(lambda v: v ** abs(int(exponent)), base)
    power = at.functions.get("power", operator.pow)
    return at.map(lambda v: power(v, exponent), x)


def scalar_function(body: Any, at: Setting) -> Callable[[Scalar], Scalar]:
    """A SymPy expression in `Z` as a function of one scalar."""

    closed, hyper = _closed(body, at)
    return lambda z: _computed(closed, {**hyper, Z: z}, at)


def _computed(body: Any, values: Mapping[Any, Scalar], at: Setting) -> Scalar:
    """A SymPy expression in the scalars that stand for its symbols."""

    def run(e: Any) -> Scalar:
        if e in values:
            return values[e]
        if e.is_Add or e.is_Mul:
            out = run(e.args[0])
            for a in e.args[1:]:
                out = out + run(a) if e.is_Add else out * run(a)
            return out
        if isinstance(e, sympy.exp):
            return at.functions["exp"](run(e.args[0]))
        if e.is_Pow:
            base = run(e.base)
            if e.exp.is_Integer and e.exp < 0:
                inverse = at.functions.get("inverse", lambda v: at.number(1) / v)
                return inverse(base) ** int(-e.exp)
            if e.exp.is_Integer:
                return base ** int(e.exp)
            return at.functions.get("power", operator.pow)(base, e.exp)
        if e.is_Function:
            return at.functions[type(e).__name__](run(e.args[0]))
        return at.number(e)

    return run(body)


def _apply(e: n.Apply, at: Setting) -> Array:
    return at.map(scalar_function(e.args[0].body, at), evaluate(e.args[1], at))


def softmax_rows(x: Array, at: Setting) -> Array:
    inverse = at.functions.get("inverse", lambda v: at.number(1) / v)
    weights = at.map(at.functions["exp"], x)
    total = at.map(inverse, weights.sum(axis=-1, keepdims=True))
    return weights * total


def _matmul(e: n.MatMul, at: Setting) -> Array:
    a, b = (evaluate(x, at) for x in e.args)
    return np.asarray(np.dot(a, b), dtype=object)


def _matpow(e: n.MatPow, at: Setting) -> Array:
    a, power = evaluate(e.args[0], at), at.integer(e.args[1])
    out = _identity(a.shape[0], at)
    for _ in range(power):
        out = np.dot(a, out)
    return out


def _identity(count: int, at: Setting) -> Array:
    return np.array(
        [[at.number(int(i == j)) for j in range(count)] for i in range(count)], dtype=object
    )


def _diag(e: n.Diag, at: Setting) -> Array:
    v = evaluate(e.args[0], at)
    return _identity(len(v), at) * v[:, None]


def _block(e: n.Block, at: Setting) -> Array:
    x, lo, hi = e.args
    return evaluate(x, at)[..., at.integer(lo) : at.integer(hi)]


def _reduce(e: n.Reduce, at: Setting) -> Array:
    x = evaluate(e.args[0], at)
    out = x.sum(axis=e.axes, keepdims=e.keepdims)
    return np.asarray(out, dtype=object)


def _onehot(e: n.OneHot, at: Setting) -> Array:
    index = evaluate(e.args[0], at)
    classes = at.integer(e.args[1])
    out = np.empty((*index.shape, classes), dtype=object)
    for i in np.ndindex(*out.shape):
        out[i] = at.number(int(int(index[i[:-1]]) == i[-1]))
    return out


def _squared_error(e: n.SquaredError, at: Setting) -> Array:
    o, y = (evaluate(a, at) for a in e.args)
    half = at.number(sympy.Rational(1, 2))
    return np.asarray(half * ((o - y) * (o - y)).sum(axis=-1), dtype=object)


def _cross_entropy(e: n.CrossEntropy, at: Setting) -> Array:
    o, y = (evaluate(a, at) for a in e.args)
    logp = at.map(at.functions["log"], softmax_rows(o, at))
    return np.asarray(at.number(-1) * (y * logp).sum(axis=-1), dtype=object)


def _call(e: n.Call, at: Setting) -> Array:
    values = [evaluate(a, at) for a in e.args[1]]
    return at.functions["call"](e.name, (), values, at.shape(e.shape))


def _call_deriv(e: n.CallDeriv, at: Setting) -> Array:
    call = e.args[0]
    values = [evaluate(a, at) for a in call.args[1]]
    return at.functions["call"](call.name, (int(e.args[1]),), values, at.shape(call.shape))


def _contract(e: n.Contract, at: Setting) -> Array:
    a, b = evaluate(e.args[0], at), evaluate(e.args[1], at)
    return np.asarray(np.tensordot(a, b, axes=e.n), dtype=object)


def _time_sum(e: n.TimeSum, at: Setting) -> Array:
    body, k, lo, hi = e.args
    out = np.full(at.shape(e.shape), at.number(0), dtype=object)
    for step in range(at.integer(lo), at.integer(hi) + 1):
        term = evaluate(body, replace(at, times={**at.times, k.name: step}))
        out = np.asarray(out + term, dtype=object)
    return out


def _time_prod(e: n.TimeProd, at: Setting) -> Array:
    body, j, lo, hi = e.args
    half = at.shape(e.shape[: e.rank // 2])
    count = int(np.prod(half))
    out = _identity(count, at)
    for step in range(at.integer(lo), at.integer(hi) + 1):
        factor = evaluate(body, replace(at, times={**at.times, j.name: step}))
        out = np.dot(factor.reshape(count, count), out)
    return out.reshape(half * 2)


def _element(e: n.Element, at: Setting) -> Array:
    return evaluate(e.args[0], at)[tuple(at.integer(i) for i in e.args[1])]


def _kron(e: n.Kron, at: Setting) -> Array:
    if not e.is_time and not {str(a) for a in e.args} <= set(at.times):
        raise UnsupportedError("[i = j] of named indices has no single value")
    i, j = (at.integer(a) for a in e.args)
    return np.array(at.number(int(i == j)), dtype=object)


_EVALUATE: dict[type, Callable[[Any, Setting], Any]] = {
    n.Var: _var,
    n.Deriv: _deriv,
    n.Scalar: _scalar,
    n.Plus: _fold(lambda a, b: a + b),
    n.Times: _fold(lambda a, b: a * b),
    n.Power: _power,
    n.Apply: _apply,
    n.Softmax: lambda e, at: softmax_rows(evaluate(e.args[0], at), at),
    n.MatMul: _matmul,
    n.MatPow: _matpow,
    n.Transpose: lambda e, at: evaluate(e.args[0], at).T,
    n.Outer: lambda e, at: np.multiply.outer(evaluate(e.args[0], at), evaluate(e.args[1], at)),
    n.Diag: _diag,
    n.Eye: lambda e, at: _identity(at.integer(e.args[0]), at),
    n.Broadcast: lambda e, at: np.broadcast_to(evaluate(e.args[0], at), at.shape(e.shape)),
    n.Expand: lambda e, at: evaluate(e.args[0], at).reshape(at.shape(e.shape)),
    n.Concat: lambda e, at: np.concatenate([evaluate(a, at) for a in e.args], axis=-1),
    n.Block: _block,
    n.Reduce: _reduce,
    n.OneHot: _onehot,
    n.SquaredError: _squared_error,
    n.CrossEntropy: _cross_entropy,
    n.Call: _call,
    n.CallDeriv: _call_deriv,
    n.Contract: _contract,
    n.Element: _element,
    n.Kron: _kron,
    n.TimeSum: _time_sum,
    n.TimeProd: _time_prod,
}
