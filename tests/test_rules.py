"""Each rule against index-wise differentiation, which never sees the rules, for all sizes.

pullback(e, x, λ)[j] = Σ_i λ[i] ∂e[i]/∂x[j]        ⟨λ, L(dx)⟩ = ⟨Lᵀ(λ), dx⟩
"""

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symbptt import matrix as mx
from symbptt import rules
from symbptt.errors import UnsupportedError
from symbptt.indices import jacobian, same, same_poly, show_poly
from symbptt.indices import poly as p
from symbptt.indices.lower import _LOWER, free_slots, lower
from symbptt.matrix import nodes
from symbptt.matrix.evaluate import _EVALUATE
from symbptt.matrix.functions import Z
from tests import strategies as s
from tests.strategies import HALF, D, H, N, fn

t = mx.t
x, v = mx.Var("x", (H,), (t,)), mx.Var("v", (H,))
X, W, M = mx.Var("X", (N, H)), mx.Var("W", (H, H)), mx.Var("M", (H, D))
A = mx.Var("A", (N, 4 * H))
b, y, one = mx.Var("b", (N,)), mx.Var("y", (N, H)), mx.Var("one", (1, H))
LABELS = mx.onehot(mx.Var("c", (N,), (t,)), H)
CALL = mx.Call("f", (x, M), (D,))

# Every row of the table, in every position and rank it treats apart: (expression, variable).
CASES = {
    mx.Plus: [(X + v, X), (X + v, v), (x + x.at(t - 1), x), (v - x, x)],
    mx.Times: [(X * v, X), (X * v, v), (x * x * v, x), (2 * x, x), (X * LABELS, X)],
    mx.Power: [(x**3, x), (x**-1, x), (x**HALF, x), (1 / (1 + x * v), x)],
    mx.Apply: [(fn("tanh", W @ x), W), (fn("sigmoid", X), X)],
    mx.Softmax: [(mx.Softmax(W @ x), x), (mx.Softmax(X), X), (mx.Softmax(X @ W), W)],
    mx.MatMul: [
        *[(e, a) for e in (W @ x, x @ W, x @ v, W @ M, X @ W) for a in e.args],
        (W @ W @ W, W),
        (W @ x * x, x),
    ],
    mx.Outer: [(mx.outer(x, v), x), (mx.outer(x, v), v), (mx.outer(x, x), x)],
    mx.Transpose: [(W.T @ x, W), ((W @ M).T, M), (W.T * W, W)],
    mx.Diag: [(mx.diag(x), x), (mx.diag(x) @ W, x), (W @ mx.diag(x * v), x)],
    mx.Broadcast: [
        (mx.broadcast(v, (N, H)), v),
        (mx.broadcast(one, (N, H)), one),
        (mx.broadcast(v @ x, (N, H)), x),
        (one + X, one),
        (one * v, one),
    ],
    mx.Expand: [
        (mx.broadcast(mx.Expand(b, (N, sympy.Integer(1))), (N, H)) * X, b),
        (mx.Expand(mx.Var("s", (1,)), (1, 1)), mx.Var("s", (1,))),
    ],
    mx.Reduce: [
        *[(mx.sum_axes(X * y, axes, keep), X) for axes in (None, (0,), (1,)) for keep in (0, 1)],
        (mx.sum_axes(one * v, (1,)), one),
        (mx.sum_axes(mx.broadcast(x @ v, (N, H)), (1,)), x),
    ],
    mx.Concat: [
        *[(mx.concat(X, y * X), a) for a in (X, y)],
        (mx.concat(x, v, x * v), x),
        (mx.concat(X, X @ M) @ mx.Var("K", (D + H, D)), X),
        (fn("tanh", mx.concat(v, x)), x),
    ],
    mx.Block: [
        *[(mx.block(A, lo, hi), A) for lo, hi in ((0, H), (H, 3 * H), (3 * H, 4 * H))],
        (mx.block(A, 0, H) * fn("tanh", mx.block(A, H, 2 * H)), A),
        (mx.block(mx.Softmax(A), H, 2 * H), A),
        (mx.block(mx.Var("w", (D + H,)), D, D + H) * v, mx.Var("w", (D + H,))),
        (mx.block(mx.concat(X, X @ M), 1, D + H), X),
    ],
    mx.SquaredError: [
        (mx.squared_error(X, y), X),
        (mx.squared_error(X, y), y),
        (mx.squared_error(W @ x, x), x),
    ],
    mx.CrossEntropy: [
        (mx.cross_entropy(X, LABELS), X),
        (mx.cross_entropy(X @ W, y), W),
        (mx.cross_entropy(W @ x, v), x),
    ],
    mx.Call: [
        (CALL, x),
        (CALL, M),
        (mx.Call("g", (W @ x, x), ()), x),
        (v * mx.Call("g", (x,), ()), x),
    ],
}
ROWS = [(kind, e, wrt) for kind, pairs in CASES.items() for e, wrt in pairs]


