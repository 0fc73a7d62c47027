"""Lines about two steps at once, and about runs of a known number of steps."""

from functools import partial

import pytest

from tests import judged

ELMAN = r"""
$$z_t=As_{t-1}+Bu_t+c$$
$$s_t=f(z_t)$$
$$L=\sum_{t=1}^T L_t$$
$$\delta_{t,k}=\frac{\partial L_t}{\partial z_k}$$
"""


last = partial(judged.last, before=ELMAN)


@pytest.mark.parametrize(
    "right, near_miss",
    [
        (r"\delta_{t,k}=\text{diag}(f'(z_k))A^T\delta_{t,k+1}", ("f'(z_k)", "f'(z_{k+1})")),
        (r"\frac{\partial L_t}{\partial A}=\sum_{k=1}^t\delta_{t,k}s_{k-1}^T", ("s_{k-1}", "s_k")),
        (
            r"\frac{\partial L}{\partial B}=\sum_{t=1}^T\sum_{k=1}^t\delta_{t,k}u_k^T",
            ("u_k", "u_t"),
        ),
        (
            r"\frac{\partial L}{\partial c}=\sum_{t=1}^T\sum_{k=1}^t\delta_{t,k}",
            (r"^t\delta", r"^{t-1}\delta"),
        ),
    ],
)  # fmt: skip
def test_of_two_times_one_is_that_of_the_loss(right: str, near_miss: tuple[str, str]) -> None:
    assert last(right).verdict == "proved"
    assert last(right.replace(*near_miss)).verdict == "refuted"


def test_the_other_order_of_the_times_is_read_from_the_definition_too() -> None:
    turned = ELMAN.replace("_{t,k}", "_k^{(t)}")
    line = r"\frac{\partial L_t}{\partial A}=\sum_{k=1}^t\delta_k^{(t)}s_{k-1}^T"
    assert last(line, before=turned).verdict == "proved"
    assert last(line.replace("_{k-1}", "_k"), before=turned).verdict == "refuted"


NUMBERS = r"""
$$h_t=\tanh(wh_{t-1}+ux_t)$$
$$\hat y=vh_3$$
$$L=\frac12(\hat y-y)^2$$
"""
GRADIENT = (
    r"\frac{dL}{dw}=(\hat y-y)v[(1-h_3^2)h_2+(1-h_3^2)w(1-h_2^2)h_1"
    r"+(1-h_3^2)w(1-h_2^2)w(1-h_1^2)h_0]"
)


def test_a_value_read_off_the_third_state_makes_three_steps() -> None:
    assert last(GRADIENT, before=NUMBERS).verdict == "proved"
    assert last(GRADIENT.replace("h_0", "h_1"), before=NUMBERS).verdict == "refuted"
    assert last(GRADIENT.replace("w(1-h_1^2)", "(1-h_1^2)"), before=NUMBERS).verdict == "refuted"
    one = r"\frac{\partial L}{\partial h_1}=(\hat y-y)vw^2(1-h_3^2)(1-h_2^2)"
    assert last(one, before=NUMBERS).verdict == "proved"
    assert last(one.replace("h_2", "h_1", 1), before=NUMBERS).verdict == "refuted"


def test_a_product_between_a_summed_step_and_a_number_runs_upwards() -> None:
    line = (
        r"\frac{dL}{du}=(\hat y-y)v\sum_{k=1}^3\left(\prod_{j=k+1}^3w(1-h_j^2)\right)(1-h_k^2)x_k"
    )
    assert last(line, before=NUMBERS).verdict == "proved"
    assert last(line.replace("j=k+1", "j=k"), before=NUMBERS).verdict == "refuted"


@pytest.mark.slow
@pytest.mark.parametrize("said", ["T=3", r"L=\sum_{t=1}^3L_t", "L=L_1+L_2+L_3"])
def test_a_stated_number_of_steps_bounds_the_sums(said: str) -> None:
    three = f"$$h_t=\\sigma(Wh_{{t-1}}+Ux_t)$$\n\n$${said}$$\n"
    line = (
        r"\frac{\partial L}{\partial W}=\sum_{t=1}^3\sum_{k=1}^t\frac{\partial L_t}{\partial h_t}"
        r"\frac{\partial h_t}{\partial h_k}\frac{\partial^+h_k}{\partial W}"
    )
    assert last(line, before=three).verdict == "proved"
    assert last(line.replace("_{t=1}^3", "_{t=1}^2"), before=three).verdict == "refuted"


def test_a_total_derivative_is_no_share_of_one_step() -> None:
    share = r"\frac{dL}{dw}=(\hat y-y)v(1-h_3^2)h_2"
    both = r"\frac{\partial L}{\partial h_2}=(\hat y-y)vw(1-h_3^2)"
    assert last(both, share, before=NUMBERS).verdict == "refuted"
