"""What is said twice: a second definition, a shape that the model gives, a verdict withdrawn."""

import pytest

from symbptt.verify.judge.line import CONDITIONAL, REFUTED, UNREAD, Line
from symbptt.verify.judge.readings import Condition
from symbptt.verify.report import verify

from .judged import last, verdicts

TANH = r"""$$a_t = W h_{t-1} + U x_t$$

$$h_t = \tanh(a_t)$$

$$o_t = V h_t$$

$$L = \sum_t \frac12 \|o_t - y_t\|^2$$

"""
GRADIENT = r"\frac{\partial L}{\partial a_t} = \frac{\partial L}{\partial h_t} \odot (1 - h_t^2)"


@pytest.mark.parametrize("sign", ["=", ":="])
@pytest.mark.parametrize(
    "second",
    [
        r"h_t = \sigma(a_t)",
        "W = U",
        pytest.param("h_t = 2 a_t", marks=pytest.mark.slow),
        r"a_t = W h_{t-1} - U x_t",
    ],
)
def test_a_second_definition_is_a_contradiction(second: str, sign: str) -> None:
    found = verdicts(second.replace("=", sign), GRADIENT, before=TANH)
    assert found == ["refuted", "proved"]


@pytest.mark.parametrize("second", [r"h_t := \sigma(a_t)", "W_{hh} := W_{xh}"])
def test_a_definition_that_is_not_the_models(second: str) -> None:
    assert verify(f"$${second}$$", model="elman").lines[0].verdict == "refuted"


def test_the_first_definition_is_named() -> None:
    assert "line 2 " in last(r"h_t := \sigma(a_t)", before=TANH).message


@pytest.mark.parametrize("same", [r"h_t := \tanh(a_t)", r"h_t := \tanh(W h_{t-1} + U x_t)"])
def test_the_same_definition_once_more_is_none(same: str) -> None:
    assert last(same, before=TANH).verdict in ("definition", "proved")


def test_a_letter_of_the_authors_own_is_still_defined() -> None:
    assert verdicts("r_t := 1 - h_t^2", before=TANH) == ["definition"]
    assert verdicts(r"\delta_t := V^\top (o_t - y_t)", before=TANH) == ["definition"]


@pytest.mark.parametrize(
    ("model", "claims", "expected"),
    [
        ("lstm", [r"b_y \in \mathbb{R}^N"], ["refuted"]),
        ("lstm", [r"b_y \in \mathbb{R}^C"], ["proved"]),
        ("lstm", [r"b_y \in \mathbb{R}^{1 \times C}"], ["proved"]),
        ("lstm", [r"b_y \in \mathbb{R}^{C \times 1}"], ["conditional"]),
        ("lstm", [r"W \in \mathbb{R}^{H \times 4 H}"], ["refuted"]),
        ("lstm", [r"b \in \mathbb{R}^{3 H}"], ["refuted"]),
        ("lstm", [r"V \in \mathbb{R}^{H \times K}"], ["tested"]),
        ("lstm", [r"\frac{\partial L}{\partial b_y} \in \mathbb{R}^H"], ["refuted"]),
        ("elman", [r"b_y \in \mathbb{R}^{1 \times C}"], ["conditional"]),
        # A text with sizes of its own: D is what the model calls H, and says so twice.
        ("elman", [r"h_t \in \mathbb{R}^D", r"W_{hh} \in \mathbb{R}^{D \times D}"],
         ["conditional", "conditional"]),
        ("elman", [r"h_t \in \mathbb{R}^D", r"x_t \in \mathbb{R}^D"], ["refuted", "proved"]),
    ],
)  # fmt: skip
def test_a_shape_in_the_letters_of_the_model(
    model: str, claims: list[str], expected: list[str]
) -> None:
    text = "\n\n".join(f"$${x}$$" for x in claims)
    assert [x.verdict for x in verify(text, model=model).lines] == expected


