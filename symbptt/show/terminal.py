"""The Unicode page: numbered, aligned at the equals signs, broken where 88 columns end."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterable, Sequence

from .. import matrix as mx
from ..model import Declaration, Equation
from .breaking import broken
from .page import FORMAL_TITLE, Page, shape

WIDTH = 88
_GAP = 4  # columns between an equation and the times it holds for
_HANG = 2  # columns by which a broken equation is continued to the right


def unicode_page(page: Page) -> str:
    lines = [*_wrapped(page.title, 0), "", *_declared(page)]
    equations = [e for g in page.groups for e in g.equations]
    equations += [f.equation for f in page.formal]
    number = max((len(e.label) for e in equations), default=1) + 2
    for g in page.groups:
        lines += ["", page.style.prose(g.title), *_wrapped(page.style.prose(g.text), 2)]
        lines += _group(page, g.equations, number)
    if page.formal:
        lines += ["", FORMAL_TITLE]
        rows = _equations(page, [f.equation for f in page.formal], number)
        for f, row in zip(page.formal, rows, strict=True):
            lines += [*_fitted(row, WIDTH), " " * (number + 4) + page.entries(f)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _declared(page: Page) -> list[str]:
    roles = list(page.roles())
    width = max(len(word) for word, _ in roles) + 4
    lines = []
    for word, names in roles:
        items = [_declaration(page, d) for d in names]
        lines += _filled(items, f"  {word}".ljust(width + 2))
    return lines


def _declaration(page: Page, d: Declaration) -> str:
    var = d.var(mx.t) if d.timed else d.var()
    return f"{page.style.expression(var)} {shape(d)}".strip()


def _filled(items: Iterable[str], head: str) -> list[str]:
    """The items behind a heading, three spaces apart, on as many lines as they need."""
    lines = [head]
    for item in items:
        joined = lines[-1] + ("   " if lines[-1].strip() and lines[-1] != head else "") + item
        if len(joined) > WIDTH and lines[-1] not in (head, " " * len(head)):
            joined = " " * len(head) + item
            lines.append(joined)
        else:
            lines[-1] = joined
    return lines


def _wrapped(text: str, indent: int) -> list[str]:
    space = " " * indent
    width = max(WIDTH, indent + 40)
    return textwrap.wrap(
        text, width, initial_indent=space, subsequent_indent=space, break_long_words=False
    )


Row = tuple[str, str]  # `(7)  left = `, right


def _equations(page: Page, equations: Sequence[Equation], number: int) -> list[Row]:
    """`(7)  left = right`, with the equals signs under each other."""
    sides = [page.style.sides(e) for e in equations]
    width = max(columns(left) for left, _ in sides)
    return [
        (f"  {f'({e.label})'.rjust(number)}  {' ' * (width - columns(left))}{left} = ", right)
        for e, (left, right) in zip(equations, sides, strict=True)
    ]


def _fitted(row: Row, width: int) -> list[str]:
    """The row on lines of at most `width` columns, continued under the right side."""
    head, right = row
    room = max(width - columns(head), 30)
    first, *rest = broken(right, room, room - _HANG)
    return [head + first, *(" " * (columns(head) + _HANG) + line for line in rest)]


def _group(page: Page, equations: Sequence[Equation], number: int) -> list[str]:
    rows = _equations(page, equations, number)
    whens = [page.style.prose(e.when) for e in equations]
    tail = max(map(len, whens)) + _GAP
    fitted = [
        _fitted(row, WIDTH - tail if when else WIDTH) for row, when in zip(rows, whens, strict=True)
    ]
    wide = [columns(f[0]) for f, w in zip(fitted, whens, strict=True) if w]
    column = max(wide, default=0) + _GAP
    lines = []
    for e, row, (first, *rest), when in zip(equations, rows, fitted, whens, strict=True):
        lines += [first + " " * (column - columns(first)) + when if when else first, *rest]
        lines += _wrapped(page.style.prose(e.note), columns(row[0]))
    return lines


def columns(text: str) -> int:
    """How many columns a text takes: the tilde of h̃ stands on its letter."""
    return sum(not unicodedata.combining(c) for c in text)
