"""The expressions of a formula between its relations; a statement in words is one expression."""

from __future__ import annotations

from ..surface import Listing, Node, Text, Words
from .beside import STRENGTH, is_statement
from .cursor import Habits, UnreadableError
from .formula import Formula
from .spaces import space
from .tokens import Token


def members_of(tokens: list[Token], habits: Habits) -> tuple[list[Node | None], list[str]]:
    """The expressions between relations, and the relations."""
    cursor = Formula(tokens, habits)
    cuts = _cuts(cursor, tokens)
    members: list[Node | None] = []
    signs = [tokens[c].value for c in cuts]
    start = 0
    for cut in [*cuts, len(tokens)]:
        if cut == start:
            if start or len(tokens) == 1:
                token = tokens[min(start, len(tokens) - 1)]
                raise UnreadableError("nothing stands here", "a = b", token.start, token.end)
            members.append(None)
        else:
            sign = signs[len(members) - 1] if members else ""
            members.append(_member(cursor, start, cut, sign))
        start = cut + 1
    return members, signs


def _member(cursor: Formula, a: int, b: int, sign: str) -> Node:
    if cursor.find(a, b, lambda t: t.kind == "text") >= 0:
        return _words(cursor, a, b)
    parts = cursor.split(a, b, ("comma",))
    if len(parts) > 1:
        items = tuple(cursor.within(x, y, cursor.expression) for x, y in parts)
        return Listing(items, start=items[0].start, end=items[-1].end)
    node = cursor.within(a, b, cursor.expression)
    return space(node) if sign in ("∈", ":") else node


def _words(cursor: Formula, a: int, b: int) -> Node:
    parts: list[Node] = []
    first = a
    while first < b:
        cut = cursor.find(first, b, lambda t: t.kind in ("text", "gap", "comma"))
        stop = b if cut < 0 else cut
        if stop > first and cursor.tokens[first].kind == "relation":
            t = cursor.tokens[first]
            parts.append(Text(t.value, start=t.start, end=t.end))
            first += 1
        if stop > first:
            parts.append(cursor.within(first, stop, cursor.statement))
        if cut >= 0 and cursor.tokens[cut].kind == "text":
            t = cursor.tokens[cut]
            parts.append(Text(t.value, start=t.start, end=t.end))
        first = stop + 1
    return Words(tuple(parts), start=cursor.tokens[a].start, end=cursor.tokens[b - 1].end)


def _cuts(cursor: Formula, tokens: list[Token]) -> list[int]:
    """Where the relations are; in a sentence only ⇒ and ⇔ are its own."""
    said = is_statement(tokens)
    cuts, j = [], 0

    def wanted(t: Token) -> bool:
        return t.value in STRENGTH if said else t.kind in ("relation", "colon")

    while 0 <= (j := cursor.find(j, len(tokens), wanted)):
        cuts.append(j)
        j += 1
    return cuts
