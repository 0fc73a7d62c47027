"""A NumPy script that shows one line: both sides in numbers, and their difference.

It needs nothing but NumPy. It runs the forward equations on the values of the counterexample,
takes every derivative in the line by central differences of that run, and computes the author's
expression as written.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from ... import matrix as mx
from ...errors import SymbpttError
from ...model import LOSS, Equation, lag_of
from ..algebra.numbers import OutOfRangeError
from ..algebra.tensor import MisfitError, Tensor
from ..judge.free_times import FreeTimes
from ..judge.judge import Judge
from ..judge.line import Line
from ..judge.readings import Reading
from ..judge.statement import Statement
from ..meaning.formula import Meaning
from .data import WIDTH, dictionary, drawn, draws, stand_ins, weighed
from .equations import Place, written
from .exact import ExactGround, ExactWorld
from .gather import first_reading
from .names import names_of
from .scalars import Digits
from .source import Source
from .texts import ATOM, Text

HELPERS = {
    "sigmoid": "sigmoid = lambda z: 1 / (1 + np.exp(-z))",
    "softmax": "softmax = lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True)",
    "huber": "huber = lambda z: np.where(abs(z) <= 1, z * z / 2, abs(z) - 0.5)",
}
FORWARD = "def run(by=None, e=0):  # the forward pass; e is added to `by` where it is computed"
SLOPES = "[run(by, e)[of] - run(by, -e)[of] for e in {}]"
MOVES = "    moves = 1e-6 * np.eye(v[by].size).reshape(-1, *v[by].shape)"


def script(judge: Judge, line: Line) -> str:
    """The source. Raises SymbpttError for a line of which no side can be computed."""
    why = "it speaks about no step"
    for subject in _subjects(judge, line):
        try:
            return Script(judge, line, subject).text()
        except OutOfRangeError as error:
            why = error.message
        except SymbpttError as error:
            raise _none(line, error.message) from error
    raise _none(line, why)


def _none(line: Line, why: str) -> SymbpttError:
    return SymbpttError(f"line {line.claim.id} has no script: {why}")


@dataclass(frozen=True)
class Subject:
    """What a script shows: a statement under a reading, at some times of a small world."""

    statement: Statement
    reading: Reading
    ground: ExactGround
    at: dict[str, int]
    entry: dict[str, int] = field(default_factory=dict)  # its named indices, from 0


def _subjects(judge: Judge, line: Line) -> Iterator[Subject]:
    """The counterexample; for other lines the steps that they speak about, the first ones first."""
    c = line.counterexample
    if c is not None:
        yield Subject(judge.statement(line), c.reading, c.ground, c.at, c.entry)
        return
    if line.claim.right is None:
        raise _none(line, "it is no equation")
    statement = judge.statement(line)
    reading = line.reading or first_reading(judge, statement)
    if reading is None:
        raise _none(line, line.message or line.verdict)
    system = judge.ground_of(reading).system
    ground = ExactGround(
        system, judge.naming, judge.system.steps or max(2, judge.ground.steps - 1), Digits()
    )
    names = FreeTimes(judge.naming)(reading.statement)
    for times in ground.assignments(names, reading.statement.last):
        at = {str(k): v for k, v in times.items()}
        yield Subject(reading.statement, reading, ground, at)


class Script:
    """One script in the making."""

    def __init__(self, judge: Judge, line: Line, subject: Subject):
        self.judge, self.line, self.subject = judge, line, subject
        self.world: ExactWorld = subject.ground.world
        self.model = subject.ground.system.model
        self.names = names_of(judge, [n for n, _ in self.world.values])
        times = {judge.naming.symbol(k): v for k, v in subject.at.items()}
        self.source = Source(self.world, {mx.t: 2, **times}, self.names)
        self.source.free = dict(subject.entry)

    def text(self) -> str:
        end = self._end()
        place = Place(self.names, self.world.sizes, self.world.steps, self._copies())
        read = self._reached()
        steps = self._steps(place, read)
        named = {k: n + 1 for k, n in self.subject.entry.items()}
        where = {"T": self.world.steps, **self.subject.at, **named, **self.world.sizes}
        flat = " ".join(self.line.claim.source.split())
        about = ", ".join(f"{k} = {v}" for k, v in where.items())
        out = [f"# Line {self.line.claim.id}: {flat}", f"import numpy as np  # {about}"]
        given = [*drawn(self.world, self.names, read), *weighed(self._equations(read), place)]
        given += ['"L": 0'] if any('v["L"] +=' in x for x in steps) else []
        out += draws(self.world, any("rng." in x for x in given))
        used = "\n".join([*steps, *end])
        out += [line for name, line in HELPERS.items() if f"{name}(" in used]
        out += stand_ins(self.model, used)
        if not self.source.moved:
            return "\n".join([*out, *dictionary("v", given), *steps, *end, ""])
        run = [
            FORWARD,
            "    v = {k: a + e if k == by else a for k, a in given.items()}",
            *(f"    {x}" for x in steps),
            "    return v",
        ]
        out += [*dictionary("given", given), *run, "v = run()", *self._differences()]
        return "\n".join([*out, *end, ""])

    def _differences(self) -> list[str]:
        """`d`, as short as the shapes of what it is asked for allow."""
        values = self.world.values
        flat = all(values[k if k in values else (k[0], None)].ndim == 1 for k in self.source.moved)
        head = "def d(of, by):  # d of / d by, by central differences"
        if flat:
            slopes = SLOPES.format("1e-6 * np.eye(v[by].size)")
            return [head, f"    return np.stack({slopes}, -1) / 2e-6"]
        slopes = SLOPES.format("moves")
        if self.source.of == {LOSS.name}:
            return [head, MOVES, f"    return np.reshape({slopes}, v[by].shape) / 2e-6"]
        back = "    return np.stack(slopes, -1).reshape(v[of].shape + v[by].shape) / 2e-6"
        return [head, MOVES, f"    slopes = {slopes}", back]

    # -- both sides

    def _end(self) -> list[str]:
        """The sides and what is printed of them; of a product that does not exist, its factors."""
        subject = self.subject
        m = Meaning(subject.ground.system, self.judge.naming, self.source, subject.reading.choice)
        try:
            left = m.left(subject.statement.left)
            right = m.right(subject.statement.right, left)
        except MisfitError as error:
            if error.pair is None:
                raise
            return _impossible(error.message, *error.pair)
        if left.shape == right.shape and left.rank == 1 and left.left != right.left:
            return _shapes("left", "right", _turned(left), _turned(right))
        both = [f"left = {left.data}", f"right = {right.data}"]
        if left.shape != right.shape and right.rank:
            return [*both, *_shapes("left", "right")]
        return [
            *both,
            r'print(f"left side:\n{left}\nright side:\n{right}\nlargest difference: '
            '{np.abs(left - right).max()}")',
        ]

    # -- the forward pass

    def _copies(self) -> set[str]:
        """The parameters that are moved at one step alone."""
        params = {d.name for d in self.model.params}
        return {name for name, time in self.source.moved if time is not None and name in params}

    def _reached(self) -> set[str]:
        """The names that the sides need."""
        found = set(self.source.read)
        if LOSS.name in found:
            found.add(self.model.loss.step.name)
        while True:
            reads = (mx.variables(e.rhs) for e in self._equations(found))
            more = {v.name for some in reads for v in some} - found
            if not more:
                return found
            found |= more

    def _equations(self, names: set[str]) -> list[Equation]:
        return [e for e in self.model.equations if e.lhs.name in names]

    def _steps(self, place: Place, read: set[str]) -> list[str]:
        """The equations in loops over time; one that only its successor reads stands in that."""
        out, last = [], self.world.steps
        for equations, ahead in self.model.passes:
            wanted = [e for e in equations if e.lhs.name in read]
            if not wanted:
                continue
            out.append(f"for t in range({f'{last}, 0, -1' if ahead else f'1, {last + 1}'}):")
            for name in sorted(self._copies() & _reads(wanted)):
                key = self.names[name]
                out.append(f'    v["{key}", t] = v["{key}"]{_moved(key)}')
            texts = {self.names[e.lhs.name]: written(e.rhs, place) for e in wanted}
            kept = self.source.read | {self.model.loss.step.name, *_reads(self.model.equations, 1)}
            _inlined(texts, {self.names[n] for n in kept if n in self.names})
            moved = {self.names[n] for n, _ in self.source.moved if n in self.names}
            for name, text in texts.items():
                move = _moved(name) if name in moved else ""
                out.append(f'    v["{name}", t] = {text}{move}')
        if LOSS.name not in self.source.read:
            return out
        step = self.names[self.model.loss.step.name]
        if self._adds_up():
            return [x.replace(f'    v["{step}", t] = ', '    v["L"] += ') for x in out]
        terms = [
            (float(w.ravel()[0]), f'v["{step}", {time}]')
            for (_, time), w in self.world.edges[LOSS.name, None].items()
        ]
        total = " + ".join(x if w == 1 else f"{w!r} * {x}" for w, x in terms if w)
        return [*out, f'v["L"] = {total}']

    def _adds_up(self) -> bool:
        """Whether the loss is the plain sum of the steps', and nothing else reads those."""
        weights = self.world.edges[LOSS.name, None].values()
        alone = self.model.loss.step.name not in self.source.read
        return alone and all(float(w.ravel()[0]) == 1 for w in weights)


