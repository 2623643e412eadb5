"""Two services over one PostgreSQL store are one to their testers: what one knows the other holds to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing

import pytest

from chatbot.codes import Codes
from chatbot.store.engine import Store
from tests.apps.chat.conftest import (
    ANSWERABLE,
    PASSWORD,
    SLOW,
    Client,
    Service,
    collect,
    make_session_settings,
    read_code,
    run_service,
    wait_for,
)
from tests.openai_server import Answer, OpenAIServer
from tests.postgres_server import PostgresServer

MESSAGES = 8
USES = 5
# Half a minute long, where nobody ends it.
ENDLESS = Answer("Teapot listens on port 4180. " * 60, delay_s=0.1)


@pytest.fixture(scope="module")
def replicas(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: PostgresServer, shared_model: OpenAIServer
) -> Iterator[list[Service]]:
    """Run two services, each in a folder of its own, on one database."""
    url = postgres_server.create_database("template")
    with ExitStack() as stack:
        services = []
        for _ in range(2):
            settings = stack.enter_context(
                make_session_settings(
                    tmp_path_factory.mktemp("replica"),
                    store_url=url,
                    secret_key="one key for all replicas, 32 bytes or more",
                    chat_model="openai:fake",
                    openai_base_url=shared_model.url,
                    openai_api_key="sk-test",
                    rate_limit=f"{MESSAGES}/minute",
                )
            )
            services.append(stack.enter_context(run_service(settings)))
        yield services


@pytest.fixture
def both(replicas: list[Service], shared_model: OpenAIServer) -> Iterator[tuple[Client, Client]]:
    """Give one tester's clients of the two services; he logged in at the first."""
    first = replicas[0].client()
    token = first.log_in().json()["token"]
    yield first, replicas[1].client(headers={"authorization": f"Bearer {token}"})
    for service in replicas:
        service.close_clients()


def test_thread_is_busy_everywhere(both: tuple[Client, Client], shared_model: OpenAIServer) -> None:
    """While one replica answers, the other takes no message for the thread; then it does."""
    shared_model.default = SLOW
    first, second = both
    thread = first.start_chat()
    with first.ask_streaming(thread) as events:
        assert next(events).name == "start"
        assert read_code(second.ask(thread)) == (409, "busy")
        assert list(events)[-1].name == "done"
    assert second.ask(thread).status_code == 200
    messages = first.list_messages(thread)
    assert [message["origin"] for message in messages] == ["user", "bot"] * 2


def test_questions_sent_to_both_at_once_are_answered_one_by_one(both: tuple[Client, Client]) -> None:
    """Of messages that arrive together one is taken; the others are told that the thread is busy."""
    thread = both[0].start_chat()
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda number: both[number % 2].ask(thread), range(6)))
    codes = Counter(answer.status_code for answer in answers)
    assert set(codes) <= {200, 409} and codes[200] >= 1
    assert len(both[1].list_messages(thread)) == 2 * codes[200]


def test_messages_are_counted_together(both: tuple[Client, Client]) -> None:
    """What a tester may send in a minute is counted over all replicas."""
    thread = both[0].start_chat()
    for number in range(MESSAGES):
        assert both[number % 2].ask(thread).status_code == 200
    for client in both:
        assert read_code(client.ask(thread)) == (429, "rate_limited")


def test_who_logs_out_is_out_everywhere(both: tuple[Client, Client]) -> None:
    """A token that was ended at one replica is good at none."""
    first, second = both
    assert second.get("/api/threads").status_code == 200
    assert first.post("/api/logout").status_code == 204
    assert read_code(second.get("/api/threads")) == (401, "not_logged_in")


def test_message_sent_again_to_another_replica_is_one_message(
    both: tuple[Client, Client], shared_model: OpenAIServer
) -> None:
    """The same key joins the turn that another replica is at, and later gives its answer."""
    shared_model.default = SLOW
    first, second = both
    thread = first.start_chat()
    key = {"idempotency-key": "the same"}
    with ThreadPoolExecutor(2) as pool:
        one, other = pool.map(lambda client: client.ask(thread, ANSWERABLE, **key), both)
    assert (one.status_code, other.status_code) == (200, 200)
    assert one.json()["message_id"] == other.json()["message_id"]
    assert one.json()["answer"] == other.json()["answer"]
    assert second.ask(thread, ANSWERABLE, **key).json()["answer"] == one.json()["answer"]
    assert read_code(second.ask(thread, "Something else?", **key)) == (422, "idempotency_mismatch")
    assert len(first.list_messages(thread)) == 2


