"""The separated formulas of one row, and the words that stand alone between them."""

from __future__ import annotations

from .beside import end_of_aside, is_alignment, is_colon_a_separator, is_member, is_remark, merged
from .cursor import Habits, matched
from .rows import trimmed
from .tokens import Token

_SEPARATORS = ("comma", "semicolon", "gap", "amp", "text")


def unwrapped(tokens: list[Token]) -> list[Token]:
    r"""The inside of \boxed{…} or {…} around a whole row."""
    pairs = matched(tokens)
    first = 1 if tokens[0].kind in ("group", "null") and len(tokens) > 1 else 0
    if tokens[first].kind == "{" and pairs[first] == len(tokens) - 1:
        return trimmed(tokens[first + 1 : -1])
    return tokens


def segments_of(tokens: list[Token], habits: Habits) -> list[tuple[list[Token], str]]:
    """The formulas of a row, each with the separator before it; words stand alone."""
    pairs = matched(tokens)
    out: list[tuple[list[Token], str]] = [([], "")]
    i = 0
    while i < len(tokens):
        token = tokens[i]
        if token.kind in _SEPARATORS and not is_alignment(tokens, i):
            if token.kind == "text" and is_member(tokens, i):
                out[-1][0].append(token)
            elif token.kind == "text":
                i = end_of_aside(tokens, i)
                out += [([merged(tokens, token, i)], "text"), ([], "text")]
            else:
                out.append(([], token.kind))
        elif token.kind == "stop" and not habits.plain:
            out.append(([], "semicolon"))
        elif token.kind == "colon" and is_colon_a_separator(out[-1][0], out):
            out.append(([], "colon"))
        elif token.kind not in _SEPARATORS:
            close = pairs[i] if pairs.get(i, -1) > i else i
            group = tokens[i : close + 1]
            if is_remark(group, out[-1][0]):
                out += [(group, "remark"), ([], "remark")]
            else:
                out[-1][0].extend(group)
            i = close
        i += 1
    return [(part, before) for part, before in out if part]
