"""Which claims of a document are its forward equations, and which letters are its losses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeGuard

from .. import surface as s
from ..naming import Naming
from .drafts import FUNCTIONS, LOSSES, IncompleteError


def is_forward(claim: s.Claim) -> bool:
    """A claim that can define a quantity of the forward pass: no gradient in it, and a step."""
    return defines(claim) and (
        _of_a_value(claim)
        or any(
            isinstance(n, s.Dots) or (isinstance(n, s.Index) and bool(n.terms))
            for n in s.walk(claim.right or claim.left)
        )
    )


def defines(claim: s.Claim) -> bool:
    """Whether a claim says of letters alone what they are, and of no gradient."""
    if claim.relation not in ("=", ":=", "←") or claim.right is None or claim.continued:
        return False
    items = claim.left.items if isinstance(claim.left, s.Listing) else (claim.left,)
    if not all(isinstance(s.bare(x), s.Symbol) for x in items):
        return False
    return not any(
        isinstance(n, s.Derivative | s.Shorthand | s.Big)
        or (isinstance(n, s.Symbol) and n.gradient_like)
        or (isinstance(n, s.Apply) and n.primes)
        for side in (claim.left, claim.right)
        for n in s.walk(side)
    )


def _of_a_value(claim: s.Claim) -> bool:
    """ŷ_t = softmax(q), of a value written without its time."""
    left, right = s.bare(claim.left), s.bare(claim.right or claim.left)
    if not (isinstance(left, s.Symbol) and isinstance(right, s.Apply) and right.certain):
        return False
    timed = any(i.terms and not i.inner for i in left.indices)
    known = right.head.letter in (*FUNCTIONS, "softmax") and len(right.arguments) == 1
    return timed and known and isinstance(s.bare(right.arguments[0]), s.Symbol)


def named_inside(claims: list[s.Claim]) -> list[s.Claim]:
    """a = tanh(W x) = tanh(z) as z = W x and a = tanh(z): the chain names what tanh is of."""
    out = list(claims)
    links = {(c.chain, c.link): c for c in claims}
    for after in claims:
        before = links.get((after.chain, after.link - 1)) if after.chain else None
        if before is None or after.left != before.right:
            continue
        if before.relation != "=" or after.relation != "=" or before not in out:
            continue
        whole, named = s.bare(after.left), s.bare(after.right or after.left)
        if not (isinstance(whole, s.Apply) and isinstance(named, s.Apply)):
            continue
        if whole.head != named.head or len(whole.arguments) != 1 or len(named.arguments) != 1:
            continue
        inner = s.bare(named.arguments[0])
        if isinstance(inner, s.Symbol) and inner.indices:
            n = out.index(before)
            out[n : n + 1] = [
                replace(before, left=inner, right=whole.arguments[0]),
                replace(before, right=named),
            ]
    return out


def unread_stacks(forward: list[s.Claim]) -> list[s.Claim]:
    """Without z = [a, i, f, o] that only names what other equations of the same step read."""
    rights = [c.right for c in forward if c.right is not None]

    def only_names(c: s.Claim) -> bool:
        right = s.bare(c.right or c.left)
        others = {x for r in rights if r is not c.right for x in s.symbols(r)}
        entries = [x for row in right.rows for x in row] if isinstance(right, s.Stack) else []
        return bool(entries) and {*map(s.bare, entries)} <= others and c.left not in others

    return [c for c in forward if not only_names(c)]


def undated(claims: list[s.Claim], forward: list[s.Claim], naming: Naming) -> list[s.Claim]:
    """ŷ = σ(z) beside z = wᵀ h_T: what is computed from a value that is written without a step."""
    found: list[s.Claim] = []
    named = {n for c in forward for n in _lefts(c, naming) if _plain_letter(c)}
    for c in claims:
        left, right = s.bare(c.left), s.bare(c.right) if c.right is not None else None
        if c in forward or c.relation not in ("=", ":=") or c.continued or not _plain_letter(c):
            continue
        inner = s.bare(right.arguments[0]) if _applied_once(right) else None
        if isinstance(inner, s.Symbol) and naming.parts(inner).name in named:
            if isinstance(left, s.Symbol) and left.letter not in LOSSES:
                found.append(c)
                named |= set(_lefts(c, naming))
    return found


def _plain_letter(c: s.Claim) -> bool:
    left = s.bare(c.left)
    return isinstance(left, s.Symbol) and not left.indices and not left.gradient_like


def _applied_once(node: s.Node | None) -> TypeGuard[s.Apply]:
    return isinstance(node, s.Apply) and len(node.arguments) == 1 and not node.primes


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


def with_arguments(claims: list[s.Claim]) -> list[s.Claim]:
    """∂f/∂h_{t−1} as ∂f(x_t, h_{t−1}, w)/∂h_{t−1}: f alone, with the arguments first written."""
    trees = [x for c in claims for x in (c.left, c.right) if x is not None]
    nodes = [n for tree in trees for n in s.walk(tree)]
    calls: dict[str, s.Apply] = {}
    for n in nodes:
        if isinstance(n, s.Apply) and len(n.arguments) > 1 and not n.primes:
            calls.setdefault(n.head.letter, n)
    indexed = {n.letter for n in nodes if isinstance(n, s.Symbol) and n.indices}

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        if isinstance(node, s.Derivative) and node.of is not None:
            of = s.bare(node.of)
            if isinstance(of, s.Symbol) and of.letter in calls and of.letter not in indexed:
                if of.letter not in LOSSES and not of.marks:
                    return replace(node, of=calls[of.letter])
        return node

    if not calls:
        return claims
    return [
        replace(c, left=change(c.left), right=None if c.right is None else change(c.right))
        for c in claims
    ]


def _lefts(c: s.Claim, naming: Naming) -> list[str]:
    items = c.left.items if isinstance(c.left, s.Listing) else (c.left,)
    return [naming.parts(x).name for x in map(s.bare, items) if isinstance(x, s.Symbol)]


def accepted(
    claims: list[s.Claim], forward: list[s.Claim], naming: Naming, variant: int
) -> list[s.Claim]:
    """The definitions among the forward equations: those before the first gradient, and later
    ones of what they read or apply a function to, z = V h after y = g(V h). A second definition
    of one name belongs to the next variant."""
    first = next((n for n, c in enumerate(claims) if c not in forward and _is_gradient(c)), None)
    early = [c for c in forward if first is None or claims.index(c) < first]
    read = {naming.parts(x).name for c in early for x in s.symbols(c.right)}  # type: ignore[arg-type]
    rights = [c.right for c in early if c.right is not None]
    applied = (n for x in rights for n in s.walk(x) if isinstance(n, s.Apply))
    inner = [s.bare(x) for n in applied for x in n.arguments]
    later = [
        c
        for c in forward
        if c not in early and (set(_lefts(c, naming)) & read or s.bare(c.right) in inner)  # type: ignore[arg-type]
    ]
    out: list[s.Claim] = []
    seen: dict[str, list[s.Node]] = {}
    for c in (*early, *later):
        for name in _lefts(c, naming):
            said = seen.setdefault(name, [])
            if c.right not in said:
                said.append(c.right)  # type: ignore[arg-type]
    for c in (*early, *later):
        if any(
            c.right == seen[n][min(variant, len(seen[n]) - 1)] or len(seen[n]) == 1
            for n in _lefts(c, naming)
        ):
            out.append(c)
    if variant and all(len(x) < 2 for x in seen.values()):
        raise IncompleteError("there is no second definition")
    return out


def connected(forward: list[s.Claim], naming: Naming) -> list[s.Claim]:
    """The most forward equations that share letters: a_t = b_t + c_t a_{t−1} beside a network
    that never reads a is a remark, no part of it."""
    groups: list[tuple[list[s.Claim], set[str]]] = []
    for c in forward:
        names = {naming.parts(x).name for x in s.symbols(c.left)}
        names |= {naming.parts(x).name for x in s.symbols(c.right)}  # type: ignore[arg-type]
        mine = [c]
        for old in [g for g in groups if g[1] & names]:
            groups.remove(old)
            mine, names = old[0] + mine, old[1] | names
        groups.append((mine, names))
    groups.sort(key=lambda g: (-len(g[0]), forward.index(g[0][0])))
    kept = groups[0][0] if groups else []
    return [c for c in forward if c in kept or any(isinstance(n, s.Dots) for n in s.walk(c.right))]  # type: ignore[arg-type]


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
