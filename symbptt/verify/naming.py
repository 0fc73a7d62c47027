"""Which index of a letter is a time, which a component and which a part of its name.

The surface tree leaves that open; a document decides it by how it uses its letters. A letter is
timed when it appears with t, t − 1, T or the variable of a sum over time; then its first index
of that kind is its time, h_{t+1,i} has component i, and δ_{f,t} the label f.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import sympy

from .. import matrix as mx
from . import surface as s
from .scripted import ENTRIES, affine, affine_of, is_about_entries, is_pair, settled

GREEK_GRADIENT = ("δ", "Δ")
_BEFORE, _AFTER = ("prev", "previous"), ("next",)


@dataclass(frozen=True)
class Parts:
    """A symbol taken apart: `name` identifies it, `time` is an affine SymPy expression."""

    letter: str
    marks: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    time: Any = None
    components: tuple[str, ...] = ()
    second: Any = None  # another time: the loss of δ_2^{(3)}

    @cached_property
    def name(self) -> str:
        """The letter with its marks and labels: W_hh, yhat, δ_f."""
        label = "".join(self.labels)
        return self.letter + "".join(self.marks) + (f"_{label}" if label else "")

    @cached_property
    def at(self) -> str:
        """The name with its time: h[t - 1]."""
        return f"{self.name}[{_shown(self.time)}]"


_shown = lru_cache(maxsize=4096)(str)


class Naming:
    """The conventions of one document."""

    def __init__(self, trees: Iterable[s.Node]):
        trees = list(trees)
        self.stacked: dict[str, tuple[str, ...]] = {}  # letters the prose makes several states
        self._times: dict[Any, Any] = {}
        self.parts = s.Kept(self._taken_apart)
        self.bound = {
            b.variable.letter for n in _all(trees) if isinstance(n, s.Big) for b in n.bounds
        }
        self.open = {  # d of Σ_d a_{t,d}: over entries, not steps
            b.variable.letter
            for n in _all(trees)
            if isinstance(n, s.Big)
            for b in n.bounds
            if b.lower is None and b.upper is None and b.among is None
        }
        symbols = [n for n in _all(trees) if isinstance(n, s.Symbol)]
        self.seen = {x.letter for x in symbols}
        self.letters = {x.letter for x in symbols if x.indices}
        self.main = self._counter(symbols)
        self.plain = {x.letter for x in symbols if not x.indices}
        self.counted = {  # i of h_{t,i}: it counts entries
            i.text
            for x in symbols
            if len(x.indices) > 1
            for i in x.indices
            if i.text in ENTRIES and not i.shift
        }
        self.counted |= {  # j of [h]_j, k of ŷ_{t_k}
            x.letter
            for n in _all(trees)
            if isinstance(n, s.Entry)
            for x in n.items
            if isinstance(x, s.Symbol) and x.letter in ENTRIES and not x.indices
        } | {j.text for x in symbols for i in x.indices for j in i.inner if j.text in ENTRIES}
        self.entrywise = any(map(is_about_entries, _all(trees)))
        if self.entrywise:
            self.counted |= {c for x in symbols for i in x.sub if is_pair(i) for c in i.text}
            self.counted -= {self.main}
        pairs = [i.text.strip() for x in symbols for i in x.sub if x.letter in self.plain]
        for pair in pairs:  # W_ij beside h_{t,j}; W_in is a name
            if len(pair) == 2 and set(pair) & self.counted and pair != "in":
                self.counted |= set(pair) & set(ENTRIES)
        self.labelled = {(x.letter, i.text) for x in symbols for i in x.sub if not i.inner}
        self.horizon = self._horizon(trees, symbols)
        factors = {  # W of W h_{t-1}: W^t is its power
            x.letter
            for n in _all(trees)
            if isinstance(n, s.Product)
            for x in n.factors
            if isinstance(x, s.Symbol) and not x.indices
        }
        self.raised = {
            n.base.letter
            for n in _all(trees)
            if isinstance(n, s.Power)
            and isinstance(n.base, s.Symbol)
            and "time" in n.may_be
            and (not n.base.sub or (n.may_be[0] == "time" and _numbers(n.base.sub)))
            and affine_of(n.exponent, {"t"})
            and (n.may_be[0] == "time" or n.base.letter not in factors)
        }
        self.raised -= self._matrices(trees)
        self.raised |= {
            n.base.of.letter
            for n in _all(trees)
            if isinstance(n, s.Power) and isinstance(n.base, s.Shorthand)
            if affine_of(n.exponent, {"t"})
        }
        self.timed: set[tuple[str, tuple[str, ...]]] = set()
        self.styles: Counter[str] = Counter()
        times = {self.main} | ({self.horizon} if self.horizon else set())
        for x in symbols:
            for i in x.indices:
                if i.style == "|":
                    continue
                if i.terms is not None and set(i.names) & times and self._plain(i):
                    self.timed.add((x.letter, x.marks))
                    self.styles[i.style] += 1
        shifted = {
            n
            for x in symbols
            for i in x.indices
            if i.terms and len(i.terms) == 1 and i.shift
            for n in i.names
        }
        limits = {
            x.letter
            for n in _all(trees)
            if isinstance(n, s.Bound)
            for end in (n.lower, n.upper)
            if end is not None
            for x in s.symbols(end)
            if not x.indices
        }
        for n in _all(trees):  # ‖W‖^{t−k} counts the steps from k to t
            counted = affine(n.exponent) if isinstance(n, s.Power) else None
            shifted |= (
                set(counted[0])
                if counted and len(counted[0]) == 2 and set(counted[0]) & times
                else set()
            )
        self.names = times | shifted | self.bound | limits | {"m~"}
        self.steps = shifted | {  # letters that can only be steps: h_{k-1}, Σ_{k=1}^t
            b.variable.letter
            for n in _all(trees)
            if isinstance(n, s.Big)
            for b in n.bounds
            if b.upper is not None and {x.letter for x in s.symbols(b.upper)} & times
        }
        if self.entrywise:
            alone = {i.text for x in symbols for i in x.indices if i.text in ENTRIES}
            self.counted |= alone - self.steps - {self.main}
        values = {letter for letter, _ in self.timed}  # the i of W_i is that of i_t, not of ∏_i
        runs = shifted | (self.steps - values)
        self.arrays = self._arrays(symbols)
        for x in symbols:  # h_k, where k runs over time somewhere
            for i in x.indices:
                if (x.letter, x.marks) in self.arrays:
                    continue
                if i.terms and set(i.names) <= runs and self._plain(i) and i.style != "|":
                    self.timed.add((x.letter, x.marks))
        self.numbered = any(
            i.terms == () and i.shift > 1 and i.style == "_"
            for x in symbols
            if (x.letter, x.marks) in self.timed
            for i in x.indices
        )
        self.constants = self._constants(trees)
        self.next_is_now = any(  # h_next = tanh(h_prev W + …): what this step computes
            isinstance(tree, s.Symbol) and any(i.text in _AFTER for i in tree.indices)
            for tree in trees
        )
        self.bracketed = {  # but the 1 of h_t^{(1)} is a layer
            x.letter
            for x in symbols
            for i in x.indices
            if i.style in ("(", "<", "[", "call")
            and (i.names or not any(set(j.names) & times for j in x.indices))
        }

    @staticmethod
    def _counter(symbols: list[s.Symbol]) -> str:
        """t, or n or τ in a document that writes x(n), x(n−1) and never t."""
        indices = [i for x in symbols for i in x.indices if i.terms and len(i.terms) == 1]
        names = {n for i in indices for n in i.names}
        moved = {n for i in indices if i.style == "call" and i.shift for n in i.names}
        if "t" in names:
            return "t"
        return next((x for x in ("n", "τ") if x in moved), "t")

    def _arrays(self, symbols: list[s.Symbol]) -> set[tuple[str, tuple[str, ...]]]:
        """u of u ⊙ h_t and u[j]: it stands alone, and else with the number of an entry only, though
        j may count steps in another line."""
        found = {(x.letter, x.marks) for x in symbols if not x.indices}
        indexed = [x for x in symbols if x.indices]
        entries = [x for x in indexed if all(self._names_entry(x, i) for i in x.indices)]
        return found & {(x.letter, x.marks) for x in entries} - {
            (x.letter, x.marks) for x in indexed if x not in entries
        }

    def _names_entry(self, x: s.Symbol, i: s.Index) -> bool:
        alone = len(x.indices) == 1 and i.style == "[" and not i.shift
        return alone and i.text in ENTRIES and i.text in self.counted

    def _matrices(self, trees: list[s.Node]) -> set[str]:
        """W of W h^{[t−1]} and W^{t−k}: capitals that stand before a value without an index."""
        return {
            a.letter
            for n in _all(trees)
            if isinstance(n, s.Product)
            for a, b in itertools.pairwise(map(s.bare, n.factors))
            if isinstance(a, s.Symbol) and a.letter.isupper() and not a.indices
            if (isinstance(b, s.Symbol) and b.indices)
            or (isinstance(b, s.Power) and "time" in b.may_be)
        }

    def _constants(self, trees: list[s.Node]) -> set[str]:
        """b_1 of W x_t + b_1: what has a number beside running steps, and a step nowhere."""
        moving = {letter for letter, _ in self.timed}
        out = set()
        for tree in trees:
            symbols = s.symbols(tree)
            if any(self.main in i.names for x in symbols for i in x.indices):
                out |= {x.letter for x in symbols if x.indices and x.letter not in moving}
        return out

    @staticmethod
    def _plain(i: s.Index) -> bool:
        return not i.marks

    def _horizon(self, trees: list[s.Node], symbols: list[s.Symbol]) -> str | None:
        """T, or whatever a sum over t = 1.. runs up to."""
        uppers: list[str] = []
        ends: list[str] = []  # of sums over t
        for n in _all(trees):
            if isinstance(n, s.Big):
                for b in n.bounds:
                    upper = s.bare(b.upper) if b.upper is not None else None
                    if isinstance(upper, s.Symbol) and not upper.indices:
                        uppers.append(upper.letter)
                        ends += [upper.letter] if b.variable.letter == self.main else []
        free = [u for u in uppers if u not in self.bound and u not in ("t", self.main)]
        used = {n for x in symbols for i in x.indices if i.terms for n in i.names}
        for letter in (x for x in ("T", "τ") if x != self.main):
            if letter in free or letter in used - self.bound:
                return letter
        values = {x.letter for x in symbols if any(self.main in i.names for i in x.indices)}
        for letter in (*free, "n"):
            if letter in used - self.counted - values - {self.main}:  # n_t is a value
                return letter
        return next((x for x in ends if x in free), "T")

    def time(self, i: s.Index) -> Any:
        """The index as a SymPy expression in times."""
        key = (i.terms, i.shift)
        if key not in self._times:
            self._times[key] = self._time(i)
        return self._times[key]

    def _time(self, i: s.Index) -> Any:
        out: Any = sympy.Integer(i.shift)
        for name, c in i.terms or ():
            out += c * self.symbol(name)
        return out

    def symbol(self, name: str) -> Any:
        return (
            mx.T
            if name == self.horizon
            else mx.t
            if name in ("t", self.main)
            else mx.time_symbol(name)
        )

    def is_timed(self, x: s.Symbol) -> bool:
        return (x.letter, x.marks) in self.timed or x.letter.startswith(GREEK_GRADIENT)

    def _taken_apart(self, x: s.Symbol) -> Parts:
        labels: list[str] = []
        comps: list[str] = []
        times: list[Any] = []
        timed = (
            self.is_timed(x)
            or (self.numbered and x.letter.islower() and x.letter not in self.constants)
            or any(i.style in ("(", "<", "[") and set(i.names) & self.names for i in x.indices)
        )
        for i in x.indices:
            word = "".join(i.marks) + i.text.strip()
            if i.inner and i.terms is not None and set(i.names) <= self.names:  # x_{t_k}
                times.append(self.time(i))
                comps += [j.text for j in i.inner]
            elif i.inner and self._is_entry_of(x, i):  # b_{y_i} of b_y
                labels.append(_letter_of(i))
                comps += [j.text.strip() for j in i.inner]
            elif i.inner:  # δ_{h_t}, δ_{W_{xh}}: a quantity with its own index
                inner = "".join(j.text.strip() for j in i.inner if not self._counts(j))
                times += [self.time(j) for j in i.inner if self._counts(j)]
                labels.append(_letter_of(i) + (f"_{inner}" if inner else ""))
            elif self._is_time(x, i, timed):
                times.append(self.time(i))
            elif self._is_glued(x, i):  # δ_{ht}: of h, at t
                labels.append(i.text[0])
                times.append(self.symbol(i.text[1]))
            elif self._is_entry(x, i):  # W_{ij} of W
                comps += i.text.strip()
            elif self._is_component(x, i, bool(times)):
                comps.append(i.text.strip())
            else:
                labels.append(_letter_of(i) if i.marks else word)
        time = times[0] if times else None
        if labels and labels[-1] in (*_BEFORE, *_AFTER) and time is None:
            word = labels.pop()
            after = mx.t if self.next_is_now else mx.time_symbol("next")
            time = mx.t - 1 if word in _BEFORE else after
        marks = x.marks + (("'",) * x.primes)
        second = times[1] if len(times) > 1 else None
        return Parts(x.letter, marks, tuple(labels), time, tuple(comps), second)

    def _is_time(self, x: s.Symbol, i: s.Index, timed: bool) -> bool:
        if i.terms is None or i.marks or (x.letter, x.marks) in self.arrays:
            return False
        if i.style == "|" and not i.names:
            return True
        if not i.names and i in x.sub and any(self.main in j.names for j in x.sup):
            return False  # the layer of h_1^t
        if not i.names:  # a number: h_0, s_3; but W_1 and z^{(1)} are names
            return timed and not (i.style in ("(", "<", "[") and not self._bracket_time(x))
        if not set(i.names) <= self.names:
            return False
        if i.style in ("(", "<", "[", "call", "|"):
            return True
        if (
            len(i.names) == 1
            and not i.shift
            and any(j is not i and self._better(j, i) for j in x.indices)
        ):  # but δ_{t,k} has two times where k is a step and no entry
            return x.letter.startswith(GREEK_GRADIENT) and set(i.names) <= self.steps
        if i.names == ("i",) and not i.shift and "i" not in self.bound:
            return timed and not any(set(j.names) & {"t", self.horizon} for j in x.indices)
        return timed

    def _counts(self, i: s.Index) -> bool:
        """Whether an index below an index is a time: the t of δ_{h_t}."""
        return bool(i.names) and set(i.names) <= self.names and not i.marks

    def _better(self, j: s.Index, i: s.Index) -> bool:
        """Whether j is a time more clearly than i: x_i^{(t)}, h_{t,i}."""
        if j.terms is None or not j.names or not set(j.names) <= self.names:
            return False
        main = {"t", self.horizon}
        if j.style in ("(", "<", "[", "call") and i.style in ("_", ","):
            return True
        return bool(set(j.names) & main) and not set(i.names) & main

    def _bracket_time(self, x: s.Symbol) -> bool:
        return x.letter in self.bracketed

    def _is_entry(self, x: s.Symbol, i: s.Index) -> bool:
        """Whether two letters below a matrix name an entry of it."""
        letters = set(i.text.strip())
        if len(i.text.strip()) != 2 or not letters <= self.counted or i.style == "^":
            return False
        return x.letter in self.plain or self.entrywise

    def _is_glued(self, x: s.Symbol, i: s.Index) -> bool:
        """Whether a quantity and the time stand below a δ with nothing between them."""
        of, at = i.text[:1], i.text[1:]
        return x.letter.startswith(GREEK_GRADIENT) and at == self.main and (of, ()) in self.timed

    def _is_entry_of(self, x: s.Symbol, i: s.Index) -> bool:
        """Whether what stands below a label numbers the entries of what the label names."""
        letters = {j.text.strip() for j in i.inner}
        known = self.entrywise or (x.letter, i.text) in self.labelled
        return letters <= set(ENTRIES) and known

    def _is_quantity(self, letter: str) -> bool:
        """Whether an index letter is a quantity of its own: W^i of the gate i^t."""
        return letter not in self.bound and (letter, ()) in self.timed

    def _is_label(self, x: s.Symbol, i: s.Index) -> bool:
        """Whether a quantity stands before the time in one subscript: a_{n,t} of n_t, though
        another n may number samples."""
        after = x.sub[x.sub.index(i) + 1 :] if i in x.sub else ()
        timed = any(set(j.names) & {self.main} for j in after)
        return timed and (i.names[0], ()) in self.timed

    def _is_component(self, x: s.Symbol, i: s.Index, after_time: bool) -> bool:
        if i.terms is None or len(i.names) != 1 or i.shift or i.marks:
            return False
        letter = i.names[0]
        if x.letter.startswith(GREEK_GRADIENT):
            return self.entrywise and letter in self.counted
        if i.style == "[" and letter in ENTRIES and self.counted and not self.is_timed(x):
            return True  # b[m] beside W[m,k]
        if self.entrywise and letter in self.counted:
            return True
        open_ = after_time and letter in self.open
        if (letter not in "ijklmnpqrc" and not open_) or self._is_quantity(letter):
            return False
        if self._is_label(x, i):
            return False
        if after_time or self.is_timed(x):
            return True
        if x.letter.islower() and letter in "ijk" and letter not in self.letters:
            if len(x.indices) == 1:
                return True
        if any(j.style == "[" for j in x.indices):  # b_q[m]: the label and the entry
            return False
        return sum(j.terms is not None and len(j.names) == 1 for j in x.indices) > 1 and all(
            j.names and j.names[0] in "ijklmnpqr" for j in x.indices if j.terms is not None
        )

    def settled(self, node: s.Node) -> s.Node:
        """The tree with c^{t-1} as a time where the document writes times above."""
        return settled(node, self)


def _numbers(indices: Iterable[s.Index]) -> bool:
    return all(i.terms == () and not i.inner for i in indices)


def _letter_of(i: s.Index) -> str:
    return i.text.strip() + "".join(i.marks)


def _all(trees: Iterable[s.Node]) -> Iterable[s.Node]:
    for tree in trees:
        yield from s.walk(tree)
