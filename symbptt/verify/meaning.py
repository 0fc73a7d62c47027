"""What a formula says under a reading: a surface tree to a tensor, in numbers or in letters.

A reading settles what the text leaves open: which loss a gradient is of, whether a ∂ is total or
immediate, on which side a Jacobian has its rows, how ⊙ and the matrix product bind.

    δ_{t+1} ∂h_{t+1}/∂h_t      a row times a Jacobian in numerator layout, if δ is a row
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import SymbpttError
from ..matrix.functions import Z
from . import surface as s
from . import tensor as tn
from .forward import FUNCTIONS, System
from .naming import Naming, Parts
from .tensor import MisfitError, Tensor, tensor
from .world import DIRECT, FUTURE, IMMEDIATE, TOTAL

NUMERATOR, DENOMINATOR = "numerator", "denominator"
NEXT = mx.time_symbol("next")


class UnknownError(SymbpttError):
    """A symbol that means nothing in this system; `symbol` is its name."""

    def __init__(self, name: str, message: str = ""):
        super().__init__(message or f"{name} is not a quantity of the model")
        self.name = name


@dataclass(frozen=True)
class Gradient:
    """What δ_t or dh_t stands for: the derivative of a loss by `of` at its time.

    scope: "L" all of it, "step" the loss of the line's step, "own" the part through this step's
    loss alone, "future" through later steps alone, "copy" the share of one step in a parameter's.
    `lag` shifts its time, `factor` scales it.
    """

    of: str
    scope: str = "L"
    lag: int = 0
    factor: Any = 1

    def show(self) -> str:
        words = {
            "L": "∂L/∂{}",
            "step": "∂L_t/∂{} of this step's loss",
            "own": "the part of ∂L/∂{} through its own step's loss",
            "future": "the part of ∂L/∂{} that comes from later steps",
            "copy": "one step's share of ∂L/∂{}",
            "now": "the part of ∂L/∂{} that comes through its own step",
        }[self.scope].format(self.of)  # fmt: skip
        return words if self.factor == 1 else f"{self.factor} · {words}"


@dataclass(frozen=True)
class Choice:
    """One way to read one line."""

    row: bool = False  # gradients of vectors are rows
    layout: str = NUMERATOR
    kinds: Mapping[str, str] = field(default_factory=dict)
    gradients: Mapping[str, Gradient] = field(default_factory=dict)
    scope: str = "L"
    binding: str = "strict"
    order: str = "written"  # of a ∏ whose bounds do not say: "written" or "reversed"
    lenient: frozenset[str] = frozenset()
    spread: bool = False  # Σ covers what follows a + or − too
    aliases: Mapping[str, Any] = field(default_factory=dict)
    turned: frozenset[str] = frozenset()
    names: Mapping[str, str] = field(default_factory=dict)  # the line's own names of quantities


class Meaning:
    """Formulas of one document, in one system, under one choice."""

    def __init__(self, system: System, naming: Naming, alg: Any, choice: Choice):
        self.system, self.naming, self.alg, self.choice = system, naming, alg, choice
        self.model = system.model
        self.components: dict[str, Any] = {}
        self.used: set[str] = set()  # what the choice was needed for
        self.depth = 0
        self.numbers = isinstance(alg, tn.Numbers)

    # -- entry

    def of(self, node: s.Node) -> Tensor:
        method = getattr(self, "_" + type(node).__name__.lower(), None)
        if method is None:
            raise SymbpttError(f"a {type(node).__name__} is not understood here")
        out: Tensor = method(node)
        return out

    # -- atoms

    def _number(self, node: s.Number) -> Tensor:
        return self.alg.number(sympy.Rational(node.text))

    def _group(self, node: s.Group) -> Tensor:
        return self.of(node.of)

    def _underbrace(self, node: s.Underbrace) -> Tensor:
        return self.of(node.of)

    def _symbol(self, node: s.Symbol) -> Tensor:
        return self.named(self.naming.parts(node), node)

    def named(self, q: Parts, node: s.Symbol | None = None) -> Tensor:
        if (q.name in self.choice.aliases and q.time is None) or (
            q.name,
            q.time,
        ) in self.choice.aliases:
            return self._alias(q)
        if q.name in self.choice.aliases and q.name not in self.choice.names:
            return self._alias(q)
        if q.name in self.choice.gradients:
            return self._gradient(q.name, q)
        if q.letter == self.naming.horizon and not q.labels and q.time is None:
            return self.alg.number(mx.T)
        if q.letter == "I" and q.labels and q.labels[0] in self.model.sizes:
            n = self.alg.size(mx.size(q.labels[0]))  # the identity I_H
            return tensor(self.alg.eye(n), (n, n), 1)
        if q.letter in self.system.losses and not q.labels:
            raise UnknownError(q.name, "a loss stands as a number")
        name = self.quantity(q)
        return self.value(name, self.time_of(name, q), q)

    def _alias(self, q: Parts) -> Tensor:
        body = self.choice.aliases[q.name]
        at, node = body
        inner = node if at is None or q.time is None else _moved(node, at, q.time, self.naming)
        self.depth += 1
        if self.depth > 12:
            raise UnknownError(q.name, f"{q.name} is defined by itself")
        try:
            return self.of(inner)
        finally:
            self.depth -= 1

    def quantity(self, q: Parts) -> str:
        """The model's name of a symbol."""
        names = self.system.names
        if q.name in self.choice.names:
            return self.choice.names[q.name]
        if q.name in names:
            return names[q.name]
        found = self.guess(q)
        if found is None:
            raise UnknownError(q.name)
        return found

    def guess(self, q: Parts) -> str | None:
        """A symbol matched by its role, where no name fits."""
        names, pre = self.system.names, self.system.pre
        label = "".join(q.labels)
        lower = {n.lower(): n for n in names}
        timed = [n for n in names if n in self.model.defined]
        if q.name.lower() in lower and self._alike(lower[q.name.lower()], q):
            return names[lower[q.name.lower()]]
        if len(q.components) == 2 and q.letter.upper() in names:
            return names[q.letter.upper()]  # w_ij of W
        if q.letter in ("a", "z", "s", "u", "v", "n") and not q.marks:
            for out, inner in pre.items():  # z_o of o, z of the state
                if label and (out == label or out.endswith("_" + label)):
                    return inner
            if not label and not self._is_logits_name(q):
                states = [d.name for d in self.model.states if d.name in pre]
                if len(states) == 1:
                    return pre[states[0]]
                if len(pre) == 1:
                    return next(iter(pre.values()))
        if q.marks in (("hat",), ("tilde",)):
            plain = replace(q, marks=()).name
            if plain in pre and q.marks == ("hat",):
                return pre[plain]
            if q.marks == ("tilde",) and "g" in timed:
                return "g"
        if q.letter == "g" and not q.marks and "ctilde" in timed:
            return "ctilde"
        if q.letter in ("p", "y") and self.system.onehot and q.marks in ((), ("hat",)):
            if self.system.label != q.name:
                return self.system.output
        if q.letter in ("o", "z") and self.system.onehot and self.system.logits and not label:
            return self.system.logits
        if label:  # c_f of a cell whose indices the author drops
            bare = q.letter + "".join(q.marks)
            if bare in names and bare in timed:
                return None
        return None

    def _alike(self, name: str, q: Parts) -> bool:
        timed = name in self.model.defined or any(
            d.name == name and d.timed for d in self.model.declarations
        )
        return timed or q.time is None

    def _is_logits_name(self, q: Parts) -> bool:
        return False

    def time_of(self, name: str, q: Parts) -> Any:
        """The time of a quantity: its own, t where none is written, T for a last output."""
        d = self._declaration(name)
        if d is None or not d.timed:
            return None
        if q.time is None:
            if self.model.loss.over == "last" and name in (
                self.system.output, self.system.logits, "target~",
            ):  # fmt: skip
                return mx.T
            return mx.t
        return sympy.sympify(q.time).xreplace({NEXT: mx.t})

    def _declaration(self, name: str) -> Any:
        return self.model.table.get(name)

    def value(self, name: str, time: Any, q: Parts | None = None) -> Tensor:
        d = self._declaration(name)
        if d is None:
            raise UnknownError(name)
        shape = tuple(self.alg.size(n) for n in d.shape)
        if d.classes is not None:
            data = self.alg.onehot(name, time, d.classes)
            shape = (*shape, self.alg.size(d.classes))
        else:
            data = self.alg.var(name, time)
        out = tensor(data, shape, self.left(name, len(shape)))
        return self.entries(out, q.components) if q is not None and q.components else out

    def left(self, name: str, rank: int) -> int:
        if rank == 1:
            return 0 if self.is_row(name) else 1
        return min(rank, 1)

    def is_row(self, name: str) -> bool:
        rows = self.system.rows
        if name in rows:
            return True
        d = self._declaration(name)
        if d is not None and not d.timed and len(d.shape) == 1:
            return bool(rows) or any(len(x.shape) == 2 for x in self.model.states)
        if name.endswith("~") or name == "target~":
            return bool(rows)
        return False

    def entries(self, x: Tensor, components: tuple[str, ...]) -> Tensor:
        """x[i, j] for named indices; what they range over is noted for the quantifier."""
        if len(components) != x.rank:
            raise MisfitError(f"{len(components)} indices on an array of shape {x.show_shape()}")
        for c, n in zip(components, x.shape, strict=True):
            if self.components.setdefault(c, n) != n:
                raise MisfitError(f"the index {c} runs over {self.components[c]} and {n} entries")
        return self.pick(x, components)

    def pick(self, x: Tensor, components: tuple[str, ...]) -> Tensor:
        if self.numbers:
            at = tuple(int(self.alg.free.get(c, 0)) for c in components)
            return tensor(x.data[at], (), 0)
        from ..indices.poly import Ix

        slots = tuple(Ix("f", f"#{c}", str(n)) for c, n in zip(components, x.shape, strict=True))
        return tensor(lambda _, bound: x.data(slots, bound), (), 0)

    # -- gradients

    def _shorthand(self, node: s.Shorthand) -> Tensor:
        q = self.naming.parts(node.of)
        key = shorthand_key(node, q)
        if key in self.choice.gradients:
            return self._gradient(key, q)
        if key in self.choice.aliases:
            at, body = self.choice.aliases[key]
            moved = body if at is None or q.time is None else _moved(body, at, q.time, self.naming)
            return self.of(moved)
        raise UnknownError(key)

    def _gradient(self, key: str, q: Parts) -> Tensor:
        g = self.choice.gradients[key]
        time = q.time
        d = self._declaration(g.of)
        if d is None:
            raise UnknownError(g.of)
        copy = None
        if not d.timed:
            copy = time if time is not None else (mx.t if g.scope == "copy" else None)
            if copy is not None:
                copy = sympy.sympify(copy).xreplace({NEXT: mx.t})
            by: Any = (g.of, None)
        else:
            at = self.time_of(g.of, q)
            by = (g.of, at + g.lag)
        out = self.gradient(by, g.scope, copy, q.second)
        if g.factor != 1:
            out = tn.scale(self.alg, self.alg.number(g.factor), out)
        if key in self.choice.turned and out.rank == 1:
            out = tn.transpose(self.alg, out)
        if q.components:
            return self.entries(out, q.components)
        return out

    def gradient(self, by: Any, scope: str, copy: Any = None, loss: Any = None) -> Tensor:
        """dL/dv with the shape of v."""
        time = by[1]
        kind, of = TOTAL, ("L", None)
        if loss is not None:
            of = (self.model.loss.step.name, loss)
        elif scope == "step":
            of = (self.model.loss.step.name, mx.t)
            if self.numbers and time is not None and self.alg.at(time) > self.alg.at(mx.t):
                raise tn.OutOfRangeError("the loss of a step does not depend on later ones")
        elif scope == "now":
            whole = self.laid(of, by, TOTAL, copy)
            later = self.laid(of, by, FUTURE, copy)
            return tn.add(self.alg, whole, later, -1)
        elif scope == "own":
            kind = IMMEDIATE
        elif scope == "future":
            kind = FUTURE
        return self.laid(of, by, kind, copy)

    def laid(self, of: Any, by: Any, kind: str, copy: Any) -> Tensor:
        """The derivative with its axes laid out as the reading says."""
        data = self.alg.derivative(of, by, kind, copy)
        u, v = self.shape(of[0]), self.shape(by[0])
        if not u:
            if len(v) == 1:
                row = self.choice.row != self.is_row(by[0])
                return tensor(data, v, 0 if row else 1, True)
            return tensor(data, v, self.left(by[0], len(v)), True)
        out = tensor(data, u + v, len(u))
        return tn.transpose(self.alg, out) if self.choice.layout == DENOMINATOR else out

    def shape(self, name: str) -> tuple[Any, ...]:
        if name == "L":
            return ()
        d = self._declaration(name)
        if d is None:
            raise UnknownError(name)
        return tuple(self.alg.size(n) for n in d.shape)

    def _derivative(self, node: s.Derivative) -> Tensor:
        if node.of is None:
            raise UnknownError("∂", "a derivative of nothing")
        of, of_parts, direct = self.target(node.of)
        by_node = s.bare(node.by)
        if isinstance(by_node, s.Transpose | s.Power):
            by_node = s.bare(by_node.base)
        if not isinstance(by_node, s.Symbol):
            raise UnknownError("∂", "a derivative by an expression")
        q = self.naming.parts(by_node)
        name = self.quantity(q)
        d = self._declaration(name)
        copy = None
        if d.timed:
            by: Any = (name, self.time_of(name, q))
        else:
            by, copy = (name, None), q.time
        kind = TOTAL
        if node.kind == "∂+":
            kind = IMMEDIATE
        elif direct:
            kind = DIRECT
        else:
            kind = self.choice.kinds.get(atom_key(node, self.naming), TOTAL)
        nabla = node.kind == "∇"
        scope_kind, of = self._scoped(of, by, kind)
        out = self._laid_as(of, by, scope_kind, copy, nabla)
        if of_parts is not None and of_parts.components:
            out = self._component(of, by, scope_kind, copy, of_parts, q)
        elif q.components:
            if of[0] != "L" and self.shape(of[0]):
                raise MisfitError("an index on one half of a Jacobian")
            out = self.entries(out, q.components)
        for factor, up in ((node.above, True), (node.below, False)):
            if factor is not None:
                x = self.of(factor)
                if not up:
                    x = tensor(self.alg.power(x.data, -1), (), 0)
                out = tn.scale(self.alg, x, out)
        return out

    def _laid_as(self, of: Any, by: Any, kind: str, copy: Any, nabla: bool) -> Tensor:
        if not nabla:
            return self.laid(of, by, kind, copy)
        saved = self.choice
        self.choice = replace(saved, row=False)
        try:
            return self.laid(of, by, kind, copy)
        finally:
            self.choice = saved

    def _component(self, of: Any, by: Any, kind: str, copy: Any, q: Parts, r: Parts) -> Tensor:
        """∂h_i/∂W or ∂h_i/∂h_j: rows of a Jacobian."""
        u, v = self.shape(of[0]), self.shape(by[0])
        data = self.alg.derivative(of, by, kind, copy)
        x = tensor(data, u + v, len(u))
        if r.components:
            return self.entries(x, q.components + r.components)
        for c, n in zip(q.components, u, strict=True):
            self.components.setdefault(c, n)
        if self.numbers:
            at = tuple(int(self.alg.free.get(c, 0)) for c in q.components)
            return tensor(x.data[at], v, self.left(by[0], len(v)), True)
        from ..indices.poly import Ix

        first = tuple(Ix("f", f"#{c}", str(n)) for c, n in zip(q.components, u, strict=True))
        return tensor(
            lambda slots, bound: x.data((*first, *slots), bound), v, self.left(by[0], len(v)), True
        )

    def _scoped(self, of: Any, by: Any, kind: str) -> tuple[str, Any]:
        return kind, of

    def target(self, node: s.Node) -> tuple[Any, Parts | None, bool]:
        """What is differentiated: ((name, time), its parts, whether by its own equation only)."""
        node = s.bare(node)
        if isinstance(node, s.Symbol):
            q = self.naming.parts(node)
            if q.letter in self.system.losses and q.name not in self.system.names:
                if q.time is None and q.labels and q.labels[0].isdigit():
                    at = sympy.Integer(q.labels[0])  # E_3
                    return (self.model.loss.step.name, at), None, False
                if q.time is None and "i" not in q.labels:
                    return ("L", None), None, False
                return (self.model.loss.step.name, q.time), None, False
            name = self.quantity(q)
            return (name, self.time_of(name, q)), q, False
        if isinstance(node, s.Apply):
            return self._called(node)
        raise UnknownError("∂", "a derivative of an expression")

    def _called(self, node: s.Apply) -> tuple[Any, Parts | None, bool]:
        """f(x_t, h_{t-1}, w): the quantity that f computes, at the step its arguments name."""
        head = node.head.letter
        if head in self.system.losses or self._is_loss_call(head):
            for a in node.arguments:
                inner = s.bare(a)
                if isinstance(inner, s.Symbol):
                    q = self.naming.parts(inner)
                    name = self.quantity(q)
                    if self._declaration(name).timed:
                        return (self.model.loss.step.name, self.time_of(name, q)), None, False
        for e in self.model.equations:
            if isinstance(e.rhs, mx.Call) and e.rhs.name == head:
                for a, formal in zip(node.arguments, e.rhs.args[1], strict=False):
                    inner = s.bare(a)
                    if isinstance(inner, s.Symbol) and isinstance(formal, mx.Var) and formal.times:
                        q = self.naming.parts(inner)
                        if q.time is not None:
                            at = q.time - formal.time + mx.t
                            return (e.lhs.name, at), None, True
                return (e.lhs.name, mx.t), None, True
        raise UnknownError(head)

    def _is_loss_call(self, head: str) -> bool:
        rhs = self.model.defined[self.model.loss.step.name].rhs
        return any(c.name == head for c in rhs.atoms(mx.Call))

    # -- operations

    def _sum(self, node: s.Sum) -> Tensor:
        if self.choice.spread:
            first = s.bare(node.terms[0])
            if isinstance(first, s.Big) and len(node.terms) > 1 and node.signs[0] == "+":
                body = s.Sum((first.body, *node.terms[1:]), ("+", *node.signs[1:]))
                return self.of(replace(first, body=body))
        out: Tensor | None = None
        for sign, term in zip(node.signs, node.terms, strict=True):
            if isinstance(s.bare(term), s.Dots):
                raise UnknownError("…", "an omitted term")
            x = self.of(term)
            if sign == "±":
                raise UnknownError("±")
            if out is None:
                out = x if sign == "+" else tn.scale(self.alg, self.alg.number(-1), x)
            else:
                out = self._plus(out, x, -1 if sign == "-" else 1)
        assert out is not None
        return out

    def _plus(self, a: Tensor, b: Tensor, sign: int) -> Tensor:
        if a.shape != b.shape and {a.rank, b.rank} == {1, 2} and "diag" in self.choice.lenient:
            wide, thin = (a, b) if a.rank == 2 else (b, a)
            if wide.shape == thin.shape * 2:
                self.used.add("diag")
                thin = tn.diag(self.alg, thin)
                a, b = (wide, thin) if a is wide else (thin, wide)
        if a.shape != b.shape and "tensor" in self.choice.lenient and {a.rank, b.rank} == {1, 3}:
            wide, thin = (a, b) if a.rank == 3 else (b, a)
            lifted = self._lifted(thin, wide)
            self.used.add("tensor")
            a, b = (wide, lifted) if a is wide else (lifted, wide)
        return tn.add(self.alg, a, b, sign)

    def _lifted(self, v: Tensor, like: Tensor) -> Tensor:
        """A bare vector v as the third-order tensor δ_ik v_l of ∂(W v)/∂W."""
        if like.left == 1:
            n, m = like.shape[0], like.shape[2]
            spec = "ik,l->ikl"
        else:
            n, m = like.shape[2], like.shape[1]
            spec = "ki,l->kli"
        if v.shape != (m,):
            raise MisfitError("the vector does not fit the parameter")
        eye = tensor(self.alg.eye(n), (n, n), 1)
        return tensor(self.alg.combine(spec, eye.data, v.data), like.shape, like.left)

    def _product(self, node: s.Product) -> Tensor:
        signs = list(node.signs)
        items: list[Any] = []
        signs_kept: list[str] = []
        for n, factor in enumerate(node.factors):
            if isinstance(s.bare(factor), s.Dots):
                return self._telescope(node, n)
            items.append(factor)
            if n:
                signs_kept.append(signs[n - 1])
        values = [self.of(x) for x in items]
        self._pair = len(values) == 2
        self._diagonals = {id(v) for v, x in zip(values, items, strict=True) if _is_diag(x)}
        return self.bound_product(values, signs_kept, items)

    def bound_product(self, values: list[Tensor], signs: list[str], nodes: list[Any]) -> Tensor:
        """The product under the reading's binding; where only one grouping fits, that one."""
        how = self.choice.binding
        plans = [how] if how != "strict" else ["strict", "left", "hadamard", "right"]
        error: MisfitError | None = None
        for plan in plans:
            try:
                return self._grouped(values, signs, plan)
            except MisfitError as e:
                error = error or e
        assert error is not None
        raise error

    def _grouped(self, values: list[Tensor], signs: list[str], plan: str) -> Tensor:
        values, signs = list(values), list(signs)
        if "commute" in self.choice.lenient:
            values, signs = self._commuted(values, signs)
        if plan == "strict":
            values, signs = self._fold(values, signs, lambda g: g != "⊙")
            values, signs = self._fold(values, signs, lambda g: True)
        elif plan == "hadamard":
            values, signs = self._fold(values, signs, lambda g: g == "⊙")
            values, signs = self._fold(values, signs, lambda g: True)
        elif plan == "left":
            values, signs = self._fold(values, signs, lambda g: True)
        else:
            while len(values) > 1:
                b, a = values.pop(), values.pop()
                values.append(self.times(a, b, signs.pop()))
        return values[0]

    def _fold(self, values: list[Tensor], signs: list[str], now: Any) -> Any:
        out, kept = [values[0]], []
        for sign, x in zip(signs, values[1:], strict=True):
            if now(sign):
                out[-1] = self.times(out[-1], x, sign)
            else:
                out.append(x)
                kept.append(sign)
        return out, kept

    def _commuted(self, values: list[Tensor], signs: list[str]) -> Any:
        """A trailing diag(s), or slope s, written behind the vector it scales."""
        out, kept = [values[0]], []
        for sign, x in zip(signs, values[1:], strict=True):
            before = out[-1]
            if id(x) in self._diagonals and before.rank == 1 and x.shape == before.shape * 2:
                self.used.add("commute")
                out[-1] = tn.chained(self.alg, x, before)
            else:
                out.append(x)
                kept.append(sign)
        return out, kept

    def times(self, a: Tensor, b: Tensor, sign: str) -> Tensor:
        alg, lenient = self.alg, self.choice.lenient
        if not (a.rank and b.rank):
            return tn.scale(alg, a, b)
        if sign == "⊗":
            return tn.outer(alg, a, b)
        if sign == "⊙":
            if {a.rank, b.rank} == {1, 2} and "rows" in lenient:
                return self._row_scaled(a, b)
            if a.rank == b.rank == 1 and a.left != b.left and a.shape == b.shape:
                raise MisfitError(
                    f"cannot multiply {a.show_shape()} and {b.show_shape()} elementwise"
                )
            return tn.hadamard(alg, a, b)
        vector, wide = (a, b) if a.rank == 1 else (b, a)
        if "tensor" in lenient and b.rank == 1 and a.rank <= 2 and self._wanted_tensor is not None:
            return self._as_tensor(a, b)
        if "rows" in lenient and vector.rank == 1 and wide.rank == 2 and not vector.loose:
            if "columns" not in lenient or vector is b:
                return self._row_scaled(a, b)
        fits = a.shape != b.shape or self._pair
        if "outer" in lenient and a.rank == b.rank == 1 and a.left == b.left and fits:
            self.used.add("outer")
            return tn.outer(alg, a, b)
        try:
            return tn.chained(alg, a, b)
        except MisfitError:
            if a.shape == b.shape and a.left == b.left:
                return tn.hadamard(alg, a, b)
            raise

    _diagonals: set[int] = set()  # noqa: RUF012 - set anew for every product
    _pair = False  # a product of two factors alone
    _wanted_tensor: Any = None  # the shape a ∂h/∂W should have

    def _as_tensor(self, a: Tensor, v: Tensor) -> Tensor:
        """A v as the tensor A_ik v_l: ∂h_i/∂W_kl = A_ik v_l."""
        like = self._wanted_tensor
        self.used.add("tensor")
        if a.rank == 1:
            a = tn.diag(self.alg, a)
        lifted = self._lifted(v, like)
        if like.left == 1:
            return tn.chained(self.alg, a, lifted)
        spec = "ab,bcd->acd"
        return tensor(self.alg.combine(spec, a.data, lifted.data), lifted.shape, lifted.left)

    def _row_scaled(self, a: Tensor, b: Tensor) -> Tensor:
        """A vector beside a matrix scales its rows (its columns, for a row vector)."""
        vector, wide = (a, b) if a.rank == 1 else (b, a)
        if wide.rank != 2 or vector.rank != 1:
            raise MisfitError(f"cannot multiply {a.show_shape()} and {b.show_shape()} elementwise")
        axis = 0 if vector.left else 1
        if "columns" in self.choice.lenient:
            axis = 1 - axis
        if wide.shape[axis] != vector.shape[0]:
            raise MisfitError(f"cannot scale {wide.show_shape()} by {vector.show_shape()}")
        self.used.add("rows")
        spec = "a,ab->ab" if axis == 0 else "b,ab->ab"
        return tensor(
            self.alg.combine(spec, vector.data, wide.data), wide.shape, wide.left, wide.loose
        )

    def _telescope(self, node: s.Product, n: int) -> Tensor:
        """A_T A_{T−1} ⋯ A_{t+1}: the factor before the dots runs to the one behind them."""
        if n < 1 or n + 1 >= len(node.factors):
            raise UnknownError("⋯", "dots at an end")
        first, last = node.factors[n - 1], node.factors[n + 1]
        where = _travel(first, last, self.naming)
        if where is None:
            raise UnknownError("⋯", "what the dots stand for is not clear")
        body, k, start, end, down = where
        lo, hi = (end, start) if down else (start, end)
        saved = self.choice
        big = self.alg.prod(k, lo, hi, lambda: self.of(body), down)
        self.choice = saved
        values = [self.of(x) for x in node.factors[: n - 1]] + [big]
        values += [self.of(x) for x in node.factors[n + 2 :]]
        signs = [*node.signs[: n - 1], *node.signs[n + 1 :]]
        return self.bound_product(values, signs[: len(values) - 1], [])

    def _quotient(self, node: s.Quotient) -> Tensor:
        above, below = s.bare(node.above), s.bare(node.below)
        if (
            "fraction" in self.choice.lenient
            and isinstance(above, s.Symbol)
            and isinstance(below, s.Symbol)
        ):
            self.used.add("fraction")
            return self._derivative(s.Derivative("∂", above, below))
        a, b = self.of(node.above), self.of(node.below)
        if b.rank:
            raise MisfitError(f"a division by {b.show_shape()}")
        inverse = tensor(self.alg.power(b.data, -1), (), 0)
        return tn.scale(self.alg, inverse, a)

    def _transpose(self, node: s.Transpose) -> Tensor:
        return tn.transpose(self.alg, self.of(node.base))

    def _power(self, node: s.Power) -> Tensor:
        exponent = s.bare(node.exponent)
        if isinstance(exponent, s.Symbol) and (
            "transpose" in node.may_be or exponent.letter == "T"
        ):
            base = self.of(node.base)
            if base.rank:
                return tn.transpose(self.alg, base)
        if isinstance(exponent, s.Number):
            base = self.of(node.base)
            if base.rank == 2 and base.shape[0] == base.shape[1] and node.style != "function":
                return tensor(
                    self.alg.matpow(base.data, sympy.Integer(exponent.text)), base.shape, 1
                )
            value = sympy.Rational(exponent.text)
            return tensor(self.alg.power(base.data, value), base.shape, base.left)
        base = self.of(node.base)
        n = self.time_value(exponent)
        if base.rank == 2:
            if base.shape[0] != base.shape[1]:
                raise MisfitError("a power of a matrix that is not square")
            return tensor(self.alg.matpow(base.data, n), base.shape, base.left)
        if base.rank == 0 and self.numbers:
            return tensor(base.data ** int(self.alg.at(n)), (), 0)
        raise UnknownError("^", "an exponent that is no number")

    def time_value(self, node: s.Node) -> Any:
        """An expression of times as SymPy: T − i, t + 1."""
        node = s.bare(node)
        if isinstance(node, s.Number):
            return sympy.Rational(node.text)
        if isinstance(node, s.Symbol) and not node.indices:
            return self.naming.symbol(node.letter)
        if isinstance(node, s.Sum):
            out: Any = sympy.Integer(0)
            for sign, term in zip(node.signs, node.terms, strict=True):
                out += (-1 if sign == "-" else 1) * self.time_value(term)
            return out
        raise UnknownError("time", "this is no time")

    # -- functions

    def _apply(self, node: s.Apply) -> Tensor:
        head = node.head.letter
        if head == "diag":
            return tn.diag(self.alg, self._vector(self.of(node.arguments[0])))
        if head == "softmax":
            x = self.of(node.arguments[0])
            return tensor(self.alg.softmax(x.data, x.rank), x.shape, x.left)
        if head in ("prod",) and len(node.arguments) == 2:
            return self._prod_of(*node.arguments)
        if head in ("outer",) and len(node.arguments) == 2:
            a, b = (self.of(x) for x in node.arguments)
            return tn.outer(self.alg, a, b)
        if head in FUNCTIONS or (head in self._functions() and len(node.arguments) == 1):
            return self._function(node, head)
        q = self.naming.parts(node.head)
        if len(node.arguments) == 1 and q.name in self.system.names and not node.primes:
            name = self.system.names[q.name]
            argument = s.bare(node.arguments[0])
            if self.model.table[name].timed and _is_bare_input(argument):  # h(x), the prediction
                return self.value(name, self.time_of(name, q))
        if not node.certain and len(node.arguments) == 1:
            product = s.Product((node.head, s.Group(node.arguments[0])), ("",))
            return self._product(product)
        for e in self.model.equations:
            if isinstance(e.rhs, mx.Call) and e.rhs.name == head:
                (name, time), _, _ = self._called(node)
                return self.value(name, time)
        if node.primes and len(node.arguments) == 1:
            pre = self._slope_of(head)
            if pre is not None:
                return self._function(node, pre)
        raise UnknownError(head, f"the function {head} is not known")

    def _slope_of(self, head: str) -> str | None:
        return None

    def _vector(self, x: Tensor) -> Tensor:
        return x

    def _functions(self) -> set[str]:
        return {
            a.args[0].name
            for e in self.model.equations
            for a in e.rhs.atoms(mx.Apply)
            if not a.args[0].is_builtin
        }

    def _function(self, node: s.Apply, head: str) -> Tensor:
        if len(node.arguments) != 1:
            raise UnknownError(head, f"{head} takes one argument")
        x = self.of(node.arguments[0])
        fn = mx.builtin(FUNCTIONS[head]) if head in FUNCTIONS else mx.unknown(head)
        body = fn.body
        for _ in range(node.primes):
            body = sympy.diff(body, Z)
        if node.primes and "byvalue" in self.choice.lenient:
            body = _slope_by_value(head, body)
            self.used.add("byvalue")
        return tn.elementwise(self.alg, body, x)

    def _prod_of(self, a: s.Node, b: s.Node) -> Tensor:
        """prod(A, B): the product after the necessary transpositions."""
        saved = self.choice
        self.choice = replace(saved, row=True, layout=NUMERATOR)
        try:
            x, y = self.of(a), self.of(b)
        finally:
            self.choice = saved
        out = tn.chained(self.alg, replace(x, left=0) if x.loose else x, y)
        if out.rank == 1:
            return replace(out, left=1, loose=True)
        return replace(out, left=min(1, out.rank), loose=True)

    # -- sums and products

    def _big(self, node: s.Big) -> Tensor:
        if node.operator not in ("sum", "prod"):
            raise UnknownError(node.operator)
        return self._bounded(node, node.bounds)

    def _bounded(self, node: s.Big, bounds: tuple[s.Bound, ...]) -> Tensor:
        if not bounds:
            return self.of(node.body)
        bound, rest = bounds[0], bounds[1:]
        letter = bound.variable.letter
        if letter not in self.naming.names or self._is_component(bound, node):
            return self._component_sum(letter, node, rest)
        k, lo, hi, down = self.limits(bound)
        inner = lambda: self._bounded(node, rest)  # noqa: E731
        if node.operator == "sum":
            return self.alg.sum(k, lo, hi, inner)
        if self.choice.order == "reversed" and not bound.descending and not down:
            self.used.add("order")
            return self.alg.prod(k, lo, hi, inner, True)
        return self.alg.prod(k, lo, hi, inner, bound.descending or down)

    def _is_component(self, bound: s.Bound, node: s.Big) -> bool:
        if bound.lower is not None or bound.upper is not None:
            return False
        letter = bound.variable.letter
        for x in s.symbols(node.body):
            q = self.naming.parts(x)
            if letter in q.components:
                return True
        return False

    def _component_sum(self, letter: str, node: s.Big, rest: tuple[s.Bound, ...]) -> Tensor:
        """Σ_i over the entries of a vector, or over the rows of a batch."""
        if node.operator != "sum":
            raise UnknownError(letter)
        if self.numbers:
            self.alg.free[letter] = 0
            out = self._bounded(node, rest)
            n = self.components.get(letter)
            if n is None:
                raise UnknownError(letter, f"Σ over {letter}, which stands nowhere below it")
            for i in range(1, int(n)):
                self.alg.free[letter] = i
                out = tn.add(self.alg, out, self._bounded(node, rest))
            self.alg.free.pop(letter, None)
            self.components.pop(letter, None)
            return out
        from ..indices import poly as p

        inside = self._bounded(node, rest)
        n = self.components.pop(letter, None)
        if n is None:
            raise UnknownError(letter)
        name = p.Ix("f", f"#{letter}", str(n))

        def entries(slots: Any, bound: Any) -> Any:
            index = p.fresh(str(n))
            return p.bind(p.renamed(inside.data(slots, bound).items(), {name: index}), index)

        return tensor(entries, inside.shape, inside.left, inside.loose)

    def limits(self, bound: s.Bound) -> tuple[Any, Any, Any, bool]:
        """(variable, lowest, highest, whether it runs downwards)."""
        k = self.naming.symbol(bound.variable.letter)
        lo = None if bound.lower is None else self.time_value(bound.lower)
        hi = None if bound.upper is None else self.time_value(bound.upper)
        if lo is None and hi is None:
            return k, sympy.Integer(1), mx.T, False
        lo = sympy.Integer(1) if lo is None else lo + (1 if bound.open_lower else 0)
        hi = mx.T if hi is None else hi - (1 if bound.open_upper else 0)
        down = bool((lo - hi).is_positive) or (
            sympy.sympify(hi).is_number and not sympy.sympify(lo).is_number
        )
        return (k, hi, lo, True) if down else (k, lo, hi, False)

    # -- blocks, cases, indicators

    def _stack(self, node: s.Stack) -> Tensor:
        items = [x for row in node.rows for x in row]
        if self.system.stack is None:
            raise UnknownError("[…]", "a stack that the model does not have")
        names, stack = self.system.stack
        found = []
        times = []
        for x in items:
            inner = s.bare(x)
            if not isinstance(inner, s.Symbol):
                raise UnknownError("[…]")
            q = self.naming.parts(inner)
            name = self.quantity(q)
            found.append(name)
            times.append(self.time_of(name, q))
        if tuple(found) != tuple(names):
            raise UnknownError("[…]", "the stack has other entries or another order")
        base = self.model.defined[stack].rhs
        lags = {v.name: v.time - mx.t for v in mx.variables(base) if v.times}
        at = {t - lags[n] for n, t in zip(found, times, strict=True)}
        if len(at) != 1:
            raise MisfitError("the entries of the stack are of different steps")
        return self.value(stack, at.pop())

    def _indicator(self, node: s.Indicator) -> Tensor:
        inner = s.bare(node.of)
        label = self.value("target~" if "target~" in self.model.table else "", mx.t)
        if isinstance(inner, s.Symbol):
            q = self.naming.parts(inner)
            name = self.quantity(q)
            return self.value(name, self.time_of(name, q))
        if isinstance(inner, s.Relation) and inner.relation == "=":
            i, y = s.bare(inner.left), s.bare(inner.right)
            if isinstance(i, s.Symbol) and isinstance(y, s.Symbol):
                q = self.naming.parts(y)
                name = self.quantity(q)
                return self.entries(self.value(name, self.time_of(name, q)), (i.letter,))
        raise UnknownError("1", f"an indicator of {label.show_shape()}")

    def _entry(self, node: s.Entry) -> Tensor:
        letters = []
        for x in node.items:
            inner = s.bare(x)
            if not isinstance(inner, s.Symbol):
                raise UnknownError("[…]")
            letters.append(inner.letter)
        return self.entries(self.of(node.of), tuple(letters))

    def _cases(self, node: s.Cases) -> Tensor:
        """{p_i if i ≠ c; p_i − 1 if i = c}, where c is the class of the label."""
        values: dict[str, Tensor] = {}
        letter = ""
        for value, condition in node.branches:
            inner = s.bare(condition)
            if not isinstance(inner, s.Relation) or inner.relation not in ("=", "≠"):
                raise UnknownError("cases")
            i = s.bare(inner.left)
            if not isinstance(i, s.Symbol):
                raise UnknownError("cases")
            letter = i.letter
            values[inner.relation] = self.of(value)
        if set(values) != {"=", "≠"} or not self.onehot_label():
            raise UnknownError("cases")
        q = Parts(self.system.label)
        hot = self.entries(self.value("target~", self.time_of("target~", q)), (letter,))
        gap = tn.add(self.alg, values["="], values["≠"], -1)
        return tn.add(self.alg, values["≠"], tn.hadamard(self.alg, gap, hot))

    def onehot_label(self) -> bool:
        d = self.model.table.get("target~")
        return d is not None and d.classes is not None


