"""`ask`: one answer in the terminal, through the same turn as every channel's."""

from __future__ import annotations

import argparse
import asyncio
import time
import uuid
from contextlib import closing
from typing import Any

from chatbot.assistants.catalogue import Assistants
from chatbot.commands.build import build_turns
from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import say, write_json, write_line
from chatbot.errors import GuichetError
from chatbot.events import Failed, Reply
from chatbot.knowledge.meaning import build_meaning
from chatbot.knowledge.retriever import Knowledge
from chatbot.questions import Question
from chatbot.settings import load_settings
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import PassageUsed, Thread
from chatbot.telemetry import bind_trace, choose_trace_id
from chatbot.turns import Turns

TESTER = "cli"
# For vectors that are kept; those that `index` has not made would take longer than a person waits.
EMBEDDINGS_WAIT_S = 5.0


def run(options: argparse.Namespace) -> int:
    """Ask, print the answer, and give the exit code: a refusal is an answer, a failure is not."""
    settings = load_settings()
    configure_command_logging(settings)
    with closing(Store(settings.store_place)) as store:
        assistants = Assistants(settings.assistants_dir, store)
        name = options.assistant or assistants.default.name
        assistants.get(name)
        meaning = build_meaning(settings)
        knowledge = Knowledge(settings.knowledge_dir, settings.private_dir / "index", meaning=meaning)
        turns = build_turns(settings, store, assistants, knowledge)
        knowledge.settle(EMBEDDINGS_WAIT_S)
        thread = Thread(
            thread_id=str(uuid.uuid4()),
            assistant=name,
            channel="cli",
            tester=TESTER,
            code_label=None,
            wave=None,
            language=None if settings.language == "auto" else settings.language,
            created_at=store.clock(),
        )
        store.write(threads.add_thread, thread)
        with bind_trace(choose_trace_id(None)):
            question = Question(thread.thread_id, TESTER, options.question)
            end, seconds = asyncio.run(_ask(turns, question))
    if isinstance(end, Failed):
        return _report_failure(end, thread.thread_id, is_json=options.json)
    if options.json:
        write_json(_describe(end, seconds))
    else:
        _print(end)
    return 0


async def _ask(turns: Turns, question: Question) -> tuple[Reply | Failed, float]:
    """Give the turn's last event and the seconds from the question to it."""
    started = time.perf_counter()
    try:
        turn = await turns.start(question)
        async for _, event in turns.listen(turn.message_id, question.tester):
            if isinstance(event, Reply | Failed):
                return event, time.perf_counter() - started
    finally:
        await turns.close()
    raise GuichetError("The answer ended without an end. Ask again.")


def _report_failure(end: Failed, thread_id: str, *, is_json: bool) -> int:
    whose = "the model's provider" if end.origin == "provider" else "this service"
    say(f"error: {end.message} ({end.code}, on the side of {whose})")
    if is_json:
        error = {"code": end.code, "message": end.message, "origin": end.origin, "trace_id": end.trace_id}
        write_json({"error": error, "thread_id": thread_id, "message_id": end.message_id})
    return 1


def _describe(reply: Reply, seconds: float) -> dict[str, Any]:
    return {
        "thread_id": reply.thread_id,
        "message_id": reply.message_id,
        "answer": reply.answer,
        "answer_html": reply.answer_html,
        "answered": reply.answered,
        "status": reply.status,
        "is_cut": reply.is_cut,
        "citations": [_describe_passage(passage) for passage in reply.passages],
        "nearest": [_describe_passage(passage) for passage in reply.nearest],
        "session": reply.session.as_dict(),
        "seconds": round(seconds, 4),
    }


def _describe_passage(passage: PassageUsed) -> dict[str, Any]:
    return {
        "number": passage.number,
        "source": passage.source,
        "heading": passage.heading,
        "snippet": passage.snippet,
    }


def _print(reply: Reply) -> None:
    write_line(reply.answer.strip())
    if reply.passages:
        write_line()
        write_line("Sources")
        for passage in reply.passages:
            write_line(f"[{passage.number}] {passage.source}: {passage.heading}")
    if reply.nearest:
        write_line()
        write_line("Nearest sections (not the answer)")
        for passage in reply.nearest:
            write_line(f"- {passage.source}: {passage.heading}")
    if reply.is_cut:
        say("The answer was cut at the model's limit of length.")
