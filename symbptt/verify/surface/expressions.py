"""Everything that is made of other expressions, flat and with its signs."""

from __future__ import annotations

from dataclasses import dataclass

from .atoms import Node, Symbol


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
