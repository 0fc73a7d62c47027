"""Gated loops run feature by feature: the buffer of a step is (F, N), not (N, F).

Each gate of a packed pre-activation is then one run of memory, and the product of a step has
many rows, which BLAS divides best. Arguments and results keep the model's shapes: what leaves
a loop for a product over all t is copied to rows inside it, while it is in the cache.

    h W for all t     Wᵀ hᵀ, a product per step       in a loop     Wᵀ hᵀ with Wᵀ copied once
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from .draft import ELEMENTWISE, Draft, at_step, with_views
from .program import Buffer, Instruction, Item, Loop, Ref

ACTIVATIONS = {"tanh", "sigmoid", "relu", "softplus", "hardtanh", "sin", "cos", "exp"}


class RefusedError(Exception):
    """The pass cannot be made; the draft is dropped."""


def is_gated(d: Draft) -> bool:
    """A loop over rows with a product and two gates or more."""
    return any(
        not loop.backward
        and sum(i.op in ACTIVATIONS for i in loop.body) > 1
        and any(i.op == "dot" and len(d.buffers[i.out.buffer].shape) == 2 for i in loop.body)
        for loop in d.loops()
    )


def turned_names(d: Draft) -> set[str]:
    """The arrays of rows that the loops work on."""
    seen = {a.buffer for loop in d.loops() for i in loop.body for a in (*i.args, i.out)
            if isinstance(a, Ref)}  # fmt: skip
    work = {n for n in seen if d.buffers[n].role == "work"}
    return {n for n in work if len(d.buffers[n].shape) == 2}


def columns(d: Draft, names: set[str], leaving: set[str]) -> set[str]:
    """Turn the buffers in `names`, and return those that have a copy in rows.

    Those in `leaving` get one in any case. Raises RefusedError where an
    instruction has no turned form.
    """
    turned = _Columns(d, names & set(d.buffers))
    turned.run(leaving & turned.names)
    return set(turned.out)


class _Columns:
    def __init__(self, d: Draft, names: set[str]):
        self.d, self.names = d, names
        self.rank = {n: len(b.shape) for n, b in d.buffers.items()}
        self.out: dict[str, str] = {}  # a turned buffer -> its copy in rows
        self.made: set[str] = set()
        self.copies = {  # a matrix, or some rows or columns of one -> its transpose
            replace(i.args[0], turned=False): i.out.buffer
            for i in d.instructions()
            if i.op == "copy" and _is_transposing(i) and d.buffers[i.out.buffer].role == "static"
        }

    def run(self, leaving: set[str]) -> None:
        d = self.d
        for n in self.names:
            b = d.buffers[n]
            d.buffers[n] = replace(b, shape=b.shape[::-1], turned=True)
        for block in d.blocks:
            new: list[Item] = []
            for item in block:
                self.ahead: list[Instruction] = []
                if isinstance(item, Loop):
                    made: list[Item] = [replace(item, body=tuple(map(self.step, item.body)))]
                elif self.is_copied(item):
                    continue
                else:
                    made = [self.outside(item)]
                new += [*self.ahead, *made]
            block[:] = new
        for name in leaving:
            self.leaving(name)
        d.terms = tuple(replace(x, args=tuple(map(self.in_rows, x.args))) for x in d.terms)
        for name, out in self.out.items():
            self.copied(name, out)
        d.drop_unread()

    # -- views

    def beside(self, ref: Any) -> Any:
        """An operand of an elementwise instruction on turned arrays."""
        if not isinstance(ref, Ref) or ref.buffer in self.names:
            if isinstance(ref, Ref) and (ref.turned or ref.spread or ref.flat):
                raise RefusedError
            return ref
        rank = self.rank[ref.buffer]
        if rank == 2:
            return replace(ref, turned=not ref.turned, flat=False)
        if rank == 1:
            turned = {(): (1,), (0,): (1,), (1,): (0,)}
            if ref.spread not in turned or ref.flat:
                raise RefusedError
            return replace(ref, spread=turned[ref.spread])
        return ref

    def in_rows(self, ref: Any) -> Any:
        """A view for an instruction that wants rows."""
        if isinstance(ref, Ref) and ref.buffer in self.names:
            return replace(ref, buffer=self.leaving(ref.buffer))
        return ref

    def leaving(self, name: str) -> str:
        """The copy in rows of a turned buffer."""
        if name not in self.out:
            b = self.d.buffers[name]
            self.out[name] = self.d.name(f"{name}_out")
            shape = b.shape[::-1]
            made = replace(
                b, name=self.out[name], shape=shape, turned=False, part=None, copies=name
            )
            self.d.buffers[made.name] = made
        return self.out[name]

    def transposed(self, ref: Ref) -> Ref:
        """Mᵀ for a static matrix M in a loop: one of a pair of copies that stand in one run."""
        if ref.span != "static" or ref.spread or self.rank.get(ref.buffer) != 2:
            raise RefusedError
        if ref.turned:
            return replace(ref, turned=False)
        source = next((m for m, c in self.copies.items() if Ref(c) == ref), None)
        if source is not None:
            return source
        if ref not in self.copies:
            shape = ref.shape_in(self.d.buffers[ref.buffer])
            name = self.d.name(f"{ref.buffer}_T")
            self.d.buffers[name] = Buffer(name, shape[::-1], None, "static")
            self.rank[name] = 2
            self.copies[ref] = name
        name = self.copies[ref]
        if name not in self.made:
            self.made.add(name)
            self.ahead.append(Instruction("copy", Ref(name), (replace(ref, turned=True),)))
        return Ref(name)

    def is_copied(self, i: Instruction) -> bool:
        """Whether an instruction makes a transposed copy that an earlier loop has had made."""
        if i.out.buffer not in self.copies.values():
            return False
        known = i.out.buffer in self.made
        self.made.add(i.out.buffer)
        return known

    # -- instructions

    def step(self, i: Instruction) -> Instruction:
        """One of a loop's body."""
        if not any(isinstance(a, Ref) and a.buffer in self.names for a in (*i.args, i.out)):
            return i
        if i.op == "dot":
            return self.product(i)
        if i.op in ("reduce", "rowmax") and self.rank[i.out.buffer] == 1:
            return replace(i, axes=tuple(1 - a for a in i.axes))
        if i.op == "rowsum":
            return replace(i, op="reduce", args=(replace(i.args[0], flat=False),), axes=(0,))
        if i.op == "fill":
            return i
        if i.op not in ELEMENTWISE or i.out.buffer not in self.names:
            raise RefusedError
        return replace(i, args=tuple(map(self.beside, i.args)))

    def product(self, i: Instruction) -> Instruction:
        """h M of a step is Mᵀ hᵀ."""
        left, right = i.args
        if left.buffer not in self.names or left.turned:
            raise RefusedError
        if self.rank.get(right.buffer) == 1 and right.span == "static":
            return replace(i, args=(replace(left, turned=True), right))
        if i.out.buffer not in self.names:
            raise RefusedError
        return replace(i, args=(self.transposed(right), left))

    def outside(self, i: Instruction) -> Instruction:
        """One over all t, or once."""
        refs = [a for a in (*i.args, i.out) if isinstance(a, Ref)]
        if not any(a.buffer in self.names for a in refs):
            return i
        if i.out.buffer not in self.names:
            return with_views(i, self.in_rows)
        if i.op == "start":
            return replace(i, out=replace(i.out, turned=True))
        if i.op in ("fill", "later"):  # the end of a state is a view in the model's shape
            return i
        if i.op == "dot" and i.out.span == "all" and i.args[1].span == "static":
            left, right = i.args
            x = replace(left, flat=False, turned=left.buffer not in self.names)
            matrix = replace(right, turned=not right.turned)
            out = replace(i.out, flat=False)
            if left.turned or left.span != "all":
                raise RefusedError
            return Instruction("matmul", out, (matrix, x), i.labels)
        if i.op not in ELEMENTWISE or i.out.turned or i.out.flat:
            raise RefusedError
        return replace(i, args=tuple(map(self.beside, i.args)))

    # -- what leaves the loops in rows

    def copied(self, name: str, out: str) -> None:
        """Copy each row of a turned buffer out in the loop that completes it."""
        d = self.d
        loops = {t.loop for t in d.touches(name) if t.writes and t.loop is not None}
        if len(loops) > 1:
            raise RefusedError
        view, source = Ref(out, "step"), Ref(name, "step", turned=True)
        if not loops:
            self._copied_at_once(name, out)
            return
        loop = d.loops()[loops.pop()]
        labels = next((i.labels for i in reversed(loop.body) if i.out.buffer == name), ())
        body = (*loop.body, Instruction("copy", view, (source,), labels))
        started = [t.instruction for t in d.touches(name) if t.ref.span == "start" and t.writes]
        for block in d.blocks:
            block[:] = [replace(loop, body=body) if x is loop else x for x in block]
        for i in started:
            also = replace(i, out=replace(i.out, buffer=out, turned=False))
            d.before(i, also)

    def _copied_at_once(self, name: str, out: str) -> None:
        d = self.d
        made = Instruction("copy", Ref(out, "all"), (Ref(name, "all", turned=True),))
        reader = next((t.instruction for t in d.touches(out)), None)
        if reader is None or d.buffers[name].padded or not d.buffers[name].timed:
            raise RefusedError
        d.before(reader, made)


