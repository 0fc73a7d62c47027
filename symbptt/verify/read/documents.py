"""A document to its claims: the regions that hold formulas, read one by one, in order."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import replace

from ...errors import Place
from ..surface import Claim, Document, FrontMatter, Node, Prose, Relation, Text, Unread
from .beside import COMPARISONS, is_comparison, is_condition_of_time
from .claims import Failure, Link, Row, rows
from .columns import by_rows
from .cursor import Habits, UnreadableError
from .definitions import definitions
from .front import front_matter
from .longnames import long_names
from .plain import plain_tokens
from .regions import Region, regions
from .settle import settle
from .tokens import Token, latex_tokens

# What becomes of gradients, in the rest of a sentence.
_FATE = re.compile(
    r"(?:\$|\\\)|`)?[^.;:\n]{0,160}?\b"
    r"((?:vanish|explo[ds]|diverg|decay|blow|grow|shrink|converg)\w*)",
    re.IGNORECASE,
)
# Words before inline mathematics that make it a condition of what follows.
_CASE = re.compile(r"\b(?:if|when|whenever|for|at|unless|once)\s*(?:\\\(|\$|`)?$", re.IGNORECASE)


def read(text: str, file: str = "<text>") -> Document:
    """The document in `text`; only a front matter that is no declaration raises ParseError."""
    front = front_matter(text, file)
    latex = file.endswith(".tex") or "\\documentclass" in text or "\\begin{document}" in text
    return _Reader(text, file, latex).document(front.end, front)


def formula(text: str, notation: str = "") -> tuple[Claim | Unread, ...]:
    """The claims of one formula, without the delimiters of a document around it."""
    notation = notation or ("latex" if "\\" in text else "plain")
    reader = _Reader(text, "<text>", False)
    reader.region(Region("display", 0, len(text), notation))
    return tuple(by_rows(settle(reader.items)))


class _Reader:
    def __init__(self, text: str, file: str, latex: bool):
        self.text, self.file, self.latex = text, file, latex
        self.starts = [0, *(m.end() for m in re.finditer("\n", text))]
        self.items: list[Claim | Unread] = []
        self.habits, self.own, self.names = habits(text), definitions(text), long_names(text)
        self.previous: Node | None = None
        self.chain = ""
        self.pending: tuple[Node, ...] = ()  # "For t < T:", said before a display
        self.equations = 0
        self.ids: set[str] = set()

    def document(self, start: int, front: FrontMatter) -> Document:
        found = list(regions(self.text, start, self.latex))
        prose = []
        at = start
        for region in [*found, Region("end", len(self.text), len(self.text), "")]:
            between = self.text[at : region.start]
            if re.search(r"\w", between):
                prose.append(Prose(between.strip(), at, region.start, self.line(at)[0]))
            if self.pending and not re.fullmatch(r"[^\w]*(?:\w+[^\w]*){0,6}", between):
                self.pending = ()
            if region.kind != "end":
                self.region(region)
            at = region.end
        said = tuple(by_rows(settle(self.items)))
        return Document(self.text, said, tuple(prose), front, self.file)

    def line(self, at: int) -> tuple[int, int]:
        """1-based line and column of an offset."""
        row = bisect_right(self.starts, at) - 1
        return row + 1, at - self.starts[row] + 1

    def place(self, start: int, end: int) -> Place:
        line, column = self.line(start)
        shown = self.text[self.starts[line - 1] :].split("\n", 1)[0].rstrip("\r")
        width = max(1, min(end, self.starts[line - 1] + len(shown)) - start)
        return Place(line, column, shown.replace("\t", " "), self.file, width)

    # -- one region

    def region(self, region: Region) -> None:
        source = self.text[region.start : region.end]
        if not source.strip():
            return
        if region.kind == "open":
            stop = region.start + len(source.split("\n", 1)[0])
            error = UnreadableError(
                "this formula is not closed", "$$ … $$ or \\[ … \\]", region.start, stop
            )
            self.equations += 1
            self.unread(Failure(error, region.start, stop), "")
            return
        if region.kind == "loop":
            self.loop(region)
            return
        found = self.rows(region)
        if region.kind == "inline":
            self.inline(found, region)
        elif region.kind == "maybe" and _failed(found):
            return
        else:
            self.keep(found, region)

    def loop(self, region: Region) -> None:
        """k in range(…) as a claim that k is among them."""
        text = self.text[region.start : region.end]
        name, _, over = text.partition(" in ")
        first = replace(region, kind="line", end=region.start + len(name))
        second = replace(region, kind="line", start=region.end - len(over))
        sides = [x for part in (first, second) for row in self.rows(part) for x in row.found]
        left, right = sides if len(sides) == 2 else (None, None)
        if isinstance(left, Link) and isinstance(right, Link) and not right.relation:
            made = replace(left, relation="∈", right=right.left, end=right.end, chain=1)
            self.keep([Row([made])], region)

    def rows(self, region: Region) -> list[Row]:
        tokens: list[Token]
        if region.notation == "plain":
            tokens = plain_tokens(self.text, region.start, region.end)
        else:
            spoken = (self.own, self.names)
            tokens = latex_tokens(self.text, region.start, region.end, *spoken)
        own = replace(self.habits, plain=region.notation == "plain")
        try:
            return rows(tokens, own, self.previous)
        except RecursionError:
            error = UnreadableError(
                "nested too deeply", "named intermediates", region.start, region.end
            )
            return [Row([Failure(error, region.start, region.end)])]

    def inline(self, found: list[Row], region: Region) -> None:
        """Inline mathematics is judged where it states something."""
        links = [x for row in found for x in row.found]
        if not any(isinstance(x, Link) and x.relation for x in links):
            source = self.text[region.start : region.end]
            if not (_failed(found) and re.search(r"=|\\approx|\\propto", source)):
                return
        stated = [x for x in links if isinstance(x, Link) and x.relation]
        before = self.text[max(0, region.start - 40) : region.start]
        if len(stated) == 1 and self.spectral(stated[0], region):
            return
        if stated and all(
            is_condition_of_time(x.left, x.relation, x.right) or _CASE.search(before)
            for x in stated
        ):
            self.pending = tuple(
                Relation(x.left, x.relation, x.right, start=x.start, end=x.end)
                for x in stated
                if x.right is not None
            )
        elif not stated or not all(is_comparison(x.left, x.relation, x.right) for x in stated):
            self.keep(found, region)

    def spectral(self, link: Link, region: Region) -> bool:
        """If |λ| > 1, gradients explode: a comparison, and what the sentence says follows."""
        if link.relation not in COMPARISONS - {"∈"} or link.right is None:
            return False
        said = _FATE.match(self.text, region.end)
        if said is None or is_comparison(link.left, link.relation, link.right):
            return False
        left = Relation(link.left, link.relation, link.right, start=link.start, end=link.end)
        words = Text(said[1], start=said.start(1), end=said.end(1))
        made = replace(link, relation="⇒", left=left, right=words, end=words.end)
        self.keep([Row([made])], region)
        return True

    def keep(self, found: list[Row], region: Region) -> None:
        for n, row in enumerate(found):
            self.equations += 1
            tag = row.tag or (region.tag if n == 0 else "")
            label = row.label or (region.label if len(found) == 1 else "")
            name = self.name(tag)
            for i, x in enumerate(row.found):
                own = name if len(row.found) == 1 else f"{name}.{i + 1}"
                if isinstance(x, Failure):
                    self.unread(x, tag, own)
                else:
                    self.claim(x, own, name, tag, label, region)
        self.pending = ()

    def name(self, tag: str) -> str:
        """The author's tag where it is the first of its kind, else the number of the equation."""
        name = tag or str(self.equations)
        while name in self.ids:
            name = f"{self.equations}" if name == tag else name + "'"
        self.ids.add(name)
        return name

    def claim(self, x: Link, own: str, name: str, tag: str, label: str, region: Region) -> None:
        chain = self.chain if x.continued and self.chain else f"{name}/{x.chain}"
        line, column = self.line(x.start)
        link, head = x.link, x.head
        if x.continued and self.items and isinstance(last := self.items[-1], Claim):
            line, column = self.line(x.right.start if x.right else x.start)
            link, head = last.link + x.link, last.head
        self.chain = chain
        if x.relation:
            self.previous = x.right
        self.items.append(
            Claim(
                own,
                x.relation,
                x.left,
                x.right,
                self.text[x.start : x.end],
                x.start,
                x.end,
                line,
                column,
                region.notation,
                tag,
                label,
                chain,
                link,
                head,
                x.continued,
                (*x.conditions, *self.pending),
                self.equations,
            )
        )

    def unread(self, failure: Failure, tag: str, own: str = "") -> None:
        error = failure.error
        self.items.append(
            Unread(
                own or self.name(tag),
                error.reason,
                error.instead,
                self.place(error.start, error.end),
                self.text[failure.start : failure.end],
                failure.start,
                failure.end,
                tag,
                self.equations,
            )
        )


def _failed(found: list[Row]) -> bool:
    return any(isinstance(x, Failure) for row in found for x in row.found)


def habits(text: str) -> Habits:
    """What the whole text says about δ and about its functions."""
    alone = re.search(
        r"(?:\\delta|δ)\s*(?:[=)+\-*/&⊙∘@]|\\(?:odot|cdot|circ|times|otimes|right)|$)", text
    )
    primed = re.findall(r"(?<![A-Za-z\\])([a-zA-Z]|\\(?:phi|varphi|psi|sigma|rho))\s*'\s*\(", text)
    letters = {latex_tokens(p, 0, len(p))[0].value for p in primed}
    return Habits(delta_is_prefix=not alone, functions=frozenset(letters))
