"""The bodies of elementwise functions, `function swish(z) = z*sigmoid(z)`, as SymPy expressions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from lark import Token, Tree

from .. import matrix as mx
from ..errors import ParseError
from ..matrix.functions import Z
from .elaborate import Elaborator
from .numbers import literal, raised
from .scope import Scope

_EXAMPLE = "function swish(z) = z*sigmoid(z)"


def body_of(tree: Any, param: str, scope: Scope, e: Elaborator) -> sympy.Expr:
    """The body as an expression in `Z`: numbers, + − * / **, known functions, the argument."""
    return _Body(param, scope, e).read(tree)


class _Body:
    def __init__(self, param: str, scope: Scope, e: Elaborator):
        self.param, self.scope, self.e = param, scope, e

    def read(self, tree: Tree) -> sympy.Expr:
        value = self._read(tree)
        if not value.is_finite and value.is_number:
            raise ParseError("this has no value", _EXAMPLE, self.e.locate(tree))
        return value

    def _read(self, tree: Tree) -> sympy.Expr:
        children: list[Any] = tree.children
        operands = [c for c in children if isinstance(c, Tree)]
        if tree.data == "number":
            return literal(str(children[0]))
        if tree.data == "name":
            return self._name(children[0])
        if tree.data == "call" and children[1] and len(children[1].children) == 1:
            return self._call(children[0], children[1].children[0])
        if tree.data == "power":
            return self._power(tree, *map(self.read, operands))
        if tree.data in _ARITHMETIC:
            return _ARITHMETIC[tree.data](*map(self.read, operands))
        raise ParseError(
            "an elementwise function is made of numbers, + − * / ** and known functions",
            _EXAMPLE,
            self.e.locate(tree),
        )

    def _name(self, token: Token) -> sympy.Expr:
        if str(token) == self.param:
            return Z
        known = self.scope.scalar(str(token))
        if known is None or str(token) in self.scope.times:
            raise ParseError(
                f"{str(token)!r} is not the argument", self.param, self.e.locate(token)
            )
        return known

    def _call(self, token: Token, argument: Tree) -> sympy.Expr:
        name = str(token)
        inner = self.read(argument)
        fn = self.scope.functions.get(name)
        if name in mx.builtin_names():
            fn = mx.builtin(name)
        if isinstance(fn, mx.Fn):
            return fn.body.xreplace({Z: inner})
        raise ParseError(
            f"unknown function {name!r}", self.scope.suggestion(name), self.e.locate(token)
        )

    def _power(self, tree: Tree, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        if exponent.free_symbols:
            raise ParseError("the exponent is a number", "z**2", self.e.locate(tree))
        checked = mx.Scalar(base) if base.is_number else mx.Var("z")
        raised(checked, exponent)  # refuses what cannot be computed
        return base**exponent


_ARITHMETIC: dict[str, Callable[..., sympy.Expr]] = {
    "group": lambda a: a,
    "plus": lambda a, b: a + b,
    "minus": lambda a, b: a - b,
    "negative": lambda a: -a,
    "times": lambda a, b: a * b,
    "juxtapose": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
}
