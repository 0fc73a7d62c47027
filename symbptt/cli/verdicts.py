"""A proof or a check, stage by stage: each statement with its number, then the conclusion."""

from __future__ import annotations

from itertools import groupby

from ..model import Step, Verdict


def verdict_text(verdict: Verdict) -> str:
    """Statements grouped by stage; what all of a stage have in common stands in its heading."""
    lines = [verdict.title]
    for stage, steps in groupby(verdict.steps, key=lambda s: s.stage):
        lines += ["", *_stage(stage, list(steps))]
    return "\n".join([*lines, "", conclusion(verdict)]) + "\n"


def _stage(name: str, steps: list[Step]) -> list[str]:
    common = steps[0].how if len({s.how for s in steps}) == 1 else ""
    words = [w for w in (name[:1].upper() + name[1:], common) if w]
    lines = [": ".join(words)] if words else []
    width = max(len(s.label) for s in steps) + 2
    for s in steps:
        label = f"({s.label})" if s.label else ""
        lines.append(f"  {'✓' if s.ok else '✗'} {label:>{width}}  {s.claim}")
        below = [] if common or not s.how else [s.how]
        below += s.detail.splitlines() if not s.ok else []
        lines += [" " * (width + 6) + line for line in below]
    return lines


def conclusion(verdict: Verdict) -> str:
    """The last line: what holds, or which equations do not."""
    done, total = sum(s.ok for s in verdict.steps), len(verdict.steps)
    if not verdict.steps:
        return "undecided: there was nothing to decide"
    if verdict.ok:
        return f"holds: {done} of {total} statements"
    return f"REFUTED: {total - done} of {total} statements fail{_equations(verdict)}"


def _equations(verdict: Verdict) -> str:
    labels = list(dict.fromkeys(f"({s.label})" for s in verdict.failed if s.label))
    return f"; see {', '.join(labels)}" if labels else ""
