"""What `symbptt verify` says beyond a verdict: explanations, labels, assumptions, JSON, growth."""

import json
import re
import subprocess
import sys
from importlib.resources import files
from typing import Any

import numpy as np
import pytest

from symbptt import matrix as mx
from symbptt.derive import derive
from symbptt.errors import SymbpttError
from symbptt.parse import load, zoo
from symbptt.verify.explain.paths import contribution, local
from symbptt.verify.present import data
from symbptt.verify.report import Report, verify

FORWARD = r"""
$$h_t=\tanh(W_{hh}h_{t-1}+W_{xh}x_t+b_h)$$
$$y_t=W_{hy}h_t+b_y$$
$$L=\sum_{t=1}^T L_t$$
"""
BACK = (
    r"\frac{\partial L}{\partial h_t}=W_{hy}^T\frac{\partial L}{\partial y_t}"
    r"+W_{hh}^T((1-h_{t+1}^2)\odot\frac{\partial L}{\partial h_{t+1}})"
)
PARAMETER = (
    r"\frac{\partial L}{\partial W_{hh}}=\sum_t"
    r"((1-h_t^2)\odot\frac{\partial L}{\partial h_t})h_{t-1}^T"
)
CLOSED = (
    r"\frac{\partial L}{\partial W_{hh}}=\sum_{t=1}^T\sum_{k=1}^t\frac{\partial L_t}{\partial h_t}"
    r"\frac{\partial h_t}{\partial h_k}\frac{\partial^+h_k}{\partial W_{hh}}"
)


def judged(*lines: str, **options: Any) -> Report:
    return verify("\n\n".join([FORWARD, *(f"$${x}$$" for x in lines)]), **options)


def explained(line: str) -> str:
    report = judged(line)
    return report.explain(report.lines[-1].claim.id)


# -- explanations


def test_every_path_is_added_and_every_jacobian_has_its_shape() -> None:
    text = explained(BACK)
    assert "h_t reaches the loss on 2 paths" in text
    assert "∂y_t/∂h_t = W_hy is D×H; this path gives W_hyᵀ dL/dy_t" in text or "W_hy is" in text
    assert "∂a_{t+1}/∂h_t = W_hh is H×H; this path gives W_hhᵀ dL/da_{t+1}" in text
    assert "∂h_{t+1}/∂a_{t+1} = diag(1 − h_{t+1}²) is H×H" in text
    assert "for all sizes" in text and "for every T" in text
    assert "at t = T the later term is 0" in text


def test_a_parameter_s_gradient_is_a_sum_over_the_steps_that_read_it() -> None:
    text = explained(PARAMETER)
    assert "W_hh is read by a_t at every step t" in text
    assert "dL/dW_hh = Σ_{t=1}^T dL/da_t h_{t−1}ᵀ" in text
    assert "later term" not in text
    assert len(re.findall(r"^  \d\.", text, re.M)) == 2  # it stops where the line's own δ begins


def test_a_closed_form_is_explained_by_pairs_of_steps() -> None:
    text = explained(CLOSED)
    assert "W_hh enters at every step k" in text
    assert "∏_{j=k+1}^{t} ∂h_j/∂h_{j−1}" in text


def test_a_wrong_line_is_told_where_it_parts() -> None:
    text = explained(BACK.replace("W_{hh}^T", "W_{hh}"))
    assert "What is right, step by step:" in text
    assert "Your line parts from it in the marked place: a transposition is missing" in text


def test_a_wrong_line_without_a_repair_gets_its_left_side() -> None:
    text = explained(r"\frac{\partial h_{t+1}}{\partial h_t}=W_{hh}")
    assert "∂h_{t+1}/∂a_{t+1} = diag(1 − h_{t+1}²)" in text


