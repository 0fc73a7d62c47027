"""How a view of a buffer is written, and which attributes of the buffer class that takes.

h[t], h[t-1] for all t     w.h, w.h_prev           as rows of a matrix   w.h_rows
one step of a loop         h_t, h_prev             the row at T          w.h_T
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

from ..plan import Buffer, Loop, Program, Ref
from ..strategy import Blocks
from .names import code, identifier


@dataclass
class Views:
    """The printer's memory: every view, constant, local and loop that the lines so far use."""

    program: Program
    views: dict[str, str] = field(default_factory=dict)  # attribute -> expression
    needs: dict[str, str] = field(default_factory=dict)  # constant arrays
    locals: dict[str, str] = field(default_factory=dict)  # views of arguments
    loops: dict[str, str] = field(default_factory=dict)
    fetched: dict[str, str] = field(default_factory=dict)  # what one loop has short names for

    def attribute(self, name: str, text: str) -> str:
        """The attribute that holds a view; a name some array has already gets a mark."""
        taken = {"forward", "backward", *self.needs}
        for b in self.program.buffers.values():
            if text != within(b, 0):  # its own rows from t = 1
                taken.add(identifier(b.name))
        while self.views.get(name, text) != text or name in taken:
            name += "_"
        self.views[name] = text
        return name

    def fetch(self, name: str, text: str) -> str:
        """A short name for what a loop uses at every step: it is looked up once, before."""
        self.fetched[name] = text
        return name

    def rows(self, b: Buffer) -> str:
        """How many rows a flattened buffer has."""
        return " * ".join(["T", *map(code, b.shape[:-1])])

    def ref(self, r: Any, loop: Loop | None) -> str:
        """The Python text of an operand."""
        if not isinstance(r, Ref):
            return str(r) if isinstance(r, int | float) else code(r)
        b = self.program.buffers[r.buffer]
        text = self._base(r, b, loop)
        if r.block:
            text += block_code(r.block, b, rows=r.stacked or r.span == "start")
        if r.rows:
            text += f"[{range_code(r.rows)}]"
        if r.turned:
            many = r.stacked or (r.span == "start" and (b.rows or 0) > 1)
            text += ".swapaxes(-1, -2)" if many and not r.flat and len(b.shape) > 1 else ".T"
        if r.spread:
            text += self._spread(r, b)
        return text

    def _spread(self, r: Ref, b: Buffer) -> str:
        lead = [":"] if r.stacked else []
        axes = [":"] * len(b.shape)
        for position in r.spread:
            axes.insert(position, "None")
        parts = lead + axes
        if parts[-1] == "None" and parts.count("None") == 1:
            return "[..., None]"
        return f"[{', '.join(parts)}]"

    def _base(self, r: Ref, b: Buffer, loop: Loop | None) -> str:
        name = identifier(b.name)
        if r.span in ("together", "own", "early"):
            return together_name(r, b)
        if b.role in ("param", "input", "target"):
            return self._argument(r, b, name)
        if r.span == "step":
            return name + shift_suffix(r.shift)
        if r.span == "last":
            attribute = name + "_T" + (shift_suffix(r.shift) if r.shift else "")
            at = row(b, r.shift - 1 - b.ahead)
            return "w." + self.attribute(attribute, f"{store(b)}[{at}]")
        if r.span == "end":
            return self.end(b)
        if r.span == "padded":
            return "w." + self.attribute(f"{name}_padded", store(b))
        if r.span == "start":
            return f"w.{self._start(b)}"
        if not b.timed or r.span == "static":
            return self.fetch(name, f"w.{name}") if loop else f"w.{name}"
        return "w." + self._all(r, b, name)

    def _argument(self, r: Ref, b: Buffer, name: str) -> str:
        if r.span == "step":
            return name + shift_suffix(r.shift)
        if r.span == "last":
            return f"{name}[-1]"
        if r.flat and len(b.shape) > 1:
            self.locals[f"{name}_rows"] = f"{name}.reshape({self.rows(b)}, {code(b.shape[-1])})"
            return f"{name}_rows"
        return f"{name}.reshape(-1)" if r.flat else name

    def _start(self, b: Buffer) -> str:
        if b.ahead:
            return self.attribute(f"{identifier(b.name)}_next_T", f"{store(b)}[{row(b, -1)}]")
        text = f"{store(b)}[{row(b, 0)}]" if b.rows == 1 else f"{store(b)}[:{b.rows}]"
        return self.attribute(f"{identifier(b.name)}_0", text)

    def _all(self, r: Ref, b: Buffer, name: str) -> str:
        attribute, text = name, store(b)
        if b.padded:
            attribute = name + (shift_suffix(r.shift) if r.shift else "")
            text = within(b, r.shift)
            attribute = self.attribute(attribute, text)
        if r.flat and len(b.shape) > 1:
            flat = f"{text}.reshape({self.rows(b)}, {code(b.shape[-1])})"
            return self.attribute(attribute + "_rows", flat)
        return self.attribute(attribute + "_flat", f"{text}.reshape(-1)") if r.flat else attribute

    def flat_all(self, r: Ref) -> str:
        """A one-dimensional view of everything."""
        b = self.program.buffers[r.buffer]
        base = self.ref(replace(r, flat=False), None)
        if b.role in ("input", "target"):
            return base if not b.shape else f"{base}.reshape(-1)"
        one = len(b.shape) + (r.span == "all") == 1
        if one:
            return base
        attribute = base.removeprefix("w.") + "_flat"
        return "w." + self.attribute(attribute, f"{self._text(r, b)}.reshape(-1)")

    def _text(self, r: Ref, b: Buffer) -> str:
        if b.padded and r.span == "all":
            return within(b, r.shift)
        return store(b) + (f"[{-1 - b.ahead}]" if r.span == "last" else "")

    def ones(self, size: str) -> str:
        return self.constant("ones_" + re.sub(r"\W+", "", size), f"np.ones({size}, dtype)")

    def constant(self, name: str, text: str) -> str:
        """An array that never changes, made once with the buffers."""
        taken = {identifier(n) for n in self.program.buffers}
        while self.needs.get(name, text) != text or name in taken:
            name += "_"
        self.needs[name] = text
        return f"w.{name}"

    def end(self, b: Buffer) -> str:
        """The last state, or the last few of a state that is read further back."""
        lag = b.rows or 1
        if b.ahead:
            return "w." + self.attribute(f"{identifier(b.name)}_end", f"{store(b)}[{row(b, 0)}]")
        text = f"{store(b)}[{row(b, -1)}]" if lag == 1 else f"{store(b)}[-{lag}:]"
        text = "w." + self.attribute(f"{identifier(b.name)}_end", text)
        return text + _upright(b, lag)

    def start(self, b: Buffer) -> str:
        """The rows before t = 1."""
        return f"w.{self._start(b)}{_upright(b, b.rows or 1)}"


