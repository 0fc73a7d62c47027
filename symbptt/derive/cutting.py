"""What a strategy that cuts the gradient computes, in place of dL/dθ, and what it leaves out.

    Blocks      g_θ = Σ_t Σ_{k=f}^t u_t P(t,k) B_k,   f the first step that l_t reaches
    RandomCut   g_θ = Σ_t Σ_{k=1}^t u_t (∏_{j=k+1}^t ξ_j J_j) B_k,   E g_θ = dL/dθ

A state that runs from T to 1 has k from t up to n, the last step that l_t reaches, and ξ_{j+1}
with its J_j. The direct part ∂l_t/∂θ is never cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from .. import matrix as mx
from ..errors import UnsupportedError
from ..model import LOSS, Block, Declaration, Equation, Group, Model, lag_of
from ..strategy import Blocks, Online, RandomCut, Strategy, first_step, last_step
from .blocks import Step
from .recursions import FORWARD, Deriver
from .roads import Road, onward, partial, total


def cut(model: Model, strategy: Strategy | None) -> Model:
    """The model with ξ declared, under a name of its own, where the strategy cuts at random.

    Raises UnsupportedError where the strategy has no meaning for the model.
    """
    if strategy is None:
        return model
    read = [v for e in model.equations for v in mx.variables(e.rhs) if v.times]
    if not any(lag_of(v) for v in read):
        raise UnsupportedError(
            f"{model.name} reads nothing of an earlier step, so there is no gradient to cut, carry "
            "or recompute",
            "the same without the option, which is the full gradient",
        )
    ahead = ", ".join(d.name for d in model.states if d.reversed)
    if ahead and isinstance(strategy, Online):
        raise UnsupportedError(
            f"{model.name}: {ahead} runs from T to 1, so its value at a step depends on inputs "
            "that are still to come; real-time recurrent learning has no step to begin with",
            "the full gradient, or --checkpoint, --truncate, --chunk or --random-cut",
        )
    if not isinstance(strategy, RandomCut):
        return model
    name = next(n for n in ("xi", "xi_cut", "xi_c") if n not in model.table)
    return replace(model, declarations=(*model.declarations, Declaration(name, "cut", (), True)))


def cutting(d: Deriver, strategy: Blocks | RandomCut) -> tuple[list[Group], tuple[Block, ...]]:
    """Step Jacobians, what is computed, and what is left out."""
    step = Step(d.model, frozenset(d.live))
    road = Road(d, step, step.blocks())
    if not road.blocks:
        raise UnsupportedError(
            f"the states of {d.model.name} run both ways in time and read each other: a path turns "
            "around, and no number of steps back says how far a loss reaches",
            "the full gradient, without a strategy",
        )
    jacobians = road.jacobians()
    if isinstance(strategy, RandomCut):
        return [jacobians, _random(road, strategy)], road.blocks
    loss = mx.Var("L", (), (road._times("s")[0],))
    return [_per_loss(d, loss, strategy), jacobians, *_kept(road, strategy)], road.blocks


def _per_loss(d: Deriver, loss: mx.Var, strategy: Blocks) -> Group:
    """The recursions of one loss alone: those of L, with the loss at step s only."""
    (s,) = loss.times
    out = []
    for e in d.adjoint().equations:
        terms = e.rhs.args if isinstance(e.rhs, mx.Plus) else (e.rhs,)
        own = [_of_one_loss(a, loss) for a in terms]
        lhs = mx.derivative(loss, e.lhs.wrt, total=True)
        end = "n" if e.when == FORWARD else "f"
        out.append(Equation(d.label(), lhs, mx.plus(*own), f"t = {s.name}, …, {end}_{s.name}"))
    text = (
        f"L_{s.name} is what l_{s.name} adds to L. Its gradient goes back from step {s.name} to "
        f"f_{s.name} = {first_step(strategy, s.name)}, and no further: {_reach(strategy)}"
    )
    if d.model.is_two_way:
        text += (
            f" Through states that run from T to 1 it goes ahead, to n_{s.name} = "
            f"{last_step(strategy, s.name)}, by the same blocks."
        )
    return Group("cut", "Total derivatives of one loss, backward in time", text, tuple(out))


def _of_one_loss(term: mx.Node, loss: mx.Var) -> mx.Node:
    """A term that carries an adjoint carries that of L_s; an immediate one is there at t = s."""
    carried = {x: mx.derivative(loss, x.wrt, total=True) for x in term.atoms(mx.Deriv)}
    if carried:
        return term.xreplace(carried)
    return mx.times(mx.Kron(mx.t, loss.times[0]), term)


def _reach(strategy: Blocks) -> str:
    if strategy.every == 1:
        n = strategy.back - 1
        return (
            f"{n + 1} steps, which is {n} Jacobians. A loop over max(0, t − n), …, t, as one over "
            "max(0, t − bptt_truncate), …, t, runs n + 1 steps through n Jacobians, and a sum that "
            f"ends at ∂h_{{t−n}}/∂W has as many: n = {n} is this window."
        )
    if strategy.every == strategy.back:
        return (
            f"J_t is left out where t − 1 is a multiple of {strategy.every}; the state itself is "
            "carried on."
        )
    return (
        f"{strategy.back} steps back from the end of its block of {strategy.every} steps, which "
        f"is {strategy.back - 1} Jacobians from there; the end of the last block may lie past T."
    )


Limits = Callable[[bool], tuple[Any, Any]]  # of k, for a block that runs on, or back, in time
FIRST, LAST = mx.time_symbol("f_t"), mx.time_symbol("n_t")


def reached(forward: bool) -> tuple[Any, Any]:
    """The steps of a block that the loss of step t reaches."""
    return (FIRST, mx.t) if forward else (mx.t, LAST)


def left_out(forward: bool) -> tuple[Any, Any]:
    """The others that lead to it."""
    return (1, FIRST - 1) if forward else (LAST + 1, mx.T)


def _kept(road: Road, strategy: Blocks) -> list[Group]:
    """The closed form of what is computed, and the double sum that is left out."""
    d = road.d
    kept = [
        Equation(d.label(), computed(p), _double_sum(road, p, reached, direct=True))
        for p in road.params
    ]
    gaps = []
    for p in road.params:
        if any(set(b.parts) & set(road.step.reached(p)) for b in road.blocks):
            lhs = mx.plus(total(LOSS, p), mx.times(-1, computed(p)))
            gaps.append(Equation(d.label(), lhs, _double_sum(road, p, left_out, direct=False)))
    text = (
        "g_W stands for what is computed in place of dL/dW, the product of the Jacobians from step "
        f"k to t times [k ≥ f_t]; f_t = {first_step(strategy, 't')}."
    )
    words = "The bias, the terms that are left out: those of the steps k < f_t."
    if d.model.is_two_way:
        text = text[:-1] + f", n_t = {last_step(strategy, 't')}."
        text = text.replace("[k ≥ f_t]", "[f_t ≤ k ≤ n_t]")
        words = words[:-1] + " and k > n_t."
    text = " ".join((text, *_stacks(road)))
    return [
        Group("kept", "What is computed, in closed form", text, tuple(kept)),
        Group("bias", "What is left out", words, tuple(gaps)),
    ]


def _stacks(road: Road) -> list[str]:
    """In words: what the stacked states stand for."""
    return [words for b in road.blocks if b.is_stacked for words in road.stack(b)]


def computed(p: mx.Var) -> mx.Var:
    """g_W, for a parameter W."""
    return mx.Var(f"g_{p.name}", p.shape)


def _double_sum(
    road: Road, p: mx.Var, limits: Limits, *, direct: bool, factor: Callable[..., Any] | None = None
) -> mx.Node:
    """Σ_t (∂l_t/∂θ + Σ_k u_t P(t,k) B_k), k within the limits."""
    terms = [partial(road.lost, p)] if direct and road.has(road.lost, p) else []
    moved = set(road.step.reached(p))
    (k,) = road._times("k")
    for b in road.blocks:
        if moved & set(b.parts):
            product = factor(b, mx.t, k) if factor else road.product(b, mx.t, k)
            u = mx.contract(partial(road.lost, b.var), product, b.var.rank)
            body = mx.contract(u, partial(b.var, p).xreplace({mx.t: k}), b.var.rank)
            terms.append(mx.time_sum(body, k, *limits(onward(b))))
    return road._weighted(mx.plus(*terms)) if terms else mx.zeros(p.shape)


def _random(road: Road, strategy: RandomCut) -> Group:
    """The closed form with ξ; its mean and, for one unit, its variance in words."""
    d, cut_ = road.d, road.d.model.cut
    assert cut_ is not None

    def product(b: Block, to: Any, start: Any) -> mx.Node:
        between = mx.t if onward(b) else mx.t + 1  # ξ of the way from the step before
        return road.product(b, to, start, cut_.var(between))

    def every(forward: bool) -> tuple[Any, Any]:
        return (1, mx.t) if forward else (mx.t, mx.T)

    out = [
        Equation(d.label(), computed(p), _double_sum(road, p, every, direct=True, factor=product))
        for p in road.params
    ]
    and_past = " and for t > T" if d.model.is_two_way else ""
    xi, alpha = mx.notation["unicode"](cut_.var(mx.t)), strategy.alpha
    text = (
        f"g_W stands for what is computed in place of dL/dW. The {xi} are independent, 1/α with "
        f"probability α = {alpha} and else 0, so E {xi} = 1 and E g_W = dL/dW for every T, also "
        "where α is another number at every step (Tallec and Ollivier, 2017); "
        f"{xi} for t ≤ 1{and_past} is 1. For one unit, S_t = dh_t/dW and S̄_t its mean: "
        "Var S_t = J_t² (Var S_{t−1} / α + (1/α − 1) S̄_{t−1}²), Var S_1 = 0, which is "
        "(1/α − 1) Σ_{k=2}^{t} (∏_{j=k+1}^{t} J_j²/α) J_k² S̄_{k−1}²."
    )
    text = " ".join((text, *_stacks(road)))
    return Group("kept", "What is computed, in closed form", text, tuple(out))
