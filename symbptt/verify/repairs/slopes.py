"""Edits of slopes: one that is missing, or taken of the wrong argument."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ... import matrix as mx
from .. import surface as s
from ..meaning.choice import UnknownError
from .vocabulary import Vocabulary


def slope(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """δ_t as δ_t ⊙ φ'(a_t); λ as λ times the slope of a function that it is pulled back by."""
    found = v.gradient_of(node)
    if found is not None:
        time = found[1].time if found[1].time is not None else mx.t
        names = [found[0].of] if found[0].of in v.system.model.defined else []
    elif v.probe is not None and isinstance(node, s.Symbol) and node.letter == v.probe[0]:
        _, of, time = v.probe
        names = list(v.within(of))
    else:
        return
    for name in names:
        gate = len(v.system.pre) > 2 and name not in {d.name for d in v.system.model.states}
        what = "gate's" if gate else "activation"
        for slope in v.slopes(name, time):
            yield (
                "M19" if gate else "M01",
                f"the {what} derivative is missing",
                s.Group(s.Product((node, slope), ("⊙",))),
            )


def argument(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """The slope taken of the activated value, of a gradient, or of the other argument."""
    words = "the slope is taken of the wrong argument"
    if isinstance(node, s.Apply) and not node.primes and len(node.arguments) == 1:
        inner = s.bare(node.arguments[0])
        if isinstance(inner, s.Symbol) and node.head.letter not in ("diag", "softmax"):
            yield "M03", words, inner
    if isinstance(node, s.Apply) and node.primes and len(node.arguments) == 1:
        inner = s.bare(node.arguments[0])
        if isinstance(inner, s.Symbol):
            q = v.naming.parts(inner)
            try:
                name = v.judge.quantities.find(q)
            except UnknownError:
                return
            other = v.system.pre.get(name)
            if other:
                new = v.symbol_for(other, q.time) or s.Symbol("a", sub=inner.sub, sup=inner.sup)
                yield "M03", words, replace(node, arguments=(new,))
    if isinstance(node, s.Power) and isinstance(node.exponent, s.Number):
        inner = s.bare(node.base)
        found = v.gradient_of(inner)
        if found is not None:
            g, q = found
            for name in (g.of, *(x for x, a in v.system.pre.items() if a == g.of)):
                value = v.symbol_for(name, q.time)
                if value is not None:
                    yield "M03", words, replace(node, base=value)
        if isinstance(inner, s.Symbol):
            q = v.naming.parts(inner)
            outs = [x for x, a in v.system.pre.items() if a in (q.name, q.name + "~")]
            for out in outs:
                value = v.symbol_for(out, q.time)
                if value is not None:
                    yield "M03", words, replace(node, base=value)
