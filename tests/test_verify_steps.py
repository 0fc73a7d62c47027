"""Rules of steps, sums and norms: each with a line it decides and a near miss it must not pass."""

from functools import partial

import pytest

from symbptt.verify.judge.line import Line
from symbptt.verify.report import verify
from tests import judged

TANH = r"""
$$a_t=Wh_{t-1}+Ux_t+b$$
$$h_t=\tanh(a_t)$$
"""
READ = TANH + r"$$o_t=Vh_t+c$$" + "\n"
J = r"\frac{\partial h_%s}{\partial h_%s}"


last = partial(judged.last, before=TANH)


def codes(line: Line) -> list[str]:
    return [c.code for c in line.conditions]


def test_dots_behind_factors_that_are_written_out() -> None:
    first, second, end = J % ("t", "{t-1}"), J % ("{t-1}", "{t-2}"), J % ("{k+1}", "k")
    before_end = J % ("{k+2}", "{k+1}")
    left = J % ("t", "k") + "="
    assert last(left + rf"{first}\cdot{second}\cdots{end}").verdict == "proved"
    assert last(left + rf"{first}{second}\cdots{before_end}{end}").verdict == "proved"
    assert last(left + rf"{second}\cdots{end}").verdict == "refuted"
    assert last(left + rf"{first}{first}\cdots{end}").verdict == "refuted"


@pytest.mark.slow
def test_a_product_up_to_a_numbered_step_runs_upwards() -> None:
    line = (
        r"\frac{\partial L_3}{\partial W}=\sum_{k=1}^{3}\frac{\partial L_3}{\partial h_3}"
        r"\left(\prod_{j=k+1}^{3}\frac{\partial h_j}{\partial h_{j-1}}\right)"
        r"\frac{\partial h_k}{\partial W}"
    )
    found = last(line)
    assert (found.verdict, codes(found)) == ("conditional", ["M09", "M05"])
    assert last(line.replace("j=k+1", "j=k+2")).verdict == "refuted"


def test_a_numbered_bias_is_no_step() -> None:
    forward = r"$$s_t=\tanh(Ux_t+Ws_{t-1}+b_1)$$" + "\n" + r"$$o_t=Vs_t+b_2$$" + "\n"
    numbered = r"\frac{\partial L_3}{\partial V}=\frac{\partial L_3}{\partial o_3}s_3^T"
    line = r"\frac{\partial L}{\partial b_2}=\sum_t\frac{\partial L}{\partial o_t}"
    assert last(numbered, line, before=forward).verdict == "proved"
    assert last(numbered, line.replace("b_2", "b_1"), before=forward).verdict == "refuted"


@pytest.mark.slow
def test_the_end_of_a_sum_over_t_is_the_last_step_whatever_its_letter() -> None:
    total = r"L=\sum_{t=1}^{N}\frac12\sum_{i=1}^m((o_t)_i-(y_t)_i)^{2}"
    line = r"\frac{\partial L}{\partial V}=\sum_{t=1}^{N}(o_t-y_t)\otimes h_t"
    paths = (
        r"\frac{\partial L}{\partial W}=\sum_{t=1}^{N}\sum_{\tau=1}^t"
        r"\frac{\partial L_t}{\partial h_t}\frac{\partial h_t}{\partial h_\tau}"
        r"\frac{\partial h_\tau}{\partial W}"
    )
    assert last(total, line, before=READ).verdict == "proved"
    assert last(total, line.replace("o_t-y_t", "y_t-o_t"), before=READ).verdict == "refuted"
    assert codes(last(total, paths, before=READ)) == ["M09"]
    assert last(total, paths.replace(r"\tau=1", r"\tau=2"), before=READ).verdict == "refuted"


