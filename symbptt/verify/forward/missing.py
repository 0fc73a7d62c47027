"""What the author left out of the forward pass: functions, inputs, the readout."""

from __future__ import annotations

from typing import Any

import sympy

from ... import matrix as mx
from .. import surface as s
from ..naming import Parts
from .assembly import Assembly, loosely, names_seen, reads, terms
from .drafts import Draft, Size, is_matrix


def _differentiated(a: Assembly) -> dict[str, bool]:
    """Names of timed letters that stand above a ∂ by a state."""
    out: dict[str, bool] = {}
    for tree in a.trees:
        for n in s.walk(tree):
            if isinstance(n, s.Derivative) and n.of is not None:
                of, by = s.bare(n.of), s.bare(n.by)
                if isinstance(of, s.Symbol) and isinstance(by, s.Symbol):
                    q = a.naming.parts(of)
                    r = a.naming.parts(by)
                    if q.time is not None and r.time is not None:
                        out[q.name] = True
    return out


def free_state(a: Assembly) -> None:
    """h of i_t = W h_{t−1} + …, written at t elsewhere and never defined: a function of i_t."""
    b = a.b
    read = [
        (v, draft_time)
        for draft, draft_time in b.defined.values()
        for v in mx.variables(loosely(draft, b).make())
        if v.times and v.name not in b.defined and draft_time == mx.t
    ]
    written = {q.name for q in map(a.naming.parts, b.every) if q.time == mx.t}
    last = next((n for n in reversed(b.order) if n in b.defined), None)
    for name in dict.fromkeys(v.name for v, _ in read):
        lags = {sympy.expand(at - v.time) for v, at in read if v.name == name}
        if lags != {sympy.Integer(1)} or name not in written or last is None:
            continue
        sizes, source = b.sizes[name], b.sizes[last]

        def make(name: str = name, sizes: Any = sizes, source: Any = source) -> mx.Node:
            now = mx.Var(last, tuple(d.symbol() for d in source), (mx.t,))
            return mx.Call(f"F_{name}", [now], [d.symbol() for d in sizes])

        b.defined[name] = (Draft(sizes, make, None), mx.t)
        b.order.append(name)
        a.filled.append(f"{name}[t] is some function of {last}[t]")


def free_functions(a: Assembly) -> None:
    """z_t of h_t = (1 − z_t) ⊙ h_{t−1} + …, differentiated and never defined: any function."""
    b = a.b
    wanted = _differentiated(a)
    read = [
        v
        for draft, _ in b.defined.values()
        for v in reads(draft, b)
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

            b.sizes.setdefault("rest~", sizes)
            b.timed["rest~"] = True
            b.inputs.setdefault("rest~")
            b.defined[name] = (Draft(mine, make, False), mx.t)
            b.order.append(name)
            a.filled.append(f"{name} is some function of {state}[t-1]")
        else:
            b.inputs.setdefault(name)
    for name in list(read):
        if name not in b.defined:
            b.inputs.setdefault(name)


def readout(a: Assembly) -> None:
    """The last value computed from the state, and a linear readout where a weight names one."""
    b = a.b
    read = {v for draft, _ in b.defined.values() for v in reads(draft, b)}
    loose = {n: loosely(draft, b).make() for n, (draft, _) in b.defined.items()}
    arguments = {terms(e.args[-1]) for e in loose.values() if isinstance(e, mx.Apply | mx.Softmax)}
    tops = [
        n
        for n in b.defined
        if n not in read and not n.startswith("stack") and terms(loose[n]) not in arguments
    ]
    lagged = {
        v.name
        for draft, time in b.defined.values()
        for v in mx.variables(loosely(draft, b).make())
        if v.times and v.time != time
    }
    outs = [n for n in tops if n not in lagged]
    if outs:
        a.output = outs[-1]
        return
    weight = _readout_weight(a)
    state = b.final or next((n for n in b.order[::-1] if n in lagged), b.order[-1])
    if weight is None:
        a.output = state
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
    bias = next((n for n in ("b_y", "b_o", "c") if n in names_seen(a)), "")
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

    b.defined[out] = (Draft([size], make, row), mx.t)
    b.order.append(out)
    a.output = out
    order = f"{state} {name}" if row else f"{name} {state}"
    a.filled.append(f"the output {out} = {order}, read off the name of {name}")


def _readout_weight(a: Assembly) -> tuple[str, Parts] | None:
    for x in a.b.every:
        q = a.naming.parts(x)
        if q.name in a.b.sizes or not is_matrix(q) or q.components:
            continue
        label = "".join(q.labels)
        if label in ("hy", "yh", "ho", "oh", "qh", "hq", "y", "o") or q.name == "V":
            return q.name, q
    return None
