"""What the planner must have done: few loop instructions, one product per weight, sound sharing."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import settings as settings_
from hypothesis import strategies as st

from symbptt import matrix as mx
from symbptt.check import check, data, load_module, settings
from symbptt.derive import derive
from symbptt.emit import emit
from symbptt.errors import UnsupportedError
from symbptt.parse import load, model
from symbptt.plan import Instruction, Loop, Program, plan
from symbptt.plan.planner import drafted
from symbptt.plan.report import Counts, passes, report
from symbptt.prove import prove
from symbptt.strategy import Blocks, Checkpoint, Online, Strategy, window
from tests.faults import BATCH, VECTOR

MODELS = ("elman", "elman_batch", "elman_ce", "linear_mse", "rnnlm")
MORE = ("gates", "reset", "lag2", "stacked", "last")


@st.composite
def steps(draw: Any) -> str:
    """A small model: a vector or a batch of rows, one state, a readout or none."""
    rows = draw(st.booleans())
    leaves = ["h[t-1]", "x[t]", "b"]
    product = "({} @ W)" if rows else "(W @ {})"
    shapes = [product, "tanh({})", "sigmoid({})", "(1 - {})", "(2 * {})", "softmax({})", "sin({})"]

    def grow(depth: int) -> str:
        if not depth:
            return draw(st.sampled_from(leaves))
        if draw(st.booleans()):
            return draw(st.sampled_from(shapes)).format(grow(depth - 1))
        return f"({grow(depth - 1)} {draw(st.sampled_from('+-*'))} {grow(depth - 1)})"

    lines = [f"p[t] = {grow(2)}"] if draw(st.booleans()) else []
    leaves += ["p[t]"] * len(lines)
    lines.append(f"h[t] = tanh({grow(2)} + {product.format('h[t-1]')})")
    out = draw(st.sampled_from(["h[t]", product.format("h[t]"), "(h[t] * b)"]))
    lines.append(f"o[t] = {out}")
    loss = draw(st.sampled_from(["squared_error", "cross_entropy"])) + "(o[t], y[t])"
    lines.append(f"l[t] = sum({loss})" if rows else f"l[t] = {loss}")
    over = draw(st.sampled_from(["sum(l[t])", "mean(l[t])", "l[T]"]))
    head = BATCH if rows else VECTOR + "param b : H\n"
    return "\n".join([head + lines[0], *lines[1:], f"loss = {over}", ""])


def loops(items: Any) -> list[Loop]:
    return [i for i in items if isinstance(i, Loop)]


@pytest.mark.parametrize("name", ["elman", "elman_batch", "rnnlm"])
def test_only_what_recurs_stays_in_the_loops(name: str, planned: Any) -> None:
    part = planned(name).train
    (forward,), (backward,) = loops(part.forward), loops(part.backward)
    assert [i.op for i in forward.body] == ["dot", "add", "tanh"]
    slope = ["multiply", "subtract"] if name == "elman_batch" else []  # of rows, in the cache
    assert [i.op for i in backward.body] == [*slope, "multiply", "dot", "add"]
    assert not loops(part.gradients)


def test_two_arrays_of_states_are_enough(planned: Any) -> None:
    """h and dL/dh hold a row per step; what h is made of and da stand in them."""
    buffers = planned("elman_batch").buffers
    assert (buffers["a"].shares, buffers["da"].shares) == ("h", "dh")
    held = [b for b in buffers.values() if b.timed and not b.shares and "H" in map(str, b.shape)]
    assert [b.name for b in held] == ["h", "dh"]


def test_packed_gates_go_through_one_tanh_in_columns(planned: Any) -> None:
    program = planned("lstm")
    (forward,) = loops(program.train.forward)
    assert [i.op for i in forward.body[:4]] == ["dot", "add", "add", "tanh"]  # h U, the bias
    assert sum(i.op == "tanh" for i in forward.body) == 2  # the gates, and tanh(c)
    assert all(i.op != "sigmoid" for i in forward.body)
    for gate in "ifgo":
        part = program.buffers[gate].part
        assert part is not None and part[0] == "a" and program.buffers[gate].turned
    assert program.buffers["da_out"].shares == "a"


def test_what_a_turned_loop_holds_is_returned_in_rows(planned: Any) -> None:
    program = planned("lstm")
    assert program.buffers["h"].turned
    assert not program.buffers["h_out"].turned and program.buffers["h_out"].copies == "h"


@pytest.mark.parametrize(
    ("name", "carried"), [("lstm", ["dc"]), ("lstm_peephole", ["dc"]), ("encoder", ["dh"])]
)
def test_an_error_that_only_goes_on_is_one_array(
    name: str, carried: list[str], planned: Any
) -> None:
    program = planned(name)
    assert [n for n, b in program.buffers.items() if b.role == "carried"] == carried
    assert not program.buffers[carried[0]].timed
    (backward,) = loops(program.train.backward)
    assert any(i.out.buffer == carried[0] and i.op != "add" for i in backward.body)


def test_an_error_with_a_loss_at_every_step_has_a_row_for_each(planned: Any) -> None:
    assert planned("elman").buffers["dh"].padded


def test_each_weight_gradient_is_one_product(planned: Any) -> None:
    made = [i for i in planned("elman_batch").train.gradients if i.op == "dot"]
    assert [i.out.buffer for i in made] == ["dW_h", "dW_x", "dV", "dx"]


def test_one_hot_products_are_gathers_and_scatters(planned: Any) -> None:
    ops = [i.op for i, _ in planned("rnnlm").train.instructions()]
    assert ops.count("take") == 1
    first = [i.op for i in planned("rnnlm").train.gradients[:3]]
    assert first == ["locate_columns", "fill", "scatter_flat"]


def test_layers_have_loops_of_their_own(planned: Any) -> None:
    part = planned("stacked").train
    assert len(loops(part.forward)) == len(loops(part.backward)) == 2


SPLIT = {
    "rows": BATCH.replace("size N", "size D, N")
    .replace("x[t] : N, H", "x[t] : N, D")
    .replace("W : H, H", "W : H + D, H")
    + "h[t] = tanh([h[t-1], x[t]] @ W + b)\nl[t] = sum(squared_error(h[t], y[t]))",
    "columns": VECTOR.replace("size H", "size D, H")
    .replace("x[t] : H", "x[t] : D")
    .replace("W : H, H", "W : H, D + H")
    + "h[t] = tanh(W @ [x[t], h[t-1]])\nl[t] = squared_error(h[t], y[t])",
    "both blocks in the loop": VECTOR.replace("param W : H, H", "param W : H, 2*H")
    + "state c[t] : H\nc[t] = tanh(W @ [h[t-1], c[t-1]])\nh[t] = x[t] * c[t] + h[t-1]\n"
    "l[t] = squared_error(h[t], y[t])",
}


@pytest.mark.parametrize("case", SPLIT)
def test_a_concatenation_is_not_copied_at_every_step(case: str) -> None:
    """What does not recur in it is one product before the loop."""
    program = plan(derive(model(SPLIT[case] + "\nloss = sum(l[t])\n")))
    (forward,) = loops(program.train.forward)
    mixed = case != "both blocks in the loop"
    assert any(i.op == "copy" for i in forward.body) is not mixed
    assert sum(i.op == "dot" for i in forward.body) == 1
    verdict = check(program)
    assert verdict.ok, verdict.failed


@pytest.mark.parametrize("strategy", [None, Blocks(1, 3), Checkpoint()], ids=str)
def test_a_name_for_a_block_is_not_copied(strategy: Strategy | None) -> None:
    """The code is that of the blocks without names, and every equation has its line."""
    text = load("lstm_cs231n").source
    for n, gate in enumerate("ifog"):
        cut = f"a[t][:, {f'{n}*H' if n > 1 else 'H' * n or 0}:{f'{n + 1}*H' if n else 'H'}]"
        assert cut in text
        text = text.replace(cut, f"{gate}_in[t]")
    at = text.index("i[t] =")
    text = text[:at] + "i_in[t], f_in[t], o_in[t], g_in[t] = split(a[t], 4)\n" + text[at:]
    named, plain = (plan(derive(m, strategy)) for m in (model(text), load("lstm_cs231n")))
    for part in ("forward", "backward", "gradients"):
        ours, theirs = (getattr(p.train, part) for p in (named, plain))
        assert [_ops(x) for x in ours] == [_ops(x) for x in theirs]
    labels = {x for i, _ in named.train.instructions() for x in i.labels}
    assert {e.label for e in named.derivation.group("adjoint").equations} <= labels
    assert {e.label for e in named.derivation.group("forward").equations[:9]} <= labels
    assert check(named).ok


@pytest.mark.parametrize("strategy", [window(3), Checkpoint(), Online()], ids=str)
def test_the_gates_of_a_strategy_are_packed(strategy: Strategy) -> None:
    """The four gates of a vector are one product and one tanh, whatever becomes of the errors."""
    program = plan(derive(load("lstm_column"), strategy))
    plain = plan(derive(load("lstm_column"), strategy), upto="nothing")
    assert any(b.part for b in program.buffers.values()) and check(program).ok
    counts = [
        [sum(i.op in ops for i in loops(p.train.forward)[0].body) for p in (program, plain)]
        for ops in (("dot",), ("tanh", "sigmoid"))
    ]
    assert counts[1] == [2, 5]
    assert counts[0][0] <= counts[0][1]


def _ops(item: Any) -> list[str]:
    return [i.op for i in (item.body if isinstance(item, Loop) else (item,))]


@pytest.mark.parametrize(
    ("name", "stacks"), [("lstm_peephole", 2), ("lstm_column", 1), ("gru_chung", 2)]
)
def test_gates_with_weights_of_their_own_are_one_product(
    name: str, stacks: int, planned: Any
) -> None:
    """One product with h[t-1] forward and one with all errors backward; one GEMM per input."""
    part, d = planned(name).train, planned(name).derivation
    reset = name == "gru_chung"  # r * h[t-1] has a product of its own
    for items in (part.forward, part.backward):
        (loop,) = loops(items)
        assert sum(i.op == "dot" for i in loop.body) == 1 + reset
    inputs = [i for i in part.forward if isinstance(i, Instruction) and i.op in ("dot", "matmul")]
    assert len(inputs) == 2  # of x and, for the readout, of h
    weights = {planned(name).buffers[f"d{w.name}"].part for w in d.model.params if len(w.shape) > 1}
    assert len({p[0] for p in weights if p}) == stacks


def test_a_reset_after_the_product_has_its_halves_folded(planned: Any) -> None:
    program = planned("gru_pytorch")
    (forward,) = loops(program.train.forward)
    assert [i.op for i in forward.body].count("tanh") == 2  # r and z together, and n after them
    assert all(i.op not in ("sigmoid", "copy") for i in forward.body[:-1])
    assert all(program.buffers[g].part[0] == "gi" for g in "rzn")  # type: ignore[index]


def test_a_value_that_only_one_part_keeps_for_every_step() -> None:
    """sin(h[t-1]) has a row per step for the gradient, and none in `forward`."""
    step = "h[t] = tanh((sin(h[t-1]) @ W) + (h[t-1] @ W))\nl[t] = sum(squared_error(h[t], y[t]))"
    verdict = check(plan(derive(model(BATCH + step + "\nloss = sum(l[t])\n"))))
    assert verdict.ok, verdict.failed


def test_a_loss_at_the_end_reads_out_once(planned: Any) -> None:
    program = planned("last")
    assert not program.buffers["o"].timed
    assert program.buffers["h"].timed


def unshared(program: Program) -> Program:
    """The same program before any array took another's memory."""
    before = drafted(program.derivation)
    assert not any(b.shares for b in before.buffers.values())
    return before


