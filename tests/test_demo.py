"""The demonstration: examples/char_model.py trains generated/rnnlm.py on English text.

Runs are a second or two long; what a full run reaches is for `make demo` to show.
"""

import importlib.util
import math
import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "examples" / "char_model.py"
RNNLM = ROOT / "generated" / "rnnlm.py"
ROW = re.compile(r" *(\d+\.\d) +([\d,]+) +(\d+\.\d{3}) +(\d+\.\d\d) +(\d+\.\d{3})")
LAST = re.compile(
    r"held-out loss (\d\.\d{3}), unigram entropy (\d\.\d{3}) nats: "
    r"ratio (\d\.\d{3}), (not )?below 0\.8"
)


@pytest.fixture(scope="module")
def demo():
    """The example as a module; the environment variable that it sets is put back."""
    spec = importlib.util.spec_from_file_location("char_model", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OMP_NUM_THREADS", "1")
        spec.loader.exec_module(module)
    return module


@pytest.fixture
def trainer(demo):
    text = np.tile(np.arange(7), 60)
    return demo.Trainer(demo.load(RNNLM), text, 7, 16, np.random.default_rng(0))


def run(*arguments):
    command = [sys.executable, SCRIPT, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120)


def test_a_short_run_learns_and_says_so():
    done = run(RNNLM, "--seconds", 2, "--hidden", 64)
    head, table, speed, sample, last = re.fullmatch(
        r"(.*?)\n\nseconds .*?\n(.*?)\n\n(.*?)\n\na sample .*?:\n\n(.*)\n\n(.*?)\n",
        done.stdout,
        re.S,
    ).groups()
    assert re.search(r"^text: [\d,]{7} characters .* held out$", head, re.M)
    assert re.search(r"^vocabulary: \d+ characters", head, re.M)
    entropy, bits = map(float, re.search(r"(\S+) nats, (\S+) bits", head).groups())
    assert bits == pytest.approx(entropy / math.log(2), abs=2e-3)
    assert re.fullmatch(r"[\d,]+ characters per second", speed) and len(sample) > 500

    rows = [ROW.fullmatch(line).groups() for line in table.splitlines()]
    losses = [float(row[2]) for row in rows]
    assert 2 <= len(rows) <= 7 and rows[0][:2] == ("0.0", "0")
    assert len({row[1] for row in rows}) == len(rows)
    assert losses[0] > entropy and losses[-1] < losses[0] - 0.5

    loss, told, ratio, missed = LAST.fullmatch(last).groups()
    assert (float(loss), float(told)) == (losses[-1], entropy)
    assert float(ratio) == pytest.approx(losses[-1] / entropy, abs=1e-3)
    assert done.returncode == (1 if missed else 0) and bool(missed) == (float(ratio) >= 0.8)
    assert done.stderr.splitlines()[-1] == "training: 100 %"


def test_a_run_that_learns_nothing_ends_with_status_1():
    done = run(RNNLM, "--seconds", 1e-6, "--hidden", 2)
    assert LAST.fullmatch(done.stdout.splitlines()[-1])[4] == "not "
    assert done.returncode == 1 and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments, told",
    [
        ([], "required: module"),
        (["no/such.py"], "symbptt generate rnnlm"),
        ([ROOT], "no Python file"),
        ([ROOT / "LICENSE"], "no Python file"),
        ([ROOT / "tests" / "__init__.py"], "not an emitted module"),
        ([ROOT / "generated" / "elman_batch.py"], "params has the keys"),
        ([RNNLM, "--seconds", 0], "--seconds above 0"),
        ([RNNLM, "--seconds", "nan"], "--seconds above 0"),
        ([RNNLM, "--seconds", "long"], "--seconds"),
        ([RNNLM, "--hidden", 0], "--hidden in 1.."),
        ([RNNLM, "--seed", -1], "--seed of 0 or more"),
    ],
)
def test_bad_arguments_are_answered(arguments, told):
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "text, entropy",
    [("aaaa", 0), ("abab", math.log(2)), ("abcd", math.log(4)), ("abac", 1.5 * math.log(2))],
)
def test_unigram_entropy(demo, text, entropy):
    indices, _ = demo.encode(text, 1)
    assert demo.unigram_entropy(indices) == pytest.approx(entropy)


def test_encode_folds_the_rare_into_the_last(demo):
    indices, letters = demo.encode("abacab!?", 2)
    assert letters == ["a", "b", demo.OTHER]
    assert indices.tolist() == [0, 1, 0, 2, 0, 1, 2, 2]


def test_no_long_paragraph_of_the_text_comes_twice(demo):
    paragraphs = [p for p in demo.read_text().split("\n\n") if p.strip()]
    assert len(paragraphs) == len(set(paragraphs)) > 1000


def test_clip_scales_all_alike_and_only_from_above(demo):
    g = [np.array([[3.0, 0.0]]), np.array([4.0])]
    demo.clip(g, 5.0)
    assert g[0].tolist() == [[3, 0]] and g[1].tolist() == [4]
    demo.clip(g, 2.5)
    assert g[0].tolist() == [[1.5, 0]] and g[1].tolist() == [2]


def test_rmsprop_moves_against_the_gradient_by_its_size(demo):
    theta, g, v, work = np.zeros(2), np.array([3.0, -3e-3]), np.zeros(2), np.empty(2)
    demo.rmsprop(theta, g, v, work, 0.1)
    np.testing.assert_allclose(v, 0.001 * g**2)
    np.testing.assert_allclose(theta, [-0.1 / math.sqrt(0.001), 0.1 / math.sqrt(0.001)], rtol=2e-4)


def test_the_state_is_handed_on_and_starts_again_with_each_pass(demo, trainer):
    given, inner = [], trainer.loss_and_grad

    def spy(params, x, y, state=None, *, workspace=None):
        given.append((int(x[0]), len(x), None if state is None else state["s"].copy()))
        return inner(params, x, y, state, workspace=workspace)

    trainer.loss_and_grad = spy
    ends = []
    for _ in range(9):  # the text holds 420 characters: 8 chunks of 50, then again
        trainer.step(0.0)
        ends.append(trainer.state["s"].copy())
    assert [x for x, _, _ in given] == [50 * i % 7 for i in range(8)] + [0]
    assert {length for _, length, _ in given} == {demo.CHUNK}
    assert [i for i, (_, _, state) in enumerate(given) if state is None] == [0, 8]
    for (_, _, state), end in zip(given[1:8], ends, strict=False):
        np.testing.assert_array_equal(state, end)


def test_steps_learn(trainer):
    held = np.tile(np.arange(7), 20)
    before = trainer.loss_on(held)
    for _ in range(60):
        trainer.step(2e-3)
    assert trainer.loss_on(held) < 0.5 * before
    assert {p.dtype for p in trainer.params.values()} == {np.dtype(np.float32)}


def test_a_step_allocates_no_array(demo):
    text = np.tile(np.arange(90), 10)
    trainer = demo.Trainer(demo.load(RNNLM), text, 90, 1024, np.random.default_rng(0))
    trainer.step(2e-3)
    tracemalloc.start()
    trainer.step(2e-3)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 150_000  # NumPy's own two buffers hold 8192 each; an array is 204,800 bytes


def test_a_sample_is_that_of_its_seed(trainer):
    a, b, c = (trainer.sample(40, 0, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert len(a) == 40 and a == b != c and set(a) <= set(range(7))
