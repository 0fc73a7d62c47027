"""What trees said before: an edited line shares most of its trees, and so their values.

The value of a tree depends on the small world, what the letters stand for, and on those steps,
entries and that part of the reading which were asked for on the way. It is kept under just these.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from .. import surface as s
from .choice import Choice

At = Callable[[Any], int | None]  # what a time or a named index is


@dataclass(frozen=True)
class Said:
    """A value, or the error instead of one; what of the reading was asked for, and needed; the
    letters of the steps and the named indices that it depends on."""

    value: Any
    asked: frozenset[str]
    used: frozenset[str] = frozenset()
    components: dict[str, Any] = field(default_factory=dict)
    probes: dict[str, str] = field(default_factory=dict)
    needed: frozenset[Any] = frozenset()


class Recall:
    """The values of trees in one small world, kept on the trees."""

    def __init__(self) -> None:
        self._on: s.Kept[dict[Hashable, Any]] = s.Kept(lambda node: {})
        self._letters: dict[Hashable, int] = {}
        self._last: tuple[Any, ...] = ()

    def find(self, node: s.Node, key: Hashable, choice: Choice, at: At) -> Said | None:
        """What the node said under a choice and at steps that agree in all that was asked for."""
        for (asked, needed), found in self._on(node).get(key, {}).items():
            said: Said | None = found.get((*map(choice.settled.get, asked), *map(at, needed)))
            if said is not None:
                return said
        return None

    def keep(self, node: s.Node, key: Hashable, choice: Choice, at: At, said: Said) -> None:
        asked, needed = tuple(said.asked), tuple(said.needed)
        answers = (*map(choice.settled.get, asked), *map(at, needed))
        self._on(node).setdefault(key, {}).setdefault((asked, needed), {})[answers] = said

    def letters(self, choice: Choice) -> int:
        """A number for what the letters stand for; equal choices of letters have one number."""
        mine = (choice.gradients, choice.on_left, choice.aliases, choice.names, choice.turned)
        if not self._last or any(a is not b for a, b in zip(mine, self._last, strict=False)):
            settled = (
                tuple(choice.gradients.items()), tuple(choice.on_left.items()),
                tuple(choice.names.items()), choice.turned, tuple(choice.aliases.items()),
            )  # fmt: skip
            number = self._letters.setdefault(settled, len(self._letters))
            self._last = (*mine, number)
        number = self._last[-1]
        return number