def assert_sharing_is_sound(program: Program) -> None:
    """Bit for bit the same with and without shared memory, at every setting of the check."""
    shared, separate = (load_module(emit(p), "m") for p in (program, unshared(program)))
    for setting in settings(program.model):
        args = data(program.model, setting).cast(np.float64)
        for run in ("loss_and_grad", "forward"):
            given = args if run == "loss_and_grad" else (args[0], args[1], args[3])
            (one, two) = (getattr(m, run)(*given) for m in (shared, separate))
            assert all(map(alike, one, two))


def alike(a: Any, b: Any) -> bool:
    if isinstance(a, dict):
        return set(a) == set(b) and all(np.array_equal(a[k], b[k]) for k in a)
    return bool(a == b)


@pytest.mark.parametrize("name", (*MODELS, *MORE))
def test_shared_memory_changes_no_bit(name: str, planned: Any) -> None:
    program = planned(name)
    assert any(b.shares for b in program.buffers.values())
    assert_sharing_is_sound(program)


@settings_(max_examples=120, deadline=None, derandomize=True)
@given(steps())
def test_the_plan_of_any_small_model_is_right(source: str) -> None:
    assert_planned_right(source)


@pytest.mark.slow
@settings_(max_examples=500, deadline=None, derandomize=True)
@given(steps())
def test_the_plan_of_many_small_models_is_right(source: str) -> None:
    assert_planned_right(source)


