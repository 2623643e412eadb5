"""The one gate in front of everything: it refuses by default.

Gradio leaves routes of its own open whatever its `auth_dependency` says, so the gate stands before it as ASGI
middleware: only the paths named here are reached without a login. It also bounds bodies before they are read, refuses
changes asked for by foreign pages, and gives every response its headers. `edge` stands before it.
"""

from __future__ import annotations

import logging
import time
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.chat.edge import build_headers, read_host
from apps.chat.loopback import read_address
from apps.chat.refusals import refuse, refuse_error
from apps.chat.services import COOKIE, Services, choose_language
from apps.chat.tunnel import Tunnel
from chatbot.access import LOGIN_LIFE
from chatbot.errors import GuichetError, NotLoggedIn, OriginNotAllowed
from chatbot.store.records import Login
from chatbot.telemetry import log_event, log_security

logger = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
# Reached without a login. `/metrics` asks for its own token, `/widget-demo` for loopback.
OPEN_PATHS = frozenset(
    {
        "/login",
        "/api/login",
        "/api/resume",
        "/health/live",
        "/health/ready",
        "/metrics",
        "/favicon.ico",
        "/login.css",
        "/widget.js",
        "/api/widget",
        "/widget-demo",
        "/widget-demo/style.css",
        "/widget-demo/demo.js",
    }
)
# In open mode a login is made where a tester comes in.
DOORS = frozenset({"/", "/api/start_chat"})
UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
KNOWN_METHODS = UNSAFE | {"GET", "HEAD", "OPTIONS"}
# Gradio's own upload; nothing here takes files.
CLOSED_PREFIXES = ("/gradio_api/upload", "/upload", "/gradio_api/file=http", "/gradio_api/proxy=")
JSON_PREFIXES = ("/api/", "/v1/")
# What never changes while a version stands may be kept; all else may be personal.
CACHED_PREFIXES = ("/static/", "/assets/", "/gradio_api/static/", "/gradio_api/assets/", "/api/docs/assets/")
CACHED_PATHS = frozenset({"/theme.css", "/favicon.ico", "/widget.js", "/login.css"})


