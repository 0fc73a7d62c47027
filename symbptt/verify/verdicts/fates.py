"""What becomes of a product of Jacobians, and the numbers in its bounds.

‖W‖ < 1 ⇒ ‖∂h_t/∂h_k‖ → 0      true where no slope is above 1: ‖∂h_t/∂h_k‖ ≤ ‖W‖^{t−k}
‖W‖ > 1 ⇒ ‖∂h_t/∂h_k‖ → ∞      false: the norm is only an upper bound
‖∂h_t/∂h_k‖ ≤ (¼ ‖W‖)^{t−k}    true for σ, whose slope is at most ¼
"""

from __future__ import annotations

from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, PROVED, REFUTED, Line
from ..judge.readings import Condition
from .jacobians import chain, is_spectral

STEEPEST = {"tanh": sympy.Integer(1), "relu": sympy.Integer(1), "sigmoid": sympy.Rational(1, 4)}
FLAT = Condition("M28", "the slope φ' is nowhere above 1")


def steepest(judge: Judge) -> Any:
    """The largest slope between two states; None where some function is not known."""
    model = judge.system.model
    found = [sympy.Integer(1)]
    for d in model.states:
        rhs = model.unfold(mx.Var(d.name, d.shape, (mx.t,)))
        if not isinstance(rhs, mx.Apply):
            if rhs.has(mx.Apply) or rhs.has(mx.Call) or rhs.has(mx.Softmax):
                return None
            continue
        if rhs.args[1].has(mx.Apply) or rhs.args[0].name not in STEEPEST:
            return None
        found = [STEEPEST[rhs.args[0].name]] if len(model.states) == 1 else found
    return max(found)


def fate(judge: Judge, line: Line) -> bool:
    """Whether the line says when Jacobians vanish or explode by the norm of the weight."""
    claim = line.claim
    left, right = s.bare(claim.left), s.bare(claim.right) if claim.right is not None else None
    if claim.relation != "⇒" or not (
        isinstance(left, s.Relation) and isinstance(right, s.Relation)
    ):
        return False
    norm = s.bare(right.left)
    found = chain(judge, norm.of) if isinstance(norm, s.Norm) and is_spectral(norm) else None
    if right.relation != "→" or found is None or found.is_loss:
        return False
    if sympy.expand(found.end - found.start).is_number:  # one step more or less, not ever more
        return False
    one = s.bare(left.right)
    if not isinstance(one, s.Number) or one.text != "1" or not is_weight_norm(judge, left.left):
        return False
    explodes = isinstance(s.bare(right.right), s.Infinity)
    if left.relation == "<" and s.bare(right.right) == s.Number("0"):
        line.verdict, line.how = PROVED, "norm"
        line.proof = ("‖∂h_t/∂h_k‖ ≤ (max|φ'| ‖W‖)^{t−k}, a power of what is below 1",)
        if steepest(judge) is None:
            line.verdict = CONDITIONAL
            line.conditions.append(FLAT)
        return True
    if left.relation == ">" and explodes:
        line.verdict, line.codes = REFUTED, ["M28"]
        line.message = "the norm of the weight is only an upper bound: above 1 is necessary"
        return True
    return False


def is_weight_norm(judge: Judge, node: s.Node) -> bool:
    """Whether this is the norm of the weight that multiplies the state before."""
    norm = s.bare(node)
    inner = s.bare(norm.of) if isinstance(norm, s.Norm) and is_spectral(norm) else None
    if isinstance(inner, s.Transpose) or (
        isinstance(inner, s.Power) and "transpose" in inner.may_be
    ):
        inner = s.bare(inner.base)
    if not isinstance(inner, s.Symbol):
        return False
    name = judge.system.names.get(judge.naming.parts(inner).name)
    for d in judge.system.model.states:
        before = mx.Var(d.name, d.shape, (mx.t - 1,))
        rhs = judge.system.model.unfold(mx.Var(d.name, d.shape, (mx.t,)))
        for product in rhs.atoms(mx.MatMul):
            if product.has(before) and name in {v.name for v in mx.variables(product)}:
                return True
    return False


def constant_fits(judge: Judge, right: s.Node, steps: Any) -> bool | None:
    """Whether the numbers of a bound leave room for the slopes; None where it has none."""
    right = s.bare(right)
    inside = right
    outer: Any = sympy.Integer(1)
    if isinstance(right, s.Product):
        outer, rest = s.coefficient(right)
        inside = rest[0] if len(rest) == 1 else right
    inner: Any = sympy.Integer(1)
    base = s.bare(inside.base) if isinstance(inside, s.Power) else inside
    if isinstance(inside, s.Power) and isinstance(base, s.Product):
        inner, _ = s.coefficient(base)
    if (outer, inner) == (1, 1):
        return None
    slope = steepest(judge)
    if slope is None or (outer != 1 and not sympy.sympify(steps).is_number and outer < 1):
        return False
    count = steps if sympy.sympify(steps).is_number else 1
    return bool(inner >= slope if outer == 1 else outer * inner**count >= slope**count)
