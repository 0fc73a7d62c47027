r"""What a bracket behind a symbol means, and functions with their arguments.

\tanh'(a_t)  a function     f(x, h)  a function     i_t(1 - i_t)  a product     h(t)  a time
"""

from __future__ import annotations

from dataclasses import replace

from ..surface import (
    Apply,
    Index,
    Listing,
    Node,
    Number,
    Power,
    Product,
    Relation,
    Shorthand,
    Symbol,
)
from .names import Names
from .spelling import FUNCTION_LETTERS, TIME_LETTERS
from .subscripts import index

_OPERATORS = frozenset("""tanh sigmoid softmax log exp diag relu sin cos sinh cosh trace det abs
    sqrt transpose vec softplus rank""".split())  # fmt: skip
_WEIGHTS = frozenset("WUVABCRI")
_LOSSES = frozenset("LEJ")
_KEYWORDS = frozenset(["axis", "keepdims", "dim", "keepdim", "dtype"])


def _is_step(i: Index) -> bool:
    """Whether an index is a step for certain: t of h_t, and not k of y_k(t)."""
    return i.style not in ("_", "^") or bool(set(i.names) & {"t", "τ", "T"})


class Calls(Names):
    """Reads a name with everything attached to it, and its arguments."""

    def factor(self) -> Node:
        raise NotImplementedError  # of Formula, as the next three

    def term(self) -> Node:
        raise NotImplementedError

    def atom(self) -> Node:
        raise NotImplementedError

    def starts(self) -> bool:
        raise NotImplementedError

    def words(self, a: int, b: int) -> Node:
        raise NotImplementedError  # of Brackets

    def fraction(self, above: tuple[int, int], below: tuple[int, int], start: int) -> Node:
        raise NotImplementedError  # of Derivatives

    def name(self) -> Node:
        """A symbol, a shorthand, a function applied, or an indicator."""
        head = self.head()
        if not isinstance(head, Symbol | Shorthand):
            return self.scripts(head)
        base = self.scripts(head)
        if isinstance(base, Power) and self.kind() == "(":
            base = self.unit(base)
        if isinstance(base, Symbol) and self.kind() in ("(", "["):
            return self.called(base)
        return base

    def unit(self, base: Power) -> Node:
        """p^k(t): k is no power before a time."""
        k, a = base.exponent, self.i + 1
        if not (isinstance(base.base, Symbol) and isinstance(k, Symbol) and "time" in base.may_be):
            return base
        if k.indices or k.letter in ("t", "τ") or not self.is_time(a, self.pairs[self.i]):
            return base
        return self.indexed(base.base, [index(k.letter, "^", k.start, k.end)], below=False)

    def called(self, base: Symbol) -> Node:
        """What a bracket right behind a symbol means."""
        a, close = self.i + 1, self.pairs[self.i]
        square = self.kind() == "["
        token = self.tokens[self.i]
        if square:
            expectation = base.letter in ("E", "𝔼") and not base.sub
            return self.applied(base, base.font in ("bold", "bb")) if expectation else base
        parts = self.split(a, close, ("comma", "semicolon"))
        lower = base.letter[-1:].islower() or base.letter in FUNCTION_LETTERS
        timed = any(i.style != "_" or set(i.names) & TIME_LETTERS for i in base.indices)
        if base.letter in _LOSSES and not base.indices and self.is_time(a, close):
            return self.at_time(base, a, close)  # L(t + 1)
        if base.letter in self.habits.functions or base.primes or base.letter in ("E", "P"):
            return self.applied(base, True)
        if len(parts) > 1:
            return self.applied(base, True)
        simple = close == a + 1 or not self._has_sum(a, close)
        if base.letter in FUNCTION_LETTERS and (simple or not timed):
            unit = simple and not any(map(_is_step, base.indices))  # f_i(net_i)
            return self.applied(base, not timed or unit)
        if self.is_time(a, close) and lower and not token.space:
            if not timed or not any(map(_is_step, base.indices)):  # y_k(t), unit k at step t
                return self.at_time(base, a, close)
        if timed or token.space:
            return base
        long = len(base.letter) > 1 and self.habits.plain
        weight = base.letter in _WEIGHTS
        if long or (simple and not weight and not base.sub):
            return self.applied(base, False)
        return base

    def at_time(self, base: Symbol, a: int, close: int) -> Node:
        """h(t): the bracket holds the time of the letter before it."""
        self.i = close + 1
        where = self.index(a, close, "call")
        return self.scripts(replace(base, sub=(*base.sub, where), end=self.before))

    def _has_sum(self, a: int, b: int) -> bool:
        return self.find(a, b, lambda t: t.kind in ("plus", "sign", "slash")) >= 0

    def is_time(self, a: int, b: int) -> bool:
        """Whether the bracket holds t, t−1 or T."""
        if b <= a or not self._is_index(a, b):
            return False
        where = self.index(a, b, "call")
        return bool(where.terms) and set(where.names) <= {"t", "τ", "T", "k", "n"}

    def applied(self, base: Symbol, certain: bool) -> Node:
        bracket = self.kind()
        arguments = self.arguments()
        head = replace(base, primes=0)
        found = Apply(
            head,
            arguments,
            base.primes,
            certain,
            bracket,
            start=base.start,
            end=self.before,
        )
        return self.scripts(found)

    def arguments(self) -> tuple[Node, ...]:
        a, close = self.i + 1, self.pairs[self.i]
        self.i = close + 1
        if a == close:
            return ()
        parts = self.split(a, close, ("comma", "semicolon"))
        return tuple(self.within(x, y, self.statement) for x, y in parts)

    def method(self, base: Node) -> Node:
        """x.dot(y) is x @ y; x.sum(axis=0) is sum(x, axis=0)."""
        token = self.next()
        name = Symbol(token.value, start=token.start, end=token.end)
        called = self._function(name)
        assert isinstance(called, Apply)
        if token.value in ("dot", "matmul", "mm") and len(called.arguments) == 1:
            return Product((base, *called.arguments), ("@",))
        return replace(called, arguments=(base, *called.arguments))

    def function(self) -> Node:
        """A known function: its primes and power, then its arguments."""
        token = self.next()
        data = token.data if isinstance(token.data, int) else 0
        head: Symbol = Symbol(token.value, start=token.start, end=token.end)
        head = replace(head, primes=data)
        power: Node | None = None
        if self.kind() == "number" and self.here == token.end:  # tanh2(c)
            power = self.number()
        while self.kind() in ("_", "prime", "^", "superscript"):
            if self.kind() == "^" and power is None:
                self.next()
                a, b = self.argument()
                if self.tokens[a].kind == "prime" and b == a + 1:
                    head = replace(head, primes=head.primes + 1)
                else:
                    power = self.within(a, b, self.expression)
            elif self.kind() == "superscript" and power is None:
                power = Number(self.value(), start=self.here, end=self.next().end)
            else:
                found = self._script(head)
                assert isinstance(found, Symbol)
                head = found
        node = self._function(head)
        if power is not None:
            node = Power(node, power, ("power",), "function", start=token.start, end=self.before)
        return self.scripts(node)

    def _script(self, head: Symbol) -> Node:
        """One subscript or prime."""
        if self.accept("prime"):
            return replace(head, primes=head.primes + 1)
        self.next()
        return self.subscript(head, *self.argument())

    def _function(self, head: Symbol) -> Node:
        name = replace(head, primes=0)
        if self.kind() in ("(", "["):
            bracket = self.kind()
            found = self.arguments()
            keywords, plain = [], []
            for x in found:
                if isinstance(x, Relation) and isinstance(x.left, Symbol):
                    if x.left.letter in _KEYWORDS:
                        keywords.append((x.left.letter, x.right))
                        continue
                plain.append(x)
            bracket = "(" if bracket == "(" else "["
            return Apply(
                name,
                tuple(plain),
                head.primes,
                True,
                bracket,
                tuple(keywords),
                start=head.start,
                end=self.before,
            )
        weight = head.primes and self.value(2 * (self.kind() == "font")) in _WEIGHTS  # tanh' W
        if head.letter in _OPERATORS and self.starts() and not weight:
            of = self.factor()
            listed = of.items if isinstance(of, Listing) else (of,)
            return Apply(name, listed, head.primes, True, "", start=head.start, end=self.before)
        return replace(head, end=self.before)

    def number(self) -> Node:
        token = self.next()
        return Number(token.value, start=token.start, end=token.end)
