"""Truncated, random, online and checkpointed gradients: each against its own definition."""

import subprocess
import sys
from collections.abc import Iterator
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symbptt import check, derive, emit, load, plan
from symbptt import model as read
from symbptt.check import load_module
from symbptt.check.inputs import Setting, data, horizons
from symbptt.errors import SymbpttError, UnsupportedError
from symbptt.model import Model
from symbptt.plan import planner
from symbptt.strategy import Blocks, Checkpoint, Clip, Online, RandomCut, Strategy, chunk, window
from symbptt.unroll import gradients, unroll
from tests.conftest import EMITTED, TEXTS

RATIONAL = {
    "number": lambda v: Fraction(int(v.p), int(v.q)),
    "relu": lambda z: max(z, Fraction(0)),
    "step": lambda z: Fraction(int(z > 0)),
}


def model_of(name: str) -> Model:
    return read(TEXTS[name]) if name in TEXTS else load(name)


def module_of(name: str, strategy: Strategy | None) -> Any:
    return load_module(emit(plan(derive(model_of(name), strategy))), name)


def elman(steps: int, seed: int = 0) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    shapes = {"W_hh": (5, 5), "W_xh": (5, 3), "b_h": (5,), "W_hy": (4, 5), "b_y": (4,)}
    params = {name: rng.standard_normal(shape) / 2 for name, shape in shapes.items()}
    return params, rng.standard_normal((steps, 3)), rng.standard_normal((steps, 4))


# -- blocks of losses

EVERY_ONE = [
    window(2), chunk(3), Blocks(2, 3), RandomCut(Fraction(1, 2)), Checkpoint(), Online()
]  # fmt: skip
REFUSED = {
    **{("mlp2", s): "nothing of an earlier step" for s in EVERY_ONE},
    ("bidirectional", Online()): "inputs that are still to come",
}
PAIRS = [x for x in product((*EMITTED, *TEXTS), EVERY_ONE) if x not in REFUSED]
BLOCKS = [window(1), window(3), chunk(3), Blocks(2, 3), Blocks(2, 5)]


@pytest.mark.parametrize("strategy", BLOCKS, ids=str)
@pytest.mark.parametrize("name", ["elman", "lag2", "mgu", "last"])
def test_the_code_is_its_specification(name: str, strategy: Blocks) -> None:
    assert max(horizons(strategy)) > strategy.back
    verdict = check(plan(derive(model_of(name), strategy)))
    assert verdict.ok, verdict.failed


@pytest.mark.slow
@pytest.mark.parametrize(("name", "strategy"), PAIRS, ids=str)
def test_every_model_has_code_for_every_strategy(name: str, strategy: Strategy) -> None:
    verdict = check(plan(derive(model_of(name), strategy)))
    assert verdict.ok, verdict.failed


@pytest.mark.parametrize(("name", "strategy"), REFUSED, ids=str)
def test_a_model_that_a_strategy_is_not_for_says_why(name: str, strategy: Strategy) -> None:
    with pytest.raises(UnsupportedError, match=REFUSED[name, strategy]):
        derive(model_of(name), strategy)


def by_hand(params: Any, x: Any, y: Any, reach: int) -> dict[str, np.ndarray]:
    """The naive double loop of a window, each loss going back on its own."""
    W = params["W_hh"]
    h = [np.zeros(5)]
    for t in range(len(x)):
        h.append(np.tanh(W @ h[-1] + params["W_xh"] @ x[t] + params["b_h"]))
    grads = {name: np.zeros_like(value) for name, value in params.items()}
    for t in range(1, len(x) + 1):
        error = params["W_hy"] @ h[t] + params["b_y"] - y[t - 1]
        grads["W_hy"] += np.outer(error, h[t])
        grads["b_y"] += error
        delta = params["W_hy"].T @ error * (1 - h[t] ** 2)
        for k in range(t, max(0, t - reach), -1):
            grads["W_hh"] += np.outer(delta, h[k - 1])
            grads["W_xh"] += np.outer(delta, x[k - 1])
            grads["b_h"] += delta
            delta = W.T @ delta * (1 - h[k - 1] ** 2)
    return grads


