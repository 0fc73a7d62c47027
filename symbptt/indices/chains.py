"""Ordered products of matrices: A^n and ∏_{j=lo}^{hi} J_j, the later factor on the left.

    J_{hi+1} ∏_{lo}^{hi} J_j = ∏_{lo}^{hi+1} J_j        ∏_{lo}^{hi} J_j = I for hi < lo
    ∏_{m+1}^{hi} J_j ∏_{lo}^{m} J_j = ∏_{lo}^{hi} J_j
    (∏_{j=lo}^{hi} J_j)ᵀ = ∏_{j=−hi}^{−lo} (J_{−j})ᵀ

A product takes up the factors beside it, as far as its range is known not to be negative.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from . import poly as p
from .canon import _text, canonical_lam
from .lower import delta
from .poly import Factor, Ix, Lam, Lin, Mono, Poly
from .ranges import Range, follows
from .reduce import Identity, used

KINDS = ("timeprod", "matpow")
LONGEST = 6  # a product of a known number of factors is written out up to here


def length(f: Factor) -> Lin:
    """How many factors the product has; none where it is negative."""
    if f.kind == "matpow":
        return f.times[0]
    return p.lin_add(p.lin_add(f.times[1], f.times[0], -1), Lin(1))


def rewritten(m: Mono, given: Range) -> Poly | None:
    """The monomial with one of its products in a plainer form, where the times are `given`."""
    for f, e in m.factors:
        if f.kind not in KINDS or e != 1:
            continue
        n = length(f)
        if follows(p.lin_add(Lin(0), n, -1), given):
            return _replaced(m, f, _identity(f))
        if not n.terms and n.const <= LONGEST:
            return _replaced(m, f, _written_out(f))
        if (plain := standard(f)) != f:
            return _replaced(m, f, p.atom(plain))
        if not follows(n, given):
            continue
        for g, _ in m.factors:
            if (joined := _joined(m, f, g, given)) is not None:
                return joined
        for identity in (_grown_left(f), _grown_right(f)):
            # A body that is a multiple of the identity is no factor to be found beside it.
            if len(identity.leading.factors) > 1:
                new = used(identity, m)
                if new is not None:
                    return new
    return None


def standard(f: Factor) -> Factor:
    """The form that a product, its transpose and a shift of its index all have."""
    if f.kind == "timeprod" and not any(_reads(f.nested[0])):
        _, *inner = f.nested[0].params
        lam = canonical_lam(tuple(inner), dict(f.nested[0].poly))
        f = Factor("matpow", "", (length(f),), f.slots, (lam,))
    return min((_shifted(f), _shifted(_turned(f))), key=lambda g: (_text(g.nested), _text(g.times)))


def _turned(f: Factor) -> Factor:
    """By the transposes of its factors, in the other order."""
    half = len(f.slots) // 2
    slots = (*f.slots[half:], *f.slots[:half])
    lam = f.nested[0]
    if f.kind == "matpow":
        turned = (*lam.params[half:], *lam.params[:half])
        return f._replace(slots=slots, nested=(canonical_lam(turned, dict(lam.poly)),))
    j, *inner = lam.params
    back = p.fresh(p.TIME)
    poly = p.renamed(lam.poly, {j: Lin(0, ((back, -1),))})
    turned = (back, *inner[half:], *inner[:half])
    times = tuple(p.lin_add(Lin(0), x, -1) for x in f.times[::-1])
    return f._replace(times=times, slots=slots, nested=(canonical_lam(turned, poly),))


def _shifted(f: Factor) -> Factor:
    """∏_{j=lo}^{hi} with the index moved so that the earliest time it reads is j itself."""
    if f.kind == "matpow":
        return f
    (lam,) = f.nested
    j, *inner = lam.params
    consts = [x.const for x in _reads(lam) if dict(x.terms)[j] == 1]
    if not consts or not min(consts):
        return f
    gap, there = min(consts), p.fresh(p.TIME)
    poly = p.renamed(lam.poly, {j: Lin(-gap, ((there, 1),))})
    times = tuple(p.lin_add(x, Lin(gap)) for x in f.times)
    return f._replace(times=times, nested=(canonical_lam((there, *inner), poly),))


def _reads(lam: Lam) -> Iterator[Lin]:
    """The times at which the body of a product over j reads anything, where they hold j."""
    index = lam.params[0]

    def of(poly: Iterable[tuple[Mono, Any]]) -> Iterator[Lin]:
        for m, _ in poly:
            for f, _ in m.factors:
                yield from (x for x in f.times if index in dict(x.terms))
                for inner in f.nested:
                    yield from of(inner.poly)

    return of(lam.poly)


def _replaced(m: Mono, f: Factor, value: Poly) -> Poly:
    rest = tuple(pair for pair in m.factors if pair[0] != f)
    product = p.mul({Mono(frozenset(), rest): 1}, value)
    return p.bind(product, *m.bound) if m.bound else product


def _identity(f: Factor) -> Poly:
    out, half = p.constant(1), len(f.slots) // 2
    for i, j in zip(f.slots[:half], f.slots[half:], strict=True):
        out = p.mul(out, delta(i, j))
    return out


def _written_out(f: Factor) -> Poly:
    half = len(f.slots) // 2
    count = length(f).const
    rows, out = f.slots[:half], p.constant(1)
    for n in range(count):
        last = n == count - 1
        columns = f.slots[half:] if last else _fresh(rows)
        at = () if f.kind == "matpow" else (p.lin_add(f.times[1], Lin(-n)),)
        out = p.mul(out, _body(f, at, (*rows, *columns)))
        if n:
            out = p.bind(out, *(i for i in rows if i != p.UNIT))
        rows = columns
    return out


def _fresh(slots: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(p.unit(p.fresh(i.size)) for i in slots)


def _body(f: Factor, at: tuple[Lin, ...], slots: tuple[Any, ...]) -> Poly:
    lam = f.nested[0]
    return p.renamed(lam.poly, dict(zip(lam.params, (*at, *slots), strict=True)))


def _grown_left(f: Factor) -> Identity:
    """J_{hi+1} ∏_{lo}^{hi} J = ∏_{lo}^{hi+1} J, for a product that is not of less than none."""
    half = len(f.slots) // 2
    out, inner, rest = _fresh(f.slots[:half]), _fresh(f.slots[:half]), f.slots[half:]
    at: tuple[Lin, ...] = ()
    times: tuple[Lin, ...]
    if f.kind == "matpow":
        times = (p.lin_add(f.times[0], Lin(1)),)
    else:
        next_ = p.lin_add(f.times[1], Lin(1))
        at, times = (next_,), (f.times[0], next_)
    product = p.mul(_body(f, at, (*out, *inner)), p.atom(f._replace(slots=(*inner, *rest))))
    left = p.bind(product, *(i for i in inner if i != p.UNIT))
    return Identity(left, p.atom(f._replace(times=times, slots=(*out, *rest))), _loose(out))


def _grown_right(f: Factor) -> Identity:
    """∏_{lo}^{hi} J J_{lo−1} = ∏_{lo−1}^{hi} J."""
    half = len(f.slots) // 2
    out, inner, rest = _fresh(f.slots[half:]), _fresh(f.slots[half:]), f.slots[:half]
    at: tuple[Lin, ...] = ()
    times: tuple[Lin, ...]
    if f.kind == "matpow":
        times = (p.lin_add(f.times[0], Lin(1)),)
    else:
        before = p.lin_add(f.times[0], Lin(-1))
        at, times = (before,), (before, f.times[1])
    product = p.mul(p.atom(f._replace(slots=(*rest, *inner))), _body(f, at, (*inner, *out)))
    left = p.bind(product, *(i for i in inner if i != p.UNIT))
    return Identity(left, p.atom(f._replace(times=times, slots=(*rest, *out))), _loose(out))


def _loose(slots: tuple[Any, ...]) -> frozenset[Ix]:
    return frozenset(i for i in slots if i != p.UNIT)


def _joined(m: Mono, f: Factor, g: Factor, given: Range) -> Poly | None:
    """∏_{m+1}^{hi} J ∏_{lo}^{m} J = ∏_{lo}^{hi} J, and A^m A^n = A^(m+n)."""
    half = len(f.slots) // 2
    inner = f.slots[half:]
    if g == f or g.kind != f.kind or g.nested != f.nested or g.slots[:half] != inner:
        return None
    others = [pair for pair in m.factors if pair[0] not in (f, g)]
    ends = {p.base(i) for i in (*f.slots[:half], *g.slots[half:])}
    summed = {i for i in inner if i != p.UNIT}
    if not summed <= m.bound or summed & ends or len(summed) < sum(i != p.UNIT for i in inner):
        return None
    if any(summed & p.free(h) for h, _ in others) or dict(m.factors)[g] != 1:
        return None
    if not follows(length(g), given):
        return None
    times: tuple[Lin, ...]
    if f.kind == "matpow":
        times = (p.lin_add(f.times[0], g.times[0]),)
    elif f.times[0] == p.lin_add(g.times[1], Lin(1)):
        times = (g.times[0], f.times[1])
    else:
        return None
    whole = p.atom(f._replace(times=times, slots=(*f.slots[:half], *g.slots[half:])))
    product = p.mul({Mono(frozenset(), tuple(others)): 1}, whole)
    return p.bind(product, *(m.bound - summed)) if m.bound - summed else product
