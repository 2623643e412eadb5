"""How often a listener is sent what is new."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from apps.chat.pace import Pace


def test_many_followers_are_told_less_often() -> None:
    """Alone a follower waits the least time; with many each waits for all, and no longer once they are gone."""
    pace = Pace(least_s=0.1, follower_s=0.01)
    with ExitStack() as followers:
        followers.enter_context(pace.follow())
        assert pace.interval_s == 0.1
        for _ in range(49):
            followers.enter_context(pace.follow())
        assert pace.interval_s == pytest.approx(0.5)
    assert pace.interval_s == 0.1


def test_follower_who_leaves_is_counted_no_more() -> None:
    """Also one who leaves by an error makes room."""
    pace = Pace(least_s=0.0, follower_s=0.01)
    with pytest.raises(KeyError), pace.follow():
        raise KeyError
    assert pace.interval_s == 0