def test_a_window_is_the_double_loop() -> None:
    """And `bptt_truncate` Jacobians of the source text are a window of bptt_truncate + 1."""
    params, x, y = elman(9)
    grads = module_of("elman", window(4)).loss_and_grad(params, x, y)[1]
    for name, expected in by_hand(params, x, y, 4).items():
        np.testing.assert_allclose(grads[name], expected, rtol=1e-10)
    assert not np.allclose(grads["W_hh"], by_hand(params, x, y, 3)["W_hh"])
    assert not np.allclose(grads["W_hh"], by_hand(params, x, y, 5)["W_hh"])


def test_chunks_are_a_state_that_is_carried_and_a_gradient_that_is_not() -> None:
    params, x, y = elman(11)
    grads = module_of("elman", chunk(4)).loss_and_grad(params, x, y)[1]
    full, state, total = module_of("elman", None), None, {n: 0 * v for n, v in params.items()}
    for start in range(0, 11, 4):
        piece = slice(start, start + 4)
        _, of_chunk, state = full.loss_and_grad(params, x[piece], y[piece], state)
        for name in total:
            total[name] = total[name] + of_chunk[name]
    for name, expected in total.items():
        np.testing.assert_allclose(grads[name], expected, rtol=1e-10)


@pytest.mark.parametrize("strategy", [window(9), chunk(9), Blocks(3, 9), Blocks(2, 20)], ids=str)
def test_reaching_back_to_the_start_is_the_full_gradient(strategy: Blocks) -> None:
    params, x, y = elman(9)
    grads = module_of("elman", strategy).loss_and_grad(params, x, y)[1]
    for name, expected in module_of("elman", None).loss_and_grad(params, x, y)[1].items():
        np.testing.assert_allclose(grads[name], expected, rtol=1e-10)


@pytest.mark.parametrize(
    ("given", "planted"),
    [
        ("BACK = 3", "BACK = 4"),
        ("BACK = 3", "BACK = 2"),
        ("EVERY = 2", "EVERY = 1"),
        ("t, u = (lo + 1) * EVERY - back,", "t, u = lo * EVERY + 1 - back % 2,"),
        ("add(da_t, e_da_t, da_t)", "np.copyto(da_t, e_da_t)"),
        ("own", "hi"),
    ],
)
def test_a_wrong_window_is_caught(given: str, planted: str) -> None:
    program = plan(derive(load("elman"), Blocks(2, 3)))
    source = emit(program)
    wrong = source.replace(given, planted)
    assert wrong != source
    assert not check(program, wrong).ok


def test_a_carried_state_that_is_cut_is_caught() -> None:
    program = plan(derive(load("elman"), chunk(3)))
    source = emit(program)
    head = "for h_prev, a_t, h_t in w.forward:"
    assert source.count(head) == 2
    loop = (
        "for n, (h_prev, a_t, h_t) in enumerate(w.forward):\n        h_prev = h_prev * (n % 3 > 0)"
    )
    assert not check(program, source.replace(head, loop)).ok


# -- states that run from T to 1


@pytest.mark.parametrize("strategy", [window(3), chunk(3), Blocks(2, 5)], ids=str)
def test_both_ways_are_their_specification(strategy: Strategy) -> None:
    verdict = check(plan(derive(load("bidirectional"), strategy)))
    assert verdict.ok, verdict.failed


def both_ways(steps: int) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    n, d, h, k, c = 2, 3, 5, 4, 6
    shapes = {"W_xh": (d, h), "W_hh": (h, h), "b_h": (h,), "W_xg": (d, k), "W_gg": (k, k)}
    shapes |= {"b_g": (k,), "W_y": (h + k, c), "b_y": (c,)}
    params = {name: rng.standard_normal(shape) / 2 for name, shape in shapes.items()}
    return params, rng.standard_normal((steps, n, d)), rng.integers(0, c, (steps, n))


