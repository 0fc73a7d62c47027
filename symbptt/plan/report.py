"""What each pass of the planner won, counted on the program, symbolic in T and every size.

A pass is undone in the count, not timed: without hoisting an instruction over all t is one
per step, without stacking a weight gradient is one product per step, without gathers a
one-hot product is a dense one, without sharing every array has its own memory. A strategy has
passes of its own: without taking blocks together every loss goes back alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import sympy

from .. import matrix as mx
from ..derive import derive
from ..model import Derivation, Model
from ..strategy import Blocks, Checkpoint, Online
from .planner import plan
from .program import Instruction, Loop, Program, Ref, reads

PRODUCTS = ("dot", "matmul", "matvec", "vecmat", "rowdot")
STEPS = mx.T


@dataclass(frozen=True)
class Counts:
    """Matrix products and their flops, calls inside loops over time, bytes held in float32."""

    products: Any
    flops: Any
    loop_calls: Any
    memory: Any


# (pass, what it does)
PASSES = (
    ("as written", "every equation at every step, one-hot products dense"),
    ("gather", "one-hot products become gathers and scatter-adds"),
    ("hoist", "what does not recur leaves the loops and runs over all t at once"),
    ("stack", "each weight gradient is one product after the loop"),
    ("share", "arrays nobody reads any more give their memory to later ones"),
    ("pack", "products that share an operand are one, with their weights stacked before the loop"),
    ("gates", "packed gates take their pre-activation's place, and their loops run in columns"),
)
TOGETHER = "the errors of all blocks of losses go back one step at once, and are summed first"
SEGMENTS = "what enters each of √T segments is kept, and found by sweeps that compute them again"
FORWARD = "n numbers of state, q of parameters: ds/dθ, n (n + q) numbers, is carried forward"


def passes(derivation: Derivation) -> list[tuple[str, str, Counts]]:
    """The counts after each pass, in order."""
    strategy = derivation.strategy
    if isinstance(strategy, Checkpoint | Online):
        found = passes(derive(derivation.given or derivation.model))
        return [*found, _by_segments(plan(derivation), strategy)]
    plain, done = plan(derivation, upto="nothing"), set[str]()
    arranged = {"pack": plan(derivation, upto="pack"), "gates": plan(derivation)}
    out = []
    for name, words in _passes(derivation):
        done.add(name)
        out.append((name, words, count(arranged.get(name, plain), done)))
    return out


def _passes(derivation: Derivation) -> list[tuple[str, str]]:
    """Those of every program, and that of a cut gradient's loop over all blocks together."""
    found = list(PASSES)
    if isinstance(derivation.strategy, Blocks):
        found.insert(3, ("together", TOGETHER))
    return found


def _by_segments(program: Program, strategy: Checkpoint | Online) -> tuple[str, str, Counts]:
    """The costs of a program of one segment, run over a whole sequence."""
    model, every = program.model, {name for name, _ in PASSES}
    n = sum(model.lag(d.name) * sympy.prod(d.shape) for d in model.states)
    q = sum(sympy.prod(d.shape) for d in model.params)
    once = count(program, every)
    if isinstance(strategy, Online):  # one gradient of the loss, and one of each entry of the state
        steps = STEPS * (1 + n)
        products = steps * _at(once.products, 1) + 2 * STEPS
        flops = steps * (_at(once.flops, 1) + 2 * n * (n + q))
        memory = _at(once.memory, 1) + 4 * (2 * n * (n + q) + n * q + n**2)
        return "online", FORWARD, Counts(products, flops, steps * _at(once.loop_calls, 1), memory)
    root = sympy.sqrt(STEPS)
    runs = [once, *(count(replace(program, train=part), every) for part in program.sweeps)]
    products, flops, calls = (
        root * _at(sum(getattr(run, key) for run in runs), root)
        for key in ("products", "flops", "loop_calls")
    )
    segments = program.derivation.segments
    early = segments.sweeps[:-1] if segments else ()
    kept = sum(_crossing(model, x) for sweep in early for x in sweep.carried)
    given = sum(
        STEPS * sympy.prod(d.shape) for d in model.inputs if model.is_differentiable(d.var())
    )
    memory = _at(once.memory, root) + 4 * (root * kept + 2 * n + q + given)
    return "checkpoint", SEGMENTS, Counts(products, flops, calls, memory)


def _crossing(model: Model, x: mx.Node) -> Any:
    """How many numbers of a state, or of its adjoint, cross the end of a segment."""
    v = x.wrt if isinstance(x, mx.Deriv) else x
    return model.lag(v.name) * sympy.prod(v.shape)


def _at(count_: Any, steps: Any) -> Any:
    return sympy.sympify(count_).xreplace({STEPS: sympy.sympify(steps)})


