"""The nodes: one class per operation, each a SymPy `Expr` with a symbolic `shape`.

A node stores its arguments in the author's order and simplifies nothing; `build` holds the
constructors that check shapes and broadcast. Time is an ordinary argument (`Var.times`), so
shifting an equation is SymPy's `xreplace`.

    shape(A @ B) = shape(A)[:-1] + shape(B)[1:]      shape(∂u/∂v) = shape(u) + shape(v)
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

from sympy import Add, Basic, Expr, Integer, Symbol, Tuple, expand, sympify
from sympy.core.symbol import Str

Shape = tuple[Any, ...]


def size(name: str) -> Symbol:
    """A symbolic size: a positive integer of unknown value."""
    return Symbol(name, integer=True, positive=True)


def time_symbol(name: str) -> Symbol:
    """A symbolic time index. Its assumptions keep a time `t` distinct from a size `t`."""
    return Symbol(name, integer=True)


t = time_symbol("t")
T = time_symbol("T")


# Filled by `show`, which stands below this module: notation name -> printer of expressions.
notation: dict[str, Callable[[Any], str]] = {}


class Node(Expr):
    """Base of the language: an expression with a NumPy shape of symbolic sizes."""

    is_commutative = True
    _op_priority = 100.0

    @cached_property
    def shape(self) -> Shape:
        return self._shape()

    def _sympystr(self, printer: Any) -> str:
        """The project's own notation once `show` is loaded; SymPy's would misread our nodes."""
        return notation["text"](self) if "text" in notation else self._sympyrepr(printer)

    def _latex(self, printer: Any) -> str:
        return notation["latex"](self)

    def _sympyrepr(self, printer: Any) -> str:
        return f"{type(self).__name__}({', '.join(map(str, self.args))})"

    def _shape(self) -> Shape:
        raise NotImplementedError(type(self).__name__)

    @property
    def rank(self) -> int:
        return len(self.shape)

    # The operators of Python and NumPy; `build` is imported late because it needs the classes.
    def __add__(self, other: Any) -> Node:
        return _build().plus(self, other)

    def __radd__(self, other: Any) -> Node:
        return _build().plus(other, self)

    def __sub__(self, other: Any) -> Node:
        return _build().plus(self, _build().times(-1, other))

    def __rsub__(self, other: Any) -> Node:
        return _build().plus(other, _build().times(-1, self))

    def __mul__(self, other: Any) -> Node:
        return _build().times(self, other)

    def __rmul__(self, other: Any) -> Node:
        return _build().times(other, self)

    def __truediv__(self, other: Any) -> Node:
        return _build().times(self, _build().power(other, -1))

    def __rtruediv__(self, other: Any) -> Node:
        return _build().times(other, _build().power(self, -1))

    def __pow__(self, exponent: Any, mod: Any = None) -> Node:
        return _build().power(self, exponent)

    def __neg__(self) -> Node:
        return _build().times(-1, self)

    def __matmul__(self, other: Any) -> Node:
        return _build().matmul(self, other)

    @property
    def T(self) -> Node:  # noqa: N802 - NumPy's name
        return _build().transpose(self)


def _build() -> Any:
    from . import build

    return build


class Var(Node):
    """A named array, possibly at a time: `W_hh`, `h[t-1]`, the propagator `P[t,k]`."""

    def __new__(cls, name: Any, shape: Any = (), times: Any = ()) -> Var:
        name = name if isinstance(name, Str) else Str(name)
        return Basic.__new__(cls, name, _tuple(shape), _tuple(times))

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    def _shape(self) -> Shape:
        return tuple(self.args[1])

    @property
    def times(self) -> Shape:
        return tuple(self.args[2])

    @property
    def time(self) -> Any:
        """The time index, or None for a parameter or constant."""
        return self.times[0] if self.times else None

    def at(self, *times: Any) -> Var:
        """The same array at another time."""
        return Var(self.args[0], self.args[1], times)


def _tuple(items: Any) -> Tuple:
    return Tuple(*(sympify(i) for i in items))


class Scalar(Node):
    """A scalar constant of the formula: a rational, T, a size, or a product of them."""

    def __new__(cls, value: Any) -> Scalar:
        return Basic.__new__(cls, sympify(value))

    @property
    def value(self) -> Expr:
        return self.args[0]

    def _shape(self) -> Shape:
        return ()


class _Nary(Node):
    """Elementwise over arguments of one shape; plain `Scalar` arguments broadcast silently."""

    def __new__(cls, *args: Any) -> Node:
        return Basic.__new__(cls, *args)

    def _shape(self) -> Shape:
        return next((a.shape for a in self.args if a.shape), ())


class Plus(_Nary):
    """a + b, elementwise."""


class Times(_Nary):
    """a ∘ b, elementwise (Hadamard)."""


class Power(Node):
    """x ** n, elementwise, n rational."""

    def __new__(cls, x: Node, n: Any) -> Power:
        return Basic.__new__(cls, x, sympify(n))

    def _shape(self) -> Shape:
        return self.args[0].shape


class Apply(Node):
    """f(x), elementwise, for a function `Fn` of one scalar."""

    def __new__(cls, fn: Basic, x: Node) -> Apply:
        return Basic.__new__(cls, fn, x)

    def _shape(self) -> Shape:
        return self.args[1].shape


class Softmax(Node):
    """exp(x_i) / Σ_j exp(x_j) over the last axis."""

    def __new__(cls, x: Node) -> Softmax:
        return Basic.__new__(cls, x)

    def _shape(self) -> Shape:
        return self.args[0].shape


class MatMul(Node):
    """The matrix product of arrays of one or two indices, as NumPy's `@`."""

    def __new__(cls, a: Node, b: Node) -> MatMul:
        return Basic.__new__(cls, a, b)

    def _shape(self) -> Shape:
        return self.args[0].shape[:-1] + self.args[1].shape[1:]


