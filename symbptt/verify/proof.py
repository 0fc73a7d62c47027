"""The proof of a line: for every T and all sizes, in index notation.

Both sides become polynomials whose factors are the forward values and derivative atoms. Atoms
are rewritten by the chain rule of one step, from index-wise differentiation alone,

    dL/dv_t   = Σ over w that reads v  dL/dw_{t+j} · ∂w_{t+j}/∂v_t
    dw_t/dθ   = ∂w_t/∂θ + Σ over v that w reads  ∂w_t/∂v_s · dv_s/dθ

until what is left on both sides is the same, or nothing more can be rewritten. Closed forms use
P(t,k), the product of the step Jacobians, whose algebra `prove.induction` proves once:

    dh_t/dh_k = P(t,k)     dh_t/dθ = Σ_{k=1}^t P(t,k) ∂h_k/∂θ     dL/dh_t = Σ_{s=t}^T u_s P(s,t)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import SymbpttError
from ..indices import jacobian
from ..indices import poly as p
from ..indices.canon import canonical, canonical_lam
from ..indices.decide import vanishes
from ..indices.lower import free_slots, lower
from ..indices.poly import Factor, Ix, Lin, Mono, Poly
from . import surface as s
from .forward import System
from .meaning import Meaning
from .naming import Naming
from .readings import Reading
from .tensor import Letters, Tensor, transpose
from .truth import Statement, free_times
from .world import DIRECT, FUTURE, IMMEDIATE, TOTAL

ROUNDS = 40


@dataclass(frozen=True)
class Proof:
    """Whether the two sides are one, and the rewriting that showed it."""

    ok: bool
    steps: tuple[str, ...] = ()
    why: str = ""


class Prover:
    """Proofs about one system."""

    def __init__(self, system: System, naming: Naming):
        self.system, self.naming, self.model = system, naming, system.model
        self.order = {e.lhs.name: n for n, e in enumerate(self.model.equations)}
        self._unfolded: dict[str, mx.Node] = {}

    def prove(self, reading: Reading) -> Proof:
        try:
            return self._prove(reading)
        except (SymbpttError, ValueError, KeyError, IndexError, RecursionError) as error:
            return Proof(False, why=str(error) or type(error).__name__)

    def _prove(self, reading: Reading) -> Proof:
        statement = reading.statement
        left, right = self._sides(statement, reading)
        slots = free_slots(left.shape)
        zero = p.add(left.data(slots, {}), p.scale(right.data(slots, {}), -1))
        zero = self._within(zero, statement, reading)
        steps: list[str] = []
        for rewrite in (self._stepwise, self._closed):
            current = zero
            for _ in range(ROUNDS):
                current = canonical(current)
                if vanishes(current):
                    return Proof(True, tuple(steps))
                current, said = rewrite(current)
                if said is None:
                    break
                steps.append(said)
            else:
                continue
            current = canonical(current)
            if vanishes(current):
                return Proof(True, tuple(steps))
            written = self._affine(current)
            if vanishes(canonical(written)) or vanishes(canonical(self._products(written))):
                return Proof(True, (*steps, "pre-activations written out"))
            steps = []
        return Proof(False, why="the sides could not be brought to one form")

    def _sides(self, statement: Statement, reading: Reading) -> tuple[Tensor, Tensor]:
        alg = Letters(self.model)
        m = Meaning(self.system, self.naming, alg, reading.choice)
        left = m.of(statement.left)
        if left.rank == 3:
            m._wanted_tensor = left
        right = m.of(statement.right)
        if "diag" in reading.choice.lenient and left.rank == 2 and right.rank == 1:
            from .tensor import diag

            right = diag(alg, right)
        turn = "turn" in reading.choice.lenient and left.rank == right.rank == 1
        if turn and left.left != right.left:
            right = transpose(alg, right)
        if right.rank == 0 and left.rank:
            inner = right.data
            right = Tensor(lambda slots, bound: inner((), bound), left.shape, left.left)
        if left.shape != right.shape:
            raise SymbpttError("the sides have different shapes")
        return left, right

    # -- the range of the times a line speaks about

    def _within(self, q: Poly, statement: Statement, reading: Reading) -> Poly:
        """Only steps at which every value exists: 1 ≤ t, t + 1 ≤ T; T itself for `last`."""
        limits: set[Lin] = set()
        for x in _reads(statement, self.naming):
            names = sympy.sympify(x).free_symbols - {mx.T}
            if not names:
                continue
            time = _linear(x)
            limits.add(p.lin_add(Lin(0, (("T", 1),)), time, -1))
            if len(names) == 1:
                limits.add(time)
        names = free_times(statement, self.naming, reading.choice)
        for k in names:
            limits.add(Lin(-1, ((str(k), 1),)))
            limits.add(p.lin_add(Lin(0, (("T", 1),)), Lin(0, ((str(k), 1),)), -1))
            if k != mx.t and mx.t in names:
                limits.add(Lin(0, tuple(sorted(((str(k), -1), ("t", 1)), key=repr))))
        if statement.last:
            here = p.lin_add(Lin(0, (("t", 1),)), Lin(0, (("T", 1),)), -1)
            limits |= {here}
        for limit in sorted(limits, key=repr):
            if limit.terms:
                q = p.mul(q, p.atom(Factor("ge", "", (limit,))))
        if statement.last:
            q = _with_time(q, "t", Lin(0, (("T", 1),)))
        return q

    # -- one step of the chain rule at a time

    def _stepwise(self, q: Poly) -> tuple[Poly, str | None]:
        """Rewrite the atom that is furthest from the common ground."""
        q = self._products(self._valued(q))
        atoms = [f for m in q for f, _ in m.factors if _is_atom(f)]
        if not atoms:
            return self._peeled(q), None
        todo = sorted(set(atoms), key=self._distance)
        for f in todo:
            poly = self._expansion(f, atoms)
            if poly is not None:
                return canonical(_substituted(q, f, poly)), f"{_shown(f)} by the chain rule"
        return self._once_more(q, todo), None

    def _once_more(self, q: Poly, todo: list[Factor]) -> Poly:
        """The latest gradients of states by one step more: δ = its own part + the later part."""
        for f in todo:
            if f.name[1] == "L" and f.name[4] and f.name[0] == TOTAL:
                q = _substituted(q, f, self._readers(TOTAL, f.name[2], f.times[0], f.slots))
        for _ in range(ROUNDS):
            q = self._products(self._valued(canonical(q)))
            states = {d.name for d in self.model.states}
            atoms = [f for m in q for f, _ in m.factors if _is_atom(f)]
            for f in atoms:
                if f.name[1] == "L" and f.name[4] and f.name[2] in states and f.name[0] == TOTAL:
                    continue
                poly = self._expansion(f, [f])
                if poly is not None:
                    q = _substituted(q, f, poly)
                    break
            else:
                return q
        return q

    def _peeled(self, q: Poly) -> Poly:
        """P(T,t) = P(T,t+1) J_{t+1} where P(T,t+1) stands beside it; the step t+1 exists."""
        for _ in range(3):
            prods = [f for m in q for f, _ in m.factors if f.kind == "timeprod"]
            hit = None
            for f in prods:
                for g in prods:
                    gap = p.lin_add(g.times[0], f.times[0], -1)
                    if g.times[1] == f.times[1] and not gap.terms and gap.const > 0:
                        hit = f
            if hit is None:
                return q
            (lam,) = hit.nested
            half = len(hit.slots) // 2
            inner = tuple(p.fresh(i.size) for i in hit.slots[:half])
            rest = hit._replace(
                times=(p.lin_add(hit.times[0], Lin(1)), hit.times[1]),
                slots=(*hit.slots[:half], *inner),
            )
            names = dict(zip(lam.params, (hit.times[0], *inner, *hit.slots[half:]), strict=True))
            body = p.renamed(lam.poly, names)
            q = canonical(_substituted(q, hit, p.bind(p.mul(p.atom(rest), body), *inner)))
        return q

    def _distance(self, f: Factor) -> Any:
        """Atoms to rewrite first: those of gates and outputs, then the earliest states."""
        _, of, by, *_ = f.name
        states = {d.name for d in self.model.states}
        if of == "L":
            late = by in states
            offset = f.times[0].const if f.times else 0
            return (late, offset, self.order.get(by, 0), repr(f))
        late = of in states
        offset = -f.times[0].const if f.times else 0
        return (late, offset, -self.order.get(of, 0), repr(f))

    def _expansion(self, f: Factor, atoms: list[Factor]) -> Poly | None:
        _, of, *_ = f.name
        if of == "L":
            if f.name[4]:
                return self._backward(f, atoms)
            return self._parameter(f)
        return self._onward(f, atoms)

    def _backward(self, f: Factor, atoms: list[Factor]) -> Poly | None:
        """dL/dv at a time by its readers."""
        kind, _, by, *_ = f.name
        time = f.times[0]
        states = {d.name for d in self.model.states}
        at_end = time == Lin(0, (("T", 1),))
        if by in states and kind == TOTAL and not at_end:
            ranks = [
                (g.times[0].const, -self.order.get(g.name[2], 0))
                for g in atoms
                if g.name[1] == "L" and g.name[4] and g.times[0].terms == time.terms
            ]
            if max(ranks) <= (time.const, -self.order.get(by, 0)):
                return None  # rewriting past the latest gradient never ends
        return self._readers(kind, by, time, f.slots)

    def _readers(self, kind: str, by: str, time: Lin, slots: Any) -> Poly:
        out: Poly = {}
        for e in self.model.equations:
            for v in mx.variables(e.rhs):
                if v.name != by or not v.times:
                    continue
                lag = int(mx.t - v.time)
                if kind == IMMEDIATE and lag != 0:
                    continue
                if kind == FUTURE and lag == 0:
                    continue
                if not self._live(e.lhs.name):
                    continue
                at = Lin(time.const + lag, time.terms)
                if not at.terms and at.const < 1:
                    continue  # no equation holds before the first step
                local = _at_time(jacobian(e.rhs, v), at)
                after = TOTAL if kind == FUTURE else kind
                weight = self._loss_factor(e.lhs, at, after)
                out = p.add(out, _contracted(weight, local, e.lhs.shape, v.shape, slots))
        return out

    def _live(self, name: str) -> bool:
        return name == self.model.loss.step.name or self._reaches_loss(name)

    def _reaches_loss(self, name: str) -> bool:
        if not hasattr(self, "_reaching"):
            reaching = {self.model.loss.step.name}
            while True:
                more = {
                    v.name
                    for e in self.model.equations
                    if e.lhs.name in reaching
                    for v in mx.variables(e.rhs)
                } - reaching
                if not more:
                    break
                reaching |= more
            self._reaching = reaching
        return name in self._reaching

    def _loss_factor(self, w: mx.Var, at: Lin, kind: str) -> Any:
        """dL/dw as a function of slots: the weight of a step's loss, or an atom."""
        if w.name == self.model.loss.step.name:
            weight = _at_time(lower(self.model.loss.weight(), ()), at)
            inside = p.atom(Factor("ge", "", (p.lin_add(Lin(0, (("T", 1),)), at, -1),)))
            return lambda slots: p.mul(weight, inside)
        name = (kind, "L", w.name, False, True, False)
        if not at.terms or (len(at.terms) == 1 and at.terms[0][0] == "T"):
            if at.terms and at.const > 0:
                return lambda slots: {}
        return lambda slots: p.atom(Factor("var", name, (at,), tuple(slots)))

    def _parameter(self, f: Factor) -> Poly | None:
        """dL/dθ = Σ_t Σ over w that reads θ  dL/dw_t ∂w_t/∂θ; one summand for a copy."""
        kind, _, by, *_ = f.name
        index = p.fresh(p.TIME)
        here = Lin(0, ((index, 1),))
        copy = f.times[-1] if f.name[5] else None
        time = copy if copy is not None else here
        out: Poly = {}
        for e in self.model.equations:
            for v in mx.variables(e.rhs):
                if v.name != by or v.times or not self._live(e.lhs.name):
                    continue
                local = _at_time(jacobian(e.rhs, v), time)
                weight = self._loss_factor(e.lhs, time, kind)
                out = p.add(out, _contracted(weight, local, e.lhs.shape, v.shape, f.slots))
        if copy is not None:
            return out
        low = Factor("ge", "", (p.lin_add(here, Lin(1), -1),))
        high = Factor("ge", "", (p.lin_add(Lin(0, (("T", 1),)), here, -1),))
        return p.bind(p.mul(p.mul(p.atom(low), p.atom(high)), out), index)

    def _onward(self, f: Factor, atoms: list[Factor]) -> Poly | None:
        """dw_s/dv_r or dw_s/dθ by what w reads."""
        kind, of, by, _, by_timed, copied = f.name
        e = self.model.defined.get(of)
        if e is None or (of == by and not by_timed):
            return self._identity(f) if of == by else None
        time = f.times[0]
        source = f.times[1] if by_timed else None
        if copied:
            gap = p.lin_add(time, f.times[-1], -1)
            if not gap.terms and gap.const < 0:
                return {}
        if source is not None:
            gap = p.lin_add(time, source, -1)
            if not gap.terms:
                if gap.const < 0 or (gap.const == 0 and of == by):
                    return self._identity(f) if gap.const == 0 else {}
            elif self._is_state(of) and kind == TOTAL:
                return None  # a product of Jacobians over an unknown number of steps
        elif copied and not p.lin_add(time, f.times[-1], -1).terms:
            pass  # a known number of steps behind the copy
        elif self._is_state(of) and kind == TOTAL and not self._may_step(f, atoms):
            return None
        n = len(e.lhs.shape)
        left, right = f.slots[:n], f.slots[n:]
        out: Poly = {}
        seen: set[Any] = set()
        for v in mx.variables(e.rhs):
            if v in seen or not self.model.is_differentiable(v):
                continue
            seen.add(v)
            lag = int(mx.t - v.time) if v.times else 0
            local = _at_time(jacobian(e.rhs, v), time)
            if v.name == by and not by_timed and not v.times:
                share = local
                if copied:
                    gap = p.lin_add(time, f.times[-1], -1)
                    if gap.terms:
                        return None
                    share = local if gap.const == 0 else {}
                out = p.add(out, _renamed(share, e.lhs.shape + v.shape, f.slots))
                continue
            if not v.times or (kind == DIRECT and not self._is(v, by, time, lag, source)):
                continue
            at = Lin(time.const - lag, time.terms)
            if source is not None and v.name == by:
                if p.lin_add(at, source, -1) == Lin(0):
                    out = p.add(out, _renamed(local, e.lhs.shape + v.shape, f.slots))
                    continue
            if kind == DIRECT or (kind == IMMEDIATE and lag):
                continue
            if v.name not in self.model.defined:
                continue
            if not at.terms and at.const <= 0:
                continue
            times = (at, *f.times[1:])
            name = (kind, v.name, by, True, by_timed, copied)
            inner = tuple(p.fresh(str(x)) for x in v.shape)
            atom = p.atom(Factor("var", name, times, (*inner, *right)))
            j = _renamed(local, e.lhs.shape + v.shape, (*left, *inner))
            out = p.add(out, p.bind(p.mul(j, atom), *inner) if inner else p.mul(j, atom))
        return out

    def _is(self, v: mx.Var, by: str, time: Lin, lag: int, source: Lin | None) -> bool:
        return v.name == by

    def _is_state(self, name: str) -> bool:
        return any(d.name == name for d in self.model.states)

    def _may_step(self, f: Factor, atoms: list[Factor]) -> bool:
        """dh_t/dθ is rewritten where dh_{t−1}/dθ stands beside it."""
        return any(
            g.name == f.name
            and g.times
            and g.times[0].terms == f.times[0].terms
            and g.times[0].const < f.times[0].const
            for g in atoms
        )

    def _identity(self, f: Factor) -> Poly:
        half = len(f.slots) // 2
        out = p.constant(1)
        from ..indices.lower import delta

        for i, j in zip(f.slots[:half], f.slots[half:], strict=True):
            out = p.mul(out, delta(i, j))
        return out

    # -- values

    def _valued(self, q: Poly) -> Poly:
        """h_t as tanh(a_t): values that are functions of the same step, written out."""
        for _ in range(8):
            found = next(
                (
                    f
                    for m in q
                    for f in _deep(m)
                    if f.kind == "var" and not isinstance(f.name, tuple) and self._opens(f)
                ),
                None,
            )
            if found is None:
                return q
            q = canonical(_unfold(q, self._opens, self._definition))
        return q

    def _opens(self, f: Factor) -> bool:
        e = self.model.defined.get(f.name)
        if e is None or not f.times:
            return False
        if not f.times[0].terms and f.times[0].const <= 0:
            return False  # an initial state
        if f.times[0].const < -6:
            return False
        reads = mx.variables(e.rhs)
        plain = all(v.times and v.time == mx.t for v in reads)
        return plain and not e.rhs.has(mx.Call) and e.lhs.name != self.model.loss.step.name

    def _definition(self, f: Factor) -> Poly:
        e = self.model.defined[f.name]
        slots = free_slots(e.lhs.shape)
        return _renamed(_at_time(lower(e.rhs, slots), f.times[0]), e.lhs.shape, f.slots)

    def _affine(self, q: Poly) -> Poly:
        """a_t as W h_{t−1} + …, at the latest time only: for lines that write it out."""
        found = [f for m in q for f in _deep(m) if self._is_affine(f)]
        latest: dict[Any, Any] = {}
        for f in found:
            latest[f.times[0].terms] = max(latest.get(f.times[0].terms, -99), f.times[0].const)

        def wanted(f: Factor) -> bool:
            return self._is_affine(f) and f.times[0].const == latest.get(f.times[0].terms)

        q = self._valued(canonical(_unfold(q, wanted, self._definition)))
        if len({f.name for f in found}) > 1:  # a readout of a state that is itself written out
            q = self._valued(canonical(_unfold(q, wanted, self._definition)))
        return q

    def _is_affine(self, f: Factor) -> bool:
        if f.kind != "var" or isinstance(f.name, tuple) or not f.times:
            return False
        e = self.model.defined.get(f.name)
        if e is None or e.rhs.has(mx.Call):
            return False
        return bool(f.times[0].terms) or f.times[0].const > 0

    # -- closed forms

    def _closed(self, q: Poly) -> tuple[Poly, str | None]:
        """Total derivatives over many steps as products of step Jacobians."""
        if len(self.model.states) != 1 or self.model.lag(self.model.states[0].name) != 1:
            return q, None
        q = self._products(self._valued(q))
        state = self.model.states[0]
        for m in q:
            for f, _ in m.factors:
                if not _is_atom(f):
                    continue
                kind, of, by, _, by_timed, copied = f.name
                if kind != TOTAL:
                    poly = self._expansion(f, [f])
                    if poly is None:
                        continue
                    return _substituted(q, f, poly), f"{_shown(f)} within its step"
                if of == state.name and by == state.name:
                    return _substituted(q, f, self._propagator(f)), f"{_shown(f)} = P"
                if of == state.name and not by_timed and not copied:
                    return _substituted(q, f, self._sensitivity(f)), f"{_shown(f)} = Σ P B"
                if of == "L" and by == state.name:
                    return _substituted(q, f, self._adjoint(f)), f"{_shown(f)} = Σ u P"
                poly = self._expansion(f, [f])
                if poly is not None:
                    return _substituted(q, f, poly), f"{_shown(f)} by the chain rule"
        return self._peeled(q), None

    def _jacobian(self, by: mx.Var, time: Lin, slots: Any) -> Poly:
        """∂h_t/∂v within the step, every value written out."""
        state = self.model.states[0]
        if by.times:
            name = (TOTAL, state.name, by.name, True, True, False)
            times: tuple[Lin, ...] = (time, p.lin_add(time, Lin(-1)))
        else:
            name = (IMMEDIATE, state.name, by.name, True, False, False)
            times = (time,)
        return self._exhausted(p.atom(Factor("var", name, times, tuple(slots))))

    def _exhausted(self, q: Poly) -> Poly:
        """Every derivative within a known number of steps expanded."""
        for _ in range(ROUNDS):
            q = canonical(q)
            for f in {f for m in q for f, _ in m.factors if _is_atom(f)}:
                if f.name[1] == "L" or (f.name[0] == TOTAL and not self._is_near(f)):
                    continue
                poly = self._onward(f, [f])
                if poly is not None:
                    q = _substituted(q, f, poly)
                    break
            else:
                return self._valued(q)
        return self._valued(q)

    def _is_near(self, f: Factor) -> bool:
        return bool(f.name[4]) and not p.lin_add(f.times[0], f.times[1], -1).terms

    def _products(self, q: Poly) -> Poly:
        """Products of Jacobians: written out; empty is the identity, constant a power."""
        from ..indices.lower import delta

        out: Poly = {}
        for m, c in q.items():
            product: Poly = {Mono(frozenset(), ()): c}
            for f, e in m.factors:
                x = p.atom(f, e)
                if f.kind == "timeprod" and e == 1:
                    (lam,) = f.nested
                    length = p.lin_add(p.lin_add(f.times[1], f.times[0], -1), Lin(1))
                    half = len(f.slots) // 2
                    fresh = tuple(p.fresh(i.size) for i in lam.params)
                    names = dict(zip(lam.params, fresh, strict=True))
                    body = self._exhausted(p.renamed(lam.poly, names))
                    if not length.terms and length.const <= 0:
                        x = p.constant(1)
                        for i, j in zip(f.slots[:half], f.slots[half:], strict=True):
                            x = p.mul(x, delta(i, j))
                    elif not length.terms and length.const == 1:
                        x = p.renamed(
                            body.items(),
                            dict(zip(fresh, (f.times[0], *f.slots), strict=True)),
                        )
                    elif not any(fresh[0] in p.mono_free(mm) for mm in body):
                        x = _power_of(body, fresh[1:], length, f.slots)
                    else:
                        x = p.atom(f._replace(nested=(canonical_lam(fresh, body),)))
                elif f.kind == "matpow" and e == 1:
                    (lam,) = f.nested
                    fresh = tuple(p.fresh(i.size) for i in lam.params)
                    body = p.renamed(lam.poly, dict(zip(lam.params, fresh, strict=True)))
                    x = _power_of(body, fresh, f.times[0], f.slots)
                product = p.mul(product, x)
            out = p.add(out, p.bind(product, *m.bound) if m.bound else product)
        return self._split(canonical(out))

    def _split(self, q: Poly) -> Poly:
        """Σ_{k≤t} P(t,k) … = its term at k = t, where P is the identity, and the rest."""
        out: Poly = {}
        for m, c in q.items():
            forms = {f.times[0] for f, _ in m.factors if f.kind == "ge"}
            hit = None
            for f, _ in m.factors:
                if f.kind == "timeprod":
                    length = p.lin_add(p.lin_add(f.times[1], f.times[0], -1), Lin(1))
                elif f.kind == "matpow":
                    length = f.times[0]
                else:
                    continue
                if length in forms and any(x in m.bound for x, _ in length.terms):
                    hit = length
                    break
            if hit is None:
                out = p.add(out, {m: c})
                continue
            inner = {Mono(frozenset(), m.factors): c}
            more = p.atom(Factor("ge", "", (p.lin_add(hit, Lin(-1)),)))
            none = p.atom(Factor("ge", "", (p.lin_add(Lin(0), hit, -1),)))
            rest = p.mul(inner, more)
            end = p.mul(inner, none)
            if m.bound:
                rest, end = p.bind(rest, *m.bound), p.bind(end, *m.bound)
            out = p.add(out, rest, self._products(end) if end else {})
        return canonical(out)

    def _propagator(self, f: Factor) -> Poly:
        state = self.model.states[0]
        index = p.fresh(p.TIME)
        before = mx.Var(state.name, state.shape, (mx.t - 1,))
        inner = tuple(p.fresh(i.size) for i in f.slots)
        body = self._jacobian(before, Lin(0, ((index, 1),)), inner)
        lam = canonical_lam((index, *inner), body)
        limits = (p.lin_add(f.times[1], Lin(1)), f.times[0])
        return p.atom(Factor("timeprod", "", limits, f.slots, (lam,)))

    def _sensitivity(self, f: Factor) -> Poly:
        """Σ_{k=1}^t P(t,k) ∂h_k/∂θ."""
        state = self.model.states[0]
        by = self.model.table[f.name[2]]
        k = p.fresh(p.TIME)
        here = Lin(0, ((k, 1),))
        n = len(state.shape)
        inner = tuple(p.fresh(str(x)) for x in state.shape)
        name = (TOTAL, state.name, state.name, True, True, False)
        prop = self._propagator(Factor("var", name, (f.times[0], here), (*f.slots[:n], *inner)))
        local = self._jacobian(mx.Var(by.name, by.shape), here, (*inner, *f.slots[n:]))
        body = p.bind(p.mul(prop, local), *inner)
        low = Factor("ge", "", (p.lin_add(here, Lin(1), -1),))
        high = Factor("ge", "", (p.lin_add(f.times[0], here, -1),))
        return p.bind(p.mul(p.mul(p.atom(low), p.atom(high)), body), k)

    def _adjoint(self, f: Factor) -> Poly:
        """Σ_{s=t}^T u_s P(s,t), u_s what the step's own loss gives."""
        state = self.model.states[0]
        k = p.fresh(p.TIME)
        here = Lin(0, ((k, 1),))
        inner = tuple(p.fresh(str(x)) for x in state.shape)
        name = (TOTAL, state.name, state.name, True, True, False)
        prop = self._propagator(Factor("var", name, (here, f.times[0]), (*inner, *f.slots)))
        own = p.atom(
            Factor("var", (IMMEDIATE, "L", state.name, False, True, False), (here,), inner)
        )
        body = p.bind(p.mul(own, prop), *inner)
        low = Factor("ge", "", (p.lin_add(here, f.times[0], -1),))
        high = Factor("ge", "", (p.lin_add(Lin(0, (("T", 1),)), here, -1),))
        return p.bind(p.mul(p.mul(p.atom(low), p.atom(high)), body), k)


