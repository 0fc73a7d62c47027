r"""Mistakes planted in true derivations: python -m tests.edits [MODEL …] [--every N] [--pairs].

Each line the project prints in LaTeX is changed in one place, as people change it by mistake
(`planted`), and handed to `verify` beside the forward equations; whether it still is true is told
by numbers (`truth`). With --notation, the mistake is planted in the whole derivation, printed
in the symbols of a text: none of the other lines may be called wrong for it.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from symbptt import matrix as mx
from symbptt.derive import derive
from symbptt.errors import SymbpttError
from symbptt.model import LOSS, Derivation, Equation
from symbptt.parse import load, zoo
from symbptt.parse.latex import latex
from symbptt.show import show, show_equation
from symbptt.verify import verify
from symbptt.verify.report import Report

from .planted import Edit, Spelling, edits, spelling, whole
from .truth import Run, fits

SAID = """d is total, ∂ holds all else fixed. Jacobians are in numerator layout; a product over
time multiplies from the latest step on the left.

"""


@dataclass(frozen=True)
class Planted:
    """An edited line, and whether it still is true; None where numbers cannot tell."""

    equation: Equation
    edit: Edit
    still: bool | None


def planted(derivation: Derivation, every: int = 1, seed: int = 0, only: str = "",
            pairs: bool = False) -> Iterator[Planted]:  # fmt: skip
    """Every n-th edit of each kind, at least one, drawn with the seed."""
    draw = random.Random(f"{derivation.model.name}{seed}{pairs}")
    spelled, run = spelling(derivation), Run(derivation)
    local = {e.label for e in derivation.group("local").equations}
    kinds: dict[str, list[tuple[Equation, Edit]]] = {}
    for e in derivation:
        if e.lhs in (LOSS, derivation.model.loss.step):  # a definition, of the text itself
            continue
        for edit in edits(show_equation(e, "latex"), spelled):
            if not only or only in edit.codes or only == edit.what:
                kinds.setdefault(edit.what, []).append((e, edit))
    for found in kinds.values():
        for e, edit in draw.sample(found, -(-len(found) // every)):
            if pairs:
                line = show_equation(e, "latex")
                seconds = [
                    x for x in edits(edit.line, spelled) if x.what != edit.what and x.line != line
                ]
                if not seconds or not edit.codes:
                    continue
                second = draw.choice(seconds)
                words = f"{edit.what} and {second.what}"
                edit = Edit(edit.codes + second.codes, words, second.line)
            yield _told_apart(run, e, edit, spelled, e.label in local)


def _told_apart(run: Run, e: Equation, edit: Edit, spelled: Spelling, local: bool) -> Planted:
    """The edited line with what else describes it.

    Where brackets are missing around u ⊙ v and the line has no shape without them, another grouping
    is meant, and which is not for numbers to say.
    And what is true of another parameter than the one on the left has that one wrong (M11),
    whatever was done to the right side.
    """
    still = run.says(edit.line, local)
    if edit.codes == ("M06", "M21") and still is False and not fits(edit.line, run.derivation):
        return Planted(e, edit, None)
    left, equals, right = edit.line.partition(" = ")
    for old, new in ((a, b) for group in spelled.weights for a in group for b in group):
        other = re.sub(whole(old) + r"(?=\}$)", new.replace("\\", r"\\"), left)
        if other != left and still is False and run.says(other + equals + right, local):
            edit = replace(edit, codes=(*edit.codes, "M11"))
            break
    return Planted(e, edit, still)


# -- the figures


@dataclass
class Figures:
    """What became of the edits of one model."""

    accepted: list[tuple[str, str, str]] = field(default_factory=list)  # wrong, and accepted
    unrecognised: list[tuple[str, str, str]] = field(default_factory=list)  # true, and not so said
    table: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], tuple[str, str]] = field(default_factory=dict)
    right: int = 0
    wrong: int = 0
    unchanged: int = 0
    blamed: list[tuple[str, str, str]] = field(default_factory=list)  # beside it, and called wrong

    @property
    def share(self) -> float:
        return self.right / max(1, self.wrong)

    def count(self, p: Planted, verdict: str, told: str) -> None:
        row = (p.equation.label, p.edit.what, p.edit.line)
        if p.still:
            self.unchanged += 1
            if verdict not in ("proved", "definition", "conditional"):
                self.unrecognised.append((row[0], f"{verdict}: {row[1]}", row[2]))
            return
        self.wrong += 1
        if verdict in ("proved", "definition"):
            self.accepted.append(row)
        self.right += told in p.edit.codes
        codes = p.edit.codes or ("none",)
        pair = (codes[0], codes[0] if told in codes else told)
        self.table[pair] += 1
        if told not in codes:
            self.examples.setdefault(pair, (p.edit.what, p.edit.line))


def judged(model: str, every: int = 1, seed: int = 0, only: str = "",
           pairs: bool = False) -> Figures:  # fmt: skip
    """The figures of one model; every n-th edit of each kind, drawn with the seed."""
    derivation, out = derive(load(model)), Figures()
    outputs = [e for e in derivation if isinstance(e.lhs, mx.Deriv)]
    both = [next((e for e in outputs if e.lhs.total == x), None) for x in (True, False)]
    known = (*derivation.group("forward").equations, *(e for e in both if e is not None))
    said = SAID + "".join(f"$${show_equation(e, 'latex')}$$\n\n" for e in known)
    stacked = any(b.is_stacked for b in derivation.blocks)
    closed = derivation.group("closed")  # whose words say what is stacked
    words = {e.label: f"{closed.text}\n\n" for e in closed.equations if stacked}
    for p in planted(derivation, every, seed, only, pairs):
        if p.still is None:
            continue
        text = f"{said}{words.get(p.equation.label, '')}$${p.edit.line}$$\n"
        out.count(p, *_told(verify(text, model=model)))
    return out


def _told(report: Report) -> tuple[str, str]:
    """The verdict on the last line, and the class named first."""
    if report.document.unread or not report.lines:
        return "unread", "unread"
    last = report.lines[-1]
    return last.verdict, [*last.codes, *(c.code for c in last.conditions), last.verdict][0]


def in_notation(model: str, notation: str, format: str = "unicode", every: int = 1,
                seed: int = 0) -> Figures:  # fmt: skip
    """The figures of mistakes in a whole derivation, printed in the symbols of a text."""
    derivation, out = derive(load(model)), Figures()
    forward = {e.label for e in derivation.group("forward").equations}
    for p in planted(derivation, every, seed):
        if p.equation.label in forward:  # in letters of its own, what the text is about
            continue
        try:
            wrong = replace(latex(p.edit.line, derivation), label=p.equation.label)
        except SymbpttError:
            continue
        if p.still is None or p.equation.lhs != wrong.lhs:
            continue
        text = show(_with(derivation, wrong), format, notation=notation)
        name = "x.tex" if format == "latex" else "x.md" if format == "markdown" else "x.txt"
        for line in verify(text, model=model, file=name).lines:
            if line.claim.id.split(".")[0] == wrong.label:
                codes = [*line.codes, *(c.code for c in line.conditions), line.verdict]
                out.count(p, line.verdict, codes[0])
            elif line.verdict == "refuted":
                out.blamed.append((line.claim.id, p.edit.what, p.edit.line))
    return out


def _with(derivation: Derivation, new: Equation) -> Derivation:
    """The derivation with one equation replaced by what has its label."""
    groups = [
        replace(g, equations=tuple(
            replace(e, rhs=new.rhs) if e.label == new.label else e for e in g.equations
        ))
        for g in derivation.groups
    ]  # fmt: skip
    return replace(derivation, groups=tuple(groups))


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.edits", description=__doc__)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("--only", default="", help="a class, or a kind of mistake")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--pairs", action="store_true", help="two mistakes in each line")
    parser.add_argument("--notation", default="", help="a text, in a whole derivation")
    parser.add_argument("--format", default="unicode", help="of a whole derivation")
    given = parser.parse_args(arguments)
    table: Counter[tuple[str, str]] = Counter()
    for model in given.models or zoo():
        began = time.perf_counter()
        if given.notation or given.format != "unicode":
            f = in_notation(model, given.notation, given.format, given.every, given.seed)
        else:
            f = judged(model, given.every, given.seed, given.only, given.pairs)
        table += f.table
        print(
            f"{model:15} {f.wrong:4} wrong, {len(f.accepted)} of them accepted, class right in "
            f"{100 * f.share:.0f} %; {f.unchanged} unchanged, {len(f.unrecognised)} of them not "
            f"recognised; {len(f.blamed)} other lines refuted  {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        rows = [("ACCEPTED", f.accepted), ("NOT RECOGNISED", f.unrecognised), ("BLAMED", f.blamed)]
        for kind, found in rows:
            for label, what, line in found:
                print(f"  {kind} ({label}) {what}: {line}")
        for (want, got), (what, line) in sorted(f.examples.items()):
            print(f"  {want} called {got}, {what}: {line}")
        sys.stdout.flush()
    print("\nplanted -> named first")
    for (want, got), n in sorted(table.items()):
        print(f"  {want} {got:12} {n}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
