"""Bracketing: a printed expression carries its binding strength, and joins with others by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .. import matrix as mx
from .notation import Latex, Notation
from .scalars import scalar

# Binding strengths. Nothing but + and − may follow what ends in a Σ: OPEN is a product that
# does, BIG a Σ itself (or c Σ), which may stand last in a product. ∏ takes one factor.
SUM, OPEN, BIG, PRODUCT, PROD, CHAIN, POSTFIX, ATOM = range(8)
Printed = tuple[str, int]
Rule = Callable[["Printer", Any], Printed]


class Printer:
    """One notation's printer; `show(e)` is the string, `at(e, strength)` brackets if needed."""

    def __init__(self, notation: Notation, table: Mapping[type, Rule], layout: str = "numerator"):
        self.n, self.table, self.layout = notation, table, layout

    def show(self, e: Any) -> str:
        """The expression; a constant array is shown as its number, its shape is not written."""
        return self.bare(e)[0]

    def inner(self, e: Any) -> str:
        return self.printed(e)[0]

    def printed(self, e: Any) -> Printed:
        return self.table[type(e)](self, e)

    def bare(self, e: Any) -> Printed:
        """As `printed`, where the shape a constant is spread over is known from the context."""
        if isinstance(e, mx.Broadcast) and isinstance(e.args[0], mx.Scalar):
            return self.printed(e.args[0])
        return self.printed(e)

    def at(self, e: Any, strength: int) -> str:
        return self.bracketed(self.printed(e), strength)

    def bracketed(self, printed: Printed, strength: int) -> str:
        text, own = printed
        return text if own >= strength else self.n.brackets(text)

    def last(self, printed: Printed, strength: int) -> str:
        """The last factor of a product, which alone may be a Σ."""
        return printed[0] if printed[1] == BIG else self.bracketed(printed, strength)

    def products(self, operator: str, factors: Sequence[Printed]) -> Printed:
        """factor op factor op factor."""
        first, *middle, last = factors
        parts = [self.bracketed(first, PRODUCT), *(self.bracketed(f, PROD) for f in middle)]
        strength = OPEN if last[1] == BIG else PRODUCT
        return operator.join([*parts, self.last(last, PROD)]), strength

    def chain(self, factors: Sequence[Printed]) -> Printed:
        """factor factor factor, by juxtaposition."""
        first, *middle, last = factors
        parts = [self.bracketed(first, CHAIN), *(self.bracketed(f, POSTFIX) for f in middle)]
        strength = last[1] if last[1] in (BIG, PROD) else CHAIN
        text = last[0] if strength != CHAIN else self.bracketed(last, POSTFIX)
        return self.n.joined([*parts, text]), strength

    def scalar(self, value: Any) -> Printed:
        text, kind = scalar(self.n, value)
        fraction = ATOM if isinstance(self.n, Latex) else PRODUCT
        strengths = {"atom": ATOM, "sum": SUM, "fraction": fraction, "power": POSTFIX}
        product = CHAIN if self.n.juxtaposes else PRODUCT
        return text, strengths.get(kind, product)

    def number(self, value: Any) -> str:
        return self.scalar(value)[0]

    def time(self, value: Any) -> str:
        return self.n.time(value)

    def call(self, name: str, *arguments: str) -> Printed:
        return self.n.call(name, arguments), ATOM
