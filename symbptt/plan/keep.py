"""What a loop computes at every step is not computed again for all t: it is kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from .draft import ELEMENTWISE, Draft
from .program import Instruction, Loop, Ref

PRODUCTS = ("dot", "matmul", "matvec", "vecmat")

Made = list[Instruction]  # what fills one array


def takes_product(made: Made) -> bool:
    """The rest may be cheaper to compute again."""
    return any(i.op in PRODUCTS for i in made)


def is_gate(made: Made) -> bool:
    """A function of one block of a packed array: it will stand there."""
    return [i.op for i in made] in (["tanh"], ["sigmoid"]) and made[0].args[0].block is not None


def keep(d: Draft, which: Callable[[Made], bool] = lambda made: True) -> None:
    """Find values over all t that some loop had step by step, and take those instead."""
    for name, b in list(d.buffers.items()):
        made = [i for i in d.instructions() if i.out.buffer == name]
        if b.role != "work" or not b.only_steps or not made or d.held(name):
            continue
        if not which(made):
            continue
        if any(i.op not in (*ELEMENTWISE, *PRODUCTS) for i in made):
            continue
        if any(t.loop is not None and t.writes for t in d.touches(name)):
            continue
        for loop in d.loops():
            known = _scratch_like(d, loop, made, name)
            if known is not None:
                _take(d, known, name, made)
                break


def _scratch_like(d: Draft, loop: Loop, made: list[Instruction], name: str) -> str | None:
    """The array of one step that the loop fills by the same instructions."""
    candidates = dict.fromkeys(i.out.buffer for i in loop.body if i.op == made[0].op)
    for other in candidates:
        b = d.buffers[other]
        if b.timed or b.role != "work" or d.held(other):
            continue
        if any(t.loop is None or d.loops()[t.loop] is not loop for t in d.touches(other)):
            continue
        mine = [i for i in loop.body if i.out.buffer == other]
        if len(mine) == len(made) and all(
            _same(x, y, other, name, d) for x, y in zip(mine, made, strict=True)
        ):
            return other
    return None


def _same(step: Instruction, every: Instruction, mine: str, name: str, d: Draft) -> bool:
    def stepped(r: object) -> object:
        if not isinstance(r, Ref):
            return r
        if r.buffer == name:
            return replace(r, buffer=mine, span="static", flat=False)
        return replace(r, span="step" if r.span == "all" else r.span, flat=False)

    args = tuple(map(stepped, every.args))
    return step.op == every.op and step.out == stepped(every.out) and step.args == args


def _take(d: Draft, scratch: str, name: str, made: list[Instruction]) -> None:
    """The scratch array gets a row per step, under the name of the value for all t."""
    d.rewrite(lambda i, loop: [] if any(i is m for m in made) else [i])
    d.views(lambda r: replace(r, buffer=name, span="step") if r.buffer == scratch else r)
    del d.buffers[scratch]
