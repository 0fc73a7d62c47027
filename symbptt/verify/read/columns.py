r"""Equations between columns of formulas, as the equations of their rows.

[a; i] = [tanh(â); σ(î)]          a = tanh(â),  i = σ(î)
[â; î] = [W, U; V, R] [x; h]      â = W x + U h,  î = V x + R h
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ..surface import Claim, Node, Product, Stack, Sum, Unread, bare

MATRIX_SIGNS = frozenset(["", "·", "×", "*", "@"])


def by_rows(items: Sequence[Claim | Unread]) -> list[Claim | Unread]:
    """The items, an equation between two columns of one length as one claim for each row."""
    out: list[Claim | Unread] = []
    for x in items:
        out += _rows(x) if isinstance(x, Claim) else [x]
    return out


def _rows(claim: Claim) -> Iterator[Claim]:
    left = _column(claim.left)
    right = None if claim.right is None else _column(claim.right)
    if claim.relation not in ("=", ":=", "+=", "←") or left is None or right is None:
        yield claim
        return
    if len(left) != len(right) or len(left) < 2:
        yield claim
        return
    head = None if claim.head is None else _column(claim.head)
    for n, (a, b) in enumerate(zip(left, right, strict=True)):
        yield replace(
            claim,
            id=f"{claim.id}.{n + 1}",
            left=a,
            right=b,
            chain=f"{claim.chain}.{n + 1}",
            head=head[n] if head is not None and len(head) == len(left) else a,
        )


def _column(node: Node) -> list[Node] | None:
    """The entries of a column, or of a matrix of blocks times one."""
    node = bare(node)
    if isinstance(node, Stack):
        one = len(node.rows) > 1 and all(len(row) == 1 for row in node.rows)
        return [row[0] for row in node.rows] if one else None
    if not (isinstance(node, Product) and len(node.factors) == 2):
        return None
    blocks, column = bare(node.factors[0]), _column(node.factors[1])
    if not isinstance(blocks, Stack) or column is None or node.signs[0] not in MATRIX_SIGNS:
        return None
    if any(len(row) != len(column) for row in blocks.rows):
        return None
    return [
        _summed([_times(w, x) for w, x in zip(row, column, strict=True)]) for row in blocks.rows
    ]


def _times(w: Node, x: Node) -> Node:
    return Product((w, x), ("",), start=w.start, end=x.end)


def _summed(terms: list[Node]) -> Node:
    signs = ("+",) * len(terms)
    return Sum(tuple(terms), signs, start=terms[0].start, end=terms[-1].end)
