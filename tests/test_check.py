"""The numbers of the emitted code: what is run, what is caught."""

import pytest

from symbptt.check import HORIZONS, check, settings
from symbptt.derive import derive
from symbptt.emit import emit
from symbptt.errors import UnsupportedError
from symbptt.parse import load, model
from symbptt.plan import plan
from symbptt.prove import prove
from symbptt.show import show

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


# Scalars and axes of length 1: where NumPy gives a number for an array, or one for the other.
SCALAR = "state h[t]\ninput x[t]\ntarget y[t]\nparam w\nparam b\n"
ONE = "size N, D\nstate h[t] : N, 1\ninput x[t] : N, D\ntarget y[t] : N, 1\nparam b : 1\n"
SMALL = {
    "a scalar state": SCALAR
    + "h[t] = tanh(w * h[t-1] + b * x[t])\nl[t] = (h[t] - y[t])**2\nloss = sum(l[t])\n",
    "two scalar states, one read two steps back": SCALAR
    + "state c[t]\nc[t] = c[t-1] + w * h[t-2] * x[t]\nh[t] = tanh(c[t]) + b * h[t-1]\n"
    "l[t] = (2 * h[t] - y[t])**2\nloss = l[T]\n",
    "one entry beside a vector": "size D\nstate h[t] : D\ninput x[t] : D\ntarget y[t] : D\n"
    "param b : 1\nparam a\nh[t] = tanh(x[t] + b * h[t-1] + a)\n"
    "l[t] = squared_error(h[t], y[t])\nloss = mean(l[t])\n",
    "rows of one entry": ONE + "param W : D, 1\nh[t] = tanh(x[t] @ W + h[t-1] * b)\n"
    "l[t] = mean(squared_error(h[t], y[t]))\nloss = sum(l[t])\n",
    "rows of twice D": ONE.replace("N, 1", "N, 2*D")
    + "param W : D, 2*D\nh[t] = tanh(x[t] @ W + h[t-1] * b)\n"
    "l[t] = mean(squared_error(h[t], y[t]))\nloss = sum(l[t])\n",
}


@pytest.mark.parametrize("name", SMALL)
def test_scalars_and_axes_of_one(name: str) -> None:
    d = derive(model(SMALL[name]))
    assert (proof := prove(d)).ok, proof.failed
    assert (verdict := check(plan(d))).ok, verdict.failed


def test_code_without_an_input_has_no_length() -> None:
    text = SMALL["a scalar state"].replace("input x[t]\n", "").replace("x[t]", "y[t]")
    with pytest.raises(UnsupportedError, match="learns the length T from an input"):
        emit(plan(derive(model(text))))


LINES = {
    "a gradient 0.05 % off": ('"V": w.dV', '"V": w.dV * 1.0005'),
    "a loss that is off": ("return loss, grads", "return loss * 1.0005, grads"),
    "the slope of the wrong side": (
        "subtract(1, h_squared, slope_h)",
        "add(1, h_squared, slope_h)",
    ),
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


# -- inputs at which the numbers say nothing

STEP = "size H\ninput x[t] : H\ntarget y[t] : H\nstate h[t] : H\nparam W : H, H\n{}h[t] = {}\n"
STEP += "l[t] = squared_error(h[t], y[t])\nloss = sum(l[t])\n"


def steep(step: str, function: str = "") -> str:
    return STEP.format(function, step)


TELLING = {  # told by a milder draw, or by positive numbers
    "double exponential": steep("ee(W @ h[t-1] + x[t])", "function ee(z) = exp(exp(z))\n"),
    "a logarithm of what is given": steep("W @ h[t-1] + log(x[t])"),
    "a root": steep("(W @ h[t-1] + x[t])**(1/2)"),
    "a square, again and again": steep("(W @ h[t-1] + x[t])**2"),
}
MUTE = {
    "a logarithm of negative numbers": steep("log(-1 - (W @ h[t-1] + x[t])**2)"),
    "a power that overflows": steep("1000000 * (W @ h[t-1] + x[t])**5"),
    "too large at 50 digits": steep(
        "g(W @ h[t-1] + x[t])", "function g(z) = exp(exp(exp(exp(9 + tanh(z)))))\n"
    ),
}


@pytest.mark.parametrize("name", TELLING)
def test_other_draws_of_the_inputs_can_tell(name: str) -> None:
    program = plan(derive(model(TELLING[name])))
    assert (verdict := check(program)).ok, verdict
    wrong = check(program, emit(program).replace("w.h_prev, out=w.dW", "-w.h_prev, out=w.dW"))
    assert {s.claim for s in wrong.failed} == {"dL/dW"} and not wrong.undecided


@pytest.mark.parametrize("name", MUTE)
def test_what_no_draw_can_tell_is_undecided(name: str) -> None:
    program = plan(derive(model(MUTE[name])))
    verdict = check(program)
    assert not verdict.ok and verdict.undecided and not verdict.failed
    assert all(s.detail for s in verdict.steps if s.undecided)
    assert "undecided" in show(verdict).splitlines()[-1]
    broken = check(program, emit(program).replace("return loss, grads", "return loss, {}"))
    assert not broken.ok and not any(s.ok and "dL" in s.claim for s in broken.steps)


def test_a_code_that_does_not_run_is_refuted_whatever_the_inputs() -> None:
    program = plan(derive(model(next(iter(MUTE.values())))))
    assert check(program, emit(program).replace("# Backward", "raise RuntimeError")).failed
