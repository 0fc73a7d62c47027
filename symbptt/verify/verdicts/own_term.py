"""A derivative that stands on both sides of its own equation.

∂h_t/∂W = ∂h_t/∂W + ∂h_t/∂h_{t−1} ∂h_{t−1}/∂W     total = immediate + …, in one spelling
∂L/∂h_t = ∂L/∂h_t + ∂L/∂h_{t+1} ∂h_{t+1}/∂h_t
"""

from __future__ import annotations

from dataclasses import replace

from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import PROVED, Line
from ..judge.readings import Condition
from ..judge.statement import Statement
from ..write import plain
from .conditions import immediate


def own_term(judge: Judge, line: Line) -> bool:
    """Whether the line is true where the derivative on its right is the immediate one."""
    left, right = s.bare(line.claim.left), line.claim.right
    if not isinstance(left, s.Derivative) or left.of is None or left.kind not in ("∂", "d"):
        return False
    if right is None or line.claim.relation != "=" or left not in map(s.bare, s.walk(right)):
        return False
    if left.kind == "d" and judge.options.both_signs:
        return False  # the text has ∂ for the immediate one

    def change(node: s.Node) -> s.Node:
        if node == left:
            return replace(left, kind="∂+", start=node.start, end=node.end)
        return s.rebuild(node, change)

    statement = Statement(line.claim.left, change(right))
    for base in judge.bases(statement):
        true, _ = judge.plain(statement, base)
        if true:
            least = min(len(r.kinds) for r in true)
            line.true = [r for r in true if len(r.kinds) == least]
            line.reading, line.verdict = line.true[0], PROVED
            words = f"{plain(left)} is the immediate derivative on the right, the total on the left"
            line.conditions.append(Condition("M30", words))
            line.conditions += immediate(judge, line) if least else []
            return True
    return False
