"""The claims of a document as they are judged: times decided, and what a letter has for a mark.

h^{t-1}     a time above, where the document writes times there
\\bar h_t   a gradient, where h_t stands without its bar too
g_{h_t}     the gradient by h_t
δ_{kl}      1 where k = l, where k and l number entries beside it
L(w) = Σ_t  the loss, whatever its arguments are
max(0, z)   relu(z)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from ... import matrix as mx
from .. import surface as s
from ..naming import Naming
from .claims import is_forward, with_arguments
from .lengths import of_one_sample, one_based, with_length
from .spelled import upwards, whole_loss, with_subscript
from .unrolled import rolled

_ENTRIES = frozenset("ijklmnpqr")
_LOSSES = frozenset(["L", "E", "J", "loss", "Loss", "error", "cost"])
_PREFIXES = frozenset("gdGDeελ")  # g_{h_t}, d_{o_t}


def settled(claims: Iterable[s.Claim]) -> tuple[list[s.Claim], Naming]:
    """The claims with superscript times decided, and the naming conventions they show."""
    claims = [of_losses(s.changed(whole_loss(c), upwards)) for c in barred(worded(list(claims)))]
    claims = one_based(of_one_sample(with_length(rolled(claims))))
    claims = with_subscript(prefixed([kronecker(c) for c in claims]))
    claims = [s.changed(c, rectified) if c.notation == "latex" else c for c in claims]
    naming = Naming(trees_of(claims))
    claims = with_arguments([s.changed(c, naming.settled) for c in claims])
    naming = Naming(trees_of(claims))
    moved = read_ahead(claims, naming)
    return (claims, naming) if moved is claims else (moved, Naming(trees_of(moved)))


def read_ahead(claims: list[s.Claim], naming: Naming) -> list[s.Claim]:
    """The claims with r_t of q_{t-1} = r_t ⊙ h_{t-1} as what q is of: q_t, computed at step t."""
    names = set()
    for c in claims:
        left = s.bare(c.left)
        if is_forward(c) and isinstance(left, s.Symbol) and c.right is not None:
            q = naming.parts(left)
            times = {naming.parts(x).time for x in s.symbols(c.right)}
            if q.time == mx.t - 1 and mx.t in times:
                names.add(q.name)
    if not names:
        return claims

    def later(i: s.Index) -> s.Index:
        if i.terms != (("t", 1),):
            return i
        shift = i.shift + 1
        return replace(i, shift=shift, text=f"t{shift:+d}" if shift else "t")

    def change(node: s.Node) -> s.Node:
        if not isinstance(node, s.Symbol):
            return s.rebuild(node, change)
        if naming.parts(node).name in names:
            sub, sup = (tuple(map(later, x)) for x in (node.sub, node.sup))
            return replace(node, sub=sub, sup=sup)
        return replace(node, sub=tuple(map(within, node.sub)))

    def within(i: s.Index) -> s.Index:
        if naming.parts(s.Symbol(i.text, i.inner, marks=i.marks)).name not in names:
            return i
        return replace(i, inner=tuple(map(later, i.inner)))

    return [s.changed(c, change) for c in claims]


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

    return s.changed(claim, change) if claim.right is not None else claim


def rectified(node: s.Node) -> s.Node:
    """The tree with max(0, z_t) as relu(z_t); a program starts its loops at max(0, t − k)."""
    node = s.rebuild(node, rectified)
    if isinstance(node, s.Apply) and node.head.letter == "max" and len(node.arguments) == 2:
        first, second = map(s.bare, node.arguments)
        other = second if first == s.Number("0") else first if second == s.Number("0") else None
        if other is not None and any(x.indices for x in s.symbols(other)):
            return replace(node, head=s.Symbol("relu"), arguments=(other,), certain=True)
    return node


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

    return [s.changed(c, change) for c in claims]


def _computes_from_bar(claim: s.Claim) -> bool:
    """Whether a bare letter is computed from a barred one."""
    left = s.bare(claim.left)
    bare = isinstance(left, s.Symbol) and "bar" not in left.marks and not left.gradient_like
    read = s.symbols(claim.right) if claim.right is not None else ()
    return bare and any("bar" in x.marks for x in read)


def prefixed(claims: list[s.Claim]) -> list[s.Claim]:
    """The claims with g_{h_t} as the gradient by h_t."""
    symbols = [x for tree in trees_of(claims) for x in s.symbols(tree)]
    letters = {x.letter for x in symbols if x.indices}

    def is_prefix(x: s.Symbol) -> bool:
        if x.letter not in _PREFIXES or x.marks or len(x.sub) != 1:
            return False
        return bool(x.sub[0].inner) and x.sub[0].text in letters

    told = Counter(x.letter for x in symbols if is_prefix(x))
    found = [x for x, n in told.most_common() if n > 1]
    if not found:
        return claims

    def change(node: s.Node) -> s.Node:
        if isinstance(node, s.Symbol) and node.letter in found and is_prefix(node):
            mark = "d" if node.letter == found[0] else node.letter
            return s.Shorthand(mark, _below(node), start=node.start, end=node.end)
        return s.rebuild(node, change)

    return [s.changed(c, change) for c in claims]


def of_losses(claim: s.Claim) -> s.Claim:
    """∇E_t = c ∇ŷ_t, which says no variable, as ∂E_t/∂θ = c ∂ŷ_t/∂θ: nobody asks for the
    gradient by a loss."""
    bare = [n for x in trees_of([claim]) for n in s.walk(x) if _nabla(n)]
    if not any(n.of.letter in _LOSSES for n in bare):  # type: ignore[attr-defined]
        return claim

    def change(node: s.Node) -> s.Node:
        if isinstance(node, s.Shorthand) and _nabla(node):
            return s.Derivative("∂", node.of, s.Symbol("θ"), start=node.start, end=node.end)
        return s.rebuild(node, change)

    return s.changed(claim, change)


def _nabla(node: s.Node) -> bool:
    return isinstance(node, s.Shorthand) and node.mark == "∇"


def worded(claims: list[s.Claim]) -> list[s.Claim]:
    """The claims with the words dn and dWhh, upright, as the gradients by n and Whh, which are
    names of the text, and dh as that by hs_t, the list of every step's h."""
    symbols = [x for tree in trees_of(claims) for x in s.symbols(tree)]
    stepped = {x.letter for x in symbols if x.indices}
    names = stepped | {x.letter for x in symbols if len(x.letter) > 1 or x.font == "rm"}

    def change(node: s.Node) -> s.Node:
        if isinstance(node, s.Symbol) and node.letter[:1] == "d" and not node.marks:
            inner = node.letter[1:]
            if inner and (inner in names or f"{inner}s" in stepped):
                of = replace(node, letter=inner)
                return s.Shorthand("d", of, start=node.start, end=node.end)
        node = s.rebuild(node, change)
        if isinstance(node, s.Quotient):  # dL/dscores_t
            above, below = node.above, node.below
            if isinstance(above, s.Shorthand) and isinstance(below, s.Shorthand):
                if above.mark == below.mark == "d":
                    found = s.Derivative("d", above.of, below.of, style="/")
                    return replace(found, start=node.start, end=node.end)
        return node

    return [s.changed(c, change) for c in claims]


def _below(node: s.Symbol) -> s.Symbol:
    """The quantity that stands below a letter, with what stands above it."""
    index = node.sub[0]
    sub = tuple(replace(i, style="_") for i in index.inner)
    return s.Symbol(index.text, sub, node.sup, index.marks, start=node.start, end=node.end)


def trees_of(claims: Iterable[s.Claim]) -> list[s.Node]:
    return [x for c in claims for x in (c.left, c.right) if x is not None]
