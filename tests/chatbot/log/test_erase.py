"""What is erased is gone from every file, by SQL and by bytes; an audit entry without its content stays."""

from __future__ import annotations

import secrets
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from chatbot.errors import UnknownThread, UsageError
from chatbot.log.erase import erase_tester, erase_thread, prune
from chatbot.log.publisher import Publisher
from chatbot.store import erasure
from chatbot.store.audit import add_entry
from chatbot.store.engine import Store
from chatbot.store.erasure import Erasure, fingerprint_tester
from chatbot.store.logins import add_login
from chatbot.store.records import Feedback, Login, Thread
from chatbot.store.threads import add_feedback, add_thread
from tests.chatbot.log.rows import list_names, read_log, write_conversation, write_thread, write_turn
from tests.conftest import Clock


def make_marker() -> str:
    """Give a text that no compression can hide."""
    return secrets.token_hex(40)


def find_marker(data_dir: Path, marker: str) -> set[str]:
    """Give the names of the files whose bytes hold a text."""
    files = [path for path in data_dir.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path.name for path in files if marker.encode() in path.read_bytes()}


def finish(publisher: Publisher, clock: Clock) -> None:
    """Publish, letting the clock run while it waits."""
    publisher.finish_erasure(sleep=lambda seconds: clock.advance(seconds=seconds))


def test_erased_thread_is_gone_from_every_byte(
    store: Store, publisher: Publisher, log_path: Path, data_dir: Path, clock: Clock
) -> None:
    """Question, answer and comment vanish from store, journal and all generations; other threads stay."""
    question, answer, comment, other = (make_marker() for _ in range(4))
    thread_id = write_thread(store, clock())
    message_id = write_turn(store, thread_id, clock(), question, answer)
    store.write(add_feedback, Feedback(message_id, -1, None, comment, clock()))
    publisher.publish()
    write_conversation(store, clock(), other)
    publisher.publish()
    before = find_marker(data_dir, question)
    assert {"1.duckdb", "2.duckdb"} <= before and before & {"guichet.db", "guichet.db-wal"}

    erased = erase_thread(store, thread_id, clock(), actor="anne")
    assert (erased.threads, erased.messages, erased.rows) == (1, 2, 5)
    assert not find_marker(data_dir, question) & {"guichet.db", "guichet.db-wal"}
    finish(publisher, clock)

    for marker in (question, answer, comment):
        assert find_marker(data_dir, marker) == set()
    assert find_marker(data_dir, other)
    assert list_names(data_dir / "published") == {"3.duckdb"}
    for table in ("threads", "messages", "passages_used", "feedback_events"):
        assert read_log(log_path, f"SELECT count(*) FROM {table}")[0][0] == {
            "messages": 2,
            "feedback_events": 0,
        }.get(table, 1)
    assert read_log(log_path, "SELECT actor, action, target, detail FROM audit") == [
        ("anne", "thread.erase", thread_id, "1 threads, 2 messages")
    ]


