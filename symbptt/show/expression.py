"""Expressions in three notations from one walk: what is printed parses back to the same thing.

    text      dL/dh[t] = W_hy.T @ dL/do[t]        (the notation of model files)
    unicode   dL/dh_t = W_hyᵀ dL/do_t
    latex     \\frac{\\mathrm{d}L}{\\mathrm{d}h_{t}} = W_{hy}^{\\top} …

Each printer returns a string and its binding strength; brackets appear only where needed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from .. import matrix as mx
from .notation import LATEX, TEXT, UNICODE, Notation

# Binding strengths: a sum, a product (* @ ∘ · /), a big operator, juxtaposition, postfix, atom.
SUM, PRODUCT, BIG, CHAIN, POSTFIX, ATOM = range(6)
Printed = tuple[str, int]


class Printer:
    """One notation's printer; `show(e)` is the string, `at(e, strength)` brackets if needed."""

    def __init__(self, notation: Notation):
        self.n = notation

    def show(self, e: Any) -> str:
        return self.printed(e)[0]

    def printed(self, e: Any) -> Printed:
        return _PRINT[type(e)](self, e)

    def at(self, e: Any, strength: int) -> str:
        text, own = self.printed(e)
        return text if own >= strength else self.n.brackets(text)

    def scalar(self, value: Any) -> Printed:
        """A SymPy scalar: a number, T, N, 1/T."""
        if value.is_Symbol:
            return self.n.name(value.name), ATOM
        if value.is_Integer and value >= 0:
            return str(value), ATOM
        return self.n.scalar(value), SUM if value.is_Add or value.could_extract_minus_sign() else (
            self.n.fraction_strength(value)
        )

    def time(self, value: Any) -> str:
        return self.n.time(value)

    def call(self, name: str, *arguments: str) -> Printed:
        return self.n.call(name, arguments), ATOM


def _var(p: Printer, e: mx.Var) -> Printed:
    return p.n.variable(e.name, [p.time(x) for x in e.times]), ATOM


def _scalar(p: Printer, e: mx.Scalar) -> Printed:
    return p.scalar(e.value)


def _sign(e: Any) -> tuple[bool, Any]:
    """(negative?, the term without its sign)."""
    if isinstance(e, mx.Broadcast):
        return _sign(e.args[0])
    if isinstance(e, mx.Scalar) and e.value.could_extract_minus_sign():
        return True, mx.Scalar(-e.value)
    if isinstance(e, mx.Times) and isinstance(e.args[0], mx.Scalar):
        negative, rest = _sign(e.args[0])
        if negative:
            return True, mx.times(rest, *e.args[1:])
    return False, e


def _plus(p: Printer, e: mx.Plus) -> Printed:
    out = p.at(e.args[0], PRODUCT) if not _sign(e.args[0])[0] else p.show(e.args[0])
    for a in e.args[1:]:
        negative, term = _sign(a)
        out += (f" {p.n.minus} " if negative else " + ") + p.at(term, PRODUCT)
    return out, SUM


def _times(p: Printer, e: mx.Times) -> Printed:
    negative, positive = _sign(e)
    if negative:
        return p.n.minus + p.at(positive, PRODUCT), SUM
    first, *rest = e.args
    if p.n.juxtaposes and isinstance(first, mx.Scalar):
        others = mx.times(*rest)
        last = isinstance(others, mx.TimeSum | mx.TimeProd)
        # A big operator may end a chain, and then the chain ends there too.
        body = p.show(others) if last else p.at(others, POSTFIX)
        return f"{p.at(first, POSTFIX)} {body}", BIG if last else CHAIN
    if p.n.juxtaposes and not e.shape:
        return " ".join(p.at(a, POSTFIX) for a in e.args), CHAIN
    inverse = [a for a in rest if _is_inverse(a)]
    if len(rest) == 1 and inverse and not p.n.juxtaposes:
        return f"{p.at(first, PRODUCT)} / {p.at(rest[0].args[0], BIG)}", PRODUCT
    parts = [p.at(first, PRODUCT), *(p.at(a, BIG) for a in rest)]
    return p.n.times.join(parts), PRODUCT


def _is_inverse(e: Any) -> bool:
    return isinstance(e, mx.Power) and e.args[1] == -1


def _power(p: Printer, e: mx.Power) -> Printed:
    x, n = e.args
    return p.n.power(p.at(x, ATOM), p.scalar(n)[0], n), POSTFIX


def _apply(p: Printer, e: mx.Apply) -> Printed:
    return p.call(e.args[0].name, p.show(e.args[1]))


def _softmax(p: Printer, e: mx.Softmax) -> Printed:
    return p.call("softmax", p.show(e.args[0]))


def _gather(p: Printer, e: mx.MatMul) -> Printed | None:
    """U[:, x[t]] and E[x[t], :], for products with one-hot rows."""
    a, b = e.args
    column = b.args[0] if isinstance(b, mx.Transpose) else b
    vector = isinstance(b, mx.OneHot) and b.rank == 1
    if isinstance(column, mx.OneHot) and (vector or b is not column) and isinstance(a, mx.Var):
        return p.n.gather(p.show(a), p.show(column.args[0]), columns=True), ATOM
    if isinstance(a, mx.OneHot) and isinstance(b, mx.Var) and b.rank == 2:
        return p.n.gather(p.show(b), p.show(a.args[0]), columns=False), ATOM
    return None


