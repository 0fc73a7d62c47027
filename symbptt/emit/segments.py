"""What a module that goes over a sequence in segments is laid out from: its sweeps, what is kept.

start    the states that enter each segment, by the sweep that finds them
given    the gradients that enter each segment, of the sweeps before the last
end      the states that the sweep carries on      later    the gradients that it carries on
"""

from __future__ import annotations

from typing import Any

from .. import matrix as mx
from ..model import Declaration, Sweep
from ..plan import Part, Program, standing
from ..strategy import Checkpoint, Online
from .arguments import Arguments
from .names import WIDTH, assigned, code, dict_code, tuple_code
from .numpy import Lines


def segmented(
    program: Program, lines: Lines, arguments: Arguments, grads: dict[str, str]
) -> dict[str, Any]:
    """The template's variables of a checkpointed or online module; empty for another."""
    if not isinstance(program.derivation.strategy, Checkpoint | Online):
        return {}
    model, states = program.model, {}
    for d in model.states:
        if lag := model.lag(d.name):
            states[d.name] = [str(lag)] * (lag > 1) + [code(s) for s in d.shape]
    given = [d for d in model.inputs if model.is_differentiable(d.var())]
    found = {
        "checked": arguments.checked(training=True),
        "sums": [(d.name, _array(_shape(d))) for d in model.params],
        "rows": [(d.name, _array(["T", *_shape(d)])) for d in given],
        "start": [(name, _array(["count", *shape])) for name, shape in states.items()],
        "end": [(name, tuple_code(shape)) for name, shape in states.items()],
        "at_end": model.loss.over == "last",
        "two_way": model.is_two_way,
    }
    if program.derivation.segments is None:
        return found
    sweeps = program.derivation.segments.sweeps
    early = [name for w in sweeps[:-1] for name in adjoints(w)]
    laid_out, before = [], lines.locals
    for number, sweep in enumerate(sweeps):
        own = _sweep(sweeps, number)
        if number < len(sweeps) - 1:
            own |= _function(program, lines, arguments, grads, sweep, program.sweeps[number])
        laid_out.append(own)
    lines.locals = before
    return found | {
        "sweeps": laid_out,
        "given": [(name, _array(["count", *states[name]])) for name in early],
    }


def states(sweep: Sweep) -> list[str]:
    return [x.name for x in sweep.carried if isinstance(x, mx.Var)]


def adjoints(sweep: Sweep) -> list[str]:
    return [x.wrt.name for x in sweep.carried if isinstance(x, mx.Deriv)]


def _shape(d: Declaration) -> list[str]:
    return [code(s) for s in d.shape]


def _array(shape: list[str]) -> str:
    return f"np.empty({tuple_code(shape)}, dtype)"


def _sweep(sweeps: tuple[Sweep, ...], number: int) -> dict[str, Any]:
    """The loop of one sweep: what it keeps, what enters a segment, and what it carries on."""
    sweep, last = sweeps[number], number == len(sweeps) - 1
    so_far = sweeps[: number + 1]
    carried = [mx.notation["unicode"](x) for x in sweep.carried]
    way = "last segment to first" if sweep.backward else "first segment to last"
    enters = {n: f'w.start["{n}"][n]' for w in so_far for n in states(w)}
    later = {n: f'w.given["{n}"][n]' for w in sweeps[:-1] for n in adjoints(w) if w in so_far}
    later |= {n: f'w.later["{n}"]' for n in adjoints(sweep) if last}
    return {
        "words": f"Sweep {number + 1}, {way}: {', '.join(carried + ['every gradient'] * last)}",
        "last": last,
        "backward": sweep.backward,
        "states": states(sweep),
        "adjoints": adjoints(sweep),
        "name": "_segment" if last else f"_sweep_{number + 1}",
        "enters": [*_assigned("begin", enters), *_assigned("later", later)],
    }


def _assigned(name: str, items: dict[str, str]) -> list[str]:
    """A dict on one line, or with a line for each item; nothing for an empty one."""
    line = f"{name} = {dict_code(items)}"
    if len(line) <= WIDTH - 8:
        return [line] if items else []
    return [f"{name} = {{", *(f'    "{k}": {v},' for k, v in items.items()), "}"]


def _function(
    program: Program,
    lines: Lines,
    arguments: Arguments,
    grads: dict[str, str],
    sweep: Sweep,
    part: Part,
) -> dict[str, Any]:
    """The function that computes a segment for a sweep that is not the last."""
    lines.locals = {}
    body = lines.block(part.items())
    training = bool(adjoints(sweep))
    ends = {n: lines.end(program.buffers[standing(program.buffers, n)]) for n in states(sweep)}
    return {
        "opening": arguments.opening(body, lines.locals, training=training, sized=True),
        "lines": assigned(lines.locals) + body,
        "ends": dict_code(ends),
        "grads": dict_code({n: grads[n] for n in adjoints(sweep)}),
    }
