"""The judgement of a document: one reading for all of it, then one verdict per line.

First what the author's letters stand for, by the author's own definitions, then by what makes
the lines that define them true. Then each line under the plain readings; then under one stated
assumption, or two; then under edits, which make a refutation. Numbers only ever refute or
propose here; `proof` confirms.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import SymbpttError
from . import surface as s
from .forward import System
from .meaning import (
    DENOMINATOR,
    NEXT,
    NUMERATOR,
    Choice,
    Gradient,
    Meaning,
    UnknownError,
    shorthand_key,
)
from .naming import Naming, Parts
from .readings import Condition, Options, Reading
from .system import is_forward
from .truth import FALSE, MISFIT, UNKNOWN, Answer, Ground, Statement
from .world import FUTURE, IMMEDIATE, TOTAL

PROVED, CONDITIONAL, REFUTED, FOLLOWS = "proved", "conditional", "refuted", "follows"
DEFINITION, INCOMPLETE, APPROXIMATION = "definition", "incomplete", "approximation"
UNREAD, TESTED = "unread", "tested"


@dataclass
class Line:
    """One claim and what became of it."""

    claim: s.Claim
    verdict: str = UNREAD
    conditions: list[Condition] = field(default_factory=list)
    reading: Reading | None = None
    true: list[Reading] = field(default_factory=list)
    answer: Answer | None = None
    codes: list[str] = field(default_factory=list)
    message: str = ""
    correct: str = ""
    follows: str = ""
    how: str = ""
    label: str = ""
    proof: tuple[str, ...] = ()

    @property
    def statement(self) -> Statement:
        assert self.claim.right is not None
        return Statement(self.claim.left, self.claim.right, self.claim.relation)


class Judge:
    """One document in one system."""

    def __init__(self, claims: Iterable[s.Claim], naming: Naming, system: System):
        self.naming, self.system = naming, system
        self.lines = [Line(c) for c in claims]
        self.ground = Ground(system, naming, self._steps())
        self.gradients: dict[str, Gradient] = {}
        self.candidates: dict[str, list[Gradient]] = {}
        self.stated: set[str] = set()
        self.free: set[str] = set()  # keys whose meaning may differ from line to line
        self.aliases: dict[str, Any] = {}
        self.sizes: dict[str, int] = {}  # the author's names of sizes, by the shapes stated
        self.assumed: dict[str, Gradient] = {}
        self.alternatives: dict[str, list[Gradient]] = {}
        trees = [x for line in self.lines for x in (line.claim.left, line.claim.right) if x]
        kinds = {n.kind for x in trees for n in s.walk(x) if isinstance(n, s.Derivative)}
        self.options = Options(
            naming,
            both_signs="d" in kinds and "∂" in kinds,
            many_paths=len(system.model.states) > 1,
            abstract=system.abstract,
        )
        self.options.losses = system.losses
        self.options.may_square = not system.onehot and system.output != ""
        self.options.label = system.label

    def assume(self, fixed: Mapping[str, str]) -> None:
        """Readings the user fixes. Raises SymbpttError for one that does not exist."""
        for key, value in fixed.items():
            if key == "layout" and value in (NUMERATOR, DENOMINATOR):
                self.options.layout = value
            elif key == "layout":
                raise SymbpttError(f"layout={value} is no layout", "numerator or denominator")
            elif key in ("loss", "notation"):
                continue
            elif value in self.system.model.table or value in self.system.pre.values():
                self.assumed[key] = Gradient(value)
            else:
                known = ", ".join(n for n in self.system.model.defined if n != "l~")
                raise SymbpttError(f"{key}={value}: the model has no {value}", f"one of {known}")

    def _steps(self) -> int:
        """Long enough for the steps that are written as numbers."""
        named = [
            i.shift
            for line in self.lines
            for x in (line.claim.left, line.claim.right)
            if x is not None
            for n in s.walk(x)
            if isinstance(n, s.Symbol) and self.naming.is_timed(n)
            for i in n.indices
            if i.terms == () and i.shift < 6
        ]
        return max(3, max(named, default=0) + 1)

    # -- letters

    def base(self, **changes: Any) -> Choice:
        return replace(
            Choice(gradients=dict(self.gradients), aliases=dict(self.aliases)), **changes
        )

    def meaning(self) -> Meaning:
        return Meaning(self.system, self.naming, None, Choice())

    def name_gradients(self) -> None:
        """The author's gradient letters and what they may stand for."""
        for line in self.lines:
            for side in (line.claim.left, line.claim.right):
                for n in s.walk(side) if side is not None else ():
                    if isinstance(n, s.Shorthand):
                        q = self.naming.parts(n.of)
                        self._candidate(shorthand_key(n, q), q, of=n.of)
                    elif isinstance(n, s.Symbol) and n.gradient_like:
                        q = self.naming.parts(n)
                        self._candidate(q.name, q)
        for key, options in self.candidates.items():
            if options:
                self.gradients[key] = options[0]
        for line in self.lines:
            self._stated(line)
        for key, g in self.assumed.items():
            self.gradients[key] = g
            self.stated.add(key)

    def _candidate(self, key: str, q: Parts, of: s.Symbol | None = None) -> None:
        if key in self.candidates:
            return
        found: list[Gradient] = []
        later = q.time is not None and NEXT in sympy.sympify(q.time).free_symbols
        if of is not None:
            for name in self._quantities(q):
                found += self._scopes(name, later)
                inner = self.system.pre.get(name)
                if inner:
                    found += self._scopes(inner, later)
        else:
            for name in self._delta_targets(q):
                every = self._scopes(name, later)
                numbered = q.letter[-1].isdigit()
                found += [g for g in every if numbered or g.scope in ("L", "step")]
            if q.letter[-1].isdigit():
                found.append(Gradient(self.main_state(), "future", -1))
                found += [Gradient(d.name) for d in self.system.model.inputs]
        self.candidates[key] = found = [g for g in found if self._exists(g)] or found[:1]
        if found and not self.ground.system.model.table[found[0].of].timed:
            self.free.add(key)

    def _scopes(self, name: str, later: bool) -> list[Gradient]:
        d = self.system.model.table.get(name)
        if d is None:
            return []
        if not d.timed:
            return [Gradient(name, "L"), Gradient(name, "copy"), Gradient(name, "step")]
        scopes = ["L", "step", "own", "future"] if not later else ["future", "L"]
        out = [Gradient(name, x) for x in scopes]
        if later:
            out.append(Gradient(name, "future", -1))
        if self.system.model.loss.over == "mean":
            out.append(Gradient(name, "L", 0, mx.T))
        return out

    def _exists(self, g: Gradient) -> bool:
        """Whether there is such a gradient at all: a gate has no part from later steps."""
        if g.scope not in ("future", "own"):
            return True
        kind = FUTURE if g.scope == "future" else IMMEDIATE
        value = self.ground.world.derivative(("L", None), (g.of, 2), kind)
        return bool((abs(value) > 0).any())

    def _quantities(self, q: Parts) -> list[str]:
        m = self.meaning()
        plain = replace(q, time=None) if q.time is not None else q
        if plain.labels and plain.labels[-1] in ("raw", "pre"):
            try:
                name = m.quantity(replace(plain, labels=plain.labels[:-1]))
            except UnknownError:
                return []
            return [self.system.pre.get(name, name)]
        try:
            return [m.quantity(q)]
        except UnknownError:
            return []

    def _delta_targets(self, q: Parts) -> list[str]:
        """What δ, δ_f, δ^y may be a gradient by."""
        pre = self.system.pre
        label = next((x for x in q.labels if x != "'"), "")
        out: list[str] = []
        if label:
            m = self.meaning()
            for mark in ("tilde", "hat", "bar"):
                if label.endswith(mark):
                    inner = Parts(label[: -len(mark)], (mark,))
                    break
            else:
                inner = Parts(label)
            try:
                name = m.quantity(inner)
            except UnknownError:
                return []
            for x in (pre.get(name), name):
                if x and x not in out:
                    out.append(x)
            return out
        state = self.main_state()
        for other in (state, pre.get(state)):
            if other and other not in out:
                out.append(other)
        return out

    def main_state(self) -> str:
        """The state that the output reads: h of h and c."""
        states = [d.name for d in self.system.model.states]
        out = self.system.output
        if out in states or not states:
            return out
        reads = {v.name for v in mx.variables(self.system.model.defined[out].rhs)}
        while not reads & set(states):
            more = {
                v.name
                for n in reads
                if n in self.system.model.defined
                for v in mx.variables(self.system.model.defined[n].rhs)
            }
            if more <= reads:
                return states[-1]
            reads |= more
        return next(x for x in states if x in reads)

    def key_of(self, node: s.Node) -> tuple[str, Parts] | None:
        node = s.bare(node)
        if isinstance(node, s.Transpose):
            node = s.bare(node.base)
        if isinstance(node, s.Power) and "transpose" in node.may_be:
            node = s.bare(node.base)
        if isinstance(node, s.Shorthand):
            q = self.naming.parts(node.of)
            return shorthand_key(node, q), q
        if isinstance(node, s.Symbol):
            q = self.naming.parts(node)
            return q.name, q
        return None

    def _stated(self, line: Line) -> None:
        """`δ_t = ∂L/∂h_t`, said by the author."""
        claim = line.claim
        if claim.right is None or claim.relation not in ("=", ":=") or claim.continued:
            return
        found = self.key_of(claim.head if claim.link > 1 and claim.head is not None else claim.left)
        if found is None or found[0] in self.stated:
            return
        key, q = found
        right = s.bare(claim.right)
        if not isinstance(right, s.Derivative) or right.of is None:
            return
        symbol = s.bare(claim.left)
        known = isinstance(symbol, s.Symbol) and not symbol.gradient_like and self._known(q)
        if known:
            return
        of, by = s.bare(right.of), s.bare(right.by)
        if isinstance(of, s.Symbol) and isinstance(by, s.Symbol):
            p, r = self.naming.parts(of), self.naming.parts(by)
            if p.letter in self.system.losses and p.name not in self.system.names:
                try:
                    name = self.meaning().quantity(r)
                except UnknownError:
                    return
                lag = self._lag(q, r)
                scope = "L"
                if p.time is not None and q.second is None:
                    scope = "own" if p.time == q.time else "step"
                self.gradients[key] = Gradient(name, scope, lag)
                self.stated.add(key)
                self.free.discard(key)
                line.how = "stated"
                return
        self.aliases[key] = (q.time, claim.right)
        self.gradients.pop(key, None)
        self.stated.add(key)
        line.how = "stated"

    def _lag(self, q: Parts, r: Parts) -> int:
        if q.time is None or r.time is None:
            return 0
        gap = sympy.expand(r.time - q.time)
        return int(gap) if gap.is_Integer else 0

    def _known(self, q: Parts) -> bool:
        return q.name in self.system.names

    def name_aliases(self) -> None:
        """Symbols the author defines by a formula and the model does not know."""
        for line in self.lines:
            claim = line.claim
            if claim.right is None or claim.relation not in ("=", ":=") or claim.continued:
                continue
            left = s.bare(claim.left)
            if not isinstance(left, s.Symbol) or left.gradient_like:
                continue
            q = self.naming.parts(left)
            if q.name in self.aliases or q.name in self.gradients or self._known(q):
                continue
            if q.letter in self.system.losses or q.components:
                continue
            try:
                self.meaning().quantity(q)
                continue
            except UnknownError:
                pass
            self.aliases[q.name] = (q.time, claim.right)
            line.how = "alias"

    # -- truth under the plain readings

    def ground_of(self, reading: Reading) -> Ground:
        ground: Ground = (
            {"last": self.ground.last, "squared": self.ground.squared}.get(
                reading.ground, self.ground
            )
            if reading.ground != "own"
            else self.ground
        )
        return ground

    def try_(self, reading: Reading) -> Answer:
        return self.ground_of(reading).check(reading.statement, reading.choice)

    def plain(self, statement: Statement, base: Choice) -> tuple[list[Reading], Answer | None]:
        """(the plain readings under which it is true, the best answer otherwise)."""
        true: list[Reading] = []
        worst: Answer | None = None
        for reading in self.options.plain(statement, base):
            answer = self.try_(reading)
            if answer:
                true.append(reading)
            elif worst is None or _rank(answer) > _rank(worst):
                worst = answer
        return true, worst

    def bases(self, statement: Statement) -> list[Choice]:
        """The document's letters, with the free ones each way."""
        base = self.base()
        found = self.key_of(statement.left)
        if found and found[0].endswith("_next") and found[0] in self.gradients:
            key, g = found[0], self.gradients[found[0]]  # what the next turn of the loop reads
            moved = replace(g, lag=g.lag - 1)
            return [base, replace(base, gradients={**base.gradients, key: moved})]
        if found and found[0].startswith("d ") and found[0] in self.gradients:
            key, g = found[0], self.gradients[found[0]]
            state = any(d.name == g.of for d in self.system.model.states)
            time = found[1].time
            if state and g.scope == "L" and time is not None and sympy.expand(time - mx.t) == -1:
                carried = replace(g, scope="future")  # what step t hands back to t − 1
                return [base, replace(base, gradients={**base.gradients, key: carried})]
        if statement.relation == "+=":
            return self._added(statement, base)
        mine = [k for k in self.free if k in _keys(statement, self.naming)]
        out = [base]
        for key in mine:
            out = [
                replace(b, gradients={**b.gradients, key: g})
                for b in out
                for g in self.candidates[key]
            ]
        turns = [
            k
            for k in _keys(statement, self.naming)
            if k in self.gradients and k not in mine and k.startswith("d ")
        ]
        return out + [replace(out[0], turned=frozenset([k])) for k in turns if self.system.rows]

    def _added(self, statement: Statement, base: Choice) -> list[Choice]:
        """X += R: R is one step's share of a parameter, or what the own step adds to a δ."""
        found = self.key_of(statement.left)
        if found is None or found[0] not in self.gradients:
            return [base]
        key = found[0]
        g = self.gradients[key]
        timed = self.system.model.table[g.of].timed
        scopes = ["now", "L", "own"] if timed else ["copy"]
        return [
            replace(base, gradients={**base.gradients, key: replace(g, scope=x)}) for x in scopes
        ]

    def statement(self, line: Line) -> Statement:
        """The claim as an equation: `X += R` is about one step's share or one path's."""
        claim = line.claim
        assert claim.right is not None
        if claim.relation == "+=":
            return Statement(claim.left, claim.right, "+=")
        right = s.bare(claim.right)
        if isinstance(right, s.Sum) and s.bare(claim.left) in map(s.bare, right.terms):
            kept = [
                (g, x)
                for g, x in zip(right.signs, right.terms, strict=True)
                if s.bare(x) != s.bare(claim.left)
            ]
            if kept:
                rest = s.Sum(tuple(x for _, x in kept), tuple(g for g, _ in kept))
                return Statement(claim.left, rest, "+=")
        return Statement(claim.left, claim.right)

    def settle(self) -> None:
        """Choose what each letter stands for by the lines that define it, then by the others."""
        scores: dict[Any, float] = {}

        def score() -> float:
            key = tuple(sorted((k, g) for k, g in self.gradients.items()))
            name = repr(key)
            if name not in scores:
                scores[name] = self._score()
            return scores[name]

        open_keys = [
            k for k, c in self.candidates.items()
            if k not in self.stated and len(c) > 1 and k not in self.free
        ]  # fmt: skip
        if not open_keys:
            return
        best = score()
        shorthand = [k for k in open_keys if k.startswith("d ")]
        if len(shorthand) > 1:  # first all of them as gradients of this step's loss
            saved = dict(self.gradients)
            for k in shorthand:
                self.gradients[k] = replace(self.gradients[k], scope="step")
            if score() > best:
                best = score()
            else:
                self.gradients = saved
        for line in self.lines:
            best = self._propose(line, open_keys, best, score)
        for _ in range(2):
            changed = False
            for k in open_keys:
                current = self.gradients[k]
                for g in self.candidates[k]:
                    self.gradients[k] = g
                    value = score()
                    if value > best:
                        best, current, changed = value, g, True
                self.gradients[k] = current
            if not changed:
                break

    def _propose(self, line: Line, open_keys: list[str], best: float, score: Any) -> float:
        """Try every combination of meanings of one line's letters; keep what helps the whole."""
        if line.claim.right is None or line.claim.relation not in ("=", "+=", ":="):
            return best
        statement = self.statement(line)
        mine = [k for k in open_keys if k in _keys(statement, self.naming)]
        if not 2 <= len(mine) <= 4 or any(
            self.plain(statement, b)[0] for b in self.bases(statement)
        ):
            return best
        found = 0
        for combination in itertools.islice(
            itertools.product(*(self.candidates[k] for k in mine)), 400
        ):
            saved = dict(self.gradients)
            self.gradients.update(zip(mine, combination, strict=True))
            if any(self.plain(statement, b)[0] for b in self.bases(statement)):
                found += 1
                value = score()
                if value > best:
                    best = value
                    continue
            self.gradients = saved
            if found > 6:
                break
        return best

    def _score(self) -> float:
        total = 0.0
        for line in self.lines:
            if line.claim.right is None or line.claim.relation not in ("=", "+=", ":="):
                continue
            statement = self.statement(line)
            keys = _keys(statement, self.naming)
            if not keys & set(self.candidates):
                continue
            found = self.key_of(line.claim.left)
            weight = 3.0 if found and found[0] in self.candidates else 1.0
            for base in self.bases(statement):
                true, _ = self.plain(statement, base)
                if true:
                    total += weight
                    break
        return total


def _keys(statement: Statement, naming: Naming) -> set[str]:
    out = set()
    for side in (statement.left, statement.right):
        for n in s.walk(side):
            if isinstance(n, s.Shorthand):
                out.add(shorthand_key(n, naming.parts(n.of)))
            elif isinstance(n, s.Symbol):
                out.add(naming.parts(n).name)
    return out


def _rank(answer: Answer) -> int:
    return {UNKNOWN: 0, MISFIT: 1, FALSE: 2}.get(answer.outcome, 3)


__all__ = [
    "DENOMINATOR", "IMMEDIATE", "NUMERATOR", "TOTAL", "Judge", "Line", "SymbpttError", "is_forward",
]  # fmt: skip
