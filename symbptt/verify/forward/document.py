"""From a document to the model it speaks about.

What an author leaves out (σ(·), a readout, the loss of one step) is filled in with the usual
form or with a function of which nothing is assumed, and the filling is reported.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sympy

from ... import matrix as mx
from ...errors import ShapeError, SymbpttError
from ...model import Declaration, Equation, Loss, Model, lag_of
from .. import surface as s
from ..naming import Naming
from .assembly import Assembly, has_numbers, name_sizes, named_arguments, named_factors
from .builder import Builder
from .claims import (
    accepted,
    connected,
    final,
    is_forward,
    losses_of,
    named_inside,
    undated,
    unread_stacks,
)
from .components import whole
from .define import define
from .drafts import LOSSES, IncompleteError
from .labels import is_output
from .loss import loss_over, stated_over, step_loss
from .missing import free_functions, free_state, readout
from .said import orthogonal, signs
from .shapes import (
    counts_samples,
    gives_numbers,
    is_about_numbers,
    may_be_numbers,
    numbers_of,
    totals,
    writes_batches,
)
from .squares import errors
from .stated import names_loss, states_loss, step_named
from .steps import fixed_steps, last_read
from .system import System


def from_document(
    claims: Iterable[s.Claim],
    naming: Naming,
    shapes: dict[str, tuple[str, ...]] | None = None,
    variant: int = 0,
    sampled: bool = False,
    scalar: bool = False,
) -> System:
    """The model of the author's forward equations; a text may define one state twice, and
    `variant` 1 takes the second definitions. Every value has a row for each sample if `sampled`,
    and is a number if `scalar`: as where the shapes that the letters suggest fit no equation.
    Raises IncompleteError where there are none."""
    given = list(claims)
    claims, letter = step_named(named_inside(given))
    trees = [x for c in claims for x in (c.left, c.right) if x is not None]
    b = Builder(naming, shapes)
    b.every = [n for tree in trees for n in s.walk(tree) if isinstance(n, s.Symbol)]
    b.matrices = {q.name for q in map(naming.parts, b.every) if len(q.components) == 2}
    b.steps = fixed_steps(claims, naming)
    written = claims
    claims = [_of_vectors(c, naming) for c in claims]
    b.gaps = errors(claims, naming)
    forward = [c for c in claims if is_forward(c) or (b.steps and _reads_last(c, naming))]
    more = undated(claims, forward, naming)
    forward = [c for c in claims if c in forward or c in more]
    forward = [
        c
        for c in forward
        if not isinstance(c.left, s.Symbol) or naming.parts(c.left).name not in b.gaps
    ]
    forward = unread_stacks(forward)
    timed = {q.name for q in map(naming.parts, b.every) if q.time is not None}
    b.moving = timed & {
        naming.parts(x).name
        for c in forward
        for x in (c.left.items if isinstance(c.left, s.Listing) else (c.left,))
        if isinstance(x, s.Symbol)
    }
    forward = connected(accepted(claims, forward, naming, variant), naming)
    said = [w for c, w in zip(claims, written, strict=True) if any(c is x for x in forward)]
    b.accepted = [c.right for c in said if c.right is not None]
    b.batch = writes_batches(forward, naming)
    b.sampled = sampled or counts_samples(trees, naming)
    b.totals = totals(trees, naming)
    b.scalar = scalar or gives_numbers(claims, naming) or is_about_numbers(forward, trees, naming)
    b.numbers = numbers_of(forward, naming)
    b.final = final(forward, naming)
    derived = losses_of(trees, naming, set())
    for claim in forward:
        items = claim.left.items if isinstance(claim.left, s.Listing) else (claim.left,)
        for item in items:
            left = s.bare(item)
            assert isinstance(left, s.Symbol) and claim.right is not None
            total = left.letter in LOSSES[:3] or left.letter.lower() == "loss"
            if total and not left.sub and not left.sup:
                continue
            if left.letter in LOSSES and (states_loss(claim.right) or names_loss(claim.right)):
                continue
            if left.letter in LOSSES[:3] and left.letter in derived:
                continue  # L_t = −y_t log ŷ_t
            try:
                define(b, left, claim.right, shared=len(items) > 1)
            except SymbpttError:
                if not b.scalar and not shapes and may_be_numbers(trees):
                    return from_document(given, naming, shapes, variant, sampled, scalar=True)
    if not b.defined:
        raise IncompleteError("the text states no forward equation")
    try:
        made = assembled(Assembly(b, claims, trees))
        return replace(made, losses=made.losses | {letter}) if letter else made
    except ShapeError as error:
        raise IncompleteError(error.message) from error


def _of_vectors(claim: s.Claim, naming: Naming) -> s.Claim:
    """A forward equation written entry by entry as one about vectors; any other as it is."""
    found = whole(claim, naming)
    return found if found is not None and is_forward(found) else claim


def _reads_last(claim: s.Claim, naming: Naming) -> bool:
    left = s.bare(claim.left)
    if claim.relation != "=" or claim.right is None or claim.continued:
        return False
    return isinstance(left, s.Symbol) and last_read(left, claim.right, naming)


def assembled(a: Assembly) -> System:
    b = a.b
    free_state(a)
    free_functions(a)
    readout(a)
    name_sizes(a)
    equations = {name: _said_of_t(draft.make(), time) for name, (draft, time) in b.defined.items()}
    equations = named_arguments(a, equations)
    if has_numbers(a):
        equations = named_factors(a, equations)
    loss = step_loss(a, equations)
    equations["l~"] = loss
    order = _sorted(equations)
    lagged = {
        v.name
        for e in equations.values()
        for v in mx.variables(e)
        if v.times and v.time != mx.t and v.name in equations
    }
    declarations = declared(a, equations, lagged)
    over = loss_over(a)
    step = mx.Var("l~", (), (mx.t,))
    made = Model(
        "the text's own",
        "the forward equations of the text",
        tuple(declarations),
        tuple(Equation("", mx.Var(n, equations[n].shape, (mx.t,)), equations[n]) for n in order),
        Loss(over, step),
    )
    names = {n: n for n in (*b.sizes, *equations)}
    if a.label and is_output(a, a.label):
        a.filled.append(f"{a.label} is the output {a.output}: its derivatives are written")
        names[a.label], a.label = a.output, ""
    elif a.label:
        names[a.label] = "target~"
    names |= _arguments_named(a, equations, names)
    return System(
        made, names, frozenset(b.rows - b.columns), a.pre, a.label, a.onehot,
        a.output, a.logits, a.losses, b.stack, b.abstract, a.stated_loss,
        tuple(a.filled), tuple(b.accepted), _zeros(a) & lagged,
        orthogonal(a.claims, a.naming), signs(a.claims), b.steps, stacks=b.stacks,
        summed=bool(stated_over(a)),
    )  # fmt: skip


def _zeros(a: Assembly) -> frozenset[str]:
    """The letters of h_0 = 0."""
    out = set()
    for c in a.claims:
        left = s.bare(c.left)
        if isinstance(left, s.Symbol) and c.relation == "=" and c.right is not None:
            q, right = a.naming.parts(left), s.bare(c.right)
            if q.time == 0 and isinstance(right, s.Number) and float(right.text) == 0:
                out.add(q.name)
    return frozenset(out)


def _arguments_named(
    a: Assembly, equations: dict[str, mx.Node], names: dict[str, str]
) -> dict[str, str]:
    """f(x_t, h_{t−1}, w) of h_t = f(x_t, h_{t−1}, w_h): a new letter in an argument's place."""
    calls = {e.name: e.args[1] for e in equations.values() if isinstance(e, mx.Call)}
    out: dict[str, str] = {}
    for n in (n for tree in a.trees for n in s.walk(tree) if isinstance(n, s.Apply)):
        formal = calls.get(n.head.letter, ())
        if len(formal) != len(n.arguments):
            continue
        for x, v in zip(map(s.bare, n.arguments), formal, strict=True):
            if isinstance(x, s.Symbol) and isinstance(v, mx.Var):
                q = a.naming.parts(x)
                if q.name not in names and (q.time is None) == (not v.times):
                    out.setdefault(q.name, v.name)
    return out


