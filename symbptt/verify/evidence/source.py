"""Arrays as NumPy source text: a formula under its reading, written as a person would type it.

    W_hyᵀ ∂L/∂y_1 + W_hhᵀ (∂L/∂h_2 ⊙ (1 − h_2²))
    v["W_hy"].T @ d("L", ("y", 1)) + v["W_hh"].T @ (d("L", ("h", 2)) * (1 - v["h", 2] ** 2))

Sums and products over steps are written out; a derivative is a call of `d`, which the script
computes by differences.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import sympy

from ...errors import SymbpttError
from ..algebra.numbers import Numbers, OutOfRangeError
from ..algebra.tensor import Tensor
from ..world import DIRECT, FUTURE, IMMEDIATE, TOTAL, Key, World
from .texts import (
    ATOM,
    POWER,
    PRODUCT,
    Text,
    added,
    called,
    elementwise,
    looked_up,
    multiplied,
    quantity,
    rational,
)


class Source(Numbers):
    """The arithmetic of NumPy source, at the times of one step; `names` are those of the script."""

    def __init__(self, world: World, times: Any, names: Mapping[str, str]):
        super().__init__(world, times)
        self.names = names
        self.read: set[str] = set()  # the model's names that the sides read
        self.of: set[str] = set()  # what derivatives are taken of
        self.moved: set[Key] = set()  # what derivatives are taken by; ("W", t): as step t reads it

    def number(self, value: Any) -> Tensor:
        return Tensor(rational(self.closed(value)), (), 0)

    def var(self, name: str, time: Any) -> Any:
        super().var(name, time)
        self.read.add(name)
        return looked_up(self.names[name], self.at(time))

    def onehot(self, name: str, time: Any, classes: Any) -> Any:
        return Text(f"np.eye({self.size(classes)})[{self.var(name, time)}]")

    def derivative(self, of: Any, by: Any, kind: str = TOTAL, copy: Any = None) -> Any:
        value = super().derivative(of, by, kind, copy)
        u, v = ((name, self.at(time)) for name, time in (of, by))
        if any(k not in self.world.values for k in (u, v)):
            return called("np.zeros", value.shape)
        return self._difference(u, v, kind, self.at(copy))

    def _difference(self, u: Key, v: Key, kind: str, copy: int | None) -> Text:
        """d u / d v as calls of `d`; an immediate derivative moves one step's parameter alone."""
        if kind == FUTURE:
            own = self._difference(u, v, IMMEDIATE, copy)
            return added(self._difference(u, v, TOTAL, copy), own, -1)
        if kind == DIRECT:
            kind = self._same_as_direct(u, v)
        step = u[1] if u[1] is not None else v[1]
        if kind == IMMEDIATE and v[1] is None and step is not None:
            return self._call(u, (v[0], step))
        if kind == IMMEDIATE and u == ("L", None) and v[1] is not None:
            loss = self.world.model.loss.step.name, v[1]
            weight = self.world.edges[u][loss].ravel()[0]
            own = self._call(loss, v)
            return own if weight == 1 else Text(f"{float(weight)} * {own}", PRODUCT)
        if copy is not None:
            return self._call(u, (v[0], copy))
        if kind == IMMEDIATE and np.any(
            np.asarray(self.world.derivative(u, v, kind) - self.world.derivative(u, v), float)
        ):
            raise SymbpttError(f"no script moves {v[0]} within one step alone")
        return self._call(u, v)

    def _same_as_direct(self, u: Key, v: Key) -> str:
        for kind in (TOTAL, IMMEDIATE):
            gap = self.world.derivative(u, v, kind) - self.world.derivative(u, v, DIRECT)
            if not np.any(np.asarray(gap, float)):
                return kind
        raise SymbpttError(f"no script moves {v[0]} in the equation of {u[0]} alone")

    def _call(self, u: Key, v: Key) -> Text:
        self.read |= {u[0], v[0]}
        self.of.add(u[0])
        self.moved.add(v)
        names = (quantity(self.names.get(n, n), time) for n, time in (u, v))
        return called("d", *names)

    # -- arithmetic

    def combine(self, spec: str, a: Text, b: Text) -> Text:
        inputs, out = spec.split("->")
        la, lb = inputs.split(",")
        if not (la and lb) or la == lb == out:
            return multiplied(a, b)
        if _is_matmul(la, lb, out):
            return Text(f"{a.inside(PRODUCT)} @ {b.inside(POWER)}", PRODUCT)
        if len(la) == len(lb) == 1 and out == la + lb:
            return called("np.outer", a, b)
        if (la, lb) == ("ab", "a") and out == la and a.text.startswith("np.eye("):
            return called("np.diag", b)
        return called("np.einsum", f'"{spec}"', a, b)

    def permute(self, spec: str, a: Text) -> Text:
        inner, out = spec.split("->")
        if out == inner[::-1]:
            return Text(f"{a.inside(ATOM)}.T")
        return called("np.einsum", f'"{spec}"', a)

    def eye(self, n: Any) -> Text:
        return Text(f"np.eye({int(n)})")

    def add(self, a: Text, b: Text, sign: int) -> Text:
        return added(a, b, sign)

    def fill(self, a: Text, shape: Any) -> Text:
        return a  # NumPy broadcasts a number

    def spread(self, a: Text, old: Any, new: Any) -> Text:
        return a

    def expand(self, a: Text, axes: list[int]) -> Text:
        return called("np.expand_dims", a, tuple(axes))

    def beside(self, parts: list[Text], sizes: list[Any]) -> Text:
        return called("np.concatenate", f"[{', '.join(map(str, parts))}]", -1)

    def block(self, a: Text, first: int, size: int) -> Text:
        return Text(f"{a.inside(ATOM)}[..., {first}:{first + size}]")

    def same_index(self, i: str, j: str, size: Any) -> Text:
        return Text(str(int(self.free.get(i, 0) == self.free.get(j, 0))))

    def any_array(self, name: str, shape: Any) -> Text:
        return called("np.array", super().any_array(name, shape).tolist())

    def apply(self, body: Any, a: Text) -> Text:
        return elementwise(body, a)

    def softmax(self, a: Text, rank: int) -> Text:
        return called("softmax", a)

    def power(self, a: Text, exponent: Any) -> Text:
        q = sympy.Rational(exponent)
        if q == -1:
            return Text(f"1 / {a.inside(POWER)}", PRODUCT)
        return Text(f"{a.inside(ATOM)} ** {rational(q).inside(ATOM)}", POWER)

    def reduce(self, a: Text, axis: int, rank: int, size: Any = None) -> Text:
        return Text(f"{a.inside(ATOM)}.sum(axis={axis})")

    def sum(self, k: Any, lo: Any, hi: Any, body: Callable[[], Tensor]) -> Tensor:
        low, high = self.at(lo), self.at(hi)
        assert low is not None and high is not None
        terms = self._each(k, range(low, high + 1), body)
        if not terms:
            like = self._each(k, self._somewhere(), body, first=True)[0]
            return replace(like, data=called("np.zeros", like.shape))
        out = terms[0]
        for x in terms[1:]:
            out = replace(out, data=added(out.data, x.data))
        return out

    def _unit(self, like: Tensor) -> Tensor:
        super()._unit(replace(like, data=None))  # says so where there is none
        half = like.shape[: like.left]
        eye = Text(f"np.eye({int(np.prod(half, dtype=int))})")
        return replace(like, data=eye if len(half) == 1 else Text(f"{eye}.reshape{half + half}"))

    def matpow(self, a: Text, n: Any) -> Text:
        times = self.at(n)
        if times is None or times < 0:
            raise OutOfRangeError("a negative power of a matrix")
        return called("np.linalg.matrix_power", a, times)


def _is_matmul(la: str, lb: str, out: str) -> bool:
    """a's last axis with b's first, of vectors and matrices."""
    facing = la[-1] == lb[0] and len(la) <= 2 and len(lb) <= 2
    return facing and out == la[:-1] + lb[1:]


__all__ = ["Source"]
