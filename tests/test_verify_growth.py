"""Bounds on products of Jacobians, θ, losses with arguments, sums that run downwards."""

import pytest

from symbptt.verify.report import verify
from tests import judged

PASCANU = r"$$x_t=W_{rec}\sigma(x_{t-1})+W_{in}u_t+b$$"
LECTURE = r"""
$$h_t = W f(h_{t-1}) + W^{(hx)} x_{[t]}$$

$$\hat y_t = W^{(S)} f(h_t)$$
"""
GENERAL = r"""
$$h_t = f(x_t, h_{t-1}, w),\quad o_t = g(h_t, w)$$

$$L(x_1,\ldots,x_T, w) = \frac{1}{T}\sum_{t=1}^T l(y_t, o_t)$$
"""


def verdicts(before: str, *parts: str) -> list[str]:
    return judged.verdicts(*parts, before=before)


STEPS = r"\left\|\prod_{j=k+1}^t\frac{\partial x_j}{\partial x_{j-1}}\right\|\le(\beta\gamma)^{t-k}"
CHAIN = (
    r"\left\|\frac{\partial E_t}{\partial x_t}\left(\prod_{i=k}^{t-1}\frac{\partial x_{i+1}}"
    r"{\partial x_i}\right)\right\|\le\eta^{t-k}\left\|\frac{\partial E_t}{\partial x_t}\right\|"
)


@pytest.mark.parametrize(
    ("claim", "expected"),
    [
        (r"\left\|\frac{\partial x_t}{\partial x_k}\right\|\le\eta^{t-k}", "proved"),
        (r"\left\|\frac{\partial x_t}{\partial x_k}\right\|\le\eta^{t-k+1}", "refuted"),
        (STEPS, "proved"),
        (STEPS.replace("j=k+1", "j=k"), "refuted"),
        (CHAIN, "proved"),
        (CHAIN.replace(r"\eta^{t-k}", r"\eta^{t-k-1}"), "refuted"),
        (r"\left\|W_{rec}\right\|\left\|diag(\sigma'(x_k))\right\|\le\beta\gamma", "definition"),
    ],
)
def test_a_bound_has_one_factor_for_each_step(claim: str, expected: str) -> None:
    product = (
        r"\frac{\partial x_t}{\partial x_k}=\prod_{i=k+1}^t\frac{\partial x_i}{\partial x_{i-1}}"
    )
    assert verdicts(PASCANU, product, claim)[-1] == expected


def test_theta_is_each_parameter_of_the_state() -> None:
    line = (
        r"\frac{\partial E_t}{\partial\theta}=\sum_{1\le k\le t}\frac{\partial E_t}{\partial x_t}"
        r"\frac{\partial x_t}{\partial x_k}\frac{\partial^+x_k}{\partial\theta}"
    )
    assert verdicts(PASCANU, line) == ["proved"]
    assert verdicts(PASCANU, line.replace(r"\le t}", "< t}")) == ["refuted"]
    report = verify(f"{PASCANU}\n\n$${line}$$")
    assert "θ is each of W_rec, W_in, b" in report.reading


def test_a_letter_with_another_use_is_no_theta() -> None:
    line = r"\frac{\partial x_t}{\partial\theta}=\theta"
    assert verdicts(PASCANU, line) == ["unread"]


def test_a_letter_that_is_only_differentiated_is_the_output() -> None:
    line = (
        r"\frac{\partial E_t}{\partial h_t}=\frac{\partial E_t}{\partial y_t}"
        r"\frac{\partial y_t}{\partial h_t}"
    )
    assert verdicts(LECTURE, line) == ["proved"]
    wrong = line.replace(r"{\partial y_t}{\partial h_t}", r"{\partial y_t}{\partial h_{t-1}}")
    assert verdicts(LECTURE, wrong) == ["refuted"]
    both = line + r"+0(\hat y_t-y_t)^\top W^{(S)}"
    assert verdicts(LECTURE, both) != ["proved"]  # there y is the label, which no state changes


def test_the_loss_with_its_arguments_written() -> None:
    mean = r"\partial_w L=\frac{1}{T}\sum_{t=1}^T\partial_w l(y_t,o_t)"
    assert verdicts(GENERAL, mean) == ["proved"]
    assert verdicts(GENERAL, mean.replace(r"\frac{1}{T}", "")) == ["refuted"]


def test_sums_and_products_may_run_downwards() -> None:
    line = (
        r"\partial_w h_t=\sum_{i=t}^1\left[\prod_{j=t}^{i+1}\partial_h f(x_j,h_{j-1},w)\right]"
        r"\partial_w f(x_i,h_{i-1},w)"
    )
    assert verdicts(GENERAL, line) == ["proved"]
    report = verify(f"{GENERAL}\n\n$${line.replace('i+1', 'i')}$$")
    assert report.lines[-1].verdict == "refuted" and report.lines[-1].codes == ["M13"]


PROD = r"""
$$h_t=W_{hx}x_t+W_{hh}h_{t-1},\quad o_t=W_{oh}h_t$$

$$L=\frac1T\sum_{t=1}^T l(o_t,y_t)$$
"""


