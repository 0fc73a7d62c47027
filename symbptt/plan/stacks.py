"""Weights side by side in one array, filled once before the loop that reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from sympy import Integer, expand

from .draft import Draft, joint_name
from .motion import Body
from .program import Buffer, Instruction, Ref


class Stacks:
    """`names` holds the stacks by what is in them: two drafts call them alike.

    `ahead` is what fills those of one run of instructions, or, `inside`, of one loop.
    """

    def __init__(self, d: Draft, names: dict[Any, str]):
        self.d, self.names = d, names
        self.made: dict[Any, Ref] = {}
        self.begin(inside=False)

    def begin(self, *, inside: bool) -> None:
        """The stacks asked for from now on are filled before another item."""
        self.inside = inside
        self.ahead: Body = []

    def of(self, refs: list[Ref], axis: int) -> Ref | None:
        """Weights side by side (axis 1) or one over the other, made once before."""
        d = self.d
        refs = [d.original(r) for r in refs]
        if any(d.buffers[r.buffer].role != "param" or r.spread for r in refs):
            return None
        shapes = [r.shape_in(d.buffers[r.buffer]) for r in refs]
        axis = min(axis, len(shapes[0]) - 1)
        if len({(len(s), *s[:axis], *s[axis + 1 :]) for s in shapes}) > 1:
            return None
        key = (*refs, axis)
        flipped = (*(replace(r, turned=not r.turned) for r in refs), 1 - axis)
        if key not in self.made and flipped in self.made:
            turned = replace(self.made[flipped], turned=True)
            if not self.inside:
                return turned
            self.made[key] = self._static(key, f"{turned.buffer}_T", shapes, axis)
            self.ahead.append(Instruction("copy", self.made[key], (turned,)))
        if key not in self.made:
            hint = joint_name([r.buffer for r in refs], set(d.buffers))
            self.made[key] = made = self._static(key, hint, shapes, axis)
            for r, run in zip(refs, ranges([s[axis] for s in shapes]), strict=True):
                rows = axis == 0 and len(shapes[0]) == 2
                part = replace(made, rows=run) if rows else replace(made, block=run)
                self.ahead.append(Instruction("copy", part, (r,)))
        return self.made[key]

    def _static(self, key: Any, hint: str, shapes: list[Any], axis: int) -> Ref:
        name = self.names.setdefault(key, self.d.name(hint))
        shape = list(shapes[0])
        shape[axis] = ranges([s[axis] for s in shapes])[-1][1]
        self.d.buffers[name] = Buffer(name, tuple(shape), None, "static")
        return Ref(name)


def ranges(widths: list[Any]) -> list[tuple[Any, Any]]:
    """The columns of neighbours of these widths."""
    out, at = [], Integer(0)
    for n in widths:
        out.append((at, expand(at + n)))
        at = out[-1][1]
    return out
