"""Expressions whose sizes are still open, and the sizes that unification finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ... import matrix as mx
from ...errors import SymbpttError
from ..naming import Parts

FUNCTIONS = {"tanh": "tanh", "σ": "sigmoid", "sigmoid": "sigmoid", "relu": "relu", "exp": "exp"}
FUNCTIONS |= {"ReLU": "relu", "sin": "sin", "cos": "cos", "log": "log", "softplus": "softplus"}
FUNCTIONS |= {"step": "step"}


LOSSES = ("L", "E", "J", "ℓ", "l", "C", "loss", "Loss", "ε", "error", "cost")


class IncompleteError(SymbpttError):
    """A forward equation that says too little to make a model of."""


@dataclass
class Size:
    """A size found out by unification."""

    parent: Size | None = None
    name: Any = None

    def root(self) -> Size:
        node = self
        while node.parent is not None:
            node = node.parent
        return node

    def join(self, other: Size) -> None:
        a, b = self.root(), other.root()
        if a is not b:
            if a.name is not None and b.name is not None and a.name != b.name:
                raise IncompleteError(f"the sizes {a.name} and {b.name} must be equal")
            b.name = b.name if b.name is not None else a.name
            a.parent = b

    def symbol(self) -> Any:
        return self.root().name


@dataclass
class Draft:
    """An expression whose sizes are still open."""

    sizes: list[Size]
    make: Callable[[], mx.Node]
    row: bool | None = None  # a vector written as a row
    var: str = ""
    turned: bool = False  # a vector with a transposition on it

    @property
    def rank(self) -> int:
        return len(self.sizes)


def is_capital(q: Parts) -> bool:
    """X_t, H_t, C̃_t: one Latin capital."""
    return len(q.letter) == 1 and q.letter.isascii() and q.letter.isupper()


def is_matrix(q: Parts) -> bool:
    """A capital without a time, or a small w with two letters below it."""
    if q.time is not None:
        return False
    if q.letter in ("w", "u", "v") and len("".join(q.labels)) >= 2:
        return True
    return q.letter[:1].isupper() and q.letter[:1] not in "ΔΣΠ"
