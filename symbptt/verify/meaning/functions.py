"""Functions of their arguments, powers, quotients."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from ... import matrix as mx
from ...matrix.functions import Z
from ...model import Equation
from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.tensor import MisfitError, Tensor, tensor
from ..forward.drafts import FUNCTIONS
from ..forward.drafts import LOSSES as LETTERS
from ..world import TOTAL
from .arrays import expanded, full, identity, size_of, summed
from .choice import LOSSES, NUMERATOR, UnknownError
from .derivatives import called, derivative, loss_time
from .entries import value
from .frame import Frame
from .gradients import laid
from .products import product
from .times import time_value


def apply(m: Frame, node: s.Apply) -> Tensor:
    head = node.head.letter
    if head == "diag":
        return tn.diag(m.alg, m.of(node.arguments[0]))
    if head == "softmax":
        x = m.of(node.arguments[0])
        return tensor(m.alg.softmax(x.data, x.rank), x.shape, x.left)
    if head == "prod" and len(node.arguments) > 1:
        return _prod_of(m, node.arguments)
    if head in ARRAYS:
        return ARRAYS[head](m, node)
    if head in (*m.system.losses, *LETTERS) and m.numbers and m.settles(LOSSES):
        return tensor(m.alg.var(m.model.loss.step.name, loss_time(m, node)), (), 0)
    if head in ("outer",) and len(node.arguments) == 2:
        a, b = (m.of(x) for x in node.arguments)
        return tn.outer(m.alg, a, b)
    if head in ("dot", "matmul") and len(node.arguments) == 2:
        return product(m, s.Product(node.arguments, ("@",)))
    if head in FUNCTIONS or (head in _functions(m) and len(node.arguments) == 1):
        return _function(m, node, head)
    q = m.naming.parts(node.head)
    if len(node.arguments) == 1 and q.name in m.system.names and not node.primes:
        name = m.system.names[q.name]
        argument = s.bare(node.arguments[0])
        if m.model.table[name].timed and _is_bare_input(argument):  # h(x), the prediction
            return value(m, name, m.quantities.time_of(name, q))
    if not node.certain and len(node.arguments) == 1:
        return product(m, s.Product((node.head, s.Group(node.arguments[0])), ("",)))
    for e in m.model.equations:
        if isinstance(e.rhs, mx.Call) and e.rhs.name == head:
            if node.primes:
                return _slope_of_loss(m, node)
            try:
                (name, time), _, _ = called(m, node)
            except UnknownError:
                return _elsewhere(m, node, e)
            return value(m, name, time)
    raise UnknownError(head, f"the function {head} is not known")


def _elsewhere(m: Frame, node: s.Apply, e: Equation) -> Tensor:
    """f(x_{t−1}, h_{t−1}, w) where the model has f(x_t, h_{t−1}, w): its value there, in numbers.

    One argument may be another: a value of another step, or a parameter in a parameter's place.
    Raises MisfitError for a parameter of another shape.
    """
    head, formals = node.head.letter, e.rhs.args[1]
    said = [m.naming.parts(x) for x in map(s.bare, node.arguments) if isinstance(x, s.Symbol)]
    if len(said) != len(node.arguments) or len(said) != len(formals) or not m.numbers:
        raise UnknownError(head, "no equation of the model has these arguments")
    others = 0
    for q, v in zip(said, formals, strict=True):
        name = m.quantities.find(q)
        role = m.model.table[name].role
        alike = q.time is not None and name == v.name if v.times else role == "param"
        if not alike or m.model.table[v.name].role not in (role, "variable"):
            raise UnknownError(head, "no equation of the model has these arguments")
        others += name != v.name
    steps = {sympy.expand(q.time - v.time) for q, v in zip(said, formals, strict=True) if v.times}
    if others + len(steps) > 2:
        raise UnknownError(head, "no equation of the model has these arguments")
    args = [m.of(x) for x in node.arguments]
    for x, v in zip(args, formals, strict=True):
        if x.shape != tuple(m.alg.size(n) for n in v.shape):
            raise MisfitError(f"{x.show_shape()} is no argument of {head}")
    dims = tuple(m.alg.size(n) for n in e.rhs.shape)
    data = m.alg.value_of_call(head, args, dims)
    return tensor(data, dims, m.quantities.left(e.lhs.name, len(dims)))


def _slope_of_loss(m: Frame, node: s.Apply) -> Tensor:
    """ℓ'(q) of E = ℓ(q): ∂E/∂q."""
    of, inner = replace(node, primes=0), s.bare(node.arguments[0])
    if node.primes > 1 or len(node.arguments) != 1 or not isinstance(inner, s.Symbol):
        raise UnknownError(node.head.letter, "a slope of a function of several arguments")
    key, _, _ = called(m, of)
    if key[0] != m.model.loss.step.name:
        raise UnknownError(node.head.letter, "a slope of a function of several arguments")
    q = m.naming.parts(inner)
    name = m.quantities.find(q)
    return laid(m, key, (name, m.quantities.time_of(name, q)), TOTAL, None)


