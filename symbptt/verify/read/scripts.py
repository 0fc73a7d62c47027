r"""What hangs on a symbol: superscripts, primes and transposes, in any order with subscripts.

h_{t-1}  Index t-1     h^{(t)\top}  Index (t), then a transpose     W^T  transpose or power
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..surface import (
    Entry,
    Group,
    Node,
    Norm,
    Number,
    Power,
    Shorthand,
    Symbol,
    Transpose,
)
from .spelling import SCALAR_LETTERS, TIME_LETTERS
from .subscripts import Subscripts, affine, index
from .tokens import Token


class Scripts(Subscripts):
    """Reads what stands behind a base."""

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
