"""A LaTeX text: where things stand in it, and what TeX takes as the argument of a macro."""

from __future__ import annotations

import re
from bisect import bisect_right

from lark import Token

from ..errors import ParseError, Place
from .macros import DECORATIONS, FONTS, FRACTIONS

MACRO = re.compile(r"\\([A-Za-z]+\*?|.)", re.DOTALL)
_SKIP = re.compile(r"(?:[\s~&]|(?<!\\)%[^\n]*)+")


class Source:
    """The text, its lines, and its groups."""

    def __init__(self, text: str, file: str = "<text>"):
        self.text, self.file = text, file
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]

    def place(self, start: int, end: int) -> Place:
        row = bisect_right(self.starts, start) - 1
        line = self.text[self.starts[row] :].split("\n", 1)[0].rstrip("\r")
        column = start - self.starts[row]
        width = max(1, min(end - start, len(line) - column))
        return Place(row + 1, column + 1, line.replace("\t", " "), self.file, width)

    def error(self, message: str, instead: str, start: int, end: int) -> ParseError:
        return ParseError(message, instead, self.place(start, end))

    def token(self, kind: str, value: str, start: int, end: int) -> Token:
        row = bisect_right(self.starts, start) - 1
        column = start - self.starts[row] + 1
        return Token(kind, value, start, row + 1, column, row + 1, column + end - start, end)

    def unknown(self, macro: str, i: int, after: int) -> ParseError:
        advice = {
            "\\": "one equation at a time",
            "begin": "the equation alone, without its environment",
            "end": "the equation alone, without its environment",
        }
        return self.error(
            f"the macro \\{macro} is not known here",
            advice.get(macro, r"a macro such as \odot, \top, \frac, \sum, \mathbf or \hat"),
            i,
            after,
        )

    def skip(self, i: int, end: int) -> int:
        match = _SKIP.match(self.text, i, end)
        return match.end() if match else i

    def closing(self, i: int, end: int) -> int:
        """Where the brace that opens at i closes."""
        depth, j = 0, i
        while j < end:
            c = self.text[j]
            if c == "\\":
                j += 1
            depth += (c == "{") - (c == "}")
            if depth == 0:
                return j
            j += 1
        raise self.error("this brace is not closed", "}", i, i + 1)

    def argument(self, i: int, end: int, of: str) -> tuple[int, int, int]:
        """(start, end, next) of what TeX takes as the next argument."""
        j = self.skip(i, end)
        if j >= end:
            raise self.error(f"{of} needs something behind it", f"{of}{{…}}", j - 1, j)
        if self.text[j] == "{":
            close = self.closing(j, end)
            return j + 1, close, close + 1
        if self.text[j] != "\\":
            return j, j + 1, j + 1
        match = MACRO.match(self.text, j, end)
        stop = match.end() if match else j + 1
        macro = match[1] if match else ""
        for _ in range(2 if macro in FRACTIONS else macro in FONTS or macro in DECORATIONS):
            stop = self.argument(stop, end, "\\" + macro)[2]
        return j, stop, stop
