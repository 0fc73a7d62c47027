"""A document judged: `verify(text)` and what it hands back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field, replace

from ..errors import SymbpttError
from ..model import Derivation, Loss, Model
from . import surface as s
from .asides import Aside, asides, mirrored
from .evidence.gather import evidence
from .evidence.names import names_of
from .evidence.script import script
from .explain.labels import label
from .explain.words import explain
from .forward.claims import losses_of
from .forward.document import from_document
from .forward.drafts import IncompleteError
from .forward.given import arguments_named, from_model
from .forward.settled import settled, trees_of
from .forward.system import System
from .generic import instances
from .judge.assumptions import one_of
from .judge.judge import Judge
from .judge.line import CONDITIONAL, DEFINITION, PROVED, REFUTED, TESTED, UNREAD, Line
from .judge.readings import Condition
from .judge.statement import Statement
from .matching import Matching, match
from .naming import Naming
from .present import html, line_text
from .present import text as shown
from .program import equations
from .proof.prover import Prover
from .read import formula, read
from .repairs.search import Repairs
from .repairs.symptoms import symptoms
from .verdicts.decide import decide
from .write import latex, plain

CELL = (
    r"f_t=\sigma(\cdot),\ i_t=\sigma(\cdot),\ o_t=\sigma(\cdot),\ g_t=\tanh(\cdot)",
    r"c_t=f_t\odot c_{t-1}+i_t\odot g_t",
    r"h_t=o_t\odot\tanh(c_t)",
)
PLAIN = (r"h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)",)


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
    judges: list[Judge] = []
    lines: dict[int, Line] = {}
    judged: dict[str, tuple[Judge, Line]] = {}
    renamed = _renamed(document, naming)
    for system in systems(claims, naming, model, _shapes(document), renamed):
        if any(j.system.model == system.model for j in judges):
            continue
        judge = Judge(claims, naming, _assumed(system, assume or {}))
        judge.listen(document.prose)
        judge.assume(assume or {})
        if not _runs(judge):
            continue
        decided = decide(judge)
        open_ = [n for n, _ in enumerate(decided) if n not in lines or lines[n].verdict == UNREAD]
        confirm(judge, [decided[n] for n in open_])
        repair(judge, [decided[n] for n in open_])
        evidence(judge, [decided[n] for n in open_])
        settled_ = [n for n in open_ if n not in lines or decided[n].verdict != UNREAD]
        lines |= {n: decided[n] for n in settled_}
        judged |= {decided[n].claim.id: (judge, decided[n]) for n in settled_}
        judges.append(judge)
        if not any(x.verdict == UNREAD for x in lines.values()):
            break
    for_each: list[str] = []
    for judge in judges[:1]:
        for_each = judge_generic(judge, document, lines, judged)
    unread = {n for n, x in lines.items() if x.verdict == UNREAD}
    named = {n for n, x in lines.items() if x.how == "alias"}
    for aside in (*mirrored(claims, unread), *asides(claims, unread, named)):
        judge = Judge(aside.claims, aside.naming, aside.system)
        if not _runs(judge):
            continue
        found = judged_aside(judge, aside, claims)
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
    if not judges:
        ordered = [Line(c) for c in claims]
    reading = (*_reading(judges), *for_each)
    return Report(document, tuple(ordered), reading, tuple(judges), judged)


def judge_generic(
    judge: Judge,
    document: s.Document,
    lines: dict[int, Line],
    judged: dict[str, tuple[Judge, Line]],
) -> list[str]:
    """Judge the unread lines about θ for each parameter; the worst verdict is the line's."""
    claims = [x.claim for x in judge.lines]
    open_ = {n for n, x in lines.items() if x.verdict == UNREAD}
    found: dict[int, Line] = {}
    names: list[str] = []
    letter = ""
    for case in instances(claims, judge.naming, judge.system):
        own = Judge(case.claims, judge.naming, judge.system)
        own.listen(document.prose)
        decided = decide(own)
        confirm(own, decided)
        repair(own, decided)
        evidence(own, decided)
        for n, line in zip(case.places, decided, strict=True):
            if n in open_ and (n not in found or _worse(line, found[n])):
                found[n] = lines[n] = line
                judged[line.claim.id] = own, line
        letter, names = case.letter, [*names, case.parameter]
    return [f"{letter} is each of {', '.join(names)}"] if found else []


def _worse(a: Line, b: Line) -> bool:
    order = (REFUTED, UNREAD, TESTED, CONDITIONAL)
    rank = {v: n for n, v in enumerate(order)}
    return rank.get(a.verdict, len(order)) < rank.get(b.verdict, len(order))


def _runs(judge: Judge) -> bool:
    """Whether the forward equations, as they were read, can be run at all."""
    try:
        return judge.ground.world is not None
    except (SymbpttError, LookupError, TypeError, ValueError, ArithmeticError):
        return False


def judged_aside(judge: Judge, aside: Aside, claims: list[s.Claim]) -> dict[int, Line]:
    """The lines of an aside by their places in the text, in the author's own symbols."""
    decided = decide(judge)
    confirm(judge, decided)
    repair(judge, decided)
    evidence(judge, decided)
    shown = list(map(copy, decided))
    for n, line in zip(aside.places, shown, strict=True):
        if line.claim.right in aside.system.accepted:
            line.verdict, line.message = DEFINITION, ""
        line.claim = claims[n]
        if line.repair is not None:
            done = line.repair.statement
            left, right = aside.as_written(done.left), aside.as_written(done.right)
            line.correct = statement_text(line, replace(done, left=left, right=right))
    return dict(zip(aside.places, shown, strict=True))


