r"""What a text says beside its recurrence: a product rule, a chain rule, a net of a few layers.

Such lines have a small system of their own, in which nothing carries a time: it is read as one
step, so that every rule for a step holds for it.

    z_1 = X W_1 + b_1,  a_1 = f(z_1),  z_2 = a_1 W_2 + b_2      layers; f acts entry by entry
    y = f(u),  u = f(x)                                         a scalar y of a vector u of x
    F = g f                                                     scalars

A state that runs backwards, of which no equation is given, is some function of the state behind
it; what is said of it is judged in mirrored time, t − 1 as t + 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from .. import matrix as mx
from ..errors import SymbpttError
from . import surface as s
from .forward.assembly import Assembly
from .forward.builder import Builder
from .forward.define import define
from .forward.document import assembled, from_document
from .forward.drafts import LOSSES, Draft, Size
from .forward.system import System
from .naming import Naming
from .read import formula

Key = tuple[str, str]  # a letter in one case, and its number: Z^{(1)} and z_1 are one
BACKWARDS = "overleftarrow"
STEP = s.Index("t", "_", (("t", 1),), 0)


@dataclass(frozen=True)
class Aside:
    """Some claims of a text, as one step of a system of their own."""

    places: tuple[int, ...]  # of the claims in the text
    claims: tuple[s.Claim, ...]
    naming: Naming
    system: System
    written: dict[s.Symbol, s.Symbol] | None = None  # as the author wrote them, where changed

    def as_written(self, node: s.Node) -> s.Node:
        """A formula of the aside in the author's own symbols."""
        if self.written is None:
            return node
        if isinstance(node, s.Symbol):
            undated = self.written.get(replace(node, sup=()))  # whatever time stands above
            if undated is not None:
                return replace(undated, sup=node.sup or undated.sup)
            plain = tuple(i for i in node.sub if i != STEP)
            return self.written.get(node, replace(node, sub=plain))
        return s.rebuild(node, self.as_written)


def asides(claims: list[s.Claim], unread: set[int], named: set[int]) -> Iterator[Aside]:
    """The systems of the equations of which some claim is unread and some other one defines.

    `named` are the claims that name an expression and were read no further.
    """
    equations = {claims[n].equation for n in unread | named}
    rest = [n for n, c in enumerate(claims) if c.equation in equations]
    for group in _joined(claims, rest):
        some = [claims[n] for n in group]
        if not unread & set(group) or any(_again(claims, n, unread) for n in group):
            continue
        for plan in (_layers, _chain, _scalars):
            try:
                yield _aside(tuple(group), some, plan)
                break
            except (SymbpttError, LookupError, TypeError, ValueError):
                continue  # what is said there is no system of this kind


def _again(claims: list[s.Claim], n: int, unread: set[int]) -> bool:
    """Whether a claim is a second equation of h_t, of which the text has one that was read."""
    left = claims[n].left
    if n not in unread or not isinstance(left, s.Symbol) or STEP not in left.sub:
        return False
    return any(claims[k].left == left for k in range(len(claims)) if k not in unread)


def mirrored(claims: list[s.Claim], unread: set[int]) -> Iterator[Aside]:
    """What is said of a state that runs backwards, in a time in which it runs forwards."""
    places = tuple(n for n in sorted(unread) if _backwards(claims[n]))
    letters = {x.letter for n in places for x in _backwards(claims[n])}
    if len(letters) != 1:
        return
    written: dict[s.Symbol, s.Symbol] = {}

    def index(i: s.Index) -> s.Index:
        if i.terms != (("t", 1),):
            return i
        return replace(i, shift=-i.shift, text=f"t{-i.shift:+d}" if i.shift else "t")

    def turned(node: s.Node) -> s.Node:
        if not isinstance(node, s.Symbol):
            return s.rebuild(node, turned)
        marks = tuple(m for m in node.marks if m != BACKWARDS)
        sub, sup = (tuple(map(index, x)) for x in (node.sub, node.sup))
        new = replace(node, sub=sub, sup=sup, marks=marks)
        written.setdefault(new, node)
        return new

    moved = [
        replace(c, left=turned(c.left), right=None if c.right is None else turned(c.right))
        for c in (claims[n] for n in places)
    ]
    (letter,) = letters
    first = formula(f"{letter}_t=F({letter}_{{t-1}},x_t)", "latex")
    every = [*(c for c in first if isinstance(c, s.Claim)), *moved]
    naming = Naming([x for c in every for x in (c.left, c.right) if x is not None])
    try:
        yield Aside(places, tuple(moved), naming, from_document(every, naming), written)
    except SymbpttError:
        return


