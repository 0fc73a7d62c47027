"""What a document says: its claims, the lines that could not be read, the prose between them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from ...errors import Place
from .atoms import Node


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


def changed(c: Claim, change: Callable[[Node], Node]) -> Claim:
    """The claim with every side of it changed."""
    return replace(
        c,
        left=change(c.left),
        right=None if c.right is None else change(c.right),
        head=None if c.head is None else change(c.head),
    )


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

    `notation` is that of a text, as of `derive --notation`; `rename` maps the author's symbols to
    the model's, `assume` fixes readings, `shapes` states sizes: `W_h: (H, H)`.
    """

    model: str = ""
    notation: str = ""
    rename: tuple[tuple[str, str], ...] = ()
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
