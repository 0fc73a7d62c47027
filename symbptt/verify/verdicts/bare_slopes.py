"""A slope without its argument: f' W for diag(f'(z_t)) W, ∏_j tanh' W_s.

It is taken at the step of the ∏ around it, else at that of the left side.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ... import matrix as mx
from .. import surface as s
from ..forward.drafts import FUNCTIONS
from ..judge.judge import Judge
from ..judge.readings import Condition
from ..judge.statement import Statement
from ..repairs.vocabulary import Vocabulary


def spelled_out(judge: Judge, statement: Statement) -> tuple[Statement, Condition] | None:
    """The statement with every slope at its argument, and what was assumed; None without one."""
    vocabulary = Vocabulary(judge)
    found: list[str] = []

    def change(node: s.Node, time: Any) -> s.Node:
        if isinstance(node, s.Symbol) and node.primes and not node.indices:
            inner = _argument(judge, vocabulary, node.letter, time)
            if inner is not None:
                found.append(node.letter + "'" * node.primes)
                head = replace(node, primes=0)
                return s.Apply(head, (inner,), node.primes, start=node.start, end=node.end)
        if isinstance(node, s.Big) and node.operator == "prod" and node.bounds:
            time = judge.naming.symbol(node.bounds[-1].variable.letter)
        return s.rebuild(node, lambda x: change(x, time))

    time = vocabulary.time_of(statement.left)
    right = change(statement.right, mx.t if time is None else time)
    if not found:
        return None
    words = f"{', '.join(dict.fromkeys(found))} is the slope at its own step's argument"
    return replace(statement, right=right), Condition("M30", words)


def _argument(judge: Judge, vocabulary: Vocabulary, letter: str, time: Any) -> s.Node | None:
    """What the function of that name is applied to in the model, in the author's letters."""
    model, names = judge.system.model, judge.system.names
    for e in model.equations:
        if not isinstance(e.rhs, mx.Apply) or e.lhs.name not in judge.system.pre:
            continue
        if e.rhs.args[0].name in (letter, FUNCTIONS.get(letter)):
            known = vocabulary.symbol_for(judge.system.pre[e.lhs.name], time)
            if known is not None or len(judge.system.pre) > 2:
                return known
            free = next((x for x in "azu" if x not in names), "")
            index = s.Index(str(time), "(", ((str(time), 1),), 0)
            return s.Symbol(free, (), (index,)) if free and time.is_Symbol else None
    return None