def _slope_by_value(head: str, body: Any) -> Any:
    """f' as a function of f's own value: 1 − h² for tanh, h (1 − h) for σ."""
    known = {"tanh": 1 - Z**2, "σ": Z * (1 - Z), "sigmoid": Z * (1 - Z)}
    return known.get(head, body)


def _is_bare_input(node: s.Node) -> bool:
    return isinstance(node, s.Symbol) and node.letter == "x" and not node.indices


def _is_diag(node: s.Node) -> bool:
    inner = s.bare(node)
    return isinstance(inner, s.Apply) and inner.head.letter == "diag"


def shorthand_key(node: s.Shorthand, q: Parts) -> str:
    """d h_{next} and d h are two quantities; d h_t and d h_{t-1} are one."""
    name = q.name + ("_next" if q.time is not None and NEXT in _free(q.time) else "")
    return f"d {name}"


def _free(e: Any) -> set[Any]:
    return set(sympy.sympify(e).free_symbols)


def atom_key(node: s.Derivative, naming: Naming) -> str:
    """∂h_t/∂W and ∂h_k/∂W are told apart: an author may mean two things by them."""

    def text(n: s.Node | None) -> str:
        inner = s.bare(n) if n is not None else None
        if isinstance(inner, s.Symbol):
            q = naming.parts(inner)
            return f"{q.name}[{q.time}]"
        if isinstance(inner, s.Apply):
            return f"{inner.head.letter}(…)"
        return "?"

    return f"{node.kind}{text(node.of)}/{text(node.by)}"


