"""Laurent polynomials over the rationals, always reduced by the relations of their ring.

A monomial is a product of powers of generators; `ring.py` says what the generators are.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import sympy

from ..errors import UnsupportedError
from .numbers import NO_VALUE, SEEDS

if TYPE_CHECKING:
    from .ring import Ring

Mono = tuple[tuple[int, int], ...]  # ((generator, exponent), …), sorted, exponents not zero

LARGEST = 20_000  # terms; beyond it nothing is decided


class Poly:
    """One element, always reduced by the ring's relations."""

    __slots__ = ("ring", "terms")

    def __init__(self, ring: Ring, terms: dict[Mono, Any]):
        self.ring, self.terms = ring, terms

    def __eq__(self, other: object) -> bool:
        """To the letter; `is_zero` of the difference decides."""
        return isinstance(other, Poly) and self.terms == other.terms

    __hash__ = None  # type: ignore[assignment]

    def key(self) -> frozenset[tuple[Mono, Any]]:
        return frozenset(self.terms.items())

    def __add__(self, other: Any) -> Poly:
        if isinstance(other, np.ndarray):
            return NotImplemented  # NumPy then adds entry by entry
        out = dict(self.terms)
        _accumulate(out, self._of(other).terms.items())
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
        out: dict[Mono, Any] = {}
        other = self._of(other)
        for m, a in self.terms.items():
            for n, b in other.terms.items():
                _accumulate(out, self._reduced(_merge(m, n), a * b))
            if len(out) > LARGEST:
                raise UnsupportedError(f"more than {LARGEST} terms in one scalar")
        return Poly(self.ring, out)

    __rmul__ = __mul__

    def __pow__(self, n: Any) -> Poly:
        n = sympy.Rational(n)
        if n.q != 1:
            return self.ring.root(self, int(n.q)) ** int(n.p)
        if n < 0:
            return self.ring.inverse(self) ** int(-n)
        return math.prod([self] * int(n), start=self.ring.number(1))

    def __truediv__(self, other: Any) -> Poly:
        return self * self.ring.inverse(self._of(other))

    def __rtruediv__(self, other: Any) -> Poly:
        return self._of(other) * self.ring.inverse(self)

    def _reduced(self, mono: Mono, c: Any) -> Iterator[tuple[Mono, Any]]:
        """The monomial rewritten by r·lead → 1 − r·rest until no relation fires."""
        relations = self.ring.relations
        for r, e in mono:
            if r in relations and e > 0:
                lead, sign, rest = relations[r]
                if any(g == lead and k * sign > 0 for g, k in mono):
                    base = _merge(mono, ((lead, -sign),))
                    yield from self._reduced(_merge(base, ((r, -1),)), c)
                    for m, k in rest.items():
                        yield from self._reduced(_merge(base, m), c * k)
                    return
        yield mono, c

    def is_zero(self) -> bool:
        """Whether it is zero once every name, reciprocal and root is cleared.

        What is multiplied away is not zero where the expression has a value. Raises
        UnsupportedError where that takes too many terms.
        """
        if not self.terms:
            return True
        try:
            if abs(self.ring.point.value(self)) > 1e-6 * self.ring.point.size(self):
                return False
        except NO_VALUE:
            pass
        if self.is_nonzero(choices=1):  # before the long work of clearing
            return False
        p, top = self, len(self.ring.definitions)
        while p.terms:
            top = max((g for m in p.terms for g, _ in m if g < top), default=-1)
            if top < 0:
                return False
            p = p._cleared(top)
        return True

    def is_nonzero(self, choices: int = SEEDS) -> bool:
        """Whether intervals at one of a few choices of the entries show that it is not zero."""
        for point in self.ring.witnesses[:choices]:
            try:
                value = point.value(self)
            except NO_VALUE:
                continue
            if value.a > 0 or value.b < 0:
                return True
        return False

    def _cleared(self, g: int) -> Poly:
        """A multiple of it in which g is spelled out: g^order = its argument."""
        ring = self.ring
        kind, name, arguments = ring.definitions[g]
        if kind == "function" and name == "step":  # 0 or 1
            powers = ((_with(m, g, min(exponent(m, g), 1)), c) for m, c in self.terms.items())
            return Poly(ring, _accumulate({}, powers))
        order = {"value": 1, "inverse": -1, "root": name}.get(kind)
        if order is None:
            return self
        split: list[tuple[Poly, int]] = []
        for m, c in self.terms.items():
            whole, rest = divmod(exponent(m, g) * (-1 if order < 0 else 1), abs(order))
            split.append((Poly(ring, {_with(m, g, rest): c}), whole))
        least = min(0, *(n for _, n in split))
        power, out = ring.number(1), dict[Mono, Any]()
        for n in range(least, max(n for _, n in split) + 1):
            for x, whole in split:
                if whole == n:
                    _accumulate(out, (x * power).terms.items())
            power = power * arguments[0]
        return Poly(ring, out)


def exponent(m: Mono, g: int) -> int:
    return next((e for h, e in m if h == g), 0)


def _with(m: Mono, g: int, e: int) -> Mono:
    """The monomial with g to the power e instead of its own."""
    return tuple(sorted((*((h, k) for h, k in m if h != g), *powered(g, e))))


def _accumulate(out: dict[Mono, Any], terms: Any) -> dict[Mono, Any]:
    for m, c in terms:
        c = out.get(m, 0) + c
        if c:
            out[m] = tidy(c)
        else:
            out.pop(m, None)
    return out


def _merge(m: Mono, n: Mono) -> Mono:
    if not m or not n:
        return m or n
    powers = dict(m)
    for g, e in n:
        powers[g] = powers.get(g, 0) + e
    return tuple(sorted((g, e) for g, e in powers.items() if e))


def tidy(c: Any) -> Any:
    """An int where it can be one: fractions are slow."""
    return c if isinstance(c, int) else int(c) if c.denominator == 1 else c


def powered(g: int, e: int) -> Mono:
    return ((g, e),) if e else ()
