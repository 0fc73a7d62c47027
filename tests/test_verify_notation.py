"""Rules of notation: each text below is read by one rule, and a slip in it is still refuted."""

from __future__ import annotations

import pytest

from symbptt.verify.report import verify

RNN = (
    r"h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)",
    r"y_t=W_{hy}h_t+b_y",
    r"p_t=\mathrm{softmax}(y_t)",
)
LSTM = (
    r"f_t=\sigma(W_f[h_{t-1},x_t]+b_f)",
    r"i_t=\sigma(W_i[h_{t-1},x_t]+b_i)",
    r"g_t=\tanh(W_g[h_{t-1},x_t]+b_g)",
    r"o_t=\sigma(W_o[h_{t-1},x_t]+b_o)",
    r"c_t=f_t\odot c_{t-1}+i_t\odot g_t",
    r"h_t=o_t\odot\tanh(c_t)",
)
BARS = (r"z^{(t)}=ux^{(t)}+wh^{(t-1)}", r"h^{(t)}=\phi(z^{(t)})", r"y^{(t)}=vh^{(t)}")
TWO_WAY = (
    r"\overrightarrow h_t=\tanh(\overrightarrow Wx_t+\overrightarrow V\overrightarrow h_{t-1})",
    r"\overleftarrow h_t=\tanh(\overleftarrow Wx_t+\overleftarrow V\overleftarrow h_{t+1})",
    r"\hat y_t=\mathrm{softmax}(U_f\overrightarrow h_t+U_b\overleftarrow h_t)",
)
AT_END = (r"h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b)", r"\hat y=\mathrm{softmax}(W_{hy}h_T+b_y)")
BATCH = (r"Z_t=X_tW_{xh}+H_{t-1}W_{hh}+b_h", r"H_t=\tanh(Z_t)", r"O_t=H_tW_{hq}+b_q")
COUNTED = (r"z(n)=W^{in}u(n)+Wx(n-1)", r"x(n)=f(z(n))", r"y(n)=W^{out}x(n)")
NUMBER = (r"h_t=\tanh(Wh_{t-1}+Ux_t+b)", r"\hat y=v^\top h_T+c", r"L=\frac12(\hat y-y)^2")
PLAIN = (r"h_t=\tanh(Wh_{t-1}+Ux_t+b)", r"y_t=Vh_t+c")
PEEPHOLES = (
    r"\bar i^t=W_ix^t+R_iy^{t-1}+p_i\odot c^{t-1}",
    r"i^t=\sigma(\bar i^t)",
    r"c^t=c^{t-1}+i^t",
    r"y^t=\tanh(c^t)",
)
GATED = (
    r"f_t=\sigma(W_fx_t+U_fh_{t-1})",
    r"\tilde h_t=\tanh(W_hx_t+U_h(f_t\odot h_{t-1}))",
    r"h_t=(1-f_t)\odot h_{t-1}+f_t\odot\tilde h_t",
)
LOGISTIC = (
    r"h_t=\tanh(Wh_{t-1}+Ux_t+b)",
    r"z_t=v^\top h_t+c",
    r"\hat y_t=\sigma(z_t)",
    r"L=-\sum_t\left[y_t\log\hat y_t+(1-y_t)\log(1-\hat y_t)\right]",
)
NUMBERED = (
    r"g_t=\tanh(h_{t-1}*W_g+x_t*U_g)",
    r"o_t=\sigma(h_{t-1}*W_o+x_t*U_o)",
    r"C_t=C_{t-1}+g_t",
    r"h_t=\tanh(C_t)\cdot o_t",
)
NUMBERS = (r"\delta3=\delta1+\delta2", r"\delta4=\delta3\cdot\tanh(C_t)")