def _backwards(claim: s.Claim) -> list[s.Symbol]:
    return [x for side in _sides(claim) for x in s.symbols(side) if BACKWARDS in x.marks]


def _joined(claims: list[s.Claim], places: Iterable[int]) -> Iterator[list[int]]:
    """The equations that share a letter, in the order of the text."""
    groups: list[tuple[set[int], set[Key]]] = []
    for n in places:
        numbers, keys = {claims[n].equation}, set().union(*map(_keys, _sides(claims[n])))
        for old in [g for g in groups if g[0] & numbers or g[1] & keys]:
            groups.remove(old)
            numbers, keys = numbers | old[0], keys | old[1]
        groups.append((numbers, keys))
    for numbers, _ in groups:
        yield [n for n in places if claims[n].equation in numbers]


def _sides(claim: s.Claim) -> list[s.Node]:
    said = [x for c in claim.conditions for x in s.walk(c) if isinstance(x, s.Relation)]
    return [x for x in (claim.left, claim.right, *said) if x is not None]


def _letters(node: s.Node) -> Iterator[s.Symbol]:
    """The symbols of a formula, without the names of its functions, times and the loss."""
    if isinstance(node, s.Symbol):
        if node.letter not in (*LOSSES, "t", "T"):
            yield node
        return
    for x in node.arguments if isinstance(node, s.Apply) else s.children(node):
        yield from _letters(x)


def _key(x: s.Symbol) -> Key:
    number = "".join(i.text for i in x.indices if i != STEP)
    return (x.letter.lower() if number else x.letter), number


def _keys(node: s.Node) -> set[Key]:
    return {_key(x) for x in _letters(node)}


# -- one step of a system


Plan = Callable[[Builder, dict[Key, tuple[s.Symbol, s.Node]], dict[Key, s.Symbol]], None]


def _aside(places: tuple[int, ...], claims: list[s.Claim], plan: Plan) -> Aside:
    defined = dict(_definitions(claims))
    if not defined:
        raise SymbpttError("nothing is defined here")
    free = {k: by for k, by in _functions(claims) if k not in defined}
    written: dict[s.Symbol, s.Symbol] = {}
    nodes = [n for c in claims for x in _sides(c) for n in s.walk(x)]
    above = [s.bare(n.of) for n in nodes if isinstance(n, s.Derivative) and n.of is not None]
    losses = {x.letter for x in above if isinstance(x, s.Symbol) and x.letter in LOSSES}

    def step(node: s.Node) -> s.Node:
        if not isinstance(node, s.Symbol):
            return s.rebuild(node, step)
        numbers = tuple(replace(i, style="_", terms=None) for i in node.indices if not i.names)
        others = tuple(i for i in node.indices if i.names)
        key = _key(node)
        loss = node.letter in losses and key not in defined and not node.indices
        timed = (STEP,) if loss or key in defined or key in free else ()
        marks = () if key in free else node.marks  # Y and its hat: one output
        letter = defined[key][0].letter if key in defined else node.letter
        sub = (*numbers, *others, *timed)
        new = replace(node, letter=letter, sub=sub, sup=(), marks=marks, font="")
        written.setdefault(new, node)
        return new

    moved = [
        replace(c, left=step(c.left), right=None if c.right is None else step(c.right), head=None)
        for c in claims
    ]
    trees = [x for c in moved for x in (c.left, c.right) if x is not None]
    naming = Naming(trees)
    b = Builder(naming)
    b.every = [x for tree in trees for x in _letters(tree)]
    pairs = {k: (_symbol(step(x)), step(right)) for k, (x, right) in defined.items()}
    b.accepted = [right for _, right in pairs.values()]
    plan(b, pairs, {k: _symbol(step(by)) for k, by in free.items()})
    system = assembled(Assembly(b, moved, trees))
    return Aside(places, tuple(moved), naming, system, written)


def _symbol(node: s.Node) -> s.Symbol:
    assert isinstance(node, s.Symbol)
    return node


