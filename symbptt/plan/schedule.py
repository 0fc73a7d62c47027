"""What recurs and what does not: strongly connected components of the step's equations.

A component that depends on itself through time is a loop; everything else runs over all t at
once, before or after. Layers that only feed forward become loops of their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sympy.utilities.iterables import strongly_connected_components

from .. import matrix as mx


@dataclass(frozen=True)
class Component:
    """Names computed together, in the order of their equations."""

    names: tuple[str, ...]
    recurrent: bool


def components(right_sides: Mapping[str, mx.Node], order: tuple[str, ...]) -> tuple[Component, ...]:
    """The components, each after the ones it reads; `order` is the order within one step."""
    edges = []
    for name, rhs in right_sides.items():
        for v in mx.variables(rhs):
            if v.name in right_sides:
                edges.append((name, v.name))
    looped = {a for a, b in edges if a == b}
    out = []
    for names in strongly_connected_components((list(right_sides), edges)):
        ordered = tuple(sorted(names, key=order.index))
        out.append(Component(ordered, len(ordered) > 1 or ordered[0] in looped))
    return tuple(out)


def depends(e: Any, names: set[str]) -> bool:
    """Whether an expression reads one of the names at any time."""
    return any(v.name in names for v in mx.variables(e))


def is_timed(e: Any) -> bool:
    return any(v.times for v in mx.variables(e)) or e.has(mx.Kron)
