"""What a text calls the label its output is compared with."""

from __future__ import annotations

from collections.abc import Iterator

from .. import surface as s
from .assembly import Assembly, names_seen
from .drafts import LOSSES


def label(a: Assembly) -> str:
    """The letter of −e_t log p_t, of ℓ(o_t, e_t), of onehot(e_t), of the output without its hat,
    of p_t − e_t."""
    seen = names_seen(a)
    known = set(a.b.defined) | set(a.b.inputs)
    bare = a.output.removesuffix("hat")  # the output has a hat, its label none
    options = [*([bare] if bare != a.output else []), "yhat", "y", "target", "label"]
    usual = [name for name in options if name in seen]
    for name in (*_beside_log(a), *_in_loss(a), *_made_hot(a), *usual, *_subtracted(a)):
        if name not in known and name not in a.b.params:
            return name
    return "y" if "y" not in known else "yhat"


def is_output(a: Assembly, name: str) -> bool:
    """Whether a letter only ever stands in ∂y_t/∂… or ∂…/∂y_t: nobody differentiates a label."""
    all_of = [x for tree in a.trees for x in s.symbols(tree) if a.naming.parts(x).name == name]
    ends = [
        end
        for tree in a.trees
        for n in s.walk(tree)
        if isinstance(n, s.Derivative) and n.of is not None
        for end in (s.bare(n.of), s.bare(n.by))
        if isinstance(end, s.Symbol) and a.naming.parts(end).name == name
    ]
    return bool(ends) and len(ends) == len(all_of)


def _beside_log(a: Assembly) -> Iterator[str]:
    """y of y_tᵀ log ŷ_t, in the loss as stated."""
    for c in a.claims:
        left = s.bare(c.left)
        if not (isinstance(left, s.Symbol) and left.letter in LOSSES and c.right is not None):
            continue
        for n in s.walk(c.right):
            factors = list(map(s.bare, n.factors)) if isinstance(n, s.Product) else []
            if any(_is_log(a, x) for x in factors):
                yield from (name for x in factors if (name := _timed(a, x)) and name != a.output)


def _in_loss(a: Assembly) -> Iterator[str]:
    """y of l_t = ℓ(o_t, y_t)."""
    for c in a.claims:
        left, right = s.bare(c.left), s.bare(c.right) if c.right is not None else None
        if not (isinstance(left, s.Symbol) and left.letter in LOSSES and left.indices):
            continue
        if isinstance(right, s.Apply) and right.head.letter in LOSSES:
            names = [_timed(a, s.bare(x)) for x in right.arguments]
            if len(names) == 2 and a.output in names:
                yield from (x for x in names if x and x != a.output)


def _made_hot(a: Assembly) -> Iterator[str]:
    """targets of onehot(targets[t])."""
    for n in (n for tree in a.trees for n in s.walk(tree) if isinstance(n, s.Apply)):
        if (
            n.head.letter == "onehot"
            and n.arguments
            and (name := _timed(a, s.bare(n.arguments[0])))
        ):
            yield name


def _subtracted(a: Assembly) -> Iterator[str]:
    """e of p_t − e_t."""
    for n in (n for tree in a.trees for n in s.walk(tree) if isinstance(n, s.Sum)):
        if n.signs in (("+", "-"), ("-", "+")):
            names = [_timed(a, s.bare(x)) for x in n.terms]
            if a.output in names:
                yield from (x for x in names if x and x != a.output)


def _is_log(a: Assembly, node: s.Node) -> bool:
    if not (isinstance(node, s.Apply) and node.head.letter == "log" and node.arguments):
        return False
    return _timed(a, s.bare(node.arguments[0])) == a.output


def _timed(a: Assembly, node: s.Node) -> str:
    """The name of a letter with a time, transposed or not."""
    if isinstance(node, s.Transpose) or (isinstance(node, s.Power) and "transpose" in node.may_be):
        node = s.bare(node.base)
    if not isinstance(node, s.Symbol) or node.gradient_like:
        return ""
    q = a.naming.parts(node)
    return "" if q.time is None else q.name
