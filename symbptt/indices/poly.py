"""Polynomials in index notation: the data of the normal form and its arithmetic.

A polynomial is a sum of rational coefficients times monomials; a monomial is a product of
factors whose slots carry indices, some of them bound (summed). Every factor has one layout,
so that renaming, free indices and canonical order are each written once:

    W[i,k] h[t-1][k]       factors "var", k bound
    tanh(Σ_k W[i,k] h[k])  factor "fn" with a nested polynomial
    [i = j]                factor "delta", eliminated where an index is bound
    Σ_{k=1}^{t}            a bound time index with constraints "ge": k − 1 ≥ 0, t − k ≥ 0

A factor holds polynomials, which are kept canonical: renaming an index normalises what is
nested under it, and a product is simplified. So this module, `simplify` and `canon` call one
another, and the imports of the other two stand inside the functions that need them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Mapping
from fractions import Fraction
from functools import lru_cache
from typing import Any, NamedTuple

from .budget import metered

Number = int | Fraction  # an int where it is whole: fractions are slow

TIME = "time"  # the "size" of an index that ranges over time


class Ix(NamedTuple):
    """An index. tag: "f" free, "u" bound and not yet canonical, "b<height>" canonical."""

    tag: str
    num: Any
    size: str

    def __repr__(self) -> str:
        """Its sort key: of two new indices the older is the less, however many came before."""
        return f"{self.tag}{str(self.num).zfill(9)}:{self.size}"


class Lin(NamedTuple):
    """A linear form: const + Σ coefficient · (symbol name or time index); of times or of sizes."""

    const: Any
    terms: tuple[tuple[Any, Any], ...] = ()


class Shifted(NamedTuple):
    """The index i + lo: the i-th of a block that begins at lo of a longer axis."""

    base: Ix
    lo: Lin

    @property
    def size(self) -> str:
        return self.base.size


class Factor(NamedTuple):
    kind: str
    name: Any = ""
    times: tuple[Lin, ...] = ()
    slots: tuple[Any, ...] = ()  # of Ix and Shifted
    nested: tuple[Lam, ...] = ()


class Mono(NamedTuple):
    """Bound indices and (factor, exponent) pairs."""

    bound: frozenset[Ix]
    factors: tuple[tuple[Factor, Number], ...]

    def __repr__(self) -> str:
        """Equal monomials have one text, whatever order their sets of indices run in."""
        return f"Mono({sorted(map(repr, self.bound))}, {self.factors})"


class Lam(NamedTuple):
    """A canonical polynomial as an argument of a factor, abstracted over `params`."""

    params: tuple[Ix, ...]
    poly: tuple[tuple[Mono, Number], ...]


Poly = dict[Mono, Number]
ONE = Mono(frozenset(), ())
_counter = itertools.count()


UNIT = Ix("f", "0", "1")  # the one index of an axis of length 1


def unit(i: Any) -> Any:
    return UNIT if i.size == "1" and isinstance(i, Ix) else i


def base(i: Any) -> Ix:
    """The index that a slot carries, without its shift."""
    return i.base if isinstance(i, Shifted) else i


def at(names: Mapping[Ix, Any], slot: Any) -> Any:
    """A slot with its index renamed; a shift of a shift is one shift."""
    if not isinstance(slot, Shifted):
        return names.get(slot, slot)
    new = names.get(slot.base, slot.base)
    if isinstance(new, Shifted):
        return Shifted(new.base, lin_add(slot.lo, new.lo))
    return Shifted(new, slot.lo)


@lru_cache(maxsize=10_000)
def extent(size: str) -> Lin:
    """A size as a linear form: "4*H" is 4·H, "D + H" is D + H."""
    out = Lin(0)
    for term in size.replace(" - ", " + -").split(" + "):
        sign, term = (-1, term[1:]) if term[0] == "-" else (1, term)
        head, _, rest = term.partition("*")
        count, name = (int(head), rest) if head.isdigit() else (1, term)
        out = lin_add(out, Lin(0, ((name, 1),)) if name else Lin(1), sign * count)
    return out


def at_least(a: Lin, b: Lin) -> bool:
    """Whether a ≥ b for all sizes, each at least 1."""
    gap = lin_add(a, b, -1)
    counts = [c for _, c in gap.terms]
    return all(c > 0 for c in counts) and gap.const + sum(counts) >= 0


def fresh(size: str) -> Ix:
    return Ix("u", next(_counter), size)


def rational(c: Any, d: int = 1) -> Number:
    """c / d, an int where it is whole, so that one number is written in one way."""
    value = c if d == 1 else Fraction(c, d)
    if isinstance(value, int):
        return value
    value = Fraction(value)
    return value.numerator if value.denominator == 1 else value


def constant(c: Any) -> Poly:
    return {ONE: rational(c)} if c else {}


def atom(factor: Factor, exponent: Any = 1, bound: Iterable[Ix] = ()) -> Poly:
    return {Mono(frozenset(bound), ((factor, rational(exponent)),)): 1}


def add(*polys: Mapping[Mono, Number]) -> Poly:
    out: Poly = {}
    for p in polys:
        accumulate(out, p, 1)
    return out


def accumulate(out: Poly, p: Mapping[Mono, Any], factor: Any) -> None:
    """out += factor · p, in place."""
    for m, c in p.items():
        total = out.get(m, 0) + c * factor
        if total:
            out[m] = rational(total)
        else:
            out.pop(m, None)


def scale(p: Poly, c: Any) -> Poly:
    return {m: rational(k * c) for m, k in p.items()} if c else {}


def lin(const: Any = 0, **terms: Any) -> Lin:
    return lin_of(const, terms)


def lin_of(const: Any, terms: Mapping[Any, Any]) -> Lin:
    return Lin(const, tuple(sorted(((s, c) for s, c in terms.items() if c), key=repr)))


def lin_add(a: Lin, b: Lin, factor: Any = 1) -> Lin:
    """a + factor · b."""
    terms = dict(a.terms)
    for s, c in b.terms:
        terms[s] = terms.get(s, 0) + factor * c
    return lin_of(a.const + factor * b.const, terms)


@lru_cache(maxsize=200_000)
def free(factor: Factor) -> frozenset[Ix]:
    """The indices a factor mentions that are not bound inside it."""
    out = set(map(base, factor.slots))
    for time in factor.times:
        out.update(s for s, _ in time.terms if isinstance(s, Ix))
    for lam in factor.nested:
        for mono, _ in lam.poly:
            out |= mono_free(mono) - set(lam.params)
    return frozenset(out)


@lru_cache(maxsize=200_000)
def mono_free(mono: Mono) -> frozenset[Ix]:
    inner = frozenset().union(*(free(f) for f, _ in mono.factors))
    return inner - mono.bound


@lru_cache(maxsize=200_000)
def height(factor: Factor) -> int:
    """Nesting depth; canonical bound indices carry it, so an inner name never captures."""
    heights = [mono_height(m) for lam in factor.nested for m, _ in lam.poly]
    return 1 + max(heights, default=0) if factor.nested else 0


def mono_height(mono: Mono) -> int:
    return max((height(f) for f, _ in mono.factors), default=0)


def rename_lin(time: Lin, names: Mapping[Any, Any]) -> Lin:
    if not any(s in names for s, _ in time.terms):
        return time
    out = Lin(time.const)
    for s, c in time.terms:
        value = names.get(s, s)
        value = value if isinstance(value, Lin) else Lin(0, ((value, 1),))
        out = lin_add(out, value, c)
    return out


def rename(factor: Factor, names: Mapping[Ix, Any]) -> Factor:
    """The factor with free indices renamed (a time index may become a linear form)."""
    mine = tuple(sorted(((i, names[i]) for i in free(factor) if i in names), key=repr))
    return _rename(factor, mine) if mine else factor


@metered
def _rename(factor: Factor, pairs: tuple[tuple[Ix, Any], ...]) -> Factor:
    from .canon import canonical_lam

    names = dict(pairs)
    slots = tuple(at(names, i) for i in factor.slots)
    if factor.kind == "delta":
        slots = tuple(sorted(slots, key=repr))
    return Factor(
        factor.kind,
        factor.name,
        tuple(rename_lin(time, names) for time in factor.times),
        slots,
        tuple(canonical_lam(lam.params, rename_poly(lam, names)) for lam in factor.nested),
    )


def rename_poly(lam: Lam, names: Mapping[Ix, Any]) -> Poly:
    inner = {i: n for i, n in names.items() if i not in lam.params}
    return renamed(lam.poly, inner)


def renamed(items: Iterable[tuple[Mono, Number]], names: Mapping[Ix, Any]) -> Poly:
    """Monomials with free indices renamed, contracted again where that made indices meet."""
    from .simplify import simplify

    out: Poly = {}
    for mono, c in items:
        m = rename_mono(mono, names)
        accumulate(out, simplify(m.bound, m.factors) if _meets(mono, names) else {m: 1}, c)
    return out


def _meets(mono: Mono, names: Mapping[Ix, Any]) -> bool:
    """Whether renaming can turn the monomial into one that `simplify` would rewrite."""
    mine = mono_free(mono)
    targets = {names.get(i, i) for i in mine}
    return (
        len(targets) < len(mine)
        or any(isinstance(i, Lin | Shifted) for i in targets)
        or any(f.kind == "delta" for f, _ in mono.factors)
    )


def at_times(q: Mapping[Mono, Number], names: Mapping[str, Lin]) -> Poly:
    """A polynomial about the times t, T, … said of other ones; ranges stay as they are."""
    held = {name: Ix("u", f"#{name}", TIME) for name in names}
    terms = {n: Lin(0, ((i, 1),)) for n, i in held.items()}

    def hold(f: Factor) -> Factor:
        if f.kind == "ge":
            return f
        nested = tuple(lam._replace(poly=tuple(map(of, lam.poly))) for lam in f.nested)
        return f._replace(times=tuple(rename_lin(x, terms) for x in f.times), nested=nested)

    def of(item: tuple[Mono, Number]) -> tuple[Mono, Number]:
        m, c = item
        return Mono(m.bound, tuple((hold(f), e) for f, e in m.factors)), c

    return renamed(map(of, q.items()), {held[n]: x for n, x in names.items()})


def rename_mono(mono: Mono, names: Mapping[Ix, Any]) -> Mono:
    """Rename free indices of the monomial, leaving its bound ones alone."""
    names = {i: n for i, n in names.items() if i not in mono.bound}
    return Mono(mono.bound, tuple((rename(f, names), e) for f, e in mono.factors))


def refreshed(mono: Mono) -> Mono:
    """The monomial with new names for its bound indices."""
    if not mono.bound:
        return mono
    names = {i: fresh(i.size) for i in sorted(mono.bound, key=repr)}
    return Mono(frozenset(names.values()), tuple((rename(f, names), e) for f, e in mono.factors))


def mul(p: Mapping[Mono, Number], q: Mapping[Mono, Number]) -> Poly:
    """The product, with bound indices kept apart, contracted by the rules of `simplify`."""
    from .simplify import simplify

    out: Poly = {}
    for (m, a), (n, b) in itertools.product(p.items(), q.items()):
        x, y = refreshed(m), refreshed(n)
        accumulate(out, simplify(x.bound | y.bound, x.factors + y.factors), a * b)
    return out


def bind(p: Mapping[Mono, Number], *indices: Ix) -> Poly:
    """Σ over the indices."""
    from .simplify import simplify

    return add(*(scale(simplify(m.bound | set(indices), m.factors), c) for m, c in p.items()))


def power(p: Poly, exponent: Number) -> Poly:
    """p ** exponent: expanded where it is a natural number, else one factor "pow".

    (c m)^(n + r) = cⁿ mⁿ (c m)^r for a single monomial, n whole; (c p)^−n = c^−n p^−n. A power
    that is not whole keeps the sign and the size of its base: √(x²) is not x.
    """
    from .canon import canonical_lam, leading
    from .exponentials import reciprocal
    from .simplify import simplify

    if exponent.denominator == 1 and exponent >= 0:
        out = constant(1)
        for _ in range(int(exponent)):
            out = mul(out, p)
        return out
    if not p and exponent > 0:
        return {}
    if (
        exponent.denominator == 1
        and (known := reciprocal(dict(canonical_lam((), p).poly), int(exponent))) is not None
    ):
        return known
    if len(p) == 1:
        (mono, c), *_ = p.items()
        whole = math.floor(exponent)
        if not mono.bound and exponent.denominator == 1:
            pairs = tuple((f, rational(e * exponent)) for f, e in mono.factors)
            return scale(simplify((), pairs), Fraction(c) ** whole)
        if not mono.bound and whole:
            return mul(power(p, whole), power(p, rational(exponent - whole)))
    lam = canonical_lam((), p)
    lead: Number = 1
    if exponent.denominator == 1 and lam.poly:
        lead = leading(lam)
        lam = canonical_lam((), scale(p, 1 / Fraction(lead)))
    return scale(atom(Factor("pow", "", (), (), (lam,)), exponent), Fraction(lead) ** int(exponent))
