r"""Laws of elementary functions of one number: σ(x) = 1/(1 + e^{−x}), dσ/dx = σ(x)(1 − σ(x)).

The letter stands for any number and only below functions, exponents and derivatives, so that the
law says of an array what it says of each entry. It is true if the difference of its sides is
identically zero, written in exponentials; false if it is not at some rational number.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import PROVED, REFUTED, Line

WHY = "both sides are one function, written in exponentials"
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    "σ": lambda x: 1 / (1 + sympy.exp(-x)),
    "sigmoid": lambda x: 1 / (1 + sympy.exp(-x)),
    "tanh": sympy.tanh,
    "sinh": sympy.sinh,
    "cosh": sympy.cosh,
    "exp": sympy.exp,
    "log": sympy.log,
    "softplus": lambda x: sympy.log(1 + sympy.exp(x)),
}
PLACES = (sympy.Rational(1, 3), sympy.Rational(7, 5), sympy.Rational(-3, 4))


class _NoLawError(Exception):
    """A formula that is no elementary function of one number."""


def law(judge: Judge, line: Line) -> bool:
    """Whether the line is such a law, with e or a derivative in it; it has its verdict then."""
    claim = line.claim
    sides = [claim.left, claim.right]
    if claim.relation != "=" or not any(map(_applies, sides)):
        return False
    try:
        left, right = (_value(x, False) for x in sides if x is not None)
    except (_NoLawError, ValueError):
        return False
    letters = (left - right).free_symbols
    if len(letters) > 1 or any(str(x) == "e" for x in letters):
        return False
    difference = (left - right).rewrite(sympy.exp)
    if sympy.simplify(difference) == 0:
        line.verdict, line.how, line.proof = PROVED, "law", (WHY,)
        return True
    if not any(map(_is_elementary, sides)):
        return False  # a false law of slopes has its repair elsewhere
    for place in PLACES:
        found = sympy.N(difference.subs(dict.fromkeys(letters, place)), 30)
        if found.is_number and found.is_finite and abs(found) > sympy.Rational(1, 10**12):
            line.verdict = REFUTED
            line.message = f"the sides differ by {sympy.N(found, 6)} at {place}"
            return True
    return False


def _applies(node: s.Node | None) -> bool:
    every = s.walk(node) if node is not None else ()
    return any(isinstance(n, s.Apply) and n.head.letter in FUNCTIONS for n in every) or (
        _is_elementary(node)
    )


def _is_elementary(node: s.Node | None) -> bool:
    """Whether e to a power or the derivative of a function stands there."""
    every = s.walk(node) if node is not None else ()
    return any(_is_e(n) or isinstance(n, s.Derivative) for n in every)


def _is_e(node: s.Node) -> bool:
    return isinstance(node, s.Power) and _named(node.base) == "e"


def _named(node: s.Node) -> str | None:
    """The letter of a symbol with nothing attached to it."""
    node = s.bare(node)
    if isinstance(node, s.Symbol) and not (node.indices or node.marks or node.primes):
        return node.letter
    return None


def _value(node: s.Node, inside: bool) -> Any:
    """The formula for SymPy; `inside` a function, an exponent or a derivative."""
    node = s.bare(node)
    if isinstance(node, s.Number):
        return sympy.Rational(node.text)
    if isinstance(node, s.Stack) and len(node.rows) == len(node.rows[0]) == 1:
        return _value(node.rows[0][0], inside)
    if isinstance(node, s.Symbol) and inside and (name := _named(node)) is not None:
        return sympy.Symbol(name, real=True)
    if isinstance(node, s.Sum) and set(node.signs) <= {"+", "-"}:
        signs = [-1 if g == "-" else 1 for g in node.signs]
        return sympy.Add(*(g * _value(x, inside) for g, x in zip(signs, node.terms, strict=True)))
    if isinstance(node, s.Product) and set(node.signs) <= {"", "·", "*", "×"}:
        return sympy.Mul(*(_value(x, inside) for x in node.factors))
    if isinstance(node, s.Quotient):
        return _value(node.above, inside) / _value(node.below, inside)
    if _is_e(node):
        return sympy.exp(_value(node.exponent, True))  # type: ignore[attr-defined]
    if isinstance(node, s.Power) and isinstance(s.bare(node.exponent), s.Number | s.Sum):
        exponent = _value(node.exponent, False)
        return _value(node.base, inside) ** exponent
    if isinstance(node, s.Apply) and len(node.arguments) == 1 and node.head.letter in FUNCTIONS:
        z = sympy.Dummy()
        body = sympy.diff(FUNCTIONS[node.head.letter](z), z, node.primes)
        return body.subs(z, _value(node.arguments[0], True))
    if isinstance(node, s.Derivative) and node.kind in ("d", "∂") and node.of is not None:
        by = _named(node.by)
        if by is not None and not (node.above or node.below):
            x = sympy.Symbol(by, real=True)
            of = _named(node.of)
            value = FUNCTIONS[of](x) if of in FUNCTIONS else _value(node.of, True)
            if (of is None or of in FUNCTIONS) and value.free_symbols == {x}:
                return sympy.diff(value, x)
    raise _NoLawError
