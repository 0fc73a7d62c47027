"""Runs that are written out step by step: h_1 = …, h_2 = …, h_3 = …."""

from __future__ import annotations

import pytest

from tests.judged import verdicts

STEPS = [r"h_1=\tanh(Wh_0+Ux_1)", r"h_2=\tanh(Wh_1+Ux_2)", r"h_3=\tanh(Wh_2+Ux_3)"]
END = [r"\hat y=Vh_3", r"L=\frac12\|\hat y-y\|^2"]
DU = r"\frac{\partial L}{\partial U}"
DELTA = r"\delta_3=\frac{\partial L}{\partial h_3}\odot(1-h_3^2)"


def test_steps_that_differ_by_the_step_alone_are_one_recurrence():
    found = verdicts(*STEPS, *END, DELTA, r"\delta_2=(W^\top\delta_3)\odot(1-h_2^2)")
    assert found[:5] == ["definition"] * 5
    assert found[5:] == ["proved", "proved"]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (DU + r"=\delta_3x_3^\top+\delta_2x_2^\top+\delta_1x_1^\top", "proved"),
        (DU + r"=\delta_3x_3^\top+\delta_2x_2^\top", "refuted"),
        (r"\delta_2=(W\delta_3)\odot(1-h_2^2)", "refuted"),
    ],
)
def test_a_line_about_such_a_run(line: str, verdict: str):
    delta = r"\delta_2=(W^\top\delta_3)\odot(1-h_2^2)"
    assert verdicts(*STEPS, *END, DELTA, delta, line)[-1] == verdict


def test_the_first_step_may_leave_out_the_state_before_it():
    first = r"h_1=\tanh(Ux_1)"
    line = r"\frac{\partial L}{\partial W}=\delta_3h_2^\top+\delta_2h_1^\top"
    delta = r"\delta_2=(W^\top\delta_3)\odot(1-h_2^2)"
    assert verdicts(first, *STEPS[1:], *END, DELTA, delta, line)[-1] in ("proved", "tested")
    assert verdicts(*STEPS, *END, DELTA, delta, line)[-1] == "refuted"  # h_0 counts here


def test_layers_are_no_steps():
    layers = [r"h_1=\tanh(W_1h_0)", r"h_2=\tanh(W_2h_1)", r"L=\ell(h_2)"]
    line = r"\frac{\partial L}{\partial W_2}=\frac{\partial L}{\partial W_1}"
    assert "proved" not in verdicts(*layers, line)


def test_a_loss_written_as_a_sum_of_steps_is_one():
    run = [r"h_1=\tanh(ux_1+wh_0)", r"h_2=\tanh(ux_2+wh_1)", r"y_1=vh_1", r"y_2=vh_2"]
    loss = r"L=\frac12(y_1-d_1)^2+\frac12(y_2-d_2)^2"
    first = r"\frac{\partial L}{\partial h_1}=(y_1-d_1)v+\frac{\partial L}{\partial h_2}(1-h_2^2)w"
    assert verdicts(*run, loss, first)[-1] == "proved"
    other = loss.replace("(y_1-d_1)^2", "(y_1-d_2)^2")  # no sum of one step's loss
    assert verdicts(*run, other, first)[-1] != "proved"


GENERIC = [r"h_t=f_\theta(h_{t-1},x_t)", r"L=\sum_{t=1}^TL_t(h_t)"]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\frac{\partial h_t}{\partial\theta}", "proved"),
        (r"\frac{dh_t}{d\theta}", "refuted"),
    ],
)
def test_a_function_with_theta_below_it_has_theta_for_an_argument(line: str, verdict: str):
    whole = r"\frac{dL}{d\theta}=\sum_{t=1}^T\frac{dL}{dh_t}"
    assert verdicts(*GENERIC, whole + line)[-1] == verdict


def test_a_line_about_the_second_of_two_definitions_is_judged_by_that_one():
    twice = [
        r"h_t=\tanh\big(W\begin{bmatrix}x_t\\h_{t-1}\end{bmatrix}\big)",
        r"z_t=W_{xh}x_t+W_{hh}h_{t-1}",
        r"h_t=\tanh(z_t)",
        r"L=\sum_{t=1}^TL_t(h_t)",
    ]
    jacobian = r"\frac{\partial h_t}{\partial h_{t-1}}=\operatorname{diag}(\tanh'(z_t))W_{hh}"
    assert verdicts(*twice, jacobian)[-1] == "proved"
    assert verdicts(*twice, jacobian.replace("W_{hh}", "W_{hh}^T"))[-1] == "refuted"


def test_a_second_definition_with_the_same_weights_is_a_slip():
    once = [r"h_t=\tanh(Wh_{t-1}+Ux_t)", r"L=\sum_{t=1}^TL_t(h_t)"]
    assert verdicts(*once, r"h_t=\tanh(Wh_{t-1}+Ux_{t-1})")[-1] == "refuted"
