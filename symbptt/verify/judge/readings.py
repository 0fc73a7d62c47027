"""The readings of a line, the plain ones first: what is assumed beyond the words, and its name.

A reading that the text leaves open costs nothing; one that the text does not state, or that its
neighbours contradict, is a condition, and the line is right only under it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

import sympy

from ... import matrix as mx
from .. import surface as s
from ..meaning.choice import (
    DENOMINATOR,
    NEXT,
    NUMERATOR,
    SLOPES,
    Choice,
    atom_key,
    shorthand_key,
)
from ..meaning.times import shifted
from ..naming import Naming
from ..world import DIRECT, FUTURE, HELD, IMMEDIATE, TOTAL
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


NOTE = {
    "hadamard": Condition("M06", "⊙ binds before the matrix product"),
    "left": Condition("M06", "the product is taken from left to right"),
    "commute": Condition("M06", "the trailing slope scales the vector before the matrix does"),
    "outer": Condition("M17", "two columns side by side are their outer product u vᵀ"),
    "rows": Condition("M18", "a vector beside a matrix scales its rows, as diag(v) M"),
    "columns": Condition("M18", "a vector beside a matrix scales its columns, as M diag(v)"),
    "tensor": Condition(
        "M17", "a vector in a derivative by a matrix stands for the tensor δ_ik v_l"
    ),
    "diag": Condition("M17", "a vector stands for the diagonal matrix it fills"),
    "fraction": Condition("M30", "the ∂ signs are missing in a fraction"),
    "byvalue": Condition("M03", "f'(h) is the slope expressed by the value, not f' at h"),
    "last": Condition("M07", "only at the last step, t = T: the term from step t+1 is missing"),
    "single": Condition("M07", "the loss stands at the last step only"),
    "carry": Condition(
        "M07", "the part that the next step hands back: what reaches its own step is left out"
    ),
    "turn": Condition("M05", "one side is a row and the other a column"),
    "block": Condition("M17", "each weight is its block that multiplies the left side's quantity"),
    "squared": Condition("M16", "the loss of a step is ½‖output − label‖², which is not stated"),
    "held": Condition("M07", "∂ holds everything else fixed, the values of its own step too"),
    "copy": Condition("M12", "one step's share: the gradient is its sum over t"),
}


LENIENT = (
    "commute",
    "rows",
    "columns",
    "outer",
    "tensor",
    "diag",
    "fraction",
    "byvalue",
    "turn",
    "block",
    "carried",
)


class Options:
    """The readings of the lines of one document."""

    def __init__(self, naming: Naming, both_signs: bool, many_paths: bool, abstract: bool):
        self.naming = naming
        self.both_signs = both_signs  # d for total and ∂ for partial
        self.many_paths = many_paths
        self.abstract = abstract
        self.pinned: dict[str, str] = {}

    def atoms(self, statement: Statement) -> dict[str, s.Derivative]:
        """The derivatives whose ∂ may be total or immediate."""
        out: dict[str, s.Derivative] = {}
        for side in (statement.left, statement.right):
            for n in s.walk(side):
                if isinstance(n, s.Derivative) and n.of is not None and n.kind != "∇":
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
        through = any(self._is_step_loss(n) for x in (statement.left, statement.right)
                      for n in s.walk(x))  # fmt: skip
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

    def _is_step_loss(self, node: s.Node) -> bool:
        """∂l_t/∂h_t, which goes through the readout."""
        return isinstance(node, s.Derivative) and node.kind == "∂" and self.of_loss(node)

    def _by_value(self, node: s.Derivative) -> bool:
        by = s.whole(node.by)
        return isinstance(by, s.Symbol) and self.naming.parts(by).time is not None

    def layouts(self, statement: Statement) -> list[tuple[bool, str]]:
        """(gradients as rows, layout of Jacobians), as far as they are open."""
        return [x for x in self._layouts(statement) if self.row in (None, x[0])]

    def _layouts(self, statement: Statement) -> list[tuple[bool, str]]:
        if self.layout:
            return [(False, self.layout), (True, self.layout)]
        has_jacobian = any(
            (isinstance(n, s.Derivative) and not self.of_loss(n)) or _bare_fraction(n)
            for side in (statement.left, statement.right)
            for n in s.walk(side)
        )
        if has_jacobian:
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

    def of_loss(self, n: s.Derivative) -> bool:
        of = s.bare(n.of) if n.of is not None else None
        if isinstance(of, s.Apply):
            return of.head.letter in self.losses
        return isinstance(of, s.Symbol) and of.letter in self.losses

    def orders(self, statement: Statement) -> list[str]:
        products = [
            n
            for side in (statement.left, statement.right)
            for n in s.walk(side)
            if isinstance(n, s.Big) and n.operator == "prod"
        ]
        if not products:
            return ["written"]
        return [self.order] if self.order else ["written", "reversed"]

    def spreads(self, statement: Statement) -> list[bool]:
        for side in (statement.left, statement.right):
            for n in s.walk(side):
                if isinstance(n, s.Sum) and len(n.terms) > 1 and n.signs[0] == "+":
                    if isinstance(s.bare(n.terms[0]), s.Big):
                        return [False, True]
        return [False]

    def plain(self, statement: Statement, base: Choice) -> Iterator[Reading]:
        """Every combination of what the words leave open."""
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
                )
                yield Reading(choice, statement, (), "own", say, order)

    def leaps(self, statement: Statement) -> list[tuple[str, ...]]:
        """The further readings, by name: one assumption, then two."""
        single: list[str] = ["hadamard", "left", "commute", "rows", "columns", "outer", "tensor"]
        single += ["diag", "fraction", "byvalue", "turn", *self.stacked]
        if self.may_be_a_share(statement.left) and not has_sum(statement.right):
            single.append("copy")
        if self.may_square and self.label in _letters(statement):
            single.append("squared")
        ahead = self.looks_ahead(statement)
        single += [] if ahead or self._says_the_last(statement) else ["last"]
        single += [] if self.given or (ahead and self._reads_output(statement)) else ["single"]
        single.append("carry")
        kept = [x for x in single if self.relevant(x, statement)]
        nodes = [n for side in (statement.left, statement.right) for n in s.walk(side)]
        if any(self._turns_vector(n) for n in nodes):  # x da^T: the author says which is the row
            kept = [x for x in kept if x != "outer"]
        pairs = [(a, b) for a, b in itertools.combinations(kept, 2) if {a, b} not in _NEVER]
        alone: list[tuple[str, ...]] = [(x,) for x in kept]
        if self.both_signs and not self.held and self._direct(statement):
            alone.append(("held",))
        ends = [x for x in ("last", "single") if x in kept]
        share = [("copy", "outer", x) for x in ends if {"copy", "outer"} <= set(kept)]
        return alone + pairs + share

    def relevant(self, name: str, statement: Statement) -> bool:
        nodes = [n for side in (statement.left, statement.right) for n in s.walk(side)]
        if name == "fraction":
            return any(isinstance(n, s.Quotient) for n in nodes)
        if name == "byvalue":
            return any(isinstance(n, s.Apply) and n.primes for n in nodes)
        if name in ("hadamard", "left", "commute", "rows", "columns", "outer"):
            return any(isinstance(n, s.Product) and len(n.factors) > 1 for n in nodes)
        if name == "carry":
            return self._handed_back(statement.left) is not None
        if name in ("tensor", "diag"):
            return any(isinstance(n, s.Derivative) and not self.of_loss(n) for n in nodes)
        return True

    def _turns_vector(self, node: s.Node) -> bool:
        """h_t^T, (δ_t)^T: the transpose of one value of a step."""
        if not isinstance(node, s.Transpose):
            if not isinstance(node, s.Power) or "transpose" not in node.may_be:
                return False
        of = s.bare(node.base)
        if isinstance(of, s.Shorthand):
            return not self.naming.parts(of.of).letter.isupper()
        return isinstance(of, s.Symbol) and self.naming.is_timed(of)

    def leap(self, names: tuple[str, ...], statement: Statement, base: Choice) -> Iterator[Reading]:
        """The plain readings with some assumptions added."""
        lenient = frozenset(
            x for n in names for x in (("rows", "columns") if n == "columns" else (n,))
            if x in LENIENT
        )  # fmt: skip
        binding = next((n for n in names if n in ("hadamard", "left")), "strict")
        changed = replace(base, lenient=lenient, binding=binding)
        if "copy" in names:
            statement = replace(statement, left=with_copy(statement.left))
        if "last" in names:
            statement = replace(statement, last=True)
        if "carry" in names:
            changed = self._carried(statement.left, changed)
        direct = self._direct(statement) if "held" in names else {}
        for reading in self.plain(statement, changed):
            kinds = {**reading.choice.kinds, **direct}
            yield replace(
                reading,
                choice=replace(reading.choice, kinds=kinds),
                conditions=tuple(NOTE[n] for n in names),
                ground="last" if "single" in names else "squared" if "squared" in names else "own",
            )

    def _direct(self, statement: Statement) -> dict[str, str]:
        """Every ∂u/∂v by a value as of the equation of u alone; none where one cannot be so."""
        every = (n for side in (statement.left, statement.right) for n in s.walk(side))
        found = (n for n in every if isinstance(n, s.Derivative) and n.kind == "∂")
        nodes = [n for n in found if self._by_value(n)]
        if any(self.of_loss(n) or not self._alone(n) for n in nodes):
            return {}
        return {atom_key(n, self.naming): DIRECT for n in nodes}

    def _handed_back(self, left: s.Node) -> s.Node | None:
        """∂L/∂c_{t−1} or δ_{t−1} on the left: a gradient of the step before."""
        left = s.bare(left)
        by = s.bare(left.by) if isinstance(left, s.Derivative) and self.of_loss(left) else left
        if isinstance(by, s.Shorthand):
            by = by.of
        time = self.naming.parts(by).time if isinstance(by, s.Symbol) else None
        if time is None or len(sympy.sympify(time).free_symbols - {mx.T}) != 1:
            return None
        (k,) = sympy.sympify(time).free_symbols
        return left if sympy.expand(time - k) == -1 else None

    def _carried(self, left: s.Node, base: Choice) -> Choice:
        """The left side as the part of the gradient that later steps hand back."""
        left = s.bare(left)
        if isinstance(left, s.Derivative):
            return replace(base, kinds={**base.kinds, atom_key(left, self.naming): FUTURE})
        inner = left.of if isinstance(left, s.Shorthand) else left
        if not isinstance(inner, s.Symbol):
            return base
        q = self.naming.parts(inner)
        key = shorthand_key(left, q) if isinstance(left, s.Shorthand) else q.name
        g = base.gradients.get(key)
        return base if g is None else replace(base, on_left={key: replace(g, scope="future")})

    def _says_the_last(self, statement: Statement) -> bool:
        """∂L/∂h_t = … ∂L/∂h_T, which at t = T says nothing."""
        now = shifted(s.bare(statement.left), mx.t, mx.T, self.naming)
        return now != s.bare(statement.left) and now in map(s.bare, s.walk(statement.right))

    def _reads_output(self, statement: Statement) -> bool:
        """Whether an output of step t stands beside what step t + 1 hands back: with a loss at the
        last step alone it counts only where nothing is handed back."""
        for x in s.symbols(statement.right):
            q = self.naming.parts(x)
            if q.name in self.outputs and q.time is not None and sympy.expand(q.time - mx.t) == 0:
                return True
        return False

    def is_parameter_gradient(self, node: s.Node) -> bool:
        node = s.bare(node)
        if not isinstance(node, s.Derivative) or node.of is None or not self.of_loss(node):
            return False
        by = s.bare(node.by)
        return isinstance(by, s.Symbol) and self.naming.parts(by).time is None

    def may_be_a_share(self, node: s.Node) -> bool:
        """Whether ∂L/∂W may be said of one step: not dL/dW, where ∂ stands for less than d."""
        inner = s.bare(node)
        total = self.both_signs and isinstance(inner, s.Derivative) and inner.kind == "d"
        return self.is_parameter_gradient(node) and not total

    def looks_ahead(self, statement: Statement) -> bool:
        """Whether something of step t + 1 stands on the right: then no term of it is missing."""
        for x in s.symbols(statement.right):
            time = self.naming.parts(x).time
            if time is None:
                continue
            if NEXT in sympy.sympify(time).free_symbols or sympy.expand(time - mx.t).is_positive:
                return True
        return False


_NEVER: list[set[str]] = [
    {"hadamard", "commute"}, {"last", "single"}, {"hadamard", "left"}, {"rows", "columns"},
    {"carry", "last"}, {"carry", "single"},
    {"left", "commute"}, {"single", "squared"}, {"outer", "rows"}, {"outer", "columns"},
]  # fmt: skip


def has_sum(node: s.Node) -> bool:
    return any(isinstance(n, s.Big) and n.operator == "sum" for n in s.walk(node))


def _letters(statement: Statement) -> set[str]:
    return {
        x.letter + "".join(x.marks)
        for side in (statement.left, statement.right)
        for x in s.symbols(side)
    }


def _bare_fraction(node: s.Node) -> bool:
    """c_t / f_t: a Jacobian whose ∂ signs may be missing."""
    if not isinstance(node, s.Quotient):
        return False
    halves = (s.bare(node.above), s.bare(node.below))
    return all(isinstance(x, s.Symbol) and x.indices for x in halves)


def with_copy(node: s.Node) -> s.Node:
    """∂L/∂W as ∂L/∂W^{(t)}, the derivative by the copy that step t reads."""
    inner = s.bare(node)
    assert isinstance(inner, s.Derivative)
    by = s.bare(inner.by)
    assert isinstance(by, s.Symbol)
    index = s.Index("t", "(", (("t", 1),), 0)
    return replace(inner, by=replace(by, sup=(*by.sup, index)))
