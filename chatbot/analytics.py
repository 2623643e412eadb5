"""Questions asked of the published log: the figures and lists of the office.

Every call opens the current generation by itself, read-only, and closes it: a generation never changes, so one call
sees one state. Times go in and come out aware; ranges are half-open, [start, end).
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from chatbot.errors import LogUnavailable, UsageError
from chatbot.log.generations import read_notes
from chatbot.text import fold

# Someone who opens the log for writing keeps readers out until the publisher notices: its interval, and some.
OPEN_TIMEOUT_S = 5.0
OPEN_PAUSE_S = 0.1

STATUSES = ("complete", "refused", "declined", "failed", "stopped", "interrupted")
SORTS = (
    "title",
    "assistant",
    "channel",
    "tester",
    "created_at",
    "last_at",
    "user_messages",
    "bot_messages",
    "refused",
    "failed",
    "status",
)

INFO_SQL = "SELECT * FROM log_info"

TOTALS_SQL = """
SELECT
    count(DISTINCT thread_id) AS threads,
    count(*) FILTER (WHERE origin = 'user') AS user_messages,
    count(*) FILTER (WHERE origin = 'bot') AS bot_messages,
    count(*) FILTER (WHERE origin = 'bot' AND status = 'complete') AS answered,
    count(*) FILTER (WHERE status = 'refused' AND NOT is_personal) AS refused,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'stopped') AS stopped,
    count(*) FILTER (WHERE status = 'interrupted') AS interrupted,
    count(DISTINCT tester) FILTER (WHERE origin = 'user') AS testers,
    count(*) FILTER (WHERE status = 'refused' AND is_personal) AS declined
FROM message_details
WHERE created_at >= $start AND created_at < $end
"""

USAGE_SQL = """
SELECT hour, threads, user_messages, bot_messages, refused, failed, testers
FROM usage_per_hour
WHERE hour >= $start AND hour < $end
ORDER BY hour
"""

PEAK_HOURS_SQL = """
SELECT
    CAST(isodow(created_at AT TIME ZONE $timezone) - 1 AS INTEGER) AS weekday,
    CAST(hour(created_at AT TIME ZONE $timezone) AS INTEGER) AS hour,
    count(*) AS user_messages
FROM message_details
WHERE origin = 'user' AND created_at >= $start AND created_at < $end
GROUP BY ALL
"""

OUTCOMES_SQL = """
SELECT CASE WHEN status = 'refused' AND is_personal THEN 'declined' ELSE status END AS status, count(*) AS answers
FROM message_details
WHERE origin = 'bot' AND created_at >= $start AND created_at < $end
GROUP BY ALL
"""

LATENCY_SQL = """
SELECT
    count(*) AS answers,
    quantile_cont(first_token_ms, 0.5) AS first_token_p50_ms,
    quantile_cont(first_token_ms, 0.95) AS first_token_p95_ms,
    quantile_cont(total_ms, 0.5) AS total_p50_ms,
    quantile_cont(total_ms, 0.95) AS total_p95_ms
FROM message_details
WHERE origin = 'bot' AND status IN ('complete', 'refused') AND total_ms IS NOT NULL
    AND created_at >= $start AND created_at < $end
"""

# The log calls both refused: what the documents do not answer, and a letter or a story that was declined.
GAPS_SQL = "SELECT thread_id FROM messages WHERE status = 'refused' AND NOT coalesce(is_personal, false)"

# Of the threads begun before the range alone it is asked whether they were written in within it: mostly few.
# `contains` takes the needle as it is: % and _ are letters like any other.
THREADS_WHERE = f"""
($start IS NULL OR last_at >= $start) AND ($end IS NULL OR created_at < $end)
AND (
    $start IS NULL OR $end IS NULL OR created_at >= $start
    OR thread_id IN (
        SELECT m.thread_id FROM messages AS m JOIN threads AS t ON t.thread_id = m.thread_id
        WHERE t.created_at < $start AND m.created_at >= $start AND m.created_at < $end
    )
)
AND ($assistant IS NULL OR assistant = $assistant)
AND ($status IS NULL OR status = CASE WHEN $status = 'declined' THEN 'refused' ELSE $status END)
AND ($status IS NULL OR $status NOT IN ('refused', 'declined') OR ($status = 'refused') = (thread_id IN ({GAPS_SQL})))
AND ($needle = '' OR thread_id IN (SELECT thread_id FROM messages WHERE contains(search_text, $needle)))
"""  # noqa: S608

THREAD_COUNT_SQL = f"SELECT count(*) AS total FROM thread_summary WHERE {THREADS_WHERE}"  # noqa: S608

# {order} is one of SORTS and a direction: columns cannot be bound. thread_id makes pages that do not overlap.
THREAD_PAGE_SQL = (
    "SELECT thread_id, count(*) OVER () AS total FROM thread_summary "  # noqa: S608
    f"WHERE {THREADS_WHERE} ORDER BY {{order}}, thread_id LIMIT $limit OFFSET $offset"
)

# The titles are read for the page alone: the first questions of all threads are most of the log.
THREAD_ROWS_SQL = f"""
SELECT CAST(thread_id AS VARCHAR) AS thread_id, title, assistant, channel, tester, created_at, last_at,
    user_messages, bot_messages, refused, failed,
    CASE WHEN status = 'refused' AND thread_id NOT IN ({GAPS_SQL}) THEN 'declined' ELSE status END AS status