def test_prod_of_any_number_of_factors() -> None:
    two = r"\partial_{W_{oh}}L=\frac1T\sum_{t=1}^T\mathrm{prod}(\partial_{o_t}l(o_t,y_t),h_t)"
    three = (
        r"\partial_{W_{hh}}L=\frac1T\sum_{t=1}^T\mathrm{prod}(\partial_{o_t}l(o_t,y_t),W_{oh},"
        r"\partial_{W_{hh}}h_t)"
    )
    assert verdicts(PROD, two) == ["proved"]
    assert verdicts(PROD, three) == ["proved"]
    assert verdicts(PROD, three.replace("W_{oh},", "")) == ["refuted"]


def test_for_all_says_of_what_a_line_is_said() -> None:
    claim = r"\forall k,\ \left\|\frac{\partial x_{k+1}}{\partial x_k}\right\|\le\beta\gamma"
    assert "unread" not in verdicts(PASCANU, claim)


BOOK = r"""
$$h^{(t)}=\tanh(b+Wh^{(t-1)}+Ux^{(t)})$$

$$o^{(t)}=c+Vh^{(t)},\quad\hat y^{(t)}=\mathrm{softmax}(o^{(t)})$$

$$\nabla_cL=\sum_t\nabla_{o^{(t)}}L$$
"""


def test_the_loss_by_the_loss_of_a_step() -> None:
    one = r"\frac{\partial L}{\partial L^{(t)}}=1"
    entry = (
        r"\frac{\partial L}{\partial L^{(t)}}\frac{\partial L^{(t)}}{\partial o_i^{(t)}}"
        r"=\hat y_i^{(t)}-1_{i,y^{(t)}}"
    )
    assert verdicts(BOOK, one, entry) == ["proved", "proved"]
    assert verdicts(BOOK, one.replace("=1", "=2"), entry) == [
        "refuted",
        "proved",
    ]
    assert verdicts(BOOK, entry.replace("-1_", "+1_")) == ["refuted"]


def test_every_link_of_a_stated_loss_is_its_definition() -> None:
    before = r"$$h_t=\tanh(W_{xh}x_t+W_{hh}h_{t-1})$$" + "\n\n" + r"$$p_t=\mathrm{softmax}(Vh_t)$$"
    stated = r"\mathcal L=\sum_t\mathcal L_t=-\sum_t y_t^\top\log p_t"
    right = r"\frac{\partial\mathcal L}{\partial V}=\sum_t(p_t-y_t)h_t^\top"
    assert verdicts(before, stated, right) == ["definition", "definition", "proved"]
    wrong = right.replace("p_t-y_t", "y_t-p_t")
    assert verdicts(before, stated, wrong)[-1] == "refuted"


def test_a_function_is_meant_at_the_step_of_all_its_arguments() -> None:
    line = (
        r"\partial_w h_t=\partial_w f(x_t,h_{t-1},w)+\partial_h f(x_t,h_{t-1},w)\partial_w h_{t-1}"
    )
    assert verdicts(GENERAL, line) == ["proved"]
    turned = line.replace("f(x_t,h_{t-1},w)", "f(h_{t-1},x_t,w)")
    assert verdicts(GENERAL, turned) == ["proved"]
    assert verdicts(GENERAL, line.replace("h_{t-1},w)+", "h_{t-2},w)+")) == ["unread"]


STATE = r"\left\|\frac{\partial x_t}{\partial x_k}\right\|"
LOSS = r"\left\|\frac{\partial E_t}{\partial x_t}\right\|"
WHAT_IS_NOT_BOUNDED = [
    r"\|W_{rec}\|<1\Rightarrow\left\|\frac{\partial x_t}{\partial x_k}\right\|\to1",
    r"\|W_{rec}\|<1\Rightarrow\left\|\frac{\partial E}{\partial W_{rec}}\right\|\to0",
    r"\|W_{rec}\|<1\Rightarrow\left\|\frac{\partial x_t}{\partial x_{t-1}}\right\|\to0",
    r"\|W_{rec}\|<1\Rightarrow\left\|\frac{\partial x_t}{\partial u_t}\right\|\to0",
    r"\left\|\frac{\partial E_t}{\partial x_k}\right\|\le\eta^{t-k}",
    STATE + r"\le" + LOSS + r"\eta^{t-k}",
    r"\left\|\frac{\partial E}{\partial x_k}\right\|\le" + LOSS.replace("E_t", "E") + r"\eta^{t-k}",
    r"\left\|\frac{\partial x_t}{\partial x_k}\right\|\le\|W_{in}\|^{t-k}",
    r"\left\|\frac{\partial x_t}{\partial x_k}\right\|\le\|u_t\|^{t-k}",
    r"\left\|\frac{\partial x_t}{\partial u_k}\right\|\le\eta^{t-k}",
    r"\left\|\frac{\partial x_t}{\partial x_k}\right\|\le\eta^{t-k}-1",
    r"\left\|\frac{\partial x_t}{\partial x_k}\right\|\le\frac{1}{\eta^{t-k}}",
]  # fmt: skip


