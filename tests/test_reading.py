"""Reading hand derivations: every notation of the cases, plain text, damage, and no hang."""

import json
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbptt.derive import derive
from symbptt.errors import ParseError
from symbptt.parse import load, zoo
from symbptt.show import show
from symbptt.verify.read import formula, read
from symbptt.verify.read.tokens import latex_tokens
from symbptt.verify.surface import (
    Apply,
    Claim,
    Entry,
    Everything,
    Power,
    Product,
    Relation,
    Symbol,
    Unread,
    symbols,
    walk,
)
from symbptt.verify.write import plain, statement

CASES = json.loads((Path(__file__).parent / "cases" / "index.json").read_text(encoding="utf-8"))
FORMULAS = [
    (f"{case['id']}.{e['id']}", e["latex"])
    for case in CASES["cases"]
    for e in [
        *({"id": f"F{n}", "latex": f} for n, f in enumerate(case.get("forward", ()))),
        *(e for e in case["equations"] if e["kind"] != "code"),
    ]
]
CORRECTIONS = [
    (f"{case['id']}.{e['id']}", e["correct"])
    for case in CASES["cases"]
    for e in case["equations"]
    if "correct" in e
]


def shown(text: str, notation: str = "") -> list[str]:
    return [
        "unread: " + item.reason if isinstance(item, Unread) else statement(item, "plain")
        for item in formula(text, notation)
    ]


def continued(text: str) -> str:
    """A case that opens with its relation goes on from the line before it."""
    return "x" + text if text.startswith("=") else text


def test_a_bracket_is_sliced_like_a_letter() -> None:
    for text in ("g = (u Wᵀ)[:, H:H + K]", "g = [u W^{\\top}]_{:,H:H + K}"):
        (claim,) = formula(text)
        assert isinstance(claim, Claim) and isinstance(claim.right, Entry)
        rows, columns = claim.right.items
        assert isinstance(rows, Everything) and isinstance(columns, Relation)
    (claim,) = formula("g = (u + v)[h, x]", "plain")
    assert isinstance(claim, Claim) and isinstance(claim.right, Product)


@pytest.mark.parametrize("name, text", [*FORMULAS, *CORRECTIONS])
def test_every_formula_of_the_cases_is_read(name: str, text: str) -> None:
    items = formula(continued(text), "latex")
    assert items
    assert not [i for i in items if isinstance(i, Unread)]


@pytest.mark.parametrize("name, text", FORMULAS)
def test_what_is_written_reads_back(name: str, text: str) -> None:
    for claim in formula(continued(text), "latex"):
        assert isinstance(claim, Claim)
        if any(type(n).__name__ in ("Words", "Text") for n in walk(claim.left)):
            continue
        again = formula(statement(claim, "latex"), "latex")
        assert [(c.left, c.relation, c.right) for c in again if isinstance(c, Claim)] == [
            (claim.left, claim.relation, claim.right)
        ]


@pytest.mark.parametrize("name, text", FORMULAS)
def test_every_node_knows_where_it_stands(name: str, text: str) -> None:
    text = continued(text)
    for claim in formula(text, "latex"):
        assert isinstance(claim, Claim)
        for node in walk(claim.left):
            assert 0 <= node.start < node.end <= len(text), node
        for symbol in symbols(claim.left):
            letter = text[symbol.start : symbol.end]
            assert symbol.letter.isascii() is False or symbol.letter[0] in letter


