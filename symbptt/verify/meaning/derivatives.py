"""∂of/∂by as written: what is differentiated, by what, in which sense."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from ...indices.poly import Ix
from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.numbers import OutOfRangeError
from ..algebra.tensor import MisfitError, Tensor, tensor
from ..naming import Parts
from ..world import DIRECT, IMMEDIATE, TOTAL
from .choice import DENOMINATOR, UnknownError, atom_key
from .entries import entries
from .frame import Frame
from .gradients import laid, shape, within_the_run
from .times import time_value


def derivative(m: Frame, node: s.Derivative) -> Tensor:
    if node.of is None:
        raise UnknownError("∂", "a derivative of nothing")
    said = s.bare(node.of)
    of_itself = isinstance(said, s.Apply) and [*map(s.bare, said.arguments)] == [s.bare(node.by)]
    if isinstance(said, s.Apply) and of_itself and said.head.letter not in m.system.losses:
        return m.of(replace(said, primes=said.primes + 1))  # d tanh(x)/dx, the slope at x
    place = s.bare(node.by)
    if isinstance(place, s.Number) and isinstance(said, s.Apply):
        return _by_argument(m, said, place)
    of, of_parts, direct = target(m, node.of)
    by_node = s.whole(node.by)
    if isinstance(by_node, s.Transpose | s.Power):
        by_node = s.bare(by_node.base)
    if not isinstance(by_node, s.Symbol):
        raise UnknownError("∂", "a derivative by an expression")
    q = m.naming.parts(by_node)
    q = replace(q, components=q.components or _entry_letters(node.by))
    is_loss = q.letter in m.system.losses and q.name not in m.system.names
    name = m.model.loss.step.name if is_loss and q.time is not None else m.quantities.find(q)
    d = m.quantities.declaration(name)
    copy = None
    if d.timed:
        by: Any = (name, _argument_time(m, node.of, q) or m.quantities.time_of(name, q))
        _reaches(m, of, by)
    else:
        by, copy = (name, None), q.time
    kind = TOTAL
    if node.kind == "∂+":
        kind = m.settles(f"∂ {atom_key(node, m.naming)}") or IMMEDIATE
    elif direct:
        kind = DIRECT
    else:
        kind = m.settles(f"∂ {atom_key(node, m.naming)}") or TOTAL
    nabla = node.kind == "∇"
    out = _laid_as(m, of, by, kind, copy, nabla)
    sign = m.system.signs.get(said.letter, 1) if isinstance(said, s.Symbol) else 1
    if sign != 1:
        out = tn.scale(m.alg, m.alg.number(sign), out)
    if of_parts is not None and of_parts.components:
        out = _component(m, of, by, kind, copy, of_parts, q)
    elif q.components:
        if of[0] != "L" and shape(m, of[0]):
            raise MisfitError("an index on one half of a Jacobian")
        out = entries(m, out, q.components)
    for factor, up in ((node.above, True), (node.below, False)):
        if factor is not None:
            x = m.of(factor)
            if not up:
                x = tensor(m.alg.power(x.data, -1), (), 0)
            out = tn.scale(m.alg, x, out)
    return out


def _by_argument(m: Frame, node: s.Apply, place: s.Number) -> Tensor:
    """∂₁l(o_t, y_t): the slope of an unknown function by its first argument, at those given."""
    head = node.head.letter
    calls = [c for e in m.model.equations for c in e.rhs.atoms(mx.Call) if c.name == head]
    if not calls:
        raise UnknownError(head, f"the function {head} is not known")
    formal = calls[0].args[1]
    if len(formal) != len(node.arguments) or not 0 < float(place.text) <= len(formal):
        raise UnknownError(head, f"{head} is a function of {len(formal)} arguments")
    args = [m.of(x) for x in node.arguments]
    for x, v in zip(args, formal, strict=True):
        if x.shape != tuple(m.alg.size(n) for n in v.shape):
            raise MisfitError(f"{x.show_shape()} is no argument of {head}")
    n = int(place.text) - 1
    u, v = tuple(m.alg.size(k) for k in calls[0].shape), args[n].shape
    data = m.alg.slope_of_call(head, n, args, u)
    if not u:
        return tensor(data, v, _as_gradient(m, args[n]), True)
    out = replace(tensor(data, u + v, len(u)), pulled=_as_gradient(m, args[n]))
    return tn.transpose(m.alg, out) if m.settles("layout") == DENOMINATOR else out


def _as_gradient(m: Frame, x: Tensor) -> int:
    """How many axes of a gradient by x are rows."""
    return x.left if x.rank != 1 else 0 if m.settles("row") != (x.left == 0) else 1


def _reaches(m: Frame, of: Any, by: Any) -> None:
    """∂L_t/∂z_{k+1} is said of the steps up to t. Raises OutOfRangeError beyond."""
    if of == ("L", None):
        within_the_run(m, by[1])
    if not m.numbers or of[0] != m.model.loss.step.name or of[1] is None:
        return
    apart = sympy.expand(of[1] - by[1]).free_symbols
    if apart and m.alg.at(by[1]) > m.alg.at(of[1]):
        raise OutOfRangeError("the loss of a step does not depend on later ones")


def _entry_letters(node: s.Node) -> tuple[str, ...]:
    inner = s.bare(node)
    items = map(s.bare, inner.items) if isinstance(inner, s.Entry) else ()
    letters = [x.letter if isinstance(x, s.Symbol) and not x.indices else "" for x in items]
    return tuple(letters) if all(letters) else ()


def _argument_time(m: Frame, of: s.Node, q: Parts) -> Any:
    """∂_h f(x_t, h_{t−1}, w): by the argument of that letter, at its time."""
    inner = s.bare(of)
    if q.time is not None or not isinstance(inner, s.Apply):
        return None
    parts = [m.naming.parts(x) for x in map(s.bare, inner.arguments) if isinstance(x, s.Symbol)]
    times = {p.time for p in parts if p.name == q.name and p.time is not None}
    return times.pop() if len(times) == 1 else None


def _laid_as(m: Frame, of: Any, by: Any, kind: str, copy: Any, nabla: bool) -> Tensor:
    if not nabla:
        return laid(m, of, by, kind, copy)
    saved = m.choice
    m.choice = replace(saved, row=m.settles("nabla"))
    try:
        return laid(m, of, by, kind, copy)
    finally:
        m.choice = saved


def _component(m: Frame, of: Any, by: Any, kind: str, copy: Any, q: Parts, r: Parts) -> Tensor:
    """∂h_i/∂W or ∂h_i/∂h_j: rows of a Jacobian."""
    u, v = shape(m, of[0]), shape(m, by[0])
    data = m.alg.derivative(of, by, kind, copy)
    x = tensor(data, u + v, len(u))
    if r.components:
        return entries(m, x, q.components + r.components)
    for c, n in zip(q.components, u, strict=True):
        m.components.setdefault(c, n)
    left = m.quantities.left(by[0], len(v))
    if m.numbers:
        at = tuple(map(m.alg.index, q.components))
        return tensor(x.data[at], v, left, True)
    first = tuple(Ix("f", f"#{c}", str(n)) for c, n in zip(q.components, u, strict=True))
    return tensor(lambda slots, bound: x.data((*first, *slots), bound), v, left, True)


def target(m: Frame, node: s.Node) -> tuple[Any, Parts | None, bool]:
    """What is differentiated: ((name, time), its parts, whether by its own equation only)."""
    letters = _entry_letters(node)
    node = s.whole(node)
    if isinstance(node, s.Symbol):
        q = m.naming.parts(node)
        q = replace(q, components=q.components or letters)
        if q.letter in m.system.losses and q.name not in m.system.names:
            if q.time is None and q.labels and q.labels[0].isdigit():
                at = sympy.Integer(q.labels[0])  # E_3
                return (m.model.loss.step.name, at), None, False
            if q.time is None and "i" not in q.labels:
                return ("L", None), None, False
            return (m.model.loss.step.name, q.time), None, False
        name = m.quantities.find(q)
        return (name, m.quantities.time_of(name, q)), q, False
    if isinstance(node, s.Apply):
        return called(m, node)
    raise UnknownError("∂", "a derivative of an expression")


def called(m: Frame, node: s.Apply) -> tuple[Any, Parts | None, bool]:
    """f(x_t, h_{t-1}, w): the quantity that f computes, at the step its arguments name."""
    head = node.head.letter
    if head in m.system.losses or _is_loss_call(m, head):
        return (m.model.loss.step.name, loss_time(m, node)), None, False
    for e in m.model.equations:
        if isinstance(e.rhs, mx.Call) and e.rhs.name == head:
            return (e.lhs.name, _step_of_call(m, node, e.rhs.args[1])), None, True
    raise UnknownError(head)


def loss_time(m: Frame, node: s.Apply) -> Any:
    """The step of ℓ(o_t, y_t) and of L(t + 1); ℓ(o_t, y_{t−1}) is the loss of none."""
    if len(node.arguments) == 1 and _is_time(m, node.arguments[0]):
        return time_value(m.naming, node.arguments[0])
    times = set(_times_of(m, node.arguments))
    if len(times) != 1:
        raise UnknownError(node.head.letter, "no loss of the model has these arguments")
    return times.pop()


def _times_of(m: Frame, arguments: Sequence[s.Node]) -> Iterator[Any]:
    """The steps of what a loss is a function of."""
    for inner in map(s.bare, arguments):
        if isinstance(inner, s.Symbol):
            q = m.naming.parts(inner)
            if not m.quantities.means(q):
                yield from () if q.time is None else (q.time,)
                continue
            name = m.quantities.find(q)
            if m.quantities.declaration(name).timed:
                yield m.quantities.time_of(name, q)


def _step_of_call(m: Frame, node: s.Apply, formals: Sequence[Any]) -> Any:
    """The step at which an equation has these arguments: f(x_t, h_{t−2}) stands in none."""
    said = [_value_said(m, x) for x in map(s.bare, node.arguments)]
    timed = [(name, time) for name, time in said if time is not None]
    reads = [(v.name, v.time) for v in formals if isinstance(v, mx.Var) and v.times]
    known = {name for name, _ in said} - {None}
    if not known <= {v.name for v in formals if isinstance(v, mx.Var)}:
        raise UnknownError(node.head.letter, "no equation of the model has these arguments")
    if {name for name, _ in timed} <= {name for name, _ in reads}:  # in whatever order
        timed.sort(key=lambda pair: str(pair[0]))
        reads.sort(key=lambda pair: pair[0])
    steps = {
        sympy.expand(at - time + mx.t) for (_, at), (_, time) in zip(timed, reads, strict=False)
    }
    if len(steps) > 1:
        raise UnknownError(node.head.letter, "no equation of the model has these arguments")
    return steps.pop() if steps else mx.t


def _value_said(m: Frame, x: s.Node) -> tuple[str | None, Any]:
    """The value that an argument is, and its time: of h_{t−1}, and of g(h_t, w)."""
    if isinstance(x, s.Symbol):
        q = m.naming.parts(x)
        return m.system.names.get(q.name), q.time
    if isinstance(x, s.Apply):
        (name, time), _, _ = called(m, x)
        return name, time
    raise UnknownError("f", "an argument that is no value of the model")


def _is_time(m: Frame, node: s.Node) -> bool:
    return all(
        isinstance(n, s.Sum | s.Number | s.Group)
        or (isinstance(n, s.Symbol) and n.letter in m.naming.names and not n.indices)
        for n in s.walk(node)
    )


def _is_loss_call(m: Frame, head: str) -> bool:
    rhs = m.model.defined[m.model.loss.step.name].rhs
    return any(c.name == head for c in rhs.atoms(mx.Call))


def evaluated(m: Frame, node: s.Evaluated) -> Tensor:
    r"""\frac{\partial L}{\partial W}\Big|_t: the derivative by the W of step t."""
    of, at = s.bare(node.of), s.bare(node.at)
    by = s.bare(of.by) if isinstance(of, s.Derivative) else None
    if not isinstance(of, s.Derivative) or not isinstance(by, s.Symbol):
        raise UnknownError("|", "a bar behind what is no derivative")
    if not isinstance(at, s.Symbol) or at.indices or at.letter not in m.naming.names:
        raise UnknownError("|", "where this is evaluated is not understood")
    step = s.Index(at.letter, "(", ((at.letter, 1),), 0)
    return derivative(m, replace(of, by=replace(by, sup=(*by.sup, step))))
