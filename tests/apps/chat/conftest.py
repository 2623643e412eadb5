"""A chat service that really runs: uvicorn in a thread on a free port, a real model's server behind it."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from apps.chat.services import Services
from chatbot.settings import Settings, load_settings
from chatbot.store import threads
from chatbot.store.engine import Clock, utc_now
from chatbot.store.records import Message
from tests.conftest import DOCUMENTS, ROOT
from tests.openai_server import Answer, OpenAIServer

PASSWORD = "two lumps of sugar"
ANSWERABLE = "On which port does Teapot listen?"
UNANSWERABLE = "Who won the football championship of Uruguay?"
TIMEOUT_S = 60
SESSION_FIELDS = {"active", "seconds_left", "messages_left", "characters_left", "expires_at"}
REPLY_FIELDS = {"message_id", "answer", "answer_html", "answered", "citations", "nearest", "session"}
CITATION_FIELDS = {"number", "source", "heading", "snippet", "snippet_html"}
SLOW = Answer("One two three four five. [1]", delay_s=0.15)
NOWHERE = "00000000-0000-4000-8000-000000000000"


@dataclass(frozen=True, slots=True)
class Event:
    """A server-sent event."""

    number: int
    name: str
    data: dict[str, Any]


class Client(httpx.Client):
    """A tester's program: an HTTP client with the few calls that most tests make."""

    def log_in(self, password: str = PASSWORD) -> httpx.Response:
        """Log in; the cookie stays with this client."""
        return self.post("/api/login", json={"password": password})

    def start_chat(self) -> str:
        """Start a thread and give its id."""
        response = self.post("/api/start_chat")
        assert response.status_code == 201, response.text
        return str(response.json()["thread_id"])

    def ask(self, thread_id: str, message: str = ANSWERABLE, **headers: str) -> httpx.Response:
        """Ask, and wait for the whole answer."""
        return self.post("/api/chat", json={"thread_id": thread_id, "message": message}, headers=headers)

    @contextmanager
    def ask_streaming(
        self, thread_id: str, message: str = ANSWERABLE, **headers: str
    ) -> Iterator[Iterator[Event]]:
        """Ask, and read the answer's events as they come."""
        body = {"thread_id": thread_id, "message": message}
        headers = {"accept": "text/event-stream"} | headers
        with self.stream("POST", "/api/chat", json=body, headers=headers) as response:
            if response.status_code != 200:
                response.read()
            assert response.status_code == 200, response.text
            yield read_events(response)

    def list_messages(self, thread_id: str) -> list[dict[str, Any]]:
        """Give a thread's messages."""
        return list(self.get(f"/api/thread/{thread_id}/messages").json()["messages"])

    def wait_for_answers(self, thread_id: str, count: int = 1) -> list[dict[str, Any]]:
        """Give a thread's answers once there are so many."""
        return wait_for(
            lambda: [message for message in self.list_messages(thread_id) if message["origin"] == "bot"],
            lambda answers: len(answers) >= count,
        )


class Service:
    """A running service and clients for it."""

    def __init__(self, services: Services, app: FastAPI, url: str) -> None:
        self.services = services
        self.app = app
        self.url = url
        self._clients = ExitStack()

    def client(self, address: str = "127.0.0.1", **options: Any) -> Client:
        """Give a client without login; `address` is the one of loopback that it comes from."""
        transport = httpx.HTTPTransport(local_address=address)
        client = Client(base_url=self.url, transport=transport, timeout=TIMEOUT_S, **options)
        return self._clients.enter_context(client)

    def tester(self, **options: Any) -> Client:
        """Give a client that has logged in: a tester of its own."""
        client = self.client(**options)
        response = client.log_in()
        assert response.status_code == 200, response.text
        return client

    def close_clients(self) -> None:
        """Close the clients made so far."""
        self._clients.close()


Serve = Callable[..., Service]


def read_events(response: httpx.Response) -> Iterator[Event]:
    """Give the events of a stream as they come; comments are passed over."""
    fields: dict[str, str] = {}
    for line in response.iter_lines():
        name, _, value = line.partition(": ")
        if name:
            fields[name] = value
        elif not line and fields:
            if "event" in fields:
                yield Event(int(fields["id"]), fields["event"], json.loads(fields["data"]))
            fields = {}


def wait_for(read: Callable[[], Any], is_right: Callable[[Any], bool] = bool, timeout_s: float = 60) -> Any:
    """Read again until it is right."""
    end = time.monotonic() + timeout_s
    while not is_right(found := read()):
        assert time.monotonic() < end, f"still {found!r}"
        time.sleep(0.02)
    return found


def read_code(response: httpx.Response) -> tuple[int, str]:
    """Give the status and code of an error, whose form is checked."""
    error = response.json()["error"]
    assert error["message"]
    assert error["trace_id"] == response.headers["x-trace-id"]
    return response.status_code, str(error["code"])


