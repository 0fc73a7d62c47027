r"""θ of ∂E_t/∂θ, which the model does not have: any parameter that the states are computed with.

A line about it holds if it holds for each of them, so it is judged once for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import matrix as mx
from . import surface as s
from .forward.settled import trees_of
from .forward.system import System
from .naming import Naming


@dataclass(frozen=True)
class Instance:
    """The claims about θ, with a parameter in its place."""

    letter: str
    parameter: str  # as the author writes it
    places: tuple[int, ...]  # of the claims in the text
    claims: tuple[s.Claim, ...]


def instances(claims: Sequence[s.Claim], naming: Naming, system: System) -> Iterator[Instance]:
    """One for each parameter; none where the text has no such letter."""
    letter = _letter(claims, naming, system)
    if letter is None:
        return
    places = tuple(n for n, c in enumerate(claims) if letter in _names([c], naming))
    for sample in _parameters(claims, naming, system):

        def change(node: s.Node, sample: s.Symbol = sample) -> s.Node:
            if isinstance(node, s.Symbol) and naming.parts(node).name == letter:
                return sample
            return s.rebuild(node, change)

        made = tuple(s.changed(claims[n], change) for n in places)
        yield Instance(letter, naming.parts(sample).name, places, made)


def _names(claims: Sequence[s.Claim], naming: Naming) -> set[str]:
    return {naming.parts(x).name for tree in trees_of(claims) for x in s.symbols(tree)}


def _letter(claims: Sequence[s.Claim], naming: Naming, system: System) -> str | None:
    """The one letter of no time that stands below ∂ only, also below a state's."""
    trees = trees_of(claims)
    symbols = [naming.parts(x) for tree in trees for x in s.symbols(tree)]
    below: list[str] = []
    of_states: set[str] = set()
    states = {d.name for d in system.model.states}
    for n in (n for tree in trees for n in s.walk(tree)):
        if isinstance(n, s.Derivative) and n.of is not None:
            of, by = s.bare(n.of), s.bare(n.by)
            if isinstance(by, s.Symbol) and (q := naming.parts(by)).time is None:
                below.append(q.name)
                if isinstance(of, s.Symbol):
                    name = naming.parts(of).name
                    of_states |= {q.name} if system.names.get(name) in states else set()
    found = [
        name
        for name in dict.fromkeys(below)
        if name in of_states
        and name not in system.names
        and below.count(name) == sum(q.name == name for q in symbols)
    ]
    return found[0] if len(found) == 1 else None


def _parameters(claims: Sequence[s.Claim], naming: Naming, system: System) -> Iterator[s.Symbol]:
    """The parameters that the states are computed with, each as the text writes it."""
    model = system.model
    table = model.table
    read = {
        v.name
        for d in model.states
        for v in mx.variables(model.unfold(mx.Var(d.name, d.shape, (mx.t,))))
        if table[v.name].role == "param"
    }
    for x in (x for tree in trees_of(claims) for x in s.symbols(tree)):
        name = system.names.get(naming.parts(x).name)
        if name in read:
            read.discard(name)
            yield x
