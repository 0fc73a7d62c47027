"""What the author's gradient letters may stand for.

By the author's own words, else by name and role.
"""

from __future__ import annotations

from dataclasses import replace

import sympy

from ... import matrix as mx
from .. import surface as s
from ..forward.drafts import FUNCTIONS
from ..meaning.choice import NEXT, Gradient, UnknownError, shorthand_key
from ..naming import Parts
from ..world import FUTURE, IMMEDIATE
from .judge import Judge
from .line import Line

# Words beside a gradient letter that say which part of the gradient it is.
PART = {
    **dict.fromkeys(("total", "tot", "full", "all", "sum"), "L"),
    **dict.fromkeys(("future", "rec", "recurrent", "later", "time", "carry"), "future"),
    **dict.fromkeys(("out", "output", "local", "direct", "own", "loss", "above"), "own"),
}


def name_gradients(judge: Judge) -> None:
    """The author's gradient letters and what they may stand for."""
    for line in judge.lines:
        for side in (line.claim.left, line.claim.right):
            for n in s.walk(side) if side is not None else ():
                if isinstance(n, s.Shorthand):
                    q = judge.naming.parts(n.of)
                    _candidate(judge, shorthand_key(n, q), q, of=n.of)
                elif isinstance(n, s.Symbol) and n.gradient_like:
                    q = judge.naming.parts(n)
                    _candidate(judge, q.name, q)
    for line in judge.lines:
        _from_above(judge, line)
    for key, options in judge.candidates.items():
        if options:
            judge.gradients[key] = options[0]
    for line in judge.lines:
        _stated(judge, line)
    for line in judge.lines:
        _named_at_end(judge, line)
    for line in judge.lines:
        _named_part(judge, line)
    for key, g in judge.assumed.items():
        judge.gradients[key] = g
        judge.stated.add(key)


def _candidate(judge: Judge, key: str, q: Parts, of: s.Symbol | None = None) -> None:
    if key in judge.candidates:
        return
    found: list[Gradient] = []
    word = next((x for x in q.labels if x in PART), "")
    part = PART.get(word, "")
    q = replace(q, labels=tuple(x for x in q.labels if x != word)) if part else q
    later = q.time is not None and NEXT in sympy.sympify(q.time).free_symbols
    if of is not None:
        entering = q.letter in judge.system.losses and not q.labels and not _known(judge, q)
        for name in [main_state(judge)] if entering else _quantities(judge, q):
            found += _scopes(judge, name, later)
            inner = judge.system.pre.get(name)
            if inner:
                found += _scopes(judge, inner, later)
    else:
        for name in _delta_targets(judge, q):
            every = _scopes(judge, name, later)
            numbered = q.letter[-1].isdigit()
            parts = numbered or q.letter == "Δ"  # what flows in from above or from step t + 1
            if q.letter == "Δ":
                every = [g for g in every if g.scope != "step"]
            found += [g for g in every if parts or g.scope in ("L", "step", part)]
        if q.letter[-1].isdigit():
            found.append(Gradient(main_state(judge), "future", -1))
            found += [Gradient(d.name) for d in judge.system.model.inputs]
    found.sort(key=lambda g: bool(part) and g.scope != part)
    judge.candidates[key] = found = [g for g in found if _exists(judge, g)] or found[:1]
    if found and not judge.ground.system.model.table[found[0].of].timed:
        judge.free.add(key)


def _from_above(judge: Judge, line: Line) -> None:
    """dA_t of dh_t = dA_t + dh_next, where A names nothing: what reaches h_t in its own step."""
    left = s.bare(line.claim.left)
    right = s.bare(line.claim.right) if line.claim.right is not None else None
    if not (isinstance(left, s.Shorthand) and isinstance(right, s.Sum) and len(right.terms) == 2):
        return
    terms = [s.bare(x) for x in right.terms]
    if not all(isinstance(x, s.Shorthand) for x in terms) or right.signs != ("+", "+"):
        return
    keys = [shorthand_key(x, judge.naming.parts(x.of)) for x in terms if isinstance(x, s.Shorthand)]
    states = {d.name for d in judge.system.model.states}
    found = [n for n in _quantities(judge, judge.naming.parts(left.of)) if n in states]
    mine = shorthand_key(left, judge.naming.parts(left.of))
    later = [k for k in keys if k.endswith("_next")]
    nameless = [  # or dy, where the text has no output of its own
        k
        for k in keys
        if k not in (mine, *later) and {g.of for g in judge.candidates.get(k, ())} <= set(found)
    ]
    if len(nameless) == len(later) == 1:
        judge.candidates[nameless[0]] = [Gradient(n, x) for n in found for x in ("own", "step")]


def _scopes(judge: Judge, name: str, later: bool) -> list[Gradient]:
    d = judge.system.model.table.get(name)
    if d is None:
        return []
    if not d.timed:
        return [Gradient(name, "L"), Gradient(name, "copy"), Gradient(name, "step")]
    scopes = ["L", "step", "own", "future"] if not later else ["future", "L"]
    out = [Gradient(name, x) for x in scopes]
    if later:
        out += [Gradient(name, "future", -1), Gradient(name, "L", 1)]
    if judge.system.model.loss.over == "mean":
        out.append(Gradient(name, "L", 0, mx.T))
    return out


