"""Model files: declarations and one step's equations, each checked where it stands."""

from __future__ import annotations

import difflib
from importlib.resources import files
from pathlib import Path
from typing import Any

import sympy
from lark import Tree

from .. import matrix as mx
from ..errors import ModelError, ParseError, Place, ShapeError, SymbpttError
from ..matrix.build import show_shape
from ..matrix.functions import Z
from ..model import LOSS, Declaration, Equation, Loss, Model, lag_of
from .elaborate import Elaborator
from .scope import Scope
from .text import elaborator, locator, tree


def zoo() -> tuple[str, ...]:
    """The names of the models that ship."""
    folder = files("symbptt.zoo")
    return tuple(sorted(f.name[:-4] for f in folder.iterdir() if f.name.endswith(".rnn")))


def load(name: str) -> Model:
    """A shipped model by name, or a model file by path."""
    path = Path(name)
    if path.suffix or "/" in name or path.is_file():
        try:
            return model(path.read_text(encoding="utf-8"), file=str(path))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise ModelError(f"cannot read the model file {name}: {reason}") from None
    if name not in zoo():
        close = difflib.get_close_matches(name, zoo(), 1)
        raise ModelError(
            f"no model is called {name!r}; shipped: {', '.join(zoo())}",
            close[0] if close else "one of these names, or a path to a model file",
        )
    text = (files("symbptt.zoo") / f"{name}.rnn").read_text(encoding="utf-8")
    return model(text, file=f"{name}.rnn")


def model(text: str, file: str = "<text>") -> Model:
    """The model written in `text`; errors carry file, line, column and what to write instead."""
    reader = _Reader(file)
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.split("#", 1)[0].rstrip()
        if line.strip():
            reader.statement(line, number, raw)
    return reader.finish(text)


