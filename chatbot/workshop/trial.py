"""Tries an assistant that is not in force: the real model, documents and rules, in a store that is thrown away."""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chatbot.assistants.catalogue import Assistants
from chatbot.assistants.definition import Assistant
from chatbot.bindery import Bindery
from chatbot.conversation import Conversation
from chatbot.errors import AssistantUnavailable
from chatbot.events import Failed, Reply
from chatbot.knowledge.meaning import build_meaning
from chatbot.knowledge.retriever import Knowledge
from chatbot.models import build_chat_model, name_model
from chatbot.opening import open_thread
from chatbot.questions import Question
from chatbot.roles import require
from chatbot.settings import Settings
from chatbot.stationery import MadeFile, Order, Stationery
from chatbot.store import forms, templates, threads
from chatbot.store.engine import Store
from chatbot.store.forms import FormEntry
from chatbot.store.records import Account, Thread, Transcript
from chatbot.storytelling import unavailable_reason
from chatbot.telemetry import Metrics
from chatbot.turns import Turns
from chatbot.wishes import DraftInfo
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

    `failure` says why the last answer did not come, `first` is the message that has a form written, `draft` what can be
    done with the last answer, where it is a text that was written.
    """

    definition: Assistant
    text: str
    transcript: Transcript
    entries: tuple[FormEntry, ...] = ()
    first: str | None = None
    failure: str = ""
    draft: DraftInfo | None = None


class TrialRoom:
    """Holds trials.

    Args:
        store: gives the day that forms are dated with, and the templates in force; nothing is written to it.
    """

    def __init__(self, settings: Settings, store: Store) -> None:
        self._settings = settings.model_copy(update=UNLIMITED)
        self._store = store
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
        now = self._store.clock()
        opening = open_thread(definition, form, language, today=now.date())
        thread = Thread(str(uuid.uuid4()), name, "cli", TESTER, None, None, language, now)
        return Trial(definition, text, Transcript(thread, (), {}), opening.entries, opening.message)

    def ask(self, trial: Trial, question: str) -> Trial:
        """Send a message, and give the trial with its answer.

        Raises:
            EmptyMessage, MessageTooLong: it cannot be sent.
            SettingsError: the documents cannot be read.
        """
        with self._open_stage(trial) as (store, assistants):
            end = asyncio.run(self._answer(store, assistants, trial, question))
            transcript = store.read(threads.read_transcript, trial.transcript.thread.thread_id)
        return replace(
            trial,
            transcript=transcript or trial.transcript,
            failure=end.message if isinstance(end, Failed) else "",
            draft=end.draft if isinstance(end, Reply) else None,
        )

    def make_file(self, trial: Trial, chosen: str, language: str) -> MadeFile:
        """Make the file that a tester would get of the last draft, without a sender's details.

        Args:
            chosen: one of the draft's formats.
            language: the reader's.

        Raises:
            InvalidRequest: the draft cannot become this file.
            ReportFailed, BrokenTemplate: it could not be laid out.
        """
        with self._open_stage(trial) as (store, assistants):
            if trial.definition.kind == "story":
                thread_id = trial.transcript.thread.thread_id
                return Bindery(store, assistants).bind(thread_id, TESTER, chosen, language)
            order = Order(trial.transcript.messages[-1].message_id, TESTER, chosen, language)
            return Stationery(store, assistants, self._settings.zone).make_file(order)

    @contextmanager
    def _open_stage(self, trial: Trial) -> Iterator[tuple[Store, Assistants]]:
        """Give a store with what was said so far and the templates in force, and the one assistant."""
        with tempfile.TemporaryDirectory(prefix="guichet-trial-") as name:
            folder = Path(name)
            (folder / "assistants").mkdir()
            path = folder / "assistants" / f"{trial.definition.name}.yaml"
            path.write_text(trial.text, encoding="utf-8")
            place = folder / "private" / "store.db"
            with closing(Store(place, clock=self._store.clock, is_lasting=False)) as store:
                _fill(store, trial)
                for document in trial.definition.documents:
                    self._lend_template(store, document.template)
                yield store, Assistants(path.parent)

    def _lend_template(self, store: Store, name: str | None) -> None:
        found = self._store.read(templates.find_published, name) if name else None
        if name is None or found is None or store.read(templates.find_published, name):
            return
        content = self._store.read(templates.read_content, name, found.version)
        lent = templates.NewTemplate(found.kind, found.filename, content, found.fields)
        version = store.write(templates.add_version, name, lent, TESTER, "", store.clock(), base=None)
        store.write(templates.publish, name, version, TESTER, store.clock())

    async def _answer(
        self, store: Store, assistants: Assistants, trial: Trial, question: str
    ) -> Reply | Failed | None:
        # A model for each loop: its connections belong to one.
        conversation = Conversation(
            store=store,
            knowledge=self._open_knowledge(),
            assistants=assistants,
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
                if isinstance(event, Reply | Failed):
                    return event
        finally:
            await turns.close()
        return None

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
