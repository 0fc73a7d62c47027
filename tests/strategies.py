"""Random well-shaped expressions of the closed set of operations, over symbolic sizes.

`expressions` draws one; `rewrite` turns one into an equal one by a law that `same` must know.
The logarithm, roots and quotients stand only where their argument is positive, and exp only
where its argument is bounded, so that every expression has a value at every choice of entries.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import sympy
from hypothesis import strategies as st

from symbptt import matrix as mx

N, D, H, C = (mx.size(n) for n in "NDHC")
K, J = mx.time_symbol("k"), mx.time_symbol("j")
SIZES = (D, H, C)
HALF = sympy.Rational(1, 2)
BOUNDED = ("tanh", "sigmoid")
SMOOTH = (*BOUNDED, "sin", "cos", "softplus", "relu")

Draw = Callable[..., Any]


def fn(name: str, x: mx.Node) -> mx.Node:
    return mx.Apply(mx.builtin(name), x)


def var(name: str, *shape: Any, times: tuple[Any, ...] = ()) -> mx.Var:
    """A variable named after its shape, so that one name never has two shapes."""
    return mx.Var(name + _spelled(shape), shape, times)


def _spelled(shape: tuple[Any, ...]) -> str:
    return "".join(map(str, shape)).replace("*", "").replace(" + ", "p")


def ones(*shape: Any) -> mx.Node:
    return mx.broadcast(mx.Scalar(1), shape)


def rows(*shape: Any) -> mx.Node:
    """One-hot rows; the last axis is the class."""
    return mx.onehot(mx.Var("y" + _spelled(shape), shape[:-1]), shape[-1])


@st.composite
def shapes(draw: Draw) -> tuple[Any, ...]:
    return tuple(draw(st.lists(st.sampled_from(SIZES), max_size=2)))


@st.composite
def expressions(
    draw: Draw, shape: tuple[Any, ...] | None = None, depth: int = 3, sums: bool = True
) -> mx.Node:
    """An expression of the given shape; `sums` allows sums over time."""
    shape = draw(shapes()) if shape is None else shape
    return _grow(draw, shape, depth, (mx.t,), sums)


def _grow(draw: Draw, shape: Any, depth: int, times: tuple[Any, ...], sums: bool) -> mx.Node:
    def sub(*s: Any) -> mx.Node:
        return _grow(draw, s, depth - 1, times, sums)

    if depth == 0 or not draw(st.integers(0, 5)):
        return _leaf(draw, shape, times)
    makers = [*_ANY, *{0: _SCALARS, 1: _VECTORS, 2: _MATRICES}[len(shape)]]
    if sums and len(times) == 1:
        makers.append(_time_sum)
    return draw(st.sampled_from(makers))(draw, sub, shape)


def _leaf(draw: Draw, shape: Any, times: tuple[Any, ...]) -> mx.Node:
    kind = draw(st.integers(0, 5))
    if kind < 3:
        return var(draw(st.sampled_from("uv")), *shape)
    if kind < 5:
        time = draw(st.sampled_from(times)) - draw(st.integers(0, 1))
        return var("x", *shape, times=(time,))
    if len(shape) == 2 and shape[0] == shape[1]:
        return mx.Eye(shape[0])
    return mx.broadcast(mx.Scalar(sympy.Rational(draw(st.integers(1, 3)), 2)), shape)


def _time_sum(draw: Draw, sub: Any, shape: Any) -> mx.Node:
    body = _grow(draw, shape, 1, (mx.t, K), False)
    lo, hi = draw(st.sampled_from([(1, mx.t), (1, mx.T), (2, mx.t + 1), (mx.t, mx.T)]))
    return mx.time_sum(body, K, lo, hi)


def _size(draw: Draw) -> Any:
    return draw(st.sampled_from(SIZES))


def _with_size(make: Callable[..., mx.Node]) -> Callable[[Draw, Any, Any], mx.Node]:
    """A maker that draws one inner size of its own."""
    return lambda draw, sub, s: make(sub, s, _size(draw))


def _positive(x: mx.Node) -> mx.Node:
    return mx.plus(1, x**2)


def _broadcast_row(draw: Draw, sub: Any, shape: Any) -> mx.Node:
    """(n, m) + (m,), (n, m) * (n, 1), or a scalar spread over both."""
    kind = draw(st.integers(0, 2))
    if kind == 0:
        return sub(*shape) + sub(*shape[1:])
    if kind == 1:
        return sub(*shape) * mx.sum_axes(sub(*shape), (-1,), keepdims=True)
    return sub(*shape) * sub()


_ANY: list[Callable[[Draw, Any, Any], mx.Node]] = [
    lambda draw, sub, s: sub(*s) + sub(*s),
    lambda draw, sub, s: sub(*s) - sub(*s),
    lambda draw, sub, s: sub(*s) * sub(*s),
    lambda draw, sub, s: fn(draw(st.sampled_from(SMOOTH)), sub(*s)),
    lambda draw, sub, s: fn("exp", fn(draw(st.sampled_from(BOUNDED)), sub(*s))),
    lambda draw, sub, s: mx.power(sub(*s), 2),
    lambda draw, sub, s: mx.power(_positive(sub(*s)), draw(st.sampled_from([-1, HALF, -HALF]))),
    lambda draw, sub, s: fn("log", _positive(sub(*s))),
]
_SCALARS: list[Callable[[Draw, Any, Any], mx.Node]] = [
    lambda draw, sub, s: mx.sum_axes(sub(_size(draw), _size(draw))),
    _with_size(lambda sub, s, n: sub(n) @ sub(n)),
    _with_size(lambda sub, s, n: mx.squared_error(sub(n), sub(n))),
    _with_size(lambda sub, s, n: mx.cross_entropy(sub(n), rows(n))),
]
_VECTORS: list[Callable[[Draw, Any, Any], mx.Node]] = [
    _with_size(lambda sub, s, n: sub(*s, n) @ sub(n)),
    _with_size(lambda sub, s, n: sub(n) @ sub(n, *s)),
    lambda draw, sub, s: mx.Softmax(sub(*s)),
    lambda draw, sub, s: mx.sum_axes(sub(_size(draw), *s), (0,)),
    lambda draw, sub, s: mx.sum_axes(sub(*s, _size(draw)), (1,)),
    lambda draw, sub, s: mx.diag(sub(*s)) @ sub(*s),
    _with_size(lambda sub, s, n: sub(*s, n + s[0]) @ mx.concat(sub(n), sub(*s))),
    _with_size(lambda sub, s, n: mx.block(mx.concat(sub(*s) + sub(*s), sub(n)), 0, s[0])),
    _with_size(lambda sub, s, n: mx.block(sub(n + s[0]), n, n + s[0])),
    _with_size(lambda sub, s, n: mx.cross_entropy(sub(*s, n), rows(*s, n))),
    lambda draw, sub, s: rows(*s) * sub(*s),
]
_MATRICES: list[Callable[[Draw, Any, Any], mx.Node]] = [
    _with_size(lambda sub, s, n: sub(s[0], n) @ sub(n, s[1])),
    lambda draw, sub, s: mx.transpose(sub(*s[::-1])),
    lambda draw, sub, s: mx.outer(sub(s[0]), sub(s[1])),
    lambda draw, sub, s: mx.Softmax(sub(*s)),
    lambda draw, sub, s: mx.diag(sub(s[0])) @ sub(*s),
    _with_size(lambda sub, s, n: mx.concat(sub(s[0], n), sub(*s)) @ sub(n + s[1], s[1])),
    lambda draw, sub, s: mx.block(sub(s[0], 3 * s[1]), s[1], 2 * s[1]),
    lambda draw, sub, s: rows(*s) * sub(*s) if s[0] != s[1] else mx.diag(sub(s[0])),
    _broadcast_row,
]


def rewrite(e: mx.Node, rng: random.Random) -> mx.Node:
    """An equal expression: one law applied at random places, from the leaves up."""
    if isinstance(e, mx.Node) and e.args:
        e = _rebuilt(e, rng)
    laws = [law for law in LAWS if rng.random() < 0.3]
    for law in laws:
        e = law(e)
    return e


def _rebuilt(e: mx.Node, rng: random.Random) -> mx.Node:
    if isinstance(e, mx.Var | mx.OneHot):
        return e
    return e.func(*(rewrite(a, rng) if _rewritable(a) else a for a in e.args))


def _rewritable(a: Any) -> bool:
    return isinstance(a, mx.Node) and not isinstance(a, mx.Scalar)


def _law(kind: type, when: Callable[[Any], bool] = lambda e: True) -> Any:
    """Apply the decorated law only to nodes of one kind, and keep their shape."""

    def wrap(law: Callable[[Any], mx.Node]) -> Callable[[mx.Node], mx.Node]:
        def run(e: mx.Node) -> mx.Node:
            if not isinstance(e, kind) or not when(e):
                return e
            out = law(e)
            return mx.broadcast(out, e.shape)

        return run

    return wrap


def _is_sum(e: Any) -> bool:
    return isinstance(e, mx.Plus)


def _square(e: mx.Node) -> bool:
    return e.rank == 2


def _odd(e: mx.Apply) -> bool:
    return e.args[0].name in ("tanh", "sin")


def _rows(e: mx.Node, lo: Any, hi: Any) -> mx.Node:
    return mx.block(e.T, lo, hi).T if e.rank == 2 else mx.block(e, lo, hi)


def _columns(lo: Any, hi: Any, size: Any) -> mx.Node:
    """The identity's columns lo..hi − 1."""
    return mx.block(mx.Eye(size), lo, hi)


