"""What a formula says under a reading: a surface tree to a tensor, in numbers or in letters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sympy

from ...errors import SymbpttError
from .. import surface as s
from ..algebra import tensor as tn
from ..algebra.tensor import Tensor
from .blocks import block, cases, entry, indicator, stack
from .derivatives import derivative, evaluated
from .entries import runs_over
from .frame import Frame
from .functions import apply, norm, power, quotient, transposed
from .products import product, third_order
from .recall import Said
from .sums import big, sum_of, turning
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
    s.Evaluated: evaluated,
    s.Sum: sum_of,
    s.Product: product,
    s.Quotient: quotient,
    s.Transpose: transposed,
    s.Power: power,
    s.Apply: apply,
    s.Big: big,
    s.Norm: norm,
    s.Stack: stack,
    s.Indicator: indicator,
    s.Entry: entry,
    s.Cases: cases,
}


class Meaning(Frame):
    """The meaning of every kind of node."""

    def left(self, node: s.Node) -> Tensor:
        """The left side, whose letters may have a meaning of their own; its shape is kept."""
        saved = self.choice
        if saved.on_left:
            self.choice = replace(saved, gradients={**saved.gradients, **saved.on_left})
        try:
            out = self.of(node)
        finally:
            self.choice = saved
        self.goal = out.shape
        if out.rank == 3:
            self.wanted = out
        return out

    def right(self, node: s.Node, left: Tensor) -> Tensor:
        """The right side, brought to the left one's form where the reading allows that."""
        out = turning(self, node)
        if out.rank == 1 and left.rank == 3 and self.settles("tensor"):
            self.used.add("tensor")  # ∂a_t/∂W = x_tᵀ
            return third_order(self, out, left)
        if out.rank == 1 and left.shape == out.shape * 2 and self.settles("diag"):
            self.used.add("diag")
            return tn.diag(self.alg, out)
        if left.rank == out.rank == 1 and left.left != out.left and self.settles("turn"):
            self.used.add("turn")
            return tn.transpose(self.alg, out)
        if left.rank == out.rank == 1 and left.shape != out.shape and self.settles("block"):
            return block(self, out, left.shape)
        return out

    def of(self, node: s.Node) -> Tensor:
        if self.recall is None:
            return self._read(node)
        key = (self.recall.letters(self.choice), self._wanted(), *sorted(self.probes.items()))
        said = self.recall.find(node, key, self.choice, self.alg.known)
        if said is None:
            said = self._said(node)
            self.recall.keep(node, key, self.choice, self.alg.known, said)
        self.alg.needed |= said.needed
        self.asked |= said.asked
        self.used |= said.used
        self.probes |= said.probes
        for c, n in said.components.items():
            runs_over(self, c, n)
        if isinstance(said.value, Exception):
            raise said.value.with_traceback(None)
        value: Tensor = said.value
        return value

    def _read(self, node: s.Node) -> Tensor:
        meaning = MEANINGS.get(type(node))
        if meaning is None:
            raise SymbpttError(f"a {type(node).__name__} is not understood here")
        return meaning(self, node)

    def _said(self, node: s.Node) -> Said:
        saved = self.asked, self.used, self.components, self.probes
        outside, self.alg.needed = self.alg.needed, set()
        self.asked, self.used, self.components = set(), set(), {}
        self.probes = dict(self.probes)
        value: Tensor | Exception
        try:
            value = self._read(node)
        except (SymbpttError, ArithmeticError, ValueError, LookupError) as error:
            value = error
        said = Said(
            value, frozenset(self.asked), frozenset(self.used), self.components, self.probes,
            frozenset(self.alg.needed),
        )  # fmt: skip
        self.asked, self.used, self.components, self.probes = saved
        self.alg.needed = outside
        return said

    def _wanted(self) -> Any:
        """What of the left side the value of the right one may depend on."""
        goal = self.goal if "outer" in self.choice.lenient else ()
        return None if self.wanted is None else (self.wanted.shape, self.wanted.left), goal
