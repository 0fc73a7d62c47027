"""Arrays that stand in the rows t = 1..T of one that has rows besides.

h[t] = tanh(a[t])             a stands where h will: a row is read for the last time
                              when h[t] is written
da[t] = dh[t] ∘ slope[t]      da stands where dh was: no later step reads that row
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations

from .draft import ELEMENTWISE, at_step
from .program import Buffer, Instruction, Item, Loop, Part, Ref, reads, touched


def stands_inside(
    part: Part, infer: Part, buffers: dict[str, Buffer], banned: set[str]
) -> dict[str, str]:
    """Array -> the one in whose rows it stands. The other part runs in the same memory.

    What is in `banned` is returned, or read by the loss: nothing is written over it.
    """
    found: dict[str, str] = {}
    kept = banned | {r.buffer for term in part.loss for r in term.args}
    for guest, host in _candidates(part, buffers):
        if {guest, host} & {*found, *found.values()} or guest in kept:
            continue
        parts = [part, infer] if _names(infer) & {guest, host} else [part]
        if all(_before(p, guest, host) for p in parts):
            found[guest] = host
        elif host not in kept and len(parts) == 1 and _before(part, host, guest):
            found[guest] = host
    return found


def _candidates(part: Part, buffers: dict[str, Buffer]) -> Iterator[tuple[str, str]]:
    """(guest, host) where one loop computes one of them from the other, entry by entry."""
    for i, loop in part.instructions():
        if loop is None or i.op not in ELEMENTWISE or loop.together:
            continue
        for a in i.args:
            if isinstance(a, Ref) and a.span == i.out.span == "step":
                for guest, host in permutations((buffers[a.buffer], buffers[i.out.buffer])):
                    if _fits(guest, host):
                        yield guest.name, host.name


def _fits(guest: Buffer, host: Buffer) -> bool:
    work = guest.role == host.role == "work" and guest.kind == host.kind
    alike = guest.shape == host.shape and guest.turned == host.turned
    plain = not (guest.part or host.part)
    return work and alike and plain and guest.only_steps and host.timed and host.padded


def _names(part: Part) -> set[str]:
    return {n for i, _ in part.instructions() for n in touched(i)}


def _before(part: Part, first: str, then: str) -> bool:
    """Whether every row of `first` is done with when that row of `then` is written."""
    items = part.items()
    born = next((n for n, item in enumerate(items) if _writes(item, then)), None)
    if born is None or not isinstance(items[born], Loop):
        return False
    loop = items[born]
    assert isinstance(loop, Loop)
    for n, item in enumerate(items):
        for name, refs in ((first, _views(item, first)), (then, _views(item, then))):
            inner = [r for r in refs if r.span != "start"]
            if n < born and name == then and inner:
                return False
            if n > born and name == first and inner:
                return False
    at = next(n for n, i in enumerate(loop.body) if i.out == Ref(then, "step"))
    if loop.body[at].op not in ELEMENTWISE:
        return False
    return all(_in_order(loop, n, at, first, then) for n in range(len(loop.body)))


def _in_order(loop: Loop, n: int, at: int, first: str, then: str) -> bool:
    """Whether instruction n touches row t of `first` until `at`, and of `then` from there on.

    A row that the loop has still to reach is that of `first`, one it has left is that of `then`.
    """
    i = loop.body[n]
    coming = -1 if loop.backward else 1
    for r in (*reads(i), i.out):
        if r.buffer not in (first, then):
            continue
        if at_step(r) and not r.block:
            writes = r is i.out
            fine = (
                (n < at or (n == at and not writes))
                if r.buffer == first
                else (n > at or (n == at and writes))
            )
        else:
            ahead = r.span == "step" and r.shift * coming > 0
            behind = r.span == "step" and r.shift * coming < 0
            fine = ahead if r.buffer == first else behind
            fine = fine and not (r.turned or r.spread or r.block)
        if not fine:
            return False
    return True


def _writes(item: Item, name: str) -> bool:
    """Whether an item writes rows t = 1..T of a buffer."""
    return any(i.out.buffer == name and i.out.span != "start" for i in _instructions(item))


def _views(item: Item, name: str) -> list[Ref]:
    return [r for i in _instructions(item) for r in (*reads(i), i.out) if r.buffer == name]


def _instructions(item: Item) -> tuple[Instruction, ...]:
    return item.body if isinstance(item, Loop) else (item,)
