"""Forward passes and shares of a gradient as posts write them, each with a near miss."""

import pytest

from symbptt.verify.judge.line import Line
from symbptt.verify.report import verify


def last(*parts: str) -> Line:
    return verify("\n\n".join(f"$${x}$$" for x in parts)).lines[-1]


def test_an_argument_named_after_the_gradients_began() -> None:
    before = (
        r"h_t=f(Wh_{t-1}+Ux_t+b),\ a_t=Wh_{t-1}+Ux_t+b",
        r"y_t=g(Vh_t+c)",
        r"L=\sum_t\ell(y_t,\hat y_t)",
        r"\delta^y_t=\frac{\partial\ell(y_t,\hat y_t)}{\partial z_t},\quad z_t=Vh_t+c",
    )
    line = r"\delta^h_t=(V^\top\delta^y_t+W^\top\delta^h_{t+1})\odot f'(a_t)"
    assert last(*before, line).verdict == "proved"
    assert last(*before, line.replace("+W", "-W")).verdict == "refuted"
    assert last(*before, r"\frac{\partial L}{\partial V}+=\delta^y_th_t^\top").verdict == "proved"


@pytest.mark.parametrize("written", ["W^{(t=1)}", r"W}\Big|_{t=1", r"W}\Big|_{1"])
def test_the_share_of_a_numbered_step(written: str) -> None:
    forward = r"h_t=\tanh(Wh_{t-1}+Ux_t+b)"
    path = (
        r"\frac{\partial L_3}{\partial h_3}\frac{\partial h_3}{\partial h_2}"
        r"\frac{\partial h_2}{\partial h_1}\frac{\partial h_1}{\partial W}"
    )
    line = rf"\frac{{\partial L_3}}{{\partial {written}}}={path}"
    assert last(forward, line).verdict == "proved"
    assert last(forward, line.replace("1", "2", 1)).verdict == "refuted"


WRITTEN_OUT = (
    r"o_1=f(x_1\cdot W)",
    r"o_2=f(x_2\cdot W+o_1\cdot W_h)",
    r"o_3=f(x_3\cdot W+o_2\cdot W_h)",
    r"\hat y=\sigma(o_3\cdot W_y)",
)
THREE_PATHS = (
    r"\frac{\partial L}{\partial W}=\frac{\partial L}{\partial o_3}\left("
    r"\frac{\partial o_3}{\partial W}+\frac{\partial o_3}{\partial o_2}\left("
    r"\frac{\partial o_2}{\partial W}+\frac{\partial o_2}{\partial o_1}"
    r"\frac{\partial o_1}{\partial W}\right)\right)"
)


def test_a_forward_pass_written_out_step_by_step() -> None:
    found = verify("\n\n".join(f"$${x}$$" for x in (*WRITTEN_OUT, THREE_PATHS)))
    assert {x.verdict for x in found.lines[:-1]} == {"definition"}
    assert found.lines[-1].verdict == "conditional"
    state = r"\frac{\partial o_3}{\partial o_2}="
    assert last(*WRITTEN_OUT, state + r"\text{diag}(f'(x_3W+o_2W_h))W_h^T").verdict == "proved"
    assert last(*WRITTEN_OUT, state + r"\text{diag}(f'(x_3W+o_2W_h))W^T").verdict == "refuted"


def test_steps_from_zero_written_out() -> None:
    forward = (r"z_0=ux_0+ws_{-1}+k", r"s_0=g(z_0)", r"z_1=ux_1+ws_0+k", r"s_1=g(z_1)",
               r"q=vs_1", r"E=\ell(q)")  # fmt: skip
    line = r"\frac{dE}{du}=\ell'(q)v\,g'(z_1)(x_1+w\,g'(z_0)x_0)"
    assert last(*forward, line).verdict == "proved"
    assert last(*forward, line.replace("x_0", "x_1")).verdict == "refuted"


def test_layers_are_no_steps() -> None:
    forward = (r"h_1=\tanh(W_1x)", r"h_2=\tanh(W_2h_1)", r"h_3=\tanh(W_3h_2)")
    line = r"\frac{\partial h_3}{\partial W_2}=\frac{\partial h_3}{\partial h_2}h_1"
    assert last(*forward, line).verdict != "proved"


def test_a_term_left_to_the_reader_refutes_nothing() -> None:
    line = (
        r"\frac{\partial L}{\partial W}=\frac{\partial L}{\partial o_3}\left("
        r"\frac{\partial o_3}{\partial W}+\frac{\partial o_3}{\partial o_2}"
        r"\frac{\partial o_2}{\partial W}+\cdots\right)"
    )
    assert last(*WRITTEN_OUT, line).verdict not in ("refuted", "proved")


ROWS_FROM_ZERO = (
    r"a^{(t)}=x^{(t)}U^\top+h^{(t-1)}W^\top",
    r"h^{(t)}=\tanh(a^{(t)})",
    r"y^{(t)}=h^{(t)}V^\top",
    r"E=\sum_{t=0}^{T-1}E^{(t)}(y^{(t)})",
    r"\delta^{(t)}=\frac{\partial E}{\partial a^{(t)}}",
)


def test_sums_over_steps_counted_from_zero() -> None:
    line = r"\frac{\partial E}{\partial W}=\sum_{t=0}^{T-1}(\delta^{(t)})^\top h^{(t-1)}"
    assert last(*ROWS_FROM_ZERO, line).verdict == "proved"
    assert last(*ROWS_FROM_ZERO, line.replace("(t-1)", "(t)")).verdict == "refuted"
    end = r"\delta^{(T-1)}=(\frac{\partial E}{\partial y^{(T-1)}}V)\odot(1-(h^{(T-1)})^2)"
    assert last(*ROWS_FROM_ZERO, end).verdict == "proved"
    assert last(*ROWS_FROM_ZERO, end.replace("T-1", "T-2")).verdict == "refuted"
    late = line.replace("t=0", "t=1")  # the share of the first step is h^{(-1)}'s
    assert last(*ROWS_FROM_ZERO, late).verdict != "proved"
