"""Anything -> Unicode, LaTeX, Markdown, HTML, JSON; the inverse of `parse`.

show(derivation, "markdown", mode="adjoint")     show_expression(e, "latex")
"""

from .document import MODES, show, show_equation
from .expression import show_expression
from .verdict import conclusion

__all__ = ["MODES", "conclusion", "show", "show_equation", "show_expression"]
