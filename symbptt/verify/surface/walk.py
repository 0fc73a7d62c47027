"""Walking a surface tree, and making one that differs in a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from typing import Any, TypeVar

from .atoms import Node, Symbol
from .expressions import Group, Underbrace

N = TypeVar("N", bound=Node)


def children(node: Node) -> tuple[Node, ...]:
    """The nodes directly below, in the order written; found once, as a node never changes."""
    found: tuple[Node, ...] | None = node.__dict__.get("_below")
    if found is None:
        values = (getattr(node, name) for name in _parts_of(type(node)))
        found = tuple(_nodes(tuple(values)))
        object.__setattr__(node, "_below", found)
    return found


_PARTS: dict[type, tuple[str, ...]] = {}


def _parts_of(kind: type[Node]) -> tuple[str, ...]:
    """The fields of a kind of node, without its offsets."""
    if kind not in _PARTS:
        _PARTS[kind] = tuple(f.name for f in fields(kind) if f.name not in _SPAN)
    return _PARTS[kind]


def _nodes(value: tuple[Any, ...]) -> Iterator[Node]:
    for item in value:
        if isinstance(item, Node):
            yield item
        elif isinstance(item, tuple):
            yield from _nodes(item)


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    todo = [node]
    while todo:
        here = todo.pop()
        yield here
        todo.extend(reversed(children(here)))


def symbols(node: Node) -> Iterator[Symbol]:
    return (n for n in walk(node) if isinstance(n, Symbol))


def rebuild(node: N, change: Callable[[Node], Node]) -> N:
    """The node with `change` applied to each of its children, one level down."""

    def new(value: Any) -> Any:
        if isinstance(value, Node):
            return change(value)
        return tuple(map(new, value)) if isinstance(value, tuple) else value

    return replace(node, **{name: new(getattr(node, name)) for name in _parts_of(type(node))})


_SPAN = ("start", "end")


def bare(node: Node) -> Node:
    """The expression inside any brackets and underbraces around it."""
    while isinstance(node, Group | Underbrace):
        node = node.of
    return node
