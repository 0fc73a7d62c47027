"""elman: Elman network, one sequence, column vectors.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = W_hh h_{t−1} + W_xh x_t + b_h
    (2) h_t = tanh(a_t)
    (3) o_t = W_hy h_t + b_y
    (4) l_t = squared_error(o_t, y_t)
    (5) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (16) dL/do_t = o_t − y_t
   (17) dL/dh_t = W_hyᵀ dL/do_t + W_hhᵀ dL/da_{t+1}
   (18) dL/da_t = dL/dh_t ∘ (1 − h_t²)

Boundary at T
   (19) dL/da_{T+1} = 0

Gradients
   (20) dL/dW_hh = Σ_{t=1}^{T} dL/da_t h_{t−1}ᵀ
   (21) dL/dW_xh = Σ_{t=1}^{T} dL/da_t x_tᵀ
   (22) dL/db_h = Σ_{t=1}^{T} dL/da_t
   (23) dL/dW_hy = Σ_{t=1}^{T} dL/do_t h_tᵀ
   (24) dL/db_y = Σ_{t=1}^{T} dL/do_t
   (25) dL/dx_t = W_xhᵀ dL/da_t
   (26) dL/dh_0 = W_hhᵀ dL/da_1

Proved for every T and every size: 70 statements, by
`symbptt prove elman`.

Written by `symbptt generate elman`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_hh (H, H), W_xh (H, D), b_h (H,), W_hy (C, H), b_y (C,)
    x: (T, D)
    y: (T, C)
    state: dict of h (H,) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    W_hh = params["W_hh"]
    W_xh = params["W_xh"]
    b_h = params["b_h"]
    W_hy = params["W_hy"]
    b_y = params["b_y"]

    # Forward
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(W_xh.T, out=w.a)  # (1)
    np.add(w.a, b_h, out=w.a)  # (1)
    add, tanh, W_hh_h = np.add, np.tanh, w.W_hh_h
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        W_hh.dot(h_prev, W_hh_h)  # (1)
        add(a_t, W_hh_h, a_t)  # (1)
        tanh(a_t, h_t)  # (2)
    w.h.dot(W_hy.T, out=w.o)  # (3)
    np.add(w.o, b_y, out=w.o)  # (3)
    np.subtract(w.o, y, out=w.do)  # (4), (16)
    loss = 0.5 * w.do_flat.dot(w.do_flat)  # (4), (5)

    # Backward
    w.dh_0.fill(0)  # (26)
    w.do.dot(W_hy, out=w.dh)  # (17), (19)
    np.multiply(w.h, w.h, out=w.h_squared)  # (18)
    np.subtract(1, w.h_squared, out=w.slope_h)  # (18)
    np.copyto(w.W_hh_T, W_hh.T)
    multiply, add, W_hh_T, W_hh_T_da = np.multiply, np.add, w.W_hh_T, w.W_hh_T_da
    for dh_t, slope_h_t, da_t, dh_prev in w.backward:  # t = T, …, 1
        multiply(dh_t, slope_h_t, da_t)  # (18)
        W_hh_T.dot(da_t, W_hh_T_da)  # (17), (26)
        add(dh_prev, W_hh_T_da, dh_prev)  # (17), (26)

    # Gradients
    w.da.T.dot(w.h_prev, out=w.dW_hh)  # (20)
    w.da.T.dot(x, out=w.dW_xh)  # (21)
    w.ones_T.dot(w.da, out=w.db_h)  # (22)
    w.do.T.dot(w.h, out=w.dW_hy)  # (23)
    w.ones_T.dot(w.do, out=w.db_y)  # (24)
    w.da.dot(W_xh, out=w.dx)  # (25)
    grads = {
        "W_hh": w.dW_hh,
        "W_xh": w.dW_xh,
        "b_h": w.db_h,
        "W_hy": w.dW_hy,
        "b_y": w.db_y,
        "x": w.dx,
        "h": w.dh_0,
    }
    return loss, grads, {"h": w.h_end}


def forward(params, x, state=None):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    W_hh = params["W_hh"]
    W_xh = params["W_xh"]
    b_h = params["b_h"]
    W_hy = params["W_hy"]
    b_y = params["b_y"]
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(W_xh.T, out=w.a)  # (1)
    np.add(w.a, b_h, out=w.a)  # (1)
    add, tanh, W_hh_h = np.add, np.tanh, w.W_hh_h
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        W_hh.dot(h_prev, W_hh_h)  # (1)
        add(a_t, W_hh_h, a_t)  # (1)
        tanh(a_t, h_t)  # (2)
    w.h.dot(W_hy.T, out=w.o)  # (3)
    np.add(w.o, b_y, out=w.o)  # (3)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, D, H, C, dtype):
        h_all = _empty((T + 1, H), dtype)
        self.W_hh_h = _empty((H,), dtype)
        self.o = _empty((T, C), dtype)
        dh_all = _empty((T + 1, H), dtype)
        self.h_squared = _empty((T, H), dtype)
        self.W_hh_T = _empty((H, H), dtype)
        self.dW_hh = _empty((H, H), dtype)
        self.dW_xh = _empty((H, D), dtype)
        self.db_h = _empty((H,), dtype)
        self.dW_hy = _empty((C, H), dtype)
        self.db_y = _empty((C,), dtype)
        self.dx = _empty((T, D), dtype)
        self.a = h_all[1:]  # a stands in its rows
        self.do = self.o  # do takes its place
        self.da = dh_all[1:]  # da stands in its rows
        self.slope_h = self.h_squared  # slope_h takes its place
        self.W_hh_T_da = self.W_hh_h  # W_hh_T_da takes its place
        self.ones_T = np.ones(T, dtype)
        self.h_0 = h_all[0]
        self.h = h_all[1:]
        self.do_flat = self.do.reshape(-1)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.h_prev = h_all[:-1]
        self.h_end = h_all[-1]
        self.forward = list(zip(h_all[:-1], self.a, h_all[1:], strict=True))
        self.backward = list(
            zip(dh_all[1:][::-1], self.slope_h[::-1], self.da[::-1], dh_all[:-1][::-1], strict=True)
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
    """T, D, H, C and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W_hh", "W_xh", "b_h", "W_hy", "b_y"))
    T = _axis("x", x, 0, ("T", "D"))
    D = _axis("x", x, 1, ("T", "D"))
    H = _axis("params['W_hh']", params["W_hh"], 0, ("H", "H"))
    C = _axis("params['W_hy']", params["W_hy"], 0, ("C", "H"))
    dtype = params["W_hh"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_hh']", params["W_hh"], (H, H), "float32 or float64")
    if params["W_hh"].shape != (H, H) or params["W_hh"].dtype != dtype:
        _refuse("params['W_hh']", params["W_hh"], (H, H), dtype)
    if params["W_xh"].shape != (H, D) or params["W_xh"].dtype != dtype:
        _refuse("params['W_xh']", params["W_xh"], (H, D), dtype)
    if params["b_h"].shape != (H,) or params["b_h"].dtype != dtype:
        _refuse("params['b_h']", params["b_h"], (H,), dtype)
    if params["W_hy"].shape != (C, H) or params["W_hy"].dtype != dtype:
        _refuse("params['W_hy']", params["W_hy"], (C, H), dtype)
    if params["b_y"].shape != (C,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (C,), dtype)
    if x.shape != (T, D) or x.dtype != dtype:
        _refuse("x", x, (T, D), dtype)
    if y is not None:
        if y.shape != (T, C) or y.dtype != dtype:
            _refuse("y", y, (T, C), dtype)
    if state is not None:
        _keys("state", state, ("h",))
        if state["h"].shape != (H,) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (H,), dtype)
    return T, D, H, C, dtype


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
