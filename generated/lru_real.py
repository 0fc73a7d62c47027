"""lru_real: Linear recurrent unit with a real diagonal, one sequence.

Loss and gradients by backpropagation through time, from the numbered equations below.
dL/dv is the total derivative of the loss, through every path in time.

Forward
    (1) a_t = −exp(ν)
    (2) x_t = exp(a_t) ∘ x_{t−1} + exp(γ) ∘ B u_t
    (3) ŷ_t = C x_t + D u_t
    (4) l_t = squared_error(ŷ_t, y_t)
    (5) L = Σ_{t=1}^{T} l_t

Total derivatives, backward in time
   (17) dL/dŷ_t = ŷ_t − y_t
   (18) dL/dx_t = Cᵀ dL/dŷ_t + dL/dx_{t+1} ∘ exp(a_{t+1})
   (19) dL/da_t = dL/dx_t ∘ exp(a_t) ∘ x_{t−1}

Boundary at T
   (20) dL/dx_{T+1} = 0

Gradients
   (21) dL/dν = Σ_{t=1}^{T} (−dL/da_t ∘ exp(ν))
   (22) dL/dγ = Σ_{t=1}^{T} dL/dx_t ∘ exp(γ) ∘ B u_t
   (23) dL/dB = Σ_{t=1}^{T} (dL/dx_t ∘ exp(γ)) u_tᵀ
   (24) dL/dC = Σ_{t=1}^{T} dL/dŷ_t x_tᵀ
   (25) dL/dD = Σ_{t=1}^{T} dL/dŷ_t u_tᵀ
   (26) dL/du_t = Bᵀ (dL/dx_t ∘ exp(γ)) + Dᵀ dL/dŷ_t
   (27) dL/dx_0 = dL/dx_1 ∘ exp(a_1)

Proved for every T and every size: 74 statements, by
`symbptt prove lru_real`.

Written by `symbptt generate lru_real`; write it again rather than edit it.
"""

import numpy as np


def loss_and_grad(params, x, y, state=None, *, workspace=None):
    """Return (loss, grads, final_state).

    params: dict of nu (H,), gamma (H,), B (H, M), C (Q, H), D (Q, M)
    x: (T, M)
    y: (T, Q)
    state: dict of x (H,) before the first step; zeros if None

    grads holds the gradient of every parameter, of the initial state and of every real input,
    under their names. All arrays are float32, or all are float64. A dict given as `workspace`
    keeps the buffers between calls: nothing is allocated after the first, and what is returned
    is overwritten by the next. A ValueError names the argument that does not fit.
    """
    u_, y = np.asarray(x), np.asarray(y)
    sizes = _sizes(params, u_, y, state)
    w = _workspace(workspace, sizes)
    nu = params["nu"]
    gamma = params["gamma"]
    B = params["B"]
    C = params["C"]
    D = params["D"]

    # Forward
    np.copyto(w.x_0, 0 if state is None else state["x"])
    np.exp(gamma, out=w.exp_gamma)  # (2)
    u_.dot(B.T, out=w.B_u)  # (2)
    np.multiply(w.exp_gamma, w.B_u, out=w.x)  # (2)
    np.exp(nu, out=w.exp_nu)  # (1)
    np.negative(w.exp_nu, out=w.nu_2)  # (1)
    np.copyto(w.a, w.nu_2)  # (1)
    np.exp(w.a, out=w.exp_a)  # (2)
    multiply, add, x_exp_a = np.multiply, np.add, w.x_exp_a
    for x_prev, exp_a_t, x_t in w.forward:  # t = 1, …, T
        multiply(x_prev, exp_a_t, x_exp_a)  # (2)
        add(x_t, x_exp_a, x_t)  # (2)
    w.x.dot(C.T, out=w.yhat)  # (3)
    u_.dot(D.T, out=w.D_u)  # (3)
    np.add(w.yhat, w.D_u, out=w.yhat)  # (3)
    np.subtract(w.yhat, y, out=w.dyhat)  # (4), (17)
    loss = 0.5 * w.dyhat_flat.dot(w.dyhat_flat)  # (4), (5)

    # Backward
    w.dx_0.fill(0)  # (27)
    w.dyhat.dot(C, out=w.dx)  # (18), (20)
    multiply, add, dx_exp_a = np.multiply, np.add, w.dx_exp_a
    for dx_t, exp_a_t, dx_prev in w.backward:  # t = T, …, 1
        multiply(dx_t, exp_a_t, dx_exp_a)  # (18), (27)
        add(dx_prev, dx_exp_a, dx_prev)  # (18), (27)
    np.multiply(w.dx, w.exp_a, out=w.da)  # (19)
    np.multiply(w.da, w.x_prev, out=w.da)  # (19)

    # Gradients
    np.multiply(w.da, w.exp_nu, out=w.da_nu)  # (21)
    w.ones_T.dot(w.da_nu, out=w.dnu)  # (21)
    np.multiply(w.dnu, -1, out=w.dnu)  # (21)
    np.multiply(w.dx, w.exp_gamma, out=w.dx_gamma)  # (22)
    np.multiply(w.dx_gamma, w.B_u, out=w.dx_gamma)  # (22)
    w.ones_T.dot(w.dx_gamma, out=w.dgamma)  # (22)
    np.multiply(w.dx, w.exp_gamma, out=w.dx_gamma_2)  # (23)
    w.dx_gamma_2.T.dot(u_, out=w.dB)  # (23)
    w.dyhat.T.dot(w.x, out=w.dC)  # (24)
    w.dyhat.T.dot(u_, out=w.dD)  # (25)
    w.dx_gamma_2.dot(B, out=w.du)  # (26)
    w.dyhat.dot(D, out=w.D_dyhat)  # (26)
    np.add(w.du, w.D_dyhat, out=w.du)  # (26)
    grads = {
        "nu": w.dnu,
        "gamma": w.dgamma,
        "B": w.dB,
        "C": w.dC,
        "D": w.dD,
        "u": w.du,
        "x": w.dx_0,
    }
    return loss, grads, {"x": w.x_end}


