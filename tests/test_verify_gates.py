"""Verdicts on gated cells: LSTM, GRU and their kin, in the notations of their authors."""

from functools import partial

import pytest

from symbptt.verify.report import verify
from tests import judged

LSTM = r"""
$$i_t=\sigma(W_ih_{t-1}+U_ix_t+b_i)$$
$$f_t=\sigma(W_fh_{t-1}+U_fx_t+b_f)$$
$$o_t=\sigma(W_oh_{t-1}+U_ox_t+b_o)$$
$$g_t=\tanh(W_gh_{t-1}+U_gx_t+b_g)$$
$$c_t=f_t\odot c_{t-1}+i_t\odot g_t$$
$$h_t=o_t\odot\tanh(c_t)$$
"""
ROWS = r"""
$$i_t=\sigma(h_{t-1}W_{hi}+x_tW_{xi}+b_i)$$
$$f_t=\sigma(h_{t-1}W_{hf}+x_tW_{xf}+b_f)$$
$$o_t=\sigma(h_{t-1}W_{ho}+x_tW_{xo}+b_o)$$
$$g_t=\tanh(h_{t-1}W_{hg}+x_tW_{xg}+b_g)$$
$$c_t=f_t\odot c_{t-1}+i_t\odot g_t$$
$$h_t=o_t\odot\tanh(c_t)$$
"""


verdicts = partial(judged.verdicts, before=LSTM)


def test_an_equation_of_columns_is_one_of_rows() -> None:
    columns = r"""
$$\begin{bmatrix}a^t\\i^t\\f^t\\o^t\end{bmatrix}=\begin{bmatrix}\tanh(W_cx^t+U_ch^{t-1})\\
\sigma(W_ix^t+U_ih^{t-1})\\\sigma(W_fx^t+U_fh^{t-1})\\\sigma(W_ox^t+U_oh^{t-1})\end{bmatrix}=
\begin{bmatrix}\tanh(\hat a^t)\\\sigma(\hat i^t)\\\sigma(\hat f^t)\\\sigma(\hat o^t)\end{bmatrix}$$
$$c^t=i^t\odot a^t+f^t\odot c^{t-1}$$
$$h^t=o^t\odot\tanh(c^t)$$
"""
    column = r"\begin{bmatrix}%s\\%s\end{bmatrix}"
    line = column % (r"\delta\hat a^t", r"\delta\hat i^t") + "=" + column
    a, i = r"\delta a^t\odot(1-\tanh^2(\hat a^t))", r"\delta i^t\odot i^t\odot(1-i^t)"
    assert verdicts(line % (a, i), before=columns) == ["proved", "proved"]
    wrong = r"\delta i^t\odot i^t\odot(1+i^t)"
    assert verdicts(line % (a, wrong), before=columns) == ["proved", "refuted"]


def test_blocks_times_a_column_are_its_rows() -> None:
    text = LSTM.replace("f_t=\\sigma(W_fh_{t-1}+U_fx_t+b_f)", "f_t=\\sigma(z_t)").replace(
        "i_t=\\sigma(W_ih_{t-1}+U_ix_t+b_i)", "i_t=\\sigma(v_t)"
    )
    blocks = r"""
$$\begin{bmatrix}z_t\\v_t\end{bmatrix}=\begin{bmatrix}W_f&U_f\\W_i&U_i\end{bmatrix}
\begin{bmatrix}h_{t-1}\\x_t\end{bmatrix}$$
"""
    before = blocks + text
    right = r"\frac{\partial v_t}{\partial h_{t-1}}=W_i"
    assert verdicts(right, before=before) == ["proved"]
    assert verdicts(right.replace("W_i", "W_f"), before=before) == ["refuted"]


def test_a_letter_over_a_quantity_is_the_gradient_by_it() -> None:
    right = (
        r"d_{o_t}=g_{h_t}\odot\tanh(c_t)",
        r"g_{c_t}^{\text{total}}=g_{c_t}+g_{h_t}\odot o_t\odot(1-\tanh^2(c_t))",
        r"d_{f_t}=g_{c_t}^{\text{total}}\odot c_{t-1}",
        r"g_{c_{t-1}}=g_{c_t}^{\text{total}}\odot f_t",
    )
    assert verdicts(*right) == ["proved"] * 4
    wrong = (*right[:3], r"g_{c_{t-1}}=g_{c_t}^{\text{total}}\odot i_t")
    assert verdicts(*wrong) == ["proved"] * 3 + ["refuted"]


