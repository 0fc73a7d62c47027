"""The scripts of `symbptt verify --script`: they run with NumPy alone and show what is claimed."""

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

TANH = r"""
$$h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)$$
$$y_t=W_{hy}h_t+b_y$$
$$L=\sum_{t=1}^T L_t$$
"""
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
    assert found or "shapes differ" in done.stderr, done.stderr
    return done.stdout + done.stderr, float(found.group(1)) if found else float("inf")


def largest(report: Report) -> float:
    """The largest difference of the counterexample of the last line, as it is printed."""
    from fractions import Fraction

    entries = report.lines[-1].counterexample.entries
    return max(abs(float(Fraction(e.left) - Fraction(e.right))) for e in entries)


@pytest.mark.parametrize(
    "before, line",
    [
        (TANH, BACK % "W_{hh}"),  # a transposition missing
        (TANH, (BACK % "W_{hh}^T").replace("h_{t+1}^2", "h_t^2")),  # a step off
        (TANH, (BACK % "W_{hh}^T").replace(")=W", ")=-W").replace("+W", "-W")),  # a sign
        (TANH, r"\frac{\partial L}{\partial W_{xh}}=\sum_t\frac{\partial L}{\partial h_t}x_t^T"),
        (TANH.replace(r"\tanh", "f"), (BACK % "W_{hh}").replace("(1-h_{t+1}^2)", "f'(a_{t+1})")),
        (TANH.replace(r"\tanh", r"\sigma"), BACK % "W_{hh}^T"),  # the slope of another function
        (TANH.replace(r"\tanh", r"relu"), BACK % "W_{hh}^T"),
        (SOFTMAX, r"\frac{\partial L}{\partial\mathbf o^{(t)}}=\mathbf{\hat y}^{(t)}"),
        (
            SOFTMAX,
            r"\frac{\partial L}{\partial\mathbf{W_h}}"
            r"=\sum_t(\mathbf h^{(t)})^T\frac{\partial L}{\partial\mathbf h^{(t)}}",
        ),
        (TANH, r"\frac{\partial h_t}{\partial h_k}=\prod_{j=k+1}^t diag(1-h_j^2)W_{xh}W_{xh}^T"),
    ],
)
def test_the_script_shows_the_difference_of_the_counterexample(before: str, line: str) -> None:
    report = verify(f"{before}\n$${line}$$\n")
    last = report.lines[-1]
    assert last.verdict == "refuted"
    _, difference = run(report.script(last.claim.id))
    assert difference == pytest.approx(largest(report), rel=1e-5)


def test_sides_of_two_shapes_are_shown_with_their_shapes() -> None:
    line = r"\frac{\partial L}{\partial W_{xh}}=\frac{\partial L}{\partial W_{hh}}"
    report = verify(f"{TANH}\n$${line}$$\n")
    said, _ = run(report.script("4"))
    assert "shapes differ: (2, 3) and (2, 2)" in said


def test_a_product_that_does_not_exist_has_no_script() -> None:
    line = r"\frac{\partial L}{\partial h_t}=\frac{\partial L}{\partial y_t}W_{hy}^T"
    report = verify(f"{TANH}\n$${line}$$\n")
    with pytest.raises(SymbpttError, match="cannot multiply"):
        report.script("4")


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
