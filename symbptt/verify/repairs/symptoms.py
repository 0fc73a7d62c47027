"""What a wrong line shows by itself, where no edit makes it true.

∏_j v_j of vectors where Jacobians are multiplied; Σ_{k≥t} ∏_{j=k+1}^t, whose products are empty;
sides whose shapes do not fit.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sympy

from ...errors import SymbpttError
from .. import surface as s
from ..judge.judge import Judge
from ..judge.line import Line
from ..judge.truth import MISFIT
from ..meaning.sums import limits


def symptoms(judge: Judge, line: Line) -> tuple[list[str], str]:
    """(classes, words); none of either where nothing shows."""
    found = list(_products(judge, line))
    if line.answer is not None and "vectors" in line.answer.used:
        found.append(("M18", "a product ∏ of vectors: Jacobians are multiplied, not gradients"))
    if line.answer is not None and line.answer.outcome == MISFIT:
        right = s.bare(line.claim.right) if line.claim.right is not None else None
        between = line.answer.detail.startswith("the left side is")
        if line.answer.detail.endswith("elementwise"):
            found.append(("M18", line.answer.detail))
        elif between and isinstance(right, s.Product) and set(right.signs) == {"⊙"}:
            found.append(("M18", f"{line.answer.detail}: ⊙ where an outer product is needed"))
        found.append(("M17", line.answer.detail))
    codes = list(dict.fromkeys(code for code, _ in found))
    return codes, found[0][1] if found else ""


def _products(judge: Judge, line: Line) -> Iterator[tuple[str, str]]:
    """Products under a sum that are empty at every step of it."""
    for side in (line.claim.left, line.claim.right):
        for outer in s.walk(side) if side is not None else ():
            if not (isinstance(outer, s.Big) and outer.operator == "sum" and outer.bounds):
                continue
            for inner in s.walk(outer.body):
                if isinstance(inner, s.Big) and inner.operator == "prod":
                    if _always_empty(judge, outer.bounds[0], inner.bounds[0]):
                        yield "M13", "every product in the sum is empty: its bounds are wrong"


def _always_empty(judge: Judge, outer: s.Bound, inner: s.Bound) -> bool:
    """∏ from low(k) to high is empty for each k ≥ first: it is at the first, and shrinks."""
    try:
        k, first, _, down = limits(judge.naming, outer)
        _, low, high, _ = limits(judge.naming, inner)
    except SymbpttError:
        return False
    length = sympy.expand(high - low + 1)
    at_first = sympy.expand(length.xreplace({k: first}))
    shrinks: Any = length.coeff(k)
    return not down and shrinks <= 0 and bool(at_first.is_number) and bool(at_first <= 0)