def test_a_d_with_its_variable_below_it_is_a_differential() -> None:
    line = r"\frac{d_{L}}{d_{o_t}}=\frac{d_{L}}{d_{h_t}}\odot %s"
    assert verdicts(line % r"\tanh(c_t)") == ["proved"]
    assert verdicts(line % "c_t") == ["refuted"]


@pytest.mark.parametrize("word", [r"\text{batch}", "batch"])
def test_a_sum_over_the_batch_is_none_over_time(word: str) -> None:
    line = rf"db_o\mathrel{{+}}=\sum_{{{word}}}dh_t\odot\tanh(c_t)\odot o_t\odot %s"
    assert verdicts(line % "(1-o_t)") == ["proved"]
    assert verdicts(line % "(1-o_t^2)") == ["refuted"]


def test_a_letter_defined_by_a_formula_is_that_formula() -> None:
    said = r"\delta_t^g\triangleq\frac{\partial L}{\partial g_t}\odot(1-g_t^2)"
    line = r"\frac{\partial L}{\partial W_g}=\sum_{t=1}^T\delta_t^g %s^\top"
    assert verdicts(said, line % "h_{t-1}") == ["definition", "proved"]
    assert verdicts(said, line % "h_t") == ["definition", "refuted"]


def test_the_words_of_a_letter_say_which_part_it_is() -> None:
    line = r"\delta_{h_t}=\frac{\partial L_t}{\partial h_t}+\delta_{h_t,\mathrm{recurrent}}"
    whole = r"\delta_{h_t}=\frac{\partial L}{\partial h_t}"
    assert verdicts(whole, line) == ["definition", "proved"]
    assert verdicts(whole, line.replace("+", "-")) == ["definition", "refuted"]


@pytest.mark.slow
def test_one_step_of_a_weight_as_if_all_were_numbers() -> None:
    last = r"dE/dW_i=dE*o_t*(1-\tanh(c_t)^2)*g_t*i_t*(1-i_t)*h_{t-1}"
    assert verdicts(last) == ["conditional"]
    assert verdicts(last.replace("*g_t", "*c_{t-1}")) == ["refuted"]
    assert verdicts(r"dE/dW_i=h_{t-1}*dE*o_t*(1-\tanh(c_t)^2)*g_t*i_t*(1-i_t)") == ["refuted"]


PROGRAM = """
```python
ds = dh_next * o * (1 - np.tanh(c)**2) + dc_next
df = ds * c_prev * f * (1 - f)
dWhf = h_prev.T @ df
dWho = h_prev @ do
do = dh_next * np.tanh(c) * o * (1 - o)
```
"""


def test_a_d_before_a_letter_of_the_program_is_what_its_line_computes() -> None:
    report = verify(ROWS + PROGRAM)
    assert [x.verdict for x in report.lines[-5:]] == [
        *("proved", "proved", "proved"),
        "refuted",  # @ is no outer product
        "proved",
    ]


def test_a_d_before_a_letter_that_computes_no_gradient_stays_unread() -> None:
    report = verify(ROWS + PROGRAM.replace("o * (1 - np.tanh(c)**2)", "o * (1 - np.tanh(c))"))
    assert report.lines[-5].verdict == "unread"


def test_a_value_that_is_written_at_the_step_before_it() -> None:
    gru = r"""
$$r_t=\sigma(h_{t-1}W_r+x_tU_r)$$
$$z_t=\sigma(h_{t-1}W_z+x_tU_z)$$
$$q_{t-1}=r_t\odot h_{t-1}$$
$$n_t=\tanh(q_{t-1}W_n+x_tU_n)$$
$$h_t=(1-z_t)\odot n_t+z_t\odot h_{t-1}$$
"""
    line = r"\frac{\partial L}{\partial r_t}=\frac{\partial L}{\partial q_{t-1}}\odot %s"
    assert verdicts(line % "h_{t-1}", before=gru) == ["proved"]
    assert verdicts(line % "h_t", before=gru) == ["refuted"]


def test_a_stack_of_what_are_no_vectors_stops_nothing() -> None:
    report = verify(LSTM + r"$$\beta=[2,\ 3W_i]$$ $$\frac{\partial h_t}{\partial c_t}=f(\beta)$$")
    assert report.lines


GRU = r"""
$$z_t=\sigma(W_z[h_{t-1},x_t]+b_z)$$
$$r_t=\sigma(W_r[h_{t-1},x_t]+b_r)$$
$$n_t=\tanh(W_n[r_t\odot h_{t-1},x_t]+b_n)$$
$$h_t=(1-z_t)\odot h_{t-1}+z_t\odot n_t$$
"""
SLOPED = r"\left(\frac{\partial L}{\partial h_t}\odot z_t\odot(1-n_t^2)\right)"


