"""Hand derivations: read as their authors wrote them, and judged line by line.

surface   what a formula says before anyone says what it means
read      documents and formulas to surface trees
write     surface trees to text, the inverse of `read`
program   lines of a program, as equations
scripted  what a script means once the document is known
naming    which index of a letter is a time, a component, a part of its name
nearly    two models of which most equations are the same
matching  the author's symbols and the names of a given model
world     a small run in numbers, with every derivative that exists in it
algebra   arrays with rows and columns, in numbers or in letters
forward   the author's forward equations, made into a model
about     the systems a text may be about
asides    what stands beside them, as one step of a system of its own
units     a text about single units, as one about the entries of vectors
generic   θ, which is each of the parameters
meaning   a formula under a reading, as a tensor
stacks    several states under one letter, as a model with one state
judge     a document in one system: its letters, and truth under each reading
proof     a line for every T and all sizes
repairs   the edit that would make a wrong line true
verdicts  every line's verdict
evidence  what a refuted line is shown: the counterexample, the mark, the root cause
explain   why a line holds, step by step, or where its sides part
present   a report as text and JSON
judging   the course of a judgement: verdict, proof or repair, evidence
report    `verify(text)` and what it hands back

A room imports only rooms above it; tests/test_architecture.py keeps that.
"""

from .report import Report, verify

__all__ = ["Report", "verify"]
