"""Claims about shape: the number of axes, and that equal sizes have equal names."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from ... import matrix as mx
from ...errors import SymbpttError
from .. import surface as s
from ..algebra.letters import Letters
from ..algebra.numbers import Numbers
from ..judge.judge import Judge
from ..judge.line import CONDITIONAL, PROVED, REFUTED, TESTED, Line
from ..judge.readings import Condition
from ..meaning.arrays import size_of, stated_sizes
from ..meaning.choice import LOSSES
from ..meaning.formula import Meaning
from ..write import plain


def shape_claim(judge: Judge, line: Line) -> bool:
    """`∂L/∂o_t ∈ ℝ^q`, `W : (H, H)`: the number of axes, and that equal sizes have equal names."""
    right = s.bare(line.claim.right) if line.claim.right is not None else None
    if right is not None and _counts_classes(judge, line.claim.left, right):
        line.verdict, line.how = PROVED, "shape"
        line.proof = (f"the model says that it is one of {plain(right)}",)
        return True
    sizes = _stated(line)
    if sizes is None:
        return False
    if _is_the_models(judge, line.claim.left, sizes):
        line.verdict, line.how = PROVED, "shape"
        line.proof = (f"the model gives it the sizes {', '.join(map(plain, sizes))}",)
        return True
    own = _other_sizes(judge, line)
    if own:
        letter, size = own[0]
        others = [x for other in judge.lines if other is not line for x in _letters(judge, other)]
        if all((letter, size) in others and (letter, letter) not in others for letter, size in own):
            line.verdict, line.how = CONDITIONAL, "shape"
            words = f"{letter} is here what the model calls {size}"
            line.conditions.append(Condition("M17", words))
        else:
            line.verdict, line.codes = REFUTED, ["M17"]
            line.message = f"the model has {size} there, not {letter}"
        return True
    alg = Numbers(judge.ground.world, {mx.t: 2})
    loose = {LOSSES} if _is_loss(judge, line.claim.left) else set()
    base = judge.base(lenient=frozenset(loose))
    try:
        value = Meaning(judge.system, judge.naming, alg, base).of(line.claim.left)
    except SymbpttError as error:
        line.message = error.message
        return False
    names = [plain(x) for x in sizes]
    columns = len(names) == value.rank + 1 and not judge.system.rows
    if columns and names[-1] in ("N", "B", "m") and names[-1] not in judge.sizes:
        names = names[:-1]  # a batch in columns
    turned = False
    if len(names) == 2 and value.rank == 1 and "1" in names:
        turned = isinstance(s.bare(line.claim.left), s.Symbol) and names[value.left] != "1"
        names.remove("1")
    if len(names) == value.rank + 1 and judge.system.rows and names[0] in ("N", "B", "m"):
        names = names[1:]  # rows of a batch
    if len(names) != value.rank:
        line.verdict, line.codes = REFUTED, ["M17"]
        line.message = f"{value.rank} axes, of sizes {value.show_shape()}, not {len(names)}"
        return True
    tied = all(n in judge.sizes for n in names) or len(names) < 2
    for name, size in zip(names, value.shape, strict=True):
        known = judge.sizes.setdefault(name, size)
        if known != size:
            line.verdict, line.codes = REFUTED, ["M17"]
            line.message = f"the size {name} is that of another axis in an earlier line"
            return True
        twin = next((n for n, x in judge.sizes.items() if x == size and n != name), "")
        if twin:
            line.verdict, line.how = CONDITIONAL, "shape"
            line.conditions.append(Condition("M17", f"{twin} = {name}: one size under two names"))
            return True
    if not tied:
        line.verdict = TESTED
        line.message = "the number of axes fits; nothing else in the text says what the sizes are"
        return True
    line.verdict, line.how = PROVED, "shape"
    if turned:
        line.verdict = CONDITIONAL
        line.conditions.append(Condition("M05", f"it is a {('column', 'row')[value.left]} here"))
    line.proof = (f"the forward equations give {value.rank} axes, named here {', '.join(names)}",)
    return True


def _stated(line: Line) -> Sequence[s.Node] | None:
    """The sizes on the right of a claim about shape."""
    right = s.bare(line.claim.right) if line.claim.right is not None else None
    if line.claim.relation not in ("∈", ":"):
        return None
    if isinstance(right, s.Space):
        return right.sizes
    return right.items if isinstance(right, s.Listing) else None


def _other_sizes(judge: Judge, line: Line) -> list[tuple[str, str]]:
    """The axes that a claim gives another size of the model than they have there, as it says them
    and as the model does."""
    return [(a, b) for a, b in _letters(judge, line) if a != b]


def _letters(judge: Judge, line: Line) -> list[tuple[str, str]]:
    """(what a claim calls an axis, what the model calls it), where both are sizes of the model."""
    sizes = _stated(line)
    if sizes is None or not judge.system.given:
        return []
    m = Meaning(judge.system, judge.naming, Letters(judge.system.model), judge.base())
    try:
        shape = list(m.of(line.claim.left).shape)
    except SymbpttError:
        return []
    if len(sizes) == 2 and len(shape) == 1:  # a column, H × 1
        sizes = [x for x in sizes if s.bare(x) != s.Number("1")]
    if len(sizes) != len(shape):
        return []
    out = []
    for x, size in zip(sizes, shape, strict=True):
        with suppress(SymbpttError):
            out.append((str(size_of(m, x)), str(size)))
    return out


def _is_loss(judge: Judge, left: s.Node) -> bool:
    """L_t, the number of which ℝ says no more."""
    left = s.bare(left)
    if not isinstance(left, s.Symbol) or left.letter not in judge.system.losses:
        return False
    return judge.naming.parts(left).name not in judge.system.names


def _is_the_models(judge: Judge, left: s.Node, sizes: Sequence[s.Node]) -> bool:
    """Whether these are the sizes of a given model, under its own names: 4 H and D."""
    if not judge.system.given:
        return False
    m = Meaning(judge.system, judge.naming, Letters(judge.system.model), judge.base())
    try:
        return list(m.of(left).shape) == stated_sizes(m, sizes)
    except SymbpttError:
        return False


def _counts_classes(judge: Judge, left: s.Node, right: s.Node) -> bool:
    """y_t ∈ {0, …, C − 1}^N, where the model has just these classes and rows."""
    left = s.bare(left)
    base, rows = (right.base, [right.exponent]) if isinstance(right, s.Power) else (right, [])
    base = s.bare(base)
    if not (judge.system.given and isinstance(left, s.Symbol) and isinstance(base, s.Listing)):
        return False
    first, *between, last = map(s.bare, base.items) if len(base.items) == 3 else (base, base)
    if first != s.Number("0") or not all(isinstance(x, s.Dots) for x in between):
        return False
    m = Meaning(judge.system, judge.naming, Letters(judge.system.model), judge.base())
    try:
        d = m.quantities.declaration(m.quantities.find(m.naming.parts(left)))
        return d.classes == size_of(m, last) + 1 and list(d.shape) == stated_sizes(m, rows)
    except SymbpttError:
        return False
