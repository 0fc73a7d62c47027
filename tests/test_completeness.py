"""Completeness of the judge: what the project prints is proved, line by line."""

from __future__ import annotations

import pytest

from symbptt.errors import SymbpttError
from symbptt.verify import judging, verify
from tests.completeness import SOUND, count


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_a_printed_derivation_is_proved(form: str) -> None:
    found = count("elman", form)
    assert not found.misses
    assert found.verdicts["proved"] >= 44


def test_a_batch_of_rows_is_proved() -> None:
    found = count("elman_batch", "markdown")
    assert not found.misses
    assert found.verdicts["proved"] >= 53


def verdicts(text: str, model: str) -> list[str]:
    return [x.verdict for x in verify(text, model=model).lines]


SAID = r"""d is total, ∂ holds all else fixed; Jacobians are in numerator layout.

$$\frac{\mathrm{d}L}{\mathrm{d}z_t} = \frac{\partial l_t}{\partial z_t}$$

"""


@pytest.mark.parametrize(
    "line",
    [
        r"\lambda \cdot \frac{\partial a_t}{\partial W} = x_t^\top \lambda",
        r"\lambda \cdot \frac{\partial a_t}{\partial b} = \sum_{n=1}^{N} [\lambda]_{n,:}",
        r"\lambda \cdot \frac{\partial f_t}{\partial a_t} = [0\,\mathbf{1}_{N,H}, "
        r"\lambda \odot f_t \odot (1 - f_t), 0\,\mathbf{1}_{N,2 H}]",
        r"\frac{\partial [a_t]_{n,j}}{\partial [W]_{m,k}} = [j = k]\,[x_t]_{n,m}",
        r"i_t = \operatorname{sigmoid}([a_t]_{:,0:H})",
    ],
)
def test_arrays_as_the_printer_writes_them(line: str) -> None:
    assert verdicts(f"{SAID}$${line}$$", "lstm")[-1] in SOUND


@pytest.mark.parametrize(
    "line",
    [
        r"\lambda \cdot \frac{\partial a_t}{\partial W} = h_{t-1}^\top \lambda",
        r"\lambda \cdot \frac{\partial a_t}{\partial b} = [\lambda]_{n,:}",
        r"\lambda \cdot \frac{\partial f_t}{\partial a_t} = [\lambda \odot f_t \odot (1 - f_t), "
        r"0\,\mathbf{1}_{N,H}, 0\,\mathbf{1}_{N,2 H}]",
        r"\frac{\partial [a_t]_{n,j}}{\partial [W]_{m,k}} = [n = m]\,[x_t]_{n,m}",
        r"\frac{\partial [a_t]_{n,j}}{\partial [W]_{m,k}} = [x_t]_{n,m}",
        r"i_t = \operatorname{sigmoid}([a_t]_{:,H:2 H})",
        r"f_t = \operatorname{sigmoid}([a_t]_{:,0:H})",
    ],
)
def test_and_not_where_they_are_wrong(line: str) -> None:
    assert verdicts(f"{SAID}$${line}$$", "lstm")[-1] not in SOUND


def test_the_words_settle_the_order_of_a_product() -> None:
    line = (
        r"$$\frac{\mathrm{d}h_t}{\mathrm{d}h_k} = "
        r"\prod_{j=k+1}^{t} \frac{\partial h_j}{\partial h_{j-1}}$$"
    )
    assert verdicts(line, "elman") == ["conditional"]
    assert verdicts(f"The latest step stands on the left.\n\n{line}", "elman") == ["proved"]
    assert verdicts(f"The latest step stands on the right.\n\n{line}", "elman") != ["proved"]


def test_the_words_settle_the_layout() -> None:
    line = r"$$\frac{\partial h_t}{\partial h_{t-1}} = W_{hh}^\top \mathrm{diag}(1 - h_t^2)$$"
    assert verdicts(f"Denominator layout.\n\n{line}", "elman") == ["proved"]
    assert verdicts(f"Numerator layout.\n\n{line}", "elman") == ["refuted"]


def test_a_proof_that_takes_too_many_steps_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    line = r"$$\frac{\mathrm{d}L}{\mathrm{d}h_t} = W_{hy}^\top \frac{\mathrm{d}L}{\mathrm{d}o_t} + "
    line += r"W_{hh}^\top \frac{\mathrm{d}L}{\mathrm{d}a_{t+1}}$$"
    assert verdicts(line, "elman") == ["proved"]
    monkeypatch.setattr(judging, "STEPS", 20)
    (found,) = verify(line, model="elman").lines
    assert found.verdict == "tested"
    assert "steps of arithmetic" in found.message


# -- a function of which nothing is known, differentiated by its place: ∂₁l(o_t, y_t)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (r"\frac{\partial e_t}{\partial o_t} = \partial_1 l(o_t, y_t)", True),
        (
            r"\frac{\partial e_t}{\partial h_t} = W_{qh}^\top \partial_1 l(W_{qh} h_t, y_t)",
            True,
        ),
        (r"\frac{\partial e_t}{\partial o_t} = \partial_2 l(o_t, y_t)", False),
        (r"\frac{\partial e_t}{\partial o_t} = \partial_1 l(y_t, o_t)", False),
        (r"\frac{\partial e_t}{\partial o_t} = \partial_1 l(o_{t-1}, y_t)", False),
        (r"\frac{\partial e_t}{\partial h_t} = W_{qh}^\top \partial_1 l(h_t, y_t)", False),
    ],
)
def test_a_slope_by_place(line: str, right: bool) -> None:
    assert (verdicts(f"{SAID}$${line}$$", "linear")[-1] == "proved") == right


