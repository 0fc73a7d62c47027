"""Spectral norms of Jacobians: ‖A B‖ ≤ ‖A‖ ‖B‖, and when they are said to be equal.

‖∂h_t/∂h_k‖ ≤ ∏_j ‖diag(φ'(a_j))‖ ‖W‖     holds where ∂h_t/∂h_k is the product itself
‖∂h_t/∂h_k‖ = ∏_j ‖∂h_j/∂h_{j−1}‖         does not: the right side is only an upper bound
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import DEFINITION, PROVED, REFUTED, Line
from ..judge.readings import Reading
from ..judge.statement import Statement
from ..judge.truth import FALSE, TRUE
from .bounds import step_bounded
from .named_bounds import OTHER, STEP, covers, fresh, product_of_letters, roles, spoken_of

NEAR = 1e-9
WHY = "‖A B‖ ≤ ‖A‖ ‖B‖ and ‖Mᵀ‖ = ‖M‖, for the spectral norm"


def norms(judge: Judge, line: Line) -> bool:
    """Whether the line compares norms in a way that is decided here; it has its verdict then."""
    claim = line.claim
    left = s.bare(claim.left)
    if claim.relation not in ("=", "≤") or claim.right is None:
        return False
    count = sum(isinstance(n, s.Norm) for n in s.walk(claim.right))
    if not count and claim.relation == "≤":
        return _names_a_bound(judge, line)
    if not isinstance(left, s.Norm) or not count:
        return False
    single = isinstance(s.bare(claim.right), s.Norm)
    if (claim.relation == "≤" or single) and _all_alike(line):
        for inside in _insides(claim.right):
            true = _true(judge, Statement(left.of, inside))
            if true:
                line.true, line.reading = true, true[0]
                line.verdict, line.how, line.proof = PROVED, "norm", (WHY,)
                return True
    if _fails(judge, line):
        line.verdict, line.codes = REFUTED, ["M28"]
        line.message = "there are states and weights at which it fails"
        if claim.relation == "=" and not single:
            line.message = "the norm of a product is at most the product of the norms: ≤, not ="
        return True
    return False


def _all_alike(line: Line) -> bool:
    """One norm throughout, for which the rules hold; of a ∏, which may be empty, ‖I‖ must be 1."""
    nodes = [n for x in (line.claim.left, line.claim.right) if x is not None for n in s.walk(x)]
    orders = {n.order for n in nodes if isinstance(n, s.Norm)}
    if orders <= {None, s.Number("2")}:
        return True
    frobenius = orders == {s.Symbol("F")}
    return frobenius and not any(isinstance(n, s.Big) for n in nodes)


def _true(judge: Judge, statement: Statement) -> list[Reading]:
    return [r for base in judge.bases(statement) for r in judge.plain(statement, base)[0]]


def _insides(node: s.Node) -> Iterator[s.Node]:
    """A B for ‖A‖ ‖B‖, in every order and with every factor turned or not."""
    node = s.bare(node)
    if isinstance(node, s.Norm):
        yield node.of
        yield s.Transpose(s.Group(node.of))
    elif isinstance(node, s.Big) and node.operator == "prod":
        for body in _insides(node.body):
            yield replace(node, body=body)
    elif isinstance(node, s.Product) and _is_open(node.factors[0]):  # ∏_j ‖D_j‖ · ‖W‖
        big = s.bare(node.factors[0])
        assert isinstance(big, s.Big)
        inner = s.Product((big.body, *node.factors[1:]), ("", *node.signs[1:]))
        yield from _insides(replace(big, body=inner))
    elif isinstance(node, s.Product) and len(node.factors) <= 3:
        if all(any(isinstance(n, s.Norm) for n in s.walk(x)) for x in node.factors):
            for order in itertools.permutations(node.factors):
                for parts in itertools.product(*map(_insides, order)):
                    grouped = tuple(s.Group(x) for x in parts)
                    yield s.Product(grouped, ("",) * (len(grouped) - 1))


def _is_open(node: s.Node) -> bool:
    inner = s.bare(node)
    return isinstance(inner, s.Big) and inner.operator == "prod" and inner is node


def _fails(judge: Judge, line: Line) -> bool:
    """Whether the numbers of the small world speak against it."""
    claim = line.claim
    assert claim.right is not None
    statement = Statement(claim.left, claim.right)
    seen = False
    for base in judge.bases(statement):
        for reading in judge.options.plain(statement, base):
            answer = judge.try_(reading)
            if answer.outcome == TRUE:
                return False
            if answer.outcome != FALSE:
                continue
            seen = True
            if claim.relation == "≤" and not _exceeds(judge, reading):
                return False
    return seen


def _exceeds(judge: Judge, reading: Reading) -> bool:
    """Whether the left side is the greater one somewhere."""
    ground, statement = judge.ground_of(reading), reading.statement
    for times in ground.assignments(ground.free_times(statement), False):
        try:
            left, right, _ = ground.sides(statement, reading.choice, times, set())
        except (LookupError, ValueError, ArithmeticError):
            continue
        if float(left.data) > float(right.data) * (1 + NEAR):
            return True
    return False


def _names_a_bound(judge: Judge, line: Line) -> bool:
    """‖W‖ ≤ β, ‖W‖ ‖diag(φ')‖ ≤ β γ: letters of which nothing else is said name the bounds; of
    those that earlier lines name, what follows from these is proved."""
    assert line.claim.right is not None
    left = s.bare(line.claim.left)
    factors = left.factors if isinstance(left, s.Product) else (left,)
    letters = product_of_letters(judge, line.claim.right)
    if letters is None or not all(isinstance(s.bare(x), s.Norm) for x in factors):
        return False
    earlier = judge.lines[: judge.lines.index(line)]
    tied, _ = spoken_of(judge, earlier)
    if fresh(judge, letters, earlier) == letters and not letters & tied:
        line.verdict = DEFINITION
        return True
    of = Counter(roles(judge, left))
    conditions = step_bounded(judge, line) if of == {STEP: 1} else None
    if OTHER not in of and not fresh(judge, letters, earlier) and not letters & tied:
        if any(found == of for found in covers(judge, letters, earlier)):
            conditions = []
    if conditions is None:
        return False
    line.verdict, line.how, line.proof = PROVED, "norm", (WHY,)
    line.conditions += conditions
    return True
