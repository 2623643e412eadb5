"""The shareable edition holds no personal data that can be recognized, follows the complete one, and goes with it."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from sqlalchemy import Connection, insert

from chatbot.log import edition as edition_module
from chatbot.log import publisher as publisher_module
from chatbot.log.check import Checker
from chatbot.log.disguise import LEFT_OUT, SALT_NAME, build_disguise
from chatbot.log.erase import erase_tester, erase_thread, prune
from chatbot.log.publisher import Publisher
from chatbot.log.verify import verify
from chatbot.store.audit import add_entry
from chatbot.store.changes import take_change
from chatbot.store.engine import Store
from chatbot.store.records import Feedback, Rating
from chatbot.store.schema import generated_files, thread_forms
from chatbot.store.threads import add_feedback, read_transcript
from chatbot.store.verdicts import rate_thread
from tests.chatbot.log.rows import PASSAGE, list_names, read_log, write_conversation, write_thread, write_turn
from tests.chatbot.log.test_erase import find_marker, finish, make_marker
from tests.conftest import Clock

SECRETS = {
    "jane.doe@example.org": "[e-mail]",
    "06 12 34 56 78": "[phone]",
    "FR14 2004 1010 0505 0001 3M02 606": "[iban]",
    "4111 1111 1111 1111": "[card]",
    "192.0.2.17": "[ip]",
}
ALL = " and ".join(SECRETS)


@pytest.fixture
def sharing(
    store: Store, data_dir: Path, clock: Clock, checker: Checker, monkeypatch: pytest.MonkeyPatch
) -> Publisher:
    """Give a publisher of both editions."""
    monkeypatch.setattr(publisher_module, "Checker", lambda: checker)
    return Publisher(store, data_dir, timezone="UTC", interval_s=0.01, is_shareable=True, clock=clock)


@pytest.fixture
def shared_path(data_dir: Path) -> Path:
    """Give the path of the shareable log."""
    return data_dir / "conversations-shareable.duckdb"


def write_personal_thread(store: Store, clock: Clock) -> str:
    """Write a thread with personal data wherever there is free text."""
    thread_id = write_thread(store, clock(), tester="jane-doe-1", code_label="jane-doe", wave=f"w {ALL}")
    answer = write_turn(
        store, thread_id, clock(), f"I am {ALL}.", f"You are {ALL}.", trace_id="jane", searched_for=ALL
    )
    store.write(add_feedback, Feedback(answer, -1, f"r {ALL}", f"c {ALL}", clock()))
    store.write(rate_thread, Rating(thread_id, 3, f"c {ALL}", clock()))
    store.write(add_entry, clock(), "anne", "thread.read", "jane-doe-1")

    def fill_in(connection: Connection) -> None:
        change = take_change(connection)
        for field, value, kind in (
            ("hero", "Jane Doe", "text"),
            ("since", "2020-02-03", "date"),
            ("tone", "formal", "choice"),
        ):
            values = {"thread_id": thread_id, "field": field, "value": value, "type": kind, "change": change}
            connection.execute(insert(thread_forms).values(values))

    store.write(fill_in)
    return thread_id


def read_texts(path: Path) -> str:
    """Give every value of every table and view as one text."""
    with duckdb.connect(str(path.resolve()), read_only=True) as log:
        names = log.execute("SELECT table_name FROM information_schema.tables").fetchall()
        return "\n".join(str(log.execute(f'SELECT * FROM "{name}"').fetchall()) for (name,) in names)


def test_no_table_or_view_holds_personal_data(
    store: Store, sharing: Publisher, shared_path: Path, log_path: Path, clock: Clock
) -> None:
    """Labels are stand-ins, texts are masked in every column that has any, searching included; times stay."""
    write_personal_thread(store, clock)
    sharing.publish()
    complete, shared = read_texts(log_path), read_texts(shared_path)
    for secret, mask in SECRETS.items():
        assert complete.count(secret) >= 6
        assert secret not in shared
        assert mask in shared
    assert "jane" in complete
    assert "jane" not in shared and "anne" not in shared
    ((tester, code),) = read_log(shared_path, "SELECT tester, code_label FROM threads")
    assert tester.startswith("tester-") and code.startswith("code-")
    times = "SELECT created_at FROM messages ORDER BY position"
    assert read_log(shared_path, times) == read_log(log_path, times)
    assert read_log(shared_path, "SELECT characters - length(content) FROM messages") == [(0,), (0,)]
    assert read_log(shared_path, "SELECT edition, audit_rows FROM log_info") == [("shareable", 0)]
    assert read_log(log_path, "SELECT edition, disguise, audit_rows FROM log_info") == [("complete", None, 1)]


def test_rows_are_the_same_but_for_what_is_hidden(
    store: Store, sharing: Publisher, shared_path: Path, log_path: Path, clock: Clock
) -> None:
    """Every other row and column is the complete log's; only the audit is left out."""
    write_personal_thread(store, clock)
    sharing.publish()
    untouched = (
        "SELECT message_id, thread_id, position, origin, status, model, total_ms FROM messages ORDER BY ALL"
    )
    assert read_log(shared_path, untouched) == read_log(log_path, untouched)
    for table in ("threads", "messages", "passages_used", "feedback_events", "ratings", "thread_forms"):
        count = f"SELECT count(*) FROM {table}"
        assert read_log(shared_path, count) == read_log(log_path, count) != [(0,)]
    assert {"audit"} == LEFT_OUT


