"""What the columns of an array are linear in, and copies of it with other columns.

The operands that do not change are the weights and biases; the columns of a result are the rows
of a left factor, and the columns of a right factor or a summand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sympy import expand

from ..matrix.build import at_least
from .draft import Draft
from .program import Buffer, Instruction, Loop, Ref

Range = tuple[Any, Any]
Source = tuple[Instruction, int, Range]  # an operand, and which of its columns (or rows)


def where(d: Draft, r: Ref) -> tuple[str, Range]:
    """The array and the columns of a view."""
    b = d.buffers[r.buffer]
    if b.part:
        return b.part[0], b.part[1:]
    return r.buffer, r.block or (0, b.width)


def meets(a: Range, b: Range) -> bool:
    return not (at_least(a[0], b[1]) or at_least(b[0], a[1]))


def touches(d: Draft, i: Instruction, whole: str, columns: Range) -> bool:
    views = (where(d, a) for a in (*i.args, i.out) if isinstance(a, Ref))
    return any(name == whole and meets(at, columns) for name, at in views)


def linear(d: Draft, name: str, columns: Range) -> list[Source] | None:
    """Every operand that does not change and that these columns are linear in; None if not all."""
    found: list[Source] = []
    for i in d.instructions():
        out, at = where(d, i.out)
        if out != name or not meets(at, columns) or _is_gate(i):
            continue
        run = _inside(at, columns)
        if run is None:
            return None
        more = _operands(d, i, run)
        if more is None:
            return None
        found += more
    return found


def _is_gate(i: Instruction) -> bool:
    return i.op in ("sigmoid", "tanh") and i.args == (i.out,)


def _inside(at: Range, columns: Range) -> Range | None:
    """The part of `at` that lies in `columns`, counted from its start; None if that depends."""
    if at_least(columns[0], at[0]) and at_least(at[1], columns[1]):
        return expand(columns[0] - at[0]), expand(columns[1] - at[0])
    if at_least(at[0], columns[0]) and at_least(columns[1], at[1]):
        return expand(at[0] - at[0]), expand(at[1] - at[0])
    return None


def _operands(d: Draft, i: Instruction, run: Range) -> list[Source] | None:
    """What to halve so that some columns of a result are halved."""
    constant = [n for n, a in enumerate(i.args) if d.is_constant(a)]
    if i.op in ("dot", "matmul", "multiply"):
        return [(i, constant[0], run)] if len(constant) == 1 else None
    if i.op == "fill":
        return [] if i.args[0] == 0 else None
    if i.op not in ("add", "subtract", "copy"):
        return None
    found: list[Source] = []
    for n, a in enumerate(i.args):
        if a == i.out:
            continue
        if n in constant:
            found.append((i, n, run))
            continue
        more = _alone(d, i, a, run)
        if more is None:
            return None
        found += more
    return found


def _alone(d: Draft, reader: Instruction, a: Any, run: Range) -> list[Source] | None:
    """The operands of an array that only this instruction reads."""
    if not isinstance(a, Ref) or a.spread or a.turned:
        return None
    name, at = where(d, a)
    columns = (expand(at[0] + run[0]), expand(at[0] + run[1]))
    if d.buffers[name].role != "work" or d.held(name):
        return None
    for i in d.instructions():
        views = [where(d, x) for x in i.args if isinstance(x, Ref) and x != i.out]
        if i is not reader and any(n == name and meets(c, columns) for n, c in views):
            return None
    return linear(d, name, columns)


# -- copies


@dataclass(frozen=True)
class Piece:
    """Some columns of a copy: where they stand in it, where in the operand, and if halved."""

    made: Range
    read: Range
    is_half: bool = False


def is_rows(i: Instruction, n: int) -> bool:
    """Whether the columns of a result are the rows of its n-th operand."""
    return i.op != "add" and n == 0


def copy_operand(d: Draft, i: Instruction, n: int, prefix: str, pieces: list[Piece]) -> None:
    """A copy of the weights, piece by piece, in the place of an argument."""
    ref = i.args[n]
    seen = replace(ref, spread=())
    source, shape = d.original(seen), seen.shape_in(d.buffers[ref.buffer])
    name = d.name(f"{prefix}_{source.buffer}")
    d.buffers[name] = Buffer(name, shape, None, "static")
    rows = is_rows(i, n) and len(shape) > 1
    filled = []
    for piece in pieces:
        if len(pieces) == 1:
            made, read = Ref(name), source
        else:
            made = _range(Ref(name), piece.made, rows)
            read = _range(source, piece.read, rows != source.turned)
        filled.append(Instruction("multiply", made, (read, 0.5)) if piece.is_half else
                      Instruction("copy", made, (read,)))  # fmt: skip
    weights = Ref(name, spread=ref.spread)
    new = replace(i, args=tuple(weights if k == n else a for k, a in enumerate(i.args)))
    for block in d.blocks:
        for item in block:
            if item is i or (isinstance(item, Loop) and any(x is i for x in item.body)):
                d.before(item, *filled)
                d.rewrite(lambda x, loop: [new] if x is i else [x])
                d.drop_unread()
                return


def _range(ref: Ref, run: Range, rows: bool) -> Ref:
    """Some rows or columns of what a view takes from its array."""
    taken = ref.rows if rows else ref.block
    lo, hi = (expand(taken[0] + x) for x in run) if taken else run
    return replace(ref, rows=(lo, hi)) if rows else replace(ref, block=(lo, hi))
