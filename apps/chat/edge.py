"""What every response has, also one that never reaches the gate: trace id, a trusted host, security headers."""

from __future__ import annotations

import logging

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from apps.chat.loopback import read_address
from apps.chat.refusals import refuse
from apps.chat.tunnel import Tunnel
from chatbot.telemetry import bind_trace, choose_trace_id, log_security

logger = logging.getLogger(__name__)

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self'",
    "worker-src": "'self' blob:",
    "base-uri": "'self'",
    "form-action": "'self'",
    "object-src": "'none'",
}
# Nothing here asks for any of these; what is not named is the browser's own choice.
REFUSED_FEATURES = (
    "accelerometer",
    "browsing-topics",
    "camera",
    "display-capture",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "microphone",
    "midi",
    "payment",
    "serial",
    "usb",
    "xr-spatial-tracking",
)


def build_headers(origins: tuple[str, ...]) -> dict[str, str]:
    """Give the security headers of every response.

    Args:
        origins: of pages that may show ours in a frame, beside our own.
    """
    policy = POLICY | {"frame-ancestors": " ".join(["'self'", *origins])}
    headers = {
        "x-content-type-options": "nosniff",
        "referrer-policy": "same-origin",
        "permissions-policy": ", ".join(f"{feature}=()" for feature in REFUSED_FEATURES),
        "content-security-policy": "; ".join(f"{name} {sources}" for name, sources in policy.items()),
    }
    # It cannot name other origins, and browsers that know frame-ancestors pass it over.
    return headers if origins else headers | {"x-frame-options": "SAMEORIGIN"}


class Trace:
    """ASGI middleware, the outermost: every response has a trace id, also one that never reaches the gate."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        trace_id = choose_trace_id(Headers(scope=scope).get("x-trace-id"))

        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["x-trace-id"] = trace_id
            await send(message)

        with bind_trace(trace_id):
            await self._app(scope, receive, send_marked)


class Hosts:
    """ASGI middleware: answers to the names it was given, and to the tunnel's while one is open.

    Args:
        names: host names; `*.example.org` stands for every name below; empty = any.
    """

    def __init__(self, app: ASGIApp, names: tuple[str, ...], tunnel: Tunnel) -> None:
        self._app = app
        self._names = names
        self._tunnel = tunnel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket") or self._is_trusted(read_host(Headers(scope=scope))):
            await self._app(scope, receive, send)
            return
        host = read_host(Headers(scope=scope))
        log_security(
            logger,
            "A foreign host name was refused",
            "host-refused",
            url__domain=host[:200],
            source__ip=read_address(scope),
        )
        message = f"This service does not answer to the host {host[:200]!r}. Add it to TRUSTED_HOSTS."
        await refuse(scope["path"], "invalid_request", message)(scope, receive, send)

    def _is_trusted(self, host: str) -> bool:
        if not self._names or (self._tunnel.host and host == self._tunnel.host):
            return True
        return any(
            name in ("*", host) or (name.startswith("*.") and host.endswith(name[1:])) for name in self._names
        )


def read_host(headers: Headers) -> str:
    """Give the host name that was asked for, without its port, in lower case."""
    host = headers.get("host", "").lower()
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0]
