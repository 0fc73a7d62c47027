r"""Single mistakes planted in true derivations: python -m tests.edits [MODEL …] [--every N].

Each line the project prints in LaTeX is changed in one place, as people change it by mistake, and
handed to `verify`. Whether the mathematics has changed is told by numbers of this file's own: the
line is read by the strict parser, each derivative is a perturbed run of the forward equations.
"""

from __future__ import annotations

import argparse
import cmath
import random
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sympy

from symbptt import matrix as mx
from symbptt.derive import derive
from symbptt.errors import SymbpttError
from symbptt.matrix.evaluate import Setting, evaluate
from symbptt.model import LOSS, Derivation, Equation
from symbptt.parse import load
from symbptt.parse.latex import latex
from symbptt.show import show_equation
from symbptt.verify import verify

SAID = """d is total, ∂ holds all else fixed. Jacobians are in numerator layout; a product over
time multiplies from the latest step on the left.

"""
ACCEPTED = ("proved", "definition", "conditional")


@dataclass(frozen=True)
class Edit:
    """One mistake: the codes that name it (the same slip may have several names), the new line."""

    codes: tuple[str, ...]
    what: str
    line: str


# -- the mistakes, on the text of the right side

GRADIENT = r"\\frac\{\\mathrm\{d\}L\}\{\\mathrm\{d\}[^{}]*(?:_\{[^{}]*\})?\}"


def rules(weights: list[str], many: bool) -> list[tuple[tuple[str, ...], str, str, Any]]:
    """(codes, name, pattern, replacement): each match is one edit."""
    slope = ("M19", "M01") if many else ("M01",)
    future = ("M20", "M07") if many else ("M07",)
    found: list[tuple[tuple[str, ...], str, str, Any]] = [
        (slope, "slope missing", r" \\odot \(1 - [^()]*(?:\([^()]*\)[^()]*)?\^\{2\}\)", ""),
        (("M19", "M01"), "gate slope missing", r" \\odot (\w)_\{t\} \\odot \(1 - \1_\{t\}\)", ""),
        (slope, "slope missing", r"\\operatorname\{diag\}\((?:[^()]|\([^()]*\))*\) (?=\S)", ""),
        (("M02",), "upstream factor missing", rf"{GRADIENT} \\odot ", ""),
        (("M03",), "slope at another argument", r"(?<=1 - )h_\{t\}(?=\^\{2\})", "a_{t}"),
        (("M04", "M05"), "transpose of W missing", r"(?<=[WUV])(_\{?\w*\}?)\^\{\\top\}", r"\1"),
        (("M04", "M05"), "transpose of U missing", r"(?<=[WUV])\^\{\\top\}", ""),
        (("M17", "M05"), "transpose of a vector missing",
         r"(?<=[hxs])(_\{t(?:-1)?\})\^\{\\top\}", r"\1"),
        (future, "future term missing", r" \+ [^+]*_\{t\+1\}[^+]*$", ""),
        (("M08",), "immediate term missing",
         r"(?<== )\\frac\{\\partial h_\{t\}\}\{\\partial [^{}]*(?:_\{\w+\})?\} \+ ", ""),
        (("M09",), "total where immediate is meant",
         r"\\frac\{\\partial (\w)_\{k\}\}\{\\partial (\w(?:_\{\w+\})?)\}",
         r"\\frac{\\mathrm{d}\1_{k}}{\\mathrm{d}\2}"),
        (("M10",), "earlier step", r"(?<![\d+-])_\{t\+1\}", "_{t}"),
        (("M10",), "later step", r"_\{t-1\}", "_{t}"),
        (("M10",), "shifted input", r"x_\{t\}", "x_{t-1}"),
        (("M12",), "sum missing", r"\\sum_\{t=1\}\^\{T\} ", ""),
        (("M12",), "batch sum missing", r"\\sum_\{n=1\}\^\{N\} \[([^\[\]]*)\]_\{n,:\}$", r"\1"),
        (("M13",), "bounds", r"\\sum_\{t=1\}", r"\\sum_{t=2}"),
        (("M13",), "bounds", r"\\prod_\{j=([tk])\+1\}", r"\\prod_{j=\1}"),
        (("M14",), "factor", r"(?<== )(?=\\frac\{\\mathrm\{d\}L)", "2 "),
        (("M15",), "sign", r" \+ ", " - "),
        (("M15",), "sign of the error",
         r"(o_\{t\}|\\operatorname\{softmax\}\(\w+_\{t\}\)) - "
         r"(y_\{t\}|\\mathbf\{1\}_\{y_\{t\}\})",
         r"\2 - \1"),
        (("M15",), "sign in the slope", r"1 - ", "1 + "),
        (("M18",), "elementwise for matrix product", r"(?<=\^\{\\top\}) (?=\\frac)", r" \\odot "),
    ]  # fmt: skip
    for a in weights:
        for b in weights:
            if a != b:
                letter = re.escape(a) + ("" if "_" in a else "(?!_)")
                found.append((("M11",), "wrong parameter", letter, b.replace("\\", r"\\")))
    return found


