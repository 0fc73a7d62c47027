r"""One display or line of text to its claims: rows, separated formulas, links of chains.

a &= b = c, \quad d = e \text{ for } t < T      a = b,  b = c,  d = e (t < T)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..surface import Dots, Listing, Node, Relation, Symbol, Text, Words
from .beside import (
    STRENGTH,
    chained,
    is_condition,
    is_remark,
    is_statement,
)
from .cursor import Habits, UnreadableError, matched
from .members import members_of
from .rows import split_rows, trimmed
from .segments import segments_of, unwrapped
from .spelling import CONDITIONS, CONNECTORS
from .tokens import Token

LONGEST = 10_000  # characters of one equation; longer ones are unread rather than slow


@dataclass(frozen=True)
class Link:
    """A claim before it has an id and a place in its document."""

    relation: str
    left: Node
    right: Node | None
    start: int
    end: int
    chain: int  # which chain of the row
    link: int = 1
    head: Node | None = None
    continued: bool = False
    conditions: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A stretch of a row that could not be read."""

    error: UnreadableError
    start: int
    end: int


@dataclass
class Row:
    """What one row of a display says."""

    found: list[Link | Failure] = field(default_factory=list)
    tag: str = ""
    label: str = ""


def rows(tokens: Sequence[Token], habits: Habits, previous: Node | None = None) -> list[Row]:
    """The rows of a display; `previous` is what an opening `=` continues."""
    out: list[Row] = []
    for part in split_rows(tokens, habits.plain):
        row = Row()
        kept = []
        for token in part:
            if token.kind in ("tag", "label"):
                setattr(row, token.kind, token.value)
            else:
                kept.append(token)
        if kept:
            reader = _Reader(habits, previous)
            row.found = reader.row(kept)
            row.tag = row.tag or reader.tag
            previous = _last(row.found) or previous
        if row.found:
            out.append(row)
        elif (row.tag or row.label) and out:
            out[-1].tag, out[-1].label = out[-1].tag or row.tag, out[-1].label or row.label
    return out


def _last(found: list[Link | Failure]) -> Node | None:
    last = found[-1] if found else None
    return last.right if isinstance(last, Link) and last.right is not None else None