def _is_atom(f: Factor) -> bool:
    return f.kind == "var" and isinstance(f.name, tuple) and len(f.name) == 6


def _shown(f: Factor) -> str:
    kind, of, by, *_ = f.name
    mark = "d" if kind == TOTAL else "∂"
    return f"{mark}{of}/{mark}{by}"


def _linear(x: Any) -> Lin:
    from ..indices.lower import linear

    return linear(x, {})


def _reads(statement: Statement, naming: Naming) -> Iterable[Any]:
    """The times of the free (not summed) values of a statement."""
    bound: set[str] = set()
    for side in (statement.left, statement.right):
        for n in s.walk(side):
            if isinstance(n, s.Big):
                bound |= {b.variable.letter for b in n.bounds}
    for side in (statement.left, statement.right):
        for n in s.walk(side):
            if isinstance(n, s.Symbol) and not n.gradient_like:
                time = naming.parts(n).time
                if time is not None and not {str(x) for x in sympy.sympify(time).free_symbols} & (
                    bound | {"next"}
                ):
                    yield time


def _at_time(q: Poly, at: Lin) -> Poly:
    """A polynomial about t said of another time."""
    return _with_time(q, "t", at)


def _with_time(q: Poly, name: str, at: Lin) -> Poly:
    hold = Ix("u", f"#{name}", p.TIME)

    def lin(x: Lin) -> Lin:
        out = Lin(x.const)
        for sym, c in x.terms:
            out = p.lin_add(out, Lin(0, ((hold if sym == name else sym, 1),)), c)
        return out

    def factor(f: Factor) -> Factor:
        nested = tuple(
            lam._replace(
                poly=tuple(
                    (Mono(m.bound, tuple((factor(g), e) for g, e in m.factors)), c)
                    for m, c in lam.poly
                )
            )
            for lam in f.nested
        )
        return f._replace(times=tuple(map(lin, f.times)), nested=nested)

    held = {Mono(m.bound, tuple((factor(f), e) for f, e in m.factors)): c for m, c in q.items()}
    return p.renamed(held.items(), {hold: at})