def test_a_loss_of_the_last_state_alone_hands_back_and_adds_nothing() -> None:
    line = r"\frac{\partial L}{\partial h_{t-1}}=W^T\frac{\partial L}{\partial a_t}"
    assert last(r"L=\ell(h_T)", line).verdict == "proved"
    assert last(r"L=\sum_t\ell(h_t)", line).verdict != "proved"
    end = r"$$p=\text{softmax}(Vh_n+c)$$" + "\n" + r"$$L=-\sum_iy_i\log p_i$$" + "\n"
    grown = r"\frac{\partial L}{\partial W}=\sum_{t=1}^n\frac{\partial L}{\partial a_t}h_{t-1}^T"
    assert last(grown, line, before=TANH + end).verdict == "proved"


def test_a_slope_on_one_of_two_summands_is_no_matter_of_where_the_loss_stands() -> None:
    parts = [r"L=\sum_t\ell(o_t,y_t)", r"\delta_t=\frac{\partial L}{\partial a_t}"]
    terms = r"V^T\frac{\partial L}{\partial o_t}+W^T\delta_{t+1}"
    slope = r"\odot(1-h_t^2)"
    assert last(*parts, rf"\delta_t=({terms}){slope}", before=READ).verdict == "proved"
    found = last(*parts, rf"\delta_t={terms}{slope}", before=READ)
    assert (found.verdict, found.codes) == ("refuted", ["M21"])


def test_a_line_that_says_nothing_at_the_last_step_is_not_right_there() -> None:
    line = r"\frac{\partial L}{\partial h_t}=(W^T)^{T-t}\frac{\partial L}{\partial h_T}"
    assert last(line, before=READ).verdict == "refuted"
    linear = r"$$h_t=Wh_{t-1}+Ux_t$$" + "\n" + r"$$o_t=Vh_t$$" + "\n"
    assert codes(last(line, before=linear)) == ["M07"]  # a loss at the last step alone


def test_one_spelling_for_the_total_and_the_immediate_derivative() -> None:
    line = (
        r"\frac{\partial h_t}{\partial W}=\frac{\partial h_t}{\partial W}+"
        r"\frac{\partial h_t}{\partial h_{t-1}}\frac{\partial h_{t-1}}{\partial W}"
    )
    assert (last(line).verdict, codes(last(line))) == ("conditional", ["M30"])
    early = r"\frac{\partial h_{t-1}}{\partial h_{t-2}}\frac{\partial h_{t-1}}{\partial W}"
    late = r"\frac{\partial h_t}{\partial h_{t-1}}\frac{\partial h_{t-1}}{\partial W}"
    assert last(line.replace(late, early)).verdict == "refuted"


@pytest.mark.slow
def test_a_slope_without_its_argument() -> None:
    line = r"\frac{\partial h_t}{\partial h_{t-1}}=diag(\tanh')W"
    assert (last(line).verdict, codes(last(line))) == ("conditional", ["M30"])
    assert last(line.replace("W", "W^T")).verdict != "proved"
    assert last(line.replace("W", "U")).verdict == "refuted"
    chain = J % ("t", "k") + r"=\prod_{j=k+1}^t\tanh'W"
    assert "M30" in codes(last(chain))
    assert last(chain.replace("k+1", "k")).verdict == "refuted"


@pytest.mark.slow
def test_indices_below_a_letter_and_the_symbol_of_kronecker() -> None:
    soft = READ + r"$$p_t=\text{softmax}(o_t)$$" + "\n"
    line = r"\frac{\partial p_{t,k}}{\partial o_{t,l}}=p_{t,k}(\delta_{kl}-p_{t,l})"
    assert last(line, before=soft).verdict == "proved"
    assert last(line.replace("-p_{t,l}", "-p_{t,k}"), before=soft).verdict == "refuted"
    total = (
        r"\frac{\partial h_{t,m}}{\partial W_{ij}}=(1-h_{t,m}^2)\left(\delta_{mi}h_{t-1,j}"
        r"+\sum_nW_{mn}\frac{\partial h_{t-1,n}}{\partial W_{ij}}\right)"
    )
    assert last(total).verdict == "proved"
    assert last(total.replace(r"\delta_{mi}", r"\delta_{mj}")).verdict == "refuted"
    forward = READ.replace("+c", "+b_y")
    below = r"\frac{\partial L_t}{\partial b_{y_i}}=\frac{\partial L_t}{\partial o_{t,i}}"
    assert last(r"b_y", below, before=forward).verdict == "proved"


