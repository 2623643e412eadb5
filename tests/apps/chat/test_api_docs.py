"""The description of the interface is whole: every call, with examples, and the errors that are really sent."""

from __future__ import annotations

from typing import Any

import pytest

from apps.chat.wire import STATUS_OF_CODE
from tests.apps.chat.conftest import Client, Service
from tests.apps.chat.test_guard import WHO_MAY_CALL

# Pages and files for browsers, and the description itself.
UNDESCRIBED = {"GET /login", "POST /login", "GET /api/docs", "GET /api/openapi.json"}
WIDGET = ("/widget", "/api/widget")


@pytest.fixture
def document(tester: Client) -> dict[str, Any]:
    """Give the description as a tester gets it."""
    response = tester.get("/api/openapi.json")
    assert response.status_code == 200
    return dict(response.json())


def list_calls(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Give every call by method and path."""
    return {
        f"{method.upper()} {path}": call
        for path, calls in document["paths"].items()
        for method, call in calls.items()
    }


def test_every_call_is_described(document: dict[str, Any]) -> None:
    """What the interface offers stands in its description, and nothing else."""
    expected = {call for call in WHO_MAY_CALL if call not in UNDESCRIBED}
    found = set(list_calls(document))
    assert {call for call in expected ^ found if not call.split()[1].startswith(WIDGET)} == set()


def test_every_call_says_what_it_does(document: dict[str, Any]) -> None:
    """A call has a sentence, our error in the place of the framework's, and says whether a login is needed."""
    for name, call in list_calls(document).items():
        assert call["description"].rstrip().endswith((".", "…")), name
        assert "422" not in call["responses"], name
        error = call["responses"]["default"]["content"]["application/json"]["example"]["error"]
        assert error["code"] == "rate_limited", name
        assert ("type" in error) == ("/v1/" in name), name
        assert isinstance(call["security"], list), name


def test_every_field_has_an_example(document: dict[str, Any]) -> None:
    """A field shows what it looks like, by an example, a default, or the shape it refers to."""
    shown = ("examples", "default", "const", "enum", "$ref", "anyOf", "items")
    bare = [
        f"{name}.{field}"
        for name, schema in document["components"]["schemas"].items()
        for field, value in schema.get("properties", {}).items()
        if not any(key in value for key in shown) and not name.startswith(("Widget", "Assistant"))
    ]
    assert bare == []


def test_examples_are_accepted(service: Service, document: dict[str, Any]) -> None:
    """A body made of the examples is well-formed: whatever the call answers, it is no invalid_request."""
    schemas = document["components"]["schemas"]
    tester = service.tester()
    tried = 0
    for name, call in list_calls(document).items():
        method, path = name.split()
        if "requestBody" not in call or "rating" in path or path == "/v1/chat/completions":
            continue
        reference = str(call["requestBody"]["content"]["application/json"]["schema"])
        schema = next((value for key, value in schemas.items() if f"/{key}'" in reference), None)
        assert schema is not None, name
        body = {
            field: value["examples"][0]
            for field, value in schema["properties"].items()
            if "examples" in value
        }
        response = tester.request(method, path, json=body)
        code = response.json()["error"]["code"] if response.status_code >= 400 else ""
        assert code != "invalid_request" or path == "/api/accept_notice", (name, response.text)
        tried += 1
    assert tried >= 5


def test_codes_are_listed(document: dict[str, Any]) -> None:
    """Every code stands in the description with its status."""
    text = document["info"]["description"]
    assert [code for code, status in STATUS_OF_CODE.items() if f"`{code}` ({status})" not in text] == []


def test_stream_is_described(document: dict[str, Any]) -> None:
    """The calls that stream say so, with an example."""
    for path, method in (("/api/chat", "post"), ("/api/messages/{message_id}/events", "get")):
        content = document["paths"][path][method]["responses"]["200"]["content"]
        assert "event: done" in content["text/event-stream"]["example"]
