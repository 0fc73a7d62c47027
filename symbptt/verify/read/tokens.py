r"""Text to tokens, in LaTeX and in the plain notation; every character lands in a token.

    \mathbf{W}_{hh}^\top   font bold, {, letter W, }, _, {, letter h, letter h, }, ^, top
    dL/dW_hh @ h[t-1].T    symbol dL, slash, symbol dW_hh, sign @, symbol h, [, …, ], suffix .T

A character or macro without a meaning becomes a `bad` token, which spoils its own claim only.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ...parse.macros import DELIMITER_SIZES
from .definitions import PACKAGES, Definition
from .spelling import (
    CASES,
    CHARACTERS,
    COLOURS,
    CONDITIONS,
    CONNECTORS,
    FUNCTIONS,
    GAPS,
    LAYOUTS,
    MACROS,
    MATRICES,
    RAW,
    SILENT,
)

_MARKS = {
    "\u0302": "hat", "\u0303": "tilde", "\u0304": "bar", "\u0305": "bar", "\u20d7": "vec",
    "\u0307": "dot", "\u20d6": "overleftarrow",
}  # fmt: skip
_LAYOUT_ONLY = re.compile(r"\\(?:tag|label)\*?\s*\{[^{}]*\}|\\(?:nonumber|notag)\b")
_MACRO = re.compile(r"\\([A-Za-z]+\*?|.)", re.DOTALL)
_ASSIGN = re.compile(
    r"\\math(?:rel|bin|op|ord)\{\s*(?:\{\s*([-+*:])\s*\}\s*\{?\s*=\s*\}?|([-+*:])\s*=?)\s*\}"
    r"\s*(?:\{=\}|=)?"
)
_NOTED = re.compile(r"\\(?:stackrel|overset|underset)\s*\{((?:[^{}]|\{[^{}]*\})*)\}\s*\{\s*=\s*\}")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_LETTERS = re.compile(r"[^\W\d_](?:[\u0300-\u036f\u20d0-\u20ff]*)")
_RUN = re.compile(r"(?:[^\W\d_][\u0300-\u036f\u20d0-\u20ff]*)+")
_SPACE = re.compile(r"[\s~\u2000-\u200b\u2061-\u2064\ufeff]+")
_COMMENT = re.compile(r"%[^\n]*")
_ROW = re.compile(r"\\\\\*?(?:\s*\[[^\]\n]*\])?|\\(?:cr|newline|tabularnewline)(?![A-Za-z])")
_NOT_WORD = re.compile(r"[^A-Za-z'*\u00b2]")
_SUPERSCRIPTS = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ᵀᵗᵏʲⁱⁿˢ]+")
_SUBSCRIPTS = re.compile(r"[₀₁₂₃₄₅₆₇₈₉₊₋₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ]+")
_FRACTION = {"½": ("1", "2"), "⅓": ("1", "3"), "¼": ("1", "4"), "¾": ("3", "4")}


@dataclass
class Token:
    """One piece of a formula: `value` is its one spelling, `data` what the kind needs besides.

    `space` says whether white space precedes it, `gap` whether that was a LaTeX space or a wide
    one, such as sets a remark apart from its formula.
    """

    kind: str
    value: str
    start: int
    end: int
    space: bool = False
    gap: bool = False
    data: Any = field(default=None, compare=False)


class Latex:
    """The tokens of a LaTeX formula, `text[start:end]`."""

    def __init__(
        self,
        text: str,
        start: int,
        end: int,
        own: Mapping[str, Definition] = PACKAGES,
        depth: int = 0,
        names: frozenset[str] = frozenset(),
    ):
        self.text, self.i, self.end, self.names = text, start, end, names
        self.own, self.depth = own, depth
        self.out: list[Token] = []
        self.space = self.gap = False

    def scan(self) -> list[Token]:
        while self.i < self.end:
            self.step()
        return self.out

    def takes_one(self) -> bool:
        """Whether TeX takes one digit here, as in \\frac12 and x_10."""
        kinds = [t.kind for t in self.out[-2:]]
        return kinds[-1:] in (["frac"], ["^"], ["_"], ["root"]) or (
            kinds[:1] == ["frac"] and kinds[-1] in ("number", "letter")
        )

    def add(self, kind: str, value: str, end: int, data: Any = None, start: int = -1) -> None:
        begin = self.i if start < 0 else start
        self.out.append(Token(kind, value, begin, end, self.space, self.gap, data))
        self.i, self.space, self.gap = end, False, False

    def bad(self, reason: str, instead: str, end: int) -> None:
        self.add("bad", reason, max(end, self.i + 1), instead)

    def skip(self, end: int, gap: bool = False) -> None:
        self.i, self.space, self.gap = end, True, self.gap or gap

    def step(self) -> None:
        text, i, end = self.text, self.i, self.end
        if match := _SPACE.match(text, i, end) or _COMMENT.match(text, i, end):
            self.skip(match.end())
        elif match := _ASSIGN.match(text, i, end):
            self.add("relation", (match[1] or match[2]) + "=", match.end())
        elif match := _NOTED.match(text, i, end):
            self.add("relation", ":=" if "def" in match[1] else "=", match.end())
        elif match := _ROW.match(text, i, end):
            self.add("row", "row", match.end())
        elif text[i] == "\\":
            self.macro()
        elif match := _NUMBER.match(text, i, end):
            stop = i + 1 if self.takes_one() else match.end()
            self.add("number", text[i:stop], stop)
        elif text[i] in "{}&":
            self.add({"{": "{", "}": "}", "&": "amp"}[text[i]], text[i], i + 1)
        elif not self.unicode() and not self.composed():
            self.letters()

    # -- characters

    def composed(self) -> bool:
        """Signs of several characters."""
        for sign, (kind, value) in _COMPOSED.items():
            if self.text.startswith(sign, self.i, self.end):
                self.add(kind, value, self.i + len(sign))
                return True
        return False

    def unicode(self) -> bool:
        text, i, end = self.text, self.i, self.end
        if match := _SUPERSCRIPTS.match(text, i, end):
            self.add("superscript", _normal(match[0].replace("ᵀ", "⊤")), match.end())
        elif match := _SUBSCRIPTS.match(text, i, end):
            self.add("subscript", _normal(match[0]), match.end())
        elif text[i] in _FRACTION:
            self.add("half", text[i], i + 1, _FRACTION[text[i]])
        else:
            return False
        return True

    def letters(self) -> None:
        """A run of letters is a function if it is the name of one; else each stands alone."""
        c = self.text[self.i]
        if run := _RUN.match(self.text, self.i, self.end):
            if len(run[0]) > 1 and run[0] in FUNCTIONS:
                self.add("function", FUNCTIONS[run[0]], run.end())
                return
            if run[0].lower() in _WORDS or _ACRONYM.fullmatch(run[0]):
                self.add("word", run[0], run.end())
                return
            if name := self.long_name():
                self.add("word", name, self.i + len(name))
                return
            letter = _LETTERS.match(self.text, self.i, self.end)
            assert letter is not None
            if c in CHARACTERS and len(letter[0]) == 1:
                self.add(*CHARACTERS[c], letter.end())
            else:
                self.letter(letter[0], letter.end())
        elif c in CHARACTERS:
            self.add(*CHARACTERS[c], self.i + 1)
        elif c == "." and not _LAYOUT_ONLY.sub("", self.text[self.i + 1 : self.end]).strip():
            self.skip(self.i + 1)
        elif c == "." and self.is_between():
            self.add("sign", "·", self.i + 1)
        elif c == ".":
            self.add("stop", ".", self.i + 1)
        else:
            self.bad(f"cannot read the character {c!r}", _ADVICE.get(c, "mathematics"), self.i + 1)

    def long_name(self) -> str:
        """The name of several letters that starts here."""
        here = (n for n in self.names if self.text.startswith(n, self.i, self.end))
        behind = self.text[self.i - 1 : self.i]
        whole = (n for n in here if not self.text[self.i + len(n) : self.end][:1].isalnum())
        return next(whole, "") if behind in ("", "d") or not behind.isalnum() else ""

    def is_between(self) -> bool:
        """Whether a stop is a product, a.b or a . b; one that ends a sentence leans left."""
        before, behind = self.text[self.i - 1 : self.i], self.text[self.i + 1 : self.end][:1]
        return not behind.isspace() or before.isspace()

    def letter(self, written: str, end: int) -> None:
        base, marks = marked(written)
        self.add("letter", base, end, marks)

    # -- macros

    def macro(self) -> None:
        match = _MACRO.match(self.text, self.i, self.end)
        if match is None:
            self.bad("a backslash with nothing behind it", "a macro such as \\odot", self.i + 1)
            return
        name, after = match[1], match.end()
        if name in self.own and (self.own is not PACKAGES or name not in MACROS):
            self.expand(name, after)
        elif name in SILENT:
            dot = name in ("left", "right", "middle") and self.text.startswith(".", after)
            if name in DELIMITER_SIZES:
                self.i = after + dot
            else:
                self.skip(after, gap=name in " ;:")
        elif name in GAPS:
            self.add("gap", name, after)
        elif name in COLOURS:
            self.skip(self.argument(after)[2])
        elif name in _CAPITALS and _BOUNDED.match(self.text, after, self.end):
            self.add("big", _CAPITALS[name], after)
        elif name in RAW:
            self.raw(name, after)
        elif name in ("begin", "end"):
            self.environment(name, after)
        elif name in MACROS:
            self.add(*MACROS[name], after)
        elif name in FUNCTIONS:  # those that LaTeX knows, and those authors define themselves
            self.add("function", FUNCTIONS[name], after)
        else:
            self.bad(f"cannot read the macro \\{name}", "a macro such as \\odot or \\top", after)

    def expand(self, name: str, after: int) -> None:
        """The body of a macro in its place; its arguments keep theirs."""
        start, definition = self.i, self.own[name]
        if self.depth > 8:
            self.bad(f"\\{name} is defined by itself", "a macro that ends", after)
            return
        spans = []
        for _ in range(definition.count):
            a, b, after = self.argument(after)
            spans.append((a, b))
        for n, piece in enumerate(re.split(r"#(\d)", definition.body)):
            if n % 2:
                a, b = spans[int(piece) - 1] if int(piece) <= len(spans) else (after, after)
                self.out += Latex(self.text, a, b, self.own, self.depth + 1, self.names).scan()
                continue
            for t in Latex(piece, 0, len(piece), self.own, self.depth + 1).scan():
                self.out.append(replace(t, start=start, end=after))
        self.i, self.space, self.gap = after, False, False

    def argument(self, i: int) -> tuple[int, int, int]:
        """(start, end, next) of the raw argument behind i; an unclosed brace runs to the end."""
        while i < self.end and self.text[i].isspace():
            i += 1
        if not self.text.startswith("{", i) or i >= self.end:
            return i, min(i + 1, self.end), min(i + 1, self.end)
        depth, j = 0, i
        while j < self.end:
            c = self.text[j]
            j += 1 + (c == "\\")
            depth += (c == "{") - (c == "}")
            if depth == 0:
                return i + 1, j - 1, j
        return i + 1, self.end, self.end

    def raw(self, name: str, after: int) -> None:
        kind = RAW[name]
        a, b, stop = self.argument(after)
        inner = self.text[a:b].strip()
        stop = min(stop, self.end)
        if kind in ("tag", "label"):
            self.add(kind, inner, stop)
        elif kind == "drop":
            self.skip(stop, gap=True)
        elif inner == "d":
            self.add("d", "d", stop)
        elif inner in FUNCTIONS or inner.rstrip("'") in FUNCTIONS:
            primes = len(inner) - len(inner.rstrip("'"))
            self.add("function", FUNCTIONS[inner.rstrip("'")], stop, primes)
        elif kind == "text" and self.is_remark(inner, stop):
            self.add("text", inner, stop, (a, b))
        elif len(inner) > 1 and not _NOT_WORD.search(inner):
            self.add("word", inner, stop)
        elif kind == "text" and " " in inner:
            self.add("text", inner, stop, (a, b))
        else:
            self.add("font", "rm", after)

    def is_remark(self, inner: str, stop: int) -> bool:
        """Words to the reader, and not a name of several letters in an upright font."""
        if not inner or " " in inner or _NOT_WORD.search(inner):
            return not re.fullmatch(r"[A-Za-z]|\\[A-Za-z]+|[A-Za-z]_\{?\w+\}?|[0-9.]+|T", inner)
        behind = self.text[stop : self.end].lstrip()[:1]
        if inner.lower() in CONNECTORS | CONDITIONS:  # y is a word, but not of \hat{\textbf{y}}
            return len(inner) > 1 or behind not in ("_", "^", "}")
        return len(inner) > 5 and behind not in ("_", "^", "(")

    def environment(self, which: str, after: int) -> None:
        a, b, stop = self.argument(after)
        name = self.text[a:b].strip().rstrip("*")
        if name in LAYOUTS:
            if name.startswith("alignat") and which == "begin":
                stop = self.argument(stop)[2]
            self.skip(stop)
        elif name in CASES or name in MATRICES:
            if name == "array" and which == "begin":
                stop = self.argument(stop)[2]
            self.add(which, "cases" if name in CASES else name, stop)
        else:
            self.bad(f"cannot read the environment {name}", "align, cases or pmatrix", stop)


_CAPITALS = {"Sigma": "sum", "Pi": "prod"}  # \Sigma_{t=1}^T, as some type a sum
_BOUNDED = re.compile(r"\s*(?:\^(?:\{[^{}]*\}|\S)\s*)?_\s*\{[^{}]*(?:=|\\le|\\ge|<|>)[^{}]*\}")


_COMPOSED: dict[str, tuple[str, str]] = {
    "||": ("bar", "‖"),
    ":=": ("relation", ":="),
    "+=": ("relation", "+="),
    "-=": ("relation", "-="),
    "*=": ("relation", "*="),
    "==": ("relation", "="),
    "=:": ("relation", "="),
    "!=": ("relation", "≠"),
    "<=": ("relation", "≤"),
    ">=": ("relation", "≥"),
    "<<": ("relation", "≪"),
    ">>": ("relation", "≫"),
    "=>": ("relation", "⇒"),
    "->": ("relation", "→"),
    "...": ("dots", "…"),
}
_ADVICE = {
    "$": "no dollar sign inside a formula",
    "?": "the sign that was lost here",
    '"': "\\text{…} for words",
    "#": "no # inside a formula",
}


_ACRONYM = re.compile(r"[A-Z]{3,}")
_WORDS = frozenset(
    "loss error cost net next prev const state out output input gate gates cell hidden raw".split()
)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("−", "-")


def latex_tokens(
    text: str,
    start: int,
    end: int,
    own: Mapping[str, Definition] = PACKAGES,
    names: frozenset[str] = frozenset(),
) -> list[Token]:
    return Latex(text, start, end, own, 0, names).scan()


__all__ = ["Latex", "Token", "latex_tokens"]


def marked(written: str) -> tuple[str, tuple[str, ...]]:
    """A letter without the marks above it, and their names: y and hat of ŷ."""
    parts = unicodedata.normalize("NFD", written)
    if any(m not in _MARKS for m in parts[1:]):
        return unicodedata.normalize("NFC", written), ()
    return parts[0], tuple(_MARKS[m] for m in parts[1:])
