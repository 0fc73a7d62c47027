"""What a line is right under, where the words alone do not make it so."""

from __future__ import annotations

from dataclasses import replace

from ... import matrix as mx
from .. import surface as s
from ..forward.claims import is_forward
from ..judge.judge import Judge
from ..judge.line import PROVED, Line
from ..judge.readings import NOTE, Condition
from ..judge.statement import Statement
from ..judge.truth import UNKNOWN, Answer
from ..meaning.choice import DENOMINATOR, Gradient, atom_key
from ..world import TOTAL


def immediate(judge: Judge, line: Line) -> list[Condition]:
    """What the ∂ of the line are, where the words say something else or nothing."""
    assert line.reading is not None
    left = s.bare(line.claim.left)
    alone = isinstance(left, s.Derivative) and atom_key(left, judge.naming) in line.reading.kinds
    chosen = line.reading.choice.kinds
    senses: dict[bool, list[str]] = {True: [], False: []}
    for key in line.reading.kinds:
        senses[chosen.get(key) == TOTAL].append(_shown(key))
    found: list[Condition] = []
    if senses[True]:
        words = "is the total derivative, through every step before its own"
        found.append(Condition("M07", f"{', '.join(senses[True])} {words}"))
    if senses[False]:
        words = "is the immediate derivative: everything before its own step held fixed"
        code = "M07" if alone else "M09"
        found.append(Condition(code, f"{', '.join(senses[False])} {words}"))
    return found


def elementwise_output(judge: Judge, line: Line) -> list[Condition]:
    """g' of an output y = g(o) of which nothing is known: right where g acts entry by entry."""
    rhs = judge.system.model.defined.get(judge.system.output)
    if rhs is None or not isinstance(rhs.rhs, mx.Apply) or rhs.rhs.args[0].is_builtin:
        return []
    head = rhs.rhs.args[0].name
    others = [e.rhs for e in judge.system.model.equations if e.lhs.name != judge.system.output]
    if any(a.args[0].name == head for e in others for a in e.atoms(mx.Apply)):
        return []  # the function of the hidden layer, which acts entry by entry
    for side in (line.claim.left, line.claim.right):
        for n in s.walk(side):  # type: ignore[arg-type]
            if isinstance(n, s.Apply) and n.primes and n.head.letter == head:
                if judge.system.output not in {d.name for d in judge.system.model.states}:
                    words = f"{head} acts entry by entry; a softmax needs its full Jacobian"
                    return [Condition("M16", words)]
    return []


def span(judge: Judge, line: Line) -> str:
    """Σ_t δ_{t+1} h_t without bounds is the sum of all such terms, from h_0 on: which steps those
    are, where the text counts h_1, h_2, … and does not compute h_{t+1} from h_t and x_t."""
    if line.reading is None or "span" not in judge.try_(line.reading).used:
        return ""
    for x in judge.lines:
        left = s.bare(x.claim.left)
        if is_forward(x.claim) and isinstance(left, s.Symbol):
            time = judge.naming.parts(left).time
            if time is not None and time - mx.t == 1:
                return ""
    return "Σ without bounds is taken over every step that has its term: from 0 to T − 1"


def side_by_side(judge: Judge, line: Line) -> list[Condition]:
    """u v of two rows as u ⊙ v, in a text whose own equations do not write so."""
    if not line.true or not all("entrywise" in judge.try_(r).used for r in line.true):
        return []
    if any(isinstance(n, s.Product) and "*" in n.signs for n in s.walk(line.statement.right)):
        return []  # Γ dc + Γ * da: products of a program, all of them entry by entry
    if any("slopes" in judge.try_(r).used for r in line.true):
        return []  # ∂h/∂o as the vector of the slopes, beside which a vector is scaled
    for x in judge.lines:
        if x.claim.right in judge.system.accepted and x is not line:
            statement = judge.statement(x)
            if any("entrywise" in judge.plain_used(statement, b) for b in judge.bases(statement)):
                return []
    return [NOTE["entrywise"]]


def from_zero(judge: Judge, line: Line) -> list[Condition]:
    """Σ_{t=0}^T in a text that elsewhere counts its steps from 1."""
    if not line.true or not all("from 0" in judge.try_(r).used for r in line.true):
        return []
    for x in judge.lines:
        for side in (x.claim.left, x.claim.right):
            for n in s.walk(side) if side is not None else ():
                if isinstance(n, s.Bound) and n.lower == s.Number("1"):
                    if isinstance(n.upper, s.Symbol) and n.upper.letter == judge.naming.horizon:
                        return [NOTE["from 0"]]
    return []


def _shown(key: str) -> str:
    return key.replace("[None]", "").replace("/", "/∂")


def has_product(line: Line) -> bool:
    return any(
        isinstance(n, s.Big) and n.operator == "prod"
        for side in (line.claim.left, line.claim.right)
        for n in s.walk(side)  # type: ignore[arg-type]
    )


def explicit_order(line: Line) -> bool:
    for side in (line.claim.left, line.claim.right):
        for n in s.walk(side):  # type: ignore[arg-type]
            if isinstance(n, s.Big) and n.operator == "prod":
                return all(b.descending or b.open_lower for b in n.bounds)
    return False


def order_condition(line: Line) -> Condition:
    down = all(r.order == "reversed" for r in line.true)
    words = "the factors of ∏ stand in descending order, the latest step on the left"
    if not down:
        words = "the factors of ∏ stand in ascending order, the earliest step on the left"
    if line.true[0].choice.layout == DENOMINATOR:
        words += " (denominator layout)"
    return Condition("M05", words)


def conditional(judge: Judge, line: Line, statement: Statement) -> bool:
    """Whether one assumption, or two, make the line true; the first that does is its condition."""
    for key, others in judge.alternatives.items():
        if key in judge.keys_of(statement):
            for g in others:
                base = judge.base()
                base = replace(base, gradients={**base.gradients, key: g})
                true, _ = judge.plain(statement, base)
                if true:
                    line.true, line.reading, line.verdict = true, true[0], PROVED
                    line.conditions.append(_second_meaning(judge, key, g))
                    return True
    future = {k for k, g in judge.gradients.items() if g.scope == "future"}
    later = bool(future & judge.keys_of(statement))
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
            line.conditions += line.reading.conditions
            if least:
                line.conditions += immediate(judge, line)
            return True
    return False


def _all_used(names: tuple[str, ...], answer: Answer) -> bool:
    marks = {"commute", "outer", "tensor", "diag", "fraction", "byvalue", "rows", "turn", "block"}
    wanted = {"rows" if n == "columns" else n for n in names} & marks
    return wanted <= answer.used


def _second_meaning(judge: Judge, key: str, g: Gradient) -> Condition:
    now = judge.gradients[key].show() if key in judge.gradients else "its definition"
    return Condition("M30", f"{key} means {g.show()} here, and {now} elsewhere")
