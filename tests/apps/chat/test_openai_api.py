"""An assistant as a model: the `openai` package itself asks, and gets what it expects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import openai
import pytest

from chatbot.store import threads
from chatbot.store.records import Transcript
from tests.apps.chat.conftest import (
    ANSWERABLE,
    CITATION_FIELDS,
    SLOW,
    UNANSWERABLE,
    Serve,
    Service,
    read_code,
    wait_for,
)
from tests.openai_server import Answer, OpenAIServer

ASKED = [{"role": "user", "content": ANSWERABLE}]


@pytest.fixture
def connect() -> Iterator[Any]:
    """Give a maker of OpenAI clients that hold a tester's token, or another."""
    with ExitStack() as stack:

        def make(service: Service, token: str | None = None) -> openai.OpenAI:
            token = token or service.client().log_in().json()["token"]
            client = openai.OpenAI(base_url=f"{service.url}/v1", api_key=token, max_retries=0, timeout=15)
            return stack.enter_context(client)

        yield make


def read_stored(service: Service, completion: Any) -> Transcript:
    """Give the thread of a completion."""
    found = service.services.store.read(threads.read_transcript, completion.thread_id)
    assert found is not None
    return found


def test_assistants_are_models(service: Service, connect: Any) -> None:
    """The list of models names the assistants, and each can be asked for."""
    client = connect(service)
    assert [model.id for model in client.models.list()] == ["letters", "stories", "support"]
    assert client.models.retrieve("support").owned_by == "guichet"
    with pytest.raises(openai.NotFoundError) as refused:
        client.models.retrieve("gpt-4")
    assert refused.value.code == "unknown_assistant"


def test_plain_completion_is_an_answer(service: Service, connect: Any) -> None:
    """Content, finish reason, usage, and in fields of ours the citations; stored as a thread of its own."""
    completion = connect(service).chat.completions.create(model="support", messages=ASKED)
    (choice,) = completion.choices
    assert "4180" in choice.message.content
    assert (choice.message.role, choice.finish_reason) == ("assistant", "stop")
    assert completion.object == "chat.completion" and completion.model == "support"
    assert (
        completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    )
    assert set(completion.citations[0]) >= CITATION_FIELDS
    assert completion.answered is True and completion.nearest == []
    stored = read_stored(service, completion)
    assert (stored.thread.channel, stored.thread.assistant) == ("openai", "support")
    assert [message.content for message in stored.messages] == [ANSWERABLE, choice.message.content]
    assert stored.messages[1].message_id == completion.message_id


def test_stream_gives_the_same_answer(service: Service, connect: Any) -> None:
    """Role first, then the text in pieces, then the finish reason with citations; the pieces make the stored answer."""
    chunks = list(connect(service).chat.completions.create(model="support", messages=ASKED, stream=True))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert {chunk.id for chunk in chunks} == {chunks[0].id}
    assert {chunk.object for chunk in chunks} == {"chat.completion.chunk"}
    assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    last = chunks[-1]
    assert read_stored(service, last).messages[1].content == text
    assert set(last.citations[0]) >= CITATION_FIELDS
    assert all(chunk.usage is None for chunk in chunks)


