"""What a text states of its random letters: values, their probabilities, and means."""

from __future__ import annotations

from typing import Any

import sympy

from .. import surface as s
from ..judge.judge import Judge


def argument(node: s.Node, heads: tuple[str, ...]) -> s.Node | None:
    node = s.bare(node)
    if isinstance(node, s.Apply) and node.head.letter in heads and len(node.arguments) == 1:
        return s.bare(node.arguments[0])
    return None


def stated(judge: Judge, name: str) -> tuple[list[tuple[Any, Any]], list[Any]]:
    """The values with their probabilities, and the means, that the text states of a letter."""
    pairs, means = [], []
    for line in judge.lines:
        claim = line.claim
        if claim.right is None or claim.relation not in ("=", ":="):
            continue
        inside = argument(claim.left, ("Pr", "P", "Prob"))
        if isinstance(inside, s.Relation) and inside.relation == "=":
            if _is_letter(judge, inside.left, name):
                pairs.append((scalar(inside.right), scalar(claim.right)))
        inside = argument(claim.left, ("E",))
        if inside is not None and _is_letter(judge, inside, name):
            means.append(scalar(claim.right))
    return list(dict.fromkeys(pairs)), means  # said twice, it is one value


def _is_letter(judge: Judge, node: s.Node, name: str) -> bool:
    node = s.bare(node)
    return isinstance(node, s.Symbol) and judge.naming.parts(node).name == name


def scalar(node: s.Node) -> Any:
    """A number, or an expression in letters that are numbers; None where it is neither."""
    node = s.bare(node)
    if isinstance(node, s.Number):
        return sympy.Rational(node.text)
    if isinstance(node, s.Symbol) and not node.indices:
        return sympy.Symbol(node.letter, positive=True)
    parts = [scalar(x) for x in s.children(node)]
    if not parts or any(x is None for x in parts):
        return None
    if isinstance(node, s.Sum) and "±" not in node.signs:
        return sum(-x if g == "-" else x for g, x in zip(node.signs, parts, strict=True))
    if isinstance(node, s.Product):
        return sympy.prod(parts)
    if isinstance(node, s.Quotient):
        return parts[0] / parts[1]
    if isinstance(node, s.Power):
        return parts[0] ** parts[1]
    return None


def is_whole(pairs: list[tuple[Any, Any]]) -> bool:
    """Whether these are all the values: then their probabilities add up to one."""
    total = sum(p for _, p in pairs) if all(p is not None for _, p in pairs) else None
    return total is not None and sympy.simplify(total - 1) == 0


def means_of(judge: Judge) -> dict[str, Any]:
    """The random letters of the text and their means."""
    out: dict[str, Any] = {}
    for line in judge.lines:
        for heads in (("E",), ("Pr", "P", "Prob")):
            inside = argument(line.claim.left, heads)
            inside = s.bare(inside.left) if isinstance(inside, s.Relation) else inside
            if isinstance(inside, s.Symbol) and judge.is_free(inside):
                name = judge.naming.parts(inside).name
                pairs, means = stated(judge, name)
                if is_whole(pairs) and all(v is not None for v, _ in pairs):
                    means = [sympy.simplify(sum(v * p for v, p in pairs))]
                if means and means[0] is not None:
                    out[name] = means[0]
    return out