def test_a_slope_by_a_place_that_is_none() -> None:
    (line,) = verify(
        r"$$\frac{\partial e_t}{\partial o_t} = \partial_3 l(o_t, y_t)$$", "linear"
    ).lines
    assert line.verdict == "unread"
    assert "2 arguments" in line.message


# -- a number that scales a value, and what a function inside an equation is applied to


LEAKY = r"""$$a_t = W h_{t-1} + W_{in} x_t + b$$

$$h_t = (1 - \alpha) h_{t-1} + \alpha \tanh(a_t)$$

"""


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (r"\frac{\partial h_t}{\partial a_t} = \mathrm{diag}(\alpha (1 - \tanh(a_t)^2))", True),
        (r"\frac{\partial a_t}{\partial h_{t-1}} = W", True),
        (
            r"\frac{\mathrm{d}L}{\mathrm{d}h_0} = W^\top \frac{\mathrm{d}L}{\mathrm{d}a_1}"
            r" + (1 - \alpha) \frac{\mathrm{d}L}{\mathrm{d}h_1}",
            True,
        ),
        (r"\frac{\partial h_t}{\partial a_t} = \mathrm{diag}(1 - \tanh(a_t)^2)", False),
        (r"\frac{\partial h_t}{\partial a_t} = \mathrm{diag}(\alpha (1 - a_t^2))", False),
        (
            r"\frac{\mathrm{d}L}{\mathrm{d}h_0} = W^\top \frac{\mathrm{d}L}{\mathrm{d}a_1}"
            r" + \alpha \frac{\mathrm{d}L}{\mathrm{d}h_1}",
            False,
        ),
    ],
)
def test_a_leak(line: str, right: bool) -> None:
    found = verdicts(f"{SAID}{LEAKY}$${line}$$", "leaky")
    assert found[1:3] == ["definition"] * 2 or set(found[1:3]) <= set(SOUND)
    assert (found[-1] in SOUND) == right


def test_everything_else_is_held_fixed_where_the_words_say_so() -> None:
    line = r"$$\frac{\partial h_t}{\partial h_{t-1}} = (1 - \alpha) I_H$$"
    wrong = r"$$\frac{\partial h_t}{\partial h_{t-1}} = \alpha I_H$$"
    said, unsaid = SAID, SAID.replace("∂ holds all else fixed", "∂ is partial")
    assert verdicts(said + LEAKY + line, "leaky")[-1] == "proved"
    assert verdicts(said + LEAKY + wrong, "leaky")[-1] not in SOUND
    assert verdicts(unsaid + LEAKY + line, "leaky")[-1] not in SOUND


@pytest.mark.parametrize(("slope", "right"), [("n_t^2", True), ("n_t", False)])
def test_a_quantity_that_is_called_as_an_index_is(slope: str, right: bool) -> None:
    forward = (
        r"$$a_{n,t} = [\mathrm{gi}_t]_{:,2H:3H} + r_t \odot [\mathrm{gh}_t]_{:,2H:3H}$$"
        "\n\n"
        r"$$n_t = \tanh(a_{n,t})$$"
        "\n\n"
        r"$$l_t = \sum_{n=1}^{N} [\operatorname{cross-entropy}(o_t, y_t)]_n$$"
    )
    line = r"\frac{\mathrm{d}L}{\mathrm{d}a_{n,t}} = \frac{\mathrm{d}L}{\mathrm{d}n_t} \odot "
    found = verdicts(f"{forward}\n\n$${line} (1 - {slope})$$", "gru_pytorch")
    assert (found[-1] == "proved") == right


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("dL/dν = Σ_{t=1}^{T} (−dL/da_t ∘ exp(ν))", True),
        ("dL/dC = Σ_{t=1}^{T} dL/dŷ_t x_tᵀ", True),
        ("dL/dν = Σ_{t=1}^{T} (dL/da_t ∘ exp(ν))", False),
        ("dL/dC = Σ_{t=1}^{T} dL/dŷ_t u_tᵀ", False),
    ],
)
def test_a_d_before_a_greek_letter_or_one_with_a_mark(line: str, right: bool) -> None:
    forward = "(1) a_t = −exp(ν)\n(2) x_t = exp(a_t) ∘ x_{t−1} + exp(γ) ∘ (B u_t)\n"
    text = f"{forward}(3) ŷ_t = C x_t + D u_t\n(4) {line}\n"
    found = verify(text, model="lru_real", file="x.txt").lines
    assert (found[-1].verdict == "proved") == right


# -- closed forms whose step Jacobian is constant: powers of it


