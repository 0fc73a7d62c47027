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
