"""The derived recursions against the chain rule, by index-wise differentiation, all sizes.

    dL/dv[t] = Σ_w Σ_j Σ_i dL/dw[t+j][i] · ∂F_w(t+j)[i]/∂v[t]

F_w is the right side of w's equation and ∂F_w/∂v comes from `indices`, entry by entry: no
row of `rules` is used. Both sides are polynomials in index notation, and equal means equal
for every size. Values that a derived line has named (h for tanh(a)) are unfolded first.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import SymbpttError
from ..indices import jacobian, same, same_poly, show_poly
from ..indices import poly as p
from ..indices.lower import free_slots, lower
from ..indices.poly import Poly
from ..model import LOSS, Derivation, Equation, Model, Step, lag_of, weights


def show(e: mx.Node) -> str:
    return mx.notation["unicode"](e)


INDEXWISE = "index-wise differentiation, all sizes"


def checked(
    e: Equation, claim: str, how: str, decide: Callable[[], Iterable[tuple[Any, Any]]]
) -> Step:
    """A step that holds when every pair of polynomials from `decide` is equal."""
    try:
        for left, right in decide():
            answer = same_poly(left, right)
            if answer:
                continue
            gap = "difference: " + show_poly(answer.residual)
            if (found := answer.witness()) is None:
                gap += "; no numbers tried tell the sides apart"
            else:
                gap += f"\n{found.brief}"
            return Step(e.label, claim, False, how, gap, undecided=found is None)
    except SymbpttError as error:
        return Step(e.label, claim, False, how, error.message)
    return Step(e.label, claim, True, how)


def forward_unchanged(d: Derivation) -> list[Step]:
    """The numbered forward equations are the model's: naming intermediates changed nothing."""
    given = d.given or d.model
    stated = {e.lhs.name: e for e in d.group("forward").equations}
    steps = []
    for e in (*given.equations, Equation("", LOSS, given.loss.expression())):
        if e.lhs.name not in stated:
            steps.append(Step("", f"{show(e.lhs)} has an equation", False, "", "it is missing"))
            continue
        here = stated[e.lhs.name]

        def decide(e: Equation = e, here: Equation = here) -> Any:
            yield from _unless_alike(given.unfold(e.rhs), d.model.unfold(here.rhs))
            if e.lhs != LOSS:  # and it is the one that the other stages use
                yield from _unless_alike(here.rhs, d.model.defined[e.lhs.name].rhs)

        claim = f"{show(e.lhs)} is computed as the model says"
        how = "both sides unfolded to the previous state, all sizes"
        steps.append(checked(here, claim, how, decide))
    for e in stated.values():
        if e.lhs.name not in given.defined and e.lhs != LOSS:
            named = d.model.defined.get(e.lhs.name)
            ok = named is not None and named.rhs == e.rhs
            steps.append(Step(e.label, f"{show(e.lhs)} names a value", ok, "its definition"))
    if d.model.loss != given.loss:
        steps.append(Step("", "the loss adds up as the model says", False, "", "it does not"))
    return steps


def _unless_alike(a: mx.Node, b: mx.Node) -> Iterator[tuple[Poly, Poly]]:
    """The two sides to compare, or nothing where they are one expression to the letter."""
    if a != b:
        yield lower(a), lower(b)


def local_partials(d: Derivation) -> list[Step]:
    """Every Jacobian of one step, or its product with λ; none is missing."""
    steps = []
    found = set()
    for e in d.group("local").equations:
        of, wrt = split(e.lhs)[1].args[:2]
        found.add((of, wrt))
        rhs = d.model.defined[of.name].rhs
        steps.append(partial_step(d, e, rhs, mx.variables(rhs), "holds everything else fixed"))
    chain = Chain(d.model)
    for e in d.model.equations:
        for v in mx.variables(e.rhs) if e.lhs.name in chain.live else ():
            if (e.lhs, v) not in found and d.model.is_differentiable(v):
                claim = f"{show(mx.derivative(e.lhs, v, total=False))} is given"
                steps.append(Step("", claim, False, "", "it is missing"))
    return steps


