"""The arithmetic of tensors in index notation: data is a function from slots to a polynomial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from ...indices import poly as p
from ...indices.canon import canonical_lam
from ...indices.lower import Bound, Slots, linear, scalar_poly, shifted
from ...indices.lower import delta as delta_poly
from ...indices.lower import softmax as softmax_poly
from ...indices.poly import Factor, Poly, fresh
from ...matrix.functions import Z
from ..world import TOTAL
from .tensor import Entries, MisfitError, Tensor, sized


class Letters:
    """The arithmetic of index notation: data is a function from slots to a polynomial."""

    def __init__(self, model: Any):
        self.model = model

    def size(self, n: Any) -> Any:
        return n

    def number(self, value: Any) -> Tensor:
        q = sympy.sympify(value)

        def entries(slots: Slots, bound: Bound) -> Poly:
            if q.free_symbols & set(bound):
                raise SymbpttError("a summed time stands as a number")
            return scalar_poly(q, {})

        return Tensor(sized(entries, ()), (), 0)

    def var(self, name: str, time: Any) -> Entries:
        if any(d.name == name and not d.shape for d in self.model.hypers):
            return lambda slots, bound: scalar_poly(mx.size(name), {})

        def entries(slots: Slots, bound: Bound) -> Poly:
            times = () if time is None else (linear(time, bound),)
            return p.atom(Factor("var", name, times, slots))

        return entries

    def onehot(self, name: str, time: Any, classes: Any) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            times = () if time is None else (linear(time, bound),)
            return p.atom(Factor("onehot", name, times, slots))

        return entries

    def derivative(self, of: Any, by: Any, kind: str = TOTAL, copy: Any = None) -> Entries:
        (u, s), (v, r) = of, by
        name = (kind, u, v, s is not None, r is not None, copy is not None)

        def entries(slots: Slots, bound: Bound) -> Poly:
            times = tuple(linear(x, bound) for x in (s, r, copy) if x is not None)
            return p.atom(Factor("var", name, times, slots))

        return entries

    def combine(self, spec: str, a: Entries, b: Entries) -> Entries:
        left, out = spec.split("->")
        la, lb = left.split(",")

        def entries(slots: Slots, bound: Bound) -> Poly:
            names = dict(zip(out, slots, strict=True))
            summed = [c for c in dict.fromkeys(la + lb) if c not in names]
            sizes = dict(zip(la, a.sizes, strict=True)) | dict(zip(lb, b.sizes, strict=True))  # type: ignore[attr-defined]
            inner = {c: fresh(str(sizes[c])) for c in summed}
            every = {**names, **inner}
            x = a(tuple(every[c] for c in la), bound)
            y = b(tuple(every[c] for c in lb), bound)
            product = p.mul(x, y)
            return p.bind(product, *inner.values()) if inner else product

        return entries

    def permute(self, spec: str, a: Entries) -> Entries:
        inner, out = spec.split("->")

        def entries(slots: Slots, bound: Bound) -> Poly:
            names = dict(zip(out, slots, strict=True))
            return a(tuple(names[c] for c in inner), bound)

        return entries

    def eye(self, n: Any) -> Entries:
        return lambda slots, bound: delta_poly(*slots)

    def add(self, a: Entries, b: Entries, sign: int) -> Entries:
        return lambda slots, bound: p.add(a(slots, bound), p.scale(b(slots, bound), sign))

    def fill(self, a: Entries, shape: Any) -> Entries:
        return lambda slots, bound: a((), bound)

    def apply(self, body: Any, a: Entries) -> Entries:
        return lambda slots, bound: scalar_poly(body, {Z: a(slots, bound)})

    def softmax(self, a: Entries, rank: int) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            row = fresh(slots[-1].size)
            return softmax_poly(a((*slots[:-1], row), bound), row, slots[-1])

        return entries

    def power(self, a: Entries, exponent: Any) -> Entries:
        q = sympy.Rational(exponent)
        return lambda slots, bound: p.power(a(slots, bound), Fraction(int(q.p), int(q.q)))

    def reduce(self, a: Entries, axis: int, rank: int, size: Any = None) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            index = fresh(str(size))
            full = (*slots[:axis], index, *slots[axis:])
            return p.bind(a(full, bound), index)

        return entries

    def spread(self, a: Entries, old: Any, new: Any) -> Entries:
        """x[0, j] wherever x has an axis of length 1 and the new shape a longer one."""

        def entries(slots: Slots, bound: Bound) -> Poly:
            aligned = slots[len(slots) - len(old) :] if old else ()
            return a(
                tuple(p.UNIT if n == 1 else i for n, i in zip(old, aligned, strict=True)), bound
            )

        return entries

    def expand(self, a: Entries, axes: list[int]) -> Entries:
        return lambda slots, bound: a(tuple(i for n, i in enumerate(slots) if n not in axes), bound)

    def beside(self, parts: list[Entries], sizes: list[Any]) -> Entries:
        """Σ over the parts of Σ_i [k = i + lo] part[i]: k is in one of them."""

        def entries(slots: Slots, bound: Bound) -> Poly:
            out: Poly = {}
            lo: Any = sympy.Integer(0)
            for x, n in zip(parts, sizes, strict=True):
                i = fresh(str(n))
                chosen = delta_poly(slots[-1], p.Shifted(i, p.extent(str(lo))))
                out = p.add(out, p.bind(p.mul(chosen, x((*slots[:-1], i), bound)), i))
                lo = lo + n
            return out

        return entries

    def block(self, a: Entries, first: Any, size: Any) -> Entries:
        return lambda slots, bound: a(
            (*slots[:-1], shifted(slots[-1], p.extent(str(first)))), bound
        )

    def same_index(self, i: str, j: str, size: Any) -> Entries:
        return lambda slots, bound: delta_poly(
            *(p.Ix("f", f"#{name}", str(size)) for name in (i, j))
        )

    def same_time(self, a: Any, b: Any) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            gap = p.lin_add(linear(a, bound), linear(b, bound), -1)
            ends = (Factor("ge", "", (p.lin_add(p.Lin(0), gap, c),)) for c in (1, -1))
            return p.mul(*(p.atom(x) for x in ends))

        return sized(entries, ())

    def any_array(self, name: str, shape: Any) -> Entries:
        return lambda slots, bound: p.atom(Factor("var", f"any {name}", (), slots))

    def slope_of_call(self, name: str, n: int, args: list[Tensor], shape: Any) -> Entries:
        """∂f/∂(its n-th argument), f a function of whole arrays of which nothing is known."""

        def entries(slots: Slots, bound: Bound) -> Poly:
            lams = []
            for x in args:
                inner = tuple(fresh(str(k)) for k in x.shape)
                lams.append(canonical_lam(inner, x.data(inner, bound)))
            return p.atom(Factor("call", (name, (n,)), (), slots, tuple(lams)))

        return entries

    def sum(self, k: Any, lo: Any, hi: Any, body: Callable[[], Tensor]) -> Tensor:
        inside = body()

        def entries(slots: Slots, bound: Bound) -> Poly:
            index = fresh(p.TIME)
            here = p.Lin(0, ((index, 1),))
            low, high = linear(lo, bound), linear(hi, bound)
            if not low.terms and not high.terms:  # Σ_{k=0}^3, written out
                body = inside.data(slots, {**bound, k: index}).items()
                steps = range(low.const, high.const + 1)
                return p.add({}, *(p.renamed(body, {index: p.Lin(n)}) for n in steps))
            floor = Factor("ge", "", (p.lin_add(here, low, -1),))
            ceiling = Factor("ge", "", (p.lin_add(high, here, -1),))
            limits = p.mul(p.atom(floor), p.atom(ceiling))
            return p.bind(p.mul(limits, inside.data(slots, {**bound, k: index})), index)

        return replace(inside, data=sized(entries, inside.shape))

    def prod(self, k: Any, lo: Any, hi: Any, body: Callable[[], Tensor], down: bool) -> Tensor:
        inside = body()
        if inside.rank % 2 or inside.left * 2 != inside.rank:
            raise MisfitError("a product of vectors")
        half = inside.rank // 2

        def entries(slots: Slots, bound: Bound) -> Poly:
            index, inner = fresh(p.TIME), tuple(fresh(s.size) for s in slots)
            poly = inside.data(inner, {**bound, k: index})
            params, outer = inner, slots
            if not down:  # A_1 A_2 … is the transpose of … A_2ᵀ A_1ᵀ
                params = (*inner[half:], *inner[:half])
                outer = (*slots[half:], *slots[:half])
            lam = canonical_lam((index, *params), poly)
            limits = (linear(lo, bound), linear(hi, bound))
            return p.atom(Factor("timeprod", "", limits, outer, (lam,)))

        return replace(inside, data=sized(entries, inside.shape))

    def matpow(self, a: Entries, n: Any) -> Entries:
        def entries(slots: Slots, bound: Bound) -> Poly:
            i, j = (fresh(s.size) for s in slots)
            lam = canonical_lam((i, j), a((i, j), bound))
            return p.atom(Factor("matpow", "", (linear(n, bound),), slots, (lam,)))

        return entries
