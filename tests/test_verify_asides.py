"""What stands beside the recurrence: product and chain rules, a small net, a solved recurrence."""

from functools import partial

import pytest

from tests import judged

RECURRENCE = r"$$s_t=\tanh(As_{t-1}+Bu_t),\ r_t=Ds_t$$"


lines = partial(judged.lines, before=RECURRENCE)


@pytest.mark.parametrize(
    "sign, verdict", [("+", "proved"), ("-", "refuted")]
)  # fmt: skip
def test_a_product_rule(sign: str, verdict: str) -> None:
    rule = r"\frac{dP}{dw}=\frac{\partial P}{\partial q}\frac{dq}{dw}"
    rule += sign + r"\frac{\partial P}{\partial m}\frac{dm}{dw}\quad(P=qm)"
    assert lines(rule)[-1].verdict == verdict


def test_a_chain_rule_of_a_scalar_by_a_vector() -> None:
    first = r"v=p(w),\ w=q(m)"
    rule = r"\frac{\partial v}{\partial m}=\left(\frac{\partial w}{\partial m}\right)^\top"
    found = lines(first, rule + r"\frac{\partial v}{\partial w}")
    assert [x.verdict for x in found[-3:]] == ["definition", "definition", "proved"]
    assert lines(first, rule + r"\frac{\partial v}{\partial m}")[-1].verdict == "refuted"


NET = r"z^{(1)}=KV_1+c_1,\ a^{(1)}=g(z^{(1)}),\ z^{(2)}=a^{(1)}V_2+c_2"


def test_a_net_of_two_layers() -> None:
    right = r"\frac{dL}{dV_2}=(a^{(1)})^T dz^{(2)}"
    assert [x.verdict for x in lines(NET, right)[-4:]] == ["definition"] * 3 + ["proved"]
    assert lines(NET, right.replace("a^{(1)}", "K"))[-1].verdict == "refuted"
    wrong = lines(NET, r"\frac{dL}{dV_1}=K^T dz^{(2)}")[-1]
    assert (wrong.verdict, wrong.codes[0]) == ("refuted", "M17")
    assert "_t" not in lines(NET, right.replace("dz^{(2)}", "dz^{(2)}dz^{(2)}"))[-1].correct


def test_sizes_that_must_be_equal_have_two_names() -> None:
    claim = r"V_2:(M_1,M_2),\ Y:(R,Q)"
    chain = r"\frac{dL}{dV_2}=\frac{dz^{(2)}}{dV_2}\frac{dY}{dz^{(2)}}\frac{dL}{dY}"
    found = lines(NET, chain, claim)[-1]
    assert found.verdict == "conditional"
    assert found.conditions[0].words == "M_2 = Q: one size under two names"
    assert lines(NET, chain, claim.replace("(R,Q)", "(M_1,Q)"))[-1].verdict == "refuted"


ABSTRACT = r"s_t=q(u_t,s_{t-1},\theta),\ r_t=m(s_t,\phi)"
SOLVED = r"a_t=b_t+\sum_{i=1}^{t-1}\left(\prod_{j=i+1}^tc_j\right)b_i"
NAMED = (
    r"a_t=\frac{\partial s_t}{\partial\theta},\ b_t=\frac{\partial q}{\partial\theta},"
    r"\ c_t=\frac{\partial q}{\partial s_{t-1}}"
)


def test_a_recurrence_that_is_solved_and_then_named() -> None:
    start = r"a_0=0,\ a_t=b_t+c_ta_{t-1}"
    found = lines(ABSTRACT, start, SOLVED, NAMED)[2:]
    verdicts = [x.verdict for x in found[2:]]
    assert verdicts == ["definition", "definition", "proved", "conditional"] + ["definition"] * 2
    assert "a_0 = ∂s_0/∂θ" in found[5].conditions[0].words
    wrong = start.replace("c_ta_{t-1}", "b_ta_{t-1}")
    assert "proved" not in {lines(ABSTRACT, wrong, SOLVED, NAMED)[5].verdict}
    late = lines(ABSTRACT, start, SOLVED.replace("{j=i+1}", "{j=i}"), NAMED)
    assert late[6].verdict == "refuted"


def test_a_state_that_runs_backwards_is_judged_in_mirrored_time() -> None:
    line = (
        r"\frac{\partial L}{\partial\overleftarrow g_t}=\frac{\partial L_t}"
        r"{\partial\overleftarrow g_t}+\frac{\partial L}{\partial\overleftarrow g_{t-1}}"
        r"\frac{\partial\overleftarrow g_{t-1}}{\partial\overleftarrow g_t}"
    )
    assert lines(line)[-1].verdict == "proved"
    assert lines(line.replace("+", "-"))[-1].verdict == "refuted"
