"""What stands beside a formula: words, remarks in brackets, alignment marks, conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from ..surface import Apply, Dots, Node, Norm, Number, Product, Relation, Sum, Symbol, walk
from .cursor import matched
from .rows import CLOSING, OPENING
from .spelling import CONDITIONS, CONNECTORS, TIME_LETTERS
from .tokens import Token

COMPARISONS = frozenset(["<", "≤", ">", "≥", "≠", "∈"])
STRENGTH = ("⇒", "⇔")


def is_statement(tokens: list[Token]) -> bool:
    """Whether a row is a sentence: it opens with words, and states no equation behind them."""
    words = tokens[0].value.strip()
    if tokens[0].kind != "text" or len(words) < 4:
        return False
    behind = tokens[1].kind if len(tokens) > 1 else ""
    lead = words.lower().rstrip(" ,:") in CONNECTORS | CONDITIONS
    if lead or words.endswith((":", "：")) or behind == "colon":
        return False
    depth, states = 0, False
    for t in tokens:
        depth += (t.kind in OPENING) - (t.kind in CLOSING)
        states = states or (depth == 0 and t.kind == "relation" and t.value in ("=", ":="))
    return not states or tokens[-1].kind == "text"


def is_member(tokens: list[Token], i: int) -> bool:
    """Whether words are one side of a relation: … ⇒ decay to 0."""
    around = [tokens[j] for j in (i - 1, i + 1) if 0 <= j < len(tokens)]
    return any(t.kind == "relation" for t in around)


def end_of_aside(tokens: list[Token], i: int) -> int:
    r"""The last token of \text{(headed }c_t\text{)}: words whose bracket later words close."""
    opened = tokens[i].value.count("(") - tokens[i].value.count(")")
    j = i
    while opened > 0 and j + 1 < len(tokens):
        j += 1
        if tokens[j].kind == "text":
            opened += tokens[j].value.count("(") - tokens[j].value.count(")")
    return j if opened == 0 else i


def merged(tokens: list[Token], token: Token, last: int) -> Token:
    if tokens[last] is token:
        return token
    inside = tokens[tokens.index(token) : last + 1]
    said = "".join(f" {t.value} " if t.kind == "text" else t.value for t in inside)
    said = " ".join(said.split())
    return replace(token, value=said, end=tokens[last].end)


def is_alignment(tokens: list[Token], i: int) -> bool:
    """Whether this & only marks where the rows are aligned."""
    if tokens[i].kind != "amp":
        return False
    around = [tokens[j].kind for j in (i - 1, i + 1) if 0 <= j < len(tokens)]
    if "amp" in around:
        return False
    return len(around) < 2 or any(k in ("relation", "plus", "sign", "slash") for k in around)


def is_colon_a_separator(so_far: list[Token], out: list[tuple[list[Token], str]]) -> bool:
    relation = any(t.kind == "relation" for t in so_far)
    worded = len(out) > 1 and out[-1][1] in ("text", "remark")
    return relation or worded or not so_far


def is_remark(group: list[Token], so_far: list[Token]) -> bool:
    """(λ > 1) or (column) set apart behind a formula."""
    if group[0].kind != "(" or not so_far or group[-1].kind != ")":
        return False
    if so_far is group:
        return matched(group)[0] == len(group) - 1 and is_remark(group, _ANY)
    if so_far is not _ANY and not (group[0].gap or group[0].space):
        return False
    if so_far[-1].kind in ("plus", "sign", "slash", "relation"):
        return False
    depth, related = 0, False
    for t in group[1:-1]:
        depth += (t.kind in OPENING) - (t.kind in CLOSING)
        related = related or (depth == 0 and t.kind == "relation")
    return len(group) > 2 and (related or all(t.kind == "text" for t in group[1:-1]))


_ANY = [Token("letter", "x", 0, 0)]


def is_condition(members: list[Node | None], signs: list[str]) -> bool:
    """t < T, t = 1, 0 < α ≤ 1, behind a formula: about a counter or a plain comparison."""
    if not signs or members[0] is None:
        return False
    if all(s in COMPARISONS for s in signs):
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


def is_condition_of_time(left: Node, relation: str, right: Node | None) -> bool:
    """t = T, t < T, 1 ≤ t ≤ T, t = 1, …, T, said alone."""
    if relation in COMPARISONS:
        return _is_counter(left) or _is_counter(right)
    return _is_counter(left) and relation == "=" and _is_range(right)


def is_comparison(left: Node, relation: str, right: Node | None) -> bool:
    """0 < α ≤ 1: a bound on a number, and no claim about norms or eigenvalues."""
    parts = [n for x in (left, right) if x is not None for n in walk(x)]
    spectral = any(isinstance(n, Norm | Apply) for n in parts)
    spectral = spectral or any(isinstance(n, Symbol) and n.letter in "λσρ" for n in parts)
    return relation in COMPARISONS - {"∈"} and not spectral


def chained(members: Sequence[Node | None], signs: Sequence[str]) -> Node:
    node = members[0]
    assert node is not None
    for sign, right in zip(signs, members[1:], strict=True):
        assert right is not None
        node = Relation(node, sign, right, start=node.start, end=right.end)
    return node
