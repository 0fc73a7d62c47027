"""Common factors written once: λ ∘ h − λ ∘ n is λ ∘ (h − n), diag(h) − diag(n) is diag(h − n).

The pullback of a product rule leaves one term per factor; a text would collect them.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from .. import matrix as mx
from ..matrix.build import is_zero


def collected(e: Any) -> Any:
    """The expression with the factors that all terms of a sum share taken out of it."""
    if not e.args or isinstance(e, mx.Var | mx.Deriv | mx.Scalar | mx.CallDeriv):
        return e
    e = e.func(*map(collected, e.args))
    if not isinstance(e, mx.Plus):
        return e
    if all(isinstance(_unsigned(a), mx.Diag) for a in e.args):
        inner = _summed([_inside(a) for a in e.args])
        return e if is_zero(inner) else mx.diag(inner)
    return _factored(e)


def _factored(e: mx.Plus) -> Any:
    factors = [_factors(a) for a in e.args]
    common = Counter(factors[0])
    for f in factors[1:]:
        common &= Counter(f)
    if not common:
        return e
    outside = [f for f in dict.fromkeys(factors[0]) for _ in range(common[f])]
    rests = []
    for a, own in zip(e.args, factors, strict=True):
        left = Counter(own) - common
        number = a.args[0] if isinstance(a, mx.Times) and isinstance(a.args[0], mx.Scalar) else 1
        kept = [f for f in dict.fromkeys(own) for _ in range(left[f])]
        rests.append(mx.times(number, *kept))
    whole = mx.times(*outside, _summed(rests))
    return e if is_zero(whole) or whole.shape != e.shape else whole


def _factors(e: Any) -> list[Any]:
    """The elementwise factors, without the number in front."""
    parts = e.args if isinstance(e, mx.Times) else (e,)
    return [p for p in parts if not isinstance(p, mx.Scalar)]


def _summed(terms: list[Any]) -> Any:
    """The sum, begun with a term that has no minus sign where there is one."""
    return mx.plus(*sorted(terms, key=lambda a: _sign(a) < 0))


def _sign(e: Any) -> int:
    first = e.args[0] if isinstance(e, mx.Times) else e
    negative = isinstance(first, mx.Scalar) and first.value.could_extract_minus_sign()
    return -1 if negative else 1


def _unsigned(e: Any) -> Any:
    """−diag(v) as diag(v)."""
    is_product = isinstance(e, mx.Times) and len(e.args) == 2
    return e.args[1] if is_product and isinstance(e.args[0], mx.Scalar) else e


def _inside(e: Any) -> Any:
    """The v of c diag(v), with its number."""
    bare = _unsigned(e)
    return bare.args[0] if bare is e else mx.times(e.args[0], bare.args[0])
