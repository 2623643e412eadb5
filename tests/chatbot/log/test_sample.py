"""The synthetic log is plausible, the same every time, and keeps every rule of the store."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from chatbot.access import Access
from chatbot.errors import UsageError
from chatbot.log.publisher import Publisher
from chatbot.log.sample import SampleCounts, write_sample, write_sample_file
from chatbot.settings import load_settings
from chatbot.store import schema, threads
from chatbot.store.engine import Store
from chatbot.store.integrity import find_faults
from tests.chatbot.log.rows import list_names, read_log, write_conversation
from tests.conftest import Clock

NOW = datetime(2025, 3, 5, 15, 20, tzinfo=UTC)


def write(store: Store, messages: int = 2000, **values: int) -> SampleCounts:
    """Write a sample of a month."""
    return write_sample(
        store, messages=messages, days=values.get("days", 30), seed=values.get("seed", 7), now=NOW
    )


def test_counts_are_those_asked_for(store: Store) -> None:
    """There are exactly as many messages as asked for, also when the last question waits for its answer."""
    counts = write(store, 2001)
    assert counts.messages == 2001
    for name in ("threads", "messages", "passages_used", "feedback_events"):
        table = schema.metadata.tables[name]
        rows = store.read(
            lambda connection, table=table: connection.execute(select(func.count()).select_from(table))
        )
        assert rows.scalar() == getattr(counts, name)


def test_sample_keeps_the_rules_of_the_store(store: Store) -> None:
    """`verify` finds nothing in it."""
    write(store)
    assert store.read(find_faults) == []


def test_same_seed_gives_the_same_rows(tmp_path: Path) -> None:
    """Two samples of one seed are equal row by row; another seed gives another."""
    texts = []
    for number, seed in enumerate((7, 7, 8)):
        store = Store(tmp_path / str(number) / "guichet.db")
        write(store, 300, seed=seed)
        texts.append(store.read(lambda connection: connection.execute(select(schema.messages)).all()))
        store.close()
    assert texts[0] == texts[1] != texts[2]


def test_sample_is_plausible(store: Store, publisher: Publisher, log_path: Path) -> None:
    """Shares, languages and rhythm are those of a team's beta test, and nothing lies outside its days."""
    write(store, 6000)
    publisher.publish()
    statuses = Counter(
        dict(read_log(log_path, "SELECT status, count(*) FROM messages WHERE origin = 'bot' GROUP BY 1"))
    )
    assert 0.06 < statuses["refused"] / 3000 < 0.10
    assert 0.01 < statuses["failed"] / 3000 < 0.03
    assert statuses["stopped"] > 10 and statuses["interrupted"] > 2
    first, last = read_log(log_path, "SELECT min(created_at), max(created_at) FROM messages")[0]
    assert NOW - timedelta(days=30) <= first and last <= NOW
    assert read_log(
        log_path, "SELECT count(*) FROM messages WHERE created_at > TIMESTAMPTZ '2025-03-04 15:20Z'"
    )[0][0]
    assert dict(read_log(log_path, "SELECT language, count(*) FROM threads GROUP BY 1")).keys() == {
        "en",
        "fr",
    }
    office, night = read_log(
        log_path,
        "SELECT count(*) FILTER (WHERE hour(created_at) IN (9, 10, 14)), "
        "count(*) FILTER (WHERE hour(created_at) IN (1, 2, 3)) FROM messages",
    )[0]
    assert office > 10 * night
    weekend = read_log(log_path, "SELECT avg((isodow(created_at) > 5)::INTEGER) FROM messages")[0][0]
    assert 0 < weekend < 0.15
    for name in ("feedback", "requests", "ratings", "passages_used", "assistant_versions"):
        assert read_log(log_path, f"SELECT count(*) FROM {name}")[0][0] > 0, name


async def test_next_tester_is_none_of_the_sample(store: Store) -> None:
    """Who logs in after a sample was written sees none of its threads."""
    write(store)
    login, _ = await Access(store, load_settings(beta_password="open sesame"), b"k" * 32).log_in(
        "open sesame", "::1"
    )
    assert store.read(threads.list_threads, login.tester) == []


async def test_store_with_testers_is_refused(store: Store) -> None:
    """A tester who came before would be shown a sample's threads as his own."""
    await Access(store, load_settings(), b"k" * 32).open_login("127.0.0.1")
    with pytest.raises(UsageError, match="Testers have logged in"):
        write(store)


def test_store_with_threads_is_refused(store: Store, clock: Clock) -> None:
    """Nobody gets synthetic rows among real ones."""
    write_conversation(store, clock())
    with pytest.raises(UsageError, match="has 1 threads"):
        write(store)


@pytest.mark.parametrize(("messages", "days"), [(0, 1), (10, 0), (-5, 3), (10, 100_000)])
def test_numbers_out_of_range_are_refused(store: Store, messages: int, days: int) -> None:
    """The message names the option and what is allowed."""
    with pytest.raises(UsageError, match="allowed is a number"):
        write(store, messages, days=days)


def test_sample_can_be_one_published_file(tmp_path: Path) -> None:
    """`--out` gives a plain published file and leaves nothing else."""
    path = tmp_path / "out" / "sample.duckdb"
    counts = write_sample_file(path, messages=200, days=2, seed=1, now=NOW, timezone="Europe/Paris")
    assert list_names(path.parent) == {"sample.duckdb"}
    rows = read_log(path, "SELECT messages_rows, threads_rows, timezone FROM log_info")
    assert rows == [(200, counts.threads, "Europe/Paris")]
