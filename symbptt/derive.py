"""Model -> Derivation: the recursions that backpropagation through time owes the equations.

    dL/dv[t] = Σ over the equations w that read v at lag j of  (dL/dw · ∂w/∂v) at t + j
    dL/dθ    = Σ_{t=1}^T Σ over the equations w that read θ of  dL/dw[t] · ∂w[t]/∂θ
    dh_t/dθ  = ∂h_t/∂θ + ∂h_t/∂h_{t-1} · dh_{t-1}/dθ,  dh_0/dθ = 0
    dL/dθ    = Σ_{t=1}^T Σ_{k=1}^t ∂l_t/∂h_t · ∏_{j=k+1}^t ∂h_j/∂h_{j-1} · ∂h_k/∂θ

Nothing depends on T or on a size: they stay symbols, so the cost does not grow with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import sympy

from . import matrix as mx
from .errors import UnsupportedError
from .indices import jacobian
from .indices.formal import count_nonzero, entries
from .matrix.build import is_zero
from .model import (
    LOSS,
    Declaration,
    Derivation,
    Equation,
    Formal,
    Group,
    Local,
    Model,
    lag_of,
)
from .rules import differential, pullback
from .show import show_expression

BACKWARD = "t = T, …, 1"
FORWARD = "t = 1, …, T"


def derive(model: Model) -> Derivation:
    """All recursions of the model, labelled; see `Derivation` for the groups."""
    return replace(_Deriver(named(model)).run(), given=model)


def named(model: Model) -> Model:
    """The model with every composite argument of a nonlinearity named, as texts do (a, z, …)."""
    taken = {d.name for d in model.declarations} | set(model.functions)
    equations: list[Equation] = []
    new: dict[mx.Node, mx.Var] = {}
    declarations = list(model.declarations)

    def walk(e: Any, inside: mx.Var) -> Any:
        if not e.args or isinstance(e, mx.Var | mx.Scalar):
            return e
        e = e.func(*(walk(a, inside) for a in e.args))
        if isinstance(e, mx.Apply | mx.Softmax):
            argument = e.args[-1]
            if not isinstance(argument, mx.Var) and argument.shape == e.shape:
                return e.func(*e.args[:-1], name(argument, inside))
        return e

    def name(argument: mx.Node, inside: mx.Var) -> mx.Var:
        if argument not in new:
            label = next(n for n in _names_for(inside.name) if n not in taken)
            taken.add(label)
            declarations.append(Declaration(label, "variable", argument.shape, True))
            new[argument] = mx.Var(label, argument.shape, (mx.t,))
            equations.append(Equation("", new[argument], argument, note="named here"))
        return new[argument]

    for e in model.equations:
        rhs = walk(e.rhs, e.lhs)
        equations.append(replace(e, rhs=rhs))
    numbered = tuple(replace(e, label=str(n)) for n, e in enumerate(equations, 1))
    return replace(model, declarations=tuple(declarations), equations=numbered)


def _names_for(name: str) -> Iterator[str]:
    yield "a"
    yield f"a_{name}"
    for n in count(2):
        yield f"a{n}_{name}"


@dataclass(frozen=True)
class _Edge:
    """Equation `at` reads `var` with a delay of `lag` steps."""

    at: Equation
    var: mx.Var
    lag: int


class _Deriver:
    def __init__(self, model: Model):
        self.model = model
        self.labels = count(1)
        self.fold = {e.rhs: e.lhs for e in model.equations if not isinstance(e.rhs, mx.Var)}
        self.edges = [
            _Edge(e, v, lag_of(v)) for e in model.equations for v in mx.variables(e.rhs)
        ]
        self.live = self._reaching_the_loss()

    def run(self) -> Derivation:
        forward = self.forward()
        local_group, locals_ = self.locals()
        groups = [forward, local_group, self.adjoint(), self.boundary(), self.gradient()]
        groups += self.through_time()
        return Derivation(
            self.model, tuple(g for g in groups if g.equations), locals_, self.formal()
        )

    def label(self) -> str:
        return str(next(self.labels))

    def _reaching_the_loss(self) -> set[str]:
        live = {self.model.loss.step.name}
        while True:
            more = {e.var.name for e in self.edges if e.at.lhs.name in live} - live
            if not more:
                return live
            live |= more

    def differentiable(self, v: mx.Var) -> bool:
        d = self.model.table[v.name]
        return d.classes is None and d.role not in ("target", "size", "hyper")

    # -- the step

    def forward(self) -> Group:
        equations = [
            replace(e, label=self.label(), when=FORWARD) for e in self.model.equations
        ]
        loss = Equation(self.label(), LOSS, self.model.loss.expression())
        return Group("forward", "Forward", "", (*equations, loss))

    def locals(self) -> tuple[Group, tuple[Local, ...]]:
        """One line per edge: the Jacobian where it is a matrix, else the pullback of λ."""
        found = []
        for edge in self.edges:
            if edge.at.lhs.name in self.live and self.differentiable(edge.var):
                found.append(self._local(edge.at.rhs, edge.at.lhs, edge.var))
        text = (
            "∂ holds everything else fixed. Jacobians are in numerator layout; where one has "
            "more than two indices its product with a cotangent λ is given."
        )
        return Group("local", "Local partials", text, tuple(x.equation for x in found)), tuple(
            found
        )

    def _local(self, rhs: mx.Node, of: mx.Var, wrt: mx.Var) -> Local:
        ct = mx.Var("λ", of.shape)
        pulled = self.folded(pullback(rhs, wrt, ct))
        matrix = self.folded(_as_matrix(rhs, wrt)) if of.rank + wrt.rank <= 2 else None
        partial = mx.derivative(of, wrt, total=False)
        if matrix is not None:
            equation = Equation(self.label(), partial, matrix)
        else:
            lhs = mx.contract(ct, partial, of.rank)
            equation = Equation(self.label(), lhs, pulled)
        return Local(equation, of, wrt, ct, pulled, matrix)

    def folded(self, expr: mx.Node | None) -> Any:
        """Subexpressions that the forward pass has named, under their names."""

        def walk(e: Any) -> Any:
            # ∂f(x, h) is a function of its arguments: the call inside it is not a value.
            if e in self.fold or not e.args or isinstance(e, mx.CallDeriv | mx.Var | mx.Deriv):
                return self.fold.get(e, e)
            e = e.func(*map(walk, e.args))
            return self.fold.get(e, self._fold_terms(e) if isinstance(e, mx.Plus) else e)

        return walk(expr) if expr is not None else None

    def _fold_terms(self, e: mx.Plus) -> mx.Node:
        """A named sum inside a longer one: W h + b − y is o − y."""
        for rhs, lhs in self.fold.items():
            if isinstance(rhs, mx.Plus) and set(rhs.args) <= set(e.args):
                return mx.plus(lhs, *(a for a in e.args if a not in rhs.args))
        return e

    # -- the backward road

    def total(self, v: mx.Var) -> mx.Node:
        """dL/dv as a cotangent: a number for the per-step loss, else its symbol."""
        if v.name == self.model.loss.step.name:
            return mx.shift(self.model.loss.weight(), v.time - mx.t)
        return mx.derivative(LOSS, v, total=True)

    def pulled(self, edge: _Edge) -> mx.Node:
        """dL/dw · ∂w/∂v for one edge, at the time v is read."""
        ct = self.total(edge.at.lhs)
        return mx.shift(self.folded(pullback(edge.at.rhs, edge.var, ct)), edge.lag)

    def adjoint(self) -> Group:
        equations = []
        for e in reversed(self.model.equations):
            v = e.lhs
            if v.name not in self.live or v.name == self.model.loss.step.name:
                continue
            edges = self._reads(v.name)
            rhs = mx.plus(*(self.pulled(x) for x in edges))
            lhs = mx.derivative(LOSS, v, total=True)
            equations.append(
                Equation(self.label(), lhs, self._shaped(rhs, v), BACKWARD, _paths(v, edges))
            )
        text = (
            "d is total: through every path in time. dL/dv has the shape of v; the adjoint λ_t "
            "of the proof is dL/d(state at t)."
        )
        return Group("adjoint", "Total derivatives, backward in time", text, tuple(equations))

    def _reads(self, name: str) -> list[_Edge]:
        return [x for x in self.edges if x.var.name == name and x.at.lhs.name in self.live]

    @staticmethod
    def _shaped(rhs: mx.Node, like: mx.Var) -> mx.Node:
        return mx.broadcast(rhs, like.shape) if rhs.shape != like.shape else rhs

    def boundary(self) -> Group:
        """dL/dw = 0 past the last step, for every w that carries the recursion."""
        reach: dict[str, int] = {}
        for x in self.edges:
            if x.lag and x.at.lhs.name in self.live:
                reach[x.at.lhs.name] = max(reach.get(x.at.lhs.name, 0), x.lag)
        equations = []
        for e in self.model.equations:
            if e.lhs.name == self.model.loss.step.name:
                continue
            for j in range(1, reach.get(e.lhs.name, 0) + 1):
                v = e.lhs.at(mx.T + j)
                lhs = mx.derivative(LOSS, v, total=True)
                equations.append(Equation(self.label(), lhs, mx.zeros(v.shape)))
        text = "Past the last step nothing reaches the loss."
        return Group("boundary", "Boundary at T", text, tuple(equations))

    def gradient(self) -> Group:
        equations = []
        for d in self.model.params:
            terms = mx.plus(*(self.pulled(x) for x in self._reads(d.name)))
            rhs = mx.zeros(d.shape)
            if not is_zero(terms):
                rhs = mx.time_sum(self._shaped(terms, d.var()), mx.t, 1, mx.T)
            lhs = mx.derivative(LOSS, d.var(), total=True)
            equations.append(Equation(self.label(), lhs, rhs))
        for d in self.model.inputs:
            if d.classes is None:
                v = d.var(mx.t)
                rhs = self._shaped(mx.plus(*(self.pulled(x) for x in self._reads(d.name))), v)
                lhs = mx.derivative(LOSS, v, total=True)
                equations.append(Equation(self.label(), lhs, rhs, FORWARD))
        for d in self.model.states:
            for back in range(self.model.lag(d.name)):
                equations.append(self._initial(d, back))
        return Group("gradient", "Gradients", "", tuple(equations))

    def _initial(self, d: Declaration, back: int) -> Equation:
        """dL/dh[−back]: only the reads with a longer lag see it."""
        edges = [x for x in self._reads(d.name) if x.lag > back]
        rhs = mx.plus(*(self.pulled(x) for x in edges)).xreplace({mx.t: sympy.Integer(-back)})
        v = d.var(-back)
        return Equation(
            self.label(), mx.derivative(LOSS, v, total=True), self._shaped(rhs, v)
        )

    # -- the forward road and the closed form

    def through_time(self) -> list[Group]:
        """Step Jacobians, sensitivities and the closed form, for one state of lag one."""
        states = self.model.states
        if len(states) != 1 or self.model.lag(states[0].name) != 1:
            return []
        state = states[0].var(mx.t)
        before = state.at(mx.t - 1)
        step = self.model.unfold(state)
        loss = self.model.unfold(self.model.loss.step, keep=[state])
        if before in mx.variables(loss):
            return []
        road = _Road(self, state, before, step, loss)
        return [road.jacobians(), road.sensitivity(), road.closed()]

    def formal(self) -> tuple[Formal, ...]:
        """The full-index Jacobians of a batch model, entry by entry."""
        if not any(d.rank_two for d in map(_Rank, self.model.states)):
            return ()
        out = []
        for edge in self.edges:
            of, wrt = edge.at.lhs, edge.var
            if of.name in self.live and self.differentiable(wrt) and of.rank + wrt.rank > 2:
                with suppress(UnsupportedError):  # entries that need a sum over an index
                    out.append(self._formal(edge.at.rhs, of, wrt))
        return tuple(out)

    def _formal(self, rhs: mx.Node, of: mx.Var, wrt: mx.Var) -> Formal:
        names = sympy.symbols("n j m k p q")[: of.rank + wrt.rank]
        full = of.shape + wrt.shape
        q = jacobian(rhs, wrt)
        value = self.folded(entries(q, names))
        entry = mx.Element(mx.derivative(of, wrt, total=False), names)
        return Formal(Equation(self.label(), entry, value, FORWARD), full, *count_nonzero(q, full))


@dataclass(frozen=True)
class _Rank:
    declaration: Declaration

    @property
    def rank_two(self) -> bool:
        return len(self.declaration.shape) > 1


def _as_matrix(rhs: mx.Node, wrt: mx.Var) -> mx.Node | None:
    """∂rhs/∂wrt in numerator layout, read off the differential; None if it has no such form."""
    dx = mx.Var("∂" + wrt.name, wrt.shape, wrt.times)
    linear = differential(rhs, {wrt: dx})
    if rhs.rank == 0 or wrt.rank == 0:
        ct = mx.Scalar(1)
        return pullback(rhs, wrt, ct) if rhs.rank == 0 else linear.xreplace({dx: ct})

    def walk(e: mx.Node) -> mx.Node | None:
        if e == dx:
            return mx.Eye(dx.shape[0])
        if isinstance(e, mx.Plus):
            parts = [walk(a) for a in e.args]
            return None if None in parts else mx.plus(*parts)
        k = next((i for i, a in enumerate(e.args) if dx in mx.variables(a)), None)
        inner = walk(e.args[k]) if k is not None else None
        if inner is None:
            return None
        if isinstance(e, mx.Times):
            others = mx.times(*e.args[:k], *e.args[k + 1 :])
            return mx.matmul(mx.diag(others), inner) if others.shape else mx.times(others, inner)
        if isinstance(e, mx.MatMul) and k == 1 and e.args[0].rank == 2:
            return mx.matmul(e.args[0], inner)
        if isinstance(e, mx.MatMul) and k == 0 and e.args[1].rank == 2:
            return mx.matmul(e.args[1].T, inner)
        if isinstance(e, mx.Contract) and e.args[0].rank == 2:
            return mx.matmul(e.args[0], inner)
        if isinstance(e, mx.Broadcast) and isinstance(e.args[0], mx.Reduce):
            row = _row_of_sum(e.args[0], dx)
            return None if row is None else mx.outer(mx.broadcast(mx.Scalar(1), e.shape), row)
        return None

    return walk(linear)


def _row_of_sum(e: mx.Reduce, dx: mx.Var) -> mx.Node | None:
    """Σ_j v_j dx_j as the row v."""
    factors = e.args[0].args if isinstance(e.args[0], mx.Times) else (e.args[0],)
    if dx not in factors or e.args[0].rank != 1:
        return None
    return mx.times(*(f for f in factors if f != dx))


def _paths(v: mx.Var, edges: list[_Edge]) -> str:
    """In words: which paths the total derivative sums."""
    ways = []
    for x in edges:
        where = show_expression(x.at.lhs.at(mx.t + x.lag))
        ways.append(f"{where} " + ("now" if not x.lag else "later"))
    ways = list(dict.fromkeys(ways))
    if not ways:
        return ""
    return f"{show_expression(v)} reaches the loss through " + " and through ".join(ways)


@dataclass(frozen=True)
class _Road:
    """The one-state recursions in terms of step Jacobians."""

    d: _Deriver
    state: mx.Var
    before: mx.Var
    step: mx.Node
    loss: mx.Node

    @property
    def params(self) -> list[mx.Var]:
        return [p.var() for p in self.d.model.params]

    def recurrent(self) -> list[mx.Var]:
        return [p for p in self.params if p in mx.variables(self.step)]

    def jacobians(self) -> Group:
        """∂ through the step's own intermediates, the previous state held fixed."""
        out = []
        l = self.d.model.loss.step
        pairs = [(self.step, self.state, self.before)]
        pairs += [(self.step, self.state, p) for p in self.recurrent()]
        pairs += [(self.loss, l, self.state)]
        pairs += [(self.loss, l, p) for p in self.params if p in mx.variables(self.loss)]
        for rhs, of, wrt in pairs:
            out.append(self.d._local(rhs, of, wrt).equation)
        text = (
            f"Immediate partials: {show_expression(self.state)} as a function of "
            f"{show_expression(self.before)}, the input and "
            "the parameters; the loss of the step as a function of its state."
        )
        return Group("jacobian", "Step Jacobians", text, tuple(out))

    def partial(self, of: mx.Var, wrt: mx.Var) -> mx.Deriv:
        return mx.derivative(of, wrt, total=False)

    def sensitivity(self) -> Group:
        out = []
        for p in self.recurrent():
            now, then = (mx.derivative(s, p, total=True) for s in (self.state, self.before))
            carried = mx.contract(self.partial(self.state, self.before), then, self.state.rank)
            rhs = mx.plus(self.partial(self.state, p), carried)
            out.append(Equation(self.d.label(), now, rhs, FORWARD))
            start = mx.derivative(self.state.at(0), p, total=True)
            out.append(Equation(self.d.label(), start, mx.zeros(start.shape)))
        for p in self.params:
            out.append(self._forward_gradient(p))
        text = "The same gradient, carried forward: real-time recurrent learning."
        return Group("sensitivity", "Total derivatives, forward in time", text, tuple(out))

    def _weighted(self, body: mx.Node) -> mx.Node:
        """Σ_t weight · body, for the way this model's loss adds up over time."""
        loss = self.d.model.loss
        if loss.over == "last":
            return body.xreplace({mx.t: mx.T})
        return mx.times(loss.weight(), mx.time_sum(body, mx.t, 1, mx.T))

    def _forward_gradient(self, p: mx.Var) -> Equation:
        l = self.d.model.loss.step
        terms = []
        if p in mx.variables(self.loss):
            terms.append(self.partial(l, p))
        if p in self.recurrent():
            s = mx.derivative(self.state, p, total=True)
            terms.append(mx.contract(self.partial(l, self.state), s, self.state.rank))
        lhs = mx.derivative(LOSS, p, total=True)
        rhs = self._weighted(mx.plus(*terms)) if terms else mx.zeros(p.shape)
        return Equation(self.d.label(), lhs, rhs)

    def closed(self) -> Group:
        """Sums of products of Jacobians, with nothing recursive left."""
        out = []
        l = self.d.model.loss.step
        k, j, s = self._times("k", "j", "s")
        step = self.partial(self.state, self.before)

        def product(lo: Any, hi: Any) -> mx.Node:
            return mx.TimeProd(step.xreplace({mx.t: j}), j, lo + 1, hi)

        lam = mx.contract(
            self.partial(l, self.state).xreplace({mx.t: s}), product(mx.t, s), self.state.rank
        )
        out.append(
            Equation(
                self.d.label(),
                mx.derivative(LOSS, self.state, total=True),
                self._from_t(lam, s),
                FORWARD,
            )
        )
        for p in self.params:
            out.append(self._closed_gradient(p, k, product))
        power = self._matrix_power()
        text = "∏ multiplies from the latest step on the left; an empty product is the identity."
        return Group(
            "closed", "Closed form", text, (*out, power) if power else tuple(out)
        )

    def _times(self, *wanted: str) -> list[Any]:
        """Names for bound times that the model does not use for something else."""
        free = [n for n in "kjsirmnpqu" if n not in self.d.model.table]
        chosen = [n for n in wanted if n in free]
        rest = [n for n in free if n not in wanted]
        return [mx.time_symbol(n if n in chosen else rest.pop(0)) for n in wanted]

    def _from_t(self, body: mx.Node, s: Any) -> mx.Node:
        loss = self.d.model.loss
        if loss.over == "last":
            return body.xreplace({s: mx.T})
        return mx.times(loss.weight(), mx.time_sum(body, s, mx.t, mx.T))

    def _closed_gradient(self, p: mx.Var, k: Any, product: Any) -> Equation:
        l = self.d.model.loss.step
        terms = []
        if p in mx.variables(self.loss):
            terms.append(self.partial(l, p))
        if p in self.recurrent():
            u = mx.contract(self.partial(l, self.state), product(k, mx.t), self.state.rank)
            b = self.partial(self.state, p).xreplace({mx.t: k})
            terms.append(mx.time_sum(mx.contract(u, b, self.state.rank), k, 1, mx.t))
        lhs = mx.derivative(LOSS, p, total=True)
        rhs = self._weighted(mx.plus(*terms)) if terms else mx.zeros(p.shape)
        return Equation(self.d.label(), lhs, rhs)

    def _matrix_power(self) -> Equation | None:
        """Where the step Jacobian does not change with time its products are powers."""
        if self.state.rank != 1 or self.d.model.loss.over == "last":
            return None
        matrix = _as_matrix(self.step, self.before)
        if matrix is None or any(v.times for v in mx.variables(matrix)):
            return None
        (i,) = self._times("i")
        now = [x for x in self.d._reads(self.state.name) if not x.lag]
        u = mx.plus(*(self.d.pulled(x) for x in now)).xreplace({mx.t: mx.T + mx.t - i})
        body = mx.matmul(mx.MatPow(matrix.T, mx.T - i), u)
        return Equation(
            self.d.label(),
            mx.derivative(LOSS, self.state, total=True),
            mx.time_sum(body, i, mx.t, mx.T),
            FORWARD,
            "the step Jacobian is the same at every step, so its products are powers",
        )