CLOSED = (
    r"\frac{\mathrm{d}L}{\mathrm{d}W_{hh}} = \frac{1}{T} \sum_{t=1}^{T} \sum_{k=1}^{t}"
    r" \frac{\partial l_t}{\partial h_t} \cdot \prod_{j=%s}^{t}"
    r" \frac{\partial h_j}{\partial h_{j-1}} \cdot \frac{\partial h_k}{\partial W_{hh}}"
)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (r"\operatorname{diag}(\exp(-\exp(\nu)))^{T-i} \left(C^{\top} %s\right)", True),
        (r"\operatorname{diag}(\exp(-\exp(\nu)))^{T-i+1} \left(C^{\top} %s\right)", False),
        (r"\operatorname{diag}(\exp(-\exp(\nu)))^{i-t} \left(C^{\top} %s\right)", False),
        (r"\operatorname{diag}(\exp(\exp(\nu)))^{T-i} \left(C^{\top} %s\right)", False),
    ],
)
def test_a_sum_over_powers_of_a_diagonal(line: str, right: bool) -> None:
    output = r"\frac{\mathrm{d}L}{\mathrm{d}\hat{y}_{T+t-i}}"
    text = (
        rf"{SAID}$$\frac{{\mathrm{{d}}L}}{{\mathrm{{d}}x_t}} = \sum_{{i=t}}^{{T}} {line % output}$$"
    )
    assert (verdicts(text, "lru_real")[-1] == "proved") == right


@pytest.mark.parametrize(("first", "right"), [("k+1", True), ("k", False)])
def test_a_double_sum_over_powers(first: str, right: bool) -> None:
    text = f"{SAID}The latest step stands on the left.\n\n$${CLOSED % first}$$"
    assert (verdicts(text, "linear_mse")[-1] == "proved") == right


# -- several states: the forward road to a gradient, by summation by parts


@pytest.mark.parametrize(
    ("model", "line", "right"),
    [
        (
            "second_order",
            r"\frac{\mathrm{d}L}{\mathrm{d}W_1} = \sum_{t=1}^{T}"
            r" \frac{\partial l_t}{\partial h_t} \cdot \frac{\mathrm{d}h_t}{\mathrm{d}W_1}",
            True,
        ),
        (
            "lstm",
            r"\frac{\mathrm{d}L}{\mathrm{d}W} = \sum_{t=1}^{T}"
            r" \frac{\partial l_t}{\partial h_t} \cdot \frac{\mathrm{d}h_t}{\mathrm{d}W}",
            True,
        ),
        (
            "lstm",  # the total derivative by h twice
            r"\frac{\mathrm{d}L}{\mathrm{d}W} = \sum_{t=1}^{T}"
            r" \frac{\mathrm{d}L}{\mathrm{d}h_t} \cdot \frac{\mathrm{d}h_t}{\mathrm{d}W}",
            False,
        ),
        (
            "elman_stacked",  # of two states, of which the first is no function of the parameter
            r"\frac{\mathrm{d}L}{\mathrm{d}W_{x2}} = \sum_{t=1}^{T}"
            r" \frac{\partial l_t}{\partial \mathrm{h2}_t}"
            r" \cdot \frac{\mathrm{d}\mathrm{h2}_t}{\mathrm{d}W_{x2}}",
            True,
        ),
        (
            "elman_stacked",
            r"\frac{\mathrm{d}L}{\mathrm{d}W_{x2}} = \sum_{t=1}^{T}"
            r" \frac{\mathrm{d}L}{\mathrm{d}\mathrm{h2}_t}"
            r" \cdot \frac{\mathrm{d}\mathrm{h2}_t}{\mathrm{d}W_{x2}}",
            False,
        ),
        (
            "second_order",
            r"\frac{\mathrm{d}L}{\mathrm{d}W_1} = \sum_{t=2}^{T}"
            r" \frac{\partial l_t}{\partial h_t} \cdot \frac{\mathrm{d}h_t}{\mathrm{d}W_1}",
            False,
        ),
    ],
)
def test_a_gradient_carried_along(model: str, line: str, right: bool) -> None:
    assert (verdicts(f"{SAID}$${line}$$", model)[-1] == "proved") == right


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (r"\frac{\partial x_t}{\partial a_t} = \mathrm{diag}(\exp(a_t) \odot x_{t-1})", True),
        (r"\frac{\partial a_t}{\partial \nu} = \mathrm{diag}(a_t)", True),
        (r"\frac{\partial a_t}{\partial \nu} = \mathrm{diag}(\exp(a_t))", False),
    ],
)
def test_an_argument_that_no_value_is_in(line: str, right: bool) -> None:
    forward = (
        r"$$a_t = -\exp(\nu)$$"
        "\n\n"
        r"$$x_t = \exp(a_t) \odot x_{t-1} + \exp(\gamma) \odot (B u_t)$$"
    )
    assert (verdicts(f"{SAID}{forward}\n\n$${line}$$", "lru_real")[-1] == "proved") == right


def test_a_sum_over_the_steps_is_of_what_each_step_has() -> None:
    line = (
        r"$$\frac{\mathrm{d}L}{\mathrm{d}h_t} = \sum_{s=t}^{T} \frac{\partial l_s}{\partial h_s}"
        r" \cdot \prod_{j=t+1}^{s} \frac{\partial h_j}{\partial h_{j-1}}$$"
    )
    assert verdicts(f"The latest step stands on the left.\n\n{line}", "elman") == ["proved"]


# -- arrays of one number, and the last step


