"""Parts side by side, indicators, cases and entries."""

from __future__ import annotations

from typing import Any

import sympy

from ... import matrix as mx
from ...matrix.functions import Z
from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.tensor import MisfitError, Tensor, tensor
from ..naming import Parts
from .arrays import beside, full, is_shape, part, stated_sizes
from .choice import UnknownError
from .entries import entries, same_index, value
from .frame import Frame
from .times import time_value

INDEX_LETTERS = frozenset("ijklmnpqr")


def stack(m: Frame, node: s.Stack) -> Tensor:
    items = [x for row in node.rows for x in row]
    if m.system.stack is None:
        return beside(m, [m.of(x) for x in items])
    names, stack = m.system.stack
    found = []
    times = []
    if not all(isinstance(s.bare(x), s.Symbol) for x in items):
        if node in m.system.stacks:
            return value(m, m.system.stacks[node], mx.t)
        return _of_expressions(m, items, names)
    for x in items:
        inner = s.bare(x)
        assert isinstance(inner, s.Symbol)
        q = m.naming.parts(inner)
        name = m.quantities.find(q)
        found.append(name)
        times.append(m.quantities.time_of(name, q))
    if tuple(found) != tuple(names):
        raise UnknownError("[…]", "the stack has other entries or another order")
    base = m.model.defined[stack].rhs
    lags = {v.name: v.time - mx.t for v in mx.variables(base) if v.times}
    at = {t - lags[n] for n, t in zip(found, times, strict=True)}
    if len(at) != 1:
        raise MisfitError("the entries of the stack are of different steps")
    return value(m, stack, at.pop())


def _of_expressions(m: Frame, items: list[s.Node], names: tuple[Any, ...]) -> Tensor:
    """[r ⊙ h, x]: an expression takes the block of the entry that stands in its place elsewhere."""
    own = []
    for x in map(s.bare, items):
        named = m.quantities.find(m.naming.parts(x)) if isinstance(x, s.Symbol) else ""
        own.append(named if named in names else "")
    free = [n for n in names if n not in own]
    if len(items) != len(names) or own.count("") != len(free):
        raise UnknownError("[…]", "the stack has other entries")
    out: Tensor | None = None
    for x, name in zip(items, own, strict=True):
        at = value(m, f"E_{name or free.pop(0)}~", None)
        term = tn.chained(m.alg, at, m.of(x))
        out = term if out is None else tn.add(m.alg, out, term)
    assert out is not None
    return out


def block(m: Frame, x: Tensor, shape: tuple[Any, ...]) -> Tensor:
    """The entries of W^T δ that belong to one of the two that W [h, x] stacks."""
    for name, _ in [] if m.system.stack is None else zip(m.system.stack[0], "ab", strict=False):
        at = value(m, f"E_{name}~", None)  # the author writes W for its columns there
        if at.shape == (*x.shape, *shape):
            m.used.add("block")
            return tn.chained(m.alg, tn.transpose(m.alg, at), x)
    raise MisfitError(f"the left side is ({shape[0]}×1), the right side {x.show_shape()}")


def indicator(m: Frame, node: s.Indicator) -> Tensor:
    inner = s.bare(node.of)
    if is_shape(m, inner):
        return full(m, 1, stated_sizes(m, (inner,)))
    if isinstance(inner, s.Relation) and inner.relation == "=":
        sides = s.bare(inner.left), s.bare(inner.right)
        found = _same_index(m, *sides) or _same_time(m, *sides)
        if found is not None:
            return found
    if isinstance(inner, s.Relation) and inner.relation in (">", "≥", "<", "≤"):
        return _where(m, inner)
    label = value(m, "target~" if "target~" in m.model.table else "", mx.t)
    if isinstance(inner, s.Symbol):
        q = m.naming.parts(inner)
        try:
            name = m.quantities.find(q)
        except UnknownError:  # 1_{k_t}: a class of which nothing else is said is the label's
            if not _onehot_label(m):
                raise
            name = "target~"
        return value(m, name, m.quantities.time_of(name, q))
    if isinstance(inner, s.Relation) and inner.relation == "=":
        i, y = s.bare(inner.left), s.bare(inner.right)
        if isinstance(i, s.Symbol) and isinstance(y, s.Symbol):
            q = m.naming.parts(y)
            name = m.quantities.find(q)
            return entries(m, value(m, name, m.quantities.time_of(name, q)), (i.letter,))
    raise UnknownError("1", f"an indicator of {label.show_shape()}")


def _where(m: Frame, node: s.Relation) -> Tensor:
    """1[z > 0], the slope of relu: whether each entry is positive, or is not."""
    if s.bare(node.right) != s.Number("0"):
        raise UnknownError("1", "an indicator of anything but a sign")
    x = m.of(node.left)
    turned = x if node.relation in (">", "≥") else tn.scale(m.alg, m.alg.number(-1), x)
    return tn.elementwise(m.alg, sympy.diff(mx.builtin("relu").body, Z), turned)


def _same_index(m: Frame, i: s.Node, j: s.Node) -> Tensor | None:
    """[i = j] of two named indices, 1 where they are one."""
    if not (isinstance(i, s.Symbol) and isinstance(j, s.Symbol)) or i.indices or j.indices:
        return None
    if not {i.letter, j.letter} <= INDEX_LETTERS:
        return None
    if m.numbers or {i.letter, j.letter} & set(m.components):
        return same_index(m, i.letter, j.letter)
    return None


def _same_time(m: Frame, i: s.Node, j: s.Node) -> Tensor | None:
    """[t = T], 1 at the last step."""
    letters = [*s.symbols(i), *s.symbols(j)]
    if not letters or any(x.indices or x.letter not in m.naming.names for x in letters):
        return None
    times = (time_value(m.naming, x) for x in (i, j))
    return tensor(m.alg.same_time(*times), (), 0)


def entry(m: Frame, node: s.Entry) -> Tensor:
    if isinstance(node.of, s.Number):  # 0_{N × 3 H}
        return full(m, sympy.Rational(node.of.text), stated_sizes(m, node.items))
    return part(m, m.of(node.of), node.items)


def cases(m: Frame, node: s.Cases) -> Tensor:
    """{p_i if i ≠ c; p_i − 1 if i = c}, where c is the class of the label."""
    values: dict[str, Tensor] = {}
    letter = ""
    for branch, condition in node.branches:
        inner = s.bare(condition)
        if not isinstance(inner, s.Relation) or inner.relation not in ("=", "≠"):
            raise UnknownError("cases")
        i = s.bare(inner.left)
        if not isinstance(i, s.Symbol):
            raise UnknownError("cases")
        letter = i.letter
        values[inner.relation] = m.of(branch)
    if set(values) != {"=", "≠"} or not _onehot_label(m):
        raise UnknownError("cases")
    q = Parts(m.system.label)
    hot = entries(m, value(m, "target~", m.quantities.time_of("target~", q)), (letter,))
    gap = tn.add(m.alg, values["="], values["≠"], -1)
    return tn.add(m.alg, values["≠"], tn.hadamard(m.alg, gap, hot))


def _onehot_label(m: Frame) -> bool:
    d = m.model.table.get("target~")
    return d is not None and d.classes is not None
