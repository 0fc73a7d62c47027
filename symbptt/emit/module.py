"""Everything the template lays out, decided: blocks of lines, docstrings, buffers, checks."""

from __future__ import annotations

import textwrap
from typing import Any

from ..model import Declaration, Verdict
from ..plan import Buffer, Loop, Program, Ref, standing
from ..show import show_equation
from ..strategy import (
    Blocks,
    Checkpoint,
    Online,
    RandomCut,
    Strategy,
    first_step,
    last_step,
)
from .arguments import Arguments
from .names import (
    LONGEST,
    WIDTH,
    adjoint_name,
    assigned,
    code,
    dict_code,
    dict_doc,
    identifier,
    keyword_argument,
    tuple_code,
    wrapped,
)
from .numpy import Lines
from .segments import segmented
from .views import block_code, range_code, store, within


def context(program: Program, proof: Verdict | None, command: str) -> dict[str, Any]:
    """The template's variables for one program."""
    model, lines, arguments = program.model, Lines(program), Arguments(program.model)
    part, strategy = program.train, program.derivation.strategy
    forward = [*lines.block(part.forward), *lines.loss(part)]
    backward, gradients = lines.block(part.backward), lines.block(part.gradients)
    used, lines.locals = lines.locals, {}
    infer = lines.block(program.infer.forward)
    grads = _grads(lines, arguments)
    checkpointed = segmented(program, lines, arguments, grads)
    outputs = {n: _returned(lines, n) for n in program.readout}
    final = dict_code({d.name: lines.end(_standing(program, d.name)) for d in model.states})
    return {
        "title": f"{model.name}: {model.title}." if model.title else f"{model.name}.",
        "docstring": docstring(program, proof, command),
        "arguments": arguments.described(),
        "opening": arguments.opening(
            [*forward, *backward, *gradients], used, training=True, sized=bool(checkpointed)
        ),
        "forward": assigned(used) + forward,
        "backward": backward,
        "gradients": gradients,
        "grads": list(grads.items()),
        "final": final,
        "readout": dict_doc(list(outputs)),
        "opening_infer": arguments.opening(infer, lines.locals, training=False),
        "infer": assigned(lines.locals) + infer,
        "outputs": dict_code(outputs),
        "size_names": ", ".join(arguments.size_names()),
        "size_arguments": ", ".join(["params", *arguments.given_names(), "state"]),
        "checking": arguments.checking(),
        "allocation": _allocation(lines),
        "hyper": arguments.keywords(),
        "hypers": [keyword_argument(d.name) for d in model.hypers],
        "blocks": strategy if isinstance(strategy, Blocks) else None,
        "blocks_go": {i.backward for i in part.backward if isinstance(i, Loop) and i.together},
        "random": strategy if isinstance(strategy, RandomCut) else None,
        "checkpoint": checkpointed,
        "online": isinstance(strategy, Online),
        "over": model.loss.over,
        "clip": program.clip,
        "params": [d.name for d in model.params],
        "has_indices": any(d.classes is not None for d in arguments.timed()),
    }


def docstring(program: Program, proof: Verdict | None, command: str) -> list[str]:
    """Equations with their numbers, what was proved, and how to write the file again."""
    lines = cut_in_words(program.derivation.strategy, program.model.is_two_way)
    for g in program.derivation.groups:
        if g.key in ("forward", "adjoint", "boundary", "gradient"):
            lines += ["", g.title]
            for e in g.equations:
                text = f"  {f'({e.label})'.rjust(5)} {show_equation(e)}"
                lines += textwrap.wrap(text, WIDTH, subsequent_indent=" " * 12)
    if proof is not None and proof.ok:
        lines += ["", f"Proved for every T and every size: {len(proof.steps)} statements, by"]
        strategy = program.derivation.strategy
        option = f" {strategy.option}" if strategy else ""
        lines += [f"`symbptt prove {program.model.name}{option}`."]
    if command:
        lines += ["", f"Written by `{command}`; write it again rather than edit it."]
    return lines


