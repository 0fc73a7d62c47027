"""Buffers that take over the memory of buffers nobody reads any more.

A buffer is alive from the first item that writes it to the last that reads it; a loop is one
item. Elementwise instructions may write where they read: exp, p and p − onehot(y) then share
one array, and the slope 1 − h² takes the place of the pre-activation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import sympy

from .draft import ELEMENTWISE, at_step, with_views
from .inside import stands_inside
from .program import Buffer, Instruction, Item, Loop, Part, Ref, reads, touched
from .scratch import scratch_of, share_scratch


def share(
    parts: tuple[Part, ...],
    buffers: dict[str, Buffer],
    finals: set[str],
    results: set[str],
    infer: Part,
) -> tuple[tuple[Part, ...], dict[str, Buffer]]:
    """Mark each buffer that can stand in another's memory, and drop copies onto themselves.

    The first of `parts` says what can: the others are slices of it. Nothing takes the place of
    `finals`, which are returned. `forward` runs in the same buffers and returns `results`, so
    nothing that `infer` computes may take the place of one.
    """
    part = parts[0]
    inferred = {n for i, _ in infer.instructions() for n in touched(i)}
    items, buffers = part.items(), dict(buffers)
    items = tuple(_in_wholes(item, buffers) for item in items)
    kept = {r.buffer for term in part.loss for r in term.args}
    first, last = _lifetimes(items, kept, len(items))
    owner = share_scratch(items, buffers)
    steps = scratch_of(items, buffers)
    inside = stands_inside(replace(part, forward=items, backward=(), gradients=()), infer, buffers,
                           finals | results)  # fmt: skip
    for name, host in inside.items():
        owner[name] = host
        buffers[name] = replace(buffers[name], shares=host)
    apart = {*steps, *inside, *inside.values()}
    lasting = {n: b for n, b in buffers.items() if n not in apart}
    for position, item in enumerate(items):
        for name in [n for n in _born(item, first, position) if n in lasting]:
            banned = finals | (results if name in inferred else set())
            donor = _donor(name, position, item, lasting, first, last, owner, part, banned)
            if donor:
                root = owner.get(donor, donor)
                owner[name] = root
                buffers[name] = replace(buffers[name], shares=root)
    shared = (
        replace(
            p,
            forward=tuple(_without_copies(p.forward, owner)),
            backward=tuple(_without_copies(p.backward, owner)),
            gradients=tuple(_without_copies(p.gradients, owner)),
        )
        for p in parts
    )
    return tuple(shared), buffers


def _in_wholes(item: Item, buffers: dict[str, Buffer]) -> Item:
    """A part of a packed array as a block of it."""

    def whole(r: Ref) -> Ref:
        b = buffers[r.buffer]
        if not b.part or b.role == "grad":  # nothing takes a gradient's place
            return r
        return replace(r, buffer=b.part[0], block=b.part[1:])

    if isinstance(item, Loop):
        return replace(item, body=tuple(with_views(i, whole) for i in item.body))
    return with_views(item, whole)


def _instructions(item: Item) -> tuple[Instruction, ...]:
    return item.body if isinstance(item, Loop) else (item,)


def _lifetimes(
    items: tuple[Item, ...], kept: set[str], end: int
) -> tuple[dict[str, int], dict[str, int]]:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for position, item in enumerate(items):
        for i in _instructions(item):
            for name in touched(i):
                first.setdefault(name, position)
                last[name] = position
    # The loss is summed up when the forward part ends, which is before any later item.
    for name in kept:
        last[name] = max(last.get(name, 0), first.get(name, 0))
    return first, last


def _born(item: Item, first: dict[str, int], position: int) -> list[str]:
    names = dict.fromkeys(i.out.buffer for i in _instructions(item))
    return [n for n in names if first[n] == position]


def _donor(
    name: str,
    position: int,
    item: Item,
    buffers: dict[str, Buffer],
    first: dict[str, int],
    last: dict[str, int],
    owner: dict[str, str],
    part: Part,
    banned: set[str],
) -> str:
    """A dead buffer of the same shape, preferably one this very item reads for the last time."""
    mine = buffers[name]
    if mine.role != "work":
        return ""
    candidates = []
    for other, buffer in buffers.items():
        same = _extent(buffer) == _extent(mine) and all(
            getattr(buffer, x) == getattr(mine, x) for x in ("rows", "kind", "ahead")
        )
        born = first.get(other, position)
        if other == name or not same or buffer.role != "work" or born >= position or buffer.part:
            continue
        family = [n for n in buffers if owner.get(n, n) == owner.get(other, other)]
        if banned & set(family):
            continue
        until = max(last[n] for n in family)
        if until < position and not _guards_loss(family, position, part):
            candidates.append((1, other))
        elif until == position and _in_place(name, other, item, family, buffers):
            if not _guards_loss(family, position, part):
                candidates.append((0, other))
    return min(candidates)[1] if candidates else ""


def _extent(b: Buffer) -> list[Any]:
    """The lengths of the axes, in any order: a row stands in one run of memory."""
    return sorted(b.shape, key=sympy.default_sort_key)


def _guards_loss(family: list[str], position: int, part: Part) -> bool:
    """The loss is read at the end of the forward part, so its arrays survive until then."""
    held = {r.buffer for term in part.loss for r in term.args}
    return position < len(part.forward) and bool(held & set(family))


def _in_place(
    name: str, other: str, item: Item, family: list[str], buffers: dict[str, Buffer]
) -> bool:
    """Whether `name` can be written over `other` while `item` still reads it."""
    body = _instructions(item)
    writers = [n for n, i in enumerate(body) if i.out.buffer == name]
    readers = [n for n, i in enumerate(body) if any(r.buffer in family for r in reads(i))]
    if not writers or not readers or any(i.out.buffer in family for i in body):
        return False
    born = body[writers[0]]
    if max(readers) > writers[0]:
        return False
    views = [r for i in body for r in reads(i) if r.buffer in family]
    if max(readers) < writers[0] and at_step(born.out) and all(map(_same_row, views)):
        return True
    if buffers[name].shape != buffers[other].shape or born.op not in (*ELEMENTWISE, "put"):
        return False
    return all(_aligned(r, born.out) for r in views)


def _same_row(r: Ref) -> bool:
    """Whether a view is of row t, in whatever form."""
    return at_step(replace(r, turned=False, spread=()))


def _aligned(source: Ref, out: Ref) -> bool:
    return replace(source, buffer="", flat=False) == replace(out, buffer="", flat=False)


def _without_copies(items: tuple[Item, ...], owner: dict[str, str]) -> Iterator[Item]:
    def idle(i: Instruction) -> bool:
        if i.op != "copy" or not isinstance(i.args[0], Ref):
            return False
        source = i.args[0]
        same = owner.get(source.buffer, source.buffer) == owner.get(i.out.buffer, i.out.buffer)
        return same and replace(source, buffer="") == replace(i.out, buffer="")

    for item in items:
        if isinstance(item, Loop):
            yield replace(item, body=tuple(i for i in item.body if not idle(i)))
        elif not idle(item):
            yield item
