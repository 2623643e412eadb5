"""`python -m apps` begins with both services or neither, and ends with both."""

from __future__ import annotations

import os
import pty
import queue
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from apps.__main__ import describe_services
from chatbot.settings import Settings
from tests.conftest import MakeSettings

START_S = 90.0
END_S = 30.0

# Two small services under the real runner: one listens, one that ignores a polite end may be asked for.
DRIVER = """
import sys
from apps.__main__ import Runner, Service
CODE = '''
import http.server, signal, sys
{ignore}
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
'''
services = [
    Service(name, (sys.executable, "-c", CODE, port), "127.0.0.1", int(port), "/", "PORT")
    for name, port in zip(("chat", "admin"), sys.argv[1:])
]
sys.exit(Runner(services, lambda line: print(line, flush=True)).run())
"""

Start = Callable[..., "Running"]


class Running:
    """A started program, its lines as they come, and all processes that it started."""

    def __init__(self, command: list[str], folder: Path, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self.children: list[psutil.Process] = []
        self._queue: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def wait_for(self, *texts: str) -> None:
        """Wait until lines with all these texts have come, and note the processes there are then."""
        missing = set(texts)
        deadline = time.monotonic() + START_S
        while missing:
            line = self._queue.get(timeout=max(0.1, deadline - time.monotonic()))
            assert line is not None, f"ended before {missing}: {self.lines}"
            missing -= {text for text in missing if text in line}
        self.children = psutil.Process(self.process.pid).children(recursive=True)

    def wait_for_end(self) -> int:
        """Give the exit code, and assert that nothing that was started outlives it."""
        code = self.process.wait(END_S)
        _, alive = psutil.wait_procs(self.children, timeout=END_S)
        assert alive == []
        self._reader.join(END_S)
        return code

    def close(self) -> None:
        """End what a failed test left."""
        for process in [*self.children, self.process]:
            if process.pid and psutil.pid_exists(process.pid):
                process.kill()
        self.process.wait()
        self._reader.join(END_S)
        if self.process.stdout:
            self.process.stdout.close()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            self._queue.put(line)
        self._queue.put(None)


@pytest.fixture
def ports() -> tuple[int, int]:
    """Give two ports that are free."""
    with socket.socket() as one, socket.socket() as other:
        for probe in (one, other):
            probe.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


@pytest.fixture
def environment(settings: Settings, ports: tuple[int, int]) -> dict[str, str]:
    """Give the environment of a program that works in the test's own folders, on its ports."""
    own = {
        "DATA_DIR": str(settings.data_dir),
        "KNOWLEDGE_DIR": str(settings.knowledge_dir),
        "ASSISTANTS_DIR": str(settings.assistants_dir),
        "CHAT_PORT": str(ports[0]),
        "ADMIN_PORT": str(ports[1]),
    }
    return os.environ | own


@pytest.fixture
def start(tmp_path: Path, ports: tuple[int, int], environment: dict[str, str]) -> Iterator[Start]:
    """Give a starter of `python -m apps`, or of the small services, in the test's own folders."""
    started: list[Running] = []

    def start(*, is_small: bool = False, ignore: str = "", **variables: str) -> Running:
        command = [sys.executable, "-m", "apps"]
        if is_small:
            command = [sys.executable, "-c", DRIVER.replace("{ignore}", ignore), *map(str, ports)]
        started.append(Running(command, tmp_path, environment | variables))
        return started[-1]

    yield start
    for running in started:
        running.close()


def test_both_start_and_sigterm_stops_both(start: Start, settings: Settings, ports: tuple[int, int]) -> None:
    """Both addresses are printed once they answer; SIGTERM ends both, exit code 0, no process left."""
    running = start()
    chat, admin = (f"http://127.0.0.1:{port}" for port in ports)
    running.wait_for(f"The chat is ready: {chat}", f"The admin is ready: {admin}")
    assert httpx.get(f"{chat}/health/ready").status_code == 200
    assert httpx.get(f"{admin}/_stcore/health").status_code == 200
    # The output is no terminal: the password lies in a file.
    password = settings.private_dir / "first-admin-password"
    assert any(str(password) in line for line in running.lines)
    assert password.read_text().strip() not in "".join(running.lines)
    assert len(running.children) >= 2
    running.process.send_signal(signal.SIGTERM)
    assert running.wait_for_end() == 0
    assert not {"Traceback", "leaked"} & set(re.findall(r"\w+", "".join(running.lines)))


def test_terminal_is_told_the_first_password(
    environment: dict[str, str], settings: Settings, tmp_path: Path
) -> None:
    """On a terminal the first password is printed and written to no file; an early SIGTERM is an end like any other."""
    master, slave = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "apps"], stdout=slave, stderr=slave, cwd=tmp_path, env=environment
    ) as process:
        os.close(slave)
        text = ""
        while "Ctrl-C stops both" not in text:
            text += os.read(master, 4096).decode()
        time.sleep(0.5)
        process.terminate()
        assert process.wait(END_S) == 0
    os.close(master)
    assert "log in to the admin as admin with the password" in text
    assert not (settings.private_dir / "first-admin-password").exists()


