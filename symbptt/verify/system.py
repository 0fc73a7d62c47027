"""From a document to the model it speaks about, and the author's names for its quantities."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import SymbpttError
from ..model import Declaration, Equation, Loss, Model
from . import surface as s
from .forward import LOSSES, Builder, IncompleteError, Size, System, is_matrix
from .matching import Matching
from .naming import Naming, Parts

OUTPUTS = ("y", "o", "ŷ", "yhat", "q", "z", "p", "s")


def is_forward(claim: s.Claim) -> bool:
    """A claim that can define a quantity of the forward pass: no gradient in it."""
    if claim.relation not in ("=", ":=", "←") or claim.right is None or claim.continued:
        return False
    items = claim.left.items if isinstance(claim.left, s.Listing) else (claim.left,)
    if not all(isinstance(s.bare(x), s.Symbol) for x in items):
        return False
    if not any(
        isinstance(n, s.Dots) or (isinstance(n, s.Index) and n.terms) for n in s.walk(claim.right)
    ):
        return False
    return not any(
        isinstance(n, s.Derivative | s.Shorthand | s.Big)
        or (isinstance(n, s.Symbol) and n.gradient_like)
        or (isinstance(n, s.Apply) and n.primes)
        for side in (claim.left, claim.right)
        for n in s.walk(side)
    )


def losses_of(trees: Iterable[s.Node], naming: Naming, defined: set[str]) -> frozenset[str]:
    """The letters whose derivatives are gradients."""
    found = set()
    for tree in trees:
        for n in s.walk(tree):
            if isinstance(n, s.Derivative) and n.of is not None:
                of = s.bare(n.of)
                if isinstance(of, s.Symbol) and of.letter in LOSSES and of.letter not in defined:
                    found.add(of.letter)
                if isinstance(of, s.Apply) and of.head.letter in LOSSES:
                    found.add(of.head.letter)
    return frozenset(found or {"L"})


def from_document(
    claims: Iterable[s.Claim],
    naming: Naming,
    shapes: dict[str, tuple[str, ...]] | None = None,
    variant: int = 0,
) -> System:
    """The model of the author's forward equations; a text may define one state twice, and
    `variant` 1 takes the second definitions. Raises IncompleteError where there are none."""
    claims = list(claims)
    trees = [x for c in claims for x in (c.left, c.right) if x is not None]
    b = Builder(naming, shapes)
    b.every = [n for tree in trees for n in s.walk(tree) if isinstance(n, s.Symbol)]
    forward = [c for c in claims if is_forward(c)]
    timed = {q.name for q in map(naming.parts, b.every) if q.time is not None}
    b.moving = timed & {
        naming.parts(x).name
        for c in forward
        for x in (c.left.items if isinstance(c.left, s.Listing) else (c.left,))
        if isinstance(x, s.Symbol)
    }
    forward = _accepted(claims, forward, naming, variant)
    b.accepted = [c.right for c in forward if c.right is not None]
    b.final = _final(forward, naming)
    for claim in forward:
        items = claim.left.items if isinstance(claim.left, s.Listing) else (claim.left,)
        for item in items:
            left = s.bare(item)
            assert isinstance(left, s.Symbol) and claim.right is not None
            if left.letter in LOSSES[:3] and not left.sub and not left.sup:
                continue
            try:
                b.define(left, claim.right, shared=len(items) > 1)
            except SymbpttError:
                continue
    if not b.defined:
        raise IncompleteError("the text states no forward equation")
    return Assembly(b, claims, trees).system()


def _lefts(c: s.Claim, naming: Naming) -> list[str]:
    items = c.left.items if isinstance(c.left, s.Listing) else (c.left,)
    return [naming.parts(x).name for x in map(s.bare, items) if isinstance(x, s.Symbol)]


def _accepted(
    claims: list[s.Claim], forward: list[s.Claim], naming: Naming, variant: int
) -> list[s.Claim]:
    """The definitions among the forward equations: those before the first gradient, and later
    ones of what they read. A second definition of one name belongs to the next variant."""
    first = next((n for n, c in enumerate(claims) if c not in forward and _is_gradient(c)), None)
    early = [c for c in forward if first is None or claims.index(c) < first]
    read = {naming.parts(x).name for c in early for x in s.symbols(c.right)}  # type: ignore[arg-type]
    later = [c for c in forward if c not in early and set(_lefts(c, naming)) & read]
    out: list[s.Claim] = []
    seen: dict[str, list[s.Node]] = {}
    for c in (*early, *later):
        for name in _lefts(c, naming):
            rights = seen.setdefault(name, [])
            if c.right not in rights:
                rights.append(c.right)  # type: ignore[arg-type]
    for c in (*early, *later):
        if any(
            c.right == seen[n][min(variant, len(seen[n]) - 1)] or len(seen[n]) == 1
            for n in _lefts(c, naming)
        ):
            out.append(c)
    if variant and all(len(x) < 2 for x in seen.values()):
        raise IncompleteError("there is no second definition")
    return out


def _is_gradient(c: s.Claim) -> bool:
    return any(
        isinstance(n, s.Derivative | s.Shorthand) or (isinstance(n, s.Symbol) and n.gradient_like)
        for side in (c.left, c.right)
        if side is not None
        for n in s.walk(side)
    )


def _final(forward: list[s.Claim], naming: Naming) -> str:
    """The output of a cell: what o ⊙ tanh(c) is called."""
    for c in reversed(forward):
        if isinstance(c.left, s.Symbol) and isinstance(c.right, s.Product):
            heads = [n.head.letter for n in s.walk(c.right) if isinstance(n, s.Apply)]
            if "tanh" in heads:
                return naming.parts(c.left).name
    return ""


class Assembly:
    """Drafts to a model: sizes named, roles found, readout and loss filled in."""

    def __init__(self, b: Builder, claims: list[s.Claim], trees: list[s.Node]):
        self.b, self.claims, self.trees, self.naming = b, claims, trees, b.naming
        self.filled = list(b.filled)
        self.label, self.onehot = "", False
        self.stated_loss = False
        self.logits = ""
        self.pre: dict[str, str] = {}
        self.output = ""

    def system(self) -> System:
        b = self.b
        self.losses = losses_of(self.trees, self.naming, set(b.defined))
        self._free_functions()
        self._readout()
        self._name_sizes()
        equations = {
            name: mx.shift(draft.make(), mx.t - time) for name, (draft, time) in b.defined.items()
        }
        equations = self._named_arguments(equations)
        loss = self._loss(equations)
        equations["l~"] = loss
        order = _sorted(equations)
        lagged = {
            v.name
            for e in equations.values()
            for v in mx.variables(e)
            if v.times and v.time != mx.t and v.name in equations
        }
        declarations = self._declarations(equations, lagged)
        over = self._over()
        step = mx.Var("l~", (), (mx.t,))
        made = Model(
            "the text's own",
            "the forward equations of the text",
            tuple(declarations),
            tuple(
                Equation("", mx.Var(n, equations[n].shape, (mx.t,)), equations[n]) for n in order
            ),
            Loss(over, step),
        )
        names = {n: n for n in (*b.sizes, *equations)}
        if self.label:
            names[self.label] = "target~"
        return System(
            made, names, frozenset(b.rows - b.columns), self.pre, self.label, self.onehot,
            self.output, self.logits, self.losses, b.stack, b.abstract, self.stated_loss,
            tuple(self.filled), tuple(b.accepted),
        )  # fmt: skip

    # -- what the author left out

    def _differentiated(self) -> dict[str, bool]:
        """Names of timed letters that stand above a ∂ by a state."""
        out: dict[str, bool] = {}
        for tree in self.trees:
            for n in s.walk(tree):
                if isinstance(n, s.Derivative) and n.of is not None:
                    of, by = s.bare(n.of), s.bare(n.by)
                    if isinstance(of, s.Symbol) and isinstance(by, s.Symbol):
                        q = self.naming.parts(of)
                        r = self.naming.parts(by)
                        if q.time is not None and r.time is not None:
                            out[q.name] = True
        return out

    def _free_functions(self) -> None:
        """z_t of h_t = (1 − z_t) ⊙ h_{t−1} + …, differentiated and never defined: any function."""
        b = self.b
        wanted = self._differentiated()
        read = [
            v
            for draft, _ in b.defined.values()
            for v in _reads(draft, b)
            if v not in b.defined and b.timed.get(v)
        ]
        states = [n for n in b.defined if any(n == m for m in b.sizes)]
        for name in dict.fromkeys(read):
            if wanted.get(name) and states:
                state = states[-1]
                sizes, mine = b.sizes[state], b.sizes[name]

                def make(name: str = name, state: str = state, sizes: Any = sizes) -> mx.Node:
                    before = mx.Var(state, tuple(d.symbol() for d in sizes), (mx.t - 1,))
                    rest = mx.Var("rest~", tuple(d.symbol() for d in sizes), (mx.t,))
                    shape = [d.symbol() for d in b.sizes[name]]
                    return mx.Call(f"F_{name}", [before, rest], shape)

                from .forward import Draft

                b.sizes.setdefault("rest~", sizes)
                b.timed["rest~"] = True
                b.inputs.setdefault("rest~")
                b.defined[name] = (Draft(mine, make, False), mx.t)
                b.order.append(name)
                self.filled.append(f"{name} is some function of {state}[t-1]")
            else:
                b.inputs.setdefault(name)
        for name in list(read):
            if name not in b.defined:
                b.inputs.setdefault(name)

    def _readout(self) -> None:
        """The last value computed from the state, and a linear readout where a weight names one."""
        b = self.b
        read = {v for draft, _ in b.defined.values() for v in _reads(draft, b)}
        loose = {n: _loosely(draft, b).make() for n, (draft, _) in b.defined.items()}
        arguments = {
            _terms(e.args[-1]) for e in loose.values() if isinstance(e, mx.Apply | mx.Softmax)
        }
        tops = [
            n
            for n in b.defined
            if n not in read and n != "stack~" and _terms(loose[n]) not in arguments
        ]
        lagged = {
            v.name
            for draft, time in b.defined.values()
            for v in mx.variables(_loosely(draft, b).make())
            if v.times and v.time != time
        }
        outs = [n for n in tops if n not in lagged]
        if outs:
            self.output = outs[-1]
            return
        weight = self._readout_weight()
        state = b.final or next((n for n in b.order[::-1] if n in lagged), b.order[-1])
        if weight is None:
            self.output = state
            return
        name, q = weight
        out = next((x for x in ("y", "o") if x in "".join(q.labels) and x not in b.defined), "o")
        if out in b.sizes:
            out += "~"
        size = Size()
        b.sizes[out], b.timed[out] = [size], True
        row = state in b.rows
        shape = [b.sizes[state][0], size] if row else [size, b.sizes[state][0]]
        b.sizes[name], b.timed[name] = shape, False
        b.params.setdefault(name)
        if row:
            b.rows.add(out)
        bias = next((n for n in ("b_y", "b_o", "c") if n in self._seen()), "")
        if bias and bias not in b.sizes:
            b.sizes[bias], b.timed[bias] = [size], False
            b.params.setdefault(bias)

        def make() -> mx.Node:
            h = mx.Var(state, tuple(d.symbol() for d in b.sizes[state]), (mx.t,))
            w = mx.Var(name, tuple(d.symbol() for d in shape))
            value = mx.matmul(h, w) if row else mx.matmul(w, h)
            if bias:
                value = mx.plus(value, mx.Var(bias, (size.symbol(),)))
            return value

        from .forward import Draft

        b.defined[out] = (Draft([size], make, row), mx.t)
        b.order.append(out)
        self.output = out
        order = f"{state} {name}" if row else f"{name} {state}"
        self.filled.append(f"the output {out} = {order}, read off the name of {name}")

    def _seen(self) -> set[str]:
        return {self.naming.parts(x).name for x in self.b.every}

    def _readout_weight(self) -> tuple[str, Parts] | None:
        for x in self.b.every:
            q = self.naming.parts(x)
            if q.name in self.b.sizes or not is_matrix(q) or q.components:
                continue
            label = "".join(q.labels)
            if label in ("hy", "yh", "ho", "oh", "qh", "hq", "y", "o") or q.name == "V":
                return q.name, q
        return None

    def _name_sizes(self) -> None:
        b = self.b
        taken: set[str] = {
            str(d.root().name) for ds in b.sizes.values() for d in ds if d.root().name
        }
        roots: list[Size] = []
        lagged = [n for n in b.order if n != "stack~"]
        for name in (*lagged, *b.sizes):
            for d in b.sizes[name]:
                if not any(d.root() is r for r in roots):
                    roots.append(d.root())
        letters = iter(["H", "D", "O", *(f"S{i}" for i in range(1, 40))])
        for r in roots:
            if r.name is None:
                letter = next(x for x in letters if x not in taken)
                r.name = mx.size(letter)

    def _named_arguments(self, equations: dict[str, mx.Node]) -> dict[str, mx.Node]:
        """h = tanh(W h + …) as a = W h + …, h = tanh(a), under the author's name for a if any."""
        by_terms = {_terms(e): n for n, e in equations.items()}
        out: dict[str, mx.Node] = {}
        for name, e in equations.items():
            inner = e.args[-1] if isinstance(e, mx.Apply | mx.Softmax) else None
            if isinstance(inner, mx.Var):
                self.pre[name] = inner.name
            if inner is None or isinstance(inner, mx.Var):
                out[name] = e
                continue
            pre = by_terms.get(_terms(inner), "")
            if not pre:
                pre = f"{name}~"
                out[pre] = inner
                if name in self.b.rows:
                    self.b.rows.add(pre)
            self.pre[name] = pre
            out[name] = e.func(*e.args[:-1], mx.Var(pre, inner.shape, (mx.t,)))
        return out

    # -- the loss

    def _loss(self, equations: dict[str, mx.Node]) -> mx.Node:
        out = self.output
        e = equations[out]
        probability = isinstance(e, mx.Softmax)
        if not probability and "p" in self._letters() and "p" not in equations:
            self.filled.append(f"p = softmax({out}), with cross-entropy")
            equations["p"] = e = mx.Softmax(mx.Var(out, e.shape, (mx.t,)))
            self.b.sizes["p"] = self.b.sizes[out]
            self.pre["p"], self.output = out, "p"
            if out in self.b.rows:
                self.b.rows.add("p")
            probability = True
        self.label = self._label(probability)
        if probability:
            self.logits = e.args[0].name
            self.onehot = True
            self.stated_loss = True
            chance = mx.Var(self.output, e.shape, (mx.t,))
            target = mx.Var("target~", e.shape[:-1], (mx.t,))
            hot = mx.onehot(target, e.shape[-1])
            return mx.times(-1, mx.sum_axes(mx.times(hot, mx.Apply(mx.builtin("log"), chance))))
        self.logits = self.pre.get(out, "") or out
        head = self._loss_head()
        target = mx.Var("target~", e.shape, (mx.t,))
        return mx.Call(head, [mx.Var(out, e.shape, (mx.t,)), target], ())

    def _loss_head(self) -> str:
        for tree in self.trees:
            for n in s.walk(tree):
                if isinstance(n, s.Apply) and n.head.letter in LOSSES and len(n.arguments) == 2:
                    return n.head.letter
        return "ℓ"

    def _letters(self) -> set[str]:
        return {x.letter for x in self.b.every if not x.marks}

    def _label(self, probability: bool) -> str:
        seen = self._seen()
        known = set(self.b.defined) | set(self.b.inputs)
        options = ["yhat", "y", "target", "label"]
        for name in options:
            if name in seen and name not in known and name not in self.b.params:
                return name
        return "y" if "y" not in known else "yhat"

    def _over(self) -> str:
        """Sum or mean over time as stated; the last step where the output has no time."""
        for c in self.claims:
            left = s.bare(c.left)
            if not (isinstance(left, s.Symbol) and left.letter in self.losses and c.right):
                continue
            if any(isinstance(n, s.Big) for n in s.walk(c.right)):
                for n in s.walk(c.right):
                    if isinstance(n, s.Quotient) and isinstance(s.bare(n.below), s.Symbol):
                        below = s.bare(n.below)
                        assert isinstance(below, s.Symbol)
                        if below.letter == self.naming.horizon:
                            return "mean"
                return "sum"
        out = next(iter([self.output]))
        for tree in self.trees:
            for n in s.walk(tree):
                if isinstance(n, s.Derivative) and n.of is not None:
                    by = s.bare(n.by)
                    of = s.bare(n.of)
                    if (
                        isinstance(by, s.Symbol)
                        and isinstance(of, s.Symbol)
                        and of.letter in self.losses
                        and self.naming.parts(by).name in (out, self.logits)
                        and self.naming.parts(by).time is None
                        and self._times_written()
                    ):
                        return "last"
        return "sum"

    def _times_written(self) -> bool:
        """Whether other quantities carry their times, so that one without means the last."""
        return self.naming.horizon != "T" or any(
            self.naming.parts(x).time == mx.T for x in self.b.every
        )

    def _declarations(self, equations: dict[str, mx.Node], lagged: set[str]) -> list[Declaration]:
        b = self.b
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
        out += [Declaration(n, "size") for n in sizes]
        classes = None
        if self.onehot:
            classes = equations[self.output].shape[-1]
        for name, v in used.items():
            if name == "target~":
                out.append(Declaration(name, "target", tuple(v.shape), True, classes))
            elif name in equations:
                role = "state" if name in lagged else "variable"
                out.append(Declaration(name, role, tuple(v.shape), True))
            elif name in b.hyper:
                out.append(Declaration(name, "hyper", tuple(v.shape)))
            elif v.times:
                out.append(Declaration(name, "input", tuple(v.shape), True))
            else:
                out.append(Declaration(name, "param", tuple(v.shape)))
        for name, e in equations.items():
            if name not in used:
                out.append(Declaration(name, "variable", tuple(e.shape), True))
        return out