@pytest.mark.parametrize("strategy", [window(3), chunk(4), Blocks(2, 3)], ids=str)
def test_both_ways_are_the_double_loop(strategy: Blocks) -> None:
    """The recurrent weights' gradients, each loss going back and ahead on its own."""
    (p, x, y), steps = both_ways(9), 9
    h, g = np.zeros((steps + 2, 2, 5)), np.zeros((steps + 2, 2, 4))
    for t in range(1, steps + 1):
        h[t] = np.tanh(x[t - 1] @ p["W_xh"] + h[t - 1] @ p["W_hh"] + p["b_h"])
    for t in range(steps, 0, -1):
        g[t] = np.tanh(x[t - 1] @ p["W_xg"] + g[t + 1] @ p["W_gg"] + p["b_g"])
    expected = {"W_hh": np.zeros((5, 5)), "W_gg": np.zeros((4, 4))}
    for s in range(1, steps + 1):
        block = (s - 1) // strategy.every
        begin, end = block * strategy.every + 1, (block + 1) * strategy.every
        o = np.concatenate([h[s], g[s]], axis=1) @ p["W_y"] + p["b_y"]
        error = np.exp(o) / np.exp(o).sum(axis=1, keepdims=True)
        error[np.arange(2), y[s - 1]] -= 1
        both = error @ p["W_y"].T
        delta = both[:, :5] * (1 - h[s] ** 2)
        for t in range(s, max(0, end - strategy.back), -1):
            expected["W_hh"] += h[t - 1].T @ delta
            delta = delta @ p["W_hh"].T * (1 - h[t - 1] ** 2)
        delta = both[:, 5:] * (1 - g[s] ** 2)
        for t in range(s, min(steps + 1, begin + strategy.back)):
            expected["W_gg"] += g[t + 1].T @ delta
            delta = delta @ p["W_gg"].T * (1 - g[t + 1] ** 2)
    grads = module_of("bidirectional", strategy).loss_and_grad(p, x, y)[1]
    for name, array in expected.items():
        np.testing.assert_allclose(grads[name], array, rtol=1e-10)


@pytest.mark.parametrize(
    ("given", "planted"),
    [
        ("BACK = 3", "BACK = 4"),
        ("min(BACK, T)", "min(BACK - 1, T)"),
        ("hi = (T - 1 - back) // EVERY + 1", "hi = max(0, T - 2 - back) // EVERY + 1"),
        ("hi if back < EVERY else 0,", "hi if back <= EVERY else 0,"),
        ("hi - (u == T) : hi", "hi : hi"),
        ("dg_all[T : u + 1]", "dg_all[T : T]"),
        ("add(dg_late_next, e_dg_next_late_t, dg_late_next)", "pass"),
    ],
)
def test_a_wrong_way_ahead_is_caught(given: str, planted: str) -> None:
    program = plan(derive(load("bidirectional"), Blocks(2, 3)))
    source = emit(program)
    assert source.count(given) == 1
    assert not check(program, source.replace(given, planted)).ok


@pytest.mark.parametrize(
    ("given", "planted"),
    [("[xi_all[1:][i", "[xi_all[:-1][i"), ("w.xi_padded.fill(1)", "w.xi_padded.fill(2)")],
)
def test_a_wrong_draw_of_the_way_ahead_is_caught(given: str, planted: str) -> None:
    program = plan(derive(load("bidirectional"), RandomCut(Fraction(1, 2))))
    source = emit(program)
    assert check(program, source).ok
    assert given in source
    assert not check(program, source.replace(given, planted)).ok


def test_ways_that_read_each_other_have_no_window() -> None:
    *head, h, g, o, loss, total = BOTH_WAYS.splitlines()
    h = h.replace("U @ x[t]", "U @ g[t]")
    text = "\n".join([*head, g, h, o, loss, total]).replace("U : H, D", "U : H, K")
    with pytest.raises(UnsupportedError, match="a path turns around"):
        derive(read(text), window(2))


@pytest.mark.parametrize("every, back", [(0, 1), (1, 0), (3, 2)])
def test_blocks_that_are_none(every: int, back: int) -> None:
    with pytest.raises(SymbpttError):
        Blocks(every, back)


# -- random cuts


def outcomes(steps: int, alpha: Fraction) -> Iterator[tuple[Fraction, list[Fraction]]]:
    """(probability, ξ_1..ξ_T) of every way to cut; ξ_1 is 1."""
    for goes in product((True, False), repeat=steps - 1):
        chance = Fraction(1)
        for on in goes:
            chance *= alpha if on else 1 - alpha
        yield chance, [Fraction(1), *(1 / alpha if on else Fraction(0) for on in goes)]


