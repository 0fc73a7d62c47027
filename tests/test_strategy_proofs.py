"""What a strategy prints and proves, and how the command line asks for it."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import pytest

from symbptt import derive, load, prove
from symbptt import matrix as mx
from symbptt import model as read
from symbptt.errors import SymbpttError
from symbptt.model import Derivation
from symbptt.parse import zoo
from symbptt.prove.segments import segments
from symbptt.prove.stopped import stopped
from symbptt.strategy import Blocks, Checkpoint, RandomCut, Strategy, chunk, window
from tests.conftest import TEXTS
from tests.faults import planted
from tests.test_cli import run
from tests.test_strategy import BOTH_WAYS, TWO_LAYERS, model_of

CUTS = [window(3), chunk(3), Blocks(2, 5), RandomCut(Fraction(1, 2))]


@pytest.mark.parametrize("strategy", CUTS, ids=str)
@pytest.mark.parametrize("name", ["elman", "lag2", "generic"])
def test_a_cut_gradient_is_proved(name: str, strategy: Strategy) -> None:
    verdict = prove(derive(model_of(name), strategy))
    assert verdict.ok, verdict.failed


@pytest.mark.parametrize("strategy", CUTS, ids=str)
def test_a_cut_gradient_of_both_ways_is_proved(strategy: Strategy) -> None:
    verdict = prove(derive(read(BOTH_WAYS), strategy))
    assert verdict.ok, verdict.failed


@pytest.mark.slow
@pytest.mark.parametrize("strategy", CUTS, ids=str)
@pytest.mark.parametrize("name", [n for n in (*zoo(), *TEXTS) if n != "mlp2"])
def test_every_cut_gradient_is_proved(name: str, strategy: Strategy) -> None:
    verdict = prove(derive(model_of(name), strategy))
    assert verdict.ok, verdict.failed


def wrong(d: Derivation, label: str, rhs: mx.Node) -> Derivation:
    return planted(d, {label: rhs})


@pytest.mark.parametrize("strategy", [window(3), Blocks(2, 3)], ids=str)
@pytest.mark.parametrize("text", ["elman", BOTH_WAYS], ids=["one way", "both ways"])
def test_the_stop_gradient_road_alone_finds_a_wrong_recursion(
    text: str, strategy: Strategy
) -> None:
    """Each in turn with a sign turned, and with a neighbour's adjoint taken from too near."""
    d = derive(read(text) if "\n" in text else load(text), strategy)
    assert all(s.ok for s in stopped(d))
    for e in d.group("cut").equations:
        for rhs in (mx.times(-1, e.rhs), e.rhs.xreplace({mx.t + 1: mx.t, mx.t - 1: mx.t})):
            if rhs != e.rhs:
                found = stopped(wrong(d, e.label, rhs))
                assert e.label in {s.label for s in found if not s.ok}
    for e in d.gradient.values():
        found = stopped(wrong(d, e.label, mx.times(2, e.rhs)))
        assert e.label in {s.label for s in found if not s.ok}


