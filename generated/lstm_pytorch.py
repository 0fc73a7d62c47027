"""lstm_pytorch: LSTM of torch.nn.LSTM: weights and biases packed i, f, g, o, two biases.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t W_ihᵀ + b_ih + h_{t−1} W_hhᵀ + b_hh
    (2) i_t = sigmoid(a_t[:, 0:H])
    (3) f_t = sigmoid(a_t[:, H:2 H])
    (4) g_t = tanh(a_t[:, 2 H:3 H])
    (5) o_t = sigmoid(a_t[:, 3 H:4 H])
    (6) c_t = f_t ∘ c_{t−1} + i_t ∘ g_t
    (7) h_t = o_t ∘ tanh(c_t)
    (8) z_t = h_t W_hyᵀ + b_y
    (9) l_t = (1/N) sum(cross_entropy(z_t, y_t))
   (10) L = (1/T) Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (31) dL/dz_t = (1/(N T)) (softmax(z_t) − onehot(y_t))
   (32) dL/dh_t = dL/dz_t W_hy + dL/da_{t+1} W_hh
   (33) dL/dc_t = dL/dh_t ∘ o_t ∘ (1 − tanh(c_t)²) + dL/dc_{t+1} ∘ f_{t+1}
   (34) dL/do_t = dL/dh_t ∘ tanh(c_t)
   (35) dL/dg_t = dL/dc_t ∘ i_t
   (36) dL/df_t = dL/dc_t ∘ c_{t−1}
   (37) dL/di_t = dL/dc_t ∘ g_t
   (38) dL/da_t = [dL/di_t ∘ i_t ∘ (1 − i_t), dL/df_t ∘ f_t ∘ (1 − f_t), dL/dg_t ∘ (1 −
            g_t²), dL/do_t ∘ o_t ∘ (1 − o_t)]

Boundary at T
   (39) dL/da_{T+1} = 0
   (40) dL/dc_{T+1} = 0

Gradients
   (41) dL/dW_ih = Σ_{t=1}^{T} (x_tᵀ dL/da_t)ᵀ
   (42) dL/dW_hh = Σ_{t=1}^{T} (h_{t−1}ᵀ dL/da_t)ᵀ
   (43) dL/db_ih = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (44) dL/db_hh = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (45) dL/dW_hy = Σ_{t=1}^{T} (h_tᵀ dL/dz_t)ᵀ
   (46) dL/db_y = Σ_{t=1}^{T} sum(dL/dz_t, axis=0)
   (47) dL/dx_t = dL/da_t W_ih
   (48) dL/dh_0 = dL/da_1 W_hh
   (49) dL/dc_0 = dL/dc_1 ∘ f_1

Proved for every T and every size: 140 statements, by
`symbptt prove lstm_pytorch`.

Written by `symbptt generate lstm_pytorch`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_ih (4 * H, D), W_hh (4 * H, H), b_ih (4 * H,), b_hh (4 * H,), W_hy (C,
        H), b_y (C,)
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
    W_ih = params["W_ih"]
    W_hh = params["W_hh"]
    b_ih = params["b_ih"]
    b_hh = params["b_hh"]
    W_hy = params["W_hy"]
    b_y = params["b_y"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.c_0.T, 0 if state is None else state["c"])
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(W_ih[: 2 * H], 0.5, out=w.sorted_W_ih[: 2 * H])
    np.multiply(W_ih[3 * H : 4 * H], 0.5, out=w.sorted_W_ih[2 * H : 3 * H])
    np.copyto(w.sorted_W_ih[3 * H : 4 * H], W_ih[2 * H : 3 * H])
    np.matmul(w.sorted_W_ih, x.swapaxes(-1, -2), out=w.a)  # (1)
    np.multiply(b_ih[: 2 * H], 0.5, out=w.sorted_b_ih[: 2 * H])
    np.multiply(b_ih[3 * H : 4 * H], 0.5, out=w.sorted_b_ih[2 * H : 3 * H])
    np.copyto(w.sorted_b_ih[3 * H : 4 * H], b_ih[2 * H : 3 * H])
    np.add(w.a, w.sorted_b_ih[..., None], out=w.a)  # (1)
    np.multiply(b_hh[: 2 * H], 0.5, out=w.sorted_b_hh[: 2 * H])
    np.multiply(b_hh[3 * H : 4 * H], 0.5, out=w.sorted_b_hh[2 * H : 3 * H])
    np.copyto(w.sorted_b_hh[3 * H : 4 * H], b_hh[2 * H : 3 * H])
    np.copyto(w.sorted_b_hh_row, w.sorted_b_hh[..., None])
    np.copyto(w.W_hh_T, W_hh.T)
    np.multiply(W_hh[: 2 * H], 0.5, out=w.sorted_W_hh[: 2 * H])
    np.multiply(W_hh[3 * H : 4 * H], 0.5, out=w.sorted_W_hh[2 * H : 3 * H])
    np.copyto(w.sorted_W_hh[3 * H : 4 * H], W_hh[2 * H : 3 * H])
    add, tanh, multiply, sorted_W_hh = np.add, np.tanh, np.multiply, w.sorted_W_hh
    h_W_hh_T, sorted_b_hh_row, f_c, i_g = w.h_W_hh_T, w.sorted_b_hh_row, w.f_c, w.i_g
    tanh_c = w.tanh_c
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
        sorted_W_hh.dot(h_prev, h_W_hh_T)  # (1)
        add(a_t, sorted_b_hh_row, a_t)  # (1)
        add(a_t, h_W_hh_T, a_t)  # (1)
        tanh(a_t, a_t)  # (2), (3), (4), (5)
        multiply(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (5)
        add(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (5)
        multiply(f_t, c_prev, f_c)  # (6)
        multiply(i__t, g_t, i_g)  # (6)
        add(f_c, i_g, c_t)  # (6)
        tanh(c_t, tanh_c)  # (7)
        multiply(o_t, tanh_c, h_t)  # (7)
        np.copyto(h_out_t, h_t.T)  # (7)
    w.h_out_rows.dot(W_hy.T, out=w.z_rows)  # (8)
    np.add(w.z, b_y, out=w.z)  # (8)
    np.maximum.reduce(w.z, axis=2, out=w.max_z)  # (9)
    np.subtract(w.z, w.max_z[..., None], out=w.shifted_z)  # (9)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (9)
    w.shifted_z_flat.take(w.at_y_flat, out=w.target_z_flat, mode="clip")  # (9)
    np.exp(w.shifted_z, out=w.exp_z)  # (9)
    w.exp_z_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (9)
    np.log(w.sum_exp, out=w.log_sum)  # (9)
    loss = np.add.reduce(w.log_sum_flat) / (N * T)  # (9), (10)
    loss -= np.add.reduce(w.target_z_flat) / (N * T)  # (9), (10)

    # Backward
    np.divide(w.exp_z, w.sum_exp[..., None], out=w.gap)  # (31)
    w.gap_flat.take(w.at_y_flat, out=w.hit_z_flat, mode="clip")  # (31)
    np.subtract(w.hit_z, 1, out=w.hit_z)  # (31)
    w.gap_flat.put(w.at_y_flat, w.hit_z_flat, mode="clip")  # (31)
    np.multiply(w.gap, 1 / (N * T), out=w.dz)  # (31)
    w.dh_0.fill(0)  # (48)
    np.matmul(W_hy.T, w.dz.swapaxes(-1, -2), out=w.dh)  # (32), (39)
    w.dc.fill(0)  # (33), (40)
    tanh, multiply, subtract, add = np.tanh, np.multiply, np.subtract, np.add
    tanh_c_2, c_squared, slope_c, o_c = w.tanh_c_2, w.c_squared, w.slope_c, w.o_c
    dh_o_c, dc, do, dg, da_f, da_i = w.dh_o_c, w.dc, w.do, w.dg, w.da_f, w.da_i
    slope, i_2_f_2_o_2, da_i_da_f, i_2_f_2 = w.slope, w.i_2_f_2_o_2, w.da_i_da_f, w.i_2_f_2
    g_squared, slope_g, da_g, o_2, da_o = w.g_squared, w.slope_g, w.da_g, w.o_2, w.da_o
    W_hh_T, da, da_W_hh = w.W_hh_T, w.da, w.da_W_hh
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
        tanh(c_t, tanh_c_2)  # (33)
        multiply(tanh_c_2, tanh_c_2, c_squared)  # (33)
        subtract(1, c_squared, slope_c)  # (33)
        multiply(o_t, slope_c, o_c)  # (33)
        multiply(dh_t, o_c, dh_o_c)  # (33)
        add(dc, dh_o_c, dc)  # (33)
        multiply(dh_t, tanh_c_2, do)  # (34)
        multiply(dc, i__t, dg)  # (35)
        multiply(dc, c_prev, da_f)  # (36)
        multiply(dc, g_t, da_i)  # (37)
        subtract(1, i_f_o_t, slope)  # (38)
        multiply(i_f_o_t, slope, i_2_f_2_o_2)  # (38)
        multiply(da_i_da_f, i_2_f_2, da_i_da_f)  # (38)
        multiply(g_t, g_t, g_squared)  # (38)
        subtract(1, g_squared, slope_g)  # (38)
        multiply(dg, slope_g, da_g)  # (38)
        multiply(do, o_2, da_o)  # (38)
        W_hh_T.dot(da, da_W_hh)  # (32), (48)
        add(dh_prev, da_W_hh, dh_prev)  # (32), (48)
        multiply(dc, f_t, dc)  # (33), (49)
        np.copyto(da_out_t, da.T)  # (38)

    # Gradients
    w.da_out_rows.T.dot(x_rows, out=w.dW_ih)  # (41)
    w.da_out_rows.T.dot(w.h_out_prev_rows, out=w.dW_hh)  # (42)
    w.ones_TN.dot(w.da_out_rows, out=w.db_ih)  # (43)
    w.ones_TN.dot(w.da_out_rows, out=w.db_hh)  # (44)
    w.dz_rows.T.dot(w.h_out_rows, out=w.dW_hy)  # (45)
    w.ones_TN.dot(w.dz_rows, out=w.db_y)  # (46)
    w.da_out_rows.dot(W_ih, out=w.dx_rows)  # (47)
    grads = {
        "W_ih": w.dW_ih,
        "W_hh": w.dW_hh,
        "b_ih": w.db_ih,
        "b_hh": w.db_hh,
        "W_hy": w.dW_hy,
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
    W_ih = params["W_ih"]
    W_hh = params["W_hh"]
    b_ih = params["b_ih"]
    b_hh = params["b_hh"]
    W_hy = params["W_hy"]
    b_y = params["b_y"]
    np.copyto(w.c_0.T, 0 if state is None else state["c"])
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(W_ih[: 2 * H], 0.5, out=w.sorted_W_ih[: 2 * H])
    np.multiply(W_ih[3 * H : 4 * H], 0.5, out=w.sorted_W_ih[2 * H : 3 * H])
    np.copyto(w.sorted_W_ih[3 * H : 4 * H], W_ih[2 * H : 3 * H])
    np.matmul(w.sorted_W_ih, x.swapaxes(-1, -2), out=w.a)  # (1)
    np.multiply(b_ih[: 2 * H], 0.5, out=w.sorted_b_ih[: 2 * H])
    np.multiply(b_ih[3 * H : 4 * H], 0.5, out=w.sorted_b_ih[2 * H : 3 * H])
    np.copyto(w.sorted_b_ih[3 * H : 4 * H], b_ih[2 * H : 3 * H])
    np.add(w.a, w.sorted_b_ih[..., None], out=w.a)  # (1)
    np.multiply(b_hh[: 2 * H], 0.5, out=w.sorted_b_hh[: 2 * H])
    np.multiply(b_hh[3 * H : 4 * H], 0.5, out=w.sorted_b_hh[2 * H : 3 * H])
    np.copyto(w.sorted_b_hh[3 * H : 4 * H], b_hh[2 * H : 3 * H])
    np.copyto(w.sorted_b_hh_row, w.sorted_b_hh[..., None])
    np.multiply(W_hh[: 2 * H], 0.5, out=w.sorted_W_hh[: 2 * H])
    np.multiply(W_hh[3 * H : 4 * H], 0.5, out=w.sorted_W_hh[2 * H : 3 * H])
    np.copyto(w.sorted_W_hh[3 * H : 4 * H], W_hh[2 * H : 3 * H])
    add, tanh, multiply, sorted_W_hh = np.add, np.tanh, np.multiply, w.sorted_W_hh
    h_W_hh_T, sorted_b_hh_row, f_c, i_g = w.h_W_hh_T, w.sorted_b_hh_row, w.f_c, w.i_g
    tanh_c = w.tanh_c
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
        sorted_W_hh.dot(h_prev, h_W_hh_T)  # (1)
        add(a_t, sorted_b_hh_row, a_t)  # (1)
        add(a_t, h_W_hh_T, a_t)  # (1)
        tanh(a_t, a_t)  # (2), (3), (4), (5)
        multiply(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (5)
        add(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (5)
        multiply(f_t, c_prev, f_c)  # (6)
        multiply(i__t, g_t, i_g)  # (6)
        add(f_c, i_g, c_t)  # (6)
        tanh(c_t, tanh_c)  # (7)
        multiply(o_t, tanh_c, h_t)  # (7)
        np.copyto(h_out_t, h_t.T)  # (7)
    w.h_out_rows.dot(W_hy.T, out=w.z_rows)  # (8)
    np.add(w.z, b_y, out=w.z)  # (8)
    return {"z": w.z}, {"h": w.h_out_end, "c": w.c_end.T}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.a = _empty((T, 4 * H, N), dtype)
        c_all = _empty((T + 1, H, N), dtype)
        h_all = _empty((T + 1, H, N), dtype)
        self.W_hh_T = _empty((H, 4 * H), dtype)
        self.h_W_hh_T = _empty((4 * H, N), dtype)
        self.f_c = _empty((H, N), dtype)
        self.i_g = _empty((H, N), dtype)
        self.z = _empty((T, N, C), dtype)
        self.max_z = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        self.dc = _empty((H, N), dtype)
        self.g_squared = _empty((H, N), dtype)
        self.dW_ih = _empty((4 * H, D), dtype)
        self.dW_hh = _empty((4 * H, H), dtype)
        self.db_ih = _empty((4 * H,), dtype)
        self.db_hh = _empty((4 * H,), dtype)
        self.dW_hy = _empty((C, H), dtype)
        self.db_y = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        h_out_all = _empty((T + 1, N, H), dtype)
        self.sorted_W_ih = _empty((4 * H, D), dtype)
        self.sorted_b_ih = _empty((4 * H,), dtype)
        self.sorted_b_hh = _empty((4 * H,), dtype)
        self.sorted_W_hh = _empty((4 * H, H), dtype)
        self.slope = _empty((3 * H, N), dtype)
        self.sorted_b_hh_row = _empty((4 * H, N), dtype)
        self.tanh_c = self.i_g  # tanh_c takes its place
        self.shifted_z = self.z  # shifted_z takes its place
        self.target_z = self.max_z  # target_z takes its place
        self.exp_z = self.z  # exp_z takes its place
        self.gap = self.z  # gap takes its place
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
        self.da = self.h_W_hh_T  # da takes its place
        self.slope_g = self.g_squared  # slope_g takes its place
        self.da_W_hh = self.g_squared  # da_W_hh takes its place
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
        self.gap_flat = self.gap.reshape(-1)
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
    _keys("params", params, ("W_ih", "W_hh", "b_ih", "b_hh", "W_hy", "b_y"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W_hh']", params["W_hh"], 1, ("4 * H", "H"))
    C = _axis("params['W_hy']", params["W_hy"], 0, ("C", "H"))
    dtype = params["W_ih"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_ih']", params["W_ih"], (4 * H, D), "float32 or float64")
    if params["W_ih"].shape != (4 * H, D) or params["W_ih"].dtype != dtype:
        _refuse("params['W_ih']", params["W_ih"], (4 * H, D), dtype)
    if params["W_hh"].shape != (4 * H, H) or params["W_hh"].dtype != dtype:
        _refuse("params['W_hh']", params["W_hh"], (4 * H, H), dtype)
    if params["b_ih"].shape != (4 * H,) or params["b_ih"].dtype != dtype:
        _refuse("params['b_ih']", params["b_ih"], (4 * H,), dtype)
    if params["b_hh"].shape != (4 * H,) or params["b_hh"].dtype != dtype:
        _refuse("params['b_hh']", params["b_hh"], (4 * H,), dtype)
    if params["W_hy"].shape != (C, H) or params["W_hy"].dtype != dtype:
        _refuse("params['W_hy']", params["W_hy"], (C, H), dtype)
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
