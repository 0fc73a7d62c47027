"""The loss of one step and its sum over time, as stated or as the output suggests."""

from __future__ import annotations

import sympy

from ... import matrix as mx
from .. import surface as s
from .assembly import Assembly
from .drafts import LOSSES
from .labels import label
from .squares import count, squared_error
from .stated import Stated, stated


def step_loss(a: Assembly, equations: dict[str, mx.Node]) -> mx.Node:
    """The loss of one step, over the number of samples where the text divides by that."""
    named = stated(a.claims, a.naming)
    if named is not None and named.output in equations:
        return _by_name(a, equations, named)
    loss = _of_samples(a, equations)
    a.count = count(a)
    return mx.times(mx.Scalar(1 / mx.size(a.count)), loss) if a.count else loss


def _of_samples(a: Assembly, equations: dict[str, mx.Node]) -> mx.Node:
    out = a.output
    e = equations[out]
    probability = isinstance(e, mx.Softmax)
    if not probability and "p" in _letters(a) and "p" not in equations:
        a.filled.append(f"p = softmax({out}), with cross-entropy")
        equations["p"] = e = mx.Softmax(mx.Var(out, e.shape, (mx.t,)))
        a.b.sizes["p"] = a.b.sizes[out]
        a.pre["p"], a.output = out, "p"
        if out in a.b.rows:
            a.b.rows.add("p")
        probability = True
    a.label = label(a)
    if probability:
        a.logits = e.args[0].name
        a.onehot = True
        a.stated_loss = True
        chance = mx.Var(a.output, e.shape, (mx.t,))
        target = mx.Var("target~", e.shape[:-1], (mx.t,))
        hot = mx.onehot(target, e.shape[-1])
        return mx.times(-1, mx.sum_axes(mx.times(hot, mx.Apply(mx.builtin("log"), chance))))
    a.logits = a.pre.get(out, "") or out
    found = squared_error(a)
    if found is not None:
        factor, a.label = found
        a.stated_loss = True
        gap = mx.plus(
            mx.Var(out, e.shape, (mx.t,)), mx.times(-1, mx.Var("target~", e.shape, (mx.t,)))
        )
        value = mx.times(factor, gap, gap)
        return mx.sum_axes(value) if e.shape else value
    if _is_logistic(a, e):
        a.stated_loss = True
        chance, target = mx.Var(out, e.shape, (mx.t,)), mx.Var("target~", e.shape, (mx.t,))
        log = mx.builtin("log")
        value = mx.times(-1, mx.plus(
            mx.times(target, mx.Apply(log, chance)),
            mx.times(mx.plus(1, mx.times(-1, target)),
                     mx.Apply(log, mx.plus(1, mx.times(-1, chance)))),
        ))  # fmt: skip
        return mx.sum_axes(value) if e.shape else value
    head = _loss_head(a)
    target = mx.Var("target~", e.shape, (mx.t,))
    return mx.Call(head, [mx.Var(out, e.shape, (mx.t,)), target], ())


def _by_name(a: Assembly, equations: dict[str, mx.Node], named: Stated) -> mx.Node:
    """The loss of a step as it is named; p~ is the softmax where the text names none."""
    out = mx.Var(named.output, equations[named.output].shape, (mx.t,))
    a.label, a.stated_loss, a.logits = named.label, True, named.output
    if named.name == "squared_error":
        a.output = named.output
        gap = mx.plus(out, mx.times(-1, mx.Var("target~", out.shape, (mx.t,))))
        return mx.times(named.factor / 2, mx.sum_axes(mx.times(gap, gap)))
    known = [n for n, e in equations.items() if isinstance(e, mx.Softmax) and e.args[0] == out]
    if isinstance(equations[named.output], mx.Softmax):  # CE(ŷ, y) of chances
        known, a.logits = [named.output], equations[named.output].args[0].name
    a.output, a.onehot = known[0] if known else "p~", True
    chance = mx.Var(a.output, out.shape, (mx.t,))
    equations.setdefault(a.output, mx.Softmax(out))
    if named.output in a.b.rows:
        a.b.rows.add(a.output)
    hot = mx.onehot(mx.Var("target~", out.shape[:-1], (mx.t,)), out.shape[-1])
    log = mx.Apply(mx.builtin("log"), chance)
    return mx.times(-named.factor, mx.sum_axes(mx.times(hot, log)))


