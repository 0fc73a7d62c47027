"""The numbers of the emitted code: what is run, what is caught."""

import pytest

from symbptt.check import HORIZONS, check, settings
from symbptt.derive import derive
from symbptt.emit import emit
from symbptt.parse import load
from symbptt.plan import plan

EMITTED = ("elman", "elman_batch", "elman_ce", "linear_mse", "rnnlm")


@pytest.mark.parametrize("name", EMITTED)
def test_the_emitted_code_is_right(name: str) -> None:
    verdict = check(plan(derive(load(name))))
    assert verdict.ok, verdict.failed
    kinds = " ".join(s.how for s in verdict.steps)
    assert all(k in kinds for k in ("float64", "float32", "complex step"))


def test_the_settings_are_those_promised() -> None:
    every = list(settings(load("elman_batch")))
    assert {s.steps for s in every} == set(HORIZONS) == {1, 2, 7}
    assert any(s.sizes["N"] == 1 for s in every)
    several = [s.sizes for s in every if s.sizes["N"] > 1]
    assert all(len(set(sizes.values())) == len(sizes) for sizes in several)


LINES = {
    "a gradient 0.05 % off": ('"V": w.dV', '"V": w.dV * 1.0005'),
    "a loss that is off": ("return loss, grads", "return loss * 1.0005, grads"),
    "the slope of the wrong side": ("np.subtract(1, w.h_squared", "np.add(1, w.h_squared"),
    "the state of the wrong step": ("w.h_prev_rows.T.dot", "w.h_rows.T.dot"),
    "a transpose dropped": ("np.copyto(w.W_h_T, W_h.T)", "np.copyto(w.W_h_T, W_h)"),
    "a start that is not cleared": ("w.dh_0.fill(0)", "w.dh_0.fill(1)"),
    "an argument changed": ("x_rows = x.reshape", "x += 0.5\n    x_rows = x.reshape"),
    "a wrong final state": ('{"h": w.h_end}', '{"h": w.h_0}'),
    "code that does not run": ("# Backward", "raise RuntimeError"),
    "the forward pass of another model": ('return {"o": w.o}', 'return {"o": -w.o}'),
}


@pytest.mark.parametrize("fault", LINES)
def test_a_fault_in_a_line_is_caught(fault: str) -> None:
    program = plan(derive(load("elman_batch")))
    source = emit(program)
    old, new = LINES[fault]
    assert old in source
    assert not check(program, source.replace(old, new)).ok
