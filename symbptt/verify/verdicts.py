"""From truths to verdicts: conditions, contradictions between lines, definitions."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sympy

from .. import matrix as mx
from . import surface as s
from .growth import growth, shape_claim
from .judge import (
    APPROXIMATION,
    CONDITIONAL,
    DEFINITION,
    INCOMPLETE,
    PROVED,
    REFUTED,
    UNREAD,
    Judge,
    Line,
    _keys,
)
from .meaning import DENOMINATOR, NUMERATOR, Gradient, atom_key
from .readings import NOTE, Condition, Reading
from .system import is_forward
from .truth import FALSE, MISFIT, UNKNOWN, Answer, Statement
from .world import IMMEDIATE, TOTAL


def decide(judge: Judge) -> list[Line]:
    """Every line's verdict, before proofs and repairs."""
    judge.name_gradients()
    judge.name_aliases()
    judge.settle()
    _nearest(judge)
    _alternatives(judge)
    first = [line for line in judge.lines if _defines_an_atom(judge, line)]
    for line in first:
        _one(judge, line)
    _pin(judge, first)
    for line in judge.lines:
        if line not in first:
            _one(judge, line)
    _chains(judge)
    _steps(judge)
    _layouts(judge)
    _futures(judge)
    for line in judge.lines:
        if line.verdict == PROVED and line.conditions:
            line.verdict = CONDITIONAL
    return judge.lines


def _defines_an_atom(judge: Judge, line: Line) -> bool:
    left = s.bare(line.claim.left)
    if not isinstance(left, s.Derivative) or line.claim.right is None:
        return False
    return not judge.options._of_loss(left)


def _pin(judge: Judge, lines: list[Line]) -> None:
    """∂h_t/∂W that a line of its own makes total is total everywhere."""
    for line in lines:
        left = s.bare(line.claim.left)
        assert isinstance(left, s.Derivative)
        key = atom_key(left, judge.naming)
        kinds = {r.choice.kinds.get(key) for r in line.true}
        if kinds == {TOTAL} and line.verdict in (PROVED, CONDITIONAL):
            judge.options.pinned[key] = TOTAL


def _nearest(judge: Judge) -> None:
    """A letter whose defining lines are all wrong means what they come nearest to."""
    from .repairs import Repairs

    repairs = Repairs(judge)
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
        distances: list[tuple[int, int, Gradient]] = []
        if key.startswith("d ") and _is_supported(judge, key):
            continue
        scope = judge.gradients[key].scope
        for g in [g for g in options if g.scope == scope and not g.lag and g.factor == 1]:
            judge.gradients[key] = g
            distances.append((sum(map(repairs.distance, lines)), len(distances), g))
        judge.gradients[key] = min(distances, key=lambda x: x[:2])[2]


def _is_supported(judge: Judge, key: str) -> bool:
    """Whether some line is true under what the letter is taken for."""
    for line in judge.lines:
        if line.claim.right is None or line.claim.relation not in ("=", "+=", ":="):
            continue
        statement = judge.statement(line)
        if key in _keys(statement, judge.naming):
            if any(judge.plain(statement, base)[0] for base in judge.bases(statement)):
                return True
    return False


def _alternatives(judge: Judge) -> None:
    """Another meaning of a letter that a line defining it makes exactly true."""
    for line in judge.lines:
        if line.claim.right is None or line.claim.relation not in ("=", ":="):
            continue
        found = judge.key_of(line.claim.left)
        if found is None or found[0] not in judge.candidates or found[0] in judge.free:
            continue
        key = found[0]
        statement = judge.statement(line)
        current = judge.gradients.get(key)
        if line.how == "stated" or judge.plain(statement, judge.base())[0]:
            continue
        for g in judge.candidates[key]:
            if g == current:
                continue
            base = judge.base()
            base = replace(base, gradients={**base.gradients, key: g})
            if judge.plain(statement, base)[0]:
                judge.alternatives.setdefault(key, []).append(g)
                break