def _moved(node: s.Node, at: Any, to: Any, naming: Naming) -> s.Node:
    """A definition written for time `at`, said of time `to`."""
    if not sympy.sympify(at).free_symbols:
        by = to - at
        return _shifted(node, None, by, naming)
    names = [x for x in sympy.sympify(at).free_symbols]
    if len(names) != 1:
        return node
    (k,) = names
    offset = at - k
    return _shifted(node, k, to - offset, naming)


def _shifted(node: s.Node, k: Any, value: Any, naming: Naming) -> s.Node:
    """Replace the time k by `value` in every index (k None: add `value` to number indices)."""

    def index(i: s.Index) -> s.Index:
        if i.terms is None:
            return i
        if k is None:
            if i.terms or (not sympy.sympify(value).free_symbols and not value):
                return i
            new = sympy.Integer(i.shift) + value
        else:
            names = {naming.symbol(n) for n, _ in i.terms}
            if k not in names:
                return i
            new = naming.time(i).xreplace({k: value})
        return _index_of(i, new, naming)

    def change(n: s.Node) -> s.Node:
        if isinstance(n, s.Index):
            return index(n)
        if isinstance(n, s.Big) and k in {naming.symbol(b.variable.letter) for b in n.bounds}:
            return n
        if isinstance(n, s.Bound):
            lower = n.lower if n.lower is None else change(n.lower)
            upper = n.upper if n.upper is None else change(n.upper)
            return replace(n, lower=lower, upper=upper)
        if isinstance(n, s.Symbol) and not n.indices and k is not None:
            if naming.symbol(n.letter) == k and n.letter in naming.names:
                return _expression_of(value, naming)
        return s.rebuild(n, change)

    return change(node)


