"""What is derived, against what the four texts owe their readers, line by line."""

import pytest

from symbptt import matrix as mx
from symbptt.derive import derive
from symbptt.indices import same
from symbptt.model import Derivation
from symbptt.parse import equation, load, model
from symbptt.show import show_equation

# What each text should say, in plain notation; the sides are compared for all sizes.
EXPECTED = {
    "elman": [
        "dL/do[t] = o[t] - y[t]",
        "dL/dh[t] = W_hy.T @ dL/do[t] + W_hh.T @ dL/da[t+1]",
        "dL/da[t] = dL/dh[t] * (1 - h[t]**2)",
        "dL/da[T+1] = 0",
        "dL/dW_hh = sum_{t=1}^{T} outer(dL/da[t], h[t-1])",
        "dL/dW_xh = sum_{t=1}^{T} outer(dL/da[t], x[t])",
        "dL/db_h = sum_{t=1}^{T} dL/da[t]",
        "dL/dh[0] = W_hh.T @ dL/da[1]",
        "∂h[t]/∂h[t-1] = diag(1 - h[t]**2) @ W_hh",
    ],
    "elman_batch": [
        "dL/do[t] = softmax(o[t]) - onehot(y[t])",
        "dL/da[t] = dL/dh[t] * (1 - h[t]**2)",
        "dL/dh[t] = dL/do[t] @ V.T + dL/da[t+1] @ W_h.T",
        "dL/dW_h = sum_{t=1}^{T} h[t-1].T @ dL/da[t]",
        "dL/dW_x = sum_{t=1}^{T} x[t].T @ dL/da[t]",
        "dL/db = sum_{t=1}^{T} sum(dL/da[t], axis=0)",
    ],
    "linear": [
        "dL/do[t] = (1/T) * ∂1l(o[t], y[t])",
        "dL/dh[t] = W_hh.T @ dL/dh[t+1] + W_qh.T @ dL/do[t]",
        "dL/dW_qh = sum_{t=1}^{T} outer(dL/do[t], h[t])",
        "dL/dh[t] = sum_{i=t}^{T} (W_hh.T)**(T-i) @ (W_qh.T @ dL/do[T+t-i])",
    ],
    "generic": [
        "dh[t]/dw_h = ∂h[t]/∂w_h + ∂h[t]/∂h[t-1] · dh[t-1]/dw_h",
        "dh[0]/dw_h = 0",
        "∂h[t]/∂h[t-1] = ∂2f(x[t], h[t-1], w_h)",
    ],
    "rnnlm": [
        "dL/dz[t] = softmax(z[t]) - onehot(y[t])",
        "dL/ds[t] = V.T @ dL/dz[t] + W.T @ dL/da[t+1]",
        "dL/dU = sum_{t=1}^{T} outer(dL/da[t], onehot(x[t]))",
        "dL/dV = sum_{t=1}^{T} outer(dL/dz[t], s[t])",
    ],
}


@pytest.mark.parametrize("name, line", [(n, x) for n, lines in EXPECTED.items() for x in lines])
def test_the_texts_equations_are_derived(name: str, line: str) -> None:
    d = derive(load(name))
    wanted = equation(line, d.model)
    candidates = [e for e in d if e.lhs == wanted.lhs]
    assert candidates, f"nothing is derived for the left side of {line}"
    unfold = d.model.unfold
    keep = [v for v in mx.variables(wanted.rhs) if v.name not in ("yhat",)]
    right = unfold(wanted.rhs, keep)
    assert any(same(unfold(e.rhs, keep), right) for e in candidates), [
        show_equation(e) for e in candidates
    ]


def test_labels_are_unique_and_stable() -> None:
    first, second = (derive(load("elman")) for _ in range(2))
    labels = [e.label for e in first]
    assert labels == [str(n) for n in range(1, len(labels) + 1)]
    assert tuple(first) == tuple(second)


def test_no_equation_depends_on_a_number_of_steps_or_a_size() -> None:
    for e in derive(load("elman_batch")):
        assert e.rhs.atoms(mx.TimeSum) or mx.T not in e.rhs.free_symbols or "T" in str(e.rhs)
        assert {s.name for s in e.rhs.free_symbols} <= {"t", "T", "k", "j", "s", *"NDHC"}


@pytest.mark.parametrize(
    "loss, weight", [("sum(l[t])", "1"), ("mean(l[t])", "1/T"), ("l[T]", "[t = T]")]
)
def test_how_the_loss_adds_up_weighs_every_step(loss: str, weight: str) -> None:
    source = load("elman").source.replace("sum(l[t])", loss)
    d = derive(model(source))
    wanted = equation(f"dL/do[t] = {weight} * (o[t] - y[t])", d.model)
    assert same(d.adjoint["o"].rhs, wanted.rhs)


