"""The score of `verify` on published derivations: python -m tests.scoring [CASES.json …] [ID …].

Without a file: all of them, each with its own figures.

Each case is made into one document, its equations tagged with their ids; the verdict of an
equation is the worst of its claims'.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from symbptt.verify import surface as s
from symbptt.verify.judge.judge import Judge
from symbptt.verify.judge.line import FOLLOWS, REFUTED, Line
from symbptt.verify.judge.readings import Reading
from symbptt.verify.judge.statement import Statement
from symbptt.verify.proof.prover import Prover
from symbptt.verify.read import formula
from symbptt.verify.report import Report, verify
from symbptt.verify.write import plain

CASES = Path(__file__).parent / "cases" / "index.json"
EXPECTED = {
    "proved": "correct",
    "refuted": "wrong",
    "follows": "wrong",
    "conditional": "conditional",
    "definition": "definition",
    "incomplete": "incomplete",
}
WORST = (
    *("refuted", "follows", "conditional", "unread", "tested"),
    *("incomplete", "approximation", "proved", "definition"),
)


def every() -> list[Path]:
    """The published cases, then the sets that nothing was tuned to before they were scored."""
    return [CASES, *sorted(set(CASES.parent.glob("*.json")) - {CASES})]


def document(case: dict[str, Any]) -> str:
    """The forward equations, then every equation under its id."""
    parts = [f"$${f}$$" for f in case.get("forward", ())]
    for e in case["equations"]:
        if e["kind"] == "code":
            parts.append(f"```python\n{e['latex']}\n```")
        else:
            parts.append(f"$${e['latex']} \\tag{{{e['id']}}}$$")
    return "\n\n".join(parts)


def verdicts(case: dict[str, Any], report: Report) -> dict[str, tuple[str, list[Any]]]:
    """Equation id -> the worst verdict of its claims, and the claims."""
    found: dict[str, list[Any]] = {e["id"]: [] for e in case["equations"]}
    text = report.document.text
    places = {e["id"]: text.find(e["latex"]) for e in case["equations"]}
    last = -1
    for e in case["equations"]:  # one formula may stand twice
        places[e["id"]] = last = text.find(e["latex"], last + 1)
    for line in report.lines:
        for e in case["equations"]:
            start = places[e["id"]]
            if start <= line.claim.start < start + len(e["latex"]) + 12:
                found[e["id"]].append(line)
    out = {}
    for e in case["equations"]:
        mine = [x.verdict for x in found[e["id"]]]
        start = places[e["id"]]
        if any(start <= u.start < start + len(e["latex"]) + 12 for u in report.document.unread):
            mine.append("unread")
        out[e["id"]] = (next((v for v in WORST if v in mine), "unread"), found[e["id"]])
    return out


def repaired(e: dict[str, Any], lines: list[Line], report: Report) -> bool | None:
    """Whether what we print instead is proved equal to what the case gives; None for words alone.

    Two right sides are equal where both are proved equal to the left, or are the same formula.
    """
    text = re.sub(r"\\ \\text\{\([^}]*\)\}$", "", e["correct"])
    given = [c for c in formula(text, "latex") if isinstance(c, s.Claim)]
    said = [c for c in given if not any(isinstance(n, s.Words) for n in s.walk(c.left))]
    if not said:
        return None
    for line in lines:
        if line.verdict not in (REFUTED, FOLLOWS):
            continue
        texts = {plain(c.right or c.left) for c in said}
        ours = [c for c in formula(line.correct, "latex") if isinstance(c, s.Claim)]
        if any(plain(c.right or c.left) in texts for c in ours):
            return True
        judge = next((j for j in report.judges if line in j.lines), None)
        if judge is None:
            continue
        for a in ours if line.repair is None else ():
            for b in said:  # a ∝ has no left side to be proved equal to
                both = (judge.naming.settled(x.right or x.left) for x in (a, b))
                if any(proved(judge, r) for r in plainly(judge, Statement(*both))):
                    return True
        if line.repair is not None:
            if proved(judge, line.repair.reading):
                if any(holds(judge, line, c) for c in said):
                    return True
    return False


def holds(judge: Judge, line: Line, claim: s.Claim) -> bool:
    """Whether a given equation is proved, of the left side of our repair, assuming no more."""
    assert line.repair is not None
    ours, assumed = line.repair.statement, set(line.repair.reading.conditions)
    for x in (x for side in (claim.left, claim.right) if side for x in s.symbols(side)):
        if any("t" in i.names for i in x.indices):  # L_t, where the text only has L
            judge.naming.timed.add((x.letter, x.marks))
    left = ours.left if claim.right is None else judge.naming.settled(claim.left)
    right = judge.naming.settled(claim.left if claim.right is None else claim.right)
    theirs = judge.statement(Line(replace(line.claim, left=left, right=right, relation="=")))
    if ours.relation != "+=" and s.bare(left) != s.bare(ours.left):
        if not any(proved(judge, r) for r in readings(judge, Statement(left, ours.left))):
            return False
    theirs = replace(theirs, last=ours.last)
    return any(set(r.conditions) <= assumed and proved(judge, r) for r in readings(judge, theirs))


def plainly(judge: Judge, statement: Statement) -> list[Reading]:
    """The plain readings under which it is true."""
    return [r for base in judge.bases(statement) for r in judge.plain(statement, base)[0]]


def readings(judge: Judge, statement: Statement) -> list[Reading]:
    """The readings under which it is true, plain or under one assumption or two."""
    options = judge.options
    out = []
    for base in judge.bases(statement):
        tried = [options.plain(statement, base)]
        tried += [options.leap(names, statement, base) for names in options.leaps(statement)]
        out += [r for some in tried for r in some if judge.try_(r)]
    return out


def proved(judge: Judge, reading: Reading) -> bool:
    return Prover(judge.ground_of(reading).system, judge.naming).prove(reading).ok


def main(arguments: list[str]) -> int:
    wanted = [a for a in arguments if not a.endswith(".json")]
    for path in [Path(a) for a in arguments if a.endswith(".json")] or every():
        print(f"# {path.name}")
        scored(path, wanted)
    return 0


def scored(path: Path, wanted: list[str]) -> None:
    cases = json.loads(path.read_text(encoding="utf-8"))["cases"]
    table: Counter[tuple[str, str]] = Counter()
    classes: Counter[bool] = Counter()
    equal: Counter[bool] = Counter()
    began = time.perf_counter()
    for case in cases:
        if wanted and case["id"] not in wanted:
            continue
        start = time.perf_counter()
        report = verify(document(case))
        seconds = time.perf_counter() - start
        print(f"{case['id']}  {seconds:.1f} s  {'; '.join(report.reading)[:150]}")
        for e in case["equations"]:
            verdict, lines = verdicts(case, report)[e["id"]]
            right = EXPECTED.get(verdict) == e["verdict"]
            table[e["verdict"], verdict] += 1
            codes = [c for x in lines for c in x.codes]
            told = ""
            if e["verdict"] == "wrong" and verdict in ("refuted", "follows") and "mistake" in e:
                classes[bool(set(codes) & set(e["mistake"]))] += 1
                if "correct" in e and (same := repaired(e, lines, report)) is not None:
                    equal[same] += 1
                    told = "" if same else "another repair"
                told += (
                    "" if set(codes) & set(e["mistake"]) else f"class {codes} not {e['mistake']}"
                )
            if not right or told:
                mark = "ok" if right else "NO"
                print(f"  {mark} {e['id']:4} {e['verdict']}{e.get('mistake', '')} {verdict} {told}")
                print(f"       {e['latex'][:120]}")
                for x in lines:
                    said = "; ".join(f"{c.code} {c.words}" for c in x.conditions)
                    detail = x.answer.detail if x.answer else ""
                    print(f"       {x.claim.id} {x.verdict} {said} {x.message} {detail}"[:170])
    total = sum(table.values())
    exact = sum(n for (want, got), n in table.items() if EXPECTED.get(got) == want)
    seconds = time.perf_counter() - began
    if not total:
        return
    print(f"\n{exact} of {total} exact ({100 * exact / total:.0f} %), {seconds:.1f} s")
    print(f"wrong lines proved: {table['wrong', 'proved'] + table['wrong', 'definition']}")
    print(f"correct lines refuted: {table['correct', 'refuted'] + table['correct', 'follows']}")
    if classes:
        print(f"classes: {classes[True]} of {sum(classes.values())} right")
    if equal:
        print(f"repairs: {equal[True]} of {sum(equal.values())} proved equal to the one given")
    for (want, got), n in sorted(table.items()):
        print(f"  {want:12} {got:14} {n}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
