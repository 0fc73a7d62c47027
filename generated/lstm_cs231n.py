"""lstm_cs231n: LSTM of the cs231n assignments: packed i, f, o, g; loss averaged over the batch.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t Wx + h_{t−1} Wh + b
    (2) i_t = sigmoid(a_t[:, 0:H])
    (3) f_t = sigmoid(a_t[:, H:2 H])
    (4) o_t = sigmoid(a_t[:, 2 H:3 H])
    (5) g_t = tanh(a_t[:, 3 H:4 H])
    (6) c_t = f_t ∘ c_{t−1} + i_t ∘ g_t
    (7) h_t = o_t ∘ tanh(c_t)
    (8) scores_t = h_t W_vocab + b_vocab
    (9) l_t = (1/N) sum(cross_entropy(scores_t, y_t))
   (10) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (30) dL/dscores_t = (1/N) (softmax(scores_t) − onehot(y_t))
   (31) dL/dh_t = dL/dscores_t W_vocabᵀ + dL/da_{t+1} Whᵀ
   (32) dL/dc_t = dL/dh_t ∘ o_t ∘ (1 − tanh(c_t)²) + dL/dc_{t+1} ∘ f_{t+1}
   (33) dL/dg_t = dL/dc_t ∘ i_t
   (34) dL/do_t = dL/dh_t ∘ tanh(c_t)
   (35) dL/df_t = dL/dc_t ∘ c_{t−1}
   (36) dL/di_t = dL/dc_t ∘ g_t
   (37) dL/da_t = [dL/di_t ∘ i_t ∘ (1 − i_t), dL/df_t ∘ f_t ∘ (1 − f_t), dL/do_t ∘ o_t ∘ (1
            − o_t), dL/dg_t ∘ (1 − g_t²)]

Boundary at T
   (38) dL/da_{T+1} = 0
   (39) dL/dc_{T+1} = 0

Gradients
   (40) dL/dWx = Σ_{t=1}^{T} x_tᵀ dL/da_t
   (41) dL/dWh = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t
   (42) dL/db = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (43) dL/dW_vocab = Σ_{t=1}^{T} h_tᵀ dL/dscores_t
   (44) dL/db_vocab = Σ_{t=1}^{T} sum(dL/dscores_t, axis=0)
   (45) dL/dx_t = dL/da_t Wxᵀ
   (46) dL/dh_0 = dL/da_1 Whᵀ
   (47) dL/dc_0 = dL/dc_1 ∘ f_1

Proved for every T and every size: 128 statements, by
`symbptt prove lstm_cs231n`.

Written by `symbptt generate lstm_cs231n`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of Wx (D, 4 * H), Wh (H, 4 * H), b (4 * H,), W_vocab (H, V), b_vocab (V,)
    x: (T, N, D)
    y: (T, N), integers in 0..V-1
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
    Wx = params["Wx"]
    Wh = params["Wh"]
    b = params["b"]
    W_vocab = params["W_vocab"]
    b_vocab = params["b_vocab"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.c_0.T, 0 if state is None else state["c"])
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(Wx[..., : 3 * H].T, 0.5, out=w.half_Wx[: 3 * H])
    np.copyto(w.half_Wx[3 * H : 4 * H], Wx[..., 3 * H : 4 * H].T)
    np.matmul(w.half_Wx, x.swapaxes(-1, -2), out=w.a)  # (1)
    np.multiply(b[: 3 * H], 0.5, out=w.half_b[: 3 * H])
    np.copyto(w.half_b[3 * H : 4 * H], b[3 * H : 4 * H])
    np.copyto(w.half_b_row, w.half_b[..., None])
    np.multiply(Wh[..., : 3 * H].T, 0.5, out=w.half_Wh[: 3 * H])
    np.copyto(w.half_Wh[3 * H : 4 * H], Wh[..., 3 * H : 4 * H].T)
    add, tanh, multiply, half_Wh, h_Wh = np.add, np.tanh, np.multiply, w.half_Wh, w.h_Wh
    half_b_row, f_c, i_g, tanh_c = w.half_b_row, w.f_c, w.i_g, w.tanh_c
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
        half_Wh.dot(h_prev, h_Wh)  # (1)
        add(a_t, half_b_row, a_t)  # (1)
        add(a_t, h_Wh, a_t)  # (1)
        tanh(a_t, a_t)  # (2), (3), (4), (5)
        multiply(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (4)
        add(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (4)
        multiply(f_t, c_prev, f_c)  # (6)
        multiply(i__t, g_t, i_g)  # (6)
        add(f_c, i_g, c_t)  # (6)
        tanh(c_t, tanh_c)  # (7)
        multiply(o_t, tanh_c, h_t)  # (7)
        np.copyto(h_out_t, h_t.T)  # (7)
    w.h_out_rows.dot(W_vocab, out=w.scores_rows)  # (8)
    np.add(w.scores, b_vocab, out=w.scores)  # (8)
    np.maximum.reduce(w.scores, axis=2, out=w.max_scores)  # (9)
    np.subtract(w.scores, w.max_scores[..., None], out=w.shifted_scores)  # (9)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (9)
    w.shifted_scores_flat.take(w.at_y_flat, out=w.target_scores_flat, mode="clip")  # (9)
    np.exp(w.shifted_scores, out=w.exp_scores)  # (9)
    w.exp_scores_rows.dot(w.ones_V, out=w.sum_exp_flat)  # (9)
    np.log(w.sum_exp, out=w.log_sum)  # (9)
    loss = np.add.reduce(w.log_sum_flat) / N  # (9), (10)
    loss -= np.add.reduce(w.target_scores_flat) / N  # (9), (10)

    # Backward
    np.divide(w.exp_scores, w.sum_exp[..., None], out=w.gap)  # (30)
    w.gap_flat.take(w.at_y_flat, out=w.hit_scores_flat, mode="clip")  # (30)
    np.subtract(w.hit_scores, 1, out=w.hit_scores)  # (30)
    w.gap_flat.put(w.at_y_flat, w.hit_scores_flat, mode="clip")  # (30)
    np.multiply(w.gap, 1 / N, out=w.dscores)  # (30)
    w.dh_0.fill(0)  # (46)
    np.matmul(W_vocab, w.dscores.swapaxes(-1, -2), out=w.dh)  # (31), (38)
    w.dc.fill(0)  # (32), (39)
    tanh, multiply, subtract, add = np.tanh, np.multiply, np.subtract, np.add
    tanh_c_2, c_squared, slope_c, o_c = w.tanh_c_2, w.c_squared, w.slope_c, w.o_c
    dh_o_c, dc, dg, da_o, da_f, da_i = w.dh_o_c, w.dc, w.dg, w.da_o, w.da_f, w.da_i
    slope, i_2_f_2_o_2, da_i_da_f_da_o = w.slope, w.i_2_f_2_o_2, w.da_i_da_f_da_o
    g_squared, slope_g, da_g, da, da_Wh_T = w.g_squared, w.slope_g, w.da_g, w.da, w.da_Wh_T
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
        multiply(dc, i__t, dg)  # (33)
        multiply(dh_t, tanh_c_2, da_o)  # (34)
        multiply(dc, c_prev, da_f)  # (35)
        multiply(dc, g_t, da_i)  # (36)
        subtract(1, i_f_o_t, slope)  # (37)
        multiply(i_f_o_t, slope, i_2_f_2_o_2)  # (37)
        multiply(da_i_da_f_da_o, i_2_f_2_o_2, da_i_da_f_da_o)  # (37)
        multiply(g_t, g_t, g_squared)  # (37)
        subtract(1, g_squared, slope_g)  # (37)
        multiply(dg, slope_g, da_g)  # (37)
        Wh.dot(da, da_Wh_T)  # (31), (46)
        add(dh_prev, da_Wh_T, dh_prev)  # (31), (46)
        multiply(dc, f_t, dc)  # (32), (47)
        np.copyto(da_out_t, da.T)  # (37)

    # Gradients
    x_rows.T.dot(w.da_out_rows, out=w.dWx)  # (40)
    w.h_out_prev_rows.T.dot(w.da_out_rows, out=w.dWh)  # (41)
    w.ones_TN.dot(w.da_out_rows, out=w.db)  # (42)
    w.h_out_rows.T.dot(w.dscores_rows, out=w.dW_vocab)  # (43)
    w.ones_TN.dot(w.dscores_rows, out=w.db_vocab)  # (44)
    w.da_out_rows.dot(Wx.T, out=w.dx_rows)  # (45)
    grads = {
        "Wx": w.dWx,
        "Wh": w.dWh,
        "b": w.db,
        "W_vocab": w.dW_vocab,
        "b_vocab": w.db_vocab,
        "x": w.dx,
        "h": w.dh_0.T,
        "c": w.dc.T,
    }
    return loss, grads, {"h": w.h_out_end, "c": w.c_end.T}


def forward(params, x, state=None):
    """Return (dict of scores, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    _, _, _, H, *_ = sizes
    Wx = params["Wx"]
    Wh = params["Wh"]
    b = params["b"]
    W_vocab = params["W_vocab"]
    b_vocab = params["b_vocab"]
    np.copyto(w.c_0.T, 0 if state is None else state["c"])
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(Wx[..., : 3 * H].T, 0.5, out=w.half_Wx[: 3 * H])
    np.copyto(w.half_Wx[3 * H : 4 * H], Wx[..., 3 * H : 4 * H].T)
    np.matmul(w.half_Wx, x.swapaxes(-1, -2), out=w.a)  # (1)
    np.multiply(b[: 3 * H], 0.5, out=w.half_b[: 3 * H])
    np.copyto(w.half_b[3 * H : 4 * H], b[3 * H : 4 * H])
    np.copyto(w.half_b_row, w.half_b[..., None])
    np.multiply(Wh[..., : 3 * H].T, 0.5, out=w.half_Wh[: 3 * H])
    np.copyto(w.half_Wh[3 * H : 4 * H], Wh[..., 3 * H : 4 * H].T)
    add, tanh, multiply, half_Wh, h_Wh = np.add, np.tanh, np.multiply, w.half_Wh, w.h_Wh
    half_b_row, f_c, i_g, tanh_c = w.half_b_row, w.f_c, w.i_g, w.tanh_c
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
        half_Wh.dot(h_prev, h_Wh)  # (1)
        add(a_t, half_b_row, a_t)  # (1)
        add(a_t, h_Wh, a_t)  # (1)
        tanh(a_t, a_t)  # (2), (3), (4), (5)
        multiply(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (4)
        add(i_f_o_t, 0.5, i_f_o_t)  # (2), (3), (4)
        multiply(f_t, c_prev, f_c)  # (6)
        multiply(i__t, g_t, i_g)  # (6)
        add(f_c, i_g, c_t)  # (6)
        tanh(c_t, tanh_c)  # (7)
        multiply(o_t, tanh_c, h_t)  # (7)
        np.copyto(h_out_t, h_t.T)  # (7)
    w.h_out_rows.dot(W_vocab, out=w.scores_rows)  # (8)
    np.add(w.scores, b_vocab, out=w.scores)  # (8)
    return {"scores": w.scores}, {"h": w.h_out_end, "c": w.c_end.T}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, V, dtype):
        self.a = _empty((T, 4 * H, N), dtype)
        c_all = _empty((T + 1, H, N), dtype)
        h_all = _empty((T + 1, H, N), dtype)
        self.h_Wh = _empty((4 * H, N), dtype)
        self.f_c = _empty((H, N), dtype)
        self.i_g = _empty((H, N), dtype)
        self.scores = _empty((T, N, V), dtype)
        self.max_scores = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        self.dc = _empty((H, N), dtype)
        self.dWx = _empty((D, 4 * H), dtype)
        self.dWh = _empty((H, 4 * H), dtype)
        self.db = _empty((4 * H,), dtype)
        self.dW_vocab = _empty((H, V), dtype)
        self.db_vocab = _empty((V,), dtype)
        self.dx = _empty((T, N, D), dtype)
        h_out_all = _empty((T + 1, N, H), dtype)
        self.half_Wx = _empty((4 * H, D), dtype)
        self.half_b = _empty((4 * H,), dtype)
        self.half_Wh = _empty((4 * H, H), dtype)
        self.slope = _empty((3 * H, N), dtype)
        self.half_b_row = _empty((4 * H, N), dtype)
        self.tanh_c = self.i_g  # tanh_c takes its place
        self.shifted_scores = self.scores  # shifted_scores takes its place
        self.target_scores = self.max_scores  # target_scores takes its place
        self.exp_scores = self.scores  # exp_scores takes its place
        self.gap = self.scores  # gap takes its place
        self.hit_scores = self.log_sum  # hit_scores takes its place
        self.dscores = self.scores  # dscores takes its place
        dh_all = h_all  # dh takes its place
        self.o_c = self.f_c  # o_c takes its place
        self.slope_c = self.f_c  # slope_c takes its place
        self.tanh_c_2 = self.i_g  # tanh_c_2 takes its place
        self.c_squared = self.f_c  # c_squared takes its place
        self.dh_o_c = self.f_c  # dh_o_c takes its place
        self.dg = self.f_c  # dg takes its place
        self.da = self.h_Wh  # da takes its place
        self.slope_g = self.i_g  # slope_g takes its place
        self.g_squared = self.i_g  # g_squared takes its place
        self.da_Wh_T = self.i_g  # da_Wh_T takes its place
        self.da_out = self.a.reshape(T, N, 4 * H)  # da_out takes its place
        self.i_2_f_2_o_2 = self.slope  # i_2_f_2_o_2 takes its place
        self.i_ = self.a[:, :H]
        self.f = self.a[:, H : 2 * H]
        self.o = self.a[:, 2 * H : 3 * H]
        self.g = self.a[:, 3 * H : 4 * H]
        self.i_2 = self.i_2_f_2_o_2[:H]
        self.slope_i = self.slope[:H]
        self.f_2 = self.i_2_f_2_o_2[H : 2 * H]
        self.slope_f = self.slope[H : 2 * H]
        self.o_2 = self.i_2_f_2_o_2[2 * H : 3 * H]
        self.slope_o = self.slope[2 * H : 3 * H]
        self.i_f_o = self.a[:, : 3 * H]
        self.da_i = self.da[:H]
        self.da_f = self.da[H : 2 * H]
        self.da_o = self.da[2 * H : 3 * H]
        self.da_g = self.da[3 * H : 4 * H]
        self.da_i_da_f_da_o = self.da[: 3 * H]
        self.row_starts = np.arange(T * N) * V
        self.ones_V = np.ones(V, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.c_0 = c_all[0]
        self.h_out_0 = h_out_all[0]
        self.h_0 = h_all[0]
        self.h_out = h_out_all[1:]
        self.h_out_rows = h_out_all[1:].reshape(T * N, H)
        self.scores_rows = self.scores.reshape(T * N, V)
        self.at_y_flat = self.at_y.reshape(-1)
        self.shifted_scores_flat = self.shifted_scores.reshape(-1)
        self.target_scores_flat = self.target_scores.reshape(-1)
        self.sum_exp_flat = self.sum_exp.reshape(-1)
        self.exp_scores_rows = self.exp_scores.reshape(T * N, V)
        self.log_sum_flat = self.log_sum.reshape(-1)
        self.gap_flat = self.gap.reshape(-1)
        self.hit_scores_flat = self.hit_scores.reshape(-1)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.da_out_rows = self.da_out.reshape(T * N, 4 * H)
        self.h_out_prev = h_out_all[:-1]
        self.h_out_prev_rows = h_out_all[:-1].reshape(T * N, H)
        self.dscores_rows = self.dscores.reshape(T * N, V)
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
    """T, N, D, H, V and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("Wx", "Wh", "b", "W_vocab", "b_vocab"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['Wh']", params["Wh"], 0, ("H", "4 * H"))
    V = _axis("params['W_vocab']", params["W_vocab"], 1, ("H", "V"))
    dtype = params["Wx"].dtype
    if dtype.kind not in "fc":
        _refuse("params['Wx']", params["Wx"], (D, 4 * H), "float32 or float64")
    if params["Wx"].shape != (D, 4 * H) or params["Wx"].dtype != dtype:
        _refuse("params['Wx']", params["Wx"], (D, 4 * H), dtype)
    if params["Wh"].shape != (H, 4 * H) or params["Wh"].dtype != dtype:
        _refuse("params['Wh']", params["Wh"], (H, 4 * H), dtype)
    if params["b"].shape != (4 * H,) or params["b"].dtype != dtype:
        _refuse("params['b']", params["b"], (4 * H,), dtype)
    if params["W_vocab"].shape != (H, V) or params["W_vocab"].dtype != dtype:
        _refuse("params['W_vocab']", params["W_vocab"], (H, V), dtype)
    if params["b_vocab"].shape != (V,) or params["b_vocab"].dtype != dtype:
        _refuse("params['b_vocab']", params["b_vocab"], (V,), dtype)
    if x.shape != (T, N, D) or x.dtype != dtype:
        _refuse("x", x, (T, N, D), dtype)
    if y is not None:
        _indices("y", y, (T, N), V)
    if state is not None:
        _keys("state", state, ("h", "c"))
        if state["h"].shape != (N, H) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (N, H), dtype)
        if state["c"].shape != (N, H) or state["c"].dtype != dtype:
            _refuse("state['c']", state["c"], (N, H), dtype)
    return T, N, D, H, V, dtype


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
