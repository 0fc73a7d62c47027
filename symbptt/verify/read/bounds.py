r"""Σ, ∏, max: where the variable runs, and how far the body goes.

\sum_{t=1}^T   \sum^{N}_{i=1}   \prod_{t \ge i > k}   \sum_{t}   sum over t of   sum_{t=1..T}
"""

from __future__ import annotations

from dataclasses import replace

from ..surface import Big, Bound, Node, Norm, Power, Product, Sum, Symbol, Transpose, symbols
from .calls import Calls
from .cursor import UnreadableError
from .spelling import TIME_LETTERS
from .tokens import Token


class Bounds(Calls):
    """Reads Σ and ∏ with their bounds."""

    def _big(self, token: Token) -> Node:
        self.next()
        lower = upper = None
        swapped = False
        while self.kind() in ("_", "^"):
            below = self.next().kind == "_"
            found = self.argument()
            if (below and lower) or (not below and upper):
                raise self.error("two bounds on one side", r"\sum_{t=1}^T", self.i - 1, self.i)
            swapped = swapped or (below and upper is not None)
            lower, upper = (found, upper) if below else (lower, found)
        if self.kind() == "word" and self.value() == "over":
            lower = self._over_words()
        if token.value in ("max", "min", "lim") and lower is None and self.kind() in ("(", "{"):
            return self.applied(Symbol(token.value, start=token.start, end=token.end), True)
        bounds = self.bounds(lower, upper) if lower else ()
        if upper and not lower:
            raise self.error("an upper bound without a variable", r"\sum_{t=1}^T", *upper)
        minus = self.accept("plus") if self.value() == "-" else None  # Σ_t −log p
        body = self.term()
        if minus:
            body = Sum((body,), ("-",), start=minus.start, end=body.end)
        return self._scoped(token, bounds, body, swapped)

    def _over_words(self) -> tuple[int, int]:
        """`sum over t of`."""
        self.next()
        a = self.i
        while self.peek() is not None and self.value() != "of":
            self.i += 1
            if self.i - a == 1 and self.kind() not in ("relation", "word", "plus"):
                break
        b = self.i
        if self.value() == "of":
            self.next()
        return a, b

    def _scoped(self, token: Token, bounds: tuple[Bound, ...], body: Node, swapped: bool) -> Node:
        """A ∏ ends before the first factor that has nothing to do with its variable."""
        rest: list[Node] = []
        signs: list[str] = []
        names = {b.variable.letter for b in bounds}
        if token.value == "prod" and names and isinstance(body, Product):
            keep = _scope(body, names)
            rest, signs = list(body.factors[keep:]), list(body.signs[keep - 1 :])
            body = product(list(body.factors[:keep]), list(body.signs[: keep - 1]), body.start)
        big = Big(token.value, bounds, body, swapped, start=token.start, end=body.end)
        return product([big, *rest], signs, token.start) if rest else big

    def bounds(self, lower: tuple[int, int], upper: tuple[int, int] | None) -> tuple[Bound, ...]:
        a, b = lower
        until = self.within(*upper, self.expression) if upper else None
        ranges = self.split(a, b, ("comma", "row"))
        alone = [y == x + 1 and self.tokens[x].kind == "dots" for x, y in ranges]
        dots = [i for i, lone in enumerate(alone) if lone]
        if dots and dots[-1] == len(ranges) - 2:  # t = 1, …, T
            until = self.within(*ranges[-1], self.expression)
            ranges = ranges[:1]
        found = []
        for x, y in ranges:
            nodes = self.within(x, y, self._bound)
            found += [replace(n, upper=until) if until and not n.upper else n for n in nodes]
        return tuple(found)

    def _bound(self) -> list[Bound]:
        start = self.here
        said = "".join(t.value for t in self.tokens[self.i : self.stop])
        if said in ("batch", "minibatch", "samples", "examples"):  # \sum_{batch}
            self.i = self.stop
            return [Bound(Symbol(said), start=start, end=self.before, style="bare")]
        parts, signs = [self.expression()], []
        while self.kind() == "relation":
            signs.append(self.next().value)
            parts.append(self.expression())
            if self.accept("range"):
                parts.append(self.expression())
                signs.append("..")
        try:
            made = _bound_of(parts, signs)
        except ValueError:
            end = self.before
            raise UnreadableError(
                "these bounds are not read", "t=1 or 1 ≤ k ≤ t", start, end
            ) from None
        return [replace(b, start=start, end=self.before) for b in made]


