"""What carrying the gradient forward costs, against going back: symbolic in T and every size."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from .. import matrix as mx
from ..model import Block, Declaration, Group, Model


def with_cost(g: Group, model: Model, blocks: tuple[Block, ...]) -> Group:
    """The sensitivities with their cost: n entries of the state, q of the parameters it feels."""
    names = {e.lhs.wrt.name for e in g.equations if e.lhs.of.times}
    n = sum((_entries(v.shape) for b in blocks for v in b.parts), start=sympy.Integer(0))
    q = sum((_size(d) for d in model.params if d.name in names), start=sympy.Integer(0))
    text = (
        f"{g.text} The state has n = {formula(n)} entries, the parameters it feels "
        f"q = {formula(q)}. Forward, T steps take T n² q = {formula(mx.T * n**2 * q)} "
        f"multiplications and n q = {formula(n * q)} numbers, whatever T is; backward they take "
        f"of the order T q = {formula(mx.T * q)} and T n = {formula(mx.T * n)}."
    )
    return replace(g, text=text)


def _size(d: Declaration) -> Any:
    return _entries(d.shape)


def _entries(shape: Any) -> Any:
    return sympy.Mul(*shape)


def formula(value: Any) -> str:
    """A polynomial in the sizes, highest powers first: H³ + D·H²."""
    text = sympy.sstr(sympy.expand(value), order="grlex")
    for power, mark in (("**2", "²"), ("**3", "³"), ("**4", "⁴"), ("**5", "⁵"), ("*", "·")):
        text = text.replace(power, mark)
    return text