def contracted(e, wrt, cotangent):
    """Σ_i λ[i] ∂e[i]/∂wrt[j], in index notation."""
    summed = tuple(p.fresh(str(n)) for n in e.shape)
    partial = jacobian(e, wrt, (*summed, *free_slots(wrt.shape)))
    return p.bind(p.mul(lower(cotangent, summed), partial), *summed)


def check(e, wrt):
    cotangent = mx.Var("λ", e.shape)
    back = rules.pullback(e, wrt, cotangent)
    assert back.shape == wrt.shape
    answer = same_poly(lower(back), contracted(e, wrt, cotangent))
    assert answer, show_poly(answer.residual)
    return back


@pytest.mark.parametrize(
    ("kind", "e", "wrt"), ROWS, ids=[f"{k.__name__}-{n}" for n, (k, _, _) in enumerate(ROWS)]
)
def test_every_differential_is_the_index_wise_derivative(kind, e, wrt):
    assert e.has(kind)
    check(e, wrt)


@pytest.mark.parametrize("name", rules.SLOPES)
def test_every_slope_is_sympys(name):
    e = fn(name, W @ x)
    check(e, x)
    body = mx.builtin(name).body
    spelled = rules.from_scalar(sympy.diff(body, Z), x)
    assert same(rules.slope(mx.builtin(name), fn(name, x), x), mx.broadcast(spelled, x.shape))


@pytest.mark.parametrize(
    "body",
    [
        Z * mx.builtin("sigmoid").body,
        sympy.exp(-(Z**2)),
        Z / (1 + Z**2),
        sympy.tanh(sympy.log(1 + sympy.exp(Z))),
        sympy.sqrt(1 + Z**2),
    ],
    ids=str,
)
def test_a_users_function(body):
    check(mx.Apply(mx.define("f", body), W @ x), W)


step_A = mx.Var("step_A", (N, 4 * H))
step_X, step_x, step_W = (
    mx.Var("step_X", (N, H)),
    mx.Var("step_x", (H,)),
    mx.Var("step_W", (H, H)),
)
LINEAR = {
    mx.Times: [
        (step_x * v, step_x),
        (v * step_x * x, step_x),
        (3 * step_X, step_X),
        (X * (step_X * y), step_X),
    ],
    mx.MatMul: [
        *[(a @ step_W, step_W) for a in (W, v, X)],
        *[(step_W @ a, step_W) for a in (W, v, M)],
        *[(a @ step_x, step_x) for a in (W, v, X)],
        *[(step_x @ a, step_x) for a in (W, v, M)],
    ],
    mx.Outer: [(mx.outer(step_x, b), step_x), (mx.outer(b, step_x), step_x)],
    mx.Transpose: [(step_X.T, step_X), (step_W.T @ W, step_W)],
    mx.Diag: [(mx.diag(step_x), step_x), (W @ mx.diag(step_x), step_x)],
    mx.Broadcast: [
        (mx.broadcast(step_x, (N, H)), step_x),
        (mx.broadcast(mx.Var("d", (1, H)), (N, H)), mx.Var("d", (1, H))),
        (mx.broadcast(mx.Var("d"), (N, H)), mx.Var("d")),
    ],
    mx.Expand: [
        (mx.Expand(step_x, (H, 1)), step_x),
        (mx.Expand(step_x, (1, H)), step_x),
        (mx.Expand(mx.Var("d", (1,)), (1, 1)), mx.Var("d", (1,))),
    ],
    mx.Reduce: [
        (mx.sum_axes(step_X, axes, keep), step_X)
        for axes in (None, (0,), (1,))
        for keep in (False, True)
    ],
    mx.Plus: [(step_X + step_X * y, step_X)],
    mx.Concat: [
        (mx.concat(step_x, mx.zeros((D,)), 2 * step_x), step_x),
        (mx.concat(step_X, mx.zeros((N, D))), step_X),
    ],
    mx.Block: [
        (mx.block(step_A, lo, hi), step_A) for lo, hi in ((0, H), (H, 3 * H), (3 * H, 4 * H))
    ],
    mx.Contract: [
        (mx.contract(mx.CallDeriv(CALL, 0), step_x, 1), step_x),
        (mx.contract(mx.CallDeriv(CALL, 1), mx.Var("d", (H, D)), 2), mx.Var("d", (H, D))),
        (mx.contract(mx.CallDeriv(mx.Call("g", (x,), ()), 0), step_x, 1), step_x),
    ],
}
MAPS = [(kind, e, d) for kind, pairs in LINEAR.items() for e, d in pairs]


