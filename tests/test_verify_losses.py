"""The loss a text states is the one its lines are judged under, or they are not judged."""

import pytest

from symbptt.verify.report import verify

CELL = r"""
$$h_t=\tanh(Wh_{t-1}+Ux_t+b)$$

$$o_t=Vh_t+c$$
"""
CHANCE = (
    CELL
    + r"""
$$p_t=\mathrm{softmax}(o_t)$$
"""
)
ENTROPY = r"\frac{\partial L_t}{\partial o_t}=p_t-y_t"
GAP = r"\frac{\partial L_t}{\partial o_t}=o_t-y_t"
SUMMED = r"\frac{\partial L}{\partial o_t}=p_t-y_t"


def last(before: str, *parts: str) -> str:
    return verify("\n\n".join((before, *(f"$${x}$$" for x in parts)))).lines[-1].verdict


@pytest.mark.parametrize(
    "loss",
    [
        r"L_t=-y_t^\top\log p_t",
        r"L_t=-\log p_{t,y_t}",
        r"L_t=-\sum_iy_{t,i}\log p_{t,i}",
        r"L_t=-\sum_{i=1}^Ky_{t,i}\log p_{t,i}",
        r"L_t=-y_t\log p_t",
    ],
)
def test_a_loss_that_is_read_is_judged_under(loss: str) -> None:
    assert last(CHANCE, loss, ENTROPY) == "proved"
    assert last(CHANCE, loss, ENTROPY.replace("p_t-y_t", "y_t-p_t")) == "refuted"


@pytest.mark.parametrize(
    "loss",
    [
        r"L_t=-2y_t^\top\log p_t",
        r"L_t=y_t^\top\log p_t",
        r"L_t=\frac12\|p_t-y_t\|^2",
        r"L_t=-\sum_ip_{t,i}\log y_{t,i}",
        r"L_t=-\sum_iy_{t,i}\log o_{t,i}",
        r"L_t=-\sum_i(y_{t,i}\log p_{t,i}+(1-y_{t,i})\log(1-p_{t,i}))",
        r"L_t=-\log p_{t,y_t}+\|o_t\|^2",
        r"L_t=-\lambda y_t^\top\log p_t",
    ],
)
def test_nothing_is_proved_or_refuted_under_another_loss(loss: str) -> None:
    assert last(CHANCE, loss, ENTROPY) == "unread"
    assert last(CHANCE, loss, ENTROPY.replace("p_t-y_t", "2(p_t-y_t)")) == "unread"
    step = r"\frac{\partial h_t}{\partial h_{t-1}}=\mathrm{diag}(1-h_t^2)W"
    assert last(CHANCE, loss, step) == "proved"  # no loss stands in it


@pytest.mark.parametrize(
    "loss",
    [
        r"L=-\sum_{t=1}^{T-1}y_t^\top\log p_t",
        r"L=-\sum_{t=2}^Ty_t^\top\log p_t",
        r"L=-2\sum_{t=1}^Ty_t^\top\log p_t",
        r"L=-\sum_{t=1}^T\gamma^ty_t^\top\log p_t",
    ],
)
def test_a_sum_over_other_steps_is_another_loss(loss: str) -> None:
    assert last(CHANCE, r"L=-\sum_{t=1}^Ty_t^\top\log p_t", SUMMED) == "proved"
    assert last(CHANCE, loss, SUMMED) == "unread"


@pytest.mark.parametrize(
    "loss",
    [
        r"L=\sum_{t=1}^TL_t+\lambda\|W\|^2",
        r"L=\prod_{t=1}^TL_t",
        r"L=\sum_{t=1}^TL_t^2",
        r"L=\sum_{t=1}^Tm_tL_t",
    ],
)
def test_a_total_that_is_more_than_the_sum_of_its_steps(loss: str) -> None:
    sums = r"\frac{\partial L}{\partial W}=\sum_{t=1}^T\frac{\partial L_t}{\partial W}"
    step = r"L_t=-y_t^\top\log p_t"
    assert last(CHANCE, step, r"L=\sum_{t=1}^TL_t", sums) == "proved"
    assert last(CHANCE, step, loss, sums) == "unread"


@pytest.mark.parametrize(
    "loss",
    [
        r"L_t=\frac12\|o_t+y_t\|^2",
        r"L_t=\frac12\|o_t-2y_t\|^2",
        r"L_t=\frac12\|o_t-y_t\|^3",
        r"L_t=\frac12\|o_{t-1}-y_t\|^2",
        r"L_t=\frac12\|h_t-y_t\|^2",
        r"L_t=-\frac12\|o_t-y_t\|^2",
    ],
)
def test_a_squared_error_of_something_else(loss: str) -> None:
    assert last(CELL, r"L_t=\frac12\|o_t-y_t\|^2", GAP) == "proved"
    assert last(CELL, loss, GAP) == "unread"


def test_a_second_loss_of_one_name() -> None:
    first = r"L_t=\frac12\|o_t-y_t\|^2"
    for second in (r"L_t=\|o_t-y_t\|^2", "L_t=0"):
        assert last(CELL, first, second) == "unread"
        assert last(CELL, first, second, GAP) == "proved"


def test_a_second_loss_of_another_name_has_its_own_lines_alone() -> None:
    both = (r"L=\sum_{t=1}^TL_t", r"J=L+\lambda\|W\|^2")
    line = r"\frac{\partial L}{\partial W}=\sum_{t=1}^T\frac{\partial L_t}{\partial W}"
    assert last(CELL, *both, line) == "proved"
    assert last(CELL, *both, line.replace("L}", "J}", 1)) != "proved"


def test_a_penalty_beside_the_loss_of_a_given_model() -> None:
    text = r"$$J=L+\lambda\|W_{hh}\|^2$$" + "\n\n"
    line = r"$$\frac{\partial J}{\partial W_{hh}}=\frac{\partial L}{\partial W_{hh}}$$"
    assert verify(text + line, model="elman").lines[-1].verdict == "unread"


def test_a_partial_that_is_meant_to_be_total_is_said_to_be() -> None:
    total = r"L=\sum_{t=1}^T\frac12\|o_t-y_t\|^2"
    line = r"\frac{dh_t}{dW}=\frac{\partial h_t}{\partial W}"
    found = verify("\n\n".join((CELL, *(f"$${x}$$" for x in (total, line))))).lines[-1]
    assert found.verdict == "conditional" and "total" in found.conditions[0].words


def test_a_loss_of_two_steps_is_the_loss_of_none() -> None:
    total = r"L=\sum_{t=1}^T\ell(o_t,y_t)"
    line = r"\frac{\partial L}{\partial o_t}=\frac{\partial\ell(o_t,y_t)}{\partial o_t}"
    assert last(CELL, total, line) == "proved"
    assert last(CELL, total, line.replace("y_t)", "y_{t-1})")) == "unread"


@pytest.mark.parametrize(
    "line",
    [
        r"o_t=o_t+Vh_t+c",
        r"h_t=h_t+\tanh(Wh_{t-1}+Ux_t+b)",
        r"\sum_{k=t}^T\delta_k=\delta_t+\sum_{k=t}^T\delta_k",
    ],
)
def test_a_value_on_both_sides_of_its_equation_is_no_update(line: str) -> None:
    stated = r"\delta_t=\frac{\partial L}{\partial h_t}"
    total = r"L=\sum_{t=1}^T\frac12\|o_t-y_t\|^2"
    assert last(CELL, total, stated, line) == "refuted"
    right = r"\sum_{k=t}^T\delta_k=\delta_t+\sum_{k=t+1}^T\delta_k"
    assert last(CELL, total, stated, right) == "proved"
