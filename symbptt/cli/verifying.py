"""What `symbptt verify` prints: a report, an explanation, or a script for one line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import SymbpttError

if TYPE_CHECKING:
    from ..verify.judge.line import Line
    from ..verify.report import Report


def judged(file: Path, model: str, assume: list[str]) -> Report:
    """The report on a file. Raises SymbpttError for an assumption without a value."""
    from ..derive import derive
    from ..parse import load
    from ..verify import verify

    fixed = {}
    for item in assume:
        key, sign, value = item.partition("=")
        if not sign:
            raise SymbpttError(f"--assume {item} has no value", "--assume layout=numerator")
        fixed[key.strip()] = value.strip()
    text = file.read_text(encoding="utf-8", errors="strict")
    report = verify(text, model or None, fixed, str(file))
    known = model or report.document.front.model
    if known:  # the labels of `symbptt derive MODEL`; the judge itself never derives
        report.label(derive(load(known)))
    return report


def shown(report: Report, explain: str, script: str, json: bool) -> str:
    from ..verify.present import as_json, text

    if script:
        return report.script(_line(report, script).claim.id)
    if explain:
        return report.explain(_line(report, explain).claim.id)
    return as_json(report) if json else text(report)


def _line(report: Report, name: str) -> Line:
    """The line of that number; `first` is the first that is refuted by numbers."""
    if name == "first":
        wrong = [x for x in report.refuted if x.counterexample is not None]
        if not wrong:
            raise SymbpttError("no line is refuted by numbers", "--script with a line's number")
        return wrong[0]
    for line in report.lines:
        if line.claim.id == name:
            return line
    known = ", ".join(x.claim.id for x in report.lines)
    raise SymbpttError(f"there is no line {name}", f"one of {known}")
