"""The published log by size: all of it built from the store, and one more message carried over, again and again.

The share of a core is that of a publisher which finds something new each time, the checking process with it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from chatbot.log.publisher import Publication, Publisher, choose_pause
from chatbot.log.sample import write_sample
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Message, Thread

SIZES = (1_000, 10_000, 100_000, 1_000_000)
INTERVAL_S = 2
TURNS = 5


def measure() -> list[dict[str, object]]:
    """Give one row per size, in seconds of wall time."""
    return [_measure(size) for size in SIZES]


def _measure(messages: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        with (
            closing(Store(data_dir / "private" / "guichet.db")) as store,
            closing(Publisher(store, data_dir, timezone="UTC", interval_s=INTERVAL_S)) as publisher,
        ):
            started = time.perf_counter()
            write_sample(store, messages=messages, days=30, seed=1, now=datetime.now(UTC))
            sample_s = time.perf_counter() - started
            build_s = publisher.publish().seconds
            carried = [_carry_one(store, publisher) for _ in range(TURNS)]
        size = (data_dir / "conversations.duckdb").resolve().stat().st_size
    return {
        "messages": messages,
        "MB": f"{size / 1e6:.1f}",
        "sample s": f"{sample_s:.2f}",
        "build s": f"{build_s:.2f}",
        "carry one over s": f"{statistics.median(done.seconds for done in carried):.2f}",
        "% of a core": f"{100 * max(_measure_share(done, size) for done in carried):.1f}",
    }


def _measure_share(done: Publication, size: int) -> float:
    return done.cpu_s / (done.seconds + max(INTERVAL_S, choose_pause(done, size)))


def _carry_one(store: Store, publisher: Publisher) -> Publication:
    _add_message(store)
    return publisher.publish()


def _add_message(store: Store) -> None:
    now, thread_id = store.clock(), str(uuid.uuid4())
    thread = Thread(thread_id, "support", "api", "bench-1", None, None, "en", now)
    store.write(threads.add_thread, thread)
    store.write(threads.add_message, Message(str(uuid.uuid4()), thread_id, 0, "user", "One more?", now))
