r"""The catalogue of single mistakes, planted in a printed line: its text is changed in one place.

The classes are those of the requirements that the change of one line can show. The others are of
code (M22, M24, M25, M27), of a whole document (M29) or of growth (M28). Only the text is touched:
nothing here knows how `verify` reads a line or what repairs it tries.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from symbptt import matrix as mx
from symbptt.model import Derivation, Equation
from symbptt.show import show_equation


@dataclass(frozen=True)
class Edit:
    """One mistake: the codes that name it (the same slip may have several names), the new line.

    What has no code is no mistake: the line says the same in another way.
    """

    codes: tuple[str, ...]
    what: str
    line: str


@dataclass(frozen=True)
class Spelling:
    """How the letters of a model are printed."""

    several: bool  # whether it has several states: then a future term may be the path of a cell
    weights: tuple[tuple[str, ...], ...]  # parameters of one rank
    values: tuple[tuple[str, ...], ...]  # timed values of one shape, printed at t
    before: tuple[tuple[str, str], ...]  # a value and what its function is applied to
    chances: tuple[tuple[str, str], ...]  # a softmax and what it is of
    numbers: tuple[str, ...]  # α


def spelling(derivation: Derivation) -> Spelling:
    model = derivation.model
    ranks: dict[int, list[str]] = {}
    for d in model.params:
        ranks.setdefault(len(d.shape), []).append(printed(d.var()))
    shapes: dict[object, list[str]] = {}
    for e in model.equations:
        if e.lhs.shape and len(e.lhs.shape) > (1 if _rows(derivation) else 0):
            shapes.setdefault(e.lhs.shape, []).append(printed(e.lhs))
    before = [
        (printed(e.lhs), printed(e.rhs.args[1]))
        for e in model.equations
        if isinstance(e.rhs, mx.Apply) and isinstance(e.rhs.args[1], mx.Var)
    ]
    chances = [
        (printed(e.lhs), printed(e.rhs.args[0]))
        for e in model.equations
        if isinstance(e.rhs, mx.Softmax) and isinstance(e.rhs.args[0], mx.Var)
    ]
    return Spelling(
        len(model.states) > 1,
        tuple(map(tuple, ranks.values())),
        tuple(map(tuple, shapes.values())),
        tuple(before),
        tuple(chances),
        tuple(printed(d.var()) for d in (*model.params, *model.hypers) if not d.shape),
    )


def printed(v: mx.Node) -> str:
    return show_equation(Equation("", v, v), "latex").partition(" = ")[0]


def _rows(derivation: Derivation) -> bool:
    return any(len(d.shape) > 1 for d in derivation.model.states)


# -- the mistakes that a pattern finds

GRADIENT = r"\\frac\{\\mathrm\{d\}L\}\{\\mathrm\{d\}(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"
LETTER = r"(?:\\tilde\{\w\}|\\mathrm\{\w+\}|\w)"
BY = r"(?:[^{}]|\{[^{}]*\})*"
DIAGONAL = r"(?:[^()]|\([^()]*\))*"
SLOPE = r"1 - |\\operatorname\{step\}|\S+ \\odot \(1 - "  # how the diagonal of a slope begins
ERROR = (
    r"(o_\{t\}|\\hat\{y\}_\{t\}|\\operatorname\{softmax\}\(\w+_\{t\}\)) - "
    r"(y_\{t\}|\\mathbf\{1\}_\{y_\{t\}\})"
)

Rule = tuple[tuple[str, ...], str, str, str]


def rules(spelled: Spelling) -> Iterator[Rule]:
    """(codes, name, pattern, replacement): each match is one edit."""
    slope = ("M19", "M01") if spelled.several else ("M01",)
    future = ("M20", "M07") if spelled.several else ("M07",)
    yield from (
        (slope, "slope missing", r" \\odot \(1 - [^()]*(?:\([^()]*\)[^()]*)?\^\{2\}\)", ""),
        (("M19", "M01"), "gate slope missing",
         rf" \\odot ({LETTER}_\{{t\}}) \\odot \(1 - \1\)", ""),
        (slope, "slope missing", rf"\\operatorname\{{diag\}}\((?={SLOPE}){DIAGONAL}\) (?=\S)", ""),
        (("M02",), "factor missing",
         rf"\\operatorname\{{diag\}}\((?!{SLOPE}){DIAGONAL}\) (?=\S)", ""),
        (("M02",), "upstream factor missing", rf"{GRADIENT} \\odot ", ""),
        (("M04", "M05"), "transpose of W missing", r"(?<=[WUV])(_\{?\w*\}?)\^\{\\top\}", r"\1"),
        (("M04", "M05"), "transpose of U missing", r"(?<=[WUV])\^\{\\top\}", ""),
        (("M17", "M05"), "transpose of a vector missing",
         r"(?<=[hxsg])(_\{t(?:[-+]1)?\})\^\{\\top\}", r"\1"),
        (future, "future term missing", r" \+ [^+]*_\{t\+1\}[^+]*$", ""),
        (("M08",), "immediate term missing",
         rf"(?<== )\\frac\{{\\partial {LETTER}_\{{t\}}\}}\{{\\partial {BY}\}} \+ ", ""),
        (("M09",), "total where immediate is meant",
         rf"\\frac\{{\\partial ({LETTER})_\{{k\}}\}}\{{\\partial ({BY})\}}",
         r"\\frac{\\mathrm{d}\1_{k}}{\\mathrm{d}\2}"),
        (("M09",), "total loss with total sensitivity",
         rf"\\frac\{{\\partial l_\{{t\}}\}}\{{\\partial ({BY})\}}(?= \\cdot \\frac\{{\\mathrm)",
         r"\\frac{\\mathrm{d}L}{\\mathrm{d}\1}"),
        (("M07",), "immediate where total is meant",
         rf"\\frac\{{\\mathrm\{{d\}}({LETTER}_\{{t(?:-1)?\}})\}}\{{\\mathrm\{{d\}}({BY})\}}",
         r"\\frac{\\partial \1}{\\partial \2}"),
        (("M07", "M14"), "this step's loss for the whole",
         rf"\\frac\{{\\mathrm\{{d\}}L\}}\{{\\mathrm\{{d\}}({LETTER}_\{{t\}})\}}",
         r"\\frac{\\partial l_{t}}{\\partial \1}"),
        (("M10",), "earlier step", r"(?<![\d+-])_\{t\+1\}", "_{t}"),
        (("M10",), "later step", r"_\{t-1\}", "_{t}"),
        (("M10",), "shifted input", r"x_\{t\}", "x_{t-1}"),
        (("M12",), "sum missing", r"\\sum_\{t=1\}\^\{T\} ", ""),
        (("M12",), "inner sum missing", r"\\sum_\{[ksi]=\w\}\^\{\w\} ", ""),
        (("M12",), "batch sum missing", r"\\sum_\{n=1\}\^\{N\} \[([^\[\]]*)\]_\{n,:\}$", r"\1"),
        (("M13", "M23"), "bounds", r"\\sum_\{t=1\}", r"\\sum_{t=2}"),
        (("M13",), "bounds", r"(?<=\\sum_\{t=1\}\^)\{T\}", r"{T-1}"),
        (("M13", "M08"), "bounds", r"\\sum_\{([sri])=t\}", r"\\sum_{\1=t+1}"),
        (("M13",), "bounds", r"\\prod_\{j=([tk])\+1\}", r"\\prod_{j=\1}"),
        (("M13",), "bounds", r"(?<=\\prod_\{j=[tk]\+1\}\^)\{(\w)\}", r"{\1-1}"),
        (("M26", "M13"), "truncated", r"\\sum_\{k=1\}\^\{t\}", r"\\sum_{k=t-1}^{t}"),
        (("M14",), "factor 2", r"(?<== )(?=\\frac\{\\mathrm\{d\}L)", "2 "),
        (("M14",), "factor 1/2", r"(?<== )(?=\\frac\{\\mathrm\{d\}L)", r"\\frac{1}{2} "),
        (("M14",), "factor 1/T", r"(?<== )(?=\\sum_\{t=1\})", r"\\frac{1}{T} "),
        (("M15",), "sign", r" \+ ", " - "),
        (("M15",), "sign of the error", ERROR, r"\2 - \1"),
        (("M15",), "sign in the slope", r"1 - ", "1 + "),
        (("M16",), "the error of another loss", r"\\operatorname\{softmax\}\((\w+_\{t\})\) - ",
         r"\1 - "),
        (("M16",), "the error of another loss", r"(?<![\w}(])o_\{t\} - y_\{t\}",
         r"\\operatorname{softmax}(o_{t}) - y_{t}"),
        (("M30", "M11"), "decoration missing", r"\\(?:tilde|hat)\{(\w)\}", r"\1"),
    )  # fmt: skip
    yield from _letters(spelled)


def _letters(spelled: Spelling) -> Iterator[Rule]:
    """One letter for another: a parameter, a gate, the value for its argument."""
    for group in spelled.weights:
        for a in group:
            for b in (x for x in group if x != a):
                yield ("M11",), "wrong parameter", whole(a), _put(b)
    for group in spelled.values:
        for a in group:
            for b in (x for x in group if x != a):
                for time in ("t-1", "t", "t+1"):
                    old, new = (x.replace("t}", f"{time}}}") for x in (a, b))
                    pattern = whole(old)
                    if (a, b) in spelled.chances:  # z − y for softmax(z) − y: another loss's error
                        error = pattern + r"(?= - (?:y_|\\mathbf\{1\}))"
                        yield ("M11", "M16"), "wrong value", error, _put(new)
                    free = r"(?<!d\})(?<!\\partial )(?<!1 - )"
                    alike = {"M30"} if re.sub(r"\\\w+|\W", "", a) == _bare(b) else set()
                    codes = ("M11", *alike)
                    yield codes, "wrong value", free + pattern + r"(?!\^\{2\})", _put(new)
                    near = {(a, b), (b, a)} & set(spelled.before)
                    codes = ("M11", "M01", "M19") if near else codes
                    yield codes, "wrong error term", rf"(?<=\\mathrm\{{d\}}){pattern}", _put(new)
    for value, inner in spelled.before:
        slope = r"(?<=1 - )"
        yield ("M03",), "slope at its argument", slope + whole(value), _put(inner)
        square = whole(value) + r"(?=\^\{2\})"
        yield ("M03",), "slope of the value", slope + square, _put(rf"\tanh({value})")
        kind, new = rf"\(1 - {whole(value)}\^\{{2\}}\)", f"({value} \\odot (1 - {value}))"
        yield ("M19", "M03"), "slope of another function", kind, _put(new)
        kind = rf"{whole(value)} \\odot \(1 - {whole(value)}\)"
        yield ("M19", "M03"), "slope of another function", kind, _put(f"(1 - {value}^{{2}})")


def _bare(letter: str) -> str:
    return re.sub(r"\\\w+|\W", "", letter)


def whole(letter: str) -> str:
    """The letter, and no part of another."""
    return (
        r"(?<![A-Za-z\\])" + re.escape(letter) + ("" if letter.endswith("}") else "(?![A-Za-z_])")
    )


def _put(text: str) -> str:
    return text.replace("\\", r"\\")


# -- the mistakes of how factors stand


@dataclass(frozen=True)
class Factor:
    """A factor of a term, where it stands, and what separates it from the one before."""

    start: int
    end: int
    sign: str  # "", " " or " \odot "


OPEN, CLOSE = "([{", ")]}"
PREFIX = re.compile(
    r"(?:\\(?:sum|prod)_\{[^{}]*\}\^\{[^{}]*\} |\\frac\{1\}\{[^{}]*\} |\\partial_\{\d\} |-)+"
)


def terms(text: str) -> Iterator[tuple[int, int]]:
    """Every summand, of the whole and of every group in round or square brackets."""
    starts, at, braces = [0], 0, 0
    while at < len(text):
        braces += (text[at] == "{") - (text[at] == "}")
        if braces or text[at] in "{}":
            pass
        elif text[at] in OPEN:
            starts.append(at + 1)
        elif text[at] in CLOSE or text.startswith(r"\right]", at):
            start = starts.pop()
            if " = " not in text[start:at]:  # [t = T] is no product
                yield start, at
            at += len(r"\right") if text[at] == "\\" else 0
        elif text.startswith((" + ", " - ", ", "), at):
            yield starts.pop(), at
            starts.append(at + (2 if text[at] == "," else 3))
        at += 1
    yield starts.pop(), len(text)


def factors(text: str, start: int, end: int) -> list[Factor]:
    """The factors of a summand, of which it has more than one; none where it has a product dot."""
    found: list[Factor] = []
    lead = PREFIX.match(text, start, end)
    begin = at = lead.end() if lead else start
    depth, sign = 0, ""
    while at <= end:
        if at == end or (depth == 0 and text[at] == " "):
            found.append(Factor(begin, at, sign))
            sign = " \\odot " if text.startswith(" \\odot ", at) else " "
            if text.startswith(" \\cdot ", at):
                return []
            begin = at = at + len(sign)
            continue
        depth += (text[at] in OPEN) - (text[at] in CLOSE)
        at += 1
    return found if len(found) > 1 else []


def standing(
    text: str, numbers: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """(codes, name, text) of the mistakes of order, brackets and operations in a right side."""
    for start, end in terms(text):
        found = factors(text, start, end)
        for n, f in enumerate(found):
            yield from _of_factor(text, found, n, f, numbers)
    depth = 0
    for at, c in enumerate(text):
        depth += (c in OPEN) - (c in CLOSE)
        if depth == 0 and text.startswith(" + ", at) and r"\sum" not in text:
            if " - " not in text:
                yield (), "summands in the other order", f"{text[at + 3 :]} + {text[:at]}"
            yield ("M18",), "product for sum", f"{text[:at]} \\odot {text[at + 3 :]}"


def _of_factor(
    text: str, found: list[Factor], n: int, f: Factor, numbers: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, str]]:
    word = text[f.start : f.end]
    after = found[n + 1] if n + 1 < len(found) else None
    letter = re.fullmatch(rf"{LETTER}_\{{t(?:[-+]1)?\}}", word)
    slope = after is not None and text[after.start : after.end] == f"(1 - {word})"
    if n and f.sign != " " and letter and not slope:
        yield ("M02", "M20"), "factor missing", text[: f.start - len(f.sign)] + text[f.end :]
    if slope and after is not None:
        shorter = text[: f.start] + text[after.start :]
        yield ("M19", "M03", "M02", "M01"), "half of the gate slope", shorter
    if word.startswith("(") and word.endswith(")") and re.search(r" [-+] ", word):
        inside = [x for x in terms(word[1:-1]) if x[1] == len(word) - 2 and x[0] == 0]
        heads = [x for x in found[:n] if not is_number(text[x.start : x.end], numbers)]
        if heads or not inside:  # α (λ ⊙ s) xᵀ is read so without its brackets too
            yield (
                ("M06", "M21") if inside else ("M21",),
                "brackets missing",
                text[: f.start] + word[1:-1] + text[f.end :],
            )
    if after is None:
        return
    other = text[after.start : after.end]
    if after.sign != " ":
        alone = all(x.sign != " " for x in found[1:])
        if alone:
            swapped = f"{text[: f.start]}{other}{after.sign}{word}{text[after.end :]}"
            yield (), "commuted", swapped
        return
    if is_number(word, numbers) or is_number(other, numbers):  # which may stand anywhere
        return
    swapped = f"{text[: f.start]}{other} {word}{text[after.end :]}"
    yield ("M05", "M17"), "factors in the other order", swapped
    split = f"{text[: f.end]} \\odot {text[after.start :]}"
    yield ("M18",), "elementwise for matrix product", split
    for a, b, first in ((word, other, True), (other, word, False)):
        inner = factors(a, 1, len(a) - 1) if a.startswith("(") and a.endswith(")") else []
        if len(inner) == 2 and inner[1].sign != " ":
            left, right = (a[x.start : x.end] for x in inner)
            product = f"({left} {b})" if first else f"({b} {left})"
            moved = f"{product} \\odot {right}"
            whole = text[: f.start] + moved + text[after.end :]
            yield ("M06", "M17", "M18"), "slope outside the matrix product", whole


def is_number(word: str, letters: tuple[str, ...]) -> bool:
    """Whether a factor is a number by its letters: 2, (1 - α)."""
    for x in letters:
        word = word.replace(x, "1")
    return re.fullmatch(r"[-+() \d]+", word) is not None


# -- all of them


def edits(line: str, spelled: Spelling) -> Iterator[Edit]:
    """Every single edit of the right side."""
    left, equals, right = line.partition(" = ")
    if not equals:
        return
    seen = {line}
    for codes, what, changed in _changed(right, spelled):
        whole = f"{left} = {changed}"
        if whole not in seen and changed.strip():
            seen.add(whole)
            yield Edit(codes, what, whole)


def _changed(right: str, spelled: Spelling) -> Iterator[tuple[tuple[str, ...], str, str]]:
    text = " = " + right
    for codes, what, pattern, new in rules(spelled):
        for match in re.finditer(pattern, text):
            yield codes, what, (text[: match.start()] + match.expand(new) + text[match.end() :])[3:]
    yield from standing(right, spelled.numbers)
