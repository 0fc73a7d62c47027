"""Quantities, derivatives and terms as text, under the author's names."""

from __future__ import annotations

import re
from typing import Any

import sympy

from ... import matrix as mx
from ...indices import poly as p
from ...indices.poly import Lin
from ...model import Equation
from ...show import show_expression
from ..evidence.names import names_of
from ..forward.system import System
from ..judge.judge import Judge
from .paths import COTANGENT, contribution, local

NOW = Lin(0, (("t", 1),))


class Speech:
    """The words of one document about one system."""

    def __init__(self, judge: Judge, system: System):
        self.model = system.model
        self.names = names_of(judge, [d.name for d in self.model.declarations])
        self.loss = self.model.loss.step.name

    def node(self, x: mx.Node, at: Lin = NOW) -> str:
        """An expression about t, said of another time."""
        moved = x.xreplace({mx.t: symbol(at)}) if at != NOW else x
        names = {
            v: mx.Var(self.names[v.name], v.shape, v.times)
            for v in moved.atoms(mx.Var)
            if self.names.get(v.name, v.name) != v.name
        }
        return str(show_expression(moved.xreplace(names)))

    def at(self, name: str, time: Lin | None) -> str:
        times = () if time is None else (symbol(time),)
        return str(show_expression(mx.Var(self.names.get(name, name), (), times)))

    def ratio(self, of: str, by: str, at: Lin | None, time: Lin | None, mark: str = "d") -> str:
        above = "L" if of == "L" else self.at(of, at)
        return f"{mark}{above}/{mark}{self.at(by, time)}"

    def shape(self, of: Any, by: Any) -> str:
        return "×".join(map(str, (*of, *by))) or "a number"

    def form(self, e: Equation, v: mx.Var, at: Lin) -> str:
        """What ∂w/∂v is, where it has a short form."""
        found = local(e, v)
        return "" if found is None else f" = {self.node(found, at)}"

    def term(self, e: Equation, v: mx.Var, at: Lin, loss: tuple[str, Lin | None]) -> str:
        """What the path through w gives to the gradient of v; `loss` is L or the loss of a step."""
        of, when = loss
        gives = contribution(e, v)
        if e.lhs.name == self.loss:
            weight = self.model.loss.weight() if of == "L" else mx.Scalar(1)
            if gives is not None:
                return self.node(_without_ones(gives, weight), at)
            head = self.ratio(self.loss, v.name, at, before(at, v), "∂")
            return head if weight == mx.Scalar(1) else f"{self.node(weight, at)} {head}"
        after = self.ratio(of, e.lhs.name, when, at)
        if gives is None:
            return f"({self.ratio(e.lhs.name, v.name, at, before(at, v), '∂')})ᵀ {after}"
        held = mx.Var("G", e.lhs.shape)  # stands for dL/dw while the expression is printed
        text = self.node(gives.xreplace({mx.Var(COTANGENT, e.lhs.shape): held}), at)
        return _put(text, after)


def _put(text: str, value: str) -> str:
    """The letter G of a printed expression, replaced."""
    text = re.sub(r"(?<![A-Za-z0-9_])Gᵀ", lambda _: f"({value})ᵀ", text)
    return re.sub(r"(?<![A-Za-z0-9_])G(?![A-Za-z0-9_])", lambda _: value, text)


def _without_ones(e: mx.Node, weight: mx.Node) -> mx.Node:
    """The expression with its scalar cotangent filled in, and 1 · x as x."""
    g = mx.Var(COTANGENT, ())
    if weight != mx.Scalar(1):
        return e.xreplace({g: weight})

    def run(x: Any) -> Any:
        if isinstance(x, mx.Times):
            rest = [run(a) for a in x.args if not _is_one(a, g)]
            return mx.times(*rest) if rest else mx.Scalar(1)
        return x

    return run(e)


def _is_one(x: mx.Node, g: mx.Node) -> bool:
    return x == g or (bool(x.args) and x.args[0] == g and x.has(g) and not x.shape == ())


def before(at: Lin, v: mx.Var) -> Lin | None:
    """The time at which an equation said of `at` reads v."""
    return None if not v.times else Lin(at.const - int(mx.t - v.time), at.terms)


def difference(a: Lin, b: Lin) -> Lin:
    return p.lin_add(a, b, -1)


def symbol(x: Lin) -> Any:
    """An affine time as SymPy."""
    known = {"T": mx.T, "t": mx.t}
    out: Any = sympy.Integer(x.const)
    for name, c in x.terms:
        text = name if isinstance(name, str) else "s"
        out += c * known.get(text, sympy.Symbol(text, integer=True))
    return out


__all__ = ["NOW", "Speech", "before", "difference", "symbol"]
