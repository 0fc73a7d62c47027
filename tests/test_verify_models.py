"""Lines about a given model, as the project prints them, each with a wrong one beside it."""

import pytest

from symbptt.derive import derive
from symbptt.parse import load
from symbptt.show import show_equation
from symbptt.verify.judge.line import Line
from symbptt.verify.proof import prover
from symbptt.verify.report import verify

SAID = "d is total, ∂ holds all else fixed.\n\n"
BOTH = r"""$$h_{t} = o_{t} \odot \tanh(c_{t})$$

$$c_{t} = f_{t} \odot c_{t-1} + i_{t} \odot g_{t}$$

$$\lambda \cdot \frac{\partial z_{t}}{\partial V} = h_{t}^{\top} \lambda$$

$$\frac{\mathrm{d}L}{\mathrm{d}x_{t}} = \frac{\mathrm{d}L}{\mathrm{d}a_{t}} W^{\top}$$

"""


def last(line: str, model: str = "lstm") -> Line:
    return verify(f"{SAID}{BOTH}$${line}$$", model=model).lines[-1]


BLOCKS = (
    r"\lambda \cdot \frac{\partial i_{t}}{\partial a_{t}} ="
    r" [\lambda \odot i_{t} \odot (1 - i_{t}), \mathbf{0}_{N \times 3 H}]"
)


@pytest.mark.slow
def test_an_array_of_zeros_of_a_stated_shape() -> None:
    assert last(BLOCKS).verdict == "proved"
    assert last(BLOCKS.replace("3 H", "2 H")).verdict == "refuted"
    assert last(BLOCKS.replace(r"\mathbf{0}", r"\mathbf{1}")).verdict == "refuted"
    assert last(BLOCKS.replace("1 - i", "1 + i")).codes == ["M15"]


FORWARD = (
    r"\frac{\mathrm{d}L}{\mathrm{d}W} = \sum_{t=1}^{T} \frac{\partial l_{t}}{\partial h_{t}}"
    r" \cdot \frac{\mathrm{d}h_{t}}{\mathrm{d}W}"
)


@pytest.mark.slow
def test_a_gradient_as_the_sum_of_what_forward_sensitivities_hand_on() -> None:
    assert last(FORWARD).verdict == "proved"
    assert last(FORWARD.replace("h_{t}", "h_{t-1}")).verdict == "refuted"


def test_a_rewriting_that_grows_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prover, "MOST", 0)
    found = last(
        r"\frac{\mathrm{d}L}{\mathrm{d}h_{t}} = \frac{\mathrm{d}L}{\mathrm{d}z_{t}} V^{\top}"
        r" + \frac{\mathrm{d}L}{\mathrm{d}a_{t+1}} U^{\top}"
    )
    assert found.verdict == "tested"
    assert "one form" in found.message


def test_a_readout_of_states_that_are_written_out_themselves() -> None:
    twice = r"z_{t} = h_{t} V + b_{y}$$" + "\n\n$$" + r"z_{t} = h_{t} V + b_{y}"
    assert last(twice).verdict == "definition"
    assert last(twice.replace("t} V + b_{y}$$", "t} V - b_{y}$$")).verdict == "definition"
    assert last(f"{twice} - b_{{y}}").verdict == "refuted"


