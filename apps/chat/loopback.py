"""Who sits at this machine: the one question that metrics and the widget's demo page ask."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.types import Scope

from apps.chat.tunnel import Tunnel

ADDRESSES = frozenset({"127.0.0.1", "::1"})
FORWARDING_PREFIXES = ("x-forwarded", "forwarded", "x-real-ip", "via", "x-client-ip", "true-client-ip", "cf-")


def is_loopback(scope: Scope, tunnel: Tunnel) -> bool:
    """Tell whether the caller is on this machine with nobody between.

    The peer alone proves nothing: behind a proxy or a share tunnel every peer is loopback.
    """
    is_forwarded = any(name.startswith(FORWARDING_PREFIXES) for name in Headers(scope=scope))
    return read_address(scope) in ADDRESSES and not is_forwarded and not tunnel.is_open


def read_address(scope: Scope) -> str:
    """Give the address that a request came from, as uvicorn believes it."""
    client = scope.get("client")
    return str(client[0]) if client else "unknown"
