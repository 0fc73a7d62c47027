"""Mistakes that a line makes alone, each with its class, and the rule that finds it taken away."""

from functools import partial
from typing import Any

import pytest

from symbptt.verify.forward import document
from symbptt.verify.repairs import edits
from symbptt.verify.repairs.search import Repairs
from symbptt.verify.report import verify
from tests import judged

ELMAN = r"""
$$h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)$$
$$y_t=W_{hy}h_t+b_y$$
$$L=\sum_{t=1}^T L_t$$
"""
BOTH_WAYS = r"""
$$f_t=\tanh(Wx_t+Vf_{t-1})$$
$$g_t=\tanh(Ax_t+Bg_{t+1})$$
$$\hat y_t=\mathrm{softmax}(Cf_t+Dg_t)$$
"""
GRU = r"""
$$r_t=\sigma(W_rx_t+U_rh_{t-1})$$
$$z_t=\sigma(W_zx_t+U_zh_{t-1})$$
$$g_t=\tanh(W_gx_t+r_t\odot(U_gh_{t-1}))$$
$$h_t=(1-z_t)\odot g_t+z_t\odot h_{t-1}$$
"""
LSTM = r"""
$$i_t=\sigma(W_ix_t+U_ih_{t-1}),\ f_t=\sigma(W_fx_t+U_fh_{t-1})$$
$$o_t=\sigma(W_ox_t+U_oh_{t-1}),\ g_t=\tanh(W_gx_t+U_gh_{t-1})$$
$$c_t=f_t\odot c_{t-1}+i_t\odot g_t$$
$$h_t=o_t\odot\tanh(c_t)$$
"""
OVER_T = r"\frac{\partial L}{\partial %s}=\sum_{t=%s}^{%s}"


last = partial(judged.last, before=ELMAN)


def nothing(*_: Any) -> Any:
    return iter(())


def test_a_loss_that_is_stated_as_a_sum_does_not_stand_at_the_last_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = OVER_T % ("b_y", "2", "T") + r"\frac{\partial L}{\partial y_t}"
    assert (last(line).verdict, last(line).codes) == ("refuted", ["M13"])
    assert last(line.replace("t=2", "t=1")).verdict == "proved"
    monkeypatch.setattr(document, "stated_over", lambda a: "")
    assert last(line).verdict == "tested"


JACOBIANS = [
    (r"\frac{\partial h_{t+1}}{\partial h_t}=W_{hh}", "M01"),
    (r"\frac{\partial h_t}{\partial h_k}=W_{hh}^{t-k}", "M01"),
    (r"\frac{\partial h_t}{\partial h_k}=\prod_{j=k+1}^tW_{hh}", "M01"),
    (r"\frac{\partial h_{t+1}}{\partial h_t}=\mathrm{diag}(1-h_{t+1}^2)", "M02"),
    (r"\frac{\partial h_t}{\partial h_k}=\prod_{j=k+1}^t\mathrm{diag}(1-h_j^2)", "M02"),
]


