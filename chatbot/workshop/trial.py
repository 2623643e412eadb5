"""Tries an assistant that is not in force: the real model, documents and rules, in a store that is thrown away."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chatbot.assistants.catalogue import Assistants
from chatbot.assistants.definition import Assistant
from chatbot.conversation import Conversation
from chatbot.errors import AssistantUnavailable
from chatbot.events import Failed
from chatbot.knowledge.meaning import build_meaning
from chatbot.knowledge.retriever import Knowledge
from chatbot.models import build_chat_model, name_model
from chatbot.opening import open_thread
from chatbot.questions import Question
from chatbot.roles import require
from chatbot.settings import Settings
from chatbot.store import forms, threads
from chatbot.store.engine import Clock, Store
from chatbot.store.forms import FormEntry
from chatbot.store.records import Account, Thread, Transcript
from chatbot.storytelling import unavailable_reason
from chatbot.telemetry import Metrics
from chatbot.turns import Turns
from chatbot.workshop.faults import read_definition

TESTER = "trial"
# The limits of testers are none of a trial's.
UNLIMITED: dict[str, Any] = {
    "max_session_duration": 0,
    "max_characters": 0,
    "max_messages": 0,
    "rate_limit": "1000000000/day",
}


@dataclass(frozen=True, slots=True)
class Trial:
    """A conversation with a draft; nothing of it is in the store.

    `failure` says why the last answer did not come, `first` is the message that has a form written.
    """

    definition: Assistant
    text: str
    transcript: Transcript
    entries: tuple[FormEntry, ...] = ()
    first: str | None = None
    failure: str = ""


class TrialRoom:
    """Holds trials.

    Args:
        clock: gives the day that forms are dated with.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings.model_copy(update=UNLIMITED)
        self._clock = clock
        self._knowledge: Knowledge | None = None

    def begin(
        self, text: str, name: str, by: Account, *, language: str, form: Mapping[str, Any] | None = None
    ) -> Trial:
        """Open a trial of a definition.

        Raises:
            NotPermitted: by this account's role.
            WrongDefinition: with a sentence per fault.
            InvalidForm: with a sentence per field, in the reader's language.
            AssistantUnavailable: it needs a model, and none is configured.
        """
        require(by, "assistant.try")
        definition = read_definition(text, name)
        if reason := unavailable_reason(definition, name_model(self._settings), language):
            raise AssistantUnavailable(reason)
        now = self._clock()
        opening = open_thread(definition, form, language, today=now.date())
        thread = Thread(str(uuid.uuid4()), name, "cli", TESTER, None, None, language, now)
        return Trial(definition, text, Transcript(thread, (), {}), opening.entries, opening.message)

    def ask(self, trial: Trial, question: str) -> Trial:
        """Send a message, and give the trial with its answer.

        Raises:
            EmptyMessage, MessageTooLong: it cannot be sent.
            SettingsError: the documents cannot be read.
        """
        with tempfile.TemporaryDirectory(prefix="guichet-trial-") as name:
            folder = Path(name)
            (folder / "assistants").mkdir()
            path = folder / "assistants" / f"{trial.definition.name}.yaml"
            path.write_text(trial.text, encoding="utf-8")
            with closing(
                Store(folder / "private" / "store.db", clock=self._clock, is_lasting=False)
            ) as store:
                _fill(store, trial)
                failure = asyncio.run(self._answer(store, path.parent, trial, question))
                transcript = store.read(threads.read_transcript, trial.transcript.thread.thread_id)
        return replace(trial, transcript=transcript or trial.transcript, failure=failure)

    async def _answer(self, store: Store, folder: Path, trial: Trial, question: str) -> str:
        # A model for each loop: its connections belong to one.
        conversation = Conversation(
            store=store,
            knowledge=self._open_knowledge(),
            assistants=Assistants(folder),
            model=build_chat_model(self._settings),
            model_name=name_model(self._settings),
            settings=self._settings,
            metrics=(metrics := Metrics()),
            owner=TESTER,
        )
        turns = Turns(conversation, max_streams=1, metrics=metrics)
        try:
            turn = await turns.start(Question(trial.transcript.thread.thread_id, TESTER, question))
            async for _, event in turns.listen(turn.message_id, TESTER):
                if isinstance(event, Failed):
                    return event.message
        finally:
            await turns.close()
        return ""

    def _open_knowledge(self) -> Knowledge:
        """Open the documents at the first trial, with the index that the chat service keeps."""
        if self._knowledge is None:
            settings = self._settings
            meaning = build_meaning(settings)
            self._knowledge = Knowledge(
                settings.knowledge_dir, settings.private_dir / "index", meaning=meaning
            )
        self._knowledge.refresh()
        return self._knowledge


def _fill(store: Store, trial: Trial) -> None:
    """Write what was said so far into the store that answers from it."""
    thread = trial.transcript.thread
    store.write(threads.add_thread, thread)
    store.write(forms.add_form, thread.thread_id, trial.entries)
    for message in trial.transcript.messages:
        store.write(threads.add_message, message)
