"""What a refuted line is shown: the counterexample, the marked part, where the mistake comes from.

The worlds of the counterexamples are checked against `sympy.diff` of the same equations.
"""

import json
import subprocess
import sys
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from symbptt.parse import load
from symbptt.verify.evidence.exact import ExactWorld
from symbptt.verify.evidence.marks import carets
from symbptt.verify.evidence.scalars import DIGITS, Digits, Dual, Field, IrrationalError
from symbptt.verify.judge.line import Line
from symbptt.verify.present import data, text
from symbptt.verify.report import verify
from symbptt.verify.world import World, close
from tests import judged

TANH = r"""
$$h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)$$
$$y_t=W_{hy}h_t+b_y$$
$$L=\sum_{t=1}^T L_t$$
"""
LINEAR = TANH.replace(r"\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)", "W_{hh}h_{t-1}+W_{xh}x_t")
ABSTRACT = TANH.replace(r"\tanh", "f")
MISSING = r"\frac{\partial L}{\partial h_t}=W_{hy}^T\frac{\partial L}{\partial y_t}"
NEXT = r"\frac{\partial L}{\partial h_{t+1}}"


last = partial(judged.last, before=TANH)


# -- exact worlds


def test_dual_numbers_differentiate() -> None:
    x = Dual(Fraction(2, 3), Fraction(1))
    z = sympy.Symbol("z")
    for make in (
        lambda v: (v * v - 3) / (v + 1),
        lambda v: 1 / v**2 + 2 * v,
        lambda v: 5 - v**3 / 7,
    ):
        found = make(x)
        expected = [e.subs(z, sympy.Rational(2, 3)) for e in (make(z), sympy.diff(make(z), z))]
        assert [found.value, found.slope] == [Fraction(int(e.p), int(e.q)) for e in expected]


@pytest.mark.parametrize("name", ["elman", "gru", "rnnlm", "leaky"])
def test_thirty_digits_agree_with_the_floating_world(name: str) -> None:
    """The same values in both, dual numbers here and a complex step there."""
    model = load(name)
    exact = ExactWorld(model, 2, Digits())

    class Same(World):
        def _sizes(self) -> dict[str, int]:
            return exact.sizes

        def _array(self, d: Any) -> np.ndarray:
            at = None if not d.timed else next(self.times[d.name])
            kind = int if d.classes is not None else float
            return exact.values[d.name, at].astype(kind)

        def _draw(self) -> None:
            for (key, at), value in exact.values.items():
                if key in {d.name for d in model.declarations}:
                    kind = int if model.table[key].classes is not None else float
                    self.values[key, at] = value.astype(kind)

    plain = Same(model, 2)
    for d in model.params:
        a = exact.derivative(("L", None), (d.name, None)).astype(float)
        assert close(a, plain.derivative(("L", None), (d.name, None)))


def test_a_rational_world_says_where_it_ends() -> None:
    with pytest.raises(IrrationalError, match="tanh"):
        ExactWorld(load("elman"), 2, Field())


# -- counterexamples


def test_the_smallest_world_is_two_steps_of_two_units_with_sizes_that_differ() -> None:
    c = last(f"{MISSING}+W_{{hh}}{NEXT}", before=LINEAR).counterexample
    assert c.steps == 2 and c.sizes["H"] == 2
    assert len(set(c.sizes.values())) == len(c.sizes)
    values = c.ground.world.values
    assert np.any(values["h", 0] != 0)
    assert np.any(values["W_hh", None] != values["W_hh", None].T)


@pytest.mark.parametrize("before", [LINEAR, ABSTRACT])
def test_rational_functions_and_unknown_ones_give_exact_sides(before: str) -> None:
    line = rf"\frac{{\partial L}}{{\partial W_{{hh}}}}=\sum_{{t=1}}^T{NEXT}h_t^T"
    c = last(line, before=before).counterexample
    assert c.exact
    for e in c.entries:
        assert Fraction(e.left) == Fraction(e.left) and len(e.left) < 20
        assert e.differs == (Fraction(e.left) != Fraction(e.right))
    assert any(e.differs for e in c.entries)


def test_both_sides_of_a_linear_counterexample_are_what_sympy_finds() -> None:
    """dL/dh_1 of the drawn values, entry by entry, against the unrolled loss."""
    c = last(f"{MISSING}+W_{{hh}}{NEXT}", before=LINEAR).counterexample
    w = c.ground.world
    h = sympy.Matrix(sympy.symbols("h1:3"))
    array = {k: sympy.Matrix(w.values[k, None]) for k in ("W_hh", "W_xh", "W_hy")}
    ahead = array["W_hh"] * h + array["W_xh"] * sympy.Matrix(w.values["x", 2])
    slopes = [
        sympy.Matrix(w.derivative((w.model.loss.step.name, t), ("y", t)).astype(object))
        for t in (1, 2)
    ]
    outs = [array["W_hy"] * h + sympy.Matrix(w.values["b_y", None]), array["W_hy"] * ahead]
    loss = sum((s.T * o)[0] for s, o in zip(slopes, outs, strict=True))
    found = [sympy.diff(loss, x) for x in h]
    assert [sympy.Rational(e.left) for e in c.entries] == found


def test_other_functions_are_shown_to_thirty_digits() -> None:
    c = last(f"{MISSING}+W_{{hh}}{NEXT}").counterexample
    assert not c.exact
    digits = [len(e.left.lstrip("-0.").replace(".", "").rstrip("0")) for e in c.entries]
    assert max(digits) >= DIGITS - 1
    assert f"to {DIGITS} digits" in text(verify(f"{TANH}\n$${MISSING}+W_{{hh}}{NEXT}$$"))


