"""The catalogue of planted faults: wrong rows of `rules`, wrong equations, wrong code.

`ROWS` names, for every row of every table, a small model that uses it and the mistakes people
make there; `FAULTS` changes a subexpression and `WHOLE` a right side, one kind of mistake each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import sympy

from symbptt import matrix as mx
from symbptt import rules
from symbptt.matrix.build import is_zero, pad
from symbptt.model import Derivation

NEARLY = sympy.Rational(9995, 10000)  # 0.05 % off

# -- rows of `rules`, and models that use them

VECTOR = "size H\ninput x[t] : H\ntarget y[t] : H\nstate h[t] : H\nparam W : H, H\n"
SQUARE = "size H\ninput x[t] : H, H\ntarget y[t] : H, H\nstate h[t] : H, H\nparam W : H, H\n"
BATCH = SQUARE.replace("size H", "size N, H").replace("] : H, H", "] : N, H") + "param b : H\n"


def text(head: str, step: str, loss: str = "squared_error") -> str:
    inner = f"{loss}(h[t], y[t])"
    each = inner if head == VECTOR else f"sum({inner})"
    return f"{head}h[t] = {step}\nl[t] = {each}\nloss = sum(l[t])\n"


def of(name: str) -> str:
    """A model whose step applies one elementwise function."""
    inner = "2 + (W @ h[t-1])**2" if name == "log" else "W @ h[t-1] + x[t]"
    return text(VECTOR, f"{name}({inner}) * x[t]")


LINEAR = text(VECTOR, "W @ h[t-1] + x[t]")
PRODUCT = text(VECTOR, "tanh(h[t-1]) * (W @ h[t-1] + x[t])")
DENSE = LINEAR.replace("squared_error", "cross_entropy")
INDEXED = DENSE.replace("y[t] : H", "y[t] : index H")
OUTER = text(VECTOR, "tanh(outer(h[t-1], W @ h[t-1]) @ x[t] + x[t])")
TURNED = text(SQUARE, "h[t-1].T @ W + x[t]")
DIAG = text(VECTOR, "diag(h[t-1]) @ W @ x[t] + x[t]")
BIASED = text(BATCH, "tanh(h[t-1] @ W + b) + x[t]")
COLUMN = text(BATCH, "tanh(column(h[t-1] @ b) * x[t] + x[t])")
ADDED = text(SQUARE, "tanh(sum(h[t-1] @ W, axis=0) + x[t])")
KEPT = text(SQUARE, "tanh(sum(h[t-1] @ W, axis=1, keepdims=1) * x[t] + x[t])")
JOINED = text(SQUARE, "tanh([h[t-1], x[t]] @ K)").replace("param W : H, H", "param K : 2*H, H")
PACKED = text(SQUARE, "tanh(a[t][:, H:2*H]) * a[t][:, 0:H]").replace(
    "param W : H, H\n", "param W : H, 2*H\na[t] = h[t-1] @ W + [x[t], x[t]]\n"
)
CALLED = text(VECTOR, "f(W @ h[t-1], x[t])").replace("h[t] =", "function f(u, v)\nh[t] =", 1)
RIGHT = dict(rules.DIFFERENTIAL)


def one_term(e: Any, d: Any) -> Any:
    """A product rule that forgets all terms but the first."""
    return next(
        e.func(*e.args[:i], da, *e.args[i + 1 :])
        for i, a in enumerate(e.args)
        if isinstance(a, mx.Node) and not is_zero(da := d(a))
    )


def unturned(e: Any, k: int, ct: Any, right: Any = rules.TRANSPOSE[mx.MatMul]) -> Any:
    """The transpose of a product without its transpose."""
    matrix = e.args[1 - k]
    if matrix.rank < 2:
        return right(e, k, ct)
    return matrix @ ct if k else ct @ matrix


def wrong_axis(e: Any, d: Any) -> Any:
    x = d(e.args[0])
    return mx.sum_axes(x.T if x.rank == 2 else x, e.axes, e.keepdims)


def wrong_argument(e: Any, d: Any) -> Any:
    return mx.contract(mx.CallDeriv(e, 1), d(e.args[1][0]) + d(e.args[1][1]), 1)


def first_columns(e: Any, k: int, ct: Any) -> Any:
    return pad(ct, 0, e.shape[-1], e.args[0].shape[-1])


def gap(e: Any, d: Any, p: Any) -> Any:
    """The differential of a loss with p in place of its own gradient."""
    return mx.sum_axes(mx.times(p, d(e.args[0])), (-1,))


# row -> [(a model that uses it, faults of its own: a mistake in words -> the wrong row)]
Rows = dict[Any, list[tuple[str, dict[str, Callable[..., Any]]]]]
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
        (
            text(VECTOR, "softmax(W @ h[t-1]) * x[t]"),
            {"missing mean": lambda e, d: e * d(e.args[0])},
        ),
        (text(BATCH, "softmax(h[t-1] @ W) * x[t]"), {}),
    ],
    mx.MatMul: [
        (text(VECTOR, "W @ (W @ h[t-1]) + x[t]"), {"missing term": one_term}),
        (text(VECTOR, "(h[t-1] @ h[t-1]) * x[t]"), {"missing term": one_term}),
        (text(VECTOR, "h[t-1] @ W + x[t]"), {}),
        (text(BATCH, "(h[t-1] @ W) @ W + b"), {"missing term": one_term}),
    ],
    mx.Outer: [
        (OUTER, {"missing term": one_term, "swapped": lambda e, d: RIGHT[mx.Outer](e, d).T})
    ],
    mx.Transpose: [(TURNED, {"missing transpose": lambda e, d: d(e.args[0])})],
    mx.Diag: [(DIAG, {"a row each": lambda e, d: mx.broadcast(d(e.args[0]), e.shape)})],
    mx.Broadcast: [(BIASED, {})],
    mx.Expand: [(COLUMN, {})],
    mx.Reduce: [(ADDED, {}), (KEPT, {"wrong axis": wrong_axis})],
    mx.Concat: [
        (JOINED, {"first part only": lambda e, d: mx.concat(d(e.args[0]), 0 * d(e.args[1]))})
    ],
    mx.Block: [(PACKED, {"the block before": lambda e, d: mx.block(d(e.args[0]), 0, e.shape[-1])})],
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
    mx.Plus: [(PRODUCT, {})],
    mx.Reduce: [(ADDED, {}), (KEPT, {})],
    mx.Concat: [
        (JOINED, {"the first columns": lambda e, k, ct: mx.block(ct, 0, e.args[k].shape[-1])})
    ],
    mx.Block: [(PACKED, {"in the first columns": first_columns})],
    mx.Contract: [(CALLED, {"missing transpose": lambda e, k, ct: e.args[0] @ ct})],
}
SLOPES: Rows = {
    "tanh": [(of("tanh"), {"no square": lambda y, x: 1 - y, "of x": lambda y, x: 1 - x**2})],
    "sigmoid": [(of("sigmoid"), {"no factor": lambda y, x: y, "of x": lambda y, x: y * (1 - x)})],
    "exp": [(of("exp"), {"of x": lambda y, x: x})],
    "log": [(of("log"), {"of y": lambda y, x: y**-1})],
    "relu": [(of("relu"), {"the value": lambda y, x: y})],
    "step": [(of("step"), {"one": lambda y, x: mx.broadcast(mx.Scalar(1), x.shape)})],
    "hardtanh": [(of("hardtanh"), {"the value": lambda y, x: y})],
    "huber": [(of("huber"), {"the value": lambda y, x: y})],
    "softplus": [(of("softplus"), {"the value": lambda y, x: y})],
    "sin": [(of("sin"), {"the value": lambda y, x: y})],
    "cos": [(of("cos"), {"the value": lambda y, x: y})],
}
ROWS: dict[str, Rows] = {"DIFFERENTIAL": DIFFERENTIAL, "TRANSPOSE": TRANSPOSE, "SLOPES": SLOPES}


def scaled(c: Any, row: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: mx.times(c, row(*args))


def sabotages() -> Iterator[tuple[str, Any, Callable[..., Any], str, str]]:
    """(table, row, wrong row, model, words): each mistake of a row's own, a sign, and 0.05 %."""
    for table, rows in ROWS.items():
        for key, models in rows.items():
            for n, (source, own) in enumerate(models):
                right = getattr(rules, table)[key]
                faults = {**own, "sign": scaled(-1, right), "0.05 %": scaled(NEARLY, right)}
                for mistake in own if key == "step" else faults:  # the slope of step is zero
                    name = key if isinstance(key, str) else key.__name__
                    yield table, key, faults[mistake], source, f"{table}-{name}-{mistake}-{n}"


