"""`same` over time: ranges in cells, ordered products, quotients under sums, indicators.

The referee is `matrix.evaluate` at every t ≤ T up to a T beyond all the numbers in the bounds.
"""

import random

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbptt import matrix as mx
from symbptt.indices import cells, chains, decide, quotients, ranges, same, same_poly
from symbptt.indices import poly as p
from symbptt.indices.lower import lower
from symbptt.indices.value import nonzero
from symbptt.matrix.evaluate import Setting, evaluate
from tests.strategies import HALF, H, N, fn

t, T = mx.t, mx.T
K, J = (mx.time_symbol(n) for n in "kj")
u, v, w = (mx.Var(n, (H,)) for n in "uvw")
A = mx.Var("A", (H, H))
x = mx.Var("x", (N, H))
eps = mx.Var("ε")
token = mx.onehot(mx.Var("y"), H)
over, total = mx.time_sum, mx.sum_axes
LONGEST = 6
MP = mpmath.mp.clone()
MP.dps = 40


def a(time):
    return mx.Var("a", (H,), (time,))


def b(time):
    return mx.Var("b", (H,), (time,))


def jac(time):
    return mx.Var("J", (H, H), (time,))


def prod(lo, hi, body=jac):
    return mx.TimeProd(body(J), J, lo, hi)


def slope(time):
    """The Jacobian of a step, diag(1 − a²) A."""
    return mx.diag(1 - a(time) ** 2) @ A


def leaky(time):
    return mx.times(HALF, mx.Eye(H)) + mx.diag(b(time)) @ A


def mean(e):
    return mx.times(mx.Scalar(1 / H), total(e, (1,), keepdims=True))


def double(body, k, lo, hi, j, lo2, hi2):
    return over(over(body, j, lo2, hi2), k, lo, hi)


variance = mean(x**2) - mean(x) ** 2 + mx.broadcast(eps, (N, 1))

