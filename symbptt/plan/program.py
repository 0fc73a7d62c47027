"""A program: instructions on buffers, in order, with two loops over time at most per model part.

It says what is computed where and which memory it takes, in no target's words; `emit` turns
each instruction into a line with a printer table. The label of an instruction is that of the
equation it computes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from sympy import expand

from ..model import Derivation
from ..strategy import Clip


@dataclass(frozen=True)
class Buffer:
    """An array of the program. `rows`: None for no time axis, else how many rows before t = 1.

    role: param, input, target, state, work, static, grad, error (of blocks of losses), carried (an
    error, from one step to the next). `shares` names the buffer whose memory it takes over.
    """

    name: str
    shape: tuple[Any, ...]
    rows: int | None = None
    role: str = "work"
    kind: str = "real"  # or "index"
    shares: str = ""
    part: tuple[str, Any, Any] | None = None  # of a packed array: its name, and the columns
    across: bool = False  # they are rows of that array
    copies: str = ""  # the turned buffer whose rows it holds
    turned: bool = False  # stored feature by feature; `shape` is that of the store
    ahead: int = 0  # how many rows past t = T, for what runs from T to 1
    slots: int = 1  # of an error of blocks: how many steps back are held at once

    @property
    def timed(self) -> bool:
        return self.rows is not None

    @property
    def only_steps(self) -> bool:
        """Whether its rows are t = 1..T and no others."""
        return self.timed and not self.padded

    @property
    def width(self) -> Any:
        """How many columns it has: what its blocks are ranges of."""
        return self.shape[0 if self.turned else -1] if self.shape else 1

    @property
    def padded(self) -> bool:
        """Whether it has rows besides t = 1..T."""
        return bool(self.rows or self.ahead)


@dataclass(frozen=True)
class Ref:
    """A view of a buffer.

    span: "static" (the whole array), "all" (t = 1..T, shifted), "step" (row t, shifted),
    "last" (row T), "start" (the rows before t = 1), "end" (as many rows at the end), "padded"
    (every row); in a loop over all losses together "together" (one row per block of losses, where
    it now stands), "own" (while that is inside the block) and "early" (where `lag` steps back is a
    row before t = 1, or, for a negative lag, past T). `flat` merges time and batch into rows;
    `block` is a range of the last axis; `turned` is the transposed view; `spread` inserts axes for
    broadcasting.
    """

    buffer: str
    span: str = "static"
    shift: int = 0
    flat: bool = False
    turned: bool = False
    spread: tuple[int, ...] = ()
    block: tuple[Any, Any] | None = None  # the columns lo..hi − 1 only
    rows: tuple[Any, Any] | None = None  # of a matrix that does not change: these rows only
    lag: int = 0  # of an "early" view

    @property
    def stacked(self) -> bool:
        """Whether the first axis counts steps or blocks."""
        return self.span in ("all", "together", "own", "early")

    def shape_in(self, b: Buffer) -> tuple[Any, ...]:
        """The shape of the view without its axis of time and before `spread`."""
        shape = list(b.shape)
        if self.block:
            shape[0 if b.turned else -1] = expand(self.block[1] - self.block[0])
        if self.rows:
            shape[0] = expand(self.rows[1] - self.rows[0])
        return tuple(shape[::-1] if self.turned else shape)


Operand = Any  # a Ref, a number, or a SymPy constant in T and sizes


@dataclass(frozen=True)
class Instruction:
    """out = op(args); `labels` are the equations it computes."""

    op: str
    out: Ref
    args: tuple[Operand, ...]
    labels: tuple[str, ...] = ()
    axes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Loop:
    """The steps of one recurrence: forward t = 1..T, or backward t = T..1.

    With `together` it is the steps back from the ends of all blocks of losses at once, or the
    steps ahead from their starts.
    """

    backward: bool
    body: tuple[Instruction, ...]
    together: bool = False


Item = Instruction | Loop


@dataclass(frozen=True)
class Term:
    """coefficient · total(op, refs): one summand of the loss."""

    coefficient: Any
    op: str  # "sum" over everything, or "dot" of two views
    args: tuple[Ref, ...]


@dataclass(frozen=True)
class Part:
    """One function's instructions, in three blocks."""

    forward: tuple[Item, ...]
    backward: tuple[Item, ...] = ()
    gradients: tuple[Item, ...] = ()
    loss: tuple[Term, ...] = ()
    loss_labels: tuple[str, ...] = ()

    def items(self) -> tuple[Item, ...]:
        return (*self.forward, *self.backward, *self.gradients)

    def instructions(self) -> Iterator[tuple[Instruction, Loop | None]]:
        for item in self.items():
            if isinstance(item, Loop):
                yield from ((i, item) for i in item.body)
            else:
                yield item, None


@dataclass(frozen=True)
class Program:
    """`train` computes loss and gradients, `infer` the readout, in the same buffers.

    `sweeps` are what all sweeps over segments but the last compute: parts of `train`.
    """

    derivation: Derivation
    train: Part
    infer: Part
    buffers: dict[str, Buffer] = field(hash=False)
    readout: tuple[str, ...] = ()
    sweeps: tuple[Part, ...] = field(default=(), hash=False)
    clip: Clip | None = None  # of the parameters' gradients, once they are summed up

    @property
    def model(self) -> Any:
        return self.derivation.model


def standing(buffers: dict[str, Buffer], name: str) -> str:
    """Where a variable stands in the model's shape, if anywhere: itself or a copy in rows."""
    return next((b.name for b in buffers.values() if b.copies == name), name)


def labels_of(*instructions: Instruction) -> tuple[str, ...]:
    """The equations that some instructions compute together, each once."""
    return tuple(dict.fromkeys(x for i in instructions for x in i.labels))


def reads(i: Instruction) -> list[Ref]:
    """The views an instruction reads; scatter and put also read their output."""
    out = [a for a in i.args if isinstance(a, Ref)]
    return [*out, i.out] if i.op in ("scatter", "scatter_flat", "put") else out


def touched(i: Instruction) -> tuple[str, ...]:
    """The buffers that an instruction reads or writes, each once, in order."""
    return tuple(dict.fromkeys(r.buffer for r in (*reads(i), i.out)))
