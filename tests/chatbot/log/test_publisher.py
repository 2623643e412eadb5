"""A publication is all or nothing, disturbs nobody, and says what it did."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import Connection, insert, text, update

from chatbot.errors import LogUnavailable, StorageFull
from chatbot.log import edition as edition_module
from chatbot.log.generations import Generations, read_notes
from chatbot.log.publisher import Publication, Publisher, choose_pause, publish_file
from chatbot.store.changes import take_change
from chatbot.store.engine import Store
from chatbot.store.schema import meta, ratings
from chatbot.telemetry import Metrics
from tests.chatbot.log.rows import (
    list_names,
    read_log,
    run_python,
    write_conversation,
    write_thread,
    write_turn,
)
from tests.conftest import Clock


def count_messages(log_path: Path) -> int:
    """Count what is published."""
    return int(read_log(log_path, "SELECT count(*) FROM messages")[0][0])


def test_empty_store_is_published_at_once(publisher: Publisher, log_path: Path) -> None:
    """Data people find a file with every table before the first question."""
    publication = publisher.publish()
    assert publication.generation == 1 and publication.is_rebuild and publication.is_new
    assert log_path.is_symlink() and not log_path.readlink().is_absolute()
    assert count_messages(log_path) == 0


def test_what_was_stored_since_is_appended(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """Every column arrives as it was stored; times are the same instants, the text is folded for searching."""
    publisher.publish()
    thread_id = write_thread(store, clock(), language="fr")
    write_turn(store, thread_id, clock(), "Où est l'ÉTÉ ?\n😀", cost_usd=0.25, error_code="x", is_cut=True)
    publication = publisher.publish()
    assert (publication.generation, publication.rows, publication.is_rebuild) == (2, 4, False)
    rows = read_log(
        log_path,
        "SELECT CAST(thread_id AS VARCHAR), position, content, search_text, characters, created_at, cost_usd, is_cut "
        "FROM messages ORDER BY position",
    )
    assert rows[0][:5] == (thread_id, 0, "Où est l'ÉTÉ ?\n😀", "ou est l'ete ?\n😀", 16)
    assert rows[0][5].astimezone(UTC) == clock()
    assert rows[1][6:] == (0.25, True)


def test_changed_row_replaces_the_one_published(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A rating that was changed is one row of the log, the last one."""
    thread_id = write_conversation(store, clock())

    def rate(connection: Connection, value: int) -> None:
        connection.execute(ratings.delete())
        change = take_change(connection)
        connection.execute(
            insert(ratings).values(thread_id=thread_id, value=value, created_at=clock(), change=change)
        )

    store.write(rate, 2)
    publisher.publish()
    store.write(rate, 5)
    assert publisher.publish().rows == 1
    assert read_log(log_path, "SELECT value FROM ratings") == [(5,)]


def test_nothing_new_publishes_nothing_but_notes_the_check(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """An unchanged log stays the same file, and the notes tell that it is up to date."""
    first = publisher.publish()
    clock.advance(hours=3)
    again = publisher.publish()
    assert (again.generation, again.rows, again.is_new) == (first.generation, 0, False)
    assert read_notes(data_dir).checked_at == clock()
    assert publisher.measure_age() == 0


def test_log_info_says_what_the_file_holds(
    store: Store, publisher: Publisher, log_path: Path, data_dir: Path, clock: Clock
) -> None:
    """Generation, moment, zone, mark and row counts are in the file; a new zone is published although no row is."""
    write_conversation(store, clock())
    publisher.publish()
    columns = "generation, published_at, timezone, mark, threads_rows, messages_rows, passages_used_rows"
    sql = f"SELECT {columns} FROM log_info"
    assert read_log(log_path, sql) == [(1, clock(), "Europe/Paris", 3, 1, 2, 1)]
    moved = Publisher(store, data_dir, timezone="Asia/Tokyo", interval_s=1, clock=clock)
    assert moved.publish().is_new
    moved.close()
    assert read_log(log_path, "SELECT generation, timezone FROM log_info") == [(2, "Asia/Tokyo")]


def change_store_id(store: Store) -> None:
    """Do to a store what `restore` does."""

    def change(connection: Connection) -> None:
        connection.execute(update(meta).where(meta.c.name == "store_id").values(value="another"))

    store.write(change)


def lower_counter(store: Store) -> None:
    """Take the counter below the mark, as an older copy of the store would."""
    store.write(lambda connection: connection.execute(text("UPDATE change_counter SET value = 1")))


def test_log_of_another_store_is_built_anew(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A mark counts only for the store it was taken from, and only up to that store's counter."""
    write_conversation(store, clock())
    publisher.publish()
    for number, estrange in enumerate((change_store_id, lower_counter), 2):
        estrange(store)
        publication = publisher.publish()
        assert publication.is_rebuild and publication.generation == number


def write_into(path: Path) -> None:
    """Change the current generation as somebody with the duckdb shell would."""
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); c.execute('DELETE FROM messages'); c.close()"
    )
    assert run_python(script, path).returncode == 0


