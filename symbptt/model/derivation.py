"""What is said of a model: a derivation of labelled equations, and a verdict on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .. import matrix as mx
from ..errors import ModelError
from ..strategy import Strategy
from .model import Equation, Model


@dataclass(frozen=True)
class Formal:
    """The full-index Jacobian: ∂of[n,j]/∂wrt[m,k] = …, and how many entries are not zero.

    `nonzero` and `total` are products of sizes.
    """

    equation: Equation
    shape: tuple[Any, ...]
    nonzero: Any
    total: Any


@dataclass(frozen=True)
class Group:
    """A titled run of equations in a printed derivation."""

    key: str
    title: str
    text: str
    equations: tuple[Equation, ...]


@dataclass(frozen=True)
class Block:
    """The states that run one way in time, stacked so that one step reads one step before.

    `parts` are the states at t, and at earlier times where a lag is longer than one; `var` is
    the stack at t, or the only part itself. `before` is the step that a step reads: t − 1, and
    t + 1 where time is reversed.
    """

    var: mx.Var
    parts: tuple[mx.Var, ...]
    before: Any = mx.t - 1

    @property
    def is_stacked(self) -> bool:
        return self.parts != (self.var,)


@dataclass(frozen=True)
class Sweep:
    """One run over the segments of a sequence: its direction, and what it carries along.

    `carried` are states at t and total derivatives of the loss by them.
    """

    backward: bool
    carried: tuple[mx.Node, ...]


@dataclass(frozen=True)
class Segments:
    """A gradient that is put together segment by segment; the last sweep gives it.

    `first` and `last` stand for the ends of t's segment.
    """

    first: Any
    last: Any
    sweeps: tuple[Sweep, ...]


@dataclass(frozen=True)
class Derivation:
    """Everything derived from a model. Labels are unique; T and every size stay symbols."""

    model: Model
    groups: tuple[Group, ...]
    formal: tuple[Formal, ...] = ()
    given: Model | None = None  # the model as it was written, before intermediates were named
    blocks: tuple[Block, ...] = ()  # what the closed form is written in
    strategy: Strategy | None = None  # None is the full gradient, by the backward recursion
    segments: Segments | None = None  # of a gradient with checkpoints

    def __post_init__(self) -> None:
        labels = [e.label for e in self]
        if len(labels) != len(set(labels)):
            raise ModelError(f"labels are not unique in the derivation of {self.model.name}")

    def __iter__(self) -> Iterator[Equation]:
        return (e for g in self.groups for e in g.equations)

    def __getitem__(self, label: str) -> Equation:
        for e in self:
            if e.label == str(label):
                return e
        raise ModelError(
            f"{self.model.name} has no equation ({label})",
            "one of " + ", ".join(e.label for e in self),
        )

    def group(self, key: str) -> Group:
        return next(g for g in self.groups if g.key == key)

    @cached_property
    def adjoint(self) -> dict[str, Equation]:
        """Name -> the recursion of dL/dname[t]."""
        return {e.lhs.wrt.name: e for e in self.group("adjoint").equations}

    @cached_property
    def gradient(self) -> dict[str, Equation]:
        """Parameter, input or state name -> its gradient (a state's is that of its start)."""
        return {e.lhs.wrt.name: e for e in self.group("gradient").equations}

    def _repr_latex_(self) -> str:
        return mx.notation["document"](self)


@dataclass(frozen=True)
class Step:
    """One checked statement of a verdict, and the label of the equation it speaks about.

    A statement that does not hold is refuted, or `undecided`: what was tried could not tell.
    """

    label: str
    claim: str
    ok: bool
    how: str = ""
    detail: str = ""
    stage: str = ""
    undecided: bool = False

    def __post_init__(self) -> None:
        if self.ok and self.undecided:
            raise ModelError(f"'{self.claim}' both holds and is undecided")


@dataclass(frozen=True)
class Verdict:
    """A list of steps; it holds when every step does, and an empty one does not hold.

    `legend` says, for a stage, what the letters in its statements are.
    """

    subject: str
    title: str
    steps: tuple[Step, ...]
    legend: Mapping[str, str] = field(default_factory=dict, compare=False)

    @property
    def ok(self) -> bool:
        return bool(self.steps) and all(s.ok for s in self.steps)

    @property
    def failed(self) -> tuple[Step, ...]:
        """The statements that are refuted."""
        return tuple(s for s in self.steps if not s.ok and not s.undecided)

    @property
    def undecided(self) -> bool:
        """Nothing is refuted, and something cannot be told."""
        return not self.ok and not self.failed

    def _repr_latex_(self) -> str:
        return mx.notation["document"](self)
