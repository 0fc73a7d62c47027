"""residual: Residual recurrence, a batch of rows: the step adds to the state.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t W + h_{t−1} U + b
    (2) h_t = h_{t−1} + tanh(a_t)
    (3) o_t = h_t V + c
    (4) l_t = sum(cross_entropy(o_t, y_t))
    (5) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (17) dL/do_t = softmax(o_t) − onehot(y_t)
   (18) dL/dh_t = dL/do_t Vᵀ + dL/da_{t+1} Uᵀ + dL/dh_{t+1}
   (19) dL/da_t = dL/dh_t ∘ (1 − tanh(a_t)²)

Boundary at T
   (20) dL/da_{T+1} = 0
   (21) dL/dh_{T+1} = 0

Gradients
   (22) dL/dW = Σ_{t=1}^{T} x_tᵀ dL/da_t
   (23) dL/dU = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t
   (24) dL/db = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (25) dL/dV = Σ_{t=1}^{T} h_tᵀ dL/do_t
   (26) dL/dc = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (27) dL/dx_t = dL/da_t Wᵀ
   (28) dL/dh_0 = dL/da_1 Uᵀ + dL/dh_1

Proved for every T and every size: 82 statements, by
`symbptt prove residual`.

Written by `symbptt generate residual`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W (D, H), U (H, H), b (H,), V (H, C), c (C,)
    x: (T, N, D)
    y: (T, N), integers in 0..C-1
    state: dict of h (N, H) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    T, N, D, *_ = sizes
    W = params["W"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    c = params["c"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x_rows.dot(W, out=w.a_rows)  # (1)
    np.add(w.a, b, out=w.a)  # (1)
    add, tanh, h_U, tanh_a = np.add, np.tanh, w.h_U, w.tanh_a
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(U, h_U)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, tanh_a)  # (2)
        add(h_prev, tanh_a, h_t)  # (2)
    w.h_rows.dot(V, out=w.o_rows)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    np.maximum.reduce(w.o, axis=2, out=w.max_o)  # (4)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (4)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (4)
    w.shifted_o_flat.take(w.at_y_flat, out=w.target_o_flat, mode="clip")  # (4)
    np.exp(w.shifted_o, out=w.exp_o)  # (4)
    w.exp_o_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (4)
    np.log(w.sum_exp, out=w.log_sum)  # (4)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_o_flat)  # (4), (5)

    # Backward
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.do)  # (17)
    w.do_flat.take(w.at_y_flat, out=w.hit_o_flat, mode="clip")  # (17)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (17)
    w.do_flat.put(w.at_y_flat, w.hit_o_flat, mode="clip")  # (17)
    w.dh_0.fill(0)  # (28)
    w.do_rows.dot(V.T, out=w.dh_rows)  # (18), (20), (21)
    np.copyto(w.U_T, U.T)
    tanh, multiply, subtract, add = np.tanh, np.multiply, np.subtract, np.add
    tanh_a_2, a_squared, slope_a, U_T = w.tanh_a_2, w.a_squared, w.slope_a, w.U_T
    da_U_T = w.da_U_T
    for a_t, dh_t, da_t, dh_prev in w.backward:  # t = T, …, 1
        tanh(a_t, tanh_a_2)  # (19)
        multiply(tanh_a_2, tanh_a_2, a_squared)  # (19)
        subtract(1, a_squared, slope_a)  # (19)
        multiply(dh_t, slope_a, da_t)  # (19)
        add(dh_prev, dh_t, dh_prev)  # (18), (28)
        da_t.dot(U_T, da_U_T)  # (18), (28)
        add(dh_prev, da_U_T, dh_prev)  # (18), (28)

    # Gradients
    x_rows.T.dot(w.da_rows, out=w.dW)  # (22)
    w.h_prev_rows.T.dot(w.da_rows, out=w.dU)  # (23)
    w.ones_TN.dot(w.da_rows, out=w.db)  # (24)
    w.h_rows.T.dot(w.do_rows, out=w.dV)  # (25)
    w.ones_TN.dot(w.do_rows, out=w.dc)  # (26)
    w.da_rows.dot(W.T, out=w.dx_rows)  # (27)
    grads = {
        "W": w.dW,
        "U": w.dU,
        "b": w.db,
        "V": w.dV,
        "c": w.dc,
        "x": w.dx,
        "h": w.dh_0,
    }
    return loss, grads, {"h": w.h_end}


def forward(params, x, state=None):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    T, N, D, *_ = sizes
    W = params["W"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    c = params["c"]
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x_rows.dot(W, out=w.a_rows)  # (1)
    np.add(w.a, b, out=w.a)  # (1)
    add, tanh, h_U, tanh_a = np.add, np.tanh, w.h_U, w.tanh_a
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(U, h_U)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, tanh_a)  # (2)
        add(h_prev, tanh_a, h_t)  # (2)
    w.h_rows.dot(V, out=w.o_rows)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.a = _empty((T, N, H), dtype)
        h_all = _empty((T + 1, N, H), dtype)
        self.h_U = _empty((N, H), dtype)
        self.o = _empty((T, N, C), dtype)
        self.max_o = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        dh_all = _empty((T + 1, N, H), dtype)
        self.U_T = _empty((H, H), dtype)
        self.dW = _empty((D, H), dtype)
        self.dU = _empty((H, H), dtype)
        self.db = _empty((H,), dtype)
        self.dV = _empty((H, C), dtype)
        self.dc = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.tanh_a = self.h_U  # tanh_a takes its place
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.hit_o = self.log_sum  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.da = self.a  # da takes its place
        self.slope_a = self.h_U  # slope_a takes its place
        self.tanh_a_2 = self.h_U  # tanh_a_2 takes its place
        self.a_squared = self.h_U  # a_squared takes its place
        self.da_U_T = self.h_U  # da_U_T takes its place
        self.row_starts = np.arange(T * N) * C
        self.ones_C = np.ones(C, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.h_0 = h_all[0]
        self.a_rows = self.a.reshape(T * N, H)
        self.h = h_all[1:]
        self.h_rows = h_all[1:].reshape(T * N, H)
        self.o_rows = self.o.reshape(T * N, C)
        self.at_y_flat = self.at_y.reshape(-1)
        self.shifted_o_flat = self.shifted_o.reshape(-1)
        self.target_o_flat = self.target_o.reshape(-1)
        self.sum_exp_flat = self.sum_exp.reshape(-1)
        self.exp_o_rows = self.exp_o.reshape(T * N, C)
        self.log_sum_flat = self.log_sum.reshape(-1)
        self.do_flat = self.do.reshape(-1)
        self.hit_o_flat = self.hit_o.reshape(-1)
        self.dh_0 = dh_all[0]
        self.do_rows = self.do.reshape(T * N, C)
        self.dh = dh_all[1:]
        self.dh_rows = dh_all[1:].reshape(T * N, H)
        self.da_rows = self.da.reshape(T * N, H)
        self.h_prev = h_all[:-1]
        self.h_prev_rows = h_all[:-1].reshape(T * N, H)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h_end = h_all[-1]
        self.forward = list(zip(h_all[:-1], self.a, h_all[1:], strict=True))
        self.backward = list(
            zip(self.a[::-1], dh_all[1:][::-1], self.da[::-1], dh_all[:-1][::-1], strict=True)
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
    """T, N, D, H, C and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W", "U", "b", "V", "c"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W']", params["W"], 1, ("D", "H"))
    C = _axis("params['V']", params["V"], 1, ("H", "C"))
    dtype = params["W"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W']", params["W"], (D, H), "float32 or float64")
    if params["W"].shape != (D, H) or params["W"].dtype != dtype:
        _refuse("params['W']", params["W"], (D, H), dtype)
    if params["U"].shape != (H, H) or params["U"].dtype != dtype:
        _refuse("params['U']", params["U"], (H, H), dtype)
    if params["b"].shape != (H,) or params["b"].dtype != dtype:
        _refuse("params['b']", params["b"], (H,), dtype)
    if params["V"].shape != (H, C) or params["V"].dtype != dtype:
        _refuse("params['V']", params["V"], (H, C), dtype)
    if params["c"].shape != (C,) or params["c"].dtype != dtype:
        _refuse("params['c']", params["c"], (C,), dtype)
    if x.shape != (T, N, D) or x.dtype != dtype:
        _refuse("x", x, (T, N, D), dtype)
    if y is not None:
        _indices("y", y, (T, N), C)
    if state is not None:
        _keys("state", state, ("h",))
        if state["h"].shape != (N, H) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (N, H), dtype)
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
