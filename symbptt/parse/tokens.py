r"""LaTeX to tokens: fonts, marks and subscripts are joined to their letter, spaces dropped.

\mathbf{W}_{hh}  NAME W_{hh}       \hat{y}^{(t)}  NAME yhat_{;t}      \mathrm{diag}  FUNCTION
\frac{\mathrm{d}L}{\mathrm{d}h_t}  DERIVATIVE dL/dh_{t}               \odot          STAR
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import Any

from lark import Token

from .letters import Letters, Name
from .macros import (
    BOLD,
    CHARACTERS,
    DECORATIONS,
    DELIMITER_SIZES,
    FONTS,
    FRACTIONS,
    FUNCTIONS,
    SILENT,
    SPACES,
    TERMINALS,
)
from .source import MACRO

_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_TOPS = ("top", "intercal")


_BY = re.compile(r"\\times(?![A-Za-z])")  # between the sizes of 0_{N \times H}


class Scanner(Letters):
    """The tokens of one formula."""

    norms = 0  # whether double bars are open

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
        if c in "([":
            kind = self._opening(i, end, kind)
        value = {"∑": "sum", "∏": "prod"}.get(c, c)
        out.append(self.token(kind, value, i, i + 1))
        return i + 1

    def _opening(self, i: int, end: int, kind: str) -> str:
        """[n = m] is a delta, and a bracket with a subscript behind it, [x]_{n,j}, an entry."""
        close, equation = self.brackets.get(i, (end, False))
        j = self.skip(close + 1, end) if close < end else end
        if j < end and self.text[j] == "_":
            return "_ENTRY"
        return "_KRON" if kind == "_LBRACK" and equation else kind

    @cached_property
    def brackets(self) -> dict[int, tuple[int, bool]]:
        """Opening bracket -> (where it closes, whether it holds an equals sign)."""
        found: dict[int, tuple[int, bool]] = {}
        stack: list[tuple[int, bool]] = []
        for match in re.finditer(r"\\.|[\[({})\]=]", self.text, re.DOTALL):
            c = match[0]
            if c in "[({":
                stack.append((match.start(), False))
            elif stack and c == "=":
                stack[-1] = (stack[-1][0], True)
            elif stack and c in "])}":
                start, equation = stack.pop()
                found[start] = (match.start(), equation)
        return found

    # -- groups and arguments

    def group(self, start: int, end: int) -> list[Token]:
        return self.braced(self.tokens(start, end), start, end)

    def braced(self, inner: list[Token], start: int, end: int) -> list[Token]:
        """The tokens between braces, whether or not TeX needed braces there."""
        after = end + self.text.startswith("}", end)
        left = self.token("_LBRACE", "{", max(start - 1, 0), start)
        return [left, *inner, self.token("_RBRACE", "}", end, after)]

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

    # -- macros and scripts

    def macro(self, i: int, end: int, out: list[Token]) -> int:
        match = MACRO.match(self.text, i, end)
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
            raise self.unknown(macro, i, after)
        kind, value = TERMINALS[macro]
        if kind == "PARTIAL":
            return self.partial(i, after, end, out)
        out.append(self.token(kind, value, i, after))
        if kind == "_SQRT":
            start, stop, after = self.argument(after, end, "\\sqrt")
            out += self.group(start, stop)
        return after

    def _font(self, macro: str, i: int, after: int, end: int, out: list[Token]) -> int:
        """A font over more than a name: the bold 1 or 0, or a whole formula in bold."""
        start, stop, after = self.argument(after, end, "\\" + macro)
        if macro in DECORATIONS:
            raise self.error(f"\\{macro} stands over one letter", f"\\{macro}{{y}}_t", i, after)
        digit = self.text[start:stop].strip()
        if digit not in ("0", "1") or macro not in BOLD:
            out += self.group(start, stop)
            return after
        j = self.skip(after, end)
        if j >= end or self.text[j] != "_":
            sample = r"\mathbf{1}_{y_t}" if digit == "1" else r"\mathbf{0}_{N \times H}"
            raise self.error(f"a bold {digit} needs its subscript", sample, i, after)
        start, stop, after = self.argument(j + 1, end, "_")
        out.append(self.token("FUNCTION", "onehot" if digit == "1" else "zeros", i, after))
        out.append(self.token("_LPAR", "(", start, start))
        for by in _BY.finditer(self.text, start, stop):
            out += self.tokens(start, by.start())
            out.append(self.token("_COMMA", ",", by.start(), by.end()))
            start = by.end()
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
            return [sup, *self.braced([self.token("_TOP", "ᵀ", start, stop)], start, stop)]
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
        out += [*self.braced(top, a, b), *self.braced(bottom, c, d)]
        return after

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
        if kinds == ["_ENTRY", "NAME", "_RBRACK", "ENTRIES"]:
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
