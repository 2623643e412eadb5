"""Many write, one process publishes, others read all the time: every file is whole, in order, and fresh."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatbot.log.publisher import Publisher
from chatbot.log.sample import write_sample
from chatbot.log.verify import verify
from chatbot.settings import Settings
from chatbot.store.engine import Store, utc_now
from tests.chatbot.log.rows import write_conversation

WRITERS = 8
READERS = 4
PAUSE_S = 0.25
START_S = 60

# Looks into the log again and again until told to stop; what it holds is counted, not believed.
READER = """
import json, sys, time
from datetime import UTC, datetime
from pathlib import Path
import duckdb
link, stop = Path(sys.argv[1]), Path(sys.argv[2])
reads, last, oldest_s, failures = 0, 0, 0.0, []
while not stop.exists():
    try:
        with duckdb.connect(str(link.resolve()), read_only=True, config={"threads": 1}) as log:
            row = log.execute("SELECT generation, messages_rows, published_at FROM log_info").fetchall()[0]
            age_s = (datetime.now(UTC) - row[2]).total_seconds()
            counted = log.execute("SELECT count(*) FROM messages WHERE length(content) >= 0").fetchall()[0][0]
        if counted != row[1]: failures.append(f"{row[0]} says {row[1]} and has {counted}")
        if row[0] < last: failures.append(f"{row[0]} after {last}")
        reads, last, oldest_s = reads + 1, row[0], max(oldest_s, age_s)
    except Exception as error:
        failures.append(repr(error))
    time.sleep(0.2)
print(json.dumps({"reads": reads, "last": last, "oldest_s": oldest_s, "failures": failures}))
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader saw: how often it read, the last generation, the age of the oldest, what went wrong."""

    reads: int
    last: int
    oldest_s: float
    failures: list[str]


@pytest.fixture
def live_store(settings: Settings) -> Iterator[Store]:
    """Give a store on the clock of the machine, by which readers tell a file's age."""
    store = Store(settings.store_path, clock=utc_now)
    store.start_writer()
    yield store
    store.close()


@contextmanager
def keep_publishing(publisher: Publisher) -> Iterator[None]:
    """Have a thread publish, as the chat service does."""
    publisher.publish()
    stop = threading.Event()
    thread = threading.Thread(target=publisher.run_forever, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(START_S)


@contextmanager
def keep_writing(store: Store) -> Iterator[None]:
    """Have writers store a conversation each, again and again."""
    stop = threading.Event()

    def write() -> None:
        while not stop.wait(PAUSE_S):
            write_conversation(store, datetime.now(UTC))

    writers = [threading.Thread(target=write) for _ in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        stop.set()
        for writer in writers:
            writer.join()


def endure(store: Store, data_dir: Path, *, messages: int, interval_s: float, seconds: float) -> list[Seen]:
    """Write, publish and read for so long at the same time; give what each reader saw."""
    write_sample(store, messages=messages, days=30, seed=1, now=store.clock())
    publisher = Publisher(store, data_dir, timezone="UTC", interval_s=interval_s)
    stop = data_dir / "stop"
    command = [sys.executable, "-c", READER, str(data_dir / "conversations.duckdb"), str(stop)]
    with keep_writing(store), keep_publishing(publisher), ExitStack() as stack:
        readers = [
            stack.enter_context(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
            for _ in range(READERS)
        ]
        time.sleep(seconds)
        stop.touch()
        seen = [Seen(**json.loads(reader.communicate(timeout=START_S)[0])) for reader in readers]
    assert verify(store, data_dir) == []
    return seen


def test_every_reader_finds_whole_files_in_order(live_store: Store, data_dir: Path) -> None:
    """Under eight writers no file is unreadable, holds other rows than it says, or is older than the one before."""
    for seen in endure(live_store, data_dir, messages=200, interval_s=0.1, seconds=2):
        assert seen.failures == [] and seen.reads > 3 and seen.last > 0


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_log_of_a_hundred_thousand_messages_stays_fresh(live_store: Store, data_dir: Path) -> None:
    """The same for ten minutes, and nothing that a reader opens was published five seconds ago or earlier."""
    found = endure(live_store, data_dir, messages=100_000, interval_s=2, seconds=600)
    sys.stdout.write(f"{found}\n")
    for seen in found:
        assert seen.failures == [] and seen.last > 100
        assert seen.oldest_s < 5
