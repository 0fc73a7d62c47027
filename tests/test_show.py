"""What is shown parses back, in every notation; the pages are well formed and fit the screen."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import unicodedata
import xml.etree.ElementTree as ElementTree
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import sympy
from hypothesis import HealthCheck, given, settings

from symbptt import matrix as mx
from symbptt.derive import derive
from symbptt.errors import UnsupportedError
from symbptt.indices import same
from symbptt.model import LOSS, Declaration, Derivation, Equation, Step, Verdict
from symbptt.parse import Scope, equation, latex, load, model, zoo
from symbptt.prove import prove
from symbptt.show import MODES, show, show_equation
from symbptt.show.breaking import breadth, broken, broken_latex
from symbptt.show.document import FORMATS
from symbptt.show.expression import _PRINT
from symbptt.show.markup import mathml
from symbptt.show.scalars import count
from symbptt.strategy import Blocks, RandomCut, chunk, window

from .conftest import TEXTS
from .strategies import expressions

READ = {"text": equation, "unicode": equation, "latex": latex}
DERIVED = {name: derive(load(name)) for name in zoo()}
DERIVED |= {name: derive(model(TEXTS[name])) for name in ("lag2", "stacked")}


def everything(d: Derivation) -> list[Equation]:
    return [*d, *(f.equation for f in d.formal)]


# -- the round trip


@pytest.mark.parametrize("notation", READ)
@pytest.mark.parametrize("name", DERIVED)
def test_every_equation_of_a_derivation_parses_back(name: str, notation: str) -> None:
    for e in everything(DERIVED[name]):
        text = show_equation(e, notation)
        back = READ[notation](text, DERIVED[name])
        assert same(back.lhs, e.lhs) and same(back.rhs, e.rhs), text
        norm = notation == "latex" and "lVert" in text  # ½‖o − y‖² is read as a sum of squares
        spread = name == "layernorm_rnn" and "W_" in text  # the same spread at another place
        assert norm or spread or (back.lhs, back.rhs) == (e.lhs, e.rhs), text


def scope_of(e: mx.Node) -> Scope:
    """Declarations of every name that stands in an expression."""
    scope = Scope()
    for s in sorted({s.name for s in e.free_symbols if s.is_positive}):
        scope.declare(Declaration(s, "size"))
    classes = {r.args[0].name: r.args[1] for r in e.atoms(mx.OneHot)}
    for v in sorted(e.atoms(mx.Var) - {LOSS}, key=lambda v: v.name):
        if scope.known(v.name) is None:
            role = "variable" if v.times else "param"
            scope.declare(Declaration(v.name, role, v.shape, bool(v.times), classes.get(v.name)))
    for call in e.atoms(mx.Call):
        scope.functions[call.name] = len(call.args[1])
        scope.results[call.name] = call.shape
    return scope


def reread(e: mx.Node, notation: str) -> tuple[mx.Node, str]:
    scope = scope_of(e)
    lhs = mx.Var("result", e.shape)
    scope.declare(Declaration("result", "param", e.shape))
    text = show_equation(Equation("1", lhs, e), notation)
    back = READ[notation](text, scope)
    assert back.lhs == lhs
    return back.rhs, text


@pytest.mark.parametrize("notation", READ)
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(e=expressions())
def test_random_expressions_parse_back(notation: str, e: mx.Node) -> None:
    back, text = reread(e, notation)
    assert back == e or same(back, e), text


@pytest.mark.slow
@pytest.mark.parametrize("notation", READ)
@settings(max_examples=3000, deadline=None, suppress_health_check=list(HealthCheck))
@given(e=expressions(depth=4))
def test_many_random_expressions_parse_back(notation: str, e: mx.Node) -> None:
    back, text = reread(e, notation)
    assert back == e or same(back, e), text


def operations() -> list[mx.Node]:
    """Each operation at least once, where its printing is delicate."""
    n, h, c = (mx.size(s) for s in "NHC")
    i, j, k, m = sympy.symbols("i j k m")
    s = mx.time_symbol("s")
    v, w = mx.Var("v", (h,)), mx.Var("w", (h,))
    a, b = mx.Var("A", (h, h)), mx.Var("B", (h, h))
    x, y = mx.Var("x", (n, h), (mx.t,)), mx.Var("y", (n,), (mx.t,))
    g, q = mx.Var("g", (h,), (mx.t,)), mx.Var("q", (), (mx.t,))
    ones = mx.broadcast(mx.Scalar(1), (h,))
    f = mx.Call("f", (g, v), (h,))
    step = mx.derivative(g, g.at(mx.t - 1), total=False)
    product = mx.TimeProd(step.xreplace({mx.t: s}), s, 1, mx.t)
    adjoint = mx.derivative(LOSS, g, total=True)
    sigmoid = mx.builtin("sigmoid")
    return [
        mx.matmul(a, v) @ b,  # a one-index array stands on both sides
        mx.matmul(a, v @ b),
        mx.matmul(a, mx.power(v + w, 2)),
        mx.matmul(a, mx.transpose(a + b)),
        mx.outer(a @ v, v + w),
        mx.outer(ones, v),
        mx.matmul(v, a) @ w,
        mx.times(-1, v, w) - 2 * v,
        mx.times(sympy.Rational(-1, 2), a @ v) + v / (1 + w**2),
        mx.power(1 + v**2, sympy.Rational(-1, 2)),
        mx.times(1 / (mx.T * n), v),
        mx.times((n + 1) * h**2, v),
        mx.broadcast(v, (n, h)),
        mx.matmul(mx.broadcast(v, (n, h)), a),
        mx.broadcast(mx.Scalar(0), (n, h)),
        mx.broadcast(q, (h,)),
        mx.Transpose(mx.diag(v)),
        mx.Eye(h) + a,
        mx.Eye(h + 1),
        mx.MatPow(mx.transpose(a), mx.T - mx.t) @ v,
        mx.MatPow(a, mx.T),
        mx.concat(x, x @ a),
        (mx.Var("K", (h, 2 * h)) + mx.Var("M", (h, 2 * h))) @ mx.concat(v, w),
        mx.Var("K", (h, h + c)) @ mx.concat(v, mx.Var("u", (c,))),
        mx.block(mx.concat(v, w), 1, h + 1),
        mx.block(x @ mx.Var("P", (h, 2 * h)), h, 2 * h),
        mx.block(mx.derivative(LOSS, mx.Var("p", (2 * h,), (mx.t,)), total=True), 0, h),
        mx.block(mx.Apply(sigmoid, mx.Var("p", (2 * h,), (mx.t,))), h, 2 * h),
        mx.sum_axes(x, (0,)),
        mx.sum_axes(x, (1,)),
        mx.sum_axes(x, (1,), keepdims=True),
        mx.sum_axes(x, None),
        mx.Expand(y_real := mx.Var("z", (n,), (mx.t,)), (n, 1)) * x,
        mx.Expand(y_real, (n, 1)),
        mx.Softmax(x) - mx.onehot(y, h),
        mx.cross_entropy(x, mx.onehot(y, h)),
        mx.cross_entropy(x, mx.Softmax(x)),
        mx.squared_error(x, mx.onehot(y, h)),
        mx.squared_error(v, w),
        mx.matmul(mx.onehot(y, c), mx.Var("E", (c, h))),
        mx.matmul(mx.Var("E", (h, c)), mx.onehot(y, c).T).T,
        mx.Apply(sigmoid, v) * mx.Apply(mx.builtin("relu"), w),
        f + mx.contract(adjoint, mx.CallDeriv(f, 0), 1),
        mx.contract(mx.contract(adjoint, product, 1), step, 1),
        mx.time_sum(mx.contract(adjoint, step, 1), mx.t, 1, mx.T),
        mx.times(1 / mx.T, mx.time_sum(g * v, mx.t, 1, mx.T)) + v,
        mx.times(mx.time_sum(g, mx.t, 1, mx.T), v),
        mx.times(v, mx.time_sum(g, mx.t, 1, mx.T)),
        mx.time_sum(g.at(s) + v, s, mx.t + 1, mx.T - 1),
        mx.times(mx.Kron(mx.t, mx.T), g),
        mx.times(mx.Kron(i, j), mx.Element(a, (k, m))),
        mx.power(mx.Element(mx.Softmax(x), (i, j)), 2),
        mx.Element(mx.onehot(y, h), (i, j)),
        mx.Element(v + w, (i,)),
        mx.times(q, mx.Element(v + w, (i,))),
        mx.Element(mx.derivative(x, a, total=False), (i, j, k, m)),
        mx.Element(adjoint, (i,)),
    ]


@pytest.mark.parametrize("notation", READ)
@pytest.mark.parametrize("e", operations(), ids=str)
def test_each_operation_parses_back(e: mx.Node, notation: str) -> None:
    back, text = reread(e, notation)
    assert back == e or same(back, e), text


def test_the_operations_are_all_there() -> None:
    """The table of printers is closed, and the list above leaves none of them out."""
    used = {type(x) for e in operations() for x in sympy.preorder_traversal(e)}
    closed = {c for c in vars(mx).values() if isinstance(c, type) and issubclass(c, mx.Node)}
    assert set(_PRINT) == closed - {mx.Node}
    assert set(_PRINT) <= used


# -- the pages


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("format", FORMATS)
def test_every_page_prints(format: str, mode: str) -> None:
    for d in DERIVED.values():
        assert show(d, format, mode).endswith("\n")


@pytest.mark.parametrize("name", DERIVED)
def test_the_terminal_page_is_aligned_and_narrow(name: str) -> None:
    page = "".join(c for c in show(DERIVED[name]) if not unicodedata.combining(c))
    lines = page.splitlines()
    assert all(line == line.rstrip() for line in lines)
    assert all(len(line) <= 88 for line in lines)
    for g in DERIVED[name].groups:
        rows = [r for e in g.equations for r in lines if r.lstrip().startswith(f"({e.label})")]
        assert len({r.index(" = ") for r in rows}) == 1
        assert len({re.search(r"t = [1T], …", r).start() for r in rows if "…" in r}) <= 1  # type: ignore[union-attr]


@pytest.mark.parametrize("width", [20, 40, 60])
@pytest.mark.parametrize("name", DERIVED)
def test_a_broken_equation_is_the_whole_one(name: str, width: int) -> None:
    for e in everything(DERIVED[name]):
        text = show(e.rhs)
        assert " ".join(broken(text, width)) == text
        text = show(e.rhs, "latex")
        rows = broken_latex(text, width)
        joined = " ".join(rows)
        if len(rows) > 1:
            joined = joined.replace(r"\bigl", r"\left").replace(r"\bigr", r"\right")
        assert joined == text
        back = latex(f"{show(e.lhs, 'latex')} = {' '.join(rows)}", DERIVED[name])
        assert same(back.rhs, e.rhs)
        for row in rows:
            assert row.count(r"\left") == row.count(r"\right") and _balanced(row)


def test_where_a_long_equation_is_broken() -> None:
    assert broken("a b + c ∘ (d − e) + f", 12) == ["a b", "+ c", "∘ (d − e)", "+ f"]
    assert broken("Σ_{t=1}^{T} a b + c", 16) == ["Σ_{t=1}^{T} a b", "+ c"]
    assert broken("[a ∘ b, c, d]", 9) == ["[a ∘ b,", "c,", "d]"]
    assert broken("a − b", 3) == ["a", "− b"]
    assert broken_latex(r"\left[\frac{a}{b}, c, d\right]", 4) == [
        r"\bigl[\frac{a}{b},", "c,", r"d\bigr]",
    ]  # fmt: skip
    assert broken_latex(r"f\left(a \odot g\left(b \odot c\right)\right) d", 5) == [
        r"f\bigl(a", r"\odot g\bigl(b", r"\odot c\bigr)\bigr) d"
    ]  # fmt: skip
    assert broken_latex(r"\frac{a + b}{c + d} + e", 7) == [r"\frac{a + b}{c + d}", "+ e"]


@pytest.mark.parametrize("name", DERIVED)
def test_rows_of_latex_fit_the_page(name: str) -> None:
    rows = [x for x in show(DERIVED[name], "latex").splitlines() if x.startswith("  ")]
    assert rows
    for row in rows:
        written = re.sub(r"\\tag\{\d+\}|\\quad|\\\\$|& & |&", "", row)
        assert breadth(written) <= 76, row


@pytest.mark.parametrize("notation", READ)
def test_a_block_of_zeros_has_its_shape(notation: str) -> None:
    """Side by side with other columns nothing else would say how many they are."""
    e = next(e for e in DERIVED["lstm"] if e.rhs.has(mx.Concat))
    text = show_equation(e, notation)
    zeros = {"text": "zeros(N, 3*H)", "unicode": "0_{N×3 H}"}
    zeros["latex"] = r"\mathbf{0}_{N \times 3 H}"
    assert zeros[notation] in text and "ones" not in text
    assert READ[notation](text, DERIVED["lstm"]).rhs == e.rhs


def test_the_terminal_page_shows_the_authors_names() -> None:
    text = show(DERIVED["elman_batch"])
    assert "dL/dW_h = Σ_{t=1}^{T} h_{t−1}ᵀ dL/da_t" in text
    assert "ŷ_t = softmax(o_t)" in text
    assert "not zero: N·H² of its N·H³ entries" in text


def test_a_difference_of_numbers_keeps_its_order() -> None:
    alpha, v = sympy.Symbol("alpha", real=True), mx.Var("v", (mx.size("H"),))
    assert show(mx.times(1 - alpha, v)) == "(1 − α) v"
    assert show(mx.times(-alpha, v)) == "−α v"
    assert show(mx.times(-alpha - 1, v)) == "−(α + 1) v"
    assert show(mx.plus(v, mx.times(alpha - 1, v))) == "v + (α − 1) v"


def test_sizes_stand_in_the_order_of_the_model() -> None:
    n, h = mx.size("N"), mx.size("H")
    assert count(h**2 * n, ("N", "D", "H")) == "N·H²"
    assert count(sympy.Integer(1), ("N",)) == "1"


def test_a_sum_over_the_batch_is_written_as_one() -> None:
    d = DERIVED["elman_batch"]
    (e,) = [e for e in d.group("gradient").equations if show(e.lhs, "text") == "dL/db"]
    assert r"\sum_{n=1}^{N} \left[\frac{\mathrm{d}L}{\mathrm{d}a_{t}}\right]_{n,:}" in show(
        e, "latex"
    )


def test_json_holds_every_equation_in_each_notation() -> None:
    for d in DERIVED.values():
        data: dict[str, Any] = json.loads(show(d, "json"))
        rows = [row for g in data["groups"] for row in g["equations"]] + data.get("formal", [])
        assert [row["label"] for row in rows] == [e.label for e in everything(d)]
        for row, e in zip(rows, everything(d), strict=True):
            back = equation(row["text"], d).rhs
            assert back == e.rhs or same(back, e.rhs)


def _balanced(text: str) -> bool:
    depth = 0
    for c in re.sub(r"\\.", "", text):
        depth += (c == "{") - (c == "}")
        if depth < 0:
            return False
    return depth == 0


@pytest.mark.parametrize("name", zoo())
def test_latex_is_balanced(name: str) -> None:
    pages = [show(DERIVED[name], "latex"), DERIVED[name]._repr_latex_()]
    pages += [show_equation(e, "latex") for e in everything(DERIVED[name])]
    for page in pages:
        assert _balanced(page)
        assert page.count(r"\left") - page.count(r"\left\lVert") == page.count(
            r"\right"
        ) - page.count(r"\right\rVert")
        stack = []
        for word, environment in re.findall(r"\\(begin|end)\{(\w+\*?)\}", page):
            if word == "begin":
                stack.append(environment)
            else:
                assert stack.pop() == environment
        assert not stack
        assert page.isascii()


def test_jupyter_gets_one_display_without_tags() -> None:
    """MathJax allows no \\tag inside `aligned`."""
    for item in (load("elman"), DERIVED["elman"]):
        text = item._repr_latex_()
        assert text.startswith("$$") and text.endswith("$$")
        assert r"\tag" not in text and text.count(r"\begin{aligned}") == 1
    assert r"\text{(1)}" in text
    assert DERIVED["elman"]["1"]._repr_latex_().startswith("$$a_{t} = ")


@pytest.mark.parametrize("name", ["elman", "elman_batch"])
def test_jupyter_gets_a_verdict_row_by_row(name: str) -> None:
    verdict = prove(DERIVED[name])
    text = verdict._repr_latex_()
    assert text.isascii() or "✓" not in text
    assert text.count("&") == 2 * (len(verdict.steps) + 2) and _balanced(text)
    words = re.sub(r"\\text\{[^}]*\}", "", text)
    assert r"\frac" not in words and r"\mathrm{d}L/\mathrm{d}h_t" in words


VERDICTS = {
    "holds: 2 of 2 statements": (True, True),
    "REFUTED: 1 of 3 statements fail; see (2)": (True, False, None),
    "undecided: 1 of 2 statements cannot be told; see (2)": (True, None),
}


@pytest.mark.parametrize("end", VERDICTS)
def test_a_verdict_says_how_many_hold_fail_or_cannot_be_told(end: str) -> None:
    steps = [
        Step(str(n), f"claim {n}", ok is True, "", f"why {n}", "numbers", ok is None)
        for n, ok in enumerate(VERDICTS[end], 1)
    ]
    verdict = Verdict("m", "m: numbers", tuple(steps))
    *lines, last = show(verdict).splitlines()
    assert last == end
    assert [line.split()[0] for line in lines if "claim" in line] == [
        {True: "✓", False: "✗", None: "?"}[ok] for ok in VERDICTS[end]
    ]
    assert [f"why {n}" for n, ok in enumerate(VERDICTS[end], 1) if ok is not True] == [
        line.strip() for line in lines if "why" in line
    ]
    data = json.loads(show(verdict, "json"))
    assert (data["ok"], data["undecided"], data["conclusion"]) == (
        end.startswith("holds"),
        end.startswith("undecided"),
        end,
    )
    assert [s["undecided"] for s in data["steps"]] == [ok is None for ok in VERDICTS[end]]


@pytest.mark.parametrize(
    "given",
    [(3,), ("elman",), (None,), (load("elman"), "pdf"), (load("elman"), "unicode", "backward")],
)
def test_what_show_cannot_show_is_said(given: Any) -> None:
    with pytest.raises(UnsupportedError) as error:
        show(*given)
    assert error.value.instead


CUT = {
    f"{name}, {strategy}": derive(load(name), strategy)
    for name in ("elman", "lstm")
    for strategy in (window(3), chunk(4), Blocks(2, 3), RandomCut(Fraction(1, 2)))
}


@pytest.mark.parametrize("d", [*DERIVED.values(), *CUT.values()], ids=[*DERIVED, *CUT])
def test_latex_is_plain_ascii(d: Derivation) -> None:
    """Every sign in the words is a macro: a Greek letter or ≥ would stop LaTeX."""
    assert show(d, "latex").isascii()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("d", [*DERIVED.values(), *CUT.values()], ids=[*DERIVED, *CUT])
def test_latex_compiles(d: Derivation, tmp_path: Path) -> None:
    (tmp_path / "page.tex").write_text(show(d, "latex"), encoding="utf-8")
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    log = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, log[-2000:]
    assert "Overfull" not in log


@pytest.mark.parametrize("name", zoo())
def test_html_is_mathml_throughout(name: str) -> None:
    page = show(DERIVED[name], "html")
    formulas = re.findall(r"<math.*?</math>", page, re.DOTALL)
    assert len(formulas) >= len(everything(DERIVED[name]))
    for formula in formulas:
        text = "".join(ElementTree.fromstring(formula).itertext())
        assert "\\" not in text and text


@pytest.mark.parametrize("e", operations(), ids=str)
def test_each_operation_converts_to_mathml(e: mx.Node) -> None:
    assert "\\" not in "".join(ElementTree.fromstring(mathml(e)).itertext())


def test_markdown_keeps_each_equation_in_one_display() -> None:
    for d in DERIVED.values():
        page = show(d, "markdown")
        assert page.count("$$") == 2 * len(everything(d))
        assert page.count(r"\tag{") == len(everything(d))


def test_a_title_with_special_characters() -> None:
    text = load("elman").source.replace("Elman network", "100% <b>Elman</b> & #1 $x$ {y}")
    d = derive(model(text))
    assert r"100\% " in show(d, "latex") and _balanced(show(d, "latex"))
    assert "&lt;b&gt;" in show(d, "html")
