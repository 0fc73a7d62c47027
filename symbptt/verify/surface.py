"""The surface tree: a formula as its author wrote it, before anyone says what it means.

It belongs to no model. It keeps what was written and decides nothing that a reader could see
two ways: products and sums are flat lists with their signs, so that precedence and the scope of
a Σ stay open; `^T` may be a transpose or a power; a letter before a bracket may be a function or
a factor; an index may be a time, a component or a label. Where the reader has a first guess, it
is the first of several, or a `certain` flag.

    \\delta_t = W^T \\delta_{t+1} \\odot (1 - h_t^2)
    δ_t "=" Product((Power(W, T), δ_{t+1}, Group(Sum((1, Power(h_t, 2)), "+-"))), ("", "⊙"))
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields, replace
from typing import Any, TypeVar

from ..errors import Place

# Signs of a flat product, one spelling each however they were typed. "" is juxtaposition.
SIGNS = ("", "·", "*", "⊙", "×", "⊗", "@")

# Relations of a claim. ":" states a shape, as "∈" does; "" is a mention with no relation, such
# as `f^t` in a list or `∂L/∂b, similarly`.
RELATIONS = (
    *("=", ":=", "+=", "-=", "*=", "←", "→", "≈", "∝", "≠", "≤", "<", "≥", ">", "≪", "≫"),
    *("∈", ":", "~", "⇒", "⇔", ""),
)


@dataclass(frozen=True)
class Node:
    """Part of a formula; `start` and `end` are its offsets in the document's text."""

    start: int = field(default=0, compare=False, kw_only=True, repr=False)
    end: int = field(default=0, compare=False, kw_only=True, repr=False)


@dataclass(frozen=True)
class Index(Node):
    """One subscript or bracketed superscript: a time, a component or a label.

    `style` says how it was attached: "_" h_t, "^" δ^{y}_t, "(" h^{(t)}, "<" a^{⟨t⟩}, "[" h[t],
    "call" h(t), "glued" ht or Whh, "," after another one in the same brackets keeps that style.
    `terms` and `shift` are its value as an affine expression, T + t − i is ((T, 1), (i, −1),
    (t, 1)) and 0, in the order of the names; `terms` is None where the text is none (`hh`, `next`).
    A single letter is both an affine expression and a label; the reader does not decide.
    `inner` is what is written below or behind it: x_{t_k}.
    """

    text: str
    style: str = "_"
    terms: tuple[tuple[str, int], ...] | None = None
    shift: int = 0
    inner: tuple[Index, ...] = ()
    marks: tuple[str, ...] = ()  # δ_{\tilde c,t}: the mark of c

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(name for name, _ in self.terms or ())


@dataclass(frozen=True)
class Symbol(Node):
    r"""A letter with everything attached to it.

    `letter` has one spelling: Greek letters are themselves (`δ`, `τ`), `\ell` is `ℓ`, a word
    of plain text or \text{…} is that word (`loss`), a numbered letter keeps its number (`δ3`).
    `marks` from the inside out: hat, tilde, bar, overleftarrow, overrightarrow, vec, dot, star.
    `font`: "", "bold", "cal", "bb", "rm" (upright), kept for printing; it tells names apart only
    where the document uses one letter in two fonts. `primes` as in h' (see also `Apply.primes`).
    """

    letter: str
    sub: tuple[Index, ...] = ()
    sup: tuple[Index, ...] = ()
    marks: tuple[str, ...] = ()
    font: str = ""
    primes: int = 0

    @property
    def indices(self) -> tuple[Index, ...]:
        return self.sub + self.sup

    @property
    def gradient_like(self) -> bool:
        """δ_t, δ3, δ^{(t)}, and \\overline{h}: letters that often stand for a gradient."""
        return self.letter.startswith(("δ", "Δ"))


@dataclass(frozen=True)
class Shorthand(Node):
    r"""A gradient written with a mark before its variable: dh_{next}, d\mathbf h^{(t)}, δW."""

    mark: str  # d, δ, ∂, Δ or ∇
    of: Symbol


