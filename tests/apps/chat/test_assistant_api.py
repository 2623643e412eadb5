"""Assistants over HTTP: what they ask for, threads that begin with a form, definitions that change, what is kept."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import openai
import pytest
from jsonschema import Draft202012Validator

from chatbot.log.erase import erase_tester
from chatbot.log.publisher import Publisher
from chatbot.store import threads
from tests.apps.chat.conftest import (
    NOWHERE,
    Client,
    Service,
    collect,
    make_session_settings,
    read_code,
    read_stored,
    run_service,
    wait_for,
)
from tests.conftest import ROOT
from tests.openai_server import OpenAIServer

FRENCH = {"accept-language": "fr"}
FORM: dict[str, Any] = {
    "document": "cancellation",
    "contract": "gym membership",
    "contract_number": "Xyzzy-4711",
    "end_date": "2026-12-31",
    "recipient_name": "Quuxworth Sports",
    "civility": "ms",
    "addressee": "Plughington",
    "length": "normal",
}
SECRETS = ("Xyzzy", "Quuxworth", "Plughington")
NOTES = """kind: writer
title: {{en: Notes}}
prompt: Write notes.
form:
  - {{name: matter, label: {{en: Matter}}, required: true}}
documents:
  - name: note
    title: {{en: Note}}
    text: {{en: "{0}: {{{{ matter }}}}"}}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run one service without a model, whose folder of assistants is this module's own."""
    folder = tmp_path_factory.mktemp("house")
    shutil.copytree(ROOT / "data" / "assistants", folder / "assistants")
    with (
        make_session_settings(folder, assistants_dir=folder / "assistants") as settings,
        run_service(settings) as service,
    ):
        yield service


@pytest.fixture
def writer(house: Service) -> Client:
    """Give a tester of that service."""
    return house.tester()


def start(client: Client, form: Any = FORM, assistant: str = "letters", **headers: str) -> Any:
    """Start a thread with a form."""
    return client.post("/api/start_chat", json={"assistant": assistant, "form": form}, headers=headers)


def write_letter(client: Client, form: Any = FORM, **headers: str) -> tuple[str, dict[str, Any]]:
    """Have a letter written; gives the thread's id and the reply."""
    begun = start(client, form, **headers)
    assert begun.status_code == 201, begun.text
    thread_id = str(begun.json()["thread_id"])
    return thread_id, client.ask(thread_id, begun.json()["message"]).json()


def list_assistants(client: Client, **headers: str) -> dict[str, dict[str, Any]]:
    """Give what is told of each assistant, by name."""
    found = client.get("/api/assistants", headers=headers).json()
    return {one["name"]: one for one in found}


def test_assistants_say_what_they_ask_for(writer: Client) -> None:
    """Each is told with its kind, JSON Schemas of form and sender, its kinds of document, in the reader's language."""
    found = list_assistants(writer, **FRENCH)
    letters, stories, support = found["letters"], found["stories"], found["support"]
    assert (support["kind"], support["form"], support["sender"], support["documents"]) == (
        "documentation",
        None,
        None,
        [],
    )
    assert (letters["kind"], letters["available"], letters["reason"]) == ("writer", True, None)
    assert letters["title"] == "Lettres et courriels"
    Draft202012Validator(letters["form"]).validate(FORM)
    assert set(letters["sender"]["properties"]) == {
        "sender_name",
        "sender_address",
        "sender_phone",
        "sender_email",
    }
    kinds = {document["name"]: document for document in letters["documents"]}
    assert len(kinds) >= 10
    assert kinds["cancellation"]["title"] == "Lettre de résiliation"
    assert kinds["cancellation"]["formats"] == ["docx", "odt", "pdf"]
    assert {document["layout"] for document in kinds.values()} >= {"letter", "mail"}
    assert (stories["kind"], stories["available"]) == ("story", False)
    assert "CHAT_MODEL" in stories["reason"]


def test_form_comes_as_html(writer: Client) -> None:
    """The form of a kind is rendered in the reader's language; without a kind there is the choice of one."""
    html = writer.get("/api/assistants/letters/form?document=cancellation", headers=FRENCH).json()["html"]
    assert "Numéro de contrat" in html and 'name="sender_name"' in html
    for query in ("", "?document=poem", "?document=%3Cscript%3E"):
        chooser = writer.get(f"/api/assistants/letters/form{query}").json()["html"]
        assert 'data-document="cancellation"' in chooser and "<script" not in chooser
    assert read_code(writer.get("/api/assistants/poems/form")) == (404, "unknown_assistant")


