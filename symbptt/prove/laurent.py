"""Exact scalars for the explicit road: Laurent polynomials over the rationals.

The generators are the entries of the arrays, and what is made of earlier polynomials: the
values tanh(z), exp(z), …, reciprocals of sums, roots, and names for sums. Equal arguments are
one generator, whatever they were written as. A reciprocal r of a sum is rewritten at once by

    r·(e₁ + e₂ + …) = 1   ⇒   r·e₁ → 1 − r·e₂ − …

which keeps polynomials short. `is_zero` then clears every name, reciprocal and root, the
latest first; what is left is a polynomial in the entries and the values of functions. So a
zero is proved. A polynomial that is left is not zero unless the functions are related in a way
not known here (sin² + cos² = 1): only `is_nonzero` may call it different.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import reduce
from typing import Any

import numpy as np
import sympy

from ..errors import UnsupportedError
from .numbers import NO_VALUE, SEEDS, Floats, Intervals, Point

Mono = tuple[tuple[int, int], ...]  # ((generator, exponent), …), sorted, exponents not zero

LARGEST = 20_000  # terms; beyond it nothing is decided
_AT_ZERO = {"tanh": 0, "sin": 0, "step": 0, "exp": 1, "cos": 1}


class Ring:
    """A growing set of generators and the relations of its reciprocals."""

    def __init__(self) -> None:
        # generator -> (kind, name, polynomials in earlier generators)
        self.definitions: list[tuple[str, Any, tuple[Poly, ...]]] = []
        self.index: dict[Any, int] = {}
        self.alike: dict[Any, list[int]] = {}
        self.roots: dict[Any, list[tuple[Poly, Poly]]] = {}
        # reciprocal -> (generator of the lead, its exponent ±1, minus the rest of the sum)
        self.relations: dict[int, tuple[int, int, dict[Mono, Any]]] = {}
        self.point = Point(self, 0, Floats())
        self.witnesses = [Point(self, seed, Intervals()) for seed in range(SEEDS)]

    def generator(self, kind: str, name: Any, *arguments: Poly) -> Poly:
        """The generator of this definition, or of one that is equal to it."""
        key = (kind, name, tuple(a.key() for a in arguments))
        if key not in self.index:
            near = (kind, name, tuple(map(self._about, arguments)))
            known = self.alike.setdefault(near, []) if arguments else []
            self.index[key] = next(
                (g for g in known if self._equal(self.definitions[g][2], arguments)),
                len(self.definitions),
            )
            if self.index[key] == len(self.definitions):
                known.append(self.index[key])
                self.definitions.append((kind, name, arguments))
        return Poly(self, {((self.index[key], 1),): 1})

    def entry(self, name: Any) -> Poly:
        return self.generator("entry", name)

    def _equal(self, a: tuple[Poly, ...], b: tuple[Poly, ...]) -> bool:
        try:
            return all((x - y).is_zero() for x, y in zip(a, b, strict=True))
        except UnsupportedError:  # two generators for one value: less is decided, none wrongly
            return False

    def _about(self, p: Poly) -> str:
        """The same text for equal polynomials: a few digits of the value at one point."""
        try:
            return f"{self.point.value(p):.6e}"
        except NO_VALUE:
            return ""

    def number(self, value: Any) -> Poly:
        value = sympy.Rational(value)
        c = _number(int(value.p), int(value.q))
        return Poly(self, {(): c} if c else {})

    def function(self, name: str, argument: Poly) -> Poly:
        """name(argument): exp(−z) is the inverse of exp(z), tanh and sin are odd, cos is even."""
        if not argument.terms and name in _AT_ZERO:
            return self.number(_AT_ZERO[name])
        if name == "log" and set(argument.terms) == {()}:
            return self._log(Fraction(argument.terms[()]))
        if name in ("exp", "tanh", "sin", "cos") and self.sign(argument) < 0:
            out = self.function(name, -argument)
            return self.inverse(out) if name == "exp" else out if name == "cos" else -out
        return self.generator("function", name, self.named(argument))

    def _log(self, c: Fraction) -> Poly:
        """log(12/5) = 2 log 2 + log 3 − log 5."""
        if c <= 0:
            raise UnsupportedError(f"log({c}) has no value")
        out = self.number(0)
        for prime, e in sympy.factorrat(sympy.Rational(c.numerator, c.denominator)).items():
            out = out + e * self.generator("function", "log", self.number(prime))
        return out

    def sign(self, p: Poly) -> int:
        """+1 or −1, the other for −p, and the same for an equal polynomial."""
        try:
            x = self.point.value(p)
            if abs(x) > 1e-9 * self.point.size(p):
                return 1 if x > 0 else -1
        except NO_VALUE:
            pass
        return -1 if p.terms and p.terms[min(p.terms)] < 0 else 1

    def named(self, p: Poly) -> Poly:
        """A sum as one generator, the same for equal sums: products of it stay short."""
        if any(len(self._reciprocal(g).terms) > 2 for m in p.terms for g, _ in m):
            return p  # softmax relates its entries to one another: keep the relation in sight
        return self.renamed(p)

    def _reciprocal(self, g: int) -> Poly:
        """The sum whose reciprocal g is, or 0."""
        kind, _, arguments = self.definitions[g]
        return arguments[0] if kind == "inverse" else Poly(self, {})

    def renamed(self, p: Poly) -> Poly:
        """The same for a quantity that both roads have just agreed on, whatever it is made of."""
        if len(p.terms) < 2:
            return p
        if self.sign(p) < 0:
            return -self.renamed(-p)
        return self.generator("value", "", p)

    def root(self, p: Poly, q: int) -> Poly:
        """p^(1/q) of a positive p, the same for equal ones; √(4 x² + 4 x² y) = 2 |x| √(1 + y)."""
        known = self.roots.setdefault((q, self._about(p)), [])
        for base, out in known:
            if self._equal((base,), (p,)):
                return out
        known.append((p, self._root(p, q)))
        return known[-1][1]

    def _root(self, p: Poly, q: int) -> Poly:
        if not p.terms:
            return p
        content, out = _content(p), self.number(1)
        for prime, e in sympy.factorrat(sympy.Rational(content)).items():
            whole, rest = divmod(e, q)
            out = out * self.number(sympy.Rational(prime) ** whole)
            out = out * self.generator("root", q, self.number(prime)) ** rest
        p = p * _inverse(content)
        first, *_ = p.terms
        for g in [g for g, _ in first] if q == 2 else []:
            half = min(_exponent(m, g) for m in p.terms) // 2
            if half:
                size = self.generator("root", 2, Poly(self, {((g, 2),): 1}))
                out = out * (size if half % 2 else 1) * Poly(self, {_power(g, half - half % 2): 1})
                p = p * Poly(self, {((g, -2 * half),): 1})
        return out if p.terms == {(): 1} else out * self.generator("root", q, self.named(p))

    def inverse(self, p: Poly) -> Poly:
        """1 / p: exact for a monomial, else a generator with its relation."""
        if not p.terms:
            raise UnsupportedError("the reciprocal of zero has no value")
        if len(p.terms) == 1:
            (mono, c), *_ = p.terms.items()
            sums = [(self._reciprocal(g), e) for g, e in mono if self._reciprocal(g).terms]
            rest = tuple((g, -e) for g, e in mono if not self._reciprocal(g).terms)
            return reduce(lambda x, s: x * s[0] ** s[1], sums, Poly(self, {rest: _inverse(c)}))
        for m in p.terms:
            # 1 + exp(z) is exp(z)·(1 + exp(−z)): both σ and softplus' then use one reciprocal.
            if len(p.terms) == 2 and () in p.terms and len(m) == 1 and m[0][1] == 1:
                unit = Poly(self, {((m[0][0], -1),): 1})
                return unit * self.inverse(p * unit)
        first = min(g for m in p.terms for g, _ in m)
        with_it = [m for m in p.terms if _exponent(m, first)]
        lead = min(with_it)
        # Every rewriting then trades the first generator for later ones: it comes to an end.
        oriented = len(with_it) == 1 and lead in (((first, 1),), ((first, -1),))
        scale = _inverse(p.terms[lead])
        unit = Poly(self, {m: _whole(c * scale) for m, c in p.terms.items()})
        r = self.generator("inverse", "", unit)
        ((rid, _),) = next(iter(r.terms))
        if rid not in self.relations and oriented and self.definitions[rid][2] == (unit,):
            others = {m: -c for m, c in unit.terms.items() if m != lead}
            self.relations[rid] = (*lead[0], others)
        return r * scale


def _number(p: int, q: int) -> Any:
    return p // q if p % q == 0 else Fraction(p, q)


def _whole(c: Any) -> Any:
    """An int where it can be one: fractions are slow."""
    return c if isinstance(c, int) else int(c) if c.denominator == 1 else c


def _inverse(c: Any) -> Any:
    return _whole(1 / Fraction(c))


def _content(p: Poly) -> Fraction:
    """The positive c for which p / c has whole coefficients without a common divisor."""
    coefficients = list(map(Fraction, p.terms.values()))
    shared = math.lcm(*(c.denominator for c in coefficients))
    return Fraction(math.gcd(*(int(c * shared) for c in coefficients)), shared)


def _power(g: int, e: int) -> Mono:
    return ((g, e),) if e else ()


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
            powers = ((_with(m, g, min(_exponent(m, g), 1)), c) for m, c in self.terms.items())
            return Poly(ring, _accumulate({}, powers))
        order = {"value": 1, "inverse": -1, "root": name}.get(kind)
        if order is None:
            return self
        split: list[tuple[Poly, int]] = []
        for m, c in self.terms.items():
            whole, rest = divmod(_exponent(m, g) * (-1 if order < 0 else 1), abs(order))
            split.append((Poly(ring, {_with(m, g, rest): c}), whole))
        least = min(0, *(n for _, n in split))
        power, out = ring.number(1), dict[Mono, Any]()
        for n in range(least, max(n for _, n in split) + 1):
            for x, whole in split:
                if whole == n:
                    _accumulate(out, (x * power).terms.items())
            power = power * arguments[0]
        return Poly(ring, out)


def _exponent(m: Mono, g: int) -> int:
    return next((e for h, e in m if h == g), 0)


def _with(m: Mono, g: int, e: int) -> Mono:
    """The monomial with g to the power e instead of its own."""
    return tuple(sorted((*((h, k) for h, k in m if h != g), *_power(g, e))))


def _accumulate(out: dict[Mono, Any], terms: Any) -> dict[Mono, Any]:
    for m, c in terms:
        c = out.get(m, 0) + c
        if c:
            out[m] = _whole(c)
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