def _matmul(p: Printer, e: mx.MatMul) -> Printed:
    gathered = _gather(p, e)
    if gathered:
        return gathered
    a, b = e.args
    if not p.n.juxtaposes:
        return f"{p.at(a, PRODUCT)} @ {p.at(b, BIG)}", PRODUCT
    left = p.n.transpose(p.at(a, ATOM)) if a.rank == 1 == b.rank else p.at(a, CHAIN)
    return f"{left} {p.at(b, POSTFIX)}", CHAIN


def _matpow(p: Printer, e: mx.MatPow) -> Printed:
    base, n = e.args
    return p.n.matrix_power(p.at(base, ATOM), p.time(n)), POSTFIX


def _transpose(p: Printer, e: mx.Transpose) -> Printed:
    inner = e.args[0]
    strength = ATOM
    return p.n.transpose(p.at(inner, strength)), POSTFIX


def _outer(p: Printer, e: mx.Outer) -> Printed:
    u, v = e.args
    if not p.n.juxtaposes:
        return p.call("outer", p.show(u), p.show(v))
    return f"{p.at(u, CHAIN)} {p.n.transpose(p.at(v, ATOM))}", CHAIN


def _reduce(p: Printer, e: mx.Reduce) -> Printed:
    x = e.args[0]
    keywords = []
    if len(e.axes) < x.rank:
        keywords = [f"axis={a}" for a in e.axes]
    if e.keepdims:
        keywords.append("keepdims=1")
    return p.n.reduce(p.show(x), keywords), ATOM


def _onehot(p: Printer, e: mx.OneHot) -> Printed:
    return p.n.onehot(p.show(e.args[0])), ATOM


def _loss(name: str) -> Callable[[Printer, Any], Printed]:
    def run(p: Printer, e: Any) -> Printed:
        o, y = e.args
        target = y.args[0] if isinstance(y, mx.OneHot) else y
        return p.call(name, p.show(o), p.show(target))

    return run


def _call(p: Printer, e: mx.Call) -> Printed:
    return p.call(e.name, *map(p.show, e.args[1]))


def _call_deriv(p: Printer, e: mx.CallDeriv) -> Printed:
    call = e.args[0]
    return p.n.call_partial(call.name, int(e.args[1]) + 1, [p.show(a) for a in call.args[1]]), ATOM


def _deriv(p: Printer, e: mx.Deriv) -> Printed:
    return p.n.derivative(p.show(e.of), p.show(e.wrt), total=e.total), ATOM


def _contract(p: Printer, e: mx.Contract) -> Printed:
    return f"{p.at(e.args[0], PRODUCT)} {p.n.dot} {p.at(e.args[1], BIG)}", PRODUCT


def _element(p: Printer, e: mx.Element) -> Printed:
    return p.n.element(p.at(e.args[0], ATOM), [str(i) for i in e.args[1]]), ATOM


def _kron(p: Printer, e: mx.Kron) -> Printed:
    return p.n.kron(*(p.time(a) if e.is_time else str(a) for a in e.args)), ATOM


def _time_sum(p: Printer, e: mx.TimeSum) -> Printed:
    body, k, lo, hi = e.args
    return p.n.big("sum", k.name, p.time(lo), p.time(hi), _scope(p, body)), BIG


def _time_prod(p: Printer, e: mx.TimeProd) -> Printed:
    body, j, lo, hi = e.args
    return p.n.big("prod", j.name, p.time(lo), p.time(hi), _scope(p, body)), BIG


def _scope(p: Printer, body: Any) -> str:
    return p.show(body) if isinstance(body, mx.TimeSum | mx.TimeProd) else p.at(body, CHAIN)


def _zeros_or_inner(p: Printer, e: mx.Broadcast) -> Printed:
    return p.printed(e.args[0])


_PRINT: dict[type, Callable[[Printer, Any], Printed]] = {
    mx.Var: _var,
    mx.Scalar: _scalar,
    mx.Plus: _plus,
    mx.Times: _times,
    mx.Power: _power,
    mx.Apply: _apply,
    mx.Softmax: _softmax,
    mx.MatMul: _matmul,
    mx.MatPow: _matpow,
    mx.Transpose: _transpose,
    mx.Outer: _outer,
    mx.Diag: lambda p, e: p.call("diag", p.show(e.args[0])),
    mx.Eye: lambda p, e: (p.n.eye(p.scalar(e.args[0])[0]), ATOM),
    mx.Broadcast: _zeros_or_inner,
    mx.Expand: lambda p, e: p.call("column", p.show(e.args[0])),
    mx.Reduce: _reduce,
    mx.OneHot: _onehot,
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

PRINTERS = {"text": Printer(TEXT), "unicode": Printer(UNICODE), "latex": Printer(LATEX)}


def show_expression(e: Any, notation: str = "unicode") -> str:
    """The expression in "text", "unicode" or "latex"."""
    return PRINTERS[notation].show(mx.as_node(e))


def scalar_text(value: Any) -> str:
    return sympy.sstr(value)


for _name, _printer in PRINTERS.items():
    mx.notation[_name] = _printer.show
