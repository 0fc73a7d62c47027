"""leaky: Leaky integrator, one sequence: the state moves by a share alpha of its step.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = W h_{t−1} + W_in x_t + b
    (2) h_t = (1 − α) h_{t−1} + α tanh(a_t)
    (3) o_t = W_out h_t + c
    (4) l_t = squared_error(o_t, y_t)
    (5) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (17) dL/do_t = o_t − y_t
   (18) dL/dh_t = W_outᵀ dL/do_t + Wᵀ dL/da_{t+1} + (1 − α) dL/dh_{t+1}
   (19) dL/da_t = α (dL/dh_t ∘ (1 − tanh(a_t)²))

Boundary at T
   (20) dL/da_{T+1} = 0
   (21) dL/dh_{T+1} = 0

Gradients
   (22) dL/dW = Σ_{t=1}^{T} dL/da_t h_{t−1}ᵀ
   (23) dL/dW_in = Σ_{t=1}^{T} dL/da_t x_tᵀ
   (24) dL/db = Σ_{t=1}^{T} dL/da_t
   (25) dL/dW_out = Σ_{t=1}^{T} dL/do_t h_tᵀ
   (26) dL/dc = Σ_{t=1}^{T} dL/do_t
   (27) dL/dx_t = W_inᵀ dL/da_t
   (28) dL/dh_0 = Wᵀ dL/da_1 + (1 − α) dL/dh_1

Proved for every T and every size: 72 statements, by
`symbptt prove leaky`.

Written by `symbptt generate leaky`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, alpha=0.3, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W (H, H), W_in (H, D), b (H,), W_out (Q, H), c (Q,)
    x: (T, D)
    y: (T, Q)
    state: dict of h (H,) before the first step; zeros if None
    alpha: a number

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    alpha = float(alpha)
    W = params["W"]
    W_in = params["W_in"]
    b = params["b"]
    W_out = params["W_out"]
    c = params["c"]

    # Forward
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(W_in.T, out=w.a)  # (1)
    np.add(w.a, b, out=w.a)  # (1)
    add, multiply, tanh, subtract, W_h = np.add, np.multiply, np.tanh, np.subtract, w.W_h
    h_2, tanh_a, a_2 = w.h_2, w.tanh_a, w.a_2
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        W.dot(h_prev, W_h)  # (1)
        add(a_t, W_h, a_t)  # (1)
        multiply(h_prev, alpha - 1, h_2)  # (2)
        tanh(a_t, tanh_a)  # (2)
        multiply(tanh_a, alpha, a_2)  # (2)
        subtract(a_2, h_2, h_t)  # (2)
    w.h.dot(W_out.T, out=w.o)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    np.subtract(w.o, y, out=w.do)  # (4), (17)
    loss = 0.5 * w.do_flat.dot(w.do_flat)  # (4), (5)

    # Backward
    w.dh_0.fill(0)  # (28)
    w.do.dot(W_out, out=w.dh)  # (18), (20), (21)
    np.tanh(w.a, out=w.tanh_a_2)  # (19)
    np.multiply(w.tanh_a_2, w.tanh_a_2, out=w.a_squared)  # (19)
    np.subtract(1, w.a_squared, out=w.slope_a)  # (19)
    np.copyto(w.W_T, W.T)
    multiply, subtract, add, dh_2, W_T = np.multiply, np.subtract, np.add, w.dh_2, w.W_T
    W_T_da = w.W_T_da
    for dh_t, slope_a_t, da_t, dh_prev in w.backward:  # t = T, …, 1
        multiply(dh_t, slope_a_t, da_t)  # (19)
        multiply(da_t, alpha, da_t)  # (19)
        multiply(dh_t, alpha - 1, dh_2)  # (18), (28)
        subtract(dh_prev, dh_2, dh_prev)  # (18), (28)
        W_T.dot(da_t, W_T_da)  # (18), (28)
        add(dh_prev, W_T_da, dh_prev)  # (18), (28)

    # Gradients
    w.da.T.dot(w.h_prev, out=w.dW)  # (22)
    w.da.T.dot(x, out=w.dW_in)  # (23)
    w.ones_T.dot(w.da, out=w.db)  # (24)
    w.do.T.dot(w.h, out=w.dW_out)  # (25)
    w.ones_T.dot(w.do, out=w.dc)  # (26)
    w.da.dot(W_in, out=w.dx)  # (27)
    grads = {
        "W": w.dW,
        "W_in": w.dW_in,
        "b": w.db,
        "W_out": w.dW_out,
        "c": w.dc,
        "x": w.dx,
        "h": w.dh_0,
    }
    return loss, grads, {"h": w.h_end}


def forward(params, x, state=None, *, alpha=0.3):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    alpha = float(alpha)
    W = params["W"]
    W_in = params["W_in"]
    b = params["b"]
    W_out = params["W_out"]
    c = params["c"]
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(W_in.T, out=w.a)  # (1)
    np.add(w.a, b, out=w.a)  # (1)
    add, multiply, tanh, subtract, W_h = np.add, np.multiply, np.tanh, np.subtract, w.W_h
    h_2, tanh_a, a_2 = w.h_2, w.tanh_a, w.a_2
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        W.dot(h_prev, W_h)  # (1)
        add(a_t, W_h, a_t)  # (1)
        multiply(h_prev, alpha - 1, h_2)  # (2)
        tanh(a_t, tanh_a)  # (2)
        multiply(tanh_a, alpha, a_2)  # (2)
        subtract(a_2, h_2, h_t)  # (2)
    w.h.dot(W_out.T, out=w.o)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, D, H, Q, dtype):
        self.a = _empty((T, H), dtype)
        h_all = _empty((T + 1, H), dtype)
        self.W_h = _empty((H,), dtype)
        self.tanh_a = _empty((H,), dtype)
        self.o = _empty((T, Q), dtype)
        dh_all = _empty((T + 1, H), dtype)
        self.W_T = _empty((H, H), dtype)
        self.dW = _empty((H, H), dtype)
        self.dW_in = _empty((H, D), dtype)
        self.db = _empty((H,), dtype)
        self.dW_out = _empty((Q, H), dtype)
        self.dc = _empty((Q,), dtype)
        self.dx = _empty((T, D), dtype)
        self.h_2 = self.W_h  # h_2 takes its place
        self.a_2 = self.tanh_a  # a_2 takes its place
        self.do = self.o  # do takes its place
        self.da = self.a  # da takes its place
        self.slope_a = self.a  # slope_a takes its place
        self.tanh_a_2 = self.a  # tanh_a_2 takes its place
        self.a_squared = self.a  # a_squared takes its place
        self.dh_2 = self.tanh_a  # dh_2 takes its place
        self.W_T_da = self.tanh_a  # W_T_da takes its place
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
            zip(dh_all[1:][::-1], self.slope_a[::-1], self.da[::-1], dh_all[:-1][::-1], strict=True)
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
    _keys("params", params, ("W", "W_in", "b", "W_out", "c"))
    T = _axis("x", x, 0, ("T", "D"))
    D = _axis("x", x, 1, ("T", "D"))
    H = _axis("params['W']", params["W"], 0, ("H", "H"))
    Q = _axis("params['W_out']", params["W_out"], 0, ("Q", "H"))
    dtype = params["W"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W']", params["W"], (H, H), "float32 or float64")
    if params["W"].shape != (H, H) or params["W"].dtype != dtype:
        _refuse("params['W']", params["W"], (H, H), dtype)
    if params["W_in"].shape != (H, D) or params["W_in"].dtype != dtype:
        _refuse("params['W_in']", params["W_in"], (H, D), dtype)
    if params["b"].shape != (H,) or params["b"].dtype != dtype:
        _refuse("params['b']", params["b"], (H,), dtype)
    if params["W_out"].shape != (Q, H) or params["W_out"].dtype != dtype:
        _refuse("params['W_out']", params["W_out"], (Q, H), dtype)
    if params["c"].shape != (Q,) or params["c"].dtype != dtype:
        _refuse("params['c']", params["c"], (Q,), dtype)
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
