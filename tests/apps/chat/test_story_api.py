"""Stories over HTTP: prompts of one's own, a thread that begins with one, a chapter that is declined half way."""

from __future__ import annotations

from typing import Any

import pytest

from chatbot.store import story_prompts
from chatbot.store.engine import Store
from chatbot.store.story_prompts import NewPrompt, StoryPrompt
from tests.apps.chat.conftest import NOWHERE, Client, Service, read_code
from tests.openai_server import Answer, OpenAIServer

PROMPTS = "/api/story_prompts"
BODY = {"title": "La lampe", "text": "Une lampe s'éteint.", "language": "fr", "tags": ["mer"]}
FORM = {"hero": "Nour", "age": 8, "language": "fr"}
CHAPTER = "# La lampe\n\n## Le phare\n\nNour monta."


def add_for_team(store: Store, title: str = "Du bureau", *, is_draft: bool = False) -> StoryPrompt:
    """Keep a prompt of the team's."""
    new = NewPrompt(title, "Un secret.", is_draft=is_draft)
    return store.write(story_prompts.add_prompt, new, "anne", store.clock())


def list_own(client: Client) -> list[dict[str, Any]]:
    """Give the prompts that are the tester's own."""
    return [prompt for prompt in client.get(PROMPTS).json() if prompt["is_own"]]


def test_own_prompt_is_added_changed_and_removed(service: Service) -> None:
    """A tester writes prompts of his own; a save against an older one is 409 and changes nothing."""
    tester = service.tester()
    added = tester.post(PROMPTS, json=BODY)
    assert added.status_code == 201
    prompt = added.json()
    assert {name: prompt[name] for name in BODY} == BODY
    assert (prompt["revision"], prompt["is_own"], prompt["is_draft"]) == (1, True, False)
    path = f"{PROMPTS}/{prompt['prompt_id']}"
    changed = tester.put(path, json=BODY | {"title": "Le phare", "is_draft": True, "revision": 1})
    assert changed.status_code == 200
    assert list_own(tester) == [changed.json()]
    assert (changed.json()["title"], changed.json()["revision"]) == ("Le phare", 2)
    assert read_code(tester.put(path, json=BODY | {"revision": 1})) == (409, "edit_conflict")
    assert list_own(tester)[0]["title"] == "Le phare"
    assert tester.delete(path).status_code == 204
    assert list_own(tester) == []
    assert read_code(tester.delete(path)) == (404, "unknown_prompt")


def test_others_prompts_are_not_there(service: Service) -> None:
    """Another's prompt, a draft of the team's and one that never was are 404; the team's is read and not changed."""
    shown = add_for_team(service.services.store)
    hidden = add_for_team(service.services.store, "Caché", is_draft=True)
    foreign = service.tester().post(PROMPTS, json=BODY).json()["prompt_id"]
    tester = service.tester()
    listed = {prompt["prompt_id"]: prompt["is_own"] for prompt in tester.get(PROMPTS).json()}
    assert listed.get(shown.prompt_id) is False
    assert not {foreign, hidden.prompt_id} & set(listed)
    for prompt_id in (shown.prompt_id, hidden.prompt_id, foreign, NOWHERE):
        path = f"{PROMPTS}/{prompt_id}"
        assert read_code(tester.put(path, json=BODY | {"revision": 1})) == (404, "unknown_prompt")
        assert read_code(tester.delete(path)) == (404, "unknown_prompt")
    assert service.services.store.read(story_prompts.read_prompt, foreign) is not None


@pytest.mark.parametrize(
    ("change", "field"),
    [({"title": "\u200b"}, "title"), ({"text": "x" * 4_001}, "text"), ({"tags": ["x" * 41]}, "tags")],
)
def test_wrong_field_is_named_in_the_readers_language(
    tester: Client, change: dict[str, Any], field: str
) -> None:
    """What passes a limit is 400 with a sentence per field."""
    response = tester.post(PROMPTS, json=BODY | change, headers={"accept-language": "fr"})
    assert read_code(response) == (400, "invalid_request")
    fields = response.json()["error"]["fields"]
    assert list(fields) == [field]
    assert "au plus" in fields[field] or "Veuillez" in fields[field]


def test_body_of_another_shape_is_refused(tester: Client) -> None:
    """Types are not guessed, and a change says which save it was made from."""
    path = f"{PROMPTS}/{NOWHERE}"
    for body in (BODY | {"title": 7}, BODY | {"tags": "mer"}, BODY | {"is_draft": "no"}, {"title": "x"}):
        assert read_code(tester.post(PROMPTS, json=body)) == (400, "invalid_request")
    for body in (BODY, BODY | {"revision": 0}, BODY | {"revision": True}):
        assert read_code(tester.put(path, json=body)) == (400, "invalid_request")