def leave_journal(path: Path) -> None:
    """Be killed with the file open and something written."""
    script = """
import duckdb, os, signal, sys
c = duckdb.connect(sys.argv[1])
c.execute("INSERT INTO log_info SELECT * FROM log_info")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert run_python(script, path.resolve()).returncode == -signal.SIGKILL
    assert path.resolve().with_name(f"{path.resolve().name}.wal").exists()


def tear(path: Path) -> None:
    """Lose the second half of the file."""
    with path.open("r+b") as file:
        file.truncate(path.stat().st_size // 2)


def remove_generation(path: Path) -> None:
    """Lose the file behind the link."""
    path.resolve().unlink()


def remove_link(path: Path) -> None:
    """Lose the link."""
    path.unlink()


@pytest.mark.parametrize("meddle", [write_into, leave_journal, tear, remove_generation, remove_link])
def test_generation_that_was_touched_is_built_anew(
    meddle: object, store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """Whatever somebody did to the current file, the next one comes from the store, under a higher number."""
    write_conversation(store, clock())
    assert publisher.publish().generation == 1
    assert callable(meddle)
    meddle(log_path)
    publication = publisher.publish()
    assert publication.is_rebuild and publication.generation == 2
    assert count_messages(log_path) == 2
    assert read_log(log_path, "SELECT count(*) FROM log_info") == [(1,)]
    clock.advance(seconds=31)
    for _ in range(3):
        write_conversation(store, clock())
        publisher.publish()
        clock.advance(seconds=31)
    publisher.publish()
    assert list_names(log_path.parent / "published") == {"3.duckdb", "4.duckdb", "5.duckdb"}


def test_damage_that_does_not_show_from_outside_is_found_while_continuing(
    store: Store, publisher: Publisher, log_path: Path, data_dir: Path, clock: Clock
) -> None:
    """A generation whose bytes rotted without a new size or time cannot be continued: it is built anew."""
    write_conversation(store, clock())
    publisher.publish()
    path = log_path.resolve()
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[4096 * 3 :] = bytes(len(content) - 4096 * 3)
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    write_conversation(store, clock())
    fresh = Publisher(store, data_dir, timezone="UTC", interval_s=1, clock=clock)
    publication = fresh.publish()
    fresh.close()
    assert publication.is_rebuild and count_messages(log_path) == 4


def test_one_who_holds_the_file_for_writing_keeps_nobody_out(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """While a program has the current generation open for writing, readers are given another."""
    write_conversation(store, clock())
    publisher.publish()
    script = (
        "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", script, str(log_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout and holder.stdout.readline() == b"open\n"
        with pytest.raises(duckdb.IOException):
            count_messages(log_path)
        assert publisher.publish().is_new
        assert count_messages(log_path) == 2
        assert not publisher.publish().is_new
        assert holder.stdin
        holder.stdin.close()
        assert holder.wait(20) == 0


READER = """
import duckdb, pathlib, sys, time
link = pathlib.Path(sys.argv[1])
reads, last, failures = 0, 0, []
while reads < 40 and not failures:
    try:
        with duckdb.connect(str(link.resolve()), read_only=True, config={"threads": 1}) as log:
            generation, rows = log.execute("SELECT generation, messages_rows FROM log_info").fetchall()[0]
            counted = log.execute("SELECT count(*) FROM messages WHERE length(content) > 0").fetchall()[0][0]
        if counted != rows: failures.append(f"{generation} says {rows} and has {counted}")
        if generation < last: failures.append(f"{generation} after {last}")
        last, reads = generation, reads + 1
    except Exception as error:
        failures.append(repr(error))
