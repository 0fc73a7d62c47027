"""The author's symbols and the names of a given model: which is which, and how that was found.

By the front matter, then by name where the roles agree, then by shape and role: the author's own
forward equations and the model's are laid over each other, and an assignment of the rest counts
only if every state's equation is then the same for all sizes.

    s_t = tanh(U x_t + W s_{t−1})   and   h[t] = tanh(W_xh @ x[t] + W_hh @ h[t-1])
    s is h (state), U is W_xh, W is W_hh (the same equations)
"""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from .. import matrix as mx
from ..errors import ModelError, SymbpttError
from ..indices import same
from ..model import Declaration, Equation, Model, lag_of
from ..parse.names import spelled
from .nearly import nearly

MOST = 24  # assignments of equal-looking symbols that are tried


@dataclass(frozen=True)
class Match:
    """One symbol of the author: what the model calls it, and how it was found."""

    name: str
    model: str
    role: str
    shape: tuple[Any, ...]
    how: str  # "front matter", "name", "equations", "most equations" or "role"

    def __str__(self) -> str:
        shape = f" ({', '.join(map(str, self.shape))})" if self.shape else ""
        model = self.model
        if model.endswith("~"):  # the argument of a function, which the model does not name
            model = f"the argument in {model[:-1]}"
        return f"{self.name} is {model}: {self.role}{shape}, by {self.how}"


@dataclass(frozen=True)
class Matching:
    """All of them, and the author's symbols that match nothing."""

    matches: tuple[Match, ...]
    unmatched: tuple[str, ...] = ()

    @property
    def names(self) -> dict[str, str]:
        """The author's name -> the model's."""
        return {m.name: m.model for m in self.matches}

    def __str__(self) -> str:
        lines = [str(m) for m in self.matches]
        if self.unmatched:
            lines.append(f"not in the model: {', '.join(self.unmatched)}")
        return "\n".join(lines)


def match(
    symbols: Mapping[str, bool],
    given: Model,
    rename: Iterable[tuple[str, str]] = (),
    own: Model | None = None,
    split: Model | None = None,
) -> Matching:
    """Match the author's symbols, each with whether it carries a time, to the names of `given`.

    `own` is the model of the author's forward equations, where there are any, and `split` the same
    with a name for what each function is of. Raises ModelError for a renaming to a name the model
    does not have.
    """
    found: dict[str, tuple[str, str]] = {}
    for name, target in rename:
        found[name] = (_declared(target, given), "front matter")
    for name, timed in symbols.items():
        d = next((d for d in given.declarations if _alike(name, d.name)), None)
        if d is None or name in found or d.timed != timed or d.name in _taken(found):
            continue
        if own is None or name not in own.table or _agree(own.table[name], d):
            found[name] = (d.name, "name")
    if own is not None:
        fixed = {n: m for n, (m, _) in found.items() if n in own.table}
        stated = {n: m for n, (m, how) in found.items() if n in fixed and how == "front matter"}
        pairs = overlay(own, given, fixed) or overlay(own, given, stated) or {}
        for name, target in pairs.items():
            if found.get(name, ("", ""))[0] != target:
                found = {n: x for n, x in found.items() if x[0] != target or n == name}
                found[name] = (target, "equations")
        found = found if pairs else _by_one_equation(found, own, given)
        if split is not None and not set(own.defined) - {own.loss.step.name} <= set(pairs):
            near = nearly(split, given, pairs or stated, _is) or {}
            for name, target in near.items():
                if found.get(name, ("", ""))[0] != target and name in own.table:
                    found = {n: x for n, x in found.items() if x[0] != target}
                    found[name] = (target, "most equations")
            pairs = pairs | near
        if pairs:
            found |= _last_of_its_kind(found, own, given)
    return Matching(
        tuple(_match(n, m, how, given) for n, (m, how) in found.items()),
        tuple(n for n in symbols if n not in found),
    )


