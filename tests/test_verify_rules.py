"""General rules of reading, each with a line it makes readable and a wrong one it must not pass."""

from functools import partial

import pytest

from symbptt.verify.report import verify
from tests import judged

ELMAN = r"""
$$s_t=\tanh(As_{t-1}+Bu_t+c)$$
$$r_t=Ds_t+e$$
$$L=\sum_{t=1}^T L_t$$
"""


lines, last = (partial(f, before=ELMAN) for f in (judged.lines, judged.last))


CELL = r"""
$$p_t=\tanh(\hat p_t),\ i_t=\sigma(\hat i_t)$$
$$c_t=i_t\odot p_t+f_t\odot c_{t-1},\ h_t=o_t\odot\tanh(c_t)$$
$$\delta i_t=\delta c_t\odot p_t,\ \delta f_t=\delta c_t\odot c_{t-1}$$
"""


def test_what_a_step_hands_back_is_the_later_part_of_the_gradient() -> None:
    assert last(r"\delta c_{t-1}=\delta c_t\odot f_t", before=CELL).verdict == "proved"
    assert last(r"\delta c_{t-1}=\delta c_t\odot i_t", before=CELL).verdict == "refuted"


def test_dots_that_close_a_list_claim_nothing() -> None:
    found = lines(r"\delta p_t=\delta c_t\odot i_t,\ \dots", before=CELL)
    assert found[-1].verdict == "proved"
    assert len(found) == len(lines(r"\delta p_t=\delta c_t\odot i_t", before=CELL))


def test_a_parameter_gradient_that_grows_is_one_step_s_share() -> None:
    share = r"\frac{\partial L}{\partial D}\mathrel{+}=\frac{\partial L}{\partial r_t}s_t^T"
    assert last(share).verdict == "proved"
    assert last(share.replace("s_t", "s_{t-1}")).verdict == "refuted"


def test_a_sum_with_numbers_for_bounds_is_written_out() -> None:
    line = (
        r"\frac{\partial L_2}{\partial A}=\sum_{k=1}^{2}\frac{\partial L_2}{\partial s_2}"
        r"\frac{\partial s_2}{\partial s_k}\frac{\partial s_k}{\partial A}"
    )
    found = last(line)
    assert (found.verdict, [c.code for c in found.conditions]) == ("conditional", ["M09"])
    assert last(line.replace("^{2}", "^{1}")).verdict == "refuted"
    assert last(line.replace("k=1", "k=0")).verdict == "conditional"  # s_0 is no function of A


def test_a_line_without_a_time_is_about_each_step() -> None:
    parts = [r"\delta4=\delta3\odot(1-s_t^2)", r"\delta3=\delta1+\delta2"]
    rows = ELMAN.replace("As_{t-1}+Bu_t", "s_{t-1}A+u_tB").replace("Ds_t", "s_tD")
    assert last(*parts, before=rows).verdict == "proved"


def test_a_program_does_not_tell_total_from_partial() -> None:
    total = r"\frac{\partial L_t}{\partial A}=\frac{\partial L_t}{\partial s_t}"
    total += r"\frac{\partial s_t}{\partial A}"
    program = "```python\ndLdD += np.outer(dr, s)\n```"
    found = verify(f"{ELMAN}\n\n$${total}$$\n\n{program}\n").lines[-2]
    assert found.verdict == "proved"


@pytest.mark.parametrize(
    "letter, code", [(r"\delta3", "M01"), (r"\delta6", "M11")]
)  # fmt: skip
def test_a_letter_for_another_is_named_by_what_lies_between(letter: str, code: str) -> None:
    rows = r"$$s_t=\sigma(s_{t-1}A+u_tB)$$"
    parts = [r"\delta3=\delta1+\delta2", r"\delta4=\delta3\odot s_t\odot(1-s_t)"]
    parts += [r"\delta5=\delta4 A^T", r"\delta6=\delta4 B^T"]
    found = last(*parts, rf"\delta B=\delta B+u_t^T{letter}", before=rows)
    assert found.verdict == "refuted"
    assert found.codes[0] == code


SQUARED = r"""
$$s_t=\tanh(As_{t-1}+Bu_t)$$
$$r_t=Ds_t$$
$$E=%s$$
"""


@pytest.mark.parametrize(
    "loss, right, wrong",
    [
        (r"\sum_{t=1}^T\frac12\|r_t-d_t\|^2", r"(r_t-d_t)", r"2(r_t-d_t)"),
        (r"\frac12\sum_t(d_t-r_t)^2", r"(r_t-d_t)", r"(d_t-r_t)"),
        (r"\sum_t\|r_t-d_t\|^2", r"2(r_t-d_t)", r"(r_t-d_t)"),
        (r"\sum_t(r_t-d_t)^\top(r_t-d_t)", r"2(r_t-d_t)", r"(r_t-d_t)"),
        (r"\frac1T\sum_t\frac12\|r_t-d_t\|^2", r"\frac1T(r_t-d_t)", r"(r_t-d_t)"),
    ],
)
def test_a_stated_loss_is_the_loss(loss: str, right: str, wrong: str) -> None:
    left = r"\frac{\partial E}{\partial r_t}="
    assert last(left + right, before=SQUARED % loss).verdict == "proved"
    found = last(left + wrong, before=SQUARED % loss)
    assert found.verdict == "refuted"
    assert found.codes[0] in ("M14", "M15")


GAMMA = r"""
$$u_t=\sigma(Pa_{t-1}+Qx_t),\ v_t=\sigma(Ra_{t-1}+Sx_t),\ w_t=\sigma(Ka_{t-1}+Mx_t)$$
$$\tilde c_t=\tanh(Ya_{t-1}+Zx_t)$$
$$c_t=u_t\odot c_{t-1}+v_t\odot\tilde c_t,\ a_t=w_t\odot\tanh(c_t)$$
"""