def _exists(judge: Judge, g: Gradient) -> bool:
    """Whether there is such a gradient at all: a gate has no part from later steps."""
    if g.scope not in ("future", "own"):
        return True
    kind = FUTURE if g.scope == "future" else IMMEDIATE
    value = judge.ground.world.derivative(("L", None), (g.of, 2), kind)
    return bool((abs(value) > 0).any())


def _quantities(judge: Judge, q: Parts) -> list[str]:
    m = judge.quantities
    plain = replace(q, time=None) if q.time is not None else q
    if q.letter in FUNCTIONS and not q.labels:  # dtanh: by what the function is applied to
        inner = [
            judge.system.pre[e.lhs.name]
            for e in judge.system.model.equations
            if e.lhs.name in judge.system.pre and isinstance(e.rhs, mx.Apply)
            if e.rhs.args[0].name == FUNCTIONS[q.letter]
        ]
        return inner if len(inner) == 1 else []
    if plain.labels and plain.labels[-1] in ("raw", "pre"):
        try:
            name = m.find(replace(plain, labels=plain.labels[:-1]))
        except UnknownError:
            return []
        return [judge.system.pre.get(name, name)]
    try:
        name = m.find(q)
    except UnknownError:
        if plain.labels and len(plain.labels[-1]) > 2:  # g_{c_t}^{total}: a word says which part
            return _quantities(judge, replace(q, labels=q.labels[:-1]))
        return []
    if judge.system.model.table[name].role == "target" and judge.system.output:
        return [judge.system.output]  # dy of a label y: nobody asks for the derivative by it
    return [name]


def _delta_targets(judge: Judge, q: Parts) -> list[str]:
    """What δ, δ_f, δ^y may be a gradient by."""
    pre = judge.system.pre
    label = next((x for x in q.labels if x != "'"), "")
    out: list[str] = []
    layer = [d.name for d in judge.system.model.states if d.name.endswith(f"_{label}")]
    if label.isdigit() and len(layer) == 1:  # δ_t^{(2)} of h_t^{(2)}
        return [x for x in (layer[0], pre.get(layer[0])) if x]
    if label:
        m = judge.quantities
        for mark in ("tilde", "hat", "bar"):
            if label.endswith(mark):
                inner = Parts(label[: -len(mark)], (mark,))
                break
        else:
            inner = Parts(label)
        try:
            name = m.find(inner)
        except UnknownError:
            return []
        for x in (pre.get(name), name, *_weighted(judge, label)):
            if x and x not in out:
                out.append(x)
        return out
    state = main_state(judge)
    if q.marks:  # δ̃ of h̃
        try:
            state = judge.quantities.find(Parts(state, q.marks))
        except UnknownError:
            pass
    for other in (state, pre.get(state)):
        if other and other not in out:
            out.append(other)
    return out


def _weighted(judge: Judge, label: str) -> list[str]:
    """What is computed with W_h, U_h, b_h: δ^h of a candidate h̃ is by what its tanh is of."""
    model = judge.system.model
    params = {d.name for d in model.declarations if not d.timed}
    return [
        e.lhs.name
        for e in model.equations
        if any(v.name in params and v.name.endswith(f"_{label}") for v in mx.variables(e.rhs))
    ]


def main_state(judge: Judge) -> str:
    """The state that the output reads: h of h and c."""
    states = [d.name for d in judge.system.model.states]
    out = judge.system.output
    if out in states or not states:
        return out
    reads = {v.name for v in mx.variables(judge.system.model.defined[out].rhs)}
    while not reads & set(states):
        more = {
            v.name
            for n in reads
            if n in judge.system.model.defined
            for v in mx.variables(judge.system.model.defined[n].rhs)
        }
        if more <= reads:
            return states[-1]
        reads |= more
    return next(x for x in states if x in reads)


