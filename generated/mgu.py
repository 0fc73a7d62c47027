"""mgu: Minimal gated unit, one sequence: one gate f forgets and updates.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_f_t = W_f [h_{t−1}; x_t] + b_f
    (2) f_t = sigmoid(a_f_t)
    (3) a_htilde_t = W_h [f_t ∘ h_{t−1}; x_t] + b_h
    (4) h̃_t = tanh(a_htilde_t)
    (5) h_t = (1 − f_t) ∘ h_{t−1} + f_t ∘ h̃_t
    (6) o_t = W_y h_t + b_y
    (7) l_t = squared_error(o_t, y_t)
    (8) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (27) dL/do_t = o_t − y_t
   (28) dL/dh_t = W_yᵀ dL/do_t + (W_fᵀ dL/da_f_{t+1})[0:H] + (W_hᵀ dL/da_htilde_{t+1})[0:H]
            ∘ f_{t+1} + dL/dh_{t+1} ∘ (1 − f_{t+1})
   (29) dL/dh̃_t = dL/dh_t ∘ f_t
   (30) dL/da_htilde_t = dL/dh̃_t ∘ (1 − h̃_t²)
   (31) dL/df_t = (W_hᵀ dL/da_htilde_t)[0:H] ∘ h_{t−1} + dL/dh_t ∘ (h̃_t − h_{t−1})
   (32) dL/da_f_t = dL/df_t ∘ f_t ∘ (1 − f_t)

Boundary at T
   (33) dL/da_f_{T+1} = 0
   (34) dL/da_htilde_{T+1} = 0
   (35) dL/dh_{T+1} = 0

Gradients
   (36) dL/dW_f = Σ_{t=1}^{T} dL/da_f_t ([h_{t−1}; x_t])ᵀ
   (37) dL/db_f = Σ_{t=1}^{T} dL/da_f_t
   (38) dL/dW_h = Σ_{t=1}^{T} dL/da_htilde_t ([f_t ∘ h_{t−1}; x_t])ᵀ
   (39) dL/db_h = Σ_{t=1}^{T} dL/da_htilde_t
   (40) dL/dW_y = Σ_{t=1}^{T} dL/do_t h_tᵀ
   (41) dL/db_y = Σ_{t=1}^{T} dL/do_t
   (42) dL/dx_t = (W_fᵀ dL/da_f_t)[H:D + H] + (W_hᵀ dL/da_htilde_t)[H:D + H]
   (43) dL/dh_0 = (W_fᵀ dL/da_f_1)[0:H] + (W_hᵀ dL/da_htilde_1)[0:H] ∘ f_1 + dL/dh_1 ∘ (1 −
            f_1)

Proved for every T and every size: 96 statements, by
`symbptt prove mgu`.

Written by `symbptt generate mgu`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_f (H, D + H), b_f (H,), W_h (H, D + H), b_h (H,), W_y (Q, H), b_y (Q,)
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
    _, D, H, *_ = sizes
    W_f = params["W_f"]
    b_f = params["b_f"]
    W_h = params["W_h"]
    b_h = params["b_h"]
    W_y = params["W_y"]
    b_y = params["b_y"]

    # Forward
    np.copyto(w.W[..., :H], W_f[..., H : D + H].T)
    np.copyto(w.W[..., H : 2 * H], W_h[..., H : D + H].T)
    np.multiply(b_f, 0.5, out=w.b[:H])
    np.copyto(w.b[H : 2 * H], b_h)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    np.multiply(w.W[..., :H], 0.5, out=w.half_W[..., :H])
    np.copyto(w.half_W[..., H : 2 * H], w.W[..., H : 2 * H])
    x.dot(w.half_W, out=w.a)  # (1), (3)
    np.add(w.a, w.b, out=w.a)  # (1), (3)
    np.multiply(W_f[..., :H], 0.5, out=w.half_W_f)
    add, tanh, multiply, subtract = np.add, np.tanh, np.multiply, np.subtract
    half_W_f, W_f_h, f_h, W_h_f, slope_f = w.half_W_f, w.W_f_h, w.f_h, w.W_h_f, w.slope_f
    f_h_2, f_htilde = w.f_h_2, w.f_htilde
    for h_prev, f_t, htilde_t, h_t in w.forward:  # t = 1, …, T
        half_W_f.dot(h_prev, W_f_h)  # (1)
        add(f_t, W_f_h, f_t)  # (1)
        tanh(f_t, f_t)  # (2)
        multiply(f_t, 0.5, f_t)  # (2)
        add(f_t, 0.5, f_t)  # (2)
        multiply(f_t, h_prev, f_h)  # (3)
        W_h[..., :H].dot(f_h, W_h_f)  # (3)
        add(htilde_t, W_h_f, htilde_t)  # (3)
        tanh(htilde_t, htilde_t)  # (4)
        subtract(1, f_t, slope_f)  # (5)
        multiply(slope_f, h_prev, f_h_2)  # (5)
        multiply(f_t, htilde_t, f_htilde)  # (5)
        add(f_h_2, f_htilde, h_t)  # (5)
    w.h.dot(W_y.T, out=w.o)  # (6)
    np.add(w.o, b_y, out=w.o)  # (6)
    np.subtract(w.o, y, out=w.do)  # (7), (27)
    loss = 0.5 * w.do_flat.dot(w.do_flat)  # (7), (8)

    # Backward
    w.dh_0.fill(0)  # (43)
    w.do.dot(W_y, out=w.dh)  # (28), (33), (34), (35)
    np.multiply(w.htilde, w.htilde, out=w.htilde_squared)  # (30)
    np.subtract(1, w.htilde_squared, out=w.slope_htilde)  # (30)
    np.copyto(w.W_h_T, W_h[..., :H].T)
    np.subtract(w.htilde, w.h_prev, out=w.htilde_h)  # (31)
    np.subtract(1, w.f, out=w.slope_f_2)  # (32)
    np.multiply(w.f, w.slope_f_2, out=w.f_2)  # (32)
    np.copyto(w.W_f_T, W_f[..., :H].T)
    multiply, add, dhtilde, W_h_T = np.multiply, np.add, w.dhtilde, w.W_h_T
    W_h_T_da_htilde_2, W_h_T_da_htilde = w.W_h_T_da_htilde_2, w.W_h_T_da_htilde
    dh_htilde_h, df, dh_slope_f_2, W_f_T = w.dh_htilde_h, w.df, w.dh_slope_f_2, w.W_f_T
    W_f_T_da_f, W_h_T_da_htilde_3 = w.W_f_T_da_f, w.W_h_T_da_htilde_3
    for (
        dh_t,
        f_t,
        slope_htilde_t,
        da_htilde_t,
        h_prev,
        htilde_h_t,
        f_2_t,
        da_f_t,
        slope_f_2_t,
        dh_prev,
    ) in w.backward:  # t = T, …, 1
        multiply(dh_t, f_t, dhtilde)  # (29)
        multiply(dhtilde, slope_htilde_t, da_htilde_t)  # (30)
        W_h_T.dot(da_htilde_t, W_h_T_da_htilde_2)  # (31)
        multiply(W_h_T_da_htilde_2, h_prev, W_h_T_da_htilde)  # (31)
        multiply(dh_t, htilde_h_t, dh_htilde_h)  # (31)
        add(W_h_T_da_htilde, dh_htilde_h, df)  # (31)
        multiply(df, f_2_t, da_f_t)  # (32)
        multiply(dh_t, slope_f_2_t, dh_slope_f_2)  # (28), (43)
        add(dh_prev, dh_slope_f_2, dh_prev)  # (28), (43)
        W_f_T.dot(da_f_t, W_f_T_da_f)  # (28), (43)
        add(dh_prev, W_f_T_da_f, dh_prev)  # (28), (43)
        multiply(W_h_T_da_htilde_2, f_t, W_h_T_da_htilde_3)  # (28), (43)
        add(dh_prev, W_h_T_da_htilde_3, dh_prev)  # (28), (43)

    # Gradients
    np.matmul(w.da[..., :H].T, w.h_prev, out=w.dW_f[..., :H])  # (36)
    np.matmul(w.da.T, x, out=w.dW[..., H : D + H])  # (36), (38)
    w.ones_T.dot(w.da, out=w.db)  # (37), (39)
    np.multiply(w.f, w.h_prev, out=w.f_h_3)  # (38)
    np.matmul(w.da[..., H : 2 * H].T, w.f_h_3, out=w.dW_h[..., :H])  # (38)
    w.do.T.dot(w.h, out=w.dW_y)  # (40)
    w.ones_T.dot(w.do, out=w.db_y)  # (41)
    w.da.dot(w.W.T, out=w.dx)  # (42)
    grads = {
        "W_f": w.dW_f,
        "b_f": w.db_f,
        "W_h": w.dW_h,
        "b_h": w.db_h,
        "W_y": w.dW_y,
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
    _, D, H, *_ = sizes
    W_f = params["W_f"]
    b_f = params["b_f"]
    W_h = params["W_h"]
    b_h = params["b_h"]
    W_y = params["W_y"]
    b_y = params["b_y"]
    np.multiply(W_f[..., H : D + H].T, 0.5, out=w.W[..., :H])
    np.copyto(w.W[..., H : 2 * H], W_h[..., H : D + H].T)
    np.multiply(b_f, 0.5, out=w.b[:H])
    np.copyto(w.b[H : 2 * H], b_h)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(w.W, out=w.a)  # (1), (3)
    np.add(w.a, w.b, out=w.a)  # (1), (3)
    np.multiply(W_f[..., :H], 0.5, out=w.half_W_f)
    add, tanh, multiply, subtract = np.add, np.tanh, np.multiply, np.subtract
    half_W_f, W_f_h, f_h, W_h_f, slope_f = w.half_W_f, w.W_f_h, w.f_h, w.W_h_f, w.slope_f
    f_h_2, f_htilde = w.f_h_2, w.f_htilde
    for h_prev, f_t, htilde_t, h_t in w.forward:  # t = 1, …, T
        half_W_f.dot(h_prev, W_f_h)  # (1)
        add(f_t, W_f_h, f_t)  # (1)
        tanh(f_t, f_t)  # (2)
        multiply(f_t, 0.5, f_t)  # (2)
        add(f_t, 0.5, f_t)  # (2)
        multiply(f_t, h_prev, f_h)  # (3)
        W_h[..., :H].dot(f_h, W_h_f)  # (3)
        add(htilde_t, W_h_f, htilde_t)  # (3)
        tanh(htilde_t, htilde_t)  # (4)
        subtract(1, f_t, slope_f)  # (5)
        multiply(slope_f, h_prev, f_h_2)  # (5)
        multiply(f_t, htilde_t, f_htilde)  # (5)
        add(f_h_2, f_htilde, h_t)  # (5)
    w.h.dot(W_y.T, out=w.o)  # (6)
    np.add(w.o, b_y, out=w.o)  # (6)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, D, H, Q, dtype):
        self.a = _empty((T, 2 * H), dtype)
        h_all = _empty((T + 1, H), dtype)
        self.W_f_h = _empty((H,), dtype)
        self.W_h_f = _empty((H,), dtype)
        self.o = _empty((T, Q), dtype)
        dh_all = _empty((T + 1, H), dtype)
        self.htilde_squared = _empty((T, H), dtype)
        self.W_h_T = _empty((H, H), dtype)
        self.htilde_h = _empty((T, H), dtype)
        self.dh_htilde_h = _empty((H,), dtype)
        self.da = _empty((T, 2 * H), dtype)
        self.f_2 = _empty((T, H), dtype)
        self.slope_f_2 = _empty((T, H), dtype)
        self.W_f_T = _empty((H, H), dtype)
        self.dW_y = _empty((Q, H), dtype)
        self.db_y = _empty((Q,), dtype)
        self.dx = _empty((T, D), dtype)
        self.W = _empty((D, 2 * H), dtype)
        self.b = _empty((2 * H,), dtype)
        self.dW = _empty((2 * H, D + H), dtype)
        self.db = _empty((2 * H,), dtype)
        self.half_W = _empty((D, 2 * H), dtype)
        self.half_W_f = _empty((H, H), dtype)
        self.f_h = self.W_f_h  # f_h takes its place
        self.f_h_2 = self.W_h_f  # f_h_2 takes its place
        self.slope_f = self.W_h_f  # slope_f takes its place
        self.f_htilde = self.W_f_h  # f_htilde takes its place
        self.do = self.o  # do takes its place
        self.dhtilde = self.W_f_h  # dhtilde takes its place
        self.slope_htilde = self.htilde_squared  # slope_htilde takes its place
        self.df = self.dh_htilde_h  # df takes its place
        self.W_h_T_da_htilde = self.W_h_f  # W_h_T_da_htilde takes its place
        self.W_h_T_da_htilde_2 = self.W_f_h  # W_h_T_da_htilde_2 takes its place
        self.dh_slope_f_2 = self.dh_htilde_h  # dh_slope_f_2 takes its place
        self.W_f_T_da_f = self.dh_htilde_h  # W_f_T_da_f takes its place
        self.W_h_T_da_htilde_3 = self.dh_htilde_h  # W_h_T_da_htilde_3 takes its place
        self.f_h_3 = self.f_2  # f_h_3 takes its place
        self.f = self.a[..., :H]
        self.htilde = self.a[..., H : 2 * H]
        self.dW_f = self.dW[:H]
        self.db_f = self.db[:H]
        self.dW_h = self.dW[H : 2 * H]
        self.db_h = self.db[H : 2 * H]
        self.da_htilde = self.da[..., H : 2 * H]
        self.da_f = self.da[..., :H]
        self.ones_T = np.ones(T, dtype)
        self.h_0 = h_all[0]
        self.h = h_all[1:]
        self.do_flat = self.do.reshape(-1)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.h_prev = h_all[:-1]
        self.h_end = h_all[-1]
        self.forward = list(zip(h_all[:-1], self.f, self.htilde, h_all[1:], strict=True))
        self.backward = list(
            zip(
                dh_all[1:][::-1],
                self.f[::-1],
                self.slope_htilde[::-1],
                self.da_htilde[::-1],
                h_all[:-1][::-1],
                self.htilde_h[::-1],
                self.f_2[::-1],
                self.da_f[::-1],
                self.slope_f_2[::-1],
                dh_all[:-1][::-1],
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
    _keys("params", params, ("W_f", "b_f", "W_h", "b_h", "W_y", "b_y"))
    T = _axis("x", x, 0, ("T", "D"))
    D = _axis("x", x, 1, ("T", "D"))
    H = _axis("params['W_f']", params["W_f"], 0, ("H", "D + H"))
    Q = _axis("params['W_y']", params["W_y"], 0, ("Q", "H"))
    dtype = params["W_f"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_f']", params["W_f"], (H, D + H), "float32 or float64")
    if params["W_f"].shape != (H, D + H) or params["W_f"].dtype != dtype:
        _refuse("params['W_f']", params["W_f"], (H, D + H), dtype)
    if params["b_f"].shape != (H,) or params["b_f"].dtype != dtype:
        _refuse("params['b_f']", params["b_f"], (H,), dtype)
    if params["W_h"].shape != (H, D + H) or params["W_h"].dtype != dtype:
        _refuse("params['W_h']", params["W_h"], (H, D + H), dtype)
    if params["b_h"].shape != (H,) or params["b_h"].dtype != dtype:
        _refuse("params['b_h']", params["b_h"], (H,), dtype)
    if params["W_y"].shape != (Q, H) or params["W_y"].dtype != dtype:
        _refuse("params['W_y']", params["W_y"], (Q, H), dtype)
    if params["b_y"].shape != (Q,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (Q,), dtype)
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
