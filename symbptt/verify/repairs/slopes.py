"""Edits of slopes: one that is missing, or taken of the wrong argument."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from ... import matrix as mx
from .. import surface as s
from ..judge.statement import Statement
from ..meaning.choice import UnknownError
from ..meaning.times import expression_of
from ..write import plain
from .vocabulary import Vocabulary

TWO = s.Number("2")


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
        several = len(v.system.pre) > 2 and name not in {d.name for d in v.system.model.states}
        for fn, slope in v.slopes(name, time):
            gate = several and fn != "tanh"
            what = "gate's" if gate else "activation"
            yield (
                "M19" if gate else "M01",
                f"the {what} derivative is missing",
                s.Group(s.Product((node, slope), ("⊙",))),
            )


def inner(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    """∂h_t/∂h_k without the slopes, diag(φ'), or without the weights that they multiply."""
    left = s.bare(statement.left)
    if not v.jacobian or not isinstance(left, s.Derivative) or left.of is None:
        return
    u, w = s.bare(left.of), s.bare(left.by)
    if not isinstance(u, s.Symbol) or not isinstance(w, s.Symbol):
        return
    q, r = v.naming.parts(u), v.naming.parts(w)
    if q.time is None or r.time is None or q.name not in v.names:
        return
    of = v.names[q.name]
    if of not in v.system.model.defined:
        return
    weights = [
        x for n, x in v.samples.items()
        if (d := v.system.model.table.get(v.names.get(n, ""))) is not None
        and d.role == "param" and len(d.shape) == 2
    ]  # fmt: skip
    for time, body, put in _bodies(v, statement.right, q.time, r.time):
        slope = v.slope(of, time)
        if slope is not None:
            words = "the activation derivative is missing"
            diag = s.Apply(s.Symbol("diag"), (s.bare(slope),))
            for new in _both_ways(diag, body):
                yield "M01", words, replace(statement, right=put(new))
        for scale in v.multipliers.get(of, ()) if time == mx.t else ():
            words = f"the factor {plain(scale)} is missing"
            for new in _both_ways(s.Apply(s.Symbol("diag"), (scale,)), body):
                yield "M02", words, replace(statement, right=put(new))
        for weight in weights:
            words = f"the inner derivative {plain(weight)} is missing"
            for new in (*_both_ways(weight, body), *_both_ways(s.Transpose(weight), body)):
                yield "M02", words, replace(statement, right=put(new))


def between(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """V U as V diag(φ') U, in a Jacobian that goes through several functions."""
    if not v.jacobian or not isinstance(node, s.Product) or "⊙" in node.signs:
        return
    for name in v.system.model.defined:
        slope = v.slope(name, mx.t)
        if slope is None:
            continue
        diag = s.Apply(s.Symbol("diag"), (s.bare(slope),))
        for n in range(1, len(node.factors)):
            factors = (*node.factors[:n], diag, *node.factors[n:])
            signs = (*node.signs[:n], "", *node.signs[n:])
            words = f"the activation derivative {plain(diag)} is missing"
            yield "M01", words, s.Product(factors, signs)


def _bodies(
    v: Vocabulary, right: s.Node, time: Any, start: Any
) -> Iterator[tuple[Any, s.Node, Callable[[s.Node], s.Node]]]:
    """What one step contributes, its time, and how to put something in its place."""
    core = s.bare(right)
    if isinstance(core, s.Big) and core.operator == "prod" and len(core.bounds) == 1:
        at = v.naming.symbol(core.bounds[0].variable.letter)
        yield at, core.body, lambda new: replace(core, body=new)
    elif isinstance(core, s.Power) and not isinstance(s.bare(core.exponent), s.Number):
        letter = v.free_letter()
        low, high = (expression_of(x, v.naming) for x in (start + 1, time))
        bound = s.Bound(s.Symbol(letter), low, high)
        at = v.naming.symbol(letter)
        yield at, core.base, lambda new: s.Big("prod", (bound,), new)
    elif not isinstance(core, s.Big):
        yield time, right, lambda new: new


def _both_ways(a: s.Node, b: s.Node) -> tuple[s.Node, s.Node]:
    b = s.Group(b) if isinstance(b, s.Sum | s.Product) else b
    return s.Product((a, b), ("",)), s.Product((b, a), ("",))


def factor(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """δ_t as r_t ⊙ δ_t, λ as λ ⊙ h_{t−1}, f_t as f_t ⊙ c_{t−1}: an inner factor is missing."""
    if v.forward and isinstance(node, s.Sum):  # f_t ⊙ c_{t−1} + 1 − f_t, a term of which is short
        for n, x in enumerate(node.terms):
            for code, words, new in _multiplied(v, x, v.of, v.time_of(node)):
                yield code, words, replace(node, terms=(*node.terms[:n], new, *node.terms[n + 1 :]))
    if v.jacobian and isinstance(node, s.Apply) and node.head.letter == "diag":
        for code, words, new in _multiplied(v, node.arguments[0], v.of, v.time_of(node)):
            yield code, words, replace(node, arguments=(new,))
    of, time = _factored(v, node)
    yield from _multiplied(v, node, of, time)


def _multiplied(
    v: Vocabulary, node: s.Node, of: str, time: Any
) -> Iterator[tuple[str, str, s.Node]]:
    """The node times each value that has the shape of `of`, and each factor of its equation."""
    if of not in v.system.model.table:
        return
    steps = (time,) if v.gradient_of(node) is not None or time is None else (time, time - 1)
    for x in dict.fromkeys((*v.multipliers.get(of, ()), *v.beside(of, steps))):
        if x != node:
            words = f"the factor {plain(x)} is missing"
            yield "M02", words, s.Group(s.Product((node, x), ("⊙",)))


def scaled(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    """dL/da U^⊤ as (dL/da U^⊤) ⊙ r_t: a term that is a matrix product lacks a factor.

    The left side is a gradient, or λ ∂u/∂v, and has the shape of what it is taken by.
    """
    left, right = s.bare(statement.left), statement.right
    of, time = v.pulled_back(left) if v.probe is not None else _factored(v, left)
    d = v.system.model.table.get(of)
    if d is None or not d.timed or time is None:
        return
    terms = right.terms if isinstance(right, s.Sum) else (right,)
    for n, x in enumerate(terms):
        product = s.bare(x)
        if not isinstance(product, s.Product) or set(product.signs) == {"⊙"}:
            continue
        for value in v.beside(of, (time, time - 1, time + 1)):
            new: s.Node = s.Product((s.Group(x), value), ("⊙",))
            if isinstance(right, s.Sum):
                new = replace(right, terms=(*terms[:n], s.Group(new), *terms[n + 1 :]))
            yield "M02", f"the factor {plain(value)} is missing", replace(statement, right=new)


def _factored(v: Vocabulary, node: s.Node) -> tuple[str, Any]:
    """What a gradient, a cotangent or a value of the step has the shape of, and its time."""
    found = v.gradient_of(node)
    if found is not None:
        return found[0].of, found[1].time if found[1].time is not None else mx.t
    if not isinstance(node, s.Symbol):
        return "", mx.t
    if v.probe is not None and node.letter == v.probe[0]:
        return v.probe[1], v.probe[2]
    q = v.naming.parts(node)
    name = v.names.get(q.name, "")
    return (name, q.time) if v.forward and q.time is not None else ("", mx.t)


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
    if isinstance(node, s.Sum) and isinstance(x := _one_minus(node), s.Symbol):  # h (1 − a)
        at = v.naming.parts(x)
        for out in (h for h, a in v.system.pre.items() if a == v.names.get(at.name)):
            written = v.symbol_for(out, at.time)
            if written is not None:
                yield "M03", words, replace(node, terms=(node.terms[0], written))
    if isinstance(node, s.Power) and isinstance(node.exponent, s.Number):
        inner = s.bare(node.base)
        if isinstance(inner, s.Symbol) and v.is_argument("tanh", inner):
            yield "M03", words, replace(node, base=s.Apply(s.Symbol("tanh"), (inner,)))
        found = v.gradient_of(inner)
        if found is not None:
            g, q = found
            for name in (g.of, *(x for x, a in v.system.pre.items() if a == g.of)):
                value = v.symbol_for(name, q.time)
                if value is not None:
                    yield "M03", words, replace(node, base=value)
        if isinstance(inner, s.Symbol):
            q = v.naming.parts(inner)
            mine = (q.name, q.name + "~", v.names.get(q.name))
            outs = [x for x, a in v.system.pre.items() if a in mine]
            for out in outs:
                value = v.symbol_for(out, q.time)
                if value is not None:
                    yield "M03", words, replace(node, base=value)


def other_function(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """(1 − g)² and g (1 − g) as 1 − g², and 1 − f² as f (1 − f): tanh and σ by their values."""
    words = "the slope by the value x is 1 - x² of tanh, x (1 - x) of σ"
    if isinstance(node, s.Power) and node.exponent == TWO:
        x = _one_minus(node.base)
        if x is not None and not isinstance(x, s.Power):
            yield "M03", words, _square(x)
    if isinstance(node, s.Group) and isinstance(square := _one_minus(node), s.Power):
        if square.exponent == TWO:
            x = s.bare(square.base)
            yield "M19", words, s.Group(s.Product((x, _gap(x)), ("⊙",)))
    gate = _one_minus(node) if isinstance(node, s.Group) else None
    if isinstance(gate, s.Symbol) and _is_gate(v, gate):
        words = f"{plain(node)} is half of the slope {plain(gate)} ⊙ {plain(node)}"
        yield "M19", words, s.Group(s.Product((gate, node), ("⊙",)))
    if isinstance(node, s.Product):
        for n in range(len(node.signs)):
            x = s.bare(node.factors[n])
            if x == _one_minus(node.factors[n + 1]):
                factors = (*node.factors[:n], _square(x), *node.factors[n + 2 :])
                signs = (*node.signs[:n], *node.signs[n + 1 :])
                yield "M03", words, s.Product(factors, signs) if signs else factors[0]


def _is_gate(v: Vocabulary, x: s.Symbol) -> bool:
    """Whether a letter is a value of σ."""
    e = v.system.model.defined.get(v.names.get(v.naming.parts(x).name, ""))
    return e is not None and isinstance(e.rhs, mx.Apply) and e.rhs.args[0].name == "sigmoid"


def _one_minus(node: s.Node) -> s.Node | None:
    """x of 1 − x."""
    inner = s.bare(node)
    if isinstance(inner, s.Sum) and inner.signs == ("+", "-") and inner.terms[0] == s.Number("1"):
        return s.bare(inner.terms[1])
    return None


def _gap(x: s.Node) -> s.Group:
    return s.Group(s.Sum((s.Number("1"), x), ("+", "-")))


def _square(x: s.Node) -> s.Group:
    return _gap(s.Power(x, TWO, ("power",)))
