"""What of a formula its readings depend on, gathered tree by tree.

It stays on the trees: an edited line shares most of its own, and so most of what is gathered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce

from .. import surface as s
from ..meaning.choice import letter_key
from ..naming import Naming


@dataclass(frozen=True)
class Gathered:
    """`keys`: the letters and gradients, by name. `turned`: those with a transposition on them.
    `derivatives`: all of them, in the order written, those of a loss not among `jacobians`."""

    keys: frozenset[str] = frozenset()
    turned: frozenset[str] = frozenset()
    derivatives: tuple[s.Derivative, ...] = ()
    fraction: bool = False  # c_t / f_t: a Jacobian whose ∂ signs may be missing
    product: bool = False  # a ∏
    spread: bool = False  # a Σ that a + or − follows, which it may cover

    def __or__(self, other: Gathered) -> Gathered:
        return Gathered(
            self.keys | other.keys,
            self.turned | other.turned,
            self.derivatives + other.derivatives,
            self.fraction or other.fraction,
            self.product or other.product,
            self.spread or other.spread,
        )


def gatherer(naming: Naming) -> Callable[[s.Node], Gathered]:
    """What there is in a tree, in the names of one document."""

    def gathered(node: s.Node) -> Gathered:
        own = Gathered(
            frozenset(filter(None, [letter_key(node, naming)])),
            frozenset(_turned(node, naming)),
            (node,) if isinstance(node, s.Derivative) else (),
            _is_bare_fraction(node),
            isinstance(node, s.Big) and node.operator == "prod",
            _may_spread(node),
        )
        return reduce(Gathered.__or__, map(kept, s.children(node)), own)

    kept = s.Kept(gathered)
    return kept


def _turned(node: s.Node, naming: Naming) -> Iterator[str]:
    """λ_t^⊤ is the row, and λ_t then a column."""
    turned = isinstance(node, s.Transpose) or (
        isinstance(node, s.Power) and "transpose" in node.may_be
    )
    inner = s.bare(node.base) if isinstance(node, s.Transpose | s.Power) and turned else None
    if isinstance(inner, s.Symbol):
        yield naming.parts(inner).name


def _is_bare_fraction(node: s.Node) -> bool:
    if not isinstance(node, s.Quotient):
        return False
    halves = (s.bare(node.above), s.bare(node.below))
    return all(isinstance(x, s.Symbol) and x.indices for x in halves)


def _may_spread(node: s.Node) -> bool:
    return (
        isinstance(node, s.Sum)
        and len(node.terms) > 1
        and node.signs[0] == "+"
        and isinstance(s.bare(node.terms[0]), s.Big)
    )