@pytest.mark.parametrize(
    "text, expected",
    [
        ("h_t = tanh(W_hh h_{t-1} + b)", "h_t = tanh(W_hh h_{t-1} + b)"),
        ("h[t] = tanh(Whh @ h[t-1] + bh)", "h[t] = tanh(Whh @ h[t-1] + bh)"),
        ("h(t) = tanh(Whh h(t-1))", "h(t) = tanh(Whh h(t-1))"),
        ("ct = ft * ct-1 + it * gt", "ct = ft * ct-1 + it * gt"),
        ("dE/dct = E_delta * o * (1-tanh2 (ct))", "dE/dct = E_delta * o * (1 - tanh^2(ct))"),
        ("dL/dW = sum_t dL/dh_t h_{t-1}^T", "dL/dW = Σ_{t} dL/dh_t h_{t-1}^T"),
        ("dL/dW = sum_{t=1}^T δ_t h_{t-1}ᵀ", "dL/dW = Σ_{t=1}^{T} δ_t h_{t-1}ᵀ"),
        ("dL/dW = sum_{t=1..T} delta_t h.T", "dL/dW = Σ_{t=1}^{T} δ_t h.T"),
        ("dL/dW = sum over t of delta_t h_{t-1}'", "dL/dW = Σ_{t} δ_t h_{t-1}'"),
        ("∂L/∂h_t = W_hyᵀ (ŷ_t − y_t)", "∂L/∂h_t = W_hyᵀ (ŷ_t - y_t)"),
        ("dWhh += np.outer(da, h[t-1])", "dWhh += outer(da, h[t-1])"),
        ("dh_next = np.dot(Whh.T, dhraw)", "dh_next = dot(Whh.T, dhraw)"),
        ("delta_t = self.V.T.dot(do[t]) * (1 - (s[t] ** 2))", "δ_t = V.T @ do[t] * (1 - (s[t]^2))"),
        ("da_t = dh_t .* (1 - h_t.^2)   # elementwise", "da_t = dh_t ⊙ (1 - h_t.^2)"),
        ("dz = dh ∘ (1 - h²)", "dz = dh ⊙ (1 - h²)".replace("h²", "h^2")),
        ("dL/db = np.sum(da, axis=0)", "dL/db = sum(da, axis=0)"),
        ("h̃_t = tanh(U (r_t ⊙ h_{t-1}))", "h̃_t = tanh(U (r_t ⊙ h_{t-1}))"),
        ("a_t-1 = W h_t-2", "a_{t-1} = W h_{t-2}"),
        ("dLdWhh = outer(δ, h)", "dL/dWhh = outer(δ, h)"),
        ("W_xi x_t ∈ R^H", "W_xi x_t ∈ R^{H}"),
        ("dL/do_t = o_t − y_t    t = T, …, 1", "dL/do_t = o_t - y_t"),
    ],
)
def test_plain_text_as_people_type_it(text: str, expected: str) -> None:
    assert shown(text, "plain") == [expected]


def test_separators_and_chains_make_claims_of_their_own() -> None:
    assert shown("dh = Why.T @ dy + dhnext; dz = (1 - h*h) * dh", "plain") == [
        "dh = Why.T @ dy + dhnext",
        "dz = (1 - h * h) * dh",
    ]
    claims = formula(r"\delta_t = \frac{\partial L}{\partial h_t} = x_t \text{ for } t < T")
    assert [statement(c, "plain") for c in claims] == ["δ_t = ∂L/∂h_t", "∂L/∂h_t = x_t"]  # type: ignore[arg-type]
    assert [(c.link, c.chain) for c in claims] == [(1, "1/1"), (2, "1/1")]  # type: ignore[union-attr]
    assert [plain(c.conditions[-1]) for c in claims] == ["t < T", "t < T"]  # type: ignore[union-attr]


def test_what_is_said_beside_a_formula_is_its_condition() -> None:
    def said(text: str) -> list[tuple[str, list[str]]]:
        claims = [c for c in formula(text, "latex") if isinstance(c, Claim)]
        return [(statement(c, "plain"), [plain(x) for x in c.conditions]) for c in claims]

    assert said(r"a = b \text{ if } F = gf, \quad h_t = y \text{ otherwise}") == [
        ("a = b", ["F = g f"]),
        ("h_t = y", ["otherwise"]),
    ]
    assert said(r"a \to \infty\ (\lambda > 1)") == [("a → ∞", ["(λ > 1)"])]
    assert said(r"\text{(a)}\quad a = b,\ t = T-1, \dots, 1") == [
        ("a = b", ["(a)", "t = T - 1, …, 1"])
    ]
    assert said(r"\text{For } t < T: a = b") == [("a = b", ["t < T"])]
    (claim,) = formula(r"a = b \qquad (7)", "latex")
    assert isinstance(claim, Claim) and claim.tag == "7" and not claim.conditions


def test_an_open_bracket_spoils_its_own_row_only() -> None:
    document = read("$$ a = (b \\\\ c = d $$\n\ne = f(g\nh = i\n")
    assert [statement(c, "plain") for c in document.claims] == ["c = d", "h = i"]
    assert len(document.unread) == 2