# what the rule is about, the forward equations, lines before, a right line, the same with a slip
RULES = [
    ("a quantity below a δ", LSTM, (r"\delta_{h_t}=\frac{\partial L}{\partial h_t}",),
     r"\frac{\partial L}{\partial o_t}=\delta_{h_t}\odot\tanh(c_t)",
     r"\frac{\partial L}{\partial o_t}=\delta_{h_t}\odot c_t"),
    ("a bar over a gradient", BARS, (r"\overline{z^{(t)}}=\overline{h^{(t)}}\phi'(z^{(t)})",),
     r"\overline{h^{(t)}}=\overline{y^{(t)}}v+\overline{z^{(t+1)}}w",
     r"\overline{h^{(t)}}=\overline{y^{(t)}}v+\overline{z^{(t)}}w"),
    ("Σ without bounds starts where its gradient does", BARS, (),
     r"\overline w=\sum_t\overline{z^{(t+1)}}h^{(t)}",
     r"\overline w=\sum_t\overline{z^{(t+1)}}h^{(t+1)}"),
    ("a state that runs from T to 1", TWO_WAY, (),
     r"\frac{\partial L}{\partial\overleftarrow h_t}=U_b^\top(\hat y_t-y_t)+\overleftarrow V^\top"
     r"(\frac{\partial L}{\partial\overleftarrow h_{t-1}}\odot(1-\overleftarrow h_{t-1}^2))",
     r"\frac{\partial L}{\partial\overleftarrow h_t}=U_b^\top(\hat y_t-y_t)+\overleftarrow V^\top"
     r"(\frac{\partial L}{\partial\overleftarrow h_{t+1}}\odot(1-\overleftarrow h_{t+1}^2))"),
    ("an output of the last step", AT_END, (r"\delta_t=\frac{\partial L}{\partial h_t}",),
     r"\delta_T=W_{hy}^T(\hat y-y)", r"\delta_T=W_{hy}^T(y-\hat y)"),
    ("numbered gradients", NUMBERED, NUMBERS,
     r"\delta5=\delta3\cdot o_t", r"\delta5=\delta3\cdot g_t"),
    ("a large ⊙", LSTM, (),
     r"\frac{\partial L}{\partial f_t}=\frac{\partial L}{\partial c_t}\bigodot c_{t-1}",
     r"\frac{\partial L}{\partial f_t}=\frac{\partial L}{\partial c_t}\bigodot c_t"),
    ("a loss called at a time", RNN, (),
     r"\frac{\partial L(t)}{\partial h_t}=W_{hy}^T\frac{\partial L(t)}{\partial y_t}",
     r"\frac{\partial L(t)}{\partial h_t}=W_{hh}^T\frac{\partial L(t)}{\partial y_t}"),
    ("a class below a bold 1", RNN, (), r"dy_t=p_t-\mathbf 1_{k_t}", r"dy_t=p_t+\mathbf 1_{k_t}"),
    ("the gradient of what a function is applied to", RNN, (),
     r"dtanh=dh_t*(1-h_t^2)", r"dtanh=dh_t*(1+h_t^2)"),
    ("the slope of a function of a letter", RNN, (),
     r"\frac{d\tanh(x)}{dx}=1-\tanh^2(x)", r"\frac{d\tanh(x)}{dx}=1-\tanh(x)"),
    ("a stop as a product", LSTM, (),
     r"\frac{\partial L}{\partial i_t}=\frac{\partial L}{\partial c_t}.g_t",
     r"\frac{\partial L}{\partial i_t}=\frac{\partial L}{\partial c_t}.i_t"),
    ("an elementwise link of a chain", LSTM, (),
     r"\frac{\partial L}{\partial o_t}"
     r"=\frac{\partial L}{\partial h_t}\frac{\partial h_t}{\partial o_t}"
     r"=\frac{\partial L}{\partial h_t}\cdot\tanh(c_t)",
     r"\frac{\partial L}{\partial o_t}"
     r"=\frac{\partial L}{\partial h_t}\frac{\partial h_t}{\partial o_t}"
     r"=\frac{\partial L}{\partial h_t}\cdot o_t"),
    ("samples in rows", BATCH, (),
     r"\frac{\partial L}{\partial b_h}=\sum_t\mathbf 1^\top\frac{\partial L}{\partial Z_t}",
     r"\frac{\partial L}{\partial b_h}=\sum_t\frac{\partial L}{\partial Z_t}"),
    ("steps counted by n", COUNTED, (r"\delta(n)=\frac{\partial E}{\partial z(n)}",),
     r"\frac{\partial E}{\partial W}=\sum_{n=1}^T\delta(n)x(n-1)^T",
     r"\frac{\partial E}{\partial W}=\sum_{n=1}^T\delta(n)x(n)^T"),
    ("one number of the last step", NUMBER, (r"\delta_t=\frac{\partial L}{\partial a_t}",),
     r"\delta_t=(W^\top\delta_{t+1})\odot(1-h_t^2)",
     r"\delta_t=(W^\top\delta_{t+1})\odot(1-h_{t+1}^2)"),
    ("an entry of a weight", PLAIN, (),
     r"\frac{\partial h_{t,i}}{\partial h_{t-1,j}}=(1-h_{t,i}^2)W_{ij}",
     r"\frac{\partial h_{t,i}}{\partial h_{t-1,j}}=(1-h_{t,j}^2)W_{ij}"),
    ("a mark over δ", GATED, (),
     r"\tilde\delta_t=\frac{\partial L}{\partial\tilde h_t}\odot(1-\tilde h_t^2)",
     r"\tilde\delta_t=\frac{\partial L}{\partial\tilde h_t}\odot(1-\tilde h_t)"),
    ("a logistic loss", LOGISTIC, (),
     r"\frac{\partial L}{\partial z_t}=\hat y_t-y_t",
     r"\frac{\partial L}{\partial z_t}=y_t-\hat y_t"),
    ("a bar that is no gradient", PEEPHOLES, (),
     r"\delta\bar i^t=\delta c^t\odot\sigma'(\bar i^t)",
     r"\delta\bar i^t=\delta c^t\odot i^t"),
]  # fmt: skip


