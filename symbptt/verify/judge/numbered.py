"""Letters that are told apart by numbers alone: δ1, δ2, …, each the gradient of some edge.

A number is defined by the line it stands alone on the left of: what that line computes is
compared with every gradient there is. Those without a line enter from above or from step t + 1.

    δ3 = δ1 + δ2,  δ5 = δ3 · o_t        δ1 of this step's loss, δ2 from later ones; δ5 by tanh(c_t)
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from ... import matrix as mx
from ...errors import SymbpttError
from .. import surface as s
from ..algebra.numbers import Numbers
from ..algebra.tensor import Tensor
from ..meaning.choice import Choice, Gradient
from ..meaning.formula import Meaning
from ..world import close
from .judge import Judge
from .line import Line

FEWEST = 4  # numbered letters that make a document of this kind
MOST = 64  # assignments of what enters that are tried


def is_numbered(key: str) -> bool:
    return key.startswith("δ") and key[1:].isdigit()


def name_numbers(judge: Judge) -> None:
    """Settle what every numbered letter of the document is the gradient of; so too a d before a
    letter that names nothing: dt = dh_next * (1 - h_next**2)."""
    keys = [k for k in judge.candidates if is_numbered(k)]
    if len(keys) >= FEWEST:
        _Search(judge, keys).run()
    nameless = [k for k, found in judge.candidates.items() if k.startswith("d ") and not found]
    if nameless:
        _Search(judge, nameless).tell()


def name_again(judge: Judge) -> None:
    """What a d before a letter that names nothing is, the meanings of the others being settled."""
    nameless = [k for k in judge.candidates if k.startswith("d ") and k in judge.aliases]
    if nameless:
        search = _Search(judge, nameless)
        search.tell()
        for key in nameless:
            if judge.aliases.pop(key, None) is not None and key in search.lines:
                search.lines[key].how = ""  # it is no gradient: nothing is known of it


class _Search:
    """The meanings of the numbers of one document."""

    def __init__(self, judge: Judge, keys: list[str]):
        self.judge, self.keys = judge, keys
        self.lines: dict[str, Line] = {}
        for line in judge.lines:
            found = judge.key_of(line.claim.left)
            plain = line.claim.right is not None and line.claim.relation in ("=", ":=")
            if found and found[0] in keys and plain:
                self.lines.setdefault(found[0], line)
        self.reads = {k: judge.keys_of(judge.statement(x)) for k, x in self.lines.items()}
        self.said: dict[Any, Gradient | None] = {}
        self.pool = self._pool()

    def run(self) -> None:
        entering = [k for k in self.keys if k not in self.lines]
        best: dict[str, Gradient] = {}
        most = -1
        combinations = itertools.product(self._entering(), repeat=len(entering))
        for meanings in itertools.islice(combinations, MOST):
            found, count = self._chained(dict(zip(entering, meanings, strict=True)))
            if count > most:
                best, most = found, count
        for key in self.keys:
            self.judge.stated.add(key)
            self.judge.candidates[key] = [best[key]] if key in best else []
            self.judge.free.discard(key)
            if key in best:
                self.judge.gradients[key] = best[key]
            else:
                self.judge.gradients.pop(key, None)

    def tell(self) -> None:
        """What the line that defines each letter computes, the other letters being known."""
        for key, line in self.lines.items():
            g = self._computed(key, dict(self.judge.gradients))
            if g is not None:
                self.judge.candidates[key], self.judge.gradients[key] = [g], g
                self.judge.stated.add(key)
                self.judge.aliases.pop(key, None)
                line.how = ""
            elif key not in self.judge.stated and line.claim.right is not None:
                found = self.judge.key_of(line.claim.left)
                self.judge.aliases[key] = (found[1].time if found else None, line.claim.right)
                line.how = "alias"

    def _entering(self) -> list[Gradient]:
        """What comes into a cell from outside: from above, and from step t + 1."""
        states = [d.name for d in self.judge.system.model.states]
        options = [Gradient(n, scope) for n in states for scope in ("own", "future")]
        return [g for g in options if g in self.pool]

    def _pool(self) -> dict[Gradient, Tensor]:
        """Every gradient of the model, with its entries at t = 2."""
        out: dict[Gradient, Tensor] = {}
        model = self.judge.system.model
        states = {d.name for d in model.states}
        for d in model.declarations:
            if not d.timed or d.classes is not None or d.name == "target~":
                continue
            options = [Gradient(d.name)]
            if d.name in states:
                options += [Gradient(d.name, x) for x in ("own", "future", "now")]
                options += [Gradient(d.name, "future", -1)]
            for g in options:
                try:
                    value = self._value(s.Symbol("δ0"), {"δ0": g})
                except SymbpttError:
                    continue
                if np.abs(value.data).max(initial=0) > 0:
                    out[g] = value
        return out

    def _value(self, node: s.Node, gradients: dict[str, Gradient], by_value: bool = False) -> Any:
        lenient = frozenset(["byvalue"] if by_value else [])
        choice = Choice(gradients=gradients, lenient=lenient)
        alg = Numbers(self.judge.ground.world, {mx.t: 2})
        return Meaning(self.judge.system, self.judge.naming, alg, choice).of(node)

    def _chained(self, known: dict[str, Gradient]) -> tuple[dict[str, Gradient], int]:
        """The meanings that follow from those of what enters, and how many lines are then true."""
        known, true = dict(known), 0
        while True:
            before = len(known)
            for key in self.lines:
                if key not in known:
                    g = self._computed(key, known)
                    if g is not None:
                        known[key] = g
                        true += 1
            if len(known) == before:
                told = self._told(known)
                if told is None:
                    return known, true
                known.update(told)

    def _computed(self, key: str, known: dict[str, Gradient]) -> Gradient | None:
        """The gradient that the right side of a letter's line is; asked of the letters it reads."""
        mine = self.reads[key]
        if not {k for k in mine if k in self.keys} - {key} <= set(known):
            return None
        known = {k: known[k] for k in sorted(mine) if k in known}
        asked = (key, *known.items())
        if asked not in self.said:
            self.said[asked] = self._match(self.lines[key].claim.right, known)
        return self.said[asked]

    def _match(self, right: s.Node | None, known: dict[str, Gradient]) -> Gradient | None:
        assert right is not None
        for by_value in (False, True):
            try:
                value = self._value(right, known, by_value)
            except (SymbpttError, KeyError, ValueError):
                continue
            for g, x in self.pool.items():
                same = x.shape == value.shape and x.left == value.left
                if same and close(np.asarray(x.data, float), np.asarray(value.data, float)):
                    return g
        return None

    def _told(self, known: dict[str, Gradient]) -> dict[str, Gradient] | None:
        """A letter whose own line is wrong, told by the lines that read it: two at least."""
        best: tuple[int, dict[str, Gradient]] = (1, {})
        for key in self.lines:
            if key in known:
                continue
            for g in self.pool:
                tried = {**known, key: g}
                count = sum(
                    self._computed(k, tried) is not None
                    for k, mine in self.reads.items()
                    if k not in tried and key in mine
                )
                if count > best[0]:
                    best = (count, {key: g})
        return best[1] or None
