"""Tokens to rows: where one equation of a display ends and the next begins.

A row that opens with a sign or ends with one, or whose bracket is still open, goes on below; a
remark set apart at the end of such a line is kept for the end of the equation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .cursor import UnreadableError, matched
from .tokens import Token

_OPEN = ("plus", "sign", "relation", "slash")
OPENING, CLOSING = ("(", "[", "{", "⟨", "begin"), (")", "]", "}", "⟩", "end")


def split_rows(tokens: Sequence[Token], plain: bool = False) -> list[list[Token]]:
    """Split at line breaks outside brackets; a row that goes on joins the one before."""
    open_: list[str] = []
    out: list[list[Token]] = [[]]
    aside: list[Token] = []
    tokens = _one_end(_unframed(tokens))
    balanced = _is_balanced(tokens)  # a bracket that never closes spoils its own row only
    for token in tokens:
        if token.kind in OPENING:
            open_.append(token.kind)
        elif token.kind in CLOSING and open_:
            open_.pop()
        if token.kind == "row" and not (open_ and (balanced or "begin" in open_)):
            out[-1] += aside
            out.append([])
            aside, open_ = [], []
        elif token.kind == "row" and open_[-1] != "begin":
            aside += _cut_aside(out[-1])
        else:
            out[-1].append(token)
    out[-1] += aside
    out = list(map(_without_layout, out))
    joined: list[list[Token]] = []
    for row in out:
        first = next((t for t in row if t.kind not in ("amp", "gap")), None)
        last = next((t for t in reversed(joined[-1]) if t.kind != "amp"), None) if joined else None
        goes_on = first and first.kind == "relation" and not _states(joined[-1] if joined else [])
        signed = first is not None and first.kind in ("plus", "sign")
        signed = signed or (plain and not _states(row))  # a factor on a line of its own
        if first and last and (goes_on or signed or last.kind in _OPEN):
            aside = _cut_aside(joined[-1]) if signed else []
            joined[-1] += [t for t in row[row.index(first) :] if t.kind != "amp"] + aside
        elif first:
            joined.append(row)
    return joined


def _one_end(tokens: Sequence[Token]) -> list[Token]:
    """T_x, the length of the sequence of inputs, as T: there is one length here."""
    out: list[Token] = []
    i = 0
    while i < len(tokens):
        out.append(tokens[i])
        i += 1
        if out[-1].kind == "letter" and out[-1].value == "T":
            ahead = [t.value for t in tokens[i : i + 4]]
            wide = ahead[:2] == ["_", "{"] and ahead[3:] == ["}"]
            if ahead[:1] == ["_"] and (ahead[2:3] if wide else ahead[1:2]) in (["x"], ["y"]):
                i += 4 if wide else 2
                out[-1] = replace(out[-1], end=tokens[i - 1].end)
    return out


def _unframed(tokens: Sequence[Token]) -> Sequence[Token]:
    r"""Without what only frames the rows: \\left\\{ … \\right. and an array with = in its cells."""
    tokens = [*tokens]
    core = trimmed(tokens)
    if core and (core[0].kind, core[0].value) == ("(", "{") and not _is_balanced(core):
        at = tokens.index(core[0])
        if _is_balanced(tokens[at + 1 :]):
            del tokens[at]
            core = core[1:]
    if core and core[0].kind == "begin" and core[0].value == "array" and _is_balanced(core):
        whole = matched(core).get(0) == len(core) - 1
        if whole and any(t.kind == "relation" for t in core):
            return [t for t in tokens if t is not core[0] and t is not core[-1]]
    return tokens


def _is_balanced(tokens: Sequence[Token]) -> bool:
    try:
        matched(tokens)
    except UnreadableError:
        return False
    return True


def _without_layout(row: list[Token]) -> list[Token]:
    """Without the spaces and alignment marks inside brackets, but for those of an environment."""
    open_: list[str] = []
    kept = []
    for token in row:
        if token.kind in OPENING:
            open_.append(token.kind)
        elif token.kind in CLOSING and open_:
            open_.pop()
        if token.kind not in ("amp", "gap") or not open_ or "begin" in open_:
            kept.append(token)
    return kept


def _cut_aside(row: list[Token]) -> list[Token]:
    """A remark set apart at the end of a line whose bracket goes on in the next line."""
    ends = (i for i in range(len(row) - 1, 0, -1) if row[i].kind in ("gap", "amp"))
    last = next((i for i in ends if row[i].kind == "gap" or row[i - 1].kind == "amp"), len(row))
    cut = row[last:]
    if any(t.kind in OPENING or t.kind in CLOSING for t in cut):
        return []
    del row[last:]
    return cut


def _states(row: list[Token]) -> bool:
    """Whether a row already holds a relation, outside its brackets."""
    depth = 0
    for token in row:
        depth += (token.kind in OPENING) - (token.kind in CLOSING)
        if token.kind == "relation" and depth == 0:
            return True
    return False


def trimmed(tokens: list[Token]) -> list[Token]:
    """Without the punctuation that ends a formula, and what only lays out."""
    kinds = ("amp", "comma", "semicolon", "gap", "stop", "colon", "row")
    i, j = 0, len(tokens)
    while i < j and tokens[i].kind in kinds:
        i += 1
    while j > i and tokens[j - 1].kind in kinds:
        j -= 1
    return tokens[i:j]
