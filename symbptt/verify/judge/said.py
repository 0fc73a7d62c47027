"""What the prose of a document settles for all of its lines: the layout, the order of a ∏."""

from __future__ import annotations

import re
from collections.abc import Iterable

from .. import surface as s
from ..meaning.choice import DENOMINATOR, NUMERATOR

_LAYOUT = re.compile(r"\b(numerator|denominator)[\s-]+(?:layout|convention)", re.I)
_STACKED = re.compile(r"(\w+?)(?:_\{?t\}?|\[t\])\$?\s+=\s+\$?\(([^()]*)\)\$?,\s+stacked")
_LATEST_LEFT = re.compile(
    r"\blatest\s+(?:step|factor|one|index|time)[\w\s]{0,12}?\bon\s+the\s+left\b"
    r"|\b(?:descending|decreasing)\s+(?:order|time|index)"
    r"|\bearliest\s+(?:step|factor|one|index|time)[\w\s]{0,12}?\bon\s+the\s+right\b",
    re.I,
)
_LATEST_RIGHT = re.compile(
    r"\blatest\s+(?:step|factor|one|index|time)[\w\s]{0,12}?\bon\s+the\s+right\b"
    r"|\b(?:ascending|increasing)\s+(?:order|time|index)"
    r"|\bearliest\s+(?:step|factor|one|index|time)[\w\s]{0,12}?\bon\s+the\s+left\b",
    re.I,
)


_OF_TIME = re.compile(r"\b(?:descending|decreasing|ascending|increasing)\s", re.I)
_FACTORS = re.compile(r"product|factor|multipl|jacobian|matri|∏|\\prod", re.I)
_DENIED = re.compile(
    r"\b(?:not|never|no|nor|unlike|without|avoid\w*)\b|n't\b|instead of|rather than", re.I
)
_HELD = re.compile(r"\bhold\w*\s+(?:everything|all)\s+else\s+fixed\b", re.I)


_TOTAL = re.compile(r"\bd\s+is\s+total\b", re.I)


def _sentences(prose: Iterable[s.Prose]) -> list[str]:
    """The sentences that say something is so: of one that denies, nothing is taken."""
    every = (x for p in prose for x in re.split(r"[.;!?]\s", p.text))
    return [x for x in every if not _DENIED.search(x)]


def layout_said(prose: Iterable[s.Prose]) -> str:
    """numerator or denominator, where the words name one of them and not the other."""
    found = {m[1].lower() for x in _sentences(prose) for m in _LAYOUT.finditer(x)}
    return found.pop() if len(found) == 1 and found <= {NUMERATOR, DENOMINATOR} else ""


def held_said(prose: Iterable[s.Prose]) -> bool:
    """Whether ∂ holds everything else fixed: ∂u/∂v may be of the equation of u alone."""
    return any(_HELD.search(x) for x in _sentences(prose))


def signs_said(prose: Iterable[s.Prose]) -> bool:
    """Whether d is total and ∂ is not, where the words say both."""
    return held_said(prose) and any(_TOTAL.search(x) for x in _sentences(prose))


def stacked_said(text: str) -> dict[str, tuple[str, ...]]:
    """s of s_t = (c_t, h_t), stacked into one vector, and what it is made of, as written."""
    found = _STACKED.finditer(text)
    return {m[1]: tuple(x.strip(" $\n") for x in m[2].split(",")) for m in found}


def order_said(prose: Iterable[s.Prose]) -> str:
    """How the factors of a ∏ stand, "reversed" with the latest on the left, where it is said."""
    words = [x for x in _sentences(prose) if _FACTORS.search(x) or not _OF_TIME.search(x)]
    left = any(_LATEST_LEFT.search(x) for x in words)
    right = any(_LATEST_RIGHT.search(x) for x in words)
    return "" if left == right else "reversed" if left else "written"
