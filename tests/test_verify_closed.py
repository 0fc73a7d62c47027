"""Closed forms: what the prover says of them without the numbers, which would refute first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from symbptt.parse import model as parse
from symbptt.verify import surface as s
from symbptt.verify import verify
from symbptt.verify.judge.statement import Statement
from symbptt.verify.proof.prover import Prover
from symbptt.verify.read import formula

SAID = r"""d is total, ∂ holds all else fixed; Jacobians are in numerator layout.
The latest step stands on the left.

"""
SUM = r"\sum_{t=1}^{T} \sum_{k=1}^{t}"
PRODUCT = r"\prod_{j=k+1}^{t} \frac{\partial h_j}{\partial h_{j-1}}"
U, B = r"\frac{\partial l_t}{\partial h_t}", r"\frac{\partial h_k}{\partial W_h}"
DOUBLE = rf"\frac{{\mathrm{{d}}L}}{{\mathrm{{d}}W_h}} = {SUM} {U} \cdot {PRODUCT} \cdot {B}"
ADJOINT = (
    r"\frac{\mathrm{d}L}{\mathrm{d}h_t} = \sum_{s=t}^{T} \frac{\partial l_s}{\partial h_s}"
    r" \cdot \prod_{j=t+1}^{s} \frac{\partial h_j}{\partial h_{j-1}}"
)


@pytest.fixture(autouse=True)
def only_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """The road that keeps the Jacobians of a step, alone: others take long to come to no end."""
    monkeypatch.setattr(Prover, "_roads", lambda self, _: (self.whole,))


def proofs(right: str, other: str, model: str) -> tuple[bool, bool]:
    """Whether the prover proves the one line, and the other under the reading of the one."""
    report = verify(f"{SAID}$${right}$$", model=model)
    (line,) = report.lines
    judge, own = report.judged[line.claim.id]
    assert line.verdict == "proved" and own.reading is not None
    (claim,) = formula(other, "latex")
    assert isinstance(claim, s.Claim) and claim.right is not None
    sides = (judge.naming.settled(x) for x in (claim.left, claim.right))
    prover = Prover(judge.system, judge.naming)
    wrong = replace(own.reading, statement=Statement(*sides))
    return prover.prove(own.reading).ok, prover.prove(wrong).ok


@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        (DOUBLE, "j=k+1", "j=k"),
        (DOUBLE, "j=k+1", "j=k+2"),
        (DOUBLE, r"{j=k+1}^{t}", r"{j=k+1}^{t-1}"),
        (DOUBLE, "k=1", "k=2"),
        (DOUBLE, "k=1}^{t}", "k=1}^{T}"),
        (DOUBLE, r"\frac{\partial h_k}{\partial W_h}", r"\frac{\mathrm{d}h_k}{\mathrm{d}W_h}"),
        (DOUBLE, r"\partial l_t}{\partial h_t", r"\partial l_k}{\partial h_k"),
        (DOUBLE, r"\frac{\partial l_t}{\partial h_t}", r"\frac{\mathrm{d}L}{\mathrm{d}h_t}"),
        (ADJOINT, "j=t+1", "j=t"),
        (ADJOINT, "s=t", "s=1"),
        (ADJOINT, "s=t", "s=t+1"),
        (ADJOINT, r"\frac{\partial l_s}{\partial h_s}", r"\frac{\mathrm{d}L}{\mathrm{d}h_s}"),
    ],
)
def test_a_closed_form_of_a_gated_cell(line: str, before: str, after: str) -> None:
    assert before in line
    assert proofs(line, line.replace(before, after), "mgu") == (True, False)


BACK = (  # g runs from T to 1
    r"\frac{\mathrm{d}L}{\mathrm{d}g_t} = \sum_{s=1}^{t} \frac{\partial l_s}{\partial g_s}"
    r" \cdot \prod_{j=1}^{t-s} \frac{\partial g_{t-j}}{\partial g_{t-j+1}}"
)
BACK_DOUBLE = (
    r"\frac{\mathrm{d}L}{\mathrm{d}W_{xg}} = \sum_{t=1}^{T} \sum_{k=t}^{T}"
    r" \frac{\partial l_t}{\partial g_t} \cdot"
    r" \prod_{j=1}^{k-t} \frac{\partial g_{k-j}}{\partial g_{k-j+1}} \cdot"
    r" \frac{\partial g_k}{\partial W_{xg}}"
)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "before", "after"),
    [
        (BACK, "s=1}", "s=2}"),
        (BACK, "j=1}", "j=0}"),
        (BACK, "t-s}", "t-s-1}"),
        (BACK, r"\partial l_s}{\partial g_s", r"\partial l_s}{\partial g_t"),
        (BACK_DOUBLE, "k=t}", "k=1}"),
        (BACK_DOUBLE, "k-t}", "k-t-1}"),
        (BACK_DOUBLE, r"\partial g_k}{\partial W", r"\partial g_t}{\partial W"),
    ],
)
def test_a_closed_form_of_a_state_that_runs_back(line: str, before: str, after: str) -> None:
    assert before in line
    assert proofs(line, line.replace(before, after), "bidirectional") == (True, False)


@pytest.mark.parametrize(
    ("line", "right"),
    [
        (r"\frac{\mathrm{d}L}{\mathrm{d}a_{g,0}} = 0", True),
        (r"\frac{\mathrm{d}L}{\mathrm{d}a_{g,1}} = 0", False),
        (r"a_{g,t} = x_t W_{xg} + g_{t+1} W_{gg} + b_g", True),
        (r"a_{g,t} = x_t W_{xg} + g_{t-1} W_{gg} + b_g", False),
        (
            r"\frac{\mathrm{d}g_t}{\mathrm{d}W_{xg}} = \frac{\partial g_t}{\partial W_{xg}} +"
            r" \frac{\partial g_t}{\partial g_{t+1}}"
            r" \cdot \frac{\mathrm{d}g_{t+1}}{\mathrm{d}W_{xg}}",
            True,
        ),
        (
            r"\frac{\mathrm{d}g_t}{\mathrm{d}W_{xg}} = \frac{\partial g_t}{\partial W_{xg}} +"
            r" \frac{\partial g_{t+1}}{\partial g_t}"
            r" \cdot \frac{\mathrm{d}g_{t+1}}{\mathrm{d}W_{xg}}",
            False,
        ),
        (
            r"\frac{\mathrm{d}L}{\mathrm{d}W_{gg}} = \sum_{t=1}^{T}"
            r" \frac{\partial l_t}{\partial g_t} \cdot \frac{\mathrm{d}g_t}{\mathrm{d}W_{gg}}",
            True,
        ),
        (
            r"\frac{\mathrm{d}L}{\mathrm{d}W_{gg}} = \sum_{t=1}^{T-1}"
            r" \frac{\partial l_t}{\partial g_t} \cdot \frac{\mathrm{d}g_t}{\mathrm{d}W_{gg}}",
            False,
        ),
    ],
)
def test_a_state_that_runs_back(line: str, right: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()  # by every road
    forward = r"$$a_{g,t} = x_t W_{xg} + g_{t+1} W_{gg} + b_g$$"
    found = verify(f"{SAID}{forward}\n\n$${line}$$", model="bidirectional").lines[-1]
    assert (found.verdict in ("proved", "definition")) == right


LATE = """model late "the readout of a step reads the state before it as well"
size   D, H, C
input  x[t] : D
target y[t] : C
state  h[t] : H
param  W : H, H
param  U : H, D
param  V : C, H

h[t] = tanh(W @ h[t-1] + U @ x[t])
o[t] = V @ (h[t] + h[t-1])
l[t] = squared_error(o[t], y[t])
loss = sum(l[t])
"""


def test_a_loss_that_reads_the_state_before_is_not_closed_over_its_own_alone() -> None:
    (line,) = verify(f"{SAID}$${ADJOINT}$$", model=parse(LATE)).lines
    assert line.verdict != "proved"
    assert not proved_of(LATE, ADJOINT)


def proved_of(model: str, line: str) -> bool:
    """Whether the prover proves a line as it stands, ∂ being immediate."""
    report = verify(f"{SAID}$${line}$$", model=parse(model))
    judge, own = report.judged[report.lines[0].claim.id]
    prover = Prover(judge.system, judge.naming)
    tried = [r for b in judge.bases(own.statement) for r in judge.options.plain(own.statement, b)]
    return any(prover.prove(r).ok for r in tried)
