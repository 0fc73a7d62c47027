"""The explicit road refutes nothing that is true, and proves nothing that is false.

Its referee is the value of a scalar at numbers the ring has not seen, in 40 digits.
"""

import random
from fractions import Fraction

import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from symbptt.derive import derive
from symbptt.parse import model
from symbptt.prove.explicit import explicit
from symbptt.prove.numbers import NO_VALUE, Intervals, Point
from symbptt.prove.ring import Ring
from symbptt.prove.scalars import Reader, exponential, sympy_functions

MODEL = """model random "any cell and any loss"
size   H
input  x[t] : H
target y[t] : H
state  h[t] : H
param  W : H, H
param  b : H
h[t] = {cell}
l[t] = {loss}
loss = sum(l[t])
"""

LOSSES = {
    "cross entropy of a sigmoid": "-sum(y[t]*log(sigmoid(h[t])) + (1-y[t])*log(1-sigmoid(h[t])))",
    "with σ(−z)": "-sum(y[t]*log(sigmoid(h[t])) + (1-y[t])*log(sigmoid(-h[t])))",
    "with softplus": "sum(y[t]*softplus(-h[t]) + (1-y[t])*softplus(h[t]))",
    "with exp": "-sum(y[t]*log(1/(1+exp(-h[t]))) + (1-y[t])*log(1/(1+exp(h[t]))))",
    "log-sum-exp": "log(sum(exp(h[t]))) - sum(y[t]*h[t])",
    "softmax written out": "-sum(y[t]*log(exp(h[t])/sum(exp(h[t]))))",
    "the norm": "(sum(h[t]**2))**(1/2)",
    "a root of a square": "sum((h[t]**2*(1+y[t]**2))**(1/2))",
    "numbers in a root": "sum((4*h[t]**2 + 8)**(3/2)) + sum(log(6*exp(h[t])))",
    "the state before": "squared_error(h[t], y[t]) + sum(h[t]*h[t-1])",
}


def statements(cell: str, loss: str) -> list:
    return explicit(derive(model(MODEL.format(cell=cell, loss=loss))), (1, 2))


@pytest.mark.parametrize("name", LOSSES)
def test_losses_as_people_write_them(name: str) -> None:
    steps = statements("tanh(W @ h[t-1] + x[t])", LOSSES[name])
    assert all(s.ok for s in steps), [s.detail for s in steps if not s.ok]


def grown(rng: random.Random, depth: int) -> str:
    """An elementwise expression with a value everywhere."""
    if not depth:
        return rng.choice(["h[t-1]", "x[t]", "b", "W @ h[t-1]", "x[t]", "h[t-1]"])
    z, w = grown(rng, depth - 1), grown(rng, rng.randrange(depth))
    return rng.choice(
        [f"tanh({z})", f"sigmoid({z})", f"relu({z})", f"softplus({z})", f"sin({z})", f"cos({z})",
         f"log(1 + ({z})**2)", f"(1 + ({z})**2)**(1/2)", f"1/(1 + exp(-tanh({z})))",
         f"log(sigmoid({z}))", f"exp(sin({z}))", f"({z})*({w})", f"({z}) - ({w})",
         f"({z})/(1 + ({w})**2)", f"softmax({z})", f"log(1 - sigmoid({z}))"]
    )  # fmt: skip


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_no_true_derivation_is_refuted(seed: int) -> None:
    rng = random.Random(seed)
    loss = f"sum(({grown(rng, 2)})*h[t] + ({grown(rng, 1)})*y[t])"
    cell = f"tanh({grown(rng, 2)} + W @ h[t-1] + b)"
    steps = statements(cell, loss)
    refuted = [s.detail for s in steps if not s.ok and not s.undecided]
    assert not refuted, (cell, loss)


def scalar(rng: random.Random, depth: int) -> sympy.Expr:
    x = [sympy.Symbol(n, real=True) for n in "xyz"]
    if not depth:
        return rng.choice([*x, sympy.Integer(rng.randint(1, 3))])
    f = sympy_functions()
    a, b = scalar(rng, depth - 1), scalar(rng, rng.randrange(depth))
    return rng.choice(
        [a + b, a - b, a * b, a * a, 1 / (1 + exponential(a)), f["sigmoid"](-a), f["softplus"](a),
         sympy.tanh(a - b), sympy.sqrt(1 + a**2), sympy.log(2 + b**2), exponential(sympy.tanh(a)),
         a / (1 + b**2), f["relu"](a)]
    )  # fmt: skip


def rewritten(rng: random.Random, e: sympy.Expr) -> sympy.Expr:
    """The same value in other words."""
    return rng.choice([sympy.expand, sympy.together, sympy.factor, sympy.cancel])(e)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.integers(0, 10**6))
def test_zero_is_zero_and_different_is_different(seed: int) -> None:
    rng = random.Random(seed)
    a = scalar(rng, 3)
    b = rewritten(rng, a) if rng.random() < 0.6 else scalar(rng, 3)
    ring = Ring()
    reader = Reader(ring)
    gap = reader.read(a) - reader.read(b)
    zero, apart = gap.is_zero(), gap.is_nonzero()
    assert not (zero and apart)
    for point in (Point(ring, n, Intervals()) for n in range(20, 26)):
        try:
            value = point.value(gap)
        except NO_VALUE:
            continue
        assert not zero or value.a <= 0 <= value.b
    if rewritten(rng, a - b) == 0:
        assert zero and not apart


def test_a_value_that_no_relation_reaches_is_undecided() -> None:
    ring = Ring()
    x = ring.entry("x")
    gap = ring.function("sin", x) ** 2 + ring.function("cos", x) ** 2 - 1
    assert not gap.is_zero()
    assert not gap.is_nonzero()
    assert (gap + Fraction(1, 10**20)).is_nonzero()


@pytest.mark.parametrize("sign", [1, -1])
def test_two_reciprocals_are_related(sign: int) -> None:
    """1/(1 − σ) = 1 + exp(z), σ(z) + σ(−z) = 1."""
    ring = Ring()
    e = ring.function("exp", ring.entry("z") * sign)
    s = 1 / (1 + e)
    assert (1 / (1 - s) - 1 - 1 / e).is_zero()
    assert (1 / s - 1 - e).is_zero()
    assert (s + 1 / (1 + 1 / e) - 1).is_zero()
    assert ring.function("log", 1 - s).terms == ring.function("log", e / (1 + e)).terms
