"""The gate refuses by default: paths, origins, hosts, bodies, cookies."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.datastructures import Headers
from starlette.routing import Mount

from apps.chat.guard import MAX_BODY_BYTES, make_cookie, read_token
from tests.apps.chat.conftest import PASSWORD, Client, Serve, Service, read_code

ANYONE, TESTERS, WATCHERS = "anyone", "testers", "loopback or service token"
LOOPBACK = "loopback"

# Who may call each of our own routes: a new one has to be named here.
WHO_MAY_CALL = {
    "GET /login": ANYONE,
    "POST /login": ANYONE,
    "POST /api/login": ANYONE,
    "POST /api/resume": ANYONE,
    "GET /health/live": ANYONE,
    "GET /health/ready": ANYONE,
    "GET /metrics": WATCHERS,
    "GET /widget.js": ANYONE,
    "GET /api/widget": ANYONE,
    "GET /widget-demo": LOOPBACK,
    "GET /widget-demo/style.css": LOOPBACK,
    "GET /widget-demo/demo.js": LOOPBACK,
    "GET /api/docs": TESTERS,
    "GET /api/openapi.json": TESTERS,
    "POST /api/logout": TESTERS,
    "POST /api/resume_code": TESTERS,
    "POST /api/accept_notice": TESTERS,
    "GET /api/assistants": TESTERS,
    "GET /api/assistants/{name}/form": TESTERS,
    "POST /api/messages/{message_id}/file": TESTERS,
    "POST /api/start_chat": TESTERS,
    "GET /api/threads": TESTERS,
    "POST /api/chat": TESTERS,
    "GET /api/messages/{message_id}/events": TESTERS,
    "POST /api/messages/{message_id}/stop": TESTERS,
    "POST /api/messages/{message_id}/request_documentation": TESTERS,
    "GET /api/thread/{thread_id}/messages": TESTERS,
    "GET /api/thread/{thread_id}/transcript.pdf": TESTERS,
    "GET /api/thread/{thread_id}/transcript.md": TESTERS,
    "GET /api/thread/{thread_id}/booklet.pdf": TESTERS,
    "GET /api/thread/{thread_id}/booklet.epub": TESTERS,
    "POST /api/thread/{thread_id}/rating": TESTERS,
    "GET /api/session_status": TESTERS,
    "GET /api/story_prompts": TESTERS,
    "POST /api/story_prompts": TESTERS,
    "PUT /api/story_prompts/{prompt_id}": TESTERS,
    "DELETE /api/story_prompts/{prompt_id}": TESTERS,
    "POST /api/feedback": TESTERS,
    "GET /v1/models": TESTERS,
    "GET /v1/models/{model}": TESTERS,
    "POST /v1/chat/completions": TESTERS,
}
OPEN_TO_ALL = {"/favicon.ico"}


def list_routes(routes: Any, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Give method and path of every route, those of mounted and included apps too."""
    for route in routes:
        inner = getattr(route, "routes", None) or getattr(
            getattr(route, "original_router", None), "routes", None
        )
        if inner:
            here = route.path if isinstance(route, Mount) else ""
            yield from list_routes(inner, prefix + here)
        elif isinstance(route, Mount):
            yield "GET", f"{prefix}{route.path}/anything"
        elif methods := getattr(route, "methods", None):
            yield from ((method, prefix + route.path) for method in methods if method != "HEAD")


def list_own(service: Service) -> list[str]:
    """List our own routes: those of the app that are not the mounted page's."""
    own = [route for route in service.app.router.routes if not isinstance(route, Mount)]
    return [f"{method} {path}" for method, path in list_routes(own)]


def fill(path: str) -> str:
    """Put something in the place of a path's parameters."""
    return re.sub(r"\{[^}]*\}", "anything", path)


def test_every_route_of_ours_says_who_may_call_it(service: Service) -> None:
    """A new route is named in the table above with who may call it, or this fails."""
    assert set(list_own(service)) ^ set(WHO_MAY_CALL) == set()


