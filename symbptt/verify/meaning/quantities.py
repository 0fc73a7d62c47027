"""Which quantity of the model an author's symbol is, at which time, and how it stands.

By name; where no name fits, by role: z_o is what the gate o is a function of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from ..forward.system import System
from ..naming import Naming, Parts
from .choice import NEXT, UnknownError


class Quantities:
    """The author's symbols in one system; `renamed` are names that one line gives itself."""

    def __init__(self, system: System, naming: Naming, renamed: Mapping[str, str] | None = None):
        self.system, self.naming, self.model = system, naming, system.model
        self.renamed = renamed or {}

    def find(self, q: Parts) -> str:
        """The model's name of a symbol."""
        names = self.system.names
        if q.name in self.renamed:
            return self.renamed[q.name]
        if q.name in self.naming.stacked:
            words = f"{q.name} is states stacked into one vector, but not all of them side by side"
            raise UnknownError(q.name, words)
        if q.name in names:
            return names[q.name]
        found = self.guess(q)
        if found is None:
            raise UnknownError(q.name)
        return found

    def means(self, q: Parts) -> bool:
        """Whether the symbol stands for something of the model."""
        known = (*self.system.names, *self.model.sizes, *self.system.losses)
        return q.name in self.renamed or q.name in known or self.guess(q) is not None

    def guess(self, q: Parts) -> str | None:
        """A symbol matched by its role, where no name fits."""
        names, pre = self.system.names, self.system.pre
        label = "".join(q.labels)
        lower = {n.lower(): n for n in names}
        timed = [n for n in names if n in self.model.defined]
        steps = f"{q.letter}s"  # dh beside hs[t], the list of every step's h
        if q.name == q.letter and steps in names and self.model.table[names[steps]].timed:
            return names[steps]
        if q.name in ("O", "Z") and self.system.onehot and self.system.logits.endswith("~"):
            return self.system.logits  # where o or z is another quantity
        if q.name.lower() in lower and self._alike(lower[q.name.lower()], q):
            return names[lower[q.name.lower()]]
        if len(q.components) == 2 and q.letter.upper() in names:
            return names[q.letter.upper()]  # w_ij of W
        if q.letter in ("a", "z", "s", "u", "v", "n") and not q.marks:
            for out, inner in pre.items():  # z_o of o, z of the state
                if label and (out == label or out.endswith("_" + label)):
                    return inner
            if not label:
                states = [d.name for d in self.model.states if d.name in pre]
                if len(states) == 1:
                    return pre[states[0]]
                if len(pre) == 1:
                    return next(iter(pre.values()))
        if q.marks in (("hat",), ("tilde",)):
            plain = replace(q, marks=()).name
            if plain in pre and q.marks == ("hat",):
                return pre[plain]
            if q.marks == ("tilde",) and "g" in timed:
                return "g"
        if q.letter == "g" and not q.marks and "ctilde" in timed:
            return "ctilde"
        if q.letter in ("p", "y") and self.system.onehot and q.marks in ((), ("hat",)):
            if self.system.label != q.name:
                return self.system.output
        if q.letter in ("o", "z") and self.system.onehot and self.system.logits and not label:
            return self.system.logits
        if q.letter in "fio" and not label and not q.marks:
            return self._gate(q.letter)
        if label:  # c_f of a cell whose indices the author drops
            bare = q.letter + "".join(q.marks)
            if bare in names and bare in timed:
                return None
        return None

    def _gate(self, letter: str) -> str | None:
        """The gates f, i, o of c_t = f ⊙ c_{t−1} + i ⊙ g, h_t = o ⊙ tanh(c_t) by what they do.

        For a text that defines them under other letters and uses these beside them.
        """
        for cell in (d.name for d in self.model.states):
            roles = _roles(self.model, cell)
            if len(roles) == 3 and letter in roles:
                return roles[letter]
        return None

    def _alike(self, name: str, q: Parts) -> bool:
        timed = name in self.model.defined or any(
            d.name == name and d.timed for d in self.model.declarations
        )
        return timed or q.time is None

    def time_of(self, name: str, q: Parts) -> Any:
        """The time of a quantity: its own, t where none is written, T for a last output."""
        d = self.declaration(name)
        if d is None or not d.timed:
            return None
        if q.time is None:
            if self.model.loss.over == "last" and name in (
                self.system.output, self.system.logits, "target~",
            ):  # fmt: skip
                return mx.T
            return mx.t
        return sympy.sympify(q.time).xreplace({NEXT: mx.t})

    def declaration(self, name: str) -> Any:
        return self.model.table.get(name)

    def left(self, name: str, rank: int) -> int:
        if rank == 1:
            return 0 if self.is_row(name) else 1
        return min(rank, 1)

    def is_row(self, name: str) -> bool:
        rows = self.system.rows
        if name in rows:
            return True
        d = self.declaration(name)
        if d is not None and not d.timed and len(d.shape) == 1:
            return bool(rows) or any(len(e.lhs.shape) == 2 for e in self.model.equations)
        if name.endswith("~") or name == "target~":
            return bool(rows)
        return False


def _roles(model: Any, cell: str) -> dict[str, str]:
    """The gates of a cell, where the model has just such a one."""
    out: dict[str, str] = {}
    rhs = model.defined[cell].rhs if cell in model.defined else None
    for term in rhs.args if isinstance(rhs, mx.Plus) else ():
        factors = term.args if isinstance(term, mx.Times) else ()
        names = [v for v in factors if isinstance(v, mx.Var)]
        if len(names) != 2 or len(factors) != 2:
            return {}
        before = next((v for v in names if v.name == cell), None)
        gate = next((v for v in names if v is not before and _is(model, v.name, "sigmoid")), None)
        if gate is not None:
            out["i" if before is None else "f"] = gate.name
    for e in model.equations:
        factors = e.rhs.args if isinstance(e.rhs, mx.Times) else ()
        now = mx.Var(cell, e.rhs.shape, (mx.t,))
        if any(isinstance(x, mx.Apply) and x.has(now) for x in factors):
            gate = next((x for x in factors if isinstance(x, mx.Var)), None)
            if gate is not None and _is(model, gate.name, "sigmoid"):
                out["o"] = gate.name
    return out


def _is(model: Any, name: str, function: str) -> bool:
    e = model.defined.get(name)
    return e is not None and isinstance(e.rhs, mx.Apply) and e.rhs.args[0].name == function
