"""Why a line holds, or where a wrong one leaves the right road, as text."""

from __future__ import annotations

from ...indices.lower import free_slots
from ...indices.poly import Factor, Lin, Poly
from ..algebra.tensor import Tensor
from ..forward.claims import is_forward
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, DEFINITION, FOLLOWS, PROVED, REFUTED, Line
from ..judge.readings import Reading
from ..proof.prover import Prover
from ..proof.substitute import is_atom
from .speech import Speech, difference
from .walk import Walk


def explain(judge: Judge, line: Line) -> list[str]:
    """The explanation of a line, as lines of text."""
    if line.verdict in (PROVED, CONDITIONAL) and line.reading is not None:
        if line.how in ("norm", "shape"):
            return list(line.proof)
        return ["Why it holds:", *_steps(judge, line.reading), *_closing(judge, line.reading)]
    if line.verdict in (REFUTED, FOLLOWS):
        return _wrong(judge, line)
    if line.verdict == DEFINITION:
        return ["It is a definition: it says what a letter means, and claims nothing."]
    return [line.message or f"There is nothing to explain: the line is {line.verdict}."]


def _wrong(judge: Judge, line: Line) -> list[str]:
    """Where the two sides of a false line part: the road to the right equation."""
    if line.repair is not None:
        if is_forward(line.claim):
            out = ["The forward pass says otherwise:"]
        else:
            out = ["What is right, step by step:", *_steps(judge, line.repair.reading)]
        flat = " ".join(line.correct.split())
        out += [f"Your line parts from it in the marked place: {line.message}.", f"  {flat}"]
    elif line.counterexample is not None:
        steps = _steps(judge, line.counterexample.reading, left_only=True)
        out = ["What its left side is, step by step:", *steps]
        out += ["Your right side is something else, and no single edit makes it this."]
    else:
        out = [line.message or "No edit that was tried makes it right."]
    if line.follows:
        out.append(f"The mistake is made in line {line.follows}; this line uses it.")
    return out


def _steps(judge: Judge, reading: Reading, left_only: bool = False) -> list[str]:
    """The chain rule from the left side to what the right side is written in, numbered."""
    walk = _walk(judge, reading, left_only)
    out = []
    for n, (head, *rest) in enumerate(walk.said, 1):
        out += [f"  {n}. {head}", *(f"     {x}" for x in rest)]
    return out or ["  Both sides are the same sum of products as they stand."]


def _walk(judge: Judge, reading: Reading, left_only: bool = False) -> Walk:
    system = judge.ground_of(reading).system
    prover = Prover(system, judge.naming)
    left, right = prover.sides(reading.statement, reading)
    goals = _named(atoms_of(right))
    walk = Walk(Speech(judge, system), prover.chain, set() if left_only else set(goals))
    is_closed = len(system.model.states) == 1 and any(_is_far(f) for f in goals)
    for f in _named(atoms_of(left)):
        if is_closed and not left_only and f.name[1] == "L":
            walk.pairs(f)
        else:
            walk.explain(f, further=not left_only or f.name[1] != "L")
    for f in goals if not left_only else ():
        if walk.is_open(f):
            walk.explain(f, further=f.name[1] != "L")
    return walk


def _is_far(f: Factor) -> bool:
    """A derivative over an unknown number of steps."""
    return bool(f.name[4]) and len(f.times) > 1 and bool(difference(f.times[0], f.times[1]).terms)


def atoms_of(x: Tensor) -> list[Factor]:
    """The derivatives that a side is written in, as they stand."""
    out: dict[Factor, None] = {}

    def search(q: Poly) -> None:
        for m in q:
            for f, _ in m.factors:
                if is_atom(f):
                    out.setdefault(f._replace(slots=()))
                for lam in f.nested:
                    search(dict(lam.poly))

    search(x.data(free_slots(x.shape), {}))
    return list(out)


def _named(atoms: list[Factor]) -> list[Factor]:
    """The summed steps called t, k, j, where those letters are not taken."""
    free = {x for f in atoms for time in f.times for x, _ in time.terms if isinstance(x, str)}
    letters = iter([x for x in "tkjis" if x not in free])
    names: dict[object, str] = {}

    def said(time: Lin) -> Lin:
        terms = []
        for x, c in time.terms:
            if not isinstance(x, str) and x not in names:
                names[x] = next(letters, "s")
            terms.append((x if isinstance(x, str) else names[x], c))
        return Lin(time.const, tuple(terms))

    return list(dict.fromkeys(f._replace(times=tuple(map(said, f.times))) for f in atoms))


def _closing(judge: Judge, reading: Reading) -> list[str]:
    """Why the sides then agree for all sizes and for every T."""
    walk = _walk(judge, reading)
    model = walk.model
    sizes = ", ".join(d.name for d in model.declarations if d.role == "size")
    out = [
        "Put in place, both sides are the same sum of products, entry by entry. They are compared "
        f"in index notation, where {sizes or 'the sizes'} stay letters: hence for all sizes."
    ]
    if judge.system.rows and all(len(d.shape) == 1 for d in model.states):
        out.append("Vectors are written as columns here; a row is the transpose.")
    end = ""
    if walk.later:
        end = " Nothing of step T + 1 reaches the loss, so at t = T the later term is 0."
    return [*out, f"T and the steps stay letters as well: hence for every T.{end}"]


__all__ = ["atoms_of", "explain"]
