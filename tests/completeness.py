"""What the judge says of true derivations: python -m tests.completeness [MODEL …] [--form …].

Each derivation the project prints is handed back to `verify`, whole; every line of it is true, so
all but the definitions should be proved. Forms are latex, markdown and unicode, and the notations
in both layouts: plain, and for models of Elman's form those of the texts; with a format behind,
karpathy/denominator/latex, in that one. `bare` is the equations of the plain notation and no word.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from symbptt.derive import derive
from symbptt.errors import UnsupportedError
from symbptt.matrix.layout import LAYOUTS
from symbptt.model import Derivation
from symbptt.parse import load, zoo
from symbptt.show import show, show_equation
from symbptt.show.texts import TEXTS
from symbptt.verify import verify
from symbptt.verify.report import Report

FORMS = ("markdown", "latex", "unicode", "bare")
FILES = {"latex": "x.tex", "markdown": "x.md", "unicode": "x.txt", "bare": "x.txt"}
SOUND = ("proved", "definition")


@dataclass
class Count:
    """The verdicts on one printed derivation, and what was said of the lines that fall short."""

    model: str
    form: str
    seconds: float = 0.0
    verdicts: Counter[str] = field(default_factory=Counter)
    misses: list[tuple[str, str, str, str]] = field(default_factory=list)  # tag, verdict, why, text

    @property
    def total(self) -> int:
        return sum(self.verdicts.values())

    @property
    def sound(self) -> int:
        return sum(self.verdicts[v] for v in SOUND)

    def __str__(self) -> str:
        rest = ", ".join(f"{n} {v}" for v, n in self.verdicts.most_common() if v not in SOUND)
        return (
            f"{self.model:15} {self.form:24} {self.verdicts['proved']:3} proved "
            f"{self.verdicts['definition']:3} definitions of {self.total:3}  {self.seconds:5.1f} s"
            f"  {rest}"
        )


def printed(derivation: Derivation, form: str, mode: str = "all") -> str:
    """The derivation in one form: a format of `show`, its bare equations, or notation/layout, with
    a format behind it where that is not unicode."""
    if form == "bare":
        found = (
            [*derivation, *(f.equation for f in derivation.formal)]
            if mode == "all"
            else [e for e in derivation]
        )
        return "\n".join(f"({e.label}) {show_equation(e, 'text')}" for e in found) + "\n"
    if "/" in form:
        notation, layout, *written = form.split("/")
        return show(derivation, (*written, "unicode")[0], mode, notation, layout)
    return show(derivation, form, mode)


def count(model: str, form: str, mode: str = "all", alone: bool = False) -> Count:
    """The verdicts on one derivation; `alone` with its own forward equations as the only model."""
    derivation = derive(load(model))
    text = printed(derivation, form, mode)
    found = Count(model, form)
    began = time.perf_counter()
    known = None if alone else model
    report = verify(text, model=known, file=FILES.get(form.split("/")[-1], "x.txt"))
    found.seconds = time.perf_counter() - began
    for tag, verdict, why, source in lines(report):
        found.verdicts[verdict] += 1
        if verdict not in SOUND:
            found.misses.append((tag, verdict, why, source))
    return found


def lines(report: Report) -> Iterator[tuple[str, str, str, str]]:
    """(id, verdict, what was said, the line) of everything judged and everything unread."""
    for u in report.document.unread:
        yield u.id, "unread", u.reason, u.source
    for x in report.lines:
        said = [f"{c.code} {c.words}" for c in x.conditions]
        said += [x.message, x.answer.detail if x.answer else ""]
        yield x.claim.id, x.verdict, "; ".join(w for w in said if w), x.claim.source


def forms_of(model: str) -> list[str]:
    derivation = derive(load(model))
    found = list(FORMS)
    for notation in TEXTS:
        try:
            show(derivation, notation=notation)
        except UnsupportedError:
            continue
        found += [f"{notation}/{layout}" for layout in LAYOUTS]
        found += [f"{notation}/{layout}/{f}" for layout in LAYOUTS for f in ("markdown", "latex")]
    return found


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.completeness", description=__doc__)
    parser.add_argument("models", nargs="*")
    parser.add_argument("--form", "--notation", action="append", help="a format or notation")
    parser.add_argument("--mode", default="all")
    parser.add_argument("--alone", action="store_true", help="its own equations are the model")
    given = parser.parse_args(arguments)
    total: Counter[str] = Counter()
    for model in given.models or zoo():
        wanted = [
            f for f in forms_of(model)
            if not given.form or f in given.form or f.partition("/")[0] in given.form
        ]  # fmt: skip
        for form in wanted:
            found = count(model, form, given.mode, given.alone)
            total += found.verdicts
            print(found, flush=True)
            for tag, verdict, why, source in found.misses:
                print(f"    ({tag}) {verdict}: {' '.join(source.split())[:150]}")
                print(f"         {' '.join(why.split())[:200]}", flush=True)
    sound = sum(total[v] for v in SOUND)
    print(f"\n{sound} of {sum(total.values())} lines: {total['proved']} proved")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