def _said_of_t(expr: mx.Node, time: Any) -> mx.Node:
    """A right side written for step t + j, k or T, said of step t."""
    (k,) = sympy.sympify(time).free_symbols or {mx.t}
    made: mx.Node = expr.xreplace({k: mx.t - (time - k)})
    if any(sympy.sympify(v.time).free_symbols != {mx.t} for v in mx.variables(made) if v.times):
        raise IncompleteError("a forward equation that reads steps of two kinds")
    return made


def declared(a: Assembly, equations: dict[str, mx.Node], lagged: set[str]) -> list[Declaration]:
    b = a.b
    used = {v.name: v for e in equations.values() for v in mx.variables(e)}
    out: list[Declaration] = []
    sizes: dict[str, None] = {}
    for v in used.values():
        for n in v.shape:
            for x in n.free_symbols:
                sizes.setdefault(x.name)
    for e in equations.values():
        for n in e.shape:
            for x in sympy.sympify(n).free_symbols:
                sizes.setdefault(x.name)
    if a.count:
        sizes.setdefault(a.count)
    out += [Declaration(n, "size") for n in sizes]
    classes = None
    if a.onehot:
        classes = equations[a.output].shape[-1]
    for name, v in used.items():
        if name == "target~":
            out.append(Declaration(name, "target", tuple(v.shape), True, classes))
        elif name in equations:
            role = "state" if name in lagged else "variable"
            back = name in _read_ahead(equations)
            out.append(Declaration(name, role, tuple(v.shape), True, reversed=back))
        elif name in b.hyper:
            out.append(Declaration(name, "hyper", tuple(v.shape)))
        elif v.times:
            count = b.tokens[name].symbol() if name in b.tokens else None
            out.append(Declaration(name, "input", tuple(v.shape), True, count))
        else:
            out.append(Declaration(name, "param", tuple(v.shape)))
    for name, e in equations.items():
        if name not in used:
            out.append(Declaration(name, "variable", tuple(e.shape), True))
    return out


def _read_ahead(equations: dict[str, mx.Node]) -> set[str]:
    """What is read at a later step: a state that runs from T to 1."""
    return {v.name for e in equations.values() for v in mx.variables(e) if lag_of(v) < 0}


def _sorted(equations: dict[str, mx.Node]) -> list[str]:
    """The equations so that each reads what stands before it, or an earlier step."""
    done: list[str] = []
    todo = list(equations)
    while todo:
        for name in todo:
            now = {v.name for v in mx.variables(equations[name]) if v.times and v.time == mx.t}
            if not (now & set(todo)) - {name}:
                done.append(name)
                todo.remove(name)
                break
        else:
            raise IncompleteError("the forward equations read one another in a circle")
    return done
