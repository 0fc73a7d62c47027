"""Every shipped model is proved; an empty verdict, a wrong claim and a gap are not."""

from dataclasses import replace
from typing import Any

import pytest

from symbptt import matrix as mx
from symbptt.derive import derive
from symbptt.model import LOSS, Verdict
from symbptt.parse import load, zoo
from symbptt.parse import model as read
from symbptt.prove import induction, lemma, prove, recursions, stages
from symbptt.prove.induction import Claim, J, P, adjoint, claims, k, matrix_power, t, u
from symbptt.prove.roads import Roads
from tests.conftest import TEXTS
from tests.faults import planted, variants


@pytest.mark.parametrize("name", zoo())
def test_every_shipped_model_is_proved(derived: Any, name: str) -> None:
    verdict = prove(derived(name))
    assert verdict.ok, [s for s in verdict.failed]
    labels = {e.label for e in derived(name)}
    assert labels <= {s.label for s in verdict.steps}  # every printed equation is spoken about


@pytest.mark.parametrize("name", TEXTS)
def test_several_states_and_lags_are_proved(derived: Any, name: str) -> None:
    d = derived(name)
    verdict = prove(d)
    assert verdict.ok, [s for s in verdict.failed]
    assert {e.label for e in d} <= {s.label for s in verdict.steps}
    assert d.group("closed").equations and d.group("sensitivity").equations


def test_states_that_read_each_other_are_stacked(derived: Any) -> None:
    (block,) = derived("lstm").blocks
    assert [v.name for v in block.parts] == ["c", "h"]
    assert block.var.shape == (2 * mx.size("N") * mx.size("H"),)
    (block,) = derived("lag2").blocks
    assert [v.time for v in block.parts] == [mx.t, mx.t - 1]
    (block,) = derived("gru").blocks
    assert not block.is_stacked


CROSSING = """size D, H, K
input x[t] : D
target y[t] : K
state h[t] : H
state g[t] : K reversed
param W : H, H
param R : K, K
param S : K, H
param U : H, D
h[t] = tanh(W @ h[t-1] + U @ x[t])
g[t] = tanh(S @ h[t] + R @ g[t+1])
l[t] = squared_error(g[t], y[t])
loss = sum(l[t])
"""


def test_the_two_ways_in_time_are_two_blocks_unless_one_reads_the_other() -> None:
    d = derive(load("bidirectional"))
    assert [(b.var.name, b.before - mx.t) for b in d.blocks] == [("h", -1), ("g", 1)]
    assert prove(d).ok
    crossed = derive(read(CROSSING))
    assert not crossed.blocks and crossed.group("sensitivity").equations
    assert prove(crossed).ok


@pytest.mark.parametrize("name", ["lstm", "lag2", "stacked"])
def test_a_block_without_one_of_its_parts_is_refuted(derived: Any, name: str) -> None:
    d = derived(name)
    (block,) = d.blocks
    size = block.var.shape[0] * (len(block.parts) - 1) / len(block.parts)
    for n in range(len(block.parts)):
        parts = block.parts[:n] + block.parts[n + 1 :]
        fewer = replace(block, var=mx.Var("s", (size,), (mx.t,)), parts=parts)
        steps = Roads(replace(d, blocks=(fewer,))).blocks()
        assert not all(s.ok for s in steps)


@pytest.mark.parametrize("key", ["jacobian", "sensitivity"])
@pytest.mark.parametrize("name", ["elman", "lstm", "lag2"])
def test_a_missing_equation_of_the_forward_road_is_missed(
    derived: Any, name: str, key: str
) -> None:
    right = derived(name)
    groups = tuple(
        replace(g, equations=g.equations[1:]) if g.key == key else g for g in right.groups
    )
    roads = Roads(replace(right, groups=groups))
    steps = roads.jacobians() if key == "jacobian" else roads.sensitivity()
    assert "it is missing" in {s.detail for s in steps}


def test_the_claims_of_one_step_stand_and_can_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(s.ok for s in induction.within_a_step())
    monkeypatch.setattr(induction, "solved", lambda x: x)  # N is any matrix
    assert not all(s.ok for s in induction.within_a_step())


def test_the_three_claims_stand_with_base_and_step() -> None:
    words = [s.claim for s in claims()]
    assert all(s.ok for s in claims())
    for claim in ("claim 1", "claim 2"):
        assert any(w.startswith(f"{claim}, base") for w in words)
        assert any(w.startswith(f"{claim}, step") for w in words)
    assert any(w.startswith("claim 3") for w in words)


def test_the_lemma_of_linear_recurrences() -> None:
    assert lemma().ok
    assert len(lemma().steps) == 3


@pytest.mark.parametrize(
    "claim",
    [
        Claim("the order of the product", J(t) @ P(t - 1, k), P(t - 1, k) @ J(t)),
        Claim("a step that forgets the loss", adjoint(t + 1) @ J(t + 1), adjoint(t)),
        Claim("a Jacobian of the wrong step", u(t) + adjoint(t + 1) @ J(t), adjoint(t)),
    ],
)
def test_a_wrong_claim_fails(claim: Claim) -> None:
    assert not claim.step("index notation").ok


def test_powers_of_a_constant_jacobian() -> None:
    assert all(s.ok for s in matrix_power())


def test_nothing_is_not_a_proof() -> None:
    assert not Verdict("nothing", "no steps", ()).ok


@pytest.mark.parametrize("key", ["local", "adjoint", "boundary", "gradient"])
def test_a_missing_equation_is_missed(key: str) -> None:
    right = derive(load("elman"))
    groups = tuple(
        replace(g, equations=g.equations[1:]) if g.key == key else g for g in right.groups
    )
    assert not prove(replace(right, groups=groups)).ok


def test_the_stages_are_named() -> None:
    names = [name for name, _ in stages(derive(load("elman_batch")))]
    assert names[-1] == "explicit unrolling"
    assert "induction over t" in names


@pytest.mark.parametrize("fault", ["t + 1 for t", "t - 1 for t", "dropped term"])
def test_a_reversed_recursion_read_the_wrong_way_is_refuted(derived: Any, fault: str) -> None:
    d = derived("bidirectional")
    e = d.adjoint["g"]
    for rhs in variants(e.rhs, fault):
        steps = [*recursions.adjoint(planted(d, {e.label: rhs}))]
        assert e.label in {s.label for s in steps if not s.ok}


def test_a_boundary_at_the_wrong_end_is_refuted(derived: Any) -> None:
    d = derived("bidirectional")
    (at_zero,) = [e for e in d.group("boundary").equations if e.lhs.wrt.time == 0]
    moved = replace(at_zero, lhs=mx.derivative(LOSS, at_zero.lhs.wrt.at(mx.T + 1), total=True))
    groups = tuple(
        replace(g, equations=tuple(moved if e is at_zero else e for e in g.equations))
        for g in d.groups
    )
    assert all(s.ok for s in recursions.adjoint(d))
    assert sum(not s.ok for s in recursions.adjoint(replace(d, groups=groups))) == 2