def test_text_made_of_a_form_is_left_out(
    store: Store, sharing: Publisher, shared_path: Path, log_path: Path, clock: Clock
) -> None:
    """Names in a letter have no pattern: its text and what was filled in are left out, but for what was chosen."""
    thread_id = write_personal_thread(store, clock)
    letter = {"position": 2, "searched_for": "Jane Doe", "is_personal": True}
    write_turn(store, thread_id, clock(), "Write it.", "Dear Jane Doe,", **letter)
    sharing.publish()
    assert "Jane Doe" not in read_texts(shared_path)
    assert "Jane Doe" in read_texts(log_path)
    content = "SELECT content, searched_for, is_personal FROM messages WHERE origin = 'bot' AND position = 3"
    assert read_log(shared_path, content) == [("[left out]", "[left out]", True)]
    values = "SELECT field, value FROM thread_forms ORDER BY field"
    assert read_log(shared_path, values) == [
        ("hero", "[left out]"),
        ("since", "[left out]"),
        ("tone", "formal"),
    ]


def test_passage_shows_no_masked_heading_in_its_address(
    store: Store, sharing: Publisher, shared_path: Path, log_path: Path, clock: Clock
) -> None:
    """An anchor is its heading without the signs that patterns go by; names of files and templates are texts too."""
    address = "jane.doe@example.org"
    passages = tuple(
        replace(PASSAGE, rank=rank, number=rank, source=source, heading=heading, anchor=anchor)
        for rank, (source, heading, anchor) in enumerate(
            [
                ("en/team.md", f"Team > Write to {address}", "write-to-janedoeexampleorg"),
                (f"en/{address}.md", "Team > Hours", "hours"),
            ],
            1,
        )
    )
    thread_id = write_thread(store, clock())
    answer = write_turn(store, thread_id, clock(), passages=passages)

    def note_file(connection: Connection) -> None:
        values = {
            "file_id": str(uuid.uuid4()), "message_id": answer, "created_at": clock(), "format": "docx",
            "template": f"Letter of {address}", "template_version": 1, "bytes": 1, "is_edited": False,
            "change": take_change(connection),
        }  # fmt: skip
        connection.execute(insert(generated_files).values(values))

    store.write(note_file)
    sharing.publish()
    assert "jane" in read_texts(log_path)
    assert "jane" not in read_texts(shared_path)
    places = "SELECT heading, anchor FROM passages_used ORDER BY rank"
    assert read_log(shared_path, places) == [("Team > Write to [e-mail]", ""), ("Team > Hours", "hours")]
    assert read_log(shared_path, "SELECT template FROM generated_files") == [("Letter of [e-mail]",)]


def test_stand_ins_stay_the_same(
    store: Store, sharing: Publisher, shared_path: Path, data_dir: Path, clock: Clock
) -> None:
    """A tester is the same in every publication; the salt is private, and never made twice."""
    write_conversation(store, clock())
    sharing.publish()
    salt = (data_dir / "private" / SALT_NAME).read_bytes()
    assert (data_dir / "private" / SALT_NAME).stat().st_mode & 0o077 == 0
    write_conversation(store, clock())
    sharing.publish(rebuild=True)
    assert len(set(read_log(shared_path, "SELECT tester FROM threads"))) == 1
    assert (data_dir / "private" / SALT_NAME).read_bytes() == salt


