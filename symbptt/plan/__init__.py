"""Derivation -> Program: hoisted and stacked matrix products, loops, buffers and their reuse."""

from .planner import plan
from .program import Buffer, Instruction, Loop, Part, Program, Ref, Term, standing

__all__ = ["Buffer", "Instruction", "Loop", "Part", "Program", "Ref", "Term", "plan", "standing"]