def _is_logistic(a: Assembly, e: mx.Node) -> bool:
    """Whether −y log ŷ − (1 − y) log(1 − ŷ) is stated, ŷ the value of a σ."""
    if not (isinstance(e, mx.Apply) and e.args[0].name == "sigmoid"):
        return False
    for claim in a.claims:
        left = s.bare(claim.left)
        if isinstance(left, s.Symbol) and left.letter in LOSSES and claim.right is not None:
            logs = [
                s.bare(n.arguments[0])
                for n in s.walk(claim.right)
                if isinstance(n, s.Apply) and n.head.letter == "log" and n.arguments
            ]
            names = {a.naming.parts(x).name for x in logs if isinstance(x, s.Symbol)}
            if a.output in names and any(isinstance(x, s.Sum) for x in logs):
                return True
    return False


def _loss_head(a: Assembly) -> str:
    for tree in a.trees:
        for n in s.walk(tree):
            if isinstance(n, s.Apply) and n.head.letter in LOSSES and len(n.arguments) == 2:
                return n.head.letter
    return "ℓ"


def _letters(a: Assembly) -> set[str]:
    """Letters that may name a value; p_{ij}^k of three entries names none, nor p_o a chance."""
    every = (a.naming.parts(x) for x in a.b.every if not x.marks)
    return {q.letter for q in every if len(q.components) < 2 and not q.labels}


def stated_over(a: Assembly) -> str:
    """Sum or mean over time where the text says L = Σ_t …, else nothing."""
    for c in a.claims:
        left = s.bare(c.left)
        if not (isinstance(left, s.Symbol) and left.letter in a.losses and c.right):
            continue
        if any(isinstance(n, s.Big) and _over_time(a, n) for n in s.walk(c.right)):
            for n in s.walk(c.right):
                if isinstance(n, s.Quotient) and isinstance(s.bare(n.below), s.Symbol):
                    below = s.bare(n.below)
                    assert isinstance(below, s.Symbol)
                    if below.letter == a.naming.horizon:
                        return "mean"
            return "sum"
        right = s.bare(c.right)
        if isinstance(right, s.Symbol) and right.letter in LOSSES and not left.indices:
            if a.naming.parts(right).time == mx.T:
                return "last"  # E = E(T)
        times = {a.naming.parts(x).name: a.naming.parts(x).time for x in s.symbols(c.right)}
        if times.get(a.output) == mx.T:
            return "last"  # L = ℓ(h_T)
    return ""


def loss_over(a: Assembly) -> str:
    """Sum or mean over time as stated; the last step where the output has no time."""
    stated = stated_over(a)
    if stated:
        return stated
    if a.output in a.b.at_end:
        return "last"
    out = next(iter([a.output]))
    for tree in a.trees:
        for n in s.walk(tree):
            if isinstance(n, s.Derivative) and n.of is not None:
                by = s.bare(n.by)
                of = s.bare(n.of)
                if (
                    isinstance(by, s.Symbol)
                    and isinstance(of, s.Symbol)
                    and of.letter in a.losses
                    and a.naming.parts(by).name in (out, a.logits)
                    and a.naming.parts(by).time is None
                    and _times_written(a)
                ):
                    return "last"
    return "sum"


def _over_time(a: Assembly, node: s.Big) -> bool:
    """Whether a Σ is over steps, and not over the entries of a vector."""
    for bound in node.bounds:
        letter = bound.variable.letter
        parts = [a.naming.parts(x) for x in s.symbols(node.body)]
        entries = any(letter in q.components for q in parts)
        entries |= any(isinstance(n, s.Entry) and n.items and s.bare(n.items[0]) == bound.variable
                       for n in s.walk(node.body))  # fmt: skip
        timed = any(a.naming.symbol(letter) in sympy.sympify(q.time).free_symbols
                    for q in parts if q.time is not None)  # fmt: skip
        if timed or not entries:
            return True
    return False


def _times_written(a: Assembly) -> bool:
    """Whether other quantities carry their times, so that one without means the last."""
    return a.naming.horizon != "T" or any(a.naming.parts(x).time == mx.T for x in a.b.every)
