"""Syntax trees to expressions of the language: names are looked up, shapes are checked.

Both grammars (plain text and LaTeX) end in the same trees, so they share this one meaning.
Every error is raised with the place of the token it speaks about.
"""

from __future__ import annotations

from typing import Any

from lark import Token, Tree

from .. import matrix as mx
from ..errors import ParseError, ShapeError
from ..matrix.build import show_shape
from ..matrix.layout import is_jacobian, transposed
from ..model import Declaration
from . import calls
from .arithmetic import Arithmetic
from .numbers import raised
from .reader import Node, items_of, plain
from .references import References
from .scope import Scope, known_functions


class Elaborator(Arithmetic, References):
    """One text's meaning: `expression` of a tree, `scalar` of a tree that is a number."""

    # -- sums and products over time, sums over an index

    def _bigop(self, big: Token, name: Token, lo: Any, hi: Any, body: Any) -> Node:
        start, end = self.scalar(lo), self.scalar(hi)
        if big[0] not in "∏p" and end.is_positive and end.is_Symbol:
            return self._index_sum([(str(name), end, start)], body)
        inner = self.within(self.scope.with_time(str(name)))
        k = inner.scope.times[str(name)]
        value = inner.expression(body)
        if big[0] in "∏p":
            half = value.rank // 2
            if not half or value.shape[:half] != value.shape[half:]:
                raise ShapeError(
                    f"a product over time is of square matrices, not {show_shape(value.shape)}",
                    "∏_{j=k+1}^{t} ∂h_j/∂h_{j-1}",
                )
            return mx.TimeProd(value, k, start, end)
        return mx.time_sum(value, k, start, end)

    def _bigop_swapped(self, big: Token, hi: Any, name: Token, lo: Any, body: Any) -> Node:
        return self._bigop(big, name, lo, hi, body)

    def _index_sum(self, bounds: list[tuple[str, Any, Any]], body: Any) -> Node:
        """Σ_{n=1}^{N} [x]_{n,:}, over one index or several."""
        while getattr(body, "data", "") == "bigop":
            _, name, lo, hi, body = body.children
            bounds.append((str(name), self.scalar(hi), self.scalar(lo)))
        names = [n for n, _, _ in bounds]
        if getattr(body, "data", "") != "entries" or any(lo != 1 for _, _, lo in bounds):
            raise ParseError(
                "a sum over an index adds entries of an array, from 1 on",
                r"\sum_{n=1}^{N} \left[x\right]_{n,:}",
            )
        x = self.expression(body.children[0])
        items = items_of(body.children[1])
        if len(items) != x.rank or sorted(i for i in items if i != ":") != sorted(names):
            raise ShapeError(f"{names} are not the indices of shape {show_shape(x.shape)}")
        for name, size, _ in bounds:
            if x.shape[items.index(name)] != size:
                raise ShapeError(
                    f"the index {name} runs to {x.shape[items.index(name)]}, not to {size}"
                )
        return mx.sum_axes(x, tuple(items.index(n) for n in names))

    # -- calls

    def _call(self, name: Token, arguments: Tree | None) -> Any:
        items = arguments.children if arguments else []
        if self._is_product(Tree("call", [name, arguments])):
            return self._juxtapose(Tree("name", [name]), Tree("group", [items[0]]))
        text = self.scope.known_function(str(name))
        if text in calls.CALLS:
            return calls.call(self, text, items)
        if text is None:
            raise ParseError(
                f"unknown function {str(name)!r}; known: {known_functions(self.scope.functions)}",
                self.scope.close_function(str(name))
                or "one of these, or declare it: `function f(z) = z*sigmoid(z)`",
            )
        return self._function(text, items)

    def _zeros(self, *sizes: Any) -> Node:
        """0_{N×H}"""
        return plain(calls.call(self, "zeros", list(sizes)))

    def _call_power(self, name: Token, exponent: Any, arguments: Tree | None) -> Node:
        """tanh²(a), the square of the value."""
        return raised(plain(self._call(name, arguments)), self.scalar(exponent))

    def _call_entry(self, name: Token, arguments: Tree | None, subscripts: Tree) -> Any:
        """softmax(o)[n, j]; for an array, W (x)[n, j] is W times that entry."""
        return self._element(Tree("call", [name, arguments]), subscripts)

    def _call_entries(self, name: Token, arguments: Tree | None, entries: Token) -> Any:
        """softmax(o)_{j}"""
        return self._entries(Tree("call", [name, arguments]), entries)

    def _call_partial(self, token: Token, arguments: Tree | None) -> Node:
        """∂2f(x, h, w): the derivative of an uninterpreted f by its second argument."""
        text = str(token)[1:].translate(str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789"))
        name = text.lstrip("0123456789")
        k = int(text.removesuffix(name)[:4])
        arity = self.scope.functions.get(name)
        if not isinstance(arity, int) or not 1 <= k <= arity:
            raise ParseError(f"{name} is no uninterpreted function of {k} arguments", "∂1f(…)")
        call = self._function(name, arguments.children if arguments else [])
        shape = self.scope.results.get(name, ())
        return mx.CallDeriv(mx.Call(name, call.args[1], shape), k - 1)

    def _function(self, name: str, given: list[Any]) -> Node:
        calls.refuse_keywords(self, name, given)
        nodes = [self.expression(i) for i in given]
        fn = self.scope.functions.get(name)
        arity = fn if isinstance(fn, int) else 1
        if len(nodes) != arity:
            calls.count(name, nodes, arity)
        if isinstance(fn, int):
            return mx.Call(name, nodes, self.scope.results.get(name, ()))
        return mx.Apply(fn or mx.builtin(name), nodes[0])


def sides(e: Elaborator, left: Any, right: Any) -> tuple[Node, Node]:
    """Both sides of an equation; a constant on the right is spread over the shape of the left.

    The λ of `λ · ∂u/∂v = …` is a cotangent: it has the shape of u. What a text in denominator
    layout says a Jacobian is comes back transposed, in numerator layout.
    """
    e = e.within(_with_cotangent(e, left))
    lhs, rhs = e.expression(left), e.expression(right)
    if e.scope.layout == "denominator" and is_jacobian(lhs):
        rhs = transposed(rhs)
    if rhs.shape != lhs.shape:
        if not isinstance(rhs, mx.Scalar):
            raise ShapeError(
                f"the left side has shape {show_shape(lhs.shape)}, the right side "
                f"{show_shape(rhs.shape)}",
                "sides of one shape; only a constant is spread",
                e.locate(right),
            )
        rhs = mx.broadcast(rhs, lhs.shape)
    return lhs, rhs


def _with_cotangent(e: Elaborator, left: Any) -> Scope:
    data, parts = getattr(left, "data", ""), getattr(left, "children", [])
    if data == "contract" and e.scope.layout == "denominator":
        parts = parts[::-1]
    if data != "contract" or getattr(parts[0], "data", "") != "name" or parts[0].children[0] != "λ":
        return e.scope
    jacobian = e.expression(parts[2])
    if not isinstance(jacobian, mx.Deriv):
        return e.scope
    return e.scope.with_declaration(Declaration("λ", "param", jacobian.of.shape))