def _blocks(size: Any) -> list[tuple[Any, Any]]:
    """The blocks of a multiple: 0:H, H:2*H, 2*H:3*H."""
    count, name = size.as_coeff_Mul()
    return [(i * name, (i + 1) * name) for i in range(int(count))]


LAWS: list[Callable[[mx.Node], mx.Node]] = [
    _law(mx.Plus)(lambda e: mx.plus(*e.args[::-1])),
    _law(mx.Times)(lambda e: mx.times(*e.args[::-1])),
    _law(mx.Times, lambda e: _is_sum(e.args[-1]))(
        lambda e: mx.plus(*(mx.times(*e.args[:-1], a) for a in e.args[-1].args))
    ),
    _law(mx.MatMul, lambda e: _is_sum(e.args[0]) and not any(a.rank == 0 for a in e.args[0].args))(
        lambda e: mx.plus(*(a @ e.args[1] for a in e.args[0].args))
    ),
    _law(mx.MatMul, _square)(lambda e: (e.args[1].T @ e.args[0].T).T),
    _law(mx.MatMul, lambda e: (e.args[0].rank, e.args[1].rank) == (2, 1))(
        lambda e: e.args[1] @ e.args[0].T
    ),
    _law(mx.MatMul, lambda e: isinstance(e.args[0], mx.MatMul) and e.args[0].args[1].rank == 2)(
        lambda e: e.args[0].args[0] @ (e.args[0].args[1] @ e.args[1])
    ),
    _law(mx.MatMul, lambda e: isinstance(e.args[0], mx.Diag) and e.args[1].rank == 1)(
        lambda e: e.args[0].args[0] * e.args[1]
    ),
    _law(mx.MatMul, lambda e: isinstance(e.args[0], mx.Concat))(
        lambda e: mx.plus(*(a @ _rows(e.args[1], lo, hi) for lo, hi, a in e.args[0].pieces))
    ),
    _law(mx.Node, lambda e: bool(e.shape) and e.shape[-1].is_Mul)(
        lambda e: mx.concat(*(mx.block(e, lo, hi) for lo, hi in _blocks(e.shape[-1])))
    ),
    _law(mx.Block)(lambda e: e.args[0] @ _columns(*e.args[1:], e.args[0].shape[-1])),
    _law(mx.Outer)(lambda e: mx.outer(e.args[1], e.args[0]).T),
    _law(mx.Outer)(lambda e: mx.diag(e.args[0]) @ mx.broadcast(e.args[1], e.shape)),
    _law(mx.Diag)(lambda e: mx.Transpose(mx.diag(e.args[0]))),
    _law(mx.Apply, _odd)(lambda e: -mx.Apply(e.args[0], -e.args[1])),
    _law(mx.Apply, lambda e: e.args[0].name == "cos")(lambda e: mx.Apply(e.args[0], -e.args[1])),
    _law(mx.Apply, lambda e: e.args[0].name == "sigmoid")(
        lambda e: 1 - mx.Apply(e.args[0], -e.args[1])
    ),
    _law(mx.Apply, lambda e: e.args[0].name == "exp")(lambda e: 1 / fn("exp", -e.args[1])),
    _law(mx.Apply, lambda e: e.args[0].name == "relu")(
        lambda e: HALF * mx.Apply(e.args[0], 2 * e.args[1])
    ),
    _law(mx.Softmax)(lambda e: mx.Softmax(e.args[0] + var("u"))),
    _law(mx.Power, lambda e: e.args[1] == 2)(lambda e: e.args[0] * e.args[0]),
    _law(mx.Power, lambda e: e.args[1] == -HALF)(lambda e: e.args[0] ** -1 * e.args[0] ** HALF),
    _law(mx.SquaredError)(lambda e: HALF * mx.sum_axes((e.args[1] - e.args[0]) ** 2, (-1,))),
    _law(mx.Reduce, lambda e: e.axes == (0, 1) and not e.keepdims)(
        lambda e: mx.sum_axes(mx.sum_axes(e.args[0].T, (0,)), (0,))
    ),
    _law(mx.Var)(lambda e: e * mx.sum_axes(mx.Softmax(var("v", H)))),
    _law(mx.Var, lambda e: e.rank > 0)(lambda e: e * mx.sum_axes(rows(C)) + e - e),
    _law(mx.Var, _square)(lambda e: mx.Eye(e.shape[0]) @ e @ mx.diag(ones(e.shape[1]))),
    _law(mx.TimeSum)(
        lambda e: mx.time_sum(e.args[0].xreplace({K: J - 1}), J, e.args[2] + 1, e.args[3] + 1)
    ),
]


