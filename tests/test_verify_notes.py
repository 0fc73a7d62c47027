"""What notes and exercise sheets write: each rule with a line it reads and one it must refute."""

from __future__ import annotations

import pytest

from symbptt.verify.judge.line import Line
from symbptt.verify.report import verify

RNN = (
    r"a_t=W_{xh}x_t+W_{hh}h_{t-1}+b_h",
    r"h_t=\tanh(a_t)",
    r"\hat y_t=\text{softmax}(W_{hy}h_t+b_y)",
)
LSTM = (
    r"f_t=\sigma(W_f[h_{t-1},x_t]+b_f)",
    r"i_t=\sigma(W_i[h_{t-1},x_t]+b_i)",
    r"g_t=\tanh(W_g[h_{t-1},x_t]+b_g)",
    r"o_t=\sigma(W_o[h_{t-1},x_t]+b_o)",
    r"c_t=f_t\odot c_{t-1}+i_t\odot g_t",
    r"h_t=o_t\odot\tanh(c_t)",
)
PLAIN = (r"h_t=\tanh(Wh_{t-1}+Ux_t+b)", r"y_t=Vh_t+c", r"L=\sum_{t=1}^TL_t")
ROWS = (r"Z_t=x_tW_x+h_{t-1}W_h+b", r"h_t=\tanh(Z_t)")
CELL = (
    r"a^{\langle t\rangle}=\tanh(W_{ax}x^{\langle t\rangle}+W_{aa}a^{\langle t-1\rangle}+b_a)",
    r"dtanh=da_{next}*(1-a^{\langle t\rangle2})",
)


def last(before: tuple[str, ...], *parts: str) -> Line:
    return list(verify("\n\n".join(f"$${x}$$" for x in (*before, *parts))).lines)[-1]


@pytest.mark.parametrize(
    "before, line, slip",
    [
        pytest.param(RNN, r"dy_t=\hat y_t-y_t", ("-y_t", "+y_t"), id="dy of the label y"),
        pytest.param(
            LSTM,
            r"dc_t=dh_t*o_t*(1-\tanh^2(c_t))+dc_{next}*f_{t+1}",
            ("f_{t+1}", "i_{t+1}"),
            id="dc_next is the gradient of step t + 1",
        ),
        pytest.param(
            PLAIN,
            r"\frac{\partial h_t}{\partial h_s}=\frac{\partial h_t}{\partial h_{t-1}}\cdot"
            r"\frac{\partial h_{t-1}}{\partial h_{t-2}}...\frac{\partial h_{s+1}}{\partial h_s}",
            (r"h_{s+1}}{\partial h_s}", r"h_{s+2}}{\partial h_{s+1}}"),
            id="factors written out before the dots",
        ),
        pytest.param(
            PLAIN,
            "∂L/∂V = Σ_{t=1}^T ∂L/∂y_t h_tᵀ",
            ("h_tᵀ", "h_{t-1}ᵀ"),
            id="Unicode in a display",
        ),
        pytest.param(
            PLAIN,
            r"\frac{\partial L}{\partial h_t}=V^T\frac{\partial L}{\partial y_t}+W^T"
            r"\left(\frac{\partial L}{\partial h_{t+1}}\odot(1-\tanh(Wh_t+Ux_{t+1}+b)^2)\right)",
            ("+b)", ")"),
            id="the argument of the slope written out",
        ),
        pytest.param(
            ROWS,
            r"db=\sum_{t=1}^T\sum_{i=1}^N(dZ_t)_i",
            ("(dZ_t)_i", r"(dZ_t)_i\odot h_t"),
            id="a sum over the samples",
        ),
        pytest.param(CELL, r"db_a=\sum_{batch}dtanh", ("dtanh", "da_{next}"), id="Σ over batch"),
        pytest.param(
            CELL,
            r"dW_{aa}=\sum_{t=1}^{T_x}dz^{\langle t\rangle}a^{\langle t-1\rangle T}",
            ("t-1", "t"),
            id="T_x is T",
        ),
        pytest.param(
            (*PLAIN[:2], r"p_t=\text{softmax}(y_t)", r"L=-\sum_{t=1}^Te_t^\top\log p_t"),
            r"\frac{\partial L}{\partial V}=\sum_t(p_t-e_t)h_t^\top",
            ("p_t-e_t", "e_t-p_t"),
            id="the label of the stated loss",
        ),
        pytest.param(
            PLAIN,
            r"\frac{\partial L}{\partial c}=\sum_t\frac{\partial L}{\partial y_t}\text{ 其中 }"
            r"\frac{\partial y_t}{\partial h_t}=V",
            ("=V", "=V^T"),
            id="a Chinese connector",
        ),
        pytest.param(
            (*PLAIN[:2], r"L=\sum_{t=1}^3L_t", r"L_t=\frac12|y_t-d_t|^2"),
            r"\frac{\partial L}{\partial V}=\sum_{t=1}^3(y_t-d_t)h_t^T",
            ("1}^3(", "1}^2("),
            id="a length that is a number",
        ),
        pytest.param(
            (r"h_t=\tanh(Wh_{t-1}+Ux_t)", "y_t=Vh_t", "W=0.1", "h_0=0"),
            r"dh_t=dy_t\cdot V+dh_{next}",
            ("V+", "V-"),
            id="weights that are numbers",
        ),
        pytest.param(
            RNN,
            r"\frac{\partial L}{\partial W_{xh}}\bigg|_t=\frac{\partial L}{\partial a_t}x_t^\top",
            ("a_t", "h_t"),
            id="a bar with the step",
        ),
        pytest.param(
            (*PLAIN[:2], r"p_t=\mathrm{softmax}(y_t)"),
            r"\frac{\partial L}{\partial y_t}=p_t-\text{onehot}(k_t)",
            ("p_t-", "p_t+"),
            id="a label made one-hot",
        ),
        pytest.param(
            (*ROWS, r"dh_t=dA_t+dh_{next}"),
            r"dA_t=dh_t-dZ_{t+1}W_h^T",
            ("W_h^T", "W_h"),
            id="what comes from above",
        ),
        pytest.param(
            RNN,
            r"dh_t=W_{hy}^\top dy_t+\big(dh_t\big)_{\text{from }t+1}",
            ("W_{hy}^", "2W_{hy}^"),
            id="the part from a later step",
        ),
        pytest.param(
            LSTM,
            r"dc_t=dh_t*o_t*(1-\tanh^2(c_t))+dc_{next}*f_{next}",
            ("f_{next}", "i_{next}"),
            id="f_next is the gate of step t + 1",
        ),
        pytest.param(
            (*PLAIN[:2], r"p_t=\mathrm{softmax}(y_t)", r"J=-\frac1m\sum_tq_t^\top\log p_t"),
            r"\frac{\partial J}{\partial V}=\frac1m\sum_t(p_t-q_t)h_t^\top",
            (r"=\frac1m", "="),
            id="a mean over samples",
        ),
        pytest.param(
            (PLAIN[0], r"\hat y=Vh_{T-1}+c", r"J=\frac{1}{2m}\sum_{i=1}^m(\hat y^{(i)}-y^{(i)})^2"),
            r"\frac{\partial J}{\partial V}=\frac1m(\hat y-y)h_{T-1}^\top",
            ("h_{T-1}", "h_{T-2}"),
            id="steps counted from zero",
        ),
        pytest.param(
            (*PLAIN[:2], r"\delta_t:=\left(\frac{dL}{dh_t}\right)^\top"),
            r"\delta_t=\left(\frac{\partial L_t}{\partial h_t}\right)^\top"
            r"+\left(\frac{\partial h_{t+1}}{\partial h_t}\right)^\top\delta_{t+1}",
            (r"\right)^\top\delta", r"\right)^\top W\delta"),
            id="a sensitivity stated as a column",
        ),
    ],
)
def test_a_form_is_read_and_a_slip_in_it_refuted(
    before: tuple[str, ...], line: str, slip: tuple[str, str]
) -> None:
    assert last(before, line).verdict == "proved"
    assert line.replace(*slip) != line
    assert last(before, line.replace(*slip)).verdict in ("refuted", "conditional")


