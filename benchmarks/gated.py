"""The peers of the gated models. The bare products run in the layout in which they are fastest."""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

import numpy as np

from .contract import GEMM_LIMIT, Builder, Peer, Result
from .problems import Array

Arrays = dict[str, Array]


def _torch_gated(cell: str, params: Arrays, x: Array, y: Array, state: Arrays, mean: bool) -> Any:
    """nn.LSTM or nn.GRU with a Linear readout: the modules, and what runs them."""
    torch = import_module("torch")
    H, C = state["h"].shape[1], params["b_y"].size
    rnn, readout = getattr(torch.nn, cell)(x.shape[2], H), torch.nn.Linear(H, C)
    cross_entropy = torch.nn.CrossEntropyLoss(reduction="mean" if mean else "sum")
    inputs, targets = torch.tensor(x).requires_grad_(), torch.tensor(y.reshape(-1))
    start = [torch.tensor(state[k][None]).requires_grad_() for k in state]

    def run(leaves: Any) -> Any:
        h, _ = rnn(inputs, tuple(start) if len(start) > 1 else start[0])
        loss = cross_entropy(readout(h).view(-1, C), targets)
        grads = torch.autograd.grad(loss, [*leaves, inputs, *start])
        return loss.item(), [g.numpy() for g in grads]

    return torch, rnn, readout, run


def torch_lstm(params: Arrays, x: Array, y: Array, state: Arrays) -> Peer:
    """nn.LSTM packs i, f, g, o as the model does, one column of ours a row of its."""
    torch, rnn, readout, run = _torch_gated("LSTM", params, x, y, state, False)
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(torch.tensor(params["U"].T.copy()))
        rnn.weight_ih_l0.copy_(torch.tensor(params["W"].T.copy()))
        rnn.bias_ih_l0.copy_(torch.tensor(params["b"]))
        rnn.bias_hh_l0.zero_().requires_grad_(False)  # the model has one bias, nn.LSTM has two
        readout.weight.copy_(torch.tensor(params["V"].T.copy()))
        readout.bias.copy_(torch.tensor(params["b_y"]))
    weights = (rnn.weight_hh_l0, rnn.weight_ih_l0, rnn.bias_ih_l0, readout.weight, readout.bias)

    def peer() -> Result:
        loss, (U, W, b, V, b_y, d_x, d_h, d_c) = run(weights)
        named = {"U": U.T, "W": W.T, "b": b, "V": V.T, "b_y": b_y, "x": d_x}
        return loss, {**named, "h": d_h[0], "c": d_c[0]}

    return peer


def torch_gru(params: Arrays, x: Array, y: Array, state: Arrays) -> Peer:
    """nn.GRU, whose weights the model has as they are."""
    torch, rnn, readout, run = _torch_gated("GRU", params, x, y, state, True)
    names = ("W_ih", "W_hh", "b_ih", "b_hh", "W_hy", "b_y")
    weights = [*rnn.parameters(), *readout.parameters()]
    with torch.no_grad():
        for name, weight in zip(names, weights, strict=True):
            weight.copy_(torch.tensor(params[name]))

    def peer() -> Result:
        loss, (*grads, d_x, d_h) = run(weights)
        return loss, {**dict(zip(names, grads, strict=True)), "x": d_x, "h": d_h[0]}

    return peer


def _lstm_step(xp: Any, params: Any, state: Any, a: Any) -> Any:
    h, c = state
    i, f, g, o = xp.split(a + xp.dot(h, params["U"]), 4, 1)
    c = _sigmoid(xp, f) * c + _sigmoid(xp, i) * xp.tanh(g)
    return _sigmoid(xp, o) * xp.tanh(c), c


def _gru_step(xp: Any, params: Any, state: Any, a: Any) -> Any:
    (h,) = state
    a_r, a_z, a_n = xp.split(a, 3, 1)
    h_r, h_z, h_n = xp.split(xp.dot(h, params["W_hh"].T) + params["b_hh"], 3, 1)
    r, z = _sigmoid(xp, a_r + h_r), _sigmoid(xp, a_z + h_z)
    return ((1 - z) * xp.tanh(a_n + r * h_n) + z * h,)


def _sigmoid(xp: Any, z: Any) -> Any:
    return 0.5 + 0.5 * xp.tanh(0.5 * z)


def _lstm_ends(xp: Any, p: Any) -> Any:
    """The input's product for all t, and the readout."""
    return lambda x: xp.dot(x, p["W"]) + p["b"], lambda h: xp.dot(h, p["V"]) + p["b_y"], 1


