"""Second thoughts on a letter: what its defining lines come nearest to, or make exactly true."""

from __future__ import annotations

from dataclasses import replace

from ..judge.judge import Judge
from ..judge.line import Line
from ..meaning.choice import Gradient
from ..proof.prover import Provers
from ..repairs.search import Repairs


def nearest(judge: Judge) -> None:
    """A letter whose defining lines are all wrong means what they come nearest to."""
    repairs = Repairs(judge, Provers(judge))
    for key, options in judge.candidates.items():
        if key in judge.stated or key in judge.free or len({g.of for g in options}) < 2:
            continue
        if key[-1].isdigit() or key.endswith("_next"):
            continue
        lines = [
            line
            for line in judge.lines
            if line.claim.right is not None
            and line.claim.relation in ("=", ":=")
            and (judge.key_of(line.claim.left) or ("",))[0] == key
        ]
        if not lines or any(judge.plain(judge.statement(x), judge.base())[0] for x in lines):
            continue
        if key.startswith("d ") and _is_supported(judge, key):
            continue
        scope = judge.gradients[key].scope
        meanings = [g for g in options if g.scope == scope and not g.lag and g.factor == 1]
        judge.gradients[key] = _closest(repairs, key, meanings, lines)


def _closest(repairs: Repairs, key: str, meanings: list[Gradient], lines: list[Line]) -> Gradient:
    """The first meaning that takes the fewest edits: 1, 2, or 3 for more, summed over the lines.

    Two edits are searched for only while they may still decide.
    """
    letters = repairs.judge.gradients
    singles: list[list[bool]] = []
    for g in meanings:
        letters[key] = g
        singles.append([repairs.single(line) is not None for line in lines])
    least = [sum(1 if one else 2 for one in found) for found in singles]
    best: tuple[int, int] | None = None
    for low, n in sorted(zip(least, range(len(meanings)), strict=True)):
        if best is None or (low, n) < best:
            letters[key] = meanings[n]
            alone = [x for x, one in zip(lines, singles[n], strict=True) if not one]
            total = low + sum(repairs.pair(line) is None for line in alone)
            best = (total, n) if best is None else min(best, (total, n))
    assert best is not None
    return meanings[best[1]]


def _is_supported(judge: Judge, key: str) -> bool:
    """Whether some line is true under what the letter is taken for."""
    for line in judge.lines:
        if line.claim.right is None or line.claim.relation not in ("=", "+=", ":="):
            continue
        statement = judge.statement(line)
        if key in judge.keys_of(statement):
            if any(judge.plain(statement, base)[0] for base in judge.bases(statement)):
                return True
    return False


def alternatives(judge: Judge) -> None:
    """Another meaning of a letter that a line defining it makes exactly true."""
    for line in judge.lines:
        if line.claim.right is None or line.claim.relation not in ("=", ":="):
            continue
        found = judge.key_of(line.claim.left)
        if found is None or found[0] not in judge.candidates or found[0] in judge.free:
            continue
        key = found[0]
        if key in judge.assumed:
            continue
        statement = judge.statement(line)
        current = judge.gradients.get(key)
        if line.how == "stated" or judge.plain(statement, judge.base())[0]:
            continue
        for g in judge.candidates[key]:
            if g == current:
                continue
            base = judge.base()
            g = replace(g, loss_first=current is not None and current.loss_first)
            base = replace(base, gradients={**base.gradients, key: g})
            if judge.plain(statement, base)[0]:
                judge.alternatives.setdefault(key, []).append(g)
                break
