r"""Indices below a symbol, and in brackets behind it: W_{hh}, h_{t-1}, h[t-1], W[i, j]."""

from __future__ import annotations

import re
from dataclasses import replace

from ..surface import (
    Apply,
    Entry,
    Everything,
    Group,
    Index,
    Node,
    Norm,
    Power,
    Shorthand,
    Symbol,
    Transpose,
)
from .cursor import Cursor
from .spelling import TIME_LETTERS

_TERM = re.compile(r"([+-]?)(\d*)([^\W\d_]?)")
_LEAF = {"letter", "number", "word", "function", "text", "big", "infinity", "dots", "d", "sign"}


def affine(text: str) -> tuple[tuple[tuple[str, int], ...] | None, int]:
    """`T+t-i` as ((T, 1), (i, -1), (t, 1)) and 0; None where the text is no affine expression."""
    found: dict[str, int] = {}
    shift, i = 0, 0
    while i < len(text):
        match = _TERM.match(text, i)
        if not match or match.end() == i or (i and not match[1]) or not (match[2] or match[3]):
            return None, 0
        count = int(match[1] + (match[2] or "1"))
        if match[3]:
            found[match[3]] = found.get(match[3], 0) + count
        else:
            shift += count
        i = match.end()
    if not text:
        return None, 0
    return tuple(sorted((n, c) for n, c in found.items() if c)), shift


def index(text: str, style: str, start: int, end: int, **more: tuple[object, ...]) -> Index:
    terms, shift = affine(text)
    return Index(text, style, terms, shift, start=start, end=end, **more)  # type: ignore[arg-type]


