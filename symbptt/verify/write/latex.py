"""Surface trees as LaTeX."""

from __future__ import annotations

from typing import Any, ClassVar

from ..read.spelling import GREEK_LETTERS
from ..surface import (
    Apply,
    Big,
    Bound,
    Cases,
    Derivative,
    Dots,
    Entry,
    Evaluated,
    Everything,
    Group,
    Index,
    Indicator,
    Infinity,
    Listing,
    Node,
    Norm,
    Number,
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

_MACROS = {letter: f"\\{word}" for word, letter in reversed(GREEK_LETTERS.items())}
_MACROS |= {"ε": "\\epsilon", "φ": "\\phi", "ℓ": "\\ell", "θ": "\\theta", "ο": "o"}
_SIGNS = {"·": "\\cdot", "⊙": "\\odot", "×": "\\times", "⊗": "\\otimes", "*": "*", "@": "@"}
_RELATIONS = {
    **{"≈": "\\approx", "∝": "\\propto", "≠": "\\ne", "≤": "\\le", "≥": "\\ge", "∈": "\\in"},
    **{"≪": "\\ll", "≫": "\\gg", "⇒": "\\Rightarrow", "⇔": "\\Leftrightarrow", "→": "\\to"},
    **{"←": "\\leftarrow", "+=": "\\mathrel{+}=", "-=": "\\mathrel{-}=", "~": "\\sim"},
    **{"*=": "\\mathrel{*}=", "|": "\\mid", ":=": ":=", ":": ":"},
}
_FONTS = {"bold": "mathbf", "cal": "mathcal", "bb": "mathbb", "rm": "mathrm"}
_MARKS = {"bar": "overline", "ring": "mathring"}
_NAMED = frozenset("tanh exp log sin cos det max min arg dim".split())


class LatexPrinter:
    """Each method writes one kind of node."""

    around: ClassVar[dict[str, Any]] = {
        "(": "()",
        "|": "()",
        "[": "[]",
        "<": ("\\langle ", "\\rangle"),
        "^": ("", ""),
    }

    def write(self, node: Node | None) -> str:
        if node is None:
            return ""
        text: str = getattr(self, "_" + type(node).__name__.lower())(node)
        return text

    def many(self, nodes: tuple[Node, ...], between: str = ", ") -> str:
        return between.join(map(self.write, nodes))

    # -- symbols

    def letter(self, letter: str) -> str:
        if letter in _MACROS:
            return _MACROS[letter]
        if letter[:1] in _MACROS and letter[1:].isdigit():
            return _MACROS[letter[0]] + letter[1:]
        if len(letter) > 1:
            named = letter in _NAMED
            return f"\\{letter}" if named else f"\\operatorname{{{letter.replace('_', '-')}}}"
        return letter

    def _symbol(self, s: Symbol) -> str:
        text = self.letter(s.letter)
        if s.font and not (s.font == "rm" and len(s.letter) > 1):
            text = f"\\{_FONTS[s.font]}{{{text}}}"
        for mark in s.marks:
            text = f"\\{_MARKS.get(mark, mark)}{{{text}}}" if mark != "star" else text
        text += "'" * s.primes
        if s.sub:
            text += self.below(s.sub)
        return text + self.above(s)

    def below(self, indices: tuple[Index, ...]) -> str:
        glued = [i for i in indices if i.style not in ("[", "call")]
        text = f"_{{{','.join(map(self.write, glued))}}}" if glued else ""
        for i in indices:
            if i.style == "[":
                text += f"[{self.write(i)}]"
            if i.style == "call":
                text += f"({self.write(i)})"
        return text

    def above(self, s: Symbol) -> str:
        text = ""
        for n, i in enumerate(s.sup):
            left, right = self.around[i.style]
            text += "," if n and i.style == s.sup[n - 1].style == "^" else ""
            text += f"{left}{self.write(i)}{right}"
        text += "*" if "star" in s.marks else ""
        return f"^{{{text}}}" if text else ""

    def _index(self, i: Index) -> str:
        text = "".join(self.letter(c) + " " if c in _MACROS else c for c in i.text).rstrip()
        if len(i.text) > 1 and i.terms is None and i.text.isalpha() and len(i.text) > 2:
            text = f"\\text{{{i.text}}}" if i.text.isascii() else text
        for mark in i.marks:
            text = f"\\{_MARKS.get(mark, mark)}{{{text}}}"
        return text + (f"_{{{','.join(map(self.write, i.inner))}}}" if i.inner else "")

    def _shorthand(self, s: Shorthand) -> str:
        if s.mark == "bar":
            return f"\\overline{{{self.write(s.of)}}}"
        mark = {"δ": "\\delta ", "∂": "\\partial ", "Δ": "\\Delta ", "∇": "\\nabla "}
        return mark.get(s.mark, s.mark + " ") + self.write(s.of)

    def _number(self, n: Number) -> str:
        return n.text

    def _infinity(self, _: Infinity) -> str:
        return "\\infty"

    def _dots(self, d: Dots) -> str:
        return "\\cdots" if d.text in ("…", "..") else _SIGNS.get(d.text, d.text)

    # -- arithmetic

    def _sum(self, s: Sum) -> str:
        text = ""
        for sign, term in zip(s.signs, s.terms, strict=True):
            shown = {"±": "\\pm"}.get(sign, sign)
            if not text:
                text = "" if sign == "+" else shown
            else:
                text += f" {shown} "
            text += self.write(term)
        return text

    def sign(self, sign: str) -> str:
        return f" {_SIGNS[sign]} " if sign else " "

    def _product(self, p: Product) -> str:
        text = self.write(p.factors[0])
        for sign, factor in zip(p.signs, p.factors[1:], strict=True):
            text += self.sign(sign) + self.write(factor)
        return text

    def _quotient(self, q: Quotient) -> str:
        if q.style == "/":
            return f"{self.write(q.above)} / {self.write(q.below)}"
        return f"\\frac{{{self.write(q.above)}}}{{{self.write(q.below)}}}"

    def _power(self, p: Power) -> str:
        if p.style == "function" and isinstance(p.base, Apply):
            return self._apply(p.base, f"^{{{self.write(p.exponent)}}}")
        base = self.write(p.base)
        if p.style == ".^":
            return f"{base}^{{\\odot {self.write(p.exponent)}}}"
        wrapped = isinstance(p.base, Symbol | Shorthand | Power | Transpose) and "^" in base
        return f"{{{base}}}^{{{self.write(p.exponent)}}}" if wrapped else (
            f"{base}^{{{self.write(p.exponent)}}}"
        )  # fmt: skip

    def _transpose(self, t: Transpose) -> str:
        base = self.write(t.base)
        if isinstance(t.base, Symbol) and base.endswith("}") and t.base.sup:
            return f"{base[:-1]}\\top}}"
        return f"{{{base}}}^{{\\top}}" if isinstance(t.base, Power) else f"{base}^{{\\top}}"

    def _root(self, r: Root) -> str:
        return f"\\sqrt{{{self.write(r.of)}}}"

    # -- brackets

    def _group(self, g: Group) -> str:
        left, right = {"(": ("(", ")"), "[": ("[", "]"), "{": ("{", "}")}[g.bracket]
        return f"{left}{self.write(g.of)}{right}"

    def _listing(self, g: Listing) -> str:
        left, right = {"(": ("(", ")"), "{": ("\\{", "\\}"), "": ("", "")}[g.bracket]
        return f"{left}{self.many(g.items)}{right}"

    def _stack(self, s: Stack) -> str:
        if s.style in ("[", "("):
            return f"[{'; '.join(self.many(row) for row in s.rows)}]"
        rows = " \\\\ ".join(self.many(row, " & ") for row in s.rows)
        return f"\\begin{{{s.style}}} {rows} \\end{{{s.style}}}"

    def _cases(self, c: Cases) -> str:
        rows = [f"{self.write(value)} & {self.write(when)}" for value, when in c.branches]
        return "\\begin{cases} " + " \\\\ ".join(rows) + " \\end{cases}"

    def _norm(self, n: Norm) -> str:
        left, right = ("\\lVert ", "\\rVert") if n.bars == "‖" else ("\\lvert ", "\\rvert")
        order = f"_{{{self.write(n.order)}}}" if n.order else ""
        return f"{left}{self.write(n.of)} {right}{order}"

    def _entry(self, e: Entry) -> str:
        items = self.many(e.items, ",")
        return self.write(e.of) + (f"_{{{items}}}" if e.style == "_" else f"[{items}]")

    def _everything(self, _: Everything) -> str:
        return ":"

    def _indicator(self, i: Indicator) -> str:
        if i.style == "[":
            return f"[{self.write(i.of)}]"
        left, right = {"1_": ("_{", "}"), "1[": ("[", "]"), "1(": ("(", ")")}[i.style]
        return f"\\mathbf{{1}}{left}{self.write(i.of)}{right}"

    def _evaluated(self, e: Evaluated) -> str:
        return f"{self.write(e.of)} \\Big|_{{{self.write(e.at)}}}"

    def _underbrace(self, u: Underbrace) -> str:
        note = f"_{{{self.write(u.note)}}}" if u.note else ""
        return f"\\underbrace{{{self.write(u.of)}}}{note}"

    # -- calls, derivatives, sums

    def _apply(self, a: Apply, power: str = "") -> str:
        head = self.write(a.head) + "'" * a.primes + power
        named = [f"\\text{{{name}}} = {self.write(value)}" for name, value in a.keywords]
        inside = ", ".join([*map(self.write, a.arguments), *named])
        if a.bracket == "":
            return f"{head} {inside}"
        left, right = {"(": ("(", ")"), "[": ("[", "]"), "{": ("\\{", "\\}")}[a.bracket]
        return f"{head}{left}{inside}{right}"

    def operator(self, kind: str) -> str:
        return {"∂": "\\partial", "d": "\\mathrm{d}", "∂+": "\\partial^{+}", "∇": "\\nabla",
                "δ": "\\delta", "D": "D", "d+": "\\mathrm{d}^{+}"}[kind]  # fmt: skip

    def _derivative(self, d: Derivative) -> str:
        above, _, below = d.kind.partition("/")
        below = below or ("∂" if above == "∂+" else above)
        top, bottom = self.operator(above), self.operator(below)
        if d.style == "subscript":
            return f"{top}_{{{self.write(d.by)}}} {self.write(d.of)}"
        factors = [f"{self.write(f)} \\cdot " if f else "" for f in (d.above, d.below)]
        by = f"{factors[1]}{bottom} {self.write(d.by)}"
        if d.style == "operator" or d.of is None:
            return f"\\frac{{{factors[0]}{top}}}{{{by}}} {self.write(d.of)}".rstrip()
        if d.style == "/":
            return f"{top} {self.write(d.of)} / {bottom} {self.write(d.by)}"
        return f"\\frac{{{factors[0]}{top} {self.write(d.of)}}}{{{by}}}"

    def _bound(self, b: Bound) -> str:
        variable, lower, upper = map(self.write, (b.variable, b.lower, b.upper))
        if b.style == "in":
            return f"{variable} \\in {self.write(b.among)}"
        if b.style == "→":
            return f"{variable} \\to {upper}"
        if b.style == "relation":
            low, high = ("<" if b.open_lower else "\\le"), ("<" if b.open_upper else "\\le")
            if b.descending or not b.upper:
                low, high = low.replace("<", ">").replace("\\le", "\\ge"), high.replace(
                    "<", ">"
                ).replace("\\le", "\\ge")  # fmt: skip
                head = f"{upper} {high} " if b.upper else ""
                return f"{head}{variable} {low} {lower}"
            head = f"{lower} {low} " if b.lower else ""
            return f"{head}{variable} {high} {upper}"
        return f"{variable}={lower}" if b.lower else variable

    def _big(self, b: Big) -> str:
        sign = {"sum": "\\sum", "prod": "\\prod"}.get(b.operator, f"\\{b.operator}")
        lower = f"_{{{self.many(b.bounds, ', ')}}}" if b.bounds else ""
        upper = self.upper(b)
        scripts = upper + lower if b.swapped else lower + upper
        return f"{sign}{scripts} {self.write(b.body)}"

    def upper(self, b: Big) -> str:
        written = (x.upper for x in b.bounds if x.style not in ("relation", "→") and x.upper)
        until = next(written, None)
        return f"^{{{self.write(until)}}}" if until else ""

    # -- words and relations

    def _relation(self, r: Relation) -> str:
        sign = _RELATIONS.get(r.relation, r.relation)
        return f"{self.write(r.left)} {sign} {self.write(r.right)}"

    def _space(self, s: Space) -> str:
        power = self.many(s.sizes, " \\times ")
        letter = f"\\mathbb{{{s.letter.replace('ℝ', 'R')}}}"
        return f"{letter}^{{{power}}}" if power else letter

    def _text(self, t: Text) -> str:
        return f"\\text{{{t.words}}}"

    def _words(self, w: Words) -> str:
        return "\\ ".join(map(self.write, w.parts))
