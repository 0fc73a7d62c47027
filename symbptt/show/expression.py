"""Expressions in three notations from one walk: what is printed parses back to the same thing.

    text      dL/dh[t] = W_hy.T @ dL/do[t]        (the notation of model files)
    unicode   dL/dh_t = W_hyᵀ dL/do_t
    latex     \\frac{\\mathrm{d}L}{\\mathrm{d}h_{t}} = W_{hy}^{\\top} …

Each printer returns a string and its binding strength; brackets appear only where needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .. import matrix as mx
from ..model import LOSS
from .notation import LATEX, TEXT, UNICODE, Latex, Notation
from .printer import ATOM, BIG, CHAIN, OPEN, POSTFIX, PROD, SUM, Printed, Printer, Rule
from .scalars import is_negative


def _var(p: Printer, e: mx.Var) -> Printed:
    strength = POSTFIX if e.times and p.n.superscript_time else ATOM
    return p.n.variable(e.name, [p.time(x) for x in e.times]), strength


def _scalar(p: Printer, e: mx.Scalar) -> Printed:
    return p.scalar(e.value)


# -- sums and products


def _sign(e: Any) -> tuple[bool, Any]:
    """(negative?, the term without its sign)."""
    if isinstance(e, mx.Scalar) and is_negative(e.value):
        return True, mx.Scalar(-e.value)
    if isinstance(e, mx.Times) and isinstance(e.args[0], mx.Scalar):
        negative, rest = _sign(e.args[0])
        if negative:
            return True, mx.times(rest, *e.args[1:])
    return False, e


def _operands(e: Any) -> list[Any]:
    """The arguments, those that broadcast by themselves next to a full one without their wrap."""
    full = any(not isinstance(a, mx.Broadcast) and a.shape == e.shape for a in e.args)
    out = []
    for a in e.args:
        spread = isinstance(a, mx.Broadcast)
        out.append(a.args[0] if spread and full else a)
        full = full or (spread and a.shape == e.shape)
    return out


def _plus(p: Printer, e: mx.Plus) -> Printed:
    out = ""
    for a in _operands(e):
        negative, term = _sign(a)
        text = p.at(term, OPEN)
        if out:
            out += f" {p.n.minus if negative else '+'} {text}"
        else:
            out = (p.n.minus if negative else "") + text
    return out, SUM


def _times(p: Printer, e: mx.Times) -> Printed:
    negative, positive = _sign(e)
    if negative:
        return p.n.minus + p.at(positive, OPEN), SUM
    first, *rest = _operands(e)
    if p.n.juxtaposes and e.shape and not first.shape and not isinstance(first, mx.Scalar):
        every = [first, *rest]
        count = next(n for n, a in enumerate(every) if a.shape)
        numbers = [p.printed(a) for a in every[:count]]
        return p.chain([*numbers, p.printed(mx.times(*e.args[count:]))])
    if p.n.juxtaposes and isinstance(first, mx.Scalar):
        return p.chain([p.printed(first), p.printed(mx.times(*e.args[1:]))])
    if p.n.juxtaposes and not e.shape:
        return p.chain([p.printed(a) for a in (first, *rest)])
    if len(rest) == 1 and _is_inverse(rest[0]) and not p.n.juxtaposes:
        return p.products(" / ", [p.printed(first), p.printed(rest[0].args[0])])
    return p.products(p.n.times, [p.printed(a) for a in (first, *rest)])


def _is_inverse(e: Any) -> bool:
    return isinstance(e, mx.Power) and e.args[1] == -1


def _broadcast(p: Printer, e: mx.Broadcast) -> Printed:
    """x * ones(N, H): an array spread over a shape that its surroundings do not say."""
    x = e.args[0]
    ones = p.n.ones([p.number(s) for s in e.shape]), ATOM
    if x == mx.Scalar(1):
        return ones
    if x == mx.Scalar(0):
        return p.n.zeros([p.number(s) for s in e.shape]), ATOM
    if p.n.juxtaposes and not x.shape:
        return p.chain([p.printed(x), ones])
    return p.products(p.n.times, [p.printed(x), ones])


def _power(p: Printer, e: mx.Power) -> Printed:
    x, n = e.args
    return p.n.power(p.at(x, ATOM), str(n)), POSTFIX


def _matmul(p: Printer, e: mx.MatMul) -> Printed:
    gathered = _gather(p, e)
    if gathered:
        return gathered
    a, b = e.args
    if not p.n.juxtaposes:
        return p.products(" @ ", [p.printed(a), p.printed(b)])
    if a.rank == 1 == b.rank:
        return p.chain([(p.n.transpose(p.at(a, ATOM)), POSTFIX), p.printed(b)])
    return p.chain([p.printed(a), p.printed(b)])


def _gather(p: Printer, e: mx.MatMul) -> Printed | None:
    """U[:, x[t]] and E[x[t], :], for products with one-hot rows."""
    a, b = e.args
    column = b.args[0] if isinstance(b, mx.Transpose) else b
    columns = isinstance(column, mx.OneHot) and (b.rank == 1 or b is not column)
    if columns and _is_matrix(a):
        return p.n.gather(p.show(a), p.show(column.args[0]), columns=True), POSTFIX
    if isinstance(a, mx.OneHot) and a.rank == 2 and _is_matrix(b):
        return p.n.gather(p.show(b), p.show(a.args[0]), columns=False), POSTFIX
    return None


def _is_matrix(e: Any) -> bool:
    return isinstance(e, mx.Var) and e.rank == 2 and not e.times


def _matpow(p: Printer, e: mx.MatPow) -> Printed:
    base, n = e.args
    exponent = "0+T" if n == mx.T else p.time(n)  # ^T would be the transpose
    return p.n.matrix_power(p.at(base, ATOM), exponent), POSTFIX


def _transpose(p: Printer, e: mx.Transpose) -> Printed:
    return p.n.transpose(p.at(e.args[0], ATOM)), POSTFIX


def _outer(p: Printer, e: mx.Outer) -> Printed:
    u, v = e.args
    if not p.n.juxtaposes:
        return p.call("outer", p.inner(u), p.inner(v))
    return p.chain([p.printed(u), (p.n.transpose(p.at(v, ATOM)), POSTFIX)])


def _contract(p: Printer, e: mx.Contract) -> Printed:
    factors = list(e.args[:2])
    if p.layout == "denominator":
        factors = _chained(e)[::-1]
    return p.products(f" {p.n.dot} ", [p.printed(a) for a in factors])


def _chained(e: Any) -> list[Any]:
    """a · b · c, without the brackets that products running one way do not need."""
    return [*_chained(e.args[0]), e.args[1]] if isinstance(e, mx.Contract) else [e]


# -- calls


def _concat(p: Printer, e: mx.Concat) -> Printed:
    return p.n.concat(list(map(p.inner, e.args)), stacked=e.rank == 1), POSTFIX


def _block(p: Printer, e: mx.Block) -> Printed:
    x, lo, hi = e.args
    array = p.inner(x) if isinstance(p.n, Latex) else p.at(x, ATOM)
    return p.n.block(array, p.number(lo), p.number(hi), x.rank), ATOM


def _apply(p: Printer, e: mx.Apply) -> Printed:
    return p.call(e.args[0].name, p.inner(e.args[1]))


def _called(name: str) -> Rule:
    return lambda p, e: p.call(name, p.inner(e.args[0]))


def _reduce(p: Printer, e: mx.Reduce) -> Printed:
    x = e.args[0]
    if isinstance(p.n, Latex) and not e.keepdims and all(x.shape[a].is_Symbol for a in e.axes):
        return _index_sum(p, e)
    keywords = [f"axis={a}" for a in e.axes] if len(e.axes) < x.rank else []
    keywords += ["keepdims=1"] if e.keepdims else []
    if isinstance(p.n, Latex):
        keywords = [rf"\mathrm{{{k.replace('=', '}=')}" for k in keywords]
    return p.call("sum", p.inner(x), *keywords)


def _index_sum(p: Printer, e: mx.Reduce) -> Printed:
    """Σ_{n=1}^{N} [x]_{n,:}, the sum over the batch as people write it."""
    x = e.args[0]
    taken = {s.name for s in x.free_symbols}
    names = {}
    for a in e.axes:
        names[a] = next(n for n in _letters_for(x.shape[a].name) if n not in taken)
        taken.add(names[a])
    text = p.n.element(p.inner(x), [names.get(a, ":") for a in range(x.rank)])
    for a in reversed(e.axes):
        text = p.n.big("sum", names[a], "1", p.number(x.shape[a]), text)
    return text, BIG


def _letters_for(size: str) -> Iterator[str]:
    """An index for a size: n for N, else the first free letter."""
    if len(size) == 1 and size.isupper() and size != "T":
        yield size.lower()
    yield from "ijmnpqruvw"
    yield from (f"i{n}" for n in range(1, 99))


def _loss(name: str) -> Rule:
    def run(p: Printer, e: Any) -> Printed:
        o, y = e.args
        if name == "squared_error" and isinstance(p.n, Latex) and o.rank == 1:
            gap = p.inner(mx.plus(o, mx.times(-1, y)))
            return rf"\frac{{1}}{{2}} \left\lVert {gap} \right\rVert^{{2}}", CHAIN
        target = y.args[0] if isinstance(y, mx.OneHot) else y
        return p.call(name, p.inner(o), p.inner(target))

    return run


def _call(p: Printer, e: mx.Call) -> Printed:
    return p.call(e.name, *map(p.inner, e.args[1]))


def _call_deriv(p: Printer, e: mx.CallDeriv) -> Printed:
    call = e.args[0]
    return p.n.call_partial(call.name, int(e.args[1]) + 1, list(map(p.inner, call.args[1]))), ATOM


# -- symbols with indices


def _deriv(p: Printer, e: mx.Deriv) -> Printed:
    if kind_of(e) == "gradient":
        name = p.n.gradient_name(e.wrt.name, [p.time(x) for x in e.wrt.times])
        if name:
            return name, POSTFIX if e.wrt.times and p.n.superscript_time else ATOM
    return _ratio(p, e, p.inner(e.of), p.inner(e.wrt))


def _ratio(p: Printer, e: mx.Deriv, of: str, wrt: str) -> Printed:
    kind = kind_of(e)
    when = p.time(e.of.time) if e.of.times else ""
    text = p.n.derivative(of, wrt, kind, when)
    return text, BIG if kind == "gradient" and p.n.prefix_gradient else ATOM


def kind_of(e: mx.Deriv) -> str:
    """One of `notation.KINDS`."""
    if e.total and e.of == LOSS:
        return "gradient"
    if e.total:
        return "carried" if e.wrt.times else "total"
    return "partial" if e.wrt.times else "immediate"


def _element(p: Printer, e: mx.Element) -> Printed:
    x, names = e.args[0], [str(i) for i in e.args[1]]
    if isinstance(x, mx.Deriv):
        top = p.n.element(p.inner(x.of), names[: x.of.rank]) if x.of.rank else p.inner(x.of)
        rest = names[x.of.rank :]
        bottom = p.n.element(p.inner(x.wrt), rest) if rest else p.inner(x.wrt)
        return _ratio(p, x, top, bottom)
    return p.n.element(p.inner(x) if isinstance(p.n, Latex) else p.at(x, ATOM), names), ATOM


def _kron(p: Printer, e: mx.Kron) -> Printed:
    return p.n.kron(*(p.time(a) if e.is_time else str(a) for a in e.args)), ATOM


def _eye(p: Printer, e: mx.Eye) -> Printed:
    size = e.args[0]
    if not size.is_Symbol:
        return p.call("eye", p.number(size))
    return p.n.eye(p.n.name(size.name)), POSTFIX if p.n.juxtaposes else ATOM


def _time_sum(p: Printer, e: mx.TimeSum) -> Printed:
    body, k, lo, hi = e.args
    return p.n.big("sum", k.name, p.time(lo), p.time(hi), p.at(body, OPEN)), BIG


def _time_prod(p: Printer, e: mx.TimeProd) -> Printed:
    body, j, lo, hi = e.args
    return p.n.big("prod", j.name, p.time(lo), p.time(hi), p.at(body, POSTFIX)), PROD


_PRINT: dict[type, Rule] = {
    mx.Var: _var,
    mx.Scalar: _scalar,
    mx.Plus: _plus,
    mx.Times: _times,
    mx.Power: _power,
    mx.Apply: _apply,
    mx.Softmax: _called("softmax"),
    mx.MatMul: _matmul,
    mx.MatPow: _matpow,
    mx.Transpose: _transpose,
    mx.Outer: _outer,
    mx.Diag: _called("diag"),
    mx.Eye: _eye,
    mx.Broadcast: _broadcast,
    mx.Expand: _called("column"),
    mx.Concat: _concat,
    mx.Block: _block,
    mx.Reduce: _reduce,
    mx.OneHot: lambda p, e: (p.n.onehot(p.inner(e.args[0])), ATOM),
    mx.SquaredError: _loss("squared_error"),
    mx.CrossEntropy: _loss("cross_entropy"),
    mx.Call: _call,
    mx.CallDeriv: _call_deriv,
    mx.Deriv: _deriv,
    mx.Contract: _contract,
    mx.Element: _element,
    mx.Kron: _kron,
    mx.TimeSum: _time_sum,
    mx.TimeProd: _time_prod,
}


def printers(notations: Mapping[str, Notation], layout: str = "numerator") -> dict[str, Printer]:
    """A printer of the same table for each notation."""
    return {name: Printer(n, _PRINT, layout) for name, n in notations.items()}


PRINTERS = printers({"text": TEXT, "unicode": UNICODE, "latex": LATEX})


def show_expression(e: Any, notation: str = "unicode") -> str:
    """The expression in "text", "unicode" or "latex"."""
    return PRINTERS[notation].show(mx.as_node(e))


for _name, _printer in PRINTERS.items():
    mx.notation[_name] = _printer.show
