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
    """ŷ = W H_{T−1}, L = Σ_{t=0}^{T−1} L_t, counted from 0 to T − 1, as ŷ = W H_T, counted from
    1 to T. What has a running step keeps it: h_t is the state of one step in both."""
    trees = [x for c in claims for x in (c.left, c.right) if x is not None]
    indices = [i for x in trees for i in _indices(x)]
    bounds = [n for x in trees for n in s.walk(x) if isinstance(n, s.Bound)]
    from_zero = any(map(_reads_before_end, claims)) or any(map(_from_zero, bounds))
    if not from_zero or any(i.shift >= 0 for i in indices) or any(map(_to_last, bounds)):
        return claims
    timed = {
        x.letter
        for tree in trees
        for x in s.symbols(tree)
        if any(set(i.names) & {"t", "T"} for i in x.indices)
    }

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        if isinstance(node, s.Index) and node.terms == (("T", 1),):
            return _grown(node)
        if isinstance(node, s.Symbol) and node.letter in timed:
            sub, sup = (
                tuple(_grown(i) if i.terms == () and not i.inner else i for i in x)
                for x in (node.sub, node.sup)
            )
            return replace(node, sub=sub, sup=sup)
        if isinstance(node, s.Bound) and _over_steps(node):
            return replace(node, lower=_next(node.lower), upper=_next(node.upper))
        return node

    return [s.changed(c, change) for c in claims]


BEFORE_END = s.Sum((s.Symbol("T"), s.Number("1")), ("+", "-"))


def _grown(i: s.Index) -> s.Index:
    shift = i.shift + 1
    text = str(shift) if not i.names else f"T{shift:+d}" if shift else "T"
    return replace(i, text=text, shift=shift)


def _next(end: s.Node | None) -> s.Node | None:
    """The end of a range a step later: 1 for 0, T for T − 1; t stays t."""
    inner = s.bare(end) if end is not None else None
    if isinstance(inner, s.Number) and inner.text.isdigit():
        return s.Number(str(int(inner.text) + 1))
    return s.Symbol("T") if inner == BEFORE_END else end


def _over_steps(b: s.Bound) -> bool:
    ends = [x.letter for end in (b.lower, b.upper) if end is not None for x in s.symbols(end)]
    return bool({"t", "T"} & {b.variable.letter, *ends})


def _from_zero(b: s.Bound) -> bool:
    """Σ_{t=0}^{T−1}."""
    ends = [s.bare(x) for x in (b.lower, b.upper) if x is not None]
    return ends == [s.Number("0"), BEFORE_END]


def _to_last(b: s.Bound) -> bool:
    return b.upper is not None and s.bare(b.upper) == s.Symbol("T")


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
