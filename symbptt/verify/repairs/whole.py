"""Edits of a whole side: a sum over t, a sign, a constant, the upstream factor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .. import surface as s
from ..judge.readings import has_sum
from ..judge.statement import Statement
from ..write import plain
from .vocabulary import Vocabulary


def of_argument(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    """∂L/∂p = p − y, where p = softmax(o): that is ∂L/∂o, and ∂L/∂p is −y / p."""
    left, right = s.bare(statement.left), s.bare(statement.right)
    by = s.bare(left.by) if isinstance(left, s.Derivative) else None
    if not isinstance(right, s.Sum) or not isinstance(by, s.Symbol) or len(right.terms) != 2:
        return
    system = v.system
    if not system.onehot or v.names.get(v.naming.parts(by).name) != system.output:
        return
    goal = next((x for x in map(s.bare, right.terms) if _is_label(v, x)), None)
    if goal is None or by not in map(s.bare, right.terms):
        return
    inverse = s.Power(by, s.Sum((s.Number("1"),), ("-",)))
    words = f"{plain(right)} is the gradient by the argument of the softmax, not by {plain(by)}"
    quotient = s.Product((goal, inverse), ("⊙",))
    yield "M16", words, replace(statement, right=s.Sum((quotient,), ("-",)))


def other_loss(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """o − y as softmax(o) − y, and the other way about: the error of one loss is not another's."""
    if not isinstance(node, s.Sum) or len(node.terms) != 2 or len(set(node.signs)) != 2:
        return
    for n, x in enumerate(map(s.bare, node.terms)):
        output = _readout(v, x)
        if output is None or not _is_target(v, s.bare(node.terms[1 - n])):
            continue
        new = s.Apply(s.Symbol("softmax"), (output,)) if output == x else output
        terms = (new, node.terms[1]) if n == 0 else (node.terms[0], new)
        words = f"{plain(node)} is the error of another loss and output"
        yield "M16", words, replace(node, terms=terms)


def _is_target(v: Vocabulary, x: s.Node) -> bool:
    """y, and the row 1_y of a class."""
    x = s.bare(x.of) if isinstance(x, s.Indicator) else x
    name = v.names.get(v.naming.parts(x).name) if isinstance(x, s.Symbol) else None
    d = v.system.model.table.get(name) if name is not None else None
    return _is_label(v, x) or (d is not None and d.role == "target")


def _readout(v: Vocabulary, x: s.Node) -> s.Symbol | None:
    """o of o, and of softmax(o)."""
    if isinstance(x, s.Apply) and x.head.letter == "softmax" and not x.primes:
        x = s.bare(x.arguments[0]) if len(x.arguments) == 1 else x
    if not isinstance(x, s.Symbol):
        return None
    return x if v.names.get(v.naming.parts(x).name) in v.system.model.defined else None


def _is_label(v: Vocabulary, x: s.Node) -> bool:
    return isinstance(x, s.Symbol) and v.naming.parts(x).name == v.system.label


def whole(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    right = statement.right
    body = right if isinstance(right, s.Symbol | s.Big | s.Derivative) else s.Group(right)
    if not has_sum(right):
        t = s.Bound(s.Symbol("t"), s.Number("1"), s.Symbol(v.naming.horizon or "T"))
        yield (
            "M12",
            "the sum over t is missing",
            replace(statement, right=s.Big("sum", (t,), right)),
        )
    yield "M15", "the sign is wrong", replace(statement, right=s.Sum((body,), ("-",)))
    horizon = s.Symbol(v.naming.horizon or "T")
    for words, factor in (
        ("2", s.Number("2")),
        ("1/2", s.Quotient(s.Number("1"), s.Number("2"))),
        ("1/T", s.Quotient(s.Number("1"), horizon)),
        ("T", horizon),
    ):
        yield (
            "M14",
            f"the factor {words} is missing",
            replace(statement, right=s.Product((factor, body), ("",))),
        )
    for key, g in v.judge.gradients.items():  # the upstream factor
        sample = v.samples.get(key)
        d = v.system.model.table.get(g.of)
        if sample is None or d is None or not d.timed:
            continue
        time = v.time_of(statement.left)
        moved = v.at(sample, time) if time is not None else sample
        product = s.Product((moved, body), ("⊙",))
        yield "M02", "the upstream factor is missing", replace(statement, right=product)
    left = s.bare(statement.left)
    time = v.time_of(left)
    if time is None and v.judge.options.is_parameter_gradient(left):
        time = v.time_of(right)  # of what Σ_t runs over
    own: list[s.Derivative] = []
    if isinstance(left, s.Derivative) and v.gradient_of(left) is not None and time is not None:
        values = (v.symbol_for(e.lhs.name, time) for e in v.system.model.equations)
        own = [replace(left, by=x) for x in values if x is not None]
    for sample in dict.fromkeys((*v.upstream.values(), *own)):
        for at in [] if time is None else (time, time + 1):
            moved = replace(sample, by=v.at(s.bare(sample.by), at))
            for new in _scaled(right, moved) if moved != left else ():
                yield "M02", "the upstream factor is missing", replace(statement, right=new)


def _scaled(right: s.Node, by: s.Node) -> Iterator[s.Node]:
    """by ⊙ right, or one of its terms, or of the parts that stand side by side, scaled so."""
    body = right if isinstance(right, s.Symbol | s.Big | s.Derivative) else s.Group(right)
    yield s.Product((by, body), ("⊙",))
    if isinstance(right, s.Big):
        for new in _scaled(right.body, by):
            yield replace(right, body=new)
    if isinstance(right, s.Entry) and isinstance(right.of, s.Group):
        for new in _scaled(right.of.of, by):
            yield replace(right, of=replace(right.of, of=new))
    if isinstance(right, s.Sum):
        for n, x in enumerate(right.terms):
            scaled = s.Product((by, s.Group(x)), ("⊙",))
            yield replace(right, terms=(*right.terms[:n], scaled, *right.terms[n + 1 :]))
    if isinstance(right, s.Stack):
        for n, row in enumerate(right.rows):
            for k, x in enumerate(row):
                scaled = s.Product((by, s.Group(x)), ("⊙",))
                rows = (*right.rows[:n], (*row[:k], scaled, *row[k + 1 :]), *right.rows[n + 1 :])
                yield replace(right, rows=rows)
