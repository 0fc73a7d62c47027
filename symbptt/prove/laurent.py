"""Exact scalars for the explicit road: Laurent polynomials over the rationals.

The generators are the entries of the arrays and the values tanh(z), exp(z), … of functions
whose argument is itself such a polynomial, so equal values are one generator. A reciprocal
of a sum is a generator r with the relation r·(sum) = 1, applied until it no longer fires:

    r·(e₁ + e₂ + …) = 1   ⇒   r·e₁ → 1 − r·e₂ − …
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

Mono = tuple[tuple[int, int], ...]  # ((generator, exponent), …), sorted, exponents not zero


class Ring:
    """A growing set of generators and the relations of its reciprocals."""

    def __init__(self) -> None:
        self.names: list[Any] = []
        self.index: dict[Any, int] = {}
        # reciprocal -> (generator of the lead, its exponent ±1, minus the rest of the sum)
        self.relations: dict[int, tuple[int, int, dict[Mono, Fraction]]] = {}
        self.sums: dict[int, Poly] = {}

    def generator(self, key: Any) -> Poly:
        if key not in self.index:
            self.index[key] = len(self.names)
            self.names.append(key)
        return Poly(self, {((self.index[key], 1),): Fraction(1)})

    def number(self, value: Any) -> Poly:
        value = sympy.Rational(value)
        c = Fraction(int(value.p), int(value.q))
        return Poly(self, {(): c} if c else {})

    def function(self, name: str, argument: Poly) -> Poly:
        """name(argument); exp(−z) is the inverse of exp(z), log keeps its own generator."""
        if name == "exp" and argument.leading_sign() < 0:
            return self.inverse(self.function("exp", -argument))
        return self.generator((name, self.named(argument).key()))

    def named(self, p: Poly) -> Poly:
        """A sum as one generator, the same for equal sums.

        What holds for it as an unknown holds for its value, and products of it stay short.
        """
        if any(g in self.sums and len(self.sums[g].terms) > 2 for m in p.terms for g, _ in m):
            return p  # softmax relates its entries to one another: keep the relation in sight
        return self.renamed(p)

    def renamed(self, p: Poly) -> Poly:
        """The same for a quantity that both roads have just agreed on, whatever it is made of."""
        if len(p.terms) < 2:
            return p
        if p.leading_sign() < 0:
            return -self.renamed(-p)
        return self.generator(("value", p.key()))

    def root(self, p: Poly, q: int) -> Poly:
        """p^(1/q) of a positive p."""
        return self.generator(("root", q, self.named(p).key()))

    def inverse(self, p: Poly) -> Poly:
        """1 / p: exact for a monomial, else a generator with its relation."""
        if not p.terms:
            raise ZeroDivisionError("the reciprocal of zero")
        if len(p.terms) == 1:
            (mono, c), *_ = p.terms.items()
            return Poly(self, {tuple((g, -e) for g, e in mono): 1 / c})
        for m in p.terms:
            # 1 + exp(z) is exp(z)·(1 + exp(−z)): both σ and softplus' then use one reciprocal.
            if len(p.terms) == 2 and () in p.terms and len(m) == 1 and m[0][1] == 1:
                unit = Poly(self, {((m[0][0], -1),): Fraction(1)})
                return unit * self.inverse(p * unit)
        single = [m for m in p.terms if len(m) == 1 and abs(m[0][1]) == 1]
        lead = min(single or p.terms)
        scale = p.terms[lead]
        unit = Poly(self, {m: c / scale for m, c in p.terms.items()})
        r = self.generator(("inverse", unit.key()))
        ((rid, _),) = next(iter(r.terms))
        if rid not in self.relations and single:
            rest = {m: -c for m, c in unit.terms.items() if m != lead}
            self.relations[rid] = (*lead[0], rest)
        self.sums[rid] = unit
        return r * self.number(1 / sympy.Rational(scale.numerator, scale.denominator))


class Poly:
    """One element, always reduced by the ring's relations."""

    __slots__ = ("ring", "terms")

    def __init__(self, ring: Ring, terms: dict[Mono, Fraction]):
        self.ring, self.terms = ring, terms

    def key(self) -> frozenset[tuple[Mono, Fraction]]:
        return frozenset(self.terms.items())

    def leading_sign(self) -> int:
        return -1 if self.terms and self.terms[min(self.terms)] < 0 else 1

    def __add__(self, other: Any) -> Poly:
        if isinstance(other, np.ndarray):
            return NotImplemented  # NumPy then adds entry by entry
        other = self._of(other)
        out = dict(self.terms)
        for m, c in other.terms.items():
            c = out.get(m, 0) + c
            if c:
                out[m] = c
            else:
                out.pop(m, None)
        return Poly(self.ring, out)

    __radd__ = __add__

    def _of(self, other: Any) -> Poly:
        return other if isinstance(other, Poly) else self.ring.number(other)

    def __neg__(self) -> Poly:
        return Poly(self.ring, {m: -c for m, c in self.terms.items()})

    def __sub__(self, other: Any) -> Poly:
        if isinstance(other, np.ndarray):
            return NotImplemented
        return self + (-self._of(other))

    def __rsub__(self, other: Any) -> Poly:
        return self._of(other) + (-self)

    def __mul__(self, other: Any) -> Poly:
        if isinstance(other, np.ndarray):
            return NotImplemented
        other = self._of(other)
        out: dict[Mono, Fraction] = {}
        for m, a in self.terms.items():
            for n, b in other.terms.items():
                for mono, c in self._reduced(_merge(m, n), a * b):
                    c = out.get(mono, 0) + c
                    if c:
                        out[mono] = c
                    else:
                        out.pop(mono, None)
        return Poly(self.ring, out)

    __rmul__ = __mul__

    def __pow__(self, n: Any) -> Poly:
        n = sympy.Rational(n)
        if n.q != 1:
            return self.ring.root(self, int(n.q)) ** int(n.p)
        if n < 0:
            return self.ring.inverse(self) ** int(-n)
        out = self.ring.number(1)
        for _ in range(int(n)):
            out = out * self
        return out

    def __truediv__(self, other: Any) -> Poly:
        return self * self.ring.inverse(self._of(other))

    def __rtruediv__(self, other: Any) -> Poly:
        return self._of(other) * self.ring.inverse(self)

    def _reduced(self, mono: Mono, c: Fraction) -> Iterator[tuple[Mono, Fraction]]:
        """The monomial rewritten by r·lead → 1 − r·rest until no relation fires."""
        powers = dict(mono)
        for r in [g for g, e in mono if e > 0 and g in self.ring.relations]:
            lead, sign, rest = self.ring.relations[r]
            if powers.get(lead, 0) * sign > 0:
                base = _merge(mono, ((lead, -sign),))
                without = _merge(base, ((r, -1),))
                yield from self._reduced(without, c)
                for m, k in rest.items():
                    yield from self._reduced(_merge(base, m), c * k)
                return
        yield mono, c

    def is_zero(self) -> bool:
        """Exact: negative powers and reciprocals without a relation are multiplied away.

        A relation rewrites r·lead, so it is complete once no inverse of lead is left beside it;
        lead is exp(±z) or an entry and not zero, so multiplying by it loses nothing.
        """
        if not self.terms:
            return True
        used = {g for m in self.terms for g, _ in m}
        for r, (lead, sign, _) in self.ring.relations.items():
            depth = min(dict(m).get(lead, 0) * sign for m in self.terms) if r in used else 0
            if depth < 0:
                lift = Poly(self.ring, {((lead, -depth * sign),): Fraction(1)})
                return (self * lift).is_zero()
        loose = [r for r in self.ring.sums if r not in self.ring.relations]
        for r in loose:
            depth = max(dict(m).get(r, 0) for m in self.terms)
            if depth > 0:
                return self._cleared(r, depth).is_zero()
        return False

    def _cleared(self, r: int, depth: int) -> Poly:
        out = self.ring.number(0)
        for m, c in self.terms.items():
            power = dict(m).get(r, 0)
            bare = tuple((g, e) for g, e in m if g != r)
            out = out + Poly(self.ring, {bare: c}) * self.ring.sums[r] ** (depth - power)
        return out


def _merge(m: Mono, n: Mono) -> Mono:
    powers = dict(m)
    for g, e in n:
        powers[g] = powers.get(g, 0) + e
    return tuple(sorted((g, e) for g, e in powers.items() if e))
