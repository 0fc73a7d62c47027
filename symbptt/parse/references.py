"""Names: variables at their times, entries, gathers, deltas and derivatives."""

from __future__ import annotations

from typing import Any

import sympy
from lark import Token, Tree

from .. import matrix as mx
from ..errors import ParseError, ShapeError
from ..matrix.build import show_shape
from ..model import LOSS, Declaration
from .names import readings
from .numbers import linear_time
from .reader import Node, Reader, index_name, items_of


class References(Reader):
    """Trees that end in a declared name."""

    def _name(self, token: Token) -> Node:
        scalar = self.scope.scalar(str(token))
        if scalar is not None:
            return mx.Scalar(scalar)
        name, time, entries = self.scope.split(str(token))
        if name in ("loss", "L"):
            return LOSS
        scalar = self.scope.scalar(name)
        if scalar is not None and time is None and not entries:
            return mx.Scalar(scalar)
        identity = self._identity(str(token))
        if identity is not None and self.scope.known(name) is None:
            return identity
        d = self._declared(name)
        var = self._var(d, [self.time(time)] if time is not None else [])
        return self._entry(var, entries) if entries else var

    def _identity(self, text: str) -> Node | None:
        """I_H, for a declared size H."""
        for name, rest, _ in readings(text):
            size = self.scope.scalar(rest[0]) if name == "I" and len(rest) == 1 else None
            if size is not None and size.is_positive:
                return mx.Eye(size)
        return None

    def _declared(self, name: str) -> Declaration:
        d = self.scope.declarations.get(self.scope.known(name) or name)
        if d is not None:
            return d
        if function := self.scope.known_function(name):
            raise ParseError(
                f"{name!r} is a function, and its argument is missing", f"{function}(…)"
            )
        raise ParseError(f"{name!r} is not declared", self.scope.suggestion(name))

    def _var(self, d: Declaration, times: list[Any]) -> mx.Var:
        if d.role == "propagator":
            return mx.Var(d.name, d.shape, times)
        if d.role in ("size", "hyper"):
            raise ParseError(f"{d.name!r} is a number and has no subscript", d.name)
        if d.timed and len(times) != 1:
            raise ParseError(f"{d.name!r} changes with time", f"{d.name}[t] or {d.name}[t-1]")
        if times and not d.timed:
            raise ParseError(f"{d.name!r} does not depend on time", d.name)
        return d.var(*map(linear_time, times))

    def time(self, text: str) -> Any:
        """The time written in a subscript."""
        node = self.nested(text)
        if not isinstance(node, mx.Scalar):
            raise ParseError(f"{text!r} is not a time", "t, t-1 or a number")
        return node.value

    def _element(self, tree: Any, subscripts: Tree) -> Any:
        if _is_block(subscripts):
            return self._block(self.expression(tree), subscripts.children)
        if self._is_concat(subscripts):
            both = [Tree("group", [tree]), Tree("concat", subscripts.children)]
            return self.value(Tree("juxtapose", both))
        return self._entry(self.expression(tree), list(map(index_name, subscripts.children)))

    def _entries(self, tree: Any, subscripts: Token) -> Node:
        """[x]_{n,j}, and the gather [U]_{:,x_t}."""
        x, items = self.expression(tree), items_of(subscripts)
        if any(len(i) > 1 and ":" in i for i in items):
            return self._block(x, [self._item(i) for i in items])
        if ":" in items and len(items) == 2 and isinstance(x, mx.Var) and x.rank == 2:
            columns = items[0] == ":"
            return self._gathered(x, self.nested(items[1 if columns else 0]), columns)
        return self._entry(x, items)

    def _indexed(self, name: Token, subscripts: Tree) -> Any:
        base, time, entries = self.scope.split(str(name))
        d = self._declared(base)
        items = subscripts.children
        if _is_block(subscripts):
            var = self._var(d, [self.time(time)] if time is not None else [])
            return self._block(var, items)
        if any(getattr(i, "data", "") == "everything" for i in items):
            if len(items) != 2 or d.timed:
                self._everything()
            return self._gather(self._var(d, []), items)
        if time is None and not entries and (d.timed or d.role == "propagator"):
            return self._var(d, [self.scalar(i) for i in items])
        if not entries and self._is_concat(subscripts):
            return self.value(Tree("juxtapose", [Tree("name", [name]), Tree("concat", items)]))
        if time is None and len(items) == 1 and self._is_time(items[0]):
            raise ParseError(f"{d.name!r} does not depend on time", d.name)
        var = self._var(d, [self.time(time)] if time is not None else [])
        return self._entry(var, [*entries, *map(index_name, items)])

    def _indexed_twice(self, name: Token, times: Tree, subscripts: Tree) -> Node:
        d = self._declared(str(name))
        var = self._var(d, [self.scalar(i) for i in times.children])
        if _is_block(subscripts):
            return self._block(var, subscripts.children)
        return self._entry(var, list(map(index_name, subscripts.children)))

    def _entry(self, x: Node, names: list[str]) -> Node:
        if len(names) != x.rank:
            raise ShapeError(
                f"an entry of shape {show_shape(x.shape)} has {x.rank} indices, not {len(names)}",
                f"[{', '.join('ijklmn'[: x.rank])}]" if x.rank else "no index",
            )
        bad = [n for n in names if not n.isidentifier()]
        if bad:
            raise ParseError(f"an index is a single name, not {bad[0]!r}", "W[i, j]")
        return mx.Element(x, list(map(sympy.Symbol, names)))

    def _block(self, x: Node, items: list[Any]) -> Node:
        """x[:, lo:hi], columns of a matrix; x[lo:hi], entries of a vector."""
        *before, last = items
        if any(getattr(i, "data", "") != "everything" for i in before) or len(items) != x.rank:
            where = ", ".join([":"] * (x.rank - 1) + ["0:H"])
            raise ShapeError(
                f"a block is taken of the last axis of shape {show_shape(x.shape)}",
                f"[{where}]" if x.rank else "no index",
            )
        ends = [None, None] if last.data == "everything" else [*last.children, None][:2]
        lo, hi = (None if i is None else self.scalar(i) for i in ends)
        return mx.block(x, lo or 0, x.shape[-1] if hi is None else hi)

    def _item(self, text: str) -> Tree:
        """One item of a LaTeX subscript: `:` or `H:2H`."""
        if text == ":":
            return Tree("everything", [])
        return Tree("slice", [self.read(i) if i.strip() else None for i in text.split(":", 1)])

    def _is_concat(self, subscripts: Tree) -> bool:
        """Whether the bracket in W [h_t; x_t] holds arrays, not the indices of an entry."""
        items = subscripts.children
        return subscripts.data == "stacked" or (len(items) > 1 and all(map(self._is_array, items)))

    def _is_array(self, tree: Any) -> bool:
        if getattr(tree, "data", "") != "name":
            return True
        name, time, entries = self.scope.split(str(tree.children[0]))
        d = self.scope.declarations.get(name)
        return d is not None and not entries and bool(d.shape) and d.timed == (time is not None)

    def _concat(self, *parts: Any) -> Node:
        """[h, x], side by side along the last axis."""
        return mx.concat(*map(self.expression, parts))

    def _slice(self, *ends: Any) -> Node:
        raise ParseError("a range of entries stands alone in its bracket", "a[t][:, 0:H]")

    def _gather(self, matrix: mx.Var, items: list[Any]) -> Node:
        """U[:, x[t]] or E[x[t], :]: the columns or rows that a token index names."""
        if matrix.rank != 2 or len(items) != 2:
            raise ShapeError(f"{matrix.name} has {matrix.rank} indices", "U[:, x[t]]")
        columns = getattr(items[0], "data", "") == "everything"
        return self._gathered(matrix, self.expression(items[1] if columns else items[0]), columns)

    def _gathered(self, matrix: mx.Var, index: Node, columns: bool) -> Node:
        if not isinstance(index, mx.Var):
            raise ParseError("a gather takes one index variable", "U[:, x[t]]")
        size = matrix.shape[1 if columns else 0]
        d = self.scope.declarations.get(index.name)
        if d is None or d.classes is None or d.classes != size:
            raise ShapeError(
                f"{index.name} does not index {size} entries",
                f"input {index.name}[t] : index {size}",
            )
        rows = mx.onehot(index, size)
        return mx.matmul(matrix, rows.T) if columns else mx.matmul(rows, matrix)

    def _everything(self) -> Node:
        raise ParseError("':' stands only in a gather", "U[:, x[t]]")

    def _keyword(self, name: Token, _: Any) -> Node:
        raise ParseError(f"the keyword {str(name)!r} stands only in sum and mean", "axis=0")

    def _kron(self, i: Any, j: Any) -> Node:
        """[i = j] for index names, [t = T] for times."""
        if any(self._is_time(x) for x in (i, j)):
            return mx.Kron(*(linear_time(self.scalar(x)) for x in (i, j)))
        return mx.Kron(*(sympy.Symbol(index_name(x)) for x in (i, j)))

    def _is_time(self, tree: Tree) -> bool:
        return any(str(v) in self.scope.times for v in tree.scan_values(lambda v: True))

    def _derivative(self, token: Token) -> Node:
        """dL/dh_t, ∂h_t/∂a_t, or one entry of it: ∂a_t[n,j]/∂W[m,k]."""
        top, bottom = (part.strip() for part in str(token).split("/"))
        if top[0] != bottom[0]:
            raise ParseError("d and ∂ are mixed in one derivative", "dL/dh[t] or ∂h[t]/∂a[t]")
        if top[0] == "d" and all(self.scope.known(x) for x in (top, bottom)):
            raise ParseError(f"{token} reads as a derivative", f"({top})/({bottom})")
        (of, i), (wrt, j) = (self._differential(part[1:].strip()) for part in (top, bottom))
        if isinstance(wrt, mx.Block):  # dL/da_t[:, 0:H] is a block of dL/da_t
            of_whole = mx.derivative(of, wrt.args[0], total=top[0] == "d")
            return mx.block(of_whole, *wrt.args[1:])
        whole = mx.derivative(of, wrt, total=top[0] == "d")
        return mx.Element(whole, (*i, *j)) if i or j else whole

    def _differential(self, text: str) -> tuple[Any, tuple[Any, ...]]:
        node = self.nested(text)
        names: tuple[Any, ...] = ()
        if isinstance(node, mx.Element):
            node, names = node.args[0], tuple(node.args[1])
        if not isinstance(node.args[0] if isinstance(node, mx.Block) else node, mx.Var):
            raise ParseError(f"{text!r} is not a variable", "a declared name, as in dL/dh[t]")
        return node, names


def _is_block(subscripts: Tree) -> bool:
    return any(getattr(i, "data", "") == "slice" for i in subscripts.children)
