"""A repeated index without its Σ: W_{mn} h_n is summed over n, where the other side has no n."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from .. import surface as s
from ..naming import Naming


def summed(left: s.Node, right: s.Node, naming: Naming) -> tuple[s.Node, s.Node]:
    """Both sides with the sums over repeated indices written."""
    if not naming.entrywise:
        return left, right
    here, there = set(_letters(left, naming)), set(_letters(right, naming))
    return _side(left, there, naming), _side(right, here, naming)


def _side(node: s.Node, kept: set[str], naming: Naming) -> s.Node:
    inner = s.bare(node)
    if isinstance(inner, s.Sum):
        out: s.Node = s.Sum(tuple(_side(x, kept, naming) for x in inner.terms), inner.signs)
        return s.Group(out) if node is not inner else out
    if isinstance(inner, s.Big):
        return node
    if isinstance(inner, s.Product):
        factors = tuple(_opened(x, kept, naming) for x in inner.factors)
        inner = s.Product(factors, inner.signs)
    found = Counter(_letters(inner, naming))
    for letter in sorted(x for x, n in found.items() if n > 1 and x not in kept):
        inner = s.Big("sum", (s.Bound(s.Symbol(letter), style="bare"),), inner)
    return inner


def _opened(node: s.Node, kept: set[str], naming: Naming) -> s.Node:
    """A sum in brackets among the factors: its terms have sums of their own."""
    inner = s.bare(node)
    own = kept | {x for x, n in Counter(_letters(inner, naming)).items() if n == 1}
    return _side(node, own, naming) if isinstance(inner, s.Sum) else node


def _letters(node: s.Node, naming: Naming) -> Iterator[str]:
    """The letters of entries, once for each place, without those of a written Σ."""
    if isinstance(node, s.Big):
        bound = {b.variable.letter for b in node.bounds}
        yield from (x for x in _letters(node.body, naming) if x not in bound)
    elif isinstance(node, s.Indicator) and isinstance(node.of, s.Relation):
        yield from (x.letter for x in s.symbols(node.of) if not x.indices)
    elif isinstance(node, s.Symbol):
        yield from naming.parts(node).components
    elif isinstance(node, s.Entry):
        yield from _letters(node.of, naming)
        yield from (x.letter for x in node.items if isinstance(x, s.Symbol))
    elif isinstance(node, s.Sum):  # each letter as often as in one of its terms
        terms = [Counter(_letters(x, naming)) for x in node.terms]
        for letter in sorted(set().union(*terms)):
            yield from [letter] * max(c[letter] for c in terms)
    else:
        for child in s.children(node):
            yield from _letters(child, naming)
