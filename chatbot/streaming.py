"""A model's stream that the tester, or the service's own end, can stop without waiting for the next piece."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from langchain_core.runnables import Runnable

from chatbot.models import Part, stream_answer
from chatbot.store.records import Status

Given = TypeVar("Given")


@dataclass(slots=True)
class StopSignal:
    """Ends a turn early: `stopped` by the tester, `interrupted` by the service's own end."""

    status: Status | None = None
    _listeners: list[Callable[[], None]] = field(default_factory=list)

    def stop(self, status: Status = "stopped") -> None:
        """Ask for the end; what was written is kept."""
        if self.status is None:
            self.status = status
            for listener in self._listeners:
                listener()

    def listen(self, listener: Callable[[], None]) -> None:
        """Have something called at the stop, or now when it has come."""
        self._listeners.append(listener)
        if self.status:
            listener()


async def stream_until(
    signal: StopSignal, chain: Runnable[Given, Any], given: Given, *, timeout_s: float, deadline_s: float
) -> AsyncGenerator[Part]:
    """Give the model's parts until it ends or the signal comes, which need not wait for the next part.

    Raises:
        What `models.stream_answer` raises.
    """
    queue: asyncio.Queue[Part | Exception | None] = asyncio.Queue()
    stream = stream_answer(chain, given, timeout_s=timeout_s, deadline_s=deadline_s)

    async def pump() -> None:
        try:
            async for part in stream:
                queue.put_nowait(part)
            queue.put_nowait(None)
        except Exception as error:  # noqa: BLE001 - raised again by the reader of the queue
            queue.put_nowait(error)

    task = asyncio.create_task(pump())
    signal.listen(lambda: queue.put_nowait(None))
    try:
        while (part := await queue.get()) is not None:
            if isinstance(part, Exception):
                raise part
            yield part
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.aclose()