BOTH_WAYS = """model both "linear, two ways"
size D, H, K, C
input x[t] : D
target y[t] : C
state h[t] : H
state g[t] : K reversed
param A : H, H
param B : K, K
param U : H, D
param V : K, D
param W : C, H + K

h[t] = relu(A @ h[t-1] + U @ x[t])
g[t] = relu(B @ g[t+1] + V @ x[t])
o[t] = W @ [h[t], g[t]]
l[t] = squared_error(o[t], y[t])
loss = mean(l[t])
"""


@pytest.mark.parametrize("name", ["linear_mse", "relu", "both"])
def test_the_weighted_mean_of_every_outcome_is_the_full_gradient(name: str) -> None:
    """Exactly, in rationals."""
    texts = {"relu": TEXTS["lag2"].replace("tanh", "relu"), "both": BOTH_WAYS}
    model = read(texts[name]) if name in texts else load(name)
    steps, alpha = 4, Fraction(2, 5)
    cut, full = derive(model, RandomCut(alpha)), derive(model)
    setting = Setting(steps, {s: n for n, s in enumerate(model.sizes, 2)})
    given = {
        key: np.vectorize(
            lambda v: v if isinstance(v, int) else Fraction(float(v)), otypes=[object]
        )(a)
        for key, a in data(model, setting).given.items()
    }
    expected = gradients(full, unroll(full.model, given, setting.sizes, RATIONAL, steps))
    mean: dict[str, Any] = {}
    second: dict[str, Any] = {}
    assert cut.model.cut is not None
    for chance, xi in outcomes(steps, alpha):
        drawn = {(cut.model.cut.name, t): np.array(v, dtype=object) for t, v in enumerate(xi, 1)}
        run = unroll(cut.model, {**given, **drawn}, setting.sizes, RATIONAL, steps)
        for key, array in gradients(cut, run).items():
            mean[key] = mean.get(key, 0) + chance * array
            second[key] = second.get(key, 0) + chance * array**2
    for key, array in expected.items():
        assert np.all(mean[key] == array), key
    assert any(np.any(second[k] != mean[k] ** 2) for k in mean)  # and it is random


def test_the_printed_variance_is_that_of_every_outcome() -> None:
    """One unit: S_t = B_t + ξ_t J_t S_{t−1} over all 2^(t−1) outcomes, in rationals."""
    alpha, steps = Fraction(2, 5), 5
    J = [Fraction(n, 7) for n in (3, -5, 2, 9, 4)]
    B = [Fraction(n, 3) for n in (1, 2, -4, 5, 1)]
    first = second = Fraction(0)
    for chance, xi in outcomes(steps, alpha):
        S = Fraction(0)
        for t in range(steps):
            S = B[t] + xi[t] * J[t] * S
        first, second = first + chance * S, second + chance * S**2
    means = [Fraction(0)]
    for t in range(steps):
        means.append(B[t] + J[t] * means[-1])
    closed = Fraction(0)
    for k in range(1, steps):  # k + 1 of the formula
        grown = Fraction(1)
        for t in range(k + 1, steps):
            grown *= J[t] ** 2 / alpha
        closed += (1 / alpha - 1) * grown * J[k] ** 2 * means[k] ** 2
    assert closed == second - first**2 > 0


def test_the_same_seed_gives_the_same_gradient_and_the_mean_converges() -> None:
    params, x, y = elman(6)
    module = module_of("elman", RandomCut(Fraction(3, 4)))
    full = module_of("elman", None).loss_and_grad(params, x, y)[1]["W_hh"]
    rng = np.random.default_rng(1)
    workspace: dict[str, Any] = {}
    draws = [
        module.loss_and_grad(params, x, y, rng=rng, workspace=workspace)[1]["W_hh"].copy()
        for _ in range(4000)
    ]
    again = module.loss_and_grad(params, x, y, rng=np.random.default_rng(1))[1]["W_hh"]
    np.testing.assert_array_equal(again, draws[0])
    error = np.std(draws, axis=0) / np.sqrt(len(draws))
    assert np.all(np.abs(np.mean(draws, axis=0) - full) < 5 * error + 1e-12)
    assert not np.allclose(draws[0], draws[1])


