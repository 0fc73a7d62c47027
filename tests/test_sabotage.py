"""The judges are tested first: a planted fault is refuted, and named by its equation's label.

Rows of `rules` are patched, derived equations replaced, emitted lines changed; `prove` and
`check` must object each time, and must not object to a change of form alone.
"""

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import sympy

from symbptt import check, derive, model, plan, prove, rules, same
from symbptt import matrix as mx
from symbptt.matrix.build import is_zero
from symbptt.model import Derivation, Equation

NEARLY = sympy.Rational(9995, 10000)  # 0.05 % off

# -- (a) every row of `rules`

VECTOR = "size H\ninput x[t] : H\ntarget y[t] : H\nstate h[t] : H\nparam W : H, H\n"
SQUARE = "size H\ninput x[t] : H, H\ntarget y[t] : H, H\nstate h[t] : H, H\nparam W : H, H\n"
BATCH = SQUARE.replace("size H", "size N, H").replace("] : H, H", "] : N, H") + "param b : H\n"


def text(head: str, step: str, loss: str = "squared_error") -> str:
    inner = f"{loss}(h[t], y[t])"
    each = inner if head == VECTOR else f"sum({inner})"
    return f"{head}h[t] = {step}\nl[t] = {each}\nloss = sum(l[t])\n"


LINEAR = text(VECTOR, "W @ h[t-1] + x[t]")
PRODUCT = text(VECTOR, "tanh(h[t-1]) * (W @ h[t-1] + x[t])")
DENSE = LINEAR.replace("squared_error", "cross_entropy")
INDEXED = text(VECTOR, "W @ h[t-1] + x[t]", "cross_entropy").replace("y[t] : H", "y[t] : index H")
OUTER = text(VECTOR, "tanh(outer(h[t-1], W @ h[t-1]) @ x[t] + x[t])")
TURNED = text(SQUARE, "h[t-1].T @ W + x[t]")
DIAG = text(VECTOR, "diag(h[t-1]) @ W @ x[t]")
BIASED = text(BATCH, "tanh(h[t-1] @ W + b) + x[t]")
COLUMN = text(BATCH, "tanh(column(h[t-1] @ b) * x[t])")
ADDED = text(SQUARE, "tanh(sum(h[t-1] @ W, axis=0) + x[t])")
KEPT = text(SQUARE, "tanh(sum(h[t-1] @ W, axis=1, keepdims=1) * x[t])")
CALLED = text(VECTOR, "f(W @ h[t-1], x[t])").replace("h[t] =", "function f(u, v)\nh[t] =", 1)
RIGHT = dict(rules.DIFFERENTIAL)


def of(name: str) -> str:
    """A model whose step applies one elementwise function."""
    inner = "2 + (W @ h[t-1])**2" if name == "log" else "W @ h[t-1] + x[t]"
    return text(VECTOR, f"{name}({inner}) * x[t]")


def one_term(e: Any, d: Any) -> Any:
    """A product rule that forgets all terms but the first."""
    parts = [
        e.func(*e.args[:i], da, *e.args[i + 1 :])
        for i, a in enumerate(e.args)
        if isinstance(a, mx.Node) and not is_zero(da := d(a))
    ]
    return parts[0]


def no_mean(e: Any, d: Any) -> Any:
    return e * d(e.args[0])


def unturned(e: Any, k: int, ct: Any) -> Any:
    """The transpose of a product without its transpose."""
    matrix = e.args[1 - k]
    if matrix.rank < 2:
        return rules._t_matmul(e, k, ct)
    return matrix @ ct if k else ct @ matrix


def wrong_axis(e: Any, d: Any) -> Any:
    x = d(e.args[0])
    return mx.sum_axes(x.T if x.rank == 2 else x, e.axes, e.keepdims)


def wrong_argument(e: Any, d: Any) -> Any:
    return mx.contract(mx.CallDeriv(e, 1), d(e.args[1][0]) + d(e.args[1][1]), 1)


