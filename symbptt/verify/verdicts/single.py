"""One line's verdict: a definition, true under plain readings, under a condition, or refuted."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

import sympy

from ... import matrix as mx
from .. import surface as s
from ..forward.claims import is_forward
from ..forward.drafts import FUNCTIONS
from ..judge.judge import Judge, rank
from ..judge.line import (
    APPROXIMATION,
    CONDITIONAL,
    DEFINITION,
    INCOMPLETE,
    PROVED,
    REFUTED,
    UNREAD,
    Line,
)
from ..judge.readings import Condition
from ..judge.statement import Statement
from ..judge.truth import MISFIT, UNKNOWN, Answer
from ..meaning.choice import DENOMINATOR, NUMERATOR
from ..meaning.times import moved
from ..write import plain
from .bare_slopes import spelled_out
from .chance import chance
from .conditions import (
    conditional,
    elementwise_output,
    explicit_order,
    from_zero,
    has_product,
    immediate,
    order_condition,
    side_by_side,
    span,
)
from .growth import growth
from .laws import law
from .losses import is_loss
from .norms import norms
from .own_term import own_term
from .programs import program
from .shapes import shape_claim
from .truncated import truncated


def one(judge: Judge, line: Line) -> None:
    """One line's verdict.

    The last guard: whatever a text nobody foresaw breaks in here stops that line alone, which
    says so and is unread; the verdicts of the other lines stand.
    """
    try:
        _judge_line(judge, line)
    except Exception as error:
        name = type(error).__name__
        line.withdraw(UNREAD, f"symbptt itself failed on this line: {name}: {error}")


def _judge_line(judge: Judge, line: Line) -> None:
    claim = line.claim
    if any(kind(judge, line) for kind in (law, norms, growth, chance, program)):
        return
    if claim.right is None or claim.is_mention:
        line.verdict = INCOMPLETE if _similar(line) else UNREAD
        return
    if claim.relation in ("≈", "∝", "~"):
        cut = claim.relation == "≈" and truncated(judge, line, judge.statement(line), _settle_plain)
        if not cut:
            line.verdict = APPROXIMATION
            _fits(judge, line)
        return
    if isinstance(s.bare(claim.right), s.Dots):
        line.verdict = INCOMPLETE
        return
    if claim.relation in ("∈", ":") and shape_claim(judge, line):
        return
    if claim.relation not in ("=", ":=", "+=", "←"):
        line.verdict = UNREAD
        return
    if _is_start(judge, claim):
        line.verdict = DEFINITION
        return
    if is_loss(judge, line) or line.how in ("stated", "alias"):
        line.verdict = UNREAD if line.message else DEFINITION
        _identified(judge, line)
        return
    if _by_the_step(judge, claim):
        line.verdict, line.codes = REFUTED, ["M30"]
        line.message = (
            "a derivative by t: the step is a whole number, nothing depends on it smoothly"
        )
        return
    statement = judge.statement(line)
    if claim.notation == "plain" and statement.relation == "=" and _updates(claim):
        line.message = "an assignment that overwrites what it reads, not an equation"
        return
    if own_term(judge, line) or truncated(judge, line, statement, _settle_plain):
        return
    spelled = spelled_out(judge, statement)
    assumed: list[Condition] = []
    if spelled is not None:
        statement, assumed = spelled[0], [spelled[1]]
    best: Answer | None = None
    for base in judge.bases(statement):
        true, worst = judge.plain(statement, base)
        if true:
            line.true += true
        if best is None or (worst is not None and _better(worst, best)):
            best = worst
    if line.true:
        _settle_plain(judge, line)
        line.conditions += assumed
        return
    line.answer = best
    if conditional(judge, line, statement):
        line.conditions += assumed
        return
    if best is not None and best.outcome == UNKNOWN:
        line.verdict, line.message = UNREAD, best.detail
        return
    if _omits_a_term(statement):
        line.verdict, line.message = UNREAD, "an omitted term"
        return
    unknown = _law_of_unknown(statement.left)
    if unknown:
        line.verdict = UNREAD
        line.message = f"a law of {unknown}, of which nothing is known here"
        return
    if _names_another(judge, line):
        line.verdict = DEFINITION
        return
    line.verdict = REFUTED
    first = _defined_before(judge, line)
    if first is not None:
        line.message = f"line {first.claim.id} says what it is, and that is something else"


def _defined_before(judge: Judge, line: Line) -> Line | None:
    """The line that defines the left side, where an earlier one does: h_t = tanh(a_t)."""
    left = s.bare(line.claim.left)
    for other in judge.lines[: judge.lines.index(line)]:
        if s.bare(other.claim.left) == left and other.verdict == DEFINITION:
            return other
    return None


def _fits(judge: Judge, line: Line) -> None:
    """Refute an approximation of one shape by another, under whatever reading."""
    if line.claim.relation != "≈":
        return
    statement, options = judge.statement(line), judge.options
    details = []
    for base in judge.bases(statement):
        leaps = (options.leap(x, statement, base) for x in options.leaps(statement))
        for reading in chain(options.plain(statement, base), *leaps):
            answer = judge.try_(reading)
            if answer.outcome != MISFIT:
                return
            details.append(answer.detail)
    if details:
        line.verdict, line.codes, line.message = REFUTED, ["M17"], details[0]


def _omits_a_term(statement: Statement) -> bool:
    """Whether dots stand for a summand: what is written does not fit, what is meant may."""
    return any(
        isinstance(n, s.Sum) and any(isinstance(s.bare(x), s.Dots) for x in n.terms)
        for side in (statement.left, statement.right)
        for n in s.walk(side)
    )


def _law_of_unknown(left: s.Node) -> str:
    """s of s'(z) = …, a slope of a function that may be any."""
    left = s.bare(left)
    if isinstance(left, s.Apply) and left.primes and left.head.letter not in FUNCTIONS:
        return left.head.letter
    return ""


