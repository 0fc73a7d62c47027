"""The three notations as tables of small layout functions; `expression` does the walking."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import sympy

from ..parse.names import GREEK, MARKS, marked, spelled

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")


# The kinds of derivatives: dL/dv, dh/dw, dh_t/dh_k; and ∂h/∂a, ∂h/∂w.
TOTAL = ("gradient", "total", "carried")
KINDS = (*TOTAL, "partial", "immediate")


class Notation:
    """The plain notation of model files; the others override what they write differently."""

    juxtaposes = False
    times = " * "
    product = "*"  # between numbers
    minus = "-"
    dot = "·"
    superscript_time = False  # h^{(t)}, which a power or a transpose needs brackets around
    prefix_gradient = False  # ∇_h L, which swallows what stands behind it

    def brackets(self, text: str) -> str:
        return f"({text})"

    def joined(self, factors: Sequence[str]) -> str:
        return " ".join(factors)

    def name(self, name: str) -> str:
        return name

    def variable(self, name: str, times: Sequence[str]) -> str:
        return f"{name}[{', '.join(times)}]" if times else name

    def time(self, value: Any) -> str:
        """A time in its conventional order: t − 1, T + t − i."""
        terms = sorted(sympy.Add.make_args(value), key=_time_order)
        text = ""
        for term in terms:
            negative = term.could_extract_minus_sign()
            count, symbol = (-term if negative else term).as_coeff_Mul()
            name = str(count) if symbol == 1 else self.name(symbol.name)
            text += self.minus if negative else "+" if text else ""
            text += name if symbol == 1 or count == 1 else f"{count}{self.product}{name}"
        return text

    def number_power(self, base: str, exponent: str) -> str:
        return f"{base}**{exponent}" if exponent.isdigit() else f"{base}**({exponent})"

    def fraction(self, top: str, bottom: str) -> str:
        return f"{top}/{bottom}"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        return f"{name}({', '.join(arguments)})"

    def call_partial(self, name: str, k: int, arguments: Sequence[str]) -> str:
        return f"∂{k}{name}({', '.join(arguments)})"

    def power(self, base: str, text: str) -> str:
        return self.number_power(base, text)

    def matrix_power(self, base: str, n: str) -> str:
        return f"{base}**({n})"

    def transpose(self, base: str) -> str:
        return f"{base}.T"

    def gather(self, matrix: str, index: str, *, columns: bool) -> str:
        return f"{matrix}[:, {index}]" if columns else f"{matrix}[{index}, :]"

    def eye(self, size: str) -> str:
        return f"eye({size})"

    def ones(self, sizes: Sequence[str]) -> str:
        return f"ones({', '.join(sizes)})"

    def zeros(self, sizes: Sequence[str]) -> str:
        return f"zeros({', '.join(sizes)})"

    def onehot(self, index: str) -> str:
        return f"onehot({index})"

    def derivative(self, of: str, wrt: str, kind: str, when: str = "") -> str:
        """A gradient dL/dv or other total derivative; a partial, immediate if by a parameter.

        `when` is the time of what is differentiated.
        """
        d = "d" if kind in TOTAL else "∂"
        return f"{d}{of}/{d}{wrt}"

    def gradient_name(self, name: str, times: Sequence[str]) -> str:
        """A symbol of its own for dL/d(name), such as δ; nothing here."""
        return ""

    def element(self, x: str, indices: Sequence[str]) -> str:
        return f"{x}[{','.join(indices)}]"

    def block(self, x: str, lo: str, hi: str, rank: int) -> str:
        """Columns lo to hi − 1, or entries of a vector."""
        return f"{x}[{', '.join([':'] * (rank - 1) + [f'{lo}:{hi}'])}]"

    def concat(self, parts: Sequence[str], *, stacked: bool) -> str:
        """[a, b]: columns side by side; `stacked` vectors are on top of each other, on paper."""
        return f"[{', '.join(parts)}]"

    def kron(self, i: str, j: str) -> str:
        return f"[{i} = {j}]"

    def big(self, op: str, k: str, lo: str, hi: str, body: str) -> str:
        return f"{op}_{{{self.name(k)}={lo}}}^{{{hi}}} {body}"


def _time_order(term: Any) -> tuple[bool, bool, str]:
    return term.is_number, term.could_extract_minus_sign(), str(term)


class Unicode(Notation):
    """One line of Unicode, with the author's names: W_hhᵀ (dL/dh_t ∘ (1 − h_t²))."""

    juxtaposes = True
    times = " ∘ "
    product = " "
    minus = "−"

    def variable(self, name: str, times: Sequence[str]) -> str:
        shown = self.spelling(name)
        if not times:
            return shown
        text = ",".join(times)
        return f"{shown}_{text}" if len(text) == 1 else f"{shown}_{{{text}}}"

    def name(self, name: str) -> str:
        return self.spelling(name)

    def spelling(self, name: str) -> str:
        """yhat is ŷ and beta_h is β_h; every other name stays as it was given."""
        base, underscore, subscript = name.partition("_")
        letter, mark = marked(base)
        letter = GREEK.get(letter, letter) if letter != "Sigma" else letter
        shown = unicodedata.normalize("NFC", letter + MARKS.get(mark, ""))
        shown += underscore + subscript
        return shown if spelled(shown) == spelled(name) else name

    def call_partial(self, name: str, k: int, arguments: Sequence[str]) -> str:
        return f"∂{str(k).translate(SUBSCRIPTS)}{name}({', '.join(arguments)})"

    def number_power(self, base: str, exponent: str) -> str:
        simple = exponent.removeprefix("-").isdigit()
        return base + (exponent.translate(SUPERSCRIPTS) if simple else f"^{{{exponent}}}")

    def matrix_power(self, base: str, n: str) -> str:
        return f"{base}^{{{n}}}"

    def transpose(self, base: str) -> str:
        return base + "ᵀ"

    def eye(self, size: str) -> str:
        return f"I_{size}" if len(size) == 1 else f"I_{{{size}}}"

    def zeros(self, sizes: Sequence[str]) -> str:
        return f"0_{{{'×'.join(sizes)}}}"

    def concat(self, parts: Sequence[str], *, stacked: bool) -> str:
        return f"[{('; ' if stacked else ', ').join(parts)}]"

    def big(self, op: str, k: str, lo: str, hi: str, body: str) -> str:
        return f"{'Σ' if op == 'sum' else '∏'}_{{{self.name(k)}={lo}}}^{{{hi}}} {body}"