def _by_one_equation(
    found: Mapping[str, tuple[str, str]], own: Model, given: Model
) -> dict[str, tuple[str, str]]:
    """With the parameters of each equation that has the name of one of `given` and is the same."""
    out = dict(found)
    for e in own.equations:
        target = out.get(e.lhs.name, ("",))[0]
        if target not in given.defined or e.lhs.name == own.loss.step.name:
            continue
        there, read = given.defined[target].rhs, mx.variables(e.rhs)
        known = {v.name: out[v.name][0] for v in read if v.name in out}
        mine = [v.name for v in read if not v.times and v.name not in out]
        free = [v.name for v in mx.variables(there) if not v.times and v.name not in _taken(out)]
        for some in itertools.islice(itertools.permutations(free, len(mine)), MOST):
            pairs = known | dict(zip(mine, some, strict=True))
            alike = all(_agree(own.table[n], given.table[m]) for n, m in pairs.items())
            sizes = _sizes(pairs, own, given) if alike else None
            if sizes is not None and _equal(_moved(e.rhs, pairs, sizes, given), there):
                out |= {n: (m, "equations") for n, m in zip(mine, some, strict=True)}
                break
    return out


def _last_of_its_kind(
    found: Mapping[str, tuple[str, str]], own: Model, given: Model
) -> dict[str, tuple[str, str]]:
    """The target, which no equation of the recurrence reads, where there is one of each."""
    a = [d for d in own.targets if d.name not in found]
    b = [d for d in given.targets if d.name not in _taken(found)]
    alone = len(a) == len(b) == 1 and len(a[0].shape) == len(b[0].shape)
    return {a[0].name: (b[0].name, "role")} if alone else {}


def _match(name: str, model: str, how: str, given: Model) -> Match:
    d = given.table[model]
    return Match(name, model, d.role, d.shape, how)


def _declared(target: str, given: Model) -> str:
    names = [d.name for d in given.declarations]
    found = next((n for n in names if _alike(target, n)), None)
    if found is None:
        close = difflib.get_close_matches(target, names, 1)
        raise ModelError(
            f"the model {given.name} has no {target!r}", close[0] if close else ", ".join(names)
        )
    return found


def _alike(a: str, b: str) -> bool:
    """W_{hh}, Whh and W_hh are one name."""
    return spelled(a).replace("_", "") == spelled(b).replace("_", "")


def _taken(found: Mapping[str, tuple[str, str]]) -> set[str]:
    return {model for model, _ in found.values()}


def _agree(a: Declaration, b: Declaration) -> bool:
    fixed = ("param", "hyper")  # a text does not say which of its constants are trained
    alike = a.role == b.role or (a.role in fixed and b.role in fixed)
    return alike and len(a.shape) == len(b.shape)


# -- two models laid over each other


def overlay(own: Model, given: Model, fixed: Mapping[str, str]) -> dict[str, str] | None:
    """Names of `own` -> names of `given`, under which the states' equations are the same.

    None where there is no such assignment that keeps `fixed`.
    """
    if len(own.states) != len(given.states) or not _is_recurrence(own):
        return None
    marks = _signatures(own), _signatures(given)
    options: dict[str, list[str]] = {}
    for d in own.declarations:
        if d.role not in ("state", "input", "param"):
            continue
        like = [
            e.name
            for e in given.declarations
            if _agree(d, e) and (d.classes is None) == (e.classes is None)
            and (e.role == "hyper" or marks[0][d.name] == marks[1][e.name])
        ]  # fmt: skip
        options[d.name] = [n for n in like if n == fixed.get(d.name, n)]
    best: dict[str, str] | None = None
    every = _assignments(sorted(options, key=lambda n: len(options[n])), options, {})
    for pairs in itertools.islice(every, MOST):
        sizes = _sizes(pairs, own, given)
        if sizes is not None and _same_states(pairs, sizes, own, given):
            both = _confirmed({**pairs, **_computed(pairs, sizes, own, given)}, own)
            best = both if best is None or len(both) > len(best) else best
            if len(best) == len(pairs) + len(own.equations) - 1:
                break
    return best


def _is_recurrence(model: Model) -> bool:
    """Whether every value is read a fixed number of steps away."""
    read = (v for e in model.equations for v in mx.variables(e.rhs) if v.times)
    return all((mx.t - v.time).is_Integer for v in read)


def _confirmed(pairs: dict[str, str], own: Model) -> dict[str, str]:
    """Without the names that only unmatched equations read: nothing speaks for those."""
    kept = set(pairs) & (set(own.defined) | {d.name for d in own.states})
    for name in tuple(kept):
        kept |= {v.name for v in mx.variables(own.unfold(own.defined[name].rhs))}
    return {n: m for n, m in pairs.items() if n in kept}


