"""Arrays made by products with one operand stand side by side, and the products become one.

    h W_i, h W_f, h W_c, h W_o        h [W_i, W_f, W_c, W_o], stacked once before the loop
    δ_i W_iᵀ + δ_f W_fᵀ + …           [δ_i, δ_f, …] [W_i, W_f, …]ᵀ
    hᵀ δ_i, hᵀ δ_f, …                 blocks of hᵀ [δ_i, δ_f, …]

Which arrays are packed is read off the products alone; `fuse` then joins the instructions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from sympy import Integer, expand

from . import gates
from .draft import Draft, joint_name
from .fuse import Fuser
from .motion import adding
from .program import Instruction, Item, Loop, Ref

Packs = dict[str, tuple[str, ...]]  # whole -> its parts, from the first column to the last


def pack(a: Draft, b: Draft) -> None:
    """Pack both drafts of one model alike: the gates' sums, then the errors of the gates."""
    names: dict[Any, str] = {}
    for groups in (_sums(a), _errors(a)):
        for members in groups:
            whole = joint_name(members, {*a.buffers, *b.buffers})
            for d in (a, b):
                if set(members) <= set(d.buffers):
                    _side_by_side(d, whole, members)
    places = gates.stand_in(a)
    for d in (a, b):
        gates.stand(d, places)
        Fuser(d, names).run()
        d.drop_unread()


def _side_by_side(d: Draft, whole: str, members: tuple[str, ...]) -> None:
    """Each member becomes a block of one array."""
    first, at = d.buffers[members[0]], Integer(0)
    blocks = {}
    for name in members:
        end = expand(at + d.buffers[name].shape[-1])
        blocks[name] = (at, end)
        d.blocks_named[whole, at, end] = name
        at = end

    def packed(r: Ref) -> Ref:
        return replace(r, buffer=whole, block=blocks[r.buffer]) if r.buffer in blocks else r

    d.views(packed)
    made = replace(first, name=whole, shape=(*first.shape[:-1], at))
    d.buffers = {
        (whole if n == members[0] else n): (made if n == members[0] else x)
        for n, x in d.buffers.items()
        if n == members[0] or n not in members
    }


def strided(d: Draft) -> bool:
    """Whether a loop works on blocks of packed rows, whose entries do not stand in one run."""
    wholes = {whole for whole, *_ in d.blocks_named}
    touched = {
        a.buffer
        for loop in d.loops()
        for i in loop.body
        for a in (*i.args, i.out)
        if isinstance(a, Ref)
    }
    rows = (d.buffers[n] for n in wholes & touched)
    return any(len(b.shape) > 1 and not b.turned and not b.copies for b in rows)


# -- which arrays


def _sums(d: Draft) -> list[tuple[str, ...]]:
    """What one loop adds up from products that share an operand."""
    found = []
    for loop in (x for x in d.blocks[0] if isinstance(x, Loop)):
        written = {i.out.buffer for i in loop.body}
        shared: dict[Any, list[str]] = {}
        for i in (*loop.body, *_straight(d.blocks[0])):
            key = _moving(d, i)
            into = _accumulator(loop.body, i)
            if key is not None and into in written and d.is_packable(into):
                shared.setdefault(key, []).append(into)
        found += _classes(d, shared.values())
    return found


def _errors(d: Draft) -> list[tuple[str, ...]]:
    """What one loop of the backward road computes and one sum of products reads."""
    found = []
    for loop in (x for x in d.blocks[1] if isinstance(x, Loop)):
        written = {i.out.buffer for i in loop.body}
        chains: dict[Any, list[str]] = {}
        for body in (loop.body, tuple(_straight(d.blocks[1])), tuple(_straight(d.blocks[2]))):
            for i in body:
                read = _error(d, i)
                if read in written and d.is_packable(read):
                    chains.setdefault((id(body), _accumulator(body, i)), []).append(read)
        found += _classes(d, chains.values())
    return found


def _straight(items: Iterable[Item]) -> list[Instruction]:
    return [i for i in items if isinstance(i, Instruction)]


def _weights(d: Draft, i: Instruction) -> list[int]:
    """The places of a product's operands that do not change."""
    if i.op != "dot":
        return []
    return [n for n, a in enumerate(i.args) if d.is_constant(a)]


def _moving(d: Draft, i: Instruction) -> Any:
    """The operand of a product with weights that is not the weights, and its place."""
    places = _weights(d, i)
    if len(places) != 1:
        return None
    other: Ref = i.args[1 - places[0]]
    return 1 - places[0], replace(other, flat=False)


def _error(d: Draft, i: Instruction) -> str:
    key = _moving(d, i)
    return "" if key is None else str(key[1].buffer)


def _accumulator(body: tuple[Instruction, ...], i: Instruction) -> str:
    """Where a product ends: the array that it is added to at once, or its own."""
    return next((x.out.buffer for x in adding(body, i)), i.out.buffer)


def _classes(d: Draft, groups: Iterable[list[str]]) -> list[tuple[str, ...]]:
    """The groups joined where they overlap, the largest group's members side by side."""
    classes: list[dict[str, None]] = []
    for group in sorted((dict.fromkeys(g) for g in groups), key=len, reverse=True):
        if len(group) < 2:
            continue
        joined = dict(group)
        for other in [c for c in classes if set(c) & set(group)]:
            classes.remove(other)
            joined = {**other, **joined}
        classes.append(joined)
    return [tuple(c) for c in classes if len({d.buffers[n].shape[:-1] for n in c}) == 1]