@dataclass(frozen=True)
class Number(Node):
    """As written, `0.5` or `2`; `½` is a Quotient."""

    text: str


@dataclass(frozen=True)
class Infinity(Node):
    pass


@dataclass(frozen=True)
class Sum(Node):
    """± a ± b …, flat. A leading minus is the first sign: −a is Sum((a,), ("-",))."""

    terms: tuple[Node, ...]
    signs: tuple[str, ...]  # "+", "-" or "±", one per term


@dataclass(frozen=True)
class Product(Node):
    """a s b s c, flat, in the order written; how the signs bind is for the judge to try."""

    factors: tuple[Node, ...]
    signs: tuple[str, ...]  # of SIGNS, one fewer than factors


@dataclass(frozen=True)
class Quotient(Node):
    r"""\frac{a}{b} or a/b where it is no derivative."""

    above: Node
    below: Node
    style: str = "frac"  # or "/"


@dataclass(frozen=True)
class Power(Node):
    r"""base^exponent, while it may mean something else.

    `may_be`, the likeliest first: "power", "transpose" (W^T), "time" (h^t), "label" (W^h).
    `style`: "^"; "function" for \tanh^2(z), whose base is the whole application; ".^" for a power
    stated to be elementwise.
    """

    base: Node
    exponent: Node
    may_be: tuple[str, ...] = ("power",)
    style: str = "^"


@dataclass(frozen=True)
class Transpose(Node):
    r"""What can only be a transpose: ^\top, ᵀ, .T, ^{\mathsf T}; `'` when a bracket precedes it."""

    base: Node
    style: str = "top"  # "top", "ᵀ", ".T", "'"


@dataclass(frozen=True)
class Root(Node):
    of: Node


@dataclass(frozen=True)
class Group(Node):
    """Brackets around one expression, kept because moving one is an edit."""

    of: Node
    bracket: str = "("  # "(", "[" or "{"


@dataclass(frozen=True)
class Apply(Node):
    r"""A function of its arguments: tanh(a), \log \hat y, f'(z_t), diag(v), l(y_t, o_t), E[z].

    `certain` is False where the head may just as well be a factor before a bracket, W(h + b).
    `head` is named in one spelling where it is well known (tanh, sigmoid, softmax, diag, log,
    exp, relu, outer, prod, sum, mean, norm, max, min, λ); σ stays σ.
    `bracket` is "(", "[", or "" for \tanh a. `keywords` as in np.sum(x, axis=0).
    """

    head: Symbol
    arguments: tuple[Node, ...]
    primes: int = 0
    certain: bool = True
    bracket: str = "("
    keywords: tuple[tuple[str, Node], ...] = ()


@dataclass(frozen=True)
class Derivative(Node):
    r"""∂of/∂by and its kin.

    `kind`: "∂", "d", "∂+" (immediate), "∇", "D", "δ", and "d/∂" or "∂/d" where the two halves
    differ. `of` is None for a bare operator with nothing behind it. `above` and `below` are the
    scalar factors inside the fraction, T in \frac{\partial l}{T\,\partial o_t}.
    `style`: "frac", "/" (dL/dW on one line), "operator" (\frac{\partial}{\partial W} L),
    "subscript" (\partial_w h_t, \nabla_{h}L).
    """

    kind: str
    of: Node | None
    by: Node
    above: Node | None = None
    below: Node | None = None
    style: str = "frac"


@dataclass(frozen=True)
class Evaluated(Node):
    r"""of\Big|_{at}: `at` is a relation, an expression or words."""

    of: Node
    at: Node