@pytest.mark.parametrize("name", sorted(set(zoo()) - {"encoder"}))
def test_what_a_path_gives_is_what_finite_differences_give(name: str) -> None:
    """Each term that is shown, in numbers, against the equation itself moved entry by entry."""
    from symbptt.verify.explain.paths import COTANGENT
    from symbptt.verify.world import World

    model = load(name)
    if model.is_two_way or model.is_uninterpreted:
        pytest.skip("no small world runs it")
    world = World(model)
    shown = 0
    for e in model.equations:
        for v in dict.fromkeys(mx.variables(e.rhs)):
            if not model.is_differentiable(v):
                continue
            term = contribution(e, v)
            if term is None:
                continue
            shown += 1
            exact = world.edges[e.lhs.name, 2][v.name, _at(v)]
            g = np.cos(np.arange(world.values[e.lhs.name, 2].size)).reshape(
                world.values[e.lhs.name, 2].shape
            )
            world.values[COTANGENT, None] = g
            found = world.value_of(term, 2)
            assert np.allclose(found, np.tensordot(g, exact, axes=g.ndim), atol=1e-9), (e.label, v)
            matrix = local(e, v)
            if matrix is not None:
                assert np.allclose(world.value_of(matrix, 2), exact, atol=1e-9)
    assert shown


def _at(v: mx.Var) -> int | None:
    return int(v.time.xreplace({mx.t: 2})) if v.times else None


# -- labels


LABELLED = r"""
$$h_t=\tanh(a_t)$$
$$\frac{\partial L}{\partial h_t}=W_{hy}^T(o_t-y_t)+W_{hh}^T((1-h_{t+1}^2)\odot\frac{\partial L}{\partial h_{t+1}})$$
$$\frac{\partial h_t}{\partial h_{t-1}}=diag(1-h_t^2)W_{hh}$$
$$\frac{\partial L}{\partial W_{hh}}=\sum_t\sum_{k=1}^t\frac{\partial l_t}{\partial h_t}\frac{\partial h_t}{\partial h_k}\frac{\partial^+h_k}{\partial W_{hh}}$$
$$\frac{\partial L}{\partial W_{hh}}=\sum_t\frac{\partial L}{\partial a_t}h_{t-1}^T$$
$$\frac{\partial L}{\partial W_{xh}}=\sum_t\frac{\partial L}{\partial h_t}x_t^T$$
"""  # noqa: E501


def test_lines_carry_the_label_of_the_project_s_equation() -> None:
    derivation = derive(load("elman"))
    report = verify(LABELLED, model=derivation)
    found = [derivation[x.label] for x in report.lines]
    lefts = [str(e.lhs) for e in found]
    assert lefts == ["h[t]", "dL/dh[t]", "∂h[t]/∂h[t-1]", "dL/dW_hh", "dL/dW_hh", "dL/dW_xh"]
    assert found[3].rhs.has(mx.TimeProd) and not found[4].rhs.has(mx.TimeProd)
    assert report.lines[-1].verdict == "refuted"
    assert f"equation ({report.lines[-1].label})" in str(report)
    assert [x["label"] for x in data(report)["lines"]] == [x.label for x in report.lines]


def test_without_a_derivation_there_are_no_labels() -> None:
    assert {x["label"] for x in data(judged(BACK))["lines"]} == {None}


# -- assumptions


DELTA = (r"\delta_t=W_{hy}^T\frac{\partial L}{\partial y_t}", r"\delta_t=0")


