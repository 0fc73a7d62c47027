"""What one edit of the author's line would make it true: the diagnosis of a refuted line.

Each edit undoes one mistake people make and carries its class. Single edits come first, in the
order of how often the mistake is made, then pairs. An edit only proposes; whether the edited
line is true is decided like that of any other line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any

import sympy

from .. import matrix as mx
from . import surface as s
from .judge import Judge, Line
from .meaning import Gradient, UnknownError, _index_of, _shifted, shorthand_key
from .naming import Parts
from .readings import NOTE, Reading, _has_sum
from .truth import FALSE, MISFIT, Statement

SINGLE_BUDGET, PAIR_BUDGET = 450, 500


@dataclass(frozen=True)
class Edit:
    """An edited statement and the class of the mistake it undoes."""

    code: str
    words: str
    statement: Statement


@dataclass(frozen=True)
class Repair:
    """The edits that make a line true, and the reading under which it then is."""

    codes: tuple[str, ...]
    words: str
    statement: Statement
    reading: Reading


class Repairs:
    """The edits of one document's lines."""

    def __init__(self, judge: Judge):
        self.judge, self.naming, self.system = judge, judge.naming, judge.system
        self.samples = self._samples()
        self.jacobian = False

    def _samples(self) -> dict[str, s.Node]:
        """The author's way to write each quantity and each gradient, with its first time."""
        out: dict[str, s.Node] = {}
        for line in self.judge.lines:
            for side in (line.claim.left, line.claim.right):
                for n in s.walk(side) if side is not None else ():
                    if isinstance(n, s.Shorthand):
                        q = self.naming.parts(n.of)
                        key = shorthand_key(n, q)
                        if key in self.judge.gradients:
                            out.setdefault(key, n)
                    elif isinstance(n, s.Symbol):
                        q = self.naming.parts(n)
                        known = q.name in self.system.names or q.name in self.judge.gradients
                        if known and not q.components and not n.primes:
                            out.setdefault(q.name, n)
        return out

    # -- search

    def single(self, line: Line) -> Repair | None:
        statement = self.judge.statement(line)
        shape = line.answer is not None and line.answer.outcome == MISFIT
        for names in self._variants(statement):
            spent = 0
            for edit in self.edits(statement, shape):
                found, cost = self._true(edit.statement, names)
                spent += cost
                if found is not None:
                    extra = tuple(NOTE[n].code for n in names)
                    codes = _codes(edit.code, shape) + extra
                    return Repair(codes, edit.words, edit.statement, found)
                if spent > SINGLE_BUDGET:
                    break
        return None

    def distance(self, line: Line) -> int:
        """How many edits a line is from being true: 1, 2, or 3 for more."""
        return 1 if self.single(line) else 2 if self.pair(line) else 3

    def pair(self, line: Line) -> Repair | None:
        statement = self.judge.statement(line)
        shape = line.answer is not None and line.answer.outcome == MISFIT
        spent = 0
        for names in self._variants(statement)[:2]:
            for first in self.edits(statement, shape):
                if first.code not in _PAIRED:
                    continue
                for second in self.edits(first.statement, shape):
                    if "too much" in second.words and first.code in ("M01", "M02", "M19"):
                        continue
                    if second.code not in _PAIRED or second.statement == statement:
                        continue
                    found, cost = self._true(second.statement, names)
                    spent += cost
                    if found is not None:
                        codes = tuple(dict.fromkeys((first.code, second.code)))
                        words = f"{first.words}; {second.words}"
                        return Repair(codes, words, second.statement, found)
                    if spent > PAIR_BUDGET:
                        return None
        return None

    def _variants(self, statement: Statement) -> list[tuple[str, ...]]:
        """Readings that an edit may need on top: a loss at T only, a vector as a diagonal."""
        names = [("single",), ("rows",), ("columns",), ("outer",), ("commute",), ("tensor",)]
        names += [("squared",), ("hadamard",)]
        options = self.judge.options
        kept: list[tuple[str, ...]] = [()]
        for (name,) in names:
            if name == "squared" and not options.may_square:
                continue
            if name in ("single", "squared") or options._relevant(name, statement):
                kept.append((name,))
        return sorted(kept, key=lambda x: not self._fits(statement, x))

    def _fits(self, statement: Statement, names: tuple[str, ...]) -> bool:
        """Whether the line has a shape at all under these assumptions."""
        base = self.judge.base()
        options = self.judge.options
        readings = options.leap(names, statement, base) if names else options.plain(statement, base)
        return any(self.judge.try_(r).outcome == FALSE for r in readings)

    def _true(self, statement: Statement, names: tuple[str, ...]) -> tuple[Reading | None, int]:
        spent = 0
        if any(n == statement.left for n in s.walk(statement.right)):
            return None, 0  # a line that says nothing
        options = self.judge.options
        for base in self.judge.bases(statement)[:4]:
            readings = (
                options.leap(names, statement, base) if names else options.plain(statement, base)
            )
            for reading in readings:
                spent += 1
                if self.judge.try_(reading):
                    return reading, spent
        return None, spent

    # -- edits

    def edits(self, statement: Statement, shape: bool = False) -> Iterator[Edit]:
        seen = {(statement.left, statement.right)}
        for code, words, changed in self._ordered(statement, shape):
            key = (changed.left, changed.right)
            if key not in seen:
                seen.add(key)
                yield Edit(code, words, changed)

    def _ordered(self, statement: Statement, shape: bool) -> Iterator[tuple[str, str, Statement]]:
        right, left = statement.right, statement.left
        bare = s.bare(left)
        self.jacobian = isinstance(bare, s.Derivative) and not self.judge.options._of_loss(bare)
        local: list[Callable[[s.Node], Iterator[tuple[str, str, s.Node]]]] = [
            self._argument, self._slope, self._brackets, self._index, self._grouping, self._swap,
            self._sign, self._transposed, self._order, self._operation, self._bound, self._kind,
            self._drop,
        ]  # fmt: skip
        if shape:  # shapes first: what changes them
            first = [self._transposed, self._order, self._operation, self._swap]
            if any(isinstance(n, s.Product) and "⊙" in n.signs for n in s.walk(right)):
                first.insert(0, self._grouping)
            local = first + [x for x in local if x not in first]
        for change in local:
            found = list(everywhere(right, change))
            if change == self._transposed:  # weights and Jacobians before plain vectors
                found.sort(key=lambda x: x[0] == "M17")
            for code, words, new in found:
                yield code, words, replace(statement, right=new)
            if change == self._index:
                yield from self._global_index(statement)
            if change == self._slope:
                yield from self._whole(statement)
            if change == self._swap:
                for code, words, new in everywhere(left, self._swap):
                    yield code, words, replace(statement, left=new)
        for code, words, new in everywhere(left, self._index):
            yield code, words, replace(statement, left=new)
        for code, words, new in everywhere(left, self._transposed):
            yield code, words, replace(statement, left=new)
        del right

    def _whole(self, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
        right = statement.right
        body = right if isinstance(right, s.Symbol | s.Big | s.Derivative) else s.Group(right)
        if not _has_sum(right):
            t = s.Bound(s.Symbol("t"), s.Number("1"), s.Symbol(self.naming.horizon or "T"))
            yield (
                "M12",
                "the sum over t is missing",
                replace(statement, right=s.Big("sum", (t,), right)),
            )
        yield "M15", "the sign is wrong", replace(statement, right=s.Sum((body,), ("-",)))
        horizon = s.Symbol(self.naming.horizon or "T")
        for words, factor in (
            ("2", s.Number("2")),
            ("1/2", s.Quotient(s.Number("1"), s.Number("2"))),
            ("1/T", s.Quotient(s.Number("1"), horizon)),
            ("T", horizon),
        ):
            yield (
                "M14",
                f"the factor {words} is missing",
                replace(statement, right=s.Product((factor, body), ("",))),
            )
        for key, g in self.judge.gradients.items():  # the upstream factor
            sample = self.samples.get(key)
            d = self.system.model.table.get(g.of)
            if sample is None or d is None or not d.timed:
                continue
            time = self._time_of(statement.left)
            moved = self._at(sample, time) if time is not None else sample
            product = s.Product((moved, body), ("⊙",))
            yield "M02", "the upstream factor is missing", replace(statement, right=product)

    def _time_of(self, node: s.Node) -> Any:
        for n in s.walk(node):
            if isinstance(n, s.Symbol):
                q = self.naming.parts(n)
                if q.time is not None:
                    return q.time
        return None

    def _at(self, sample: s.Node, time: Any) -> s.Node:
        """The author's symbol at another time."""
        symbol = sample.of if isinstance(sample, s.Shorthand) else sample
        assert isinstance(symbol, s.Symbol)
        q = self.naming.parts(symbol)
        if q.time is None or time is None:
            return sample

        def change(i: s.Index) -> s.Index:
            if i.terms is not None and self.naming.time(i) == q.time and self._is_time(symbol, i):
                return _index_of(i, time, self.naming)
            return i

        moved = replace(
            symbol, sub=tuple(map(change, symbol.sub)), sup=tuple(map(change, symbol.sup))
        )
        return replace(sample, of=moved) if isinstance(sample, s.Shorthand) else moved

    def _is_time(self, x: s.Symbol, i: s.Index) -> bool:
        return i.terms is not None and (set(i.names) <= self.naming.names)

    def _gradient_of(self, node: s.Node) -> tuple[Gradient, Parts] | None:
        """The gradient a node is, with its time."""
        if isinstance(node, s.Shorthand):
            q = self.naming.parts(node.of)
            g = self.judge.gradients.get(shorthand_key(node, q))
            return (g, q) if g else None
        if isinstance(node, s.Symbol):
            q = self.naming.parts(node)
            g = self.judge.gradients.get(q.name)
            return (g, q) if g else None
        if isinstance(node, s.Derivative) and self.judge.options._of_loss(node):
            by = s.bare(node.by)
            if isinstance(by, s.Symbol):
                q = self.naming.parts(by)
                try:
                    return Gradient(self.judge.meaning().quantity(q)), q
                except UnknownError:
                    return None
        return None

    def _symbol_for(self, name: str, time: Any) -> s.Node | None:
        """The author's symbol of a model quantity."""
        for written, model in self.system.names.items():
            if model == name and written in self.samples:
                return self._at(self.samples[written], time)
        return None

    def slope(self, name: str, time: Any) -> s.Node | None:
        """The slope of v = f(a) in the author's symbols: 1 − h_t², f_t ⊙ (1 − f_t), f'(z_t)."""
        rhs = self.system.model.defined[name].rhs
        value = self._symbol_for(name, time)
        if value is None or not isinstance(rhs, mx.Apply):
            return None
        fn = rhs.args[0].name
        one = s.Number("1")
        if fn == "tanh":
            return s.Group(s.Sum((one, s.Power(value, s.Number("2"))), ("+", "-")))
        if fn == "sigmoid":
            rest = s.Group(s.Sum((one, value), ("+", "-")))
            return s.Group(s.Product((value, rest), ("⊙",)))
        inner = self._symbol_for(self.system.pre[name], time)
        if inner is None:
            return None
        return s.Apply(s.Symbol(fn), (inner,), primes=1)

    def _slope(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        """δ_t as δ_t ⊙ φ'(a_t)."""
        found = self._gradient_of(node)
        if found is None:
            return
        g, q = found
        if g.of not in self.system.pre or g.of not in self.system.model.defined:
            return
        time = q.time if q.time is not None else mx.t
        slope = self.slope(g.of, time)
        if slope is None:
            return
        gate = len(self.system.pre) > 2 and g.of not in {d.name for d in self.system.model.states}
        code = "M19" if gate else "M01"
        words = (
            "the gate's derivative is missing" if gate else "the activation derivative is missing"
        )
        yield code, words, s.Group(s.Product((node, slope), ("⊙",)))

    def _argument(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        """The slope taken of the activated value, of a gradient, or of the other argument."""
        words = "the slope is taken of the wrong argument"
        if isinstance(node, s.Apply) and not node.primes and len(node.arguments) == 1:
            inner = s.bare(node.arguments[0])
            if isinstance(inner, s.Symbol) and node.head.letter not in ("diag", "softmax"):
                yield "M03", words, inner
        if isinstance(node, s.Apply) and node.primes and len(node.arguments) == 1:
            inner = s.bare(node.arguments[0])
            if isinstance(inner, s.Symbol):
                q = self.naming.parts(inner)
                try:
                    name = self.judge.meaning().quantity(q)
                except UnknownError:
                    return
                other = self.system.pre.get(name)
                if other:
                    new = self._symbol_for(other, q.time) or s.Symbol(
                        "a", sub=inner.sub, sup=inner.sup
                    )
                    yield "M03", words, replace(node, arguments=(new,))
        if isinstance(node, s.Power) and isinstance(node.exponent, s.Number):
            inner = s.bare(node.base)
            found = self._gradient_of(inner)
            if found is not None:
                g, q = found
                for name in (g.of, *(v for v, a in self.system.pre.items() if a == g.of)):
                    value = self._symbol_for(name, q.time)
                    if value is not None:
                        yield "M03", words, replace(node, base=value)
            if isinstance(inner, s.Symbol):
                q = self.naming.parts(inner)
                outs = [v for v, a in self.system.pre.items() if a in (q.name, q.name + "~")]
                for v in outs:
                    value = self._symbol_for(v, q.time)
                    if value is not None:
                        yield "M03", words, replace(node, base=value)

    def _grouping(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        """W δ ⊙ s as W (δ ⊙ s), and a group dissolved."""
        if not isinstance(node, s.Product):
            return
        words = "the slope stands on the wrong side of the matrix product"
        n = len(node.factors)
        flat = self._flattened(node)
        for product in [node] if flat is None else [node, flat]:
            n = len(product.factors)
            for i in range(n):
                for j in range(i + 2, n + 1):
                    if j - i == n:
                        continue
                    inner = s.Product(product.factors[i:j], product.signs[i : j - 1])
                    if "⊙" not in product.signs:
                        continue
                    factors = (*product.factors[:i], s.Group(inner), *product.factors[j:])
                    signs = (*product.signs[:i], *product.signs[j - 1 :])
                    yield "M06", words, s.Product(factors, signs)
        if flat is not None:
            yield "M06", words, flat
        for i in range(n if "⊙" in node.signs or n < 4 else 0):  # a trailing slope comes first
            for j in range(n):
                if abs(i - j) > 1 and len(node.factors) == n:
                    rest = [k for k in range(n) if k != i]
                    at = rest.index(j)
                    factors2 = [node.factors[k] for k in rest]
                    factors2[at] = s.Group(s.Product((node.factors[j], node.factors[i]), ("⊙",)))
                    signs2 = ["" for _ in range(len(factors2) - 1)]
                    yield "M06", words, s.Product(tuple(factors2), tuple(signs2))

    def _flattened(self, node: s.Product) -> s.Product | None:
        """The product with its product groups spliced in."""
        factors: list[s.Node] = []
        signs: list[str] = []
        changed = False
        for n, x in enumerate(node.factors):
            inner = s.bare(x)
            if isinstance(x, s.Group) and isinstance(inner, s.Product):
                factors += inner.factors
                signs += inner.signs
                changed = True
            else:
                factors.append(x)
            if n < len(node.signs):
                signs.append(node.signs[n])
        return s.Product(tuple(factors), tuple(signs)) if changed else None

    def _brackets(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        """a + b s as (a + b) s, and the other way about."""
        words = "the bracket is in the wrong place: the factor multiplies every term"
        if isinstance(node, s.Sum) and len(node.terms) > 1:
            last = s.bare(node.terms[-1])
            if isinstance(last, s.Product):
                for k in range(1, len(last.factors)):
                    kept = _product(last.factors[:k], last.signs[: k - 1])
                    inner = s.Group(s.Sum((*node.terms[:-1], kept), node.signs))
                    factors = (inner, *last.factors[k:])
                    signs = (last.signs[k - 1], *last.signs[k:])
                    yield "M21", words, s.Product(factors, signs)
            first = s.bare(node.terms[0])
            if isinstance(first, s.Product) and node.signs[0] == "+":
                for k in range(1, len(first.factors)):
                    kept = _product(first.factors[k:], first.signs[k:])
                    inner = s.Group(s.Sum((kept, *node.terms[1:]), node.signs))
                    factors = (*first.factors[:k], inner)
                    yield "M21", words, s.Product(factors, first.signs[:k])
        if isinstance(node, s.Product):
            for n, x in enumerate(node.factors):
                inner2 = s.bare(x)
                if isinstance(inner2, s.Sum) and isinstance(x, s.Group) and n == 0:
                    *heads, tail = inner2.terms
                    merged = s.Product((tail, *node.factors[1:]), node.signs)
                    yield "M21", words, s.Sum((*heads, merged), inner2.signs)

    def _index(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        if not isinstance(node, s.Symbol):
            return
        q = self.naming.parts(node)
        if q.time is None:
            return
        for by in (-1, 1):
            moved = self._at(node, q.time + by)
            if moved != node:
                word = "early" if by > 0 else "late"
                yield "M10", f"{_text(node)} is one step too {word}", moved
        for name in sorted(self.naming.names - {"m~"}):
            symbol = self.naming.symbol(name)
            free = sympy.sympify(q.time).free_symbols
            if len(free) == 1 and symbol not in free:
                moved = self._at(node, q.time.xreplace({next(iter(free)): symbol}))
                yield "M10", f"the index of {_text(node)} should be {name}", moved
        if sympy.sympify(q.time).free_symbols:
            target = [x for x in (2, 3, 1, 0)]
            for number in target:
                yield (
                    "M30",
                    f"the index of {_text(node)} should be {number}",
                    self._at(node, sympy.Integer(number)),
                )

    def _global_index(self, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
        """Every t of the right side read as i, and shifted as a whole."""
        names = sorted(self.naming.names - {"m~"})
        for a in names:
            for b in names:
                if a != b:
                    new = _shifted(
                        statement.right, self.naming.symbol(a), self.naming.symbol(b), self.naming
                    )
                    if new != statement.right:
                        yield (
                            "M10",
                            f"the index {a} on the right should be {b}",
                            replace(statement, right=new),
                        )
        for by in (-1, 1):
            new = _shifted(statement.right, mx.t, mx.t + by, self.naming)
            if new != statement.right:
                yield "M10", "the right side is off by one step", replace(statement, right=new)

    def _swap(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        """One symbol for another of its kind."""
        if isinstance(node, s.Shorthand):
            q = self.naming.parts(node.of)
            mine: Any = shorthand_key(node, q)
        elif isinstance(node, s.Symbol):
            q = self.naming.parts(node)
            mine = q.name
        else:
            return
        gradient = mine in self.judge.gradients
        timed = q.time is not None
        d = self.system.model.table.get(self.system.names.get(q.name, ""))
        if d is None and not gradient:
            if timed:
                for name, sample in self.samples.items():
                    if name in self.system.names:
                        yield "M30", f"{_text(node)} should be {name}", self._at(sample, q.time)
            return
        timed = timed or (d is not None and d.timed)
        for name, sample in self.samples.items():
            if name == mine:
                continue
            other = self.system.model.table.get(self.system.names.get(name, ""))
            other_gradient = name in self.judge.gradients
            if other is None and not other_gradient:
                continue
            other_timed = other_gradient or (other is not None and other.timed)
            if gradient == other_gradient and timed == other_timed:
                yield "M11", f"{_text(node)} should be {_text(sample)}", self._at(sample, q.time)
        if timed and not gradient:  # the state where its weight should stand, and so on
            for name, sample in self.samples.items():
                other = self.system.model.table.get(self.system.names.get(name, ""))
                if other is not None and other.role == "param" and len(other.shape) == 2:
                    yield "M11", f"{_text(node)} should be {_text(sample)}", sample
        if gradient and timed:
            for name, g in self.judge.gradients.items():
                del name, g

    def _sign(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        if isinstance(node, s.Sum):
            for n, sign in enumerate(node.signs):
                other = "-" if sign == "+" else "+"
                signs = (*node.signs[:n], other, *node.signs[n + 1 :])
                yield "M15", "a sign is wrong", replace(node, signs=signs)
            if len(node.terms) == 2 and set(node.signs) == {"+", "-"}:
                flipped = tuple("-" if g == "+" else "+" for g in node.signs)
                yield "M15", "the difference has the wrong sign", replace(node, signs=flipped)

    def _transposed(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        if isinstance(node, s.Transpose):
            yield self._layout_code(node.base), "a transposition too many", node.base
        elif isinstance(node, s.Power) and "transpose" in node.may_be:
            yield self._layout_code(node.base), "a transposition too many", node.base
        elif isinstance(node, s.Symbol):
            q = self.naming.parts(node)
            if q.name in self.system.names or q.name in self.judge.gradients:
                yield self._layout_code(node), "a transposition is missing", s.Transpose(node)
        elif isinstance(node, s.Derivative | s.Shorthand):
            yield self._layout_code(node), "a transposition is missing", s.Transpose(s.Group(node))

    def _layout_code(self, node: s.Node) -> str:
        inner = s.bare(node)
        if isinstance(inner, s.Symbol):
            d = self.system.model.table.get(
                self.system.names.get(self.naming.parts(inner).name, "")
            )
            if d is not None and d.role == "param" and len(d.shape) == 2:
                return "M05" if self.jacobian else "M04"
            return "M17"
        return "M05"

    def _order(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        if not isinstance(node, s.Product):
            return
        words = "the factors stand in the wrong order"
        for n in range(len(node.factors) - 1):
            f = list(node.factors)
            f[n], f[n + 1] = f[n + 1], f[n]
            yield "M05", words, replace(node, factors=tuple(f))
        if len(node.factors) > 2:
            yield (
                "M05",
                words,
                replace(node, factors=node.factors[::-1], signs=node.signs[::-1]),
            )

    def _operation(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        if isinstance(node, s.Product):
            for n, sign in enumerate(node.signs):
                for other in ("⊙", "", "⊗"):
                    same = {"·": "", "*": "", "×": "", "@": ""}.get(sign, sign)
                    if other == same:
                        continue
                    signs = (*node.signs[:n], other, *node.signs[n + 1 :])
                    words = {
                        "⊙": "an elementwise product is needed",
                        "": "a matrix product is needed, not an elementwise one",
                        "⊗": "an outer product u vᵀ is needed",
                    }[other]
                    yield "M18", words, replace(node, signs=signs)
                plus = s.Sum(
                    (
                        _product(node.factors[: n + 1], node.signs[:n]),
                        _product(node.factors[n + 1 :], node.signs[n + 1 :]),
                    ),
                    ("+", "+"),
                )
                yield "M18", "a sum is needed, not a product", s.Group(plus)
        if isinstance(node, s.Sum) and len(node.terms) == 2 and node.signs == ("+", "+"):
            yield "M18", "a product is needed, not a sum", s.Product(node.terms, ("⊙",))

    def _bound(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        if not isinstance(node, s.Big):
            return
        what = "sum" if node.operator == "sum" else "product"
        letters = sorted(self.naming.names - {"m~"} | {self.naming.horizon or "T"})
        for n, b in enumerate(node.bounds):
            for end in ("lower", "upper"):
                old = getattr(b, end)
                if old is None:
                    continue
                options: list[s.Node] = []
                for by in ("+", "-"):
                    options.append(s.Sum((old, s.Number("1")), ("+", by)))
                options += [s.Number("1"), *(s.Symbol(x) for x in letters)]
                for new in options:
                    bound = replace(b, lower=new) if end == "lower" else replace(b, upper=new)
                    bounds = (*node.bounds[:n], bound, *node.bounds[n + 1 :])
                    yield "M13", f"the {what} has the wrong bounds", replace(node, bounds=bounds)
            if b.lower is not None and b.upper is not None:
                for low in (s.Number("1"), *(s.Symbol(x) for x in letters)):
                    for high in (s.Symbol(x) for x in letters):
                        bound = replace(b, lower=low, upper=high)
                        bounds = (*node.bounds[:n], bound, *node.bounds[n + 1 :])
                        yield (
                            "M13",
                            f"the {what} runs over the wrong range",
                            replace(node, bounds=bounds),
                        )

    def _kind(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        """Total for immediate, this step's loss for the whole."""
        if not isinstance(node, s.Derivative) or node.of is None:
            return
        of = s.bare(node.of)
        if not isinstance(of, s.Symbol):
            return
        if self.judge.options._of_loss(node):
            by = s.bare(node.by)
            q = self.naming.parts(of)
            r = self.naming.parts(by) if isinstance(by, s.Symbol) else None
            if q.time is None and r is not None and r.time is not None:
                index = s.Index("t", "_", (("t", 1),), 0)
                timed = self._at(replace(of, sub=(*of.sub, index)), r.time)
                words = "double counting: the derivative of this step's loss is needed here"
                yield "M09", words, replace(node, of=timed)
            if q.time is not None:
                words = "the total derivative is needed: the future term is missing"
                bare = replace(of, sub=(), sup=())
                yield "M07", words, replace(node, of=bare)
        elif node.kind != "∂+":
            words = "double counting: the immediate derivative is needed here"
            yield "M09", words, replace(node, kind="∂+")

    def _drop(self, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        if isinstance(node, s.Sum) and len(node.terms) > 1:
            for n in range(len(node.terms)):
                terms = (*node.terms[:n], *node.terms[n + 1 :])
                signs = (*node.signs[:n], *node.signs[n + 1 :])
                yield "M09", "a term is counted twice", s.Sum(terms, signs)
        if isinstance(node, s.Product) and len(node.factors) > 1:
            for n in range(len(node.factors)):
                factors = (*node.factors[:n], *node.factors[n + 1 :])
                signs = node.signs[1:] if n == 0 else (*node.signs[: n - 1], *node.signs[n:])
                yield (
                    "M11",
                    f"the factor {_text(node.factors[n])} is too much",
                    _product(factors, signs),
                )


_PAIRED = {
    "M01",
    "M02",
    "M03",
    "M06",
    "M10",
    "M11",
    "M12",
    "M15",
    "M18",
    "M19",
    "M21",
    "M17",
    "M05",
}


def _codes(code: str, shape: bool) -> tuple[str, ...]:
    """A repair of a line that has no shape is one of its shape as well."""
    return (code, "M17") if shape and code in ("M04", "M05", "M11", "M18") else (code,)


def _product(factors: tuple[s.Node, ...], signs: tuple[str, ...]) -> s.Node:
    return factors[0] if len(factors) == 1 else s.Product(factors, signs)


def _text(node: s.Node) -> str:
    from .write import plain

    return plain(node)


def everywhere(
    node: s.Node, change: Callable[[s.Node], Iterator[tuple[str, str, s.Node]]]
) -> Iterator[tuple[str, str, s.Node]]:
    """Every tree that differs from `node` by one local change."""
    yield from change(node)
    for f in fields(node):
        if f.name in ("start", "end"):
            continue
        value = getattr(node, f.name)
        if isinstance(value, s.Index) or (isinstance(node, s.Symbol) and f.name in ("sub", "sup")):
            continue
        if isinstance(node, s.Shorthand) and f.name == "of":
            for code, words, new in _moved_index(node, change):
                yield code, words, new
            continue
        if isinstance(node, s.Derivative) and f.name in ("above", "below"):
            continue
        if isinstance(node, s.Apply) and f.name == "head":
            continue
        if isinstance(node, s.Big) and f.name == "bounds":
            continue
        if isinstance(value, s.Node):
            for code, words, new in everywhere(value, change):
                yield code, words, _with(node, f.name, new)
        elif isinstance(value, tuple):
            for n, item in enumerate(value):
                if isinstance(item, s.Node):
                    for code, words, new in everywhere(item, change):
                        changed = (*value[:n], new, *value[n + 1 :])
                        yield code, words, _with(node, f.name, changed)


def _with(node: s.Node, name: str, value: Any) -> s.Node:
    changes: dict[str, Any] = {name: value}
    return replace(node, **changes)


def _moved_index(node: s.Shorthand, change: Any) -> Iterator[tuple[str, str, s.Node]]:
    for code, words, new in change(node.of):
        if isinstance(new, s.Symbol) and code in ("M10", "M30"):
            yield code, words, replace(node, of=new)


__all__ = ["Edit", "Repair", "Repairs"]
