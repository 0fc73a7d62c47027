"""One run of the code under check, compared with what it should give, statement by statement.

A comparison that fails tells nothing where the derivation's own equations, run entry by entry
in the same float type, are as far from their 50-digit values: a function overflows there, or
has become flat, or has no real value. Such a finding is not told, and other inputs are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import mpmath
import numpy as np

from ..matrix.evaluate import Array
from ..model import Derivation, Model
from ..plan import Program
from ..show import show_expression
from ..strategy import Blocks, Online, RandomCut
from ..unroll import Run
from .code import Guarded
from .inputs import Data, Draw, Setting, data
from .references import (
    analytic,
    complex_step,
    in_floats,
    quotient_error,
    reference,
    relative_error,
)

TOLERANCE = {
    "float64": 1e-12,
    "float32": 1e-4,
    "complex step": 1e-12,
    "difference quotient": 1e-12,
    "exact": 0.0,
}
MARGIN = 10  # the equations in floats must be this much better than the code has to be


@dataclass(frozen=True)
class Finding:
    """How far off one number or array was; `told` is False where that says nothing."""

    about: str  # the key of a statement
    kind: str
    error: float
    told: bool = True

    @property
    def ok(self) -> bool:
        return self.told and self.error <= TOLERANCE[self.kind]

    @property
    def slot(self) -> tuple[str, str]:
        """What this finding answers; the two independent roads stand in for each other."""
        return self.about, "complex step" if self.kind == "difference quotient" else self.kind

    @property
    def severity(self) -> tuple[int, float]:
        """What is wrong counts more than what is not told, and that more than any error."""
        return (0 if self.ok else 1 if not self.told else 2), self.error


Pick = Callable[[Run, dict[str, Array]], Any]  # the number that is compared, out of a run


@dataclass(frozen=True)
class Piece:
    """A number that the code returns: the loss, or the gradient of one equation."""

    label: str
    claim: str
    name: str = ""  # "" for the loss
    row: int | None = None  # the start of a state that is read further back

    def of(self, loss: Any, grads: dict[str, Any]) -> Any:
        if not self.name:
            return loss
        array = grads.get(self.name, np.nan)
        if self.row is None:
            return array
        return array[self.row] if np.ndim(array) and len(array) > self.row else np.nan


def pieces(d: Derivation) -> list[Piece]:
    """The loss and every gradient, with the label of its equation."""
    found = [Piece(d.group("forward").equations[-1].label, "the loss")]
    for e in d.group("gradient").equations:
        v, row = e.lhs.wrt, None
        if isinstance(d.strategy, Online) and d.model.table[v.name].role == "input":
            continue  # it would need the whole sequence, and is not given
        if d.model.table[v.name].role == "state" and (lag := d.model.lag(v.name)) > 1:
            row = int(v.time) + lag - 1
        found.append(Piece(e.label, show_expression(e.lhs), v.name, row))
    return found


class Judge:
    """What a run should give: at 50 digits, and by the same equations in floats."""

    def __init__(self, p: Program, d: Data, setting: Setting):
        self.p, self.d, self.setting = p, d, setting
        self.floats: dict[str, Any] = {}

    @cached_property
    def truth(self) -> tuple[Run, dict[str, Array]]:
        run, grads = reference(self.p.derivation, self.d, self.setting)
        return run, self.clipped(grads)

    def in_floats(self, dtype: str) -> tuple[Run, dict[str, Array]]:
        if dtype not in self.floats:
            run, grads = in_floats(self.p.derivation, self.d, self.setting, dtype)
            self.floats[dtype] = run, self.clipped(grads)
        return self.floats[dtype]

    def clipped(self, grads: dict[str, Array]) -> dict[str, Array]:
        """The gradients of the parameters, clipped where the program clips them."""
        clip, names = self.p.clip, [d.name for d in self.p.model.params]
        if clip is None:
            return grads
        if clip.by == "value":
            bounded = np.frompyfunc(lambda v: max(min(v, clip.limit), -clip.limit), 1, 1)
            return {**grads, **{n: np.asarray(bounded(grads[n]), dtype=object) for n in names}}
        norm = sum((v * v for n in names for v in grads[n].flat), start=0) ** 0.5
        scale = clip.limit / norm if norm > clip.limit else 1
        return {**grads, **{n: grads[n] * scale for n in names}}

    def finding(self, about: str, kind: str, value: Any, pick: Pick) -> Finding:
        """`value` against pick(run, gradients) of the truth."""
        error = relative_error(value, pick(*self.truth))
        found = Finding(about, kind, error)
        return found if found.ok else Finding(about, kind, error, self.tells(kind, pick))

    def tells(self, kind: str, pick: Pick) -> bool:
        """Whether floats can come near enough to the truth at all."""
        try:
            run, grads = self.in_floats("float32" if kind == "float32" else "float64")
        except ArithmeticError:
            return False
        error = relative_error(np.asarray(pick(run, grads), dtype=float), pick(*self.truth))
        return error <= TOLERANCE[kind] / MARGIN


def compare(p: Program, module: Guarded, setting: Setting, draw: Draw) -> Iterator[Finding]:
    """Every finding of one setting with one draw of the inputs."""
    d = data(p.model, setting, draw)
    if p.model.cut is not None:
        d = replace(d, given={**d.given, **_drawn(p, d)})
    judge = Judge(p, d, setting)
    try:
        _ = judge.truth
    except ArithmeticError:  # no value at 50 digits either
        yield from (
            Finding(piece.claim, "float64", np.inf, False) for piece in pieces(p.derivation)
        )
        return
    for dtype in ("float64", "float32"):
        args = d.cast(dtype)
        before = _copied(args)
        loss, grads, final = module.loss_and_grad(*args, **seeded(p), **d.hyper)
        for piece in pieces(p.derivation):
            yield judge.finding(piece.claim, dtype, piece.of(loss, grads), _pick(piece))
        cut = isinstance(p.derivation.strategy, Blocks | RandomCut) or p.clip
        if dtype == "float64" and not cut:  # what is cut or clipped is no derivative of the loss
            yield from _independent(p, module, judge, grads)
        yield from _contract(judge, module, args, (loss, grads, final), before, dtype)


SEED = 5


def seeded(p: Program) -> dict[str, Any]:
    """A generator in the same state at every call, for code that cuts at random."""
    return {"rng": np.random.default_rng(SEED)} if p.model.cut is not None else {}


def _drawn(p: Program, d: Data) -> dict[tuple[str, int | None], Array]:
    """ξ as the strategy defines it, from the same seed: 1/α where a uniform number is below α."""
    strategy, cut = p.derivation.strategy, p.model.cut
    assert isinstance(strategy, RandomCut) and cut is not None
    steps = max(t for _, t in d.given if t is not None)
    uniform = np.random.default_rng(SEED).random(steps)
    alpha = strategy.alpha
    on = mpmath.mpf(alpha.denominator) / alpha.numerator
    xi = [on if u < alpha else mpmath.mpf(0) for u in uniform]
    xi[0] = mpmath.mpf(1)
    return {(cut.name, t): np.array(v, dtype=object) for t, v in enumerate(xi, 1)}


def _pick(piece: Piece) -> Pick:
    return lambda run, grads: piece.of(run.loss, grads)


def _independent(p: Program, module: Guarded, judge: Judge, grads: Any) -> Iterator[Finding]:
    """The gradients against the emitted loss itself, or the model's where that has no slope."""
    slopes = complex_step(p.model, module, judge.d, grads) if analytic(p.model) else {}
    for piece in pieces(p.derivation)[1:]:
        pick, slope = _pick(piece), piece.of(None, slopes)
        if np.all(np.isfinite(slope)):
            kind = "complex step"
            error = relative_error(piece.of(None, grads), slope)
        else:
            kind = "difference quotient"
            error = quotient_error(
                p.model, judge.d, judge.setting, piece.name, grads.get(piece.name)
            )
        found = Finding(piece.claim, kind, error)
        yield found if found.ok else Finding(piece.claim, kind, error, judge.tells(kind, pick))


