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


def stacked(layer: str) -> tuple[str, ...]:
    """Two layers, `layer` writing the state of one: h_t^{(1)}, h_1^{t}."""
    h = {(n, t): layer.format(n=n, t=t) for n in "12" for t in ("t", "t-1", "t+1")}
    return (
        rf"h{h['1', 't']}=\tanh(W_1x_t+U_1h{h['1', 't-1']}+b_1)",
        rf"h{h['2', 't']}=\tanh(W_2h{h['1', 't']}+U_2h{h['2', 't-1']}+b_2)",
        rf"\hat y_t=\text{{softmax}}(Vh{h['2', 't']}+c)",
        rf"\delta{h['1', 't']}=(W_2^\top\delta{h['2', 't']}+U_1^\top\delta{h['1', 't+1']})"
        rf"\odot(1-(h{h['1', 't']})^2)",
    )


@pytest.mark.parametrize(
    "layer",
    [
        "_{{{t}}}^{{({n})}}",
        pytest.param("_{{{t}}}^{{[{n}]}}", marks=pytest.mark.slow),
        pytest.param("_{n}^{{{t}}}", marks=pytest.mark.slow),
    ],
)
def test_a_number_beside_a_running_step_is_a_layer(layer: str) -> None:
    *forward, line = stacked(layer)
    upper = rf"\frac{{\partial L}}{{\partial U_2}}=\sum_t\delta{layer.format(n='2', t='t')}" + (
        rf"(h{layer.format(n='2', t='t-1')})^\top"
    )
    assert last(*forward, line).verdict == "proved"
    assert last(*forward, line.replace("W_2", "U_2")).verdict == "refuted"
    assert last(*forward, line, upper).verdict == "proved"
    assert last(*forward, line, upper.replace("t-1", "t")).verdict == "refuted"


TANH = r"h_t=\tanh(Wh_{t-1}+Ux_t+b)"


@pytest.mark.parametrize(
    "true, false",
    [
        (r"\sigma(x)=\frac{1}{1+e^{-x}}", ("-x", "x")),
        (r"\frac{d\sigma}{dx}=\sigma(x)\cdot(1-\sigma(x))", ("1-", "1+")),
        (r"\frac{d}{dx}[\frac{1}{1+e^{-x}}]=-(1+e^{-x})^{-2}\cdot(-e^{-x})", ("-2", "2")),
        (r"\frac{d}{dz}\tanh(z)=1-\left(\frac{e^z-e^{-z}}{e^z+e^{-z}}\right)^2", ("1-", "2-")),
    ],
)  # fmt: skip
def test_laws_of_elementary_functions(true: str, false: tuple[str, str]) -> None:
    assert last(TANH, true).verdict == "proved"
    assert last(TANH, true.replace(*false)).verdict == "refuted"


def test_what_is_no_law_of_one_number() -> None:
    for line in (r"\frac{\partial L}{\partial W}=e^x-e^x", r"\frac{dh}{dx}=\sigma'(x)-\sigma'(x)",
                 r"\frac{d\tanh(Wx)}{dx}=1-\tanh^2(Wx)"):  # fmt: skip
        assert last(TANH, line).verdict != "proved"


def test_a_nabla_that_names_no_variable_is_by_each_parameter() -> None:
    forward = (r"\hat y_{t+1}=f(a+bx_t+c\hat y_t)", r"E_t=(y_t-\hat y_t)^2",
               r"\frac{\partial\hat y_{t+1}}{\partial b}=f'(a+bx_t+c\hat y_t)"
               r"(x_t+c\frac{\partial\hat y_t}{\partial b})")  # fmt: skip
    line = r"\nabla E_t=-2(y_t-\hat y_t)\nabla\hat y_t"
    assert last(*forward, line).verdict == "proved"
    assert last(*forward, line.replace("-2", "2")).verdict == "refuted"


def test_the_slope_of_a_loss_is_its_derivative() -> None:
    forward = (TANH, r"q=v^\top h_T", r"E=\ell(q)")
    line = r"\frac{\partial E}{\partial h_T}=\ell'(q)v"
    assert last(*forward, line).verdict == "proved"
    assert last(*forward, line.replace("'", "")).verdict == "refuted"


def test_a_full_stop_before_a_tag() -> None:
    line = r"\frac{\partial h_t}{\partial h_{t-1}}=\text{diag}(1-h_t^2)W\,. \tag{7}"
    assert last(TANH, line).verdict == "proved"


def test_a_copy_of_the_chances_less_one_at_the_label() -> None:
    forward = "\n\n".join(f"$${x}$$" for x in (TANH, r"y_t=Vh_t+c", r"p_t=\text{softmax}(y_t)"))

    def codes(*lines: str) -> list[str]:
        found = verify("\n".join((forward, "", "```python", *lines, "```"))).lines
        return [x.verdict for x in found if x.claim.notation == "plain"]

    assert codes("dy = np.copy(p[t])", "dy[targets[t]] -= 1") == ["proved", "proved"]
    assert codes("dy = p[t]", "dy[targets[t]] -= 1") == ["conditional", "conditional"]
    assert "proved" not in codes("dy = np.copy(p[t])", "dy[inputs[t]] -= 1")
    assert "proved" not in codes("dy = np.copy(p[t])", "dy[targets[t]] += 1")


def test_a_shape_below_a_brace() -> None:
    line = (
        r"\frac{\partial L}{\partial W}=\sum_t\underbrace{\frac{\partial L}{\partial z_t}}"
        r"_{\in\mathbb{R}^{H}}h_{t-1}^\top"
    )
    forward = (r"z_t=Wh_{t-1}+Ux_t+b", r"h_t=\tanh(z_t)")
    assert last(*forward, line).verdict == "proved"
    assert last(*forward, line.replace("t-1", "t")).verdict == "refuted"


@pytest.mark.parametrize(("right", "verdict"), [("w_{Rec}", "proved"), ("w_x", "refuted")])
def test_a_text_about_numbers_may_use_capitals_and_words(right: str, verdict: str) -> None:
    forward = (r"S_k = S_{k-1} \cdot w_{Rec} + X_k \cdot w_x", "y = S_n", "L = (r - y)^2")
    line = r"\frac{\partial L}{\partial S_{k-1}} = \frac{\partial L}{\partial S_k} "
    assert last(*forward, line + right).verdict == verdict