class _Reader:
    """Reads statements in order and gathers the parts of a Model."""

    def __init__(self, file: str):
        self.file = file
        self.scope = Scope()
        self.name, self.title = "", ""
        self.equations: list[Equation] = []
        self.places: dict[str, Place] = {}
        self.loss: Loss | None = None
        self.last: Place | None = None

    def statement(self, line: str, number: int, raw: str) -> None:
        parsed = tree(line, "statement", number, self.file, raw)
        e = elaborator(self.scope, number, self.file, raw)
        self.last = Place(number, 1, raw, self.file, len(raw))
        try:
            if not isinstance(parsed, Tree) or parsed.data not in _STATEMENTS:
                raise ParseError(
                    "this is neither a declaration nor an equation",
                    "a line such as `h[t] = tanh(a[t])` or `param W : H, H`",
                )
            getattr(self, "_" + parsed.data)(e, *parsed.children)
        except SymbpttError as error:
            raise error.at(self.last) from None

    def _model(self, e: Elaborator, name: Any, title: Any) -> None:
        if self.name:
            raise ModelError("a file holds one model", "a second file", e.locate(name))
        self.name, self.title = str(name), str(title or "").strip('"')

    def _sizes(self, e: Elaborator, *names: Any) -> None:
        for name in names:
            self.scope.declare(Declaration(str(name), "size", place=e.locate(name)))

    def _declaration(self, e: Elaborator, role: Any, name: Any, *rest: Any) -> None:
        time = next((r for r in rest if isinstance(r, Tree) and r.data == "time"), None)
        dims = next((r for r in rest if isinstance(r, Tree) and r.data != "time"), None)
        place = e.locate(name)
        role = {"var": "variable"}.get(str(role), str(role))
        timed = role in ("input", "target", "state", "variable")
        if timed and time is None:
            raise ModelError(f"{role} {name} changes with time", f"{role} {name}[t] : …", place)
        if time is not None and (not timed or e.scalar(time.children[0]) != mx.t):
            raise ModelError(
                f"a {role} is declared " + ("at time t" if timed else "without a time"),
                f"{role} {name}[t] : …" if timed else f"{role} {name} : …",
                place,
            )
        shape, classes = self._dims(e, dims)
        if classes is not None and role not in ("input", "target"):
            raise ModelError(f"a {role} is real-valued, not a class index", place=place)
        self.scope.declare(Declaration(str(name), role, shape, timed, classes, place))

    def _dims(self, e: Elaborator, dims: Tree | None) -> tuple[tuple[Any, ...], Any]:
        if dims is None:
            return (), None
        sizes = [e.scalar(d) for d in dims.children]
        for d, s in zip(dims.children, sizes, strict=True):
            if not (s.is_integer and s.is_positive):
                raise ShapeError(f"{s} is not a size", "a declared size", e.locate(d))
        if dims.data == "class_dims":
            return tuple(sizes[:-1]), sizes[-1]
        return tuple(sizes), None

    def _function(self, e: Elaborator, name: Any, *rest: Any) -> None:
        *params, body = rest
        place = e.locate(name)
        if str(name) in mx.builtin_names() or str(name) in self.scope.functions:
            raise ModelError(f"the function {name} exists already", "another name", place)
        if str(name) in self.scope.declarations:
            raise ModelError(f"{name!r} is declared already", "another name", place)
        if body is None:
            self.scope.functions[str(name)] = len(params)
            return
        if len(params) != 1:
            raise ModelError(
                "a function with a body is elementwise, of one argument",
                f"function {name}({params[0]}) = …",
                place,
            )
        self.scope.functions[str(name)] = mx.define(
            str(name), _scalar_body(body, str(params[0]), self.scope, e)
        )

    def _equation(self, e: Elaborator, left: Tree, right: Tree) -> None:
        if left.data == "name" and str(left.children[0]) in ("loss", "L"):
            self._loss(e, left, right)
            return
        name, where = self._target_of(e, left)
        if self.loss:
            raise ModelError("the loss is the last line of a model", "", where)
        if name in self.places:
            raise ModelError(
                f"{name}[t] is already computed on line {self.places[name].line}",
                "one equation per variable",
                where,
            )
        self._check_order(name, right, e)
        rhs = e.expression(right)
        self._check_times(rhs, e, right)
        rhs = self._fit(name, rhs, where)
        if name not in self.scope.declarations:
            self.scope.declare(Declaration(name, "variable", rhs.shape, True, None, where))
        self.places[name] = where
        lhs = self.scope.declarations[name].var(mx.t)
        self.equations.append(Equation(str(len(self.equations) + 1), lhs, rhs))

    def _target_of(self, e: Elaborator, left: Tree) -> tuple[str, Place]:
        """The name an equation defines; its left side must be `name[t]`."""
        place = e.locate(left)
        token = left.children[0] if left.data in ("indexed", "name") else None
        if token is None:
            raise ModelError("the left side must be one variable", "h[t] = …", place)
        place = e.locate(token)
        name, time = str(token), None
        if left.data == "indexed":
            items = left.children[1].children
            time = e.scalar(items[0]) if len(items) == 1 else None
        else:
            base, _, subscript = name.rpartition("_")
            if subscript in ("t", "{t}"):
                name, time = base, mx.t
        if time != mx.t:
            raise ModelError(
                f"an equation defines a variable at time t, not {left_text(left)}",
                f"{name}[t] = …",
                place,
            )
        d = self.scope.declarations.get(name)
        if d is not None and d.role not in ("state", "variable"):
            raise ModelError(
                f"{name} is declared as {d.role}; only states and new names are computed",
                f"state {name}[t] : …, or another name",
                place,
            )
        return name, place

    def _check_order(self, name: str, right: Tree, e: Elaborator) -> None:
        """Refuse a variable that is read at t before its own line; name a cycle as such."""
        for token in right.scan_values(lambda v: v.type == "NAME"):
            word = self.scope.split(str(token))[0]
            if word == name and word not in self.scope.declarations:
                raise ModelError(
                    f"{name}[t] is computed from itself at the same time",
                    f"{name}[t-1], with `state {name}[t] : …` declared",
                    e.locate(token),
                )

    def _check_times(self, rhs: mx.Node, e: Elaborator, right: Tree) -> None:
        for var in mx.variables(rhs):
            d = self.scope.declarations[var.name]
            if not d.timed:
                continue
            place = _find(right, var.name, e)
            lag = mx.t - var.time
            if not lag.is_Integer:
                raise ModelError(f"{var.name} is read at {var.time}", f"{var.name}[t]", place)
            if lag < 0:
                raise ModelError(
                    f"{var.name} is read at {var.time}, which is still to come",
                    f"{var.name}[t] or {var.name}[t-1]",
                    place,
                )
            if lag and d.role != "state":
                raise ModelError(
                    f"{var.name} is read at {var.time}, and only a state reaches back",
                    f"state {var.name}[t] : {', '.join(map(str, d.shape))}"
                    if d.role == "variable"
                    else f"{var.name}[t]",
                    place,
                )

    def _fit(self, name: str, rhs: mx.Node, where: Place) -> mx.Node:
        d = self.scope.declarations.get(name)
        if isinstance(rhs, mx.Call) and d is not None:
            return mx.Call(rhs.args[0], rhs.args[1], d.shape)
        if d is None or rhs.shape == d.shape:
            return rhs
        if not rhs.shape:
            return mx.broadcast(rhs, d.shape)
        raise ShapeError(
            f"{name}[t] is declared with shape {show_shape(d.shape)}, and its equation has "
            f"shape {show_shape(rhs.shape)}",
            f"state {name}[t] : {', '.join(map(str, rhs.shape))}",
            where,
        )

    def _loss(self, e: Elaborator, left: Tree, right: Tree) -> None:
        place = e.locate(left)
        if self.loss:
            raise ModelError("the loss is defined twice", "one loss line", place)
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
                place,
            )
        if step.shape:
            raise ShapeError(
                f"{step.name}[t] has shape {show_shape(step.shape)}, and a loss is a scalar",
                f"{step.name}[t] = sum(…) or mean(…)",
                place,
            )
        self.loss = Loss(over, step)

    def finish(self, text: str) -> Model:
        if not self.loss:
            raise ModelError(
                "the model has no loss", "loss = sum(l[t]) as the last line", self.last
            )
        for d in self.scope.declarations.values():
            if d.role == "state":
                self._check_state(d)
        if self.loss.step.name not in self.places:
            raise ModelError(f"{self.loss.step.name}[t] has no equation", place=self.last)
        functions = dict(self.scope.functions)
        return Model(
            self.name or "model",
            self.title,
            tuple(self.scope.declarations.values()),
            tuple(self.equations),
            self.loss,
            functions,
            text,
        )

    def _check_state(self, d: Declaration) -> None:
        if d.name not in self.places:
            raise ModelError(
                f"the state {d.name} has no recurrence",
                f"an equation {d.name}[t] = … that reads {d.name}[t-1]",
                d.place,
            )
        reads = (v for e in self.equations for v in mx.variables(e.rhs) if v.name == d.name)
        if not any(lag_of(v) for v in reads):
            raise ModelError(
                f"the state {d.name} has no recurrence: nothing reads {d.name}[t-1]",
                f"{d.name}[t-1] in some equation, or no `state` line for {d.name}",
                d.place,
            )
        order = [e.lhs.name for e in self.equations]
        for n, e in enumerate(self.equations):
            for v in mx.variables(e.rhs):
                if v.name == d.name and not lag_of(v) and order.index(d.name) >= n:
                    self._order_error(d, e, order, n)

    def _order_error(self, d: Declaration, e: Equation, order: list[str], n: int) -> None:
        """The state is read at t on or before the line that computes it."""
        place = self.places[e.lhs.name]
        reached, frontier = set(), {d.name}
        while frontier:
            reached |= frontier
            frontier = {
                v.name
                for eq in self.equations
                if eq.lhs.name in frontier
                for v in mx.variables(eq.rhs)
                if not lag_of(v) and v.times
            } - reached
        if e.lhs.name in reached:
            raise ModelError(
                f"{d.name}[t] and {e.lhs.name}[t] depend on each other within one time step",
                f"{d.name}[t-1] in one of the two equations",
                place,
            )
        raise ModelError(
            f"{d.name}[t] is used before it is defined",
            f"the equation of {d.name}[t] above this line, or {d.name}[t-1]",
            place,
        )


