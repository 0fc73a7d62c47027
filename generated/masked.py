"""masked: Elman network, sequences of different lengths in one batch.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t W + h_{t−1} U + b
    (2) n_t = tanh(a_t)
    (3) h_t = column(m_t) ∘ n_t + (1 − column(m_t)) ∘ h_{t−1}
    (4) o_t = h_t V + c
    (5) l_t = sum(m_t ∘ cross_entropy(o_t, y_t))
    (6) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (19) dL/do_t = column(m_t) ∘ (softmax(o_t) − onehot(y_t))
   (20) dL/dh_t = dL/do_t Vᵀ + dL/da_{t+1} Uᵀ + dL/dh_{t+1} ∘ (1 − column(m_{t+1}))
   (21) dL/dn_t = dL/dh_t ∘ column(m_t)
   (22) dL/da_t = dL/dn_t ∘ (1 − n_t²)

Boundary at T
   (23) dL/da_{T+1} = 0
   (24) dL/dh_{T+1} = 0

Gradients
   (25) dL/dW = Σ_{t=1}^{T} x_tᵀ dL/da_t
   (26) dL/dU = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t
   (27) dL/db = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (28) dL/dV = Σ_{t=1}^{T} h_tᵀ dL/do_t
   (29) dL/dc = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (30) dL/dx_t = dL/da_t Wᵀ
   (31) dL/dh_0 = dL/da_1 Uᵀ + dL/dh_1 ∘ (1 − column(m_1))

Proved for every T and every size: 87 statements, by
`symbptt prove masked`.

Written by `symbptt generate masked`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W (D, H), U (H, H), b (H,), V (H, C), c (C,)
    x: dict of x (T, N, D); m (T, N), 0 or 1
    y: (T, N), integers in 0..C-1
    state: dict of h (N, H) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    _keys("x", x, ("x", "m"))
    x, m, y = np.asarray(x["x"]), np.asarray(x["m"]), np.asarray(y)
    sizes = _sizes(params, x, m, y, state)
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
    np.subtract(1, m[..., None], out=w.slope_m)  # (3)
    add, tanh, multiply, h_U, n_m = np.add, np.tanh, np.multiply, w.h_U, w.n_m
    h_slope_m = w.h_slope_m
    for (
        (
            h_prev,
            a_t,
            n_t,
            slope_m_t,
            h_t,
        ),
        m_t,
    ) in zip(w.forward, m, strict=True):  # t = 1, …, T
        h_prev.dot(U, h_U)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, n_t)  # (2)
        multiply(n_t, m_t[..., None], n_m)  # (3)
        multiply(h_prev, slope_m_t, h_slope_m)  # (3)
        add(n_m, h_slope_m, h_t)  # (3)
    w.h_rows.dot(V, out=w.o_rows)  # (4)
    np.add(w.o, c, out=w.o)  # (4)
    np.maximum.reduce(w.o, axis=2, out=w.max_o)  # (5)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (5)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (5)
    w.shifted_o_flat.take(w.at_y_flat, out=w.target_o_flat, mode="clip")  # (5)
    np.exp(w.shifted_o, out=w.exp_o)  # (5)
    w.exp_o_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (5)
    np.log(w.sum_exp, out=w.loss_o)  # (5)
    np.subtract(w.loss_o, w.target_o, out=w.loss_o)  # (5)
    np.multiply(m, w.loss_o, out=w.m_o)  # (5)
    loss = np.add.reduce(w.m_o_flat)  # (5), (6)

    # Backward
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.gap)  # (19)
    w.gap_flat.take(w.at_y_flat, out=w.hit_o_flat, mode="clip")  # (19)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (19)
    w.gap_flat.put(w.at_y_flat, w.hit_o_flat, mode="clip")  # (19)
    np.multiply(m[..., None], w.gap, out=w.do)  # (19)
    w.dh_0.fill(0)  # (31)
    w.do_rows.dot(V.T, out=w.dh_rows)  # (20), (23), (24)
    np.copyto(w.U_T, U.T)
    multiply, subtract, add, dn = np.multiply, np.subtract, np.add, w.dn
    n_squared, slope_n, dh_slope_m, U_T = w.n_squared, w.slope_n, w.dh_slope_m, w.U_T
    da_U_T = w.da_U_T
    for (
        (
            dh_t,
            n_t,
            da_t,
            slope_m_t,
            dh_prev,
        ),
        m_t,
    ) in zip(w.backward, m[::-1], strict=True):  # t = T, …, 1
        multiply(dh_t, m_t[..., None], dn)  # (21)
        multiply(n_t, n_t, n_squared)  # (22)
        subtract(1, n_squared, slope_n)  # (22)
        multiply(dn, slope_n, da_t)  # (22)
        multiply(dh_t, slope_m_t, dh_slope_m)  # (20), (31)
        add(dh_prev, dh_slope_m, dh_prev)  # (20), (31)
        da_t.dot(U_T, da_U_T)  # (20), (31)
        add(dh_prev, da_U_T, dh_prev)  # (20), (31)

    # Gradients
    x_rows.T.dot(w.da_rows, out=w.dW)  # (25)
    w.h_prev_rows.T.dot(w.da_rows, out=w.dU)  # (26)
    w.ones_TN.dot(w.da_rows, out=w.db)  # (27)
    w.h_rows.T.dot(w.do_rows, out=w.dV)  # (28)
    w.ones_TN.dot(w.do_rows, out=w.dc)  # (29)
    w.da_rows.dot(W.T, out=w.dx_rows)  # (30)
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
    _keys("x", x, ("x", "m"))
    x, m = np.asarray(x["x"]), np.asarray(x["m"])
    sizes = _sizes(params, x, m, None, state)
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
    np.subtract(1, m[..., None], out=w.slope_m)  # (3)
    add, tanh, multiply, h_U, n_m = np.add, np.tanh, np.multiply, w.h_U, w.n_m
    h_slope_m = w.h_slope_m
    for (
        (
            h_prev,
            a_t,
            n_t,
            slope_m_t,
            h_t,
        ),
        m_t,
    ) in zip(w.forward, m, strict=True):  # t = 1, …, T
        h_prev.dot(U, h_U)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, n_t)  # (2)
        multiply(n_t, m_t[..., None], n_m)  # (3)
        multiply(h_prev, slope_m_t, h_slope_m)  # (3)
        add(n_m, h_slope_m, h_t)  # (3)
    w.h_rows.dot(V, out=w.o_rows)  # (4)
    np.add(w.o, c, out=w.o)  # (4)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.a = _empty((T, N, H), dtype)
        self.n = _empty((T, N, H), dtype)
        h_all = _empty((T + 1, N, H), dtype)
        self.h_U = _empty((N, H), dtype)
        self.slope_m = _empty((T, N, 1), dtype)
        self.h_slope_m = _empty((N, H), dtype)
        self.o = _empty((T, N, C), dtype)
        self.max_o = _empty((T, N), dtype)
        self.loss_o = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        dh_all = _empty((T + 1, N, H), dtype)
        self.U_T = _empty((H, H), dtype)
        self.dW = _empty((D, H), dtype)
        self.dU = _empty((H, H), dtype)
        self.db = _empty((H,), dtype)
        self.dV = _empty((H, C), dtype)
        self.dc = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.m_o = self.loss_o  # m_o takes its place
        self.n_m = self.h_U  # n_m takes its place
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.gap = self.o  # gap takes its place
        self.hit_o = self.loss_o  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.dn = self.h_slope_m  # dn takes its place
        self.da = self.n  # da takes its place
        self.slope_n = self.h_U  # slope_n takes its place
        self.n_squared = self.h_U  # n_squared takes its place
        self.dh_slope_m = self.h_U  # dh_slope_m takes its place
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
        self.m_o_flat = self.m_o.reshape(-1)
        self.gap_flat = self.gap.reshape(-1)
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
        self.forward = list(zip(h_all[:-1], self.a, self.n, self.slope_m, h_all[1:], strict=True))
        self.backward = list(
            zip(
                dh_all[1:][::-1],
                self.n[::-1],
                self.da[::-1],
                self.slope_m[::-1],
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


def _sizes(params, x, m, y, state):
    """T, N, D, H, C and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W", "U", "b", "V", "c"))
    T = _axis("x['x']", x, 0, ("T", "N", "D"))
    N = _axis("x['x']", x, 1, ("T", "N", "D"))
    D = _axis("x['x']", x, 2, ("T", "N", "D"))
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
        _refuse("x['x']", x, (T, N, D), dtype)
    if m.shape != (T, N) or m.dtype != dtype:
        _refuse("x['m']", m, (T, N), dtype)
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
