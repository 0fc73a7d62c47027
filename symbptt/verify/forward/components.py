r"""A forward pass written entry by entry, said of whole vectors.

net_k(t) = Σ_l w_{kl} y_l(t−1), y_k(t) = f(net_k(t))    net(t) = w y(t−1), y(t) = f(net(t))
"""

from __future__ import annotations

from dataclasses import replace

from ...errors import SymbpttError
from .. import surface as s
from ..naming import Naming


class MixedError(SymbpttError):
    """An entry that is no entry of a vector said as a whole."""


def whole(claim: s.Claim, naming: Naming) -> s.Claim | None:
    """The claim about vectors that one about their entries makes; None where it makes none."""
    left = s.bare(claim.left)
    if not isinstance(left, s.Symbol) or claim.right is None or claim.continued:
        return None
    q = naming.parts(left)
    if len(q.components) != 1 or left.gradient_like:
        return None
    try:
        right = _vector(s.bare(claim.right), q.components[0], naming)
    except MixedError:
        return None
    return replace(claim, left=_stripped(left, naming), right=right)


def _vector(node: s.Node, k: str, naming: Naming) -> s.Node:
    """The vector whose entry k is the node."""
    node = s.bare(node)
    if isinstance(node, s.Symbol):
        found = naming.parts(node).components
        if found not in ((), (k,)):
            raise MixedError(f"{node.letter} is no vector over {k}")
        return _stripped(node, naming)
    if isinstance(node, s.Sum):
        return replace(node, terms=tuple(_vector(x, k, naming) for x in node.terms))
    if isinstance(node, s.Apply) and not node.primes:
        arguments = tuple(_vector(x, k, naming) for x in node.arguments)
        return replace(node, arguments=arguments, head=_stripped(node.head, naming))
    if isinstance(node, s.Big) and node.operator == "sum":
        if len(node.bounds) != 1:
            raise MixedError("two sums in one")
        return _contracted(s.bare(node.body), k, node.bounds[0].variable.letter, naming)
    if isinstance(node, s.Product):
        inner = {c for x in s.symbols(node) for c in naming.parts(x).components} - {k}
        if len(inner) == 1:  # W_{kl} h_l, summed over what stands twice
            return _contracted(node, k, inner.pop(), naming)
        signs = tuple(sign or "⊙" for sign in node.signs)
        vectors = [bool(naming.parts(x).components) for x in s.symbols(node)]
        factors = tuple(_vector(x, k, naming) for x in node.factors)
        return replace(node, factors=factors, signs=signs if all(vectors) else node.signs)
    if isinstance(node, s.Number):
        return node
    raise MixedError(f"a {type(node).__name__} among entries")


def _contracted(node: s.Node, k: str, j: str, naming: Naming) -> s.Node:
    """Σ_j w_{kj} y_j as w y, Σ_j w_{jk} y_j as wᵀ y."""
    factors = [s.bare(x) for x in node.factors] if isinstance(node, s.Product) else [node]
    weights = [
        x for x in factors
        if isinstance(x, s.Symbol) and set(naming.parts(x).components) == {j, k}
    ]  # fmt: skip
    if len(weights) != 1 or len(factors) != 2:
        raise MixedError("no product of a weight and a vector")
    (weight,) = weights
    (rest,) = (x for x in factors if x is not weight)
    matrix: s.Node = _stripped(weight, naming)
    if naming.parts(weight).components == (j, k):
        matrix = s.Transpose(matrix)
    return s.Product((matrix, _vector(rest, j, naming)), ("",))


def _stripped(x: s.Symbol, naming: Naming) -> s.Symbol:
    """The symbol without the indices that name its entries."""
    parts = naming.parts(x)
    found = set(parts.components)

    def kept(indices: tuple[s.Index, ...]) -> tuple[s.Index, ...]:
        out = []
        for i in indices:
            if i.inner and found and {c.text for c in i.inner} <= found:
                out.append(replace(i, inner=()))
            elif not found or not i.text.strip() or not set(i.text.strip()) <= found:
                out.append(i)
        return tuple(out)

    return replace(x, sub=kept(x.sub), sup=kept(x.sup))
