"""The emitted modules: golden, labelled, and plain about arguments that do not fit."""

import ast
import re
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from symbptt.check import load_module
from symbptt.cli.generating import module
from symbptt.derive import derive
from symbptt.parse import load, zoo
from tests.conftest import TEXTS

GENERATED = Path(__file__).parents[1] / "generated"
EMITTED = tuple(n for n in zoo() if not load(n).is_uninterpreted)


@pytest.mark.parametrize("name", EMITTED)
def test_generated_is_what_generate_writes(name: str, request: pytest.FixtureRequest) -> None:
    file, text = GENERATED / f"{name}.py", module(name).text
    if request.config.getoption("--update"):
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, "run `make generate`, or pytest --update"


@pytest.mark.parametrize("name", EMITTED)
def test_every_line_names_an_equation(name: str, emitted: Any) -> None:
    labels = {e.label for e in derive(load(name))}
    named = re.findall(r"#.*?\((\d+)\)", emitted(name))
    assert named
    assert set(named) <= labels


@pytest.mark.parametrize("name", (*EMITTED, *TEXTS))
def test_every_equation_that_is_computed_names_a_line(name: str, emitted: Any, derived: Any):
    """The thread: forward, adjoint, boundary and gradient equations each have their line."""
    d, source = derived(name), emitted(name)
    body = source[source.index("# Forward") : source.index("def forward")]
    named = {x for line in re.findall(r"# (\(.*)", body) for x in re.findall(r"\((\d+)\)", line)}
    keys = ("forward", "adjoint", "boundary", "gradient")
    assert named == {e.label for g in d.groups if g.key in keys for e in g.equations}


@pytest.mark.parametrize("name", EMITTED)
def test_a_module_imports_numpy_only(name: str, emitted: Any) -> None:
    tree = ast.parse(emitted(name))
    imports = [n for n in ast.walk(tree) if isinstance(n, ast.Import | ast.ImportFrom)]
    assert [a.name for n in imports for a in n.names] == ["numpy"]


def arguments(scale: int = 1, dtype: Any = np.float64) -> tuple[Any, Any, Any, Any]:
    steps, n, d, h, c = 3 * scale, 2 * scale, 4, 5, 6
    rng = np.random.default_rng(0)
    shapes = {"W_h": (h, h), "W_x": (d, h), "b": (h,), "V": (h, c), "c": (c,)}
    params = {k: rng.normal(size=s).astype(dtype) for k, s in shapes.items()}
    x, y = rng.normal(size=(steps, n, d)).astype(dtype), rng.integers(0, c, (steps, n))
    return params, x, y, {"h": rng.normal(size=(n, h)).astype(dtype)}


def changed(**changes: Any) -> tuple[Any, Any, Any, Any]:
    params, x, y, state = arguments()
    given = {"x": x, "y": y, "state": state}
    for key, change in changes.items():
        if key in given:
            given[key] = change(given[key])
        else:
            params[key] = change(params.get(key, np.zeros(1)))
    return params, given["x"], given["y"], given["state"]


BAD = {
    "x": [
        changed(x=lambda x: x[0]),
        changed(x=lambda x: x.astype(np.float32)),
        changed(x=lambda x: x[:0]),
    ],
    "y": [
        changed(y=lambda y: y + 6),
        changed(y=lambda y: y - 9),
        changed(y=lambda y: y.astype(float)),
        changed(y=lambda y: y[0]),
    ],
    "params['W_h']": [changed(W_h=lambda w: w.astype(int))],
    "params['V']": [changed(V=lambda v: v[:3]), changed(V=lambda v: v.tolist())],
    "params": [changed(extra=lambda v: v)],
    "state['h']": [changed(state=lambda s: {"h": s["h"][:1]})],
    "state": [changed(state=lambda s: {})],
}


@pytest.mark.parametrize("name, given", [(k, g) for k, every in BAD.items() for g in every])
def test_a_bad_argument_is_named_with_what_it_should_be(loaded: Any, name: str, given: Any):
    with pytest.raises(ValueError) as error:
        loaded("elman_batch").loss_and_grad(*given)
    assert str(error.value).startswith(name)
    assert "it should" in str(error.value)


