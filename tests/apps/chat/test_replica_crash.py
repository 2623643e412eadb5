"""One of two services on a PostgreSQL store is killed under load: the other goes on, and all invariants hold."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chatbot.log.verify import verify
from chatbot.store.engine import Store
from tests.apps.chat.conftest import wait_for
from tests.apps.chat.test_crash import (
    CLIENTS,
    START_S,
    Acknowledged,
    Process,
    ask_again,
    check_kept,
    count_running,
    keep_asking,
    read_in_a_loop,
)
from tests.openai_server import Answer, OpenAIServer

ANSWER = Answer("It listens on port 4180. [1]", delay_s=0.05)
KEY = "one key for all replicas, 32 bytes or more"
LONG_ROUNDS = 5
# The lease of a turn, and the survivor's round.
RECOVERY_S = 60


@contextmanager
def watch(folder: Path, url: str) -> Iterator[Path]:
    """Have a process of its own publish the store; gives its data folder."""
    folder.mkdir()
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment |= {"STORE_URL": url, "DATA_DIR": str(folder / "data"), "PUBLISH_INTERVAL": "0.2"}
    command = [sys.executable, "-m", "chatbot", "publish", "--watch"]
    with subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL) as publisher:
        try:
            yield folder / "data"
        finally:
            publisher.terminate()
            assert publisher.wait(START_S) == 0


@contextmanager
def load(service: Process) -> Iterator[Acknowledged]:
    """Have half of the clients ask a service until the block ends or it is gone."""
    told, stop = Acknowledged(), threading.Event()
    clients = [
        threading.Thread(target=keep_asking, args=(service.url, told, number % 2 == 0, stop))
        for number in range(CLIENTS // 2)
    ]
    for client in clients:
        client.start()
    try:
        yield told
    finally:
        stop.set()
        for client in clients:
            client.join(START_S)


def wait_for_answers(told: Acknowledged) -> None:
    """Wait until some more answers came."""
    before = len(told.answers)
    wait_for(lambda: len(told.answers), lambda count: count >= before + CLIENTS, timeout_s=START_S)


def let_leases_run_out(url: str) -> None:
    """Let all turns under way be as if their time had passed."""
    with closing(Store(url)) as store:
        store.write(lambda connection: connection.exec_driver_sql("UPDATE turns SET lease_until = 0"))


def kill_one(doomed: Process, survivor: Process, url: str, *, is_waiting: bool) -> None:
    """Kill one of two services under load, and compare the store with what the clients of both were told."""
    with load(survivor) as kept:
        with load(doomed) as told:
            wait_for_answers(told)
            wait_for(lambda: count_running(url), lambda count: count >= CLIENTS // 2, timeout_s=START_S)
            doomed.kill()
        wait_for_answers(kept)
    if not is_waiting:
        let_leases_run_out(url)
    wait_for(lambda: count_running(url), lambda count: count == 0, timeout_s=RECOVERY_S)
    check_kept(url, told, least=1)
    check_kept(url, kept, least=0)
    ask_again(survivor.url, told)


@pytest.mark.timeout(170)
def test_replica_that_is_killed_takes_nothing_with_it(tmp_path: Path, postgres_url: str) -> None:
    """What both replicas acknowledged is there once; the log of a third process holds exactly the store."""
    run_rounds(tmp_path, postgres_url, rounds=1)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_replicas_are_killed_in_turn(tmp_path: Path, postgres_url: str) -> None:
    """The same round after round, now the one and now the other, until the leases run out by themselves."""
    run_rounds(tmp_path, postgres_url, rounds=LONG_ROUNDS)


def run_rounds(folder: Path, url: str, rounds: int) -> None:
    """Run two services and a publisher, and kill a service per round."""
    environment = {"STORE_URL": url, "SECRET_KEY": KEY, "PUBLISH_INTERVAL": "0"}
    with OpenAIServer(ANSWER) as model, watch(folder / "publisher", url) as data:
        for name in ("one", "other"):
            (folder / name).mkdir()
        with (
            Process(folder / "one", model, **environment) as one,
            Process(folder / "other", model, **environment) as other,
        ):
            for service in (one, other):
                service.launch()
            for service in (one, other):
                service.wait()
            with read_in_a_loop(data / "conversations.duckdb", folder) as opened:
                for number in range(rounds):
                    doomed, survivor = (one, other) if number % 2 == 0 else (other, one)
                    kill_one(doomed, survivor, url, is_waiting=rounds > 1)
                    if rounds > 1:
                        doomed.start()
            assert opened[0] > 10
            assert survivor.stop() == 0
            assert "Traceback" not in survivor.read_log()
    with closing(Store(url)) as store:
        assert verify(store, data) == []