def gap(e: Any, d: Any, p: Any) -> Any:
    """The differential of a loss with p in place of its own gradient."""
    return mx.sum_axes(mx.times(p, d(e.args[0])), (-1,))


# row -> [(a model that uses it, faults of its own: a mistake in words -> the wrong row)]
Rows = dict[Any, list[tuple[str, dict[str, Any]]]]
DIFFERENTIAL: Rows = {
    mx.Plus: [(LINEAR, {"missing term": lambda e, d: mx.plus(*map(d, e.args[:-1]))})],
    mx.Times: [(PRODUCT, {"missing term": one_term})],
    mx.Power: [
        (
            text(VECTOR, "tanh(W @ h[t-1] + x[t])**3"),
            {
                "exponent not in front": lambda e, d: e.args[0] ** (e.args[1] - 1) * d(e.args[0]),
                "exponent not lowered": lambda e, d: e.args[1] * e * d(e.args[0]),
            },
        )
    ],
    mx.Apply: [
        (
            text(VECTOR, "tanh(W @ h[t-1] + x[t])"),
            {
                "missing slope": lambda e, d: d(e.args[1]),
                "slope at f": lambda e, d: rules.slope(e.args[0], e.args[1], e) * d(e.args[1]),
            },
        )
    ],
    mx.Softmax: [
        (text(VECTOR, "softmax(W @ h[t-1]) * x[t]"), {"missing mean": no_mean}),
        (text(BATCH, "softmax(h[t-1] @ W) * x[t]"), {}),
    ],
    mx.MatMul: [
        (text(VECTOR, "W @ (W @ h[t-1]) + x[t]"), {"missing term": one_term}),
        (text(VECTOR, "(h[t-1] @ h[t-1]) * x[t]"), {"missing term": one_term}),
        (text(VECTOR, "h[t-1] @ W + x[t]"), {}),
        (text(BATCH, "(h[t-1] @ W) @ W + b"), {"missing term": one_term}),
    ],
    mx.Outer: [(OUTER, {"missing term": one_term, "swapped": lambda e, d: RIGHT[mx.Outer](e, d).T})],
    mx.Transpose: [(TURNED, {"missing transpose": lambda e, d: d(e.args[0])})],
    mx.Diag: [(DIAG, {"a row each": lambda e, d: mx.broadcast(d(e.args[0]), e.shape)})],
    mx.Broadcast: [(BIASED, {})],
    mx.Expand: [(COLUMN, {})],
    mx.Reduce: [
        (ADDED, {}),
        (KEPT, {"wrong axis": wrong_axis}),
    ],
    mx.SquaredError: [
        (
            LINEAR,
            {
                "missing target": lambda e, d: gap(e, d, e.args[0]),
                "target first": lambda e, d: gap(e, d, e.args[1] - e.args[0]),
            },
        )
    ],
    mx.CrossEntropy: [
        (INDEXED, {"missing target": lambda e, d: gap(e, d, mx.Softmax(e.args[0]))}),
        (DENSE, {"no softmax": lambda e, d: gap(e, d, e.args[0] - e.args[1])}),
    ],
    mx.Call: [(CALLED, {"wrong argument": wrong_argument})],
}
TRANSPOSE: Rows = {
    mx.Times: [(PRODUCT, {"missing factor": lambda e, k, ct: ct})],
    mx.MatMul: [
        (LINEAR, {"missing transpose": unturned}),
        (text(VECTOR, "h[t-1] @ W + x[t]"), {"missing transpose": unturned}),
        (text(VECTOR, "(h[t-1] @ x[t]) * x[t]"), {}),
        (text(BATCH, "h[t-1] @ W + column(h[t-1] @ b)"), {}),
        (TURNED, {"missing transpose": unturned}),
    ],
    mx.Outer: [(OUTER, {"missing transpose": lambda e, k, ct: ct @ e.args[1 - k]})],
    mx.Transpose: [(TURNED, {"missing transpose": lambda e, k, ct: ct})],
    mx.Diag: [(DIAG, {"the whole row": lambda e, k, ct: mx.sum_axes(ct, (1,))})],
    mx.Broadcast: [(BIASED, {})],
    mx.Expand: [(COLUMN, {})],
    mx.Reduce: [(ADDED, {}), (KEPT, {})],
    mx.Contract: [(CALLED, {"missing transpose": lambda e, k, ct: e.args[0] @ ct})],
}
SLOPES: Rows = {
    "tanh": [(of("tanh"), {"no square": lambda y, x: 1 - y, "of x": lambda y, x: 1 - x**2})],
    "sigmoid": [(of("sigmoid"), {"no factor": lambda y, x: y, "of x": lambda y, x: y * (1 - x)})],
    "exp": [(of("exp"), {"of x": lambda y, x: x})],
    "log": [(of("log"), {"of y": lambda y, x: y**-1})],
    "relu": [(of("relu"), {"the value": lambda y, x: y})],
    "step": [(of("step"), {"one": lambda y, x: mx.broadcast(mx.Scalar(1), x.shape)})],
    "softplus": [(of("softplus"), {"the value": lambda y, x: y})],
    "sin": [(of("sin"), {"the value": lambda y, x: y})],
    "cos": [(of("cos"), {"the value": lambda y, x: y})],
}
TABLES: dict[str, Rows] = {
    "DIFFERENTIAL": DIFFERENTIAL,
    "TRANSPOSE": TRANSPOSE,
    "SLOPES": SLOPES,
}


