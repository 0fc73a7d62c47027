"""How a page is written: a printer for each notation, the layout of Jacobians, the words."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .. import matrix as mx
from ..matrix.layout import is_jacobian, transposed
from ..model import Equation
from .expression import PRINTERS, printers
from .notation import LATEX, TEXT, UNICODE
from .printer import Printer

# What the words of a derivation say about the layout, in each.
_WORDS = (
    ("in numerator layout", "in denominator layout"),
    ("from the latest step on the left", "from the earliest step on the left"),
    ("the rows of", "the columns of"),
)


@dataclass(frozen=True)
class Style:
    """Printers, layout, and `renamed`, which puts a text's own symbols into a sentence."""

    printers: Mapping[str, Printer]
    layout: str = "numerator"
    renamed: Callable[[str], str] = str

    def expression(self, e: Any, notation: str = "unicode") -> str:
        return self.printers[notation].show(mx.as_node(e))

    def sides(self, e: Equation, notation: str = "unicode") -> tuple[str, str]:
        """The two sides; that of a Jacobian is transposed in denominator layout."""
        flip = self.layout == "denominator" and is_jacobian(e.lhs)
        rhs = transposed(e.rhs) if flip else e.rhs
        return self.expression(e.lhs, notation), self.expression(rhs, notation)

    def equation(self, e: Equation, notation: str = "unicode") -> str:
        return " = ".join(self.sides(e, notation))

    def prose(self, text: str) -> str:
        """A sentence of the derivation, in the layout's words and the text's symbols."""
        if self.layout == "denominator":
            for numerator, denominator in _WORDS:
                text = text.replace(numerator, denominator)
        return self.renamed(text)


PLAIN = Style(PRINTERS)


def in_layout(layout: str) -> Style:
    """The model's own names in one of the two layouts."""
    if layout == "numerator":
        return PLAIN
    return Style(printers({"text": TEXT, "unicode": UNICODE, "latex": LATEX}, layout), layout)
