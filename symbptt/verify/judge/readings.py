"""The readings of a line, the plain ones first: what is assumed beyond the words, and its name.

A reading that the text leaves open costs nothing; one that the text does not state, or that its
neighbours contradict, is a condition, and the line is right only under it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..meaning.choice import (
    NEXT,
    Choice,
    atom_key,
    letter_key,
)
from ..meaning.times import shifted
from ..world import DIRECT, FUTURE
from .free_times import FreeTimes
from .open import Condition, Open, Reading
from .statement import Statement

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
    "entrywise": Condition("M18", "two rows side by side are multiplied entry by entry"),
    "from 0": Condition("M13", "the term at step 0 is zero: the text counts its steps from 1"),
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

ONE_SUMMAND = Condition("M12", "only where t = T: it is one summand, the sum over t is missing")

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


class Options(Open):
    """The readings of the lines of one document."""

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
        if name in ("last", "single"):
            left, right = self._steps(statement)
            return not left or right <= left
        return True

    def _steps(self, statement: Statement) -> tuple[set[Any], set[Any]]:
        """The steps that the left side speaks of, and the right."""
        free = FreeTimes(self.naming)
        sides = (statement.left, statement.right)
        left, right = (set(free(Statement(x, x))) for x in sides)
        return left, right

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
        notes = tuple(NOTE[n] for n in names)
        if "last" in names and not self._steps(statement)[0]:
            notes = tuple(ONE_SUMMAND if x == NOTE["last"] else x for x in notes)
        for reading in self.plain(statement, changed):
            kinds = {**reading.choice.kinds, **direct}
            yield replace(
                reading,
                choice=replace(reading.choice, kinds=kinds),
                conditions=notes,
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
        key = letter_key(left, self.naming)
        g = base.gradients.get(key) if key is not None else None
        if key is None or g is None:
            return base
        return replace(base, on_left={key: replace(g, scope="future")})

    def _says_the_last(self, statement: Statement) -> bool:
        """∂L/∂h_t = … ∂L/∂h_T, which at t = T says nothing."""
        now = shifted(s.bare(statement.left), mx.t, mx.T, self.naming)
        return now != s.bare(statement.left) and now in map(s.bare, s.walk(statement.right))

    def _reads_output(self, statement: Statement) -> bool:
        """Whether an output of step t, or δ^y_t, stands beside what step t + 1 hands back: with a
        loss at the last step alone it counts only where nothing is handed back."""
        for x in s.symbols(statement.right):
            q = self.naming.parts(x)
            named = {q.name, *q.labels} if x.gradient_like else {q.name}
            if (
                named & set(self.outputs)
                and q.time is not None
                and sympy.expand(q.time - mx.t) == 0
            ):
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
        return any(self._to_the_end(n) for n in s.walk(statement.right))

    def _to_the_end(self, node: s.Node) -> bool:
        """Σ_{s=t}^T, which has what later steps hand back."""
        if not isinstance(node, s.Big) or node.operator != "sum":
            return False
        for b in node.bounds:
            low = s.symbols(b.lower) if b.lower is not None else ()
            now = any(self.naming.symbol(x.letter) == mx.t for x in low if not x.indices)
            if now and isinstance(b.upper, s.Symbol) and b.upper.letter == self.naming.horizon:
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


def with_copy(node: s.Node) -> s.Node:
    """∂L/∂W as ∂L/∂W^{(t)}, the derivative by the copy that step t reads."""
    inner = s.bare(node)
    assert isinstance(inner, s.Derivative)
    by = s.bare(inner.by)
    assert isinstance(by, s.Symbol)
    index = s.Index("t", "(", (("t", 1),), 0)
    return replace(inner, by=replace(by, sup=(*by.sup, index)))


__all__ = ["NOTE", "Condition", "Options", "Reading", "has_sum", "with_copy"]