def test_a_probability_per_step() -> None:
    params, x, y = elman(5)
    module = module_of("elman", RandomCut(Fraction(1, 2)))
    always = module.loss_and_grad(params, x, y, rng=np.random.default_rng(0), go_on=np.ones(5))[1]
    full = module_of("elman", None).loss_and_grad(params, x, y)[1]
    np.testing.assert_allclose(always["W_hh"], full["W_hh"], rtol=1e-12)
    for alpha in (0.0, 1.5, np.ones(4)):
        with pytest.raises(ValueError, match="go_on"):
            module.loss_and_grad(params, x, y, rng=np.random.default_rng(0), go_on=alpha)


@pytest.mark.parametrize("name", ["elman", "lag2", "leaky", "last"])
def test_the_randomly_cut_code_is_its_specification(name: str) -> None:
    verdict = check(plan(derive(model_of(name), RandomCut(Fraction(1, 2)))))
    assert verdict.ok, verdict.failed


@pytest.mark.parametrize(
    ("given", "planted"),
    [
        ("np.divide(xi, alpha, out=xi", "np.divide(xi, alpha**2, out=xi"),
        ("np.less(uniform, alpha", "np.greater(uniform, alpha"),
        ("xi[0] = 1", "xi[-1] = 1"),
        ("multiply(W_hh_T_da_2, xi_t, W_hh_T_da)", "multiply(W_hh_T_da_2, xi_t * xi_t, W_hh_T_da)"),
    ],
)
def test_a_wrong_draw_is_caught(given: str, planted: str) -> None:
    program = plan(derive(load("elman"), RandomCut(Fraction(1, 2))))
    source = emit(program)
    assert given in source
    assert not check(program, source.replace(given, planted)).ok


@pytest.mark.parametrize("alpha", [Fraction(0), Fraction(3, 2), Fraction(-1)])
def test_an_alpha_that_is_none(alpha: Fraction) -> None:
    with pytest.raises(SymbpttError):
        RandomCut(alpha)


@pytest.mark.parametrize("by, limit", [("size", 1.0), ("norm", 0.0), ("value", float("nan"))])
def test_a_clip_that_is_none(by: str, limit: float) -> None:
    with pytest.raises(SymbpttError):
        Clip(by, limit)


# -- checkpoints


TWO_LAYERS = """model layers "Two layers, each of them both ways"
size D, H, C
input x[t] : D
target y[t] : C
state h[t] : H
state g[t] : H reversed
state p[t] : H
state q[t] : H reversed
param A : H, H
param B : H, H
param E : H, H
param F : H, H
param U : H, D
param V : H, D
param W : C, H

h[t] = tanh(A @ h[t-1] + U @ x[t])
g[t] = tanh(B @ g[t+1] + V @ x[t])
p[t] = tanh(E @ p[t-1] + h[t] + g[t])
q[t] = tanh(F @ q[t+1] + h[t] * g[t])
o[t] = W @ (p[t] + q[t])
l[t] = squared_error(o[t], y[t])
loss = mean(l[t])
"""


@pytest.mark.parametrize(
    "name", ["elman", "lag2", "stacked", "last", "linear_mse", "leaky", "masked"]
)
def test_checkpoints_give_the_full_gradient(name: str) -> None:
    verdict = check(plan(derive(model_of(name), Checkpoint())))
    assert verdict.ok, verdict.failed


