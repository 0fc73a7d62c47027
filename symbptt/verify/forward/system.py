"""A model with the author's names for its quantities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...model import Model
from .. import surface as s


@dataclass(frozen=True)
class System:
    """A model with the author's names for its quantities.

    `names`: the author's name -> the model's. `rows`: vectors written as rows. `pre`: a variable
    -> the argument its function is applied to. `filled`: what was added, in words.
    """

    model: Model
    names: dict[str, str]
    rows: frozenset[str] = frozenset()
    pre: dict[str, str] = field(default_factory=dict)
    label: str = ""  # the author's name of the target
    onehot: bool = False
    output: str = ""
    logits: str = ""
    losses: frozenset[str] = frozenset({"L"})
    stack: tuple[tuple[Any, ...], str] | None = None
    abstract: bool = False  # functions of which nothing is known
    stated_loss: bool = True
    filled: tuple[str, ...] = ()
    accepted: tuple[s.Node, ...] = ()  # the right sides it was made from
    zeros: frozenset[str] = frozenset()  # the states of which the text says that they start at 0
    orthogonal: frozenset[str] = frozenset()  # the weights of which it says WᵀW = I
    signs: dict[str, Any] = field(default_factory=dict)  # ℓ of L = −Σ ℓ_t -> −1
    steps: int | None = None  # of a run, where the text fixes them
    summed: bool = False  # the text says L = Σ_t L_t
    given: bool = False  # a model that the text is about, loss and all
    stacks: dict[Any, str] = field(default_factory=dict)  # other stacks as written -> their names