def _reads(equations: Iterable[Equation], lag: int = 0) -> set[str]:
    """The names that equations read, `lag` steps back or ahead at least."""
    read = (v for e in equations for v in mx.variables(e.rhs))
    return {v.name for v in read if not v.times or abs(lag_of(v)) >= lag}


def _inlined(texts: dict[str, Text], kept: set[str]) -> None:
    """Put each text that is read once where it is read."""
    for name in [n for n in texts if n not in kept]:
        key = f'v["{name}", t]'
        readers = [n for n, x in texts.items() if key in x.text]
        if len(readers) != 1 or texts[readers[0]].text.count(key) > 1:
            continue
        around = texts[readers[0]]
        longer = around.text.replace(f"({key})", f"({texts[name]})")
        longer = longer.replace(key, texts[name].inside(ATOM))
        if len(longer) < WIDTH - 30:
            texts[readers[0]] = replace(around, text=longer)
            del texts[name]


def _moved(key: str) -> str:
    return f' + (e if by == ("{key}", t) else 0)'


def _turned(x: Tensor) -> str:
    """A vector as the column or row that it is."""
    if x.rank != 1:
        return str(x.data)
    return f"{x.data.inside(ATOM)}[{':, None' if x.left else 'None, :'}]"


def _shapes(a: str, b: str, *values: str) -> list[str]:
    both = [f"{name} = {value}" for name, value in zip((a, b), values, strict=False)]
    return [*both, f'print("the shapes differ:", np.shape({a}), "and", np.shape({b}))']


def _impossible(why: str, a: Tensor, b: Tensor, sign: str) -> list[str]:
    out = [f"a = {_turned(a)}", f"b = {_turned(b)}", 'print("shapes:", a.shape, "and", b.shape)']
    if sign == "@" and max(a.rank, b.rank) <= 2:
        return [*out, f"print(a @ b)  # {why}"]
    return [*out, f'assert a.shape == b.shape, "{why}"']


__all__ = ["script"]
