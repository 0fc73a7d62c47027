"""Where in a wrong line its mistake stands: the parts that its repair replaces.

δ_t = W δ_{t+1} ⊙ (1 - h_t^2)        the author's
      ^                              W becomes Wᵀ: one factor differs, and it alone is marked
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from .. import surface as s
from ..judge.truth import Statement

Span = tuple[int, int]


def edited(written: Statement, repaired: Statement) -> tuple[Span, ...]:
    """The spans of the author's text that the repair changes, in order; () for all of it."""
    spans = sorted({(n.start, n.end) for n, _ in changes(written, repaired)})
    if not spans or any(start >= end for start, end in spans):
        return ()
    return tuple(x for x in spans if not any(_within(x, y) for y in spans if y != x))


def changes(written: Statement, repaired: Statement) -> list[tuple[s.Node, s.Node | None]]:
    """The smallest parts that differ, with what stands there now; None for what is left out."""
    return [*_changed(written.left, repaired.left), *_changed(written.right, repaired.right)]


def _within(inner: Span, outer: Span) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _changed(old: s.Node, new: s.Node) -> Iterator[tuple[s.Node, s.Node | None]]:
    """The smallest parts of `old` in which the trees differ."""
    if old == new:
        return
    a, b = s.bare(old), s.bare(new)
    if a == b:
        return
    pairs = _pairs(a, b)
    if pairs is None:
        gone = _grown(a, b)
        yield from [(x, None) for x in gone] if gone else [(old, new)]
        return
    for x, y in pairs:
        yield from _changed(x, y)


def _pairs(a: s.Node, b: s.Node) -> list[tuple[s.Node, s.Node]] | None:
    """Corresponding children, or None where the difference is in the node itself."""
    if type(a) is not type(b) or isinstance(a, s.Symbol | s.Shorthand | s.Number):
        return None
    out: list[tuple[s.Node, s.Node]] = []
    for f in fields(a):
        if f.name in ("start", "end"):
            continue
        x, y = getattr(a, f.name), getattr(b, f.name)
        if isinstance(x, s.Node) and isinstance(y, s.Node):
            out.append((x, y))
        elif isinstance(x, tuple) and isinstance(y, tuple) and len(x) == len(y):
            if any(isinstance(i, s.Node) for i in x):
                out += zip(x, y, strict=True)
            elif x != y:
                return None
        elif x != y:
            return None
    return out


def _grown(a: s.Node, b: s.Node) -> list[s.Node]:
    """What was taken out of a flat sum or product; a factor that another one now holds."""
    for kind, name in ((s.Product, "factors"), (s.Sum, "terms")):
        if not isinstance(a, kind):
            continue
        mine: tuple[s.Node, ...] = getattr(a, name)
        theirs: tuple[Any, ...] = getattr(b, name) if isinstance(b, kind) else (b,)
        gone = [x for x in mine if s.bare(x) not in map(s.bare, theirs)]
        if len(theirs) < len(mine) and 0 < len(gone) < len(mine):
            return gone
    return []


def carets(source: str, start: int, spans: tuple[Span, ...]) -> tuple[str, str]:
    """(the source on one line, the line of carets below it); `start` is the source's offset."""
    flat = ""
    places: list[int] = []
    for n, c in enumerate(source):
        if c.isspace():
            if not flat or flat[-1] == " ":
                continue
            c = " "
        flat, places = flat + c, [*places, start + n]
    under = "".join("^" if any(a <= p < b for a, b in spans) else " " for p in places)
    return flat.rstrip(), under.rstrip()


__all__ = ["Span", "carets", "edited"]