@pytest.mark.slow
def test_a_stack_of_expressions_is_another_vector_than_the_first_one() -> None:
    line = r"\frac{\partial L}{\partial W_n}=\sum_t" + SLOPED + r"%s^\top"
    assert verdicts(line % r"[r_t\odot h_{t-1},x_t]", before=GRU) == ["proved"]
    assert verdicts(line % "[h_{t-1},x_t]", before=GRU) == ["refuted"]


def test_the_columns_of_a_weight_by_the_name_of_what_they_multiply() -> None:
    line = r"\frac{\partial L}{\partial r_t}=W_{nh}^\top" + SLOPED + r"\odot %s"
    assert verdicts(line % "h_{t-1}", before=GRU) == ["proved"]
    assert verdicts(line % "r_t", before=GRU) == ["refuted"]


def test_a_d_is_missing_in_one_half_of_a_fraction() -> None:
    line = r"\frac{d_{L}}{d_{f_t}}=\frac{d_{L}}{d_{c_t}}\frac{c_t}{d_{%s}}"
    assert verdicts(line % "f_t") == ["conditional"]
    assert verdicts(line % "i_t") == ["refuted"]


def test_an_upright_word_is_a_gradient_too() -> None:
    line = r"\text{do}=\text{dh}_t\odot\tanh(c_t)\odot %s\odot(1-o_t)"
    assert verdicts(line % "o_t") == ["proved"]
    assert verdicts(line % "i_t") == ["refuted"]


def test_what_a_step_hands_back_lacks_the_loss_of_the_step_before() -> None:
    lines = (
        r"\delta_{c,t}=\delta_{h,t}\odot o_t\odot(1-\tanh^2(c_t))+\delta_{c,t+1}\odot f_{t+1}",
        r"\delta_{f,t}=\delta_{c,t}\odot c_{t-1}\odot f_t\odot(1-f_t)",
        r"\delta_{i,t}=\delta_{c,t}\odot g_t\odot i_t\odot(1-i_t)",
        r"\delta_{g,t}=\delta_{c,t}\odot i_t\odot(1-g_t^2)",
        r"\delta_{o,t}=\delta_{h,t}\odot\tanh(c_t)\odot o_t\odot(1-o_t)",
    )
    back = (
        r"\delta_{h,t-1}=W_f^T\delta_{f,t}+W_i^T\delta_{i,t}+W_g^T\delta_{g,t}+W_o^T\delta_{%s,t}"
    )
    assert verdicts(*lines, back % "o") == ["proved"] * 5 + ["conditional"]
    assert verdicts(*lines, back % "i")[-1] == "refuted"


def test_a_cell_whose_step_is_called_k() -> None:
    before = LSTM.replace("_t", "_k").replace("_{t-1}", "_{k-1}")
    before = before.replace("W_fh_{k-1}+U_fx_k", "W_f[h_{k-1},x_k]")
    assert verdicts(r"\frac{\partial c_k}{\partial i_k}=\text{diag}(g_k)", before=before) == [
        "proved"
    ]
    wrong = r"\frac{\partial c_k}{\partial i_k}=\text{diag}(i_k)"
    assert verdicts(wrong, before=before) == ["refuted"]


def test_a_product_that_runs_on_from_its_step() -> None:
    back = r"""
$$\overleftarrow h_t=\tanh(Wx_t+U\overleftarrow h_{t+1})$$
$$\overrightarrow h_t=\tanh(Vx_t+R\overrightarrow h_{t-1})$$
$$y_t=A\overrightarrow h_t+B\overleftarrow h_t$$
"""
    line = r"\frac{\partial\overleftarrow h_t}{\partial\overleftarrow h_k}=\prod_{j=t}^{%s}"
    line += r"\frac{\partial\overleftarrow h_j}{\partial\overleftarrow h_{j+1}}"
    assert verdicts(line % "k-1", before=back)[0] in ("proved", "conditional", "tested")
    assert verdicts(line % "k", before=back) == ["refuted"]


@pytest.mark.parametrize("wrong", ["(1-g_t)^2", r"g_t\odot(1-g_t)"])
def test_the_slope_of_the_other_function_is_told(wrong: str) -> None:
    line = r"\frac{\partial L}{\partial b_g}=\sum_t\frac{\partial L}{\partial g_t}\odot " + wrong
    last = verify(f"{LSTM}\n$${line}$$\n").lines[-1]
    assert (last.verdict, last.codes) == ("refuted", ["M03"])
    assert "(1 - g_{t}^{2})" in last.correct
