"""What the lines of one document say about each other: chains, layouts, a future term left out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, DEFINITION, PROVED, REFUTED, Line
from ..judge.readings import NOTE, ONE_SUMMAND, Condition, Reading
from ..meaning.choice import DENOMINATOR, NUMERATOR, SLOPES


def chains(judge: Judge) -> None:
    """A later member of a chain settles what an earlier one means."""
    for line in judge.lines:
        if not line.reading or not line.reading.kinds:
            continue
        mates = [
            x
            for x in judge.lines
            if x is not line and x.claim.chain == line.claim.chain and x.claim.chain
        ]
        for mate in mates:
            if mate.reading and set(mate.reading.kinds) & set(line.reading.kinds):
                drop = {"M09", "M07"}
                line.conditions = [c for c in line.conditions if c.code not in drop]
                mate.conditions = [c for c in mate.conditions if c.code not in drop]


def steps(judge: Judge) -> None:
    """dh as the gradient of this step's loss, where the text does not say so."""
    keys = {
        k
        for k, g in judge.gradients.items()
        if g.scope == "step" and k not in judge.stated and not k[-1].isdigit()
    } - judge.free
    for line in judge.lines:
        if not line.true or line.verdict == DEFINITION:
            continue
        statement = judge.statement(line)
        if not keys & judge.keys_of(statement):
            continue
        saved = judge.gradients
        judge.gradients = {
            k: replace(g, scope="L") if g.scope in ("step", "own") else g for k, g in saved.items()
        }
        whole = any(judge.plain(statement, base)[0] for base in judge.bases(statement))
        judge.gradients = saved
        if not whole:
            words = "the gradient letters are those of this step's loss alone, not of the sum"
            line.conditions.append(Condition("M07", words))


def layouts(judge: Judge) -> None:
    """Lines that need Jacobians in numerator layout beside lines that need the other one."""
    needs: dict[str, list[Line]] = {NUMERATOR: [], DENOMINATOR: []}
    for line in judge.lines:
        layouts = {_layout(judge, r) for r in line.true}
        if SLOPES in layouts or line.how == "norm":
            continue  # an elementwise link is the same in both, and so is a norm
        if line.true and len(layouts) == 1 and _has_jacobian(judge, line):
            needs[layouts.pop()].append(line)
    for line in [] if judge.options.layout else needs[DENOMINATOR]:
        if not needs[NUMERATOR] and not any(c.code == "M05" for c in line.conditions):
            words = "denominator layout: ∂u/∂v has the rows of v, which the text does not state"
            line.conditions.append(Condition("M05", words))
    if needs[NUMERATOR] and needs[DENOMINATOR]:
        for layout, lines in needs.items():
            other = needs[DENOMINATOR if layout == NUMERATOR else NUMERATOR]
            names = ", ".join(x.claim.id for x in other[:4])
            for line in lines:
                words = f"{layout} layout for ∂u/∂v; line {names} needs the other"
                line.conditions.append(Condition("M05", words))
    apart = _turned_letters(judge)
    columns: list[Line] = []
    rows: list[Line] = []
    for line in judge.lines:
        turns = {r.choice.row for r in line.true}
        if line in apart:
            continue
        if line.true and len(turns) == 1 and not _has_jacobian(judge, line):
            (rows if turns.pop() else columns).append(line)
    if rows and columns:
        for line in rows:
            words = f"gradients as rows; line {columns[0].claim.id} needs columns"
            line.conditions.append(Condition("M05", words))


