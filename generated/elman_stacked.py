"""elman_stacked: Two Elman layers, a batch of rows: the first feeds the second.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_h1_t = x_t W_x1 + h1_{t−1} W_h1 + b1
    (2) h1_t = tanh(a_h1_t)
    (3) a_h2_t = h1_t W_x2 + h2_{t−1} W_h2 + b2
    (4) h2_t = tanh(a_h2_t)
    (5) o_t = h2_t W_y + b_y
    (6) l_t = sum(cross_entropy(o_t, y_t))
    (7) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (24) dL/do_t = softmax(o_t) − onehot(y_t)
   (25) dL/dh2_t = dL/do_t W_yᵀ + dL/da_h2_{t+1} W_h2ᵀ
   (26) dL/da_h2_t = dL/dh2_t ∘ (1 − h2_t²)
   (27) dL/dh1_t = dL/da_h2_t W_x2ᵀ + dL/da_h1_{t+1} W_h1ᵀ
   (28) dL/da_h1_t = dL/dh1_t ∘ (1 − h1_t²)

Boundary at T
   (29) dL/da_h1_{T+1} = 0
   (30) dL/da_h2_{T+1} = 0

Gradients
   (31) dL/dW_x1 = Σ_{t=1}^{T} x_tᵀ dL/da_h1_t
   (32) dL/dW_h1 = Σ_{t=1}^{T} h1_{t−1}ᵀ dL/da_h1_t
   (33) dL/db1 = Σ_{t=1}^{T} sum(dL/da_h1_t, axis=0)
   (34) dL/dW_x2 = Σ_{t=1}^{T} h1_tᵀ dL/da_h2_t
   (35) dL/dW_h2 = Σ_{t=1}^{T} h2_{t−1}ᵀ dL/da_h2_t
   (36) dL/db2 = Σ_{t=1}^{T} sum(dL/da_h2_t, axis=0)
   (37) dL/dW_y = Σ_{t=1}^{T} h2_tᵀ dL/do_t
   (38) dL/db_y = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (39) dL/dx_t = dL/da_h1_t W_x1ᵀ
   (40) dL/dh1_0 = dL/da_h1_1 W_h1ᵀ
   (41) dL/dh2_0 = dL/da_h2_1 W_h2ᵀ

Proved for every T and every size: 134 statements, by
`symbptt prove elman_stacked`.

Written by `symbptt generate elman_stacked`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_x1 (D, H), W_h1 (H, H), b1 (H,), W_x2 (H, K), W_h2 (K, K), b2 (K,),
        W_y (K, C), b_y (C,)
    x: (T, N, D)
    y: (T, N), integers in 0..C-1
    state: dict of h1 (N, H), h2 (N, K) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    T, N, D, *_ = sizes
    W_x1 = params["W_x1"]
    W_h1 = params["W_h1"]
    b1 = params["b1"]
    W_x2 = params["W_x2"]
    W_h2 = params["W_h2"]
    b2 = params["b2"]
    W_y = params["W_y"]
    b_y = params["b_y"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h2_0, 0 if state is None else state["h2"])
    np.copyto(w.h1_0, 0 if state is None else state["h1"])
    x_rows.dot(W_x1, out=w.a_h1_rows)  # (1)
    np.add(w.a_h1, b1, out=w.a_h1)  # (1)
    add, tanh, h1_W_h1 = np.add, np.tanh, w.h1_W_h1
    for h1_prev, a_h1_t, h1_t in w.forward:  # t = 1, …, T
        h1_prev.dot(W_h1, h1_W_h1)  # (1)
        add(a_h1_t, h1_W_h1, a_h1_t)  # (1)
        tanh(a_h1_t, h1_t)  # (2)
    w.h1_rows.dot(W_x2, out=w.a_h2_rows)  # (3)
    np.add(w.a_h2, b2, out=w.a_h2)  # (3)
    add, tanh, h2_W_h2 = np.add, np.tanh, w.h2_W_h2
    for h2_prev, a_h2_t, h2_t in w.forward_:  # t = 1, …, T
        h2_prev.dot(W_h2, h2_W_h2)  # (3)
        add(a_h2_t, h2_W_h2, a_h2_t)  # (3)
        tanh(a_h2_t, h2_t)  # (4)
    w.h2_rows.dot(W_y, out=w.o_rows)  # (5)
    np.add(w.o, b_y, out=w.o)  # (5)
    np.maximum.reduce(w.o, axis=2, out=w.max_o)  # (6)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (6)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (6)
    w.shifted_o_flat.take(w.at_y_flat, out=w.target_o_flat, mode="clip")  # (6)
    np.exp(w.shifted_o, out=w.exp_o)  # (6)
    w.exp_o_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (6)
    np.log(w.sum_exp, out=w.log_sum)  # (6)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_o_flat)  # (6), (7)

    # Backward
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.do)  # (24)
    w.do_flat.take(w.at_y_flat, out=w.hit_o_flat, mode="clip")  # (24)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (24)
    w.do_flat.put(w.at_y_flat, w.hit_o_flat, mode="clip")  # (24)
    w.dh2_0.fill(0)  # (41)
    w.do_rows.dot(W_y.T, out=w.dh2_rows)  # (25), (30)
    np.copyto(w.W_h2_T, W_h2.T)
    multiply, subtract, add, h2_squared = np.multiply, np.subtract, np.add, w.h2_squared
    slope_h2, W_h2_T, da_h2_W_h2_T = w.slope_h2, w.W_h2_T, w.da_h2_W_h2_T
    for h2_t, dh2_t, da_h2_t, dh2_prev in w.backward:  # t = T, …, 1
        multiply(h2_t, h2_t, h2_squared)  # (26)
        subtract(1, h2_squared, slope_h2)  # (26)
        multiply(dh2_t, slope_h2, da_h2_t)  # (26)
        da_h2_t.dot(W_h2_T, da_h2_W_h2_T)  # (25), (41)
        add(dh2_prev, da_h2_W_h2_T, dh2_prev)  # (25), (41)
    w.dh1_0.fill(0)  # (40)
    w.da_h2_rows.dot(W_x2.T, out=w.dh1_rows)  # (27), (29)
    np.copyto(w.W_h1_T, W_h1.T)
    multiply, subtract, add, h1_squared = np.multiply, np.subtract, np.add, w.h1_squared
    slope_h1, W_h1_T, da_h1_W_h1_T = w.slope_h1, w.W_h1_T, w.da_h1_W_h1_T
    for h1_t, dh1_t, da_h1_t, dh1_prev in w.backward_:  # t = T, …, 1
        multiply(h1_t, h1_t, h1_squared)  # (28)
        subtract(1, h1_squared, slope_h1)  # (28)
        multiply(dh1_t, slope_h1, da_h1_t)  # (28)
        da_h1_t.dot(W_h1_T, da_h1_W_h1_T)  # (27), (40)
        add(dh1_prev, da_h1_W_h1_T, dh1_prev)  # (27), (40)

    # Gradients
    x_rows.T.dot(w.da_h1_rows, out=w.dW_x1)  # (31)
    w.h1_prev_rows.T.dot(w.da_h1_rows, out=w.dW_h1)  # (32)
    w.ones_TN.dot(w.da_h1_rows, out=w.db1)  # (33)
    w.h1_rows.T.dot(w.da_h2_rows, out=w.dW_x2)  # (34)
    w.h2_prev_rows.T.dot(w.da_h2_rows, out=w.dW_h2)  # (35)
    w.ones_TN.dot(w.da_h2_rows, out=w.db2)  # (36)
    w.h2_rows.T.dot(w.do_rows, out=w.dW_y)  # (37)
    w.ones_TN.dot(w.do_rows, out=w.db_y)  # (38)
    w.da_h1_rows.dot(W_x1.T, out=w.dx_rows)  # (39)
    grads = {
        "W_x1": w.dW_x1,
        "W_h1": w.dW_h1,
        "b1": w.db1,
        "W_x2": w.dW_x2,
        "W_h2": w.dW_h2,
        "b2": w.db2,
        "W_y": w.dW_y,
        "b_y": w.db_y,
        "x": w.dx,
        "h1": w.dh1_0,
        "h2": w.dh2_0,
    }
    return loss, grads, {"h1": w.h1_end, "h2": w.h2_end}


def forward(params, x, state=None):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    T, N, D, *_ = sizes
    W_x1 = params["W_x1"]
    W_h1 = params["W_h1"]
    b1 = params["b1"]
    W_x2 = params["W_x2"]
    W_h2 = params["W_h2"]
    b2 = params["b2"]
    W_y = params["W_y"]
    b_y = params["b_y"]
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h2_0, 0 if state is None else state["h2"])
    np.copyto(w.h1_0, 0 if state is None else state["h1"])
    x_rows.dot(W_x1, out=w.a_h1_rows)  # (1)
    np.add(w.a_h1, b1, out=w.a_h1)  # (1)
    add, tanh, h1_W_h1 = np.add, np.tanh, w.h1_W_h1
    for h1_prev, a_h1_t, h1_t in w.forward:  # t = 1, …, T
        h1_prev.dot(W_h1, h1_W_h1)  # (1)
        add(a_h1_t, h1_W_h1, a_h1_t)  # (1)
        tanh(a_h1_t, h1_t)  # (2)
    w.h1_rows.dot(W_x2, out=w.a_h2_rows)  # (3)
    np.add(w.a_h2, b2, out=w.a_h2)  # (3)
    add, tanh, h2_W_h2 = np.add, np.tanh, w.h2_W_h2
    for h2_prev, a_h2_t, h2_t in w.forward_:  # t = 1, …, T
        h2_prev.dot(W_h2, h2_W_h2)  # (3)
        add(a_h2_t, h2_W_h2, a_h2_t)  # (3)
        tanh(a_h2_t, h2_t)  # (4)
    w.h2_rows.dot(W_y, out=w.o_rows)  # (5)
    np.add(w.o, b_y, out=w.o)  # (5)
    return {"o": w.o}, {"h1": w.h1_end, "h2": w.h2_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, K, C, dtype):
        h2_all = _empty((T + 1, N, K), dtype)
        h1_all = _empty((T + 1, N, H), dtype)
        self.h1_W_h1 = _empty((N, H), dtype)
        self.h2_W_h2 = _empty((N, K), dtype)
        self.o = _empty((T, N, C), dtype)
        self.max_o = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        dh2_all = _empty((T + 1, N, K), dtype)
        self.W_h2_T = _empty((K, K), dtype)
        dh1_all = _empty((T + 1, N, H), dtype)
        self.W_h1_T = _empty((H, H), dtype)
        self.dW_x1 = _empty((D, H), dtype)
        self.dW_h1 = _empty((H, H), dtype)
        self.db1 = _empty((H,), dtype)
        self.dW_x2 = _empty((H, K), dtype)
        self.dW_h2 = _empty((K, K), dtype)
        self.db2 = _empty((K,), dtype)
        self.dW_y = _empty((K, C), dtype)
        self.db_y = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.a_h2 = h2_all[1:]  # a_h2 stands in its rows
        self.a_h1 = h1_all[1:]  # a_h1 stands in its rows
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.hit_o = self.log_sum  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.da_h2 = dh2_all[1:]  # da_h2 stands in its rows
        self.slope_h2 = self.h2_W_h2  # slope_h2 takes its place
        self.h2_squared = self.h2_W_h2  # h2_squared takes its place
        self.da_h2_W_h2_T = self.h2_W_h2  # da_h2_W_h2_T takes its place
        self.da_h1 = dh1_all[1:]  # da_h1 stands in its rows
        self.slope_h1 = self.h1_W_h1  # slope_h1 takes its place
        self.h1_squared = self.h1_W_h1  # h1_squared takes its place
        self.da_h1_W_h1_T = self.h1_W_h1  # da_h1_W_h1_T takes its place
        self.row_starts = np.arange(T * N) * C
        self.ones_C = np.ones(C, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.h2_0 = h2_all[0]
        self.h1_0 = h1_all[0]
        self.a_h1_rows = self.a_h1.reshape(T * N, H)
        self.h1 = h1_all[1:]
        self.h1_rows = h1_all[1:].reshape(T * N, H)
        self.a_h2_rows = self.a_h2.reshape(T * N, K)
        self.h2 = h2_all[1:]
        self.h2_rows = h2_all[1:].reshape(T * N, K)
        self.o_rows = self.o.reshape(T * N, C)
        self.at_y_flat = self.at_y.reshape(-1)
        self.shifted_o_flat = self.shifted_o.reshape(-1)
        self.target_o_flat = self.target_o.reshape(-1)
        self.sum_exp_flat = self.sum_exp.reshape(-1)
        self.exp_o_rows = self.exp_o.reshape(T * N, C)
        self.log_sum_flat = self.log_sum.reshape(-1)
        self.do_flat = self.do.reshape(-1)
        self.hit_o_flat = self.hit_o.reshape(-1)
        self.dh2_0 = dh2_all[0]
        self.do_rows = self.do.reshape(T * N, C)
        self.dh2 = dh2_all[1:]
        self.dh2_rows = dh2_all[1:].reshape(T * N, K)
        self.dh1_0 = dh1_all[0]
        self.da_h2_rows = self.da_h2.reshape(T * N, K)
        self.dh1 = dh1_all[1:]
        self.dh1_rows = dh1_all[1:].reshape(T * N, H)
        self.da_h1_rows = self.da_h1.reshape(T * N, H)
        self.h1_prev = h1_all[:-1]
        self.h1_prev_rows = h1_all[:-1].reshape(T * N, H)
        self.h2_prev = h2_all[:-1]
        self.h2_prev_rows = h2_all[:-1].reshape(T * N, K)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h1_end = h1_all[-1]
        self.h2_end = h2_all[-1]
        self.forward = list(zip(h1_all[:-1], self.a_h1, h1_all[1:], strict=True))
        self.forward_ = list(zip(h2_all[:-1], self.a_h2, h2_all[1:], strict=True))
        self.backward = list(
            zip(
                h2_all[1:][::-1],
                dh2_all[1:][::-1],
                self.da_h2[::-1],
                dh2_all[:-1][::-1],
                strict=True,
            )
        )
        self.backward_ = list(
            zip(
                h1_all[1:][::-1],
                dh1_all[1:][::-1],
                self.da_h1[::-1],
                dh1_all[:-1][::-1],
                strict=True,
            )
        )


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
    """T, N, D, H, K, C and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W_x1", "W_h1", "b1", "W_x2", "W_h2", "b2", "W_y", "b_y"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W_x1']", params["W_x1"], 1, ("D", "H"))
    K = _axis("params['W_x2']", params["W_x2"], 1, ("H", "K"))
    C = _axis("params['W_y']", params["W_y"], 1, ("K", "C"))
    dtype = params["W_x1"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_x1']", params["W_x1"], (D, H), "float32 or float64")
    if params["W_x1"].shape != (D, H) or params["W_x1"].dtype != dtype:
        _refuse("params['W_x1']", params["W_x1"], (D, H), dtype)
    if params["W_h1"].shape != (H, H) or params["W_h1"].dtype != dtype:
        _refuse("params['W_h1']", params["W_h1"], (H, H), dtype)
    if params["b1"].shape != (H,) or params["b1"].dtype != dtype:
        _refuse("params['b1']", params["b1"], (H,), dtype)
    if params["W_x2"].shape != (H, K) or params["W_x2"].dtype != dtype:
        _refuse("params['W_x2']", params["W_x2"], (H, K), dtype)
    if params["W_h2"].shape != (K, K) or params["W_h2"].dtype != dtype:
        _refuse("params['W_h2']", params["W_h2"], (K, K), dtype)
    if params["b2"].shape != (K,) or params["b2"].dtype != dtype:
        _refuse("params['b2']", params["b2"], (K,), dtype)
    if params["W_y"].shape != (K, C) or params["W_y"].dtype != dtype:
        _refuse("params['W_y']", params["W_y"], (K, C), dtype)
    if params["b_y"].shape != (C,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (C,), dtype)
    if x.shape != (T, N, D) or x.dtype != dtype:
        _refuse("x", x, (T, N, D), dtype)
    if y is not None:
        _indices("y", y, (T, N), C)
    if state is not None:
        _keys("state", state, ("h1", "h2"))
        if state["h1"].shape != (N, H) or state["h1"].dtype != dtype:
            _refuse("state['h1']", state["h1"], (N, H), dtype)
        if state["h2"].shape != (N, K) or state["h2"].dtype != dtype:
            _refuse("state['h2']", state["h2"], (N, K), dtype)
    return T, N, D, H, K, C, dtype


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
