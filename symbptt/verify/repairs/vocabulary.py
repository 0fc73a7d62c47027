"""The author's own way to write each quantity and each gradient, moved to any time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import permutations
from typing import Any

from ... import matrix as mx
from .. import surface as s
from ..judge.judge import Judge
from ..meaning.choice import Gradient, UnknownError, shorthand_key
from ..meaning.times import index_of
from ..naming import Parts


class Vocabulary:
    """What a repaired line may be written with."""

    def __init__(self, judge: Judge):
        self.judge, self.naming, self.system = judge, judge.naming, judge.system
        self.names = judge.names()
        self.samples = self._samples()
        self.upstream = self._upstream()
        self.multipliers = self._multipliers()
        self.jacobian = False  # whether the line at hand states a Jacobian
        self.forward = False  # whether it is an equation of a value
        self.of = ""  # of which value it is either of them
        self.probe: tuple[str, str, Any] | None = None  # λ of λ ∂u_s/∂v: the letter, u and s

    def value_of(self, left: s.Node) -> str:
        """v of v_t = … and of ∂v_t/∂w = …, as the model calls it; nothing of other left sides."""
        left = s.bare(left)
        of = left.of if isinstance(left, s.Derivative) else left
        of = s.bare(of) if of is not None else None
        name = self.names.get(self.naming.parts(of).name, "") if isinstance(of, s.Symbol) else ""
        return name if name in self.system.model.defined else ""

    def _multipliers(self) -> dict[str, list[s.Node]]:
        """What the author's forward equation of each value multiplies entry by entry."""
        out: dict[str, list[s.Node]] = {}
        for line in self.judge.lines:
            name = self.value_of(line.claim.left) if line.claim.right is not None else ""
            if name and name not in out and isinstance(s.bare(line.claim.left), s.Symbol):
                out[name] = [
                    s.bare(x)
                    for n in s.walk(line.claim.right or line.claim.left)
                    if isinstance(n, s.Product) and "⊙" in n.signs
                    for x in n.factors
                    if not isinstance(s.bare(x), s.Sum | s.Product)
                ]
        return out

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
                        known = q.name in self.names or q.name in self.judge.gradients
                        if known and not q.components and not n.primes:
                            out.setdefault(q.name, n)
        named = {self.names[n] for n in out if n in self.system.names}
        again = [n for n in out if n not in self.system.names and self.names.get(n) in named]
        return {n: x for n, x in out.items() if n not in again}  # i beside Γ_u, the same gate

    def _upstream(self) -> dict[str, s.Derivative]:
        """The author's ∂L/∂v_t for each quantity v."""
        out: dict[str, s.Derivative] = {}
        for line in self.judge.lines:
            for side in (line.claim.left, line.claim.right):
                for n in s.walk(side) if side is not None else ():
                    if isinstance(n, s.Derivative) and isinstance(s.bare(n.by), s.Symbol):
                        found = self.gradient_of(n)
                        if found is not None and found[1].time is not None:
                            out.setdefault(found[0].of, n)
        return out

    def is_argument(self, function: str, x: s.Symbol) -> bool:
        """Whether the model applies a function to the quantity of a letter."""
        name = self.names.get(self.naming.parts(x).name, "")
        return any(
            a.args[0].name == function and isinstance(a.args[1], mx.Var) and a.args[1].name == name
            for e in self.system.model.equations
            for a in e.rhs.atoms(mx.Apply)
        )

    def loss(self) -> s.Symbol | None:
        """The author's letter of the whole loss, as the text differentiates it."""
        for line in self.judge.lines:
            for side in (line.claim.left, line.claim.right):
                for n in s.walk(side) if side is not None else ():
                    if isinstance(n, s.Derivative) and self.judge.options.of_loss(n):
                        of = s.bare(n.of) if n.of is not None else None
                        if isinstance(of, s.Symbol) and self.naming.parts(of).time is None:
                            return of
        return None

    def free_letter(self) -> str:
        """A letter for a step that the text uses for nothing else."""
        used = self.naming.plain | self.naming.letters | self.naming.counted
        letter = next(x for x in ("j", "i", "m", "s", "r") if x not in used)
        self.naming.names.add(letter)
        return letter

    def is_jacobian(self, left: s.Node) -> bool:
        bare = s.bare(left)
        return isinstance(bare, s.Derivative) and not self.judge.options.of_loss(bare)

    def probed(self, left: s.Node) -> tuple[str, str, Any] | None:
        """The letter that a left side pulls back, which is no quantity, and what of."""
        whole = s.bare(left)
        factors = [s.bare(x) for x in whole.factors] if isinstance(whole, s.Product) else []
        for letter, jacobian in permutations(factors, 2):
            if isinstance(letter, s.Symbol) and isinstance(jacobian, s.Derivative):
                of = s.bare(jacobian.of) if jacobian.of is not None else None
                q = self.naming.parts(of) if isinstance(of, s.Symbol) else None
                name = self.names.get(q.name) if q is not None else None
                if q and name and not letter.indices and letter.letter not in self.names:
                    return letter.letter, name, q.time
        return None

    def pulled_back(self, left: s.Node) -> tuple[str, Any]:
        """v of λ ∂u/∂v and its time; no name where it is no value of the model."""
        whole = s.bare(left)
        for x in map(s.bare, whole.factors if isinstance(whole, s.Product) else ()):
            by = s.bare(x.by) if isinstance(x, s.Derivative) else None
            if isinstance(by, s.Symbol):
                q = self.naming.parts(by)
                return self.names.get(q.name, ""), q.time
        return "", None

    def beside(self, name: str, times: Iterable[Any]) -> Iterator[s.Node]:
        """The author's values of the shape of one, at some times."""
        shape = self.system.model.table[name].shape
        for written, sample in self.samples.items():
            d = self.system.model.table.get(self.names.get(written, ""))
            if d is not None and d.timed and d.shape == shape and d.role not in ("input", "target"):
                yield from (self.at(sample, at) for at in times)

    def time_of(self, node: s.Node) -> Any:
        for n in s.walk(node):
            if isinstance(n, s.Symbol):
                q = self.naming.parts(n)
                if q.time is not None:
                    return q.time
        return None

    def at(self, sample: s.Node, time: Any) -> s.Node:
        """The author's symbol at another time."""
        symbol = sample.of if isinstance(sample, s.Shorthand) else sample
        assert isinstance(symbol, s.Symbol)
        q = self.naming.parts(symbol)
        if q.time is None or time is None:
            return sample

        def change(i: s.Index) -> s.Index:
            if i.terms is not None and self.naming.time(i) == q.time and self._is_time(symbol, i):
                return index_of(i, time, self.naming)
            return i

        moved = replace(
            symbol, sub=tuple(map(change, symbol.sub)), sup=tuple(map(change, symbol.sup))
        )
        return replace(sample, of=moved) if isinstance(sample, s.Shorthand) else moved

    def _is_time(self, x: s.Symbol, i: s.Index) -> bool:
        return i.terms is not None and (set(i.names) <= self.naming.names)

    def gradient_of(self, node: s.Node) -> tuple[Gradient, Parts] | None:
        """The gradient a node is, with its time."""
        if isinstance(node, s.Shorthand) and isinstance(node.of, s.Symbol):
            q = self.naming.parts(node.of)
            g = self.judge.gradients.get(shorthand_key(node, q))
            return (g, q) if g else None
        if isinstance(node, s.Symbol):
            q = self.naming.parts(node)
            g = self.judge.gradients.get(q.name)
            return (g, q) if g else None
        if isinstance(node, s.Derivative) and self.judge.options.of_loss(node):
            by = s.bare(node.by)
            if isinstance(by, s.Symbol):
                q = self.naming.parts(by)
                try:
                    return Gradient(self.judge.quantities.find(q)), q
                except UnknownError:
                    return None
        return None

    def symbol_for(self, name: str, time: Any) -> s.Node | None:
        """The author's symbol of a model quantity."""
        for written, model in self.names.items():
            if model == name and written in self.samples:
                return self.at(self.samples[written], time)
        return None

    def within(self, name: str) -> Iterator[str]:
        """A quantity and what its step computes it from, the nearest first."""
        found, defined = [name], self.system.model.defined
        for n in found:
            if n in defined:
                yield n
                read = mx.variables(defined[n].rhs)
                found += [
                    v.name for v in read if v.times and v.time == mx.t and v.name not in found
                ]

    def is_number(self, node: s.Node) -> bool:
        """Whether it is no array by its letters: 2, 1/N, α."""
        letters = [x for x in s.symbols(node) if x.letter != self.naming.horizon]
        if any(isinstance(n, s.Derivative | s.Shorthand | s.Big) for n in s.walk(node)):
            return False
        declared = [self.system.model.table.get(self._named(x)) for x in letters]
        return all(d is not None and not d.shape and not d.timed for d in declared)

    def _named(self, x: s.Symbol) -> str:
        return self.names.get(self.naming.parts(x).name, x.letter)

    def slopes(self, name: str, time: Any) -> Iterator[tuple[str, s.Node]]:
        """The functions in the equation of a quantity and their slopes, if these have names."""
        rhs = self.system.model.defined[name].rhs
        if isinstance(rhs, mx.Apply):
            slope = self.slope(name, time)
            if slope is not None:
                yield rhs.args[0].name, slope
            return
        for call in sorted(rhs.atoms(mx.Apply), key=str):
            fn, inner = call.args
            if isinstance(inner, mx.Var) and inner.times:
                argument = self.symbol_for(inner.name, time + inner.time - mx.t)
                if argument is not None:
                    yield fn.name, _slope_at(fn.name, argument)

    def slope(self, name: str, time: Any) -> s.Node | None:
        """The slope of v = f(a) in the author's symbols: 1 − h_t², f_t ⊙ (1 − f_t), f'(z_t)."""
        rhs = self.system.model.defined[name].rhs
        value = self.symbol_for(name, time)
        if value is None or not isinstance(rhs, mx.Apply):
            return None
        fn = rhs.args[0].name
        one = s.Number("1")
        if fn == "tanh":
            return s.Group(s.Sum((one, s.Power(value, s.Number("2"))), ("+", "-")))
        if fn == "sigmoid":
            rest = s.Group(s.Sum((one, value), ("+", "-")))
            return s.Group(s.Product((value, rest), ("⊙",)))
        inner = self.symbol_for(self.system.pre[name], time)
        if inner is None:
            return None
        return s.Apply(s.Symbol(fn), (inner,), primes=1)


def _slope_at(fn: str, argument: s.Node) -> s.Node:
    """f' at an argument: 1 − tanh(c)², σ(c) ⊙ (1 − σ(c)), f'(c)."""
    one, value = s.Number("1"), s.Apply(s.Symbol(fn), (argument,))
    if fn == "tanh":
        return s.Group(s.Sum((one, s.Power(value, s.Number("2"))), ("+", "-")))
    if fn == "sigmoid":
        rest = s.Group(s.Sum((one, value), ("+", "-")))
        return s.Group(s.Product((value, rest), ("⊙",)))
    return replace(value, primes=1)
