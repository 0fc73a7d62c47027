"""Every line's verdict, before proofs and repairs."""

from __future__ import annotations

from .. import surface as s
from ..judge.gradient_letters import name_aliases, name_gradients
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, PROVED, Line
from ..judge.numbered import name_again, name_numbers
from ..judge.settle import settle
from ..meaning.choice import atom_key
from ..world import TOTAL
from .agreement import chains, futures, layouts, shares, steps
from .losses import doubted, under_doubt
from .nearest import alternatives, nearest
from .single import one
from .stars import stars


def decide(judge: Judge) -> list[Line]:
    """Every line's verdict, before proofs and repairs."""
    name_gradients(judge)
    name_aliases(judge)
    name_numbers(judge)
    settle(judge)
    name_again(judge)
    nearest(judge)
    alternatives(judge)
    doubts = doubted(judge)
    first = [line for line in judge.lines if _defines_an_atom(judge, line)]
    for line in first:
        one(judge, line)
    _pin(judge, first)
    for line in judge.lines:
        if line not in first:
            one(judge, line)
    chains(judge)
    steps(judge)
    layouts(judge)
    stars(judge)
    futures(judge)
    shares(judge)
    for line in judge.lines:
        if line.verdict == PROVED and line.conditions:
            line.verdict = CONDITIONAL
    under_doubt(judge, doubts)
    return judge.lines


def _defines_an_atom(judge: Judge, line: Line) -> bool:
    left = s.bare(line.claim.left)
    if not isinstance(left, s.Derivative) or line.claim.right is None:
        return False
    return not judge.options.of_loss(left)


def _pin(judge: Judge, lines: list[Line]) -> None:
    """∂h_t/∂W that a line of its own makes total is total everywhere."""
    for line in lines:
        left = s.bare(line.claim.left)
        assert isinstance(left, s.Derivative)
        key = atom_key(left, judge.naming)
        kinds = {r.choice.kinds.get(key) for r in line.true}
        if kinds == {TOTAL} and line.verdict in (PROVED, CONDITIONAL):
            judge.options.pinned[key] = TOTAL