def _one(judge: Judge, line: Line) -> None:
    """One line's verdict; a fault of our own stops that line alone, and says so."""
    try:
        _judge_line(judge, line)
    except Exception as error:
        line.verdict, line.true = UNREAD, []
        line.message = f"symbptt itself failed on this line: {type(error).__name__}: {error}"


def _judge_line(judge: Judge, line: Line) -> None:
    claim = line.claim
    if growth(judge, line):
        return
    if claim.right is None or claim.is_mention:
        line.verdict = INCOMPLETE if _similar(line) else UNREAD
        return
    if claim.relation in ("≈", "∝", "~"):
        line.verdict = APPROXIMATION
        return
    if isinstance(s.bare(claim.right), s.Dots):
        line.verdict = INCOMPLETE
        return
    if claim.relation in ("∈", ":") and shape_claim(judge, line):
        return
    if claim.relation not in ("=", ":=", "+=", "←"):
        line.verdict = UNREAD
        return
    if _is_loss(judge, line) or line.how in ("stated", "alias"):
        line.verdict = DEFINITION
        return
    statement = judge.statement(line)
    if claim.notation == "plain" and statement.relation == "=" and _updates(claim):
        line.message = "an assignment that overwrites what it reads, not an equation"
        return
    best: Answer | None = None
    for base in judge.bases(statement):
        true, worst = judge.plain(statement, base)
        if true:
            line.true += true
        if best is None or (worst is not None and _better(worst, best)):
            best = worst
    if line.true:
        _settle_plain(judge, line)
        return
    line.answer = best
    if _conditional(judge, line, statement):
        return
    if best is not None and best.outcome == UNKNOWN:
        line.verdict, line.message = UNREAD, best.detail
        return
    if _names_another(judge, line):
        line.verdict = DEFINITION
        return
    line.verdict = REFUTED


def _names_another(judge: Judge, line: Line) -> bool:
    """z_3 = V s_3 where z would have been guessed to be something else: the author's own name."""
    left = s.bare(line.claim.left)
    if not isinstance(left, s.Symbol) or line.claim.right is None:
        return False
    q = judge.naming.parts(left)
    if q.name in judge.system.names or q.name in judge.gradients or q.time is None:
        return False
    for name in judge.system.model.defined:
        base = judge.base()
        named = replace(base, aliases={**base.aliases, q.name: None}, names={q.name: name})
        if judge.plain(judge.statement(line), named)[0]:
            return True
    return False


def _updates(claim: s.Claim) -> bool:
    """delta = W.T.dot(delta): one name before and after."""
    left = s.bare(claim.left)
    return claim.right is not None and any(n == left for n in s.walk(claim.right))


def _better(a: Answer, b: Answer) -> bool:
    order = {UNKNOWN: 0, MISFIT: 1, FALSE: 2}
    return order.get(a.outcome, 3) > order.get(b.outcome, 3)


def _similar(line: Line) -> bool:
    words = " ".join(
        n.words
        for x in (line.claim.left, *line.claim.conditions)
        for n in s.walk(x)
        if isinstance(n, s.Text)
    )
    return "similar" in words.lower() or any(
        isinstance(n, s.Derivative | s.Shorthand) for n in s.walk(line.claim.left)
    )


def _is_loss(judge: Judge, line: Line) -> bool:
    left = s.bare(line.claim.left)
    return (
        isinstance(left, s.Symbol)
        and left.letter in judge.system.losses
        and judge.naming.parts(left).name not in judge.gradients
        and (
            judge.naming.parts(left).name not in judge.system.names
            or judge.naming.parts(left).name == judge.system.model.loss.step.name
        )
    )


def _settle_plain(judge: Judge, line: Line) -> None:
    """A line true under some plain readings: which of them, and whether that needs saying."""
    least = min(len(r.kinds) for r in line.true)
    line.true = [r for r in line.true if len(r.kinds) == least]
    line.reading = line.true[0]
    line.verdict = PROVED
    claim = line.claim
    left = s.bare(claim.left)
    if is_forward(claim) and isinstance(left, s.Symbol) and _names_forward(judge, line, left):
        line.verdict = DEFINITION
        return
    if least:
        line.conditions += _immediate(judge, line)
    line.conditions += _elementwise_output(judge, line)
    orders = [
        {r.order for r in line.true if r.choice.layout == x} for x in (NUMERATOR, DENOMINATOR)
    ]
    if all(len(x) < 2 for x in orders):
        if _has_product(line) and not judge.system.abstract and not _explicit_order(line):
            line.conditions.append(_order_condition(line))


