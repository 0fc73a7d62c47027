"""What every part of the elaborator stands on: the walk over a tree, and errors with a place."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Self

from lark import Token, Tree

from .. import matrix as mx
from ..errors import ParseError, Place, SymbpttError
from .scope import Scope

Node = mx.Node
Locate = Callable[[Any], Place | None]
_POSTFIX = ("power", "superscript", "transposed", "element")


@dataclass(frozen=True)
class Row:
    """vᵀ for a one-index v: a row, which a neighbouring product turns into outer or inner."""

    vector: Node


@dataclass(frozen=True)
class Spread:
    """A product `matrix * vector`, which NumPy spreads over the rows."""

    matrix: Node
    vector: Node
    place: Place | None


def plain(x: Any) -> Node:
    return x.vector if isinstance(x, Row) else x


class Reader:
    """One text's meaning. `read` parses a nested time such as the `t-1` of `h_{t-1}`."""

    def __init__(self, scope: Scope, locate: Locate, read: Callable[[str], Tree]):
        self.scope, self.locate, self.read = scope, locate, read
        self.spreads: list[Spread] = []

    def within(self, scope: Scope) -> Self:
        """The same text in another scope."""
        return type(self)(scope, self.locate, self.read)

    def expression(self, tree: Any) -> Node:
        return plain(self.value(tree))

    def value(self, tree: Any) -> Any:
        try:
            tree = self._regrouped(tree)
            return getattr(self, "_" + tree.data)(*tree.children)
        except SymbpttError as error:
            raise error.at(self.locate(_anchor(tree))) from None

    def scalar(self, tree: Any) -> Any:
        """A SymPy scalar: a size, a time, an exponent."""
        node = self.expression(tree)
        if not isinstance(node, mx.Scalar):
            raise ParseError("expected a number, a size or a time here").at(
                self.locate(_anchor(tree))
            )
        return node.value

    def nested(self, text: str) -> Node:
        """The expression written inside one token; its errors point at that token."""
        try:
            tree = self.read(text)
            return type(self)(self.scope, lambda item: None, self.read).expression(tree)
        except SymbpttError as error:
            error.place = None
            raise

    def _regrouped(self, tree: Any) -> Any:
        """W (x)² is W times x²: a declared array is not called, so ² belongs to the bracket."""
        data = getattr(tree, "data", "")
        if data == "call_entry":
            name, arguments, subscripts = tree.children
            call = Tree("call", [name, arguments], tree.meta)
            tree, data = Tree("element", [call, subscripts], tree.meta), "element"
        if data not in _POSTFIX:
            return tree
        inner = self._regrouped(tree.children[0])
        if not self._is_product(inner):
            return tree
        name, bracket = inner.children[0], inner.children[1].children[0]
        rest = Tree(data, [Tree("group", [bracket]), *tree.children[1:]], tree.meta)
        return Tree("call", [name, Tree("arguments", [rest])], tree.meta)

    def _is_product(self, tree: Any) -> bool:
        """Whether `name (x)` is a product: the name is declared and no function."""
        if getattr(tree, "data", "") != "call":
            return False
        name, arguments = tree.children
        if arguments is None or len(arguments.children) != 1 or self.scope.is_function(name):
            return False
        base = self.scope.split(str(name))[0]
        return self.scope.known(base) is not None or self.scope.scalar(base) is not None


def items_of(token: Token) -> list[str]:
    """The comma-separated items of a subscript: n, :, x_{t}."""
    return [i.strip() for i in re.split(r",(?![^{]*\})", str(token))]


def index_name(tree: Any) -> str:
    if getattr(tree, "data", "") != "name":
        raise ParseError("an index is a single name", "W[i, j]")
    return str(tree.children[0])


def _anchor(tree: Any) -> Any:
    """The token an error about this tree should point at: its operator, else its start."""
    if isinstance(tree, Token):
        return tree
    operators = [c for c in tree.children if isinstance(c, Token)]
    return operators[0] if operators else tree


@contextmanager
def shallow(place: Place) -> Iterator[None]:
    """A text nested deeper than the walk can follow is an error of the text."""
    try:
        yield
    except RecursionError:
        raise ParseError(
            "this is nested too deeply to be read", "shorter expressions with names", place
        ) from None