def test_capital_greek_letters_with_bounds_are_sums_and_products() -> None:
    line = r"\frac{\partial L}{\partial V}=\Sigma_{t=1}^T\frac{\partial L}{\partial o_t}h_t^T"
    assert last(line, before=READ).verdict == "proved"
    assert last(line.replace("h_t^T", "h_{t-1}^T"), before=READ).verdict == "refuted"
    chain = J % ("t", "i") + r"=\Pi_{j=i}^{t-1}" + J % ("{j+1}", "j")
    assert codes(last(chain)) == ["M05"]
    assert last(chain.replace("j=i", "j=i+1")).verdict == "refuted"


def test_a_transposed_gradient_of_what_tanh_is_applied_to() -> None:
    cell = r"$$h_t=\tanh(Wh_{t-1}+Ux_t+b)$$" + "\n" + r"$$dtanh=dh_t*(1-h_t^2)$$" + "\n"
    assert last(r"dW=dtanh\cdot h_{t-1}^T", before=cell).verdict == "proved"
    found = last(r"dW=h_{t-1}\cdot dtanh^T", before=cell)
    assert (found.verdict, found.codes) == ("refuted", ["M05"])


NORM = r"\left\|%s\right\|"


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (NORM % J % ("t", "{t-1}") + r"=\|\text{diag}(1-h_t^2)W\|", "proved"),
        (NORM % J % ("t", "{t-1}") + r"\le\|\text{diag}(1-h_t^2)\|\cdot\|W^T\|", "proved"),
        (NORM % J % ("t", "{t-1}") + r"=\|\text{diag}(1-h_t^2)\|\cdot\|W\|", "refuted"),
        (NORM % J % ("t", "k") + r"\le\prod_{j=k+1}^t" + NORM % J % ("j", "{j-1}"), "proved"),
        (NORM % J % ("t", "k") + r"=\prod_{j=k+1}^t" + NORM % J % ("j", "{j-1}"), "refuted"),
        (NORM % J % ("t", "k") + r"\le\prod_{j=k+1}^t\|\text{diag}(1-h_j^2)\|\|W\|", "proved"),
        (NORM % J % ("t", "{t-1}") + r"\le\|\text{diag}(1-h_t^2)\|", "refuted"),
        (NORM % J % ("t", "k") + r"\le\prod_{j=k+1}^t\gamma\lambda", "proved"),
        (NORM % J % ("t", "k") + r"\le\prod_{j=k}^t\gamma\lambda", "refuted"),
        (NORM % J % ("t", "k") + r"\le\|W\|^{t-k}", "proved"),
        (r"\|W\|\le\beta", "definition"),
    ],
)
def test_norms_of_products(line: str, verdict: str) -> None:
    assert last(line).verdict == verdict


def test_a_bound_without_the_slope_needs_slopes_of_at_most_one() -> None:
    found = last(NORM % J % ("t", "k") + r"\le\|W\|^{t-k}", before=TANH.replace(r"\tanh", "f"))
    assert (found.verdict, codes(found)) == ("conditional", ["M28"])


TWO = r"""
$$a_t=w_xx_t+w_hh_{t-1}$$
$$h_t=\tanh(a_t)$$
$$y_t=w_yh_t$$
$$l_t=\frac12(y_t-\hat y_t)^2$$
$$L=\sum_{t=1}^2l_t$$
"""


