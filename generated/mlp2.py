"""mlp2: Two-layer network, a batch of rows: no state, T = 1, so x is (1, N, D).

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) z1_t = x_t W_1 + b_1
    (2) a1_t = tanh(z1_t)
    (3) z2_t = a1_t W_2 + b_2
    (4) l_t = sum(cross_entropy(z2_t, y_t))
    (5) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (14) dL/dz2_t = softmax(z2_t) − onehot(y_t)
   (15) dL/da1_t = dL/dz2_t W_2ᵀ
   (16) dL/dz1_t = dL/da1_t ∘ (1 − a1_t²)

Gradients
   (17) dL/dW_1 = Σ_{t=1}^{T} x_tᵀ dL/dz1_t
   (18) dL/db_1 = Σ_{t=1}^{T} sum(dL/dz1_t, axis=0)
   (19) dL/dW_2 = Σ_{t=1}^{T} a1_tᵀ dL/dz2_t
   (20) dL/db_2 = Σ_{t=1}^{T} sum(dL/dz2_t, axis=0)
   (21) dL/dx_t = dL/dz1_t W_1ᵀ

Proved for every T and every size: 29 statements, by
`symbptt prove mlp2`.

Written by `symbptt generate mlp2`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_1 (D, H), b_1 (H,), W_2 (H, C), b_2 (C,)
    x: (T, N, D)
    y: (T, N), integers in 0..C-1
    state: None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    T, N, D, *_ = sizes
    W_1 = params["W_1"]
    b_1 = params["b_1"]
    W_2 = params["W_2"]
    b_2 = params["b_2"]

    # Forward
    x_rows = x.reshape(T * N, D)
    x_rows.dot(W_1, out=w.z1_rows)  # (1)
    np.add(w.z1, b_1, out=w.z1)  # (1)
    np.tanh(w.z1, out=w.a1)  # (2)
    w.a1_rows.dot(W_2, out=w.z2_rows)  # (3)
    np.add(w.z2, b_2, out=w.z2)  # (3)
    np.maximum.reduce(w.z2, axis=2, out=w.max_z2)  # (4)
    np.subtract(w.z2, w.max_z2[..., None], out=w.shifted_z2)  # (4)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (4)
    w.shifted_z2_flat.take(w.at_y_flat, out=w.target_z2_flat, mode="clip")  # (4)
    np.exp(w.shifted_z2, out=w.exp_z2)  # (4)
    w.exp_z2_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (4)
    np.log(w.sum_exp, out=w.log_sum)  # (4)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_z2_flat)  # (4), (5)

    # Backward
    np.divide(w.exp_z2, w.sum_exp[..., None], out=w.dz2)  # (14)
    w.dz2_flat.take(w.at_y_flat, out=w.hit_z2_flat, mode="clip")  # (14)
    np.subtract(w.hit_z2, 1, out=w.hit_z2)  # (14)
    w.dz2_flat.put(w.at_y_flat, w.hit_z2_flat, mode="clip")  # (14)
    w.dz2_rows.dot(W_2.T, out=w.da1_rows)  # (15)
    np.multiply(w.a1, w.a1, out=w.a1_squared)  # (16)
    np.subtract(1, w.a1_squared, out=w.slope_a1)  # (16)
    np.multiply(w.da1, w.slope_a1, out=w.dz1)  # (16)

    # Gradients
    x_rows.T.dot(w.dz1_rows, out=w.dW_1)  # (17)
    w.ones_TN.dot(w.dz1_rows, out=w.db_1)  # (18)
    w.a1_rows.T.dot(w.dz2_rows, out=w.dW_2)  # (19)
    w.ones_TN.dot(w.dz2_rows, out=w.db_2)  # (20)
    w.dz1_rows.dot(W_1.T, out=w.dx_rows)  # (21)
    grads = {
        "W_1": w.dW_1,
        "b_1": w.db_1,
        "W_2": w.dW_2,
        "b_2": w.db_2,
        "x": w.dx,
    }
    return loss, grads, {}


def forward(params, x, state=None):
    """Return (dict of z2, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    T, N, D, *_ = sizes
    W_1 = params["W_1"]
    b_1 = params["b_1"]
    W_2 = params["W_2"]
    b_2 = params["b_2"]
    x_rows = x.reshape(T * N, D)
    x_rows.dot(W_1, out=w.z1_rows)  # (1)
    np.add(w.z1, b_1, out=w.z1)  # (1)
    np.tanh(w.z1, out=w.a1)  # (2)
    w.a1_rows.dot(W_2, out=w.z2_rows)  # (3)
    np.add(w.z2, b_2, out=w.z2)  # (3)
    return {"z2": w.z2}, {}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.z1 = _empty((T, N, H), dtype)
        self.z2 = _empty((T, N, C), dtype)
        self.max_z2 = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        self.da1 = _empty((T, N, H), dtype)
        self.a1_squared = _empty((T, N, H), dtype)
        self.dW_1 = _empty((D, H), dtype)
        self.db_1 = _empty((H,), dtype)
        self.dW_2 = _empty((H, C), dtype)
        self.db_2 = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.a1 = self.z1  # a1 takes its place
        self.shifted_z2 = self.z2  # shifted_z2 takes its place
        self.target_z2 = self.max_z2  # target_z2 takes its place
        self.exp_z2 = self.z2  # exp_z2 takes its place
        self.hit_z2 = self.log_sum  # hit_z2 takes its place
        self.dz2 = self.z2  # dz2 takes its place
        self.slope_a1 = self.a1_squared  # slope_a1 takes its place
        self.dz1 = self.a1_squared  # dz1 takes its place
        self.row_starts = np.arange(T * N) * C
        self.ones_C = np.ones(C, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.z1_rows = self.z1.reshape(T * N, H)
        self.a1_rows = self.a1.reshape(T * N, H)
        self.z2_rows = self.z2.reshape(T * N, C)
        self.at_y_flat = self.at_y.reshape(-1)
        self.shifted_z2_flat = self.shifted_z2.reshape(-1)
        self.target_z2_flat = self.target_z2.reshape(-1)
        self.sum_exp_flat = self.sum_exp.reshape(-1)
        self.exp_z2_rows = self.exp_z2.reshape(T * N, C)
        self.log_sum_flat = self.log_sum.reshape(-1)
        self.dz2_flat = self.dz2.reshape(-1)
        self.hit_z2_flat = self.hit_z2.reshape(-1)
        self.dz2_rows = self.dz2.reshape(T * N, C)
        self.da1_rows = self.da1.reshape(T * N, H)
        self.dz1_rows = self.dz1.reshape(T * N, H)
        self.dx_rows = self.dx.reshape(T * N, D)


def _empty(shape, dtype):
    """An array that begins on a boundary of 64 bytes, where the processor loads it fastest."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.empty(count + 64, np.uint8)
    start = -raw.ctypes.data % 64
    return raw[start : start + count].view(dtype).reshape(shape)


def _workspace(workspace, sizes):
    """The buffers kept in a dict, made anew when a size or the dtype has changed."""
    if workspace is None:
        return _Buffers(*sizes)
    if not isinstance(workspace, dict):
        kind = type(workspace).__name__
        raise ValueError(f"workspace is of type {kind}, it should be a dict or None")
    buffers = workspace.get("buffers")
    if workspace.get("sizes") != sizes or not isinstance(buffers, _Buffers):
        buffers = _Buffers(*sizes)
        workspace.update(sizes=sizes, buffers=buffers)
    return buffers


def _sizes(params, x, y, state):
    """T, N, D, H, C and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W_1", "b_1", "W_2", "b_2"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W_1']", params["W_1"], 1, ("D", "H"))
    C = _axis("params['W_2']", params["W_2"], 1, ("H", "C"))
    dtype = params["W_1"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_1']", params["W_1"], (D, H), "float32 or float64")
    if params["W_1"].shape != (D, H) or params["W_1"].dtype != dtype:
        _refuse("params['W_1']", params["W_1"], (D, H), dtype)
    if params["b_1"].shape != (H,) or params["b_1"].dtype != dtype:
        _refuse("params['b_1']", params["b_1"], (H,), dtype)
    if params["W_2"].shape != (H, C) or params["W_2"].dtype != dtype:
        _refuse("params['W_2']", params["W_2"], (H, C), dtype)
    if params["b_2"].shape != (C,) or params["b_2"].dtype != dtype:
        _refuse("params['b_2']", params["b_2"], (C,), dtype)
    if x.shape != (T, N, D) or x.dtype != dtype:
        _refuse("x", x, (T, N, D), dtype)
    if y is not None:
        _indices("y", y, (T, N), C)
    return T, N, D, H, C, dtype


def _keys(name, given, wanted):
    """Refuse a dict of arrays that lacks a key, has one too many, or holds something else."""
    if not isinstance(given, dict):
        kind = type(given).__name__
        raise ValueError(f"{name} is of type {kind}, it should be a dict of {sorted(wanted)}")
    if set(given) != set(wanted):
        keys = sorted(map(str, given))
        raise ValueError(f"{name} has the keys {keys}, it should have {sorted(wanted)}")
    for key, value in given.items():
        if not isinstance(value, np.ndarray):
            kind = type(value).__name__
            raise ValueError(f"{name}[{key!r}] is of type {kind}, it should be an array")


def _axis(name, array, axis, names):
    """The length of one axis of an array whose axes are called `names`."""
    if array.ndim != len(names) or 0 in array.shape:
        raise ValueError(f"{name} has shape {array.shape}, it should be ({', '.join(names)})")
    return array.shape[axis]


def _refuse(name, array, shape, dtype):
    """Say which argument does not fit, and what it should be."""
    raise ValueError(
        f"{name} has shape {array.shape} and dtype {array.dtype}, "
        f"it should have shape {shape} and dtype {dtype}"
    )


def _indices(name, array, shape, classes):
    """Check an array of class indices."""
    if array.shape != shape or array.dtype.kind not in "iu":
        _refuse(name, array, shape, "an integer type")
    if array.min() < 0 or array.max() >= classes:
        raise ValueError(
            f"{name} holds {array.min()}..{array.max()}, it should hold 0..{classes - 1}"
        )
