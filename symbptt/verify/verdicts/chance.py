r"""Claims about chance and about where a sum is cut: random cuts and truncated sums.

A random letter is one whose mean or point probabilities the text states. The probabilities add
up to one and give the mean; the mean of what is linear in it is linear, E[z] is z at E[ξ]:

    Pr(ξ = v_i) = p_i    Σ p_i = 1    E[ξ] = Σ v_i p_i    E[a + ξ b] = a + E[ξ] b

An estimator that reads itself, z_{t−1}, has its mean by induction on t, if the ξ are independent.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, DEFINITION, PROVED, REFUTED, Line
from ..judge.readings import Condition
from ..judge.truth import FALSE, Statement
from ..meaning.times import moved
from ..naming import Parts
from .means import argument, is_whole, means_of, scalar, stated

EXACT = Condition(
    "M26",
    "the last factor is the estimator of the step before, z_{t-1}, with independent factors ξ: "
    "beside the exact derivative nothing is ever truncated",
)
INDEPENDENT = Condition("M26", "the random factors of different steps are independent")
_CUT = re.compile(
    r"\btruncat|\b(?:stop|cut|end)\w*\s+(?:off\s+)?(?:the|this)\s+(?:sum|expansion|recursion)"
)
_ENDS = re.compile(r"\b(?:terminat|truncat|stop|end)\w*")


def chance(judge: Judge, line: Line) -> bool:
    """Whether the line is such a claim; it has its verdict then, or the readings that are true."""
    claim = line.claim
    if claim.is_mention:
        return _words(judge, line)
    if claim.relation not in ("=", ":=") or claim.right is None:
        return False
    inside = argument(claim.left, ("Pr", "P", "Prob"))
    if isinstance(inside, s.Relation):
        return _probability(judge, line, inside)
    inside = argument(claim.left, ("E",))
    if inside is None:
        return _estimator(judge, line)
    if isinstance(inside, s.Symbol) and judge.is_free(inside):
        return _mean(judge, line, judge.naming.parts(inside).name)
    return _expected(judge, line, inside)


def _probability(judge: Judge, line: Line, event: s.Relation) -> bool:
    """One point probability: what the author defines, unless all of them exceed one."""
    left = s.bare(event.left)
    if not (isinstance(left, s.Symbol) and event.relation == "=" and judge.is_free(left)):
        return False
    pairs, _ = stated(judge, judge.naming.parts(left).name)
    total = sympy.simplify(sum(p for _, p in pairs if p is not None))
    if any(p is None or v is None for v, p in pairs):
        return False
    assert line.claim.right is not None
    value, own = scalar(event.right), scalar(line.claim.right)
    line.codes = ["M14"]
    if own.is_number and not 0 <= own <= 1:
        line.verdict, line.message = REFUTED, f"{own} is no probability"
    elif next(p for v, p in pairs if v == value) != own:
        line.verdict, line.message = REFUTED, f"two probabilities of one value, {value}"
    elif total.is_number and total > 1:
        line.verdict = REFUTED
        line.message = f"the probabilities add up to {total}, more than 1"
    else:
        line.verdict, line.codes = DEFINITION, []
    return True


def _mean(judge: Judge, line: Line, name: str) -> bool:
    """E[ξ] = m: what the probabilities give, or the author's assumption where there are none."""
    assert line.claim.right is not None
    said = scalar(line.claim.right)
    pairs, means = stated(judge, name)
    if said is None or any(v is None or p is None for v, p in pairs):
        return False
    if not pairs:
        line.verdict = DEFINITION
        if means[0] is not None and sympy.simplify(means[0] - said) != 0:
            line.verdict, line.codes = REFUTED, ["M14"]
            line.message = f"the mean is stated to be {means[0]}"
        return True
    if not is_whole(pairs):
        return False
    mean = sympy.simplify(sum(v * p for v, p in pairs))
    line.how = "mean"
    if sympy.simplify(mean - said) == 0:
        line.verdict = PROVED
        line.proof = (
            f"the probabilities {', '.join(str(p) for _, p in pairs)} add up to 1",
            f"{' + '.join(f'({v}) ({p})' for v, p in pairs)} = {mean}",
        )
    else:
        line.verdict, line.codes = REFUTED, ["M14"]
        line.message = f"the probabilities give the mean {mean}, not {said}"
    return True


# -- estimators


def _degree(judge: Judge, node: s.Node, letters: set[str]) -> int:
    """The degree in the given letters; 99 where they stand in a function or a derivative."""
    node = s.bare(node)
    if isinstance(node, s.Symbol):
        name = judge.naming.parts(node).name
        if name in judge.aliases and name not in letters:  # what stands for a random quantity
            body = judge.aliases[name][1]
            names = {p.name for p in _symbols(judge, body)}
            return 99 if names & letters else 0
        return int(name in letters)
    parts = [_degree(judge, x, letters) for x in s.children(node)]
    if isinstance(node, s.Sum):
        return max(parts)
    if isinstance(node, s.Product | s.Transpose):
        return sum(parts)
    return 99 if any(parts) else 0


def _put(judge: Judge, node: s.Node, values: dict[str, s.Node]) -> s.Node:
    """The tree with letters replaced, whatever their time."""
    if isinstance(node, s.Symbol):
        return values.get(judge.naming.parts(node).name, node)
    return s.rebuild(node, lambda x: _put(judge, x, values))


