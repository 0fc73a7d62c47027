"""encoder: Sequence to class, a batch of rows: the loss at the last step only.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = x_t W + h_{t−1} U + b
    (2) h_t = tanh(a_t)
    (3) o_t = h_t V + c
    (4) l_t = (1/N) sum(cross_entropy(o_t, y_t))
    (5) L = l_T

Total derivatives, backward in time
   (16) dL/do_t = column((1/N) ([t = T] ones(N))) ∘ (softmax(o_t) − onehot(y_t))
   (17) dL/dh_t = dL/do_t Vᵀ + dL/da_{t+1} Uᵀ
   (18) dL/da_t = dL/dh_t ∘ (1 − h_t²)

Boundary at T
   (19) dL/da_{T+1} = 0

Gradients
   (20) dL/dW = Σ_{t=1}^{T} x_tᵀ dL/da_t
   (21) dL/dU = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t
   (22) dL/db = Σ_{t=1}^{T} sum(dL/da_t, axis=0)
   (23) dL/dV = Σ_{t=1}^{T} h_tᵀ dL/do_t
   (24) dL/dc = Σ_{t=1}^{T} sum(dL/do_t, axis=0)
   (25) dL/dx_t = dL/da_t Wᵀ
   (26) dL/dh_0 = dL/da_1 Uᵀ

Proved for every T and every size: 79 statements, by
`symbptt prove encoder`.

Written by `symbptt generate encoder`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of W (D, H), U (H, H), b (H,), V (H, C), c (C,)
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
    V = params["V"]
    c = params["c"]

    # Forward
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x_rows.dot(W, out=w.a_rows)  # (1)
    np.add(w.a, b, out=w.a)  # (1)
    add, tanh, h_U = np.add, np.tanh, w.h_U
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(U, h_U)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, h_t)  # (2)
    w.h_T.dot(V, out=w.o)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    np.maximum.reduce(w.o, axis=1, out=w.max_o)  # (4)
    np.subtract(w.o, w.max_o[..., None], out=w.shifted_o)  # (4)
    np.add(w.row_starts, y[-1].reshape(-1), out=w.at_y)  # (4)
    w.shifted_o_flat.take(w.at_y, out=w.target_o, mode="clip")  # (4)
    np.exp(w.shifted_o, out=w.exp_o)  # (4)
    w.exp_o.dot(w.ones_C, out=w.sum_exp)  # (4)
    np.log(w.sum_exp, out=w.log_sum)  # (4)
    loss = np.add.reduce(w.log_sum) / N - np.add.reduce(w.target_o) / N  # (4), (5)

    # Backward
    np.multiply(1, 1 / N, out=w.value)  # (16)
    np.divide(w.exp_o, w.sum_exp[..., None], out=w.gap)  # (16)
    w.gap_flat.take(w.at_y, out=w.hit_o, mode="clip")  # (16)
    np.subtract(w.hit_o, 1, out=w.hit_o)  # (16)
    w.gap_flat.put(w.at_y, w.hit_o, mode="clip")  # (16)
    np.multiply(w.value[..., None], w.gap, out=w.do)  # (16)
    w.dh.fill(0)  # (17), (19)
    w.do.dot(V.T, out=w.do_V)  # (17)
    np.add(w.dh, w.do_V, out=w.dh)  # (17)
    np.copyto(w.U_T, U.T)
    multiply, subtract, h_squared = np.multiply, np.subtract, w.h_squared
    slope_h, dh, U_T = w.slope_h, w.dh, w.U_T
    for h_t, da_t in w.backward:  # t = T, …, 1
        multiply(h_t, h_t, h_squared)  # (18)
        subtract(1, h_squared, slope_h)  # (18)
        multiply(dh, slope_h, da_t)  # (18)
        da_t.dot(U_T, dh)  # (17), (26)

    # Gradients
    x_rows.T.dot(w.da_rows, out=w.dW)  # (20)
    w.h_prev_rows.T.dot(w.da_rows, out=w.dU)  # (21)
    w.ones_TN.dot(w.da_rows, out=w.db)  # (22)
    w.h_T.T.dot(w.do, out=w.dV)  # (23)
    np.add.reduce(w.do, axis=0, out=w.dc)  # (24)
    w.da_rows.dot(W.T, out=w.dx_rows)  # (25)
    grads = {
        "W": w.dW,
        "U": w.dU,
        "b": w.db,
        "V": w.dV,
        "c": w.dc,
        "x": w.dx,
        "h": w.dh,
    }
    return loss, grads, {"h": w.h_end}


def forward(params, x, state=None):
    """Return (dict of o, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    T, N, D, *_ = sizes
    W = params["W"]
    U = params["U"]
    b = params["b"]
    V = params["V"]
    c = params["c"]
    x_rows = x.reshape(T * N, D)
    np.copyto(w.h_0, 0 if state is None else state["h"])
    x_rows.dot(W, out=w.a_rows)  # (1)
    np.add(w.a, b, out=w.a)  # (1)
    add, tanh, h_U = np.add, np.tanh, w.h_U
    for h_prev, a_t, h_t in w.forward:  # t = 1, …, T
        h_prev.dot(U, h_U)  # (1)
        add(a_t, h_U, a_t)  # (1)
        tanh(a_t, h_t)  # (2)
    w.h_T.dot(V, out=w.o)  # (3)
    np.add(w.o, c, out=w.o)  # (3)
    return {"o": w.o}, {"h": w.h_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, N, D, H, C, dtype):
        h_all = _empty((T + 1, N, H), dtype)
        self.h_U = _empty((N, H), dtype)
        self.o = _empty((N, C), dtype)
        self.max_o = _empty((N,), dtype)
        self.at_y = _empty((N,), np.intp)
        self.sum_exp = _empty((N,), dtype)
        self.log_sum = _empty((N,), dtype)
        self.value = _empty((N,), dtype)
        self.dh = _empty((N, H), dtype)
        self.do_V = _empty((N, H), dtype)
        self.da = _empty((T, N, H), dtype)
        self.U_T = _empty((H, H), dtype)
        self.dW = _empty((D, H), dtype)
        self.dU = _empty((H, H), dtype)
        self.db = _empty((H,), dtype)
        self.dV = _empty((H, C), dtype)
        self.dc = _empty((C,), dtype)
        self.dx = _empty((T, N, D), dtype)
        self.a = h_all[1:]  # a stands in its rows
        self.shifted_o = self.o  # shifted_o takes its place
        self.target_o = self.max_o  # target_o takes its place
        self.exp_o = self.o  # exp_o takes its place
        self.gap = self.o  # gap takes its place
        self.hit_o = self.log_sum  # hit_o takes its place
        self.do = self.o  # do takes its place
        self.slope_h = self.h_U  # slope_h takes its place
        self.h_squared = self.h_U  # h_squared takes its place
        self.row_starts = np.arange(N) * C
        self.ones_C = np.ones(C, dtype)
        self.ones_TN = np.ones(T * N, dtype)
        self.h_0 = h_all[0]
        self.a_rows = self.a.reshape(T * N, H)
        self.h_T = h_all[-1]
        self.shifted_o_flat = self.shifted_o.reshape(-1)
        self.gap_flat = self.gap.reshape(-1)
        self.da_rows = self.da.reshape(T * N, H)
        self.h_prev = h_all[:-1]
        self.h_prev_rows = h_all[:-1].reshape(T * N, H)
        self.dx_rows = self.dx.reshape(T * N, D)
        self.h_end = h_all[-1]
        self.forward = list(zip(h_all[:-1], self.a, h_all[1:], strict=True))
        self.backward = list(zip(h_all[1:][::-1], self.da[::-1], strict=True))


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
    _keys("params", params, ("W", "U", "b", "V", "c"))
    T = _axis("x", x, 0, ("T", "N", "D"))
    N = _axis("x", x, 1, ("T", "N", "D"))
    D = _axis("x", x, 2, ("T", "N", "D"))
    H = _axis("params['W']", params["W"], 1, ("D", "H"))
    C = _axis("params['V']", params["V"], 1, ("H", "C"))
    dtype = params["W"].dtype
    if dtype.kind not in "fc":
        _refuse("params['W']", params["W"], (D, H), "float32 or float64")
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
