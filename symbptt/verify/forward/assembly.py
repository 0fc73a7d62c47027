"""What is gathered while drafts become a model, and the sizes named at the end."""

from __future__ import annotations

from typing import Any

from ... import matrix as mx
from .. import surface as s
from .builder import Builder
from .claims import losses_of
from .drafts import Size
from .stated import losses_by_name


class Assembly:
    """Drafts on the way to a model: what was found, and what was filled in."""

    def __init__(self, b: Builder, claims: list[s.Claim], trees: list[s.Node]):
        self.b, self.claims, self.trees, self.naming = b, claims, trees, b.naming
        self.filled = list(b.filled)
        self.losses = losses_of(trees, self.naming, set(b.defined)) | losses_by_name(claims)
        self.label, self.onehot = "", False
        self.stated_loss = False
        self.count = ""  # the letter of the number of samples that the loss is divided by
        self.logits = ""
        self.pre: dict[str, str] = {}
        self.output = ""


def name_sizes(a: Assembly) -> None:
    b = a.b
    taken: set[str] = {str(d.root().name) for ds in b.sizes.values() for d in ds if d.root().name}
    taken |= set(b.sizes)  # a weight H, and no size
    _named_by_identities(a, taken)
    roots: list[Size] = []
    computed = [n for n in b.order if not n.startswith("stack")]
    for name in (*computed[:1], *b.inputs, *computed, *b.sizes):  # H, then D of x, then O of y
        if name not in b.sizes:
            continue
        for d in b.sizes[name]:
            if not any(d.root() is r for r in roots):
                roots.append(d.root())
    letters = iter(["H", "D", "O", *(f"S{i}" for i in range(1, 40))])
    for r in roots:
        if r.name is None:
            letter = next(x for x in letters if x not in taken)
            r.name = mx.size(letter)


def _named_by_identities(a: Assembly, taken: set[str]) -> None:
    """C of ∂o_t/∂c = I_C: what the text calls the size of o_t."""
    for c in a.claims:
        left, right = s.bare(c.left), s.bare(c.right) if c.right is not None else None
        of = s.bare(left.of) if isinstance(left, s.Derivative) and left.of is not None else None
        letter = _size_of_identity(right)
        q = a.naming.parts(of) if isinstance(of, s.Symbol) else None
        if q is None or q.name not in a.b.sizes or letter in ("", "H", "D", *taken):
            continue
        size = a.b.sizes[q.name][-1].root() if a.b.sizes[q.name] else None
        if size is not None and size.name is None:
            size.name = mx.size(letter)
            taken.add(letter)


def _size_of_identity(node: s.Node | None) -> str:
    """C of I_C and eye(C)."""
    if isinstance(node, s.Apply) and node.head.letter == "eye" and len(node.arguments) == 1:
        inner = s.bare(node.arguments[0])
        return inner.letter if isinstance(inner, s.Symbol) and not inner.indices else ""
    named = isinstance(node, s.Symbol) and node.letter == "I" and len(node.sub) == 1
    return node.sub[0].text if named and isinstance(node, s.Symbol) else ""


def named_arguments(a: Assembly, equations: dict[str, mx.Node]) -> dict[str, mx.Node]:
    """h = tanh(W h + …) as a = W h + …, h = tanh(a), under the author's name for a if any."""
    by_terms = {terms(e): n for n, e in equations.items()}
    out: dict[str, mx.Node] = {}
    for name, e in equations.items():
        inner = e.args[-1] if isinstance(e, mx.Apply | mx.Softmax) else None
        if isinstance(inner, mx.Var):
            a.pre[name] = inner.name
        if inner is None or isinstance(inner, mx.Var):
            out[name] = e
            continue
        pre = by_terms.get(terms(inner), "")
        if not pre:
            pre = f"{name}~"
            out[pre] = inner
            if name in a.b.rows:
                a.b.rows.add(pre)
        a.pre[name] = pre
        out[name] = e.func(*e.args[:-1], mx.Var(pre, inner.shape, (mx.t,)))
    return out


def has_numbers(a: Assembly) -> bool:
    """Whether the text numbers its gradients, δ1, δ2, …: one for each edge of its graph."""
    return len({x.letter for x in a.b.every if x.letter[:1] == "δ" and x.letter[1:].isdigit()}) > 3


def named_factors(a: Assembly, equations: dict[str, mx.Node]) -> dict[str, mx.Node]:
    """h = o ⊙ tanh(c) as u = tanh(c), h = o ⊙ u: a quantity for each edge that has a gradient."""
    out: dict[str, mx.Node] = {}
    for name, e in equations.items():
        for inner in [x for x in e.args if isinstance(e, mx.Times) and isinstance(x, mx.Apply)]:
            new = f"{inner.args[0].name}_{name}~"
            out[new] = inner
            if name in a.b.rows:
                a.b.rows.add(new)
            e = e.xreplace({inner: mx.Var(new, inner.shape, (mx.t,))})
        out[name] = e
    return out


def names_seen(a: Assembly) -> set[str]:
    return {a.naming.parts(x).name for x in a.b.every}


def reads(draft: Any, b: Builder) -> list[str]:
    """The names a draft reads, before its sizes are known."""
    return [v.name for v in mx.variables(loosely(draft, b).make())]


def loosely(draft: Any, b: Builder) -> Any:
    every = [*b.sizes.values(), *(d.sizes for d, _ in b.defined.values())]
    seen: list[Size] = []
    for ds in every:
        for d in (x.root() for x in ds):
            if d.name is None:
                d.name = mx.size(f"hole{len(seen)}")
                seen.append(d)
    try:
        made = draft.make()
    finally:
        for d in seen:
            d.name = None
    return Made(made)


class Made:
    def __init__(self, node: mx.Node):
        self.node = node

    def make(self) -> mx.Node:
        return self.node


def terms(e: mx.Node) -> Any:
    return frozenset(e.args) if isinstance(e, mx.Plus) else e