def _gru_ends(xp: Any, p: Any) -> Any:
    before, after = p["W_ih"].T, p["W_hy"].T
    return lambda x: xp.dot(x, before) + p["b_ih"], lambda h: xp.dot(h, after) + p["b_y"], None


def _jax(step: Callable[..., Any], ends: Callable[..., Any]) -> Builder:
    """jit of value_and_grad over lax.scan."""

    def build(params: Arrays, x: Array, y: Array, state: Arrays) -> Peer:
        jax, jnp = import_module("jax"), import_module("jax.numpy")

        def loss(params: Any, x: Any, start: Any, y: Any) -> Any:
            before, after, over = ends(jnp, params)

            def one(state: Any, a: Any) -> Any:
                state = step(jnp, params, state, a)
                return state, state[0]

            _, h = jax.lax.scan(one, start, before(x))
            log_p = jax.nn.log_softmax(after(h))
            total = -jnp.sum(jnp.take_along_axis(log_p, y[..., None], -1))
            return total / (over or y.size)

        gradient = jax.jit(jax.value_and_grad(loss, (0, 1, 2)))
        arguments = jax.device_put((params, x, tuple(state.values()), y))

        def peer() -> Result:
            value, (grads, d_x, d_start) = jax.block_until_ready(gradient(*arguments))
            return value, {**grads, "x": d_x, **dict(zip(state, d_start, strict=True))}

        return peer

    return build


def _autograd(step: Callable[..., Any], ends: Callable[..., Any]) -> Builder:
    """A Python loop over t, recorded on autograd's tape."""

    def build(params: Arrays, x: Array, y: Array, state: Arrays) -> Peer:
        anp = import_module("autograd.numpy")
        value_and_grad = import_module("autograd").value_and_grad
        one_hot = np.eye(params["b_y"].size, dtype=x.dtype)[y]

        def loss(params: Any, x: Any, now: Any) -> Any:
            before, after, over = ends(anp, params)
            states = []
            a = before(x)
            for t in range(len(a)):
                now = step(anp, params, now, a[t])
                states.append(now[0])
            o = after(anp.stack(states))
            o = o - np.max(o._value, -1, keepdims=True)  # any shift leaves the loss as it is
            total = anp.sum(anp.log(anp.sum(anp.exp(o), -1))) - anp.sum(o * one_hot)
            return total / (over or y.size)

        gradient = value_and_grad(loss, (0, 1, 2))

        def peer() -> Result:
            value, (grads, d_x, d_start) = gradient(params, x, tuple(state.values()))
            return value, {**grads, "x": d_x, **dict(zip(state, d_start, strict=True))}

        return peer

    return build


def gemm_limit(params: Arrays, x: Array, y: Array, state: Arrays) -> Peer:
    """Nine products: two per step, in columns, and the other seven once for all t, in rows."""
    (T, N, D), C = x.shape, params["b_y"].size
    U = params["U"] if "U" in params else params["W_hh"].T.copy()
    W = params["W"] if "W" in params else params["W_ih"].T.copy()
    V = params["V"] if "V" in params else params["W_hy"].T.copy()
    H, G = U.shape
    rng = np.random.default_rng(1)

    def normal(*shape: int) -> Array:
        return rng.standard_normal(shape, dtype=np.float32).astype(x.dtype)

    x_rows, h, da, do = x.reshape(T * N, D), *(normal(T * N, k) for k in (H, G, C))
    U_T = U.T.copy()
    h_steps, da_steps = list(h.reshape(T, H, N)), list(da.reshape(T, G, N))[::-1]
    gates, back = normal(G, N), normal(H, N)
    a, dh, o = normal(T * N, G), normal(T * N, H), normal(T * N, C)
    d_U, d_W, d_V, d_x = normal(H, G), normal(D, G), normal(H, C), normal(T * N, D)

    def peer() -> Result:
        x_rows.dot(W, a)
        for h_t in h_steps:
            U_T.dot(h_t, gates)
        h.dot(V, o)
        do.dot(V.T, dh)
        for da_t in da_steps:
            U.dot(da_t, back)
        h.T.dot(da, d_U)
        x_rows.T.dot(da, d_W)
        h.T.dot(do, d_V)
        da.dot(W.T, d_x)
        return None

    return peer


LSTM: Mapping[str, Builder] = {
    "torch": torch_lstm,
    "jax": _jax(_lstm_step, _lstm_ends),
    "autograd": _autograd(_lstm_step, _lstm_ends),
    GEMM_LIMIT: gemm_limit,
}
GRU: Mapping[str, Builder] = {
    "torch": torch_gru,
    "jax": _jax(_gru_step, _gru_ends),
    "autograd": _autograd(_gru_step, _gru_ends),
    GEMM_LIMIT: gemm_limit,
}