@pytest.mark.parametrize("call", [call for call, who in WHO_MAY_CALL.items() if who == TESTERS])
def test_testers_routes_need_a_login(service: Service, call: str) -> None:
    """Without a login, or with a token that is not ours, a route of the testers is 401."""
    method, path = call.split()
    for headers in ({}, {"cookie": "guichet=forged"}, {"authorization": "Bearer forged"}):
        response = service.client().request(method, fill(path), headers=headers)
        assert read_code(response) == (401, "not_logged_in")


@pytest.mark.parametrize("call", [call for call, who in WHO_MAY_CALL.items() if who != TESTERS])
def test_open_routes_need_none(service: Service, call: str) -> None:
    """Routes for anyone, and the metrics on loopback, get past the gate."""
    method, path = call.split()
    response = service.client().request(method, path)
    assert "Log in first" not in response.text
    assert response.status_code in (200, 400, 401)
    if response.status_code == 401:
        assert path in ("/login", "/api/login", "/api/resume")


def test_every_route_of_the_page_needs_a_login(service: Service) -> None:
    """Whatever Gradio brings along is closed without a login, and a browser is sent to the login page."""
    mounted = [route for route in service.app.router.routes if isinstance(route, Mount)]
    calls = sorted({(method, fill(path)) for method, path in list_routes(mounted)})
    assert len(calls) > 30
    assert ("GET", "/config") in calls
    client = service.client()
    for method, path in [*calls, ("GET", "/gradio_api/info"), ("GET", "/no/such/path")]:
        if path in WHO_MAY_CALL or path in OPEN_TO_ALL or f"{method} {path}" in WHO_MAY_CALL:
            continue
        code, name = read_code(client.request(method, path))
        assert (code, name) in ((401, "not_logged_in"), (404, "not_found")), (method, path)


def test_browser_without_login_is_sent_to_the_login_page(service: Service) -> None:
    """A page asked for by a browser leads to the login, not to JSON; a call of the API never does."""
    client = service.client(headers={"accept": "text/html,*/*"})
    response = client.get("/")
    assert (response.status_code, response.headers["location"]) == (303, "/login")
    assert client.get("/login").status_code == 200
    assert read_code(client.get("/api/threads")) == (401, "not_logged_in")


def test_login_page_lets_in(service: Service) -> None:
    """The right password gives the cookie and leads to the page; a wrong one shows the form again."""
    client = service.client(address="127.0.0.11")
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/login", content="password=wrong", headers=form).status_code == 401
    response = client.post("/login", content=f"password={PASSWORD}", headers=form)
    assert (response.status_code, response.headers["location"]) == (303, "/")
    assert client.get("/").status_code == 200


def test_page_of_a_tester_is_served(tester: Client) -> None:
    """With a login the page and what it needs come through the gate."""
    assert "gradio" in tester.get("/").text.lower()
    assert tester.get("/config").status_code == 200


@pytest.mark.parametrize("path", ["/gradio_api/upload", "/upload", "/gradio_api/file=http://192.0.2.1/x"])
def test_uploads_and_proxies_are_closed(tester: Client, path: str) -> None:
    """Nothing here takes files or fetches addresses, not even for testers."""
    assert tester.get(path).status_code == 404
    assert tester.post(path).status_code == 404


# Cookies


def read_attributes(cookie: str) -> set[str]:
    """Give the attributes of a `Set-Cookie` value in lower case."""
    return {part.strip().lower() for part in cookie.split(";")[1:]}


def test_cookie_is_out_of_reach_of_scripts_and_foreign_pages(service: Service) -> None:
    """The cookie is HttpOnly and SameSite=Lax, for the whole site and seven days; not Secure on plain HTTP."""
    cookie = service.client().log_in().headers["set-cookie"]
    assert read_attributes(cookie) == {"path=/", "max-age=604800", "httponly", "samesite=lax"}


