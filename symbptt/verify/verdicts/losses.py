"""Whether the loss a text states is the one its lines are judged under.

L = Σ_t L_t and L_t = ½‖o_t − y_t‖² are definitions, and no definition is wrong. But what was
taken from them is a reading, and a line about the loss holds under that loss alone: so each
statement is worked out in the small world and compared with the value the loss has there.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ... import matrix as mx
from ...errors import SymbpttError
from .. import surface as s
from ..algebra.numbers import OutOfRangeError
from ..algebra.tensor import MisfitError
from ..forward.drafts import FUNCTIONS
from ..forward.stated import names_loss
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, PROVED, REFUTED, UNREAD, Line
from ..judge.readings import NOTE, Condition
from ..judge.truth import FALSE, TRUE, UNKNOWN
from ..meaning.choice import LOSSES
from ..meaning.samples import is_over_samples, of_one
from ..world import close

_JUXTAPOSED = ("", "·", "*")
SOME = s.Number("0.72437")


@dataclass(frozen=True)
class Doubt:
    """A statement of a loss that is none of those the lines are judged under; `letter` where only
    lines that name that letter are in doubt."""

    line: Line
    outcome: str
    letter: str = ""


def is_loss(judge: Judge, line: Line) -> bool:
    """L = …, and every link of L = Σ_t L_t = −Σ_t y_t log p_t."""
    left = s.bare(line.claim.head or line.claim.left)
    return (
        isinstance(left, s.Symbol)
        and left.letter in judge.system.losses
        and judge.naming.parts(left).name not in judge.gradients
        and (
            judge.naming.parts(left).name not in judge.system.names
            or judge.naming.parts(left).name == judge.system.model.loss.step.name
        )
    )


def doubted(judge: Judge) -> list[Doubt]:
    """The stated losses that are not the one taken, of each letter that no line defines as it."""
    found: dict[tuple[bool, str], list[Doubt]] = {}
    for line in judge.lines:
        if line.claim.right is None or line.claim.relation not in ("=", ":="):
            continue
        if is_loss(judge, line):
            right = _spelled_out(judge, judge.statement(line).right)
            key = _of_step(judge, line, right), _letter(line)
            found.setdefault(key, []).append(Doubt(line, _outcome(judge, line)))
    true = {key: x.line for key, some in found.items() for x in some[::-1] if x.outcome == TRUE}
    out = []
    for (of_step, letter), some in found.items():
        mine = true.get((of_step, letter))
        others = any(step == of_step for step, _ in true)
        for x in some:
            if x.outcome == FALSE and judge.system.given:
                x.line.message = "another loss than that of the model"
                if letter not in ("L", judge.system.model.loss.step.name):
                    out.append(replace(x, letter=letter))  # J = L + λ‖W‖², and L is the model's
            elif x.outcome == FALSE and mine is not None:
                x.line.message = f"another loss than that of line {mine.claim.id}"
            elif x.outcome != TRUE and mine is None and not judge.system.given:
                out.append(replace(x, letter=letter if others else ""))
    return out


def _letter(line: Line) -> str:
    left = s.bare(line.claim.head or line.claim.left)
    assert isinstance(left, s.Symbol)
    return left.letter


def under_doubt(judge: Judge, doubts: Iterable[Doubt]) -> None:
    """Lines about a loss that is another than the one they were judged under say nothing of it."""
    for doubt in sorted(doubts, key=lambda x: x.outcome != FALSE):
        place = doubt.line.claim.id
        for line in judge.lines:
            if is_loss(judge, line) or not speaks_of_loss(judge, line, doubt.letter):
                continue
            open_ = doubt.outcome == UNKNOWN and NOTE["squared"] not in line.conditions
            if line.verdict in (PROVED, CONDITIONAL) and open_:
                words = f"line {place} states the loss that it is judged under, and not another"
                line.verdict = CONDITIONAL
                line.conditions.append(Condition("M16", words))
            elif line.verdict in (PROVED, CONDITIONAL, REFUTED):
                line.withdraw(UNREAD, f"the loss that line {place} states is not read")


def speaks_of_loss(judge: Judge, line: Line, letter: str = "") -> bool:
    """Whether a line names that loss, or any quantity that depends on which the loss is."""
    sides = [x for x in (line.claim.left, line.claim.right) if x is not None]
    if letter:
        return any(x.letter == letter for side in sides for x in s.symbols(side))
    return any(_is_about(judge, x, frozenset()) for x in sides)


def _is_about(judge: Judge, node: s.Node, seen: frozenset[str]) -> bool:
    """Whether a loss stands in it, or a letter for one of its gradients."""
    for n in s.walk(node):
        if isinstance(n, s.Shorthand) or (isinstance(n, s.Derivative) and n.of is None):
            return True
        if not isinstance(n, s.Symbol):
            continue
        name = judge.naming.parts(n).name
        if n.gradient_like or name in judge.gradients:
            return True
        if n.letter in judge.system.losses and name not in judge.system.names:
            return True
        if name in judge.aliases and name not in seen:
            if _is_about(judge, judge.aliases[name][1], seen | {name}):
                return True
    return False


def _of_step(judge: Judge, line: Line, right: s.Node) -> bool:
    """Whether it is of the loss of a step; L = (h_t − y_t)² is, of the step it names."""
    left = s.bare(line.claim.head or line.claim.left)
    assert isinstance(left, s.Symbol)
    return judge.naming.parts(left).time is not None or bool(_times(judge, line, right))


def _times(judge: Judge, line: Line, right: s.Node) -> list[Any]:
    """The free steps of a statement; m of 1/m Σ_{i=1}^m is a number of samples."""
    free = judge.ground.free_times(replace(judge.statement(line), right=right))
    return [x for x in free if str(x) not in judge.system.model.sizes]


def _outcome(judge: Judge, line: Line) -> str:
    """TRUE where every value of the statement is that of the loss taken, else FALSE or UNKNOWN."""
    right = _spelled_out(judge, judge.statement(line).right)
    if _names_a_function(judge, right):
        return TRUE
    outcome = UNKNOWN
    for each in (right, _entrywise(right)):
        outcome = _compared(judge, line, each)
        if outcome != UNKNOWN:
            break
    return outcome


def _names_a_function(judge: Judge, right: s.Node) -> bool:
    """E = func(o) of a loss of which nothing is known, CE(ŷ_t, y_t) of a cross-entropy, and what
    the forward pass takes for the loss by its name."""
    if names_loss(right):
        return True
    right = s.bare(right)
    if not isinstance(right, s.Apply) or right.head.letter in FUNCTIONS:
        return False
    taken = judge.system.model.defined[judge.system.model.loss.step.name].rhs
    if not isinstance(taken, mx.Call) and not (right.head.letter == "CE" and judge.system.onehot):
        return False
    parts = [judge.naming.parts(x) for x in map(s.bare, right.arguments) if isinstance(x, s.Symbol)]
    read = {judge.system.output, judge.system.logits, "target~"}
    known = {judge.system.names.get(q.name) for q in parts}
    return (
        len({q.time for q in parts}) == 1 and known <= read and len(parts) == len(right.arguments)
    )


def _entrywise(node: s.Node) -> s.Node:
    """−y_t log ŷ_t of two vectors, of which the sum of the entries is meant."""
    node = s.rebuild(node, _entrywise)
    if isinstance(node, s.Product):
        return replace(node, signs=tuple("⊙" if x in _JUXTAPOSED else x for x in node.signs))
    return node


def _spelled_out(judge: Judge, node: s.Node) -> s.Node:
    """A loss as texts write it in the symbols that have a value; a letter of the author's own, λ
    of λ‖W‖², is some number.

    Σ_{i=1}^K over entries without its bounds, Σ_{i=1}^N over samples as one of them, L_t(h_t) as
    L_t, and log p_y as y ⊙ log p, of which the sum of the entries is meant.
    """
    if isinstance(node, s.Apply):
        node = replace(node, arguments=tuple(_spelled_out(judge, x) for x in node.arguments))
    elif isinstance(node, s.Big):
        node = replace(node, body=_spelled_out(judge, node.body))
    elif isinstance(node, s.Symbol):
        return SOME if _is_some_number(judge, node) else node
    else:
        node = s.rebuild(node, lambda x: _spelled_out(judge, x))
    if isinstance(node, s.Big) and node.operator == "sum" and len(node.bounds) == 1:
        return _summed(judge, node, node.bounds[0])
    if isinstance(node, s.Product) and "" in node.signs:
        return _called(judge, node)
    if isinstance(node, s.Apply) and node.head.letter == "log" and len(node.arguments) == 1:
        p = s.bare(node.arguments[0])
        if isinstance(p, s.Symbol) and judge.naming.parts(p).labels == (judge.system.label,):
            kept = tuple(i for i in p.sub if i.text != judge.system.label)
            log = replace(node, arguments=(replace(p, sub=kept),))
            return s.Product((s.Symbol(judge.system.label, kept), log), ("⊙",))
    return node


def _is_some_number(judge: Judge, x: s.Symbol) -> bool:
    own = x.letter in (*judge.system.losses, *judge.naming.names, "1", "I")
    return not own and judge.is_free(x) and not judge.quantities.means(judge.naming.parts(x))


def _summed(judge: Judge, node: s.Big, bound: s.Bound) -> s.Node:
    frame = judge.ground.meaning(judge.base(), {mx.t: 1})
    if is_over_samples(frame, bound, node.body):
        return of_one(bound, node.body)
    entries = {c for x in s.symbols(node.body) for c in judge.naming.parts(x).components}
    if bound.variable.letter in entries:
        bare = replace(bound, lower=None, upper=None, style="bare")
        return replace(node, bounds=(bare,))
    return node


def _called(judge: Judge, node: s.Product) -> s.Node:
    """L_t(h_t) in a product: the loss of that step, and no factor h_t."""
    factors, signs = [node.factors[0]], []
    for sign, x in zip(node.signs, node.factors[1:], strict=True):
        last = factors[-1]
        if sign == "" and isinstance(x, s.Group) and isinstance(last, s.Symbol):
            times = {judge.naming.parts(y).time for y in s.symbols(x)}
            own = judge.naming.parts(last).time
            if last.letter in judge.system.losses and times == {own} and own is not None:
                continue
        factors.append(x)
        signs.append(sign)
    return s.Product(tuple(factors), tuple(signs)) if signs else factors[0]


def _compared(judge: Judge, line: Line, right: s.Node) -> str:
    ground = judge.ground
    of_step = _of_step(judge, line, right)
    base = judge.base(lenient=frozenset({LOSSES}))
    left = s.bare(line.claim.head or line.claim.left)
    assert isinstance(left, s.Symbol)
    sign = judge.system.signs.get(left.letter, 1)
    step = judge.system.model.loss.step.name
    outcome = UNKNOWN
    for times in ground.assignments(_times(judge, line, right), False):
        m = ground.meaning(base, times)
        try:
            time = judge.naming.parts(left).time
            at = (m.alg.at(time) if time is not None else max(times.values())) if of_step else None
            with np.errstate(all="ignore"):
                value = np.sum(np.asarray(m.of(right).data, float))
        except OutOfRangeError:
            continue
        except (MisfitError, SymbpttError, LookupError, ValueError, ArithmeticError):
            return UNKNOWN
        expected = ground.world.values.get((step, at) if of_step else ("L", None))
        if expected is None:
            continue
        if m.components:
            return UNKNOWN
        if not close(value, float(sign) * np.sum(expected)):
            return FALSE
        outcome = TRUE
    return outcome
