"""gru_chung: GRU of Chung et al. (2014), a batch of rows: z takes the new state.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_z_t = x_t W_z + h_{t−1} U_z + b_z
    (2) z_t = sigmoid(a_z_t)
    (3) a_r_t = x_t W_r + h_{t−1} U_r + b_r
    (4) r_t = sigmoid(a_r_t)
    (5) a_htilde_t = x_t W + (r_t ∘ h_{t−1}) U + b
    (6) h̃_t = tanh(a_htilde_t)
    (7) h_t = (1 − z_t) ∘ h_{t−1} + z_t ∘ h̃_t
    (8) o_t = h_t V + c
    (9) l_t = sum(cross_entropy(o_t, y_t))
   (10) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (37) dL/do_t = softmax(o_t) − onehot(y_t)
   (38) dL/dh_t = dL/do_t Vᵀ + dL/da_z_{t+1} U_zᵀ + dL/da_r_{t+1} U_rᵀ + dL/da_htilde_{t+1}
            Uᵀ ∘ r_{t+1} + dL/dh_{t+1} ∘ (1 − z_{t+1})
   (39) dL/dh̃_t = dL/dh_t ∘ z_t
   (40) dL/da_htilde_t = dL/dh̃_t ∘ (1 − h̃_t²)
   (41) dL/dr_t = dL/da_htilde_t Uᵀ ∘ h_{t−1}
   (42) dL/da_r_t = dL/dr_t ∘ r_t ∘ (1 − r_t)
   (43) dL/dz_t = dL/dh_t ∘ (h̃_t − h_{t−1})
   (44) dL/da_z_t = dL/dz_t ∘ z_t ∘ (1 − z_t)

Boundary at T
   (45) dL/da_z_{T+1} = 0
   (46) dL/da_r_{T+1} = 0
   (47) dL/da_htilde_{T+1} = 0
   (48) dL/dh_{T+1} = 0

Gradients
   (49) dL/dW_z = Σ_{t=1}^{T} x_tᵀ dL/da_z_t
   (50) dL/dU_z = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_z_t
   (51) dL/db_z = Σ_{t=1}^{T} sum(dL/da_z_t, axis=0)
   (52) dL/dW_r = Σ_{t=1}^{T} x_tᵀ dL/da_r_t
   (53) dL/dU_r = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_r_t
   (54) dL/db_r = Σ_{t=1}^{T} sum(dL/da_r_t, axis=0)
   (55) dL/dW = Σ_{t=1}^{T} x_tᵀ dL/da_htilde_t
   (56) dL/dU = Σ_{t=1}^{T} (r_t ∘ h_{t−1})ᵀ dL/da_htilde_t
   (57) dL/db = Σ_{t=1}^{T} sum(dL/da_htilde_t, axis=0)
   (58) dL/dV = Σ_{t=1}^{T} h_tᵀ dL/do_t
   (59) dL/dc = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (60) dL/dx_t = dL/da_z_t W_zᵀ + dL/da_r_t W_rᵀ + dL/da_htilde_t Wᵀ
   (61) dL/dh_0 = dL/da_z_1 U_zᵀ + dL/da_r_1 U_rᵀ + dL/da_htilde_1 Uᵀ ∘ r_1 + dL/dh_1 ∘ (1 −
            z_1)

Proved for every T and every size: 171 statements, by
`symbptt prove gru_chung`.

Written by `symbptt generate gru_chung`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_z (D, H), U_z (H, H), b_z (H,), W_r (D, H), U_r (H, H), b_r (H,), W
        (D, H), U (H, H), b (H,), V (H, C), c (C,)
    x: (T, N, D)
    y: (T, N), integers in 0..C-1
    state: dict of h (N, H) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    T, N, D, H, *_ = sizes
    W_z = params["W_z"]
    U_z = params["U_z"]
    b_z = params["b_z"]
    W_r = params["W_r"]
    U_r = params["U_r"]
    b_r = params["b_r"]
    W = params["W"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    c = params["c"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.W_z_r[..., :H], W_z)
    np.copyto(w.W_z_r[..., H : 2 * H], W_r)
    np.copyto(w.W_z_r[..., 2 * H : 3 * H], W)
    np.multiply(b_z, 0.5, out=w.b_z_r[:H])
    np.multiply(b_r, 0.5, out=w.b_z_r[H : 2 * H])
    np.copyto(w.b_z_r[2 * H : 3 * H], b)
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(w.W_z_r[..., : 2 * H].T, 0.5, out=w.half_W_z_r[: 2 * H])
    np.copyto(w.half_W_z_r[2 * H : 3 * H], w.W_z_r[..., 2 * H : 3 * H].T)
    np.matmul(w.half_W_z_r, x.swapaxes(-1, -2), out=w.a)  # (1), (3), (5)
    np.add(w.a, w.b_z_r[..., None], out=w.a)  # (1), (3), (5)
    np.copyto(w.U_z_r[..., :H], U_z)
    np.copyto(w.U_z_r[..., H : 2 * H], U_r)
    np.copyto(w.U_T, U.T)
    np.multiply(w.U_z_r.T, 0.5, out=w.half_U_z_r)
    add, tanh, multiply, subtract = np.add, np.tanh, np.multiply, np.subtract
    half_U_z_r, h_U, r_h_3, U_T, r_h = w.half_U_z_r, w.h_U, w.r_h_3, w.U_T, w.r_h
    slope_z, z_h, z_htilde = w.slope_z, w.z_h, w.z_htilde
    for (
        h_prev,
        z_r_t,
        r_t,
        htilde_t,
        z_t,
        h_t,
        h_out_t,
        r_h_3_out_t,
    ) in w.forward:  # t = 1, …, T
        half_U_z_r.dot(h_prev, h_U)  # (1), (3)
        add(z_r_t, h_U, z_r_t)  # (1), (3)
        tanh(z_r_t, z_r_t)  # (2), (4)
        multiply(z_r_t, 0.5, z_r_t)  # (2), (4)
        add(z_r_t, 0.5, z_r_t)  # (2), (4)
        multiply(r_t, h_prev, r_h_3)  # (5)
        U_T.dot(r_h_3, r_h)  # (5)
        add(htilde_t, r_h, htilde_t)  # (5)
        tanh(htilde_t, htilde_t)  # (6)
        subtract(1, z_t, slope_z)  # (7)
        multiply(slope_z, h_prev, z_h)  # (7)
        multiply(z_t, htilde_t, z_htilde)  # (7)
        add(z_h, z_htilde, h_t)  # (7)
        np.copyto(h_out_t, h_t.T)  # (7)
        np.copyto(r_h_3_out_t, r_h_3.T)  # (5)
    w.h_out_rows.dot(V, out=w.o_rows)  # (8)
    np.add(w.o, c, out=w.o)  # (8)
    np.maximum.reduce(w.o, axis=2, out=w.max_o)  # (9)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (9)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (9)
    w.shifted_o_flat.take(w.at_y_flat, out=w.target_o_flat, mode="clip")  # (9)
    np.exp(w.shifted_o, out=w.exp_o)  # (9)
    w.exp_o_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (9)
    np.log(w.sum_exp, out=w.log_sum)  # (9)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_o_flat)  # (9), (10)

    # Backward
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.do)  # (37)
    w.do_flat.take(w.at_y_flat, out=w.hit_o_flat, mode="clip")  # (37)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (37)
    w.do_flat.put(w.at_y_flat, w.hit_o_flat, mode="clip")  # (37)
    w.dh_0.fill(0)  # (61)
    np.matmul(V, w.do.swapaxes(-1, -2), out=w.dh)  # (38), (45), (46), (47), (48)
    multiply, subtract, add, dhtilde = np.multiply, np.subtract, np.add, w.dhtilde
    htilde_squared, slope_htilde, da_htilde = w.htilde_squared, w.slope_htilde, w.da_htilde
    da_htilde_U_T, da_r, slope, z_2_r_2 = w.da_htilde_U_T, w.da_r, w.slope, w.z_2_r_2
    htilde_h, da_z, da_db_z_db_r = w.htilde_h, w.da_z, w.da_db_z_db_r
    slope_z_2, dh_slope_z_2, U_z_r = w.slope_z_2, w.dh_slope_z_2, w.U_z_r
    da_z_U_z_T, da_htilde_U_T_2, da = w.da_z_U_z_T, w.da_htilde_U_T_2, w.da
    for dh_t, z_t, htilde_t, h_prev, z_r_t, dh_prev, r_t, da_out_t in w.backward:  # t = T, …, 1
        multiply(dh_t, z_t, dhtilde)  # (39)
        multiply(htilde_t, htilde_t, htilde_squared)  # (40)
        subtract(1, htilde_squared, slope_htilde)  # (40)
        multiply(dhtilde, slope_htilde, da_htilde)  # (40)
        U.dot(da_htilde, da_htilde_U_T)  # (41)
        multiply(da_htilde_U_T, h_prev, da_r)  # (41)
        subtract(1, z_r_t, slope)  # (42), (44)
        multiply(z_r_t, slope, z_2_r_2)  # (42), (44)
        subtract(htilde_t, h_prev, htilde_h)  # (43)
        multiply(dh_t, htilde_h, da_z)  # (43)
        multiply(da_db_z_db_r, z_2_r_2, da_db_z_db_r)  # (42), (44)
        multiply(dh_t, slope_z_2, dh_slope_z_2)  # (38), (61)
        add(dh_prev, dh_slope_z_2, dh_prev)  # (38), (61)
        U_z_r.dot(da_db_z_db_r, da_z_U_z_T)  # (38), (61)
        add(dh_prev, da_z_U_z_T, dh_prev)  # (38), (61)
        multiply(da_htilde_U_T, r_t, da_htilde_U_T_2)  # (38), (61)
        add(dh_prev, da_htilde_U_T_2, dh_prev)  # (38), (61)
        np.copyto(da_out_t, da.T)  # (44)

    # Gradients
    x_rows.T.dot(w.da_out_rows, out=w.dW_z_r)  # (49), (52), (55)
    w.h_out_prev_rows.T.dot(w.da_out_rows[..., : 2 * H], out=w.dU_z_r)  # (50), (53)
    w.ones_TN.dot(w.da_out_rows, out=w.db_z_r)  # (51), (54), (57)
    w.r_h_3_out_rows.T.dot(w.da_out_rows[..., 2 * H : 3 * H], out=w.dU)  # (56)
    w.h_out_rows.T.dot(w.do_rows, out=w.dV)  # (58)
    w.ones_TN.dot(w.do_rows, out=w.dc)  # (59)
    w.da_out_rows.dot(w.W_z_r.T, out=w.dx_rows)  # (60)
    grads = {
        "W_z": w.dW_z,
        "U_z": w.dU_z,
        "b_z": w.db_z,
        "W_r": w.dW_r,
        "U_r": w.dU_r,
        "b_r": w.db_r,
        "W": w.dW,
        "U": w.dU,
        "b": w.db,
        "V": w.dV,
        "c": w.dc,
        "x": w.dx,
        "h": w.dh_0.T,
    }
    return loss, grads, {"h": w.h_out_end}


def forward(params, x, state=None):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    _, _, _, H, *_ = sizes
    W_z = params["W_z"]
    U_z = params["U_z"]
    b_z = params["b_z"]
    W_r = params["W_r"]
    U_r = params["U_r"]
    b_r = params["b_r"]
    W = params["W"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    c = params["c"]
    np.multiply(W_z, 0.5, out=w.W_z_r[..., :H])
    np.multiply(W_r, 0.5, out=w.W_z_r[..., H : 2 * H])
    np.copyto(w.W_z_r[..., 2 * H : 3 * H], W)
    np.multiply(b_z, 0.5, out=w.b_z_r[:H])
    np.multiply(b_r, 0.5, out=w.b_z_r[H : 2 * H])
    np.copyto(w.b_z_r[2 * H : 3 * H], b)
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.matmul(w.W_z_r.T, x.swapaxes(-1, -2), out=w.a)  # (1), (3), (5)
    np.add(w.a, w.b_z_r[..., None], out=w.a)  # (1), (3), (5)
    np.copyto(w.U_z_r[..., :H], U_z)
    np.copyto(w.U_z_r[..., H : 2 * H], U_r)
    np.copyto(w.U_T, U.T)
    np.multiply(w.U_z_r.T, 0.5, out=w.half_U_z_r)
    add, tanh, multiply, subtract = np.add, np.tanh, np.multiply, np.subtract
    half_U_z_r, h_U, r_h_2, U_T, r_h = w.half_U_z_r, w.h_U, w.r_h_2, w.U_T, w.r_h
    slope_z, z_h, z_htilde = w.slope_z, w.z_h, w.z_htilde
    for h_prev, z_r_t, r_t, htilde_t, z_t, h_t, h_out_t in w.forward_:  # t = 1, …, T
        half_U_z_r.dot(h_prev, h_U)  # (1), (3)
        add(z_r_t, h_U, z_r_t)  # (1), (3)
        tanh(z_r_t, z_r_t)  # (2), (4)
        multiply(z_r_t, 0.5, z_r_t)  # (2), (4)
        add(z_r_t, 0.5, z_r_t)  # (2), (4)
        multiply(r_t, h_prev, r_h_2)  # (5)
        U_T.dot(r_h_2, r_h)  # (5)
        add(htilde_t, r_h, htilde_t)  # (5)
        tanh(htilde_t, htilde_t)  # (6)
        subtract(1, z_t, slope_z)  # (7)
        multiply(slope_z, h_prev, z_h)  # (7)
        multiply(z_t, htilde_t, z_htilde)  # (7)
        add(z_h, z_htilde, h_t)  # (7)
        np.copyto(h_out_t, h_t.T)  # (7)
    w.h_out_rows.dot(V, out=w.o_rows)  # (8)
    np.add(w.o, c, out=w.o)  # (8)
    return {"o": w.o}, {"h": w.h_out_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.a = _empty((T, 3 * H, N), dtype)
        h_all = _empty((T + 1, H, N), dtype)
        self.r_h = _empty((H, N), dtype)
        self.z_htilde = _empty((H, N), dtype)
        self.o = _empty((T, N, C), dtype)
        self.max_o = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        dh_all = _empty((T + 1, H, N), dtype)
        self.U_T = _empty((H, H), dtype)
        self.da = _empty((3 * H, N), dtype)
        self.dU = _empty((H, H), dtype)
        self.r_h_3 = _empty((H, N), dtype)
        self.dV = _empty((H, C), dtype)
        self.dc = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.W_z_r = _empty((D, 3 * H), dtype)
        self.b_z_r = _empty((3 * H,), dtype)
        self.U_z_r = _empty((H, 2 * H), dtype)
        self.h_U = _empty((2 * H, N), dtype)
        self.dW_z_r = _empty((D, 3 * H), dtype)
        self.dU_z_r = _empty((H, 2 * H), dtype)
        self.db_z_r = _empty((3 * H,), dtype)
        h_out_all = _empty((T + 1, N, H), dtype)
        self.r_h_3_out = _empty((T, N, H), dtype)
        self.half_W_z_r = _empty((3 * H, D), dtype)
        self.half_U_z_r = _empty((2 * H, H), dtype)
        self.z_2_r_2 = _empty((2 * H, N), dtype)
        self.r_h_2 = _empty((H, N), dtype)
        self.z_h = self.r_h  # z_h takes its place
        self.slope_z = self.r_h  # slope_z takes its place
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.hit_o = self.log_sum  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.dhtilde = self.z_htilde  # dhtilde takes its place
        self.slope_htilde = self.r_h  # slope_htilde takes its place
        self.htilde_squared = self.r_h  # htilde_squared takes its place
        self.da_htilde_U_T = self.r_h  # da_htilde_U_T takes its place
        self.htilde_h = self.z_htilde  # htilde_h takes its place
        self.dh_slope_z_2 = self.z_htilde  # dh_slope_z_2 takes its place
        self.da_z_U_z_T = self.z_htilde  # da_z_U_z_T takes its place
        self.da_htilde_U_T_2 = self.z_htilde  # da_htilde_U_T_2 takes its place
        self.da_out = self.a.reshape(T, N, 3 * H)  # da_out takes its place
        self.slope = self.h_U  # slope takes its place
        self.z = self.a[:, :H]
        self.r = self.a[:, H : 2 * H]
        self.htilde = self.a[:, 2 * H : 3 * H]
        self.r_2 = self.z_2_r_2[H : 2 * H]
        self.slope_r = self.slope[H : 2 * H]
        self.z_2 = self.z_2_r_2[:H]
        self.slope_z_2 = self.slope[:H]
        self.dW_z = self.dW_z_r[..., :H]
        self.dU_z = self.dU_z_r[..., :H]
        self.db_z = self.db_z_r[:H]
        self.dW_r = self.dW_z_r[..., H : 2 * H]
        self.dU_r = self.dU_z_r[..., H : 2 * H]
        self.db_r = self.db_z_r[H : 2 * H]
        self.dW = self.dW_z_r[..., 2 * H : 3 * H]
        self.db = self.db_z_r[2 * H : 3 * H]
        self.z_r = self.a[:, : 2 * H]
        self.da_htilde = self.da[2 * H : 3 * H]
        self.da_r = self.da[H : 2 * H]
        self.da_z = self.da[:H]
        self.da_db_z_db_r = self.da[: 2 * H]
        self.row_starts = np.arange(T * N) * C
        self.ones_C = np.ones(C, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.h_out_0 = h_out_all[0]
        self.h_0 = h_all[0]
        self.h_out = h_out_all[1:]
        self.h_out_rows = h_out_all[1:].reshape(T * N, H)
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
        self.dh = dh_all[1:]
        self.da_out_rows = self.da_out.reshape(T * N, 3 * H)
        self.h_out_prev = h_out_all[:-1]
        self.h_out_prev_rows = h_out_all[:-1].reshape(T * N, H)
        self.r_h_3_out_rows = self.r_h_3_out.reshape(T * N, H)
        self.do_rows = self.do.reshape(T * N, C)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h_out_end = h_out_all[-1]
        self.forward = list(
            zip(
                h_all[:-1],
                self.z_r,
                self.r,
                self.htilde,
                self.z,
                h_all[1:],
                h_out_all[1:],
                self.r_h_3_out,
                strict=True,
            )
        )
        self.backward = list(
            zip(
                dh_all[1:][::-1],
                self.z[::-1],
                self.htilde[::-1],
                h_all[:-1][::-1],
                self.z_r[::-1],
                dh_all[:-1][::-1],
                self.r[::-1],
                self.da_out[::-1],
                strict=True,
            )
        )
        self.forward_ = list(
            zip(
                h_all[:-1],
                self.z_r,
                self.r,
                self.htilde,
                self.z,
                h_all[1:],
                h_out_all[1:],
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
    _keys("params", params, ("W_z", "U_z", "b_z", "W_r", "U_r", "b_r", "W", "U", "b", "V", "c"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W_z']", params["W_z"], 1, ("D", "H"))
    C = _axis("params['V']", params["V"], 1, ("H", "C"))
    dtype = params["W_z"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_z']", params["W_z"], (D, H), "float32 or float64")
    if params["W_z"].shape != (D, H) or params["W_z"].dtype != dtype:
        _refuse("params['W_z']", params["W_z"], (D, H), dtype)
    if params["U_z"].shape != (H, H) or params["U_z"].dtype != dtype:
        _refuse("params['U_z']", params["U_z"], (H, H), dtype)
    if params["b_z"].shape != (H,) or params["b_z"].dtype != dtype:
        _refuse("params['b_z']", params["b_z"], (H,), dtype)
    if params["W_r"].shape != (D, H) or params["W_r"].dtype != dtype:
        _refuse("params['W_r']", params["W_r"], (D, H), dtype)
    if params["U_r"].shape != (H, H) or params["U_r"].dtype != dtype:
        _refuse("params['U_r']", params["U_r"], (H, H), dtype)
    if params["b_r"].shape != (H,) or params["b_r"].dtype != dtype:
        _refuse("params['b_r']", params["b_r"], (H,), dtype)
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