class Latex(Notation):
    """LaTeX with amsmath; every macro it writes is one that `parse.latex` reads."""

    juxtaposes = True
    times = r" \odot "
    product = " "
    dot = r"\cdot"

    def brackets(self, text: str) -> str:
        return rf"\left({text}\right)" if _is_tall(text) else f"({text})"

    def square(self, text: str) -> str:
        return rf"\left[{text}\right]" if _is_tall(text) else f"[{text}]"

    def joined(self, factors: Sequence[str]) -> str:
        """A thin space before a bracket, which would stick to what stands before it."""
        return " ".join(factors).replace("] [", r"] \, [")

    def name(self, name: str) -> str:
        return self.variable(name, ())

    def variable(self, name: str, times: Sequence[str], bold: bool = False) -> str:
        base, *rest = name.split("_")
        if not base or not all(rest):  # __import__ and its like
            base, rest = name, []
        items = [*map(_subscript, rest), *times]
        letters = rf"\mathbf{{{_letters(base)}}}" if bold else _letters(base)
        return letters + (f"_{{{','.join(items)}}}" if items else "")

    def number_power(self, base: str, exponent: str) -> str:
        return f"{base}^{{{exponent}}}"

    def fraction(self, top: str, bottom: str) -> str:
        return rf"\frac{{{top}}}{{{bottom}}}"

    def call(self, name: str, arguments: Sequence[str]) -> str:
        return _function(name) + self.brackets(", ".join(arguments))

    def call_partial(self, name: str, k: int, arguments: Sequence[str]) -> str:
        return rf"\partial_{{{k}}} {self.call(name, arguments)}"

    def matrix_power(self, base: str, n: str) -> str:
        return f"{base}^{{{n}}}"

    def transpose(self, base: str) -> str:
        return rf"{base}^{{\top}}"

    def gather(self, matrix: str, index: str, *, columns: bool) -> str:
        inner = f":,{index}" if columns else f"{index},:"
        return f"{matrix}_{{{inner}}}" if len(matrix) == 1 else f"{self.square(matrix)}_{{{inner}}}"

    def eye(self, size: str) -> str:
        return f"I_{{{size}}}"

    def ones(self, sizes: Sequence[str]) -> str:
        return rf"\mathbf{{1}}_{{{', '.join(sizes)}}}"

    def zeros(self, sizes: Sequence[str]) -> str:
        inner = r" \times ".join(sizes)
        return rf"\mathbf{{0}}_{{{inner}}}"

    def onehot(self, index: str) -> str:
        return rf"\mathbf{{1}}_{{{index}}}"

    def derivative(self, of: str, wrt: str, kind: str, when: str = "") -> str:
        d = r"\mathrm{d}" if kind in TOTAL else r"\partial "
        return rf"\frac{{{d}{of}}}{{{d}{wrt}}}"

    def element(self, x: str, indices: Sequence[str]) -> str:
        return f"{self.square(x)}_{{{','.join(indices)}}}"

    def block(self, x: str, lo: str, hi: str, rank: int) -> str:
        return self.element(x, [":"] * (rank - 1) + [f"{lo}:{hi}"])

    def concat(self, parts: Sequence[str], *, stacked: bool) -> str:
        return self.square(("; " if stacked else ", ").join(parts))

    def kron(self, i: str, j: str) -> str:
        return f"[{i} = {j}]"

    def big(self, op: str, k: str, lo: str, hi: str, body: str) -> str:
        return rf"\{op}_{{{self.name(k)}={lo}}}^{{{hi}}} {body}"


def _is_tall(text: str) -> bool:
    return any(m in text for m in (r"\frac", r"\sum", r"\prod", r"\left"))


def _letters(base: str) -> str:
    letter, mark = marked(spelled(base))
    if mark:
        return rf"\{mark}{{{_letters(letter)}}}"
    if spelled(base) in GREEK:
        return "\\" + spelled(base)
    if base == "λ":
        return r"\lambda"
    return base if len(base) == 1 else rf"\mathrm{{{_escaped(base)}}}"


def _subscript(text: str) -> str:
    if text in GREEK:
        return "\\" + text
    return text if len(text) < 3 or text.isdigit() else rf"\mathrm{{{text}}}"


def _escaped(name: str) -> str:
    return name.replace("_", r"\_")


def _function(name: str) -> str:
    if name in ("tanh", "exp", "log", "sin", "cos") or name in GREEK:
        return f"\\{name}"
    if len(name) == 1:
        return name
    if re.fullmatch(r"[A-Za-z]+(_[A-Za-z0-9]+)*", name):
        return rf"\operatorname{{{name.replace('_', '-')}}}"
    return rf"\mathrm{{{_escaped(name)}}}"


TEXT, UNICODE, LATEX = Notation(), Unicode(), Latex()
