"""The edits of a line in the order of how often the mistake is made.

Each undoes one mistake people make and carries its class. An edit only proposes; whether the
edited line is true is decided like that of any other line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain

from .. import surface as s
from ..judge.statement import Statement
from .everywhere import everywhere
from .slopes import argument, between, factor, inner, other_function, scaled, slope
from .structure import both_brackets, brackets, drop, grouping, number, operation, order, sign
from .symbols import handed_back, immediate, kind, later, swap, total, transposed, whole_loss
from .times import bound, by_one, global_index, index, numbered, unsummed, unsummed_rows
from .vocabulary import Vocabulary
from .whole import of_argument, other_loss, whole


@dataclass(frozen=True)
class Edit:
    """An edited statement and the class of the mistake it undoes."""

    code: str
    words: str
    statement: Statement


Change = Callable[[Vocabulary, s.Node], Iterator[tuple[str, str, s.Node]]]

LOCAL: tuple[Change, ...] = (
    argument, other_function, other_loss, total, whole_loss, by_one, brackets, slope, sign, index,
    grouping, swap, kind, later, transposed, order, operation, bound, number, drop, factor, between,
    numbered,
)  # fmt: skip

# Of a line whose shapes do not fit: what changes shapes comes first.
OF_SHAPE: tuple[Change, ...] = (transposed, order, operation, swap)


def edits(
    v: Vocabulary, statement: Statement, shape: bool = False, alone: bool = True
) -> Iterator[Edit]:
    """Every single edit of a line; `shape` says that its shapes do not fit.

    Those that are rare are left out where they do not stand `alone`: of pairs there are too many.
    """
    seen = {(statement.left, statement.right)}
    found = _ordered(v, statement, shape)
    for code, words, changed in chain(found, _rare(v, statement) if alone else ()):
        key = (changed.left, changed.right)
        if key not in seen:
            seen.add(key)
            yield Edit(code, words, changed)


def _ordered(
    v: Vocabulary, statement: Statement, shape: bool
) -> Iterator[tuple[str, str, Statement]]:
    right, left = statement.right, statement.left
    v.jacobian, v.probe = v.is_jacobian(left), v.probed(left)
    v.forward = isinstance(s.bare(left), s.Symbol) and v.gradient_of(s.bare(left)) is None
    v.of = v.value_of(left)
    yield from unsummed(v, statement)
    yield from unsummed_rows(v, statement)
    yield from immediate(v, statement)
    yield from inner(v, statement)
    yield from of_argument(v, statement)
    yield from handed_back(v, statement)
    for change in _changes(right, shape):
        found = list(everywhere(right, partial(change, v)))
        if change is transposed:  # weights and Jacobians before plain vectors
            found.sort(key=lambda x: x[0] == "M17")
        for code, words, new in found:
            yield code, words, replace(statement, right=new)
        if change is index:
            yield from global_index(v, statement)
        if change is slope:
            yield from whole(v, statement)
        if change is swap:
            yield from _of_left(v, statement, swap)
    yield from _of_left(v, statement, index)
    yield from _of_left(v, statement, transposed)


def _rare(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    for code, words, new in everywhere(statement.right, partial(both_brackets, v)):
        yield code, words, replace(statement, right=new)
    yield from scaled(v, statement)


def _changes(right: s.Node, shape: bool) -> tuple[Change, ...]:
    if not shape:
        return LOCAL
    first = OF_SHAPE
    if any(isinstance(n, s.Product) and "⊙" in n.signs for n in s.walk(right)):
        first = (grouping, *first)
    return first + tuple(x for x in LOCAL if x not in first)


def _of_left(
    v: Vocabulary, statement: Statement, change: Change
) -> Iterator[tuple[str, str, Statement]]:
    for code, words, new in everywhere(statement.left, partial(change, v)):
        yield code, words, replace(statement, left=new)
