r"""Brackets of all kinds: ( ), [ ], { }, | |, environments, braces over and under, roots."""

from __future__ import annotations

from dataclasses import replace

from ..surface import (
    Big,
    Cases,
    Group,
    Indicator,
    Listing,
    Node,
    Norm,
    Product,
    Relation,
    Root,
    Stack,
    Sum,
    Text,
    Transpose,
    Underbrace,
)
from .calls import Calls
from .tokens import Token


class Brackets(Calls):
    """Reads what stands between a bracket and its partner."""

    def _parenthesis(self, token: Token) -> Node:
        a, b = self.i + 1, self.pairs[self.i]
        self.i = b + 1
        bracket = token.value
        parts = self.split(a, b, ("comma",))
        inner: Node
        if a == b:
            raise self.error("empty brackets", "an expression between them", a - 1, b + 1)
        if len(parts) > 1:
            items = tuple(self.within(x, y, self.statement) for x, y in parts if y > x)
            inner = Listing(items, bracket, start=token.start, end=self.before)
        elif all(t.kind == "text" for t in self.tokens[a:b]):
            of = Text(" ".join(t.value for t in self.tokens[a:b]), start=token.start)
            inner = Group(replace(of, end=self.before), bracket)
        else:
            inner = Group(self.within(a, b, self.statement), bracket)
        return self.scripts(replace(inner, start=token.start, end=self.before))

    def _square(self, token: Token) -> Node:
        a, b = self.i + 1, self.pairs[self.i]
        self.i = b + 1
        if a == b:
            raise self.error("empty brackets", "[h_{t-1}, x_t]", a - 1, b + 1)
        rows = self.split(a, b, ("semicolon", "row"))
        cells = [self.split(x, y, ("comma", "amp")) for x, y in rows]
        inner: Node
        if len(rows) > 1 or len(cells[0]) > 1:
            inner = Stack(tuple(tuple(self.within(*c, self.expression) for c in r) for r in cells))
        else:
            of = self.within(a, b, self.statement)
            inner = Indicator(of, "[") if isinstance(of, Relation) else Group(of, "[")
        return self.scripts(replace(inner, start=token.start, end=self.before))

    def _braces(self, token: Token) -> Node:
        """A TeX group is its content; a sum in it keeps together."""
        a, b = self.argument()
        over = self.find(a, b, lambda t: t.kind == "over")
        if over >= 0:  # {a \\over b}
            return self.fraction((a, over), (over + 1, b), token.start)
        if a == b:  # {} is nothing: the next thing is the atom, or turned, {}^tA
            return self._turned(token) if self.kind() == "^" else self.atom()
        inner = self.within(a, b, self.expression)
        if isinstance(inner, Sum | Product | Big):
            inner = Group(inner, "{")
        return self.scripts(replace(inner, start=token.start, end=self.before))

    def _turned(self, token: Token) -> Node:
        r"""{}^t\!A, the transpose of what follows."""
        self.next()
        a, b = self.argument()
        mark = "".join(t.value for t in self.tokens[a:b])
        if mark not in ("t", "T", "⊤") or not self.starts():
            raise self.error("a superscript on nothing", "A^\\top", a - 1, b)
        return Transpose(self.atom(), start=token.start, end=self.before)

    def _norm(self, token: Token) -> Node:
        self.next()
        self.bars.append(token.value)
        of = self.expression()
        close = self.next()
        if close.kind != "bar" or close.value != token.value:
            raise self.cannot(close)
        self.bars.pop()
        return self.scripts(Norm(of, token.value, start=token.start, end=close.end))

    def _root(self, token: Token) -> Node:
        self.next()
        of = self.within(*self.argument(), self.expression)
        return self.scripts(Root(of, start=token.start, end=self.before))

    def _brace(self, token: Token) -> Node:
        r"""\underbrace{x}_{why}, \overset{why}{x}."""
        self.next()
        note: Node | None = None
        if token.value in ("underset", "overset", "stackrel"):
            a, b = self.argument()
            note = self.words(a, b)
            of = self.within(*self.argument(), self.expression)
        else:
            of = self.within(*self.argument(), self.expression)
            if self.kind() in ("_", "^"):
                self.next()
                note = self.words(*self.argument())
        return Underbrace(of, note, start=token.start, end=self.before)

    def _group(self, token: Token) -> Node:
        self.next()
        of = self.within(*self.argument(), self.expression)
        return self.scripts(Group(of, "{", start=token.start, end=self.before))

    def _begin(self, token: Token) -> Node:
        a, b = self.i + 1, self.pairs[self.i]
        self.i = b + 1
        rows = [r for r in self.split(a, b, ("row",)) if r[1] > r[0]]
        start, end = token.start, self.before
        if token.value != "cases":
            cells = [self.split(x, y, ("amp",)) for x, y in rows]
            entries = tuple(tuple(self.within(*c, self.expression) for c in r) for r in cells)
            return self.scripts(Stack(entries, token.value, start=start, end=end))
        return Cases(tuple(self._branch(*r) for r in rows), start=start, end=end)

    def _branch(self, a: int, b: int) -> tuple[Node, Node]:
        kinds = ("amp", "comma", "text", "gap")
        cut = self.find(a, b, lambda t: t.kind in kinds)
        if cut < 0:
            raise self.error("a case without its condition", "p_i & i \\ne c", a, b)
        value = self.within(a, cut, self.expression)
        while cut < b and self.tokens[cut].kind in kinds and self.tokens[cut].kind != "text":
            cut += 1
        words = [t for t in self.tokens[cut:b] if t.kind == "text"]
        rest = cut + len(words)
        if words and rest < b and self.tokens[cut].kind == "text":
            return value, self.within(rest, b, self.statement)
        return value, self.words(cut, b)

    def words(self, a: int, b: int) -> Node:
        """A range that may hold words: an expression, a relation or its end, or its words."""
        open_ = a < b and self.tokens[a].kind == "relation"  # \underbrace{x}_{\in\mathbb R^n}
        if open_ or any(t.kind == "text" for t in self.tokens[a:b]):
            start, end = self.tokens[a].start, self.tokens[b - 1].end
            said = " ".join(t.value for t in self.tokens[a:b])
            return Text(said, start=start, end=end)
        return self.within(a, b, self.statement)
