"""Time, for every T: three claims by base case and step, each step decided by `same`.

    P(t,t) = I,  P(t,k) = J_t P(t−1,k)
    1. S_t = B_t + J_t S_{t−1}, S_0 = 0          is  Σ_{k=1}^t P(t,k) B_k
    2. λ_t = u_t + λ_{t+1} J_{t+1}, λ_{T+1} = 0  is  Σ_{s=t}^T u_s P(s,t)
    3. Σ_t λ_t B_t = Σ_t u_t S_t                 one gradient by both roads

J, B and u are the step Jacobian, the immediate partial and the immediate loss gradient of
any recurrent model, so the claims hold for every model; `roads` instantiates them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import matrix as mx
from ..indices import same
from ..model import Step

LEGEND = (
    "J_t = ∂s_t/∂s_{t−1} is the step's Jacobian for the state s, P_{t,k} = J_t ⋯ J_{k+1} a "
    "product of them, P_{t,t} = I; B_t = ∂s_t/∂θ and u_t = ∂l_t/∂s_t are immediate partials, by "
    "a parameter and of the loss of step t; S_t = ds_t/dθ, λ_t = dL/ds_t."
)
LEGEND_STACKED = (
    " s stacks the states. The equations of a step have the partials A_t by the states at t and "
    "C_t by those at t−1; N_t = (I − A_t)⁻¹ and J_t = N_t C_t. μ_t counts the paths through other "
    "states of the same step, λ_t = μ_t (I − A_t) does not."
)
LEGEND_REVERSED = " Of a state that runs from T to 1 the steps are counted from T on."

S, Q = mx.size("S"), mx.size("Q")
t, T = mx.t, mx.T
k, s = mx.time_symbol("k"), mx.time_symbol("s")


def J(i: Any) -> mx.Node:  # noqa: N802 - the letters of the claims
    return mx.Var("J", (S, S), (i,))


def B(i: Any) -> mx.Node:  # noqa: N802
    return mx.Var("B", (S, Q), (i,))


def u(i: Any) -> mx.Node:
    return mx.Var("u", (S,), (i,))


def P(i: Any, j: Any) -> mx.Node:  # noqa: N802
    return mx.Var("P", (S, S), (i, j))


def sensitivity(i: Any) -> mx.Node:
    """The closed form of S_i."""
    return mx.time_sum(P(i, k) @ B(k), k, 1, i)


def adjoint(i: Any) -> mx.Node:
    """The closed form of λ_i."""
    return mx.time_sum(u(s) @ P(s, i), s, i, T)


def peel_top(x: mx.TimeSum) -> tuple[mx.Node, mx.Node]:
    """Σ_{lo}^{hi} = Σ_{lo}^{hi−1} + the term at hi; valid when hi ≥ lo."""
    body, i, lo, hi = x.args
    return mx.time_sum(body, i, lo, hi - 1), body.xreplace({i: hi})


def peel_bottom(x: mx.TimeSum) -> tuple[mx.Node, mx.Node]:
    """Σ_{lo}^{hi} = the term at lo + Σ_{lo+1}^{hi}; valid when hi ≥ lo."""
    body, i, lo, hi = x.args
    return body.xreplace({i: lo}), mx.time_sum(body, i, lo + 1, hi)


def empty_product(x: mx.Node, i: Any) -> mx.Node:
    """P(i,i) = I."""
    return _rebuilt(x.xreplace({P(i, i): mx.Eye(S)}))


def left(x: mx.Node, i: Any, j: Any) -> mx.Node:
    """P(i,j) = J_i P(i−1,j), the definition, for i > j."""
    return x.xreplace({P(i, j): J(i) @ P(i - 1, j)})


def right(x: mx.Node, i: Any, j: Any) -> mx.Node:
    """P(i,j) = P(i,j+1) J_{j+1}, the lemma, for i > j."""
    return x.xreplace({P(i, j): P(i, j + 1) @ J(j + 1)})


def _rebuilt(x: Any) -> Any:
    """Products with the identity dropped."""
    if not x.args or isinstance(x, mx.Var):
        return x
    args = [_rebuilt(a) for a in x.args]
    return mx.matmul(*args) if isinstance(x, mx.MatMul) else x.func(*args)


@dataclass(frozen=True)
class Claim:
    """One side against the other, with the words of the step."""

    words: str
    left: mx.Node
    right: mx.Node

    def step(self, how: str) -> Step:
        answer = same(self.left, self.right)
        shown = f"{mx.notation['unicode'](self.left)} = {mx.notation['unicode'](self.right)}"
        return Step("", f"{self.words}: {shown}", bool(answer), how, undecided=answer.undecided)


def lemma_right() -> list[Claim]:
    base = k + 1
    return [
        Claim(
            "products grow on the right too, base s = k+1",
            empty_product(left(P(base, k), base, k), k),
            empty_product(P(base, base) @ J(base), base),
        ),
        Claim(
            "products grow on the right too, step s−1 → s",
            J(s) @ right(P(s - 1, k), s - 1, k),
            left(P(s, k + 1), s, k + 1) @ J(k + 1),
        ),
    ]


def claim_sensitivity() -> list[Claim]:
    rest, top = peel_top(sensitivity(t))
    return [
        Claim("claim 1, base t = 0", mx.zeros((S, Q)), sensitivity(mx.as_node(0).value)),
        Claim(
            "claim 1, step t−1 → t",
            B(t) + J(t) @ sensitivity(t - 1),
            mx.plus(left(rest, t, k), empty_product(top, t)),
        ),
    ]


def claim_adjoint() -> list[Claim]:
    first, rest = peel_bottom(adjoint(t))
    at_end, nothing = peel_bottom(adjoint(T))
    return [
        Claim("claim 2, base t = T", u(T), mx.plus(empty_product(at_end, T), nothing)),
        Claim(
            "claim 2, step t+1 → t",
            u(t) + adjoint(t + 1) @ J(t + 1),
            mx.plus(empty_product(first, t), right(rest, s, t)),
        ),
    ]


def claim_roads() -> list[Claim]:
    backward = mx.time_sum(adjoint(t) @ B(t), t, 1, T)
    forward = mx.time_sum(u(t) @ sensitivity(t), t, 1, T)
    return [Claim("claim 3, the order of the double sum", backward, forward)]


def N(i: Any) -> mx.Node:  # noqa: N802
    """(I − A_i)⁻¹, a finite sum of powers: A_i is strictly triangular in the order of the step."""
    return mx.Var("N", (S, S), (i,))


def A(i: Any) -> mx.Node:  # noqa: N802
    return mx.Var("A", (S, S), (i,))


def C(i: Any) -> mx.Node:  # noqa: N802
    return mx.Var("C", (S, S), (i,))


def solved(x: mx.Node) -> mx.Node:
    """A_t N_t = N_t A_t = N_t − I, the definition of N_t."""
    inverse = {A(t) @ N(t): N(t) - mx.Eye(S), N(t) @ A(t): N(t) - mx.Eye(S)}
    return _rebuilt(x.xreplace(inverse))


def claims_of_one_step() -> list[Claim]:
    """Where states read states of the same step, J_t = N_t C_t and ∂s_t/∂θ = N_t B_t.

    μ_t = u_t + μ_t A_t + μ_{t+1} C_{t+1} and S_t = B_t + A_t S_t + C_t S_{t−1} are what the
    equations of the step give; λ_t = μ_t (I − A_t).
    """
    mu, sens = (lambda i: mx.Var("μ", (S,), (i,))), (lambda i: mx.Var("S_", (S, Q), (i,)))
    lam = mx.Var("λ", (S,), (t + 1,))
    rhs = u(t) + mu(t) @ A(t) + mu(t + 1) @ C(t + 1)
    forward = B(t) + A(t) @ sens(t) + C(t) @ sens(t - 1)
    return [
        Claim("μ_t = λ_t N_t", mu(t), mx.plus(mu(t) @ N(t), -1 * (mu(t) @ solved(A(t) @ N(t))))),
        Claim(
            "λ_t = u_t + λ_(t+1) J_(t+1), with J = N C",
            (rhs - mu(t) @ A(t)).xreplace({mu(t + 1): lam @ N(t + 1)}),
            u(t) + lam @ (N(t + 1) @ C(t + 1)),
        ),
        Claim(
            "S_t = N_t B_t + J_t S_(t−1)",
            N(t) @ (forward - A(t) @ sens(t)),
            N(t) @ B(t) + (N(t) @ C(t)) @ sens(t - 1),
        ),
        Claim(
            "and N_t (S_t − A_t S_t) = S_t",
            mx.plus(N(t) @ sens(t), -1 * (solved(N(t) @ A(t)) @ sens(t))),
            sens(t),
        ),
    ]


def within_a_step() -> list[Step]:
    """The claims of one step, each decided."""
    return [c.step("index notation, every size") for c in claims_of_one_step()]


def claims() -> list[Step]:
    """The three claims with base and step."""
    every = [*lemma_right(), *claim_sensitivity(), *claim_adjoint(), *claim_roads()]
    return [c.step("index notation, every T and every size") for c in every]


def linear_recurrence() -> list[Step]:
    """Seed lemma: a_t = b_t + c_t a_{t−1}, a_0 = 0 is b_t + Σ_{i<t} (∏_{j=i+1}^t c_j) b_i.

    It is claim 1 with the last term taken out of the sum.
    """
    rest, top = peel_top(sensitivity(t))
    stated = Claim(
        "a_t = b_t + Σ_{i=1}^{t−1} (∏_{j=i+1}^{t} c_j) b_i",
        mx.plus(B(t), rest),
        mx.plus(rest, empty_product(top, t)),
    )
    return [c.step("induction on t, every size") for c in [*claim_sensitivity(), stated]]


def matrix_power() -> list[Step]:
    """λ_t = Σ_{i=t}^T (Jᵀ)^{T−i} u_{T+t−i} when J does not change with time."""
    i = mx.time_symbol("i")
    A = mx.Var("A", (S, S))

    def closed(at: Any) -> mx.Node:
        return mx.time_sum(mx.matmul(mx.MatPow(A, T - i), u(T + at - i)), i, at, T)

    rest, top = peel_top(closed(t))
    grown = rest.xreplace({mx.MatPow(A, T - i): A @ mx.MatPow(A, T - i - 1)})
    at_end, _ = peel_bottom(closed(T))
    every = [
        Claim("powers, base t = T", u(T), at_end),
        Claim("powers, step t+1 → t", u(t) + A @ closed(t + 1), mx.plus(top, grown)),
    ]
    return [c.step("index notation, every T and every size") for c in every]
