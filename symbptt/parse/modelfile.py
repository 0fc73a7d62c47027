"""Model files: declarations and one step's equations, each checked where it stands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import sympy
from lark import Token, Tree

from .. import matrix as mx
from ..errors import ModelError, ParseError, Place, ShapeError, SymbpttError, expect
from ..matrix.build import show_shape
from ..model import Declaration, Equation, Loss, Model
from .advice import slip
from .bodies import body_of
from .calls import blocks
from .elaborate import Elaborator
from .reader import Spread, shallow
from .recurrence import Later, check_equation, check_recurrence, find, names_in
from .scope import Scope
from .text import elaborator, tree

Value = Callable[[], mx.Node]
LINE_END = re.compile(r"\r\n|\r|\n")
_COMMENT = re.compile(r'((?:[^"#]|"[^"]*")*)')  # a # inside a title opens no comment


def model(text: str, file: str = "<text>") -> Model:
    """The model written in `text`; errors carry file, line, column and what to write instead."""
    expect(text, str, "model", "model(path.read_text()), or load(path)")
    lines = LINE_END.split(text.removeprefix("\ufeff"))
    reader = _Reader(file, Later.of(lines))
    for number, raw in enumerate(lines, 1):
        match = _COMMENT.match(raw)
        line = (match[1] if match else raw).rstrip()
        if line.strip():
            # A tab counts as one column, so that the caret stands under its character.
            reader.statement(line, number, raw.replace("\t", " "))
    return reader.finish(text)


class _Reader:
    """Reads statements in order and gathers the parts of a Model."""

    def __init__(self, file: str, later: Later):
        self.file, self.later = file, later
        self.scope = Scope()
        self.name, self.title = "", ""
        self.equations: list[Equation] = []
        self.places: dict[str, Place | None] = {}
        self.reads: dict[tuple[str, str], Place | None] = {}
        self.spreads: dict[str, list[Spread]] = {}
        self.loss: Loss | None = None
        self.last = Place(1, 1, "", file)

    def statement(self, line: str, number: int, raw: str) -> None:
        indent = len(line) - len(line.lstrip())
        self.last = Place(number, indent + 1, raw[:200], self.file, len(line.strip()))
        with shallow(self.last):
            parsed = tree(line, "statement", number, self.file, raw)
            e = elaborator(self.scope, number, self.file, raw)
            try:
                if not isinstance(parsed, Tree) or parsed.data not in _STATEMENTS:
                    raise ParseError(
                        "this is neither a declaration nor an equation",
                        "a line such as `h[t] = tanh(a[t])` or `param W : H, H`",
                    )
                getattr(self, "_" + parsed.data)(e, *parsed.children)
            except SymbpttError as error:
                error.at(self.last)
                if parsed.data == "declaration" and (meant := slip(line, 0)):
                    raise ModelError(*meant, error.place) from None
                raise error from None

    # -- declarations

    def _model(self, e: Elaborator, name: Any, title: Any = "") -> None:
        if self.name:
            raise ModelError("a file holds one model", "a second file", e.locate(name))
        self.name, self.title = str(name), str(title).strip('"')

    def _sizes(self, e: Elaborator, *names: Any) -> None:
        for name in names:
            self.scope.declare(Declaration(str(name), "size", place=e.locate(name)))

    def _declaration(self, e: Elaborator, role: Any, name: Any, *rest: Any) -> None:
        time = next((r for r in rest if isinstance(r, Tree) and r.data == "time"), None)
        dims = next((r for r in rest if isinstance(r, Tree) and r.data != "time"), None)
        place = e.locate(name)
        role = {"var": "variable"}.get(str(role), str(role))
        timed = role in ("input", "mask", "target", "state", "variable")
        self._check_time(e, role, str(name), timed, time, place)
        shape, classes = self._dims(e, dims)
        if classes is not None and role not in ("input", "target"):
            raise ModelError(
                f"a {role} is real-valued, not a class index", f"{role} {name} : H", place
            )
        ahead = any(isinstance(r, Token) for r in rest)
        if ahead and role != "state":
            raise ModelError("only a state runs through time", f"{written(role)} {name}", place)
        d = Declaration(str(name), role, shape, timed, classes, place, None, ahead)
        self.scope.declare(d)

    def _hyper(self, e: Elaborator, name: Any, default: Any = None) -> None:
        value = None
        if default is not None:
            node = e.expression(default)
            value = node.value if isinstance(node, mx.Scalar) else None
            if value is None or not value.is_Rational:
                raise ModelError(f"{node} is no number", f"hyper {name} = 0.1", e.locate(default))
        d = Declaration(str(name), "hyper", (), False, None, e.locate(name), value)
        self.scope.declare(d)

    def _check_time(
        self, e: Elaborator, role: str, name: str, timed: bool, time: Any, place: Any
    ) -> None:
        word = written(role)
        if timed and time is None:
            base = re.sub(r"_\{?t\}?$", "", name)
            raise ModelError(f"{role} {name} changes with time", f"{word} {base}[t] : …", place)
        if time is not None and (not timed or e.scalar(time.children[0]) != mx.t):
            raise ModelError(
                f"a {role} is declared " + ("at time t" if timed else "without a time"),
                f"{word} {name}[t] : …" if timed else f"{word} {name} : …",
                place,
            )

    def _dims(self, e: Elaborator, dims: Tree | None) -> tuple[tuple[Any, ...], Any]:
        if dims is None:
            return (), None
        sizes = [self._size(e, d) for d in dims.children]
        if dims.data == "class_dims":
            return tuple(sizes[:-1]), sizes[-1]
        return tuple(sizes), None

    def _size(self, e: Elaborator, tree: Any) -> Any:
        word = str(tree.children[0]) if tree.data == "name" else ""
        if word and e.scope.known(word) is None and word not in e.scope.times:
            raise ModelError(f"the size {word!r} is not declared", f"size {word}", e.locate(tree))
        value = e.scalar(tree)
        if value.is_integer and value.is_positive:
            return sympy.expand(value)
        raise ShapeError(
            f"{value} is not a size: it may be smaller than 1"
            if value.is_integer
            else f"{value} is not a size",
            "a declared size, as in `size H`",
            e.locate(tree),
        )

    def _function(self, e: Elaborator, name: Any, *rest: Any) -> None:
        *params, body = rest
        place = e.locate(name)
        self.scope.check_name(str(name), place)
        if len(set(map(str, params))) < len(params):
            raise ModelError("two arguments have one name", f"function {name}(x, y)", place)
        if body is None:
            self.scope.functions[str(name)] = len(params)
            return
        if len(params) != 1:
            raise ModelError(
                "a function with a body is elementwise, of one argument",
                f"function {name}({params[0]}) = …",
                place,
            )
        expression = body_of(body, str(params[0]), self.scope, e)
        self.scope.functions[str(name)] = mx.define(str(name), expression)

    # -- equations

    def _equation(self, e: Elaborator, left: Tree, right: Tree) -> None:
        if left.data == "name" and str(left.children[0]) in ("loss", "L"):
            self._loss(e, left, right)
            return
        self._computed(e, left, right, lambda: e.expression(right))

    def _several(self, e: Elaborator, *sides: Tree) -> None:
        """i[t], f[t] = split(a[t], 2): an equation for each block."""
        *left, right = sides
        names = [f"{self._target_of(e, x)[0]}[t]" for x in left]
        for n, x in enumerate(left):
            self._computed(e, x, right, lambda n=n: blocks(e, names, right)[n])  # type: ignore[misc]

    def _computed(self, e: Elaborator, left: Tree, right: Tree, value: Value) -> None:
        """One variable, by the value of its right side."""
        name, where = self._target_of(e, left)
        if self.loss:
            raise ModelError("the loss is the last line of a model", "this line above it", where)
        if name in self.places:
            raise ModelError(
                f"{name}[t] is already computed{self._line(name)}",
                "one equation per variable",
                where,
            )
        self.later.check(name, right, e)
        rhs = value()
        check_equation(name, rhs, e, right)
        self.reads |= {(name, v.name): find(right, v.name, e) for v in mx.variables(rhs)}
        self.spreads[name] = e.spreads
        rhs = self._fit(name, rhs, where)
        if name not in self.scope.declarations:
            self.scope.declare(Declaration(name, "variable", rhs.shape, True, None, where))
        self.places[name] = where
        lhs = self.scope.declarations[name].var(mx.t)
        self.equations.append(Equation(str(len(self.equations) + 1), lhs, rhs))

    def _line(self, name: str) -> str:
        place = self.places[name]
        return f" on line {place.line}" if place else ""

    def _target_of(self, e: Elaborator, left: Tree) -> tuple[str, Place | None]:
        """The name an equation defines; its left side must be `name[t]`."""
        token = left.children[0] if left.data in ("indexed", "name") else None
        if token is None:
            raise ModelError("the left side must be one variable", "h[t] = …", e.locate(left))
        place = e.locate(token)
        name, time = str(token), None
        if left.data == "indexed":
            items = left.children[1].children
            everything = getattr(items[0], "data", "") == "everything"
            time = e.scalar(items[0]) if len(items) == 1 and not everything else None
        elif match := re.fullmatch(r"(.+)_(?:t|\{t\})", name):
            name, time = match[1], mx.t
        name = self.scope.known(name) or name
        if time != mx.t:
            base = self.scope.split(name)[0]
            instead = "loss = …" if base.lower() == "loss" else f"{base}[t] = …"
            raise ModelError("an equation defines a variable at time t", instead, place)
        d = self.scope.declarations.get(name)
        if d is not None and d.role not in ("state", "variable"):
            raise ModelError(
                f"{name} is declared as {d.role}; only states and new names are computed",
                f"state {name}[t] : …, or another name",
                place,
            )
        return name, place

    def _fit(self, name: str, rhs: mx.Node, where: Place | None) -> mx.Node:
        d = self.scope.declarations.get(name)
        if isinstance(rhs, mx.Call) and d is not None:
            return mx.Call(rhs.args[0], rhs.args[1], d.shape)
        if d is None or rhs.shape == d.shape:
            return rhs
        if isinstance(rhs, mx.Scalar):
            return mx.broadcast(rhs, d.shape)
        self._spread_by(name, d, rhs)
        raise ShapeError(
            f"{name}[t] is declared with shape {show_shape(d.shape)}, and its equation has "
            f"shape {show_shape(rhs.shape)}",
            f"{'state' if d.role == 'state' else 'var'} {name}[t] : "
            f"{', '.join(map(str, rhs.shape))}",
            where,
        )

    def _spread_by(self, name: str, d: Declaration, rhs: mx.Node) -> None:
        """Say so where `matrix * vector`, here or above, has made a matrix of a vector."""
        reads = [name, *(v.name for v in mx.variables(rhs))]
        for spread in (s for n in reads for s in self.spreads.get(n, ())):
            raise ShapeError(
                f"* is elementwise: it spreads {spread.vector} over {spread.matrix}, and so "
                f"{name}[t], declared with shape {show_shape(d.shape)}, has shape "
                f"{show_shape(rhs.shape)}",
                f"{spread.matrix} @ {spread.vector}, the matrix product",
                spread.place,
            )

    def _loss(self, e: Elaborator, left: Tree, right: Tree) -> None:
        place = e.locate(left)
        if self.loss:
            raise ModelError("the loss is defined twice", "one loss line", place)
        self._known_in_loss(e, right)
        over, step = None, None
        if right.data == "call" and str(right.children[0]) in ("sum", "mean"):
            over = str(right.children[0])
            items = right.children[1].children if right.children[1] else []
            step = e.expression(items[0]) if len(items) == 1 else None
        elif right.data in ("indexed", "name"):
            step = e.expression(right)
            over = "last" if isinstance(step, mx.Var) and step.time == mx.T else None
            step = step.xreplace({mx.T: mx.t})
        if not over or not isinstance(step, mx.Var) or step.time != mx.t:
            raise ModelError(
                "the loss adds one per-step loss over time",
                "loss = sum(l[t]), loss = mean(l[t]) or loss = l[T]",
                e.locate(right),
            )
        if step.shape:
            added = "l[T]" if over == "last" else f"{over}(l[t])"
            carried = self.scope.declarations[step.name].role == "state"
            raise ShapeError(
                f"{step.name}[t] has shape {show_shape(step.shape)}, and a loss is a scalar",
                f"l[t] = sum({step.name}[t]) and loss = {added}"
                if carried
                else f"{step.name}[t] = sum(…) or mean(…)",
                find(right, step.name, e),
            )
        if step.name not in self.places:
            raise ModelError(
                f"{step.name}[t] has no equation above", f"{step.name}[t] = …", e.locate(right)
            )
        self.loss = Loss(over, step)

    def _check_sizes(self) -> None:
        """Every size is that of an axis: no array would tell the code its value."""
        arrays = [d for d in self.scope.declarations.values() if d.role != "size"]
        used = {str(s) for d in arrays for n in d.shape for s in n.free_symbols}
        used |= {str(s) for d in arrays if d.classes is not None for s in d.classes.free_symbols}
        for d in self.scope.declarations.values():
            if d.role == "size" and d.name not in used:
                raise ModelError(
                    f"no array has the size {d.name}",
                    f"a declaration with the axis {d.name}, or no size {d.name}",
                    d.place,
                )

    def _known_in_loss(self, e: Elaborator, right: Tree) -> None:
        """The loss adds a scalar that is computed above; say which there are."""
        for token in names_in(right):
            word = e.scope.split(str(token))[0]
            name = re.sub(r"_(?:t|T|\{[tT]\})$", "", word)
            if e.scope.known(word) or e.scope.scalar(word) is not None or e.scope.is_function(word):
                continue
            scalars = [q.lhs.name for q in self.equations if not q.lhs.shape]
            found = f"the scalars of a step are {', '.join(scalars)}" if scalars else "no scalar is"
            raise ModelError(
                f"{name} is computed nowhere above; {found}",
                f"loss = sum({scalars[-1]}[t])" if scalars else f"{name}[t] = … above this line",
                e.locate(token),
            )

    def finish(self, text: str) -> Model:
        if not self.loss:
            what = "the model has no loss" if self.equations else "this is no model: no equation"
            raise ModelError(what, "loss = sum(l[t]) as the last line", self.last)
        check_recurrence(self.scope, self.equations, self.reads)
        self._check_sizes()
        return Model(
            self.name or "model",
            self.title,
            tuple(self.scope.declarations.values()),
            tuple(self.equations),
            self.loss,
            dict(self.scope.functions),
            text,
        )


_STATEMENTS = ("model", "sizes", "declaration", "hyper", "function", "equation", "several")


def written(role: str) -> str:
    """The word of a model file for a role."""
    return {"variable": "var"}.get(role, role)
