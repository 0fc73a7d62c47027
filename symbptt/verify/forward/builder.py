"""The author's own forward equations, with the shapes they imply.

A letter with a time is a vector, a capital without one a matrix, and a product makes the sizes
that face each other equal. `W h` is a document of column vectors, `h W` one of rows.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..naming import Naming, Parts
from .drafts import FUNCTIONS, Draft, IncompleteError, Size, is_capital, is_matrix
from .shapes import extent


class Builder:
    """One document's forward pass."""

    def __init__(self, naming: Naming, shapes: dict[str, tuple[str, ...]] | None = None):
        self.naming = naming
        self.shapes = shapes or {}
        self.sizes: dict[str, list[Size]] = {}
        self.timed: dict[str, bool] = {}
        self.rows: set[str] = set()
        self.columns: set[str] = set()
        self.defined: dict[str, tuple[Draft, Any]] = {}
        self.order: list[str] = []
        self.params: dict[str, None] = {}
        self.inputs: dict[str, None] = {}
        self.known: dict[str, Size] = {}
        self.parts: dict[str, Parts] = {}
        self.hyper: dict[str, list[Size]] = {}
        self.stack: tuple[tuple[Any, ...], str] | None = None
        self.stacks: dict[Any, str] = {}
        self.filled: list[str] = []
        self.abstract = False
        self.final: str = ""
        self.every: list[s.Symbol] = []
        self.at_end: set[str] = set()  # the names of values of the last step, written without it
        self.gaps: dict[str, s.Node] = {}  # e of e_t = d_t − y_t, squared in the loss
        self.matrices: set[str] = set()  # names of two indices, w of w_{kl}
        self.batch = False  # whether a capital with a time is a batch, a row for each sample
        self.sampled = False  # whether every value has a row for each sample
        self.totals: dict[str, Any] = {}  # the sizes of values that are read in blocks
        self.tokens: dict[str, Size] = {}  # the x_t of U_{:,x_t}, and how many there are of them
        self.numbers: set[str] = set()  # the names of numbers, the α of α h
        self.scalar = False  # whether the text is about numbers, without a vector in it
        self.steps: int | None = None  # of a run, where the text fixes them
        self.moving: set[str] = set()  # the names that carry a time somewhere
        self.suffix = ""
        self.accepted: list[s.Node] = []

    def named(self, name: str) -> Size:
        if name not in self.known:
            self.known[name] = Size(
                name=mx.size(name) if not name.isdigit() else sympy.Integer(name)
            )
        return self.known[name]

    def extent(self, n: Any) -> Size:
        return self.named(n.name) if n.is_Symbol else Size(name=n)

    def variable(self, q: Parts) -> Draft:
        if q.time is not None and q.time == self.steps:
            q = replace(q, time=mx.T)
        if q.time is None and (q.name in self.moving or q.name in self.defined):
            q = replace(q, time=mx.T if q.name in self.at_end else mx.t)
        name = q.name
        timed = q.time is not None
        if not timed and not q.labels:
            name += self.suffix
        self.parts.setdefault(name, q)
        if name not in self.sizes:
            self.timed[name] = timed
            declared = self.shapes.get(name)
            if declared is not None:
                self.sizes[name] = [self.named(d) for d in declared]
            elif self.scalar or name in self.numbers:
                self.sizes[name] = []
            elif timed:
                rows = self.sampled or (self.batch and is_capital(q))
                mine = self.extent(self.totals[name]) if name in self.totals else Size()
                self.sizes[name] = [self.named("N"), mine] if rows else [mine]
            else:
                self.sizes[name] = [
                    Size() for _ in range(1 + (is_matrix(q) or name in self.matrices))
                ]
        sizes = self.sizes[name]
        if not timed and name not in self.hyper:
            self.params.setdefault(name)
        time = q.time
        row = True if name in self.rows else False if name in self.columns else None

        def make() -> mx.Node:
            shape = tuple(d.symbol() for d in sizes)
            return mx.Var(name, shape, () if time is None else (time,))

        return Draft(sizes, make, row, name)

    def turn(self, x: Draft, row: bool) -> None:
        if x.rank == 1 and x.var and self.timed.get(x.var):
            (self.rows if row else self.columns).add(x.var)

    def build(self, node: s.Node) -> Draft:
        node = s.bare(node)
        if isinstance(node, s.Symbol):
            return self.variable(self.naming.parts(node))
        if isinstance(node, s.Sum):
            return self._sum(node)
        if isinstance(node, s.Product):
            return self._product(node)
        if isinstance(node, s.Apply):
            return self._apply(node)
        if isinstance(node, s.Number):
            value = sympy.Rational(node.text)
            return Draft([], lambda: mx.Scalar(value))
        if isinstance(node, s.Transpose):
            return self._transpose(node.base)
        if isinstance(node, s.Power) and "transpose" in node.may_be:
            return self._transpose(node.base)
        if isinstance(node, s.Stack):
            return self.stacked([self.build(x) for row in node.rows for x in row], node)
        if isinstance(node, s.Entry) and len(node.items) == 2:
            return self._part(node)
        raise IncompleteError(f"a {type(node).__name__} in a forward equation")

    def _part(self, node: s.Entry) -> Draft:
        """U_{:,x_t}, the column of a token; [a_t]_{:,H:2 H}, a block of columns."""
        rows, item = map(s.bare, node.items)
        whole = self.build(node.of)
        if not isinstance(rows, s.Everything) or whole.rank != 2:
            raise IncompleteError("entries in a forward equation")
        if isinstance(item, s.Relation) and item.relation == ":":
            lo, hi = extent(item.left), extent(item.right)
            size = self.extent(sympy.expand(hi - lo))
            make = lambda: mx.block(whole.make(), lo, hi)  # noqa: E731
            return Draft([whole.sizes[0], size], make, whole.row)
        q = self.naming.parts(item) if isinstance(item, s.Symbol) else None
        if q is None or q.time is None:
            raise IncompleteError("entries in a forward equation")
        self.sizes[q.name], self.timed[q.name] = [], True
        self.tokens[q.name] = count = whole.sizes[1]
        self.inputs.setdefault(q.name)
        token = mx.Var(q.name, (), (q.time,))
        column = lambda: mx.matmul(whole.make(), mx.onehot(token, count.symbol()))  # noqa: E731
        return Draft([whole.sizes[0]], column, False)

    def _transpose(self, base: s.Node) -> Draft:
        x = self.build(base)
        if x.rank == 1:
            self.turn(x, False)
            return Draft(x.sizes, x.make, True, turned=True)
        return Draft(x.sizes[::-1], lambda: mx.transpose(x.make()))

    def _sum(self, node: s.Sum) -> Draft:
        parts = [
            (sign, self.build(term))
            for sign, term in zip(node.signs, node.terms, strict=True)
            if not isinstance(s.bare(term), s.Dots)
        ]
        if not parts:
            raise IncompleteError("a sum of which nothing is written")
        self._scalars([x for _, x in parts])
        full = max(parts, key=lambda x: x[1].rank)[1]
        row = next((x.row for _, x in parts if x.row is not None and x.rank), None)
        for _, x in parts:
            if x.rank == 1 < full.rank and x.sizes[0].root() is full.sizes[0].root():
                raise IncompleteError("a number for each sample beside a row for each")
            for a, b in zip(x.sizes[::-1], full.sizes[::-1], strict=False):
                a.join(b)
        if any(isinstance(s.bare(t), s.Dots) for t in node.terms):
            extra = self._extra(full)
            parts.append(("+", extra))
        sizes = full.sizes

        def make() -> mx.Node:
            return mx.plus(*(mx.times(-1 if g == "-" else 1, x.make()) for g, x in parts))

        return Draft(sizes, make, row)

    def _scalars(self, parts: list[Draft]) -> None:
        """The bias beside a scalar is one number: vᵀ h_T + c."""
        rest = [x for x in parts if x.rank or (x.var and not self.timed[x.var])]
        if len(rest) < len(parts) and all(x.var and not self.timed[x.var] for x in rest):
            for x in rest:
                x.sizes.clear()

    def _extra(self, like: Draft) -> Draft:
        """The dots of W h + …: an input of its own."""
        name = "rest~"
        self.sizes[name], self.timed[name] = like.sizes, True
        self.inputs.setdefault(name)
        self.filled.append("… stands for terms that do not depend on the state")
        return Draft(
            like.sizes,
            lambda: mx.Var(name, tuple(d.symbol() for d in like.sizes), (mx.t,)),
            like.row,
        )

    def _product(self, node: s.Product) -> Draft:
        """γ ⊙ B u is γ ⊙ (B u): a matrix product binds before one of entries."""
        parts = [self.build(node.factors[0])]
        for sign, factor in zip(node.signs, node.factors[1:], strict=True):
            x = self.build(factor)
            if sign == "⊙":
                parts.append(x)
            else:
                parts[-1] = self.times(parts[-1], x, sign)
        out = parts[0]
        for x in parts[1:]:
            out = self.times(out, x, "⊙")
        return out

    def times(self, a: Draft, b: Draft, sign: str) -> Draft:
        if not (a.rank and b.rank):
            return Draft(a.sizes or b.sizes, lambda: mx.times(a.make(), b.make()), a.row or b.row)
        if a.turned and a.rank == b.rank == 1 and not b.turned and sign != "⊙":  # vᵀ h
            a.sizes[0].join(b.sizes[0])
            self.turn(b, False)
            return Draft([], lambda: mx.sum_axes(mx.times(a.make(), b.make())))
        if a.rank == b.rank and (sign in ("⊙",) or a.rank == 1):
            for x, y in zip(a.sizes, b.sizes, strict=True):
                x.join(y)
            return Draft(a.sizes, lambda: mx.times(a.make(), b.make()), a.row)
        if sign == "⊙":  # u ⊙ h_{t-1} of a batch: u in every row
            for x, y in zip(a.sizes[::-1], b.sizes[::-1], strict=False):
                x.join(y)
            wide = max(a, b, key=lambda d: d.rank)
            return Draft(wide.sizes, lambda: mx.times(a.make(), b.make()), wide.row)
        a.sizes[-1].join(b.sizes[0])
        if b.rank == 1:
            self.turn(b, False)
        if a.rank == 1:
            self.turn(a, True)
        row = True if a.rank == 1 else False if b.rank == 1 else None
        return Draft(a.sizes[:-1] + b.sizes[1:], lambda: mx.matmul(a.make(), b.make()), row)

    def stacked(self, items: list[Draft], said: s.Node | None = None) -> Draft:
        """[h, x] as E_h h + E_x x, the blocks of one long vector; an expression among them, r ⊙ h,
        takes the block that the first stack of the text has there."""
        if any(x.rank != 1 for x in items):
            raise IncompleteError("a stack of what are no vectors")
        size = self.named("Z")
        names = self._blocks(items)
        terms = []
        for x, name in zip(items, names, strict=True):
            sizes = self.hyper.setdefault(f"E_{name}~", [size, x.sizes[0]])
            x.sizes[0].join(sizes[1])

            def make(x: Draft = x, name: str = name, sizes: list[Size] = sizes) -> mx.Node:
                block = mx.Var(f"E_{name}~", tuple(d.symbol() for d in sizes))
                return mx.matmul(block, x.make())

            terms.append(make)
        key = tuple(names) if all(x.var for x in items) else said
        stack = self.stacks.setdefault(key, f"stack{len(self.stacks) or ''}~")
        if stack not in self.defined:
            self.sizes[stack], self.timed[stack] = [size], True
            whole = Draft([size], lambda: mx.plus(*(make() for make in terms)), False)
            self.defined[stack] = (whole, self._step(said))
            self.order.insert(0, stack)
            self.stack = self.stack or (tuple(names), stack)
        now = self._step(said)
        return Draft([size], lambda: mx.Var(stack, (size.symbol(),), (now,)), False)

    def _step(self, said: s.Node | None) -> Any:
        """The step a stack is of, t, or the k of [h_{k-1}, x_k]."""
        times = {self.naming.parts(x).time for x in s.symbols(said)} if said is not None else set()
        counters = {n for x in times - {None} for n in sympy.sympify(x).free_symbols} - {mx.T}
        return counters.pop() if len(counters) == 1 else mx.t

    def _blocks(self, items: list[Draft]) -> list[str]:
        """Whose block each entry of a stack takes: its own, or one that the first stack has."""
        own = [x.var for x in items]
        free = [n for n in (self.stack[0] if self.stack else ()) if n not in own]
        return [n or (free.pop(0) if free else f"part{k}") for k, n in enumerate(own)]

    def _apply(self, node: s.Apply) -> Draft:
        head, args = node.head.letter, node.arguments
        if not node.certain and is_matrix(self.naming.parts(node.head)) and len(args) == 1:
            product = s.Product((node.head, args[0]), ("",))
            return self._product(product)
        if head == "softmax":
            x = self.build(args[0])
            return Draft(x.sizes, lambda: mx.Softmax(x.make()), x.row)
        if len(args) == 1 and (node.certain or head in FUNCTIONS):
            x = self.build(args[0])
            fn = mx.builtin(FUNCTIONS[head]) if head in FUNCTIONS else mx.unknown(head)
            return Draft(x.sizes, lambda: mx.Apply(fn, x.make()), x.row)
        if len(args) > 1:
            self.abstract = True
            items = [self.build(a) for a in args]
            sizes = [Size()]

            def make() -> mx.Node:
                return mx.Call(head, [x.make() for x in items], [d.symbol() for d in sizes])

            return Draft(sizes, make, False)
        raise IncompleteError(f"{head}(…) is no function that is known")
