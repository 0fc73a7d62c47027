"""The factor ξ that a random cut puts on every Jacobian of the model."""

from __future__ import annotations

from dataclasses import replace

from ..model import Declaration, Model
from ..strategy import RandomCut, Strategy


def cut(model: Model, strategy: Strategy | None) -> Model:
    """The model with ξ declared, under a name of its own, where the strategy cuts at random."""
    if not isinstance(strategy, RandomCut):
        return model
    name = next(n for n in ("xi", "xi_cut", "xi_c") if n not in model.table)
    return replace(model, declarations=(*model.declarations, Declaration(name, "cut", (), True)))