def test_ctrl_c_stops_both(start: Start) -> None:
    """Ctrl-C at the terminal, which goes to the whole foreground group, is an orderly end."""
    running = start(is_small=True)
    running.wait_for("chat is ready", "admin is ready")
    os.killpg(running.process.pid, signal.SIGINT)
    assert running.wait_for_end() == 0
    assert "Traceback" not in "".join(running.lines)


def test_killed_parent_leaves_no_orphan(start: Start) -> None:
    """The services end although their parent could not tell them."""
    running = start(is_small=True)
    running.wait_for("chat is ready", "admin is ready")
    assert len(running.children) == 2
    running.process.kill()
    assert running.wait_for_end() == -signal.SIGKILL


def test_service_that_ends_takes_the_other_down(start: Start) -> None:
    """Where one dies the other is stopped; which one, and how, is said; exit code 1."""
    running = start(is_small=True)
    running.wait_for("chat is ready", "admin is ready")
    running.children[0].kill()
    assert running.wait_for_end() == 1
    assert "The chat ended by signal 9" in running.lines[-1]


def test_second_signal_ends_a_service_that_does_not_listen(start: Start) -> None:
    """Who presses Ctrl-C twice does not wait for a service that ignores the first."""
    running = start(is_small=True, ignore="signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    running.wait_for("chat is ready", "admin is ready")
    started = time.monotonic()
    running.process.send_signal(signal.SIGTERM)
    time.sleep(0.5)
    assert running.process.poll() is None
    running.process.send_signal(signal.SIGTERM)
    assert running.wait_for_end() == 0
    assert time.monotonic() - started < 5


def test_all_wrong_settings_are_named_before_anything_starts(start: Start) -> None:
    """Faults are named in one go, exit code 1, without a traceback."""
    running = start(CHAT_PORT="many", TIMEZONE="Mars")
    assert running.wait_for_end() == 1
    assert len(running.lines) == 2
    assert "CHAT_PORT=many" in running.lines[0]
    assert "TIMEZONE=Mars" in running.lines[1]


def test_taken_port_and_missing_password_are_named(start: Start, ports: tuple[int, int]) -> None:
    """What would make a service fail later is found at once."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", ports[1]))
        taken.listen()
        running = start(CHAT_HOST="0.0.0.0")  # noqa: S104 - to be refused
        assert running.wait_for_end() == 1
    assert len(running.lines) == 2
    assert "CHAT_HOST=0.0.0.0" in running.lines[0]
    assert f"ADMIN_PORT={ports[1]}: another program listens" in running.lines[1]


def test_address_is_one_that_a_browser_can_open(make_settings: MakeSettings) -> None:
    """A host that means every interface is shown as loopback; IPv6 stands in brackets."""
    chat, admin = describe_services(
        make_settings(chat_host="0.0.0.0", admin_host="::1", admin_port=9000)  # noqa: S104 - only shown
    )
    assert chat.address == "http://127.0.0.1:7860"
    assert admin.address == "http://[::1]:9000"


def test_admin_knows_the_address_it_is_reached_by(make_settings: MakeSettings) -> None:
    """Behind a proxy the admin accepts the host name of `ADMIN_URL`; it asks nobody for its own address."""
    _, admin = describe_services(make_settings(admin_url="https://office.example.org:8443/"))
    options = dict(zip(admin.command[5::2], admin.command[6::2], strict=True))
    assert options["--browser.serverAddress"] == "office.example.org"
    assert options["--logger.hideWelcomeMessage"] == "true"
    _, admin = describe_services(make_settings())
    assert "--browser.serverAddress" not in admin.command
