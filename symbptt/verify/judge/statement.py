"""A statement: two sides, and when it is said to hold."""

from __future__ import annotations

from dataclasses import dataclass

from .. import surface as s


@dataclass(frozen=True)
class Statement:
    """left = right, with what it takes to say when it holds. `last`: only at t = T."""

    left: s.Node
    right: s.Node
    relation: str = "="
    last: bool = False