def edits(line: str, weights: list[str], many: bool) -> Iterator[Edit]:
    """Every single edit of the right side."""
    left, equals, right = line.partition(" = ")
    seen = {line}
    for codes, what, pattern, new in rules(weights, many):
        for match in re.finditer(pattern, " = " + right):
            text = " = " + right
            changed = text[: match.start()] + match.expand(new) + text[match.end() :]
            whole = left + changed
            if whole not in seen and changed.strip(" =") and equals:
                seen.add(whole)
                yield Edit(codes, what, whole)


# -- whether the mathematics has changed, in numbers

EPS = 1e-30


class Run:
    """One run of the forward equations; derivatives by complex perturbation of a value."""

    def __init__(self, derivation: Derivation, steps: int = 3, seed: int = 7):
        self.model, self.steps = derivation.model, steps
        self.draw = random.Random(seed)
        names = dict.fromkeys(s.name for d in self.model.declarations for n in d.shape
                              for s in sorted(n.free_symbols, key=str))  # fmt: skip
        self.sizes = {n: k for k, n in enumerate(names, 2)} | {"C": 5}
        self.given: dict[tuple[str, int | None], Any] = {}
        for d in self.model.declarations:
            if d.role in ("size", "variable"):
                continue
            times: list[int | None] = [None]
            if d.timed:
                lag = max(1, self.model.lag(d.name)) if d.role == "state" else 0
                start = steps + 1 if d.reversed else 1 - lag
                times = [*(range(start, start + lag) if d.role == "state" else range(steps + 2))]
            for t in times:
                self.given[d.name, t] = self.array(d)
        self.values = self.forward()
        self.kept: dict[Any, Any] = {}

    def drawn(self, shape: Any, name: str) -> Any:
        known = {mx.size(k): v for k, v in self.sizes.items()}
        dims = [int(sympy.sympify(n).xreplace(known)) for n in shape]
        draw = random.Random(f"{name}{dims}")
        count = int(np.prod(dims, dtype=int))
        return np.array([draw.uniform(0.2, 1) for _ in range(count)]).reshape(dims)

    def array(self, d: Any) -> Any:
        known = {mx.size(k): v for k, v in self.sizes.items()}
        shape = [int(sympy.sympify(n).xreplace(known)) for n in d.shape]
        count = int(np.prod(shape, dtype=int))
        if d.classes is not None:
            top = int(sympy.sympify(d.classes).xreplace(known))
            return np.array([self.draw.randrange(top) for _ in range(count)]).reshape(shape)
        if d.role == "mask":
            return np.array([float(self.draw.random() < 0.7) for _ in range(count)]).reshape(shape)
        return np.array([self.draw.uniform(0.2, 1) for _ in range(count)]).reshape(shape)

    def forward(self, at: Any = None, entry: Any = None) -> dict[Any, Any]:
        """All values, one entry of one of them perturbed."""
        values = dict(self.given)
        if at in values:
            values[at] = moved(values[at], entry)
        todo = [(t, e) for t in range(1, self.steps + 1) for e in self.model.equations]
        while todo:  # a state that runs from T to 1 waits for the step behind it
            later = []
            for t, e in todo:
                try:
                    values[e.lhs.name, t] = self.value(e.rhs, values, t)
                except KeyError:
                    later.append((t, e))
                    continue
                if (e.lhs.name, t) == at:
                    values[at] = moved(values[at], entry)
            assert len(later) < len(todo), "values that wait for one another"
            todo = later
        values["L", None] = self.value(self.model.loss.expression(), values, 1)
        return values

    def value(self, e: Any, values: Any, t: int, derivatives: Any = None, **times: int) -> Any:
        def lookup(node: Any, at: tuple[int, ...]) -> Any:
            if isinstance(node, mx.Deriv):
                assert derivatives is not None
                return derivatives(node, at)
            key = (node.name, at[0] if at else None)
            if key not in values and not at:  # the cotangent λ may be any array
                return self.drawn(node.shape, node.name)
            return values[key]

        where = Setting(lookup, self.sizes, FUNCTIONS, {"t": t, "T": self.steps, **times})
        return np.asarray(evaluate(e, where), dtype=complex)

    def derivative(self, node: Any, at: tuple[int, ...]) -> Any:
        """d of / d wrt: the run perturbed; ∂: one step, with every other state held."""
        n = len(node.of.times)
        of = (node.of.name, at[0] if n else None)
        by = (node.wrt.name, at[n] if len(at) > n else None)
        key = (of, by, node.total)
        if key not in self.kept:
            if by[1] is not None and by[1] > self.steps:
                like = self.values[by[0], self.steps]
                return np.zeros(np.shape(like), dtype=object)
            like = np.asarray(self.values[by])
            columns = []
            for entry in np.ndindex(*like.shape):
                after = self.forward(by, entry) if node.total else self.one_step(of, by, entry)
                columns.append(np.imag(after[of]) / EPS)
            stacked = np.stack(columns, axis=-1)
            self.kept[key] = stacked.reshape((*stacked.shape[:-1], *like.shape)).astype(object)
        return self.kept[key]

    def one_step(self, of: Any, by: Any, entry: Any) -> dict[Any, Any]:
        values = dict(self.values)
        values[by] = moved(values[by], entry)
        states = {d.name for d in self.model.states}
        for e in self.model.equations:
            key = (e.lhs.name, of[1])
            if (e.lhs.name in states and key != of) or (key == by and key != of):
                continue
            if of[1] is not None:
                values[key] = self.value(e.rhs, values, of[1])
            if key == of:
                break
        return values

    def sides(self, e: Equation, t: int, k: int) -> Any:
        return self.value(e.rhs, self.values, t, self.derivative, k=k)


