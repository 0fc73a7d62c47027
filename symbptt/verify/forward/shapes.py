"""What the way a text writes its values says of their shapes: batches, blocks, single numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..naming import Naming
from .drafts import LOSSES, IncompleteError, is_capital, is_matrix


def writes_batches(forward: Iterable[s.Claim], naming: Naming) -> bool:
    """Whether the text writes X_t W with capitals for values: samples stand in rows."""
    for n in (n for c in forward if c.right is not None for n in s.walk(c.right)):
        if isinstance(n, s.Product) and n.signs[0] != "⊙":
            first, second = map(s.bare, n.factors[:2])
            if isinstance(first, s.Symbol) and isinstance(second, s.Symbol):
                q, r = naming.parts(first), naming.parts(second)
                if q.time is not None and is_capital(q) and r.time is None and is_matrix(r):
                    return True
    return False


def counts_samples(trees: Iterable[s.Node], naming: Naming) -> bool:
    """Whether a value is read at two indices, [x_t]_{n,m}, [a_t]_{:,0:H}: samples stand in rows."""
    return any(len(items) == 2 for _, items in _entries(trees, naming))


def totals(trees: Iterable[s.Node], naming: Naming) -> dict[str, Any]:
    """The sizes of the values that are read in blocks: 4 H for [a_t]_{:,3 H:4 H} of a_t."""
    ends: dict[str, list[Any]] = {}
    for name, items in _entries(trees, naming):
        last = s.bare(items[-1])
        if isinstance(last, s.Relation) and last.relation == ":":
            ends.setdefault(name, []).append(extent(last.right))
    return {name: max(found, key=lambda n: n.subs(dict.fromkeys(n.free_symbols, 1)))
            for name, found in ends.items()}  # fmt: skip


def _entries(trees: Iterable[s.Node], naming: Naming) -> Iterator[tuple[str, tuple[s.Node, ...]]]:
    for n in (n for tree in trees for n in s.walk(tree) if isinstance(n, s.Entry)):
        of = s.bare(n.of)
        q = naming.parts(of) if isinstance(of, s.Symbol) else None
        if q is not None and q.time is not None and n.items:
            yield q.name, n.items


def extent(node: s.Node) -> Any:
    """3 H as a size. Raises IncompleteError."""
    node = s.bare(node)
    if isinstance(node, s.Number) and node.text.isdigit():
        return sympy.Integer(node.text)
    if isinstance(node, s.Symbol) and not node.indices:
        return mx.size(node.letter)
    if isinstance(node, s.Product):
        return sympy.Mul(*map(extent, node.factors))
    if isinstance(node, s.Sum):
        signs = (-1 if g == "-" else 1 for g in node.signs)
        return sympy.Add(*(g * extent(x) for g, x in zip(signs, node.terms, strict=True)))
    raise IncompleteError("this is no size")


def is_about_numbers(forward: Iterable[s.Claim], trees: Iterable[s.Node], naming: Naming) -> bool:
    """Whether every weight is a small letter before a value, and nothing is of vectors alone."""
    nodes = [n for tree in trees for n in s.walk(tree)]
    if any(_is_of_vectors(n) or _is_array(n, naming) for n in nodes):
        return False
    for n in (n for c in forward if c.right is not None for n in s.walk(c.right)):
        if isinstance(n, s.Product):
            parts = [naming.parts(x) for x in map(s.bare, n.factors) if isinstance(x, s.Symbol)]
            if {q.time is None for q in parts} == {True, False}:
                return True
    return False


def may_be_numbers(trees: Iterable[s.Node]) -> bool:
    """Whether nothing that is written is of vectors alone, whatever the letters look like."""
    return not any(_is_of_vectors(n) for tree in trees for n in s.walk(tree))


def _is_of_vectors(n: s.Node) -> bool:
    vectors = isinstance(n, s.Transpose | s.Stack | s.Indicator)
    vectors |= isinstance(n, s.Norm) and n.bars != "|"
    vectors |= isinstance(n, s.Product) and bool({"⊙", "⊗", "@", "×"} & set(n.signs))
    vectors |= isinstance(n, s.Apply) and n.head.letter in ("diag", "softmax", "outer")
    return vectors or (isinstance(n, s.Symbol) and n.font == "bold")


def _is_array(n: s.Node, naming: Naming) -> bool:
    """Whether a letter looks like a matrix, or has entries."""
    if not isinstance(n, s.Symbol) or n.letter in LOSSES or n.letter == naming.horizon:
        return False
    q = naming.parts(n)
    return is_matrix(q) or bool(q.components)


def numbers_of(forward: Iterable[s.Claim], naming: Naming) -> set[str]:
    """The small Greek letters that scale a value, α h and (1 − α) h: numbers, not vectors. A
    vector would stand beside a ⊙ there."""
    found: set[str] = set()
    others: set[str] = set()
    for n in (n for c in forward if c.right is not None for n in s.walk(c.right)):
        if not isinstance(n, s.Product):
            continue
        for at, x in enumerate(n.factors):
            beside = set(n.signs[max(at - 1, 0) : at + 1])
            terms = s.bare(x).terms if isinstance(s.bare(x), s.Sum) else (x,)  # type: ignore[attr-defined]
            for q in (naming.parts(y) for y in map(s.bare, terms) if isinstance(y, s.Symbol)):
                if q.time is None and q.letter[0] in _GREEK:
                    (found if beside <= {"", "·"} else others).add(q.name)
    return found - others


_GREEK = frozenset("αβγεζηθκλμνρτυφχψω")


def gives_numbers(claims: Iterable[s.Claim], naming: Naming) -> bool:
    """W_hh = 0.5: a weight that is one number."""
    for c in claims:
        left = s.bare(c.left)
        if isinstance(left, s.Symbol) and c.relation in ("=", ":=") and c.right is not None:
            q = naming.parts(left)
            if q.letter == naming.horizon:
                continue  # T = 3
            if q.time is None and is_matrix(q) and isinstance(s.bare(c.right), s.Number):
                return True
    return False
