"""The claims of a document as they are judged: times decided, and what a letter has for a mark.

h^{t-1}     a time above, where the document writes times there
\\bar h_t   a gradient, where h_t stands without its bar too
δ_{kl}      1 where k = l, where k and l number entries beside it
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from .. import surface as s
from ..naming import Naming
from .claims import with_arguments
from .lengths import with_length

_ENTRIES = frozenset("ijklmnpqr")


def settled(claims: Iterable[s.Claim]) -> tuple[list[s.Claim], Naming]:
    """The claims with superscript times decided, and the naming conventions they show."""
    claims = [kronecker(c) for c in with_length(barred(list(claims)))]
    naming = Naming(trees_of(claims))
    claims = with_arguments([_changed(c, naming.settled) for c in claims])
    return claims, Naming(trees_of(claims))


def _changed(c: s.Claim, change: Callable[[s.Node], s.Node]) -> s.Claim:
    return replace(
        c,
        left=change(c.left),
        right=None if c.right is None else change(c.right),
        head=None if c.head is None else change(c.head),
    )


def kronecker(claim: s.Claim) -> s.Claim:
    """The claim with δ_{kl} as [k = l], where k and l stand below other letters of it."""
    seen: set[str] = set()
    for x in (x for tree in trees_of([claim]) for x in s.symbols(tree)):
        if not x.gradient_like:
            seen |= {
                c for i in (*x.indices, *(j for i in x.indices for j in i.inner)) for c in i.text
            }

    def change(node: s.Node) -> s.Node:
        if isinstance(node, s.Symbol) and node.letter == "δ" and not node.marks and not node.sup:
            letters = [c for i in node.sub for c in i.text.strip()]
            below = all(i.style in ("_", ",") for i in node.sub)  # and not δ_i(n)
            if below and len(letters) == 2 and set(letters) <= _ENTRIES & seen:
                k, l = map(s.Symbol, letters)
                return s.Indicator(s.Relation(k, "=", l), "[", start=node.start, end=node.end)
        return s.rebuild(node, change)

    return _changed(claim, change) if claim.right is not None else claim


def barred(claims: list[s.Claim]) -> list[s.Claim]:
    """The claims with h̄ as a gradient where each barred letter stands without its bar too."""
    symbols = [x for tree in trees_of(claims) for x in s.symbols(tree)]
    with_bar = {(x.letter, x.marks[:-1]) for x in symbols if x.marks[-1:] == ("bar",)}
    if not with_bar or not with_bar <= {(x.letter, x.marks) for x in symbols}:
        return claims
    if any(_computes_from_bar(c) for c in claims):
        return claims  # z = tanh(z̄): the bar is over what a function is applied to

    def change(node: s.Node) -> s.Node:
        if isinstance(node, s.Symbol) and node.marks[-1:] == ("bar",):
            of = replace(node, marks=node.marks[:-1])
            return s.Shorthand("bar", of, start=node.start, end=node.end)
        return s.rebuild(node, change)

    return [_changed(c, change) for c in claims]


def _computes_from_bar(claim: s.Claim) -> bool:
    """Whether a bare letter is computed from a barred one."""
    left = s.bare(claim.left)
    bare = isinstance(left, s.Symbol) and "bar" not in left.marks and not left.gradient_like
    read = s.symbols(claim.right) if claim.right is not None else ()
    return bare and any("bar" in x.marks for x in read)


def trees_of(claims: Iterable[s.Claim]) -> list[s.Node]:
    return [x for c in claims for x in (c.left, c.right) if x is not None]