@pytest.mark.parametrize("claim", WHAT_IS_NOT_BOUNDED)
def test_no_bound_is_proved_that_no_product_of_norms_gives(claim: str) -> None:
    product = (
        r"\frac{\partial x_t}{\partial x_k}=\prod_{i=k+1}^t\frac{\partial x_i}{\partial x_{i-1}}"
    )
    total = r"E=\sum_{t=1}^TE_t"
    assert verdicts(PASCANU, total, product, claim)[-1] in ("unread", "refuted")


SLOPES = r"\|diag(\sigma'(x_k))\|"
JACOBIAN = r"\left\|\frac{\partial x_{k+1}}{\partial x_k}\right\|"
NAMED = (r"\|W_{rec}\|\le\beta", SLOPES + r"\le\gamma")


@pytest.mark.parametrize(
    ("said", "claim", "expected"),
    [
        (NAMED, STATE + r"\le(\beta\gamma)^{t-k}", "proved"),
        (NAMED, JACOBIAN + r"\le\beta\gamma", "proved"),
        ((NAMED[0] + r"\,", JACOBIAN + r"\le\eta<1"), STATE + r"\le\eta^{t-k}", "proved"),
        (NAMED[:1], STATE + r"\le\beta^{t-k}", "conditional"),
        ((r"\eta<1",), STATE + r"\le\eta^{t-k}", "conditional"),
        (NAMED, STATE + r"\le\gamma^{t-k}", "unread"),
        (NAMED, JACOBIAN + r"\le\gamma", "unread"),
        (NAMED, r"\|W_{rec}\|" + SLOPES + r"\le\beta+\gamma", "unread"),
        (NAMED, r"\|W_{rec}\|" + SLOPES + r"\le\beta\gamma", "proved"),
        (NAMED, r"\|W_{rec}\|\le\gamma", "unread"),
        ((r"\|W_{rec}\|\ge\beta",), STATE + r"\le\beta^{t-k}", "unread"),
        ((r"\|W_{in}\|\le\beta",), STATE + r"\le\beta^{t-k}", "unread"),
        ((JACOBIAN + r"\le\beta\gamma",), STATE + r"\le\gamma^{t-k}", "unread"),
        ((NAMED[0], r"\|diag(x_k)\|\le\gamma"), STATE + r"\le(\beta\gamma)^{t-k}", "unread"),
        ((), STATE + r"\le(\|W_{rec}\|" + SLOPES + ")^{t-k}", "unread"),
    ],
)
def test_a_named_letter_bounds_what_it_is_said_to(
    said: tuple[str, ...], claim: str, expected: str
) -> None:
    assert verdicts(PASCANU, *said, claim)[-1] == expected


@pytest.mark.parametrize(
    "claim",
    [
        r"\|W_{rec}^\top\|_1=\|W_{rec}\|_1",
        r"\|W_{rec}^\top\|_\infty\le\|W_{rec}\|_\infty",
        STATE + r"\le\|W_{rec}^\top\|_1^{t-k}",
        STATE + r"_F\le\|W_{rec}\|_F^{t-k}",
    ],
)
def test_what_holds_for_the_spectral_norm_is_not_said_of_others(claim: str) -> None:
    assert verdicts(PASCANU, claim) == ["unread"]


@pytest.mark.parametrize(
    ("one", "power", "expected"),
    [
        (r"\frac{\partial x_j}{\partial x_{j-1}}\approx\alpha I", r"\alpha^{t-k}I", "proved"),
        (r"\frac{\partial x_j}{\partial x_{j-1}}\approx\alpha I", r"\alpha^{t-k+1}I", "refuted"),
        (r"\frac{\partial x_j}{\partial x_{j-1}}\approx\alpha I", r"\beta^{t-k}I", "unread"),
        (r"\frac{\partial x_j}{\partial x_{j-1}}\approx\alpha I", r"2\alpha^{t-k}I", "unread"),
        (
            r"\frac{\partial x_j}{\partial x_{j-1}}\approx\alpha I",
            r" W_{rec}\alpha^{t-k}I",
            "unread",
        ),
        (r"\frac{\partial x_2}{\partial x_1}\approx\alpha I", r"\alpha^{t-k}I", "unread"),
        (r"\frac{\partial x_j}{\partial u_j}\approx\alpha I", r"\alpha^{t-k}I", "unread"),
        (r"W_{rec}\approx\alpha I", r"\alpha^{t-k}I", "unread"),
    ],
)
def test_jacobians_near_a_multiple_of_the_identity(one: str, power: str, expected: str) -> None:
    many = r"\Rightarrow\frac{\partial x_t}{\partial x_k}\approx"
    assert verdicts(PASCANU, one + many + power) == [expected]


def test_an_estimate_by_a_power_is_of_jacobians_as_many_as_it_has_factors() -> None:
    condition = STATE + r"\approx\|W_{rec}\|^{t-k}"
    assert verdicts(PASCANU, condition) == ["conditional"]
    for other in (
        condition.replace("t-k", "t-k+1"),
        condition.replace("rec", "in"),
        r"\|x_t\|\approx\|W_{rec}\|^{t}",
    ):
        assert verdicts(PASCANU, other) == ["approximation"]
