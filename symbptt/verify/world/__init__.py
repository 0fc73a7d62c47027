"""A small world in numbers: one unrolled run with every derivative that exists in it.

Sizes are pairwise different and above 1, h_0 is not zero and no matrix is symmetric, so that a
transpose, an order of factors or an index off by one shows. Each equation is differentiated by
complex step, entry by entry, and the scalar chain rule does the rest:

    du/dv = Σ over w that u reads of  ∂u/∂w · dw/dv

No matrix rule and no printed formula is used. A world refutes; it never proves.
"""

from .functions import FUNCTIONS, unknown_value
from .shared import world_of
from .world import (
    DIRECT,
    EPS,
    FUTURE,
    HELD,
    IMMEDIATE,
    TOTAL,
    Array,
    Key,
    World,
    close,
    small_sizes,
)

__all__ = [
    "DIRECT",
    "EPS",
    "FUNCTIONS",
    "FUTURE",
    "HELD",
    "IMMEDIATE",
    "TOTAL",
    "Array",
    "Key",
    "World",
    "close",
    "small_sizes",
    "unknown_value",
    "world_of",
]
