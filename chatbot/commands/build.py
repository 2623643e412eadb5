"""Builds what the commands that ask work with."""

from __future__ import annotations

import uuid

from chatbot.assistants.catalogue import Assistants
from chatbot.commands.terminal import ProgressBar, say
from chatbot.conversation import Conversation
from chatbot.knowledge.retriever import Knowledge
from chatbot.models import build_chat_model, name_model
from chatbot.settings import Settings
from chatbot.store.engine import Store
from chatbot.telemetry import Metrics
from chatbot.turns import Turns


def build_turns(
    settings: Settings, store: Store, assistants: Assistants, knowledge: Knowledge, *, at_once: int = 1
) -> Turns:
    """Build turns over a store; what is wrong with documents and curated answers is said.

    Args:
        at_once: how many answers may be written at once.
    """
    knowledge.refresh()
    metrics = Metrics()
    conversation = Conversation(
        store=store,
        knowledge=knowledge,
        assistants=assistants,
        model=build_chat_model(settings),
        model_name=name_model(settings),
        settings=settings,
        metrics=metrics,
        owner=f"cli:{uuid.uuid4()}",
    )
    for warning in (*knowledge.warnings, *conversation.curated.warnings):
        say(f"warning: {warning}")
    return Turns(conversation, max_streams=at_once, metrics=metrics)


def wait_for_embeddings(knowledge: Knowledge) -> list[str]:
    """Wait, with a bar, until the search by meaning is ready or has failed; give the warnings that came of it."""
    before = knowledge.warnings
    progress = ProgressBar("Embedding")
    try:
        knowledge.settle(progress=progress)
    finally:
        progress.close()
    return [warning for warning in knowledge.warnings if warning not in before]
