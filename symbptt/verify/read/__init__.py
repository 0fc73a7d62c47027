"""Reading a derivation document as its author wrote it: text to a surface tree.

    text -> regions -> tokens -> formula (one expression) -> claims -> Document

read(text, file)     a whole document: Markdown, LaTeX or plain text
formula(text)        the claims of one formula
"""

from .documents import formula, read

__all__ = ["formula", "read"]
