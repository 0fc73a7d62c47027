"""A document judged: `verify(text)` and what it hands back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from .. import matrix as mx
from ..errors import SymbpttError
from ..model import Derivation, Loss, Model
from . import surface as s
from .about import systems
from .asides import asides, mirrored
from .evidence.names import names_of
from .evidence.script import script
from .explain.labels import label
from .explain.words import explain
from .forward.claims import is_forward
from .forward.settled import settled
from .forward.system import System
from .judge.assumptions import one_of
from .judge.judge import Judge
from .judge.line import CONDITIONAL, DEFINITION, PROVED, REFUTED, TESTED, UNREAD, Line
from .judge.readings import Condition
from .judge.said import stacked_said
from .judging import judge_aside, judge_generic, judge_lines, runs
from .naming import Naming
from .present import html, line_text
from .present import text as shown
from .program import equations
from .read import read
from .stacks import stacks
from .units import units


@dataclass(frozen=True)
class Report:
    """The verdicts of one document, in order; `lines` are those of its claims.

    `judged`: the number of a line -> who judged it, and the line as it stood there.
    """

    document: s.Document
    lines: tuple[Line, ...]
    reading: tuple[str, ...] = ()
    judges: tuple[Judge, ...] = field(default=(), repr=False)
    judged: Mapping[str, tuple[Judge, Line]] = field(default_factory=dict, repr=False)

    @property
    def refuted(self) -> tuple[Line, ...]:
        return tuple(x for x in self.lines if x.verdict in (REFUTED, "follows"))

    @property
    def status(self) -> int:
        """0 nothing refuted and nothing unread, 1 something refuted, 3 something undecided."""
        if self.refuted:
            return 1
        undecided = any(x.verdict in (UNREAD, TESTED) for x in self.lines)
        return 3 if undecided or self.document.unread or not self.lines else 0

    @property
    def ok(self) -> bool:
        return self.status == 0

    def label(self, derivation: Derivation) -> None:
        """Give each line the label of its equation in a derivation of the model."""
        for judge in self.judges:
            label(judge, derivation)

    def explain(self, line: str) -> str:
        """Why a line holds, or where its two sides part, for a reader who knows the chain rule."""
        judge, found = self._found(line)
        shown = next(x for x in self.lines if x.claim.id == line)
        said = [*line_text(shown), "", *explain(judge, found)]
        return "\n".join(said) + "\n"

    def script(self, line: str) -> str:
        """A NumPy script with both sides of a line. Raises SymbpttError where there is none."""
        return script(*self._found(line))

    def _found(self, line: str) -> tuple[Judge, Line]:
        if line in self.judged:
            return self.judged[line]
        known = ", ".join(x.claim.id for x in self.lines)
        raise SymbpttError(f"there is no line {line}", f"one of {known}")

    def __str__(self) -> str:
        return shown(self)

    def _repr_html_(self) -> str:
        return html(self)


def verify(
    text: str,
    model: Model | Derivation | str | None = None,
    assume: Mapping[str, str] | None = None,
    file: str = "<text>",
) -> Report:
    """Judge every equation of a hand derivation.

    `model` is what it is about (a model, or the name or path of one); without it, what the front
    matter names, else the text's own forward equations. With a derivation of the model, each
    line carries the label of its equation. `assume` fixes readings:

        layout      numerator or denominator: ∂u/∂v has the rows of u, or of v
        gradients   columns or rows
        partial     total or immediate: what ∂h/∂W means where a text does not say
        loss        sum, mean or last
        δ, dh, …    a quantity of the model, the letter is the gradient by it; then, after colons,
                    whole, step, own, future or share, and a factor such as 1/T or T

    Raises SymbpttError for an assumption that is none.
    """
    from ..parse import load

    document = read(text, file)
    derivation = model if isinstance(model, Derivation) else None
    chosen = derivation.given or derivation.model if derivation else model or document.front.model
    known = load(chosen) if isinstance(chosen, str) and chosen else chosen or None
    fixed = {**dict(document.front.assume), **(assume or {})}
    report = judge_document(document, known, fixed)  # type: ignore[arg-type]
    if derivation:
        report.label(derivation)
    return report


def judge_document(
    document: s.Document, model: Model | None = None, assume: Mapping[str, str] | None = None
) -> Report:
    said, notes = equations(list(document.claims))
    claims, naming = settled(said)
    naming.stacked = stacked_said(document.text)
    judges: list[Judge] = []
    lines: dict[int, Line] = {}
    judged: dict[str, tuple[Judge, Line]] = {}
    for system in systems(claims, naming, document, model):
        if any(j.system.model == system.model for j in judges):
            continue
        judge = Judge(claims, naming, _assumed(system, assume or {}))
        judge.listen(document.prose)
        judge.assume(assume or {})
        if not runs(judge):
            continue
        again = _contradicted(judges, lines)
        open_ = [n for n, _ in enumerate(claims) if n not in lines or lines[n].verdict == UNREAD]
        decided = judge_lines(judge, sorted({*open_, *again}))
        settled_ = [n for n in open_ if n not in lines or decided[n].verdict != UNREAD]
        settled_ += [
            n for n in again if _said_of_second(claims[n], decided[n], again, naming, lines)
        ]
        lines |= {n: decided[n] for n in settled_}
        judged |= {decided[n].claim.id: (judge, decided[n]) for n in settled_}
        judges.append(judge)
        if not any(x.verdict == UNREAD for x in lines.values()):
            if not _contradicted(judges, lines):
                break
    for_each: list[str] = []
    for judge in judges[:1]:
        for_each = judge_generic(judge, document, lines, judged)
    if not judges:
        lines = {n: Line(c) for n, c in enumerate(claims)}
    unread = {n for n, x in lines.items() if x.verdict == UNREAD}
    named = {n for n, x in lines.items() if x.how == "alias"}
    beside = [*units(claims, unread), *mirrored(claims, unread)]
    beside += [
        x for x in asides(claims, unread, named)
        if not any(_redefines(j, claims[n], x.system) for j in judges[:1] for n in x.places)
    ]  # fmt: skip
    for judge in judges[:1]:
        beside += stacks(claims, unread, naming, judge.system)
    for aside in beside:
        judge = Judge(aside.claims, aside.naming, aside.system)
        judge.listen(document.prose)
        if not runs(judge):
            continue
        found = judge_aside(judge, aside, claims, lines)
        open_ = [claims[n].equation for n, x in found.items() if x.verdict == UNREAD]
        for n, own in zip(aside.places, judge.lines, strict=True):
            if claims[n].equation not in open_:
                lines[n], judged[claims[n].id] = found[n], (judge, own)
    for n, line in lines.items():
        line.claim = replace(document.claims[n], id=line.claim.id)
        if line.claim.id in notes and line.verdict == PROVED:
            line.verdict = CONDITIONAL
            line.conditions.append(Condition(*notes[line.claim.id]))
        if line.verdict == UNREAD and line.how == "stated":
            line.verdict = DEFINITION  # words on a letter that no system settles
    ordered = [lines[n] for n in sorted(lines)]
    reading = (*_reading(judges), *for_each)
    return Report(document, tuple(ordered), reading, tuple(judges), judged)


def _contradicted(judges: list[Judge], lines: dict[int, Line]) -> list[int]:
    """What was refuted in the first system, where a second definition of its own text was too:
    h = tanh(W [h, x]) and then h = tanh(z), z = W_h h + W_x x. It may be said of that one. With the
    weights of the first, its own or those of z, a second definition is a slip of the pen."""
    wrong = [n for n, x in lines.items() if x.verdict == REFUTED]
    if len(judges) != 1:
        return []
    naming, names = judges[0].naming, judges[0].system.names
    for n in wrong:
        left, right = s.bare(lines[n].claim.left), lines[n].claim.right
        if right is None or not isinstance(left, s.Symbol) or not is_forward(lines[n].claim):
            continue
        q, read = naming.parts(left), {naming.parts(x) for x in s.symbols(right)}
        if q.name in names and q.time == mx.t:
            if any(r.time is None and r.name in names for r in read):
                continue
            model = judges[0].system.model
            mine = {names[r.name] for r in read if r.time is not None and r.name in names}
            if not _weights(model, mine) & _weights(model, [names[q.name]]):
                return wrong
    return []


def _weights(model: Model, names: Iterable[str]) -> set[str]:
    """The parameters that some values of a step are computed from, in that step."""
    defined = [model.unfold(model.defined[n].rhs) for n in names if n in model.defined]
    return {v.name for e in defined for v in mx.variables(e) if not v.times}


def _redefines(judge: Judge, claim: s.Claim, other: System) -> bool:
    """Whether another system takes for a definition what is said of a quantity of a given model."""
    left = s.bare(claim.left)
    mine = isinstance(left, s.Symbol) and judge.naming.parts(left).name in judge.system.names
    return judge.system.given and mine and claim.right in other.accepted


def _said_of_second(
    claim: s.Claim, line: Line, again: list[int], naming: Naming, lines: dict[int, Line]
) -> bool:
    """Whether a line is right of the second definition, or reads what that one alone reads and is
    about both at once, which no system here is."""
    if line.verdict in (PROVED, CONDITIONAL, DEFINITION):
        return True
    rights = [lines[n].claim.right for n in again if is_forward(lines[n].claim)]
    read = {naming.parts(x).name for r in rights if r is not None for x in s.symbols(r)}
    mine = {naming.parts(x).name for t in (claim.left, claim.right) if t for x in s.symbols(t)}
    return line.verdict == UNREAD and bool(read & mine)


def _assumed(system: System, assume: Mapping[str, str]) -> System:
    """The system with the loss that an assumption states."""
    over = assume.get("loss")
    if over is None:
        return system
    one_of("loss", over, ("sum", "mean", "last"))
    model = system.model
    return replace(system, model=replace(model, loss=Loss(over, model.loss.step)))


def _reading(judges: list[Judge]) -> tuple[str, ...]:
    """What was inferred, in the author's names."""
    out: list[str] = []
    for judge in judges[:1]:
        names = names_of(judge, [d.name for d in judge.system.model.declarations])
        for key, g in judge.gradients.items():
            if key not in judge.free:
                out.append(
                    f"{key.replace(' ', '')} is {replace(g, of=names.get(g.of, g.of)).show()}"
                )
        out += [x for x in judge.system.filled]
    return tuple(out)
