"""Verdicts on hand derivations: worlds in numbers, proofs for all sizes, readings, repairs."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from symbptt import matrix as mx
from symbptt.derive import derive
from symbptt.errors import SymbpttError
from symbptt.parse import load
from symbptt.show import show
from symbptt.verify import surface as s
from symbptt.verify.evidence.scalars import Digits, IrrationalError
from symbptt.verify.meaning.choice import Choice
from symbptt.verify.meaning.recall import Recall
from symbptt.verify.report import verify
from symbptt.verify.world import FUTURE, IMMEDIATE, World, close

ELMAN = r"""
$$h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)$$
$$y_t=W_{hy}h_t+b_y$$
$$L=\sum_{t=1}^T L_t$$
"""


def verdict(line: str, before: str = ELMAN) -> str:
    """The verdict of the last formula."""
    return verify(f"{before}\n$${line}$$\n").lines[-1].verdict


def codes(line: str, before: str = ELMAN) -> list[str]:
    return verify(f"{before}\n$${line}$$\n").lines[-1].codes


# -- worlds


def test_a_world_obeys_the_chain_rule_it_was_not_told() -> None:
    w = World(load("elman"))
    v = w.values
    inner = v["W_hy", None].T @ (v["o", 1] - v["y", 1])
    later = w.derivative(("L", None), ("h", 2)) * (1 - v["h", 2] ** 2)
    assert close(w.derivative(("L", None), ("h", 1)), inner + v["W_hh", None].T @ later)
    assert close(w.derivative(("L", None), ("h", 1), IMMEDIATE), inner)
    assert close(w.derivative(("L", None), ("h", 1), FUTURE), v["W_hh", None].T @ later)


def test_a_world_is_drawn_until_its_roots_are_real() -> None:
    w = World(load("layernorm_rnn"), 2)  # the first draw has an ε below −v_2
    assert all(abs(w.values["h", t]).max() < 1 for t in (1, 2))
    field = Digits()
    with pytest.raises(IrrationalError, match="outside the real numbers"):
        field.power(field.number(-2), 0.5)


def test_the_copies_of_a_parameter_add_up_to_it() -> None:
    w = World(load("elman_batch"))
    parts = [w.derivative(("L", None), ("W_h", None), copy=t) for t in (1, 2, 3)]
    assert close(sum(parts), w.derivative(("L", None), ("W_h", None)))
    assert not close(parts[0], np.zeros_like(parts[0]))


# -- proofs


@pytest.mark.parametrize(
    "line",
    [
        r"\frac{\partial L_t}{\partial h_t}=W_{hy}^T\frac{\partial L_t}{\partial y_t}",
        r"\frac{\partial L}{\partial h_t}=W_{hy}^T\frac{\partial L}{\partial y_t}"
        r"+W_{hh}^T\left(\frac{\partial L}{\partial h_{t+1}}\odot(1-h_{t+1}^2)\right)",
        r"\frac{\partial L}{\partial W_{hh}}=\sum_{t=1}^T"
        r"\mathrm{diag}(1-h_t^2)\frac{\partial L}{\partial h_t}h_{t-1}^\top",
        r"\frac{\partial h_{t+1}}{\partial h_t}=\mathrm{diag}(1-h_{t+1}^2)W_{hh}",
        r"\frac{\partial h_t}{\partial h_k}=\prod_{t\ge j>k}\mathrm{diag}(1-h_j^2)W_{hh}",
        r"\frac{\partial L}{\partial W_{hh}}=\sum_{t=1}^T\sum_{k=1}^t\frac{\partial L_t}"
        r"{\partial h_t}\frac{\partial h_t}{\partial h_k}\frac{\partial^+h_k}{\partial W_{hh}}",
    ],
)
def test_true_lines_are_proved_for_every_length(line: str) -> None:
    assert verdict(line) == "proved"


@pytest.mark.parametrize(
    "line, code",
    [
        (
            r"\frac{\partial L}{\partial W_{hh}}=\sum_{t=1}^T\frac{\partial L}{\partial h_t}"
            r"h_{t-1}^\top",
            "M01",
        ),
        (
            r"\frac{\partial L}{\partial h_t}=W_{hy}^T\frac{\partial L}{\partial y_t}"
            r"+W_{hh}^T\left(\frac{\partial L}{\partial h_{t+1}}\odot(1-h_t^2)\right)",
            "M10",
        ),
        (
            r"\frac{\partial L}{\partial h_t}=W_{hy}^T\frac{\partial L}{\partial y_t}"
            r"+W_{hh}\left(\frac{\partial L}{\partial h_{t+1}}\odot(1-h_{t+1}^2)\right)",
            "M04",
        ),
        (
            r"\frac{\partial L}{\partial h_t}=W_{hy}^T\frac{\partial L}{\partial y_t}"
            r"-W_{hh}^T\left(\frac{\partial L}{\partial h_{t+1}}\odot(1-h_{t+1}^2)\right)",
            "M15",
        ),
        (
            r"\frac{\partial L}{\partial W_{xh}}=\sum_{t=1}^T"
            r"\mathrm{diag}(1-h_t^2)\frac{\partial L}{\partial h_t}h_{t-1}^\top",
            "M11",
        ),
    ],
)
def test_a_wrong_line_is_refuted_with_its_class(line: str, code: str) -> None:
    assert verdict(line) == "refuted"
    assert code in codes(line)


def test_a_jacobian_in_the_other_layout_is_right_under_that_condition() -> None:
    line = r"\frac{\partial h_{t+1}}{\partial h_t}=W_{hh}^T\mathrm{diag}(1-h_{t+1}^2)"
    found = verify(f"{ELMAN}\n$${line}$$\n").lines[-1]
    assert found.verdict == "conditional"
    assert [c.code for c in found.conditions] == ["M05"]


def test_the_right_equation_is_given_in_the_author_s_symbols() -> None:
    line = r"\delta_t=\frac{\partial L}{\partial h_t}"
    wrong = r"\frac{\partial L}{\partial W_{xh}}=\sum_{t=1}^T\delta_t x_t^T"
    found = verify(f"{ELMAN}\n$${line}$$\n\n$${wrong}$$\n").lines[-1]
    assert found.verdict == "refuted"
    assert (
        "1 - h_t^{2}" in found.correct or "1 - h_{t}^{2}" in found.correct or "h_t" in found.correct
    )


# -- what is shown


TWO = (
    ELMAN
    + r"""
