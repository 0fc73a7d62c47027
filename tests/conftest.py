"""Models beyond the zoo, what is derived from each once per session, and `pytest --update`."""

from collections.abc import Callable
from functools import cache
from types import ModuleType

import pytest

from symbptt import derive, emit, load, plan, zoo
from symbptt import model as read
from symbptt.check import load_module
from symbptt.model import Derivation
from symbptt.plan import Program

GATES = """model gates "Long short-term memory, a product for each gate"
size N, D, H, C
input x[t] : N, D
target y[t] : N in C
state h[t] : N, H
state c[t] : N, H
param W_i : D, H
param U_i : H, H
param b_i : H
param W_f : D, H
param U_f : H, H
param b_f : H
param W_o : D, H
param U_o : H, H
param b_o : H
param W_g : D, H
param U_g : H, H
param b_g : H
param V : H, C

i[t] = sigmoid(x[t] @ W_i + h[t-1] @ U_i + b_i)
f[t] = sigmoid(x[t] @ W_f + h[t-1] @ U_f + b_f)
o[t] = sigmoid(x[t] @ W_o + h[t-1] @ U_o + b_o)
g[t] = tanh(x[t] @ W_g + h[t-1] @ U_g + b_g)
c[t] = f[t] * c[t-1] + i[t] * g[t]
h[t] = o[t] * tanh(c[t])
z[t] = h[t] @ V
l[t] = sum(cross_entropy(z[t], y[t]))
loss = sum(l[t])
"""

RESET = """model reset "Gated recurrent unit, column vectors"
size D, H
input x[t] : D
target y[t] : H
state h[t] : H
param W_z : H, D
param U_z : H, H
param W_r : H, D
param U_r : H, H
param W_n : H, D
param U_n : H, H

z[t] = sigmoid(W_z @ x[t] + U_z @ h[t-1])
r[t] = sigmoid(W_r @ x[t] + U_r @ h[t-1])
n[t] = tanh(W_n @ x[t] + U_n @ (r[t] * h[t-1]))
h[t] = (1 - z[t]) * n[t] + z[t] * h[t-1]
l[t] = squared_error(h[t], y[t])
loss = mean(l[t])
"""

LAG2 = """model lag2 "A state read one and two steps back"
size D, H
input x[t] : D
target y[t] : H
state h[t] : H
param W : H, H
param R : H, H
param U : H, D

h[t] = tanh(W @ h[t-1] + R @ h[t-2] + U @ x[t])
l[t] = squared_error(h[t], y[t])
loss = sum(l[t])
"""

STACKED = """model stacked "Two layers, each with its own state"
size N, D, H, K, C
input x[t] : N, D
target y[t] : N, C
state h[t] : N, H
state g[t] : N, K
param W : D, H
param R : H, H
param U : H, K
param S : K, K
param V : K, C

h[t] = tanh(x[t] @ W + h[t-1] @ R)
g[t] = tanh(h[t] @ U + g[t-1] @ S)
o[t] = g[t] @ V
l[t] = sum(squared_error(o[t], y[t]))
loss = sum(l[t])
"""

LAST = """model last "A class per row, at the last step only"
size N, D, H, C
input x[t] : N, D
target y[t] : N in C
state h[t] : N, H
param W : D, H
param R : H, H
param V : H, C

h[t] = tanh(x[t] @ W + h[t-1] @ R)
o[t] = h[t] @ V
l[t] = mean(cross_entropy(o[t], y[t]))
loss = l[T]
"""

TEXTS = {"gates": GATES, "reset": RESET, "lag2": LAG2, "stacked": STACKED, "last": LAST}
EMITTED = tuple(name for name in zoo() if not load(name).is_uninterpreted)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update", action="store_true", help="rewrite the golden files")


@cache
def _derived(name: str) -> Derivation:
    return derive(read(TEXTS[name]) if name in TEXTS else load(name))


@cache
def _planned(name: str) -> Program:
    return plan(_derived(name))


@cache
def _emitted(name: str) -> str:
    return emit(_planned(name))


@pytest.fixture(scope="session")
def derived() -> Callable[[str], Derivation]:
    """The derivation of a zoo model, or of one of the texts above."""
    return _derived


@pytest.fixture(scope="session")
def planned() -> Callable[[str], Program]:
    """Its program."""
    return _planned


@pytest.fixture(scope="session")
def emitted() -> Callable[[str], str]:
    """The source of its module."""
    return _emitted


@pytest.fixture(scope="session")
def loaded() -> Callable[[str], ModuleType]:
    """A fresh module of that source."""
    return lambda name: load_module(_emitted(name), name)
