"""The judges are tested first: a planted fault is refuted, and named by its equation's label.

Rows of `rules` are patched, derived equations replaced, emitted lines changed; `prove` and
`check` must object each time, and must not object to a change of form alone.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest

from symbptt import check, derive, load, model, plan, prove, rules, same
from symbptt import matrix as mx
from symbptt.model import Derivation, Equation
from symbptt.prove import induction, stages
from symbptt.prove.explicit import explicit
from symbptt.prove.induction import B, J, P, S, k, s, u
from tests import faults
from tests.conftest import TEXTS
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
    assert labels <= named(wrong)
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

MODELS = ("elman", "elman_batch", "linear", "rnnlm", "lag2", "stacked")
MISTAKES = (*faults.WHOLE, *faults.FAULTS)


def named(d: Derivation, labels: Iterable[str] = ()) -> set[str]:
    """The labels refuted by the stages that speak about `labels`, or by any stage.

    The explicit road comes last, and has tests of its own.
    """
    spoken = speakers(d.model.name) if labels else {}
    return {
        s.label
        for name, stage in stages(d)[:-1]
        if not labels or spoken[name] & set(labels)
        for s in stage(d)
        if not s.ok
    }


@cache
def speakers(name: str) -> dict[str, set[str]]:
    """Stage -> the labels it speaks about; none is refuted where there is no fault."""
    d = derive(model(TEXTS[name]) if name in TEXTS else load(name))
    verdicts = {stage: run(d) for stage, run in stages(d)}
    assert all(s.ok for steps in verdicts.values() for s in steps)
    return {stage: {s.label for s in steps} for stage, steps in verdicts.items()}


def mistakes(d: Derivation, adjoint: bool) -> dict[str, list[Any]]:
    """Label -> its right side with each mistake that can be made there."""
    equations = [e for g in d.groups if (g.key == "adjoint") is adjoint for e in g.equations]
    equations += [] if adjoint else [f.equation for f in d.formal]
    return {e.label: [x for m in MISTAKES for x in variants(e.rhs, m)[:1]] for e in equations}


# The recursions apart: the claims about the state and about powers read all of them.
@pytest.mark.parametrize("adjoint", [True, False], ids=["recursions", "others"])
@pytest.mark.parametrize("name", [*MODELS[:-1], pytest.param(MODELS[-1], marks=pytest.mark.slow)])
def test_every_mistake_in_every_equation_is_named(derived: Any, name: str, adjoint: bool) -> None:
    """Planted in many equations at once: each is judged by itself."""
    d = derived(name)
    every = mistakes(d, adjoint)
    assert min(map(len, every.values())) >= 1
    for n in range(max(map(len, every.values()))):
        wrong = {label: found[n] for label, found in every.items() if n < len(found)}
        assert named(planted(d, wrong), wrong) >= set(wrong), wrong


@pytest.mark.parametrize("mistake", MISTAKES)
def test_every_mistake_can_be_made(derived: Any, mistake: str) -> None:
    assert any(variants(e.rhs, mistake) for e in derived("linear"))


@pytest.mark.parametrize("name", ["elman", "linear"])
def test_one_shifted_time_is_refuted_by_the_whole_proof(derived: Any, name: str) -> None:
    """A derivation that reads what is not there is refuted as well, not a crash."""
    d = derived(name)
    for e in (*d.adjoint.values(), *d.gradient.values()):
        for wrong in variants(e.rhs, "t - 1 for t")[:1]:
            verdict = prove(planted(d, {e.label: wrong}))
            assert e.label in {s.label for s in verdict.failed}


@pytest.mark.parametrize("name", MODELS)
def test_the_explicit_road_alone_finds_a_wrong_recursion(derived: Any, name: str) -> None:
    d = derived(name)
    for e in (*d.adjoint.values(), *d.gradient.values()):
        wrong = planted(d, {e.label: mx.times(NEARLY, e.rhs)})
        assert e.label in {s.label for s in explicit(wrong, horizons=(2,)) if not s.ok}


def test_a_wrong_forward_equation_of_the_model_is_named(derived: Any) -> None:
    """The model that the derivation carries, not only the line that is printed."""
    d = derived("elman")
    for n, e in enumerate(d.model.equations):
        wrong = replace(e, rhs=mx.times(NEARLY, e.rhs))
        equations = (*d.model.equations[:n], wrong, *d.model.equations[n + 1 :])
        verdict = prove(replace(d, model=replace(d.model, equations=equations)))
        assert e.label in {s.label for s in verdict.failed}


@pytest.mark.parametrize("name", ["elman", "elman_batch"])
def test_a_change_of_form_alone_is_no_fault(derived: Any, name: str) -> None:
    """Sums and elementwise products in another order."""

    def turned(e: Any) -> Any:
        if not isinstance(e, mx.Node) or isinstance(e, mx.Var | mx.Deriv | mx.Scalar):
            return e
        e = e.func(*map(turned, e.args))
        return e.func(*reversed(e.args)) if isinstance(e, mx.Plus | mx.Times) else e

    d = derived(name)
    changed = {e.label: turned(e.rhs) for e in d}
    assert sum(changed[e.label] != e.rhs for e in d) > 10
    assert prove(planted(d, changed)).ok


# -- the judges themselves

BROKEN_INDUCTION = {
    "P(t,k) = P(t-1,k) J_t": ("left", lambda x, i, j: x.xreplace({P(i, j): P(i - 1, j) @ J(i)})),
    "P(t,t) = 2 I": ("empty_product", lambda x, i: x.xreplace({P(i, i): 2 * mx.Eye(S)})),
    "no term at t in S_t": ("sensitivity", lambda i: mx.time_sum(P(i, k) @ B(k), k, 1, i - 1)),
    "no term at T in λ_t": ("adjoint", lambda i: mx.time_sum(u(s) @ P(s, i), s, i, mx.T - 1)),
}


@pytest.mark.parametrize("wrong", BROKEN_INDUCTION)
def test_an_induction_over_a_wrong_claim_fails(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    assert all(step.ok for step in induction.claims())
    monkeypatch.setattr(induction, *BROKEN_INDUCTION[wrong])
    assert not all(step.ok for step in induction.claims())


# What becomes of a line of emitted code.
EDITS: dict[str, Callable[[str], str]] = {
    "dropped": lambda x: re.sub(r"(np\.|\S+\.(dot|fill|put|take)\().*", "pass", x, count=1),
    "subtracted": lambda x: x.replace("np.add(", "np.subtract("),
    "added": lambda x: x.replace("np.subtract(", "np.add("),
    "added for multiplied": lambda x: x.replace("np.multiply(", "np.add("),
    "multiplied for divided": lambda x: x.replace("np.divide(", "np.multiply("),
    "no transpose": lambda x: re.sub(r"\.T\b(?=\.dot|,|\))", "", x, count=1),
    "h for h_prev": lambda x: re.sub(r"_prev\b", "", x) if ".T.dot" in x else x,
    "sin for tanh": lambda x: x.replace("np.tanh", "np.sin"),
    "a start of one": lambda x: x.replace(".fill(0)", ".fill(1)"),
    "0.05 %": lambda x: re.sub(r"\((\w[\w.]*), out=", r"(\1 * 1.0005, out=", x, count=1),
    "a loss 0.05 % off": lambda x: x.replace("loss = ", "loss = 1.0005 * "),
    "rows in another order": lambda x: x.replace("[::-1]", "", 1) if "self." in x else x,
    "a row too late": lambda x: x.replace("_all[:-1]", "_all[1:]", 1) if "self." in x else x,
    "the first for the last": lambda x: x.replace("_all[-1]", "_all[0]"),
}
# Lines without which the numbers are the same: the maximum only keeps exp from overflowing.
HARMLESS = r"np\.subtract\(w\.\w+, w\.max_\w+\[\.\.\., None\], out=w\.shifted_\w+\)"


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("name", ["rnnlm", "linear_mse"])
def test_an_edit_of_any_line_is_refuted(planned: Any, emitted: Any, name: str, edit: str) -> None:
    lines = emitted(name).splitlines()
    inside = range(lines.index("    # Forward"), lines.index("def forward(params, x, state=None):"))
    buffers = range(lines.index("class _Buffers:"), len(lines))
    count = 0
    for n in (*inside, *buffers):
        new = EDITS[edit](lines[n])
        memory = re.search(r"\b_empty\(|\braw\b|itemsize", lines[n])
        if new == lines[n] or memory or re.search(HARMLESS, lines[n]):
            continue
        count += 1
        with np.errstate(all="ignore"):
            verdict = check(planned(name), "\n".join([*lines[:n], new, *lines[n + 1 :]]) + "\n")
        assert not verdict.ok, f"{lines[n]}  ->  {new}"
    assert count or name != "rnnlm", "no line for this edit"


# Mistakes of a module that no single line shows.
MODULES = {
    "an argument overwritten": ("    return loss, grads", "    x *= 2\n    return loss, grads"),
    "two gradients in one array": ('"b": w.db,', '"b": w.dc[: len(b)],'),
    "a gradient missing": ('        "V": w.dV,\n', ""),
    "float64 for everything": ("_empty((H, C), dtype)", "np.empty((H, C))"),
    "forward of another step": ('return {"o": w.o}', 'return {"o": w.o[::-1]}'),
    "a state that is never read": ('0 if state is None else state["h"]', "0"),
}


@pytest.mark.parametrize("fault", MODULES)
def test_a_wrong_module_is_refuted(planned: Any, emitted: Any, fault: str) -> None:
    old, new = MODULES[fault]
    assert old in emitted("elman_batch")
    source = emitted("elman_batch").replace(old, new)
    with np.errstate(all="ignore"):
        assert not check(planned("elman_batch"), source).ok
