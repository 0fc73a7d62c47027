"""Anything -> Unicode, LaTeX, Markdown, HTML, JSON; the inverse of `parse`.

show(derivation, "markdown", mode="adjoint")     show_expression(e, "latex")
"""

from .document import MODES, show, show_equation, show_verdict
from .expression import show_expression

__all__ = ["MODES", "show", "show_equation", "show_expression", "show_verdict"]
