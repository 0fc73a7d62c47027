"""Completeness of the judge: what the project prints is proved, line by line."""

from __future__ import annotations

import pytest

from symbptt.verify import verify
from tests.completeness import SOUND, count


@pytest.mark.parametrize("form", ["markdown", "latex"])
def test_a_printed_derivation_is_proved(form: str) -> None:
    found = count("elman", form)
    assert not found.misses
    assert found.verdicts["proved"] >= 44


def test_a_batch_of_rows_is_proved() -> None:
    found = count("elman_batch", "markdown")
    assert not found.misses
    assert found.verdicts["proved"] >= 53


def verdicts(text: str, model: str) -> list[str]:
    return [x.verdict for x in verify(text, model=model).lines]


SAID = r"""d is total, ∂ holds all else fixed; Jacobians are in numerator layout.

$$\frac{\mathrm{d}L}{\mathrm{d}z_t} = \frac{\partial l_t}{\partial z_t}$$

"""


@pytest.mark.parametrize(
    "line",
    [
        r"\lambda \cdot \frac{\partial a_t}{\partial W} = x_t^\top \lambda",
        r"\lambda \cdot \frac{\partial a_t}{\partial b} = \sum_{n=1}^{N} [\lambda]_{n,:}",
        r"\lambda \cdot \frac{\partial f_t}{\partial a_t} = [0\,\mathbf{1}_{N,H}, "
        r"\lambda \odot f_t \odot (1 - f_t), 0\,\mathbf{1}_{N,2 H}]",
        r"\frac{\partial [a_t]_{n,j}}{\partial [W]_{m,k}} = [j = k]\,[x_t]_{n,m}",
        r"i_t = \operatorname{sigmoid}([a_t]_{:,0:H})",
    ],
)
def test_arrays_as_the_printer_writes_them(line: str) -> None:
    assert verdicts(f"{SAID}$${line}$$", "lstm")[-1] in SOUND


@pytest.mark.parametrize(
    "line",
    [
        r"\lambda \cdot \frac{\partial a_t}{\partial W} = h_{t-1}^\top \lambda",
        r"\lambda \cdot \frac{\partial a_t}{\partial b} = [\lambda]_{n,:}",
        r"\lambda \cdot \frac{\partial f_t}{\partial a_t} = [\lambda \odot f_t \odot (1 - f_t), "
        r"0\,\mathbf{1}_{N,H}, 0\,\mathbf{1}_{N,2 H}]",
        r"\frac{\partial [a_t]_{n,j}}{\partial [W]_{m,k}} = [n = m]\,[x_t]_{n,m}",
        r"\frac{\partial [a_t]_{n,j}}{\partial [W]_{m,k}} = [x_t]_{n,m}",
        r"i_t = \operatorname{sigmoid}([a_t]_{:,H:2 H})",
        r"f_t = \operatorname{sigmoid}([a_t]_{:,0:H})",
    ],
)
def test_and_not_where_they_are_wrong(line: str) -> None:
    assert verdicts(f"{SAID}$${line}$$", "lstm")[-1] not in SOUND


def test_the_words_settle_the_order_of_a_product() -> None:
    line = (
        r"$$\frac{\mathrm{d}h_t}{\mathrm{d}h_k} = "
        r"\prod_{j=k+1}^{t} \frac{\partial h_j}{\partial h_{j-1}}$$"
    )
    assert verdicts(line, "elman") == ["conditional"]
    assert verdicts(f"The latest step stands on the left.\n\n{line}", "elman") == ["proved"]
    assert verdicts(f"The latest step stands on the right.\n\n{line}", "elman") != ["proved"]


def test_the_words_settle_the_layout() -> None:
    line = r"$$\frac{\partial h_t}{\partial h_{t-1}} = W_{hh}^\top \mathrm{diag}(1 - h_t^2)$$"
    assert verdicts(f"Denominator layout.\n\n{line}", "elman") == ["proved"]
    assert verdicts(f"Numerator layout.\n\n{line}", "elman") == ["refuted"]
