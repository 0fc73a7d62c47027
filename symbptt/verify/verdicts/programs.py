"""Lines of a program that are no equations: a loop's header, an array changed in place."""

from __future__ import annotations

from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, DEFINITION, PROVED, Line
from ..judge.readings import Condition
from ..judge.truth import Statement
from ..program import loop_of, truncated
from ..write import plain


def program(judge: Judge, line: Line) -> bool:
    """Whether the line is such a line; it has its verdict then."""
    if line.claim.notation != "plain":
        return False
    return _loop(line) or _in_place(judge, line)


def _loop(line: Line) -> bool:
    """A loop over max(0, t − K)..t takes K jumps back: a truncated sum."""
    loop = loop_of(line.claim)
    if loop is None:
        return False
    depth = truncated(loop)
    if depth is None:
        line.verdict = DEFINITION
        return True
    k = plain(depth)
    words = f"truncated: {k} jumps back, {k} + 1 steps in all; exact only for {k} ≥ T - 1"
    line.verdict = CONDITIONAL
    line.conditions.append(Condition("M26", words))
    return True


def _in_place(judge: Judge, line: Line) -> bool:
    """d = o; d[arange(n), y] -= 1: o minus the one-hot label, and o itself is overwritten."""
    pair = _pair(judge, line)
    if pair is None:
        return False
    first, second = pair
    statement = _combined(first, second)
    if statement is None or first.right is None:
        return False
    other = s.bare(first.right)
    assert isinstance(other, s.Symbol)
    q = judge.naming.parts(other)
    names = [None] if q.name in judge.system.names else [None, *judge.system.model.defined]
    for name in names:
        base = judge.base() if name is None else judge.base(names={q.name: name})
        true, _ = judge.plain(statement, base)
        if not true:
            continue
        left = plain(first.left)
        words = f"{left} is {plain(other)} itself: changing it in place overwrites {plain(other)}"
        if name is not None:
            words += f", which must be {name}"
        line.true, line.reading, line.verdict = true, true[0], PROVED
        line.conditions.append(Condition("M22", words))
        return True
    return False


def _pair(judge: Judge, line: Line) -> tuple[s.Claim, s.Claim] | None:
    """The line and its neighbour: X = Y, then X[…] -= 1."""
    n = judge.lines.index(line)
    for i in (n, n - 1):
        if 0 <= i < len(judge.lines) - 1:
            first, second = judge.lines[i].claim, judge.lines[i + 1].claim
            entry = s.bare(second.left)
            if (
                first.relation == "="
                and first.right is not None
                and isinstance(s.bare(first.right), s.Symbol)
                and second.relation in ("-=", "+=")
                and isinstance(entry, s.Entry)
                and entry.of == first.left
            ):
                return first, second
    return None


def _combined(first: s.Claim, second: s.Claim) -> Statement | None:
    entry = s.bare(second.left)
    assert isinstance(entry, s.Entry) and first.right is not None and second.right is not None
    rows, label = map(s.bare, entry.items) if len(entry.items) == 2 else (None, None)
    if not (isinstance(rows, s.Apply) and isinstance(label, s.Symbol)):
        return None
    if rows.head.letter not in ("arange", "range"):
        return None
    change = s.Product((second.right, s.Indicator(label)), ("",))
    signs = ("+", "-" if second.relation == "-=" else "+")
    return Statement(first.left, s.Sum((first.right, change), signs))