def blunder(e: mx.Node, rng: random.Random) -> mx.Node:
    """The expression with one mistake at a random node: a sign, a factor, a transpose, a time.

    An index and the arguments of roots and logarithms are spared: they would lose their value.
    """
    nodes = [a for a in sympy.preorder_traversal(e) if isinstance(a, mx.Node)]
    spared = {a.args[0] for a in nodes if isinstance(a, mx.OneHot | mx.Power)}
    spared |= {a for a in nodes if isinstance(a, mx.Apply) and a.args[0].name == "log"}
    spared |= {a for root in spared for a in sympy.preorder_traversal(root)}
    places = [a for a in nodes if _rewritable(a) and a not in spared]
    if not places:
        return e
    place = rng.choice(places)
    wrong = rng.choice([w for w in _WRONGS if w(place) != place])(place)
    return e.xreplace({place: wrong})


_WRONGS: list[Callable[[mx.Node], mx.Node]] = [
    lambda e: mx.Times(mx.Scalar(-1), e),
    lambda e: mx.Times(mx.Scalar(2), e),
    lambda e: mx.Transpose(e) if e.rank == 2 and e.shape[0] == e.shape[1] else e,
    lambda e: e.at(e.time - 1) if isinstance(e, mx.Var) and e.times else e,
    lambda e: e.func(*e.args[:3], e.args[3] - 1) if isinstance(e, mx.TimeSum) else e,
]


def indicators(e: mx.Node) -> bool:
    """`same` is not complete for f(δ z) = f(0) + δ (f(z) − f(0)), δ an indicator."""
    return bool(e.has(mx.Eye, mx.Diag, mx.OneHot))
