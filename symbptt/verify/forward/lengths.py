r"""A length that a text gives as a number: L = \sum_{t=1}^3 L_t.

The text is about that length alone. Where it writes no step as a number it is read as T, so that
a line is judged, and proved, for every length; T = 3 is one of them.
"""

from __future__ import annotations

from dataclasses import replace

from .. import surface as s

FEWEST = 2


def with_length(claims: list[s.Claim]) -> list[s.Claim]:
    """The claims with the stated number of steps written T, where the text has no T itself."""
    nodes = [n for c in claims for x in (c.left, c.right) if x is not None for n in s.walk(x)]
    steps = {n for c in claims if (n := _summed(c))}
    timed = {
        x.letter for x in nodes if isinstance(x, s.Symbol) for i in x.indices if "t" in i.names
    }
    turned = {  # the T of W^T is none
        id(n.exponent) for n in nodes if isinstance(n, s.Power) and "transpose" in n.may_be
    }
    own = [n for n in nodes if id(n) not in turned]
    if len(steps) != 1 or any(isinstance(n, s.Symbol) and n.letter == "T" for n in own):
        return claims
    if any(isinstance(n, s.Index) and "T" in n.names for n in own):
        return claims
    (n,) = steps
    if any(
        i.terms == () and 1 <= i.shift <= n
        for x in nodes
        if isinstance(x, s.Symbol) and x.letter in timed
        for i in x.indices
    ):
        return claims  # h_1, h_2: a run that is written out, step by step

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        if isinstance(node, s.Bound) and node.upper is not None:
            if s.bare(node.upper) == s.Number(str(n)):
                return replace(node, upper=s.Symbol("T"))
        if isinstance(node, s.Symbol) and node.letter in timed:
            return replace(node, sub=tuple(map(end, node.sub)), sup=tuple(map(end, node.sup)))
        return node

    def end(i: s.Index) -> s.Index:
        last = i.terms == () and i.shift == n
        return replace(i, text="T", terms=(("T", 1),), shift=0) if last else i

    return [s.changed(c, change) for c in claims]


def of_one_sample(claims: list[s.Claim]) -> list[s.Claim]:
    r"""J = 1/m \sum_{i=1}^m (\hat y^{(i)} - y^{(i)})^2 without the index of the sample."""

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        if not isinstance(node, s.Big) or node.operator != "sum" or len(node.bounds) != 1:
            return node
        (b,) = node.bounds
        upper = s.bare(b.upper) if b.upper is not None else None
        if not isinstance(upper, s.Symbol) or upper.indices or upper.letter not in "mNBM":
            return node
        kept = _without(node.body, b.variable.letter)
        return node if kept == node.body else s.Group(kept)

    return [c if c.right is None else replace(c, right=change(c.right)) for c in claims]


def _without(node: s.Node, i: str) -> s.Node:
    """The tree without the superscript (i)."""
    node = s.rebuild(node, lambda x: _without(x, i))
    if isinstance(node, s.Symbol):
        return replace(node, sup=tuple(x for x in node.sup if x.text != i or x.style != "("))
    return node


def one_based(claims: list[s.Claim]) -> list[s.Claim]:
    """ŷ = W H_{T−1}, the steps counted from 0 to T − 1, as ŷ = W H_T, counted from 1 to T."""
    indices = [i for c in claims for x in (c.left, c.right) if x is not None for i in _indices(x)]
    if not any(map(_reads_before_end, claims)) or any(i.shift >= 0 for i in indices):
        return claims

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        if isinstance(node, s.Index) and "T" in node.names:
            shift = node.shift + 1
            text = "T" if shift == 0 else f"T{shift:+d}"
            return replace(node, text=text, shift=shift)
        if isinstance(node, s.Bound) and node.upper is not None and node.lower is not None:
            before = s.Sum((s.Symbol("T"), s.Number("1")), ("+", "-"))
            if s.bare(node.upper) == before and s.bare(node.lower) == s.Number("0"):
                return replace(node, lower=s.Number("1"), upper=s.Symbol("T"))
        return node

    return [s.changed(c, change) for c in claims]


def _indices(node: s.Node) -> list[s.Index]:
    return [
        i for i in s.walk(node) if isinstance(i, s.Index) and i.terms == (("T", 1),) and not i.inner
    ]


def _reads_before_end(claim: s.Claim) -> bool:
    """ŷ = W H_{T−1} + b: what has no time is computed at step T − 1."""
    left = s.bare(claim.left)
    if not isinstance(left, s.Symbol) or left.indices or claim.right is None or claim.continued:
        return False
    if any(isinstance(n, s.Derivative | s.Big) for n in s.walk(claim.right)):
        return False
    return any(i.shift == -1 for i in _indices(claim.right))


def _summed(claim: s.Claim) -> int:
    """3 of L = Σ_{t=1}^3 …, a sum over all steps that has a name; else 0."""
    left = s.bare(claim.left)
    if not isinstance(left, s.Symbol) or left.indices or claim.right is None or claim.continued:
        return 0
    for n in s.walk(claim.right):
        for b in n.bounds if isinstance(n, s.Big) and n.operator == "sum" else ():
            upper = s.bare(b.upper) if b.upper is not None else None
            if b.variable.letter == "t" and isinstance(upper, s.Number) and upper.text.isdigit():
                return int(upper.text) if int(upper.text) >= FEWEST else 0
    return 0
