"""Has the model write an answer, and gives what listeners see of it while it grows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.runnables import Runnable

from chatbot.answer import Draft
from chatbot.errors import ProviderError
from chatbot.events import Event, Html, Token
from chatbot.live_html import LiveHtml, choose_interval
from chatbot.settings import Settings
from chatbot.streaming import StopSignal, stream_until
from chatbot.text import is_blank

# What comes in so long a time per answer being written is gathered into one event: alone each token is one, and a
# hundred answers give five each a second. Everything behind the model's reading is done once for an event.
GATHER_S = 0.002


class Generation:
    """Writes answers with a model, many at once.

    Args:
        model: what the chains end with.
        model_name: under which the log knows it.
    """

    def __init__(self, model: BaseChatModel, model_name: str, settings: Settings) -> None:
        self.model = model
        self.model_name = model_name
        self._timeout_s = settings.model_timeout
        self._deadline_s = settings.model_deadline
        self._writing = 0

    async def write(
        self,
        chain: Runnable[Any, Any],
        given: Any,
        draft: Draft,
        signal: StopSignal,
        *,
        language: str,
        citations: Collection[int] = (),
    ) -> AsyncIterator[Event]:
        """Have a chain write into a draft.

        Args:
            given: what the chain takes.
            language: of our own words, where the model has none for its refusal.
            citations: numbers of passages that the text may link to.

        Raises:
            ProviderError: the model wrote nothing but its thoughts; else what `stream_until` raises.
        """
        draft.model = self.model_name
        stream = stream_until(
            signal,
            chain,
            given,
            timeout_s=self._timeout_s,
            deadline_s=self._deadline_s,
            pause=lambda: asyncio.sleep(self._writing * GATHER_S),
        )
        live = LiveHtml(citations)
        rendered_at = 0.0
        self._writing += 1
        try:
            async with aclosing(stream):
                async for part in stream:
                    text = draft.add_part(part)
                    if not text:
                        continue
                    yield Token(text)
                    if time.monotonic() - rendered_at >= choose_interval(live.cost_s, self._writing):
                        yield Html(live.render(draft.text))
                        rendered_at = time.monotonic()
        finally:
            self._writing -= 1
        if tail := draft.finish(language):
            yield Token(tail)
        if not signal.status and is_blank(draft.text):
            raise ProviderError("The model thought and wrote nothing. Ask again.")
        yield Html(draft.html())
