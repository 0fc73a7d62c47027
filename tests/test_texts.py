"""The notations of six texts and the two layouts: what is printed reads back unchanged."""

from __future__ import annotations

import re
from functools import cache
from itertools import product
from typing import Any, get_args

import pytest
from typer.testing import CliRunner

from symbptt import matrix as mx
from symbptt.cli.verbs import Layout, Notation, app
from symbptt.derive import derive
from symbptt.errors import UnsupportedError
from symbptt.indices import same
from symbptt.matrix.layout import LAYOUTS, transposed
from symbptt.model import Derivation, Equation
from symbptt.parse import Scope, equation, latex, load, model, zoo
from symbptt.show import show
from symbptt.show.document import FORMATS
from symbptt.show.roles import roles_of
from symbptt.show.style import in_layout
from symbptt.show.symbols import Symbols, in_the_notation_of, read
from symbptt.show.texts import TEXTS


@cache
def derived(name: str) -> Derivation:
    return derive(load(name))


def fits(name: str) -> bool:
    try:
        roles_of(derived(name).model)
    except UnsupportedError:
        return False
    return True


ELMAN_LIKE = [name for name in zoo() if fits(name)]


def everything(d: Derivation) -> list[Equation]:
    return [*d, *(f.equation for f in d.formal)]


def assert_same(back: Equation, e: Equation, text: str) -> None:
    assert same(back.lhs, e.lhs) and same(back.rhs, e.rhs), text


def ways() -> list[Any]:
    """Every model, text, layout and format; some are enough for every day."""
    found = []
    for name, key, layout, format in product(ELMAN_LIKE, TEXTS, LAYOUTS, ["unicode", "latex"]):
        usual = name in ("elman_ce", "elman_batch", "rnnlm")
        daily = usual and (layout == "numerator") == (format == "unicode")
        marks = [] if daily else [pytest.mark.slow]
        found.append(pytest.param(name, key, layout, format, marks=marks))
    return found


@pytest.mark.parametrize("name, key, layout, format", ways())
def test_every_notation_is_lossless(name: str, key: str, layout: str, format: str) -> None:
    d = derived(name)
    symbols = Symbols.of(d, key)
    for e in everything(d):
        text = symbols.style(layout).equation(e, format)
        assert_same(symbols.read(text, format, layout), e, text)


def test_one_line_is_read_in_the_notation_of_a_text() -> None:
    line = "∇_{h^(t)} L = Vᵀ ∇_{o^(t)} L + Wᵀ ∇_{a^(t+1)} L"
    e = derived("elman").adjoint["h"]
    assert read(line, derived("elman"), "goodfellow", "unicode").rhs == e.rhs


@pytest.mark.parametrize("format", ["text", "unicode", "latex"])
@pytest.mark.parametrize("name", zoo())
def test_the_denominator_layout_is_lossless(name: str, format: str) -> None:
    d = derived(name)
    reader = latex if format == "latex" else equation
    for e in everything(d):
        text = in_layout("denominator").equation(e, format)
        assert_same(reader(text, Scope.of(d, "denominator")), e, text)


def test_the_zoo_has_models_of_this_form() -> None:
    assert {"elman", "elman_batch", "elman_ce", "linear", "linear_mse", "rnnlm"} <= {*ELMAN_LIKE}


# What a reader of the text knows by heart.
WRITTEN = {
    "d2l": [
        "∂L/∂h_t = W_qhᵀ ∂L/∂o_t + W_hhᵀ ∂L/∂a_{t+1}",
        "∂L/∂W_qh = Σ_{t=1}^{T} ∂L/∂o_t h_tᵀ",
        "∂h_t/∂W_hh = ∂⁺h_t/∂W_hh + ∂h_t/∂h_{t−1} · ∂h_{t−1}/∂W_hh",
    ],
    "goodfellow": [
        "a^(t) = W h^(t−1) + U x^(t) + b",
        "o^(t) = V h^(t) + c",
        "∇_{h^(t)} L = Vᵀ ∇_{o^(t)} L + Wᵀ ∇_{a^(t+1)} L",
        "∇_{W} L = Σ_{t=1}^{τ} (∇_{a^(t)} L) (h^(t−1))ᵀ",
    ],
    "karpathy": [
        "hs[t] = tanh(hraw[t])",
        "dh[t] = Why.T @ dy[t] + Whh.T @ dhraw[t+1]",
        "dhraw[t] = dh[t] * (1 - hs[t]**2)",
        "dWhh = sum_{t=1}^{T} outer(dhraw[t], hs[t-1])",
    ],
    "pascanu": [
        "x_t = tanh(a_t)",
        "∂x_t/∂x_{t−1} = diag(1 − x_t²) W_rec",
        "∂E/∂W_rec = Σ_{t=1}^{T} Σ_{k=1}^{t} ∂E_t/∂x_t · ∏_{j=k+1}^{t} ∂x_j/∂x_{j−1} "
        "· ∂⁺x_k/∂W_rec",
    ],
    "cs231n": ["∂L/∂W_hh = Σ_{t=1}^{T} ∂L/∂a_t h_{t−1}ᵀ", "y_t = W_hy h_t + b_y"],
    "wildml": [
        "δ_t = ∂E/∂s_t ∘ (1 − s_t²)",
        "∂E/∂W = Σ_{t=1}^{T} δ_t s_{t−1}ᵀ",
        "∂E/∂V = Σ_{t=1}^{T} ∂E/∂z_t s_tᵀ",
        "∂E/∂s_t = Σ_{u=t}^{T} ∂E_u/∂s_u · ∏_{j=t+1}^{u} ∂s_j/∂s_{j−1}",
    ],
}


