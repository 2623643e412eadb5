"""The office's questions get the figures that the rows say, from the generation of the moment."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from chatbot import analytics as analytics_module
from chatbot.analytics import SORTS, STATUSES, Analytics, Latency, ThreadFilter, Totals
from chatbot.errors import LogUnavailable, UsageError
from chatbot.log import publisher as publisher_module
from chatbot.log import views
from chatbot.log.check import Checker
from chatbot.log.publisher import Publisher
from chatbot.settings import Settings
from chatbot.store.engine import Store
from tests.chatbot.log.rows import write_conversation, write_thread, write_turn
from tests.conftest import Clock

START = datetime(2025, 2, 28, 12, tzinfo=UTC)
END = datetime(2025, 3, 1, 13, tzinfo=UTC)
ALL = ThreadFilter()


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    """Give one checking process to all tests: starting it takes longer than most of them."""
    checker = Checker()
    yield checker
    checker.close()


@pytest.fixture
def publisher(
    store: Store, settings: Settings, clock: Clock, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> Publisher:
    """Give a publisher over the test's store."""
    monkeypatch.setattr(publisher_module, "Checker", lambda: checker)
    return Publisher(store, settings.data_dir, timezone="Europe/Paris", interval_s=1, clock=clock)


@pytest.fixture
def analytics(settings: Settings, publisher: Publisher) -> Analytics:
    """Give the questions over a log that is published, and empty."""
    publisher.publish()
    return Analytics(settings.log_path)


def test_missing_log_is_an_error_with_a_remedy(tmp_path: Path) -> None:
    """Before the first publication the error says how one comes about."""
    with pytest.raises(LogUnavailable, match=r"chatbot publish"):
        Analytics(tmp_path / "conversations.duckdb").read_info()


