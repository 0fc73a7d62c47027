"""What a text says beside its equations, and notations of lectures."""

import pytest

from symbptt.verify.report import verify
from tests.judged import last

LIKELY = r"""
$$a_t=W_hh_{t-1}+W_ix_t$$
$$h_t=g(a_t)$$
$$z_t=W_oh_t$$
$$L(\theta)=-\sum_{t=0}^{T-1}l_t$$
"""


def test_a_loss_may_be_minus_the_sum_of_what_is_called_l() -> None:
    line = r"\nabla_{W_o}L=-\sum_t(\nabla_{z_t}l_t)h_t^\top"
    assert last(line, before=LIKELY).verdict == "proved"
    assert last(line.replace("=-", "="), before=LIKELY).verdict == "refuted"
    chain = r"\nabla_{a_t}L=-\nabla_{a_t}l_t+\sum_d\frac{\partial L}{\partial a_{t+1,d}}"
    chain += r"\nabla_{a_t}a_{t+1,d}"
    assert last(chain.replace("=-", "="), before=LIKELY).verdict == "refuted"


TURNED = r"""
$$a_t=As_{t-1}+Bx_t$$
$$s_t=\phi(a_t)$$
$$J=\sum_{t=1}^T\ell_t(s_t)$$
$$\lambda_t=\frac{\partial J}{\partial s_t}$$
"""


def test_a_transpose_may_stand_in_front_and_a_gradient_without_its_variable() -> None:
    line = r"\lambda_t=\nabla\ell_t(s_t)+{}^tA(\phi'(a_{t+1})\odot\lambda_{t+1})"
    assert last(line, before=TURNED).verdict == "proved"
    assert last(line.replace("{}^tA", "A"), before=TURNED).verdict == "refuted"
    assert last(line.replace(r"\ell_t(s_t)+", r"\ell_{t-1}(s_{t-1})+"), before=TURNED).verdict == (
        "refuted"
    )
    end = r"\lambda_T=\nabla\ell_T(s_T)"
    assert last(end, before=TURNED).verdict == "proved"


def test_a_product_of_entries_is_no_outer_product() -> None:
    line = r"\frac{\partial J}{\partial B}=\sum_{t=1}^T(\lambda_t\odot\phi'(a_t))\odot x_t"
    assert last(line, before=TURNED).verdict == "refuted"


ROTATION = r"""
$$h_t=Wh_{t-1}+Ux_t$$
$$L=\ell(h_T)$$
$$W^\top W=I$$
"""


def test_a_weight_that_is_said_to_be_orthogonal_is() -> None:
    same = r"\|\nabla_{h_t}L\|_2=\|\nabla_{h_T}L\|_2"
    assert last(same, before=ROTATION).verdict == "tested"  # no proof makes use of WᵀW = I
    assert last(same, before=ROTATION.replace(r"$$W^\top W=I$$", "")).verdict == "refuted"
    assert last(same.replace("2=", "2=2"), before=ROTATION).verdict != "proved"
    power = r"\frac{\partial h_T}{\partial h_t}=W^{T-t}"
    begin = r"h_t=W^th_0+\sum_{k=1}^tW^{t-k}Ux_k"
    assert last(begin, power, before=ROTATION).verdict == "proved"  # W^t is a power
    assert last(begin, power.replace("T-t", "T-t-1"), before=ROTATION).verdict == "refuted"


UNITS = r"""
$$n_i(\tau)=\sum_jw_{ij}a_j(\tau-1)$$
$$a_i(\tau)=f_i(n_i(\tau))$$
$$E=E(T)$$
$$\delta_i(\tau)=\frac{\partial E}{\partial n_i(\tau)}$$
"""


def test_the_steps_may_be_counted_by_tau_and_the_loss_stand_at_the_end() -> None:
    line = r"\delta_j(\tau)=f_j'(n_j(\tau))\left(\sum_iw_{ij}\delta_i(\tau+1)\right)"
    assert last(line, before=UNITS).verdict == "proved"
    assert last(line.replace("w_{ij}", "w_{ji}"), before=UNITS).verdict == "refuted"


def test_two_letters_in_one_font_are_a_weight_and_its_value() -> None:
    forward = r"$$h_t=\sigma(Wh_{t-1}+Ux_t)$$"
    line = r"\frac{\partial h_t}{\partial h_{t-1}}="
    line += r"\text{diag}(\sigma'(\mathbf{Wh}_{t-1}+\mathbf{Ux}_t))W"
    assert last(line, before=forward).verdict == "proved"
    assert last(line.replace("{Wh}_{t-1}", "{Wh}_t"), before=forward).verdict == "refuted"


NORM = r"\left\|\frac{\partial h_t}{\partial h_k}\right\|"