print(reads, last, failures)
"""


def test_reader_never_fails_while_generations_follow_each_other(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A program that opens the log again and again sees whole generations, in order."""
    published = publisher.publish()
    command = [sys.executable, "-c", READER, str(log_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as reader:
        while reader.poll() is None:
            write_conversation(store, clock())
            clock.advance(seconds=1)
            published = publisher.publish()
        output, _ = reader.communicate(timeout=30)
    reads, last, failures = output.split(" ", 2)
    assert failures.strip() == "[]"
    assert int(reads) == 40 and 1 < int(last) <= published.generation


KILLED = """
import os, shutil, signal, sys
from pathlib import Path
import duckdb
from chatbot.log import carry, check, edition, generations, publisher
from chatbot.store.engine import Store

class Log:
    # DuckDB's own connection takes no other methods.


    def __init__(self, connection):
        self.connection = connection

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def execute(self, statement, *values):
        step = {"COMMIT": self.commit, "CHECKPOINT log": self.checkpoint}.get(statement)
        return step() if step else self.connection.execute(statement, *values)

    def commit(self):
        self.connection.execute("COMMIT")

    def checkpoint(self):
        self.connection.execute("CHECKPOINT log")

owner, name, moment = sys.argv[2].split(":")
owners = {"edition": edition, "carry": carry, "checker": check.Checker, "generations": generations.Generations,
          "shutil": shutil, "path": Path, "log": Log}
real = getattr(owners[owner], name)

def kill(*args, **kwargs):
    if moment == "after":
        real(*args, **kwargs)
    os.kill(os.getpid(), signal.SIGKILL)

connect = duckdb.connect
duckdb.connect = lambda *args, **kwargs: Log(connect(*args, **kwargs))

data_dir = Path(sys.argv[1])
store = Store(data_dir / "private" / "guichet.db")
subject = publisher.Publisher(store, data_dir, timezone="Europe/Paris", interval_s=1)
setattr(owners[owner], name, kill)
subject.publish()
"""

STEPS = [
    "shutil:copyfile:before",
    "shutil:copyfile:after",
    "carry:_write_stamp:after",
    "log:commit:after",
    "log:checkpoint:after",
    "edition:write_file:after",
    "checker:check:after",
    "generations:_write_notes:after",
    "path:rename:before",
    "path:symlink_to:after",
    "generations:install:after",
]


@pytest.mark.parametrize("step", STEPS)
def test_publisher_killed_at_any_step_leaves_a_whole_log(
    step: str, store: Store, publisher: Publisher, log_path: Path, data_dir: Path, clock: Clock
) -> None:
    """Killed anywhere, the old or the new generation stands; the next publisher goes on and cleans up."""
    write_conversation(store, clock())
    publisher.publish()
    write_conversation(store, clock())
    killed = run_python(KILLED, data_dir, step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    is_new = step == "generations:install:after"
    assert count_messages(log_path) == (4 if is_new else 2)
    publication = publisher.publish()
    assert not publication.is_rebuild
    assert count_messages(log_path) == 4
    names = list_names(log_path.parent / "published")
    assert names == {"1.duckdb", log_path.resolve().name}
    assert list_names(data_dir) == {"private", "published", "conversations.duckdb"}
    assert not [name for name in list_names(data_dir / "private") if name.startswith(".")]


@pytest.mark.parametrize("step", ["write_file", "copyfile", "check", "install"])
def test_failed_publication_leaves_nothing_behind(
    step: str,
    store: Store,
    publisher: Publisher,
    log_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full disk at any step is one clear error; the old generation stands alone; the next try succeeds."""
    write_conversation(store, clock())
    publisher.publish()
    write_conversation(store, clock())

    def fail(*args: object, **kwargs: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    owners = {
        "write_file": edition_module,
        "copyfile": shutil,
        "check": publisher._checker,
        "install": Generations,
    }
    with monkeypatch.context() as patch:
        patch.setattr(owners[step], step, fail)
        with pytest.raises(StorageFull, match="disk is full"):
            publisher.publish()
    assert list_names(log_path.parent / "published") == {"1.duckdb"}
    assert count_messages(log_path) == 2
    assert publisher.publish().generation == 2
    assert count_messages(log_path) == 4


def test_old_generations_stay_for_a_while(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A generation is unlinked no sooner than 30 s after it was replaced, and the last three stay."""
    folder = log_path.parent / "published"

    def publish() -> Publication:
        write_conversation(store, clock())
        return publisher.publish()

    for _ in range(5):
        publish()
    clock.advance(seconds=29)
    publisher.publish()
    assert len(list_names(folder)) == 5
    clock.advance(seconds=2)
    publisher.publish()
    assert list_names(folder) == {"3.duckdb", "4.duckdb", "5.duckdb"}


def test_journals_that_others_left_are_removed(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """A `.wal` beside the link or of a generation that is gone would break the next file of that name."""
    publisher.publish()
    strays = [log_path.with_name("conversations.duckdb.wal"), log_path.parent / "published" / "77.duckdb.wal"]
    for stray in strays:
        stray.write_bytes(b"left behind")
    publisher.publish()
    assert not any(stray.exists() for stray in strays)


def test_only_one_publishes_at_a_time(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second publisher waits its time and then says so."""
    other = Publisher(store, data_dir, timezone="UTC", interval_s=1, clock=clock)
    entered, leave = threading.Event(), threading.Event()
    real = Generations.prepare

    def prepare(self: Generations) -> None:
        entered.set()
        leave.wait(20)
        real(self)

    monkeypatch.setattr(Generations, "prepare", prepare)
    busy = threading.Thread(target=publisher.publish)
    busy.start()
    assert entered.wait(20)
    with pytest.raises(LogUnavailable, match="Another process"):
        other.publish(lock_timeout_s=0.1)
    leave.set()
    busy.join()
    other.close()


def test_thread_goes_on_after_a_failure_and_publishes_last_at_the_end(
    store: Store,
    data_dir: Path,
    log_path: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A failure is told, counted and tried again; what was stored last is published before the thread ends."""
    metrics = Metrics()
    publisher = Publisher(store, data_dir, timezone="UTC", interval_s=0.01, clock=clock, metrics=metrics)
    failures = iter([LogUnavailable("not now"), RuntimeError("a bug")])
    real = Publisher.publish

    def publish(self: Publisher, rebuild: bool = False, *, lock_timeout_s: float = 0) -> Publication:
        for failure in failures:
            raise failure
        return real(self, rebuild, lock_timeout_s=lock_timeout_s)

    monkeypatch.setattr(Publisher, "publish", publish)
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run_forever, args=(stop,))
    thread.start()
    ends_at = time.monotonic() + 20
    while not log_path.exists() and time.monotonic() < ends_at:
        time.sleep(0.02)
    write_conversation(store, clock())
    stop.set()
    thread.join(20)
    assert count_messages(log_path) == 2

    def sample(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(name, labels)

    assert sample("guichet_publications_total", result="failed") == 2
    assert "Publication failed (there is no log yet): not now" in caplog.text
    assert (sample("guichet_publications_total", result="rebuilt") or 0) >= 1
    assert sample("guichet_log_rows", table="messages") == 2
    assert sample("guichet_published_age_seconds") == 0


def test_what_came_while_a_log_was_built_does_not_wait(
    store: Store, publisher: Publisher, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A log that was built from the store is followed at once by what was written meanwhile, without a pause."""
    stop = threading.Event()
    made = []
    real = Publisher.publish

    def publish(self: Publisher, *, lock_timeout_s: float = 0) -> Publication:
        made.append(real(self, lock_timeout_s=lock_timeout_s))
        if made[-1].is_rebuild:
            write_conversation(store, clock())
            stop.set()
        return made[-1]

    monkeypatch.setattr(Publisher, "publish", publish)
    publisher.run_forever(stop)
    # The last one is that of every end.
    assert [(one.is_rebuild, one.rows) for one in made] == [(True, 0), (False, 4), (False, 0)]


@pytest.mark.parametrize(
    ("seconds", "cpu_s", "size", "pause_s"),
    [
        (0.1, 0.05, 1_000, 1.0),
        (0.5, 0.5, 99_000_000, 2.5),
        (0.5, 0.5, 150_000_000, 10.0),
        (3.0, 0.5, 99_000_000, 0.0),
        (42.0, 30.0, 150_000_000, 60.0),
    ],
)
def test_pause_keeps_a_share_of_a_core_and_a_small_log_fresh(
    seconds: float, cpu_s: float, size: int, pause_s: float
) -> None:
    """Twenty times the processor time, a minute at most; for a small log what leaves it under five seconds behind."""
    last = Publication(1, 2, seconds, cpu_s, is_rebuild=False, is_new=True)
    assert choose_pause(last, size) == pytest.approx(pause_s)


def test_notes_that_cannot_be_read_cost_a_rebuild_and_no_number(
    store: Store, publisher: Publisher, data_dir: Path, clock: Clock
) -> None:
    """Without its notes the publisher cannot know its file, but never goes back in numbers."""
    write_conversation(store, clock())
    publisher.publish()
    (data_dir / "private" / "published.json").write_text(json.dumps({"fingerprints": 3}))
    publication = publisher.publish()
    assert publication.is_rebuild and publication.generation == 2


def test_plain_file_is_a_whole_log(store: Store, tmp_path: Path, clock: Clock) -> None:
    """A store can be published into one file of any name, without leftovers."""
    write_conversation(store, clock())
    path = tmp_path / "out" / "sample.duckdb"
    path.parent.mkdir()
    publish_file(store, path, timezone="UTC", clock=clock)
    assert list_names(path.parent) == {"sample.duckdb"}
    assert read_log(path, "SELECT generation, messages_rows FROM log_info") == [(1, 2)]
    assert read_log(path, "SELECT count(*) FROM thread_summary") == [(1,)]


def test_age_is_measured_from_the_moment_the_store_was_read(
    store: Store, publisher: Publisher, log_path: Path, clock: Clock
) -> None:
    """All that was stored before `published_at` is in the file."""
    write_conversation(store, clock())
    publisher.publish()
    clock.advance(seconds=42)
    assert publisher.measure_age() == 42
    published_at = read_log(log_path, "SELECT published_at FROM log_info")[0][0]
    assert isinstance(published_at, datetime) and clock() - published_at == timedelta(seconds=42)