def _definitions(claims: list[s.Claim]) -> Iterator[tuple[Key, tuple[s.Symbol, s.Node]]]:
    """X = expression without a derivative, also where it is only said beside: (F = g f)."""
    seen: set[Key] = set()
    for c in claims:
        said = [x for n in c.conditions for x in s.walk(n) if isinstance(x, s.Relation)]
        pairs = [(c.left, c.relation, c.right), *((x.left, x.relation, x.right) for x in said)]
        for left, relation, right in pairs:
            left = s.bare(left)
            if relation not in ("=", ":=") or not isinstance(left, s.Symbol) or right is None:
                continue
            kinds = (s.Derivative, s.Shorthand, s.Big, s.Number, s.Dots)
            if left.gradient_like or any(isinstance(n, kinds) for n in s.walk(right)):
                continue
            if _key(left) not in seen and _key(left) not in _keys(right):
                seen.add(_key(left))
                yield _key(left), (left, right)


def _functions(claims: list[s.Claim]) -> Iterator[tuple[Key, s.Symbol]]:
    """The letters above a ∂, with the last one below: each is some function of it."""
    for c in claims:
        for tree in _sides(c):
            for n in s.walk(tree):
                if isinstance(n, s.Derivative) and n.of is not None:
                    of, by = s.bare(n.of), s.bare(n.by)
                    if isinstance(of, s.Symbol) and isinstance(by, s.Symbol):
                        if of.letter not in LOSSES and _key(of) != _key(by):
                            yield _key(of), by


def _layers(
    b: Builder, defined: dict[Key, tuple[s.Symbol, s.Node]], free: dict[Key, s.Symbol]
) -> None:
    """Products with weights; the functions act entry by entry, an output keeps its shape."""
    rights = [right for _, right in defined.values()]
    if not any(isinstance(n, s.Product) for right in rights for n in s.walk(right)):
        raise SymbpttError("there are no weights here")
    if not any(x.letter.isupper() for right in rights for x in _letters(right)):
        raise SymbpttError("there are no weights here")
    for left, right in defined.values():
        define(b, left, right)
    _defined(b, defined)
    for key, by in free.items():
        argument = b.build(by)
        _some_function(b, key, argument, argument.sizes)


def _chain(
    b: Builder, defined: dict[Key, tuple[s.Symbol, s.Node]], free: dict[Key, s.Symbol]
) -> None:
    """Functions of functions: what nothing reads is a scalar, all else a vector."""
    read = {k for _, right in defined.values() for k in _keys(right)}
    for key, (left, right) in reversed(defined.items()):
        right = s.bare(right)
        if not isinstance(right, s.Apply) or len(right.arguments) != 1:
            raise SymbpttError("this is no function of a letter")
        argument = b.build(right.arguments[0])
        name = b.naming.parts(left).name
        _some_function(b, (name, ""), argument, [Size()] if key in read else [])
    if free:
        raise SymbpttError("a function that is not defined")


def _scalars(
    b: Builder, defined: dict[Key, tuple[s.Symbol, s.Node]], free: dict[Key, s.Symbol]
) -> None:
    """Every letter is a number."""
    b.shapes = {b.naming.parts(x).name: () for x in b.every}
    for key, by in free.items():
        _some_function(b, key, b.build(by), [])
    for left, right in defined.values():
        define(b, left, right)
    _defined(b, defined)


def _defined(b: Builder, defined: dict[Key, tuple[s.Symbol, s.Node]]) -> None:
    for left, _ in defined.values():
        if b.naming.parts(left).name not in b.defined:
            raise SymbpttError(f"{left.letter} could not be defined")


def _some_function(b: Builder, key: Key, argument: Draft, sizes: list[Size]) -> None:
    """A function of which nothing is known."""
    name = next(
        (q.name for q in map(b.naming.parts, b.every) if q.time is not None and _same(q.name, key)),
        key[0],
    )
    if len(before := b.sizes.get(name, sizes)) != len(sizes):
        raise SymbpttError(f"{name} is read with another number of sizes")
    for size, other in zip(sizes, before, strict=True):
        size.join(other)
    b.sizes[name], b.timed[name] = sizes, True

    def make() -> mx.Node:
        return mx.Call(f"F_{name}", [argument.make()], [d.symbol() for d in sizes])

    b.defined[name] = (Draft(sizes, make, None), mx.t)
    b.order.append(name)
    b.abstract = True


def _same(name: str, key: Key) -> bool:
    return name.lower() == f"{key[0]}_{key[1]}" if key[1] else name == key[0]
