r"""Names of several letters in LaTeX that no macro holds together: s1_t, Cc_t, W1.

What stands before the time on the left of an equation is one name, and not a product; a weight
with its number behind it, W1, is one as well, since a factor 1 is not written there.
"""

from __future__ import annotations

import re

from .spelling import FUNCTIONS

_LEFT = re.compile(
    r"(?:^|[$&\n,;]|\\\\|\\\[|\\quad)\s*([A-Za-z][a-z]?\d|[A-Z][a-z])"
    r"_\s*(?:t|\{\s*\(?t\)?\s*\})\s*&?\s*=",
    re.MULTILINE,
)
_WEIGHT = re.compile(r"(?<![A-Za-z0-9\\^_{])d?([A-Z]\d)(?![\w.}])")


def long_names(text: str) -> frozenset[str]:
    """The names of several letters that the text defines; weights with numbers beside these."""
    found = {m[1] for m in _LEFT.finditer(text)} - set(FUNCTIONS)
    found -= {name for name in found if name[0] == "d" and (name[1:] in found or len(name) == 2)}
    if any(name[-1].isdigit() for name in found):
        found |= {m[1] for m in _WEIGHT.finditer(text)}
    return frozenset(found)
