"""Vanishing and exploding gradients: the Jacobians, their bound, the examples, the picture."""

import builtins
import importlib.util
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symbptt import derive, emit, load, plan
from symbptt import model as read
from symbptt.analyze import (
    analyze,
    counterexamples,
    draw,
    draw_pieces,
    pieces,
    scaled_identity,
    spread,
)
from symbptt.analyze.measure import product_norms, recurrent_weights
from symbptt.analyze.numbers import drawn, sequence
from symbptt.check import load_module
from symbptt.errors import SymbpttError
from tests.conftest import TEXTS
from tests.test_cli import run

SMALL = {"H": 5, "D": 3, "C": 4}


def elman_weights(sigma: float) -> dict[str, np.ndarray]:
    """W_hh of a given largest singular value."""
    rng = np.random.default_rng(3)
    shapes = {"W_hh": (5, 5), "W_xh": (5, 3), "b_h": (5,), "W_hy": (4, 5), "b_y": (4,)}
    weights = {name: rng.standard_normal(shape) for name, shape in shapes.items()}
    weights["W_hh"] *= sigma / np.linalg.norm(weights["W_hh"], 2)
    return weights


def test_the_norms_are_those_of_the_written_jacobian() -> None:
    """J_t = diag(1 − h_t²) W_hh, run by hand on the same sequence."""
    weights = elman_weights(1.7)
    a = analyze(load("elman"), weights, steps=6, seed=4)
    assert a.sizes == SMALL
    x, h, jacobians = np.random.default_rng(5).standard_normal((6, 3)), np.zeros(5), []
    for t in range(6):
        h = np.tanh(weights["W_hh"] @ h + weights["W_xh"] @ x[t] + weights["b_h"])
        jacobians.append(np.diag(1 - h**2) @ weights["W_hh"])
    whole = np.linalg.multi_dot(jacobians[::-1])
    assert a.mean[6] == pytest.approx(np.linalg.norm(whole, 2), rel=1e-10)
    assert a.largest[1] == pytest.approx(max(np.linalg.norm(j, 2) for j in jacobians), rel=1e-10)


def test_states_that_run_from_t_to_1_are_measured_that_way() -> None:
    """J_t = ∂g_t/∂g_{t+1} and dL/dg_k from the losses before k, run by hand from T to 1."""
    model, sizes, steps = load("bidirectional"), {"N": 1, "D": 3, "H": 2, "K": 4, "C": 5}, 6
    onward, back = (analyze(model, steps=steps, sizes=sizes, backward=way) for way in (False, True))
    assert (onward.states, back.states) == (("h",), ("g",))
    weights = drawn(model, sizes, 0, 1.0)
    x, y = sequence(model, sizes, steps, 0)
    g, jacobians = np.zeros((steps + 2, 1, 4)), []
    for t in range(steps, 0, -1):
        g[t] = np.tanh(x[t - 1] @ weights["W_xg"] + g[t + 1] @ weights["W_gg"] + weights["b_g"])
        jacobians.append(np.diag(1 - g[t, 0] ** 2) @ weights["W_gg"].T)
    whole = np.linalg.multi_dot(jacobians[::-1])
    assert back.mean[steps] == pytest.approx(np.linalg.norm(whole, 2), rel=1e-10)
    assert list(back.times) == [7, 6, 5, 4, 3, 2]
    module = load_module(emit(plan(derive(model))), "both")
    grads = module.loss_and_grad(weights, x, y)[1]
    assert back.gradients[0] == pytest.approx(np.linalg.norm(grads["g"]), rel=1e-10)
    grads = module.loss_and_grad(weights, x[:2], y[:2], {"h": np.zeros((1, 2)), "g": g[3]})[1]
    assert back.gradients[4] == pytest.approx(np.linalg.norm(grads["g"]), rel=1e-10)
    assert back.bound is not None and back.bound.weight == "W_gg"
    assert set(onward.weights) == {"W_hh"}


def test_masks_are_one() -> None:
    """A mask drawn as any number would weight a state by it."""
    sizes = {"N": 1, "D": 3, "H": 4, "C": 2}
    a = analyze(load("masked"), steps=4, sizes=sizes, seed=2)
    assert np.all(sequence(load("masked"), sizes, 4, 2)[0]["m"] == 1)
    assert np.all(a.largest <= a.products * (1 + 1e-9)) and a.products[1] <= a.sigma["U"]


