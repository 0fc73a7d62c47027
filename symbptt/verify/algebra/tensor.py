"""Arrays with a left and a right side.

A tensor's leading `left` axes are its rows, the others its columns. A column vector has one axis
on the left, a row vector one on the right; ∂u/∂v in numerator layout has u's axes left and v's
right. A matrix product contracts what faces: a's right axes with b's left axes.

    (W δ)[i] = Σ_j W[i|j] δ[j|]        (δ hᵀ)[i|j] = δ[i|] h[|j]        shapes decide, not ranks

The operations are the same for both arithmetics: `alg` is `Numbers` or `Letters`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...errors import SymbpttError
from ...indices.lower import Bound, Slots
from ...indices.poly import Poly

Entries = Callable[[Slots, Bound], Poly]  # an array in letters: from slots to a polynomial


class MisfitError(SymbpttError):
    """Two tensors whose shapes do not fit; what a shape refutation rests on. `pair` are the two
    and the operation, @ for the matrix product, where it is one of two arrays."""

    def __init__(self, message: str, pair: tuple[Tensor, Tensor, str] | None = None):
        super().__init__(message)
        self.pair = pair


@dataclass(frozen=True)
class Tensor:
    """`shape` are whole numbers or symbolic sizes. `loose`: a gradient, whose axes may stand on
    either side of a Jacobian it meets."""

    data: Any
    shape: tuple[Any, ...]
    left: int
    loose: bool = False
    pulled: int | None = None  # of a Jacobian: how many axes of what it pulls back are rows

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def rows(self) -> tuple[Any, ...]:
        return self.shape[: self.left]

    @property
    def columns(self) -> tuple[Any, ...]:
        return self.shape[self.left :]

    def show_shape(self) -> str:
        if self.rank == 1:
            return f"({self.shape[0]}×1)" if self.left else f"(1×{self.shape[0]})"
        return "(" + "×".join(map(str, self.shape)) + ")" if self.shape else "scalar"


class _Sized:
    """Entries that know the sizes of their axes, which summed indices carry."""

    def __init__(self, entries: Entries, sizes: tuple[Any, ...]):
        self.entries, self.sizes = entries, sizes

    def __call__(self, slots: Slots, bound: Bound) -> Poly:
        return self.entries(slots, bound)


def sized(data: Any, shape: tuple[Any, ...]) -> Any:
    return _Sized(data, shape) if callable(data) else data


def tensor(data: Any, shape: Sequence[Any], left: int, loose: bool = False) -> Tensor:
    shape = tuple(shape)
    return Tensor(sized(data, shape), shape, left, loose)


_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def transpose(alg: Any, x: Tensor) -> Tensor:
    """Rows become columns; a batch matrix or a matrix is transposed, a vector turned."""
    if x.rank == 0:
        return x
    a = _LETTERS[: x.rank]
    out = a[x.left :] + a[: x.left]
    data = x.data if a == out else alg.permute(f"{a}->{out}", x.data)
    turned = tensor(data, x.columns + x.rows, x.rank - x.left, x.loose)
    return replace(turned, pulled=x.pulled)


def add(alg: Any, a: Tensor, b: Tensor, sign: int = 1) -> Tensor:
    if a.rank == 0 and b.rank:
        a = tensor(alg.fill(a.data, b.shape), b.shape, b.left, b.loose)
    if b.rank == 0 and a.rank:
        b = tensor(alg.fill(b.data, a.shape), a.shape, a.left, a.loose)
    a, b = spread(alg, a, b), spread(alg, b, a)
    if a.shape != b.shape or (a.left != b.left and a.rank == 1):
        raise MisfitError(f"cannot add {a.show_shape()} and {b.show_shape()}", (a, b, "+"))
    return tensor(alg.add(a.data, b.data, sign), a.shape, a.left, a.loose or b.loose)


def spread(alg: Any, x: Tensor, like: Tensor) -> Tensor:
    """x over the rows of `like`, and along its axes where x has length 1, as NumPy does it."""
    if x.shape == like.shape or not x.rank or x.rank > like.rank or like.rank != 2:
        return x
    if x.rank == 1 and x.left:
        return x
    pairs = zip(x.shape, like.shape[like.rank - x.rank :], strict=True)
    if not all(n in (1, k) for n, k in pairs):
        return x
    return tensor(alg.spread(x.data, x.shape, like.shape), like.shape, like.left, x.loose)


def scale(alg: Any, a: Tensor, b: Tensor) -> Tensor:
    """A scalar times anything."""
    if a.rank:
        a, b = b, a
    letters = _LETTERS[: b.rank]
    return tensor(
        alg.combine(f",{letters}->{letters}", sized(a.data, ()), b.data), b.shape, b.left, b.loose
    )


def apart(a: Tensor, b: Tensor) -> MisfitError:
    why = f"cannot multiply {a.show_shape()} and {b.show_shape()} elementwise"
    return MisfitError(why, (a, b, "⊙"))


def hadamard(alg: Any, a: Tensor, b: Tensor) -> Tensor:
    if not (a.rank and b.rank):
        return scale(alg, a, b)
    a, b = spread(alg, a, b), spread(alg, b, a)
    if a.shape != b.shape or a.left != b.left:
        raise apart(a, b)
    i = _LETTERS[: a.rank]
    loose = a.loose or b.loose
    return tensor(alg.combine(f"{i},{i}->{i}", a.data, b.data), a.shape, a.left, loose)


def chained(alg: Any, a: Tensor, b: Tensor) -> Tensor:
    """The product that contracts what faces, or stands side by side where nothing faces."""
    if not (a.rank and b.rank):
        return scale(alg, a, b)
    by_matrix = {a.rank, b.rank} == {1, 3} and (a.loose or b.loose)  # ∂L/∂h and ∂h/∂W
    if by_matrix and a.rank == 1 and a.left and a.shape == b.rows:
        a = replace(a, left=0)
    n = len(a.columns)
    if a.columns != b.rows:
        if b.loose and a.columns == b.shape and b.rank > 1:  # a gradient behind its Jacobian
            b = replace(b, left=b.rank)
        elif a.loose and a.shape == b.rows and a.rank > 1:  # a gradient before its Jacobian
            a, n = replace(a, left=0), a.rank
        else:
            why = f"cannot multiply {a.show_shape()} by {b.show_shape()}"
            raise MisfitError(why, (a, b, "@"))
    letters = iter(_LETTERS)
    la = "".join(itertools.islice(letters, a.rank))
    rest = "".join(itertools.islice(letters, b.rank - n))
    lb = la[a.rank - n :] + rest
    out = la[: a.rank - n] + rest
    data = alg.combine(f"{la},{lb}->{out}", a.data, b.data)
    shape = a.shape[: a.rank - n] + b.shape[n:]
    if by_matrix and len(shape) == 2:
        return tensor(data, shape, 1, True)
    return tensor(data, shape, a.rank - n, a.loose and b.loose)


def pull(alg: Any, a: Tensor, b: Tensor) -> Tensor | None:
    """g · ∂u/∂v, or ∂u/∂v · g in denominator layout: a gradient by u pulled back to one by v.

    Every axis of u is summed over, however g is turned. None where this is no such product.
    """
    g, jacobian = (a, b) if b.pulled is not None else (b, a)
    if g.pulled is not None or jacobian.pulled is None or not g.loose:
        return None
    facing = jacobian.rows if jacobian is b else jacobian.columns
    if g.shape != facing:
        return None
    if jacobian is b:
        out = chained(alg, replace(g, left=0), jacobian)
    else:
        out = chained(alg, jacobian, replace(g, left=g.rank))
    return replace(out, left=jacobian.pulled, loose=True, pulled=None)


def outer(alg: Any, a: Tensor, b: Tensor) -> Tensor:
    """a bᵀ, however the two vectors are turned."""
    i, j = _LETTERS[: a.rank], _LETTERS[a.rank : a.rank + b.rank]
    return tensor(alg.combine(f"{i},{j}->{i}{j}", a.data, b.data), a.shape + b.shape, a.rank)


def diag(alg: Any, v: Tensor) -> Tensor:
    if v.rank == 2:  # one diagonal matrix per row of a batch
        eye = tensor(alg.eye(v.shape[1]), (v.shape[1],) * 2, 1)
        rows = tensor(alg.eye(v.shape[0]), (v.shape[0],) * 2, 1)
        square = alg.combine("bc,ab->abc", eye.data, v.data)
        four = alg.combine("ad,abc->abdc", rows.data, sized(square, (*v.shape, v.shape[1])))
        return tensor(four, (v.shape[0], v.shape[1], v.shape[0], v.shape[1]), 2)
    if v.rank != 1:
        raise MisfitError(f"diag takes a vector, not {v.show_shape()}")
    eye = tensor(alg.eye(v.shape[0]), v.shape * 2, 1)
    return tensor(alg.combine("ab,a->ab", eye.data, v.data), v.shape * 2, 1)


def diagonal(alg: Any, data: Any) -> Any:
    """The entries of a square array that stand on its diagonal."""
    if callable(data):
        return lambda slots, bound: data((slots[0], slots[0]), bound)
    return alg.permute("aa->a", data)


def elementwise(alg: Any, body: Any, x: Tensor) -> Tensor:
    return tensor(alg.apply(body, x.data), x.shape, x.left, False)