def forward(params, x, state=None):
    """Return (dict of yhat, final_state); the arguments are those of loss_and_grad."""
    u_ = np.asarray(x)
    sizes = _sizes(params, u_, None, state)
    w = _Buffers(*sizes)
    nu = params["nu"]
    gamma = params["gamma"]
    B = params["B"]
    C = params["C"]
    D = params["D"]
    np.copyto(w.x_0, 0 if state is None else state["x"])
    np.exp(gamma, out=w.exp_gamma)  # (2)
    u_.dot(B.T, out=w.B_u)  # (2)
    np.multiply(w.exp_gamma, w.B_u, out=w.x)  # (2)
    np.exp(nu, out=w.exp_nu)  # (1)
    np.negative(w.exp_nu, out=w.nu_2)  # (1)
    np.copyto(w.a, w.nu_2)  # (1)
    np.exp(w.a, out=w.exp_a)  # (2)
    multiply, add, x_exp_a = np.multiply, np.add, w.x_exp_a
    for x_prev, exp_a_t, x_t in w.forward:  # t = 1, …, T
        multiply(x_prev, exp_a_t, x_exp_a)  # (2)
        add(x_t, x_exp_a, x_t)  # (2)
    w.x.dot(C.T, out=w.yhat)  # (3)
    u_.dot(D.T, out=w.D_u)  # (3)
    np.add(w.yhat, w.D_u, out=w.yhat)  # (3)
    return {"yhat": w.yhat}, {"x": w.x_end}


class _Buffers:
    """Every array that the functions write, for one set of sizes and one dtype."""

    def __init__(self, T, M, H, Q, dtype):
        x_all = _empty((T + 1, H), dtype)
        self.exp_gamma = _empty((H,), dtype)
        self.B_u = _empty((T, H), dtype)
        self.nu_2 = _empty((H,), dtype)
        self.exp_nu = _empty((H,), dtype)
        self.a = _empty((T, H), dtype)
        self.x_exp_a = _empty((H,), dtype)
        self.D_u = _empty((T, Q), dtype)
        self.yhat = _empty((T, Q), dtype)
        dx_all = _empty((T + 1, H), dtype)
        self.dnu = _empty((H,), dtype)
        self.dgamma = _empty((H,), dtype)
        self.dB = _empty((H, M), dtype)
        self.dC = _empty((Q, H), dtype)
        self.dD = _empty((Q, M), dtype)
        self.du = _empty((T, M), dtype)
        self.D_dyhat = _empty((T, M), dtype)
        self.exp_a = self.a  # exp_a takes its place
        self.dyhat = self.yhat  # dyhat takes its place
        self.dx_exp_a = self.x_exp_a  # dx_exp_a takes its place
        self.da = self.a  # da takes its place
        self.da_nu = self.a  # da_nu takes its place
        self.dx_gamma = self.a  # dx_gamma takes its place
        self.dx_gamma_2 = self.B_u  # dx_gamma_2 takes its place
        self.ones_T = np.ones(T, dtype)
        self.x_0 = x_all[0]
        self.x = x_all[1:]
        self.dyhat_flat = self.dyhat.reshape(-1)
        self.dx_0 = dx_all[0]
        self.dx = dx_all[1:]
        self.x_prev = x_all[:-1]
        self.x_end = x_all[-1]
        self.forward = list(zip(x_all[:-1], self.exp_a, x_all[1:], strict=True))
        self.backward = list(
            zip(dx_all[1:][::-1], self.exp_a[::-1], dx_all[:-1][::-1], strict=True)
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


def _sizes(params, u_, y, state):
    """T, M, H, Q and the dtype, once every argument has been checked against them."""
    _keys("params", params, ("nu", "gamma", "B", "C", "D"))
    T = _axis("x", u_, 0, ("T", "M"))
    M = _axis("x", u_, 1, ("T", "M"))
    H = _axis("params['nu']", params["nu"], 0, ("H",))
    Q = _axis("params['C']", params["C"], 0, ("Q", "H"))
    dtype = params["nu"].dtype
    if dtype.kind not in "fc":
        _refuse("params['nu']", params["nu"], (H,), "float32 or float64")
    if params["nu"].shape != (H,) or params["nu"].dtype != dtype:
        _refuse("params['nu']", params["nu"], (H,), dtype)
    if params["gamma"].shape != (H,) or params["gamma"].dtype != dtype:
        _refuse("params['gamma']", params["gamma"], (H,), dtype)
    if params["B"].shape != (H, M) or params["B"].dtype != dtype:
        _refuse("params['B']", params["B"], (H, M), dtype)
    if params["C"].shape != (Q, H) or params["C"].dtype != dtype:
        _refuse("params['C']", params["C"], (Q, H), dtype)
    if params["D"].shape != (Q, M) or params["D"].dtype != dtype:
        _refuse("params['D']", params["D"], (Q, M), dtype)
    if u_.shape != (T, M) or u_.dtype != dtype:
        _refuse("x", u_, (T, M), dtype)
    if y is not None:
        if y.shape != (T, Q) or y.dtype != dtype:
            _refuse("y", y, (T, Q), dtype)
    if state is not None:
        _keys("state", state, ("x",))
        if state["x"].shape != (H,) or state["x"].dtype != dtype:
            _refuse("state['x']", state["x"], (H,), dtype)
    return T, M, H, Q, dtype


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