def test_a_star_beside_dots_may_bind_first() -> None:
    line = r"\nabla_{h^t}L=V^T.\nabla_{y^t}L+W^T.\nabla_{h^{t+1}}L*(1-(h^{t+1})^2)"
    before = (r"h^t=\tanh(Wh^{t-1}+Ux^t)", r"y^t=Vh^t")
    found = last(before, line)
    assert (found.verdict, [c.code for c in found.conditions]) == ("conditional", ["M06"])
    assert last(before, line.replace("1-(h^{t+1})", "1-(h^t)")).verdict == "refuted"


def test_a_chain_that_turns_from_rows_to_columns_says_so() -> None:
    line = r"\frac{\partial L}{\partial b}=\sum_t\frac{\partial L}{\partial h_t}"
    line += (
        r"\frac{\partial h_t}{\partial b}=\sum_t\text{diag}(1-h_t^2)\frac{\partial L}{\partial h_t}"
    )
    found = last(PLAIN, line)
    assert found.verdict == "conditional" and "M05" in [c.code for c in found.conditions]
    assert last(PLAIN, line.replace("1-h_t^2", "1-h_{t-1}^2")).verdict == "refuted"


def test_a_letter_beside_a_subscript_is_no_part_of_it() -> None:
    before = ("a_t=w_xx_t+w_hh_{t-1}", r"h_t=\tanh(a_t)", "y_t=w_yh_t", r"l_t=\frac12(y_t-d_t)^2")
    line = r"\frac{\partial L}{\partial w_h}=\sum_{t=1}^Th_{t-1}\frac{\partial L}{\partial a_t}"
    assert last(before, line).verdict == "proved"
    assert last(before, line.replace("Th_{t-1}", "Th_t")).verdict == "refuted"


JULIA = """
```julia
dh = V' * dy + dhnext
da = dh .* (1 .- h.^2)
dW += %s
```
"""


def test_a_quote_transposes_in_a_program_and_forbids_an_outer_product() -> None:
    text = "$$h_t=\\tanh(Wh_{t-1}+Ux_t)$$\n\n$$y_t=Vh_t$$\n" + JULIA
    assert verify(text % "da * hprev'").lines[-1].verdict == "proved"
    assert verify(text % "hprev * da'").lines[-1].verdict == "refuted"


def test_a_column_beside_a_row_times_a_jacobian_is_a_mixed_layout() -> None:
    line = r"\frac{\partial L}{\partial h_t}=V^T\frac{\partial L}{\partial y_t}"
    line += r"+\frac{\partial L}{\partial h_{t+1}}\frac{\partial h_{t+1}}{\partial h_t}"
    found = last(PLAIN, line)
    assert (found.verdict, [c.code for c in found.conditions]) == ("conditional", ["M05"])
    assert last(PLAIN, line.replace("V^T", "W^T")).verdict == "refuted"
    assert (
        last(PLAIN, line.replace("}{\\partial h_{t+1}}", "}{\\partial h_t}")).verdict == "refuted"
    )