def test_only_what_is_new_is_masked(
    store: Store, sharing: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A publication masks the rows it carries over, and no others."""
    for _ in range(5):
        write_conversation(store, clock())
    sharing.publish()
    masked: list[str] = []

    def note(text: str) -> str:
        masked.append(text)
        return text

    monkeypatch.setattr("chatbot.log.disguise.mask_text", note)
    write_conversation(store, clock(), "One more?")
    sharing.publish()
    assert masked == ["One more?", "With water. [1]"]


def test_other_rules_or_another_salt_make_it_anew(
    store: Store, sharing: Publisher, shared_path: Path, data_dir: Path, clock: Clock
) -> None:
    """A file masked by other rules is not continued; the complete one is."""
    write_conversation(store, clock())
    sharing.publish()
    before = read_log(shared_path, "SELECT tester FROM threads")
    (data_dir / "private" / SALT_NAME).write_text(secrets.token_hex(32))
    write_conversation(store, clock())
    other = Publisher(store, data_dir, timezone="UTC", interval_s=1, is_shareable=True, clock=clock)
    assert not other.publish().is_rebuild
    other.close()
    after = read_log(shared_path, "SELECT DISTINCT tester FROM threads")
    assert len(after) == 1 and after != before[:1]
    assert verify(store, data_dir, is_shareable=True) == []


@pytest.mark.parametrize("way", ["thread", "tester", "prune"])
def test_erasure_reaches_both_editions(
    way: str, store: Store, sharing: Publisher, shared_path: Path, data_dir: Path, clock: Clock
) -> None:
    """A marker in a name and one in a text vanish from every byte of store, editions and older generations."""
    marker, other = (make_marker()[:30] for _ in range(2))
    marker = "-".join(marker[at : at + 6] for at in range(0, 30, 6))
    thread_id = write_thread(store, clock(), tester=f"{other}-1")
    write_turn(store, thread_id, clock(), marker)
    sharing.publish()
    clock.advance(days=10)
    write_conversation(store, clock(), "Who stays?")
    sharing.publish()
    folders = {
        path.parent.name
        for path in data_dir.rglob("*")
        if path.is_file() and path.parent != data_dir and marker.encode() in path.read_bytes()
    }
    assert folders == {"private", "published", "published-shareable"}
    assert find_marker(data_dir, other)
    if way == "thread":
        erase_thread(store, thread_id, clock())
    elif way == "tester":
        erase_tester(store, f"{other}-1", clock())
    else:
        prune(store, 5, clock())
    finish(sharing, clock)
    assert find_marker(data_dir, marker) == set()
    assert find_marker(data_dir, other) == set()
    assert read_log(shared_path, "SELECT title FROM thread_summary") == [("Who stays?",)]
    assert read_log(
        data_dir / "conversations.duckdb", "SELECT count(*) FROM audit WHERE action LIKE '%e'"
    ) == [(1,)]
    assert list_names(data_dir / "published-shareable") == {"3.duckdb"}
    assert verify(store, data_dir, is_shareable=True) == []


def test_without_the_setting_it_goes(
    store: Store, publisher: Publisher, sharing: Publisher, shared_path: Path, data_dir: Path, clock: Clock
) -> None:
    """A copy that is not kept up would keep what is erased: it is taken away; later its numbers go on."""
    write_conversation(store, clock())
    sharing.publish()
    assert [fault.code for fault in verify(store, data_dir)] == ["shareable_left"]
    publisher.publish()
    assert not shared_path.is_symlink() and not (data_dir / "published-shareable").exists()
    assert verify(store, data_dir) == []
    sharing.publish()
    assert read_log(shared_path, "SELECT generation FROM log_info") == [(2,)]


def test_failing_shareable_edition_leaves_the_complete_one(
    store: Store,
    sharing: Publisher,
    log_path: Path,
    shared_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The complete log is published first; the old shareable generation stands until the next try."""
    write_conversation(store, clock())
    sharing.publish()
    write_conversation(store, clock())
    real = edition_module.write_file

    def fail(store: Any, path: Path, stamp: Any, since: int, *, is_copy: bool) -> Any:
        if stamp.disguise:
            raise duckdb.IOException("torn")
        return real(store, path, stamp, since, is_copy=is_copy)

    with monkeypatch.context() as patch:
        patch.setattr(edition_module, "write_file", fail)
        with pytest.raises(Exception, match="torn"):
            sharing.publish()
    count = "SELECT count(*) FROM threads"
    assert (read_log(log_path, count), read_log(shared_path, count)) == ([(2,)], [(1,)])
    sharing.publish()
    assert read_log(shared_path, count) == [(2,)]


def test_transcript_is_hidden_as_its_rows_are(
    store: Store, sharing: Publisher, shared_path: Path, data_dir: Path, clock: Clock
) -> None:
    """What is exported with `--shareable` holds the same stand-ins and masks as the log."""
    thread_id = write_personal_thread(store, clock)
    clock.advance(seconds=1)
    sharing.publish()
    transcript = store.read(read_transcript, thread_id)
    assert transcript
    hidden = build_disguise(data_dir / "private").hide_transcript(transcript)
    assert not [secret for secret in (*SECRETS, "jane") if secret in str(hidden)]
    assert read_log(shared_path, "SELECT tester FROM threads") == [(hidden.thread.tester,)]
    contents = read_log(shared_path, "SELECT content FROM messages ORDER BY position")
    assert contents == [(message.content,) for message in hidden.messages]
    assert hidden.messages[0].created_at == transcript.messages[0].created_at


def test_verify_finds_personal_data_in_the_shareable_log(
    store: Store, sharing: Publisher, data_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that holds what it should have masked is not what the store's rows are, disguised."""
    write_personal_thread(store, clock)
    with monkeypatch.context() as patch:
        patch.setattr("chatbot.log.disguise.TEXTS", {})
        sharing.publish()
    codes = {fault.code for fault in verify(store, data_dir, is_shareable=True)}
    assert codes == {"log_lacks_rows", "log_has_other_rows"}
    clock.advance(seconds=timedelta(minutes=1).total_seconds())
    sharing.publish(rebuild=True)
    assert verify(store, data_dir, is_shareable=True) == []
