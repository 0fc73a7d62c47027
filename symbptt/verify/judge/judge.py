"""One document in one system: its lines, its letters, and truth under the plain readings.

Numbers only ever refute or propose here; `proof` confirms.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from .. import surface as s
from ..forward.system import System
from ..meaning.choice import Choice, Gradient, UnknownError, shorthand_key
from ..meaning.quantities import Quantities
from ..naming import Naming, Parts
from .assumptions import KEYS, gradient, one_of, overview
from .einstein import summed
from .line import Line
from .nablas import are_turned
from .readings import Options, Reading, with_copy
from .said import held_said, layout_said, order_said, signs_said
from .statement import Statement
from .truth import FALSE, MISFIT, UNKNOWN, Answer, Ground


class Judge:
    """One document in one system."""

    def __init__(self, claims: Iterable[s.Claim], naming: Naming, system: System):
        self.naming, self.system = naming, system
        self.quantities = Quantities(system, naming)
        self.lines = [Line(c) for c in claims]
        self.ground = Ground(system, naming, self._steps())
        self.gradients: dict[str, Gradient] = {}
        self.candidates: dict[str, list[Gradient]] = {}
        self.stated: set[str] = set()
        self.free: set[str] = set()  # keys whose meaning may differ from line to line
        self.upright: set[str] = set()  # keys stated as the transposes of gradients
        self.aliases: dict[str, Any] = {}
        self.nabla = are_turned((line.claim for line in self.lines), naming, system)
        self.sizes: dict[str, int] = {}  # the author's names of sizes, by the shapes stated
        self.assumed: dict[str, Gradient] = {}
        self.alternatives: dict[str, list[Gradient]] = {}
        kinds: dict[str, set[str]] = {}  # dLdW of a program says nothing about the text's ∂
        for line in self.lines:
            for side in (line.claim.left, line.claim.right):
                for n in s.walk(side) if side else ():
                    if isinstance(n, s.Derivative):
                        kinds.setdefault(line.claim.notation, set()).add(n.kind)
        self.options = Options(
            naming,
            both_signs=any({"d", "∂"} <= found for found in kinds.values()),
            many_paths=sum(system.model.lag(d.name) for d in system.model.states) > 1,
            abstract=system.abstract,
        )
        self.options.losses = system.losses
        self.options.alone = self._alone()
        read = {system.output, system.logits, "target~"} - {d.name for d in system.model.states}
        self.options.outputs = frozenset(n for n, x in system.names.items() if x in read)
        self.options.read = frozenset(read - {"target~", ""} - self._handed_on())
        shape = system.model.table[system.output].shape if system.output else ()
        self.options.may_square = not system.stated_loss and bool(shape)
        self.options.label = system.label
        self.options.given = system.given or system.summed
        self.options.stacked = ("block",) if system.stack else ()

    def _alone(self) -> frozenset[str]:
        """The author's names of values whose equations read only what the author names."""
        sides = (x for line in self.lines for x in (line.claim.left, line.claim.right))
        names: dict[str, str] = {}
        for x in {x for side in sides if side is not None for x in s.symbols(side)}:
            with suppress(UnknownError):
                q = self.naming.parts(x)
                names[q.name] = self.quantities.find(q)
        known, defined = {*names.values()}, self.system.model.defined
        return frozenset(
            n
            for n, name in names.items()
            if name in defined
            and all(v.name in known for v in mx.variables(defined[name].rhs) if v.times)
        )

    def _handed_on(self) -> set[str]:
        """The values that another step reads, and what those are computed from."""
        equations = self.system.model.equations
        read = [v for e in equations for v in mx.variables(e.rhs) if v.times]
        found = list(dict.fromkeys(v.name for v in read if v.time != mx.t))
        for name in found:
            if name in self.system.model.defined:
                inner = mx.variables(self.system.model.defined[name].rhs)
                found += [v.name for v in inner if v.times and v.name not in found]
        return set(found)

    def listen(self, prose: Iterable[s.Prose]) -> None:
        """Take what the words between the formulas settle for all of them."""
        prose = list(prose)
        self.options.layout = layout_said(prose)
        self.options.order = order_said(prose)
        self.options.held = held_said(prose)
        self.options.both_signs = self.options.both_signs or signs_said(prose)

    def assume(self, fixed: Mapping[str, str]) -> None:
        """Readings the user fixes. Raises SymbpttError for one that does not exist."""
        letters = self._letters()
        model = self.system.model
        known = [*model.table, *(x for x in self.system.pre.values() if x not in model.table)]
        quantities = [n for n in known if model.table[n].role not in ("size", "target", "hyper")]
        for key, value in fixed.items():
            if key in KEYS:
                one_of(key, value, KEYS[key])
                if key == "layout":
                    self.options.layout = value
                elif key == "gradients":
                    self.options.row = value == "rows"
                elif key == "partial":
                    self.options.partial = value
            elif key in letters:
                self.assumed[letters[key]] = gradient(key, value, self._author_names(), quantities)
            else:
                names = dict.fromkeys(k for k in letters if " " not in k)
                raise SymbpttError(
                    f"{key}={value}: {key} is nothing that is inferred here",
                    overview(names, [n for n in quantities if n != "l~"]),
                )

    def _letters(self) -> dict[str, str]:
        """How a person may call each gradient letter of the text -> its key."""
        out: dict[str, str] = {}
        for line in self.lines:
            for side in (line.claim.left, line.claim.right):
                for n in s.walk(side) if side is not None else ():
                    if isinstance(n, s.Shorthand):
                        key = shorthand_key(n, self.naming.parts(n.of))
                        out |= {key: key, key.replace(" ", ""): key}
                    elif isinstance(n, s.Symbol) and n.gradient_like:
                        key = self.naming.parts(n).name
                        out[key] = key
        return out

    def names(self) -> dict[str, str]:
        """The author's name of a quantity -> the model's: by name, else by role, a for what tanh
        is applied to."""
        out = dict(self.system.names)
        mine = {*self.gradients, *self.aliases}
        for line in self.lines:
            for side in (line.claim.left, line.claim.right):
                for x in s.symbols(side) if side is not None else ():
                    q = self.naming.parts(x)
                    if q.name not in out and q.name not in mine | self.system.losses:
                        with suppress(UnknownError):
                            out[q.name] = self.quantities.find(q)
        return out

    def _author_names(self) -> dict[str, str]:
        """Those names, and a for what the function of the one state is applied to."""
        out = self.names()
        if len(self.system.model.states) == 1 and "a" not in out:
            (state,) = self.system.model.states
            out["a"] = self.system.pre.get(state.name, state.name)
        return out

    def _steps(self) -> int:
        """As many as the text fixes, else enough for the steps that are written as numbers."""
        if self.system.steps is not None:
            return self.system.steps
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

    def base(self, **changes: Any) -> Choice:
        plain = Choice(nabla=self.nabla, gradients=dict(self.gradients), aliases=dict(self.aliases))
        return replace(plain, **changes)

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

    def keys_of(self, statement: Statement) -> frozenset[str]:
        """The letters and gradients of a line, by name."""
        return self.options.gathered(statement).keys

    def is_free(self, x: s.Symbol) -> bool:
        """A letter that is nothing of the model and has no definition."""
        name = self.naming.parts(x).name
        return not (name in self.system.names or name in self.aliases or name in self.gradients)

    def ground_of(self, reading: Reading) -> Ground:
        if reading.ground == "last":
            return self.ground.last
        return self.ground.squared if reading.ground == "squared" else self.ground

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
            elif worst is None or rank(answer) > rank(worst):
                worst = answer
        return true, worst

    def plain_used(self, statement: Statement, base: Choice) -> frozenset[str]:
        """What the first plain reading under which a statement is true takes for granted."""
        true, _ = self.plain(statement, base)
        return self.try_(true[0]).used if true else frozenset()

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
                return [base, replace(base, on_left={key: carried})]
        if statement.relation == "+=":
            return self._added(statement, base)
        gathered = self.options.gathered(statement)
        keys, turned = gathered.keys, gathered.turned
        mine = sorted(self.free & keys)
        out = [base]
        for key in mine:
            out = [
                replace(b, gradients={**b.gradients, key: g})
                for b in out
                for g in self.candidates[key]
            ]
        turns = sorted(k for k in keys & set(self.gradients) if k not in mine and k[:2] == "d ")
        out += [replace(out[0], turned=frozenset([k])) for k in turns if self.system.rows]
        if upright := frozenset(self.upright & keys):
            out.append(replace(out[0], turned=upright))
        transposed = turned & set(self.gradients)
        return [*out, replace(out[0], turned=transposed)] if transposed else out

    def _added(self, statement: Statement, base: Choice) -> list[Choice]:
        """X += R: R is one step's share of a parameter, or what the own step adds to a δ."""
        found = self.key_of(statement.left)
        if found is None or found[0] not in self.gradients:
            return [base]
        key = found[0]
        g = self.gradients[key]
        timed = self.system.model.table[g.of].timed
        scopes = ["now", "L", "own"] if timed else ["copy"]
        out = [
            replace(base, gradients={**base.gradients, key: replace(g, scope=x)}) for x in scopes
        ]
        time = found[1].time
        if timed and time is not None and sympy.expand(time - mx.t) == -1:
            out.append(
                replace(base, on_left={key: replace(g, scope="future")})
            )  # dc_{t−1} += f dc_t
        return out

    def statement(self, line: Line) -> Statement:
        """The claim as an equation: `X += R` is about one step's share or one path's."""
        found = self._stated(line)
        left, right = summed(found.left, found.right, self.naming)
        return replace(found, left=left, right=right) if self.naming.entrywise else found

    def _may_grow(self, left: s.Node, right: s.Sum) -> bool:
        """dW = dW + …, what a program writes dW += …; of a value it is an equation, and false."""
        left = s.bare(left)
        found = self.key_of(left)
        gradient = isinstance(left, s.Derivative) or (found and found[0] in self.gradients)
        return bool(gradient) and left in map(s.bare, right.terms)

    def _stated(self, line: Line) -> Statement:
        claim = line.claim
        assert claim.right is not None
        if claim.relation == "+=":
            shared = self.options.is_parameter_gradient(claim.left)
            left = with_copy(claim.left) if shared else claim.left
            return Statement(left, claim.right, "+=")
        right = s.bare(claim.right)
        if isinstance(right, s.Sum) and self._may_grow(claim.left, right):
            kept = [
                (g, x)
                for g, x in zip(right.signs, right.terms, strict=True)
                if s.bare(x) != s.bare(claim.left)
            ]
            if kept:
                rest = s.Sum(tuple(x for _, x in kept), tuple(g for g, _ in kept))
                return Statement(claim.left, rest, "+=")
        return Statement(claim.left, claim.right)


def rank(answer: Answer) -> int:
    """How much an answer says: a letter that means nothing stops a line under every reading that
    gets as far, so shapes that do not fit under another refute nothing."""
    if answer.outcome == UNKNOWN and answer.missing:
        return 2
    return {UNKNOWN: 0, MISFIT: 1, FALSE: 3}.get(answer.outcome, 4)
