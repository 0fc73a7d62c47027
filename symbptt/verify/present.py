"""A report for people and for programs: text with the source and a marked span, and JSON.

JSON: {"reading": [...], "lines": [{"id", "line", "source", "verdict", "reading", "condition",
"diagnosis": {"class", "message"}, "correct", "counterexample", "follows", "proof"}],
"summary": {verdict: count}, "roots": [ids], "status": 0 | 1 | 3}
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from . import surface as s
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


def text(report: Report, explain: str = "") -> str:
    """The report as a person reads it."""
    out: list[str] = []
    if report.reading:
        out += ["Read as", *(f"  {x}" for x in report.reading), ""]
    items: list[tuple[int, Any]] = [(x.claim.start, x) for x in report.lines]
    items += [(u.start, u) for u in report.document.unread]
    for _, item in sorted(items, key=lambda x: x[0]):
        out += _unread(item) if isinstance(item, s.Unread) else _line(report, item, explain)
    out += ["", conclusion(report)]
    return "\n".join(out) + "\n"


def _line(report: Report, line: Line, explain: str) -> list[str]:
    c = line.claim
    head = f"{_MARK[line.verdict]} {c.id:>5}  line {c.line}  {line.verdict}"
    if line.codes:
        head += f": {line.codes[0]} {NAMES.get(line.codes[0], '')}"
    out = [head, f"         {_flat(c.source)}"]
    if line.verdict in (REFUTED, FOLLOWS):
        out.append(f"         {'^' * min(len(_flat(c.source)), 72)}")
        if line.message:
            out.append(f"         {line.message}")
        if line.follows:
            out.append(f"         follows from line {line.follows}")
        out += [f"         {x}" for x in counterexample_text(line)]
        if line.correct:
            out.append(f"         write instead: {_flat(line.correct)}")
    elif line.verdict in (TESTED, UNREAD) and line.message:
        out.append(f"         {line.message}")
    out += [f"         if {x.words}" for x in line.conditions]
    if explain and explain == c.id:
        out += _proof(line)
    return out


def _proof(line: Line) -> list[str]:
    """The rewriting that brought the two sides to one form."""
    if not line.proof:
        return ["         both sides have one normal form as they stand"]
    steps = [f"         {n}. {x}" for n, x in enumerate(line.proof, 1)]
    return ["         Both sides, for every T and all sizes:", *steps,
            "         and then the two sides have one normal form."]  # fmt: skip


def _unread(u: s.Unread) -> list[str]:
    out = [f"! {u.id:>5}  line {u.line}  unread: {u.reason}"]
    out += [f"         {x}" for x in u.place.show().splitlines()[1:]]
    return [*out, f"         write instead: {u.instead}"] if u.instead else out


def _flat(source: str) -> str:
    return " ".join(source.split())


def counterexample_text(line: Line) -> list[str]:
    a = line.answer
    if a is None or a.left is None or a.right is None:
        return [] if a is None or not a.detail or a.detail == line.message else [a.detail]
    where = ", ".join(f"{k} = {v}" for k, v in (a.where or {}).items())
    return [f"at {where}: the left side is {_array(a.left.data)}",
            f"{' ' * len(f'at {where}: ')}the right side {_array(a.right.data)}"]  # fmt: skip


def _array(x: Any) -> str:
    return np.array2string(np.asarray(x, float), precision=6, separator=", ").replace("\n", "")


def conclusion(report: Report) -> str:
    counts = Counter(x.verdict for x in report.lines)
    counts[UNREAD] += len(report.document.unread)
    words = ", ".join(f"{n} {v}" for v, n in counts.items() if n)
    if not words:
        return "undecided: there is no formula in the text"
    if report.refuted:
        roots = ", ".join(x.claim.id for x in report.lines if x.verdict == REFUTED)
        return f"REFUTED: {roots} ({words})"
    return f"holds: {words}" if report.status == 0 else f"undecided: {words}"


def data(report: Report) -> dict[str, Any]:
    """The report as plain data; the schema stands at the head of this module."""
    lines = [_record(x) for x in report.lines]
    lines += [
        {"id": u.id, "line": u.line, "source": u.source, "verdict": UNREAD,
         "diagnosis": {"class": None, "message": u.reason}}
        for u in report.document.unread
    ]  # fmt: skip
    return {
        "reading": list(report.reading),
        "lines": sorted(lines, key=lambda x: x["line"]),
        "summary": dict(Counter(x["verdict"] for x in lines)),
        "roots": [x.claim.id for x in report.lines if x.verdict == REFUTED],
        "status": report.status,
    }


def _record(line: Line) -> dict[str, Any]:
    a = line.answer
    counter = None
    if line.verdict in (REFUTED, FOLLOWS) and a is not None:
        counter = {
            "at": a.where,
            "left": None if a.left is None else np.asarray(a.left.data, float).tolist(),
            "right": None if a.right is None else np.asarray(a.right.data, float).tolist(),
            "shapes": a.detail or None,
        }
    reading = line.reading
    return {
        "id": line.claim.id,
        "line": line.claim.line,
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
        "counterexample": counter,
        "follows": line.follows or None,
        "proof": list(line.proof),
    }  # fmt: skip


def as_json(report: Report) -> str:
    return json.dumps(data(report), ensure_ascii=False, indent=2) + "\n"


def html(report: Report) -> str:
    """For Jupyter: the text, as it is."""
    from html import escape

    return f"<pre>{escape(text(report))}</pre>"
