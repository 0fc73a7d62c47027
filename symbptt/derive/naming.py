"""Intermediate values that a text would name: the argument of every nonlinearity gets one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

from .. import matrix as mx
from ..model import Declaration, Equation, Model, lag_of


def named(model: Model) -> Model:
    """The model with every composite argument of a nonlinearity named, as texts do (a, z, …)."""
    taken = {d.name for d in model.declarations} | set(model.functions)
    equations: list[Equation] = []
    new: dict[mx.Node, mx.Var] = {}
    declarations = list(model.declarations)

    def walk(e: Any, inside: mx.Var) -> Any:
        if not e.args or isinstance(e, mx.Var | mx.Scalar):
            return e
        e = e.func(*(walk(a, inside) for a in e.args))
        if isinstance(e, mx.Apply | mx.Softmax):
            argument = e.args[-1]
            if not isinstance(argument, mx.Var) and argument.shape == e.shape:
                return e.func(*e.args[:-1], name(argument, inside))
        return e

    def name(argument: mx.Node, inside: mx.Var) -> mx.Var:
        if argument not in new:
            label = next(n for n in _names_for(inside.name) if n not in taken)
            taken.add(label)
            declarations.append(Declaration(label, "variable", argument.shape, True))
            new[argument] = mx.Var(label, argument.shape, (mx.t,))
            equations.append(Equation("", new[argument], argument, note="named here"))
        return new[argument]

    for e in model.equations:
        rhs = walk(e.rhs, e.lhs)
        if e.lhs == model.loss.step:  # past T there is no loss, and dL/d(name) = 0 says so
            rhs = rhs.xreplace({v: name(v, e.lhs) for v in mx.variables(rhs) if lag_of(v)})
        equations.append(replace(e, rhs=rhs))
    numbered = tuple(replace(e, label=str(n)) for n, e in enumerate(equations, 1))
    return replace(model, declarations=tuple(declarations), equations=numbered)


def _names_for(name: str) -> Iterator[str]:
    yield "a"
    yield f"a_{name}"
    for n in count(2):
        yield f"a{n}_{name}"