def _is_transposing(i: Instruction) -> bool:
    """Whether a copy is that of a matrix that does not change, transposed."""
    source = i.args[0]
    turned = isinstance(source, Ref) and source.turned and source.span == "static"
    return turned and not source.spread and i.out == Ref(i.out.buffer)


# -- elementwise values that only a loop reads


def sink(d: Draft, names: set[str]) -> None:
    """Compute those in `names` in the loop, while what they are made of is in the cache."""
    for block in d.blocks:
        for loop in [x for x in block if isinstance(x, Loop)]:
            moved: list[Instruction] = []
            for i in reversed(block[: block.index(loop)]):
                if isinstance(i, Instruction) and i.out.buffer in names:
                    moved = [i, *moved] if _only_for(d, i, loop, block, moved) else moved
            if moved:
                body = _joined(loop.body, moved)
                left = [x for x in block if not any(x is m for m in moved)]
                block[:] = [replace(loop, body=body) if x is loop else x for x in left]
                for i in moved:
                    d.buffers[i.out.buffer] = replace(d.buffers[i.out.buffer], rows=None)


def _joined(body: tuple[Instruction, ...], moved: list[Instruction]) -> tuple[Instruction, ...]:
    """A loop's body with each moved instruction just before the first that reads it."""
    joined = list(body)
    for i in reversed(moved):
        first = next(n for n, x in enumerate(joined) if _reads(x, i.out.buffer))
        joined.insert(first, with_views(i, _stepped))
    names = {i.out.buffer for i in moved}

    def scratch(r: Ref) -> Ref:
        return replace(r, span="static") if r.buffer in names else r

    return tuple(with_views(i, scratch) for i in joined)