def moved(a: Any, entry: Any) -> Any:
    out = np.array(a, dtype=complex)
    out[entry] += EPS * 1j
    return out


FUNCTIONS: dict[str, Any] = {
    "number": lambda v: complex(v),
    "tanh": cmath.tanh,
    "exp": cmath.exp,
    "log": cmath.log,
    "sigmoid": lambda z: 1 / (1 + cmath.exp(-z)),
    "relu": lambda z: z if z.real > 0 else 0.0,
    "step": lambda z: 1.0 if complex(z).real > 0 else 0.0,
}


def same_numbers(run: Run, a: Equation, b: Equation) -> bool | None:
    """Whether two right sides agree at each step at which both have a value; None if nowhere."""
    met = None
    for t in range(1, run.steps + 1):
        for k in range(1, t + 1):
            try:
                x, y = run.sides(a, t, k), run.sides(b, t, k)
            except KeyError:
                continue
            if np.shape(x) != np.shape(y) or not np.allclose(x, y, rtol=1e-9, atol=1e-12):
                return False
            met = True
    return met


def changes(run: Run, derivation: Derivation, true: Equation, edited: str) -> bool | None:
    """Whether the edited line says something else. A line that does not parse does."""
    try:
        found = same_numbers(run, true, latex(edited, derivation))
    except SymbpttError:
        return True
    return None if found is None else not found


