"""How numbers, durations and moments are written, the same on every page."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from apps.admin.texts import Texts
from chatbot.errors import RateLimited
from chatbot.rates import say_rate, say_wait

_MARKDOWN = re.compile(r"([!-/:-@\[-`{-~])")
NONE = "–"
_THIN_SPACE = "\u202f"


def write_number(value: float, texts: Texts, digits: int = 0) -> str:
    """Write a number with its thousands apart: 12,345.6 or 12 345,6."""
    text = f"{value:,.{digits}f}"
    if texts["language"] == "fr":
        return text.replace(",", _THIN_SPACE).replace(".", ",")
    return text


def write_share(part: int, whole: int, texts: Texts) -> str:
    """Write a part as a percentage; a dash where there is no whole."""
    if not whole:
        return NONE
    space = _THIN_SPACE if texts["language"] == "fr" else ""
    return f"{write_number(100 * part / whole, texts)}{space}%"


def write_milliseconds(value: float | None, texts: Texts) -> str:
    """Write a duration given in milliseconds: 850 ms, 1.3 s, 75 s; a dash where there is none."""
    if value is None or value != value:
        return NONE
    if value < 1000:
        return f"{write_number(value, texts)} ms"
    return f"{write_number(value / 1000, texts, 1 if value < 60_000 else 0)} s"


def write_age(age: timedelta, texts: Texts) -> str:
    """Write how long ago something was, in one unit."""
    seconds = max(0, round(age.total_seconds()))
    for name, size in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * size:
            return texts[f"age.{name}"].format(count=seconds // size)
    return texts["age.seconds"].format(count=seconds)


def write_limit(error: RateLimited, texts: Texts) -> str:
    """Write which limit was reached and how long to wait."""
    language = texts["language"]
    return texts["login.limited"].format(
        allowed=say_rate(error.rate, error.deed, language), wait=say_wait(error.retry_after_s, language)
    )


def escape_markdown(text: str) -> str:
    """Give text that Streamlit's Markdown shows as the characters it is made of: no link, no image, no icon."""
    return _MARKDOWN.sub(r"\\\1", text)


def write_moment(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment in local time, to the minute: 2025-03-01 14:05."""
    return moment.astimezone(zone).strftime("%Y-%m-%d %H:%M")


def write_time(moment: datetime, zone: ZoneInfo) -> str:
    """Write a moment's local time of day, to the second."""
    return moment.astimezone(zone).strftime("%H:%M:%S")
