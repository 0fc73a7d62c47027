"""Planted faults of the planner's passes: (room, mistake in words, model, what, its wrong form).

Each wrong form takes the right one, so that a fault goes wrong in one respect only.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sympy import Integer

from symbptt import matrix as mx
from symbptt.plan import Ref

Wrong = Callable[[Any], Any]


def _first_summand(right: Any) -> Any:
    def wrong(e: Any, names: set[str]) -> Any:
        new = right(e, names)
        return mx.plus(mx.zeros(e.shape), *new.args[:1], *new.args[2:]) if new != e else e

    return wrong


def _from_zero(right: Any) -> Any:
    return lambda m, lo, hi: right(m, Integer(0), hi - lo)


def _rotated(right: Any) -> Any:
    """The gates of one packed array in each other's blocks."""

    def wrong(d: Any) -> Any:
        found = right(d)
        blocks = list(found.values())
        return dict(zip(found, blocks[1:] + blocks[:1], strict=True))

    return wrong


def _only_once(right: Any) -> Any:
    """Made in the first of two drafts, and not in the second."""
    calls: list[Any] = []

    def wrong(d: Any, *args: Any) -> Any:
        calls.append(d)
        return right(d, *args) if len(calls) % 2 else set()

    return wrong


def _shifted(right: Any) -> Any:
    """Each part but the first begins one column too early, and ends there too."""

    def wrong(d: Any) -> None:
        right(d)
        for name, b in d.buffers.items():
            if b.part and b.part[1] != 0:
                whole, lo, hi = b.part
                d.buffers[name] = replace(b, part=(whole, lo - 1, hi - 1))

    return wrong


def _without(op: str) -> Wrong:
    def make(right: Any) -> Any:
        return lambda *args: [i for i in right(*args) if i.op != op]

    return make


def _not_in(op: str) -> Wrong:
    def make(right: Any) -> Any:
        return lambda d, i, n, runs: None if i.op == op else right(d, i, n, runs)

    return make


def _turned_back(right: Any) -> Any:
    return lambda self, ref: replace(right(self, ref), turned=ref.turned)


def _at_the_last(right: Any) -> Any:
    return lambda body, members, commuting=None: max(
        n for n, x in enumerate(body) if any(x is m for m in members)
    )


def _reversed(right: Any) -> Any:
    return lambda widths: right(widths)[::-1]


def _in_place(right: Any) -> Any:
    return lambda pieces: [replace(p, read=p.made) for p in pieces]


def _constant(value: Any) -> Wrong:
    return lambda right: lambda *args, **more: value


def _same_op(right: Any) -> Any:
    return lambda step, every, *rest: step.op == every.op and step.out.span == "static"


def _next_row(right: Any) -> Any:
    def wrong(self: Any, ref: Any) -> Any:
        new = right(self, ref)
        out = isinstance(new, Ref) and new.buffer in self.out.values() and new.shift == -1
        return replace(new, shift=0) if out else new

    return wrong


def _one_less(right: Any) -> Any:
    """Every block of columns ends one column early, and the next begins there."""

    def wrong(d: Any, whole: str, members: Any) -> None:
        right(d, whole, members)

        def moved(r: Any) -> Any:
            if r.buffer != whole or not r.block:
                return r
            lo, hi = r.block
            return replace(r, block=(lo and lo - 1, hi - 1))

        d.views(moved)

    return wrong


# A block that two equations read: what is added to it in one would be seen in the other.
TWICE = """size D, H
input x[t] : D
target y[t] : H
state h[t] : H
param W : 2*H, D
param U : H, H
p[t] = W @ x[t]
a[t] = p[t][0:H] + U @ h[t-1]
h[t] = tanh(a[t]) * p[t][0:H] + p[t][H:2*H]
l[t] = squared_error(h[t], y[t])
"""

# A block under a name of its own.
NAMED = TWICE.replace("a[t] = p[t][0:H] +", "q[t], r[t] = split(p[t], 2)\na[t] = q[t] +").replace(
    "* p[t][0:H] + p[t][H:2*H]", "* q[t] + r[t]"
)


