"""What the rooms of this folder share while one formula is read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

from .. import surface as s
from ..algebra.numbers import Numbers
from ..algebra.tensor import Tensor
from ..forward.system import System
from ..naming import Naming
from .choice import Choice
from .quantities import Quantities
from .recall import Recall


class Frame(ABC):
    """Formulas of one document, in one system, under one choice."""

    def __init__(
        self,
        system: System,
        naming: Naming,
        alg: Any,
        choice: Choice,
        recall: Recall | None = None,
    ):
        self.system, self.naming, self.alg, self.choice = system, naming, alg, choice
        self.model, self.recall = system.model, recall
        self.quantities = Quantities(system, naming, choice.names)
        self.components: dict[str, Any] = {}  # named indices and what they run over
        self.used: set[str] = set()  # what the choice was needed for
        self.asked: set[str] = set()  # what of the choice the value depends on
        self.probes: dict[str, str] = {}  # λ of λ · ∂u/∂v -> u
        self.depth = 0  # of definitions inside definitions
        self.numbers = isinstance(alg, Numbers)
        self.goal: tuple[Any, ...] = ()  # the shape of the left side
        self.wanted: Tensor | None = None  # the shape a ∂h/∂W should have

    def settles(self, name: str) -> Any:
        """What the reading says under this name; the value at hand depends on it."""
        self.asked.add(name)
        return self.choice.settled.get(name)

    @abstractmethod
    def of(self, node: s.Node) -> Tensor:
        """The tensor that a tree stands for."""
