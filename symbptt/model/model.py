"""A recurrent model: declarations, the equations of one step, and the loss."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import sympy
from sympy.utilities.iterables import strongly_connected_components

from .. import matrix as mx
from ..errors import ModelError, Place, ShapeError

LOSS = mx.Var("L")


@dataclass(frozen=True)
class Equation:
    """lhs = rhs, for the times in `when`; `note` says in words what it states."""

    label: str
    lhs: mx.Node
    rhs: mx.Node
    when: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.lhs.shape != self.rhs.shape:
            raise ShapeError(
                f"equation ({self.label}): the left side has shape {self.lhs.shape}, the right "
                f"side {self.rhs.shape}"
            )

    def _repr_latex_(self) -> str:
        return mx.notation["document"](self)


@dataclass(frozen=True)
class Declaration:
    """One declared name: `target y[t] : N in C` has role target, shape (N,), classes C."""

    name: str
    role: str  # size, input, mask, target, state, param, hyper, variable, cut
    shape: tuple[Any, ...] = ()
    timed: bool = False
    classes: Any = None  # the number of classes when the values are integers
    place: Place | None = field(default=None, compare=False)
    default: Any = None  # of a hyper-parameter
    reversed: bool = False  # a state that runs from T to 1 and reads its value at t + 1

    def var(self, *times: Any) -> mx.Var:
        return mx.Var(self.name, self.shape, times)


@dataclass(frozen=True)
class Loss:
    """How the per-step loss l[t] adds up: "sum" or "mean" over t = 1..T, or "last" (t = T)."""

    over: str
    step: mx.Var

    def weight(self) -> mx.Node:
        """dL/dl[t]: 1, 1/T, or [t = T]."""
        if self.over == "last":
            return mx.Kron(mx.t, mx.T)
        return mx.Scalar(1 / mx.T) if self.over == "mean" else mx.Scalar(1)

    def expression(self) -> mx.Node:
        if self.over == "last":
            return self.step.xreplace({mx.t: mx.T})
        return mx.times(self.weight(), mx.time_sum(self.step, mx.t, 1, mx.T))


@dataclass(frozen=True)
class Model:
    """A recurrent model: declarations, one step's equations in order, and the loss."""

    name: str
    title: str
    declarations: tuple[Declaration, ...]
    equations: tuple[Equation, ...]
    loss: Loss
    functions: Mapping[str, Any] = field(default_factory=dict, compare=False)
    source: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not self.states and not self.equations:
            raise ModelError(f"model {self.name} has no equations")

    @cached_property
    def table(self) -> dict[str, Declaration]:
        return {d.name: d for d in self.declarations}

    def _with_role(self, *roles: str) -> tuple[Declaration, ...]:
        return tuple(d for d in self.declarations if d.role in roles)

    @property
    def params(self) -> tuple[Declaration, ...]:
        return self._with_role("param")

    @property
    def inputs(self) -> tuple[Declaration, ...]:
        """What a step is given besides its targets: masks too."""
        return self._with_role("input", "mask")

    @property
    def hypers(self) -> tuple[Declaration, ...]:
        return self._with_role("hyper")

    @property
    def targets(self) -> tuple[Declaration, ...]:
        return self._with_role("target")

    @property
    def states(self) -> tuple[Declaration, ...]:
        return self._with_role("state")

    @property
    def sizes(self) -> tuple[str, ...]:
        return tuple(d.name for d in self._with_role("size"))

    @property
    def cut(self) -> Declaration | None:
        """ξ, the factors of a randomly cut gradient, where a derivation has given it some."""
        return next(iter(self._with_role("cut")), None)

    @cached_property
    def defined(self) -> dict[str, Equation]:
        """Name of a variable or state -> the equation that computes it."""
        return {e.lhs.name: e for e in self.equations}

    @cached_property
    def reaching_loss(self) -> frozenset[str]:
        """The names of which the loss is a function, its own among them."""
        found = {self.loss.step.name}
        while True:
            read = (v for e in self.equations if e.lhs.name in found for v in mx.variables(e.rhs))
            more = {v.name for v in read} - found
            if not more:
                return frozenset(found)
            found |= more

    def lag(self, state: str) -> int:
        """How many steps back (ahead, for a reversed state) the equations read it at most."""
        reads = [v for e in self.equations for v in mx.variables(e.rhs) if v.name == state]
        return max((abs(lag_of(v)) for v in reads), default=0)

    def start(self, state: str, back: int = 0) -> Any:
        """The time of an initial value: 0, −1, … or T + 1 for a reversed state."""
        return mx.T + 1 + back if self.table[state].reversed else sympy.Integer(-back)

    @cached_property
    def passes(self) -> tuple[tuple[tuple[Equation, ...], bool], ...]:
        """(equations, whether they run from T to 1), each pass after those it reads.

        One pass, unless some state is reversed.
        """
        return tuple(scheduled(self.equations, lambda e: e.lhs.name, mx.variables))

    @cached_property
    def is_two_way(self) -> bool:
        return any(d.reversed for d in self.states)

    def is_differentiable(self, v: mx.Var) -> bool:
        """Whether derivatives by v are given: not by indices, masks, targets or constants."""
        d = self.table[v.name]
        return d.classes is None and d.role not in ("target", "size", "hyper", "mask")

    @cached_property
    def is_uninterpreted(self) -> bool:
        """Whether some function is declared without a body, so that no code can be emitted."""
        return any(e.rhs.has(mx.Call) for e in self.equations)

    def unfold(
        self, expr: mx.Node, keep: Iterable[mx.Var] = (), times: Iterable[Any] = (mx.t,)
    ) -> mx.Node:
        """`expr` with every computed variable at one of `times` replaced by its definition.

        The variables in `keep` stay. Earlier times stay too, so a step is a function of s[t-1].
        """
        cache: dict[mx.Node, mx.Node] = {v: v for v in keep}
        open_times = {sympy.sympify(x) for x in times}

        def walk(e: Any) -> Any:
            if e not in cache:
                if isinstance(e, mx.Var):
                    known = e.name in self.defined and e.time in open_times
                    here = known and mx.shift(self.defined[e.name].rhs, e.time - mx.t)
                    cache[e] = walk(here) if known else e
                elif not e.args or isinstance(e, mx.Deriv):
                    cache[e] = e
                else:
                    cache[e] = e.func(*map(walk, e.args))
            return cache[e]

        return walk(expr)

    def _repr_latex_(self) -> str:
        return mx.notation["document"](self)


