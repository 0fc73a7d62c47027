"""linear_mse: Linear recurrence, squared error, mean over time.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) h_t = W_hx x_t + W_hh h_{t−1}
    (2) o_t = W_qh h_t
    (3) l_t = squared_error(o_t, y_t)
    (4) L = (1/T) Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (12) dL/do_t = (1/T) (o_t − y_t)
   (13) dL/dh_t = W_qhᵀ dL/do_t + W_hhᵀ dL/dh_{t+1}

Boundary at T
   (14) dL/dh_{T+1} = 0

Gradients
   (15) dL/dW_hx = Σ_{t=1}^{T} dL/dh_t x_tᵀ
   (16) dL/dW_hh = Σ_{t=1}^{T} dL/dh_t h_{t−1}ᵀ
   (17) dL/dW_qh = Σ_{t=1}^{T} dL/do_t h_tᵀ
   (18) dL/dx_t = W_hxᵀ dL/dh_t
   (19) dL/dh_0 = W_hhᵀ dL/dh_1

Proved for every T and every size: 55 statements, by
`symbptt prove linear_mse`.

Written by `symbptt generate linear_mse`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_hx (H, D), W_hh (H, H), W_qh (Q, H)
    x: (T, D)
    y: (T, Q)
    state: dict of h (H,) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    T, *_ = sizes
    W_hx = params["W_hx"]
    W_hh = params["W_hh"]
    W_qh = params["W_qh"]

    # Forward
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(W_hx.T, out=w.h)  # (1)
    add, W_hh_h = np.add, w.W_hh_h
    for h_prev, h_t in w.forward:  # t = 1, …, T
        W_hh.dot(h_prev, W_hh_h)  # (1)
        add(h_t, W_hh_h, h_t)  # (1)
    w.h.dot(W_qh.T, out=w.o)  # (2)
    np.subtract(w.o, y, out=w.o_y)  # (3)
    loss = w.o_y_flat.dot(w.o_y_flat) / (2 * T)  # (3), (4)

    # Backward
    np.multiply(w.o_y, 1 / T, out=w.do)  # (12)
    w.dh_0.fill(0)  # (19)
    w.do.dot(W_qh, out=w.dh)  # (13), (14)
    np.copyto(w.W_hh_T, W_hh.T)
    add, W_hh_T, W_hh_T_dh = np.add, w.W_hh_T, w.W_hh_T_dh
    for dh_t, dh_prev in w.backward:  # t = T, …, 1
        W_hh_T.dot(dh_t, W_hh_T_dh)  # (13), (19)
        add(dh_prev, W_hh_T_dh, dh_prev)  # (13), (19)

    # Gradients
    w.dh.T.dot(x, out=w.dW_hx)  # (15)
    w.dh.T.dot(w.h_prev, out=w.dW_hh)  # (16)
    w.do.T.dot(w.h, out=w.dW_qh)  # (17)
    w.dh.dot(W_hx, out=w.dx)  # (18)
    grads = {
        "W_hx": w.dW_hx,
        "W_hh": w.dW_hh,
        "W_qh": w.dW_qh,
        "x": w.dx,
        "h": w.dh_0,
    }
    return loss, grads, {"h": w.h_end}


def forward(params, x, state=None):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    W_hx = params["W_hx"]
    W_hh = params["W_hh"]
    W_qh = params["W_qh"]
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(W_hx.T, out=w.h)  # (1)
    add, W_hh_h = np.add, w.W_hh_h
    for h_prev, h_t in w.forward:  # t = 1, …, T
        W_hh.dot(h_prev, W_hh_h)  # (1)
        add(h_t, W_hh_h, h_t)  # (1)
    w.h.dot(W_qh.T, out=w.o)  # (2)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, D, H, Q, dtype):
        h_all = _empty((T + 1, H), dtype)
        self.W_hh_h = _empty((H,), dtype)
        self.o = _empty((T, Q), dtype)
        dh_all = _empty((T + 1, H), dtype)
        self.W_hh_T = _empty((H, H), dtype)
        self.dW_hx = _empty((H, D), dtype)
        self.dW_hh = _empty((H, H), dtype)
        self.dW_qh = _empty((Q, H), dtype)
        self.dx = _empty((T, D), dtype)
        self.o_y = self.o  # o_y takes its place
        self.do = self.o  # do takes its place
        self.W_hh_T_dh = self.W_hh_h  # W_hh_T_dh takes its place
        self.h_0 = h_all[0]
        self.h = h_all[1:]
        self.o_y_flat = self.o_y.reshape(-1)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.h_prev = h_all[:-1]
        self.h_end = h_all[-1]
        self.forward = list(zip(h_all[:-1], h_all[1:], strict=True))
        self.backward = list(zip(dh_all[1:][::-1], dh_all[:-1][::-1], strict=True))


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
    """T, D, H, Q and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W_hx", "W_hh", "W_qh"))
    T = _axis("x", x, 0, ("T", "D"))
    D = _axis("x", x, 1, ("T", "D"))
    H = _axis("params['W_hx']", params["W_hx"], 0, ("H", "D"))
    Q = _axis("params['W_qh']", params["W_qh"], 0, ("Q", "H"))
    dtype = params["W_hx"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_hx']", params["W_hx"], (H, D), "float32 or float64")
    if params["W_hx"].shape != (H, D) or params["W_hx"].dtype != dtype:
        _refuse("params['W_hx']", params["W_hx"], (H, D), dtype)
    if params["W_hh"].shape != (H, H) or params["W_hh"].dtype != dtype:
        _refuse("params['W_hh']", params["W_hh"], (H, H), dtype)
    if params["W_qh"].shape != (Q, H) or params["W_qh"].dtype != dtype:
        _refuse("params['W_qh']", params["W_qh"], (Q, H), dtype)
    if x.shape != (T, D) or x.dtype != dtype:
        _refuse("x", x, (T, D), dtype)
    if y is not None:
        if y.shape != (T, Q) or y.dtype != dtype:
            _refuse("y", y, (T, Q), dtype)
    if state is not None:
        _keys("state", state, ("h",))
        if state["h"].shape != (H,) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (H,), dtype)
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