@pytest.mark.parametrize(
    ("kind", "e", "d"), MAPS, ids=[f"{k.__name__}-{n}" for n, (k, _, _) in enumerate(MAPS)]
)
def test_every_transpose_is_the_adjoint(kind, e, d):
    """⟨λ, L(dx)⟩ = ⟨Lᵀ(λ), dx⟩."""
    assert e.has(kind)
    cotangent = mx.Var("λ", e.shape)
    back = rules.transpose(e, d, cotangent)
    assert back.shape == d.shape
    assert same(mx.sum_axes(cotangent * e), mx.sum_axes(back * d))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.data())
def test_a_pullback_is_the_contracted_jacobian(data):
    e = data.draw(s.expressions(sums=False))
    known = [a for a in mx.variables(e) if not a.name.startswith("y")]
    if known:
        check(e, data.draw(st.sampled_from(known)))


# -- the tables are closed

ALL = {
    c
    for c in vars(nodes).values()
    if isinstance(c, type) and issubclass(c, mx.Node) and not c.__name__.startswith("_")
} - {mx.Node}
# Leaves, index arrays, and what only derivations and proofs write, never a model's equations.
CONSTANT = {mx.Scalar, mx.Eye, mx.OneHot, mx.Kron}
WRITTEN_BY_DERIVE = {
    mx.Deriv,
    mx.CallDeriv,
    mx.Contract,
    mx.Element,
    mx.MatPow,
    mx.TimeSum,
    mx.TimeProd,
}


def test_every_node_has_a_meaning():
    assert set(_LOWER) == ALL
    assert set(_EVALUATE) == ALL


def test_every_node_of_a_model_has_a_differential():
    assert set(rules.DIFFERENTIAL) == ALL - CONSTANT - WRITTEN_BY_DERIVE - {mx.Var}
    assert set(CASES) == set(rules.DIFFERENTIAL)
    assert set(LINEAR) == set(rules.TRANSPOSE)
    assert set(rules.SLOPES) == set(mx.builtin_names())


def test_every_operation_a_differential_emits_has_a_transpose():
    """Along the path to dx, a differential holds sums and rows of the other table only."""
    emitted = set()
    for _, e, wrt in ROWS:
        tangent = mx.Var("∂", wrt.shape, wrt.times)
        linear = rules.differential(e, {wrt: tangent})
        emitted |= {type(a) for a in sympy.preorder_traversal(linear) if a.has(tangent)}
    emitted = {c for c in emitted if issubclass(c, mx.Node)}
    assert emitted <= {*rules.TRANSPOSE, mx.Var}


def test_what_has_no_derivative_says_so():
    label = mx.Var("c", (N,), (t,))
    with pytest.raises(UnsupportedError):
        rules.pullback(mx.cross_entropy(X, mx.onehot(label, H)), label, b)
    with pytest.raises(UnsupportedError):
        rules.pullback(mx.MatPow(W, t), W, W)
    assert rules.pullback(W @ x, v, x) == mx.zeros((H,))
