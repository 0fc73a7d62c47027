"""The peers: per model, builders `(params, x, y, state) -> callable returning (loss, grads)`.

A builder does once what its library does once: it imports it, copies the arrays in and compiles.
The callable it returns computes the loss and all gradients, the same as ours, under the same names.
Each peer is written as its own documentation would write it, with the input product and the readout
taken out of the loop over t. The GEMM limit's callable returns None: it computes only products.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from .contract import GEMM_LIMIT, Builder, Peer, Result
from .gated import GRU, LSTM
from .problems import Array


def torch_elman_batch(
    params: dict[str, Array], x: Array, y: Array, state: dict[str, Array]
) -> Peer:
    """nn.RNN with time first, a Linear readout, and the summed CrossEntropyLoss."""
    torch = import_module("torch")
    (_, _, D), (H, C) = x.shape, params["V"].shape
    rnn, readout = torch.nn.RNN(D, H), torch.nn.Linear(H, C)
    cross_entropy = torch.nn.CrossEntropyLoss(reduction="sum")
    with torch.no_grad():
        rnn.weight_hh_l0.copy_(torch.tensor(params["W_h"].T.copy()))
        rnn.weight_ih_l0.copy_(torch.tensor(params["W_x"].T.copy()))
        rnn.bias_ih_l0.copy_(torch.tensor(params["b"]))
        rnn.bias_hh_l0.zero_().requires_grad_(False)  # the model has one bias, nn.RNN has two
        readout.weight.copy_(torch.tensor(params["V"].T.copy()))
        readout.bias.copy_(torch.tensor(params["c"]))
    inputs, h_0 = torch.tensor(x).requires_grad_(), torch.tensor(state["h"][None]).requires_grad_()
    targets = torch.tensor(y.reshape(-1))
    recurrent = (rnn.weight_hh_l0, rnn.weight_ih_l0, rnn.bias_ih_l0)
    leaves = (*recurrent, readout.weight, readout.bias, h_0, inputs)

    def peer() -> Result:
        h, _ = rnn(inputs, h_0)
        loss = cross_entropy(readout(h).view(-1, C), targets)
        W_h, W_x, b, V, c, d_h, d_x = (grad.numpy() for grad in torch.autograd.grad(loss, leaves))
        named = {"W_h": W_h.T, "W_x": W_x.T, "b": b, "V": V.T, "c": c, "h": d_h[0], "x": d_x}
        return loss.item(), named

    return peer


def jax_elman_batch(params: dict[str, Array], x: Array, y: Array, state: dict[str, Array]) -> Peer:
    """jit of value_and_grad over lax.scan."""
    jax, jnp = import_module("jax"), import_module("jax.numpy")

    def loss(params: Any, x: Any, h_0: Any, y: Any) -> Any:
        def step(h: Any, z: Any) -> Any:
            h = jnp.tanh(z + h @ params["W_h"])
            return h, h

        _, h = jax.lax.scan(step, h_0, x @ params["W_x"] + params["b"])
        log_p = jax.nn.log_softmax(h @ params["V"] + params["c"])
        return -jnp.sum(jnp.take_along_axis(log_p, y[..., None], -1))

    gradient = jax.jit(jax.value_and_grad(loss, (0, 1, 2)))
    arguments = jax.device_put((params, x, state["h"], y))

    def peer() -> Result:
        value, (grads, d_x, d_h) = jax.block_until_ready(gradient(*arguments))
        return value, {**grads, "h": d_h, "x": d_x}

    return peer


def autograd_elman_batch(
    params: dict[str, Array], x: Array, y: Array, state: dict[str, Array]
) -> Peer:
    """A Python loop over t, recorded on autograd's tape."""
    anp, value_and_grad = import_module("autograd.numpy"), import_module("autograd").value_and_grad
    one_hot = np.eye(params["c"].size, dtype=x.dtype)[y]

    def loss(params: Any, x: Any, h: Any) -> Any:
        z = anp.dot(x, params["W_x"]) + params["b"]
        states = []
        for t in range(len(z)):
            h = anp.tanh(z[t] + anp.dot(h, params["W_h"]))
            states.append(h)
        o = anp.dot(anp.stack(states), params["V"]) + params["c"]
        o = o - np.max(o._value, -1, keepdims=True)  # any shift leaves the loss as it is
        return anp.sum(anp.log(anp.sum(anp.exp(o), -1))) - anp.sum(o * one_hot)

    gradient = value_and_grad(loss, (0, 1, 2))

    def peer() -> Result:
        value, (grads, d_x, d_h) = gradient(params, x, state["h"])
        return value, {**grads, "h": d_h, "x": d_x}

    return peer


def gemm_limit_elman_batch(
    params: dict[str, Array], x: Array, y: Array, state: dict[str, Array]
) -> Peer:
    """Nine products: h W_h and da W_hᵀ once per step, the other seven once for all t."""
    (T, N, D), (H, C) = x.shape, params["V"].shape
    rng = np.random.default_rng(1)

    def normal(*shape: int) -> Array:
        return rng.standard_normal(shape, dtype=np.float32).astype(x.dtype)

    x_rows, h, h_before, da, do = x.reshape(T * N, D), *(normal(T * N, k) for k in (H, H, H, C))
    W_h, W_x, V = params["W_h"], params["W_x"], params["V"]
    W_hT = W_h.T.copy()
    h_steps, da_steps = list(h.reshape(T, N, H)), list(da.reshape(T, N, H))[::-1]
    step, wide, o = normal(N, H), normal(T * N, H), normal(T * N, C)
    d_W_h, d_W_x, d_V, d_x = normal(H, H), normal(D, H), normal(H, C), normal(T * N, D)

    def peer() -> Result:
        x_rows.dot(W_x, wide)
        for h_t in h_steps:
            h_t.dot(W_h, step)
        h.dot(V, o)
        do.dot(V.T, wide)
        for da_t in da_steps:
            da_t.dot(W_hT, step)
        h_before.T.dot(da, d_W_h)
        x_rows.T.dot(da, d_W_x)
        h.T.dot(do, d_V)
        da.dot(W_x.T, d_x)
        return None

    return peer


PEERS: Mapping[str, Mapping[str, Builder]] = {
    "lstm": LSTM,
    "gru": GRU,
    "elman_batch": {
        "torch": torch_elman_batch,
        "jax": jax_elman_batch,
        "autograd": autograd_elman_batch,
        GEMM_LIMIT: gemm_limit_elman_batch,
    },
}


def disagreement(ours: Result, theirs: Result) -> tuple[str, float]:
    """The name ("loss" or a gradient's) where two results differ most, and its relative error."""
    if ours is None or theirs is None:
        return "loss", 0.0
    errors = {"loss": _relative_error(np.asarray(theirs[0]), np.asarray(ours[0]))}
    for name, grad in ours[1].items():
        errors[name] = _relative_error(np.asarray(theirs[1][name]), np.asarray(grad))
    worst = max(errors, key=lambda name: errors[name])
    return worst, errors[worst]


def _relative_error(a: Array, b: Array) -> float:
    """The largest difference over the largest entry; infinite for another shape or a NaN."""
    if a.shape != b.shape:
        return float("inf")
    error = float(np.max(np.abs(a - b)) / max(float(np.max(np.abs(b))), 1e-30))
    return error if np.isfinite(error) else float("inf")
