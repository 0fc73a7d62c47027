"""One step of the chain rule, from index-wise differentiation alone.

dL/dv_t   = Σ over w that reads v  dL/dw_{t+j} · ∂w_{t+j}/∂v_t       and so for the loss of a step
dw_t/dθ   = ∂w_t/∂θ + Σ over v that w reads  ∂w_t/∂v_s · dv_s/dθ
"""

from __future__ import annotations

from typing import Any

from ... import matrix as mx
from ...indices import jacobian
from ...indices import poly as p
from ...indices.lower import delta, lower
from ...indices.poly import Factor, Lin, Poly
from ...model import Equation, Model
from ..world import DIRECT, FUTURE, HELD, IMMEDIATE, TOTAL
from .substitute import at_time, contracted, renamed

ROUNDS = 100  # of rewriting, before a line is given up


class ChainRule:
    """The expansions of the derivative atoms of one model."""

    def __init__(self, model: Model, steps: int | None = None):
        self.model = model
        self.last = Lin(0, (("T", 1),)) if steps is None else Lin(steps)
        self._read: dict[str, set[str]] = {}
        self._ways: dict[tuple[str, str], set[bool]] = {}
        self._local: dict[Any, Poly] = {}
        self.order = {e.lhs.name: n for n, e in enumerate(model.equations)}

    def local(self, e: Equation, v: mx.Var) -> Poly:
        """∂rhs/∂v of one equation, at t."""
        if (e.lhs.name, v) not in self._local:
            self._local[e.lhs.name, v] = jacobian(e.rhs, v)
        return self._local[e.lhs.name, v]

    def expansion(self, f: Factor, atoms: list[Factor]) -> Poly | None:
        kind, of, _, _, by_timed, _ = f.name
        if of == "L":
            if by_timed:
                return self._backward(f, atoms)
            return self._parameter(f)
        if kind == FUTURE and of == self.model.loss.step.name and by_timed:
            return self.readers(kind, f.name[2], f.times[1], f.slots, f.times[0])
        if kind == TOTAL and self._is_behind(f):
            if by_timed:
                return self._backward(f, atoms)
            whole = any(g.name[:3] == f.name[:3] and not g.name[5] for g in atoms)
            return None if whole else self._shares(f)  # the sum of them first
        if of == self.model.loss.step.name and kind == TOTAL and f.slots:
            if any(self._is_behind(g) for g in atoms):
                return self._sum_of_shares(f)
        return self.onward(f, atoms)

    def of_losses(self, f: Factor, atoms: list[Factor]) -> Poly | None:
        """dL/dv_k = Σ_{s=k}^T dL_s/dv_k, where the gradient of a step's loss stands beside it."""
        kind, of, by, _, by_timed, copied = f.name
        name = (kind, self.model.loss.step.name, by, True, by_timed, copied)
        back = by_timed and self.model.table[by].reversed
        if of != "L" or not by_timed or back or all(g.name != name for g in atoms):
            return None
        index = p.fresh(p.TIME)
        here = Lin(0, ((index, 1),))
        weight = at_time(lower(self.model.loss.weight(), ()), here)
        low = Factor("ge", "", (p.lin_add(here, f.times[0], -1),))
        high = Factor("ge", "", (p.lin_add(Lin(0, (("T", 1),)), here, -1),))
        own = p.mul(weight, p.atom(f._replace(name=name, times=(here, f.times[0]))))
        return p.bind(p.mul(p.mul(p.atom(low), p.atom(high)), own), index)

    def _is_behind(self, f: Factor) -> bool:
        """dL_s/dv_k or dL_s/dθ^{(k)}, an unknown number of steps back."""
        _, of, _, _, by_timed, copied = f.name
        if of != self.model.loss.step.name or not (by_timed or copied):
            return False
        return bool(p.lin_add(f.times[0], f.times[-1], -1).terms)

    def _sum_of_shares(self, f: Factor) -> Poly:
        """dL_s/dθ = Σ_{k=1}^s dL_s/dθ^{(k)}, where what it is made of stands beside it."""
        index = p.fresh(p.TIME)
        here = Lin(0, ((index, 1),))
        share = f._replace(name=(*f.name[:5], True), times=(f.times[0], here))
        low = Factor("ge", "", (p.lin_add(here, Lin(1), -1),))
        high = Factor("ge", "", (p.lin_add(f.times[0], here, -1),))
        return p.bind(p.mul(p.mul(p.atom(low), p.atom(high)), self._shares(share)), index)

    def _backward(self, f: Factor, atoms: list[Factor]) -> Poly | None:
        """dL/dv or dL_s/dv at a time by its readers."""
        kind, of, by, *_ = f.name
        time, loss = f.times[-1], None if of == "L" else f.times[0]
        states = {d.name for d in self.model.states}
        back = self.model.table[by].reversed
        at_end = time == (Lin(1, ()) if back else self.last)
        if by in states and kind == TOTAL and not at_end:
            sign = -1 if back else 1
            ranks = [
                (sign * g.times[-1].const, -self.order.get(g.name[2], 0))
                for g in atoms
                if g.name[1] == of and g.name[4] and g.times[-1].terms == time.terms
                if loss is None or g.times[0] == loss
                if self.model.table[g.name[2]].reversed == back or not back
            ]
            if max(ranks) <= (sign * time.const, -self.order.get(by, 0)):
                return None  # rewriting past the latest gradient never ends
        return self.readers(kind, by, time, f.slots, loss)

    def readers(self, kind: str, by: str, time: Lin, slots: Any, loss: Lin | None = None) -> Poly:
        step = self.model.loss.step
        if by == step.name:  # no equation reads the loss of a step; the whole loss does
            own: Poly = {} if kind == FUTURE else self._loss_factor(step, time, kind, loss)(())
            return own
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
                if e.lhs.name not in self.model.reaching_loss:
                    continue
                at = Lin(time.const + lag, time.terms)
                if not at.terms and at.const < 1:
                    continue  # no equation holds before the first step
                local = at_time(self.local(e, v), at)
                after = TOTAL if kind == FUTURE else kind
                weight = self._loss_factor(e.lhs, at, after, loss)
                out = p.add(out, contracted(weight, local, e.lhs.shape, v.shape, slots))
        return out

    def _loss_factor(self, w: mx.Var, at: Lin, kind: str, loss: Lin | None = None) -> Any:
        """dL/dw as a function of slots: the weight of a step's loss, or an atom."""
        if loss is not None:  # of the loss of one step, which is itself at that step alone
            if w.name == self.model.loss.step.name:
                gap = p.lin_add(loss, at, -1)
                ends = (Factor("ge", "", (p.lin_add(Lin(0), gap, c),)) for c in (1, -1))
                here = p.mul(*(p.atom(x) for x in ends))
                return lambda slots: here
            name = (kind, self.model.loss.step.name, w.name, True, True, False)
            return lambda slots: p.atom(Factor("var", name, (loss, at), tuple(slots)))
        if w.name == self.model.loss.step.name:
            weight = at_time(lower(self.model.loss.weight(), ()), at)
            inside = p.atom(Factor("ge", "", (p.lin_add(Lin(0, (("T", 1),)), at, -1),)))
            return lambda slots: p.mul(weight, inside)
        name = (kind, "L", w.name, False, True, False)
        beyond = p.lin_add(at, self.last, -1)
        if not beyond.terms and beyond.const > 0:
            return lambda slots: {}
        return lambda slots: p.atom(Factor("var", name, (at,), tuple(slots)))

    def _shares(self, f: Factor) -> Poly:
        """dL_s/dθ^{(k)} = Σ over w that reads θ  dL_s/dw_k ∂w_k/∂θ."""
        kind, _, by, *_ = f.name
        loss, time = f.times[0], f.times[-1]
        out: Poly = {}
        for e in self.model.equations:
            for v in mx.variables(e.rhs):
                if v.name == by and not v.times and e.lhs.name in self.model.reaching_loss:
                    local = at_time(jacobian(e.rhs, v), time)
                    weight = self._loss_factor(e.lhs, time, kind, loss)
                    out = p.add(out, contracted(weight, local, e.lhs.shape, v.shape, f.slots))
        return out

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
                if v.name != by or v.times or e.lhs.name not in self.model.reaching_loss:
                    continue
                local = at_time(self.local(e, v), time)
                weight = self._loss_factor(e.lhs, time, kind)
                out = p.add(out, contracted(weight, local, e.lhs.shape, v.shape, f.slots))
        if copy is not None:
            return out
        low = Factor("ge", "", (p.lin_add(here, Lin(1), -1),))
        high = Factor("ge", "", (p.lin_add(Lin(0, (("T", 1),)), here, -1),))
        return p.bind(p.mul(p.mul(p.atom(low), p.atom(high)), out), index)

    def onward(self, f: Factor, atoms: list[Factor]) -> Poly | None:
        """dw_s/dv_r or dw_s/dθ by what w reads."""
        kind, of, by, _, by_timed, copied = f.name
        e = self.model.defined.get(of)
        if e is None or (of == by and not by_timed):
            return self._identity(f) if of == by else None
        time = f.times[0]
        source = f.times[1] if by_timed else None
        if self._is_outside(time) and time != source:
            return {}  # an initial state depends on nothing
        if not by_timed and not self.reaches(by, of):
            return {}  # there is no path from the parameter
        if copied:
            gap = p.lin_add(time, f.times[-1], -1)
            if not gap.terms and self._apart(of, by, gap.const):
                return {}
        if source is not None:
            gap = p.lin_add(time, source, -1)
            if not gap.terms:
                if gap.const == 0 and of == by:
                    return self._identity(f)
                if self._apart(of, by, gap.const):
                    return {}
            elif self._is_state(of) and kind == TOTAL:
                return None  # a product of Jacobians over an unknown number of steps
        elif copied and not p.lin_add(time, f.times[-1], -1).terms:
            pass  # a known number of steps behind the copy
        elif self._is_state(of) and kind == TOTAL and time.terms and not self._may_step(f, atoms):
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
            local = at_time(self.local(e, v), time)
            if v.name == by and not by_timed and not v.times:
                share = local
                if copied:
                    gap = p.lin_add(time, f.times[-1], -1)
                    if gap.terms:
                        return None
                    share = local if gap.const == 0 else {}
                out = p.add(out, renamed(share, e.lhs.shape + v.shape, f.slots))
                continue
            if not v.times or (kind == DIRECT and v.name != by):
                continue
            at = Lin(time.const - lag, time.terms)
            gap = p.lin_add(at, source, -1) if source is not None else Lin(1)
            if source is not None and not gap.terms and self._apart(v.name, by, gap.const):
                continue
            if source is not None and v.name == by:
                if gap == Lin(0):
                    out = p.add(out, renamed(local, e.lhs.shape + v.shape, f.slots))
                    continue
            if kind == DIRECT or (kind in (IMMEDIATE, HELD) and lag):
                continue
            if kind == HELD and self._is_state(v.name):
                continue
            if v.name not in self.model.defined:
                continue
            if self._is_outside(at):
                continue
            times = (at, *f.times[1:])
            name = (kind, v.name, by, True, by_timed, copied)
            inner = tuple(p.fresh(str(x)) for x in v.shape)
            atom = p.atom(Factor("var", name, times, (*inner, *right)))
            j = renamed(local, e.lhs.shape + v.shape, (*left, *inner))
            out = p.add(out, p.bind(p.mul(j, atom), *inner) if inner else p.mul(j, atom))
        return out

    def _is_outside(self, time: Lin) -> bool:
        """Whether a time is before the first step or past the last."""
        beyond = p.lin_add(time, self.last, -1)
        return (not time.terms and time.const < 1) or (not beyond.terms and beyond.const > 0)

    def _apart(self, of: str, by: str, gap: Any) -> bool:
        """Whether a variable so many steps after another (before it, below 0) cannot depend on it:
        of what is computed forward in time, none on what comes later."""
        if gap == 0:
            return False
        if (of, by) not in self._ways:
            between = {name for name in self._below(of) if name == by or by in self._below(name)}
            self._ways[of, by] = {
                int(mx.t - v.time) > 0
                for name in between & set(self.model.defined)
                for v in mx.variables(self.model.defined[name].rhs)
                if v.times and v.time != mx.t and v.name in between
            }
        return (gap > 0) not in self._ways[of, by]

    def reaches(self, name: str, other: str) -> bool:
        """Whether a variable is read, at any step, on the way to another."""
        return name in self._below(other)

    def _below(self, name: str) -> set[str]:
        """Everything a variable depends on, at any step."""
        if name not in self._read:
            found, todo = {name}, [name]
            while todo:
                e = self.model.defined.get(todo.pop())
                new = {v.name for v in mx.variables(e.rhs)} - found if e is not None else set()
                found |= new
                todo += new
            self._read[name] = found
        return self._read[name]

    def _is_state(self, name: str) -> bool:
        return any(d.name == name for d in self.model.states)

    def _may_step(self, f: Factor, atoms: list[Factor]) -> bool:
        """dh_t/dθ is rewritten where dh_{t−1}/dθ stands beside it; dg_{t+1}/dθ, if g runs back."""
        sign = -1 if self.model.table[f.name[1]].reversed else 1
        return any(
            g.name == f.name
            and g.times
            and g.times[0].terms == f.times[0].terms
            and sign * g.times[0].const < sign * f.times[0].const
            for g in atoms
        )

    def _identity(self, f: Factor) -> Poly:
        half = len(f.slots) // 2
        out = p.constant(1)
        for i, j in zip(f.slots[:half], f.slots[half:], strict=True):
            out = p.mul(out, delta(i, j))
        return out
