"""Derivations written entry by entry: unit by unit, with and without the Σ of a repeated index."""

from functools import partial

import pytest

from symbptt.verify.report import verify
from tests import judged

UNITS = r"""
$$a_k(t)=\sum_lw_{kl}y_l(t-1)+\sum_mu_{km}x_m(t)$$
$$y_k(t)=f(a_k(t))$$
$$E=\frac12\sum_{t=1}^T\sum_k(d_k(t)-y_k(t))^2$$
"""


last = partial(judged.last, before=UNITS)


SENSITIVITY = r"p_{ij}^k(t)=\frac{\partial y_k(t)}{\partial w_{ij}}"
RECURSION = r"p_{ij}^k(t)=f'(a_k(t))\left[\sum_lw_{kl}p_{ij}^l(t-1)+\delta_{ik}y_j(t-1)\right]"


def test_a_sensitivity_with_three_entries_obeys_its_recursion() -> None:
    assert last(SENSITIVITY, RECURSION).verdict == "proved"


@pytest.mark.slow
@pytest.mark.parametrize(
    "near_miss", [("w_{kl}", "w_{lk}"), (r"\delta_{ik}", r"\delta_{jk}"), ("y_j(t-1)", "y_j(t)")]
)
def test_a_recursion_with_an_entry_of_another_place_is_refuted(near_miss: tuple[str, str]) -> None:
    assert last(SENSITIVITY, RECURSION.replace(*near_miss)).verdict == "refuted"


def test_a_gradient_letter_of_a_unit_may_be_minus_the_derivative() -> None:
    said = r"\delta_i(t)=-\frac{\partial E}{\partial a_i(t)}"
    error = r"e_j(t)=d_j(t)-y_j(t)"
    line = r"\delta_i(t)=\left[\sum_j\delta_j(t+1)w_{ji}+e_i(t)\right]f'(a_i(t))"
    assert last(said, error, line).verdict == "proved"
    assert last(said, error, line.replace("w_{ji}", "w_{ij}")).verdict == "refuted"
    assert last(said, r"\frac{\partial E}{\partial w_{ij}}=-\sum_t\delta_i(t)y_j(t-1)").verdict == (
        "proved"
    )
    assert last(said, r"\frac{\partial E}{\partial w_{ij}}=\sum_t\delta_i(t)y_j(t-1)").codes == [
        "M15"
    ]


EINSTEIN = r"""
$$h_t=\tanh(Ux_t+Wh_{t-1}+b_h)$$
$$q=Vh_t+b_y$$
$$\hat y_t=\mathrm{softmax}(q)$$
$$\frac{\partial E_t}{\partial b_{y_i}}={\hat y_t}_i-{y_t}_i$$
"""
STATE = r"\frac{\partial h_{t_m}}{\partial W_{ij}}=(1-h_{t_m}^2)"
STATE += r"\left(\delta_{mi}h_{{t-1}_j}+W_{mn}\frac{\partial h_{{t-1}_n}}{\partial W_{ij}}\right)"


@pytest.mark.slow
def test_an_index_that_stands_twice_on_one_side_alone_is_summed() -> None:
    assert verify(EINSTEIN + f"$${STATE}$$").lines[-2].verdict == "proved"  # of b_y alone
    assert last(STATE, before=EINSTEIN).verdict == "proved"
    assert last(STATE.replace("W_{mn}", "W_{nm}"), before=EINSTEIN).verdict == "refuted"
    chain = r"\frac{\partial E_t}{\partial V_{ij}}=\frac{\partial E_t}{\partial q_l}"
    chain += r"\frac{\partial q_l}{\partial V_{ij}}"
    assert last(STATE, chain, before=EINSTEIN).verdict == "proved"
    slope = r"\frac{\partial\hat y_{t_k}}{\partial q_l}=\hat y_{t_k}(\delta_{kl}-\hat y_{t_l})"
    assert last(STATE, slope, before=EINSTEIN).verdict == "proved"
    assert last(STATE, slope.replace("t_l})", "t_k})"), before=EINSTEIN).verdict == "refuted"


ROWS = r"""
$$z^{(t)}=h^{(t-1)}H+e^{(t)}I+b_1$$
$$h^{(t)}=\mathrm{sigmoid}(z^{(t)})$$
$$\hat y^{(t)}=\mathrm{softmax}(h^{(t)}U+b_2)$$
$$\delta^{(t)}=\frac{\partial J^{(t)}}{\partial z^{(t)}}$$
"""


def test_a_derivative_at_a_step_is_by_the_copy_of_that_step() -> None:
    at = r"\left.\frac{\partial J^{(t)}}{\partial H}\right|_{(t)}=(h^{(t-1)})^T\delta^{(t)}"
    assert last(at, before=ROWS).verdict == "proved"
    assert last(at.replace("h^{(t-1)}", "h^{(t)}"), before=ROWS).verdict == "refuted"
    whole = r"\frac{\partial J^{(t)}}{\partial H}=\sum_{k=1}^t"
    whole += r"\left.\frac{\partial J^{(t)}}{\partial H}\right|_{(k)}"
    assert last(at, whole, before=ROWS).verdict == "proved"
    assert last(at, whole.replace("k=1", "k=2"), before=ROWS).verdict == "refuted"


def test_a_slope_may_be_a_derivative_at_a_place() -> None:
    slope = r"\left.\frac{\partial f(u)}{\partial u}\right|_{u=a_k(t)}"
    line = rf"\frac{{\partial y_k(t)}}{{\partial a_k(t)}}={slope}"
    assert last(SENSITIVITY, line).verdict == "proved"
    assert last(SENSITIVITY, line.replace("{u=a", "{u=y")).verdict == "refuted"


def test_a_weight_may_have_the_name_of_a_size() -> None:
    assert [x.verdict for x in verify(ROWS).lines] == ["definition"] * 4
