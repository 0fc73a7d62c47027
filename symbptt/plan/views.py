"""Names for blocks of an array: no copies of them are made.

    i, f, o, g = split(a, 4)        i_t is a_t[:, 0:H] wherever it is read
    dL/da_t = [dL/di_t, …]          each part is written where it stands

What reads a name computes its equation as well, and carries its label.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .. import matrix as mx
from ..model import Model

Sides = dict[str, mx.Node]
Labels = dict[str, tuple[str, ...]]


def views_of(model: Model) -> dict[str, mx.Node]:
    """The variables that are a block of another one, and no more."""
    found = {
        e.lhs.name: e.rhs
        for e in model.equations
        if isinstance(e.rhs, mx.Block) and isinstance(e.rhs.args[0], mx.Var)
    }
    kept = {d.name for d in model.states} | {v.name for v in _in_loss(model)}
    whole = {n: rhs.args[0] for n, rhs in found.items()}
    return {
        n: rhs for n, rhs in found.items()
        if n not in kept and whole[n].times and whole[n].name not in found
    }  # fmt: skip


def _in_loss(model: Model) -> Iterable[mx.Var]:
    return mx.variables(model.defined[model.loss.step.name].rhs)


def replaced(right: Sides, labels: Labels, views: Mapping[str, mx.Node]) -> tuple[Sides, Labels]:
    """Right sides in which a view's name is what it stands for, each with the labels it takes."""
    out, taken = dict(right), dict(labels)
    for reader, rhs in right.items():
        read = [v.name for v in mx.variables(rhs) if v.name in views]
        out[reader] = unnamed(rhs, views)
        taken[reader] = (*dict.fromkeys(x for n in (*read, reader) for x in labels[n]),)
    return out, taken


def unnamed(e: mx.Node, views: Mapping[str, mx.Node]) -> mx.Node:
    """An expression with each view in place of its name."""
    here = {v: mx.shift(views[v.name], v.time - mx.t) for v in mx.variables(e) if v.name in views}
    return e.xreplace(here) if here else e
