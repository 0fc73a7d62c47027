"""Full-index Jacobians as people write them out, and how many of their entries are not zero.

∂a[n,j]/∂W[k,l] = [j = l] h[n,k]     four indices, N·H·H of N·H·H·H entries
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from .canon import canonical
from .poly import UNIT, Factor, Lam, Lin, Mono, Poly, Shifted


def entries(q: Poly, names: Iterable[sympy.Symbol], shape: Any, read: Iterable[mx.Var]) -> mx.Node:
    """A polynomial with free indices 0, 1, … of axes `shape` as an expression in named indices.

    `read` are the variables that the differentiated side reads: they know their sizes.
    """
    sizes = {str(s): s for v in read for s in v.shape} | {str(s): s for s in shape}
    numbers = {s.name: s for size in sizes.values() for s in size.free_symbols}
    writer = _Writer(tuple(names), tuple(shape), sizes, {**numbers, "T": mx.T})
    terms = []
    for mono, c in canonical(q).items():
        if mono.bound:
            raise UnsupportedError("this Jacobian's entries need a sum over an index")
        rational = sympy.Rational(c.numerator, c.denominator)
        factors = [mx.power(writer.factor(f), sympy.Rational(e)) for f, e in mono.factors]
        terms.append(mx.times(rational, *factors))
    return mx.plus(*terms) if terms else mx.Scalar(0)


@dataclass(frozen=True)
class _Writer:
    names: tuple[sympy.Symbol, ...]
    shape: tuple[Any, ...]
    sizes: dict[str, Any]
    numbers: dict[str, Any]  # what is no size is a hyper-parameter

    def name(self, i: Any) -> sympy.Symbol:
        """An axis of length 1 has one index, which goes by the name of the first such axis."""
        if isinstance(i, Shifted):
            raise UnsupportedError("an entry of a block has no index of its own in the whole")
        if i != UNIT:
            return self.names[i.num]
        if 1 not in self.shape:
            raise UnsupportedError("an axis of length 1 that the Jacobian has not")
        return self.names[self.shape.index(1)]

    def element(self, array: mx.Node, slots: tuple[Any, ...]) -> mx.Node:
        return mx.Element(array, tuple(map(self.name, slots))) if slots else array

    def variable(self, f: Factor) -> mx.Var:
        shape = tuple(self.sizes.get(i.size, mx.size(i.size)) for i in f.slots)
        return mx.Var(f.name, shape, tuple(map(_time, f.times)))

    def factor(self, f: Factor) -> mx.Node:
        if f.kind == "delta":
            return mx.Kron(*map(self.name, f.slots))
        if f.kind == "size":
            return mx.Scalar(self.numbers.get(f.name, sympy.Symbol(f.name, real=True)))
        if f.kind == "var":
            return self.element(self.variable(f), f.slots)
        if f.kind == "onehot":
            rows = self.variable(f)
            index = mx.Var(f.name, rows.shape[:-1], rows.times)
            return self.element(mx.OneHot(index, rows.shape[-1]), f.slots)
        if f.kind == "fn":
            inner = self.argument(f.nested[0])
            of = mx.Apply(mx.function(f.name), self.variable(inner))
            return self.element(of, inner.slots)
        if f.kind == "softmax":
            inner, params = self.argument(f.nested[0]), f.nested[0].params
            slots = tuple(f.slots[0] if i in params else i for i in inner.slots)
            return self.element(mx.Softmax(self.variable(inner)), slots)
        raise UnsupportedError(f"a factor of kind {f.kind} is not written entry by entry")

    @staticmethod
    def argument(lam: Lam) -> Factor:
        """The single variable a function is applied to."""
        if len(lam.poly) == 1 and lam.poly[0][1] == 1 and len(lam.poly[0][0].factors) == 1:
            (factor, e), *_ = lam.poly[0][0].factors
            if factor.kind == "var" and e == 1:
                return factor
        raise UnsupportedError("this function is applied to more than one variable")


def _time(x: Lin) -> Any:
    return x.const + sum(c * mx.time_symbol(str(s)) for s, c in x.terms)


def count_nonzero(q: Poly, shape: tuple[Any, ...]) -> tuple[Any, Any]:
    """(entries that can be nonzero, all entries), as products of sizes.

    A monomial with deltas lives where they hold; of nested sets of places the largest counts.
    """
    total = sympy.prod(shape)
    counts = {_places(mono, shape) for mono in canonical(q)}
    return (max(counts, key=sympy.degree_list) if counts else sympy.Integer(0)), total


def _places(mono: Mono, shape: tuple[Any, ...]) -> Any:
    group = list(range(len(shape)))
    for f, _ in mono.factors:
        if f.kind == "delta":
            i, j = (x.num for x in f.slots)
            group = [group[i] if g == group[j] else g for g in group]
    return sympy.prod([shape[g] for g in sorted(set(group))])
