"""Which name of a model plays which part of an Elman network: state, weights, readout, loss.

    a_t = W h_{t-1} + U x_t + b        pre-activation, recurrent and input weights, bias
    h_t = φ(a_t)                       state
    o_t = V h_t + c                    readout, its weights and bias
    ŷ_t = softmax(o_t)                 probabilities
    l_t = ℓ(o_t, y_t)                  loss of the step

Only the form counts, so a leaky or residual state fits as well; rows or columns are one thing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import UnsupportedError
from ..model import Equation, Model

# What a model must have to be written in the notation of a text, and how it is recognised.
NEEDED = {
    "state": "one state",
    "input": "one input",
    "target": "one target",
    "recurrent weights": "a square parameter that multiplies the state of the step before",
    "input weights": "a parameter that multiplies the input",
    "readout weights": "a parameter that multiplies the state of the same step",
    "readout": "a value that the readout weights compute",
}


def roles_of(model: Model) -> dict[str, str]:
    """Role -> the model's own name for it; UnsupportedError names the role that is missing."""
    found: dict[str, list[str]] = {
        "state": [d.name for d in model.states],
        "input": [d.name for d in model.inputs],
        "target": [d.name for d in model.targets],
    }
    _require(model, found, *found)
    state, given = model.states[0].var(mx.t), model.inputs[0].var(mx.t)

    def weights(of: Callable[[mx.Var], bool]) -> list[tuple[str, Equation]]:
        pairs = [(p, e) for e in model.equations for p, x in _products(model, e.rhs) if of(x)]
        return list({p: (p, e) for p, e in pairs}.values())

    square = (state.shape[-1:]) * 2  # packed gates are no Elman network
    recurrent = weights(lambda v: v.name == state.name and v != state)
    recurrent = [(p, e) for p, e in recurrent if model.table[p].shape == square]
    readout = weights(lambda v: v == state)
    found["recurrent weights"] = [p for p, _ in recurrent]
    found["input weights"] = [p for p, _ in weights(lambda v: v == given)]
    found["readout weights"] = [p for p, _ in readout]
    found["readout"] = [e.lhs.name for _, e in readout]
    _require(model, found, *NEEDED)
    step, out = recurrent[0][1], readout[0][1]
    if step.lhs != state:
        found["pre-activation"] = [step.lhs.name]
    found["bias"] = _added(model, step)
    found["readout bias"] = _added(model, out)
    found["probabilities"] = [e.lhs.name for e in model.equations if e.rhs == mx.Softmax(out.lhs)]
    found["step loss"] = [model.loss.step.name]
    return {role: names[0] for role, names in found.items() if len(names) == 1}


def _products(model: Model, rhs: mx.Node) -> list[tuple[str, mx.Var]]:
    """(parameter, variable) for every matrix product of the two, either way round."""
    found = []
    for e in sympy.preorder_traversal(rhs):
        if isinstance(e, mx.MatMul):
            a, b = (_bare(x) for x in e.args)
            for p, x in ((a, b), (b, a)):
                if _is_param(model, p) and isinstance(x, mx.Var) and x.times:
                    found.append((p.name, x))
    return found


def _bare(e: Any) -> Any:
    """What is transposed or turned into a one-hot row."""
    return _bare(e.args[0]) if isinstance(e, mx.Transpose | mx.OneHot) else e


def _is_param(model: Model, e: Any) -> bool:
    return isinstance(e, mx.Var) and e.name in model.table and model.table[e.name].role == "param"


def _added(model: Model, e: Equation) -> list[str]:
    terms = e.rhs.args if isinstance(e.rhs, mx.Plus) else ()
    bare = [x.args[0] if isinstance(x, mx.Broadcast) else x for x in terms]
    return [x.name for x in bare if _is_param(model, x)]


def _require(model: Model, found: dict[str, list[str]], *roles: str) -> None:
    for role in roles:
        if len(found[role]) != 1:
            names = ", ".join(found[role])
            has = f"has several: {names}" if names else "has none"
            raise UnsupportedError(
                f"{model.name} has not the form of an Elman network: the role {role!r} takes "
                f"{NEEDED[role]}, and it {has}",
                "derive without --notation, in the model's own names",
            )