FROM thread_summary
WHERE thread_id IN (SELECT unnest(CAST($ids AS UUID[])))
"""  # noqa: S608

THREAD_IDS_SQL = f"""
SELECT CAST(thread_id AS VARCHAR) AS thread_id
FROM thread_summary
WHERE {THREADS_WHERE}
ORDER BY created_at, thread_id
LIMIT $limit
"""  # noqa: S608

ASSISTANTS_SQL = "SELECT DISTINCT assistant FROM threads ORDER BY assistant"

UNANSWERED_SQL = """
SELECT CAST(message_id AS VARCHAR) AS message_id, CAST(thread_id AS VARCHAR) AS thread_id, asked_at, question,
    answer, assistant, tester, language, nearest_source, nearest_heading, requested_at
FROM unanswered_questions
WHERE asked_at >= $start AND asked_at < $end
ORDER BY asked_at DESC, message_id
LIMIT $limit
"""


@dataclass(frozen=True, slots=True)
class LogInfo:
    """Which generation is published, what it holds, and how old that is.

    The file holds all that was stored before `published_at`. `checked_at` is later where nothing was stored since: the
    moment for which the publisher last found the file complete; None where its notes cannot be read.
    """

    generation: int
    published_at: datetime
    checked_at: datetime | None
    timezone: str
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Totals:
    """What was done in a range; `threads` and `testers` are those that wrote or were answered in it.

    `refused` are questions that the documents do not answer, `declined` letters and stories that were not written.
    """

    threads: int
    user_messages: int
    bot_messages: int
    answered: int
    refused: int
    failed: int
    stopped: int
    interrupted: int
    testers: int
    declined: int = 0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds from question to first word and to the end, over complete and refused answers; None without any."""

    answers: int
    first_token_p50_ms: float | None
    first_token_p95_ms: float | None
    total_p50_ms: float | None
    total_p95_ms: float | None


@dataclass(frozen=True, slots=True)
class ThreadFilter:
    """Which threads: started or written in within [start, end), of an assistant, of a status, with a text.

    The text is looked for in every message, without regard to case and accents. None and "" let every thread pass.
    """

    start: datetime | None = None
    end: datetime | None = None
    assistant: str | None = None
    status: str | None = None
    search: str = ""


@dataclass(frozen=True, slots=True)
class ThreadPage:
    """A page of threads (columns of `thread_summary`; one of `STATUSES`, or open), and how many there are in all."""

    rows: pd.DataFrame
    total: int