# -- the figures


@dataclass
class Figures:
    """What became of the edits of one model, or of several."""

    accepted: list[tuple[str, str, str]] = field(default_factory=list)  # wrong, and accepted
    unrecognised: list[tuple[str, str, str]] = field(default_factory=list)  # true, and refuted
    table: Counter[tuple[str, str]] = field(default_factory=Counter)
    right: int = 0
    wrong: int = 0
    unchanged: int = 0
    examples: dict[tuple[str, str], str] = field(default_factory=dict)

    @property
    def share(self) -> float:
        return self.right / max(1, self.wrong)


def judged(model: str, every: int = 1, seed: int = 0, only: str = "") -> Figures:
    """The figures of one model; `every` n-th edit, drawn with the seed."""
    derivation = derive(load(model))
    run, out = Run(derivation), Figures()
    draw = random.Random(f"{model}{seed}")
    many = len(derivation.model.states) > 1
    weights = [
        show_equation(Equation("", d.var(), d.var()), "latex").partition(" = ")[0]
        for d in derivation.model.params
        if len(d.shape) == 2
    ]
    outputs = [e for e in derivation if isinstance(e.lhs, mx.Deriv)]
    both = [next(e for e in outputs if e.lhs.total), next(e for e in outputs if not e.lhs.total)]
    known = (*derivation.model.equations[:-1], *both)
    said = SAID + "".join(f"$${show_equation(e, 'latex')}$$\n\n" for e in known)
    for e in derivation:
        if e.lhs in (LOSS, derivation.model.loss.step):  # a definition
            continue
        line = show_equation(e, "latex")
        for edit in edits(line, weights, many):
            if draw.randrange(every) or (only and only not in edit.codes):
                continue
            different = changes(run, derivation, e, edit.line)
            if different is None:
                continue
            found = verify(f"{said}$${edit.line}$$\n", model=model)
            last = found.lines[-1] if found.lines and not found.document.unread else None
            verdict = last.verdict if last is not None else "unread"
            told = last.codes[0] if last is not None and last.codes else ""
            if not told and last is not None and last.conditions:
                told = last.conditions[0].code
            told = told or verdict
            if not different:
                out.unchanged += 1
                if verdict in ("refuted", "follows"):
                    out.unrecognised.append((e.label, edit.what, edit.line))
                continue
            out.wrong += 1
            if verdict in ("proved", "definition"):
                out.accepted.append((e.label, edit.what, edit.line))
            ok = told in edit.codes
            out.right += ok
            out.table[edit.codes[0], edit.codes[0] if ok else told] += 1
            if not ok:
                out.examples.setdefault((edit.codes[0], told), edit.line)
    return out


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.edits", description=__doc__)
    parser.add_argument("models", nargs="*", default=["elman"])
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--only", default="")
    given = parser.parse_args(arguments)
    table: Counter[tuple[str, str]] = Counter()
    for model in given.models:
        began = time.perf_counter()
        f = judged(model, given.every, only=given.only)
        table += f.table
        print(
            f"{model:15} {f.wrong:4} wrong, {len(f.accepted)} of them accepted, class right in "
            f"{100 * f.share:.0f} %; {f.unchanged} unchanged, {len(f.unrecognised)} of them refuted"
            f"  {time.perf_counter() - began:.0f} s",
            flush=True,
        )
        for kind, rows in (("ACCEPTED", f.accepted), ("REFUTED", f.unrecognised)):
            for label, what, line in rows:
                print(f"  {kind} ({label}) {what}: {line[:160]}")
        for (want, got), line in sorted(f.examples.items()):
            print(f"  {want} called {got}: {line[:170]}")
    print("\nplanted -> named first")
    for (want, got), n in sorted(table.items()):
        print(f"  {want} {got:12} {n}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