@pytest.mark.parametrize(
    ("line", "right", "wrong", "code"),
    [
        # A slope that the cotangent lacks: that of a gate, and that of the cell's readout.
        (r"\lambda \cdot \frac{\partial h_{t}}{\partial h_{t-1}} = X U^{\top}",
         r"[\mathbf{0}_{N \times 3 H}, \lambda \odot o_{t} \odot (1 - o_{t}) \odot \tanh(c_{t})]",
         r"[\mathbf{0}_{N \times 3 H}, \lambda \odot \tanh(c_{t})]", "M19"),
        (r"\lambda \cdot \frac{\partial h_{t}}{\partial c_{t}} = X",
         r"\lambda \odot o_{t} \odot (1 - \tanh(c_{t})^{2})", r"\lambda \odot o_{t}", "M01"),
        (r"\lambda \cdot \frac{\partial h_{t}}{\partial b} = X",
         r"\sum_{n=1}^{N} [[\mathbf{0}_{N \times 3 H}, \lambda \odot o_{t} \odot (1 - o_{t})"
         r" \odot \tanh(c_{t})]]_{n,:}",
         r"[\mathbf{0}_{N \times 3 H}, \lambda \odot o_{t} \odot (1 - o_{t}) \odot \tanh(c_{t})]",
         "M12"),
        (r"\frac{\mathrm{d}L}{\mathrm{d}c_{0}} = X",
         r"\frac{\mathrm{d}L}{\mathrm{d}c_{1}} \odot f_{1}", "f_{1}", "M02"),
        (r"\frac{\mathrm{d}L}{\mathrm{d}h_{t}} = X V^{\top}"
         r" + \frac{\mathrm{d}L}{\mathrm{d}a_{t+1}} U^{\top}",
         r"\frac{\mathrm{d}L}{\mathrm{d}z_{t}}", r"2 \frac{\mathrm{d}L}{\mathrm{d}z_{t}}", "M14"),
        (r"\frac{\mathrm{d}L}{\mathrm{d}h_{t}} = X \frac{\mathrm{d}L}{\mathrm{d}z_{t}} V^{\top}"
         r" + \frac{\mathrm{d}L}{\mathrm{d}a_{t+1}} U^{\top}", "", r"\frac{1}{2}", "M14"),
        # A bracket in the middle, and tanh, which is the activation and no gate.
        (r"\lambda \cdot \frac{\partial i_{t}}{\partial a_{t}} = [X, \mathbf{0}_{N \times 3 H}]",
         r"\lambda \odot (1 - i_{t}) \odot i_{t}", r"\lambda \odot 1 - i_{t} \odot i_{t}", "M21"),
        (r"\lambda \cdot \frac{\partial g_{t}}{\partial a_{t}} = [\mathbf{0}_{N \times 2 H}, X,"
         r" \mathbf{0}_{N \times H}]",
         r"\lambda \odot (1 - g_{t}^{2})", r"\lambda", "M01"),
    ],
)  # fmt: skip
def test_one_mistake_is_named_first(line: str, right: str, wrong: str, code: str) -> None:
    assert last(line.replace("X", right)).verdict == "proved"
    found = last(line.replace("X", wrong))
    assert (found.verdict, found.codes[:1]) == ("refuted", [code])


OTHERS = {
    "M02": ("gru", r"\lambda \cdot \frac{\partial a_{\mathrm{htilde},t}}{\partial r_{t}} = ",
            r"(\lambda U_{h}^{\top}) \odot h_{t-1}", r"\lambda U_{h}^{\top}"),
    "M03": ("bidirectional", r"\lambda \cdot \frac{\partial g_{t}}{\partial b_{g}} = ",
            r"\sum_{n=1}^{N} [\lambda \odot (1 - g_{t}^{2})]_{n,:}",
            r"\sum_{n=1}^{N} [\lambda \odot (1 - a_{g,t}^{2})]_{n,:}"),
    "M14": ("gru", r"\frac{\mathrm{d}L}{\mathrm{d}b_{y}} = ",
            r"\sum_{t=1}^{T} \sum_{n=1}^{N} \left[\frac{\mathrm{d}L}{\mathrm{d}o_{t}}\right]_{n,:}",
            r"\frac{1}{T} \sum_{t=1}^{T} \sum_{n=1}^{N}"
            r" \left[\frac{\mathrm{d}L}{\mathrm{d}o_{t}}\right]_{n,:}"),
}  # fmt: skip


@pytest.mark.parametrize("code", OTHERS)
def test_one_mistake_in_another_model_is_named_first(code: str) -> None:
    model, left, right, wrong = OTHERS[code]
    forward = derive(load(model)).group("forward").equations
    text = "".join(f"$${show_equation(e, 'latex')}$$\n\n" for e in forward)
    found = [verify(f"{SAID}{text}$${left}{x}$$", model=model).lines[-1] for x in (right, wrong)]
    assert [x.verdict for x in found] == ["proved", "refuted"]
    assert found[1].codes[:1] == [code]


PATHS = (
    r"$$\frac{\mathrm{d}L}{\mathrm{d}W_{hh}} = \sum_{t=1}^{T} \sum_{k=1}^{t}"
    r" \frac{\partial l_{t}}{\partial h_{t}} \cdot \prod_{j=k+1}^{t}"
    r" \frac{\partial h_{j}}{\partial h_{j-1}} \cdot \frac{\partial h_{k}}{\partial W_{hh}}$$"
)


