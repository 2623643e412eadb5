"""`evaluate`: asks a question set and adds up how well it was answered; leaves nothing in the store or the log."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from chatbot.assistants.definition import Assistants
from chatbot.commands.build import build_turns
from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import Progress, write_json, write_line
from chatbot.evaluation import (
    ASKED_AT_ONCE,
    Evaluation,
    GoldQuestion,
    Outcome,
    read_questions,
    summarize,
    write_dump,
)
from chatbot.knowledge.retriever import Knowledge
from chatbot.settings import load_settings
from chatbot.store.engine import Store
from chatbot.turns import Turns

# The limits of testers are none of a question set's.
UNLIMITED = {
    "max_session_duration": 0,
    "max_characters": 0,
    "max_messages": 0,
    "max_message_characters": 100_000,
    "rate_limit": "1000000000/day",
}


def run(options: argparse.Namespace) -> int:
    """Ask, print the figures, and give the exit code: a model that failed on any question is a failure."""
    overrides = UNLIMITED | ({"knowledge_dir": options.knowledge} if options.knowledge else {})
    settings = load_settings(**overrides)
    configure_command_logging(settings)
    questions = read_questions(options.questions)
    with tempfile.TemporaryDirectory(prefix="guichet-evaluation-") as name:
        folder = Path(name)
        # Indexed anew, so that the seconds are those of building and not of reading what was kept.
        knowledge = Knowledge(settings.knowledge_dir, folder / "index")
        with closing(Store(folder / "private" / "store.db")) as store:
            assistants = Assistants(settings.assistants_dir)
            turns = build_turns(settings, store, assistants, knowledge, at_once=ASKED_AT_ONCE)
            store.start_writer()
            evaluation = Evaluation(turns, knowledge, assistants.default.name)
            outcomes = asyncio.run(_ask_all(evaluation, turns, questions))
        summary = summarize(outcomes, knowledge)
    if options.dump:
        _dump(outcomes, options.dump)
    if options.json:
        write_json(summary)
    else:
        for key, value in summary.items():
            write_line(f"{key:22} {'-' if value is None else value}")
    return 1 if summary["failed"] else 0


async def _ask_all(evaluation: Evaluation, turns: Turns, questions: Sequence[GoldQuestion]) -> list[Outcome]:
    try:
        return await evaluation.run(questions, Progress("Questions"))
    finally:
        await turns.close()


def _dump(outcomes: Sequence[Outcome], path: Path) -> None:
    draft = path.with_name(f".{path.name}.partial")
    with draft.open("w", encoding="utf-8") as out:
        write_dump(outcomes, out)
    draft.replace(path)
