"""The scripts of `symbptt verify --script`: they run with NumPy alone and show what is claimed."""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from symbptt.derive import derive
from symbptt.errors import SymbpttError
from symbptt.parse import load
from symbptt.show import show
from symbptt.verify.report import Report, verify
from tests.scoring import CASES, document

TANH = r"""
$$h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)$$
$$y_t=W_{hy}h_t+b_y$$
$$L=\sum_{t=1}^T L_t$$
"""
STATED = TANH + r"$$L_t=\frac12\|y_t-d_t\|^2$$"
SOFTMAX = r"""
$$\mathbf h^{(t)}=\tanh(\mathbf b+\mathbf h^{(t-1)}\mathbf{W_h}+\mathbf x^{(t)}\mathbf{W_x})$$
$$\mathbf o^{(t)}=\mathbf c+\mathbf h^{(t)}\mathbf V$$
$$\mathbf{\hat y}^{(t)}=softmax(\mathbf o^{(t)})$$
"""
BACK = (
    r"\frac{\partial L}{\partial h_t}=W_{hy}^T\frac{\partial L}{\partial y_t}"
    r"+%s((1-h_{t+1}^2)\odot\frac{\partial L}{\partial h_{t+1}})"
)
OWN = r"\frac{\partial h_t}{\partial W_{hh}}"


def run(source: str) -> tuple[str, float]:
    """What a script prints, and the largest difference; only NumPy is imported."""
    assert set(re.findall(r"^import (\w+)|^from (\w+)", source, re.M)) == {("numpy", "")}
    done = subprocess.run(
        [sys.executable, "-I", "-c", source], capture_output=True, text=True, check=False
    )
    found = re.search(r"largest difference: (\S+)", done.stdout)
    assert found or "shapes differ" in done.stdout, done.stderr
    return done.stdout + done.stderr, float(found.group(1)) if found else float("inf")


def largest(report: Report) -> float:
    """The largest difference of the counterexample of the last line, as it is printed."""
    from fractions import Fraction

    entries = report.lines[-1].counterexample.entries
    return max(abs(float(Fraction(e.left) - Fraction(e.right))) for e in entries)


@pytest.mark.parametrize(
    "before, line",
    [
        (STATED, BACK % "W_{hh}"),  # a transposition missing
        (STATED, (BACK % "W_{hh}^T").replace("h_{t+1}^2", "h_t^2")),  # a step off
        (STATED, (BACK % "W_{hh}^T").replace(")=W", ")=-W").replace("+W", "-W")),  # a sign
        (STATED, r"\frac{\partial L}{\partial W_{xh}}=\sum_t\frac{\partial L}{\partial h_t}x_t^T"),
        (STATED.replace(r"\tanh", r"\sigma"), BACK % "W_{hh}^T"),  # the slope of another function
        pytest.param(STATED.replace(r"\tanh", r"relu"), BACK % "W_{hh}^T", marks=pytest.mark.slow),
        (SOFTMAX, r"\frac{\partial L}{\partial\mathbf o^{(t)}}=\mathbf{\hat y}^{(t)}"),
        (
            SOFTMAX,
            r"\frac{\partial L}{\partial\mathbf{W_h}}"
            r"=\sum_t(\mathbf h^{(t)})^T\frac{\partial L}{\partial\mathbf h^{(t)}}",
        ),
        (STATED, r"\frac{\partial h_t}{\partial h_k}=\prod_{j=k+1}^t diag(1-h_j^2)W_{xh}W_{xh}^T"),
    ],
)
def test_the_script_shows_the_difference_of_the_counterexample(before: str, line: str) -> None:
    report = verify(f"{before}\n$${line}$$\n")
    last = report.lines[-1]
    assert last.verdict == "refuted"
    _, difference = run(report.script(last.claim.id))
    assert difference == pytest.approx(largest(report), rel=1e-5)


UNKNOWN = [
    (TANH, BACK % "W_{hh}"),
    (TANH.replace(r"\tanh", "f"), (BACK % "W_{hh}").replace("(1-h_{t+1}^2)", "f'(a_{t+1})")),
]


@pytest.mark.parametrize("before, line", UNKNOWN)
def test_a_sine_stands_for_a_function_of_which_nothing_is_known(before: str, line: str) -> None:
    """Its numbers are others than those of the report; a right line holds for it as well."""
    for matrix, right in (("W_{hh}", False), ("W_{hh}^T", True)):
        report = verify(f"{before}\n$${line.replace('W_{hh}', matrix)}$$\n")
        _, difference = run(report.script(report.lines[-1].claim.id))
        assert difference < 1e-6 if right else difference > 1e-3


def test_sides_of_two_shapes_are_shown_with_their_shapes() -> None:
    line = r"\frac{\partial L}{\partial W_{xh}}=\frac{\partial L}{\partial W_{hh}}"
    report = verify(f"{TANH}\n$${line}$$\n")
    said, _ = run(report.script("4"))
    assert "the shapes differ: (2, 3) and (2, 2)" in said


