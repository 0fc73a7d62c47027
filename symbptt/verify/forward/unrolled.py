r"""A forward pass that is written out step by step, as the one equation all its lines are.

s_1 = f(U x_1 + W s_0),  s_2 = f(U x_2 + W s_1)      s_t = f(U x_t + W s_{t−1})
s_1 = f(U x_1),          s_2 = f(U x_2 + W s_1)      the same, with s_0 = 0

A number that grows by one from line to line is a step; one that stays is part of a name. Where a
weight grows as well, h_2 = f(W_2 h_1), the lines are layers and stay as they are. A run from
step 0 is counted from 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

from .. import surface as s
from .claims import defines, is_forward
from .drafts import LOSSES

Key = tuple[str, tuple[str, ...]]  # a letter and its marks


def rolled(claims: list[s.Claim]) -> list[s.Claim]:
    """The claims with every line of a written-out run as the equation of step t."""
    runs = list(_runs(claims))
    moved: set[Key] = set()
    for run in runs:
        moved |= run.moved
    if not runs or any(_running(c, moved) for c in claims):
        return claims
    first = min(min(run.lines) for run in runs)
    if first == 0:
        claims = [s.changed(c, lambda x: _later(x, moved, 1)) for c in claims]
    out = list(claims)
    for run in runs:
        last = max(run.lines)
        said = claims[run.lines[last]]
        step = last + (first == 0)
        for k, n in run.lines.items():
            if k == min(run.lines) and run.from_zero:
                letter, marks = _key(run.left)
                zero = s.Symbol(letter, (s.Index("0", "_", (), 0),), (), marks)
                out[n] = replace(claims[n], left=zero, right=s.Number("0"))
            else:
                left, right = (_later(x, moved, -step, "t") for x in (said.left, said.right))  # type: ignore[arg-type]
                out[n] = replace(claims[n], left=left, right=right)
    return [_summed(c, moved) for c in out]


def _summed(claim: s.Claim, moved: set[Key]) -> s.Claim:
    """L = ½ (y_1 − d_1)² + ½ (y_2 − d_2)² as the sum over the steps of what its terms are."""
    left, right = s.bare(claim.left), s.bare(claim.right or claim.left)
    if not (isinstance(left, s.Symbol) and left.letter in LOSSES and not left.indices):
        return claim
    if not isinstance(right, s.Sum) or set(right.signs) != {"+"} or claim.continued:
        return claim
    mine = set(moved)
    if not all(_same(a, b, mine) for a, b in itertools.pairwise(right.terms)):
        return claim
    numbers = {_number(x) for x in s.symbols(right.terms[0]) if _moves(x, mine)}
    if numbers != {1} or isinstance(s.bare(right.terms[0]), s.Symbol):
        return claim
    bound = s.Bound(s.Symbol("t"), s.Number("1"), s.Number(str(len(right.terms))))
    body = _later(right.terms[0], mine, -1, "t")
    return replace(claim, right=s.Big("sum", (bound,), body))


@dataclass
class _Run:
    """The lines of one letter: the claim of each step, and what moves along with it."""

    left: s.Symbol
    lines: dict[int, int]
    moved: set[Key]
    from_zero: bool  # whether the first line leaves out the state before it


def _runs(claims: list[s.Claim]) -> Iterator[_Run]:
    found: dict[Key, dict[int, int]] = {}
    for n, c in enumerate(claims):
        left = s.bare(c.left)
        if isinstance(left, s.Symbol) and (k := _number(left)) is not None and defines(c):
            found.setdefault(_key(left), {}).setdefault(k, n)
    for key, lines in found.items():
        first, last = min(lines), max(lines)
        if len(lines) < 2 or sorted(lines) != list(range(first, last + 1)):
            continue
        rights = [claims[lines[k]].right for k in range(first, last + 1)]
        moved = {key}
        alike = [_same(a, b, moved) for a, b in itertools.pairwise(rights)]
        from_zero = not alike[0] and len(alike) > 1 and _without(rights[0], rights[1], key)
        if not all(alike[from_zero:]) or not _shares_weights(rights[-1], moved, set(found)):
            continue
        left = s.bare(claims[lines[last]].left)
        assert isinstance(left, s.Symbol)
        yield _Run(left, lines, moved, from_zero)


def _key(x: s.Symbol) -> Key:
    return x.letter, x.marks


def _number(x: s.Symbol) -> int | None:
    """2 of s_2, s^{(2)} and s[2]."""
    (i,) = x.indices if len(x.indices) == 1 else (None,)
    return i.shift if i is not None and i.terms == () and not i.inner and not x.primes else None


def _same(a: s.Node | None, b: s.Node | None, moved: set[Key]) -> bool:
    """Whether b is a one step later; what moves is added to `moved`."""
    a, b = (s.bare(x) if x is not None else None for x in (a, b))
    if a is None or b is None or type(a) is not type(b):
        return False
    if isinstance(a, s.Symbol) and isinstance(b, s.Symbol):
        m, n = _number(a), _number(b)
        if m is not None and n is not None and n == m + 1:
            moved.add(_key(a))
            return _key(a) == _key(b)
        return a == b and _key(a) not in moved
    for f in fields(a):
        x, y = getattr(a, f.name), getattr(b, f.name)
        if isinstance(x, s.Node):
            if not _same(x, y, moved):
                return False
        elif isinstance(x, tuple) and x and isinstance(x[0], s.Node):
            if len(x) != len(y) or not all(_same(p, q, moved) for p, q in zip(x, y, strict=True)):
                return False
        elif f.name not in ("start", "end") and x != y:
            return False
    return True


def _without(first: s.Node | None, second: s.Node | None, key: Key) -> bool:
    """Whether the first line is the second, a step earlier, without what reads the state."""

    def change(node: s.Node) -> s.Node:
        node = s.rebuild(node, change)
        if not isinstance(node, s.Sum):
            return node
        kept = [
            (sign, x)
            for sign, x in zip(node.signs, node.terms, strict=True)
            if not any(_key(y) == key for y in s.symbols(x))
        ]
        if len(kept) == len(node.terms) or not kept:
            return node
        if len(kept) == 1 and kept[0][0] == "+":
            return kept[0][1]
        return replace(node, signs=tuple(g for g, _ in kept), terms=tuple(x for _, x in kept))

    return second is not None and _same(first, change(second), {key})


def _shares_weights(right: s.Node | None, moved: set[Key], families: set[Key]) -> bool:
    """Whether no product has two factors that move, and nothing but a state moves alone."""
    if right is None:
        return False
    for n in s.walk(right):
        if isinstance(n, s.Product):
            moving = [x for x in map(s.bare, n.factors) if _moves(x, moved)]
            if len(moving) > 1 and not {_key(x) for x in moving} <= families:  # type: ignore[arg-type]
                return False
        if isinstance(n, s.Sum):
            alone = {_key(x) for x in map(s.bare, n.terms) if _moves(x, moved)}  # type: ignore[arg-type]
            if not alone <= families:
                return False
    return True


def _moves(x: s.Node, moved: set[Key]) -> bool:
    return isinstance(x, s.Symbol) and _key(x) in moved and _number(x) is not None


def _running(c: s.Claim, moved: set[Key]) -> bool:
    """Whether a letter of the run is defined for step t as well."""
    left = s.bare(c.left)
    if not isinstance(left, s.Symbol) or _key(left) not in moved or not is_forward(c):
        return False
    return any(i.names for i in left.indices)


def _later(node: s.Node, moved: set[Key], by: int, of: str = "") -> s.Node:
    """The tree with the numbers of what moves grown, and said of step t where that is asked."""
    node = s.rebuild(node, lambda x: _later(x, moved, by, of))
    if not isinstance(node, s.Symbol) or not _moves(node, moved):
        return node

    def index(i: s.Index) -> s.Index:
        n = i.shift + by
        text = of + (f"{n:+d}" if n else "") if of else str(n)
        return replace(i, text=text, terms=((of, 1),) if of else (), shift=n)

    return replace(node, sub=tuple(map(index, node.sub)), sup=tuple(map(index, node.sup)))