class MatPow(Node):
    """A^n, the matrix power with a symbolic exponent; A^0 = I."""

    def __new__(cls, a: Node, n: Any) -> MatPow:
        return Basic.__new__(cls, a, sympify(n))

    def _shape(self) -> Shape:
        return self.args[0].shape


class Transpose(Node):
    """Aᵀ."""

    def __new__(cls, a: Node) -> Transpose:
        return Basic.__new__(cls, a)

    def _shape(self) -> Shape:
        return self.args[0].shape[::-1]


class Outer(Node):
    """u vᵀ."""

    def __new__(cls, u: Node, v: Node) -> Outer:
        return Basic.__new__(cls, u, v)

    def _shape(self) -> Shape:
        return self.args[0].shape + self.args[1].shape


class Diag(Node):
    """diag(v)."""

    def __new__(cls, v: Node) -> Diag:
        return Basic.__new__(cls, v)

    def _shape(self) -> Shape:
        return self.args[0].shape * 2


class Eye(Node):
    """The identity matrix of a symbolic size."""

    def __new__(cls, n: Any) -> Eye:
        return Basic.__new__(cls, sympify(n))

    def _shape(self) -> Shape:
        return (self.args[0],) * 2


class Broadcast(Node):
    """x repeated along new or unit axes, by NumPy's rule; written by nobody, implied by + and *."""

    def __new__(cls, x: Node, shape: Any) -> Broadcast:
        return Basic.__new__(cls, x, _tuple(shape))

    def _shape(self) -> Shape:
        return tuple(self.args[1])


class Expand(Node):
    """x with unit axes inserted, so that its shape becomes `shape`: x[:, None]."""

    def __new__(cls, x: Node, shape: Any) -> Expand:
        return Basic.__new__(cls, x, _tuple(shape))

    def _shape(self) -> Shape:
        return tuple(self.args[1])


class Concat(Node):
    """[a, b, …], side by side along the last axis."""

    def __new__(cls, *parts: Node) -> Concat:
        return Basic.__new__(cls, *parts)

    def _shape(self) -> Shape:
        return (*self.args[0].shape[:-1], expand(Add(*(a.shape[-1] for a in self.args))))

    @property
    def pieces(self) -> tuple[tuple[Any, Any, Node], ...]:
        """(where it starts, where it ends, part), in order."""
        out, lo = [], Integer(0)
        for a in self.args:
            hi = expand(lo + a.shape[-1])
            out.append((lo, hi, a))
            lo = hi
        return tuple(out)


class Block(Node):
    """x[..., lo:hi], a block of columns (of entries, for a vector); lo and hi are sizes."""

    def __new__(cls, x: Node, lo: Any, hi: Any) -> Block:
        return Basic.__new__(cls, x, sympify(lo), sympify(hi))

    def _shape(self) -> Shape:
        x, lo, hi = self.args
        return (*x.shape[:-1], expand(hi - lo))


class Reduce(Node):
    """The sum over some axes (counted from 0)."""

    def __new__(cls, x: Node, axes: Any, keepdims: Any = False) -> Reduce:
        return Basic.__new__(cls, x, _tuple(axes), sympify(bool(keepdims)))

    @property
    def axes(self) -> tuple[int, ...]:
        return tuple(int(a) for a in self.args[1])

    @property
    def keepdims(self) -> bool:
        return bool(self.args[2])

    def _shape(self) -> Shape:
        kept = [(i, n) for i, n in enumerate(self.args[0].shape)]
        if self.keepdims:
            return tuple(Integer(1) if i in self.axes else n for i, n in kept)
        return tuple(n for i, n in kept if i not in self.axes)


