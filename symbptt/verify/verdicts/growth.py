"""Claims about growth: eigenvalues, norms, "the Jacobian is diagonal".

They are recognised in the forms people write and answered with the true condition.

    ‖∂L/∂h_k‖ ≤ ‖∂L/∂h_t‖ (γ σ)^{t−k}      γ = max|φ'|, σ = σ_max(W): submultiplicative norms
    σ γ < 1 is sufficient for vanishing, σ γ > 1 necessary for exploding; eigenvalues decide neither
"""

from __future__ import annotations

import re
from functools import partial
from typing import Any

import numpy as np
import sympy

from ... import matrix as mx
from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, PROVED, REFUTED, Line
from ..judge.readings import Condition
from ..judge.statement import Statement
from ..meaning.choice import UnknownError
from ..meaning.times import time_value
from ..repairs.everywhere import everywhere
from ..repairs.times import bound as bound_edits
from ..repairs.vocabulary import Vocabulary
from ..world import IMMEDIATE
from ..write import latex
from .bounds import bound, raised
from .fates import fate, is_weight_norm
from .jacobians import chain, is_spectral
from .named_bounds import is_letter, is_slope
from .spectral import worked

TRUE_CONDITION = (
    "σ_max(W) max|φ'| < 1 is sufficient for vanishing, σ_max(W) max|φ'| > 1 is necessary for "
    "exploding; eigenvalues decide neither"
)


_EIGEN = re.compile(r"eigen|\\lambda|λ|\\rho|ρ|spectral radius", re.IGNORECASE)


_FATE = re.compile(
    r"explo|vanish|decay|diverg|grow|shrink|scaling|\\to\s*0|\\to\s*\\infty|→\s*0|→\s*∞|to zero",
    re.IGNORECASE,
)


def growth(judge: Judge, line: Line) -> bool:
    """Whether the line is such a claim; it has its verdict then."""
    claim = line.claim
    source = claim.source
    if claim.relation in ("≤", "<") and _norms(claim.left):
        return bound(judge, line)
    if claim.relation == "≈" and _norms(claim.left):
        return _estimate(judge, line)
    if claim.relation == "⇒" and _identity_like(judge, line):
        return True
    if fate(judge, line):
        return True
    spectral = _EIGEN.search(source) and (_FATE.search(source) or claim.relation == "→")
    if claim.relation == "∝":
        return _chain_of(judge, line)
    if spectral and claim.relation in ("", "⇒", "→", "⇔"):
        if judge.system.abstract:
            return False
        _spectral(judge, line)
        return True
    words = " ".join(n.words for n in s.walk(claim.left) if isinstance(n, s.Text)).lower()
    if "diagonal" in words:
        return _diagonal(judge, line)
    if "derivative" in words:
        for n in s.walk(claim.left):
            if isinstance(n, s.Derivative) and n.of is not None and s.bare(n.of) == s.bare(n.by):
                line.verdict, line.codes = REFUTED, ["M30"]
                line.message = "the derivative of a quantity by itself is 1, not what is meant"
                return True
    return False


def _norms(node: s.Node | None) -> bool:
    return node is not None and any(isinstance(n, s.Norm) for n in s.walk(node))


def _linear(judge: Judge) -> bool:
    """Whether the state is a linear function of the state before: the same Jacobian each step."""
    model = judge.system.model
    for d in model.states:
        rhs = model.unfold(mx.Var(d.name, d.shape, (mx.t,)))
        if rhs.has(mx.Apply) or rhs.has(mx.Softmax) or rhs.has(mx.Call):
            return False
    return bool(model.states)


def _spectral(judge: Judge, line: Line) -> None:
    if _linear(judge):
        line.verdict = CONDITIONAL
        words = "the modulus |λ| is meant, and the limit of many steps of one constant linear map"
        line.conditions.append(Condition("M28", words))
        return
    line.verdict, line.codes = REFUTED, ["M28"]
    line.message = TRUE_CONDITION
    line.worked = worked(judge.system.model, line.claim.source)
    line.correct = r"\sigma_{\max}(W)\cdot\max|\varphi'|<1\ \text{suffices for vanishing}"


def _estimate(judge: Judge, line: Line) -> bool:
    """A norm set about equal to a power: exact only for a scalar state and a constant slope."""
    later = [
        x.claim
        for x in judge.lines
        if x.claim.chain and x.claim.chain == line.claim.chain and x is not line
    ]
    if any(c.relation == "→" for c in later) or "infty" in line.claim.source:
        line.verdict, line.codes = REFUTED, ["M28"]
        line.message = "an upper bound is taken for an estimate; " + TRUE_CONDITION
        return True
    left, right = s.bare(line.claim.left), s.bare(line.claim.right or line.claim.left)
    whole = chain(judge, left.of) if isinstance(left, s.Norm) and is_spectral(left) else None
    power = raised(judge, right)
    if whole is None or whole.is_loss or power is None:
        return False
    if not is_letter(judge, power[0]) and not _is_of_one_step(judge, power[0]):
        return False
    if sympy.expand(whole.end - whole.start - power[1]) != 0:
        return False
    line.verdict = CONDITIONAL
    line.conditions.append(Condition("M28", "a scalar state and the same slope at every step"))
    return True


