"""Whether a printed line is true, in numbers: the referee of the planted mistakes.

The line is read by the strict parser; each derivative in it is a perturbed run of the forward
equations. Nothing here knows `verify`, `rules` or `indices`.
"""

from __future__ import annotations

import cmath
import random
from typing import Any

import numpy as np
import sympy

from symbptt import matrix as mx
from symbptt.errors import ShapeError, SymbpttError
from symbptt.matrix.evaluate import Setting, evaluate
from symbptt.model import Derivation, Equation
from symbptt.parse.latex import latex

EPS = 1e-30


class Run:
    """One run of the forward equations; derivatives by complex perturbation of a value."""

    def __init__(self, derivation: Derivation, steps: int = 3, seed: int = 7):
        self.derivation, self.model, self.steps = derivation, derivation.model, steps
        self.draw = random.Random(seed)
        names = dict.fromkeys(s.name for d in self.model.declarations for n in d.shape
                              for s in sorted(n.free_symbols, key=str))  # fmt: skip
        self.sizes = {n: k for k, n in enumerate(names, 2)} | {"C": 5}
        self.given: dict[tuple[str, int | None], Any] = {}
        for d in self.model.declarations:
            if d.role in ("size", "variable"):
                continue
            times: list[int | None] = [None]
            if d.timed:
                lag = max(1, self.model.lag(d.name)) if d.role == "state" else 0
                start = steps + 1 if d.reversed else 1 - lag
                times = [*(range(start, start + lag) if d.role == "state" else range(steps + 2))]
            for t in times:
                self.given[d.name, t] = self.array(d)
        self.stacks = {b.var.name: b.parts for b in derivation.blocks if b.is_stacked}
        self.values = self.forward()
        self.kept: dict[Any, Any] = {}
        self.runs: dict[Any, list[dict[Any, Any]]] = {}
        self.local = False  # whether the line at hand is one of the local partials

    def drawn(self, shape: Any, name: str) -> Any:
        known = {mx.size(k): v for k, v in self.sizes.items()}
        dims = [int(sympy.sympify(n).xreplace(known)) for n in shape]
        draw = random.Random(f"{name}{dims}")
        count = int(np.prod(dims, dtype=int))
        return np.array([_signed(draw) for _ in range(count)]).reshape(dims)

    def array(self, d: Any) -> Any:
        known = {mx.size(k): v for k, v in self.sizes.items()}
        shape = [int(sympy.sympify(n).xreplace(known)) for n in d.shape]
        count = int(np.prod(shape, dtype=int))
        if d.classes is not None:
            top = int(sympy.sympify(d.classes).xreplace(known))
            return np.array([self.draw.randrange(top) for _ in range(count)]).reshape(shape)
        if d.role == "mask":
            ones = [(n + len(self.given) // 2) % 2 for n in range(count)]  # 0, 0, 1, 1 over time
            return np.array(ones, dtype=float).reshape(shape)
        return np.array([_signed(self.draw) for _ in range(count)]).reshape(shape)

    def forward(self, at: Any = None, entry: Any = None, held: Any = ()) -> dict[Any, Any]:
        """All values, one entry of one of them perturbed, those of `held` as they were."""
        values = dict(self.given)
        if at in values:
            values[at] = moved(values[at], entry)
        todo = [(t, e) for t in range(1, self.steps + 1) for e in self.model.equations]
        while todo:  # a state that runs from T to 1 waits for the step behind it
            later = []
            for t, e in todo:
                try:
                    known = (e.lhs.name, t) in held
                    values[e.lhs.name, t] = (
                        self.values[e.lhs.name, t] if known else self.value(e.rhs, values, t)
                    )
                except KeyError:
                    later.append((t, e))
                    continue
                if (e.lhs.name, t) == at:
                    values[at] = moved(values[at], entry)
            assert len(later) < len(todo), "values that wait for one another"
            todo = later
        values["L", None] = self.value(self.model.loss.expression(), values, 1)
        return values

    def value(self, e: Any, values: Any, t: int, derivatives: Any = None, **times: int) -> Any:
        def lookup(node: Any, at: tuple[int, ...]) -> Any:
            if isinstance(node, mx.Deriv):
                assert derivatives is not None
                return derivatives(node, at)
            key = (node.name, at[0] if at else None)
            if key not in values and not at:  # the cotangent λ may be any array
                return self.drawn(node.shape, node.name)
            return values[key]

        where = Setting(lookup, self.sizes, FUNCTIONS, {"t": t, "T": self.steps, **times})
        return np.asarray(evaluate(e, where), dtype=complex)

    def derivative(self, node: Any, at: tuple[int, ...]) -> Any:
        """d of / d wrt: the run perturbed; ∂: one step, with every other state held.

        Among the local partials, ∂ holds every other value that has a letter.
        """
        n = len(node.of.times)
        of = (node.of.name, at[0] if n else None)
        by = (node.wrt.name, at[n] if len(at) > n else None)
        if {of[0], by[0]} & set(self.stacks):
            return self.stacked(of, by, node.total)
        key = (of, by, node.total, self.local)
        if key not in self.kept:
            if by[1] is not None and by[1] > self.steps and by not in self.values:
                like = self.values[by[0], self.steps]
                return np.zeros(np.shape(like), dtype=object)
            if not node.total and of in self.given and of != by:  # a start is no function of it
                shape = (*np.shape(self.values[of]), *np.shape(self.values[by]))
                return np.zeros(shape, dtype=object)
            like = np.asarray(self.values[by])
            runs = self.perturbed(by) if node.total else (
                self.one_step(of, by, entry) for entry in np.ndindex(*like.shape)
            )  # fmt: skip
            stacked = np.stack([np.imag(after[of]) / EPS for after in runs], axis=-1)
            self.kept[key] = stacked.reshape((*stacked.shape[:-1], *like.shape)).astype(object)
        return self.kept[key]

    def stacked(self, of: Any, by: Any, total: bool) -> Any:
        """d of / d by where one of them is the stack of the states: all its parts are one value."""
        parts, start = self.parts(of), self.parts(by)
        key = (of, by, total)
        given = of[0] in self.stacks and of[1] == 0
        if key not in self.kept:
            columns = []
            for part in start:
                for entry in np.ndindex(*np.shape(self.values[part])):
                    held = set(start) if by[0] in self.stacks else set()
                    if held and total:  # what comes before is no longer a function of it
                        held |= {k for k in self.values if k[1] is not None and k[1] < by[1]}
                    if total or given:
                        after = self.forward(part, entry, held)
                    else:
                        after = self.step(of[1], part, entry, held)
                    column = [np.ravel(np.imag(after[x]) / EPS) for x in parts]
                    columns.append(np.concatenate(column))
            shapes = [(-1,) if x[0] in self.stacks else np.shape(self.values[x]) for x in (of, by)]
            found = np.stack(columns, axis=-1)
            ends = [n if s == (-1,) else s for s, n in zip(shapes, found.shape, strict=True)]
            self.kept[key] = found.reshape(
                [k for x in ends for k in (x if isinstance(x, tuple) else (x,))]
            ).astype(object)
        return self.kept[key]

    def parts(self, key: Any) -> list[Any]:
        """The values that a letter stands for at its time."""
        if key[0] not in self.stacks:
            return [key]
        return [(v.name, key[1] + int(v.time - mx.t)) for v in self.stacks[key[0]]]

    def step(self, t: Any, by: Any, entry: Any, held: Any) -> dict[Any, Any]:
        """One step of all equations, with one entry perturbed and the values of `held` kept."""
        values = dict(self.values)
        values[by] = moved(values[by], entry)
        for e in self.model.equations:
            if (e.lhs.name, t) not in held:
                values[e.lhs.name, t] = self.value(e.rhs, values, t)
        return values

    def perturbed(self, by: Any) -> list[dict[Any, Any]]:
        """The runs in which one entry of `by` is perturbed, for each entry."""
        if by not in self.runs:
            entries = np.ndindex(*np.shape(self.values[by]))
            self.runs[by] = [self.forward(by, entry) for entry in entries]
        return self.runs[by]

    def one_step(self, of: Any, by: Any, entry: Any) -> dict[Any, Any]:
        values = dict(self.values)
        values[by] = moved(values[by], entry)
        states = {d.name for d in self.model.states}
        for e in self.model.equations:
            key = (e.lhs.name, of[1])
            held = self.local or e.lhs.name in states or key == by
            if held and key != of:
                continue
            if of[1] is not None:
                values[key] = self.value(e.rhs, values, of[1])
            if key == of:
                break
        return values

    def holds(self, e: Equation) -> bool | None:
        """Whether its sides agree at each step at which both have a value; None if nowhere."""
        met = None
        for t in range(1, self.steps + 1):
            try:
                x = self.value(e.lhs, self.values, t, self.derivative)
                y = self.value(e.rhs, self.values, t, self.derivative)
            except KeyError:
                continue
            if not x.any() and not np.any(y):
                continue
            if np.shape(x) != np.shape(y) or not np.allclose(x, y, rtol=1e-9, atol=1e-12):
                return False
            met = True
        return met

    def says(self, line: str, local: bool = False) -> bool | None:
        """Whether a line in LaTeX holds; one that the strict parser does not accept does not."""
        self.local = local
        try:
            return self.holds(latex(line, self.derivation))
        except SymbpttError:
            return False


def fits(line: str, derivation: Derivation) -> bool:
    """Whether what a line in LaTeX says has a shape, a matrix product before ⊙."""
    try:
        latex(line, derivation)
    except ShapeError:
        return False
    except SymbpttError:
        return True
    return True


def _signed(draw: random.Random) -> float:
    """A number of either sign, away from zero."""
    return draw.choice((-1, 1)) * draw.uniform(0.2, 1)


def moved(a: Any, entry: Any) -> Any:
    out = np.array(a, dtype=complex)
    out[entry] += EPS * 1j
    return out


def called(name: str, orders: tuple[int, ...], values: list[Any], shape: tuple[int, ...]) -> Any:
    """An uninterpreted function as sin u, with u a fixed linear map of its arguments."""
    draw = np.random.default_rng(len(name) + 17 * ord(name[0]))
    maps = [draw.uniform(0.2, 1, (*shape, *np.shape(v))) for v in values]
    u = sum(
        np.tensordot(a, np.asarray(v, dtype=complex), axes=np.ndim(v))
        for a, v in zip(maps, values, strict=True)
    )
    if not orders:
        return np.sin(u)
    slope = maps[orders[0]]
    return slope * np.cos(u).reshape((*shape, *(1 for _ in range(np.ndim(slope) - len(shape)))))


FUNCTIONS: dict[str, Any] = {
    "call": called,
    "number": lambda v: complex(v),
    "tanh": cmath.tanh,
    "exp": cmath.exp,
    "log": cmath.log,
    "sigmoid": lambda z: 1 / (1 + cmath.exp(-z)),
    "relu": lambda z: z if z.real > 0 else 0.0,
    "step": lambda z: 1.0 if complex(z).real > 0 else 0.0,
}
