"""Derivation -> Program: its planner, the passes over its loops, and who shares whose memory."""

from __future__ import annotations

from dataclasses import replace

from .. import matrix as mx
from ..errors import UnsupportedError, expect
from ..model import Derivation
from ..strategy import Blocks, Checkpoint, Clip, Online
from .arrange import Upto, arranged
from .backward import Planner
from .blocks import BlocksPlanner
from .checkpoint import FINAL, SegmentPlanner, weighted
from .forward import Forward
from .program import Program, standing
from .reuse import share
from .slice import part_of


def plan(derivation: Derivation, clip: Clip | None = None, *, upto: Upto = "gates") -> Program:
    """The optimised program of a derivation. Raises UnsupportedError for what has no code.

    `upto` is the last pass over its loops that is made, for the report to compare.
    """
    expect(derivation, Derivation, "plan", "plan(derive(load('elman')))")
    model = derivation.model
    if model.is_uninterpreted:
        calls = sorted({c.name for e in model.equations for c in e.rhs.atoms(mx.Call)})
        raise UnsupportedError(
            f"{', '.join(calls)} of model {model.name} has no body, so there is nothing to compute",
            f"function {calls[0]}(…) = …, or a built-in loss such as squared_error",
        )
    program = drafted(derivation, clip, upto=upto)
    finals = {standing(program.buffers, s.name) for s in model.states}
    results = finals | {standing(program.buffers, n) for n in program.readout}
    parts = (program.train, *program.sweeps)
    (train, *sweeps), buffers = share(parts, program.buffers, finals, results, program.infer)
    return replace(program, train=train, sweeps=tuple(sweeps), buffers=buffers)


def drafted(derivation: Derivation, clip: Clip | None = None, *, upto: Upto = "gates") -> Program:
    """The program in which every array still has memory of its own."""
    model = derivation.model
    train, infer = _planner(derivation), Forward(derivation)
    infer_part, train_part = infer.infer(), train.train()
    results = {*infer.readout(), *(s.name for s in model.states)}
    ours, theirs = (train_part, train.b.buffers), (infer_part, infer.b.buffers)
    if upto != "nothing":
        train_part, infer_part, buffers = arranged(ours, theirs, results, upto)
    else:
        missing = set(infer.b.buffers) - set(train.b.buffers)
        buffers = {**train.b.buffers, **{n: infer.b.buffers[n] for n in sorted(missing)}}
    sweeps = tuple(
        part_of(train_part, {standing(buffers, n) for n in names}, buffers)
        for names in train.swept()
    )
    return Program(derivation, train_part, infer_part, buffers, infer.readout(), sweeps, clip)


def _planner(derivation: Derivation) -> Planner:
    if isinstance(derivation.strategy, Online):
        return SegmentPlanner(weighted(derivation), 1 / FINAL)
    planners = {Blocks: BlocksPlanner, Checkpoint: SegmentPlanner}
    return planners.get(type(derivation.strategy), Planner)(derivation)
