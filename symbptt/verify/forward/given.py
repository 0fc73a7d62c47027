"""A given model under the author's names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ... import matrix as mx
from ...model import Declaration, Equation, Model
from ..matching import Matching
from .system import System


def from_model(
    model: Model, matching: Matching | None = None, losses: frozenset[str] = frozenset()
) -> System:
    """A given model under the author's names for its quantities; `losses` are further letters
    that the text has for its loss, E for L.

    Its values are named once more where a function is applied to an expression.
    """
    target = model.targets[0] if len(model.targets) == 1 else None
    made, pre = arguments_named(_with_target(model, target.name) if target else model)
    found = matching.names if matching else {}
    names = {d.name: d.name for d in made.declarations}
    names |= {target.name: "target~"} if target else {}
    taken = set(found.values())
    names = {n: m for n, m in names.items() if n in found or n not in taken}
    names |= {n: "target~" if target and m == target.name else m for n, m in found.items()}
    label = next((n for n, m in names.items() if m == "target~"), "")
    loss = made.defined[made.loss.step.name].rhs
    logits = next((v.name for v in mx.variables(loss) if v.name in made.defined), "")
    output = next((n for n, q in pre.items() if q == logits), logits)
    other = tuple(str(m) for m in matching.matches if m.name != m.model) if matching else ()
    return System(
        made, names, frozenset(), pre, label,
        bool(target and target.classes is not None), output, logits,
        frozenset({"L", model.loss.step.name}) | losses, None, made.is_uninterpreted, filled=other,
        given=True,
    )  # fmt: skip


def arguments_named(model: Model) -> tuple[Model, dict[str, str]]:
    """The model with a name for what each function is applied to, h~ for that of h; and these.

    h = tanh(W h + b) or h = (1 − α) h + α tanh(W h + b) as h~ = W h + b and h of h~.
    """
    equations: list[Equation] = []
    declarations = list(model.declarations)
    pre: dict[str, str] = {}
    for e in model.equations:
        rhs = e.rhs
        inner = rhs.args[-1] if isinstance(rhs, mx.Apply | mx.Softmax) else None
        calls = [] if e.lhs == model.loss.step else list(_applied(rhs))
        if isinstance(inner, mx.Var) and inner.name in model.defined:
            pre[e.lhs.name] = inner.name
        elif len(calls) == 1:
            (call,), argument = calls, calls[0].args[-1]
            name = f"{e.lhs.name}~"
            var = mx.Var(name, argument.shape, (mx.t,))
            equations.append(Equation("", var, argument))
            declarations.append(Declaration(name, "variable", tuple(argument.shape), True))
            rhs = rhs.xreplace({call: call.func(*call.args[:-1], var)})
            pre[e.lhs.name] = name
        equations.append(replace(e, rhs=rhs))
    made = replace(model, declarations=tuple(declarations), equations=tuple(equations))
    return made, pre


def _applied(e: Any) -> Iterator[Any]:
    """The functions of what has no name yet, outermost first; none inside another."""
    if isinstance(e, mx.Apply | mx.Softmax) and not isinstance(e.args[-1], mx.Var):
        yield e
        return
    for x in e.args if isinstance(e, mx.Node) and not isinstance(e, mx.Var) else ():
        yield from _applied(x)


def _with_target(model: Model, name: str) -> Model:
    """The model with its target called what a text's own target is called here."""

    def moved(e: Any) -> Any:
        mine = (v for v in mx.variables(e) if v.name == name)
        return e.xreplace({v: mx.Var("target~", v.shape, v.times) for v in mine})

    return replace(
        model,
        declarations=tuple(
            replace(d, name="target~") if d.name == name else d for d in model.declarations
        ),
        equations=tuple(replace(e, rhs=moved(e.rhs)) for e in model.equations),
    )