@pytest.mark.parametrize(
    "line, fixed, verdict",
    [
        (r"\frac{\partial h_{t+1}}{\partial h_t}=W_{hh}^Tdiag(1-h_{t+1}^2)", {}, "conditional"),
        (
            r"\frac{\partial h_{t+1}}{\partial h_t}=W_{hh}^Tdiag(1-h_{t+1}^2)",
            {"layout": "numerator"},
            "refuted",
        ),
        (
            r"\frac{\partial L_t}{\partial y_t}W_{hy}=\frac{\partial L_t}{\partial h_t}",
            {},
            "proved",
        ),
        (
            r"\frac{\partial L_t}{\partial y_t}W_{hy}=\frac{\partial L_t}{\partial h_t}",
            {"gradients": "columns"},
            "refuted",
        ),
        (r"\delta_t=W_{hy}^T\frac{\partial L_t}{\partial y_t}", {"δ": "h:step"}, "proved"),
        (r"\delta_t=W_{hy}^T\frac{\partial L_t}{\partial y_t}", {"δ": "h:own"}, "proved"),
        (r"T\delta_t=\frac{\partial L}{\partial h_t}", {"δ": "h:1/T"}, "proved"),
        (r"\delta_t=(1-h_t^2)\odot\frac{\partial L}{\partial h_t}", {"δ": "a"}, "proved"),
        (r"\delta_t=(1-h_t^2)\odot\frac{\partial L}{\partial h_t}", {"δ": "h"}, "refuted"),
    ],
)
def test_an_assumption_fixes_a_reading(line: str, fixed: dict[str, str], verdict: str) -> None:
    assert judged(line, assume=fixed).lines[-1].verdict == verdict


def test_a_partial_may_be_fixed_as_total() -> None:
    line = CLOSED.replace("^+", " ")
    assert judged(BACK, line).lines[-1].verdict == "conditional"
    assert judged(BACK, line, assume={"partial": "total"}).lines[-1].verdict == "refuted"
    assert judged(BACK, line, assume={"partial": "immediate"}).lines[-1].verdict == "proved"


@pytest.mark.parametrize(
    "fixed, said",
    [
        ({"foo": "h"}, "layout=numerator|denominator"),
        ({"foo": "h"}, "δ: "),
        ({"δ": "q"}, "the model has no q"),
        ({"δ": "h:sideways"}, "whole, step, own, future, share"),
        ({"layout": "diagonal"}, "layout=numerator or layout=denominator"),
        ({"loss": "median"}, "loss=sum or loss=mean or loss=last"),
        ({"partial": "both"}, "partial=total or partial=immediate"),
    ],
)
def test_an_assumption_that_is_none_lists_those_there_are(fixed: dict[str, str], said: str) -> None:
    with pytest.raises(SymbpttError) as error:
        judged(*DELTA, assume=fixed)
    assert said in str(error.value)


# -- JSON


SCHEMA = json.loads(files("symbptt.verify").joinpath("report.schema.json").read_text("utf-8"))
TYPES = {
    "object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
    "null": type(None),
}  # fmt: skip


def check(value: Any, schema: dict[str, Any], at: str = "$") -> None:
    """The part of JSON Schema that the file uses."""
    if "$ref" in schema:
        schema = SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]]
    assert set(schema) <= {
        "$schema", "title", "description", "type", "enum", "required", "properties",
        "additionalProperties", "items", "$defs",
    }  # fmt: skip
    if "enum" in schema:
        assert value in schema["enum"], (at, value)
    kinds = schema.get("type", list(TYPES))
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert any(isinstance(value, TYPES[k]) for k in kinds), (at, value)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        assert set(schema.get("required", ())) <= set(value), (at, value)
        more = schema.get("additionalProperties", True)
        for key, x in value.items():
            assert key in known or more, (at, key)
            check(x, known.get(key, more if isinstance(more, dict) else {}), f"{at}.{key}")
    if isinstance(value, list) and "items" in schema:
        for n, x in enumerate(value):
            check(x, schema["items"], f"{at}[{n}]")