@pytest.mark.parametrize("text", [BOTH_WAYS, TWO_LAYERS], ids=["one layer", "two layers"])
def test_checkpoints_both_ways_give_the_full_gradient(text: str) -> None:
    """In 2 L + 1 sweeps for L layers, each the other way from the one before."""
    d = derive(read(text), Checkpoint())
    assert d.segments is not None
    ways = [w.backward for w in d.segments.sweeps]
    assert ways == [False, True] * (len(d.model.states) // 2) + [False]
    verdict = check(plan(d))
    assert verdict.ok, verdict.failed


@pytest.mark.parametrize("name", ["elman", "bidirectional"])
@pytest.mark.parametrize("segment", [1, 3, 10, 50, None])
def test_every_segment_length_gives_the_same(name: str, segment: int | None) -> None:
    given = data(load(name), Setting(10, {s: n for n, s in enumerate(load(name).sizes, 2)}))
    expected = module_of(name, None).loss_and_grad(given.params, given.x, given.y, given.state)
    module, workspace = module_of(name, Checkpoint()), {}  # type: ignore[var-annotated]
    for _ in range(2):
        loss, grads, final = module.loss_and_grad(
            given.params, given.x, given.y, given.state, segment=segment, workspace=workspace
        )
        assert loss == pytest.approx(expected[0], rel=1e-12)
        for key, array in expected[2].items():
            np.testing.assert_allclose(final[key], array, rtol=1e-12)
        for key, array in expected[1].items():
            np.testing.assert_allclose(grads[key], array, rtol=1e-10, atol=1e-12)


ONWARD, BACK = "in enumerate(pieces)", "in reversed(list(enumerate(pieces)))"
PLANTED = {  # in both modules, and where a state runs from T to 1
    "elman": [
        ('np.add(w.dh_end, later["h"], out=w.dh_end)', "pass"),
        ('w.start["h"][n] = w.end["h"]', 'w.start["h"][n] = 0'),
        ('np.copyto(w.end["h"], after["h"])', "pass"),
        ('np.copyto(w.later["h"], grads["h"])', "pass"),
        ("np.add(array, grads[name], out=array)", "np.copyto(array, grads[name])"),
        (ONWARD, BACK),
        (BACK, ONWARD),
    ],
    "bidirectional": [
        ('np.add(w.dg_end, later["g"], out=w.dg_end)', "pass"),
        ('np.add(w.dg_end, later["g"]', 'np.add(w.dg_end, later["h"][..., [0] * K]'),
        ("self.dg_end = dg_all[0]", "self.dg_end = dg_all[-2]"),  # the other side of the segment
        ('w.start["g"][n] = w.end["g"]', 'w.start["g"][n] = 0'),
        ('w.start["g"][n] = w.end["g"]', 'w.start["g"][n - 1] = w.end["g"]'),
        ('w.given["h"][n] = w.later["h"]', 'w.given["h"][n - 1] = w.later["h"]'),
        ('np.copyto(w.end["g"], after["g"])', "pass"),
        ('np.copyto(w.later["h"], grads["h"])', "pass"),
        ('np.copyto(w.later["g"], grads["g"])', "pass"),
        ('return {"g": w.g_end}', 'return {"g": w.g_next_T}'),
        (ONWARD, BACK),
        (BACK, ONWARD),
    ],
}


@pytest.mark.parametrize(
    ("name", "given", "planted"), [(n, *pair) for n, pairs in PLANTED.items() for pair in pairs]
)
def test_a_wrong_checkpoint_is_caught(name: str, given: str, planted: str) -> None:
    program = plan(derive(load(name), Checkpoint()))
    source = emit(program)
    assert given in source
    assert not check(program, source.replace(given, planted)).ok


@pytest.mark.parametrize("name", ["elman", "bidirectional"])
def test_a_sweep_that_does_not_compute_what_it_carries_is_caught(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = planner.part_of
    monkeypatch.setattr(planner, "part_of", lambda p, names, b: cut(p, sorted(names)[1:], b))
    with np.errstate(all="ignore"):
        assert not check(plan(derive(load(name), Checkpoint()))).ok


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("elman", "identity. λ_t of the proof is dL/dh_t."),
        (
            "bidirectional",
            "For h, λ_t of the proof is dL/dh_t. For g, λ_t of the proof is dL/dg_t.",
        ),
    ],
)
def test_the_adjoint_of_the_proof_is_named_once_for_each_block(name: str, said: str) -> None:
    text = next(g.text for g in derive(load(name), Checkpoint()).groups if "of the proof" in g.text)
    assert text.endswith(said)


def test_a_state_that_no_loss_feels_has_its_final_value() -> None:
    text = BOTH_WAYS.replace("param A", "state e[t] : K reversed\nparam A", 1)
    text = text.replace("o[t] =", "e[t] = g[t] + e[t+1]\no[t] =")
    for strategy in (None, Checkpoint(), window(2)):
        assert check(plan(derive(read(text), strategy))).ok


