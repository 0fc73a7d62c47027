"""What a formula says under a reading: a surface tree to a tensor, in numbers or in letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sympy

from ...errors import SymbpttError
from .. import surface as s
from ..algebra.tensor import Tensor
from .blocks import cases, entry, indicator, stack
from .derivatives import derivative
from .frame import Frame
from .functions import apply, power, quotient, transposed
from .products import product
from .sums import big, sum_of
from .symbols import shorthand, symbol


def number(m: Frame, node: s.Number) -> Tensor:
    return m.alg.number(sympy.Rational(node.text))


def inside(m: Frame, node: s.Group) -> Tensor:
    return m.of(node.of)


MEANINGS: dict[type[s.Node], Callable[[Frame, Any], Tensor]] = {
    s.Number: number,
    s.Group: inside,
    s.Underbrace: inside,
    s.Symbol: symbol,
    s.Shorthand: shorthand,
    s.Derivative: derivative,
    s.Sum: sum_of,
    s.Product: product,
    s.Quotient: quotient,
    s.Transpose: transposed,
    s.Power: power,
    s.Apply: apply,
    s.Big: big,
    s.Stack: stack,
    s.Indicator: indicator,
    s.Entry: entry,
    s.Cases: cases,
}


class Meaning(Frame):
    """The meaning of every kind of node."""

    def of(self, node: s.Node) -> Tensor:
        meaning = MEANINGS.get(type(node))
        if meaning is None:
            raise SymbpttError(f"a {type(node).__name__} is not understood here")
        return meaning(self, node)

    def left(self, node: s.Node) -> Tensor:
        """The left side, whose letters may have a meaning of their own."""
        saved = self.choice
        self.choice = replace(saved, gradients={**saved.gradients, **saved.on_left})
        try:
            return self.of(node)
        finally:
            self.choice = saved
