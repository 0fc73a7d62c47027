"""Index notation: the normal form, and the decision `same(a, b)` for all sizes at once.

same(a, b)            one equation, decided, with a witness when it does not hold
normal(a)             the normal form of an expression's general entry
jacobian(u, v)        ∂u[i]/∂v[j], entry by entry
"""

from .decide import Answer, jacobian, normal, same, same_poly, show_poly, vanishes
from .witness import Witness, witness

__all__ = [
    "Answer",
    "Witness",
    "jacobian",
    "normal",
    "same",
    "same_poly",
    "show_poly",
    "vanishes",
    "witness",
]
