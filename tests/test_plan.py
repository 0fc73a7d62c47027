"""What the planner must have done: few loop instructions, one product per weight, sound sharing."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from symbptt.check import data, load_module, settings
from symbptt.derive import derive
from symbptt.emit import emit
from symbptt.errors import UnsupportedError
from symbptt.parse import load, model
from symbptt.plan import Loop, Program, plan
from symbptt.plan.planner import _Planner
from symbptt.plan.report import passes, report

MODELS = ("elman", "elman_batch", "elman_ce", "linear_mse", "rnnlm")
MORE = ("lstm", "gru", "lag2", "stacked", "last")


def loops(items: Any) -> list[Loop]:
    return [i for i in items if isinstance(i, Loop)]


@pytest.mark.parametrize("name", ["elman", "elman_batch", "rnnlm"])
def test_only_what_recurs_stays_in_the_loops(name: str, planned: Any) -> None:
    part = planned(name).train
    (forward,), (backward,) = loops(part.forward), loops(part.backward)
    assert [i.op for i in forward.body] == ["dot", "add", "tanh"]
    assert [i.op for i in backward.body] == ["multiply", "dot", "add"]
    assert not loops(part.gradients)


def test_each_weight_gradient_is_one_product(planned: Any) -> None:
    made = [i for i in planned("elman_batch").train.gradients if i.op == "dot"]
    assert [i.out.buffer for i in made] == ["dW_h", "dW_x", "dV", "dx"]


def test_one_hot_products_are_gathers_and_scatters(planned: Any) -> None:
    ops = [i.op for i, _ in planned("rnnlm").train.instructions()]
    assert ops.count("take") == 1
    assert ops.count("scatter") == 1
    assert planned("rnnlm").train.gradients[0].op == "fill"


def test_layers_have_loops_of_their_own(planned: Any) -> None:
    part = planned("stacked").train
    assert len(loops(part.forward)) == len(loops(part.backward)) == 2


def test_a_loss_at_the_end_reads_out_once(planned: Any) -> None:
    program = planned("last")
    assert not program.buffers["o"].timed
    assert program.buffers["h"].timed


def unshared(program: Program) -> Program:
    """The same program before any array took another's memory."""
    train, infer = _Planner(program.derivation), _Planner(program.derivation)
    part, inferred = train.train(), infer.infer()
    buffers = {**infer.b.buffers, **train.b.buffers}
    assert not any(b.shares for b in buffers.values())
    return replace(program, train=part, infer=inferred, buffers=buffers)


@pytest.mark.parametrize("name", (*MODELS, *MORE))
def test_shared_memory_changes_no_bit(name: str, planned: Any) -> None:
    program = planned(name)
    both = (program, unshared(program))
    assert any(b.shares for b in program.buffers.values())
    shared, separate = (load_module(emit(p), name) for p in both)
    for setting in settings(program.model):
        args = data(program.model, setting).cast(np.float64)
        loss, grads, _ = shared.loss_and_grad(*args)
        loss_2, grads_2, _ = separate.loss_and_grad(*args)
        assert loss == loss_2
        assert all(np.array_equal(grads[k], grads_2[k]) for k in grads)


def test_names_never_clash() -> None:
    text = """model nasty "names of the emitted code itself"
    size w, np, dtype, lambda
    input y[t] : w, np
    target x[t] : w, lambda
    state forward[t] : w, dtype
    param params : np, dtype
    param workspace : dtype, dtype
    param class : dtype, lambda
    param ones_w : lambda
    a_rows[t] = y[t] @ params + forward[t-1] @ workspace
    forward[t] = tanh(a_rows[t])
    forward_rows[t] = forward[t] @ class + ones_w
    l[t] = mean(squared_error(forward_rows[t], x[t]))
    loss = mean(l[t])
    """
    from symbptt.check import check

    assert check(plan(derive(model(text)))).ok


def test_a_value_that_is_computed_early_takes_no_variables_name() -> None:
    text = """size H
    input x[t] : H
    state h[t] : H
    param W : H, H
    h[t] = tanh(W @ h[t-1] + x[t])
    l[t] = sum(h[t]*h[t])
    loss = sum(l[t])
    """
    from symbptt.check import check

    assert check(plan(derive(model(text)))).ok


def test_a_function_without_a_body_has_no_code() -> None:
    with pytest.raises(UnsupportedError, match="has no body"):
        plan(derive(load("linear")))


def test_the_report_counts_what_each_pass_won() -> None:
    d = derive(load("rnnlm"))
    counts = {name: c for name, _, c in passes(d)}
    order = list(counts.values())
    for before, after in pairwise(order):
        for key in ("products", "flops", "loop_calls", "memory"):
            gap = getattr(before, key) - getattr(after, key)
            at = {s: 1000 if s.name == "T" else 50 for s in gap.free_symbols}
            assert gap.subs(at) >= 0
    assert str(counts["share"].loop_calls) == "6*T"
    assert "each weight gradient is one product" in report(d)