def test_what_holds_everything_else_fixed_is_no_factor_of_a_path() -> None:
    """With ∂h_j/∂h_{j−1} = 0, a sum over all paths would be that over the shortest."""
    before = f"{SAID}A product over time multiplies from the latest step on the left.\n\n"
    assert verify(before + PATHS, model="elman").lines[-1].verdict == "proved"
    twice = PATHS.replace(r"\partial h_{k}}{\partial W", r"\mathrm{d}h_{k}}{\mathrm{d}W")
    found = verify(before + twice, model="elman").lines[-1]
    assert (found.verdict, found.codes) == ("refuted", ["M09"])


def test_a_second_subscript_is_not_read_for_the_first() -> None:
    right = r"o_{t} = W_{\mathrm{out}} h_{t} + c"
    assert verify(f"$${right}$$", model="leaky").lines[-1].verdict == "definition"
    found = verify(f"$${right.replace(' h_', '_{in} h_')}$$", model="leaky")
    assert "second subscript" in found.document.unread[0].reason
    assert not found.lines
    braced = right.replace(r"W_{\mathrm{out}}", r"{W_{\mathrm{out}}}")
    assert verify(f"$${braced}$$", model="leaky").lines[-1].verdict == "definition"


MISSING = {
    "M07": ("leaky", r"\frac{\mathrm{d}L}{\mathrm{d}h_{t}} ="
            r" W_{\mathrm{out}}^{\top} \frac{\mathrm{d}L}{\mathrm{d}o_{t}}"
            r" + W^{\top} \frac{\mathrm{d}L}{\mathrm{d}a_{t+1}}",
            r" + (1 - \alpha) \frac{\mathrm{d}L}{\mathrm{d}h_{t+1}}"),
    "M08": ("gru", r"\frac{\mathrm{d}h_{t}}{\mathrm{d}W} = \frac{\partial h_{t}}{\partial h_{t-1}}"
            r" \cdot \frac{\mathrm{d}h_{t-1}}{\mathrm{d}W}",
            r" + \frac{\partial h_{t}}{\partial W}"),
    "M02": ("gru", r"\frac{\mathrm{d}L}{\mathrm{d}a_{t}} = [r_{t} \odot (1 - r_{t}),"
            r" \frac{\mathrm{d}L}{\mathrm{d}z_{t}} \odot z_{t} \odot (1 - z_{t})]", ""),
}  # fmt: skip


@pytest.mark.parametrize("code", MISSING)
def test_what_is_missing_beside_the_rest_is_named(code: str) -> None:
    model, line, rest = MISSING[code]
    forward = "".join(f"$${show_equation(e, 'latex')}$$\n\n" for e in load(model).equations[:-1])
    both = r"$$\frac{\mathrm{d}L}{\mathrm{d}o_{t}} = \frac{\partial l_{t}}{\partial o_{t}}$$"
    before = f"{SAID}{forward}{both}\n\n"
    full = line.replace("[r", r"[\frac{\mathrm{d}L}{\mathrm{d}r_{t}} \odot r") + rest
    assert verify(f"{before}$${full}$$", model=model).lines[-1].verdict == "proved"
    found = verify(f"{before}$${line}$$", model=model).lines[-1]
    assert (found.verdict, found.codes[:1]) == ("refuted", [code])


def test_the_gradient_by_the_start_of_a_state_that_runs_backwards() -> None:
    left = r"\frac{\mathrm{d}L}{\mathrm{d}g_{T+1}}"
    right = r"\frac{\mathrm{d}L}{\mathrm{d}a_{g,T}} W_{gg}^{\top}"
    forward = "".join(
        f"$${show_equation(e, 'latex')}$$\n\n" for e in load("bidirectional").equations[:-1]
    )
    found = [
        verify(f"{SAID}{forward}$${left} = {x}$$", model="bidirectional").lines[-1]
        for x in (right, "0", f"2 {right}")
    ]
    assert [x.verdict for x in found] == ["proved", "refuted", "refuted"]
    assert found[2].codes == ["M14"]