@contextmanager
def run_service(settings: Settings, *, clock: Clock = utc_now) -> Iterator[Service]:
    """Run a service as `python -m apps.chat` does, but in a thread and on a free port."""
    # Imported here: Gradio takes seconds, and is needed where a service runs.
    from apps.chat import main

    services = main.build_services(settings, clock=clock)
    ready: Future[tuple[FastAPI, uvicorn.Server]] = Future()

    async def serve() -> None:
        # Built in the running loop: without one, Gradio makes loops that nobody closes.
        try:
            app = main.create_app(services)
            config = main.make_config(app, settings)
            config.port = 0
            server = uvicorn.Server(config)
        except Exception as error:
            ready.set_exception(error)
            raise
        ready.set_result((app, server))
        await server.serve()

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="chat-service", daemon=True)
    thread.start()
    app, server = ready.result(TIMEOUT_S)
    while not server.started:
        assert thread.is_alive(), "the service did not start"
        time.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    service = Service(services, app, f"http://127.0.0.1:{port}")
    try:
        yield service
    finally:
        service.close_clients()
        server.should_exit = True
        thread.join(TIMEOUT_S)
        assert not thread.is_alive(), "the service did not end"


def write_knowledge(folder: Path) -> Path:
    """Write the small documents of the tests."""
    for name, text in DOCUMENTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@contextmanager
def make_session_settings(folder: Path, **overrides: Any) -> Iterator[Settings]:
    """Give settings for a service that many tests share, whatever the developer's own environment says."""
    with pytest.MonkeyPatch.context() as patch:
        for name in Settings.model_fields:
            patch.delenv(name.upper(), raising=False)
        patch.setitem(Settings.model_config, "env_file", None)
        values: dict[str, Any] = {
            "data_dir": folder / "data",
            "knowledge_dir": write_knowledge(folder / "knowledge"),
            "assistants_dir": ROOT / "data" / "assistants",
            "publish_interval": 0,
            "beta_password": PASSWORD,
        }
        yield load_settings(**(values | overrides))


@pytest.fixture(scope="session")
def shared_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """Run one service with the offline model and a password, for all tests that change nothing of it."""
    with (
        make_session_settings(tmp_path_factory.mktemp("offline")) as settings,
        run_service(settings) as service,
    ):
        yield service


@pytest.fixture(scope="session")
def shared_model() -> Iterator[OpenAIServer]:
    """Run the model's server behind `online_service`."""
    with OpenAIServer() as server:
        yield server


@pytest.fixture(scope="session")
def online_service(tmp_path_factory: pytest.TempPathFactory, shared_model: OpenAIServer) -> Iterator[Service]:
    """Run one service whose answers come from a model over HTTP."""
    with (
        make_session_settings(
            tmp_path_factory.mktemp("online"),
            chat_model="openai:fake",
            openai_base_url=shared_model.url,
            openai_api_key="sk-test",
            # As short as those can bear who wait for it, and long enough for a busy machine.
            model_timeout=3,
            model_deadline=20,
        ) as settings,
        run_service(settings) as service,
    ):
        yield service


@pytest.fixture
def service(shared_service: Service) -> Iterator[Service]:
    """Give the service with the offline model."""
    yield shared_service
    shared_service.close_clients()


@pytest.fixture
def online(online_service: Service) -> Iterator[Service]:
    """Give the service with the model over HTTP."""
    yield online_service
    online_service.close_clients()


@pytest.fixture
def tester(service: Service) -> Client:
    """Give a tester of the service with the offline model."""
    return service.tester()


@pytest.fixture
def asker(online: Service) -> Client:
    """Give a tester of the service with the model over HTTP."""
    return online.tester()


@pytest.fixture
def serve(make_settings: Callable[..., Settings]) -> Iterator[Serve]:
    """Run services with settings of the test's own."""
    with ExitStack() as stack:

        def start(*, clock: Clock = utc_now, **overrides: Any) -> Service:
            settings = make_settings(**({"publish_interval": 0, "beta_password": PASSWORD} | overrides))
            return stack.enter_context(run_service(settings, clock=clock))

        yield start


@pytest.fixture(autouse=True)
def _default_answer(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave the shared model's server as it was found."""
    yield
    if "shared_model" in request.fixturenames:
        request.getfixturevalue("shared_model").default = Answer()


def read_stored(service: Service, message_id: str) -> Message:
    """Give an answer as it is stored."""
    return service.services.store.read(threads.read_message, message_id)


def post_json(client: Client, content: str) -> httpx.Response:
    """Ask with a body that is sent letter by letter."""
    headers = {"content-type": "application/json"}
    return client.post("/api/chat", content=content.encode(), headers=headers)


def collect(client: Client, path: str, **headers: str) -> list[Event]:
    """Give all events of a stream."""
    with client.stream("GET", path, headers=headers) as response:
        assert response.status_code == 200
        return list(read_events(response))
