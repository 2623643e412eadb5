"""Threads and messages come back as they were written, to those whose they are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chatbot.errors import StoreUnavailable, UnknownMessage, UnknownThread
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Feedback, Message, PassageUsed, Thread
from chatbot.store.threads import ThreadUse

NOW = datetime(2025, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
THREAD = Thread("t1", "support", "api", "beta-1", "beta", None, "en", NOW)
QUESTION = Message("m0", "t1", 0, "user", "Which port?", NOW + timedelta(seconds=1))
ANSWER = Message(
    "m1",
    "t1",
    1,
    "bot",
    "Port 4180. [1] \U0001fad6",
    NOW + timedelta(seconds=2),
    "complete",
    model="openai:any",
    assistant_version=3,
    index_version="abc",
    prompt_tokens=100,
    completion_tokens=7,
    cost_usd=0.25,
    first_token_ms=120,
    total_ms=900,
    trace_id="trace",
    is_cut=True,
    passages=(
        PassageUsed(1, 7.25, "en/settings.md", "Settings > Ports", "4180", 1, True, "ports"),
        PassageUsed(2, 3.5, "en/install.md", "Install", "docker", 2, False),
    ),
)


@pytest.fixture
def filled(store: Store) -> Store:
    """Give a store with one thread of one turn."""
    store.write(threads.add_thread, THREAD, "notice")
    for message in (QUESTION, ANSWER):
        store.write(threads.add_message, message)
    return store


def add_thread(store: Store, thread_id: str, tester: str, minutes: int) -> Thread:
    """Record a thread without messages."""
    thread = replace(THREAD, thread_id=thread_id, tester=tester, created_at=NOW + timedelta(minutes=minutes))
    store.write(threads.add_thread, thread)
    return thread


def test_records_come_back_as_they_were_written(filled: Store) -> None:
    """Every field of thread, messages and passages is kept, times to the microsecond and in UTC."""
    assert filled.read(threads.read_thread, "t1") == THREAD
    assert filled.read(threads.list_messages, "t1") == [QUESTION, ANSWER]
    assert filled.read(threads.read_message, "m1") == ANSWER


def test_times_of_another_zone_are_the_same_moment(store: Store) -> None:
    """A time is a moment, whatever zone it was written in, before 1970 too."""
    from zoneinfo import ZoneInfo

    for number, moment in enumerate((NOW, datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))):
        local = moment.astimezone(ZoneInfo("Asia/Kathmandu"))
        store.write(threads.add_thread, replace(THREAD, thread_id=f"z{number}", created_at=local))
        found = store.read(threads.read_thread, f"z{number}").created_at
        assert (found, found.utcoffset()) == (moment, timedelta(0))


def test_anothers_thread_is_unknown(filled: Store) -> None:
    """A thread is its tester's; an admin, who names nobody, reads any."""
    assert filled.read(threads.read_thread, "t1", "beta-1") == THREAD
    for thread_id, tester in (("t1", "beta-2"), ("t1", ""), ("t2", "beta-1"), ("", None)):
        with pytest.raises(UnknownThread):
            filled.read(threads.read_thread, thread_id, tester)


def test_anothers_message_is_unknown(filled: Store) -> None:
    """A message is its thread's tester's."""
    assert filled.read(threads.read_message, "m0", "beta-1") == QUESTION
    for message_id, tester in (("m0", "beta-2"), ("m9", "beta-1"), ("m9", None)):
        with pytest.raises(UnknownMessage):
            filled.read(threads.read_message, message_id, tester)


def test_list_is_the_testers_own_newest_first(filled: Store) -> None:
    """A tester's threads come newest first, with the first question, the last time, and how many messages."""
    add_thread(filled, "t2", "beta-1", minutes=1)
    filled.write(threads.add_message, replace(QUESTION, message_id="m5", thread_id="t2", content="Second?"))
    add_thread(filled, "t3", "beta-2", minutes=2)
    heads = filled.read(threads.list_threads, "beta-1")
    assert [(head.thread.thread_id, head.title, head.messages) for head in heads] == [
        ("t2", "Second?", 1),
        ("t1", "Which port?", 2),
    ]
    assert heads[1].thread == THREAD
    assert heads[1].last_at == ANSWER.created_at
    assert [head.thread.thread_id for head in filled.read(threads.list_threads, "beta-1", 1)] == ["t2"]


def test_empty_threads_are_listed_when_asked_for(filled: Store) -> None:
    """A thread without messages has no title, and was last written to when it was made."""
    empty = add_thread(filled, "t2", "beta-1", minutes=1)
    assert [head.thread.thread_id for head in filled.read(threads.list_threads, "beta-1")] == ["t1"]
    heads = filled.read(threads.list_threads, "beta-1", with_empty=True)
    assert [(head.thread.thread_id, head.messages) for head in heads] == [("t2", 0), ("t1", 2)]
    assert (heads[0].title, heads[0].last_at) == ("", empty.created_at)