def _formal(d: Derivation, of: str, wrt: str) -> tuple[tuple, object, object]:
    for f in d.formal:
        partial = f.equation.lhs.args[0]
        if (partial.of.name, partial.wrt.name) == (of, wrt):
            return f.shape, f.nonzero, f.total
    raise AssertionError(f"no full-index Jacobian ∂{of}/∂{wrt}")


def test_the_formal_road_counts_its_four_index_objects() -> None:
    d = derive(load("elman_batch"))
    n, h, x = mx.size("N"), mx.size("H"), mx.size("D")
    assert _formal(d, "a", "W_h") == ((n, h, h, h), n * h * h, n * h**3)
    assert _formal(d, "a", "W_x") == ((n, h, x, h), n * h * x, n * h**2 * x)
    assert _formal(d, "h", "a") == ((n, h, n, h), n * h, n**2 * h**2)


def test_several_layers_and_lags_have_their_recursions(derived) -> None:
    for name in ("gates", "reset", "lag2", "stacked", "last"):
        d = derived(name)
        assert {s.name for s in d.model.states} <= set(d.adjoint)
        assert {p.name for p in d.model.params} <= set(d.gradient)


LSTM = """
size   D, H
input  x[t] : D
target y[t] : H
state  h[t] : H
state  c[t] : H
param  W_i, W_f, W_g, W_o
i[t] = sigmoid(W_i @ x[t] + U_i @ h[t-1])
f[t] = sigmoid(W_f @ x[t] + U_f @ h[t-1])
g[t] = tanh(W_g @ x[t] + U_g @ h[t-1])
o[t] = sigmoid(W_o @ x[t] + U_o @ h[t-1])
c[t] = f[t]*c[t-1] + i[t]*g[t]
h[t] = o[t]*tanh(c[t])
l[t] = squared_error(h[t], y[t])
loss = sum(l[t])
""".replace(
    "param  W_i, W_f, W_g, W_o\n",
    "".join(f"param W_{k} : H, D\nparam U_{k} : H, H\n" for k in "ifgo"),
)


def test_the_lstm_reads_as_in_the_literature() -> None:
    """The recursion of the cell, and one line per gate and per argument of a gate."""
    shown = {show_equation(e) for e in derive(model(LSTM)).group("adjoint").equations}
    assert {
        "dL/dc_t = dL/dh_t ∘ o_t ∘ (1 − tanh(c_t)²) + dL/dc_{t+1} ∘ f_{t+1}",
        "dL/do_t = dL/dh_t ∘ tanh(c_t)",
        "dL/df_t = dL/dc_t ∘ c_{t−1}",
        "dL/di_t = dL/dc_t ∘ g_t",
        "dL/dg_t = dL/dc_t ∘ i_t",
        "dL/da_o_t = dL/do_t ∘ o_t ∘ (1 − o_t)",
        "dL/da_g_t = dL/dg_t ∘ (1 − g_t²)",
    } <= shown
    assert len(shown) == 10


def test_common_factors_are_written_once() -> None:
    text = load("elman").source.replace(
        "h[t] = tanh(a[t])",
        "z[t] = sigmoid(x[t] @ W_xh.T)\nh[t] = (1 - z[t])*tanh(a[t]) + z[t]*h[t-1]",
    )
    d = derive(model(text))
    assert show_equation(d.adjoint["z"]) == "dL/dz_t = dL/dh_t ∘ (h_{t−1} − tanh(a_t))"
    shown = {show_equation(e) for e in d.group("local").equations}
    assert "∂h_t/∂z_t = diag(h_{t−1} − tanh(a_t))" in shown


def test_what_cancels_is_not_collected() -> None:
    text = load("elman").source.replace("tanh(a[t])", "tanh(a[t] - x_[t] + x_[t])")
    text = text.replace("a[t] =", "x_[t] = W_xh @ x[t]\na[t] =")
    d = derive(model(text))
    assert all(e.rhs.shape == e.lhs.shape for e in d)


def test_the_words_name_the_paths() -> None:
    note = derive(load("elman")).adjoint["h"].note
    assert note == "h_t reaches the loss through o_t now and through a_{t+1} later"
    adjoint = derive(model(LSTM)).adjoint
    assert adjoint["h"].note == (
        "h_t reaches the loss through l_t now and through a_i_{t+1}, a_f_{t+1}, a_g_{t+1} and "
        "a_o_{t+1} later"
    )
    assert adjoint["o"].note == "o_t reaches the loss through h_t alone"
    text = LSTM.replace("f[t]*c[t-1]", "f[t]*c[t-1] + f[t]*c[t-2]")
    note = derive(model(text)).adjoint["c"].note
    assert note == "c_t reaches the loss through h_t now and through c_{t+1} and c_{t+2} later"
