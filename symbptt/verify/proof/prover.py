"""The proof of a line: for every T and all sizes, in index notation.

Both sides become polynomials whose factors are the forward values and derivative atoms. Atoms
are rewritten by the chain rule until what is left on both sides is the same, or nothing more can
be rewritten; then once more with closed forms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...errors import SymbpttError
from ...indices import poly as p
from ...indices.budget import TooLongError, budget
from ...indices.canon import canonical
from ...indices.decide import vanishes
from ...indices.lower import free_slots
from ...indices.poly import Factor, Lin, Poly
from ..algebra.letters import Letters
from ..algebra.tensor import Tensor
from ..forward.system import System
from ..judge.judge import Judge
from ..judge.readings import Reading
from ..judge.statement import Statement
from ..meaning.formula import Meaning
from ..naming import Naming
from ..world import TOTAL
from .chain import ROUNDS, ChainRule
from .closed import Closed
from .horizon import at_horizon
from .limits import limits
from .parts import Parts
from .propagators import Propagators
from .substitute import is_atom, shown, substituted, with_time
from .values import Values

MOST = 120  # monomials; a rewriting that grows beyond them comes to no end
STEPS = 200_000  # of arithmetic for one proof, twice what the longest of the zoo's takes


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
        self.steps = system.steps
        self.chain = ChainRule(self.model, system.steps)
        self.values = Values(self.model)
        self.propagators = Propagators(self.model, self.chain, self.values)
        kept = Propagators(self.model, self.chain, self.values, whole=True)
        self.closed, self.whole = (
            Closed(self.model, self.chain, self.values, x) for x in (self.propagators, kept)
        )
        self.parts = Parts(self.model, self.chain, self.values)

    def prove(self, reading: Reading) -> Proof:
        try:
            with budget(STEPS):
                return self._prove(reading)
        except TooLongError:
            return Proof(False, why="a proof takes more steps of arithmetic than one line may")
        except (SymbpttError, ValueError, KeyError, IndexError, RecursionError) as error:
            return Proof(False, why=str(error) or type(error).__name__)

    def _prove(self, reading: Reading) -> Proof:
        statement = reading.statement
        left, right = self.sides(statement, reading)
        slots = free_slots(left.shape)
        zero = p.add(left.data(slots, {}), p.scale(right.data(slots, {}), -1))
        zero = self.values.folded(self._within(zero, reading))
        for joined in [] if self.steps else self.parts.joined(zero):
            if vanishes(joined):
                return Proof(True, ("the backward and the forward road, by summation by parts",))
        steps: list[str] = []
        for rewrite in self._roads(zero):
            current = zero
            for _ in range(ROUNDS):
                current = canonical(at_horizon(canonical(current), self.steps))
                if not current:
                    return Proof(True, tuple(steps))
                current, said = rewrite(current)
                if said is None or len(current) > MOST:
                    break
                steps.append(said)
            if len(current) > MOST:
                continue
            current = canonical(self.values.opened(canonical(current)))
            current = canonical(at_horizon(current, self.steps))
            if vanishes(current):
                return Proof(True, tuple(steps))
            if rewrite is self.whole:
                steps = []
                continue
            for written in self.values.written(current):
                products = self.propagators.products(written)
                if vanishes(canonical(written)) or vanishes(canonical(products)):
                    return Proof(True, (*steps, "pre-activations written out"))
            steps = []
        return Proof(False, why="the sides could not be brought to one form")

    def _roads(self, q: Poly) -> tuple[Callable[[Poly], tuple[Poly, str | None]], ...]:
        """The ways of rewriting, the likeliest first: a closed form is met by closed forms, and
        by those that keep the Jacobian of a step whole before those that write it out."""
        if any(f.kind in ("timeprod", "matpow") for m in q for f, _ in m.factors):
            return self.whole, self.closed, self._stepwise
        return self._stepwise, self.closed

    def sides(self, statement: Statement, reading: Reading) -> tuple[Tensor, Tensor]:
        alg = Letters(self.model)
        m = Meaning(self.system, self.naming, alg, reading.choice)
        left = m.left(statement.left)
        right = m.right(statement.right, left)
        if right.rank == 0 and left.rank:
            inner = right.data
            right = Tensor(lambda slots, bound: inner((), bound), left.shape, left.left)
        if left.shape != right.shape:
            raise SymbpttError("the sides have different shapes")
        return left, right

    def _within(self, q: Poly, reading: Reading) -> Poly:
        """Only steps at which every value exists: 1 ≤ t, t + 1 ≤ T; T itself for `last`."""
        for limit in sorted(limits(q, reading, self.model, self.naming), key=repr):
            if limit.terms:
                q = p.mul(q, p.atom(Factor("ge", "", (limit,))))
        if reading.statement.last:
            q = with_time(q, "t", Lin(0, (("T", 1),)))
        return q

    def _stepwise(self, q: Poly) -> tuple[Poly, str | None]:
        """Rewrite the atom that is furthest from the common ground, and all within one step."""
        q = self.propagators.products(self.values.named(q))
        atoms = [f for m in q for f, _ in m.factors if is_atom(f)]
        if not atoms:
            return self.propagators.peeled(q), None
        todo = sorted(set(atoms), key=self._distance)
        for f in todo:
            poly = self.chain.expansion(f, atoms)
            if poly is None:
                continue
            q = substituted(q, f, poly)
            for g in todo:
                if g != f and (g.name == f.name or g.name[0] != TOTAL) and g.times == f.times:
                    poly = self.chain.expansion(g, atoms)
                    q = q if poly is None else substituted(q, g, poly)
            return q, f"{shown(f)} by the chain rule"
        for f in todo:
            poly = self.chain.of_losses(f, atoms)
            if poly is not None:
                return substituted(q, f, poly), f"{shown(f)} = Σ over the losses of the steps"
        return self._once_more(q, todo), None

    def _once_more(self, q: Poly, todo: list[Factor]) -> Poly:
        """The latest gradients of states by one step more: δ = its own part + the later part."""
        for f in todo:
            if f.name[1] == "L" and f.name[4] and f.name[0] == TOTAL:
                q = substituted(q, f, self.chain.readers(TOTAL, f.name[2], f.times[0], f.slots))
        for _ in range(ROUNDS):
            q = self.propagators.products(self.values.named(canonical(q)))
            states = {d.name for d in self.model.states}
            atoms = [f for m in q for f, _ in m.factors if is_atom(f)]
            for f in atoms:
                if f.name[1] == "L" and f.name[4] and f.name[2] in states and f.name[0] == TOTAL:
                    continue
                poly = self.chain.expansion(f, [f])
                if poly is not None:
                    q = substituted(q, f, poly)
                    break
            else:
                return q
        return q

    def _distance(self, f: Factor) -> Any:
        """Atoms to rewrite first: those of gates and outputs, then the earliest states."""
        _, of, by, *_ = f.name
        states = {d.name for d in self.model.states}
        if of == "L":
            late = by in states
            offset = f.times[0].const if f.times else 0
            return (late, offset, self.chain.order.get(by, 0), repr(f))
        late = of in states
        offset = -f.times[0].const if f.times else 0
        return (late, offset, -self.chain.order.get(of, 0), repr(f))


class Provers:
    """Proofs for one judge: a prover for each ground its readings stand on."""

    def __init__(self, judge: Judge):
        self.judge = judge
        self.found: dict[str, Prover] = {}

    def prove(self, reading: Reading) -> Proof:
        if reading.ground not in self.found:
            system = self.judge.ground_of(reading).system
            self.found[reading.ground] = Prover(system, self.judge.naming)
        return self.found[reading.ground].prove(reading)
