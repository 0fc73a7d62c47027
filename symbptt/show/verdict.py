"""A proof or a check, stage by stage: each statement with its number, then the conclusion."""

from __future__ import annotations

import json
import re
import textwrap
from itertools import groupby

from ..model import Step, Verdict

WIDTH = 88


def verdict_text(verdict: Verdict) -> str:
    """Statements grouped by stage; what all of a stage have in common stands in its heading."""
    lines = [verdict.title]
    for stage, steps in groupby(verdict.steps, key=lambda s: s.stage):
        lines += ["", *_stage(stage, list(steps), verdict.legend.get(stage, ""))]
    return "\n".join([*lines, "", conclusion(verdict)]) + "\n"


def _stage(name: str, steps: list[Step], legend: str) -> list[str]:
    common = _common(steps)
    words = [w for w in (name[:1].upper() + name[1:], common) if w]
    lines = [": ".join(words)] if words else []
    lines += textwrap.wrap(legend, WIDTH, initial_indent="  ", subsequent_indent="  ")
    width = max(len(s.label) for s in steps) + 2
    for s in steps:
        lines.append(f"  {mark(s)} {_label(s):>{width}}  {s.claim}")
        below = [] if common or not s.how else [s.how]
        below += s.detail.splitlines() if not s.ok else []
        lines += [" " * (width + 6) + line for line in below]
    return lines


def _common(steps: list[Step]) -> str:
    return steps[0].how if len({s.how for s in steps}) == 1 else ""


def _label(s: Step) -> str:
    return f"({s.label})" if s.label else ""


def mark(s: Step) -> str:
    """✓ it holds, ✗ it is refuted, ? it cannot be told."""
    return "✓" if s.ok else "?" if s.undecided else "✗"


def conclusion(verdict: Verdict) -> str:
    """The last line: what holds, which equations do not, or what cannot be told."""
    total, failed = len(verdict.steps), verdict.failed
    if not verdict.steps:
        return "undecided: there was nothing to decide"
    if verdict.ok:
        return f"holds: {total} of {total} statements"
    if failed:
        return f"REFUTED: {len(failed)} of {total} statements fail{_see(failed)}"
    unknown = tuple(s for s in verdict.steps if s.undecided)
    return f"undecided: {len(unknown)} of {total} statements cannot be told{_see(unknown)}"


def _see(steps: tuple[Step, ...]) -> str:
    labels = list(dict.fromkeys(f"({s.label})" for s in steps if s.label))
    return f"; see {', '.join(labels)}" if labels else ""


def verdict_json(verdict: Verdict) -> str:
    steps = [
        {
            "label": s.label,
            "claim": s.claim,
            "ok": s.ok,
            "undecided": s.undecided,
            "stage": s.stage,
            "how": s.how,
            "detail": s.detail,
        }
        for s in verdict.steps
    ]
    data = {
        "subject": verdict.subject,
        "title": verdict.title,
        "ok": verdict.ok,
        "undecided": verdict.undecided,
        "conclusion": conclusion(verdict),
        "steps": steps,
    }
    return json.dumps(data, indent=2, ensure_ascii=False) + "\n"


_MARKS = {"✓": r"\checkmark", "✗": r"\times", "?": "?"}


def displayed_verdict(verdict: Verdict) -> str:
    """For MathJax and KaTeX: a row per statement."""
    rows = [rf"{_MARKS[mark(s)]} & {_maths(_label(s))} & {_maths(s.claim)}" for s in verdict.steps]
    lines = [rf"&& {_maths(verdict.title)}", *rows, rf"&& {_maths(conclusion(verdict))}"]
    return "$$\n\\begin{array}{rrl}\n" + " \\\\\n".join(lines) + "\n\\end{array}\n$$"


_MACROS = {
    **{"λ": r"\lambda ", "∂": r"\partial ", "Σ": r"\sum ", "∏": r"\prod ", "−": "-"},
    **{"·": r"\cdot ", "∘": r"\circ ", "⇒": r"\Rightarrow ", "→": r"\to ", "…": r"\dots "},
    **{"²": "^2", "ᵀ": r"^\top ", "ŷ": r"\hat{y}"},
}


def _maths(text: str) -> str:
    """Words as text, what looks like a formula as one."""
    parts: list[str] = []
    for plain, words in groupby(text.split(), key=_is_plain):
        run = list(words)
        parts += [rf"\text{{{' '.join(run)}}}"] if plain else map(_formula, run)
    return r"\ ".join(parts)


def _is_plain(word: str) -> bool:
    return re.fullmatch(r"[^\W_]{2,}[,.;:]?|\(?\d+\)?[,;]?|a|1\.\.T", word) is not None


def _formula(word: str) -> str:
    if re.fullmatch(r"[^\W\d_]{2,}(_[^\W_]+)+[:,]?", word):  # a name such as elman_batch
        return rf"\mathrm{{{word}}}".replace("_", r"\_")
    word = re.sub(r"_(?:(\w{2,})|\((.*?)\))", r"_{\1\2}", word)
    for raw, macro in _MACROS.items():
        word = word.replace(raw, macro)
    return re.sub(r"(?<![\\A-Za-z])d(?=[A-Za-z])", r"\\mathrm{d}", word)
