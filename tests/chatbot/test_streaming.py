"""A stream that is stopped ends at once, whatever the model does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.ai import UsageMetadata
from langchain_core.runnables import RunnableGenerator

from chatbot.errors import ProviderError, ProviderTimeout
from chatbot.models import Part
from chatbot.streaming import WAITED_S, StopSignal, stream_until


class Speaker:
    """Says a word after a moment, then waits for ever, and remembers whether it was let go."""

    def __init__(self) -> None:
        self.is_left = False

    async def speak(self, given: AsyncIterator[Any]) -> AsyncIterator[AIMessageChunk]:
        """Give one word."""
        try:
            async for _ in given:
                await asyncio.sleep(5 * WAITED_S)
                yield AIMessageChunk("word")
            await asyncio.Event().wait()
        finally:
            self.is_left = True


async def listen(
    speaker: Speaker, signal: StopSignal, *, stop_after: int = -1, timeout_s: float = 30
) -> list[str]:
    """Give the words that come, and stop after so many."""
    words: list[str] = []
    chain = RunnableGenerator(speaker.speak)
    if not stop_after:
        signal.stop()
    async for part in stream_until(signal, chain, "given", timeout_s=timeout_s, deadline_s=60):
        words.append(part.text)
        if len(words) == stop_after:
            signal.stop()
    return words


async def test_stop_ends_a_stream_that_hangs() -> None:
    """What came before the stop is kept, and the model's stream is closed."""
    speaker = Speaker()
    words = await asyncio.wait_for(listen(speaker, StopSignal(), stop_after=1), 10)
    assert (words, speaker.is_left) == (["word"], True)


async def test_stop_before_the_first_word_ends_it_too() -> None:
    """A signal given before is heeded as well."""
    assert await asyncio.wait_for(listen(Speaker(), StopSignal(), stop_after=0), 10) == []


async def test_faults_of_the_stream_reach_the_reader() -> None:
    """Without a stop a stream that hangs is the provider's fault, and is raised."""
    with pytest.raises(ProviderError) as raised:
        await listen(Speaker(), StopSignal(), timeout_s=0.05)
    assert isinstance(raised.value, ProviderTimeout)


async def test_text_of_a_pause_comes_as_one_part() -> None:
    """What comes while nobody reads is joined in its order; a part with figures stays one of its own."""
    usage = UsageMetadata(input_tokens=3, output_tokens=4, total_tokens=7)
    order: list[str] = []
    is_all_said = asyncio.Event()

    async def speak(given: AsyncIterator[Any]) -> AsyncIterator[AIMessageChunk]:
        async for _ in given:
            await asyncio.sleep(5 * WAITED_S)
            for word in ("one ", "two ", "three "):
                order.append(word)
                yield AIMessageChunk(word)
            yield AIMessageChunk("", usage_metadata=usage)
            yield AIMessageChunk("end", response_metadata={"finish_reason": "stop"})
            is_all_said.set()

    async def pause() -> None:
        order.append("pause")
        await asyncio.sleep(5 * WAITED_S)

    chain = RunnableGenerator(speak)
    stream = stream_until(StopSignal(), chain, "given", timeout_s=30, deadline_s=60, pause=pause)
    assert await anext(stream) == Part("one ")
    await asyncio.wait_for(is_all_said.wait(), 10)
    assert order == ["one ", "pause", "two ", "three "]
    parts = [part async for part in stream]
    assert parts == [Part("two three "), Part("", 3, 4), Part("end", finish_reason="stop")]


async def test_first_part_does_not_wait_for_a_pause() -> None:
    """However long the pauses are, what the model says first is given at once."""

    async def pause() -> None:
        await asyncio.Event().wait()

    async def speak(given: AsyncIterator[Any]) -> AsyncIterator[AIMessageChunk]:
        async for _ in given:
            await asyncio.sleep(5 * WAITED_S)
            yield AIMessageChunk("word")

    stream = stream_until(
        StopSignal(), RunnableGenerator(speak), "given", timeout_s=30, deadline_s=60, pause=pause
    )
    assert await asyncio.wait_for(anext(stream), 10) == Part("word")
    await stream.aclose()


async def test_stop_in_a_pause_ends_the_stream() -> None:
    """What had come by then is kept, what comes later is not."""
    signal, speaker = StopSignal(), Speaker()

    async def pause() -> None:
        signal.stop()

    chain = RunnableGenerator(speaker.speak)
    stream = stream_until(signal, chain, "given", timeout_s=30, deadline_s=60, pause=pause)
    assert [part.text async for part in stream] == ["word"]
    assert speaker.is_left


async def test_first_stop_counts() -> None:
    """A turn that the tester stopped is not interrupted as well; who listens late hears at once."""
    signal, heard = StopSignal(), list[str]()
    signal.stop()
    signal.stop("interrupted")
    signal.listen(lambda: heard.append("late"))
    assert (signal.status, heard) == ("stopped", ["late"])