EQUAL = {
    "the first term": (over(a(K), K, 1, T), a(1) + over(a(K), K, 2, T)),
    "the last term": (over(a(K), K, 1, T), over(a(K), K, 1, T - 1) + a(T)),
    "the step's own term": (over(a(K), K, 1, t), over(a(K), K, 1, t - 1) + a(t)),
    "before and after": (over(a(K), K, 1, T), over(a(K), K, 1, t) + over(a(K), K, t + 1, T)),
    "within an argument": (
        fn("tanh", over(A @ a(K), K, 1, T)),
        fn("tanh", over(A @ a(K), K, 1, T - 1) + A @ a(T)),
    ),
    "reversed": (over(a(T + t - K), K, t, T), a(t) + over(a(K), K, t + 1, T)),
    "two triangles": (
        double(mx.outer(a(K), b(J)), J, 1, T, K, 1, J)
        + double(mx.outer(a(K), b(J)), J, 1, T, K, J + 1, T),
        double(mx.outer(a(K), b(J)), J, 1, T, K, 1, T),
    ),
    "a symmetric square": (
        double(a(K) * a(J), J, 1, T, K, 1, T),
        2 * double(a(K) * a(J), J, 1, T, K, 1, J - 1) + over(a(K) ** 2, K, 1, T),
    ),
    "nothing reads the time": (over(u, K, 1, T), mx.times(T, u)),
    "nothing reads either time": (double(u, K, 1, T, J, 1, t), mx.times(T * t, u)),
    "a power on the right": (mx.MatPow(A, t) @ A, mx.MatPow(A, t + 1)),
    "a power on the left": (A @ mx.MatPow(A, t), mx.MatPow(A, t + 1)),
    "a power transposed": (mx.MatPow(A, t).T @ A.T, mx.MatPow(A.T, t + 1)),
    "two powers": (mx.MatPow(A, t) @ mx.MatPow(A, T), mx.MatPow(A, T + t)),
    "a power of a sum": (
        mx.MatPow(A + mx.Eye(H), t) @ (A + mx.Eye(H)),
        mx.MatPow(A + mx.Eye(H), t + 1),
    ),
    "powers, one step": (
        over(mx.MatPow(A, T - K) @ a(K), K, t, T),
        a(T) + A @ over(mx.MatPow(A, T - K - 1) @ a(K), K, t, T - 1),
    ),
    "a product, moved": (mx.TimeProd(jac(J + 1), J, K, t - 1), prod(K + 1, t)),
    "a product, transposed": (prod(1, t).T, mx.TimeProd(jac(-J).T, J, -t, -1)),
    "a product and its last factor": (prod(1, T), jac(T) @ prod(1, T - 1)),
    "a product and its first factor": (prod(1, t), prod(2, t) @ jac(1)),
    "a product in two": (prod(1, T), prod(t + 1, T) @ prod(1, t)),
    "a product of one matrix": (prod(1, T, lambda j: A), mx.MatPow(A, T)),
    "products under a sum": (
        over(prod(K + 1, t) @ b(K), K, 1, t - 1),
        over(prod(K + 2, t) @ jac(K + 1) @ b(K), K, 1, t - 1),
    ),
    "the recursion of a closed form": (
        over(prod(K + 1, t) @ b(K), K, 1, t),
        b(t) + jac(t) @ over(prod(K + 1, t - 1) @ b(K), K, 1, t - 1),
    ),
    "the recursion, written out": (
        over(prod(K + 1, t, slope) @ b(K), K, 1, t),
        b(t) + slope(t) @ over(prod(K + 1, t - 1, slope) @ b(K), K, 1, t - 1),
    ),
    "the recursion, leaky": (
        over(prod(K + 1, t, leaky) @ b(K), K, 1, t),
        b(t) + leaky(t) @ over(prod(K + 1, t - 1, leaky) @ b(K), K, 1, t - 1),
    ),
    "the adjoint's recursion": (
        over(a(K) @ prod(t + 1, K), K, t, T),
        a(t) + over(a(K) @ prod(t + 2, K), K, t + 1, T) @ jac(t + 1),
    ),
    "u/(u+v) + v/(u+v), summed": (total(u / (u + v)) + total(v / (u + v)), mx.Scalar(H)),
    "partial fractions, summed": (
        total(1 / (u + v)) - total(1 / (u + w)),
        total((w - v) / ((u + v) * (u + w))),
    ),
    "a squared denominator": (total(u / (u + v) ** 2 + v / (u + v) ** 2), total(1 / (u + v))),
    "normalised rows have norm one": (
        total((x - mean(x)) ** 2 / variance) + eps * H * total(1 / variance),
        mx.Scalar(N * H),
    ),
    "normalised, by two forms of the variance": (
        (x - mean(x)) * (mean((x - mean(x)) ** 2) + eps) ** -HALF,
        (x - mean(x)) * variance**-HALF,
    ),
    "f of a one-hot product": (total(fn("tanh", token * u)), token @ fn("tanh", u)),
    "f of a chosen column": (fn("tanh", A @ token), fn("tanh", A) @ token),
    "f that is not zero at zero": (
        total(fn("sigmoid", token * u)),
        token @ fn("sigmoid", u) + HALF * (mx.Scalar(H) - 1),
    ),
    "log of the chosen": (fn("log", token @ mx.Softmax(u)), token @ fn("log", mx.Softmax(u))),
    "f of a diagonal": (
        fn("tanh", mx.diag(u)),
        mx.diag(fn("tanh", u)),
    ),
}

# Each is nearly one of the above; some differ at one T or t only.
DIFFERENT = {
    "T may be 1": (over(a(K), K, 1, T), a(1) + over(a(K), K, 2, T - 1) + a(T)),
    "twice the term between": (over(a(K), K, 1, T), over(a(K), K, 1, t) + over(a(K), K, t, T)),
    "the diagonal twice": (
        double(a(K) * a(J), J, 1, T, K, 1, T),
        2 * double(a(K) * a(J), J, 1, T, K, 1, J),
    ),
    "the other triangle": (
        double(mx.outer(a(K), b(J)), J, 1, T, K, 1, J),
        double(mx.outer(a(K), b(J)), J, 1, T, K, J, T),
    ),
    "one too many": (over(u, K, 1, T), mx.times(T + 1, u)),
    "a count that is never negative": (over(u, K, 3, T), mx.times(T - 2, u)),
    "one factor more": (mx.MatPow(A, t) @ A, mx.MatPow(A, t + 2)),
    "a power of the transpose": (mx.MatPow(A, t) @ A.T, mx.MatPow(A, t + 1)),
    "factors on the wrong side": (prod(1, T), prod(1, T - 1) @ jac(T)),
    "a product with a gap": (prod(1, T), prod(t + 2, T) @ prod(1, t)),
    "an overlapping product": (prod(1, T), prod(t, T) @ prod(1, t)),
    "an empty product is the identity": (prod(K + 1, t), jac(t) @ prod(K + 1, t - 1)),
    "the step's own term forgotten": (
        over(prod(K + 1, t) @ b(K), K, 1, t),
        jac(t) @ over(prod(K + 1, t - 1) @ b(K), K, 1, t - 1),
    ),
    "a product of another matrix": (
        over(prod(K + 1, t, slope) @ b(K), K, 1, t),
        b(t) + jac(t) @ over(prod(K + 1, t - 1, slope) @ b(K), K, 1, t - 1),
    ),
    "a trace is no product": (
        over(total(mx.MatPow(A, t) * A), K, 1, T),
        over(total(mx.MatPow(A, t + 1)), K, 1, T),
    ),
    "another denominator": (total(u / (u + v)) + total(v / (u + w)), mx.Scalar(H)),
    "partial fractions, sign": (
        total(1 / (u + v)) - total(1 / (u + w)),
        total((v - w) / ((u + v) * (u + w))),
    ),
    "f of a one-hot product, not zero at zero": (
        total(fn("sigmoid", token * u)),
        token @ fn("sigmoid", u),
    ),
    "two one-hot rows": (
        fn("tanh", A @ token),
        fn("tanh", A) @ mx.onehot(mx.Var("z"), H),
    ),
}


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name):
    left, right = EQUAL[name]
    answer = same(left, right)
    assert answer, answer.reason
    assert agree(left, right)


