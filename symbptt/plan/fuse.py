"""Instructions that do the same to blocks side by side become one on the whole of them.

A product whose weights differ gets them stacked in one array, filled once before. What is moved
to the place of another instruction passes none that touches what it reads or writes.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

from sympy import expand

from .draft import ELEMENTWISE, Draft, joint_name
from .motion import Body, adding, grouped, index, meeting, put, runs, summand
from .program import Buffer, Instruction, Item, Ref, labels_of
from .stacks import Stacks, ranges


class Fuser:
    """The joins of one draft; what it stacks is called as `names` has it."""

    def __init__(self, d: Draft, names: dict[Any, str]):
        self.d, self.stacks = d, Stacks(d, names)

    def run(self) -> None:
        for block in self.d.blocks:
            self._block(block)

    def _block(self, block: list[Item]) -> None:
        """Loops and the straight runs between them, each by itself."""
        new: list[Item] = []
        run: Body = []
        for item in [*block, None]:
            if isinstance(item, Instruction):
                run.append(item)
                continue
            self.stacks.begin(inside=False)
            run = self.fused(run)
            new += [*self.stacks.ahead, *run]
            if item is not None:
                self.stacks.begin(inside=True)
                body = self.fused(list(item.body))
                new += [*self.stacks.ahead, replace(item, body=tuple(body))]
            run = []
        block[:] = new

    def fused(self, body: Body) -> Body:
        """The body after as many joins as can be made."""
        while True:
            for find in (self._products, self._sums, self._elementwise):
                joined = find(body)
                if joined is not None:
                    body = joined
                    break
            else:
                return body

    # -- products that share an operand

    def _products(self, body: Body) -> Body | None:
        """h A, h B as h [A, B], and A h, B h as [A; B] h."""
        for group in grouped(body, self._product_key):
            for run in runs(group, self._place_of):
                joined = self._joined_products(body, run)
                if joined is not None:
                    return joined
        return None

    def _product_key(self, i: Instruction) -> Any:
        if i.op == "colsum":
            return ("colsum", replace(i.args[0], block=None)) if i.args[0].block else None
        if i.op not in ("dot", "matmul"):
            return None
        varying = self._varying(i)
        if varying is None:
            return None
        a = i.args[varying]
        kind = replace(a, block=None) if a.block and not self.d.is_constant(a) else "weights"
        return i.op, varying, i.args[1 - varying], kind, self._kin(i.out)

    def _varying(self, i: Instruction) -> int | None:
        """Which operand may differ between products that are joined: the weights, or a block."""
        constant = [self.d.is_constant(a) for a in i.args]
        if sum(constant) == 1:
            return constant.index(True)
        blocks = [n for n, a in enumerate(i.args) if a.block]
        return blocks[0] if len(blocks) == 1 else None

    def _kin(self, out: Ref) -> Any:
        """What the outputs of joined products have in common."""
        b = self.d.buffers[out.buffer]
        if b.role == "grad":
            return "gradients", out.rows, out.block
        if out.block:
            return replace(out, block=None)
        return ("scratch",) if b.role == "work" and not b.timed and out == Ref(b.name) else None

    def _place_of(self, i: Instruction) -> tuple[Any, Any] | None:
        """The columns of a product among its like; None where the order is free."""
        b = self.d.buffers[i.out.buffer]
        if i.out.block and b.role != "grad":
            return i.out.block
        blocks = [a.block for a in i.args if isinstance(a, Ref) and a.block]
        return blocks[0] if b.role == "grad" and blocks else None

    def _joined_products(self, body: Body, run: Body) -> Body | None:
        first = run[0]
        at = meeting(body, run)
        if at is None or self._kin(first.out) is None:
            return None
        if first.op == "colsum":
            varying, axis = 0, 1
            args: tuple[Any, ...] = (self._union([i.args[0] for i in run]),)
        else:
            v = self._varying(first)
            assert v is not None
            varying, axis = v, v  # what differs on the left are rows of the result
            operand = self._together([i.args[varying] for i in run], axis)
            if operand is None:
                return None
            args = tuple(operand if n == varying else a for n, a in enumerate(first.args))
        out = self._outputs(body, run, axis)
        if out is None:
            return None
        new = replace(first, out=out, args=args, labels=labels_of(*run))
        return self._renamed(put(body, run, at, new))

    def _together(self, refs: list[Ref], axis: int) -> Ref | None:
        """One operand for several: blocks of one array, or weights stacked along an axis."""
        if all(r.block and not self.d.is_constant(r) for r in refs):
            return self._union(refs)
        return self.stacks.of(refs, axis) if all(map(self.d.is_constant, refs)) else None

    def _outputs(self, body: Body, run: Body, axis: int) -> Ref | None:
        """One output for several: their blocks, or a new array of which they become parts."""
        d, outs = self.d, [i.out for i in run]
        self.renames: dict[str, tuple[str, tuple[Any, Any]]] = {}
        if self._kin(outs[0]) != ("scratch",) and d.buffers[outs[0].buffer].role != "grad":
            return self._union(outs)
        members = [r.buffer for r in outs]
        if len(set(members)) < len(members):
            return None
        if d.buffers[members[0]].role == "grad":
            return self._gradients(outs, members, axis)
        whole = d.name(joint_name(members, set(d.buffers)))
        columns = ranges([d.buffers[n].shape[-1] for n in members])
        shape = (*d.buffers[members[0]].shape[:-1], columns[-1][1])
        d.buffers[whole] = replace(d.buffers[members[0]], name=whole, shape=shape)
        for n, r in zip(members, columns, strict=True):
            self.renames[n] = (whole, r)
            d.blocks_named[whole, *r] = n
        return Ref(whole)

    def _gradients(self, outs: list[Ref], members: list[str], axis: int) -> Ref | None:
        """The gradients are parts of one array: blocks of columns, or of rows."""
        d = self.d
        parts = [d.buffers[n].part for n in members]
        if all(parts):  # another piece of what is packed already
            wholes = {p[0] for p in parts if p}
            ordered = [p[1:] for p in parts if p]
            side_by_side = all(expand(x[1] - y[0]) == 0 for x, y in pairwise(ordered))
            packed = d.buffers[min(wholes)]
            size = packed.shape[0 if d.buffers[members[0]].across else -1]
            filled = ordered[0][0] == 0 and expand(ordered[-1][1] - size) == 0
            if len(wholes) > 1 or not side_by_side or not filled:
                return None
            return replace(outs[0], buffer=min(wholes))
        if any(parts):
            return None
        shapes = [d.buffers[n].shape for n in members]
        rows = axis == 0 and len(shapes[0]) == 2
        along = 0 if rows else len(shapes[0]) - 1
        if len({(*s[:along], *s[along + 1 :]) for s in shapes}) > 1:
            return None
        extents = ranges([s[along] for s in shapes])
        shape = list(shapes[0])
        shape[along] = extents[-1][1]
        whole = d.name(joint_name(members, set(d.buffers)))
        d.buffers[whole] = Buffer(whole, tuple(shape), None, "grad")
        for n, r in zip(members, extents, strict=True):
            d.buffers[n] = replace(d.buffers[n], part=(whole, *r), across=rows)
        return replace(outs[0], buffer=whole)

    def _renamed(self, body: Body) -> Body:
        """The scratch arrays that have become blocks, under their new name."""

        def seen(r: Any) -> Any:
            if not isinstance(r, Ref) or r.buffer not in self.renames:
                return r
            whole, block = self.renames[r.buffer]
            return replace(r, buffer=whole, block=block)

        for n in self.renames:
            del self.d.buffers[n]
        return [replace(i, out=seen(i.out), args=tuple(map(seen, i.args))) for i in body]

    # -- sums of products

    def _sums(self, body: Body) -> Body | None:
        """y + a A + b B as y + [a, b] [A; B], where a and b stand side by side."""
        for group in grouped(body, lambda i: self._sum_key(body, i)):
            for run in runs(group, lambda i: self._error(i).block):
                joined = self._joined_sum(body, run)
                if joined is not None:
                    return joined
        return None

    def _error(self, i: Instruction) -> Ref:
        """The operand of a product that is not weights."""
        ref: Ref = next(a for a in i.args if not self.d.is_constant(a))
        return ref

    def _sum_key(self, body: Body, i: Instruction) -> Any:
        if i.op != "dot" or sum(map(self.d.is_constant, i.args)) != 1 or not self._error(i).block:
            return None
        return self.d.is_constant(i.args[0]), replace(self._error(i), block=None), summand(body, i)

    def _joined_sum(self, body: Body, run: Body) -> Body | None:
        left = self.d.is_constant(run[0].args[0])
        adds = {id(x): x for i in run for x in adding(body, i)}
        direct = [i for i in run if not adding(body, i)]
        first = min(run, key=lambda i: index(body, i))
        if len(direct) > 1 or (direct and direct[0] is not first):
            return None
        members = [x for x in body if any(x is i for i in run) or id(x) in adds]
        target = summand(body, first)
        at = meeting(body, members, commuting=target)
        if at is None:
            return None
        weights = self.stacks.of([i.args[0 if left else 1] for i in run], 1 if left else 0)
        if weights is None:
            return None
        errors = self._union([self._error(i) for i in run])
        args = (weights, errors) if left else (errors, weights)
        new = [replace(first, args=args, labels=labels_of(*run))]
        new += [replace(x, labels=labels_of(*adds.values())) for x in adding(body, first)]
        for x in members:
            if x.op == "dot" and x is not first and x.out != target:
                del self.d.buffers[x.out.buffer]
        return put(body, members, at, *new)

    def _union(self, refs: list[Ref]) -> Ref | None:
        """The block from the first to the last of neighbours; they are views of one array."""
        if len({replace(r, block=None) for r in refs}) > 1:
            return None
        blocks = [r.block for r in refs if r.block]
        follow = all(expand(y[0] - x[1]) == 0 for x, y in pairwise(blocks))
        if len(blocks) < len(refs) or not follow:
            return None
        b = self.d.buffers[refs[0].buffer]
        lo, hi = blocks[0][0], blocks[-1][1]
        whole = lo == 0 and expand(hi - b.shape[-1]) == 0
        return replace(refs[0], block=None if whole else (lo, hi))

    # -- elementwise

    def _elementwise(self, body: Body) -> Body | None:
        """The same to neighbouring blocks, at once."""
        for group in grouped(body, self._elementwise_key):
            for run in runs(group, lambda i: i.out.block):
                at = meeting(body, run)
                if at is None:
                    continue
                args = [self._argument(x) for x in zip(*(i.args for i in run), strict=True)]
                if all(a is not None for a in args):
                    out = self._union([i.out for i in run]) or run[0].out
                    new = replace(run[0], out=out, args=tuple(args), labels=labels_of(*run))
                    return put(body, run, at, new)
        return None

    def _elementwise_key(self, i: Instruction) -> Any:
        if i.op not in ELEMENTWISE or not i.out.block:
            return None
        if self.d.buffers[i.out.buffer].role == "static":
            return None
        return i.op, replace(i.out, block=None), tuple(map(self._argument_key, i.args))

    def _argument_key(self, a: Any) -> Any:
        if not isinstance(a, Ref):
            return "number", a
        if self.d.is_constant(a):
            return "weights", len(self.d.buffers[a.buffer].shape), replace(a, buffer="")
        return "block" if a.block else "whole", replace(a, block=None)

    def _argument(self, args: tuple[Any, ...]) -> Any:
        if not isinstance(args[0], Ref):
            return args[0]
        if self.d.is_constant(args[0]):
            whole = all(a == Ref(a.buffer) for a in args)
            return self.stacks.of(list(args), 1) if whole else None
        return self._union(list(args)) if args[0].block else None
