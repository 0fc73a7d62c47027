"""Derivation -> Proof: local partials, recursions, induction over t, and the explicit road.

    prove(derivation)     every statement of the derivation, for every T and every size
    lemma()               a_t = b_t + c_t a_{t−1} on its own

The judge shares no formula with the judged: nothing here reaches `rules`, `derive` or `plan`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ..errors import SymbpttError, expect
from ..model import Derivation, Step, Verdict
from ..strategy import Blocks, Checkpoint
from . import induction, recursions
from .cutting import Cut, claims, is_cut
from .explicit import explicit
from .roads import Roads
from .segments import segments
from .stopped import stopped

INDUCTION = "induction over t"
Stage = tuple[str, Callable[[Derivation], list[Step]]]
EXPLICIT: Stage = ("explicit unrolling", explicit)


def prove(derivation: Derivation, progress: Callable[[str], None] = lambda stage: None) -> Verdict:
    """Prove a derivation; the verdict holds only if every stage and every statement does."""
    expect(derivation, Derivation, "prove", "prove(derive(load('elman')))")
    steps: list[Step] = []
    for name, stage in stages(derivation):
        progress(name)
        steps += [replace(s, stage=name) for s in _decided(stage, derivation)]
    title = f"{derivation.model.name}: every T, every size"
    legend = induction.LEGEND + (induction.LEGEND_STACKED if _is_stacked(derivation) else "")
    legend += induction.LEGEND_REVERSED if derivation.model.is_two_way else ""
    return Verdict(derivation.model.name, title, tuple(steps), {INDUCTION: legend})


def _decided(stage: Callable[[Derivation], list[Step]], derivation: Derivation) -> list[Step]:
    """The stage's steps; a derivation it cannot even read is refuted, with the reason."""
    try:
        return stage(derivation)
    except SymbpttError as error:
        return [Step("", "every value that is read has an equation", False, "", error.message)]


def stages(derivation: Derivation) -> list[Stage]:
    every: list[Stage] = [
        ("forward equations", recursions.forward_unchanged),
        ("local partials", recursions.local_partials),
        ("full-index Jacobians", recursions.full_index),
        ("total derivatives", recursions.adjoint),
        ("gradients", recursions.gradient),
    ]
    if is_cut(derivation):
        return _of_a_cut(derivation)
    keys = {g.key for g in derivation.groups}
    if "jacobian" in keys:
        every += [
            (INDUCTION, _induction),
            ("step Jacobians", lambda d: Roads(d).jacobians()),
            ("the two roads of this model", _roads),
        ]
    if isinstance(derivation.strategy, Checkpoint):
        every.append(("segments", segments))
    if not derivation.formal:
        every = [(name, stage) for name, stage in every if stage is not recursions.full_index]
    return [*every, EXPLICIT]


def _of_a_cut(derivation: Derivation) -> list[Stage]:
    """The stages of a gradient that a strategy cuts."""
    every: list[Stage] = [
        ("forward equations", recursions.forward_unchanged),
        ("local partials", recursions.local_partials),
        ("total derivatives", lambda d: Cut(d).recursions()),
        (INDUCTION, _induction),
        ("what is cut, for every T", claims),
        ("step Jacobians", lambda d: Cut(d).jacobians()),
        ("the closed forms of this model", lambda d: [*Cut(d).blocks(), *Cut(d).closed()]),
    ]
    blocks = isinstance(derivation.strategy, Blocks)
    return [*every, (EXPLICIT[0], stopped) if blocks else EXPLICIT]


def _induction(derivation: Derivation) -> list[Step]:
    within = induction.within_a_step() if _is_stacked(derivation) else ()
    return [*within, *induction.claims()]


def _is_stacked(derivation: Derivation) -> bool:
    return any(b.is_stacked for b in derivation.blocks)


def _roads(derivation: Derivation) -> list[Step]:
    roads = Roads(derivation)
    steps = [*roads.adjoint(), *roads.sensitivity()]
    return [*roads.blocks(), *steps, *roads.closed()] if derivation.blocks else steps


def lemma() -> Verdict:
    """The lemma of the linear recurrence, as its own statement."""
    title = "a_0 = 0, a_t = b_t + c_t a_{t-1}  ⇒  a_t = b_t + Σ_{i=1}^{t-1} (∏_{j=i+1}^t c_j) b_i"
    return Verdict("lemma", title, tuple(induction.linear_recurrence()))


__all__ = ["lemma", "prove", "stages"]
