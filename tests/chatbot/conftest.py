"""A conversation on a store of its own, with a model that says what a test scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from chatbot.assistants.catalogue import Assistants
from chatbot.conversation import Conversation
from chatbot.knowledge.retriever import Knowledge
from chatbot.models import build_chat_model, name_model
from chatbot.questions import Question
from chatbot.settings import Settings
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Message, Thread
from chatbot.telemetry import Metrics

TESTER = "beta-1"
ANSWERABLE = "On which port does Teapot listen?"
UNANSWERABLE = "Who won the football championship of Uruguay?"


class ScriptedModel(BaseChatModel):
    """Says its script once per question: text is streamed, an event waited for, an exception raised.

    After the script comes the finish reason, unless it is empty; `prompts` are what it was shown.
    """

    script: list[Any]
    finish_reason: str = "stop"
    usage: tuple[int, int] | None = (100, 7)
    prompts: list[list[BaseMessage]]

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, *args: Any, **kwargs: Any) -> ChatResult:
        raise NotImplementedError("Only streaming is scripted.")

    async def _astream(
        self, messages: list[BaseMessage], *args: Any, **kwargs: Any
    ) -> AsyncIterator[ChatGenerationChunk]:
        self.prompts.append(messages)
        for item in self.script:
            if isinstance(item, asyncio.Event):
                await item.wait()
            elif isinstance(item, Exception):
                raise item
            elif callable(item):
                item()
            else:
                yield ChatGenerationChunk(message=AIMessageChunk(item))
        if self.finish_reason:
            last = AIMessageChunk("", response_metadata={"finish_reason": self.finish_reason})
            if self.usage:
                prompt, completion = self.usage
                last.usage_metadata = {
                    "input_tokens": prompt,
                    "output_tokens": completion,
                    "total_tokens": prompt + completion,
                }
            yield ChatGenerationChunk(message=last)


class Counter:
    """A conversation and what a test asks of it."""

    def __init__(self, conversation: Conversation, model: ScriptedModel, metrics: Metrics) -> None:
        self.conversation = conversation
        self.store = conversation.store
        self.model = model
        self.metrics = metrics

    def add_thread(self, name: str = "t1", tester: str = TESTER, assistant: str = "support") -> str:
        """Start a thread and give its id."""
        thread = Thread(name, assistant, "api", tester, "beta", None, "en", self.store.clock())
        self.store.write(threads.add_thread, thread)
        return name

    def ask(self, text: str = ANSWERABLE, thread: str = "t1", **values: Any) -> Question:
        """Give a question of the thread's tester."""
        return Question(thread, TESTER, text, **values)

    def list_messages(self, thread: str = "t1") -> list[Message]:
        """Give a thread's messages as they are stored."""
        return self.store.read(threads.list_messages, thread)

    def list_statuses(self, thread: str = "t1") -> list[str]:
        """Give the states of a thread's answers."""
        return [message.status for message in self.list_messages(thread) if message.origin == "bot"]


MakeCounter = Callable[..., Counter]


@pytest.fixture
def make_counter(store: Store, make_settings: Callable[..., Settings]) -> MakeCounter:
    """Give a maker of conversations; settings are its arguments, and with `chat_model` the model they name is asked."""

    def make(script: list[Any] | None = None, *, is_offline: bool = False, **overrides: Any) -> Counter:
        settings = make_settings(**overrides)
        is_real = is_offline or bool(settings.chat_model)
        model = ScriptedModel(script=["It is 4180. [1]"] if script is None else script, prompts=[])
        assistants = Assistants(settings.assistants_dir, store)
        metrics = Metrics()
        conversation = Conversation(
            store=store,
            knowledge=Knowledge(settings.knowledge_dir, settings.private_dir / "index"),
            assistants=assistants,
            model=build_chat_model(settings) if is_real else model,
            model_name=name_model(settings) if is_real else "scripted:any",
            settings=settings,
            metrics=metrics,
            owner="test:1",
        )
        return Counter(conversation, model, metrics)

    return make


@pytest.fixture
def counter(make_counter: MakeCounter) -> Counter:
    """Give a conversation with one thread, `t1`."""
    counter = make_counter()
    counter.add_thread()
    return counter
