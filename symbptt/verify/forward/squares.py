"""A squared error as a text writes it, and the number of samples it is divided by."""

from __future__ import annotations

from typing import Any

import sympy

from .. import surface as s
from ..naming import Naming
from .assembly import Assembly
from .drafts import LOSSES

_COUNTS = frozenset("mNBMn")  # of the samples of a batch


def count(a: Assembly) -> str:
    """m of J = 1/m Σ …."""
    for claim in a.claims:
        left = s.bare(claim.left)
        if isinstance(left, s.Symbol) and left.letter in LOSSES and claim.right is not None:
            for n in s.walk(claim.right):
                below = s.bare(n.below) if isinstance(n, s.Quotient) else None
                factors = below.factors if isinstance(below, s.Product) else (below,)
                for x in (s.bare(f) for f in factors if f is not None):
                    if _is_count(x) and x.letter != a.naming.horizon:  # type: ignore[attr-defined]
                        return x.letter  # type: ignore[attr-defined]
    return ""


def _is_count(node: s.Node) -> bool:
    return isinstance(node, s.Symbol) and node.letter in _COUNTS and not node.indices


def squared_error(a: Assembly) -> tuple[Any, str] | None:
    """(c, the label) of a stated loss c ‖output − label‖², of one step or under the sum over t."""
    for claim in a.claims:
        left = s.bare(claim.left)
        if not (isinstance(left, s.Symbol) and left.letter in LOSSES and claim.right is not None):
            continue
        found = _factored(s.bare(claim.right), a.naming.main)
        gap = squared(found[1]) if found is not None else None
        if isinstance(gap, s.Symbol):
            gap = a.b.gaps.get(a.naming.parts(gap).name)
        if found is None or not isinstance(gap, s.Sum) or set(gap.signs) != {"+", "-"}:
            continue
        sides = [_whole(x) for x in gap.terms]
        if len(sides) != 2 or not all(isinstance(x, s.Symbol) for x in sides):
            continue
        names = [a.naming.parts(x).name for x in sides if isinstance(x, s.Symbol)]
        known = {*a.b.defined, *a.b.inputs, *a.b.params}
        goal = next((n for n in names if n != a.output and n not in known), "")
        if a.output in names and goal:
            return found[0], goal
    return None


def gap_names(node: s.Node, naming: Naming) -> frozenset[str]:
    """The names of the two sides of d − y; none of anything else."""
    node = s.bare(node)
    if not isinstance(node, s.Sum) or sorted(node.signs) != ["+", "-"]:
        return frozenset()
    sides = [s.bare(x) for x in node.terms]
    return frozenset(naming.parts(x).name for x in sides if isinstance(x, s.Symbol))


def errors(claims: list[s.Claim], naming: Naming) -> dict[str, s.Node]:
    """e of e_t = d_t − y_t, where the stated loss squares e or that difference."""
    inside = []
    for c in claims:
        left = s.bare(c.left)
        if isinstance(left, s.Symbol) and left.letter in LOSSES and c.right is not None:
            inside += [x for n in s.walk(c.right) if (x := squared(n)) is not None]
    out: dict[str, s.Node] = {}
    for c in claims:
        left = s.bare(c.left)
        if not isinstance(left, s.Symbol) or c.right is None or c.relation not in ("=", ":="):
            continue
        names, name = gap_names(c.right, naming), naming.parts(left).name
        if len(names) == 2 and any(
            gap_names(x, naming) == names
            or (isinstance(x, s.Symbol) and naming.parts(x).name == name)
            for x in inside
        ):
            out[name] = s.bare(c.right)
    return out


def _factored(node: s.Node, t: str) -> tuple[Any, s.Node] | None:
    """c Σ_t body as (c, body): numbers pulled out, the sum over t and 1/T dropped; and Σ_i of the
    squares of entries as the square."""
    if isinstance(node, s.Big) and node.operator == "sum" and len(node.bounds) == 1:
        found = _factored(s.bare(node.body), t)
        letter = node.bounds[0].variable.letter
        if letter == t or found is None:
            return found
        below = {i.text for x in s.symbols(found[1]) for i in x.indices}
        below |= {x.letter for n in s.walk(found[1]) if isinstance(n, s.Entry) for x in n.items
                  if isinstance(x, s.Symbol)}  # fmt: skip
        return found if letter in below and squared(found[1]) is not None else None
    if isinstance(node, s.Product):
        out, rest = s.coefficient(node, _number)
        if len(rest) == 2:
            return out, s.Product((rest[0], rest[1]), ("",))
        found = _factored(rest[0], t) if len(rest) == 1 else None
        return None if found is None else (out * found[0], found[1])
    if isinstance(node, s.Quotient) and (below := _number(s.bare(node.below))) is not None:
        found = _factored(s.bare(node.above), t)
        return None if found is None else (found[0] / below, found[1])
    return sympy.Integer(1), node


def _whole(node: s.Node) -> s.Node:
    """z_t of (z_t)_i: the array of which an entry is squared."""
    inner = s.bare(node)
    return s.bare(inner.of) if isinstance(inner, s.Entry) else inner


def _number(node: s.Node) -> Any:
    """The value of a number; 1 for 1/T, which `loss_over` reads."""
    if isinstance(node, s.Number):
        return sympy.Rational(node.text)
    if isinstance(node, s.Quotient):
        below = s.bare(node.below)
        factors = [s.bare(x) for x in (below.factors if isinstance(below, s.Product) else (below,))]
        kept = [x for x in factors if not (_is_count(x) or x == s.Symbol("T"))]
        above, under = _number(s.bare(node.above)), sympy.Integer(1)
        for x in kept:
            value = _number(x)
            under = None if under is None or value is None else under * value
        return None if above is None or under is None else above / under
    return None


def squared(node: s.Node) -> s.Node | None:
    """x of ‖x‖², |x|², (x)², xᵀ x."""
    if isinstance(node, s.Power) and s.bare(node.exponent) == s.Number("2"):
        base = s.bare(node.base)
        euclidean = isinstance(base, s.Norm) and base.order in (None, s.Number("2"))
        return s.bare(base.of) if isinstance(base, s.Norm) and euclidean else base
    if isinstance(node, s.Product) and len(node.factors) == 2:
        first, second = map(s.bare, node.factors)
        if (isinstance(first, s.Power) and "transpose" in first.may_be) or isinstance(
            first, s.Transpose
        ):
            return second if s.bare(first.base) == second else None
    return None
