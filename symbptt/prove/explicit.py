"""The explicit road: unroll T steps, differentiate every scalar entry with `sympy.diff`.

Sizes are pairwise different and above 1, so that a transpose, an order of factors or a sum
over the wrong axis cannot hide. Each entry of each unrolled equation is one SymPy scalar in
named entries; `sympy.diff` differentiates it by every entry it reads, and the scalar chain
rule adds the products up:

    dL/du = Σ over the scalars v that read u of  dL/dv · ∂v/∂u

No matrix rule is used. The derived recursions run on exact polynomials, and the two results
are compared as polynomials for all values of the entries, not tested at some. They differ
where intervals at some entries prove it; where neither is shown, the step is undecided.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from ..matrix.evaluate import Array
from ..model import Declaration, Derivation, Equation, Model, Step, distinct_sizes
from ..unroll import Run, gradients, unroll
from .laurent import Poly
from .ring import Ring
from .scalars import Reader, ring_functions, sympy_functions

Given = dict[tuple[str, int | None], Array]
Tape = list[tuple[Any, Any, tuple[str, int, Any]]]


@dataclass(frozen=True)
class Gap:
    """A comparison of one equation that did not come out equal; `shown` if it is refuted."""

    key: str
    where: str
    shown: bool


def explicit(derivation: Derivation, horizons: tuple[int, ...] = (1, 2, 3)) -> list[Step]:
    """One step per adjoint and gradient: equal to the scalar chain rule at every horizon."""
    sizes = distinct_sizes(derivation.model)
    runs = [Unrolled(derivation, derivation.model, sizes, steps) for steps in horizons]
    how = f"sympy.diff of every unrolled scalar, T = {listed(horizons)}; {shown_sizes(sizes)}"
    adjoints = [(f"{n}[t]", e) for n, e in derivation.adjoint.items()]
    return statements([*adjoints, *derivation.gradient.items()], runs, how)


def statements(
    equations: list[tuple[str, Equation]], runs: Iterable[Unrolled], how: str
) -> list[Step]:
    """One step per equation, from the gaps that the runs found under its key."""
    gaps: list[Gap] = []
    open_question = ""
    for run in runs:
        try:
            gaps += run.gaps()
        except UnsupportedError as error:
            open_question = open_question or f"T = {run.steps}: {error.message}"
    out = []
    for key, e in equations:
        mine = sorted((g for g in gaps if g.key == key), key=lambda g: not g.shown)
        detail = mine[0].where if mine else open_question
        claim = f"{mx.notation['unicode'](e.lhs)} equals the unrolled derivative"
        undecided = bool(detail) and not (mine and mine[0].shown)
        out.append(Step(e.label, claim, not detail, how, detail, undecided=undecided))
    return out


def listed(items: Any) -> str:
    return ", ".join(map(str, items))


def shown_sizes(sizes: dict[str, int]) -> str:
    return listed(f"{k} = {v}" for k, v in sizes.items())


def symbols(model: Model, sizes: dict[str, int], steps: int) -> Given:
    """A named symbol for every real entry; class indices cycle, with a repetition."""
    given: Given = {}

    def shape(d: Declaration) -> tuple[int, ...]:
        return tuple(int(n.xreplace({mx.size(k): v for k, v in sizes.items()})) for n in d.shape)

    def entries(name: str, dims: tuple[int, ...]) -> Array:
        out = np.empty(dims, dtype=object)
        for i in np.ndindex(*dims):
            out[i] = sympy.Symbol("_".join([name, *map(str, i)]), real=True)
        return out

    for d in (*model.params, *model.hypers):
        given[d.name, None] = entries(d.name, shape(d))
    for d in model.states:
        for back in range(model.lag(d.name)):
            time = steps + 1 + back if d.reversed else -back
            given[d.name, time] = entries(f"{d.name}@{-back}", shape(d))
    if model.cut is not None:
        for time in range(1, steps + 1):
            given[model.cut.name, time] = entries(f"{model.cut.name}@{time}", ())
    for d in (*model.inputs, *model.targets):
        for time in range(1, steps + 1):
            dims = shape(d)
            if d.classes is None:
                given[d.name, time] = entries(f"{d.name}@{time}", dims)
            else:
                classes = int(d.classes.xreplace({mx.size(k): v for k, v in sizes.items()}))
                flat = np.arange(int(np.prod(dims, dtype=int))) + time // 2
                given[d.name, time] = (flat % classes).reshape(dims).astype(object)
    return given


class Unrolled:
    """One horizon: the scalar tape of the model, and the derived recursions on the same values.

    A sum becomes one generator once it is computed, and an adjoint one once both roads agree
    on it, so every comparison is between short polynomials and the whole is a proof by steps.
    """

    def __init__(self, derivation: Derivation, model: Model, sizes: dict[str, int], steps: int):
        self.derivation, self.model, self.sizes, self.steps = derivation, model, sizes, steps
        self.given = symbols(model, sizes, steps)
        self.ring = Ring()
        self.reader = Reader(self.ring)
        self.time = {
            symbol: time
            for (_, time), array in self.given.items()
            if time is not None
            for symbol in array.flat
        }
        self.derived_adjoints: dict[tuple[str, int], Array] = {}
        self.slopes: dict[Any, Poly] = {}

    def gaps(self) -> list[Gap]:
        derived = self._derived()
        totals, found = self._scalar_gradient()
        for name, array in derived.items():
            found += self._difference(name, array, totals)
        return found

    def _gap(self, key: str, where: str, difference: Poly) -> list[Gap]:
        """Nothing for zero; else whether some entries show that it is not."""
        try:
            if difference.is_zero():
                return []
            reason = "no further relation is known, and no numbers that tell them apart"
        except UnsupportedError as error:
            reason = error.message
        where = f"T = {self.steps}, {where}"
        if difference.is_nonzero():
            return [Gap(key, f"{where} differs from sympy.diff", True)]
        return [Gap(key, f"{where}: {reason}", False)]

    def _derived(self) -> dict[str, Array]:
        """Every gradient by the derived recursions; adjoints are kept, and named."""

        def adjoint(name: str, time: int, array: Array) -> Array:
            self.derived_adjoints[name, time] = array
            return entrywise(self.ring.renamed, array)

        return gradients(self.derivation, self.run(), adjoint)

    def run(self) -> Run:
        """The forward pass on exact polynomials."""
        exact = {k: _lifted(self.ring, v) for k, v in self.given.items()}
        functions = ring_functions(self.ring)

        def named(name: str, time: int, array: Array) -> Array:
            return entrywise(self.ring.named, array)

        return unroll(self.derivation.model, exact, self.sizes, functions, self.steps, named)

    def tape(self) -> tuple[Any, Tape]:
        """(the loss, [(symbol of a scalar, its expression, which entry it is)])."""
        tape: Tape = []

        def record(name: str, time: int, array: Array) -> Array:
            out = np.empty(array.shape, dtype=object)
            for i in np.ndindex(*array.shape):
                out[i] = sympy.Symbol("_".join([f"{name}@{time}", *map(str, i)]), real=True)
                tape.append((out[i], array[i], (name, time, i)))
                self.time[out[i]] = time
                self.reader.seen[out[i]] = self.ring.named(self.reader.read(array[i]))
            return out

        functions = sympy_functions()
        run = unroll(self.model, self.given, self.sizes, functions, self.steps, record)
        return run.loss, tape

    def _scalar_gradient(self) -> tuple[dict[Any, Poly], list[Gap]]:
        """dL/d(scalar) by the chain rule."""
        loss, tape = self.tape()
        totals: dict[Any, Poly] = {}
        self._spread(self.ring.number(1), loss, totals)
        return totals, self.spread_back(tape, totals)

    def spread_back(self, tape: Tape, totals: dict[Any, Poly], words: str = "") -> list[Gap]:
        """Add to `totals` what each scalar gives to those it reads, the last scalar first.

        An adjoint that the derivation agrees on is named like its own.
        """
        found: list[Gap] = []
        for v, expression, entry in reversed(tape):
            total = totals.get(v, self.ring.number(0))
            derived = self.derived_adjoints.get(entry[:2])
            if derived is not None:
                where = f"{words}t = {entry[1]}, entry {list(entry[2])}"
                key = f"{entry[0]}[t]"
                refuted = any(g.key == key and g.shown for g in found)
                mine: Any = derived[entry[2]]
                gap = [] if refuted else self._gap(key, where, mine - total)
                found += gap
                total = self.ring.renamed(total if refuted or gap else mine)
            if total.terms:
                self._spread(total, expression, totals, entry[1])
        return found

    def _spread(
        self, total: Poly, expression: Any, totals: dict[Any, Poly], time: int | None = None
    ) -> None:
        """`time` is that of the scalar; the loss of all steps has none."""
        for u in expression.free_symbols:
            ways = self._ways(self.time.get(u, time), time) if time is not None else range(0)
            if any(map(self.is_stopped, ways)):
                continue
            if (expression, u) not in self.slopes:
                self.slopes[expression, u] = self.reader.read(sympy.diff(expression, u))
            share = total * self.slopes[expression, u]
            if self.model.cut is not None:
                for n in ways:
                    share = share * self.ring.entry(self.given[self.model.cut.name, n].item())
            totals[u] = totals[u] + share if u in totals else share

    def _ways(self, start: int, time: int) -> range:
        """n for every way between the steps n − 1 and n on the way from `start` to `time`.

        The ways from 0 to 1, and between T and T + 1, are none: a start of a state enters there.
        """
        low, high = sorted((max(1, min(start, self.steps)), time))
        return range(low + 1, high + 1)

    def is_stopped(self, n: int) -> bool:
        """Whether step n reads step n − 1, or n − 1 reads n, as a copy without a derivative."""
        return False

    def _difference(self, name: str, derived: Array, totals: dict[Any, Poly]) -> list[Gap]:
        given = self.given
        if (name, None) in given:
            entries = given[name, None]
        elif (name, self.steps + 1) in given:  # a reversed state
            entries = given[name, self.steps + 1]
        elif (name, 0) in given:
            rows = [given[name, -n] for n in range(self.model.lag(name))]
            entries = rows[0] if len(rows) == 1 else np.stack(rows[::-1])
        else:
            entries = np.stack([given[name, s] for s in range(1, self.steps + 1)])
        if entries.shape != derived.shape:
            shapes = f"the gradient has shape {derived.shape}, {name} has {entries.shape}"
            return [Gap(name, shapes, True)]
        for i in np.ndindex(*entries.shape):
            truth = totals.get(entries[i], self.ring.number(0))
            if gap := self._gap(name, f"entry {list(i)}", derived[i] - truth):
                return gap
        return []


def entrywise(f: Any, array: Array) -> Array:
    out = np.empty(array.shape, dtype=object)
    for i in np.ndindex(*array.shape):
        out[i] = f(array[i])
    return out


def _lifted(ring: Ring, array: Array) -> Array:
    return entrywise(lambda x: ring.entry(x) if isinstance(x, sympy.Symbol) else x, array)
