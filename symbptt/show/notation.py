"""The three notations as tables of small layout functions; `expression` does the walking."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import sympy
from sympy.core.alphabets import greeks

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


class Notation:
    """The plain notation of model files; the others override what they write differently."""

    juxtaposes = False
    times = " * "
    minus = "-"
    dot = "·"

    def brackets(self, text: str) -> str:
        return f"({text})"

    def name(self, name: str) -> str:
        return name

    def variable(self, name: str, times: Sequence[str]) -> str:
        return f"{name}[{', '.join(times)}]" if times else name

    def time(self, value: Any) -> str:
        """A time in its conventional order: t − 1, T + t − i."""
        value = sympy.expand(value)
        terms = sorted(value.as_ordered_terms(), key=_time_order)
        text = "".join(
            (" - " if term.could_extract_minus_sign() else " + ")
            + sympy.sstr(-term if term.could_extract_minus_sign() else term)
            for term in terms
        )
        text = text.removeprefix(" + ")
        return (text.replace(" ", "")).replace("-", self.minus)

    def scalar(self, value: Any) -> str:
        return sympy.sstr(value)

    def fraction_strength(self, value: Any) -> int:
        return 1

    def call(self, name: str, arguments: Sequence[str]) -> str:
        return f"{name}({', '.join(arguments)})"

    def call_partial(self, name: str, k: int, arguments: Sequence[str]) -> str:
        return f"∂{k}{name}({', '.join(arguments)})"

    def power(self, base: str, text: str, n: Any) -> str:
        return f"{base}**{text}" if n.is_Integer and n > 0 else f"{base}**({text})"

    def matrix_power(self, base: str, n: str) -> str:
        return f"{base}**({n})"

    def transpose(self, base: str) -> str:
        return f"{base}.T"

    def gather(self, matrix: str, index: str, *, columns: bool) -> str:
        return f"{matrix}[:, {index}]" if columns else f"{matrix}[{index}, :]"

    def reduce(self, x: str, keywords: Sequence[str]) -> str:
        return self.call("sum", [x, *keywords])

    def onehot(self, index: str) -> str:
        return f"onehot({index})"

    def eye(self, size: str) -> str:
        return f"eye({size})"

    def derivative(self, of: str, wrt: str, *, total: bool) -> str:
        d = "d" if total else "∂"
        return f"{d}{of}/{d}{wrt}"

    def element(self, x: str, indices: Sequence[str]) -> str:
        return f"{x}[{','.join(indices)}]"

    def kron(self, i: str, j: str) -> str:
        return f"[{i} = {j}]"

    def big(self, op: str, k: str, lo: str, hi: str, body: str) -> str:
        return f"{op}_{{{k}={lo}}}^{{{hi}}} {body}"


def _time_order(term: Any) -> tuple[bool, bool, str]:
    return term.is_number, term.could_extract_minus_sign(), str(term)


class Unicode(Notation):
    """One line of Unicode, with the author's names: W_hhᵀ (dL/dh_t ∘ (1 − h_t²))."""

    juxtaposes = True
    times = " ∘ "
    minus = "−"

    def variable(self, name: str, times: Sequence[str]) -> str:
        if not times:
            return self.name(name)
        text = ",".join(times)
        simple = len(text) == 1
        return f"{self.name(name)}_{text}" if simple else f"{self.name(name)}_{{{text}}}"

    def name(self, name: str) -> str:
        """yhat prints as ŷ; every other name as it was given."""
        return {"yhat": "ŷ", "lambda": "λ"}.get(name, name)

    def call_partial(self, name: str, k: int, arguments: Sequence[str]) -> str:
        return f"∂{k}{name}({', '.join(arguments)})"

    def power(self, base: str, text: str, n: Any) -> str:
        return base + (text.translate(SUPERSCRIPTS) if n.is_Integer else f"^{{{text}}}")

    def matrix_power(self, base: str, n: str) -> str:
        return f"{base}^{{{n}}}"

    def transpose(self, base: str) -> str:
        return base + "ᵀ"

    def big(self, op: str, k: str, lo: str, hi: str, body: str) -> str:
        return f"{'Σ' if op == 'sum' else '∏'}_{{{k}={lo}}}^{{{hi}}} {body}"


