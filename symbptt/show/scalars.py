"""Numbers built from sizes, T and hyper-parameters: 1/T, N·H², ½ — printed so that they parse."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sympy

from .notation import Notation

Kind = str  # atom, power, product, fraction or sum


def scalar(n: Notation, value: Any) -> tuple[str, Kind]:
    """A rational expression of symbols in the notation, and what it is."""
    if value.is_Symbol:
        return n.name(value.name), "atom"
    if value.is_Integer:
        return (str(value), "atom") if value >= 0 else (n.minus + str(-value), "sum")
    if value.is_Add:
        return _sum(n, value), "sum"
    if is_negative(value):
        return n.minus + _at(n, -value, "product"), "sum"
    top, bottom = sympy.fraction(value)
    if bottom != 1:
        over = n.fraction("", "") == "/"
        parts = [_at(n, x, "power" if over else "sum") for x in (top, bottom)]
        return n.fraction(*parts), "fraction"
    if value.is_Pow:
        exponent = str(value.exp)
        return n.number_power(_at(n, value.base, "atom"), exponent), "power"
    return n.product.join(_at(n, f, "power") for f in value.as_ordered_factors()), "product"


def is_negative(value: Any) -> bool:
    """Whether a minus sign stands in front: of −α and of −α − 1, not of 1 − α or (1 − α)/T."""
    if value.is_Add:
        return all(map(is_negative, value.args))
    if value.is_Mul and any(f.is_Add for f in value.args):
        return bool(value.as_coeff_Mul()[0] < 0)
    return bool(value.could_extract_minus_sign())


_STRENGTH = {"sum": 0, "fraction": 1, "product": 2, "power": 3, "atom": 4}


def _at(n: Notation, value: Any, kind: Kind) -> str:
    text, own = scalar(n, value)
    return text if _STRENGTH[own] >= _STRENGTH[kind] else n.brackets(text)


def _sum(n: Notation, value: Any) -> str:
    out = ""
    for term in sorted(value.as_ordered_terms(), key=lambda x: x.could_extract_minus_sign()):
        negative = term.could_extract_minus_sign()
        text = _at(n, -term if negative else term, "fraction")
        if out:
            out += f" {n.minus if negative else '+'} {text}"
        else:
            out = (n.minus if negative else "") + text
    return out


def count(value: Any, sizes: Sequence[str]) -> str:
    """A product of sizes in the order in which a model declares them: N·H²."""
    powers = sympy.sympify(value).as_powers_dict()
    order = [*sizes, *sorted(str(b) for b in powers if str(b) not in sizes)]
    factors = []
    for base, exponent in sorted(powers.items(), key=lambda f: order.index(str(f[0]))):
        digits = "" if exponent == 1 else str(exponent).translate(_SUPERSCRIPTS)
        factors.append(f"{base}{digits}")
    return "·".join(factors) or "1"


_SUPERSCRIPTS = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
