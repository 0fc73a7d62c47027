"""Bounds on the norm of a product of n step Jacobians: ‖∂h_t/∂h_k‖ ≤ (γ σ)ⁿ, n = t − k.

‖A B‖ ≤ ‖A‖ ‖B‖ and J_j = diag(φ'(a_j)) W give the bound, if its base bounds one ‖J_j‖: letters
that the author names for it, or ‖W‖ with a slope of at most 1 or a norm for the slope. What a
loss differentiates keeps its own norm: ‖∂L_t/∂h_k‖ ≤ ‖∂L_t/∂h_t‖ (γ σ)ⁿ. Anything else stays
undecided here.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import sympy

from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, PROVED, REFUTED, Line
from ..judge.readings import Condition
from ..meaning.choice import UnknownError
from ..meaning.sums import limits
from ..meaning.times import time_value
from .fates import FLAT, constant_fits, is_weight_norm, steepest
from .jacobians import Chain, chain, is_spectral
from .named_bounds import SLOPE, STEP, WEIGHT, covers, fresh, is_letter, is_slope, spoken_of

STRICT = Condition("M28", "there is a step between, and the bound of one is nowhere reached")


@dataclass
class _Right:
    """The factors of a bound: what is raised, how often, and the norm of the loss's gradient."""

    base: list[s.Node] = field(default_factory=list)
    counts: list[Any] = field(default_factory=list)
    upstream: Chain | None = None


def bound(judge: Judge, line: Line) -> bool:
    """Whether the line is such a claim; it has its verdict then."""
    left, claim = s.bare(line.claim.left), line.claim
    whole = chain(judge, left.of) if isinstance(left, s.Norm) else None
    right = _read(judge, claim.right) if claim.right is not None else None
    if whole is None or right is None or claim.right is None:
        return False
    between = _between(judge, whole, right.upstream)
    under = _bounds_a_step(judge, right.base, line)
    if between is None or under is None or not _all_spectral(line):
        return False
    if any(sympy.expand(between - n) != 0 for n in right.counts):
        line.verdict, line.codes = REFUTED, ["M13"]
        count = right.counts[0]
        line.message = f"there are {sympy.expand(between)} Jacobians between the two, not {count}"
        return True
    fits = constant_fits(judge, claim.right, between)
    if fits is False:
        return False
    line.verdict, line.how = PROVED, "norm"
    conditions = [x for x in under if x is not FLAT or fits is None]
    conditions += [STRICT] if claim.relation == "<" else []
    if conditions:
        line.verdict = CONDITIONAL
        line.conditions += conditions
    line.proof = (
        f"the chain rule gives a product of {between} step Jacobians diag(φ'(a_j)) W",
        "‖A B‖ ≤ ‖A‖ ‖B‖, and ‖diag(φ') W‖ ≤ max|φ'| σ_max(W): the bound holds with λ_max "
        "read as the largest singular value and γ as the largest slope",
    )
    return True


def _all_spectral(line: Line) -> bool:
    nodes = [n for x in (line.claim.left, line.claim.right) if x is not None for n in s.walk(x)]
    return all(is_spectral(n) for n in nodes if isinstance(n, s.Norm))


def _between(judge: Judge, whole: Chain, upstream: Chain | None) -> Any:
    """The number of step Jacobians that the power stands for; None where it is none."""
    if not whole.is_loss:
        return whole.end - whole.start if upstream is None else None
    if upstream is None or (upstream.of, upstream.end) != (whole.of, whole.end):
        return None
    if whole.end is None and judge.system.model.loss.over != "last":
        return None  # the losses of the steps between reach h_k on paths of their own
    return upstream.start - whole.start


def _read(judge: Judge, node: s.Node) -> _Right | None:
    """The bound as a product; None where it is anything else."""
    out = _Right()
    node = s.bare(node)
    for x in map(s.bare, node.factors if isinstance(node, s.Product) else (node,)):
        if s.number(x) is not None:  # `constant_fits` says whether it is large enough
            continue
        if isinstance(x, s.Norm) and (found := chain(judge, x.of)) is not None and found.is_loss:
            if out.upstream is not None:
                return None
            out.upstream = found
            continue
        power = raised(judge, x)
        if power is None:
            return None
        out.base += _factors(power[0])
        out.counts.append(power[1])
    return out if out.counts else None


def raised(judge: Judge, x: s.Node) -> tuple[s.Node, Any] | None:
    """γ^{t−k} as (γ, t − k), ∏_{j=k+1}^t γ as (γ, t − k)."""
    try:
        if isinstance(x, s.Power):
            return x.base, time_value(judge.naming, x.exponent)
        if isinstance(x, s.Big) and x.operator == "prod" and len(x.bounds) == 1:
            _, lo, hi, _ = limits(judge.naming, x.bounds[0])
            return x.body, sympy.expand(hi - lo + 1)
        if isinstance(x, s.Symbol) and len(x.sup) == 1 and x.sup[0].terms is not None:
            letter = s.Symbol(x.letter, x.sub, (), x.marks)
            return letter, judge.naming.time(x.sup[0])  # an exponent that was taken for a time
    except UnknownError:
        return None
    return None


def _factors(node: s.Node) -> list[s.Node]:
    node = s.bare(node)
    return list(map(s.bare, node.factors)) if isinstance(node, s.Product) else [node]


def _bounds_a_step(judge: Judge, base: list[s.Node], line: Line) -> list[Condition] | None:
    """What one step Jacobian is bounded under by the base; None where it is not."""
    weight = slope = 0
    letters: list[str] = []
    for x in base:
        if s.number(x) is not None:  # `constant_fits` says whether it is large enough
            continue
        if isinstance(x, s.Norm) and is_weight_norm(judge, x):
            weight += 1
        elif isinstance(x, s.Norm) and is_spectral(x) and is_slope(judge, x.of, timed=False):
            slope += 1
        elif is_letter(judge, x) and isinstance(x, s.Symbol):
            letters.append(judge.naming.parts(x).name)
        else:
            return None
    if len(set(letters)) < len(letters) or weight > 1 or slope > 1:
        return None
    return _by_letters(judge, frozenset(letters), weight, slope, line)


def _by_letters(
    judge: Judge, letters: frozenset[str], weight: int, slope: int, line: Line
) -> list[Condition] | None:
    """Letters that name what is missing of max|φ'| ‖W‖, or for which the text says that they do."""
    others = [x for x in judge.lines if x is not line]
    tied, loose = spoken_of(judge, others)
    if letters & tied:
        return None
    new = fresh(judge, letters, others)
    for found in covers(judge, letters, others):
        if found == {STEP: 1} and not (weight or slope or new):
            return []
        found += Counter({WEIGHT: weight, SLOPE: slope})
        missing = {WEIGHT, SLOPE} - set(found)
        if max(found.values(), default=0) > 1 or not set(found) <= {WEIGHT, SLOPE}:
            continue
        if new:
            if missing and (len(new) <= len(missing) or letters == new):
                return [_names(new)] if new & loose else []
        elif not missing or (missing == {SLOPE} and steepest(judge) is not None):
            return []
        elif missing == {SLOPE}:
            return [FLAT]
    return None


def _names(letters: frozenset[str]) -> Condition:
    said = " ".join(sorted(letters))
    return Condition("M28", f"{said} bounds what is missing of the norm of one step's Jacobian")


def step_bounded(judge: Judge, line: Line) -> list[Condition] | None:
    """What ‖∂h_t/∂h_{t−1}‖ ≤ β γ holds under, where the text says what β and γ bound."""
    assert line.claim.right is not None
    return _bounds_a_step(judge, _factors(line.claim.right), line)
