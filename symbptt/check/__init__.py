"""The emitted code in numbers: against high precision, complex step, and its own contract.

The reference is the derivation's recursions run in 50-digit arithmetic on rational inputs that
float32 holds exactly; the complex step Im L(θ + ih)/h (Squire and Trapp, 1998) differentiates
the emitted loss itself and knows no derived equation at all. The error of an array is
max|a − b| / max|b|. Where NumPy has no complex form of a function, a difference quotient of
the model's loss at 50 digits stands in for the complex step.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from ..derive import derive
from ..emit import emit
from ..errors import expect
from ..model import Loss, Step, Verdict
from ..plan import Program, plan
from .code import CodeError, Guarded, load_module
from .compare import CONTRACT, TOLERANCE, Finding, Piece, compare, pieces
from .inputs import DRAWS, HORIZONS, Setting, data, horizons, settings

UNTOLD = (
    "? The equations themselves, run entry by entry in floats, are as far off: for every draw of "
    "the inputs they overflow, are flat, lose their digits or have no real value."
)


def check(program: Program, source: str | None = None) -> Verdict:
    """Check the module emitted from a program, or `source` in its place.

    Horizons 1, 2 and 7; sizes that all differ; a batch of one and of several; the loss as the
    model has it and at the last step only; an initial state that is not zero. A statement that
    no draw of the inputs can tell at some setting is undecided.
    """
    expect(program, Program, "check", "check(plan(derive(load('elman'))))")
    record = Record()
    for words, p, text in _variants(program, source):
        for setting in settings(p.model, horizons(p.derivation.strategy)):
            record.run(p, text, setting, f"{words}, {setting}")
    return record.verdict(program)


def _variants(program: Program, source: str | None) -> Iterator[tuple[str, Program, str]]:
    given = program.derivation.given or program.derivation.model
    yield "loss as given", program, source or emit(program)
    if given.loss.over != "last":
        at_end = replace(given, loss=Loss("last", given.loss.step))
        last = plan(derive(at_end, program.derivation.strategy), program.clip)
        yield "loss at T only", last, emit(last)


@dataclass
class Record:
    """What was found so far: for each statement and kind the worst finding, and where it was."""

    worst: dict[str, dict[str, tuple[Finding, str]]] = field(default_factory=dict)
    failed: str = ""

    def run(self, p: Program, source: str, setting: Setting, where: str) -> None:
        """One setting, with other draws of the inputs while some statement is not told."""
        told: set[tuple[str, str]] = set()
        seen: dict[tuple[str, str], Finding] = {}
        try:
            module = Guarded(source, p.model.name)
            for draw in DRAWS:
                for f in compare(p, module, setting, draw):
                    seen[f.slot] = f
                    if f.told:
                        told.add(f.slot)
                        self.add(f, where)
                if told == set(seen):
                    return
        except CodeError as failure:
            self.failed = self.failed or f"{failure} at {where}"
        for key in [k for k in seen if k not in told]:
            self.add(seen[key], where)

    def add(self, f: Finding, where: str) -> None:
        kinds = self.worst.setdefault(f.about, {})
        if f.kind not in kinds or f.severity > kinds[f.kind][0].severity:
            kinds[f.kind] = (f, where)

    def verdict(self, program: Program) -> Verdict:
        d = program.derivation
        steps = [self.number(p) for p in pieces(d) if p.claim in self.worst]
        steps.append(Step("", CONTRACT["runs"], not self.failed, "", self.failed, "contract"))
        steps += [self.kept(key) for key in CONTRACT if key in self.worst]
        at = ", ".join(map(str, horizons(d.strategy)))
        title = f"{d.model.name}: emitted code, relative errors at T = {at}"
        title += f"; {d.strategy}" if d.strategy else ""
        title += f"; {program.clip}" if program.clip else ""
        legend = {s.stage: UNTOLD for s in steps if s.undecided}
        return Verdict(d.model.name, title, tuple(steps), legend)

    def number(self, piece: Piece) -> Step:
        """The statement of one loss or gradient, with its errors."""
        how = ", ".join(
            f"{k} {f.error:.1e} (< {TOLERANCE[k]:.0e})"
            for k, (f, _) in self.worst[piece.claim].items()
            if f.told
        )
        return self._step(piece.label, piece.claim, piece.claim, how, "numbers")

    def kept(self, key: str) -> Step:
        """The statement of one clause of the contract."""
        return self._step("", CONTRACT[key], key, "", "contract")

    def _step(self, label: str, claim: str, key: str, how: str, stage: str) -> Step:
        found = self.worst[key].values()
        wrong = [_wrong(f, where) for f, where in found if f.told and not f.ok]
        untold = [_untold(f, where) for f, where in found if not f.told]
        detail = "\n".join([*wrong, *untold])
        ok = not wrong and not untold
        return Step(label, claim, ok, how, detail, stage, undecided=not ok and not wrong)


def _wrong(f: Finding, where: str) -> str:
    return f"it is wrong at {where}" if f.kind == "exact" else f"{f.kind}: {f.error:.1e} at {where}"


def _untold(f: Finding, where: str) -> str:
    return f"{f.kind}: it cannot be told at {where}"


__all__ = ["HORIZONS", "check", "data", "load_module", "settings"]
