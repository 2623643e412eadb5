"""What one token of a stream costs, and whose cost it is: seconds of CPU over tokens, with 20 streams at once.

The openai package reads the stream as it is, then with pieces validated at once (`chatbot.openai_shortcuts`);
langchain-openai makes messages of those; the sequence of prompt and model is streamed as LangChain does it. The last
row is how answers are read here: the sequence's model by itself, watched, stopped when asked to, gathered. The model
is a process of its own; its cost is not in the figures, which are the least of three: what else the machine does adds
to them.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import openai
import uvloop
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableLambda

from benchmarks.bench_streams import ROOT, find_port, wait_for
from benchmarks.paced_model import TOKENS, WARM_UP, ask_stream
from chatbot.models import build_chat_model, close_model
from chatbot.openai_shortcuts import read_chunks_quickly
from chatbot.prompts import PromptInput, build_messages, build_messages_async
from chatbot.settings import load_settings
from chatbot.streaming import StopSignal, stream_until

STREAMS = 20
ROUNDS = 3
PAUSE_S = 0.1


def measure() -> list[dict[str, object]]:
    """Give one row per layer."""
    port = find_port()
    server = subprocess.Popen([sys.executable, "-m", "benchmarks.paced_model", str(port)], cwd=ROOT)
    try:
        wait_for(port)
        return uvloop.run(_measure_layers(f"http://127.0.0.1:{port}/v1"))
    finally:
        server.terminate()
        server.wait()


async def _measure_layers(url: str) -> list[dict[str, object]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(
            data_dir=Path(folder), chat_model="openai:paced", openai_base_url=url, openai_api_key="none"
        )
    model = build_chat_model(settings)
    chain: Runnable[PromptInput, Any] = RunnableLambda(build_messages, build_messages_async) | model
    slow = openai.AsyncOpenAI(api_key="none", base_url=url)
    quick = openai.AsyncOpenAI(api_key="none", base_url=url)
    read_chunks_quickly(quick)
    layers: dict[str, Callable[[int], Awaitable[None]]] = {
        "openai": lambda number: _read(slow, number),
        "openai, pieces validated at once": lambda number: _read(quick, number),
        "langchain-openai": lambda number: _stream(model, build_messages(_put(number))),
        "a sequence of prompt and model": lambda number: _stream(chain, _put(number)),
        "answers as read here": lambda number: _gather(chain, _put(number)),
    }
    for ask in layers.values():
        await ask(WARM_UP)
    rounds = [[await _measure(ask) for ask in layers.values()] for _ in range(ROUNDS)]
    for client in (slow, quick):
        await client.close()
    await close_model(model)
    return [
        {
            "layer": name,
            "microseconds per token": round(min(seconds for seconds, _ in found) / STREAMS / TOKENS * 1e6),
            "load then": f"{min(found)[1]:.1f}",
        }
        for name, found in zip(layers, zip(*rounds, strict=True), strict=True)
    ]


async def _measure(ask: Callable[[int], Awaitable[None]]) -> tuple[float, float]:
    """Give the seconds of CPU that all streams take, and the load before."""
    load, started = os.getloadavg()[0], time.process_time()
    await asyncio.gather(*(ask(number) for number in range(STREAMS)))
    return time.process_time() - started, load


async def _read(client: openai.AsyncOpenAI, number: int) -> None:
    messages: Any = [{"role": "user", "content": ask_stream(number)}]
    async for _ in await client.chat.completions.create(model="paced", messages=messages, stream=True):
        pass


async def _stream(chain: Runnable[Any, Any] | BaseChatModel, given: Any) -> None:
    async for _ in chain.astream(given):
        pass


async def _gather(chain: Runnable[Any, Any], given: Any) -> None:
    async def pause() -> None:
        await asyncio.sleep(PAUSE_S)

    async for _ in stream_until(StopSignal(), chain, given, timeout_s=30, deadline_s=120, pause=pause):
        pass


def _put(number: int) -> PromptInput:
    return PromptInput(instructions="Answer.", question=ask_stream(number), language="en", passages=[])
