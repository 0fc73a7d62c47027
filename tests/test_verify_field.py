"""Notation of derivations found in repositories and notes, each with a near miss."""

import pytest

from symbptt.verify.judge.line import Line
from symbptt.verify.read.longnames import long_names
from symbptt.verify.report import verify


def judged(*parts: str) -> list[Line]:
    return list(verify("\n\n".join(f"$${x}$$" for x in parts)).lines)


def last(*parts: str) -> Line:
    return judged(*parts)[-1]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (r"$$Cc_t = tanh(W_{cc}[x_t,h_{t-1}])$$", {"Cc"}),
        ("$$s1_{t} = f(h1_t)$$\n$$h1_t = x_t U + s1_{t-1} W1$$", {"s1", "h1", "W1"}),
        ("$$h1_t = x_t U$$\n$$dh1_t = dy_t V$$", {"h1"}),
        (r"$$dh_t = W x_t,\ h_t = Wx_t$$", set()),
        (r"$$\theta_t = W1 x_t$$", set()),
    ],
)
def test_names_of_several_letters(text: str, names: set[str]) -> None:
    assert long_names(text) == names


LSTM = (
    r"f_t=\sigma(W_f[x_t,h_{t-1}])",
    r"i_t=\sigma(W_i[x_t,h_{t-1}])",
    r"o_t=\sigma(W_o[x_t,h_{t-1}])",
    r"Cc_t=tanh(W_{cc}[x_t,h_{t-1}])",
    r"c_t=f_t\cdot c_{t-1}+i_t\cdot Cc_t",
    r"h_t=o_t\cdot tanh(c_t)",
    r"y_t=softmax(W_{hy}*h_t+b_y)",
)


@pytest.mark.slow
def test_a_letter_named_at_the_end_of_a_chain() -> None:
    """Sizes are not given twice to h_t, which one aside defines and another one reads."""
    chain = r"\frac{\partial L_t}{\partial o_t}=\frac{\partial L_t}{\partial h_t}"
    chain += r"\frac{\partial h_t}{\partial o_t}=\delta_{ht}\cdot tanh(c_t)=\delta_{ot}"
    wrong = r"\frac{\partial L_t}{\partial h_t}=(h_t-y_t)=\delta_{ht}"
    lines = judged(*LSTM, wrong, chain, chain.replace("tanh(c_t)", "c_t"))
    assert [x.verdict for x in lines[-8:-6]] == ["refuted", "refuted"]
    assert [x.verdict for x in lines[-6:-3]] == ["proved"] * 3
    assert lines[-2].verdict == "refuted"


CELL = (r"z_t=W_hh_{t-1}+W_ee_t+b", r"h_t=\sigma(z_t)", r"o_t=Uh_t+c", r"\hat y_t=softmax(o_t)")


@pytest.mark.parametrize(("second", "verdict"), [("_t^T", "proved"), ("_t", "conditional")])
def test_a_letter_is_a_row_or_a_column_in_all_lines(second: str, verdict: str) -> None:
    given = (r"\delta_t=\frac{\partial L_t}{\partial z_t}",)
    first = r"\frac{\partial L_t}{\partial W_e}|_{(t)}=\delta_t^Te_t^T"
    line = rf"\frac{{\partial L_t}}{{\partial W_h}}|_{{(t)}}=\delta{second}h_{{t-1}}^T"
    assert last(*CELL, *given, first, line).verdict == verdict


ROWS = (r"r_t=\sigma(x_tW_r+h_{t-1}U_r)", r"\tilde h_t=\tanh(x_tW_h+(r_t*h_{t-1})U_h)")
ROWS += (r"h_t=h_{t-1}+r_t*\tilde h_t", r"d\tilde a_t=dh_t*r_t*(1-\tilde h_t^2)")


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        (r"(d\tilde a_tU_h^T)*h_{t-1}", "refuted"),  # and what dh_t * h̃_t adds
        (r"dh_t*\tilde h_t+(d\tilde a_tU_h^T)*h_{t-1}", "proved"),
        (r"dh_t*\tilde h_t+d\tilde a_t*U_h^T*h_{t-1}", "conditional"),
    ],
)
def test_a_star_that_is_a_matrix_product_once(written: str, verdict: str) -> None:
    assert last(*ROWS, f"dr_t={written}").verdict == verdict


@pytest.mark.parametrize(
    ("written", "verdict"),
    [
        (r"(V^\top\delta^y_t+W^\top\delta^h_{t+1})\odot f'(a_t)", "proved"),
        (r"V^\top\delta^y_t+W^\top\delta^h_{t+1}\odot f'(a_t)", "refuted"),
    ],
)
def test_the_slope_of_one_path_alone(written: str, verdict: str) -> None:
    forward = (r"h_t=f(Ux_t+Wh_{t-1}+b)", r"y_t=Vh_t+c")
    named = (r"\delta^y_t=\frac{\partial L}{\partial y_t}", rf"\delta^h_t={written}")
    share = r"\frac{\partial L}{\partial W}=\sum_t\delta^h_th_{t-1}^\top"
    assert judged(*forward, *named, share)[-2].verdict == verdict
