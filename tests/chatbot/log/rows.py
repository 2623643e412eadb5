"""Rows for tests: threads and turns, written the way the service writes them."""

from __future__ import annotations

import subprocess
import sys
import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from chatbot.store.engine import Store
from chatbot.store.records import Message, PassageUsed, Status, Thread
from chatbot.store.threads import add_message, add_thread

PASSAGE = PassageUsed(1, 3.5, "en/install.md", "Installing Teapot", "Teapot brews tea.", 1, True, "install")


def write_thread(store: Store, created_at: datetime, **values: Any) -> str:
    """Write a thread without messages and give its id."""
    thread_id = str(uuid.uuid4())
    fields = {
        "assistant": "support",
        "channel": "page",
        "tester": "alpha-1",
        "code_label": "alpha",
        "wave": None,
        "language": "en",
    }
    store.write(add_thread, Thread(thread_id=thread_id, created_at=created_at, **(fields | values)))
    return thread_id


def write_turn(
    store: Store,
    thread_id: str,
    moment: datetime,
    question: str = "How do I brew?",
    answer: str = "With water. [1]",
    *,
    position: int = 0,
    status: Status = "complete",
    **values: Any,
) -> str:
    """Write a question and its answer a second later; gives the answer's id."""
    asked = Message(str(uuid.uuid4()), thread_id, position, "user", question, moment)
    fields: dict[str, Any] = {
        "model": "offline",
        "prompt_tokens": 10,
        "completion_tokens": 4,
        "first_token_ms": 100,
        "total_ms": 900,
        "passages": (PASSAGE,),
    }
    answered = Message(
        str(uuid.uuid4()),
        thread_id,
        position + 1,
        "bot",
        answer,
        moment + timedelta(seconds=1),
        status=status,
        **(fields | values),
    )
    store.write(add_message, asked)
    store.write(add_message, answered)
    return answered.message_id


def write_conversation(
    store: Store, moment: datetime, question: str = "How do I brew?", **values: Any
) -> str:
    """Write a thread with one turn and give the thread's id."""
    thread_id = write_thread(store, moment)
    write_turn(store, thread_id, moment, question, **values)
    return thread_id


def read_log(path: Path, sql: str, timezone: str = "UTC") -> list[tuple[Any, ...]]:
    """Ask the published log, resolving the link first."""
    with duckdb.connect(str(path.resolve()), read_only=True) as log:
        log.execute(f"SET TimeZone = '{timezone}'")
        return log.execute(sql).fetchall()


def run_python(script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def list_names(folder: Path) -> set[str]:
    """Give the names of all that is in a folder."""
    return {path.name for path in folder.iterdir()}
