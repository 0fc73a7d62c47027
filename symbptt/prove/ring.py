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
from fractions import Fraction
from functools import reduce
from typing import Any

import sympy

from ..errors import UnsupportedError
from .laurent import Mono, Poly, exponent, powered, tidy
from .numbers import NO_VALUE, SEEDS, Floats, Intervals, Point

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
            half = min(exponent(m, g) for m in p.terms) // 2
            if half:
                size = self.generator("root", 2, Poly(self, {((g, 2),): 1}))
                out = out * (size if half % 2 else 1) * Poly(self, {powered(g, half - half % 2): 1})
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
        with_it = [m for m in p.terms if exponent(m, first)]
        lead = min(with_it)
        # Every rewriting then trades the first generator for later ones: it comes to an end.
        oriented = len(with_it) == 1 and lead in (((first, 1),), ((first, -1),))
        scale = _inverse(p.terms[lead])
        unit = Poly(self, {m: tidy(c * scale) for m, c in p.terms.items()})
        r = self.generator("inverse", "", unit)
        ((rid, _),) = next(iter(r.terms))
        if rid not in self.relations and oriented and self.definitions[rid][2] == (unit,):
            others = {m: -c for m, c in unit.terms.items() if m != lead}
            self.relations[rid] = (*lead[0], others)
        return r * scale


def _number(p: int, q: int) -> Any:
    return p // q if p % q == 0 else Fraction(p, q)


def _inverse(c: Any) -> Any:
    return tidy(1 / Fraction(c))


def _content(p: Poly) -> Fraction:
    """The positive c for which p / c has whole coefficients without a common divisor."""
    coefficients = list(map(Fraction, p.terms.values()))
    shared = math.lcm(*(c.denominator for c in coefficients))
    return Fraction(math.gcd(*(int(c * shared) for c in coefficients)), shared)