@pytest.mark.parametrize(
    "given, says",
    [
        ({"workspace": 3}, "workspace is of type int, it should be a dict or None"),
        ({"params": None}, "params is of type NoneType, it should be a dict"),
        ({"params": [1]}, "params is of type list, it should be a dict"),
        ({"x": None}, "x has shape (), it should be (T, N, D)"),
        ({"y": None}, "y has shape ()"),
        ({"state": 3}, "state is of type int, it should be a dict"),
        ({"state": np.zeros(3)}, "state is of type ndarray, it should be a dict"),
    ],
)
def test_an_argument_of_another_kind_is_named(loaded: Any, given: Any, says: str) -> None:
    params, x, y, state = arguments()
    keywords = {"params": params, "x": x, "y": y, "state": state, **given}
    with pytest.raises(ValueError) as error:
        loaded("elman_batch").loss_and_grad(**keywords)
    assert says in str(error.value)


def test_large_logits_overflow_nowhere(loaded: Any) -> None:
    params, x, y, state = arguments()
    params["V"] *= 1e5
    with np.errstate(all="raise", under="ignore"):
        loss, grads, _ = loaded("elman_batch").loss_and_grad(params, x, y, state)
    assert np.isfinite(loss) and all(np.all(np.isfinite(g)) for g in grads.values())


def test_other_index_types_and_layouts_give_the_same(loaded: Any) -> None:
    params, x, y, state = arguments()
    run = loaded("elman_batch").loss_and_grad
    loss, grads, _ = run(params, x, y, state)
    for other in (y.astype(np.int32), y.astype(np.uint8), y.tolist()):
        assert run(params, x, other, state)[0] == loss
    turned = np.asfortranarray(x)
    turned.flags.writeable = False
    again = run(params, turned, y, state)
    assert again[0] == pytest.approx(loss, rel=1e-14)
    assert all(np.allclose(again[1][k], v, rtol=1e-12) for k, v in grads.items())


def test_nothing_that_grows_is_allocated_after_the_first_call(loaded: Any) -> None:
    run = loaded("elman_batch").loss_and_grad
    peaks = []
    for scale in (20, 60):
        given, workspace = arguments(scale), {}
        for _ in range(2):
            run(*given, workspace=workspace)
        tracemalloc.start()
        run(*given, workspace=workspace)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # NumPy's own scratch for a broadcast is at most 8192 elements, whatever the sizes.
    assert max(peaks) < 2 * 8192 * 8
    assert abs(peaks[1] - peaks[0]) < 4096


def test_one_workspace_serves_changing_sizes_types_and_modules(loaded: Any) -> None:
    workspace: dict[str, Any] = {}
    for scale, dtype in ((1, np.float64), (2, np.float64), (2, np.float32), (1, np.float64)):
        given = arguments(scale, dtype)
        loss, grads, _ = loaded("elman_batch").loss_and_grad(*given, workspace=workspace)
        alone = loaded("elman_batch").loss_and_grad(*given)
        assert loss == alone[0]
        assert all(v.dtype == dtype and np.array_equal(v, alone[1][k]) for k, v in grads.items())


def test_a_state_handed_on_is_one_long_sequence(loaded: Any) -> None:
    params, x, y, state = arguments(4)
    run, workspace = loaded("elman_batch").loss_and_grad, {}
    whole, _, end = run(params, x, y, state)
    losses, carried = [], state
    for part in (slice(0, 5), slice(5, None)):
        loss, _, carried = run(params, x[part], y[part], carried, workspace=workspace)
        losses.append(loss)
    assert sum(losses) == pytest.approx(whole, rel=1e-13)
    assert np.allclose(carried["h"], end["h"], rtol=1e-13)


def test_the_module_of_a_plain_text_is_a_module(emitted: Any) -> None:
    assert callable(load_module(emitted("reset"), "reset").loss_and_grad)