@pytest.mark.parametrize(
    "text, expected",
    [
        (r"W^\top_{hh} h^2_t = w^l_{jk} a^{l-1}_k", "W_hhᵀ h_t^2 = w_jk^{l} a_k^{l-1}"),
        (r"\Rightarrow h^{(t)} = {\partial L \over \partial h}^T", "h^{(t)} = ∂L/∂h^T"),
        (r"\therefore\ h = RNN(x, [h, x]^T)", "h = RNN(x, [h, x]^T)"),
        (r"a = \sum_t^T b", "a = Σ_{t}^{T} b"),
        (r"h^{(t)^T} = W^{[2]T}", "h^{(t)}^T = W^{[2]}^T"),
        (r"\overline{W} \mathrel{{+}{=}} x", "W̄ += x"),
        (r"\frac12 x = \tfrac1T y", "1/2 x = 1/T y"),
        (r"a \stackrel{\text{def}}{=} b", "a := b"),
        (r"1 - h_t^{\odot 2} = x", "1 - h_t.^2 = x"),
        (r"\sum_{1\le k\le t\le T} a_k = b", "Σ_{1 ≤ t ≤ T, 1 ≤ k ≤ t} a_k = b"),
        (r"\mathcal L_t(\hat y_t, y_t) = a", "L_t(ŷ_t, y_t) = a"),
        (r"\left(J\right)_{ij} = f'(a_{t,i})", "(J)_{i,j} = f'(a_{t,i})"),
        (r"d{\mathbf{W}^{(t)}} = x", "dW^{(t)} = x"),
        (r"L = \|y\|^2_2", "L = ‖y‖_2^2"),
        (r"\mathbf{1}_{N, H} = \mathbf 1_{y_t}", "1_{N,H} = 𝟙_{y_t}"),
    ],
)
def test_latex_as_people_write_it(text: str, expected: str) -> None:
    assert shown(text, "latex") == [unicodedata.normalize("NFC", expected)]


@pytest.mark.parametrize(
    "text, place",
    [
        (r"\partial 6W = x", "6"),
        (r"E * o * (1?tanh2(zg)) * i = x", "?"),
        (r"\sigma(z_o) * (1-\sigma(z_o) * x_t = y", "("),
        (r"a = b \nosuchmacro c", r"\nosuchmacro"),
        (r"a = \frac{\partial^2 L}{\partial h}", r"\partial^2"),
        (r"h_t = ", ""),
        (r"a = b + ", ""),
        (r"x \cdot\odot y = z", r"\odot"),
        (r"a = \cancel{b} + c", r"\cancel"),
    ],
)
def test_damage_is_unread_at_its_place(text: str, place: str) -> None:
    (item,) = formula(text, "latex")
    assert isinstance(item, Unread)
    assert item.place.text == text
    assert place in text[item.place.column - 1 :][: max(item.place.width, len(place))]


def test_one_bad_line_does_not_stop_the_rest() -> None:
    document = read(
        "$$\\begin{aligned} a_t &= \\oops{3} \\\\ b_t &= c_t \\end{aligned}$$\n\n$d = e$\n"
    )
    assert [type(i).__name__ for i in document.items] == ["Unread", "Claim", "Claim"]
    assert [i.id for i in document.items] == ["1", "2", "3"]


@pytest.mark.parametrize(
    "text",
    [
        "$$ a = b $$",
        "\\[ a = b \\]",
        "\\begin{equation} a = b \\label{x} \\end{equation}",
        "\\begin{align*} a &= b \\tag{7} \\end{align*}",
        "so \\(a = b\\) holds",
        "so $a = b$ holds",
        "```\na = b\n```",
        "```math\na = b\n```",
        "- a = b",
        "(3) a = b",
        "$$ \\boxed{a = b}. $$",
        "$$\\begin{split} a \\\\ = b \\end{split}$$",
        "\\[\\begin{array}{rcl} a &=& b \\end{array}\\]",
        "\\[\\left\\{\\begin{aligned} a &= b \\end{aligned}\\right.\\]",
        "text\r\n\r\n$$\r\na = b\r\n$$\r\n",
    ],
)
def test_where_formulas_stand(text: str) -> None:
    assert [statement(c, "plain") for c in read(text).claims] == ["a = b"]