def test_a_loss_that_is_a_sum_up_to_a_number_has_so_many_steps() -> None:
    end = r"\frac{\partial L}{\partial h_2}=(y_2-\hat y_2)w_y"
    assert last(end, before=TWO).verdict == "proved"
    assert last(end, before=TWO.replace("^2l", "^3l")).verdict == "refuted"
    both = (
        r"\frac{\partial L}{\partial w_h}=\frac{\partial L}{\partial a_1}h_0"
        r"+\frac{\partial L}{\partial a_2}h_1"
    )
    assert last(both, before=TWO).verdict == "proved"
    assert last(both.replace("a_2}h_1", "h_2}h_1"), before=TWO).verdict == "refuted"
    first = r"\frac{\partial L}{\partial h_1}=(y_1-\hat y_1)w_y+\frac{\partial L}{\partial a_2}w_h"
    assert last(end, both, first, before=TWO).verdict == "proved"
    assert last(end, both, first.replace("a_2", "h_2"), before=TWO).verdict == "refuted"
    assert last(both, before=TWO.replace("^2l", "^Tl")).verdict == "refuted"


def test_what_is_computed_from_a_value_without_a_step_is_one_too() -> None:
    end = TANH + r"$$z=w^\top h_T+b_o$$" + "\n" + r"$$\hat y=\sigma(z)$$" + "\n"
    end += r"$$L=-\left[y\log\hat y+(1-y)\log(1-\hat y)\right]$$" + "\n"
    line = r"\frac{\partial L}{\partial w}=(\hat y-y)h_T"
    assert last(line, before=end).verdict == "proved"
    assert last(line.replace(r"\hat y-y", r"y-\hat y"), before=end).verdict == "refuted"
    assert last(line.replace("h_T", "h_{T-1}"), before=end).verdict == "refuted"


def test_the_slope_of_a_rectifier_is_an_indicator() -> None:
    forward = r"$$z_t=Wh_{t-1}+Ux_t$$" + "\n" + r"$$h_t=\max(0,z_t)$$" + "\n"
    line = r"\frac{\partial h_t}{\partial h_{t-1}}=\mathrm{diag}(\mathbb{1}[z_t>0])W"
    assert last(line, before=forward).verdict == "proved"
    assert last(line.replace(">", "<"), before=forward).verdict == "refuted"
    turned = r"\frac{\partial h_t}{\partial h_{t-1}}=W\mathrm{diag}(\mathbb{1}[z_t>0])"
    assert last(turned, before=forward).verdict == "refuted"


def test_powers_of_a_weight_beside_times_in_brackets() -> None:
    forward = r"$$h^{[t]}=Wh^{[t-1]}+Ux^{[t]}$$" + "\n"
    line = r"\frac{\partial h^{[t]}}{\partial h^{[k]}}=W^{t-k}"
    assert last(line, before=forward).verdict == "proved"
    assert last(line.replace("t-k", "t-k+1"), before=forward).verdict == "refuted"


def test_the_jacobian_by_a_weight_as_the_vector_it_multiplies() -> None:
    line = r"\frac{\partial a_t}{\partial W}=h_{t-1}^T"
    found = last(line)
    assert (found.verdict, set(codes(found))) == ("conditional", {"M07", "M17"})
    assert last(line.replace("t-1", "t")).verdict == "refuted"


def test_a_norm_of_a_written_out_product_has_its_number_of_factors() -> None:
    line = r"\|\prod_{j=k+1}^t" + J % ("j", "{j-1}") + r"\|\le(\beta_w*\beta_h)^{t-k}"
    assert last(line).verdict == "proved"
    assert last(line.replace("^{t-k}", "^{t-k+1}")).verdict == "refuted"
    chain = NORM % J % ("j", "{j-1}") + r"\le\|W^T\|\,\|diag(\tanh'(a_j))\|\le\beta_w\beta_h"
    found = verify(TANH + f"\n$${chain}$$").lines[-2:]
    assert [x.verdict for x in found] == ["proved", "definition"]


def test_tex_ends_a_subscript_after_one_letter() -> None:
    forward = "$$h_t=\\tanh(w_hh_{t-1}+w_xx_t)$$\n\n$$y_t=w_yh_t$$\n"
    line = r"\frac{\partial y_t}{\partial h_t}=w_y"
    assert last(line, before=forward).verdict == "proved"
    assert last(line.replace("=w_y", "=w_h"), before=forward).verdict == "refuted"
