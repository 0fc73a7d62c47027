"""Sums that are cut off at a depth, and products whose dots end at a number."""

from __future__ import annotations

import pytest

from symbptt.verify import verify

FORWARD = [
    r"z_t=W_{xh}x_t+W_{hh}h_{t-1}",
    r"h_t=\tanh(z_t)",
    r"L=\sum_{t=1}^TL_t(h_t)",
]
SHARE = r"\left(\frac{\partial L}{\partial h_t}\odot(1-h_t^2)\right)h_{t-1}^\top"
LEFT = r"\frac{\partial L}{\partial W_{hh}}"
JACOBIANS = r"\frac{\partial h_T}{\partial h_{T-1}}\cdots\frac{\partial h_2}{\partial h_1}"


def last(line: str):
    return verify("\n\n".join(f"$${x}$$" for x in (*FORWARD, line))).lines[-1]


@pytest.mark.slow
@pytest.mark.parametrize("relation", ["=", r"\approx"])
def test_a_sum_cut_off_at_a_depth_is_right_where_the_depth_is_the_whole(relation: str):
    found = last(LEFT + relation + r"\sum_{t=T-\tau+1}^{T}" + SHARE)
    assert found.verdict == "conditional"
    assert [c.code for c in found.conditions] == ["M26"]


@pytest.mark.slow
def test_a_sum_cut_off_of_wrong_terms_is_wrong():
    wrong = SHARE.replace("h_{t-1}", "h_t")
    assert last(LEFT + r"=\sum_{t=T-\tau+1}^{T}" + wrong).verdict == "refuted"
    assert last(LEFT + r"=\sum_{t=2}^{T}" + SHARE).verdict == "refuted"  # no depth is named


def test_dots_may_end_at_a_number():
    row = r"\frac{\partial L_T}{\partial h_1}=\frac{\partial L_T}{\partial h_T}"
    assert last(row + JACOBIANS).verdict == "proved"
    short = JACOBIANS.replace("h_2", "h_3").replace("h_1", "h_2")
    assert last(row + short).verdict == "refuted"


def test_a_cross_entropy_of_chances_needs_no_further_softmax():
    text = [
        r"h_t=\tanh(Wh_{t-1}+Ux_t)",
        r"s_t=Vh_t",
        r"\hat y_t=\text{softmax}(s_t)",
        r"L_t=\text{CE}(\hat y_t,y_t)",
        r"\frac{\partial L_t}{\partial s_t}=\hat y_t-y_t",
    ]
    assert verify("\n\n".join(f"$${x}$$" for x in text)).lines[-1].verdict == "proved"
