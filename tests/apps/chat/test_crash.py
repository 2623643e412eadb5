"""A service that is killed under load loses nothing that was acknowledged, and disturbs no reader of the log."""

from __future__ import annotations

import os
import random
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from chatbot.log.verify import verify
from chatbot.store import threads
from chatbot.store.engine import Store
from chatbot.store.records import Message
from tests.apps.chat.conftest import ANSWERABLE, PASSWORD, Client, wait_for, write_knowledge
from tests.conftest import ROOT
from tests.openai_server import Answer, OpenAIServer

CLIENTS = 8
ANSWER = Answer("It listens on port 4180. [1]", delay_s=0.02)
START_S = 120
# A crash comes so long after it is decided, at most.
LONGEST_WAIT_S = 0.3
# Allowed to a restart beside reading its code.
RESTART_S = 5
# Looks again and again into the published log, as any program might, and reports each failure.
READER = """
import sys, time
from pathlib import Path
import duckdb
path = Path(sys.argv[1])
opened = 0
while not Path(sys.argv[2]).exists():
    if path.exists():
        with duckdb.connect(path.resolve(), read_only=True) as log:
            log.execute("SELECT count(*) FROM messages").fetchone()
            opened += 1
    time.sleep(0.02)
print(opened)
"""


@dataclass(slots=True)
class Acknowledged:
    """What clients were told before the crash."""

    questions: dict[str, str] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    threads: set[str] = field(default_factory=set)
    tokens: dict[str, str] = field(default_factory=dict)


class Process:
    """A service process on its folder, which can be killed and started again; none is left at the block's end.

    Args:
        environment: settings beside those of all, by variable.
    """

    def __init__(self, folder: Path, model: OpenAIServer, **environment: str) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._environment = {
            name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")
        } | {
            "DATA_DIR": str(folder / "data"),
            "KNOWLEDGE_DIR": str(write_knowledge(folder / "knowledge")),
            "ASSISTANTS_DIR": str(ROOT / "data" / "assistants"),
            "CHAT_MODEL": "openai:fake",
            "OPENAI_BASE_URL": model.url,
            "OPENAI_API_KEY": "sk-test",
            "BETA_PASSWORD": PASSWORD,
            "CHAT_PORT": str(port),
            "PUBLISH_INTERVAL": "0.2",
            "RATE_LIMIT": "100/second",
            "LOG_LEVEL": "WARNING",
            **environment,
        }
        self._folder = folder
        self._log = folder / "service.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def start(self) -> float:
        """Start, wait until it answers, and give the seconds that took."""
        begun_at = time.perf_counter()
        self.launch()
        self.wait()
        return time.perf_counter() - begun_at

    def launch(self) -> None:
        """Start."""
        with self._log.open("ab") as log:
            # In a folder of its own: the developer's `.env` is not read.
            self.process = subprocess.Popen(
                [sys.executable, "-m", "apps.chat"], cwd=self._folder, env=self._environment, stderr=log
            )

    def wait(self) -> None:
        """Wait until it answers."""
        wait_for(self._is_ready, timeout_s=START_S)

    def kill(self) -> None:
        """End it without a word, as a power cut does."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> int:
        """Ask it to end, and give its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def read_log(self) -> str:
        """Give what it wrote to stderr."""
        return self._log.read_text()

    def _is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.read_log()
        with suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health/ready", timeout=1).status_code == 200
        return False