def _names_forward(judge: Judge, line: Line, left: s.Symbol) -> bool:
    """Whether the line is a definition of the model's, or the first words on a new letter."""
    q = judge.naming.parts(left)
    if q.name not in judge.system.model.defined:
        earlier = judge.lines[: judge.lines.index(line)]
        return not any(x.claim.left == line.claim.left for x in earlier)
    if judge.system.accepted:
        return line.claim.right in judge.system.accepted
    return not any(isinstance(n, s.Derivative) for n in s.walk(line.claim.right or left))


def _immediate(judge: Judge, line: Line) -> list[Condition]:
    assert line.reading is not None
    left = s.bare(line.claim.left)
    alone = isinstance(left, s.Derivative) and atom_key(left, judge.naming) in line.reading.kinds
    names = ", ".join(_shown(k) for k in line.reading.kinds)
    words = f"{names} is the immediate derivative: everything before its own step held fixed"
    return [Condition("M07" if alone else "M09", words)]


def _elementwise_output(judge: Judge, line: Line) -> list[Condition]:
    """g' of an output y = g(o) of which nothing is known: right where g acts entry by entry."""
    rhs = judge.system.model.defined.get(judge.system.output)
    if rhs is None or not isinstance(rhs.rhs, mx.Apply) or rhs.rhs.args[0].is_builtin:
        return []
    head = rhs.rhs.args[0].name
    for side in (line.claim.left, line.claim.right):
        for n in s.walk(side):  # type: ignore[arg-type]
            if isinstance(n, s.Apply) and n.primes and n.head.letter == head:
                if judge.system.output not in {d.name for d in judge.system.model.states}:
                    words = f"{head} acts entry by entry; a softmax needs its full Jacobian"
                    return [Condition("M16", words)]
    return []


def _shown(key: str) -> str:
    return key.replace("[None]", "").replace("/", "/∂")


def _has_product(line: Line) -> bool:
    return any(
        isinstance(n, s.Big) and n.operator == "prod"
        for side in (line.claim.left, line.claim.right)
        for n in s.walk(side)  # type: ignore[arg-type]
    )


def _explicit_order(line: Line) -> bool:
    for side in (line.claim.left, line.claim.right):
        for n in s.walk(side):  # type: ignore[arg-type]
            if isinstance(n, s.Big) and n.operator == "prod":
                return all(b.descending or b.open_lower for b in n.bounds)
    return False


def _order_condition(line: Line) -> Condition:
    down = all(r.order == "reversed" for r in line.true)
    words = "the factors of ∏ stand in descending order, the latest step on the left"
    if not down:
        words = "the factors of ∏ stand in ascending order, the earliest step on the left"
    if line.true[0].choice.layout == DENOMINATOR:
        words += " (denominator layout)"
    return Condition("M05", words)


def _conditional(judge: Judge, line: Line, statement: Statement) -> bool:
    """Whether one assumption, or two, make the line true; the first that does is its condition."""
    for key, others in judge.alternatives.items():
        if key in _keys(statement, judge.naming):
            for g in others:
                base = judge.base()
                base = replace(base, gradients={**base.gradients, key: g})
                true, _ = judge.plain(statement, base)
                if true:
                    line.true, line.reading, line.verdict = true, true[0], PROVED
                    line.conditions.append(_second_meaning(judge, key, g))
                    return True
    future = {k for k, g in judge.gradients.items() if g.scope == "future"}
    later = bool(future & _keys(statement, judge.naming))
    shape_only = line.answer is not None and line.answer.outcome == UNKNOWN
    for names in judge.options.leaps(statement):
        if later and "last" in names:
            continue
        if shape_only and not set(names) & {"fraction", "tensor", "diag"}:
            continue
        true = []
        for base in judge.bases(statement):
            for reading in judge.options.leap(names, statement, base):
                answer = judge.try_(reading)
                if answer and _all_used(names, answer):
                    true.append(reading)
        if true:
            least = min(len(r.kinds) for r in true)
            line.true = [r for r in true if len(r.kinds) == least]
            line.reading, line.verdict = line.true[0], PROVED
            line.conditions += [NOTE[n] for n in names]
            if least:
                line.conditions += _immediate(judge, line)
            return True
    return False