@pytest.mark.slow
def test_a_line_whose_sides_agree_at_two_steps_gets_a_longer_run() -> None:
    """Σ over one pair of steps too few: with T = 2 there is nothing between 1 and T."""
    line = (
        r"\frac{\partial L}{\partial b_h}=\sum_{t=1}^{2}"
        r"\mathrm{diag}(1-h_t^2)\frac{\partial L}{\partial h_t}"
    )
    assert last(line).counterexample.steps == 3


def test_shapes_settle_it_without_numbers() -> None:
    line = last(r"\frac{\partial L}{\partial W_{xh}}=\sum_t h_{t-1}\frac{\partial L}{\partial h_t}")
    assert line.counterexample is None
    assert "H×1" in line.shapes


# -- the marked part


@pytest.mark.parametrize(
    "line, marked",
    [
        (f"{MISSING}+W_{{hh}}((1-h_{{t+1}}^2)\\odot {NEXT})", "W_{hh}"),
        (f"{MISSING}+W_{{hh}}^T((1-h_t^2)\\odot {NEXT})", "h_t"),
        (f"{MISSING}-W_{{hh}}^T((1-h_{{t+1}}^2)\\odot {NEXT})", None),
        (r"\frac{\partial L}{\partial W_{hy}}=\sum_t\frac{\partial L}{\partial y_t}x_t^T", "x_t"),
        (
            r"\frac{\partial L}{\partial W_{xh}}=\sum_{t=2}^T"
            r"((1-h_t^2)\odot\frac{\partial L}{\partial h_t})x_t^T",
            "2",
        ),
    ],
)
def test_a_single_edit_marks_what_it_replaces(line: str, marked: str | None) -> None:
    document = f"{TANH}\n$${line}$$\n"
    found = verify(document).lines[-1]
    assert found.verdict == "refuted"
    spans = [document[a:b] for a, b in found.marks]
    assert spans == ([marked] if marked else spans)
    assert "^" * len(spans[0]) in text(verify(document))


def test_carets_stand_below_what_they_mark() -> None:
    assert carets("a =\n   b c", 10, ((17, 18),)) == ("a = b c", "    ^")


# -- root causes

JACOBIAN = r"$$\frac{\partial h_{t+1}}{\partial h_t}=W_{hh} \tag{jacobian}$$"
BACK = rf"$${MISSING}+W_{{hh}}^T{NEXT} \tag{{back}}$$"
RIGHT = rf"$${MISSING}+W_{{hh}}^T((1-h_{{t+1}}^2)\odot {NEXT}) \tag{{right}}$$"
OWN = r"$$\frac{\partial L}{\partial W_{xh}}=\sum_t\frac{\partial L}{\partial h_t}x_t^T \tag{own}$$"


def lines(*items: str) -> dict[str, Line]:
    return {x.claim.id: x for x in verify("\n\n".join([TANH, *items])).lines}


def test_a_line_that_is_true_with_an_earlier_wrong_one_follows_from_it() -> None:
    found = lines(JACOBIAN, BACK, OWN, JACOBIAN.replace("jacobian", "again"))
    assert found["jacobian"].verdict == "refuted"
    assert (found["back"].verdict, found["back"].follows) == ("follows", "jacobian")
    assert (found["again"].verdict, found["again"].follows) == ("follows", "jacobian")
    assert found["own"].verdict == "refuted" and not found["own"].follows


def test_without_the_earlier_line_it_is_the_root_itself() -> None:
    assert lines(BACK)["back"].verdict == "refuted"
    assert lines(BACK, JACOBIAN)["back"].verdict == "refuted"


def test_a_right_line_behind_a_false_step_says_so() -> None:
    found = lines(JACOBIAN, RIGHT)["right"]
    assert (found.verdict, found.codes) == ("proved", ["M29"])
    assert "does not follow from your line jacobian" in found.message
    assert lines(RIGHT)["right"].codes == []


def test_the_report_names_the_root_once() -> None:
    report = verify("\n\n".join([TANH, JACOBIAN, BACK]))
    assert data(report)["roots"] == ["jacobian"]
    assert "REFUTED: jacobian (" in text(report)


def test_json_carries_the_counterexample(tmp_path: Path) -> None:
    file = tmp_path / "notes.md"
    file.write_text("\n\n".join([LINEAR, rf"$${MISSING}+W_{{hh}}{NEXT}$$"]), encoding="utf-8")
    command = [sys.executable, "-m", "symbptt", "verify", str(file), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found = json.loads(done.stdout)["lines"][-1]["counterexample"]
    assert found["exact"] and found["sizes"]["T"] == 2 and found["shape"] == [2]
    assert found["left"] != found["right"] and [1] in found["differs"]


def test_the_message_says_what_to_write_where_the_mark_is() -> None:
    shown = text(verify(f"{TANH}\n$${MISSING}+W_{{hh}}((1-h_{{t+1}}^2)\\odot {NEXT})$$"))
    assert "a transposition is missing: W_hhᵀ, not W_hh" in shown
    line = (
        r"\frac{\partial L}{\partial W_{xh}}=\sum_{t=2}^T"
        r"((1-h_t^2)\odot\frac{\partial L}{\partial h_t})x_t^T"
    )
    report = verify(f"{TANH}\n$${line}$$")
    assert report.lines[-1].correct.count(r"\sum_{t=1}^{T}") == 1


def test_sizes_have_the_names_people_give_them() -> None:
    line = r"\frac{\partial L}{\partial W_{xh}}=\frac{\partial L}{\partial W_{hy}}"
    assert "the left side is (H×D), the right side (O×H)" in text(verify(f"{TANH}\n$${line}$$"))