def full_index(d: Derivation) -> list[Step]:
    """The full-index Jacobians, entry by entry."""
    steps = []
    for f in d.formal:
        partial, names = f.equation.lhs.args
        rhs = d.model.defined[partial.of.name].rhs

        def decide(f: Any = f, partial: Any = partial, names: Any = names, rhs: Any = rhs) -> Any:
            pairs = zip(names, partial.shape, strict=True)
            slots = tuple(p.UNIT if n == 1 else p.Ix("f", str(i), "") for i, n in pairs)
            keep = mx.variables(rhs)
            yield lower(d.model.unfold(f.equation.rhs, keep)), jacobian(rhs, partial.wrt, slots)

        steps.append(
            checked(f.equation, f"{show(f.equation.lhs)} entry by entry", INDEXWISE, decide)
        )
    return steps


def split(lhs: mx.Node) -> tuple[mx.Var | None, Any]:
    """(λ, ∂u/∂v) of a left side that is a Jacobian or its product with λ."""
    if isinstance(lhs, mx.Contract):
        return lhs.args[0], lhs.args[1]
    return None, lhs


def partial_step(
    d: Derivation, e: Equation, rhs: mx.Node, keep: Iterable[mx.Var], words: str
) -> Step:
    """A printed Jacobian of `rhs` against index-wise differentiation; `keep` stays folded."""
    ct, partial = split(e.lhs)

    def decide() -> Any:
        truth = jacobian(rhs, partial.wrt)
        yield lower(d.model.unfold(e.rhs, keep)), truth if ct is None else pulled(ct, truth)

    return checked(e, f"{show(partial)} {words}", INDEXWISE, decide)


def pulled(cotangent: mx.Node, partial: Poly, rank: int | None = None) -> Poly:
    """Σ_i λ[i] ∂u[i]/∂v[j], with the free indices renumbered to those of v."""
    n = cotangent.rank
    ct = lower(cotangent, free_slots(cotangent.shape))
    product = p.mul(ct, partial)
    free = {i for q in (ct, partial) for m in q for i in p.mono_free(m) if i.tag == "f"}
    names = {i: _as_number(i, n) for i in free}
    return _renamed(product, names, [i for i in free_slots(cotangent.shape)])


def _as_number(i: Any, n: int) -> Any:
    counted = isinstance(i.num, int) and i.num >= n  # the index of a unit axis is not counted
    return i._replace(num=i.num - n) if counted else i


def _renamed(q: Poly, names: dict[Any, Any], summed: list[Any]) -> Poly:
    """Bind the indices of u, then count those of v from 0."""
    fresh = {i: p.fresh(i.size) for i in summed if i != p.UNIT}
    out: Poly = {}
    for m, c in q.items():
        m = p.rename_mono(m, fresh)
        out = p.add(out, {m: c})
    out = p.bind(out, *fresh.values())
    shifted = {i: j for i, j in names.items() if i not in fresh}
    # Two steps, so that renaming 2→0, 3→1 never meets a name still in use.
    hold = {i: p.Ix("h", i.num, i.size) for i in shifted}
    out = p.add(*({p.rename_mono(m, hold): c} for m, c in out.items()))
    back = {hold[i]: j for i, j in shifted.items()}
    return p.add(*({p.rename_mono(m, back): c} for m, c in out.items()))


class Chain:
    """The chain rule of one unrolled model, as polynomials: what the recursions must equal."""

    def __init__(self, model: Model):
        self.model = model
        self.live = model.reaching_loss

    def cotangent(self, w: mx.Var) -> mx.Node:
        if w.name == self.model.loss.step.name:
            return mx.shift(self.model.loss.weight(), w.time - mx.t)
        return mx.derivative(LOSS, w, total=True)

    def readers(self, name: str, lags: Callable[[int], bool]) -> list[tuple[Equation, mx.Var]]:
        """Equations w that lead to the loss and read `name`, each with the variable it reads."""
        return [
            (e, v)
            for e in self.model.equations
            if e.lhs.name in self.live
            for v in mx.variables(e.rhs)
            if v.name == name and lags(lag_of(v))
        ]

    def total(self, v: mx.Var, at: Any = None) -> tuple[Poly, list[mx.Var], list[Any]]:
        """(Σ dL/dw · ∂w/∂v, the variables ∂w/∂v is a function of, the times of the w's)."""
        out: Poly = {}
        keep: list[mx.Var] = []
        times: list[Any] = []
        base = v.time if v.times else mx.t
        initial = at is not None
        for e, read in self.readers(v.name, lambda j: not initial or _within(base + j)):
            lag = lag_of(read)
            move = base + lag - mx.t if v.times else sympy.Integer(0)
            rhs, w = mx.shift(e.rhs, move), mx.shift(e.lhs, move)
            target = mx.shift(read, move)
            keep += mx.variables(rhs)
            times.append(w.time)
            share = pulled(self.cotangent(w), jacobian(rhs, target))
            for x in weights(self.model, lag):  # ξ, where the gradient is cut at random
                x = mx.shift(x, base - mx.t) if v.times else x
                if not _starts(x.time):
                    share = p.mul(lower(x, ()), share)
            out = p.add(out, share)
        return out, keep, times


