"""The passes between the lowering and the sharing of memory, in their order.

pack      what products with one operand make stands side by side, and they are one product
gates     the gates take the place of their packed pre-activation
keep      what a loop computes is kept for whoever needs it for all t
columns   gated loops run feature by feature
halves    sigmoid and tanh gates go through one tanh
"""

from __future__ import annotations

from typing import Any, Literal

from . import gates
from .columns import RefusedError, columns, is_gated, scratch, sink, turned_names
from .draft import Draft
from .halves import fold_halves
from .keep import is_gate, keep, takes_product
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
    for d in (a, b) if upto == "gates" else ():
        fold_halves(d)
        gates.name_blocks(d)
        gates.settle(d)
        b.buffers |= {n: x for n, x in a.buffers.items() if x.part and x.part[0] in b.buffers}
    buffers = {**a.buffers, **{n: x for n, x in b.buffers.items() if n not in a.buffers}}
    return a.part(), b.part(), buffers


def _gated(a: Draft, b: Draft) -> tuple[Draft, Draft]:
    keep(a, is_gate)
    places = gates.in_place(a)
    gates.take_place(a, places)
    gates.take_place(b, places)
    return _turned(a, b) if is_gated(a) else _sunk(a, b)


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


def _turned(a: Draft, b: Draft) -> tuple[Draft, Draft]:
    """Both drafts with their loops turned, or as they are where one cannot be."""
    c, d = a.copy(), b.copy()
    try:
        sink(c, set(c.buffers))
        sink(d, {n for n, x in c.buffers.items() if not x.timed})
        keep(c)
        names = turned_names(c) | turned_names(d)
        copied = columns(c, names, set())
        if columns(d, names, copied) - copied:
            return a, b
    except RefusedError:
        return a, b
    scratch(c)
    _alike(c, d)
    return c, d