_STATEMENTS = ("model", "sizes", "declaration", "function", "equation")


def left_text(left: Tree) -> str:
    return "".join(str(v) for v in left.scan_values(lambda v: True)) or str(left.data)


def _find(right: Any, name: str, e: Elaborator) -> Place:
    """The first token that names `name`."""
    for token in right.scan_values(lambda v: v.type == "NAME"):
        if e.scope.split(str(token))[0] == name:
            return e.locate(token)
    return e.locate(right)


def _scalar_body(tree_: Any, param: str, scope: Scope, e: Elaborator) -> sympy.Expr:
    """The body of an elementwise function as a SymPy expression in `Z`."""

    def walk(x: Tree) -> sympy.Expr:
        children = [c for c in x.children if isinstance(c, Tree)]
        if x.data == "number":
            return sympy.Rational(str(x.children[0]))
        if x.data == "name":
            name = str(x.children[0])
            if name == param:
                return Z
            known = scope.scalar(name)
            if known is not None:
                return known
            raise ParseError(f"{name!r} is not the argument", param, e.locate(x.children[0]))
        if x.data == "call" and x.children[1] and len(x.children[1].children) == 1:
            name = str(x.children[0])
            inner = walk(x.children[1].children[0])
            if name in mx.builtin_names():
                return mx.builtin(name).body.xreplace({Z: inner})
            if isinstance(scope.functions.get(name), mx.Fn):
                return scope.functions[name].body.xreplace({Z: inner})
            raise ParseError(
                f"unknown function {name!r}", scope.suggestion(name), e.locate(x.children[0])
            )
        if x.data in _ARITHMETIC:
            return _ARITHMETIC[x.data](*map(walk, children))
        raise ParseError(
            "an elementwise function is made of numbers, + − * / ** and known functions",
            "function swish(z) = z*sigmoid(z)",
            e.locate(x),
        )

    return walk(tree_)


_ARITHMETIC = {
    "plus": lambda a, b: a + b,
    "minus": lambda a, b: a - b,
    "negative": lambda a: -a,
    "times": lambda a, b: a * b,
    "juxtapose": lambda a, b: a * b,
    "divide": lambda a, b: a / b,
    "power": lambda a, b: a**b,
}

__all__ = ["LOSS", "load", "locator", "model", "zoo"]