def _stated(judge: Judge, line: Line) -> None:
    """`δ_t = ∂L/∂h_t`, said by the author."""
    claim = line.claim
    if claim.right is None or claim.relation not in ("=", ":=") or claim.continued:
        return
    found = judge.key_of(claim.head if claim.link > 1 and claim.head is not None else claim.left)
    if found is None or found[0] in judge.stated:
        return
    key, q = found
    right = s.bare(claim.right)
    minus = isinstance(right, s.Sum) and right.signs == ("-",)
    right = s.bare(right.terms[0]) if isinstance(right, s.Sum) and minus else right
    upright = isinstance(right, s.Transpose)
    if isinstance(right, s.Transpose):  # δ_t = (dL/dh_t)^⊤, a column where gradients are rows
        right = s.bare(right.base)
    if claim.relation == ":=" and not isinstance(right, s.Derivative):
        if _defines_again(judge, q, right):
            return  # an equation like any other: it holds of that quantity, or it does not
        judge.aliases[key] = (q.time, claim.right)
        judge.gradients.pop(key, None)
        judge.candidates.pop(key, None)
        judge.stated.add(key)
        line.how = "stated"
        return
    if not isinstance(right, s.Derivative) or right.of is None:
        return
    symbol = s.bare(claim.left)
    known = isinstance(symbol, s.Symbol) and not symbol.gradient_like and _known(judge, q)
    if known:
        return
    of, by = s.bare(right.of), s.bare(right.by)
    if isinstance(of, s.Symbol) and isinstance(by, s.Symbol):
        p, r = judge.naming.parts(of), judge.naming.parts(by)
        if p.letter in judge.system.losses and p.name not in judge.system.names:
            try:
                name = judge.quantities.find(r)
            except UnknownError:
                return
            first = q.second is not None and (p.time, r.time) == (q.time, q.second)
            lag = 0 if first else _lag(judge, q, r)
            scope = "L"
            if p.time is not None and q.second is None:
                scope = "own" if p.time == q.time else "step"
            judge.gradients[key] = Gradient(
                name, scope, lag, (-1 if minus else 1) * judge.system.signs.get(p.letter, 1), first
            )
            judge.stated.add(key)
            judge.upright |= {key} if upright else set()
            judge.free.discard(key)
            line.how = "stated"
            return
    judge.aliases[key] = (q.time, claim.right, q.components)
    judge.gradients.pop(key, None)
    judge.stated.add(key)
    line.how = "stated"


def _named_at_end(judge: Judge, line: Line) -> None:
    """`∂L/∂o_t = … = δ_{o_t}`: a letter with the name of what the chain is the derivative by."""
    claim = line.claim
    if claim.right is None or claim.relation != "=" or claim.continued:
        return
    end, head = s.bare(claim.right), s.bare(claim.head if claim.head is not None else claim.left)
    if not (isinstance(end, s.Symbol) and end.gradient_like and isinstance(head, s.Derivative)):
        return
    q = judge.naming.parts(end)
    of, by = s.bare(head.of) if head.of is not None else None, s.bare(head.by)
    if q.name in judge.stated or not q.labels or not isinstance(of, s.Symbol):
        return
    if not isinstance(by, s.Symbol) or (r := judge.naming.parts(by)).time != q.time:
        return
    p = judge.naming.parts(of)
    scope = "L" if p.time is None else "own" if p.time == q.time else "step"
    g = Gradient(r.name, scope, 0, judge.system.signs.get(p.letter, 1))
    same = [x for x in judge.candidates.get(q.name, ()) if judge.quantities.means(r)]
    if p.letter in judge.system.losses and p.name not in judge.system.names and same:
        name = judge.quantities.find(r)
        if name in {x.of for x in same}:
            judge.gradients[q.name] = replace(g, of=name)
            judge.stated.add(q.name)
            judge.free.discard(q.name)


def _named_part(judge: Judge, line: Line) -> None:
    """g_{c_t}^{peep} = δ_o ⊙ p_o: a word of the author for one term, which the line defines."""
    claim, left = line.claim, s.bare(line.claim.left)
    if not isinstance(left, s.Shorthand) or claim.right is None or claim.relation != "=":
        return
    q = judge.naming.parts(left.of)
    key = shorthand_key(left, q)
    last = q.labels[-1] if q.labels else ""
    if key in judge.stated or len(last) < 3 or last in (*PART, "raw", "pre"):
        return
    if judge.quantities.means(q) or not judge.candidates.get(key):
        return
    judge.aliases[key] = (q.time, claim.right)
    judge.gradients.pop(key, None)
    judge.candidates.pop(key, None)
    judge.stated.add(key)
    line.how = "alias"


def _lag(judge: Judge, q: Parts, r: Parts) -> int:
    if q.time is None or r.time is None:
        return 0
    gap = sympy.expand(r.time - q.time)
    return int(gap) if gap.is_Integer else 0


def _defines_again(judge: Judge, q: Parts, right: s.Node) -> bool:
    """h_t := σ(a_t) of an h that the system has already, in letters that all mean something."""
    heads = {n.head for n in s.walk(right) if isinstance(n, s.Apply)}
    read = (judge.naming.parts(x) for x in s.symbols(right) if x not in heads)
    return _known(judge, q) and all(judge.quantities.means(x) for x in read)


def _known(judge: Judge, q: Parts) -> bool:
    return q.name in judge.system.names


def name_aliases(judge: Judge) -> None:
    """Symbols the author defines by a formula and the model does not know."""
    for line in judge.lines:
        claim = line.claim
        if claim.right is None or claim.relation not in ("=", ":=") or claim.continued:
            continue
        left = s.bare(claim.left)
        if not isinstance(left, s.Symbol) or left.gradient_like:
            continue
        q = judge.naming.parts(left)
        if q.name in judge.aliases or q.name in judge.gradients or _known(judge, q):
            continue
        if q.letter in judge.system.losses or len(q.components) > 1:
            continue
        try:
            judge.quantities.find(q)
            continue
        except UnknownError:
            pass
        judge.aliases[q.name] = (q.time, claim.right, q.components)
        line.how = "alias"
