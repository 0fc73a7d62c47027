r"""Other ways of writing one thing: a loss of arguments, sums that run downwards, f_θ(h, x)."""

from __future__ import annotations

from dataclasses import replace

from .. import surface as s
from .drafts import LOSSES


def whole_loss(claim: s.Claim) -> s.Claim:
    """L(x_1, …, w) = (1/T) Σ_t … as L = (1/T) Σ_t …."""
    left = s.bare(claim.left)
    if not (isinstance(left, s.Apply) and left.head.letter in LOSSES and not left.head.indices):
        return claim
    summed = claim.right is not None and any(isinstance(n, s.Big) for n in s.walk(claim.right))
    return replace(claim, left=left.head) if summed else claim


def upwards(node: s.Node) -> s.Node:
    """Σ_{i=t}^{1} ∏_{j=t}^{i+1} with the bounds in order; ∏ keeps the order of its factors."""
    node = s.rebuild(node, upwards)
    if not (isinstance(node, s.Big) and node.operator == "sum" and len(node.bounds) == 1):
        return node
    bound = node.bounds[0]
    last = bound.upper.text if isinstance(bound.upper, s.Number) else ""
    if last not in ("0", "1") or bound.lower is None or isinstance(bound.lower, s.Number):
        return node
    i = bound.variable.letter

    def inner(x: s.Node) -> s.Node:
        x = s.rebuild(x, inner)
        if isinstance(x, s.Big) and len(x.bounds) == 1:
            b = x.bounds[0]
            letters = {y.letter for y in s.symbols(b.upper)} if b.upper is not None else set()
            if b.lower == bound.lower and i in letters:
                b = replace(b, lower=b.upper, upper=b.lower, descending=True)
                return replace(x, bounds=(b,))
        return x

    turned = replace(bound, lower=bound.upper, upper=bound.lower)
    return replace(node, bounds=(turned,), body=inner(node.body))


def with_subscript(claims: list[s.Claim]) -> list[s.Claim]:
    """f_θ(h_{t−1}, x_t) as f(h_{t−1}, x_t, θ), where the text differentiates by θ."""
    nodes = [n for c in claims for x in (c.left, c.right) if x is not None for n in s.walk(x)]
    below = {
        by.letter
        for n in nodes
        if isinstance(n, s.Derivative)
        if isinstance(by := s.bare(n.by), s.Symbol) and not by.indices and not by.marks
    }
    heads = {
        n.head.letter
        for n in nodes
        if isinstance(n, s.Apply) and len(n.head.sub) == 1 and n.head.sub[0].text in below
    }

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        if isinstance(node, s.Apply) and node.head.letter in heads - set(LOSSES):
            (index,) = node.head.sub if len(node.head.sub) == 1 else (None,)
            if index is not None and index.text in below and not node.primes:
                head = replace(node.head, sub=())
                return replace(
                    node,
                    head=head,
                    arguments=(*node.arguments, s.Symbol(index.text)),
                    certain=True,
                )
        return node

    return [s.changed(c, change) for c in claims] if heads - set(LOSSES) else claims
