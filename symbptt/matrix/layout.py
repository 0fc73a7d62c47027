"""The two layouts of a Jacobian ∂u/∂v: rows of u (numerator), or rows of v (denominator).

    numerator      ∂h_t/∂h_{t-1} = diag(1 − h_t²) W       dL/dW = λ · ∂h_t/∂W
    denominator    ∂h_t/∂h_{t-1} = Wᵀ diag(1 − h_t²)      dL/dW = ∂h_t/∂W · λ

Every Jacobian is transposed and products run the other way; the gradient of a number keeps
the shape of its variable. The project's own expressions are in numerator layout.
"""

from __future__ import annotations

from typing import Any

from . import build
from . import nodes as n

LAYOUTS = ("numerator", "denominator")


def is_jacobian(e: Any) -> bool:
    """Whether a derivative is of an array by an array, so that its layout matters."""
    return isinstance(e, n.Deriv) and bool(e.of.rank and e.wrt.rank)


def transposed(e: Any) -> Any:
    """A matrix that stands for a Jacobian, in the other layout; doing it twice gives e back.

    The symbols of Jacobians and their products by · stay: how they read is the layout's.
    """
    if e.rank != 2 or isinstance(e, n.Deriv | n.CallDeriv | n.TimeProd | n.Contract):
        return e
    if isinstance(e, n.Plus):
        return build.plus(*map(transposed, e.args))
    if isinstance(e, n.MatMul) and all(a.rank == 2 for a in e.args):
        return build.matmul(*map(transposed, reversed(e.args)))
    if isinstance(e, n.Outer):
        return build.outer(*reversed(e.args))
    if isinstance(e, n.Times) and all(a.rank in (0, 2) for a in e.args):
        return build.times(*(transposed(a) for a in e.args))
    if isinstance(e, n.Broadcast) and not e.args[0].shape:
        return build.broadcast(e.args[0], e.shape[::-1])
    return build.transpose(e)