def _is_start(judge: Judge, claim: s.Claim) -> bool:
    """h_0 = 0, a_0 = 0: where a recurrence starts."""
    left = s.bare(claim.left)
    if not isinstance(left, s.Symbol) or left.gradient_like or claim.relation != "=":
        return False
    if judge.naming.parts(left).time != 0 or not isinstance(s.bare(claim.right or left), s.Number):
        return False
    return not any(x.claim.left == left for x in judge.lines if x.claim is not claim)


def _identified(judge: Judge, line: Line) -> None:
    """a_t = ∂h_t/∂w of a letter that already has a recurrence: both must start from the same."""
    left = s.bare(line.claim.left)
    found = judge.key_of(left)
    if found is None or found[0] not in judge.aliases or found[1].time is None:
        return
    name = found[0]
    for other in judge.lines[: judge.lines.index(line)]:
        right = other.claim.right
        if right is None or s.bare(other.claim.left) != left or other.claim.relation != "=":
            continue
        times = {q.time for q in map(judge.naming.parts, s.symbols(right)) if q.name == name}
        if times != {found[1].time - 1}:
            continue
        statement = judge.statement(other)
        tried = [judge.plain(statement, base) for base in judge.bases(statement)]
        if any(true for true, _ in tried):
            assert line.claim.right is not None
            start = plain(moved(line.claim.right, found[1].time, sympy.Integer(0), judge.naming))
            line.verdict = CONDITIONAL
            words = f"{name}_0 = {start}: the initial state depends on no parameter"
            line.conditions.append(Condition("M23", words))
        elif any(worst is not None and worst.outcome == UNKNOWN for _, worst in tried):
            line.verdict, line.message = UNREAD, "its recurrence is of another system"
        else:
            line.verdict, line.codes = REFUTED, ["M30"]
            line.message = f"it does not obey the recurrence of line {other.claim.id}"
        return


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


def _by_the_step(judge: Judge, claim: s.Claim) -> bool:
    """dc_t/dt among the factors of a gradient of the loss, in a model whose steps are numbered."""
    left = s.bare(claim.left)
    if not isinstance(left, s.Derivative) or not judge.options.of_loss(left):
        return False
    for n in s.walk(claim.right) if claim.right is not None else ():
        if isinstance(n, s.Derivative) and n.of is not None:
            by = s.bare(n.by)
            if (
                isinstance(by, s.Symbol)
                and not by.indices
                and judge.naming.symbol(by.letter) == mx.t
            ):
                return by.letter not in judge.system.names
    return False


def _updates(claim: s.Claim) -> bool:
    """delta = W.T.dot(delta): one name before and after."""
    left = s.bare(claim.left)
    return claim.right is not None and any(n == left for n in s.walk(claim.right))


def _better(a: Answer, b: Answer) -> bool:
    return rank(a) > rank(b)


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


def _names_forward(judge: Judge, line: Line, left: s.Symbol) -> bool:
    """Whether the line is a definition of the model's, or the first words on a new letter."""
    q = judge.naming.parts(left)
    if q.name not in judge.system.model.defined:
        earlier = judge.lines[: judge.lines.index(line)]
        return not any(x.claim.left == line.claim.left for x in earlier)
    if judge.system.accepted:
        return line.claim.right in judge.system.accepted
    return not any(isinstance(n, s.Derivative) for n in s.walk(line.claim.right or left))


def _settle_plain(judge: Judge, line: Line) -> None:
    """A line true under some plain readings: which of them, and whether that needs saying."""
    least = min(len(r.kinds) for r in line.true)
    line.true = [r for r in line.true if len(r.kinds) == least]
    line.reading = line.true[0]
    line.verdict = PROVED
    claim = line.claim
    left = s.bare(claim.left)
    forward = is_forward(claim) or claim.right in judge.system.accepted
    if forward and isinstance(left, s.Symbol) and _names_forward(judge, line, left):
        line.verdict = DEFINITION
        return
    if least:
        line.conditions += immediate(judge, line)
    line.conditions += elementwise_output(judge, line)
    line.conditions += side_by_side(judge, line)
    line.conditions += from_zero(judge, line)
    line.message = line.message or span(judge, line)
    orders = [
        {r.order for r in line.true if r.choice.layout == x} for x in (NUMERATOR, DENOMINATOR)
    ]
    if all(len(x) < 2 for x in orders):
        said = judge.options.order or judge.system.abstract
        if has_product(line) and not said and not explicit_order(line):
            line.conditions.append(order_condition(line))