def test_both_ways_are_printed() -> None:
    text = run("analyze", "bidirectional", "-T", "4").stdout
    assert "h, from 1 to T" in text and "g, from T to 1" in text and "k−t" in text
    found = json.loads(run("analyze", "bidirectional", "-T", "4", "--json").stdout)
    assert [a["reversed"] for a in found] == [False, True]


@pytest.mark.parametrize("name", [*TEXTS, "elman_batch", "rnnlm", "linear_mse"])
def test_no_norm_exceeds_its_bounds(name: str) -> None:
    model = read(TEXTS[name]) if name in TEXTS else load(name)
    sizes = {s: 4 for s in model.sizes if s != "N"}
    a = analyze(model, steps=5, sizes=sizes, gain=1.5)
    assert np.all(a.largest <= a.products * (1 + 1e-9))
    assert np.all(a.mean <= a.largest * (1 + 1e-12))
    if a.bound is not None:
        assert np.all(a.products <= a.bound.rate ** np.arange(6) * (1 + 1e-9))
    assert np.all(a.gradients > 0)
    assert a.weights.keys() <= set(recurrent_weights(model, a.states))


def test_which_models_have_the_bound() -> None:
    def bound(name: str) -> Any:
        model = read(TEXTS[name]) if name in TEXTS else load(name)
        return analyze(model, steps=2, sizes={s: 2 for s in model.sizes}).bound

    assert (bound("elman").weight, bound("elman").function) == ("W_hh", "tanh")
    assert (bound("linear_mse").weight, bound("linear_mse").slope) == ("W_hh", 1.0)
    assert bound("rnnlm").weight == "W"
    assert all(bound(name) is None for name in ("lstm", "gru", "lag2", "stacked"))


def test_a_small_norm_forces_vanishing() -> None:
    a = analyze(load("elman"), elman_weights(0.7), steps=12)
    assert a.bound is not None and a.bound.rate == pytest.approx(0.7)
    assert a.largest[-1] <= 0.7**12
    assert a.rate < 0.7


def test_the_gradient_along_time_is_that_of_the_whole_sequence() -> None:
    """‖dL/dh_0‖ is what the emitted code gives for the initial state."""
    weights = elman_weights(1.2)
    a = analyze(load("elman"), weights, steps=4, seed=1)
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((4, 3)), rng.standard_normal((4, 4))
    from generated.elman import loss_and_grad

    grads = loss_and_grad(weights, x, y)[1]
    assert a.gradients[0] == pytest.approx(np.linalg.norm(grads["h"]), rel=1e-12)


def test_products_are_taken_in_the_order_of_time() -> None:
    up, down = np.array([[0.0, 2], [0, 0]]), np.array([[0.0, 0], [3, 0]])
    _, largest, products = product_norms([up, up, down])
    assert largest.tolist() == [1, 3, 6, 0]
    assert products.tolist() == [1, 3, 6, 12]


def test_the_examples_say_what_their_numbers_say() -> None:
    small, saturated, non_normal, alternating = counterexamples()
    for distance, norm, bound in small.rows:
        w = np.linalg.matrix_power([[0.5, 0.25], [0, 0.5]], int(distance))
        assert float(norm) == pytest.approx(np.linalg.norm(w, 2), rel=0.01)
        assert float(norm) <= float(bound) * 1.01
    assert [float(r[1]) < float(r[2]) for r in saturated.rows] == [True] * len(saturated.rows)
    h = 0.5
    for _ in range(200):
        h = np.tanh(2 * h)
    assert float(saturated.rows[0][1]) == pytest.approx(2 * (1 - h * h), rel=0.01)
    for distance, norm, _ in non_normal.rows:
        w = np.linalg.matrix_power([[0.5, 8], [0, 0.5]], int(distance))
        assert float(norm) == pytest.approx(np.linalg.norm(w, 2), rel=0.01)
    assert [float(r[1]) for r in alternating.rows] == [2.0 ** int(r[0]) for r in alternating.rows]


def test_the_product_of_scaled_identities() -> None:
    assert scaled_identity().ok


