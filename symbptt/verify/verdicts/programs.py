"""Lines of a program that are no equations: a loop's header, an array changed in place."""

from __future__ import annotations

from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, DEFINITION, PROVED, Line
from ..judge.readings import Condition
from ..judge.truth import Statement
from ..program import loop_of, truncated
from ..write import plain

_INPUTS = frozenset(["input", "inputs", "token", "tokens", "xs", "X"])  # classes of the input


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
    """d = o; d[arange(n), y] -= 1: o minus the one-hot label, and o itself is overwritten, where
    d is no copy of it."""
    pair = _pair(judge, line)
    if pair is None:
        return False
    first, second = pair
    statement = _combined(first, second)
    if statement is None or first.right is None:
        return False
    other = _source(first.right)
    assert other is not None
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
        if not isinstance(s.bare(first.right), s.Apply):
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
                and _source(first.right) is not None
                and second.relation in ("-=", "+=")
                and isinstance(entry, s.Entry)
                and entry.of == first.left
            ):
                return first, second
    return None


def _source(right: s.Node) -> s.Symbol | None:
    """o of d = o, d = np.copy(o) and d = o.copy()."""
    right = s.bare(right)
    if isinstance(right, s.Apply) and right.head.letter == "copy" and len(right.arguments) == 1:
        right = s.bare(right.arguments[0])
    return right if isinstance(right, s.Symbol) else None


def _combined(first: s.Claim, second: s.Claim) -> Statement | None:
    entry = s.bare(second.left)
    assert isinstance(entry, s.Entry) and first.right is not None and second.right is not None
    label, source = _label(entry), _source(first.right)
    if label is None or source is None:
        return None
    change = s.Product((second.right, s.Indicator(label)), ("",))
    signs = ("+", "-" if second.relation == "-=" else "+")
    return Statement(first.left, s.Sum((source, change), signs))


def _label(entry: s.Entry) -> s.Symbol | None:
    """y of d[arange(n), y], of d[y] and of d[y, 0]: in each row, the entry of its label."""
    first, *rest = map(s.bare, entry.items)
    if any(isinstance(x, s.Symbol) and x.letter in _INPUTS for x in (first, *rest)):
        return None
    if not rest or rest == [s.Number("0")]:
        return first if isinstance(first, s.Symbol) else None
    rows = first if isinstance(first, s.Apply) and len(rest) == 1 else None
    if rows is None or rows.head.letter not in ("arange", "range"):
        return None
    return rest[0] if isinstance(rest[0], s.Symbol) else None
