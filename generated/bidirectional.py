"""bidirectional: Bidirectional Elman network, a batch of rows: g runs from T to 1.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_h_t = x_t W_xh + h_{t−1} W_hh + b_h
    (2) h_t = tanh(a_h_t)
    (3) a_g_t = x_t W_xg + g_{t+1} W_gg + b_g
    (4) g_t = tanh(a_g_t)
    (5) o_t = [h_t, g_t] W_y + b_y
    (6) l_t = sum(cross_entropy(o_t, y_t))
    (7) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (25) dL/do_t = softmax(o_t) − onehot(y_t)
   (26) dL/dg_t = (dL/do_t W_yᵀ)[:, H:H + K] + dL/da_g_{t−1} W_ggᵀ
   (27) dL/da_g_t = dL/dg_t ∘ (1 − g_t²)
   (28) dL/dh_t = (dL/do_t W_yᵀ)[:, 0:H] + dL/da_h_{t+1} W_hhᵀ
   (29) dL/da_h_t = dL/dh_t ∘ (1 − h_t²)

Boundary at T, and at 0 where time runs back
   (30) dL/da_h_{T+1} = 0
   (31) dL/da_g_0 = 0

Gradients
   (32) dL/dW_xh = Σ_{t=1}^{T} x_tᵀ dL/da_h_t
   (33) dL/dW_hh = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_h_t
   (34) dL/db_h = Σ_{t=1}^{T} sum(dL/da_h_t, axis=0)
   (35) dL/dW_xg = Σ_{t=1}^{T} x_tᵀ dL/da_g_t
   (36) dL/dW_gg = Σ_{t=1}^{T} g_{t+1}ᵀ dL/da_g_t
   (37) dL/db_g = Σ_{t=1}^{T} sum(dL/da_g_t, axis=0)
   (38) dL/dW_y = Σ_{t=1}^{T} ([h_t, g_t])ᵀ dL/do_t
   (39) dL/db_y = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (40) dL/dx_t = dL/da_h_t W_xhᵀ + dL/da_g_t W_xgᵀ
   (41) dL/dh_0 = dL/da_h_1 W_hhᵀ
   (42) dL/dg_{T+1} = dL/da_g_T W_ggᵀ

Proved for every T and every size: 125 statements, by
`symbptt prove bidirectional`.

Written by `symbptt generate bidirectional`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_xh (D, H), W_hh (H, H), b_h (H,), W_xg (D, K), W_gg (K, K), b_g (K,),
        W_y (H + K, C), b_y (C,)
    x: (T, N, D)
    y: (T, N), integers in 0..C-1
    state: dict of h (N, H) before the first step and g (N, K) after the last; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    T, N, D, H, K, *_ = sizes
    W_xh = params["W_xh"]
    W_hh = params["W_hh"]
    b_h = params["b_h"]
    W_xg = params["W_xg"]
    W_gg = params["W_gg"]
    b_g = params["b_g"]
    W_y = params["W_y"]
    b_y = params["b_y"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x_rows.dot(W_xh, out=w.a_h_rows)  # (1)
    np.add(w.a_h, b_h, out=w.a_h)  # (1)
    add, tanh, h_W_hh = np.add, np.tanh, w.h_W_hh
    for h_prev, a_h_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(W_hh, h_W_hh)  # (1)
        add(a_h_t, h_W_hh, a_h_t)  # (1)
        tanh(a_h_t, h_t)  # (2)
    np.copyto(w.h_g_2[..., :H], w.h)  # (5)
    np.copyto(w.g_next_T, 0 if state is None else state["g"])
    x_rows.dot(W_xg, out=w.a_g_rows)  # (3)
    np.add(w.a_g, b_g, out=w.a_g)  # (3)
    add, tanh, g_W_gg = np.add, np.tanh, w.g_W_gg
    for g_next, a_g_t, g_t in w.backward:  # t = T, …, 1
        g_next.dot(W_gg, g_W_gg)  # (3)
        add(a_g_t, g_W_gg, a_g_t)  # (3)
        tanh(a_g_t, g_t)  # (4)
    np.copyto(w.h_g_2[..., H : H + K], w.g)  # (5)
    w.h_g_2_rows.dot(W_y, out=w.o_rows)  # (5)
    np.add(w.o, b_y, out=w.o)  # (5)
    np.maximum.reduce(w.o, axis=2, out=w.max_o)  # (6)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (6)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (6)
    w.shifted_o_flat.take(w.at_y_flat, out=w.target_o_flat, mode="clip")  # (6)
    np.exp(w.shifted_o, out=w.exp_o)  # (6)
    w.exp_o_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (6)
    np.log(w.sum_exp, out=w.log_sum)  # (6)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_o_flat)  # (6), (7)

    # Backward
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.do)  # (25)
    w.do_flat.take(w.at_y_flat, out=w.hit_o_flat, mode="clip")  # (25)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (25)
    w.do_flat.put(w.at_y_flat, w.hit_o_flat, mode="clip")  # (25)
    w.dg_next_T.fill(0)  # (42)
    w.do_rows.dot(W_y[H : H + K].T, out=w.dg_rows)  # (26), (31)
    np.copyto(w.W_gg_T, W_gg.T)
    multiply, subtract, add, g_squared = np.multiply, np.subtract, np.add, w.g_squared
    slope_g, W_gg_T, da_g_W_gg_T = w.slope_g, w.W_gg_T, w.da_g_W_gg_T
    for g_t, dg_t, da_g_t, dg_next in w.forward_:  # t = 1, …, T
        multiply(g_t, g_t, g_squared)  # (27)
        subtract(1, g_squared, slope_g)  # (27)
        multiply(dg_t, slope_g, da_g_t)  # (27)
        da_g_t.dot(W_gg_T, da_g_W_gg_T)  # (26), (42)
        add(dg_next, da_g_W_gg_T, dg_next)  # (26), (42)
    w.dh_0.fill(0)  # (41)
    w.do_rows.dot(W_y[:H].T, out=w.dh_rows)  # (28), (30)
    np.copyto(w.W_hh_T, W_hh.T)
    multiply, subtract, add, h_squared = np.multiply, np.subtract, np.add, w.h_squared
    slope_h, W_hh_T, da_h_W_hh_T = w.slope_h, w.W_hh_T, w.da_h_W_hh_T
    for h_t, dh_t, da_h_t, dh_prev in w.backward_:  # t = T, …, 1
        multiply(h_t, h_t, h_squared)  # (29)
        subtract(1, h_squared, slope_h)  # (29)
        multiply(dh_t, slope_h, da_h_t)  # (29)
        da_h_t.dot(W_hh_T, da_h_W_hh_T)  # (28), (41)
        add(dh_prev, da_h_W_hh_T, dh_prev)  # (28), (41)

    # Gradients
    x_rows.T.dot(w.da_h_rows, out=w.dW_xh)  # (32)
    w.h_prev_rows.T.dot(w.da_h_rows, out=w.dW_hh)  # (33)
    w.ones_TN.dot(w.da_h_rows, out=w.db_h)  # (34)
    x_rows.T.dot(w.da_g_rows, out=w.dW_xg)  # (35)
    w.g_next_rows.T.dot(w.da_g_rows, out=w.dW_gg)  # (36)
    w.ones_TN.dot(w.da_g_rows, out=w.db_g)  # (37)
    w.h_rows.T.dot(w.do_rows, out=w.dW_y[:H])  # (38)
    w.g_rows.T.dot(w.do_rows, out=w.dW_y[H : H + K])  # (38)
    w.ones_TN.dot(w.do_rows, out=w.db_y)  # (39)
    w.da_h_rows.dot(W_xh.T, out=w.dx_rows)  # (40)
    w.da_g_rows.dot(W_xg.T, out=w.da_g_W_xg_rows)  # (40)
    np.add(w.dx, w.da_g_W_xg, out=w.dx)  # (40)
    grads = {
        "W_xh": w.dW_xh,
        "W_hh": w.dW_hh,
        "b_h": w.db_h,
        "W_xg": w.dW_xg,
        "W_gg": w.dW_gg,
        "b_g": w.db_g,
        "W_y": w.dW_y,
        "b_y": w.db_y,
        "x": w.dx,
        "h": w.dh_0,
        "g": w.dg_next_T,
    }
    return loss, grads, {"h": w.h_end, "g": w.g_end}


def forward(params, x, state=None):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    T, N, D, H, K, *_ = sizes
    W_xh = params["W_xh"]
    W_hh = params["W_hh"]
    b_h = params["b_h"]
    W_xg = params["W_xg"]
    W_gg = params["W_gg"]
    b_g = params["b_g"]
    W_y = params["W_y"]
    b_y = params["b_y"]
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x_rows.dot(W_xh, out=w.a_h_rows)  # (1)
    np.add(w.a_h, b_h, out=w.a_h)  # (1)
    add, tanh, h_W_hh = np.add, np.tanh, w.h_W_hh
    for h_prev, a_h_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(W_hh, h_W_hh)  # (1)
        add(a_h_t, h_W_hh, a_h_t)  # (1)
        tanh(a_h_t, h_t)  # (2)
    np.copyto(w.h_g_2[..., :H], w.h)  # (5)
    np.copyto(w.g_next_T, 0 if state is None else state["g"])
    x_rows.dot(W_xg, out=w.a_g_rows)  # (3)
    np.add(w.a_g, b_g, out=w.a_g)  # (3)
    add, tanh, g_W_gg = np.add, np.tanh, w.g_W_gg
    for g_next, a_g_t, g_t in w.backward:  # t = T, …, 1
        g_next.dot(W_gg, g_W_gg)  # (3)
        add(a_g_t, g_W_gg, a_g_t)  # (3)
        tanh(a_g_t, g_t)  # (4)
    np.copyto(w.h_g_2[..., H : H + K], w.g)  # (5)
    w.h_g_2_rows.dot(W_y, out=w.o_rows)  # (5)
    np.add(w.o, b_y, out=w.o)  # (5)
    return {"o": w.o}, {"h": w.h_end, "g": w.g_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, K, C, dtype):
        self.h_g_2 = _empty((T, N, H + K), dtype)
        h_all = _empty((T + 1, N, H), dtype)
        self.h_W_hh = _empty((N, H), dtype)
        g_all = _empty((T + 1, N, K), dtype)
        self.g_W_gg = _empty((N, K), dtype)
        self.o = _empty((T, N, C), dtype)
        self.max_o = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        dg_all = _empty((T + 1, N, K), dtype)
        self.W_gg_T = _empty((K, K), dtype)
        dh_all = _empty((T + 1, N, H), dtype)
        self.W_hh_T = _empty((H, H), dtype)
        self.dW_xh = _empty((D, H), dtype)
        self.dW_hh = _empty((H, H), dtype)
        self.db_h = _empty((H,), dtype)
        self.dW_xg = _empty((D, K), dtype)
        self.dW_gg = _empty((K, K), dtype)
        self.db_g = _empty((K,), dtype)
        self.dW_y = _empty((H + K, C), dtype)
        self.db_y = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.da_g_W_xg = _empty((T, N, D), dtype)
        self.a_h = h_all[1:]  # a_h stands in its rows
        self.a_g = g_all[:-1]  # a_g stands in its rows
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.hit_o = self.log_sum  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.da_g = dg_all[:-1]  # da_g stands in its rows
        self.slope_g = self.g_W_gg  # slope_g takes its place
        self.g_squared = self.g_W_gg  # g_squared takes its place
        self.da_g_W_gg_T = self.g_W_gg  # da_g_W_gg_T takes its place
        self.da_h = dh_all[1:]  # da_h stands in its rows
        self.slope_h = self.h_W_hh  # slope_h takes its place
        self.h_squared = self.h_W_hh  # h_squared takes its place
        self.da_h_W_hh_T = self.h_W_hh  # da_h_W_hh_T takes its place
        self.row_starts = np.arange(T * N) * C
        self.ones_C = np.ones(C, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.h_0 = h_all[0]
        self.a_h_rows = self.a_h.reshape(T * N, H)
        self.h = h_all[1:]
        self.g_next_T = g_all[-1]
        self.a_g_rows = self.a_g.reshape(T * N, K)
        self.g = g_all[:-1]
        self.h_g_2_rows = self.h_g_2.reshape(T * N, H + K)
        self.o_rows = self.o.reshape(T * N, C)
        self.at_y_flat = self.at_y.reshape(-1)
        self.shifted_o_flat = self.shifted_o.reshape(-1)
        self.target_o_flat = self.target_o.reshape(-1)
        self.sum_exp_flat = self.sum_exp.reshape(-1)
        self.exp_o_rows = self.exp_o.reshape(T * N, C)
        self.log_sum_flat = self.log_sum.reshape(-1)
        self.do_flat = self.do.reshape(-1)
        self.hit_o_flat = self.hit_o.reshape(-1)
        self.dg_next_T = dg_all[-1]
        self.do_rows = self.do.reshape(T * N, C)
        self.dg = dg_all[:-1]
        self.dg_rows = dg_all[:-1].reshape(T * N, K)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.dh_rows = dh_all[1:].reshape(T * N, H)
        self.da_h_rows = self.da_h.reshape(T * N, H)
        self.h_prev = h_all[:-1]
        self.h_prev_rows = h_all[:-1].reshape(T * N, H)
        self.da_g_rows = self.da_g.reshape(T * N, K)
        self.g_next = g_all[1:]
        self.g_next_rows = g_all[1:].reshape(T * N, K)
        self.h_rows = h_all[1:].reshape(T * N, H)
        self.g_rows = g_all[:-1].reshape(T * N, K)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.da_g_W_xg_rows = self.da_g_W_xg.reshape(T * N, D)
        self.h_end = h_all[-1]
        self.g_end = g_all[0]
        self.forward = list(zip(h_all[:-1], self.a_h, h_all[1:], strict=True))
        self.backward = list(zip(g_all[1:][::-1], self.a_g[::-1], g_all[:-1][::-1], strict=True))
        self.forward_ = list(zip(g_all[:-1], dg_all[:-1], self.da_g, dg_all[1:], strict=True))
        self.backward_ = list(
            zip(h_all[1:][::-1], dh_all[1:][::-1], self.da_h[::-1], dh_all[:-1][::-1], strict=True)
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
    """T, N, D, H, K, C and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("W_xh", "W_hh", "b_h", "W_xg", "W_gg", "b_g", "W_y", "b_y"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W_xh']", params["W_xh"], 1, ("D", "H"))
    K = _axis("params['W_xg']", params["W_xg"], 1, ("D", "K"))
    C = _axis("params['W_y']", params["W_y"], 1, ("H + K", "C"))
    dtype = params["W_xh"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_xh']", params["W_xh"], (D, H), "float32 or float64")
    if params["W_xh"].shape != (D, H) or params["W_xh"].dtype != dtype:
        _refuse("params['W_xh']", params["W_xh"], (D, H), dtype)
    if params["W_hh"].shape != (H, H) or params["W_hh"].dtype != dtype:
        _refuse("params['W_hh']", params["W_hh"], (H, H), dtype)
    if params["b_h"].shape != (H,) or params["b_h"].dtype != dtype:
        _refuse("params['b_h']", params["b_h"], (H,), dtype)
    if params["W_xg"].shape != (D, K) or params["W_xg"].dtype != dtype:
        _refuse("params['W_xg']", params["W_xg"], (D, K), dtype)
    if params["W_gg"].shape != (K, K) or params["W_gg"].dtype != dtype:
        _refuse("params['W_gg']", params["W_gg"], (K, K), dtype)
    if params["b_g"].shape != (K,) or params["b_g"].dtype != dtype:
        _refuse("params['b_g']", params["b_g"], (K,), dtype)
    if params["W_y"].shape != (H + K, C) or params["W_y"].dtype != dtype:
        _refuse("params['W_y']", params["W_y"], (H + K, C), dtype)
    if params["b_y"].shape != (C,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (C,), dtype)
    if x.shape != (T, N, D) or x.dtype != dtype:
        _refuse("x", x, (T, N, D), dtype)
    if y is not None:
        _indices("y", y, (T, N), C)
    if state is not None:
        _keys("state", state, ("h", "g"))
        if state["h"].shape != (N, H) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (N, H), dtype)
        if state["g"].shape != (N, K) or state["g"].dtype != dtype:
            _refuse("state['g']", state["g"], (N, K), dtype)
    return T, N, D, H, K, C, dtype


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
