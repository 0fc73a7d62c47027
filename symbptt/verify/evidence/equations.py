"""The forward equations of a model as NumPy source, for a script that runs on its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from ...matrix import nodes as n
from .texts import ATOM, PRODUCT, Text, added, called, elementwise, multiplied, rational


@dataclass(frozen=True)
class Place:
    """The names of the script, the sizes as numbers, and the number of steps."""

    names: Mapping[str, str]
    sizes: Mapping[str, int]
    steps: int
    copies: Collection[str] = ()  # parameters that are moved at one step alone

    def parameter(self, name: str) -> Text:
        known = self.names.get(name, name)
        return Text(f'v["{known}", t]' if name in self.copies else f'v["{known}"]')

    def integer(self, e: Any) -> int:
        known = {mx.size(k): v for k, v in self.sizes.items()} | {mx.T: self.steps}
        return int(sympy.sympify(e).xreplace(known))

    def shape(self, shape: Any) -> tuple[int, ...]:
        return tuple(map(self.integer, shape))


def written(e: mx.Node, at: Place) -> Text:
    """Raises SymbpttError for an operation that has no line here."""
    write = _WRITE.get(type(e))
    if write is None:
        raise SymbpttError(f"a {type(e).__name__} in a forward equation has no script")
    return write(e, at)


def _var(e: n.Var, at: Place) -> Text:
    if not e.times:
        return at.parameter(e.name)
    name = at.names.get(e.name, e.name)
    lag = int(mx.t - e.time)
    return Text(f'v["{name}", {_ago(lag)}]')


def _ago(lag: int) -> str:
    return f"t - {lag}" if lag > 0 else f"t + {-lag}" if lag else "t"


def _scalar(e: n.Scalar, at: Place) -> Text:
    known = {x: at.integer(x) for x in e.value.free_symbols if x.name in {*at.sizes, "T"}}
    value = e.value.xreplace(known)
    hyper = {x.name: at.parameter(x.name) for x in value.free_symbols}
    return elementwise(value, Text("z"), hyper)


def _apply(e: n.Apply, at: Place) -> Text:
    body = e.args[0].body
    hyper = {x.name: at.parameter(x.name) for x in body.free_symbols}
    return elementwise(body, written(e.args[1], at), hyper)


def _plus(e: n.Plus, at: Place) -> Text:
    out = written(e.args[0], at)
    for a in e.args[1:]:
        out = added(out, written(a, at))
    return out


def _times(e: n.Times, at: Place) -> Text:
    runs = [(x, len(list(same))) for x, same in groupby(written(a, at) for a in e.args)]
    out, *rest = (x if times == 1 else x**times for x, times in runs)
    for x in rest:
        out = multiplied(out, x)
    return out


def _matmul(e: n.MatMul, at: Place) -> Text:
    a, b = (written(x, at) for x in e.args)
    return Text(f"{a.inside(PRODUCT)} @ {b.inside(PRODUCT + 1)}", PRODUCT)


def _after(suffix: Callable[[Any, Place], str]) -> Callable[[Any, Place], Text]:
    return lambda e, at: Text(written(e.args[0], at).inside(ATOM) + suffix(e, at))


def _squared_error(e: n.SquaredError, at: Place) -> Text:
    o, y = (written(x, at) for x in e.args)
    return Text(f"0.5 * (({added(o, y, -1)}) ** 2).sum(-1)", PRODUCT)


def _cross_entropy(e: n.CrossEntropy, at: Place) -> Text:
    o, y = (written(x, at) for x in e.args)
    return Text(f"-({y.inside(PRODUCT)} * np.log(softmax({o}))).sum(-1)", PRODUCT)


def _call(e: n.Call, at: Place) -> Text:
    """An unknown function: a sum of sines of all that it reads, with weights of its own."""
    parts = []
    for a in e.args[1]:
        x = written(a, at)
        parts.append(f"{x.inside(ATOM)}.ravel()" if len(a.shape) > 1 else str(x))
    return Text(f'np.sin(v["{e.name}"] * np.hstack([{", ".join(parts)}])).sum(-1)')


def weights(e: n.Call, at: Place) -> tuple[int, ...]:
    """The shape of the weights of an unknown function."""
    count = sum(math.prod(at.shape(a.shape)) for a in e.args[1])
    return (*at.shape(e.shape), count)


def _reduce(e: n.Reduce, at: Place) -> Text:
    x = written(e.args[0], at).inside(ATOM)
    if not e.keepdims and len(e.axes) == len(e.args[0].shape):
        return Text(f"{x}.sum()")
    kept = ", keepdims=True" if e.keepdims else ""
    return Text(f"{x}.sum(axis={e.axes if len(e.axes) > 1 else e.axes[0]}{kept})")


_WRITE: dict[type, Callable[[Any, Place], Text]] = {
    n.Var: _var,
    n.Scalar: _scalar,
    n.Plus: _plus,
    n.Times: _times,
    n.Power: lambda e, at: Text(
        f"{written(e.args[0], at).inside(ATOM)} ** {rational(e.args[1]).inside(ATOM)}", PRODUCT + 1
    ),
    n.Apply: _apply,
    n.Softmax: lambda e, at: called("softmax", written(e.args[0], at)),
    n.MatMul: _matmul,
    n.MatPow: lambda e, at: called(
        "np.linalg.matrix_power", written(e.args[0], at), at.integer(e.args[1])
    ),
    n.Transpose: _after(lambda e, at: ".T"),
    n.Outer: lambda e, at: called("np.outer", *(written(x, at) for x in e.args)),
    n.Diag: lambda e, at: called("np.diag", written(e.args[0], at)),
    n.Eye: lambda e, at: Text(f"np.eye({at.integer(e.args[0])})"),
    n.Broadcast: lambda e, at: written(e.args[0], at),  # NumPy's own rule
    n.Expand: lambda e, at: called("np.reshape", written(e.args[0], at), at.shape(e.shape)),
    n.Concat: lambda e, at: Text(
        f"np.concatenate([{', '.join(str(written(x, at)) for x in e.args)}], -1)"
    ),
    n.Block: _after(lambda e, at: f"[..., {at.integer(e.args[1])}:{at.integer(e.args[2])}]"),
    n.Reduce: _reduce,
    n.OneHot: lambda e, at: Text(f"np.eye({at.integer(e.args[1])})[{written(e.args[0], at)}]"),
    n.SquaredError: _squared_error,
    n.CrossEntropy: _cross_entropy,
    n.Call: _call,
}

__all__ = ["Place", "weights", "written"]