def _upright(b: Buffer, rows: int) -> str:
    """What turns a row, or several, back into the model's shape."""
    if not b.turned:
        return ""
    return ".T" if rows == 1 else ".swapaxes(-1, -2)"


def block_code(block: tuple[Any, Any], b: Buffer, *, rows: bool) -> str:
    """The index of a range of columns; `rows` says that a time axis stands before them."""
    if b.turned:
        lead = ":, " if rows else ""
    else:
        lead = "..., " if rows or len(b.shape) > 1 else ""
    return f"[{lead}{range_code(block)}]"


def range_code(block: tuple[Any, Any]) -> str:
    """lo:hi, with spaces where an end is more than a name."""
    lo, hi = (code(x) if x != 0 else "" for x in block)
    colon = ":" if all(x.isidentifier() or not x for x in (lo, hi)) else " : "
    return (lo + colon + hi).strip()


def row(b: Buffer, n: int) -> str:
    """The index of one row as a view, also where a row is a single number."""
    return str(n) if b.shape else f"{n}, ..."


def store(b: Buffer) -> str:
    """Where the whole array of a buffer is kept while the views are made."""
    name = identifier(b.name)
    return f"{name}_all" if b.padded else f"self.{name}"


def within(b: Buffer, shift: int) -> str:
    """The rows t = 1..T, shifted."""
    start, stop = (b.rows or 0) + shift, shift - b.ahead
    return f"{store(b)}[{start or ''}:{stop or ''}]"