@pytest.mark.parametrize(
    ("model", "line", "right"),
    [
        ("lstm", r"[\mathbf{0}_{N \times H}, %s, \mathbf{0}_{N \times 2 H}]", True),
        ("lstm", r"[\mathbf{0}_{N \times 2 H}, %s, \mathbf{0}_{N \times H}]", False),
        ("lstm", r"[\mathbf{1}_{N \times H}, %s, \mathbf{0}_{N \times 2 H}]", False),
    ],
)
def test_zeros_of_a_stated_shape(model: str, line: str, right: bool) -> None:
    slope = r"\lambda \odot f_t \odot (1 - f_t)"
    text = rf"{SAID}$$\lambda \cdot \frac{{\partial f_t}}{{\partial a_t}} = {line % slope}$$"
    assert (verdicts(text, model)[-1] == "proved") == right


@pytest.mark.parametrize(("when", "right"), [("T", True), ("1", False), ("T-1", False)])
def test_the_last_step_in_brackets(when: str, right: bool) -> None:
    line = (
        r"\frac{\mathrm{d}L}{\mathrm{d}o_t} = \operatorname{column}\left(\frac{1}{N}"
        rf" ([t = {when}] \mathbf{{1}}_{{N}})\right) \odot (\operatorname{{softmax}}(o_t)"
        r" - \mathbf{1}_{y_t})"
    )
    assert (verdicts(f"{SAID}$${line}$$", "encoder")[-1] == "proved") == right


# -- the text's own forward equations: batches of rows, blocks, tokens, a loss by its name


def own(text: str) -> list[tuple[str, str]]:
    return [(x.claim.tag or x.claim.id, x.verdict) for x in verify(text, file="x.md").lines]


TOKENS = r"""d is total, ∂ holds all else fixed; Jacobians are in numerator layout.

$$a_t = U_{:,x_t} + W s_{t-1}$$

$$s_t = \tanh(a_t)$$

$$z_t = V s_t$$

$$l_t = \operatorname{cross-entropy}(z_t, y_t)$$

$$L = \sum_{t=1}^{T} l_t$$

"""
ROWS = r"""d is total, ∂ holds all else fixed; Jacobians are in numerator layout.

$$a_t = x_t W + h_{t-1} U + b$$

$$r_t = \operatorname{sigmoid}([a_t]_{:,0:H})$$

$$g_t = \tanh([a_t]_{:,H:2 H})$$

$$h_t = r_t \odot h_{t-1} + (1 - r_t) \odot g_t$$

$$o_t = h_t V$$

$$l_t = \frac{1}{N} \sum_{n=1}^{N} [\operatorname{cross-entropy}(o_t, y_t)]_n$$

$$L = \sum_{t=1}^{T} l_t$$

"""
EACH = ROWS[: ROWS.index("$$a_t")] + r"""$$a_t = x_t W + u \odot h_{t-1}$$

$$h_t = \tanh(a_t)$$

""" + ROWS[ROWS.index("$$o_t") :]  # fmt: skip
SIDES = ROWS[: ROWS.index("$$a_t")] + r"""$$a_t = W [h_{t-1}; x_t] + b$$

$$h_t = \tanh(a_t)$$

$$z_t = V h_t$$

""" + TOKENS[TOKENS.index("$$l_t") :]  # fmt: skip


@pytest.mark.parametrize(
    ("forward", "line", "verdict"),
    [
        (
            EACH,
            r"\frac{\partial [a_t]_{n,j}}{\partial [u]_{m}} = [j = m] \, [h_{t-1}]_{n,j}",
            "proved",
        ),
        (
            EACH,
            r"\frac{\partial [a_t]_{n,j}}{\partial [u]_{m}} = [j = m] \, [h_t]_{n,j}",
            "refuted",
        ),
        (
            SIDES,
            r"\lambda \cdot \frac{\partial a_t}{\partial h_{t-1}} = [W^\top \lambda]_{0:H}",
            "proved",
        ),
        (
            SIDES,
            r"\lambda \cdot \frac{\partial a_t}{\partial x_t} = [W^\top \lambda]_{H:D + H}",
            "proved",
        ),
        (
            SIDES,
            r"\lambda \cdot \frac{\partial a_t}{\partial x_t} = [W^\top \lambda]_{0:H}",
            "refuted",
        ),
        (
            SIDES,
            r"\lambda \cdot \frac{\partial a_t}{\partial h_{t-1}} = [W^\top \lambda]_{1:H}",
            "unread",  # a text may count entries from 1
        ),
        (
            TOKENS,
            r"\frac{\mathrm{d}L}{\mathrm{d}z_t} = \operatorname{softmax}(z_t) - \mathbf{1}_{y_t}",
            "proved",
        ),
        (
            TOKENS,
            r"\frac{\mathrm{d}L}{\mathrm{d}U} = \sum_{t=1}^{T}"
            r" \frac{\mathrm{d}L}{\mathrm{d}a_t} \mathbf{1}_{x_t}^\top",
            "proved",
        ),
        (
            TOKENS,
            r"\frac{\mathrm{d}L}{\mathrm{d}z_t} = \mathbf{1}_{y_t} - \operatorname{softmax}(z_t)",
            "refuted",
        ),
        (
            TOKENS,
            r"\frac{\mathrm{d}L}{\mathrm{d}U} = \sum_{t=1}^{T}"
            r" \frac{\mathrm{d}L}{\mathrm{d}s_t} \mathbf{1}_{x_t}^\top",
            "refuted",
        ),
        (
            ROWS,
            r"\frac{\mathrm{d}L}{\mathrm{d}o_t} = \frac{1}{N}"
            r" (\operatorname{softmax}(o_t) - \mathbf{1}_{y_t})",
            "proved",
        ),
        (
            ROWS,
            r"\frac{\mathrm{d}L}{\mathrm{d}U} = \sum_{t=1}^{T}"
            r" h_{t-1}^\top \frac{\mathrm{d}L}{\mathrm{d}a_t}",
            "proved",
        ),
        (
            ROWS,
            r"\frac{\mathrm{d}L}{\mathrm{d}o_t} ="
            r" \operatorname{softmax}(o_t) - \mathbf{1}_{y_t}",
            "refuted",
        ),
        (
            ROWS,
            r"\frac{\mathrm{d}L}{\mathrm{d}U} = \sum_{t=1}^{T}"
            r" \frac{\mathrm{d}L}{\mathrm{d}a_t}^\top h_{t-1}",
            "refuted",
        ),
    ],
)
def test_its_own_forward_equations(forward: str, line: str, verdict: str) -> None:
    assert own(f"{forward}$${line}$$")[-1][1] == verdict


