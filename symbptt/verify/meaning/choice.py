"""What a reading settles where the text leaves it open.

Which loss a gradient is of, whether a ∂ is total or immediate, on which side a Jacobian has its
rows, how ⊙ and the matrix product bind.

    δ_{t+1} ∂h_{t+1}/∂h_t      a row times a Jacobian in numerator layout, if δ is a row
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from .. import surface as s
from ..naming import Naming, Parts
from ..world import TOTAL

NUMERATOR, DENOMINATOR = "numerator", "denominator"
LOSSES = "losses"  # a loss as a number, to compare what is stated with what is taken
SLOPES = "slopes"  # numerator, with ∂v/∂u of an elementwise link as the vector of its slopes


NEXT = mx.time_symbol("next")


class UnknownError(SymbpttError):
    """A symbol that means nothing in this system; `symbol` is its name."""

    def __init__(self, name: str, message: str = ""):
        super().__init__(message or f"{name} is not a quantity of the model")
        self.name = name


@dataclass(frozen=True)
class Gradient:
    """What δ_t or dh_t stands for: the derivative of a loss by `of` at its time.

    scope: "L" all of it, "step" the loss of the line's step, "own" the part through this step's
    loss alone, "future" through later steps alone, "copy" the share of one step in a parameter's.
    `lag` shifts its time, `factor` scales it. `loss_first`: of the two times of δ_{t,k} the first
    is that of the loss.
    """

    of: str
    scope: str = "L"
    lag: int = 0
    factor: Any = 1
    loss_first: bool = False

    def show(self) -> str:
        words = {
            "L": "∂L/∂{}",
            "step": "∂L_t/∂{} of this step's loss",
            "own": "the part of ∂L/∂{} through its own step's loss",
            "future": "the part of ∂L/∂{} that comes from later steps",
            "copy": "one step's share of ∂L/∂{}",
            "now": "the part of ∂L/∂{} that comes through its own step",
        }[self.scope].format(self.of)  # fmt: skip
        return words if self.factor == 1 else f"{self.factor} · {words}"


@dataclass(frozen=True)
class Choice:
    """One way to read one line."""

    row: bool = False  # gradients of vectors are rows
    nabla: bool = False  # and so is what ∇ makes, in a text that writes it before Jacobians
    layout: str = NUMERATOR
    kinds: Mapping[str, str] = field(default_factory=dict)
    gradients: Mapping[str, Gradient] = field(default_factory=dict)
    scope: str = "L"
    binding: str = "strict"
    order: str = "written"  # of a ∏ whose bounds do not say: "written" or "reversed"
    lenient: frozenset[str] = frozenset()
    spread: bool = False  # Σ covers what follows a + or − too
    aliases: Mapping[str, Any] = field(default_factory=dict)
    turned: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)  # the line's own names of quantities
    on_left: Mapping[str, Gradient] = field(default_factory=dict)  # letters of the left side alone
    ends: bool = False  # said of t = T too, where nothing is handed back

    @cached_property
    def settled(self) -> dict[str, Any]:
        """What the choice says, each under a name, but for what the letters stand for."""
        plain = {"row": self.row, "layout": self.layout, "binding": self.binding}
        plain |= {"order": self.order, "spread": self.spread, "nabla": self.nabla}
        plain |= {"ends": self.ends}
        kinds = {f"∂ {atom}": kind for atom, kind in self.kinds.items() if kind != TOTAL}
        return plain | dict.fromkeys(self.lenient, True) | kinds


def shorthand_key(node: s.Shorthand, q: Parts) -> str:
    """d h_{next} and d h are two quantities, as Δh and δh; d h_t and d h_{t-1} are one."""
    mark = node.mark if node.mark not in ("d", "δ", "∂", "∇", "bar") else "d"
    later = q.time is not None and NEXT in sympy.sympify(q.time).free_symbols
    return f"{mark} {q.name}_next" if later else f"{mark} {q.name}"


def letter_key(node: s.Node, naming: Naming) -> str | None:
    """The key of dh_t or of δ_t among the letters of a text; None of what is no letter."""
    inner = node.of if isinstance(node, s.Shorthand) else node
    if not isinstance(inner, s.Symbol):
        return None
    q = naming.parts(inner)
    return shorthand_key(node, q) if isinstance(node, s.Shorthand) else q.name


def atom_key(node: s.Derivative, naming: Naming) -> str:
    """∂h_t/∂W and ∂h_k/∂W are told apart: an author may mean two things by them."""

    def text(n: s.Node | None) -> str:
        inner = s.whole(n) if n is not None else None
        if isinstance(inner, s.Symbol):
            return naming.parts(inner).at
        if isinstance(inner, s.Apply):
            return f"{inner.head.letter}(…)"
        return "?"

    return f"{node.kind}{text(node.of)}/{text(node.by)}"