@pytest.mark.parametrize("line, code", JACOBIANS)
def test_a_jacobian_without_its_slope_or_its_weights(
    line: str, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = last(line)
    assert (found.verdict, found.codes) == ("refuted", [code])
    assert last(found.correct).verdict in ("proved", "conditional")
    monkeypatch.setattr(edits, "inner", nothing)
    assert code not in last(line).codes


@pytest.mark.slow
def test_a_repair_says_something(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not ∏ diag(1 − h_{j+1}²) at t = k = T alone, and not 0 = 0."""
    monkeypatch.setattr(edits, "inner", nothing)
    assert last(JACOBIANS[-1][0]).codes == []
    monkeypatch.setattr(Repairs, "_says_something", lambda *_: True)
    assert last(JACOBIANS[-1][0]).codes == []  # such an edit has no proof either
    monkeypatch.setattr(Repairs, "_is_proved", lambda *_: True)
    assert last(JACOBIANS[-1][0]).codes != []


def test_a_sum_one_step_too_late_at_both_ends() -> None:
    later = r"((1-h_{t+1}^2)\odot\frac{\partial L}{\partial h_{t+1}})h_t^T"
    found = last(OVER_T % ("W_{hh}", "1", "T") + later)
    assert (found.verdict, found.codes) == ("refuted", ["M13"])
    assert last(OVER_T % ("W_{hh}", "0", "T-1") + later).verdict == "proved"


def test_a_sum_without_bounds_says_which_steps_it_is_taken_over() -> None:
    later = r"((1-h_{t+1}^2)\odot\frac{\partial L}{\partial h_{t+1}})h_t^T"
    found = last(r"\frac{\partial L}{\partial W_{hh}}=\sum_t" + later)
    assert found.verdict == "proved" and "from 0 to T − 1" in found.message
    own = r"\frac{\partial L}{\partial W_{hy}}=\sum_t\frac{\partial L}{\partial y_t}h_t^T"
    assert last(own).message == ""
    counted = ELMAN.replace("h_t=", "h_{t+1}=").replace("h_{t-1}+", "h_t+")  # steps from 0
    assert last(r"\frac{\partial L}{\partial W_{hh}}=\sum_t" + later, before=counted).message == ""


def test_the_gradient_by_a_softmax_is_not_the_one_by_its_argument(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = ELMAN.replace("y_t=W_{hy}h_t+b_y", r"p_t=\mathrm{softmax}(W_{hy}h_t+b_y)")
    before += r"$$L_t=-\sum_iy_{t,i}\log p_{t,i}$$"
    line = r"\frac{\partial L_t}{\partial p_t}=p_t-y_t"
    found = last(line, before=before)
    assert (found.verdict, found.codes) == ("refuted", ["M16"])
    monkeypatch.setattr(edits, "of_argument", nothing)
    assert last(line, before=before).codes != ["M16"]


def test_what_a_reversed_state_reads_lies_ahead() -> None:
    line = (
        r"\frac{\partial L}{\partial B}=\sum_t"
        r"\left(\frac{\partial L}{\partial g_t}\odot(1-g_t^2)\right)g_{t-1}^T"
    )
    found = last(line, before=BOTH_WAYS)
    assert (found.verdict, found.codes) == ("refuted", ["M10"])
    assert "g_{t+1}" in found.correct
    assert last(line.replace("g_{t-1}", "g_{t+1}"), before=BOTH_WAYS).verdict == "proved"


def test_the_inner_factor_of_a_gated_path(monkeypatch: pytest.MonkeyPatch) -> None:
    line = (
        r"\frac{\partial L}{\partial U_g}=\sum_t"
        r"\left(\frac{\partial L}{\partial g_t}\odot(1-g_t^2)%s\right)h_{t-1}^T"
    )
    found = last(line % "", before=GRU)
    assert (found.verdict, found.codes) == ("refuted", ["M02"])
    assert last(line % r"\odot r_t", before=GRU).verdict == "proved"
    monkeypatch.setattr(edits, "LOCAL", tuple(x for x in edits.LOCAL if x is not edits.factor))
    assert last(line % "", before=GRU).codes != ["M02"]


def test_a_slope_of_the_argument_where_the_jacobian_is_its_diagonal() -> None:
    line = r"\frac{\partial h_t}{\partial f_t}=o_t\odot(1-%s^2)\odot c_{t-1}"
    found = last(line % "c_t", before=LSTM)
    assert found.verdict == "refuted" and "M03" in found.codes
    assert last(line % r"\tanh(c_t)", before=LSTM).verdict == "conditional"


def test_one_step_s_part_of_a_gradient_where_the_whole_is_needed() -> None:
    own = r"$$\delta^y_t=\frac{\partial L_t}{\partial y_t}$$ $$\delta^h_t=W_{hy}^T\delta^y_t$$"
    before = ELMAN + own
    line = r"\frac{\partial L}{\partial W_{xh}}=\sum_{t=1}^T\delta^h_tx_t^T"
    found = last(line, before=before)
    assert (found.verdict, found.codes) == ("refuted", ["M01", "M07"])
    assert last(found.correct, before=before).verdict == "proved"


def test_a_jacobian_laid_out_both_ways() -> None:
    """The double sum needs ∂h_t/∂h_k as the product of the next line does not lay it out."""
    double = (
        r"\frac{\partial L}{\partial W_{hh}}=\sum_{t=1}^T\sum_{k=1}^t"
        r"\frac{\partial L_t}{\partial h_t}\cdot\frac{\partial h_t}{\partial h_k}"
        r"\cdot\frac{\partial^+h_k}{\partial W_{hh}}"
    )
    product = r"\frac{\partial h_t}{\partial h_k}=\prod_{j=k+1}^tW_{hh}^T\mathrm{diag}(1-h_j^2)"
    assert last(double).verdict == "proved"
    both = verify(f"{ELMAN}\n$${double}$$\n$${product}$$\n").lines[-2:]
    assert [x.verdict for x in both] == ["conditional", "conditional"]
    assert "M05" in [c.code for c in both[0].conditions]


GENERIC = "$$h_t=f(x_t,h_{t-1},w_h)$$\n$$o_t=g(h_t,w_o)$$\n$$%s$$"


@pytest.mark.parametrize(
    "line, verdict, code",
    [
        ("h_t=f(x_t,h_{t-1},w_h)", "definition", ""),
        ("h_t=f(x_t,f(x_{t-1},h_{t-2},w_h),w_h)", "definition", ""),
        ("h_t=f(x_{t-1},h_{t-1},w_h)", "refuted", "M10"),
        ("o_t=g(h_t,w_h)", "refuted", "M11"),
        ("h_t=f(x_t,h_{t-1},2w_h)", "unread", ""),
        (r"h_t=f(x_t,h_{t-1},w_h^\top)", "unread", ""),
        ("h_t=f(x_t,f(x_t,h_{t-1},w_h),w_h)", "unread", ""),
    ],
)
def test_a_function_of_which_nothing_is_known(line: str, verdict: str, code: str) -> None:
    found = verify(GENERIC % line, model="generic").lines[-1]
    assert (found.verdict, "".join(found.codes[:1])) == (verdict, code)


OUTPUT = r"\frac{\mathrm{d}L}{\mathrm{d}h_t}=%s\frac{\mathrm{d}L}{\mathrm{d}o_t}V^\top"
FUTURE = r"+\frac{\mathrm{d}L}{\mathrm{d}a_{t+1}}U^\top"


@pytest.mark.parametrize("factor, verdict, codes", [("", "proved", []), ("2", "refuted", ["M14"])])
def test_what_the_loss_of_the_last_step_says(factor: str, verdict: str, codes: list[str]) -> None:
    text = "$$a_t=x_tW+h_{t-1}U+b$$\n$$h_t=\\tanh(a_t)$$\n$$o_t=h_tV+c$$\n"
    found = verify(f"{text}$${OUTPUT % factor}{FUTURE}$$", model="encoder").lines[-1]
    assert (found.verdict, found.codes) == (verdict, codes)


def test_a_repair_is_no_derivative_of_a_thing_by_itself() -> None:
    line = r"\frac{\partial h_t}{\partial a_t} = \operatorname{diag}(h_t \odot 1 - h_t)"
    found = verify(f"$${line}$$", model="jordan").lines[0]
    assert found.verdict == "refuted"
    assert found.correct is None or r"{\partial h_{t}} =" not in found.correct