def _index_of(i: s.Index, value: Any, naming: Naming) -> s.Index:
    terms, shift = [], 0
    for term, c in sympy.sympify(value).as_coefficients_dict().items():
        if term == 1:
            shift = int(c)
        elif c != 0:
            terms.append((_letter(term, naming), int(c)))
    return replace(i, text=_written(terms, shift), terms=tuple(terms), shift=shift)


def _written(terms: list[tuple[str, int]], shift: int) -> str:
    """T+t-i, t-1: an index as people write it."""
    out = ""
    for name, c in sorted(terms, key=lambda x: (x[1] < 0, x[0])):
        out += ("+" if c > 0 and out else "-" if c < 0 else "") + (
            "" if abs(c) == 1 else str(abs(c))
        )
        out += name
    if shift or not out:
        out += f"{shift:+d}" if out else str(shift)
    return out


def _letter(symbol: Any, naming: Naming) -> str:
    return naming.horizon or "T" if symbol == mx.T else str(symbol)


def _expression_of(value: Any, naming: Naming) -> s.Node:
    parts: list[s.Node] = []
    signs: list[str] = []
    for term, c in sympy.sympify(value).as_coefficients_dict().items():
        if c == 0:
            continue
        signs.append("-" if c < 0 else "+")
        if term == 1:
            parts.append(s.Number(str(abs(c))))
        else:
            parts.append(s.Symbol(_letter(term, naming)))
    if not parts:
        return s.Number("0")
    if len(parts) == 1 and signs == ["+"]:
        return parts[0]
    return s.Sum(tuple(parts), tuple(signs))