def test_changes_have_a_limit(tester: Client) -> None:
    """Sixty changes a minute; reading is free."""
    codes: list[int] = []
    # A new minute may begin on the way.
    while 429 not in codes and len(codes) < 122:
        codes.append(tester.delete(f"{PROMPTS}/{NOWHERE}").status_code)
    assert codes[:60] == [404] * 60 and codes[-1] == 429
    assert tester.get(PROMPTS).status_code == 200


def test_story_is_told_by_a_prompt_of_ones_own(
    online: Service, asker: Client, shared_model: OpenAIServer
) -> None:
    """The prompt chosen reaches the model as it was when the thread was begun."""
    prompt = asker.post(PROMPTS, json=BODY).json()
    form = FORM | {"story_prompt": prompt["prompt_id"]}
    started = asker.post("/api/start_chat", json={"assistant": "stories", "form": form})
    assert started.status_code == 201, started.text
    assert asker.delete(f"{PROMPTS}/{prompt['prompt_id']}").status_code == 204
    shared_model.default = Answer(CHAPTER)
    reply = asker.ask(started.json()["thread_id"], started.json()["message"]).json()
    assert (reply["answer"], reply["answered"]) == (CHAPTER, True)
    assert reply["draft"]["subject"] == "La lampe"
    assert [wish["name"] for wish in reply["draft"]["wishes"]] == ["go_on", "another_ending", "another_title"]
    sent = str(shared_model.requests[-1].body["messages"])
    assert "Une lampe s'éteint." in sent and "Nour" in sent


def test_prompt_of_another_is_no_choice(online: Service, asker: Client) -> None:
    """A thread cannot be begun with what the tester cannot see."""
    foreign = online.tester().post(PROMPTS, json=BODY).json()["prompt_id"]
    body = {"assistant": "stories", "form": FORM | {"story_prompt": foreign}}
    response = asker.post("/api/start_chat", json=body)
    assert read_code(response) == (400, "invalid_request")
    assert list(response.json()["error"]["fields"]) == ["story_prompt"]


def test_chapter_that_turns_bad_is_taken_back(online: Service, shared_model: OpenAIServer) -> None:
    """What was shown is replaced at the end, the declined sentence is never sent, and the turn is logged as refused."""
    asker = online.tester(headers={"accept-language": "fr"})
    started = asker.post("/api/start_chat", json={"assistant": "stories", "form": FORM}).json()
    pieces = (f"{CHAPTER} ", "Il trouva ", "un ", "cad", "avre. ", "Et encore. ") + ("Rien. ",) * 20
    shared_model.default = Answer(pieces=pieces, delay_s=0.05)
    with asker.ask_streaming(started["thread_id"], started["message"]) as stream:
        events = list(stream)
    sent = "".join(str(event.data) for event in events)
    assert "Nour monta." in sent and "avre" not in sent and "Rien." not in sent
    done = events[-1]
    assert done.name == "done" and not done.data["answered"] and done.data["draft"] is None
    assert done.data["answer"].startswith("Cet assistant n'écrit rien sur la mort")
    assert "Nour monta" not in done.data["answer_html"]
    (_, answer) = asker.list_messages(started["thread_id"])
    assert (answer["status"], answer["content"]) == ("refused", done.data["answer"])


def test_without_a_model_no_story_begins(tester: Client) -> None:
    """The list says why stories are not available; starting one is 503."""
    listed = tester.get("/api/assistants", headers={"accept-language": "fr"}).json()
    (stories,) = [assistant for assistant in listed if assistant["name"] == "stories"]
    assert stories["available"] is False and "CHAT_MODEL" in stories["reason"]
    response = tester.post("/api/start_chat", json={"assistant": "stories", "form": FORM})
    assert read_code(response) == (503, "assistant_unavailable")


def test_openai_client_has_a_story_without_a_form(asker: Client, shared_model: OpenAIServer) -> None:
    """A client that knows no forms tells its wishes in words; the story is for the whole family then."""
    shared_model.default = Answer(CHAPTER)
    messages = [{"role": "user", "content": "A story about Nour, please"}]
    body: dict[str, Any] = {"model": "stories", "messages": messages}
    first = asker.post("/v1/chat/completions", json=body).json()["choices"][0]["message"]
    assert first["content"] == CHAPTER
    sent = str(shared_model.requests[-1].body["messages"])
    assert "A story about Nour" in sent and "whole family" in sent and "chapter 1 of 3" in sent
    messages += [{"role": "assistant", "content": CHAPTER}, {"role": "user", "content": "Go on"}]
    assert asker.post("/v1/chat/completions", json=body).status_code == 200
    sent = str(shared_model.requests[-1].body["messages"])
    assert "chapter 2 of 3" in sent and "Nour monta." in sent