def test_old_generations_stay_five_seconds_after_an_erasure(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """A reader about to open the old file still can; then it goes, though it is one of the last three."""
    thread_id = write_conversation(store, clock())
    publisher.publish()
    erase_thread(store, thread_id, clock())
    assert publisher.publish().is_rebuild
    clock.advance(seconds=4)
    publisher.publish()
    assert list_names(data_dir / "published") == {"1.duckdb", "2.duckdb"}
    clock.advance(seconds=1)
    publisher.publish()
    assert list_names(data_dir / "published") == {"2.duckdb"}
    write_conversation(store, clock())
    assert not publisher.publish().is_rebuild


def test_another_process_finishes_an_erasure(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """When the one that rebuilt is killed within the five seconds, the next knows what has to go."""
    thread_id = write_conversation(store, clock())
    publisher.publish()
    erase_thread(store, thread_id, clock())
    publisher.publish()
    other = Publisher(store, data_dir, timezone="Europe/Paris", interval_s=1, clock=clock)
    finish(other, clock)
    other.close()
    assert list_names(data_dir / "published") == {"2.duckdb"}


def test_erased_tester_leaves_no_name(
    store: Store, publisher: Publisher, log_path: Path, data_dir: Path, clock: Clock
) -> None:
    """Threads, logins and the label in the audit go; who knows the label finds its fingerprint."""
    label = f"{make_marker()}-1"
    for _ in range(2):
        write_turn(store, write_thread(store, clock(), tester=label), clock())
    write_conversation(store, clock())
    store.write(add_login, Login("id", label, "x", None, clock(), clock() + timedelta(days=1), None, None))
    store.write(add_entry, clock(), label, "login.resume", "device")
    publisher.publish()
    assert len(find_marker(data_dir, label)) >= 2
    erased = erase_tester(store, label, clock())
    finish(publisher, clock)
    assert (erased.threads, erased.messages) == (2, 4)
    assert find_marker(data_dir, label) == set()
    assert read_log(log_path, "SELECT count(*) FROM threads") == [(1,)]
    entries = read_log(log_path, "SELECT actor, action, target FROM audit ORDER BY action")
    assert entries == [
        (fingerprint_tester(label), "login.resume", "device"),
        ("command", "tester.erase", fingerprint_tester(label)),
    ]


def test_erasing_nobody_changes_nothing(store: Store, publisher: Publisher, clock: Clock) -> None:
    """A label that nobody has is no error and no audit entry."""
    write_conversation(store, clock())
    publisher.publish()
    assert erase_tester(store, "nobody-1", clock()).rows == 0
    assert not publisher.publish().is_rebuild
    with pytest.raises(UnknownThread, match="no thread"):
        erase_thread(store, "00000000-0000-4000-8000-000000000000", clock())


def test_prune_erases_what_was_last_written_too_long_ago(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """The last message counts, not the first; one order is one audit entry, whatever it took."""
    old = clock() - timedelta(days=40)
    for _ in range(3):
        write_conversation(store, old)
    kept = write_conversation(store, old)
    write_turn(store, kept, clock() - timedelta(days=29), position=2)
    write_thread(store, old)
    publisher.publish()
    erased = prune(store, 30, clock(), actor="service")
    assert (erased.threads, erased.messages) == (4, 6)
    finish(publisher, clock)
    assert read_log(log_path, "SELECT CAST(thread_id AS VARCHAR) FROM threads") == [(kept,)]
    entries = read_log(log_path, "SELECT actor, action, target, detail FROM audit")
    assert entries == [("service", "log.prune", "older than 30 days", "4 threads, 6 messages")]
    assert prune(store, 30, clock()).threads == 0
    for days in (0, -3, 40_000, 10**9):
        with pytest.raises(UsageError, match=f"--older-than {days}:"):
            prune(store, days, clock())


def test_erasure_that_was_cut_off_is_finished_by_the_same_command(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed once the store had let go of the thread, the command does the rest when it is run again."""
    marker = make_marker()
    thread_id = write_conversation(store, clock(), marker)
    publisher.publish()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(erasure, "scrub", interrupt)
        erase_thread(store, thread_id, clock())
    assert find_marker(data_dir, marker)
    assert erase_thread(store, thread_id, clock()).threads == 0
    finish(publisher, clock)
    assert find_marker(data_dir, marker) == set()


def interrupt(_store: Store) -> None:
    """Be where the process is killed."""
    raise KeyboardInterrupt


def test_conversation_begun_while_its_tester_is_erased_goes_too(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What he wrote between the look at his threads and the end of his login is erased as well."""
    write_thread(store, clock(), tester="beta-1")
    erase_traces = erasure.erase_tester_traces

    def begin_another(connection: Connection, label: str, *rest: Any) -> Erasure:
        add_thread(connection, Thread(str(uuid.uuid4()), "support", "api", label, None, None, "en", clock()))
        return erase_traces(connection, label, *rest)

    monkeypatch.setattr(erasure, "erase_tester_traces", begin_another)
    assert erase_tester(store, "beta-1", clock()).threads == 2
    assert store.read(erasure.list_tester_threads, "beta-1") == []
