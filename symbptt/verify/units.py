r"""A text about single units, in which the letter of an index says which layer a unit is of.

    a_h^t = Σ_i w_{ih} x_i^t + Σ_{h'} w_{h'h} b_{h'}^{t−1},   a_k^t = Σ_h w_{hk} b_h^t

a_h and a_k are two vectors, w_{ih}, w_{h'h} and w_{hk} three matrices, i, h and k three kinds of
units, and h' another unit of the kind of h (Graves, 2012). Here each vector and each matrix gets a
letter of its own, each unit a letter that counts entries, and the text is judged as one about
entries.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..errors import SymbpttError
from . import surface as s
from .asides import Aside
from .forward.document import from_document
from .naming import Naming
from .scripted import affine

_COUNTERS = "ijklmn"
Unit = tuple[str, int]  # the letter of a layer, and its primes


def units(claims: list[s.Claim], unread: set[int]) -> Iterator[Aside]:
    """The whole text as one about the entries of vectors, where it is about units of layers."""
    claims = [s.changed(c, _dated) for c in claims]
    trees = [x for c in claims for x in (c.left, c.right) if x is not None]
    kinds = {(a[0], b[0]) for x in _symbols(trees) for a, b in _pairs(x)}
    recurrent = sorted(a for a, b in kinds if a == b)
    if len(unread) < len(claims) or len(kinds) < 2 or not recurrent:
        return
    layers = {x for pair in kinds for x in pair}
    renamed = Renamed(layers, _several(trees, layers))
    places, moved = [], []
    try:
        for n, c in enumerate(claims):
            for layer in sorted(_of_any(c, renamed.several, layers)) or recurrent[:1]:
                renamed.layer = layer
                places.append(n)
                moved.append(s.changed(c, renamed))
        naming = Naming([x for c in moved for x in (c.left, c.right) if x is not None])
        system = from_document(moved, naming)
    except SymbpttError:
        return
    yield Aside(tuple(places), tuple(moved), naming, system, renamed.written)


class Renamed:
    """A formula with a letter for every vector and matrix, and one for every unit."""

    def __init__(self, layers: set[str], several: dict[str, set[str]]):
        self.layers, self.several = layers, several
        self.layer = ""  # of the units of which it is not said
        self.counters: dict[Unit, str] = {}
        self.written: dict[s.Symbol, s.Symbol] = {}

    def __call__(self, node: s.Node) -> s.Node:
        if isinstance(node, s.Bound):
            unit = (node.variable.letter, node.variable.primes)
            if unit[0] in self.layers and _over_all(node):
                bound = s.Symbol(self.counter(unit).text)
                self.written.setdefault(bound, node.variable)
                return s.Bound(bound, style="bare")
        if isinstance(node, s.Quotient) and (exponent := _normalised(node)) is not None:
            return s.Apply(s.Symbol("softmax"), (self(exponent),))
        if isinstance(node, s.Apply) and len(node.arguments) == 1 and not node.head.indices:
            applied = isinstance(s.bare(node.arguments[0]), s.Symbol)  # θ(a_h), and no product
            arguments = tuple(map(self, node.arguments))
            return replace(node, arguments=arguments, certain=node.certain or applied)
        if not isinstance(node, s.Symbol):
            return s.rebuild(node, self)
        new, unit_of = self.symbol(node), _only_unit(node)
        if new != node and (unit_of is None or unit_of[0] in self.layers):
            self.written.setdefault(replace(new, sup=()), replace(node, sup=()))
        return new

    def symbol(self, x: s.Symbol) -> s.Symbol:
        for a, b in _pairs(x):
            text = self.counter(a).text + self.counter(b).text
            at = s.Index(text, "_")
            return replace(x, letter=f"W_{a[0]}{b[0]}", sub=(at,), primes=0)
        unit = _only_unit(x)
        if unit is None:
            return x
        if unit[0] not in self.layers:  # δ_j, of any unit
            if not x.gradient_like and x.letter not in self.several:
                return x
            unit = (self.layer, 0)
        told = x.letter in self.several or x.gradient_like
        letter = f"{x.letter}_{unit[0]}" if told else x.letter
        return replace(x, letter=letter, sub=(self.counter(unit),))

    def counter(self, unit: Unit) -> s.Index:
        if unit not in self.counters:
            free = [x for x in _COUNTERS if x not in self.counters.values()]
            if not free:
                raise SymbpttError("more units than letters that count entries")
            self.counters[unit] = unit[0] if unit[0] in free and not unit[1] else free[-1]
        letter = self.counters[unit]
        return s.Index(letter, "_", ((letter, 1),), 0)


def _dated(node: s.Node) -> s.Node:
    """a_h^{t−1} with the time above as an index of a."""
    node = s.rebuild(node, _dated)
    if isinstance(node, s.Power) and isinstance(node.base, s.Symbol) and "time" in node.may_be:
        found = affine(node.exponent)
        if found is not None and set(found[0]) & {"t", "T"} and _only_unit(node.base) is not None:
            names, shift = found
            text = "".join(names) + (f"{shift:+d}" if shift else "")
            index = s.Index(text, "^", tuple(names.items()), shift, start=node.start, end=node.end)
            return replace(node.base, sup=(*node.base.sup, index))
    return node


def _symbols(trees: list[s.Node]) -> Iterator[s.Symbol]:
    return (x for tree in trees for x in s.symbols(tree))


def _of_any(claim: s.Claim, several: dict[str, set[str]], layers: set[str]) -> set[str]:
    """The layers of which δ_j = ∂L/∂a_j is said: the units j are of any of them."""
    left, right = s.bare(claim.left), s.bare(claim.right) if claim.right is not None else None
    if not (isinstance(left, s.Symbol) and left.gradient_like and isinstance(right, s.Derivative)):
        return set()
    unit, by = _only_unit(left), s.bare(right.by)
    if unit is None or unit[0] in layers or not isinstance(by, s.Symbol):
        return set()
    return several.get(by.letter, set())


def _several(trees: list[s.Node], layers: set[str]) -> dict[str, set[str]]:
    """The letters that stand for the units of more than one layer: a of a_h and a_k."""
    found: dict[str, set[str]] = {}
    for x in _symbols(trees):
        unit = _only_unit(x)
        if unit is not None and unit[0] in layers:
            found.setdefault(x.letter, set()).add(unit[0])
    return {letter: kinds for letter, kinds in found.items() if len(kinds) > 1}


def _pairs(x: s.Symbol) -> Iterator[tuple[Unit, Unit]]:
    """(h', h) of w_{h'h}: a weight from one unit to another."""
    if x.letter not in ("w", "W") or x.marks or x.sup or len(x.sub) != 1 or x.sub[0].inner:
        return
    text = x.sub[0].text.strip()
    cuts = [n for n, c in enumerate(text) if c != "'"]
    if len(cuts) == 2 and cuts[0] == 0 and text.replace("'", "").isalpha():
        yield _unit(text[: cuts[1]]), _unit(text[cuts[1] :])


def _unit(text: str) -> Unit:
    return text.rstrip("'"), len(text) - len(text.rstrip("'"))


def _only_unit(x: s.Symbol) -> Unit | None:
    """h of a_h^t: the one subscript of a value."""
    if len(x.sub) != 1 or x.sub[0].inner or x.sub[0].shift:
        return None
    unit = _unit(x.sub[0].text.strip())
    return unit if len(unit[0]) == 1 and unit[0].isalpha() and unit[0] not in ("t", "T") else None


def _over_all(bound: s.Bound) -> bool:
    """Σ_h and Σ_{h=1}^H, over every unit of a layer."""
    upper = s.bare(bound.upper) if bound.upper is not None else None
    if upper is None:
        return bound.lower is None and bound.among is None
    letter = isinstance(upper, s.Symbol) and not upper.indices
    return letter and bound.lower is not None and s.bare(bound.lower) == s.Number("1")


def _normalised(node: s.Quotient) -> s.Node | None:
    """a_k of exp(a_k) / Σ_{k'} exp(a_{k'})."""
    above, below = s.bare(node.above), s.bare(node.below)
    if not isinstance(below, s.Big) or below.operator != "sum" or len(below.bounds) != 1:
        return None
    (bound,) = below.bounds
    one, other = _exponent(above), _exponent(s.bare(below.body))
    if not isinstance(one, s.Symbol) or not isinstance(other, s.Symbol) or not _over_all(bound):
        return None
    units = _only_unit(one), _only_unit(other)
    if None in units or units[1] != (bound.variable.letter, bound.variable.primes):
        return None
    same = units[0] != units[1] and replace(other, sub=one.sub) == one
    return one if same and units[0][0] == units[1][0] else None  # type: ignore[index]


def _exponent(node: s.Node) -> s.Node | None:
    if isinstance(node, s.Apply) and node.head.letter == "exp" and len(node.arguments) == 1:
        return s.bare(node.arguments[0])
    if isinstance(node, s.Power) and isinstance(node.base, s.Symbol) and node.base.letter == "e":
        return s.bare(node.exponent)
    return None
