"""`same` decides: equal by a law of algebra means yes, different by one entry means no.

The referee is `matrix.evaluate`, through `witness`: it never sees the normal form.
"""

import itertools
import random
from fractions import Fraction

import mpmath
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbptt import matrix as mx
from symbptt.errors import ShapeError, UnsupportedError
from symbptt.indices import normal, same, same_poly, show_poly, witness
from symbptt.indices.budget import TooLongError, budget, spent
from symbptt.indices.canon import canonical
from symbptt.indices.lower import lower
from symbptt.indices.poly import Factor, Ix, Mono, add, fresh, rename, scale
from symbptt.indices.value import nonzero
from tests import strategies as s
from tests.strategies import HALF, C, H, J, K, N, fn, ones, rows

t, T = mx.t, mx.T
u, v, w = (mx.Var(n, (H,)) for n in "uvw")
A, B, W = (mx.Var(n, (H, H)) for n in "ABW")
x = mx.Var("x", (H,), (t,))
EYE = mx.Eye(H)
QUICK = settings(max_examples=60, deadline=None, derandomize=True)


def total(e):
    return mx.sum_axes(e)


def trace(e):
    return total(e * EYE)


def over(body, k, lo, hi):
    return mx.time_sum(body, k, lo, hi)


sym = mx.outer(u, v) + mx.outer(v, u)  # unchanged when its two indices are exchanged
token = mx.onehot(mx.Var("y"), H)  # one class index
label = mx.onehot(mx.Var("y", (N,), (t,)), C)
o = mx.Var("o", (N, C), (t,))
unit = mx.Var("b", (1, H))

exp, log, sig, soft = (lambda x, n=n: fn(n, x) for n in ("exp", "log", "sigmoid", "softplus"))
shift = v @ w

# The relations of exp, as people write losses and slopes out.
WRITTEN_OUT = {
    "sigmoid": (1 / (1 + exp(-u)), sig(u)),
    "sigmoid, the other way": (exp(u) / (1 + exp(u)), sig(u)),
    "sigmoid of a sum": (exp(u + v) / (exp(v) + exp(u + v)), sig(u)),
    "σ'": (exp(-u) / (1 + exp(-u)) ** 2, sig(u) * (1 - sig(u))),
    "1/σ": (1 / sig(u), 1 + exp(-u)),
    "1/(1 − σ)": (1 / (1 - sig(u)), 1 + exp(u)),
    "slope of a cross entropy": (
        -(v / sig(u) - (1 - v) / (1 - sig(u))) * sig(u) * (1 - sig(u)),
        sig(u) - v,
    ),
    "log σ": (log(sig(u)), -soft(-u)),
    "log(1 − σ)": (log(1 - sig(u)), -soft(u)),
    "softplus": (log(1 + exp(u)), soft(u)),
    "softplus of both signs": (soft(u) - soft(-u), u),
    "exp log": (exp(log(1 + u**2)), 1 + u**2),
    "exp of two logs": (exp(2 * log(1 + u**2) - log(2 + v**2)), (1 + u**2) ** 2 / (2 + v**2)),
    "log exp": (log(exp(u)), u),
    "exp softplus": (exp(soft(u)), 1 + exp(u)),
    "softmax": (exp(u) / total(exp(u)), mx.Softmax(u)),
    "softmax with a shift": (exp(u - shift) / total(exp(u - shift)), mx.Softmax(u)),
    "softmax of rows": (exp(A) / mx.sum_axes(exp(A), (1,), keepdims=True), mx.Softmax(A)),
    "mean under softmax": (total(exp(u) * v) / total(exp(u)), mx.Softmax(u) @ v),
    "log-sum-exp": (log(total(exp(u - shift))) + shift, log(total(exp(u)))),
    "log softmax": (log(mx.Softmax(u)), u - log(total(exp(u)))),
    "cross entropy": (mx.cross_entropy(u, token), log(total(exp(u))) - u @ token),
    "Jacobian of softmax": (
        mx.diag(mx.Softmax(u)) - mx.outer(mx.Softmax(u), mx.Softmax(u)),
        mx.diag(exp(u) / total(exp(u))) - mx.outer(exp(u), exp(u)) / total(exp(u)) ** 2,
    ),
}

