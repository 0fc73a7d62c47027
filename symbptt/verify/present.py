"""A report for people and for programs: text with the source and what is marked in it, and JSON.

The JSON is what `report.schema.json`, beside this file, says.
"""

from __future__ import annotations

import json
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any

from . import surface as s
from .evidence.marks import carets
from .evidence.scalars import DIGITS
from .judge.line import (
    APPROXIMATION,
    CONDITIONAL,
    DEFINITION,
    FOLLOWS,
    INCOMPLETE,
    PROVED,
    REFUTED,
    TESTED,
    UNREAD,
    Line,
)

if TYPE_CHECKING:
    from .report import Report

NAMES = {
    "M01": "activation derivative missing",
    "M02": "upstream or inner factor missing",
    "M03": "derivative at the wrong argument",
    "M04": "transposed weight",
    "M05": "layout or product order mixed",
    "M06": "order of ⊙ and matrix product",
    "M07": "future (total) term missing",
    "M08": "immediate term missing",
    "M09": "double counting",
    "M10": "time index off by one",
    "M11": "wrong variable, weight or gate",
    "M12": "sum missing",
    "M13": "sum or product bounds",
    "M14": "constant factor",
    "M15": "sign",
    "M16": "loss and derivative do not belong together",
    "M17": "shape or outer product",
    "M18": "elementwise or matrix product",
    "M19": "gate derivative missing",
    "M20": "cell path missing",
    "M21": "parentheses",
    "M26": "truncation taken for the gradient",
    "M28": "spectral claim",
    "M29": "right result, invalid steps",
    "M30": "notation",
}
_MARK = {
    PROVED: "✓", DEFINITION: "·", CONDITIONAL: "?", REFUTED: "✗", FOLLOWS: "✗", TESTED: "~",
    INCOMPLETE: "…", APPROXIMATION: "≈", UNREAD: "!",
}  # fmt: skip


def text(report: Report) -> str:
    """The report as a person reads it."""
    out: list[str] = []
    if report.reading:
        out += ["Read as", *(f"  {x}" for x in report.reading), ""]
    items: list[tuple[int, Any]] = [(x.claim.start, x) for x in report.lines]
    items += [(u.start, u) for u in report.document.unread]
    for _, item in sorted(items, key=lambda x: x[0]):
        out += _unread(item) if isinstance(item, s.Unread) else line_text(item)
    out += ["", conclusion(report)]
    return "\n".join(out) + "\n"


def line_text(line: Line) -> list[str]:
    """One line, its verdict, and what is said of it."""
    c = line.claim
    head = f"{_MARK[line.verdict]} {c.id:>5}  line {c.line}  {line.verdict}"
    if line.codes:
        head += f": {line.codes[0]} {NAMES.get(line.codes[0], '')}"
    if line.label:
        head += f"  equation ({line.label})"
    return [head, *_source(line), *(f"{_INDENT}{x}" for x in said(line))]


_INDENT = " " * 9


def _source(line: Line) -> list[str]:
    """The author's line, with what is wrong in it marked."""
    c = line.claim
    flat, under = carets(c.source, c.start, line.marks or ((c.start, c.end),))
    if line.verdict not in (REFUTED, FOLLOWS):
        return [_INDENT + flat]
    return [_INDENT + flat, _INDENT + under]


def said(line: Line) -> list[str]:
    """What is said of a line, below its source."""
    out: list[str] = []
    if line.message and line.verdict in (REFUTED, FOLLOWS, TESTED, UNREAD, PROVED, CONDITIONAL):
        told = not line.change or "should be" in line.message
        out.append(line.message if told else f"{line.message}: {line.change}")
    if line.verdict == FOLLOWS:
        out.append(f"it follows from your line {line.follows}: false here, true with what it says")
    out += line.worked
    if line.verdict == REFUTED:
        out += [line.shapes] if line.shapes and line.shapes != line.message else []
        out += counterexample_text(line)
    if line.verdict in (REFUTED, FOLLOWS) and line.correct:
        out.append(f"write instead: {_flat(line.correct)}")
    return out + [f"if {x.words}" for x in line.conditions]


def _unread(u: s.Unread) -> list[str]:
    out = [f"! {u.id:>5}  line {u.line}  unread: {u.reason}"]
    out += [f"         {x}" for x in u.place.show().splitlines()[1:]]
    return [*out, f"         write instead: {u.instead}"] if u.instead else out


def _flat(source: str) -> str:
    return " ".join(source.split())


ROWS = 8  # of a counterexample, at most


