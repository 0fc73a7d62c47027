"""Which claims of a document are its forward equations, and which letters are its losses."""

from __future__ import annotations

from collections.abc import Iterable

from .. import surface as s
from ..naming import Naming
from .drafts import LOSSES, IncompleteError


def is_forward(claim: s.Claim) -> bool:
    """A claim that can define a quantity of the forward pass: no gradient in it."""
    if claim.relation not in ("=", ":=", "←") or claim.right is None or claim.continued:
        return False
    items = claim.left.items if isinstance(claim.left, s.Listing) else (claim.left,)
    if not all(isinstance(s.bare(x), s.Symbol) for x in items):
        return False
    if not any(
        isinstance(n, s.Dots) or (isinstance(n, s.Index) and n.terms) for n in s.walk(claim.right)
    ):
        return False
    return not any(
        isinstance(n, s.Derivative | s.Shorthand | s.Big)
        or (isinstance(n, s.Symbol) and n.gradient_like)
        or (isinstance(n, s.Apply) and n.primes)
        for side in (claim.left, claim.right)
        for n in s.walk(side)
    )


def losses_of(trees: Iterable[s.Node], naming: Naming, defined: set[str]) -> frozenset[str]:
    """The letters whose derivatives are gradients."""
    found = set()
    for tree in trees:
        for n in s.walk(tree):
            if isinstance(n, s.Derivative) and n.of is not None:
                of = s.bare(n.of)
                if isinstance(of, s.Symbol) and of.letter in LOSSES and of.letter not in defined:
                    found.add(of.letter)
                if isinstance(of, s.Apply) and of.head.letter in LOSSES:
                    found.add(of.head.letter)
    return frozenset(found or {"L"})


def _lefts(c: s.Claim, naming: Naming) -> list[str]:
    items = c.left.items if isinstance(c.left, s.Listing) else (c.left,)
    return [naming.parts(x).name for x in map(s.bare, items) if isinstance(x, s.Symbol)]


def accepted(
    claims: list[s.Claim], forward: list[s.Claim], naming: Naming, variant: int
) -> list[s.Claim]:
    """The definitions among the forward equations: those before the first gradient, and later
    ones of what they read. A second definition of one name belongs to the next variant."""
    first = next((n for n, c in enumerate(claims) if c not in forward and _is_gradient(c)), None)
    early = [c for c in forward if first is None or claims.index(c) < first]
    read = {naming.parts(x).name for c in early for x in s.symbols(c.right)}  # type: ignore[arg-type]
    later = [c for c in forward if c not in early and set(_lefts(c, naming)) & read]
    out: list[s.Claim] = []
    seen: dict[str, list[s.Node]] = {}
    for c in (*early, *later):
        for name in _lefts(c, naming):
            rights = seen.setdefault(name, [])
            if c.right not in rights:
                rights.append(c.right)  # type: ignore[arg-type]
    for c in (*early, *later):
        if any(
            c.right == seen[n][min(variant, len(seen[n]) - 1)] or len(seen[n]) == 1
            for n in _lefts(c, naming)
        ):
            out.append(c)
    if variant and all(len(x) < 2 for x in seen.values()):
        raise IncompleteError("there is no second definition")
    return out


def _is_gradient(c: s.Claim) -> bool:
    return any(
        isinstance(n, s.Derivative | s.Shorthand) or (isinstance(n, s.Symbol) and n.gradient_like)
        for side in (c.left, c.right)
        if side is not None
        for n in s.walk(side)
    )


def final(forward: list[s.Claim], naming: Naming) -> str:
    """The output of a cell: what o ⊙ tanh(c) is called."""
    for c in reversed(forward):
        if isinstance(c.left, s.Symbol) and isinstance(c.right, s.Product):
            heads = [n.head.letter for n in s.walk(c.right) if isinstance(n, s.Apply)]
            if "tanh" in heads:
                return naming.parts(c.left).name
    return ""