def _assumed(system: System, assume: Mapping[str, str]) -> System:
    """The system with the loss that an assumption states."""
    over = assume.get("loss")
    if over is None:
        return system
    one_of("loss", over, ("sum", "mean", "last"))
    model = system.model
    return replace(system, model=replace(model, loss=Loss(over, model.loss.step)))


def confirm(judge: Judge, lines: Iterable[Line]) -> None:
    """Prove what the numbers let stand; what cannot be proved is tested, and says so."""
    provers: dict[str, Prover] = {}
    for line in lines:
        if line.verdict not in (PROVED, CONDITIONAL, DEFINITION) or not line.true:
            continue
        why = ""
        for reading in line.true[:3]:
            if reading.ground not in provers:
                system = judge.ground_of(reading).system
                provers[reading.ground] = Prover(system, judge.naming)
            proof = provers[reading.ground].prove(reading)
            if proof.ok:
                line.reading, line.proof = reading, proof.steps
                break
            why = proof.why
        else:
            line.verdict = TESTED
            line.message = (
                f"equal at T = {judge.ground.steps} with sizes "
                f"{', '.join(f'{k} = {v}' for k, v in judge.ground.world.sizes.items())}, "
                f"not proved: {why}"
            )


def repair(judge: Judge, lines: Iterable[Line]) -> None:
    """Find what each refuted line should have said."""
    repairs = Repairs(judge)
    for line in lines:
        if line.verdict != REFUTED or line.codes:
            continue
        try:
            found = repairs.single(line) or repairs.pair(line)
        except (SymbpttError, ArithmeticError, LookupError, ValueError) as error:
            # An edit may make no sense to the reading; the refutation stands without a diagnosis.
            line.message = f"no repair was found: {type(error).__name__}: {error}"
            continue
        if found is not None:
            line.codes, line.message, line.repair = list(found.codes), found.words, found
            line.correct = statement_text(line, found.statement)
        else:
            line.codes, words = symptoms(judge, line)
            line.message = words or line.message


def statement_text(line: Line, statement: Statement) -> str:
    write = latex if line.claim.notation == "latex" else plain
    return f"{write(statement.left)} = {write(statement.right)}"


def _shapes(document: s.Document) -> dict[str, tuple[str, ...]]:
    out = {}
    for name, shape in document.front.shapes:
        sizes = tuple(x.strip() for x in shape.strip().strip("()").split(",") if x.strip())
        out[name.replace("{", "").replace("}", "")] = sizes
    return out


def systems(
    claims: list[s.Claim],
    naming: Naming,
    model: Model | None,
    shapes: dict[str, tuple[str, ...]],
    renamed: Iterable[tuple[str, str]] = (),
) -> Iterable[System]:
    """What the text may be about, the likeliest first."""
    if model is not None:
        matching = _matching(claims, naming, model, shapes, renamed)
        known = {*matching.names, *model.table}
        yield from_model(model, matching, losses_of(trees_of(claims), naming, known))
        return
    made = 0
    for variant in range(3):
        try:
            yield from_document(claims, naming, shapes, variant)
            made += 1
        except IncompleteError:
            break
    letters = {letter for letter, _ in naming.timed}
    wanted: list[tuple[str, ...]] = [CELL] if {"c", "f"} <= letters else []
    if not made:
        wanted.append(PLAIN)
    for texts in wanted:
        standard = [c for t in texts for c in formula(t) if isinstance(c, s.Claim)]
        every, conventions = settled([*standard, *claims])
        try:
            yield from_document(every, conventions, shapes)
        except SymbpttError:  # a usual form that does not fit what the text has of its own
            continue


def _matching(
    claims: list[s.Claim],
    naming: Naming,
    model: Model,
    shapes: dict[str, tuple[str, ...]],
    renamed: Iterable[tuple[str, str]],
) -> Matching:
    """The author's letters and the names of the given model."""
    nodes = [n for c in claims for t in trees_of([c]) for n in s.walk(t)]
    heads = {n.head.letter for n in nodes if isinstance(n, s.Apply)} | naming.names
    symbols: dict[str, bool] = {}
    for q in (naming.parts(n) for n in nodes if isinstance(n, s.Symbol)):
        if q.letter not in heads and not q.letter.startswith(("δ", "L", "E", "λ")):
            symbols[q.name] = symbols.get(q.name, False) or q.time is not None
    try:
        own = from_document(claims, naming, shapes)
    except IncompleteError:
        return match(symbols, model, renamed)
    found = match(symbols, arguments_named(model)[0], renamed, own.model)
    label = own.label or next((n for n in found.unmatched if n.endswith("hat") and symbols[n]), "")
    kept = [
        replace(m, name=label) if m.name == "target~" else m
        for m in found.matches
        if not m.name.endswith("~") or (m.name == "target~" and label)
    ]
    return Matching(tuple(kept), tuple(n for n in found.unmatched if n != label))


def _renamed(document: s.Document, naming: Naming) -> list[tuple[str, str]]:
    """The renamings of the front matter, the author's side as the text spells it."""
    out = []
    for written, target in document.front.rename:
        claims = formula(written)
        left = claims[0].left if claims and isinstance(claims[0], s.Claim) else None
        name = naming.parts(left).name if isinstance(left, s.Symbol) else written
        out.append((name, target))
    return out


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
