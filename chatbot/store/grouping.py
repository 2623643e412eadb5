"""Jobs that wait together are committed together: one transaction, one wait for the disk, for all of them.

A job that refuses, breaks a constraint or would wait for a lock takes the others' work back with it; then each of them
is run again by itself, at its own pace. So the common case is quick, and no job holds up or spoils another.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from chatbot.errors import StoreUnavailable

T = TypeVar("T")
Job = Callable[[Connection], Any]

# As many as come while one transaction is on its way; more would only make the first wait for the last.
MAX_GROUP = 50
# While one is held up by a slow job the others go on; the more there are, the smaller their groups.
GROUP_WRITERS = 3
# For jobs that are run by themselves, each on a connection of its own.
LONE_WRITERS = 13


@dataclass(frozen=True, slots=True)
class _Waiting:
    run: Job
    future: Future[Any]


class GroupWriter:
    """Threads that take all jobs that wait, and threads for those that cannot be done with others.

    Args:
        write_together: does jobs in one transaction, and gives their results; where it raises, none is done, save by
            `StoreUnavailable`: then it is not known.
        write_alone: does one job, however long it takes.
    """

    def __init__(
        self, write_together: Callable[[Sequence[Job]], list[Any]], write_alone: Callable[[Job], Any]
    ) -> None:
        self._write_together = write_together
        self._write_alone = write_alone
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lone = ThreadPoolExecutor(LONE_WRITERS, thread_name_prefix="store-lone-writer")
        self._threads = [
            threading.Thread(target=self._drain, name=f"store-writer-{number}", daemon=True)
            for number in range(GROUP_WRITERS)
        ]
        for thread in self._threads:
            thread.start()

    def submit(self, job: Callable[[Connection], T]) -> Future[T]:
        """Queue a job; the future is done when it is durable."""
        future: Future[T] = Future()
        # Marked as running, a future cannot be cancelled between the commit and its result.
        future.set_running_or_notify_cancel()
        self._queue.put(_Waiting(job, future))
        return future

    def close(self) -> None:
        """Do what is queued, then end."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()
        self._lone.shutdown()

    def _drain(self) -> None:
        while group := self._take_group():
            self._commit(group)

    def _take_group(self) -> list[_Waiting]:
        """Wait for a job, and take what waits behind it; nothing once the end has come."""
        first = self._queue.get()
        group = [first] if first else []
        while group and len(group) < MAX_GROUP:
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                break
            if following is None:
                # This thread's end or another's: whoever comes next to the queue takes it.
                self._queue.put(None)
                break
            group.append(following)
        return group

    def _commit(self, group: list[_Waiting]) -> None:
        try:
            results = self._write_together([waiting.run for waiting in group])
        except StoreUnavailable as error:
            for waiting in group:
                waiting.future.set_exception(error)
        except Exception:  # noqa: BLE001 - whose it is shows when each is run by itself
            for waiting in group:
                self._lone.submit(self._fulfil, waiting)
        else:
            for waiting, result in zip(group, results, strict=True):
                waiting.future.set_result(result)

    def _fulfil(self, waiting: _Waiting) -> None:
        try:
            waiting.future.set_result(self._write_alone(waiting.run))
        except Exception as error:  # noqa: BLE001 - handed to the one who asked
            waiting.future.set_exception(error)
