"""Random cuts and truncated sums: probabilities, means of estimators, what a cut leaves out."""

import pytest

from symbptt.verify.report import verify

MODEL = r"""
$$s_t=q(u_t,s_{t-1},\theta),\ r_t=m(s_t,\phi)$$
$$\frac{\partial s_t}{\partial\theta}=\frac{\partial q(u_t,s_{t-1},\theta)}{\partial\theta}
+\frac{\partial q(u_t,s_{t-1},\theta)}{\partial s_{t-1}}\frac{\partial s_{t-1}}{\partial\theta}$$
"""
COIN = r"$$\Pr(\eta_t=0)=\frac{2}{3},\ \Pr(\eta_t=3)=\frac{1}{3}$$"
EXACT = (
    r"$$v_t=\partial_\theta q(u_t,s_{t-1},\theta)"
    r"+\eta_t\partial_s q(u_t,s_{t-1},\theta)\partial_\theta s_{t-1}$$"
)
OWN = EXACT.replace(r"\partial_\theta s_{t-1}", "v_{t-1}")


def last(*parts: str) -> object:
    return verify("\n\n".join((MODEL, *parts))).lines[-1]


@pytest.mark.parametrize(
    "claim, verdict", [("1", "proved"), ("2", "refuted"), (r"\frac{1}{3}", "refuted")]
)
def test_the_probabilities_give_the_mean(claim: str, verdict: str) -> None:
    assert last(COIN, rf"$$E[\eta_t]={claim}$$").verdict == verdict


def test_probabilities_add_up_to_one() -> None:
    assert last(r"$$\Pr(\eta_t=0)=\frac{2}{3},\ \Pr(\eta_t=3)=\frac{2}{3}$$").verdict == "refuted"
    letters = r"$$\Pr(\eta_t=0)=1-\beta,\ \Pr(\eta_t=\beta^{-1})=\beta$$"
    assert last(letters, r"$$E[\eta_t]=1$$").verdict == "proved"
    assert last(letters, r"$$E[\eta_t]=\beta$$").verdict == "refuted"


def test_what_is_said_of_a_random_letter_is_said_once() -> None:
    half = r"$$\Pr(\eta_t=0)=\frac12$$"
    assert last(half, half).verdict == "definition"
    assert last(half, half.replace("12", "13")).verdict == "refuted"
    assert last(r"$$\Pr(\eta_t=0)=-1$$").verdict == "refuted"
    mean = r"$$E[\eta_t]=1$$"
    assert last(mean, mean).verdict == "definition"
    assert last(mean, mean.replace("=1", "=2")).verdict == "refuted"


def test_the_mean_of_an_estimator_is_its_value_at_the_means() -> None:
    found = last(COIN, EXACT, r"$$E[v_t]=\partial_\theta s_t$$")
    assert (found.verdict, found.conditions) == ("proved", [])
    assert last(COIN, EXACT, r"$$E[v_t]=\partial_\theta s_{t-1}$$").verdict == "refuted"
    half = COIN.replace("=3)", "=2)")
    assert last(half, EXACT, r"$$E[v_t]=\partial_\theta s_t$$").verdict == "refuted"
    twice = EXACT.replace(r"\eta_t", r"\eta_t\eta_t")
    assert last(COIN, twice, r"$$E[v_t]=\partial_\theta s_t$$").verdict == "unread"


def test_an_estimator_that_reads_itself_needs_independent_factors() -> None:
    found = last(COIN, OWN, r"$$E[v_t]=\partial_\theta s_t$$")
    assert found.verdict == "conditional"
    assert "independent" in found.conditions[0].words


def test_beside_the_exact_derivative_nothing_is_truncated() -> None:
    found = last(COIN, EXACT)
    assert found.verdict == "conditional"
    assert [c.code for c in found.conditions] == ["M26"]
    assert last(COIN, OWN).verdict == "definition"
    words = r"$$\text{if }\eta_t=0\text{ the sum terminates}$$"
    assert last(COIN, EXACT, words).verdict == "conditional"


def test_a_sum_that_is_cut_is_an_approximation_of_known_length() -> None:
    found = last(r"$$\text{truncation: we stop the sum at }\partial_\theta s_{t-5}$$")
    assert found.verdict == "conditional"
    assert "keeps 5 of its t terms" in found.conditions[0].words
