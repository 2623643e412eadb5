"""Limits per tester and per address hold across testers, processes and restarts."""

from __future__ import annotations

import pytest

from chatbot import conversation
from tests.apps.chat.conftest import ANSWERABLE, Serve, Service, read_code
from tests.conftest import Clock

OPENAI_BODY = {"model": "support", "messages": [{"role": "user", "content": ANSWERABLE}]}


@pytest.fixture(autouse=True)
def _two_testers_per_address(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let one address send what two testers may."""
    monkeypatch.setattr(conversation, "TESTERS_PER_SOURCE", 2)


def ask(service: Service, address: str = "127.0.0.1") -> tuple[int, str]:
    """Ask as a new tester from an address; give status and code."""
    tester = service.tester(address=address)
    response = tester.ask(tester.start_chat())
    return read_code(response) if response.status_code != 200 else (200, "")


def test_testers_behind_one_address_are_told_apart(serve: Serve) -> None:
    """One tester's messages do not use up another's, though both come from one address."""
    service = serve(rate_limit="1/minute")
    first, second = service.tester(), service.tester()
    thread, other = first.start_chat(), second.start_chat()
    assert first.ask(thread).status_code == 200
    refused = first.post(
        "/api/chat", json={"thread_id": thread, "message": "And this?"}, headers={"accept-language": "fr"}
    )
    assert read_code(refused) == (429, "rate_limited")
    assert "The limit of 1 message per minute is reached. Wait " in refused.json()["error"]["message"]
    assert "La limite de 1 message par minute est atteinte." in refused.json()["error"]["explanation"]
    assert second.ask(other).status_code == 200


def test_new_logins_do_not_lift_the_limit(serve: Serve) -> None:
    """Who logs in anew for each message is stopped by the limit of his address, by every channel; others are not."""
    service = serve(rate_limit="1/minute")
    assert [ask(service)[0] for _ in range(2)] == [200, 200]
    assert ask(service) == (429, "rate_limited")
    refused = service.tester().post("/v1/chat/completions", json=OPENAI_BODY)
    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "rate_limited")
    assert ask(service, "127.0.0.21") == (200, "")


def test_limits_hold_across_processes(serve: Serve, clock: Clock) -> None:
    """What was counted by one process counts in another over the same store, until the window ends."""
    first, second = serve(rate_limit="1/minute", clock=clock), serve(rate_limit="1/minute", clock=clock)
    assert [ask(first)[0] for _ in range(2)] == [200, 200]
    assert ask(second) == (429, "rate_limited")
    clock.advance(minutes=1)
    assert ask(second) == (200, "")


def test_addresses_are_not_stored(serve: Serve) -> None:
    """What limits count by does not hold the address."""
    service = serve()
    assert ask(service, "127.0.0.33") == (200, "")
    query = "SELECT key FROM limit_counters"
    keys = service.services.store.read(lambda connection: connection.exec_driver_sql(query).scalars().all())
    assert any("source" in key for key in keys)
    assert "127.0.0.33" not in str(keys)
