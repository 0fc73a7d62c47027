"""The judges are tested first: a planted fault is refuted, and named by its equation's label.

Rows of `rules` are patched, derived equations replaced, emitted lines changed; `prove` and
`check` must object each time, and must not object to a change of form alone.
"""

from functools import cache
from typing import Any

import pytest

from symbptt import check, derive, model, plan, prove, rules, same
from symbptt import matrix as mx
from symbptt.model import Derivation, Equation
from symbptt.prove import stages
from tests import faults
from tests.faults import NEARLY, planted, variants

# -- rows of `rules`


@cache
def true(source: str) -> Derivation:
    return derive(model(source))


def wrong_labels(a: Derivation, b: Derivation) -> set[str]:
    """The labels of b's equations that do not say what a's say."""
    right = {e.label: e for e in a}

    def agrees(e: Equation) -> bool:
        f = right.get(e.label)
        return f is not None and e.lhs == f.lhs and bool(same(e.rhs, f.rhs))

    return {e.label for e in b if not agrees(e)}


SABOTAGES = [pytest.param(*case, id=words) for *case, words in faults.sabotages()]
SOURCES = {s for rows in faults.ROWS.values() for models in rows.values() for s, _ in models}


@pytest.mark.parametrize(("table", "key", "row", "source"), SABOTAGES)
def test_a_wrong_rule_is_refuted_by_label(
    monkeypatch: pytest.MonkeyPatch, table: str, key: Any, row: Any, source: str
) -> None:
    right = true(source)
    monkeypatch.setitem(getattr(rules, table), key, row)
    wrong = derive(model(source))
    labels = wrong_labels(right, wrong)
    assert labels, "the model does not use this row"
    assert labels <= {s.label for s in prove(wrong).failed}
    if source != faults.CALLED:  # has no code
        assert not check(plan(wrong)).ok


def test_every_row_is_sabotaged() -> None:
    for table, rows in faults.ROWS.items():
        assert set(rows) == set(getattr(rules, table))


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_the_models_of_the_sabotage_hold(source: str) -> None:
    assert prove(true(source)).ok
    if source != faults.CALLED:
        assert check(plan(true(source))).ok


# -- equations of a derivation

MODELS = ("elman", "elman_batch", "linear", "rnnlm")


def everywhere(d: Derivation) -> dict[str, list[Equation]]:
    groups = {g.key: list(g.equations) for g in d.groups}
    return {**groups, "formal": [f.equation for f in d.formal]}


def named(d: Derivation) -> set[str]:
    """The labels that some stage refutes; the explicit road has tests of its own."""
    return {s.label for _, stage in stages(d)[:-1] for s in stage(d) if not s.ok}


def test_nothing_is_named_without_a_fault(derived: Any) -> None:
    assert not any(named(derived(name)) for name in MODELS)


def is_zero(e: Equation) -> bool:
    return not e.rhs.free_symbols - {mx.t}


@pytest.mark.parametrize("fault", ["sign", "0.05 %", *faults.FAULTS])
@pytest.mark.parametrize("name", MODELS)
def test_a_fault_in_any_equation_is_named(derived: Any, name: str, fault: str) -> None:
    d, count = derived(name), 0
    for equations in everywhere(d).values():
        wrong = {}
        for e in equations:
            if fault in faults.FAULTS:
                wrong |= {e.label: x for x in variants(e.rhs, fault)[:1]}
            elif not e.rhs.is_zero:
                wrong[e.label] = mx.times(-1 if fault == "sign" else NEARLY, e.rhs)
        if wrong:
            count += len(wrong)
            found = named(planted(d, wrong))
            assert found >= set(wrong), (fault, {l: str(wrong[l]) for l in set(wrong)-found})
    print(name, fault, count)
