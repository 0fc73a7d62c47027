"""A bias is added in the loop, to a row that is in the cache.

a[1..T] = x W;  a[1..T] += b;  loop: a[t] += h U      two passes over the memory of all steps
a[1..T] = x W;  loop: a[t] += b;  a[t] += h U         one
"""

from __future__ import annotations

from .draft import Draft, at_step
from .program import Buffer, Instruction, Item, Loop, Ref


def add_biases_inside(d: Draft) -> None:
    """Move every such sum into the loop that reads it; the bias is written out to a whole row."""
    for block in d.blocks:
        for loop in [x for x in block if isinstance(x, Loop)]:
            for i in [x for x in block[: _at(block, loop)] if isinstance(x, Instruction)]:
                if _is_bias(d, i) and _waits(d, i, block, loop):
                    loop = _moved(d, i, block, loop)


def _at(block: list[Item], item: Item) -> int:
    return next(n for n, x in enumerate(block) if x is item)


def _is_bias(d: Draft, i: Instruction) -> bool:
    """a += b for all t, where a is stored feature by feature and b is the same at every step."""
    b = d.buffers[i.out.buffer]
    if i.op != "add" or i.out != Ref(b.name, "all") or not b.turned or len(b.shape) != 2:
        return False
    return len(i.args) == 2 and i.args[0] == i.out and _is_spread(i.args[1])


def _is_spread(ref: object) -> bool:
    return isinstance(ref, Ref) and ref.span == "static" and ref.spread == (1,)


def _waits(d: Draft, i: Instruction, block: list[Item], loop: Loop) -> bool:
    """Whether the loop is the next to touch the array, one row at its own step."""
    name = i.out.buffer
    inside = {id(x) for x in loop.body}
    number = next(n for n, x in enumerate(d.loops()) if x is loop)
    later = {
        id(x)
        for item in block[_at(block, i) + 1 : _at(block, loop)]
        for x in (item.body if isinstance(item, Loop) else (item,))
    }
    touches = list(d.touches(name))
    rows = [t for t in touches if id(t.instruction) in inside and t.loop == number]
    between = any(id(t.instruction) in later for t in touches)
    return bool(rows) and not between and all(at_step(t.ref) for t in rows)


def _moved(d: Draft, i: Instruction, block: list[Item], loop: Loop) -> Loop:
    bias, row = i.args[1], Ref(i.out.buffer, "step")
    name = d.name(f"{bias.buffer}_row")
    d.buffers[name] = Buffer(name, d.buffers[row.buffer].shape, None, "static")
    written = Instruction("copy", Ref(name), (bias,))
    added = Instruction("add", row, (row, Ref(name)), i.labels)
    first = next(
        n
        for n, x in enumerate(loop.body)
        if any(isinstance(a, Ref) and a.buffer == row.buffer for a in (*x.args, x.out))
    )
    new = Loop(loop.backward, (*loop.body[:first], added, *loop.body[first:]), loop.together)
    block[:] = [y for x in block for y in ((written,) if x is i else (new,) if x is loop else (x,))]
    return new