def test_resumed_on_another_replica_gives_the_stored_answer(
    both: tuple[Client, Client], shared_model: OpenAIServer
) -> None:
    """Whoever comes back to another replica gets the answer's end there, once it is stored."""
    shared_model.default = SLOW
    first, second = both
    thread = first.start_chat()
    with first.ask_streaming(thread) as events:
        message_id = next(events).data["message_id"]
        with ThreadPoolExecutor(1) as pool:
            elsewhere = pool.submit(collect, second, f"/api/messages/{message_id}/events")
            done = list(events)[-1]
            (event,) = elsewhere.result(20)
    assert (event.name, event.data["answer"]) == ("done", done.data["answer"])
    (again,) = collect(second, f"/api/messages/{message_id}/events")
    assert again.data["answer"] == done.data["answer"]


def test_answer_is_stopped_at_another_replica(
    both: tuple[Client, Client], shared_model: OpenAIServer
) -> None:
    """Stopping works wherever the request arrives: what was written is kept, and the thread is free."""
    shared_model.default = ENDLESS
    first, second = both
    thread = first.start_chat()
    with first.ask_streaming(thread) as events:
        message_id = next(events).data["message_id"]
        assert second.post(f"/api/messages/{message_id}/stop").status_code == 204
        assert list(events)[-1].name == "done"
    kept = second.list_messages(thread)[-1]
    assert (kept["message_id"], kept["status"]) == (message_id, "stopped")
    assert second.post(f"/api/messages/{message_id}/stop").status_code == 204
    shared_model.default = SLOW
    assert second.ask(thread).status_code == 200


def test_code_lets_in_no_more_than_it_may(replicas: list[Service], both: tuple[Client, Client]) -> None:
    """However many come at once and wherever, a code gives as many logins as it has uses, each a tester of its own."""
    store = replicas[0].services.store
    with closing(Store(replicas[0].services.settings.store_place)) as other:
        _, secret = Codes(other, "test").add("wave-1", max_uses=USES)
    with ThreadPoolExecutor(8) as pool:
        clients = [replicas[number % 2].client() for number in range(3 * USES)]
        answers = list(pool.map(lambda client: client.log_in(secret), clients))
    testers = [answer.json()["tester"] for answer in answers if answer.status_code == 200]
    assert sorted(testers) == [f"wave-1-{number}" for number in range(1, USES + 1)]
    (use,) = Codes(store, "test").list_codes()
    assert (use.code.uses, use.logins) == (USES, USES)


def test_replica_that_does_not_publish_says_nothing_of_the_logs_age(replicas: list[Service]) -> None:
    """Its age is told where the log is; 0 would pass for a fresh one."""
    metrics = replicas[0].client().get("/metrics").text
    assert "guichet_published_age_seconds NaN" in metrics


def test_wrong_passwords_are_counted_together(replicas: list[Service]) -> None:
    """Who guesses at one replica is held back at the other too."""
    clients = [service.client("127.0.0.9") for service in replicas]
    codes = [clients[number % 2].log_in("wrong").status_code for number in range(10)]
    assert codes == [401] * 10
    assert [client.log_in(PASSWORD).status_code for client in clients] == [429, 429]


def test_text_that_the_server_cannot_hold_is_kept_without_it(
    both: tuple[Client, Client], shared_model: OpenAIServer
) -> None:
    """A NUL of the tester's or the model's does not cost the message: it is left out."""
    shared_model.default = type(SLOW)("The port is\x00 4180. [1]")
    thread = both[0].start_chat()
    answer = both[0].ask(thread, "On which port\x00 does Teapot listen?")
    assert answer.status_code == 200
    kept = both[1].list_messages(thread)
    assert [message["content"] for message in kept] == [
        "On which port does Teapot listen?",
        answer.json()["answer"],
    ]
    assert "\x00" not in answer.json()["answer"]


def test_answer_of_a_replica_that_died_is_given_up(
    replicas: list[Service], both: tuple[Client, Client]
) -> None:
    """Once its lease has run out the thread is free again, with an interrupted answer."""
    first, second = both
    thread = first.start_chat()
    store = replicas[0].services.store
    store.write(
        lambda connection: connection.exec_driver_sql(
            "INSERT INTO turns SELECT %s, 'lost', 'question', 1, 'chat:dead', 0, 0", (thread,)
        )
    )
    assert second.ask(thread).status_code == 200
    statuses = [message["status"] for message in first.list_messages(thread) if message["origin"] == "bot"]
    assert statuses[-1] == "complete"
    wait_for(lambda: store.read(lambda c: c.exec_driver_sql("SELECT count(*) FROM turns").scalar()) == 0)
