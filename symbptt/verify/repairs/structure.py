"""Edits of how terms and factors stand: groups, brackets, order, signs, operations."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from .. import surface as s
from ..write import plain
from .everywhere import product_of
from .vocabulary import Vocabulary


def grouping(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """W δ ⊙ s as W (δ ⊙ s), and a group dissolved; a number scales without any ⊙."""
    if not isinstance(node, s.Product):
        return
    scaled = sum(_scales(v, n) for n in s.walk(node))
    for code, words, new in _regrouped(v, node):
        if sum(_scales(v, n) for n in s.walk(new)) <= scaled:
            yield code, words, new


def _scales(v: Vocabulary, node: s.Node) -> bool:
    """Whether ⊙ stands beside a number: hᵀ ⊙ 1/N."""
    if not isinstance(node, s.Product):
        return False
    between = zip(node.factors, node.signs, node.factors[1:], strict=False)
    return any(g == "⊙" and (v.is_number(a) or v.is_number(b)) for a, g, b in between)


def _regrouped(v: Vocabulary, node: s.Product) -> Iterator[tuple[str, str, s.Node]]:
    words = "the slope stands on the wrong side of the matrix product"
    n = len(node.factors)
    flat = _flattened(v, node)
    for product in [node] if flat is None else [node, flat]:
        n = len(product.factors)
        for i in range(n):
            for j in range(i + 2, n + 1):
                if j - i == n:
                    continue
                inner = s.Product(product.factors[i:j], product.signs[i : j - 1])
                if "⊙" not in product.signs:
                    continue
                factors = (*product.factors[:i], s.Group(inner), *product.factors[j:])
                signs = (*product.signs[:i], *product.signs[j - 1 :])
                yield "M06", words, s.Product(factors, signs)
    if flat is not None:
        yield "M06", words, flat
    for i in range(n if "⊙" in node.signs or n < 4 else 0):  # a trailing slope comes first
        for j in range(n):
            if abs(i - j) > 1 and len(node.factors) == n:
                rest = [k for k in range(n) if k != i]
                at = rest.index(j)
                factors2 = [node.factors[k] for k in rest]
                factors2[at] = s.Group(s.Product((node.factors[j], node.factors[i]), ("⊙",)))
                signs2 = ["" for _ in range(len(factors2) - 1)]
                yield "M06", words, s.Product(tuple(factors2), tuple(signs2))


def _flattened(v: Vocabulary, node: s.Product) -> s.Product | None:
    """The product with its product groups spliced in."""
    factors: list[s.Node] = []
    signs: list[str] = []
    changed = False
    for n, x in enumerate(node.factors):
        inner = s.bare(x)
        if isinstance(x, s.Group) and isinstance(inner, s.Product):
            factors += inner.factors
            signs += inner.signs
            changed = True
        else:
            factors.append(x)
        if n < len(node.signs):
            signs.append(node.signs[n])
    return s.Product(tuple(factors), tuple(signs)) if changed else None


BRACKET = "the bracket is in the wrong place: the factor multiplies every term"


def brackets(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """a + b s as (a + b) s, and the other way about."""
    words = BRACKET
    if isinstance(node, s.Sum):
        whole = (0, len(node.terms) - 1)  # every term comes first
        ends = itertools.combinations(range(len(node.terms)), 2)
        for i, j in sorted(ends, key=lambda ends: ends != whole):
            for joined in _joined(node, i, j):
                terms = (*node.terms[:i], joined, *node.terms[j + 1 :])
                signs = (*node.signs[:i], "+", *node.signs[j + 1 :])
                yield "M21", words, joined if len(terms) == 1 else s.Sum(terms, signs)
    if isinstance(node, s.Product):
        for n, x in enumerate(node.factors):
            inner2 = s.bare(x)
            if isinstance(inner2, s.Sum) and isinstance(x, s.Group) and n == 0:
                *heads, tail = inner2.terms
                merged = s.Product((tail, *node.factors[1:]), node.signs)
                yield "M21", words, s.Sum((*heads, merged), inner2.signs)


def _joined(node: s.Sum, i: int, j: int) -> Iterator[s.Node]:
    """The terms from i to j as one product: what scales the last of them, or the first, scales
    them all."""
    last = s.bare(node.terms[j])
    if isinstance(last, s.Product):
        for k in range(1, len(last.factors)):
            kept = product_of(last.factors[:k], last.signs[: k - 1])
            inner = s.Group(s.Sum((*node.terms[i:j], kept), node.signs[i : j + 1]))
            yield s.Product((inner, *last.factors[k:]), last.signs[k - 1 :])
    first = s.bare(node.terms[i])
    if isinstance(first, s.Product) and node.signs[i] == "+":
        for k in range(1, len(first.factors)):
            kept = product_of(first.factors[k:], first.signs[k:])
            inner = s.Group(s.Sum((kept, *node.terms[i + 1 : j + 1]), node.signs[i : j + 1]))
            yield s.Product((*first.factors[:k], inner), first.signs[:k])


def both_brackets(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """r a + b s as r (a + b) s."""
    if not isinstance(node, s.Sum) or len(node.terms) < 2 or node.signs[0] != "+":
        return
    first, last = s.bare(node.terms[0]), s.bare(node.terms[-1])
    if not isinstance(first, s.Product) or not isinstance(last, s.Product):
        return
    for j, k in itertools.product(range(1, len(first.factors)), range(1, len(last.factors))):
        begin = product_of(first.factors[j:], first.signs[j:])
        end = product_of(last.factors[:k], last.signs[: k - 1])
        inner = s.Group(s.Sum((begin, *node.terms[1:-1], end), node.signs))
        factors = (*first.factors[:j], inner, *last.factors[k:])
        yield "M21", BRACKET, s.Product(factors, (*first.signs[:j], *last.signs[k - 1 :]))


def order(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    if not isinstance(node, s.Product):
        return
    words = "the factors stand in the wrong order"
    for n in range(len(node.factors) - 1):
        f = list(node.factors)
        if any(v.is_number(x) for x in f[n : n + 2]):
            continue  # which may stand anywhere
        f[n], f[n + 1] = f[n + 1], f[n]
        yield "M05", words, replace(node, factors=tuple(f))
    if len(node.factors) > 2:
        yield (
            "M05",
            words,
            replace(node, factors=node.factors[::-1], signs=node.signs[::-1]),
        )


def operation(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    if isinstance(node, s.Product):
        for n, sign in enumerate(node.signs):
            for other in ("⊙", "", "⊗"):
                same = {"·": "", "*": "", "×": "", "@": ""}.get(sign, sign)
                if other == same:
                    continue
                signs = (*node.signs[:n], other, *node.signs[n + 1 :])
                words = {
                    "⊙": "an elementwise product is needed",
                    "": "a matrix product is needed, not an elementwise one",
                    "⊗": "an outer product u vᵀ is needed",
                }[other]
                yield "M18", words, replace(node, signs=signs)
            plus = s.Sum(
                (
                    product_of(node.factors[: n + 1], node.signs[:n]),
                    product_of(node.factors[n + 1 :], node.signs[n + 1 :]),
                ),
                ("+", "+"),
            )
            yield "M18", "a sum is needed, not a product", s.Group(plus)
    if isinstance(node, s.Sum):
        for n, x in enumerate(map(s.bare, node.terms)):
            if isinstance(x, s.Product) and x.signs[0] == "⊙" and "⊙" not in x.signs[1:]:
                parts = (x.factors[0], product_of(x.factors[1:], x.signs[1:]))
                terms = (*node.terms[:n], *parts, *node.terms[n + 1 :])
                signs = (*node.signs[: n + 1], "+", *node.signs[n + 1 :])
                yield "M18", "a sum is needed, not a product", s.Sum(terms, signs)
    if isinstance(node, s.Sum) and len(node.terms) == 2 and node.signs == ("+", "+"):
        yield "M18", "a product is needed, not a sum", s.Product(node.terms, ("⊙",))


def sign(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    if isinstance(node, s.Sum):
        for n, sign in enumerate(node.signs):
            other = "-" if sign == "+" else "+"
            signs = (*node.signs[:n], other, *node.signs[n + 1 :])
            yield "M15", "a sign is wrong", replace(node, signs=signs)
        if len(node.terms) == 2 and set(node.signs) == {"+", "-"}:
            flipped = tuple("-" if g == "+" else "+" for g in node.signs)
            yield "M15", "the difference has the wrong sign", replace(node, signs=flipped)


def drop(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    if isinstance(node, s.Sum) and len(node.terms) > 1:
        for n in range(len(node.terms)):
            terms = (*node.terms[:n], *node.terms[n + 1 :])
            signs = (*node.signs[:n], *node.signs[n + 1 :])
            yield "M09", "a term is counted twice", s.Sum(terms, signs)
    for x, rest in _without_one(node):
        if not v.is_number(x):
            yield "M11", f"the factor {plain(x)} is too much", rest


def number(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    for x, rest in _without_one(node):
        if v.is_number(x):
            yield "M14", f"the factor {plain(x)} is too much", rest


def _without_one(node: s.Node) -> Iterator[tuple[s.Node, s.Node]]:
    """Each factor, and the product without it."""
    if isinstance(node, s.Product) and len(node.factors) > 1:
        for n in range(len(node.factors)):
            factors = (*node.factors[:n], *node.factors[n + 1 :])
            signs = node.signs[1:] if n == 0 else (*node.signs[: n - 1], *node.signs[n:])
            yield node.factors[n], product_of(factors, signs)
