"""A draft is tried with the real model and documents, and nothing of it stays."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from docx import Document

from chatbot.assistants.catalogue import Assistants
from chatbot.errors import AssistantUnavailable, InvalidForm, WrongDefinition
from chatbot.settings import Settings
from chatbot.store import templates
from chatbot.store.engine import Store
from chatbot.store.schema import messages, threads
from chatbot.store.templates import NewTemplate
from chatbot.workshop.patterns import PATTERNS
from chatbot.workshop.trial import TrialRoom
from tests.conftest import MakeSettings
from tests.openai_server import OpenAIServer

from .conftest import BEN, LETTERS, SUPPORT
from .test_templates import make_docx

QUESTION = "How do I install it with Docker?"


@pytest.fixture
def room(settings: Settings, store: Store) -> TrialRoom:
    """Give a room over the small documentation, without a model."""
    return TrialRoom(settings, store)


@pytest.fixture
def online(
    make_settings: MakeSettings, folder: Path, store: Store, openai_server: OpenAIServer
) -> Iterator[TrialRoom]:
    """Give a room with a scripted model."""
    settings = make_settings(
        assistants_dir=folder,
        chat_model="openai:any",
        openai_base_url=openai_server.url,
        openai_api_key="key",
    )
    yield TrialRoom(settings, store)


def count_rows(store: Store) -> int:
    """Give how many threads and messages the real store holds."""
    return sum(
        store.read(lambda connection, table=table: len(connection.execute(table.select()).all()))
        for table in (threads, messages)
    )


def test_question_is_answered_from_the_documents_and_leaves_nothing(
    room: TrialRoom, store: Store, assistants: Assistants
) -> None:
    """A trial answers as the assistant would, with its passages; store and log know nothing of it."""
    trial = room.ask(room.begin(SUPPORT, "support", BEN, language="en"), QUESTION)
    question, answer = trial.transcript.messages
    assert question.content == QUESTION
    assert answer.status == "complete" and "docker run" in answer.content and answer.passages
    assert trial.failure == ""
    assert count_rows(store) == 0


def test_definition_tried_is_the_one_that_was_given(online: TrialRoom, openai_server: OpenAIServer) -> None:
    """The model is told the draft's prompt, and in the second turn what was said in the first."""
    openai_server.answer("Use Docker. [1]")
    openai_server.answer("On port 4180. [1]")
    trial = online.begin(SUPPORT.replace("Be short.", "Answer like a pirate."), "support", BEN, language="en")
    trial = online.ask(online.ask(trial, QUESTION), "On which port does Teapot listen?")
    assert [message.content for message in trial.transcript.messages[1::2]] == [
        "Use Docker. [1]",
        "On port 4180. [1]",
    ]
    sent = [str(request.body["messages"]) for request in openai_server.requests]
    assert "Answer like a pirate." in sent[0]
    assert "Use Docker." in sent[-1]


def test_letter_is_written_from_a_form_and_follows_a_wish(room: TrialRoom) -> None:
    """A writer is tried with its form; a wish goes into the same trial."""
    form = {"document": "note", "recipient": "Mrs Day", "matter": "The fence"}
    trial = room.begin(LETTERS, "letters", BEN, language="en", form=form)
    trial = room.ask(trial, trial.first or "")
    assert "Dear Mrs Day,\n\nThe fence" in trial.transcript.messages[-1].content
    trial = room.ask(trial, "Shorter")
    assert len(trial.transcript.messages) == 4
    shorter = trial.transcript.messages[-1]
    assert shorter.status == "complete" and "At length." not in shorter.content


def read_docx(data: bytes) -> str:
    """Give the words of a Word file."""
    return "\n".join(paragraph.text for paragraph in Document(io.BytesIO(data)).paragraphs)


def test_files_of_a_trial_are_those_of_a_tester(room: TrialRoom, store: Store) -> None:
    """The last draft becomes each file of its kind, by the template in force where there is one; nothing is kept."""
    form = {"document": "note", "recipient": "Mrs Day", "matter": "The fence"}
    trial = room.begin(LETTERS, "letters", BEN, language="en", form=form)
    assert trial.draft is None
    trial = room.ask(trial, trial.first or "")
    assert trial.draft is not None and set(trial.draft.formats) >= {"docx", "odt", "pdf"}
    files = {name: room.make_file(trial, name, "en").data for name in trial.draft.formats}
    assert "Dear Mrs Day," in read_docx(files["docx"]) and files["pdf"].startswith(b"%PDF")
    template = NewTemplate("docx", "Our Letter.docx", make_docx("By us: {{ recipient }}"), ("recipient",))
    store.write(templates.add_version, "our-letter", template, "ben", "", store.clock(), base=None)
    store.write(templates.publish, "our-letter", 1, "ben", store.clock())
    assert read_docx(room.make_file(trial, "docx", "en").data) == "By us: Mrs Day"
    assert count_rows(store) == 0


def test_story_of_a_trial_becomes_a_booklet(online: TrialRoom, openai_server: OpenAIServer) -> None:
    """A story that is tried can be looked at as it will be bound."""
    openai_server.answer("# The fox\n\n## The wood\n\nIt was dark.")
    trial = online.begin(PATTERNS["story"], "tales", BEN, language="en", form={"hero": "a fox", "age": "8"})
    trial = online.ask(trial, trial.first or "")
    assert trial.draft is not None and trial.draft.formats == ("pdf", "epub")
    assert online.make_file(trial, "pdf", "en").data.startswith(b"%PDF")


def test_wrong_form_names_its_field(room: TrialRoom) -> None:
    """What is filled in wrongly is told at its field, in the reader's language."""
    with pytest.raises(InvalidForm) as raised:
        room.begin(
            LETTERS,
            "letters",
            BEN,
            language="fr",
            form={"document": "note", "matter": "x" * 41, "recipient": "A"},
        )
    assert raised.value.fields == {"matter": "41 caractères, c'est trop : 40 au plus."}


def test_wrong_definition_is_not_tried(room: TrialRoom) -> None:
    """A draft with faults is told them."""
    with pytest.raises(WrongDefinition, match="line 1: title"):
        room.begin("title: 3\nprompt: x\n", "support", BEN, language="en")


def test_story_without_a_model_says_why_not(room: TrialRoom) -> None:
    """Where a model is needed and none is configured, the trial says how to switch one on."""
    with pytest.raises(AssistantUnavailable, match="CHAT_MODEL"):
        room.begin(PATTERNS["story"], "tales", BEN, language="en", form={"hero": "a fox"})


def test_failure_of_the_model_is_told(online: TrialRoom, openai_server: OpenAIServer) -> None:
    """What went wrong at the provider is said beside what had come."""
    openai_server.answer("x", status=401)
    trial = online.ask(online.begin(SUPPORT, "support", BEN, language="en"), QUESTION)
    assert trial.transcript.messages[-1].status == "failed"
    assert trial.failure