# -- the notations of the texts, about a given model


@pytest.mark.slow
@pytest.mark.parametrize(
    "form",
    [
        *("d2l/numerator", "d2l/denominator", "pascanu/numerator", "wildml/numerator/latex"),
        *("cs231n/numerator", "goodfellow/numerator", "goodfellow/denominator/latex"),
        *("karpathy/numerator", "karpathy/denominator/latex", "unicode"),
    ],
)
def test_a_printed_notation_is_proved(form: str) -> None:
    found = count("elman", form)
    assert not found.misses
    assert found.verdicts["proved"] >= 44


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "form", "proved"),
    [
        ("gru", "markdown", 98),
        ("bidirectional", "markdown", 90),
        ("elman_stacked", "markdown", 96),
        ("mgu", "markdown", 64),
        ("second_order", "markdown", 60),
        ("lru_real", "markdown", 48),
        ("lru_real", "latex", 59),
        ("lru_real", "plain/numerator", 48),
        ("indrnn", "unicode", 54),
        ("lstm", "markdown", 87),
        ("lstm", "latex", 103),
        ("lstm", "unicode", 87),
        ("lstm_column", "markdown", 127),
        ("lstm_column", "plain/numerator", 127),
        ("lstm_peephole", "markdown", 229),
        ("lstm_pytorch", "markdown", 98),
        ("layernorm_rnn", "markdown", 70),
    ],
)
def test_a_printed_cell_is_proved(model: str, form: str, proved: int) -> None:
    found = count(model, form)
    assert not found.misses
    assert found.verdicts["proved"] >= proved


@pytest.mark.slow
def test_a_printed_cell_is_a_model_of_its_own() -> None:
    found = count("indrnn", "markdown", alone=True)
    assert not found.misses
    assert found.verdicts["proved"] >= 54


