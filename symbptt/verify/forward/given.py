"""A given model under the author's names."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ... import matrix as mx
from ...model import Declaration, Equation, Model
from ..matching import Matching
from .system import System


def from_model(model: Model, matching: Matching | None = None) -> System:
    """A given model under the author's names for its quantities.

    Its values are named once more where a function is applied to an expression.
    """
    target = model.targets[0] if len(model.targets) == 1 else None
    model = _with_target(model, target.name) if target else model
    equations: list[Equation] = []
    declarations = list(model.declarations)
    pre: dict[str, str] = {}
    for e in model.equations:
        rhs = e.rhs
        inner = rhs.args[-1] if isinstance(rhs, mx.Apply | mx.Softmax) else None
        if isinstance(inner, mx.Var) and inner.name in model.defined:
            pre[e.lhs.name] = inner.name
        elif inner is not None and not isinstance(inner, mx.Var):
            name = f"{e.lhs.name}~"
            var = mx.Var(name, inner.shape, (mx.t,))
            equations.append(Equation("", var, inner))
            declarations.append(Declaration(name, "variable", tuple(inner.shape), True))
            rhs = rhs.func(*rhs.args[:-1], var)
            pre[e.lhs.name] = name
        equations.append(replace(e, rhs=rhs))
    made = replace(model, declarations=tuple(declarations), equations=tuple(equations))
    found = matching.names if matching else {}
    names = {d.name: d.name for d in declarations} | ({target.name: "target~"} if target else {})
    taken = set(found.values())
    names = {n: m for n, m in names.items() if n in found or n not in taken}
    names |= {n: "target~" if target and m == target.name else m for n, m in found.items()}
    label = next((n for n, m in names.items() if m == "target~"), "")
    loss = model.defined[model.loss.step.name].rhs
    logits = next((v.name for v in mx.variables(loss) if v.name in made.defined), "")
    output = next((n for n, q in pre.items() if q == logits), logits)
    other = tuple(str(m) for m in matching.matches if m.name != m.model) if matching else ()
    return System(
        made, names, frozenset(), pre, label,
        bool(target and target.classes is not None), output, logits,
        frozenset({"L", model.loss.step.name}), None, made.is_uninterpreted, filled=other,
        given=True,
    )  # fmt: skip


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
