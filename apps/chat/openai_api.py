"""The interface that any OpenAI client can talk to: an assistant is a model, each call a thread of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response

from apps.chat.callers import Language, Parts, Source, Tester
from apps.chat.login_api import choose_notice
from apps.chat.openai_wire import (
    DONE,
    PREFIX,
    Completion,
    CompletionBody,
    CompletionState,
    ModelList,
    ModelState,
    describe_reply,
    finish_of,
    state_openai_error,
)
from apps.chat.refusals import refuse
from apps.chat.services import Services
from apps.chat.thread_api import make_thread
from apps.chat.turn_stream import Batch, follow_turn, read_answer, stream_lines
from apps.chat.wire import STATUS_OF_CODE
from chatbot.errors import GuichetError
from chatbot.events import Failed, Reply, Token
from chatbot.questions import Question
from chatbot.store import threads

router = APIRouter(tags=["openai"])


@router.get("/v1/models", response_model=ModelList)
async def list_models(services: Parts, login: Tester) -> ModelList:
    """List the assistants as models."""
    return ModelList(data=[_state_model(services, item.name) for item in services.assistants.list_all()])


@router.get("/v1/models/{model}", response_model=ModelState)
async def give_model(model: str, services: Parts, login: Tester) -> ModelState:
    """Give an assistant as a model."""
    return _state_model(services, services.assistants.get(model).name)


@router.post("/v1/chat/completions", response_model=CompletionState)
async def complete(
    body: CompletionBody, services: Parts, login: Tester, language: Language, source: Source
) -> Response:
    """Answer the last message of the user; earlier ones serve as context, system messages are ignored."""
    body.check()
    text = body.read_question()
    thread = make_thread(services, login, body.model, "openai", language)
    version, accepted_at = choose_notice(services, login, language)
    question = Question(
        thread.thread_id,
        login.tester,
        text,
        source=source,
        opening=partial(
            threads.add_thread, thread=thread, notice_version=version, notice_accepted_at=accepted_at
        ),
        history=body.list_turns(services.settings.max_characters),
    )
    turn = await services.turns.start(question)
    completion = Completion(
        turn.message_id,
        body.model,
        thread.created_at,
        include_usage=bool(body.stream_options and body.stream_options.include_usage),
    )
    batches = follow_turn(services, turn.message_id, login.tester)
    if body.stream:
        return stream_lines(_write_chunks(services, completion, batches, login.tester))
    return await _answer_plainly(services, completion, batches, login.tester)


async def _write_chunks(
    services: Services, completion: Completion, batches: AsyncIterator[Batch], tester: str
) -> AsyncIterator[str]:
    yield completion.chunk({"role": "assistant", "content": ""})
    async for batch in batches:
        text = "".join(event.text for _, event in batch if isinstance(event, Token))
        if text:
            yield completion.chunk({"content": text})
        _, event = batch[-1]
        if isinstance(event, Failed):
            status = STATUS_OF_CODE.get(event.code, 500)
            error = state_openai_error(status, event.code, event.message, event.trace_id)
            yield f"data: {json.dumps(error, ensure_ascii=False)}\n\n"
        elif isinstance(event, Reply):
            yield completion.chunk({}, finish_of(event), **describe_reply(event))
            if completion.include_usage:
                yield completion.usage_chunk(await read_answer(services, event.message_id, tester))
    yield DONE


async def _answer_plainly(
    services: Services, completion: Completion, batches: AsyncIterator[Batch], tester: str
) -> Response:
    async for batch in batches:
        _, event = batch[-1]
        if isinstance(event, Failed):
            return refuse(PREFIX, event.code, event.message)
        if isinstance(event, Reply):
            answer = await read_answer(services, event.message_id, tester)
            return JSONResponse(completion.state(event, answer).model_dump(mode="json"))
    raise GuichetError("The answer has no end. Ask again.")


def _state_model(services: Services, name: str) -> ModelState:
    return ModelState(id=name, created=int(services.started_at.timestamp()))
