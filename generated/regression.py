"""regression: Elman network for regression: squared error averaged over batch and time.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t W + h_{t−1} U + b
    (2) h_t = tanh(a_t)
    (3) o_t = h_t V + c
    (4) l_t = (1/N) sum(squared_error(o_t, y_t))
    (5) L = (1/T) Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (16) dL/do_t = (1/(N T)) (o_t − y_t)
   (17) dL/dh_t = dL/do_t Vᵀ + dL/da_{t+1} Uᵀ
   (18) dL/da_t = dL/dh_t ∘ (1 − h_t²)

Boundary at T
   (19) dL/da_{T+1} = 0

Gradients
   (20) dL/dW = Σ_{t=1}^{T} x_tᵀ dL/da_t
   (21) dL/dU = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t
   (22) dL/db = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (23) dL/dV = Σ_{t=1}^{T} h_tᵀ dL/do_t
   (24) dL/dc = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (25) dL/dx_t = dL/da_t Wᵀ
   (26) dL/dh_0 = dL/da_1 Uᵀ

Proved for every T and every size: 79 statements, by
`symbptt prove regression`.

Written by `symbptt generate regression`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W (D, H), U (H, H), b (H,), V (H, Q), c (Q,)
    x: (T, N, D)
    y: (T, N, Q)
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
    add, tanh, h_U = np.add, np.tanh, w.h_U
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(U, h_U)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, h_t)  # (2)
    w.h_rows.dot(V, out=w.o_rows)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    np.subtract(w.o, y, out=w.o_y)  # (4)
    loss = w.o_y_flat.dot(w.o_y_flat) / (2 * N * T)  # (4), (5)

    # Backward
    np.multiply(w.o_y, 1 / (N * T), out=w.do)  # (16)
    w.dh_0.fill(0)  # (26)
    w.do_rows.dot(V.T, out=w.dh_rows)  # (17), (19)
    np.copyto(w.U_T, U.T)
    multiply, subtract, add, h_squared = np.multiply, np.subtract, np.add, w.h_squared
    slope_h, U_T, da_U_T = w.slope_h, w.U_T, w.da_U_T
    for h_t, dh_t, da_t, dh_prev in w.backward:  # t = T, …, 1
        multiply(h_t, h_t, h_squared)  # (18)
        subtract(1, h_squared, slope_h)  # (18)
        multiply(dh_t, slope_h, da_t)  # (18)
        da_t.dot(U_T, da_U_T)  # (17), (26)
        add(dh_prev, da_U_T, dh_prev)  # (17), (26)

    # Gradients
    x_rows.T.dot(w.da_rows, out=w.dW)  # (20)
    w.h_prev_rows.T.dot(w.da_rows, out=w.dU)  # (21)
    w.ones_TN.dot(w.da_rows, out=w.db)  # (22)
    w.h_rows.T.dot(w.do_rows, out=w.dV)  # (23)
    w.ones_TN.dot(w.do_rows, out=w.dc)  # (24)
    w.da_rows.dot(W.T, out=w.dx_rows)  # (25)
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
    add, tanh, h_U = np.add, np.tanh, w.h_U
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(U, h_U)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, h_t)  # (2)
    w.h_rows.dot(V, out=w.o_rows)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, Q, dtype):
        h_all = _empty((T + 1, N, H), dtype)
        self.h_U = _empty((N, H), dtype)
        self.o = _empty((T, N, Q), dtype)
        dh_all = _empty((T + 1, N, H), dtype)
        self.U_T = _empty((H, H), dtype)
        self.dW = _empty((D, H), dtype)
        self.dU = _empty((H, H), dtype)
        self.db = _empty((H,), dtype)
        self.dV = _empty((H, Q), dtype)
        self.dc = _empty((Q,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.o_y = self.o  # o_y takes its place
        self.a = h_all[1:]  # a stands in its rows
        self.do = self.o  # do takes its place
        self.da = dh_all[1:]  # da stands in its rows
        self.slope_h = self.h_U  # slope_h takes its place
        self.h_squared = self.h_U  # h_squared takes its place
        self.da_U_T = self.h_U  # da_U_T takes its place
        self.ones_TN = np.ones(T * N, dtype)
        self.h_0 = h_all[0]
        self.a_rows = self.a.reshape(T * N, H)
        self.h = h_all[1:]
        self.h_rows = h_all[1:].reshape(T * N, H)
        self.o_rows = self.o.reshape(T * N, Q)
        self.o_y_flat = self.o_y.reshape(-1)
        self.dh_0 = dh_all[0]
        self.do_rows = self.do.reshape(T * N, Q)
        self.dh = dh_all[1:]
        self.dh_rows = dh_all[1:].reshape(T * N, H)
        self.da_rows = self.da.reshape(T * N, H)
        self.h_prev = h_all[:-1]
        self.h_prev_rows = h_all[:-1].reshape(T * N, H)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h_end = h_all[-1]
        self.forward = list(zip(h_all[:-1], self.a, h_all[1:], strict=True))
        self.backward = list(
            zip(h_all[1:][::-1], dh_all[1:][::-1], self.da[::-1], dh_all[:-1][::-1], strict=True)
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
    """T, N, D, H, Q and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W", "U", "b", "V", "c"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W']", params["W"], 1, ("D", "H"))
    Q = _axis("params['V']", params["V"], 1, ("H", "Q"))
    dtype = params["W"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W']", params["W"], (D, H), "float32 or float64")
    if params["W"].shape != (D, H) or params["W"].dtype != dtype:
        _refuse("params['W']", params["W"], (D, H), dtype)
    if params["U"].shape != (H, H) or params["U"].dtype != dtype:
        _refuse("params['U']", params["U"], (H, H), dtype)
    if params["b"].shape != (H,) or params["b"].dtype != dtype:
        _refuse("params['b']", params["b"], (H,), dtype)
    if params["V"].shape != (H, Q) or params["V"].dtype != dtype:
        _refuse("params['V']", params["V"], (H, Q), dtype)
    if params["c"].shape != (Q,) or params["c"].dtype != dtype:
        _refuse("params['c']", params["c"], (Q,), dtype)
    if x.shape != (T, N, D) or x.dtype != dtype:
        _refuse("x", x, (T, N, D), dtype)
    if y is not None:
        if y.shape != (T, N, Q) or y.dtype != dtype:
            _refuse("y", y, (T, N, Q), dtype)
    if state is not None:
        _keys("state", state, ("h",))
        if state["h"].shape != (N, H) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (N, H), dtype)
    return T, N, D, H, Q, dtype


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