@pytest.mark.slow
@pytest.mark.parametrize(
    ("model", "form"),
    [
        ("residual", "d2l/numerator"),
        ("residual", "karpathy/numerator"),
        ("elman_batch", "d2l/numerator"),
        ("leaky", "d2l/numerator"),
        ("leaky", "goodfellow/denominator"),
        ("leaky", "karpathy/numerator"),
        ("elman_ce", "d2l/numerator"),
        ("regression", "d2l/numerator"),
        ("linear", "karpathy/numerator"),
        ("linear", "cs231n/denominator"),
        ("encoder", "goodfellow/numerator"),
    ],
)
def test_a_printed_notation_of_another_model_is_proved(model: str, form: str) -> None:
    found = count(model, form)
    assert not found.misses
    assert found.verdicts["proved"] >= 32


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\mathrm{dhraw}_t = \mathrm{dh}_t \odot (1 - \mathrm{hs}_t^2)", "proved"),
        (r"\mathrm{dhraw}_t = \mathrm{dh}_t \odot (1 - \mathrm{hraw}_t^2)", "refuted"),
        (r"\mathrm{dWhy} = \sum_{t=1}^{T} \mathrm{dy}_t \mathrm{hs}_t^{\top}", "proved"),
        (r"\mathrm{dWhy} = \sum_{t=1}^{T} \mathrm{dh}_t \mathrm{hs}_t^{\top}", "refuted"),
        (r"E_t \in \mathbb{R}", "proved"),
        (r"E_t \in \mathbb{R}^{H}", "refuted"),
    ],
)
def test_upright_words_and_the_shape_of_a_loss(line: str, verdict: str) -> None:
    forward = r"""
$$\mathrm{hraw}_t = \mathrm{Whh}\, \mathrm{hs}_{t-1} + \mathrm{Wxh}\, \mathrm{xs}_t$$

$$\mathrm{hs}_t = \tanh(\mathrm{hraw}_t)$$

$$\mathrm{ys}_t = \mathrm{Why}\, \mathrm{hs}_t$$

$$E_t = \frac{1}{2} \lVert \mathrm{ys}_t - \mathrm{targets}_t \rVert^2$$

$$\frac{\partial E_t}{\partial \mathrm{ys}_t} = \mathrm{ys}_t - \mathrm{targets}_t$$

"""
    assert verify(f"{forward}$${line}$$\n").lines[-1].verdict == verdict


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("dL/dscores_t = (1/N) (softmax(scores_t) − onehot(y_t))", "proved"),
        ("dL/dh_t = dL/dscores_t W_vocabᵀ + dL/da_{t+1} Whᵀ", "proved"),
        ("dL/dscores_t = softmax(scores_t) − onehot(y_t)", "refuted"),
    ],
)
def test_a_d_before_a_long_name(line: str, verdict: str) -> None:
    text = f"  (1)  scores_t = h_t W_vocab + b_vocab\n  (2)  {line}\n"
    assert verify(text, model="lstm_cs231n", file="x.txt").lines[-1].verdict == verdict


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("dL/da_{T+1} = 0", True),
        ("dL/da_T = 0", False),
        ("dL/da_t = 0", False),
        ("dL/da_{T+1} = dL/da_T", False),
    ],
)
def test_behind_the_last_step(line: str, right: bool) -> None:
    found = verify(f"  (1)  {line}\n", model="encoder", file="x.txt").lines
    assert (found[-1].verdict == "proved") == right


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("∂e_t/∂q_t = ∂₁l(q_t, goal_t)", True),
        ("∂e_t/∂q_t = ∂₂l(q_t, goal_t)", False),
        ("dJ/dq_t = (1/T) ∂₁l(q_t, goal_t)", True),
        ("dJ/dq_t = ∂₁l(q_t, goal_t)", False),
        ("dJ/ds_t = Vᵀ dJ/dq_t + Wᵀ dJ/ds_{t+1}", True),
        ("dJ/ds_t = Vᵀ dJ/dq_t + Uᵀ dJ/ds_{t+1}", False),
    ],
)
@pytest.mark.parametrize("model", ["linear", None])
def test_what_the_loss_sums_is_that_of_a_step(line: str, right: bool, model: str | None) -> None:
    text = f"""d is total. ∂ holds everything else fixed.

  (1)  s_t = U x_t + W s_{{t−1}}
  (2)  q_t = V s_t
  (3)  e_t = l(q_t, goal_t)
  (4)  J = (1/T) Σ_{{t=1}}^{{T}} e_t
  (5)  {line}
"""
    found = verify(text, model=model, file="x.txt").lines
    assert (found[-1].verdict == "proved") == right


NAMES = """d is total. ∂ holds everything else fixed. Jacobians are in denominator layout.
∏ multiplies from the earliest step on the left.

  (1)  a_t = W_hh h_{t−1} + W_hx x_t + b_h
  (2)  h_t = tanh(a_t)
  (3)  o_t = W_qh h_t + b_q
  (4)  E_t = squared_error(o_t, y_t)
"""


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("dE/do_t = o_t − y_t", True),
        ("dE/db_q = Σ_{t=1}^{T} dE/do_t", True),
        ("∂h_t/∂x_t = W_hxᵀ diag(1 − h_t²)", True),
        ("dE/dh_t = Σ_{s=t}^{T} ∏_{j=t+1}^{s} ∂h_j/∂h_{j−1} · ∂E_s/∂h_s", True),
        ("dE/do_t = y_t − o_t", False),
        ("dE/db_q = Σ_{t=1}^{T} dE/dh_t", False),
        ("∂h_t/∂x_t = diag(1 − h_t²) W_hx", False),
        ("dE/dh_t = Σ_{s=t}^{T} ∂E_s/∂h_s · ∏_{j=t+1}^{s} ∂h_j/∂h_{j−1}", False),
    ],
)
def test_other_names_about_a_given_model(line: str, right: bool) -> None:
    found = verify(f"{NAMES}  (5)  {line}\n", model="elman", file="x.txt").lines
    assert (found[-1].verdict == "proved") == right


CODE = """d is total. ∂ holds everything else fixed.

  (1)  hraw[t] = Whh @ hs[t-1] + Wxh @ xs[t] + bh
  (2)  hs[t] = tanh(hraw[t])
  (3)  ys[t] = Why @ hs[t] + by
  (4)  l[t] = squared_error(ys[t], targets[t])
  (5)  loss = sum_{t=1}^{T} l[t]
"""


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("dy[t] = ys[t] - targets[t]", True),
        ("dh[t] = Why.T @ dy[t] + Whh.T @ dhraw[t+1]", True),
        ("dhraw[t] = dh[t] * (1 - hs[t]**2)", True),
        ("dby = sum_{t=1}^{T} dy[t]", True),
        ("dWhy = sum_{t=1}^{T} outer(dy[t], hs[t])", True),
        ("dy[t] = targets[t] - ys[t]", False),
        ("dh[t] = Why.T @ dy[t] + Whh @ dhraw[t+1]", False),
        ("dhraw[t] = dh[t] * (1 - hraw[t]**2)", False),
        ("dby = sum_{t=1}^{T} dh[t]", False),
        ("dWhy = sum_{t=1}^{T} outer(hs[t], dy[t])", False),
    ],
)
@pytest.mark.parametrize("model", ["elman", None])
def test_the_names_of_a_program(line: str, right: bool, model: str | None) -> None:
    text = f"{CODE}  (6)  dhraw[t] = dh[t] * (1 - hs[t]**2)\n  (7)  {line}\n"
    found = verify(text, model=model, file="x.txt").lines
    assert len(found) == 7
    assert (found[-1].verdict == "proved") == right


