"""What the words of a line leave open, and each way to take it: the plain readings."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from .. import surface as s
from ..meaning.choice import (
    DENOMINATOR,
    NUMERATOR,
    SLOPES,
    Choice,
    atom_key,
    letter_key,
)
from ..naming import Naming
from ..world import DIRECT, HELD, IMMEDIATE, TOTAL
from .gathered import Gathered, gatherer
from .statement import Statement


@dataclass(frozen=True)
class Condition:
    """What a line is right under: the class of mistake it would be otherwise, and words."""

    code: str
    words: str


@dataclass(frozen=True)
class Reading:
    """One way to take one line."""

    choice: Choice
    statement: Statement
    conditions: tuple[Condition, ...] = ()
    ground: str = "own"  # or "last": the loss stands at the last step only
    kinds: tuple[str, ...] = ()  # the atoms read as immediate
    order: str = ""


class Open:
    """What the lines of one document leave open."""

    def __init__(self, naming: Naming, both_signs: bool, many_paths: bool, abstract: bool):
        self.naming, self._gathered = naming, gatherer(naming)
        self.both_signs = both_signs  # d for total and ∂ for partial
        self.many_paths = many_paths
        self.abstract = abstract
        self.pinned: dict[str, str] = {}

    def gathered(self, statement: Statement) -> Gathered:
        """What of its two sides the readings of a line depend on."""
        return self._gathered(statement.left) | self._gathered(statement.right)

    def atoms(self, statement: Statement) -> dict[str, s.Derivative]:
        """The derivatives whose ∂ may be total or immediate."""
        out: dict[str, s.Derivative] = {}
        for n in self.gathered(statement).derivatives:
            if n.of is not None and n.kind != "∇":
                of, by = s.whole(n.of), s.whole(n.by)
                if not (isinstance(of, s.Symbol) and isinstance(by, s.Symbol)):
                    continue
                q, r = self.naming.parts(of), self.naming.parts(by)
                if q.letter in self.losses:
                    continue
                if n.kind == "∂+" and r.time is None:
                    continue
                both = (self.many_paths or self.held) and q.time is not None
                if n.kind == "∂+" or r.time is None or both:
                    out[atom_key(n, self.naming)] = n
        return out

    losses: frozenset[str] = frozenset()
    outputs: frozenset[str] = frozenset()  # the author's names of what the loss of a step reads
    read: frozenset[str] = frozenset()  # and the model's, where no other step reads them
    may_square = False
    given = False  # whether the loss is given: with the model, or as L = Σ_t L_t
    stacked: tuple[str, ...] = ()  # "block" where the model has W [h, x]
    layout = ""  # where the text or the user states it
    order = ""  # of a ∏ whose bounds do not say, where the text says it
    held = False  # whether the words say that ∂ holds everything else fixed
    alone: frozenset[str] = frozenset()  # names of what is computed from named values only
    label = ""
    row: bool | None = None  # whether gradients of vectors are rows, where that is fixed
    partial = ""  # what every open ∂ is, where that is fixed

    def kinds(self, statement: Statement) -> Iterator[tuple[dict[str, str], tuple[str, ...]]]:
        """Assignments of total or immediate to the open atoms, and which need saying."""
        atoms = self.atoms(statement)
        lists = []
        for key, node in atoms.items():
            fixed = self.pinned.get(key) or self.partial
            if fixed:
                lists.append([(key, fixed, False)])
            elif node.kind == "∂+":  # through its own step's gates too, or not even those
                own = [(key, DIRECT, False)] if self._alone(node) else []
                lists.append([(key, IMMEDIATE, False), *own])
            elif node.kind == "d":
                lists.append([(key, TOTAL, False)])
            elif self.both_signs:
                senses = [IMMEDIATE, *([HELD] if self.many_paths else [])]
                senses += [DIRECT] if self._holds(node) else []
                lists.append([*((key, x, False) for x in senses), (key, TOTAL, True)])
            else:
                own = [(key, DIRECT, False)] if self._holds(node) else []
                lists.append([(key, TOTAL, False), (key, IMMEDIATE, True), *own])
        plain = {k for k, n in atoms.items() if n.kind == "∂" and self._by_value(n)}
        through = any(map(self._is_step_loss, self.gathered(statement).derivatives))
        every = []
        for combination in itertools.product(*lists):
            # Where ∂ holds everything else fixed, it does so all along the line.
            direct = {kind == DIRECT for key, kind, _ in combination if key in plain}
            total = any(say for _, _, say in combination) and self.both_signs
            if len(direct) < 2 and not ((through or total) and True in direct):
                every.append(combination)
        every.sort(key=lambda x: len({kind for _, kind, _ in x}))
        for combination in every[:16]:  # one sense of ∂ for the whole line comes first
            chosen = {key: kind for key, kind, _ in combination}
            yield chosen, tuple(key for key, _, say in combination if say)

    def _holds(self, node: s.Derivative) -> bool:
        """Whether ∂ may hold all other values fixed, those of its own step too."""
        return self.held and self._by_value(node) and self._alone(node)

    def _alone(self, node: s.Derivative) -> bool:
        """Whether the author names every value that an equation reads: what is not named cannot
        be held fixed."""
        of = s.whole(node.of) if node.of is not None else None
        return isinstance(of, s.Symbol) and self.naming.parts(of).name in self.alone

    def _is_step_loss(self, node: s.Derivative) -> bool:
        """∂l_t/∂h_t, which goes through the readout."""
        return node.kind == "∂" and self.of_loss(node)

    def _by_value(self, node: s.Derivative) -> bool:
        by = s.whole(node.by)
        return isinstance(by, s.Symbol) and self.naming.parts(by).time is not None

    def layouts(self, statement: Statement) -> list[tuple[bool, str]]:
        """(gradients as rows, layout of Jacobians), as far as they are open."""
        return [x for x in self._layouts(statement) if self.row in (None, x[0])]

    def _layouts(self, statement: Statement) -> list[tuple[bool, str]]:
        if self.layout:
            return [(False, self.layout), (True, self.layout)]
        if self.has_jacobian(statement):
            chain = isinstance(s.bare(statement.left), s.Derivative) and not self.of_loss(
                s.bare(statement.left)  # type: ignore[arg-type]
            )
            return [
                (False, NUMERATOR),
                (True, NUMERATOR),
                (False, DENOMINATOR),
                (True, DENOMINATOR),
                *([] if chain else [(False, SLOPES)]),
            ]
        return [(False, NUMERATOR), (True, NUMERATOR)]

    def has_jacobian(self, statement: Statement) -> bool:
        found = self.gathered(statement)
        return found.fraction or not all(map(self.of_loss, found.derivatives))

    def of_loss(self, n: s.Derivative) -> bool:
        of = s.bare(n.of) if n.of is not None else None
        if isinstance(of, s.Apply):
            return of.head.letter in self.losses
        return isinstance(of, s.Symbol) and of.letter in self.losses

    def orders(self, statement: Statement) -> list[str]:
        if not self.gathered(statement).product:
            return ["written"]
        return [self.order] if self.order else ["written", "reversed"]

    def spreads(self, statement: Statement) -> list[bool]:
        return [False, True] if self.gathered(statement).spread else [False]

    def plain(self, statement: Statement, base: Choice) -> Iterator[Reading]:
        """Every combination of what the words leave open."""
        ends = self._has_the_last(statement.right, base)
        for (row, layout), order, spread in itertools.product(
            self.layouts(statement), self.orders(statement), self.spreads(statement)
        ):
            for kinds, say in self.kinds(statement):
                choice = replace(
                    base,
                    row=row,
                    layout=layout,
                    order=order,
                    spread=spread,
                    kinds={**base.kinds, **kinds},
                    ends=ends,
                )
                yield Reading(choice, statement, (), "own", say, order)

    def _has_the_last(self, right: s.Node, base: Choice) -> bool:
        """Whether ∂L/∂o_t stands there: where the last step alone has a loss, it is zero before."""
        return any(self._by_output(n) or self._of_output(n, base) for n in s.walk(right))

    def _by_output(self, node: s.Node) -> bool:
        """∂L/∂o_t, of the whole loss."""
        if not isinstance(node, s.Derivative) or node.of is None or not self.of_loss(node):
            return False
        of, letters = s.bare(node.of), s.symbols(node.by)
        whole = isinstance(of, s.Symbol) and self.naming.parts(of).time is None
        outputs = self.outputs if self.read else ()
        return whole and any(self.naming.parts(x).name in outputs for x in letters)

    def _of_output(self, node: s.Node, base: Choice) -> bool:
        """do_t, a letter for it."""
        key = letter_key(node, self.naming)
        g = base.gradients.get(key) if key is not None else None
        return g is not None and g.scope == "L" and g.of in self.read
