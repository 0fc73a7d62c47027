"""A NumPy script that shows one line: both sides in numbers, and their difference.

It needs nothing but NumPy. It runs the forward equations on the values of the counterexample,
takes every derivative in the line by central differences of that run, and computes the author's
expression as written.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from ... import matrix as mx
from ...errors import SymbpttError
from ...model import LOSS
from ..judge.free_times import FreeTimes
from ..judge.judge import Judge
from ..judge.line import Line
from ..judge.readings import Reading
from ..judge.statement import Statement
from ..meaning.formula import Meaning
from .equations import Place, written
from .exact import ExactGround, ExactWorld
from .gather import first_reading
from .names import names_of
from .scalars import Digits
from .source import Source

HELPERS = {
    "sigmoid": ["sigmoid = lambda z: 1 / (1 + np.exp(-z))"],
    "softmax": ["softmax = lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True)"],
    "huber": ["huber = lambda z: np.where(abs(z) <= 1, z * z / 2, abs(z) - 0.5)"],
    "near": [
        "def near(f, z):  # a function of which nothing is known: a line through the nearest point",
        "    x, value, slope = min(points[f], key=lambda row: abs(np.subtract(row[0], z)).sum())",
        "    return value + np.dot(slope, np.subtract(z, x))",
    ],
    "each": [
        "@np.vectorize",
        "def each(f, z, order=0):  # an unknown function, entry by entry: its value, or its slope",
        "    (x,), value, (slope,) = min(points[f], key=lambda row: abs(row[0][0] - z))",
        "    return slope if order else value + slope * (z - x)",
    ],
}


def script(judge: Judge, line: Line) -> str:
    """The source. Raises SymbpttError for a line of which no side can be computed."""
    subject = _subject(judge, line)
    try:
        return Script(judge, line, subject).text()
    except SymbpttError as error:
        raise SymbpttError(f"line {line.claim.id} has no script: {error.message}") from error


@dataclass(frozen=True)
class Subject:
    """What a script shows: a statement under a reading, at some times of a small world."""

    statement: Statement
    reading: Reading
    ground: ExactGround
    at: dict[str, int]


def _subject(judge: Judge, line: Line) -> Subject:
    """The counterexample; for a right line the first steps it speaks about."""
    c = line.counterexample
    if c is not None:
        return Subject(judge.statement(line), c.reading, c.ground, c.at)
    if line.claim.right is None:
        raise SymbpttError(f"line {line.claim.id} has no script: it is no equation")
    statement = judge.statement(line)
    reading = line.reading or first_reading(judge, statement)
    if reading is None:
        raise SymbpttError(f"line {line.claim.id} has no script: {line.message or line.verdict}")
    system = judge.ground_of(reading).system
    ground = ExactGround(system, judge.naming, max(2, judge.ground.steps - 1), Digits())
    names = FreeTimes(judge.naming)(reading.statement)
    times = next(iter(ground.assignments(names, reading.statement.last)))
    return Subject(reading.statement, reading, ground, {str(k): v for k, v in times.items()})


class Script:
    """One script in the making."""

    def __init__(self, judge: Judge, line: Line, subject: Subject):
        self.judge, self.line, self.subject = judge, line, subject
        self.world: ExactWorld = subject.ground.world
        self.model = subject.ground.system.model
        self.names = names_of(judge, [n for n, _ in self.world.values])
        times = {judge.naming.symbol(k): v for k, v in subject.at.items()}
        self.source = Source(self.world, {mx.t: 2, **times}, self.names)

    def text(self) -> str:
        left, right = self._sides()
        steps = self.world.steps
        self.place = Place(self.names, self.world.sizes, steps, self.source.copies)
        run = self._run()
        used = "\n".join([left, right, *run])
        flat = " ".join(self.line.claim.source.split())
        where = {"T": steps, **self.subject.at, **self.world.sizes}
        out = [
            f"# Line {self.line.claim.id}: {flat}",
            f"# {', '.join(f'{k} = {v}' for k, v in where.items())}; float64; derivatives by "
            "central differences, eps = 1e-6",
            "import numpy as np",
            f"given = {self._given(used)}",
        ]
        for name, lines in HELPERS.items():
            if f"{name}(" in used:
                out += lines
        if self.world.functions.points:
            out.append(f"points = {self._points()}")
        return "\n".join([*out, *run, *_end(left, right)])

    def _sides(self) -> tuple[str, str]:
        subject = self.subject
        m = Meaning(subject.ground.system, self.judge.naming, self.source, subject.reading.choice)
        left = m.of(subject.statement.left)
        m.wanted = left if left.rank == 3 else None
        right = m.of(subject.statement.right)
        if m.components:
            raise SymbpttError("it is about single entries")
        return str(left.data), str(right.data)

    def _run(self) -> list[str]:
        """The forward pass; `move` is added to a quantity where it is computed."""
        out = [
            "def run(move={}):  # the forward pass; `move` adds to a quantity where it is computed",
            "    v = {k: a + move.get(k, 0) for k, a in given.items()}",
        ]
        steps = self.world.steps
        for equations, ahead in self.model.passes:
            span = f"{steps}, 0, -1" if ahead else f"1, {steps + 1}"
            out.append(f"    for t in range({span}):")
            out.append("        def put(k, a): v[k, t] = a + move.get((k, t), 0)")
            if self.place.copies:
                out.append("        p = lambda k: v[k] + move.get((k, t), 0)  # as step t reads it")
            for e in equations:
                out.append(f'        put("{self.names[e.lhs.name]}", {written(e.rhs, self.place)})')
        step = self.names[self.model.loss.step.name]
        terms = [
            (float(w.ravel()[0]), f'v["{step}", {time}]')
            for (_, time), w in self.world.edges[LOSS.name, None].items()
        ]
        total = " + ".join(x if w == 1 else f"{w!r} * {x}" for w, x in terms if w)
        return [*out, f'    v["L"] = {total}', "    return v"]

    def _given(self, used: str) -> str:
        """The values that are drawn, those before the first step where they are read."""
        items = []
        computed = {e.lhs.name for e in self.model.equations}
        for (name, time), value in self.world.values.items():
            if name == LOSS.name or (name in computed and 1 <= (time or 0) <= self.world.steps):
                continue
            key = f'"{self.names[name]}"' if time is None else f'"{self.names[name]}", {time}'
            if time == 0 and name not in computed and f"[{key}]" not in used:
                continue
            items.append(f"{key if time is None else f'({key})'}: np.array({_listed(value)})")
        return "{\n    " + ",\n    ".join(items) + "}"

    def _points(self) -> str:
        rows = {
            name: [
                ([float(x) for x in at], float(value), [float(x) for x in slopes])
                for at, value, slopes in known.values()
            ]
            for name, known in self.world.functions.points.items()
        }
        return "{" + ",\n    ".join(f'"{k}": {v}' for k, v in rows.items()) + "}"


def _end(left: str, right: str) -> list[str]:
    return [
        "v = run()",
        "def d(of, by, eps=1e-6):  # d of / d by, entry by entry",
        "    x = v[by] if by in v else v[by[0]]",
        "    moves = eps * np.eye(x.size).reshape(-1, *x.shape)",
        "    slopes = [(run({by: e})[of] - run({by: -e})[of]) / (2 * eps) for e in moves]",
        "    return np.stack(slopes, -1).reshape(np.shape(v[of]) + x.shape)",
        f"left = {left}",
        f"right = {right}",
        'print("left side:", left, "right side:", right, sep="\\n")',
        "if np.shape(left) != np.shape(right):",
        '    raise SystemExit(f"their shapes differ: {np.shape(left)} and {np.shape(right)}")',
        'print("largest difference:", np.abs(left - right).max())',
        "",
    ]


def _listed(value: np.ndarray) -> str:
    return json.dumps(value.tolist() if value.dtype != object else _floats(value.tolist()))


def _floats(x: Any) -> Any:
    return [_floats(y) for y in x] if isinstance(x, list) else float(x)


__all__ = ["script"]