def _reads(draft: Any, b: Builder) -> list[str]:
    """The names a draft reads, before its sizes are known."""
    return [v.name for v in mx.variables(_loosely(draft, b).make())]


def _loosely(draft: Any, b: Builder) -> Any:
    every = [*b.sizes.values(), *(d.sizes for d, _ in b.defined.values())]
    seen: list[Size] = []
    for ds in every:
        for d in (x.root() for x in ds):
            if d.name is None:
                d.name = mx.size(f"hole{len(seen)}")
                seen.append(d)
    try:
        made = draft.make()
    finally:
        for d in seen:
            d.name = None
    return _Made(made)


class _Made:
    def __init__(self, node: mx.Node):
        self.node = node

    def make(self) -> mx.Node:
        return self.node


def _terms(e: mx.Node) -> Any:
    return frozenset(e.args) if isinstance(e, mx.Plus) else e


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


def from_model(model: Model, matching: Matching | None = None) -> System:
    """A given model under the author's names for its quantities.

    Its values are named once more where a function is applied to an expression.
    """
    target = model.targets[0] if len(model.targets) == 1 else None
    model = _with_target(model, target.name) if target else model
    equations: list[Equation] = []
    declarations = list(model.declarations)
    pre: dict[str, str] = {}
    for e in model.equations:
        rhs = e.rhs
        inner = rhs.args[-1] if isinstance(rhs, mx.Apply | mx.Softmax) else None
        if isinstance(inner, mx.Var) and inner.name in model.defined:
            pre[e.lhs.name] = inner.name
        elif inner is not None and not isinstance(inner, mx.Var):
            name = f"{e.lhs.name}~"
            var = mx.Var(name, inner.shape, (mx.t,))
            equations.append(Equation("", var, inner))
            declarations.append(Declaration(name, "variable", tuple(inner.shape), True))
            rhs = rhs.func(*rhs.args[:-1], var)
            pre[e.lhs.name] = name
        equations.append(replace(e, rhs=rhs))
    made = replace(model, declarations=tuple(declarations), equations=tuple(equations))
    found = matching.names if matching else {}
    names = {d.name: d.name for d in declarations} | ({target.name: "target~"} if target else {})
    taken = set(found.values())
    names = {n: m for n, m in names.items() if n in found or n not in taken}
    names |= {n: "target~" if target and m == target.name else m for n, m in found.items()}
    label = next((n for n, m in names.items() if m == "target~"), "")
    loss = model.defined[model.loss.step.name].rhs
    logits = next((v.name for v in mx.variables(loss) if v.name in made.defined), "")
    output = next((n for n, q in pre.items() if q == logits), logits)
    other = tuple(str(m) for m in matching.matches if m.name != m.model) if matching else ()
    return System(
        made, names, frozenset(), pre, label,
        bool(target and target.classes is not None), output, logits,
        frozenset({"L", model.loss.step.name}), None, made.is_uninterpreted, filled=other,
    )  # fmt: skip


def _with_target(model: Model, name: str) -> Model:
    """The model with its target called what a text's own target is called here."""

    def moved(e: Any) -> Any:
        mine = (v for v in mx.variables(e) if v.name == name)
        return e.xreplace({v: mx.Var("target~", v.shape, v.times) for v in mine})

    return replace(
        model,
        declarations=tuple(
            replace(d, name="target~") if d.name == name else d for d in model.declarations
        ),
        equations=tuple(replace(e, rhs=moved(e.rhs)) for e in model.equations),
    )
