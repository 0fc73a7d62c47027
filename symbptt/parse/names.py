"""Names as people spell them: W_{hh} is W_hh, β is beta, ŷ is yhat, h^{(t)} is h_t.

A text keeps the author's spelling; `spelled` is the one form in which two spellings of a name
agree, and `readings` the ways to split a written name into a declared name and its subscripts.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

# λ is not in this table: it is the project's own letter for a cotangent.
_SMALL = """alpha beta gamma delta epsilon zeta eta theta iota kappa mu nu xi pi rho sigma tau
upsilon phi chi psi omega"""
_CAPITAL = "Gamma Delta Theta Lambda Xi Pi Sigma Upsilon Phi Psi Omega"
_LETTERS = "αβγδεζηθικμνξπρστυφχψωΓΔΘΛΞΠΣΥΦΨΩ"
GREEK = dict(zip(f"{_SMALL} {_CAPITAL}".split(), _LETTERS, strict=True))
MARKS = {"hat": "\u0302", "tilde": "\u0303", "bar": "\u0304"}

_WORDS = {letter: word for word, letter in GREEK.items()}
_WORDS |= {mark: word for word, mark in MARKS.items()}
_NAME = re.compile(r"(.*?)(?:_\{([^{}]*)\})?", re.DOTALL)


def spelled(name: str) -> str:
    """The spelling in which `ŷ` and `yhat`, `β_h` and `beta_h`, `W_{h,h}` and `W_h_h` agree."""
    if name.isascii() and "{" not in name:
        return name
    text = "".join(_WORDS.get(c, c) for c in unicodedata.normalize("NFD", name))
    text = unicodedata.normalize("NFC", text)
    return re.sub(r"\s", "", text.replace("{", "").replace("}", "").replace(",", "_"))


def marked(name: str) -> tuple[str, str]:
    """(letter, mark) of a decorated letter: `yhat` is ("y", "hat"); ("yhat2", "") is none."""
    for mark in MARKS:
        letter = name.removesuffix(mark)
        if letter != name and (len(letter) == 1 or letter in GREEK):
            return letter, mark
    return name, ""


def readings(text: str) -> Iterator[tuple[str, list[str], str | None]]:
    """(name, further subscripts, explicit time), the longest name first.

    `W_{h,t-1}` may be W_h at t-1, or W with two subscripts; `;` marks a time that stood in a
    superscript, as in h^{(t)}.
    """
    match = _NAME.fullmatch(text)
    head, inner = match.groups() if match else (text, None)
    when: str | None = None
    if inner is not None and ";" in inner:
        inner, _, when = inner.partition(";")
    items = [i.strip() for i in inner.split(",")] if inner else []
    heads = [(head, items)]
    base, _, last = head.rpartition("_")
    if base and last:
        heads.append((base, [last, *items]))
    for start, rest in heads:
        for n in range(len(rest), -1, -1):
            yield "_".join([start, *rest[:n]]), rest[n:], when
