"""The arrays of one step: inside a loop, each takes the memory of one that is done with.

A step that writes few arrays many times works in the cache.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .draft import ELEMENTWISE
from .program import Buffer, Instruction, Item, Loop, Ref, reads, touched


def scratch_of(items: Iterable[Item], buffers: dict[str, Buffer]) -> dict[str, Loop]:
    """The work arrays without a time axis that only one loop touches, with that loop."""
    found: dict[str, Loop] = {}
    elsewhere: set[str] = set()
    for item in items:
        for i in item.body if isinstance(item, Loop) else (item,):
            for name in touched(i):
                known = found.get(name, item)
                if not isinstance(item, Loop) or known is not item:
                    elsewhere.add(name)
                else:
                    found[name] = item
    return {
        n: loop
        for n, loop in found.items()
        if n not in elsewhere and buffers[n].role == "work" and not buffers[n].timed
    }


def share_scratch(items: tuple[Item, ...], buffers: dict[str, Buffer]) -> dict[str, str]:
    """Mark the scratch arrays that take over others' memory; returns who took whose."""
    names = scratch_of(items, buffers)
    owner: dict[str, str] = {}
    memory: list[str] = []  # what there is, the one used last at the end
    for loop in dict.fromkeys(names.values()):
        mine = [n for n, x in names.items() if x is loop]
        carried = [n for n in mine if _is_carried(loop, n)]
        memory += carried
        held = {n: (n, len(loop.body)) for n in carried}  # memory -> its holder, and until when
        seen = set(carried)
        for n, i in enumerate(loop.body):
            name = i.out.buffer
            if name not in mine or name in seen:
                continue
            seen.add(name)
            free = [
                m
                for m in memory
                if _fits(m, name, buffers) and _is_free(n, i, held.get(m), buffers)
            ]
            root = free[-1] if free else name
            if free:
                owner[name] = root
                buffers[name] = replace(buffers[name], shares=root)
                memory.remove(root)
            memory.append(root)
            held[root] = (name, _last(loop, name))
    return owner


def _last(loop: Loop, name: str) -> int:
    return max(n for n, i in enumerate(loop.body) if name in touched(i))


def _is_carried(loop: Loop, name: str) -> bool:
    """Whether a step reads what an earlier one has left."""
    first = next(i for i in loop.body if name in touched(i))
    return any(r.buffer == name for r in reads(first))


def _fits(memory: str, name: str, buffers: dict[str, Buffer]) -> bool:
    root, b = buffers[memory], buffers[name]
    return sorted(map(str, root.shape)) == sorted(map(str, b.shape)) and root.kind == b.kind


def _is_free(
    n: int, i: Instruction, held: tuple[str, int] | None, buffers: dict[str, Buffer]
) -> bool:
    """Whether instruction n may write there: the last to read may be that very one."""
    if held is None:
        return True
    name, end = held
    if end < n:
        return True
    views = [r for r in reads(i) if r.buffer == name]
    plain = all(r == Ref(name) for r in views) and i.out == Ref(i.out.buffer)
    same = buffers[name].shape == buffers[i.out.buffer].shape
    return end == n and plain and same and i.op in ELEMENTWISE
