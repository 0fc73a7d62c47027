"""What the names of a text mean: declared arrays, sizes, functions, times and indices."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import ModelError, Place
from ..model import Declaration, Derivation, Model
from .names import readings, spelled

CALLS = (
    "softmax",
    "outer",
    "diag",
    "eye",
    "ones",
    "zeros",
    "sum",
    "mean",
    "cross_entropy",
    "squared_error",
    "binary_cross_entropy",
    "sqrt",
    "onehot",
    "column",
    "split",
)
# The names above are those of `calls.CALLS`; a test keeps the two alike.

RESERVED = {
    **dict.fromkeys(("t", "T"), "t is the time and T its last step"),
    **dict.fromkeys(("loss", "L"), "it is the total loss"),
    "λ": "λ is the cotangent in printed derivations",
    **dict.fromkeys(
        ("model", "size", "input", "mask", "target", "state", "param", "hyper", "var", "function"),
        "it opens a line of a model file",
    ),
    **dict.fromkeys(("in", "index"), "it is a word of the declarations"),
}
_BOUND = "tTkjsirmnpqu"  # letters that stand for a time in printed sums


@dataclass
class Scope:
    """The symbol table of one text. `times` grows inside sums and products over time.

    `layout` says how the text writes Jacobians; see `matrix.layout`.
    """

    declarations: dict[str, Declaration] = field(default_factory=dict)
    functions: dict[str, Any] = field(default_factory=dict)  # Fn, or arity of an opaque one
    results: dict[str, Any] = field(default_factory=dict)  # opaque function -> result shape
    times: dict[str, sympy.Symbol] = field(default_factory=lambda: {"t": mx.t, "T": mx.T})
    layout: str = "numerator"

    @staticmethod
    def of(model: Model | Derivation | Scope, layout: str = "numerator") -> Scope:
        """The names of a model; those of a derivation include its stacked states."""
        if isinstance(model, Scope):
            return model
        stacked: list[mx.Var] = []
        if isinstance(model, Derivation):
            stacked = [b.var for b in model.blocks if b.is_stacked]
            model = model.model
        scope = Scope(dict(model.table), dict(model.functions), layout=layout)
        for v in stacked:
            scope.declarations[v.name] = Declaration(v.name, "variable", v.shape, True)
        for e in model.equations:
            for call in e.rhs.atoms(mx.Call):
                scope.results[call.name] = call.shape
        return scope

    def with_time(self, name: str) -> Scope:
        return replace(self, times={**self.times, name: mx.time_symbol(name)})

    def with_declaration(self, d: Declaration) -> Scope:
        return replace(self, declarations={**self.declarations, d.name: d})

    def declare(self, d: Declaration) -> None:
        """Add a name, or say which other meaning it already has on paper."""
        self.check_name(d.name, d.place)
        clash = self._reads_as_another(d)
        if clash:
            raise ModelError(f"{d.name!r} {clash}", "another name", d.place)
        self.declarations[d.name] = d

    def check_name(self, name: str, place: Place | None) -> None:
        """Refuse a name that is taken, reserved, or a name with its subscript in braces."""
        clash = self._clash(name)
        if clash:
            raise ModelError(f"{name!r} {clash}", "another name", place)

    def _clash(self, name: str) -> str:
        if "{" in name or "^" in name:
            return "is a name with a printed subscript; write it flat, as W_hh"
        if name in RESERVED:
            return f"is reserved: {RESERVED[name]}"
        if name in CALLS or name in self.functions or name in mx.builtin_names():
            return "is already the name of a function"
        before = self.known(name)
        if before is not None:
            place = self.declarations[before].place
            where = f" on line {place.line}" if place else ""
            also = "" if before == name else f" as {before!r}, which is the same on paper"
            return f"is already declared{where}{also}"
        return ""

    def _reads_as_another(self, d: Declaration) -> str:
        """Names that no reader could tell from `h at time 0` or `the identity of size H`."""
        base, _, last = d.name.rpartition("_")
        if not d.timed and self._is_timed(base) and (last.isdigit() or last in _BOUND):
            return f"reads as {base} at time {last}"
        if base == "I" and self._is_size(last):
            return f"reads as the identity matrix of size {last}"
        for other in self.declarations.values():
            base, _, last = other.name.rpartition("_")
            at_a_time = not other.timed and (last.isdigit() or last in _BOUND)
            if d.timed and base == d.name and last and at_a_time:
                return f"at time {last} reads as {other.name!r}"
            if d.role == "size" and base == "I" and last == d.name:
                return f"makes {other.name!r} read as an identity matrix"
        return ""

    def _is_timed(self, name: str) -> bool:
        return name in self.declarations and self.declarations[name].timed

    def _is_size(self, name: str) -> bool:
        return name in self.declarations and self.declarations[name].role == "size"

    def known(self, name: str) -> str | None:
        """The declared name that is written `name`, in any spelling."""
        if name in self.declarations or name in ("loss", "L"):
            return name
        key = "lambda" if name == "λ" else spelled(name)
        return next((n for n in self.declarations if n == key or spelled(n) == key), None)

    def scalar(self, name: str) -> Any | None:
        """The SymPy symbol of a size, a time or a hyper-parameter, or None."""
        if name in self.times:
            return self.times[name]
        d = self.declarations.get(self.known(name) or name)
        if d and d.role == "size":
            return mx.size(d.name)
        if d and d.role == "hyper":
            return sympy.Symbol(d.name, real=True)
        return None

    def split(self, text: str) -> tuple[str, str | None, list[str]]:
        """(declared name, its time, its entries): `h_{t-1}` is h at t−1, `x_{t,i}` entry i of x.

        A declared name goes before a shorter one with a subscript. An unknown name comes back
        as it was written.
        """
        if text in self.declarations or text in ("loss", "L"):
            return text, None, []
        waiting = None
        for name, rest, when in readings(text):
            known = self.known(name)
            if known is None:
                continue
            if not self._is_timed(known):
                return known, when, rest
            if when is not None:
                return known, when, rest
            if rest:
                return known, rest[0], rest[1:]
            waiting = waiting or known  # a timed name without its time: is there a shorter one?
        return waiting or text, None, []

    def is_function(self, name: str) -> bool:
        return name in CALLS or name in self.functions or name in mx.builtin_names()

    def known_function(self, name: str) -> str | None:
        """The function that is called `name`: σ is the sigmoid, ln the logarithm."""
        if self.is_function(name):
            return name
        key = spelled(name)
        own = (n for n in self.functions if spelled(n) == key)
        return next(own, {"sigma": "sigmoid", "ln": "log"}.get(key))

    def close_function(self, name: str) -> str:
        """The known function that `name` may be a slip of, or nothing."""
        known = [*self.functions, *mx.builtin_names(), *CALLS]
        word = name.lower().replace("_", "")
        alike = [n for n in known if n.lower().replace("_", "") == word]
        close = difflib.get_close_matches(name, known, 1)
        return next(iter((*alike, *close)), _OTHER_NAMES.get(word, ""))

    def suggestion(self, name: str) -> str:
        """What may be meant by a name that nothing declares."""
        base, timed = re.subn(r"(?<=.)_(?:t|T|\{[^{}]*[tT][^{}]*\})$", "", name)
        if name.startswith(("Σ", "∑", "∏")):
            return f"{name[0]}_{{t=1}}^{{T}} with its bounds"
        if base.startswith("d") and (of := self.known(base[1:])):
            return f"dL/d{of}" + ("[t]" if self._is_timed(of) else "")
        if spelled(base).rpartition("_")[0] == "delta" or spelled(base) in ("delta", "lambda"):
            return "the gradient it stands for, as in dL/da[t]"
        known = [*self.declarations, *self.functions, *mx.builtin_names(), *CALLS]
        close = difflib.get_close_matches(name, known, 1)
        line = f"input {base}[t] : H" if timed else f"param {name} : H, H"
        return close[0] if close else f"a declaration of {base}, for example `{line}`"


_OTHER_NAMES = {
    **dict.fromkeys(("mse", "l2", "squarederrorloss"), "squared_error"),
    **dict.fromkeys(("ce", "xent", "nll", "crossentropyloss"), "cross_entropy"),
    **dict.fromkeys(("logistic", "sigm", "expit"), "sigmoid"),
    **{"norm": "sum(v**2)", "dot": "u @ v", "matmul": "A @ B", "transpose": "A.T"},
}


def known_functions(functions: Mapping[str, Any]) -> str:
    return ", ".join(sorted((*mx.builtin_names(), *CALLS, *functions)))
