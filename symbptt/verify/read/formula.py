r"""Tokens to a surface tree: sums of products of factors, by precedence climbing.

Sums and products stay flat. `expression` reads ± terms, `term` signs and juxtaposition, `factor`
an atom with its scripts and an inline fraction; each token is read once, so a line takes time in
proportion to its length.
"""

from __future__ import annotations

from dataclasses import replace

from ..surface import (
    Derivative,
    Dots,
    Evaluated,
    Infinity,
    Node,
    Number,
    Quotient,
    Relation,
    Sum,
)
from .bounds import Bounds, product
from .brackets import Brackets
from .derivatives import Derivatives
from .tokens import Token

_STARTS = frozenset("""number letter word function ( [ { frac root big partial nabla d font mark
    brace group dots infinity begin half null""".split())  # fmt: skip


class Formula(Bounds, Brackets, Derivatives):
    """Reads one expression, or one relation inside brackets."""

    # -- sums and products

    def expression(self) -> Node:
        start = self.here
        terms, signs = [], []
        sign = self.next().value if self.kind() == "plus" else "+"
        leading = sign
        while True:
            terms.append(self.term())
            signs.append(sign)
            if self.kind() != "plus":
                break
            sign = self.next().value
        if len(terms) == 1 and leading == "+":
            return terms[0]
        return Sum(tuple(terms), tuple(signs), start=start, end=self.before)

    def term(self) -> Node:
        start = self.here
        factors, signs = [self.factor()], []
        while True:
            if self.kind() == "gap":
                self.next()
                continue
            if self.kind() in ("sign", "stop"):
                token = self.next()
                sign = "·" if token.kind == "stop" else token.value
            elif self.starts():
                sign = ""
            else:
                break
            first = self.here
            if self.kind() == "plus":
                minus = self.next().value
                of = self.factor()
                right: Node = Sum((of,), (minus,), start=first, end=self.before)
            else:
                right = self.factor()
            factors.append(right)
            signs.append(sign)
        return product(factors, signs, start)

    def starts(self) -> bool:
        """Whether the next token can open a factor."""
        token = self.peek()
        if token is None:
            return False
        if token.kind == "bar":
            return not (self.bars and self.bars[-1] == token.value)
        if token.kind == "sign":
            return False
        return token.kind in _STARTS

    def factor(self) -> Node:
        start = self.here
        left = self.evaluated(self.atom())
        while self.kind() == "slash":
            self.next()
            minus = self.accept("plus")
            right = self.evaluated(self.atom())
            if minus:
                right = Sum((right,), (minus.value,), start=minus.start, end=right.end)
            left = replace(self.over(left, right), start=start, end=self.before)
        self.no_lone_differential(left)
        return self.operated(left)

    def operated(self, node: Node) -> Node:
        r"""\frac{\partial}{\partial W} takes the factor behind it, or the Σ."""
        if isinstance(node, Derivative) and node.of is None and self.starts():
            of = self.factor()
            return replace(node, of=of, style="operator", end=self.before)
        return node

    def evaluated(self, node: Node) -> Node:
        r"""node\Big|_{at}"""
        while self.kind() == "bar" and self.kind(1) == "_" and not self.bars:
            self.next()
            self.next()
            a, b = self.argument()
            at = self.words(a, b)
            node = Evaluated(node, at, start=node.start, end=self.before)
        return node

    # -- relations inside brackets

    def statement(self) -> Node:
        """An expression, or one relation (i = j), or a chain of two (1 ≤ k ≤ t)."""
        start = self.here
        if self.kind() == "sign" and self.stop == self.i + 1:
            token = self.next()
            return Dots(token.value, start=token.start, end=token.end)
        left = self.expression()
        while self.kind() in ("relation", "bar", "colon"):
            token = self.next()
            right = self.expression()
            left = Relation(left, token.value, right, start=start, end=self.before)
        return left

    # -- atoms

    def atom(self) -> Node:
        token = self.peek()
        if token is None:
            raise self.missing()
        read = getattr(self, "_" + _METHODS.get(token.kind, ""), None)
        if read is None:
            raise self.cannot(token)
        self.depth += 1
        if self.depth > 60:
            raise self.error("nested too deeply", "named intermediates", self.i, self.i + 1)
        found: Node = read(token)
        self.depth -= 1
        return found

    def _name(self, token: Token) -> Node:
        return self.name()

    def _function_(self, token: Token) -> Node:
        return self.function()

    def _number(self, token: Token) -> Node:
        if token.value == "1" and self.kind(1) == "_":
            self.next()
            return self.one(token)
        return self.scripts(self.number())

    def _half(self, token: Token) -> Node:
        self.next()
        a, b = token.start, token.end
        above, below = (Number(n, start=a, end=b) for n in token.data)
        return Quotient(above, below, "frac", start=a, end=b)

    def _infinity(self, token: Token) -> Node:
        self.next()
        return Infinity(start=token.start, end=token.end)

    def _dots(self, token: Token) -> Node:
        self.next()
        return Dots(token.value, start=token.start, end=token.end)

    def _null(self, token: Token) -> Node:
        self.next()
        return self.atom()


_METHODS = {
    **dict.fromkeys(("letter", "word", "font", "mark", "d"), "name"),
    **{"function": "function_", "(": "parenthesis", "[": "square", "{": "braces", "bar": "norm"},
    **{k: k for k in ("number", "half", "infinity", "dots", "null", "frac", "root", "brace")},
    **{k: k for k in ("group", "begin", "big", "partial", "nabla")},
}