# -- expressions


def places(e: Any, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], Any]]:
    """Every subexpression and where it stands; names are not opened."""
    yield path, e
    if not isinstance(e, mx.Var | mx.Deriv | mx.Scalar | mx.CallDeriv):
        for i, a in enumerate(e.args):
            if isinstance(a, mx.Node):
                yield from places(a, (*path, i))


def put(e: Any, path: tuple[int, ...], new: Any) -> Any:
    """The expression with another one at a place."""
    if not path:
        return new
    args = list(e.args)
    args[path[0]] = put(args[path[0]], path[1:], new)
    return e.func(*args)


def _dropped(e: Any) -> Iterator[Any]:
    if isinstance(e, mx.Plus | mx.Times):
        build = mx.plus if isinstance(e, mx.Plus) else mx.times
        for n in range(len(e.args)):
            yield mx.broadcast(build(*e.args[:n], *e.args[n + 1 :]), e.shape)


def _doubled(e: Any) -> Iterator[Any]:
    if isinstance(e, mx.Plus):
        yield from (mx.Plus(*e.args, a) for a in e.args)


def _flipped(e: Any) -> Iterator[Any]:
    if isinstance(e, mx.Plus):
        for n, a in enumerate(e.args):
            yield mx.Plus(*e.args[:n], mx.times(-1, a), *e.args[n + 1 :])


