"""Python names and literals for what a model calls its arrays and sizes."""

from __future__ import annotations

import keyword
import re
from typing import Any

import sympy

WIDTH = 92  # of an emitted line
LONGEST = 100  # up to here a formatter joins what was broken

CUT_KEYWORDS = ("rng", "go_on")  # of a module that cuts at random

RESERVED = {
    *("np", "w", "params", "state", "workspace", "grads", "loss", "T", "t", "outputs"),
    *("sizes", "dtype", "self", "buffers", "forward", "backward"),
    *("loss_and_grad", "i"),
    *("_Buffers", "_workspace", "_sizes", "_keys", "_axis", "_refuse", "_indices", "_empty"),
    *("EVERY", "BACK", "_steps_back", "back", "lo", "hi", "own", "u", "min", "max"),
    *("_Kept", "_kept", "_segment", "_part", "_checked", "later", "final"),
    *("step", "_begin", "_flat", "_unit", "_row"),
    *("LIMIT", "_clip", "sum", "float"),
    *("ALPHA", *CUT_KEYWORDS, "_draw"),
    *("zip", "list", "range", "set", "sorted", "ValueError"),
    *("add", "subtract", "multiply", "divide", "negative", "sqrt", "power", "maximum", "clip"),
    *("tanh", "exp", "log", "sin", "cos", "logaddexp", "matmul"),
}
# What loops, views and stores are called; a final mark keeps two names two.
DERIVED = re.compile(r".*(_|_t|_prev\d*|_next\d*|_rows|_all)")


def identifier(name: str) -> str:
    """A model's name as a Python name that nothing else in the module has."""
    name = f"v{name}" if name.startswith("_") and name not in RESERVED else name
    taken = keyword.iskeyword(name) or name in RESERVED or DERIVED.fullmatch(name)
    return name + "_" if taken else name


def keyword_argument(name: str) -> str:
    """A hyper-parameter as a keyword argument: its own name, unless the module needs that."""
    return name if name in CUT_KEYWORDS else identifier(name)


def code(value: Any) -> str:
    """A size or constant as Python."""
    if isinstance(value, str):
        return value
    value = sympy.sympify(value)
    # T is the model's horizon, and the emitted code's.
    names = {
        v: sympy.Symbol(identifier(v.name))
        for v in value.free_symbols
        if v.name not in ("T", "T_all", "final")
    }
    text = str(sympy.pycode(value.xreplace(names)))
    return re.sub(r"(?<!\*)\*(?!\*)", " * ", text.replace("/", " / "))


def tuple_code(items: list[str]) -> str:
    return "(" + ", ".join(items) + ("," if len(items) == 1 else "") + ")"


def assigned(views: dict[str, str]) -> list[str]:
    return [f"{name} = {text}" for name, text in views.items()]


def bound(names: dict[str, str]) -> list[str]:
    """Several names bound to their values, as many to a line as fit."""
    lines: list[list[str]] = []
    for name in sorted(names, key=lambda n: not names[n].startswith("np.")):
        row = [*lines[-1], name] if lines else []
        if not row or len(_binding(row, names)) > WIDTH - 4:
            lines.append([name])
        else:
            lines[-1] = row
    return [_binding(row, names) for row in lines]


def _binding(row: list[str], names: dict[str, str]) -> str:
    return f"{', '.join(row)} = {', '.join(names[n] for n in row)}"


def dict_code(items: dict[str, str]) -> str:
    return "{" + ", ".join(f'"{k}": {v}' for k, v in items.items()) + "}"


def dict_doc(names: list[str]) -> str:
    return f"dict of {', '.join(names)}"


def adjoint_name(name: str, model: Any) -> str:
    name = f"d{name}"
    while name in model.table:
        name += "_"
    return name


def scaled(c: Any, text: str) -> str:
    if c == 1:
        return text
    if c.is_Rational and c.q == 2 and c.p == 1:
        return f"0.5 * {text}"
    top, bottom = sympy.fraction(c)
    if top == 1:
        return f"{text} / ({code(bottom)})" if not bottom.is_Symbol else f"{text} / {code(bottom)}"
    return f"{code(c)} * {text}"


def commented(text: str, labels: tuple[str, ...]) -> str:
    """A line with the numbers of its equations."""
    if not labels:
        return text
    return f"{text}  # " + ", ".join(f"({x})" for x in labels)


def wrapped(text: str, width: int) -> list[str]:
    """A statement broken inside its outermost bracket where it is too long."""
    if len(text) <= width or "(" not in text or "\n" in text:
        return text.split("\n")
    head, _, tail = text.partition("list(zip(")
    if not tail:
        return [text]
    items = tail.removesuffix("))").split(", ")
    short = f"    zip({', '.join(items)})"
    if len(short) <= width:
        return [f"{head}list(", short, ")"]
    return [f"{head}list(", "    zip(", *(f"        {i}," for i in items), "    )", ")"]
