"""What the names of a text mean: declared arrays, sizes, functions, times and indices."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import ModelError
from ..model import LOSS, Declaration, Model


@dataclass
class Scope:
    """The symbol table of one text. `times` and `indices` grow inside sums and Jacobians."""

    declarations: dict[str, Declaration] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)  # Fn, or arity of an opaque one
    results: dict[str, Any] = field(default_factory=dict)  # opaque function -> result shape
    times: dict[str, sympy.Symbol] = field(
        default_factory=lambda: {"t": mx.t, "T": mx.T}
    )

    @staticmethod
    def of(model: Model) -> Scope:
        scope = Scope(dict(model.table), dict(model.functions))
        for e in model.equations:
            for call in e.rhs.atoms(mx.Call):
                scope.results[call.name] = call.shape
        return scope

    def with_time(self, name: str) -> Scope:
        return replace(self, times={**self.times, name: mx.time_symbol(name)})

    def declare(self, d: Declaration) -> None:
        if d.name in self.declarations:
            before = self.declarations[d.name].place
            where = f" on line {before.line}" if before else ""
            raise ModelError(
                f"the name {d.name!r} is already declared{where}", "another name", d.place
            )
        if d.name in self.functions or d.name in mx.builtin_names():
            raise ModelError(f"{d.name!r} is the name of a function", "another name", d.place)
        if d.name in ("t", "T", "loss", "L"):
            raise ModelError(
                f"{d.name!r} is reserved: t and T are the time and its last step, loss and L "
                "the total loss",
                "another name",
                d.place,
            )
        self.declarations[d.name] = d

    def scalar(self, name: str) -> Any | None:
        """The SymPy symbol of a size, a time or a hyper-parameter, or None."""
        d = self.declarations.get(name)
        if d and d.role == "size":
            return mx.size(name)
        if d and d.role == "hyper":
            return sympy.Symbol(name, real=True)
        return self.times.get(name)

    def split(self, name: str) -> tuple[str, str | None]:
        """(base, time text): `h_{t-1}` is h at t−1 unless a name `h_{t-1}` is declared."""
        for shown, written in PRINTED.items():
            if name == shown or name.startswith(shown + "_"):
                name = written + name.removeprefix(shown)
        if name in self.declarations or name in ("loss", "L") or "_" not in name:
            return name, None
        base, _, subscript = name.rpartition("_")
        timed = base in self.declarations and self.declarations[base].timed
        if not timed:
            return name, None
        return base, subscript.removeprefix("{").removesuffix("}")

    def suggestion(self, name: str) -> str:
        known = [*self.declarations, *self.functions, *mx.builtin_names(), *CALLS]
        close = difflib.get_close_matches(name, known, 1)
        return close[0] if close else f"a declaration of {name}, for example `param {name} : H, H`"


PRINTED = {"ŷ": "yhat"}  # names that `show` prints with their mark

CALLS = (
    "softmax",
    "outer",
    "diag",
    "eye",
    "sum",
    "mean",
    "cross_entropy",
    "squared_error",
    "onehot",
    "column",
)


# The names above are those of `elaborate._CALLS`; a test keeps the two alike.


def known_functions(functions: Mapping[str, Any]) -> str:
    return ", ".join(sorted((*mx.builtin_names(), *CALLS, *functions)))


__all__ = ["LOSS", "Scope", "known_functions"]