def _travel(first: s.Node, last: s.Node, naming: Naming) -> Any:
    """(body in k, k, start, end, downwards) of the factors between two that differ by a shift."""
    gaps = set()

    def compare(a: Any, b: Any) -> bool:
        if isinstance(a, s.Index) and isinstance(b, s.Index):
            if a.terms is None or b.terms is None:
                return bool(a.text == b.text)
            x, y = naming.time(a), naming.time(b)
            if x != y:
                gaps.add(sympy.expand(x - y))
            return True
        if type(a) is not type(b):
            return False
        left, right = list(s.children(a)), list(s.children(b))
        if isinstance(a, s.Symbol) and (a.letter != b.letter or a.marks != b.marks):
            return False
        return len(left) == len(right) and all(map(compare, left, right))

    if not compare(first, last) or len(gaps) != 1:
        return None
    gap = gaps.pop()
    k = mx.time_symbol("m~")
    free = sorted(sympy.sympify(gap).free_symbols, key=str)
    if not free:
        return None
    # first = A(start), last = A(start − gap): replace the time of the last by k in it
    times = [naming.time(i) for x in s.symbols(last) for i in x.indices if i.terms]
    if not times:
        return None
    anchor = times[0]
    body = _anchored(last, anchor, k, naming)
    start, end = anchor + gap, anchor
    return body, k, start, end, True if _later(start, end) else False


def _later(a: Any, b: Any) -> bool:
    gap = sympy.expand(a - b)
    return bool(gap.coeff(mx.T) > 0 or (gap.coeff(mx.T) == 0 and gap.coeff(mx.t) > 0))


def _anchored(node: s.Node, anchor: Any, k: Any, naming: Naming) -> s.Node:
    def change(n: s.Node) -> s.Node:
        if isinstance(n, s.Index) and n.terms:
            return replace(
                _index_of(n, k + naming.time(n) - anchor, naming),
                terms=(("m~", 1),),
                shift=int(naming.time(n) - anchor),
            )
        return s.rebuild(n, change)

    return change(node)
