"""The chain rule from a derivative to those that the line's right side is written in.

Backwards for a gradient, one term for each equation that reads the quantity; onwards for a
Jacobian, by what its equation reads; the product of the step Jacobians over many steps.
"""

from __future__ import annotations

from ... import matrix as mx
from ...indices.poly import Factor, Lin
from ...model import Equation
from ..proof.chain import ChainRule
from ..world import FUTURE, IMMEDIATE, TOTAL
from .reach import depends, in_time, readers_of
from .speech import NOW, Speech, before, difference, symbol

LONGEST = 12  # steps of an explanation


class Walk:
    """The steps of one line; `goals` are the derivatives its right side is written in."""

    def __init__(self, speech: Speech, chain: ChainRule, goals: set[Factor]):
        self.speech, self.chain, self.model = speech, chain, speech.model
        self.goals = {(*self._pair(f), f.times[-1:]) for f in goals}
        self.said: list[list[str]] = []
        self.done: set[object] = set()  # a derivative of one pair is explained once, at one step
        self.reached: set[object] = set()  # the pairs that the steps lead to
        self.later = False  # whether some path comes from a later step

    def explain(self, f: Factor, further: bool = True) -> None:
        """A derivative, and those its rule leads to, up to the goals; `further`: not it alone."""
        todo = [f]
        while todo and len(self.said) < LONGEST:
            f = todo.pop(0)
            if self._pair(f) in self.done:
                continue
            self.done.add(self._pair(f))
            step, leads = self._step(f)
            if step:
                self.said.append(step)
            self.reached |= {self._pair(g) for g in leads}
            if further:
                todo += [g for g in leads if (*self._pair(g), g.times[-1:]) not in self.goals]

    def is_open(self, f: Factor) -> bool:
        """Whether a derivative on the right side is one that no step has led to."""
        return self._pair(f) not in self.reached

    def _pair(self, f: Factor) -> tuple[object, ...]:
        """Of what and by what; the loss of a step and the whole loss have one chain rule."""
        of = "L" if f.name[1] == self.speech.loss else f.name[1]
        return (of, f.name[2])

    def _step(self, f: Factor) -> tuple[list[str], list[Factor]]:
        kind, of, _, _, by_timed, copied = f.name
        if of in ("L", self.speech.loss) and by_timed:
            return self._backward(f)
        if of in ("L", self.speech.loss):
            return self._parameter(f)
        if of not in self.model.defined:
            return [], []  # a parameter by itself, an input: nothing to follow
        gap = difference(f.times[0], f.times[1]) if by_timed else None
        if gap is not None and gap.terms:
            return self._product(f), []
        states = {d.name for d in self.model.states}
        if of in states and not by_timed and kind == TOTAL and not copied:
            return self._sensitivity(f)
        return self._onward(f)

    # -- gradients

    def _backward(self, f: Factor) -> tuple[list[str], list[Factor]]:
        """dL/dv: one term for each equation that reads v."""
        kind, of, by, *_ = f.name
        time = f.times[-1]
        last = f.times[0] if of != "L" else None  # the step whose loss alone is meant
        paths = []
        for e, x in readers_of(self.model, by, timed=True):
            lag = int(mx.t - x.time)
            at = Lin(time.const + lag, time.terms)
            if (kind == IMMEDIATE and lag) or (kind == FUTURE and not lag):
                continue
            if last is not None and not in_time(self.model, e, at, last):
                continue
            if at.const > 0 and at.terms == (("T", 1),):
                continue  # T is the last step
            paths.append((lag, e, x, at))
        paths.sort(key=lambda x: x[0])
        target = "the loss" if last is None else self.speech.at(self.speech.loss, last)
        here = self.speech.at(by, time)
        if not paths:
            return [f"{here} does not reach {target}: the gradient is 0."], []
        self.later = self.later or any(lag for lag, *_ in paths)
        through = [
            f"{self.speech.at(e.lhs.name, at)}{_when(lag) if len(paths) > 1 else ''}"
            for lag, e, _, at in paths
        ]
        if len(paths) == 1 and paths[0][1].lhs.name == self.speech.loss:
            out = [f"{here} stands in {through[0]} itself."]
        elif len(paths) == 1:
            out = [f"{here} reaches {target} through {through[0]} alone."]
        else:
            out = [f"{here} reaches {target} on {len(paths)} paths, and the chain rule adds up "
                   f"one term for each: through {', '.join(through)}."]  # fmt: skip
        total, leads = self._terms(f, [(e, x, at) for _, e, x, at in paths], out)
        part = {IMMEDIATE: " (within the step)", FUTURE: " (from later steps)"}.get(kind, "")
        left = self.speech.ratio(of, by, last, time)
        return [*out, f"  {left}{part} = {' + '.join(total)}"], leads

    def _parameter(self, f: Factor) -> tuple[list[str], list[Factor]]:
        """dL/dθ: one term for each step, by the copy that the step reads."""
        _, of, by, _, _, copied = f.name
        last = f.times[0] if of != "L" else None
        at = f.times[-1] if copied else NOW if last is None else Lin(0, (("k", 1),))
        paths = [(e, x, at) for e, x in readers_of(self.model, by, timed=False)]
        readers = " and ".join(self.speech.at(e.lhs.name, at) for e, *_ in paths)
        name = self.speech.at(by, None)
        step = "t" if last is None else "k"
        every = "" if copied else f" at every step {step}: the gradient is a sum over the steps"
        out = [f"{name} is read by {readers}{every}."]
        leads: list[Factor] = []
        total, leads = self._terms(f, paths, out)
        joined = " + ".join(total)
        if not copied:
            end = "T" if last is None else _text(last)
            joined = f"Σ_{{{step}=1}}^{end} {joined if len(total) == 1 else f'({joined})'}"
        left = self.speech.ratio(of, by, last, None)
        return [*out, f"  {left} = {joined}"], leads

    def _terms(
        self, f: Factor, paths: list[tuple[Equation, mx.Var, Lin]], out: list[str]
    ) -> tuple[list[str], list[Factor]]:
        """What each path gives, said in `out`; and the gradients that stand in it."""
        kind, of, *_ = f.name
        last = f.times[0] if of != "L" else None
        total, leads = [], []
        for e, x, at in paths:
            term = self.speech.term(e, x, at, (of, last))
            total.append(term)
            if e.lhs.name == self.speech.loss:
                continue
            j = self.speech.ratio(e.lhs.name, x.name, at, before(at, x), "∂")
            shape = self.speech.shape(e.lhs.shape, x.shape)
            form = self.speech.form(e, x, at)
            out.append(f"  the Jacobian {j}{form} is {shape}; this path gives {term}")
            after = TOTAL if kind == FUTURE else kind
            times = (at,) if last is None else (last, at)
            leads.append(
                Factor("var", (after, of, e.lhs.name, last is not None, True, False), times)
            )
        return total, leads

    def pairs(self, f: Factor) -> None:
        """A gradient as a sum over pairs of steps: where it enters, and where it reaches a loss."""
        _, _, by, _, timed, _ = f.name
        (state,) = self.model.states
        t, k = NOW, Lin(0, (("k", 1),))
        here, there = self.speech.at(state.name, k), self.speech.at(state.name, t)
        own = self.speech.ratio(self.speech.loss, state.name, t, t, "∂")
        road = self.speech.ratio(state.name, state.name, t, k)
        if timed:
            k = f.times[-1]
            here, low = self.speech.at(by, k), _text(k)
            road = self.speech.ratio(state.name, by, Lin(0, (("s", 1),)), k)
            later = Lin(0, (("s", 1),))
            own = self.speech.ratio(self.speech.loss, state.name, later, later, "∂")
            left = self.speech.ratio("L", by, None, k)
            self.said.append([
                f"What {here} changes travels on to each later step s, and reaches its loss there.",
                f"  {left} = Σ_{{s={low}}}^T {own} · {road}",
            ])  # fmt: skip
        else:
            name, left = self.speech.at(by, None), self.speech.ratio("L", by, None, None)
            enters = self.speech.ratio(state.name, by, k, None, "∂")
            self.said.append([
                f"{name} enters at every step k, through {here}; what it changes there travels on "
                f"to {there} and reaches the loss of each step t ≥ k.",
                f"  {left} = Σ_{{t=1}}^T Σ_{{k=1}}^t {own} · {road} · {enters}, one term for each "
                "pair of steps; the last factor is immediate: everything before step k held fixed",
            ])  # fmt: skip
        self.done.add(self._pair(f))

    # -- Jacobians

    def _onward(self, f: Factor) -> tuple[list[str], list[Factor]]:
        """dw/dv: by what the equation of w reads."""
        kind, of, by, _, timed, copied = f.name
        e = self.model.defined.get(of)
        at = f.times[0]
        source = f.times[1] if timed else None
        if e is None or (of == by and at == source):
            return [], []
        out: list[str] = []
        terms: list[str] = []
        leads: list[Factor] = []
        for x in dict.fromkeys(mx.variables(e.rhs)):
            if not self.model.is_differentiable(x):
                continue
            when = before(at, x)
            direct = x.name == by and when == source
            if not direct and not self._between(x, when, f):
                continue
            j = self.speech.ratio(of, x.name, at, when, "∂")
            shape = self.speech.shape(e.lhs.shape, x.shape)
            out.append(f"  it reads {self.speech.at(x.name, when)}: the Jacobian "
                       f"{j}{self.speech.form(e, x, at)} is {shape}")  # fmt: skip
            rest = self.speech.ratio(x.name, by, when, source, "d" if kind == TOTAL else "∂")
            terms.append(j if direct else f"{j} · {rest}")
            if not direct and when is not None:
                name = (kind, x.name, by, True, timed, copied)
                leads.append(Factor("var", name, (when, *f.times[1:])))
        if not terms:
            return [], []
        mark = "d" if kind == TOTAL else "∂"
        left = self.speech.ratio(of, by, at, source, mark)
        here = self.speech.at(of, at)
        if not leads:
            read = out[0].split(": the Jacobian ")[1]
            return [f"The Jacobian {read}, by the equation of {here}."], []
        head = f"{left} comes from the equation of {here}."
        return [head, *out, f"  {left} = {' + '.join(terms)}"], leads

    def _between(self, x: mx.Var, when: Lin | None, f: Factor) -> bool:
        """Whether a value that w reads lies on a path from v."""
        kind, _, by, _, timed, _ = f.name
        if when is None or x.name not in self.model.defined or (not when.terms and when.const <= 0):
            return False
        if kind != TOTAL and when != f.times[0]:
            return False
        if not timed:
            return depends(self.model, x.name, by)
        gap = difference(when, f.times[1])
        if gap.terms or gap.const > 0:
            return True
        return gap.const == 0 and depends(self.model, x.name, by)

    def _product(self, f: Factor) -> list[str]:
        """Many steps: the product of the step Jacobians."""
        _, of, by, *_ = f.name
        j, one = Lin(0, (("j", 1),)), Lin(-1, (("j", 1),))
        step = self.speech.ratio(of, by, j, one, "∂")
        shape = self.speech.shape(self.model.table[of].shape, self.model.table[by].shape)
        here, there = self.speech.at(by, f.times[1]), self.speech.at(of, f.times[0])
        left = self.speech.ratio(of, by, f.times[0], f.times[1])
        low, end = _text(Lin(f.times[1].const + 1, f.times[1].terms)), _text(f.times[0])
        return [
            f"From {here} to {there} each step j hands on what changed, by its Jacobian {step}, "
            f"{shape}.",
            f"  {left} = ∏_{{j={low}}}^{{{end}}} {step}, the latest step on the left; the identity "
            "where there is no step between",
        ]

    def _sensitivity(self, f: Factor) -> tuple[list[str], list[Factor]]:
        """dw_t/dθ over all steps."""
        _, of, by, *_ = f.name
        at = f.times[0]
        k = Lin(0, (("k", 1),))
        left = self.speech.ratio(of, by, at, None)
        own = self.speech.ratio(of, by, k, None, "∂")
        change = f"{self.speech.at(of, k)} carries the change on to {self.speech.at(of, at)}"
        return [
            f"{self.speech.at(by, None)} enters at every step k, and {change}.",
            f"  {left} = Σ_{{k=1}}^{{{_text(at)}}} {self.speech.ratio(of, of, at, k)} · {own}, ∂ "
            "immediate: everything before step k held fixed",
        ], [Factor("var", (TOTAL, of, of, True, True, False), (at, k))]


def _text(time: Lin) -> str:
    return str(symbol(time)).replace(" ", "")


def _when(lag: int) -> str:
    return "" if lag == 0 else " one step later" if lag == 1 else f" {lag} steps later"


__all__ = ["Walk"]
