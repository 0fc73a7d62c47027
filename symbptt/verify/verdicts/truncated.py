r"""A sum over the past that is cut off: \sum_{k=t-\tau+1}^t … for \sum_{k=1}^t ….

The whole sum must be right; the line is then an approximation of a named depth, and exact only
where the depth reaches the first step.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, Line
from ..judge.readings import Condition
from ..judge.statement import Statement
from ..naming import Naming
from ..write import plain


def truncated(
    judge: Judge, line: Line, statement: Statement, settle: Callable[[Judge, Line], None]
) -> bool:
    """Whether the line is right but for the steps that its sum leaves out."""
    cut = whole_sum(statement, judge.naming)
    if cut is None:
        return False
    full, where = cut
    line.true = [x for base in judge.bases(full) for x in judge.plain(full, base)[0]]
    if not line.true:
        return False
    settle(judge, line)
    line.verdict = CONDITIONAL
    words = f"an approximation, the sum from {where} on: exact only where that is the first step"
    line.conditions.append(Condition("M26", words))
    return True


def whole_sum(statement: Statement, naming: Naming) -> tuple[Statement, str] | None:
    """(the statement with the sum over all steps, where it is cut); None where nothing is cut."""
    letters = Counter(_letters(statement.left) + _letters(statement.right))
    found: list[str] = []

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        if not isinstance(node, s.Bound) or node.lower is None:
            return node
        depths = [x for x in set(_letters(node.lower)) if x not in ("t", "T", naming.horizon)]
        mine = Counter(_letters(node.lower))
        if not any(x != naming.main and letters[x] == mine[x] for x in depths):
            return node
        found.append(plain(node.lower))
        return replace(node, lower=s.Number("1"), open_lower=False)

    def sums(node: s.Node) -> s.Node:
        node = s.rebuild(node, sums)
        if isinstance(node, s.Big) and node.operator == "sum":
            bounds = tuple(b for b in map(change, node.bounds) if isinstance(b, s.Bound))
            return replace(node, bounds=bounds)
        return node

    full = replace(statement, left=sums(statement.left), right=sums(statement.right))
    return (full, found[0]) if found else None


def _letters(node: s.Node) -> list[str]:
    """Every letter as often as it stands there, in indices too."""
    out = []
    for n in s.walk(node):
        if isinstance(n, s.Symbol):
            out.append(n.letter)
        elif isinstance(n, s.Index):
            out += n.names
    return out
