"""The author's names for the model's quantities, those that a model of the text's own made up too.

`h~` is the argument of the function in h_t = tanh(…), `l~` the loss of one step, `target~` what
the output is compared with.
"""

from __future__ import annotations

from collections.abc import Iterable

from .. import surface as s
from ..judge.judge import Judge
from ..meaning.choice import UnknownError

PLAIN = {"l~": "l", "target~": "target"}


def names_of(judge: Judge, names: Iterable[str]) -> dict[str, str]:
    """Name in the model -> the author's, or one that says what it is."""
    spoken = _spoken(judge)
    taken = {n for n in names if "~" not in n}
    out = {n: n for n in taken}
    for name in dict.fromkeys(n for n in names if "~" in n):
        alone = "a" if [f"{d.name}~" for d in judge.system.model.states] == [name] else None
        wanted = (spoken.get(name), PLAIN.get(name), alone, f"a_{name[:-1]}", f"arg_{name[:-1]}")
        out[name] = next(x for x in wanted if x and x not in out.values())
    return out


def _spoken(judge: Judge) -> dict[str, str]:
    """What the text calls the quantities whose name in the model is made up."""
    out: dict[str, str] = {}
    for line in judge.lines:
        for side in (line.claim.left, line.claim.right):
            for x in s.symbols(side) if side is not None else ():
                q = judge.naming.parts(x)
                if q.letter in judge.system.losses or q.name in judge.gradients:
                    continue
                try:
                    name = judge.quantities.find(q)
                except UnknownError:
                    continue
                if "~" in name:
                    out.setdefault(name, q.name)
    return out


__all__ = ["names_of"]