def _functions(m: Frame) -> set[str]:
    return {
        a.args[0].name
        for e in m.model.equations
        for a in e.rhs.atoms(mx.Apply)
        if not a.args[0].is_builtin
    }


def _function(m: Frame, node: s.Apply, head: str) -> Tensor:
    if len(node.arguments) != 1:
        raise UnknownError(head, f"{head} takes one argument")
    x = m.of(node.arguments[0])
    fn = mx.builtin(FUNCTIONS[head]) if head in FUNCTIONS else mx.unknown(head)
    body = _slope(fn.body, node.primes)
    if node.primes and m.settles("byvalue"):
        body = _slope_by_value(head, body)
        m.used.add("byvalue")
    return tn.elementwise(m.alg, body, x)


@lru_cache(maxsize=256)
def _slope(body: Any, order: int) -> Any:
    return sympy.diff(body, Z, order)


def _prod_of(m: Frame, factors: Sequence[s.Node]) -> Tensor:
    """prod(A, B, …): the product after the necessary transpositions."""
    saved = m.choice
    m.choice = replace(saved, row=True, layout=NUMERATOR)
    try:
        first, *rest = (m.of(x) for x in factors)
    finally:
        m.choice = saved
    for x in rest:
        first = _fitted(m, first, x)
    return replace(first, left=min(1, first.rank), loose=True)


def _fitted(m: Frame, x: Tensor, y: Tensor) -> Tensor:
    """The product in the order written, else with a matrix transposed; of two vectors of which
    neither is as long as the other, the outer one."""
    x = replace(x, left=0) if x.loose and x.rank == 1 else x
    options = [(x, y)]
    options += [(x, tn.transpose(m.alg, y))] if y.rank == 2 else []
    options += [(tn.transpose(m.alg, x), y)] if x.rank == 2 else []
    for a, b in options:
        try:
            return tn.chained(m.alg, a, b)
        except MisfitError:
            continue
    if x.rank == y.rank == 1:
        return tn.outer(m.alg, x, y)
    return tn.chained(m.alg, x, y)


def _ones(m: Frame, node: s.Apply) -> Tensor:
    return full(m, 1, [size_of(m, x) for x in node.arguments])


def _zeros(m: Frame, node: s.Apply) -> Tensor:
    return full(m, 0, [size_of(m, x) for x in node.arguments])


def _eye(m: Frame, node: s.Apply) -> Tensor:
    return identity(m, size_of(m, node.arguments[0]))


def _same(m: Frame, node: s.Apply) -> Tensor:
    """onehot(y): a label stands for its one-hot rows everywhere."""
    return m.of(node.arguments[0])


def _sum(m: Frame, node: s.Apply) -> Tensor:
    """sum(x, axis=1, keepdims=1), sum(x)."""
    given = {name: int(x.text) for name, x in node.keywords if isinstance(x, s.Number)}
    x = m.of(node.arguments[0])
    if x.rank == 1 and not x.left and given.get("axis") == 0:
        return x  # a row is a batch of one
    return summed(m, x, given.get("axis"), bool(given.get("keepdims")))