class Subscripts(Cursor):
    """Reads indices."""

    def expression(self) -> Node:
        raise NotImplementedError  # of Formula

    def statement(self) -> Node:
        raise NotImplementedError

    def subscript(self, base: Node, a: int, b: int) -> Node:
        if isinstance(base, Power | Transpose) and isinstance(base.base, _NUCLEI):
            return replace(base, base=self.subscript(base.base, a, b))  # W^T_{hh}, ‖v‖^2_2
        if isinstance(base, Norm):
            return replace(base, order=self.within(a, b, self.expression))
        if isinstance(base, Symbol | Shorthand):
            parts = self.split(a, b, ("comma", "semicolon"))
            alone = any(y == x + 1 and self.tokens[x].kind == "colon" for x, y in parts)
            if not alone or len(parts) < 2:
                return self.indexed(base, [self.index(x, y, "_") for x, y in parts])
        said = self.tokens[a].value.split()[:1] if a < b else []
        if isinstance(base, Group) and isinstance(base.of, Shorthand) and said in _LATER:
            end = self.tokens[b - 1].end  # (dh_t)_{from t+1}: the part from later steps
            later = Index("next", "_", None, 0, start=self.tokens[a].start, end=end)
            return replace(base.of, of=replace(base.of.of, sub=(later,), sup=()))
        return self.entries(base, a, b, "_")

    def entries(self, base: Node, a: int, b: int, style: str) -> Node:
        items: list[Node] = []
        if b > a + 1 and all(t.kind == "letter" for t in self.tokens[a:b]):  # (…)_{ij}
            items = [self.within(j, j + 1, self.expression) for j in range(a, b)]
            return Entry(base, tuple(items), style)
        for x, y in self.split(a, b, ("comma",)):
            alone = y == x + 1 and self.tokens[x].kind == "colon"
            items.append(Everything() if alone else self.within(x, y, self.statement))
        return Entry(base, tuple(items), style)

    def indexed(self, base: Node, indices: list[Index], below: bool = True) -> Node:
        if isinstance(base, Shorthand):
            of = self.indexed(base.of, indices, below)
            return replace(base, of=of)  # type: ignore[arg-type]
        if not isinstance(base, Symbol):
            return Entry(base, tuple(Symbol(i.text, start=i.start, end=i.end) for i in indices))
        if below:
            return replace(base, sub=(*base.sub, *indices))
        return replace(base, sup=(*base.sup, *indices))

    def index(self, a: int, b: int, style: str) -> Index:
        """The tokens a … b−1 as one index."""
        if a >= b:
            raise self.error("an empty index", "h_{t-1}", max(a - 1, 0), a)
        text, marks, inner = "", [], []
        j = a
        while j < b:
            token = self.tokens[j]
            if token.kind == "mark":
                marks.append(token.value)
            elif token.kind in ("(", ")", "[", "]", "{", "}", "font", "null", "gap"):
                pass
            elif token.kind == "_" and text:
                stop = self._nested(j + 1, b)
                braced = self.tokens[j + 1].kind == "{"
                within = (j + 2, stop - 1) if braced else (j + 1, stop)
                inner += [self.index(x, y, "_") for x, y in self.split(*within, ("comma",))]
                j = stop - 1
            elif token.kind in _LEAF:
                marks += token.data if token.kind == "letter" and token.data else ()
                text += token.value
            elif token.kind == "index":
                text += token.value
            elif token.kind in ("plus", "prime", "colon", "slash", "bar"):
                text += token.value
            elif token.kind == "relation":
                text += token.value
            elif token.kind == "^":
                text += "^"
            else:
                raise self.cannot(token)
            j += 1
        start, end = self.tokens[a].start, self.tokens[b - 1].end
        return index(text, style, start, end, inner=tuple(inner), marks=tuple(marks))

    def _nested(self, j: int, b: int) -> int:
        if j >= b:
            raise self.missing()
        return self.pairs[j] + 1 if self.tokens[j].kind == "{" else j + 1

    def is_indexing(self, base: Node) -> bool:
        """h[t-1] is h at a time, W[h, x] is W times a stack."""
        token = self.peek()
        core = base.of if isinstance(base, Shorthand) else base
        if token is None or token.space:
            return False
        a, b = self.i + 1, self.pairs[self.i]
        if self.habits.plain and self._names_entries(base, a, b):
            return True
        if not isinstance(core, Symbol | Transpose | Entry | Group):
            return False
        if self.find(a, b, lambda t: t.kind == "colon") >= 0:
            return True
        if isinstance(core, Group):
            return False
        if isinstance(core, Symbol) and core.letter[:1].isupper() and not self.habits.plain:
            return False
        parts = self.split(a, b, ("comma",))
        if self.habits.plain:
            weight = isinstance(core, Symbol) and core.letter[:1] in ("W", "U", "V")
            return a < b and not (weight and len(parts) > 1)
        return a < b and all(self._is_index(x, y) for x, y in parts)

    def _is_index(self, a: int, b: int) -> bool:
        text = "".join(t.value for t in self.tokens[a:b])
        kinds = {"letter", "number", "plus", "word"} | ({"_"} if self.habits.plain else set())
        if a >= b or any(t.kind not in kinds for t in self.tokens[a:b]):
            return False
        terms, _ = affine(text)
        if terms is None:
            return self.habits.plain and text.isidentifier()
        return self.habits.plain or all(n in TIME_LETTERS or n in "nm" for n, _ in terms)

    def bracketed(self, base: Node) -> Node:
        a = self.i + 1
        b = self.pairs[self.i]
        self.i = b + 1
        parts = self.split(a, b, ("comma",))
        simple = all(self._is_index(x, y) for x, y in parts)
        if self.habits.plain and self._names_entries(base, a, b):
            return self.entries(base, a, b, "[")
        if simple and isinstance(base, Symbol | Shorthand):
            return self.indexed(base, [self.index(x, y, "[") for x, y in parts])
        return self.entries(base, a, b, "[")

    def _names_entries(self, base: Node, a: int, b: int) -> bool:
        """h[t][n,j], tanh(a)[i] and W[m,k]: letters that count entries of what stands before."""
        core = base.of if isinstance(base, Shorthand) else base
        parts = self.split(a, b, ("comma",))
        counts = all(y == x + 1 and self.tokens[x].value in _COUNTERS for x, y in parts)
        if not counts or not isinstance(core, Symbol | Apply | Group):
            return False
        if not isinstance(core, Symbol):
            return isinstance(core, Group) or core.certain or len(core.head.letter) > 1
        timed = any(i.terms and set(i.names) <= TIME_LETTERS for i in core.indices)
        return timed or (len(parts) == 2 and core.letter[:1].isupper())


_LATER = (["from"], ["future"], ["next"], ["later"])
_COUNTERS = frozenset("ijklmn")
_NUCLEI = (Norm, Symbol, Shorthand)
