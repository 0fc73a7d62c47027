"""What a script means once the document is known: a time, an entry, a place."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from . import surface as s

ENTRIES = tuple("ijklmn")  # letters that may count entries


def settled(node: s.Node, naming: Any) -> s.Node:
    """The tree with c^{t-1} as a time where the document writes times above."""
    node = s.rebuild(node, lambda x: settled(x, naming))
    if isinstance(node, s.Symbol) and len(node.letter) == 2 and node.font == "bold":
        return _two(node, naming)
    if isinstance(node, s.Evaluated):
        return _at(node, naming)
    if isinstance(node, s.Power) and isinstance(node.base, s.Shorthand):
        inner = settled(replace(node, base=node.base.of), naming)
        if isinstance(inner, s.Symbol):
            return replace(node.base, of=inner)
    if (
        isinstance(node, s.Power)
        and isinstance(node.base, s.Symbol)
        and node.base.letter in naming.raised
        and "time" in node.may_be
    ):
        terms = affine(node.exponent)
        if terms is not None and (set(terms[0]) <= naming.names or not terms[0]):
            pairs = tuple(terms[0].items())
            index = s.Index("", "^", pairs, terms[1], start=node.start, end=node.end)
            base = node.base
            return replace(base, sup=(*base.sup, index))
    return node


def _two(node: s.Symbol, naming: Any) -> s.Node:
    """\\mathbf{Wh}_{t-1}, a weight and its value in one font, where both stand alone elsewhere."""
    first, second = node.letter[0], node.letter[1]
    if not (first.isupper() and second.islower() and {first, second} <= naming.seen):
        return node
    weight = replace(node, letter=first, sub=(), sup=(), marks=(), primes=0)
    return s.Product((weight, replace(node, letter=second)), ("",))


def _at(node: s.Evaluated, naming: Any) -> s.Node:
    """∂L/∂W at step t as the derivative by the W of that step; ∂f(u)/∂u at u = z as f'(z)."""
    of, at = s.bare(node.of), s.bare(node.at)
    if not isinstance(of, s.Derivative):
        return node
    if isinstance(at, s.Relation) and at.relation == "=":
        slope = _slope_at(of, at)
        if slope is not None:
            return slope
        left = s.bare(at.left)
        at = s.bare(at.right) if isinstance(left, s.Symbol) and left.letter == naming.main else at
    by, terms = s.bare(of.by), affine(at)
    if not isinstance(by, s.Symbol) or naming.parts(by).time is not None or terms is None:
        return node
    if not set(terms[0]) <= naming.names or (not terms[0] and terms[1] < 1):
        return node
    shift = f"{terms[1]:+d}" if terms[0] else str(terms[1])
    text = "".join(terms[0]) + (shift if terms[1] else "")
    pairs = tuple(terms[0].items())
    step = s.Index(text, "|", pairs, terms[1], start=node.start, end=node.end)
    return replace(of, by=replace(by, sup=(*by.sup, step)))


def _slope_at(of: s.Derivative, at: s.Relation) -> s.Node | None:
    """f'(z) of ∂f(u)/∂u at u = z."""
    applied, by = s.bare(of.of) if of.of is not None else None, s.bare(of.by)
    if not isinstance(applied, s.Apply) or len(applied.arguments) != 1 or s.bare(at.left) != by:
        return None
    if s.bare(applied.arguments[0]) != by:
        return None
    return replace(applied, arguments=(at.right,), primes=applied.primes + 1)


def affine(node: s.Node) -> tuple[dict[str, int], int] | None:
    """An exponent t − 1 as ({t: 1}, −1)."""
    node = s.bare(node)
    if isinstance(node, s.Number) and node.text.isdigit():
        return {}, int(node.text)
    if isinstance(node, s.Symbol) and not node.indices and not node.marks:
        return {node.letter: 1}, 0
    if isinstance(node, s.Sum):
        names: dict[str, int] = {}
        shift = 0
        for sign, term in zip(node.signs, node.terms, strict=True):
            inner = affine(term)
            if inner is None or sign == "±":
                return None
            c = -1 if sign == "-" else 1
            shift += c * inner[1]
            for name, k in inner[0].items():
                names[name] = names.get(name, 0) + c * k
        return names, shift
    return None


def affine_of(node: s.Node, names: set[str]) -> bool:
    terms = affine(node)
    return terms is not None and bool(set(terms[0]) & names)


def is_pair(i: s.Index) -> bool:
    """ij of w_{ij}, and not the word in."""
    return len(i.text) == 2 and set(i.text) <= set(ENTRIES) and i.text != "in"


def is_about_entries(n: s.Node) -> bool:
    """Whether w_{kl} y_l stands there: the text is about entries."""
    if not isinstance(n, s.Product):
        return False
    every = [i for x in s.symbols(n) for i in x.indices]
    pairs = {c for i in every if i.style != "^" and is_pair(i) for c in i.text}
    alone = {j.text for i in every for j in (i, *i.inner) if j.text in ENTRIES}
    return bool(pairs & alone)