EQUAL = {
    **{f"written out: {name}": sides for name, sides in WRITTEN_OUT.items()},
    "diag(v) x = v∘x": (mx.diag(v) @ x, v * x),
    "(AB)ᵀ": ((A @ B).T, B.T @ A.T),
    "(diag(v) + A)ᵀ": ((mx.diag(v) + A).T, mx.diag(v) + A.T),
    "cyclic trace": (trace(W @ A @ W @ A @ W), trace(A @ W @ W @ A @ W)),
    "cyclic trace, long": (trace(mx.MatPow(A @ B, 5)), trace(mx.MatPow(B @ A, 5))),
    "trace of a transpose": (trace(A @ A @ B), trace(B.T @ A.T @ A.T)),
    "pairs": (total(u * u) ** 2 * (v @ v), (v @ v) * (u @ u) * (u @ u)),
    "an eightfold tie": ((A @ B) ** 8, (((A @ B) ** 2) ** 2) ** 2),
    "automorphic tanh": (total(fn("tanh", sym) * B), total(fn("tanh", sym) * B.T)),
    "nested tanh": (
        total(fn("tanh", fn("tanh", sym) @ A) @ B),
        total(B.T @ fn("tanh", A.T @ fn("tanh", sym))),
    ),
    "odd": (fn("tanh", A - A.T) + fn("tanh", B), fn("tanh", B) - fn("tanh", -(A - A.T))),
    "odd, nested": (
        fn("tanh", fn("tanh", u) - fn("tanh", v)),
        -fn("tanh", fn("tanh", v) - fn("tanh", u)),
    ),
    "even": (fn("cos", u - v), fn("cos", v - u)),
    "sin² + cos²": (fn("sin", u) ** 2 + fn("cos", u) ** 2, ones(H)),
    "σ(−z)": (fn("sigmoid", -u), 1 - fn("sigmoid", u)),
    "σ(0)": (fn("sigmoid", u - u), HALF * ones(H)),
    "exp": (fn("exp", u) ** 2 / fn("exp", v), fn("exp", 2 * u - v)),
    "relu of a multiple": (fn("relu", 3 * u), 3 * fn("relu", u)),
    "argument gone on the diagonal": (trace(fn("tanh", A - A.T)), mx.Scalar(0)),
    "argument merged on the diagonal": (
        mx.sum_axes(fn("tanh", mx.outer(u, u)) * EYE, (1,)),
        fn("tanh", u**2),
    ),
    "denominators": (u / (u + v) + v / (u + v), ones(H)),
    "quotient of quotients": (1 / (1 / (u + v)), u + v),
    "sign of a denominator": (1 / (u - v) + 1 / (v - u), mx.zeros((H,))),
    "continued fraction": (1 / (u + 1 / u), u / (u**2 + 1)),
    "√u √u": (total(u**HALF * u**HALF), total(u)),
    "u / √u": (total(u * u**-HALF), total(u**HALF)),
    "softmax sums to one": (total(mx.Softmax(A)), mx.Scalar(H)),
    "softmax of a shift": (mx.Softmax(u + v @ w), mx.Softmax(u)),
    "softmax of softmax": (
        mx.Softmax(mx.Softmax(A + mx.sum_axes(B, (1,), keepdims=True)) @ W),
        mx.Softmax(mx.Softmax(A) @ W),
    ),
    "one-hot squared": (token * token, token),
    "one-hot sums to one": (total(label), mx.Scalar(N)),
    "one-hot projector": (mx.outer(token, token), mx.diag(token)),
    "cross entropy": (
        mx.cross_entropy(o, label),
        -mx.sum_axes(label * fn("log", mx.Softmax(o)), (-1,)),
    ),
    "shifted bounds": (over(x.at(K - 1), K, 2, t), over(x.at(J), J, 1, t - 1)),
    "shifted argument": (
        over(fn("tanh", W @ x.at(K - 1)), K, 2, t),
        over(fn("tanh", W @ x.at(J)), J, 1, t - 1),
    ),
    "reversed": (over(x.at(t - K), K, 0, t - 1), over(x.at(J), J, 1, t)),
    "swapped sums": (
        over(over(mx.outer(x.at(K), x.at(J)), K, 1, J), J, 1, T),
        over(over(mx.outer(x.at(K), x.at(J)), J, K, T), K, 1, T),
    ),
    "convolution": (
        over(over(x.at(K) * v.at(K + J), J, 0, T), K, 1, T),
        over(over(x.at(K) * v.at(J), J, K, K + T), K, 1, T),
    ),
    "two floors": (
        over(over(mx.Kron(J, K) * x.at(K), J, 2, T), K, 1, T),
        over(x.at(K), K, 2, T),
    ),
    "one term": (over(x.at(K), K, t, t), x),
    "no term": (over(x.at(K), K, t + 1, t), mx.zeros((H,))),
    "an axis of length 1": (mx.sum_axes(unit, (0,)), mx.sum_axes(A * 0 + unit, (0,)) / H),
}

