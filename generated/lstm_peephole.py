"""lstm_peephole: LSTM with peepholes, a batch of rows: the gates see the cell.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_i_t = x_t W_xi + h_{t−1} W_hi + w_ci ∘ c_{t−1} + b_i
    (2) i_t = sigmoid(a_i_t)
    (3) a_f_t = x_t W_xf + h_{t−1} W_hf + w_cf ∘ c_{t−1} + b_f
    (4) f_t = sigmoid(a_f_t)
    (5) a_c_t = x_t W_xc + h_{t−1} W_hc + b_c
    (6) c_t = f_t ∘ c_{t−1} + i_t ∘ tanh(a_c_t)
    (7) a_o_t = x_t W_xo + h_{t−1} W_ho + w_co ∘ c_t + b_o
    (8) o_t = sigmoid(a_o_t)
    (9) h_t = o_t ∘ tanh(c_t)
   (10) ŷ_t = h_t W_hy + b_y
   (11) l_t = sum(cross_entropy(ŷ_t, y_t))
   (12) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (52) dL/dŷ_t = softmax(ŷ_t) − onehot(y_t)
   (53) dL/dh_t = dL/dŷ_t W_hyᵀ + dL/da_i_{t+1} W_hiᵀ + dL/da_f_{t+1} W_hfᵀ + dL/da_c_{t+1}
            W_hcᵀ + dL/da_o_{t+1} W_hoᵀ
   (54) dL/do_t = dL/dh_t ∘ tanh(c_t)
   (55) dL/da_o_t = dL/do_t ∘ o_t ∘ (1 − o_t)
   (56) dL/dc_t = dL/da_o_t ∘ w_co + dL/dh_t ∘ o_t ∘ (1 − tanh(c_t)²) + dL/da_i_{t+1} ∘ w_ci
            + dL/da_f_{t+1} ∘ w_cf + dL/dc_{t+1} ∘ f_{t+1}
   (57) dL/da_c_t = dL/dc_t ∘ i_t ∘ (1 − tanh(a_c_t)²)
   (58) dL/df_t = dL/dc_t ∘ c_{t−1}
   (59) dL/da_f_t = dL/df_t ∘ f_t ∘ (1 − f_t)
   (60) dL/di_t = dL/dc_t ∘ tanh(a_c_t)
   (61) dL/da_i_t = dL/di_t ∘ i_t ∘ (1 − i_t)

Boundary at T
   (62) dL/da_i_{T+1} = 0
   (63) dL/da_f_{T+1} = 0
   (64) dL/da_c_{T+1} = 0
   (65) dL/dc_{T+1} = 0
   (66) dL/da_o_{T+1} = 0

Gradients
   (67) dL/dW_xi = Σ_{t=1}^{T} x_tᵀ dL/da_i_t
   (68) dL/dW_hi = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_i_t
   (69) dL/dw_ci = Σ_{t=1}^{T} sum(dL/da_i_t ∘ c_{t−1}, axis=0)
   (70) dL/db_i = Σ_{t=1}^{T} sum(dL/da_i_t, axis=0)
   (71) dL/dW_xf = Σ_{t=1}^{T} x_tᵀ dL/da_f_t
   (72) dL/dW_hf = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_f_t
   (73) dL/dw_cf = Σ_{t=1}^{T} sum(dL/da_f_t ∘ c_{t−1}, axis=0)
   (74) dL/db_f = Σ_{t=1}^{T} sum(dL/da_f_t, axis=0)
   (75) dL/dW_xc = Σ_{t=1}^{T} x_tᵀ dL/da_c_t
   (76) dL/dW_hc = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_c_t
   (77) dL/db_c = Σ_{t=1}^{T} sum(dL/da_c_t, axis=0)
   (78) dL/dW_xo = Σ_{t=1}^{T} x_tᵀ dL/da_o_t
   (79) dL/dW_ho = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_o_t
   (80) dL/dw_co = Σ_{t=1}^{T} sum(dL/da_o_t ∘ c_t, axis=0)
   (81) dL/db_o = Σ_{t=1}^{T} sum(dL/da_o_t, axis=0)
   (82) dL/dW_hy = Σ_{t=1}^{T} h_tᵀ dL/dŷ_t
   (83) dL/db_y = Σ_{t=1}^{T} sum(dL/dŷ_t, axis=0)
   (84) dL/dx_t = dL/da_i_t W_xiᵀ + dL/da_f_t W_xfᵀ + dL/da_c_t W_xcᵀ + dL/da_o_t W_xoᵀ
   (85) dL/dh_0 = dL/da_i_1 W_hiᵀ + dL/da_f_1 W_hfᵀ + dL/da_c_1 W_hcᵀ + dL/da_o_1 W_hoᵀ
   (86) dL/dc_0 = dL/da_i_1 ∘ w_ci + dL/da_f_1 ∘ w_cf + dL/dc_1 ∘ f_1

Proved for every T and every size: 286 statements, by
`symbptt prove lstm_peephole`.

Written by `symbptt generate lstm_peephole`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_xi (D, H), W_hi (H, H), w_ci (H,), b_i (H,), W_xf (D, H), W_hf (H, H),
        w_cf (H,), b_f (H,), W_xc (D, H), W_hc (H, H), b_c (H,), W_xo (D, H), W_ho (H, H),
        w_co (H,), b_o (H,), W_hy (H, Q), b_y (Q,)
    x: (T, N, D)
    y: (T, N), integers in 0..Q-1
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
    W_xi = params["W_xi"]
    W_hi = params["W_hi"]
    w_ci = params["w_ci"]
    b_i = params["b_i"]
    W_xf = params["W_xf"]
    W_hf = params["W_hf"]
    w_cf = params["w_cf"]
    b_f = params["b_f"]
    W_xc = params["W_xc"]
    W_hc = params["W_hc"]
    b_c = params["b_c"]
    W_xo = params["W_xo"]
    W_ho = params["W_ho"]
    w_co = params["w_co"]
    b_o = params["b_o"]
    W_hy = params["W_hy"]
    b_y = params["b_y"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.W_x[..., :H], W_xi)
    np.copyto(w.W_x[..., H : 2 * H], W_xf)
    np.copyto(w.W_x[..., 2 * H : 3 * H], W_xc)
    np.copyto(w.W_x[..., 3 * H : 4 * H], W_xo)
    np.multiply(b_i, 0.5, out=w.b[:H])
    np.multiply(b_f, 0.5, out=w.b[H : 2 * H])
    np.copyto(w.b[2 * H : 3 * H], b_c)
    np.multiply(b_o, 0.5, out=w.b[3 * H : 4 * H])
    np.copyto(w.c_out_0, 0 if state is None else state["c"])
    np.copyto(w.c_0.T, 0 if state is None else state["c"])
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.multiply(w.W_x[..., : 2 * H].T, 0.5, out=w.half_W_x[: 2 * H])
    np.copyto(w.half_W_x[2 * H : 3 * H], w.W_x[..., 2 * H : 3 * H].T)
    np.multiply(w.W_x[..., 3 * H : 4 * H].T, 0.5, out=w.half_W_x[3 * H : 4 * H])
    np.matmul(w.half_W_x, x.swapaxes(-1, -2), out=w.a)  # (1), (3), (5), (7)
    np.copyto(w.b_row, w.b[..., None])
    np.copyto(w.W_h[..., :H], W_hi)
    np.copyto(w.W_h[..., H : 2 * H], W_hf)
    np.copyto(w.W_h[..., 2 * H : 3 * H], W_hc)
    np.copyto(w.W_h[..., 3 * H : 4 * H], W_ho)
    np.multiply(w.W_h[..., : 2 * H].T, 0.5, out=w.half_W_h[: 2 * H])
    np.copyto(w.half_W_h[2 * H : 3 * H], w.W_h[..., 2 * H : 3 * H].T)
    np.multiply(w.W_h[..., 3 * H : 4 * H].T, 0.5, out=w.half_W_h[3 * H : 4 * H])
    np.multiply(w_ci, 0.5, out=w.half_w_ci)
    np.multiply(w_cf, 0.5, out=w.half_w_cf)
    np.multiply(w_co, 0.5, out=w.half_w_co)
    add, multiply, tanh, half_W_h, h_W_h = np.add, np.multiply, np.tanh, w.half_W_h, w.h_W_h
    b_row, half_w_ci, c_w_ci, half_w_cf = w.b_row, w.half_w_ci, w.c_w_ci, w.half_w_cf
    c_w_cf, c_w_c, f_c, i_a_c, half_w_co = w.c_w_cf, w.c_w_c, w.f_c, w.i_a_c, w.half_w_co
    c_w_co, tanh_c = w.c_w_co, w.tanh_c
    for (
        h_prev,
        a_t,
        c_prev,
        i_f_t,
        i_f_tanh_a_c_2_t,
        f_t,
        i__t,
        tanh_a_c_2_t,
        c_t,
        o_t,
        h_t,
        h_out_t,
        c_out_t,
    ) in w.forward:  # t = 1, …, T
        half_W_h.dot(h_prev, h_W_h)  # (1), (3), (5), (7)
        add(a_t, b_row, a_t)  # (1), (3), (5), (7)
        add(a_t, h_W_h, a_t)  # (1), (3), (5), (7)
        multiply(c_prev, half_w_ci[..., None], c_w_ci)  # (1)
        multiply(c_prev, half_w_cf[..., None], c_w_cf)  # (3)
        add(i_f_t, c_w_c, i_f_t)  # (1), (3)
        tanh(i_f_tanh_a_c_2_t, i_f_tanh_a_c_2_t)  # (2), (4), (6)
        multiply(i_f_t, 0.5, i_f_t)  # (2), (4)
        add(i_f_t, 0.5, i_f_t)  # (2), (4)
        multiply(f_t, c_prev, f_c)  # (6)
        multiply(i__t, tanh_a_c_2_t, i_a_c)  # (6)
        add(f_c, i_a_c, c_t)  # (6)
        multiply(c_t, half_w_co[..., None], c_w_co)  # (7)
        add(o_t, c_w_co, o_t)  # (7)
        tanh(o_t, o_t)  # (8)
        multiply(o_t, 0.5, o_t)  # (8)
        add(o_t, 0.5, o_t)  # (8)
        tanh(c_t, tanh_c)  # (9)
        multiply(o_t, tanh_c, h_t)  # (9)
        np.copyto(h_out_t, h_t.T)  # (9)
        np.copyto(c_out_t, c_t.T)  # (6)
    w.h_out_rows.dot(W_hy, out=w.yhat_rows)  # (10)
    np.add(w.yhat, b_y, out=w.yhat)  # (10)
    np.maximum.reduce(w.yhat, axis=2, out=w.max_yhat)  # (11)
    np.subtract(w.yhat, w.max_yhat[..., None], out=w.shifted_yhat)  # (11)
    np.add(w.row_starts, y.reshape(-1), out=w.at_y_flat)  # (11)
    w.shifted_yhat_flat.take(w.at_y_flat, out=w.target_yhat_flat, mode="clip")  # (11)
    np.exp(w.shifted_yhat, out=w.exp_yhat)  # (11)
    w.exp_yhat_rows.dot(w.ones_Q, out=w.sum_exp_flat)  # (11)
    np.log(w.sum_exp, out=w.log_sum)  # (11)
    loss = np.add.reduce(w.log_sum_flat) - np.add.reduce(w.target_yhat_flat)  # (11), (12)

    # Backward
    np.divide(w.exp_yhat, w.sum_exp[..., None], out=w.dyhat)  # (52)
    w.dyhat_flat.take(w.at_y_flat, out=w.hit_yhat_flat, mode="clip")  # (52)
    np.subtract(w.hit_yhat, 1, out=w.hit_yhat)  # (52)
    w.dyhat_flat.put(w.at_y_flat, w.hit_yhat_flat, mode="clip")  # (52)
    w.dh_0.fill(0)  # (85)
    np.matmul(W_hy, w.dyhat.swapaxes(-1, -2), out=w.dh)  # (53), (62), (63), (64), (66)
    w.dc.fill(0)  # (56), (62), (63), (65)
    tanh, multiply, subtract, add = np.tanh, np.multiply, np.subtract, np.add
    tanh_c_2, do, slope_o, o_2, da_o = w.tanh_c_2, w.do, w.slope_o, w.o_2, w.da_o
    da_o_w_co, dc, c_squared, slope_c = w.da_o_w_co, w.dc, w.c_squared, w.slope_c
    o_c, dh_o_c, a_c_squared, slope_a_c = w.o_c, w.dh_o_c, w.a_c_squared, w.slope_a_c
    i_a_c_2, da_c, da_f, slope, i_2_f_2 = w.i_a_c_2, w.da_c, w.da_f, w.slope, w.i_2_f_2
    da_i, da_i_da_f, W_h, da, da_i_W_hi_T = w.da_i, w.da_i_da_f, w.W_h, w.da, w.da_i_W_hi_T
    da_i_w_ci, da_f_w_cf = w.da_i_w_ci, w.da_f_w_cf
    for (
        c_t,
        dh_t,
        o_t,
        tanh_a_c_2_t,
        i__t,
        c_prev,
        i_f_t,
        dh_prev,
        f_t,
        da_out_t,
    ) in w.backward:  # t = T, …, 1
        tanh(c_t, tanh_c_2)  # (54)
        multiply(dh_t, tanh_c_2, do)  # (54)
        subtract(1, o_t, slope_o)  # (55)
        multiply(o_t, slope_o, o_2)  # (55)
        multiply(do, o_2, da_o)  # (55)
        multiply(da_o, w_co[..., None], da_o_w_co)  # (56)
        add(dc, da_o_w_co, dc)  # (56)
        multiply(tanh_c_2, tanh_c_2, c_squared)  # (56)
        subtract(1, c_squared, slope_c)  # (56)
        multiply(o_t, slope_c, o_c)  # (56)
        multiply(dh_t, o_c, dh_o_c)  # (56)
        add(dc, dh_o_c, dc)  # (56)
        multiply(tanh_a_c_2_t, tanh_a_c_2_t, a_c_squared)  # (57)
        subtract(1, a_c_squared, slope_a_c)  # (57)
        multiply(i__t, slope_a_c, i_a_c_2)  # (57)
        multiply(dc, i_a_c_2, da_c)  # (57)
        multiply(dc, c_prev, da_f)  # (58)
        subtract(1, i_f_t, slope)  # (59), (61)
        multiply(i_f_t, slope, i_2_f_2)  # (59), (61)
        multiply(dc, tanh_a_c_2_t, da_i)  # (60)
        multiply(da_i_da_f, i_2_f_2, da_i_da_f)  # (59), (61)
        W_h.dot(da, da_i_W_hi_T)  # (53), (85)
        add(dh_prev, da_i_W_hi_T, dh_prev)  # (53), (85)
        multiply(dc, f_t, dc)  # (56), (86)
        multiply(da_i, w_ci[..., None], da_i_w_ci)  # (56), (86)
        add(dc, da_i_w_ci, dc)  # (56), (86)
        multiply(da_f, w_cf[..., None], da_f_w_cf)  # (56), (86)
        add(dc, da_f_w_cf, dc)  # (56), (86)
        np.copyto(da_out_t, da.T)  # (61)

    # Gradients
    x_rows.T.dot(w.da_out_rows, out=w.dW_x)  # (67), (71), (75), (78)
    w.h_out_prev_rows.T.dot(w.da_out_rows, out=w.dW_h)  # (68), (72), (76), (79)
    np.multiply(w.da_out[..., :H], w.c_out_prev, out=w.da_i_c)  # (69)
    w.ones_TN.dot(w.da_i_c_rows, out=w.dw_ci)  # (69)
    w.ones_TN.dot(w.da_out_rows, out=w.db)  # (70), (74), (77), (81)
    np.multiply(w.da_out[..., H : 2 * H], w.c_out_prev, out=w.da_f_c)  # (73)
    w.ones_TN.dot(w.da_f_c_rows, out=w.dw_cf)  # (73)
    np.multiply(w.da_out[..., 3 * H : 4 * H], w.c_out, out=w.da_o_c)  # (80)
    w.ones_TN.dot(w.da_o_c_rows, out=w.dw_co)  # (80)
    w.h_out_rows.T.dot(w.dyhat_rows, out=w.dW_hy)  # (82)
    w.ones_TN.dot(w.dyhat_rows, out=w.db_y)  # (83)
    w.da_out_rows.dot(w.W_x.T, out=w.dx_rows)  # (84)
    grads = {
        "W_xi": w.dW_xi,
        "W_hi": w.dW_hi,
        "w_ci": w.dw_ci,
        "b_i": w.db_i,
        "W_xf": w.dW_xf,
        "W_hf": w.dW_hf,
        "w_cf": w.dw_cf,
        "b_f": w.db_f,
        "W_xc": w.dW_xc,
        "W_hc": w.dW_hc,
        "b_c": w.db_c,
        "W_xo": w.dW_xo,
        "W_ho": w.dW_ho,
        "w_co": w.dw_co,
        "b_o": w.db_o,
        "W_hy": w.dW_hy,
        "b_y": w.db_y,
        "x": w.dx,
        "h": w.dh_0.T,
        "c": w.dc.T,
    }
    return loss, grads, {"h": w.h_out_end, "c": w.c_out_end}


def forward(params, x, state=None):
    """Return (dict of yhat, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    _, _, _, H, *_ = sizes
    W_xi = params["W_xi"]
    W_hi = params["W_hi"]
    w_ci = params["w_ci"]
    b_i = params["b_i"]
    W_xf = params["W_xf"]
    W_hf = params["W_hf"]
    w_cf = params["w_cf"]
    b_f = params["b_f"]
    W_xc = params["W_xc"]
    W_hc = params["W_hc"]
    b_c = params["b_c"]
    W_xo = params["W_xo"]
    W_ho = params["W_ho"]
    w_co = params["w_co"]
    b_o = params["b_o"]
    W_hy = params["W_hy"]
    b_y = params["b_y"]
    np.multiply(W_xi, 0.5, out=w.W_x[..., :H])
    np.multiply(W_xf, 0.5, out=w.W_x[..., H : 2 * H])
    np.copyto(w.W_x[..., 2 * H : 3 * H], W_xc)
    np.multiply(W_xo, 0.5, out=w.W_x[..., 3 * H : 4 * H])
    np.multiply(b_i, 0.5, out=w.b[:H])
    np.multiply(b_f, 0.5, out=w.b[H : 2 * H])
    np.copyto(w.b[2 * H : 3 * H], b_c)
    np.multiply(b_o, 0.5, out=w.b[3 * H : 4 * H])
    np.copyto(w.c_out_0, 0 if state is None else state["c"])
    np.copyto(w.c_0.T, 0 if state is None else state["c"])
    np.copyto(w.h_out_0, 0 if state is None else state["h"])
    np.copyto(w.h_0.T, 0 if state is None else state["h"])
    np.matmul(w.W_x.T, x.swapaxes(-1, -2), out=w.a)  # (1), (3), (5), (7)
    np.copyto(w.b_row, w.b[..., None])
    np.copyto(w.W_h[..., :H], W_hi)
    np.copyto(w.W_h[..., H : 2 * H], W_hf)
    np.copyto(w.W_h[..., 2 * H : 3 * H], W_hc)
    np.copyto(w.W_h[..., 3 * H : 4 * H], W_ho)
    np.multiply(w.W_h[..., : 2 * H].T, 0.5, out=w.half_W_h[: 2 * H])
    np.copyto(w.half_W_h[2 * H : 3 * H], w.W_h[..., 2 * H : 3 * H].T)
    np.multiply(w.W_h[..., 3 * H : 4 * H].T, 0.5, out=w.half_W_h[3 * H : 4 * H])
    np.multiply(w_ci, 0.5, out=w.half_w_ci)
    np.multiply(w_cf, 0.5, out=w.half_w_cf)
    np.multiply(w_co, 0.5, out=w.half_w_co)
    add, multiply, tanh, half_W_h, h_W_h = np.add, np.multiply, np.tanh, w.half_W_h, w.h_W_h
    b_row, half_w_ci, c_w_ci, half_w_cf = w.b_row, w.half_w_ci, w.c_w_ci, w.half_w_cf
    c_w_cf, c_w_c, f_c, tanh_a_c, i_a_c = w.c_w_cf, w.c_w_c, w.f_c, w.tanh_a_c, w.i_a_c
    half_w_co, c_w_co, tanh_c = w.half_w_co, w.c_w_co, w.tanh_c
    for (
        h_prev,
        a_t,
        c_prev,
        i_f_t,
        f_t,
        tanh_a_c_2_t,
        i__t,
        c_t,
        o_t,
        h_t,
        h_out_t,
        c_out_t,
    ) in w.forward_:  # t = 1, …, T
        half_W_h.dot(h_prev, h_W_h)  # (1), (3), (5), (7)
        add(a_t, b_row, a_t)  # (1), (3), (5), (7)
        add(a_t, h_W_h, a_t)  # (1), (3), (5), (7)
        multiply(c_prev, half_w_ci[..., None], c_w_ci)  # (1)
        multiply(c_prev, half_w_cf[..., None], c_w_cf)  # (3)
        add(i_f_t, c_w_c, i_f_t)  # (1), (3)
        tanh(i_f_t, i_f_t)  # (2), (4)
        multiply(i_f_t, 0.5, i_f_t)  # (2), (4)
        add(i_f_t, 0.5, i_f_t)  # (2), (4)
        multiply(f_t, c_prev, f_c)  # (6)
        tanh(tanh_a_c_2_t, tanh_a_c)  # (6)
        multiply(i__t, tanh_a_c, i_a_c)  # (6)
        add(f_c, i_a_c, c_t)  # (6)
        multiply(c_t, half_w_co[..., None], c_w_co)  # (7)
        add(o_t, c_w_co, o_t)  # (7)
        tanh(o_t, o_t)  # (8)
        multiply(o_t, 0.5, o_t)  # (8)
        add(o_t, 0.5, o_t)  # (8)
        tanh(c_t, tanh_c)  # (9)
        multiply(o_t, tanh_c, h_t)  # (9)
        np.copyto(h_out_t, h_t.T)  # (9)
        np.copyto(c_out_t, c_t.T)  # (6)
    w.h_out_rows.dot(W_hy, out=w.yhat_rows)  # (10)
    np.add(w.yhat, b_y, out=w.yhat)  # (10)
    return {"yhat": w.yhat}, {"h": w.h_out_end, "c": w.c_out_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, Q, dtype):
        self.a = _empty((T, 4 * H, N), dtype)
        c_all = _empty((T + 1, H, N), dtype)
        h_all = _empty((T + 1, H, N), dtype)
        self.f_c = _empty((H, N), dtype)
        self.i_a_c = _empty((H, N), dtype)
        self.yhat = _empty((T, N, Q), dtype)
        self.max_yhat = _empty((T, N), dtype)
        self.at_y = _empty((T, N), np.intp)
        self.sum_exp = _empty((T, N), dtype)
        self.log_sum = _empty((T, N), dtype)
        self.slope_o = _empty((H, N), dtype)
        self.dc = _empty((H, N), dtype)
        self.dw_ci = _empty((H,), dtype)
        self.da_i_c = _empty((T, N, H), dtype)
        self.dw_cf = _empty((H,), dtype)
        self.dw_co = _empty((H,), dtype)
        self.dW_hy = _empty((H, Q), dtype)
        self.db_y = _empty((Q,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.W_x = _empty((D, 4 * H), dtype)
        self.b = _empty((4 * H,), dtype)
        self.W_h = _empty((H, 4 * H), dtype)
        self.h_W_h = _empty((4 * H, N), dtype)
        self.dW_x = _empty((D, 4 * H), dtype)
        self.dW_h = _empty((H, 4 * H), dtype)
        self.db = _empty((4 * H,), dtype)
        h_out_all = _empty((T + 1, N, H), dtype)
        c_out_all = _empty((T + 1, N, H), dtype)
        self.half_W_x = _empty((4 * H, D), dtype)
        self.half_W_h = _empty((4 * H, H), dtype)
        self.half_w_ci = _empty((H,), dtype)
        self.half_w_cf = _empty((H,), dtype)
        self.half_w_co = _empty((H,), dtype)
        self.c_w_c = _empty((2 * H, N), dtype)
        self.b_row = _empty((4 * H, N), dtype)
        self.tanh_a_c = _empty((H, N), dtype)
        self.c_w_co = self.i_a_c  # c_w_co takes its place
        self.tanh_c = self.i_a_c  # tanh_c takes its place
        self.shifted_yhat = self.yhat  # shifted_yhat takes its place
        self.target_yhat = self.max_yhat  # target_yhat takes its place
        self.exp_yhat = self.yhat  # exp_yhat takes its place
        self.hit_yhat = self.log_sum  # hit_yhat takes its place
        self.dyhat = self.yhat  # dyhat takes its place
        dh_all = h_all  # dh takes its place
        self.do = self.f_c  # do takes its place
        self.tanh_c_2 = self.i_a_c  # tanh_c_2 takes its place
        self.o_2 = self.slope_o  # o_2 takes its place
        self.da_o_w_co = self.slope_o  # da_o_w_co takes its place
        self.o_c = self.slope_o  # o_c takes its place
        self.slope_c = self.slope_o  # slope_c takes its place
        self.c_squared = self.slope_o  # c_squared takes its place
        self.dh_o_c = self.slope_o  # dh_o_c takes its place
        self.i_a_c_2 = self.slope_o  # i_a_c_2 takes its place
        self.slope_a_c = self.slope_o  # slope_a_c takes its place
        self.a_c_squared = self.slope_o  # a_c_squared takes its place
        self.da = self.h_W_h  # da takes its place
        self.da_i_W_hi_T = self.slope_o  # da_i_W_hi_T takes its place
        self.da_i_w_ci = self.slope_o  # da_i_w_ci takes its place
        self.da_f_w_cf = self.slope_o  # da_f_w_cf takes its place
        self.da_f_c = self.da_i_c  # da_f_c takes its place
        self.da_o_c = self.da_i_c  # da_o_c takes its place
        self.da_out = self.a.reshape(T, N, 4 * H)  # da_out takes its place
        self.slope = self.c_w_c  # slope takes its place
        self.i_2_f_2 = self.c_w_c  # i_2_f_2 takes its place
        self.i_ = self.a[:, :H]
        self.f = self.a[:, H : 2 * H]
        self.o = self.a[:, 3 * H : 4 * H]
        self.c_w_ci = self.c_w_c[:H]
        self.c_w_cf = self.c_w_c[H : 2 * H]
        self.tanh_a_c_2 = self.a[:, 2 * H : 3 * H]
        self.f_2 = self.i_2_f_2[H : 2 * H]
        self.slope_f = self.slope[H : 2 * H]
        self.i_2 = self.i_2_f_2[:H]
        self.slope_i = self.slope[:H]
        self.dW_xi = self.dW_x[..., :H]
        self.dW_hi = self.dW_h[..., :H]
        self.db_i = self.db[:H]
        self.dW_xf = self.dW_x[..., H : 2 * H]
        self.dW_hf = self.dW_h[..., H : 2 * H]
        self.db_f = self.db[H : 2 * H]
        self.dW_xc = self.dW_x[..., 2 * H : 3 * H]
        self.dW_hc = self.dW_h[..., 2 * H : 3 * H]
        self.db_c = self.db[2 * H : 3 * H]
        self.dW_xo = self.dW_x[..., 3 * H : 4 * H]
        self.dW_ho = self.dW_h[..., 3 * H : 4 * H]
        self.db_o = self.db[3 * H : 4 * H]
        self.i_f_tanh_a_c_2 = self.a[:, : 3 * H]
        self.i_f = self.a[:, : 2 * H]
        self.da_o = self.da[3 * H : 4 * H]
        self.da_c = self.da[2 * H : 3 * H]
        self.da_f = self.da[H : 2 * H]
        self.da_i = self.da[:H]
        self.da_i_da_f = self.da[: 2 * H]
        self.row_starts = np.arange(T * N) * Q
        self.ones_Q = np.ones(Q, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.c_out_0 = c_out_all[0]
        self.c_0 = c_all[0]
        self.h_out_0 = h_out_all[0]
        self.h_0 = h_all[0]
        self.h_out = h_out_all[1:]
        self.h_out_rows = h_out_all[1:].reshape(T * N, H)
        self.yhat_rows = self.yhat.reshape(T * N, Q)
        self.at_y_flat = self.at_y.reshape(-1)
        self.shifted_yhat_flat = self.shifted_yhat.reshape(-1)
        self.target_yhat_flat = self.target_yhat.reshape(-1)
        self.sum_exp_flat = self.sum_exp.reshape(-1)
        self.exp_yhat_rows = self.exp_yhat.reshape(T * N, Q)
        self.log_sum_flat = self.log_sum.reshape(-1)
        self.dyhat_flat = self.dyhat.reshape(-1)
        self.hit_yhat_flat = self.hit_yhat.reshape(-1)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.da_out_rows = self.da_out.reshape(T * N, 4 * H)
        self.h_out_prev = h_out_all[:-1]
        self.h_out_prev_rows = h_out_all[:-1].reshape(T * N, H)
        self.c_out_prev = c_out_all[:-1]
        self.da_i_c_rows = self.da_i_c.reshape(T * N, H)
        self.da_f_c_rows = self.da_f_c.reshape(T * N, H)
        self.c_out = c_out_all[1:]
        self.da_o_c_rows = self.da_o_c.reshape(T * N, H)
        self.dyhat_rows = self.dyhat.reshape(T * N, Q)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h_out_end = h_out_all[-1]
        self.c_out_end = c_out_all[-1]
        self.forward = list(
            zip(
                h_all[:-1],
                self.a,
                c_all[:-1],
                self.i_f,
                self.i_f_tanh_a_c_2,
                self.f,
                self.i_,
                self.tanh_a_c_2,
                c_all[1:],
                self.o,
                h_all[1:],
                h_out_all[1:],
                c_out_all[1:],
                strict=True,
            )
        )
        self.backward = list(
            zip(
                c_all[1:][::-1],
                dh_all[1:][::-1],
                self.o[::-1],
                self.tanh_a_c_2[::-1],
                self.i_[::-1],
                c_all[:-1][::-1],
                self.i_f[::-1],
                dh_all[:-1][::-1],
                self.f[::-1],
                self.da_out[::-1],
                strict=True,
            )
        )
        self.forward_ = list(
            zip(
                h_all[:-1],
                self.a,
                c_all[:-1],
                self.i_f,
                self.f,
                self.tanh_a_c_2,
                self.i_,
                c_all[1:],
                self.o,
                h_all[1:],
                h_out_all[1:],
                c_out_all[1:],
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
    """T, N, D, H, Q and the dtype, once every argument has been checked against them."""
    _keys(
        "params",
        params,
        (
            "W_xi",
            "W_hi",
            "w_ci",
            "b_i",
            "W_xf",
            "W_hf",
            "w_cf",
            "b_f",
            "W_xc",
            "W_hc",
            "b_c",
            "W_xo",
            "W_ho",
            "w_co",
            "b_o",
            "W_hy",
            "b_y",
        ),
    )
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W_xi']", params["W_xi"], 1, ("D", "H"))
    Q = _axis("params['W_hy']", params["W_hy"], 1, ("H", "Q"))
    dtype = params["W_xi"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_xi']", params["W_xi"], (D, H), "float32 or float64")
    if params["W_xi"].shape != (D, H) or params["W_xi"].dtype != dtype:
        _refuse("params['W_xi']", params["W_xi"], (D, H), dtype)
    if params["W_hi"].shape != (H, H) or params["W_hi"].dtype != dtype:
        _refuse("params['W_hi']", params["W_hi"], (H, H), dtype)
    if params["w_ci"].shape != (H,) or params["w_ci"].dtype != dtype:
        _refuse("params['w_ci']", params["w_ci"], (H,), dtype)
    if params["b_i"].shape != (H,) or params["b_i"].dtype != dtype:
        _refuse("params['b_i']", params["b_i"], (H,), dtype)
    if params["W_xf"].shape != (D, H) or params["W_xf"].dtype != dtype:
        _refuse("params['W_xf']", params["W_xf"], (D, H), dtype)
    if params["W_hf"].shape != (H, H) or params["W_hf"].dtype != dtype:
        _refuse("params['W_hf']", params["W_hf"], (H, H), dtype)
    if params["w_cf"].shape != (H,) or params["w_cf"].dtype != dtype:
        _refuse("params['w_cf']", params["w_cf"], (H,), dtype)
    if params["b_f"].shape != (H,) or params["b_f"].dtype != dtype:
        _refuse("params['b_f']", params["b_f"], (H,), dtype)
    if params["W_xc"].shape != (D, H) or params["W_xc"].dtype != dtype:
        _refuse("params['W_xc']", params["W_xc"], (D, H), dtype)
    if params["W_hc"].shape != (H, H) or params["W_hc"].dtype != dtype:
        _refuse("params['W_hc']", params["W_hc"], (H, H), dtype)
    if params["b_c"].shape != (H,) or params["b_c"].dtype != dtype:
        _refuse("params['b_c']", params["b_c"], (H,), dtype)
    if params["W_xo"].shape != (D, H) or params["W_xo"].dtype != dtype:
        _refuse("params['W_xo']", params["W_xo"], (D, H), dtype)
    if params["W_ho"].shape != (H, H) or params["W_ho"].dtype != dtype:
        _refuse("params['W_ho']", params["W_ho"], (H, H), dtype)
    if params["w_co"].shape != (H,) or params["w_co"].dtype != dtype:
        _refuse("params['w_co']", params["w_co"], (H,), dtype)
    if params["b_o"].shape != (H,) or params["b_o"].dtype != dtype:
        _refuse("params['b_o']", params["b_o"], (H,), dtype)
    if params["W_hy"].shape != (H, Q) or params["W_hy"].dtype != dtype:
        _refuse("params['W_hy']", params["W_hy"], (H, Q), dtype)
    if params["b_y"].shape != (Q,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (Q,), dtype)
    if x.shape != (T, N, D) or x.dtype != dtype:
        _refuse("x", x, (T, N, D), dtype)
    if y is not None:
        _indices("y", y, (T, N), Q)
    if state is not None:
        _keys("state", state, ("h", "c"))
        if state["h"].shape != (N, H) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (N, H), dtype)
        if state["c"].shape != (N, H) or state["c"].dtype != dtype:
            _refuse("state['c']", state["c"], (N, H), dtype)
    return T, N, D, H, Q, dtype


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
