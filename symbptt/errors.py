"""Errors of symbptt: one base class, each message says what, where, and what to write instead."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where in a text something stands: 1-based line and column, and the line itself."""

    line: int
    column: int
    text: str
    file: str = "<text>"
    width: int = 1

    def show(self) -> str:
        caret = " " * (self.column - 1) + "^" * max(1, self.width)
        return f"{self.file}:{self.line}:{self.column}\n    {self.text}\n    {caret}"


class SymbpttError(Exception):
    """Base of every error a user can cause: what was given, what was expected, what to write.

    `place` is filled in by whoever knows the text, so an error raised deep in the matrix
    language still points at the character that caused it.
    """

    def __init__(self, message: str, instead: str = "", place: Place | None = None):
        super().__init__(message)
        self.message, self.instead, self.place = message, instead, place

    def at(self, place: Place | None) -> SymbpttError:
        """This error, pointing at `place` unless it already points somewhere."""
        self.place = self.place or place
        return self

    def __str__(self) -> str:
        lines = [self.message]
        if self.place:
            lines.insert(0, self.place.show())
        if self.instead:
            lines.append(f"write instead: {self.instead}")
        return "\n".join(lines)

    def _render_traceback_(self) -> list[str]:
        """For Jupyter: the message alone, without the lines of this package that raised it."""
        return [f"{type(self).__name__}: {self}"]


class ShapeError(SymbpttError):
    """Two shapes do not fit, for symbolic sizes."""


class ParseError(SymbpttError):
    """The text is not in the grammar."""


class ModelError(SymbpttError):
    """The equations are well formed but do not make a recurrent model."""


class UnsupportedError(SymbpttError):
    """Well defined, and outside what this stage can do; said rather than approximated."""


def expect(item: object, wanted: type, verb: str, instead: str) -> None:
    """Refuse an argument of another kind, and say how one of the right kind is made."""
    if not isinstance(item, wanted):
        raise SymbpttError(f"{verb} takes {article(wanted)}, not {kind(item)}", instead)


def kind(item: object) -> str:
    """What an argument is, for a message: a str, a Model, None."""
    return "None" if item is None else article(type(item))


def article(cls: type) -> str:
    return f"{'an' if cls.__name__[0] in 'AEIOaeio' else 'a'} {cls.__name__}"
