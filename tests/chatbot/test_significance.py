"""Intervals and tests: they give what their sources give, and the same each time."""

from __future__ import annotations

import pytest

from chatbot.significance import bootstrap_interval, compare_means, compare_shares, wilson_interval


@pytest.mark.parametrize(
    ("successes", "total", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (29, 40, 0.5717, 0.8389)],
)
def test_share_has_wilsons_interval(successes: int, total: int, low: float, high: float) -> None:
    """The interval stays within 0 and 1 and is not empty at its ends."""
    assert wilson_interval(successes, total) == pytest.approx((low, high), abs=1e-4)


def test_mean_has_the_interval_of_its_resamples() -> None:
    """Of a mean of noughts and ones it is near the binomial's, of equal values nothing is left, and it repeats."""
    values = [0.0, 1.0] * 200
    low, high = bootstrap_interval(values)
    assert (low, high) == pytest.approx((0.5 - 0.049, 0.5 + 0.049), abs=0.004)
    assert bootstrap_interval(values[::-1]) == (low, high)
    assert bootstrap_interval([0.5] * 9) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("gained", "lost", "expected"),
    [(0, 0, 1.0), (1, 1, 1.0), (8, 2, 0.109375), (2, 8, 0.109375), (6, 0, 0.03125), (5000, 5000, 1.0)],
)
def test_shares_are_compared_by_the_questions_that_changed(gained: int, lost: int, expected: float) -> None:
    """The exact two-sided binomial, whichever side won, for thousands too."""
    assert compare_shares(gained, lost) == pytest.approx(expected)


def test_means_are_compared_by_throwing_signs() -> None:
    """Equal differences give what all their signs give; unchanged questions do not count; it repeats."""
    assert compare_means([1.0] * 6) == pytest.approx(2 / 64, abs=0.006)
    assert compare_means([1.0, -1.0]) == pytest.approx(1.0)
    assert compare_means([0.0] * 5) == 1.0
    mixed = [0.5, 0.25, -0.75, 0.9, 0.0]
    assert compare_means(mixed) == compare_means(mixed[::-1])
