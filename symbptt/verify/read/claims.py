r"""One display or line of text to its claims: rows, separated formulas, links of chains.

a &= b = c, \quad d = e \text{ for } t < T      a = b,  b = c,  d = e (t < T)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from ..surface import (
    Apply,
    Dots,
    Group,
    Index,
    Listing,
    Node,
    Norm,
    Number,
    Power,
    Product,
    Relation,
    Space,
    Sum,
    Symbol,
    Text,
    Words,
    walk,
)
from .bounds import product
from .cursor import Habits, UnreadableError, matched
from .formula import Formula
from .spelling import CONDITIONS, CONNECTORS, TIME_LETTERS
from .tokens import Token

LONGEST = 10_000  # characters of one equation; longer ones are unread rather than slow
_SEPARATORS = ("comma", "semicolon", "gap", "amp", "text")
_STRENGTH = ("⇒", "⇔")
_COMPARISONS = frozenset(["<", "≤", ">", "≥", "≠", "∈"])


@dataclass(frozen=True)
class Link:
    """A claim before it has an id and a place in its document."""

    relation: str
    left: Node
    right: Node | None
    start: int
    end: int
    chain: int  # which chain of the row
    link: int = 1
    head: Node | None = None
    continued: bool = False
    conditions: tuple[Node, ...] = ()


@dataclass(frozen=True)
class Failure:
    """A stretch of a row that could not be read."""

    error: UnreadableError
    start: int
    end: int


@dataclass
class Row:
    """What one row of a display says."""

    found: list[Link | Failure] = field(default_factory=list)
    tag: str = ""
    label: str = ""


def rows(tokens: Sequence[Token], habits: Habits, previous: Node | None = None) -> list[Row]:
    """The rows of a display; `previous` is what an opening `=` continues."""
    out: list[Row] = []
    for part in _rows(list(tokens)):
        row = Row()
        kept = []
        for token in part:
            if token.kind in ("tag", "label"):
                setattr(row, token.kind, token.value)
            else:
                kept.append(token)
        if kept:
            row.found = _Reader(habits, previous).row(kept)
            previous = _last(row.found) or previous
        if row.found:
            out.append(row)
        elif (row.tag or row.label) and out:
            out[-1].tag, out[-1].label = out[-1].tag or row.tag, out[-1].label or row.label
    return out


def _last(found: list[Link | Failure]) -> Node | None:
    last = found[-1] if found else None
    return last.right if isinstance(last, Link) and last.right is not None else None


def _rows(tokens: list[Token]) -> list[list[Token]]:
    """Split at line breaks outside brackets; a row that goes on joins the one before."""
    open_: list[str] = []
    out: list[list[Token]] = [[]]
    aside: list[Token] = []
    for token in tokens:
        if token.kind in _OPENING:
            open_.append(token.kind)
        elif token.kind in _CLOSING and open_:
            open_.pop()
        if token.kind == "row" and not open_:
            out[-1] += aside
            out.append([])
            aside = []
        elif token.kind == "row" and open_[-1] != "begin":
            aside += _cut_aside(out[-1])
        else:
            out[-1].append(token)
    out[-1] += aside
    out = list(map(_without_layout, out))
    joined: list[list[Token]] = []
    for row in out:
        first = next((t for t in row if t.kind != "amp"), None)
        last = next((t for t in reversed(joined[-1]) if t.kind != "amp"), None) if joined else None
        goes_on = first and first.kind == "relation" and not _states(joined[-1] if joined else [])
        if first and last and (goes_on or first.kind in ("plus", "sign") or last.kind in _OPEN):
            aside = _cut_aside(joined[-1]) if first.kind in ("plus", "sign") else []
            joined[-1] += [t for t in row if t.kind != "amp"] + aside
        elif first:
            joined.append(row)
    return joined


def _without_layout(row: list[Token]) -> list[Token]:
    """Without the spaces and alignment marks inside brackets, but for those of an environment."""
    open_: list[str] = []
    kept = []
    for token in row:
        if token.kind in _OPENING:
            open_.append(token.kind)
        elif token.kind in _CLOSING and open_:
            open_.pop()
        if token.kind not in ("amp", "gap") or not open_ or "begin" in open_:
            kept.append(token)
    return kept


def _cut_aside(row: list[Token]) -> list[Token]:
    """A remark set apart at the end of a line whose bracket goes on in the next line."""
    ends = (i for i in range(len(row) - 1, 0, -1) if row[i].kind in ("gap", "amp"))
    last = next((i for i in ends if row[i].kind == "gap" or row[i - 1].kind == "amp"), len(row))
    cut = row[last:]
    if any(t.kind in _OPENING or t.kind in _CLOSING for t in cut):
        return []
    del row[last:]
    return cut


def _states(row: list[Token]) -> bool:
    """Whether a row already holds a relation, outside its brackets."""
    depth = 0
    for token in row:
        depth += (token.kind in _OPENING) - (token.kind in _CLOSING)
        if token.kind == "relation" and depth == 0:
            return True
    return False


_OPEN = ("plus", "sign", "relation", "slash")
_OPENING, _CLOSING = ("(", "[", "{", "⟨", "begin"), (")", "]", "}", "⟩", "end")


class _Reader:
    """Reads one row."""

    def __init__(self, habits: Habits, previous: Node | None):
        self.habits, self.previous = habits, previous
        self.found: list[Link | Failure] = []
        self.waiting: list[tuple[Node, Token, Token]] = []
        self.chain = 0

    def row(self, tokens: list[Token]) -> list[Link | Failure]:
        tokens = _trimmed(tokens)
        if not tokens:
            return []
        if tokens[-1].end - tokens[0].start > LONGEST:
            at = tokens[0]
            error = UnreadableError("too long", "named intermediates", at.start, at.end)
            return [Failure(error, at.start, tokens[-1].end)]
        try:
            matched(tokens)
        except UnreadableError as error:
            return [Failure(error, tokens[0].start, tokens[-1].end)]
        tokens = self._unwrapped(tokens)
        if not tokens:
            return []
        if _is_statement(tokens):
            self._segment(tokens, "")
            self._mentions()
            return self.found
        for part, before in self._segments(tokens):
            self._segment(part, before)
        self._mentions()
        return self.found

    def _unwrapped(self, tokens: list[Token]) -> list[Token]:
        r"""The inside of \boxed{…} or {…} around a whole row."""
        pairs = matched(tokens)
        first = 1 if tokens[0].kind in ("group", "null") and len(tokens) > 1 else 0
        if tokens[first].kind == "{" and pairs[first] == len(tokens) - 1:
            return _trimmed(tokens[first + 1 : -1])
        return tokens

    def _segments(self, tokens: list[Token]) -> list[tuple[list[Token], str]]:
        """The formulas of a row, each with the separator before it; words stand alone."""
        pairs = matched(tokens)
        out: list[tuple[list[Token], str]] = [([], "")]
        i = 0
        while i < len(tokens):
            token = tokens[i]
            if token.kind in _SEPARATORS and not _is_alignment(tokens, i):
                if token.kind == "text" and _is_member(tokens, i):
                    out[-1][0].append(token)
                elif token.kind == "text":
                    i = _end_of_aside(tokens, i)
                    out += [([_merged(tokens, token, i)], "text"), ([], "text")]
                else:
                    out.append(([], token.kind))
            elif token.kind == "stop" and not self.habits.plain:
                out.append(([], "semicolon"))
            elif token.kind == "colon" and _is_colon_a_separator(out[-1][0], out):
                out.append(([], "colon"))
            elif token.kind not in _SEPARATORS:
                close = pairs[i] if pairs.get(i, -1) > i else i
                group = tokens[i : close + 1]
                if _is_remark(group, out[-1][0]):
                    out += [(group, "remark"), ([], "remark")]
                else:
                    out[-1][0].extend(group)
                i = close
            i += 1
        return [(part, before) for part, before in out if part]

    def _segment(self, tokens: list[Token], before: str) -> None:
        """One formula, or words, or a condition of what stands before it."""
        if len(tokens) == 1 and tokens[0].kind == "text":
            said = Text(tokens[0].value, start=tokens[0].start, end=tokens[0].end)
            if tokens[0].value.strip(" .,;:").lower() not in CONNECTORS | {"for all", "for"}:
                self._condition(said)
            return
        try:
            self._formula(tokens, before)
        except UnreadableError as error:
            self._mentions()
            self.found.append(Failure(error, tokens[0].start, tokens[-1].end))

    def _formula(self, tokens: list[Token], before: str) -> None:
        members, signs = self._members(tokens)
        alone = before in ("gap", "text", "amp") and self.found and _is_remark(tokens, tokens)
        if before == "remark" or alone or (self.found and _is_condition(members, signs)):
            self._condition(_chained(members, signs))
            return
        if not signs:
            node = members[0]
            if self._continues_range(node):
                return
            assert node is not None
            self.waiting.append((node, tokens[0], tokens[-1]))
            return
        left = members[0]
        continued = left is None
        if left is None:
            if self.previous is None:
                first = tokens[0]
                raise UnreadableError(
                    "nothing stands left of this", "a = b", first.start, first.end
                )
            self._mentions()
            left = self.previous
        left, start = self._with_waiting(left, tokens[0].start)
        rest = [m for m in members[1:] if m is not None]
        self._chain([left, *rest], signs, start, continued)

    def _members(self, tokens: list[Token]) -> tuple[list[Node | None], list[str]]:
        """The expressions between relations, and the relations."""
        cursor = Formula(tokens, self.habits)
        cuts = _cuts(cursor, tokens)
        members: list[Node | None] = []
        signs = [tokens[c].value for c in cuts]
        start = 0
        for cut in [*cuts, len(tokens)]:
            if cut == start:
                if start or len(tokens) == 1:
                    token = tokens[min(start, len(tokens) - 1)]
                    raise UnreadableError("nothing stands here", "a = b", token.start, token.end)
                members.append(None)
            else:
                sign = signs[len(members) - 1] if members else ""
                members.append(self._member(cursor, start, cut, sign))
            start = cut + 1
        return members, signs

    def _member(self, cursor: Formula, a: int, b: int, sign: str) -> Node:
        if cursor.find(a, b, lambda t: t.kind == "text") >= 0:
            return self._words(cursor, a, b)
        parts = cursor.split(a, b, ("comma",))
        if len(parts) > 1:
            items = tuple(cursor.within(x, y, cursor.expression) for x, y in parts)
            return Listing(items, start=items[0].start, end=items[-1].end)
        node = cursor.within(a, b, cursor.expression)
        return _space(node) if sign in ("∈", ":") else node

    def _chain(self, members: list[Node], signs: list[str], start: int, continued: bool) -> None:
        """Each link of A = B = C is a claim; ⇒ joins whole statements."""
        self.chain += 1
        strong = [i for i, s in enumerate(signs) if s in _STRENGTH]
        if strong:
            i = strong[0]
            left = _chained(members[: i + 1], signs[:i])
            right = _chained(members[i + 1 :], signs[i + 1 :])
            self.found.append(Link(signs[i], left, right, start, right.end, self.chain))
            self.previous = right
            return
        for n, sign in enumerate(signs):
            left, right = members[n], members[n + 1]
            first = start if n == 0 and not continued else left.start if n else start
            link = Link(sign, left, right, first, right.end, self.chain, n + 1, members[0])
            self.found.append(replace(link, continued=continued))
            self.previous = right

    # -- what stands beside a formula

    def _with_waiting(self, left: Node, start: int) -> tuple[Node, int]:
        """f_t, i_t, o_t = …: names before a comma belong to the left side."""
        names = []
        while self.waiting and isinstance(self.waiting[-1][0], Symbol) and isinstance(left, Symbol):
            names.append(self.waiting.pop())
        self._mentions()
        if not names:
            return left, start
        items = (*(n for n, *_ in reversed(names)), left)
        start = names[-1][1].start
        return Listing(items, start=start, end=left.end), start

    def _mentions(self) -> None:
        for node, first, last in self.waiting:
            self.chain += 1
            self.found.append(Link("", node, None, first.start, last.end, self.chain))
        self.waiting = []

    def _condition(self, node: Node) -> None:
        """It belongs to the formulas of this row since the last condition-free one."""
        self._mentions()
        last = len(self.found) - 1
        if last < 0:
            self.found.append(Link("", Words((node,)), None, node.start, node.end, 0))
            return
        here = self.found[last]
        for i, link in enumerate(self.found):
            same = isinstance(here, Link) and isinstance(link, Link) and link.chain == here.chain
            if isinstance(link, Link) and same:
                self.found[i] = replace(link, conditions=(*link.conditions, node))

    def _continues_range(self, node: Node | None) -> bool:
        """`1`, `…`, `T` behind a condition t = 1 make it t = 1, …, T."""
        last = self.found[-1] if self.found else None
        if not isinstance(last, Link) or not last.conditions or node is None or self.waiting:
            return False
        condition = last.conditions[-1]
        if not isinstance(condition, Relation) or condition.relation != "=":
            return False
        old = condition.right
        items = old.items if isinstance(old, Listing) else (old,)
        if not isinstance(node, Dots) and not any(isinstance(x, Dots) for x in items):
            return False
        right = Listing((*items, node), start=items[0].start, end=node.end)
        new = replace(condition, right=right, end=node.end)
        for i, link in enumerate(self.found):
            if isinstance(link, Link) and condition in link.conditions:
                kept = tuple(new if c is condition else c for c in link.conditions)
                self.found[i] = replace(link, conditions=kept)
        return True

    # -- statements in words

    def _words(self, cursor: Formula, a: int, b: int) -> Node:
        parts: list[Node] = []
        first = a
        while first < b:
            cut = cursor.find(first, b, lambda t: t.kind in ("text", "gap", "comma"))
            stop = b if cut < 0 else cut
            if stop > first and cursor.tokens[first].kind == "relation":
                t = cursor.tokens[first]
                parts.append(Text(t.value, start=t.start, end=t.end))
                first += 1
            if stop > first:
                parts.append(cursor.within(first, stop, cursor.statement))
            if cut >= 0 and cursor.tokens[cut].kind == "text":
                t = cursor.tokens[cut]
                parts.append(Text(t.value, start=t.start, end=t.end))
            first = stop + 1
        return Words(tuple(parts), start=cursor.tokens[a].start, end=cursor.tokens[b - 1].end)


def _trimmed(tokens: list[Token]) -> list[Token]:
    """Without the punctuation that ends a formula, and what only lays out."""
    kinds = ("amp", "comma", "semicolon", "gap", "stop", "colon", "row")
    i, j = 0, len(tokens)
    while i < j and tokens[i].kind in kinds:
        i += 1
    while j > i and tokens[j - 1].kind in kinds:
        j -= 1
    return tokens[i:j]


def _is_statement(tokens: list[Token]) -> bool:
    """Whether a row is a sentence: it opens with words that are no mere lead-in."""
    first = tokens[0]
    if first.kind != "text":
        return False
    words = first.value.strip()
    behind = tokens[1].kind if len(tokens) > 1 else ""
    lead = words.lower().rstrip(" ,:") in CONNECTORS | CONDITIONS
    return not (lead or words.endswith((":", "：")) or behind == "colon")


def _is_member(tokens: list[Token], i: int) -> bool:
    """Whether words are one side of a relation: … ⇒ decay to 0."""
    around = [tokens[j] for j in (i - 1, i + 1) if 0 <= j < len(tokens)]
    return any(t.kind == "relation" for t in around)


def _end_of_aside(tokens: list[Token], i: int) -> int:
    r"""The last token of \text{(headed }c_t\text{)}: words whose bracket later words close."""
    opened = tokens[i].value.count("(") - tokens[i].value.count(")")
    j = i
    while opened > 0 and j + 1 < len(tokens):
        j += 1
        if tokens[j].kind == "text":
            opened += tokens[j].value.count("(") - tokens[j].value.count(")")
    return j if opened == 0 else i


def _merged(tokens: list[Token], token: Token, last: int) -> Token:
    if tokens[last] is token:
        return token
    inside = tokens[tokens.index(token) : last + 1]
    said = "".join(f" {t.value} " if t.kind == "text" else t.value for t in inside)
    said = " ".join(said.split())
    return replace(token, value=said, end=tokens[last].end)


def _is_alignment(tokens: list[Token], i: int) -> bool:
    """Whether this & only marks where the rows are aligned."""
    if tokens[i].kind != "amp":
        return False
    around = {tokens[j].kind for j in (i - 1, i + 1) if 0 <= j < len(tokens)}
    if "amp" in around:
        return False
    return bool(around & {"relation", "plus", "sign", "slash"}) or len(around) < 2


def _is_colon_a_separator(so_far: list[Token], out: list[tuple[list[Token], str]]) -> bool:
    relation = any(t.kind == "relation" for t in so_far)
    worded = len(out) > 1 and out[-1][1] in ("text", "remark")
    return relation or worded or not so_far


def _is_remark(group: list[Token], so_far: list[Token]) -> bool:
    """(λ > 1) or (column) set apart behind a formula."""
    if group[0].kind != "(" or not so_far or group[-1].kind != ")":
        return False
    if so_far is group:
        return matched(group)[0] == len(group) - 1 and _is_remark(group, _ANY)
    if so_far is not _ANY and not (group[0].gap or group[0].space):
        return False
    if so_far[-1].kind in ("plus", "sign", "slash", "relation"):
        return False
    depth, related = 0, False
    for t in group[1:-1]:
        depth += (t.kind in _OPENING) - (t.kind in _CLOSING)
        related = related or (depth == 0 and t.kind == "relation")
    return len(group) > 2 and (related or all(t.kind == "text" for t in group[1:-1]))


_ANY = [Token("letter", "x", 0, 0)]


def _cuts(cursor: Formula, tokens: list[Token]) -> list[int]:
    """Where the relations are; in a sentence only ⇒ and ⇔ are its own."""
    said = _is_statement(tokens)
    cuts, j = [], 0

    def wanted(t: Token) -> bool:
        return t.value in _STRENGTH if said else t.kind in ("relation", "colon")

    while 0 <= (j := cursor.find(j, len(tokens), wanted)):
        cuts.append(j)
        j += 1
    return cuts


def _is_condition(members: list[Node | None], signs: list[str]) -> bool:
    """t < T, t = 1, 0 < α ≤ 1, behind a formula: about a counter or a plain comparison."""
    if not signs or members[0] is None:
        return False
    if all(s in _COMPARISONS for s in signs):
        return not (len(signs) == 1 and signs[0] == "∈" and not _is_counter(members[0]))
    counter = _is_counter(members[0]) and len(signs) == 1 and signs[0] in ("=", "≤", "<", "←")
    return counter and _is_range(members[1])


def _is_counter(node: Node | None) -> bool:
    return isinstance(node, Symbol) and node.letter in TIME_LETTERS and not node.indices


def _is_range(node: Node | None) -> bool:
    if isinstance(node, Product):
        return all(map(_is_range, node.factors))
    if isinstance(node, Sum):
        return all(map(_is_range, node.terms))
    return isinstance(node, Number | Dots) or _is_counter(node)


def _chained(members: Sequence[Node | None], signs: Sequence[str]) -> Node:
    node = members[0]
    assert node is not None
    for sign, right in zip(signs, members[1:], strict=True):
        assert right is not None
        node = Relation(node, sign, right, start=node.start, end=right.end)
    return node


def _space(node: Node) -> Node:
    """ℝ^{q×h} as a space of arrays; (N, H) stays a listing."""
    if isinstance(node, Symbol) and node.letter in ("R", "ℝ", "C", "Z", "N"):
        if node.font not in ("bb", "bold", "cal") and node.letter != "ℝ":
            return node
        sizes = tuple(map(_size, node.sup))
        return Space(node.letter, sizes, start=node.start, end=node.end)
    if isinstance(node, Power) and isinstance(node.base, Symbol):
        whole = _space(node.base)
        if isinstance(whole, Space) or node.base.letter == "R":
            e = node.exponent
            e = e.of if isinstance(e, Group) else e
            sizes = _sizes(e)
            return Space(node.base.letter, sizes, start=node.start, end=node.end)
    return node


def _sizes(e: Node) -> tuple[Node, ...]:
    """D × 2H is two sizes, D and 2H."""
    if not isinstance(e, Product):
        return (e,)
    groups: list[list[Node]] = [[e.factors[0]]]
    for sign, factor in zip(e.signs, e.factors[1:], strict=True):
        if sign in ("×", "*", "·"):
            groups.append([factor])
        else:
            groups[-1].append(factor)
    return tuple(product(g, [""] * (len(g) - 1), g[0].start) for g in groups)


def _size(index: Index) -> Node:
    if index.text.isdigit():
        return Number(index.text, start=index.start, end=index.end)
    return Symbol(index.text, start=index.start, end=index.end)


def is_condition_of_time(link: Link) -> bool:
    """t = T, t < T, 1 ≤ t ≤ T, t = 1, …, T, said alone."""
    if link.relation in _COMPARISONS:
        return _is_counter(link.left) or _is_counter(link.right)
    return _is_counter(link.left) and link.relation == "=" and _is_range(link.right)


def is_comparison(link: Link) -> bool:
    """0 < α ≤ 1: a bound on a number, and no claim about norms or eigenvalues."""
    parts = [n for x in (link.left, link.right) if x is not None for n in walk(x)]
    spectral = any(isinstance(n, Norm | Apply) for n in parts)
    spectral = spectral or any(isinstance(n, Symbol) and n.letter in "λσρ" for n in parts)
    return link.relation in _COMPARISONS - {"∈"} and not spectral
