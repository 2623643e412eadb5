"""The published log by size: all of it built from the store, and one more message carried over."""

from __future__ import annotations

import tempfile
import time
import uuid
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from chatbot.log.publisher import Publisher
from chatbot.log.sample import write_sample
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Message, Thread

SIZES = (1_000, 10_000, 100_000)


def measure() -> list[dict[str, object]]:
    """Give one row per size, in seconds of wall time."""
    return [_measure(size) for size in SIZES]


def _measure(messages: int) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        with (
            closing(Store(data_dir / "private" / "guichet.db")) as store,
            closing(Publisher(store, data_dir, timezone="UTC", interval_s=2)) as publisher,
        ):
            started = time.perf_counter()
            write_sample(store, messages=messages, days=30, seed=1, now=datetime.now(UTC))
            sample_s = time.perf_counter() - started
            build_s = publisher.publish().seconds
            _add_message(store)
            carry_s = publisher.publish().seconds
        size = (data_dir / "conversations.duckdb").resolve().stat().st_size
    return {
        "messages": messages,
        "MB": f"{size / 1e6:.1f}",
        "sample s": f"{sample_s:.2f}",
        "build s": f"{build_s:.2f}",
        "carry one over s": f"{carry_s:.2f}",
    }


def _add_message(store: Store) -> None:
    now, thread_id = store.clock(), str(uuid.uuid4())
    thread = Thread(thread_id, "support", "api", "bench-1", None, None, "en", now)
    store.write(threads.add_thread, thread)
    store.write(threads.add_message, Message(str(uuid.uuid4()), thread_id, 0, "user", "One more?", now))
