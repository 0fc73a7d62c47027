"""second_order: A recurrence of order two, one sequence: it reads h[t-1] and h[t-2].

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = W_1 h_{t−1} + W_2 h_{t−2} + U x_t + b
    (2) h_t = tanh(a_t)
    (3) o_t = V h_t + c
    (4) l_t = squared_error(o_t, y_t)
    (5) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (18) dL/do_t = o_t − y_t
   (19) dL/dh_t = Vᵀ dL/do_t + W_1ᵀ dL/da_{t+1} + W_2ᵀ dL/da_{t+2}
   (20) dL/da_t = dL/dh_t ∘ (1 − h_t²)

Boundary at T
   (21) dL/da_{T+1} = 0
   (22) dL/da_{T+2} = 0

Gradients
   (23) dL/dW_1 = Σ_{t=1}^{T} dL/da_t h_{t−1}ᵀ
   (24) dL/dW_2 = Σ_{t=1}^{T} dL/da_t h_{t−2}ᵀ
   (25) dL/dU = Σ_{t=1}^{T} dL/da_t x_tᵀ
   (26) dL/db = Σ_{t=1}^{T} dL/da_t
   (27) dL/dV = Σ_{t=1}^{T} dL/do_t h_tᵀ
   (28) dL/dc = Σ_{t=1}^{T} dL/do_t
   (29) dL/dx_t = Uᵀ dL/da_t
   (30) dL/dh_0 = W_1ᵀ dL/da_1 + W_2ᵀ dL/da_2
   (31) dL/dh_{−1} = W_2ᵀ dL/da_1

Proved for every T and every size: 90 statements, by
`symbptt prove second_order`.

Written by `symbptt generate second_order`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_1 (H, H), W_2 (H, H), U (H, D), b (H,), V (Q, H), c (Q,)
    x: (T, D)
    y: (T, Q)
    state: dict of h (2, H) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    _, _, H, *_ = sizes
    W_1 = params["W_1"]
    W_2 = params["W_2"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    c = params["c"]

    # Forward
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(U.T, out=w.a)  # (1)
    np.add(w.a, b, out=w.a)  # (1)
    add, tanh, W_1_h, W_2_h = np.add, np.tanh, w.W_1_h, w.W_2_h
    for h_prev, a_t, h_prev2, h_t in w.forward:  # t = 1, …, T
        W_1.dot(h_prev, W_1_h)  # (1)
        add(a_t, W_1_h, a_t)  # (1)
        W_2.dot(h_prev2, W_2_h)  # (1)
        add(a_t, W_2_h, a_t)  # (1)
        tanh(a_t, h_t)  # (2)
    w.h.dot(V.T, out=w.o)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    np.subtract(w.o, y, out=w.do)  # (4), (18)
    loss = 0.5 * w.do_flat.dot(w.do_flat)  # (4), (5)

    # Backward
    w.dh_0.fill(0)  # (30), (31)
    w.do.dot(V, out=w.dh)  # (19), (21), (22)
    np.multiply(w.h, w.h, out=w.h_squared)  # (20)
    np.subtract(1, w.h_squared, out=w.slope_h)  # (20)
    np.copyto(w.W[:H], W_1.T)
    np.copyto(w.W[H : 2 * H], W_2.T)
    multiply, add, W, W_T_da, W_1_T_da = np.multiply, np.add, w.W, w.W_T_da, w.W_1_T_da
    W_2_T_da = w.W_2_T_da
    for dh_t, slope_h_t, da_t, dh_prev, dh_prev2 in w.backward:  # t = T, …, 1
        multiply(dh_t, slope_h_t, da_t)  # (20)
        W.dot(da_t, W_T_da)  # (19), (30), (31)
        add(dh_prev, W_1_T_da, dh_prev)  # (19), (30)
        add(dh_prev2, W_2_T_da, dh_prev2)  # (19), (30), (31)

    # Gradients
    w.da.T.dot(w.h_prev, out=w.dW_1)  # (23)
    w.da.T.dot(w.h_prev2, out=w.dW_2)  # (24)
    w.da.T.dot(x, out=w.dU)  # (25)
    w.ones_T.dot(w.da, out=w.db)  # (26)
    w.do.T.dot(w.h, out=w.dV)  # (27)
    w.ones_T.dot(w.do, out=w.dc)  # (28)
    w.da.dot(U, out=w.dx)  # (29)
    grads = {
        "W_1": w.dW_1,
        "W_2": w.dW_2,
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
    W_1 = params["W_1"]
    W_2 = params["W_2"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    c = params["c"]
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(U.T, out=w.a)  # (1)
    np.add(w.a, b, out=w.a)  # (1)
    add, tanh, W_1_h, W_2_h = np.add, np.tanh, w.W_1_h, w.W_2_h
    for h_prev, a_t, h_prev2, h_t in w.forward:  # t = 1, …, T
        W_1.dot(h_prev, W_1_h)  # (1)
        add(a_t, W_1_h, a_t)  # (1)
        W_2.dot(h_prev2, W_2_h)  # (1)
        add(a_t, W_2_h, a_t)  # (1)
        tanh(a_t, h_t)  # (2)
    w.h.dot(V.T, out=w.o)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, D, H, Q, dtype):
        h_all = _empty((T + 2, H), dtype)
        self.W_1_h = _empty((H,), dtype)
        self.o = _empty((T, Q), dtype)
        dh_all = _empty((T + 2, H), dtype)
        self.h_squared = _empty((T, H), dtype)
        self.dW_1 = _empty((H, H), dtype)
        self.dW_2 = _empty((H, H), dtype)
        self.dU = _empty((H, D), dtype)
        self.db = _empty((H,), dtype)
        self.dV = _empty((Q, H), dtype)
        self.dc = _empty((Q,), dtype)
        self.dx = _empty((T, D), dtype)
        self.W = _empty((2 * H, H), dtype)
        self.W_T_da = _empty((2 * H,), dtype)
        self.a = h_all[2:]  # a stands in its rows
        self.W_2_h = self.W_1_h  # W_2_h takes its place
        self.do = self.o  # do takes its place
        self.da = dh_all[2:]  # da stands in its rows
        self.slope_h = self.h_squared  # slope_h takes its place
        self.W_1_T_da = self.W_T_da[:H]
        self.W_2_T_da = self.W_T_da[H : 2 * H]
        self.ones_T = np.ones(T, dtype)
        self.h_0 = h_all[:2]
        self.h = h_all[2:]
        self.do_flat = self.do.reshape(-1)
        self.dh_0 = dh_all[:2]
        self.dh = dh_all[2:]
        self.h_prev = h_all[1:-1]
        self.h_prev2 = h_all[:-2]
        self.h_end = h_all[-2:]
        self.forward = list(zip(h_all[1:-1], self.a, h_all[:-2], h_all[2:], strict=True))
        self.backward = list(
            zip(
                dh_all[2:][::-1],
                self.slope_h[::-1],
                self.da[::-1],
                dh_all[1:-1][::-1],
                dh_all[:-2][::-1],
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
    """T, D, H, Q and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W_1", "W_2", "U", "b", "V", "c"))
    T = _axis("x", x, 0, ("T", "D"))
    D = _axis("x", x, 1, ("T", "D"))
    H = _axis("params['W_1']", params["W_1"], 0, ("H", "H"))
    Q = _axis("params['V']", params["V"], 0, ("Q", "H"))
    dtype = params["W_1"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_1']", params["W_1"], (H, H), "float32 or float64")
    if params["W_1"].shape != (H, H) or params["W_1"].dtype != dtype:
        _refuse("params['W_1']", params["W_1"], (H, H), dtype)
    if params["W_2"].shape != (H, H) or params["W_2"].dtype != dtype:
        _refuse("params['W_2']", params["W_2"], (H, H), dtype)
    if params["U"].shape != (H, D) or params["U"].dtype != dtype:
        _refuse("params['U']", params["U"], (H, D), dtype)
    if params["b"].shape != (H,) or params["b"].dtype != dtype:
        _refuse("params['b']", params["b"], (H,), dtype)
    if params["V"].shape != (Q, H) or params["V"].dtype != dtype:
        _refuse("params['V']", params["V"], (Q, H), dtype)
    if params["c"].shape != (Q,) or params["c"].dtype != dtype:
        _refuse("params['c']", params["c"], (Q,), dtype)
    if x.shape != (T, D) or x.dtype != dtype:
        _refuse("x", x, (T, D), dtype)
    if y is not None:
        if y.shape != (T, Q) or y.dtype != dtype:
            _refuse("y", y, (T, Q), dtype)
    if state is not None:
        _keys("state", state, ("h",))
        if state["h"].shape != (2, H) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (2, H), dtype)
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