@pytest.mark.parametrize(
    "line, said, error",
    [
        (
            r"\frac{\partial L}{\partial h_t}=\frac{\partial L}{\partial y_t}W_{hy}^T",
            "shapes: (4, 1) and (2, 4)", "ValueError: matmul",
        ),
        (
            r"\frac{\partial L}{\partial h_t}=W_{hy}^T\frac{\partial L}{\partial y_t}+W_{xh}^Th_t",
            "shapes: (2, 1) and (3, 1)", "AssertionError: cannot add (2×1) and (3×1)",
        ),
    ],
)  # fmt: skip
def test_a_product_that_does_not_exist_is_tried(line: str, said: str, error: str) -> None:
    report = verify(f"{TANH}\n$${line}$$\n")
    done = subprocess.run(
        [sys.executable, "-I", "-c", report.script("4")], capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode and said in done.stdout and error in done.stderr


def test_an_entry_is_shown_at_its_indices() -> None:
    before = r"$$h_{t+1}=\tanh(Ux_t+Wh_t)$$"
    line = r"\frac{\partial h_{t+1,i}}{\partial h_{t,j}}=1-h_{t+1,i}^2w_{i,j}"
    report = verify(f"{before}\n$${line}$$\n")
    assert "j = 1" in report.lines[-1].counterexample.where
    _, difference = run(report.script("2"))
    assert difference == pytest.approx(largest(report), rel=1e-5)


def test_the_data_of_a_script_are_those_of_the_counterexample_orthogonal_weights_too() -> None:
    before = STATED.replace(r"\tanh", "") + "\n\nThe matrix $W_{hh}$ is orthogonal.\n"
    report = verify(f"{before}\n$${BACK % 'W_{hh}^T'}$$\n")
    assert report.lines[-1].verdict == "refuted"
    _, difference = run(report.script(report.lines[-1].claim.id))
    assert difference == pytest.approx(largest(report), rel=1e-5)


def test_a_line_of_a_system_of_its_own_has_a_script() -> None:
    """S001.E4: its forward equations stand beside those of the rest."""
    case = next(c for c in json.loads(CASES.read_text("utf-8"))["cases"] if c["id"] == "S001")
    report = verify(document(case))
    said, _ = run(report.script("E4"))
    assert "the shapes differ: (2, 4) and (2, 5)" in said
    assert "the left side is (3×4)" in report.explain("E4")


# Claims about growth have a worked counterexample instead; the others say nothing of an array.
WITHOUT = ["S000.E16.1", "S000.E16.2", "S000.E18", "S001.E0", "D09.E3", "D17.E8.1", "D17.E8.2"]
WITHOUT += ["D19.E2", "D39.E5"]


@pytest.mark.slow
def test_every_refuted_line_of_the_cases_has_a_short_script_that_shows_it() -> None:
    without = []
    for case in json.loads(CASES.read_text(encoding="utf-8"))["cases"]:
        report = verify(document(case))
        for line in report.refuted:
            try:
                source = report.script(line.claim.id)
            except SymbpttError:
                without.append(f"{case['id']}.{line.claim.id}")
                continue
            assert source.count("\n") <= 30, source
            said, error = executed(source)
            found = re.search(r"largest difference: (\S+)", said)
            shown = float(found.group(1)) > 1e-3 if found else "shapes" in said
            assert shown, f"{source}\n{said}\n{error}"
            assert not error or "shapes: " in said, f"{source}\n{error}"
    assert without == WITHOUT


def executed(source: str) -> tuple[str, str]:
    said, error = io.StringIO(), ""
    with contextlib.redirect_stdout(said):
        try:
            exec(source, {})
        except (ValueError, AssertionError) as e:
            error = str(e)
    return said.getvalue(), error


def test_a_total_and_an_immediate_derivative_are_told_apart() -> None:
    """∂h_2/∂W through both steps, against the copy that step 2 alone reads."""
    right = r"\mathrm{diag}(1-h_t^2)W_{hh}\frac{\partial h_{t-1}}{\partial W_{hh}}"
    text = f"{TANH}$${OWN}={right}$$"
    total = verify(text).lines[-1]
    assert total.verdict == "refuted"
    _, difference = run(verify(text).script("4"))
    assert difference > 1e-3


@pytest.mark.parametrize(
    "model", ["elman", "elman_ce", pytest.param("lstm_column", marks=pytest.mark.slow)]
)
def test_the_script_of_a_right_line_shows_no_difference(model: str) -> None:
    text = show(derive(load(model)), "markdown", mode="adjoint")
    report = verify(text, model=model)
    right = [x for x in report.lines if x.verdict == "proved"]
    for line in right[-4:]:
        _, difference = run(report.script(line.claim.id))
        assert difference < 1e-6, line.claim.source


def test_the_command_writes_the_script(tmp_path: Path) -> None:
    notes, out = tmp_path / "notes.md", tmp_path / "line.py"
    notes.write_text(f"{TANH}\n$${BACK % 'W_{hh}'}$$\n", encoding="utf-8")
    for name in ("4", "first"):
        done = subprocess.run(
            [sys.executable, "-m", "symbptt", "verify", str(notes), "--script", name, "-o", out],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, done.stderr
        assert run(out.read_text(encoding="utf-8"))[1] > 0.01
    done = subprocess.run(
        [sys.executable, "-m", "symbptt", "verify", str(notes), "--script", "99"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "there is no line 99" in done.stderr
