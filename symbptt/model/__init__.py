"""The data between the stages: frozen, labelled, shape-checked as it is built.

    Model -> Derivation -> Program

The equation label is the thread: one number stands in the printed derivation, the proof
step, the comment of the emitted line, the error message and the verdict.
"""

from .derivation import Block, Derivation, Formal, Group, Segments, Step, Sweep, Verdict
from .model import (
    LOSS,
    Declaration,
    Equation,
    Loss,
    Model,
    distinct_sizes,
    lag_of,
    scheduled,
    weights,
)

__all__ = [
    "LOSS",
    "Block",
    "Declaration",
    "Derivation",
    "Equation",
    "Formal",
    "Group",
    "Loss",
    "Model",
    "Segments",
    "Step",
    "Sweep",
    "Verdict",
    "distinct_sizes",
    "lag_of",
    "scheduled",
    "weights",
]
