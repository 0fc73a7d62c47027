"""Numbers as they are written, and the numbers among the factors of a product."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from .atoms import Node, Number
from .expressions import Product, Quotient
from .walk import bare


def number(node: Node) -> Any:
    """2, 0.5 or 1/4 as a rational; None for anything else."""
    node = bare(node)
    if isinstance(node, Number):
        return sympy.Rational(node.text)
    if isinstance(node, Quotient):
        above, below = number(node.above), number(node.below)
        return above / below if above is not None and below else None
    return None


def coefficient(product: Product, value: Callable[[Node], Any] = number) -> tuple[Any, list[Node]]:
    """(c, the other factors) of a product, where `value` says which factors are numbers."""
    out: Any = sympy.Integer(1)
    rest: list[Node] = []
    for x in map(bare, product.factors):
        found = value(x)
        if found is None:
            rest.append(x)
        else:
            out *= found
    return out, rest
