"""Intermediate values that a text would name: the argument of every nonlinearity gets one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import sympy

from .. import matrix as mx
from ..model import Declaration, Equation, Model, lag_of


def named(model: Model) -> Model:
    """The model with every composite argument of a nonlinearity named, as texts do.

    The only one is a; where there are several each is called after its own equation: a_i, a_f.
    """
    taken = {d.name for d in model.declarations} | set(model.functions)
    alone = len(_arguments(model)) == 1
    equations: list[Equation] = []
    new: dict[mx.Node, mx.Var] = {}
    declarations = list(model.declarations)

    def walk(e: Any, inside: mx.Var) -> Any:
        if not e.args or isinstance(e, mx.Var | mx.Scalar):
            return e
        e = e.func(*(walk(a, inside) for a in e.args))
        return e.func(*e.args[:-1], name(e.args[-1], inside)) if _is_composite(e) else e

    def name(argument: mx.Node, inside: mx.Var) -> mx.Var:
        if argument not in new:
            label = next(n for n in _names_for(inside.name, alone) if n not in taken)
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


def _arguments(model: Model) -> set[mx.Node]:
    """The arguments that have no name yet."""
    found = {x for e in model.equations for x in sympy.preorder_traversal(e.rhs)}
    return {x.args[-1] for x in found if _is_composite(x)}


def _is_composite(e: Any) -> bool:
    """A nonlinearity of something that is no variable."""
    if not isinstance(e, mx.Apply | mx.Softmax):
        return False
    argument = e.args[-1]
    return not _is_view(argument) and argument.shape == e.shape


def _is_view(e: mx.Node) -> bool:
    """A variable, or a block of one: it has its name already."""
    return isinstance(e.args[0] if isinstance(e, mx.Block) else e, mx.Var)


def _names_for(name: str, alone: bool) -> Iterator[str]:
    if alone:
        yield "a"
    yield f"a_{name}"
    for n in count(2):
        yield f"a{n}_{name}"
