"""Faults planted behind the proof: in the plan and in the emitted lines. `check` must object."""

from pathlib import Path
from typing import Any

import pytest

from symbptt.check import check
from symbptt.derive import derive
from symbptt.emit import emit
from symbptt.parse import load
from symbptt.plan import plan
from tests import code_faults

GENERATED = Path(__file__).parents[1] / "generated"
MODELS = ("elman", "elman_batch", "elman_ce", "linear_mse", "rnnlm")
QUICK = ("elman",)


def models(quick: tuple[str, ...]) -> list[Any]:
    return [pytest.param(n, marks=() if n in quick else pytest.mark.slow) for n in MODELS]


@pytest.mark.parametrize("block", code_faults.BLOCKS)
@pytest.mark.parametrize("name", models(QUICK))
def test_a_wrong_plan_is_refuted_by_label(name: str, block: str) -> None:
    program = plan(derive(load(name)))
    right, survived, kinds = emit(program), [], set()
    for words, i, faulty in code_faults.of_program(program, block):
        source = emit(faulty)
        if source == right:
            continue
        kinds.add(words.split(":")[0].split(" by")[0])
        verdict = check(program, source)
        named = {s.label for s in verdict.failed}
        runs = all("runs" not in s.claim for s in verdict.failed)
        # A gradient's own line is named by its own label; code that does not run says why.
        if not verdict.failed or (runs and block == "gradients" and not named & set(i.labels)):
            survived.append(words)
    assert not survived
    assert {"missing", "transpose"} <= kinds


@pytest.mark.parametrize("name", models(QUICK))
def test_no_line_of_a_golden_module_can_go(name: str) -> None:
    program = plan(derive(load(name)))
    golden = (GENERATED / f"{name}.py").read_text(encoding="utf-8")
    assert check(program, golden).ok
    gone = dict(code_faults.without_lines(golden))
    assert len(gone) > 15
    assert [line for line, source in gone.items() if not check(program, source).failed] == []