def test_the_output_is_what_the_schema_says() -> None:
    texts = (
        FORWARD
        + f"$${BACK}$$\n\n$${BACK.replace('W_{hh}^T', 'W_{hh}')}$$\n\n$$a = \\frac{{b}}$$\n",
        FORWARD
        + r"$$|\lambda(W_{hh})|>1\Rightarrow\text{explosion}$$"
        + "\n\n$$W_{hh}\\in R^{H}$$",
        FORWARD + r"$$\frac{\partial L}{\partial h_t}=\frac{\partial L}{\partial y_t}W_{hy}^T$$",
        "Nothing but words.",
    )
    seen = set()
    for text in texts:
        found = json.loads(json.dumps(data(verify(text))))
        check(found, SCHEMA)
        seen |= {x["verdict"] for x in found["lines"]}
        for x in found["lines"]:
            assert list(x)[:2] == ["id", "line"]
    assert {"proved", "refuted", "definition", "unread"} <= seen


def test_the_schema_refuses_what_it_should() -> None:
    found = data(judged(BACK))
    found["lines"][-1]["verdict"] = "fine"
    with pytest.raises(AssertionError):
        check(found, SCHEMA)


def test_one_mistake_in_two_lines_is_one_cause() -> None:
    wrong = r"\frac{\partial L}{\partial %s}=\sum_t\frac{\partial L}{\partial h_t}%s^T"
    report = judged(wrong % ("W_{hh}", "h_{t-1}"), wrong % ("W_{xh}", "x_t"))
    (cause,) = data(report)["causes"]
    assert (cause["class"], cause["lines"]) == ("M01", ["4", "5"])
    assert "one mistake, in lines 4, 5" in str(report)


# -- growth


@pytest.mark.parametrize("function", ["tanh", r"\sigma", "relu"])
def test_the_counterexample_to_a_spectral_claim_is_computed(function: str) -> None:
    before = FORWARD.replace(r"\tanh", function)
    claim = r"$$|\lambda(W_{hh})|%s1\Rightarrow\text{%s}$$"
    above = verify(before + claim % (">", "explosion")).lines[-1]
    below = verify(before + claim % ("<", "vanishing")).lines[-1]
    assert above.verdict == below.verdict == "refuted"
    (said,) = above.worked
    rate = [float(x) for x in re.search(r"h_0\| is (.+) for t", said).group(1).split(",")]
    assert abs(rate[-1]) < 1e-3 < 1 < float(re.search(r"λ\(W\) = (\d+)", said).group(1))
    w = np.array(json.loads(re.search(r"W = (\[\[.*?\]\]) has", below.worked[0]).group(1)))
    j = np.array(json.loads(re.search(r"W = (\[\[[^a-z]*\]\]) has the eig", below.worked[0])[1]))
    assert np.allclose(np.linalg.eigvals(w), 0, atol=1e-6)
    norms = [float(x) for x in re.search(r"is (.+) for n", below.worked[1]).group(1).split(",")]
    assert norms[-1] > norms[0] > 0
    found = np.linalg.norm(np.linalg.matrix_power(j, 4), 2)
    assert found == pytest.approx(norms[1], rel=0.05)


# -- display


def test_jupyter_shows_the_report_as_it_is() -> None:
    report = judged(BACK.replace("+W", "-W"))
    html = report._repr_html_()
    assert html.startswith("<pre") and "&lt;" not in html.split("<pre", 1)[0]
    assert "refuted: M15" in html and "^" in html


@pytest.mark.slow
def test_the_command_explains_and_labels(tmp_path: Any) -> None:
    file = tmp_path / "notes.md"
    file.write_text(f"---\nmodel: elman\n---\n{LABELLED}", encoding="utf-8")
    run = [sys.executable, "-m", "symbptt", "verify", str(file)]
    shown = subprocess.run(run, capture_output=True, text=True, check=False).stdout
    assert "proved  equation (17)" in shown
    told = subprocess.run([*run, "--explain", "2"], capture_output=True, text=True, check=False)
    assert "Why it holds:" in told.stdout and told.returncode == 1
    wrong = subprocess.run([*run, "--assume", "mood=good"], capture_output=True, check=False)
    assert wrong.returncode == 2 and b"layout=numerator|denominator" in wrong.stderr
