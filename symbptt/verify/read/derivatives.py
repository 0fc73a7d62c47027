r"""Derivatives: \frac{\partial L}{\partial h_t}, dL/dW, \partial_w h, \nabla_h L, operators."""

from __future__ import annotations

from dataclasses import dataclass

from ..surface import (
    Apply,
    Derivative,
    Node,
    Number,
    Product,
    Quotient,
    Shorthand,
    Symbol,
    Transpose,
    bare,
)
from .calls import Calls
from .cursor import UnreadableError
from .tokens import Token


@dataclass(frozen=True)
class Differential(Node):
    """∂x that waits for its other half; no finished tree holds one."""

    kind: str
    of: Node


class Derivatives(Calls):
    """Reads what holds a ∂, a d before its variable, or a ∇."""

    # -- two halves

    def over(self, left: Node, right: Node) -> Node:
        if isinstance(left, Differential) and isinstance(right, Differential):
            return Derivative(_kind(left.kind, right.kind), left.of, right.of, style="/")
        if isinstance(left, Shorthand) and isinstance(right, Shorthand) and right.mark == "d":
            return Derivative(_kind(left.mark, right.mark), left.of, right.of, style="/")
        scripted = _differential_of(left), _differential_of(right)
        if scripted[0] and scripted[1]:
            (a, of), (b, by) = scripted[0], scripted[1]
            return Derivative(_kind(a, b), of, by, style="/")
        return Quotient(left, right, "/")

    def no_lone_differential(self, node: Node) -> None:
        inner = [node, *(getattr(node, n, None) for n in ("above", "below", "of"))]
        for x in inner:
            if isinstance(x, Differential):
                raise UnreadableError(
                    "this ∂ belongs to no derivative", "∂L/∂h_t", x.start, max(x.end, x.start + 1)
                )

    def _frac(self, token: Token) -> Node:
        self.next()
        return self.fraction(self.argument(), self.argument(), token.start)

    def fraction(self, above: tuple[int, int], below: tuple[int, int], start: int) -> Node:
        """A derivative where both halves hold a differential, else a quotient."""
        end = self.before
        over, under = self._dressed(*above), self._dressed(*below)
        if over and under:
            halves = self.within(*over, self.expression), self.within(*under, self.expression)
            return self.scripts(Derivative("d", *halves, start=start, end=end))
        if under and self.find(*under, lambda t: t.kind == "_") >= 0:  # C_t over d_{f_t}: one d
            below = under  # is missing, as in a fraction of two without it
        upper, lower = self._half_of(*above), self._half_of(*below)
        if upper and lower:
            factor, kind, of = upper
            scale, other, by = lower
            if by is None:
                raise self.error("by what?", r"\frac{\partial L}{\partial h_t}", *below)
            node: Node = Derivative(_kind(kind, other), of, by, factor, scale, start=start, end=end)
            return self.scripts(node)
        a, b = (self.within(*r, self.expression) for r in (above, below))
        return self.scripts(Quotient(a, b, "frac", start=start, end=end))

    def _dressed(self, a: int, b: int) -> tuple[int, int] | None:
        r"""x of a half d_{x}: a differential whose variable is written below the d."""
        if b - a < 3 or self.tokens[a].value != "d" or self.tokens[a + 1].kind != "_":
            return None
        whole = self.tokens[a + 2].kind == "{" and self.pairs.get(a + 2) == b - 1
        return (a + 3, b - 1) if whole else (a + 2, b) if b == a + 3 else None

    def _half_of(self, a: int, b: int) -> tuple[Node | None, str, Node | None] | None:
        """(factor, kind, variable) of one half of a derivative, or None."""
        p = self.find(a, b, lambda t: t.kind in ("partial", "nabla"))
        if p < 0:
            p = self.find(a, b, lambda t: t.kind == "d" or t.value in ("d", "δ", "D"))
            bound = p >= 0 and p + 1 < b and self.tokens[p + 1].kind in ("_", "^")
            if p < 0 or (bound and self.tokens[p].kind != "d"):
                return None
            if self.tokens[p].value in ("δ", "D") and (p > a or p + 1 == b):
                return None
        factor = self._scale(a, p) if p > a else None
        with self.range(p, b):
            kind = self._differential_sign()
            of = self.expression() if self.peek() else None
        for x in [] if of is None else [of]:
            inner = self.find(p + 1, b, lambda t: t.kind == "partial")
            if inner >= 0:
                raise self.error("a second derivative is not read", r"\partial L", inner, b)
            if isinstance(bare(x), Number) or _starts_with_number(x):
                raise self.error("a derivative of or by a number", r"\partial L", p, b)
        return factor, kind, of

    def _scale(self, a: int, p: int) -> Node:
        """The factor before the ∂, without the sign between them."""
        last = p - 1 if self.tokens[p - 1].kind == "sign" else p
        return self.within(a, last, self.expression)

    def _differential_sign(self) -> str:
        token = self.next()
        kind = token.value
        if self.kind() == "^":
            self.next()
            a, b = self.argument()
            if [t.value for t in self.tokens[a:b]] != ["+"]:
                raise self.error("this derivative is not read", r"\partial^+ h_t", a - 2, b)
            kind += "+"
        elif self.kind() == "superscript" and self.value() == "+":
            self.next()
            kind += "+"
        return kind

    # -- ∂ and ∇ on one line

    def _partial(self, token: Token) -> Node:
        kind = self._differential_sign()
        place = self.kind() == "number" and not self.tokens[self.i].space  # ∂1l(o[t], y[t])
        if place or self.kind() in ("_", "subscript"):
            below = self.next()
            by: Node
            if below.kind != "_":
                by = named(below)
            else:
                by = self.within(*self.argument(), self.expression)
            if not self.starts():
                return Derivative(kind, None, by, style="subscript", start=token.start, end=by.end)
            of = self._operand()
            end = self.before
            turned = isinstance(of, Transpose)  # \nabla_h L^\top is (\nabla_h L)^\top
            inner = of.base if isinstance(of, Transpose) else of
            found = Derivative(kind, inner, by, style="subscript", start=token.start, end=end)
            return Transpose(found, start=token.start, end=end) if turned else found
        if self.kind() in ("slash", ""):
            end = self.before
            raise UnreadableError("∂ of what?", "∂L/∂h_t", token.start, end)
        of = self._operand()
        return Differential(kind, of, start=token.start, end=self.before)

    def _operand(self) -> Node:
        token = self.peek()
        if token is None or token.kind in ("number", "plus"):
            raise self.missing() if token is None else self.cannot(token)
        return self.atom()

    def _nabla(self, token: Token) -> Node:
        if self.kind(1) in ("_", "subscript"):
            return self._partial(token)
        self.next()
        of = self.atom()
        if isinstance(of, Apply) and len(of.arguments) == 1:  # ∇ℓ_t(h_t), by what stands in it
            by = of.arguments[0]
            return Derivative("∇", of, by, style="subscript", start=token.start, end=of.end)
        if not isinstance(of, Symbol):
            raise UnreadableError("∇ of what?", r"\nabla_{h_t} L", token.start, self.before)
        return Shorthand("∇", of, start=token.start, end=of.end)


def named(token: Token) -> Node:
    """A Unicode subscript as an expression: ∂₁f, ∂ₓf."""
    kind = Number if token.value.isdigit() else Symbol
    return kind(token.value, start=token.start, end=token.end)


def _kind(above: str, below: str) -> str:
    """∂+/∂ is one kind; d over ∂ is kept as it is."""
    return above if above in (below, below + "+") else f"{above}/{below}"


def _differential_of(node: Node) -> tuple[str, Node] | None:
    if isinstance(node, Differential):
        return node.kind, node.of
    if isinstance(node, Shorthand) and node.mark in ("d", "∂"):
        return node.mark, node.of
    return None


def _starts_with_number(node: Node) -> bool:
    return isinstance(node, Product) and isinstance(node.factors[0], Number)
