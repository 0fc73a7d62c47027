"""Expression trees to index notation: what each operation means, entry by entry.

(A @ B)[i,j] = Σ_k A[i,k] B[k,j]     (a ∘ b)[i] = a[i] b[i]     diag(v)[i,j] = [i = j] v[i]
softmax(o)[i] sums to one over i      onehot(y)[n,c] = [y_n = c]
ce(o, y) = −Σ_c y_c log softmax(o)_c  se(o, y) = ½ Σ_c (o_c − y_c)²
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from ..matrix.functions import Z
from . import exponentials
from . import poly as p
from .canon import EVEN, ODD, canonical_lam, leading
from .poly import TIME, UNIT, Factor, Ix, Lin, Poly, Shifted, fresh, rational

Slots = tuple[Any, ...]  # of Ix and Shifted
Bound = Mapping[Any, Ix]  # sympy time symbol -> bound time index


def free_slots(shape: Any) -> Slots:
    """Fixed names for the free indices of an expression, one per axis."""
    return tuple(UNIT if s == 1 else Ix("f", n, str(s)) for n, s in enumerate(shape))


def lower(expr: mx.Node, slots: Slots | None = None, bound: Bound | None = None) -> Poly:
    """The entry expr[slots] as a polynomial in index notation."""
    slots = free_slots(expr.shape) if slots is None else slots
    slots = tuple(map(p.unit, slots))
    return _LOWER[type(expr)](expr, slots, bound or {})


def _inner(shape: Any) -> Slots:
    return tuple(fresh(str(s)) for s in shape)


def linear(expr: Any, bound: Bound) -> Lin:
    """A time expression (T + t − i, t − 1) as a linear form."""
    expr = sympy.sympify(expr)
    const, terms = 0, {}
    for term, coefficient in sympy.expand(expr).as_coefficients_dict().items():
        if not coefficient.is_Integer:
            raise UnsupportedError(f"the time {expr} is not a whole number of steps", "h[t-1]")
        if term == 1:
            const = int(coefficient)
        elif term.is_Symbol:
            terms[bound.get(term, term.name)] = int(coefficient)
        else:
            raise UnsupportedError(f"the time {expr} is not linear in {term}", "h[t-1]")
    return p.lin_of(const, terms)


def _var(e: mx.Var, slots: Slots, bound: Bound) -> Poly:
    return p.atom(Factor("var", e.name, tuple(linear(x, bound) for x in e.times), slots))


def _deriv(e: mx.Deriv, slots: Slots, bound: Bound) -> Poly:
    times = tuple(linear(x, bound) for x in (*e.of.times, *e.wrt.times))
    name = ("d" if e.total else "∂", e.of.name, e.wrt.name)
    return p.atom(Factor("var", name, times, slots))


def _scalar(e: mx.Scalar, slots: Slots, bound: Bound) -> Poly:
    if inside := e.value.free_symbols & set(bound):
        raise UnsupportedError(f"the summed time {min(map(str, inside))} stands as a number")
    return scalar_poly(e.value, {})


def scalar_poly(e: Any, values: Mapping[Any, Poly]) -> Poly:
    """A SymPy scalar expression, its symbols replaced by `values` or kept as sizes."""
    if e in values:
        return dict(values[e])
    if e.is_Rational:
        return p.constant(rational(int(e.p), int(e.q)))
    if e.is_Symbol:
        return p.atom(Factor("size", e.name))
    if e.is_Add:
        return p.add(*(scalar_poly(a, values) for a in e.args))
    if e.is_Mul:
        out = p.constant(1)
        for a in e.args:
            out = p.mul(out, scalar_poly(a, values))
        return out
    if isinstance(e, sympy.exp):  # before Pow: SymPy treats exp as a power of E
        return function("exp", scalar_poly(e.args[0], values))
    if e.is_Pow and e.exp.is_Rational:
        return p.power(scalar_poly(e.base, values), rational(int(e.exp.p), int(e.exp.q)))
    if e.is_Function:
        return function(type(e).__name__, scalar_poly(e.args[0], values))
    raise UnsupportedError(f"{e} is not made of the known scalar functions")


_AT_ZERO = {
    "tanh": 0,
    "sin": 0,
    "hardtanh": 0,
    "huber": 0,
    "step": 0,
    "exp": 1,
    "cos": 1,
    "sigmoid": rational(1, 2),
}


def function(name: str, argument: Poly) -> Poly:
    """name(argument) for a built-in elementwise function, with its own symmetries applied."""
    if name == "relu":
        return p.mul(argument, function("step", argument))
    lam = canonical_lam((), argument)
    argument = dict(lam.poly)
    if name in ("exp", "log") and (known := getattr(exponentials, name)(argument)) is not None:
        return dict(known)
    if not lam.poly and name in _AT_ZERO:
        return p.constant(_AT_ZERO[name])
    if not lam.poly and name == "log":
        raise UnsupportedError("log(0) has no value")
    if len(lam.poly) == 1 and lam.poly[0][0] == p.ONE:
        number = lam.poly[0][1]
        if name == "step" or (name == "log" and number == 1):
            return p.constant(int(name == "step" and number > 0))
    if name == "step" and abs(leading(lam) if lam.poly else 1) != 1:
        return function(name, p.scale(argument, 1 / abs(Fraction(leading(lam)))))
    if name in (*ODD, *EVEN, "sigmoid") and leading(lam) < 0:
        flipped = function(name, p.scale(argument, -1))
        if name in EVEN:
            return flipped
        return p.add(p.constant(1 if name == "sigmoid" else 0), p.scale(flipped, -1))
    if name == "softplus" and lam.poly and leading(lam) < 0:  # softplus(z) = z + softplus(−z)
        return p.add(argument, function(name, p.scale(argument, -1)))
    return p.atom(Factor("fn", name, (), (), (lam,)))


def _plus(e: mx.Plus, slots: Slots, bound: Bound) -> Poly:
    return p.add(*(_aligned(a, slots, bound) for a in e.args))


def _aligned(a: mx.Node, slots: Slots, bound: Bound) -> Poly:
    return lower(a, slots if a.shape else (), bound)


def _times(e: mx.Times, slots: Slots, bound: Bound) -> Poly:
    out = p.constant(1)
    for a in e.args:
        out = p.mul(out, _aligned(a, slots, bound))
    return out


def _power(e: mx.Power, slots: Slots, bound: Bound) -> Poly:
    n = e.args[1]
    return p.power(lower(e.args[0], slots, bound), rational(int(n.p), int(n.q)))


def _apply(e: mx.Apply, slots: Slots, bound: Bound) -> Poly:
    return scalar_poly(e.args[0].body, {Z: lower(e.args[1], slots, bound)})


def _softmax(e: mx.Softmax, slots: Slots, bound: Bound) -> Poly:
    row = fresh(str(e.shape[-1]))
    return softmax(lower(e.args[0], (*slots[:-1], row), bound), row, slots[-1])


def softmax(argument: Poly, row: Ix, at: Any) -> Poly:
    """softmax over `row` of the argument, at index `at`; a constant along the row drops out."""
    moving = {m: c for m, c in argument.items() if any(row in p.free(f) for f, _ in m.factors)}
    lam = canonical_lam((row,), moving)
    if not lam.poly:  # the softmax of equal entries is 1 / size
        return p.power(p.bind(p.constant(1), fresh(row.size)), -1)
    return p.atom(Factor("softmax", "", (), (at,), (lam,)))


def _matmul(e: mx.MatMul, slots: Slots, bound: Bound) -> Poly:
    a, b = e.args
    k = fresh(str(a.shape[-1]))
    rows = a.rank - 1
    left, right = (*slots[:rows], k), (k, *slots[rows:])
    return p.bind(p.mul(lower(a, left, bound), lower(b, right, bound)), k)


def _matpow(e: mx.MatPow, slots: Slots, bound: Bound) -> Poly:
    exponent = linear(e.args[1], bound)
    if not exponent.terms:
        return _number_power(e.args[0], exponent.const, slots, bound)
    i, j = _inner(e.shape)
    lam = canonical_lam((i, j), lower(e.args[0], (i, j), bound))
    return p.atom(Factor("matpow", "", (exponent,), slots, (lam,)))


def _number_power(a: mx.Node, n: int, slots: Slots, bound: Bound) -> Poly:
    if n < 0:
        raise UnsupportedError(f"a negative matrix power {n}")
    out: mx.Node = mx.Eye(a.shape[0])
    for _ in range(n):
        out = mx.matmul(a, out)
    return lower(out, slots, bound)


def _transpose(e: mx.Transpose, slots: Slots, bound: Bound) -> Poly:
    return lower(e.args[0], slots[::-1], bound)


def _outer(e: mx.Outer, slots: Slots, bound: Bound) -> Poly:
    return p.mul(lower(e.args[0], slots[:1], bound), lower(e.args[1], slots[1:], bound))


def delta(i: Any, j: Any) -> Poly:
    i, j = p.unit(i), p.unit(j)
    if i == j:
        return p.constant(1)
    return p.atom(Factor("delta", "", (), tuple(sorted((i, j), key=repr))))


def _diag(e: mx.Diag, slots: Slots, bound: Bound) -> Poly:
    return p.mul(delta(*slots), lower(e.args[0], slots[:1], bound))


def _eye(e: mx.Eye, slots: Slots, bound: Bound) -> Poly:
    return delta(*slots)


def _broadcast(e: mx.Broadcast, slots: Slots, bound: Bound) -> Poly:
    x = e.args[0]
    aligned = slots[len(slots) - x.rank :]
    inner = tuple(p.UNIT if str(n) == "1" else s for n, s in zip(x.shape, aligned, strict=True))
    return lower(x, inner, bound)


def _expand(e: mx.Expand, slots: Slots, bound: Bound) -> Poly:
    """The axes of length 1 all carry one index, so it does not matter which are the new ones."""
    moving = (s for s, n in zip(slots, e.shape, strict=True) if n != 1)
    inner = tuple(p.UNIT if n == 1 else next(moving) for n in e.args[0].shape)
    return lower(e.args[0], inner, bound)


def _reduce(e: mx.Reduce, slots: Slots, bound: Bound) -> Poly:
    x = e.args[0]
    rest = list(slots)
    inner, summed = [], []
    for axis, n in enumerate(x.shape):
        if axis in e.axes:
            summed.append(fresh(str(n)))
            inner.append(summed[-1])
            if e.keepdims:
                rest.pop(0)
        else:
            inner.append(rest.pop(0))
    return p.bind(lower(x, tuple(inner), bound), *summed)


def _concat(e: mx.Concat, slots: Slots, bound: Bound) -> Poly:
    """Σ over the parts of Σ_i [k = i + lo] part[i]: k is in one of them."""
    out: Poly = {}
    for lo, _, part in e.pieces:
        i = fresh(str(part.shape[-1]))
        here = lower(part, (*slots[:-1], i), bound)
        chosen = delta(slots[-1], Shifted(i, p.extent(str(lo))))
        out = p.add(out, p.bind(p.mul(chosen, here), i))
    return out


def _block(e: mx.Block, slots: Slots, bound: Bound) -> Poly:
    x, lo, _ = e.args
    return lower(x, (*slots[:-1], shifted(slots[-1], p.extent(str(lo)))), bound)


def shifted(slot: Any, lo: Lin) -> Shifted:
    """The place of entry `slot` of a block that begins at lo."""
    if isinstance(slot, Shifted):
        return Shifted(slot.base, p.lin_add(slot.lo, lo))
    return Shifted(slot, lo)


def _onehot(e: mx.OneHot, slots: Slots, bound: Bound) -> Poly:
    y = e.args[0]
    times = tuple(linear(x, bound) for x in y.times)
    return p.atom(Factor("onehot", y.name, times, slots))


def _squared_error(e: mx.SquaredError, slots: Slots, bound: Bound) -> Poly:
    c = fresh(str(e.args[0].shape[-1]))
    o, y = (lower(a, (*slots, c), bound) for a in e.args)
    return p.scale(p.bind(p.power(p.add(o, p.scale(y, -1)), 2), c), rational(1, 2))


def _cross_entropy(e: mx.CrossEntropy, slots: Slots, bound: Bound) -> Poly:
    o, y = e.args
    c = fresh(str(o.shape[-1]))
    logp = function("log", lower(mx.Softmax(o), (*slots, c), bound))
    return p.scale(p.bind(p.mul(lower(y, (*slots, c), bound), logp), c), -1)


def call_factor(e: mx.Call, slots: Slots, bound: Bound, orders: tuple[Any, ...] = ()) -> Factor:
    """f(args), or a derivative of it: `orders` lists the arguments differentiated in turn."""
    lams = []
    for a in e.args[1]:
        inner = _inner(a.shape)
        lams.append(canonical_lam(inner, lower(a, inner, bound)))
    return Factor("call", (e.name, orders), (), slots, tuple(lams))


def _call(e: mx.Call, slots: Slots, bound: Bound) -> Poly:
    return p.atom(call_factor(e, slots, bound))


def _call_deriv(e: mx.CallDeriv, slots: Slots, bound: Bound) -> Poly:
    return p.atom(call_factor(e.args[0], slots, bound, (int(e.args[1]),)))


def _contract(e: mx.Contract, slots: Slots, bound: Bound) -> Poly:
    a, b, n = e.args[0], e.args[1], e.n
    summed = _inner(b.shape[:n])
    split = a.rank - n
    left = lower(a, (*slots[:split], *summed), bound)
    right = lower(b, (*summed, *slots[split:]), bound)
    return p.bind(p.mul(left, right), *summed)


def _element(e: mx.Element, slots: Slots, bound: Bound) -> Poly:
    x = e.args[0]
    named = (UNIT if n == 1 else _named(i) for i, n in zip(e.args[1], x.shape, strict=True))
    return lower(x, tuple(named), bound)


def _named(i: Any) -> Ix:
    """A named free index; its size is that of the array it stands in, and is not repeated."""
    return Ix("f", str(i), "")


def _kron(e: mx.Kron, slots: Slots, bound: Bound) -> Poly:
    """[i = j] of two indices, or [t = T] of two times as the two inequalities it stands for."""
    if not e.is_time:
        return delta(*map(_named, e.args))
    gap = p.lin_add(linear(e.args[0], bound), linear(e.args[1], bound), -1)
    above = p.atom(Factor("ge", "", (gap,)))
    return p.mul(above, p.atom(Factor("ge", "", (p.lin_add(Lin(0), gap, -1),))))


def _time_sum(e: mx.TimeSum, slots: Slots, bound: Bound) -> Poly:
    body, k, lo, hi = e.args
    index = fresh(TIME)
    inner = {**bound, k: index}
    here = Lin(0, ((index, 1),))
    floor = Factor("ge", "", (p.lin_add(here, linear(lo, bound), -1),))
    ceiling = Factor("ge", "", (p.lin_add(linear(hi, bound), here, -1),))
    limits = p.mul(p.atom(floor), p.atom(ceiling))
    return p.bind(p.mul(limits, lower(body, slots, inner)), index)


def _time_prod(e: mx.TimeProd, slots: Slots, bound: Bound) -> Poly:
    body, j, lo, hi = e.args
    index, inner = fresh(TIME), _inner(e.shape)
    lam = canonical_lam((index, *inner), lower(body, inner, {**bound, j: index}))
    limits = (linear(lo, bound), linear(hi, bound))
    return p.atom(Factor("timeprod", "", limits, slots, (lam,)))


_LOWER: dict[type, Callable[[Any, Slots, Bound], Poly]] = {
    mx.Var: _var,
    mx.Deriv: _deriv,
    mx.Scalar: _scalar,
    mx.Plus: _plus,
    mx.Times: _times,
    mx.Power: _power,
    mx.Apply: _apply,
    mx.Softmax: _softmax,
    mx.MatMul: _matmul,
    mx.MatPow: _matpow,
    mx.Transpose: _transpose,
    mx.Outer: _outer,
    mx.Diag: _diag,
    mx.Eye: _eye,
    mx.Broadcast: _broadcast,
    mx.Expand: _expand,
    mx.Concat: _concat,
    mx.Block: _block,
    mx.Reduce: _reduce,
    mx.OneHot: _onehot,
    mx.SquaredError: _squared_error,
    mx.CrossEntropy: _cross_entropy,
    mx.Call: _call,
    mx.CallDeriv: _call_deriv,
    mx.Contract: _contract,
    mx.Element: _element,
    mx.Kron: _kron,
    mx.TimeSum: _time_sum,
    mx.TimeProd: _time_prod,
}