def test_a_document_may_define_its_macros() -> None:
    text = (
        "\\newcommand{\\bh}{\\mathbf{h}}\n"
        "\\newcommand{\\pd}[2]{\\frac{\\partial #1}{\\partial #2}}\n"
        "\\def\\Whh{W_{hh}}\n\\DeclareMathOperator{\\Diag}{diag}\n\\newcommand{\\x}{\\x}\n"
        "$$ \\pd{L}{\\bh_t} = \\Diag(\\Whh^\\top) \\norm{y} $$\n$$ a = \\x $$"
    )
    document = read(text)
    assert [statement(c, "plain") for c in document.claims] == ["∂L/∂h_t = diag(W_hhᵀ) ‖y‖"]
    assert [u.reason for u in document.unread] == ["\\x is defined by itself"]
    derivative = document.claims[0].left
    assert text[derivative.start : derivative.end] == "\\pd{L}{\\bh_t}"


@pytest.mark.parametrize(
    "line, expected",
    [
        ("1. First, compute dz_t = dh_t * s_t", ["dz_t = dh_t * s_t"]),
        ("> note: L = Σ_t L_t", ["L = Σ_{t} L_t"]),
        ("**dW = dz hᵀ**", ["dW = dz hᵀ"]),
        ("the loss = the sum of all errors", []),
        ("We choose T = 10 because it fits.", []),
        ("see https://a.b/c?d=e for more", []),
    ],
)
def test_formulas_at_the_end_of_a_sentence(line: str, expected: list[str]) -> None:
    document = read(line)
    assert [statement(c, "plain") for c in document.claims] == expected
    assert not document.unread


def test_a_program_is_no_derivation() -> None:
    text = (
        "dz = dh * s\n\ndef backward(x):\n    dW = 0\n\n    for t in range(3):\n"
        "        dh = W * dz\n"
        "    return dW\n\ndb = dz\n```python\nfor t in range(3):\n    dx = dz\ndc = dz\n```\n"
    )
    assert [statement(c, "plain") for c in read(text).claims] == [
        "dz = dh * s",
        "db = dz",
        "dc = dz",
    ]


def test_a_spectral_claim_takes_its_words_along() -> None:
    text = (
        "If the eigenvalue $|\\lambda_{max}| > 1$, the gradients will explode; for $0 < a < 1$ not."
    )
    (claim,) = read(text).claims
    assert statement(claim, "plain") == "|λ_max| > 1 ⇒ explode"


def test_prose_is_kept_and_not_judged() -> None:
    text = (
        "---\nmodel: elman\nrename: {U: W_xh}\nshapes:\n  U: (H, D)\n---\n"
        "# Title = nothing\nThe loss = the sum of all errors over time, as said.\n"
        "For \\(t < T\\):\n$$\\delta_t = \\delta_{t+1} W$$\nwhere $h_0$ is 0 and costs $3 or $4.\n"
    )
    document = read(text)
    assert [statement(c, "plain") for c in document.claims] == ["δ_t = δ_{t+1} W"]
    assert [plain(c) for c in document.claims[0].conditions] == ["t < T"]
    assert document.front.model == "elman"
    assert document.front.rename == (("U", "W_xh"),)
    assert document.front.shapes == (("U", "(H, D)"),)
    assert "The loss" in document.prose[0].text
    assert document.claims[0].line == 10


def test_ambiguities_stay_open() -> None:
    (claim,) = formula(r"\delta = W^T \delta \odot h_t^2 f(x)", "latex")
    assert isinstance(claim, Claim)
    product = claim.right
    assert isinstance(product, Product)
    assert product.signs == ("", "⊙", "")
    transposed, _, squared, applied = product.factors
    assert isinstance(transposed, Power) and transposed.may_be == ("transpose", "power")
    assert isinstance(squared, Power) and squared.may_be == ("power",)
    assert isinstance(applied, Apply) and applied.certain
    (claim,) = formula(r"a = x(1 - y) + h(y)", "latex")
    assert isinstance(claim, Claim)
    assert [n.certain for n in walk(claim.right) if isinstance(n, Apply)] == [False]  # type: ignore[arg-type]


