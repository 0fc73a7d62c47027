"""Letters, indices and numbers: the leaves of the surface tree."""

from __future__ import annotations

from dataclasses import dataclass, field

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
    "call" h(t), "glued" ht or Whh,
    "|" the W of one step, "," after another one in the same brackets keeps that style.
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