def scaled(c: Any, row: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: mx.times(c, row(*args))


def sabotages() -> Iterator[Any]:
    """(table, row, the wrong row, model): each fault of a row's own, a sign, and 0.05 %."""
    for table, rows in TABLES.items():
        for key, models in rows.items():
            for n, (source, own) in enumerate(models):
                right = getattr(rules, table)[key]
                faults = {**own, "sign": scaled(-1, right), "0.05 %": scaled(NEARLY, right)}
                for mistake in own if key == "step" else faults:  # the slope of step is zero
                    name = key if isinstance(key, str) else key.__name__
                    words = f"{table}-{name}-{mistake}-{n}"
                    yield pytest.param(table, key, faults[mistake], source, id=words)


@cache
def true(source: str) -> Derivation:
    return derive(model(source))


def wrong_labels(a: Derivation, b: Derivation) -> set[str]:
    """The labels of b's equations that do not say what a's say."""
    right = {e.label: e for e in a}

    def agrees(e: Equation) -> bool:
        f = right.get(e.label)
        return f is not None and e.lhs == f.lhs and bool(same(e.rhs, f.rhs))

    return {e.label for e in b if not agrees(e)}


@pytest.mark.parametrize(("table", "key", "row", "source"), list(sabotages()))
def test_a_wrong_rule_is_refuted_by_label(
    monkeypatch: pytest.MonkeyPatch, table: str, key: Any, row: Any, source: str
) -> None:
    right = true(source)
    monkeypatch.setitem(getattr(rules, table), key, row)
    wrong = derive(model(source))
    labels = wrong_labels(right, wrong)
    assert labels, "the model does not use this row"
    assert labels <= {s.label for s in prove(wrong).failed}
    if source != CALLED:  # has no code
        # NumPy's softplus is for real numbers only, so the check has no complex step there.
        assert check(plan(wrong)).ok is (key == "softplus")


def test_every_row_is_sabotaged() -> None:
    for table, rows in TABLES.items():
        assert set(rows) == set(getattr(rules, table))


SOURCES = {s for rows in TABLES.values() for models in rows.values() for s, _ in models}


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_the_models_of_the_sabotage_hold(source: str) -> None:
    assert prove(true(source)).ok
    if source != CALLED:
        assert check(plan(true(source))).ok
