"""A letter: a definition of the author, a gradient, or a quantity of the model."""

from __future__ import annotations

from dataclasses import replace

import sympy

from ... import matrix as mx
from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.tensor import Tensor, tensor
from ..naming import Parts
from .arrays import identity, ones_of
from .choice import LOSSES, NEXT, UnknownError, shorthand_key
from .entries import value
from .frame import Frame
from .gradients import letter_gradient, shape, standing
from .times import moved, renumbered


def symbol(m: Frame, node: s.Symbol) -> Tensor:
    return named(m, m.naming.parts(node), node)


def named(m: Frame, q: Parts, node: s.Symbol | None = None) -> Tensor:
    if (q.name in m.choice.aliases and q.time is None) or (
        q.name,
        q.time,
    ) in m.choice.aliases:
        return _alias(m, q)
    if q.name in m.choice.aliases and q.name not in m.choice.names:
        return _alias(m, q)
    if q.name in m.choice.gradients:
        return letter_gradient(m, q.name, q)
    if q.letter == m.naming.horizon and not q.labels and q.time is None:
        return m.alg.number(mx.T)
    if q.letter == "I" and q.labels and q.labels[0] in m.model.sizes:
        return identity(m, mx.size(q.labels[0]))
    if q.name == "I" and q.time is None and "I" not in m.system.names and m.model.states:
        return identity(m, m.model.states[0].shape[-1])  # beside the Jacobians of a state
    if node is not None and node.letter == "1" and node.sub:
        return ones_of(m, node)
    if q.letter == "1" and "N" in m.model.sizes:
        n = m.alg.size(mx.size("N"))  # the ones that sum a batch
        return tensor(m.alg.fill(m.alg.number(1).data, (n,)), (n,), 1)
    if q.name in m.model.sizes and q.time is None:
        return m.alg.number(mx.size(q.name))
    if q.name in m.probes and q.time is None:
        return _probe(m, q)
    if q.letter in m.system.losses and not q.labels and q.name not in m.model.defined:
        return _loss(m, q)
    if (columns := _columns(m, q)) is not None:
        return columns
    name = m.quantities.find(q)
    if q.time is not None and _reads_ahead(m):
        q = replace(q, time=sympy.sympify(q.time).xreplace({NEXT: mx.t + 1}))
    return value(m, name, m.quantities.time_of(name, q), q)


def _loss(m: Frame, q: Parts) -> Tensor:
    """The value of a loss, where that alone is asked for."""
    if not (m.numbers and m.settles(LOSSES)) or q.components:
        raise UnknownError(q.name, "a loss stands as a number")
    name = "L" if q.time is None else m.model.loss.step.name
    sign = m.system.signs.get(q.letter, 1)
    return tn.scale(m.alg, m.alg.number(sign), tensor(m.alg.var(name, q.time), (), 0))


def _columns(m: Frame, q: Parts) -> Tensor | None:
    """W_{fh} of W_f [h, x]: the columns that multiply h."""
    label = "".join(q.labels)
    if m.system.stack is None or q.time is not None or q.name in m.system.names:
        return None
    for part in m.system.stack[0]:
        whole = replace(q, labels=(label.removesuffix(part),))
        if label.endswith(part) and whole.name in m.system.names:
            matrix, block = value(m, whole.name, None), value(m, f"E_{part}~", None)
            if matrix.shape[-1:] == block.shape[:1]:
                return tn.chained(m.alg, matrix, block)
    return None


def _reads_ahead(m: Frame) -> bool:
    """Whether dc_next is the gradient of step t + 1, so that f_next is the gate of that step."""
    return any(k.endswith("_next") and g.lag == 1 for k, g in m.choice.gradients.items())


def _probe(m: Frame, q: Parts) -> Tensor:
    """λ of λ · ∂u/∂v: any array of the shape of u, as a gradient by u would stand."""
    of = m.probes[q.name]
    sizes = shape(m, of)
    return tensor(m.alg.any_array(q.name, sizes), sizes, standing(m, of), True)


def _alias(m: Frame, q: Parts) -> Tensor:
    at, node, *named = m.choice.aliases[q.name]
    inner = node if at is None or q.time is None else moved(node, at, q.time, m.naming)
    entries = dict(zip(named[0], q.components, strict=True)) if named and q.components else {}
    if any(a != b for a, b in entries.items()):
        inner = renumbered(inner, entries, m.naming)
    m.depth += 1
    if m.depth > 12:
        raise UnknownError(q.name, f"{q.name} is defined by itself")
    try:
        return m.of(inner)
    finally:
        m.depth -= 1


def shorthand(m: Frame, node: s.Shorthand) -> Tensor:
    q = m.naming.parts(node.of)
    key = shorthand_key(node, q)
    if key in m.choice.gradients:
        return letter_gradient(m, key, q)
    if key in m.choice.aliases:
        at, body, *_ = m.choice.aliases[key]
        said = body if at is None or q.time is None else moved(body, at, q.time, m.naming)
        return m.of(said)
    raise UnknownError(key)