def product(factors: list[Node], signs: list[str], start: int) -> Node:
    """Flat: a product that a ∏ handed back joins the one around it."""
    if len(factors) == 1:
        return factors[0]
    flat: list[Node] = []
    between: list[str] = []
    for f, sign in zip(factors, ["", *signs], strict=True):
        if flat:
            between.append(sign)
        if isinstance(f, Product) and isinstance(f.factors[0], Big):
            flat += f.factors
            between += f.signs
        else:
            flat.append(f)
    return Product(tuple(flat), tuple(between), start=start, end=flat[-1].end)


def _scope(body: Product, names: set[str]) -> int:
    """How many factors of the body belong to a ∏ over `names`."""
    uses = [bool(names & _letters(f)) for f in body.factors]
    if not any(uses):
        return len(uses)
    keep = len(uses) - 1 - uses[::-1].index(True) + 1
    joined = ("", "·")  # diag(1 − h_j²) W, diag(1 − h_j²) · W
    while keep < len(uses) and body.signs[keep - 1] in joined and _is_weight(body.factors[keep]):
        keep += 1
    return keep


def _letters(node: Node) -> set[str]:
    found = set()
    for s in symbols(node):
        found |= {s.letter, *(n for i in s.indices for n in i.names)}
        found |= {n for i in s.indices for j in i.inner for n in j.names}
    return found


def _is_weight(node: Node) -> bool:
    """A parameter, or the norm of one: no time hangs on it."""
    inner = node.of if isinstance(node, Norm) else node
    core = inner.base if isinstance(inner, Transpose | Power) else inner
    if not isinstance(core, Symbol):
        return False
    return not any(set(i.names) & TIME_LETTERS for i in core.indices)


def _bound_of(parts: list[Node], signs: list[str]) -> list[Bound]:
    """Where the variables run, from the expressions and relations written below a Σ.

    1 ≤ k ≤ t ≤ T is t from 1 to T, and k from 1 to t.
    """
    if len(signs) == 3 and set(signs) <= {"<", "≤"}:
        first, second, third, last = parts
        outer = _one_bound([first, third, last], [signs[0], signs[2]])
        return [outer, _one_bound([first, second, third], signs[:2])]
    return [_one_bound(parts, signs)]


def _one_bound(parts: list[Node], signs: list[str]) -> Bound:
    if signs and ".." in signs:
        variable, lower, upper = parts
        return Bound(_variable(variable), lower, upper, style="..")
    if not signs:
        return Bound(_variable(parts[0]), style="bare")
    if signs in (["="], ["←"]):
        return Bound(_variable(parts[0]), parts[1])
    if signs == ["→"]:
        return Bound(_variable(parts[0]), upper=parts[1], style="→")
    if signs == ["∈"]:
        return Bound(_variable(parts[0]), among=parts[1], style="in")
    if any(s not in ("<", "≤", ">", "≥", "≠") for s in signs) or len(signs) > 2 or "≠" in signs:
        raise ValueError
    down = signs[0] in (">", "≥")
    strict = [s in ("<", ">") for s in signs]
    if len(signs) == 2:
        low, high = (parts[2], parts[0]) if down else (parts[0], parts[2])
        open_low, open_high = (strict[1], strict[0]) if down else (strict[0], strict[1])
        variable = _variable(parts[1])
        return Bound(variable, low, high, open_low, open_high, down, style="relation")
    variable = _variable(parts[0])
    if down:
        return Bound(variable, parts[1], None, strict[0], style="relation")
    return Bound(variable, None, parts[1], open_upper=strict[0], style="relation")


def _variable(node: Node) -> Symbol:
    if not isinstance(node, Symbol):
        raise ValueError
    return node
