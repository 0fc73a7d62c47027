"""How much work a question about polynomials may cost, in steps that are alike on every machine.

A step is a factor looked at by `simplify` or a naming tried by `canon`. A result that is already
known costs what it cost when it was found, so what was asked before changes no answer.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

KNOWN = 200_000  # results kept of one function


class TooLongError(Exception):
    """A question that costs more steps than it may."""


class _Work(threading.local):
    spent = 0
    limit: float = math.inf


_work = _Work()


def spend(steps: int) -> None:
    """Raises TooLongError where the budget is used up."""
    _work.spent += steps
    if _work.spent > _work.limit:
        raise TooLongError


def spent() -> int:
    """The steps of this thread so far."""
    return _work.spent


@contextmanager
def budget(steps: int) -> Iterator[None]:
    """At most so many steps inside; a budget around it holds as well."""
    before = _work.limit
    _work.limit = min(before, _work.spent + steps)
    try:
        yield
    finally:
        _work.limit = before


def metered(function: Callable[P, R]) -> Callable[P, R]:
    """The function with its results kept, each with its cost."""

    @lru_cache(maxsize=KNOWN)
    def kept(*args: Any) -> tuple[R, int]:
        before = _work.spent
        value = function(*args)  # type: ignore[call-arg]
        return value, _work.spent - before

    @wraps(function)
    def call(*args: Any) -> R:
        before = _work.spent
        value, cost = kept(*args)
        _work.spent = before
        spend(cost)
        return value

    return call  # type: ignore[return-value]
