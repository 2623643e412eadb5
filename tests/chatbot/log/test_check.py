"""The checking process judges files, and may itself be lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatbot.errors import LogUnavailable
from chatbot.log import check
from chatbot.log.check import Checker, Tail
from chatbot.log.publisher import Publisher
from chatbot.store.engine import Store
from tests.chatbot.log.rows import write_conversation
from tests.conftest import Clock


@pytest.fixture
def generation(store: Store, publisher: Publisher, log_path: Path, clock: Clock) -> Path:
    """Give a published file with one conversation."""
    write_conversation(store, clock())
    publisher.publish()
    return log_path.resolve()


def test_lost_process_is_replaced(generation: Path) -> None:
    """A child that was killed costs the publisher nothing but a new one."""
    checker = Checker()
    assert checker.read_head(generation).generation == 1
    assert checker._child
    os.kill(checker._child.pid, signal.SIGKILL)
    checker._child.wait()
    assert checker.read_head(generation).rows["messages"] == 2
    checker.close()


def test_process_ends_with_its_parent(generation: Path) -> None:
    """The child ends when its input does, so that no orphan outlives a killed service."""
    checker = Checker()
    checker.read_head(generation)
    child = checker._child
    assert child
    checker.close()
    assert child.returncode == 0


def test_file_that_lacks_what_was_written_is_refused(generation: Path) -> None:
    """Row counts and the rows written last must be found as they were."""
    checker = Checker()
    rows = checker.read_head(generation).rows
    tail = check.Tail("messages", 0, 2, 1)
    with pytest.raises(LogUnavailable, match="does not hold"):
        checker.check(generation, rows, [tail])
    with pytest.raises(LogUnavailable, match="does not hold"):
        checker.check(generation, rows | {"messages": 3}, [])
    checker.close()


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000])
def test_file_that_is_none_of_ours_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever lies there, the answer is a reason, and the child lives on."""
    path = tmp_path / "strange.duckdb"
    path.write_bytes(content)
    checker = Checker()
    for _ in range(2):
        with pytest.raises(LogUnavailable, match=r"\w+Exception"):
            checker.read_head(path)
    checker.close()


def test_child_answers_line_by_line(generation: Path) -> None:
    """One request, one reply; the tail's hash is the same in every process."""
    first = check.answer({"path": str(generation), "tails": [{"table": "messages", "first": 1}]})
    assert first["rows"]["messages"] == 2 and first["tails"][0]["rows"] == 1
    checker = Checker()
    checker.check(generation, first["rows"], [Tail(**first["tails"][0])])
    assert not checker.is_held(generation)
    checker.close()


def test_process_whose_parent_was_killed_ends_without_a_word(generation: Path) -> None:
    """An answer that nobody waits for any more is no traceback among the service's log lines."""
    command = [sys.executable, "-m", "chatbot.log.check"]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, **pipes) as child:  # type: ignore[call-overload]
        child.stdout.close()
        child.stdin.write(json.dumps({"path": str(generation), "tails": []}).encode() + b"\n")
        child.stdin.flush()
        assert child.wait(60) == 0
        assert child.stderr.read() == b""