def _renamed(q: Poly, shape: Any, slots: Any) -> Poly:
    """The free indices 0, 1, … of a polynomial as given slots."""
    names = {i: j for i, j in zip(free_slots(shape), slots, strict=True) if i != p.UNIT}
    hold = {i: Ix("h", i.num, i.size) for i in names}
    first = p.renamed(q.items(), hold)
    return p.renamed(first.items(), {hold[i]: j for i, j in names.items()})


def _contracted(weight: Any, local: Poly, of: Any, by: Any, slots: Any) -> Poly:
    """Σ_i weight[i] local[i, j]."""
    inner = tuple(p.fresh(str(n)) for n in of)
    j = _renamed(local, tuple(of) + tuple(by), (*inner, *slots))
    product = p.mul(weight(inner), j)
    return p.bind(product, *inner) if inner else product


def _substituted(q: Poly, f: Factor, value: Poly) -> Poly:
    """Every occurrence of the atom f, at any slots and times, by its own expansion at those."""
    out: Poly = {}
    for m, c in q.items():
        hits = [(g, e) for g, e in m.factors if g == f]
        if not hits:
            out = p.add(out, {m: c})
            continue
        e = hits[0][1]
        rest = tuple(pair for pair in m.factors if pair[0] != f)
        # The slots of f may be bound in m: bind only after the product.
        product = p.mul({Mono(frozenset(), rest): c}, p.power(value, Fraction(e)))
        out = p.add(out, p.bind(product, *m.bound) if m.bound else product)
    return out


