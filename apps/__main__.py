"""`python -m apps`: chat service and admin together, as two child processes that begin and end with this one."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from ctypes import CDLL
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from chatbot.accounts import ensure_first_admin
from chatbot.commands.config import list_faults
from chatbot.errors import GuichetError, SettingsError
from chatbot.settings import Settings, load_settings
from chatbot.store.engine import Store

ADMIN_PAGE = Path(__file__).parent / "admin" / "main.py"
POLL_S = 0.1
PROBE_TIMEOUT_S = 1.0
# The chat service gives its own connections three seconds, then publishes once more.
GRACE_S = 15.0
PR_SET_PDEATHSIG = 1
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Service:
    """A child process: what to call it, what to run, where it listens, and what tells that it is ready."""

    name: str
    command: tuple[str, ...]
    host: str
    port: int
    probe: str
    setting: str

    @property
    def address(self) -> str:
        """Where a browser of this machine finds it."""
        return f"http://{self.reachable_host}:{self.port}"

    @property
    def reachable_host(self) -> str:
        """The host to connect to: one that means every interface is no address."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 - not bound here
        return f"[{host}]" if ":" in host else host


class Runner:
    """Runs services together: where one ends, all end.

    Args:
        write: takes a line for people.
    """

    def __init__(self, services: Sequence[Service], write: Callable[[str], None]) -> None:
        self._services = services
        self._write = write
        self._children: list[subprocess.Popen[bytes]] = []
        self._waiting = list(services)
        self._signals = 0

    def run(self) -> int:
        """Start the services and wait; exit code 0 after a signal, 1 where a service ended by itself."""
        previous = {number: signal.signal(number, self._note_signal) for number in SIGNALS}
        try:
            for service in self._services:
                self._children.append(_start(service))
            while not self._signals:
                if ended := self._find_ended():
                    self._write(ended)
                    return 1
                self._announce()
                time.sleep(POLL_S)
            return 0
        finally:
            self._stop()
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _note_signal(self, _number: int, _frame: object) -> None:
        self._signals += 1

    def _find_ended(self) -> str | None:
        for service, child in zip(self._services, self._children, strict=True):
            if (code := child.poll()) is not None:
                how = f"by signal {-code}" if code < 0 else f"with exit code {code}"
                return f"The {service.name} ended {how}; its reason stands above. Everything is stopped."
        return None

    def _announce(self) -> None:
        ready = [service for service in self._waiting if _is_ready(service)]
        for service in ready:
            self._waiting.remove(service)
            self._write(f"The {service.name} is ready: {service.address}")

    def _stop(self) -> None:
        """End all that runs: politely, and by force after a while or a second signal."""
        already = self._signals
        for child in self._children:
            # Not its group: the chat still needs the process that checks its last publication.
            child.terminate()
        deadline = time.monotonic() + GRACE_S
        while any(child.poll() is None for child in self._children):
            if time.monotonic() > deadline or self._signals > max(1, already):
                break
            time.sleep(POLL_S)
        for child in self._children:
            # The whole group: what a child leaves behind must not outlive it.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()


def describe_services(settings: Settings) -> tuple[Service, ...]:
    """Give the two services as the settings want them."""
    chat = Service(
        name="chat",
        command=(sys.executable, "-m", "apps.chat"),
        host=settings.chat_host,
        port=settings.chat_port,
        probe="/health/live",
        setting="CHAT_PORT",
    )
    options = {
        "server.address": settings.admin_host,
        "server.port": str(settings.admin_port),
        "server.headless": "true",
        # Said again here: `.streamlit/config.toml` is read from the folder this was started in alone.
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
        "client.showErrorDetails": "none",
        # The addresses are told here; its own message asks a server on the Internet for this machine's address.
        "logger.hideWelcomeMessage": "true",
    }
    if settings.admin_url:
        # Behind a proxy that changes the Host header a browser's origin is known by this alone.
        options["browser.serverAddress"] = urlsplit(settings.admin_url).hostname or ""
    admin = Service(
        name="admin",
        command=(
            *(sys.executable, "-m", "streamlit", "run", str(ADMIN_PAGE)),
            *(part for name, value in options.items() for part in (f"--{name}", value)),
        ),
        host=settings.admin_host,
        port=settings.admin_port,
        probe="/_stcore/health",
        setting="ADMIN_PORT",
    )
    return chat, admin


def main() -> int:
    """Check the settings, make the first account, run both; give the exit code."""
    try:
        settings = load_settings()
        services = describe_services(settings)
        if faults := list_faults(settings) + _list_taken_ports(services):
            raise SettingsError(faults)
        with closing(Store(settings.store_place)) as store:
            ensure_first_admin(
                store, settings.private_dir, is_terminal=sys.stdout.isatty(), announce=_write_line
            )
    except GuichetError as error:
        for line in error.faults if isinstance(error, SettingsError) else [str(error)]:
            sys.stderr.write(f"error: {line}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"error: {error.filename or 'A file'}: {error.strerror or error}\n")
        return 1
    except KeyboardInterrupt:
        return 0
    _write_line("Starting the chat and the admin; this takes some seconds. Ctrl-C stops both.")
    return Runner(services, _write_line).run()


def _write_line(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def _list_taken_ports(services: Sequence[Service]) -> list[str]:
    return [
        f"{service.setting}={service.port}: another program listens on {service.host}:{service.port} already "
        f"({error.strerror}). Stop it, or choose another port."
        for service in services
        if (error := _try_to_bind(service)) is not None
    ]


def _try_to_bind(service: Service) -> OSError | None:
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            service.host, service.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            # As the services do: connections of an earlier run that are still being closed are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        return error
    return None


def _start(service: Service) -> subprocess.Popen[bytes]:
    parent = os.getpid()
    prctl = getattr(CDLL(None), "prctl", None)

    def follow_parent() -> None:
        """Have the kernel end the child with its parent, even where that is killed."""
        if prctl is not None:
            prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)

    # A group of its own: Ctrl-C at the terminal reaches this process alone, which then ends its children in order.
    # preexec_fn is safe here: this process has one thread.
    return subprocess.Popen(service.command, process_group=0, preexec_fn=follow_parent)


def _is_ready(service: Service) -> bool:
    connection = http.client.HTTPConnection(
        service.reachable_host.strip("[]"), service.port, timeout=PROBE_TIMEOUT_S
    )
    try:
        connection.request("GET", service.probe)
        # One that answers only to other host names refuses this one, and is ready even so.
        return connection.getresponse().status < http.client.INTERNAL_SERVER_ERROR
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(main())
