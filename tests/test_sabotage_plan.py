"""Faults planted in the planner's passes, one room after another. `check` must object."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symbptt.check import check
from symbptt.derive import derive
from symbptt.model import Derivation
from symbptt.parse import load, model
from symbptt.plan import plan
from tests import pass_faults
from tests.test_plan import SPLIT

ROOMS = Path(__file__).parents[1] / "symbptt" / "plan"
SOUND = {  # what only asks, counts, or is checked where it is used
    "__init__", "program", "planner", "forward", "backward", "lower", "operations", "totals",
    "schedule", "report", "blocks", "checkpoint", "slice",
}  # fmt: skip


def derived(name: str) -> Derivation:
    text = {**SPLIT, "twice": pass_faults.TWICE, "named": pass_faults.NAMED}.get(name)
    return derive(model(text + "\nloss = sum(l[t])\n") if text else load(name))


@pytest.mark.parametrize(
    ("name", "target", "wrong"),
    [pytest.param(*rest, id=f"{room}-{words}") for room, words, *rest in pass_faults.FAULTS],
)
def test_a_wrong_pass_is_refuted(
    monkeypatch: pytest.MonkeyPatch, name: str, target: str, wrong: Any
) -> None:
    d = derived(name)
    pass_faults.plant(monkeypatch, target, wrong)
    with np.errstate(all="ignore"):
        assert not check(plan(d)).ok


def test_every_pass_is_sabotaged() -> None:
    rooms = {f.stem for f in ROOMS.glob("*.py")}
    assert {room for room, *_ in pass_faults.FAULTS} == rooms - SOUND


@pytest.mark.parametrize("name", sorted({name for _, _, name, *_ in pass_faults.FAULTS}))
def test_the_models_of_the_sabotage_hold(name: str) -> None:
    assert check(plan(derived(name))).ok