def _moved(by: int) -> Callable[[Any], Iterator[Any]]:
    def run(e: Any) -> Iterator[Any]:
        if isinstance(e, mx.Var | mx.Deriv) and mx.t in e.free_symbols:
            yield mx.shift(e, by)

    return run


def _turned(e: Any) -> Iterator[Any]:
    if isinstance(e, mx.Transpose):
        yield from (x for x in [e.args[0]] if x.shape == e.shape)
    elif e.rank == 2 and e.shape[0] == e.shape[1] and not isinstance(e, mx.Eye | mx.Diag):
        yield mx.transpose(e)


def _bounds(cls: type) -> Callable[[Any], Iterator[Any]]:
    def run(e: Any) -> Iterator[Any]:
        if isinstance(e, cls):
            body, k, lo, hi = e.args
            for a, b in ((1, 0), (-1, 0), (0, 1), (0, -1)):
                yield cls(body, k, lo + a, hi + b)

    return run


def _reversed(e: Any) -> Iterator[Any]:
    if isinstance(e, mx.TimeProd):
        body, k, lo, hi = e.args
        yield mx.TimeProd(body.xreplace({k: lo + hi - k}), k, lo, hi)


def _power(e: Any) -> Iterator[Any]:
    if isinstance(e, mx.MatPow):
        yield mx.MatPow(e.args[0], e.args[1] + 1)


# A mistake in words -> what it makes of one subexpression.
FAULTS: dict[str, Callable[[Any], Iterator[Any]]] = {
    "dropped term": _dropped,
    "doubled term": _doubled,
    "flipped term": _flipped,
    "t - 1 for t": _moved(-1),
    "t + 1 for t": _moved(1),
    "transpose": _turned,
    "bounds of a sum": _bounds(mx.TimeSum),
    "bounds of a product": _bounds(mx.TimeProd),
    "order of a product": _reversed,
    "power": _power,
}


# A mistake in words -> what it makes of a whole right side.
WHOLE: dict[str, Callable[[Any], Any]] = {
    "sign": lambda e: mx.times(-1, e),
    "0.05 %": lambda e: mx.times(NEARLY, e),
    "one for zero": lambda e: mx.broadcast(mx.Scalar(1), e.shape) if is_zero(e) else e,
}


def variants(rhs: Any, fault: str) -> list[Any]:
    """Every way to make one mistake somewhere in a right side."""
    if fault in WHOLE:
        found = [WHOLE[fault](rhs)]
    else:
        found = [put(rhs, path, new) for path, e in places(rhs) for new in FAULTS[fault](e)]
        found = [] if is_zero(rhs) else found
    return [x for x in dict.fromkeys(found) if x != rhs and x.shape == rhs.shape]


def planted(d: Derivation, wrong: dict[str, Any]) -> Derivation:
    """The derivation with other right sides for some labels."""

    def changed(e: Any) -> Any:
        return replace(e, rhs=wrong[e.label]) if e.label in wrong else e

    groups = tuple(replace(g, equations=tuple(map(changed, g.equations))) for g in d.groups)
    formal = tuple(replace(f, equation=changed(f.equation)) for f in d.formal)
    return replace(d, groups=groups, formal=formal)
