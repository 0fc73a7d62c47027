"""A place in a list of tokens, the brackets that belong together, and the error of a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from .tokens import Token

_PAIRS = {"(": ")", "[": "]", "{": "}", "⟨": "⟩", "begin": "end"}
_CLOSING = {close: opening for opening, close in _PAIRS.items()}
_DEEPEST = 40

T = TypeVar("T")


class UnreadableError(Exception):
    """This text is no formula of the grammar: why, what would be read, and where."""

    def __init__(self, reason: str, instead: str, start: int, end: int):
        super().__init__(reason)
        self.reason, self.instead, self.start, self.end = reason, instead, start, end


@dataclass(frozen=True)
class Habits:
    """What the document as a whole says about its signs, before any formula is read."""

    delta_is_prefix: bool = True  # δh^t is one symbol, not δ times h^t
    functions: frozenset[str] = frozenset()  # letters that are functions somewhere
    plain: bool = False  # words and numpy calls rather than LaTeX


def matched(tokens: Sequence[Token]) -> dict[int, int]:
    """Opening bracket -> the closing one, and back; `<t>` is no bracket."""
    pairs: dict[int, int] = {}
    stack: list[int] = []
    for i, token in enumerate(tokens):
        if token.kind in _PAIRS:
            stack.append(i)
        elif token.kind in _CLOSING:
            if not stack or tokens[stack[-1]].kind != _CLOSING[token.kind]:
                raise _unbalanced(token, "closes nothing")
            pairs[i] = stack.pop()
            pairs[pairs[i]] = i
    if stack:
        raise _unbalanced(tokens[stack[-1]], "is not closed")
    return pairs


def _unbalanced(token: Token, what: str) -> UnreadableError:
    shown = token.value if token.kind in "()[]{}⟨⟩" else f"\\{token.kind}{{{token.value}}}"
    return UnreadableError(f"{shown} {what}", "balanced brackets", token.start, token.end)


class Cursor:
    """Walks `tokens[i:stop]`."""

    def __init__(self, tokens: Sequence[Token], habits: Habits, at: int = 0):
        self.tokens, self.habits = tokens, habits
        self.pairs = matched(tokens)
        self.i, self.stop = 0, len(tokens)
        self.at = tokens[0].start if tokens else at  # for errors where nothing is
        self.depth = 0
        self.bars: list[str] = []

    # -- looking

    def peek(self, ahead: int = 0) -> Token | None:
        j = self.i + ahead
        return self.tokens[j] if j < self.stop else None

    def kind(self, ahead: int = 0) -> str:
        token = self.peek(ahead)
        return token.kind if token else ""

    def value(self, ahead: int = 0) -> str:
        token = self.peek(ahead)
        return token.value if token else ""

    def next(self) -> Token:
        token = self.peek()
        if token is None:
            raise self.missing()
        self.i += 1
        return token

    def accept(self, kind: str) -> Token | None:
        return self.next() if self.kind() == kind else None

    @property
    def before(self) -> int:
        """The offset in the text where the last token read ends."""
        return self.tokens[self.i - 1].end if self.i else self.at

    @property
    def here(self) -> int:
        token = self.peek()
        return token.start if token else self.before

    # -- errors

    def missing(self) -> UnreadableError:
        end = self.before
        return UnreadableError("something is missing here", "the operand", max(end - 1, 0), end)

    def cannot(self, token: Token) -> UnreadableError:
        if token.kind == "bad":
            return UnreadableError(token.value, str(token.data), token.start, token.end)
        shown = {"text": f"the words {token.value!r}", "row": "a line break"}.get(token.kind)
        return UnreadableError(
            f"did not expect {shown or repr(token.value)} here",
            "a symbol, a bracket, or a sign between two of them",
            token.start,
            token.end,
        )

    def error(self, reason: str, instead: str, first: int, last: int) -> UnreadableError:
        """About the tokens first … last−1."""
        a = self.tokens[first].start if first < len(self.tokens) else self.before
        b = self.tokens[last - 1].end if 0 < last <= len(self.tokens) else a + 1
        return UnreadableError(reason, instead, a, max(a + 1, b))

    # -- ranges

    @contextmanager
    def range(self, start: int, stop: int) -> Iterator[None]:
        """Read tokens[start:stop] and nothing else; every one of them must be read."""
        old = self.i, self.stop, self.bars
        self.i, self.stop, self.bars = start, stop, []
        self.depth += 1
        if self.depth > _DEEPEST:
            raise self.error("brackets nested too deeply", "named intermediates", start, stop)
        yield
        left = self.peek()
        if left is not None:
            raise self.cannot(left)
        self.depth -= 1
        self.i, self.stop, self.bars = old

    def within(self, start: int, stop: int, read: Callable[[], T]) -> T:
        with self.range(start, stop):
            found = read()
        return found

    def split(self, start: int, stop: int, kinds: Sequence[str]) -> list[tuple[int, int]]:
        """The ranges between separators outside all brackets."""
        parts, first, j = [], start, start
        while j < stop:
            if self.tokens[j].kind in kinds:
                parts.append((first, j))
                first = j + 1
            j = self.pairs[j] + 1 if j in self.pairs and self.pairs[j] > j else j + 1
        return [*parts, (first, stop)]

    def find(self, start: int, stop: int, wanted: Callable[[Token], Any]) -> int:
        """The first token outside all brackets that is wanted, or -1."""
        j = start
        while j < stop:
            if wanted(self.tokens[j]):
                return j
            j = self.pairs[j] + 1 if j in self.pairs and self.pairs[j] > j else j + 1
        return -1

    def argument(self) -> tuple[int, int]:
        """The range of the next LaTeX argument: a group without its braces, or one thing."""
        token = self.next()
        first = self.i - 1
        if token.kind == "{":
            close = self.pairs[first]
            self.i = close + 1
            return first + 1, close
        if token.kind in ("font", "mark", "root", "frac"):
            for _ in range(2 if token.kind == "frac" else 1):
                self.argument()
        elif token.kind in ("(", "[", "⟨") and first in self.pairs and self.habits.plain:
            self.i = self.pairs[first] + 1  # h^(t), in plain text
        elif token.kind == "plus" and self.kind() == "number" and self.habits.plain:
            self.i += 1  # x^-1
        return first, self.i