def test_cookie_is_secure_on_https(serve: Serve) -> None:
    """Behind a proxy that is believed and speaks HTTPS outside, the cookie is Secure, its removal too."""
    client = serve(forwarded_allow_ips="127.0.0.1").client(headers={"x-forwarded-proto": "https"})
    login = client.log_in()
    assert "secure" in read_attributes(login.headers["set-cookie"])
    bearer = {"authorization": f"Bearer {login.json()['token']}"}
    assert "secure" in read_attributes(client.post("/api/logout", headers=bearer).headers["set-cookie"])


def test_forwarding_headers_are_not_believed_by_default(service: Service) -> None:
    """Without FORWARDED_ALLOW_IPS a client cannot choose its scheme or its address."""
    attacker = service.client(address="127.0.0.12", headers={"x-forwarded-proto": "https"})
    assert "secure" not in read_attributes(attacker.log_in().headers["set-cookie"])
    codes = [
        attacker.post("/api/login", json={"password": "x"}, headers={"x-forwarded-for": f"192.0.2.{number}"})
        for number in range(11)
    ]
    assert [response.status_code for response in codes] == [401] * 10 + [429]


def test_token_is_read_from_bearer_then_cookie() -> None:
    """A bearer token wins over the cookie; what is neither gives none."""
    cases = [
        ({}, None),
        ({"cookie": "guichet=c"}, "c"),
        ({"cookie": "a=b; guichet=c; d=e"}, "c"),
        ({"authorization": "Bearer b", "cookie": "guichet=c"}, "b"),
        ({"authorization": "bearer  b "}, "b"),
        ({"authorization": "Basic b", "cookie": "guichet=c"}, "c"),
        ({"authorization": "Bearer", "cookie": "guichet=c"}, "c"),
    ]
    assert [read_token(Headers(headers)) for headers, _ in cases] == [token for _, token in cases]


def test_cookies_of_other_programs_do_not_hide_ours(service: Service) -> None:
    """Another cookie of the same host, well-formed or not, leaves the login as it is."""
    token = service.client().log_in().json()["token"]
    for other in ("a=b", 'json={"a":[1,2]}', "bad[name]=1", "x=\u00e9".encode().decode("latin-1")):
        for cookie in (f"{other}; guichet={token}", f"guichet={token}; {other}"):
            response = service.client().get("/api/threads", headers={"cookie": cookie.encode("latin-1")})
            assert response.status_code == 200, cookie


def test_taken_away_cookie_ends_at_once() -> None:
    """An empty token gives a cookie that has run out."""
    assert make_cookie("", True) == "guichet=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"


# Origins and hosts


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost"])
@pytest.mark.parametrize("path", ["/api/start_chat", "/api/login", "/login", "/gradio_api/queue/join"])
def test_foreign_origin_is_refused(tester: Client, path: str, origin: str) -> None:
    """A page of another origin changes nothing with the tester's cookie."""
    response = tester.post(path, headers={"origin": origin})
    assert read_code(response) == (403, "origin_not_allowed")


def test_own_origin_is_welcome(service: Service, tester: Client) -> None:
    """The service's own page may ask."""
    assert tester.post("/api/start_chat", headers={"origin": service.url}).status_code == 201