class Analytics:
    """Asks questions of the published log.

    Args:
        log_path: `conversations.duckdb`, the link to the current generation, or a plain file.
    """

    def __init__(self, log_path: Path) -> None:
        self._log_path = log_path

    def read_info(self) -> LogInfo:
        """Give generation, age and size of the log."""
        with self._open() as log:
            row = _read_one(log, INFO_SQL, {})
        return LogInfo(
            generation=int(row["generation"]),
            published_at=row["published_at"].to_pydatetime().astimezone(UTC),
            checked_at=read_notes(self._log_path.parent).checked_at,
            timezone=str(row["timezone"]),
            rows={name.removesuffix("_rows"): int(row[name]) for name in row if name.endswith("_rows")},
        )

    def count_totals(self, start: datetime, end: datetime) -> Totals:
        """Count threads, messages, outcomes and testers of a range."""
        with self._open() as log:
            row = _read_one(log, TOTALS_SQL, {"start": start, "end": end})
        return Totals(**{name: int(value) for name, value in row.items()})

    def usage_per_hour(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Give the usage of every hour that begins in the range, and of the one `start` lies in.

        Returns:
            hour (aware, UTC, without gap), threads, user_messages, bot_messages, refused, failed, testers.
        """
        first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        with self._open() as log:
            found = _read(log, USAGE_SQL, {"start": first, "end": end})
        hours = pd.date_range(first, end, freq="h", inclusive="left", name="hour", unit="us")
        return found.set_index("hour").reindex(hours, fill_value=0).reset_index()

    def peak_hours(self, start: datetime, end: datetime, timezone: str) -> pd.DataFrame:
        """Count the questions of a range by weekday and hour of the clock.

        Args:
            timezone: IANA name of the clock's zone.

        Returns:
            weekday (0 = Monday), hour (0-23), user_messages: all 168, in order.
        """
        with self._open() as log:
            found = _read(log, PEAK_HOURS_SQL, {"start": start, "end": end, "timezone": timezone})
        cells = pd.MultiIndex.from_product([range(7), range(24)], names=["weekday", "hour"])
        return found.set_index(["weekday", "hour"]).reindex(cells, fill_value=0).reset_index()

    def count_outcomes(self, start: datetime, end: datetime) -> pd.DataFrame:
        """Count the answers of a range by status.

        Returns:
            status, answers: every status, in the order of `STATUSES`.
        """
        with self._open() as log:
            found = _read(log, OUTCOMES_SQL, {"start": start, "end": end})
        statuses = pd.Index(STATUSES, name="status")
        return found.set_index("status").reindex(statuses, fill_value=0).reset_index()

    def measure_latency(self, start: datetime, end: datetime) -> Latency:
        """Measure how fast the answers of a range were."""
        with self._open() as log:
            row = _read_one(log, LATENCY_SQL, {"start": start, "end": end})
        answers = int(row.pop("answers"))
        return Latency(answers, **{name: None if pd.isna(value) else value for name, value in row.items()})

    def list_threads(
        self,
        filter: ThreadFilter,
        *,
        sort: str = "last_at",
        descending: bool = True,
        limit: int = 50,
        offset: int = 0,
    ) -> ThreadPage:
        """Give one page of the threads that pass the filter.

        Raises:
            UsageError: `sort` is none of `SORTS`.
        """
        if sort not in SORTS:
            raise UsageError(f"Threads cannot be sorted by {sort!r}: allowed are {', '.join(SORTS)}.")
        values = _bind_filter(filter)
        page_sql = THREAD_PAGE_SQL.format(order=f"{sort} {'DESC' if descending else 'ASC'}")
        with self._open() as log:
            page = log.execute(page_sql, {**values, "limit": limit, "offset": offset}).fetchall()
            # Counted with the page itself, which takes half the time; an empty page counts nothing.
            total = int(page[0][1] if page else _read_one(log, THREAD_COUNT_SQL, values)["total"])
            ids = [str(row[0]) for row in page]
            rows = _read(log, THREAD_ROWS_SQL, {"ids": ids})
        return ThreadPage(rows.set_index("thread_id").reindex(ids).reset_index(), total)

    def list_thread_ids(self, filter: ThreadFilter, limit: int | None = None) -> list[str]:
        """Give the ids of the threads that pass the filter, the oldest first."""
        with self._open() as log:
            rows = log.execute(THREAD_IDS_SQL, {**_bind_filter(filter), "limit": limit}).fetchall()
        return [row[0] for row in rows]

    def list_assistants(self) -> list[str]:
        """Give the names of the assistants that have threads."""
        with self._open() as log:
            return [row[0] for row in log.execute(ASSISTANTS_SQL).fetchall()]

    def list_unanswered(self, start: datetime, end: datetime, limit: int = 100) -> pd.DataFrame:
        """Give the questions of a range that the documents did not answer, the newest first.

        Returns:
            The columns of the view `unanswered_questions`.
        """
        with self._open() as log:
            return _read(log, UNANSWERED_SQL, {"start": start, "end": end, "limit": limit})

    @contextmanager
    def _open(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            log = self._connect()
            try:
                yield log
            finally:
                log.close()
        except duckdb.Error as error:
            raise LogUnavailable(
                f"The published log {self._log_path} cannot be read: {error}. The publisher repairs it within seconds "
                "while it runs; else `python -m chatbot publish` does."
            ) from error

    def _connect(self) -> duckdb.DuckDBPyConnection:
        deadline = time.monotonic() + OPEN_TIMEOUT_S
        while True:
            # The link first: under the link's own name this process would be given the instance it has open already.
            path = self._log_path.resolve()
            if not path.exists():
                raise LogUnavailable(
                    f"There is no published log at {self._log_path}. It is made when the chat service runs, or by "
                    "`python -m chatbot publish`."
                )
            try:
                log = duckdb.connect(str(path), read_only=True)
                # Values come out as aware times in UTC whatever the machine's zone.
                log.execute("SET TimeZone = 'UTC'")
            except duckdb.IOException:
                # Replaced since, or held by someone who writes; either way another generation is on its way.
                if time.monotonic() > deadline:
                    raise
                time.sleep(OPEN_PAUSE_S)
            else:
                return log


def _bind_filter(filter: ThreadFilter) -> dict[str, Any]:
    return {
        "start": filter.start,
        "end": filter.end,
        "assistant": filter.assistant,
        "status": filter.status,
        "needle": fold(filter.search.strip()),
    }


def _read(log: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> pd.DataFrame:
    frame: pd.DataFrame = log.sql(sql, params=values or None).to_arrow_table().to_pandas()
    return frame


def _read_one(log: duckdb.DuckDBPyConnection, sql: str, values: dict[str, Any]) -> dict[str, Any]:
    return {str(name): value for name, value in _read(log, sql, values).iloc[0].items()}
