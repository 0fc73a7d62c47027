"""What each pass of the planner won, counted on the program, symbolic in T and every size.

A pass is undone in the count, not timed: without hoisting an instruction over all t is one
per step, without stacking a weight gradient is one product per step, without gathers a
one-hot product is a dense one, without sharing every array has its own memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy

from .. import matrix as mx
from ..model import Derivation
from .planner import plan
from .program import Instruction, Loop, Program, Ref

PRODUCTS = ("dot", "matmul", "matvec", "vecmat", "rowdot")
STEPS = mx.T


@dataclass(frozen=True)
class Counts:
    """Matrix products and their flops, calls inside loops over time, bytes held in float32."""

    products: Any
    flops: Any
    loop_calls: Any
    memory: Any


# (pass, what it does, which counts it is judged by)
PASSES = (
    ("as written", "every equation at every step, one-hot products dense"),
    ("gather", "one-hot products become gathers and scatter-adds"),
    ("hoist", "what does not recur leaves the loops and runs over all t at once"),
    ("stack", "each weight gradient is one product after the loop"),
    ("share", "arrays nobody reads any more give their memory to later ones"),
    ("gates", "packed gates take their pre-activation's place, and their loops run in columns"),
)


def passes(derivation: Derivation) -> list[tuple[str, str, Counts]]:
    """The counts after each pass, in order."""
    program, plain = plan(derivation), plan(derivation, arrange=False)
    done: set[str] = set()
    out = []
    for name, words in PASSES:
        done.add(name)
        out.append((name, words, count(program if name == "gates" else plain, done)))
    return out


def report(derivation: Derivation) -> str:
    """The passes as a table of formulas, each followed by what it changed."""
    lines = [f"plan of {derivation.model.name}, in T and the model's sizes"]
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
    for power, mark in (("**2", "²"), ("**3", "³"), ("*", "·")):
        text = text.replace(power, mark)
    return text


def count(program: Program, done: set[str]) -> Counts:
    """The counts of a program in which only the passes in `done` were made."""
    products = flops = loop_calls = sympy.Integer(0)
    for i, loop, stage in _instructions(program):
        times = _times(i, loop, stage, program, done)
        per_call = STEPS / times if times != 0 and _over_all(i, program) else sympy.Integer(1)
        if times == STEPS:
            loop_calls += STEPS
        dense = i.op in ("take", "scatter", "scatter_flat") and "gather" not in done
        if i.op in PRODUCTS or dense:
            products += times
            flops += times * per_call * _flops(i, program, dense)
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


def _times(i: Instruction, loop: Loop | None, stage: str, program: Program, done: set[str]) -> Any:
    """How often the instruction runs: once, or once per step."""
    if loop:
        return STEPS
    if not _over_all(i, program):
        return sympy.Integer(1)
    needed = "stack" if stage == "gradients" else "hoist"
    return sympy.Integer(1) if needed in done else STEPS


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
        total += rows * sympy.prod(b.shape)
    return 4 * total
