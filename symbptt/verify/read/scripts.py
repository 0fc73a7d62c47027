r"""What hangs on a symbol: subscripts, superscripts, primes and transposes.

h_{t-1}  Index t-1     h^{(t)\top}  Index (t), then a transpose     W^T  transpose or power
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from ..surface import (
    Apply,
    Entry,
    Everything,
    Group,
    Index,
    Node,
    Norm,
    Number,
    Power,
    Shorthand,
    Symbol,
    Transpose,
)
from .cursor import Cursor
from .spelling import SCALAR_LETTERS, TIME_LETTERS
from .tokens import Token

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


class Scripts(Cursor):
    """Reads what stands behind a base."""

    def expression(self) -> Node:
        raise NotImplementedError  # of Formula

    def statement(self) -> Node:
        raise NotImplementedError

    def scripts(self, base: Node) -> Node:
        """The base with every script behind it."""
        start, below = base.start, False
        while True:
            kind = self.kind()
            if kind == "_" and self.kind(1) != "":
                if below and not self.habits.plain:  # TeX does not take it either
                    reason, instead = "a second subscript", "W_{hh}, or {W_h}_h"
                    raise self.error(reason, instead, self.i, self.i + 1)
                below = True
                self.next()
                base = self.subscript(base, *self.argument())
            elif kind == "^" and self.kind(1) != "":
                each = self.next().value == ".^"
                base = self.superscript(base, *self.argument())
                if each and isinstance(base, Power):
                    base = replace(base, style=".^")
            elif kind == "prime":
                self.next()
                base = self.primed(base)
            elif kind == "superscript":
                base = self.raised(base, self.next())
            elif kind == "subscript":
                token = self.next()
                base = self.indexed(base, [index(token.value, "_", token.start, token.end)])
            elif kind == "suffix":
                self.next()
                base = Transpose(base, ".T")
            elif kind == "top":
                self.next()
                base = Transpose(base, "ᵀ")
            elif kind == "method" and self.kind(1) == "(":
                base = self.method(base)
            elif kind == "[" and self.is_indexing(base):
                base = self.bracketed(base)
            else:
                return base
            base = replace(base, start=start, end=self.before)

    def method(self, base: Node) -> Node:
        """x.dot(y), x.sum(axis=0)."""
        raise NotImplementedError  # of Calls

    # -- subscripts

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
            return isinstance(core, Group) or core.certain
        timed = any(i.terms and set(i.names) <= TIME_LETTERS for i in core.indices)
        return timed or (len(parts) == 2 and core.letter[:1].isupper())

    # -- superscripts

    def superscript(self, base: Node, a: int, b: int) -> Node:
        tokens = self.tokens[a:b]
        if not tokens:
            raise self.error("an empty superscript", "h^{(t)}", max(a - 1, 0), a)
        if tokens[0].kind == "^":  # h^{(t)^T}
            if tokens[-1].kind == "}" and len(tokens) > 3 and self.pairs.get(a + 1) == b - 1:
                return self.superscript(base, a + 2, b - 1)
            return self.superscript(base, a + 1, b)
        if self._is_transpose(tokens):
            return Transpose(base, "top")
        if tokens[0].kind == "prime":
            base = self.primed(base)
            return self.superscript(base, a + 1, b) if b > a + 1 else base
        named = self._named(base, a, b)
        if named is not None:
            base, stop = named
            return self.superscript(base, stop, b) if stop < b else base
        if len(tokens) == 1 and tokens[0].kind in ("sign", "plus") and isinstance(base, Symbol):
            if tokens[0].value == "*":
                return replace(base, marks=(*base.marks, "star"))
            return self.indexed(base, [self.index(a, b, "^")], below=False)
        if len(tokens) > 1 and tokens[0].value == "⊙":
            exponent = self.within(a + 1, b, self.expression)
            return Power(base, exponent, ("power",), ".^")
        return self._power(base, a, b)

    def _is_transpose(self, tokens: Sequence[Token]) -> bool:
        kept = [t for t in tokens if t.kind not in ("{", "}")]
        if [t.kind for t in kept] == ["top"]:
            return True
        upright = len(kept) == 2 and kept[0].kind == "font" and kept[0].value == "rm"
        return upright and kept[1].value == "T"

    def _named(self, base: Node, a: int, b: int) -> tuple[Node, int] | None:
        r"""An index in brackets: ^{(t)}, ^{\langle t \rangle}, ^{[l]}, or ^{<t>}."""
        if isinstance(base, Entry):  # [W]_{ij}^{(t)}, an entry of W^{(t)}
            whole = base.of.of if isinstance(base.of, Group) else base.of
            found = self._named(whole, a, b)
            return None if found is None else (replace(base, of=found[0]), found[1])
        if not isinstance(base, Symbol | Shorthand):
            return None
        first = self.tokens[a]
        if first.kind in ("(", "[", "⟨"):
            close, style = self.pairs[a], {"(": "(", "[": "[", "⟨": "<"}[first.kind]
        elif first.value == "<":
            close = self.find(a + 1, b, lambda t: t.value == ">")
            style = "<"
        else:
            return None
        first_of = a + 1
        if self._names_time(a + 1, close):  # the W of one step, W^{(t=1)}
            first_of, style = a + 3, "|"
        if close < 0 or close == a + 1 or not self._is_label(first_of, close):
            return None
        parts = self.split(first_of, close, ("comma",))
        indices = [self.index(x, y, style) for x, y in parts]
        return self.indexed(base, indices, below=False), close + 1

    def _names_time(self, a: int, b: int) -> bool:
        named = [t.value for t in self.tokens[a : a + 2]]
        return b > a + 2 and named[0] in TIME_LETTERS and named[1] == "="

    def _is_label(self, a: int, b: int) -> bool:
        plain = {"letter", "number", "word", "text", "plus", "comma", "font", "mark", "{", "}"}
        return all(t.kind in plain | {"function", "big", "infinity"} for t in self.tokens[a:b])

    def _power(self, base: Node, a: int, b: int) -> Node:
        core = base.of if isinstance(base, Shorthand) else base
        tokens = self.tokens[a:b]
        letters = [t for t in tokens if t.kind == "letter"]
        if isinstance(core, Symbol) and self._is_label(a, b):
            word = any(t.kind in ("comma", "word", "text", "function") for t in tokens)
            word = word or (len(tokens) > 1 and len(letters) == len(tokens))
            lone = len(tokens) == 1 and bool(letters) and tokens[0].value not in TIME_LETTERS
            terms, _ = affine("".join(t.value for t in tokens))
            layer = bool(terms) and {n for n, _ in terms or ()} <= _LAYERS
            if word or layer or (lone and core.letter != "e" and core.letter not in SCALAR_LETTERS):
                parts = self.split(a, b, ("comma",))
                indices = [self.index(x, y, "^") for x, y in parts]
                return self.indexed(base, indices, below=False)
        exponent = self.within(a, b, self.statement)
        text = "".join(t.value for t in tokens)
        return Power(base, exponent, _readings(base, text))

    def raised(self, base: Node, token: Token) -> Node:
        """A Unicode superscript: ², ⁻¹, ᵀ, ᵗ."""
        text = token.value
        if text == "⊤":
            return Transpose(base, "ᵀ")
        inner = text.removeprefix("(").removesuffix(")")
        if inner != text and isinstance(base, Symbol | Shorthand):
            where = index(inner, "(", token.start, token.end)
            return self.indexed(base, [where], below=False)
        exponent: Node = Symbol(text, start=token.start, end=token.end)
        if text.lstrip("-").isdigit():
            exponent = Number(text, start=token.start, end=token.end)
        return Power(base, exponent, _readings(base, text))

    def primed(self, base: Node) -> Node:
        if self.habits.plain and self.kind() not in ("(", "prime"):
            return Transpose(base, "'")  # W' * dy, in Julia and MATLAB
        if isinstance(base, Symbol):
            return replace(base, primes=base.primes + 1)
        if isinstance(base, Shorthand):
            return replace(base, of=replace(base.of, primes=base.of.primes + 1))
        return Transpose(base, "'")


_LATER = (["from"], ["future"], ["next"], ["later"])
_COUNTERS = frozenset("ijklmn")
_NUCLEI = (Norm, Symbol, Shorthand)
_LAYERS = frozenset("lLℓ")


def _readings(base: Node, exponent: str) -> tuple[str, ...]:
    """What base^exponent may be, the likeliest first."""
    if exponent == "T" and not isinstance(base, Number | Norm):
        scalar = isinstance(base, Symbol) and base.letter in SCALAR_LETTERS
        return ("power", "transpose") if scalar else ("transpose", "power")
    terms, _ = affine(exponent)
    if not isinstance(base, Symbol | Shorthand) or not terms:
        return ("power",)
    if isinstance(base, Shorthand) and not base.of.indices and exponent != "T":
        return ("time", "power")
    core = base.of if isinstance(base, Shorthand) else base
    if not all(name in TIME_LETTERS for name, _ in terms):
        return ("power", "label")
    timed = any(i.terms and set(i.names) & TIME_LETTERS for i in core.indices)
    if timed or core.letter in SCALAR_LETTERS or core.letter in ("W", "U", "V", "A", "J", "e"):
        return ("power", "time")
    return ("time", "power")
