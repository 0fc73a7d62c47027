"""The part of a program that some of its arrays are computed by (Weiser, 1981).

An instruction stays where something that stays reads what it writes. Order and memory are
those of the whole, so an array may still take the place of another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from .program import Buffer, Item, Loop, Part, reads


def part_of(part: Part, wanted: Iterable[str], buffers: dict[str, Buffer]) -> Part:
    """The instructions of a part that `wanted` depend on, through any array and any step."""

    def whole(name: str) -> str:
        b = buffers[name]
        return b.part[0] if b.part else name

    live, more = set[str](), {whole(name) for name in wanted}
    while more:
        live |= more
        kept = [i for i, _ in part.instructions() if whole(i.out.buffer) in live]
        more = {whole(r.buffer) for i in kept for r in reads(i)} - live

    def cut(items: tuple[Item, ...]) -> Iterator[Item]:
        for item in items:
            if not isinstance(item, Loop):
                if whole(item.out.buffer) in live:
                    yield item
            elif body := tuple(i for i in item.body if whole(i.out.buffer) in live):
                yield replace(item, body=body)

    blocks = (part.forward, part.backward, part.gradients)
    forward, backward, gradients = (tuple(cut(items)) for items in blocks)
    return Part(forward, backward, gradients)
