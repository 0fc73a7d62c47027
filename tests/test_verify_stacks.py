"""Several states under one letter: s_t = (c_t, h_t), stacked into one vector."""

from __future__ import annotations

import pytest

from symbptt import load
from symbptt.errors import SymbpttError
from symbptt.verify import verify
from symbptt.verify.forward.given import from_model
from symbptt.verify.forward.stacked import with_stack
from symbptt.verify.read import read

SAID = r"""d is total, ∂ holds everything else fixed; Jacobians are in numerator layout.
∏ multiplies from the latest step on the left.
s_t = (STACK), stacked into one vector.

$$L = \sum_{t=1}^{T} l_t$$

"""
ADJOINT = (
    r"\frac{\mathrm{d}L}{\mathrm{d}s_t} = \sum_{r=t}^{T} \frac{\partial l_r}{\partial s_r} \cdot "
    r"\prod_{j=t+1}^{r} \frac{\partial s_j}{\partial s_{j-1}}"
)
GRADIENT = (
    r"\frac{\mathrm{d}L}{\mathrm{d}PARAM} = \sum_{t=1}^{T} \sum_{k=1}^{t} "
    r"\frac{\partial l_t}{\partial s_t} \cdot \prod_{j=k+1}^{t} "
    r"\frac{\partial s_j}{\partial s_{j-1}} \cdot \frac{\partial s_k}{\partial PARAM}"
)


def verdict(line: str, model: str, stack: str) -> str:
    text = f"{SAID.replace('STACK', stack)}$${line}$$\n"
    return verify(text, model=model).lines[-1].verdict


@pytest.mark.parametrize(
    ("model", "stack", "line"),
    [
        ("lstm_column", "C_t, h_t", ADJOINT),
        ("lstm_column", "h_t, C_t", ADJOINT),
        ("lstm_column", "C_t, h_t", GRADIENT.replace("PARAM", "W_f")),
        ("lstm_column", "C_t, h_t", GRADIENT.replace("PARAM", "b_o")),
        ("lstm", "c_t, h_t", GRADIENT.replace("PARAM", "U")),
        ("second_order", "h_t, h_{t-1}", ADJOINT),
    ],
)
def test_the_closed_form_of_a_stack_is_proved(model: str, stack: str, line: str) -> None:
    assert verdict(line, model, stack) == "proved"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("{k=1}", "{k=2}"),
        ("{j=k+1}", "{j=k}"),
        ("s_k}{", "s_t}{"),
        (r"\frac{\partial l_t}{\partial s_t}", r"\frac{\partial l_t}{\partial s_k}"),
    ],
)
def test_and_not_where_it_is_wrong(right: str, wrong: str) -> None:
    line = GRADIENT.replace("PARAM", "W_f")
    assert right in line
    assert verdict(line.replace(right, wrong), "lstm_column", "C_t, h_t") == "refuted"


def test_the_other_order_of_the_product_is_not_proved() -> None:
    text = SAID.replace("STACK", "C_t, h_t").replace("on the left", "on the right")
    found = verify(f"{text}$${ADJOINT}$$\n", model="lstm_column").lines[-1]
    assert found.verdict in ("refuted", "conditional")  # at t = T, where the product is empty


@pytest.mark.parametrize("stack", ["h_t", "C_t", "C_t, x_t", "h_t, h_{t-1}", "C_t, h_t, h_t"])
def test_a_stack_that_is_no_state_is_not_read(stack: str) -> None:
    assert verdict(ADJOINT, "lstm_column", stack) == "unread"


def test_a_stack_must_hold_what_the_next_step_reads() -> None:
    system = from_model(load("second_order"))
    assert [d.name for d in with_stack(system, "s", [("h", 0), ("h", 1)]).model.states] == ["s"]
    with pytest.raises(SymbpttError, match="does not hold what the next step reads"):
        with_stack(system, "s", [("h", 0)])
    with pytest.raises(SymbpttError, match="is a quantity of the model"):
        with_stack(system, "h", [("h", 0), ("h", 1)])


@pytest.mark.parametrize(
    ("claim", "proved"),
    [
        (r"x_t \in \mathbb{R}^{N \times D}", True),
        (r"W \in \mathbb{R}^{D \times 4 H}", True),
        (r"W \in \mathbb{R}^{D \times 3 H}", False),
        (r"W \in \mathbb{R}^{4 H \times D}", False),
        (r"y_t \in \{0, \dots, C - 1\}^N", True),
        (r"y_t \in \{0, \dots, C\}^N", False),
        (r"y_t \in \{1, \dots, C - 1\}^N", False),
        (r"y_t \in \{0, \dots, C - 1\}^H", False),
        (r"y_t \in \{0, \dots, C - 1\}", False),
        (r"x_t \in \{0, \dots, C - 1\}^N", False),
    ],
)
def test_sizes_in_the_names_of_the_given_model(claim: str, proved: bool) -> None:
    assert (verify(f"$${claim}$$", model="lstm").lines[-1].verdict == "proved") == proved


@pytest.mark.parametrize(
    ("claim", "verdict"),
    [
        (r"W_f \in \mathbb{R}^{H \times D + H}", "proved"),
        (r"W_f \in \mathbb{R}^{H \times (D + H)}", "proved"),
        (r"W_f \in \mathbb{R}^{D + H \times H}", "refuted"),
        (r"W_f \in \mathbb{R}^{D + H}", "refuted"),
    ],
)
def test_a_sum_of_sizes(claim: str, verdict: str) -> None:
    assert verify(f"$${claim}$$", model="lstm_column").lines[-1].verdict == verdict


ZEROS = "λ · ∂f[t]/∂a[t] = [zeros(N, {}), λ * f[t] * (1 - f[t]), zeros(N, {})]"


@pytest.mark.parametrize(("before", "behind", "right"), [("H", "2*H", 1), ("2*H", "H", 0)])
def test_zeros_of_a_stated_shape(before: str, behind: str, right: int) -> None:
    found = verify(ZEROS.format(before, behind), model="lstm", file="x.txt").lines
    assert (found[-1].verdict == "proved") == bool(right)


def test_a_formula_goes_on_behind_a_bracket_that_a_line_left_open() -> None:
    text = """  (1)  b = sum([c, d],
              axis=0)
              + sum([c], axis=0)
              + sum([d],
              axis=0)
"""
    assert len(read(text, "x.txt").claims) == 1


@pytest.mark.parametrize(
    ("file", "said"),
    [
        ("x.tex", "$s_t$ = ($C_t$, $h_t$), stacked into one vector."),
        ("x.txt", "The latest step stands on the left. s_t =\n  (C_t, h_t), stacked into one."),
    ],
)
def test_a_stack_however_it_is_typed(file: str, said: str) -> None:
    text = SAID.replace("s_t = (STACK), stacked into one vector.", said)
    assert verify(f"{text}$${ADJOINT}$$\n", "lstm_column", file=file).lines[-1].verdict == "proved"