def _first_view(right: Any) -> Any:
    """Every name for a block stands for the first of them."""

    def wrong(model: Any) -> Any:
        found = right(model)
        return dict.fromkeys(found, next(iter(found.values()), None))

    return wrong


def _left_out(right: Any) -> Any:
    def moved(d: Any, i: Any, block: Any, loop: Any) -> Any:
        block[:] = [x for x in block if x is not i]
        return loop

    return moved


FAULTS: tuple[tuple[str, str, str, str, Wrong], ...] = (
    ("split", "a part of the concatenation is left out", "mgu", "forward.split", _first_summand),
    ("views", "every block is the first", "named", "forward.views_of", _first_view),
    ("split", "each block of rows is the first", "rows", "split.rows", _from_zero),
    ("draft", "a copy is taken for the transpose", "gru", "draft.Draft.original", _turned_back),
    ("draft", "views of two blocks never meet", "twice", "gates.overlap", _constant(False)),
    ("arrange", "one of two parts is turned", "lstm", "arrange.columns", _only_once),
    ("gates", "blocks in another order", "lstm_pytorch", "gates.in_place", _rotated),
    ("gates", "a slice of columns off by one", "lstm", "gates.settle", _shifted),
    ("halves", "no ½ in the bias", "lstm", "halves._halved", _not_in("add")),
    ("halves", "no ½ in the weights of h", "gru_pytorch", "halves._halved", _not_in("dot")),
    ("halves", "no ½ in the peepholes", "lstm_peephole", "halves._halved", _not_in("multiply")),
    ("halves", "no ½ added", "lstm_column", "halves._one_tanh", _without("add")),
    ("halves", "one run of sigmoids is forgotten", "lstm_peephole", "halves._merged",
     lambda right: lambda runs: right(runs)[:1]),
    ("linear", "what the columns are linear in is not seen", "gru_pytorch", "linear.meets",
     _constant(False)),
    ("order", "the weights stay in the model's order", "lstm", "order._merged", _in_place),
    ("abreast", "an array stands where another is read", "lstm_peephole",
     "abreast._Loop._may_stand", _constant(True)),
    ("abreast", "instructions meet too late", "gru", "abreast.meeting", _at_the_last),
    ("biases", "a bias leaves and does not come in", "lstm", "biases._moved", _left_out),
    ("carry", "the loss of the last step is felt at the first", "bidirectional",
     "carry._is_start", lambda right: lambda t, backward: right(t, True)),
    ("carry", "the step before begins with what this one held", "lstm", "carry._handed_on",
     lambda right: lambda d, name, body, shift: right(d, name, body, shift) and list(body)),
    ("columns", "a matrix is not transposed", "gru",
     "columns._Columns.transposed", lambda right: lambda self, ref: ref),
    ("columns", "a copy in rows of the wrong step", "lstm", "columns._Columns.in_rows", _next_row),
    ("inside", "a row is taken before it is done with", "residual", "inside._in_order",
     _constant(True)),
    ("keep", "another value of the loop is taken", "lstm", "keep._same", _same_op),
    ("pack", "every block begins a column early", "lstm_column", "pack._side_by_side", _one_less),
    ("stacks", "weights stacked in another order", "lstm_column", "stacks.ranges", _reversed),
    ("motion", "products made after what reads them", "lstm_peephole", "fuse.meeting",
     _at_the_last),
    ("fuse", "a union is its first block", "lstm_peephole", "fuse.Fuser._union",
     lambda right: lambda self, refs: refs[0]),
    ("scratch", "an array is taken too early", "lstm", "scratch._last", _constant(0)),
    ("scratch", "an array is taken that is held", "gru", "scratch._is_free", _constant(True)),
    ("reuse", "an array is taken that is read later", "gru", "reuse._lifetimes",
     lambda right: lambda *args: (right(*args)[0], right(*args)[0])),
)  # fmt: skip


def plant(monkeypatch: Any, target: str, wrong: Wrong) -> None:
    """Put the wrong form in the place of the right one, in the room and wherever it is read."""
    room, *path, name = target.split(".")
    owner = importlib.import_module(f"symbptt.plan.{room}")
    for attribute in path:
        owner = getattr(owner, attribute)
    monkeypatch.setattr(owner, name, wrong(getattr(owner, name)))
