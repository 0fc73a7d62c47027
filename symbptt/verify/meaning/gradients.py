"""The gradient a letter stands for, and a derivative with its axes laid out as the reading says."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from ..algebra import tensor as tn
from ..algebra.numbers import OutOfRangeError
from ..algebra.tensor import Tensor, tensor
from ..naming import Parts
from ..world import FUTURE, IMMEDIATE, TOTAL
from .choice import DENOMINATOR, NEXT, SLOPES, UnknownError
from .entries import entries
from .frame import Frame


def letter_gradient(m: Frame, key: str, q: Parts) -> Tensor:
    g = m.choice.gradients[key]
    if g.loss_first and q.second is not None:
        q = replace(q, time=q.second, second=q.time)
    time = q.time
    d = m.quantities.declaration(g.of)
    if d is None:
        raise UnknownError(g.of)
    copy = None
    if not d.timed:
        copy = time if time is not None else (mx.t if g.scope == "copy" else None)
        if copy is not None:
            copy = sympy.sympify(copy).xreplace({NEXT: mx.t})
        by: Any = (g.of, None)
    else:
        at = m.quantities.time_of(g.of, q)
        by = (g.of, at + g.lag)
        within_the_run(m, by[1])
    out = gradient(m, by, g.scope, copy, q.second)
    if g.factor != 1:
        out = tn.scale(m.alg, m.alg.number(g.factor), out)
    if key in m.choice.turned and out.rank == 1:
        out = tn.transpose(m.alg, out)
    if q.components:
        return entries(m, out, q.components)
    return out


def within_the_run(m: Frame, time: Any) -> None:
    """Where the last step alone has a loss, the gradient of step t is said of t < T where the text
    goes on to t + 1, unless it has what the loss of T itself says. Raises OutOfRangeError behind
    T, but for a step that is written T + 1."""
    if not m.numbers or m.model.loss.over != "last" or m.settles("ends"):
        return
    written = sympy.expand(time - mx.T).is_number
    if not written and m.alg.at(time) > m.alg.world.steps:
        raise OutOfRangeError("behind the last step, whose gradient a line of its own gives")


def gradient(m: Frame, by: Any, scope: str, copy: Any = None, loss: Any = None) -> Tensor:
    """dL/dv with the shape of v."""
    time = by[1]
    kind, of = TOTAL, ("L", None)
    if loss is not None:
        of = (m.model.loss.step.name, loss)
        if m.numbers and time is not None and m.alg.at(time) > m.alg.at(loss):
            raise OutOfRangeError("the loss of a step does not depend on later ones")
    elif scope == "step":
        of = (m.model.loss.step.name, mx.t)
        if m.numbers and time is not None and m.alg.at(time) > m.alg.at(mx.t):
            raise OutOfRangeError("the loss of a step does not depend on later ones")
    elif scope == "now":
        whole = laid(m, of, by, TOTAL, copy)
        later = laid(m, of, by, FUTURE, copy)
        return tn.add(m.alg, whole, later, -1)
    elif scope == "own":
        kind = IMMEDIATE
    elif scope == "future":
        kind = FUTURE
    return laid(m, of, by, kind, copy)


def laid(m: Frame, of: Any, by: Any, kind: str, copy: Any) -> Tensor:
    """The derivative with its axes laid out as the reading says."""
    data = m.alg.derivative(of, by, kind, copy)
    u, v = shape(m, of[0]), shape(m, by[0])
    if not u:
        return tensor(data, v, standing(m, by[0]), True)
    layout = m.settles("layout")
    if layout == SLOPES and of[0] != by[0] and u == v and len(u) == 1:
        if of[1] == by[1] and is_elementwise(m, of[0], by[0]):
            m.used.add("slopes")
            return tensor(tn.diagonal(m.alg, data), u, m.quantities.left(of[0], 1))
    out = replace(tensor(data, u + v, len(u)), pulled=standing(m, by[0]))
    return tn.transpose(m.alg, out) if layout == DENOMINATOR else out


def is_elementwise(m: Frame, of: str, by: str) -> bool:
    """Whether, within one step, entry i of `of` depends on entry i of `by` alone."""
    if of == by:
        return True
    e = m.model.defined.get(of)
    if e is None:
        return False
    reads = [v for v in mx.variables(e.rhs) if v.times == (mx.t,) and _reaches(m, by, v.name)]
    if not reads or e.rhs.atoms(mx.Softmax, mx.Call, mx.Reduce):
        return False
    mixed = {v for x in e.rhs.atoms(mx.MatMul) for v in mx.variables(x)}
    return not mixed & set(reads) and all(is_elementwise(m, v.name, by) for v in reads)


def _reaches(m: Frame, by: str, name: str) -> bool:
    """Whether `name` depends on `by` within one step."""
    if name == by:
        return True
    e = m.model.defined.get(name)
    reads = [] if e is None else [v for v in mx.variables(e.rhs) if v.times == (mx.t,)]
    return any(_reaches(m, by, v.name) for v in reads)


def standing(m: Frame, by: str) -> int:
    """How many axes of a gradient by this quantity are rows."""
    rank = len(shape(m, by))
    if rank == 1:
        return 0 if m.settles("row") != m.quantities.is_row(by) else 1
    return m.quantities.left(by, rank)


def shape(m: Frame, name: str) -> tuple[Any, ...]:
    if name == "L":
        return ()
    d = m.quantities.declaration(name)
    if d is None:
        raise UnknownError(name)
    return tuple(m.alg.size(n) for n in d.shape)
