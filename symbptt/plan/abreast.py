"""What a loop does alike to neighbouring blocks is done to all of them at once.

    1 − i;  1 − f;  1 − o          1 − [i, f, o]       one call where there were three

An array of one step that such an instruction reads or writes becomes a block as well: of the
array that the result stands in where that is free by then, of a new one where it is not.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from sympy import Integer, default_sort_key, expand

from .draft import ELEMENTWISE, Draft, joint_name, with_views
from .motion import Body, meeting, put
from .program import Instruction, Loop, Ref, labels_of, reads, touched

Range = tuple[Any, Any]


def join_neighbours(d: Draft) -> None:
    """Join what can be joined in every loop of the draft, until nothing more can."""
    for number in range(len(d.loops())):
        while _joined(d, number):
            pass


def _joined(d: Draft, number: int) -> bool:
    loop = d.loops()[number]
    known = _Loop(d, loop)
    for run in known.runs():
        body = known.at_once(run)
        if body is not None:
            new = replace(loop, body=tuple(body))
            for block in d.blocks:
                block[:] = [new if x is loop else x for x in block]
            return True
    return False


@dataclass
class _Loop:
    """One loop of a draft, and what it may do to the arrays of one step."""

    d: Draft
    loop: Loop

    def __post_init__(self) -> None:
        self.body: Body = list(self.loop.body)
        self.free = {i.out.buffer for i in self.body if self._is_free(i.out.buffer)}

    def _is_free(self, name: str) -> bool:
        """Whether an array of one step is this loop's own, whole wherever it is used."""
        d, b = self.d, self.d.buffers[name]
        if b.role != "work" or b.timed or b.part or d.held(name) or b.kind != "real":
            return False
        if not (b.turned or len(b.shape) == 1) or any(
            x.part and x.part[0] == name for x in d.buffers.values()
        ):
            return False
        here = [i for i in self.body if name in touched(i)]
        every = list(d.touches(name))
        own = len({id(t.instruction) for t in every}) == len(here)
        plain = all(t.ref == Ref(name) and t.instruction.op in ELEMENTWISE for t in every)
        carried = any(r.buffer == name for r in reads(here[0]))
        return own and plain and not carried

    def _whole(self, r: Ref) -> Ref:
        """A part as a block of its whole."""
        part = self.d.buffers[r.buffer].part
        return replace(r, buffer=part[0], block=part[1:]) if part else r

    # -- what is alike

    def runs(self) -> list[Body]:
        """Instructions that differ only in which of neighbouring blocks they are about."""
        groups: dict[Any, Body] = {}
        for i in self.body:
            key = self._key(i)
            if key is not None:
                groups.setdefault(key, []).append(i)
        return [run for group in groups.values() for run in self._neighbours(group)]

    def _key(self, i: Instruction) -> Any:
        if i.op not in ELEMENTWISE:
            return None
        kinds = tuple(map(self._kind, (i.out, *i.args)))
        return (i.op, kinds) if None not in kinds and self._places(i) else None

    def _kind(self, a: Any) -> Any:
        """What operands in one place have in common; None for what cannot be joined."""
        if not isinstance(a, Ref):
            return "number", a
        b = self.d.buffers[a.buffer]
        if a != Ref(a.buffer, a.span):
            return None
        if b.part and b.role == "work":
            return "block", b.part[0], a.span
        return ("free", b.shape[1:]) if a.buffer in self.free else None

    def _places(self, i: Instruction) -> list[Range]:
        """The ranges of the blocks that an instruction is about."""
        parts = [self.d.buffers[a.buffer].part for a in (i.out, *i.args) if isinstance(a, Ref)]
        return [p[1:] for p in parts if p]

    def _neighbours(self, group: Body) -> list[Body]:
        """The longest runs in which every block follows on the one before."""
        runs: list[Body] = []
        for i in sorted(group, key=lambda i: default_sort_key(self._places(i)[0][0])):
            last = runs[-1] if runs else []
            follows = last and all(
                expand(y[0] - x[1]) == 0
                for x, y in zip(self._places(last[-1]), self._places(i), strict=True)
            )
            runs = [*runs[:-1], [*last, i]] if follows else [*runs, [i]]
        return [run for run in runs if len(run) > 1]

    # -- at once

    def at_once(self, run: Body) -> Body | None:
        """The body with one instruction for a run; None where they cannot meet."""
        places = [n for n, i in enumerate(self.body) if any(i is x for x in run)]
        wholes = [with_views(i, self._whole) for i in self.body]
        at = meeting(wholes, [wholes[n] for n in places])
        columns = [[i.out for i in run], *map(list, zip(*(i.args for i in run), strict=True))]
        if at is None or not all(map(_distinct, columns)):
            return None
        host, renames = columns[0], dict[str, str]()
        for refs in columns:
            if isinstance(refs[0], Ref) and refs[0].buffer in self.free:
                names = [r.buffer for r in refs]
                if not renames and refs is not host and self._may_stand(names, host, places):
                    renames = dict(zip(names, (r.buffer for r in host), strict=True))
                else:
                    self._lay_out(names)
        labels = labels_of(*(self.body[n] for n in places))
        out, *args = (self._union(refs, renames) for refs in columns)
        new = replace(run[0], out=out, args=tuple(args), labels=labels)
        for name in renames:
            del self.d.buffers[name]
        return [_renamed(i, renames, host) for i in put(self.body, run, at, new)]

    def _may_stand(self, names: list[str], host: list[Ref], places: list[int]) -> bool:
        """Whether arrays of one step may stand where the result will, from their first entry on."""
        part = self.d.buffers[host[0].buffer].part
        uses = [n for n, i in enumerate(self.body) if not {*names}.isdisjoint(touched(i))]
        if part is None or max(uses) > max(places):
            return False
        between = [n for n in range(min(uses), max(places)) if n not in places]
        known = {name for n in between for name in touched(self.body[n])}
        known |= {r.buffer for n in places for r in self.body[n].args if isinstance(r, Ref)}
        return part[0] not in map(self._root, known)

    def _root(self, name: str) -> str:
        part = self.d.buffers[name].part
        return part[0] if part else name

    def _lay_out(self, names: list[str]) -> None:
        """Arrays of one step become blocks of a new one."""
        d, at = self.d, Integer(0)
        first = d.buffers[names[0]]
        whole = d.name(joint_name(names, set(d.buffers)))
        for name in names:
            b = d.buffers[name]
            end = expand(at + b.shape[0])
            d.buffers[name] = replace(b, part=(whole, at, end))
            at = end
        d.buffers[whole] = replace(first, name=whole, shape=(at, *first.shape[1:]))

    def _union(self, refs: list[Any], renames: dict[str, str]) -> Any:
        """One operand for those of a run."""
        if not isinstance(refs[0], Ref):
            return refs[0]
        names = [renames.get(r.buffer, r.buffer) for r in refs]
        parts = [self.d.buffers[n].part for n in names]
        first, last = parts[0], parts[-1]
        assert first is not None and last is not None
        return replace(refs[0], buffer=self.d.block(first[0], first[1], last[2], names))


def _distinct(refs: list[Any]) -> bool:
    return not isinstance(refs[0], Ref) or len({r.buffer for r in refs}) == len(refs)


def _renamed(i: Instruction, renames: dict[str, str], host: list[Ref]) -> Instruction:
    """The arrays of one step in the place of the result, which may have a row per step."""

    def seen(a: Any) -> Any:
        if not isinstance(a, Ref) or a.buffer not in renames:
            return a
        return replace(host[0], buffer=renames[a.buffer])

    return replace(i, out=seen(i.out), args=tuple(map(seen, i.args)))
