"""Texts about single units: the letter of an index says which layer a unit is of."""

from __future__ import annotations

import pytest

from symbptt.verify import verify

FORWARD = [
    r"a_h^t=\sum_{i=1}^Iw_{ih}x_i^t+\sum_{h'=1}^Hw_{h'h}b_{h'}^{t-1}",
    r"b_h^t=\theta(a_h^t)",
    r"a_k^t=\sum_{h=1}^Hw_{hk}b_h^t",
    r"y_k^t=\frac{\exp(a_k^t)}{\sum_{k'=1}^K\exp(a_{k'}^t)}",
    r"\mathcal L=-\sum_{t=1}^T\sum_{k=1}^Kz_k^t\ln y_k^t",
    r"\delta_j^t=\frac{\partial\mathcal L}{\partial a_j^t}",
]


def last(line: str) -> str:
    text = "\n\n".join(f"$${x}$$" for x in (*FORWARD, line))
    return verify(text).lines[-1].verdict


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        (r"\delta_k^t=y_k^t-z_k^t", "proved"),
        (r"\delta_k^t=z_k^t-y_k^t", "refuted"),
        (
            r"\delta_h^t=\theta'(a_h^t)\left(\sum_{k=1}^K\delta_k^tw_{hk}"
            r"+\sum_{h'=1}^H\delta_{h'}^{t+1}w_{hh'}\right)",
            "proved",
        ),
        (  # the recurrent weight transposed
            r"\delta_h^t=\theta'(a_h^t)\left(\sum_{k=1}^K\delta_k^tw_{hk}"
            r"+\sum_{h'=1}^H\delta_{h'}^{t+1}w_{h'h}\right)",
            "refuted",
        ),
        (r"\frac{\partial\mathcal L}{\partial w_{ih}}=\sum_{t=1}^T\delta_h^tx_i^t", "proved"),
        (r"\frac{\partial\mathcal L}{\partial w_{h'h}}=\sum_{t=1}^T\delta_h^tb_{h'}^t", "refuted"),
    ],
)
def test_a_letter_with_the_index_of_a_layer_is_a_vector_of_its_own(line: str, verdict: str):
    assert last(line) == verdict


def test_a_repair_is_shown_in_the_authors_letters():
    text = "\n\n".join(
        f"$${x}$$"
        for x in (
            *FORWARD,
            r"\frac{\partial\mathcal L}{\partial w_{h'h}}=\sum_{t=1}^T\delta_h^tb_{h'}^t",
        )
    )
    assert "b_{h'}^{t-1}" in verify(text).lines[-1].correct