def adjoint(d: Derivation) -> list[Step]:
    """The backward recursion and its boundary."""
    chain = Chain(d.model)
    steps = []
    expected = {e.lhs.name for e in d.model.equations if e.lhs.name in chain.live} - {
        d.model.loss.step.name
    }
    for name, e in d.adjoint.items():
        steps.append(total_step(d, chain, e, e.lhs.wrt, "sums every path in time"))
        expected.discard(name)
    for name in sorted(expected):
        steps.append(Step("", f"dL/d{name} has a recursion", False, "", "it is missing"))
    return steps + boundary(d, chain)


def total_step(d: Derivation, chain: Chain, e: Equation, v: mx.Var, words: str) -> Step:
    def decide() -> Any:
        truth, keep, times = chain.total(v, at=v.time if _is_start(v) else None)
        yield lower(d.model.unfold(e.rhs, keep, times)), truth

    return checked(e, f"{show(e.lhs)} {words}", INDEXWISE, decide)


def _is_start(v: mx.Var) -> bool:
    """Whether v is an initial value: at 0 or before, or past T for a reversed state."""
    return v.time is not None and mx.t not in v.time.free_symbols


def _starts(time: Any) -> bool:
    """Whether ξ is 1: on the way into step 1, or from T + 1 into T."""
    return bool(time <= 1) if time.is_number else bool((time - mx.T).is_positive)


def _within(time: Any) -> bool:
    """Whether a step of 1..T: from 1 on, or up to T for what is counted from T."""
    return bool(time >= 1) if time.is_number else bool(time - mx.T <= 0)


def boundary(d: Derivation, chain: Chain) -> list[Step]:
    """Every adjoint that a recursion reads past T is there, and is zero."""
    needed: dict[mx.Deriv, None] = {}
    for e in d.group("adjoint").equations:
        for x in e.rhs.atoms(mx.Deriv):
            ahead = int(x.wrt.time - mx.t)
            for j in range(1, abs(ahead) + 1):
                beyond = mx.T + j if ahead > 0 else sympy.Integer(1 - j)
                needed[mx.Deriv(LOSS, x.wrt.at(beyond), True)] = None
    stated: dict[Any, Equation] = {}
    for g in d.groups:
        if g.key == "boundary":
            stated = {e.lhs: e for e in g.equations}
    steps = []
    for x in needed:
        claim, how = f"{show(x)} = 0", "no equation past T reaches the loss"
        if x in stated:
            e = stated.pop(x)
            steps.append(Step(e.label, claim, bool(same(e.rhs, mx.zeros(x.shape))), how))
        else:
            steps.append(Step("", claim, False, how, "the equation is missing"))
    steps += [
        Step(e.label, f"{show(x)} is read by a recursion", False, "", "nothing reads it")
        for x, e in stated.items()
    ]
    return steps


def gradient(d: Derivation) -> list[Step]:
    """Parameters, inputs and initial states."""
    chain = Chain(d.model)
    steps = []
    for e in d.group("gradient").equations:
        v = e.lhs.wrt
        if v.times:
            steps.append(total_step(d, chain, e, v, "sums every path"))
        else:
            steps.append(_parameter(d, chain, e, v))
    wanted = {x.name for x in d.model.params} | {x.name for x in d.model.states}
    wanted |= {x.name for x in d.model.inputs if d.model.is_differentiable(x.var())}
    missing = sorted(wanted - {e.lhs.wrt.name for e in d.group("gradient").equations})
    return steps + [Step("", f"dL/d{n} is given", False, "", "it is missing") for n in missing]


def _parameter(d: Derivation, chain: Chain, e: Equation, v: mx.Var) -> Step:
    def decide() -> Any:
        truth, keep, times = chain.total(v)
        if isinstance(e.rhs, mx.TimeSum) and e.rhs.args[1:] == (mx.t, 1, mx.T):
            yield lower(d.model.unfold(e.rhs.args[0], keep, times)), truth
        else:
            yield lower(e.rhs), truth

    return checked(e, f"{show(e.lhs)} sums over the steps 1..T", INDEXWISE, decide)
