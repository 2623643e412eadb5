"""Durable messages a second from 50 conversations at once, in SQLite and in PostgreSQL, and how long each waits.

A message is written by the job of the service, in a transaction that is on the disk when its writer is told; the server
runs on the same machine, and commits wait for the disk.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Message, PassageUsed, Thread
from tests.postgres_server import PostgresServer

CONVERSATIONS = 50
SECONDS = 10
TEXT = "The port is 4180 unless TEAPOT_PORT says otherwise. [1] " * 5
PASSAGES = tuple(
    PassageUsed(rank, 3.5, "en/settings.md", "Settings > Ports", "Teapot listens.", rank, rank == 1)
    for rank in range(1, 4)
)


def measure() -> list[dict[str, object]]:
    """Give one row per engine."""
    with tempfile.TemporaryDirectory() as folder, PostgresServer(is_lasting=True) as server:
        return [
            _measure("SQLite", Path(folder) / "private" / "guichet.db"),
            _measure("PostgreSQL", server.create_database()),
        ]


def _measure(engine: str, place: Path | str) -> dict[str, object]:
    with closing(Store(place)) as store, ThreadPoolExecutor(CONVERSATIONS) as pool:
        store.start_writer()
        started = time.perf_counter()
        ends_at = started + SECONDS
        waits = [
            wait
            for found in pool.map(lambda _: _converse(store, ends_at), range(CONVERSATIONS))
            for wait in found
        ]
        seconds = time.perf_counter() - started
        (kept,) = store.read(
            lambda connection: connection.exec_driver_sql("SELECT count(*) FROM messages").one()
        )
    assert kept == len(waits)
    return {
        "engine": engine,
        "conversations": CONVERSATIONS,
        "messages/s": f"{len(waits) / seconds:,.0f}",
        "median ms": f"{statistics.median(waits) * 1000:.1f}",
        "p95 ms": f"{statistics.quantiles(waits, n=20)[-1] * 1000:.1f}",
        "longest ms": f"{max(waits) * 1000:.0f}",
    }


def _converse(store: Store, ends_at: float) -> list[float]:
    """Write questions and answers in turn, and give the seconds that each took."""
    thread_id, waits, position = str(uuid.uuid4()), [], 0
    store.write(
        threads.add_thread, Thread(thread_id, "support", "api", "a-1", None, None, "en", store.clock())
    )
    while time.perf_counter() < ends_at:
        is_answer = position % 2 == 1
        message = Message(
            str(uuid.uuid4()),
            thread_id,
            position,
            "bot" if is_answer else "user",
            TEXT if is_answer else "On which port does Teapot listen?",
            store.clock(),
            passages=PASSAGES if is_answer else (),
        )
        started = time.perf_counter()
        store.write(threads.add_message, message)
        waits.append(time.perf_counter() - started)
        position += 1
    return waits
