"""What a text says of its quantities beside their equations: a sign, an orthogonal weight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sympy

from .. import surface as s
from ..naming import Naming
from .drafts import LOSSES


def orthogonal(claims: Iterable[s.Claim], naming: Naming) -> frozenset[str]:
    """W of WᵀW = I and of W Wᵀ = I."""
    out = set()
    for c in claims:
        left, right = s.bare(c.left), s.bare(c.right) if c.right is not None else None
        if not isinstance(left, s.Product) or len(left.factors) != 2 or c.relation != "=":
            continue
        if not isinstance(right, s.Symbol) or right.letter != "I":
            continue
        first, second = map(s.bare, left.factors)
        for turned, other in ((first, second), (second, first)):
            inner = _turned(turned)
            if isinstance(other, s.Symbol) and inner == other:
                out.add(naming.parts(other).name)
    return frozenset(out)


def _turned(node: s.Node) -> s.Node | None:
    if isinstance(node, s.Transpose):
        return s.bare(node.base)
    return s.bare(node.base) if isinstance(node, s.Power) and "transpose" in node.may_be else None


def signs(claims: Iterable[s.Claim]) -> dict[str, Any]:
    """−1 for the ℓ of L = −Σ_t ℓ_t: the loss of a step is minus what ℓ_t stands for."""
    out: dict[str, Any] = {}
    for c in claims:
        left, right = s.bare(c.left), s.bare(c.right) if c.right is not None else None
        head = left.head if isinstance(left, s.Apply) else left  # L(θ)
        if not isinstance(head, s.Symbol) or head.letter not in LOSSES or head.sub or head.sup:
            continue
        if not isinstance(right, s.Sum) or right.signs != ("-",):
            continue
        big = s.bare(right.terms[0])
        body = s.bare(big.body) if isinstance(big, s.Big) and big.operator == "sum" else None
        if isinstance(body, s.Symbol) and body.letter in LOSSES and body.letter != head.letter:
            out[body.letter] = sympy.Integer(-1)
    return out
