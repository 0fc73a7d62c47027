"""The plain and Unicode notation: one LALR grammar, errors with line, column and caret."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput

from .. import matrix as mx
from ..errors import ParseError, Place
from ..model import Declaration, Equation, Model
from .elaborate import Elaborator
from .scope import Scope


@lru_cache(maxsize=None)
def grammar() -> Lark:
    text = (files("symbptt.parse") / "text.lark").read_text(encoding="utf-8")
    return Lark(
        text,
        parser="lalr",
        start=["statement", "equation", "expression"],
        propagate_positions=True,
        maybe_placeholders=True,
    )


def tree(text: str, start: str, line: int = 1, file: str = "<text>", source: str = "") -> Tree:
    """The syntax tree of one line, or a ParseError that points at the token it stopped at."""
    source = source or text
    try:
        return grammar().parse(text, start=start)
    except UnexpectedEOF:
        place = Place(line, len(text.rstrip()) + 1, source, file)
        raise ParseError("the line ends too early", "the missing operand", place) from None
    except UnexpectedInput as error:
        at_end = getattr(error, "token", None) is not None and error.token.type == "$END"
        column = len(text.rstrip()) + 1 if at_end else error.column
        place = Place(line, column, source, file)
        if at_end:
            raise ParseError("the line ends too early", "the missing part", place) from None
        raise ParseError(_unexpected(error), _advice(error), place) from None


def _unexpected(error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedCharacters):
        return f"cannot read the character {error.char!r}"
    return f"did not expect {str(error.token)!r} here"


def _advice(error: UnexpectedInput) -> str:
    text = error.char if isinstance(error, UnexpectedCharacters) else str(error.token)
    return {
        "==": "a single =",
        "=": "one '=' per equation",
        "\\": "plain text here; LaTeX is read by `verify` and `symbptt.parse.latex`",
        "'": ".T for a transpose",
        ",": "one expression per line",
    }.get(text, "an equation such as `h[t] = tanh(a[t])`, or a declaration such as `param b : H`")


def locator(line: int, file: str, source: str) -> Any:
    """A function from a token or tree to its Place in this line."""

    def locate(item: Any) -> Place:
        if isinstance(item, Token):
            return Place(line, item.column or 1, source, file, len(item))
        meta = getattr(item, "meta", None)
        column = 1 if meta is None or meta.empty else meta.column
        width = 1 if meta is None or meta.empty else max(1, meta.end_column - column)
        return Place(line, column, source, file, width)

    return locate


def elaborator(scope: Scope, line: int, file: str, source: str) -> Elaborator:
    return Elaborator(
        scope,
        locator(line, file, source),
        lambda text: tree(text, "expression", line, file, source),
    )


def expression(text: str, model: Model | Scope) -> mx.Node:
    """One expression of the plain or Unicode notation, in the names of the model."""
    scope = Scope.of(model) if isinstance(model, Model) else model
    return elaborator(scope, 1, "<text>", text).expression(tree(text, "expression"))


def _with_cotangent(scope: Scope, text: str) -> Scope:
    """λ has the shape of the u in λ · ∂u/∂v."""
    found = re.match(r"\s*λ\s*·\s*∂([^/]+)/", text)
    if not found or "λ" in scope.declarations:
        return scope
    u = expression(found.group(1), scope)
    return replace(
        scope,
        declarations={**scope.declarations, "λ": Declaration("λ", "param", u.shape)},
    )


def equation(text: str, model: Model | Scope, label: str = "") -> Equation:
    """One equation; a scalar right side is spread over the shape of the left."""
    scope = Scope.of(model) if isinstance(model, Model) else model
    left, right = tree(text, "equation").children
    scope = _with_cotangent(scope, text)
    e = elaborator(scope, 1, "<text>", text)
    lhs, rhs = e.expression(left), e.expression(right)
    if not rhs.shape:
        rhs = mx.broadcast(rhs, lhs.shape)
    return Equation(label, lhs, rhs)
