"""Lines of a program as equations: the loop that carries a variable gives it an index.

    for k in range(max(0, t - K), t + 1)[::-1]:        k from t down to t − K
        dW += outer(delta, h[k-1])                     dL_t/dW^{(k)} = outer(δ_k^{(t)}, h_{k−1})
        delta = W.T.dot(delta) * s[k-1]                δ_{k−1}^{(t)} = Wᵀ δ_k^{(t)} ⊙ s_{k−1}

δ_k^{(t)} is what the variable holds at the start of turn k in the sweep back from step t.
`U[:, x[t]] += v` adds v to the column that the number x_t picks: outer(v, x_t) for a one-hot x.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from . import surface as s

RANGES = ("range", "arange", "xrange", "reversed")

Note = tuple[str, str]  # a class of mistake, and what the line is right under


@dataclass(frozen=True)
class Loop:
    """A loop over steps; `lowest` is the first node of its range, None where it starts at 0."""

    place: int
    variable: s.Symbol
    lowest: s.Node | None


def loop_of(claim: s.Claim, place: int = 0) -> Loop | None:
    """The loop that a line opens, or None."""
    if claim.notation != "plain" or claim.relation != "∈" or claim.right is None:
        return None
    over = s.bare(claim.right)
    while isinstance(over, s.Apply) and over.head.letter == "reversed":
        over = s.bare(over.arguments[0])
    variable = s.bare(claim.left)
    if not isinstance(variable, s.Symbol):
        return None
    if isinstance(over, s.Symbol) and over.letter in RANGES:  # range(n), an index to the reader
        return Loop(place, replace(variable, start=0, end=0), None)
    if not (isinstance(over, s.Apply) and over.head.letter in RANGES):
        return None
    lowest = over.arguments[0] if len(over.arguments) > 1 else None
    return Loop(place, replace(variable, start=0, end=0), lowest)


def truncated(loop: Loop) -> s.Node | None:
    """K of range(max(0, t − K), …), or None where the loop reaches the first step."""
    low = s.bare(loop.lowest) if loop.lowest is not None else None
    if not (isinstance(low, s.Apply) and low.head.letter == "max" and len(low.arguments) == 2):
        return None
    for x in map(s.bare, low.arguments):
        if isinstance(x, s.Sum) and x.signs == ("+", "-"):
            return x.terms[1]
    return None


def _from_first(loop: Loop) -> bool:
    """Whether the loop runs down to step 0."""
    low = s.bare(loop.lowest) if loop.lowest is not None else None
    if isinstance(low, s.Apply) and low.head.letter == "max":
        return any(s.bare(x) == s.Number("0") for x in low.arguments)
    return low is None or low == s.Number("0")


def equations(claims: list[s.Claim]) -> tuple[list[s.Claim], dict[str, Note]]:
    """The claims with the lines of programs as equations, and what some are right under."""
    out, notes = list(claims), {}
    for n, c in enumerate(out):
        column = _column(c)
        if column is not None:
            out[n], picked = column
            notes[c.id] = (
                "M17",
                f"{picked} is one whole number per step: a dense input needs outer",
            )
    loops = [x for n, c in enumerate(out) if (x := loop_of(c, n)) is not None]
    ends = [*(x.place for x in loops[1:]), len(out)]
    for loop, end in zip(loops, ends, strict=False):
        if loop.variable != s.Symbol("t"):
            _Sweep(loop, out, notes).run(end)
    return out, notes


def _column(c: s.Claim) -> tuple[s.Claim, str] | None:
    """U[:, x] += v as U += outer(v, x), and the name of x."""
    if c.notation != "plain" or c.relation != "+=" or c.right is None:
        return None
    left = s.bare(c.left)
    entry = left.below if isinstance(left, s.Quotient) else left
    if not (isinstance(entry, s.Entry) and len(entry.items) == 2):
        return None
    picked = s.bare(entry.items[1])
    if not (isinstance(entry.items[0], s.Everything) and isinstance(picked, s.Symbol)):
        return None
    whole: s.Node = entry.of
    if isinstance(left, s.Quotient):  # dLdU[:, x], a fraction to the reader
        if not (isinstance(left.above, s.Shorthand) and isinstance(entry.of, s.Shorthand)):
            return None
        whole = s.Derivative("d", left.above.of, entry.of.of, style="/")
    right = s.Apply(s.Symbol("outer"), (c.right, picked))
    return replace(c, left=whole, right=right), picked.letter


class _Sweep:
    """One loop over earlier steps, inside the loop over t."""

    def __init__(self, loop: Loop, claims: list[s.Claim], notes: dict[str, Note]):
        self.loop, self.claims, self.notes = loop, claims, notes
        used = {n.letter for c in claims for x in (c.left, c.right) if x is not None
                for n in s.symbols(x)}  # fmt: skip
        self.letter = next(x for x in ("k", "j", "m", "r", "κ") if x not in used)
        self.now = s.Index(self.letter, "_", ((self.letter, 1),), 0)
        self.before = s.Index(f"{self.letter}-1", "_", ((self.letter, 1),), -1)
        self.sweep = s.Index("t", "[", (("t", 1),), 0)

    def run(self, end: int) -> None:
        inside = [n for n in range(self.loop.place + 1, end) if self._is_line(n)]
        carried = {
            c.left for c in (self.claims[n] for n in inside)
            if c.relation == "=" and isinstance(c.left, s.Symbol) and c.right is not None
            and any(x == c.left for x in s.symbols(c.right))
        }  # fmt: skip
        for name in carried:
            self._start(name)
        for n in inside:
            self._line(n, carried)

    def _is_line(self, n: int) -> bool:
        return self.claims[n].notation == "plain" and self.claims[n].right is not None

    def _start(self, name: s.Symbol) -> None:
        """The last assignment before the loop: what turn t starts with."""
        for n in range(self.loop.place - 1, -1, -1):
            c = self.claims[n]
            if self._is_line(n) and c.relation == "=" and c.left == name:
                step = s.Index("t", "_", (("t", 1),), 0)
                self.claims[n] = replace(c, left=self._held(name, step))
                return

    def _held(self, name: s.Symbol, index: s.Index) -> s.Symbol:
        """δ_k^{(t)}."""
        labels = tuple(i for i in name.sub if i.terms != (("t", 1),))
        return replace(name, sub=(*labels, replace(index, style="["), self.sweep))

    def _line(self, n: int, carried: set[s.Symbol]) -> None:
        c = self.claims[n]
        assert c.right is not None
        held: Mapping[s.Symbol, s.Symbol] = {x: self._held(x, self.now) for x in carried}
        right = self._said(c.right, held)
        left = self._said(c.left, {x: self._held(x, self.before) for x in carried})
        if c.relation == "+=":
            left = self._share(left)
            wraps = [
                x.letter for x in s.symbols(right)
                if any(i.terms == ((self.letter, 1),) and i.shift == -1 for i in x.indices)
            ]  # fmt: skip
            if wraps and _from_first(self.loop) and not self._starts_at(wraps[0]):
                words = f"{wraps[0]}[-1], the last row, holds the initial state: the index wraps"
                self.notes[c.id] = ("M23", words)
        self.claims[n] = replace(c, left=left, right=right)

    def _share(self, left: s.Node) -> s.Node:
        """dL/dW as dL_t/dW^{(k)}: what step k adds to the gradient of the loss of step t."""
        bare = s.bare(left)
        if not isinstance(bare, s.Derivative):
            return left
        of, by = s.bare(bare.of) if bare.of is not None else None, s.bare(bare.by)
        if not (isinstance(of, s.Symbol) and isinstance(by, s.Symbol)) or of.indices:
            return left
        step = s.Index("t", "_", (("t", 1),), 0)
        copy = replace(self.now, style="(")
        return replace(bare, of=replace(of, sub=(step,)), by=replace(by, sup=(*by.sup, copy)))

    def _starts_at(self, letter: str) -> bool:
        """Whether the program sets h[-1] itself."""
        return any(
            isinstance(c.left, s.Symbol) and c.left.letter == letter
            and any(i.terms == () and i.shift == -1 for i in c.left.indices)
            for c in self.claims
        )  # fmt: skip

    def _said(self, node: s.Node, held: Mapping[s.Symbol, s.Symbol]) -> s.Node:
        """The loop's variable as the index k, and carried variables at their turn."""
        if isinstance(node, s.Symbol) and node in held:
            return held[node]
        if isinstance(node, s.Entry) and len(node.items) == 1 and isinstance(node.of, s.Symbol):
            shift = self._shift(s.bare(node.items[0]))
            if shift is not None:
                index = replace(self.before if shift else self.now, shift=shift)
                if shift:
                    index = replace(index, text=f"{self.letter}{shift:+d}")
                return replace(node.of, sub=(*node.of.sub, index))
        if isinstance(node, s.Symbol):
            return replace(node, sub=tuple(map(self._index, node.sub)))
        return s.rebuild(node, lambda x: self._said(x, held))

    def _index(self, i: s.Index) -> s.Index:
        v = self.loop.variable
        whole = i.text + "".join(f"_{x.text}" for x in i.inner)
        mine = v.letter + "".join(f"_{x.text}" for x in v.sub)
        if whole == mine:
            return replace(self.now, start=i.start, end=i.end)
        if i.terms is not None and i.names == (v.letter,) and not v.sub:
            return replace(i, terms=((self.letter, 1),))
        return i

    def _shift(self, node: s.Node) -> int | None:
        """n of k + n, or None."""
        if isinstance(node, s.Symbol):
            return 0 if node == self.loop.variable else None
        if isinstance(node, s.Sum) and len(node.terms) == 2 and node.signs[0] == "+":
            first, second = map(s.bare, node.terms)
            if first == self.loop.variable and isinstance(second, s.Number):
                if second.text.isdigit():
                    return -int(second.text) if node.signs[1] == "-" else int(second.text)
        return None
