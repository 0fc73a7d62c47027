"""What to write instead, for a line that another language would read: the slips people make.

A slip is found by a pattern on the line, before or after the grammar has refused it; each row
says what is wrong, and what this language writes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable
from re import Match

from ..errors import ParseError, Place

Slip = tuple[str, str, Callable[[Match[str]], str]]  # pattern, message, what to write

ROLES = ("param", "input", "target", "state", "size", "hyper", "var", "function", "model")
_OTHER_WORDS = {
    **dict.fromkeys(("weight", "weights", "parameter", "parameters", "bias"), "param"),
    **dict.fromkeys(("dim", "dims", "dimension", "dimensions"), "size"),
    **dict.fromkeys(("label", "labels", "output", "outputs"), "target"),
    **{"hidden": "state", "def": "function", "const": "hyper", "variable": "var"},
}
_DECLARES = r"^(?P<head>\s*(?:param|input|target|state|hyper|var)\s+\w+\s*(?:\[\s*t\s*\])?)"


def _shape(m: Match[str]) -> str:
    sizes = ", ".join(w for w in re.findall(r"[\w*]+", m["dims"]) if w != "x")
    return f"{' '.join(m['head'].split())} : {sizes}"


# Read otherwise than it is meant, so that they are refused before the grammar sees them.
_MISREAD: tuple[Slip, ...] = (
    (
        r"(?P<name>[^\W\d]\w*_t)(?P<by>[-−+]\d+)",
        "{name}{by} could be at another time, or less a number",
        lambda m: f"{m['name'][:-1]}{{t{m['by']}}}, or {m['name']} {m['by'][0]} {m['by'][1:]}",
    ),
)

# Refused by the grammar, which knows only where.
_REFUSED: tuple[Slip, ...] = (
    (
        r"\b(?P<module>np|numpy|torch|jnp|tf|math|F|nn)\.(?P<name>\w+)",
        "functions stand here without their module",
        lambda m: f"{m['name']}(…)",
    ),
    (_DECLARES + r"\s*:\s*[(\[](?P<dims>[^()\[\]]*)[)\]]", "a shape has no brackets", _shape),
    (
        _DECLARES + r"\s*:\s*(?P<dims>\w+(?:\s+x\s+|\s*×\s*)\w+)",
        "the sizes of a shape have commas",
        _shape,
    ),
    (_DECLARES + r"\s*\[(?P<dims>[^\[\]]*)\]\s*$", "a shape stands behind a colon", _shape),
    (_DECLARES + r"\s+(?P<dims>\w+(?:\s*,\s*\w+)*)\s*$", "a shape stands behind a colon", _shape),
    (
        r"^\s*size\s+(?P<name>\w+)\s*=.*",
        "a size is a symbol; its value comes with the arrays",
        lambda m: f"size {m['name']}",
    ),
    (
        r"^\s*size(?P<names>(?:\s+\w+){2,})\s*$",
        "names of sizes have commas between them",
        lambda m: "size " + ", ".join(m["names"].split()),
    ),
    (
        r"^\s*(?P<name>[^\W\d]\w*)\s*(?P<time>\[\s*t\s*\])?\s*:(?!=)\s*(?P<dims>[\w, ]+)$",
        "a declaration opens with what its name is",
        lambda m: f"{'input' if m['time'] else 'param'} {m['name']}{m['time'] or ''} : {m['dims']}",
    ),
    (
        r"^\s*model\s+(?P<name>[^\"]*[^\"\s])\s*(?P<title>\".*)?$",
        "the name of a model has letters, digits and _ only",
        lambda m: f"model {re.sub(r'[^0-9A-Za-z_]+', '_', m['name'])} {m['title'] or ''}".strip(),
    ),
    (r"^\s*model\s+(?P<title>\".*)", "a model has a name", lambda m: f"model name {m['title']}"),
    (r"(?P<sign>:=|==)", "an equation has one sign", lambda m: "="),
    (r"×", "there is no product ×", lambda m: "* elementwise, or @ for the matrix product"),
    (r"//|/\*|%", "this opens no comment", lambda m: "# for a comment"),
)


def refuse_misread(text: str, line: int, file: str, source: str) -> None:
    """Raise for what the grammar would read, and not as it is meant."""
    for pattern, message, instead in _MISREAD:
        if m := re.search(pattern, text):
            place = Place(line, m.start() + 1, source, file, m.end() - m.start())
            raise ParseError(message.format(**m.groupdict()), instead(m), place)


def slip(text: str, column: int) -> tuple[str, str] | None:
    """(what is wrong, what to write) for a line refused at a column, or None if nobody knows."""
    word = re.match(r"\s*([^\W\d]\w*)\s+[^\W\d]\w*\s*(?:[\[:,]|$)", text)
    role = role_meant(word[1]) if word else ""
    if word and role:
        return f"{word[1]!r} opens no line", text.replace(word[1], role, 1).strip()
    for pattern, message, instead in _REFUSED:
        for m in re.finditer(pattern, text):
            if m.end() >= column - 1:
                return message, instead(m)
    return None


def role_meant(word: str) -> str:
    """The opening word that `params` or `weight` stands for, or nothing."""
    if word in ROLES:
        return ""
    close = difflib.get_close_matches(word.lower(), ROLES, 1, 0.8)
    return _OTHER_WORDS.get(word.lower()) or next(iter(close), "")