class OneHot(Node):
    """The indicator rows of an integer array: OneHot(y)[..., c] = [y[...] = c]."""

    def __new__(cls, y: Node, classes: Any) -> OneHot:
        return Basic.__new__(cls, y, sympify(classes))

    def _shape(self) -> Shape:
        return (*self.args[0].shape, self.args[1])


class _Loss(Node):
    """A loss over the last axis of a prediction and a target of the same shape."""

    def __new__(cls, o: Node, y: Node) -> Node:
        return Basic.__new__(cls, o, y)

    def _shape(self) -> Shape:
        return self.args[0].shape[:-1]


class SquaredError(_Loss):
    """½ Σ_c (o_c − y_c)²."""


class CrossEntropy(_Loss):
    """−Σ_c y_c log softmax(o)_c, on logits o."""


class Call(Node):
    """An uninterpreted function of whole arrays; its result shape is declared by its equation."""

    def __new__(cls, name: Any, args: Any, shape: Any) -> Call:
        name = name if isinstance(name, Str) else Str(name)
        return Basic.__new__(cls, name, Tuple(*args), _tuple(shape))

    @property
    def name(self) -> str:
        return str(self.args[0].name)

    def _shape(self) -> Shape:
        return tuple(self.args[2])


class CallDeriv(Node):
    """∂f(…)/∂(k-th argument) of an uninterpreted call: shape(f) + shape(argument)."""

    def __new__(cls, call: Call, k: Any) -> CallDeriv:
        return Basic.__new__(cls, call, Integer(k))

    @property
    def argument(self) -> Node:
        return self.args[0].args[1][int(self.args[1])]

    def _shape(self) -> Shape:
        return self.args[0].shape + self.argument.shape


class Deriv(Node):
    """du/dv (total) or ∂u/∂v (partial, everything else held fixed): shape(u) + shape(v)."""

    def __new__(cls, of: Var, wrt: Var, total: Any) -> Deriv:
        return Basic.__new__(cls, of, wrt, sympify(bool(total)))

    @property
    def of(self) -> Var:
        return self.args[0]

    @property
    def wrt(self) -> Var:
        return self.args[1]

    @property
    def total(self) -> bool:
        return bool(self.args[2])

    def _shape(self) -> Shape:
        return self.of.shape + self.wrt.shape


class Contract(Node):
    """Σ over the last n axes of a against the first n axes of b: the chain rule's product."""

    def __new__(cls, a: Node, b: Node, n: Any) -> Contract:
        return Basic.__new__(cls, a, b, Integer(n))

    @property
    def n(self) -> int:
        return int(self.args[2])

    def _shape(self) -> Shape:
        a, b = self.args[0].shape, self.args[1].shape
        return a[: len(a) - self.n] + b[self.n :]


class Element(Node):
    """x[i, j]: one entry, by named indices."""

    def __new__(cls, x: Node, indices: Any) -> Element:
        return Basic.__new__(cls, x, _tuple(indices))

    def _shape(self) -> Shape:
        return ()


class Kron(Node):
    """[i = j], Kronecker's delta of two named indices, or of two times."""

    def __new__(cls, i: Any, j: Any) -> Kron:
        return Basic.__new__(cls, sympify(i), sympify(j))

    @property
    def is_time(self) -> bool:
        """Times are integers (or expressions in them); index names carry no assumption."""
        return any(a.is_integer for a in self.args)

    def _shape(self) -> Shape:
        return ()


class TimeSum(Node):
    """Σ_{k=lo}^{hi} body; an empty range is zero."""

    def __new__(cls, body: Node, k: Any, lo: Any, hi: Any) -> TimeSum:
        return Basic.__new__(cls, body, k, sympify(lo), sympify(hi))

    def _shape(self) -> Shape:
        return self.args[0].shape


class TimeProd(Node):
    """∏ body_j for j = hi, hi−1, …, lo: the later factor stands left; empty is the identity.

    The body is a square operator: its first half of axes are the output's, the rest the input's.
    """

    def __new__(cls, body: Node, j: Any, lo: Any, hi: Any) -> TimeProd:
        return Basic.__new__(cls, body, j, sympify(lo), sympify(hi))

    def _shape(self) -> Shape:
        return self.args[0].shape


def shift(expr: Any, by: Any) -> Any:
    """The expression with t replaced by t + by."""
    return expr.xreplace({t: t + by}) if by else expr


def variables(expr: Any) -> tuple[Var, ...]:
    """The variables of an expression, each once, in reading order.

    The names under a derivative (`dL/dh[t]`) count as that derivative's, not as variables.
    """
    found: dict[Var, None] = {}

    def walk(e: Any) -> None:
        if isinstance(e, Var):
            found.setdefault(e)
        elif not isinstance(e, Deriv):
            for a in e.args:
                walk(a)

    walk(expr)
    return tuple(found)