class Latex(Notation):
    """LaTeX with amsmath; every macro it writes is one that `parse.latex` reads."""

    juxtaposes = True
    times = r" \odot "
    dot = r"\cdot"

    def brackets(self, text: str) -> str:
        return rf"\left({text}\right)"

    def name(self, name: str) -> str:
        base, _, subscript = name.partition("_")
        out = _letters(base)
        return f"{out}_{{{_subscript(subscript)}}}" if subscript else out

    def variable(self, name: str, times: Sequence[str]) -> str:
        if not times:
            return self.name(name)
        base, _, subscript = name.partition("_")
        inner = ",".join([*([_subscript(subscript)] if subscript else []), *times])
        return f"{_letters(base)}_{{{inner}}}"

    def scalar(self, value: Any) -> str:
        names = {s: self.name(s.name) for s in value.free_symbols}
        return sympy.latex(value, symbol_names=names)

    def fraction_strength(self, value: Any) -> int:
        return 5 if sympy.fraction(value)[1] != 1 else 1

    def call(self, name: str, arguments: Sequence[str]) -> str:
        inner = ", ".join(arguments)
        return rf"{_function(name)}\left({inner}\right)"

    def call_partial(self, name: str, k: int, arguments: Sequence[str]) -> str:
        return rf"\partial_{{{k}}} {self.call(name, arguments)}"

    def power(self, base: str, text: str, n: Any) -> str:
        return f"{base}^{{{text}}}"

    def matrix_power(self, base: str, n: str) -> str:
        return f"{base}^{{{n}}}"

    def transpose(self, base: str) -> str:
        return rf"{base}^{{\top}}"

    def gather(self, matrix: str, index: str, *, columns: bool) -> str:
        inner = f":, {index}" if columns else f"{index}, :"
        return rf"{matrix}\left[{inner}\right]"

    def reduce(self, x: str, keywords: Sequence[str]) -> str:
        below = ", ".join(k.replace("axis=", "").replace("keepdims=1", "keep") for k in keywords)
        label = f"_{{{below}}}" if below else ""
        return rf"\operatorname{{sum}}{label}\left({x}\right)"

    def onehot(self, index: str) -> str:
        return rf"\mathbf{{1}}_{{{index}}}"

    def eye(self, size: str) -> str:
        return f"I_{{{size}}}"

    def derivative(self, of: str, wrt: str, *, total: bool) -> str:
        d = r"\mathrm{d}" if total else r"\partial "
        return rf"\frac{{{d}{of}}}{{{d}{wrt}}}"

    def element(self, x: str, indices: Sequence[str]) -> str:
        return rf"{x}\left[{','.join(indices)}\right]"

    def kron(self, i: str, j: str) -> str:
        return rf"\left[{i} = {j}\right]"

    def big(self, op: str, k: str, lo: str, hi: str, body: str) -> str:
        return rf"\{op}_{{{k}={lo}}}^{{{hi}}} {body}"


def _letters(base: str) -> str:
    if base.endswith("hat") and len(base) > 3:
        return rf"\hat{{{_letters(base[:-3])}}}"
    if base.lower() in greeks:
        return f"\\{base}"
    if base == "λ":
        return r"\lambda"
    return base if len(base) == 1 else rf"\mathit{{{base}}}"


def _subscript(text: str) -> str:
    return text.replace("_", r"\_")


def _function(name: str) -> str:
    if name in ("tanh", "exp", "log", "sin", "cos"):
        return f"\\{name}"
    if len(name) == 1:
        return name
    return rf"\operatorname{{{re.sub('_', r'-', name)}}}"


TEXT, UNICODE, LATEX = Notation(), Unicode(), Latex()