class _Reader:
    """Reads one row."""

    def __init__(self, habits: Habits, previous: Node | None):
        self.habits, self.previous = habits, previous
        self.found: list[Link | Failure] = []
        self.waiting: list[tuple[Node, Token, Token]] = []
        self.chain = 0
        self.tag = ""
        self.leading: list[Node] = []  # what is said before the first formula
        self.under = False  # behind an "if", a "when"

    def row(self, tokens: list[Token]) -> list[Link | Failure]:
        tokens = trimmed(tokens)
        if not tokens:
            return []
        if tokens[-1].end - tokens[0].start > LONGEST:
            at = tokens[0]
            error = UnreadableError("too long", "named intermediates", at.start, at.end)
            return [Failure(error, at.start, tokens[-1].end)]
        try:
            matched(tokens)
        except UnreadableError as error:
            return [Failure(error, tokens[0].start, tokens[-1].end)]
        tokens = unwrapped(tokens)
        if not tokens:
            return []
        if is_statement(tokens):
            self._segment(tokens, "")
            self._mentions()
            return self.found
        segments = segments_of(tokens, self.habits)
        if len(segments) > 1 and [t.kind for t in segments[-1][0]] == ["(", "number", ")"]:
            self.tag = segments.pop()[0][1].value  # … \\qquad (7)
        for part, before in segments:
            self._segment(part, before)
        self._mentions()
        return self._led()

    def _led(self) -> list[Link | Failure]:
        """What was found, with what was said before it as a condition of the first chain."""
        first = next((x for x in self.found if isinstance(x, Link)), None)
        if self.leading and first is None and not self.found:
            words = Words(tuple(self.leading), start=self.leading[0].start)
            end = self.leading[-1].end
            self.found.append(Link("", replace(words, end=end), None, words.start, end, 0))
        elif first is not None:
            self.found = [
                replace(x, conditions=(*self.leading, *x.conditions))
                if isinstance(x, Link) and x.chain == first.chain
                else x
                for x in self.found
            ]
        return self.found

    def _segment(self, tokens: list[Token], before: str) -> None:
        """One formula, or words, or a condition of what stands before it."""
        if len(tokens) == 1 and tokens[0].kind == "text":
            said = Text(tokens[0].value, start=tokens[0].start, end=tokens[0].end)
            words = tokens[0].value.strip(" .,;:()").lower()
            self.under = words in CONDITIONS or words.split(" ")[-1] in CONDITIONS
            if words not in (CONNECTORS | CONDITIONS) - {"otherwise"}:
                self._condition(said)
            return
        try:
            self._formula(tokens, before)
        except UnreadableError as error:
            self._mentions()
            self.found.append(Failure(error, tokens[0].start, tokens[-1].end))

    def _formula(self, tokens: list[Token], before: str) -> None:
        members, signs = members_of(tokens, self.habits)
        alone = before in ("gap", "text", "amp") and self.found and is_remark(tokens, tokens)
        about = signs or isinstance(members[0], Symbol)  # if t = T, for all k
        stated = before == "text" and self.under and about and members[0] is not None
        self.under = False
        if before == "remark" or alone or stated or (self.found and is_condition(members, signs)):
            self._condition(chained(members, signs))
            return
        if not signs:
            node = members[0]
            if self._continues_range(node):
                return
            assert node is not None
            self.waiting.append((node, tokens[0], tokens[-1]))
            return
        left = members[0]
        continued = left is None
        if left is None and signs[0] in STRENGTH and len(signs) > 1:  # ⇒ a = b, on a row of its own
            members, signs, continued = members[1:], signs[1:], False
            left = members[0]
        if left is None:
            if self.previous is None:
                first = tokens[0]
                raise UnreadableError(
                    "nothing stands left of this", "a = b", first.start, first.end
                )
            self._mentions()
            left = self.previous
        left, start = self._with_waiting(left, tokens[0].start)
        rest = [m for m in members[1:] if m is not None]
        self._chain([left, *rest], signs, start, continued)

    def _chain(self, members: list[Node], signs: list[str], start: int, continued: bool) -> None:
        """Each link of A = B = C is a claim; ⇒ joins whole statements."""
        self.chain += 1
        strong = [i for i, s in enumerate(signs) if s in STRENGTH]
        if strong and _all_equations(signs):
            i = strong[0]
            self._chain(members[: i + 1], signs[:i], start, continued)
            self._chain(members[i + 1 :], signs[i + 1 :], members[i + 1].start, False)
            return
        if strong:
            i = strong[0]
            left = chained(members[: i + 1], signs[:i])
            right = chained(members[i + 1 :], signs[i + 1 :])
            self.found.append(Link(signs[i], left, right, start, right.end, self.chain))
            self.previous = right
            return
        for n, sign in enumerate(signs):
            left, right = members[n], members[n + 1]
            first = start if n == 0 and not continued else left.start if n else start
            link = Link(sign, left, right, first, right.end, self.chain, n + 1, members[0])
            self.found.append(replace(link, continued=continued))
            self.previous = right

    # -- what stands beside a formula

    def _with_waiting(self, left: Node, start: int) -> tuple[Node, int]:
        """f_t, i_t, o_t = …: names before a comma belong to the left side."""
        names = []
        while self.waiting and isinstance(self.waiting[-1][0], Symbol) and isinstance(left, Symbol):
            names.append(self.waiting.pop())
        self._mentions()
        if not names:
            return left, start
        items = (*(n for n, *_ in reversed(names)), left)
        start = names[-1][1].start
        return Listing(items, start=start, end=left.end), start

    def _mentions(self) -> None:
        for node, first, last in self.waiting:
            before = self.found[-1] if self.found else None
            if isinstance(node, Dots) and isinstance(before, Link):  # a = b, c = d, … and so on
                self.found[-1] = replace(before, conditions=(*before.conditions, node))
                continue
            self.chain += 1
            self.found.append(Link("", node, None, first.start, last.end, self.chain))
        self.waiting = []

    def _condition(self, node: Node) -> None:
        """It belongs to the formulas of this row since the last condition-free one."""
        self._mentions()
        last = len(self.found) - 1
        if last < 0:
            self.leading.append(node)
            return
        here = self.found[last]
        for i, link in enumerate(self.found):
            same = isinstance(here, Link) and isinstance(link, Link) and link.chain == here.chain
            if isinstance(link, Link) and same:
                self.found[i] = replace(link, conditions=(*link.conditions, node))

    def _continues_range(self, node: Node | None) -> bool:
        """`1`, `…`, `T` behind a condition t = 1 make it t = 1, …, T."""
        last = self.found[-1] if self.found else None
        if not isinstance(last, Link) or not last.conditions or node is None or self.waiting:
            return False
        condition = last.conditions[-1]
        if not isinstance(condition, Relation) or condition.relation != "=":
            return False
        old = condition.right
        items = old.items if isinstance(old, Listing) else (old,)
        if not isinstance(node, Dots) and not any(isinstance(x, Dots) for x in items):
            return False
        right = Listing((*items, node), start=items[0].start, end=node.end)
        new = replace(condition, right=right, end=node.end)
        for i, link in enumerate(self.found):
            if isinstance(link, Link) and condition in link.conditions:
                kept = tuple(new if c is condition else c for c in link.conditions)
                self.found[i] = replace(link, conditions=kept)
        return True


def _all_equations(signs: list[str]) -> bool:
    """a = b ⇒ c = d: equations on both sides of each ⇒."""
    sides = "".join("⇒" if s in STRENGTH else "=" if s in ("=", ":=") else "?" for s in signs)
    return "?" not in sides and all(sides.split("⇒"))
