r"""Long equations on several lines: cut where a reader would; the joined lines are the whole.

Before a + or − outside every bracket, else before a ∘ or ·, else between factors; failing that
one bracket deeper, where the parts of [a, b] come first, one on a line. Between \left and
\right LaTeX allows no cut: a bracket that must be cut is \bigl[ … \bigr].
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

_TOKENS = re.compile(
    r"(?P<fence>\\left(?![a-z]))|(?P<unfence>\\right(?![a-z]))|\\bigl.|\\bigr."
    r"|(?P<open>[(\[])|(?P<close>[)\]])|(?P<group>\{)|(?P<ungroup>\})|(?P<space> +)"
    r"|\\[{}]|\\[A-Za-z]+"
)
_RANKS = (("+ ", "- ", "− "), ("∘ ", "· ", "* ", "@ ", "/ ", r"\odot ", r"\cdot "))
_COMMA, _FACTOR = 0, len(_RANKS) + 1  # between the parts of a list; between factors
_LEVEL = _FACTOR + 1


def broken(text: str, width: int, then: int | None = None) -> list[str]:
    """Lines of at most `width` columns, `then` after the first, where there is a place to cut."""
    breaks = dict(_breaks(text))
    lines, start, listed = [], 0, -1
    while len(text) - start > width or listed in (c for i, c in breaks.items() if i > start):
        fitting = {i: cost for i, cost in breaks.items() if start < i <= start + width}
        late = [i for i in breaks if i > start + width]
        if not (fitting or late):
            break
        cut = min(fitting, key=lambda i: _preference(i, fitting[i])) if fitting else late[0]
        if breaks[cut] % _LEVEL == _COMMA:
            listed = breaks[cut]
        lines.append(text[start:cut])
        start, width = cut + 1, width if then is None else then
    return [*lines, text[start:]]


def _preference(i: int, cost: int) -> tuple[int, int]:
    """The least cost, and of those the last, but the first comma."""
    return cost, i if cost % _LEVEL == _COMMA else -i


def broken_latex(text: str, width: int) -> list[str]:
    """Rows for `align` of about `width` letters, cut outside every fraction and fence."""
    rows = [row for long in _by_rank(text, width) for row in _parts(long, width)]
    return [row for long in rows for row in _deeper(long, width)]


def _by_rank(text: str, width: int) -> list[str]:
    rows = [text]
    for cost in range(1, _FACTOR):
        rows = [row for long in rows for row in _rows(long, width, cost)]
    return rows


def _rows(text: str, width: int, cost: int) -> list[str]:
    """The text cut before as few operators of one rank as fill the width."""
    if breadth(text) <= width:
        return [text]
    rows: list[str] = []
    for piece in _cut(text, cost):
        if rows and breadth(f"{rows[-1]} {piece}") <= width:
            rows[-1] += f" {piece}"
        else:
            rows.append(piece)
    return rows


def _parts(text: str, width: int) -> list[str]:
    r"""[a, b] that is too long, one part on each row, between \bigl[ and \bigr]."""
    if breadth(text) <= width or not text.startswith((r"\left[", r"\left(")):
        return [text]
    end = text.rindex(r"\right")
    if _depths(text[:end])[-1] != 1:
        return [text]
    inner = _cut(text[len(r"\left[") : end], _COMMA)
    if len(inner) == 1:
        return [text]
    opening, closing = text[len(r"\left")], text[end + len(r"\right") :]
    inner[0], inner[-1] = rf"\bigl{opening}{inner[0]}", rf"{inner[-1]}\bigr{closing}"
    return inner


def _deeper(text: str, width: int) -> list[str]:
    r"""A row that is still too long, cut inside its widest \left( … \right), as \bigl( … \bigr)."""
    if breadth(text) <= width or (fence := _widest(text)) is None:
        return [text]
    start, end = fence
    inner = text[start + len(r"\left") : end]
    after = text[end + len(r"\right") :]
    opened = rf"{text[:start]}\bigl{inner}\bigr{after}"
    rows = [row for long in _by_rank(opened, width) for row in _deeper(long, width)]
    return rows if len(rows) > 1 else [text]


def _widest(text: str) -> tuple[int, int] | None:
    r"""Where the widest of the outermost fences opens and closes."""
    found: list[tuple[int, int]] = []
    depth = start = braces = 0
    for match in _TOKENS.finditer(text):
        braces += (match["group"] is not None) - (match["ungroup"] is not None)
        if braces:
            continue
        if match["fence"]:
            start = start if depth else match.start()
            depth += 1
        elif match["unfence"]:
            depth -= 1
            if not depth:
                found.append((start, match.start()))
    return max(found, key=lambda f: breadth(text[f[0] : f[1]]), default=None)


def _cut(text: str, cost: int) -> list[str]:
    cuts = [i for i, c in _breaks(text) if c == cost]
    return [text[i:j].strip() for i, j in pairwise([0, *cuts, len(text)])]


def _depths(text: str) -> list[int]:
    r"""How many \left are open, after each of them and each \right."""
    found = [0]
    for match in _TOKENS.finditer(text):
        found.append(found[-1] + bool(match["fence"]) - bool(match["unfence"]))
    return found


def _breaks(text: str) -> Iterator[tuple[int, int]]:
    """(position of a space, how bad it is to cut there); never within braces or a fence."""
    depth = closed = 0
    for match in _TOKENS.finditer(text):
        depth += (match["open"] is not None) - (match["close"] is not None)
        closed += sum(match[k] is not None for k in ("fence", "group"))
        closed -= sum(match[k] is not None for k in ("unfence", "ungroup"))
        before, rest = text[: match.start()], text[match.end() :]
        if match["space"] and not closed and not _is_bound(before):
            yield match.start(), depth * _LEVEL + _rank(before, rest)


def _rank(before: str, rest: str) -> int:
    if before.endswith((",", ";")):
        return _COMMA
    return next((k for k, s in enumerate(_RANKS, 1) if rest.startswith(s)), _FACTOR)


def _is_bound(before: str) -> bool:
    """Whether what stands before goes with what follows: Σ_{…}^{…}, a sign, an operator."""
    signs = tuple(sign.strip() for rank in _RANKS for sign in rank)
    return before.endswith(signs) or bool(
        re.search(r"(Σ|∏|sum|prod)_\{[^{}]*\}\^\{[^{}]*\}$", before)
    )


_FRACTION = re.compile(r"\\[dt]?frac\{")
_MARKS = "left|right|bigl|bigr|mathrm|mathbf|operatorname|boldsymbol|hat|bar|tilde"
_SMALL = re.compile(rf"\\(?:{_MARKS})(?![A-Za-z])|[{{}}^_ ]")


def breadth(latex: str) -> int:
    """About how many letters wide a formula is set; a fraction counts its wider part."""
    width = 0
    while match := _FRACTION.search(latex):
        middle = _closing(latex, match.end())
        end = _closing(latex, middle + 2)
        top, bottom = latex[match.end() : middle], latex[middle + 2 : end]
        width += max(breadth(top), breadth(bottom)) + 1
        latex = latex[: match.start()] + " " + latex[end + 1 :]
    letters = re.sub(r"\\[A-Za-z]+", "M", _SMALL.sub("", latex))
    signs = len(re.findall(r"[+=-]|\\odot|\\cdot", latex))
    return width + len(letters) + signs


def _closing(text: str, i: int) -> int:
    """Where the brace that is open before i closes."""
    depth = 1
    while depth:
        depth += (text[i] == "{") - (text[i] == "}")
        i += 1
    return i - 1
