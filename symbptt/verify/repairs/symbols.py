"""Edits of letters: one for another, its transpose, a total derivative for an immediate one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from ... import matrix as mx
from .. import surface as s
from ..judge.statement import Statement
from ..meaning.choice import shorthand_key
from ..write import plain
from .everywhere import everywhere
from .vocabulary import Vocabulary


def swap(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """One symbol for another of its kind."""
    if isinstance(node, s.Shorthand):
        q = v.naming.parts(node.of)
        mine: Any = shorthand_key(node, q)
    elif isinstance(node, s.Symbol):
        q = v.naming.parts(node)
        mine = q.name
    else:
        return
    gradient = mine in v.judge.gradients
    timed = q.time is not None
    d = v.system.model.table.get(v.names.get(q.name, ""))
    if d is None and not gradient:
        if timed:
            for name, sample in v.samples.items():
                if name in v.names:
                    yield "M30", f"{plain(node)} should be {name}", v.at(sample, q.time)
        return
    timed = timed or gradient or (d is not None and d.timed)
    for name, sample in v.samples.items():
        if name == mine:
            continue
        other = v.system.model.table.get(v.names.get(name, ""))
        other_gradient = name in v.judge.gradients
        if other is None and not other_gradient:
            continue
        other_timed = other_gradient or (other is not None and other.timed)
        if gradient == other_gradient and timed == other_timed:
            moved = v.at(sample, q.time)
            words = f"{plain(node)} should be {plain(moved)}"
            if gradient and _is_before(v, mine, name):
                words = f"the activation derivative is missing: {words}"
                yield "M01", words, moved
            else:
                yield "M11", words, moved
    if timed and not gradient:  # the state where its weight should stand, and so on
        for name, sample in v.samples.items():
            other = v.system.model.table.get(v.names.get(name, ""))
            if other is not None and other.role == "param" and len(other.shape) == 2:
                yield "M11", f"{plain(node)} should be {plain(sample)}", sample


def _is_before(v: Vocabulary, mine: str, other: str) -> bool:
    """Whether the other letter is the gradient by what the function of mine is applied to."""
    g, h = v.judge.gradients[mine], v.judge.gradients[other]
    return v.system.pre.get(g.of) == h.of and g.lag == h.lag


def transposed(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    if isinstance(node, s.Transpose):
        yield _layout_code(v, node.base), "a transposition too many", node.base
    elif isinstance(node, s.Power) and "transpose" in node.may_be:
        yield _layout_code(v, node.base), "a transposition too many", node.base
    elif isinstance(node, s.Symbol):
        q = v.naming.parts(node)
        if q.name in v.names or q.name in v.judge.gradients:
            yield _layout_code(v, node), "a transposition is missing", s.Transpose(node)
    elif isinstance(node, s.Derivative | s.Shorthand):
        yield _layout_code(v, node), "a transposition is missing", s.Transpose(s.Group(node))


def _layout_code(v: Vocabulary, node: s.Node) -> str:
    inner = s.bare(node)
    if isinstance(inner, s.Symbol):
        d = v.system.model.table.get(v.names.get(v.naming.parts(inner).name, ""))
        if d is not None and d.role == "param" and len(d.shape) == 2:
            return "M05" if v.jacobian else "M04"
        return "M17"
    return "M05"


def total(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """A total derivative where the text has immediate ones to write."""
    if not isinstance(node, s.Derivative) or node.kind != "d" or not v.judge.options.both_signs:
        return
    if node.of is not None and not v.judge.options.of_loss(node):
        words = "double counting: the immediate derivative is needed here"
        yield "M09", words, replace(node, kind="∂")


def whole_loss(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """The derivative of the whole loss, where that of one step's loss is written."""
    of = s.bare(node.of) if isinstance(node, s.Derivative) and node.of is not None else None
    if not isinstance(node, s.Derivative) or not isinstance(of, s.Symbol):
        return
    if v.judge.options.of_loss(node) and v.naming.parts(of).time is not None:
        words = "the total derivative is needed: the future term is missing"
        whole = v.loss() or replace(of, sub=(), sup=())
        sign = "d" if v.judge.options.both_signs else node.kind
        yield "M07", words, replace(node, of=whole, kind=sign)