def judged(forward: tuple[str, ...], lines: tuple[str, ...]) -> tuple[str, str]:
    """(the verdict of the last claim, its message)."""
    found = verify("\n\n".join(f"$${x}$$" for x in (*forward, *lines))).lines[-1]
    return found.verdict, found.message


SLOW = ("a quantity below a δ", "an elementwise link of a chain")


@pytest.mark.parametrize(
    ("forward", "before", "right", "wrong"),
    [pytest.param(*rest, id=name, marks=[pytest.mark.slow] * (name in SLOW))
     for name, *rest in RULES],
)  # fmt: skip
def test_a_rule_reads_the_right_line_and_not_the_wrong_one(
    forward: tuple[str, ...], before: tuple[str, ...], right: str, wrong: str
) -> None:
    assert judged(forward, (*before, right))[0] == "proved"
    assert judged(forward, (*before, wrong))[0] in ("refuted", "follows", "unread")


def test_one_column_before_another_is_their_outer_product_whatever_the_order() -> None:
    line = r"\frac{\partial L}{\partial W_{hy}}=\sum_th_t\frac{\partial L}{\partial y_t}"
    assert judged(RNN, (line,))[0] == "conditional"


def test_what_comes_back_through_one_step_is_said_to_be_that() -> None:
    line = r"\frac{\partial L}{\partial c_{t-1}}=\frac{\partial L}{\partial c_t}\odot f_t"
    found = verify("\n\n".join(f"$${x}$$" for x in (*LSTM, line))).lines[-1]
    assert found.verdict == "conditional"
    assert [c.code for c in found.conditions] == ["M07"]


def test_letters_that_are_gradients_of_nothing_known_are_no_definitions() -> None:
    """A wrong line on a numbered letter is judged by the lines that read the letter."""
    lines = (*NUMBERS, r"\delta5=\delta3\cdot o_t", r"\delta6=\delta5\cdot(1-\tanh^2(C_t))",
             r"\delta7=\delta6\cdot\delta8", r"\delta9=\delta7\cdot(1-g_t^2)",
             r"\delta10=\delta9*U_g^T")  # fmt: skip
    report = verify("\n\n".join(f"$${x}$$" for x in (*NUMBERED, *lines)))
    assert report.lines[-3].verdict in ("refuted", "follows", "unread")


ROWS = [
    r"s^{(t)}=\tanh(b+Ws^{(t-1)}+Ux^{(t)})",
    r"o^{(t)}=c+Vs^{(t)}",
    r"L=\sum_tL^{(t)}",
    r"\nabla_{s^{(T)}}L=\nabla_{o^{(T)}}L\,V",
    r"\nabla_{s^{(t)}}L=\nabla_{s^{(t+1)}}L\frac{\partial s^{(t+1)}}{\partial s^{(t)}}"
    r"+\nabla_{o^{(t)}}L\frac{\partial o^{(t)}}{\partial s^{(t)}}",
]


def test_a_text_that_writes_nabla_before_jacobians_means_rows():
    found = verify("\n\n".join(f"$${x}$$" for x in ROWS)).lines
    assert [x.verdict for x in found[-2:]] == ["proved", "proved"]
    other = r"\nabla_{s^{(T)}}L=V^\top\nabla_{o^{(T)}}L"
    found = verify("\n\n".join(f"$${x}$$" for x in (*ROWS, other))).lines
    assert found[-1].verdict == "proved"  # columns somewhere: columns everywhere
    assert found[-3].verdict == "refuted"