@pytest.mark.parametrize("key, line", [(k, x) for k, lines in WRITTEN.items() for x in lines])
def test_the_text_is_recognised(key: str, line: str) -> None:
    style = in_the_notation_of(derived("elman_ce"), key)
    assert line in {style.equation(e) for e in derived("elman_ce")}


def test_the_denominator_layout_transposes_and_turns_round() -> None:
    d = derived("elman")
    lines = {in_layout("denominator").equation(e) for e in d}
    assert "∂h_t/∂h_{t−1} = W_hhᵀ diag(1 − h_t²)" in lines
    assert "∂a_t/∂W_hh · λ = λ h_{t−1}ᵀ" in lines
    assert "dh_t/dW_hh = ∂h_t/∂W_hh + dh_{t−1}/dW_hh · ∂h_t/∂h_{t−1}" in lines
    assert "dL/dW_hh = Σ_{t=1}^{T} dL/da_t h_{t−1}ᵀ" in lines
    page = show(d, layout="denominator")
    assert "numerator" not in page and "latest" not in page


def test_a_jacobian_read_in_the_wrong_layout_is_another() -> None:
    d = derived("elman")
    line = "∂h_t/∂h_{t−1} = W_hhᵀ diag(1 − h_t²)"
    (e,) = [e for e in d if show(e) == "∂h_t/∂h_{t−1} = diag(1 − h_t²) W_hh"]
    assert same(equation(line, Scope.of(d, "denominator")).rhs, e.rhs)
    assert not same(equation(line, d.model).rhs, e.rhs)


def test_transposing_twice_gives_the_same() -> None:
    h = mx.size("H")
    a, v = mx.Var("A", (h, h)), mx.Var("v", (h,))
    for e in (a @ mx.diag(v), mx.outer(v, v) + a.T, 2 * a, mx.Eye(h), mx.zeros((h, mx.size("D")))):
        assert transposed(transposed(e)) == e


@pytest.mark.parametrize("key", TEXTS)
@pytest.mark.parametrize("format", FORMATS)
def test_every_page_prints(format: str, key: str) -> None:
    for name in ("elman_ce", "elman_batch"):
        for layout in LAYOUTS:
            assert show(derived(name), format, notation=key, layout=layout).endswith("\n")
    if format == "latex":
        assert show(derived("elman_ce"), format, notation=key).isascii()


@pytest.mark.parametrize("key", TEXTS)
def test_no_name_of_the_model_is_left_over(key: str) -> None:
    """Words and times are in the text's symbols, too."""
    page = show(derived("elman"), notation=key)
    symbols = in_symbols(key)
    renamed = set(symbols) - set(symbols.values())
    left = [o for o in renamed if re.search(rf"(?<![\w∂{{]){o}_[t{{]", page)]
    assert not left


def in_symbols(key: str) -> dict[str, str]:
    roles = roles_of(derived("elman").model)
    return {roles[r]: name for r, name in TEXTS[key].names.items() if r in roles}


@pytest.mark.parametrize(
    "name, message",
    [
        ("lstm", "the role 'state' takes one state, and it has several: h, c"),
        ("generic", "the role 'recurrent weights' takes a square parameter that multiplies"),
        ("gru_pytorch", "the role 'recurrent weights' takes a square parameter that multiplies"),
    ],
)
def test_a_model_of_another_form_is_refused(name: str, message: str) -> None:
    with pytest.raises(UnsupportedError, match=re.escape(message)):
        show(derived(name), notation="d2l")


def test_two_names_in_one_symbol_are_refused() -> None:
    text = load("elman").source.replace("b_y", "U")
    with pytest.raises(UnsupportedError, match="'U' would stand for both"):
        show(derive(model(text)), notation="wildml")


def test_an_unknown_notation_names_the_known() -> None:
    with pytest.raises(UnsupportedError, match=r"no notation 'x'[\s\S]*d2l or goodfellow"):
        show(derived("elman"), notation="x")


def test_the_command_line_prints_a_notation_and_a_layout() -> None:
    run = CliRunner()
    done = run.invoke(
        app,
        ["derive", "elman", "--notation", "pascanu", "--layout", "denominator", "--mode", "all"],
    )
    assert done.exit_code == 0
    assert "∂x_t/∂x_{t−1} = W_recᵀ diag(1 − x_t²)" in done.stdout
    done = run.invoke(app, ["derive", "lstm", "--notation", "d2l"])
    assert done.exit_code == 2 and "the role 'state'" in done.stderr


def test_the_command_line_offers_every_text() -> None:
    assert set(get_args(Notation)) == set(TEXTS) and set(get_args(Layout)) == set(LAYOUTS)