def counterexample_text(line: Line) -> list[str]:
    """Both sides at one step, entry by entry, those that differ marked."""
    c = line.counterexample
    if c is None:
        return []
    kind = "exact" if c.exact else f"to {DIGITS} digits"
    rows = sorted(c.entries, key=lambda e: not e.differs)[:ROWS]
    rows = [e for e in c.entries if e in rows]
    places = [f"[{','.join(map(str, e.place))}]" if e.place else "" for e in rows]
    width = max(len("entry"), *map(len, places))
    left = max(len("left side"), *(len(e.left) for e in rows))
    out = [f"at {c.where} ({kind}):", f"  {'entry':<{width}}  {'left side':<{left}}  right side"]
    for place, e in zip(places, rows, strict=True):
        mark = "  ≠" if e.differs else ""
        out.append(f"  {place:<{width}}  {e.left:<{left}}  {e.right}{mark}")
    if len(rows) < len(c.entries):
        out.append(f"  and {len(c.entries) - len(rows)} more entries")
    return out


def conclusion(report: Report) -> str:
    counts = Counter(x.verdict for x in report.lines)
    counts[UNREAD] += len(report.document.unread)
    words = ", ".join(f"{n} {v}" for v, n in counts.items() if n)
    if not words:
        return "undecided: there is no formula in the text"
    if report.refuted:
        roots = ", ".join(x.claim.id for x in report.lines if x.verdict == REFUTED)
        return "\n".join([f"REFUTED: {roots} ({words})", *_shared(report)])
    return f"holds: {words}" if report.status == 0 else f"undecided: {words}"


def _shared(report: Report) -> list[str]:
    """The mistakes that more than one line makes or inherits."""
    out = []
    for cause in causes(report):
        lines, follows = ", ".join(cause["lines"]), ", ".join(cause["follows"])
        if len(cause["lines"]) > 1:
            out.append(f"  one mistake, in lines {lines}: {cause['message']}")
        if follows:
            out.append(f"  from {lines} follow {follows}")
    return out


def data(report: Report) -> dict[str, Any]:
    """The report as plain data; `report.schema.json` is its schema."""
    lines = [_record(x) for x in report.lines]
    lines += [_unread_record(u) for u in report.document.unread]
    return {
        "reading": list(report.reading),
        "lines": sorted(lines, key=lambda x: (x["line"], x["column"])),
        "summary": dict(Counter(x["verdict"] for x in lines)),
        "roots": [x.claim.id for x in report.lines if x.verdict == REFUTED],
        "causes": causes(report),
        "status": report.status,
    }


def causes(report: Report) -> list[dict[str, Any]]:
    """The mistakes of a document, each once: the lines that make it, and those that inherit it."""
    out: dict[tuple[str, str], dict[str, Any]] = {}
    for x in report.lines:
        if x.verdict != REFUTED:
            continue
        code = x.codes[0] if x.codes else ""
        name = (code, x.message if x.repair is not None else x.claim.id)
        cause = out.setdefault(
            name, {"class": code or None, "message": x.message, "lines": [], "follows": []}
        )
        cause["lines"].append(x.claim.id)
    for x in report.lines:
        for cause in out.values():
            if x.verdict == FOLLOWS and set(x.follows.split(", ")) & set(cause["lines"]):
                cause["follows"].append(x.claim.id)
    return list(out.values())


def _unread_record(u: s.Unread) -> dict[str, Any]:
    keys = ("reading", "correct", "counterexample", "follows", "label")
    return {
        "id": u.id,
        "line": u.line,
        "column": u.column,
        "source": u.source,
        "verdict": UNREAD,
        "condition": [],
        "diagnosis": {"class": None, "classes": [], "message": u.reason},
        **dict.fromkeys(keys),
        "marks": [],
        "proof": [],
    }


def _record(line: Line) -> dict[str, Any]:
    reading = line.reading
    return {
        "id": line.claim.id,
        "line": line.claim.line,
        "column": line.claim.column,
        "source": line.claim.source,
        "verdict": line.verdict,
        "reading": None if reading is None else {
            "layout": reading.choice.layout,
            "gradients": "rows" if reading.choice.row else "columns",
            "immediate": list(reading.kinds),
        },
        "condition": [c.words for c in line.conditions],
        "diagnosis": {"class": line.codes[0] if line.codes else None, "classes": line.codes,
                      "message": line.message},
        "correct": line.correct or None,
        "counterexample": _counter(line),
        "follows": line.follows or None,
        "label": line.label or None,
        "marks": [[a - line.claim.start, b - line.claim.start] for a, b in line.marks],
        "proof": list(line.proof),
    }  # fmt: skip


def _counter(line: Line) -> dict[str, Any] | None:
    c = line.counterexample
    if c is None:
        if line.worked:
            return {"worked": list(line.worked)}
        return {"shapes": line.shapes} if line.shapes else None
    return {
        "sizes": {"T": c.steps, **c.sizes},
        "at": {**c.at, **{k: n + 1 for k, n in c.entry.items()}},
        "exact": c.exact,
        "shape": list(c.shape),
        "left": [e.left for e in c.entries],
        "right": [e.right for e in c.entries],
        "differs": [list(e.place) for e in c.entries if e.differs],
    }


def as_json(report: Report) -> str:
    return json.dumps(data(report), ensure_ascii=False, indent=2) + "\n"


def html(report: Report) -> str:
    """For Jupyter: the text, as it is."""
    return f'<pre style="white-space: pre">{escape(text(report))}</pre>'
