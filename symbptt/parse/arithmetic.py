"""Arithmetic: sums, the four products, powers and transposes.

Juxtaposition is the matrix product; a row vᵀ (`Row`) makes it outer (u vᵀ) or inner (vᵀ u).
"""

from __future__ import annotations

from typing import Any

import sympy
from lark import Token, Tree

from .. import matrix as mx
from ..errors import ParseError, ShapeError
from ..matrix.build import broadcast_shape, show_shape
from .numbers import literal, raised
from .reader import Node, Reader, Row, Spread, plain


class Arithmetic(Reader):
    """Trees of + − * ∘ @ / · and of what stands behind an operand: ² ᵀ ^{…}."""

    def _plus(self, a: Any, b: Any) -> Node:
        return mx.plus(self.expression(a), self.expression(b))

    def _minus(self, a: Any, _: Token, b: Any) -> Node:
        left, right = self.expression(a), self.expression(b)
        broadcast_shape([left, right], "-")  # a clash is said of the sign that is written
        return mx.plus(left, mx.times(-1, right))

    def _negative(self, _: Token, a: Any) -> Any:
        value = self.value(a)
        negative = mx.times(-1, plain(value))
        return Row(negative) if isinstance(value, Row) else negative

    def _times(self, a: Any, star: Token, b: Any) -> Node:
        left, right = self.expression(a), self.expression(b)
        if {left.rank, right.rank} == {1, 2}:
            matrix, vector = (left, right) if left.rank == 2 else (right, left)
            self.spreads.append(Spread(matrix, vector, self.locate(star)))
        return mx.times(left, right)

    def _matmul(self, a: Any, _: Token, b: Any) -> Node:
        return mx.matmul(self.expression(a), self.expression(b))

    def _divide(self, a: Any, _: Token, b: Any) -> Node:
        return self._fraction(a, b)

    def _fraction(self, a: Any, b: Any) -> Node:
        return mx.times(self.expression(a), raised(self.expression(b), sympy.Integer(-1)))

    def _contract(self, a: Any, _: Token, b: Any) -> Node:
        """λ · ∂u/∂v: over the axes of u. With a number the dot is the ordinary product.

        In denominator layout the Jacobian stands first: ∂u/∂v · λ.
        """
        left, right = self.expression(a), self.expression(b)
        if isinstance(left, mx.Scalar) or isinstance(right, mx.Scalar):
            return mx.times(left, right)
        if self.scope.layout == "denominator":
            left, right = right, left
        return mx.contract(left, right, outputs(right))

    def _group(self, a: Any) -> Any:
        return self.value(a)

    def _juxtapose(self, a: Any, b: Any) -> Any:
        """From left to right: with NumPy's vectors (A v) B and A (v B) are different things."""
        first, *rest = map(self.value, self._factors(Tree("juxtapose", [a, b])))
        for factor in rest:
            first = self._product(first, factor)
        return first

    def _factors(self, tree: Any) -> list[Any]:
        """The factors of a chain. In W (x) with a declared W the bracket is a factor of its own."""
        if getattr(tree, "data", "") == "juxtapose":
            left, right = tree.children
            return [*self._factors(left), *self._factors_of_call(right)]
        return self._factors_of_call(tree)

    def _factors_of_call(self, tree: Any) -> list[Any]:
        tree = self._regrouped(tree)
        if not self._is_product(tree):
            return [tree]
        return [Tree("name", [tree.children[0]]), tree.children[1].children[0]]

    def _product(self, a: Any, b: Any) -> Any:
        """The matrix product, the outer product u vᵀ, or a scalar times something."""
        left, right = plain(a), plain(b)
        row = isinstance(a, Row)
        if not left.shape or not right.shape:
            scaled = mx.times(left, right)
            return Row(scaled) if row or isinstance(b, Row) else scaled
        if isinstance(b, Row):
            if row or left.rank != 1:
                raise ShapeError(
                    f"a product of shape {show_shape(left.shape)} with a row of size "
                    f"{right.shape[0]} does not exist",
                    "the vector without its transpose, or u vᵀ for two vectors",
                )
            return mx.outer(left, right)
        product = mx.matmul(left, right)
        return Row(product) if row and product.rank == 1 else product

    def _power(self, a: Any, b: Any) -> Any:
        base = self.value(a)
        if getattr(b, "data", "") == "name" and str(b.children[0]) == "T" and plain(base).shape:
            return self._transpose(base)
        return raised(plain(base), self.scalar(b))

    def _sqrt(self, a: Any) -> Node:
        return raised(self.expression(a), sympy.Rational(1, 2))

    def _superscript(self, a: Any, s: Token) -> Any:
        value = self.value(a)
        if s == "ᵀ":
            return self._transpose(value)
        digits = str(s).translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
        if not digits.removeprefix("-").isdigit():
            raise ParseError(f"cannot read the superscript {s}", "² or ᵀ, or ^{…}")
        return raised(plain(value), literal(digits))

    def _transposed(self, a: Any) -> Any:
        return self._transpose(self.value(a))

    def _transpose(self, value: Any) -> Any:
        if isinstance(value, Row):
            return value.vector
        return Row(value) if value.rank == 1 else mx.transpose(value)

    def _number(self, n: Token) -> Node:
        return mx.Scalar(literal(str(n)))

    def _norm(self, a: Any, exponent: Any) -> Node:
        """‖v‖², the sum of squares of a vector."""
        value = self.expression(a)
        if value.rank != 1 or self.scalar(exponent) != 2:
            raise ParseError("a norm is that of a vector, squared", "‖o_t − y_t‖²")
        return mx.sum_axes(mx.power(value, 2))


def outputs(node: Node) -> int:
    """How many leading axes of a Jacobian belong to what is differentiated."""
    if isinstance(node, mx.Deriv):
        return node.of.rank
    if isinstance(node, mx.CallDeriv):
        return node.args[0].rank
    if isinstance(node, mx.TimeProd):
        return node.rank // 2
    if isinstance(node, mx.Contract):
        return outputs(node.args[0])
    raise ShapeError(f"'·' takes a Jacobian on its right, not {node}", "λ · ∂h[t]/∂a[t]")
