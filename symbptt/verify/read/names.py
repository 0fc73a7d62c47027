r"""Symbols: which letters are one name, with their fonts and marks.

\mathbf{W}  a font     \hat{y}  a mark     dh  a shorthand     \mathbf 1_{i=y}  an indicator
"""

from __future__ import annotations

from dataclasses import replace

from ..surface import Indicator, Node, Power, Relation, Shorthand, Symbol
from .scripts import Scripts
from .subscripts import index
from .tokens import Token, marked
from .words import parts

_SYMBOLIC = ("letter", "word", "font", "mark", "d")
_GROUPED = frozenset(["{", "}", "_", "^", "(", ")", "plus", "number", *_SYMBOLIC])


class Names(Scripts):
    """Reads a letter or a word, before any script."""

    def head(self) -> Node:
        """The letter with its font and marks, before any script."""
        token = self.next()
        if token.kind == "font":
            return self.dressed(token)
        if token.kind == "mark":
            return self.marked(token)
        if token.kind == "word":
            return self.word(token)
        if token.kind == "function":
            return Symbol(token.value, start=token.start, end=token.end)
        if self.is_differential(token):
            return self.shorthand(token)
        letter, end = token.value, token.end
        number = self.peek()
        if letter == "δ" and number is not None and number.kind == "number":
            if number.start == token.end:
                letter, end = letter + self.next().value, number.end
        font = "rm" if token.kind == "d" else ""
        return Symbol(letter, (), (), token.data or (), font, start=token.start, end=end)

    def is_differential(self, token: Token) -> bool:
        """Whether this d or δ belongs to the variable behind it: dh, δW."""
        if token.kind == "d" or (token.value == "d" and not self.habits.plain):
            return self.kind() in _SYMBOLIC or self.holds_symbol() or self.is_bare_function()
        if self.kind() not in ("letter", "font", "mark", "word") or token.data:
            return False
        return token.value in ("δ", "Δ") and self.habits.delta_is_prefix

    def is_bare_function(self) -> bool:
        """Whether the name of a function follows that is applied to nothing: dtanh."""
        ends = ("", "relation", "sign", "plus", "comma", ")", "}", "top", "suffix", "slash")
        raised = self.kind(1) == "^" and self.pairs.get(self.i + 2, self.i + 2) - self.i + 1
        return self.kind() == "function" and self.kind(raised or 1) in ends  # dtanh^T

    def holds_symbol(self) -> bool:
        """Whether a group follows that is one symbol: {\\mathbf{W_h}}."""
        kinds = {t.kind for t in self.tokens[self.i : self.pairs.get(self.i, self.i)]}
        return self.kind() == "{" and kinds <= _GROUPED

    def shorthand(self, token: Token) -> Node:
        if self.kind() == "{":
            of: Node = self.within(*self.argument(), self.expression)
        else:
            of = self.head()
        if isinstance(of, Symbol) and of.letter == "p" and not of.marks and self.kind() == "mark":
            pre = index("pre", "_", of.start, of.end)  # dp\tilde c: of what c̃ is a function of
            of = self.indexed(self.head(), [pre])
        if not isinstance(of, Symbol):
            a = self.i
            raise self.error(f"a {token.value} before what is no symbol", "dh_t", a - 1, a)
        return Shorthand(token.value, of, start=token.start, end=of.end)

    def dressed(self, token: Token) -> Node:
        """A font over its argument."""
        upright = self.peek()
        a, b = self.argument()
        kinds = [t.kind for t in self.tokens[a:b]]
        if token.value == "rm" and kinds[:1] == ["letter"] and kinds[-1] == "number":
            if set(kinds) == {"letter", "number"}:  # \mathrm{z1}, a name
                word = "".join(t.value for t in self.tokens[a:b])
                return Symbol(word, font="rm", start=token.start, end=self.before)
        if [t.value for t in self.tokens[a:b]] == ["1"] and token.value in ("bold", "bb"):
            return self.one(token)
        inner = self.within(a, b, self.expression) if b > a else None
        if inner is None:
            raise self.missing()
        if isinstance(inner, Shorthand):
            return replace(inner, of=replace(inner.of, font=token.value), start=token.start)
        if isinstance(inner, Symbol):
            font = inner.font or token.value
            return replace(inner, font=font, start=token.start, end=self.before)
        word = "".join(t.value for t in self.tokens[a:b])
        if upright is not None and all(t.kind == "letter" for t in self.tokens[a:b]):
            return Symbol(word, font=token.value, start=token.start, end=self.before)
        return replace(inner, start=token.start, end=self.before)

    def one(self, token: Token) -> Node:
        r"""A bold 1: \mathbf 1_{i = y}, \mathbb 1[…], or the vector of ones."""
        kind = self.kind()
        if kind == "_":
            self.next()
            a, b = self.argument()
            parts = self.split(a, b, ("comma",))
            if len(parts) == 2 and any(t.kind in ("_", "^") for t in self.tokens[slice(*parts[1])]):
                i, y = (self.within(*x, self.expression) for x in parts)  # 1_{i, y_t}
                same = Relation(i, "=", y, start=i.start, end=y.end)
                return Indicator(same, "1_", start=token.start, end=self.before)
            if len(parts) > 1:  # the array of ones, of this shape
                ones = Symbol("1", font=token.value, start=token.start, end=self.before)
                return self.subscript(ones, a, b)
            of = self.within(a, b, self.statement)
            return Indicator(of, "1_", start=token.start, end=self.before)
        if kind in ("[", "(", "{"):
            a, b = self.i + 1, self.pairs[self.i]
            if kind == "{" and self.tokens[a].kind == "(":
                a, b = a + 1, b - 1
            self.i = self.pairs[self.i] + 1
            of = self.within(a, b, self.statement)
            style = "1(" if kind == "(" else "1["
            return Indicator(of, style, start=token.start, end=self.before)
        return Symbol("1", font=token.value, start=token.start, end=self.before)

    def marked(self, token: Token) -> Node:
        a, b = self.argument()
        inner = self.within(a, b, self.expression) if b > a else None
        if isinstance(inner, Shorthand):
            inner = replace(inner, of=replace(inner.of, marks=(*inner.of.marks, token.value)))
            return replace(inner, start=token.start, end=self.before)
        if isinstance(inner, Power) and isinstance(inner.base, Symbol):  # \hat{y^t}
            base = replace(inner.base, marks=(*inner.base.marks, token.value))
            return replace(inner, base=base, start=token.start, end=self.before)
        if not isinstance(inner, Symbol):
            raise self.error(f"\\{token.value} stands over one symbol", r"\hat{y}_t", a - 1, b)
        marks = (*inner.marks, token.value)
        return replace(inner, marks=marks, start=token.start, end=self.before)

    def word(self, token: Token) -> Node:
        """A name of several letters; in plain text `ht` is h_t and `dWhh` is dW_hh."""
        if not self.habits.plain:
            return Symbol(token.value, font="rm", start=token.start, end=token.end)
        mark, letter, label = parts(token.value)
        time = str(token.data or "")
        at = [index(label + time, "glued", token.end - len(label + time), token.end)]
        letter, marks = marked(letter) if mark else (letter, ())
        below = tuple(at if label else ())
        symbol = Symbol(letter, below, marks=marks, start=token.start, end=token.end)
        return Shorthand(mark, symbol, start=token.start, end=token.end) if mark else symbol