@pytest.mark.parametrize(
    "change, message",
    [
        (lambda w: w.pop("b_h"), "has no b_h"),
        (lambda w: w.update(W_hh=np.zeros((5, 4))), "W_hh has shape (5, 4)"),
        (lambda w: w.update(b_h=np.zeros((5, 1))), "b_h has shape (5, 1)"),
    ],
)
def test_weights_that_do_not_fit(tmp_path: Path, change: Any, message: str) -> None:
    weights = elman_weights(1.0)
    change(weights)
    np.savez(tmp_path / "w.npz", **weights)
    result = run("analyze", "elman", "--weights", str(tmp_path / "w.npz"))
    assert result.exit_code == 2
    assert message in result.stderr


def test_weights_from_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **elman_weights(0.7))
    result = run("analyze", "elman", "-T", "5", "--weights", str(tmp_path / "w.npz"), "--json")
    data = json.loads(result.stdout)
    assert data["bound"]["rate"] == pytest.approx(0.7)
    assert len(data["norms"]["mean"]) == 6
    assert any("vanishes at every input" in line for line in data["findings"])


@pytest.mark.parametrize(
    "args",
    [
        ("elman", "--size", "Q=3"),
        ("elman", "--size", "H"),
        ("elman", "-T", "1"),
        ("generic",),
        ("elman", "--weights", "nowhere.npz"),
        ("elman", "--counterexamples"),
        ("elman", "-o", "plot.doc"),
    ],
)
def test_wrong_arguments_exit_2(args: tuple[str, ...]) -> None:
    result = run("analyze", *args)
    assert result.exit_code == 2
    assert result.stdout == ""


def test_the_tables_and_the_conditions_are_printed() -> None:
    text = run("analyze", "elman", "-T", "4", "--size", "H=4").stdout
    assert "σ_max(W_hh)·max|tanh'|" in text and "does not suffice for exploding" in text
    text = run("analyze", "--counterexamples").stdout
    assert text.count("‖∂h_t/∂h_k‖") == 3 and "holds: 3 of 3 statements" in text


def test_a_picture_says_what_it_takes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    a = analyze(load("elman"), steps=3, sizes=SMALL)
    found = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ModuleNotFoundError(name)
        return found(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SymbpttError, match="Matplotlib"):
        draw(a, tmp_path / "a.svg")


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="no Matplotlib")
@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_picture(tmp_path: Path, ending: str) -> None:
    draw(analyze(load("elman"), steps=3, sizes=SMALL), tmp_path / f"a.{ending}")
    assert (tmp_path / f"a.{ending}").stat().st_size > 5000


def test_the_pieces_of_a_sequence() -> None:
    divided = pieces(20, 6, Fraction(3, 4), 0)
    assert divided["chunks"] == [6, 6, 6, 2] and divided["full"] == [20]
    assert sum(divided["random cuts"]) == 20 and min(divided["random cuts"]) > 0
    many = [len(pieces(1000, 10, Fraction(9, 10), seed)["random cuts"]) for seed in range(20)]
    assert 95 < np.mean(many) < 107  # 999 places to cut, each with probability 1/10
    with pytest.raises(SymbpttError):
        pieces(5, 6, Fraction(1, 2), 0)


def test_the_scatter_of_a_randomly_cut_gradient() -> None:
    options: Any = {"steps": 8, "sizes": SMALL, "draws": 400}
    found = spread(load("elman"), Fraction(1, 2), **options)
    assert found["W_hh"].single > 0 and found["W_hy"].single == pytest.approx(0, abs=1e-12)
    assert found["W_hh"].mean < 5 * found["W_hh"].single / np.sqrt(400)
    assert spread(load("elman"), Fraction(1), **options)["W_hh"].single < 1e-12
    text = run("analyze", "elman", "-T", "10", "--random-cut", "0.8", "--size", "H=4").stdout
    assert "|────|────|" in text and "W_hh" in text
    assert run("analyze", "elman", "--random-cut", "7").exit_code == 2


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="no Matplotlib")
def test_the_picture_of_the_pieces(tmp_path: Path) -> None:
    draw_pieces(pieces(20, 6, Fraction(3, 4), 0), tmp_path / "a.svg")
    assert (tmp_path / "a.svg").stat().st_size > 3000
