r"""LaTeX to equations: tokens.py reads the macros, latex.lark the precedence.

    latex(r"\frac{\mathrm{d}L}{\mathrm{d}h_t} = W_{hy}^\top \frac{\mathrm{d}L}{\mathrm{d}o_t}", m)

The trees are those of the plain notation, and so is their meaning. What cannot be read is a
ParseError at its place; nothing is skipped that could carry meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedInput
from lark.lexer import Lexer

from .. import matrix as mx
from ..errors import ParseError, Place
from ..model import Derivation, Equation, Model
from .elaborate import Elaborator, sides
from .reader import shallow
from .scope import Scope
from .text import LONGEST_LINE, nested
from .tokens import Scanner


class _Given(Lexer):
    """The tokens come ready-made."""

    __future_interface__ = 2  # Lark's name for a lexer that is handed its state

    def __init__(self, conf: Any):
        pass

    def lex(self, lexer_state: Any, parser_state: Any) -> Iterator[Token]:
        yield from lexer_state.text


@cache
def grammar() -> Lark:
    text = (files("symbptt.parse") / "latex.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        lexer=_Given,
        start=["equation", "expression"],
        propagate_positions=True,
        maybe_placeholders=True,
    )


def tree(scanner: Scanner, start: str) -> Tree:
    """The syntax tree of a formula."""
    text = scanner.text
    if len(text) > LONGEST_LINE:
        raise ParseError("this formula is too long to be read", "", Place(1, 1, text[:80]))
    tokens = scanner.scan()
    try:
        return grammar().parse(tokens, start=start)
    except UnexpectedInput as error:
        token = getattr(error, "token", None)
        if token is None or token.type == "$END":
            end = len(text.rstrip())
            raise scanner.error(
                "the formula ends too early", "what is missing", end, end + 1
            ) from None
        raise _unexpected(scanner, token) from None


def _unexpected(scanner: Scanner, token: Token) -> ParseError:
    span = token.start_pos or 0, token.end_pos or 0
    unread = scanner.text[slice(*span)].strip()
    if token.type == "_RBRACE" and not unread.strip("}"):
        return scanner.error(
            "this script ends too early; a sum needs its bounds", r"\sum_{t=1}^{T}", *span
        )
    return scanner.error(
        f"did not expect {unread or str(token)!r} here",
        r"an equation such as \delta_t = W^\top \delta_{t+1}",
        *span,
    )


def _elaborator(scanner: Scanner) -> Elaborator:
    def locate(item: Any) -> Place | None:
        if isinstance(item, Token):
            return scanner.place(item.start_pos or 0, item.end_pos or 1)
        meta = getattr(item, "meta", None)
        if meta is None or meta.empty:
            return None
        return scanner.place(meta.start_pos, meta.end_pos)

    return Elaborator(scanner.scope, locate, nested)


def latex_expression(text: str, model: Model | Derivation | Scope, file: str = "<text>") -> mx.Node:
    """One expression of LaTeX, in the names of the model."""
    with shallow(Place(1, 1, text[:80], file)):
        scanner = Scanner(text, Scope.of(model), file)
        return _elaborator(scanner).expression(tree(scanner, "expression"))


def latex(
    text: str, model: Model | Derivation | Scope, label: str = "", file: str = "<text>"
) -> Equation:
    """One equation of LaTeX; a scalar right side is spread over the shape of the left."""
    with shallow(Place(1, 1, text[:80], file)):
        scanner = Scanner(text, Scope.of(model), file)
        left, right = tree(scanner, "equation").children
        lhs, rhs = sides(_elaborator(scanner), left, right)
        return Equation(label, lhs, rhs)
