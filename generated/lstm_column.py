"""lstm_column: LSTM, one sequence, column vectors: every gate reads the stacked [h; x].

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_f_t = W_f [h_{t−1}; x_t] + b_f
    (2) f_t = sigmoid(a_f_t)
    (3) a_i_t = W_i [h_{t−1}; x_t] + b_i
    (4) i_t = sigmoid(a_i_t)
    (5) a_Ctilde_t = W_C [h_{t−1}; x_t] + b_C
    (6) C̃_t = tanh(a_Ctilde_t)
    (7) C_t = f_t ∘ C_{t−1} + i_t ∘ C̃_t
    (8) a_o_t = W_o [h_{t−1}; x_t] + b_o
    (9) o_t = sigmoid(a_o_t)
   (10) h_t = o_t ∘ tanh(C_t)
   (11) ŷ_t = W_y h_t + b_y
   (12) l_t = squared_error(ŷ_t, y_t)
   (13) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (44) dL/dŷ_t = ŷ_t − y_t
   (45) dL/dh_t = W_yᵀ dL/dŷ_t + (W_fᵀ dL/da_f_{t+1})[0:H] + (W_iᵀ dL/da_i_{t+1})[0:H] +
            (W_Cᵀ dL/da_Ctilde_{t+1})[0:H] + (W_oᵀ dL/da_o_{t+1})[0:H]
   (46) dL/do_t = dL/dh_t ∘ tanh(C_t)
   (47) dL/da_o_t = dL/do_t ∘ o_t ∘ (1 − o_t)
   (48) dL/dC_t = dL/dh_t ∘ o_t ∘ (1 − tanh(C_t)²) + dL/dC_{t+1} ∘ f_{t+1}
   (49) dL/dC̃_t = dL/dC_t ∘ i_t
   (50) dL/da_Ctilde_t = dL/dC̃_t ∘ (1 − C̃_t²)
   (51) dL/di_t = dL/dC_t ∘ C̃_t
   (52) dL/da_i_t = dL/di_t ∘ i_t ∘ (1 − i_t)
   (53) dL/df_t = dL/dC_t ∘ C_{t−1}
   (54) dL/da_f_t = dL/df_t ∘ f_t ∘ (1 − f_t)

Boundary at T
   (55) dL/da_f_{T+1} = 0
   (56) dL/da_i_{T+1} = 0
   (57) dL/da_Ctilde_{T+1} = 0
   (58) dL/dC_{T+1} = 0
   (59) dL/da_o_{T+1} = 0

Gradients
   (60) dL/dW_f = Σ_{t=1}^{T} dL/da_f_t ([h_{t−1}; x_t])ᵀ
   (61) dL/dW_i = Σ_{t=1}^{T} dL/da_i_t ([h_{t−1}; x_t])ᵀ
   (62) dL/dW_C = Σ_{t=1}^{T} dL/da_Ctilde_t ([h_{t−1}; x_t])ᵀ
   (63) dL/dW_o = Σ_{t=1}^{T} dL/da_o_t ([h_{t−1}; x_t])ᵀ
   (64) dL/db_f = Σ_{t=1}^{T} dL/da_f_t
   (65) dL/db_i = Σ_{t=1}^{T} dL/da_i_t
   (66) dL/db_C = Σ_{t=1}^{T} dL/da_Ctilde_t
   (67) dL/db_o = Σ_{t=1}^{T} dL/da_o_t
   (68) dL/dW_y = Σ_{t=1}^{T} dL/dŷ_t h_tᵀ
   (69) dL/db_y = Σ_{t=1}^{T} dL/dŷ_t
   (70) dL/dx_t = (W_fᵀ dL/da_f_t)[H:D + H] + (W_iᵀ dL/da_i_t)[H:D + H] + (W_Cᵀ
            dL/da_Ctilde_t)[H:D + H] + (W_oᵀ dL/da_o_t)[H:D + H]
   (71) dL/dh_0 = (W_fᵀ dL/da_f_1)[0:H] + (W_iᵀ dL/da_i_1)[0:H] + (W_Cᵀ dL/da_Ctilde_1)[0:H]
            + (W_oᵀ dL/da_o_1)[0:H]
   (72) dL/dC_0 = dL/dC_1 ∘ f_1

Proved for every T and every size: 179 statements, by
`symbptt prove lstm_column`.

Written by `symbptt generate lstm_column`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W_f (H, D + H), W_i (H, D + H), W_C (H, D + H), W_o (H, D + H), b_f
        (H,), b_i (H,), b_C (H,), b_o (H,), W_y (Q, H), b_y (Q,)
    x: (T, D)
    y: (T, Q)
    state: dict of h (H,), C (H,) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    _, D, H, *_ = sizes
    W_f = params["W_f"]
    W_i = params["W_i"]
    W_C = params["W_C"]
    W_o = params["W_o"]
    b_f = params["b_f"]
    b_i = params["b_i"]
    b_C = params["b_C"]
    b_o = params["b_o"]
    W_y = params["W_y"]
    b_y = params["b_y"]

    # Forward
    np.copyto(w.W[..., :H], W_f[..., H : D + H].T)
    np.copyto(w.W[..., H : 2 * H], W_i[..., H : D + H].T)
    np.copyto(w.W[..., 2 * H : 3 * H], W_C[..., H : D + H].T)
    np.copyto(w.W[..., 3 * H : 4 * H], W_o[..., H : D + H].T)
    np.multiply(b_f, 0.5, out=w.b[:H])
    np.multiply(b_i, 0.5, out=w.b[H : 2 * H])
    np.copyto(w.b[2 * H : 3 * H], b_C)
    np.multiply(b_o, 0.5, out=w.b[3 * H : 4 * H])
    np.copyto(w.C_0, 0 if state is None else state["C"])
    np.copyto(w.h_0, 0 if state is None else state["h"])
    np.multiply(w.W[..., : 2 * H], 0.5, out=w.half_W[..., : 2 * H])
    np.copyto(w.half_W[..., 2 * H : 3 * H], w.W[..., 2 * H : 3 * H])
    np.multiply(w.W[..., 3 * H : 4 * H], 0.5, out=w.half_W[..., 3 * H : 4 * H])
    x.dot(w.half_W, out=w.a)  # (1), (3), (5), (8)
    np.add(w.a, w.b, out=w.a)  # (1), (3), (5), (8)
    np.copyto(w.W_f_i_C_o[:H], W_f[..., :H])
    np.copyto(w.W_f_i_C_o[H : 2 * H], W_i[..., :H])
    np.copyto(w.W_f_i_C_o[2 * H : 3 * H], W_C[..., :H])
    np.copyto(w.W_f_i_C_o[3 * H : 4 * H], W_o[..., :H])
    np.multiply(w.W_f_i_C_o[: 2 * H], 0.5, out=w.half_W_f_i_C_o[: 2 * H])
    np.copyto(w.half_W_f_i_C_o[2 * H : 3 * H], w.W_f_i_C_o[2 * H : 3 * H])
    np.multiply(w.W_f_i_C_o[3 * H : 4 * H], 0.5, out=w.half_W_f_i_C_o[3 * H : 4 * H])
    add, tanh, multiply, half_W_f_i_C_o = np.add, np.tanh, np.multiply, w.half_W_f_i_C_o
    W_h, f_C, i_Ctilde, tanh_C = w.W_h, w.f_C, w.i_Ctilde, w.tanh_C
    for (
        h_prev,
        a_t,
        f_i_t,
        o_t,
        f_t,
        C_prev,
        i__t,
        Ctilde_t,
        C_t,
        h_t,
    ) in w.forward:  # t = 1, …, T
        half_W_f_i_C_o.dot(h_prev, W_h)  # (1), (3), (5), (8)
        add(a_t, W_h, a_t)  # (1), (3), (5), (8)
        tanh(a_t, a_t)  # (2), (4), (6), (9)
        multiply(f_i_t, 0.5, f_i_t)  # (2), (4)
        add(f_i_t, 0.5, f_i_t)  # (2), (4)
        multiply(o_t, 0.5, o_t)  # (9)
        add(o_t, 0.5, o_t)  # (9)
        multiply(f_t, C_prev, f_C)  # (7)
        multiply(i__t, Ctilde_t, i_Ctilde)  # (7)
        add(f_C, i_Ctilde, C_t)  # (7)
        tanh(C_t, tanh_C)  # (10)
        multiply(o_t, tanh_C, h_t)  # (10)
    w.h.dot(W_y.T, out=w.yhat)  # (11)
    np.add(w.yhat, b_y, out=w.yhat)  # (11)
    np.subtract(w.yhat, y, out=w.dyhat)  # (12), (44)
    loss = 0.5 * w.dyhat_flat.dot(w.dyhat_flat)  # (12), (13)

    # Backward
    w.dh_0.fill(0)  # (71)
    w.dyhat.dot(W_y, out=w.dh)  # (45), (55), (56), (57), (59)
    np.tanh(w.C, out=w.tanh_C_2)  # (46)
    np.subtract(1, w.o, out=w.slope_o)  # (47)
    np.multiply(w.o, w.slope_o, out=w.o_2)  # (47)
    w.dC.fill(0)  # (48), (58)
    np.multiply(w.tanh_C_2, w.tanh_C_2, out=w.C_squared)  # (48)
    np.subtract(1, w.C_squared, out=w.slope_C)  # (48)
    np.multiply(w.o, w.slope_C, out=w.o_C)  # (48)
    np.multiply(w.Ctilde, w.Ctilde, out=w.Ctilde_squared)  # (50)
    np.subtract(1, w.Ctilde_squared, out=w.slope_Ctilde)  # (50)
    np.subtract(1, w.i_, out=w.slope_i)  # (52)
    np.multiply(w.i_, w.slope_i, out=w.i_2)  # (52)
    np.subtract(1, w.f, out=w.slope_f)  # (54)
    np.multiply(w.f, w.slope_f, out=w.f_2)  # (54)
    np.copyto(w.W_f_i_C_o_T, w.W_f_i_C_o.T)
    multiply, add, do, dh_o_C, dC = np.multiply, np.add, w.do, w.dh_o_C, w.dC
    dCtilde, di, df, W_f_i_C_o_T = w.dCtilde, w.di, w.df, w.W_f_i_C_o_T
    W_f_T_da_f = w.W_f_T_da_f
    for (
        dh_t,
        tanh_C_2_t,
        o_2_t,
        da_o_t,
        o_C_t,
        i__t,
        slope_Ctilde_t,
        da_Ctilde_t,
        Ctilde_t,
        i_2_t,
        da_i_t,
        C_prev,
        f_2_t,
        da_f_t,
        da_t,
        dh_prev,
        f_t,
    ) in w.backward:  # t = T, …, 1
        multiply(dh_t, tanh_C_2_t, do)  # (46)
        multiply(do, o_2_t, da_o_t)  # (47)
        multiply(dh_t, o_C_t, dh_o_C)  # (48)
        add(dC, dh_o_C, dC)  # (48)
        multiply(dC, i__t, dCtilde)  # (49)
        multiply(dCtilde, slope_Ctilde_t, da_Ctilde_t)  # (50)
        multiply(dC, Ctilde_t, di)  # (51)
        multiply(di, i_2_t, da_i_t)  # (52)
        multiply(dC, C_prev, df)  # (53)
        multiply(df, f_2_t, da_f_t)  # (54)
        W_f_i_C_o_T.dot(da_t, W_f_T_da_f)  # (45), (71)
        add(dh_prev, W_f_T_da_f, dh_prev)  # (45), (71)
        multiply(dC, f_t, dC)  # (48), (72)

    # Gradients
    np.matmul(w.da.T, w.h_prev, out=w.dW[..., :H])  # (60), (61), (62), (63)
    np.matmul(w.da.T, x, out=w.dW[..., H : D + H])  # (60), (61), (62), (63)
    w.ones_T.dot(w.da, out=w.db)  # (64), (65), (66), (67)
    w.dyhat.T.dot(w.h, out=w.dW_y)  # (68)
    w.ones_T.dot(w.dyhat, out=w.db_y)  # (69)
    w.da.dot(w.W.T, out=w.dx)  # (70)
    grads = {
        "W_f": w.dW_f,
        "W_i": w.dW_i,
        "W_C": w.dW_C,
        "W_o": w.dW_o,
        "b_f": w.db_f,
        "b_i": w.db_i,
        "b_C": w.db_C,
        "b_o": w.db_o,
        "W_y": w.dW_y,
        "b_y": w.db_y,
        "x": w.dx,
        "h": w.dh_0,
        "C": w.dC,
    }
    return loss, grads, {"h": w.h_end, "C": w.C_end}


def forward(params, x, state=None):
    """Return (dict of yhat, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    _, D, H, *_ = sizes
    W_f = params["W_f"]
    W_i = params["W_i"]
    W_C = params["W_C"]
    W_o = params["W_o"]
    b_f = params["b_f"]
    b_i = params["b_i"]
    b_C = params["b_C"]
    b_o = params["b_o"]
    W_y = params["W_y"]
    b_y = params["b_y"]
    np.multiply(W_f[..., H : D + H].T, 0.5, out=w.W[..., :H])
    np.multiply(W_i[..., H : D + H].T, 0.5, out=w.W[..., H : 2 * H])
    np.copyto(w.W[..., 2 * H : 3 * H], W_C[..., H : D + H].T)
    np.multiply(W_o[..., H : D + H].T, 0.5, out=w.W[..., 3 * H : 4 * H])
    np.multiply(b_f, 0.5, out=w.b[:H])
    np.multiply(b_i, 0.5, out=w.b[H : 2 * H])
    np.copyto(w.b[2 * H : 3 * H], b_C)
    np.multiply(b_o, 0.5, out=w.b[3 * H : 4 * H])
    np.copyto(w.C_0, 0 if state is None else state["C"])
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x.dot(w.W, out=w.a)  # (1), (3), (5), (8)
    np.add(w.a, w.b, out=w.a)  # (1), (3), (5), (8)
    np.multiply(W_f[..., :H], 0.5, out=w.W_f_i_C_o[:H])
    np.multiply(W_i[..., :H], 0.5, out=w.W_f_i_C_o[H : 2 * H])
    np.copyto(w.W_f_i_C_o[2 * H : 3 * H], W_C[..., :H])
    np.multiply(W_o[..., :H], 0.5, out=w.W_f_i_C_o[3 * H : 4 * H])
    add, tanh, multiply, W_f_i_C_o, W_h = np.add, np.tanh, np.multiply, w.W_f_i_C_o, w.W_h
    f_C, i_Ctilde, tanh_C = w.f_C, w.i_Ctilde, w.tanh_C
    for (
        h_prev,
        a_t,
        f_i_t,
        o_t,
        f_t,
        C_prev,
        i__t,
        Ctilde_t,
        C_t,
        h_t,
    ) in w.forward:  # t = 1, …, T
        W_f_i_C_o.dot(h_prev, W_h)  # (1), (3), (5), (8)
        add(a_t, W_h, a_t)  # (1), (3), (5), (8)
        tanh(a_t, a_t)  # (2), (4), (6), (9)
        multiply(f_i_t, 0.5, f_i_t)  # (2), (4)
        add(f_i_t, 0.5, f_i_t)  # (2), (4)
        multiply(o_t, 0.5, o_t)  # (9)
        add(o_t, 0.5, o_t)  # (9)
        multiply(f_t, C_prev, f_C)  # (7)
        multiply(i__t, Ctilde_t, i_Ctilde)  # (7)
        add(f_C, i_Ctilde, C_t)  # (7)
        tanh(C_t, tanh_C)  # (10)
        multiply(o_t, tanh_C, h_t)  # (10)
    w.h.dot(W_y.T, out=w.yhat)  # (11)
    np.add(w.yhat, b_y, out=w.yhat)  # (11)
    return {"yhat": w.yhat}, {"h": w.h_end, "C": w.C_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, D, H, Q, dtype):
        self.a = _empty((T, 4 * H), dtype)
        C_all = _empty((T + 1, H), dtype)
        h_all = _empty((T + 1, H), dtype)
        self.f_C = _empty((H,), dtype)
        self.i_Ctilde = _empty((H,), dtype)
        self.yhat = _empty((T, Q), dtype)
        dh_all = _empty((T + 1, H), dtype)
        self.tanh_C_2 = _empty((T, H), dtype)
        self.slope_o = _empty((T, H), dtype)
        self.dC = _empty((H,), dtype)
        self.C_squared = _empty((T, H), dtype)
        self.Ctilde_squared = _empty((T, H), dtype)
        self.slope_i = _empty((T, H), dtype)
        self.da = _empty((T, 4 * H), dtype)
        self.slope_f = _empty((T, H), dtype)
        self.dW_y = _empty((Q, H), dtype)
        self.db_y = _empty((Q,), dtype)
        self.dx = _empty((T, D), dtype)
        self.W = _empty((D, 4 * H), dtype)
        self.b = _empty((4 * H,), dtype)
        self.W_f_i_C_o = _empty((4 * H, H), dtype)
        self.W_h = _empty((4 * H,), dtype)
        self.W_f_i_C_o_T = _empty((H, 4 * H), dtype)
        self.dW = _empty((4 * H, D + H), dtype)
        self.db = _empty((4 * H,), dtype)
        self.half_W = _empty((D, 4 * H), dtype)
        self.half_W_f_i_C_o = _empty((4 * H, H), dtype)
        self.tanh_C = self.i_Ctilde  # tanh_C takes its place
        self.dyhat = self.yhat  # dyhat takes its place
        self.do = self.i_Ctilde  # do takes its place
        self.o_2 = self.slope_o  # o_2 takes its place
        self.o_C = self.C_squared  # o_C takes its place
        self.slope_C = self.C_squared  # slope_C takes its place
        self.dh_o_C = self.i_Ctilde  # dh_o_C takes its place
        self.dCtilde = self.i_Ctilde  # dCtilde takes its place
        self.slope_Ctilde = self.Ctilde_squared  # slope_Ctilde takes its place
        self.di = self.i_Ctilde  # di takes its place
        self.i_2 = self.slope_i  # i_2 takes its place
        self.df = self.i_Ctilde  # df takes its place
        self.f_2 = self.slope_f  # f_2 takes its place
        self.W_f_T_da_f = self.i_Ctilde  # W_f_T_da_f takes its place
        self.f = self.a[..., :H]
        self.i_ = self.a[..., H : 2 * H]
        self.Ctilde = self.a[..., 2 * H : 3 * H]
        self.o = self.a[..., 3 * H : 4 * H]
        self.dW_f = self.dW[:H]
        self.dW_i = self.dW[H : 2 * H]
        self.dW_C = self.dW[2 * H : 3 * H]
        self.dW_o = self.dW[3 * H : 4 * H]
        self.db_f = self.db[:H]
        self.db_i = self.db[H : 2 * H]
        self.db_C = self.db[2 * H : 3 * H]
        self.db_o = self.db[3 * H : 4 * H]
        self.f_i = self.a[..., : 2 * H]
        self.da_o = self.da[..., 3 * H : 4 * H]
        self.da_Ctilde = self.da[..., 2 * H : 3 * H]
        self.da_i = self.da[..., H : 2 * H]
        self.da_f = self.da[..., :H]
        self.ones_T = np.ones(T, dtype)
        self.C_0 = C_all[0]
        self.h_0 = h_all[0]
        self.h = h_all[1:]
        self.dyhat_flat = self.dyhat.reshape(-1)
        self.dh_0 = dh_all[0]
        self.dh = dh_all[1:]
        self.C = C_all[1:]
        self.h_prev = h_all[:-1]
        self.h_end = h_all[-1]
        self.C_end = C_all[-1]
        self.forward = list(
            zip(
                h_all[:-1],
                self.a,
                self.f_i,
                self.o,
                self.f,
                C_all[:-1],
                self.i_,
                self.Ctilde,
                C_all[1:],
                h_all[1:],
                strict=True,
            )
        )
        self.backward = list(
            zip(
                dh_all[1:][::-1],
                self.tanh_C_2[::-1],
                self.o_2[::-1],
                self.da_o[::-1],
                self.o_C[::-1],
                self.i_[::-1],
                self.slope_Ctilde[::-1],
                self.da_Ctilde[::-1],
                self.Ctilde[::-1],
                self.i_2[::-1],
                self.da_i[::-1],
                C_all[:-1][::-1],
                self.f_2[::-1],
                self.da_f[::-1],
                self.da[::-1],
                dh_all[:-1][::-1],
                self.f[::-1],
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
    """T, D, H, Q and the dtype, once every argument has been checked against them."""
    _keys(
        "params",
        params,
        (
            "W_f",
            "W_i",
            "W_C",
            "W_o",
            "b_f",
            "b_i",
            "b_C",
            "b_o",
            "W_y",
            "b_y",
        ),
    )
    T = _axis("x", x, 0, ("T", "D"))
    D = _axis("x", x, 1, ("T", "D"))
    H = _axis("params['W_f']", params["W_f"], 0, ("H", "D + H"))
    Q = _axis("params['W_y']", params["W_y"], 0, ("Q", "H"))
    dtype = params["W_f"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W_f']", params["W_f"], (H, D + H), "float32 or float64")
    if params["W_f"].shape != (H, D + H) or params["W_f"].dtype != dtype:
        _refuse("params['W_f']", params["W_f"], (H, D + H), dtype)
    if params["W_i"].shape != (H, D + H) or params["W_i"].dtype != dtype:
        _refuse("params['W_i']", params["W_i"], (H, D + H), dtype)
    if params["W_C"].shape != (H, D + H) or params["W_C"].dtype != dtype:
        _refuse("params['W_C']", params["W_C"], (H, D + H), dtype)
    if params["W_o"].shape != (H, D + H) or params["W_o"].dtype != dtype:
        _refuse("params['W_o']", params["W_o"], (H, D + H), dtype)
    if params["b_f"].shape != (H,) or params["b_f"].dtype != dtype:
        _refuse("params['b_f']", params["b_f"], (H,), dtype)
    if params["b_i"].shape != (H,) or params["b_i"].dtype != dtype:
        _refuse("params['b_i']", params["b_i"], (H,), dtype)
    if params["b_C"].shape != (H,) or params["b_C"].dtype != dtype:
        _refuse("params['b_C']", params["b_C"], (H,), dtype)
    if params["b_o"].shape != (H,) or params["b_o"].dtype != dtype:
        _refuse("params['b_o']", params["b_o"], (H,), dtype)
    if params["W_y"].shape != (Q, H) or params["W_y"].dtype != dtype:
        _refuse("params['W_y']", params["W_y"], (Q, H), dtype)
    if params["b_y"].shape != (Q,) or params["b_y"].dtype != dtype:
        _refuse("params['b_y']", params["b_y"], (Q,), dtype)
    if x.shape != (T, D) or x.dtype != dtype:
        _refuse("x", x, (T, D), dtype)
    if y is not None:
        if y.shape != (T, Q) or y.dtype != dtype:
            _refuse("y", y, (T, Q), dtype)
    if state is not None:
        _keys("state", state, ("h", "C"))
        if state["h"].shape != (H,) or state["h"].dtype != dtype:
            _refuse("state['h']", state["h"], (H,), dtype)
        if state["C"].shape != (H,) or state["C"].dtype != dtype:
            _refuse("state['C']", state["C"], (H,), dtype)
    return T, D, H, Q, dtype


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
