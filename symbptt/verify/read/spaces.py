"""ℝ^{q×h}: the right side of a stated shape."""

from __future__ import annotations

from ..surface import Group, Index, Node, Number, Power, Product, Space, Sum, Symbol
from .bounds import product


def space(node: Node) -> Node:
    """ℝ^{q×h} as a space of arrays; (N, H) stays a listing."""
    if isinstance(node, Symbol) and node.letter in ("R", "ℝ", "C", "Z", "N"):
        if node.font not in ("bb", "bold", "cal") and node.letter != "ℝ":
            return node
        sizes = tuple(map(_size, node.sup))
        return Space(node.letter, sizes, start=node.start, end=node.end)
    if isinstance(node, Power) and isinstance(node.base, Symbol):
        whole = space(node.base)
        if isinstance(whole, Space) or node.base.letter == "R":
            e = node.exponent
            e = e.of if isinstance(e, Group) else e
            sizes = _sizes(e)
            return Space(node.base.letter, sizes, start=node.start, end=node.end)
    return node


def _sizes(e: Node) -> tuple[Node, ...]:
    """D × 2H is two sizes, D and 2H; H × D + K is H and D + K."""
    if isinstance(e, Sum):
        out: list[Node] = []
        for sign, term in zip(e.signs, e.terms, strict=True):
            first, *rest = _sizes(term)
            both = (out.pop(), first) if out else ()
            out += [Sum(both, ("+", sign), start=e.start, end=e.end) if both else first, *rest]
        return tuple(out) if len(out) > 1 else (e,)
    if not isinstance(e, Product):
        return (e,)
    groups: list[list[Node]] = [[e.factors[0]]]
    for sign, factor in zip(e.signs, e.factors[1:], strict=True):
        if sign in ("×", "*", "·"):
            groups.append([factor])
        else:
            groups[-1].append(factor)
    return tuple(product(g, [""] * (len(g) - 1), g[0].start) for g in groups)


def _size(index: Index) -> Node:
    if index.text.isdigit():
        return Number(index.text, start=index.start, end=index.end)
    return Symbol(index.text, start=index.start, end=index.end)