@pytest.mark.parametrize(
    "function, claim, verdict",
    [
        (r"\tanh", rf"{NORM}\le(\frac14\|U\|)^{{t-k}}", "refuted"),
        (r"\sigma", rf"{NORM}\le(\frac14\|U\|)^{{t-k}}", "proved"),
        (r"\sigma", rf"{NORM}\le(\frac15\|U\|)^{{t-k}}", "refuted"),
        (r"\tanh", rf"\|U\|<1\Rightarrow{NORM}\to0", "proved"),
        (r"\phi", rf"\|U\|<1\Rightarrow{NORM}\to0", "conditional"),
        (r"\tanh", rf"\|U\|>1\Rightarrow{NORM}\to\infty", "refuted"),
        (r"\tanh", rf"\|W\|<1\Rightarrow{NORM}\to0", "unread"),
        (r"\tanh", rf"\rho(U)<1\Rightarrow{NORM}\to0", "refuted"),
        (
            r"\tanh",
            rf"{NORM}\le\prod_{{i=k+1}}^t\|\text{{diag}}(\tanh'(z_i))\|\cdot\|U\|",
            "proved",
        ),
    ],
)
def test_norms_bound_from_above(function: str, claim: str, verdict: str) -> None:
    forward = f"$$z_t=Uh_{{t-1}}+Wx_t+b$$\n\n$$h_t={function}(z_t)$$"
    assert last(claim, before=forward).verdict == verdict


LEAKY = r"$$s_{t+1}=(1-\alpha)s_t+\alpha\tanh(As_t+By_t)$$"


def test_a_bare_i_is_the_identity_of_the_state() -> None:
    slope = r"\left[I-\text{diag}(\tanh^2(As_t+By_t))\right]A"
    line = rf"\frac{{\partial s_{{t+1}}}}{{\partial s_t}}=(1-\alpha)I+\alpha{slope}"
    assert last(line, before=LEAKY).verdict == "proved"
    assert last(line.replace(r"(1-\alpha)I", "I"), before=LEAKY).verdict == "refuted"


def test_a_recursion_back_from_a_loss_at_the_end_starts_before_it() -> None:
    forward = "$$h_t=\\phi(Wh_{t-1}+Ux_t)$$\n\n$$L=\\ell(h_T)$$"
    line = r"\frac{\partial L}{\partial h_t}=\frac{\partial L}{\partial h_{t+1}}"
    line += r"\frac{\partial h_{t+1}}{\partial h_t}"
    assert last(line, before=forward).verdict == "proved"
    whole = forward.replace(r"L=\ell(h_T)", r"L=\sum_{t=1}^T\ell_t(h_t)")
    assert last(line, before=whole).verdict == "refuted"  # each step has a loss, as stated


def test_a_chain_of_immediate_derivatives_has_a_layout_too() -> None:
    forward = r"$$h_t=\tanh(Wh_{t-1}+Ux_t)$$"
    chain = r"\frac{\partial L_t}{\partial W}=\sum_{k=1}^t\frac{\partial L_t}{\partial h_t}"
    chain += r"\frac{\partial h_t}{\partial h_k}\frac{\partial^+h_k}{\partial W}"
    other = r"\frac{\partial h_t}{\partial h_{t-1}}=W^T\text{diag}(1-h_t^2)"
    found = verify(f"{forward}\n\n$${chain}$$\n\n$${other}$$").lines
    assert [x.verdict for x in found[1:]] == ["conditional", "conditional"]
    assert {c.code for x in found[1:] for c in x.conditions} == {"M05"}
    assert last(chain, before=forward).verdict == "proved"


def test_a_law_of_an_unknown_function_is_not_refuted() -> None:
    forward = r"$$h_t=%s(Wh_{t-1}+Ux_t)$$"
    law = r"%s'(z)=%s(z)(1-%s(z))"
    assert last(law.replace("%s", "g"), before=forward.replace("%s", "g")).verdict == "unread"
    sigma = forward.replace("%s", r"\sigma"), law.replace("%s", r"\sigma")
    assert last(sigma[1], before=sigma[0]).verdict == "proved"
    assert last(sigma[1].replace("1-", "1+"), before=sigma[0]).verdict == "refuted"


STEP = r"""
$$h_t=\tanh(Wh_{t-1}+Ux_t)$$
"""
NUMERATOR = r"\frac{\partial h_t}{\partial h_{t-1}}=\mathrm{diag}(1-h_t^2)W"
DENOMINATOR = r"\frac{\partial h_t}{\partial h_{t-1}}=W^\top\mathrm{diag}(1-h_t^2)"
DOWN = r"\frac{\partial h_t}{\partial h_k}=\prod_{j=k+1}^t\mathrm{diag}(1-h_j^2)W"


def test_a_sentence_that_denies_settles_nothing() -> None:
    said = STEP + "\nWe use the denominator layout.\n"
    assert last(NUMERATOR, before=said).verdict == "refuted"
    assert last(DENOMINATOR, before=said).verdict == "proved"
    denied = said.replace("use", "do not use")
    assert last(NUMERATOR, before=denied).verdict == "proved"
    assert last(DENOMINATOR, before=denied).verdict == "conditional"


def test_the_order_of_a_product_is_said_of_a_product() -> None:
    said = STEP + "\nThe factors of a product stand in increasing order.\n"
    assert last(DOWN, before=said).verdict == "refuted"
    other = STEP + "\nWe go through the data in increasing order.\n"
    assert last(DOWN, before=other).verdict == "conditional"


def test_a_sum_with_dots_is_not_refuted_by_the_layout_that_does_not_fit() -> None:
    line = (
        r"\frac{\partial h_t}{\partial W}=\frac{\partial^+h_t}{\partial W}+\frac{\partial h_t}"
        r"{\partial h_{t-1}}\frac{\partial^+h_{t-1}}{\partial W}+\cdots+\frac{\partial h_t}"
        r"{\partial h_1}\frac{\partial^+h_1}{\partial W}"
    )
    assert last(line, before=STEP).verdict == "unread"