@pytest.mark.parametrize("strategy", [window(3), chunk(3), Blocks(2, 5)], ids=str)
@pytest.mark.parametrize("move", [-1, 1])
def test_a_boundary_on_the_wrong_side_is_refuted(
    strategy: Blocks, move: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """K off by one, either way in time: the counted steps and the unrolled network object."""
    d, first, last = derive(read(BOTH_WAYS), strategy), Blocks.first, Blocks.last
    moved = (
        ("first", lambda self, t: max(1, min(t, first(self, t) + move))),
        ("last", lambda self, t, steps: min(steps, max(t, last(self, t, steps) + move))),
    )
    for name, function in moved:
        with monkeypatch.context() as patch:
            patch.setattr(Blocks, name, function)
            failed = [s for s in stopped(d) if not s.ok]
        assert any(s.label for s in failed) and any(not s.label for s in failed)


@pytest.mark.parametrize("strategy", [window(3), chunk(2)], ids=str)
def test_a_wrong_printed_cut_is_refuted_by_label(strategy: Strategy) -> None:
    d = derive(load("elman"), strategy)
    f = mx.time_symbol("f_t")
    for key, change in (
        ("kept", {f: f + 1}),
        ("bias", {f: f + 1}),
        ("cut", {mx.t + 1: mx.t + 2}),
    ):
        for e in d.group(key).equations:
            rhs = e.rhs.xreplace(change)
            if rhs != e.rhs:
                assert e.label in {s.label for s in prove(wrong(d, e.label, rhs)).failed}
    for e in d.group("cut").equations:
        twice = mx.times(2, e.rhs)
        assert e.label in {s.label for s in prove(wrong(d, e.label, twice)).failed}


@pytest.mark.parametrize("power", [0, 2])
def test_a_factor_that_is_missing_or_there_twice_is_refuted(power: int) -> None:
    d = derive(load("elman"), RandomCut(Fraction(1, 2)))
    assert d.model.cut is not None
    named = [e for e in d if any(v.name == d.model.cut.name for v in mx.variables(e.rhs))]
    assert {g.key for g in d.groups for e in g.equations if e in named} == {"adjoint", "kept"}
    for e in named:
        factors = [v for v in mx.variables(e.rhs) if v.name == d.model.cut.name]
        rhs = e.rhs.xreplace({v: mx.power(v, power) if power else mx.Scalar(1) for v in factors})
        assert e.label in {s.label for s in prove(wrong(d, e.label, rhs)).failed}


def test_models_without_such_a_gradient_say_so() -> None:
    head = "model still\nsize D\ninput x[t] : D\ntarget y[t] : D\nparam W : D, D\n"
    step = "o[t] = W @ x[t]\nl[t] = squared_error(o[t], y[t])\nloss = sum(l[t])\n"
    still = read(head + step)
    with pytest.raises(SymbpttError, match="no gradient to cut"):
        derive(still, window(2))


SEGMENTED = [
    *("elman", "lag2", "last", "linear_mse", "generic", "reset", "both", "layers", "encoder"),
    *("bidirectional", "lstm"),
]
WAYS = {"both": BOTH_WAYS, "layers": TWO_LAYERS}


def checkpointed(name: str) -> Derivation:
    return derive(read(WAYS[name]) if name in WAYS else model_of(name), Checkpoint())


@pytest.mark.parametrize("name", SEGMENTED)
def test_the_adjoint_of_a_segment_is_proved(name: str) -> None:
    """And not where the segment is a step too long, or what comes after it is missing."""
    d = checkpointed(name)
    assert d.segments is not None
    n, m = d.segments.last, d.segments.first
    verdict = prove(d)
    assert verdict.ok and "segments" in {s.stage for s in verdict.steps}
    for e in d.group("segments").equations:
        beyond = {n: n + 1, m: m - 1}
        for rhs in (e.rhs.xreplace(beyond), e.rhs.args[0], mx.times(2, e.rhs)):
            (step,) = [s for s in segments(wrong(d, e.label, rhs)) if not s.ok]
            assert step.label == e.label and not step.undecided and "counterexample" in step.detail


@pytest.mark.parametrize("name", ["elman", "lag2", "both", "layers"])
def test_a_wrong_sweep_is_refuted(name: str) -> None:
    """One that goes the other way, comes too early, or does not carry a state or an adjoint."""
    d = checkpointed(name)
    assert d.segments is not None
    sweeps = d.segments.sweeps
    faults = [sweeps[::-1], *(sweeps[:k] + sweeps[k + 1 :] for k in range(len(sweeps)))]
    for k, w in enumerate(sweeps):
        faults.append((*sweeps[:k], replace(w, backward=not w.backward), *sweeps[k + 1 :]))
        for x in w.carried:
            less = tuple(y for y in w.carried if y != x)
            faults.append((*sweeps[:k], replace(w, carried=less), *sweeps[k + 1 :]))
            early = replace(sweeps[0], carried=(*sweeps[0].carried, x))
            if k:
                faults.append((early, *sweeps[1:k], replace(w, carried=less), *sweeps[k + 1 :]))
    for fault in faults:
        planned = replace(d, segments=replace(d.segments, sweeps=fault))
        assert any(not s.ok for s in segments(planned)), fault


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (("derive", "elman", "--truncate", "3"), "which is 2 Jacobians"),
        (("derive", "elman", "--truncate", "3"), "n = 2 is this window"),
        (("derive", "bidirectional", "--truncate", "3"), "n_s = min(T, s + 2), by the same blocks"),
        (("derive", "elman", "--checkpoint"), "H numbers √T times"),
        (("derive", "bidirectional", "--checkpoint"), "3 times, a_g_t, g_t, o_t,"),
        (("generate", "elman", "--truncate", "20", "--report"), "82·T + 3 → 5·T + 23"),
        (("derive", "elman", "--truncate", "2,5"), "5 steps back from the end of its block of 2"),
        (("derive", "elman", "--chunk", "4"), "t − 1 is a multiple of 4"),
        (("derive", "elman", "--random-cut", "0.9"), "Var S_t"),
        (("derive", "elman", "--online"), "T n² q = D·H³·T + H⁴·T + H³·T multiplications"),
        (("generate", "elman", "--online"), "def step("),
        (("prove", "elman", "--truncate", "3"), "K ≥ T"),
        (("generate", "elman", "--truncate", "2,5"), "by `symbptt prove elman --truncate 2,5`"),
        (("prove", "elman", "--random-cut", "1/2"), "E ξ_t = α · 1/α"),
        (("generate", "elman", "--chunk", "4"), "`symbptt generate elman --chunk 4`"),
        (
            ("generate", "elman", "--checkpoint", "--clip", "norm", "5"),
            "--checkpoint --clip norm 5",
        ),
        (("check", "elman", "--truncate", "2,3"), "a pass every 2 steps, 3 steps back"),
    ],
)
def test_the_options(args: tuple[str, ...], words: str) -> None:
    result = run(*args)
    assert result.exit_code == 0
    assert words in " ".join(result.stdout.split())


@pytest.mark.parametrize(
    "args",
    [
        ("--truncate", "0"),
        ("--truncate", "x"),
        ("--truncate", "3,2"),
        ("--chunk", "0"),
        ("--random-cut", "2"),
        ("--random-cut", "half"),
        ("--chunk", "3", "--truncate", "3"),
    ],
)
def test_wrong_options_exit_2(args: tuple[str, ...]) -> None:
    for verb in ("derive", "prove", "generate", "check"):
        result = run(verb, "elman", *args)
        assert result.exit_code == 2
        assert result.stdout == ""


def test_the_benchmark_shows_each_row_as_soon_as_it_is_there() -> None:
    from benchmarks.strategies import Row, table

    def rows() -> Iterator[tuple[Row, dict[str, Any]]]:
        yield Row("full gradient", (), 10), {"seconds": 0.5, "peak": 30.0}
        yield Row("checkpoints", ("--checkpoint",), 10), {"seconds": 0.75, "peak": 20.0}
        raise RuntimeError("the next row is not measured yet")

    lines = table(rows())
    assert next(lines).split()[-2:] == ["peak,", "MB"]
    assert next(lines).split() == ["full", "gradient", "10", "500", "1.00", "30"]
    assert next(lines).split() == ["checkpoints", "10", "750", "1.50", "20"]
