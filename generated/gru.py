"""gru: GRU of Cho et al. (2014), a batch of rows: z keeps the old state.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t W + h_{t−1} U + b
    (2) r_t = sigmoid(a_t[:, 0:H])
    (3) z_t = sigmoid(a_t[:, H:2 H])
    (4) a_htilde_t = x_t W_h + (r_t ∘ h_{t−1}) U_h + b_h
    (5) h̃_t = tanh(a_htilde_t)
    (6) h_t = z_t ∘ h_{t−1} + (1 − z_t) ∘ h̃_t
    (7) o_t = h_t V + b_y
    (8) l_t = sum(cross_entropy(o_t, y_t))
    (9) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (31) dL/do_t = softmax(o_t) − onehot(y_t)
   (32) dL/dh_t = dL/do_t Vᵀ + dL/da_{t+1} Uᵀ + dL/da_htilde_{t+1} U_hᵀ ∘ r_{t+1} +
            dL/dh_{t+1} ∘ z_{t+1}
   (33) dL/dh̃_t = dL/dh_t ∘ (1 − z_t)
   (34) dL/da_htilde_t = dL/dh̃_t ∘ (1 − h̃_t²)
   (35) dL/dz_t = dL/dh_t ∘ (h_{t−1} − h̃_t)
   (36) dL/dr_t = dL/da_htilde_t U_hᵀ ∘ h_{t−1}
   (37) dL/da_t = [dL/dr_t ∘ r_t ∘ (1 − r_t), dL/dz_t ∘ z_t ∘ (1 − z_t)]

Boundary at T
   (38) dL/da_{T+1} = 0
   (39) dL/da_htilde_{T+1} = 0
   (40) dL/dh_{T+1} = 0

Gradients
   (41) dL/dW = Σ_{t=1}^{T} x_tᵀ dL/da_t
   (42) dL/dU = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t
   (43) dL/db = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (44) dL/dW_h = Σ_{t=1}^{T} x_tᵀ dL/da_htilde_t
   (45) dL/dU_h = Σ_{t=1}^{T} (r_t ∘ h_{t−1})ᵀ dL/da_htilde_t
   (46) dL/db_h = Σ_{t=1}^{T} sum(dL/da_htilde_t, axis=0)
   (47) dL/dV = Σ_{t=1}^{T} h_tᵀ dL/do_t
   (48) dL/db_y = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (49) dL/dx_t = dL/da_t Wᵀ + dL/da_htilde_t W_hᵀ
   (50) dL/dh_0 = dL/da_1 Uᵀ + dL/da_htilde_1 U_hᵀ ∘ r_1 + dL/dh_1 ∘ z_1

Proved for every T and every size: 134 statements, by
`symbptt prove gru`.

Written by `symbptt generate gru`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W (D, 2 * H), U (H, 2 * H), b (2 * H,), W_h (D, H), U_h (H, H), b_h
        (H,), V (H, C), b_y (C,)
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
    T, N, D, *_ = sizes
    W = params["W"]
    U = params["U"]
    b = params["b"]
    W_h = params["W_h"]
    U_h = params["U_h"]
    b_h = params["b_h"]
    V = params["V"]
    b_y = params["b_y"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(W.T, 0.5, out=w.half_W)
    np.matmul(w.half_W, x.swapaxes(-1, -2), out=w.a)  # (1)
    np.multiply(b, 0.5, out=w.half_b)
    np.copyto(w.half_b_row, w.half_b[..., None])
    np.matmul(W_h.T, x.swapaxes(-1, -2), out=w.a_htilde)  # (4)
    np.copyto(w.b_h_row, b_h[..., None])
    np.copyto(w.U_h_T, U_h.T)
    np.multiply(U.T, 0.5, out=w.half_U)
    add, tanh, multiply, subtract = np.add, np.tanh, np.multiply, np.subtract
    half_U, h_U, half_b_row, r_h_3, U_h_T = w.half_U, w.h_U, w.half_b_row, w.r_h_3, w.U_h_T
    r_h, b_h_row, z_h, slope_z, z_htilde = w.r_h, w.b_h_row, w.z_h, w.slope_z, w.z_htilde
    for (
        h_prev,
        a_t,
        r_t,
        a_htilde_t,
        htilde_t,
        z_t,
        h_t,
        h_out_t,
        r_h_3_out_t,
    ) in w.forward:  # t = 1, …, T
        half_U.dot(h_prev, h_U)  # (1)
        add(a_t, half_b_row, a_t)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, a_t)  # (2), (3)
        multiply(a_t, 0.5, a_t)  # (2), (3)
        add(a_t, 0.5, a_t)  # (2), (3)
        multiply(r_t, h_prev, r_h_3)  # (4)
        U_h_T.dot(r_h_3, r_h)  # (4)
        add(a_htilde_t, b_h_row, a_htilde_t)  # (4)
        add(a_htilde_t, r_h, a_htilde_t)  # (4)
        tanh(a_htilde_t, htilde_t)  # (5)
        multiply(z_t, h_prev, z_h)  # (6)
        subtract(1, z_t, slope_z)  # (6)
        multiply(slope_z, htilde_t, z_htilde)  # (6)
        add(z_h, z_htilde, h_t)  # (6)
        np.copyto(h_out_t, h_t.T)  # (6)
        np.copyto(r_h_3_out_t, r_h_3.T)  # (4)
    w.h_out_rows.dot(V, out=w.o_rows)  # (7)
    np.add(w.o, b_y, out=w.o)  # (7)
    np.maximum.reduce(w.o, axis=2, out=w.max_o)  # (8)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (8)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (8)
    w.shifted_o_flat.take(w.at_y_flat, out=w.target_o_flat, mode="clip")  # (8)
    np.exp(w.shifted_o, out=w.exp_o)  # (8)
    w.exp_o_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (8)
    np.log(w.sum_exp, out=w.log_sum)  # (8)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_o_flat)  # (8), (9)

    # Backward
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.do)  # (31)
    w.do_flat.take(w.at_y_flat, out=w.hit_o_flat, mode="clip")  # (31)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (31)
    w.do_flat.put(w.at_y_flat, w.hit_o_flat, mode="clip")  # (31)
    w.dh_0.fill(0)  # (50)
    np.matmul(V, w.do.swapaxes(-1, -2), out=w.dh)  # (32), (38), (39), (40)
    subtract, multiply, add, slope = np.subtract, np.multiply, np.add, w.slope
    slope_z_2, dhtilde, htilde_squared = w.slope_z_2, w.dhtilde, w.htilde_squared
    slope_htilde, da_htilde, h_htilde = w.slope_htilde, w.da_htilde, w.h_htilde
    da_z, da_htilde_U_h_T, da_r, r_2_z_2 = w.da_z, w.da_htilde_U_h_T, w.da_r, w.r_2_z_2
    da, dh_z, da_U_T, da_htilde_U_h_T_2 = w.da, w.dh_z, w.da_U_T, w.da_htilde_U_h_T_2
    for (
        a_t,
        dh_t,
        htilde_t,
        h_prev,
        z_t,
        dh_prev,
        r_t,
        da_out_t,
        da_htilde_out_t,
    ) in w.backward:  # t = T, …, 1
        subtract(1, a_t, slope)  # (33), (37)
        multiply(dh_t, slope_z_2, dhtilde)  # (33)
        multiply(htilde_t, htilde_t, htilde_squared)  # (34)
        subtract(1, htilde_squared, slope_htilde)  # (34)
        multiply(dhtilde, slope_htilde, da_htilde)  # (34)
        subtract(h_prev, htilde_t, h_htilde)  # (35)
        multiply(dh_t, h_htilde, da_z)  # (35)
        U_h.dot(da_htilde, da_htilde_U_h_T)  # (36)
        multiply(da_htilde_U_h_T, h_prev, da_r)  # (36)
        multiply(a_t, slope, r_2_z_2)  # (37)
        multiply(da, r_2_z_2, da)  # (37)
        multiply(dh_t, z_t, dh_z)  # (32), (50)
        add(dh_prev, dh_z, dh_prev)  # (32), (50)
        U.dot(da, da_U_T)  # (32), (50)
        add(dh_prev, da_U_T, dh_prev)  # (32), (50)
        multiply(da_htilde_U_h_T, r_t, da_htilde_U_h_T_2)  # (32), (50)
        add(dh_prev, da_htilde_U_h_T_2, dh_prev)  # (32), (50)
        np.copyto(da_out_t, da.T)  # (37)
        np.copyto(da_htilde_out_t, da_htilde.T)  # (34)

    # Gradients
    x_rows.T.dot(w.da_out_rows, out=w.dW)  # (41)
    w.h_out_prev_rows.T.dot(w.da_out_rows, out=w.dU)  # (42)
    w.ones_TN.dot(w.da_out_rows, out=w.db)  # (43)
    x_rows.T.dot(w.da_htilde_out_rows, out=w.dW_h)  # (44)
    w.r_h_3_out_rows.T.dot(w.da_htilde_out_rows, out=w.dU_h)  # (45)
    w.ones_TN.dot(w.da_htilde_out_rows, out=w.db_h)  # (46)
    w.h_out_rows.T.dot(w.do_rows, out=w.dV)  # (47)
    w.ones_TN.dot(w.do_rows, out=w.db_y)  # (48)
    w.da_out_rows.dot(W.T, out=w.dx_rows)  # (49)
    w.da_htilde_out_rows.dot(W_h.T, out=w.da_htilde_W_h_rows)  # (49)
    np.add(w.dx, w.da_htilde_W_h, out=w.dx)  # (49)
    grads = {
        "W": w.dW,
        "U": w.dU,
        "b": w.db,
        "W_h": w.dW_h,
        "U_h": w.dU_h,
        "b_h": w.db_h,
        "V": w.dV,
        "b_y": w.db_y,
        "x": w.dx,
        "h": w.dh_0.T,
    }
    return loss, grads, {"h": w.h_out_end}


def forward(params, x, state=None):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    W = params["W"]
    U = params["U"]
    b = params["b"]
    W_h = params["W_h"]
    U_h = params["U_h"]
    b_h = params["b_h"]
    V = params["V"]
    b_y = params["b_y"]
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(W.T, 0.5, out=w.half_W)
    np.matmul(w.half_W, x.swapaxes(-1, -2), out=w.a)  # (1)
    np.multiply(b, 0.5, out=w.half_b)
    np.copyto(w.half_b_row, w.half_b[..., None])
    np.matmul(W_h.T, x.swapaxes(-1, -2), out=w.a_htilde)  # (4)
    np.copyto(w.b_h_row, b_h[..., None])
    np.copyto(w.U_h_T, U_h.T)
    np.multiply(U.T, 0.5, out=w.half_U)
    add, tanh, multiply, subtract = np.add, np.tanh, np.multiply, np.subtract
    half_U, h_U, half_b_row, r_h_2, U_h_T = w.half_U, w.h_U, w.half_b_row, w.r_h_2, w.U_h_T
    r_h, b_h_row, z_h, slope_z, z_htilde = w.r_h, w.b_h_row, w.z_h, w.slope_z, w.z_htilde
    for h_prev, a_t, r_t, a_htilde_t, htilde_t, z_t, h_t, h_out_t in w.forward_:  # t = 1, …, T
        half_U.dot(h_prev, h_U)  # (1)
        add(a_t, half_b_row, a_t)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, a_t)  # (2), (3)
        multiply(a_t, 0.5, a_t)  # (2), (3)
        add(a_t, 0.5, a_t)  # (2), (3)
        multiply(r_t, h_prev, r_h_2)  # (4)
        U_h_T.dot(r_h_2, r_h)  # (4)
        add(a_htilde_t, b_h_row, a_htilde_t)  # (4)
        add(a_htilde_t, r_h, a_htilde_t)  # (4)
        tanh(a_htilde_t, htilde_t)  # (5)
        multiply(z_t, h_prev, z_h)  # (6)
        subtract(1, z_t, slope_z)  # (6)
        multiply(slope_z, htilde_t, z_htilde)  # (6)
        add(z_h, z_htilde, h_t)  # (6)
        np.copyto(h_out_t, h_t.T)  # (6)
    w.h_out_rows.dot(V, out=w.o_rows)  # (7)
    np.add(w.o, b_y, out=w.o)  # (7)
    return {"o": w.o}, {"h": w.h_out_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.a = _empty((T, 2 * H, N), dtype)
        self.a_htilde = _empty((T, H, N), dtype)
        self.htilde = _empty((T, H, N), dtype)
        h_all = _empty((T + 1, H, N), dtype)
        self.h_U = _empty((2 * H, N), dtype)
        self.r_h = _empty((H, N), dtype)
        self.slope_z = _empty((H, N), dtype)
        self.o = _empty((T, N, C), dtype)
        self.max_o = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        dh_all = _empty((T + 1, H, N), dtype)
        self.U_h_T = _empty((H, H), dtype)
        self.da = _empty((2 * H, N), dtype)
        self.dW = _empty((D, 2 * H), dtype)
        self.dU = _empty((H, 2 * H), dtype)
        self.db = _empty((2 * H,), dtype)
        self.dW_h = _empty((D, H), dtype)
        self.dU_h = _empty((H, H), dtype)
        self.r_h_3 = _empty((H, N), dtype)
        self.db_h = _empty((H,), dtype)
        self.dV = _empty((H, C), dtype)
        self.db_y = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.da_htilde_W_h = _empty((T, N, D), dtype)
        h_out_all = _empty((T + 1, N, H), dtype)
        self.r_h_3_out = _empty((T, N, H), dtype)
        self.half_W = _empty((2 * H, D), dtype)
        self.half_b = _empty((2 * H,), dtype)
        self.half_U = _empty((2 * H, H), dtype)
        self.half_b_row = _empty((2 * H, N), dtype)
        self.b_h_row = _empty((H, N), dtype)
        self.r_h_2 = _empty((H, N), dtype)
        self.z_h = self.r_h  # z_h takes its place
        self.z_htilde = self.slope_z  # z_htilde takes its place
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.hit_o = self.log_sum  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.dhtilde = self.slope_z  # dhtilde takes its place
        self.da_htilde = self.r_h  # da_htilde takes its place
        self.slope_htilde = self.r_h  # slope_htilde takes its place
        self.htilde_squared = self.r_h  # htilde_squared takes its place
        self.h_htilde = self.slope_z  # h_htilde takes its place
        self.da_htilde_U_h_T = self.slope_z  # da_htilde_U_h_T takes its place
        self.dh_z = self.r_h_3  # dh_z takes its place
        self.da_U_T = self.r_h_3  # da_U_T takes its place
        self.da_htilde_U_h_T_2 = self.r_h_3  # da_htilde_U_h_T_2 takes its place
        self.da_out = self.a.reshape(T, N, 2 * H)  # da_out takes its place
        self.da_htilde_out = self.htilde.reshape(T, N, H)  # da_htilde_out takes its place
        self.slope = self.h_U  # slope takes its place
        self.r_2_z_2 = self.h_U  # r_2_z_2 takes its place
        self.r = self.a[:, :H]
        self.z = self.a[:, H : 2 * H]
        self.slope_z_2 = self.slope[H : 2 * H]
        self.r_2 = self.r_2_z_2[:H]
        self.slope_r = self.slope[:H]
        self.z_2 = self.r_2_z_2[H : 2 * H]
        self.da_r = self.da[:H]
        self.da_z = self.da[H : 2 * H]
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
        self.da_out_rows = self.da_out.reshape(T * N, 2 * H)
        self.h_out_prev = h_out_all[:-1]
        self.h_out_prev_rows = h_out_all[:-1].reshape(T * N, H)
        self.da_htilde_out_rows = self.da_htilde_out.reshape(T * N, H)
        self.r_h_3_out_rows = self.r_h_3_out.reshape(T * N, H)
        self.do_rows = self.do.reshape(T * N, C)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.da_htilde_W_h_rows = self.da_htilde_W_h.reshape(T * N, D)
        self.h_out_end = h_out_all[-1]
        self.forward = list(
            zip(
                h_all[:-1],
                self.a,
                self.r,
                self.a_htilde,
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
                self.a[::-1],
                dh_all[1:][::-1],
                self.htilde[::-1],
                h_all[:-1][::-1],
                self.z[::-1],
                dh_all[:-1][::-1],
                self.r[::-1],
                self.da_out[::-1],
                self.da_htilde_out[::-1],
                strict=True,
            )
        )
        self.forward_ = list(
            zip(
                h_all[:-1],
                self.a,
                self.r,
                self.a_htilde,
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
    _keys("params", params, ("W", "U", "b", "W_h", "U_h", "b_h", "V", "b_y"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['U']", params["U"], 0, ("H", "2 * H"))
    C = _axis("params['V']", params["V"], 1, ("H", "C"))
    dtype = params["W"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W']", params["W"], (D, 2 * H), "float32 or float64")
    if params["W"].shape != (D, 2 * H) or params["W"].dtype != dtype:
        _refuse("params['W']", params["W"], (D, 2 * H), dtype)
    if params["U"].shape != (H, 2 * H) or params["U"].dtype != dtype:
        _refuse("params['U']", params["U"], (H, 2 * H), dtype)
    if params["b"].shape != (2 * H,) or params["b"].dtype != dtype:
        _refuse("params['b']", params["b"], (2 * H,), dtype)
    if params["W_h"].shape != (D, H) or params["W_h"].dtype != dtype:
        _refuse("params['W_h']", params["W_h"], (D, H), dtype)
    if params["U_h"].shape != (H, H) or params["U_h"].dtype != dtype:
        _refuse("params['U_h']", params["U_h"], (H, H), dtype)
    if params["b_h"].shape != (H,) or params["b_h"].dtype != dtype:
        _refuse("params['b_h']", params["b_h"], (H,), dtype)
    if params["V"].shape != (H, C) or params["V"].dtype != dtype:
        _refuse("params['V']", params["V"], (H, C), dtype)
    if params["b_y"].shape != (C,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (C,), dtype)
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
