"""A product whose middle is left out: A_T A_{T−1} ⋯ A_{t+1}."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..algebra.tensor import Tensor
from ..naming import Naming
from .choice import UnknownError
from .frame import Frame
from .times import index_of


def telescoped(m: Frame, node: s.Product, n: int) -> tuple[list[Tensor], list[str]]:
    """The factors and signs of a product in which the dots at n, with the factors beside them,
    are one: the factor before the dots runs to the one behind them."""
    if n < 1 or n + 1 >= len(node.factors):
        raise UnknownError("⋯", "dots at an end")
    first, last = node.factors[n - 1], node.factors[n + 1]
    where = _travel(first, last, m.naming)
    if where is None:
        raise UnknownError("⋯", "what the dots stand for is not clear")
    body, k, start, end, down = where
    step = 1 if down else -1
    before, behind = n - 1, n + 2  # A_t A_{t-1} ⋯: every factor written out is one of the same ∏
    while before and _gap(node.factors[before - 1], node.factors[before], m.naming) == step:
        before, start = before - 1, start + step
    while behind < len(node.factors) and (
        _gap(node.factors[behind - 1], node.factors[behind], m.naming) == step
    ):
        behind, end = behind + 1, end - step
    lo, hi = (end, start) if down else (start, end)
    big = m.alg.prod(k, lo, hi, lambda: m.of(body), down)
    values = [m.of(x) for x in node.factors[:before]] + [big]
    values += [m.of(x) for x in node.factors[behind:]]
    signs = [*node.signs[:before], *node.signs[behind - 1 :]]
    return values, signs[: len(values) - 1]


def _travel(first: s.Node, last: s.Node, naming: Naming) -> Any:
    """(body in k, k, start, end, downwards) of the factors between two that differ by a shift."""
    gap = _gap(first, last, naming)
    if gap is None:
        return None
    k = mx.time_symbol("m~")
    free = sorted(sympy.sympify(gap).free_symbols, key=str)
    if not free:
        return None
    # first = A(start), last = A(start − gap): replace the time of the last by k in it
    dated = [x for x in s.symbols(last) if naming.parts(x).time is not None]
    times = [naming.time(i) for x in dated for i in x.indices if i.terms or i.terms == ()]
    if not times:
        return None
    anchor = times[0]
    body = _anchored(last, anchor, k, naming)
    start, end = anchor + gap, anchor
    return body, k, start, end, True if _later(start, end) else False


def _gap(first: s.Node, last: s.Node, naming: Naming) -> Any:
    """By how many steps two factors that are otherwise alike are apart; None where they are not."""
    gaps = set()

    def compare(a: Any, b: Any) -> bool:
        if isinstance(a, s.Index) and isinstance(b, s.Index):
            if a.terms is None or b.terms is None:
                return bool(a.text == b.text)
            x, y = naming.time(a), naming.time(b)
            if x != y:
                gaps.add(sympy.expand(x - y))
            return True
        if type(a) is not type(b):
            return False
        left, right = list(s.children(a)), list(s.children(b))
        if isinstance(a, s.Symbol) and (a.letter != b.letter or a.marks != b.marks):
            return False
        return len(left) == len(right) and all(map(compare, left, right))

    return gaps.pop() if compare(first, last) and len(gaps) == 1 else None


def _later(a: Any, b: Any) -> bool:
    gap = sympy.expand(a - b)
    return bool(gap.coeff(mx.T) > 0 or (gap.coeff(mx.T) == 0 and gap.coeff(mx.t) > 0))


def _anchored(node: s.Node, anchor: Any, k: Any, naming: Naming) -> s.Node:
    def moved(n: s.Index) -> s.Index:
        return replace(
            index_of(n, k + naming.time(n) - anchor, naming),
            terms=(("m~", 1),),
            shift=int(naming.time(n) - anchor),
        )

    def change(n: s.Node) -> s.Node:
        if isinstance(n, s.Index) and n.terms:
            return moved(n)
        if isinstance(n, s.Symbol) and (time := naming.parts(n).time) is not None:
            if sympy.sympify(time).is_number:  # ∂h_2/∂h_1, the last of them
                of = lambda i: moved(i) if i.terms == () else i  # noqa: E731
                return replace(n, sub=tuple(map(of, n.sub)), sup=tuple(map(of, n.sup)))
        return s.rebuild(n, change)

    return change(node)