def _column(m: Frame, node: s.Apply) -> Tensor:
    return expanded(m, m.of(node.arguments[0]), [1])


ARRAYS: dict[str, Callable[[Frame, s.Apply], Tensor]] = {
    "ones": _ones,
    "zeros": _zeros,
    "eye": _eye,
    "onehot": _same,
    "sum": _sum,
    "column": _column,
}


def _rational(node: s.Node) -> Any:
    """−1/2 as SymPy; None where it is no number."""
    node = s.bare(node)
    if isinstance(node, s.Number):
        return sympy.Rational(node.text)
    if isinstance(node, s.Sum) and len(node.terms) == 1:
        inner = _rational(node.terms[0])
        return None if inner is None else -inner if node.signs == ("-",) else inner
    if isinstance(node, s.Quotient):
        above, below = _rational(node.above), _rational(node.below)
        return None if above is None or not below else above / below
    return None


def power(m: Frame, node: s.Power) -> Tensor:
    exponent = s.bare(node.exponent)
    number = _rational(exponent)
    if number is not None and not isinstance(exponent, s.Number):
        base = m.of(node.base)
        return tensor(m.alg.power(base.data, number), base.shape, base.left)
    if isinstance(exponent, s.Symbol) and ("transpose" in node.may_be or exponent.letter == "T"):
        base = m.of(node.base)
        if base.rank:
            return tn.transpose(m.alg, base)
    if isinstance(exponent, s.Number):
        base = m.of(node.base)
        if base.rank == 2 and base.shape[0] == base.shape[1] and node.style != "function":
            return tensor(m.alg.matpow(base.data, sympy.Integer(exponent.text)), base.shape, 1)
        value = sympy.Rational(exponent.text)
        return tensor(m.alg.power(base.data, value), base.shape, base.left)
    base = m.of(node.base)
    n = time_value(m.naming, exponent)
    if base.rank == 2:
        if base.shape[0] != base.shape[1]:
            raise MisfitError("a power of a matrix that is not square")
        return tensor(m.alg.matpow(base.data, n), base.shape, base.left)
    if base.rank == 0 and m.numbers:
        return tensor(base.data ** int(m.alg.at(n)), (), 0)
    raise UnknownError("^", "an exponent that is no number")


def quotient(m: Frame, node: s.Quotient) -> Tensor:
    above, below = s.bare(node.above), s.bare(node.below)
    letters = isinstance(above, s.Symbol) and isinstance(below, s.Symbol)
    if letters and m.settles("fraction"):
        m.used.add("fraction")
        return derivative(m, s.Derivative("∂", above, below))
    a, b = m.of(node.above), m.of(node.below)
    if b.rank:
        raise MisfitError(f"a division by {b.show_shape()}")
    inverse = tensor(m.alg.power(b.data, -1), (), 0)
    return tn.scale(m.alg, inverse, a)


def norm(m: Frame, node: s.Norm) -> Tensor:
    """|x| of a number, ‖x‖ of a vector, the spectral norm of a matrix; in numbers alone."""
    x = m.of(node.of)
    if not m.numbers or x.rank > 2 or node.order not in (None, s.Number("2")):
        raise UnknownError("‖", "a norm that is not evaluated here")
    data = np.asarray(x.data, float)
    return tensor(np.asarray(np.linalg.norm(data, 2) if x.rank else abs(data)), (), 0)


def transposed(m: Frame, node: s.Transpose) -> Tensor:
    return tn.transpose(m.alg, m.of(node.base))


def _slope_by_value(head: str, body: Any) -> Any:
    """f' as a function of f's own value: 1 − h² for tanh, h (1 − h) for σ."""
    known = {"tanh": 1 - Z**2, "σ": Z * (1 - Z), "sigmoid": Z * (1 - Z)}
    return known.get(head, body)


def _is_bare_input(node: s.Node) -> bool:
    return isinstance(node, s.Symbol) and node.letter == "x" and not node.indices
