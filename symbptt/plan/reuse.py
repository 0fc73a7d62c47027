"""Buffers that take over the memory of buffers nobody reads any more.

A buffer is alive from the first item that writes it to the last that reads it; a loop is one
item. Elementwise instructions may write where they read: exp, p and p − onehot(y) then share
one array, and the slope 1 − h² takes the place of the pre-activation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from .lower import Lowering
from .program import Buffer, Instruction, Item, Loop, Part, Ref, reads

ELEMENTWISE = {
    "add", "subtract", "multiply", "divide", "negative", "sqrt", "power", "copy", "put",
    "tanh", "exp", "log", "sin", "cos", "sigmoid", "relu", "step", "softplus",
    "hardtanh",
}  # fmt: skip


def share(part: Part, b: Lowering, results: set[str], inferred: set[str]) -> Part:
    """Mark each buffer that can stand in another's memory, and drop copies onto themselves.

    `forward` runs in the same buffers and returns `results`, so nothing it computes
    (`inferred`) may take the place of one.
    """
    items = part.items()
    kept = {r.buffer for term in part.loss for r in term.args}
    first, last = _lifetimes(items, kept, len(items))
    owner: dict[str, str] = {}
    for position, item in enumerate(items):
        for name in _born(item, first, position):
            banned = results if name in inferred else set()
            donor = _donor(name, position, item, b.buffers, first, last, owner, part, banned)
            if donor:
                root = owner.get(donor, donor)
                owner[name] = root
                b.buffers[name] = replace(b.buffers[name], shares=root)
    return replace(
        part,
        forward=tuple(_without_copies(part.forward, owner)),
        backward=tuple(_without_copies(part.backward, owner)),
        gradients=tuple(_without_copies(part.gradients, owner)),
    )


def _instructions(item: Item) -> tuple[Instruction, ...]:
    return item.body if isinstance(item, Loop) else (item,)


def _lifetimes(
    items: tuple[Item, ...], kept: set[str], end: int
) -> tuple[dict[str, int], dict[str, int]]:
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for position, item in enumerate(items):
        for i in _instructions(item):
            for ref in (*reads(i), i.out):
                first.setdefault(ref.buffer, position)
                last[ref.buffer] = position
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
        same = (buffer.shape, buffer.rows, buffer.kind) == (mine.shape, mine.rows, mine.kind)
        born = first.get(other, position)
        if other == name or not same or buffer.role != "work" or born >= position:
            continue
        family = [n for n in buffers if owner.get(n, n) == owner.get(other, other)]
        if banned & set(family):
            continue
        until = max(last[n] for n in family)
        if until < position and not _guards_loss(family, position, part):
            candidates.append((1, other))
        elif until == position and _in_place(name, other, item, family):
            if not _guards_loss(family, position, part):
                candidates.append((0, other))
    return min(candidates)[1] if candidates else ""


def _guards_loss(family: list[str], position: int, part: Part) -> bool:
    """The loss is read at the end of the forward part, so its arrays survive until then."""
    held = {r.buffer for term in part.loss for r in term.args}
    return position < len(part.forward) and bool(held & set(family))


def _in_place(name: str, other: str, item: Item, family: list[str]) -> bool:
    """Whether `name` can be written over `other` while `item` still reads it."""
    body = _instructions(item)
    writers = [n for n, i in enumerate(body) if i.out.buffer == name]
    readers = [n for n, i in enumerate(body) if any(r.buffer in family for r in reads(i))]
    if not writers or not readers or any(i.out.buffer in family for i in body):
        return False
    born = body[writers[0]]
    if max(readers) > writers[0] or born.op not in ELEMENTWISE:
        return False
    views = [r for i in body for r in reads(i) if r.buffer in family]
    return all(_aligned(r, born.out) for r in views)


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