def _deep(m: Mono) -> Iterable[Factor]:
    for f, _ in m.factors:
        yield f
        for lam in f.nested:
            for inner, _ in lam.poly:
                yield from _deep(inner)


def _unfold(q: Poly, wanted: Callable[[Factor], bool], value: Callable[[Factor], Poly]) -> Poly:
    """Replace the factors that are wanted by polynomials, also inside arguments."""
    from ..indices.lower import function

    out: Poly = {}
    for m, c in q.items():
        product: Poly = {Mono(frozenset(), ()): c}
        for f, e in m.factors:
            if wanted(f):
                x = value(f)
            elif f.nested and any(
                wanted(g) for lam in f.nested for mm, _ in lam.poly for g in _deep(mm)
            ):
                lams = [(_lam.params, _unfold(dict(_lam.poly), wanted, value)) for _lam in f.nested]
                if f.kind == "fn":
                    x = function(f.name, lams[0][1])
                elif f.kind == "pow":
                    x = p.power(lams[0][1], Fraction(1))
                else:
                    nested = tuple(canonical_lam(ps, body) for ps, body in lams)
                    x = p.atom(f._replace(nested=nested))
                if f.kind == "pow" and e < 0:
                    x = p.power(lams[0][1], Fraction(e))
                    product = p.mul(product, x)
                    continue
            else:
                x = p.atom(f)
            product = p.mul(product, p.power(x, Fraction(e)))
        out = p.add(out, p.bind(product, *m.bound) if m.bound else product)
    return out


def _power_of(body: Poly, params: tuple[Ix, ...], length: Lin, slots: Any) -> Poly:
    """Aⁿ, A and Aᵀ in one form."""
    one = canonical_lam(params, body)
    other = canonical_lam(params[::-1], body)
    if repr(other) < repr(one):
        one, slots = other, tuple(slots)[::-1]
    return p.atom(Factor("matpow", "", (length,), tuple(slots), (one,)))
