"""The plain and Unicode notation: one LALR grammar, errors with line, column and caret."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from lark import Lark, Token, Tree
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput

from .. import matrix as mx
from ..errors import ParseError, Place
from ..model import Derivation, Equation, Model
from .advice import refuse_misread, slip
from .elaborate import Elaborator, sides
from .reader import shallow
from .scope import Scope

LONGEST_LINE = 20_000


@cache
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
    if len(text) > LONGEST_LINE:
        raise ParseError(
            f"this line has {len(text)} characters",
            f"lines of at most {LONGEST_LINE}",
            Place(line, 1, text[:80], file),
        )
    refuse_misread(text, line, file, source)
    try:
        return grammar().parse(text, start=start)
    except UnexpectedEOF:
        place = Place(line, len(text.rstrip()) + 1, source, file)
        raise ParseError("the line ends too early", "the missing operand", place) from None
    except UnexpectedInput as error:
        token = getattr(error, "token", None)
        at_end = token is not None and token.type == "$END"
        column = len(text.rstrip()) + 1 if at_end else error.column
        width = 1 if token is None or at_end else len(token)
        place = Place(line, column, source, file, width)
        if meant := slip(text, column):
            raise ParseError(meant[0], meant[1], place) from None
        if at_end:
            raise ParseError("the line ends too early", _missing(text), place) from None
        raise ParseError(_unexpected(error), _advice(error, text), place) from None


def _unexpected(error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedCharacters):
        return f"cannot read the character {error.char!r}"
    return f"did not expect {_unread(error)!r} here"


def _unread(error: UnexpectedInput) -> str:
    if isinstance(error, UnexpectedCharacters):
        return str(error.char)
    return str(getattr(error, "token", ""))


def _missing(text: str) -> str:
    """What the end of a line still lacks."""
    for left, right in ("()", "[]", "{}"):
        if text.count(left) > text.count(right):
            return f"the closing {right!r}"
    if "=" not in text:
        return "an equation such as `h[t] = tanh(a[t])`"
    return "the missing operand"


def _advice(error: UnexpectedInput, text: str) -> str:
    unread = _unread(error)
    for left, right in ("()", "[]", "{}"):
        if unread == right and text.count(right) > text.count(left):
            return f"one {right!r} fewer, or the opening {left!r} it belongs to"
    return {
        "=": "one '=' per equation",
        "\\": "plain text here; LaTeX is read by `verify` and `symbptt.parse.latex`",
        "'": ".T for a transpose",
        ",": "one expression per line",
        "$": "plain text here, without dollar signs",
        ";": "one equation per line",
        "&": "plain text here; * is the elementwise product",
    }.get(unread, "an equation such as `h[t] = tanh(a[t])`, or a declaration such as `param b : H`")


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


def elaborator(scope: Scope, line: int = 1, file: str = "<text>", source: str = "") -> Elaborator:
    return Elaborator(scope, locator(line, file, source), nested)


def nested(text: str) -> Tree:
    """The tree of a text that stands inside a token, such as the time of `h_{t-1}`."""
    return tree(text, "expression")


def expression(text: str, model: Model | Derivation | Scope) -> mx.Node:
    """One expression of the plain or Unicode notation, in the names of the model."""
    with shallow(Place(1, 1, text[:80])):
        return elaborator(Scope.of(model), source=text).expression(tree(text, "expression"))


def equation(text: str, model: Model | Derivation | Scope, label: str = "") -> Equation:
    """One equation; a constant on the right is spread over the shape of the left."""
    with shallow(Place(1, 1, text[:80])):
        left, right = tree(text, "equation").children
        lhs, rhs = sides(elaborator(Scope.of(model), source=text), left, right)
        return Equation(label, lhs, rhs)