def test_letter_is_written_from_its_form(writer: Client) -> None:
    """The thread names the message that has it written; its draft says what can be done with it, then and later."""
    thread_id, reply = write_letter(writer)
    assert "Xyzzy-4711" in reply["answer"] and "Dear Ms Plughington," in reply["answer"]
    assert (reply["answered"], reply["status"]) == (True, "complete")
    draft = reply["draft"]
    assert (draft["layout"], draft["is_template"]) == ("letter", True)
    assert draft["subject"] == "Cancellation of contract no. Xyzzy-4711"
    assert draft["formats"] == ["docx", "odt", "pdf"]
    assert draft["wishes"][0] == {"name": "shorter", "text": "Shorter"}
    shown = writer.get(f"/api/thread/{thread_id}/messages").json()
    assert shown["assistant"] == "letters"
    assert [message["draft"] for message in shown["messages"]] == [None, draft]
    fields = {field["field"]: (field["label"], field["value"]) for field in shown["form"]}
    assert fields["end_date"] == ("To end on", "31 December 2026")
    assert fields["civility"] == ("Form of address", "Ms")
    assert "document" not in fields
    assert "Xyzzy-4711" in writer.get(f"/api/thread/{thread_id}/transcript.md").text


def test_draft_comes_from_the_store_too(house: Service, writer: Client) -> None:
    """Once a turn's events are gone, or on another replica, its end says of the draft what it said at first."""
    _, reply = write_letter(writer)
    house.services.turns._running.pop(reply["message_id"])
    (done,) = collect(writer, f"/api/messages/{reply['message_id']}/events")
    assert (done.name, done.data["draft"]) == ("done", reply["draft"])


def test_wish_is_a_message_of_the_thread(writer: Client) -> None:
    """A wish streams another draft; one that cannot be followed is refused, and nothing to be downloaded."""
    thread_id, reply = write_letter(writer, **FRENCH)
    assert reply["draft"]["wishes"][0]["text"] == "Plus court"
    assert reply["answer"].startswith("**Objet")
    with writer.ask_streaming(thread_id, "plus court !") as stream:
        events = list(stream)
    assert [event.name for event in events] == ["start", "sources", "token", "html", "done"]
    shorter = events[-1].data
    assert len(shorter["answer"]) < len(reply["answer"])
    assert shorter["draft"]["subject"] == reply["draft"]["subject"]
    refused = writer.ask(thread_id, "Parle de mon chat.").json()
    assert (refused["answered"], refused["status"], refused["draft"]) == (False, "refused", None)
    assert "Plus court" in refused["answer"]


def test_faults_are_named_at_their_fields(writer: Client) -> None:
    """A form that is filled in wrongly is 400 with a sentence per field, in the reader's language; no thread begins."""
    wrong = FORM | {"end_date": "demain", "contract": "", "sender_name": "Anne", "cat": "x"}
    response = start(writer, wrong, **FRENCH)
    assert read_code(response) == (400, "invalid_request")
    fields = response.json()["error"]["fields"]
    assert fields["end_date"] == "« demain » n'est pas une date. Écrivez-la sous la forme AAAA-MM-JJ."
    assert fields["contract"] == "Veuillez remplir ce champ."
    assert set(fields) == {"end_date", "contract", "sender_name", "cat"}
    assert writer.get("/api/threads").json() == []


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ('{"assistant": "letters"}', {"document"}),
        ('{"assistant": "letters", "form": null}', {"document"}),
        ('{"assistant": "letters", "form": {}}', {"document"}),
        ('{"assistant": "letters", "form": []}', None),
        ('{"assistant": "letters", "form": "cancellation"}', None),
        ('{"assistant": "letters", "form": {"document": "\\ud800"}}', {"document"}),
        ('{"assistant": "letters", "form": {"document": ["cancellation"]}}', {"document"}),
        ('{"assistant": "letters", "form": {"document": "thanks", "\\ud800": 1}}', None),
        ('{"assistant": "letters", "form": {"document": "thanks", "tone": NaN}}', None),
        ('{"assistant": "letters", "form": {"document": "thanks", "tone": Infinity}}', None),
        ('{"assistant": "letters", "form": {"document": "thanks", "tone": {"a": ["\\ud800"]}}}', None),
        ('{"assistant": "letters", "form": {"document": "thanks", "tone": ' + "9" * 5000 + "}}", None),
        ('{"assistant": "letters", "form": {"document": "thanks", "tone": "' + "x" * 5000 + '"}}', None),
        ('{"assistant": "support", "form": {"document": "thanks"}}', None),
    ],
)
def test_hostile_form_is_an_error_that_can_be_read(
    writer: Client, body: str, fields: set[str] | None
) -> None:
    """Whatever is sent as a form, the answer is a 400 in JSON."""
    headers = {"content-type": "application/json"}
    response = writer.post("/api/start_chat", content=body.encode(), headers=headers)
    assert response.status_code == 400
    assert read_code(response)[1] in ("invalid_request", "invalid_json")
    if fields:
        assert set(response.json()["error"]["fields"]) == fields


