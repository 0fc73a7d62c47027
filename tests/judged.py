"""What the judge says of formulas that are written behind a text."""

from __future__ import annotations

from symbptt.verify.judge.line import Line
from symbptt.verify.report import verify


def lines(*formulas: str, before: str = "") -> list[Line]:
    """Every line, those of the text too."""
    return list(verify("\n\n".join((before, *(f"$${x}$$" for x in formulas)))).lines)


def last(*formulas: str, before: str = "") -> Line:
    return lines(*formulas, before=before)[-1]


def verdicts(*formulas: str, before: str = "") -> list[str]:
    """Those of the formulas alone."""
    done = len(verify(before).lines) if before else 0
    return [x.verdict for x in lines(*formulas, before=before)[done:]]
