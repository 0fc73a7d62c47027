"""Letters that a text names for bounds, ‖W‖ ≤ β and ‖diag(φ')‖ ≤ γ, and what follows from them.

A letter of which nothing is said is the author's name for what it bounds. Of one that is said to
bound something, only that is known: β γ bounds a step Jacobian, γ alone does not.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from .. import surface as s
from ..forward.drafts import FUNCTIONS
from ..judge.judge import Judge
from ..judge.line import Line
from ..world import close
from .fates import is_weight_norm
from .jacobians import chain, is_spectral

WEIGHT, SLOPE, STEP, OTHER = "weight", "slope", "step", "other"
_BOUNDS = ("≤", "<")
_ORDERS = (*_BOUNDS, "≥", ">", "=", "≈", "≪", "≫", "≠")


@dataclass(frozen=True)
class Named:
    """One line's bound: what it is of, and the letters whose product it is."""

    line: Line
    of: tuple[str, ...]
    letters: frozenset[str]


def is_letter(judge: Judge, node: s.Node) -> bool:
    """λ: a letter of no time that is nothing of the model."""
    node = s.bare(node)
    if not isinstance(node, s.Symbol) or node.sup or not judge.is_free(node):
        return False
    q = judge.naming.parts(node)
    return q.time is None and not judge.quantities.means(q)


def product_of_letters(judge: Judge, node: s.Node) -> frozenset[str] | None:
    """The names of β γ, each of them once and nothing beside them."""
    node = s.bare(node)
    factors = list(map(s.bare, node.factors)) if isinstance(node, s.Product) else [node]
    if not all(is_letter(judge, x) for x in factors):
        return None
    names = [judge.naming.parts(x).name for x in factors if isinstance(x, s.Symbol)]
    return frozenset(names) if len(set(names)) == len(names) else None


def roles(judge: Judge, node: s.Node) -> tuple[str, ...]:
    """What a norm, or a product of norms, is of."""
    node = s.bare(node)
    factors = node.factors if isinstance(node, s.Product) else (node,)
    return tuple(sorted(_role(judge, s.bare(x)) for x in factors))


def _role(judge: Judge, node: s.Node) -> str:
    if not isinstance(node, s.Norm) or not is_spectral(node):
        return OTHER
    if is_weight_norm(judge, node):
        return WEIGHT
    if len(judge.system.model.states) == 1 and is_slope(judge, node.of):
        return SLOPE
    found = chain(judge, node.of)
    if found is None or found.is_loss or sympy.expand(found.end - found.start - 1) != 0:
        return OTHER
    return STEP if sympy.sympify(found.start).free_symbols else OTHER


def is_slope(judge: Judge, node: s.Node, timed: bool = True) -> bool:
    """diag(φ') is the slopes of any step; diag(φ'(a_j)) where D_j W or W D_j is the Jacobian of a
    step, which the small world shows; `timed`: whether the slopes of one step will do."""
    node = s.bare(node)
    if not isinstance(node, s.Apply) or node.head.letter != "diag" or len(node.arguments) != 1:
        return False
    inner = s.bare(node.arguments[0])
    times = {judge.naming.parts(x).time for x in s.symbols(inner)} - {None}
    if not times:
        bare = isinstance(inner, s.Symbol) and inner.primes == 1
        return bare or (timed and _is_of_the_state(judge, inner))
    free = set().union(*(sympy.sympify(x).free_symbols for x in times)) - {mx.T}
    if not timed or len(free) != 1:
        return False
    try:
        found = [_values(judge, node, next(iter(free)), at) for at in (1, 2)]
    except (SymbpttError, LookupError, ValueError, ArithmeticError):
        return False
    (state,) = judge.system.model.states
    world = judge.ground.world
    step = world.derivative((state.name, 2), (state.name, 1))
    weights = [x for (_, time), x in world.values.items() if time is None and x.shape == step.shape]
    found = [d for d in found if d.shape == step.shape]
    return any(close(product, step) for d in found for w in weights for product in (d @ w, w @ d))


def _is_of_the_state(judge: Judge, node: s.Node) -> bool:
    """φ'(a_j), where j alone is no step: the function of the state, at its argument."""
    if not isinstance(node, s.Apply) or node.primes != 1 or len(node.arguments) != 1:
        return False
    argument = s.bare(node.arguments[0])
    if not isinstance(argument, s.Symbol):
        return False
    q = judge.naming.parts(argument)
    (state,) = judge.system.model.states
    own = {state.name, judge.system.pre.get(state.name)}
    if len(q.components) != 1 or not judge.quantities.means(q):
        return False
    name = judge.quantities.find(q)
    return any(
        a.args[0].name == FUNCTIONS.get(node.head.letter, node.head.letter)
        and isinstance(a.args[1], mx.Var)
        and a.args[1].name == name
        for e in judge.system.model.equations
        if e.lhs.name in own
        for a in e.rhs.atoms(mx.Apply)
    )


def _values(judge: Judge, node: s.Node, time: Any, at: int) -> Any:
    value = judge.ground.meaning(judge.base(), {time: at, mx.t: at}).of(node)
    return np.asarray(value.data, float)


def named(judge: Judge, lines: Sequence[Line]) -> list[Named]:
    """The bounds these lines name."""
    out = []
    for line in lines:
        claim = line.claim
        if claim.relation not in _BOUNDS or claim.right is None:
            continue
        letters = product_of_letters(judge, claim.right)
        if letters:
            out.append(Named(line, roles(judge, claim.left), letters))
    return out


def spoken_of(judge: Judge, lines: Sequence[Line]) -> tuple[set[str], set[str]]:
    """The letters that lines compare with quantities of the model otherwise than as their bound,
    and those that they compare with numbers and letters alone."""
    known = {id(x.line) for x in named(judge, lines)}
    tied: set[str] = set()
    loose: set[str] = set()
    for line in lines:
        claim = line.claim
        if id(line) in known or claim.right is None or claim.relation not in _ORDERS:
            continue
        symbols = [x for side in (claim.left, claim.right) for x in s.symbols(side)]
        letters = {judge.naming.parts(x).name for x in symbols if is_letter(judge, x)}
        if all(is_letter(judge, x) for x in symbols):
            loose |= letters
        elif not any(_is_power(n) for n in s.walk(claim.right)):
            tied |= letters
    return tied, loose


def _is_power(node: s.Node) -> bool:
    """(β γ)^{t−k}, η^{t−k}: the bound of many steps, which says nothing of the letters."""
    return isinstance(node, s.Power) or (isinstance(node, s.Symbol) and bool(node.sup))


def covers(judge: Judge, letters: frozenset[str], lines: Sequence[Line]) -> Iterator[Counter[str]]:
    """What the known ones among some letters bound together, by the bounds that lines name."""
    facts = [x for x in named(judge, lines) if x.letters <= letters]
    known = letters & frozenset().union(*(x.letters for x in named(judge, lines)))
    for count in range(len(facts) + 1):
        for some in itertools.combinations(facts, count):
            if Counter(n for x in some for n in x.letters) == Counter(known):
                yield Counter(role for x in some for role in x.of)


def fresh(judge: Judge, letters: frozenset[str], lines: Sequence[Line]) -> frozenset[str]:
    """The letters of which these lines name no bound."""
    return letters - frozenset().union(*(x.letters for x in named(judge, lines)))
