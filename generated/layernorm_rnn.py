"""layernorm_rnn: Elman network with layer normalisation inside the cell, a batch of rows.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t W_xh + h_{t−1} W_hh
    (2) d_t = a_t − (1/H) (sum(a_t, axis=1, keepdims=1) ∘ ones(N, H))
    (3) v_t = (1/H) sum(d_t², axis=1, keepdims=1)
    (4) a_h_t = g ∘ d_t ∘ (v_t + ε)^{-1/2} + b
    (5) h_t = tanh(a_h_t)
    (6) o_t = h_t V + c
    (7) l_t = sum(cross_entropy(o_t, y_t))
    (8) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (24) dL/do_t = softmax(o_t) − onehot(y_t)
   (25) dL/dh_t = dL/do_t Vᵀ + dL/da_{t+1} W_hhᵀ
   (26) dL/da_h_t = dL/dh_t ∘ (1 − h_t²)
   (27) dL/dv_t = sum(−(1/2) (dL/da_h_t ∘ g ∘ d_t), axis=1, keepdims=1) ∘ (v_t + ε)^{-3/2}
   (28) dL/dd_t = (2/H) (dL/dv_t ∘ d_t) + dL/da_h_t ∘ g ∘ (v_t + ε)^{-1/2}
   (29) dL/da_t = dL/dd_t + sum(−(1/H) dL/dd_t, axis=1, keepdims=1)

Boundary at T
   (30) dL/da_{T+1} = 0

Gradients
   (31) dL/dW_xh = Σ_{t=1}^{T} x_tᵀ dL/da_t
   (32) dL/dW_hh = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t
   (33) dL/dg = Σ_{t=1}^{T} sum(dL/da_h_t ∘ d_t ∘ (v_t + ε)^{-1/2}, axis=0)
   (34) dL/db = Σ_{t=1}^{T} sum(dL/da_h_t, axis=0)
   (35) dL/dV = Σ_{t=1}^{T} h_tᵀ dL/do_t
   (36) dL/dc = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (37) dL/dx_t = dL/da_t W_xhᵀ
   (38) dL/dh_0 = dL/da_1 W_hhᵀ

Proved for every T and every size: 102 statements, by
`symbptt prove layernorm_rnn`.

Written by `symbptt generate layernorm_rnn`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, epsilon=1e-05, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_xh (D, H), W_hh (H, H), g (H,), b (H,), V (H, C), c (C,)
    x: (T, N, D)
    y: (T, N), integers in 0..C-1
    state: dict of h (N, H) before the first step; zeros if None
    epsilon: a number

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    T, N, D, H, *_ = sizes
    epsilon = float(epsilon)
    W_xh = params["W_xh"]
    W_hh = params["W_hh"]
    g = params["g"]
    b = params["b"]
    V = params["V"]
    c = params["c"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x_rows.dot(W_xh, out=w.a_rows)  # (1)
    add, multiply, subtract, power = np.add, np.multiply, np.subtract, np.power
    tanh, h_W_hh, sum_a, a_2, d_squared = np.tanh, w.h_W_hh, w.sum_a, w.a_2, w.d_squared
    sum_d_squared, v_2, v_power, d_v, a_h = w.sum_d_squared, w.v_2, w.v_power, w.d_v, w.a_h
    for h_prev, a_t, d_t, v_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(W_hh, h_W_hh)  # (1)
        add(a_t, h_W_hh, a_t)  # (1)
        np.add.reduce(a_t, axis=1, out=sum_a, keepdims=True)  # (2)
        multiply(sum_a, 1 / H, a_2)  # (2)
        subtract(a_t, a_2, d_t)  # (2)
        multiply(d_t, d_t, d_squared)  # (3)
        np.add.reduce(d_squared, axis=1, out=sum_d_squared, keepdims=True)  # (3)
        multiply(sum_d_squared, 1 / H, v_t)  # (3)
        add(v_t, epsilon, v_2)  # (4)
        power(v_2, -0.5, v_power)  # (4)
        multiply(d_t, v_power, d_v)  # (4)
        multiply(d_v, g, d_v)  # (4)
        np.copyto(a_h, b)  # (4)
        add(a_h, d_v, a_h)  # (4)
        tanh(a_h, h_t)  # (5)
    w.h_rows.dot(V, out=w.o_rows)  # (6)
    np.add(w.o, c, out=w.o)  # (6)
    np.maximum.reduce(w.o, axis=2, out=w.max_o)  # (7)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (7)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (7)
    w.shifted_o_flat.take(w.at_y_flat, out=w.target_o_flat, mode="clip")  # (7)
    np.exp(w.shifted_o, out=w.exp_o)  # (7)
    w.exp_o_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (7)
    np.log(w.sum_exp, out=w.log_sum)  # (7)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_o_flat)  # (7), (8)

    # Backward
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.do)  # (24)
    w.do_flat.take(w.at_y_flat, out=w.hit_o_flat, mode="clip")  # (24)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (24)
    w.do_flat.put(w.at_y_flat, w.hit_o_flat, mode="clip")  # (24)
    w.dh_0.fill(0)  # (38)
    w.do_rows.dot(V.T, out=w.dh_rows)  # (25), (30)
    np.add(w.v, epsilon, out=w.v_3)  # (27)
    np.power(w.v_3, -0.5, out=w.v_power_3)  # (28)
    np.copyto(w.W_hh_T, W_hh.T)
    multiply, subtract, power, add = np.multiply, np.subtract, np.power, np.add
    h_squared, slope_h, g_d, da_h_g_d = w.h_squared, w.slope_h, w.g_d, w.da_h_g_d
    sum_da_h_g_d, v_power_2, dv, dv_d = w.sum_da_h_g_d, w.v_power_2, w.dv, w.dv_d
    g_v, da_h_g_v, dd, dd_2, sum_dd = w.g_v, w.da_h_g_v, w.dd, w.dd_2, w.sum_dd
    W_hh_T, da_W_hh_T = w.W_hh_T, w.da_W_hh_T
    for h_t, dh_t, da_h_t, d_t, v_3_t, v_power_3_t, da_t, dh_prev in w.backward:  # t = T, …, 1
        multiply(h_t, h_t, h_squared)  # (26)
        subtract(1, h_squared, slope_h)  # (26)
        multiply(dh_t, slope_h, da_h_t)  # (26)
        multiply(g, d_t, g_d)  # (27)
        multiply(da_h_t, g_d, da_h_g_d)  # (27)
        multiply(da_h_g_d, -0.5, da_h_g_d)  # (27)
        np.add.reduce(da_h_g_d, axis=1, out=sum_da_h_g_d, keepdims=True)  # (27)
        power(v_3_t, -1.5, v_power_2)  # (27)
        multiply(sum_da_h_g_d, v_power_2, dv)  # (27)
        multiply(dv, d_t, dv_d)  # (28)
        multiply(dv_d, 2 / H, dv_d)  # (28)
        multiply(g, v_power_3_t, g_v)  # (28)
        multiply(da_h_t, g_v, da_h_g_v)  # (28)
        add(dv_d, da_h_g_v, dd)  # (28)
        multiply(dd, -1 / H, dd_2)  # (29)
        np.add.reduce(dd_2, axis=1, out=sum_dd, keepdims=True)  # (29)
        add(dd, sum_dd, da_t)  # (29)
        da_t.dot(W_hh_T, da_W_hh_T)  # (25), (38)
        add(dh_prev, da_W_hh_T, dh_prev)  # (25), (38)

    # Gradients
    x_rows.T.dot(w.da_rows, out=w.dW_xh)  # (31)
    w.h_prev_rows.T.dot(w.da_rows, out=w.dW_hh)  # (32)
    np.multiply(w.da_h, w.d, out=w.da_h_d)  # (33)
    np.multiply(w.da_h_d, w.v_power_3, out=w.da_h_d)  # (33)
    w.ones_TN.dot(w.da_h_d_rows, out=w.dg)  # (33)
    w.ones_TN.dot(w.da_h_rows, out=w.db)  # (34)
    w.h_rows.T.dot(w.do_rows, out=w.dV)  # (35)
    w.ones_TN.dot(w.do_rows, out=w.dc)  # (36)
    w.da_rows.dot(W_xh.T, out=w.dx_rows)  # (37)
    grads = {
        "W_xh": w.dW_xh,
        "W_hh": w.dW_hh,
        "g": w.dg,
        "b": w.db,
        "V": w.dV,
        "c": w.dc,
        "x": w.dx,
        "h": w.dh_0,
    }
    return loss, grads, {"h": w.h_end}


def forward(params, x, state=None, *, epsilon=1e-05):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    T, N, D, H, *_ = sizes
    epsilon = float(epsilon)
    W_xh = params["W_xh"]
    W_hh = params["W_hh"]
    g = params["g"]
    b = params["b"]
    V = params["V"]
    c = params["c"]
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x_rows.dot(W_xh, out=w.a_rows)  # (1)
    add, multiply, subtract, power = np.add, np.multiply, np.subtract, np.power
    tanh, h_W_hh, sum_a, a_2, d_squared = np.tanh, w.h_W_hh, w.sum_a, w.a_2, w.d_squared
    sum_d_squared, v_2, v_power, d_v, a_h = w.sum_d_squared, w.v_2, w.v_power, w.d_v, w.a_h
    for h_prev, a_t, d_t, v_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(W_hh, h_W_hh)  # (1)
        add(a_t, h_W_hh, a_t)  # (1)
        np.add.reduce(a_t, axis=1, out=sum_a, keepdims=True)  # (2)
        multiply(sum_a, 1 / H, a_2)  # (2)
        subtract(a_t, a_2, d_t)  # (2)
        multiply(d_t, d_t, d_squared)  # (3)
        np.add.reduce(d_squared, axis=1, out=sum_d_squared, keepdims=True)  # (3)
        multiply(sum_d_squared, 1 / H, v_t)  # (3)
        add(v_t, epsilon, v_2)  # (4)
        power(v_2, -0.5, v_power)  # (4)
        multiply(d_t, v_power, d_v)  # (4)
        multiply(d_v, g, d_v)  # (4)
        np.copyto(a_h, b)  # (4)
        add(a_h, d_v, a_h)  # (4)
        tanh(a_h, h_t)  # (5)
    w.h_rows.dot(V, out=w.o_rows)  # (6)
    np.add(w.o, c, out=w.o)  # (6)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.a = _empty((T, N, H), dtype)
        self.d = _empty((T, N, H), dtype)
        self.v = _empty((T, N, 1), dtype)
        self.a_h = _empty((N, H), dtype)
        h_all = _empty((T + 1, N, H), dtype)
        self.h_W_hh = _empty((N, H), dtype)
        self.sum_a = _empty((N, 1), dtype)
        self.o = _empty((T, N, C), dtype)
        self.max_o = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        dh_all = _empty((T + 1, N, H), dtype)
        self.v_power_2 = _empty((N, 1), dtype)
        self.v_power_3 = _empty((T, N, 1), dtype)
        self.W_hh_T = _empty((H, H), dtype)
        self.dW_xh = _empty((D, H), dtype)
        self.dW_hh = _empty((H, H), dtype)
        self.dg = _empty((H,), dtype)
        self.db = _empty((H,), dtype)
        self.dV = _empty((H, C), dtype)
        self.dc = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.a_2 = self.h_W_hh  # a_2 takes its place
        self.d_squared = self.h_W_hh  # d_squared takes its place
        self.sum_d_squared = self.sum_a  # sum_d_squared takes its place
        self.d_v = self.h_W_hh  # d_v takes its place
        self.v_2 = self.sum_a  # v_2 takes its place
        self.v_power = self.sum_a  # v_power takes its place
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.hit_o = self.log_sum  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.da_h = dh_all[1:]  # da_h stands in its rows
        self.slope_h = self.a_h  # slope_h takes its place
        self.h_squared = self.a_h  # h_squared takes its place
        self.dv = self.v_power_2  # dv takes its place
        self.g_d = self.a_h  # g_d takes its place
        self.v_3 = self.v  # v_3 takes its place
        self.da_h_g_d = self.a_h  # da_h_g_d takes its place
        self.sum_da_h_g_d = self.sum_a  # sum_da_h_g_d takes its place
        self.dd = self.h_W_hh  # dd takes its place
        self.g_v = self.h_W_hh  # g_v takes its place
        self.dv_d = self.a_h  # dv_d takes its place
        self.da_h_g_v = self.h_W_hh  # da_h_g_v takes its place
        self.da = self.a  # da takes its place
        self.dd_2 = self.a_h  # dd_2 takes its place
        self.sum_dd = self.v_power_2  # sum_dd takes its place
        self.da_W_hh_T = self.a_h  # da_W_hh_T takes its place
        self.da_h_d = self.d  # da_h_d takes its place
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
        self.da_h_d_rows = self.da_h_d.reshape(T * N, H)
        self.da_h_rows = self.da_h.reshape(T * N, H)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h_end = h_all[-1]
        self.forward = list(zip(h_all[:-1], self.a, self.d, self.v, h_all[1:], strict=True))
        self.backward = list(
            zip(
                h_all[1:][::-1],
                dh_all[1:][::-1],
                self.da_h[::-1],
                self.d[::-1],
                self.v_3[::-1],
                self.v_power_3[::-1],
                self.da[::-1],
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
    """T, N, D, H, C and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W_xh", "W_hh", "g", "b", "V", "c"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W_xh']", params["W_xh"], 1, ("D", "H"))
    C = _axis("params['V']", params["V"], 1, ("H", "C"))
    dtype = params["W_xh"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_xh']", params["W_xh"], (D, H), "float32 or float64")
    if params["W_xh"].shape != (D, H) or params["W_xh"].dtype != dtype:
        _refuse("params['W_xh']", params["W_xh"], (D, H), dtype)
    if params["W_hh"].shape != (H, H) or params["W_hh"].dtype != dtype:
        _refuse("params['W_hh']", params["W_hh"], (H, H), dtype)
    if params["g"].shape != (H,) or params["g"].dtype != dtype:
        _refuse("params['g']", params["g"], (H,), dtype)
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