def shift_suffix(shift: int) -> str:
    if shift > 0:
        return "_next" if shift == 1 else f"_next{shift}"
    return "_t" if not shift else "_prev" if shift == -1 else f"_prev{-shift}"


def step_rows(b: Buffer, shift: int, backward: bool) -> str:
    """Rows t = 1..T of a buffer, shifted, in the loop's order; each row is a view."""
    text = within(b, shift)
    text = text.removesuffix("[:]")
    if backward:
        text += "[::-1]"
    # Stepping through a one-dimensional array gives numbers, and a number is no view.
    return text if b.shape else f"[{text}[i, ...] for i in range(T)]"


def together_name(r: Ref, b: Buffer) -> str:
    """The loop variable of a view of blocks."""
    early = "_late" if r.lag < 0 else f"_early{r.lag if r.lag > 1 else ''}"
    marks = {"own": "_own", "early": early}.get(r.span, "")
    if b.role == "error" and r.shift:
        marks = f"_next{'' if abs(r.shift) == 1 else abs(r.shift)}" + marks
        return identifier(b.name) + marks + ("_rows" if r.flat else "_t")
    return identifier(b.name) + marks + ("_rows" if r.flat else shift_suffix(r.shift))


def together_rows(r: Ref, b: Buffer, strategy: Blocks, text: str = "") -> str:
    """That view after d steps back: the blocks lo..hi, which stand at the steps t, …, u.

    A state that runs from T to 1 is read one step ahead at most, so one block stands before T + 1.
    """
    stride = " : EVERY" if strategy.every > 1 else ""
    lag, after = r.lag, abs(r.shift)
    # A step that is not reached itself gives nothing to the state before the sequence.
    early = "1" if lag == 1 else f"min({lag}, u, BACK - back)"
    if b.role == "error":
        slot = f"(back + {after}) % {b.slots}" if after else f"back % {b.slots}"
        text = f"self.{identifier(b.name)}[{slot + ', ' if b.slots > 1 else ''}"
        if r.span == "early" and lag < 0:
            text += "hi - (u == T) : hi]"
        elif r.span == "early":
            count = "(t == 1)" if lag == 1 else f"max(0, -((t - 1 - {early}) // {strategy.every}))"
            text += f"lo : lo + {count}]"
        else:
            text += "lo:own]" if r.span == "own" else "lo:hi]"
    elif r.span == "early" and lag < 0:
        text = f"{store(b)}[T : u + 1]"
    elif r.span == "early":
        rows = b.rows or 0
        start = f"t - 1 + {rows - lag}" if rows - lag else "t - 1"
        stop = f"{early} + {rows - lag}" if rows - lag else early
        text = f"{store(b)}[{start} : {stop}{stride}]"
    else:
        rows = (b.rows or 0) + r.shift
        start = {0: "t - 1", 1: "t"}.get(rows, f"t + {rows - 1}")
        stop = f"u + {rows}" if rows else "u"
        text = f"{text or store(b)}[{start} : {stop}{stride}]"
        text += "[: own - lo]" if r.span == "own" else ""
    if r.flat and len(b.shape) > 1:
        text += f".reshape(-1, {code(b.shape[-1])})"
    return text if b.shape or not r.flat else f"{text}.reshape(-1)"
