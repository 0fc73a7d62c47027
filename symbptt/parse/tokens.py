r"""LaTeX to tokens: fonts, marks and subscripts are joined to their letter, spaces dropped.

    \mathbf{W}_{hh}  NAME W_{hh}       \hat{y}^{(t)}  NAME yhat_{;t}      \mathrm{diag}  FUNCTION
    \frac{\mathrm{d}L}{\mathrm{d}h_t}  DERIVATIVE dL/dh_{t}               \odot          STAR
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from lark import Token

from ..errors import ParseError, Place
from .macros import (
    BOLD,
    CHARACTERS,
    DECORATIONS,
    DELIMITER_SIZES,
    FONTS,
    FRACTIONS,
    FUNCTIONS,
    LETTERS,
    SILENT,
    SPACES,
    TERMINALS,
    UPRIGHT,
)
from .scope import Scope

_MACRO = re.compile(r"\\([A-Za-z]+\*?|.)", re.DOTALL)
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_WORD = re.compile(r"[^\W\d_]+")
_FLAT = re.compile(r"[\w+\-−,;:]")
_SKIP = re.compile(r"(?:[\s~&]|(?<!\\)%[^\n]*)+")
_TOPS = ("top", "intercal")


@dataclass
class Name:
    """A letter with what is attached to it: W, ["hh"], and the time of h^{(t)}."""

    base: str
    start: int
    end: int
    subscripts: list[str] = field(default_factory=list)
    time: str = ""
    differential: bool = False  # the upright d of a derivative

    def __str__(self) -> str:
        inner = ",".join(self.subscripts) + (f";{self.time}" if self.time else "")
        return f"{self.base}_{{{inner}}}" if inner else self.base


class Scanner:
    """The tokens of one formula; `scope` says which letter runs are one name."""

    def __init__(self, text: str, scope: Scope, file: str = "<text>"):
        self.text, self.scope, self.file = text, scope, file
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self.norms = 0

    # -- places and errors

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

    # -- the walk

    def scan(self) -> list[Token]:
        """All tokens; a differential that is in no derivative is an error."""
        end = len(self.text.rstrip().rstrip(".,;").rstrip())
        out = self.tokens(0, end)
        out = self._inline_derivatives(out)
        for token in out:
            if token.type in ("PARTIAL", "D"):
                raise self.error(
                    f"this {token} belongs to no derivative",
                    r"\frac{\partial L}{\partial h_t}, one variable above and one below",
                    *_span(token),
                )
        return out

    def tokens(self, i: int, end: int) -> list[Token]:
        out: list[Token] = []
        while (i := self.skip(i, end)) < end:
            i = self.step(i, end, out)
        return out

    def skip(self, i: int, end: int) -> int:
        match = _SKIP.match(self.text, i, end)
        return match.end() if match else i

    def step(self, i: int, end: int, out: list[Token]) -> int:
        """Read one thing at i, append its tokens, and return where it ends."""
        found = self.name(i, end)
        if found is not None:
            return self.named(found, end, out)
        c = self.text[i]
        if c == "\\":
            return self.macro(i, end, out)
        if c in "^_":
            return self.script(i, end, out)
        if c == "{":
            close = self.closing(i, end)
            out += self.group(i + 1, close)
            return close + 1
        if number := _NUMBER.match(self.text, i, end):
            out.append(self.token("NUMBER", number[0], i, number.end()))
            return number.end()
        return self.character(i, end, out)

    def character(self, i: int, end: int, out: list[Token]) -> int:
        c = self.text[i]
        if c == "‖":
            return self.norm(i, i + 1, out)
        kind = CHARACTERS.get(c)
        if kind is None:
            advice = {"'": r"^\top for a transpose", "}": "balanced braces", "$": "no dollar signs"}
            raise self.error(
                f"cannot read the character {c!r}", advice.get(c, "LaTeX mathematics"), i, i + 1
            )
        if kind == "_LBRACK" and self._is_delta(i, end):
            kind = "_KRON"
        value = {"∑": "sum", "∏": "prod"}.get(c, c)
        out.append(self.token(kind, value, i, i + 1))
        return i + 1

    def _is_delta(self, i: int, end: int) -> bool:
        """Whether the bracket at i holds an equation, [n = m]."""
        depth = 0
        for j in range(i, end):
            depth += (self.text[j] in "[({") - (self.text[j] in "])}")
            if self.text[j] == "=" and depth == 1:
                return True
            if depth == 0:
                return False
        return False

    # -- groups and arguments

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

    def group(self, start: int, end: int) -> list[Token]:
        inner = self.tokens(start, end)
        return [
            self.token("_LBRACE", "{", max(start - 1, 0), start),
            *inner,
            self.token("_RBRACE", "}", end, end + 1),
        ]

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
        match = _MACRO.match(self.text, j, end)
        stop = match.end() if match else j + 1
        macro = match[1] if match else ""
        for _ in range(2 if macro in FRACTIONS else macro in FONTS or macro in DECORATIONS):
            stop = self.argument(stop, end, "\\" + macro)[2]
        return j, stop, stop

    # -- names

    def name(self, i: int, end: int) -> Name | None:
        """The name that starts at i, without the scripts behind it, or None."""
        c = self.text[i]
        if c == "{":
            close = self.closing(i, end)
            return self._whole(i + 1, close, i, close + 1)
        if word := _WORD.match(self.text, i, end):
            known = len(word[0]) > 1 and self._is_word(word[0])
            stop = word.end() if known else i + 1
            return Name(self.text[i:stop], i, stop)
        match = _MACRO.match(self.text, i, end) if c == "\\" else None
        if match is None:
            return None
        macro = match[1]
        if macro in LETTERS or macro in FUNCTIONS:
            return Name(LETTERS.get(macro, macro), i, match.end())
        if macro in DECORATIONS or macro in FONTS:
            start, stop, after = self.argument(match.end(), end, "\\" + macro)
            return self._dressed(macro, start, stop, i, after)
        return None

    def _dressed(self, macro: str, start: int, stop: int, i: int, after: int) -> Name | None:
        inner = self.text[start:stop].strip()
        if macro in UPRIGHT and re.fullmatch(r"(?:[^\W\d_]|\\_)(?:\w|\\_|-)*", inner):
            base = inner.replace("\\_", "_").replace("-", "_")
            return Name(base, i, after, differential=base == "d")
        found = self._whole(start, stop, i, after)
        if found is not None and macro in DECORATIONS:
            found.base += DECORATIONS[macro]
        return found

    def _whole(self, start: int, stop: int, i: int, after: int) -> Name | None:
        """The name that fills a group, with its scripts: {\\hat y_t}, \\mathbf{W_h}."""
        j = self.skip(start, stop)
        found = self.name(j, stop) if j < stop else None
        if found is None:
            return None
        rest = self.scripts(found, stop)
        if rest or self.skip(found.end, stop) < stop:
            return None
        found.start, found.end = i, after
        return found

    def _is_word(self, word: str) -> bool:
        return self.scope.is_function(word) or self.scope.known(word) == word

    def named(self, found: Name, end: int, out: list[Token]) -> int:
        start = found.start
        if found.differential:
            out.append(self.token("D", "d", start, found.end))
            return found.end
        if self.scope.is_function(found.base) or found.base in FUNCTIONS:
            value = self.scope.known_function(found.base) or found.base
            out.append(self.token("FUNCTION", value, start, found.end))
            return found.end
        rest = self.scripts(found, end)
        out.append(self.token("NAME", str(found), start, found.end))
        return self._tail(rest, out, found.end)

    def _tail(self, rest: list[tuple[str, int, int, int]], out: list[Token], end: int) -> int:
        """The scripts that are no part of a name: powers, and the colon of a gather."""
        for kind, start, stop, after in rest:
            if kind == "_LBRACK":
                out.append(self.token("_LBRACK", "[", start - 1, start))
                out += self.tokens(start, stop)
                out.append(self.token("_RBRACK", "]", stop, stop + 1))
            else:
                out += self.power(start, stop)
            end = after
        return end

    def scripts(self, found: Name, end: int) -> list[tuple[str, int, int, int]]:
        """Join subscripts and a superscript time to the name; return the other scripts."""
        rest: list[tuple[str, int, int, int]] = []
        i = found.end
        while (j := self.skip(i, end)) < end and self.text[j] in "_^":
            start, stop, i = self.argument(j + 1, end, self.text[j])
            if self.text[j] == "_":
                if ":" in self.text[start:stop]:
                    rest.append(("_LBRACK", start, stop, i))
                    continue
                found.subscripts += self.flat(start, stop).split(",")
            else:
                inner = self._time(start, stop)
                if inner is None:
                    rest.append(("_SUP", start, stop, i))
                    continue
                found.time = self.flat(*inner[:2])
                if self.skip(inner[2], stop) < stop:
                    rest.append(("_SUP", inner[2], stop, i))
            found.end = i
        return rest

    def _time(self, start: int, stop: int) -> tuple[int, int, int] | None:
        r"""(start, end, next) of the time in ^{(t)}, ^{\langle t\rangle}, ^{(t)\top}."""
        match = re.compile(r"\s*\(([^()]*)\)|\s*\\langle(?![a-zA-Z])(.*?)\\rangle").match(
            self.text, start, stop
        )
        if match is None:
            return None
        which = 1 if match[1] is not None else 2
        return match.start(which), match.end(which), match.end()

    def flat(self, start: int, end: int, braces: bool = False) -> str:
        """A subscript as plain text: hh, t-1, `h,t-1`, next; `braces` keeps x_{t-1} grouped."""
        out, i = "", start
        while (i := self.skip(i, end)) < end:
            c = self.text[i]
            if c in "{}":
                out, i = out + c * braces, i + 1
            elif c == "_" or _FLAT.match(c):
                out, i = out + c, i + 1
            elif c == "\\":
                part, i = self._flat_macro(i, end)
                out += part
            else:
                raise self.error("cannot read this subscript", "W_{hh} or h_{t-1}", i, i + 1)
        return out.replace("−", "-")

    def _flat_macro(self, i: int, end: int) -> tuple[str, int]:
        match = _MACRO.match(self.text, i, end)
        macro, after = (match[1], match.end()) if match else ("", i + 1)
        if macro in DECORATIONS:
            start, stop, after = self.argument(after, end, "\\" + macro)
            return self.flat(start, stop) + DECORATIONS[macro], after
        if macro in FONTS or macro in SPACES:
            return "", after
        if macro == "_" or macro in LETTERS:
            return LETTERS.get(macro, macro), after
        raise self._unknown(macro, i, after)

    # -- macros and scripts

    def macro(self, i: int, end: int, out: list[Token]) -> int:
        match = _MACRO.match(self.text, i, end)
        macro, after = (match[1], match.end()) if match else ("", i + 1)
        if macro in SPACES or macro in DELIMITER_SIZES:
            return after
        if macro in SILENT:
            return self.argument(after, end, "\\" + macro)[2]
        if macro in FRACTIONS:
            return self.fraction(i, after, end, out)
        if macro in ("|", "Vert"):
            return self.norm(i, after, out)
        if macro in FONTS or macro in DECORATIONS:
            return self._font(macro, i, after, end, out)
        if macro not in TERMINALS:
            raise self._unknown(macro, i, after)
        kind, value = TERMINALS[macro]
        if kind == "PARTIAL":
            return self.partial(i, after, end, out)
        out.append(self.token(kind, value, i, after))
        if kind == "_SQRT":
            start, stop, after = self.argument(after, end, "\\sqrt")
            out += self.group(start, stop)
        return after

    def _unknown(self, macro: str, i: int, after: int) -> ParseError:
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

    def _font(self, macro: str, i: int, after: int, end: int, out: list[Token]) -> int:
        """A font over more than a name: the bold 1, or a whole formula in bold."""
        start, stop, after = self.argument(after, end, "\\" + macro)
        if macro in DECORATIONS:
            raise self.error(f"\\{macro} stands over one letter", f"\\{macro}{{y}}_t", i, after)
        if self.text[start:stop].strip() != "1" or macro not in BOLD:
            out += self.group(start, stop)
            return after
        j = self.skip(after, end)
        if j >= end or self.text[j] != "_":
            raise self.error("a bold 1 needs its subscript", r"\mathbf{1}_{y_t}", i, after)
        start, stop, after = self.argument(j + 1, end, "_")
        out.append(self.token("FUNCTION", "onehot", i, after))
        out.append(self.token("_LPAR", "(", start, start))
        out += self.tokens(start, stop)
        out.append(self.token("_RPAR", ")", stop, stop))
        return after

    def norm(self, i: int, after: int, out: list[Token]) -> int:
        """Double bars open and close in turn."""
        kind = "_ENDNORM" if self.norms else "_NORM"
        self.norms = 1 - self.norms
        out.append(self.token(kind, "‖", i, after))
        return after

    def script(self, i: int, end: int, out: list[Token]) -> int:
        c = self.text[i]
        start, stop, after = self.argument(i + 1, end, c)
        last = out[-1].type if out else ""
        if c == "_" and last in ("_RPAR", "_RBRACK"):
            text = self.flat(start, stop, braces=True)
            out.append(self.token("ENTRIES", text, start, stop))
        elif c == "_":
            out.append(self.token("_SUB", "_", i, i + 1))
            out += self.group(start, stop)
        else:
            out += self.power(start, stop)
        return after

    def power(self, start: int, stop: int) -> list[Token]:
        inner = re.sub(r"[\s{}]", "", self.text[start:stop])
        sup = self.token("_SUP", "^", start - 1, start)
        if inner.lstrip("\\") in _TOPS or re.fullmatch(r"\\math(?:sf|rm|tt)T", inner):
            left, right = self.group(start, start)
            return [sup, left, self.token("_TOP", "ᵀ", start, stop), right]
        return [sup, *self.group(start, stop)]

    # -- derivatives

    def partial(self, i: int, after: int, end: int, out: list[Token]) -> int:
        """∂, or the ∂_{2} f of an uninterpreted function."""
        j = self.skip(after, end)
        if j < end and self.text[j] == "_":
            start, stop, k = self.argument(j + 1, end, "_")
            digits = self.flat(start, stop)
            k = self.skip(k, end)
            found = self.name(k, end) if k < end else None
            if digits.isdigit() and found is not None:
                out.append(self.token("CALL_PARTIAL", f"∂{digits}{found.base}", i, found.end))
                return found.end
        out.append(self.token("PARTIAL", "∂", i, after))
        return after

    def fraction(self, i: int, after: int, end: int, out: list[Token]) -> int:
        a, b, after = self.argument(after, end, "\\frac")
        c, d, after = self.argument(after, end, "\\frac")
        top, bottom = self.tokens(a, b), self.tokens(c, d)
        upper, lower = self._differential(top), self._differential(bottom)
        if upper and lower:
            out.append(self.token("DERIVATIVE", f"{upper}/{lower}", i, after))
            return after
        for t in (*top, *bottom):
            if t.type in ("PARTIAL", "D"):
                raise self.error(
                    "this derivative is not one variable by another",
                    r"\frac{\partial h_t}{\partial a_t}",
                    i,
                    after,
                )
        out.append(self.token("_FRAC", "frac", i, i + 1))
        out += [*self._braced(top, a, b), *self._braced(bottom, c, d)]
        return after

    def _braced(self, inner: list[Token], start: int, end: int) -> list[Token]:
        left, right = self.group(start, start)
        right = self.token("_RBRACE", "}", end, end + 1)
        return [left, *inner, right]

    def _differential(self, tokens: list[Token]) -> str:
        """`dL` or `∂a_{t}[n,j]` for the tokens of one variable behind a d or ∂, else ""."""
        if not tokens:
            return ""
        first, *rest = tokens
        letter = first.type == "NAME" and first == "d" and self.scope.known("d") is None
        if not (letter or first.type in ("PARTIAL", "D")):
            return ""
        kinds = [t.type for t in rest]
        if kinds == ["NAME"]:
            return f"{first}{rest[0]}"
        if kinds == ["_LBRACK", "NAME", "_RBRACK", "ENTRIES"]:
            return f"{first}{rest[1]}[{rest[3]}]"
        return ""

    def _inline_derivatives(self, tokens: list[Token]) -> list[Token]:
        r"""\partial L/\partial h_t, written on one line."""
        out: list[Token] = []
        for t in tokens:
            out.append(t)
            kinds = [x.type for x in out[-5:]]
            if kinds == ["PARTIAL", "NAME", "SLASH", "PARTIAL", "NAME"] or kinds == [
                *("D", "NAME", "SLASH", "D", "NAME")
            ]:
                parts = out[-5:]
                text = f"{parts[0]}{parts[1]}/{parts[3]}{parts[4]}"
                out[-5:] = [self.token("DERIVATIVE", text, _span(parts[0])[0], _span(t)[1])]
        return out


def _span(token: Any) -> tuple[int, int]:
    return token.start_pos, token.end_pos
