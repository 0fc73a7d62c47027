"""The Unicode page: numbered, aligned at the equals signs, readable at 88 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence

from .. import matrix as mx
from ..model import Declaration, Equation
from .expression import show_expression
from .page import FORMAL_TITLE, Page, shape

WIDTH = 88
_GAP = 4  # columns between an equation and the times it holds for


def unicode_page(page: Page) -> str:
    lines = [page.title, "", *_declared(page)]
    equations = [e for g in page.groups for e in g.equations]
    equations += [f.equation for f in page.formal]
    number = max((len(e.label) for e in equations), default=1) + 2
    for g in page.groups:
        lines += ["", g.title, *_wrapped(g.text, 2), *_group(g.equations, number)]
    if page.formal:
        lines += ["", FORMAL_TITLE]
        rows = _equations([f.equation for f in page.formal], number)
        for f, row in zip(page.formal, rows, strict=True):
            lines += [row, " " * (number + 4) + page.entries(f)]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _declared(page: Page) -> list[str]:
    roles = list(page.roles())
    width = max(len(word) for word, _ in roles) + 4
    lines = []
    for word, names in roles:
        lines += _filled([_declaration(d) for d in names], f"  {word}".ljust(width + 2))
    return lines


def _declaration(d: Declaration) -> str:
    var = d.var(mx.t) if d.timed else d.var()
    return f"{show_expression(var)} {shape(d)}".strip()


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


def _equations(equations: Sequence[Equation], number: int) -> list[str]:
    """`(7)  left = right`, with the equals signs under each other."""
    left = [show_expression(e.lhs) for e in equations]
    width = max(map(len, left))
    return [
        f"  {f'({e.label})'.rjust(number)}  {a.rjust(width)} = {show_expression(e.rhs)}"
        for e, a in zip(equations, left, strict=True)
    ]


def _group(equations: Sequence[Equation], number: int) -> list[str]:
    rows = _equations(equations, number)
    column = max((len(r) for r, e in zip(rows, equations, strict=True) if e.when), default=0)
    lines = []
    for row, e in zip(rows, equations, strict=True):
        lines.append(f"{row.ljust(column + _GAP)}{e.when}" if e.when else row)
        indent = row.index(" = ") + 3
        lines += _wrapped(e.note, indent)
    return lines
