"""When gradients vanish and explode, stated truly, and the examples that refute shorter rules.

σ_max(W) · max|σ'| < 1   ⇒  ‖∂h_t/∂h_k‖ ≤ (σ_max(W) · max|σ'|)^(t−k) → 0
|λ(W)| > 1   does not make them explode: a saturated σ has slope almost 0
|λ(W)| < 1   does not make them vanish at once: a non-normal W grows first
|λ(J_t)| < 1 for every t does not make them vanish at all: the J_t are different matrices
"""

from __future__ import annotations

from dataclasses import dataclass

import mpmath
import sympy

from .. import matrix as mx
from ..indices import same
from ..model import Step, Verdict

CONDITIONS = (
    "σ_max(W)·max|σ'| < 1 suffices for vanishing: the norm of a product is at most the "
    "product of the norms.",
    "|λ(W)| > 1 does not suffice for exploding: a saturated unit has a slope near 0.",
    "|λ(W)| < 1 does not suffice for vanishing at once: a non-normal W grows before it decays.",
    "|λ(J_t)| < 1 at every t does not suffice for vanishing at all: the J_t differ.",
)

t, k = mx.t, mx.time_symbol("k")


@dataclass(frozen=True)
class Example:
    """One worked case: what is given, what follows from it, and a table of numbers."""

    title: str
    given: tuple[str, ...]
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    so: str


def counterexamples() -> list[Example]:
    """Each condition at work, on the smallest model that shows it; computed, not quoted."""
    return [_small_norm(), _saturated(), _non_normal(), _alternating()]


def _powers(matrix: sympy.Matrix, counts: tuple[int, ...]) -> list[sympy.Expr]:
    """‖matrixⁿ‖₂ exactly, as the root of the largest eigenvalue of AᵀA."""
    return [_norm(matrix**n) for n in counts]


def _norm(a: sympy.Matrix) -> sympy.Expr:
    values = (a.T * a).eigenvals()
    return sympy.sqrt(max(values, key=lambda v: sympy.N(v)))


def _number(x: sympy.Expr) -> str:
    return f"{float(sympy.N(x)):.3g}"


def _small_norm() -> Example:
    w = sympy.Matrix([[sympy.Rational(1, 2), sympy.Rational(1, 4)], [0, sympy.Rational(1, 2)]])
    counts = (1, 2, 4, 8, 16)
    sigma = _norm(w)
    rows = [
        (str(n), _number(norm), _number(sigma**n))
        for n, norm in zip(counts, _powers(w, counts), strict=True)
    ]
    assert sympy.N(sigma) < 1
    return Example(
        "σ_max(W)·max|σ'| < 1: the gradient vanishes",
        ("h_t = W h_{t−1},  W = [[1/2, 1/4], [0, 1/2]]", f"σ_max(W) = {_number(sigma)}, σ' = 1"),
        ("t−k", "‖∂h_t/∂h_k‖", "σ_max(W)^(t−k)"),
        tuple(rows),
        "the norm stays under the bound at every distance",
    )


def _saturated() -> Example:
    """h = tanh(2h) has a fixed point at which the slope 2(1 − h²) is below 1."""
    h = mpmath.findroot(lambda z: mpmath.tanh(2 * z) - z, 0.95)
    jacobian = 2 * (1 - h**2)
    rows = [(str(n), f"{float(jacobian**n):.3g}", str(2**n)) for n in (1, 2, 4, 8, 16)]
    assert jacobian < 1
    return Example(
        "|λ(W)| > 1, and the gradient vanishes",
        (
            "h_t = tanh(2 h_{t−1}),  so λ(W) = 2",
            f"at its fixed point h = {float(h):.6f} the slope is 1 − h² = {float(1 - h**2):.4f}",
            f"J = 2 (1 − h²) = {float(jacobian):.4f}",
        ),
        ("t−k", "|∂h_t/∂h_k|", "λ(W)^(t−k)"),
        tuple(rows),
        "saturation makes J less than 1, although λ(W) is 2",
    )


def _non_normal() -> Example:
    half = sympy.Rational(1, 2)
    w = sympy.Matrix([[half, 8], [0, half]])
    counts = (1, 2, 3, 4, 6, 8, 12, 16)
    norms = _powers(w, counts)
    rows = [(str(n), _number(norm), f"1/{2**n}") for n, norm in zip(counts, norms, strict=True)]
    assert all(abs(v) < 1 for v in w.eigenvals()) and sympy.N(norms[0]) > 1
    last = max(n for n, norm in zip(counts, norms, strict=True) if sympy.N(norm) > 1)
    return Example(
        "|λ(W)| < 1, and the gradient grows first",
        (
            "h_t = W h_{t−1},  W = [[1/2, 8], [0, 1/2]],  so λ(W) = 1/2 twice",
            f"W is not normal: σ_max(W) = {_number(_norm(w))}",
        ),
        ("t−k", "‖∂h_t/∂h_k‖", "λ(W)^(t−k)"),
        tuple(rows),
        f"the norm is still above 1 after {last} steps, and vanishes only later",
    )


def _alternating() -> Example:
    up, down = sympy.Matrix([[0, 2], [0, 0]]), sympy.Matrix([[0, 0], [2, 0]])
    product, rows = sympy.eye(2), []
    for n in range(1, 9):
        product = (up if n % 2 else down) * product
        if n in (1, 2, 4, 8):
            rows.append((str(n), _number(_norm(product)), "0"))
    assert set(up.eigenvals()) == set(down.eigenvals()) == {0}
    return Example(
        "|λ(J_t)| < 1 at every t, and the gradient explodes",
        (
            "J_t = [[0, 2], [0, 0]] for odd t and [[0, 0], [2, 0]] for even t",
            "every eigenvalue of every J_t is 0",
        ),
        ("t−k", "‖∂h_t/∂h_k‖", "max|λ(J_t)|^(t−k)"),
        tuple(rows),
        "the eigenvalues of different matrices do not multiply",
    )


def scaled_identity() -> Verdict:
    """J_t = α I for every t makes the product α^(t−k) I: base and step, every size."""
    alpha, power = mx.Var("α"), mx.Var("α^(t−1−k)")
    identity = mx.Eye(mx.size("H"))
    step = same(
        mx.matmul(mx.times(alpha, identity), mx.times(power, identity)),
        mx.times(mx.times(alpha, power), identity),
    )
    a = sympy.Symbol("α", nonzero=True)
    base = a**0 == 1
    exponents = sympy.powsimp(a * a ** (t - 1 - k)) == a ** (t - k)
    how = "index notation, every size; induction on t"
    steps = (
        Step("", "base t = k: P(k,k) = I = α^0 I", base, how),
        Step("", "step t−1 → t: (α I) (α^(t−1−k) I) = (α α^(t−1−k)) I", bool(step), how),
        Step("", "and α α^(t−1−k) = α^(t−k)", bool(exponents), how),
    )
    return Verdict("J = αI", "J_t = α I  ⇒  ∂h_t/∂h_k = α^(t−k) I", steps)