def _expected(judge: Judge, line: Line, inside: s.Node) -> bool:
    """E[X] = R, where X is linear in letters whose means are stated."""
    means = means_of(judge)
    right = line.claim.right
    assert right is not None
    if not means or any(not m.is_Rational for m in means.values()):
        return False
    whole, own = _written_out(judge, inside)
    if whole is None:
        return False
    conditions = []
    if own is not None:  # by induction: E[z_{t-1}] is the right side of the step before
        name, before, now = own
        if _degree(judge, whole, {name}) != 1:
            return False
        hypothesis = moved(right, now, before, judge.naming)
        whole = _put(judge, whole, {name: s.Group(hypothesis)})
        conditions = [] if _says_independent(judge) else [INDEPENDENT]
    if _degree(judge, whole, set(means)) != 1:
        return False
    numbers: dict[str, s.Node] = {n: s.Number(str(m)) for n, m in means.items()}
    statement = Statement(_put(judge, whole, numbers), right)
    for base in judge.bases(statement):
        true, worst = judge.plain(statement, base)
        line.true += true
        line.answer = worst
    if line.true:
        line.reading, line.verdict, line.how = line.true[0], PROVED, "mean"
        line.conditions += conditions
        return True
    if line.answer is not None and line.answer.outcome == FALSE:
        line.verdict, line.codes = REFUTED, ["M26"]
        line.message = "the mean is another: the random factors are replaced by their means"
        return True
    return False


def _written_out(judge: Judge, node: s.Node) -> tuple[s.Node | None, Any]:
    """What a defined letter stands for at its time, and (its name, times) where it reads itself."""
    if not isinstance(node, s.Symbol):
        return node, None
    q = judge.naming.parts(node)
    if q.name not in judge.aliases:
        return None, None
    at, body, *_ = judge.aliases[q.name]
    whole = body if at is None or q.time is None else moved(body, at, q.time, judge.naming)
    own = [p for p in _symbols(judge, whole) if p.name == q.name]
    if not own:
        return whole, None
    times = {p.time for p in own}
    if len(times) != 1 or q.time is None or sympy.expand(q.time - own[0].time) != 1:
        return None, None
    return whole, (q.name, own[0].time, q.time)


def _symbols(judge: Judge, node: s.Node) -> Iterator[Parts]:
    yield from (judge.naming.parts(x) for x in s.symbols(node))


def _says_independent(judge: Judge) -> bool:
    return any(
        "independent" in n.words.lower()
        for line in judge.lines
        for x in (line.claim.left, *line.claim.conditions)
        for n in s.walk(x)
        if isinstance(n, s.Text)
    )


def _estimator(judge: Judge, line: Line) -> bool:
    """z_t = … ξ_t … ∂h_{t−1}/∂w: a definition that truncates nothing, as the author means it to."""
    left = s.bare(line.claim.left)
    if not isinstance(left, s.Symbol) or line.how != "alias" or line.claim.right is None:
        return False
    letters = set(means_of(judge))
    if not letters or not _exact_tail(judge, line.claim.right, letters):
        return False
    line.verdict = CONDITIONAL
    line.conditions.append(EXACT)
    return True


def _exact_tail(judge: Judge, node: s.Node, letters: set[str]) -> bool:
    """Whether a random factor multiplies the total derivative of an earlier state."""
    for n in s.walk(node):
        if not isinstance(n, s.Product):
            continue
        factors = [s.bare(x) for x in n.factors]
        random = any(_degree(judge, x, letters) for x in factors)
        for x in factors:
            if isinstance(x, s.Derivative) and x.of is not None and random:
                of, by = s.bare(x.of), s.bare(x.by)
                if isinstance(of, s.Symbol) and isinstance(by, s.Symbol):
                    p, r = judge.naming.parts(of), judge.naming.parts(by)
                    if p.time is not None and r.time is None and p.name in judge.system.names:
                        return True
    return False


# -- words


def _words(judge: Judge, line: Line) -> bool:
    """`truncation: stop the sum at …`, `whenever ξ_t = 0 the expansion terminates`."""
    said = " ".join(n.words for n in s.walk(line.claim.left) if isinstance(n, s.Text)).lower()
    events = [n for n in s.walk(line.claim.left) if isinstance(n, s.Relation)]
    letters = set(means_of(judge))
    if events and letters and _ENDS.search(said):
        if not any(_degree(judge, e.left, letters) for e in events):
            return False
        for other in judge.lines:
            right = other.claim.right
            if other.how == "alias" and right is not None and _exact_tail(judge, right, letters):
                line.verdict = CONDITIONAL
                line.conditions.append(EXACT)
                return True
        return False
    cuts = [n for n in s.walk(line.claim.left) if isinstance(n, s.Derivative) and n.of is not None]
    if _CUT.search(said) and cuts:
        line.verdict = CONDITIONAL
        line.conditions.append(_depth(judge, cuts[0]))
        return True
    return False


def _depth(judge: Judge, last: s.Derivative) -> Condition:
    """A sum of t terms that stops at ∂h_{t−τ}, whose term is dropped, keeps τ of them."""
    of = s.bare(last.of) if last.of is not None else last
    indices = of.indices if isinstance(of, s.Symbol) else ()
    times = [judge.naming.time(i) for i in indices if i.terms and "t" in i.names]
    kept = f"{sympy.expand(mx.t - times[0])}" if times else "some"
    words = f"an approximation, the truncated sum: it keeps {kept} of its t terms"
    return Condition("M26", f"{words}, and is exact only if that is all of them")