def cut_in_words(strategy: Strategy | None, two_way: bool) -> list[str]:
    """What a strategy makes of the gradient, for the docstring."""
    if isinstance(strategy, Blocks):
        text = (
            f"The gradient is cut: {strategy}. dL/dv stands for the sum over the losses l_s of "
            f"dl_s/dv at the steps that the loss reaches, from s back to "
            f"{first_step(strategy, 's')}"
            + (f" and ahead to {last_step(strategy, 's')}" if two_way else "")
            + "; the recursions below are those of each loss alone."
        )
    elif isinstance(strategy, RandomCut):
        text = (
            "The gradient is cut at random: on its way between two steps it is multiplied by ξ, "
            "which is 1/ALPHA with probability ALPHA and else 0. Its mean is the full one."
        )
    elif isinstance(strategy, Checkpoint):
        kept = "what enters a segment, on either side," if two_way else "the state before a segment"
        text = (
            f"The full gradient in memory of the order √T: {kept} is kept, and the segment is "
            "computed again in every sweep over the segments that needs it."
        )
    elif isinstance(strategy, Online):
        text = (
            "The full gradient carried forward in time, by real-time recurrent learning: `step` "
            "takes one step and keeps the influence of every parameter on the state. The gradients "
            "of inputs, which would need every step, are not given."
        )
    else:
        return []
    return ["", *textwrap.wrap(text, WIDTH)]


def _standing(program: Program, name: str) -> Buffer:
    return program.buffers[standing(program.buffers, name)]


def _returned(lines: Lines, name: str) -> str:
    b = _standing(lines.program, name)
    return lines.ref(Ref(b.name, "all" if b.timed else "static", turned=b.turned), None)


def _grads(lines: Lines, arguments: Arguments) -> dict[str, str]:
    """Name -> where its gradient stands; a state's is the row before the first step."""
    program, out = lines.program, {}
    for e in program.derivation.group("gradient").equations:
        d = program.model.table[e.lhs.wrt.name]
        name = adjoint_name(d.name, program.model)
        out[d.name] = (
            _initial(lines, arguments, d, name) if d.role == "state" else f"w.{identifier(name)}"
        )
    return out


def _initial(lines: Lines, arguments: Arguments, d: Declaration, name: str) -> str:
    b = lines.program.buffers.get(name)
    if b is not None and b.role == "carried":
        return lines.ref(Ref(name, turned=b.turned), None)
    if b is None or not b.padded:
        lines.needs[f"d{d.name}_0"] = f"np.zeros({arguments.state_shape(d)}, dtype)"
        return f"w.d{d.name}_0"
    return lines.start(b)


def _allocation(lines: Lines) -> list[str]:
    """The body of the buffer class: arrays, then the views of them that the lines use."""
    buffers = sorted(lines.program.buffers.values(), key=lambda b: (bool(b.part), bool(b.shares)))
    out = [
        _allocate(b, lines.program) for b in buffers if b.role not in ("param", "input", "target")
    ]
    for made in (lines.needs, lines.views, lines.loops):
        out += [f"self.{name} = {text}" for name, text in made.items()]
    return [line for text in out for line in wrapped(text, LONGEST - 8)]


def blocks(program: Program) -> Blocks:
    strategy = program.derivation.strategy
    assert isinstance(strategy, Blocks)
    return strategy


def _allocate(b: Buffer, program: Program) -> str:
    if b.part:
        whole = program.buffers[b.part[0]]
        if b.across:
            return f"{store(b)} = {store(whole)}[{range_code(b.part[1:])}]"
        return f"{store(b)} = {store(whole)}{block_code(b.part[1:], whole, rows=b.timed)}"
    dims = [code(s) for s in b.shape]
    if b.role == "error":
        every = blocks(program).every
        dims.insert(0, "T" if every == 1 else f"-(-T // {every})")
        dims = [str(b.slots), *dims] if b.slots > 1 else dims
    elif b.timed:
        dims.insert(0, f"T + {(b.rows or 0) + b.ahead}" if b.padded else "T")
    if b.shares:
        source = program.buffers[b.shares]
        if source.padded and not b.padded:
            return f"{store(b)} = {within(source, 0)}  # {identifier(b.name)} stands in its rows"
        form = "" if source.shape == b.shape else f".reshape{tuple_code(dims)}"
        return f"{store(b)} = {store(source)}{form}  # {identifier(b.name)} takes its place"
    dtype = "np.intp" if b.kind == "index" else "dtype"
    return f"{store(b)} = _empty({tuple_code(dims)}, {dtype})"
