"""The loss of one step and its sum over time, as stated or as the output suggests."""

from __future__ import annotations

from ... import matrix as mx
from .. import surface as s
from .assembly import Assembly, names_seen
from .drafts import LOSSES


def step_loss(a: Assembly, equations: dict[str, mx.Node]) -> mx.Node:
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
    a.label = _label(a, probability)
    if probability:
        a.logits = e.args[0].name
        a.onehot = True
        a.stated_loss = True
        chance = mx.Var(a.output, e.shape, (mx.t,))
        target = mx.Var("target~", e.shape[:-1], (mx.t,))
        hot = mx.onehot(target, e.shape[-1])
        return mx.times(-1, mx.sum_axes(mx.times(hot, mx.Apply(mx.builtin("log"), chance))))
    a.logits = a.pre.get(out, "") or out
    head = _loss_head(a)
    target = mx.Var("target~", e.shape, (mx.t,))
    return mx.Call(head, [mx.Var(out, e.shape, (mx.t,)), target], ())


def _loss_head(a: Assembly) -> str:
    for tree in a.trees:
        for n in s.walk(tree):
            if isinstance(n, s.Apply) and n.head.letter in LOSSES and len(n.arguments) == 2:
                return n.head.letter
    return "ℓ"


def _letters(a: Assembly) -> set[str]:
    return {x.letter for x in a.b.every if not x.marks}


def _label(a: Assembly, probability: bool) -> str:
    seen = names_seen(a)
    known = set(a.b.defined) | set(a.b.inputs)
    options = ["yhat", "y", "target", "label"]
    for name in options:
        if name in seen and name not in known and name not in a.b.params:
            return name
    return "y" if "y" not in known else "yhat"


def loss_over(a: Assembly) -> str:
    """Sum or mean over time as stated; the last step where the output has no time."""
    for c in a.claims:
        left = s.bare(c.left)
        if not (isinstance(left, s.Symbol) and left.letter in a.losses and c.right):
            continue
        if any(isinstance(n, s.Big) for n in s.walk(c.right)):
            for n in s.walk(c.right):
                if isinstance(n, s.Quotient) and isinstance(s.bare(n.below), s.Symbol):
                    below = s.bare(n.below)
                    assert isinstance(below, s.Symbol)
                    if below.letter == a.naming.horizon:
                        return "mean"
            return "sum"
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


def _times_written(a: Assembly) -> bool:
    """Whether other quantities carry their times, so that one without means the last."""
    return a.naming.horizon != "T" or any(a.naming.parts(x).time == mx.T for x in a.b.every)