class Guard:
    """ASGI middleware; see the module.

    The login is found in the scope's state as `login`.
    """

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services
        self._own_origins = frozenset(services.settings.origins)
        self.headers = build_headers(services.settings.origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        await _Exchange(self, scope, receive, send, Headers(scope=scope)).run()

    async def check(self, scope: Scope, headers: Headers) -> tuple[Login | None, str | None]:
        """Let a request through, or refuse it.

        Returns:
            The login, if any, and the token of one that was made just now.

        Raises:
            OriginNotAllowed, NotLoggedIn: it does not get further.
        """
        path = scope["path"]
        token = read_token(headers)
        self._check_origin(scope, headers)
        try:
            return await self._services.access.identify(token), None
        except NotLoggedIn:
            if path in OPEN_PATHS:
                return None, None
            if path in DOORS and await self._services.access.check_open():
                return await self._services.access.open_login(read_address(scope))
            raise

    def _check_origin(self, scope: Scope, headers: Headers) -> None:
        """Refuse a change that a foreign page asks for with the tester's cookie."""
        origin = headers.get("origin")
        if scope["method"] not in UNSAFE or not origin or origin in self._own_origins:
            return
        if urlsplit(origin).netloc != headers.get("host", ""):
            log_security(
                logger,
                "A foreign origin was refused",
                "origin-refused",
                url__domain=origin[:200],
                source__ip=read_address(scope),
            )
            raise OriginNotAllowed(
                f"The origin {origin[:200]} may not call this service. Add it to ALLOWED_ORIGINS."
            )

    @property
    def app(self) -> ASGIApp:
        """What stands behind the gate."""
        return self._app

    @property
    def services(self) -> Services:
        """The parts of the service."""
        return self._services


class _Exchange:
    """One request on its way through the gate."""

    def __init__(self, guard: Guard, scope: Scope, receive: Receive, send: Send, headers: Headers) -> None:
        self._guard = guard
        self._scope = scope
        self._receive = receive
        self._send = send
        self._headers = headers
        self._started = time.monotonic()
        self._status = 0
        self._received = 0
        self._is_too_large = False
        self._is_answered = False
        self._new_token: str | None = None

    async def run(self) -> None:
        try:
            refusal = self._check_shape()
            if refusal is None:
                login, self._new_token = await self._guard.check(self._scope, self._headers)
                state = self._scope.setdefault("state", {})
                state["login"], state["new_token"] = login, self._new_token
        except GuichetError as error:
            refusal = self._refuse(error)
        try:
            await self._hand_over(refusal or self._guard.app)
        finally:
            self._observe()

    async def _hand_over(self, target: ASGIApp) -> None:
        try:
            await target(self._scope, self._receive_bounded, self._send_marked)
        except _BodyTooLarge:
            pass
        except Exception:
            logger.exception("A request failed")
            if self._is_answered:
                return
            if self._status:
                raise
            refusal = self._error(
                "internal_error", "Something went wrong on our side. Try again in a moment."
            )
            await refusal(self._scope, self._receive, self._send_marked)
        if self._is_too_large and not self._status:
            self._is_too_large = False
            await self._too_large()(self._scope, self._receive, self._send_marked)

    def _check_shape(self) -> Response | None:
        """Refuse by what the head alone shows."""
        path, method = self._scope["path"], self._scope["method"]
        if path.startswith(CLOSED_PREFIXES):
            return self._error("not_found", "There is nothing here.")
        length = self._headers.get("content-length", "")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            return self._too_large()
        has_body = length not in ("", "0") or "transfer-encoding" in self._headers
        kind = self._headers.get("content-type", "").partition(";")[0].strip().lower()
        if method in UNSAFE and path.startswith(JSON_PREFIXES) and has_body and kind != "application/json":
            return self._error("not_json", "Send JSON, with Content-Type: application/json.")
        return None

    def _refuse(self, error: GuichetError) -> Response:
        wants_page = "text/html" in self._headers.get("accept", "") and self._scope["method"] in (
            "GET",
            "HEAD",
        )
        if (
            isinstance(error, NotLoggedIn)
            and wants_page
            and not self._scope["path"].startswith(JSON_PREFIXES)
        ):
            return RedirectResponse("/login", status_code=303)
        header = self._headers.get("accept-language", "")
        return refuse_error(
            self._scope["path"], error, choose_language(self._guard.services.settings, header)
        )

    def _too_large(self) -> Response:
        return self._error("body_too_large", f"A request may have at most {MAX_BODY_BYTES // 1024} KiB.")

    def _error(self, code: str, message: str) -> Response:
        return refuse(self._scope["path"], code, message)

    async def _receive_bounded(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            if self._received > MAX_BODY_BYTES:
                self._is_too_large = True
                raise _BodyTooLarge
        return message

    async def _send_marked(self, message: Message) -> None:
        if self._is_too_large and not self._status:
            # FastAPI takes the end of its reading for a body that is no JSON, and says so; we know better.
            return
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._guard.headers.items():
                headers.setdefault(name, value)
            if not is_cacheable(self._scope["path"]):
                headers["cache-control"] = "no-store"
            if self._new_token:
                is_secure = is_https(self._scope, self._guard.services.tunnel)
                headers.append("set-cookie", make_cookie(self._new_token, is_secure))
        await self._send(message)
        self._is_answered = message["type"] == "http.response.body" and not message.get("more_body")

    def _observe(self) -> None:
        metrics = self._guard.services.metrics
        seconds = time.monotonic() - self._started
        route = getattr(self._scope.get("route"), "path", None) or "other"
        # A method may be any word: each would be a time series of its own.
        method = self._scope["method"] if self._scope["method"] in KNOWN_METHODS else "other"
        metrics.http_requests.labels(method, route, self._status).inc()
        metrics.http_seconds.labels(route).observe(seconds)
        log_event(
            logger,
            "Request",
            level=logging.DEBUG if route == "other" else logging.INFO,
            http__request__method=self._scope["method"],
            url__path=self._scope["path"][:200],
            http__response__status_code=self._status,
            event__duration=int(seconds * 1e9),
        )


class _BodyTooLarge(Exception):
    """The body passed the limit while it was read."""


def read_token(headers: Headers) -> str | None:
    """Give the token of a request: a bearer's, else the cookie's."""
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token:
        return token.strip()
    # The standard library's parser ends at the first cookie it does not like, and ours may come after it.
    return cookie_parser(headers.get("cookie", "")).get(COOKIE)


def is_cacheable(path: str) -> bool:
    """Tell whether a browser may keep what is at a path."""
    return path in CACHED_PATHS or path.startswith(CACHED_PREFIXES)


def is_https(scope: Scope, tunnel: Tunnel) -> bool:
    """Tell whether the caller speaks HTTPS: to us, to a proxy that is believed, or to the share tunnel."""
    return scope["scheme"] == "https" or bool(tunnel.host and read_host(Headers(scope=scope)) == tunnel.host)


def make_cookie(token: str, is_secure: bool) -> str:
    """Give the `Set-Cookie` value of a login; an empty token takes it away."""
    age = int(LOGIN_LIFE.total_seconds()) if token else 0
    secure = "; Secure" if is_secure else ""
    return f"{COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}"
