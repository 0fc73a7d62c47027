"""Surface trees as one line of Unicode."""

from __future__ import annotations

from typing import Any, ClassVar

from ..surface import (
    Apply,
    Big,
    Bound,
    Cases,
    Derivative,
    Dots,
    Evaluated,
    Group,
    Index,
    Indicator,
    Infinity,
    Listing,
    Norm,
    Power,
    Product,
    Quotient,
    Relation,
    Root,
    Shorthand,
    Space,
    Stack,
    Sum,
    Symbol,
    Text,
    Transpose,
    Underbrace,
    Words,
)
from .latex import LatexPrinter

_COMBINING = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304", "vec": "\u20d7", "dot": "\u0307"}


class PlainPrinter(LatexPrinter):
    """Unicode on one line."""

    around: ClassVar[dict[str, Any]] = {"(": "()", "|": "()", "[": "[]", "<": "⟨⟩", "^": ("", "")}

    def letter(self, letter: str) -> str:
        return letter

    def _symbol(self, s: Symbol) -> str:
        text = s.letter + "".join(_COMBINING.get(m, "") for m in s.marks) + "'" * s.primes
        text += self.below(s.sub) if s.sub else ""
        return text + self.above(s)

    def below(self, indices: tuple[Index, ...]) -> str:
        text = ""
        under = [self.write(i) for i in indices if i.style not in ("[", "call", "glued")]
        text += "".join(self.write(i) for i in indices if i.style == "glued")
        if under:
            inner = ",".join(under)
            text += f"_{inner}" if inner.isalnum() else f"_{{{inner}}}"
        for i in indices:
            text += {"[": f"[{self.write(i)}]", "call": f"({self.write(i)})"}.get(i.style, "")
        return text

    def _index(self, i: Index) -> str:
        text = i.text + "".join(_COMBINING.get(m, "") for m in i.marks)
        return text + "".join(f"_{self.write(x)}" for x in i.inner)

    def _shorthand(self, s: Shorthand) -> str:
        return s.mark + self.write(s.of)

    def _infinity(self, _: Infinity) -> str:
        return "∞"

    def _dots(self, d: Dots) -> str:
        return d.text

    def sign(self, sign: str) -> str:
        return f" {sign} " if sign else " "

    def _quotient(self, q: Quotient) -> str:
        above, below = (
            f"({self.write(x)})" if isinstance(x, Sum | Product) else self.write(x)
            for x in (q.above, q.below)
        )
        return f"{above}/{below}"

    def _power(self, p: Power) -> str:
        if p.style == "function" and isinstance(p.base, Apply):
            return self._apply(p.base, f"^{self.write(p.exponent)}")
        exponent = self.write(p.exponent)
        short = exponent.isalnum()
        sign = ".^" if p.style == ".^" else "^"
        return f"{self.write(p.base)}{sign}{exponent if short else '{' + exponent + '}'}"

    def _transpose(self, t: Transpose) -> str:
        base = self.write(t.base)
        return base + (".T" if t.style == ".T" else "'" if t.style == "'" else "ᵀ")

    def _root(self, r: Root) -> str:
        return f"√({self.write(r.of)})"

    def _group(self, g: Group) -> str:
        return f"[{self.write(g.of)}]" if g.bracket == "[" else f"({self.write(g.of)})"

    def _listing(self, g: Listing) -> str:
        left, right = {"(": "()", "{": "{}", "": ("", "")}[g.bracket]
        return f"{left}{self.many(g.items)}{right}"

    def _stack(self, s: Stack) -> str:
        return f"[{'; '.join(self.many(row) for row in s.rows)}]"

    def _cases(self, c: Cases) -> str:
        rows = (f"{self.write(value)} if {self.write(when)}" for value, when in c.branches)
        return "{" + "; ".join(rows) + "}"

    def _norm(self, n: Norm) -> str:
        order = f"_{self.write(n.order)}" if n.order else ""
        return f"{n.bars}{self.write(n.of)}{n.bars}{order}"

    def _indicator(self, i: Indicator) -> str:
        if i.style == "[":
            return f"[{self.write(i.of)}]"
        left, right = {"1_": ("_{", "}"), "1[": "[]", "1(": "()"}[i.style]
        return f"𝟙{left}{self.write(i.of)}{right}"

    def _evaluated(self, e: Evaluated) -> str:
        return f"{self.write(e.of)}|_{{{self.write(e.at)}}}"

    def _underbrace(self, u: Underbrace) -> str:
        return self.write(u.of)

    def _apply(self, a: Apply, power: str = "") -> str:
        head = self.write(a.head) + "'" * a.primes + power
        named = [f"{name}={self.write(value)}" for name, value in a.keywords]
        inside = ", ".join([*map(self.write, a.arguments), *named])
        return f"{head} {inside}" if a.bracket == "" else f"{head}({inside})"

    def operator(self, kind: str) -> str:
        return kind.replace("+", "⁺")

    def _derivative(self, d: Derivative) -> str:
        above, _, below = d.kind.partition("/")
        top, bottom = self.operator(above), self.operator(below or above.rstrip("+"))
        if d.style == "subscript":
            return f"{top}_{{{self.write(d.by)}}} {self.write(d.of)}"
        factors = [f"{self.write(f)}·" if f else "" for f in (d.above, d.below)]
        under = f"{factors[1]}{bottom}{self.write(d.by)}"
        under = f"({under})" if factors[1] else under
        if d.style == "operator" or d.of is None:
            return f"{factors[0]}{top}/{under} {self.write(d.of)}".rstrip()
        return f"{factors[0]}{top}{self.write(d.of)}/{under}"

    def _bound(self, b: Bound) -> str:
        text = super()._bound(b)
        signs = {"\\le": "≤", "\\ge": "≥", "\\in": "∈", "\\to": "→"}
        for macro, sign in signs.items():
            text = text.replace(macro, sign)
        return text

    def _big(self, b: Big) -> str:
        sign = {"sum": "Σ", "prod": "∏"}.get(b.operator, b.operator)
        lower = f"_{{{self.many(b.bounds, ', ')}}}" if b.bounds else ""
        return f"{sign}{lower}{self.upper(b)} {self.write(b.body)}"

    def _relation(self, r: Relation) -> str:
        return f"{self.write(r.left)} {r.relation} {self.write(r.right)}"

    def _space(self, s: Space) -> str:
        return f"ℝ^({self.many(s.sizes, '×')})" if s.sizes else "ℝ"

    def _text(self, t: Text) -> str:
        return t.words

    def _words(self, w: Words) -> str:
        return " ".join(map(self.write, w.parts))
