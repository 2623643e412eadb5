"""Many testers at once: `python -m benchmarks.crowd WAY STREAMS ORIGIN PASSWORD` asks, and prints figures as JSON.

A way says how one asks: `relay` and `service` over HTTP, `interface` and `page` over Gradio's queue, as their pages do.
Reading is bare, bytes with the time they came, so that the crowd takes as little as it can of the cores it shares with
what is measured; what was read is looked through afterwards.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx

from benchmarks.paced_model import TOKENS, WARM_UP, ask_stream, find_words

LONGEST_S = 150
END = b"0\r\n\r\n"
GRADIO_END = b'"process_completed"'


@dataclass(slots=True)
class Stream:
    """One tester's stream: how to ask, and what came when."""

    number: int
    asked: float = 0.0
    pieces: list[tuple[float, bytes]] = field(default_factory=list)

    def take(self, content: bytes) -> None:
        """Keep what came."""
        self.pieces.append((time.monotonic(), content))

    def describe(self) -> dict[str, Any]:
        """Give the seconds to the first token and to the end, and whether all tokens came and no other's."""
        first = f"s{self.number}t0".encode()
        first_at = next((moment for moment, content in self.pieces if first in content), None)
        words = find_words(b"".join(content for _, content in self.pieces).decode(errors="replace"))
        places = {place for stream, place in words if stream == self.number}
        return {
            "first_s": first_at - self.asked if first_at else None,
            "whole_s": self.pieces[-1][0] - self.asked if self.pieces else None,
            "is_whole": places == set(range(TOKENS)),
            "is_mixed": any(stream != self.number for stream, _ in words),
        }


class Crowd:
    """The testers of one service.

    Args:
        origin: `http://host:port`.
    """

    def __init__(self, origin: str, password: str) -> None:
        self._origin = origin
        self._password = password
        self._host, self._port = str(urlsplit(origin).hostname), int(urlsplit(origin).port or 80)

    async def relay(self, stream: Stream) -> Callable[[], Awaitable[None]]:
        """Get one ready for the bare relay."""
        body = {"message": ask_stream(stream.number)}
        return lambda: self._read("POST", "/api/chat", stream, END, body)

    async def service(self, stream: Stream) -> Callable[[], Awaitable[None]]:
        """Log one in at the service and start a thread."""
        async with httpx.AsyncClient(base_url=self._origin, timeout=60) as client:
            login = await client.post("/api/login", json={"password": self._password})
            token = login.json()["token"]
            head = {"authorization": f"Bearer {token}"}
            thread_id = (await client.post("/api/start_chat", headers=head)).json()["thread_id"]
        body = {"thread_id": thread_id, "message": ask_stream(stream.number)}
        head["accept"] = "text/event-stream"
        return lambda: self._read("POST", "/api/chat", stream, END, body, head)

    async def interface(self, stream: Stream) -> Callable[[], Awaitable[None]]:
        """Open the bare page for one."""
        async with httpx.AsyncClient(base_url=self._origin, timeout=60) as client:
            config = (await client.get("/config")).json()
        (function,) = (each["id"] for each in config["dependencies"] if each["api_name"] == "chat")
        return lambda: self._ask_queue(stream, function, [ask_stream(stream.number), []], {})

    async def page(self, stream: Stream) -> Callable[[], Awaitable[None]]:
        """Log one in at our page, and agree to the notice."""
        async with httpx.AsyncClient(base_url=self._origin, timeout=60) as client:
            login = await client.post("/api/login", json={"password": self._password})
            version = login.json()["privacy_notice"]["version"]
            (await client.post("/api/accept_notice", json={"version": version})).raise_for_status()
            config = (await client.get("/config")).json()
            cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
        function = _find_send(config)
        question = ask_stream(stream.number)
        return lambda: self._ask_queue(stream, function, [question, ""], {"cookie": cookie})

    async def _ask_queue(self, stream: Stream, function: int, data: list[Any], head: dict[str, str]) -> None:
        session = uuid.uuid4().hex
        body = {"fn_index": function, "data": data, "session_hash": session}
        joined = Stream(stream.number)
        await self._read("POST", "/gradio_api/queue/join", joined, b'event_id":', body, head)
        path = f"/gradio_api/queue/data?session_hash={session}"
        stream.asked = joined.asked
        await self._read("GET", path, stream, GRADIO_END, None, head)

    async def _read(
        self,
        method: str,
        path: str,
        stream: Stream,
        end: bytes,
        body: Any = None,
        head: dict[str, str] | None = None,
    ) -> None:
        """Send a request, and keep what comes until its end."""
        content = b"" if body is None else json.dumps(body).encode()
        lines = [f"{method} {path} HTTP/1.1", f"host: {self._host}:{self._port}", "connection: close"]
        lines += ["content-type: application/json", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in (head or {}).items()]
        stream.asked = stream.asked or time.monotonic()
        reader, writer = await asyncio.open_connection(self._host, self._port)
        writer.write("\r\n".join([*lines, "", ""]).encode() + content)
        last = b""
        while piece := await reader.read(1 << 16):
            stream.take(piece)
            last = last[-100:] + piece
            if end in last:
                break
        writer.close()


def _find_send(config: dict[str, Any]) -> int:
    """Give the number of the function behind the page's send button."""
    send = {part["id"] for part in config["components"] if part["props"].get("elem_id") == "send"}
    return next(
        int(each["id"])
        for each in config["dependencies"]
        if any(target in send and event == "click" for target, event in each["targets"])
    )


async def gather_crowd(way: str, count: int, origin: str, password: str) -> list[dict[str, Any]]:
    """Have all get ready, then all ask at the same moment; give one entry per stream.

    One asks before them, so that what happens once in a service's life is not measured.
    """
    crowd = Crowd(origin, password)
    first = await getattr(crowd, way)(Stream(WARM_UP))
    await asyncio.wait_for(first(), LONGEST_S)
    streams = [Stream(number) for number in range(count)]
    asks = [await getattr(crowd, way)(stream) for stream in streams]
    # What getting ready left to do is done by then.
    await asyncio.sleep(1)
    asked = [asyncio.wait_for(ask(), LONGEST_S) for ask in asks]
    await asyncio.gather(*asked, return_exceptions=True)
    return [stream.describe() for stream in streams]


if __name__ == "__main__":
    way, count, origin, password = sys.argv[1:]
    print(json.dumps(asyncio.run(gather_crowd(way, int(count), origin, password))))