ENTRIES = """d is total. ∂ holds everything else fixed. Jacobians are in numerator layout.

  (1)  a_t = x_t W + h_{t−1} U + b
  (2)  h_t = h_{t−1} + tanh(a_t)
  (3)  o_t = h_t V + b_q
  (4)  l_t = sum(cross_entropy(o_t, y_t))
  (5)  L = Σ_{t=1}^{T} l_t
"""


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("∂a_t[n,j]/∂x_t[m,k] = [n = m] W[k,j]", True),
        ("∂⁺a_t[n,j]/∂b[m] = [j = m]", True),
        ("∂⁺o_t[n,j]/∂b_q[m] = [j = m]", True),
        ("∂h_t[n,j]/∂a_t[m,k] = [n = m] [j = k] (1 − tanh(a_t)[n,j]²)", True),
        ("∂⁺a_t[n,j]/∂W[m,k]^(t) = [j = k] (x_t)[n,m]", True),
        ("∂h_t[n,j]/∂h_{t−1}[m,k] = [n = m] [j = k]", True),
        ("∂a_t[n,j]/∂x_t[m,k] = [n = m] W[j,k]", False),
        ("∂⁺a_t[n,j]/∂b[m] = [n = m]", False),
        ("∂h_t[n,j]/∂a_t[m,k] = [n = m] [j = k] (1 − tanh(a_t)[n,m]²)", False),
        ("∂⁺a_t[n,j]/∂W[m,k]^(t) = [j = k] (x_t)[n,k]", False),
        ("∂h_t[n,j]/∂h_{t−1}[m,k] = [n = m] U[k,j]", False),
    ],
)
def test_entries_on_one_line(line: str, right: bool) -> None:
    found = verify(f"{ENTRIES}  (6)  {line}\n", model="residual", file="x.txt").lines
    assert (found[-1].verdict == "proved") == right


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("∂a_t[n,j]/∂h_{t−1}[m,k] = [n = m] [j = k] u[j]", True),
        ("∂h_t[n,j]/∂a_t[m,k] = [n = m] [j = k] step(a_t)[n,j]", True),
        ("∂a_t[n,j]/∂h_{t−1}[m,k] = [n = m] [j = k] u[n]", False),
        ("∂a_t[n,j]/∂h_{t−1}[m,k] = [n = m] [j = k] b[j]", False),
        ("∂h_t[n,j]/∂a_t[m,k] = [n = m] [j = k] step(a_t)[n,m]", False),
        ("∂h_t[n,j]/∂a_t[m,k] = [n = m] [j = k] step(h_t)[k,j]", False),
    ],
)
def test_a_letter_that_counts_steps_elsewhere_numbers_entries_here(line: str, right: bool) -> None:
    text = f"""d is total. ∂ holds everything else fixed. The latest step stands on the left.

  (1)  a_t = x_t W + u ∘ h_{{t−1}} + b
  (2)  h_t = relu(a_t)
  (3)  dL/dh_t = Σ_{{s=t}}^{{T}} ∂l_s/∂h_s · ∏_{{j=t+1}}^{{s}} ∂h_j/∂h_{{j−1}}
  (4)  {line}
"""
    found = verify(text, model="indrnn", file="x.txt").lines
    assert (found[-1].verdict == "proved") == right


def test_one_equation_matches_its_names_where_the_whole_model_cannot_be_read() -> None:
    text = """d is total.

  (1)  a_t = x_t P + h_{t−1} Q
  (2)  o_t = h_t R + s
  (3)  dL/dP = Σ_{t=1}^{T} x_tᵀ dL/da_t
  (4)  dL/dQ = Σ_{t=1}^{T} x_tᵀ dL/da_t
"""
    found = verify(text, model="layernorm_rnn", file="x.txt").lines
    assert [x.verdict for x in found][2:] == ["proved", "refuted"]


def test_a_gradient_by_nabla_pulled_back_through_a_product() -> None:
    text = """Jacobians are in numerator layout. The latest step stands on the left.

  (1)  ∇_{h_t} L = Σ_{s=t}^{T} ∂l_s/∂h_s · ∏_{j=t+1}^{s} ∂h_j/∂h_{j−1}
  (2)  ∇_{h_t} L = Σ_{s=t}^{T} ∂l_s/∂h_s · ∏_{j=t}^{s} ∂h_j/∂h_{j−1}
"""
    found = verify(text, model="elman", file="x.txt").lines
    assert [x.verdict for x in found] == ["proved", "refuted"]


# -- ∂ with everything else held fixed: only what the author names can be


