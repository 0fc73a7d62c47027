"""One forward equation taken into the builder; σ(·) of a gate is filled in with the usual form."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..naming import Parts
from .builder import Builder
from .drafts import FUNCTIONS, Draft, Size


def define(b: Builder, left: s.Symbol, right: s.Node, shared: bool = False) -> None:
    """left = right; one right side `shared` by several gates has weights for each."""
    q = b.naming.parts(left)
    if q.time is None and q.name in b.moving:
        q = replace(q, time=mx.t)
    if q.time is None:
        q = replace(q, time=_latest(b, right))
        if q.time is not None:
            (b.at_end if q.time == mx.T else b.moving).add(q.name)
    if q.time is None or q.name in b.defined or q.components:
        return
    b.suffix = f"_{q.labels[-1]}" if shared and q.labels else ""
    time = q.time
    if sympy.sympify(time).is_number:
        return
    body = s.bare(right)
    draft = (
        _gate(b, q, body)
        if isinstance(body, s.Apply) and isinstance(s.bare(body.arguments[0]), s.Dots)
        else b.build(right)
    )
    b.variable(q)
    mine = b.sizes[q.name]
    if len(mine) != draft.rank:
        b.sizes[q.name] = mine = draft.sizes
    for known, found in zip(mine, draft.sizes, strict=True):
        known.join(found)
    if draft.row is not None and draft.rank == 1:
        (b.rows if draft.row else b.columns).add(q.name)
    b.defined[q.name] = (draft, time)
    b.order.append(q.name)


def _latest(b: Builder, right: s.Node) -> Any:
    """The step of a value written without one: that of what it is computed from.

    z = W h_{t−1} + U x_t is of step t, ŷ = softmax(W h_T) of the last one.
    """
    times = set()
    for q in (b.naming.parts(x) for x in s.symbols(right)):
        own = mx.T if q.name in b.at_end else mx.t if q.name in b.moving else None
        times.add(own if q.time is None else q.time)
    times = {mx.T if x == b.steps else x for x in times - {None}}
    if times == {mx.T}:
        return mx.T
    return mx.t if mx.t in times and times <= {mx.t, mx.t - 1} else None


def _gate(b: Builder, q: Parts, body: s.Apply) -> Draft:
    """σ(·) of a gate: W [h, x] + b, or W_h h + W_x x + b where the author has two weights."""
    fn = mx.builtin(FUNCTIONS.get(body.head.letter, "sigmoid"))
    gate = q.labels[-1] if q.labels else q.letter
    out = Size()
    hidden, given = _hidden(b)
    split = _weights(b, gate, hidden, given)
    if split:
        pieces = []
        for matrix, vector in split:
            pieces.append(b.times(_param(b, matrix, 2), b.variable(vector), ""))
    else:
        stacked = b.stacked([b.variable(hidden), b.variable(given)])
        pieces = [b.times(_param(b, _weight(b, gate, q), 2), stacked, "")]
    for x in pieces:
        x.sizes[0].join(out)
    bias = _param(b, f"b_{gate}", 1)
    bias.sizes[0].join(out)
    b.filled.append(f"{q.name}(·) reads the previous output, the input and a bias")

    def make() -> mx.Node:
        return mx.Apply(fn, mx.plus(*(x.make() for x in pieces), bias.make()))

    return Draft([out], make, False)


def _param(b: Builder, name: str, rank: int) -> Draft:
    if name not in b.sizes:
        b.sizes[name] = [Size() for _ in range(rank)]
        b.timed[name] = False
        b.params.setdefault(name)
    sizes = b.sizes[name]
    return Draft(sizes, lambda: mx.Var(name, tuple(d.symbol() for d in sizes)), None, name)


def _hidden(b: Builder) -> tuple[Parts, Parts]:
    letter = b.final or "h"
    return Parts(letter, time=mx.t - 1), Parts("x", time=mx.t)


def _weight(b: Builder, gate: str, q: Parts) -> str:
    for x in b.every:
        p = b.naming.parts(x)
        if p.letter in "WwU" and p.time is None and p.labels and p.labels[-1] == gate:
            return p.name
    return f"W_{gate}"


def _weights(b: Builder, gate: str, hidden: Parts, given: Parts) -> list[tuple[str, Parts]]:
    """The author's W_{gh}, W_{gx} in either order of letters."""
    found: dict[str, str] = {}
    for x in b.every:
        p = b.naming.parts(x)
        label = "".join(p.labels)
        if p.letter not in "WwU" or len(label) < 2:
            continue
        for other in ("h", "x"):
            names = (gate, "c") if gate == "g" else (gate,)
            if any(label in (g + other, other + g) for g in names):
                found[other] = p.name
    if not found and not any(
        len("".join(b.naming.parts(x).labels)) == 2
        and b.naming.parts(x).letter in "Ww"
        and set("".join(b.naming.parts(x).labels)) & {"h", "x"}
        for x in b.every
    ):
        return []
    matrices = {o: found.get(o, f"W_{gate}{o}") for o in ("h", "x")}
    return [(matrices["h"], hidden), (matrices["x"], given)]
