"""Edits of a whole side: a sum over t, a sign, a constant, the upstream factor."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .. import surface as s
from ..judge.readings import has_sum
from ..judge.statement import Statement
from .vocabulary import Vocabulary


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
    left, time = s.bare(statement.left), v.time_of(s.bare(statement.left))
    own = [left] if isinstance(left, s.Derivative) and v.judge.options.of_loss(left) else []
    for sample in dict.fromkeys((*v.upstream.values(), *own)):
        for at in [] if time is None else (time, time + 1):
            moved = replace(sample, by=v.at(s.bare(sample.by), at))
            if moved != left:
                product = s.Product((moved, body), ("⊙",))
                yield "M02", "the upstream factor is missing", replace(statement, right=product)
