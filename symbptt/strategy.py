"""How far back a gradient goes, and how it is computed: the strategies as data.

P(t,k) = J_t ⋯ J_{k+1} carries the gradient of l_t from step t back to step k. A strategy
multiplies it by a weight and changes nothing else:

    Blocks(k1, k2)   [e − k < k2], e = k1 ⌈t/k1⌉ the end of t's block: a backward pass every
                     k1 steps, each k2 steps long
      window K       Blocks(1, K): every loss reaches back K steps, through K − 1 Jacobians
      chunk K        Blocks(K, K): cut at the boundaries, what frameworks do with detach
    RandomCut(α)     ξ_{k+1} ⋯ ξ_t, independent, ξ = 1/α with probability α and else 0

A state that runs from T to 1 has the same blocks and the same cuts, read the other way: with
b = e − k1 + 1 the start of t's block, l_t reaches its steps k with k − b < k2, and ξ_{t+1} is on
the way between t and t + 1 in either direction.

`Checkpoint` and `Online` are the full gradient by another road. h_0 enters at step 1 as a
parameter would, so J_1 is never cut; nor is the way from T to T + 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from .errors import SymbpttError


@dataclass(frozen=True)
class Blocks:
    """A backward pass at the end of every block of `every` steps, `back` steps long."""

    every: int
    back: int

    def __post_init__(self) -> None:
        if self.every < 1 or self.back < 1:
            raise SymbpttError(f"{self} has a length below 1", "at least one step")
        if self.back < self.every:
            raise SymbpttError(
                f"a pass every {self.every} steps that goes back {self.back} leaves losses out",
                f"K1,K2 with K2 ≥ K1, such as {self.every},{self.every}",
            )

    def __str__(self) -> str:
        if self.every == 1:
            return f"window of {self.back} steps per loss"
        if self.every == self.back:
            return f"chunks of {self.every} steps"
        return f"a pass every {self.every} steps, {self.back} steps back"

    @property
    def option(self) -> str:
        """How the command line asks for it."""
        if self.every == self.back > 1:
            return f"--chunk {self.back}"
        return f"--truncate {self.back if self.every == 1 else f'{self.every},{self.back}'}"

    def end(self, t: int) -> int:
        """The last step of t's block; that of the last block may lie past T."""
        return self.every * -(-t // self.every)

    def first(self, t: int) -> int:
        """The first step that the loss of step t reaches."""
        return max(1, self.end(t) - self.back + 1)

    def last(self, t: int, steps: int) -> int:
        """The last of T steps that the loss of step t reaches in a state that runs from T to 1."""
        return min(steps, self.end(t) - self.every + self.back)


@dataclass(frozen=True)
class RandomCut:
    """Every Jacobian J_t, t > 1, times ξ_t: 1/α with probability α, else 0; E ξ_t = 1."""

    alpha: Fraction

    def __post_init__(self) -> None:
        if not 0 < self.alpha <= 1:
            raise SymbpttError(f"α = {self.alpha} is no probability to go on", "0 < α ≤ 1")

    def __str__(self) -> str:
        return f"random cuts, each with probability {1 - self.alpha}"

    @property
    def option(self) -> str:
        return f"--random-cut {self.alpha}"


@dataclass(frozen=True)
class Checkpoint:
    """The full gradient; only the states between √T segments are kept, the rest recomputed."""

    def __str__(self) -> str:
        return "checkpoints between √T segments"

    option = "--checkpoint"


@dataclass(frozen=True)
class Online:
    """The full gradient carried forward: real-time recurrent learning (Williams, Zipser 1989)."""

    def __str__(self) -> str:
        return "online, by the sensitivity recursion"

    option = "--online"


Strategy = Blocks | RandomCut | Checkpoint | Online


@dataclass(frozen=True)
class Clip:
    """Applied to the gradients of the parameters once they are summed up.

    value: every entry into [−limit, limit]; norm: all together scaled to a norm ≤ limit.
    """

    by: str
    limit: float

    def __post_init__(self) -> None:
        if self.by not in ("value", "norm"):
            raise SymbpttError(f"clipping by {self.by} is not known", "value or norm")
        if not 0 < self.limit < float("inf"):
            raise SymbpttError(f"{self.limit} is no limit to clip at", "a number above 0")

    def __str__(self) -> str:
        return f"clipped by {self.by} at {self.limit:g}"

    @property
    def option(self) -> str:
        return f"--clip {self.by} {self.limit:g}"


def window(steps: int) -> Blocks:
    return Blocks(1, steps)


def chunk(steps: int) -> Blocks:
    return Blocks(steps, steps)


def first_step(strategy: Blocks, t: str) -> str:
    """f_t in words: the first step that the loss of step t reaches."""
    if strategy.every == strategy.back == 1:
        return t
    return f"max(1, {_end(strategy, t)} − {strategy.back - 1})"


def last_step(strategy: Blocks, t: str) -> str:
    """n_t in words: the last step that it reaches in a state that runs from T to 1."""
    if strategy.every == strategy.back == 1:
        return t
    more = strategy.back - strategy.every
    return f"min(T, {_end(strategy, t)}{f' + {more}' if more else ''})"


def _end(strategy: Blocks, t: str) -> str:
    return t if strategy.every == 1 else f"{strategy.every} ⌈{t}/{strategy.every}⌉"


__all__ = [
    "Blocks", "Checkpoint", "Clip", "Online", "RandomCut", "Strategy", "chunk", "first_step",
    "last_step", "window",
]  # fmt: skip