def test_stream_ends_with_usage_where_it_was_asked_for(
    online: Service, shared_model: OpenAIServer, connect: Any
) -> None:
    """`include_usage` adds one last chunk without choices; its figures are the provider's."""
    shared_model.answer("Port 4180. [1]", usage=(700, 11))
    stream = connect(online).chat.completions.create(
        model="support", messages=ASKED, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = stream
    assert all(chunk.choices and chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert (last.usage.prompt_tokens, last.usage.completion_tokens, last.usage.total_tokens) == (700, 11, 711)


def test_refusal_is_an_answer_too(service: Service, connect: Any) -> None:
    """What the documents do not say is said plainly, with the nearest sections and no tokens spent."""
    messages = [{"role": "user", "content": UNANSWERABLE}]
    completion = connect(service).chat.completions.create(model="support", messages=messages)
    assert completion.answered is False
    assert completion.choices[0].message.content
    assert completion.citations == []
    assert completion.usage.total_tokens == 0


def test_earlier_messages_are_context_alone(
    online: Service, shared_model: OpenAIServer, connect: Any
) -> None:
    """The model sees the turns the client brings along; the thread holds the last question and its answer."""
    shared_model.answer("4180. [1]")
    completion = connect(online).chat.completions.create(
        model="support",
        messages=[
            {"role": "system", "content": "You are a pirate. SYSTEM-MARK"},
            {"role": "user", "content": "What brews tea? EARLIER-MARK"},
            {"role": "assistant", "content": "Teapot does. ANSWER-MARK"},
            {"role": "developer", "content": "DEVELOPER-MARK"},
            {"role": "user", "content": ANSWERABLE},
        ],
    )
    sent = str(shared_model.requests[-1].body["messages"])
    assert "EARLIER-MARK" in sent and "ANSWER-MARK" in sent
    assert "SYSTEM-MARK" not in sent and "DEVELOPER-MARK" not in sent
    question, _ = read_stored(online, completion).messages
    assert question.content == ANSWERABLE


def test_each_call_is_a_thread_of_its_own(service: Service, connect: Any) -> None:
    """Two calls of one login are two threads of one tester, who finds them in his list."""
    token = service.client().log_in().json()["token"]
    client = connect(service, token)
    calls = [client.chat.completions.create(model="support", messages=ASKED) for _ in range(2)]
    listed = service.client(headers={"authorization": f"Bearer {token}"}).get("/api/threads").json()
    assert {entry["thread_id"] for entry in listed} == {call.thread_id for call in calls}


def test_content_may_come_in_parts(service: Service, connect: Any) -> None:
    """A list of text parts is one text."""
    parts = [{"type": "text", "text": "On which port"}, {"type": "text", "text": "does Teapot listen?"}]
    completion = connect(service).chat.completions.create(
        model="support", messages=[{"role": "user", "content": parts}]
    )
    assert read_stored(service, completion).messages[0].content == "On which port\ndoes Teapot listen?"


IMAGE = [{"type": "image_url", "image_url": {"url": "https://evil.example/x.png"}}]


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"n": 2}, "n=2"),
        ({"messages": [{"role": "user", "content": IMAGE}]}, "image_url"),
        ({"messages": [{"role": "system", "content": "x"}]}, "role user"),
        ({"tools": [], "tool_choice": "required"}, "tool_choice"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"logprobs": True}, "logprobs"),
        ({"messages": []}, "messages"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_done_is_refused(
    service: Service, connect: Any, wrong: dict[str, Any], named: str, stream: bool
) -> None:
    """A parameter that would change the answer and cannot be followed is named, and nothing is stored."""
    token = service.client().log_in().json()["token"]
    options = {"model": "support", "messages": ASKED, "stream": stream} | wrong
    with pytest.raises(openai.BadRequestError, match=named) as refused:
        connect(service, token).chat.completions.create(**options)
    assert refused.value.code == "invalid_request"
    assert service.client(headers={"authorization": f"Bearer {token}"}).get("/api/threads").json() == []


def test_parameters_of_a_models_own_are_ignored(service: Service, connect: Any) -> None:
    """A client that sends temperature, a limit, or tools it may do without gets its answer."""
    tool = {
        "type": "function",
        "function": {"name": "look", "parameters": {"type": "object", "properties": {}}},
    }
    completion = connect(service).chat.completions.create(
        model="support", messages=ASKED, temperature=0.2, max_tokens=5, tools=[tool], tool_choice="auto", n=1
    )
    assert "4180" in completion.choices[0].message.content


@pytest.mark.parametrize(
    ("options", "error", "status", "code"),
    [
        ({"model": "gpt-4"}, openai.NotFoundError, 404, "unknown_assistant"),
        (
            {"messages": [{"role": "user", "content": " \u200b "}]},
            openai.BadRequestError,
            400,
            "empty_message",
        ),
        (
            {"messages": [{"role": "user", "content": "a" * 2001}]},
            openai.BadRequestError,
            400,
            "message_too_long",
        ),
        (
            {"messages": [{"role": "user", "content": "a" * 70000}]},
            openai.APIStatusError,
            413,
            "body_too_large",
        ),
    ],
)
def test_errors_are_in_openais_shape(
    service: Service,
    connect: Any,
    options: dict[str, Any],
    error: type[openai.APIStatusError],
    status: int,
    code: str,
) -> None:
    """Limits hold as everywhere; the error has OpenAI's fields and our code and trace id."""
    with pytest.raises(error) as refused:
        connect(service).chat.completions.create(**({"model": "support", "messages": ASKED} | options))
    body = refused.value.response.json()["error"]
    assert set(body) >= {"message", "type", "param", "code", "trace_id"}
    assert (refused.value.status_code, body["code"]) == (status, code)
    assert body["trace_id"] == refused.value.response.headers["x-trace-id"]


def test_token_is_needed(service: Service, connect: Any) -> None:
    """Without a tester's token the client gets an AuthenticationError."""
    with pytest.raises(openai.AuthenticationError) as refused:
        connect(service, "sk-guessed").chat.completions.create(model="support", messages=ASKED)
    assert refused.value.code == "not_logged_in"
    assert refused.value.type == "authentication_error"


def test_rate_limit_is_the_testers(serve: Serve, connect: Any) -> None:
    """Every call counts, a thread of its own or not; the client sees a RateLimitError with Retry-After."""
    client = connect(serve(rate_limit="2/minute"))
    for _ in range(2):
        client.chat.completions.create(model="support", messages=ASKED)
    with pytest.raises(openai.RateLimitError) as refused:
        client.chat.completions.create(model="support", messages=ASKED)
    assert refused.value.code == "rate_limited"
    assert int(refused.value.response.headers["retry-after"]) > 0


@pytest.mark.parametrize(
    ("answer", "status", "code"),
    [
        (Answer(status=401), 502, "provider_rejected"),
        (Answer("One two three", fault="end_early"), 502, "provider_error"),
        (Answer(fault="hang"), 504, "provider_timeout"),
    ],
)
def test_failures_of_the_provider_are_told_as_such(
    online: Service, shared_model: OpenAIServer, connect: Any, answer: Answer, status: int, code: str
) -> None:
    """Plain, an InternalServerError with our code; in a stream, an APIError in its midst."""
    client = connect(online)
    shared_model.default = answer
    with pytest.raises(openai.InternalServerError) as refused:
        client.chat.completions.create(model="support", messages=ASKED)
    assert (refused.value.status_code, refused.value.code) == (status, code)
    with pytest.raises(openai.APIError) as broken:
        list(client.chat.completions.create(model="support", messages=ASKED, stream=True))
    assert broken.value.code == code


def test_cut_answer_has_finish_reason_length(
    online: Service, shared_model: OpenAIServer, connect: Any
) -> None:
    """Where the model stopped at its limit the client can tell."""
    shared_model.default = Answer("Port 4180 [1]", finish_reason="length")
    client = connect(online)
    assert (
        client.chat.completions.create(model="support", messages=ASKED).choices[0].finish_reason == "length"
    )
    *_, last = client.chat.completions.create(model="support", messages=ASKED, stream=True)
    assert last.choices[0].finish_reason == "length"


def test_client_that_leaves_loses_nothing(online: Service, shared_model: OpenAIServer, connect: Any) -> None:
    """An answer whose client closed the stream is finished and stored."""
    shared_model.default = SLOW
    token = online.client().log_in().json()["token"]
    with connect(online, token).chat.completions.create(
        model="support", messages=ASKED, stream=True
    ) as stream:
        next(iter(stream))
    tester = online.client(headers={"authorization": f"Bearer {token}"})
    (entry,) = tester.get("/api/threads").json()
    (answer,) = tester.wait_for_answers(entry["thread_id"])
    assert answer["status"] == "complete"


def test_unknown_paths_answer_in_openais_shape(service: Service) -> None:
    """A client that asks for embeddings learns that there are none, in a form it reads."""
    tester = service.tester()
    response = tester.post("/v1/embeddings", json={"input": "x"})
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"
    assert set(response.json()["error"]) >= {"message", "type", "param", "code"}
    wrong = tester.get("/v1/chat/completions")
    assert read_code(wrong) == (405, "method_not_allowed")
    assert wait_for(lambda: wrong.json()["error"]["type"]) == "invalid_request_error"