def assert_planned_right(source: str) -> None:
    program = plan(derive(model(source)))
    assert_sharing_is_sound(program)
    verdict = check(program)
    assert all(s.ok for s in verdict.steps if s.stage == "contract"), verdict.failed
    assert not [s for s in verdict.failed if "float64: 1.0e-0" in s.detail]


# Each of these was once computed wrongly, or refused.
AWKWARD = {
    "an adjoint that is zero": "h[t] = step(W @ h[t-1] + x[t]) * x[t]",
    "a value that does not change": "p[t] = b * b ; h[t] = tanh(W @ p[t] + h[t-1] + x[t])",
    "a product that does not change": "h[t] = tanh(W @ softplus(b) + h[t-1] + x[t])",
    "a number times a state": "h[t] = tanh(h[t-1] * sum(b) + x[t])",
    "a value under two names": "p[t] = W @ x[t] ; h[t] = tanh(W @ x[t] * p[t] + h[t-1])",
    "a state under another name": "p[t] = h[t-1] ; h[t] = tanh(W @ p[t] + x[t])",
    "a state that does not recur": "h[t] = tanh(W @ x[t]) ; q[t] = h[t] + h[t-1] + h[t-2]",
    "a loss that looks back": "h[t] = tanh(W @ h[t-1] + x[t]) ; k[t] = sum(h[t] * h[t-1])",
}