def test_assistant_that_needs_a_model_is_unavailable(writer: Client) -> None:
    """Without a model no story begins, and the reason says how it is switched on."""
    response = start(writer, {"hero": "Nour"}, "stories")
    assert read_code(response) == (503, "assistant_unavailable")
    assert "CHAT_MODEL" in response.json()["error"]["message"]


def test_forms_are_limited(writer: Client) -> None:
    """Sixty forms a minute are enough for a tester; threads without a form are not counted with them."""
    codes = [start(writer).status_code for _ in range(61)]
    assert codes == [201] * 60 + [429]
    assert read_code(start(writer, FORM | {"contract": ""})) == (400, "invalid_request")
    assert start(writer, None, "support").status_code == 201


def test_definition_that_is_dropped_in_is_used_at_once(house: Service, writer: Client) -> None:
    """A file appears within seconds, an edited one is the next answer's version, a faulty one changes nothing."""
    path = house.services.settings.assistants_dir / "notes.yaml"
    path.write_text(NOTES.format("First"), encoding="utf-8")
    wait_for(lambda: list_assistants(writer), lambda found: "notes" in found)
    begun = start(writer, {"document": "note", "matter": "tea"}, "notes").json()
    thread_id = begun["thread_id"]
    first = writer.ask(thread_id, begun["message"]).json()
    assert first["answer"] == "First: tea"
    path.write_text(NOTES.format("Second"), encoding="utf-8")
    wait_for(lambda: house.services.assistants.find("notes").version, lambda number: number == 2)
    path.write_text("title: {en: Notes\n", encoding="utf-8")
    wait_for(lambda: house.services.assistants.faults, lambda faults: "notes" in faults)
    second = writer.ask(thread_id, "Shorter").json()
    assert second["answer"] == "Second: tea"
    versions = [read_stored(house, reply["message_id"]).assistant_version for reply in (first, second)]
    assert versions == [1, 2]
    path.unlink()
    wait_for(lambda: list_assistants(writer), lambda found: "notes" not in found)
    assert read_code(writer.ask(thread_id, "Longer")) == (404, "unknown_assistant")
    shown = writer.get(f"/api/thread/{thread_id}/messages").json()
    assert (len(shown["messages"]), shown["form"]) == (4, [])


def test_openai_client_has_no_form(house: Service, online: Service, shared_model: OpenAIServer) -> None:
    """An OpenAI client asks a writer too: without a model it is told what is needed, with one it gets a text."""
    asked = [{"role": "user", "content": "Cancel my gym membership, contract 4711."}]
    answers = []
    shared_model.answer("**Subject:** Contract 4711\n\nDear Sir or Madam,")
    for service in (house, online):
        token = service.client().log_in().json()["token"]
        with openai.OpenAI(base_url=f"{service.url}/v1", api_key=token, max_retries=0) as client:
            answers.append(client.chat.completions.create(model="letters", messages=asked))  # type: ignore[arg-type]
    offline, written = (answer.choices[0].message.content for answer in answers)
    assert "from a form" in str(offline)
    assert str(written).startswith("**Subject:** Contract 4711")
    assert answers[0].answered is False  # type: ignore[attr-defined]
    assert answers[1].answered is True  # type: ignore[attr-defined]