CONTRACT = {
    "runs": "the code runs at every setting",
    "arguments": "no argument is changed by a call",
    "workspace": "a call with a workspace gives the same numbers, again and again",
    "forward": "forward() returns the readout",
    "final state": "final_state is the state at T",
    "dtype": "gradients follow the dtype of the parameters",
}


def _contract(
    judge: Judge, module: Guarded, args: Any, result: Any, before: Any, dtype: str
) -> Iterator[Finding]:
    """Arguments untouched, a workspace changes nothing, forward and final state agree."""
    params, x, y, state = args
    loss, grads, final = result
    workspace: dict[str, Any] = {}
    same = True
    for _ in range(2):
        again, slopes, _ = module.loss_and_grad(
            params, x, y, state, workspace=workspace, **seeded(judge.p), **judge.d.hyper
        )
        same &= _alike(again, loss) and all(_alike(slopes[k], v) for k, v in grads.items())
    yield _exact("workspace", same)
    outputs, after = module.forward(params, x, state, **judge.d.hyper)
    now = _copied(args)
    yield _exact("arguments", all(_alike(a, b) for a, b in zip(now, before, strict=True)))
    right_types = all(v.dtype == dtype for v in (*grads.values(), *outputs.values()))
    yield _exact("dtype", right_types)
    for name, array in outputs.items():
        yield judge.finding("forward", dtype, array, _pick_readout(judge.p, name))
    for s in judge.p.model.states:
        for given in (final, after):
            pick = _pick_last(judge.p.model, s.name)
            yield judge.finding("final state", dtype, given.get(s.name, np.nan), pick)


def _exact(about: str, holds: bool) -> Finding:
    return Finding(about, "exact", 0.0 if holds else np.inf)


def _alike(a: Any, b: Any) -> bool:
    if a is None or b is None:
        return a is b
    exact = np.asarray(a).dtype.kind in "iu"
    return bool(np.array_equal(a, b, equal_nan=not exact))


def _copied(args: Any) -> list[Any]:
    out = []
    for a in args:
        for v in a.values() if isinstance(a, dict) else (a,):
            out.append(None if v is None else v.copy())
    return out


def _pick_readout(p: Program, name: str) -> Pick:
    def readout(run: Run, _: Any) -> Array:
        if not p.buffers[name].timed:
            return run.values[name, run.steps]
        return np.stack([run.values[name, s] for s in range(1, run.steps + 1)])

    return readout


def _pick_last(model: Model, name: str) -> Pick:
    def last_states(run: Run, _: Any) -> Array:
        lag = model.lag(name)
        if model.table[name].reversed:
            return run.values[name, 1]
        rows = [run.values[name, run.steps - n] for n in reversed(range(lag))]
        return np.stack(rows) if lag > 1 else rows[0]

    return last_states
