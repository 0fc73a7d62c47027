"""∂h_t/∂h_k as people write it: one derivative, a product of derivatives, a ∏ of step Jacobians."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from .. import surface as s
from ..judge.judge import Judge
from ..meaning.sums import limits


@dataclass(frozen=True)
class Chain:
    """∂of_end/∂h_start; `of` is the state h, a loss of one step, or the whole loss (end None)."""

    of: str
    end: Any
    start: Any
    is_loss: bool = False


def chain(judge: Judge, node: s.Node) -> Chain | None:
    """What a formula differentiates by the one state of the model, and between which steps."""
    node = s.bare(node)
    states = {d.name for d in judge.system.model.states}
    if len(states) != 1 or any(judge.system.model.lag(name) != 1 for name in states):
        return None
    if isinstance(node, s.Derivative):
        return _derivative(judge, node, states)
    if isinstance(node, s.Big) and node.operator == "prod" and len(node.bounds) == 1:
        j, lo, hi, _ = limits(judge.naming, node.bounds[0])
        one = chain(judge, node.body)
        if one is None or one.is_loss or sympy.expand(one.end - one.start) != 1:
            return None
        return Chain(one.of, one.end.subs(j, hi), one.start.subs(j, lo))
    if isinstance(node, s.Product):
        parts = [chain(judge, x) for x in node.factors]
        out, rest = parts[0], parts[1:]
        for x in rest:  # ∂L_t/∂h_t ∂h_t/∂h_k: each starts where the one before ends
            if out is None or x is None or x.is_loss or sympy.expand(out.start - x.end) != 0:
                return None
            out = Chain(out.of, out.end, x.start, out.is_loss)
        return out
    return None


def _derivative(judge: Judge, node: s.Derivative, states: set[str]) -> Chain | None:
    of, by = s.bare(node.of) if node.of is not None else None, s.bare(node.by)
    if not (isinstance(of, s.Symbol) and isinstance(by, s.Symbol)):
        return None
    p, q = judge.naming.parts(of), judge.naming.parts(by)
    start = q.time
    if start is None and len(q.components) == 1 and p.time is not None:
        start = judge.naming.symbol(q.components[0])  # h_k beside h_t: a step, if nothing else says
    elif q.components:
        return None
    if judge.system.names.get(q.name) not in states or start is None:
        return None
    name = judge.system.names.get(p.name)
    if name in states and p.time is not None and not p.components:
        return Chain(name, p.time, start)
    if name is None and p.letter in judge.system.losses:
        return Chain(p.letter, p.time, start, True)
    return None


def is_spectral(norm: s.Norm) -> bool:
    """‖·‖ and ‖·‖₂: of the others, ‖·‖₁ of the transpose is another number and ‖I‖_F is not 1."""
    return norm.order in (None, s.Number("2"))