def test_a_superscript_time_is_settled_by_the_whole_document() -> None:
    (claim,) = formula(r"c^t = f^t \odot c^{t-1}", "latex")
    assert isinstance(claim, Claim)
    assert {i.text for s in symbols(claim.left) for i in s.sup} == {"t"}
    open_, *_ = formula(r"h^t = h_t", "latex")
    assert isinstance(open_, Claim)
    assert not isinstance(open_.left, Symbol)


# -- nothing is dropped, nothing breaks

LAYOUT = frozenset(["{", "}", "(", ")", "[", "]", "amp", "gap", "row", "null", "group", "font"])
SEPARATORS = frozenset(["comma", "semicolon", "stop", "colon"])
SCALED = (r"T\cdot\partial",)  # the dot between a factor and its ∂ says nothing


def meaning(text: str) -> list[object]:
    """What a formula says, without where it stands."""
    return [
        (c.left, c.relation, c.right, c.conditions, c.tag) if isinstance(c, Claim) else c.reason
        for c in formula(text, "latex")
    ]


@pytest.mark.parametrize("name, text", FORMULAS)
def test_each_token_of_a_formula_counts(name: str, text: str) -> None:
    """A formula with one of its tokens erased says something else."""
    text = continued(text)
    whole = meaning(text)
    for token in latex_tokens(text, 0, len(text)):
        if token.kind in LAYOUT | SEPARATORS or text[token.start - 1 :].startswith(SCALED):
            continue
        without = text[: token.start] + " " * (token.end - token.start) + text[token.end :]
        assert meaning(without) != whole, token


PIECES = r"""
    \frac \partial { } ( ) [ ] ^ _ ' | \| \sum \prod \mathbf \hat \text{for } & \\ = + - *
    \odot \begin{cases} \end{cases} \begin{pmatrix} \end{pmatrix} , ; : . d \delta h_t W t T
    1 0.5 \mathrm{d} \left( \right) \langle \rangle \Big| \nabla \operatorname{diag} \tanh
    \underbrace \boxed \sqrt \dots .. ... ² ᵀ ₜ ∂ Σ ŷ h̃ .T .dot( np.outer( sum_ over of
    dL/dW # \tag{1} \label \quad \mathbb R \in \Rightarrow \le < > \infty \max \mathbf1 % $
    $$ \[ \] ``` ½ \overset \stackrel \top @ := \mathrel{+}= \color{red} \unknown \frac12
    \lim_{t\to\infty} ^{(t)} ^\top _{t-1} \cdot (\cdot) ∀ \! x""".split()
