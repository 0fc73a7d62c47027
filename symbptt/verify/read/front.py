"""The declarations at the head of a document, in a small part of YAML.

---
model: elman
notation: pascanu
rename: {U: W_xh, V: W_hy}
shapes:
  W_h: (H, H)
---
"""

from __future__ import annotations

import re

from ...errors import ParseError, Place
from ..surface import FrontMatter

_KEY = re.compile(r"(\s*)([^\s:#][^:]*?)\s*[:=]\s*(.*)")
_SECTIONS = ("rename", "assume", "shapes")
_WORDS = ("model", "notation")
_OTHERS = ("title", "author", "date", "lang", "tags", "layout", "source", "description")


def front_matter(text: str, file: str = "<text>") -> FrontMatter:
    """Read the block between two lines of `---`; an unknown key is an error with its line."""
    head = re.match(r"\ufeff?---[ \t]*\r?\n", text)
    if head is None:
        return FrontMatter()
    tail = re.compile(r"^(?:---|\.\.\.)[ \t]*(?:\r?\n|$)", re.MULTILINE).search(text, head.end())
    if tail is None:
        return FrontMatter()
    words, section = dict.fromkeys(_WORDS, ""), ""
    pairs: dict[str, list[tuple[str, str]]] = {name: [] for name in _SECTIONS}
    number = 1
    for raw in text[head.end() : tail.start()].split("\n"):
        number += 1
        line = re.sub(r"(^|\s)#.*", "", raw.rstrip("\r")).rstrip()
        if not line.strip():
            continue
        match = _KEY.fullmatch(line.replace("- ", "  ", 1) if line.lstrip()[:2] == "- " else line)
        place = Place(number, len(line) - len(line.lstrip()) + 1, raw, file, len(line.strip()))
        if match is None:
            raise ParseError("this is no declaration", "rename: {U: W_xh}", place)
        indent, key, value = match[1], _plain(match[2]), match[3].strip()
        if indent and section:
            pairs[section].append((key, _plain(value)))
        elif key in _WORDS:
            words[key], section = _plain(value), ""
        elif key in _SECTIONS:
            section = key
            pairs[key] += _inline(value, place)
        elif key in _OTHERS:
            section = ""
        else:
            known = ", ".join((*_WORDS, *_SECTIONS))
            raise ParseError(f"unknown key {key!r}", f"one of {known}", place)
    told = {k: tuple(v) for k, v in pairs.items()}
    return FrontMatter(words["model"], words["notation"], **told, end=tail.end())


def _inline(value: str, place: Place) -> list[tuple[str, str]]:
    """{U: W_xh, V: W_hy} or U: W_xh, V: W_hy on the line of its key."""
    inner = value.removeprefix("{").removesuffix("}").strip()
    if not inner:
        return []
    found = []
    for part in re.split(r",(?![^(\[{]*[)\]}])", inner):
        key, sign, meaning = re.sub(r"\s*=\s*", ":", part, count=1).partition(":")
        if not sign:
            raise ParseError(f"{part.strip()!r} has no meaning", "U: W_xh", place)
        found.append((_plain(key), _plain(meaning)))
    return found


def _plain(text: str) -> str:
    text = text.strip()
    quoted = len(text) > 1 and text[0] == text[-1] and text[0] in "\"'`$"
    return text[1:-1] if quoted else text
