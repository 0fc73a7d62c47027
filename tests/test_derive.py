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
    for name in ("lstm", "gru", "lag2", "stacked", "last"):
        d = derived(name)
        assert {s.name for s in d.model.states} <= set(d.adjoint)
        assert {p.name for p in d.model.params} <= set(d.gradient)


def test_the_words_name_the_paths() -> None:
    note = derive(load("elman")).adjoint["h"].note
    assert note == "h_t reaches the loss through a_{t+1} later and through o_t now"