def _is_of_one_step(judge: Judge, node: s.Node) -> bool:
    """‖W‖ and |tanh'(z) W|: the weight that multiplies the state before, and a slope."""
    norm = s.bare(node)
    inner = s.bare(norm.of) if isinstance(norm, s.Norm) and is_spectral(norm) else None
    if inner is None:
        return False
    factors = list(inner.factors) if isinstance(inner, s.Product) else [inner]
    weights = [x for x in factors if is_weight_norm(judge, s.Norm(x, "‖"))]
    slopes = [
        x for x in map(s.bare, factors)
        if (isinstance(x, s.Apply | s.Symbol) and x.primes == 1) or is_slope(judge, x)
    ]  # fmt: skip
    return len(weights) == 1 and len(slopes) <= 1 and len(weights + slopes) == len(factors)


def _identity_like(judge: Judge, line: Line) -> bool:
    """J_j ≈ α I for every step makes their product α^{t−k} I."""
    first, last = s.bare(line.claim.left), s.bare(line.claim.right or line.claim.left)
    if not (isinstance(first, s.Relation) and isinstance(last, s.Relation)):
        return False
    if (first.relation, last.relation) not in (("≈", "≈"), ("=", "="), ("=", "≈")):
        return False
    one, whole = chain(judge, first.left), chain(judge, last.left)
    step, power = _of_identity(judge, first.right), _of_identity(judge, last.right)
    if one is None or whole is None or step is None or power is None:
        return False
    if one.is_loss or whole.is_loss or sympy.expand(one.end - one.start - 1) != 0:
        return False
    if not sympy.sympify(one.end).free_symbols - {mx.T}:  # said of one step alone
        return False
    if step[1] != 1 or step[0] != power[0] or not is_letter(judge, step[0]):
        return False
    if sympy.expand(whole.end - whole.start - power[1]) == 0:
        line.verdict = PROVED
        line.how = "norm"
        line.proof = (f"the product of {power[1]} factors α I is α to that power times I",)
    else:
        line.verdict, line.codes = REFUTED, ["M13"]
        line.message = f"there are {whole.end - whole.start} factors, not {power[1]}"
    return True


def _of_identity(judge: Judge, node: s.Node) -> tuple[s.Node, Any] | None:
    """α^n I as (α, n), and nothing beside it."""
    node = s.bare(node)
    factors = list(map(s.bare, node.factors)) if isinstance(node, s.Product) else []
    rest = [x for x in factors if x != s.Symbol("I")]
    if len(factors) != 2 or len(rest) != 1:
        return None
    found = raised(judge, rest[0])
    return (s.bare(found[0]), found[1]) if found is not None else (rest[0], sympy.Integer(1))


def _chain_of(judge: Judge, line: Line) -> bool:
    """δ_t ∝ ∏ W^T diag(φ'_i): the product must be the Jacobian from the last step back to t."""
    found = judge.key_of(line.claim.left)
    big = s.bare(line.claim.right) if line.claim.right is not None else None
    if found is None or not isinstance(big, s.Big) or big.operator != "prod":
        return False
    g = judge.gradients.get(found[0])
    upper = big.bounds[0].upper
    sample = next(
        (
            x
            for c in judge.lines
            for side in (c.claim.left, c.claim.right)
            if side is not None
            for x in s.symbols(side)
            if g is not None and judge.system.names.get(judge.naming.parts(x).name) == g.of
        ),
        None,
    )
    if g is None or upper is None or sample is None or found[1].time is None:
        return False
    vocabulary = Vocabulary(judge)
    of = vocabulary.at(sample, time_value(judge.naming, upper))
    by = vocabulary.at(sample, found[1].time)
    claim = Statement(s.Derivative("∂", of, by), big)
    if judge.plain(claim, judge.base())[0]:
        return False
    for code, words, new in everywhere(big, partial(bound_edits, vocabulary)):
        if judge.plain(Statement(claim.left, new), judge.base())[0]:
            line.verdict, line.codes, line.message = REFUTED, [code], words
            line.correct = f"{latex(line.claim.left)} \\propto {latex(new)}"
            return True
    return False


def _diagonal(judge: Judge, line: Line) -> bool:
    """Whether a Jacobian is diagonal, in the small world."""
    for n in s.walk(line.claim.left):
        if not (isinstance(n, s.Derivative | s.Quotient)):
            continue
        above, below = (n.of, n.by) if isinstance(n, s.Derivative) else (n.above, n.below)
        of, by = (s.bare(x) if x is not None else None for x in (above, below))
        if not (isinstance(of, s.Symbol) and isinstance(by, s.Symbol)):
            continue
        try:
            u = judge.quantities.find(judge.naming.parts(of))
            v = judge.quantities.find(judge.naming.parts(by))
        except UnknownError:
            return False
        now = (u, 2), (v, 1 if u == v else 2)
        value = judge.ground.world.derivative(*now, IMMEDIATE)
        flat = value.reshape(value.shape[0], -1)
        if flat.shape[0] == flat.shape[1] and np.allclose(flat, np.diag(np.diag(flat))):
            return False
        line.verdict, line.codes = REFUTED, ["M05"]
        line.message = f"it is not diagonal: at T = 3 it is {np.round(flat, 4).tolist()}"
        return True
    return False