@contextmanager
def read_in_a_loop(path: Path, folder: Path) -> Iterator[list[int]]:
    """Have another process read the published log in a loop; at the end it must not have failed once."""
    over = folder / "reader-stop"
    opened: list[int] = []
    with subprocess.Popen(
        [sys.executable, "-c", READER, str(path), str(over)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as reader:
        try:
            yield opened
        finally:
            over.touch()
            output, errors = reader.communicate(timeout=20)
    assert errors == ""
    opened.append(int(output))


def keep_asking(
    url: str, told: Acknowledged, is_streaming: bool, stop: threading.Event | None = None
) -> None:
    """Ask one question after the other until told to stop or the service is gone; note what it acknowledged."""
    with suppress(httpx.TransportError), Client(base_url=url, timeout=10) as client:
        token = client.log_in().json()["token"]
        while not (stop and stop.is_set()):
            thread = client.start_chat()
            told.threads.add(thread)
            told.tokens[thread] = token
            for number in range(3):
                text = ANSWERABLE + "?" * number
                if is_streaming:
                    with client.ask_streaming(thread, text) as stream:
                        start = next(stream).data
                        told.questions[start["user_message_id"]] = text
                        for event in stream:
                            if event.name == "done":
                                told.answers[event.data["message_id"]] = event.data["answer"]
                else:
                    body = client.ask(thread, text).json()
                    told.answers[body["message_id"]] = body["answer"]


def read_all(store: Store, thread_ids: set[str]) -> dict[str, Message]:
    """Give all messages of some threads by their ids."""
    return {
        message.message_id: message
        for thread_id in thread_ids
        for message in store.read(threads.list_messages, thread_id)
    }


@pytest.mark.timeout(170)
def test_killed_service_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    """After `kill -9` under load all that was acknowledged is there; what was cut off is an interrupted row."""
    run_rounds(tmp_path, rounds=1, clients=CLIENTS)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_service_is_killed_again_and_again(tmp_path: Path) -> None:
    """The same a hundred times over, under more clients; it is there again five seconds after its imports."""
    restarts_s = run_rounds(tmp_path, rounds=100, clients=20)
    imports_s = statistics.median(measure_imports() for _ in range(5))
    sys.stdout.write(
        f"restarts: median {statistics.median(restarts_s):.1f} s, longest {max(restarts_s):.1f} s;"
        f" imports alone {imports_s:.1f} s\n"
    )
    assert max(restarts_s) < imports_s + RESTART_S


def measure_imports() -> float:
    """Give the seconds in which a process has read the service's code."""
    begun_at = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import apps.chat.main"], cwd=ROOT, check=True)
    return time.perf_counter() - begun_at


def run_rounds(folder: Path, rounds: int, clients: int) -> list[float]:
    """Start a service, and kill it under load round after round, while another process reads the log.

    Returns:
        the seconds of each restart.
    """
    data = folder / "data"
    with OpenAIServer(ANSWER) as model, Process(folder, model) as service:
        service.start()
        with read_in_a_loop(data / "conversations.duckdb", folder) as opened:
            restarts_s = [
                kill_under_load(service, model, data / "private" / "guichet.db", clients)
                for _ in range(rounds)
            ]
            time.sleep(0.5)
        assert opened[0] > 20
        assert service.stop() == 0
        assert "Traceback" not in service.read_log()
    with closing(Store(data / "private" / "guichet.db")) as store:
        assert verify(store, data) == []
    return restarts_s


def kill_under_load(service: Process, model: OpenAIServer, place: Path, clients: int) -> float:
    """Kill a service while clients ask, start it again, and compare the store with what they were told.

    Returns:
        the seconds of the restart.
    """
    told = Acknowledged()
    model.default = ANSWER
    askers = [
        threading.Thread(target=keep_asking, args=(service.url, told, number % 2 == 0))
        for number in range(clients)
    ]
    for asker in askers:
        asker.start()
    wait_for(lambda: len(told.answers), lambda count: count >= 3 * clients, timeout_s=START_S)
    # At the crash half of the clients wait in mid-answer for certain; the others are wherever they are.
    hanging = HalfHanging(clients // 2)
    model.default = hanging.choose
    wait_for(lambda: hanging.left, lambda left: left == 0, timeout_s=START_S)
    time.sleep(random.uniform(0, LONGEST_WAIT_S))
    service.kill()
    for asker in askers:
        asker.join(15)
    model.default = Answer(ANSWER.text)
    restart_s = service.start()
    check_kept(place, told, clients // 2)
    ask_again(service.url, told)
    return restart_s


class HalfHanging:
    """A model that falls silent in some answers, and gives the others.

    Args:
        left: how many are still to hang.
    """

    def __init__(self, left: int) -> None:
        self.left = left
        self._lock = threading.Lock()

    def choose(self, body: dict[str, Any]) -> Answer:
        """Give the answer to a request."""
        with self._lock:
            is_hanging = self.left > 0
            self.left -= is_hanging
        return Answer(ANSWER.text, fault="hang", after=3) if is_hanging else ANSWER


def count_running(place: Path | str) -> int:
    """Count the turns under way, from the store."""
    store = Store(place)
    try:
        query = "SELECT count(*) FROM turns"
        return int(store.read(lambda connection: connection.exec_driver_sql(query).scalar() or 0))
    finally:
        store.close()


def check_kept(place: Path | str, told: Acknowledged, least: int) -> None:
    """Compare the store with what clients were told.

    Args:
        least: how many answers were cut off.
    """
    store = Store(place)
    try:
        kept = read_all(store, told.threads)
    finally:
        store.close()
    assert told.questions
    for message_id, text in told.questions.items():
        assert kept[message_id].content == text
    for message_id, text in told.answers.items():
        assert (kept[message_id].content, kept[message_id].status) == (text, "complete")
    answers = [message for message in kept.values() if message.origin == "bot"]
    questions = [message for message in kept.values() if message.origin == "user"]
    assert len(answers) == len(questions)
    interrupted = [message for message in answers if message.status == "interrupted"]
    assert len(interrupted) >= least
    assert {message.error_origin for message in interrupted} <= {"service"}
    assert {message.status for message in answers} <= {"complete", "interrupted"}
    assert count_running(place) == 0


def ask_again(url: str, told: Acknowledged) -> None:
    """Ask in every thread that was cut off, with the login from before the crash."""
    for thread, token in told.tokens.items():
        with Client(base_url=url, timeout=10, headers={"authorization": f"Bearer {token}"}) as client:
            if (
                client.list_messages(thread)[-1:]
                and client.list_messages(thread)[-1]["status"] == "interrupted"
            ):
                assert client.ask(thread).status_code == 200
