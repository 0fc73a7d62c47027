"""Shapes and broadcasting are NumPy's, with symbolic sizes; errors say what to write instead."""

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from symbptt import matrix as mx
from symbptt.errors import ShapeError, UnsupportedError
from symbptt.matrix.build import broadcast_shape
from symbptt.matrix.evaluate import Setting, evaluate
from tests.strategies import C, D, H, N, fn

t, T = mx.t, mx.T
h, u, b = mx.Var("h", (H,), (t,)), mx.Var("u", (D,)), mx.Var("b", (H,))
W, V, X = mx.Var("W", (H, D)), mx.Var("V", (C, H)), mx.Var("X", (N, H), (t,))
cube = mx.Var("Q", (N, H, D))

SHAPES = {
    "W @ u": (W @ u, (H,)),
    "h @ W": (h @ W, (D,)),
    "h @ h": (h @ h, ()),
    "V @ W": (V @ W, (C, D)),
    "X @ W": (X @ W, (N, D)),
    "X + b": (X + b, (N, H)),
    "2 * X": (2 * X, (N, H)),
    "X - 1": (X - 1, (N, H)),
    "1 / X": (1 / X, (N, H)),
    "X.T": (X.T, (H, N)),
    "h.T": (h.T, (H,)),
    "outer": (mx.outer(h, u), (H, D)),
    "diag": (mx.diag(h), (H, H)),
    "sum": (mx.sum_axes(X), ()),
    "sum of rows": (mx.sum_axes(X, (-1,)), (N,)),
    "sum of rows, kept": (mx.sum_axes(X, (-1,), keepdims=True), (N, 1)),
    "X / row sums": (X / mx.sum_axes(X, (1,), keepdims=True), (N, H)),
    "squared_error": (mx.squared_error(X, X), (N,)),
    "cross_entropy": (mx.cross_entropy(h, b), ()),
    "onehot": (mx.onehot(mx.Var("y", (N,)), C), (N, C)),
    "contract": (mx.contract(mx.Var("λ", (N, H)), mx.Var("J", (N, H, D)), 2), (D,)),
    "∂h/∂W": (mx.derivative(h, W, total=False), (H, H, D)),
    "f(h, W)": (mx.CallDeriv(mx.Call("f", (h, W), (C,)), 1), (C, H, D)),
    "time sum": (mx.time_sum(X, t, 1, T), (N, H)),
    "power": (mx.MatPow(mx.diag(h), t), (H, H)),
}

REFUSED = {
    "W @ h": (lambda: W @ h, ".T"),
    "W @ V": (lambda: W @ V, "B @ A"),
    "W @ V.T": (lambda: W @ V.T, "A.T"),
    "h @ W.T": (lambda: h @ W.T, "B.T"),
    "h @ 2": (lambda: h @ mx.Scalar(2), "*"),
    "cube @ u": (lambda: cube @ u, "*"),
    "h + u": (lambda: h + u, "trailing sizes"),
    "X + N-vector": (lambda: X + mx.Var("n", (N,)), "trailing sizes"),
    "X * W": (lambda: X * W, "trailing sizes"),
    "outer of a matrix": (lambda: mx.outer(W, u), "u.T @ v"),
    "diag of a matrix": (lambda: mx.diag(W), ""),
    "transpose of three": (lambda: cube.T, ""),
    "axis": (lambda: mx.sum_axes(X, (2,)), ""),
    "loss shapes": (lambda: mx.squared_error(h, u), "target"),
    "loss of scalars": (lambda: mx.squared_error(h @ h, h @ h), "target"),
    "exponent": (lambda: mx.power(h, sympy.Symbol("n")), "x**2"),
    "contract": (lambda: mx.contract(h, W.T, 1), ""),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shape(name):
    node, shape = SHAPES[name]
    assert node.shape == shape


@pytest.mark.parametrize("name", REFUSED)
def test_a_shape_error_says_what_to_write(name):
    make, advice = REFUSED[name]
    with pytest.raises(ShapeError) as error:
        make()
    assert advice in str(error.value)


AXES = st.lists(st.sampled_from([1, 2, 3]), max_size=3).map(tuple)


@given(AXES, AXES)
def test_broadcasting_is_numpys(a, b):
    try:
        expected = np.broadcast_shapes(a, b)
    except ValueError:
        with pytest.raises(ShapeError):
            broadcast_shape([mx.Var("a", a), mx.Var("b", b)], "+")
    else:
        assert broadcast_shape([mx.Var("a", a), mx.Var("b", b)], "+") == expected
        assert (mx.Var("a", a) * mx.Var("b", b)).shape == expected


def test_constructors_drop_only_what_nobody_writes():
    assert h + 0 == h
    assert 1 * h == h
    assert (0 * h).shape == (H,)
    assert W.T.T == W
    assert mx.transpose(mx.diag(h)) == mx.diag(h)
    assert mx.Eye(H) @ W == W
    assert h**1 == h
    assert h + h != 2 * h  # equality is for `indices` to decide
    assert (W @ u).args == (W, u)


def test_a_shift_moves_every_time():
    e = fn("tanh", mx.diag(h) @ h.at(t - 1))
    assert {v.time for v in mx.variables(mx.shift(e, -1))} == {t - 1, t - 2}
    assert mx.variables(mx.time_sum(h, t, 1, T)) == (h,)


SIZES = {"N": 2, "H": 3, "D": 2, "C": 2}


def at(**arrays):
    """Whole-number arrays at t = 1, T = 2; a variable read at time s has s added."""

    def lookup(v, times):
        return np.array(arrays[v.name], dtype=object) + sum(times)

    functions = {"number": int, "step": lambda z: int(z > 0), "relu": lambda z: max(z, 0)}
    return Setting(lookup, SIZES, functions, {"t": 1, "T": 2})


def test_evaluation_is_numpys():
    setting = at(
        W=[[1, 2], [3, 4], [5, 6]],
        u=[1, -1],
        b=[1, 2, 3],
        h=[0, 1, 2],
        X=[[1, 2, 3], [4, 5, 6]],
    )
    assert evaluate(W @ u, setting).tolist() == [-1, -1, -1]
    assert evaluate(mx.outer(b, u), setting).tolist() == [[1, -1], [2, -2], [3, -3]]
    assert evaluate(mx.diag(b) @ W, setting).tolist() == [[1, 2], [6, 8], [15, 18]]
    assert evaluate(h.at(t - 1) + h, setting).tolist() == [1, 3, 5]
    assert evaluate(mx.time_sum(h, t, 1, T), setting).tolist() == [3, 5, 7]
    assert evaluate(mx.time_sum(h, t, 2, 1), setting).tolist() == [0, 0, 0]
    assert evaluate(mx.sum_axes(X, (0,)), setting).tolist() == [7, 9, 11]
    assert evaluate(X + b, setting).tolist() == [[3, 5, 7], [6, 8, 10]]
    assert evaluate(fn("relu", u), setting).tolist() == [1, 0]
    assert evaluate(mx.MatPow(mx.diag(b), mx.T), setting).tolist() == [
        [1, 0, 0],
        [0, 4, 0],
        [0, 0, 9],
    ]
    assert evaluate(mx.Kron(t, T), setting) == 0


def test_named_indices_need_a_value():
    i, j = sympy.symbols("i j")
    with pytest.raises(UnsupportedError):
        evaluate(mx.Kron(i, j), at())
