"""The readings a person may fix: `--assume KEY=VALUE`, or `assume` in the front matter.

layout=numerator    gradients=rows    partial=immediate    loss=mean    δ=h~:step    dh=h:1/T
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any

import sympy

from ... import matrix as mx
from ...errors import SymbpttError
from ..meaning.choice import DENOMINATOR, NUMERATOR, Gradient
from ..world import IMMEDIATE, TOTAL

SCOPES = {"whole": "L", "step": "step", "own": "own", "future": "future", "share": "copy"}
KEYS: dict[str, tuple[str, ...]] = {
    "layout": (NUMERATOR, DENOMINATOR),
    "gradients": ("columns", "rows"),
    "partial": (TOTAL, IMMEDIATE),
    "loss": ("sum", "mean", "last"),
}
_FACTOR = re.compile(r"(\d+)?(/?)(T|N|\d+)?")


def one_of(key: str, value: str, known: Iterable[str]) -> None:
    """Refuse a value that the key does not take, and say which there are."""
    if value not in known:
        raise SymbpttError(
            f"{key}={value} is no assumption", " or ".join(f"{key}={x}" for x in known)
        )


def overview(letters: Iterable[str], quantities: Iterable[str]) -> str:
    """Every key with its values, for a message."""
    lines = [f"{key}={'|'.join(values)}" for key, values in KEYS.items()]
    names = ", ".join(letters)
    if names:
        lines.append(
            f"{names}: {'|'.join(quantities)}, then :{'|:'.join(SCOPES)}, then a factor :1/T or :T"
        )
    return "\n  ".join(["one of", *lines])


def gradient(key: str, value: str, names: Mapping[str, str], known: Iterable[str]) -> Gradient:
    """δ=h:step:1/T as a gradient; `names` maps the author's names to the model's."""
    target, *rest = (x.strip() for x in value.split(":"))
    known = list(known)
    name = target if target in known else names.get(target, target)
    if name not in known:
        shown = ", ".join(n for n in known if n != "l~")
        raise SymbpttError(f"{key}={value}: the model has no {target}", f"one of {shown}")
    scope, factor = "L", sympy.Integer(1)
    for x in rest:
        if x in SCOPES:
            scope = SCOPES[x]
        else:
            factor = _factor(key, x)
    return Gradient(name, scope, 0, factor)


def _factor(key: str, text: str) -> Any:
    """T, 1/T, 2 or 1/2."""
    top, _, bottom = text.partition("/")
    values = []
    for x in (top, bottom or "1"):
        if x == "T":
            values.append(mx.T)
        elif x.isdigit() and int(x):
            values.append(sympy.Integer(x))
        else:
            scopes = ", ".join(SCOPES)
            raise SymbpttError(f"{key}: {text} is no part of a gradient", f"{scopes}, 1/T or T")
    return values[0] / values[1]


__all__ = ["KEYS", "Fraction", "gradient", "one_of", "overview"]