def test_model_writes_and_its_failure_is_told(
    asker: Client, online: Service, shared_model: OpenAIServer
) -> None:
    """With a model the form is its material, its tokens are counted, its failure leaves no draft."""
    shared_model.answer("**Subject:** Contract\n\nDear Ms Plughington,\n\nI cancel.", usage=(321, 12))
    thread_id, reply = write_letter(asker)
    assert (reply["draft"]["subject"], reply["draft"]["is_template"]) == ("Contract", False)
    row = read_stored(online, reply["message_id"])
    assert (row.prompt_tokens, row.completion_tokens, row.is_personal) == (321, 12, True)
    prompt = str(shared_model.requests[-1].body["messages"])
    assert "Xyzzy-4711" in prompt and "31 December 2026" in prompt
    shared_model.fail(500)
    assert read_code(asker.ask(thread_id, "Shorter")) == (502, "provider_unavailable")
    messages = asker.list_messages(thread_id)
    assert [(message["status"], bool(message["draft"])) for message in messages[1::2]] == [
        ("complete", True),
        ("failed", False),
    ]


def read_log(path: Path, sql: str) -> list[tuple[Any, ...]]:
    """Ask a published log."""
    with duckdb.connect(str(path.resolve()), read_only=True) as log:
        return log.execute(sql).fetchall()


def read_all(path: Path) -> str:
    """Give every value of every table and view of a published log."""
    with duckdb.connect(str(path.resolve()), read_only=True) as log:
        names = log.execute("SELECT table_name FROM information_schema.tables").fetchall()
        return "\n".join(str(log.execute(f'SELECT * FROM "{name}"').fetchall()) for (name,) in names)


@pytest.fixture
def publisher(house: Service) -> Iterator[Publisher]:
    """Give what publishes that service's log, with a copy to hand on."""
    store, folder = house.services.store, house.services.settings.data_dir
    publisher = Publisher(store, folder, timezone="UTC", interval_s=0, is_shareable=True, clock=store.clock)
    yield publisher
    publisher.close()


def test_log_holds_form_and_files_and_the_copy_nothing_personal(house: Service, publisher: Publisher) -> None:
    """Form values and files are rows of the log, the shareable copy knows no name of them; erasure takes all of it."""
    services, client = house.services, house.tester()
    thread_id, reply = write_letter(client)
    client.ask(thread_id, "Write to Plughington instead.")
    sender = {"sender_name": "Zebulon Frobozz"}
    path = f"/api/messages/{reply['message_id']}/file"
    assert client.post(path, json={"format": "pdf", "sender": sender}).status_code == 200
    data_dir = services.settings.data_dir
    publisher.publish()
    log, shared = data_dir / "conversations.duckdb", data_dir / "conversations-shareable.duckdb"
    where = f"WHERE thread_id = '{thread_id}'"
    forms = dict(read_log(log, f"SELECT field, value FROM thread_forms {where}"))
    assert forms.items() >= FORM.items()
    files = f"SELECT format, is_edited, bytes > 1000 FROM generated_files WHERE message_id = '{reply['message_id']}'"
    assert read_log(log, files) == read_log(shared, files) == [("pdf", False, True)]
    assert read_log(log, f"SELECT count(*) FROM unanswered_questions {where}") == [(0,)]
    complete, copy = read_all(log), read_all(shared)
    for secret in SECRETS:
        assert secret in complete
        assert secret.lower() not in copy.lower()
    kept = dict(read_log(shared, f"SELECT field, value FROM thread_forms {where}"))
    assert (kept["document"], kept["civility"], kept["contract_number"]) == (
        "cancellation",
        "ms",
        "[left out]",
    )
    assert read_log(shared, f"SELECT title FROM thread_summary {where}") == [("[left out]",)]
    assert "Frobozz" not in complete
    for one in data_dir.rglob("*"):
        assert not one.is_file() or b"Frobozz" not in one.read_bytes()
    tester = services.store.read(threads.read_thread, thread_id).tester
    erase_tester(services.store, tester, services.store.clock(), actor="test")
    publisher.publish()
    for table in ("thread_forms", "generated_files", "messages", "threads"):
        key = "message_id" if table == "generated_files" else "thread_id"
        value = reply["message_id"] if table == "generated_files" else thread_id
        assert read_log(log, f"SELECT count(*) FROM {table} WHERE {key} = '{value}'") == [(0,)]


def test_other_testers_thread_is_not_there(writer: Client, house: Service) -> None:
    """A letter's thread is its tester's alone, and one that never was is as unknown."""
    thread_id, _ = write_letter(writer)
    other = house.tester()
    for one in (thread_id, NOWHERE):
        assert read_code(other.get(f"/api/thread/{one}/messages")) == (404, "unknown_thread")
        assert read_code(other.ask(one, "Shorter")) == (404, "unknown_thread")
