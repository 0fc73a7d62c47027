"""rnnlm: Recurrent language model: token indices in and out, no biases.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = U[:, x_t] + W s_{t−1}
    (2) s_t = tanh(a_t)
    (3) z_t = V s_t
    (4) ŷ_t = softmax(z_t)
    (5) l_t = cross_entropy(z_t, y_t)
    (6) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (14) dL/dz_t = ŷ_t − onehot(y_t)
   (15) dL/ds_t = Vᵀ dL/dz_t + Wᵀ dL/da_{t+1}
   (16) dL/da_t = dL/ds_t ∘ (1 − s_t²)

Boundary at T
   (17) dL/da_{T+1} = 0

Gradients
   (18) dL/dU = Σ_{t=1}^{T} dL/da_t onehot(x_t)ᵀ
   (19) dL/dV = Σ_{t=1}^{T} dL/dz_t s_tᵀ
   (20) dL/dW = Σ_{t=1}^{T} dL/da_t s_{t−1}ᵀ
   (21) dL/ds_0 = Wᵀ dL/da_1

Proved for every T and every size: 54 statements, by
`symbptt prove rnnlm`.

Written by `symbptt generate rnnlm`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of U (H, M), V (M, H), W (H, H)
    x: (T,), integers in 0..M-1
    y: (T,), integers in 0..M-1
    state: dict of s (H,) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    x, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, x, y, state)
    w = _workspace(workspace, sizes)
    U = params["U"]
    V = params["V"]
    W = params["W"]

    # Forward
    np.copyto(w.s_0, 0 if state is None else state["s"])
    np.copyto(w.U_T, U.T)  # (1)
    w.U_T.take(x, axis=0, out=w.a, mode="clip")  # (1)
    add, tanh, W_s = np.add, np.tanh, w.W_s
    for s_prev, a_t, s_t in w.forward:  # t = 1, …, T
        W.dot(s_prev, W_s)  # (1)
        add(a_t, W_s, a_t)  # (1)
        tanh(a_t, s_t)  # (2)
    w.s.dot(V.T, out=w.z)  # (3)
    np.maximum.reduce(w.z, axis=1, out=w.max_z)  # (5)
    np.subtract(w.z, w.max_z[..., None], out=w.shifted_z)  # (5)
    np.add(w.row_starts, y, out=w.at_y)  # (5)
    w.shifted_z_flat.take(w.at_y, out=w.target_z, mode="clip")  # (5)
    np.exp(w.shifted_z, out=w.exp_z)  # (5)
    w.exp_z.dot(w.ones_M, out=w.sum_exp)  # (5)
    np.log(w.sum_exp, out=w.log_sum)  # (5)
    loss = np.add.reduce(w.log_sum) - np.add.reduce(w.target_z)  # (5), (6)

    # Backward
    np.divide(w.exp_z, w.sum_exp[..., None], out=w.yhat)  # (4)
    w.dz_flat.take(w.at_y, out=w.hit_yhat, mode="clip")  # (14)
    np.subtract(w.hit_yhat, 1, out=w.hit_yhat)  # (14)
    w.dz_flat.put(w.at_y, w.hit_yhat, mode="clip")  # (14)
    w.ds_0.fill(0)  # (21)
    w.dz.dot(V, out=w.ds)  # (15), (17)
    np.multiply(w.s, w.s, out=w.s_squared)  # (16)
    np.subtract(1, w.s_squared, out=w.slope_s)  # (16)
    np.copyto(w.W_T, W.T)
    multiply, add, W_T, W_T_da = np.multiply, np.add, w.W_T, w.W_T_da
    for ds_t, slope_s_t, da_t, ds_prev in w.backward:  # t = T, …, 1
        multiply(ds_t, slope_s_t, da_t)  # (16)
        W_T.dot(da_t, W_T_da)  # (15), (21)
        add(ds_prev, W_T_da, ds_prev)  # (15), (21)

    # Gradients
    np.add(x[..., None], w.column_starts, out=w.at_x)  # (18)
    w.dU.fill(0)  # (18)
    np.add.at(w.dU_flat, w.at_x_flat, w.da_flat)  # (18)
    w.dz.T.dot(w.s, out=w.dV)  # (19)
    w.da.T.dot(w.s_prev, out=w.dW)  # (20)
    grads = {
        "U": w.dU,
        "V": w.dV,
        "W": w.dW,
        "s": w.ds_0,
    }
    return loss, grads, {"s": w.s_end}


def forward(params, x, state=None):
    """Return (dict of z, final_state); the arguments are those of loss_and_grad."""
    x = np.asarray(x)
    sizes = _sizes(params, x, None, state)
    w = _Buffers(*sizes)
    U = params["U"]
    V = params["V"]
    W = params["W"]
    np.copyto(w.s_0, 0 if state is None else state["s"])
    np.copyto(w.U_T, U.T)  # (1)
    w.U_T.take(x, axis=0, out=w.a, mode="clip")  # (1)
    add, tanh, W_s = np.add, np.tanh, w.W_s
    for s_prev, a_t, s_t in w.forward:  # t = 1, …, T
        W.dot(s_prev, W_s)  # (1)
        add(a_t, W_s, a_t)  # (1)
        tanh(a_t, s_t)  # (2)
    w.s.dot(V.T, out=w.z)  # (3)
    return {"z": w.z}, {"s": w.s_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, M, H, dtype):
        s_all = _empty((T + 1, H), dtype)
        self.U_T = _empty((M, H), dtype)
        self.W_s = _empty((H,), dtype)
        self.z = _empty((T, M), dtype)
        self.max_z = _empty((T,), dtype)
        self.at_y = _empty((T,), np.intp)
        self.sum_exp = _empty((T,), dtype)
        self.log_sum = _empty((T,), dtype)
        ds_all = _empty((T + 1, H), dtype)
        self.s_squared = _empty((T, H), dtype)
        self.W_T = _empty((H, H), dtype)
        self.dU = _empty((H, M), dtype)
        self.at_x = _empty((T, H), np.intp)
        self.dV = _empty((M, H), dtype)
        self.dW = _empty((H, H), dtype)
        self.a = s_all[1:]  # a stands in its rows
        self.shifted_z = self.z  # shifted_z takes its place
        self.target_z = self.max_z  # target_z takes its place
        self.exp_z = self.z  # exp_z takes its place
        self.yhat = self.z  # yhat takes its place
        self.hit_yhat = self.log_sum  # hit_yhat takes its place
        self.dz = self.z  # dz takes its place
        self.da = ds_all[1:]  # da stands in its rows
        self.slope_s = self.s_squared  # slope_s takes its place
        self.W_T_da = self.W_s  # W_T_da takes its place
        self.row_starts = np.arange(T) * M
        self.ones_M = np.ones(M, dtype)
        self.column_starts = np.arange(H) * M
        self.s_0 = s_all[0]
        self.s = s_all[1:]
        self.shifted_z_flat = self.shifted_z.reshape(-1)
        self.dz_flat = self.dz.reshape(-1)
        self.ds_0 = ds_all[0]
        self.ds = ds_all[1:]
        self.da_flat = self.da.reshape(-1)
        self.at_x_flat = self.at_x.reshape(-1)
        self.dU_flat = self.dU.reshape(-1)
        self.s_prev = s_all[:-1]
        self.s_end = s_all[-1]
        self.forward = list(zip(s_all[:-1], self.a, s_all[1:], strict=True))
        self.backward = list(
            zip(ds_all[1:][::-1], self.slope_s[::-1], self.da[::-1], ds_all[:-1][::-1], strict=True)
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
    """T, M, H and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("U", "V", "W"))
    T = _axis("x", x, 0, ("T",))
    M = _axis("params['U']", params["U"], 1, ("H", "M"))
    H = _axis("params['U']", params["U"], 0, ("H", "M"))
    dtype = params["U"].dtype
    if dtype.kind not in "fc":
        _refuse("params['U']", params["U"], (H, M), "float32 or float64")
    if params["U"].shape != (H, M) or params["U"].dtype != dtype:
        _refuse("params['U']", params["U"], (H, M), dtype)
    if params["V"].shape != (M, H) or params["V"].dtype != dtype:
        _refuse("params['V']", params["V"], (M, H), dtype)
    if params["W"].shape != (H, H) or params["W"].dtype != dtype:
        _refuse("params['W']", params["W"], (H, H), dtype)
    _indices("x", x, (T,), M)
    if y is not None:
        _indices("y", y, (T,), M)
    if state is not None:
        _keys("state", state, ("s",))
        if state["s"].shape != (H,) or state["s"].dtype != dtype:
            _refuse("state['s']", state["s"], (H,), dtype)
    return T, M, H, dtype


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
