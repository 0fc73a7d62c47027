"""lstm: LSTM, a batch of rows, gates packed i, f, g, o, softmax and cross entropy.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t W + h_{t−1} U + b
    (2) i_t = sigmoid(a_t[:, 0:H])
    (3) f_t = sigmoid(a_t[:, H:2 H])
    (4) g_t = tanh(a_t[:, 2 H:3 H])
    (5) o_t = sigmoid(a_t[:, 3 H:4 H])
    (6) c_t = f_t ∘ c_{t−1} + i_t ∘ g_t
    (7) h_t = o_t ∘ tanh(c_t)
    (8) z_t = h_t V + b_y
    (9) l_t = sum(cross_entropy(z_t, y_t))
   (10) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (30) dL/dz_t = softmax(z_t) − onehot(y_t)
   (31) dL/dh_t = dL/dz_t Vᵀ + dL/da_{t+1} Uᵀ
   (32) dL/dc_t = dL/dh_t ∘ o_t ∘ (1 − tanh(c_t)²) + dL/dc_{t+1} ∘ f_{t+1}
   (33) dL/do_t = dL/dh_t ∘ tanh(c_t)
   (34) dL/dg_t = dL/dc_t ∘ i_t
   (35) dL/df_t = dL/dc_t ∘ c_{t−1}
   (36) dL/di_t = dL/dc_t ∘ g_t
   (37) dL/da_t = [dL/di_t ∘ i_t ∘ (1 − i_t), dL/df_t ∘ f_t ∘ (1 − f_t), dL/dg_t ∘ (1 −
            g_t²), dL/do_t ∘ o_t ∘ (1 − o_t)]

Boundary at T
   (38) dL/da_{T+1} = 0
   (39) dL/dc_{T+1} = 0

Gradients
   (40) dL/dW = Σ_{t=1}^{T} x_tᵀ dL/da_t
   (41) dL/dU = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t
   (42) dL/db = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (43) dL/dV = Σ_{t=1}^{T} h_tᵀ dL/dz_t
   (44) dL/db_y = Σ_{t=1}^{T} sum(dL/dz_t, axis=0)
   (45) dL/dx_t = dL/da_t Wᵀ
   (46) dL/dh_0 = dL/da_1 Uᵀ
   (47) dL/dc_0 = dL/dc_1 ∘ f_1

Proved for every T and every size: 128 statements, by
`symbptt prove lstm`.

Written by `symbptt generate lstm`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W (D, 4 * H), U (H, 4 * H), b (4 * H,), V (H, C), b_y (C,)
    x: (T, N, D)
    y: (T, N), integers in 0..C-1
    state: dict of h (N, H), c (N, H) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    T, N, D, H, *_ = sizes
    W = params["W"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    b_y = params["b_y"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.c_0.T, 0 if state is None else state["c"])
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(W[..., : 2 * H].T, 0.5, out=w.sorted_W[: 2 * H])
    np.multiply(W[..., 3 * H : 4 * H].T, 0.5, out=w.sorted_W[2 * H : 3 * H])
    np.copyto(w.sorted_W[3 * H : 4 * H], W[..., 2 * H : 3 * H].T)
    np.matmul(w.sorted_W, x.swapaxes(-1, -2), out=w.a)  # (1)
    np.multiply(b[: 2 * H], 0.5, out=w.sorted_b[: 2 * H])
    np.multiply(b[3 * H : 4 * H], 0.5, out=w.sorted_b[2 * H : 3 * H])
    np.copyto(w.sorted_b[3 * H : 4 * H], b[2 * H : 3 * H])
    np.copyto(w.sorted_b_row, w.sorted_b[..., None])
    np.multiply(U[..., : 2 * H].T, 0.5, out=w.sorted_U[: 2 * H])
    np.multiply(U[..., 3 * H : 4 * H].T, 0.5, out=w.sorted_U[2 * H : 3 * H])
    np.copyto(w.sorted_U[3 * H : 4 * H], U[..., 2 * H : 3 * H].T)
    add, tanh, multiply, sorted_U, h_U = np.add, np.tanh, np.multiply, w.sorted_U, w.h_U
    sorted_b_row, f_c, i_g, tanh_c = w.sorted_b_row, w.f_c, w.i_g, w.tanh_c
    for (
        h_prev,
        a_t,
        i_f_o_t,
        f_t,
        c_prev,
        i__t,
        g_t,
        c_t,
        o_t,
        h_t,
        h_out_t,
    ) in w.forward:  # t = 1, …, T
        sorted_U.dot(h_prev, h_U)  # (1)
        add(a_t, sorted_b_row, a_t)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, a_t)  # (2), (3), (4), (5)
        multiply(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (5)
        add(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (5)
        multiply(f_t, c_prev, f_c)  # (6)
        multiply(i__t, g_t, i_g)  # (6)
        add(f_c, i_g, c_t)  # (6)
        tanh(c_t, tanh_c)  # (7)
        multiply(o_t, tanh_c, h_t)  # (7)
        np.copyto(h_out_t, h_t.T)  # (7)
    w.h_out_rows.dot(V, out=w.z_rows)  # (8)
    np.add(w.z, b_y, out=w.z)  # (8)
    np.maximum.reduce(w.z, axis=2, out=w.max_z)  # (9)
    np.subtract(w.z, w.max_z[..., None], out=w.shifted_z)  # (9)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (9)
    w.shifted_z_flat.take(w.at_y_flat, out=w.target_z_flat, mode="clip")  # (9)
    np.exp(w.shifted_z, out=w.exp_z)  # (9)
    w.exp_z_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (9)
    np.log(w.sum_exp, out=w.log_sum)  # (9)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_z_flat)  # (9), (10)

    # Backward
    np.divide(w.exp_z, w.sum_exp[..., None], out=w.dz)  # (30)
    w.dz_flat.take(w.at_y_flat, out=w.hit_z_flat, mode="clip")  # (30)
    np.subtract(w.hit_z, 1, out=w.hit_z)  # (30)
    w.dz_flat.put(w.at_y_flat, w.hit_z_flat, mode="clip")  # (30)
    w.dh_0.fill(0)  # (46)
    np.matmul(V, w.dz.swapaxes(-1, -2), out=w.dh)  # (31), (38)
    w.dc.fill(0)  # (32), (39)
    tanh, multiply, subtract, add = np.tanh, np.multiply, np.subtract, np.add
    tanh_c_2, c_squared, slope_c, o_c = w.tanh_c_2, w.c_squared, w.slope_c, w.o_c
    dh_o_c, dc, do, dg, da_f, da_i = w.dh_o_c, w.dc, w.do, w.dg, w.da_f, w.da_i
    slope, i_2_f_2_o_2, da_i_da_f, i_2_f_2 = w.slope, w.i_2_f_2_o_2, w.da_i_da_f, w.i_2_f_2
    g_squared, slope_g, da_g, o_2, da_o = w.g_squared, w.slope_g, w.da_g, w.o_2, w.da_o
    da, da_U_T = w.da, w.da_U_T
    for (
        c_t,
        o_t,
        dh_t,
        i__t,
        c_prev,
        g_t,
        i_f_o_t,
        dh_prev,
        f_t,
        da_out_t,
    ) in w.backward:  # t = T, …, 1
        tanh(c_t, tanh_c_2)  # (32)
        multiply(tanh_c_2, tanh_c_2, c_squared)  # (32)
        subtract(1, c_squared, slope_c)  # (32)
        multiply(o_t, slope_c, o_c)  # (32)
        multiply(dh_t, o_c, dh_o_c)  # (32)
        add(dc, dh_o_c, dc)  # (32)
        multiply(dh_t, tanh_c_2, do)  # (33)
        multiply(dc, i__t, dg)  # (34)
        multiply(dc, c_prev, da_f)  # (35)
        multiply(dc, g_t, da_i)  # (36)
        subtract(1, i_f_o_t, slope)  # (37)
        multiply(i_f_o_t, slope, i_2_f_2_o_2)  # (37)
        multiply(da_i_da_f, i_2_f_2, da_i_da_f)  # (37)
        multiply(g_t, g_t, g_squared)  # (37)
        subtract(1, g_squared, slope_g)  # (37)
        multiply(dg, slope_g, da_g)  # (37)
        multiply(do, o_2, da_o)  # (37)
        U.dot(da, da_U_T)  # (31), (46)
        add(dh_prev, da_U_T, dh_prev)  # (31), (46)
        multiply(dc, f_t, dc)  # (32), (47)
        np.copyto(da_out_t, da.T)  # (37)

    # Gradients
    x_rows.T.dot(w.da_out_rows, out=w.dW)  # (40)
    w.h_out_prev_rows.T.dot(w.da_out_rows, out=w.dU)  # (41)
    w.ones_TN.dot(w.da_out_rows, out=w.db)  # (42)
    w.h_out_rows.T.dot(w.dz_rows, out=w.dV)  # (43)
    w.ones_TN.dot(w.dz_rows, out=w.db_y)  # (44)
    w.da_out_rows.dot(W.T, out=w.dx_rows)  # (45)
    grads = {
        "W": w.dW,
        "U": w.dU,
        "b": w.db,
        "V": w.dV,
        "b_y": w.db_y,
        "x": w.dx,
        "h": w.dh_0.T,
        "c": w.dc.T,
    }
    return loss, grads, {"h": w.h_out_end, "c": w.c_end.T}


def forward(params, x, state=None):
    """Return (dict of z, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    _, _, _, H, *_ = sizes
    W = params["W"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    b_y = params["b_y"]
    np.copyto(w.c_0.T, 0 if state is None else state["c"])
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(W[..., : 2 * H].T, 0.5, out=w.sorted_W[: 2 * H])
    np.multiply(W[..., 3 * H : 4 * H].T, 0.5, out=w.sorted_W[2 * H : 3 * H])
    np.copyto(w.sorted_W[3 * H : 4 * H], W[..., 2 * H : 3 * H].T)
    np.matmul(w.sorted_W, x.swapaxes(-1, -2), out=w.a)  # (1)
    np.multiply(b[: 2 * H], 0.5, out=w.sorted_b[: 2 * H])
    np.multiply(b[3 * H : 4 * H], 0.5, out=w.sorted_b[2 * H : 3 * H])
    np.copyto(w.sorted_b[3 * H : 4 * H], b[2 * H : 3 * H])
    np.copyto(w.sorted_b_row, w.sorted_b[..., None])
    np.multiply(U[..., : 2 * H].T, 0.5, out=w.sorted_U[: 2 * H])
    np.multiply(U[..., 3 * H : 4 * H].T, 0.5, out=w.sorted_U[2 * H : 3 * H])
    np.copyto(w.sorted_U[3 * H : 4 * H], U[..., 2 * H : 3 * H].T)
    add, tanh, multiply, sorted_U, h_U = np.add, np.tanh, np.multiply, w.sorted_U, w.h_U
    sorted_b_row, f_c, i_g, tanh_c = w.sorted_b_row, w.f_c, w.i_g, w.tanh_c
    for (
        h_prev,
        a_t,
        i_f_o_t,
        f_t,
        c_prev,
        i__t,
        g_t,
        c_t,
        o_t,
        h_t,
        h_out_t,
    ) in w.forward:  # t = 1, …, T
        sorted_U.dot(h_prev, h_U)  # (1)
        add(a_t, sorted_b_row, a_t)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, a_t)  # (2), (3), (4), (5)
        multiply(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (5)
        add(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (5)
        multiply(f_t, c_prev, f_c)  # (6)
        multiply(i__t, g_t, i_g)  # (6)
        add(f_c, i_g, c_t)  # (6)
        tanh(c_t, tanh_c)  # (7)
        multiply(o_t, tanh_c, h_t)  # (7)
        np.copyto(h_out_t, h_t.T)  # (7)
    w.h_out_rows.dot(V, out=w.z_rows)  # (8)
    np.add(w.z, b_y, out=w.z)  # (8)
    return {"z": w.z}, {"h": w.h_out_end, "c": w.c_end.T}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.a = _empty((T, 4 * H, N), dtype)
        c_all = _empty((T + 1, H, N), dtype)
        h_all = _empty((T + 1, H, N), dtype)
        self.h_U = _empty((4 * H, N), dtype)
        self.f_c = _empty((H, N), dtype)
        self.i_g = _empty((H, N), dtype)
        self.z = _empty((T, N, C), dtype)
        self.max_z = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        self.dc = _empty((H, N), dtype)
        self.g_squared = _empty((H, N), dtype)
        self.dW = _empty((D, 4 * H), dtype)
        self.dU = _empty((H, 4 * H), dtype)
        self.db = _empty((4 * H,), dtype)
        self.dV = _empty((H, C), dtype)
        self.db_y = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        h_out_all = _empty((T + 1, N, H), dtype)
        self.sorted_W = _empty((4 * H, D), dtype)
        self.sorted_b = _empty((4 * H,), dtype)
        self.sorted_U = _empty((4 * H, H), dtype)
        self.slope = _empty((3 * H, N), dtype)
        self.sorted_b_row = _empty((4 * H, N), dtype)
        self.tanh_c = self.i_g  # tanh_c takes its place
        self.shifted_z = self.z  # shifted_z takes its place
        self.target_z = self.max_z  # target_z takes its place
        self.exp_z = self.z  # exp_z takes its place
        self.hit_z = self.log_sum  # hit_z takes its place
        self.dz = self.z  # dz takes its place
        dh_all = h_all  # dh takes its place
        self.o_c = self.f_c  # o_c takes its place
        self.slope_c = self.f_c  # slope_c takes its place
        self.tanh_c_2 = self.i_g  # tanh_c_2 takes its place
        self.c_squared = self.f_c  # c_squared takes its place
        self.dh_o_c = self.f_c  # dh_o_c takes its place
        self.do = self.f_c  # do takes its place
        self.dg = self.i_g  # dg takes its place
        self.da = self.h_U  # da takes its place
        self.slope_g = self.g_squared  # slope_g takes its place
        self.da_U_T = self.g_squared  # da_U_T takes its place
        self.da_out = self.a.reshape(T, N, 4 * H)  # da_out takes its place
        self.i_2_f_2_o_2 = self.slope  # i_2_f_2_o_2 takes its place
        self.i_ = self.a[:, :H]
        self.f = self.a[:, H : 2 * H]
        self.g = self.a[:, 3 * H : 4 * H]
        self.o = self.a[:, 2 * H : 3 * H]
        self.i_2 = self.i_2_f_2_o_2[:H]
        self.slope_i = self.slope[:H]
        self.f_2 = self.i_2_f_2_o_2[H : 2 * H]
        self.slope_f = self.slope[H : 2 * H]
        self.o_2 = self.i_2_f_2_o_2[2 * H : 3 * H]
        self.slope_o = self.slope[2 * H : 3 * H]
        self.i_f_o = self.a[:, : 3 * H]
        self.da_i = self.da[:H]
        self.da_f = self.da[H : 2 * H]
        self.da_g = self.da[2 * H : 3 * H]
        self.da_o = self.da[3 * H : 4 * H]
        self.da_i_da_f = self.da[: 2 * H]
        self.i_2_f_2 = self.i_2_f_2_o_2[: 2 * H]
        self.row_starts = np.arange(T * N) * C
        self.ones_C = np.ones(C, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.c_0 = c_all[0]
        self.h_out_0 = h_out_all[0]
        self.h_0 = h_all[0]
        self.h_out = h_out_all[1:]
        self.h_out_rows = h_out_all[1:].reshape(T * N, H)
        self.z_rows = self.z.reshape(T * N, C)
        self.at_y_flat = self.at_y.reshape(-1)
        self.shifted_z_flat = self.shifted_z.reshape(-1)
        self.target_z_flat = self.target_z.reshape(-1)
        self.sum_exp_flat = self.sum_exp.reshape(-1)
        self.exp_z_rows = self.exp_z.reshape(T * N, C)
        self.log_sum_flat = self.log_sum.reshape(-1)
        self.dz_flat = self.dz.reshape(-1)
        self.hit_z_flat = self.hit_z.reshape(-1)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.da_out_rows = self.da_out.reshape(T * N, 4 * H)
        self.h_out_prev = h_out_all[:-1]
        self.h_out_prev_rows = h_out_all[:-1].reshape(T * N, H)
        self.dz_rows = self.dz.reshape(T * N, C)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h_out_end = h_out_all[-1]
        self.c_end = c_all[-1]
        self.forward = list(
            zip(
                h_all[:-1],
                self.a,
                self.i_f_o,
                self.f,
                c_all[:-1],
                self.i_,
                self.g,
                c_all[1:],
                self.o,
                h_all[1:],
                h_out_all[1:],
                strict=True,
            )
        )
        self.backward = list(
            zip(
                c_all[1:][::-1],
                self.o[::-1],
                dh_all[1:][::-1],
                self.i_[::-1],
                c_all[:-1][::-1],
                self.g[::-1],
                self.i_f_o[::-1],
                dh_all[:-1][::-1],
                self.f[::-1],
                self.da_out[::-1],
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
    _keys("params", params, ("W", "U", "b", "V", "b_y"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['U']", params["U"], 0, ("H", "4 * H"))
    C = _axis("params['V']", params["V"], 1, ("H", "C"))
    dtype = params["W"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W']", params["W"], (D, 4 * H), "float32 or float64")
    if params["W"].shape != (D, 4 * H) or params["W"].dtype != dtype:
        _refuse("params['W']", params["W"], (D, 4 * H), dtype)
    if params["U"].shape != (H, 4 * H) or params["U"].dtype != dtype:
        _refuse("params['U']", params["U"], (H, 4 * H), dtype)
    if params["b"].shape != (4 * H,) or params["b"].dtype != dtype:
        _refuse("params['b']", params["b"], (4 * H,), dtype)
    if params["V"].shape != (H, C) or params["V"].dtype != dtype:
        _refuse("params['V']", params["V"], (H, C), dtype)
    if params["b_y"].shape != (C,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (C,), dtype)
    if x.shape != (T, N, D) or x.dtype != dtype:
        _refuse("x", x, (T, N, D), dtype)
    if y is not None:
        _indices("y", y, (T, N), C)
    if state is not None:
        _keys("state", state, ("h", "c"))
        if state["h"].shape != (N, H) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (N, H), dtype)
        if state["c"].shape != (N, H) or state["c"].dtype != dtype:
            _refuse("state['c']", state["c"], (N, H), dtype)
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