def _assignments(
    names: Sequence[str], options: Mapping[str, list[str]], chosen: dict[str, str]
) -> Iterator[dict[str, str]]:
    if len(chosen) == len(names):
        yield dict(chosen)
        return
    name = names[len(chosen)]
    for target in options[name]:
        if target not in chosen.values():
            yield from _assignments(names, options, {**chosen, name: target})


def _sizes(pairs: Mapping[str, str], own: Model, given: Model) -> dict[Any, Any] | None:
    """Sizes of `own` -> sizes of `given`, or None where two shapes contradict each other."""
    out: dict[Any, Any] = {}
    for a, b in pairs.items():
        for m, n in zip(own.table[a].shape, given.table[b].shape, strict=True):
            if m.is_Symbol and out.setdefault(m, n) != n:
                return None
    return out


def _moved(e: Any, pairs: Mapping[str, str], sizes: Mapping[Any, Any], given: Model) -> Any:
    """An expression of `own` in the names and sizes of `given`."""
    numbers = {d.name for d in given.hypers if not d.shape}  # a model has α as a number
    new: dict[Any, Any] = {
        v: mx.Scalar(sympy.Symbol(pairs[v.name], real=True))
        if pairs[v.name] in numbers
        else mx.Var(pairs[v.name], given.table[pairs[v.name]].shape, v.times)
        for v in mx.variables(e)
        if v.name in pairs
    }
    return e.xreplace(new | dict(sizes))  # at once: both models may call different sizes D


def _same_states(
    pairs: Mapping[str, str], sizes: Mapping[Any, Any], own: Model, given: Model
) -> bool:
    for d in own.states:
        a = own.unfold(own.defined[d.name].rhs)
        b = given.unfold(given.defined[pairs[d.name]].rhs)
        if not _equal(_moved(a, pairs, sizes, given), b):
            return False
    return True


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(same(a, b))
    except SymbpttError:
        return False


def _is(pairs: Mapping[str, str], e: Equation, f: Equation, own: Model, given: Model) -> bool:
    """Whether an equation of `own` is one of `given`, under some names."""
    sizes = _sizes(pairs, own, given)
    return sizes is not None and _equal(_moved(e.rhs, pairs, sizes, given), f.rhs)


def _computed(
    pairs: Mapping[str, str], sizes: Mapping[Any, Any], own: Model, given: Model
) -> dict[str, str]:
    """The variables that both compute to the same value; a readout brings its parameters along."""
    out: dict[str, str] = {}
    whole = dict(pairs)
    for e in own.equations:
        name, a = e.lhs.name, own.unfold(e.rhs)
        if name in whole or name == own.loss.step.name:
            continue
        for f in given.equations:
            b = given.unfold(f.rhs)
            target = f.lhs.name
            if target in {*whole.values(), *out.values()} or f.lhs.rank != e.lhs.rank:
                continue
            if target != given.loss.step.name and _equal(_moved(a, whole, sizes, given), b):
                out[name] = target
                break
    return out


def _signatures(model: Model) -> dict[str, Any]:
    """For each name: the places where the states and outputs read it, without any name.

    A place is the way from the root of an equation to the variable, the kinds of node passed.
    """
    out: dict[str, Counter[Any]] = {d.name: Counter() for d in model.declarations}
    states = {d.name for d in model.states}
    read = {v.name for e in model.equations for v in mx.variables(e.rhs) if lag_of(v) == 0}
    for e in model.equations:
        name = e.lhs.name
        chance = isinstance(e.rhs, mx.Softmax)  # some losses read it, and some what it is of
        if name == model.loss.step.name or chance or (name in read and name not in states):
            continue
        root = "state" if name in states else "output"
        for place, var in _places(model.unfold(e.rhs), (root,)):
            out[var.name][(*place, lag_of(var))] += 1
            if var.name in states and root == "state":
                out[name][(*place, lag_of(var), var.name == name)] += 1
    return {n: frozenset(c.items()) for n, c in out.items()}


def _places(e: Any, way: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], mx.Var]]:
    if isinstance(e, mx.Var):
        yield way, e
        return
    name = type(e).__name__
    inner = e.args
    if isinstance(e, mx.Apply):
        name, inner = e.args[0].name, e.args[1:]
    for x in inner:
        yield from _places(x, (*way, name) if way[-1] != name else way)
