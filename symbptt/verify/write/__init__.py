r"""A surface tree back to text, in LaTeX or in the plain notation; the inverse of `read`.

It writes what the tree holds and adds nothing, so a corrected equation keeps its author's
symbols, fonts, products and layout.

    latex(tree)  W_{hh}^{\top} \delta_{t+1}          plain(tree)  W_{hh}^T δ_{t+1}
"""

from __future__ import annotations

import unicodedata

from ..surface import Claim, Node, Relation
from .latex import LatexPrinter
from .plain import PlainPrinter


def latex(node: Node) -> str:
    return LatexPrinter().write(node)


def plain(node: Node) -> str:
    return unicodedata.normalize("NFC", PlainPrinter().write(node))


def statement(claim: Claim, notation: str = "") -> str:
    """A claim in its own notation, or in the one given: latex or plain."""
    printer = latex if (notation or claim.notation) == "latex" else plain
    if claim.right is None:
        return printer(claim.left)
    return printer(Relation(claim.left, claim.relation, claim.right))