DIFFERENT = {
    "softmax over other weights": (exp(u) / total(exp(v)), mx.Softmax(u)),
    "softmax over the wrong axis": (exp(A) / mx.sum_axes(exp(A), (0,)), mx.Softmax(A)),
    "log σ without its sign": (log(sig(u)), soft(-u)),
    "log of a sum": (log(total(exp(u))), total(u)),
    "σ of the other sign": (1 / (1 + exp(u)), sig(u)),
    "trace of softmax": (trace(mx.Softmax(A)), mx.Scalar(1)),
    "trace of one-hot rows": (trace(rows(H, H)), mx.Scalar(1)),
    "transpose forgotten": (W @ u, W.T @ u),
    "order in a trace": (trace(W @ W @ A @ A), trace(W @ A @ W @ A)),
    "two pairs or one": ((u @ u) * (v @ v), (u @ v) ** 2),
    "tanh of which pair": (
        total(fn("tanh", mx.outer(u, v)) * B),
        total(fn("tanh", mx.outer(u, v)) * B.T),
    ),
    "inner index is not outer": (
        fn("tanh", A @ u) * u,
        fn("tanh", mx.sum_axes(A, (1,)) * u) * u,
    ),
    "product of sums": (total(fn("tanh", u)) ** 2, total(fn("tanh", u) ** 2)),
    "a nested sum keeps its own index": (
        total(fn("tanh", A @ u) * u),
        total(u) * fn("tanh", total(A * EYE * u)),
    ),
    "softmax squared": (total(mx.Softmax(u) ** 2), mx.Scalar(1)),
    "softplus is not odd": (fn("softplus", -u), -fn("softplus", u)),
    "even is not odd": (fn("cos", u - v), -fn("cos", v - u)),
    "√(u²) is |u|": ((u**2) ** HALF, u),
    "relu of a negative": (fn("relu", -u), -fn("relu", u)),
    "step of a negative multiple": (fn("step", -u), fn("step", u)),
    "a denominator under the sum": (total(u / v), total(u) / total(v)),
    "softmax over the other axis": (mx.Softmax(A), mx.Softmax(A.T).T),
    "softmax of a row shift": (mx.Softmax(A + u), mx.Softmax(A)),
    "one-hot of two indices": (
        mx.onehot(mx.Var("y"), H) * mx.onehot(mx.Var("z"), H),
        mx.onehot(mx.Var("y"), H),
    ),
    "summed to t−1": (over(x.at(K), K, 1, t), over(x.at(K), K, 1, t - 1)),
    "triangle or square": (
        over(over(mx.outer(x.at(K), x.at(J)), K, 1, J), J, 1, T),
        over(over(mx.outer(x.at(K), x.at(J)), K, 1, T), J, 1, T),
    ),
    "the other triangle": (
        over(over(mx.outer(x.at(K), x.at(J)), K, 1, J), J, 1, T),
        over(over(mx.outer(x.at(J), x.at(K)), K, 1, J), J, 1, T),
    ),
    "[t = T] beside a sum": (
        mx.Kron(t, T) * over(total(x.at(K)), K, 1, t),
        over(total(x.at(K)), K, 1, t),
    ),
    "uninterpreted": (mx.Call("f", (u, v), (H,)), mx.Call("f", (v, u), (H,))),
    "its derivatives": (
        mx.contract(mx.CallDeriv(mx.Call("f", (u, v), (H,)), 0), w, 1),
        mx.contract(mx.CallDeriv(mx.Call("f", (u, v), (H,)), 1), w, 1),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name):
    left, right = EQUAL[name]
    assert same(left, right), show_poly(same(left, right).residual)
    assert witness(left, right, tries=4) is None


@pytest.mark.parametrize("name", DIFFERENT)
def test_different_with_a_witness(name):
    left, right = DIFFERENT[name]
    answer = same(left, right)
    assert not answer
    found = answer.witness()
    assert found is not None
    assert found.left != found.right
    assert str(found)


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_residual_alone_has_a_witness_too(name):
    left, right = DIFFERENT[name]
    answer = same_poly(lower(left), lower(right))
    assert answer.verdict == "different"
    assert answer.witness().left != 0


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_equal_values_have_no_witness(name):
    left, right = WRITTEN_OUT[name]
    difference = add(lower(left), scale(lower(right), -1))
    assert nonzero(difference) is None


def test_what_is_not_known_is_undecided():
    k = mx.time_symbol("k")  # which may be less than none
    answer = same(mx.MatPow(A, k) @ A, mx.MatPow(A, k + 1))
    assert answer.verdict == "undecided"
    assert not answer and not answer.different
    assert "A" in answer.reason


def test_a_witness_is_small_exact_and_repeatable():
    found = witness(W @ u, W.T @ u)
    assert dict(found.sizes) == {"H": 2}
    assert isinstance(found.left, Fraction)
    assert found == witness(W @ u, W.T @ u)
    matrix, vector = found.values["W"], found.values["u"]
    (i,) = found.index
    assert found.left == sum(matrix[i][j] * vector[j] for j in range(2))
    assert found.right == sum(matrix[j][i] * vector[j] for j in range(2))


def test_a_witness_with_tanh_has_thirty_digits():
    found = witness(fn("tanh", u), u)
    with mpmath.workdps(35):
        exact = mpmath.tanh(mpmath.mpf(found.right))
        assert abs(exact - mpmath.mpf(found.left)) < mpmath.mpf(10) ** -30


def test_a_witness_names_the_times():
    found = same(over(x.at(K), K, 1, t), over(x.at(K), K, 2, t)).witness()
    assert dict(found.times) == {"t": 1}
    assert "x[1]" in found.values
    assert same(W @ u, u @ W.T).witness() is None


def test_refusals():
    with pytest.raises(ShapeError):
        same(u, A)
    with pytest.raises(UnsupportedError):  # k would be taken for a free symbol
        same(over(mx.Scalar(K) * x, K, 1, t), mx.Scalar(K) * over(x, K, 1, t))


def test_the_decision_does_not_depend_on_fresh_names():
    gap = 1 / (A - A.T)
    assert all(same(total(gap * B), total(B * gap)) for _ in range(120))


@pytest.mark.parametrize("seed", range(12))
def test_ties_that_refinement_cannot_break(seed):
    """Σ over a hub joined to a triangle and to a square: every rim index looks like every other.

    Colours never split the rim, yet a corner of the triangle is no corner of the square, so all
    tied choices must be tried. The names are shuffled; the form must not change.
    """
    rng = random.Random(seed)

    def wheel(order):
        hub, *rim = (Ix("u", n, "H") for n in order)
        cycles = rim[:3], rim[3:]
        spokes = [("M", (hub, i)) for i in rim]
        edges = [("A", (c[n - 1], c[n])) for c in cycles for n in range(len(c))]
        factors = [(Factor("var", a, (), ij), Fraction(1)) for a, ij in (*spokes, *edges)]
        rng.shuffle(factors)
        return {Mono(frozenset((hub, *rim)), tuple(factors)): Fraction(1)}

    assert canonical(wheel(rng.sample(range(90), 8))) == canonical(wheel(range(8)))


@QUICK
@given(s.expressions())
def test_the_normal_form_is_idempotent(e):
    once = normal(e)
    assert canonical(once) == once


@QUICK
@given(s.expressions(), st.integers(0, 10**6))
def test_bound_names_and_orders_do_not_matter(e, seed):
    rng = random.Random(seed)
    q = {}
    for m, c in sorted(lower(e).items(), key=lambda mc: rng.random()):
        names = {i: fresh(i.size) for i in sorted(m.bound, key=lambda i: rng.random())}
        factors = [(rename(f, names), n) for f, n in m.factors]
        rng.shuffle(factors)
        q[Mono(frozenset(names.values()), tuple(factors))] = c
    assert canonical(q) == normal(e)


@settings(max_examples=250, deadline=None, derandomize=True)
@given(s.expressions(), st.integers(0, 10**6))
def test_a_lawful_rewriting_is_same(e, seed):
    other = s.rewrite(e, random.Random(seed))
    assert witness(e, other, tries=2) is None  # the law itself, in numbers
    assert same(e, other)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(st.data())
def test_different_values_are_never_called_same(data):
    shape = data.draw(s.shapes())
    a = data.draw(s.expressions(shape, depth=2))
    b = data.draw(st.one_of(s.expressions(shape, depth=2), st.just(a)))
    b = s.rewrite(b, random.Random(data.draw(st.integers(0, 10**6))))
    if same(a, b):
        assert witness(a, b, tries=3) is None
    else:
        assert witness(a, b) is not None or s.indicators(a + b)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(s.expressions(), st.integers(0, 10**6))
def test_one_planted_mistake_is_refuted_or_harmless(e, seed):
    """A sign, a factor, a transpose or a time gone wrong at one place."""
    other = s.blunder(e, random.Random(seed))
    found = witness(e, other, tries=30)
    equal = bool(same(e, other))
    assert not (equal and found)
    assert equal or found or s.indicators(e)


def test_equal_monomials_have_one_text_whatever_order_their_sets_run_in() -> None:
    for n in range(40):
        indices = [Ix("b0", n * 7 + k * k, "H") for k in range(5)]
        found = {repr(Mono(frozenset(some), ())) for some in itertools.permutations(indices)}
        assert len(found) == 1


@pytest.mark.parametrize("start", [8, 9, 99])
def test_of_two_new_indices_the_older_is_the_less(start: int) -> None:
    """However many there were before: a normal form has no history."""
    older, newer = Ix("u", start, "H"), Ix("u", start + 1, "H")
    assert min(newer, older, key=repr) is older


# -- the budget of steps


def test_a_question_costs_the_same_whatever_was_asked_before() -> None:
    once, again = steps_of(norm_of("first")), steps_of(norm_of("second"))
    assert once == again == steps_of(norm_of("first")) > 0


def test_a_question_beyond_its_budget_is_given_up() -> None:
    cost = steps_of(norm_of("third"))
    with budget(cost):
        assert normal(norm_of("third"))
    with pytest.raises(TooLongError), budget(cost - 1):
        normal(norm_of("third"))
    with pytest.raises(TooLongError), budget(cost - 1), budget(cost):
        normal(norm_of("third"))
    assert normal(norm_of("third"))


def steps_of(expr: mx.Node) -> int:
    before = spent()
    normal(expr)
    return spent() - before


def norm_of(name: str) -> mx.Node:
    """Σ_i tanh(v_i)² (v_i + W v)_i of a vector of that name."""
    z, m = mx.Var(name, (H,)), mx.Var(f"W_{name}", (H, H))
    return total(fn("tanh", z) ** 2 * (z + m @ z))
