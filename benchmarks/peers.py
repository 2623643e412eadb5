"""What a stream's way is measured beside: `python -m benchmarks.peers NAME PORT DATA_DIR MODEL_URL`.

`relay`: the least that gives a LangChain chain over HTTP, Starlette and server-sent events, an event per token.
`interface`: the least Gradio page, a `gr.ChatInterface` over the chain, an update per token; with as many places as
there are streams, for by default it answers one at a time. `page` and `service`: ours, the one with the model in its
process, as `interface` has it, the other as it runs, with the model's server behind it.
"""

from __future__ import annotations

import gc
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvicorn
from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable, RunnableLambda
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from benchmarks.paced_model import PacedChatModel
from chatbot.models import build_chat_model
from chatbot.prompts import PromptInput, build_messages
from chatbot.settings import Settings, load_settings

PLACES = 400


def build_relay(settings: Settings) -> Any:
    """Give the bare relay of the chain that the service runs."""
    chain = _chain(build_chat_model(settings))

    async def relay(request: Request) -> Response:
        question = (await request.json())["message"]

        async def write() -> AsyncIterator[str]:
            async for chunk in chain.astream(_put(question)):
                yield f"data: {json.dumps({'text': chunk.text})}\n\n"

        return StreamingResponse(write(), media_type="text/event-stream")

    return Starlette(routes=[Route("/api/chat", relay, methods=["POST"])])


def build_interface(_settings: Settings) -> Any:
    """Give the bare page over the chain."""
    import gradio as gr
    from fastapi import FastAPI

    chain = _chain(PacedChatModel())

    async def answer(message: str, _history: list[Any]) -> AsyncIterator[str]:
        text = ""
        async for chunk in chain.astream(_put(message)):
            text += str(chunk.text)
            yield text

    interface = gr.ChatInterface(answer, api_name="chat", concurrency_limit=None, analytics_enabled=False)
    interface.max_threads = PLACES
    interface.queue(default_concurrency_limit=None)
    return gr.mount_gradio_app(FastAPI(), interface, path="/")


def build_service(settings: Settings) -> Any:
    """Give the service as it runs."""
    from apps.chat import main

    return main.create_app(main.build_services(settings))


def build_own_page(settings: Settings) -> Any:
    """Give the service with the model in its process."""
    from apps.chat import main

    main.build_chat_model = lambda _settings: PacedChatModel()  # type: ignore[assignment]
    main.name_model = lambda _settings: "paced"  # type: ignore[assignment]
    return build_service(settings)


PEERS = {
    "relay": build_relay,
    "service": build_service,
    "interface": build_interface,
    "page": build_own_page,
}


def main(arguments: list[str]) -> None:
    """Serve one of the peers until the process ends."""
    name, port, data_dir, model_url = arguments
    settings = load_settings(
        data_dir=Path(data_dir),
        chat_model="openai:paced",
        openai_base_url=model_url,
        openai_api_key="none",
    )
    settings.private_dir.mkdir(parents=True, exist_ok=True)
    app = PEERS[name](settings)
    # As the service does at its start; here for all alike.
    gc.collect()
    gc.freeze()
    uvicorn.run(app, port=int(port), log_level="warning", proxy_headers=False)


def _chain(model: BaseChatModel) -> Runnable[PromptInput, Any]:
    return RunnableLambda(build_messages) | model


def _put(question: str) -> PromptInput:
    return PromptInput(instructions="Answer.", question=question, language="en", passages=[], history=[])


if __name__ == "__main__":
    main(sys.argv[1:])
