"""Mistakes planted in true lines: none is proved, and most are named by their class."""

from __future__ import annotations

import pytest

from tests.edits import judged


def assert_told(model: str, every: int, least: float) -> None:
    found = judged(model, every)
    assert found.wrong > 5
    assert not found.accepted
    assert not found.unrecognised
    assert found.share >= least, found.table


def test_single_mistakes_in_an_elman_network() -> None:
    assert_told("elman", 8, 0.9)


@pytest.mark.slow
def test_every_single_mistake_in_an_elman_network() -> None:
    assert_told("elman", 1, 0.9)


@pytest.mark.slow
def test_single_mistakes_in_a_batch() -> None:
    assert_told("elman_batch", 4, 0.85)
