"""A * for the matrix product in a text that writes it for the product of entries."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import PROVED, Line
from ..judge.readings import Condition

_WORDS = "the * stands for the matrix product here, elsewhere for the product of entries"


def stars(judge: Judge) -> None:
    """δ * U^⊤ beside (δ U^⊤) * h: the one that reads * otherwise than the text does."""
    matrix: list[Line] = []
    entries = beside = 0
    for line in judge.lines:
        for side in (line.claim.left, line.claim.right):
            for a, sign, b in _pairs(side) if side is not None else ():
                weight = _is_weight(judge, a) or _is_weight(judge, b)
                if sign == "*" and weight:
                    matrix += [] if line in matrix else [line]
                elif sign == "*":
                    entries += _is_value(judge, a) and _is_value(judge, b)
                else:
                    beside += weight and sign != "⊙"
    if beside < 2 or entries < 2 or len(matrix) > 1:
        return
    for line in matrix:
        if line.verdict == PROVED:
            line.conditions.append(Condition("M18", _WORDS))


def _pairs(node: s.Node) -> Iterator[tuple[s.Node, str, s.Node]]:
    for n in s.walk(node):
        if isinstance(n, s.Product):
            for (a, b), sign in zip(pairwise(n.factors), n.signs, strict=True):
                yield s.bare(a), sign, s.bare(b)


def _is_weight(judge: Judge, node: s.Node) -> bool:
    """W or W^⊤, a parameter with two axes."""
    if isinstance(node, s.Transpose) or (isinstance(node, s.Power) and "transpose" in node.may_be):
        node = s.bare(node.base)
    if not isinstance(node, s.Symbol):
        return False
    name = judge.system.names.get(judge.naming.parts(node).name, "")
    d = judge.system.model.table.get(name)
    return d is not None and d.role == "param" and len(d.shape) == 2


def _is_value(judge: Judge, node: s.Node) -> bool:
    """What has a time, or a bracket of such: no number."""
    named = (x for n in s.walk(node) for x in s.symbols(n))
    return any(judge.naming.is_timed(x) for x in named)
