"""gru_pytorch: GRU of torch.nn.GRU: packed r, z, n, two biases, reset after the product.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) gi_t = x_t W_ihᵀ + b_ih
    (2) gh_t = h_{t−1} W_hhᵀ + b_hh
    (3) a_r_t = gi_t[:, 0:H] + gh_t[:, 0:H]
    (4) r_t = sigmoid(a_r_t)
    (5) a_z_t = gi_t[:, H:2 H] + gh_t[:, H:2 H]
    (6) z_t = sigmoid(a_z_t)
    (7) a_n_t = gi_t[:, 2 H:3 H] + r_t ∘ gh_t[:, 2 H:3 H]
    (8) n_t = tanh(a_n_t)
    (9) h_t = (1 − z_t) ∘ n_t + z_t ∘ h_{t−1}
   (10) o_t = h_t W_hyᵀ + b_y
   (11) l_t = (1/N) sum(cross_entropy(o_t, y_t))
   (12) L = (1/T) Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (36) dL/do_t = (1/(N T)) (softmax(o_t) − onehot(y_t))
   (37) dL/dh_t = dL/do_t W_hy + dL/dgh_{t+1} W_hh + dL/dh_{t+1} ∘ z_{t+1}
   (38) dL/dn_t = dL/dh_t ∘ (1 − z_t)
   (39) dL/da_n_t = dL/dn_t ∘ (1 − n_t²)
   (40) dL/dz_t = dL/dh_t ∘ (h_{t−1} − n_t)
   (41) dL/da_z_t = dL/dz_t ∘ z_t ∘ (1 − z_t)
   (42) dL/dr_t = dL/da_n_t ∘ gh_t[:, 2 H:3 H]
   (43) dL/da_r_t = dL/dr_t ∘ r_t ∘ (1 − r_t)
   (44) dL/dgh_t = [dL/da_r_t, dL/da_z_t, dL/da_n_t ∘ r_t]
   (45) dL/dgi_t = [dL/da_r_t, dL/da_z_t, dL/da_n_t]

Boundary at T
   (46) dL/dgh_{T+1} = 0
   (47) dL/dh_{T+1} = 0

Gradients
   (48) dL/dW_ih = Σ_{t=1}^{T} (x_tᵀ dL/dgi_t)ᵀ
   (49) dL/dW_hh = Σ_{t=1}^{T} (h_{t−1}ᵀ dL/dgh_t)ᵀ
   (50) dL/db_ih = Σ_{t=1}^{T} sum(dL/dgi_t, axis=0)
   (51) dL/db_hh = Σ_{t=1}^{T} sum(dL/dgh_t, axis=0)
   (52) dL/dW_hy = Σ_{t=1}^{T} (h_tᵀ dL/do_t)ᵀ
   (53) dL/db_y = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (54) dL/dx_t = dL/dgi_t W_ih
   (55) dL/dh_0 = dL/dgh_1 W_hh + dL/dh_1 ∘ z_1

Proved for every T and every size: 127 statements, by
`symbptt prove gru_pytorch`.

Written by `symbptt generate gru_pytorch`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_ih (3 * H, D), W_hh (3 * H, H), b_ih (3 * H,), b_hh (3 * H,), W_hy (C,
        H), b_y (C,)
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
    W_ih = params["W_ih"]
    W_hh = params["W_hh"]
    b_ih = params["b_ih"]
    b_hh = params["b_hh"]
    W_hy = params["W_hy"]
    b_y = params["b_y"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(b_hh[: 2 * H], 0.5, out=w.half_b_hh[: 2 * H])
    np.copyto(w.half_b_hh[2 * H : 3 * H], b_hh[2 * H : 3 * H])
    np.copyto(w.gh, w.half_b_hh[..., None])  # (2)
    np.copyto(w.W_hh_T, W_hh.T)
    np.multiply(W_ih[: 2 * H], 0.5, out=w.half_W_ih[: 2 * H])
    np.copyto(w.half_W_ih[2 * H : 3 * H], W_ih[2 * H : 3 * H])
    np.matmul(w.half_W_ih, x.swapaxes(-1, -2), out=w.gi)  # (1)
    np.multiply(b_ih[: 2 * H], 0.5, out=w.half_b_ih[: 2 * H])
    np.copyto(w.half_b_ih[2 * H : 3 * H], b_ih[2 * H : 3 * H])
    np.add(w.gi, w.half_b_ih[..., None], out=w.gi)  # (1)
    np.multiply(W_hh[: 2 * H], 0.5, out=w.half_W_hh[: 2 * H])
    np.copyto(w.half_W_hh[2 * H : 3 * H], W_hh[2 * H : 3 * H])
    add, tanh, multiply, subtract = np.add, np.tanh, np.multiply, np.subtract
    half_W_hh, h_W_hh_T, r_gh, slope_z = w.half_W_hh, w.h_W_hh_T, w.r_gh, w.slope_z
    z_n, z_h = w.z_n, w.z_h
    for (
        h_prev,
        gh_t,
        r_z_t,
        gh_r_z_t,
        r_t,
        gh_n_t,
        n_t,
        z_t,
        h_t,
        h_out_t,
    ) in w.forward:  # t = 1, …, T
        half_W_hh.dot(h_prev, h_W_hh_T)  # (2)
        add(gh_t, h_W_hh_T, gh_t)  # (2)
        add(r_z_t, gh_r_z_t, r_z_t)  # (3), (5)
        tanh(r_z_t, r_z_t)  # (4), (6)
        multiply(r_z_t, 0.5, r_z_t)  # (4), (6)
        add(r_z_t, 0.5, r_z_t)  # (4), (6)
        multiply(r_t, gh_n_t, r_gh)  # (7)
        add(n_t, r_gh, n_t)  # (7)
        tanh(n_t, n_t)  # (8)
        subtract(1, z_t, slope_z)  # (9)
        multiply(slope_z, n_t, z_n)  # (9)
        multiply(z_t, h_prev, z_h)  # (9)
        add(z_n, z_h, h_t)  # (9)
        np.copyto(h_out_t, h_t.T)  # (9)
    w.h_out_rows.dot(W_hy.T, out=w.o_rows)  # (10)
    np.add(w.o, b_y, out=w.o)  # (10)
    np.maximum.reduce(w.o, axis=2, out=w.max_o)  # (11)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (11)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (11)
    w.shifted_o_flat.take(w.at_y_flat, out=w.target_o_flat, mode="clip")  # (11)
    np.exp(w.shifted_o, out=w.exp_o)  # (11)
    w.exp_o_rows.dot(w.ones_C, out=w.sum_exp_flat)  # (11)
    np.log(w.sum_exp, out=w.log_sum)  # (11)
    loss = np.add.reduce(w.log_sum_flat) / (N * T)  # (11), (12)
    loss -= np.add.reduce(w.target_o_flat) / (N * T)  # (11), (12)

    # Backward
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.gap)  # (36)
    w.gap_flat.take(w.at_y_flat, out=w.hit_o_flat, mode="clip")  # (36)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (36)
    w.gap_flat.put(w.at_y_flat, w.hit_o_flat, mode="clip")  # (36)
    np.multiply(w.gap, 1 / (N * T), out=w.do)  # (36)
    w.dh_0.fill(0)  # (55)
    np.matmul(W_hy.T, w.do.swapaxes(-1, -2), out=w.dh)  # (37), (46), (47)
    subtract, multiply, add, slope = np.subtract, np.multiply, np.add, w.slope
    slope_z_2, dn, n_squared, slope_n = w.slope_z_2, w.dn, w.n_squared, w.slope_n
    da_n, h_n, dz, r_2_z_2, dr, d = w.da_n, w.h_n, w.dz, w.r_2_z_2, w.dr, w.d
    dgi_r_z, dgh_r_z, dgh_n, dh_z, W_hh_T = w.dgi_r_z, w.dgh_r_z, w.dgh_n, w.dh_z, w.W_hh_T
    dgh, dgh_W_hh, dgi = w.dgh, w.dgh_W_hh, w.dgi
    for (
        r_z_t,
        dh_t,
        n_t,
        h_prev,
        gh_n_t,
        r_t,
        z_t,
        dh_prev,
        dgi_out_t,
        dgh_out_t,
    ) in w.backward:  # t = T, …, 1
        subtract(1, r_z_t, slope)  # (38), (43)
        multiply(dh_t, slope_z_2, dn)  # (38)
        multiply(n_t, n_t, n_squared)  # (39)
        subtract(1, n_squared, slope_n)  # (39)
        multiply(dn, slope_n, da_n)  # (39), (45)
        subtract(h_prev, n_t, h_n)  # (40)
        multiply(dh_t, h_n, dz)  # (40)
        multiply(r_z_t, slope, r_2_z_2)  # (41), (43)
        multiply(da_n, gh_n_t, dr)  # (42)
        multiply(d, r_2_z_2, dgi_r_z)  # (41), (45), (43)
        np.copyto(dgh_r_z, dgi_r_z)  # (44)
        multiply(da_n, r_t, dgh_n)  # (44)
        multiply(dh_t, z_t, dh_z)  # (37), (55)
        add(dh_prev, dh_z, dh_prev)  # (37), (55)
        W_hh_T.dot(dgh, dgh_W_hh)  # (37), (55)
        add(dh_prev, dgh_W_hh, dh_prev)  # (37), (55)
        np.copyto(dgi_out_t, dgi.T)  # (43), (45)
        np.copyto(dgh_out_t, dgh.T)  # (44)

    # Gradients
    w.dgi_out_rows.T.dot(x_rows, out=w.dW_ih)  # (48)
    w.dgh_out_rows.T.dot(w.h_out_prev_rows, out=w.dW_hh)  # (49)
    w.ones_TN.dot(w.dgi_out_rows, out=w.db_ih)  # (50)
    w.ones_TN.dot(w.dgh_out_rows, out=w.db_hh)  # (51)
    w.do_rows.T.dot(w.h_out_rows, out=w.dW_hy)  # (52)
    w.ones_TN.dot(w.do_rows, out=w.db_y)  # (53)
    w.dgi_out_rows.dot(W_ih, out=w.dx_rows)  # (54)
    grads = {
        "W_ih": w.dW_ih,
        "W_hh": w.dW_hh,
        "b_ih": w.db_ih,
        "b_hh": w.db_hh,
        "W_hy": w.dW_hy,
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
    _, _, _, H, *_ = sizes
    W_ih = params["W_ih"]
    W_hh = params["W_hh"]
    b_ih = params["b_ih"]
    b_hh = params["b_hh"]
    W_hy = params["W_hy"]
    b_y = params["b_y"]
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(b_hh[: 2 * H], 0.5, out=w.half_b_hh[: 2 * H])
    np.copyto(w.half_b_hh[2 * H : 3 * H], b_hh[2 * H : 3 * H])
    np.copyto(w.gh, w.half_b_hh[..., None])  # (2)
    np.multiply(W_ih[: 2 * H], 0.5, out=w.half_W_ih[: 2 * H])
    np.copyto(w.half_W_ih[2 * H : 3 * H], W_ih[2 * H : 3 * H])
    np.matmul(w.half_W_ih, x.swapaxes(-1, -2), out=w.gi)  # (1)
    np.multiply(b_ih[: 2 * H], 0.5, out=w.half_b_ih[: 2 * H])
    np.copyto(w.half_b_ih[2 * H : 3 * H], b_ih[2 * H : 3 * H])
    np.add(w.gi, w.half_b_ih[..., None], out=w.gi)  # (1)
    np.multiply(W_hh[: 2 * H], 0.5, out=w.half_W_hh[: 2 * H])
    np.copyto(w.half_W_hh[2 * H : 3 * H], W_hh[2 * H : 3 * H])
    add, tanh, multiply, subtract = np.add, np.tanh, np.multiply, np.subtract
    half_W_hh, h_W_hh_T, r_gh, slope_z = w.half_W_hh, w.h_W_hh_T, w.r_gh, w.slope_z
    z_n, z_h = w.z_n, w.z_h
    for (
        h_prev,
        gh_t,
        r_z_t,
        gh_r_z_t,
        r_t,
        gh_n_t,
        n_t,
        z_t,
        h_t,
        h_out_t,
    ) in w.forward:  # t = 1, …, T
        half_W_hh.dot(h_prev, h_W_hh_T)  # (2)
        add(gh_t, h_W_hh_T, gh_t)  # (2)
        add(r_z_t, gh_r_z_t, r_z_t)  # (3), (5)
        tanh(r_z_t, r_z_t)  # (4), (6)
        multiply(r_z_t, 0.5, r_z_t)  # (4), (6)
        add(r_z_t, 0.5, r_z_t)  # (4), (6)
        multiply(r_t, gh_n_t, r_gh)  # (7)
        add(n_t, r_gh, n_t)  # (7)
        tanh(n_t, n_t)  # (8)
        subtract(1, z_t, slope_z)  # (9)
        multiply(slope_z, n_t, z_n)  # (9)
        multiply(z_t, h_prev, z_h)  # (9)
        add(z_n, z_h, h_t)  # (9)
        np.copyto(h_out_t, h_t.T)  # (9)
    w.h_out_rows.dot(W_hy.T, out=w.o_rows)  # (10)
    np.add(w.o, b_y, out=w.o)  # (10)
    return {"o": w.o}, {"h": w.h_out_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        self.gh = _empty((T, 3 * H, N), dtype)
        h_all = _empty((T + 1, H, N), dtype)
        self.W_hh_T = _empty((H, 3 * H), dtype)
        self.h_W_hh_T = _empty((3 * H, N), dtype)
        self.gi = _empty((T, 3 * H, N), dtype)
        self.r_gh = _empty((H, N), dtype)
        self.z_h = _empty((H, N), dtype)
        self.o = _empty((T, N, C), dtype)
        self.max_o = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        dh_all = _empty((T + 1, H, N), dtype)
        self.dgh = _empty((3 * H, N), dtype)
        self.dW_ih = _empty((3 * H, D), dtype)
        self.dW_hh = _empty((3 * H, H), dtype)
        self.db_ih = _empty((3 * H,), dtype)
        self.db_hh = _empty((3 * H,), dtype)
        self.dW_hy = _empty((C, H), dtype)
        self.db_y = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        h_out_all = _empty((T + 1, N, H), dtype)
        self.half_W_ih = _empty((3 * H, D), dtype)
        self.half_b_ih = _empty((3 * H,), dtype)
        self.half_b_hh = _empty((3 * H,), dtype)
        self.half_W_hh = _empty((3 * H, H), dtype)
        self.slope = _empty((2 * H, N), dtype)
        self.d = _empty((2 * H, N), dtype)
        self.z_n = self.r_gh  # z_n takes its place
        self.slope_z = self.r_gh  # slope_z takes its place
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.gap = self.o  # gap takes its place
        self.hit_o = self.log_sum  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.dn = self.z_h  # dn takes its place
        self.slope_n = self.r_gh  # slope_n takes its place
        self.n_squared = self.r_gh  # n_squared takes its place
        self.h_n = self.r_gh  # h_n takes its place
        self.dh_z = self.r_gh  # dh_z takes its place
        self.dgh_W_hh = self.r_gh  # dgh_W_hh takes its place
        self.dgi = self.h_W_hh_T  # dgi takes its place
        self.dgi_out = self.gh.reshape(T, N, 3 * H)  # dgi_out takes its place
        self.dgh_out = self.gi.reshape(T, N, 3 * H)  # dgh_out takes its place
        self.r_2_z_2 = self.slope  # r_2_z_2 takes its place
        self.r = self.gi[:, :H]
        self.z = self.gi[:, H : 2 * H]
        self.n = self.gi[:, 2 * H : 3 * H]
        self.slope_z_2 = self.slope[H : 2 * H]
        self.dz = self.d[H : 2 * H]
        self.z_2 = self.r_2_z_2[H : 2 * H]
        self.dr = self.d[:H]
        self.r_2 = self.r_2_z_2[:H]
        self.slope_r = self.slope[:H]
        self.r_z = self.gi[:, : 2 * H]
        self.gh_r_z = self.gh[:, : 2 * H]
        self.gh_n = self.gh[:, 2 * H : 3 * H]
        self.da_n = self.dgi[2 * H : 3 * H]
        self.da_z = self.dgi[H : 2 * H]
        self.da_r = self.dgi[:H]
        self.dgi_r_z = self.dgi[: 2 * H]
        self.dgh_r_z = self.dgh[: 2 * H]
        self.dgh_n = self.dgh[2 * H : 3 * H]
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
        self.gap_flat = self.gap.reshape(-1)
        self.hit_o_flat = self.hit_o.reshape(-1)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.dgi_out_rows = self.dgi_out.reshape(T * N, 3 * H)
        self.dgh_out_rows = self.dgh_out.reshape(T * N, 3 * H)
        self.h_out_prev = h_out_all[:-1]
        self.h_out_prev_rows = h_out_all[:-1].reshape(T * N, H)
        self.do_rows = self.do.reshape(T * N, C)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h_out_end = h_out_all[-1]
        self.forward = list(
            zip(
                h_all[:-1],
                self.gh,
                self.r_z,
                self.gh_r_z,
                self.r,
                self.gh_n,
                self.n,
                self.z,
                h_all[1:],
                h_out_all[1:],
                strict=True,
            )
        )
        self.backward = list(
            zip(
                self.r_z[::-1],
                dh_all[1:][::-1],
                self.n[::-1],
                h_all[:-1][::-1],
                self.gh_n[::-1],
                self.r[::-1],
                self.z[::-1],
                dh_all[:-1][::-1],
                self.dgi_out[::-1],
                self.dgh_out[::-1],
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
    H = _axis("params['W_hh']", params["W_hh"], 1, ("3 * H", "H"))
    C = _axis("params['W_hy']", params["W_hy"], 0, ("C", "H"))
    dtype = params["W_ih"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_ih']", params["W_ih"], (3 * H, D), "float32 or float64")
    if params["W_ih"].shape != (3 * H, D) or params["W_ih"].dtype != dtype:
        _refuse("params['W_ih']", params["W_ih"], (3 * H, D), dtype)
    if params["W_hh"].shape != (3 * H, H) or params["W_hh"].dtype != dtype:
        _refuse("params['W_hh']", params["W_hh"], (3 * H, H), dtype)
    if params["b_ih"].shape != (3 * H,) or params["b_ih"].dtype != dtype:
        _refuse("params['b_ih']", params["b_ih"], (3 * H,), dtype)
    if params["b_hh"].shape != (3 * H,) or params["b_hh"].dtype != dtype:
        _refuse("params['b_hh']", params["b_hh"], (3 * H,), dtype)
    if params["W_hy"].shape != (C, H) or params["W_hy"].dtype != dtype:
        _refuse("params['W_hy']", params["W_hy"], (C, H), dtype)
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