def test_a_gate_under_its_other_name_is_told_by_what_it_does() -> None:
    line = r"\frac{\partial L}{\partial\tilde c_t}=\frac{\partial L}{\partial c_t}\odot %s_t"
    assert last(line % "i", before=GAMMA).verdict == "proved"
    assert last(line % "f", before=GAMMA).verdict == "refuted"
    assert last(line % "q", before=GAMMA).verdict == "unread"


FORGET = r"$$c_t=f_t\odot c_{t-1}+i_t\odot g_t$$"


def test_a_product_of_vectors_is_taken_entry_by_entry() -> None:
    line = r"\frac{\partial c_t}{\partial c_k}=\prod_{j=k+1}^t f_j"
    found = last(line, before=FORGET)
    assert (found.verdict, [c.code for c in found.conditions]) == ("conditional", ["M17"])
    assert last(line.replace("k+1", "k"), before=FORGET).verdict == "refuted"


@pytest.mark.slow
def test_what_a_wrong_line_shows_by_itself() -> None:
    empty = (
        r"\frac{\partial s_t}{\partial A}=\sum_{k=t}^T\prod_{j=k+1}^t"
        r"\mathrm{diag}(1-s_j^2)A u_k"
    )
    found = last(empty)
    assert found.verdict == "refuted"
    assert "M13" in found.codes


def test_nothing_is_differentiated_by_the_step() -> None:
    line = r"\frac{\partial L}{\partial s_t}=\frac{\partial L}{\partial r_t}\frac{dr_t}{dt}"
    found = last(line)
    assert (found.verdict, found.codes) == ("refuted", ["M30"])


def test_the_part_a_step_hands_back_is_named() -> None:
    line = r"\frac{\partial L}{\partial c_{t-1}}=\frac{\partial L}{\partial c_t}\odot %s"
    found = last(line % "u_t", before=GAMMA)
    assert found.verdict == "conditional"
    assert "hands back" in found.conditions[0].words
    assert last(line % "v_t", before=GAMMA).verdict == "refuted"
    twice = line % r"u_t+\frac{\partial L}{\partial a_t}\odot w_t\odot(1-\tanh^2(c_t))"
    found = last(twice + r"\odot u_t", before=GAMMA)
    assert (found.verdict, found.codes[0]) == ("refuted", "M09")


def test_a_gradient_in_the_place_of_the_state_and_of_its_own_factor() -> None:
    line = r"\frac{dL}{da_t}=1-\left(\frac{dL}{ds_t}\right)^2"
    found = last(line, before=ELMAN.replace(r"\tanh(As_{t-1}+Bu_t+c)", r"\tanh(a_t)") + AFFINE)
    assert found.verdict == "refuted"
    assert set(found.codes) >= {"M02", "M03"}


AFFINE = "\n$$a_t=As_{t-1}+Bu_t+c$$\n"


def test_a_state_that_is_read_and_never_defined_is_a_function_of_the_step() -> None:
    before = r"$$q_t=W_{xq}x_t+W_{hq}h_{t-1}+b_q$$"
    line = r"\frac{\partial L}{\partial W_{ho}}=\sum_t\frac{\partial L}{\partial o_t}h_t^T"
    assert last(line, before=before).verdict == "proved"
    wrong = last(r"\frac{\partial L}{\partial W_{ho}}=\delta_t\odot h_t", before=before)
    assert (wrong.verdict, wrong.codes[0]) == ("refuted", "M18")


def test_the_label_of_an_output_with_a_hat_has_none() -> None:
    before = r"$$s_t=\tanh(As_{t-1}+Bu_t),\ \hat r_t=\mathrm{softmax}(Ds_t)$$"
    line = r"\frac{\partial L}{\partial D}=\sum_t(\hat r_t-r_t)s_t^T"
    assert last(line, before=before).verdict == "proved"
    assert last(line.replace(r"\hat r_t-r_t", r"r_t-\hat r_t"), before=before).verdict == "refuted"


def test_a_stated_initial_state_is_what_a_sum_may_start_behind() -> None:
    start = r"s_0=0"
    line = r"\frac{\partial L}{\partial A}=\sum_{t=2}^T\mathrm{diag}(1-s_t^2)"
    line += r"\frac{\partial L}{\partial s_t}s_{t-1}^T"
    assert last(start, line).verdict in ("proved", "tested")
    assert last(line).verdict == "refuted"
    assert lines(start)[-1].verdict == "definition"


def test_a_step_s_loss_is_the_sum_of_its_shares() -> None:
    left = r"\frac{dL_t}{dA}=\sum_{k=1}^t"
    assert last(left + r"\frac{dL_t}{dA^{(k)}}").verdict == "proved"
    line = left + r"\frac{dL_t}{ds_k}\odot(1-s_k^2)s_{k-1}^T"
    assert last(line).verdict == "proved"
    assert last(line.replace("{k=1}^t", "{k=1}^{t-1}")).verdict == "refuted"
    assert last(line.replace("s_{k-1}^T", "s_k^T")).verdict == "refuted"


def test_more_indices_than_axes_refute_no_shape() -> None:
    """The author has a batch of rows where the text's equations let a vector be read."""
    line = last(
        r"\frac{\partial L}{\partial e}"
        r"=\sum_{t=1}^T\sum_{n=1}^N\left[\frac{\partial L}{\partial r_t}\right]_{n,:}"
    )
    assert line.verdict == "unread" and "taken for an array of shape" in line.message
    wrong = r"\frac{\partial L}{\partial e}=\frac{\partial L}{\partial c}"
    assert last(wrong).verdict == "refuted"
