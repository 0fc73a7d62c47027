"""The passes between the lowering and the sharing of memory, in their order.

pack      what products with one operand make stands side by side, and they are one product
gates     the gates take the place of their packed pre-activation
keep      what a loop computes is kept for whoever needs it for all t
columns   gated loops run feature by feature
order     gates of one kind stand side by side
halves    sigmoid and tanh gates go through one tanh
abreast   what is done alike to neighbouring gates is done at once
biases    a bias is added in the loop
carry     an error that only goes on from step to step is one array
"""

from __future__ import annotations

from typing import Any, Literal

from . import gates
from .abreast import join_neighbours
from .biases import add_biases_inside
from .carry import carry
from .columns import RefusedError, columns, is_gated, scratch, sink, turned_names
from .draft import Draft
from .halves import fold_halves
from .keep import is_gate, keep, takes_product
from .order import sort_gates
from .pack import pack, strided
from .program import Buffer, Part

Buffers = dict[str, Buffer]
Upto = Literal["nothing", "pack", "gates"]  # the last of the passes that are made


def arranged(
    train: tuple[Part, Buffers],
    infer: tuple[Part, Buffers],
    results: set[str],
    upto: Upto = "gates",
) -> tuple[Part, Part, Buffers]:
    """Both parts after the passes, and the buffers that they share."""
    a, b = Draft.of(*train, results), Draft.of(*infer, results)
    keep(a, takes_product)
    c, d = a.copy(), b.copy()
    pack(c, d)
    gated = _gated(c.copy(), d.copy())
    if any(map(strided, gated)):  # a block of it would have gaps
        c, d, gated = a, b, _gated(a.copy(), b.copy())
    a, b = gated if upto == "gates" else (c, d)
    if upto == "gates":
        names = [gates.names_by_columns(d) for d in (a, b)]  # those of the model's own order
        sort_gates(a, b)
        for d, named in zip((a, b), names, strict=True):
            fold_halves(d)
            gates.name_blocks(d, named)
            join_neighbours(d)
            gates.settle(d)
            add_biases_inside(d)
            b.buffers |= {n: x for n, x in a.buffers.items() if x.part and x.part[0] in b.buffers}
        carry(a)
    buffers = {**a.buffers, **{n: x for n, x in b.buffers.items() if n not in a.buffers}}
    return a.part(), b.part(), buffers


def _gated(a: Draft, b: Draft) -> tuple[Draft, Draft]:
    """The gates in the place of their pre-activations, where each stands in one run of memory."""
    keep(a, is_gate)
    places = gates.in_place(a)
    if is_gated(a) and (turned := _turned(*_in_place(a.copy(), b.copy(), places))):
        return turned
    vectors = {n: p for n, p in places.items() if len(a.buffers[n].shape) == 1}
    return _sunk(*_in_place(a, b, vectors))


def _in_place(a: Draft, b: Draft, places: gates.Places) -> tuple[Draft, Draft]:
    for d in (a, b):
        gates.take_place(d, places)
    return a, b


def _sunk(a: Draft, b: Draft) -> tuple[Draft, Draft]:
    """Loops over rows compute what they alone read, a step at a time: it takes no memory.

    For a vector the calls would cost more than the memory saves.
    """
    rows = {n for n, x in a.buffers.items() if len(x.shape) == 2}
    sink(a, rows)
    scratch(a)
    sink(b, {n for n in rows if not a.buffers[n].timed})
    _alike(a, b)
    return a, b


def _alike(a: Draft, b: Draft) -> None:
    """What has one row for all steps in the first has so in the second."""
    for name, buffer in a.buffers.items():
        other: Any = b.buffers.get(name)
        if other is not None and other.timed and not buffer.timed:
            b.untimed(name)


def _turned(a: Draft, b: Draft) -> tuple[Draft, Draft] | None:
    """Both drafts with their loops turned; None where one cannot be."""
    try:
        sink(a, set(a.buffers))
        sink(b, {n for n, x in a.buffers.items() if not x.timed})
        keep(a)
        names = turned_names(a) | turned_names(b)
        copied = columns(a, names, set())
        if columns(b, names, copied) - copied:
            return None
    except RefusedError:
        return None
    scratch(a)
    _alike(a, b)
    return a, b
