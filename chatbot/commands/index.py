"""`index`: builds or refreshes the index of the documents."""

from __future__ import annotations

import argparse
import time
from dataclasses import asdict

from chatbot.commands.build import wait_for_embeddings
from chatbot.commands.logs import configure_command_logging
from chatbot.commands.terminal import say, write_json, write_line
from chatbot.knowledge.curated import CuratedAnswers
from chatbot.knowledge.meaning import build_meaning
from chatbot.knowledge.retriever import Knowledge
from chatbot.settings import load_settings


def run(options: argparse.Namespace) -> int:
    """Index, and print what the index holds; `seconds` are those of this run."""
    settings = load_settings(**({"knowledge_dir": options.knowledge} if options.knowledge else {}))
    configure_command_logging(settings)
    meaning = build_meaning(settings)
    knowledge = Knowledge(settings.knowledge_dir, settings.private_dir / "index", meaning=meaning)
    started = time.perf_counter()
    knowledge.refresh()
    wait_for_embeddings(knowledge)
    stats = asdict(knowledge.stats) | {"seconds": round(time.perf_counter() - started, 3)}
    warnings = [*knowledge.warnings, *CuratedAnswers(knowledge, settings.private_dir).warnings]
    for warning in warnings:
        say(f"warning: {warning}")
    if options.json:
        write_json(stats | {"index_version": knowledge.index_version, "warnings": warnings})
        return 0
    write_line(
        f"{stats['documents']} documents, {stats['passages']} passages, about {stats['tokens']} tokens, "
        f"{stats['seconds']:.2f} seconds (index {knowledge.index_version})"
    )
    return 0
