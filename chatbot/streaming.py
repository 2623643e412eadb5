"""A model's stream that the tester, or the service's own end, can stop without waiting for the next piece."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeVar

from langchain_core.runnables import Runnable

from chatbot.models import Part, stream_answer
from chatbot.store.records import Status

# A part that took longer was not read yet when it was asked for.
WAITED_S = 0.001
READS = 2
Given = TypeVar("Given")
Pause = Callable[[], Awaitable[None]]


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
    signal: StopSignal,
    chain: Runnable[Given, Any],
    given: Given,
    *,
    timeout_s: float,
    deadline_s: float,
    pause: Pause | None = None,
) -> AsyncGenerator[Part]:
    """Give the model's parts until it ends or the signal comes, which need not wait for the next part.

    Args:
        pause: waited now and then where parts are waited for: what the model's server sends meanwhile is read at once,
            and its text is one part then.

    Raises:
        What `models.stream_answer` raises.
    """
    inbox = _Inbox()
    stream = stream_answer(chain, given, timeout_s=timeout_s, deadline_s=deadline_s)
    task = asyncio.create_task(_fill(inbox, stream, pause))
    signal.listen(inbox.close)
    try:
        while parts := await inbox.take():
            for part in _join(parts):
                yield part
        if inbox.error:
            raise inbox.error
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await stream.aclose()


class _Inbox:
    """Parts that came and were not read yet."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.is_closed = False
        self._parts: list[Part] = []
        self._news = asyncio.Event()

    def put(self, part: Part) -> None:
        if not self.is_closed:
            self._parts.append(part)
            self._news.set()

    def close(self, error: Exception | None = None) -> None:
        """Say that nothing more comes; whoever is first says why."""
        if not self.is_closed:
            self.is_closed, self.error = True, error
            self._news.set()

    async def take(self) -> list[Part]:
        """Wait for parts, and give all there are; none once there will be none."""
        while not self._parts and not self.is_closed:
            self._news.clear()
            await self._news.wait()
        parts, self._parts = self._parts, []
        return parts


async def _fill(inbox: _Inbox, stream: AsyncGenerator[Part], pause: Pause | None) -> None:
    waits = READS - 1
    try:
        asked = time.monotonic()
        async for part in stream:
            inbox.put(part)
            # The first wait is for all that lies in the socket, the second for what is not there yet.
            waits += time.monotonic() - asked > WAITED_S
            if pause and waits == READS:
                waits = 0
                await pause()
            asked = time.monotonic()
        inbox.close()
    except Exception as error:  # noqa: BLE001 - raised again by the reader
        inbox.close(error)


def _join(parts: list[Part]) -> Iterator[Part]:
    """Give parts with the text of neighbours together; a part with figures keeps them for itself."""
    for is_plain, run in groupby(parts, key=_is_plain):
        if is_plain:
            yield Part("".join(part.text for part in run))
        else:
            yield from run


def _is_plain(part: Part) -> bool:
    return part.finish_reason is None and part.prompt_tokens is None and part.completion_tokens is None
