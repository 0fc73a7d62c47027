"""A local change at every place of a tree."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any

from .. import surface as s


def everywhere(
    node: s.Node, change: Callable[[s.Node], Iterator[tuple[str, str, s.Node]]]
) -> Iterator[tuple[str, str, s.Node]]:
    """Every tree that differs from `node` by one local change."""
    yield from change(node)
    for f in fields(node):
        if f.name in ("start", "end"):
            continue
        value = getattr(node, f.name)
        if isinstance(value, s.Index) or (isinstance(node, s.Symbol) and f.name in ("sub", "sup")):
            continue
        if isinstance(node, s.Shorthand) and f.name == "of":
            for code, words, new in _moved_index(node, change):
                yield code, words, new
            continue
        if isinstance(node, s.Derivative) and f.name in ("above", "below"):
            continue
        if isinstance(node, s.Apply) and f.name == "head":
            continue
        if isinstance(node, s.Big) and f.name == "bounds":
            continue
        if isinstance(value, s.Node):
            for code, words, new in everywhere(value, change):
                yield code, words, _with(node, f.name, new)
        elif isinstance(value, tuple):
            for code, words, changed in _within(value, change):
                yield code, words, _with(node, f.name, changed)


def _within(
    items: tuple[Any, ...], change: Callable[[s.Node], Iterator[tuple[str, str, s.Node]]]
) -> Iterator[tuple[str, str, tuple[Any, ...]]]:
    """A change at a place of one of the items; the rows of a stack are tuples again."""
    for n, item in enumerate(items):
        found: Iterator[tuple[str, str, Any]] = iter(())
        if isinstance(item, s.Node):
            found = everywhere(item, change)
        elif isinstance(item, tuple):
            found = _within(item, change)
        for code, words, new in found:
            yield code, words, (*items[:n], new, *items[n + 1 :])


def _with(node: s.Node, name: str, value: Any) -> s.Node:
    changes: dict[str, Any] = {name: value}
    return replace(node, **changes)


def _moved_index(node: s.Shorthand, change: Any) -> Iterator[tuple[str, str, s.Node]]:
    for code, words, new in change(node.of):
        if isinstance(new, s.Symbol) and code in ("M10", "M30"):
            yield code, words, replace(node, of=new)


def product_of(factors: tuple[s.Node, ...], signs: tuple[str, ...]) -> s.Node:
    return factors[0] if len(factors) == 1 else s.Product(factors, signs)
