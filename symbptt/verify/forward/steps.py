"""How many steps a run has, where the text fixes it: T = 3, ŷ = v h_3, L = Σ_{t=1}^3 L_t."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .. import surface as s
from ..naming import Naming
from .drafts import LOSSES

MOST = 9  # steps of a run that is written out


def fixed_steps(claims: Iterable[s.Claim], naming: Naming) -> int | None:
    """The one number of steps that the text states; None where it states none, or several."""
    found = {n for c in claims for n in _stated(c, naming) if 1 < n <= MOST}
    return found.pop() if len(found) == 1 else None


def _stated(claim: s.Claim, naming: Naming) -> Iterator[int]:
    left = s.bare(claim.left)
    if claim.right is None or claim.relation not in ("=", ":=") or claim.continued:
        return
    if not isinstance(left, s.Symbol) or left.gradient_like or left.indices:
        return
    right = s.bare(claim.right)
    if left.letter == naming.horizon and isinstance(right, s.Number) and right.text.isdigit():
        yield int(right.text)
    elif left.letter in LOSSES and (upper := _last_summed(right)) is not None:
        yield upper
    elif last_read(left, right, naming):
        yield max(_numbers(right, naming))


def last_read(left: s.Symbol, right: s.Node, naming: Naming) -> bool:
    """Whether a value without a time is read off the numbered last state: ŷ = v h_3."""
    if (
        left.indices
        or left.letter in LOSSES
        or any(isinstance(n, s.Derivative) for n in s.walk(right))
    ):
        return False
    return (
        len(set(_numbers(right, naming))) == 1
        and max(_numbers(right, naming)) > 1
        and all(q.time is None or q.time.is_number for q in map(naming.parts, s.symbols(right)))
    )


def _numbers(node: s.Node, naming: Naming) -> list[int]:
    times = (naming.parts(x).time for x in s.symbols(node))
    return [int(x) for x in times if x is not None and x.is_Integer]


def _last_summed(right: s.Node) -> int | None:
    """3 of Σ_{t=1}^3 L_t and of L_1 + L_2 + L_3."""
    for n in s.walk(right):
        if isinstance(n, s.Big) and n.operator == "sum" and len(n.bounds) == 1:
            lower, upper = n.bounds[0].lower, n.bounds[0].upper
            ends = [s.bare(x) for x in (lower, upper) if x is not None]
            if len(ends) == 2 and all(isinstance(x, s.Number) for x in ends):
                first, last = (x.text for x in ends if isinstance(x, s.Number))
                return int(last) if first == "1" and last.isdigit() else None
    if isinstance(right, s.Sum) and set(right.signs) == {"+"}:
        terms = [s.bare(x) for x in right.terms]
        numbers = [
            int(i.text)
            for x in terms
            if isinstance(x, s.Symbol) and x.letter in LOSSES
            for i in x.indices
            if i.text.isdigit()
        ]
        if numbers == list(range(1, len(terms) + 1)):
            return len(terms)
    return None
