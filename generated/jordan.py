"""jordan: Jordan network, one sequence: the output is fed back.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_h_t = W_h x_t + U_h y_{t−1} + b_h
    (2) h_t = sigmoid(a_h_t)
    (3) a_y_t = W_y h_t + b_y
    (4) y_t = sigmoid(a_y_t)
    (5) l_t = squared_error(y_t, d_t)
    (6) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (18) dL/dy_t = y_t − d_t + U_hᵀ dL/da_h_{t+1}
   (19) dL/da_y_t = dL/dy_t ∘ y_t ∘ (1 − y_t)
   (20) dL/dh_t = W_yᵀ dL/da_y_t
   (21) dL/da_h_t = dL/dh_t ∘ h_t ∘ (1 − h_t)

Boundary at T
   (22) dL/da_h_{T+1} = 0

Gradients
   (23) dL/dW_h = Σ_{t=1}^{T} dL/da_h_t x_tᵀ
   (24) dL/dU_h = Σ_{t=1}^{T} dL/da_h_t y_{t−1}ᵀ
   (25) dL/db_h = Σ_{t=1}^{T} dL/da_h_t
   (26) dL/dW_y = Σ_{t=1}^{T} dL/da_y_t h_tᵀ
   (27) dL/db_y = Σ_{t=1}^{T} dL/da_y_t
   (28) dL/dx_t = W_hᵀ dL/da_h_t
   (29) dL/dy_0 = U_hᵀ dL/da_h_1

Proved for every T and every size: 78 statements, by
`symbptt prove jordan`.

Written by `symbptt generate jordan`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_h (H, D), U_h (H, Q), b_h (H,), W_y (Q, H), b_y (Q,)
    x: (T, D)
    y: (T, Q)
    state: dict of y (Q,) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, d = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, d, state)
    w = _workspace(workspace, sizes)
    W_h = params["W_h"]
    U_h = params["U_h"]
    b_h = params["b_h"]
    W_y = params["W_y"]
    b_y = params["b_y"]

    # Forward
    np.copyto(w.y_0, 0 if state is None else state["y"])
    x.dot(W_h.T, out=w.a_h)  # (1)
    np.add(w.a_h, b_h, out=w.a_h)  # (1)
    np.copyto(w.a_y, b_y)  # (3)
    add, multiply, tanh, U_h_y, W_y_h = np.add, np.multiply, np.tanh, w.U_h_y, w.W_y_h
    for y_prev, a_h_t, h_t, a_y_t, y_t in w.forward:  # t = 1, …, T
        U_h.dot(y_prev, U_h_y)  # (1)
        add(a_h_t, U_h_y, a_h_t)  # (1)
        multiply(a_h_t, 0.5, h_t)  # (2)
        tanh(h_t, h_t)  # (2)
        multiply(h_t, 0.5, h_t)  # (2)
        add(h_t, 0.5, h_t)  # (2)
        W_y.dot(h_t, W_y_h)  # (3)
        add(a_y_t, W_y_h, a_y_t)  # (3)
        multiply(a_y_t, 0.5, y_t)  # (4)
        tanh(y_t, y_t)  # (4)
        multiply(y_t, 0.5, y_t)  # (4)
        add(y_t, 0.5, y_t)  # (4)
    np.subtract(w.y, d, out=w.y_d)  # (5)
    loss = 0.5 * w.y_d_flat.dot(w.y_d_flat)  # (5), (6)

    # Backward
    w.dy_0.fill(0)  # (29)
    np.copyto(w.dy, w.y_d)  # (18), (22)
    np.subtract(1, w.y, out=w.slope_y)  # (19)
    np.multiply(w.y, w.slope_y, out=w.y_2)  # (19)
    np.copyto(w.W_y_T, W_y.T)
    np.subtract(1, w.h, out=w.slope_h)  # (21)
    np.multiply(w.h, w.slope_h, out=w.h_2)  # (21)
    np.copyto(w.U_h_T, U_h.T)
    multiply, add, W_y_T, dh, U_h_T = np.multiply, np.add, w.W_y_T, w.dh, w.U_h_T
    U_h_T_da_h = w.U_h_T_da_h
    for dy_t, y_2_t, da_y_t, h_2_t, da_h_t, dy_prev in w.backward:  # t = T, …, 1
        multiply(dy_t, y_2_t, da_y_t)  # (19)
        W_y_T.dot(da_y_t, dh)  # (20)
        multiply(dh, h_2_t, da_h_t)  # (21)
        U_h_T.dot(da_h_t, U_h_T_da_h)  # (18), (29)
        add(dy_prev, U_h_T_da_h, dy_prev)  # (18), (29)

    # Gradients
    w.da_h.T.dot(x, out=w.dW_h)  # (23)
    w.da_h.T.dot(w.y_prev, out=w.dU_h)  # (24)
    w.ones_T.dot(w.da_h, out=w.db_h)  # (25)
    w.da_y.T.dot(w.h, out=w.dW_y)  # (26)
    w.ones_T.dot(w.da_y, out=w.db_y)  # (27)
    w.da_h.dot(W_h, out=w.dx)  # (28)
    grads = {
        "W_h": w.dW_h,
        "U_h": w.dU_h,
        "b_h": w.db_h,
        "W_y": w.dW_y,
        "b_y": w.db_y,
        "x": w.dx,
        "y": w.dy_0,
    }
    return loss, grads, {"y": w.y_end}


def forward(params, x, state=None):
    """Return (dict of y, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    W_h = params["W_h"]
    U_h = params["U_h"]
    b_h = params["b_h"]
    W_y = params["W_y"]
    b_y = params["b_y"]
    np.copyto(w.y_0, 0 if state is None else state["y"])
    x.dot(W_h.T, out=w.a_h)  # (1)
    np.add(w.a_h, b_h, out=w.a_h)  # (1)
    np.copyto(w.a_y, b_y)  # (3)
    add, multiply, tanh, U_h_y, W_y_h = np.add, np.multiply, np.tanh, w.U_h_y, w.W_y_h
    for y_prev, a_h_t, h_t, a_y_t, y_t in w.forward:  # t = 1, …, T
        U_h.dot(y_prev, U_h_y)  # (1)
        add(a_h_t, U_h_y, a_h_t)  # (1)
        multiply(a_h_t, 0.5, h_t)  # (2)
        tanh(h_t, h_t)  # (2)
        multiply(h_t, 0.5, h_t)  # (2)
        add(h_t, 0.5, h_t)  # (2)
        W_y.dot(h_t, W_y_h)  # (3)
        add(a_y_t, W_y_h, a_y_t)  # (3)
        multiply(a_y_t, 0.5, y_t)  # (4)
        tanh(y_t, y_t)  # (4)
        multiply(y_t, 0.5, y_t)  # (4)
        add(y_t, 0.5, y_t)  # (4)
    return {"y": w.y}, {"y": w.y_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, D, H, Q, dtype):
        self.y_d = _empty((T, Q), dtype)
        self.a_h = _empty((T, H), dtype)
        self.h = _empty((T, H), dtype)
        y_all = _empty((T + 1, Q), dtype)
        self.U_h_y = _empty((H,), dtype)
        self.W_y_h = _empty((Q,), dtype)
        dy_all = _empty((T + 1, Q), dtype)
        self.W_y_T = _empty((H, Q), dtype)
        self.U_h_T = _empty((Q, H), dtype)
        self.dW_h = _empty((H, D), dtype)
        self.dU_h = _empty((H, Q), dtype)
        self.db_h = _empty((H,), dtype)
        self.dW_y = _empty((Q, H), dtype)
        self.db_y = _empty((Q,), dtype)
        self.dx = _empty((T, D), dtype)
        self.a_y = y_all[1:]  # a_y stands in its rows
        self.da_y = dy_all[1:]  # da_y stands in its rows
        self.y_2 = self.y_d  # y_2 takes its place
        self.slope_y = self.y_d  # slope_y takes its place
        self.dh = self.U_h_y  # dh takes its place
        self.da_h = self.a_h  # da_h takes its place
        self.h_2 = self.a_h  # h_2 takes its place
        self.slope_h = self.a_h  # slope_h takes its place
        self.U_h_T_da_h = self.W_y_h  # U_h_T_da_h takes its place
        self.ones_T = np.ones(T, dtype)
        self.y_0 = y_all[0]
        self.y = y_all[1:]
        self.y_d_flat = self.y_d.reshape(-1)
        self.dy_0 = dy_all[0]
        self.dy = dy_all[1:]
        self.y_prev = y_all[:-1]
        self.y_end = y_all[-1]
        self.forward = list(zip(y_all[:-1], self.a_h, self.h, self.a_y, y_all[1:], strict=True))
        self.backward = list(
            zip(
                dy_all[1:][::-1],
                self.y_2[::-1],
                self.da_y[::-1],
                self.h_2[::-1],
                self.da_h[::-1],
                dy_all[:-1][::-1],
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


def _sizes(params, x, d, state):
    """T, D, H, Q and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W_h", "U_h", "b_h", "W_y", "b_y"))
    T = _axis("x", x, 0, ("T", "D"))
    D = _axis("x", x, 1, ("T", "D"))
    H = _axis("params['W_h']", params["W_h"], 0, ("H", "D"))
    Q = _axis("params['U_h']", params["U_h"], 1, ("H", "Q"))
    dtype = params["W_h"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_h']", params["W_h"], (H, D), "float32 or float64")
    if params["W_h"].shape != (H, D) or params["W_h"].dtype != dtype:
        _refuse("params['W_h']", params["W_h"], (H, D), dtype)
    if params["U_h"].shape != (H, Q) or params["U_h"].dtype != dtype:
        _refuse("params['U_h']", params["U_h"], (H, Q), dtype)
    if params["b_h"].shape != (H,) or params["b_h"].dtype != dtype:
        _refuse("params['b_h']", params["b_h"], (H,), dtype)
    if params["W_y"].shape != (Q, H) or params["W_y"].dtype != dtype:
        _refuse("params['W_y']", params["W_y"], (Q, H), dtype)
    if params["b_y"].shape != (Q,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (Q,), dtype)
    if x.shape != (T, D) or x.dtype != dtype:
        _refuse("x", x, (T, D), dtype)
    if d is not None:
        if d.shape != (T, Q) or d.dtype != dtype:
            _refuse("y", d, (T, Q), dtype)
    if state is not None:
        _keys("state", state, ("y",))
        if state["y"].shape != (Q,) or state["y"].dtype != dtype:
            _refuse("state['y']", state["y"], (Q,), dtype)
    return T, D, H, Q, dtype


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