$$\delta_t=\frac{\partial L}{\partial h_t}$$
$$\frac{\partial L}{\partial W_{hh}}=\sum_t\delta_t h_{t-1}^T$$
"""
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "symbptt", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_command_says_what_is_wrong_and_exits_with_1(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text(TWO, encoding="utf-8")
    shown = run("verify", str(file))
    assert shown.returncode == 1, shown.stderr
    assert "refuted: M01" in shown.stdout
    assert "write instead" in shown.stdout
    machine = json.loads(run("verify", str(file), "--json").stdout)
    assert [x["verdict"] for x in machine["lines"]][-2:] == ["definition", "refuted"]
    assert machine["lines"][-1]["diagnosis"]["class"] == "M01"


def test_a_text_without_a_formula_is_undecided() -> None:
    report = verify("Nothing but words.")
    assert report.status == 3
    assert "no formula" in str(report)


def test_an_assumption_decides_what_a_letter_means() -> None:
    report = verify(TWO, assume={"δ": "h~"})
    assert report.lines[-1].verdict == "proved"
    with pytest.raises(SymbpttError, match="the model has no w"):
        verify(TWO, assume={"δ": "w"})


# -- whole derivations

DERIVATIONS = Path(__file__).parents[1] / "examples" / "derivations"


def verdicts_of(name: str) -> dict[str, str]:
    text = (DERIVATIONS / name).read_text(encoding="utf-8")
    return {x.claim.id: ",".join([x.verdict, *x.codes]) for x in verify(text).lines}


def test_column_vectors_with_a_backward_pass_of_two_layouts() -> None:
    found = verdicts_of("seed_000.md")
    assert found["last"].startswith("refuted,M05,M17")
    assert found["recursion"] == found["jacobian"] == found["double"] == "conditional"
    assert found["weights"] == "proved"
    assert found["growth"] == "refuted,M28"


@pytest.mark.slow
def test_rows_of_a_minibatch_for_the_loss_of_one_step() -> None:
    found = verdicts_of("seed_001.md")
    assert found["output.2"] == found["weight"] == "proved"
    assert found["state"] == "conditional"
    assert found["a"] == "refuted,M11,M17"
    assert set(found["slope"].split(",")) == {"refuted", "M02", "M03"}
    assert found["back"].startswith("refuted,M11")
    assert found["sum"].startswith("refuted,M11")


def test_no_wrong_line_of_the_small_cases_is_proved() -> None:
    """The whole score is `python -m tests.scoring`; here the quick cases."""
    from tests.scoring import CASES, document, verdicts

    cases = json.loads(CASES.read_text(encoding="utf-8"))["cases"]
    for case in cases:
        if case["id"] not in ("D05", "D09", "D15", "D27", "D29", "D35", "D47", "D49"):
            continue
        found = verdicts(case, verify(document(case)))
        for e in case["equations"]:
            verdict = found[e["id"]][0]
            if e["verdict"] == "wrong":
                assert verdict not in ("proved", "definition"), (case["id"], e["id"])
            if e["verdict"] == "correct":
                assert verdict not in ("refuted", "follows"), (case["id"], e["id"])


# -- sabotage: what the project prints is proved, and no longer once it is edited

EDITS = (
    (r"W_{hh}^{\top}", "W_{hh}"),
    (r"W_{hy}^{\top}", r"W_{xh}^{\top}"),
    ("h_{t-1}", "h_{t}"),
    ("x_{t}", "x_{t-1}"),
    (r"h_{t}^{\top}", r"h_{t-1}^{\top}"),
    ("h_{t}^{2}", "h_{t-1}^{2}"),
    ("1 - h_{t}", "1 + h_{t}"),
    (" + ", " - "),
    (r"o_{t} - y_{t}", r"y_{t} - o_{t}"),
    (r"\sum_{t=1}^{T}", r"\sum_{t=2}^{T}"),
    (r"\sum_{t=1}^{T}", ""),
    ("a_{t+1}", "a_{t}"),
    ("W_{hh}", "W_{xh}"),
)


def printed(model: str) -> list[str]:
    """The formulas of the derivation the project prints."""
    text = show(derive(load(model)), "markdown", mode="adjoint")
    return [x.claim.source for x in verify(text, model=model).lines if x.verdict == "proved"]


@pytest.mark.parametrize("model", ["elman", "elman_ce"])
def test_what_the_project_prints_is_proved_and_not_what_is_made_of_it(model: str) -> None:
    lines = printed(model)
    assert len(lines) >= 15
    for line in lines:
        left, _, right = line.partition("=")
        for old, new in EDITS:
            if old in right:
                edited = f"{left}={right.replace(old, new)}"
                found = verify(f"$${edited}$$", model=model).lines[-1]
                assert found.verdict not in ("proved", "definition"), edited


def test_what_a_letter_stood_for_is_recalled_by_its_body_and_its_step() -> None:
    recall, body = Recall(), s.Symbol("h")
    kinds = [
        Choice(aliases={"d": (at, tree)})
        for at in (mx.t, mx.t + 1)
        for tree in (body, s.Number("1"))
    ]
    assert len({recall.letters(x) for x in kinds}) == 4
    again = Choice(aliases={"d": (mx.t, s.Symbol("h"))})
    assert recall.letters(again) == recall.letters(kinds[0])
