"""The data of a script: drawn as those of the counterexample are, so that the numbers agree.

A function of which nothing is known is a sine in a script: f(z) = sin(z + 1/3) with all its
slopes, or Σ sin(w z) of all that it reads, with drawn weights w.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction

from sympy import Function

from ... import matrix as mx
from ...errors import SymbpttError
from ...model import LOSS, Declaration, Equation, Model
from .equations import Place, weights
from .exact import ExactWorld
from .scalars import order_of

WIDTH = 100
TAKEN = ("d", "v", "np", "rng", "run", "draw", "given")  # names of the script's own


def draws(world: ExactWorld, labels: bool) -> list[str]:
    """How one array is drawn; `labels`: whole numbers are drawn beside it."""
    over = math.lcm(*(x.denominator for x in map(Fraction, world.field.entries)))
    whole = ", ".join(str(int(x * over)) for x in world.field.entries)
    values = f"[{whole}], n) / {over}" if over > 1 else f"[{whole}], n)"
    state = f"np.random.RandomState({world.seed})"
    if labels:
        return [f"rng = {state}", f"draw = lambda *n: rng.choice({values}"]
    return [f"draw = lambda *n, rng={state}: rng.choice({values}"]


def drawn(world: ExactWorld, names: Mapping[str, str], read: Collection[str]) -> list[str]:
    """The items of a dictionary, in the order of the world, up to the last that is read."""
    times: dict[str, list[int | None]] = {}
    computed = {e.lhs.name for e in world.model.equations} | {LOSS.name}
    for name, time in world.values:
        if name not in computed or (time is not None and not 1 <= time <= world.steps):
            times.setdefault(name, []).append(time)
    while times and next(reversed(times)) not in read:
        times.popitem()
    return [x for n, at in times.items() for x in _items(world, names[n], world.model.table[n], at)]


def _items(world: ExactWorld, key: str, d: Declaration, times: list[int | None]) -> list[str]:
    value = _drawn(world, d)
    if times == [None]:
        return [f'"{key}": {value}']
    if times == list(range(len(times))) and len(times) > 1:
        return [f'**{{("{key}", t): {value} for t in range({len(times)})}}']
    return [f'("{key}", {time}): {value}' for time in times]


def _drawn(world: ExactWorld, d: Declaration) -> str:
    shape = world.dims(d.shape)
    if d.name in world.orthogonal:
        return f"np.array({world.values[d.name, None].astype(float).tolist()})"
    if d.classes is not None:
        (count,) = world.dims((d.classes,))
        return f"rng.randint({count}, size={shape})" if shape else f"rng.randint({count})"
    value = f"draw({', '.join(map(str, shape))})"
    return f"0 * {value}" if d.name in world.zeros else value


def weighed(equations: Iterable[Equation], place: Place) -> list[str]:
    """The weights of the unknown functions of several arrays."""
    calls = {c.name: c for e in equations for c in e.rhs.atoms(mx.Call)}
    return [
        f'"{n}": draw({", ".join(map(str, weights(c, place)))})' for n, c in sorted(calls.items())
    ]


def stand_ins(model: Model, used: str) -> list[str]:
    """The unknown functions of one array that a text calls."""
    names: set[str] = set()
    for e in model.equations:
        for f in e.rhs.atoms(mx.Apply):
            names |= {order_of(type(x).__name__)[0] for x in f.args[0].body.atoms(Function)}
    called = sorted(n for n in names - set(mx.builtin_names()) if f"{n}(" in used)
    for n in called:
        if not n.isidentifier() or n in TAKEN:
            raise SymbpttError(f"{n} cannot be the name of a function in the script")
    return [
        f"{n} = lambda z, k=0: np.sin(z + {i} / 3 + k * np.pi / 2)  # any function; k: its slope"
        for i, n in enumerate(called, 1)
    ]


def dictionary(name: str, items: list[str]) -> list[str]:
    """The items in lines of a page's width."""
    out = [f"{name} = {{{items[0]}" if items else f"{name} = {{"]
    for x in items[1:]:
        if len(out[-1]) + len(x) + 3 > WIDTH:
            out[-1] += ","
            out.append(f"    {x}")
        else:
            out[-1] += f", {x}"
    out[-1] += "}"
    return out


__all__ = ["WIDTH", "dictionary", "drawn", "draws", "stand_ins", "weighed"]
