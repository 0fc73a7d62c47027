"""Words of plain text that are names: Whh is W_hh, ht is h_t, dWhh is the gradient dW_hh."""

from __future__ import annotations

import re
import unicodedata

from .spelling import FUNCTIONS, GREEK_LETTERS

_TIMED = re.compile(r"([a-zA-Zδ])([tT])")
_WEIGHT = re.compile(r"([WUVwuv])([a-z]{1,3})")
_BIAS = re.compile(r"([bB])([a-z])")
_ENDED = re.compile(r"([a-zA-Z])_?(next|prev|raw|bar|in|out|hat|tilde)")
_MARKED = re.compile(r"([a-zA-Z])(hat|tilde|bar)")
_DIFFERENTIAL = re.compile(r"d([^\W\d_].*)")
_NO_DIFFERENTIAL = frozenset(
    """diag dot dim dims data dropout delta detach dx_ den density depth det dist done down def
    direct division do_ does""".split()
)


def parts(word: str) -> tuple[str, str, str]:
    """(mark of a shorthand, letter, label): `dWhh` is ("d", "W", "hh"), `loss` ("", "loss", "")."""
    word = unicodedata.normalize("NFC", word)
    if word in _NO_DIFFERENTIAL or word in FUNCTIONS:
        return "", word, ""
    match = _DIFFERENTIAL.fullmatch(word)
    if match and _is_name(match[1]):
        return "d", *_split(match[1])
    return "", *_split(word)


def _is_name(word: str) -> bool:
    """Whether a word is one letter, a letter with a label, or a Greek name."""
    return len(word) == 1 or _split(word)[1] != "" or word in GREEK_LETTERS or len(word) == 2


def _split(word: str) -> tuple[str, str]:
    if word in GREEK_LETTERS:
        return GREEK_LETTERS[word], ""
    for pattern in (_TIMED, _ENDED, _WEIGHT, _BIAS):
        if match := pattern.fullmatch(word):
            return match[1], match[2]
    greek = re.fullmatch(r"([a-z]+?)(\d+)", word)
    if greek and greek[1] in GREEK_LETTERS:
        return GREEK_LETTERS[greek[1]] + greek[2], ""
    return word, ""