@dataclass(frozen=True)
class Bound(Node):
    r"""Where the variable of a Σ or ∏ runs, as written.

    Σ_{t=1}^T has lower 1 and upper T; ∏_{t ≥ i > k} has lower k (`open_lower`), upper t and
    `descending`; Σ_{i=t}^{1} has lower t and upper 1, as written; Σ_t has neither.
    `among` is a set: Σ_{k ∈ S}. `style`: "=", "..", "relation", "bare", "in", or "→" of a limit.
    Σ_{1 ≤ k ≤ t ≤ T} has two bounds, the outer one first: t from 1 to T, then k from 1 to t.
    """

    variable: Symbol
    lower: Node | None = None
    upper: Node | None = None
    open_lower: bool = False
    open_upper: bool = False
    descending: bool = False
    among: Node | None = None
    style: str = "="


@dataclass(frozen=True)
class Big(Node):
    """Σ or ∏ over its bounds.

    The body of a Σ is the whole product to its right, that of a ∏ too; terms behind a later + or
    − are outside, in the flat `Sum` around it, and may have been meant inside.
    """

    operator: str  # "sum", "prod", "max", "min", "lim"
    bounds: tuple[Bound, ...]
    body: Node
    swapped: bool = False  # \sum^{T}_{t=1}, for printing


@dataclass(frozen=True)
class Norm(Node):
    r"""|x| ("|") or ‖x‖ ("‖"), with the subscript of a norm as its `order`."""

    of: Node
    bars: str
    order: Node | None = None


@dataclass(frozen=True)
class Stack(Node):
    r"""[h, x], [h; x], \begin{pmatrix}…\end{pmatrix}: rows of entries, as written."""

    rows: tuple[tuple[Node, ...], ...]
    style: str = "["  # "[", "(" or the name of the environment


@dataclass(frozen=True)
class Listing(Node):
    """Expressions between commas: the left side of f_t, i_t, o_t = …, a shape (N, H)."""

    items: tuple[Node, ...]
    bracket: str = ""  # "", "(" or "{"


@dataclass(frozen=True)
class Entry(Node):
    """(∇_h L)_i, [x]_{n,j}, U[:, x[t]]: a subscript on a bracket, or a subscript with a slice."""

    of: Node
    items: tuple[Node, ...]
    style: str = "_"  # or "["


@dataclass(frozen=True)
class Everything(Node):
    """The colon of a slice."""


@dataclass(frozen=True)
class Relation(Node):
    """A relation inside an expression: [i = j], Pr(ξ = 0), the condition of a case."""

    left: Node
    relation: str
    right: Node


@dataclass(frozen=True)
class Indicator(Node):
    r"""[i = j], \mathbf 1_{i = y}: 1 where `of` holds; \mathbf 1_{y_t}: the one-hot vector."""

    of: Node
    style: str = "1_"  # or "[", "1[", "1("


@dataclass(frozen=True)
class Cases(Node):
    """Values and their conditions; a condition is a relation or words."""

    branches: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True)
class Dots(Node):
    r"""⋯ between terms or factors, or the · of \sigma(\cdot): what the author left out."""

    text: str = "…"


@dataclass(frozen=True)
class Space(Node):
    r"""\mathbb R^{q \times h}: the right side of a shape claim. No sizes for a plain ℝ."""

    letter: str
    sizes: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Words(Node):
    """A statement in words, with the formulas in it: parts are words (`Text`) and expressions."""

    parts: tuple[Node, ...]


@dataclass(frozen=True)
class Text(Node):
    words: str


@dataclass(frozen=True)
class Underbrace(Node):
    """An expression with a remark below or above it."""

    of: Node
    note: Node | None


# -- what a document says


@dataclass(frozen=True)
class Claim:
    """One relation of the document: one link of a chain, one assignment, one stated shape.

    `id` is the author's tag where there is one, else the number of the equation in the document;
    where an equation makes several claims, they are `7.1`, `7.2`. `chain` is the id shared by
    the claims of one chain A = B = C (whose claims are A = B, then B = C) and `link` counts them
    from 1; `head` is A. An equation that opens with its relation continues the claim before it
    (`continued`), as a further link of that chain.
    `conditions` are what the author states beside it ("for t < T", "(F = gf)"): `Relation` or
    `Text`. `equation` numbers the displays and lines of text, so claims of one display share it.
    """

    id: str
    relation: str
    left: Node
    right: Node | None
    source: str  # of the claim: from its left to the end of its right side
    start: int
    end: int
    line: int
    column: int
    notation: str = "latex"  # or "plain"
    tag: str = ""
    label: str = ""
    chain: str = ""
    link: int = 1
    head: Node | None = None
    continued: bool = False
    conditions: tuple[Node, ...] = ()
    equation: int = 0  # the number of the display or line of text it stands in

    @property
    def is_mention(self) -> bool:
        """An expression with no relation: named, not claimed."""
        return self.relation == ""


