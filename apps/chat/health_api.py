"""What watches over the service: is it alive, is it ready, its metrics."""

from __future__ import annotations

import hmac

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from apps.chat.callers import Parts
from apps.chat.loopback import is_loopback
from apps.chat.services import Services
from chatbot.errors import NotLoggedIn
from chatbot.store.changes import read_counter

router = APIRouter(tags=["health"])


@router.head("/health/live", include_in_schema=False)
@router.get("/health/live")
async def is_alive() -> dict[str, str]:
    """Say that the process answers."""
    return {"status": "alive"}


@router.head("/health/ready", include_in_schema=False)
@router.get("/health/ready")
async def is_ready(services: Parts) -> dict[str, str]:
    """Say that the store answers too."""
    # A row of a table: SQLite answers a bare SELECT 1 without a look at its file.
    await services.store.read_async(read_counter)
    return {"status": "ready"}


@router.get("/metrics", response_class=PlainTextResponse)
async def give_metrics(request: Request, services: Parts) -> Response:
    """Give the metrics to loopback, or to the bearer of `SERVICE_TOKEN`."""
    if not may_read_metrics(request, services):
        raise NotLoggedIn("Metrics are given to loopback, or with the service token.")
    return PlainTextResponse(generate_latest(services.metrics.registry), media_type=CONTENT_TYPE_LATEST)


def may_read_metrics(request: Request, services: Services) -> bool:
    """Tell whether the caller holds the service token, or is on loopback with nobody between."""
    expected = services.settings.service_token
    if expected is not None:
        given = request.headers.get("authorization", "").encode()
        return hmac.compare_digest(given, f"Bearer {expected.get_secret_value()}".encode())
    return is_loopback(request.scope, services.tunnel)
