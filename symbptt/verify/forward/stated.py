"""A loss stated by its name: l_t = cross-entropy(z_t, y_t), 1/N Σ_n [squared-error(o_t, y_t)]_n."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
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
    return {
        x.letter
        for x, right in _defined(claims)
        if x.letter in LOSSES and right is not None and names_loss(right)
    }


def step_named(claims: list[s.Claim]) -> tuple[list[s.Claim], str]:
    """The claims with a usual letter for the loss of a step, and the text's own letter for it.

    The e of e_t = ℓ(o_t, y_t), which the loss sums, (1/T) Σ_t e_t; "" where it is a usual one.
    """
    summed = set()
    for c in claims:
        left, right = s.bare(c.left), s.bare(c.right) if c.right is not None else None
        if isinstance(left, s.Symbol) and left.letter in LOSSES and not left.indices:
            summed |= {n.body for n in s.walk(right or left) if isinstance(n, s.Big)}
    letters = {x.letter for x in map(s.bare, summed) if isinstance(x, s.Symbol) and x.indices}
    letters = {x.letter for x, right in _defined(claims) if x.letter in letters - {*LOSSES}
               and right is not None and (states_loss(right) or names_loss(right))}  # fmt: skip
    used = {x.letter for c in claims for t in (c.left, c.right) if t for x in s.symbols(t)}
    free = next((x for x in LOSSES if x not in used), "")
    if len(letters) != 1 or not free:
        return claims, ""
    (letter,) = letters

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        mine = isinstance(node, s.Symbol) and node.letter == letter and not node.marks
        return replace(node, letter=free) if mine else node  # type: ignore[call-arg]

    return [s.changed(c, change) for c in claims], letter


def states_loss(right: s.Node) -> bool:
    """E_t = ℒ(x_t): the loss of a step, and no quantity of the forward pass."""
    right = s.bare(right)
    return isinstance(right, s.Apply) and right.head.letter in LOSSES


def _defined(claims: Iterable[s.Claim]) -> Iterator[tuple[s.Symbol, s.Node | None]]:
    lefts = ((s.bare(c.left), c.right) for c in claims)
    return ((x, right) for x, right in lefts if isinstance(x, s.Symbol))


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