@pytest.mark.parametrize("model", ["elman", None])
@pytest.mark.parametrize("line", ["∂h_t/∂h_{t−1} = 0", "∂h_t/∂x_t = 0", "∂⁺h_t/∂W_hh = 0"])
def test_what_is_not_named_cannot_be_held_fixed(line: str, model: str | None) -> None:
    text = f"""d is total, ∂ holds all else fixed; Jacobians are in numerator layout.

  (1)  h_t = tanh(W_hh h_{{t−1}} + W_xh x_t + b_h)
  (2)  {line}
"""
    found = verify(text, model=model, file="x.txt").lines
    assert found[-1].verdict == "refuted"


def test_a_value_held_fixed_without_a_word_of_it_is_a_condition() -> None:
    text = """
  (1)  a_t = W h_{t−1} + W_in x_t + b
  (2)  h_t = (1 − α) h_{t−1} + α tanh(a_t)
  (3)  dL/da_t = dL/dh_t ∘ α (1 − tanh(a_t)²)
  (4)  ∂h_t/∂h_{t−1} = (1 − α) I_H
  (5)  ∂h_t/∂h_{t−1} = α I_H
"""
    *_, right, wrong = verify(text, model="leaky", file="x.txt").lines
    assert right.verdict == "conditional"
    assert "values of its own step" in right.conditions[0].words
    assert wrong.verdict == "refuted"


@pytest.mark.parametrize(
    ("model", "line", "right"),
    [
        ("linear", "∂e[t]/∂o[t] = ∂1l(o[t], y[t])", True),
        ("linear", "∂e[t]/∂o[t] = ∂2l(o[t], y[t])", False),
        ("lstm", "λ · ∂f[t]/∂a[t] = [zeros(N, H), λ * f[t] * (1 - f[t]), zeros(N, 2*H)]", True),
        ("lstm", "λ · ∂f[t]/∂a[t] = [zeros(N, 2*H), λ * f[t] * (1 - f[t]), zeros(N, H)]", False),
    ],
)
def test_the_notation_of_model_files(model: str, line: str, right: bool) -> None:
    (found,) = verify(f"Numerator layout.\n\n  (1)  {line}\n", model=model, file="x.txt").lines
    assert (found.verdict == "proved") == right


# -- a text that says what its signs and names are


@pytest.mark.parametrize(
    ("key", "line", "right"),
    [
        ("karpathy", "dh[t] = Why.T @ dy[t] + Whh.T @ dhraw[t+1]", True),
        ("karpathy", "dh[t] = Why.T @ dy[t] + Wxh.T @ dhraw[t+1]", False),
        ("pascanu", "∂E/∂x_t = W_outᵀ ∂E/∂o_t + W_recᵀ diag(1 − x_{t+1}²) ∂E/∂x_{t+1}", True),
        ("pascanu", "∂E/∂x_t = W_outᵀ ∂E/∂o_t + W_rec diag(1 − x_{t+1}²) ∂E/∂x_{t+1}", False),
    ],
)
def test_the_names_of_a_text_by_front_matter(key: str, line: str, right: bool) -> None:
    text = f"---\nmodel: elman\nnotation: {key}\n---\n\n  (1)  {line}\n"
    (found,) = verify(text, file="x.md").lines
    assert (found.verdict == "proved") == right


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("model: elman\nnotation: karpaty", "no notation 'karpaty'"),
        ("model: lstm\nnotation: d2l", "lstm has not the form of an Elman network"),
        ("notation: d2l", "names the parts of a model, and none is given"),
    ],
)
def test_a_notation_that_cannot_be_is_said(head: str, why: str) -> None:
    with pytest.raises(SymbpttError, match=why):
        verify(f"---\n{head}\n---\n\n$$h_t = \\tanh(W h_{{t-1}})$$\n", file="x.md")


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("∂ys[t]/∂by = eye(C)", "proved"),
        ("∂ys[t]/∂by = eye(H)", "refuted"),
        ("∂hraw[t]/∂bh = eye(H)", "proved"),
        ("λ · ∂hraw[t]/∂Whh = outer(λ, hs[t-1])", "proved"),
        ("λ · ∂hraw[t]/∂Whh = outer(hs[t-1], λ)", "refuted"),
    ],
)
def test_what_is_said_of_d_and_of_sizes(line: str, verdict: str) -> None:
    assert verify(f"{CODE}  (6)  {line}\n", file="x.txt").lines[-1].verdict == verdict


BATCH = """d is total. ∂ holds everything else fixed.

  (1)  hraw[t] = bh + xs[t] @ Wxh + hs[t-1] @ Whh
  (2)  hs[t] = tanh(hraw[t])
  (3)  ys[t] = by + hs[t] @ Why
  (4)  l[t] = 1/N * sum(cross_entropy(ys[t], targets[t]))
  (5)  loss = l[T]
"""


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("dy[t] = column(1/N * ([t = T] * ones(N))) * (softmax(ys[t]) - onehot(targets[t]))", True),
        ("dy[t] = column(1/N * ([t = T] * ones(N))) * (ys[t] - onehot(targets[t]))", False),
        ("dby = sum_{t=1}^{T} sum(dy[t], axis=0)", True),
        ("dby = sum_{t=1}^{T} sum(dh[t], axis=0)", False),
    ],
)
def test_the_names_of_a_program_about_a_batch(line: str, right: bool) -> None:
    found = verify(f"{BATCH}  (6)  {line}\n", model="encoder", file="x.txt").lines
    assert len(found) == 6
    assert (found[-1].verdict == "proved") == right
