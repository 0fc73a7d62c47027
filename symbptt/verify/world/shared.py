"""Equal models run alike: the texts about one model share its world."""

from __future__ import annotations

from functools import lru_cache

from ...model import Model
from .world import World


@lru_cache(maxsize=16)
def world_of(model: Model, steps: int, zeros: frozenset[str], orthogonal: frozenset[str]) -> World:
    """The world of a run. It is not to be changed: what changes one makes its own."""
    return World(model, steps, 0, zeros, orthogonal)
