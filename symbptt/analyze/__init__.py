"""Vanishing and exploding gradients of one model, measured: norms and spectra of the Jacobians.

    analyze(model, weights)     what the products of the step's Jacobians do, as an `Analysis`
    counterexamples()           why an eigenvalue of W decides neither vanishing nor exploding
    draw(analysis, file)        the same as a picture

J_t = ∂s_t/∂s_{t−1} is the Jacobian of the whole block state, all states and lags together:

    ∂s_t/∂s_k = J_t ⋯ J_{k+1},    ‖∂s_t/∂s_k‖ ≤ ∏ ‖J_j‖ ≤ (σ_max(W) · max|σ'|)^(t−k)

The last bound is that of a state h_t = σ(W h_{t−1} + …); a gated model has none of this form.
"""

from .conditions import CONDITIONS, Example, counterexamples, scaled_identity
from .measure import Analysis, Bound, analyze, ways
from .numbers import drawn, read_weights
from .picture import draw
from .strategies import Spread, draw_pieces, pieces, spread

__all__ = [
    "CONDITIONS",
    "Analysis",
    "Bound",
    "Example",
    "Spread",
    "analyze",
    "counterexamples",
    "draw",
    "draw_pieces",
    "drawn",
    "pieces",
    "read_weights",
    "scaled_identity",
    "spread",
    "ways",
]
