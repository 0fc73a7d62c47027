"""The author's symbols laid over a given model."""

import pytest

from symbptt.errors import ModelError
from symbptt.parse import load, model
from symbptt.verify.matching import match, overlay

AUTHOR = """
size D, H, C
input x[t] : D
target yhat[t] : C
state s[t] : H
param U : H, D
param W : H, H
param b : H
param V : C, H
param c : C
s[t] = tanh(b + W @ s[t-1] + U @ x[t])
y[t] = V @ s[t] + c
l[t] = squared_error(y[t], yhat[t])
loss = sum(l[t])
"""
SYMBOLS = {
    n: n in ("x", "s", "y", "yhat") for n in ("x", "s", "y", "yhat", "U", "W", "b", "V", "c")
}


def test_equations_say_which_letter_is_which() -> None:
    found = match({**SYMBOLS, "q": False}, load("elman"), (), model(AUTHOR))
    assert found.names == {
        **{"x": "x", "s": "h", "U": "W_xh", "W": "W_hh", "b": "b_h", "V": "W_hy", "c": "b_y"},
        **{"y": "o", "yhat": "y"},
    }
    assert found.unmatched == ("q",)
    assert {m.name: m.how for m in found.matches}["yhat"] == "role"
    assert "W is W_hh: param (H, H), by equations" in str(found)
    assert "not in the model: q" in str(found)


@pytest.mark.parametrize(
    "line, wrong",
    [
        ("tanh(b + W @ s[t-1] + U @ x[t])", "tanh(b + W.T @ s[t-1] + U @ x[t])"),
        ("tanh(b + W @ s[t-1] + U @ x[t])", "sigmoid(b + W @ s[t-1] + U @ x[t])"),
        ("tanh(b + W @ s[t-1] + U @ x[t])", "tanh(W @ s[t-1] + U @ x[t]) + b"),
    ],
)
def test_other_equations_match_nothing(line: str, wrong: str) -> None:
    assert overlay(model(AUTHOR.replace(line, wrong)), load("elman"), {}) is None


def test_a_readout_that_differs_brings_no_parameters_along() -> None:
    other = model(AUTHOR.replace("V @ s[t] + c", "tanh(V @ s[t]) + c"))
    found = overlay(other, load("elman"), {})
    assert found is not None
    assert set(found) == {"x", "s", "U", "W", "b"}


def test_names_match_without_equations_and_renamings_go_first() -> None:
    found = match({"Whh": False, "h": True, "U": False}, load("elman"), [("U", "W_{xh}")])
    assert found.names == {"U": "W_xh", "Whh": "W_hh", "h": "h"}
    with pytest.raises(ModelError, match="has no 'W_hx'"):
        match({}, load("elman"), [("U", "W_hx")])


def test_two_models_may_call_different_sizes_by_one_name() -> None:
    text = AUTHOR.replace("size D, H, C", "size Z, H, Y").replace("H, D", "H, Z")
    text = text.replace(": D", ": Z").replace(": C", ": D").replace("size Z, H, Y", "size Z, H, D")
    found = overlay(model(text), load("elman"), {})
    assert found is not None
    assert (found["U"], found["y"], found["c"]) == ("W_xh", "o", "b_y")


def test_gates_are_told_apart_by_what_they_do() -> None:
    given = load("lstm_column")
    source = given.source
    for old, new in (("f[t]", "q[t]"), ("W_f", "A"), ("b_f", "p"), ("W_i", "B"), ("i[t]", "f[t]")):
        source = source.replace(old, new)
    found = overlay(model(source), given, {})
    assert found is not None
    assert {n: found[n] for n in ("q", "A", "p", "B", "f")} == {
        **{"q": "f", "A": "W_f", "p": "b_f", "B": "W_i", "f": "i"}
    }
