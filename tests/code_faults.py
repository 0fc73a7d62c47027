"""Planted faults of a program and of its emitted lines: each changes what is computed.

A variant that prints the same line, turns a vector, or moves the shift under which a softmax
is computed (it cancels) is no fault and is not given.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from symbptt.plan import Instruction, Loop, Program, Ref

OPPOSITE = {"add": "subtract", "subtract": "add", "negative": "copy", "copy": "negative"}
BLOCKS = ("forward", "backward", "gradients")


def of_instruction(p: Program, i: Instruction) -> Iterator[tuple[str, tuple[Instruction, ...]]]:
    """(mistake in words, what stands in the place of the instruction)."""
    yield "missing", ()
    if i.op in OPPOSITE:
        yield "sign", (replace(i, op=OPPOSITE[i.op]),)
    for n, a in enumerate(i.args):
        if not isinstance(a, Ref):
            continue
        if len(p.buffers[a.buffer].shape) + (a.span == "all") > 1:
            yield "transpose", (_argument(i, n, replace(a, turned=not a.turned)),)
        if a.span in ("all", "step"):
            for by in (-1, 1):
                yield f"shifted by {by}", (_argument(i, n, replace(a, shift=a.shift + by)),)


def _argument(i: Instruction, n: int, a: Ref) -> Instruction:
    return replace(i, args=(*i.args[:n], a, *i.args[n + 1 :]))


def of_program(p: Program, block: str) -> Iterator[tuple[str, Instruction, Program]]:
    """Every fault of one block: what it is, which instruction it hits, the faulty program."""
    items = getattr(p.train, block)
    tops = {i.out.buffer for i, _ in p.train.instructions() if i.op == "rowmax"}
    for k, item in enumerate(items):
        body = item.body if isinstance(item, Loop) else (item,)
        for j, i in enumerate(body):
            if _is_shift(i, tops):
                continue
            for words, new in of_instruction(p, i):
                changed: Any = (*body[:j], *new, *body[j + 1 :])
                inner = (replace(item, body=changed),) if isinstance(item, Loop) else changed
                part = replace(p.train, **{block: (*items[:k], *inner, *items[k + 1 :])})
                yield f"{words}: {i.op} into {i.out.buffer}", i, replace(p, train=part)


def _is_shift(i: Instruction, tops: set[str]) -> bool:
    """max(o), or o − max(o), under a softmax."""
    return i.op == "rowmax" or any(isinstance(a, Ref) and a.buffer in tops for a in i.args)


def without_lines(source: str) -> Iterator[tuple[str, str]]:
    """(a computed line of loss_and_grad, the module without it)."""
    lines = source.splitlines(keepends=True)
    start, stop = (
        next(n for n, x in enumerate(lines) if x.strip() == mark)
        for mark in ("# Forward", "grads = {")
    )
    for n in range(start, stop):
        line = lines[n]
        if _is_call(line.strip()) and "max_" not in line:
            gone = line.replace(line.strip(), "pass")
            yield line.strip(), "".join([*lines[:n], gone, *lines[n + 1 :]])


def _is_call(line: str) -> bool:
    try:
        (statement,) = ast.parse(line).body
    except (SyntaxError, ValueError):
        return False
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call)