def kind(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """This step's loss for the whole, the immediate derivative for the total one."""
    if not isinstance(node, s.Derivative) or node.of is None:
        return
    of = s.bare(node.of)
    if not isinstance(of, s.Symbol):
        return
    if v.judge.options.of_loss(node):
        by = s.bare(node.by)
        q = v.naming.parts(of)
        r = v.naming.parts(by) if isinstance(by, s.Symbol) else None
        if q.time is None and r is not None and r.time is not None:
            index = s.Index("t", "_", (("t", 1),), 0)
            step = v.symbol_for(v.system.model.loss.step.name, r.time)
            timed = step or v.at(replace(of, sub=(*of.sub, index)), r.time)
            words = "double counting: the derivative of this step's loss is needed here"
            yield "M09", words, replace(node, of=timed)
    elif node.kind != "∂+":
        words = "double counting: the immediate derivative is needed here"
        yield "M09", words, replace(node, kind="∂+")


def later(v: Vocabulary, node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
    """δ_t, what its own step's loss says, as ∂L/∂h_t with what later steps hand back."""
    found = v.gradient_of(node) if isinstance(node, s.Symbol | s.Shorthand) else None
    if found is None or found[0].scope not in ("own", "step"):
        return
    by = v.symbol_for(found[0].of, found[1].time)
    loss = v.loss()
    if by is not None and loss is not None:
        words = f"{plain(node)} is the part of one step alone: the future term is missing"
        yield "M07", words, s.Derivative("∂", loss, by)


def immediate(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    """dh_t/dθ = J dh_{t−1}/dθ without ∂h_t/∂θ."""
    left = s.bare(statement.left)
    if not v.jacobian or not isinstance(left, s.Derivative) or not isinstance(left.by, s.Symbol):
        return
    if v.naming.parts(left.by).time is None and left.kind != "∂+":
        own = replace(left, kind="∂" if v.judge.options.both_signs else "∂+")
        words = f"the immediate term {plain(own)} is missing"
        terms = (own, s.Group(statement.right))
        yield "M08", words, replace(statement, right=s.Sum(terms, ("+", "+")))


def of_next(v: Vocabulary, claim: s.Claim) -> Iterator[tuple[str, str, Statement]]:
    """dL/dh_t = … + dL/dh_t, where the term on the right is that of the next step."""
    left = s.bare(claim.left)
    time = v.time_of(left)
    if claim.relation != "=" or claim.right is None or time is None or v.gradient_of(left) is None:
        return

    def change(node: s.Node) -> Iterator[tuple[str, str, s.Node]]:
        if node == left:
            words = f"{plain(left)} stands on both sides: on the right it is that of the next step"
            if isinstance(left, s.Derivative):
                yield "M10", words, replace(left, by=v.at(s.bare(left.by), time + 1))
            else:
                yield "M10", words, v.at(left, time + 1)

    for code, words, new in everywhere(claim.right, change):
        yield code, words, Statement(claim.left, new)


def handed_back(v: Vocabulary, statement: Statement) -> Iterator[tuple[str, str, Statement]]:
    """dL/dv_t without dL/dw_{t+1} · ∂w_{t+1}/∂v_t, of a w that the next step computes from v."""
    left = s.bare(statement.left)
    if not isinstance(left, s.Derivative) or not v.judge.options.of_loss(left):
        return
    by = s.bare(left.by)
    q = v.naming.parts(by) if isinstance(by, s.Symbol) else None
    name = v.names.get(q.name) if q is not None else None
    if q is None or name is None or q.time is None:
        return
    code = "M20" if len(v.system.model.states) > 1 else "M07"
    for e in v.system.model.equations:
        before = [x for x in mx.variables(e.rhs) if x.name == name and x.time == mx.t - 1]
        later = v.symbol_for(e.lhs.name, q.time + 1) if before else None
        if later is not None:
            kind = "∂" if v.judge.options.both_signs else "∂+"
            jacobian = s.Derivative(kind, later, by)
            term = s.Product((replace(left, by=later), jacobian), ("·",))
            words = f"the future term {plain(term)} is missing"
            terms = (statement.right, term)
            yield code, words, replace(statement, right=s.Sum(terms, ("+", "+")))
