"""Mistakes planted in true lines: none is proved, and most are named by their class."""

from __future__ import annotations

import pytest

from symbptt.derive import derive
from symbptt.parse import load, zoo
from symbptt.show import show_equation
from tests.edits import Figures, in_notation, judged, planted
from tests.planted import Spelling, edits, spelling
from tests.truth import Run

IN_A_LINE = {
    *("M01", "M02", "M03", "M04", "M05", "M06", "M07", "M08", "M09", "M10", "M11", "M12", "M13"),
    *("M14", "M15", "M16", "M17", "M18", "M19", "M20", "M21", "M23", "M26", "M30"),
}


def kinds(spelled: Spelling, line: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for e in edits(line, spelled):
        found.setdefault(e.what, []).append(e.line)
    return found


def test_the_catalogue_has_every_class_that_a_line_can_show() -> None:
    derivation = derive(load("gru"))
    spelled = spelling(derivation)
    lines = [show_equation(e, "latex") for e in derivation]
    assert {c for x in lines for e in edits(x, spelled) for c in e.codes} == IN_A_LINE


def test_some_mistakes() -> None:
    spelled = spelling(derive(load("elman")))
    found = kinds(spelled, r"\frac{\partial l_{t}}{\partial h_{t}} = W_{hy}^{\top} (o_{t} - y_{t})")
    left = r"\frac{\partial l_{t}}{\partial h_{t}} = "
    assert found["brackets missing"] == [left + r"W_{hy}^{\top} o_{t} - y_{t}"]
    assert found["transpose of W missing"] == [left + r"W_{hy} (o_{t} - y_{t})"]
    assert found["sign of the error"] == [left + r"W_{hy}^{\top} (y_{t} - o_{t})"]
    line = r"\lambda \cdot \frac{\partial h_{t}}{\partial W_{xh}} = "
    found = kinds(spelled, line + r"(\lambda \odot (1 - h_{t}^{2})) x_{t}^{\top}")
    moved = line + r"(\lambda x_{t}^{\top}) \odot (1 - h_{t}^{2})"
    assert found["slope outside the matrix product"] == [moved]


@pytest.mark.parametrize("model", ["elman", "generic"])
def test_the_referee_holds_what_is_printed_for_true(model: str) -> None:
    assert_true(model)


@pytest.mark.slow
@pytest.mark.parametrize("model", zoo())
def test_the_referee_holds_all_that_is_printed_for_true(model: str) -> None:
    assert_true(model)


def assert_true(model: str) -> None:
    """Every line, but those that state what is zero, or are about what the steps do not reach."""
    derivation = derive(load(model))
    run = Run(derivation)
    local = {e.label for e in derivation.group("local").equations}
    lines = [(show_equation(e, "latex"), e.label in local) for e in derivation]
    said = {x: run.says(x, near) for x, near in lines if not x.endswith("= 0")}
    assert False not in said.values()
    assert sum(v is None for v in said.values()) < 3


@pytest.mark.slow
def test_the_referee_tells_identities_from_mistakes() -> None:
    found = list(planted(derive(load("elman"))))
    same = {"commuted", "summands in the other order", "this step's loss for the whole"}
    assert {p.edit.what for p in found if p.still} == same
    assert not [p for p in found if p.still is False and not p.edit.codes]


def assert_told(found: Figures, least: float) -> None:
    assert found.wrong > 5
    assert not found.accepted
    assert not found.unrecognised
    assert not found.blamed
    assert found.share >= least, found.examples


def test_slopes_missing_in_an_elman_network() -> None:
    found = judged("elman", 2, only="slope missing")
    assert not found.accepted
    assert found.right == found.wrong > 1


@pytest.mark.slow
@pytest.mark.parametrize(("model", "least"), [("elman", 0.9), ("indrnn", 0.9), ("jordan", 0.9)])
def test_single_mistakes(model: str, least: float) -> None:
    assert_told(judged(model, 60), least)


@pytest.mark.slow
def test_pairs_of_mistakes() -> None:
    assert not judged("elman", 60, pairs=True).accepted


@pytest.mark.slow
@pytest.mark.parametrize("notation", ["pascanu", "karpathy"])
def test_mistakes_in_the_symbols_of_a_text(notation: str) -> None:
    found = in_notation("elman", notation, every=40)
    assert found.wrong > 5
    assert not found.accepted
    assert not found.unrecognised
    assert not found.blamed
