"""Syntax trees to expressions of the language: names are looked up, shapes are checked.

Both grammars (plain text and LaTeX) end in the same trees, so they share this one meaning.
Every error is raised with the place of the token it speaks about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy
from lark import Token, Tree

from .. import matrix as mx
from ..errors import ParseError, Place, ShapeError, SymbpttError
from ..matrix.build import show_shape
from ..model import LOSS, Declaration
from .scope import Scope, known_functions

Node = mx.Node
Locate = Callable[[Any], Place | None]


@dataclass(frozen=True)
class Row:
    """vᵀ for a one-index v: a row, which a neighbouring product turns into outer or inner."""

    vector: Node


def plain(x: Any) -> Node:
    return x.vector if isinstance(x, Row) else x


class Elaborator:
    """One text's meaning. `read` parses a nested time such as the `t-1` of `h_{t-1}`."""

    def __init__(self, scope: Scope, locate: Locate, read: Callable[[str], Tree]):
        self.scope, self.locate, self.read = scope, locate, read

    def expression(self, tree: Any) -> Node:
        return plain(self.value(tree))

    def value(self, tree: Any) -> Any:
        try:
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

    # -- arithmetic

    def _plus(self, a: Any, b: Any) -> Node:
        return mx.plus(self.expression(a), self.expression(b))

    def _minus(self, a: Any, _: Token, b: Any) -> Node:
        return mx.plus(self.expression(a), mx.times(-1, self.expression(b)))

    def _negative(self, _: Token, a: Any) -> Node:
        return mx.times(-1, self.expression(a))

    def _times(self, a: Any, _: Token, b: Any) -> Node:
        return mx.times(self.expression(a), self.expression(b))

    def _matmul(self, a: Any, _: Token, b: Any) -> Node:
        return mx.matmul(self.expression(a), self.expression(b))

    def _divide(self, a: Any, _: Token, b: Any) -> Node:
        return mx.times(self.expression(a), mx.power(self.expression(b), -1))

    def _contract(self, a: Any, _: Token, b: Any) -> Node:
        """λ · ∂u/∂v: over the axes of u."""
        left, right = self.expression(a), self.expression(b)
        return mx.contract(left, right, outputs(right))

    def _juxtapose(self, a: Any, b: Any) -> Any:
        left, right = self.value(a), self.value(b)
        if isinstance(right, Row) and not isinstance(left, Row) and left.rank == 1:
            return mx.outer(left, right.vector)
        left_is_row = isinstance(left, Row)
        left, right = plain(left), plain(right)
        if not left.shape or not right.shape:
            return mx.times(left, right)
        product = mx.matmul(left, right)
        return Row(product) if left_is_row and product.rank == 1 else product

    def _power(self, a: Any, b: Any) -> Any:
        base = self.value(a)
        if getattr(b, "data", "") == "name" and str(b.children[0]) == "T" and plain(base).shape:
            return self._transpose(base)
        base, exponent = plain(base), self.scalar(b)
        if exponent.free_symbols:
            if base.rank != 2:
                raise ShapeError(f"the exponent {exponent} is symbolic", "a number, as in x**2")
            return mx.MatPow(base, exponent)
        return mx.power(base, exponent)

    def _superscript(self, a: Any, s: Token) -> Any:
        value = self.value(a)
        if s == "ᵀ":
            return self._transpose(value)
        digits = str(s).translate(str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-"))
        if not digits.lstrip("-").isdigit():
            raise ParseError(f"cannot read the superscript {s}", "^{…}")
        return mx.power(plain(value), int(digits))

    def _transposed(self, a: Any) -> Any:
        return self._transpose(self.value(a))

    def _transpose(self, value: Any) -> Any:
        if isinstance(value, Row):
            return value.vector
        return Row(value) if value.rank == 1 else mx.transpose(value)

    def _number(self, n: Token) -> Node:
        return mx.Scalar(sympy.Rational(str(n)))

    # -- sums and products over time

    def _bigop(self, big: Token, name: Token, lo: Any, hi: Any, body: Any) -> Node:
        lo, hi = self.scalar(lo), self.scalar(hi)
        inner = Elaborator(self.scope.with_time(str(name)), self.locate, self.read)
        k = inner.scope.times[str(name)]
        value = inner.expression(body)
        if big[0] in "∏p":
            half = value.rank // 2
            if not half or value.shape[:half] != value.shape[half:]:
                raise ShapeError(f"a product over time is of square matrices, not {value.shape}")
            return mx.TimeProd(value, k, lo, hi)
        return mx.time_sum(value, k, lo, hi)

    # -- names

    def _name(self, token: Token) -> Node:
        name, time = self.scope.split(str(token))
        if name in ("loss", "L"):
            return LOSS
        scalar = self.scope.scalar(name)
        if scalar is not None:
            return mx.Scalar(scalar)
        d = self._declared(name)
        return self._var(d, [self.time(time)] if time is not None else [])

    def _declared(self, name: str) -> Declaration:
        d = self.scope.declarations.get(name)
        if d is None:
            raise ParseError(f"{name!r} is not declared", self.scope.suggestion(name))
        return d

    def _var(self, d: Declaration, times: list[Any]) -> mx.Var:
        if d.role == "propagator":
            return mx.Var(d.name, d.shape, times)
        if d.timed and len(times) != 1:
            raise ParseError(f"{d.name!r} changes with time", f"{d.name}[t] or {d.name}[t-1]")
        if times and not d.timed:
            raise ParseError(f"{d.name!r} does not depend on time", d.name)
        return d.var(*times)

    def time(self, text: str) -> Any:
        """The time written in a subscript."""
        return self.scalar(self.read(text))

    def _element(self, tree: Any, subscripts: Tree) -> Node:
        return self._entry(self.expression(tree), subscripts.children)

    def _indexed(self, name: Token, subscripts: Tree) -> Node:
        base, time = self.scope.split(str(name))
        d = self._declared(base)
        items = subscripts.children
        if time is not None:
            return self._entry(self._var(d, [self.time(time)]), items)
        if any(getattr(i, "data", "") == "everything" for i in items):
            return self._gather(d.var(), items)
        if d.timed or d.role == "propagator":
            return self._var(d, [self.scalar(i) for i in items])
        return self._entry(d.var(), items)

    def _indexed_twice(self, name: Token, times: Tree, subscripts: Tree) -> Node:
        d = self._declared(str(name))
        var = self._var(d, [self.scalar(i) for i in times.children])
        return self._entry(var, subscripts.children)

    def _entry(self, var: Node, items: list[Any]) -> Node:
        if len(items) != var.rank:
            raise ShapeError(f"{var} has {var.rank} indices, {len(items)} are given")
        return mx.Element(var, [_index_name(i) for i in items])

    def _gather(self, matrix: mx.Var, items: list[Any]) -> Node:
        """U[:, x[t]] or E[x[t], :]: the columns or rows that a token index names."""
        if matrix.rank != 2 or len(items) != 2:
            raise ShapeError(f"{matrix.name} has {matrix.rank} indices", "U[:, x[t]]")
        columns = getattr(items[0], "data", "") == "everything"
        index = self.expression(items[1] if columns else items[0])
        if not isinstance(index, mx.Var):
            raise ParseError("a gather takes one index variable", "U[:, x[t]]")
        rows = mx.onehot(index, matrix.shape[1 if columns else 0])
        d = self.scope.declarations.get(index.name)
        if d is None or d.classes is None or d.classes != rows.shape[-1]:
            raise ShapeError(
                f"{index.name} does not index {rows.shape[-1]} entries",
                f"input {index.name}[t] : index {rows.shape[-1]}",
            )
        if not columns:
            return mx.matmul(rows, matrix)
        return mx.matmul(matrix, rows.T)

    def _everything(self) -> Node:
        raise ParseError("':' stands only in a gather", "U[:, x[t]]")

    def _kron(self, i: Any, j: Any) -> Node:
        """[i = j] for index names, [t = T] for times."""
        if any(self._is_time(x) for x in (i, j)):
            return mx.Kron(self.scalar(i), self.scalar(j))
        return mx.Kron(_index_name(i), _index_name(j))

    def _is_time(self, tree: Tree) -> bool:
        return any(str(v) in self.scope.times for v in tree.scan_values(lambda v: True))

    def _derivative(self, token: Token) -> Node:
        top, bottom = (part.strip() for part in str(token).split("/"))
        if top[0] != bottom[0]:
            raise ParseError("d and ∂ are mixed in one derivative", "dL/dh[t] or ∂h[t]/∂a[t]")
        of, wrt = (self._variable(part[1:]) for part in (top, bottom))
        return mx.derivative(of, wrt, total=top[0] == "d")

    def _variable(self, text: str) -> mx.Var:
        node = self.expression(self.read(text))
        if not isinstance(node, mx.Var):
            raise ParseError(f"{text!r} is not a variable", "a declared name, as in dL/dh[t]")
        return node

    # -- calls

    def _call(self, name: Token, arguments: Tree | None) -> Node:
        items = arguments.children if arguments else []
        given = [i for i in items if getattr(i, "data", "") != "keyword"]
        keywords = {
            str(i.children[0]): i.children[1]
            for i in items
            if getattr(i, "data", "") == "keyword"
        }
        if str(name) in _CALLS:
            return _CALLS[str(name)](self, [self.expression(i) for i in given], keywords)
        if str(name) in self.scope.functions or str(name) in mx.builtin_names():
            return self._function(str(name), given)
        if str(name) in self.scope.declarations and len(given) == 1:
            return self._juxtapose(Tree("name", [name]), given[0])
        raise ParseError(
            f"unknown function {str(name)!r}; known: {known_functions(self.scope.functions)}",
            "one of these, or declare it: `function f(z) = z*sigmoid(z)`",
        )

    def _call_partial(self, token: Token, arguments: Tree | None) -> Node:
        """∂2f(x, h, w): the derivative of an uninterpreted f by its second argument."""
        text = str(token)[1:]
        digits = len(text) - len(text.lstrip("0123456789"))
        k, name = int(text[:digits]), text[digits:]
        arity = self.scope.functions.get(name)
        if not isinstance(arity, int) or not 1 <= k <= arity:
            raise ParseError(f"{name} is no uninterpreted function of {k} arguments", "∂1f(…)")
        call = self._function(name, arguments.children if arguments else [])
        shape = self.scope.results.get(name, ())
        return mx.CallDeriv(mx.Call(name, call.args[1], shape), k - 1)

    def _function(self, name: str, given: list[Any]) -> Node:
        nodes = [self.expression(i) for i in given]
        fn = self.scope.functions.get(name)
        if isinstance(fn, int):
            if len(nodes) != fn:
                raise ParseError(f"{name} takes {fn} arguments, {len(nodes)} are given")
            return mx.Call(name, nodes, self.scope.results.get(name, ()))
        if len(nodes) != 1:
            raise ParseError(f"{name} is elementwise and takes one argument", f"{name}(a[t])")
        return mx.Apply(fn or mx.builtin(name), nodes[0])


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


def _index_name(tree: Any) -> sympy.Symbol:
    if getattr(tree, "data", "") != "name":
        raise ParseError("an index is a single name", "W[i, j]")
    return sympy.Symbol(str(tree.children[0]))


def _anchor(tree: Any) -> Any:
    """The token an error about this tree should point at: its operator, else its start."""
    if isinstance(tree, Token):
        return tree
    operators = [c for c in tree.children if isinstance(c, Token)]
    return operators[0] if operators else tree


def _count(name: str, nodes: list[Node], n: int) -> None:
    if len(nodes) != n:
        raise ParseError(f"{name} takes {n} argument{'s' * (n != 1)}, {len(nodes)} given")


def _reduce(self: Elaborator, nodes: list[Node], keywords: dict[str, Any], mean: bool) -> Node:
    _count("mean" if mean else "sum", nodes, 1)
    axis = keywords.pop("axis", None)
    keepdims = keywords.pop("keepdims", None) is not None
    if keywords:
        raise ParseError(f"unknown keyword {next(iter(keywords))!r}", "axis=0")
    x = nodes[0]
    axes = None if axis is None else (int(self.scalar(axis)),)
    total = mx.sum_axes(x, axes, keepdims)
    if not mean:
        return total
    summed = range(x.rank) if axes is None else axes
    return mx.times(1 / sympy.prod([x.shape[a] for a in summed]), total)


def _fixed(count: int, build: Callable[..., Node], name: str) -> Callable[..., Node]:
    def call(self: Elaborator, nodes: list[Node], keywords: dict[str, Any]) -> Node:
        _count(name, nodes, count)
        if keywords:
            raise ParseError(f"{name} takes no keyword {next(iter(keywords))!r}")
        return build(*nodes)

    return call


def _softmax(x: Node) -> Node:
    if not x.shape:
        raise ShapeError("softmax takes a vector or the rows of a matrix, not a scalar")
    return mx.Softmax(x)


def _loss(build: Callable[..., Node], name: str) -> Callable[..., Node]:
    def call(self: Elaborator, nodes: list[Node], keywords: dict[str, Any]) -> Node:
        _count(name, nodes, 2)
        return build(nodes[0], self_target(self, nodes[1]))

    return call


def self_target(self: Elaborator, y: Node) -> Node:
    """An index target stands for its one-hot rows."""
    d = self.scope.declarations.get(y.name) if isinstance(y, mx.Var) else None
    return mx.onehot(y, d.classes) if d is not None and d.classes is not None else y


def _onehot(self: Elaborator, nodes: list[Node], keywords: dict[str, Any]) -> Node:
    _count("onehot", nodes, 1)
    rows = self_target(self, nodes[0])
    if not isinstance(rows, mx.OneHot):
        raise ParseError(
            f"onehot takes a class index, and {nodes[0]} is not one", "target y[t] : N in C"
        )
    return rows


def _column(x: Node) -> Node:
    """x[:, None]: one number per row, spread over the row."""
    return mx.Expand(x, (*x.shape, 1))


def _eye(self: Elaborator, nodes: list[Node], keywords: dict[str, Any]) -> Node:
    _count("eye", nodes, 1)
    if not isinstance(nodes[0], mx.Scalar):
        raise ParseError("eye takes a size", "eye(H)")
    return mx.Eye(nodes[0].value)


_CALLS: dict[str, Callable[[Elaborator, list[Node], dict[str, Any]], Node]] = {
    "softmax": _fixed(1, _softmax, "softmax"),
    "outer": _fixed(2, mx.outer, "outer"),
    "diag": _fixed(1, mx.diag, "diag"),
    "eye": _eye,
    "sum": lambda s, n, k: _reduce(s, n, k, mean=False),
    "mean": lambda s, n, k: _reduce(s, n, k, mean=True),
    "cross_entropy": _loss(mx.cross_entropy, "cross_entropy"),
    "squared_error": _loss(mx.squared_error, "squared_error"),
    "onehot": _onehot,
    "column": _fixed(1, _column, "column"),
}
