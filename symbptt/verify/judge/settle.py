"""One reading for the whole document: the meanings of its letters that make most lines true."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

from .judge import Judge
from .line import Line


def settle(judge: Judge) -> None:
    """Choose what each letter stands for by the lines that define it, then by the others."""
    scores: dict[Any, float] = {}

    def score() -> float:
        key = tuple(sorted((k, g) for k, g in judge.gradients.items()))
        name = repr(key)
        if name not in scores:
            scores[name] = _score(judge)
        return scores[name]

    open_keys = [
        k for k, c in judge.candidates.items()
        if k not in judge.stated and len(c) > 1 and k not in judge.free
    ]  # fmt: skip
    if not open_keys:
        return
    best = score()
    shorthand = [k for k in open_keys if k.startswith("d ")]
    states = {d.name for d in judge.system.model.states}
    inner = {a for name, a in judge.system.pre.items() if name not in states}
    of_step = {k: replace(judge.gradients[k], scope="step") for k in shorthand}
    of_arguments = {
        k: g for k in shorthand for g in judge.candidates[k] if g.of in inner and g.scope == "L"
    }
    # all of them as gradients of this step's loss; then all gates as what they are functions of
    for together in (of_step, of_arguments):
        if len(together) > 1:
            saved = dict(judge.gradients)
            judge.gradients |= together
            if score() > best:
                best = score()
            else:
                judge.gradients = saved
    for line in judge.lines:
        best = _propose(judge, line, open_keys, best, score)
    for _ in range(2):
        changed = False
        for k in open_keys:
            current = judge.gradients[k]
            for g in judge.candidates[k]:
                judge.gradients[k] = g
                value = score()
                if value > best:
                    best, current, changed = value, g, True
            judge.gradients[k] = current
        if not changed:
            break


def _propose(judge: Judge, line: Line, open_keys: list[str], best: float, score: Any) -> float:
    """Try every combination of meanings of one line's letters; keep what helps the whole."""
    if line.claim.right is None or line.claim.relation not in ("=", "+=", ":="):
        return best
    statement = judge.statement(line)
    mine = [k for k in open_keys if k in judge.keys_of(statement)]
    if not 2 <= len(mine) <= 4 or any(judge.plain(statement, b)[0] for b in judge.bases(statement)):
        return best
    found = 0
    for combination in itertools.islice(
        itertools.product(*(judge.candidates[k] for k in mine)), 400
    ):
        saved = dict(judge.gradients)
        judge.gradients.update(zip(mine, combination, strict=True))
        if any(judge.plain(statement, b)[0] for b in judge.bases(statement)):
            found += 1
            value = score()
            if value > best:
                best = value
                continue
        judge.gradients = saved
        if found > 6:
            break
    return best


def _score(judge: Judge) -> float:
    total = 0.0
    for line in judge.lines:
        if line.claim.right is None or line.claim.relation not in ("=", "+=", ":="):
            continue
        statement = judge.statement(line)
        keys = judge.keys_of(statement)
        if not keys & set(judge.candidates):
            continue
        found = judge.key_of(line.claim.left)
        weight = 3.0 if found and found[0] in judge.candidates else 1.0
        for base in judge.bases(statement):
            true, _ = judge.plain(statement, base)
            if true:
                total += weight
                break
    return total
