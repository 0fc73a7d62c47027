"""A formula said of another time: every index moved, written as people write it.

δ_t = W^T δ_{t+1} at t − 1 is δ_{t−1} = W^T δ_t
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..naming import Naming
from .choice import UnknownError


def time_value(naming: Naming, node: s.Node) -> Any:
    """An expression of times as SymPy: T − i, t + 1."""
    node = s.bare(node)
    if isinstance(node, s.Number):
        return sympy.Rational(node.text)
    if isinstance(node, s.Symbol) and not node.indices:
        return naming.symbol(node.letter)
    if isinstance(node, s.Sum):
        out: Any = sympy.Integer(0)
        for sign, term in zip(node.signs, node.terms, strict=True):
            out += (-1 if sign == "-" else 1) * time_value(naming, term)
        return out
    raise UnknownError("time", "this is no time")


def moved(node: s.Node, at: Any, to: Any, naming: Naming) -> s.Node:
    """A definition written for time `at`, said of time `to`."""
    if not sympy.sympify(at).free_symbols:
        by = to - at
        return shifted(node, None, by, naming)
    names = [x for x in sympy.sympify(at).free_symbols]
    if len(names) != 1:
        return node
    (k,) = names
    offset = at - k
    return shifted(node, k, to - offset, naming)


def shifted(node: s.Node, k: Any, value: Any, naming: Naming) -> s.Node:
    """Replace the time k by `value` in every index (k None: add `value` to number indices)."""

    def index(i: s.Index) -> s.Index:
        if i.inner:
            i = replace(i, inner=tuple(map(index, i.inner)))
        if i.terms is None:
            return i
        if k is None:
            if i.terms or (not sympy.sympify(value).free_symbols and not value):
                return i
            new = sympy.Integer(i.shift) + value
        else:
            names = {naming.symbol(n) for n, _ in i.terms}
            if k not in names:
                return i
            new = naming.time(i).xreplace({k: value})
        return index_of(i, new, naming)

    def change(n: s.Node) -> s.Node:
        if isinstance(n, s.Index):
            return index(n)
        if isinstance(n, s.Shorthand) and not n.of.indices:
            return n  # dt is a gradient, and no step
        if isinstance(n, s.Big) and k in {naming.symbol(b.variable.letter) for b in n.bounds}:
            return n
        if isinstance(n, s.Bound):
            lower = n.lower if n.lower is None else change(n.lower)
            upper = n.upper if n.upper is None else change(n.upper)
            return replace(n, lower=lower, upper=upper)
        if isinstance(n, s.Shorthand) and not n.of.indices:
            return n  # dt, a gradient of something called t
        if isinstance(n, s.Symbol) and not n.indices and k is not None:
            if naming.symbol(n.letter) == k and n.letter in naming.names:
                return expression_of(value, naming)
        return s.rebuild(n, change)

    return change(node)


def renumbered(node: s.Node, entries: dict[str, str], naming: Naming) -> s.Node:
    """A definition written for entries i, j, said of others; a Σ over one of those moves away."""

    def index(i: s.Index) -> s.Index:
        if i.inner:
            i = replace(i, inner=tuple(map(index, i.inner)))
        letters = i.text.strip()
        if not letters or not set(letters) <= set(names) or (i.terms and i.shift):
            return i
        text = "".join(names.get(c, c) for c in letters)
        return replace(i, text=text, terms=((text, 1),) if i.terms else i.terms)

    def change(n: s.Node) -> s.Node:
        if isinstance(n, s.Index):
            return index(n)
        if isinstance(n, s.Symbol) and n.letter in names and not n.indices and not n.marks:
            return replace(n, letter=names[n.letter])
        return s.rebuild(n, change)

    taken = {b.variable.letter for n in s.walk(node) if isinstance(n, s.Big) for b in n.bounds}
    names = {**entries, **{x: f"{x}'" for x in taken & set(entries.values())}}
    return change(node)


def index_of(i: s.Index, value: Any, naming: Naming) -> s.Index:
    terms, shift = [], 0
    for term, c in sympy.sympify(value).as_coefficients_dict().items():
        if term == 1:
            shift = int(c)
        elif c != 0:
            terms.append((_letter(term, naming), int(c)))
    return replace(i, text=_written(terms, shift), terms=tuple(terms), shift=shift)


def _written(terms: list[tuple[str, int]], shift: int) -> str:
    """T+t-i, t-1: an index as people write it."""
    out = ""
    for name, c in sorted(terms, key=lambda x: (x[1] < 0, x[0])):
        out += ("+" if c > 0 and out else "-" if c < 0 else "") + (
            "" if abs(c) == 1 else str(abs(c))
        )
        out += name
    if shift or not out:
        out += f"{shift:+d}" if out else str(shift)
    return out


def _letter(symbol: Any, naming: Naming) -> str:
    if symbol == mx.T:
        return naming.horizon or "T"
    return naming.main if symbol == mx.t else str(symbol)


def expression_of(value: Any, naming: Naming) -> s.Node:
    """A time as a formula: k + 1."""
    parts: list[s.Node] = []
    signs: list[str] = []
    terms = sympy.sympify(value).as_coefficients_dict().items()
    for term, c in sorted(terms, key=lambda x: bool(x[0] == 1)):
        if c == 0:
            continue
        signs.append("-" if c < 0 else "+")
        if term == 1:
            parts.append(s.Number(str(abs(c))))
        else:
            parts.append(s.Symbol(_letter(term, naming)))
    if not parts:
        return s.Number("0")
    if len(parts) == 1 and signs == ["+"]:
        return parts[0]
    return s.Sum(tuple(parts), tuple(signs))
