"""What is shown parses back: every printed equation is read again as the same equation."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from symbptt import matrix as mx
from symbptt.derive import derive
from symbptt.indices import same
from symbptt.model import Declaration, Equation
from symbptt.parse import Scope, equation, latex, load, zoo
from symbptt.show import show_equation

from .strategies import expressions

READ = {"text": equation, "unicode": equation, "latex": latex}


@pytest.mark.parametrize("notation", READ)
@pytest.mark.parametrize("name", zoo())
def test_every_equation_of_a_derivation_parses_back(name: str, notation: str) -> None:
    derivation = derive(load(name))
    for e in [*derivation, *(f.equation for f in derivation.formal)]:
        text = show_equation(e, notation)
        back = READ[notation](text, derivation.model)
        assert same(back.lhs, e.lhs) and same(back.rhs, e.rhs), text
        norm = notation == "latex" and "lVert" in text  # ½‖o − y‖² is read as a sum of squares
        assert norm or (back.lhs, back.rhs) == (e.lhs, e.rhs), text


def scope_of(e: mx.Node) -> Scope:
    """Declarations of every name that stands in an expression."""
    scope = Scope()
    for s in sorted({s.name for s in e.free_symbols if s.is_positive}):
        scope.declare(Declaration(s, "size"))
    classes = {r.args[0].name: r.args[1] for r in e.atoms(mx.OneHot)}
    for v in sorted(e.atoms(mx.Var), key=lambda v: v.name):
        if scope.known(v.name) is None:
            role = "variable" if v.times else "param"
            scope.declare(Declaration(v.name, role, v.shape, bool(v.times), classes.get(v.name)))
    return scope


@pytest.mark.parametrize("notation", READ)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(e=expressions())
def test_random_expressions_parse_back(notation: str, e: mx.Node) -> None:
    scope = scope_of(e)
    lhs = mx.Var("result", e.shape)
    scope.declare(Declaration("result", "param", e.shape))
    text = show_equation(Equation("1", lhs, e), notation)
    back = READ[notation](text, scope)
    assert back.lhs == lhs
    assert back.rhs == e or same(back.rhs, e), text