def _all_used(names: tuple[str, ...], answer: Answer) -> bool:
    marks = {"commute", "outer", "tensor", "diag", "fraction", "byvalue", "rows", "turn"}
    wanted = {"rows" if n == "columns" else n for n in names} & marks
    return wanted <= answer.used


def _second_meaning(judge: Judge, key: str, g: Gradient) -> Condition:
    now = judge.gradients[key].show() if key in judge.gradients else "its definition"
    return Condition("M30", f"{key} means {g.show()} here, and {now} elsewhere")


def _chains(judge: Judge) -> None:
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


def _steps(judge: Judge) -> None:
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
        if not keys & _keys(statement, judge.naming):
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


def _layouts(judge: Judge) -> None:
    """Lines that need Jacobians in numerator layout beside lines that need the other one."""
    needs: dict[str, list[Line]] = {NUMERATOR: [], DENOMINATOR: []}
    for line in judge.lines:
        layouts = {r.choice.layout for r in line.true}
        if line.true and len(layouts) == 1 and _has_jacobian(judge, line):
            needs[layouts.pop()].append(line)
    for line in needs[DENOMINATOR]:
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
    columns: list[Line] = []
    rows: list[Line] = []
    for line in judge.lines:
        turns = {r.choice.row for r in line.true}
        if line.true and len(turns) == 1 and not _has_jacobian(judge, line):
            (rows if turns.pop() else columns).append(line)
    if rows and columns:
        for line in rows:
            words = f"gradients as rows; line {columns[0].claim.id} needs columns"
            line.conditions.append(Condition("M05", words))


def _has_jacobian(judge: Judge, line: Line) -> bool:
    return any(
        isinstance(n, s.Derivative)
        and n.of is not None
        and not judge.options._of_loss(n)
        and judge.naming.parts(n_by).time is not None
        for side in (line.claim.left, line.claim.right)
        for n in s.walk(side)  # type: ignore[arg-type]
        if isinstance(n, s.Derivative)
        for n_by in [s.bare(n.by)]
        if isinstance(n_by, s.Symbol)
    )


def _futures(judge: Judge) -> None:
    """A missing future term is a mistake where the author has it in other lines."""
    whole = [
        line
        for line in judge.lines
        if line.verdict in (PROVED, CONDITIONAL)
        and not any(c.code in ("M07", "M20") for c in line.conditions)
        and _reads_later(judge, line)
    ]
    for line in judge.lines:
        last = [c for c in line.conditions if c in (NOTE["last"], NOTE["single"])]
        if last and whole and not _reads_later(judge, line):
            line.verdict = REFUTED
            line.codes = ["M20" if len(judge.system.model.states) > 1 else "M07"]
            line.message = last[0].words
            line.conditions = []
            line.true = []


def _reads_later(judge: Judge, line: Line) -> bool:
    """Whether a gradient of step t + 1 stands on the right."""
    found = judge.key_of(line.claim.left)
    if line.claim.right is None:
        return False
    del found
    for n in s.walk(line.claim.right):
        q: Any = None
        if isinstance(n, s.Symbol) and n.gradient_like:
            q = judge.naming.parts(n)
        elif isinstance(n, s.Shorthand):
            q = judge.naming.parts(n.of)
        elif isinstance(n, s.Derivative) and judge.options._of_loss(n):
            by = s.bare(n.by)
            q = judge.naming.parts(by) if isinstance(by, s.Symbol) else None
        if q is not None and q.time is not None:
            gap = sympy.expand(q.time - sympy.Symbol("t", integer=True))
            if gap.is_Integer and gap > 0:
                return True
    return False


__all__ = ["IMMEDIATE", "Reading", "decide"]
