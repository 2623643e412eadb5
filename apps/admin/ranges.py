"""The range of time that a page looks at."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import streamlit as st

from apps.admin.frame import Visit

SPANS = {
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
    "90d": timedelta(days=90),
}
ALL = "all"
CUSTOM = "custom"
BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Range:
    """From `start` to before `end`; `key` names the choice."""

    key: str
    start: datetime
    end: datetime

    @property
    def previous(self) -> Range:
        """The range of the same length before this one."""
        return Range(self.key, self.start - (self.end - self.start), self.start)


def choose_range(visit: Visit, *, key: str, default: str, has_all: bool = False) -> Range:
    """Let the reader choose a range; the choice holds until the session ends."""
    options = [*SPANS, *([ALL] if has_all else []), CUSTOM]
    chosen = st.segmented_control(
        visit.texts["range.label"],
        options,
        default=default,
        required=True,
        format_func=lambda option: visit.texts[f"range.{option}"],
        key=f"{key}_range",
        label_visibility="collapsed",
        persist_state="session",
        wrap=True,
    )
    now = visit.services.store.clock()
    if chosen == CUSTOM:
        return _choose_dates(visit, key, now)
    return span_range(chosen or default, now)


def span_range(key: str, now: datetime) -> Range:
    """Give the range that ends now; of `all` from before the first thread."""
    # A message written in this very moment belongs to it.
    end = now + timedelta(seconds=1)
    return Range(key, BEGINNING if key == ALL else end - SPANS[key], end)


def _choose_dates(visit: Visit, key: str, now: datetime) -> Range:
    today = now.astimezone(visit.zone).date()
    dates = st.date_input(
        visit.texts["range.dates"],
        value=(today - timedelta(days=6), today),
        format="YYYY-MM-DD",
        key=f"{key}_dates",
        label_visibility="collapsed",
        persist_state="session",
        width=240,
    )
    # While only the first day is clicked there is one date.
    first, last = (dates[0], dates[-1]) if isinstance(dates, tuple) and dates else (today, today)
    return Range(CUSTOM, _midnight(visit, first), _midnight(visit, last + timedelta(days=1)))


def _midnight(visit: Visit, day: date) -> datetime:
    return datetime.combine(day, time(), visit.zone)
