"""A part of a program between its lowering and its final form: what the passes rewrite.

A pass looks at every touch of a buffer, by instruction and loop, and may refuse: it then
leaves the draft as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import takewhile
from typing import Any

from sympy import expand

from ..matrix.build import at_least
from .program import Buffer, Instruction, Item, Loop, Part, Ref, Term

# Entry by entry: the result may stand where an operand stood, in any layout.
ELEMENTWISE = {
    "add", "subtract", "multiply", "divide", "negative", "sqrt", "power", "copy",
    "tanh", "exp", "log", "sin", "cos", "sigmoid", "relu", "step", "softplus",
    "hardtanh",
}  # fmt: skip


@dataclass(frozen=True)
class Touch:
    """One use of a buffer: the view, the instruction and the loop it is in, if any."""

    ref: Ref
    instruction: Instruction
    loop: int | None  # the number of the loop in the draft
    writes: bool


@dataclass
class Draft:
    """The blocks of a part (forward, backward, gradients) and the buffers it works on."""

    blocks: list[list[Item]]
    buffers: dict[str, Buffer]
    terms: tuple[Term, ...]
    labels: tuple[str, ...]
    results: frozenset[str]  # what is returned as it stands
    # (whole, from, to) -> what a block was called before it was one
    blocks_named: dict[tuple[str, Any, Any], str] = field(default_factory=dict)

    @classmethod
    def of(cls, part: Part, buffers: dict[str, Buffer], results: set[str]) -> Draft:
        blocks = [list(part.forward), list(part.backward), list(part.gradients)]
        return cls(blocks, dict(buffers), part.loss, part.loss_labels, frozenset(results))

    def copy(self) -> Draft:
        blocks = [list(b) for b in self.blocks]
        return replace(
            self,
            blocks=blocks,
            buffers=dict(self.buffers),
            blocks_named=dict(self.blocks_named),
        )

    def part(self) -> Part:
        forward, backward, gradients = map(tuple, self.blocks)
        return Part(forward, backward, gradients, self.terms, self.labels)

    def loops(self) -> list[Loop]:
        return [i for block in self.blocks for i in block if isinstance(i, Loop)]

    def touches(self, name: str) -> Iterator[Touch]:
        """Every use of a buffer, in order."""
        number = -1
        for block in self.blocks:
            for item in block:
                number += isinstance(item, Loop)
                for i in item.body if isinstance(item, Loop) else (item,):
                    loop = number if isinstance(item, Loop) else None
                    for a in (*i.args, i.out):
                        if isinstance(a, Ref) and a.buffer == name:
                            yield Touch(a, i, loop, a is i.out)

    def held(self, name: str) -> bool:
        """Whether something outside the instructions reads a buffer: the loss, or the caller."""
        return name in self.results or any(r.buffer == name for x in self.terms for r in x.args)

    def is_constant(self, a: Any) -> bool:
        """Whether an operand is an array that no step changes: weights, or a copy of them."""
        fixed = isinstance(a, Ref) and a.span == "static"
        return fixed and self.buffers[a.buffer].role in ("param", "static")

    def is_packable(self, name: str) -> bool:
        """Whether every use of an array is one that a block of another can take."""
        b = self.buffers[name]
        work = b.role == "work" and b.kind == "real" and b.only_steps and not b.part
        if not work or not b.shape or self.held(name):
            return False
        for t in self.touches(name):
            product = t.instruction.op in ("dot", "matmul", "colsum")
            plain = replace(t.ref, flat=False, turned=False) in (
                Ref(name, "all"),
                Ref(name, "step"),
            )
            if not plain or not (product or t.instruction.op in ELEMENTWISE):
                return False
            if t.ref.turned and not product:
                return False
        return True

    def rewrite(self, change: Callable[[Instruction, Loop | None], list[Instruction]]) -> None:
        """Every instruction replaced by what `change` makes of it."""
        for block in self.blocks:
            new: list[Item] = []
            for item in block:
                if isinstance(item, Loop):
                    body = tuple(x for i in item.body for x in change(i, item))
                    new.append(replace(item, body=body))
                else:
                    new += change(item, None)
            block[:] = new

    def views(self, change: Callable[[Ref], Ref]) -> None:
        """Every view replaced by what `change` makes of it."""
        self.rewrite(lambda i, loop: [with_views(i, change)])

    def before(self, item: Item, *more: Instruction) -> None:
        """Instructions placed before an item of some block."""
        for block in self.blocks:
            for n, x in enumerate(block):
                if x is item:
                    block[n:n] = more
                    return

    def untimed(self, name: str) -> None:
        """A buffer whose row t only step t touches becomes one array for all steps."""
        self.buffers[name] = replace(self.buffers[name], rows=None)

        def change(r: Ref) -> Ref:
            return replace(r, span="static") if r.buffer == name else r

        self.views(change)

    def name(self, hint: str) -> str:
        """A buffer name that is free."""
        return free(hint, self.buffers)

    def block(self, whole: str, lo: Any, hi: Any, names: Sequence[str]) -> str:
        """The array that is some columns of another: itself, a part it has, or a new one.

        A new one is called after the neighbours it consists of.
        """
        b, part = self.buffers[whole], (whole, lo, hi)
        if lo == 0 and expand(hi - b.width) == 0:
            return whole
        for name, x in self.buffers.items():
            if x.part == part:
                return name
        name = self.name("_".join(names))
        self.buffers[name] = replace(b, name=name, part=part)
        return name

    def original(self, ref: Ref) -> Ref:
        """The view of which a static array is a copy, turned or not; the view itself for others."""
        made = [i for i in self.instructions() if i.out.buffer == ref.buffer]
        plain = replace(ref, turned=False) == Ref(ref.buffer)
        if self.buffers[ref.buffer].role != "static" or len(made) != 1 or not plain:
            return ref
        if made[0].op != "copy" or made[0].out != Ref(ref.buffer):
            return ref
        source: Ref = made[0].args[0]
        return replace(source, turned=source.turned != ref.turned)

    def drop_unread(self) -> None:
        """Static copies nobody reads any more are not made."""
        read = {a.buffer for i in self.instructions() for a in i.args if isinstance(a, Ref)}
        for name in [n for n, b in self.buffers.items() if b.role == "static" and n not in read]:
            if any(i.out.buffer == name for i in self.instructions()):
                self.remove(name)

    def remove(self, name: str) -> None:
        """A buffer and what fills it."""
        self.rewrite(lambda i, loop: [] if i.out.buffer == name else [i])
        del self.buffers[name]

    def instructions(self) -> Iterator[Instruction]:
        for block in self.blocks:
            for item in block:
                yield from item.body if isinstance(item, Loop) else (item,)


def joint_name(names: Sequence[str], taken: Collection[str]) -> str:
    """A free name for several arrays as one: what theirs have in common, or else all of them."""
    start = _common(names).rstrip("_")
    end = _common([n.removeprefix(start)[::-1] for n in names])[::-1]
    end = end[end.index("_") :] if "_" in end else ""
    rest = filter(None, (n.removeprefix(start).strip("_") for n in names[1:]))
    for name in (start, start + end):
        if name and name[0] != "_" and name not in taken:
            return name
    return free("_".join([names[0], *rest]), taken)


def _common(names: Sequence[str]) -> str:
    """What all the names begin with."""
    same = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in same)


def free(hint: str, taken: Collection[str]) -> str:
    name, n = hint, 2
    while name in taken:
        name, n = f"{hint}_{n}", n + 1
    return name


def with_views(i: Instruction, change: Callable[[Ref], Ref]) -> Instruction:
    args: tuple[Any, ...] = tuple(change(a) if isinstance(a, Ref) else a for a in i.args)
    return replace(i, out=change(i.out), args=args)


def overlap(r: Ref, s: Ref) -> bool:
    """Whether two views may have an entry in common."""
    if r.buffer != s.buffer:
        return False
    if r.block and s.block:
        return not (at_least(r.block[0], s.block[1]) or at_least(s.block[0], r.block[1]))
    return True


def at_step(ref: Ref) -> bool:
    """Whether a view is row t itself, whole or a block of it."""
    return replace(ref, block=None) == Ref(ref.buffer, "step")