def _turned_letters(judge: Judge) -> list[Line]:
    """Lines that need δ as a column where the lines before them need it as a row, or conversely."""
    needs: dict[str, tuple[bool, Line]] = {}
    out = []
    for line in judge.lines:
        if not line.true or line.verdict == DEFINITION or _has_jacobian(judge, line):
            continue
        right = list(s.walk(line.claim.right or line.claim.left))
        if any(isinstance(n, s.Derivative) for n in right):
            continue  # the layout of ∂u/∂W decides
        if any(isinstance(n, s.Product) and "⊙" in n.signs for n in right):
            continue  # entry by entry, whichever way they stand
        for key in sorted(judge.keys_of(judge.statement(line)) & set(judge.gradients)):
            turns = {r.choice.row != (key in r.choice.turned) for r in line.true}
            if len(turns) > 1:
                continue
            row = turns.pop()
            as_row, first = needs.setdefault(key, (row, line))
            if as_row != row and line.claim.chain != first.claim.chain:
                words = f"{key} is a {'row' if row else 'column'} here; line {first.claim.id} needs"
                words += f" a {'row' if as_row else 'column'}"
                line.conditions.append(Condition("M05", words))
                out.append(line)
                break
    return out


def _layout(judge: Judge, reading: Reading) -> str:
    """The layout of a reading: that of slopes is the numerator one where no slope was needed."""
    layout = reading.choice.layout
    slopes = layout == SLOPES and "slopes" in judge.try_(reading).used
    return NUMERATOR if layout == SLOPES and not slopes else layout


def _has_jacobian(judge: Judge, line: Line) -> bool:
    return any(
        isinstance(n, s.Derivative)
        and n.of is not None
        and not judge.options.of_loss(n)
        and judge.naming.parts(n_by).time is not None
        for side in (line.claim.left, line.claim.right)
        for n in s.walk(side)  # type: ignore[arg-type]
        if isinstance(n, s.Derivative)
        for n_by in [s.bare(n.by)]
        if isinstance(n_by, s.Symbol)
    )


def futures(judge: Judge) -> None:
    """A missing future term is a mistake where the author has it in other lines."""
    whole = [
        line
        for line in judge.lines
        if line.verdict in (PROVED, CONDITIONAL)
        and not any(c.code in ("M07", "M20") for c in line.conditions)
        and _reads_later(judge, line)
    ]
    for line in judge.lines:
        last = [c for c in line.conditions if c in (ONE_SUMMAND, NOTE["last"], NOTE["single"])]
        if last and whole and not _reads_later(judge, line):
            line.verdict = REFUTED
            several = len(judge.system.model.states) > 1
            summand = last[0] == ONE_SUMMAND
            line.codes = [last[0].code if summand else "M20" if several else "M07"]
            line.message = last[0].words
            line.conditions = []
            line.true = []


def shares(judge: Judge) -> None:
    """dby = dy[t] beside dWhy = Σ_t …: one step's share where the other letters are the whole."""
    whole: list[Line] = []
    part: list[Line] = []
    for line in judge.lines:
        key = judge.key_of(line.claim.left)
        if key is None or line.verdict != PROVED or line.claim.relation not in ("=", ":="):
            continue
        found = [g for r in line.true if (g := r.choice.gradients.get(key[0])) is not None]
        if found and not judge.system.model.table[found[0].of].timed:
            (whole if any(g.scope == "L" for g in found) else part).append(line)
    for line in part if whole else ():
        line.conditions.append(NOTE["copy"])


def _reads_later(judge: Judge, line: Line) -> bool:
    """Whether a gradient of a later step stands on the right: δ_{t+1}, or δ_t of δ_{t−1} = …"""
    if line.claim.right is None:
        return False
    left = _time_of_gradient(judge, s.bare(line.claim.left))
    start = left if left is not None and sympy.expand(left - mx.t).is_negative else mx.t
    for n in s.walk(line.claim.right):
        time = _time_of_gradient(judge, n)
        if time is not None:
            gap = sympy.expand(time - start)
            if gap.is_Integer and gap > 0:
                return True
    return False


def _time_of_gradient(judge: Judge, n: s.Node) -> Any:
    """The step of δ_t, dh_t, ∂L/∂h_t; None of anything else."""
    if isinstance(n, s.Symbol) and n.gradient_like:
        return judge.naming.parts(n).time
    if isinstance(n, s.Shorthand):
        return judge.naming.parts(n.of).time
    if isinstance(n, s.Derivative) and judge.options.of_loss(n):
        by = s.bare(n.by)
        return judge.naming.parts(by).time if isinstance(by, s.Symbol) else None
    return None