@pytest.mark.parametrize("name", DIFFERENT)
def test_different(name):
    left, right = DIFFERENT[name]
    assert same(left, right).verdict == "different"


def agree(left, right, longest=LONGEST):
    """Whether the sides have one value at every t ≤ T ≤ longest."""
    return all(
        close(value(left, now, end), value(right, now, end))
        for end in range(1, longest + 1)
        for now in range(1, end + 1)
    )


def close(p, q):
    return p.shape == q.shape and all(
        abs(i - j) <= mpmath.mpf(10) ** -25 * (1 + abs(i) + abs(j))
        for i, j in zip(p.flat, q.flat, strict=True)
    )


def value(e, now, end):
    sizes, times = {"H": 2, "N": 2}, {"t": now, "T": end, "k": 1}

    def lookup(var, at):
        rng = random.Random(f"{var.name}{at}")
        shape = tuple(sizes[str(n)] for n in var.shape)
        out = np.empty(shape, dtype=object)
        for index in np.ndindex(*shape):
            out[index] = rng.randrange(2) if var.name in "yz" else MP.mpf(rng.randint(1, 9)) / 4
        return out

    functions = {
        "number": lambda x: MP.mpf(int(x.p)) / int(x.q) if x.is_Rational else MP.mpf(str(x)),
        "power": lambda x, n: x ** (MP.mpf(int(n.p)) / int(n.q)),
        "sigmoid": lambda x: 1 / (1 + MP.exp(-x)),
        **{name: getattr(MP, name) for name in ("tanh", "exp", "log")},
    }
    return evaluate(e, Setting(lookup, sizes, functions, times))


# -- drawn sums, and what becomes of them when they are cut at a drawn time

TIMES = (1, 2, 3, t - 1, t, t + 1, T - 1, T)
BODIES = {
    "one": lambda k: a(k),
    "before": lambda k: a(k - 1) * b(k),
    "argument": lambda k: fn("tanh", a(k)),
    "back": lambda k: a(T - k),
    "power": lambda k: mx.MatPow(A, t - k) @ a(k),
    "product": lambda k: prod(k + 1, t) @ b(k),
    "grown": lambda k: jac(t) @ prod(k + 1, t - 1) @ b(k),
    "inner": lambda k: over(a(k) * a(J), J, 1, k),
    "other": lambda k: over(a(k) * a(J), J, k + 1, T),
    "none": lambda k: u,
}
DRAWN = settings(max_examples=120, deadline=None, derandomize=True)
bodies, times = st.sampled_from(sorted(BODIES)), st.sampled_from(TIMES)


@DRAWN
@given(bodies, times, times, times)
def test_a_cut_is_same_where_it_loses_nothing(body, lo, hi, at):
    """And only there: where t or T can lie outside, a term is lost or counted twice."""
    of = BODIES[body]
    whole = over(of(K), K, lo, hi)
    parts = over(of(K), K, lo, at) + over(of(K), K, at + 1, hi)
    equal = bool(same(whole, parts))
    assert not equal or agree(whole, parts)
    # Powers of a number of factors that t and T fix, written out, are not all found.
    assert equal or body == "power" or not agree(whole, parts)