@pytest.mark.slow
def test_a_million_steps_in_300_megabytes() -> None:
    """In a process of its own: what NumPy itself takes is in the peak.

    The peak is VmHWM: ru_maxrss begins with what the process that started this one had held.
    """
    source = emit(plan(derive(load("elman_batch"), Checkpoint())))
    script = f"""
import numpy as np
from benchmarks.resident import peak
space = {{}}
exec(compile({source!r}, "m", "exec"), space)
rng = np.random.default_rng(0)
T, N, D, H, C = 1_000_000, 1, 16, 128, 16
shapes = {{"W_h": (H, H), "W_x": (D, H), "b": (H,), "V": (H, C), "c": (C,)}}
params = {{k: 0.1 * rng.standard_normal(s, "f4") for k, s in shapes.items()}}
x = rng.standard_normal((T, N, D), "f4")
y = rng.integers(0, C, (T, N))
loss, grads, _ = space["loss_and_grad"](params, x, y)
assert np.isfinite(loss) and all(np.all(np.isfinite(g)) for g in grads.values())
print(peak())
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 300


# -- online


@pytest.mark.parametrize(
    "name", ["elman", "lag2", "stacked", "last", "linear_mse", "leaky", "masked"]
)
def test_the_gradient_carried_forward_is_the_full_one(name: str) -> None:
    verdict = check(plan(derive(model_of(name), Online())))
    assert verdict.ok, verdict.failed


def test_steps_add_up_and_carry_what_does_not_grow() -> None:
    params, x, y = elman(12)
    module, carried, total, sizes = module_of("elman", Online()), None, None, set()
    for n in range(12):
        _, grads, carried = module.step(params, x[n], y[n], carried)
        total = grads if total is None else {k: total[k] + v for k, v in grads.items()}
        sizes.add(sum(a.nbytes for a in (carried["influence"], *carried["state"].values())))
    expected = module_of("elman", None).loss_and_grad(params, x, y)[1]
    assert total is not None and set(total) == set(expected) - {"x"}
    for key, array in total.items():
        np.testing.assert_allclose(array, expected[key], rtol=1e-10)
    assert len(sizes) == 1


@pytest.mark.parametrize(
    ("given", "planted"),
    [
        ("influence = jacobian.dot(influence)", "influence = jacobian.T.dot(influence)"),
        ("influence[:, : immediate.shape[1]] += immediate", "pass"),
        ("state, unit, False,", "state, unit, True,"),
        ("_flat(grads, state).dot(influence)", "0 * _flat(grads, state).dot(influence)"),
    ],
)
def test_a_wrong_influence_is_caught(given: str, planted: str) -> None:
    program = plan(derive(load("elman"), Online()))
    source = emit(program)
    assert given in source
    assert not check(program, source.replace(given, planted)).ok


# -- clipping


@pytest.mark.parametrize("strategy", [None, Checkpoint(), Online(), window(2)], ids=str)
@pytest.mark.parametrize("clip", [Clip("value", 0.05), Clip("norm", 0.1)], ids=str)
def test_clipping_comes_after_the_sum(strategy: Strategy | None, clip: Clip) -> None:
    params, x, y = elman(7)
    plain = module_of("elman", strategy).loss_and_grad(params, x, y)[1]
    program = plan(derive(load("elman"), strategy), clip)
    module = load_module(emit(program), "elman")
    grads = module.loss_and_grad(params, x, y)[1]
    norm = np.sqrt(sum(np.sum(plain[k] ** 2) for k in params))
    for name, array in plain.items():
        expected = array
        if name in params and clip.by == "value":
            expected = np.clip(array, -clip.limit, clip.limit)
        elif name in params:
            expected = array * min(1, clip.limit / norm)
        np.testing.assert_allclose(grads[name], expected, rtol=1e-12)
    assert norm > clip.limit and "clipped" in module.loss_and_grad.__doc__
    assert check(program).ok
    wrong_source = emit(program).replace("LIMIT =", "LIMIT = 2 *")
    assert not check(program, wrong_source).ok
