"""The reader: every fault has its place and its advice, and no text makes it fail otherwise."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from symbptt import matrix as mx
from symbptt.errors import ModelError, ParseError, SymbpttError
from symbptt.indices import same
from symbptt.model import Equation
from symbptt.parse import (
    Scope,
    equation,
    expression,
    latex,
    latex_expression,
    load,
    model,
    zoo,
)
from symbptt.parse.calls import CALLS
from symbptt.parse.scope import CALLS as NAMED
from symbptt.show import show_equation

BAD = sorted((Path(__file__).parent / "bad_models").glob("*.rnn"))
ELMAN, BATCH, RNNLM = load("elman"), load("elman_batch"), load("rnnlm")
SECONDS = 2.0  # what one line may take


# -- model files


@pytest.mark.parametrize("name", zoo())
def test_every_shipped_model_reads(name: str) -> None:
    assert load(name).name == name


@pytest.mark.parametrize("path", BAD, ids=lambda p: p.stem)
def test_a_fault_is_named_with_its_place_and_what_to_write(path: Path) -> None:
    first, second = path.read_bytes().decode("utf-8", "replace").splitlines()[:2]
    with pytest.raises(SymbpttError) as caught:
        load(str(path))
    error, text = caught.value, str(caught.value)
    assert first.removeprefix("# expect: ").strip() in text
    place = error.place
    assert place is not None and error.instead
    where, line, caret = text.splitlines()[:3]
    assert where == f"{path}:{place.line}:{place.column}"
    under = line[caret.index("^") : caret.rindex("^") + 1]
    assert under == second.removeprefix("# under:").strip()


def test_a_split_is_its_blocks() -> None:
    """One line for the equations that read the columns one after the other; each prints back."""
    cs231n = load("lstm_cs231n")
    gates = {"i": "sigmoid", "f": "sigmoid", "o": "sigmoid", "g": "tanh"}
    lines = cs231n.source.splitlines()
    named = [x for x in lines if x.split("[")[0] not in gates]
    at = named.index("a[t] = x[t] @ Wx + h[t-1] @ Wh + b") + 1
    named[at:at] = ["p[t], q[t], r[t], s[t] = split(a[t], 4)"] + [
        f"{gate}[t] = {f}({part}[t])" for (gate, f), part in zip(gates.items(), "pqrs", strict=True)
    ]
    packed = model("\n".join(named))
    blocks = [show_equation(e, "text") for e in packed.equations[1:5]]
    assert blocks[3].replace(" ", "") == "s[t]=a[t][:,3*H:4*H]"
    for e in packed.equations:
        assert equation(show_equation(e, "text"), packed).rhs == e.rhs
    for gate in gates:
        assert packed.unfold(packed.defined[gate].rhs) == cs231n.unfold(cs231n.defined[gate].rhs)


ADVICE = {
    "dL/dW_hh = Σ_t dL/da_t h_{t-1}ᵀ": "Σ_{t=1}^{T} with its bounds",
    "dL/da_t = δ_t": "dL/da[t]",
    "dh_t = W_hy.T @ dL/do_t": "dL/dh[t]",
    "dL/dh_t-1 = 0": "h_{t-1}",
    "dL/dz_t = 0": "input z[t] : H",
    "dL/da_t = l_t": "only a constant is spread",
    "dL/da_t = np.tanh(a_t)": "tanh(…)",
    "dL/da_t = tanh": "tanh(…)",
}


@pytest.mark.parametrize("text", ADVICE)
def test_a_slip_in_an_equation_is_answered_with_what_to_write(text: str) -> None:
    with pytest.raises(SymbpttError) as caught:
        equation(text, ELMAN)
    assert ADVICE[text] in caught.value.instead and caught.value.place


def test_bounds_and_transposes_need_no_braces() -> None:
    for text, full in (
        ("dL/dW_hh = Σ_{t=1}^T dL/da_t h_{t-1}ᵀ", "dL/dW_hh = Σ_{t=1}^{T} dL/da_t h_{t-1}ᵀ"),
        ("dL/dh_t = W_hh^T (dL/da_{t+1})", "dL/dh_t = W_hhᵀ dL/da_{t+1}"),
        ("dL/dh_t = (W_hh^T (dL/da_{t+1}))**(1+1)", "dL/dh_t = (W_hhᵀ dL/da_{t+1})²"),
    ):
        assert equation(text, ELMAN) == equation(full, ELMAN)


def test_a_constant_is_spread_over_the_left_side() -> None:
    assert equation("dL/dh_t = 2", ELMAN).rhs.shape == ELMAN.table["h"].shape


def test_there_are_many_faults() -> None:
    assert len(BAD) >= 30


@pytest.mark.parametrize("ending", ["\r\n", "\r", "\n"])
def test_line_endings_tabs_and_a_byte_order_mark(ending: str) -> None:
    text = ELMAN.source.replace("  ", "\t").replace("\n", ending)
    assert model("\ufeff" + text) == ELMAN


def test_a_hash_in_the_title_is_no_comment() -> None:
    text = ELMAN.source.replace("Elman network", "Elman #1") + "# the end\n"
    assert model(text).title.startswith("Elman #1")


@pytest.mark.parametrize("name", ["no_such_model", "", "a/b.rnn", "tests", "x\0y", "z" * 5000])
def test_a_path_that_cannot_be_read(name: str) -> None:
    with pytest.raises(ModelError):
        load(name)


def test_the_table_of_calls_is_closed() -> None:
    assert set(NAMED) == set(CALLS)


# -- names

# Whatever SymPy or Python would make of these words, here they are names.
NAMES = """__import__ E I pi S N Q O C beta gamma zeta lambda Lambda Sigma oo zoo nan e i j
yhat c_tilde ctilde h1 W_h_2 alpha_beta _x x_ é 状態 β ŷ c̃ print exec x1_new Symbol d dx""".split()


def _scope(name: str, role: str) -> Scope:
    sizes = "size H" if role != "size" else f"size {name}"
    h = "H" if role != "size" else name
    other = "f" if name != "f" else "g"
    lines = [sizes, f"state {other}[t] : {h}"]
    lines += [f"param {name} : {h}"] if role == "param" else []
    lines += [f"var {name}[t] : {h}"] if role == "var" else []
    value = {"param": name, "var": f"{name}[t]"}.get(role, "1")
    lines += [f"{name}[t] = tanh({other}[t-1])"] if role == "var" else []
    lines += [f"{other}[t] = tanh({other}[t-1]) * {value}"]
    lines += [f"q[t] = sum({other}[t])", "loss = sum(q[t])"]
    return Scope.of(model("\n".join(lines)))


@pytest.mark.parametrize("role", ["size", "param", "var"])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_plain_symbol_in_every_notation(name: str, role: str) -> None:
    scope = _scope(name, role)
    d = scope.declarations[name]
    x = mx.Scalar(mx.size(name)) if role == "size" else d.var(*[mx.t - 1] * d.timed)
    e = Equation("", mx.times(2, x), mx.times(x, 2, x) if role == "size" else mx.times(x, 2))
    for notation, read in (("text", equation), ("unicode", equation), ("latex", latex)):
        text = show_equation(e, notation)
        if role != "size":
            assert (read(text, scope).lhs, read(text, scope).rhs) == (e.lhs, e.rhs), text
        else:
            assert read(text, scope).rhs == e.rhs, text


def test_user_text_reaches_no_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise AssertionError("user text was evaluated")

    import sympy.parsing.sympy_parser as parser

    for name in ("eval", "exec", "compile"):
        monkeypatch.setattr(f"builtins.{name}", refuse)
    monkeypatch.setattr(parser, "parse_expr", refuse)
    load("elman")
    assert expression("W_hh @ h[t-1] + 2*b_h", ELMAN).shape == (mx.size("H"),)
    with pytest.raises(SymbpttError):
        expression("__import__('os')", ELMAN)


# -- the notations

SPELLINGS = [
    # (LaTeX, the same in plain text)
    (r"W_{hh}^\top h_t", "W_hh.T @ h[t]"),
    (r"W_{hh}^T h_t", "W_hh.T @ h[t]"),
    (r"\mathbf{W}_{hh}^{\top}\mathbf{h}_{t}", "W_hh.T @ h[t]"),
    (r"\mathbf{W_{hh}}^{\mathsf T} \boldsymbol{h}^{(t)}", "W_hh.T @ h[t]"),
    (r"\mathbf h^{(t-1)} \odot h^{\langle t\rangle}", "h[t-1] * h[t]"),
    (r"h_t \circ (1 - h_t^2)", "h[t] * (1 - h[t]**2)"),
    (r"\text{diag}\left(1-h_t^2\right)W_{hh}", "diag(1 - h[t]**2) @ W_hh"),
    (r"\operatorname{diag}\bigl(1-\tanh^2(a_t)\bigr)", "diag(1 - tanh(a[t])**2)"),
    (r"\mathrm{diag}(1 - h_t \odot h_t)\,W_{hh}", "diag(1 - h[t]*h[t]) @ W_hh"),
    (r"\frac{\partial L}{\partial W_{hh}}", "∂L/∂W_hh"),
    (r"\frac{\mathrm{d}L}{\mathrm{d}\mathbf{W_{hh}}}", "dL/dW_hh"),
    (r"\frac{dL}{dh_t}", "dL/dh[t]"),
    (r"\tfrac{\mathrm d L}{\mathrm d h^{(t)}}", "dL/dh[t]"),
    (r"\partial L/\partial h_{t}", "∂L/∂h[t]"),
    (r"\sum_{t=1}^T \frac{dL}{da_t} h_{t-1}^\top", "sum_{t=1}^{T} outer(dL/da[t], h[t-1])"),
    (r"\sum^{T}_{t=1} \frac{dL}{da_t} \odot h_t", "sum_{t=1}^{T} (dL/da[t] * h[t])"),
    (r"\prod_{j=1}^t \frac{\partial h_j}{\partial h_{j-1}}", "prod_{j=1}^{t} ∂h[j]/∂h[j-1]"),
    (r"\frac{1}{T}\sum_{t=1}^{T} l_t", "(1/T) * sum_{t=1}^{T} l[t]"),
    (r"\frac12 \left\| o_t - y_t \right\|^2", "squared_error(o[t], y[t])"),
    (r"(W_{hh}^\top)^{T-t}", "W_hh.T**(T-t)"),
    (r"I_H", "eye(H)"),
    (r"\sigma(a_t)", "sigmoid(a[t])"),
    (r"{h}_t % a remark", "h[t]"),
    (r"[a_t]_i\operatorname{softmax}(a_t)_{i}", "a[t][i] * softmax(a[t])[i]"),
    (r"\sum_{c=1}^{C} (o_t \odot y_t)_c", "sum(o[t] * y[t])"),
]


@pytest.mark.parametrize("tex, plain", SPELLINGS)
def test_common_spellings(tex: str, plain: str) -> None:
    assert same(latex_expression(tex, ELMAN), expression(plain, ELMAN))


@pytest.mark.parametrize(
    "tex, under, message",
    [
        (r"h_t = \foo{a_t}", r"\foo", "macro"),
        (r"h_t = W_{hh} \otimes h_t", r"\otimes", "macro"),
        (r"h_t = \begin{cases} a_t", r"\begin", "macro"),
        (r"a_t \\ b_h", "\\\\", "macro"),
        (r"h_t = \tanh(a_t", "", "too early"),
        (r"h_t = {a_t", "{", "not closed"),
        (r"h_t = a_t}", "}", "cannot read"),
        (r"h_t = \frac{\partial}{\partial h_t}", r"\frac{\partial}{\partial h_t}", "derivative"),
        (r"h_t = \partial a_t", r"\partial", "no derivative"),
        (r"h_t = W_{xh} h_t", "W_{xh} h_t", "inner sizes"),
        (r"h_t = q_t", "q_t", "not declared"),
        (r"h_t = \hat", "t", "needs something"),
        (r"h_t = \hat{a+b}", r"\hat{a+b}", "one letter"),
        (r"h_t = a'_t", "'", "cannot read"),
        (r"h_t = \sum_t a_t", " ", "needs its bounds"),
        (r"h_t = b_h^\top W_{hh} a_t^\top", r"b_h^\top W_{hh} a_t^\top", "does not exist"),
    ],
)
def test_latex_faults_have_their_place(tex: str, under: str, message: str) -> None:
    with pytest.raises(SymbpttError) as caught:
        latex(tex, ELMAN)
    place = caught.value.place
    assert place is not None and message in str(caught.value)
    assert place.text[place.column - 1 :][: place.width] == under


def test_latex_places_on_a_later_line() -> None:
    with pytest.raises(ParseError) as caught:
        latex("h_t =\n  \\tanh(a_t)\n  + \\foo", ELMAN, file="d.tex")
    assert str(caught.value).startswith("d.tex:3:5\n")


def test_a_sum_reaches_over_products_and_a_product_over_one_factor() -> None:
    long = expression("Σ_{s=1}^{T} h_s ∘ h_s + b_h", ELMAN)
    assert same(long, expression("(Σ_{s=1}^{T} (h_s ∘ h_s)) + b_h", ELMAN))
    tight = expression("dL/dh_t · ∏_{j=1}^{t} ∂h_j/∂h_{j−1} · ∂h_1/∂b_h", ELMAN)
    assert tight == expression("(dL/dh_t · (∏_{j=1}^{t} ∂h_j/∂h_{j−1})) · ∂h_1/∂b_h", ELMAN)


def test_a_bracket_behind_an_array_is_a_factor() -> None:
    """W (x)² is W times x², and A v (B) is (A v) B, as NumPy has it."""
    assert expression("W_hh (h_t)²", ELMAN) == expression("W_hh @ h[t]**2", ELMAN)
    assert expression("W_hh h_t (W_hh)", ELMAN) == expression("(W_hh @ h[t]) @ W_hh", ELMAN)
    assert expression("2 (h_t)", ELMAN) == expression("2*h[t]", ELMAN)


@pytest.mark.parametrize("text", ["delta/dt", "d_1/d_2"])
def test_a_division_of_names_is_not_taken_for_a_derivative(text: str) -> None:
    names = text.split("/")
    scope = Scope.of(model("hyper delta\nhyper dt\nhyper d_1\nhyper d_2\n" + ELMAN.source))
    with pytest.raises(ParseError, match="derivative"):
        expression(text, scope)
    assert expression("({})/({})".format(*names), scope).shape == ()


# -- fuzz: only SymbpttError, and in time

ALPHABET = list("hWbxyotTLNdl0123456789 []()@*+-=.,_^{}:/'\\∂Σ∏ᵀ²λ·∘−ŷ#\t\n\"é")
WORDS = """h[t] h[t-1] h_t h_{t−1} W_hh b_h x[t] tanh( softmax( sum( outer( dL/dh_t ∂h_t/∂a_t
Σ_{t=1}^{T} ∏_{j=1}^{t} ( ) [ ] = + - * @ / ** ^ .T ᵀ ² 2 0 1 T t H , axis=0 onehot( eye( ones(
[i,j] [n = m] [:, x[t]] λ · 1e9 99999999 ∂1f( loss model size param state function input in index
sum(l[t]) : # " """.split()
MACROS = r"""\frac \frac{\mathrm{d}L} \mathrm{d} \partial \sum_{t=1}^{T} \prod_{j=1}^{t} \left(
\right) \odot \cdot \top \hat \tilde \mathbf \mathbf{1}_{ \operatorname{diag} \text{ \| \lVert
\rVert { } ^ _ ^{(t)} ^{\top} h_t W_{hh} h_{t-1} a_t \alpha \lambda \foo \\ & \, ( ) [ ] = + - 2 T
H \tanh \sqrt \left[ \right]_{n,j} \sum_{n=1}^{H} \begin{aligned} % ' \tag{1} \langle \rangle
^{T-t} \%""".split()


def fuzzed(pieces: list[str]) -> st.SearchStrategy[str]:
    def joined(parts: list[str]) -> str:
        return " ".join(parts)

    words = st.lists(st.sampled_from(pieces), max_size=25).map(joined)
    characters = st.text(st.sampled_from(ALPHABET), max_size=60)
    return st.one_of(words, characters, st.text(max_size=30), mutated())


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A true line with a few characters changed."""
    text = draw(st.sampled_from(LINES))
    for _ in range(draw(st.integers(1, 3))):
        i = draw(st.integers(0, len(text)))
        text = (
            text[:i] + draw(st.sampled_from([*ALPHABET, ""])) + text[i + draw(st.integers(0, 2)) :]
        )
    return text


LINES = [line for m in (ELMAN, BATCH, RNNLM) for line in m.source.splitlines() if line]
LINES += [show_equation(e, n) for e in BATCH.equations for n in ("unicode", "latex")]
LINES += [
    r"\frac{\mathrm{d}L}{\mathrm{d}h_{t}} = W_{hh}^{\top} \frac{\mathrm{d}L}{\mathrm{d}a_{t+1}}"
]


def survives(read: object, *arguments: object) -> None:
    begin = time.perf_counter()
    try:
        read(*arguments)  # type: ignore[operator]
    except SymbpttError as error:
        assert str(error)
    assert time.perf_counter() - begin < SECONDS, arguments


def read_all(text: str) -> None:
    survives(equation, text, ELMAN)
    survives(expression, text, RNNLM)
    survives(model, f"{ELMAN.source}\n{text}\n")
    survives(model, f"size H\nstate h[t] : H\n{text}\n")


def read_latex(text: str) -> None:
    survives(latex, text, ELMAN)
    survives(latex_expression, text, BATCH)


FUZZ = settings(deadline=None, suppress_health_check=list(HealthCheck))


@settings(FUZZ, max_examples=300)
@given(text=fuzzed(WORDS))
@example("(" * 5000)
@example("h[t] = " + "(" * 400 + "a[t]" + ")" * 400)
@example("h[t] = " + "-" * 3000 + "a[t]")
@example("h[t] = " + "+".join(["a[t]"] * 2000))
@example("h[t] = " + "tanh(" * 300 + "a[t]" + ")" * 300)
@example("h[t] = 9**9**9**9**9**9 * h[t]")
@example("h[t] = 1e999999999 * h[t]")
@example("h[t] = h[(t+T+1)**999]")
@example("h[t] = h[t]**(1/0)")
@example("h[t] = (0-1)**(1/2)")
@example("h" * 30_000)
@example("h[t] = h_{t-}")
@example("h[t] = sum(h[t], axis=t)")
@example("h[t] = Σ_{H=1}^{T} h_H")
@example("h[t] = ∏_{j=1}^{t} 2")
@example("_T")
@example("s[t] = tanh(U[:h, x[t]] + W @ s[t-1])")
@example("function f(z) = 9**999**999")
@example("function f(z) = 1/(1-1)")
@example("function f(z) = log(0)")
@example("function f(z) = z**z")
def test_no_plain_text_breaks_the_reader(text: str) -> None:
    read_all(text)


@settings(FUZZ, max_examples=300)
@given(text=fuzzed(MACROS))
@example("{" * 5000)
@example("[(" * 9000)
@example("h_t = " + "[" * 9000 + "]" * 9000)
@example("h_t = " + r"\left(" * 400 + "a_t" + r"\right)" * 400)
@example("h_t = " + r"\mathbf{" * 900 + "a_t" + "}" * 900)
@example("h_t = " + r"\frac{1}{" * 900 + "a_t" + "}" * 900)
@example("h_t = " + "{" * 900 + "a" + "}" * 900 + "_t")
@example(r"h_t = \frac")
@example("h_t = a_")
@example("h_t = a^")
@example("\\")
@example("h_t = \\")
@example(r"h_t = \mathbf{1}")
@example(r"h_t = x^{(}")
def test_no_latex_breaks_the_reader(text: str) -> None:
    read_latex(text)


@pytest.mark.slow
@settings(FUZZ, max_examples=10_000)
@given(text=fuzzed(WORDS))
def test_ten_thousand_plain_texts(text: str) -> None:
    read_all(text)


@pytest.mark.slow
@settings(FUZZ, max_examples=10_000)
@given(text=fuzzed(MACROS))
def test_ten_thousand_latex_texts(text: str) -> None:
    read_latex(text)


def test_shuffled_models_break_nothing() -> None:
    """Lines of true models, dropped, doubled and out of order."""
    rng = random.Random(1)
    for _ in range(60):
        lines = [line for m in (ELMAN, RNNLM) for line in m.source.splitlines()]
        rng.shuffle(lines)
        text = "\n".join(lines[: rng.randrange(len(lines))])
        survives(model, re.sub(r"\bt-1\b", lambda m: rng.choice(["t-1", "t", "t+1"]), text))