noise = st.lists(st.sampled_from(PIECES), max_size=30).map(" ".join)


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A formula of the cases with a few characters lost, doubled or put in."""
    text = draw(st.sampled_from([f for _, f in FORMULAS]))
    for _ in range(draw(st.integers(1, 5))):
        i = draw(st.integers(0, len(text)))
        j = min(len(text), i + draw(st.integers(0, 4)))
        put = draw(st.one_of(st.sampled_from(PIECES), st.text(max_size=2), st.just(text[i:j])))
        text = text[:i] + put + text[j:]
    return text


def read_anything(text: str, notation: str, around: str) -> None:
    """Any text at all is read or unread, and what was read can be written and read again."""
    read(around.replace("%s", text))
    for item in formula(text, notation):
        if isinstance(item, Unread):
            assert item.reason and item.instead
            assert 1 <= item.place.column <= len(item.place.text) + 1
            continue
        assert text[item.start : item.end] == item.source
        statement(item, "plain")
        for again in formula(statement(item, "latex"), "latex"):
            assert isinstance(again, Claim | Unread)


texts = st.one_of(noise, damaged(), st.text(max_size=60))
arounds = st.sampled_from(["$$%s$$", "\\[%s\\]", "%s", "```\n%s\n```", "$%s$", "---\n%s\n---\n%s"])
notations = st.sampled_from(["latex", "plain", ""])


@settings(max_examples=300, deadline=2000)
@given(texts, notations, arounds)
def test_any_text_is_read_or_unread(text: str, notation: str, around: str) -> None:
    try:
        read_anything(text, notation, around)
    except ParseError:
        assert around.startswith("---")  # a front matter that is none


@pytest.mark.slow
@settings(max_examples=12_000, deadline=2000)
@given(texts, notations, arounds)
def test_any_text_at_length(text: str, notation: str, around: str) -> None:
    try:
        read_anything(text, notation, around)
    except ParseError:
        assert around.startswith("---")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "x" + ")" * 5000 + " = 1",
        "{" * 2000 + "x" + "}" * 2000 + " = 1",
        r"\hat" * 3000 + "x = 1",
        "x" + "^{x" * 1500 + "}" * 1500 + " = 1",
        "|" * 4000 + " = 1",
        r"\frac" * 3000 + "12 = 1",
        r"\sum_t " * 3000 + "x_t = 1",
        r"\tanh " * 3000 + "x = 1",
        "-" * 5000 + "x = 1",
        "a = " * 4000 + "b",
        r"\partial " * 3000 + "L = 1",
        "$" * 3001,
        "`" * 3001,
        r"\begin{cases}" * 500,
    ],
)
def test_deep_and_long_text_ends(text: str) -> None:
    read(f"$${text}$$")
    read(text)
    assert formula(text)


# -- what the printers print


def assert_reads(name: str) -> None:
    derivation = derive(load(name))
    labels = {e.label for e in derivation} | {f.equation.label for f in derivation.formal}
    forms = {f: show(derivation, f) for f in ("latex", "markdown", "unicode")}
    forms["plain"] = show(derivation, "unicode", notation="plain")
    for form, text in forms.items():
        document = read(text, {"latex": "x.tex", "markdown": "x.md"}.get(form, "x.txt"))
        assert not document.unread, form
        assert {c.tag for c in document.claims if c.tag} == labels, form


@pytest.mark.parametrize("name", ["bidirectional", "elman", "generic", "linear", "lstm"])
def test_a_printed_derivation_is_read_whole(name: str) -> None:
    assert_reads(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", zoo())
def test_every_printed_derivation_is_read_whole(name: str) -> None:
    assert_reads(name)


def test_a_long_line_goes_on_below() -> None:
    lines = "a = b|      + (c|      d) e    t < T|      Wᵀ|      where it ends|f = g|+ h|- an item"
    first, second = read(lines.replace("|", "\n")).claims
    assert statement(first, "plain") == "a = b + (c d) e Wᵀ"
    assert [plain(c) for c in first.conditions] == ["t < T"]
    assert statement(second, "plain") == "f = g + h"
    text = "dL/da = [dL/di ∘ i,      t = T, …, 1\n         dL/df ∘ f]\n         + b\nc = d\n"
    claims = read(text).claims
    assert [statement(c, "plain") for c in claims] == [
        "dL/da = [dL/di ⊙ i, dL/df ⊙ f] + b",
        "c = d",
    ]
    assert [plain(c) for c in claims[0].conditions] == ["t = T, …, 1"]
    (claim,) = read("dL/dgamma = a\n      · b\n").claims
    assert statement(claim, "plain") == "dL/dγ = a · b"
    display = (
        "\\begin{align} a &= b & & t < T \\tag{3} \\\\ &\\quad \\odot c \\\\ d &= e \\end{align}"
    )
    assert [(statement(c, "plain"), c.tag) for c in read(display).claims] == [
        ("a = b ⊙ c", "3"),
        ("d = e", ""),
    ]
    display = (
        "\\begin{align} a &= \\Bigl( b & & t < T \\\\ &\\quad + c \\Bigr) \\tag{3} \\end{align}"
    )
    (claim,) = read(display).claims
    assert (statement(claim, "plain"), claim.tag) == ("a = (b + c)", "3")


@pytest.mark.parametrize("name, text", FORMULAS)
def test_what_is_written_plainly_reads_back(name: str, text: str) -> None:
    if name in ("S002.E15", "D01.E1"):  # a factor inside a ∂, and cases: two lines in LaTeX only
        return
    for claim in formula(continued(text), "latex"):
        assert isinstance(claim, Claim)
        if any(type(n).__name__ in ("Words", "Text") for n in walk(claim.left)):
            continue
        written = statement(claim, "plain")
        assert shown(written, "plain") == [written]
