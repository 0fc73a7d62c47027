"""The course of a judgement: the verdict, its proof or its repair, and what is shown for it."""

from __future__ import annotations

from collections.abc import Iterable
from copy import copy
from dataclasses import replace

from ..errors import SymbpttError
from ..indices.budget import budget
from . import surface as s
from .asides import Aside
from .evidence.gather import evidence
from .generic import instances
from .judge.judge import Judge
from .judge.line import CONDITIONAL, DEFINITION, PROVED, REFUTED, TESTED, UNREAD, Line
from .judge.statement import Statement
from .judge.truth import FALSE, Ground
from .proof.prover import STEPS, Provers
from .repairs.search import Repairs
from .repairs.symptoms import symptoms
from .verdicts.decide import decide
from .verdicts.losses import speaks_of_loss
from .write import latex, plain


def judge_lines(judge: Judge, only: Iterable[int] | None = None) -> list[Line]:
    """The judge's lines with their verdicts; those of `only` are proved, repaired and shown."""
    decided = decide(judge)
    some = decided if only is None else [decided[n] for n in only]
    provers = Provers(judge)
    confirm(some, judge, provers)
    repair(some, Repairs(judge, provers))
    evidence(judge, some)
    return decided


def runs(judge: Judge) -> bool:
    """Whether the forward equations, as they were read, can be run at all."""
    try:
        return judge.ground.world is not None
    except (SymbpttError, LookupError, TypeError, ValueError, ArithmeticError):
        return False


def judge_aside(
    judge: Judge, aside: Aside, claims: list[s.Claim], lines: dict[int, Line]
) -> dict[int, Line]:
    """The lines of an aside by their places in the text, in the author's own symbols.

    None is refuted under a loss of the aside's own where that of the text, in `lines`, is unread.
    """
    decided = judge_lines(judge)
    shown = list(map(copy, decided))
    other = next((x.claim for n, x in lines.items() if n not in aside.places and x.verdict == UNREAD
                  and _states_loss(judge, x.claim)), None)  # fmt: skip
    for n, line in zip(aside.places, shown, strict=True):
        if line.claim.right in aside.system.accepted:
            line.withdraw(DEFINITION)
        if line.verdict == REFUTED and other is not None and speaks_of_loss(judge, line):
            line.withdraw(UNREAD, f"the loss that line {other.id} states is not read")
        line.claim = claims[n]
        if line.repair is not None:
            done = line.repair.statement
            left, right = aside.as_written(done.left), aside.as_written(done.right)
            line.correct = statement_text(line, replace(done, left=left, right=right))
    return dict(zip(aside.places, shown, strict=True))


def _states_loss(judge: Judge, claim: s.Claim) -> bool:
    left = s.bare(claim.left)
    losses = judge.system.losses
    return claim.right is not None and isinstance(left, s.Symbol) and left.letter in losses


def judge_generic(
    judge: Judge,
    document: s.Document,
    lines: dict[int, Line],
    judges: dict[str, tuple[Judge, Line]],
) -> list[str]:
    """Judge the unread lines about θ for each parameter; the worst verdict is the line's."""
    claims = [x.claim for x in judge.lines]
    open_ = {n for n, x in lines.items() if x.verdict == UNREAD}
    found: dict[int, Line] = {}
    names: list[str] = []
    letter = ""
    for case in instances(claims, judge.naming, judge.system):
        own = Judge(case.claims, judge.naming, judge.system)
        own.listen(document.prose)
        decided = judge_lines(own)
        for n, line in zip(case.places, decided, strict=True):
            if n in open_ and (n not in found or _worse(line, found[n])):
                found[n] = lines[n] = line
                judges[line.claim.id] = own, line
        letter, names = case.letter, [*names, case.parameter]
    return [f"{letter} is each of {', '.join(names)}"] if found else []


def _worse(a: Line, b: Line) -> bool:
    order = (REFUTED, UNREAD, TESTED, CONDITIONAL)
    rank = {v: n for n, v in enumerate(order)}
    return rank.get(a.verdict, len(order)) < rank.get(b.verdict, len(order))


def confirm(lines: Iterable[Line], judge: Judge, provers: Provers) -> None:
    """Prove what the numbers let stand; what cannot be proved is tested, and says so."""
    for line in lines:
        if line.verdict not in (PROVED, CONDITIONAL, DEFINITION) or not line.true:
            continue
        why = ""
        with budget(STEPS):
            for reading in line.true[:3]:
                proof = provers.prove(reading)
                if proof.ok:
                    line.reading, line.proof = reading, proof.steps
                    break
                why = why or proof.why
        if not proof.ok:
            if _holds_at_three_alone(judge, line):
                line.withdraw(REFUTED, f"the sides are equal at T = {judge.ground.steps} alone")
                continue
            line.verdict = TESTED
            line.message = (
                f"equal at T = {judge.ground.steps} with sizes "
                f"{', '.join(f'{k} = {v}' for k, v in judge.ground.world.sizes.items())}, "
                f"not proved: {why}"
            )


def _holds_at_three_alone(judge: Judge, line: Line) -> bool:
    """3/T Σ_t …: whether a line that counts no steps is false where there is one step more."""
    sides = (line.claim.left, line.claim.right)
    trees = [n for x in sides if x is not None for n in s.walk(x)]
    ends = [x for n in trees if isinstance(n, s.Bound) for x in (n.lower, n.upper)]
    counted = any(isinstance(n, s.Index) and n.terms == () for n in trees) or any(
        isinstance(x, s.Number) and x.text not in ("0", "1") for x in ends
    )
    if judge.system.steps is not None or counted:
        return False
    longer = Ground(judge.system, judge.naming, judge.ground.steps + 1)
    grounds = {"own": longer, "last": longer.last} | (
        {"squared": longer.squared} if judge.options.may_square else {}
    )
    answers = [grounds[r.ground].check(r.statement, r.choice) for r in line.true]
    return all(x.outcome == FALSE for x in answers)


def repair(lines: Iterable[Line], repairs: Repairs) -> None:
    """Find what each refuted line should have said."""
    for line in lines:
        if line.verdict != REFUTED or line.codes:
            continue
        try:
            found = repairs.single(line) or repairs.pair(line)
        except (SymbpttError, ArithmeticError, LookupError, ValueError) as error:
            # An edit may make no sense to the reading; the refutation stands without a diagnosis.
            line.message = f"no repair was found: {type(error).__name__}: {error}"
            continue
        if found is not None:
            line.codes, line.message, line.repair = list(found.codes), found.words, found
            line.correct = statement_text(line, found.statement)
        else:
            line.codes, words = symptoms(repairs.judge, line)
            line.message = words or line.message


def statement_text(line: Line, statement: Statement) -> str:
    write = latex if line.claim.notation == "latex" else plain
    return f"{write(statement.left)} = {write(statement.right)}"
