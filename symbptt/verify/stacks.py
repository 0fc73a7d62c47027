"""What a text says of its states stacked into one: s_t = (c_t, h_t), and dL/ds_t by ∂s_j/∂s_{j-1}.

The lines about s_t are judged in a model whose only state it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy

import sympy

from .. import matrix as mx
from ..errors import SymbpttError
from . import surface as s
from .asides import Aside
from .forward.stacked import Part, with_stack
from .forward.system import System
from .meaning.quantities import Quantities
from .naming import Naming
from .read import formula


def stacks(
    claims: list[s.Claim], unread: set[int], naming: Naming, system: System
) -> Iterator[Aside]:
    """The unread claims about each letter that the words make a stack, in a system of their own."""
    for letter, written in naming.stacked.items():
        places = tuple(n for n in sorted(unread) if _is_about(claims[n], letter, naming))
        own = copy(naming)
        own.stacked = {k: v for k, v in naming.stacked.items() if k != letter}
        try:
            made = with_stack(system, letter, list(_parts(written, system)))
        except SymbpttError:  # the line keeps its reason: it is about a stack
            continue
        if places:
            yield Aside(places, tuple(claims[n] for n in places), own, made)


def _is_about(claim: s.Claim, letter: str, naming: Naming) -> bool:
    sides = (x for x in (claim.left, claim.right) if x is not None)
    return any(naming.parts(x).name == letter for side in sides for x in s.symbols(side))


def _parts(written: tuple[str, ...], system: System) -> Iterator[Part]:
    """c_t and h_{t−1} as states of the model, with how many steps back each is."""
    found = [c for text in written for c in formula(f"{text} = {text}")]
    states = [c.left for c in found if isinstance(c, s.Claim) and isinstance(c.left, s.Symbol)]
    if len(states) != len(written):
        raise SymbpttError(f"{', '.join(written)} are no states")
    naming = Naming(states)
    quantities = Quantities(system, naming)
    for q in map(naming.parts, states):
        lag = sympy.expand(mx.t - (mx.T if q.time is None else q.time))
        if not lag.is_Integer:
            raise SymbpttError(f"{q.name} is no state of a step")
        yield quantities.find(q), int(lag)