@pytest.mark.parametrize("over", ["sum(l[t])", "l[T]"])
@pytest.mark.parametrize("case", AWKWARD)
def test_awkward_models(case: str, over: str) -> None:
    lines = AWKWARD[case].replace(" ; ", "\n")
    out = "q" if "q[t]" in lines else "h"
    more = " + sum(h[t] * h[t-1])" if "k[t]" in lines else ""
    head = VECTOR + "param b : H\n"
    source = f"{head}{lines}\nl[t] = squared_error({out}[t], y[t]){more}\nloss = {over}\n"
    d = derive(model(source))
    assert prove(d).ok
    assert check(plan(d)).ok


NASTY = """w np T_ forward backward params lambda class h_T x_rows ones_C state_ workspace grads
zip list self sizes dtype h_prev h_t h_0 dh dh_0 W_T h_all o_flat row_starts _ __init__ _Buffers
loss_and_grad outputs ñ Ж max_o slope_h sum_exp""".split()


@pytest.mark.parametrize("first", range(0, len(NASTY), 3))
def test_names_never_clash(first: int) -> None:
    """Sizes, arguments, states, values and parameters, named after what the module uses."""
    names = [NASTY[(first + 5 * n) % len(NASTY)] for n in range(8)]
    x, y, h, a, o, w, u, size = dict.fromkeys(names)
    source = f"""size N, D, {size}
    input {x}[t] : N, D
    target {y}[t] : N in C
    state {h}[t] : N, {size}
    param {w} : D, {size}
    param {u} : {size}, {size}
    param V : {size}, C
    {a}[t] = {x}[t] @ {w} + {h}[t-1] @ {u}
    {h}[t] = tanh({a}[t])
    {o}[t] = {h}[t] @ V
    l[t] = sum(cross_entropy({o}[t], {y}[t]))
    loss = sum(l[t])
    """.replace(f"D, {size}\n", f"D, C, {size}\n", 1)
    verdict = check(plan(derive(model(source))))
    assert verdict.ok, verdict.failed


def test_a_function_without_a_body_has_no_code() -> None:
    with pytest.raises(UnsupportedError, match="has no body"):
        plan(derive(load("linear")))


def by_pass(strategy: Strategy) -> dict[str, Counts]:
    return {name: counts for name, _, counts in passes(derive(load("elman"), strategy))}


def test_the_report_of_a_window_counts_the_naive_loop_and_ours() -> None:
    """T losses, each K − 1 Jacobians and K terms of three gradients back, against K products."""
    H = mx.size("H")
    found = by_pass(window(20))
    assert {"pack", "gates"} < set(found)
    alone, together = found["hoist"], found["together"]
    assert sympy.expand(alone.products - together.products - 77 * mx.T + 20) == 0
    assert sympy.expand(together.flops).coeff(H, 2).coeff(mx.T) == 2 + 2 * 20 + 2
    assert found["stack"].products.coeff(mx.T) == 1  # the forward recursion alone
    assert sympy.expand(by_pass(Blocks(10, 20))["share"].flops).coeff(H, 2).coeff(mx.T) == 2 + 4 + 2


def test_the_report_of_checkpoints_and_of_online_code() -> None:
    found, online = by_pass(Checkpoint()), by_pass(Online())["online"]
    kept = sympy.expand(found["checkpoint"].memory).coeff(mx.T)
    assert kept == 4 * mx.size("D")  # the gradient of the input, which is asked for
    whole, H = found["gates"].flops, mx.size("H")
    assert sympy.expand(found["checkpoint"].flops - whole).coeff(H, 2) == 2 * mx.T
    assert not online.memory.has(mx.T) and sympy.expand(online.flops).coeff(H, 4) == 2 * mx.T
    text = report(derive(load("elman"), Checkpoint()))
    assert "8·√T + 3·T" in text and "checkpoints between √T segments" in text


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
