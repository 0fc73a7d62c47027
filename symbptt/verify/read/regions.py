"""Where the formulas of a document are: displays, inline mathematics, code blocks, plain lines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .spelling import FUNCTIONS, GREEK_LETTERS, LAYOUTS

_ENVIRONMENT = "|".join(sorted(LAYOUTS - {"math"}, key=len, reverse=True))
_REGION = re.compile(
    rf"""
    (?P<fence>^[ \t]*(?P<mark>```+|~~~+)[ \t]*(?P<info>[^\n`]*)\n
        (?P<code>.*?)(?:^[ \t]*(?P=mark)|\Z))
  | (?P<comment><!--.*?(?:-->|\Z))
  | (?P<escaped>\\\$)
  | \$\$(?P<dollars>.*?)(?:(?P<dollarend>\$\$)|\n[ \t]*\n|\Z)
  | (?<!\\)\\\[(?P<square>.*?)(?:(?P<squareend>\\\])|\n[ \t]*\n|\Z)
  | (?P<env>\\begin\{{(?P<name>(?:{_ENVIRONMENT})\*?)\}}.*?(?:(?P<envend>\\end\{{(?P=name)\}})|\Z))
  | (?<!\\)\\\((?P<round>.*?)(?:\\\)|\n[ \t]*\n|\Z)
  | (?<![\\$\w])\$(?![\s$])(?P<inline>(?:[^$\n\\]|\\.|\n(?![ \t]*\n))*?)(?<!\s)\$(?!\d)
  | `(?P<tick>[^`\n]+)`
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_RELATION = re.compile(r":=|\+=|<-|~=|[=≈∝←≜∈≔]|\\(?:approx|propto|leftarrow|in|triangleq|equiv)\b")
_LABEL = re.compile(r":eqlabel:`([^`]*)`")
_BULLET = re.compile(
    r"[ \t]*(?:[-*•>+][ \t]+|\(?(?P<tag>[A-Z]?\d+(?:\.\d+)*[a-z]?)[.):][ \t]+)?(?:\*\*)?"
)
_CODE = re.compile(
    r"\s*(?:for|def|if|while|import|from|return|class|with|print|assert|elif|else)\b"
)
_TAG = re.compile(r"\\tag\*?\{[^{}]*\}")
_TYPED = re.compile(r"[∂Σ∑∏ᵀ²@]|\b[WUV]_[a-z]{2}(?![\w^{])|\.T\b|\bnp\.")
_STOP = re.compile(
    r"(?<![\w\\])(?:the|of|is|are|we|as|that|this|from|to|be|it|its|has|can|an|which|our|you"
    r"|(?<![∂])(?<![-+@*/=] )by)"  # but the bias of by + Why @ h
    r"(?![\w(\[=.'])",
    re.IGNORECASE,
)
_BLOCK = re.compile(r"\s*(?:def|class|for|while|if|elif|else|with)\b.*:\s*(?:#.*)?")
_LOOP = re.compile(
    r"\s*for\s+(?P<variable>\w+)\s+in\s+(?P<over>.+?\))\s*(?:\[::-1\])?\s*:?\s*(?:#.*)?$"
)
_ENGLISH = re.compile(r"(?<![\\\w.])[A-Za-z][a-z]{2,}(?![\w(\[])")


@dataclass(frozen=True)
class Region:
    """A stretch of the document that may hold formulas.

    `kind`: "display", "inline" (judged only where it holds a relation), "line" (plain text),
    "maybe" (a line of a program or the end of a sentence, read if it can be), "loop" (the header
    of a loop without its `for`) or "open" (a display that is never closed).
    """

    kind: str
    start: int
    end: int
    notation: str
    tag: str = ""
    label: str = ""


def regions(text: str, start: int = 0, latex: bool = False) -> Iterator[Region]:
    """All regions in order. In a LaTeX file (`latex`) text outside mathematics is prose."""
    at = start
    for match in _REGION.finditer(text, start):
        if match["escaped"] or (match["tick"] and not _RELATION.search(match["tick"])):
            continue
        if latex and _commented(text, match.start()):
            continue
        yield from _lines(text, at, match.start(), latex, match)
        yield from _region(match, text)
        at = match.end()
    yield from _lines(text, at, len(text), latex, None)


def _commented(text: str, at: int) -> bool:
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return re.search(r"(?<!\\)%", line) is not None


def _region(match: re.Match[str], text: str) -> Iterator[Region]:
    label = _LABEL.match(text[match.end() : match.end() + 200].lstrip())
    name = label[1] if label else ""
    if match["fence"] is not None:
        yield from _fence(match, text)
    elif match["comment"] is not None:
        return
    elif match["env"] is not None:
        kind = "display" if match["envend"] else "open"
        yield Region(kind, match.start("env"), match.end("env"), "latex", label=name)
    elif match["dollars"] is not None:
        kind = "display" if match["dollarend"] else "open"
        notation = _typed(match["dollars"])
        yield Region(kind, match.start("dollars"), match.end("dollars"), notation, label=name)
    elif match["square"] is not None:
        kind = "display" if match["squareend"] else "open"
        yield Region(kind, match.start("square"), match.end("square"), "latex", label=name)
    else:
        group = next(g for g in ("round", "inline", "tick") if match[g] is not None)
        plain = group == "tick" and "\\" not in match[group]
        notation = "plain" if plain else "latex"
        yield Region("inline", match.start(group), match.end(group), notation)


def _typed(body: str) -> str:
    """A display without a macro that spells its signs, or W_hh without braces, is plain text."""
    bare = _TAG.sub("", body)
    return "plain" if "\\" not in bare and _TYPED.search(bare) else "latex"


def _fence(match: re.Match[str], text: str) -> Iterator[Region]:
    info = match["info"].strip().lower()
    a, b = match.span("code")
    if info in ("math", "latex", "tex", "katex") or "\\\\" in text[a:b]:
        yield Region("display", a, b, "latex")
        return
    program = info.startswith(("py", "julia", "matlab", "numpy"))
    yield from _plain_lines(text, a, b, "maybe" if program else "line", strict=False)


def _lines(
    text: str, a: int, b: int, latex: bool, behind: re.Match[str] | None
) -> Iterator[Region]:
    """The lines of prose that are formulas; not those that share their line with mathematics."""
    if latex or a >= b:
        return
    shared = a > 0 and text[a - 1] != "\n"
    first = text.find("\n", a, b) if shared else a - 1
    if first < 0 and shared:
        return
    last = b
    if behind is not None and behind["fence"] is None:
        last = text.rfind("\n", a, b) + 1
    yield from _plain_lines(text, first + 1, last, "line", strict=True)


def _plain_lines(text: str, a: int, b: int, kind: str, strict: bool) -> Iterator[Region]:
    block = -1  # how far a def or a loop is indented, while its body lasts
    while a < b:
        end = _line_end(text, a, b)
        line = text[a:end].rstrip("\r")
        indent = len(line) - len(line.lstrip())
        header = None if strict or kind != "maybe" else _LOOP.match(line)
        if header and not _has_body(text, end, b, indent):
            yield Region("loop", a + header.start("variable"), a + header.end("over"), "plain")
            a = end + 1
            continue
        if line.strip() and indent <= block:
            block = -1
        if block >= 0 or _BLOCK.fullmatch(line):  # a program is no derivation
            block = indent if block < 0 else block
            a = end + 1
            continue
        bullet = _BULLET.match(line)
        skip = bullet.end() if bullet else 0
        if line.lstrip().startswith(("#", "|", "%", ":eq")):
            a = end + 1
            continue
        sure = kind
        if strict and not is_formula(line[skip:], strict):
            skip, sure = _said_last(line), "maybe"
        if skip >= 0 and is_formula(line[skip:], strict):
            end = _continued(text, a, end, b)
            notation = "latex" if "\\" in line else "plain"
            tag = (bullet["tag"] if bullet else "") or ""
            yield Region(sure, a + skip, len(text[:end].rstrip(" \t\r\n*_")), notation, tag)
        a = end + 1


def _has_body(text: str, end: int, b: int, indent: int) -> bool:
    """Whether the next line that says something is indented further."""
    for line in text[end + 1 : b].split("\n"):
        if line.strip():
            return len(line) - len(line.lstrip()) > indent
    return False


def _said_last(line: str) -> int:
    """Where the formula starts that ends a sentence: `First compute dz = dh * s`; or −1."""
    relation = _RELATION.search(line)
    if relation is None:
        return -1
    words = [
        m.end()
        for pattern in (_ENGLISH, _STOP)
        for m in pattern.finditer(line, 0, relation.start())
        if pattern is _STOP or not is_name(m[0])
    ]
    start = max(words, default=-1)
    if start < 0 or (_ENGLISH.search(line, relation.end()) and not is_formula(line[start:], True)):
        return -1
    start += len(line[start:]) - len(line[start:].lstrip(" ,:;"))
    return start if line[start : relation.start()].strip() else -1


def _line_end(text: str, a: int, b: int) -> int:
    end = text.find("\n", a, b)
    return b if end < 0 else end


def _continued(text: str, a: int, end: int, b: int) -> int:
    """Where a formula of plain text ends that goes on in the next lines."""
    first = text[a:end]
    indent = len(first) - len(first.lstrip())
    closed = end
    for _ in range(_MOST_LINES):
        stop = _line_end(text, end + 1, b)
        line = text[end + 1 : stop]
        if end >= b or not line.strip():
            break
        if not _is_open(text[a:end].split("#")[0]) and not _goes_on(line, indent):
            break
        end = stop
        closed = closed if _is_open(text[a:end]) else end
    return closed


def _goes_on(line: str, indent: int) -> bool:
    """Whether a line goes on with the formula above, which is indented by `indent`.

    It holds no words and no relation of its own, and is indented further or opens with a sign.
    """
    body = line.strip()
    words = [w for w in _ENGLISH.findall(body) if not is_name(w)]
    if words or _STOP.search(body):
        return False
    bare = body
    while (inner := _INNERMOST.sub("", bare)) != bare:
        bare = inner
    if _RELATION.search(bare[1:]) or _BULLET_TAG.match(line):
        return False
    return len(line) - len(line.lstrip()) > indent or body[0] in _SIGNS


def _is_open(text: str) -> bool:
    return sum(map(text.count, "([{")) > sum(map(text.count, ")]}"))


_INNERMOST = re.compile(r"[(\[{][^()\[\]{}]*(?:[)\]}]|$)")
_BULLET_TAG = re.compile(r"[ \t]*\(?\d+[.):][ \t]")
_SIGNS = "+-−·∘⊙*/=@×⊗≈"
_MOST_LINES = 30


def is_formula(line: str, strict: bool) -> bool:
    """Whether a line of text is a formula: it holds a relation, and not many English words."""
    relation = _RELATION.search(line)
    if relation is None or (relation.start() == 0 and not line[1:].strip()):
        return False
    if _CODE.match(line) or "://" in line:
        return False
    body = re.split(r"#|//|  +\(", line)[0]
    body = re.sub(r"\bover\s+\S+\s+of\b", "", body)
    left = line[: relation.start()]
    if strict and _STOP.search(body):
        return False
    english = {w for w in _ENGLISH.findall(body) if not is_name(w)}
    if any(w in left for w in english) and strict:
        return False
    return len(english) <= (2 if strict else 4)


def is_name(word: str) -> bool:
    """Whether a word is none of English: tanh, gamma, the dgamma of dL/dgamma."""
    greek = word in GREEK_LETTERS or (word[:1] == "d" and word[1:] in GREEK_LETTERS)
    return greek or word in FUNCTIONS or len(word) < 4 or word in _NAMES


_NAMES = frozenset("""over loss next prev axis ones zeros where with then case similarly delta Loss
    likewise otherwise outer prod total state input output hidden cell gate step
    time""".split())  # fmt: skip
