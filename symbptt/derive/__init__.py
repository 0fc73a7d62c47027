"""Model -> Derivation: the recursions that backpropagation through time owes the equations.

    dL/dv[t] = Σ over the equations w that read v at lag j of  (dL/dw · ∂w/∂v) at t + j
    dL/dθ    = Σ_{t=1}^T Σ over the equations w that read θ of  dL/dw[t] · ∂w[t]/∂θ
    dh_t/dθ  = ∂h_t/∂θ + ∂h_t/∂h_{t-1} · dh_{t-1}/dθ,  dh_0/dθ = 0
    dL/dθ    = Σ_{t=1}^T Σ_{k=1}^t ∂l_t/∂h_t · ∏_{j=k+1}^t ∂h_j/∂h_{j-1} · ∂h_k/∂θ

Nothing depends on T or on a size: they stay symbols, so the cost does not grow with them.
"""

from __future__ import annotations

from ..errors import expect
from ..model import Derivation, Model
from ..strategy import Blocks, Checkpoint, Online, RandomCut, Strategy
from .cutting import cut, cutting
from .naming import named
from .online import with_cost
from .recursions import Deriver
from .roads import through_time
from .segments import segments


def derive(model: Model, strategy: Strategy | None = None) -> Derivation:
    """All recursions of the model, labelled; see `Derivation` for the groups.

    A strategy that cuts the gradient off gives the recursions that are then computed.
    """
    expect(model, Model, "derive", "derive(load('elman'))")
    d = Deriver(cut(named(model), strategy))
    forward = d.forward()
    groups = [forward, d.locals(), d.adjoint(), d.boundary(), d.gradient()]
    sweeps = None
    if isinstance(strategy, Blocks | RandomCut):
        roads, blocks = cutting(d, strategy)
    else:
        roads, blocks = through_time(d)
    if isinstance(strategy, Online):
        roads = [with_cost(g, d.model, blocks) if g.key == "sensitivity" else g for g in roads]
    if isinstance(strategy, Checkpoint):
        within, sweeps = segments(d, groups[2], blocks)
        roads.append(within)
    kept = tuple(g for g in (*groups, *roads) if g.equations or g.key == "segments")
    return Derivation(d.model, kept, d.formal(), model, blocks, strategy, sweeps)


__all__ = ["derive", "named"]