def report(derivation: Derivation) -> str:
    """The passes as a table of formulas, each followed by what it changed."""
    strategy = f", {derivation.strategy}" if derivation.strategy else ""
    lines = [f"plan of {derivation.model.name}{strategy}, in T and the model's sizes"]
    nothing = "  no change in this model"
    before: Counts | None = None
    for name, words, counts in passes(derivation):
        lines += ["", f"{name}: {words}"]
        start = len(lines)
        for key, title in TITLES.items():
            now = getattr(counts, key)
            old = getattr(before, key) if before else None
            if old is None:
                lines.append(f"  {title:<28} {formula(now)}")
            elif sympy.expand(old - now) != 0:
                lines.append(f"  {title:<28} {formula(old)}  →  {formula(now)}")
        lines += [nothing] if len(lines) == start else []
        before = counts
    return "\n".join(lines) + "\n"


TITLES = {
    "products": "matrix products",
    "flops": "flops in them",
    "loop_calls": "operations inside loops",
    "memory": "bytes held in float32",
}


def formula(value: Any) -> str:
    """A polynomial in the sizes, as people write it: 2·T·H² + 3."""
    text = sympy.sstr(sympy.expand(value), order="grlex")
    for power, mark in (("sqrt(T)", "√T"), ("**2", "²"), ("**3", "³"), ("**4", "⁴"), ("*", "·")):
        text = text.replace(power, mark)
    return text


def count(program: Program, done: set[str]) -> Counts:
    """The counts of a program in which only the passes in `done` were made."""
    products = flops = loop_calls = sympy.Integer(0)
    summed = _summed(program)
    for i, loop, stage in _instructions(program):
        alone = any(r.buffer in summed for r in reads(i)) and "together" not in done
        rows = _rows(i, loop, program, alone)
        times = _times(rows, loop, stage, program, done)
        if times.has(STEPS) or loop:
            loop_calls += times
        dense = i.op in ("take", "scatter", "scatter_flat") and "gather" not in done
        if i.op in PRODUCTS or dense:
            products += times
            flops += rows * _flops(i, program, dense)
    return Counts(products, flops, loop_calls, _memory(program, done))


def _instructions(program: Program) -> Iterator[tuple[Instruction, Loop | None, str]]:
    part = program.train
    for stage in ("forward", "backward", "gradients"):
        for item in getattr(part, stage):
            if isinstance(item, Loop):
                yield from ((i, item, stage) for i in item.body)
            else:
                yield item, None, stage


def _over_all(i: Instruction, program: Program) -> bool:
    """Whether an instruction works through every t."""
    return any(r.span == "all" for r in (*i.args, i.out) if isinstance(r, Ref))


def _rows(i: Instruction, loop: Loop | None, program: Program, alone: bool) -> Any:
    """For how many steps an instruction works: of all losses, or of every loss `alone`."""
    if (loop and loop.together) or alone:
        strategy = program.derivation.strategy
        assert isinstance(strategy, Blocks)
        return STEPS * sympy.Rational(strategy.back, strategy.every)
    return STEPS if loop or _over_all(i, program) else sympy.Integer(1)


def _times(rows: Any, loop: Loop | None, stage: str, program: Program, done: set[str]) -> Any:
    """How often an instruction runs: for all its rows at once, or once for each."""
    if loop and loop.together and "together" in done:
        strategy = program.derivation.strategy
        assert isinstance(strategy, Blocks)
        return sympy.Integer(strategy.back)
    needed = "stack" if stage == "gradients" else "hoist"
    return rows if loop or needed not in done else sympy.Integer(1)


def _summed(program: Program) -> set[str]:
    """The adjoints that are sums over blocks of losses, and what is computed from them."""
    loops = [x for x in program.train.items() if isinstance(x, Loop) and x.together]
    written = (i.out.buffer for x in loops for i in x.body)
    found = {n for n in written if program.buffers[n].role != "error"}
    for i, loop, _ in _instructions(program):
        if not loop and found & {r.buffer for r in reads(i)}:
            found.add(i.out.buffer)
    return found


def _flops(i: Instruction, program: Program, dense: bool) -> Any:
    """2 · (rows) · (inner) · (columns) of one step's share of a product."""
    views = [a for a in i.args if isinstance(a, Ref)]
    if dense:
        matrix, rows = program.buffers[i.out.buffer], program.buffers[views[0].buffer]
        if i.op == "take":
            matrix, rows = rows, matrix
        return 2 * sympy.prod(rows.shape[:-1]) * sympy.prod(matrix.shape)
    left, right = (a.shape_in(program.buffers[a.buffer]) for a in views)
    axes = [*left, *right]
    # Uᵀ V: every row of U meets one of V.
    for s in left[1:] if views[0].turned and views[0].span == "all" else left[-1:]:
        axes.remove(s)
    return 2 * sympy.prod(axes)


def _memory(program: Program, done: set[str]) -> Any:
    total = sympy.Integer(0)
    for b in program.buffers.values():
        if b.role in ("param", "input", "target") or b.part or ("share" in done and b.shares):
            continue
        rows = (STEPS + b.rows + b.ahead) if b.timed else 1
        if b.role == "error":
            strategy = program.derivation.strategy
            assert isinstance(strategy, Blocks)
            rows = b.slots * (STEPS / strategy.every if "together" in done else 1)
        total += rows * sympy.prod(b.shape)
    return 4 * total