def test_use_counts_both_sides(filled: Store) -> None:
    """Characters are code points of both sides, messages the tester's alone, time runs from the first question."""
    use = filled.read(threads.measure_use, "t1")
    assert use == ThreadUse(QUESTION.created_at, 1, len(QUESTION.content) + len(ANSWER.content), 1)


def test_unused_thread_has_used_nothing(store: Store) -> None:
    """A thread without messages has no first time and position -1."""
    store.write(threads.add_thread, THREAD)
    assert store.read(threads.measure_use, "t1") == ThreadUse(None, 0, 0)


def test_use_grows_by_a_question(filled: Store) -> None:
    """A question adds its own characters and place; the time goes on from the first one, or begins with it."""
    use = filled.read(threads.measure_use, "t1")
    later = QUESTION.created_at + timedelta(minutes=5)
    assert use.with_question("déjà", later) == ThreadUse(
        QUESTION.created_at, 2, len(QUESTION.content) + len(ANSWER.content) + 4, 2
    )
    assert ThreadUse(None, 0, 0).with_question("a", later) == ThreadUse(later, 1, 1, 0)


def test_only_the_testers_own_thread_is_locked(filled: Store) -> None:
    """Another's thread and none at all look alike to who asks."""
    assert filled.write(threads.lock_thread, "t1", "beta-1") == filled.read(threads.read_thread, "t1")
    assert filled.write(threads.lock_thread, "t1", "beta-2") is None
    assert filled.write(threads.lock_thread, "t9", "beta-1") is None


def test_a_place_is_taken_once(filled: Store) -> None:
    """Two messages cannot stand at one place of a thread, nor come without their thread."""
    for message in (replace(QUESTION, message_id="m7"), replace(QUESTION, message_id="m7", thread_id="t9")):
        with pytest.raises(StoreUnavailable):
            filled.write(threads.add_message, message)


def test_last_verdict_is_in_force(filled: Store) -> None:
    """A later verdict replaces the one before, even at the same moment; every one is kept."""
    first = Feedback("m1", 1, None, None, NOW)
    second = Feedback("m1", -1, "wrong", "No.", NOW)
    for feedback in (first, second):
        filled.write(threads.add_feedback, feedback)
    assert filled.read(threads.read_feedback, ["t1"]) == {"m1": second}
    query = "SELECT count(*) FROM feedback_events"
    assert filled.read(lambda connection: connection.exec_driver_sql(query).scalar()) == 2


def test_transcript_is_the_whole_thread(filled: Store) -> None:
    """A transcript has the thread, its messages and the verdicts on them; of an unknown thread there is none."""
    verdict = Feedback("m1", 1, None, None, NOW)
    filled.write(threads.add_feedback, verdict)
    found = filled.read(threads.read_transcript, "t1")
    assert found is not None
    assert (found.thread, found.messages, found.feedback) == (THREAD, (QUESTION, ANSWER), {"m1": verdict})
    assert filled.read(threads.read_transcript, "t9") is None


def test_transcripts_come_in_the_order_asked_for(store: Store) -> None:
    """More threads than are read at once come one by one in their order, unknown ones passed over."""
    names = [f"t{number:03}" for number in range(threads.READ_AT_ONCE * 2 + 5)]
    for name in names:
        add_thread(store, name, "beta-1", minutes=0)
    wanted = [*reversed(names), "nobody"]
    found = [transcript.thread.thread_id for transcript in threads.iterate_transcripts(store, wanted)]
    assert found == wanted[:-1]


def test_changes_grow_with_every_write(filled: Store) -> None:
    """Each write of a published row has a higher change number; a message and its passages share one."""

    def list_changes(table: str) -> list[int]:
        query = f"SELECT change FROM {table} ORDER BY change"
        return filled.read(lambda connection: [row[0] for row in connection.exec_driver_sql(query)])

    (thread,) = list_changes("threads")
    question, answer = list_changes("messages")
    assert thread < question < answer
    assert list_changes("passages_used") == [answer, answer]


def test_deleted_text_is_gone_from_the_file(sqlite_store: Store) -> None:
    """Deleted rows are overwritten: their bytes are not left in the file."""
    marker, store = "incompressible-marker-4711", sqlite_store
    store.write(threads.add_thread, THREAD)
    store.write(threads.add_message, replace(QUESTION, content=marker))
    store.write(lambda connection: connection.exec_driver_sql("DELETE FROM messages"))
    store.write(lambda connection: connection.exec_driver_sql("SELECT 1"))
    store.close()
    assert marker.encode() not in store.path.read_bytes()
