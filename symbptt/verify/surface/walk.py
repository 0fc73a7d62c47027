"""Walking a surface tree, and making one that differs in a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from itertools import chain, count
from typing import Any, Generic, TypeVar

from .atoms import Node, Symbol
from .expressions import Entry, Group, Underbrace

N = TypeVar("N", bound=Node)
T = TypeVar("T")


def _children(node: Node) -> tuple[Node, ...]:
    return tuple(_nodes(tuple(getattr(node, name) for name in _parts_of(type(node)))))


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


class Kept(Generic[T]):
    """A function of trees whose values stay on the trees: an edited line shares most of its own."""

    _names = count()

    def __init__(self, value: Callable[[Any], T]):
        self._value, self._name = value, f"kept {next(self._names)}"

    def __call__(self, node: Node) -> T:
        known = node.__dict__
        if self._name not in known:
            known[self._name] = self._value(node)
        found: T = known[self._name]
        return found


children = Kept(_children)  # the nodes directly below, in the order written


def _below(node: Node) -> tuple[Node, ...]:
    return tuple(chain.from_iterable((x, *below(x)) for x in children(node)))


below = Kept(_below)


def walk(node: Node) -> Iterator[Node]:
    """A node and everything below it."""
    return chain((node,), below(node))


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


def whole(node: Node) -> Node:
    """[a_t]_{n,j} without its indices: what the entry is of."""
    inner = bare(node)
    return bare(inner.of) if isinstance(inner, Entry) else inner
