"""The times a statement is about: those of its indices that no sum of its own binds."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..naming import Naming
from .statement import Statement


class FreeTimes:
    """The free time symbols of the statements of one document, in the order written."""

    def __init__(self, naming: Naming):
        self.naming = naming
        self._of = s.Kept(lambda node: tuple(dict.fromkeys(self._free(node))))

    def __call__(self, claim: Statement) -> list[Any]:
        return list(dict.fromkeys((*self._of(claim.left), *self._of(claim.right))))

    def after(self, claim: Statement) -> set[Any]:
        """The times that a Σ or ∏ from t on runs up to: k of ∏_{j=t}^{k-1}."""
        out: set[Any] = set()
        for n in (n for side in (claim.left, claim.right) for n in s.walk(side)):
            for b in n.bounds if isinstance(n, s.Big) else ():
                if b.lower is not None and b.upper is not None and mx.t in self._written(b.lower):
                    out |= set(self._written(b.upper)) - {mx.t}
        return out

    def _free(self, node: s.Node) -> Iterator[Any]:
        if isinstance(node, s.Big):
            for b in node.bounds:
                for end in (b.lower, b.upper):
                    if end is not None:
                        yield from self._written(end)
            bound = {self.naming.symbol(b.variable.letter) for b in node.bounds}
            yield from (x for x in self._of(node.body) if x not in bound)
        elif isinstance(node, s.Symbol):
            if node.letter in self.naming.names and not node.indices and not node.marks:
                yield from _counted(self.naming.symbol(node.letter))
            q = self.naming.parts(node)
            for time in (q.time, q.second):
                if time is not None:
                    yield from _counted(*sorted(sympy.sympify(time).free_symbols, key=str))
        elif isinstance(node, s.Power):
            yield from self._of(node.base)
            if "transpose" not in node.may_be:
                yield from self._written(node.exponent)
        else:
            for child in s.children(node):
                yield from self._of(child)

    def _written(self, node: s.Node) -> Iterator[Any]:
        """The letters of an expression that is a time itself."""
        for x in s.symbols(node):
            if not x.indices:
                yield from _counted(self.naming.symbol(x.letter))


def _counted(*symbols: Any) -> Iterator[Any]:
    return (x for x in symbols if x != mx.T and str(x) not in ("next", "m~"))
