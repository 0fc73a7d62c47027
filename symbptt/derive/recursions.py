"""One deriver: forward equations, local partials, backward recursion, boundary and gradients.

dL/dv[t] = Σ over the equations w that read v at lag j of  (dL/dw · ∂w/∂v) at t + j
dL/dθ    = Σ_{t=1}^T Σ over the equations w that read θ of  dL/dw[t] · ∂w[t]/∂θ
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import count
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from ..indices import jacobian
from ..indices.formal import count_nonzero, entries
from ..matrix.build import is_zero
from ..model import LOSS, Declaration, Equation, Formal, Group, Model, lag_of, weights
from ..rules import pullback
from ..show import show_expression
from .collect import collected
from .jacobians import as_matrix

BACKWARD = "t = T, …, 1"
FORWARD = "t = 1, …, T"


@dataclass(frozen=True)
class Edge:
    """Equation `at` reads `var` with a delay of `lag` steps."""

    at: Equation
    var: mx.Var
    lag: int


class Deriver:
    """The equations of one derivation, labelled in the order they are asked for."""

    def __init__(self, model: Model):
        self.model = model
        self.labels = count(1)
        self.fold = {e.rhs: e.lhs for e in model.equations if not isinstance(e.rhs, mx.Var)}
        self.edges = [Edge(e, v, lag_of(v)) for e in model.equations for v in mx.variables(e.rhs)]
        self.live = self._reaching_the_loss()

    def label(self) -> str:
        return str(next(self.labels))

    def ahead(self, e: Equation) -> bool:
        """Whether the equation belongs to a pass from T to 1."""
        return any(ahead and e in equations for equations, ahead in self.model.passes)

    def _reaching_the_loss(self) -> set[str]:
        live = {self.model.loss.step.name}
        while True:
            more = {e.var.name for e in self.edges if e.at.lhs.name in live} - live
            if not more:
                return live
            live |= more

    # -- the step

    def forward(self) -> Group:
        equations = [
            replace(e, label=self.label(), when=BACKWARD if self.ahead(e) else FORWARD)
            for e in self.model.equations
        ]
        loss = Equation(self.label(), LOSS, self.model.loss.expression())
        return Group("forward", "Forward", "", (*equations, loss))

    def locals(self) -> Group:
        """One line per edge: the Jacobian where it is a matrix, else the pullback of λ."""
        found = []
        for edge in self.edges:
            if edge.at.lhs.name in self.live and self.model.is_differentiable(edge.var):
                found.append(self.local(edge.at.rhs, edge.at.lhs, edge.var))
        text = (
            "∂ holds everything else fixed. Jacobians are in numerator layout; where one has "
            "more than two indices its product with a cotangent λ is given."
        )
        return Group("local", "Local partials", text, tuple(found))

    def local(self, rhs: mx.Node, of: mx.Var, wrt: mx.Var) -> Equation:
        """∂of/∂wrt as a matrix, or λ · ∂of/∂wrt as a pullback."""
        partial = mx.derivative(of, wrt, total=False)
        matrix = as_matrix(rhs, wrt) if of.rank + wrt.rank <= 2 else None
        if matrix is not None:
            return Equation(self.label(), partial, self.folded(collected(matrix), rhs))
        ct = mx.Var("λ", of.shape)
        pulled = self.folded(collected(pullback(rhs, wrt, ct)), rhs)
        return Equation(self.label(), mx.contract(ct, partial, of.rank), pulled)

    def folded(self, expr: mx.Node, source: mx.Node) -> Any:
        """Subexpressions that the forward pass has named, under their names.

        A name that `source`, the differentiated side, reads itself is not used: there ∂ holds
        it fixed, while the subexpression moves.
        """
        read = mx.variables(source)
        fold = {rhs: v for rhs, v in self.fold.items() if v not in read}

        def walk(e: Any) -> Any:
            # ∂f(x, h) is a function of its arguments: the call inside it is not a value.
            if e in fold or not e.args or isinstance(e, mx.CallDeriv | mx.Var | mx.Deriv):
                return fold.get(e, e)
            e = e.func(*map(walk, e.args))
            return fold.get(e, _fold_terms(e, fold) if isinstance(e, mx.Plus) else e)

        return walk(expr)

    # -- the backward road

    def total(self, v: mx.Var) -> mx.Node:
        """dL/dv as a cotangent: a number for the per-step loss, else its symbol."""
        if v.name == self.model.loss.step.name:
            return mx.shift(self.model.loss.weight(), v.time - mx.t)
        return mx.derivative(LOSS, v, total=True)

    def pulled(self, edge: Edge, started: int = 0) -> mx.Node:
        """dL/dw · ∂w/∂v for one edge, at the time v is read; the first `started` ξ are 1."""
        ct = self.total(edge.at.lhs)
        rhs = edge.at.rhs
        back = mx.shift(self.folded(collected(pullback(rhs, edge.var, ct)), rhs), edge.lag)
        factors = weights(self.model, edge.lag)[started:]
        return mx.times(*factors, back) if factors else back

    def adjoint(self) -> Group:
        equations = []
        for e in reversed(self.model.equations):
            v = e.lhs
            if v.name not in self.live or v.name == self.model.loss.step.name:
                continue
            edges = self.reads(v.name)
            rhs = mx.plus(*(self.pulled(x) for x in edges))
            lhs = mx.derivative(LOSS, v, total=True)
            equations.append(
                Equation(
                    self.label(),
                    lhs,
                    self._shaped(rhs, v),
                    FORWARD if self.ahead(e) else BACKWARD,
                    _paths(v, edges),
                )
            )
        text = "d is total: through every path in time. dL/dv has the shape of v."
        return Group("adjoint", "Total derivatives, backward in time", text, tuple(equations))

    def reads(self, name: str) -> list[Edge]:
        """Where a value is read, in this step first."""
        found = [x for x in self.edges if x.var.name == name and x.at.lhs.name in self.live]
        return sorted(found, key=lambda x: abs(x.lag))

    @staticmethod
    def _shaped(rhs: mx.Node, like: mx.Var) -> mx.Node:
        return mx.broadcast(rhs, like.shape) if rhs.shape != like.shape else rhs

    def boundary(self) -> Group:
        """dL/dw = 0 beyond the last step of its pass, for every w that carries the recursion."""
        reach: dict[str, int] = {}
        for x in self.edges:
            if x.lag and x.at.lhs.name in self.live:
                reach[x.at.lhs.name] = max(reach.get(x.at.lhs.name, 0), x.lag, key=abs)
        equations = []
        for e in self.model.equations:
            if e.lhs.name == self.model.loss.step.name:
                continue
            far = reach.get(e.lhs.name, 0)
            for j in range(1, abs(far) + 1):
                v = e.lhs.at(mx.T + j if far > 0 else sympy.Integer(1 - j))
                lhs = mx.derivative(LOSS, v, total=True)
                equations.append(Equation(self.label(), lhs, mx.zeros(v.shape)))
        title, text = "Boundary at T", "Past the last step nothing reaches the loss."
        if self.model.is_two_way:
            title = "Boundary at T, and at 0 where time runs back"
            text = "Beyond the last step of its pass nothing reaches the loss."
        return Group("boundary", title, text, tuple(equations))

    def gradient(self) -> Group:
        equations = []
        for d in self.model.params:
            terms = mx.plus(*(self.pulled(x) for x in self.reads(d.name)))
            rhs = mx.zeros(d.shape)
            if not is_zero(terms):
                rhs = mx.time_sum(self._shaped(terms, d.var()), mx.t, 1, mx.T)
            lhs = mx.derivative(LOSS, d.var(), total=True)
            equations.append(Equation(self.label(), lhs, rhs))
        for d in self.model.inputs:
            if self.model.is_differentiable(d.var()):
                v = d.var(mx.t)
                rhs = self._shaped(mx.plus(*(self.pulled(x) for x in self.reads(d.name))), v)
                lhs = mx.derivative(LOSS, v, total=True)
                equations.append(Equation(self.label(), lhs, rhs, FORWARD))
        for d in self.model.states:
            for back in range(self.model.lag(d.name)):
                equations.append(self._initial(d, back))
        return Group("gradient", "Gradients", "", tuple(equations))

    def _initial(self, d: Declaration, back: int) -> Equation:
        """dL/dh[−back], or dL/dg[T+1]: only the reads with a longer lag see it."""
        edges = [x for x in self.reads(d.name) if abs(x.lag) > back]
        start = self.model.start(d.name, back)
        # ξ_1 and those before are 1, as ξ_{T+1} is: the start of a state enters at its first
        # step as a parameter does.
        terms = mx.plus(*(self.pulled(x, back + 1) for x in edges))
        rhs = terms.xreplace({mx.t: start})
        v = d.var(start)
        return Equation(self.label(), mx.derivative(LOSS, v, total=True), self._shaped(rhs, v))

    def formal(self) -> tuple[Formal, ...]:
        """The full-index Jacobians of a batch model, entry by entry."""
        if not any(len(d.shape) > 1 for d in self.model.states):
            return ()
        out = []
        for edge in self.edges:
            of, wrt = edge.at.lhs, edge.var
            if (
                of.name in self.live
                and self.model.is_differentiable(wrt)
                and of.rank + wrt.rank > 2
            ):
                with suppress(UnsupportedError):  # entries that need a sum over an index
                    out.append(self._formal(edge.at.rhs, of, wrt))
        return tuple(out)

    def _formal(self, rhs: mx.Node, of: mx.Var, wrt: mx.Var) -> Formal:
        names = sympy.symbols("n j m k p q")[: of.rank + wrt.rank]
        full = of.shape + wrt.shape
        q = jacobian(rhs, wrt)
        value = self.folded(entries(q, names, full, mx.variables(rhs)), rhs)
        entry = mx.Element(mx.derivative(of, wrt, total=False), names)
        return Formal(Equation(self.label(), entry, value, FORWARD), full, *count_nonzero(q, full))


def _paths(v: mx.Var, edges: list[Edge]) -> str:
    """In words: which paths the total derivative sums, those of this step first."""
    whens: dict[str, list[str]] = {}
    for x in edges:
        when = "now" if not x.lag else "later" if x.lag > 0 else "earlier"
        where = show_expression(x.at.lhs.at(mx.t + x.lag))
        whens.setdefault(when, []).append(where)
    ways = [f"through {_listed(found)} {when}" for when, found in whens.items()]
    if len(ways) == 1 == len(edges):
        ways = [ways[0].replace(" now", " alone")]
    return f"{show_expression(v)} reaches the loss {_listed(ways)}" if ways else ""


def _listed(items: Iterable[str]) -> str:
    """a, b and c."""
    *first, last = dict.fromkeys(items)
    return f"{', '.join(first)} and {last}" if first else last


def _fold_terms(e: mx.Plus, fold: dict[mx.Node, mx.Var]) -> mx.Node:
    """A named sum inside a longer one: W h + b − y is o − y."""
    for rhs, v in fold.items():
        if isinstance(rhs, mx.Plus) and set(rhs.args) <= set(e.args):
            return mx.plus(v, *(a for a in e.args if a not in rhs.args))
    return e
