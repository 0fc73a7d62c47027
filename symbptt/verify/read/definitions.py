r"""Macros that a document defines for itself, and a few that packages define for everyone.

\newcommand{\bh}{\mathbf h}   \newcommand{\pd}[2]{\frac{\partial #1}{\partial #2}}   \def\x{…}
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_HEAD = re.compile(
    r"\\(?:(?:re)?newcommand\*?|providecommand\*?|DeclareMathOperator\*?|def|gdef)"
    r"\s*\{?\\(?P<name>[A-Za-z]+)\}?\s*(?:\[(?P<count>\d)\]|(?P<marks>(?:#\d)+))?\s*\{"
)


@dataclass(frozen=True)
class Definition:
    """What a macro with `count` arguments stands for."""

    count: int
    body: str


PACKAGES: Mapping[str, Definition] = {
    "pdv": Definition(2, r"\frac{\partial #1}{\partial #2}"),
    "dv": Definition(2, r"\frac{\mathrm{d} #1}{\mathrm{d} #2}"),
    "norm": Definition(1, r"\lVert #1 \rVert"),
    "abs": Definition(1, r"\lvert #1 \rvert"),
    "vb": Definition(1, r"\mathbf{#1}"),
    "mathbfit": Definition(1, r"\mathbf{#1}"),
    "symbf": Definition(1, r"\mathbf{#1}"),
    "qty": Definition(1, "(#1)"),
    "grad": Definition(0, r"\nabla"),
    "R": Definition(0, r"\mathbb{R}"),
    "E": Definition(0, r"\mathbb{E}"),
    "T": Definition(0, r"\top"),
}


def definitions(text: str) -> dict[str, Definition]:
    """The macros a document may use: those of packages, and its own, which go before them."""
    found = dict(PACKAGES)
    for match in _HEAD.finditer(text):
        body = _braced(text, match.end())
        if body is None:
            continue
        if "DeclareMathOperator" in match[0]:
            body = f"\\operatorname{{{body}}}"
        count = int(match["count"] or 0) or len(match["marks"] or "") // 2
        found[match["name"]] = Definition(count, body)
    return found


def _braced(text: str, start: int) -> str | None:
    """What stands between the brace before `start` and its partner."""
    depth, i = 1, start
    while i < len(text):
        c = text[i]
        depth += (c == "{") - (c == "}")
        if depth == 0:
            return text[start:i]
        i += 2 if c == "\\" else 1
    return None
