"""A loss stated by its name: l_t = cross-entropy(z_t, y_t), 1/N Σ_n [squared-error(o_t, y_t)]_n."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..naming import Naming
from .drafts import LOSSES

NAMED = ("cross_entropy", "squared_error")


@dataclass(frozen=True)
class Stated:
    """factor · name(output, label), summed over the rows of a batch."""

    name: str
    output: str
    label: str
    factor: Any


def names_loss(right: s.Node) -> bool:
    """Whether a right side is a loss by its name."""
    return any(isinstance(n, s.Apply) and n.head.letter in NAMED for n in s.walk(right))


def losses_by_name(claims: Iterable[s.Claim]) -> set[str]:
    """The l of l_t = cross-entropy(z_t, y_t)."""
    lefts = [(s.bare(c.left), c.right) for c in claims if c.right is not None]
    return {
        x.letter
        for x, right in lefts
        if isinstance(x, s.Symbol) and x.letter in LOSSES and names_loss(right)
    }


def stated(claims: Iterable[s.Claim], naming: Naming) -> Stated | None:
    for c in claims:
        left = s.bare(c.left)
        if isinstance(left, s.Symbol) and left.letter in LOSSES and c.right is not None:
            factor, call = _factored(s.bare(c.right))
            if call is not None:
                names = [naming.parts(x).name for x in map(s.bare, call.arguments)]
                return Stated(call.head.letter, names[0], names[1], factor)
    return None


def _factored(node: s.Node) -> tuple[Any, s.Apply | None]:
    """c Σ_n [f(o, y)]_n as (c, f(o, y))."""
    if isinstance(node, s.Big) and node.operator == "sum":
        return _factored(s.bare(node.body))
    if isinstance(node, s.Entry):
        return _factored(s.bare(node.of))
    if isinstance(node, s.Apply) and node.head.letter == "sum" and len(node.arguments) == 1:
        return _factored(s.bare(node.arguments[0]))
    if isinstance(node, s.Product):
        *factors, last = map(s.bare, node.factors)
        value, call = _factored(last)
        return sympy.Mul(value, *map(_number, factors)), call
    if isinstance(node, s.Apply) and node.head.letter in NAMED and len(node.arguments) == 2:
        if all(isinstance(s.bare(x), s.Symbol) for x in node.arguments):
            return sympy.Integer(1), node
    return sympy.Integer(1), None


def _number(node: s.Node) -> Any:
    """2, 1/N, N."""
    if isinstance(node, s.Number):
        return sympy.Rational(node.text)
    if isinstance(node, s.Quotient):
        return _number(s.bare(node.above)) / _number(s.bare(node.below))
    return mx.size(node.letter) if isinstance(node, s.Symbol) else sympy.Integer(1)