@DRAWN
@given(st.lists(st.tuples(st.sampled_from((-1, 1)), bodies, times, times), min_size=2, max_size=4))
def test_sums_of_sums(terms):
    e = mx.plus(*(mx.times(c, over(BODIES[body](K), K, lo, hi)) for c, body, lo, hi in terms))
    assert not same(e, mx.zeros((H,))) or agree(e, mx.zeros((H,)))


# -- sabotage: the rules gone wrong, one at a time


def wrong_ranges(monkeypatch):
    """Not [x ≥ 0] as −x ≥ 0: both halves keep the border."""
    monkeypatch.setattr(cells, "negated", lambda form: ranges.lin_add(ranges.Lin(0), form, -1))


def wrong_step(monkeypatch):
    """t taken to be before T."""
    step = {*ranges.STEP, ranges.Lin(-1, (("T", 1), ("t", -1)))}
    monkeypatch.setattr(ranges, "STEP", frozenset(step))


def wrong_growth(monkeypatch):
    """A product takes up a factor that is one step too late."""
    grown = chains._grown_left

    def late(f):
        identity = grown(f)
        times = tuple(chains.p.lin_add(x, chains.Lin(1)) for x in f.times)
        return identity._replace(left=grown(f._replace(times=times)).left)

    monkeypatch.setattr(chains, "_grown_left", late)


def wrong_empty(monkeypatch):
    """A product grows whether its range can be negative or not."""
    monkeypatch.setattr(chains, "follows", lambda form, known: form.const >= 0 or bool(form.terms))


def wrong_turn(monkeypatch):
    """A transposed product without the other order of its factors."""
    turned = chains._turned

    def same_way(f):
        g = turned(f)
        return g if f.kind == "matpow" else f._replace(slots=g.slots)

    monkeypatch.setattr(chains, "_turned", same_way)


def wrong_quotient(monkeypatch):
    """g / g² = 1."""
    quotient = quotients._quotient

    def whole(f, e):
        found = quotient(f, e)
        return found and found._replace(right=quotients.p.constant(1))

    monkeypatch.setattr(quotients, "_quotient", whole)


def wrong_indicator(monkeypatch):
    """f(0) forgotten, where an indicator is zero."""
    value = quotients._value
    monkeypatch.setattr(quotients, "_value", lambda f, e, q: value(f, e, q) if q else {})


SABOTAGE = (
    wrong_ranges,
    wrong_step,
    wrong_growth,
    wrong_empty,
    wrong_turn,
    wrong_quotient,
    wrong_indicator,
)


@pytest.fixture
def rules_alone(monkeypatch):
    """Without the numbers that are tried first; what was remembered of ranges is forgotten."""
    monkeypatch.setattr(decide, "nonzero", lambda q, tries: None)
    monkeypatch.setattr(cells, "MOST", 60)
    ranges._closed.cache_clear()
    ranges._is_empty.cache_clear()
    yield
    ranges._closed.cache_clear()
    ranges._is_empty.cache_clear()


@pytest.mark.usefixtures("rules_alone")
@pytest.mark.parametrize("fault", SABOTAGE, ids=lambda f: f.__name__)
def test_a_wrong_rule_is_seen(monkeypatch, fault):
    """Some equality is lost, or some difference called same."""
    fault(monkeypatch)
    lost = (name for name, sides in EQUAL.items() if not decided(*sides))
    wrong = (name for name, sides in DIFFERENT.items() if decided(*sides))
    assert next(wrong, None) or next(lost, None)


@pytest.mark.usefixtures("rules_alone")
def test_the_rules_alone_are_right():
    assert [name for name, sides in EQUAL.items() if not decided(*sides)] == []
    assert [name for name, sides in DIFFERENT.items() if decided(*sides)] == []


def decided(left, right):
    return bool(same_poly(lower(left), lower(right)))


@pytest.mark.parametrize("lag", [0, 1, 3])
def test_the_value_of_a_product_of_tensors_is_that_of_its_factors(lag: int) -> None:
    """The Jacobians of a batch of rows; the other order has another value."""
    rows = mx.Var("h", (N, H), (t,))

    def step(time):
        return mx.derivative(rows.at(time), rows.at(time - 1), total=False)

    product = mx.TimeProd(step(J), J, t + 1, t + lag)
    factors = [step(t + n) for n in range(1, lag + 1)]
    for order, found in ((1, None), (-1, None if lag < 2 else 1)):
        whole = mx.Var("λ", (N, H))
        left = mx.contract(whole, product, 2)
        for f in factors[::-order]:
            whole = mx.contract(whole, f, 2)
        gap = p.add(lower(left), p.scale(lower(whole), -1))
        assert (nonzero(gap) is None) == (found is None)
