"""What a printed derivation is made of, before any notation is chosen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ..model import Declaration, Derivation, Formal, Group, Model
from .scalars import count
from .style import PLAIN, Style

FORMAL_TITLE = "Full-index Jacobians (the formal road)"
_ROLES = {
    "input": "inputs",
    "target": "targets",
    "state": "states",
    "param": "parameters",
    "mask": "masks",
    "hyper": "numbers",
    "variable": "computed",
}


@dataclass(frozen=True)
class Page:
    """The groups that a mode selects, and the full-index Jacobians where they belong to it."""

    model: Model
    groups: tuple[Group, ...]
    formal: tuple[Formal, ...]
    style: Style = PLAIN

    @staticmethod
    def of(d: Derivation, keys: tuple[str, ...] | None, style: Style = PLAIN) -> Page:
        groups = tuple(g for g in d.groups if keys is None or g.key in keys)
        local = any(g.key == "local" for g in groups)
        return Page(d.model, groups, d.formal if local else (), style)

    @property
    def title(self) -> str:
        name, title = self.model.name, self.model.title
        return f"{name}: {title}" if title else name

    def roles(self) -> Iterator[tuple[str, list[Declaration]]]:
        """The declared names under the words inputs, targets, states, parameters, computed."""
        for role, word in _ROLES.items():
            found = [d for d in self.model.declarations if d.role == role]
            if found:
                yield word, found

    def entries(self, f: Formal) -> str:
        """How many entries a Jacobian has, and how many are not zero."""
        sizes = self.model.sizes
        rank = f.equation.lhs.args[0].of.rank
        axes = f.shape if self.style.layout == "numerator" else f.shape[rank:] + f.shape[:rank]
        shape = ", ".join(map(str, axes))
        some, total = (count(n, sizes) for n in (f.nonzero, f.total))
        which = f"{some} of its {total} entries" if some != total else f"any of its {total} entries"
        return f"shape ({shape}); not zero: {which}"


def shape(d: Declaration) -> str:
    """(N, H), (H,), and `in C` for class indices."""
    inner = ", ".join(map(str, d.shape)) + ("," if len(d.shape) == 1 else "")
    values = f"in {d.classes}" if d.classes is not None else ""
    dims = f"({inner})" if d.shape or not values else ""
    return " ".join(x for x in (dims, values) if x)