@dataclass(frozen=True)
class Unread:
    """A line that is no formula this grammar knows: where, why, and what would be read."""

    id: str
    reason: str
    instead: str
    place: Place
    source: str
    start: int
    end: int
    tag: str = ""
    equation: int = 0

    @property
    def line(self) -> int:
        return self.place.line

    @property
    def column(self) -> int:
        return self.place.column


@dataclass(frozen=True)
class Prose:
    """What stands between the formulas; kept for context, never judged."""

    text: str
    start: int
    end: int
    line: int


@dataclass(frozen=True)
class FrontMatter:
    """The declarations at the head of a document; all may be empty.

    `rename` maps the author's symbols to the model's, `notation` says what signs mean, `assume`
    fixes readings, `shapes` states sizes: `W_h: (H, H)`.
    """

    model: str = ""
    rename: tuple[tuple[str, str], ...] = ()
    notation: tuple[tuple[str, str], ...] = ()
    assume: tuple[tuple[str, str], ...] = ()
    shapes: tuple[tuple[str, str], ...] = ()
    end: int = 0  # where the text behind it starts


@dataclass(frozen=True)
class Document:
    """A derivation: its claims and unread lines in order, the prose around them."""

    text: str
    items: tuple[Claim | Unread, ...]
    prose: tuple[Prose, ...] = ()
    front: FrontMatter = FrontMatter()
    file: str = "<text>"

    @property
    def claims(self) -> tuple[Claim, ...]:
        return tuple(c for c in self.items if isinstance(c, Claim))

    @property
    def unread(self) -> tuple[Unread, ...]:
        return tuple(u for u in self.items if isinstance(u, Unread))

    def source(self, node: Node) -> str:
        """The author's own text of a node."""
        return self.text[node.start : node.end]


# -- walking a tree

N = TypeVar("N", bound=Node)


def children(node: Node) -> Iterator[Node]:
    """The nodes directly below, in the order written."""
    for name in _parts_of(type(node)):
        value = getattr(node, name)
        if isinstance(value, Node):
            yield value
        elif isinstance(value, tuple):
            yield from _nodes(value)


_PARTS: dict[type, tuple[str, ...]] = {}


def _parts_of(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a kind of node, without its offsets."""
    if kind not in _PARTS:
        _PARTS[kind] = tuple(f.name for f in fields(kind) if f.name not in _SPAN)
    return _PARTS[kind]


def _nodes(value: tuple[Any, ...]) -> Iterator[Node]:
    for item in value:
        if isinstance(item, Node):
            yield item
        elif isinstance(item, tuple):
            yield from _nodes(item)


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    yield node
    for child in children(node):
        yield from walk(child)


def symbols(node: Node) -> Iterator[Symbol]:
    return (n for n in walk(node) if isinstance(n, Symbol))


def rebuild(node: N, change: Callable[[Node], Node]) -> N:
    """The node with `change` applied to each of its children, one level down."""

    def new(value: Any) -> Any:
        if isinstance(value, Node):
            return change(value)
        return tuple(map(new, value)) if isinstance(value, tuple) else value

    return replace(node, **{name: new(getattr(node, name)) for name in _parts_of(type(node))})


_SPAN = ("start", "end")


def bare(node: Node) -> Node:
    """The expression inside any brackets and underbraces around it."""
    while isinstance(node, Group | Underbrace):
        node = node.of
    return node
