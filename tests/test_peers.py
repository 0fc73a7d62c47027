"""The emitted modules against PyTorch, in float64; run with the `bench` extra installed.

lstm_pytorch and gru_pytorch are torch.nn.LSTM and torch.nn.GRU with a linear readout; the
parameters have the layouts that those modules store. Every model's gradients are those that
torch's automatic differentiation finds in the equations of the model file, run entry by entry.
"""

from __future__ import annotations

import operator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from symbptt import load
from symbptt.check import Setting, data
from symbptt.unroll import unroll
from tests.conftest import EMITTED

CLOSE = 1e-10
T, N, D, H, C = 9, 4, 3, 5, 6
# A layer's parameter -> the model's.
NAMES = {
    "weight_ih_l0": "W_ih",
    "weight_hh_l0": "W_hh",
    "bias_ih_l0": "b_ih",
    "bias_hh_l0": "b_hh",
}


@pytest.fixture(scope="module")
def torch() -> ModuleType:
    found = pytest.importorskip("torch", reason="PyTorch is not installed: the `bench` extra")
    found.set_default_dtype(found.float64)
    return found


def relative(a: Any, b: Any) -> float:
    return float(np.max(np.abs(a - b)) / np.max(np.abs(b)))


@pytest.mark.parametrize(("model", "layer"), [("lstm_pytorch", "LSTM"), ("gru_pytorch", "GRU")])
def test_the_packed_layers_are_torchs(
    torch: ModuleType, loaded: Any, model: str, layer: str
) -> None:
    torch.manual_seed(1)
    cell, readout = getattr(torch.nn, layer)(D, H), torch.nn.Linear(H, C)
    x = torch.randn(T, N, D, requires_grad=True)
    h, c = (torch.randn(1, N, H, requires_grad=True) for _ in range(2))
    y = torch.randint(C, (T, N))
    states, last = cell(x, (h, c) if layer == "LSTM" else h)
    z = readout(states)
    truth = torch.nn.functional.cross_entropy(z.reshape(T * N, C), y.reshape(-1))
    truth.backward()

    weights = dict(cell.named_parameters())
    ours = {NAMES[k]: v for k, v in weights.items()} | {"W_hy": readout.weight, "b_y": readout.bias}
    params = {k: v.detach().numpy() for k, v in ours.items()}
    start = {"h": h, "c": c} if layer == "LSTM" else {"h": h}
    module = loaded(model)
    loss, grads, final = module.loss_and_grad(
        params,
        x.detach().numpy(),
        y.numpy(),
        {k: v.detach().numpy()[0] for k, v in start.items()},
    )

    assert abs(loss - truth.item()) < CLOSE * truth.item()
    expected = {k: v.grad.numpy() for k, v in ours.items()} | {"x": x.grad.numpy()}
    expected |= {k: v.grad.numpy()[0] for k, v in start.items()}
    assert set(grads) == set(expected)
    assert {k: relative(grads[k], v) < CLOSE for k, v in expected.items()} == dict.fromkeys(
        grads, True
    )
    ends = dict(zip("hc", last, strict=True)) if layer == "LSTM" else {"h": last}
    for name, end in ends.items():
        assert relative(final[name], end.detach().numpy()[0]) < CLOSE


@pytest.mark.parametrize("order", [[1, 0, 2], [2, 1, 0]], ids=["z r n", "n z r"])
def test_a_layer_with_its_gates_swapped_is_not_torchs(
    torch: ModuleType, loaded: Any, order: list[int]
) -> None:
    """The comparison can fail: blocks of the packed weights in another order are refused."""
    torch.manual_seed(2)
    cell, readout = torch.nn.GRU(D, H), torch.nn.Linear(H, C)
    x, y = torch.randn(T, N, D), torch.randint(C, (T, N))
    z = readout(cell(x)[0])
    truth = torch.nn.functional.cross_entropy(z.reshape(T * N, C), y.reshape(-1)).item()
    params = {NAMES[k]: _blocks(v.detach().numpy(), order) for k, v in cell.named_parameters()}
    params |= {"W_hy": readout.weight.detach().numpy(), "b_y": readout.bias.detach().numpy()}
    loss = loaded("gru_pytorch").loss_and_grad(params, x.numpy(), y.numpy())[0]
    assert abs(loss - truth) > 1e-3


def _blocks(packed: np.ndarray, order: list[int]) -> np.ndarray:
    return np.concatenate([packed[H * k : H * (k + 1)] for k in order])


class Number:
    """A number of torch's that stands in NumPy's object arrays, which a tensor does not."""

    def __init__(self, tensor: Any):
        self.tensor = tensor

    def _with(self, other: Any, operation: Any) -> Any:
        if isinstance(other, np.ndarray):
            return NotImplemented
        return Number(operation(self.tensor, getattr(other, "tensor", other)))

    def __add__(self, other: Any) -> Any:
        return self._with(other, operator.add)

    def __radd__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b + a)

    def __sub__(self, other: Any) -> Any:
        return self._with(other, operator.sub)

    def __mul__(self, other: Any) -> Any:
        return self._with(other, operator.mul)

    def __rmul__(self, other: Any) -> Any:
        return self._with(other, lambda a, b: b * a)

    def __truediv__(self, other: Any) -> Any:
        return self._with(other, operator.truediv)

    def __pow__(self, exponent: Any) -> Any:
        return Number(self.tensor ** float(exponent))

    @property
    def slope(self) -> float:
        return 0.0 if self.tensor.grad is None else self.tensor.grad.item()


def functions(torch: ModuleType) -> dict[str, Any]:
    """The elementwise functions on torch's numbers."""
    smooth = {n: getattr(torch, n) for n in ("tanh", "exp", "log", "sin", "cos", "sigmoid")}
    layers = {n: getattr(torch.nn.functional, n) for n in ("relu", "hardtanh", "softplus")}

    def lifted(f: Any) -> Any:
        return lambda z: Number(f(z.tensor))

    found = {n: lifted(f) for n, f in {**smooth, **layers}.items()}
    return {**found, "number": lambda v: Number(torch.tensor(float(v)))}


@pytest.mark.parametrize("name", EMITTED)
def test_the_gradients_are_what_torch_finds(torch: ModuleType, loaded: Any, name: str) -> None:
    model = load(name)
    setting = Setting(3, {n: k for k, n in enumerate(model.sizes, 2)})
    d = data(model, setting)

    def number(value: Any) -> Any:
        if isinstance(value, int):
            return value
        return Number(torch.tensor(float(value), requires_grad=True))

    given = {k: np.asarray(np.frompyfunc(number, 1, 1)(a), object) for k, a in d.given.items()}
    loss = unroll(model, given, setting.sizes, functions(torch), setting.steps).loss.tensor
    loss.backward()
    value, grads, _ = loaded(name).loss_and_grad(*d.cast("float64"), **d.hyper)
    assert abs(value - loss.item()) < CLOSE * abs(loss.item())
    for key, grad in grads.items():
        times = sorted((k[1] for k in given if k[0] == key), key=lambda t: t or 0)
        slope = np.frompyfunc(lambda x: x.slope, 1, 1)
        rows = [np.asarray(slope(given[key, t]), dtype=float) for t in times]
        truth = rows[0] if len(rows) == 1 else np.stack(rows)
        assert grad.shape == truth.shape and relative(grad, truth) < CLOSE, key