def distinct_sizes(model: Model) -> dict[str, int]:
    """Pairwise different sizes from 2 up; the smallest is the last axis of the first state, whose
    powers grow."""
    order: list[str] = []
    for d in (*model.states, *model.declarations):
        for n in reversed(d.shape):
            order += [s.name for s in sorted(n.free_symbols, key=str) if s.name not in order]
    order += [s for s in model.sizes if s not in order]
    return {name: value for value, name in enumerate(order, 2)}


def weights(model: Model, lag: int) -> tuple[mx.Var, ...]:
    """ξ_{t+1} ⋯ ξ_{t+lag}: what a gradient is multiplied by on its way from t + lag to t.

    Those next to t come first; on the way from t − j, where time runs back, ξ_t ⋯ ξ_{t−j+1}.
    """
    near = [mx.t + j for j in range(1, lag + 1)] or [mx.t - j for j in range(-lag)]
    return tuple(map(model.cut.var, near)) if model.cut else ()


def lag_of(var: mx.Var) -> int:
    """j for a variable read at t − j; 0 for one that has no time."""
    return int(mx.t - var.time) if var.times else 0


def scheduled(
    equations: Iterable[Equation], name: Any, read: Any
) -> Iterator[tuple[tuple[Equation, ...], bool]]:
    """Equations in passes over time, in the order in which they can run.

    `read` gives what a right side reads, as objects with a name and a time; a pass that reads
    itself at t + k runs from T to 1.
    """
    known = {name(e): e for e in equations}
    reads = {n: [v for v in read(e.rhs) if v.times and v.name in known] for n, e in known.items()}
    if all(lag_of(v) >= 0 for found in reads.values() for v in found):
        yield tuple(known.values()), False
        return
    if all(lag_of(v) <= 0 for found in reads.values() for v in found):
        yield tuple(known.values()), True
        return
    edges = [(n, v.name) for n, found in reads.items() for v in found]
    order = list(known)
    for group in strongly_connected_components((order, edges)):
        names = sorted(group, key=order.index)
        ahead = any(lag_of(v) < 0 for n in names for v in reads[n] if v.name in group)
        yield tuple(known[n] for n in names), ahead