OWN = r"""$$a_t = W_{rec} x_{t-1} + W_{in} u_t + b$$

$$x_t = \tanh(a_t)$$

$$o_t = W_{out} x_t + b_y$$

$$\frac{\partial E}{\partial a_t} = \frac{\partial E}{\partial x_t} \odot (1 - x_t^2)$$

$$\frac{\partial E}{\partial W_{rec}} = \sum_t \frac{\partial E}{\partial a_t} x_{t-1}^\top$$

$$\frac{\partial E}{\partial W_{out}} = \sum_t \frac{\partial E}{\partial o_t} x_t^\top$$
"""


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ("b$$", "b$$", -1),
        (r"\tanh(a_t)", r"\sigma(a_t)", 1),
        ("+ W_{in}", "- W_{in}", 0),
        ("x_{t-1} +", "x_{t-2} +", 0),
        ("W_{rec} x_{t-1}", r"W_{rec}^\top x_{t-1}", 0),
        (" + b$$", "$$", 0),
        ("W_{out} x_t", "W_{out} x_{t-1}", 2),
    ],
)
def test_a_slip_in_forward_equations_under_other_letters(
    right: str, wrong: str, place: int
) -> None:
    found = verify(OWN.replace(right, wrong, 1), model="elman").lines
    assert [n for n, x in enumerate(found) if x.verdict == "refuted"] == [place] * (place >= 0)
    assert [x.verdict for x in found[3:]] == ["proved"] * 3


def test_letters_of_which_nothing_can_be_told_are_unread() -> None:
    found = verify(OWN.replace("W_{rec} x_{t-1}", "W_{rec} u_t", 1), model="elman").lines
    assert [x.verdict for x in found] == [
        *("unread", "definition", "definition", "proved", "unread", "proved")
    ]


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\frac{\partial L}{\partial V} = \frac{3}{T} \sum_t (o_t - y_t) h_t^\top", "refuted"),
        (r"\frac{\partial L}{\partial V} = \sum_{t=0}^T (o_t - y_t) h_t^\top", "proved"),
        (r"\frac{\partial L}{\partial h_t} \approx V (o_t - y_t)", "refuted"),
        (r"\frac{\partial L}{\partial h_t} \approx V^\top (o_t - y_t)", "approximation"),
        (r"\frac{\partial L}{\partial V} \approx h_t^\top (o_t - y_t)", "refuted"),
    ],
)
def test_what_holds_of_the_small_run_alone(line: str, verdict: str) -> None:
    assert last(line, before=TANH).verdict == verdict


def test_a_sum_from_0_in_a_text_that_counts_from_1() -> None:
    before = TANH.replace(r"\sum_t", r"\sum_{t=1}^T")
    line = r"\frac{\partial L}{\partial V} = \sum_{t=0}^T (o_t - y_t) h_t^\top"
    assert [x.code for x in last(line, before=before).conditions] == ["M13"]


def test_two_rows_side_by_side() -> None:
    line = r"\frac{\partial L}{\partial a_t} = \frac{\partial L}{\partial h_t} (1 - h_t^2)"
    rows = TANH.replace("W h_{t-1} + U x_t", "h_{t-1} W + x_t U").replace("V h_t", "h_t V")
    assert [x.code for x in last(line, before=rows).conditions] == ["M18"]
    assert last(line.replace("t} (", r"t} \odot ("), before=rows).verdict == "proved"


def test_nothing_is_left_of_a_verdict_that_is_withdrawn() -> None:
    claim = verify(f"$${GRADIENT}$$").lines[0].claim
    line = Line(claim, REFUTED, [Condition("M16", "so")], codes=["M01"], correct="a = b",
                counterexample=object(), repair=object(), change="b", marks=((0, 1),))  # fmt: skip
    line.withdraw(UNREAD, "why")
    assert line == Line(claim, UNREAD, message="why")
    line.withdraw(CONDITIONAL)
    assert line == Line(claim, CONDITIONAL)
