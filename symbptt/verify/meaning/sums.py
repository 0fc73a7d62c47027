"""Sums: of terms, and Σ and ∏ over steps or over the entries of a vector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from ...indices import poly as p
from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.tensor import MisfitError, Tensor, tensor
from ..naming import Naming
from .arrays import is_size
from .choice import UnknownError
from .frame import Frame
from .products import third_order
from .samples import is_over_samples, of_one, one_sample
from .times import time_value


def sum_of(m: Frame, node: s.Sum) -> Tensor:
    first = s.bare(node.terms[0])
    if isinstance(first, s.Big) and len(node.terms) > 1 and node.signs[0] == "+":
        if m.settles("spread"):
            body = s.Sum((first.body, *node.terms[1:]), ("+", *node.signs[1:]))
            return m.of(replace(first, body=body))
    out: Tensor | None = None
    for sign, term in zip(node.signs, node.terms, strict=True):
        if isinstance(s.bare(term), s.Dots):
            raise UnknownError("…", "an omitted term")
        x = turning(m, term)
        if sign == "±":
            raise UnknownError("±")
        if out is None:
            out = x if sign == "+" else tn.scale(m.alg, m.alg.number(-1), x)
        else:
            out = plus(m, out, x, -1 if sign == "-" else 1)
    assert out is not None
    return out


def turning(m: Frame, node: s.Node) -> Tensor:
    """A term; where it fits no other way and that is assumed, with gradients the other way."""
    try:
        return m.of(node)
    except MisfitError:
        if not m.settles("turn"):
            raise
    saved = m.choice
    m.choice = replace(saved, row=not saved.row)
    try:
        out = m.of(node)
    finally:
        m.choice = saved
    m.used.add("turn")
    return out


def plus(m: Frame, a: Tensor, b: Tensor, sign: int) -> Tensor:
    if {a.rank, b.rank} == {1, 2}:
        wide, thin = (a, b) if a.rank == 2 else (b, a)
        if wide.shape == thin.shape * 2 and m.settles("diag"):
            m.used.add("diag")
            thin = tn.diag(m.alg, thin)
            a, b = (wide, thin) if a is wide else (thin, wide)
    if {a.rank, b.rank} == {1, 3} and m.settles("tensor"):
        wide, thin = (a, b) if a.rank == 3 else (b, a)
        lifted = third_order(m, thin, wide)
        m.used.add("tensor")
        a, b = (wide, lifted) if a is wide else (lifted, wide)
    if a.rank == b.rank == 1 and a.shape == b.shape and a.left != b.left and m.settles("turn"):
        m.used.add("turn")
        b = tn.transpose(m.alg, b)
    return tn.add(m.alg, a, b, sign)


def big(m: Frame, node: s.Big) -> Tensor:
    if node.operator not in ("sum", "prod"):
        raise UnknownError(node.operator)
    return _bounded(m, node, node.bounds)


def _bounded(m: Frame, node: s.Big, bounds: tuple[s.Bound, ...]) -> Tensor:
    if not bounds:
        return m.of(node.body)
    bound, rest = bounds[0], bounds[1:]
    letter = bound.variable.letter
    if node.operator == "sum" and is_over_samples(m, bound, node.body):
        one = replace(node, body=of_one(bound, node.body))
        return one_sample(m, _bounded(m, one, rest))
    if letter not in m.naming.names or _is_component(m, bound, node) or _over_entries(m, bound):
        return _component_sum(m, letter, node, rest)
    k, lo, hi, down = limits(m.naming, bound)
    lo, hi = _with_terms(m, bound, node.body, lo, hi)
    inner = lambda: _bounded(m, node, rest)  # noqa: E731
    if node.operator == "sum":
        return m.alg.sum(k, lo, hi, inner)
    turned = not bound.descending and not down and m.settles("order") == "reversed"
    if turned:
        m.used.add("order")
    return _times_over(m, k, lo, hi, inner, turned or bound.descending or down)


def _times_over(
    m: Frame, k: Any, lo: Any, hi: Any, inner: Callable[[], Tensor], down: bool
) -> Tensor:
    """∏ of matrices in their order; of vectors entry by entry, as of the diagonals they fill."""
    left: list[int] = []

    def factor() -> Tensor:
        x = inner()
        if x.rank != 1:
            return x
        left.append(x.left)
        return tn.diag(m.alg, x)

    out: Tensor = m.alg.prod(k, lo, hi, factor, down)
    if not left:
        return out
    if m.settles("diag"):
        m.used.add("diag")
        return out
    m.used.add("vectors")
    return tensor(m.alg.permute("aa->a", out.data), out.shape[:1], left[0])


def _is_component(m: Frame, bound: s.Bound, node: s.Big) -> bool:
    if bound.lower is not None or bound.upper is not None:
        return False
    letter = bound.variable.letter
    for x in s.symbols(node.body):
        q = m.naming.parts(x)
        if letter in q.components:
            return True
    return False


def _over_entries(m: Frame, bound: s.Bound) -> bool:
    """Σ_{n=1}^{N}: up to a size of the model."""
    return bound.upper is not None and is_size(m, s.bare(bound.upper))


def _component_sum(m: Frame, letter: str, node: s.Big, rest: tuple[s.Bound, ...]) -> Tensor:
    """Σ_i over the entries of a vector, or over the rows of a batch."""
    if node.operator != "sum":
        raise UnknownError(letter)
    if m.numbers:
        return _sum_of_entries(m, letter, lambda: _bounded(m, node, rest))
    inside = _bounded(m, node, rest)
    n = m.components.pop(letter, None)
    if n is None:
        raise UnknownError(letter)
    name = p.Ix("f", f"#{letter}", str(n))

    def entries(slots: Any, bound: Any) -> Any:
        index = p.fresh(str(n))
        return p.bind(p.renamed(inside.data(slots, bound).items(), {name: index}), index)

    return tensor(entries, inside.shape, inside.left, inside.loose)


def _sum_of_entries(m: Frame, letter: str, term: Callable[[], Tensor]) -> Tensor:
    outside = letter in m.alg.needed
    m.alg.free[letter] = 0
    try:
        out = term()
        n = m.components.get(letter)
        if n is None:
            raise UnknownError(letter, f"Σ over {letter}, which stands nowhere below it")
        for i in range(1, int(n)):
            m.alg.free[letter] = i
            out = tn.add(m.alg, out, term())
    finally:
        m.alg.free.pop(letter, None)
        if not outside:
            m.alg.needed.discard(letter)
    m.components.pop(letter, None)
    return out


def limits(naming: Naming, bound: s.Bound) -> tuple[Any, Any, Any, bool]:
    """(variable, lowest, highest, whether it runs downwards)."""
    k = naming.symbol(bound.variable.letter)
    lo = None if bound.lower is None else time_value(naming, bound.lower)
    hi = None if bound.upper is None else time_value(naming, bound.upper)
    if lo is None and hi is None:
        return k, sympy.Integer(1), mx.T, False
    lo = sympy.Integer(1) if lo is None else lo + (1 if bound.open_lower else 0)
    hi = mx.T if hi is None else hi - (1 if bound.open_upper else 0)
    start = sympy.sympify(hi).is_number and hi <= 1  # ∏_{j=k+1}^{3} runs upwards
    down = bool((lo - hi).is_positive) or (start and not sympy.sympify(lo).is_number)
    return (k, hi, lo, True) if down else (k, lo, hi, False)


def _with_terms(m: Frame, bound: s.Bound, body: s.Node, lo: Any, hi: Any) -> tuple[Any, Any]:
    """The steps of a Σ that have a term: nothing is computed at step 0, and what is said without
    bounds of δ_{t+1} h_t starts at h_0."""
    ahead = _ahead(m, m.naming.symbol(bound.variable.letter), body) or 0
    if bound.lower is None and bound.upper is None:
        if ahead > 0:
            m.used.add("span")
        return lo - max(ahead, 0), hi - max(ahead, 0)
    if lo == 0 and hi == mx.T and not ahead:
        m.used.add("from 0")
        lo = sympy.Integer(1)
    return lo, hi


def _ahead(m: Frame, k: Any, body: s.Node) -> int | None:
    """How far ahead of k the earliest gradient of a Σ stands: Σ_t δ_{t+1} h_t starts at h_0."""
    gaps = []
    for n in s.walk(body):
        of: s.Node | None = None
        if isinstance(n, s.Shorthand):
            of = n.of
        elif isinstance(n, s.Derivative) and _of_loss(m, n):
            of = s.bare(n.by)
        elif isinstance(n, s.Symbol) and n.gradient_like:
            of = n
        if isinstance(of, s.Symbol):
            time = m.naming.parts(of).time
            if time is not None and (time - k).is_Integer:
                gaps.append(int(time - k))
    return min(gaps) if gaps else None


def _of_loss(m: Frame, n: s.Derivative) -> bool:
    of = s.bare(n.of) if n.of is not None else None
    return isinstance(of, s.Symbol) and of.letter in m.system.losses
