"""The decision: a and b are equal for every size exactly when the normal form of a − b is 0."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from .. import matrix as mx
from ..errors import ShapeError
from . import poly as p
from .canon import canonical
from .cells import hides, in_cells
from .differentiate import differentiate
from .lower import Slots, free_slots, lower
from .poly import Factor, Ix, Lin, Mono, Number, Poly
from .quotients import opened
from .split import places, split
from .value import nonzero
from .witness import Witness, witness


@dataclass(frozen=True)
class Answer:
    """The answer of `same`: equal (proved), different (with a witness), or undecided.

    Truthy when equal. `residual` is the normal form of a − b. `sides` are the two expressions,
    None where polynomials were compared: a witness is then of a − b against 0.
    """

    ok: bool
    residual: Poly
    sides: tuple[mx.Node, mx.Node] | None = None

    def __bool__(self) -> bool:
        return self.ok

    def witness(self) -> Witness | None:
        """Sizes and entries at which the sides differ; None where none is known."""
        return self._witness

    @cached_property
    def _witness(self) -> Witness | None:
        if self.ok:
            return None
        if self.sides is not None:
            return witness(*self.sides)
        return _residual_witness(self.residual)

    @property
    def different(self) -> bool:
        """Whether numbers tell the sides apart; no normal form says so by itself."""
        return self._witness is not None

    @property
    def undecided(self) -> bool:
        return not self.ok and not self.different

    @property
    def verdict(self) -> str:
        return "equal" if self.ok else "different" if self.different else "undecided"

    @property
    def reason(self) -> str:
        """What the verdict rests on, in words."""
        if self.ok:
            return "one normal form, for every size"
        if self.different:
            return str(self._witness)
        return (
            "the normal forms differ, and no numbers tried tell the sides apart; "
            "what is left of a − b: " + show_poly(self.residual)
        )


def _residual_witness(q: Poly) -> Witness | None:
    found = nonzero(q)
    if found is None:
        return None
    point, at, left = found
    times = {n: v for n, v in point.numbers.items() if n in ("t", "T")}
    sizes = {n: v for n, v in point.numbers.items() if n not in times}
    return Witness(sizes, times, dict(point.shown), tuple(at.values()), left, 0)


def normal(expr: mx.Node) -> Poly:
    """The normal form of the general entry expr[i, j, …]."""
    return canonical(lower(expr))


def same(a: Any, b: Any) -> Answer:
    """Whether a = b for every size, every entry, and every T.

    It decides, and calls equal, what follows from: sums, products, transposes, traces, diag and
    blocks of matrices of any size; one-hot rows; elementwise functions as unknowns of which
    tanh, sin are odd, cos is even, sin² + cos² = 1, step² = step; exp with log, σ, softplus and
    softmax (`exponentials`); sums over time under shifted, reversed, renamed or exchanged bounds,
    and ranges cut in any way (`cells`); A^n A and products over time (`chains`); quotients, also
    under a sum, and indicators in arguments (`quotients`). T ≥ 1, and t is one of 1, …, T; any
    other time is any whole number, so A^k A is not A^(k+1) for a free k. It does not know: an
    axis D + H cut at D on one side and at H on the other, two quotients under one sum over two
    axes of one size. Everything it calls equal is proved; where the normal forms differ and the
    numbers tried do not tell the sides apart, the answer is undecided, and not a refutation.

    Raises ShapeError when the shapes already differ, which is an answer of its own kind.
    """
    a, b = mx.as_node(a), mx.as_node(b)
    if a.shape != b.shape:
        raise ShapeError(f"the sides have shapes {a.shape} and {b.shape}")
    return replace(same_poly(lower(a), lower(b)), sides=(a, b))


def same_poly(a: Mapping[Mono, Number], b: Mapping[Mono, Number]) -> Answer:
    residual = canonical(p.add(a, p.scale(dict(b), -1)))
    ok = vanishes(residual)
    if not ok and (cuts := places(residual)):
        ok = vanishes(canonical(split(residual, cuts)))
    return Answer(ok, {} if ok else residual)


def vanishes(q: Poly) -> bool:
    """Whether a canonical polynomial is zero: by clearing the denominators it shares, then, where
    a few numbers do not say no, with its ranges in cells and its sums read summand by summand.

    Multiplying by a denominator whose indices are all free (or absent) loses nothing: it is
    one number per entry, and not zero where the expression has a value.
    """
    if not q:
        return True
    for f in {f for m in q for f, e in m.factors if f.kind == "pow" and e < 0}:
        if any(i.tag != "f" for i in p.free(f)):
            continue
        depth = max(-e for m in q for g, e in m.factors if g == f)
        cleared = canonical(p.mul(q, p.atom(f, depth)))
        if not any(g == f for m in cleared for g, _ in m.factors):
            return vanishes(cleared)
    if not hides(q) or nonzero(q, tries=3) is not None:
        return False
    plain = in_cells(q)
    if not plain or (found := opened(plain)) is None:
        return not plain
    inside, rest = found
    return vanishes(canonical(inside)) and vanishes(canonical(rest))


def jacobian(expr: mx.Node, var: mx.Var, slots: Slots | None = None) -> Poly:
    """∂expr[i…]/∂var[j…] as a polynomial whose free indices are those of expr, then of var."""
    n = expr.rank
    all_slots = free_slots(expr.shape + var.shape) if slots is None else slots
    return differentiate(lower(expr, all_slots[:n]), var, all_slots[n:])


def show_poly(q: Poly) -> str:
    """Index notation as people write it: Σ over a repeated index is not written."""
    if not q:
        return "0"
    terms = []
    for m, c in sorted(q.items(), key=lambda mc: repr(mc[0])):
        body = " ".join(_show_factor(f, e) for f, e in m.factors)
        sign = "- " if c < 0 else "+ "
        terms.append(sign + " ".join(x for x in (str(abs(c)) if abs(c) != 1 else "", body) if x))
    text = " ".join(terms)
    return text[2:] if text.startswith("+ ") else text


def _show_factor(f: Factor, e: Number) -> str:
    times = "".join(f"[{_show_lin(x)}]" for x in f.times)
    slots = f"[{','.join(map(_show_ix, f.slots))}]" if f.slots else ""
    inner = "(" + ", ".join(show_poly(dict(lam.poly)) for lam in f.nested) + ")"
    name = f.name
    if isinstance(name, tuple):
        name = f"{name[0]}{name[1]}/{name[0]}{name[2]}" if f.kind == "var" else str(name[0])
    text = {
        "delta": slots.replace(",", "="),
        "ge": f"[{_show_lin(f.times[0])} ≥ 0]" if f.times else "",
        "pow": inner,
    }.get(f.kind, f"{name or f.kind}{times}{inner if f.nested else ''}{slots}")
    return text if e == 1 else f"{text}^{e}" if e.denominator == 1 else f"{text}^({e})"


def _show_ix(i: Any) -> str:
    if isinstance(i, p.Shifted):
        return f"{_show_ix(i.base)}+{_show_lin(i.lo)}"
    if i.tag == "f":
        return "ijklmnpq"[i.num] if isinstance(i.num, int) else str(i.num)
    return f"{i.tag[0]}{i.num}"


def _show_lin(x: Lin) -> str:
    parts = []
    for s, c in x.terms:
        name = _show_ix(s) if isinstance(s, Ix) else str(s)
        parts.append(("+" if c > 0 else "-") + (name if abs(c) == 1 else f"{abs(c)}{name}"))
    if x.const or not parts:
        parts.append(f"{x.const:+d}")
    return "".join(parts).removeprefix("+")