def test_cors_is_for_allowed_origins_alone(serve: Serve) -> None:
    """An origin of ALLOWED_ORIGINS may call and read, refusals too, without cookies; another may not."""
    service = serve(allowed_origins="https://docs.example.org")
    token = service.client().log_in().json()["token"]
    headers = {"authorization": f"Bearer {token}"}
    allowed, foreign = {"origin": "https://docs.example.org"}, {"origin": "https://evil.example"}
    client = service.client()
    preflight = {
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,idempotency-key",
    }
    answer = client.options("/api/chat", headers=allowed | preflight)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://docs.example.org"
    assert answer.headers["x-trace-id"]
    for method in ("PUT", "DELETE"):
        asked = allowed | preflight | {"access-control-request-method": method}
        assert client.options("/api/story_prompts/any", headers=asked).status_code == 200
    refused = client.options("/api/chat", headers=foreign | preflight)
    assert refused.status_code == 400
    assert "access-control-allow-origin" not in refused.headers
    response = client.post("/api/start_chat", headers=headers | allowed)
    assert response.status_code == 201
    assert response.headers["access-control-allow-origin"] == "https://docs.example.org"
    assert "access-control-allow-credentials" not in response.headers
    unauthorized = client.get("/api/threads", headers=allowed)
    assert unauthorized.status_code == 401
    assert unauthorized.headers["access-control-allow-origin"] == "https://docs.example.org"
    for path in ("/api/threads", "/config", "/gradio_api/info"):
        response = client.get(path, headers=headers | foreign)
        assert "access-control-allow-origin" not in response.headers


@pytest.mark.parametrize("host", ["docs.example.org", "127.0.0.1:7860", "192.0.2.1"])
def test_gradio_echoes_no_origin(tester: Client, host: str) -> None:
    """On no host name does the mounted page let a foreign origin read, with the cookie least of all."""
    headers = {"host": host, "origin": "https://evil.example"}
    response = tester.get("/config", headers=headers)
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers
    assert "access-control-allow-credentials" not in response.headers


def test_only_trusted_hosts_are_answered(serve: Serve) -> None:
    """With PUBLIC_URL its host and loopback names are answered to, and no other; the refusal has its trace id."""
    client = serve(public_url="https://ask.example.org").client()
    for host in ("ask.example.org", "127.0.0.1", "localhost"):
        assert client.get("/health/live", headers={"host": host}).status_code == 200
    refused = client.get("/health/live", headers={"host": "evil.example"})
    assert refused.status_code == 400
    assert refused.headers["x-trace-id"]


# Bodies


def test_large_body_is_refused_before_it_is_read(service: Service) -> None:
    """A body announced as larger than 64 KiB is refused without waiting for it, and before any login."""
    with socket.create_connection(service.url.removeprefix("http://").split(":"), timeout=5) as connection:
        connection.sendall(
            b"POST /api/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
            b"Content-Length: 65537\r\nConnection: close\r\n\r\n"
        )
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
    assert b" 413 " in answer.split(b"\r\n", 1)[0]
    assert b"body_too_large" in answer


@pytest.mark.parametrize("path", ["/api/chat", "/api/login", "/api/start_chat", "/login"])
def test_large_chunked_body_is_refused(tester: Client, path: str) -> None:
    """A body that does not announce its size is read no further than 64 KiB."""

    def send() -> Iterator[bytes]:
        for _ in range(70):
            yield b" " * 1024

    response = tester.post(path, content=send(), headers={"content-type": "application/json"})
    assert read_code(response) == (413, "body_too_large")


def test_body_of_64_kib_is_read(tester: Client) -> None:
    """The limit itself is allowed."""
    content = b"{}".ljust(MAX_BODY_BYTES)
    headers = {"content-type": "application/json"}
    assert tester.post("/api/start_chat", content=content, headers=headers).status_code == 201
    assert read_code(tester.post("/api/start_chat", content=content + b" ", headers=headers)) == (
        413,
        "body_too_large",
    )


# Headers


@pytest.mark.parametrize("path", ["/", "/login", "/api/threads", "/no/such", "/health/live"])
def test_every_response_has_security_headers(service: Service, path: str) -> None:
    """Sniffing, framing and foreign scripts are refused everywhere; what is personal is not cached."""
    for client in (service.client(), service.tester()):
        headers = client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "server" not in headers
        if path.startswith(("/api", "/login")) or path == "/":
            assert headers["cache-control"] == "no-store"


def test_websockets_are_closed(service: Service) -> None:
    """Nothing here speaks WebSocket: a handshake is refused."""
    host, port = service.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(
            f"GET /queue/join HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        answer = connection.recv(65536)
    assert b"101" not in answer.split(b"\r\n", 1)[0]