def test_damaged_log_is_an_error_with_a_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is none is not a traceback."""
    monkeypatch.setattr(analytics_module, "OPEN_TIMEOUT_S", 0.2)
    path = tmp_path / "conversations.duckdb"
    path.write_bytes(b"torn" * 5000)
    with pytest.raises(LogUnavailable, match="cannot be read"):
        Analytics(path).list_assistants()


def test_empty_log_has_an_answer_to_everything(analytics: Analytics) -> None:
    """No question fails and no column is missing before the first thread."""
    assert analytics.count_totals(START, END) == Totals(0, 0, 0, 0, 0, 0, 0, 0, 0)
    assert analytics.measure_latency(START, END) == Latency(0, None, None, None, None)
    assert len(analytics.usage_per_hour(START, END)) == 25
    assert analytics.peak_hours(START, END, "Europe/Paris")["user_messages"].sum() == 0
    assert analytics.count_outcomes(START, END)["answers"].tolist() == [0] * len(STATUSES)
    page = analytics.list_threads(ALL)
    assert page.total == 0 and list(page.rows.columns) == ["thread_id", *SORTS]
    assert analytics.list_thread_ids(ALL) == [] and analytics.list_assistants() == []
    assert analytics.list_unanswered(START, END, 10).empty


def test_info_tells_generation_age_and_size(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """`checked_at` stays fresh although nothing new is published."""
    write_conversation(store, clock())
    publisher.publish()
    published_at = clock()
    clock.advance(hours=2)
    publisher.publish()
    info = analytics.read_info()
    assert (info.generation, info.timezone, info.rows["messages"]) == (2, "Europe/Paris", 2)
    assert info.published_at == published_at and info.checked_at == clock()
    assert info.published_at.tzinfo is UTC


def test_new_generation_is_seen_by_the_next_call(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """The link is resolved on every use: no old instance is handed back."""
    for count in range(1, 4):
        write_conversation(store, clock())
        publisher.publish()
        assert analytics.count_totals(START, END).threads == count


# What a message may have in store; letters and stories that were declined are told apart when they are read.
STORED = tuple(status for status in STATUSES if status != "declined")


def fill(store: Store, clock: Clock) -> dict[str, str]:
    """Write one thread per status, of several testers and languages, one of them a day ago."""
    moment = clock()
    ids = {}
    for number, status in enumerate(STORED):
        thread_id = write_thread(store, moment, tester=f"alpha-{number % 2}", assistant=f"bot-{number % 2}")
        timings = {"first_token_ms": 100 * (number + 1), "total_ms": 1000 * (number + 1)}
        write_turn(store, thread_id, moment, f"Question {status}?", status=status, **timings)
        ids[status] = thread_id
    ids["old"] = write_thread(store, moment - timedelta(days=1), tester="beta-1", assistant="bot-0")
    write_turn(store, ids["old"], moment - timedelta(days=1, minutes=-5), "Wie ÉTÉ_100% geht's?")
    return ids


def test_totals_count_what_was_written_in_the_range(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """The range is half-open, and every outcome is counted apart."""
    fill(store, clock)
    publisher.publish()
    assert analytics.count_totals(clock(), END) == Totals(5, 5, 5, 1, 1, 1, 1, 1, 2)
    assert analytics.count_totals(START, clock()) == Totals(1, 1, 1, 1, 0, 0, 0, 0, 1)
    outcomes = analytics.count_outcomes(START, END)
    assert dict(zip(outcomes["status"], outcomes["answers"], strict=True)) == {
        "complete": 2,
        "refused": 1,
        "declined": 0,
        "failed": 1,
        "stopped": 1,
        "interrupted": 1,
    }


def test_declined_letters_are_counted_apart(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """A letter or story that was declined is not counted as a question that the documents do not answer."""
    thread_id = write_thread(store, clock(), assistant="letters")
    write_turn(store, thread_id, clock(), status="refused", is_personal=True)
    write_turn(store, thread_id, clock(), status="refused", position=2)
    publisher.publish()
    totals = analytics.count_totals(clock(), END)
    assert (totals.refused, totals.declined, totals.bot_messages) == (1, 1, 2)
    outcomes = analytics.count_outcomes(clock(), END).set_index("status")["answers"]
    assert (outcomes["refused"], outcomes["declined"]) == (1, 1)


def test_threads_of_declined_letters_are_told_apart(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """A thread in which a letter was declined, and no question refused, has a status and a filter of its own."""
    declined, refused = (write_thread(store, clock(), assistant=name) for name in ("letters", "support"))
    write_turn(store, declined, clock(), status="refused", is_personal=True)
    write_turn(store, refused, clock(), status="refused")
    write_turn(store, refused, clock(), status="refused", is_personal=True, position=2)
    publisher.publish()
    for status, thread_id in (("declined", declined), ("refused", refused)):
        wanted = ThreadFilter(status=status)
        page = analytics.list_threads(wanted)
        assert page.rows[["thread_id", "status"]].to_numpy().tolist() == [[thread_id, status]]
        assert analytics.list_thread_ids(wanted) == [thread_id]


def test_usage_has_a_row_for_every_hour(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """Hours without use are zero; hours are aware, in UTC; the first is the one the range begins in."""
    fill(store, clock)
    publisher.publish()
    usage = analytics.usage_per_hour(START + timedelta(minutes=30), END)
    assert str(usage["hour"].dtype) == "datetime64[us, UTC]"
    assert usage["hour"].iloc[0] == pd.Timestamp(START) and usage["hour"].iloc[-1] == pd.Timestamp(clock())
    assert len(usage) == 25 and usage["threads"].tolist() == [1, *([0] * 23), 5]
    last = usage.iloc[-1]
    assert (
        last["user_messages"],
        last["bot_messages"],
        last["refused"],
        last["failed"],
        last["testers"],
    ) == (
        5,
        5,
        1,
        1,
        2,
    )


def test_peak_hours_are_those_of_the_clock_on_the_wall(
    analytics: Analytics, store: Store, publisher: Publisher
) -> None:
    """On the night when clocks go back both hours between two and three count as that hour."""
    for minutes in (30, 90, 150):
        write_conversation(store, datetime(2025, 10, 26, tzinfo=UTC) + timedelta(minutes=minutes))
    publisher.publish()
    peaks = analytics.peak_hours(START, datetime(2025, 11, 1, tzinfo=UTC), "Europe/Paris")
    assert len(peaks) == 168
    busy = peaks[peaks["user_messages"] > 0]
    assert busy.to_dict("records") == [
        {"weekday": 6, "hour": 2, "user_messages": 2},
        {"weekday": 6, "hour": 3, "user_messages": 1},
    ]


def test_latency_is_that_of_answers_that_came(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """Failed, stopped and interrupted answers would make it look better or worse than testers see it."""
    fill(store, clock)
    publisher.publish()
    latency = analytics.measure_latency(clock(), END)
    assert latency.answers == 2
    assert (latency.first_token_p50_ms, latency.total_p50_ms) == (150.0, 1500.0)
    assert latency.total_p95_ms == pytest.approx(1950.0)


def test_threads_are_paged_sorted_and_counted(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """Pages follow each other without overlap; the total is that of all pages."""
    for number in range(7):
        write_conversation(store, clock() + timedelta(minutes=number), f"Question {number}")
    publisher.publish()
    titles = []
    for offset in (0, 3, 6):
        page = analytics.list_threads(ALL, limit=3, offset=offset)
        assert page.total == 7
        titles += page.rows["title"].tolist()
    assert titles == [f"Question {number}" for number in reversed(range(7))]
    rising = analytics.list_threads(ALL, sort="title", descending=False).rows
    assert rising["title"].tolist() == sorted(titles)
    assert str(rising["last_at"].dtype) == "datetime64[us, UTC]"
    for sort in SORTS:
        assert analytics.list_threads(ALL, sort=sort, limit=2).total == 7


def test_sorting_by_anything_else_is_refused(analytics: Analytics) -> None:
    """Column names cannot be bound, so only known ones pass."""
    with pytest.raises(UsageError, match="allowed are title"):
        analytics.list_threads(ALL, sort="title; DROP TABLE threads")


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (ThreadFilter(status="refused"), ["refused"]),
        (ThreadFilter(status="open"), []),
        (ThreadFilter(assistant="bot-1"), ["refused", "stopped"]),
        (ThreadFilter(assistant="bot-0", status="failed"), ["failed"]),
        (ThreadFilter(start=START, end=datetime(2025, 3, 1, tzinfo=UTC)), ["old"]),
        (ThreadFilter(start=datetime(2025, 3, 1, tzinfo=UTC), status="complete"), ["complete"]),
        (ThreadFilter(end=START), []),
        (ThreadFilter(search="question FAILED"), ["failed"]),
        (ThreadFilter(search="été_100% GEHT'S"), ["old"]),
        (ThreadFilter(search="wie ete"), ["old"]),
        (ThreadFilter(search="_100%"), ["old"]),
        (ThreadFilter(search="%"), ["old"]),
        (ThreadFilter(search="x%"), []),
        (ThreadFilter(search="'; DROP TABLE messages; --"), []),
        (ThreadFilter(search="with water"), ["old", *STORED]),
    ],
)
def test_filter_lets_pass_what_it_says(
    wanted: ThreadFilter,
    names: list[str],
    analytics: Analytics,
    store: Store,
    publisher: Publisher,
    clock: Clock,
) -> None:
    """Filters combine; a search looks into every message, without case and accents, every letter as it is."""
    ids = fill(store, clock)
    publisher.publish()
    page = analytics.list_threads(wanted)
    assert (
        set(page.rows["thread_id"]) == {ids[name] for name in names} == set(analytics.list_thread_ids(wanted))
    )
    assert page.total == len(names)


def test_thread_continued_in_the_range_is_in_it(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """A thread belongs to the days on which something was written in it, not to those between."""
    thread_id = write_conversation(store, clock() - timedelta(days=4))
    write_turn(store, thread_id, clock(), position=2)
    publisher.publish()
    days = [clock() - timedelta(days=number) for number in range(6)]
    found = [
        len(analytics.list_thread_ids(ThreadFilter(start=day, end=day + timedelta(days=1)))) for day in days
    ]
    assert found == [1, 0, 0, 0, 1, 0]


def test_ids_come_oldest_first(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """The order in which reports are made, and as many as asked for."""
    ids = [write_conversation(store, clock() - timedelta(hours=number)) for number in range(4)]
    publisher.publish()
    assert analytics.list_thread_ids(ALL) == ids[::-1]
    assert analytics.list_thread_ids(ALL, limit=2) == ids[:1:-1]
    assert analytics.list_assistants() == ["support"]


def test_unanswered_come_newest_first(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """The questions the documents miss, with the nearest section found."""
    for number in range(3):
        write_conversation(store, clock() + timedelta(minutes=number), f"Missing {number}?", status="refused")
    write_conversation(store, clock(), "Known?")
    publisher.publish()
    found = analytics.list_unanswered(START, END, 2)
    assert found["question"].tolist() == ["Missing 2?", "Missing 1?"]
    assert found["nearest_source"].tolist() == ["en/install.md"] * 2


def test_one_who_holds_the_file_for_writing_is_waited_out(
    analytics: Analytics, store: Store, publisher: Publisher, settings: Settings, clock: Clock
) -> None:
    """A call made while readers are kept out gets its answer from the generation that the publisher makes."""
    write_conversation(store, clock())
    publisher.publish()
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(settings.log_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdin and holder.stdout and holder.stdout.readline() == b"open\n"
        relief = threading.Timer(0.5, publisher.publish)
        relief.start()
        assert analytics.read_info().generation == 3
        relief.join()
        holder.stdin.close()


def test_calls_of_many_threads_at_once_all_succeed(
    analytics: Analytics, store: Store, publisher: Publisher, clock: Clock
) -> None:
    """Pages run in threads of one process while generations follow each other."""

    def ask() -> None:
        for _ in range(8):
            analytics.list_threads(ALL)
            analytics.count_totals(START, END)

    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(ask) for _ in range(4)]
        while not all(call.done() for call in calls):
            write_conversation(store, clock())
            clock.advance(seconds=31)
            publisher.publish()
    assert [call.exception() for call in calls] == [None] * 4


def test_figures_come_from_the_views() -> None:
    """What a chart or tile shows is counted by a view that data people have too, not by a rule of the office's own."""
    figures = [
        analytics_module.TOTALS_SQL,
        analytics_module.USAGE_SQL,
        analytics_module.PEAK_HOURS_SQL,
        analytics_module.OUTCOMES_SQL,
        analytics_module.LATENCY_SQL,
        analytics_module.UNANSWERED_SQL,
    ]
    names = {view.name for view in views.VIEWS}
    for sql in figures:
        assert set(re.findall(r"\b(?:FROM|JOIN) (\w+)", sql)) <= names, sql
