r"""Letters with their fonts, marks, subscripts and superscript times, joined to one name.

\mathbf{W}_{hh}  W_{hh}      \hat{y}_t  yhat_{t}      h_i^{(t-1)}  h_{i;t-1}
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .macros import DECORATIONS, FONTS, FUNCTIONS, LETTERS, SPACES, UPRIGHT
from .scope import Scope
from .source import MACRO, Source

_WORD = re.compile(r"[^\W\d_]+")
_FLAT = re.compile(r"[\w+\-−,;:]")
_TIME = re.compile(r"\s*\(([^()]*)\)|\s*\\langle(?![a-zA-Z])(.*?)\\rangle")
_PLAIN = re.compile(r"(?:[^\W\d_]|\\_)(?:\w|\\_|-)*")


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


class Letters(Source):
    """Reads the names of a text; `scope` says which runs of letters are one name."""

    def __init__(self, text: str, scope: Scope, file: str = "<text>"):
        super().__init__(text, file)
        self.scope = scope

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
        match = MACRO.match(self.text, i, end) if c == "\\" else None
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
        if macro in UPRIGHT and _PLAIN.fullmatch(inner):
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
        match = _TIME.match(self.text, start, stop)
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
        match = MACRO.match(self.text, i, end)
        macro, after = (match[1], match.end()) if match else ("", i + 1)
        if macro in DECORATIONS:
            start, stop, after = self.argument(after, end, "\\" + macro)
            return self.flat(start, stop) + DECORATIONS[macro], after
        if macro in FONTS or macro in SPACES:
            return "", after
        if macro == "_" or macro in LETTERS:
            return LETTERS.get(macro, macro), after
        raise self.unknown(macro, i, after)
