"""Whether the gradients that a text writes with ∇ are turned: ∇_s L ∂s/∂h, rows by columns.

Most texts let them stand as what they are taken by does. One of columns that writes them before a
Jacobian more than once, and never behind one, means rows; one of rows, the other way round. What
is a row for each sample of a batch has its gradient alike, before Uᵀ and behind h_tᵀ.
"""

from __future__ import annotations

from collections.abc import Iterable

from .. import surface as s
from ..forward.system import System
from ..naming import Naming


def are_turned(claims: Iterable[s.Claim], naming: Naming, system: System) -> bool:
    if any(len(d.shape) == 2 for d in system.model.states):
        return False
    before, behind = 0, 0
    for c in claims:
        products = [
            n
            for x in (c.left, c.right)
            for n in (s.walk(x) if x is not None else ())
            if isinstance(n, s.Product) and not {"⊙", "⊗", "×"} & set(n.signs)
        ]
        before += any(_stands(n.factors, naming) for n in products)
        behind += any(_stands(n.factors[::-1], naming) for n in products)
    usual, turned = (before, behind) if system.rows else (behind, before)
    return turned > 1 and not usual


def _stands(factors: tuple[s.Node, ...], naming: Naming) -> bool:
    """Whether a ∇ of a loss has a matrix somewhere after it."""
    first = next((n for n, x in enumerate(factors) if _is_nabla(x)), None)
    return first is not None and any(_is_matrix(x, naming) for x in factors[first + 1 :])


def _is_nabla(node: s.Node) -> bool:
    node = s.bare(node)
    return isinstance(node, s.Derivative) and node.kind == "∇"


def _is_matrix(node: s.Node, naming: Naming) -> bool:
    """A Jacobian, a diagonal matrix or a weight, transposed or not."""
    node = s.bare(node)
    if isinstance(node, s.Transpose) or (isinstance(node, s.Power) and "transpose" in node.may_be):
        return _is_matrix(node.base, naming)
    if isinstance(node, s.Derivative):
        return node.kind != "∇"
    if isinstance(node, s.Apply):
        return node.head.letter == "diag"
    if not isinstance(node, s.Symbol):
        return False
    q = naming.parts(node)
    return q.time is None and q.letter[:1].isupper() and not q.components