def _stepped(r: Ref) -> Ref:
    return replace(r, span="step") if r.span == "all" else r


def _reads(i: Instruction, name: str) -> bool:
    return any(isinstance(a, Ref) and a.buffer == name for a in i.args)


def _only_for(
    d: Draft, i: Instruction, loop: Loop, block: list[Item], moved: list[Instruction]
) -> bool:
    """Whether an instruction over all t may be one of the loop's."""
    b = d.buffers[i.out.buffer]
    whole = i.out == Ref(b.name, "all") and b.role == "work" and b.only_steps
    if not whole or i.op not in ELEMENTWISE or d.held(b.name):
        return False
    inside = {id(x) for x in loop.body}
    for t in d.touches(b.name):
        known = t.instruction is i or any(t.instruction is m for m in moved)
        if id(t.instruction) in inside:
            if not at_step(t.ref):
                return False
        elif not known:
            return False
    changed = {x.out.buffer for x in loop.body}
    between = block[block.index(i) + 1 : next(n for n, x in enumerate(block) if x is loop)]
    for x in between:
        if not any(x is m for m in moved):
            changed |= {y.out.buffer for y in (x.body if isinstance(x, Loop) else (x,))}
    views = [a for a in i.args if isinstance(a, Ref) and a.buffer != b.name]
    return not any(a.buffer in changed or a.flat for a in views)


def scratch(d: Draft) -> None:
    """A row that only its own step touches is one array for all steps, and so are its parts."""
    for name, b in list(d.buffers.items()):
        if b.role != "work" or not b.only_steps or b.part:
            continue
        family = [name, *(n for n, x in d.buffers.items() if x.part and x.part[0] == name)]
        touches = [t for n in family for t in d.touches(n)]
        loops = {t.loop for t in touches}
        own = all(at_step(replace(t.ref, turned=False)) for t in touches)
        if len(loops) != 1 or None in loops or not own or not any(t.writes for t in touches):
            continue
        if not any(map(d.held, family)):
            for n in family:
                d.untimed(n)
